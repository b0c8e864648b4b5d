// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages with stored chunks, written here byte by byte, so that each lie can be told; `delta/tests` has compressed ones.

use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::header::{ENTRY_LEN, HEADER_LEN, Header, Limits, entry};
use super::records::{Varint, zigzag};
use super::{Apply, Crc32, DeltaError, Format, Point, Step};

const BLOCK: usize = 4096;

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Bytes as stored chunks: the first one empties the dictionary.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, chunk) in bytes.chunks(1000).enumerate() {
        out.push(if number == 0 { 1 } else { 2 });
        out.extend(u16::try_from(chunk.len() - 1).unwrap().to_be_bytes());
        out.extend(chunk);
    }
    out.push(0);
    out
}

fn add(base: &[u8], wanted: &[u8], seek: i64) -> Vec<u8> {
    let mut out: Vec<u8> = Varint::bytes((wanted.len() as u64) << 1).collect();
    out.extend(Varint::bytes(zigzag(seek)));
    out.extend(wanted.iter().zip(base).map(|(wanted, base)| wanted.wrapping_sub(*base)));
    out
}

fn insert(wanted: &[u8]) -> Vec<u8> {
    Varint::bytes((wanted.len() as u64) << 1 | 1).chain(wanted.iter().copied()).collect()
}

/// A package of blocks, each with its packed bytes and what it makes.
fn package(base: &[u8], blocks: &[(Vec<u8>, &[u8])]) -> Vec<u8> {
    let index: Vec<u8> = blocks
        .iter()
        .flat_map(|(packed, makes)| entry(u32::try_from(packed.len()).unwrap(), Crc32::of(makes)))
        .collect();
    let result: Vec<u8> = blocks.iter().flat_map(|(_, makes)| makes.iter().copied()).collect();
    let packed: usize = blocks.iter().map(|(packed, _)| packed.len()).sum();
    let header = Header {
        block_log2: 12,
        dictionary_log2: 12,
        base_size: base.len() as u64,
        result_size: result.len() as u64,
        package_size: (HEADER_LEN + index.len() + packed) as u64,
        base: Sha256::digest(base).into(),
        result: Sha256::digest(&result).into(),
        index: Sha256::digest(&index).into(),
    };
    let mut out = [&header.encode()[..], &index].concat();
    blocks.iter().for_each(|(packed, _)| out.extend(packed));
    out
}

/// Three blocks, the last one short: base with differences, new bytes, both in turn.
fn sample() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let base = noise(9000, 1);
    let mut result = base[..2 * BLOCK + 700].to_vec();
    result.iter_mut().step_by(97).for_each(|byte| *byte = byte.wrapping_add(3));
    result[BLOCK..2 * BLOCK].copy_from_slice(&noise(BLOCK, 2));
    let (first, second, third) =
        (&result[..BLOCK], &result[BLOCK..2 * BLOCK], &result[2 * BLOCK..2 * BLOCK + 700]);
    let mixed = [
        add(&base[2 * BLOCK..], &third[..300], 0),
        insert(&third[300..310]),
        add(&base[2 * BLOCK + 310..], &third[310..], 10),
    ];
    let blocks = [
        (stored(&add(&base, first, 0)), first),
        (stored(&insert(second)), second),
        (stored(&mixed.concat()), third),
    ];
    let package = package(&base, &blocks);
    (base, package, result)
}

/// Gives the package in pieces of `cut` bytes, and the base in pieces of up to `most`; what came out, and the points.
fn run(base: &[u8], package: &[u8], cut: usize, most: usize) -> Result<(Vec<u8>, Vec<Point>), DeltaError> {
    let front = package.first_chunk().ok_or(DeltaError::Truncated)?;
    let header = Header::parse(front)?;
    let memory = vec![0; header.memory()];
    drive(Apply::new(header, memory)?, base, package, cut, most)
}

fn drive(
    mut machine: Apply<Vec<u8>>,
    base: &[u8],
    package: &[u8],
    cut: usize,
    most: usize,
) -> Result<(Vec<u8>, Vec<Point>), DeltaError> {
    let (mut out, mut points, mut piece): (_, _, &[u8]) = (Vec::new(), Vec::new(), &[]);
    let mut at = HEADER_LEN;
    loop {
        match machine.step(&mut piece)? {
            Step::Package { offset } => {
                let wanted = usize::try_from(offset).unwrap();
                assert!(wanted == at || points.is_empty(), "one jump, at the start");
                piece = package.get(wanted..package.len().min(wanted + cut)).unwrap_or_default();
                at = wanted + piece.len();
                if piece.is_empty() {
                    machine.end()?;
                }
            }
            Step::Base { offset, len } => {
                let rest = base.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
                machine.base(&rest[..rest.len().min(len).min(most)])?;
            }
            Step::Output => {
                assert!(!machine.output().is_empty());
                out.extend_from_slice(machine.output());
            }
            Step::Block(point) => points.push(point),
            Step::Done => {
                let end = usize::try_from(machine.header().package_size).unwrap();
                piece = package.get(end..).unwrap_or_default();
                machine.step(&mut piece)?;
                return machine.end().map(|()| (out, points));
            }
        }
    }
}

#[test]
fn a_package_is_applied_however_it_is_cut() {
    let (base, package, result) = sample();
    // With pieces of one byte it is cut at every byte.
    for cut in [1, 2, 3, 7, 64, 1000, 1 << 20] {
        for most in [1, 100, 1 << 20] {
            let (out, points) = run(&base, &package, cut, most).unwrap();
            assert!(out == result && points.len() == 3, "{cut} {most}");
        }
    }
    // One cut, at every fifth byte.
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    for cut in (HEADER_LEN..package.len()).step_by(5) {
        let mut machine = Apply::new(header.clone(), vec![0; header.memory()]).unwrap();
        let (mut out, mut pieces) = (Vec::new(), [&package[cut..], &package[HEADER_LEN..cut]].to_vec());
        let mut piece: &[u8] = &[];
        loop {
            match machine.step(&mut piece).unwrap() {
                Step::Package { .. } => piece = pieces.pop().unwrap(),
                Step::Base { offset, len } => {
                    let at = usize::try_from(offset).unwrap();
                    machine.base(&base[at..base.len().min(at + len)]).unwrap();
                }
                Step::Output => out.extend_from_slice(machine.output()),
                Step::Block(_) => {}
                Step::Done => break,
            }
        }
        assert!(out == result, "{cut}");
    }
}

#[test]
fn a_package_that_ends_early_is_never_done() {
    let (base, package, _) = sample();
    for len in (0..400).chain((400..package.len()).step_by(7)) {
        assert_eq!(run(&base, &package[..len], 4096, 4096).err(), Some(DeltaError::Truncated), "{len}");
    }
}

#[test]
fn it_goes_on_after_each_block() {
    let (base, package, result) = sample();
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let (_, points) = run(&base, &package, 100, 100).unwrap();
    for point in points {
        let kept = BLOCK * point.block() as usize;
        let kept = &result[..kept.min(result.len())];
        assert_eq!(point.digest(), <[u8; 32]>::from(Sha256::digest(kept)));
        let point = Point::decode(&point.encode()).unwrap();
        let machine = Apply::resume(header.clone(), point, vec![0; header.memory()]).unwrap();
        let (rest, _) = drive(machine, &base, &package, 333, 4096).unwrap();
        assert!([kept, &rest].concat() == result);
    }
}

#[test]
fn a_point_of_elsewhere_is_refused() {
    let (base, package, _) = sample();
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let (_, points) = run(&base, &package, 100, 100).unwrap();
    let resumed = |point: Point| {
        let machine = Apply::resume(header.clone(), point, vec![0; header.memory()])?;
        drive(machine, &base, &package, 1000, 1000).map(|_| ())
    };
    let other = Point { package: [0; 32], ..points[0].clone() };
    assert_eq!(resumed(other), Err(DeltaError::OtherPackage));
    let beyond = Point { block: 4, ..points[0].clone() };
    assert_eq!(resumed(beyond), Err(DeltaError::ResumePoint));
    for offset in [0, points[0].offset - 1, points[0].offset + 1, u64::MAX] {
        let inside = Point { offset, ..points[0].clone() };
        assert_eq!(resumed(inside), Err(DeltaError::ResumePoint), "{offset}");
    }
    // Right place, wrong digest: of a result that is not there.
    let forged = Point { result: Sha256::new(), ..points[0].clone() };
    assert_eq!(resumed(forged), Err(DeltaError::ResultDigest));
}

#[test]
fn another_base_is_refused_before_any_output() {
    let (base, package, _) = sample();
    assert_eq!(run(&base[..8999], &package, 4096, 4096).err(), Some(DeltaError::BaseShort));
    assert_eq!(run(&[], &package, 4096, 4096).err(), Some(DeltaError::BaseShort));
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    for bit in [0, 8999 * 8 + 7] {
        let mut other = base.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let mut machine = Apply::new(header.clone(), vec![0; header.memory()]).unwrap();
        let mut rest = &package[HEADER_LEN..];
        let error = loop {
            match machine.step(&mut rest) {
                Ok(Step::Base { offset, len }) => {
                    let at = usize::try_from(offset).unwrap();
                    machine.base(&other[at..at + len]).unwrap();
                }
                Ok(step) => panic!("{step:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, DeltaError::BaseDigest);
        // A failure is final.
        assert_eq!(machine.step(&mut rest).err(), Some(DeltaError::BaseDigest));
        assert_eq!((machine.base(&[1]).err(), machine.end().err()), (Some(error), Some(error)));
    }
    // More of it is no harm.
    assert!(run(&[&base[..], &[1, 2, 3]].concat(), &package, 4096, 4096).is_ok());
}

#[test]
fn a_base_that_changes_later_is_noticed() {
    let (base, package, _) = sample();
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let mut machine = Apply::new(header.clone(), vec![0; header.memory()]).unwrap();
    let (mut rest, mut base) = (&package[HEADER_LEN..], base);
    let error = loop {
        match machine.step(&mut rest) {
            Ok(Step::Base { offset, len }) => {
                let at = usize::try_from(offset).unwrap();
                machine.base(&base[at..at + len]).unwrap();
            }
            Ok(Step::Output) => base[2000] ^= 1,
            Ok(step) => panic!("{step:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, DeltaError::BlockChecksum);
}

fn header_with(change: impl FnOnce(&mut [u8])) -> Result<Header, DeltaError> {
    let (_, package, _) = sample();
    let mut front: [u8; HEADER_LEN] = *package.first_chunk().unwrap();
    change(&mut front);
    let sum = Crc32::of(&front[..156]);
    front[156..].copy_from_slice(&sum.to_le_bytes());
    Header::parse(&front)
}

#[test]
fn hostile_headers_are_refused_each_with_its_error() {
    type Change = fn(&mut [u8]);
    let cases: [(Change, DeltaError); 19] = [
        (|h| h[0] = 0x88, DeltaError::NotDelta),
        (|h| h[..8].copy_from_slice(b"BSDIFF40"), DeltaError::Foreign(Format::Bsdiff)),
        (|h| h[8] = 2, DeltaError::Version(2)),
        (|h| h[9] = 1, DeltaError::Kind(1)),
        (|h| h[10] = 0, DeltaError::Codec(0)),
        (|h| h[11] = 2, DeltaError::DigestAlgorithm(2)),
        (|h| h[12] = 161, DeltaError::HeaderLength(161)),
        (|h| h[14] = 11, DeltaError::BlockSize(11)),
        (|h| h[14] = 40, DeltaError::BlockSize(40)),
        (|h| h[15] = 17, DeltaError::DictionarySize(17)),
        (|h| h[31] = 0x80, DeltaError::BlockCount(3)),
        (|h| h[40] = 2, DeltaError::BlockCount(2)),
        (|h| h[44] = 4, DeltaError::Reserved),
        (|h| h[45] = 24, DeltaError::EntryLength(24)),
        (|h| h[46] = 1, DeltaError::Reserved),
        (|h| h[150] = 1, DeltaError::Reserved),
        (|h| h[32..40].fill(0), DeltaError::PackageSize(0)),
        (|h| h[32..40].copy_from_slice(&186u64.to_le_bytes()), DeltaError::PackageSize(186)),
        // 5,000 blocks, and a result that has as many.
        (
            |h| {
                h[24..32].copy_from_slice(&(5000 * 4096u64).to_le_bytes());
                h[40..44].copy_from_slice(&5000u32.to_le_bytes());
            },
            DeltaError::BlockCount(5000),
        ),
    ];
    for (change, error) in cases {
        assert_eq!(header_with(change), Err(error));
    }
    assert!(header_with(|_| {}).is_ok());
    let (_, package, _) = sample();
    let mut front: [u8; HEADER_LEN] = *package.first_chunk().unwrap();
    front[100] ^= 1;
    assert_eq!(Header::parse(&front), Err(DeltaError::HeaderChecksum));
}

#[test]
fn what_is_not_allowed_is_refused() {
    let header = header_with(|_| {}).unwrap();
    let size = header.package_size;
    let limits = Limits { memory: 4096 + 24, result: 8892, package: Some(size) };
    assert_eq!((header.memory(), header.admit(&limits)), (4120, Ok(())));
    let memory = Limits { memory: 4119, ..limits };
    assert_eq!(header.admit(&memory), Err(DeltaError::Memory { needed: 4120 }));
    assert_eq!(header.admit(&Limits { result: 8891, ..limits }), Err(DeltaError::ResultSize(8892)));
    let longer = Limits { package: Some(size + 1), ..limits };
    assert_eq!(header.admit(&longer), Err(DeltaError::PackageSize(size)));
    let refused = Apply::new(header, vec![0; 4119]).err();
    assert_eq!(refused, Some(DeltaError::Memory { needed: 4120 }));
}

/// A package of one block of 100 bytes, the first ones of the base, with whatever packed bytes.
fn hostile(packed: &[u8]) -> Option<DeltaError> {
    let base = noise(500, 3);
    run(&base, &package(&base, &[(packed.to_vec(), &base[..100])]), 4096, 4096).err()
}

#[test]
fn hostile_records_are_refused_each_with_its_error() {
    let base = noise(500, 3);
    let whole = add(&base, &base[..100], 0);
    assert_eq!(hostile(&stored(&whole)), None);
    let record = |bytes: &[u8]| hostile(&stored(bytes));
    assert_eq!(record(&[0, 0]), Some(DeltaError::RecordLength));
    assert_eq!(record(&insert(&[0; 101])), Some(DeltaError::RecordLength));
    assert_eq!(record(&[0xFF; 10]), Some(DeltaError::Varint));
    for seek in [-1, 401, 1 << 54] {
        assert_eq!(record(&add(&base, &base[..100], seek)), Some(DeltaError::Seek), "{seek}");
    }
    assert_eq!(record(&whole[..50]), Some(DeltaError::BlockShort));
    assert_eq!(record(&[&whole[..], &[0]].concat()), Some(DeltaError::BlockLong));
    // A bomb behind a full block is refused at its first byte.
    let bomb = [&stored(&whole)[..whole.len() + 3], &[2, 0xFF, 0xFF]].concat();
    assert_eq!(hostile(&bomb), Some(DeltaError::BlockLong));
    assert_eq!(hostile(&[&stored(&whole)[..], &[0]].concat()), Some(DeltaError::BlockPacked));
    assert_eq!(hostile(&stored(&whole)[..50]), Some(DeltaError::BlockPacked));
    assert_eq!(hostile(&stored(&whole)[..whole.len() + 3]), Some(DeltaError::BlockPacked));
    assert_eq!(hostile(&[0]), Some(DeltaError::BlockShort));
}

#[test]
fn hostile_chunks_are_refused_each_with_its_error() {
    let base = noise(500, 3);
    let whole = add(&base, &base[..100], 0);
    for control in [3, 0x7F] {
        assert_eq!(hostile(&[control, 0, 0]), Some(DeltaError::Control(control)));
    }
    for control in [2, 0x80, 0xA0, 0xC0] {
        assert_eq!(hostile(&[control, 0, 0]), Some(DeltaError::DictionaryReset), "{control}");
    }
    let again = [&stored(&whole)[..whole.len() + 3], &[1, 0, 0]].concat();
    assert_eq!(hostile(&again), Some(DeltaError::DictionaryReset));
    // Compressed without properties before; with others than the format's (lc 4).
    let front = [1, 0, 0, 200];
    assert_eq!(hostile(&[&front[..], &[0xA0, 0, 0, 0, 0]].concat()), Some(DeltaError::Control(0xA0)));
    assert_eq!(hostile(&[0xE0, 0, 0, 0, 9, 4]), Some(DeltaError::Properties(4)));
    // The range decoder's first byte is 0, and a chunk holds five at least.
    assert_eq!(hostile(&[0xE0, 0, 9, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Some(DeltaError::Chunk));
    assert_eq!(hostile(&[0xE0, 0, 9, 0, 3, 0, 0, 0, 0, 0, 0]), Some(DeltaError::Chunk));
    // A match before there is anything to copy.
    let mut chunk = vec![0xE0, 2, 87, 0, 29, 0, 0];
    chunk.extend([0xFF; 29]);
    assert_eq!(hostile(&chunk), Some(DeltaError::Distance));
    // Right bytes, wrong checksum.
    assert_eq!(hostile(&stored(&add(&base, &base[1..101], 0))), Some(DeltaError::BlockChecksum));
}

#[test]
fn lies_of_the_index_are_refused() {
    let (base, mut package, _) = sample();
    package[HEADER_LEN] ^= 1;
    assert_eq!(run(&base, &package, 4096, 4096).err(), Some(DeltaError::IndexDigest));
    let lie = |length: u32| {
        let (_, mut package, _) = sample();
        package[HEADER_LEN..HEADER_LEN + 4].copy_from_slice(&length.to_le_bytes());
        let index: [u8; 32] = Sha256::digest(&package[HEADER_LEN..HEADER_LEN + 3 * ENTRY_LEN]).into();
        package[112..144].copy_from_slice(&index);
        let sum = Crc32::of(&package[..156]);
        package[156..160].copy_from_slice(&sum.to_le_bytes());
        run(&base, &package, 4096, 4096).err()
    };
    for length in [0, 4096 + 1025, u32::MAX] {
        assert_eq!(lie(length), Some(DeltaError::PackedLength), "{length}");
    }
    assert_eq!(lie(100), Some(DeltaError::PackedSum));
}

#[test]
fn every_bit_counts() {
    let (base, package, result) = sample();
    // All of header and index, and every 61st bit of the rest.
    let front = (HEADER_LEN + 3 * ENTRY_LEN) * 8;
    for bit in (0..front).chain((front..package.len() * 8).step_by(61)) {
        let mut damaged = package.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match run(&base, &damaged, 4096, 4096) {
            Ok((out, _)) => panic!("bit {bit} accepted, same: {}", out == result),
            Err(error) => assert_ne!(error, DeltaError::Misuse, "{bit}"),
        }
    }
    assert_eq!(run(&base, &[&package[..], &[0]].concat(), 1 << 20, 4096).err(), Some(DeltaError::Surplus));
}

#[test]
fn small_and_empty_images() {
    for (base, result) in [(0, 0), (0, 1), (1, 0), (1, 1), (5, 4096), (5, 4097)] {
        let (base, result) = (noise(base, 4), noise(result, 5));
        let blocks: Vec<_> = result.chunks(BLOCK).map(|makes| (stored(&insert(makes)), makes)).collect();
        let (out, points) = run(&base, &package(&base, &blocks), 10, 10).unwrap();
        assert!(out == result && points.len() == blocks.len());
    }
}

#[test]
fn calls_at_the_wrong_time_are_refused() {
    let (base, package, _) = sample();
    let header = Header::parse(package.first_chunk().unwrap()).unwrap();
    let machine = || Apply::new(header.clone(), vec![0; header.memory()]).unwrap();
    assert_eq!(machine().base(&base).err(), Some(DeltaError::Misuse));
    let mut hasty = machine();
    assert!(matches!(hasty.step(&mut &package[HEADER_LEN..]), Ok(Step::Base { offset: 0, len: 9000 })));
    assert!(hasty.output().is_empty());
    assert_eq!(hasty.base(&noise(9001, 1)).err(), Some(DeltaError::Misuse));
}

#[test]
fn errors_read_differently_and_the_machine_is_small() {
    use DeltaError::*;
    use std::string::{String, ToString as _};
    let all = [
        NotDelta,
        Foreign(Format::Xz),
        Version(2),
        HeaderChecksum,
        Kind(1),
        Codec(2),
        DigestAlgorithm(2),
        HeaderLength(1),
        BlockSize(1),
        DictionarySize(1),
        BlockCount(1),
        EntryLength(1),
        Reserved,
        PackageSize(1),
        ResultSize(1),
        Memory { needed: 1 },
        IndexDigest,
        PackedLength,
        PackedSum,
        BaseShort,
        BaseDigest,
        OtherPackage,
        ResumePoint,
        Control(1),
        DictionaryReset,
        Properties(1),
        Distance,
        Chunk,
        Varint,
        RecordLength,
        Seek,
        BlockShort,
        BlockLong,
        BlockPacked,
        BlockChecksum,
        ResultDigest,
        Truncated,
        Surplus,
        Misuse,
    ];
    let texts: std::collections::HashSet<String> = all.iter().map(DeltaError::to_string).collect();
    assert_eq!(texts.len(), all.len());
    assert!(size_of::<Apply<&mut [u8]>>() <= 6144, "{}", size_of::<Apply<&mut [u8]>>());
}
