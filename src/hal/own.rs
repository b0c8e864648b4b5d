// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors that the library opened, checked before each use.
//!
//! A program that was written for an SDK without descriptors of its own may close all that it does not know, and open its
//! own files under the same numbers. It may fork, and both processes then have the library's files open. So nothing is
//! written through a number that leads elsewhere by now, and a locked file belongs to the process that locked it.

use std::fs::{File, Metadata};
use std::io::{Error, PipeReader, PipeWriter, Result};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd as _, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use super::files;
use crate::thread::Birth;

/// Device and inode.
type Identity = (u64, u64);

/// A file, a pipe's end or a socket of the library's own.
#[derive(Debug)]
pub struct Own<T: AsRawFd> {
    value: ManuallyDrop<T>,
    identity: Identity,
    lock: Option<Lock>,
}

/// An exclusive lock, and where it is noted for children of a fork.
#[derive(Debug)]
struct Lock {
    slot: &'static Slot,
    birth: Birth,
}

impl<T: AsRawFd> Own<T> {
    /// What was opened just now.
    ///
    /// # Errors
    ///
    /// What the system says when it does not tell which file it is.
    pub fn new(value: T) -> Result<Self> {
        let identity = identity(&about(value.as_raw_fd())?);
        Ok(Self { value: ManuallyDrop::new(value), identity, lock: None })
    }

    /// To be used at once.
    ///
    /// # Errors
    ///
    /// The number leads elsewhere by now, or the lock is the parent's of this process.
    pub fn get(&self) -> Result<&T> {
        if !self.is_here() {
            return Err(Error::other("it belongs to the process that this one was forked from"));
        }
        if !self.leads_there() {
            return Err(Error::other("the program closed this descriptor, which is the library's"));
        }
        Ok(&self.value)
    }

    /// The number, whatever it leads to.
    pub fn number(&self) -> RawFd {
        self.value.as_raw_fd()
    }

    fn is_here(&self) -> bool {
        self.lock.as_ref().is_none_or(|lock| lock.birth.is_here())
    }

    fn leads_there(&self) -> bool {
        about(self.number()).is_ok_and(|about| identity(&about) == self.identity)
    }
}

impl<T: AsRawFd> Own<T> {
    /// Gives the lock back, if there is one that is this process's.
    pub fn unlock(&mut self) {
        if let Some(lock) = self.lock.take().filter(|lock| lock.birth.is_here()) {
            lock.slot.number.store(FREE, Ordering::Release);
            if self.leads_there() {
                files::unlock(&*self.value);
            }
        }
    }
}

impl Own<File> {
    /// Takes the exclusive lock of a file without waiting; `None` when somebody else holds it, another thread or another
    /// process. The lock ends with this value and with the process, however that ends and whatever children it has.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn locked(file: File) -> Result<Option<Self>> {
        let mut own = Self::new(file)?;
        if !files::try_lock(&own.value)? {
            return Ok(None);
        }
        let slot = Slot::take(own.number(), own.identity);
        own.lock = Some(Lock { slot, birth: Birth::now() });
        Ok(Some(own))
    }
}

impl<T: AsRawFd> Drop for Own<T> {
    fn drop(&mut self) {
        // A number that leads elsewhere is not ours to close, and a child has closed its copy of a locked file.
        let is_ours = self.get().is_ok();
        self.unlock();
        if is_ours {
            // SAFETY: the value is dropped here, once, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

fn about(number: RawFd) -> Result<Metadata> {
    // SAFETY: the system is only asked about the number, whatever it leads to, if to anything; it is not closed here.
    ManuallyDrop::new(unsafe { File::from_raw_fd(number) }).metadata()
}

fn identity(about: &Metadata) -> Identity {
    (about.dev(), about.ino())
}

/// A pipe whose ends do not wait: a child of a fork may have taken or brought what is awaited.
///
/// # Errors
///
/// What the system says, for example that the process has no descriptor left.
pub fn pipe() -> Result<(Own<PipeReader>, Own<PipeWriter>)> {
    let (reader, writer) = std::io::pipe()?;
    for end in [reader.as_raw_fd(), writer.as_raw_fd()] {
        // SAFETY: the descriptor is open, and the commands take and give numbers.
        let set =
            unsafe { libc::fcntl(end, libc::F_SETFL, libc::fcntl(end, libc::F_GETFL) | libc::O_NONBLOCK) };
        if set != 0 {
            return Err(Error::last_os_error());
        }
    }
    Ok((Own::new(reader)?, Own::new(writer)?))
}

/// Nothing is noted in a slot.
const FREE: RawFd = -1;
/// Something is about to be noted.
const TAKEN: RawFd = -2;

/// A locked file, for children of a fork. Slots form a list that only grows, so that a child can read it without a lock.
#[derive(Debug)]
struct Slot {
    number: AtomicI32,
    /// Device and inode in halves: not every processor has atomic numbers of 64 bits.
    identity: [AtomicU32; 4],
    next: OnceLock<Box<Slot>>,
}

static FIRST: Slot = Slot::new();

impl Slot {
    const fn new() -> Self {
        let identity = [const { AtomicU32::new(0) }; 4];
        Self { number: AtomicI32::new(FREE), identity, next: OnceLock::new() }
    }

    fn take(number: RawFd, (device, inode): Identity) -> &'static Self {
        let mut slot = &FIRST;
        while slot.number.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            slot = slot.next.get_or_init(|| Box::new(Self::new()));
        }
        for (half, value) in slot.identity.iter().zip(halves(device, inode)) {
            half.store(value, Ordering::Relaxed);
        }
        slot.number.store(number, Ordering::Release);
        slot
    }

    fn is(&self, (device, inode): Identity) -> bool {
        self.identity
            .iter()
            .zip(halves(device, inode))
            .all(|(half, value)| half.load(Ordering::Relaxed) == value)
    }
}

#[allow(clippy::cast_possible_truncation)] // The halves are what is wanted.
fn halves(device: u64, inode: u64) -> [u32; 4] {
    [(device >> 32) as u32, device as u32, (inode >> 32) as u32, inode as u32]
}

/// Closes a child's copies of the locked files, so that the locks end with the parent. Called before anything else runs
/// in the child; asks the system about descriptors and closes them, which a signal handler may do too.
pub fn in_child() {
    let mut next = Some(&FIRST);
    while let Some(slot) = next {
        let number = slot.number.load(Ordering::Acquire);
        if number >= 0 && about(number).is_ok_and(|about| slot.is(identity(&about))) {
            // SAFETY: the descriptor is the library's own, and its owner never uses it in a child: see `Own::get`.
            unsafe { libc::close(number) };
        }
        slot.number.store(FREE, Ordering::Release);
        next = slot.next.get().map(|next| &**next);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::IntoRawFd as _;
    use std::path::PathBuf;

    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("otakit-own-{name}-{}", std::process::id()))
    }

    /// Has a number lead to another file, as a program does that closes all and opens its own.
    fn exchange(number: RawFd, file: File) {
        let other = file.into_raw_fd();
        // SAFETY: both descriptors are open and this test's own.
        unsafe {
            assert_eq!(libc::dup2(other, number), number);
            libc::close(other);
        }
    }

    #[test]
    fn a_number_that_leads_elsewhere_is_neither_used_nor_closed() {
        let (ours, theirs) = (path("ours"), path("theirs"));
        for locked in [false, true] {
            let file = File::create(&ours).unwrap();
            let mut own = if locked { Own::locked(file).unwrap().unwrap() } else { Own::new(file).unwrap() };
            own.get().unwrap().write_all(b"x").unwrap();
            let number = own.number();
            exchange(number, File::create(&theirs).unwrap());
            assert!(own.get().unwrap_err().to_string().contains("closed"));
            own.unlock();
            drop(own);
            let theirs = about(number).unwrap();
            assert_eq!(theirs.len(), 0);
            // SAFETY: this test opened it.
            drop(unsafe { File::from_raw_fd(number) });
        }
        std::fs::remove_file(ours).unwrap();
        std::fs::remove_file(theirs).unwrap();
    }

    #[test]
    fn slots_are_used_again() {
        let ours = path("slots");
        let lock = || Own::locked(File::create(&ours).unwrap()).unwrap();
        let first = lock().unwrap();
        let slot = first.lock.as_ref().unwrap().slot;
        assert!(lock().is_none(), "locked twice");
        assert!(slot.is(first.identity) && slot.number.load(Ordering::Acquire) == first.number());
        drop(first);
        let again = lock().unwrap();
        drop(again);
        std::fs::remove_file(&ours).unwrap();
    }

    #[test]
    fn a_pipe_never_waits() {
        let (reader, writer) = pipe().unwrap();
        let nothing = reader.get().unwrap().read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
        writer.get().unwrap().write_all(&[1]).unwrap();
        assert_eq!(reader.get().unwrap().read(&mut [0]).unwrap(), 1);
    }
}
