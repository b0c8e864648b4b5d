/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file linkkit_export.h
 * @brief A device by its description: the API of Link Kit 2.2 and 2.3 that IOT_Linkkit_* replaced. For firmware that has it.
 *
 * The firmware gives the device's description (TSL, a JSON text) and then sets, reads and posts values by their identifiers:
 * "Switch", "Color.Red" in a struct, "Level[2]" in an array; "Error.Code" of an event, "Light.Mode" of a service. There is one
 * device in a process, and either this API, linkkit_gateway_export.h or IOT_Linkkit_*, not two of them.
 *
 * All calls may come from any thread and from callbacks, but linkkit_dispatch and linkkit_yield not from callbacks. Callbacks
 * run inside linkkit_dispatch; what they are given is valid during the call. Return values: 0 is success, -1 is any failure,
 * and a log line says which.
 */
#ifndef OTAKIT_LINKKIT_LINKKIT_EXPORT_H
#define OTAKIT_LINKKIT_LINKKIT_EXPORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Hears how a post or an event ended.
 * thing_id: the device; respons_id: the message's id; code: 200 done, 100000 no answer came within 10 s, else what the cloud
 * says; response_message: the cloud's words for a refusal, or NULL; ctx: the pointer given to linkkit_start.
 */
typedef void (*handle_post_cb_fp_t)(const void *thing_id, int respons_id, int code, const char *response_message,
                                    void *ctx);

/** What the firmware wants to hear; each may be NULL. What they return is not looked at. ctx is linkkit_start's. */
typedef struct _linkkit_ops {
    int (*on_connect)(void *ctx);    /**< connected, at first and again */
    int (*on_disconnect)(void *ctx); /**< the connection is lost */
    int (*raw_data_arrived)(const void *thing_id, const void *data, int len, void *ctx); /**< transparent data */
    int (*thing_create)(const void *thing_id, void *ctx);  /**< the description was taken */
    int (*thing_enable)(const void *thing_id, void *ctx);  /**< the cloud has enabled the device */
    int (*thing_disable)(const void *thing_id, void *ctx); /**< the cloud has disabled or deleted it */
    /** A service is called: its inputs are there; answer with linkkit_answer_service, now or later. */
    int (*thing_call_service)(const void *thing_id, const char *service, int request_id, void *ctx);
    /** A property was set by the cloud: its value is there. Called once for each property. */
    int (*thing_prop_changed)(const void *thing_id, const char *property, void *ctx);
    int (*linkit_data_arrived)(const void *thing_id, const void *data, int len, void *ctx); /**< never called */
} linkkit_ops_t;

/** The most talkative level that is printed. */
typedef enum _linkkit_loglevel {
    linkkit_loglevel_emerg = 0,
    linkkit_loglevel_crit = 1,
    linkkit_loglevel_error = 2,
    linkkit_loglevel_warning = 3,
    linkkit_loglevel_info = 4,
    linkkit_loglevel_debug = 5
} linkkit_loglevel_t;

/** Where the cloud is. */
typedef enum {
    linkkit_cloud_domain_shanghai = 0,
    linkkit_cloud_domain_singapore = 1,
    linkkit_cloud_domain_japan = 2,
    linkkit_cloud_domain_america = 3,
    linkkit_cloud_domain_germany = 4,
    linkkit_cloud_domain_max = 5
} linkkit_cloud_domain_type_t;

/* The older spelling. */
#define linkkit_cloud_domain_sh linkkit_cloud_domain_shanghai
#define linkkit_cloud_domain_sg linkkit_cloud_domain_singapore

/** What is done with tags. */
typedef enum {
    linkkit_extended_info_operate_update = 0,
    linkkit_extended_info_operate_delete = 1,
    linkkit_deviceinfo_operate_max = 2
} linkkit_extended_info_operate_t;

/** Options; the value is an int, 0 or 1; all are 1 at first. */
typedef enum {
    linkkit_opt_property_post_reply = 0, /**< callbacks of posted properties are called */
    linkkit_opt_event_post_reply = 1,    /**< callbacks of events are called */
    linkkit_opt_property_set_reply = 2   /**< the cloud is answered when it sets properties */
} linkkit_opt_t;

/** Whose value is set. */
typedef enum {
    linkkit_method_set_property_value = 0,
    linkkit_method_set_event_output_value = 1,
    linkkit_method_set_service_output_value = 2,
    linkkit_method_set_number = 3
} linkkit_method_set_t;

/** Whose value is read. */
typedef enum {
    linkkit_method_get_property_value = 0,
    linkkit_method_get_event_output_value = 1,
    linkkit_method_get_service_input_value = 2,
    linkkit_method_get_service_output_value = 3,
    linkkit_method_get_number = 4
} linkkit_method_get_t;

/**
 * @brief Connects the device whose identity HAL_GetProductKey and its like give. Blocks until it is connected.
 * @param max_buffered_msg   1 or more; without effect
 * @param get_tsl_from_cloud 0; with anything else it fails: descriptions are not fetched
 * @param log_level          the most talkative level that is printed
 * @param ops                what the firmware wants to hear; copied
 * @param domain_type        the region
 * @param user_context       given back in callbacks
 * @return 0 or -1: an argument is not valid, started already, or not connected
 */
int linkkit_start(int max_buffered_msg, int get_tsl_from_cloud, linkkit_loglevel_t log_level, linkkit_ops_t *ops,
                  linkkit_cloud_domain_type_t domain_type, void *user_context);

/** @brief Disconnects. Waits for a callback in another thread; none is called afterwards. @return 0, or -1: not started */
int linkkit_end(void);

/** @brief Notes that the firmware wants to leave; nothing else. */
void linkkit_try_leave(void);

/** @return 1 when linkkit_try_leave was called since the start, else 0 */
int linkkit_is_try_leave(void);

/** @return 1 when nothing is started, else 0 */
int linkkit_is_end(void);

/** @brief Sets an option, before or after the start. @return 0, or -1: no such option, or NULL */
int linkkit_set_opt(linkkit_opt_t opt, void *data);

/** @brief Serves the connection for up to 10 ms and calls the callbacks of what waits. @return NULL */
void *linkkit_dispatch(void);

/** @brief Serves the connection for timeout_ms (1 or more) without calling callbacks. @return 0, or -1: not started */
int linkkit_yield(int timeout_ms);

/**
 * @brief Gives the device its description; thing_create follows in linkkit_dispatch. All values are unset.
 * @param tsl     the JSON text; types are int, float, double, text, enum, bool, date, struct and array of these
 * @param tsl_len its length in bytes
 * @return the device, or NULL: not started, or the text is no description
 */
void *linkkit_set_tsl(const char *tsl, int tsl_len);

/**
 * @brief Sets a value. It is sent by linkkit_post_property, linkkit_trigger_event or linkkit_answer_service.
 * @param method_set whose
 * @param thing_id   the device
 * @param identifier which
 * @param value      by the type: int * (int, enum, bool), float *, double *, char * (text, date); NULL: value_str counts
 * @param value_str  the value as text; for a struct or array JSON
 * @return 0 or -1: no such identifier, or the value does not fit; then the old one stays
 */
int linkkit_set_value(linkkit_method_set_t method_set, const void *thing_id, const char *identifier, const void *value,
                      const char *value_str);

/**
 * @brief Reads a value; one that was never set is 0 or empty.
 * @param method_get whose
 * @param thing_id   the device
 * @param identifier which
 * @param value      by the type: int *, float *, double *, char ** (text, date: to be freed with HAL_Free); may be NULL
 * @param value_str  gets the value as text, to be freed with HAL_Free; may be NULL, but not both
 * @return 0 or -1: no such identifier; a struct or array has no value but value_str, which is JSON
 */
int linkkit_get_value(linkkit_method_get_t method_get, const void *thing_id, const char *identifier, void *value,
                      char **value_str);

/**
 * @brief Answers a call of a service with the values that its outputs were given since. Each call can be answered once; 64 are
 *        kept, of more the oldest is forgotten.
 * @param thing_id           the device
 * @param service_identifier the service
 * @param response_id        the request_id of the call
 * @param code               200: done; 400 and others: not
 * @return 0 or -1
 */
int linkkit_answer_service(const void *thing_id, const char *service_identifier, int response_id, int code);

/** @brief Sends transparent data (is_up_raw not 0), or answers such data of the cloud (0). @return 0 or -1 */
int linkkit_invoke_raw_service(const void *thing_id, int is_up_raw, void *raw_data, int raw_data_length);

/** @brief Sets or deletes tags: params is a JSON array. Does not wait for the answer. @return 0 or -1 */
int linkkit_trigger_extended_info_operate(const void *thing_id, const char *params,
                                          linkkit_extended_info_operate_t linkkit_extended_info_operation);

/**
 * @brief Sends an event with the values that its outputs have. Does not wait for the answer.
 * @param thing_id         the device
 * @param event_identifier the event
 * @param cb               hears the answer; may be NULL
 * @return 0 or -1
 */
int linkkit_trigger_event(const void *thing_id, const char *event_identifier, handle_post_cb_fp_t cb);

/**
 * @brief Posts properties. Does not wait for the answer.
 * @param thing_id            the device
 * @param property_identifier which; one inside a struct posts the whole struct; NULL: all that have a value
 * @param cb                  hears the answer; may be NULL
 * @return 0 or -1
 */
int linkkit_post_property(const void *thing_id, const char *property_identifier, handle_post_cb_fp_t cb);

/** What a configuration's callback is told. */
typedef enum {
    service_cota_callback_type_new_version_detected = 10,
    service_cota_callback_type_number = 11
} service_cota_callback_type_t;

/** Hears of a configuration on offer: its id, size in bytes, type, digest, the digest's method and URL. */
typedef void (*handle_service_cota_callback_fp_t)(service_cota_callback_type_t callback_type, const char *configid,
                                                  uint32_t configsize, const char *gettype, const char *sign,
                                                  const char *signmethod, const char *cota_url);

/** @brief Says who hears of configurations on offer, after the start. @return 0, or -1: not started */
int linkkit_cota_init(handle_service_cota_callback_fp_t callback_fp);

/** @brief Downloads the configuration on offer, as linkkit_invoke_fota_service does firmware. @return 0 or -1 */
int linkkit_invoke_cota_service(void *data_buf, int data_buf_length);

/** @brief Asks for the configuration. Scope "product", type "file"; the rest is not looked at. @return 0 or -1 */
int linkkit_invoke_cota_get_config(const char *config_scope, const char *get_type, const char *attribute_Keys,
                                   void *option);

#ifndef OTAKIT_LINKKIT_SERVICE_FOTA
#define OTAKIT_LINKKIT_SERVICE_FOTA
/** What a firmware's callback is told. */
typedef enum {
    service_fota_callback_type_new_version_detected = 10,
    service_fota_callback_type_number = 11
} service_fota_callback_type_t;

/** Hears of firmware on offer: its version. */
typedef void (*handle_service_fota_callback_fp_t)(service_fota_callback_type_t callback_type, const char *version);
#endif

/** @brief Says who hears of firmware on offer, after the start. @return 0, or -1: not started */
int linkkit_fota_init(handle_service_fota_callback_fp_t callback_fp);

/**
 * @brief Downloads the firmware on offer into HAL_Firmware_Persistence_* and tells the cloud. Blocks until it has ended.
 * @param data_buf        not NULL; it is not written to
 * @param data_buf_length 2 or more: how many bytes are written at a time, and one
 * @return 0: complete and verified; -1: nothing on offer, or failed
 */
int linkkit_invoke_fota_service(void *data_buf, int data_buf_length);

/** @brief Asks for the cloud's clock; the callback hears milliseconds since 1970, as text. @return 0 or -1 */
int linkkit_ntp_time_request(void (*ntp_reply_cb)(const char *ntp_offset_time_ms));

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_LINKKIT_EXPORT_H */
