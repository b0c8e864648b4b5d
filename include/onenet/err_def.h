/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file err_def.h
 * @brief Local errors of OneNET's C API. The functions say what each means where they return it.
 */
#ifndef OTAKIT_ONENET_ERR_DEF_H
#define OTAKIT_ONENET_ERR_DEF_H

#define ERR_OK 0
#define ERR_NO_MEM -1          /* out of memory; also an answer that cannot be read */
#define ERR_INVALID_PARAM -2   /* an argument cannot be used */
#define ERR_INVALID_DATA -3    /* an answer is not what was asked for, or the image is not valid */
#define ERR_RESOURCE_BUSY -4   /* no thread left, or too many calls still hang in the firmware's network */
#define ERR_UNINITIALIZED -5   /* before ota_init, or after ota_deinit */
#define ERR_INITIALIZING -6    /* never returned */
#define ERR_REPETITIVE -7      /* ota_init a second time */
#define ERR_IO -8              /* the image could not be stored */
#define ERR_NOT_SUPPORT -9     /* not with this variant or in this build, or against the policy */
#define ERR_SYSTEM_CONTROL -10 /* never returned */
#define ERR_NETWORK -11        /* no connection, or one that broke */
#define ERR_CLOUD -12          /* the answer breaks HTTP, or is a refusal whose number is none of 1..99 */
#define ERR_TIMEOUT -13        /* not in time */
#define ERR_REQUEST_FAILED -14 /* the task's condition on signal or battery is not met */
#define ERR_OVERFLOW -15       /* a value does not fit its place */
#define ERR_OTHERS -16         /* cancelled by the application, or a defect of the library */

/* Of the SDK's modem layer; never returned. */
#define ERR_MOD_TIMEOUT -100
#define ERR_MOD_NOT_SUPPORT -101
#define ERR_MOD_INVALID_PARAM -102
#define ERR_MOD_OFFLINE -105
#define ERR_MOD_BUSY -106

#endif /* OTAKIT_ONENET_ERR_DEF_H */
