// SPDX-License-Identifier: MIT OR Apache-2.0

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::*;

/// The head at the front of `bytes`, and its length; `None` while it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, FetchError> {
    let (mut parser, mut at) = (Parser::default(), 0);
    while let Some(len) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[at..=at + len];
        at += len + 1;
        if parser.line(line, false)? {
            return Ok(Some((parser.head(), at)));
        }
    }
    Ok(None)
}

fn head(bytes: &[u8]) -> Head {
    parse(bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii())).unwrap().0
}

#[test]
fn a_head_is_read_once_it_is_complete() {
    let answer = b"HTTP/1.0 206 Partial\r\nA: 1\r\nb:\t 2 \r\na: 3\r\n\r\nbody";
    for cut in 0..answer.len() - 4 {
        assert_eq!(parse(&answer[..cut]), Ok(None), "{cut}");
    }
    let (head, len) = parse(answer).unwrap().unwrap();
    assert_eq!((head.status, &answer[len..]), (206, b"body".as_slice()));
    let text = |name| head.headers.text(name);
    assert_eq!((text("a"), text("B"), text("c")), (Some("1"), Some("2"), None));
    assert_eq!(head.headers.single("b"), Ok(Some("2")));
    assert_eq!(head.headers.single("a"), Err(FetchError::Protocol));
}

#[test]
fn status_lines() {
    for line in [
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200",
        "http/1.1 200 OK",
        "Http/1.1 200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 \t 200\tOK",
        "HTTP/1.1 200 ",
        "HTTP/1.9 200 OK",
        "HTTP/2 200",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 200 caf\u{e9}",
    ] {
        assert_eq!(status(line.as_bytes()), Some(200), "{line}");
    }
    for line in [
        "",
        "nonsense",
        "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 2OO OK",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 000 OK",
        "HTTP/1.11 200 OK",
        "HTTP/.1 200 OK",
        "HTTP/x 200 OK",
    ] {
        assert_eq!(status(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn fields_are_read_as_leniently_as_allowed() {
    let length = |fields: &str| {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        head(answer.as_bytes()).headers.text("content-length").map(str::to_owned)
    };
    for fields in [
        "Content-Length: 5",
        "Content-Length : 5",
        "Content-Length\t :5",
        "content-length:5",
        "Content-Length: \t 5 \t",
        "Content-Length:\r\n 5",
        "Content-Length:\r\n\t\r\n  5 ",
        "no colon\r\nContent-Length: 5",
        ": no name\r\nContent-Length: 5",
        " no field before\r\nContent-Length: 5",
        "X Y: 1\r\nContent-Length: 5",
        "X(Y)\u{7}: \u{7}\r\nContent-Length: 5",
        "\u{e9}: \u{e9}\r\nContent-Length: 5",
        "A: b\rc\r\nContent-Length: 5",
        "A:\r\nContent-Length: 5",
        "A: 1\r\n folded\r\n\tand folded\r\nContent-Length: 5",
        "A: Content-Length: 7\r\nX-Content-Length: 7\r\nContent-Length: 5",
    ] {
        assert_eq!(length(fields), Some("5".into()), "{fields:?}");
    }
    assert_eq!(length("A: 1\r\n Content-Length: 7\r\nB: 2"), None);
    assert_eq!(head(b"HTTP/1.1 200\nA: 1\n 2\n\n").headers.text("a"), Some("1 2"));
    assert_eq!(head(b"HTTP/1.1 200\nA: 1\r2\n\n").headers.text("a"), Some("1 2"));
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\na: b\0\r\n\r\n"), Err(FetchError::Protocol));
}

#[test]
fn any_number_of_fields_leaves_those_that_count_and_bounded_memory() {
    for front in
        ["Set-Cookie: a=b; Path=/\r\n".repeat(2000), format!("X-Long: {}\r\n", "y".repeat(9000)).repeat(4)]
    {
        let answer = format!("HTTP/1.1 200 OK\r\n{front}Content-Length: 5\r\nEtag: \"x\"\r\n\r\n");
        let head = head(answer.as_bytes());
        assert_eq!(
            (head.headers.text("content-length"), head.headers.text("etag")),
            (Some("5"), Some("\"x\""))
        );
        assert!(
            head.headers.0.iter().map(|field| field.name.len() + field.value.len()).sum::<usize>() < 9000
        );
    }
    let flood = format!("HTTP/1.1 200 OK\r\n{}\r\n", "Content-Length: 5\r\n".repeat(3000));
    assert_eq!(parse(flood.as_bytes()), Err(FetchError::Protocol));
    let folds = format!("HTTP/1.1 200 OK\r\nA: b\r\n{}\r\n", " folded again\r\n".repeat(3000));
    assert_eq!(parse(folds.as_bytes()), Err(FetchError::Protocol));
}

#[test]
fn a_cut_line_counts_only_where_nobody_needs_it() {
    let mut parser = Parser::default();
    assert_eq!(parser.line(b"HTTP/1.1 200 xxxx", true), Ok(false));
    assert_eq!(parser.line(b"A: bbbb", true), Ok(false));
    assert_eq!(parser.line(b" folded", false), Ok(false));
    assert_eq!(parser.line(b"Location: /aaaa", true), Err(FetchError::Protocol));
    assert_eq!(parser.head().headers, Headers::default());
}

#[test]
fn a_value_that_is_no_text_keeps_its_bytes() {
    let head = head(b"HTTP/1.1 200\r\nA: \xff\r\n\r\n");
    assert_eq!((head.headers.text("a"), head.headers.bytes("a")), (None, Some(b"\xff".as_slice())));
    assert_eq!(head.headers.single("a"), Err(FetchError::Protocol));
}

#[test]
fn lists_may_be_divided_over_lines_and_have_empty_members() {
    let head = head(b"HTTP/1.1 200\r\nA: a, b,\r\nA: ,\r\nA:\r\na: c\r\n\r\n");
    assert_eq!(head.headers.list("a").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
}

#[test]
fn an_answer_is_known_by_its_first_bytes() {
    for (bytes, may) in [("", true), ("HT", true), ("HTTP/1.1 200", true), ("HTTX", false), ("<html>", false)]
    {
        assert_eq!(may_begin(bytes.as_bytes()), may, "{bytes}");
    }
}
