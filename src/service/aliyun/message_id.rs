// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ids of messages to the cloud: one sequence for the whole process, so that no two answers can be mixed up.

use std::sync::atomic::{AtomicU32, Ordering};

/// C's `int` carries them.
const LAST: u32 = i32::MAX as u32;

static PREVIOUS: AtomicU32 = AtomicU32::new(0);

/// The next id, 1 and up; after 2^31 - 1 it is 1 again.
pub fn next() -> u32 {
    let step = |previous: u32| Some(if previous >= LAST { 1 } else { previous + 1 });
    match PREVIOUS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
        Ok(previous) | Err(previous) => step(previous).unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_differ() {
        let (a, b) = (super::next(), super::next());
        assert!(a >= 1 && b >= 1 && a != b);
    }
}
