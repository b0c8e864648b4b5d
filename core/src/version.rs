// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of two version texts is newer. One rule for devices and clouds: otakit-cloud compiles this very file.
//!
//! Versions are compared part by part, numbers as numbers of any length: 1.10.0 > 1.9.0, and 1.2 = 1.2.0. Parts are runs
//! of digits or of letters, whatever separates them; the case of letters does not count. A name in front (`v`, `app-`,
//! `iotx_ver_`) does not count either. Where the numbers are equal, the words `dev`, `snapshot`, `alpha`, `beta`, `pre` and
//! `rc`, in this order, make a version older than one that ends there; any other word makes it newer, and a number newer
//! still: 1.2.0-rc1 < 1.2.0 < 1.2.0a < 1.2.0-hotfix1 < 1.2.0-1.

use core::cmp::Ordering;

/// Words of what comes before a release, oldest first.
const BEFORE: [&str; 6] = ["dev", "snapshot", "alpha", "beta", "pre", "rc"];

/// Compares two versions; see the module.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Parts::of(a), Parts::of(b));
    loop {
        let (x, y) = (a.next().unwrap_or(Part::End), b.next().unwrap_or(Part::End));
        match x.cmp(&y) {
            Ordering::Equal if x == Part::End => return Ordering::Equal,
            Ordering::Equal => {}
            order => return order,
        }
    }
}

/// A part of a version, oldest kind first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// One of [`BEFORE`].
    Before(usize),
    /// Nothing more.
    End,
    Word(Word<'a>),
    /// Number of digits and digits, without leading zeros.
    Number(usize, &'a str),
}

/// Letters, whatever their case.
#[derive(Clone, Copy, Debug)]
struct Word<'a>(&'a str);

impl Ord for Word<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |word: &Self| word.0.bytes().map(|byte| byte.to_ascii_lowercase());
        lower(self).cmp(lower(other))
    }
}

impl PartialOrd for Word<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Word<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Word<'_> {}

/// The parts of a version, one after the other.
struct Parts<'a> {
    rest: &'a str,
    /// Zeros to be handed out, and the number behind them. Zeros in front of a word or the end say nothing: 1.2.0-rc1 is a
    /// version before 1.2.
    zeros: usize,
    number: Option<Part<'a>>,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        Self { rest: without_name(version), zeros: 0, number: None }
    }

    /// The next run of digits or of letters.
    fn run(&mut self) -> Option<Part<'a>> {
        let text = self.rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = text.chars().next()?.is_ascii_digit();
        let ends = |c: char| !c.is_ascii_alphanumeric() || c.is_ascii_digit() != digits;
        let (run, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
        self.rest = rest;
        Some(if digits {
            let number = run.trim_start_matches('0');
            Part::Number(number.len(), number)
        } else {
            let before = BEFORE.iter().position(|word| word.eq_ignore_ascii_case(run));
            before.map_or(Part::Word(Word(run)), Part::Before)
        })
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.number.is_none() {
            let mut zeros = 0;
            loop {
                match self.run() {
                    Some(Part::Number(0, _)) => zeros += 1,
                    Some(number @ Part::Number(..)) => {
                        (self.zeros, self.number) = (zeros, Some(number));
                        break;
                    }
                    other => return other,
                }
            }
        }
        match self.zeros.checked_sub(1) {
            Some(left) => {
                self.zeros = left;
                Some(Part::Number(0, ""))
            }
            None => self.number.take(),
        }
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
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// Lines of versions, each older than the next one; `=` stands between equal ones.
    const VECTORS: &str = include_str!("../../tests/data/versions.txt");

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
