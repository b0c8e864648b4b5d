/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mqtt_api.h. */
#include "mqtt_api.h"

#include "abi_check.h"

/* Macros. */
ABI_VALUE(MUTLI_SUBSCIRBE_MAX, (5));
ABI_VALUE(CONFIG_MQTT_MESSAGE_MAXLEN, (1024));
ABI_VALUE(CONFIG_MQTT_TOPIC_MAXLEN, (128));
ABI_VALUE(CONFIG_MQTT_KEEPALIVE_INTERVAL, (60));
ABI_VALUE(CONFIG_MQTT_OFFLINE_TOPIC_MAXNUM, (5));
ABI_VALUE(CONFIG_MQTT_REQUEST_TIMEOUT, (2000));
ABI_VALUE(CONFIG_MQTT_REQ_TIMEOUT_MIN, (500));
ABI_VALUE(CONFIG_MQTT_REQ_TIMEOUT_MAX, (5000));
ABI_VALUE(CONFIG_MQTT_KEEPALIVE_INTERVAL_MIN, (30));
ABI_VALUE(CONFIG_MQTT_KEEPALIVE_INTERVAL_MAX, (1200));

ABI_SIZE(iotx_mqtt_qos_t, 4, 4);
ABI_VALUE(IOTX_MQTT_QOS0, 0);
ABI_VALUE(IOTX_MQTT_QOS1, 1);
ABI_VALUE(IOTX_MQTT_QOS2, 2);
ABI_VALUE(IOTX_MQTT_QOS3_SUB_LOCAL, 3);

ABI_SIZE(iotx_mqtt_event_type_t, 4, 4);
ABI_VALUE(IOTX_MQTT_EVENT_UNDEF, 0);
ABI_VALUE(IOTX_MQTT_EVENT_DISCONNECT, 1);
ABI_VALUE(IOTX_MQTT_EVENT_RECONNECT, 2);
ABI_VALUE(IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS, 3);
ABI_VALUE(IOTX_MQTT_EVENT_SUBCRIBE_TIMEOUT, 4);
ABI_VALUE(IOTX_MQTT_EVENT_SUBCRIBE_NACK, 5);
ABI_VALUE(IOTX_MQTT_EVENT_UNSUBCRIBE_SUCCESS, 6);
ABI_VALUE(IOTX_MQTT_EVENT_UNSUBCRIBE_TIMEOUT, 7);
ABI_VALUE(IOTX_MQTT_EVENT_UNSUBCRIBE_NACK, 8);
ABI_VALUE(IOTX_MQTT_EVENT_PUBLISH_SUCCESS, 9);
ABI_VALUE(IOTX_MQTT_EVENT_PUBLISH_TIMEOUT, 10);
ABI_VALUE(IOTX_MQTT_EVENT_PUBLISH_NACK, 11);
ABI_VALUE(IOTX_MQTT_EVENT_PUBLISH_RECEIVED, 12);
ABI_VALUE(IOTX_MQTT_EVENT_BUFFER_OVERFLOW, 13);

ABI_SIZE(iotx_mqtt_topic_info_t, 32, 20);
ABI_MEMBER(iotx_mqtt_topic_info_t, packet_id, 0, 2, 0, 2);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, packet_id, uint16_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, qos, 2, 1, 2, 1);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, qos, uint8_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, dup, 3, 1, 3, 1);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, dup, uint8_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, retain, 4, 1, 4, 1);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, retain, uint8_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, topic_len, 6, 2, 6, 2);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, topic_len, uint16_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, payload_len, 8, 4, 8, 4);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, payload_len, uint32_t);
ABI_MEMBER(iotx_mqtt_topic_info_t, ptopic, 16, 8, 12, 4);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, ptopic, const char *);
ABI_MEMBER(iotx_mqtt_topic_info_t, payload, 24, 8, 16, 4);
ABI_MEMBER_TYPE(iotx_mqtt_topic_info_t, payload, const char *);

ABI_SIZE(iotx_mqtt_event_msg_t, 16, 8);
ABI_MEMBER(iotx_mqtt_event_msg_t, event_type, 0, 4, 0, 4);
ABI_MEMBER_TYPE(iotx_mqtt_event_msg_t, event_type, iotx_mqtt_event_type_t);
ABI_MEMBER(iotx_mqtt_event_msg_t, msg, 8, 8, 4, 4);
ABI_MEMBER_TYPE(iotx_mqtt_event_msg_t, msg, void *);

ABI_SIZE(iotx_mqtt_event_handle_t, 16, 8);
ABI_MEMBER(iotx_mqtt_event_handle_t, h_fp, 0, 8, 0, 4);
ABI_MEMBER_TYPE(iotx_mqtt_event_handle_t, h_fp, iotx_mqtt_event_handle_func_fpt);
ABI_MEMBER(iotx_mqtt_event_handle_t, pcontext, 8, 8, 4, 4);
ABI_MEMBER_TYPE(iotx_mqtt_event_handle_t, pcontext, void *);

ABI_SIZE(iotx_mqtt_param_t, 96, 56);
ABI_MEMBER(iotx_mqtt_param_t, port, 0, 2, 0, 2);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, port, uint16_t);
ABI_MEMBER(iotx_mqtt_param_t, host, 8, 8, 4, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, host, const char *);
ABI_MEMBER(iotx_mqtt_param_t, client_id, 16, 8, 8, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, client_id, const char *);
ABI_MEMBER(iotx_mqtt_param_t, username, 24, 8, 12, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, username, const char *);
ABI_MEMBER(iotx_mqtt_param_t, password, 32, 8, 16, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, password, const char *);
ABI_MEMBER(iotx_mqtt_param_t, customize_info, 40, 8, 20, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, customize_info, const char *);
ABI_MEMBER(iotx_mqtt_param_t, pub_key, 48, 8, 24, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, pub_key, const char *);
ABI_MEMBER(iotx_mqtt_param_t, clean_session, 56, 1, 28, 1);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, clean_session, uint8_t);
ABI_MEMBER(iotx_mqtt_param_t, request_timeout_ms, 60, 4, 32, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, request_timeout_ms, uint32_t);
ABI_MEMBER(iotx_mqtt_param_t, keepalive_interval_ms, 64, 4, 36, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, keepalive_interval_ms, uint32_t);
ABI_MEMBER(iotx_mqtt_param_t, write_buf_size, 68, 4, 40, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, write_buf_size, uint32_t);
ABI_MEMBER(iotx_mqtt_param_t, read_buf_size, 72, 4, 44, 4);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, read_buf_size, uint32_t);
ABI_MEMBER(iotx_mqtt_param_t, handle_event, 80, 16, 48, 8);
ABI_MEMBER_TYPE(iotx_mqtt_param_t, handle_event, iotx_mqtt_event_handle_t);

ABI_SIZE(iotx_mqtt_nwk_event_t, 4, 4);
ABI_VALUE(IOTX_MQTT_SOC_CONNECTED, 0);
ABI_VALUE(IOTX_MQTT_SOC_CLOSE, 1);
ABI_VALUE(IOTX_MQTT_SOC_READ, 2);
ABI_VALUE(IOTX_MQTT_SOC_WRITE, 3);
ABI_VALUE(IOTX_MQTT_SOC_MAX, 4);

ABI_SIZE(iotx_mqtt_nwk_param_t, 8, 4);
ABI_MEMBER(iotx_mqtt_nwk_param_t, fd, 0, 8, 0, 4);
ABI_MEMBER_TYPE(iotx_mqtt_nwk_param_t, fd, uintptr_t);

/* The callback's own type. */
_Static_assert(_Generic((iotx_mqtt_event_handle_func_fpt)0,
                        void (*)(void *, void *, iotx_mqtt_event_msg_pt): 1,
                        default: 0),
               "type of iotx_mqtt_event_handle_func_fpt");

/* Prototypes. */
ABI_FUNCTION(IOT_MQTT_Construct, void *(*)(iotx_mqtt_param_t *));
ABI_FUNCTION(IOT_MQTT_Destroy, int (*)(void **));
ABI_FUNCTION(IOT_MQTT_Yield, int (*)(void *, int));
ABI_FUNCTION(IOT_MQTT_CheckStateNormal, int (*)(void *));
ABI_FUNCTION(IOT_MQTT_Subscribe, int (*)(void *, const char *, iotx_mqtt_qos_t,
             iotx_mqtt_event_handle_func_fpt, void *));
ABI_FUNCTION(IOT_MQTT_Subscribe_Sync, int (*)(void *, const char *, iotx_mqtt_qos_t,
             iotx_mqtt_event_handle_func_fpt, void *, int));
ABI_FUNCTION(IOT_MQTT_Unsubscribe, int (*)(void *, const char *));
ABI_FUNCTION(IOT_MQTT_Publish, int (*)(void *, const char *, iotx_mqtt_topic_info_pt));
ABI_FUNCTION(IOT_MQTT_Publish_Simple, int (*)(void *, const char *, int, void *, int));
ABI_FUNCTION(IOT_MQTT_Nwk_Event_Handler, int (*)(void *, iotx_mqtt_nwk_event_t, iotx_mqtt_nwk_param_t *));
