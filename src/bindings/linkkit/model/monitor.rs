// SPDX-License-Identifier: MIT OR Apache-2.0
//! `iotx_event_*`: the connection's progress for an indicator; and the activation text.

use std::ffi::{c_int, c_uchar, c_uint};

use otakit_core::platform::aliyun::model::activation;
use parking_lot::Mutex;

use super::super::{FAIL, SUCCESS};
use crate::bindings::guard::guard;
use crate::bindings::text;

/// A connection is being made.
pub const CONNECTING: c_int = 0x2000;
/// It failed.
pub const FAILED: c_int = 0x2001;
/// It stands.
pub const CONNECTED: c_int = 0x2002;

static MONITOR: Mutex<Option<unsafe extern "C" fn(c_int)>> = Mutex::new(None);

/// Tells the monitor; `false` when there is none.
pub fn post(event: c_int) -> bool {
    let monitor = *MONITOR.lock();
    if let Some(monitor) = monitor {
        // SAFETY: C gave the function for this prototype.
        unsafe { monitor(event) };
    }
    monitor.is_some()
}

/// Sets the one monitor; NULL removes it.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_event_regist_cb(monitor_cb: Option<unsafe extern "C" fn(c_int)>) -> c_int {
    guard("iotx_event_regist_cb", FAIL, || {
        *MONITOR.lock() = monitor_cb;
        SUCCESS
    })
}

/// Hands a code to the monitor, in the calling thread; -1 when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_event_post(event: c_int) -> c_int {
    guard("iotx_event_post", FAIL, || if post(event) { SUCCESS } else { FAIL })
}

/// Writes the activation text of a device: 80 characters and a NUL. 1 when an argument cannot be used.
///
/// # Safety
/// The first four point to 4, 4, 8 and 4 bytes, the last one to `output_len`; any may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aos_get_version_info(
    version_num: *mut c_uchar,
    random_num: *mut c_uchar,
    mac_address: *mut c_uchar,
    chip_code: *mut c_uchar,
    output_buffer: *mut c_uchar,
    output_len: c_uint,
) -> c_uint {
    guard("aos_get_version_info", 1, || {
        // SAFETY: not NULL where read; the lengths as the caller promises, alignment of bytes is 1.
        let parts = unsafe {
            (
                version_num.cast::<[u8; 4]>().as_ref(),
                random_num.cast::<[u8; 4]>().as_ref(),
                mac_address.cast::<[u8; 8]>().as_ref(),
                chip_code.cast::<[u8; 4]>().as_ref(),
            )
        };
        let (Some(version), Some(random), Some(mac), Some(chip)) = parts else { return 1 };
        let record = activation::record(*version, *random, *mac, *chip);
        if (output_len as usize) <= record.len() {
            return 1;
        }
        // SAFETY: as the caller promises.
        let Some(out) = (unsafe { text::buffer(output_buffer.cast(), output_len as usize) }) else {
            return 1;
        };
        text::copy_truncated(&record, out);
        0
    })
}
