/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The MQTT half of a host SDK, cut down to what the OTA module imports: subscriptions and publishes are kept in memory,
 * and a test hands messages in.
 */
#ifndef OTAKIT_TEST_HOST_MQTT_H
#define OTAKIT_TEST_HOST_MQTT_H

#include <stddef.h>

#define HOST_MAX 32

typedef struct {
    char topic[160];
    char payload[256];
    int qos;
} host_publish_t;

extern host_publish_t host_published[HOST_MAX];
extern int host_publish_count;

/* Number of live subscriptions, and the n-th filter in the order of subscribing (NULL behind the last). */
int host_subscriptions(void);
const char *host_filter(int index);
int host_filter_qos(int index);

/* Queues a message; the next IOT_MQTT_Yield delivers it to each subscriber of exactly that topic. */
void host_queue(const char *topic, const char *payload);

#endif
