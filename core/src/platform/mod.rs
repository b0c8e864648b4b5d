// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each platform says on the wire: pure translation between bytes and types, no I/O.

pub mod aliyun;
pub mod onenet;
