// SPDX-License-Identifier: MIT OR Apache-2.0
//! Resumed downloads: the first answer breaks off after a third, the next ones lie about what they continue.

use super::{Case, DIGEST, Family, RANGE, RIGHT, STATUS, UNAVAILABLE, after_cut};
use crate::faults::plan::{Ctx, Head, Honest, Op, honest, part, text, whole};

/// The family.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("range");
    f.add("resume", "breaks off after a third, then honest", &[RIGHT], |c| after_cut(c, |c| honest(c).ops()));
    f.add("resume-always", "breaks off after a third of the size each time", &[RIGHT], |c| {
        honest(c).cut(c.third().max(1))
    });
    f.add("resume-ignored", "breaks off after a third, then 200 with everything", &[RIGHT], |c| {
        after_cut(c, |c| whole(c).ops())
    });
    f.add(
        "resume-ignored-always",
        "200 to everything, always broken off after a third: never complete",
        &[UNAVAILABLE],
        |c| whole(c).cut(c.third()),
    );
    f.add("resume-no-validators", "as resume, without ETag and Last-Modified", &[RIGHT], |c| {
        bend(c, |h| h.without("ETag").without("Last-Modified"))
    });
    f.add("resume-last-modified", "as resume, with Last-Modified alone", &[RIGHT], |c| {
        bend(c, |h| h.without("ETag"))
    });
    f.add("resume-weak-etag", "as resume, with a weak ETag", &[RIGHT], |c| {
        let tag = format!("W/{}", c.etag());
        bend(c, move |h| h.set("ETag", tag))
    });
    f.add("resume-no-accept-ranges", "as resume, with Accept-Ranges: none", &[RIGHT], |c| {
        bend(c, |h| h.set("Accept-Ranges", "none"))
    });
    changed(&mut f);
    lies(&mut f);
    not_satisfiable(&mut f);
    useless(&mut f);
    f.cases
}

/// As `resume`, with every head changed.
fn bend(ctx: &Ctx, change: impl FnOnce(Head) -> Head) -> Vec<Op> {
    let Honest { head, from, len } = honest(ctx);
    let len = if ctx.attempt == 1 { len.min(ctx.third()) } else { len };
    vec![change(head).op(), Op::Body(from, len)]
}

fn changed(f: &mut Family) {
    f.add("etag-changed", "breaks off; then another ETag and 200, as If-Range demands", &[RIGHT], |c| {
        after_cut(c, |c| vec![whole(c).head.set("ETag", "\"new\"").op(), Op::Body(0, c.size)])
    });
    f.add(
        "etag-changed-206",
        "breaks off; then 206 with another ETag, the bytes right",
        &[RIGHT, RANGE],
        |c| {
            after_cut(c, |c| {
                let honest = part(c, c.start(), c.size.saturating_sub(1));
                vec![honest.head.set("ETag", "\"new\"").op(), Op::Body(honest.from, honest.len)]
            })
        },
    );
    f.add(
        "image-changed-206",
        "breaks off; then 206 with the bytes of another image",
        &[DIGEST, RIGHT],
        |c| {
            after_cut(c, |c| {
                if !c.has_range() {
                    return honest(c).ops();
                }
                let honest = part(c, c.start(), c.size.saturating_sub(1));
                // The other image is this one, one byte on.
                vec![honest.head.op(), Op::Body(honest.from + 1, honest.len)]
            })
        },
    );
    f.add("etag-changes-always", "every answer has another ETag; If-Range never matches", &[RIGHT], |c| {
        let tag = format!("\"{}\"", c.attempt);
        let len = if c.attempt == 1 { c.third() } else { c.size };
        vec![whole(c).head.set("ETag", tag).op(), Op::Body(0, len)]
    });
}

/// Answers to a Range request whose Content-Range is not what was asked for. Without a Range all are honest.
fn lies(f: &mut Family) {
    type Lie = fn(&Ctx, u64, u64) -> (String, u64, u64);
    let lies: [(&str, &str, &[&str], Lie); 11] = [
        ("range-earlier", "206 that begins 100 bytes earlier, and says so", &[RIGHT, RANGE], |c, s, e| {
            let s = s.saturating_sub(100);
            (format!("bytes {s}-{e}/{}", c.size), s, e)
        }),
        ("range-later", "206 that begins 100 bytes later, and says so", &[RIGHT, RANGE], |c, s, e| {
            let s = (s + 100).min(e);
            (format!("bytes {s}-{e}/{}", c.size), s, e)
        }),
        ("range-from-zero", "206 with everything, and says so", &[RIGHT, RANGE], |c, _, e| {
            (format!("bytes 0-{e}/{}", c.size), 0, e)
        }),
        ("range-lie-zero", "206 that names the right start but sends from 0", &[DIGEST, RIGHT], |c, s, e| {
            (format!("bytes {s}-{e}/{}", c.size), 0, e.saturating_sub(s))
        }),
        ("range-total-larger", "206 whose total has grown by one", &[RIGHT, RANGE], |c, s, e| {
            (format!("bytes {s}-{e}/{}", c.size.saturating_add(1)), s, e)
        }),
        ("range-total-smaller", "206 whose total has shrunk by one", &[RIGHT, RANGE], |c, s, e| {
            (format!("bytes {s}-{e}/{}", c.size.saturating_sub(1)), s, e)
        }),
        ("range-total-star", "206 whose total is *", &[RIGHT], |_, s, e| (format!("bytes {s}-{e}/*"), s, e)),
        ("range-backwards", "206 whose end is before its start", &[RIGHT, RANGE], |c, s, e| {
            (format!("bytes {e}-{s}/{}", c.size), s, e)
        }),
        ("range-unit", "206 in another unit", &[RIGHT, RANGE], |c, s, e| {
            (format!("items {s}-{e}/{}", c.size), s, e)
        }),
        ("range-garbage", "206 with a Content-Range of nonsense", &[RIGHT, RANGE], |_, s, e| {
            ("bytes".into(), s, e)
        }),
        ("range-overflow", "206 with a start beyond 64 bits", &[RIGHT, RANGE], |c, s, e| {
            (format!("bytes 18446744073709551616-{e}/{}", c.size), s, e)
        }),
    ];
    for (name, about, expect, lie) in lies {
        f.add(name, format!("breaks off; then {about}"), expect, move |c| {
            resumed(c, |c, s, e| {
                let (value, s, e) = lie(c, s, e);
                let honest = part(c, s, e);
                vec![honest.head.set("Content-Range", value).op(), Op::Body(honest.from, honest.len)]
            })
        });
    }
    f.add("range-missing", "breaks off; then 206 without Content-Range", &[RIGHT, RANGE], |c| {
        resumed(c, |c, s, e| {
            let honest = part(c, s, e);
            vec![honest.head.without("Content-Range").op(), Op::Body(honest.from, honest.len)]
        })
    });
    f.add("range-twice", "breaks off; then 206 with two different Content-Range", &[RIGHT, RANGE], |c| {
        resumed(c, |c, s, e| {
            let head = part(c, s, e).head.with("Content-Range", format!("bytes 0-{e}/{}", c.size));
            vec![head.op(), Op::Body(s, (e + 1).saturating_sub(s))]
        })
    });
    f.add("range-shorter", "breaks off; then 206 parts of at most a third", &[RIGHT], |c| {
        resumed(c, |c, s, e| part(c, s, e.min(s.saturating_add(c.third().max(1) - 1))).ops())
    });
    f.add(
        "range-short-body",
        "breaks off; then 206 whose body ends early, as the first did",
        &[RIGHT],
        |c| resumed(c, |c, s, e| part(c, s, e).cut(c.third().max(1))),
    );
    f.add("range-multipart", "breaks off; then 206 as multipart/byteranges", &[RIGHT, RANGE], |c| {
        resumed(c, multipart)
    });
}

/// Parts that are of no use each time, and pages of others in between. Without a Range all is honest.
fn useless(f: &mut Family) {
    f.add("useless-later", "breaks off; then each 206 begins 1 byte later", &[RIGHT], |c| {
        resumed(c, |c, s, e| part(c, (s + 1).min(e), e).ops())
    });
    f.add("useless-empty", "breaks off; then each 206 closes before its first byte", &[RIGHT], |c| {
        resumed(c, |c, s, e| part(c, s, e).cut(0))
    });
    f.add("useless-total", "breaks off; then each 206 has another total", &[RIGHT], |c| {
        resumed(c, |c, s, e| {
            let honest = part(c, s, e);
            let value = format!("bytes {s}-{e}/{}", c.size.saturating_add(9));
            vec![honest.head.set("Content-Range", value).op(), Op::Body(honest.from, honest.len)]
        })
    });
    f.add("useless-500", "breaks off; then 500 to each Range", &[RIGHT], |c| {
        resumed(c, |_, _, _| vec![Head::status(500).with("Content-Length", 0).op()])
    });
    for code in [400, 401, 403, 404, 412] {
        f.add(
            format!("range-{code}-mid"),
            format!("breaks off; then {code} to each Range, and honest without"),
            &[RIGHT],
            move |c| resumed(c, |_, _, _| text(code, "<html>no</html>\n")),
        );
        f.add(
            format!("range-{code}-once-mid"),
            format!("breaks off; then once {code}; then honest"),
            &[RIGHT],
            move |c| foreign(c, text(code, "<html>log in</html>\n")),
        );
    }
    f.add(
        "range-portal",
        "breaks off; then a redirect to a page to each Range, and honest without",
        &[RIGHT],
        |c| resumed(c, |c, _, _| vec![Head::status(302).with("Location", c.path_of("200-html")).op()]),
    );
    f.add("range-equals", "breaks off; then 206 with Content-Range: bytes=…", &[RIGHT], |c| {
        resumed(c, |c, s, e| {
            let honest = part(c, s, e);
            let value = format!("bytes={s}-{e}/{}", c.size);
            vec![honest.head.set("Content-Range", value).op(), Op::Body(honest.from, honest.len)]
        })
    });
    f.add(
        "range-content-range-twice",
        "breaks off; then 206 with the same Content-Range twice",
        &[RIGHT],
        |c| {
            resumed(c, |c, s, e| {
                let honest = part(c, s, e);
                let value = format!("bytes {s}-{e}/{}", c.size);
                vec![honest.head.with("Content-Range", value).op(), Op::Body(honest.from, honest.len)]
            })
        },
    );
    f.add("portal-mid", "breaks off; then once a page of 20 bytes; then honest", &[RIGHT], |c| {
        foreign(
            c,
            vec![
                Head::status(200).with("Content-Length", 20).op(),
                Op::Bytes(b"<html>log in</html>\n".into()),
            ],
        )
    });
    f.add("portal-redirect-mid", "breaks off; then once a redirect to nowhere; then honest", &[RIGHT], |c| {
        foreign(c, vec![Head::status(302).with("Content-Length", 0).op()])
    });
    f.add("portal-gzip-mid", "breaks off; then once a compressed page; then honest", &[RIGHT], |c| {
        let head = Head::status(200).with("Content-Length", 4).with("Content-Encoding", "gzip");
        foreign(c, vec![head.op(), Op::Bytes(b"page".into())])
    });
    f.add(
        "stale-edge",
        "another image of that size, breaks off; then the right one, whatever is asked for",
        &[RIGHT, DIGEST],
        |c| {
            if c.attempt > 1 {
                return whole(c).ops();
            }
            // The other image is this one, one byte on.
            vec![whole(c).head.set("ETag", "\"old\"").op(), Op::Body(1, c.third())]
        },
    );
    f.add(
        "modified-206",
        "breaks off, with Last-Modified alone; then 206 with a later one, the bytes right",
        &[RIGHT, RANGE],
        |c| {
            after_cut_dated(c, "Mon, 01 Jan 2024 00:00:00 GMT", |c| {
                let honest = part(c, c.start(), c.size.saturating_sub(1));
                let head = honest.head.without("ETag").set("Last-Modified", "Tue, 02 Jan 2024 00:00:00 GMT");
                vec![head.op(), Op::Body(honest.from, honest.len)]
            })
        },
    );
    f.add(
        "if-range-close-date",
        "breaks off, with Last-Modified equal to Date; a date in If-Range gets 400",
        &[RIGHT],
        |c| no_date_in_if_range(c, |head| head.without("ETag").set("Last-Modified", NOW).set("Date", NOW)),
    );
    f.add("if-range-weak", "breaks off, with a weak ETag; any If-Range gets 400", &[RIGHT], |c| {
        no_date_in_if_range(c, |head| head.set("ETag", "W/\"w\""))
    });
}

const NOW: &str = "Sat, 28 Nov 2026 10:00:00 GMT";

fn no_date_in_if_range(ctx: &Ctx, change: impl Fn(Head) -> Head) -> Vec<Op> {
    if ctx.request.header("If-Range").is_some() {
        return vec![Head::status(400).with("Content-Length", 0).op()];
    }
    let Honest { head, from, len } = honest(ctx);
    let len = if ctx.attempt == 1 { len.min(ctx.third()) } else { len };
    vec![change(head).op(), Op::Body(from, len)]
}

fn after_cut_dated(ctx: &Ctx, date: &str, later: impl FnOnce(&Ctx) -> Vec<Op>) -> Vec<Op> {
    if ctx.attempt > 1 {
        return later(ctx);
    }
    let head = whole(ctx).head.without("ETag").set("Last-Modified", date).set("Date", NOW);
    vec![head.op(), Op::Body(0, ctx.third())]
}

/// The first answer is cut, the second one somebody else's.
fn foreign(ctx: &Ctx, page: Vec<Op>) -> Vec<Op> {
    match ctx.attempt {
        1 => honest(ctx).cut(ctx.third()),
        2 => page,
        _ => honest(ctx).ops(),
    }
}

/// The first answer is cut; a request with Range gets what `make` gives for its start and the last byte.
fn resumed(ctx: &Ctx, make: impl FnOnce(&Ctx, u64, u64) -> Vec<Op>) -> Vec<Op> {
    after_cut(
        ctx,
        |c| if c.has_range() { make(c, c.start(), c.size.saturating_sub(1)) } else { honest(c).ops() },
    )
}

fn multipart(ctx: &Ctx, start: u64, end: u64) -> Vec<Op> {
    let len = (end + 1).saturating_sub(start);
    let before = format!("\r\n--cut\r\nContent-Range: bytes {start}-{end}/{}\r\n\r\n", ctx.size);
    let after = "\r\n--cut--\r\n";
    let total = len.saturating_add((before.len() + after.len()) as u64);
    let head = part(ctx, start, end).head.without("Content-Range");
    let head = head.set("Content-Type", "multipart/byteranges; boundary=cut").set("Content-Length", total);
    vec![head.op(), Op::Bytes(before.into()), Op::Body(start, len), Op::Bytes(after.into())]
}

fn not_satisfiable(f: &mut Family) {
    type Total = fn(&Ctx) -> Option<u64>;
    let totals: [(&str, &str, Total); 4] = [
        ("416-total", "the right total", |c| Some(c.size)),
        ("416-have", "a total of what the client has", |c| Some(c.start())),
        ("416-less", "a total less than what the client has", |c| Some(c.start() / 2)),
        ("416-bare", "no Content-Range", |_| None),
    ];
    for (name, about, total) in totals {
        let about = format!("breaks off; then 416 to every Range, with {about}");
        f.add(name, about, &[RIGHT, RANGE], move |c| resumed(c, |c, _, _| refuse(total(c))));
    }
    f.add("416-always", "416 to every request", &[STATUS, RANGE], |c| refuse(Some(c.size)));
}

fn refuse(total: Option<u64>) -> Vec<Op> {
    let head = Head::status(416).with("Content-Length", 0).with("Connection", "close");
    let head = match total {
        Some(total) => head.with("Content-Range", format!("bytes */{total}")),
        None => head,
    };
    vec![head.op()]
}
