// SPDX-License-Identifier: MIT OR Apache-2.0
//! Redirects that lead somewhere, nowhere, or in circles.

use super::{Case, Family, PROTOCOL, REDIRECT, RIGHT, STATUS, UNAVAILABLE};
use crate::faults::plan::{Ctx, Head, Op, honest};

/// The family.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("redirect");
    for code in [301, 302, 303, 307, 308] {
        f.add(format!("redirect-{code}"), format!("{code} to a path"), &[RIGHT], move |c| {
            to(code, &c.path_of("ok"))
        });
    }
    f.add("redirect-absolute", "302 to a whole URL", &[RIGHT], |c| {
        to(302, &format!("http://{}{}", c.host(), c.path_of("ok")))
    });
    f.add("redirect-no-scheme", "302 to //host/path", &[RIGHT], |c| {
        to(302, &format!("//{}{}", c.host(), c.path_of("ok")))
    });
    f.add("redirect-dots", "302 to a path with ..", &[RIGHT], |c| to(302, &format!("../ok/{}", tail(c))));
    f.add("redirect-relative", "302 to a path without a leading slash", &[RIGHT], |c| {
        // Relative to /redirect-relative/.
        to(302, &format!("./../ok/{}", tail(c)))
    });
    f.add("redirect-fragment", "302 to a URL with a fragment", &[RIGHT], |c| {
        to(302, &format!("{}#part", c.path_of("ok")))
    });
    f.add("redirect-4k", "302 to a URL of 4 KiB", &[RIGHT], |c| to(302, &padded(c, 4_096)));
    f.add("redirect-60k", "302 to a URL of 60000 bytes", &[REDIRECT, RIGHT, PROTOCOL, STATUS], |c| {
        to(302, &padded(c, 60_000))
    });
    f.add("redirect-body", "302 with 9 bytes of body", &[RIGHT], |c| {
        let head = Head::status(302).with("Location", c.path_of("ok")).with("Content-Length", 9);
        vec![head.with("Connection", "close").op(), Op::Bytes(b"not here\n".to_vec())]
    });
    f.add("redirect-lower", "302 with location in lower case", &[RIGHT], |c| {
        let head = Head::status(302).with("location", c.path_of("ok")).with("Content-Length", 0);
        vec![head.with("Connection", "close").op()]
    });
    for hops in [2, 3, 5] {
        f.add(format!("redirect-chain-{hops}"), format!("{hops} redirects in a row"), &[RIGHT], move |c| {
            chain(c, hops)
        });
    }
    f.add("redirect-chain-30", "30 redirects in a row", &[REDIRECT], |c| chain(c, 30));
    f.add("redirect-loop", "302 to itself", &[REDIRECT], |c| to(302, &c.path_of(&c.case)));
    f.add("redirect-loop-two", "302 to a path that redirects back", &[REDIRECT], |c| {
        to(302, &c.path_of("redirect-loop-back"))
    });
    f.add("redirect-loop-back", "the other half of redirect-loop-two", &[REDIRECT], |c| {
        to(302, &c.path_of("redirect-loop-two"))
    });
    f.add("302-none", "302 without Location and without a body", &[REDIRECT, STATUS], |_| {
        vec![Head::status(302).with("Content-Length", 0).with("Connection", "close").op()]
    });
    f.add("302-none-body", "302 without Location, with 9 bytes of body", &[REDIRECT, STATUS], |_| {
        let head = Head::status(302).with("Content-Length", 9).with("Connection", "close");
        vec![head.op(), Op::Bytes(b"not here\n".to_vec())]
    });
    for (name, target) in [
        ("redirect-empty", ""),
        ("redirect-ftp", "ftp://127.0.0.1/image"),
        ("redirect-file", "file:///etc/hostname"),
        ("redirect-garbage", "http://[::bad/"),
        ("redirect-no-host", "http:///image"),
        ("redirect-bad-port", "http://127.0.0.1:99999/image"),
    ] {
        // Parsers of URLs disagree about who the host is; what counts is that no firmware comes of it.
        let expect = &[REDIRECT, UNAVAILABLE, STATUS];
        f.add(name, format!("302 to {target:?}"), expect, move |_| to(302, target));
    }
    f.add("redirect-to-404", "302 to a path that answers 404", &[STATUS], |c| {
        to(302, &c.path_of("404-body"))
    });
    f.add("redirect-to-cut", "302 to a path that breaks off once", &[RIGHT], |c| {
        to(302, &c.path_of("resume"))
    });
    f.add("redirect-every-time", "302 on each attempt, to a path that breaks off each time", &[RIGHT], |c| {
        to(302, &c.path_of("resume-always"))
    });
    for (name, more, about) in [
        ("redirect-utf8", "name=gr\u{fc}n\u{4e2d}\u{6587}", "UTF-8"),
        ("redirect-blank", "name=a b  c", "blanks"),
        ("redirect-odd", "name=\"<>\\^`{|}", "characters that should be escaped"),
        ("redirect-utf8-fragment", "x=1#\u{e9} \u{e8}", "UTF-8 in its fragment"),
    ] {
        f.add(name, format!("302 to a path with {about}, as it is"), &[RIGHT], move |c| {
            let path = c.path_of("ok");
            let mark = if path.contains('?') { '&' } else { '?' };
            to(302, &format!("{path}{mark}{more}"))
        });
    }
    f.add("redirect-300", "300 with a Location", &[RIGHT], |c| to(300, &c.path_of("ok")));
    f.add("redirect-refused", "302 to a port where nobody listens", &[UNAVAILABLE, REDIRECT], |_| {
        to(302, "http://127.0.0.1:9/image")
    });
    f.cases
}

fn to(code: u16, location: &str) -> Vec<Op> {
    let head = Head::status(code).with("Location", location).with("Content-Length", 0);
    vec![head.with("Connection", "close").op()]
}

/// The size and the query, for relative references.
fn tail(ctx: &Ctx) -> String {
    ctx.path_of("x").trim_start_matches("/x/").to_owned()
}

fn padded(ctx: &Ctx, length: usize) -> String {
    let mut url = ctx.path_of("ok");
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str("pad=");
    url.extend(std::iter::repeat_n('x', length.saturating_sub(url.len())));
    url
}

/// Counts down in the parameter `hop`.
fn chain(ctx: &Ctx, hops: u64) -> Vec<Op> {
    let left = ctx.request.number("hop").unwrap_or(hops);
    if left == 0 {
        return honest(ctx).ops();
    }
    let token = ctx.request.query().get("k").copied().unwrap_or("").to_owned();
    to(302, &format!("/{}/{}?k={token}&hop={}", ctx.case, ctx.size, left - 1))
}
