// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the library offers beyond `dev_model_api.h`: several devices of a gateway that update at once.

use std::ffi::{c_char, c_int, c_void};

use super::codes::{OTAKIT_FAILED, OTAKIT_INVALID, OTAKIT_OK};
use crate::bindings::arguments::refuse;
use crate::bindings::guard::guard;
use crate::bindings::linkkit::model::{StoreCallbacks, offered_device, set_store};

/// Where one device's images go. Called on the thread that downloads, with no lock held. A negative return is a failure.
#[repr(C)]
pub struct otakit_linkkit_store_t {
    /// Begins an image of `size` bytes.
    pub start: Option<unsafe extern "C" fn(user: *mut c_void, size: u64) -> c_int>,
    /// Appends `length` bytes.
    pub write: Option<unsafe extern "C" fn(user: *mut c_void, buffer: *mut c_char, length: u32) -> c_int>,
    /// Ends the image: `valid` is 1 when it is complete and verified, else 0.
    pub stop: Option<unsafe extern "C" fn(user: *mut c_void, valid: c_int) -> c_int>,
    /// Given back in each call.
    pub user: *mut c_void,
}

/// Sets where `ITM_MSG_QUERY_FOTA_DATA` and `ITM_MSG_QUERY_COTA_DATA` put what they download for a device of the device
/// model (0: the master), in place of `HAL_Firmware_Persistence_*`, which know no device and serve one at a time. NULL goes
/// back to those; `IOT_Linkkit_Close` does, too. The structure is copied. Does not block; any thread.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a negative device or a store that lacks a function.
///
/// # Safety
/// `store` is NULL or points to the structure; its functions may be called with its `user` until it is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_set_store(
    devid: c_int,
    store: *const otakit_linkkit_store_t,
) -> c_int {
    guard("otakit_linkkit_set_store", OTAKIT_FAILED, || {
        if devid < 0 {
            refuse("devid", "is negative");
            return OTAKIT_INVALID;
        }
        // SAFETY: `store` is NULL or valid for the call, by this function's contract.
        let Some(store) = (unsafe { store.as_ref() }) else {
            set_store(devid, None);
            return OTAKIT_OK;
        };
        let (Some(start), Some(write), Some(stop)) = (store.start, store.write, store.stop) else {
            refuse("store", "lacks one of start, write and stop");
            return OTAKIT_INVALID;
        };
        set_store(devid, Some(StoreCallbacks { start, write, stop, user: store.user }));
        OTAKIT_OK
    })
}

/// Inside an `ITE_FOTA` or `ITE_COTA` callback: the device of the device model that the offer is for. Does not block.
///
/// Returns the device, 0 for the master; -1 outside of such a callback.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_linkkit_offered_device() -> c_int {
    guard("otakit_linkkit_offered_device", -1, || offered_device().unwrap_or(-1))
}
