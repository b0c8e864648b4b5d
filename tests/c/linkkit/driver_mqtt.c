/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Driver commands for the identity, the signing and the MQTT client.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <stdlib.h>
#include <string.h>

#include "dev_sign_api.h"
#include "../text.h"

extern int HAL_SetProductKey(char *product_key);
extern int HAL_SetDeviceName(char *device_name);
extern int HAL_SetDeviceSecret(char *device_secret);

/* What the callbacks saw since it was last asked for. */
#define MAX_SEEN 1024
static struct {
    int event;
    unsigned id;
} events[MAX_SEEN];
static int event_count;

typedef struct {
    char *topic;
    char *payload;
    size_t topic_length;
    size_t payload_length;
} message_t;
static message_t messages[MAX_SEEN];
static int message_count;

/* Strings given to Construct are referenced by the client, so they live until the driver ends. */
#define MAX_KEPT 64
static char *kept[MAX_KEPT];
static int kept_count;

static char *keep(char *text)
{
    if (kept_count == MAX_KEPT) {
        fprintf(stderr, "driver: too many strings\n");
        exit(70);
    }
    kept[kept_count++] = text;
    return text;
}

static char *copy(const void *bytes, size_t length)
{
    char *to = malloc(length + 1);

    if (to == NULL) {
        exit(70);
    }
    memcpy(to, bytes, length);
    to[length] = '\0';
    return to;
}

static void on_event(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    if (event_count < MAX_SEEN) {
        int packet = message->event_type >= IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS &&
                     message->event_type <= IOTX_MQTT_EVENT_PUBLISH_NACK;

        events[event_count].event = (int)message->event_type;
        events[event_count].id = packet ? (unsigned)(uintptr_t)message->msg : 0;
        event_count++;
    }
}

static void on_message(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    iotx_mqtt_topic_info_pt info = message->msg;

    (void)context;
    (void)client;
    if (message->event_type == IOTX_MQTT_EVENT_PUBLISH_RECEIVED && message_count < MAX_SEEN) {
        messages[message_count].topic = copy(info->ptopic, info->topic_len);
        messages[message_count].topic_length = info->topic_len;
        messages[message_count].payload = copy(info->payload, info->payload_len);
        messages[message_count].payload_length = info->payload_len;
        message_count++;
    }
}

static void forget_messages(void)
{
    int i;

    for (i = 0; i < message_count; i++) {
        free(messages[i].topic);
        free(messages[i].payload);
    }
    message_count = 0;
}

/* identity PK DN DS */
static void identity(const command_t *c)
{
    double started = now_ms();
    int pk = HAL_SetProductKey(c->word[1]);
    int dn = HAL_SetDeviceName(c->word[2]);
    int ds = HAL_SetDeviceSecret(c->word[3]);

    answer("identity pk=%d dn=%d ds=%d", pk, dn, ds);
    finish(started);
}

/* setupconninfo PK DN DS */
static void setup(const command_t *c)
{
    double started = now_ms();
    iotx_conn_info_pt info = NULL;
    int ret = IOT_SetupConnInfo(c->word[1], c->word[2], c->word[3], (void **)&info);

    answer("setupconninfo ret=%d info=%d", ret, info != NULL);
    if (ret == 0 && info != NULL) {
        answer(" port=%u", info->port);
        answer_text("host", info->host_name);
        answer_text("client", info->client_id);
        answer_text("user", info->username);
        answer_text("pass", info->password);
    }
    finish(started);
}

/* sign REGION PK DN DS: REGION -1 passes a NULL identity */
static void sign(const command_t *c)
{
    double started = now_ms();
    iotx_dev_meta_info_t meta;
    iotx_sign_mqtt_t out;
    long region = number(c->word[1]);
    int ret;

    memset(&meta, 0, sizeof(meta));
    memset(&out, 0, sizeof(out));
    text_fill(meta.product_key, c->word[2], sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, c->word[3], sizeof(meta.device_name) - 1);
    text_fill(meta.device_secret, c->word[4], sizeof(meta.device_secret) - 1);
    ret = region < 0 ? IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, NULL, &out)
                     : IOT_Sign_MQTT((iotx_mqtt_region_types_t)region, &meta, &out);
    answer("sign ret=%d port=%u", ret, out.port);
    answer_text("host", out.hostname);
    answer_text("client", out.clientid);
    answer_text("user", out.username);
    answer_text("pass", out.password);
    finish(started);
}

/* iot-ioctl OPTION int|str VALUE */
static void iot_ioctl(const command_t *c)
{
    double started = now_ms();
    int value = (int)number(c->word[3]);
    void *data = strcmp(c->word[2], "int") == 0 ? (void *)&value : (void *)c->word[3];

    answer("iot-ioctl ret=%d", IOT_Ioctl((int)number(c->word[1]), data));
    finish(started);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);

    if (file == NULL || text == NULL || fread(text, 1, 65535, file) == 0) {
        fprintf(stderr, "driver: cannot read %s\n", path);
        exit(70);
    }
    fclose(file);
    return text;
}

/* construct [host=] [port=] [client=] [user=] [pass=] [ca=file] [ka=ms] [reqto=ms] [rbuf=] [wbuf=] [clean=] */
static void construct(const command_t *c)
{
    double started;
    iotx_mqtt_param_t p;
    void *client;
    int i;

    memset(&p, 0, sizeof(p));
    p.keepalive_interval_ms = 60000;
    p.request_timeout_ms = 2000;
    p.read_buf_size = 2048;
    p.write_buf_size = 2048;
    p.handle_event.h_fp = on_event;
    for (i = 1; i < c->count; i++) {
        char *value = strchr(c->word[i], '=');
        size_t key = (size_t)(value - c->word[i]);
#define KEY(name) (key == sizeof(name) - 1 && strncmp(c->word[i], name, key) == 0)

        value++;
        if (KEY("host")) p.host = keep(copy(value, strlen(value)));
        else if (KEY("port")) p.port = (uint16_t)number(value);
        else if (KEY("client")) p.client_id = keep(copy(value, strlen(value)));
        else if (KEY("user")) p.username = keep(copy(value, strlen(value)));
        else if (KEY("pass")) p.password = keep(copy(value, strlen(value)));
        else if (KEY("ca")) p.pub_key = keep(read_file(value));
        else if (KEY("ka")) p.keepalive_interval_ms = (uint32_t)number(value);
        else if (KEY("reqto")) p.request_timeout_ms = (uint32_t)number(value);
        else if (KEY("rbuf")) p.read_buf_size = (uint32_t)number(value);
        else if (KEY("wbuf")) p.write_buf_size = (uint32_t)number(value);
        else if (KEY("clean")) p.clean_session = (uint8_t)number(value);
        else {
            fprintf(stderr, "driver: construct does not know %s\n", c->word[i]);
            exit(70);
        }
#undef KEY
    }
    started = now_ms();
    client = IOT_MQTT_Construct(&p);
    answer("construct handle=%s", remember('m', client));
    finish(started);
}

static void construct_null(const command_t *c)
{
    double started = now_ms();

    (void)c;
    answer("construct-null handle=%s", remember('m', IOT_MQTT_Construct(NULL)));
    finish(started);
}

/* destroy M */
static void destroy(const command_t *c)
{
    double started = now_ms();
    void *client = handle(c->word[1]);
    int ret = IOT_MQTT_Destroy(&client);

    answer("destroy ret=%d cleared=%d", ret, client == NULL);
    finish(started);
}

/* destroy-null: no pointer to a handle at all */
static void destroy_null(const command_t *c)
{
    double started = now_ms();

    (void)c;
    answer("destroy-null ret=%d", IOT_MQTT_Destroy(NULL));
    finish(started);
}

/* yield M MS */
static void yield(const command_t *c)
{
    double started = now_ms();

    answer("yield ret=%d", IOT_MQTT_Yield(handle(c->word[1]), (int)number(c->word[2])));
    finish(started);
}

/* state M */
static void state(const command_t *c)
{
    double started = now_ms();

    answer("state ret=%d", IOT_MQTT_CheckStateNormal(handle(c->word[1])));
    finish(started);
}

/* subscribe M FILTER QOS [nocb] */
static void subscribe(const command_t *c)
{
    double started = now_ms();

    answer("subscribe ret=%d", IOT_MQTT_Subscribe(handle(c->word[1]), c->word[2], (iotx_mqtt_qos_t)number(c->word[3]),
                                                  c->count > 4 ? NULL : on_message, NULL));
    finish(started);
}

/* subscribe-sync M FILTER QOS TIMEOUT_MS */
static void subscribe_sync(const command_t *c)
{
    double started = now_ms();

    answer("subscribe-sync ret=%d",
           IOT_MQTT_Subscribe_Sync(handle(c->word[1]), c->word[2], (iotx_mqtt_qos_t)number(c->word[3]), on_message, NULL,
                                   (int)number(c->word[4])));
    finish(started);
}

/* unsubscribe M FILTER */
static void unsubscribe(const command_t *c)
{
    double started = now_ms();

    answer("unsubscribe ret=%d", IOT_MQTT_Unsubscribe(handle(c->word[1]), c->word[2]));
    finish(started);
}

/* publish M TOPIC QOS PAYLOAD */
static void publish(const command_t *c)
{
    double started = now_ms();
    char *payload = c->word[4];

    answer("publish ret=%d", IOT_MQTT_Publish_Simple(handle(c->word[1]), c->word[2], (int)number(c->word[3]), payload,
                                                     payload == NULL ? 0 : (int)strlen(payload)));
    finish(started);
}

/* publish-info M TOPIC QOS PAYLOAD [RETAIN]: the call that takes a topic-info struct */
static void publish_info(const command_t *c)
{
    double started = now_ms();
    iotx_mqtt_topic_info_t info;
    int ret;

    memset(&info, 0, sizeof(info));
    info.qos = (uint8_t)number(c->word[3]);
    info.retain = (uint8_t)(c->count > 5 ? number(c->word[5]) : 0);
    info.payload = c->word[4];
    info.payload_len = c->word[4] == NULL ? 0 : (uint32_t)strlen(c->word[4]);
    ret = IOT_MQTT_Publish(handle(c->word[1]), c->word[2], &info);
    answer("publish-info ret=%d id=%u", ret, info.packet_id);
    finish(started);
}

/* nwk-event M EVENT */
static void nwk_event(const command_t *c)
{
    double started = now_ms();
    iotx_mqtt_nwk_param_t param;

    memset(&param, 0, sizeof(param));
    answer("nwk-event ret=%d",
           IOT_MQTT_Nwk_Event_Handler(handle(c->word[1]), (iotx_mqtt_nwk_event_t)number(c->word[2]), &param));
    finish(started);
}

/* events: codes (and packet ids) that the default handler got since the last call */
static void list_events(const command_t *c)
{
    int i;

    (void)c;
    answer("events n=%d list=", event_count);
    for (i = 0; i < event_count; i++) {
        answer("%s%d:%u", i > 0 ? "," : "", events[i].event, events[i].id);
    }
    event_count = 0;
    finish(now_ms());
}

/* messages: what the filter handlers got since the last call */
static void list_messages(const command_t *c)
{
    char key[16];
    int i;

    (void)c;
    answer("messages n=%d", message_count);
    for (i = 0; i < message_count; i++) {
        snprintf(key, sizeof(key), "t%d", i);
        answer_bytes(key, messages[i].topic, messages[i].topic_length);
        snprintf(key, sizeof(key), "p%d", i);
        answer_bytes(key, messages[i].payload, messages[i].payload_length);
    }
    forget_messages();
    finish(now_ms());
}

void mqtt_cleanup(void)
{
    forget_messages();
    while (kept_count > 0) {
        free(kept[--kept_count]);
    }
}

const entry_t mqtt_commands[] = {
    {"identity", 4, identity},
    {"setupconninfo", 4, setup},
    {"sign", 5, sign},
    {"iot-ioctl", 4, iot_ioctl},
    {"construct", 1, construct},
    {"construct-null", 1, construct_null},
    {"destroy", 2, destroy},
    {"destroy-null", 1, destroy_null},
    {"yield", 3, yield},
    {"state", 2, state},
    {"subscribe", 4, subscribe},
    {"subscribe-sync", 5, subscribe_sync},
    {"unsubscribe", 3, unsubscribe},
    {"publish", 5, publish},
    {"publish-info", 5, publish_info},
    {"nwk-event", 3, nwk_event},
    {"events", 1, list_events},
    {"messages", 1, list_messages},
    {NULL, 0, NULL},
};
