// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of two version texts is newer.
//!
//! The rule: a leading `v` is dropped, the text is split at dots, and each part is split again where digits
//! and other characters meet. Runs of digits compare as numbers of any length, everything else as bytes,
//! and a number is newer than a text. A missing part counts as 0, so `1.0` equals `1.0.0`; any other tail
//! makes a version newer, so `2.0.0-rc1` is newer than `2.0.0` (this is not semver: devices report what
//! they like).

use std::cmp::Ordering;

/// Compares two versions: `1.10.0` is greater than `1.9.0`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => (x.unwrap_or("0"), y.unwrap_or("0")),
        };
        match compare_part(x, y) {
            Ordering::Equal => {}
            different => return different,
        }
    }
}

fn trimmed(version: &str) -> &str {
    let version = version.trim();
    match version.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => version,
    }
}

fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let ((x, x_rest), (y, y_rest)) = (first_run(a), first_run(b));
        match (x, y) {
            ("", "") => return Ordering::Equal,
            ("", _) => return Ordering::Less,
            (_, "") => return Ordering::Greater,
            _ => {}
        }
        let order = match (is_number(x), is_number(y)) {
            (true, true) => compare_numbers(x, y),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (x_rest, y_rest);
    }
}

fn first_run(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

fn is_number(run: &str) -> bool {
    run.starts_with(|c: char| c.is_ascii_digit())
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers() {
        for (older, newer) in [
            ("1.9.0", "1.10.0"),
            ("1.0.0", "2.0.0"),
            ("1.0", "1.0.1"),
            ("iotx_ver_1.9.0", "iotx_ver_1.10.0"),
            ("app-1.0.0-20180101.1000", "app-1.0.0-20180102.0900"),
            ("v1.2", "1.3"),
            ("99999999999999999999998", "99999999999999999999999"),
            ("1.a", "1.0"),
            ("2.0.0", "2.0.0-rc1"),
            ("", "1"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} < {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} > {older}");
        }
    }

    #[test]
    fn equal_despite_spelling() {
        for (a, b) in [("1.0", "1.0.0"), ("01.2", "1.2"), ("v3", "3"), ("x", "x"), ("", "")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} = {b}");
        }
    }
}
