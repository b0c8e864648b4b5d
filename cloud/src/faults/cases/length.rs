// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the end of the body is told, or mistold: Content-Length, chunked coding, close.

use super::{Case, Family, LENGTH, PROTOCOL, RIGHT, UNAVAILABLE, after_cut};
use crate::faults::plan::{Ctx, Head, Op, gzip_length, honest, validators, whole};

/// The family.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("length");
    values(&mut f);
    f.add("length-close", "no Content-Length; the close ends the body", &[RIGHT], |c| {
        vec![bare(c).op(), Op::Body(0, c.size)]
    });
    f.add("length-close-short", "no Content-Length, closed after a third; then honest", &[RIGHT], |c| {
        if c.attempt == 1 { vec![bare(c).op(), Op::Body(0, c.third())] } else { honest(c).ops() }
    });
    f.add("length-close-long", "no Content-Length, 1000 bytes too many", &[LENGTH, RIGHT], |c| {
        vec![bare(c).op(), Op::Body(0, c.size.saturating_add(1000))]
    });
    f.add("length-endless", "no Content-Length, bytes without end", &[LENGTH, RIGHT], |c| {
        vec![bare(c).op(), Op::Body(0, u64::MAX)]
    });
    f.add("length-small", "one byte less than the offer, and so the body", &[LENGTH], |c| {
        let n = c.size.saturating_sub(1);
        vec![whole(c).head.set("Content-Length", n).op(), Op::Body(0, n)]
    });
    f.add("length-large", "one byte more than the offer, and so the body", &[LENGTH], |c| {
        let n = c.size.saturating_add(1);
        vec![whole(c).head.set("Content-Length", n).op(), Op::Body(0, n)]
    });
    f.add("length-more-bytes", "1000 bytes more than the Content-Length, which is right", &[RIGHT], |c| {
        vec![whole(c).head.op(), Op::Body(0, c.size.saturating_add(1000))]
    });
    f.add(
        "length-fewer-bytes",
        "a third of the Content-Length, always, to any request",
        &[UNAVAILABLE],
        |c| whole(c).cut(c.third()),
    );
    f.add("length-twice-same", "Content-Length twice, the same", &[RIGHT, PROTOCOL], |c| {
        vec![whole(c).head.with("Content-Length", c.size).op(), Op::Body(0, c.size)]
    });
    f.add("length-twice", "Content-Length twice, different", &[PROTOCOL, LENGTH], |c| {
        vec![whole(c).head.first("Content-Length: 7").op(), Op::Body(0, c.size)]
    });
    chunked(&mut f);
    gzip(&mut f);
    f.cases
}

fn bare(ctx: &Ctx) -> Head {
    validators(Head::status(200), ctx)
}

/// Values that are not the size. The body is the whole image.
fn values(f: &mut Family) {
    let values = [
        ("length-0", "0", &[LENGTH][..]),
        ("length-7", "7", &[LENGTH]),
        ("length-abc", "abc", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-empty", "", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-negative", "-5", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-3e9", "3000000000", &[LENGTH]),
        ("length-5e9", "5000000000", &[LENGTH]),
        ("length-2-31", "2147483648", &[LENGTH]),
        ("length-2-32", "4294967296", &[LENGTH]),
        ("length-2-63", "9223372036854775808", &[LENGTH, PROTOCOL, RIGHT]),
        ("length-2-64", "18446744073709551616", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-digits", "99999999999999999999999999999999999999", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-plus", "+7", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-hex", "0xEA60", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-float", "6e4", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-two-numbers", "7 7", &[PROTOCOL, LENGTH, RIGHT]),
        ("length-list", "7, 8", &[PROTOCOL, LENGTH]),
    ];
    for (name, value, expect) in values {
        f.add(name, format!("Content-Length: {value}"), expect, move |c| {
            vec![whole(c).head.set("Content-Length", value).op(), Op::Body(0, c.size)]
        });
    }
    f.add("length-zeros", "Content-Length with leading zeros", &[RIGHT, PROTOCOL], |c| {
        vec![whole(c).head.set("Content-Length", format!("000000{}", c.size)).op(), Op::Body(0, c.size)]
    });
    for (name, sign, unit) in [("length-plus-right", "+", ""), ("length-unit", "", " bytes")] {
        f.add(name, format!("Content-Length: {sign}SIZE{unit}"), &[RIGHT, PROTOCOL], move |c| {
            let length = format!("{sign}{}{unit}", c.size);
            vec![whole(c).head.set("Content-Length", length).op(), Op::Body(0, c.size)]
        });
    }
    f.add("length-wrap-32", "Content-Length that is the size plus 2^32", &[LENGTH], |c| {
        vec![whole(c).head.set("Content-Length", c.size.saturating_add(1 << 32)).op(), Op::Body(0, c.size)]
    });
}

const END: &[u8] = b"0\r\n\r\n";

/// A chunked answer: the pieces after the head.
fn coded(ctx: &Ctx, body: impl IntoIterator<Item = Op>) -> Vec<Op> {
    let mut ops = vec![bare(ctx).with("Transfer-Encoding", "chunked").op()];
    ops.extend(body);
    ops
}

fn chunked(f: &mut Family) {
    for (name, piece) in [("chunked", 4096), ("chunked-7", 7), ("chunked-1", 1)] {
        f.add(name, format!("chunked, {piece} bytes in a chunk"), &[RIGHT], move |c| {
            coded(c, [Op::Chunks(0, c.size, piece), Op::Bytes(END.into())])
        });
    }
    f.add("chunked-one", "chunked, one chunk", &[RIGHT], |c| {
        coded(c, [Op::Chunks(0, c.size, c.size), Op::Bytes(END.into())])
    });
    f.add("chunked-upper", "Transfer-Encoding: Chunked", &[RIGHT], |c| {
        let head = bare(c).with("Transfer-Encoding", "Chunked");
        vec![head.op(), Op::Chunks(0, c.size, 4096), Op::Bytes(END.into())]
    });
    f.add("chunked-trailer", "chunked, with trailer fields", &[RIGHT], |c| {
        coded(c, [Op::Chunks(0, c.size, 4096), Op::Bytes(b"0\r\nX-Trailer: 1\r\n\r\n".into())])
    });
    f.add("chunked-extension", "chunked, with a chunk extension", &[RIGHT], |c| {
        let first = format!("{:x};name=value\r\n", c.third());
        let rest = Op::Chunks(c.third(), c.size - c.third(), 4096);
        let head = Op::Bytes(first.into());
        if c.third() == 0 {
            return coded(c, [rest, Op::Bytes(END.into())]);
        }
        coded(c, [head, Op::Body(0, c.third()), Op::Bytes(b"\r\n".into()), rest, Op::Bytes(END.into())])
    });
    f.add("chunked-cut", "chunked, closed after a third; then honest", &[RIGHT], |c| {
        if c.attempt == 1 { coded(c, [Op::Chunks(0, c.third(), 1000)]) } else { honest(c).ops() }
    });
    f.add("chunked-no-end", "chunked, everything but the last chunk", &[RIGHT, PROTOCOL, UNAVAILABLE], |c| {
        coded(c, [Op::Chunks(0, c.size, 4096)])
    });
    f.add("chunked-resume", "breaks off; then the rest as chunked 206", &[RIGHT], |c| {
        after_cut(c, |c| {
            let rest = honest(c);
            let head = rest.head.without("Content-Length").with("Transfer-Encoding", "chunked");
            vec![head.op(), Op::Chunks(rest.from, rest.len, 4096), Op::Bytes(END.into())]
        })
    });
    f.add("chunked-long", "chunked, 1000 bytes more than the offer", &[LENGTH, RIGHT], |c| {
        coded(c, [Op::Chunks(0, c.size.saturating_add(1000), 4096), Op::Bytes(END.into())])
    });
    for (name, size, about) in [
        ("chunked-bad-size", "xyz", "a chunk size that is no number"),
        ("chunked-empty-size", "", "an empty chunk size"),
        ("chunked-negative", "-1", "a negative chunk size"),
        ("chunked-2-64", "10000000000000000", "a chunk size of 2^64"),
        ("chunked-overflow", "ffffffffffffffff", "a chunk size of 2^64 - 1"),
        ("chunked-digits", "fffffffffffffffffffffffffffffffff", "a chunk size of 33 digits"),
    ] {
        // Whoever reads no further than the offer's size never meets the end of a chunk that is too large.
        let expect: &[&str] = match name {
            "chunked-overflow" => &[PROTOCOL, LENGTH, UNAVAILABLE, RIGHT],
            _ => &[PROTOCOL, LENGTH, UNAVAILABLE],
        };
        f.add(name, format!("chunked, {about}"), expect, move |c| {
            coded(c, [Op::Bytes(format!("{size}\r\n").into()), Op::Body(0, c.size), Op::Bytes(END.into())])
        });
    }
    f.add(
        "chunked-long-line",
        "chunked, a chunk size line of 100000 bytes",
        &[PROTOCOL, RIGHT, UNAVAILABLE],
        |c| {
            let line = format!("{:x};{}\r\n", c.size, "x".repeat(100_000));
            coded(c, [Op::Bytes(line.into()), Op::Body(0, c.size), Op::Bytes(b"\r\n0\r\n\r\n".into())])
        },
    );
    f.add(
        "chunked-and-length",
        "chunked and a Content-Length of 7 at once",
        &[RIGHT, PROTOCOL, LENGTH],
        |c| {
            let head = bare(c).with("Content-Length", 7).with("Transfer-Encoding", "chunked");
            vec![head.op(), Op::Chunks(0, c.size, 4096), Op::Bytes(END.into())]
        },
    );
    f.add("chunked-and-no-length", "chunked and a Content-Length of 0 at once", &[RIGHT], |c| {
        let head = bare(c).with("Content-Length", 0).with("Transfer-Encoding", "chunked");
        vec![head.op(), Op::Chunks(0, c.size, 4096), Op::Bytes(END.into())]
    });
    f.add(
        "chunked-and-length-resume",
        "breaks off; then the rest as chunked 206 with a Content-Length of 7",
        &[RIGHT],
        |c| {
            after_cut(c, |c| {
                let rest = honest(c);
                let head = rest.head.set("Content-Length", 7).with("Transfer-Encoding", "chunked");
                vec![head.op(), Op::Chunks(rest.from, rest.len, 4096), Op::Bytes(END.into())]
            })
        },
    );
    f.add("chunked-lie", "says chunked, but the body is not", &[PROTOCOL, LENGTH, UNAVAILABLE], |c| {
        coded(c, [Op::Body(0, c.size)])
    });
}

fn gzip(f: &mut Family) {
    f.add("gzip", "gzip for clients that say they take it, else as is", &[RIGHT], |c| {
        let takes = c.request.header("Accept-Encoding").is_some_and(|v| v.contains("gzip"));
        if takes { zipped(c) } else { honest(c).ops() }
    });
    f.add("gzip-forced", "gzip although not asked for", &[PROTOCOL, LENGTH, RIGHT], zipped);
    f.add("encoding-unknown", "a Content-Encoding nobody knows", &[PROTOCOL, RIGHT], |c| {
        vec![whole(c).head.with("Content-Encoding", "x-none").op(), Op::Body(0, c.size)]
    });
    f.add("encoding-identity", "Content-Encoding: identity", &[RIGHT], |c| {
        vec![whole(c).head.with("Content-Encoding", "identity").op(), Op::Body(0, c.size)]
    });
}

fn zipped(ctx: &Ctx) -> Vec<Op> {
    let head = whole(ctx).head.set("Content-Length", gzip_length(ctx.size)).with("Content-Encoding", "gzip");
    vec![head.op(), Op::Gzip]
}
