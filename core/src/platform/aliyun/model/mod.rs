// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device model on the wire: properties, events, services, a gateway's sub-devices.
//!
//! Payloads of the application pass through as they are: what is checked is that they are JSON.

pub mod activation;
pub mod envelope;
pub mod gateway;
pub mod topics;

pub use envelope::{Call, Reply};
pub use topics::Down;
