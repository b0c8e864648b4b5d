/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_token.h
 * @brief The token that signs a device's requests.
 */
#ifndef OTAKIT_ONENET_DEV_TOKEN_H
#define OTAKIT_ONENET_DEV_TOKEN_H

#include "data_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a token is signed. */
enum sig_method_e {
    SIG_METHOD_MD5,
    SIG_METHOD_SHA1,
    SIG_METHOD_SHA256
};

/**
 * @brief Makes a token of a product, or of one of its devices. Touches no network.
 *
 * @param token gets the token and the NUL that ends it: room for 256 bytes
 * @param exp_time when the token ends, in seconds since 1970
 * @param dev_name the device, or NULL for the product
 * @param access_key the key of the product (or device), base64
 * @return 0; -2 for an argument that cannot be used, the key included; -15 for a token that does not fit 256 bytes, and
 *         then nothing is written
 */
int32_t dev_token_generate(uint8_t *token, enum sig_method_e method, uint32_t exp_time, const uint8_t *product_id,
                           const uint8_t *dev_name, const uint8_t *access_key);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_ONENET_DEV_TOKEN_H */
