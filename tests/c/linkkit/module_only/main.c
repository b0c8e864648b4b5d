/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The OTA module alone, over a host's MQTT (host_mqtt.c): a whole update of the image that the arguments describe.
 *
 *   module_only URL SIZE MD5
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../check.h"
#include "host_mqtt.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

static int published(const char *topic, const char *payload, int qos)
{
    int i;

    for (i = 0; i < host_publish_count; i++) {
        if (strcmp(host_published[i].topic, topic) == 0 && strcmp(host_published[i].payload, payload) == 0 &&
            host_published[i].qos == qos) {
            return 1;
        }
    }
    return 0;
}

static void check_subscriptions(void)
{
    static const struct {
        const char *filter;
        int qos;
    } expected[] = {{"/ota/device/request/modpk/moddn", 1},
                    {"/ota/device/upgrade/modpk/moddn", 1},
                    {"/sys/modpk/moddn/thing/config/get_reply", 0},
                    {"/sys/modpk/moddn/thing/config/push", 0}};
    int i;

    CHECK_EQ(host_subscriptions(), 4);
    for (i = 0; i < 4 && i < host_subscriptions(); i++) {
        CHECK_EQ(strcmp(host_filter(i), expected[i].filter), 0);
        CHECK_EQ(host_filter_qos(i), expected[i].qos);
    }
}

int main(int argc, char **argv)
{
    static char offer[900];
    static char the_client; /* the host's handle means nothing to the OTA module */
    char chunk[5000];
    unsigned long bytes = 0;
    uint32_t valid = 0;
    void *ota;
    int n = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s URL SIZE MD5\n", argv[0]);
        return 2;
    }
    otakit_set_log_level(IOT_LOG_ERROR);
    ota = IOT_OTA_Init("modpk", "moddn", &the_client);
    CHECK_EQ(ota != NULL, 1);
    check_subscriptions();
    CHECK_EQ(IOT_OTA_ReportVersion(ota, "1.0.0"), 0);
    CHECK_EQ(published("/ota/device/inform/modpk/moddn", "{\"id\":0,\"params\":{\"version\":\"1.0.0\"}}", 1), 1);

    CHECK_EQ(IOT_OTA_IsFetching(ota), 0);
    snprintf(offer, sizeof(offer),
             "{\"code\":\"1000\",\"data\":{\"size\":%s,\"version\":\"2.0.0\",\"url\":\"%s\",\"md5\":\"%s\"},"
             "\"id\":1507707025,\"message\":\"success\"}", argv[2], argv[1], argv[3]);
    host_queue("/ota/device/upgrade/modpk/moddn", offer);
    IOT_MQTT_Yield(&the_client, 100);
    CHECK_EQ(IOT_OTA_IsFetching(ota), 1);

    while (checks_failed == 0 && !IOT_OTA_IsFetchFinish(ota)) {
        n = IOT_OTA_FetchYield(ota, chunk, sizeof(chunk), 1);
        CHECK_EQ(n >= 0, 1);
        bytes += n > 0 ? (unsigned long)n : 0;
    }
    CHECK_EQ(published("/ota/device/progress/modpk/moddn",
                       "{\"id\":0,\"params\":{\"step\":\"0\",\"desc\":\"Enter in downloading state\"}}", 0), 1);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4), 0);
    CHECK_EQ(valid, 1);
    printf("bytes=%lu\n", bytes);

    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    CHECK_EQ(host_subscriptions(), 0);
    CHECK_EQ(IOT_OTA_Deinit(ota), IOT_OTAE_INVALID_PARAM);
    return checks_done("module_only");
}
