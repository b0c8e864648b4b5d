// SPDX-License-Identifier: MIT OR Apache-2.0
//! `linkkit_gateway_export.h`: the gateway and its sub-devices. What they send is in `gateway_calls`.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::super::model::session;
use super::super::{FAIL, SUCCESS};
use super::gateway_serve::{self as serve, Entry, Gateway};
use super::gateway_types::{
    DEFAULTS, EventCallback, linkkit_cbs_t, linkkit_devinfo_t, linkkit_event_t, linkkit_params_t,
};
use super::solo_state::Context;
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::service::aliyun::model::{DeviceStatus, ModelError, Wants};
use otakit_core::platform::aliyun::identity::Device;

/// What the program gave before it started.
#[derive(Clone, Copy)]
struct Prepared {
    event_cb: Option<EventCallback>,
    context: Context,
    room: usize,
}

static PREPARED: Mutex<Option<Prepared>> = Mutex::new(None);

/// What can be switched by the options 5 to 7.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// Whether answers to properties are waited for and told.
    pub property_replies: bool,
    /// Whether answers to events are waited for and told.
    pub event_replies: bool,
    set_replies: bool,
}

pub(super) static OPTIONS: Mutex<Options> =
    Mutex::new(Options { property_replies: true, event_replies: true, set_replies: true });

fn code(outcome: Result<(), ModelError>) -> c_int {
    outcome.map_or(FAIL, |()| SUCCESS)
}

/// The parameters that a program changes and hands to `linkkit_gateway_init`: always the same.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_get_default_params() -> *mut linkkit_params_t {
    guard("linkkit_gateway_get_default_params", std::ptr::null_mut(), || DEFAULTS.0.get())
}

/// Sets an option of the parameters, an `int` within its range; -1 when it is none.
///
/// # Safety
/// `params` is NULL or what `linkkit_gateway_get_default_params` gave; `value` is NULL or points to `value_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_setopt(
    params: *mut linkkit_params_t,
    option: c_int,
    value: *mut c_void,
    value_len: c_int,
) -> c_int {
    guard("linkkit_gateway_setopt", FAIL, || {
        // SAFETY: NULL, or so many bytes that stay unchanged during the call, as the caller says.
        let value = unsafe { text::bytes(value, value_len.into()) };
        let value = value.and_then(|bytes| bytes.try_into().ok()).map(c_int::from_ne_bytes);
        // SAFETY: NULL, or the program's own structure, which no other thread uses meanwhile, as in the reference.
        let (Some(params), Some(value)) = (unsafe { params.as_mut() }, value) else { return FAIL };
        let on = value != 0;
        match (option, value) {
            (1, 512..=51200) => params.max_msg_size = value,
            (2, 2..=32) => params.max_msg_queue_size = value,
            (3, 1..=16) => params.thread_pool_size = value,
            (4, 1024..=8_388_608) => params.thread_stack_size = value,
            (5, _) => OPTIONS.lock().property_replies = on,
            (6, _) => OPTIONS.lock().event_replies = on,
            (7, _) => OPTIONS.lock().set_replies = on,
            _ => return FAIL,
        }
        SUCCESS
    })
}

/// Says who hears what happens to the gateway.
///
/// # Safety
/// `params` is NULL or what `linkkit_gateway_get_default_params` gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_set_event_callback(
    params: *mut linkkit_params_t,
    event_cb: Option<unsafe extern "C" fn(*mut linkkit_event_t, *mut c_void) -> c_int>,
    ctx: *mut c_void,
) -> c_int {
    guard("linkkit_gateway_set_event_callback", FAIL, || {
        // SAFETY: NULL, or the program's own structure, which no other thread uses meanwhile, as in the reference.
        let Some(params) = (unsafe { params.as_mut() }) else { return FAIL };
        params.event_cb = event_cb;
        params.ctx = ctx;
        SUCCESS
    })
}

/// Takes the parameters over; touches no network.
///
/// # Safety
/// `params` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_init(params: *mut linkkit_params_t) -> c_int {
    guard("linkkit_gateway_init", FAIL, || {
        // SAFETY: NULL, or the program's structure, which is read here alone.
        let Some(params) = (unsafe { params.as_ref() }) else { return FAIL };
        let Ok(room @ 1..) = usize::try_from(params.max_msg_size) else { return FAIL };
        let mut prepared = PREPARED.lock();
        if prepared.is_some() {
            return FAIL;
        }
        *prepared = Some(Prepared { event_cb: params.event_cb, context: Context(params.ctx), room });
        SUCCESS
    })
}

/// Ends all.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_exit() -> c_int {
    guard("linkkit_gateway_exit", FAIL, || {
        let stopped = stop();
        let prepared = PREPARED.lock().take();
        if stopped || prepared.is_some() { SUCCESS } else { FAIL }
    })
}

/// Connects the gateway whose identity the HAL has, and serves it in a thread of the library's. Blocks until it is connected.
///
/// # Safety
/// `cbs` is NULL or points to its structure, whose functions have their prototypes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_start(cbs: *mut linkkit_cbs_t, ctx: *mut c_void) -> c_int {
    guard("linkkit_gateway_start", FAIL, || {
        // SAFETY: NULL, or the caller's structure, which is copied here and not used afterwards.
        let callbacks = unsafe { cbs.as_ref() }.copied();
        let prepared = *PREPARED.lock();
        let (Some(callbacks), Some(prepared), None) = (callbacks, prepared, serve::current()) else {
            return FAIL;
        };
        let wants = Wants { event_replies: true, gateway: true, status: true, ..Wants::default() };
        let Some(master) = super::start(wants).ok().and_then(|()| session::master()) else { return FAIL };
        let Prepared { event_cb, context, room } = prepared;
        let set_replies = OPTIONS.lock().set_replies;
        let gateway = Gateway::new(master.clone(), event_cb, context, room, set_replies);
        gateway.entries.lock().extend(entry(0, master.device(), Some(callbacks), Context(ctx)));
        if !serve::set(gateway) {
            let _ = session::close();
            return FAIL;
        }
        complete(Some(callbacks), ctx);
        0
    })
}

fn complete(callbacks: Option<linkkit_cbs_t>, ctx: *mut c_void) {
    if let Some(callback) = callbacks.and_then(|callbacks| callbacks.register_complete) {
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { callback(ctx) });
    }
}

fn entry(devid: c_int, device: &Device, callbacks: Option<linkkit_cbs_t>, context: Context) -> Option<Entry> {
    let product_key = CString::new(device.product_key.as_str()).ok()?;
    let device_name = CString::new(device.device_name.as_str()).ok()?;
    let status = DeviceStatus::Enabled;
    Some(Entry { devid, callbacks, context, product_key, device_name, status })
}

/// Disconnects the gateway. No callback is called afterwards.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_stop(devid: c_int) -> c_int {
    guard("linkkit_gateway_stop", FAIL, || if devid == 0 && stop() { SUCCESS } else { FAIL })
}

fn stop() -> bool {
    let Some(gateway) = serve::take() else { return false };
    let closed = session::close();
    gateway.end();
    closed.is_ok()
}

/// # Safety
/// The texts are NULL or NUL-terminated.
unsafe fn device(product_key: *const c_char, device_name: *const c_char) -> Option<Device> {
    // SAFETY: as the caller says.
    let names = unsafe { (text::given(product_key)?, text::given(device_name)?) };
    Device::new(names.0, names.1)
}

/// Brings a sub-device into the gateway: registers it when it has no secret, then adds it to the topology. Blocks, at most
/// 10 s a step.
///
/// # Safety
/// The texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_subdev_register(
    product_key: *mut c_char,
    device_name: *mut c_char,
    device_secret: *mut c_char,
) -> c_int {
    guard("linkkit_gateway_subdev_register", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let (device, secret) =
            unsafe { (device(product_key, device_name), text::given(device_secret).unwrap_or_default()) };
        let (Some(gateway), Some(device)) = (serve::current(), device) else { return FAIL };
        let master = &gateway.master;
        code(master.open_sub(&device, secret).and_then(|devid| {
            if !secret.is_empty() {
                master.set_sub_secret(devid, secret)?;
            }
            know(&gateway, devid, &device, None, Context(std::ptr::null_mut()));
            master.connect_sub(devid)
        }))
    })
}

/// Notes a sub-device, or its callbacks when it is known.
fn know(
    gateway: &Arc<Gateway>,
    devid: c_int,
    device: &Device,
    callbacks: Option<linkkit_cbs_t>,
    context: Context,
) {
    let mut entries = gateway.entries.lock();
    match entries.iter_mut().find(|entry| entry.devid == devid) {
        Some(known) if callbacks.is_some() => (known.callbacks, known.context) = (callbacks, context),
        Some(_) => {}
        None => entries.extend(entry(devid, device, callbacks, context)),
    }
}

/// Takes a sub-device out of the gateway's topology. Blocks, at most 10 s.
///
/// # Safety
/// The texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_subdev_unregister(
    product_key: *mut c_char,
    device_name: *mut c_char,
) -> c_int {
    guard("linkkit_gateway_subdev_unregister", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let device = unsafe { device(product_key, device_name) };
        let (Some(gateway), Some(device)) = (serve::current(), device) else { return FAIL };
        match gateway.master.devid_of(&device) {
            Some(devid @ 1..) => code(gateway.master.leave(devid)),
            _ => FAIL,
        }
    })
}

/// Opens a sub-device; no network. Its id, 1 and up.
///
/// # Safety
/// The texts are NULL or NUL-terminated; `cbs` is NULL or points to its structure, whose functions have their prototypes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_subdev_create(
    product_key: *mut c_char,
    device_name: *mut c_char,
    cbs: *mut linkkit_cbs_t,
    ctx: *mut c_void,
) -> c_int {
    guard("linkkit_gateway_subdev_create", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call; the structure is copied here, as the caller says.
        let (device, callbacks) = unsafe { (device(product_key, device_name), cbs.as_ref().copied()) };
        let (Some(gateway), Some(device), Some(_)) = (serve::current(), device, callbacks) else {
            return FAIL;
        };
        let Ok(devid) = gateway.master.open_sub(&device, "") else { return FAIL };
        know(&gateway, devid, &device, callbacks, Context(ctx));
        devid
    })
}

/// Closes a sub-device: off line and forgotten.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_subdev_destroy(devid: c_int) -> c_int {
    guard("linkkit_gateway_subdev_destroy", FAIL, || {
        let (Some(gateway), 1..) = (serve::current(), devid) else { return FAIL };
        if gateway.master.device_of(devid).is_err() || session::close_sub(devid).is_err() {
            return FAIL;
        }
        gateway.entries.lock().retain(|entry| entry.devid != devid);
        SUCCESS
    })
}

/// Brings a sub-device on line. Blocks, at most 10 s and the subscriptions.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_subdev_login(devid: c_int) -> c_int {
    guard("linkkit_gateway_subdev_login", FAIL, || {
        let (Some(gateway), 1..) = (serve::current(), devid) else { return FAIL };
        if gateway.master.login(devid, true).is_err() {
            return FAIL;
        }
        let known = {
            let entries = gateway.entries.lock();
            entries.iter().find(|entry| entry.devid == devid).map(|entry| (entry.callbacks, entry.context))
        };
        if let Some((callbacks, context)) = known {
            complete(callbacks, context.0);
        }
        SUCCESS
    })
}

/// Takes a sub-device off line. Blocks, at most 10 s.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_subdev_logout(devid: c_int) -> c_int {
    guard("linkkit_gateway_subdev_logout", FAIL, || match (serve::current(), devid) {
        (Some(gateway), 1..) => code(gateway.master.logout(devid)),
        _ => FAIL,
    })
}

/// How many devices there are, the gateway included.
#[unsafe(no_mangle)]
pub extern "C" fn linkkit_gateway_get_num_devices() -> c_int {
    guard("linkkit_gateway_get_num_devices", 0, || {
        serve::current().map_or(0, |gateway| super::int(gateway.master.subs() + 1))
    })
}

/// What is known of a device. The texts are the library's, valid until the device is destroyed.
///
/// # Safety
/// `devinfo` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_gateway_get_devinfo(devid: c_int, devinfo: *mut linkkit_devinfo_t) -> c_int {
    guard("linkkit_gateway_get_devinfo", FAIL, || {
        let Some(gateway) = serve::current().filter(|_| !devinfo.is_null() && devinfo.is_aligned()) else {
            return FAIL;
        };
        let entries = gateway.entries.lock();
        let Some(entry) = entries.iter().find(|entry| entry.devid == devid) else { return FAIL };
        let online = gateway.online.load(Ordering::Acquire);
        let login = if devid == 0 { online } else { gateway.master.is_logged_in(devid) };
        let info = linkkit_devinfo_t {
            product_key: entry.product_key.as_ptr().cast_mut(),
            device_name: entry.device_name.as_ptr().cast_mut(),
            devtype: c_int::from(devid != 0),
            login: c_int::from(login),
            state: match entry.status {
                DeviceStatus::Enabled => 0,
                DeviceStatus::Disabled => 1,
                DeviceStatus::Deleted => 2,
            },
            online: c_int::from(login && online),
        };
        // SAFETY: not NULL and aligned, as checked; the caller's structure.
        unsafe { devinfo.write(info) };
        SUCCESS
    })
}
