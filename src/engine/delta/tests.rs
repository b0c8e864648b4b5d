// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates by delta packages over a medium that fails at every single operation in turn. Packages have stored chunks, written
//! here; `tests/e2e/test_delta.py` has those that `otakit-delta` makes.

use std::sync::Arc;

use otakit_core::delta::{Crc32, Varint, entry, zigzag};
use otakit_core::digest::{Algorithm, Expected, to_hex};
use parking_lot::Mutex;

use super::*;
use crate::cancel::CancellationToken;
use crate::engine::{Policy, Settings};
use crate::fetch::{Body, Opened, Opening, Request, Source};

const BLOCK: usize = 4096;
/// More than the 64 KiB after which something is noted.
const BLOCKS: usize = 40;

struct Server {
    package: Mutex<Vec<u8>>,
    /// Offsets asked for, and bytes handed out.
    asked: Mutex<Vec<u64>>,
    sent: Arc<Mutex<u64>>,
}

struct Rest(Vec<u8>, usize, Arc<Mutex<u64>>);

impl Body for Rest {
    fn read(&mut self, buf: &mut [u8], _: std::time::Duration) -> Result<Option<usize>, FetchError> {
        let n = buf.len().min(self.0.len() - self.1).min(777);
        buf[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
        self.1 += n;
        *self.2.lock() += n as u64;
        Ok(Some(n))
    }
}

impl Source for Server {
    fn open(&self, request: &Request<'_>, _: &CancellationToken) -> Box<dyn Opening> {
        self.asked.lock().push(request.offset);
        let rest =
            Rest(self.package.lock().clone(), usize::try_from(request.offset).unwrap(), self.sent.clone());
        crate::fetch::at_once(Ok(Opened { body: Box::new(rest), start: request.offset, validator: None }))
    }
}

/// A medium that fails from the n-th operation on, and keeps what was written before.
#[derive(Default)]
struct Medium {
    part: Vec<u8>,
    image: Option<Vec<u8>>,
    adopted: bool,
    records: Vec<Vec<u8>>,
    left: Option<usize>,
}

impl Medium {
    fn operation(&mut self) -> Result<(), StoreError> {
        match &mut self.left {
            Some(0) => Err(StoreError::Io),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

struct MemorySink<'a>(&'a Mutex<Medium>);
struct MemoryJournal<'a>(&'a Mutex<Medium>);

impl Sink for MemorySink<'_> {
    fn open(&mut self, offset: u64, _: u64) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.adopted = false;
        let offset = usize::try_from(offset).unwrap();
        if medium.part.len() < offset {
            return Err(StoreError::Mismatch);
        }
        medium.part.truncate(offset);
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.part.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.0.lock().operation()
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_read(&self) -> bool {
        true
    }

    fn stored(&mut self) -> u64 {
        let medium = self.0.lock();
        if medium.adopted {
            medium.image.as_ref().map_or(0, Vec::len) as u64
        } else {
            medium.part.len() as u64
        }
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        let from =
            if medium.adopted { medium.image.clone().unwrap_or_default() } else { medium.part.clone() };
        let rest = &from[usize::try_from(offset).unwrap().min(from.len())..];
        let n = rest.len().min(bytes.len());
        bytes[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn adopt(&mut self, size: u64) -> bool {
        let mut medium = self.0.lock();
        medium.adopted = medium.image.as_ref().is_some_and(|image| image.len() as u64 == size);
        medium.adopted
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        match keep {
            Keep::Image if !medium.adopted => medium.image = Some(std::mem::take(&mut medium.part)),
            Keep::Nothing => medium.part.clear(),
            _ => {}
        }
        Ok(())
    }
}

impl Journal for MemoryJournal<'_> {
    fn load(&mut self) -> Vec<Vec<u8>> {
        self.0.lock().records.iter().rev().cloned().collect()
    }

    fn save(&mut self, record: &[u8], _: bool) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.records.push(record.to_vec());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.records.clear();
        Ok(())
    }
}

struct Memory(Vec<u8>);

/// A base that is read slowly.
struct Slow(Memory);

impl Base for Slow {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let few = bytes.len().min(100);
        self.0.read(offset, &mut bytes[..few])
    }
}

impl Base for Memory {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        let rest = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let n = rest.len().min(bytes.len());
        bytes[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

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

/// What a device has, what leads to the next image, and that image: every third block is new, the others are changed.
struct Case {
    base: Vec<u8>,
    package: Vec<u8>,
    result: Vec<u8>,
}

fn case() -> Case {
    let base = noise(BLOCKS * BLOCK, 1);
    let mut result = base.clone();
    result.iter_mut().step_by(97).for_each(|byte| *byte = byte.wrapping_add(3));
    for block in (0..BLOCKS).step_by(3) {
        result[block * BLOCK..(block + 1) * BLOCK].copy_from_slice(&noise(BLOCK, 2 + block as u64));
    }
    result.truncate(BLOCKS * BLOCK - 700);
    let (mut index, mut blocks) = (Vec::new(), Vec::new());
    for (number, wanted) in result.chunks(BLOCK).enumerate() {
        let mut record: Vec<u8>;
        if number % 3 == 0 {
            record = Varint::bytes((wanted.len() as u64) << 1 | 1).collect();
            record.extend(wanted);
        } else {
            record = Varint::bytes((wanted.len() as u64) << 1).collect();
            record.extend(Varint::bytes(zigzag(0)));
            record
                .extend(wanted.iter().zip(&base[number * BLOCK..]).map(|(new, old)| new.wrapping_sub(*old)));
        }
        let packed = stored(&record);
        index.extend(entry(u32::try_from(packed.len()).unwrap(), Crc32::of(wanted)));
        blocks.extend(packed);
    }
    let header = Header {
        block_log2: 12,
        dictionary_log2: 12,
        base_size: base.len() as u64,
        result_size: result.len() as u64,
        package_size: (HEADER_LEN + index.len() + blocks.len()) as u64,
        base: Sha256::digest(&base).into(),
        result: Sha256::digest(&result).into(),
        index: Sha256::digest(&index).into(),
    };
    Case { package: [&header.encode()[..], &index, &blocks].concat(), base, result }
}

fn offer_of(package: &[u8]) -> Offer {
    let digest = to_hex(&Sha256::digest(package));
    Offer {
        version: "2".into(),
        size: package.len() as u64,
        url: "http://h/p".into(),
        digest: Expected::from_hex(Algorithm::Sha256, &digest).unwrap(),
        kind: otakit_core::offer::Kind::Firmware,
        signature: None,
        is_delta: false,
    }
}

struct Bench {
    session: Session,
    server: Arc<Server>,
    medium: Mutex<Medium>,
    base: Memory,
    offer: Offer,
}

impl Bench {
    fn new(case: &Case) -> Self {
        let server = Arc::new(Server {
            package: Mutex::new(case.package.clone()),
            asked: Mutex::default(),
            sent: Arc::default(),
        });
        let session = Session::new(server.clone());
        let (medium, base) = (Mutex::default(), Memory(case.base.clone()));
        Self { session, server, medium, base, offer: offer_of(&case.package) }
    }

    fn run(&self, watch: Watch<'_>) -> Result<bool, Failure> {
        self.run_with(16 * 1024, watch)
    }

    fn run_with(&self, memory: usize, watch: Watch<'_>) -> Result<bool, Failure> {
        let (mut sink, mut journal) = (MemorySink(&self.medium), MemoryJournal(&self.medium));
        let download = DeltaDownload {
            session: &self.session,
            base: &self.base,
            sink: &mut sink,
            journal: Some(&mut journal),
            memory,
        };
        download.run(&self.offer, watch)
    }

    fn image(&self) -> Option<Vec<u8>> {
        self.medium.lock().image.clone()
    }
}

#[test]
fn a_package_and_the_base_make_the_image() {
    let case = case();
    let bench = Bench::new(&case);
    let (mut last, mut monotonous) = (0, true);
    let verdict = bench.run(&mut |step| {
        if let Step::Progress { fetched, total } = step {
            monotonous &= fetched >= last && total == case.package.len() as u64;
            last = fetched;
        }
        true
    });
    assert_eq!(verdict, Ok(true));
    assert!(monotonous && last == case.package.len() as u64);
    assert!(bench.image().as_ref() == Some(&case.result));
    assert_eq!(*bench.server.asked.lock(), [0]);
    // Asked once more, it fetches nothing, and needs no base.
    let bench = Bench { base: Memory(Vec::new()), ..bench };
    assert_eq!(bench.run(&mut |_| true), Ok(true));
    assert_eq!(*bench.server.asked.lock(), [0]);
    assert!(bench.image().as_ref() == Some(&case.result));
}

#[test]
fn at_every_operation_a_failure_leaves_nothing_wrong_and_the_next_run_completes() {
    let case = case();
    let mut failed = 0;
    for operation in (0..).step_by(1) {
        let bench = Bench::new(&case);
        bench.medium.lock().left = Some(operation);
        let first = bench.run(&mut |_| true);
        assert!(bench.image().is_none_or(|image| image == case.result), "operation {operation}");
        let ended = bench.medium.lock().left.is_some_and(|left| left > 0);
        bench.medium.lock().left = None;
        // A journal that cannot be written costs the resume alone.
        failed += usize::from(first.is_err());
        assert!(first.is_err() || bench.image().is_some(), "operation {operation}: {first:?}");
        assert_eq!(bench.run(&mut |_| true), Ok(true), "operation {operation}");
        assert!(bench.image().as_ref() == Some(&case.result), "operation {operation}");
        if ended {
            assert!(failed > BLOCKS, "{failed}");
            return;
        }
    }
}

#[test]
fn what_is_cancelled_goes_on_after_the_last_note() {
    let case = case();
    for stop in 1..BLOCKS {
        let bench = Bench::new(&case);
        let mut blocks = 0;
        let first = bench.run(&mut |step| {
            blocks += usize::from(matches!(step, Step::Progress { .. }));
            blocks < stop
        });
        assert_eq!(first, Err(Failure::Cancelled), "{stop}");
        *bench.server.sent.lock() = 0;
        bench.server.asked.lock().clear();
        let mut resumed = None;
        let second = bench.run(&mut |step| {
            if let Step::Started { resumed_at } = step {
                resumed = Some(resumed_at);
            }
            true
        });
        assert_eq!(second, Ok(true), "{stop}");
        assert!(bench.image().as_ref() == Some(&case.result), "{stop}");
        let asked = bench.server.asked.lock().clone();
        let noted = stop * BLOCK / (64 * 1024);
        // Header and index once more, then the rest.
        assert_eq!((asked.len(), asked[0]), (if noted > 0 { 2 } else { 1 }, 0), "{stop}");
        assert_eq!(resumed.unwrap(), asked.last().copied().unwrap(), "{stop}");
        let kept = *asked.last().unwrap();
        // What the slots hold of the front is the cost of asking for it.
        let slots = 4 * 16 * 1024;
        let sent = *bench.server.sent.lock();
        assert!(sent <= case.package.len() as u64 - kept + slots, "{stop}: {sent} after {kept}");
    }
}

#[test]
fn a_cancel_by_another_thread_ends_the_reading_of_a_slow_base() {
    let case = case();
    let bench = Bench::new(&case);
    let slow = Slow(Memory(case.base.clone()));
    let (mut sink, mut journal) = (MemorySink(&bench.medium), MemoryJournal(&bench.medium));
    let download = DeltaDownload {
        session: &bench.session,
        base: &slow,
        sink: &mut sink,
        journal: Some(&mut journal),
        memory: 16 * 1024,
    };
    let begun = Instant::now();
    let verdict = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            bench.session.cancel();
        });
        download.run(&bench.offer, &mut |_| true)
    });
    assert_eq!(verdict, Err(Failure::Cancelled));
    // The whole of it would take half a minute.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    assert!(bench.image().is_none());
}

#[test]
fn the_wrong_base_writes_nothing() {
    let case = case();
    let wrong = {
        let mut wrong = case.base.clone();
        wrong[5] ^= 1;
        wrong
    };
    for base in [wrong, case.base[1..].to_vec(), Vec::new(), case.result.clone()] {
        let bench = Bench { base: Memory(base), ..Bench::new(&case) };
        assert_eq!(bench.run(&mut |_| true), Err(Failure::Delta(DeltaFailure::Base)));
        assert!(bench.image().is_none() && bench.medium.lock().part.is_empty());
        // With the right one it goes on as if nothing had been.
        let bench = Bench { base: Memory(case.base.clone()), ..bench };
        assert_eq!(bench.run(&mut |_| true), Ok(true));
    }
}

#[test]
fn a_base_that_changes_between_two_lives_is_noticed() {
    let case = case();
    let bench = Bench::new(&case);
    let mut blocks = 0;
    let first = bench.run(&mut |step| {
        blocks += usize::from(matches!(step, Step::Progress { .. }));
        blocks < BLOCKS - 2
    });
    assert_eq!(first, Err(Failure::Cancelled));
    let mut base = case.base.clone();
    base[BLOCKS * BLOCK - 800] ^= 1;
    let bench = Bench { base: Memory(base), ..bench };
    assert_eq!(bench.run(&mut |_| true), Err(Failure::Delta(DeltaFailure::Base)));
    assert!(bench.image().is_none());
}

#[test]
fn stored_bytes_that_are_no_longer_right_count_for_nothing() {
    let case = case();
    for spoil in [0, 64 * 1024 - 1, 100] {
        let bench = Bench::new(&case);
        let mut blocks = 0;
        let _ = bench.run(&mut |step| {
            blocks += usize::from(matches!(step, Step::Progress { .. }));
            blocks < 30
        });
        bench.medium.lock().part[spoil] ^= 0x80;
        bench.server.asked.lock().clear();
        assert_eq!(bench.run(&mut |_| true), Ok(true), "{spoil}");
        assert!(bench.image().as_ref() == Some(&case.result), "{spoil}");
        assert_eq!(*bench.server.asked.lock(), [0], "{spoil}");
    }
}

#[test]
fn no_damaged_package_makes_an_image() {
    let case = case();
    for bit in (0..case.package.len() * 8).step_by(4001) {
        let bench = Bench::new(&case);
        bench.server.package.lock()[bit / 8] ^= 1 << (bit % 8);
        let verdict = bench.run(&mut |_| true);
        assert!(matches!(verdict, Ok(false) | Err(Failure::Delta(_))), "bit {bit}: {verdict:?}");
        assert!(bench.image().is_none(), "bit {bit}");
    }
}

#[test]
fn what_is_no_package_or_needs_too_much_is_refused_before_a_byte_is_written() {
    let case = case();
    let full = noise(20_000, 9);
    let full = Case { base: case.base.clone(), package: full, result: Vec::new() };
    let short = Case { base: case.base.clone(), package: case.package[..100].to_vec(), result: Vec::new() };
    for wrong in [full, short] {
        let bench = Bench::new(&wrong);
        assert_eq!(bench.run(&mut |_| true), Err(Failure::Delta(DeltaFailure::Package)));
        assert!(bench.medium.lock().part.is_empty());
    }
    let bench = Bench::new(&case);
    assert_eq!(bench.run_with(4096, &mut |_| true), Err(Failure::Delta(DeltaFailure::Memory)));
    let policy = Policy { max_size: Some(case.result.len() as u64 - 1), ..Policy::default() };
    bench.session.configure(Settings { policy, ..Settings::default() });
    assert_eq!(bench.run(&mut |_| true), Err(Failure::Policy(PolicyViolation::Size)));
    assert!(bench.image().is_none() && bench.medium.lock().part.is_empty());
}

#[test]
fn a_package_whose_image_is_right_and_whose_digest_is_not_is_refused() {
    let case = case();
    let mut bench = Bench::new(&case);
    bench.offer.digest = Expected::from_hex(Algorithm::Md5, &"0".repeat(32)).unwrap();
    assert_eq!(bench.run(&mut |_| true), Ok(false));
    assert!(bench.image().is_none());
    assert_eq!(bench.session.failure(), Some(Failure::Digest));
}

#[test]
fn records_are_whole_or_nothing() {
    let case = case();
    let bench = Bench::new(&case);
    let _ = bench.run(&mut |step| {
        !matches!(step, Step::Progress { fetched, .. } if fetched > case.package.len() as u64 * 3 / 4)
    });
    let record = bench.medium.lock().records.last().cloned().unwrap();
    let made = Record::decode(&record, &bench.offer).unwrap().made;
    assert!(made > 0 && made.is_multiple_of(BLOCK as u64));
    for len in 0..record.len() {
        assert!(Record::decode(&record[..len], &bench.offer).is_none(), "{len}");
    }
    // The bytes that say how much was made are proven by what is stored.
    for at in (0..4).chain(12..record.len()) {
        let mut torn = record.clone();
        torn[at] ^= 4;
        assert!(Record::decode(&torn, &bench.offer).is_none(), "{at}");
    }
    for at in 4..12 {
        bench.medium.lock().records = vec![record.clone()];
        bench.medium.lock().records[0][at] ^= 4;
        let bench =
            Bench { medium: Mutex::new(std::mem::take(&mut *bench.medium.lock())), ..Bench::new(&case) };
        assert_eq!(bench.run(&mut |_| true), Ok(true), "{at}");
        assert!(bench.image().as_ref() == Some(&case.result), "{at}");
    }
}
