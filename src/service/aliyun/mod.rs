// SPDX-License-Identifier: MIT OR Apache-2.0
//! Aliyun's services for one device, without C: updates, sign-up, and the device model.

pub mod message_id;
#[cfg(feature = "mqtt")]
pub mod model;
mod ota;
pub mod register;

pub use ota::{Content, Ota, OtaError, Settings};
