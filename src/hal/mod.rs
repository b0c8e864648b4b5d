// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C functions that a firmware may provide, as safe types for the rest of the crate.
//!
//! The library only *imports* `HAL_*`: whoever links the program provides them. A firmware's own functions win one
//! by one; `libotakit_hal.a` (sources in `hal/posix`, one function per object, linked last) fills the gaps. None is
//! defined in this crate, not even weakly: a weak default inside the library would silently win over a firmware's
//! HAL that sits in an archive.
//!
//! | Import | What this crate counts on |
//! |---|---|
//! | `HAL_TCP_Establish` | blocks until connected or failed; 0 and `(uintptr_t)-1` mean failure |
//! | `HAL_TCP_Read` | returns within its timeout, or some tens of milliseconds later; > 0 bytes, 0 nothing in time, -1 closed by the peer, other negative numbers: broken |
//! | `HAL_TCP_Write` | returns within its timeout; the bytes written, which may be few or none, or negative: broken |
//! | `HAL_TCP_Destroy` | called exactly once per connection |
//! | `HAL_SSL_*` (feature `hal-ssl`) | as `HAL_TCP_*`, certificate and host name checked by the firmware |
//! | `HAL_Get*` | at most the documented length and a NUL into the buffer; the length, or <= 0: no value |
//! | `HAL_Malloc`, `HAL_Free` | as `malloc` and `free`; only for memory that the C caller frees |
//! | `HAL_Printf` | as `printf`; may be called from any thread of the library |
//! | `HAL_Kv_*`, `HAL_Firmware_Persistence_*` | see [`kv`] and [`persistence`] |
//!
//! One connection is used by one thread at a time; different connections may be used by different threads at once.

// The border to C: raw pointers and foreign functions cannot be had otherwise. Every block says why it is sound.
#![allow(unsafe_code)]

pub mod border;
pub mod console;
pub mod device;
mod ffi;
pub mod files;
mod gate;
pub mod kv;
pub mod memory;
pub mod own;
pub mod persistence;
pub mod process;
mod remedy;
pub mod signals;
pub mod tcp;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod test_double;
