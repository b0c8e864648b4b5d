// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which argument was refused. The conversions of [`text`](super::text) and the look-up of handles note what they cannot
//! use, with their caller's place; the guard of the export prints it when the call is refused. The names come from a table
//! that `build.rs` reads out of this folder's sources, so no export has to name its arguments.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic::Location;

include!(concat!(env!("OUT_DIR"), "/arguments.rs"));

/// What is wrong with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is NULL.
    Null,
    /// It is empty.
    Empty,
    /// It is not UTF-8.
    NotText,
    /// It is no open handle. (Only Link Kit's APIs say so.)
    #[cfg_attr(not(feature = "linkkit"), allow(dead_code))]
    NoHandle,
    /// Its length is negative, or leaves no room.
    Length,
}

impl Fault {
    fn words(self) -> &'static str {
        match self {
            Self::Null => "is NULL",
            Self::Empty => "is empty",
            Self::NotText => "is not UTF-8 text",
            Self::NoHandle => "is no open handle",
            Self::Length => "has no usable length",
        }
    }
}

/// Something that an argument was refused for.
#[derive(Clone, Copy)]
enum Noted {
    /// By the conversion at this place, whose argument the table knows.
    At(Fault, &'static Location<'static>),
    /// By the export itself: the argument, and what is wrong with it.
    Named(&'static str, &'static str),
}

impl Noted {
    fn words(&self) -> String {
        match self {
            Self::At(fault, place) => format!("{} {}", name(place).unwrap_or("an argument"), fault.words()),
            Self::Named(argument, wrong) => format!("{argument} {wrong}"),
        }
    }
}

/// Most that are noted of one call.
const MOST: usize = 8;

thread_local! {
    // Nothing to drop: a program may call in an `atexit` handler, after what has to be dropped is gone.
    static NOTED: Cell<[Option<Noted>; MOST]> = const { Cell::new([None; MOST]) };
}

/// Notes what a conversion could not use; only a refused call tells.
pub fn note(fault: Fault, place: &'static Location<'static>) {
    push(Noted::At(fault, place));
}

/// Notes why an export refuses an argument that could be converted: `wrong` follows its name in the log line.
pub fn refuse(argument: &'static str, wrong: &'static str) {
    push(Noted::Named(argument, wrong));
}

fn push(one: Noted) {
    let mut noted = NOTED.get();
    if let Some(free) = noted.iter_mut().find(|noted| noted.is_none()) {
        *free = Some(one);
        NOTED.set(noted);
    }
}

/// Forgets what was noted.
pub fn clear() {
    NOTED.set([None; MOST]);
}

/// What was noted, for a log line; `None` when nothing was.
pub fn noted() -> Option<String> {
    let words: Vec<_> = NOTED.get().iter().flatten().map(Noted::words).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The argument that the conversion at this place was given.
fn name(place: &Location<'_>) -> Option<&'static str> {
    let found = NAMES.iter().find(|(file, line, column, _)| {
        *line == place.line() && *column == place.column() && place.file().ends_with(file)
    });
    found.map(|(.., name)| *name)
}

/// What an export returns, as far as it can say that an argument was refused.
pub trait Outcome {
    /// Whether it stands for "an argument cannot be used".
    fn is_refusal(&self) -> bool {
        false
    }
}

impl Outcome for c_int {
    /// `NULL_VALUE_ERROR`, `OTAKIT_INVALID`, `ERR_INVALID_PARAM` and their like are -2 in every API; HaaS and QuecPython
    /// have -1 alone.
    fn is_refusal(&self) -> bool {
        matches!(*self, -1 | -2)
    }
}

impl<T> Outcome for *mut T {
    fn is_refusal(&self) -> bool {
        self.is_null()
    }
}

impl<T> Outcome for *const T {}

impl Outcome for () {}
impl Outcome for i64 {
    fn is_refusal(&self) -> bool {
        *self == -1
    }
}
impl Outcome for u32 {}
impl Outcome for u16 {}
impl Outcome for u64 {}
impl Outcome for usize {}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;
    use crate::bindings::native;

    #[test]
    fn refused_arguments_are_named() {
        let bad = c"\xff".as_ptr();
        // SAFETY: each text is NULL or NUL-terminated, each other pointer NULL.
        unsafe {
            assert_eq!(native::otakit_set_https_ca(bad), -2);
            let no_certificate = "pem holds no certificate: -----BEGIN CERTIFICATE----- is missing";
            assert_eq!(noted().as_deref(), Some(no_certificate));
            assert_eq!(native::otakit_set_https_ca(c"x".as_ptr()), -2);
            assert_eq!(noted().as_deref(), Some(no_certificate));
            assert_eq!(native::policy::otakit_policy_trust_key(c"x".as_ptr()), -2);
            assert!(noted().is_some_and(|noted| noted.starts_with("pem ")));
            let (image, path) = (null_mut(), c"".as_ptr());
            assert_eq!(native::download::otakit_download_file(image, path, null_mut(), None, null_mut()), -2);
        }
        #[cfg(feature = "linkkit")]
        // SAFETY: each text is NULL or NUL-terminated, each other pointer NULL.
        unsafe {
            use crate::bindings::linkkit::ota;
            assert!(ota::IOT_OTA_Init(null_mut(), c"dn".as_ptr(), null_mut()).is_null());
            assert_eq!(noted().as_deref(), Some("product_key is NULL"));
            assert_eq!(ota::IOT_OTA_ReportVersion(null_mut(), null_mut()), -2);
            assert_eq!(noted().as_deref(), Some("handle is no open handle, version is NULL"));
        }
        #[cfg(all(feature = "linkkit", feature = "mqtt"))]
        // SAFETY: each text is NULL or NUL-terminated, each other pointer NULL.
        unsafe {
            use crate::bindings::linkkit::mqtt;
            assert_eq!(mqtt::IOT_MQTT_Unsubscribe(null_mut(), c"".as_ptr()), -2);
            assert_eq!(noted().as_deref(), Some("handle is no open handle, topic_filter is empty"));
        }
    }

    #[test]
    fn every_conversion_of_the_sources_has_a_name() {
        assert!(NAMES.len() >= 60, "{}", NAMES.len());
        for (file, line, column, name) in NAMES {
            assert!(
                file.starts_with("src/bindings/") && *line > 0 && *column > 0 && !name.is_empty(),
                "{file}:{line}"
            );
        }
    }
}
