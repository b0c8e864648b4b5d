/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A lamp as for Link Kit 2.2 and 2.3: it gives its description, serves by linkkit_dispatch and linkkit_yield, sets, reads and
 * posts values by their identifiers, answers a service, downloads firmware on offer.
 *
 *   described PK DN DS
 *
 * Prints what it hears. Ends with 0 after a firmware that was right; with 3 when a check of its own failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iot_import.h"
#include "iot_export.h"
#include "linkkit_export.h"

#include "../text.h"

#define EXPECT(condition)                                           \
    do {                                                            \
        if (!(condition)) {                                         \
            printf("line %d: not " #condition "\n", __LINE__);      \
            fflush(stdout);                                         \
            exit(3);                                                \
        }                                                           \
    } while (0)

static const char DESCRIPTION[] =
    "{\"schema\":\"https://example.org/schema.json\",\"profile\":{\"productKey\":\"a1TestProdK\"},\"properties\":["
    "{\"identifier\":\"Switch\",\"name\":\"s\",\"accessMode\":\"rw\",\"required\":true,"
    "\"dataType\":{\"type\":\"bool\",\"specs\":{\"0\":\"off\",\"1\":\"on\"}}},"
    "{\"identifier\":\"Level\",\"dataType\":{\"type\":\"int\",\"specs\":{\"min\":\"0\",\"max\":\"100\",\"step\":\"1\"}}},"
    "{\"identifier\":\"Warmth\",\"dataType\":{\"type\":\"float\",\"specs\":{\"min\":\"0\",\"max\":\"9\"}}},"
    "{\"identifier\":\"Power\",\"dataType\":{\"type\":\"double\",\"specs\":{}}},"
    "{\"identifier\":\"Name\",\"dataType\":{\"type\":\"text\",\"specs\":{\"length\":\"8\"}}},"
    "{\"identifier\":\"Since\",\"dataType\":{\"type\":\"date\",\"specs\":{}}},"
    "{\"identifier\":\"Color\",\"dataType\":{\"type\":\"struct\",\"specs\":["
    "{\"identifier\":\"Red\",\"dataType\":{\"type\":\"int\",\"specs\":{}}},"
    "{\"identifier\":\"Blue\",\"dataType\":{\"type\":\"int\",\"specs\":{}}}]}},"
    "{\"identifier\":\"Steps\",\"dataType\":{\"type\":\"array\",\"specs\":{\"size\":\"4\",\"item\":{\"type\":\"int\"}}}}],"
    "\"events\":[{\"identifier\":\"post\",\"method\":\"thing.event.property.post\",\"outputData\":[]},"
    "{\"identifier\":\"Error\",\"type\":\"info\",\"method\":\"thing.event.Error.post\",\"outputData\":["
    "{\"identifier\":\"ErrorCode\",\"dataType\":{\"type\":\"enum\",\"specs\":{\"0\":\"none\"}}}]}],"
    "\"services\":[{\"identifier\":\"get\",\"method\":\"thing.service.property.get\",\"inputData\":[\"Switch\"],"
    "\"outputData\":[]},"
    "{\"identifier\":\"Custom\",\"method\":\"thing.service.Custom\",\"callType\":\"async\",\"inputData\":["
    "{\"identifier\":\"transparency\",\"dataType\":{\"type\":\"int\",\"specs\":{}}}],\"outputData\":["
    "{\"identifier\":\"Contrastratio\",\"dataType\":{\"type\":\"int\",\"specs\":{}}}]}]}";

typedef struct {
    const void *thing;
    int connected, offered;
} lamp_t;

static int is_lamp(void *ctx)
{
    return ctx != NULL && ((lamp_t *)ctx)->thing != NULL;
}

static void on_answer(const void *thing_id, int id, int code, const char *message, void *ctx)
{
    EXPECT(is_lamp(ctx) && thing_id == ((lamp_t *)ctx)->thing);
    printf("answer %d %d %s\n", id, code, message == NULL ? "-" : message);
}

static int on_connect(void *ctx)
{
    ((lamp_t *)ctx)->connected = 1;
    printf("connected\n");
    return 0;
}

static int on_disconnect(void *ctx)
{
    ((lamp_t *)ctx)->connected = 0;
    printf("disconnected\n");
    return 0;
}

static int on_raw(const void *thing_id, const void *data, int len, void *ctx)
{
    EXPECT(is_lamp(ctx));
    EXPECT(linkkit_invoke_raw_service(thing_id, 0, (void *)data, len) == 0);
    return 0;
}

static int on_create(const void *thing_id, void *ctx)
{
    ((lamp_t *)ctx)->thing = thing_id;
    printf("created\n");
    return 0;
}

static int on_enable(const void *thing_id, void *ctx)
{
    (void)thing_id;
    (void)ctx;
    printf("enabled\n");
    return 0;
}

static int on_disable(const void *thing_id, void *ctx)
{
    (void)thing_id;
    (void)ctx;
    printf("disabled\n");
    return 0;
}

static int on_service(const void *thing_id, const char *service, int request_id, void *ctx)
{
    char identifier[128];
    int transparency = -1, contrast;

    (void)ctx;
    printf("service %s %d\n", service, request_id);
    snprintf(identifier, sizeof(identifier), "%s.%s", service, "transparency");
    EXPECT(linkkit_get_value(linkkit_method_get_service_input_value, thing_id, identifier, &transparency, NULL) == 0);
    snprintf(identifier, sizeof(identifier), "%s.%s", service, "Contrastratio");
    contrast = transparency + 1;
    EXPECT(linkkit_set_value(linkkit_method_set_service_output_value, thing_id, identifier, &contrast, NULL) == 0);
    EXPECT(linkkit_answer_service(thing_id, service, request_id, 200) == 0);
    /* Once. */
    EXPECT(linkkit_answer_service(thing_id, service, request_id, 200) == -1);
    return 0;
}

static int on_changed(const void *thing_id, const char *property, void *ctx)
{
    char identifier[64], *text = NULL;
    int red = -1;

    (void)ctx;
    if (strstr(property, "Color") != 0) {
        snprintf(identifier, sizeof(identifier), "%s.%s", property, "Red");
        EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing_id, identifier, &red, &text) == 0);
        EXPECT(text != NULL && atoi(text) == red);
        HAL_Free(text);
        text = NULL;
    }
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing_id, property, NULL, &text) == 0);
    printf("changed %s %s\n", property, text);
    fflush(stdout);
    HAL_Free(text);
    EXPECT(linkkit_post_property(thing_id, property, on_answer) == 0);
    return 0;
}

static int on_data(const void *thing_id, const void *data, int len, void *ctx)
{
    (void)thing_id;
    (void)data;
    (void)len;
    (void)ctx;
    return 0;
}

static lamp_t lamp;

static void on_firmware(service_fota_callback_type_t type, const char *version)
{
    EXPECT(type == service_fota_callback_type_new_version_detected);
    printf("firmware %s\n", version);
    lamp.offered = 1;
}

static void on_configuration(service_cota_callback_type_t type, const char *id, uint32_t size, const char *get_type,
                             const char *sign, const char *method, const char *url)
{
    EXPECT(type == service_cota_callback_type_new_version_detected && get_type != NULL && url != NULL && sign != NULL);
    printf("configuration %s %u %s\n", id, (unsigned)size, method);
}

static void on_time(const char *ms)
{
    printf("time %s\n", ms);
}

/* What the calls do with values that fit and do not. */
static void values(const void *thing)
{
    int on = 1, level = 40, code = 7, again = 0, two = 2;
    float warmth = 0.1f, warm = 0;
    double power = 1234.56789, watts = 0;
    char *name = NULL, *text = NULL;

    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Switch", &on, NULL) == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Level", &level, "99") == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Warmth", &warmth, NULL) == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Power", &power, NULL) == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Name", "a \"b\"", NULL) == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Since", NULL, "1534314100000") == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Color.Red", &level, NULL) == 0);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Steps[1]", &level, NULL) == 0);

    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Level", &again, NULL) == 0 && again == 40);
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Warmth", &warm, NULL) == 0 && warm == warmth);
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Power", &watts, NULL) == 0 && watts == power);
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Name", &name, &text) == 0);
    EXPECT(strcmp(name, "a \"b\"") == 0 && strcmp(text, name) == 0);
    HAL_Free(name);
    HAL_Free(text);

    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Name", "too long a name", NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Switch", &two, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Color", &on, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Steps[4]", &on, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Other", &on, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, thing, "Level", NULL, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_property_value, &two, "Level", &on, NULL) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_number, thing, "Level", &on, NULL) == -1);
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Level", NULL, NULL) == -1);
    EXPECT(linkkit_get_value(linkkit_method_get_property_value, thing, "Other", &again, NULL) == -1);

    EXPECT(linkkit_post_property(thing, NULL, on_answer) == 0);
    EXPECT(linkkit_post_property(thing, "Color.Red", NULL) == 0);
    EXPECT(linkkit_post_property(thing, "Other", on_answer) == -1);
    EXPECT(linkkit_set_value(linkkit_method_set_event_output_value, thing, "Error.ErrorCode", &code, NULL) == 0);
    EXPECT(linkkit_trigger_event(thing, "Error", on_answer) == 0);
    EXPECT(linkkit_trigger_event(thing, "Other", on_answer) == -1);
    EXPECT(linkkit_trigger_extended_info_operate(thing, "[{\"attrKey\":\"k\",\"attrValue\":\"v\"}]",
                                                 linkkit_extended_info_operate_update) == 0);
    EXPECT(linkkit_invoke_raw_service(thing, 1, "\1\2", 2) == 0);
    EXPECT(linkkit_ntp_time_request(on_time) == 0);
}

int main(int argc, char **argv)
{
    static linkkit_ops_t ops = {.on_connect = on_connect,
                                .on_disconnect = on_disconnect,
                                .raw_data_arrived = on_raw,
                                .thing_create = on_create,
                                .thing_enable = on_enable,
                                .thing_disable = on_disable,
                                .thing_call_service = on_service,
                                .thing_prop_changed = on_changed,
                                .linkit_data_arrived = on_data};
    static char buffer[4096];
    int replies = 1, told = 0;
    uint64_t began;

    if (argc != 4) {
        return 2;
    }
    HAL_SetProductKey(argv[1]);
    HAL_SetDeviceName(argv[2]);
    HAL_SetDeviceSecret(argv[3]);

    EXPECT(linkkit_is_end() == 1 && linkkit_end() == -1 && linkkit_yield(1) == -1 && linkkit_dispatch() == NULL);
    EXPECT(linkkit_set_tsl(DESCRIPTION, (int)strlen(DESCRIPTION)) == NULL);
    EXPECT(linkkit_set_opt(linkkit_opt_property_post_reply, &replies) == 0);
    EXPECT(linkkit_set_opt(linkkit_opt_event_post_reply, &replies) == 0);
    /* Descriptions are not fetched, and a line says so. */
    EXPECT(linkkit_start(8, 1, linkkit_loglevel_debug, &ops, linkkit_cloud_domain_shanghai, &lamp) == -1);
    EXPECT(linkkit_start(8, 0, linkkit_loglevel_debug, NULL, linkkit_cloud_domain_shanghai, &lamp) == -1);
    EXPECT(linkkit_start(8, 0, linkkit_loglevel_debug, &ops, linkkit_cloud_domain_shanghai, &lamp) == 0);
    EXPECT(linkkit_start(8, 0, linkkit_loglevel_debug, &ops, linkkit_cloud_domain_shanghai, &lamp) == -1);
    EXPECT(linkkit_is_end() == 0 && linkkit_is_try_leave() == 0);
    EXPECT(linkkit_set_tsl("{", 1) == NULL);
    EXPECT(linkkit_set_tsl(DESCRIPTION, (int)strlen(DESCRIPTION)) != NULL);
    EXPECT(linkkit_fota_init(on_firmware) == 0 && linkkit_cota_init(on_configuration) == 0);
    EXPECT(linkkit_invoke_cota_get_config("product", "other", NULL, NULL) == -1);
    EXPECT(linkkit_invoke_cota_get_config("product", "file", NULL, NULL) == 0);

    began = HAL_UptimeMs();
    while (!lamp.offered && HAL_UptimeMs() - began < 60000) {
        linkkit_dispatch();
        linkkit_yield(20);
        if (lamp.connected && lamp.thing != NULL && !told) {
            told = 1;
            values(lamp.thing);
            printf("ready\n");
        }
        fflush(stdout);
    }
    EXPECT(lamp.offered);
    EXPECT(linkkit_invoke_fota_service(NULL, 100) == -1);
    if (linkkit_invoke_fota_service(buffer, sizeof(buffer)) != 0) {
        linkkit_end();
        return 1;
    }
    linkkit_try_leave();
    EXPECT(linkkit_is_try_leave() == 1);
    EXPECT(linkkit_end() == 0 && linkkit_is_end() == 1);
    EXPECT(linkkit_post_property(lamp.thing, NULL, NULL) == -1);
    return 0;
}
