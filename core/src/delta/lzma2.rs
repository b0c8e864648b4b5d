// SPDX-License-Identifier: MIT OR Apache-2.0
//! LZMA2 as a block has it: chunks, stored or compressed, and an end marker. Input may be cut anywhere.

use super::error::DeltaError;
use super::lzma::{Lzma, Symbol, Window};
use super::range::{Range, SYMBOL};

/// What comes next.
#[derive(Clone, Copy)]
enum Stage {
    /// The byte that begins a chunk.
    Control,
    /// The other bytes of its head: the control byte, how many are there, and how many there are to be.
    Head { control: u8, got: usize, len: usize },
    /// So many bytes that are stored as they are.
    Stored(usize),
    /// The first bytes of a compressed chunk.
    Start,
    /// The rest of it.
    Compressed,
    /// The end marker was seen.
    End,
}

/// A decoder for one block after another; [`Lzma2::restart`] lies between.
#[derive(Clone)]
pub(super) struct Lzma2 {
    stage: Stage,
    head: [u8; 5],
    /// Bytes of the chunk that are not in `range` yet, and bytes that it has to make.
    packed: usize,
    left: usize,
    /// Of the match that is being copied.
    copying: usize,
    /// Whether the block's first chunk was seen; whether there are coding properties.
    begun: bool,
    prepared: bool,
    range: Range,
    lzma: Lzma,
    window: Window,
}

impl Lzma2 {
    pub const NEW: Self = Self {
        stage: Stage::Control,
        head: [0; 5],
        packed: 0,
        left: 0,
        copying: 0,
        begun: false,
        prepared: false,
        range: Range::new(),
        lzma: Lzma::NEW,
        window: Window::EMPTY,
    };

    /// Before a block.
    pub fn restart(&mut self) {
        self.stage = Stage::Control;
        (self.begun, self.prepared, self.copying) = (false, false, 0);
        self.window = Window::EMPTY;
        self.range = Range::new();
    }

    /// Whether the end marker was seen.
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::End)
    }

    /// Decodes until `out` is full, `input` is used up or the data ends; how many bytes `out` got.
    pub fn decode(
        &mut self,
        input: &mut &[u8],
        ring: &mut [u8],
        out: &mut [u8],
    ) -> Result<usize, DeltaError> {
        let mut made = 0;
        while let Some(rest) = out.get_mut(made..).filter(|rest| !rest.is_empty()) {
            let count = match self.stage {
                Stage::End => return Ok(made),
                Stage::Stored(left) => {
                    let count = self.stored(left, input, ring, rest);
                    if count == 0 && left > 0 {
                        return Ok(made);
                    }
                    count
                }
                Stage::Compressed => match self.compressed(input, ring, rest)? {
                    Some(count) => count,
                    None => return Ok(made),
                },
                _ => match self.between(input)? {
                    true => 0,
                    false => return Ok(made),
                },
            };
            made += count;
        }
        Ok(made)
    }

    /// Reads on to the end marker, where nothing more may be made. `false`: more input is needed.
    pub fn end(&mut self, input: &mut &[u8]) -> Result<bool, DeltaError> {
        loop {
            match self.stage {
                Stage::End => return Ok(true),
                Stage::Compressed if self.left == 0 && self.copying == 0 => self.chunk_end()?,
                Stage::Stored(_) | Stage::Compressed => return Err(DeltaError::BlockLong),
                _ => {
                    if !self.between(input)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// What makes no bytes: heads. `false`: more input is needed.
    fn between(&mut self, input: &mut &[u8]) -> Result<bool, DeltaError> {
        match self.stage {
            Stage::Control => {
                let Some((control, rest)) = input.split_first() else { return Ok(false) };
                *input = rest;
                self.control(*control)?;
            }
            Stage::Head { control, got, len } => {
                let Some((byte, rest)) = input.split_first() else { return Ok(false) };
                *input = rest;
                if let Some(place) = self.head.get_mut(got) {
                    *place = *byte;
                }
                if got + 1 < len {
                    self.stage = Stage::Head { control, got: got + 1, len };
                } else {
                    self.opened(control)?;
                }
            }
            Stage::Start => {
                self.packed -= self.range.fill(input, self.packed);
                if self.range.waiting() < 5 && self.packed > 0 {
                    return Ok(false);
                }
                self.range.start()?;
                self.stage = Stage::Compressed;
            }
            _ => {}
        }
        Ok(true)
    }

    /// Judges the byte that begins a chunk.
    fn control(&mut self, control: u8) -> Result<(), DeltaError> {
        // A block begins with an empty dictionary, and only a block does.
        let empties = control == 1 || control >= 0xE0;
        self.stage = match control {
            0 => Stage::End,
            1..=2 => Stage::Head { control, got: 0, len: 2 },
            0x80.. => Stage::Head { control, got: 0, len: if control >= 0xC0 { 5 } else { 4 } },
            _ => return Err(DeltaError::Control(control)),
        };
        if control > 0 && empties == self.begun {
            return Err(DeltaError::DictionaryReset);
        }
        self.begun = true;
        Ok(())
    }

    /// Begins the chunk whose head is complete.
    fn opened(&mut self, control: u8) -> Result<(), DeltaError> {
        let [first, second, third, fourth, properties] = self.head;
        let left = usize::from(u16::from_be_bytes([first, second])) + 1;
        if control < 0x80 {
            self.stage = Stage::Stored(left);
            return Ok(());
        }
        self.left = left + (usize::from(control & 0x1F) << 16);
        self.packed = usize::from(u16::from_be_bytes([third, fourth])) + 1;
        if control >= 0xC0 {
            if properties != 0 {
                return Err(DeltaError::Properties(properties));
            }
            self.prepared = true;
        }
        if !self.prepared {
            return Err(DeltaError::Control(control));
        }
        if control >= 0xA0 {
            self.lzma = Lzma::NEW;
        }
        self.stage = Stage::Start;
        Ok(())
    }

    fn stored(&mut self, left: usize, input: &mut &[u8], ring: &mut [u8], out: &mut [u8]) -> usize {
        let count = left.min(out.len()).min(input.len());
        let (taken, rest) = input.split_at_checked(count).unwrap_or((&[], input));
        for (place, byte) in out.iter_mut().zip(taken) {
            *place = *byte;
            self.window.put(ring, *byte);
        }
        *input = rest;
        self.stage = if left == count { Stage::Control } else { Stage::Stored(left - count) };
        count
    }

    /// `None`: more input is needed.
    fn compressed(
        &mut self,
        input: &mut &[u8],
        ring: &mut [u8],
        out: &mut [u8],
    ) -> Result<Option<usize>, DeltaError> {
        let mut made = 0;
        for place in out {
            if self.copying > 0 {
                self.copying -= 1;
                *place = self.lzma.again(&self.window, ring)?;
            } else if self.left == 0 {
                break;
            } else {
                if self.range.waiting() < SYMBOL && self.packed > 0 {
                    self.packed -= self.range.fill(input, self.packed);
                    if self.range.waiting() < SYMBOL && self.packed > 0 {
                        return Ok(Some(made).filter(|made| *made > 0));
                    }
                }
                match self.lzma.symbol(&mut self.range, &self.window, ring)? {
                    Symbol::Literal(byte) => {
                        *place = byte;
                        self.left -= 1;
                    }
                    Symbol::Match(length) => {
                        self.left = self.left.checked_sub(length).ok_or(DeltaError::Chunk)?;
                        self.copying = length - 1;
                        *place = self.lzma.again(&self.window, ring)?;
                    }
                }
            }
            self.window.put(ring, *place);
            made += 1;
        }
        if self.left == 0 && self.copying == 0 && made == 0 {
            self.chunk_end()?;
        }
        Ok(Some(made))
    }

    /// Everything of a chunk was made: nothing of it may be left. (Its last symbol took its last byte, for which
    /// `compressed` waited.)
    fn chunk_end(&mut self) -> Result<(), DeltaError> {
        if self.packed > 0 || !self.range.is_finished() {
            return Err(DeltaError::Chunk);
        }
        self.stage = Stage::Control;
        Ok(())
    }
}
