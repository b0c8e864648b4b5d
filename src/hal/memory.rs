// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that the C caller frees with `HAL_Free`. Everything else in the crate uses Rust's allocator.

use std::ffi::c_char;
use std::ptr::NonNull;

use super::ffi;

/// A copy of `bytes` with a NUL after them, from `HAL_Malloc`; `None` when memory is out.
pub fn alloc_c_string(bytes: &[u8]) -> Option<NonNull<c_char>> {
    let size = u32::try_from(bytes.len()).ok()?.checked_add(1)?;
    // SAFETY: HAL_Malloc takes any size.
    let start = NonNull::new(unsafe { ffi::HAL_Malloc(size) })?.cast::<u8>();
    // SAFETY: the block is new, so it does not overlap, and has room for `bytes.len() + 1` bytes.
    unsafe {
        start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        start.add(bytes.len()).write(0);
    }
    Some(start.cast())
}

/// Gives a block back.
///
/// # Safety
/// `block` came from `HAL_Malloc` (or [`alloc_c_string`]) and nobody uses it any more.
pub unsafe fn free(block: NonNull<c_char>) {
    // SAFETY: passed on to the caller.
    unsafe { ffi::HAL_Free(block.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn a_copy_ends_in_a_nul() {
        for text in ["", "x", "some/topic"] {
            let copy = alloc_c_string(text.as_bytes()).unwrap();
            // SAFETY: just made, NUL-terminated, freed once below.
            unsafe {
                assert_eq!(CStr::from_ptr(copy.as_ptr()).to_str(), Ok(text));
                free(copy);
            }
        }
    }
}
