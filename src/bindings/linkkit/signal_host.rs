// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signal channel over the host SDK's MQTT client: the library then replaces the OTA module alone.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::mqtt_types::{
    PUBLISH_RECEIVED, iotx_mqtt_event_handle_func_fpt, iotx_mqtt_event_msg_t, iotx_mqtt_qos_t,
    iotx_mqtt_topic_info_t,
};
use crate::hal::border::in_c;
use crate::service::{Listener, Signal, SignalError};

unsafe extern "C" {
    fn IOT_MQTT_Subscribe(
        handle: *mut c_void,
        topic_filter: *const c_char,
        qos: iotx_mqtt_qos_t,
        topic_handle_func: iotx_mqtt_event_handle_func_fpt,
        pcontext: *mut c_void,
    ) -> c_int;
    fn IOT_MQTT_Unsubscribe(handle: *mut c_void, topic_filter: *const c_char) -> c_int;
    fn IOT_MQTT_Publish(
        handle: *mut c_void,
        topic_name: *const c_char,
        topic_msg: *mut iotx_mqtt_topic_info_t,
    ) -> c_int;
}

/// The channel over the host's client; NULL is the host's default client.
pub fn channel(ch_signal: *mut c_void) -> Option<Arc<dyn Signal>> {
    Some(Arc::new(HostSignal { client: HostClient(ch_signal) }))
}

/// The host keeps its authorities to itself.
pub fn authorities(_: *mut c_void) -> Option<String> {
    None
}

/// The host alone asks its HAL for the firmware's version; what is reported through it is what is known.
pub fn running_version() -> Option<String> {
    None
}

/// The host's handle, only ever handed back to the host.
struct HostClient(*mut c_void);

// SAFETY: the pointer is never followed here; the host's functions may be called from any thread (its send lock).
unsafe impl Send for HostClient {}
// SAFETY: as above.
unsafe impl Sync for HostClient {}

struct HostSignal {
    client: HostClient,
}

/// What callbacks get as their context is a number that is looked up here, never a pointer: hosts are known to call
/// handlers that were unsubscribed long ago.
static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners { last: 0, known: Vec::new() });

struct Listeners {
    last: usize,
    known: Vec<(usize, Weak<dyn Listener>)>,
}

unsafe extern "C" fn on_event(context: *mut c_void, _client: *mut c_void, event: *mut iotx_mqtt_event_msg_t) {
    crate::bindings::guard::guard("MQTT callback", (), || {
        // SAFETY: the host passes an event, or NULL.
        let Some(event) = (unsafe { event.as_ref() }) else { return };
        if event.event_type != PUBLISH_RECEIVED {
            return;
        }
        // SAFETY: with this type the host passes a topic info that is valid during the call.
        let Some(info) = (unsafe { event.msg.cast::<iotx_mqtt_topic_info_t>().as_ref() }) else { return };
        // SAFETY: the host promises that payload and length are good during the call.
        let payload =
            unsafe { crate::bindings::text::bytes(info.payload.cast(), i64::from(info.payload_len)) };
        let listener = {
            let listeners = LISTENERS.lock();
            let found = listeners.known.iter().find(|(id, _)| *id == context.addr());
            found.and_then(|(_, listener)| listener.upgrade())
        };
        if let (Some(listener), Some(payload)) = (listener, payload) {
            listener.on_message(payload);
        }
    });
}

impl Signal for HostSignal {
    fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<(), SignalError> {
        let topic = CString::new(topic).map_err(|_| SignalError)?;
        // A NUL after the bytes, which the length does not count: hosts print payloads as strings.
        let text = CString::new(payload).map_err(|_| SignalError)?;
        let mut info = iotx_mqtt_topic_info_t {
            packet_id: 0,
            qos,
            dup: 0,
            retain: 0,
            topic_len: u16::try_from(topic.as_bytes().len()).map_err(|_| SignalError)?,
            payload_len: u32::try_from(payload.len()).map_err(|_| SignalError)?,
            ptopic: topic.as_ptr(),
            payload: text.as_ptr(),
        };
        // SAFETY: the texts and the structure outlive the call; the host copies what it keeps.
        let code = in_c(|| unsafe { IOT_MQTT_Publish(self.client.0, topic.as_ptr(), &raw mut info) });
        if code < 0 { Err(SignalError) } else { Ok(()) }
    }

    fn subscribe(&self, topic: &str, qos: u8, listener: Arc<dyn Listener>) -> Result<(), SignalError> {
        let topic = CString::new(topic).map_err(|_| SignalError)?;
        let id = {
            let mut listeners = LISTENERS.lock();
            listeners.last += 1;
            let id = listeners.last;
            listeners.known.push((id, Arc::downgrade(&listener)));
            id
        };
        let context = std::ptr::without_provenance_mut(id);
        // SAFETY: the host copies the filter; the callback may be called at any time, whatever the context.
        let code = in_c(|| unsafe {
            IOT_MQTT_Subscribe(
                self.client.0,
                topic.as_ptr(),
                iotx_mqtt_qos_t(c_int::from(qos)),
                Some(on_event),
                context,
            )
        });
        if code < 0 {
            LISTENERS.lock().known.retain(|(known, _)| *known != id);
            return Err(SignalError);
        }
        Ok(())
    }

    fn unsubscribe(&self, topic: &str, listener: &Arc<dyn Listener>) {
        LISTENERS.lock().known.retain(|(_, known)| !std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(listener)));
        if let Ok(topic) = CString::new(topic) {
            // SAFETY: the host copies the filter.
            in_c(|| unsafe { IOT_MQTT_Unsubscribe(self.client.0, topic.as_ptr()) });
        }
    }
}
