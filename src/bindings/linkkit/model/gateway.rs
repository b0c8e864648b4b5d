// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options of `IOT_Ioctl` that concern devices of the model.

use std::ffi::c_int;

use otakit_core::platform::aliyun::identity::Device;

use super::super::sign::{array_text, iotx_dev_meta_info_t};
use super::super::{FAIL, SUCCESS};
use super::session;

/// `IOTX_IOCTL_SET_OTA_DEV_ID`.
pub fn select_ota(devid: c_int) -> c_int {
    let selected = session::master().filter(|_| devid >= 0).map(|master| master.select_ota(devid));
    if matches!(selected, Some(Ok(()))) { SUCCESS } else { FAIL }
}

/// `IOTX_IOCTL_QUERY_DEVID`: the device's id, or -1.
///
/// # Safety
/// `meta` points to an identity.
pub unsafe fn query_devid(meta: *const iotx_dev_meta_info_t) -> c_int {
    // SAFETY: not NULL, as checked by IOT_Ioctl; the structure is made of bytes, so any address is aligned.
    let Some(meta) = (unsafe { meta.as_ref() }) else { return FAIL };
    let device = array_text(&meta.product_key).zip(array_text(&meta.device_name));
    let device = device.and_then(|(product_key, device_name)| Device::new(&product_key, &device_name));
    let devid = session::master().zip(device).and_then(|(master, device)| master.devid_of(&device));
    devid.unwrap_or(FAIL)
}
