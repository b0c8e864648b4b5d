// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small values that outlive the process, in the firmware's `HAL_Kv_*`. Blocking (flash, files); any thread.

use std::ffi::{CString, c_int};

use super::ffi;

/// The value of `key`; `None` when there is none or it is longer than `max` bytes.
pub fn get(key: &str, max: usize) -> Option<Vec<u8>> {
    let key = CString::new(key).ok()?;
    let mut len = c_int::try_from(max).ok()?;
    let mut value = vec![0u8; max];
    // SAFETY: `value` has room for the `len` bytes announced; all pointers outlive the call.
    let returned = unsafe { ffi::HAL_Kv_Get(key.as_ptr(), value.as_mut_ptr().cast(), &raw mut len) };
    let len = usize::try_from(len).ok().filter(|len| returned == 0 && *len <= max)?;
    value.truncate(len);
    Some(value)
}

/// Stores a value durably; `false` when that failed.
#[must_use]
pub fn set(key: &str, value: &[u8]) -> bool {
    let (Ok(key), Ok(len)) = (CString::new(key), c_int::try_from(value.len())) else { return false };
    // SAFETY: `value` holds `len` bytes; both pointers outlive the call.
    unsafe { ffi::HAL_Kv_Set(key.as_ptr(), value.as_ptr().cast(), len, 1) == 0 }
}

/// Removes a key. `false` when that failed or, with some HALs, when there was none.
pub fn delete(key: &str) -> bool {
    let Ok(key) = CString::new(key) else { return false };
    // SAFETY: `key` is NUL-terminated and outlives the call.
    unsafe { ffi::HAL_Kv_Del(key.as_ptr()) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_until_deleted() {
        assert_eq!(get("k", 8), None);
        assert!(set("k", b"va\0l"));
        assert_eq!(get("k", 8).as_deref(), Some(&b"va\0l"[..]));
        assert_eq!(get("k", 3), None);
        assert!(delete("k"));
        assert_eq!(get("k", 8), None);
        assert!(!set("nul\0key", b""));
    }
}
