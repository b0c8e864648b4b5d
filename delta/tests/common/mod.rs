// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images like firmware, and a folder to work in.

#![allow(dead_code)] // Each test file uses a part of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // What fails here fails the test.

use std::path::{Path, PathBuf};

/// A generator of numbers: the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from((self.next() >> 11) % n.max(1) as u64).unwrap()
    }
}

/// Bytes that compress a little, with words of four bytes that count up, as code has addresses.
pub fn image(len: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        match dice.below(8) {
            0 => out.extend([0xFF; 48]),
            1..=3 => (0..16).for_each(|n| out.extend((0x0800_0000 + out.len() as u32 / 2 + n).to_le_bytes())),
            _ => (0..64).for_each(|_| out.push((dice.next() >> 40) as u8 & 0x3F)),
        }
    }
    out.truncate(len);
    out
}

/// The next version: bytes inserted, removed and changed, addresses moved.
pub fn changed(old: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed | 1);
    let mut out = Vec::with_capacity(old.len() + 4096);
    let mut at = 0;
    while at < old.len() {
        let len = (1 + dice.below(20_000)).min(old.len() - at);
        let start = out.len();
        out.extend_from_slice(&old[at..at + len]);
        at += len;
        match dice.below(4) {
            0 => (0..dice.below(300)).for_each(|_| out.push((dice.next() >> 20) as u8)),
            1 => at = (at + dice.below(300)).min(old.len()),
            _ => out[start..].iter_mut().step_by(37).for_each(|byte| *byte = byte.wrapping_add(1)),
        }
    }
    out
}

/// A folder of its own for a test, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command.
pub fn command(words: &[&str], files: &[&Path]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_otakit-delta"));
    command.args(words).args(files);
    command
}
