// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images handed to the firmware: `HAL_Firmware_Persistence_Start`, `_Write`, `_Stop`.

use super::{Keep, Sink, StoreError};
use crate::hal::persistence;

/// Asks the firmware to go on with an image of which so many bytes are stored; `true` when it can. It then promises that
/// what `Write` accepted is durable.
pub type Resume = Box<dyn FnMut(u64) -> bool + Send>;

/// The firmware's own store. One image at a time in the whole process.
#[derive(Default)]
pub struct PersistenceSink {
    resume: Option<Resume>,
    open: bool,
}

impl PersistenceSink {
    /// Without `resume` an interrupted image is begun anew.
    pub fn new(resume: Option<Resume>) -> Self {
        Self { resume, open: false }
    }
}

impl Sink for PersistenceSink {
    fn open(&mut self, offset: u64, _size: u64) -> Result<(), StoreError> {
        if offset == 0 {
            persistence::start();
        } else if !self.resume.as_mut().is_some_and(|resume| resume(offset)) {
            return Err(StoreError::Mismatch);
        }
        self.open = true;
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        if persistence::write(bytes) { Ok(()) } else { Err(StoreError::Io) }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.can_resume() { Ok(()) } else { Err(StoreError::Unsupported) }
    }

    fn can_resume(&self) -> bool {
        self.resume.is_some()
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        // The firmware is told of the end in any case, as by the reference; only a whole image depends on its answer.
        match (persistence::stop(), keep) {
            (false, Keep::Image) => Err(StoreError::Io),
            _ => Ok(()),
        }
    }
}
