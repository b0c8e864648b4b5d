// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stranger's Rust library, to be linked beside ours.

/// Gives `value` back, or 42 where a negative one made it panic.
#[unsafe(no_mangle)]
pub extern "C" fn second_catches_its_panic(value: i32) -> i32 {
    std::panic::catch_unwind(|| {
        assert!(value >= 0, "asked for");
        value
    })
    .unwrap_or(42)
}
