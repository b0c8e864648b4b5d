// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events on their way into a C callback.

use std::ffi::{CString, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::mqtt_types::{
    PUBLISH_RECEIVED, iotx_mqtt_event_handle_func_fpt, iotx_mqtt_event_msg_t, iotx_mqtt_topic_info_t,
};
use crate::bindings::handle::Handle;
use crate::hal::border::in_c;
use crate::mqtt::{Event, Handler, Message};

/// The client that a callback is told, which may be there only later than the callback.
#[derive(Clone, Default)]
pub struct Pclient(Arc<AtomicUsize>);

impl Pclient {
    /// The client is there now.
    pub fn bind(&self, client: Handle) {
        self.0.store(client.to_c().addr(), Ordering::Release);
    }

    /// NULL before that.
    fn get(&self) -> *mut c_void {
        // A handle is a number, not an address.
        std::ptr::without_provenance_mut(self.0.load(Ordering::Acquire))
    }
}

impl From<Handle> for Pclient {
    fn from(client: Handle) -> Self {
        let pclient = Self::default();
        pclient.bind(client);
        pclient
    }
}

/// A C function with its context.
pub struct CHandler {
    client: Pclient,
    function: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut iotx_mqtt_event_msg_t),
    context: *mut c_void,
}

// SAFETY: the pointers are handed back to C as they came and never followed here; C chooses the thread that calls by
// choosing where it yields.
unsafe impl Send for CHandler {}
// SAFETY: as above.
unsafe impl Sync for CHandler {}

impl CHandler {
    /// `None` without a function.
    pub fn new(
        client: Pclient,
        function: iotx_mqtt_event_handle_func_fpt,
        context: *mut c_void,
    ) -> Option<Self> {
        function.map(|function| Self { client, function, context })
    }

    fn call(&self, event_type: c_int, msg: *mut c_void) {
        let mut event = iotx_mqtt_event_msg_t { event_type, msg };
        // SAFETY: C gave the function for this prototype; `event` and what it points to outlive the call.
        in_c(|| unsafe { (self.function)(self.context, self.client.get(), &raw mut event) });
    }

    fn message(&self, message: &Message<'_>) {
        // A NUL after the bytes: programs print payloads as strings.
        let mut payload = Vec::with_capacity(message.payload.len() + 1);
        payload.extend_from_slice(message.payload);
        payload.push(0);
        // The client hands on no topic with a NUL in it.
        let Ok(topic) = CString::new(message.topic) else { return };
        let mut info = iotx_mqtt_topic_info_t {
            packet_id: message.packet_id,
            qos: message.qos,
            dup: u8::from(message.dup),
            retain: u8::from(message.retain),
            topic_len: u16::try_from(message.topic.len()).unwrap_or(u16::MAX),
            payload_len: u32::try_from(message.payload.len()).unwrap_or(u32::MAX),
            ptopic: topic.as_ptr(),
            payload: payload.as_ptr().cast(),
        };
        self.call(PUBLISH_RECEIVED, (&raw mut info).cast());
    }
}

impl Handler for CHandler {
    fn on_event(&self, event: &Event<'_>) {
        let id = |id: &u16| std::ptr::without_provenance_mut(usize::from(*id));
        match event {
            Event::Disconnected => self.call(1, std::ptr::null_mut()),
            Event::Reconnected => self.call(2, std::ptr::null_mut()),
            Event::SubscribeOk(packet) => self.call(3, id(packet)),
            Event::SubscribeTimeout(packet) => self.call(4, id(packet)),
            Event::SubscribeRefused(packet) => self.call(5, id(packet)),
            Event::UnsubscribeOk(packet) => self.call(6, id(packet)),
            Event::UnsubscribeTimeout(packet) => self.call(7, id(packet)),
            Event::PublishOk(packet) => self.call(9, id(packet)),
            Event::Message(message) => self.message(message),
            Event::Overflow { text, .. } => {
                let text = CString::new(*text).unwrap_or_default();
                self.call(13, text.as_ptr().cast_mut().cast());
            }
        }
    }

    fn identity(&self) -> (usize, usize) {
        (self.function as usize, self.context.addr())
    }
}
