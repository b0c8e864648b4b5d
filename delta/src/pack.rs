// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes blocks: stretches cut at the blocks' borders, as records, compressed.

use std::io::{self, Write as _};

use lzma_rust2::{EncodeMode, Lzma2Options, Lzma2Writer, LzmaOptions, MfType};
use otakit_core::delta::{Crc32, Varint, zigzag};

use crate::diff::Copy;

/// Stretches of fewer bytes are cheaper as new bytes.
const SHORTEST: usize = 8;

/// A block as it is in the package.
pub struct Block {
    /// Packed bytes.
    pub packed: Vec<u8>,
    /// CRC-32 of what it makes.
    pub crc: u32,
}

/// Makes one block out of `new[start..end]`, by whichever of `choices` makes it smallest.
pub fn block(
    old: &[u8],
    new: &[u8],
    (start, end): (usize, usize),
    choices: &[Vec<Copy>],
    dictionary: u32,
) -> io::Result<Block> {
    let wanted = new.get(start..end).unwrap_or_default();
    let mut best = compress(&records(old, new, (start, end), &[]), dictionary)?;
    let mut tried: Vec<&[Copy]> = Vec::new();
    for copies in choices {
        let here = within(copies, start, end);
        if tried.contains(&here) || here.is_empty() {
            continue;
        }
        tried.push(here);
        let packed = compress(&records(old, new, (start, end), here), dictionary)?;
        if packed.len() < best.len() {
            best = packed;
        }
    }
    Ok(Block { packed: best, crc: Crc32::of(wanted) })
}

/// The stretches that have bytes between `start` and `end`.
fn within(copies: &[Copy], start: usize, end: usize) -> &[Copy] {
    let first = copies.partition_point(|copy| copy.new + copy.len <= start);
    let last = copies.partition_point(|copy| copy.new < end);
    copies.get(first..last).unwrap_or_default()
}

/// The records of a block.
fn records(old: &[u8], new: &[u8], (start, end): (usize, usize), copies: &[Copy]) -> Vec<u8> {
    let mut out = Vec::with_capacity(end - start + 64);
    let (mut at, mut base) = (start, start.min(old.len()));
    for copy in copies {
        let from = copy.new.max(start);
        let to = (copy.new + copy.len).min(end);
        if to.saturating_sub(from) < SHORTEST {
            continue;
        }
        insert(&mut out, new.get(at..from).unwrap_or_default());
        let source = copy.old + (from - copy.new);
        let len = to - from;
        out.extend(Varint::bytes((len as u64) << 1));
        out.extend(Varint::bytes(zigzag(source as i64 - base as i64)));
        let pairs = new.iter().skip(from).take(len).zip(old.iter().skip(source));
        out.extend(pairs.map(|(new, old)| new.wrapping_sub(*old)));
        (at, base) = (to, source + len);
    }
    insert(&mut out, new.get(at..end).unwrap_or_default());
    out
}

fn insert(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.extend(Varint::bytes((bytes.len() as u64) << 1 | 1));
        out.extend_from_slice(bytes);
    }
}

/// LZMA2 as the format has it: no context bits, a small dictionary.
pub fn compress(bytes: &[u8], dictionary: u32) -> io::Result<Vec<u8>> {
    let lzma_options = LzmaOptions {
        dict_size: dictionary,
        lc: 0,
        lp: 0,
        pb: 0,
        mode: EncodeMode::Normal,
        nice_len: LzmaOptions::NICE_LEN_MAX,
        mf: MfType::Bt4,
        depth_limit: 0,
        preset_dict: None,
    };
    write(bytes, lzma_options)
}

/// How long the image is when it is compressed without a base, with xz's best settings and a dictionary of up to 8 MiB.
pub fn full(bytes: &[u8]) -> io::Result<u64> {
    let mut lzma_options = LzmaOptions::with_preset(9);
    lzma_options.nice_len = LzmaOptions::NICE_LEN_MAX;
    let whole = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    lzma_options.dict_size = whole.clamp(1 << 12, 8 << 20);
    Ok(write(bytes, lzma_options)?.len() as u64)
}

fn write(bytes: &[u8], lzma_options: LzmaOptions) -> io::Result<Vec<u8>> {
    let options = Lzma2Options { lzma_options, chunk_size: None };
    let mut writer = Lzma2Writer::new(Vec::new(), options);
    writer.write_all(bytes)?;
    writer.finish()
}
