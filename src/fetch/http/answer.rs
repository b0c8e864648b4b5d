// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges an HTTP answer by its status and header alone: pure, so that every lie of a server is one table row.

use super::head::Headers;
use crate::fetch::range::{ContentRange, decimal, retry_after, unsatisfied_total};
use crate::fetch::{FetchError, Validator};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    /// First byte wanted; 0 means that no `Range` was sent.
    pub offset: u64,
    /// Size of the image in bytes.
    pub size: u64,
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
pub fn judge(status: u16, headers: &Headers, expected: &Expectation) -> Result<Answer, FetchError> {
    match status {
        200 => whole(headers, expected),
        206 => part(headers, expected),
        301 | 302 | 303 | 307 | 308 => {
            let location = headers.text("location").ok_or(FetchError::Redirect)?;
            Ok(Answer::Redirect(location.to_owned()))
        }
        416 if expected.offset > 0 => {
            let total = headers.text("content-range").and_then(unsatisfied_total);
            match total {
                Some(total) if total != expected.size => Err(FetchError::Length { announced: total }),
                _ => Err(FetchError::Range),
            }
        }
        _ => {
            Err(FetchError::Status { status, retry_after: headers.text("retry-after").and_then(retry_after) })
        }
    }
}

fn whole(headers: &Headers, expected: &Expectation) -> Result<Answer, FetchError> {
    identity_encoding(headers)?;
    match content_length(headers)? {
        Some(length) if length != expected.size => Err(FetchError::Length { announced: length }),
        _ => Ok(Answer::Bytes { start: 0 }),
    }
}

fn part(headers: &Headers, expected: &Expectation) -> Result<Answer, FetchError> {
    identity_encoding(headers)?;
    // A multipart answer has no Content-Range of its own; none was asked for.
    let range = headers.single("content-range")?.and_then(ContentRange::parse).ok_or(FetchError::Range)?;
    if let Some(total) = range.total
        && total != expected.size
    {
        return Err(FetchError::Length { announced: total });
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

/// The answer's length, unless it comes chunked or ends with the connection. Two that differ break the protocol.
pub(super) fn content_length(headers: &Headers) -> Result<Option<u64>, FetchError> {
    let Some(value) = headers.single("content-length")? else { return Ok(None) };
    if headers.has("transfer-encoding") {
        // Both at once is how requests and answers are smuggled (RFC 9112, section 6.3).
        return Err(FetchError::Protocol);
    }
    decimal(value).map(Some).ok_or(FetchError::Protocol)
}

pub(super) fn identity_encoding(headers: &Headers) -> Result<(), FetchError> {
    match headers.text("content-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(FetchError::Encoding),
        _ => Ok(()),
    }
}

/// The strongest validator that the answer carries. Weak entity tags do not vouch for bytes.
pub fn validator(headers: &Headers) -> Option<Validator> {
    let etag = headers.text("etag").filter(|tag| tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2);
    let etag = etag.map(|tag| Validator::ETag(tag.to_owned()));
    etag.or_else(|| headers.text("last-modified").map(|date| Validator::LastModified(date.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.add(name, value.as_bytes()));
        headers
    }

    fn first(status: u16, lines: &[(&str, &str)]) -> Result<Answer, FetchError> {
        judge(status, &headers(lines), &Expectation { offset: 0, size: 100 })
    }

    fn resumed(status: u16, lines: &[(&str, &str)]) -> Result<Answer, FetchError> {
        judge(status, &headers(lines), &Expectation { offset: 40, size: 100 })
    }

    const WHOLE: Result<Answer, FetchError> = Ok(Answer::Bytes { start: 0 });

    #[test]
    fn first_request() {
        assert_eq!(first(200, &[("content-length", "100")]), WHOLE);
        assert_eq!(first(200, &[]), WHOLE);
        assert_eq!(first(200, &[("content-length", "100"), ("content-length", "100")]), WHOLE);
        assert_eq!(first(200, &[("content-length", "99")]), Err(FetchError::Length { announced: 99 }));
        for bad in ["-5", "abc", "", "1e2", "99999999999999999999"] {
            assert_eq!(first(200, &[("content-length", bad)]), Err(FetchError::Protocol), "{bad}");
        }
        let twice = [("content-length", "100"), ("content-length", "99")];
        assert_eq!(first(200, &twice), Err(FetchError::Protocol));
        let smuggled = [("content-length", "100"), ("transfer-encoding", "chunked")];
        assert_eq!(first(200, &smuggled), Err(FetchError::Protocol));
        assert_eq!(first(200, &[("content-encoding", "gzip")]), Err(FetchError::Encoding));
        assert_eq!(first(200, &[("x-content-length", "7"), ("content-length", "100")]), WHOLE);
        assert_eq!(first(206, &[("content-range", "bytes 0-99/100")]), WHOLE);
    }

    #[test]
    fn first_request_elsewhere_or_refused() {
        assert_eq!(first(302, &[("location", " /x ")]), Ok(Answer::Redirect("/x".to_owned())));
        assert_eq!(first(302, &[]), Err(FetchError::Redirect));
        for status in [204, 304, 403, 404, 416, 500] {
            assert_eq!(first(status, &[]), Err(FetchError::Status { status, retry_after: None }));
        }
        let retry_after = Some(Duration::from_secs(3));
        let busy = [("retry-after", "3")];
        assert_eq!(first(503, &busy), Err(FetchError::Status { status: 503, retry_after }));
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
    fn validators() {
        let etag = |tag: &str| Some(Validator::ETag(tag.to_owned()));
        let date = Validator::LastModified("Mon, 01 Jan 2024 00:00:00 GMT".to_owned());
        let lines = |tag| headers(&[("etag", tag), ("last-modified", date.as_str())]);
        assert_eq!(validator(&lines("\"a\"")), etag("\"a\""));
        assert_eq!(validator(&lines("W/\"a\"")), Some(date.clone()));
        assert_eq!(validator(&lines("\"")), Some(date.clone()));
        assert_eq!(validator(&Headers::default()), None);
    }
}
