// SPDX-License-Identifier: MIT OR Apache-2.0
//! The API of Link Kit 2.2 and 2.3 that `IOT_Linkkit_*` replaced: `linkkit_export.h` for a device, `linkkit_gateway_export.h`
//! for a gateway. Both stand on the same device model as `IOT_Linkkit_*`; they differ in how values, callbacks and answers
//! look to C.

pub mod gateway;
mod gateway_calls;
mod gateway_serve;
pub mod gateway_types;
pub mod solo;
mod solo_deliver;
mod solo_state;
pub mod solo_values;

use std::ffi::c_int;

use super::model::session::{self, Identity};
use crate::hal::device;
use crate::service::aliyun::model::{ModelError, Wants};
use otakit_core::platform::aliyun::identity::Device;

/// Opens the master with the identity that the HAL has, and connects it. Blocks.
fn start(wants: Wants) -> Result<(), ModelError> {
    open()?;
    session::connect_wanting(wants).inspect_err(|_| {
        let _ = session::close();
    })
}

/// Opens the master with the identity that the HAL has.
fn open() -> Result<(), ModelError> {
    let names = device::product_key().zip(device::device_name());
    let Some(device) = names.and_then(|(pk, dn)| Device::new(&pk, &dn)) else {
        crate::log!(Error, "model", "HAL_GetProductKey or HAL_GetDeviceName has no name that can be used");
        return Err(ModelError::Invalid);
    };
    session::open(&Identity {
        device,
        product_secret: device::product_secret().unwrap_or_default(),
        device_secret: device::device_secret().unwrap_or_default(),
    })
}

/// A message id as C takes it.
fn id(msgid: u32) -> c_int {
    c_int::try_from(msgid).unwrap_or_default()
}

/// A length as C takes it.
fn int(n: usize) -> c_int {
    c_int::try_from(n).unwrap_or(c_int::MAX)
}
