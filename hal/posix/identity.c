/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The identity that HAL_Set* stores and HAL_Get* returns. Empty until the firmware sets it. */
#include "hal_posix.h"

#include <string.h>

struct otakit_hal_identity_field {
    size_t max;
    char value[OTAKIT_HAL_SECRET_LEN + 1];
};

struct otakit_hal_identity_field otakit_hal_identity_product_key = {OTAKIT_HAL_PRODUCT_KEY_LEN, ""};
struct otakit_hal_identity_field otakit_hal_identity_product_secret = {OTAKIT_HAL_SECRET_LEN, ""};
struct otakit_hal_identity_field otakit_hal_identity_device_name = {OTAKIT_HAL_DEVICE_NAME_LEN, ""};
struct otakit_hal_identity_field otakit_hal_identity_device_secret = {OTAKIT_HAL_SECRET_LEN, ""};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int otakit_hal_identity_get(const struct otakit_hal_identity_field *field, char *out)
{
    size_t len;

    if (out == NULL) {
        return -1;
    }
    pthread_mutex_lock(&lock);
    len = strlen(field->value);
    memcpy(out, field->value, len + 1);
    pthread_mutex_unlock(&lock);
    return (int)len;
}

int otakit_hal_identity_set(struct otakit_hal_identity_field *field, const char *value)
{
    size_t len;

    if (value == NULL) {
        return -1;
    }
    len = strlen(value);
    if (len > field->max) {
        return -1;
    }
    pthread_mutex_lock(&lock);
    memmove(field->value, value, len + 1);
    pthread_mutex_unlock(&lock);
    return (int)len;
}
