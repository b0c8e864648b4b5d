// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images handed to the firmware: `HAL_Firmware_Persistence_Start`, `_Write`, `_Stop`.

use otakit_core::store::StoreError;

use super::{Keep, Sink};
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
    /// Without `resume` an interrupted image is begun at its first byte.
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
        if persistence::write(bytes) {
            return Ok(());
        }
        crate::log!(Error, "store", "HAL_Firmware_Persistence_Write failed for {} bytes", bytes.len());
        Err(StoreError::Io)
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
        // Also to a store that refused a piece: what it is told does not depend on why the image failed.
        if keep != Keep::Image {
            persistence::not_valid();
        }
        // The firmware is told of the end in any case, as by the reference; only a whole image depends on its answer.
        match (persistence::stop(), keep) {
            (false, Keep::Image) => {
                crate::log!(Error, "store", "HAL_Firmware_Persistence_Stop failed: the image is not stored");
                Err(StoreError::Io)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::hal::test_double::{image, spoiled};

    #[test]
    fn an_image_goes_to_the_firmware_from_start_to_stop() {
        let mut sink = PersistenceSink::new(None);
        assert_eq!(sink.write(&mut [1]), Err(StoreError::Io));
        sink.open(0, 3).unwrap();
        sink.write(&mut [1, 2]).unwrap();
        sink.write(&mut [3]).unwrap();
        assert_eq!(image(), None);
        sink.close(Keep::Image).unwrap();
        assert_eq!(image(), Some(vec![1, 2, 3]));
        // The firmware is told of the end once.
        sink.close(Keep::Nothing).unwrap();
    }

    #[test]
    fn without_a_resume_callback_nothing_is_promised() {
        let mut sink = PersistenceSink::new(None);
        assert!(!sink.can_resume());
        assert_eq!(sink.sync(), Err(StoreError::Unsupported));
        assert_eq!(sink.open(2, 3), Err(StoreError::Mismatch));
        assert!(!sink.can_read() && !sink.adopt(3));
    }

    #[test]
    fn an_image_that_is_not_valid_replaces_none() {
        let mut sink = PersistenceSink::new(None);
        sink.open(0, 1).unwrap();
        sink.write(&mut [7]).unwrap();
        sink.close(Keep::Image).unwrap();
        for keep in [Keep::Part, Keep::Nothing] {
            sink.open(0, 2).unwrap();
            sink.write(&mut [8]).unwrap();
            sink.close(keep).unwrap();
            assert_eq!(image(), Some(vec![7]), "{keep:?}");
        }
    }

    #[test]
    fn a_store_that_refused_a_piece_is_told_that_the_image_is_not_valid() {
        let mut sink = PersistenceSink::new(None);
        for (n, keep) in [Keep::Part, Keep::Nothing].into_iter().enumerate() {
            sink.open(0, 2).unwrap();
            // The firmware loses the image behind the sink's back, and so refuses the next piece.
            assert!(persistence::write(&mut [1]) && persistence::stop());
            assert_eq!((sink.write(&mut [2]), spoiled()), (Err(StoreError::Io), n));
            sink.close(keep).unwrap();
            assert_eq!(spoiled(), n + 1, "{keep:?}");
        }
    }

    #[test]
    fn the_firmware_decides_where_it_can_go_on() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let mut sink = PersistenceSink::new(Some(Box::new(move |offset| {
            seen.lock().push(offset);
            offset == 2
        })));
        assert!(sink.can_resume());
        sink.open(0, 3).unwrap();
        sink.write(&mut [1, 2]).unwrap();
        sink.sync().unwrap();
        assert_eq!(sink.open(1, 3), Err(StoreError::Mismatch));
        sink.open(2, 3).unwrap();
        sink.write(&mut [3]).unwrap();
        sink.close(Keep::Image).unwrap();
        assert_eq!((image(), asked.lock().clone()), (Some(vec![1, 2, 3]), vec![1, 2]));
    }

    #[test]
    fn a_failed_end_spoils_a_whole_image_alone() {
        let mut sink = PersistenceSink::new(None);
        for (keep, expected) in
            [(Keep::Image, Err(StoreError::Io)), (Keep::Part, Ok(())), (Keep::Nothing, Ok(()))]
        {
            sink.open(0, 1).unwrap();
            // The firmware loses the image behind the sink's back.
            assert!(persistence::stop());
            assert_eq!(sink.close(keep), expected, "{keep:?}");
        }
    }
}
