// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device model: `dev_model_api.h` and the callbacks of `infra_compat.h`.

pub mod api;
pub mod callbacks;
pub(super) mod deliver;
pub mod gateway;
pub mod monitor;
pub(super) mod session;
mod store;

pub use deliver::offered_device;
pub use store::StoreCallbacks;
pub use store::set as set_store;
