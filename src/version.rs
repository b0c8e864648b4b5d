// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of two version texts is newer. One rule for devices and clouds: otakit-cloud compiles this very file.
//!
//! Versions are compared part by part, numbers as numbers of any length: 1.10.0 > 1.9.0, and 1.2 = 1.2.0. Parts are runs
//! of digits or of letters, whatever separates them; the case of letters does not count. A name in front (`v`, `app-`,
//! `iotx_ver_`) does not count either. Where the numbers are equal, the words `dev`, `snapshot`, `alpha`, `beta`, `pre` and
//! `rc`, in this order, make a version older than one that ends there; any other word makes it newer, and a number newer
//! still: 1.2.0-rc1 < 1.2.0 < 1.2.0a < 1.2.0-hotfix1 < 1.2.0-1.

use std::cmp::Ordering;

/// Words of what comes before a release, oldest first.
const BEFORE: [&str; 6] = ["dev", "snapshot", "alpha", "beta", "pre", "rc"];

/// Compares two versions; see the module.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    let (mut a, mut b) = (a.iter(), b.iter());
    loop {
        let (x, y) = (a.next().unwrap_or(&Part::End), b.next().unwrap_or(&Part::End));
        match x.cmp(y) {
            Ordering::Equal if *x == Part::End => return Ordering::Equal,
            Ordering::Equal => {}
            order => return order,
        }
    }
}

/// A part of a version, oldest kind first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// One of [`BEFORE`].
    Before(usize),
    /// Nothing more.
    End,
    Word(String),
    /// Number of digits and digits, without leading zeros.
    Number(usize, String),
}

fn parts(version: &str) -> Vec<Part> {
    let text = without_name(version).to_ascii_lowercase();
    let mut parts: Vec<Part> = Vec::new();
    for run in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut rest = run;
        while let Some(first) = rest.chars().next() {
            let digits = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (part, tail) = rest.split_at(end);
            rest = tail;
            if digits {
                let number = part.trim_start_matches('0');
                parts.push(Part::Number(number.len(), number.to_owned()));
            } else {
                drop_zeros(&mut parts);
                let before = BEFORE.iter().position(|word| *word == part);
                parts.push(before.map_or_else(|| Part::Word(part.to_owned()), Part::Before));
            }
        }
    }
    drop_zeros(&mut parts);
    parts
}

/// Zeros in front of a word or the end say nothing: 1.2.0-rc1 is a version before 1.2.
fn drop_zeros(parts: &mut Vec<Part>) {
    while matches!(parts.last(), Some(Part::Number(0, _))) {
        parts.pop();
    }
}

/// What follows the name that some put in front.
fn without_name(version: &str) -> &str {
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && c != '.';
    let mut rest = version;
    // Whole words, which may have digits in them: up to a segment like 1.2 or v1.2.
    loop {
        let segment = rest.split(is_separator).next().unwrap_or_default();
        if is_dotted(segment) {
            return start_of_number(segment, rest);
        }
        let is_name = segment.is_empty()
            || (!segment.starts_with(|c: char| c.is_ascii_digit()) && !segment.contains('.'));
        match rest.split_once(is_separator) {
            Some((_, tail)) if is_name => rest = tail,
            _ => return start_of_number(version, version),
        }
    }
}

/// Whether a segment begins like a version of two numbers or more.
fn is_dotted(segment: &str) -> bool {
    let numbers = segment.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let after = numbers.trim_start_matches(|c: char| c.is_ascii_digit());
    after.len() < numbers.len()
        && after.strip_prefix('.').is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_digit()))
}

/// `rest` from the first digit of `segment`, its front, on; all of it where there is none.
fn start_of_number<'a>(segment: &str, rest: &'a str) -> &'a str {
    segment.find(|c: char| c.is_ascii_digit()).and_then(|at| rest.get(at..)).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of versions, each older than the next one; `=` stands between equal ones.
    const VECTORS: &str = include_str!("../tests/data/versions.txt");

    #[test]
    fn versions_are_ordered_as_the_vectors_say() {
        let mut compared = 0;
        for line in VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let steps: Vec<Vec<&str>> = line.split(" < ").map(|step| step.split(" = ").collect()).collect();
            for (i, a) in steps.iter().enumerate().flat_map(|(i, step)| step.iter().map(move |a| (i, a))) {
                for (j, b) in steps.iter().enumerate().flat_map(|(j, step)| step.iter().map(move |b| (j, b)))
                {
                    assert_eq!(compare(a.trim(), b.trim()), i.cmp(&j), "{a} {b}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 300);
    }

    #[test]
    fn the_order_is_one() {
        // Every pair and every three of all texts in the vectors, and some that are no versions.
        let mut all: Vec<&str> = VECTORS.lines().filter(|line| !line.starts_with('#')).collect();
        all =
            all.iter().flat_map(|line| line.split([' ', '<', '='])).filter(|text| !text.is_empty()).collect();
        all.extend(["", "-", ".", "é1", "v", "0", "00.0", "rc", "1..2", "a1b2c3"]);
        for a in &all {
            for b in &all {
                let ab = compare(a, b);
                assert_eq!(ab, compare(b, a).reverse(), "{a} {b}");
                for c in &all {
                    if ab == compare(b, c) {
                        assert_eq!(compare(a, c), ab, "{a} {b} {c}");
                    }
                }
            }
        }
    }
}
