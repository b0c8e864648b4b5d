/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_api.h
 * @brief The MQTT 3.1.1 client.
 *
 * Threads: Publish, Publish_Simple, Subscribe, Unsubscribe and CheckStateNormal may be called from any thread, also
 * inside a callback. Yield is called by one thread at a time and not inside a callback. Destroy may be called
 * beside them and inside a callback; a callback that runs in another thread is waited for, and none runs later. Callbacks run in the thread that is inside IOT_MQTT_Yield, with no lock of the
 * library held.
 *
 * Handles: NULL means the process's client, the first one constructed. A handle that was destroyed or never
 * existed is answered with NULL_VALUE_ERROR.
 */
#ifndef OTAKIT_LINKKIT_MQTT_API_H
#define OTAKIT_LINKKIT_MQTT_API_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits and defaults. Sizes in bytes; REQUEST and REQ time-outs in milliseconds, KEEPALIVE in seconds. */
#ifndef MUTLI_SUBSCIRBE_MAX
#define MUTLI_SUBSCIRBE_MAX (5)
#endif
#ifndef CONFIG_MQTT_MESSAGE_MAXLEN
#define CONFIG_MQTT_MESSAGE_MAXLEN (1024)
#endif
#ifndef CONFIG_MQTT_TOPIC_MAXLEN
#define CONFIG_MQTT_TOPIC_MAXLEN (128)
#endif
#ifndef CONFIG_MQTT_KEEPALIVE_INTERVAL
#define CONFIG_MQTT_KEEPALIVE_INTERVAL (60)
#endif
#ifndef CONFIG_MQTT_OFFLINE_TOPIC_MAXNUM
#define CONFIG_MQTT_OFFLINE_TOPIC_MAXNUM (5)
#endif
#ifndef CONFIG_MQTT_REQUEST_TIMEOUT
#define CONFIG_MQTT_REQUEST_TIMEOUT (2000)
#endif
#ifndef CONFIG_MQTT_REQ_TIMEOUT_MIN
#define CONFIG_MQTT_REQ_TIMEOUT_MIN (500)
#endif
#ifndef CONFIG_MQTT_REQ_TIMEOUT_MAX
#define CONFIG_MQTT_REQ_TIMEOUT_MAX (5000)
#endif
#ifndef CONFIG_MQTT_KEEPALIVE_INTERVAL_MIN
#define CONFIG_MQTT_KEEPALIVE_INTERVAL_MIN (30)
#endif
#ifndef CONFIG_MQTT_KEEPALIVE_INTERVAL_MAX
#define CONFIG_MQTT_KEEPALIVE_INTERVAL_MAX (1200)
#endif

/** Quality of service. The client sends and subscribes with 0 and 1. */
typedef enum {
    IOTX_MQTT_QOS0 = 0,
    IOTX_MQTT_QOS1 = 1,
    IOTX_MQTT_QOS2 = 2,
    IOTX_MQTT_QOS3_SUB_LOCAL = 3 /**< not a value of the protocol; subscribing takes it as 0 */
} iotx_mqtt_qos_t;

/** What a callback is told. In parentheses: iotx_mqtt_event_msg_t.msg. */
typedef enum {
    IOTX_MQTT_EVENT_UNDEF = 0,
    IOTX_MQTT_EVENT_DISCONNECT = 1,          /**< (NULL) the connection is lost */
    IOTX_MQTT_EVENT_RECONNECT = 2,           /**< (NULL) connected again */
    IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS = 3,    /**< (packet id, as a uintptr_t) */
    IOTX_MQTT_EVENT_SUBCRIBE_TIMEOUT = 4,    /**< (packet id) */
    IOTX_MQTT_EVENT_SUBCRIBE_NACK = 5,       /**< (packet id) */
    IOTX_MQTT_EVENT_UNSUBCRIBE_SUCCESS = 6,  /**< (packet id) */
    IOTX_MQTT_EVENT_UNSUBCRIBE_TIMEOUT = 7,  /**< (packet id) */
    IOTX_MQTT_EVENT_UNSUBCRIBE_NACK = 8,     /**< (packet id) */
    IOTX_MQTT_EVENT_PUBLISH_SUCCESS = 9,     /**< (packet id) */
    IOTX_MQTT_EVENT_PUBLISH_TIMEOUT = 10,    /**< (packet id) */
    IOTX_MQTT_EVENT_PUBLISH_NACK = 11,       /**< (packet id) */
    IOTX_MQTT_EVENT_PUBLISH_RECEIVED = 12,   /**< (iotx_mqtt_topic_info_pt) a message came */
    IOTX_MQTT_EVENT_BUFFER_OVERFLOW = 13     /**< (text) a message did not fit read_buf_size and was dropped */
} iotx_mqtt_event_type_t;

/** A message, outgoing or incoming. Lengths in bytes. */
typedef struct {
    uint16_t packet_id;   /**< written by IOT_MQTT_Publish for QoS 1 */
    uint8_t qos;
    uint8_t dup;
    uint8_t retain;
    uint16_t topic_len;   /**< incoming only */
    uint32_t payload_len;
    const char *ptopic;   /**< incoming only; not NUL-terminated */
    const char *payload;  /**< not NUL-terminated */
} iotx_mqtt_topic_info_t, *iotx_mqtt_topic_info_pt;

/** An event. The event type says what msg is. */
typedef struct {
    iotx_mqtt_event_type_t event_type;
    void *msg;
} iotx_mqtt_event_msg_t, *iotx_mqtt_event_msg_pt;

/**
 * A callback for events. All that msg points at belongs to the library and is valid during the call only.
 * pcontext is what was registered with the callback, pclient the client's handle. It may publish, subscribe and
 * unsubscribe; it must not yield or destroy the client.
 */
typedef void (*iotx_mqtt_event_handle_func_fpt)(void *pcontext, void *pclient, iotx_mqtt_event_msg_pt msg);

/** A callback and its context. */
typedef struct {
    iotx_mqtt_event_handle_func_fpt h_fp; /**< may be NULL */
    void *pcontext;
} iotx_mqtt_event_handle_t, *iotx_mqtt_event_handle_pt;

/**
 * How to connect. An empty or NULL host, client_id, username or password, and port 0, are replaced by the value that
 * is signed from the identity of HAL_GetProductKey, HAL_GetDeviceName and HAL_GetDeviceSecret.
 */
typedef struct {
    uint16_t port;
    const char *host;
    const char *client_id;
    const char *username;
    const char *password;
    const char *customize_info;           /**< may be NULL; see IOTX_IOCTL_SET_CUSTOMIZE_INFO */
    const char *pub_key;                  /**< CA certificates in PEM for TLS; NULL or empty: none given; else NULL is
                                               returned for a text without one that can be read */
    uint8_t clean_session;                /**< 1: the broker forgets the session */
    uint32_t request_timeout_ms;          /**< 500..5000, else 2000: wait for an acknowledgement */
    uint32_t keepalive_interval_ms;       /**< 30000..1200000, else 60000: time between pings */
    uint32_t write_buf_size;              /**< largest outgoing packet in bytes; 0: 1024 */
    uint32_t read_buf_size;               /**< largest incoming packet in bytes; 0: 1024 */
    iotx_mqtt_event_handle_t handle_event; /**< hears events that no subscription's callback takes */
} iotx_mqtt_param_t, *iotx_mqtt_param_pt;

/** What a network stack with asynchronous sockets reports. */
typedef enum {
    IOTX_MQTT_SOC_CONNECTED = 0,
    IOTX_MQTT_SOC_CLOSE = 1,
    IOTX_MQTT_SOC_READ = 2,
    IOTX_MQTT_SOC_WRITE = 3,
    IOTX_MQTT_SOC_MAX = 4
} iotx_mqtt_nwk_event_t;

/** Which socket it is about. */
typedef struct {
    uintptr_t fd;
} iotx_mqtt_nwk_param_t;

/**
 * @brief Makes a client and connects it.
 *
 * Blocks until the broker has answered, or the attempts are used up: some seconds on a dead network.
 *
 * @param pInitParams borrowed for the call, strings included; NULL takes all defaults
 * @return the client's handle, to be ended with IOT_MQTT_Destroy; NULL if there is no identity, the broker could not
 *         be reached or refused the sign-in, or there is no memory
 */
void *IOT_MQTT_Construct(iotx_mqtt_param_t *pInitParams);

/**
 * @brief Disconnects and frees a client. Takes up to some hundred milliseconds, and as long as a callback that runs in
 *        another thread: once this has returned, none runs any more.
 * @param phandle points at the handle, which becomes NULL. NULL, or a pointer to NULL, means the process's client.
 * @retval 0                done
 * @retval NULL_VALUE_ERROR there is no such client
 */
int IOT_MQTT_Destroy(void **phandle);

/**
 * @brief Serves the connection for a time: reads messages, calls callbacks, pings, resends, reconnects.
 *
 * Blocks for timeout_ms, and as long as callbacks take; traffic does not end it early. Nothing is delivered between
 * calls, so it is to be called all the time. A reconnection goes on over several calls and does not prolong one.
 *
 * @param handle     the client
 * @param timeout_ms milliseconds, 0 or more; 0 counts as 10
 * @retval 0                done, connected or not
 * @retval NULL_VALUE_ERROR no such client
 * @retval FAIL_RETURN      timeout_ms is negative
 */
int IOT_MQTT_Yield(void *handle, int timeout_ms);

/**
 * @brief Tells whether the client is connected. Does not block.
 * @param handle the client
 * @retval 1                connected
 * @retval 0                not, or the broker does not grant a subscription that it granted before a reconnect, or one
 *                          of IOT_OTA_Init or the device model; it is asked for again after 1 s to 60 s
 * @retval NULL_VALUE_ERROR no such client
 */
int IOT_MQTT_CheckStateNormal(void *handle);

/**
 * @brief Subscribes a topic filter. Does not wait for the broker's answer, which comes as an event to handle_event.
 *
 * Subscriptions are renewed by the library after a reconnection. Every callback whose filter matches a message is
 * called, in the order of subscription; the same filter, callback and context twice count once.
 *
 * @param handle            the client; NULL before there is one keeps up to 64 subscriptions for it (the
 *                          reference: CONFIG_MQTT_OFFLINE_TOPIC_MAXNUM)
 * @param topic_filter      1..CONFIG_MQTT_TOPIC_MAXLEN printable characters, the first a slash; copied
 * @param qos               IOTX_MQTT_QOS0 or IOTX_MQTT_QOS1; a value above 2 counts as 0
 * @param topic_handle_func called with IOTX_MQTT_EVENT_PUBLISH_RECEIVED; not NULL
 * @param pcontext          handed to the callback; must outlive the subscription
 * @return the packet id, 1..65535; 0 if kept for a client to come; NULL_VALUE_ERROR (an argument is NULL or empty, or
 *         no such client), MQTT_TOPIC_FORMAT_ERROR, MQTT_STATE_ERROR (not connected), MQTT_SUBSCRIBE_PACKET_ERROR,
 *         MQTT_NETWORK_ERROR
 */
int IOT_MQTT_Subscribe(void *handle, const char *topic_filter, iotx_mqtt_qos_t qos,
                       iotx_mqtt_event_handle_func_fpt topic_handle_func, void *pcontext);

/**
 * @brief The same, and waits for the broker's answer. Inside a callback it behaves like IOT_MQTT_Subscribe.
 * @param handle            the client
 * @param topic_filter      as for IOT_MQTT_Subscribe
 * @param qos               as for IOT_MQTT_Subscribe
 * @param topic_handle_func as for IOT_MQTT_Subscribe
 * @param pcontext          as for IOT_MQTT_Subscribe
 * @param timeout_ms        longest wait in milliseconds
 * @return as IOT_MQTT_Subscribe; FAIL_RETURN if the broker refused or did not answer in time, or
 *         its answer is behind more messages than wait for IOT_MQTT_Yield: 8192 messages or 4 MiB
 */
int IOT_MQTT_Subscribe_Sync(void *handle, const char *topic_filter, iotx_mqtt_qos_t qos,
                            iotx_mqtt_event_handle_func_fpt topic_handle_func, void *pcontext, int timeout_ms);

/**
 * @brief Ends a subscription and removes its callbacks. Does not wait for the broker's answer.
 * @param handle       the client
 * @param topic_filter the very text that was subscribed; borrowed for the call
 * @return the packet id, 1..65535; NULL_VALUE_ERROR, MQTT_TOPIC_FORMAT_ERROR, MQTT_STATE_ERROR, MQTT_NETWORK_ERROR
 */
int IOT_MQTT_Unsubscribe(void *handle, const char *topic_filter);

/**
 * @brief Publishes a message. For QoS 1 it is kept and sent again until the broker acknowledges it.
 *
 * May block up to request_timeout_ms while the connection takes no data.
 *
 * @param handle     the client
 * @param topic_name 1..CONFIG_MQTT_TOPIC_MAXLEN printable characters, the first a slash, no wildcard; borrowed
 * @param topic_msg  qos (0 or 1), retain, payload (not NULL) and payload_len are read, the payload is copied;
 *                   packet_id is written for QoS 1
 * @return 0 for QoS 0, the packet id (1..65535) for QoS 1; NULL_VALUE_ERROR, MQTT_TOPIC_FORMAT_ERROR,
 *         MQTT_STATE_ERROR (not connected), MQTT_PUBLISH_QOS_ERROR (QoS 2 or more), MQTT_PUSH_TO_LIST_ERROR (too many
 *         unacknowledged), MQTT_PUBLISH_PACKET_ERROR (larger than write_buf_size), MQTT_NETWORK_ERROR
 */
int IOT_MQTT_Publish(void *handle, const char *topic_name, iotx_mqtt_topic_info_pt topic_msg);

/**
 * @brief The same with plain arguments.
 * @param handle     the client
 * @param topic_name as for IOT_MQTT_Publish
 * @param qos        0 or 1
 * @param data       the payload; copied
 * @param len        its length in bytes, 0 or more
 * @return 0 for QoS 0, the packet id (1..65535) for QoS 1; NULL_VALUE_ERROR for a missing client or topic,
 *         FAIL_RETURN for any other failure
 */
int IOT_MQTT_Publish_Simple(void *handle, const char *topic_name, int qos, void *data, int len);

/**
 * @brief Takes socket events of an asynchronous network stack. This library drives its sockets itself.
 * @param handle the client
 * @param event  what happened
 * @param param  which socket; borrowed for the call
 * @retval FAIL_RETURN      always, for valid arguments
 * @retval NULL_VALUE_ERROR no such client, or param is NULL
 */
int IOT_MQTT_Nwk_Event_Handler(void *handle, iotx_mqtt_nwk_event_t event, iotx_mqtt_nwk_param_t *param);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_MQTT_API_H */
