// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small values that outlive the process, in the firmware's `HAL_Kv_*`. Blocking (flash, files); any thread.

use std::ffi::{CString, c_int};

use super::border::in_c;
use super::ffi;

/// What the firmware says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Its value.
    Value(Vec<u8>),
    /// Its value is longer than was asked for.
    TooLong,
    /// There is none, or it cannot be read: `HAL_Kv_Get` does not tell these apart.
    Nothing,
}

/// Looks at `key`, whose value has at most `max` bytes.
pub fn look(key: &str, max: usize) -> Look {
    let (Ok(key), Ok(mut len)) = (CString::new(key), c_int::try_from(max)) else { return Look::Nothing };
    let mut value = vec![0u8; max];
    // SAFETY: `value` has room for the `len` bytes announced; all pointers outlive the call.
    let returned = in_c(|| unsafe { ffi::HAL_Kv_Get(key.as_ptr(), value.as_mut_ptr().cast(), &raw mut len) });
    match usize::try_from(len) {
        Ok(len) if len > max => Look::TooLong,
        Ok(len) if returned == 0 => {
            value.truncate(len);
            Look::Value(value)
        }
        _ => Look::Nothing,
    }
}

/// The value of `key`; `None` when there is none or it is longer than `max` bytes.
pub fn get(key: &str, max: usize) -> Option<Vec<u8>> {
    match look(key, max) {
        Look::Value(value) => Some(value),
        Look::TooLong | Look::Nothing => None,
    }
}

/// Stores a value durably; `false` when that failed.
#[must_use]
pub fn set(key: &str, value: &[u8]) -> bool {
    let (Ok(key), Ok(len)) = (CString::new(key), c_int::try_from(value.len())) else { return false };
    // SAFETY: `value` holds `len` bytes; both pointers outlive the call.
    in_c(|| unsafe { ffi::HAL_Kv_Set(key.as_ptr(), value.as_ptr().cast(), len, 1) == 0 })
}

/// Removes a key. `false` when that failed or, with some HALs, when there was none.
pub fn delete(key: &str) -> bool {
    let Ok(key) = CString::new(key) else { return false };
    // SAFETY: `key` is NUL-terminated and outlives the call.
    in_c(|| unsafe { ffi::HAL_Kv_Del(key.as_ptr()) == 0 })
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
