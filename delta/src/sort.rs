// SPDX-License-Identifier: MIT OR Apache-2.0
//! A suffix array by induced sorting (SA-IS: Nong, Zhang and Chan, 2009), in linear time and without `unsafe`.
//!
//! At its peak it holds about 15 bytes for each byte of the text, the array itself (4) among them.

// Every index comes from the arrays' own lengths, none from outside; texts of all shapes are tested.
#![allow(clippy::indexing_slicing)]

/// No position.
const NONE: u32 = u32::MAX;

/// A letter of a text, as a number from 0 on.
trait Letter: Copy + Ord {
    fn number(self) -> usize;
}

impl Letter for u8 {
    fn number(self) -> usize {
        usize::from(self)
    }
}

impl Letter for u32 {
    fn number(self) -> usize {
        self as usize
    }
}

/// The positions of `text` in the order of the suffixes that begin there. The text is shorter than 4 GiB.
pub fn suffixes(text: &[u8]) -> Vec<u32> {
    sorted(text, 256)
}

/// Where the letters' buckets begin.
struct Buckets {
    /// Of the suffixes that are greater than the next one, and of all with this letter.
    large: Vec<u32>,
    /// Of those that are smaller than the next one, behind them.
    small: Vec<u32>,
}

impl Buckets {
    fn of<L: Letter>(text: &[L], is_small: &[bool], letters: usize) -> Self {
        let (mut large, mut small) = (vec![0u32; letters + 1], vec![0u32; letters]);
        for (letter, is_small) in text.iter().zip(is_small) {
            if !is_small {
                small[letter.number()] += 1;
            }
            large[letter.number() + 1] += 1;
        }
        for number in 0..letters {
            large[number + 1] += large[number];
            small[number] += large[number];
        }
        Self { large, small }
    }
}

fn sorted<L: Letter>(text: &[L], letters: usize) -> Vec<u32> {
    let len = text.len();
    if len < 2 {
        return (0..len as u32).collect();
    }
    // A suffix is small when it is less than the one behind it.
    let mut is_small = vec![false; len];
    for at in (0..len - 1).rev() {
        is_small[at] = if text[at] == text[at + 1] { is_small[at + 1] } else { text[at] < text[at + 1] };
    }
    let buckets = Buckets::of(text, &is_small, letters);
    // The leftmost of each run of small ones: from their order that of all others follows.
    let leftmost: Vec<u32> =
        (1..len).filter(|at| is_small[*at] && !is_small[at - 1]).map(|at| at as u32).collect();
    let order = induced(text, &is_small, &buckets, &leftmost);
    if leftmost.is_empty() {
        return order;
    }
    let (names, count) = named(text, &order, &leftmost);
    drop(order);
    // Where all names differ they are the order.
    let inner = if count == names.len() { inverse(&names) } else { sorted(&names, count) };
    drop(names);
    let ordered: Vec<u32> = inner.into_iter().map(|number| leftmost[number as usize]).collect();
    drop(leftmost);
    induced(text, &is_small, &buckets, &ordered)
}

fn inverse(names: &[u32]) -> Vec<u32> {
    let mut order = vec![0; names.len()];
    for (place, name) in names.iter().enumerate() {
        order[*name as usize] = place as u32;
    }
    order
}

/// The order of all suffixes that follows from the order of the leftmost ones.
fn induced<L: Letter>(text: &[L], is_small: &[bool], buckets: &Buckets, leftmost: &[u32]) -> Vec<u32> {
    let len = text.len();
    let mut order = vec![NONE; len];
    let mut next = buckets.small.clone();
    for at in leftmost {
        let place = &mut next[text[*at as usize].number()];
        order[*place as usize] = *at;
        *place += 1;
    }
    next.copy_from_slice(&buckets.large[..buckets.small.len()]);
    let place = &mut next[text[len - 1].number()];
    order[*place as usize] = len as u32 - 1;
    *place += 1;
    for index in 0..len {
        let at = order[index];
        if at != NONE && at > 0 && !is_small[at as usize - 1] {
            let place = &mut next[text[at as usize - 1].number()];
            order[*place as usize] = at - 1;
            *place += 1;
        }
    }
    next.copy_from_slice(&buckets.large[1..]);
    for index in (0..len).rev() {
        let at = order[index];
        if at != NONE && at > 0 && is_small[at as usize - 1] {
            let place = &mut next[text[at as usize - 1].number()];
            *place -= 1;
            order[*place as usize] = at - 1;
        }
    }
    order
}

/// Gives each leftmost suffix, in the order of the text, a number: equal ones as far as the next leftmost have the same one.
/// Also how many numbers there are.
fn named<L: Letter>(text: &[L], order: &[u32], leftmost: &[u32]) -> (Vec<u32>, usize) {
    let mut number_of = vec![NONE; text.len()];
    for (number, at) in leftmost.iter().enumerate() {
        number_of[*at as usize] = number as u32;
    }
    let piece = |number: u32| {
        let start = leftmost[number as usize] as usize;
        // Up to the next leftmost one and with its first letter; the last one has nothing behind it, which differs from all.
        let end = leftmost.get(number as usize + 1).map(|end| *end as usize + 1);
        (&text[start..end.unwrap_or(text.len())], end.is_some())
    };
    let mut names = vec![0; leftmost.len()];
    let (mut count, mut before) = (0usize, None);
    for at in order {
        let number = number_of[*at as usize];
        if number == NONE {
            continue;
        }
        if before.is_none_or(|before| piece(before) != piece(number)) {
            count += 1;
        }
        names[number as usize] = count as u32 - 1;
        before = Some(number);
    }
    (names, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8]) {
        let mut plain: Vec<u32> = (0..text.len() as u32).collect();
        plain.sort_by_key(|at| &text[*at as usize..]);
        assert_eq!(suffixes(text), plain, "{text:?}");
    }

    #[test]
    fn as_by_comparing() {
        for text in
            [&b""[..], b"a", b"ab", b"ba", b"aa", b"banana", b"mississippi", b"abracadabra", &[0; 300]]
        {
            check(text);
        }
        // Every text of three letters up to seven long.
        for len in 1..8 {
            for number in 0..3u32.pow(len) {
                check(&(0..len).map(|at| (number / 3u32.pow(at) % 3) as u8).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn as_by_comparing_at_random() {
        let mut state = 1u64;
        for case in 0..300u64 {
            let letters = [2, 4, 256][case as usize % 3];
            let text: Vec<u8> = (0..case * 5)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ((state >> 33) % letters) as u8
                })
                .collect();
            check(&text);
            check(&text.repeat(3));
        }
    }
}
