// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine that applies a package.

use sha2::{Digest as _, Sha256};

use super::crc::Crc32;
use super::error::DeltaError;
use super::header::{HEADER_LEN, Header, MAX_EXPANSION, entry_at};
use super::lzma2::Lzma2;
use super::point::Point;
use super::records::{Part, Records};

/// Most bytes of the result that are handed out at once.
pub const PIECE: usize = 1024;
/// Most bytes of the base that are asked for at once, while the whole of it is digested.
const BASE_PIECE: u64 = 64 * 1024;

/// What the machine wants, or has.
#[derive(Clone, Debug)]
pub enum Step {
    /// All bytes were taken that are of use: go on with those of the package from `offset` on. That is where the last ones
    /// ended, apart from one jump when an update goes on from a point.
    Package {
        /// In bytes from the start of the package.
        offset: u64,
    },
    /// Bytes of the base are needed: [`Apply::base`].
    Base {
        /// In bytes from the start of the base.
        offset: u64,
        /// How many, 1 to 65,536; fewer may be given, and the rest is asked for then.
        len: usize,
    },
    /// The next bytes of the result are in [`Apply::output`]; gone with the next step.
    Output,
    /// A block is complete and right. Once its bytes are durable, the point may be remembered.
    Block(Point),
    /// The result is complete and right.
    Done,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// So many bytes of the index are there.
    Index(usize),
    /// So many bytes of the base were digested.
    Base(u64),
    /// Between two blocks.
    Between,
    /// In a block.
    Block,
    /// So many differences are in the piece, to so many of which the base was added.
    Add {
        len: usize,
        added: usize,
    },
    /// So many bytes are in the piece, of which nobody knows yet.
    Made(usize),
    /// They can be taken.
    Output(usize),
    Done,
    Failed(DeltaError),
}

/// Applies one package. Besides itself (about 6 KB) it works in the memory that it is lent.
///
/// Call [`step`](Self::step) until it says [`Step::Done`], and do what each step says. A failure is final: each later call
/// says it again.
pub struct Apply<M> {
    header: Header,
    id: [u8; 32],
    memory: M,
    stage: Stage,
    /// Of the next byte of the package.
    offset: u64,
    /// Where to go on after the index.
    resume: Option<u64>,
    digest: Sha256,
    result: Sha256,
    /// The block at work: number, bytes of it in the package and in the result that are to come, checksums.
    block: u32,
    packed: u32,
    left: u32,
    promised: u32,
    crc: Crc32,
    records: Records,
    coder: Lzma2,
    piece: [u8; PIECE],
}

impl<M: AsMut<[u8]>> Apply<M> {
    /// From the start. `memory` has [`Header::memory`] bytes at least; the first bytes to give are those behind the header.
    ///
    /// # Errors
    ///
    /// `Memory`.
    pub fn new(header: Header, memory: M) -> Result<Self, DeltaError> {
        Self::begin(header, memory, None)
    }

    /// From where an earlier one got to. The index is read again and the base digested again. The caller answers for the
    /// bytes of the result before the point.
    ///
    /// # Errors
    ///
    /// `Memory`, `OtherPackage`, `ResumePoint`.
    pub fn resume(header: Header, point: Point, memory: M) -> Result<Self, DeltaError> {
        Self::begin(header, memory, Some(point))
    }

    fn begin(header: Header, mut memory: M, point: Option<Point>) -> Result<Self, DeltaError> {
        let (needed, id) = (header.memory(), header.id());
        if memory.as_mut().len() < needed {
            return Err(DeltaError::Memory { needed });
        }
        let resume = point.as_ref().map(|point| point.offset);
        let (block, result) = match point {
            Some(point) if point.package != id => return Err(DeltaError::OtherPackage),
            Some(point) if point.block > header.blocks() => return Err(DeltaError::ResumePoint),
            Some(point) => (point.block, point.result),
            None => (0, Sha256::new()),
        };
        Ok(Self {
            header,
            id,
            memory,
            stage: Stage::Index(0),
            offset: HEADER_LEN as u64,
            resume,
            digest: Sha256::new(),
            result,
            block,
            packed: 0,
            left: 0,
            promised: 0,
            crc: Crc32::default(),
            records: Records::new(0),
            coder: Lzma2::NEW,
            piece: [0; PIECE],
        })
    }

    /// The header that it works by.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The block at work, counted from 0.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// Takes package bytes off the front of `package` and goes on until something is wanted. `package` may be empty, which
    /// asks for the next step without giving anything.
    ///
    /// # Errors
    ///
    /// Everything that [`DeltaError`] has of index, base, blocks and result.
    pub fn step(&mut self, package: &mut &[u8]) -> Result<Step, DeltaError> {
        let step = self.advance(package);
        if let Err(error) = &step {
            self.stage = Stage::Failed(*error);
        }
        step
    }

    /// Gives bytes of the base that the last step asked for; none of them says that the base ends there.
    ///
    /// # Errors
    ///
    /// `BaseShort`, `Misuse`.
    pub fn base(&mut self, bytes: &[u8]) -> Result<(), DeltaError> {
        let taken = self.take_base(bytes);
        if let Err(error) = &taken {
            self.stage = Stage::Failed(*error);
        }
        taken
    }

    /// The bytes that [`Step::Output`] tells of; none at other times.
    pub fn output(&self) -> &[u8] {
        match self.stage {
            Stage::Output(len) => self.piece.get(..len).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The package ended.
    ///
    /// # Errors
    ///
    /// `Truncated`, when more of it was wanted.
    pub fn end(&self) -> Result<(), DeltaError> {
        match self.stage {
            Stage::Done => Ok(()),
            Stage::Failed(error) => Err(error),
            _ => Err(DeltaError::Truncated),
        }
    }

    fn advance(&mut self, package: &mut &[u8]) -> Result<Step, DeltaError> {
        loop {
            let step = match self.stage {
                Stage::Index(got) => self.take_index(got, package)?,
                Stage::Base(at) if at == self.header.base_size => {
                    let digest: [u8; 32] = self.digest.finalize_reset().into();
                    if digest != self.header.base {
                        return Err(DeltaError::BaseDigest);
                    }
                    self.stage = Stage::Between;
                    None
                }
                Stage::Base(at) => {
                    let len = (self.header.base_size - at).min(BASE_PIECE);
                    Some(Step::Base { offset: at, len: usize::try_from(len).unwrap_or(PIECE) })
                }
                Stage::Between => self.open(package)?,
                Stage::Block => self.in_block(package)?,
                Stage::Add { len, added } => {
                    Some(Step::Base { offset: self.records.base + added as u64, len: len - added })
                }
                Stage::Made(len) => {
                    self.stage = Stage::Output(len);
                    Some(Step::Output)
                }
                Stage::Output(_) => {
                    self.stage = Stage::Block;
                    None
                }
                Stage::Done if package.is_empty() => Some(Step::Done),
                Stage::Done => return Err(DeltaError::Surplus),
                Stage::Failed(error) => return Err(error),
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    fn take_base(&mut self, bytes: &[u8]) -> Result<(), DeltaError> {
        let count = bytes.len() as u64;
        match self.stage {
            Stage::Base(_) | Stage::Add { .. } if bytes.is_empty() => Err(DeltaError::BaseShort),
            Stage::Base(at) if count <= (self.header.base_size - at).min(BASE_PIECE) => {
                self.digest.update(bytes);
                self.stage = Stage::Base(at + count);
                Ok(())
            }
            Stage::Add { len, added } if bytes.len() <= len - added => {
                let places = self.piece.get_mut(added..len).unwrap_or_default();
                places.iter_mut().zip(bytes).for_each(|(place, byte)| *place = place.wrapping_add(*byte));
                self.stage = Stage::Add { len, added: added + bytes.len() };
                if added + bytes.len() == len {
                    self.made(len);
                }
                Ok(())
            }
            Stage::Failed(error) => Err(error),
            _ => Err(DeltaError::Misuse),
        }
    }

    /// Collects the index, and checks it when it is complete.
    fn take_index(&mut self, got: usize, package: &mut &[u8]) -> Result<Option<Step>, DeltaError> {
        let start = self.header.dictionary();
        let index = self.memory.as_mut().get_mut(start..start + self.header.index_len());
        let index = index.ok_or(DeltaError::Misuse)?;
        let room = index.get_mut(got..).unwrap_or_default();
        let count = room.len().min(package.len());
        let (taken, rest) = package.split_at_checked(count).unwrap_or((&[], package));
        room.iter_mut().zip(taken).for_each(|(place, byte)| *place = *byte);
        *package = rest;
        self.offset += count as u64;
        self.stage = Stage::Index(got + count);
        if got + count < index.len() {
            return Ok(Some(Step::Package { offset: self.offset }));
        }
        let digest: [u8; 32] = Sha256::digest(&*index).into();
        if digest != self.header.index {
            return Err(DeltaError::IndexDigest);
        }
        let (mut at, mut here) = (self.header.blocks_at(), None);
        for number in 0..self.header.blocks() {
            if number == self.block {
                here = Some(at);
            }
            let (packed, _) = entry_at(index, number).ok_or(DeltaError::Misuse)?;
            if packed == 0 || packed > self.header.block_len(number) + MAX_EXPANSION {
                return Err(DeltaError::PackedLength);
            }
            at += u64::from(packed);
        }
        if at != self.header.package_size {
            return Err(DeltaError::PackedSum);
        }
        if self.resume.is_some_and(|offset| offset != here.unwrap_or(at)) {
            return Err(DeltaError::ResumePoint);
        }
        self.stage = Stage::Base(0);
        Ok(None)
    }

    /// Begins the next block, or ends.
    fn open(&mut self, package: &mut &[u8]) -> Result<Option<Step>, DeltaError> {
        if let Some(offset) = self.resume.take() {
            self.offset = offset;
            if self.block > 0 {
                *package = &[];
            }
        }
        self.left = self.header.block_len(self.block);
        if self.left == 0 {
            let digest: [u8; 32] = self.result.clone().finalize().into();
            if digest != self.header.result {
                return Err(DeltaError::ResultDigest);
            }
            self.stage = Stage::Done;
            return Ok(None);
        }
        let start = self.header.dictionary();
        let index = self.memory.as_mut().get(start..).unwrap_or_default();
        (self.packed, self.promised) = entry_at(index, self.block).ok_or(DeltaError::Misuse)?;
        self.crc = Crc32::default();
        let base = u64::from(self.block) * u64::from(self.header.block_size());
        self.records = Records::new(base.min(self.header.base_size));
        self.coder.restart();
        self.stage = Stage::Block;
        Ok(None)
    }

    fn in_block(&mut self, package: &mut &[u8]) -> Result<Option<Step>, DeltaError> {
        if self.left == 0 {
            return self.close(package);
        }
        let room = match self.records.part {
            Part::Add(left) | Part::Insert(left) => {
                usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
            }
            _ => 1,
        };
        let count = self.with_packed(package, |coder, packed, ring, piece| {
            coder.decode(packed, ring, piece.get_mut(..room).unwrap_or_default())
        })?;
        if count == 0 {
            return match self.packed {
                _ if self.coder.has_ended() => Err(DeltaError::BlockShort),
                0 => Err(DeltaError::BlockPacked),
                _ => Ok(Some(Step::Package { offset: self.offset })),
            };
        }
        match self.records.part {
            Part::Add(_) => self.stage = Stage::Add { len: count, added: 0 },
            Part::Insert(_) => self.made(count),
            _ => {
                let [byte, ..] = self.piece;
                self.records.push(byte, self.left, self.header.base_size)?;
            }
        }
        Ok(None)
    }

    /// Reads on to the end of the block's data, and judges what it made.
    fn close(&mut self, package: &mut &[u8]) -> Result<Option<Step>, DeltaError> {
        let ended = self.with_packed(package, |coder, packed, _, _| coder.end(packed))?;
        match (ended, self.packed) {
            (true, 0) => {}
            (false, 1..) => return Ok(Some(Step::Package { offset: self.offset })),
            _ => return Err(DeltaError::BlockPacked),
        }
        if self.crc.value() != self.promised {
            return Err(DeltaError::BlockChecksum);
        }
        self.block += 1;
        self.stage = Stage::Between;
        Ok(Some(Step::Block(Point {
            package: self.id,
            block: self.block,
            offset: self.offset,
            result: self.result.clone(),
        })))
    }

    /// Lets the decoder read what `package` has of this block, and no more.
    fn with_packed<T>(
        &mut self,
        package: &mut &[u8],
        work: impl FnOnce(&mut Lzma2, &mut &[u8], &mut [u8], &mut [u8]) -> Result<T, DeltaError>,
    ) -> Result<T, DeltaError> {
        let most = usize::try_from(self.packed).map_or(package.len(), |packed| packed.min(package.len()));
        let mut packed = package.get(..most).unwrap_or_default();
        let dictionary = self.header.dictionary();
        let ring = self.memory.as_mut().get_mut(..dictionary).unwrap_or_default();
        let done = work(&mut self.coder, &mut packed, ring, &mut self.piece);
        let used = most - packed.len();
        *package = package.get(used..).unwrap_or_default();
        self.packed -= u32::try_from(used).unwrap_or(self.packed);
        self.offset += used as u64;
        done
    }

    /// The first bytes of the piece are the result's next ones.
    fn made(&mut self, len: usize) {
        let bytes = self.piece.get(..len).unwrap_or_default();
        self.crc.update(bytes);
        self.result.update(bytes);
        // (A piece has 1,024 bytes at most.)
        let count = u32::try_from(len).unwrap_or(self.left);
        self.left -= count;
        self.records.made(count);
        self.stage = Stage::Made(len);
    }
}
