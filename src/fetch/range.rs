// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers that say which bytes of an image an answer carries (RFC 9110, sections 10.2.3 and 14).

use std::time::Duration;

/// `Content-Range: bytes first-last/total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Position of the first byte in the image.
    pub first: u64,
    /// Position of the last byte.
    pub last: u64,
    /// Size of the whole image; `None` for `*`.
    pub total: Option<u64>,
}

impl ContentRange {
    /// `None` unless it is a satisfied byte range that makes sense.
    pub fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.trim().split_once(' ')?;
        let (range, total) = rest.trim_start().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(decimal(total)?) };
        let range = Self { first: decimal(first)?, last: decimal(last)?, total };
        let sound = range.first <= range.last && range.total.is_none_or(|total| range.last < total);
        (unit.eq_ignore_ascii_case("bytes") && sound).then_some(range)
    }
}

/// The total of `Content-Range: bytes */total`, as a 416 answer carries it.
pub fn unsatisfied_total(value: &str) -> Option<u64> {
    decimal(value.trim().strip_prefix("bytes */")?)
}

/// A length: decimal digits that fit in 63 bits (RFC 9110, section 8.6). No sign, no blanks.
pub fn decimal(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&value: &u64| plain && i64::try_from(value).is_ok())
}

/// The longest wait that a server may impose.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// `Retry-After` in its form of seconds, capped at [`MAX_RETRY_AFTER`]. The form of a date is taken as not there:
/// a device's clock may not be set.
pub fn retry_after(value: &str) -> Option<Duration> {
    decimal(value.trim()).map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range() {
        let some = |first, last, total| Some(ContentRange { first, last, total });
        let cases = [
            ("bytes 0-9/10", some(0, 9, Some(10))),
            ("BYTES 5-9/*", some(5, 9, None)),
            (" bytes  5-5/6 ", some(5, 5, Some(6))),
            ("bytes 5368709120-5368709121/5368709122", some(5368709120, 5368709121, Some(5368709122))),
            ("bytes 5-4/10", None),
            ("bytes 5-10/10", None),
            ("bytes */10", None),
            ("bytes 0-9", None),
            ("bytes -9/10", None),
            ("bytes 0-/10", None),
            ("bytes +0-9/10", None),
            ("bytes 0-18446744073709551616/*", None),
            ("items 0-9/10", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(ContentRange::parse(value), expected, "{value}");
        }
        assert_eq!(unsatisfied_total("bytes */10"), Some(10));
        assert_eq!(unsatisfied_total("bytes 0-1/10"), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(decimal("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
        for bad in ["", "-5", "+5", " 5", "5 ", "0x5", "abc", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }
}
