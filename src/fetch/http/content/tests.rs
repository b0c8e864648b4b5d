// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Instant;

use otakit_core::http::head::Parser;

use super::*;
use crate::cancel::CancellationToken;
use crate::fetch::http::Limits;
use crate::fetch::http::exchange::exchange;
use crate::fetch::http::pieces::{Pieces, read_all};
use crate::net::{Security, Target};

fn head(answer: &str) -> Head {
    let mut parser = Parser::default();
    assert!(answer.split_inclusive('\n').any(|line| parser.line(line.as_bytes(), false).unwrap()));
    parser.head()
}

fn read(answer: &[u8], cut: usize) -> Result<Vec<u8>, FetchError> {
    read_all(answer, cut).map(|(_, body)| body)
}

fn outcome(fields: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
    let answer = [b"HTTP/1.1 200 OK\r\n", fields.as_bytes(), b"\r\n\r\n", body].concat();
    let whole = read(&answer, 4096);
    for cut in [1, 2, 3, 7] {
        assert_eq!(read(&answer, cut), whole, "in pieces of {cut}");
    }
    whole
}

const CHUNKED: &str = "Transfer-Encoding: Chunked";

#[test]
fn counted_bodies_end_with_the_count() {
    assert_eq!(outcome("Content-Length: 9", b"012345678").unwrap(), b"012345678");
    assert_eq!(outcome("Content-Length: 9", b"012345678more").unwrap(), b"012345678");
    assert_eq!(outcome("Content-Length: 0", b"more").unwrap(), b"");
    assert_eq!(outcome("Content-Length: 10", b"012345678"), Err(FetchError::Truncated));
    assert_eq!(outcome("Content-Length: 3\r\ncontent-length: 3", b"abc").unwrap(), b"abc");
}

#[test]
fn without_room_nothing_is_waited_for_and_nothing_lost() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let target = Target { host: "h".into(), port: 80, security: Security::Plain };
    let bounds = Bounds { limits: Limits::default(), end: None, cancel: CancellationToken::new() };
    let (_, mut content) =
        exchange(&Pieces::new(answer.as_bytes(), 1), &target, b"", bounds).unwrap().open().unwrap();
    assert_eq!(content.read(&mut []), Ok(0));
    assert_eq!((content.read(&mut [0; 9]), content.read(&mut [])), (Ok(1), Ok(0)));
    assert_eq!(
        (content.read(&mut [0; 9]), content.read(&mut [0; 9]), content.read(&mut [0; 9])),
        (Ok(1), Ok(1), Ok(0))
    );
}

#[test]
fn bodies_that_end_with_the_connection() {
    assert_eq!(outcome("A: b", b"012345678").unwrap(), b"012345678");
    assert_eq!(outcome("A: b", b"").unwrap(), b"");
    assert_eq!(outcome("Transfer-Encoding: identity", b"abc").unwrap(), b"abc");
}

#[test]
fn chunked_bodies_end_with_the_last_chunk() {
    assert_eq!(
        outcome(CHUNKED, b"3\r\nabc\r\n00A;x=\"y\" \r\n0123456789\r\n0\r\n\r\nmore").unwrap(),
        b"abc0123456789"
    );
    assert_eq!(outcome(CHUNKED, b"1 \r\na\r\n0;last\r\nTrailer: x\r\nAnother: y\r\n\r\n").unwrap(), b"a");
    assert_eq!(outcome(CHUNKED, b"0\r\n\r\n").unwrap(), b"");
    let short: [&[u8]; 6] =
        [b"", b"3", b"3\r\nab", b"3\r\nabc\r\n", b"3\r\nabc\r\n0\r\n", b"3\r\nabc\r\n0\r\nA: b\r\n"];
    for body in short {
        assert_eq!(outcome(CHUNKED, body), Err(FetchError::Truncated), "{}", body.escape_ascii());
    }
}

#[test]
fn chunks_that_break_the_rules() {
    let long = [b"1;".as_slice(), &[b'x'; MAX_LINE], b"\r\na\r\n0\r\n\r\n"].concat();
    let trailers =
        [b"0\r\n".as_slice(), &b"A: b\r\n".repeat(usize::from(MAX_TRAILERS) + 1), b"\r\n"].concat();
    let bodies: [&[u8]; 9] = [
        b"\r\n",
        b" 1\r\na\r\n0\r\n\r\n",
        b"-1\r\na\r\n0\r\n\r\n",
        b"0x1\r\na\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"garbage",
        &long,
        &trailers,
    ];
    for body in bodies {
        assert_eq!(outcome(CHUNKED, body), Err(FetchError::Protocol), "{}", body.escape_ascii());
    }
    assert_eq!(outcome(CHUNKED, b"ffffffffffffffff\r\nabc"), Err(FetchError::Truncated));
}

#[test]
fn framings_that_contradict_themselves() {
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
    ] {
        assert_eq!(outcome(fields, b"abc"), Err(FetchError::Protocol), "{fields}");
    }
}

#[test]
fn framings_that_say_the_same_in_other_ways() {
    for fields in [
        "Content-Length: 3, 3",
        "Content-Length: 3\r\nContent-Length: 03",
        "Content-Length: 3\r\nTransfer-Encoding: identity",
        "Content-Length: 3\r\nTransfer-Encoding:",
        "Content-Length :\r\n 3",
        "Content-Length:\r\nContent-Length: 3",
    ] {
        assert_eq!(outcome(fields, b"abcdef").unwrap(), b"abc", "{fields}");
    }
    for fields in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding : CHUNKED",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 3, 4\r\nTransfer-Encoding: chunked",
    ] {
        assert_eq!(outcome(fields, b"3\r\nabc\r\n0\r\n\r\n").unwrap(), b"abc", "{fields}");
    }
    // What cannot be read is as if it were not there: the body goes on to the end of the connection.
    for fields in
        ["Content-Length: +3", "Content-Length: 3 bytes", "Content-Length: -3", "Content-Length: 3, x"]
    {
        assert_eq!(outcome(fields, b"abcdef").unwrap(), b"abcdef", "{fields}");
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    assert_eq!(read(old, 64).unwrap(), b"a");
}

#[test]
fn statuses_without_a_body() {
    for status in [204, 304] {
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(read(answer.as_bytes(), 64).unwrap(), b"");
    }
}

#[test]
fn one_step_waits_once() {
    let head = head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let stream = Box::new(Pieces::new(b"2\r\nab\r\n0\r\n\r\n", 1));
    let bounds = Bounds { limits: Limits::default(), end: None, cancel: CancellationToken::new() };
    let mut content = Content::new(&head, stream, Vec::new(), bounds).unwrap();
    let (mut steps, mut bytes) = (Vec::new(), 0);
    loop {
        match content.step(&mut [0; 8], SLICE).unwrap() {
            Step::End => break,
            Step::Bytes(n) => bytes += n,
            step => steps.push(step),
        }
    }
    assert_eq!(bytes, 2);
    // Every second read of the stream brings one byte: the steps that brought no data.
    assert!(steps.len() >= 12, "{steps:?}");
}

#[test]
fn silence_and_cancellation() {
    struct Silent;
    impl Stream for Silent {
        fn read(&mut self, _: &mut [u8], _: Duration) -> Result<usize, NetError> {
            Ok(0)
        }
        fn write_all(&mut self, _: &[u8], _: Duration) -> Result<(), NetError> {
            Ok(())
        }
    }
    let head = head("HTTP/1.1 200 OK\r\n\r\n");
    let limits = Limits { stall: Duration::from_millis(5), ..Limits::default() };
    let bounds = Bounds { limits, end: None, cancel: CancellationToken::new() };
    let mut content = Content::new(&head, Box::new(Silent), Vec::new(), bounds.clone()).unwrap();
    assert_eq!(content.read(&mut [0; 8]), Err(FetchError::Net(NetError::Timeout)));
    let whole = Bounds { limits: Limits::default(), end: Some(Instant::now()), ..bounds.clone() };
    let mut short = Content::new(&head, Box::new(Silent), Vec::new(), whole).unwrap();
    assert_eq!(short.read(&mut [0; 8]), Err(FetchError::Net(NetError::Timeout)));
    bounds.cancel.cancel();
    assert_eq!(content.read(&mut [0; 8]), Err(FetchError::Net(NetError::Cancelled)));
}
