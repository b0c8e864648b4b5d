// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges the answer to a request for one slice of an image: pure, and as strict as for whole images.

use crate::fetch::FetchError;
use crate::http::answer::{content_length, is_coded, refusal};
use crate::http::head::Headers;
use crate::http::range::ContentRange;

/// The slice that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Position of its first byte in the image.
    pub first: u64,
    /// Its length in bytes, at least 1.
    pub len: u64,
    /// Size of the image, where it is known.
    pub size: Option<u64>,
}

/// How the body leads to the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the body to pass over.
    pub skip: u64,
    /// Bytes of it that are the slice; fewer than asked for where the image ends.
    pub len: u64,
    /// Bytes behind the slice that the body has to end with, where its header states no length: only with exactly as
    /// many bytes as the image has is it the image. `None`: the header has told.
    pub unproven: Option<u64>,
}

/// Judges one answer. `stated` is a range that the platform states otherwise than in `Content-Range`.
pub fn judge(
    status: u16,
    headers: &Headers,
    wanted: &Slice,
    stated: Option<ContentRange>,
) -> Result<Found, FetchError> {
    let length = content_length(headers)?;
    let found = match status {
        206 => {
            // An empty one says nothing.
            let header = headers.single("content-range")?.filter(|header| !header.is_empty());
            let range = match header {
                Some(header) => ContentRange::parse(header),
                None => stated,
            };
            part(range.ok_or(FetchError::Range)?, length, wanted)
        }
        // The whole image, from its first byte: the slice is cut out of it.
        200 | 203 => whole(length, wanted),
        _ => Err(refusal(status, headers)),
    };
    // A length that fits is a fact, a coding that nobody asked for is a label.
    match found {
        Err(FetchError::Length { .. }) if is_coded(headers) => Err(FetchError::Encoding),
        found => found,
    }
}

fn part(range: ContentRange, length: Option<u64>, wanted: &Slice) -> Result<Found, FetchError> {
    agree(range.total, wanted.size)?;
    let size = range.total.or(wanted.size);
    let asked = wanted.first.saturating_add(wanted.len);
    let end = size.map_or(asked, |size| asked.min(size));
    let len = range.last - range.first + 1;
    // Where the image's size is unknown a shorter slice is the image's end.
    let complete = range.last + 1 == end || (size.is_none() && range.last < end);
    if range.first != wanted.first || !complete || length.is_some_and(|length| length != len) {
        return Err(FetchError::Range);
    }
    Ok(Found { skip: 0, len, unproven: None })
}

fn whole(length: Option<u64>, wanted: &Slice) -> Result<Found, FetchError> {
    agree(length, wanted.size)?;
    // Without any length it could be anything, a page of words too.
    let size = length.or(wanted.size).ok_or(FetchError::Range)?;
    let left = size.checked_sub(wanted.first).filter(|&left| left > 0).ok_or(FetchError::Range)?;
    let len = left.min(wanted.len);
    Ok(Found { skip: wanted.first, len, unproven: length.is_none().then_some(left - len) })
}

fn agree(announced: Option<u64>, known: Option<u64>) -> Result<(), FetchError> {
    match (announced, known) {
        (Some(announced), Some(known)) if announced != known => Err(FetchError::Length { announced }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Slice = Slice { first: 8, len: 4, size: Some(13) };

    fn asked(status: u16, lines: &[(&str, &str)], wanted: &Slice) -> Result<Found, FetchError> {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.add(name, value.as_bytes()));
        judge(status, &headers, wanted, None)
    }

    fn found(skip: u64, len: u64) -> Result<Found, FetchError> {
        Ok(Found { skip, len, unproven: None })
    }

    #[test]
    fn parts_are_exactly_what_was_asked_for() {
        let range = |value| asked(206, &[("content-range", value)], &WANTED);
        assert_eq!(range("bytes 8-11/13"), found(0, 4));
        assert_eq!(range("bytes 8-11/*"), found(0, 4));
        for wrong in
            ["bytes 0-3/13", "bytes 7-10/13", "bytes 8-12/13", "bytes 8-10/13", "bytes 9-11/13", "8-11", ""]
        {
            assert_eq!(range(wrong), Err(FetchError::Range), "{wrong}");
        }
        assert_eq!(range("bytes 8-11/14"), Err(FetchError::Length { announced: 14 }));
        assert_eq!(asked(206, &[], &WANTED), Err(FetchError::Range));
        let long = [("content-range", "bytes 8-11/13"), ("content-length", "5")];
        assert_eq!(asked(206, &long, &WANTED), Err(FetchError::Range));
        let labelled = [("content-range", "bytes 8-11/13"), ("content-encoding", "gzip")];
        assert_eq!(asked(206, &labelled, &WANTED), found(0, 4));
        let coded = [("content-range", "bytes 8-11/12"), ("content-encoding", "gzip")];
        assert_eq!(asked(206, &coded, &WANTED), Err(FetchError::Encoding));
    }

    #[test]
    fn the_last_slice_ends_with_the_image() {
        let last = Slice { first: 12, len: 4, size: Some(13) };
        assert_eq!(asked(206, &[("content-range", "bytes 12-12/13")], &last), found(0, 1));
        let unknown = Slice { size: None, ..last };
        assert_eq!(asked(206, &[("content-range", "bytes 12-12/13")], &unknown), found(0, 1));
        assert_eq!(asked(206, &[("content-range", "bytes 12-12/*")], &unknown), found(0, 1));
        assert_eq!(asked(206, &[("content-range", "bytes 12-12/14")], &unknown), Err(FetchError::Range));
    }

    #[test]
    fn a_whole_image_is_cut() {
        assert_eq!(asked(200, &[("content-length", "13")], &WANTED), found(8, 4));
        assert_eq!(asked(200, &[], &WANTED), Ok(Found { skip: 8, len: 4, unproven: Some(1) }));
        assert_eq!(
            asked(200, &[("content-length", "12")], &WANTED),
            Err(FetchError::Length { announced: 12 })
        );
        let unknown = Slice { size: None, ..WANTED };
        assert_eq!(asked(200, &[("content-length", "10")], &unknown), found(8, 2));
        assert_eq!(asked(200, &[("content-length", "8")], &unknown), Err(FetchError::Range));
        assert_eq!(asked(200, &[], &unknown), Err(FetchError::Range));
        assert_eq!(asked(404, &[], &WANTED), Err(FetchError::Status { status: 404, retry_after: None }));
    }

    #[test]
    fn a_range_stated_otherwise_counts_where_the_header_is_missing() {
        let stated = Some(ContentRange { first: 8, last: 11, total: None });
        assert_eq!(judge(206, &Headers::default(), &WANTED, stated), found(0, 4));
    }
}
