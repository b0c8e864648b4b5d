// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the head is written: case, blanks, folding, length, pace.

use std::time::Duration;

use super::{Case, Family, PROTOCOL, RIGHT};
use crate::faults::plan::{Ctx, Head, Honest, Op, honest, whole};

/// The family. All serve the right bytes below a head that is unusual, or wrong.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("header");
    spelling(&mut f);
    size(&mut f);
    wrong(&mut f);
    pace(&mut f);
    labels(&mut f);
    f.cases
}

/// What a head says beside the facts: none of it makes the bytes wrong.
fn labels(f: &mut Family) {
    let lines: [(&str, &str); 24] = [
        ("te-identity", "Transfer-Encoding: identity"),
        ("te-empty", "Transfer-Encoding:"),
        ("te-identity-twice", "Transfer-Encoding: identity, identity"),
        ("te-blank-before-colon", "Transfer-Encoding : identity"),
        ("encoding-gzip", "Content-Encoding: gzip"),
        ("encoding-two", "Content-Encoding: gzip, br"),
        ("encoding-empty", "Content-Encoding:"),
        ("encoding-aws-chunked", "Content-Encoding: aws-chunked"),
        ("type-json", "Content-Type: application/json"),
        ("type-nonsense", "Content-Type: ;;;"),
        ("type-multipart", "Content-Type: multipart/byteranges; boundary=x"),
        ("fold-tab", "X-Folded: one\r\n\ttwo\r\n  three"),
        ("fold-length", "X-Folded: one\r\n Content-Length: 7"),
        ("fold-empty", "X-Folded:\r\n "),
        ("name-blank", "X Name Of Three: 1"),
        ("name-brackets", "X(Name)[1]/{2}: 1"),
        ("name-utf8", "X-N\u{e4}me: 1"),
        ("name-digits", "1: 1"),
        ("value-utf8", "X-Note: gr\u{fc}\u{df}e"),
        ("value-colons", "X-Note: ::::"),
        ("value-cr", "X-Note: a\rb"),
        ("value-controls", "X-Note: \u{1}\u{7}\u{1b}"),
        ("colonless", "a line without a colon in it"),
        ("vary-all", "Vary: *\r\nCache-Control: no-transform, no-store\r\nAge: -1\r\nExpires: 0"),
    ];
    for (name, line) in lines {
        let about = format!("a label beside the facts: {}", line.escape_debug());
        f.add(format!("label-{name}"), about, &[RIGHT], move |c| {
            super::after_cut(c, |c| bend(c, |head, _| head.first(line)))
        });
    }
    f.add("label-length-list", "Content-Length: N, N", &[RIGHT], |c| {
        length_as(c, |n| format!("Content-Length: {n}, {n}"))
    });
    f.add(
        "label-length-thrice",
        "Content-Length three times, the same number in three spellings",
        &[RIGHT],
        |c| length_as(c, |n| format!("Content-Length: {n}\r\nContent-Length: 0{n}\r\ncontent-length : {n},")),
    );
    f.add("label-length-folded", "Content-Length folded behind its colon", &[RIGHT], |c| {
        length_as(c, |n| format!("Content-Length:\r\n  {n}"))
    });
    for count in [129, 150, 500] {
        f.add(
            format!("label-fields-{count}"),
            format!("{count} fields before the others"),
            &[RIGHT],
            move |c| {
                bend(c, |head, _| {
                    let lines: Vec<String> = (0..count).map(|i| format!("X-Field-{i}: {i}")).collect();
                    head.first(lines.join("\r\n"))
                })
            },
        );
    }
    let status: [(&str, &str); 5] = [
        ("two-blanks", "HTTP/1.1  200 OK"),
        ("tab", "HTTP/1.1\t200\tOK"),
        ("utf8-reason", "HTTP/1.1 200 \u{c7}a va"),
        ("203", "HTTP/1.1 203 Non-Authoritative Information"),
        ("1-0", "HTTP/1.0 200 OK"),
    ];
    for (name, line) in status {
        f.add(format!("label-status-{name}"), format!("{}", line.escape_debug()), &[RIGHT], move |c| {
            vec![whole(c).head.line(line).op(), Op::Body(0, c.size)]
        });
    }
}

/// The honest answer with the head changed.
fn bend(ctx: &Ctx, change: impl FnOnce(Head, u64) -> Head) -> Vec<Op> {
    let Honest { head, from, len } = honest(ctx);
    vec![change(head, len).op(), Op::Body(from, len)]
}

/// The honest answer with Content-Length written in another way.
fn length_as(ctx: &Ctx, line: impl FnOnce(u64) -> String) -> Vec<Op> {
    bend(ctx, |head, len| head.without("Content-Length").raw(line(len)))
}

fn spelling(f: &mut Family) {
    f.add("header-lower", "content-length in lower case", &[RIGHT], |c| {
        length_as(c, |n| format!("content-length: {n}"))
    });
    f.add("header-upper", "CONTENT-LENGTH in upper case", &[RIGHT], |c| {
        length_as(c, |n| format!("CONTENT-LENGTH: {n}"))
    });
    f.add("header-no-space", "no space after the colon", &[RIGHT], |c| {
        length_as(c, |n| format!("Content-Length:{n}"))
    });
    f.add("header-blanks", "blanks and tabs around the value", &[RIGHT], |c| {
        length_as(c, |n| format!("Content-Length: \t  {n} \t "))
    });
    f.add("header-space-before-colon", "a space before the colon", &[PROTOCOL, RIGHT, "error:length"], |c| {
        length_as(c, |n| format!("Content-Length : {n}"))
    });
    f.add("header-x-content-length", "X-Content-Length: 7 before the real one", &[RIGHT], |c| {
        bend(c, |head, _| head.first("X-Content-Length: 7"))
    });
    f.add("header-longer-name", "Content-Length-Hint: 7 before the real one", &[RIGHT], |c| {
        bend(c, |head, _| head.first("Content-Length-Hint: 7"))
    });
    f.add("header-in-value", "a value that reads like Content-Length: 7", &[RIGHT], |c| {
        bend(c, |head, _| head.first("X-Note: Content-Length: 7"))
    });
    f.add("header-folded", "a field folded over two lines", &[RIGHT, PROTOCOL], |c| {
        bend(c, |head, _| head.raw("X-Folded: one").raw("  two"))
    });
    f.add("header-lf", "lines ended by LF alone", &[RIGHT, PROTOCOL], |c| {
        let answer = honest(c);
        vec![Op::Bytes(answer.head.ended_by("\n")), Op::Body(answer.from, answer.len)]
    });
    f.add("header-empty-value", "a field without a value", &[RIGHT], |c| {
        bend(c, |head, _| head.raw("X-Empty:"))
    });
    f.add("header-latin1", "a value with bytes above 127", &[RIGHT, PROTOCOL], |c| {
        let answer = honest(c);
        let mut head = answer.head.bytes();
        head.truncate(head.len() - 2);
        head.extend_from_slice(b"X-Name: caf\xE9\r\n\r\n");
        vec![Op::Bytes(head), Op::Body(answer.from, answer.len)]
    });
    f.add("header-no-validators", "neither ETag nor Last-Modified nor Accept-Ranges", &[RIGHT], |c| {
        bend(c, |head, _| head.without("ETag").without("Last-Modified").without("Accept-Ranges"))
    });
    f.add("header-keep-alive", "Connection: keep-alive, and the close comes anyway", &[RIGHT], |c| {
        bend(c, |head, _| head.set("Connection", "keep-alive"))
    });
    f.add("header-etag-bare", "an ETag without quotes", &[RIGHT], |c| {
        bend(c, |head, _| head.set("ETag", "image"))
    });
    f.add("header-etag-4k", "an ETag of 4 KiB", &[RIGHT], |c| {
        bend(c, |head, _| head.set("ETag", format!("\"{}\"", "e".repeat(4_096))))
    });
    f.add("header-type-html", "Content-Type: text/html", &[RIGHT], |c| {
        bend(c, |head, _| head.set("Content-Type", "text/html"))
    });
    f.add("header-cookies", "a hundred cookies", &[RIGHT, PROTOCOL], |c| {
        bend(c, |mut head, _| {
            for i in 0..100 {
                head = head.with("Set-Cookie", format!("c{i}=v"));
            }
            head
        })
    });
}

fn size(f: &mut Family) {
    for (name, bytes, expect) in [
        ("header-pad-900", 900, &[RIGHT][..]),
        ("header-pad-2000", 2_000, &[RIGHT]),
        ("header-pad-8000", 8_000, &[RIGHT, PROTOCOL]),
        ("header-pad-60000", 60_000, &[PROTOCOL, RIGHT]),
        ("header-pad-1m", 1_000_000, &[PROTOCOL]),
    ] {
        f.add(name, format!("a field of {bytes} bytes before the others"), expect, move |c| {
            bend(c, |head, _| head.first(format!("X-Pad: {}", "p".repeat(bytes))))
        });
    }
    for (name, count, expect) in [
        ("header-count-50", 50, &[RIGHT][..]),
        ("header-count-200", 200, &[RIGHT, PROTOCOL]),
        ("header-count-10000", 10_000, &[PROTOCOL]),
    ] {
        f.add(name, format!("{count} fields before the others"), expect, move |c| {
            bend(c, |head, _| {
                let lines: Vec<String> = (0..count).map(|i| format!("X-{i}: {i}")).collect();
                head.first(lines.join("\r\n"))
            })
        });
    }
    f.add("header-count-1m", "a million fields", &[PROTOCOL], |c| {
        let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
        bytes.extend(b"X-More: and more\r\n".repeat(1_000_000));
        let len = c.size;
        vec![Op::Bytes(bytes), Op::Body(0, len)]
    });
}

fn wrong(f: &mut Family) {
    for (name, line, about) in [
        ("header-no-colon", "this line has no colon", "a line without a colon"),
        ("header-no-name", ": value", "a line without a name"),
        ("header-control", "X-Bell: \u{7}", "a control character in a value"),
        ("header-nul", "X-Nul: a\0b", "a NUL in a value"),
        ("header-cr", "X-Cr: a\rb", "a lone CR in a value"),
        ("header-space-in-name", "X Name: 1", "a space in a name"),
        ("header-blank-first", " X-Blank: 1", "a first line that begins with a blank"),
    ] {
        f.add(name, about, &[PROTOCOL, RIGHT], move |c| bend(c, |head, _| head.first(line)));
    }
}

fn pace(f: &mut Family) {
    f.add("header-bytes", "the head byte by byte, 20 ms apart", &[RIGHT], |c| {
        trickled(c, Duration::from_millis(20))
    });
    f.add("header-bytes-fast", "the head byte by byte, at once", &[RIGHT], |c| trickled(c, Duration::ZERO));
    f.add("header-split-line-end", "a pause between the last CR and LF", &[RIGHT], |c| {
        let answer = honest(c);
        let mut head = answer.head.bytes();
        let end = head.split_off(head.len() - 1);
        let pause = Op::Pause(Duration::from_millis(300));
        vec![Op::Bytes(head), pause, Op::Bytes(end), Op::Body(answer.from, answer.len)]
    });
}

fn trickled(ctx: &Ctx, pause: Duration) -> Vec<Op> {
    let answer = honest(ctx);
    vec![Op::Trickle(answer.head.bytes(), pause), Op::Body(answer.from, answer.len)]
}
