// SPDX-License-Identifier: MIT OR Apache-2.0
//! The head of an HTTP answer: its status and its header fields.
//!
//! Read line by line and as leniently as RFC 9112 allows: what a head says beside the few fields that are looked at
//! never makes an image fail. Memory stays bounded, since fields that nobody looks at are dropped once there are many.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::fetch::FetchError;

/// The longest head taken, in bytes; interim answers before it count as parts of it.
pub const MAX_HEAD: usize = 64 * 1024;
/// The longest line kept, in bytes. The rest of a longer one is read past, which fields in [`NEEDED`] do not survive.
pub const MAX_LINE: usize = 12 * 1024;
/// Bytes of names and values that are kept of fields that are not in [`NEEDED`].
const MAX_OTHERS: usize = 8 * 1024;
/// Bytes of names and values that are kept of fields in [`NEEDED`].
const MAX_NEEDED: usize = 32 * 1024;
/// The fields that decide what an answer is. Never dropped.
const NEEDED: [&str; 9] = [
    "content-length",
    "transfer-encoding",
    "content-range",
    "content-encoding",
    "location",
    "etag",
    "last-modified",
    "date",
    "retry-after",
];

/// The head of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
}

/// Header fields in the order they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Field>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Box<str>,
    value: Vec<u8>,
}

/// What became of the field line before, which a folded line continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// There was none, or nothing was kept of it.
    #[default]
    Dropped,
    /// It is the last one in the list.
    Kept,
}

/// Takes the lines of one head.
#[derive(Debug, Default)]
pub struct Parser {
    head: Head,
    last: Last,
    others: usize,
    needed: usize,
}

impl Parser {
    /// Takes the next line, its line end included or not. `true`: it was the empty line at the head's end.
    ///
    /// `cut`: the line was longer than [`MAX_LINE`], this is its front.
    pub fn line(&mut self, line: &[u8], cut: bool) -> Result<bool, FetchError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.head.status == 0 {
            self.head.status = status(line).ok_or(FetchError::Protocol)?;
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        if line.contains(&0) {
            return Err(FetchError::Protocol);
        }
        if matches!(line, [b' ' | b'\t', ..]) {
            // A field that goes on (obs-fold). Behind the status line it continues nothing, and is passed over.
            if self.last == Last::Kept {
                self.room_for_fold(line.len())?;
                self.head.headers.fold(line.trim_ascii());
            }
            return Ok(false);
        }
        self.last = Last::Dropped;
        // What has no colon or no name is no field, whatever else it may be.
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Ok(false) };
        let (name, value) = line.split_at(colon);
        let Ok(name) = str::from_utf8(name.trim_ascii_end()) else { return Ok(false) };
        if name.is_empty() {
            return Ok(false);
        }
        let needed = is_needed(name);
        if needed && cut {
            return Err(FetchError::Protocol);
        }
        if self.has_room(needed, line.len())? && !cut {
            self.head.headers.add(name, value.get(1..).unwrap_or_default());
            self.last = Last::Kept;
        }
        Ok(false)
    }

    /// The head, once its end was met.
    pub fn head(self) -> Head {
        self.head
    }

    fn has_room(&mut self, needed: bool, len: usize) -> Result<bool, FetchError> {
        if needed {
            self.needed += len;
            return if self.needed > MAX_NEEDED { Err(FetchError::Protocol) } else { Ok(true) };
        }
        let fits = self.others + len <= MAX_OTHERS;
        if fits {
            self.others += len;
        }
        Ok(fits)
    }

    fn room_for_fold(&mut self, len: usize) -> Result<(), FetchError> {
        self.needed += len;
        if self.needed > MAX_NEEDED { Err(FetchError::Protocol) } else { Ok(()) }
    }
}

fn is_needed(name: &str) -> bool {
    NEEDED.iter().any(|needed| needed.eq_ignore_ascii_case(name))
}

/// What every answer begins with, in letters of either case.
const PROTOCOL: &[u8] = b"HTTP/";

/// Whether an answer may begin with these bytes.
pub fn may_begin(bytes: &[u8]) -> bool {
    bytes.iter().zip(PROTOCOL).all(|(byte, wanted)| byte.eq_ignore_ascii_case(wanted))
}

/// The code of a status line. Blanks may be several, the reason phrase may be missing; the version is a label.
fn status(line: &[u8]) -> Option<u16> {
    let (_, rest) = line.split_at_checked(PROTOCOL.len()).filter(|(name, _)| may_begin(name))?;
    let blank = rest.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (version, rest) = rest.split_at(blank);
    if !matches!(version, [b'1'..=b'3'] | [b'1'..=b'3', b'.', b'0'..=b'9']) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let (code, reason) = rest.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || matches!(reason, [b'0'..=b'9', ..]) {
        return None;
    }
    str::from_utf8(code).ok()?.parse().ok().filter(|&status: &u16| status >= 100)
}

impl Headers {
    /// Adds a field behind the others. The value's surrounding blanks do not count; a lone CR within counts as a blank.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let mut value = value.trim_ascii().to_vec();
        value.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b' ');
        self.0.push(Field { name: name.into(), value });
    }

    /// Adds to the value of the last field.
    fn fold(&mut self, more: &[u8]) {
        if let Some(field) = self.0.last_mut()
            && !more.is_empty()
        {
            if !field.value.is_empty() {
                field.value.push(b' ');
            }
            field.value.extend_from_slice(more);
        }
    }

    /// The first value of that name in visible ASCII, blanks and tabs; `None` also when it holds other bytes.
    pub fn text(&self, name: &str) -> Option<&str> {
        plain(self.bytes(name)?)
    }

    /// The first value of that name, whatever its bytes are.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The value of a field that may stand there once only; several times with the same value is accepted.
    pub fn single(&self, name: &str) -> Result<Option<&str>, FetchError> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(FetchError::Protocol);
        }
        plain(first).map(Some).ok_or(FetchError::Protocol)
    }

    /// The members of all lists under that name, in order; empty ones are left out.
    pub fn list<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|member| !member.is_empty())
    }

    fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let same = move |field: &&Field| field.name.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|field| field.value.as_slice())
    }
}

fn plain(value: &[u8]) -> Option<&str> {
    let plain = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    str::from_utf8(value).ok().filter(|_| plain)
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
