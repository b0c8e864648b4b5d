// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applies a package to files, so that a kill at any moment costs one block.
//!
//! The result grows in `OUT.part`. After each block its bytes are made durable, and only then is the point recorded in
//! `OUT.journal`, which has two places that are written in turn: a torn record leaves the one before. At the end the whole
//! is read back and takes its name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use otakit_core::delta::{Apply, DeltaError, HEADER_LEN, Header, Limits, POINT_LEN, Point, Step};
use sha2::{Digest as _, Sha256};

use crate::error::ApplyError;

/// Where the second record begins: a block of its own on any disk.
const SECOND: u64 = 4096;
/// Bytes that are read at once.
const READ: usize = 16 * 1024;

/// What there is to say of an update that was applied.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// Bytes of the result.
    pub size: u64,
    /// Blocks that were there already, of an earlier attempt.
    pub kept: u32,
    /// Blocks that were made now.
    pub made: u32,
    /// Bytes of the package that were read.
    pub read: u64,
}

/// The names that belong to one result.
pub struct Places {
    out: PathBuf,
    part: PathBuf,
    journal: PathBuf,
}

impl Places {
    /// Those of the result `out`.
    pub fn of(out: &Path) -> Self {
        let with = |end: &str| {
            let mut name = OsString::from(out.as_os_str());
            name.push(end);
            PathBuf::from(name)
        };
        Self { out: out.to_owned(), part: with(".part"), journal: with(".journal") }
    }

    /// None of the files that will be written is the base or the package, by whatever name. Before any is opened.
    fn are_apart(&self, base: &File, package: &File) -> Result<(), ApplyError> {
        let id = |meta: &fs::Metadata| (meta.dev(), meta.ino());
        let read = [id(&base.metadata()?), id(&package.metadata()?)];
        for path in [&self.out, &self.part, &self.journal] {
            match fs::metadata(path) {
                Ok(meta) if read.contains(&id(&meta)) => return Err(ApplyError::SameFile),
                // A device has no name to take.
                Ok(meta) if !meta.is_file() => return Err(ApplyError::NotAFile),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The two records of how far it got.
struct Journal {
    file: File,
    second: bool,
}

impl Journal {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, second: false })
    }

    /// The points that are there, the latest first.
    fn points(&mut self) -> Vec<Point> {
        let mut points: Vec<(Point, bool)> = [false, true]
            .into_iter()
            .filter_map(|second| {
                let mut record = [0; POINT_LEN];
                self.file.read_exact_at(&mut record, if second { SECOND } else { 0 }).ok()?;
                Some((Point::decode(&record)?, second))
            })
            .collect();
        points.sort_by_key(|(point, _)| std::cmp::Reverse(point.block()));
        // The next record must not overwrite the latest one.
        self.second = points.first().is_some_and(|(_, second)| !second);
        points.into_iter().map(|(point, _)| point).collect()
    }

    fn save(&mut self, point: &Point) -> io::Result<()> {
        self.file.write_all_at(&point.encode(), if self.second { SECOND } else { 0 })?;
        self.second = !self.second;
        self.file.sync_data()
    }
}

/// The package: a file, or what comes out of a pipe.
struct Package {
    file: File,
    at: u64,
    seekable: bool,
    read: u64,
}

impl Package {
    fn go_to(&mut self, offset: u64) -> Result<(), ApplyError> {
        if offset == self.at {
            return Ok(());
        }
        if self.seekable {
            self.file.seek(SeekFrom::Start(offset))?;
        } else {
            let gap = offset.checked_sub(self.at).ok_or(io::Error::from(io::ErrorKind::NotSeekable))?;
            if io::copy(&mut (&self.file).take(gap), &mut io::sink())? < gap {
                return Err(DeltaError::Truncated.into());
            }
        }
        self.at = offset;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ApplyError> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
                Ok(count) => {
                    self.at += count as u64;
                    self.read += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

/// Applies the package at `package` to the file `base`; the result is `out`. With `resume` an earlier attempt is gone on
/// with, and this one can be; without, it begins at the start and leaves nothing behind when it fails. `memory` bounds what
/// the package may ask for, in bytes.
///
/// # Errors
///
/// [`ApplyError`]. The base is never opened for writing, and nothing is called `out` before all of it is right.
pub fn apply(
    base: &Path,
    package: &Path,
    out: &Path,
    resume: bool,
    memory: usize,
) -> Result<Applied, ApplyError> {
    let (base, package, places) = (File::open(base)?, File::open(package)?, Places::of(out));
    places.are_apart(&base, &package)?;
    let mut package = Package { seekable: package.metadata()?.is_file(), file: package, at: 0, read: 0 };
    let header = read_header(&mut package, memory)?;
    if resume {
        return run(&base, package, &places, header, true);
    }
    let applied = run(&base, package, &places, header, false);
    if applied.is_err() {
        // Of no use to anybody. That it cannot be removed is less than why.
        let _ = fs::remove_file(&places.part);
    }
    applied
}

fn read_header(package: &mut Package, memory: usize) -> Result<Header, ApplyError> {
    let mut front = [0; HEADER_LEN];
    let mut got = 0;
    while let Some(room) = front.get_mut(got..).filter(|room| !room.is_empty()) {
        match package.read(room)? {
            0 => return Err(DeltaError::Truncated.into()),
            count => got += count,
        }
    }
    let header = Header::parse(&front)?;
    let size = if package.seekable { Some(package.file.metadata()?.len()) } else { None };
    header.admit(&Limits { memory, result: u64::MAX, package: size })?;
    Ok(header)
}

fn run(
    base: &File,
    mut package: Package,
    places: &Places,
    header: Header,
    resume: bool,
) -> Result<Applied, ApplyError> {
    let mut journal = if resume { Some(Journal::open(&places.journal)?) } else { None };
    let part = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&places.part)?;
    lock(&part, &places.part)?;
    let point = journal.as_mut().and_then(|journal| kept(journal, &part, &header));
    let kept = point.as_ref().map_or(0, Point::block);
    let mut at = (u64::from(kept) * u64::from(header.block_size())).min(header.result_size);
    part.set_len(at)?;
    let memory = vec![0; header.memory()];
    let size = header.result_size;
    let result = header.result;
    let mut machine = match point {
        Some(point) => Apply::resume(header, point, memory)?,
        None => Apply::new(header, memory)?,
    };
    let (mut buffer, mut bytes, mut held) = (vec![0; READ], vec![0; READ], 0..0);
    let mut filled = 0usize;
    loop {
        let mut rest = buffer.get(held.clone()).unwrap_or_default();
        let step = machine.step(&mut rest)?;
        held.start = held.end - rest.len();
        match step {
            Step::Package { offset } => {
                // On a jump, what is wanted may have been read already.
                let ahead = package.at.checked_sub(offset).and_then(|ahead| usize::try_from(ahead).ok());
                match ahead.and_then(|ahead| filled.checked_sub(ahead)) {
                    Some(start) if start < filled => held = start..filled,
                    _ => {
                        package.go_to(offset)?;
                        filled = package.read(&mut buffer)?;
                        held = 0..filled;
                    }
                }
                if held.is_empty() {
                    machine.end()?;
                }
            }
            Step::Base { offset, len } => {
                let count = len.min(bytes.len());
                let place = bytes.get_mut(..count).unwrap_or_default();
                let count = base.read_at(place, offset)?;
                machine.base(bytes.get(..count).unwrap_or_default())?;
            }
            Step::Output => {
                part.write_all_at(machine.output(), at)?;
                at += machine.output().len() as u64;
            }
            Step::Block(point) => {
                if let Some(journal) = &mut journal {
                    part.sync_data()?;
                    journal.save(&point)?;
                }
            }
            Step::Done => break,
        }
    }
    // Where every block was kept, none of the package behind its index was read.
    let made = machine.block() - kept;
    if made > 0 && (!held.is_empty() || package.read(&mut buffer)? > 0) {
        return Err(DeltaError::Surplus.into());
    }
    finish(&part, places, size, &result)?;
    Ok(Applied { size, kept, made, read: package.read })
}

/// Keeps other processes away until `part` is closed.
fn lock(part: &File, path: &Path) -> Result<(), ApplyError> {
    let locked = rustix::fs::flock(part, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    // One that has just ended may have given the file that was opened its final name.
    let is_there =
        fs::metadata(path).is_ok_and(|there| part.metadata().is_ok_and(|here| here.ino() == there.ino()));
    if locked.is_ok() && is_there { Ok(()) } else { Err(ApplyError::Busy) }
}

/// The latest point that belongs to this package and to the bytes that are there.
fn kept(journal: &mut Journal, part: &File, header: &Header) -> Option<Point> {
    let id = header.id();
    journal.points().into_iter().find(|point| {
        let len = (u64::from(point.block()) * u64::from(header.block_size())).min(header.result_size);
        *point.package() == id && digest(part, len).is_ok_and(|digest| digest == point.digest())
    })
}

/// SHA-256 of the first `len` bytes of a file; an error when it is shorter.
fn digest(file: &File, len: u64) -> io::Result<[u8; 32]> {
    let (mut hasher, mut buffer, mut at) = (Sha256::new(), vec![0; READ], 0);
    while at < len {
        let most = usize::try_from(len - at).map_or(READ, |left| left.min(READ));
        let place = buffer.get_mut(..most).unwrap_or_default();
        let count = file.read_at(place, at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(place.get(..count).unwrap_or_default());
        at += count as u64;
    }
    Ok(hasher.finalize().into())
}

/// Makes the result durable, reads it back, gives it its name, and forgets the journal.
fn finish(part: &File, places: &Places, size: u64, result: &[u8; 32]) -> Result<(), ApplyError> {
    part.sync_all()?;
    if part.metadata()?.len() != size || digest(part, size)? != *result {
        return Err(ApplyError::ReadBack);
    }
    fs::rename(&places.part, &places.out)?;
    let folder = match places.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()?;
    match fs::remove_file(&places.journal) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
