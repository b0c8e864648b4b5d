// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection itself: cuts, resets, stalls, drips, flipped bits.
//!
//! `?at=N` moves the point of a cut from a third of the image or half of the head, `?seconds=N` changes how long a stall lasts.

use std::time::Duration;

use super::{Case, DIGEST, Family, PROTOCOL, RIGHT, STALL, UNAVAILABLE, first};
use crate::faults::plan::{Ctx, Op, honest, whole};

/// The family.
pub fn cases() -> Vec<Case> {
    let mut f = Family::new("stream");
    before_the_head(&mut f);
    cuts(&mut f);
    stalls(&mut f);
    drips(&mut f);
    flips(&mut f);
    f.cases
}

fn before_the_head(f: &mut Family) {
    f.add("close", "closes after the request, without a byte, always", &[UNAVAILABLE], |_| Vec::new());
    f.add("close-once", "closes without a byte, once", &[RIGHT], |c| first(1, c, |_| Vec::new()));
    f.add("close-three", "closes without a byte, three times", &[RIGHT], |c| first(3, c, |_| Vec::new()));
    f.add("reset", "RST after the request, always", &[UNAVAILABLE], |_| vec![Op::Reset]);
    f.add("reset-once", "RST after the request, once", &[RIGHT], |c| first(1, c, |_| vec![Op::Reset]));
    f.add("close-in-head", "closes within the head, once", &[RIGHT], |c| {
        first(1, c, |c| vec![Op::Bytes(part_of_head(c))])
    });
    f.add("reset-in-head", "RST within the head, once", &[RIGHT], |c| {
        first(1, c, |c| vec![Op::Bytes(part_of_head(c)), Op::Reset])
    });
    f.add("close-in-head-always", "closes within the head, always", &[UNAVAILABLE, PROTOCOL], |c| {
        vec![Op::Bytes(part_of_head(c))]
    });
    f.add("garbage", "bytes that are not HTTP, without a line end", &[PROTOCOL, UNAVAILABLE], |_| {
        vec![Op::Body(0, 2000)]
    });
    f.add("garbage-lines", "lines that are not HTTP", &[PROTOCOL], |_| {
        vec![Op::Bytes(b"220 ftp ready\r\n\r\n".repeat(20))]
    });
    f.add("garbage-once", "bytes that are not HTTP, once", &[RIGHT, PROTOCOL], |c| {
        first(1, c, |_| vec![Op::Body(0, 2000)])
    });
    f.add("garbage-endless", "bytes that are not HTTP, without end", &[PROTOCOL], |_| {
        vec![Op::Body(0, u64::MAX)]
    });
}

/// Half of the head, or its first `?at=` bytes.
fn part_of_head(ctx: &Ctx) -> Vec<u8> {
    let mut bytes = whole(ctx).head.bytes();
    let at = ctx.request.number("at").and_then(|at| usize::try_from(at).ok());
    bytes.truncate(at.unwrap_or(bytes.len() / 2));
    bytes
}

fn cuts(f: &mut Family) {
    f.add("cut", "closes after a third, once", &[RIGHT], |c| first(1, c, |c| whole(c).cut(c.third())));
    f.add("rst", "RST after a third, once", &[RIGHT], |c| first(1, c, reset_after_third));
    f.add("rst-always", "RST after a third of the size, each time; Range honoured", &[RIGHT], |c| {
        let mut ops = honest(c).cut(c.third().max(1));
        ops.push(Op::Reset);
        ops
    });
    f.add("cut-head-only", "closes after the head, once", &[RIGHT], |c| first(1, c, |c| whole(c).cut(0)));
    f.add("cut-first-byte", "closes after one byte of the body, once", &[RIGHT], |c| {
        first(1, c, |c| whole(c).cut(1))
    });
    f.add("cut-last-byte", "closes before the last byte, once", &[RIGHT], |c| {
        first(1, c, |c| whole(c).cut(c.size.saturating_sub(1)))
    });
    f.add("rst-last-byte", "RST before the last byte, once", &[RIGHT], |c| {
        first(1, c, |c| [whole(c).cut(c.size.saturating_sub(1)), vec![Op::Reset]].concat())
    });
    f.add("rst-after-all", "RST after the whole body, at once", &[RIGHT], |c| {
        [honest(c).ops(), vec![Op::Reset]].concat()
    });
    f.add("cut-ten", "ten answers of a twelfth each, then honest", &[RIGHT], |c| {
        first(10, c, |c| honest(c).cut((c.size / 12).max(1)))
    });
    f.add("cut-no-progress", "after a third, no byte of the body any more", &[UNAVAILABLE], |c| {
        if c.attempt == 1 { honest(c).cut(c.third()) } else { honest(c).cut(0) }
    });
}

fn reset_after_third(ctx: &Ctx) -> Vec<Op> {
    [whole(ctx).cut(ctx.third()), vec![Op::Reset]].concat()
}

fn stalls(f: &mut Family) {
    f.add("silent", "5 s of silence before the head", &[RIGHT], |c| {
        [vec![Op::Pause(c.pause(5_000))], honest(c).ops()].concat()
    });
    f.add("silent-once", "silence for ever before the head, once", &[RIGHT], |c| {
        first(1, c, |_| vec![Op::Hang])
    });
    f.add("silent-always", "silence for ever before the head, always", &[STALL, UNAVAILABLE], |_| {
        vec![Op::Hang]
    });
    f.add("stall-in-head", "2 s of silence within the head", &[RIGHT], |c| {
        let answer = honest(c);
        let mut head = answer.head.bytes();
        let rest = head.split_off(head.len() / 2);
        vec![Op::Bytes(head), Op::Pause(c.pause(2_000)), Op::Bytes(rest), Op::Body(answer.from, answer.len)]
    });
    f.add("stall-after-head", "2 s of silence after the head", &[RIGHT], |c| {
        let answer = honest(c);
        vec![answer.head.op(), Op::Pause(c.pause(2_000)), Op::Body(answer.from, answer.len)]
    });
    f.add("stall", "3 s of silence after a third of the body", &[RIGHT], |c| {
        first(1, c, |c| {
            let mut ops = whole(c).cut(c.third());
            ops.extend([Op::Pause(c.pause(3_000)), Op::Body(c.third(), c.size - c.third())]);
            ops
        })
    });
    f.add("stall-long", "20 s of silence after a third of the body, once", &[RIGHT], |c| {
        first(1, c, |c| {
            let mut ops = whole(c).cut(c.third());
            ops.extend([Op::Pause(c.pause(20_000)), Op::Body(c.third(), c.size - c.third())]);
            ops
        })
    });
    f.add("stall-for-ever", "silence for ever after a third, once", &[RIGHT], |c| {
        first(1, c, |c| [whole(c).cut(c.third()), vec![Op::Hang]].concat())
    });
    f.add("stall-last-byte", "silence for ever before the last byte, once", &[RIGHT], |c| {
        first(1, c, |c| [whole(c).cut(c.size.saturating_sub(1)), vec![Op::Hang]].concat())
    });
    f.add("stall-always", "the head, then silence for ever, always", &[STALL, UNAVAILABLE], |c| {
        [honest(c).cut(0), vec![Op::Hang]].concat()
    });
    f.add("stall-end", "everything, then the connection stays open", &[RIGHT], |c| {
        [honest(c).ops(), vec![Op::Hang]].concat()
    });
}

fn drips(f: &mut Family) {
    f.add("drip", "a twentieth of the image every 0.3 s", &[RIGHT], |c| pieces(c, 20, c.pause(300)));
    f.add("drip-bytes", "the first 200 bytes one by one, 5 ms apart", &[RIGHT], |c| {
        let answer = honest(c);
        let n = answer.len.min(200);
        let mut ops = vec![answer.head.op()];
        for i in 0..n {
            ops.extend([Op::Body(answer.from + i, 1), Op::Pause(Duration::from_millis(5))]);
        }
        ops.push(Op::Body(answer.from + n, answer.len - n));
        ops
    });
    f.add("drip-slow", "one byte a second, always", &[STALL, UNAVAILABLE], |c| {
        let answer = honest(c);
        let mut ops = vec![answer.head.op()];
        for i in 0..answer.len.min(600) {
            ops.extend([Op::Body(answer.from + i, 1), Op::Pause(c.pause(1_000))]);
        }
        ops
    });
    f.add("burst", "two halves, 1 s apart", &[RIGHT], |c| pieces(c, 2, c.pause(1_000)));
    f.add("head-and-body-together", "head and first bytes in one packet", &[RIGHT], |c| {
        let answer = honest(c);
        let n = answer.len.min(31);
        let mut bytes = answer.head.bytes();
        let mut body = vec![0; usize::try_from(n).unwrap_or(0)];
        crate::faults::body::fill(c.size, answer.from, &mut body);
        bytes.append(&mut body);
        let rest = Op::Body(answer.from + n, answer.len - n);
        vec![Op::Bytes(bytes), Op::Pause(Duration::from_millis(100)), rest]
    });
}

fn pieces(ctx: &Ctx, count: u64, pause: Duration) -> Vec<Op> {
    let answer = honest(ctx);
    let piece = answer.len.div_ceil(count).max(1);
    let mut ops = vec![answer.head.op()];
    let mut sent = 0;
    while sent < answer.len {
        let n = piece.min(answer.len - sent);
        ops.extend([Op::Body(answer.from + sent, n), Op::Pause(pause)]);
        sent += n;
    }
    ops
}

fn flips(f: &mut Family) {
    for percent in [0, 1, 50, 99] {
        let about = format!("one bit flipped {percent} % into the image, always");
        f.add(format!("flip-{percent}"), about, &[DIGEST], move |c| flipped(c, c.size / 100 * percent));
    }
    f.add("flip-last", "one bit flipped in the last byte, always", &[DIGEST], |c| {
        flipped(c, c.size.saturating_sub(1))
    });
    f.add("flip-once", "one bit flipped in the middle, once", &[DIGEST, RIGHT], |c| {
        first(1, c, |c| flipped(c, c.size / 2))
    });
}

fn flipped(ctx: &Ctx, at: u64) -> Vec<Op> {
    let answer = honest(ctx);
    let end = answer.from + answer.len;
    if !(answer.from..end).contains(&at) {
        return answer.ops();
    }
    let (before, after) = (at - answer.from, end - at - 1);
    vec![answer.head.op(), Op::Body(answer.from, before), Op::Flipped(at), Op::Body(at + 1, after)]
}
