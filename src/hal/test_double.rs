// SPDX-License-Identifier: MIT OR Apache-2.0
//! The imported functions over std, for unit tests, which link no firmware. They keep the contract of [`super`], and
//! break it where a test on the same thread asks for it (see [`Mischief`]).
#![allow(non_snake_case, clippy::missing_safety_doc, clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// How the HAL misbehaves on this thread.
#[derive(Default)]
pub(crate) struct Mischief {
    /// Establish returns this instead of connecting.
    pub establish: Option<usize>,
    /// Establish leaves this in `errno` when it returns [`Mischief::establish`].
    pub errno: c_int,
    /// Runs inside Establish, once the connection stands.
    pub after_establish: Option<Box<dyn Fn()>>,
    /// Write takes at most so many bytes.
    pub write_at_most: Option<usize>,
    /// Read and Write claim to have moved so many bytes.
    pub claim: Option<i32>,
}

#[derive(Default)]
struct Flash {
    open: Option<Vec<u8>>,
    stored: Option<Vec<u8>>,
    spoiled: usize,
}

thread_local! {
    static MISCHIEF: RefCell<Mischief> = RefCell::default();
    static IDENTITY: RefCell<HashMap<&'static str, Vec<u8>>> = RefCell::default();
    static PRINTED: RefCell<Vec<String>> = RefCell::default();
    static KV: RefCell<HashMap<Vec<u8>, Vec<u8>>> = RefCell::default();
    static FLASH: RefCell<Flash> = RefCell::default();
}

static CONNECTIONS: Mutex<Vec<(usize, Arc<TcpStream>)>> = Mutex::new(Vec::new());

/// Sets how this thread's HAL calls misbehave.
pub(crate) fn misbehave(mischief: Mischief) {
    MISCHIEF.set(mischief);
}

/// Sets the bytes that a HAL_Get* of this thread copies, with a NUL where there is room for one.
pub(crate) fn identity(name: &'static str, value: &[u8]) {
    IDENTITY.with_borrow_mut(|all| all.insert(name, value.to_vec()));
}

/// What this thread printed, one entry per call; forgotten then.
pub(crate) fn printed() -> Vec<String> {
    PRINTED.take()
}

/// How often this thread was told that an image is not valid.
pub(crate) fn spoiled() -> usize {
    FLASH.with_borrow(|flash| flash.spoiled)
}

/// The image that this thread stored last.
pub(crate) fn image() -> Option<Vec<u8>> {
    FLASH.with_borrow(|flash| flash.stored.clone())
}

fn connection(handle: usize) -> Option<Arc<TcpStream>> {
    CONNECTIONS.lock().iter().find(|(h, _)| *h == handle).map(|(_, stream)| Arc::clone(stream))
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn at_least_one(timeout_ms: u32) -> Option<Duration> {
    Some(Duration::from_millis(timeout_ms.max(1).into()))
}

pub unsafe extern "C" fn HAL_TCP_Establish(host: *const c_char, port: u16) -> usize {
    static LAST: Mutex<usize> = Mutex::new(100);
    // SAFETY: the caller gives a string.
    let host = unsafe { CStr::from_ptr(host) }.to_str().unwrap();
    if let Some((returned, errno)) = MISCHIEF.with_borrow(|m| m.establish.map(|it| (it, m.errno))) {
        // SAFETY: the C library's pointer to this thread's own `errno`.
        unsafe { *libc::__errno_location() = errno };
        return returned;
    }
    let addresses = (host, port).to_socket_addrs().into_iter().flatten();
    let connect = |address| TcpStream::connect_timeout(&address, Duration::from_secs(10)).ok();
    let Some(stream) = addresses.into_iter().find_map(connect) else { return 0 };
    MISCHIEF.with_borrow(|m| m.after_establish.as_ref().map(|run| run()));
    let mut last = LAST.lock();
    *last += 1;
    CONNECTIONS.lock().push((*last, Arc::new(stream)));
    *last
}

pub unsafe extern "C" fn HAL_TCP_Destroy(handle: usize) -> c_int {
    let mut all = CONNECTIONS.lock();
    let before = all.len();
    all.retain(|(h, _)| *h != handle);
    assert_eq!(all.len() + 1, before, "handle {handle} destroyed twice or never made");
    0
}

pub unsafe extern "C" fn HAL_TCP_Write(handle: usize, buf: *const c_char, len: u32, timeout_ms: u32) -> i32 {
    let Some(stream) = connection(handle) else { return -2 };
    let (at_most, claim) = MISCHIEF.with_borrow(|m| (m.write_at_most, m.claim));
    let len = at_most.unwrap_or(usize::MAX).min(len as usize);
    // SAFETY: the caller's buffer holds at least `len` bytes.
    let data = unsafe { std::slice::from_raw_parts(buf.cast(), len) };
    stream.set_write_timeout(at_least_one(timeout_ms)).unwrap();
    match (&*stream).write(data) {
        Ok(n) => claim.unwrap_or(n as i32),
        Err(error) if is_late(&error) => 0,
        Err(_) => -2,
    }
}

pub unsafe extern "C" fn HAL_TCP_Read(handle: usize, buf: *mut c_char, len: u32, timeout_ms: u32) -> i32 {
    let Some(stream) = connection(handle) else { return -2 };
    // SAFETY: the caller's buffer has room for `len` bytes.
    let room = unsafe { std::slice::from_raw_parts_mut(buf.cast(), len as usize) };
    stream.set_read_timeout(at_least_one(timeout_ms)).unwrap();
    match (&*stream).read(room) {
        Ok(0) => -1,
        Ok(n) => MISCHIEF.with_borrow(|m| m.claim).unwrap_or(n as i32),
        Err(error) if is_late(&error) => 0,
        Err(_) => -2,
    }
}

/// A firmware's TLS, as far as a test needs it: plain bytes, and what it was given is printed.
#[cfg(feature = "hal-ssl")]
pub unsafe extern "C" fn HAL_SSL_Establish(
    host: *const c_char,
    port: u16,
    ca: *const c_char,
    ca_len: u32,
) -> usize {
    let ca = if ca.is_null() {
        "no CA".to_owned()
    } else {
        // SAFETY: the caller gives a string.
        unsafe { CStr::from_ptr(ca) }.to_str().unwrap().to_owned()
    };
    PRINTED.with_borrow_mut(|all| all.push(format!("{ca} {ca_len}")));
    // SAFETY: as for this function.
    unsafe { HAL_TCP_Establish(host, port) }
}

#[cfg(feature = "hal-ssl")]
pub unsafe extern "C" fn HAL_SSL_Destroy(handle: usize) -> i32 {
    // SAFETY: as for this function.
    unsafe { HAL_TCP_Destroy(handle) }
}

#[cfg(feature = "hal-ssl")]
pub unsafe extern "C" fn HAL_SSL_Write(
    handle: usize,
    buf: *const c_char,
    len: c_int,
    timeout_ms: c_int,
) -> i32 {
    // SAFETY: as for this function.
    unsafe { HAL_TCP_Write(handle, buf, len as u32, timeout_ms as u32) }
}

#[cfg(feature = "hal-ssl")]
pub unsafe extern "C" fn HAL_SSL_Read(handle: usize, buf: *mut c_char, len: c_int, timeout_ms: c_int) -> i32 {
    // SAFETY: as for this function.
    unsafe { HAL_TCP_Read(handle, buf, len as u32, timeout_ms as u32) }
}

fn copy_identity(name: &str, out: *mut c_char) -> c_int {
    let value = IDENTITY.with_borrow(|all| all.get(name).cloned()).unwrap_or_default();
    // SAFETY: the caller's buffer has 160 bytes; only a value that fills it stays without a NUL.
    unsafe {
        out.cast::<u8>().copy_from_nonoverlapping(value.as_ptr(), value.len());
        if value.len() < 160 {
            out.add(value.len()).write(0);
        }
    }
    value.len() as c_int
}

macro_rules! identity_functions {
    ($($function:ident $name:literal),+) => {$(
        pub unsafe extern "C" fn $function(out: *mut c_char) -> c_int {
            copy_identity($name, out)
        }
    )+};
}
identity_functions!(
    HAL_GetProductKey "product_key",
    HAL_GetProductSecret "product_secret",
    HAL_GetDeviceName "device_name",
    HAL_GetDeviceSecret "device_secret",
    HAL_GetFirmwareVersion "version"
);

macro_rules! identity_setters {
    ($($function:ident $name:literal),+) => {$(
        pub unsafe extern "C" fn $function(value: *mut c_char) -> c_int {
            // SAFETY: the caller gives a string.
            let value = unsafe { CStr::from_ptr(value) }.to_bytes();
            identity($name, value);
            value.len() as c_int
        }
    )+};
}
identity_setters!(
    HAL_SetProductKey "product_key",
    HAL_SetProductSecret "product_secret",
    HAL_SetDeviceName "device_name",
    HAL_SetDeviceSecret "device_secret"
);

pub unsafe extern "C" fn HAL_Malloc(size: u32) -> *mut c_void {
    // SAFETY: any size is allowed.
    unsafe { libc::malloc(size as usize) }
}

pub unsafe extern "C" fn HAL_Free(ptr: *mut c_void) {
    // SAFETY: from HAL_Malloc, by contract.
    unsafe { libc::free(ptr) }
}

/// Variadic in C; the crate only ever prints one string.
pub unsafe fn HAL_Printf(fmt: *const c_char, text: *const c_char) {
    // SAFETY: the caller gives two strings.
    let (fmt, text) = unsafe { (CStr::from_ptr(fmt), CStr::from_ptr(text)) };
    assert_eq!(fmt, c"%s");
    PRINTED.with_borrow_mut(|all| all.push(text.to_str().unwrap().to_owned()));
}

fn key(key: *const c_char) -> Vec<u8> {
    // SAFETY: the callers give a string.
    unsafe { CStr::from_ptr(key) }.to_bytes().to_vec()
}

pub unsafe extern "C" fn HAL_Kv_Set(
    name: *const c_char,
    val: *const c_void,
    len: c_int,
    _sync: c_int,
) -> c_int {
    // SAFETY: the caller's value holds `len` bytes.
    let value = unsafe { std::slice::from_raw_parts(val.cast::<u8>(), len as usize) }.to_vec();
    KV.with_borrow_mut(|all| all.insert(key(name), value));
    0
}

pub unsafe extern "C" fn HAL_Kv_Get(name: *const c_char, val: *mut c_void, buffer_len: *mut c_int) -> c_int {
    let Some(value) = KV.with_borrow(|all| all.get(&key(name)).cloned()) else { return -1 };
    // SAFETY: the caller's buffer has room for `*buffer_len` bytes.
    unsafe {
        let room = std::mem::replace(&mut *buffer_len, value.len() as c_int);
        if (room as usize) < value.len() {
            return -1;
        }
        val.cast::<u8>().copy_from_nonoverlapping(value.as_ptr(), value.len());
    }
    0
}

pub unsafe extern "C" fn HAL_Kv_Del(name: *const c_char) -> c_int {
    KV.with_borrow_mut(|all| if all.remove(&key(name)).is_some() { 0 } else { -1 })
}

pub unsafe extern "C" fn HAL_Firmware_Persistence_Start() {
    FLASH.with_borrow_mut(|flash| flash.open = Some(Vec::new()));
}

pub unsafe extern "C" fn HAL_Firmware_Persistence_Write(buffer: *mut c_char, length: u32) -> c_int {
    if length == 0 {
        FLASH.with_borrow_mut(|flash| {
            flash.open = None;
            flash.spoiled += 1;
        });
        return 0;
    }
    // SAFETY: the caller's buffer holds `length` bytes.
    let data = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length as usize) };
    FLASH.with_borrow_mut(|flash| match &mut flash.open {
        Some(image) => {
            image.extend_from_slice(data);
            0
        }
        None => -1,
    })
}

pub unsafe extern "C" fn HAL_Firmware_Persistence_Stop() -> c_int {
    FLASH.with_borrow_mut(|flash| match flash.open.take() {
        Some(image) => {
            flash.stored = Some(image);
            0
        }
        None => -1,
    })
}
