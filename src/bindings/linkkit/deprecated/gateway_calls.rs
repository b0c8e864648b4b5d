// SPDX-License-Identifier: MIT OR Apache-2.0
//! `linkkit_gateway_export.h`: what devices send.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use super::super::model::api;
use super::super::{FAIL, SUCCESS};
use super::gateway::OPTIONS;
use super::gateway_serve as serve;
use super::gateway_types::{DoneCallback, linkkit_extinfo_t};
use super::solo_state::{Context, service_fota_callback_type_t};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::service::aliyun::model::{Kind, Post};
use otakit_core::platform::aliyun::json::quote;

/// Most tags in one call.
const MAX_TAGS: usize = 1024;

/// Posts and waits for the answer, unless the time for that is 0.
fn post_and_wait(devid: c_int, what: Post<'_>, params: &str, timeout_ms: c_int, listens: bool) -> c_int {
    let (Some(gateway), 0.., Ok(timeout)) = (serve::current(), devid, u64::try_from(timeout_ms)) else {
        return FAIL;
    };
    let within = Duration::from_millis(timeout);
    let sent = if timeout == 0 || !listens {
        gateway.master.post(devid, what, params.as_bytes(), within, &|_| ()).map(drop)
    } else {
        gateway.master.post_and_wait(devid, what, params.as_bytes(), within)
    };
    sent.map_or(FAIL, |()| SUCCESS)
}

/// Posts; the function hears how that ended, unless the time for it is 0.
fn post(
    devid: c_int,
    what: Post<'_>,
    params: &str,
    timeout_ms: c_int,
    done: Option<(DoneCallback, Context)>,
) -> c_int {
    let (Some(gateway), 0.., Ok(timeout)) = (serve::current(), devid, u64::try_from(timeout_ms)) else {
        return FAIL;
    };
    let noted = |msgid: u32| {
        if let Some((done, context)) = done.filter(|_| timeout != 0) {
            gateway.expect(msgid, done, context);
        }
    };
    let within = Duration::from_millis(timeout);
    let sent = gateway.master.post(devid, what, params.as_bytes(), within, &noted);
    sent.map_or(FAIL, |_| SUCCESS)
}

/// Posts an event and waits for the answer, `timeout_ms` at most; 0: not at all.
///
/// # Safety
/// The texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_trigger_event_json_sync(
    devid: c_int,
    identifier: *mut c_char,
    event: *mut c_char,
    timeout_ms: c_int,
) -> c_int {
    guard("linkkit_gateway_trigger_event_json_sync", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let texts = unsafe { (text::given(identifier), text::given(event)) };
        let (Some(identifier), Some(event)) = texts else { return FAIL };
        let listens = OPTIONS.lock().event_replies;
        post_and_wait(devid, Post::Event(identifier), event, timeout_ms, listens)
    })
}

/// Posts an event; `func` hears how that ended, in the library's thread.
///
/// # Safety
/// The texts are NULL or NUL-terminated; `func` has its prototype.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_trigger_event_json(
    devid: c_int,
    identifier: *mut c_char,
    event: *mut c_char,
    timeout_ms: c_int,
    func: Option<unsafe extern "C" fn(c_int, *mut c_void)>,
    ctx: *mut c_void,
) -> c_int {
    guard("linkkit_gateway_trigger_event_json", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let texts = unsafe { (text::given(identifier), text::given(event)) };
        let (Some(identifier), Some(event)) = texts else { return FAIL };
        let done = func.filter(|_| OPTIONS.lock().event_replies).map(|func| (func, Context(ctx)));
        post(devid, Post::Event(identifier), event, timeout_ms, done)
    })
}

/// Posts values of properties and waits for the answer, `timeout_ms` at most; 0: not at all.
///
/// # Safety
/// `property` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_post_property_json_sync(
    devid: c_int,
    property: *mut c_char,
    timeout_ms: c_int,
) -> c_int {
    guard("linkkit_gateway_post_property_json_sync", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let Some(property) = (unsafe { text::given(property) }) else { return FAIL };
        let listens = OPTIONS.lock().property_replies;
        post_and_wait(devid, Post::Properties, property, timeout_ms, listens)
    })
}

/// Posts values of properties; `func` hears how that ended, in the library's thread.
///
/// # Safety
/// `property` is NULL or NUL-terminated; `func` has its prototype.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_post_property_json(
    devid: c_int,
    property: *mut c_char,
    timeout_ms: c_int,
    func: Option<unsafe extern "C" fn(c_int, *mut c_void)>,
    ctx: *mut c_void,
) -> c_int {
    guard("linkkit_gateway_post_property_json", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let Some(property) = (unsafe { text::given(property) }) else { return FAIL };
        let done = func.filter(|_| OPTIONS.lock().property_replies).map(|func| (func, Context(ctx)));
        post(devid, Post::Properties, property, timeout_ms, done)
    })
}

/// Sends transparent data.
///
/// # Safety
/// `data` is NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_post_rawdata(devid: c_int, data: *mut c_void, len: c_int) -> c_int {
    guard("linkkit_gateway_post_rawdata", FAIL, || {
        // SAFETY: NULL, or so many bytes that stay unchanged during the call, as the caller says.
        let data = unsafe { text::bytes(data, len.into()) };
        let (Some(gateway), Some(data @ [_, ..]), 0..) = (serve::current(), data, devid) else { return FAIL };
        gateway.master.raw(devid, data).map_or(FAIL, |()| SUCCESS)
    })
}

/// The tags as JSON; `None` when one has no name.
///
/// # Safety
/// `tags` is NULL or points to `count` structures, whose texts are NULL or NUL-terminated.
unsafe fn tags(tags: *const linkkit_extinfo_t, count: c_int, with_values: bool) -> Option<String> {
    let count = usize::try_from(count).ok().filter(|count| (1..=MAX_TAGS).contains(count))?;
    if tags.is_null() || !tags.is_aligned() {
        return None;
    }
    // SAFETY: not NULL and aligned, as checked; so many structures, as the caller says.
    let tags = unsafe { std::slice::from_raw_parts(tags, count) };
    let one = |tag: &linkkit_extinfo_t| {
        // SAFETY: NULL or NUL-terminated, as the caller says.
        let (key, value) = unsafe { (text::given(tag.key)?, text::text(tag.value)) };
        Some(if with_values {
            format!(r#"{{"attrKey":{},"attrValue":{}}}"#, quote(key), quote(value?))
        } else {
            format!(r#"{{"attrKey":{}}}"#, quote(key))
        })
    };
    let list: Option<Vec<_>> = tags.iter().map(one).collect();
    list.map(|list| format!("[{}]", list.join(",")))
}

/// Sets tags and waits for the answer, `timeout_ms` at most; 0: not at all.
///
/// # Safety
/// `extinfos` is NULL or points to `nb_extinfos` structures, whose texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_post_extinfos(
    devid: c_int,
    extinfos: *mut linkkit_extinfo_t,
    nb_extinfos: c_int,
    timeout_ms: c_int,
) -> c_int {
    guard("linkkit_gateway_post_extinfos", FAIL, || {
        // SAFETY: as the caller says.
        let Some(tags) = (unsafe { tags(extinfos, nb_extinfos, true) }) else { return FAIL };
        post_and_wait(devid, Post::Tags, &tags, timeout_ms, true)
    })
}

/// Deletes tags by their names and waits for the answer, `timeout_ms` at most; 0: not at all.
///
/// # Safety
/// As for `linkkit_gateway_post_extinfos`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_delete_extinfos(
    devid: c_int,
    extinfos: *mut linkkit_extinfo_t,
    nb_extinfos: c_int,
    timeout_ms: c_int,
) -> c_int {
    guard("linkkit_gateway_delete_extinfos", FAIL, || {
        // SAFETY: as the caller says.
        let Some(tags) = (unsafe { tags(extinfos, nb_extinfos, false) }) else { return FAIL };
        post_and_wait(devid, Post::TagsToDelete, &tags, timeout_ms, true)
    })
}

/// Says who hears of firmware on offer; NULL: nobody.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_fota_init(
    callback_fp: Option<unsafe extern "C" fn(service_fota_callback_type_t, *const c_char)>,
) -> c_int {
    guard("linkkit_gateway_fota_init", FAIL, || match serve::current() {
        Some(gateway) => {
            *gateway.fota.lock() = callback_fp;
            SUCCESS
        }
        None => FAIL,
    })
}

/// Downloads the firmware on offer into `HAL_Firmware_Persistence_*`. Blocks. The buffer only says how much at a time.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_invoke_fota_service(
    data_buf: *mut c_void,
    data_buf_length: c_int,
) -> c_int {
    guard("linkkit_gateway_invoke_fota_service", FAIL, || {
        match (serve::current(), usize::try_from(data_buf_length)) {
            (Some(gateway), Ok(len @ 2..)) if !data_buf.is_null() => {
                api::download(&gateway.master, 0, Kind::Firmware, len - 1)
            }
            _ => FAIL,
        }
    })
}
