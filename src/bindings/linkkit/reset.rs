// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dev_reset_api.h`: a device asks the cloud to forget whom it belongs to.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::model::topics;
use otakit_core::platform::aliyun::report;
use parking_lot::Mutex;

use super::sign::{array_text, iotx_dev_meta_info_t};
use super::{FAIL, mqtt};
use crate::bindings::guard::guard;
use crate::bindings::handle::Handle;
use crate::hal::border::in_c;
use crate::mqtt::{Client, Event, Handler};
use crate::service::aliyun::message_id;

/// `iotx_devrst_evt_type_t`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_devrst_evt_type_t(pub c_int);

/// `iotx_devrst_evt_recv_msg_t`.
#[repr(C)]
pub struct iotx_devrst_evt_recv_msg_t {
    /// Packet id of the answer; 0, as it comes with QoS 0.
    pub msgid: c_int,
    /// The answer, JSON; a NUL follows it. Valid during the call.
    pub payload: *mut c_char,
    /// Its length in bytes.
    pub payload_len: u32,
}

/// `iotx_devrst_evt_handle_t`.
type Callback = unsafe extern "C" fn(iotx_devrst_evt_type_t, *mut c_void);

/// The answer came.
const RECEIVED: iotx_devrst_evt_type_t = iotx_devrst_evt_type_t(0);
/// How long the subscription to the answer is waited for.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Who is told of answers: the function given last, as in the reference.
static CALLBACK: Mutex<Option<Callback>> = Mutex::new(None);
/// Whose answers are subscribed over which connection.
static SUBSCRIBED: Mutex<Vec<(Handle, Device)>> = Mutex::new(Vec::new());

struct Answer;

impl Handler for Answer {
    fn on_event(&self, event: &Event<'_>) {
        let callback = *CALLBACK.lock();
        let (Some(callback), Event::Message(message)) = (callback, event) else { return };
        let mut payload = message.payload.to_vec();
        payload.push(0);
        let mut told = iotx_devrst_evt_recv_msg_t {
            msgid: c_int::from(message.packet_id),
            payload: payload.as_mut_ptr().cast(),
            payload_len: u32::try_from(message.payload.len()).unwrap_or(u32::MAX),
        };
        // SAFETY: C gave the function for this prototype; what it is told outlives the call.
        in_c(|| unsafe { callback(RECEIVED, (&raw mut told).cast()) });
    }

    fn identity(&self) -> (usize, usize) {
        static MARK: u8 = 0;
        ((&raw const MARK).addr(), 0)
    }
}

/// Asks the cloud to undo the device's bindings and its topology. `handle` is told of the answer inside a later yield.
/// Waits up to 5 s for the subscription to the answer, the first time. 0 when sent, else -1.
///
/// # Safety
/// `meta_info` is NULL or points to the structure; its product key and device name are read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_DevReset_Report(
    meta_info: *mut iotx_dev_meta_info_t,
    handle: Option<unsafe extern "C" fn(evt: iotx_devrst_evt_type_t, msg: *mut c_void)>,
    _extended: *mut c_void,
) -> c_int {
    guard("IOT_DevReset_Report", FAIL, || {
        // SAFETY: as the caller promises; the structure is made of bytes, so any address is aligned.
        let (Some(meta), Some(callback)) = (unsafe { meta_info.as_ref() }, handle) else { return FAIL };
        let names = array_text(&meta.product_key).zip(array_text(&meta.device_name));
        let device = names.and_then(|(product_key, device_name)| Device::new(&product_key, &device_name));
        let Some(device) = device else { return FAIL };
        let Some((connection, client)) = mqtt::connection_of(&device) else { return FAIL };
        *CALLBACK.lock() = Some(callback);
        send(&device, connection, &client).unwrap_or(FAIL)
    })
}

fn send(device: &Device, connection: Handle, client: &Client) -> Option<c_int> {
    let mine = (connection, device.clone());
    let known = SUBSCRIBED.lock().contains(&mine);
    if !known {
        let topic = topics::sys(device, "thing/reset_reply");
        client.subscribe_sync(&topic, 0, Arc::new(Answer), SUBSCRIBE_TIMEOUT).ok()?;
        let mut subscribed = SUBSCRIBED.lock();
        // What other connections subscribed ended with them.
        subscribed.retain(|(other, _)| *other == connection);
        subscribed.push(mine);
    }
    let payload = report::reset(message_id::next());
    let sent = client.publish(&topics::sys(device, "thing/reset"), 0, payload.as_bytes());
    sent.ok().map(c_int::from)
}
