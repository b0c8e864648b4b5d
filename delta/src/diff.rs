// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds where the new image resembles the old one, as bsdiff does (Colin Percival, "Naive differences of executable code",
//! 2003): stretches that are equal but for a few bytes, such as code whose addresses have moved.

use crate::sort::suffixes;

/// A stretch of the new image that is like one of the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where it begins in the new image.
    pub new: usize,
    /// Where its like begins in the old one.
    pub old: usize,
    /// Bytes.
    pub len: usize,
}

/// No match is looked at for longer: enough to tell which is best.
const LONGEST: usize = 1 << 14;
/// Where the present alignment goes on without a difference for so long, no better one is looked for.
const GOOD: usize = 12;

/// The old image, sorted.
pub struct Base<'a> {
    bytes: &'a [u8],
    suffixes: Vec<u32>,
}

impl<'a> Base<'a> {
    /// Sorts the suffixes of the old image, which is shorter than 4 GiB.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, suffixes: suffixes(bytes) }
    }

    fn from(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Position and length of the longest match of the front of `wanted`.
    fn longest(&self, wanted: &[u8]) -> (usize, usize) {
        let wanted = wanted.get(..LONGEST).unwrap_or(wanted);
        let above = self.suffixes.partition_point(|at| {
            let suffix = self.from(*at as usize);
            suffix.get(..LONGEST).unwrap_or(suffix) < wanted
        });
        let near = [above.checked_sub(1), Some(above)].into_iter().flatten();
        near.filter_map(|index| self.suffixes.get(index))
            .map(|at| (*at as usize, common(self.from(*at as usize), wanted)))
            .max_by_key(|(_, len)| *len)
            .unwrap_or_default()
    }

    /// The stretches of `new`, in order and apart. A new alignment has to match so many bytes more than the present one
    /// (`gain`, 8 in bsdiff).
    pub fn copies(&self, new: &[u8], gain: usize) -> Vec<Copy> {
        let mut copies = Vec::new();
        // The stretch that is being followed, whose length is not known yet.
        let mut open = Copy { new: 0, old: 0, len: 0 };
        let mut at = 0;
        while at < new.len() {
            let rest = new.get(at..).unwrap_or_default();
            let here = self.from(open.old.saturating_add(at - open.new));
            let equal = common(here, rest.get(..LONGEST).unwrap_or(rest));
            if equal >= GOOD {
                at += equal;
                continue;
            }
            let (old, len) = self.longest(rest);
            let present = here.iter().zip(rest).take(len).filter(|(a, b)| a == b).count();
            if len <= present.saturating_add(gain) {
                at += 1;
                continue;
            }
            let next = Copy { new: at, old, len };
            let (closed, opened) = self.between(new, open, next);
            if closed.len > 0 {
                copies.push(closed);
            }
            open = opened;
            at += len;
        }
        let (closed, _) = self.between(new, open, Copy { new: new.len(), old: 0, len: 0 });
        if closed.len > 0 {
            copies.push(closed);
        }
        copies
    }

    /// Extends `open` forward and `next` backward as long as more than half of the bytes are equal; where both want the
    /// same bytes, each gets those that fit it better.
    fn between(&self, new: &[u8], open: Copy, next: Copy) -> (Copy, Copy) {
        let gap = next.new.saturating_sub(open.new);
        let wanted = new.get(open.new..next.new).unwrap_or_default();
        let forward = best(wanted.iter().zip(self.from(open.old)));
        let before = self.bytes.get(..next.old).unwrap_or_default();
        let backward = match next.len {
            0 => 0,
            _ => best(wanted.iter().rev().zip(before.iter().rev())),
        };
        let overlap = (forward + backward).saturating_sub(gap);
        let (mut score, mut top, mut kept) = (0i64, 0i64, 0);
        for index in 0..overlap {
            let place = forward - overlap + index;
            let byte = wanted.get(place);
            score += i64::from(byte == self.bytes.get(open.old + place));
            score -= i64::from(byte == self.bytes.get((next.old + place).wrapping_sub(gap)));
            if score > top {
                (top, kept) = (score, index + 1);
            }
        }
        let forward = forward - overlap + kept;
        let backward = backward - kept.min(backward);
        let closed = Copy { len: forward, ..open };
        (closed, Copy { new: next.new - backward, old: next.old - backward, len: next.len + backward })
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The length at which twice the equal bytes exceed all bytes by the most.
fn best<'b>(pairs: impl Iterator<Item = (&'b u8, &'b u8)>) -> usize {
    let (mut score, mut top, mut len) = (0i64, 0i64, 0);
    for (index, (a, b)) in pairs.enumerate() {
        score += if a == b { 1 } else { -1 };
        if score > top {
            (top, len) = (score, index + 1);
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn stretches_are_found_in_spite_of_single_bytes() {
        let old = text(4000, 1);
        let mut new = [&old[1000..2000], &text(50, 2), &old[200..900], &old[3000..]].concat();
        for at in (0..1000).step_by(40) {
            new[at] ^= 1;
        }
        let copies = Base::new(&old).copies(&new, 8);
        let about = |copy: &Copy, new: usize, old: usize, len: usize| {
            copy.new.abs_diff(new) < 4 && copy.old.abs_diff(old) < 4 && copy.len.abs_diff(len) < 8
        };
        assert_eq!(copies.len(), 3, "{copies:?}");
        assert!(about(&copies[0], 0, 1000, 1000), "{copies:?}");
        assert!(about(&copies[1], 1050, 200, 700), "{copies:?}");
        assert!(about(&copies[2], 1750, 3000, 1000), "{copies:?}");
    }

    #[test]
    fn stretches_are_in_order_and_inside_both_images() {
        for seed in 0..60 {
            let old: Vec<u8> = text(700, seed).iter().map(|byte| byte % 3).collect();
            let new: Vec<u8> = text(900, seed + 99).iter().map(|byte| byte % 3).collect();
            let mut end = 0;
            for copy in Base::new(&old).copies(&new, 2) {
                assert!(copy.new >= end && copy.len > 0, "{seed} {copy:?}");
                end = copy.new + copy.len;
                assert!(end <= new.len() && copy.old + copy.len <= old.len(), "{seed} {copy:?}");
            }
        }
    }

    #[test]
    fn long_runs_take_no_time() {
        let old = vec![0xFF; 300_000];
        let mut new = vec![0xFF; 299_000];
        new.extend(text(500, 3));
        new.extend(vec![0xFF; 150_000]);
        let copies = Base::new(&old).copies(&new, 8);
        let copied: usize = copies.iter().map(|copy| copy.len).sum();
        assert!(copied >= 449_000 - 8, "{copies:?}");
    }
}
