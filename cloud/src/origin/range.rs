// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Range header of RFC 9110, for one range.

/// What a Range header asks for, given the size of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: no header, another unit, several ranges, or nonsense.
    All,
    /// Bytes `first..=last`, with `first <= last < size`.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// Nothing of it exists: 416.
    Unsatisfiable,
}

/// Parses a Range header's value.
pub fn parse(value: &str, size: u64) -> Wanted {
    read(value, size).unwrap_or(Wanted::All)
}

fn read(value: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = match (number(first)?, number(last)?) {
        (None, None) => return None,
        // The last n bytes.
        (None, Some(0)) => return Some(Wanted::Unsatisfiable),
        (None, Some(n)) => (size.saturating_sub(n), u64::MAX),
        (Some(first), None) => (first, u64::MAX),
        (Some(first), Some(last)) if last < first => return None,
        (Some(first), Some(last)) => (first, last),
    };
    if first >= size {
        return Some(Wanted::Unsatisfiable);
    }
    Some(Wanted::Part { first, last: last.min(size - 1) })
}

/// `Some(None)` for an empty text, `None` for anything but digits. Numbers beyond 64 bits count as the
/// largest.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |first, last| Wanted::Part { first, last };
        for (value, wanted) in [
            ("bytes=0-", part(0, 99)),
            ("bytes=0-0", part(0, 0)),
            ("Bytes = 10-19", part(10, 19)),
            ("bytes=99-", part(99, 99)),
            ("bytes=10-1000", part(10, 99)),
            ("bytes=0-99999999999999999999999", part(0, 99)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=5-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=+1-", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("items=0-1", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(parse(value, 100), wanted, "{value}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Unsatisfiable);
        assert_eq!(parse("bytes=5368709119-", 5_368_709_120), part(5_368_709_119, 5_368_709_119));
    }
}
