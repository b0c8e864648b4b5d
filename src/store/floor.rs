// SPDX-License-Identifier: MIT OR Apache-2.0
//! The version floor that outlives the process, in the firmware's `HAL_Kv_*`. What cannot be read is not "none".

use otakit_core::digest::to_hex;
use sha2::{Digest as _, Sha256};

use crate::hal::kv::{self, Look};

/// Where the floor is: a format, the front of the SHA-256 of the version in hexadecimal digits, the version.
const KEY: &str = "otakit.version_floor";
/// Says that there is one: `HAL_Kv_Get` has one answer for "not there" and for "cannot be read".
const MARK: &str = "otakit.version_floor.kept";
/// Written and read to learn whether the store can be read at all.
const PROBE: &str = "otakit.probe";
const FORMAT: &str = "OTF1";
/// Longest version that is kept, in bytes.
pub const MAX_VERSION: usize = 128;
const MAX_RECORD: usize = MAX_VERSION + 32;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing, and the store can be read.
    Nothing,
    /// This version.
    Version(String),
    /// Something that cannot be read or is damaged, or nobody knows what.
    Unreadable,
}

/// Reads the floor.
pub fn load() -> Kept {
    match kv::look(KEY, MAX_RECORD) {
        Look::Value(record) => decode(&record).map_or(Kept::Unreadable, Kept::Version),
        Look::TooLong => Kept::Unreadable,
        Look::Nothing if kv::get(MARK, 8).is_none() && is_readable() => Kept::Nothing,
        Look::Nothing => Kept::Unreadable,
    }
}

/// Keeps a floor; `false` when it cannot be read back.
#[must_use]
pub fn keep(version: &str) -> bool {
    let record = format!("{FORMAT} {} {version}", checksum(version));
    kv::set(KEY, record.as_bytes()) && kv::set(MARK, b"1") && load() == Kept::Version(version.to_owned())
}

fn is_readable() -> bool {
    let readable = kv::set(PROBE, b"probe") && kv::get(PROBE, 8).as_deref() == Some(b"probe");
    kv::delete(PROBE);
    readable
}

fn decode(record: &[u8]) -> Option<String> {
    let (format, rest) = str::from_utf8(record).ok()?.split_once(' ')?;
    let (sum, version) = rest.split_once(' ')?;
    let whole = format == FORMAT && sum == checksum(version) && !version.is_empty();
    whole.then(|| version.to_owned())
}

fn checksum(version: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(version.as_bytes()).into();
    to_hex(digest.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_damage_is_not_nothing() {
        assert_eq!(load(), Kept::Nothing);
        for version in ["1.2.0", "app 1.3 beta", &"9".repeat(MAX_VERSION)] {
            assert!(keep(version));
            assert_eq!(load(), Kept::Version(version.to_owned()));
        }
        assert!(keep("2.0.0"));
        let record = kv::get(KEY, MAX_RECORD).unwrap();
        for at in 0..record.len() {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            assert!(kv::set(KEY, &damaged));
            assert_eq!(load(), Kept::Unreadable, "altered at {at}");
            assert!(kv::set(KEY, &record[..at]));
            assert_eq!(load(), Kept::Unreadable, "cut at {at}");
        }
        assert!(kv::set(KEY, &[b'1'; 500]));
        assert_eq!(load(), Kept::Unreadable, "too long");
        kv::delete(KEY);
        assert_eq!(load(), Kept::Unreadable, "lost");
        kv::delete(MARK);
        assert_eq!(load(), Kept::Nothing);
    }
}
