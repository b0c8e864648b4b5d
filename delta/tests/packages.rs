// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages that were made here, held against a second way to apply them that shares nothing with the first but the format:
//! whole images in memory, and the decompressor of the crate that compresses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // What fails here fails the test.

mod common;

use common::{Dice, changed, image};
use lzma_rust2::Lzma2Reader;
use otakit_core::delta::{Apply, Crc32, DeltaError, HEADER_LEN, Header, Point, Step};
use otakit_delta::{Options, apply_in_memory, make};
use std::io::Read;

fn small(block_log2: u8, dictionary_log2: u8) -> Options {
    Options { block_log2, dictionary_log2 }
}

fn package(old: &[u8], new: &[u8], options: &Options) -> Vec<u8> {
    make(old, new, options).unwrap().package
}

fn applied(base: &[u8], package: &[u8]) -> Result<Vec<u8>, DeltaError> {
    let mut out = Vec::new();
    apply_in_memory(base, package, |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(out)
}

fn number(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The format as its page describes it, for packages that are right.
fn plainly(base: &[u8], package: &[u8]) -> Vec<u8> {
    let header = Header::parse(package[..HEADER_LEN].try_into().unwrap()).unwrap();
    let mut at = usize::try_from(header.blocks_at()).unwrap();
    let mut out = Vec::new();
    for block in 0..header.blocks() as usize {
        let entry = &package[HEADER_LEN + 8 * block..HEADER_LEN + 8 * block + 8];
        let packed = u32::from_le_bytes(entry[..4].try_into().unwrap()) as usize;
        let mut records = Vec::new();
        let dictionary = 1 << header.dictionary_log2;
        Lzma2Reader::new(&package[at..at + packed], dictionary, None).read_to_end(&mut records).unwrap();
        at += packed;
        let start = out.len();
        let mut position = (block << header.block_log2).min(base.len()) as i64;
        let mut rest = &records[..];
        while !rest.is_empty() {
            let tag = number(&mut rest);
            let len = (tag >> 1) as usize;
            if tag & 1 == 0 {
                let seek = number(&mut rest);
                position += (seek >> 1) as i64 ^ -((seek & 1) as i64);
                let from = &base[position as usize..];
                out.extend(rest[..len].iter().zip(from).map(|(a, b)| a.wrapping_add(*b)));
                position += len as i64;
            } else {
                out.extend_from_slice(&rest[..len]);
            }
            rest = &rest[len..];
        }
        assert_eq!(Crc32::of(&out[start..]).to_le_bytes(), entry[4..]);
    }
    assert_eq!(at, package.len());
    out
}

#[test]
fn both_ways_make_the_new_image() {
    for seed in 1..=12 {
        let mut dice = Dice(seed);
        let old = image(dice.below(200_000), seed);
        let new = changed(&old, seed);
        let options = small(12 + dice.below(5) as u8, 12 + dice.below(5) as u8);
        let package = package(&old, &new, &options);
        assert!(applied(&old, &package).unwrap() == new, "{seed}");
        assert!(plainly(&old, &package) == new, "{seed}");
    }
}

#[test]
fn odd_pairs_make_the_new_image() {
    let (some, other) = (image(30_000, 1), image(30_000, 2));
    let noise: Vec<u8> = (0..70_000).scan(Dice(7), |dice, _| Some((dice.next() >> 30) as u8)).collect();
    let pairs: [(&[u8], &[u8]); 11] = [
        (&[], &[]),
        (&[], &some),
        (&some, &[]),
        (&[1], &[1]),
        (&[1], &[2]),
        (&some, &some),
        (&some, &other),
        (&some, &some[29_000..]),
        (&some[..100], &some),
        (&some, &noise),
        (&noise, &[0; 200_000]),
    ];
    for (old, new) in pairs {
        let package = package(old, new, &small(12, 12));
        assert!(applied(old, &package).unwrap() == new && plainly(old, &package) == new);
    }
    let same = package(&some, &some, &small(16, 13));
    assert!(same.len() < 260, "{}", same.len());
    let worst = package(&some, &noise, &small(12, 12));
    assert!(worst.len() < noise.len() + 160 + noise.len() / 4096 * 40 + 48, "{}", worst.len());
}

/// One piece of `cut` bytes after another; where it is cut the decoder waits.
fn in_pieces(base: &[u8], package: &[u8], cut: usize) -> Vec<u8> {
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let mut machine = Apply::new(header.clone(), vec![0; header.memory()]).unwrap();
    let mut pieces = package[HEADER_LEN..].chunks(cut);
    let (mut out, mut piece): (_, &[u8]) = (Vec::new(), &[]);
    loop {
        match machine.step(&mut piece).unwrap() {
            Step::Package { .. } => piece = pieces.next().unwrap(),
            Step::Base { offset, len } => {
                let at = offset as usize;
                machine.base(&base[at..at + len.min(100_000)]).unwrap();
            }
            Step::Output => out.extend_from_slice(machine.output()),
            Step::Block(_) => {}
            Step::Done => return out,
        }
    }
}

#[test]
fn compressed_chunks_may_be_cut_at_every_byte() {
    let old = image(60_000, 3);
    let new = changed(&old, 3);
    let package = package(&old, &new, &small(14, 12));
    for cut in [1, 2, 5, 19, 20, 21, 255, 256, 257, 4000] {
        assert!(in_pieces(&old, &package, cut) == new, "{cut}");
    }
}

#[test]
fn it_goes_on_after_each_compressed_block() {
    let old = image(100_000, 4);
    let new = changed(&old, 4);
    let package = package(&old, &new, &small(13, 12));
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let run = |mut machine: Apply<Vec<u8>>| {
        let (mut points, mut out, mut piece): (Vec<Point>, _, &[u8]) = (Vec::new(), Vec::new(), &[]);
        loop {
            match machine.step(&mut piece).unwrap() {
                Step::Package { offset } => piece = &package[offset as usize..],
                Step::Base { offset, len } => {
                    machine.base(&old[offset as usize..offset as usize + len]).unwrap();
                }
                Step::Output => out.extend_from_slice(machine.output()),
                Step::Block(point) => points.push(point),
                Step::Done => return (out, points),
            }
        }
    };
    let memory = || vec![0; header.memory()];
    let (out, points) = run(Apply::new(header.clone(), memory()).unwrap());
    assert!(out == new && points.len() == new.len().div_ceil(8192));
    for point in points {
        let kept = new.len().min(point.block() as usize * 8192);
        let point = Point::decode(&point.encode()).unwrap();
        let (rest, _) = run(Apply::resume(header.clone(), point, memory()).unwrap());
        assert!([&new[..kept], &rest].concat() == new, "{kept}");
    }
}

#[test]
fn ten_thousand_single_bit_flips_are_noticed() {
    let old = image(24_000, 5);
    let new = changed(&old, 5);
    let package = package(&old, &new, &small(13, 12));
    let mut dice = Dice(99);
    let mut seen = std::collections::HashMap::new();
    for _ in 0..10_000 {
        let bit = dice.below(package.len() * 8);
        let mut damaged = package.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match applied(&old, &damaged) {
            Ok(out) => panic!("bit {bit} accepted, same: {}", out == new),
            Err(error) => *seen.entry(std::mem::discriminant(&error)).or_insert(0) += 1,
        }
    }
    // The bits are all over the package, and so are the errors.
    assert!(seen.len() >= 8, "{seen:?}");
}

#[test]
fn damaged_bytes_are_noticed() {
    let old = image(20_000, 6);
    let new = changed(&old, 6);
    let package = package(&old, &new, &small(13, 12));
    let mut dice = Dice(5);
    for _ in 0..2000 {
        let mut damaged = package.clone();
        for _ in 0..1 + dice.below(6) {
            let at = HEADER_LEN + dice.below(package.len() - HEADER_LEN);
            damaged[at] = (dice.next() >> 33) as u8;
        }
        if damaged != package {
            assert!(applied(&old, &damaged).is_err());
        }
    }
}
