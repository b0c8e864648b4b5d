// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates of devices and roll-outs as state machines, and what carries them out.

pub mod job;
pub mod rollback;
pub mod scheduler;
pub mod spec;
pub mod terms;
pub mod upgrade;
pub mod window;
