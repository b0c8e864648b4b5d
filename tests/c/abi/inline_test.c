/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs what the headers implement themselves: lists, log macros, allocation macros, strings. The HAL functions that
 * they call are defined here. all_headers.cpp is the other half of the program.
 */
#define LINKKIT_LOG_LIMIT LOG_INFO_LEVEL
#include "all_headers.h"

#include <stdio.h>
#include <stdlib.h>

int sum_in_cpp(void);

static int failures;
static int live_blocks;
static int fail_next_malloc;
static char printed[1024];

static void check(int ok, const char *what)
{
    if (!ok) {
        failures++;
        printf("failed: %s\n", what);
    }
}
#define CHECK(condition) check((condition) ? 1 : 0, #condition)

void *HAL_Malloc(uint32_t size)
{
    char *block = fail_next_malloc ? NULL : (char *)malloc(size);

    if (block != NULL) {
        memset(block, 0xA5, size);
        live_blocks++;
    }
    return block;
}

void HAL_Free(void *ptr)
{
    live_blocks--;
    free(ptr);
}

int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap)
{
    return vsnprintf(str, (size_t)len, fmt, ap);
}

void HAL_Printf(const char *fmt, ...)
{
    va_list ap;
    size_t used = strlen(printed);

    va_start(ap, fmt);
    vsnprintf(printed + used, sizeof(printed) - used, fmt, ap);
    va_end(ap);
}

struct item {
    int value;
    struct list_head link;
};

/* The values from first to last as decimal digits. */
static int digits(list_head_t *head)
{
    struct item *it;
    int number = 0;

    list_for_each_entry(it, head, link, struct item) {
        number = number * 10 + it->value;
    }
    return number;
}

static void test_lists(void)
{
    static LIST_HEAD(fixed);
    list_head_t initial = LIST_INIT(initial);
    struct list_head other = LIST_HEAD_INIT(other);
    list_head_t head, *pos, *next;
    struct item items[4], *it, *after;
    int i, number = 0;

    INIT_LIST_HEAD(&head);
    CHECK(list_empty(&fixed) && list_empty(&head) && list_entry_number(&head) == 0);
    CHECK(list_empty(&initial) && list_empty(&other));
    list_add(&initial, &other);
    list_init(&other);
    CHECK(list_empty(&other));
    for (i = 0; i < 4; i++) {
        items[i].value = i + 1;
    }
    list_add_tail(&items[1].link, &head);
    list_add_tail(&items[2].link, &head);
    list_add(&items[0].link, &head);
    list_add_tail(&items[3].link, &head);
    CHECK(digits(&head) == 1234);
    CHECK(list_entry_number(&head) == 4 && !list_empty(&head));
    CHECK(list_first_entry(&head, struct item, link) == &items[0]);
    CHECK(list_next_entry(&items[0], link, struct item) == &items[1]);
    CHECK(container_of(&items[2].link, struct item, link) == &items[2]);
    CHECK(offset_of(struct item, link) == offsetof(struct item, link));
    CHECK(list_is_last(&items[3].link, &head) && !list_is_last(&items[2].link, &head));

    list_for_each_entry_reverse(it, &head, link, struct item) {
        number = number * 10 + it->value;
    }
    CHECK(number == 4321);

    list_for_each_entry_safe(it, after, &head, link, struct item) {
        if (it->value % 2 == 0) {
            list_del_init(&it->link);
            CHECK(list_empty(&it->link));
        }
    }
    CHECK(digits(&head) == 13);

    list_for_each_safe(pos, next, &head) {
        list_del(pos);
    }
    CHECK(list_empty(&head));

    list_add_tail(&items[0].link, &head);
    list_add_tail(&items[1].link, &head);
    number = 0;
    dlist_for_each_entry_safe(&head, next, it, struct item, link) {
        number = number * 10 + it->value;
        dlist_del(&it->link);
    }
    CHECK(number == 12 && dlist_empty(&head));
    number = 0;
    list_for_each(pos, &head) {
        number++;
    }
    CHECK(number == 0);
}

static void test_log(void)
{
    char longer[LOG_MSG_MAXLEN + 50];

    printed[0] = '\0';
    log_info("mod", "%d %s", 7, "seven");
    log_err("mod", "plain");
    log_debug("mod", "above the limit %d", 1);
    CHECK(strcmp(printed, "[inf] mod: 7 seven\r\n[err] mod: plain\r\n") == 0);

    printed[0] = '\0';
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    log_crit("m", "%s", longer);
    CHECK(strlen(printed) == strlen("[crt] m: \r\n") + LOG_MSG_MAXLEN);
}

static void test_memory(void)
{
    static const char zeros[12] = {0};
    char *block = (char *)LITE_malloc(5, MEM_MAGIC, "test");
    char *array = (char *)LITE_calloc(3, 4, MEM_MAGIC, "test");
    char *other = (char *)LITE_malloc(5);
    void *none;

    CHECK(block != NULL && memcmp(block, zeros, 5) == 0);
    CHECK(array != NULL && memcmp(array, zeros, 12) == 0);
    CHECK(live_blocks == 3);
    LITE_free(block);
    LITE_free(array);
    LITE_free(other);
    CHECK(block == NULL && live_blocks == 0);
    LITE_free(block);
    CHECK(live_blocks == 0);

    none = LITE_calloc((size_t)UINT32_MAX, 2);
    CHECK(none == NULL);
    none = LITE_malloc(0);
    CHECK(none == NULL);
    fail_next_malloc = 1;
    none = LITE_malloc(5);
    CHECK(none == NULL);
    fail_next_malloc = 0;
}

int main(void)
{
    test_lists();
    test_log();
    test_memory();
    CHECK(sum_in_cpp() == 111);
    CHECK(live_blocks == 0);
    CHECK(strcmp(IOTX_SDK_VERSION, "3.0.1") == 0);
    CHECK(strcmp(IOTX_SDK_REVISION, "20200423.http2-fix-storeid-missing-issue") == 0);
    CHECK(strcmp(IOTX_ALINK_VERSION, "20") == 0);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
