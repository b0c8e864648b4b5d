// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dev_model_api.h`: the seven `IOT_Linkkit_*` functions.

use std::ffi::{c_char, c_int, c_uchar};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::sign::{CLOUD, iotx_dev_meta_info_t};
use super::super::{FAIL, NULL_VALUE, SUCCESS};
use super::session::Identity;
use super::{callbacks, deliver, session, store};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::service::aliyun::OtaError;
use crate::service::aliyun::model::{Kind, Master, ModelError};

/// `iotx_linkkit_dev_type_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_linkkit_dev_type_t(pub c_int);

/// `iotx_linkkit_msg_type_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_linkkit_msg_type_t(pub c_int);

/// `iotx_linkkit_dev_meta_info_t`.
#[repr(C)]
pub struct iotx_linkkit_dev_meta_info_t {
    /// Product key.
    pub product_key: [c_char; 21],
    /// Product secret; needed for dynamic registration only.
    pub product_secret: [c_char; 65],
    /// Device name.
    pub device_name: [c_char; 33],
    /// Device secret; a sub-device's may be empty.
    pub device_secret: [c_char; 65],
}

/// What was asked for, once its number is known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    PostProperty,
    DeviceInfoUpdate,
    DeviceInfoDelete,
    PostRawData,
    Login,
    Logout,
    DeleteTopo,
    QueryTimestamp,
    QueryTopoList,
    QueryFotaData,
    QueryCotaData,
    RequestCota,
    RequestFotaImage,
    ReportSubdevFirmwareVersion,
    DesiredGet,
    DesiredDelete,
    NoticeReply,
}

/// The number of `ITM_MSG_EVENT_NOTIFY_REPLY`, which is this library's own.
const NOTICE_REPLY: c_int = 32;

/// In the order of their numbers.
const MESSAGES: [Message; 16] = [
    Message::PostProperty,
    Message::DeviceInfoUpdate,
    Message::DeviceInfoDelete,
    Message::PostRawData,
    Message::Login,
    Message::Logout,
    Message::DeleteTopo,
    Message::QueryTimestamp,
    Message::QueryTopoList,
    Message::QueryFotaData,
    Message::QueryCotaData,
    Message::RequestCota,
    Message::RequestFotaImage,
    Message::ReportSubdevFirmwareVersion,
    Message::DesiredGet,
    Message::DesiredDelete,
];

/// How long the connection is served between two deliveries of events.
const SLICE: Duration = Duration::from_millis(20);

fn message(number: c_int) -> Option<Message> {
    if number == NOTICE_REPLY {
        return Some(Message::NoticeReply);
    }
    usize::try_from(number).ok().and_then(|n| MESSAGES.get(n)).copied()
}

fn connected() -> Result<Arc<Master>, ModelError> {
    session::master().filter(|master| master.is_connected()).ok_or(ModelError::State)
}

/// A message id, or 0, as C takes it; every failure is -1.
fn returned(outcome: Result<u32, ModelError>) -> c_int {
    outcome.ok().and_then(|id| c_int::try_from(id).ok()).unwrap_or(FAIL)
}

/// Opens the master (0) or a sub-device (its id, 1 and up); touches no network.
///
/// # Safety
/// `meta_info` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Linkkit_Open(
    dev_type: iotx_linkkit_dev_type_t,
    meta_info: *mut iotx_linkkit_dev_meta_info_t,
) -> c_int {
    guard("IOT_Linkkit_Open", FAIL, || {
        // SAFETY: as the caller promises; both structures have the same layout, and bytes need no alignment.
        let Some(meta) = (unsafe { meta_info.cast::<iotx_dev_meta_info_t>().as_ref() }) else { return FAIL };
        let Some(identity) = Identity::from_c(meta) else {
            crate::log!(Error, "model", "product key or device name empty, too long or with odd characters");
            return FAIL;
        };
        match dev_type.0 {
            0 => session::open(&identity).map_or(FAIL, |()| SUCCESS),
            1 => session::open_sub(&identity).unwrap_or(FAIL),
            _ => FAIL,
        }
    })
}

/// Connects the master, or brings a sub-device into the gateway. Blocks; serves the connection while it waits.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_Linkkit_Connect(devid: c_int) -> c_int {
    guard("IOT_Linkkit_Connect", FAIL, || {
        let outcome = match devid {
            ..0 => Err(ModelError::Device),
            0 => session::connect(),
            _ => connected().and_then(|master| master.connect_sub(devid)),
        };
        outcome.map_or(FAIL, |()| SUCCESS)
    })
}

/// Serves the connection and calls callbacks, for `timeout_ms` and as long as callbacks take. Inside a callback it
/// returns at once.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_Linkkit_Yield(timeout_ms: c_int) {
    guard("IOT_Linkkit_Yield", (), || {
        let Ok(timeout_ms @ 1..) = u64::try_from(timeout_ms) else { return };
        let Some(master) = connected().ok().filter(|master| master.is_open()) else {
            let timeout = Duration::from_millis(timeout_ms);
            return crate::bindings::wait_without("IOT_Linkkit_Yield", "connected device", timeout);
        };
        if deliver::is_delivering() {
            return;
        }
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let served = master.serve_for_events(left.min(SLICE).max(Duration::from_millis(1)));
            deliver::all(&master);
            if served.is_err() || Instant::now() >= deadline {
                return;
            }
        }
    });
}

/// Closes the master and all with it, or a sub-device. A sub-device that is not open is no error, as in the reference.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_Linkkit_Close(devid: c_int) -> c_int {
    guard("IOT_Linkkit_Close", FAIL, || {
        let outcome = match devid {
            ..0 => Err(ModelError::Device),
            0 => session::close(),
            _ => session::close_sub(devid),
        };
        outcome.map_or(FAIL, |()| SUCCESS)
    })
}

/// Sends a message of a device. LOGIN, LOGOUT and DELETE_TOPO wait for the answer, up to 10 s.
///
/// # Safety
/// `payload` is NULL or points to `payload_len` bytes; a version may end earlier with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Linkkit_Report(
    devid: c_int,
    msg_type: iotx_linkkit_msg_type_t,
    payload: *mut c_uchar,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_Report", FAIL, || {
        let (Ok(master), 0.., Some(message)) = (connected(), devid, message(msg_type.0)) else { return FAIL };
        if message == Message::ReportSubdevFirmwareVersion {
            // The length is ignored, as in the reference.
            // SAFETY: as the caller promises.
            let version = unsafe { text::text(payload.cast()) };
            let reported = version.ok_or(ModelError::Invalid);
            return returned(
                reported.and_then(|version| master.report_sub_version(devid, version)).map(|()| 0),
            );
        }
        // SAFETY: as the caller promises.
        let payload = unsafe { text::bytes(payload.cast(), payload_len.into()) };
        returned(report(&master, devid, message, payload.filter(|payload| !payload.is_empty())))
    })
}

fn report(
    master: &Master,
    devid: c_int,
    message: Message,
    payload: Option<&[u8]>,
) -> Result<u32, ModelError> {
    let payload = payload.ok_or(ModelError::Invalid);
    match message {
        Message::PostProperty => master.post_property(devid, payload?),
        Message::DeviceInfoUpdate => master.device_info(devid, payload?, false),
        Message::DeviceInfoDelete => master.device_info(devid, payload?, true),
        Message::PostRawData => master.raw(devid, payload?).map(|()| 0),
        Message::DesiredGet => master.desired(devid, payload?, false),
        Message::DesiredDelete => master.desired(devid, payload?, true),
        Message::Login => {
            let event_replies = CLOUD.lock().event_replies;
            master.login(devid, event_replies)?;
            callbacks::call_with(callbacks::current().initialized, devid);
            Ok(0)
        }
        Message::Logout => master.logout(devid).map(|()| 0),
        Message::DeleteTopo => master.leave(devid).map(|()| 0),
        Message::NoticeReply => master.answer_notice(payload?).map(|()| 0),
        _ => Err(ModelError::Invalid),
    }
}

/// Asks for something, or downloads what is on offer: then it blocks until that has ended.
///
/// # Safety
/// `payload` is NULL or points to `payload_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Linkkit_Query(
    devid: c_int,
    msg_type: iotx_linkkit_msg_type_t,
    payload: *mut c_uchar,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_Query", FAIL, || {
        let (Ok(master), 0.., Some(message)) = (connected(), devid, message(msg_type.0)) else { return FAIL };
        match message {
            Message::QueryTimestamp => returned(master.query_time().map(|()| 0)),
            Message::QueryTopoList => returned(master.query_topology()),
            Message::QueryFotaData | Message::QueryCotaData => {
                let kind = if message == Message::QueryFotaData { Kind::Firmware } else { Kind::Config };
                // Room for one byte and, in the reference, a NUL after it.
                match usize::try_from(payload_len) {
                    Ok(len @ 2..) if !payload.is_null() => download(&master, devid, kind, len - 1),
                    _ => NULL_VALUE,
                }
            }
            Message::RequestCota => match master.request_config(about(devid)) {
                Err(ModelError::Ota(OtaError::Signal)) => super::super::ota::code(OtaError::Signal),
                outcome => returned(outcome.map(|()| 0)),
            },
            Message::RequestFotaImage => {
                // SAFETY: as the caller promises.
                let version = unsafe { text::bytes(payload.cast(), payload_len.into()) }.unwrap_or_default();
                let version = version.split(|&byte| byte == 0).next().map(std::str::from_utf8);
                let Some(Ok(version)) = version else { return FAIL };
                returned(master.request_firmware(about(devid), version).map(|()| 0))
            }
            _ => FAIL,
        }
    })
}

/// Inside a callback about an offer, device 0 means the device of that offer.
fn about(devid: c_int) -> c_int {
    if devid == 0 { deliver::offered_device().unwrap_or(0) } else { devid }
}

/// Downloads what is on offer. 0 or -1.
pub fn download(master: &Master, devid: c_int, kind: Kind, chunk: usize) -> c_int {
    let devid = match (devid, deliver::offered_device()) {
        (0, Some(offered)) => offered,
        _ => master.ota_device(devid),
    };
    let outcome = store::with(devid, |sink| master.download(devid, kind, chunk, sink));
    outcome.map_or(FAIL, |()| SUCCESS)
}

/// Sends an event. Does not wait for the answer.
///
/// # Safety
/// `eventid` and `payload` are NULL or point to so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Linkkit_TriggerEvent(
    devid: c_int,
    eventid: *mut c_char,
    eventid_len: c_int,
    payload: *mut c_char,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_TriggerEvent", FAIL, || {
        let (Ok(master), 0..) = (connected(), devid) else { return FAIL };
        // SAFETY: as the caller promises.
        let (event, payload) = unsafe {
            (text::bytes(eventid.cast(), eventid_len.into()), text::bytes(payload.cast(), payload_len.into()))
        };
        let (Some(event), Some(payload @ [_, ..])) = (event, payload) else { return FAIL };
        let Some(Ok(event)) = event.split(|&byte| byte == 0).next().map(std::str::from_utf8) else {
            return FAIL;
        };
        returned(master.trigger(devid, event, payload))
    })
}
