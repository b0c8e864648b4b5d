// SPDX-License-Identifier: MIT OR Apache-2.0
//! Status codes: permanent, transient, informational, nonsense; with bodies that look like firmware.

use super::{Case, Family, PROTOCOL, RIGHT, STATUS, UNAVAILABLE, after_cut, first};
use crate::faults::plan::{Ctx, Head, Op, honest, text, whole};

/// Trying again is of no use.
const PERMANENT: [u16; 25] = [
    400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 417, 418, 421, 422, 423, 424,
    426, 428, 431, 451,
];
/// Trying again may help.
const TRANSIENT: [u16; 9] = [408, 425, 429, 500, 502, 503, 504, 507, 508];
/// Successes and redirections that bring no image.
const NOT_AN_IMAGE: [u16; 7] = [201, 202, 204, 205, 207, 300, 304];

/// The family.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("status");
    f.add("ok", "200 or 206; Range, If-Range and ETag honoured", &[RIGHT], |c| honest(c).ops());
    for code in PERMANENT {
        f.add(format!("status-{code}"), format!("{code} with a short body"), &[STATUS], move |_| short(code));
    }
    for code in NOT_AN_IMAGE {
        f.add(format!("status-{code}"), format!("{code} in place of 200"), &[STATUS], move |_| {
            vec![Head::status(code).with("Content-Length", 0).with("Connection", "close").op()]
        });
    }
    for code in TRANSIENT {
        let always = format!("{code} with a short body, always");
        f.add(format!("status-{code}"), always, &[UNAVAILABLE, STATUS], move |_| short(code));
        f.add(format!("status-{code}-once"), format!("{code} once, then honest"), &[RIGHT], move |c| {
            first(1, c, |_| short(code))
        });
    }
    for code in [500, 502, 503, 504] {
        let about = format!("breaks off after a third, then {code} once, then honest");
        f.add(format!("status-{code}-mid"), about, &[RIGHT], move |c| mid(c, code));
    }
    for code in [401, 403, 404, 410] {
        let about = format!("breaks off after a third, then {code} always: an expired URL");
        f.add(format!("status-{code}-mid"), about, &[STATUS], move |c| after_cut(c, |_| short(code)));
    }
    error_bodies(&mut f);
    retry_after(&mut f);
    informational(&mut f);
    status_lines(&mut f);
    f.cases
}

fn short(code: u16) -> Vec<Op> {
    text(code, "this is not a firmware\n")
}

fn mid(ctx: &Ctx, code: u16) -> Vec<Op> {
    after_cut(ctx, |c| if c.attempt == 2 { short(code) } else { honest(c).ops() })
}

fn error_bodies(f: &mut Family) {
    for (code, expect) in [(403, STATUS), (404, STATUS), (500, UNAVAILABLE)] {
        let expect = [expect, STATUS];
        let expect = if code == 500 { &expect[..] } else { &expect[..1] };
        f.add(format!("{code}-body"), format!("{code} with a 23-byte body"), expect, move |_| short(code));
        let about = format!("{code} with a body as long as the image");
        f.add(format!("{code}-same-length"), about, expect, move |c| {
            let head = Head::status(code).with("Content-Length", c.size).with("Connection", "close");
            vec![head.op(), Op::Body(0, c.size)]
        });
        f.add(format!("{code}-no-length"), format!("{code}, body ended by close"), expect, move |_| {
            let head = Head::status(code).with("Connection", "close");
            vec![head.op(), Op::Bytes(b"this is not a firmware\n".to_vec())]
        });
        f.add(format!("{code}-empty"), format!("{code} without a body"), expect, move |_| {
            vec![Head::status(code).with("Content-Length", 0).with("Connection", "close").op()]
        });
        f.add(format!("{code}-chunked"), format!("{code} with a chunked body"), expect, move |c| {
            let head = Head::status(code).with("Transfer-Encoding", "chunked").with("Connection", "close");
            vec![head.op(), Op::Chunks(0, c.size.min(1000), 100), Op::Bytes(b"0\r\n\r\n".to_vec())]
        });
    }
    f.add("200-html", "200 with a short HTML page, as a captive portal does", &["error:length"], |_| {
        let page = "<html><body>Please log in</body></html>\n";
        let head = Head::status(200).with("Content-Type", "text/html").with("Content-Length", page.len());
        vec![head.with("Connection", "close").op(), Op::Bytes(page.into())]
    });
}

fn retry_after(f: &mut Family) {
    for (name, code, value, about) in [
        ("429-retry-after", 429, "1", "429 once with Retry-After: 1"),
        ("503-retry-after", 503, "1", "503 once with Retry-After: 1"),
        ("503-retry-after-date", 503, "Sun, 01 Nov 2026 00:00:00 GMT", "503 once, Retry-After in the past"),
        ("503-retry-after-garbage", 503, "soon", "503 once, Retry-After not a number"),
        ("503-retry-after-negative", 503, "-5", "503 once, Retry-After negative"),
    ] {
        f.add(name, about, &[RIGHT], move |c| first(1, c, |_| retry_later(code, value)));
    }
    f.add("503-retry-after-date-later", "503 once, Retry-After 1 s after its Date", &[RIGHT], |c| {
        first(1, c, |_| {
            let head = Head::status(503).with("Date", "Sun, 01 Nov 2099 00:00:00 GMT");
            let head = head.with("Retry-After", "Sun, 01 Nov 2099 00:00:01 GMT").with("Content-Length", 0);
            vec![head.with("Connection", "close").op()]
        })
    });
    f.add(
        "503-retry-after-huge",
        "503 always, Retry-After beyond any patience",
        &[UNAVAILABLE, STATUS],
        |_| retry_later(503, "99999999999999999999"),
    );
    f.add("503-two-of-three", "503 for two requests of every three", &[RIGHT], |c| {
        if c.attempt.is_multiple_of(3) { honest(c).ops() } else { short(503) }
    });
}

fn retry_later(code: u16, value: &str) -> Vec<Op> {
    let head = Head::status(code).with("Retry-After", value).with("Content-Length", 0);
    vec![head.with("Connection", "close").op()]
}

fn informational(f: &mut Family) {
    for (code, about) in [(100, "100 Continue"), (102, "102 Processing"), (103, "103 Early Hints")] {
        f.add(
            format!("{code}-first"),
            format!("{about}, then the honest answer"),
            &[RIGHT, PROTOCOL],
            move |c| {
                let mut ops = vec![Head::status(code).op()];
                ops.extend(honest(c).ops());
                ops
            },
        );
    }
    f.add("100-flood", "100 Continue ten thousand times, then the end", &[PROTOCOL, UNAVAILABLE], |_| {
        vec![Op::Bytes(Head::status(100).bytes().repeat(10_000))]
    });
}

fn status_lines(f: &mut Family) {
    let lines = [
        ("http-1-0", "HTTP/1.0 200 OK", "HTTP/1.0", &[RIGHT][..]),
        ("status-no-reason", "HTTP/1.1 200 ", "no reason phrase", &[RIGHT]),
        ("status-no-reason-no-space", "HTTP/1.1 200", "no reason phrase and no space", &[RIGHT, PROTOCOL]),
        ("status-http-2", "HTTP/2.0 200 OK", "an HTTP version that cannot be", &[PROTOCOL, RIGHT]),
        ("status-lower", "http/1.1 200 ok", "the protocol's name in small letters", &[RIGHT]),
        ("status-icy", "ICY 200 OK", "another protocol's name", &[PROTOCOL]),
        ("status-letters", "HTTP/1.1 2OO OK", "letters in the code", &[PROTOCOL]),
        ("status-two-digits", "HTTP/1.1 20 OK", "a code of two digits", &[PROTOCOL, STATUS]),
        ("status-four-digits", "HTTP/1.1 2000 OK", "a code of four digits", &[PROTOCOL, STATUS]),
        ("status-0", "HTTP/1.1 000 OK", "code 000", &[PROTOCOL, STATUS]),
        ("status-999", "HTTP/1.1 999 Denied", "code 999", &[STATUS, PROTOCOL]),
        ("status-negative", "HTTP/1.1 -200 OK", "a negative code", &[PROTOCOL, STATUS]),
    ];
    for (name, line, about, expect) in lines {
        f.add(name, format!("status line with {about}"), expect, move |c| {
            let head = Head::new(line).with("Content-Length", c.size).with("Connection", "close");
            vec![head.op(), Op::Body(0, c.size)]
        });
    }
    f.add("status-line-long", "a reason phrase of 20000 bytes", &[RIGHT, PROTOCOL], |c| {
        let head = Head::new(format!("HTTP/1.1 200 {}", "x".repeat(20_000)));
        vec![head.with("Content-Length", c.size).with("Connection", "close").op(), Op::Body(0, c.size)]
    });
    f.add("200-to-range", "200 with everything, whatever Range says", &[RIGHT], |c| whole(c).ops());
    f.add(
        "206-to-all",
        "206 with Content-Range, though no Range was sent",
        &[RIGHT, PROTOCOL, "error:range"],
        |c| super::super::plan::part(c, c.start(), c.size.saturating_sub(1)).ops(),
    );
}
