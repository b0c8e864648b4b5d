// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mqtt_api.h`: the ten `IOT_MQTT_*` functions.

mod callback;
pub(super) mod construct;

use std::ffi::{c_char, c_int, c_void};
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::platform::aliyun::identity::Device;
use parking_lot::{Condvar, Mutex};

use super::mqtt_types::{iotx_mqtt_event_handle_func_fpt, iotx_mqtt_qos_t, iotx_mqtt_topic_info_t};
use super::{FAIL, NULL_VALUE, SUCCESS, model, ota, v310_state};
use crate::bindings::arguments::{Fault, note};
use crate::bindings::guard::guard;
use crate::bindings::handle::{Handle, Kind, Table};
use crate::bindings::{settings, text, wait_without};
use crate::hal::border::in_c;
use crate::mqtt::{Client, Handler, MqttError, Subscription};
use callback::Pclient;
pub use construct::iotx_mqtt_param_t;
use construct::{Given, Limits, Plan};

/// `iotx_mqtt_nwk_event_t`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_mqtt_nwk_event_t(pub c_int);

/// `iotx_mqtt_nwk_param_t`.
#[repr(C)]
pub struct iotx_mqtt_nwk_param_t {
    /// Descriptor of the socket that the event is about.
    pub fd: usize,
}

/// A client as its handle stands for it.
pub(super) struct Open {
    client: Client,
    /// Who signed in, if that is known.
    device: Option<Device>,
    authorities: Option<String>,
}

static CLIENTS: Table<Open> = Table::new(Kind::Mqtt);
/// The client that a NULL handle means: the one constructed first of those that are open.
static DEFAULT: Mutex<Option<Handle>> = Mutex::new(None);
/// Subscriptions made before there is a client.
static EARLY: Mutex<Vec<Subscription>> = Mutex::new(Vec::new());
/// What their callbacks are told of the client, once there is one.
static EARLY_CLIENT: Mutex<Option<Pclient>> = Mutex::new(None);
/// Client ids that are being connected.
static CONNECTING: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// One of them is done.
static CONNECTED: Condvar = Condvar::new();

/// Longest list of subscriptions kept until a client exists.
const MAX_EARLY: usize = 64;
/// How long `IOT_MQTT_Destroy` waits for what is queued to be sent.
const GRACE: Duration = Duration::from_millis(200);

/// The client behind a handle.
pub(super) fn client(handle: Handle) -> Option<Client> {
    CLIENTS.get(handle).map(|open| open.client.clone())
}

/// The client that NULL means.
pub(super) fn default_client() -> Option<Client> {
    let handle = *DEFAULT.lock();
    handle.and_then(client)
}

/// The client that is signed in as this device, else the one that NULL means; and its handle.
pub(super) fn connection_of(device: &Device) -> Option<(Handle, Client)> {
    let own = CLIENTS.find_open(|open| open.device.as_ref() == Some(device));
    let handle = own.or(*DEFAULT.lock())?;
    Some((handle, client(handle)?))
}

/// The authorities that the client was given, for https.
pub(super) fn authorities(handle: Option<Handle>) -> Option<String> {
    let handle = handle.or(*DEFAULT.lock())?;
    CLIENTS.get(handle)?.authorities.clone()
}

/// How many clients are open.
pub(super) fn open_clients() -> usize {
    CLIENTS.len()
}

/// Keeps a subscription for the client to come; the same filter and handler once.
pub(super) fn subscribe_early(subscription: Subscription) -> bool {
    let mut early = EARLY.lock();
    early.retain(|kept| {
        kept.filter != subscription.filter || !kept.handler.same_as(subscription.handler.as_ref())
    });
    let room = early.len() < MAX_EARLY;
    if room {
        early.push(subscription);
    }
    room
}

/// Forgets such a subscription.
pub(super) fn forget_early(filter: &str, handler: &dyn Handler) {
    EARLY.lock().retain(|kept| kept.filter != filter || !kept.handler.same_as(handler));
}

/// Milliseconds from C.
fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

/// NULL stands for the default client.
#[track_caller]
pub(super) fn find(handle: *mut c_void) -> Option<Client> {
    let found = if handle.is_null() { default_client() } else { client(Handle::from_c(handle)) };
    if found.is_none() {
        note(Fault::NoHandle, Location::caller());
    }
    found
}

/// `iotx_err_t`, as the reference returns it.
fn code(error: MqttError) -> c_int {
    match error {
        MqttError::InvalidTopic => -41,
        MqttError::NotConnected => -27,
        MqttError::Qos => -20,
        MqttError::QueueFull => -42,
        MqttError::TooLarge => -21,
        MqttError::Network => -14,
        MqttError::Closed => NULL_VALUE,
        MqttError::Timeout | MqttError::Reentrant => FAIL,
    }
}

fn packet_id(outcome: Result<u16, MqttError>) -> c_int {
    outcome.map_or_else(code, c_int::from)
}

/// Connects and signs in. NULL when the identity is missing, the broker cannot be reached or refuses. A client id that
/// is connected already yields its client's handle.
///
/// # Safety
/// `pInitParams` is NULL or points to the structure, its texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Construct(pInitParams: *mut iotx_mqtt_param_t) -> *mut c_void {
    guard("IOT_MQTT_Construct", std::ptr::null_mut(), || {
        // SAFETY: NULL or the structure with its texts, as the caller says.
        connect(unsafe { Given::read(pInitParams) }, &construct::V301)
    })
}

/// `IOT_MQTT_Construct` of a SDK generation.
pub(super) fn connect(given: Option<Given>, limits: &Limits) -> *mut c_void {
    let opened = given.and_then(|given| construct::plan(given, limits)).and_then(open);
    opened.map_or(std::ptr::null_mut(), Handle::to_c)
}

/// The right to connect a client id; given back when dropped.
struct Connecting {
    id: String,
}

impl Connecting {
    /// Waits while another thread connects the id. `Err`: it has a client.
    fn take(id: &str) -> Result<Self, Handle> {
        let mut connecting = CONNECTING.lock();
        loop {
            if let Some(handle) = CLIENTS.find_open(|open| open.client.options().client_id == id) {
                return Err(handle);
            }
            if !connecting.iter().any(|other| other == id) {
                connecting.push(id.to_owned());
                return Ok(Self { id: id.to_owned() });
            }
            CONNECTED.wait(&mut connecting);
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        CONNECTING.lock().retain(|other| *other != self.id);
        CONNECTED.notify_all();
    }
}

/// Connects as planned, and greets the cloud. Of two threads that connect one client id one does it, both get the handle.
pub(super) fn open(plan: Plan) -> Option<Handle> {
    let turn = match Connecting::take(&plan.options.client_id) {
        Ok(turn) => turn,
        Err(handle) => {
            crate::log!(Warning, "mqtt", "this client id has a client already: its handle is returned");
            subscribe_on(handle, plan.early);
            return Some(handle);
        }
    };
    let first = DEFAULT.lock().is_none();
    let begun = Instant::now();
    let early = if first { std::mem::take(&mut *EARLY.lock()) } else { Vec::new() };
    let all = plan.early.into_iter().chain(early.iter().cloned()).collect();
    let connected = Client::connect(settings::dial(), plan.options, plan.default_handler, all);
    let client = match connected {
        Ok(client) => client,
        Err(error) => {
            v310_state::connected(Err(error), begun.elapsed().as_millis());
            EARLY.lock().extend(early);
            return None;
        }
    };
    construct::greet(&client, plan.device.as_ref());
    let open = Open { client: client.clone(), device: plan.device, authorities: plan.authorities };
    let handle = CLIENTS.open_unless(Arc::new(open), |_| false);
    match handle {
        Some(handle) => {
            plan.pclient.bind(handle);
            if first && let Some(pclient) = EARLY_CLIENT.lock().take() {
                pclient.bind(handle);
            }
            drop(turn);
            DEFAULT.lock().get_or_insert(handle);
            v310_state::connected(Ok(()), begun.elapsed().as_millis());
            model::callbacks::mqtt_connected();
        }
        None => client.disconnect(GRACE),
    }
    handle
}

/// Makes subscriptions that were meant for a client to come on one that is there.
fn subscribe_on(handle: Handle, early: Vec<Subscription>) {
    let Some(client) = client(handle) else { return };
    for Subscription { filter, qos, handler } in early {
        if let Err(error) = client.subscribe_lasting(&filter, qos, handler) {
            crate::log!(Warning, "mqtt", "{filter}: {error}");
        }
    }
}

/// What the callbacks of a subscription over `handle` are told of the client.
fn pclient(handle: *mut c_void) -> Pclient {
    if !handle.is_null() {
        return Handle::from_c(handle).into();
    }
    let default = *DEFAULT.lock();
    default.map_or_else(|| EARLY_CLIENT.lock().get_or_insert_default().clone(), Pclient::from)
}

/// Disconnects and frees; `false` when the handle is not open.
pub(super) fn close(handle: Handle) -> bool {
    let Some(open) = CLIENTS.close(handle) else { return false };
    let next = CLIENTS.find_open(|_| true);
    let mut default = DEFAULT.lock();
    if *default == Some(handle) {
        *default = next;
    }
    drop(default);
    open.client.disconnect(GRACE);
    true
}

/// Disconnects, frees, and sets `*phandle` to NULL. NULL and a NULL handle mean the default client.
///
/// # Safety
/// `phandle` is NULL or points to a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Destroy(phandle: *mut *mut c_void) -> c_int {
    guard("IOT_MQTT_Destroy", FAIL, || {
        // SAFETY: as the caller promises.
        let given = unsafe { phandle.as_ref() }.copied().unwrap_or(std::ptr::null_mut());
        let handle = if given.is_null() { *DEFAULT.lock() } else { Some(Handle::from_c(given)) };
        if !handle.is_some_and(close) {
            return NULL_VALUE;
        }
        if !phandle.is_null() {
            // SAFETY: not NULL; writable, as the caller promises.
            unsafe { phandle.write(std::ptr::null_mut()) };
        }
        SUCCESS
    })
}

/// Runs callbacks for what has come and comes, for the whole time (0: 10 ms). -1 for a negative time and inside a
/// callback. Without a client it waits out the time all the same and returns -2: a loop around it does not burn a processor.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_MQTT_Yield(handle: *mut c_void, timeout_ms: c_int) -> c_int {
    guard("IOT_MQTT_Yield", FAIL, || {
        let Some(client) = find(handle) else {
            wait_without("IOT_MQTT_Yield", "MQTT client", millis(u32::try_from(timeout_ms).unwrap_or(0)));
            return NULL_VALUE;
        };
        let Ok(timeout_ms) = u32::try_from(timeout_ms) else { return FAIL };
        if !client.is_open() {
            wait_without("IOT_MQTT_Yield", "MQTT client", millis(timeout_ms));
            return code(MqttError::Closed);
        }
        ota::take_waiting();
        // Asked after each event, of which one is that the link is back.
        let more = || {
            ota::settle();
            true
        };
        client.yield_while(millis(timeout_ms), &more).map_or_else(code, |()| SUCCESS)
    })
}

/// 1 connected, 0 not, -2 no client.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_MQTT_CheckStateNormal(handle: *mut c_void) -> c_int {
    guard("IOT_MQTT_CheckStateNormal", 0, || {
        find(handle).map_or(NULL_VALUE, |client| c_int::from(client.is_connected()))
    })
}

/// Subscribes; the answer comes as an event. Without a client the subscription is kept for the one to come (0).
///
/// # Safety
/// `topic_filter` is NULL or NUL-terminated; the function may be called with `pcontext` until it is unsubscribed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Subscribe(
    handle: *mut c_void,
    topic_filter: *const c_char,
    qos: iotx_mqtt_qos_t,
    topic_handle_func: iotx_mqtt_event_handle_func_fpt,
    pcontext: *mut c_void,
) -> c_int {
    guard("IOT_MQTT_Subscribe", FAIL, || {
        // SAFETY: as the caller promises.
        let subscription = unsafe { subscription(handle, topic_filter, qos, topic_handle_func, pcontext) };
        let Some(Subscription { filter, qos, handler }) = subscription else { return NULL_VALUE };
        match find(handle) {
            Some(client) => packet_id(client.subscribe(&filter, qos, handler)),
            None if !handle.is_null() => NULL_VALUE,
            None if !crate::mqtt::topic::valid_filter(&filter) => code(MqttError::InvalidTopic),
            None if subscribe_early(Subscription { filter, qos, handler }) => SUCCESS,
            None => FAIL,
        }
    })
}

/// Subscribes and waits for the answer, at most `timeout_ms`. Inside a callback it does not wait.
///
/// # Safety
/// As for [`IOT_MQTT_Subscribe`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Subscribe_Sync(
    handle: *mut c_void,
    topic_filter: *const c_char,
    qos: iotx_mqtt_qos_t,
    topic_handle_func: iotx_mqtt_event_handle_func_fpt,
    pcontext: *mut c_void,
    timeout_ms: c_int,
) -> c_int {
    guard("IOT_MQTT_Subscribe_Sync", FAIL, || {
        let Some(client) = find(handle) else {
            // SAFETY: as the caller promises.
            return in_c(|| unsafe {
                IOT_MQTT_Subscribe(handle, topic_filter, qos, topic_handle_func, pcontext)
            });
        };
        // SAFETY: as the caller promises.
        let subscription = unsafe { subscription(handle, topic_filter, qos, topic_handle_func, pcontext) };
        let Some(Subscription { filter, qos, handler }) = subscription else { return NULL_VALUE };
        let timeout = millis(u32::try_from(timeout_ms).unwrap_or(0));
        packet_id(client.subscribe_sync(&filter, qos, handler, timeout))
    })
}

/// # Safety
/// As for [`IOT_MQTT_Subscribe`].
unsafe fn subscription(
    handle: *mut c_void,
    topic_filter: *const c_char,
    qos: iotx_mqtt_qos_t,
    function: iotx_mqtt_event_handle_func_fpt,
    pcontext: *mut c_void,
) -> Option<Subscription> {
    // SAFETY: as the caller promises.
    let filter = unsafe { text::given(topic_filter) }?.to_owned();
    let handler: Arc<dyn Handler> = Arc::new(callback::CHandler::new(pclient(handle), function, pcontext)?);
    let qos = u8::try_from(qos.0).ok().filter(|&qos| qos <= 2).unwrap_or(0);
    Some(Subscription { filter, qos, handler })
}

/// Unsubscribes; its callbacks are not called any more.
///
/// # Safety
/// `topic_filter` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Unsubscribe(handle: *mut c_void, topic_filter: *const c_char) -> c_int {
    guard("IOT_MQTT_Unsubscribe", FAIL, || {
        // SAFETY: as the caller promises.
        let (Some(client), Some(filter)) = (find(handle), unsafe { text::given(topic_filter) }) else {
            return NULL_VALUE;
        };
        packet_id(client.unsubscribe(filter))
    })
}

/// Publishes; returns 0 with QoS 0, else the packet id, which is also written into `topic_msg`.
///
/// # Safety
/// `topic_name` is NULL or NUL-terminated; `topic_msg` is NULL or points to the structure with its payload.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Publish(
    handle: *mut c_void,
    topic_name: *const c_char,
    topic_msg: *mut iotx_mqtt_topic_info_t,
) -> c_int {
    guard("IOT_MQTT_Publish", FAIL, || {
        // SAFETY: as the caller promises.
        let (topic, message) = unsafe { (text::given(topic_name), topic_msg.as_mut()) };
        let (Some(client), Some(topic), Some(message)) = (find(handle), topic, message) else {
            return NULL_VALUE;
        };
        if message.payload.is_null() {
            return NULL_VALUE;
        }
        // SAFETY: as the caller promises.
        let payload = unsafe { text::bytes(message.payload.cast(), i64::from(message.payload_len)) };
        let payload = payload.unwrap_or_default();
        let outcome = if message.retain == 0 {
            client.publish(topic, message.qos, payload)
        } else {
            client.publish_retained(topic, message.qos, payload)
        };
        if let Ok(id @ 1..) = outcome {
            message.packet_id = id;
        }
        packet_id(outcome)
    })
}

/// Publishes; as [`IOT_MQTT_Publish`], with -1 for every failure but missing arguments.
///
/// # Safety
/// `topic_name` is NULL or NUL-terminated; `data` is NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_Publish_Simple(
    handle: *mut c_void,
    topic_name: *const c_char,
    qos: c_int,
    data: *mut c_void,
    len: c_int,
) -> c_int {
    guard("IOT_MQTT_Publish_Simple", FAIL, || {
        // SAFETY: as the caller promises.
        let (Some(client), Some(topic)) = (find(handle), unsafe { text::given(topic_name) }) else {
            return NULL_VALUE;
        };
        // SAFETY: as the caller promises.
        let (Ok(qos), Some(payload)) = (u8::try_from(qos), unsafe { text::bytes(data, i64::from(len)) })
        else {
            return FAIL;
        };
        client.publish(topic, qos, payload).map_or(FAIL, c_int::from)
    })
}

/// For network stacks that call back instead of blocking, which this library does not need: -1, as in the reference's
/// builds for blocking sockets; -2 for bad arguments.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_MQTT_Nwk_Event_Handler(
    handle: *mut c_void,
    event: iotx_mqtt_nwk_event_t,
    param: *mut iotx_mqtt_nwk_param_t,
) -> c_int {
    guard("IOT_MQTT_Nwk_Event_Handler", FAIL, || {
        let sound = find(handle).is_some() && (0..4).contains(&event.0) && !param.is_null();
        if sound { FAIL } else { NULL_VALUE }
    })
}
