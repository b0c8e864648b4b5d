// SPDX-License-Identifier: MIT OR Apache-2.0
//! A package that the application has itself: written, made durable, judged.

use otakit_core::digest::{Algorithm, Hasher, to_hex};

use super::{Fota, Promise, Refused};
use crate::engine::Policy;
use crate::store::{FileSink, Keep, Sink};

/// What of it is there.
pub(super) struct Local {
    pub(super) sink: FileSink,
    size: u64,
    written: u64,
    hasher: Hasher,
    flushed: bool,
    failed: bool,
}

impl Fota {
    /// Takes the next bytes of a package of `size` bytes.
    pub fn write(&self, bytes: &[u8], size: u64) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.running.is_some() || size == 0 {
            return Err(Refused);
        }
        if state.local.as_ref().is_none_or(|local| local.size != size) {
            state.drop_local();
            let mut sink = FileSink::new(&state.path());
            sink.open(0, size).map_err(|_| Refused)?;
            let promised =
                state.promise.digest.as_ref().map_or(Algorithm::Sha256, |digest| digest.algorithm());
            let hasher = Hasher::new(promised).with_sha256();
            state.local = Some(Local { sink, size, written: 0, hasher, flushed: false, failed: false });
        }
        let local = state.local.as_mut().ok_or(Refused)?;
        let written = local.write(bytes);
        // After a failure, later bytes would land at the wrong place.
        local.failed |= written.is_err();
        written
    }

    /// Makes what was written durable.
    pub fn flush(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let local = state.local.as_mut().filter(|local| !local.failed).ok_or(Refused)?;
        local.sink.sync().map_err(|_| Refused)?;
        local.flushed = true;
        Ok(())
    }

    /// Drops what was written, and what was promised of it.
    pub fn abandon(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.running.is_none() {
            state.promise = Promise::default();
        }
        state.local.as_ref().ok_or(Refused)?;
        state.drop_local();
        Ok(())
    }

    /// Whether the package is whole, has the digest that was promised, and is signed as `policy` wants it. It takes its
    /// place then, made durable first if [`Fota::flush`] was not called; otherwise writing begins with the first byte again.
    pub fn verify(&self, policy: &Policy) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let mut local = state.local.take().ok_or(Refused)?;
        let promise = std::mem::take(&mut state.promise);
        let digest_is_right = promise.digest.as_ref().is_none_or(|digest| {
            local.hasher.finish(digest.algorithm()).is_some_and(|actual| digest.matches(&actual))
        });
        let sha256 = local.hasher.finish(Algorithm::Sha256).unwrap_or_default();
        let is_durable = local.flushed || local.sink.sync().is_ok();
        let whole = is_durable && !local.failed && local.written == local.size;
        let good = whole && digest_is_right && policy.trusts(&sha256, promise.signature.as_deref());
        let closed = local.sink.close(if good { Keep::Image } else { Keep::Nothing });
        if !good || closed.is_err() {
            return Err(Refused);
        }
        state.sha256 = Some(to_hex(&sha256));
        Ok(())
    }
}

impl Local {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let written = self.written + bytes.len() as u64;
        if self.failed || written > self.size {
            return Err(Refused);
        }
        self.sink.write(&mut bytes.to_vec()).map_err(|_| Refused)?;
        self.hasher.update(bytes);
        self.written = written;
        self.flushed = false;
        Ok(())
    }
}
