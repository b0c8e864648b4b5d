// SPDX-License-Identifier: MIT OR Apache-2.0
//! `Range` as OneNET documents it, with and without the unit, mistakes of the platform included.

/// First and last byte of what is sent, or `None` for everything with status 200.
///
/// `A-B`, `A-` and `-N` are known; an end beyond the file is its last byte, a start beyond it the first byte, and a start
/// behind the end becomes the first byte too.
pub fn parse(value: &str, size: u64) -> Option<(u64, u64)> {
    let range = value.trim();
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let (first, last) = range.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(n)) => (size.saturating_sub(n), end),
        (Some(first), None) => (first, end),
        (Some(first), Some(last)) => (first, last.min(end)),
    };
    let first = if first >= size || first > last { 0 } else { first };
    Some((first, last))
}

fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_forms() {
        for (value, wanted) in [
            ("0-7", Some((0, 7))),
            ("bytes=0-7", Some((0, 7))),
            ("20-", Some((20, 21))),
            ("-4", Some((18, 21))),
            ("16-99", Some((16, 21))),
            ("22-30", Some((0, 21))),
            ("9-3", Some((0, 3))),
            ("", None),
            ("-", None),
            ("a-b", None),
            ("7", None),
        ] {
            assert_eq!(parse(value, 22), wanted, "{value}");
        }
        assert_eq!(parse("0-7", 0), None);
    }
}
