// SPDX-License-Identifier: MIT OR Apache-2.0
//! The API of Aliyun's Link Kit C SDK, ABI of v3.0.1.
//!
//! Every exported name stands in `abi/exports-{linkkit,mqtt}.txt`; the hand-written headers are in `include/linkkit`.
//! Without the `mqtt` feature only the OTA module is exported, and `IOT_MQTT_*` are imported from the host's SDK.

#[cfg(feature = "mqtt")]
pub mod deprecated;
pub mod hooks;
#[cfg(feature = "mqtt")]
pub mod infra;
mod ioctl;
#[cfg(feature = "mqtt")]
pub mod model;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod mqtt_types;
pub mod ota;
#[cfg(feature = "mqtt")]
pub mod register;
#[cfg(feature = "mqtt")]
pub mod reset;
#[cfg(feature = "mqtt")]
pub mod sign;
#[cfg_attr(feature = "mqtt", path = "signal_own.rs")]
#[cfg_attr(not(feature = "mqtt"), path = "signal_host.rs")]
mod signal;
#[cfg(feature = "mqtt")]
pub mod v23;
#[cfg(feature = "mqtt")]
pub mod v310;
#[cfg(feature = "mqtt")]
mod v310_callbacks;
#[cfg(feature = "mqtt")]
mod v310_state;

/// Success.
const SUCCESS: i32 = 0;
/// `FAIL_RETURN`: failed; details elsewhere.
const FAIL: i32 = -1;
/// `NULL_VALUE_ERROR`, also `IOT_OTAE_INVALID_PARAM`: a handle or pointer that cannot be used.
const NULL_VALUE: i32 = -2;
