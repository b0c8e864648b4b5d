// SPDX-License-Identifier: MIT OR Apache-2.0
//! `linkkit_export.h`: starting, serving, posting and answering. Values are in `solo_values`.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::model::{api, deliver, session};
use super::super::sign::{CLOUD, region};
use super::super::{FAIL, SUCCESS};
use super::solo_deliver;
use super::solo_state::{
    self as state, Context, Inner, OPTIONS, PostCallback, Solo, linkkit_ops_t, service_cota_callback_type_t,
    service_fota_callback_type_t,
};
use super::{id, start};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::log::{self, Level};
use crate::service::aliyun::model::{Kind, ModelError, Post, REPLY_TIMEOUT, Wants};

/// `linkkit_loglevel_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_loglevel_t(pub c_int);

/// `linkkit_cloud_domain_type_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_cloud_domain_type_t(pub c_int);

/// `linkkit_opt_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_opt_t(pub c_int);

/// `linkkit_extended_info_operate_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_extended_info_operate_t(pub c_int);

static LEAVING: AtomicBool = AtomicBool::new(false);
/// How long the connection is served by a dispatch, and between two looks at what waits.
const SLICE: Duration = Duration::from_millis(10);

fn code(outcome: Result<(), ModelError>) -> c_int {
    outcome.map_or(FAIL, |()| SUCCESS)
}

/// Connects the device whose identity the HAL has. Blocks. The description must come from the firmware.
///
/// # Safety
/// `ops` is NULL or points to its structure, whose functions have their prototypes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_start(
    max_buffered_msg: c_int,
    get_tsl_from_cloud: c_int,
    log_level: linkkit_loglevel_t,
    ops: *mut linkkit_ops_t,
    domain_type: linkkit_cloud_domain_type_t,
    user_context: *mut c_void,
) -> c_int {
    guard("linkkit_start", FAIL, || {
        // SAFETY: NULL, or the caller's structure, which is copied here and not used afterwards.
        let ops = unsafe { ops.as_ref() }.copied();
        let domain = region(domain_type.0, None).filter(|_| (0..5).contains(&domain_type.0));
        let (Some(ops), Some(domain), 1.., 0..=5) = (ops, domain, max_buffered_msg, log_level.0) else {
            crate::log!(Error, "model", "linkkit_start: NULL, or a number out of its range");
            return FAIL;
        };
        if get_tsl_from_cloud != 0 {
            crate::log!(
                Error,
                "model",
                "linkkit_start: the description is not fetched from the cloud: start with get_tsl_from_cloud 0 and give it \
                 to linkkit_set_tsl"
            );
            return FAIL;
        }
        log::set_limit(Level::from_number(log_level.0));
        CLOUD.lock().region = domain;
        let wants = Wants { event_replies: true, status: true, ..Wants::default() };
        let Some(master) = start(wants).ok().and_then(|()| session::master()) else { return FAIL };
        let solo = Solo { master, ops, context: Context(user_context), inner: Mutex::new(Inner::default()) };
        if !state::set(Arc::new(solo)) {
            let _ = session::close();
            return FAIL;
        }
        LEAVING.store(false, Ordering::Relaxed);
        SUCCESS
    })
}

/// Disconnects. Waits for a callback that another thread is in; none is called afterwards.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_end() -> c_int {
    guard("linkkit_end", FAIL, || match state::take() {
        Some(_) => code(session::close()),
        None => FAIL,
    })
}

/// Notes that the application wants to leave; the library does nothing about it.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_try_leave() {
    guard("linkkit_try_leave", (), || LEAVING.store(true, Ordering::Relaxed));
}

/// Whether `linkkit_try_leave` was called since the start.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_is_try_leave() -> c_int {
    guard("linkkit_is_try_leave", 0, || c_int::from(LEAVING.load(Ordering::Relaxed)))
}

/// 1 when nothing is started, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_is_end() -> c_int {
    guard("linkkit_is_end", 1, || c_int::from(state::current().is_none()))
}

/// Calls the callbacks of what waits, after a short look at the connection. Always NULL.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_dispatch() -> *mut c_void {
    guard("linkkit_dispatch", std::ptr::null_mut(), || {
        if let Some(solo) = state::current().filter(|_| !deliver::is_delivering()) {
            let _ = solo.master.serve_for_events(SLICE);
            solo_deliver::all(&solo);
        }
        std::ptr::null_mut()
    })
}

/// Serves the connection. Callbacks are called by `linkkit_dispatch` alone.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_yield(timeout_ms: c_int) -> c_int {
    guard("linkkit_yield", FAIL, || {
        let (Ok(timeout @ 1..), Some(solo)) = (u64::try_from(timeout_ms), state::current()) else {
            return FAIL;
        };
        if deliver::is_delivering() {
            return FAIL;
        }
        let deadline = Instant::now() + Duration::from_millis(timeout);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let served = solo.master.serve_for_events(left.min(SLICE).max(Duration::from_millis(1)));
            if served.is_err() {
                return FAIL;
            }
            if left.is_zero() {
                return SUCCESS;
            }
        }
    })
}

/// Switches an option; before or after the start.
///
/// # Safety
/// `data` is NULL or points to an `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_set_opt(opt: linkkit_opt_t, data: *mut c_void) -> c_int {
    guard("linkkit_set_opt", FAIL, || {
        let data = data.cast::<c_int>();
        if data.is_null() || !data.is_aligned() {
            return FAIL;
        }
        // SAFETY: not NULL and aligned, as checked; an int, as every option's data is.
        let on = unsafe { data.read() } != 0;
        let mut options = OPTIONS.lock();
        match opt.0 {
            0 => options.property_replies = on,
            1 => options.event_replies = on,
            2 => options.set_replies = on,
            _ => return FAIL,
        }
        SUCCESS
    })
}

/// Posts the property that `property_identifier` names, or all that have a value when it is NULL.
///
/// # Safety
/// `property_identifier` is NULL or NUL-terminated; `cb` has its prototype.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_post_property(
    thing_id: *const c_void,
    property_identifier: *const c_char,
    cb: Option<unsafe extern "C" fn(*const c_void, c_int, c_int, *const c_char, *mut c_void)>,
) -> c_int {
    guard("linkkit_post_property", FAIL, || {
        let Some(solo) = state::of_thing(thing_id) else { return FAIL };
        let name = if property_identifier.is_null() {
            None
        } else {
            // SAFETY: not NULL; NUL-terminated and unchanged during the call, as the caller says.
            match unsafe { text::text(property_identifier) } {
                Some(name) => Some(name),
                None => return FAIL,
            }
        };
        post_properties(&solo, name, cb)
    })
}

fn post_properties(solo: &Solo, name: Option<&str>, cb: Option<PostCallback>) -> c_int {
    let values = {
        let inner = solo.inner.lock();
        let Some(description) = inner.description.as_ref() else {
            drop(inner);
            return no_description("linkkit_post_property");
        };
        match name {
            Some(name) => description.properties.json_of(name).map_err(|fault| fault.to_string()),
            None => description.properties.json().ok_or_else(|| "no property has a value yet".to_owned()),
        }
    };
    match values {
        Ok(values) => post(solo, Post::Properties, &values, cb.filter(|_| OPTIONS.lock().property_replies)),
        Err(fault) => {
            crate::log!(Error, "model", "property {}: {fault}", name.unwrap_or("(all)"));
            FAIL
        }
    }
}

/// Says that `linkkit_set_tsl` comes first.
pub(super) fn no_description(call: &str) -> c_int {
    crate::log!(Error, "model", "{call}: there is no description yet: linkkit_set_tsl comes first");
    FAIL
}

fn post(solo: &Solo, what: Post<'_>, values: &str, cb: Option<PostCallback>) -> c_int {
    let noted = |msgid: u32| {
        if let Some(cb) = cb {
            solo.inner.lock().expect(id(msgid), cb);
        }
    };
    code(solo.master.post(0, what, values.as_bytes(), REPLY_TIMEOUT, &noted).map(drop))
}

/// Posts an event with the values that it was given.
///
/// # Safety
/// `event_identifier` is NULL or NUL-terminated; `cb` has its prototype.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_trigger_event(
    thing_id: *const c_void,
    event_identifier: *const c_char,
    cb: Option<unsafe extern "C" fn(*const c_void, c_int, c_int, *const c_char, *mut c_void)>,
) -> c_int {
    guard("linkkit_trigger_event", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let name = unsafe { text::given(event_identifier) };
        let (Some(solo), Some(name)) = (state::of_thing(thing_id), name) else { return FAIL };
        // The description lists the posting of properties among the events.
        if name == "post" {
            return post_properties(&solo, None, cb);
        }
        let values = {
            let mut inner = solo.inner.lock();
            let Some(description) = inner.description.as_mut() else {
                drop(inner);
                return no_description("linkkit_trigger_event");
            };
            description.event(name).map(|event| event.outputs.json().unwrap_or_else(|| "{}".to_owned()))
        };
        let Some(values) = values else {
            crate::log!(Error, "model", "event {name}: the description has no such identifier");
            return FAIL;
        };
        post(&solo, Post::Event(name), &values, cb.filter(|_| OPTIONS.lock().event_replies))
    })
}

/// Answers a call of a service with the values that its outputs were given, once.
///
/// # Safety
/// `service_identifier` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_answer_service(
    thing_id: *const c_void,
    service_identifier: *const c_char,
    response_id: c_int,
    code: c_int,
) -> c_int {
    guard("linkkit_answer_service", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let name = unsafe { text::given(service_identifier) };
        let (Some(solo), Some(name)) = (state::of_thing(thing_id), name) else { return FAIL };
        let (reply, data) = {
            let mut inner = solo.inner.lock();
            let reply = inner.answered(response_id, name);
            let service = inner.description.as_mut().and_then(|description| description.service(name));
            let data = service.and_then(|service| {
                let data = service.outputs.json();
                service.outputs.clear();
                data
            });
            (reply, data.unwrap_or_else(|| "{}".to_owned()))
        };
        let Some(reply) = reply else {
            crate::log!(
                Error,
                "model",
                "service {name}: no call with number {response_id} waits for an answer"
            );
            return FAIL;
        };
        self::code(solo.master.answer(&reply, code, data.as_bytes()))
    })
}

/// Sends transparent data: to the cloud, or as the answer to such data of the cloud.
///
/// # Safety
/// `raw_data` is NULL or points to `raw_data_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_invoke_raw_service(
    thing_id: *const c_void,
    is_up_raw: c_int,
    raw_data: *mut c_void,
    raw_data_length: c_int,
) -> c_int {
    guard("linkkit_invoke_raw_service", FAIL, || {
        // SAFETY: NULL, or so many bytes that stay unchanged during the call, as the caller says.
        let data = unsafe { text::bytes(raw_data, raw_data_length.into()) };
        let (Some(solo), Some(data @ [_, ..])) = (state::of_thing(thing_id), data) else { return FAIL };
        code(if is_up_raw == 0 { solo.master.raw_reply(0, data) } else { solo.master.raw(0, data) })
    })
}

/// Sets or deletes tags, a JSON array.
///
/// # Safety
/// `params` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_trigger_extended_info_operate(
    thing_id: *const c_void,
    params: *const c_char,
    operation: linkkit_extended_info_operate_t,
) -> c_int {
    guard("linkkit_trigger_extended_info_operate", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let params = unsafe { text::given(params) };
        let (Some(solo), Some(params), 0 | 1) = (state::of_thing(thing_id), params, operation.0) else {
            return FAIL;
        };
        code(solo.master.device_info(0, params.as_bytes(), operation.0 == 1).map(drop))
    })
}

fn set(change: impl FnOnce(&mut Inner)) -> c_int {
    state::current().map_or(FAIL, |solo| {
        change(&mut solo.inner.lock());
        SUCCESS
    })
}

/// Says who hears of firmware on offer.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_fota_init(
    callback_fp: Option<unsafe extern "C" fn(service_fota_callback_type_t, *const c_char)>,
) -> c_int {
    guard("linkkit_fota_init", FAIL, || set(|inner| inner.fota = callback_fp))
}

/// Says who hears of a configuration on offer.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_cota_init(
    callback_fp: Option<
        unsafe extern "C" fn(
            service_cota_callback_type_t,
            *const c_char,
            u32,
            *const c_char,
            *const c_char,
            *const c_char,
            *const c_char,
        ),
    >,
) -> c_int {
    guard("linkkit_cota_init", FAIL, || set(|inner| inner.cota = callback_fp))
}

fn download(kind: Kind, buffer: *mut c_void, len: c_int) -> c_int {
    match (state::current(), usize::try_from(len)) {
        // Room for one byte and, in the reference, a NUL after it.
        (Some(solo), Ok(len @ 2..)) if !buffer.is_null() => api::download(&solo.master, 0, kind, len - 1),
        _ => FAIL,
    }
}

/// Downloads the firmware on offer into `HAL_Firmware_Persistence_*`. Blocks. The buffer only says how much at a time.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_invoke_fota_service(data_buf: *mut c_void, data_buf_length: c_int) -> c_int {
    guard("linkkit_invoke_fota_service", FAIL, || download(Kind::Firmware, data_buf, data_buf_length))
}

/// Downloads the configuration on offer, as `linkkit_invoke_fota_service` does firmware.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_invoke_cota_service(data_buf: *mut c_void, data_buf_length: c_int) -> c_int {
    guard("linkkit_invoke_cota_service", FAIL, || download(Kind::Config, data_buf, data_buf_length))
}

/// Asks for the configuration: scope `product`, type `file`. The rest is not looked at.
///
/// # Safety
/// `config_scope` and `get_type` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_invoke_cota_get_config(
    config_scope: *const c_char,
    get_type: *const c_char,
    attribute_keys: *const c_char,
    option: *mut c_void,
) -> c_int {
    guard("linkkit_invoke_cota_get_config", FAIL, || {
        let _ = (attribute_keys, option);
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let texts = unsafe { (text::given(config_scope), text::given(get_type)) };
        match (state::current(), texts) {
            (Some(solo), (Some("product"), Some("file"))) => code(solo.master.request_config(0)),
            _ => FAIL,
        }
    })
}

/// Asks for the cloud's clock; the callback hears it inside `linkkit_dispatch`.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_ntp_time_request(
    ntp_reply_cb: Option<unsafe extern "C" fn(*const c_char)>,
) -> c_int {
    guard("linkkit_ntp_time_request", FAIL, || {
        let Some(solo) = state::current() else { return FAIL };
        solo.inner.lock().ntp = ntp_reply_cb;
        code(solo.master.query_time())
    })
}
