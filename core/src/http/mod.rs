// SPDX-License-Identifier: MIT OR Apache-2.0
//! HTTP answers: how their heads are read, and which bytes of an image they bring.

#[cfg(feature = "alloc")]
pub mod answer;
#[cfg(feature = "alloc")]
pub mod head;
pub mod range;
#[cfg(feature = "alloc")]
pub mod request;
#[cfg(feature = "alloc")]
pub mod slice;
pub mod status;
