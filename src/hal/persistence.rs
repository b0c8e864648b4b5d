// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the firmware keeps a new image: `HAL_Firmware_Persistence_*`. Blocking (flash, files).
//!
//! There is one image at a time: whoever calls must see to it that one update at a time is written. Stop says that
//! no more bytes come, not that they are good: a HAL is stopped after a failed download as well. It is told so before, by
//! [`not_valid`].

use super::border::in_c;
use super::ffi;

/// Begins an image; one that was not stopped is given up.
pub fn start() {
    // SAFETY: no arguments.
    in_c(|| unsafe { ffi::HAL_Firmware_Persistence_Start() })
}

/// Appends to the image; `false` when that failed (a negative return: some HALs return the length). The buffer is the firmware's to change during the call.
#[must_use]
pub fn write(data: &mut [u8]) -> bool {
    let Ok(len) = u32::try_from(data.len()) else { return false };
    // SAFETY: the pointer is good for reads and writes of `len` bytes.
    in_c(|| unsafe { ffi::HAL_Firmware_Persistence_Write(data.as_mut_ptr().cast(), len) >= 0 })
}

/// Says that the image, complete or not, is not valid: a write of no bytes, which never comes otherwise. [`stop`] follows.
pub fn not_valid() {
    // A firmware's own function may look at the buffer, whatever the length.
    let mut nothing = [0_u8];
    // SAFETY: the pointer is good for reads and writes of the one byte there, and none is to be taken.
    let _ = in_c(|| unsafe { ffi::HAL_Firmware_Persistence_Write(nothing.as_mut_ptr().cast(), 0) });
}

/// Ends the image; `false` when it is not safely stored.
#[must_use]
pub fn stop() -> bool {
    // SAFETY: no arguments.
    in_c(|| unsafe { ffi::HAL_Firmware_Persistence_Stop() >= 0 })
}

#[cfg(test)]
mod tests {
    use super::super::test_double::image;
    use super::*;

    #[test]
    fn an_image_is_what_was_written_between_start_and_stop() {
        assert!(!write(&mut [0]));
        assert!(!stop());
        start();
        assert!(write(&mut [1, 2]));
        assert!(write(&mut [3]));
        assert_eq!(image(), None);
        assert!(stop());
        assert_eq!(image(), Some(vec![1, 2, 3]));
    }
}
