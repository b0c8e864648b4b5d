// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges an HTTP answer by its status and header alone: pure, so that every lie of a server is one table row.

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::date;
use crate::fetch::{FetchError, Validator};
use crate::http::head::Headers;
use crate::http::range::{ContentRange, decimal, retry_after, unsatisfied_total};
use crate::url::escaped;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// First byte wanted; 0 means that no `Range` was sent.
    pub offset: u64,
    /// Size of the image in bytes.
    pub size: u64,
    /// Identity of the bytes that are there already.
    pub validator: Option<&'a Validator>,
}

impl Expectation<'_> {
    /// For those who are after the head alone.
    pub const NOTHING: Self = Self { offset: 0, size: 0, validator: None };
}

/// What the answer amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The body is the image from `start` on, as a rule to its end; `start` is at most the offset asked for.
    Bytes {
        /// Position of the body's first byte in the image.
        start: u64,
    },
    /// The image is at another place.
    Redirect(String),
}

/// Judges one answer.
pub fn judge(status: u16, headers: &Headers, expected: &Expectation<'_>) -> Result<Answer, FetchError> {
    match status {
        200 | 203 => whole(headers, expected),
        206 => part(headers, expected),
        300..=303 | 307..=399 if headers.bytes("location").is_some() => {
            redirect(headers).map(Answer::Redirect)
        }
        301 | 302 | 303 | 307 | 308 => Err(FetchError::Redirect),
        416 if expected.offset > 0 => {
            let total = headers.text("content-range").and_then(unsatisfied_total);
            match total {
                Some(total) if total != expected.size => Err(FetchError::Length { announced: total }),
                _ => Err(FetchError::Range),
            }
        }
        _ => Err(refusal(status, headers)),
    }
}

/// The failure that a status stands for, with the wait that the server asks for.
pub fn refusal(status: u16, headers: &Headers) -> FetchError {
    let now = headers.text("date").and_then(date::parse);
    FetchError::Status {
        status,
        retry_after: headers.text("retry-after").and_then(|wait| retry_after(wait, now)),
    }
}

/// Where a redirect leads, in the characters that a URL may have.
pub fn redirect(headers: &Headers) -> Result<String, FetchError> {
    let location = headers.bytes("location").filter(|location| !location.is_empty());
    location.map(escaped).ok_or(FetchError::Redirect)
}

fn whole(headers: &Headers, expected: &Expectation<'_>) -> Result<Answer, FetchError> {
    match content_length(headers)? {
        Some(length) if length != expected.size => Err(wrong_length(headers, length)),
        _ => Ok(Answer::Bytes { start: 0 }),
    }
}

/// A length that is not the image's: of a coded body it says nothing of the image.
fn wrong_length(headers: &Headers, announced: u64) -> FetchError {
    if is_coded(headers) { FetchError::Encoding } else { FetchError::Length { announced } }
}

fn part(headers: &Headers, expected: &Expectation<'_>) -> Result<Answer, FetchError> {
    if expected.offset > 0 && expected.validator.is_some_and(|known| !may_be_same(known, headers)) {
        return Err(FetchError::Changed);
    }
    // A multipart answer has no Content-Range of its own; none was asked for.
    let range = headers.single("content-range").map_err(|_| FetchError::Range)?;
    let range = range.and_then(ContentRange::parse).ok_or(FetchError::Range)?;
    if let Some(total) = range.total
        && total != expected.size
    {
        return Err(wrong_length(headers, total));
    }
    // A server may send less than was asked for (RFC 9110, section 15.3.7), but some of it: the rest is asked for then.
    if range.first > expected.offset || range.last < expected.offset || range.last >= expected.size {
        return Err(FetchError::Range);
    }
    match content_length(headers)? {
        Some(length) if length != range.last - range.first + 1 => Err(FetchError::Range),
        _ => Ok(Answer::Bytes { start: range.first }),
    }
}

/// Whether a part may be of the representation that `known` stands for (RFC 9110, section 15.3.7.3): an answer that says
/// otherwise must not be joined to what is there.
fn may_be_same(known: &Validator, headers: &Headers) -> bool {
    match known {
        Validator::ETag(tag) => headers.text("etag").is_none_or(|other| opaque(other) == opaque(tag)),
        Validator::LastModified(date) => headers.text("last-modified").is_none_or(|other| other == date),
    }
}

/// The tag behind the mark of weakness.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The length that the header gives the body; `None` when it gives none that can be read, or when chunks overrule it
/// (RFC 9112, section 6.3). How much came and its digest then decide: no connection is used for a second answer, so none
/// can be smuggled in behind the first. Two lengths that differ break the protocol: either could be the image's.
pub fn content_length(headers: &Headers) -> Result<Option<u64>, FetchError> {
    if is_chunked(headers)? {
        return Ok(None);
    }
    let mut length = None;
    let mut readable = true;
    for member in headers.list("content-length") {
        match str::from_utf8(member).ok().and_then(decimal) {
            Some(value) if *length.get_or_insert(value) != value => return Err(FetchError::Protocol),
            Some(_) => {}
            None => readable = false,
        }
    }
    Ok(length.filter(|_| readable))
}

/// Whether the body comes in chunks. Codings that change nothing, and a repetition, are passed over; others are unknown.
pub fn is_chunked(headers: &Headers) -> Result<bool, FetchError> {
    let mut chunked = false;
    for coding in headers.list("transfer-encoding") {
        match coding {
            coding if coding.eq_ignore_ascii_case(b"chunked") => chunked = true,
            coding if coding.eq_ignore_ascii_case(b"identity") => {}
            _ => return Err(FetchError::Protocol),
        }
    }
    Ok(chunked)
}

/// Whether the body is said to be coded, compressed as a rule. That is a label: it explains why bytes are not those of the
/// image, and never decides whether they are.
pub fn is_coded(headers: &Headers) -> bool {
    headers.list("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
}

/// Seconds by which `Last-Modified` must be older than the answer to tell two versions apart.
const STRONG_AFTER: i64 = 60;

/// The strong validator that the answer carries. Weak entity tags do not prove that bytes are the same, and where there is
/// any tag a date must not stand in for it (RFC 9110, section 13.1.5); a date is strong only where it is well before the
/// answer's own (section 8.8.2.2).
pub fn validator(headers: &Headers) -> Option<Validator> {
    if let Some(tag) = headers.text("etag") {
        let strong = tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2;
        return strong.then(|| Validator::ETag(tag.to_owned()));
    }
    let modified = headers.text("last-modified")?;
    let (then, now) = (date::parse(modified)?, headers.text("date").and_then(date::parse)?);
    (then.checked_add(STRONG_AFTER)? <= now).then(|| Validator::LastModified(modified.to_owned()))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.add(name, value.as_bytes()));
        headers
    }

    fn first(status: u16, lines: &[(&str, &str)]) -> Result<Answer, FetchError> {
        judge(status, &headers(lines), &Expectation { offset: 0, size: 100, validator: None })
    }

    fn resumed(status: u16, lines: &[(&str, &str)]) -> Result<Answer, FetchError> {
        judge(status, &headers(lines), &Expectation { offset: 40, size: 100, validator: None })
    }

    const WHOLE: Result<Answer, FetchError> = Ok(Answer::Bytes { start: 0 });

    #[test]
    fn first_request() {
        assert_eq!(first(200, &[("content-length", "100")]), WHOLE);
        assert_eq!(first(200, &[]), WHOLE);
        assert_eq!(first(200, &[("content-length", "100"), ("content-length", "100")]), WHOLE);
        assert_eq!(first(200, &[("content-length", "99")]), Err(FetchError::Length { announced: 99 }));
        assert_eq!(first(203, &[("content-length", "100")]), WHOLE);
        assert_eq!(first(200, &[("x-content-length", "7"), ("content-length", "100")]), WHOLE);
        assert_eq!(first(206, &[("content-range", "bytes 0-99/100")]), WHOLE);
    }

    #[test]
    fn lengths_in_all_spellings() {
        // What cannot be read is as if it were not there.
        for odd in
            ["-5", "+5", "+100", "100 bytes", "abc", "1e2", "7 7", "99999999999999999999", "100, x", "99, x"]
        {
            assert_eq!(first(200, &[("content-length", odd)]), WHOLE, "{odd}");
            let part = [("content-range", "bytes 40-99/100"), ("content-length", odd)];
            assert_eq!(resumed(206, &part), Ok(Answer::Bytes { start: 40 }), "{odd}");
        }
        for good in ["100, 100", "0100,100", "100,", ", 100", ""] {
            assert_eq!(first(200, &[("content-length", good)]), WHOLE, "{good}");
        }
        for other in [
            [("content-length", "100"), ("content-length", "99")],
            [("a", "b"), ("content-length", "100, 99")],
        ] {
            assert_eq!(first(200, &other), Err(FetchError::Protocol));
        }
        for length in ["100", "99", "0", "x", "1, 2"] {
            let chunks = [("content-length", length), ("transfer-encoding", "chunked")];
            assert_eq!(first(200, &chunks), WHOLE, "{length}");
            let part = [chunks[0], chunks[1], ("content-range", "bytes 40-99/100")];
            assert_eq!(resumed(206, &part), Ok(Answer::Bytes { start: 40 }), "{length}");
        }
    }

    #[test]
    fn codings_are_labels() {
        for label in ["gzip", "x-none", "identity", "", "identity, gzip"] {
            assert_eq!(
                first(200, &[("content-encoding", label), ("content-length", "100")]),
                WHOLE,
                "{label}"
            );
            assert_eq!(first(200, &[("content-encoding", label)]), WHOLE, "{label}");
        }
        for (label, error) in
            [("gzip", FetchError::Encoding), ("identity", FetchError::Length { announced: 80 })]
        {
            assert_eq!(first(200, &[("content-encoding", label), ("content-length", "80")]), Err(error));
        }
    }

    #[test]
    fn first_request_elsewhere_or_refused() {
        assert_eq!(first(302, &[("location", " /x ")]), Ok(Answer::Redirect("/x".to_owned())));
        assert_eq!(first(302, &[]), Err(FetchError::Redirect));
        assert_eq!(first(302, &[("location", "")]), Err(FetchError::Redirect));
        assert_eq!(
            first(302, &[("location", "/caf\u{e9} b")]),
            Ok(Answer::Redirect("/caf%C3%A9%20b".to_owned()))
        );
        for status in [300, 301, 303, 307, 308, 399] {
            assert_eq!(
                first(status, &[("location", "/x")]),
                Ok(Answer::Redirect("/x".to_owned())),
                "{status}"
            );
        }
        for status in [201, 202, 204, 205, 226, 300, 304, 305, 306, 403, 404, 416, 500] {
            assert_eq!(first(status, &[]), Err(FetchError::Status { status, retry_after: None }));
        }
        let retry_after = Some(Duration::from_secs(3));
        let busy = [("retry-after", "3")];
        assert_eq!(first(503, &busy), Err(FetchError::Status { status: 503, retry_after }));
        let date = ("retry-after", "Sun, 01 Nov 2026 00:00:10 GMT");
        let now = ("date", "Sun, 01 Nov 2026 00:00:07 GMT");
        assert_eq!(first(503, &[date, now]), Err(FetchError::Status { status: 503, retry_after }));
        assert_eq!(first(503, &[date]), Err(FetchError::Status { status: 503, retry_after: None }));
    }

    #[test]
    fn resumed_request() {
        let at = |start| Ok(Answer::Bytes { start });
        assert_eq!(resumed(206, &[("content-range", "bytes 40-99/100"), ("content-length", "60")]), at(40));
        assert_eq!(resumed(206, &[("content-range", "bytes 40-99/*")]), at(40));
        assert_eq!(resumed(206, &[("content-range", "bytes 30-99/100")]), at(30));
        assert_eq!(resumed(200, &[("content-length", "100")]), WHOLE);
        let refused = [
            (vec![], FetchError::Range),
            (vec![("content-range", "bytes 41-99/100")], FetchError::Range),
            (vec![("content-range", "bytes 20-39/100")], FetchError::Range),
            (vec![("content-range", "bytes 40-100/*")], FetchError::Range),
            (vec![("content-range", "bytes 40-98/100"), ("content-length", "60")], FetchError::Range),
            (vec![("content-range", "bytes 40-99/100"), ("content-length", "61")], FetchError::Range),
            (vec![("content-range", "bytes 40-100/101")], FetchError::Length { announced: 101 }),
            (vec![("content-range", "garbage")], FetchError::Range),
        ];
        for (lines, error) in refused {
            assert_eq!(resumed(206, &lines), Err(error), "{lines:?}");
        }
        assert_eq!(resumed(416, &[("content-range", "bytes */100")]), Err(FetchError::Range));
        assert_eq!(
            resumed(416, &[("content-range", "bytes */99")]),
            Err(FetchError::Length { announced: 99 })
        );
    }

    #[test]
    fn codings_of_the_transfer() {
        let chunked = |lines: &[&str]| {
            is_chunked(&headers(&lines.iter().map(|value| ("transfer-encoding", *value)).collect::<Vec<_>>()))
        };
        for lines in [&["identity"][..], &[""], &[], &["Identity, identity"], &[","]] {
            assert_eq!(chunked(lines), Ok(false), "{lines:?}");
        }
        for lines in [&["chunked"][..], &["Chunked"], &["identity, chunked"], &["chunked", "chunked"]] {
            assert_eq!(chunked(lines), Ok(true), "{lines:?}");
        }
        for lines in
            [&["gzip"][..], &["gzip, chunked"], &["chunked", "gzip"], &["chunked chunked"], &["xchunked"]]
        {
            assert_eq!(chunked(lines), Err(FetchError::Protocol), "{lines:?}");
        }
    }

    const DAY: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

    #[test]
    fn strong_validators() {
        let etag = |tag: &str| Some(Validator::ETag(tag.to_owned()));
        let later = ("date", "Mon, 01 Jan 2024 00:01:00 GMT");
        let tagged = |tag| headers(&[("etag", tag), ("last-modified", DAY), later]);
        assert_eq!(validator(&tagged("\"a\"")), etag("\"a\""));
        for weak in ["W/\"a\"", "w/\"a\"", "\"", "a", ""] {
            assert_eq!(validator(&tagged(weak)), None, "{weak}");
        }
        let dated = |date| validator(&headers(&[("last-modified", DAY), ("date", date)]));
        assert_eq!(dated(later.1), Some(Validator::LastModified(DAY.to_owned())));
        for close in [DAY, "Mon, 01 Jan 2024 00:00:59 GMT", "Sun, 31 Dec 2023 00:00:00 GMT", "soon"] {
            assert_eq!(dated(close), None, "{close}");
        }
        assert_eq!(validator(&headers(&[("last-modified", DAY)])), None);
        assert_eq!(validator(&headers(&[("last-modified", "once"), later])), None);
        assert_eq!(validator(&Headers::default()), None);
    }

    #[test]
    fn parts_of_other_bytes_are_not_joined() {
        let joined = |known: &Validator, offset, name, value| {
            let lines = headers(&[("content-range", "bytes 40-99/100"), (name, value)]);
            judge(206, &lines, &Expectation { offset, size: 100, validator: Some(known) })
        };
        let at_40 = Ok(Answer::Bytes { start: 40 });
        let tag = Validator::ETag("\"a\"".to_owned());
        for same in [("etag", "\"a\""), ("etag", "W/\"a\""), ("last-modified", DAY), ("x", "y")] {
            assert_eq!(joined(&tag, 40, same.0, same.1), at_40, "{same:?}");
        }
        for other in ["\"b\"", "W/\"b\"", "a", "\"A\""] {
            assert_eq!(joined(&tag, 40, "etag", other), Err(FetchError::Changed), "{other}");
        }
        let date = Validator::LastModified(DAY.to_owned());
        assert_eq!(joined(&date, 40, "last-modified", DAY), at_40);
        assert_eq!(joined(&date, 40, "etag", "\"b\""), at_40);
        let later = "Tue, 02 Jan 2024 00:00:00 GMT";
        assert_eq!(joined(&date, 40, "last-modified", later), Err(FetchError::Changed));
        // Everything from the first byte is joined to nothing that the server could know of.
        let whole = headers(&[("content-length", "100"), ("etag", "\"b\"")]);
        assert_eq!(judge(200, &whole, &Expectation { offset: 40, size: 100, validator: Some(&tag) }), WHOLE);
    }
}
