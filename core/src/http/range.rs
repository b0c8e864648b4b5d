// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers that say which bytes of an image an answer carries (RFC 9110, sections 10.2.3 and 14).

use core::time::Duration;

use crate::date;

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
        // "bytes=" is what many servers write, after the request's own form.
        let (unit, rest) = value.trim().split_once([' ', '\t', '='])?;
        let (range, total) = rest.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total.trim() == "*" { None } else { Some(decimal(total.trim())?) };
        let range = Self { first: decimal(first.trim())?, last: decimal(last.trim())?, total };
        let sound = range.first <= range.last && range.total.is_none_or(|total| range.last < total);
        (unit.eq_ignore_ascii_case("bytes") && sound).then_some(range)
    }
}

/// The total of `Content-Range: bytes */total`, as a 416 answer carries it.
pub fn unsatisfied_total(value: &str) -> Option<u64> {
    let (unit, rest) = value.trim().split_once([' ', '\t', '='])?;
    let total = rest.trim().strip_prefix('*')?.trim_start().strip_prefix('/')?;
    decimal(total.trim()).filter(|_| unit.eq_ignore_ascii_case("bytes"))
}

/// A length: decimal digits that fit in 63 bits (RFC 9110, section 8.6). No sign, no blanks.
pub fn decimal(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&value: &u64| plain && i64::try_from(value).is_ok())
}

/// The longest wait that a server may impose.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// `Retry-After`, capped at [`MAX_RETRY_AFTER`]: seconds, or a date of which `now`, the answer's own date, is taken. A
/// device's clock may not be set, so without that a date says nothing.
pub fn retry_after(value: &str, now: Option<i64>) -> Option<Duration> {
    let seconds = match decimal(value.trim()) {
        Some(seconds) => seconds,
        None => u64::try_from(date::parse(value)?.saturating_sub(now?)).unwrap_or(0),
    };
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
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
            ("bytes\t5 - 5 / 6", some(5, 5, Some(6))),
            ("bytes=5-5/6", some(5, 5, Some(6))),
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
        assert_eq!(unsatisfied_total("Bytes=* / 10"), Some(10));
        for other in ["bytes 0-1/10", "items */10", "bytes */", "bytes *", "bytes */x", ""] {
            assert_eq!(unsatisfied_total(other), None, "{other}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(decimal("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
        for bad in ["", "-5", "+5", " 5", "5 ", "0x5", "abc", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        let then = date::parse(date).unwrap();
        assert_eq!(retry_after("7", None), seconds(7));
        assert_eq!(retry_after("999999", None), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after(date, Some(then - 9)), seconds(9));
        assert_eq!(retry_after(date, Some(then + 9)), seconds(0));
        assert_eq!(retry_after(date, Some(then - 999_999)), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after(date, Some(i64::MIN)), Some(MAX_RETRY_AFTER));
        for nothing in [(date, None), ("soon", Some(then)), ("-5", Some(then)), ("", Some(then))] {
            assert_eq!(retry_after(nothing.0, nothing.1), None, "{nothing:?}");
        }
    }
}
