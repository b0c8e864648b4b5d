// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings and buffers that cross the border.

use std::ffi::{CStr, c_char, c_void};
use std::panic::Location;

use super::arguments::{Fault, note};

/// A C string as text. `None` for NULL and for bytes that are not UTF-8.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that stays unchanged for `'a`.
#[track_caller]
pub unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        note(Fault::Null, Location::caller());
        return None;
    }
    // SAFETY: not NULL, and NUL-terminated and unchanged for `'a`, by this function's contract.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str().ok();
    if text.is_none() {
        note(Fault::NotText, Location::caller());
    }
    text
}

/// A C string as text; NULL and the empty string are both "not given".
///
/// # Safety
/// As for [`text`].
#[track_caller]
pub unsafe fn given<'a>(pointer: *const c_char) -> Option<&'a str> {
    // SAFETY: `pointer` is NULL or NUL-terminated, by this function's contract.
    let text = unsafe { text(pointer) };
    if text.is_some_and(str::is_empty) {
        note(Fault::Empty, Location::caller());
    }
    text.filter(|text| !text.is_empty())
}

/// As [`given`], for an argument that need not be given: NULL and the empty text are no faults of the caller's.
///
/// # Safety
/// As for [`text`].
#[track_caller]
pub unsafe fn optional<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: NUL-terminated and unchanged for `'a`, by this function's contract.
    unsafe { text(pointer) }.filter(|text| !text.is_empty())
}

/// As [`given`], but bytes that are not UTF-8 are an error: where the first of them stands.
///
/// # Safety
/// As for [`text`].
#[cfg(all(feature = "linkkit", feature = "mqtt"))]
pub unsafe fn given_or_broken<'a>(pointer: *const c_char) -> Result<Option<&'a str>, usize> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL; NUL-terminated and unchanged for `'a`, as the caller says.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|error| error.valid_up_to())?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A C string's bytes, whatever they mean. `None` for NULL.
///
/// # Safety
/// As for [`text`].
pub unsafe fn raw<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not NULL; NUL-terminated and unchanged for `'a`, as the caller says.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// Bytes that C lends. `None` for NULL with a length other than 0, and for a negative length.
///
/// # Safety
/// `pointer` is NULL or points to at least `len` bytes that stay unchanged for `'a`.
#[cfg_attr(not(feature = "linkkit"), allow(dead_code, reason = "not every platform lends buffers"))]
#[track_caller]
pub unsafe fn bytes<'a>(pointer: *const c_void, len: i64) -> Option<&'a [u8]> {
    let Ok(len) = usize::try_from(len) else {
        note(Fault::Length, Location::caller());
        return None;
    };
    match (pointer.is_null(), len) {
        (_, 0) => Some(&[]),
        (true, _) => {
            note(Fault::Null, Location::caller());
            None
        }
        // SAFETY: not NULL, and `len` bytes that stay unchanged for `'a`, by this function's contract.
        (false, _) => Some(unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) }),
    }
}

/// A buffer that C lends for writing. `None` for NULL.
///
/// # Safety
/// `pointer` is NULL or points to at least `len` bytes that nobody else uses for `'a`, initialised or not: the bytes
/// are set to 0 first, for Rust must not see uninitialised memory.
#[cfg_attr(not(feature = "linkkit"), allow(dead_code, reason = "not every platform lends buffers"))]
#[track_caller]
pub unsafe fn buffer<'a>(pointer: *mut c_char, len: usize) -> Option<&'a mut [u8]> {
    if pointer.is_null() {
        note(Fault::Null, Location::caller());
        return None;
    }
    // SAFETY: not NULL, and `len` bytes may be written by this function alone; all of them are initialised
    // here.
    unsafe {
        pointer.write_bytes(0, len);
        Some(std::slice::from_raw_parts_mut(pointer.cast::<u8>(), len))
    }
}

/// A buffer that C lends for bytes and a NUL behind them. It is not initialised first: a firmware's download loop would pay
/// for every byte twice.
#[cfg(feature = "linkkit")]
pub struct Out<'a> {
    next: *mut c_char,
    /// Bytes that may still be put; one more is there for the NUL.
    room: usize,
    lent: std::marker::PhantomData<&'a mut c_char>,
}

#[cfg(feature = "linkkit")]
impl Out<'_> {
    /// `None` for NULL and for a buffer without room for the NUL.
    ///
    /// # Safety
    /// `pointer` is NULL or points to at least `len` bytes that nobody else uses while the value lives.
    #[track_caller]
    pub unsafe fn new(pointer: *mut c_char, len: usize) -> Option<Self> {
        if pointer.is_null() {
            note(Fault::Null, Location::caller());
        } else if len == 0 {
            note(Fault::Length, Location::caller());
        }
        let room = len.checked_sub(1).filter(|_| !pointer.is_null())?;
        let mut out = Self { next: pointer, room, lent: std::marker::PhantomData };
        out.terminate();
        Some(out)
    }

    /// How many bytes can still be put.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Appends bytes; what does not fit is cut.
    pub fn put(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(self.room);
        // SAFETY: `new` was promised `room + 1` bytes from `next` on, which are not Rust's, so `bytes` lie
        // elsewhere.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr().cast::<c_char>(), self.next, n);
            self.next = self.next.add(n);
        }
        self.room -= n;
        self.terminate();
    }

    fn terminate(&mut self) {
        // SAFETY: there is always one byte behind the room.
        unsafe { self.next.write(0) };
    }
}

/// Copies `text` into a C array and fills the rest with NULs; what does not fit is cut, a NUL always ends it.
pub fn copy_truncated(text: &str, out: &mut [u8]) {
    out.fill(0);
    let room = out.len().saturating_sub(1);
    for (to, from) in out.iter_mut().take(room).zip(text.bytes()) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "linkkit")]
    fn bytes_are_put_one_after_the_other_and_terminated() {
        let mut buffer = [0x7f; 6];
        // SAFETY: one byte less than there are, used here alone.
        let mut out = unsafe { Out::new(buffer.as_mut_ptr().cast(), 5) }.unwrap();
        assert_eq!(out.room(), 4);
        out.put(b"ab");
        out.put(b"cde");
        assert_eq!(out.room(), 0);
        out.put(b"f");
        assert_eq!(&buffer, b"abcd\0\x7f");
        // SAFETY: NULL and a length of 0 are refused before anything is written.
        unsafe {
            assert!(Out::new(std::ptr::null_mut(), 5).is_none());
            assert!(Out::new(buffer.as_mut_ptr().cast(), 0).is_none());
        }
        assert_eq!(buffer[0], b'a');
    }

    #[test]
    #[cfg(all(feature = "linkkit", feature = "mqtt"))]
    fn texts_that_are_no_text_are_told_apart_from_missing_ones() {
        // SAFETY: NULL and constants that end with a NUL.
        unsafe {
            assert_eq!(given_or_broken(std::ptr::null()), Ok(None));
            assert_eq!(given_or_broken(c"".as_ptr()), Ok(None));
            assert_eq!(given_or_broken(c"a\u{e9}".as_ptr()), Ok(Some("a\u{e9}")));
            assert_eq!(given_or_broken(c"a\xff".as_ptr()), Err(1));
        }
    }

    #[test]
    fn copies_are_cut_and_terminated() {
        let mut out = [0xff; 4];
        copy_truncated("abcdef", &mut out);
        assert_eq!(&out, b"abc\0");
        copy_truncated("a", &mut out);
        assert_eq!(&out, b"a\0\0\0");
        copy_truncated("a", &mut []);
    }
}
