// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that the library starts.

use std::thread::Builder;

/// Stack of each thread in bytes, whatever the platform's default is: a TLS handshake is what needs most of it.
/// `benches/run.py` prints how deep they really get.
pub const STACK: usize = 256 * 1024;

/// A thread of the library's own; the name is what tools show.
pub fn named(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}
