/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What needs no network: calls before ota_init and after ota_deinit, arguments that cannot be used, options.
 */
#include <stdlib.h>
#include <string.h>

#include "../linkkit/check.h"
#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"
#include "otakit.h"

static int calls;

static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    (void)state;
    (void)data;
    (void)data_len;
    calls++;
    return 0;
}

static const uint8_t *text(const char *text)
{
    return (const uint8_t *)text;
}

static const char KEY[] = "KuF3NT/jUBJ62LNBB/A8XZA9CqS3Cu79B/ABmfA1UCw=";

#ifdef CONFIG_TM
#define TASK 1
#define NO_TASK_NAME 0
static int32_t good_init(void)
{
    return ota_init(on_event, text("p"), text("d"), text(KEY), text("1.0"), 1);
}

static void bad_inits(void)
{
    CHECK_EQ(ota_init(NULL, text("p"), text("d"), text(KEY), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, NULL, text("d"), text(KEY), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), NULL, text(KEY), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), text("d"), NULL, text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), text("d"), text(KEY), NULL, 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), text("d"), text("no key"), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p/q"), text("d"), text(KEY), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), text("d\r\nX: y"), text(KEY), text("1.0"), 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("p"), text("d"), text(KEY), text(""), 1), ERR_INVALID_PARAM);
}
#else
#define TASK ((uint8_t *)(uintptr_t)text("ota_1"))
#define NO_TASK_NAME NULL
static int32_t good_init(void)
{
    return ota_init(on_event, text("token"), text("1"), text("1.0"), text("000"), text("00001"), 1, true);
}

static void bad_inits(void)
{
    char *long_text = malloc(600);

    if (long_text == NULL) {
        return;
    }
    memset(long_text, 'x', 599);
    long_text[599] = '\0';
    CHECK_EQ(ota_init(NULL, text("t"), text("1"), text("1"), text("0"), text("0"), 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, NULL, text("1"), text("1"), text("0"), text("0"), 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("t"), NULL, text("1"), text("0"), text("0"), 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("t"), text("1"), NULL, text("0"), text("0"), 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("t"), text("1"), text("1"), NULL, text("0"), 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("t"), text("1"), text("1"), text("0"), NULL, 1, true), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text("t\r\nX:y"), text("1"), text("1"), text("0"), text("0"), 1, 1), ERR_INVALID_PARAM);
    CHECK_EQ(ota_init(on_event, text(long_text), text("1"), text("1"), text("0"), text("0"), 1, 1), ERR_INVALID_PARAM);
    free(long_text);
}
#endif

static void without_a_device(void)
{
    struct ota_task_info_t info;
    struct onenet_run_t options;
    struct onenet_result_t result;

    memset(&info, 0x5A, sizeof(info));
    memset(&options, 0, sizeof(options));
    CHECK_EQ(ota_post_version(100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_check_task(&info, 100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_check_task(NULL, 100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_check_token(TASK, 100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_check_token(NO_TASK_NAME, 100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_download_package(TASK, 0, 10, 100), ERR_UNINITIALIZED);
    CHECK_EQ(ota_report_status(TASK, 101, 100), ERR_UNINITIALIZED);
    CHECK_EQ(onenet_ota_run(&options, &result), ERR_UNINITIALIZED);
    CHECK_EQ(onenet_ota_run(NULL, NULL), ERR_UNINITIALIZED);
    CHECK_EQ(onenet_last_errno(), 0);
    CHECK_EQ(onenet_inform_start(), ERR_UNINITIALIZED);
    CHECK_EQ(onenet_inform_wait(0), ERR_UNINITIALIZED);
    CHECK_EQ(onenet_inform_stop(), ERR_UNINITIALIZED);
    CHECK_EQ(info.size, 0x5A5A5A5A);
    ota_deinit();
}

static void with_a_device(void)
{
    struct onenet_run_t options;

    memset(&options, 0, sizeof(options));
    CHECK_EQ(ota_check_task(NULL, 100), ERR_INVALID_PARAM);
    CHECK_EQ(ota_download_package(TASK, 0, 0, 100), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_ota_run(NULL, NULL), ERR_INVALID_PARAM);
    options.slice = 1024 * 1024 + 1;
    CHECK_EQ(onenet_ota_run(&options, NULL), ERR_INVALID_PARAM);
    options.slice = 0;
    options.report_every = 101;
    CHECK_EQ(onenet_ota_run(&options, NULL), ERR_INVALID_PARAM);
    options.report_every = 0;
    options.path = "";
    CHECK_EQ(onenet_ota_run(&options, NULL), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_inform_stop(), ERR_UNINITIALIZED);
#ifndef CONFIG_TM
    CHECK_EQ(ota_check_token(NULL, 100), ERR_INVALID_PARAM);
    CHECK_EQ(ota_check_token((uint8_t *)(uintptr_t)text("a/b"), 100), ERR_INVALID_PARAM);
    CHECK_EQ(ota_download_package(NULL, 0, 10, 100), ERR_INVALID_PARAM);
    CHECK_EQ(ota_report_status(NULL, 101, 100), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_inform_start(), ERR_NOT_SUPPORT);
#endif
    /* No time is no call. */
    CHECK_EQ(ota_post_version(0), ERR_TIMEOUT);
}

static void options(void)
{
    CHECK_EQ(onenet_set_number(ONENET_TLS, 2), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_number(ONENET_PORT, 65536), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_number(ONENET_RANGE_FORM, 3), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_number(ONENET_TOKEN_METHOD, 3), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_number(ONENET_HOST, 0), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_number(-1, 0), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_HOST, "a/b"), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_HOST, ""), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_HOST, "\xff"), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_CA, "not PEM"), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_TOKEN_RESOURCE, "a\nb"), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_TLS, "x"), ERR_INVALID_PARAM);
    CHECK_EQ(onenet_set_text(ONENET_HOST, NULL), ERR_OK);
    CHECK_EQ(onenet_set_number(ONENET_RANGE_FORM, 0), ERR_OK);
#ifndef CONFIG_TM
    CHECK_EQ(onenet_set_number(ONENET_PLATFORM, 1), ERR_OK);
    CHECK_EQ(good_init(), ERR_NOT_SUPPORT);
    CHECK_EQ(onenet_set_number(ONENET_PLATFORM, 0), ERR_OK);
#endif
}

static void tokens(void)
{
    static const char product[] = "version=2018-10-31&res=products%2F123123&et=1537255523&method=sha1"
                                  "&sign=lsaPSiiGvEFFjXu5WU7a6IkScqE%3D";
    static const char device[] = "version=2018-10-31&res=products%2F123123%2Fdevices%2F78329710&et=2524579200"
                                 "&method=sha1&sign=0dPRUCQcHIJH0VR8oOkuo69DX4Y%3D";
    uint8_t token[256];
    char name[200];

    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1537255523, text("123123"), NULL, text(KEY)), 0);
    CHECK_EQ(strcmp((const char *)token, product), 0);
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 2524579200, text("123123"), text("78329710"), text(KEY)), 0);
    CHECK_EQ(strcmp((const char *)token, device), 0);
    CHECK_EQ(dev_token_generate(NULL, SIG_METHOD_SHA1, 1, text("p"), NULL, text(KEY)), ERR_INVALID_PARAM);
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1, NULL, NULL, text(KEY)), ERR_INVALID_PARAM);
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1, text("p"), NULL, NULL), ERR_INVALID_PARAM);
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1, text("p"), text("a/b"), text(KEY)), ERR_INVALID_PARAM);
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1, text("p"), NULL, text("no key")), ERR_INVALID_PARAM);
    CHECK_EQ(dev_token_generate(token, (enum sig_method_e)3, 1, text("p"), NULL, text(KEY)), ERR_INVALID_PARAM);
    /* The SDK's own buffers would be overrun. */
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    memset(token, 0x5A, sizeof(token));
    CHECK_EQ(dev_token_generate(token, SIG_METHOD_SHA1, 1, text("p"), text(name), text(KEY)), ERR_OVERFLOW);
    CHECK_EQ(token[0], 0x5A);
}

int main(void)
{
    otakit_set_log_level(0);
    tokens();
    without_a_device();
    bad_inits();
    without_a_device();
    options();
    CHECK_EQ(good_init(), ERR_OK);
    CHECK_EQ(good_init(), ERR_REPETITIVE);
    with_a_device();
    ota_deinit();
    without_a_device();
    CHECK_EQ(good_init(), ERR_OK);
    ota_deinit();
    ota_deinit();
    CHECK_EQ(calls, 0);
    return checks_done("onenet_arguments");
}
