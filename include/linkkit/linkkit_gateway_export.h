/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file linkkit_gateway_export.h
 * @brief A gateway and its sub-devices: the API of Link Kit 2.2 and 2.3 that IOT_Linkkit_* replaced. For firmware that has it.
 *
 * linkkit_gateway_init, linkkit_gateway_start; for each sub-device linkkit_gateway_subdev_register and _create in either order,
 * then _login. Values are JSON texts, as for IOT_Linkkit_*.
 *
 * The library serves the gateway in a thread of its own, with 256 KiB of stack: callbacks run there, one at a time. Calls may
 * come from any thread and from callbacks. Texts given to callbacks are valid during the call. Return values: 0 is success
 * unless another meaning is given, -1 is any failure, and a log line says which.
 */
#ifndef OTAKIT_LINKKIT_LINKKIT_GATEWAY_EXPORT_H
#define OTAKIT_LINKKIT_LINKKIT_GATEWAY_EXPORT_H

#ifdef __cplusplus
extern "C" {
#endif

/** What happens to the gateway. */
enum {
    LINKKIT_EVENT_CLOUD_DISCONNECTED = 0, /**< the connection is lost */
    LINKKIT_EVENT_CLOUD_CONNECTED = 1,    /**< connected, at first and again */
    LINKKIT_EVENT_SUBDEV_DELETED = 2,     /**< the cloud has deleted a sub-device */
    LINKKIT_EVENT_SUBDEV_PERMITED = 3,    /**< sub-devices may join */
    LINKKIT_EVENT_SUBDEV_SETUP = 4        /**< sub-devices were assigned to the gateway */
};

/** Options of linkkit_gateway_setopt, an int each: default, range. */
enum {
    LINKKIT_OPT_MAX_MSG_SIZE = 1,        /**< 20480, 512 to 51200: bytes that a callback may answer */
    LINKKIT_OPT_MAX_MSG_QUEUE_SIZE = 2,  /**< 16, 2 to 32: kept, without effect */
    LINKKIT_OPT_THREAD_POOL_SIZE = 3,    /**< 4, 1 to 16: kept, without effect */
    LINKKIT_OPT_THREAD_STACK_SIZE = 4,   /**< 8192, 1024 to 8388608: kept, without effect */
    LINKKIT_OPT_PROPERTY_POST_REPLY = 5, /**< 1, 0 or 1: answers to posted properties are waited for and told */
    LINKKIT_OPT_EVENT_POST_REPLY = 6,    /**< 1, 0 or 1: answers to events are waited for and told */
    LINKKIT_OPT_PROPERTY_SET_REPLY = 7   /**< 1, 0 or 1: the cloud is answered when it sets properties; before the start */
};

/** What happened, and to what. Texts are NUL-terminated. */
typedef struct {
    int event_type; /**< LINKKIT_EVENT_... */
    union {
        struct {
            char *productKey;
            char *deviceName;
        } subdev_deleted; /**< of SUBDEV_DELETED */
        struct {
            char *productKey; /**< any product when empty */
            int timeoutSec;   /**< for how long */
        } subdev_permited;    /**< of SUBDEV_PERMITED */
        struct {
            char *subdevList; /**< a JSON array of {"productKey":"","deviceName":""} */
        } subdev_install;     /**< of SUBDEV_SETUP */
        struct {
            char *subdevList;
        } subdev_setup; /**< the same by its older name */
    } event_data;
} linkkit_event_t;

/** How the gateway is run. */
typedef struct linkkit_params_s {
    int maxMsgSize;
    int maxMsgQueueSize;
    int threadPoolSize;
    int threadStackSize;
    int (*event_cb)(linkkit_event_t *ev, void *ctx);
    void *ctx;
} linkkit_params_t;

/** @return the parameters that linkkit_gateway_init takes; the process has one set of them, to be changed before it */
linkkit_params_t *linkkit_gateway_get_default_params(void);

/** @brief Changes an option. @return 0, or -1: no such option, out of its range, or value_len is not sizeof(int) */
int linkkit_gateway_setopt(linkkit_params_t *params, int option, void *value, int value_len);

/** @brief Says who hears what happens. @return 0, or -1: params is NULL */
int linkkit_gateway_set_event_callback(linkkit_params_t *params, int (*event_cb)(linkkit_event_t *ev, void *ctx),
                                       void *ctx);

/** @brief Takes the parameters over; no network. @return 0, or -1: done already, or a size is not positive */
int linkkit_gateway_init(linkkit_params_t *initParams);

/** @brief Stops the gateway if it runs, and undoes linkkit_gateway_init. @return 0, or -1: there is nothing to undo */
int linkkit_gateway_exit(void);

/**
 * What a device, the gateway included, is asked for; each may be NULL. ctx is the one given with them. "out" has room for
 * out_len bytes; what is written there is a NUL-terminated JSON text, nothing counts as {}.
 */
typedef struct {
    /** The device is connected and its subscriptions are made. Called by the thread that starts it or logs it in. */
    int (*register_complete)(void *ctx);
    /** Properties are asked for: in is a JSON array of names. 0: out is sent; else 400. */
    int (*get_property)(char *in, char *out, int out_len, void *ctx);
    /** Properties are to be set: in is a JSON object. 0: answered with 200; else with 400. */
    int (*set_property)(char *in, void *ctx);
    /** A service is called: in is a JSON object. 0: out is sent; else 400. */
    int (*call_service)(char *identifier, char *in, char *out, int out_len, void *ctx);
    /** Transparent data. Returns how many bytes of out are to be sent back; 0 or less: none. */
    int (*down_rawdata)(const void *in, int in_len, void *out, int out_len, void *ctx);
    /** The cloud's answer to transparent data. */
    int (*post_rawdata_reply)(const void *data, int len, void *ctx);
} linkkit_cbs_t;

/**
 * @brief Connects the gateway whose identity HAL_GetProductKey and its like give, and serves it. Blocks until it is connected.
 * @param cbs what it is asked for; copied
 * @param ctx given back in its callbacks
 * @return 0, the gateway's id; -1: not initialised, started already, or not connected
 */
int linkkit_gateway_start(linkkit_cbs_t *cbs, void *ctx);

/** @brief Disconnects; waits for a callback under way, none is called afterwards. @return 0, or -1: not started */
int linkkit_gateway_stop(int devid);

/**
 * @brief Brings a sub-device into the gateway: registers it when deviceSecret is NULL or empty, then adds it to the topology.
 *        Blocks, at most 10 s a step.
 * @return 0 or -1
 */
int linkkit_gateway_subdev_register(char *productKey, char *deviceName, char *deviceSecret);

/** @brief Takes a sub-device out of the gateway's topology. Blocks, at most 10 s. @return 0 or -1 */
int linkkit_gateway_subdev_unregister(char *productKey, char *deviceName);

/** @brief Opens a sub-device; no network. cbs is copied. @return its id, 1 or more; -1 */
int linkkit_gateway_subdev_create(char *productKey, char *deviceName, linkkit_cbs_t *cbs, void *ctx);

/** @brief Closes a sub-device: off line and forgotten. Waits for no answer. @return 0 or -1 */
int linkkit_gateway_subdev_destroy(int devid);

/** @brief Brings a sub-device on line. Blocks, at most 10 s and the subscriptions. @return 0 or -1 */
int linkkit_gateway_subdev_login(int devid);

/** @brief Takes a sub-device off line. Blocks, at most 10 s. @return 0 or -1 */
int linkkit_gateway_subdev_logout(int devid);

/** What a device is to the cloud. */
enum { LINKKIT_STATE_ENABLED = 0, LINKKIT_STATE_DISABLED = 1, LINKKIT_STATE_REMOVED = 2 };

/** What is known of a device. The texts are the library's: valid until the device is destroyed or the gateway stopped. */
typedef struct {
    char *productKey;
    char *deviceName;
    int devtype; /**< 0: the gateway, 1: a sub-device */
    int login;   /**< 1: logged in */
    int state;   /**< LINKKIT_STATE_... */
    int online;  /**< 1: logged in, and the gateway is connected */
} linkkit_devinfo_t;

/** @brief Says what is known of a device. @return 0, or -1: no such device */
int linkkit_gateway_get_devinfo(int devid, linkkit_devinfo_t *devinfo);

/** @brief Posts an event, a JSON object, and waits for the answer at most timeout_ms; 0: not at all. @return 0 or -1 */
int linkkit_gateway_trigger_event_json_sync(int devid, char *identifier, char *event, int timeout_ms);

/**
 * @brief Posts an event, a JSON object.
 * @param func hears how it ended: more than 0 done, 0 no answer within timeout_ms, less than 0 refused. Not called when
 *             timeout_ms is 0 or it could not be sent. May be NULL.
 * @param ctx  given back to it
 * @return 0 or -1
 */
int linkkit_gateway_trigger_event_json(int devid, char *identifier, char *event, int timeout_ms,
                                       void (*func)(int retval, void *ctx), void *ctx);

/** @brief Posts properties, a JSON object, and waits as linkkit_gateway_trigger_event_json_sync does. @return 0 or -1 */
int linkkit_gateway_post_property_json_sync(int devid, char *property, int timeout_ms);

/** @brief Posts properties, a JSON object; func as for linkkit_gateway_trigger_event_json. @return 0 or -1 */
int linkkit_gateway_post_property_json(int devid, char *property, int timeout_ms, void (*func)(int retval, void *ctx),
                                       void *ctx);

/** @brief Sends transparent data. @return 0 or -1 */
int linkkit_gateway_post_rawdata(int devid, void *data, int len);

/** What an update's event is. */
typedef enum { LINKKIT_OTA_EVENT_NEW_VERSION_DETECTED = 1 } linkkit_ota_event_t;

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

/** @brief Says who hears of firmware on offer, after the start; NULL: nobody. @return 0, or -1: not started */
int linkkit_gateway_fota_init(handle_service_fota_callback_fp_t callback_fp);

/**
 * @brief Downloads the firmware on offer into HAL_Firmware_Persistence_* and tells the cloud. Blocks until it has ended.
 * @param data_buf        not NULL; it is not written to
 * @param data_buf_length 2 or more: how many bytes are written at a time, and one
 * @return 0: complete and verified; -1: nothing on offer, or failed
 */
int linkkit_gateway_invoke_fota_service(void *data_buf, int data_buf_length);

/** A tag. */
typedef struct {
    char *attrKey;
    char *attrValue;
} linkkit_extinfo_t;

/** @brief Sets tags, 1 to 1024 of them, and waits for the answer at most timeout_ms; 0: not at all. @return 0 or -1 */
int linkkit_gateway_post_extinfos(int devid, linkkit_extinfo_t *extinfos, int nb_extinfos, int timeout_ms);

/** @brief Deletes tags by their names; waits as linkkit_gateway_post_extinfos does. @return 0 or -1 */
int linkkit_gateway_delete_extinfos(int devid, linkkit_extinfo_t *extinfos, int nb_extinfos, int timeout_ms);

/** @return how many devices are open, the gateway included; 0: not started */
int linkkit_gateway_get_num_devices(void);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_LINKKIT_GATEWAY_EXPORT_H */
