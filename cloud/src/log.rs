// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: one line an event on standard error, whatever stands in it.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::time;

/// The longest line, in characters.
const LONGEST: usize = 2_000;

/// Whether lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// How lines look.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Format {
    /// The time and a sentence.
    Text,
    /// An object with `at` and `text`.
    Json,
}

/// Chooses how lines look.
pub fn set_format(format: Format) {
    JSON.store(matches!(format, Format::Json), Ordering::Relaxed);
}

/// One line of log on standard error, with the time.
pub fn note(text: impl fmt::Display) {
    let (at, text) = (time::now(), text.to_string());
    let text = visible(&text);
    if JSON.load(Ordering::Relaxed) {
        eprintln!("{}", serde_json::json!({ "at": at, "text": text }));
    } else {
        eprintln!("{at} {text}");
    }
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A value as JSON for a terminal: the same characters as in [`visible`] are escaped, as JSON escapes them, and nothing is cut.
pub fn visible_json(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string_pretty(value)?;
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) && c != '\n' {
            // All of them are below U+10000. Writing to a String cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Ok(shown)
}

/// Text for one line of a log or a terminal: what devices send may hold line ends, escape sequences and marks that turn the
/// direction of writing; all of them are shown as their numbers. Very long text is cut.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) && text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (n, c) in text.chars().enumerate() {
        if n >= LONGEST {
            shown.push('…');
            break;
        }
        if hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({ "a": "1\n\u{1b}\u{202e}\u{9b}é固", "b": "x".repeat(10_000) });
        let shown = visible_json(&value).unwrap();
        assert!(shown.contains(r"1\n\u001b\u202e\u009bé固"), "{shown:.80}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn one_line_an_event() {
        assert_eq!(visible("固件 1.0.0"), "固件 1.0.0");
        assert_eq!(visible("1\n2026 forged\r\x1b[31m"), "1\\u{a}2026 forged\\u{d}\\u{1b}[31m");
        assert_eq!(visible("a\u{202e}b\u{2028}\u{9b}c"), "a\\u{202e}b\\u{2028}\\u{9b}c");
        let long = visible(&"é".repeat(5000)).into_owned();
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
