// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an update's bytes go: a device's own callbacks, else `HAL_Firmware_Persistence_*`.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use otakit_core::store::StoreError;
use parking_lot::Mutex;

use crate::hal::border::in_c;
use crate::service::aliyun::model::ModelError;
use crate::store::{Keep, PersistenceSink, Sink};

/// A device's own store, as C gives it.
#[derive(Clone, Copy)]
pub struct StoreCallbacks {
    /// Begins an image of so many bytes; negative: cannot.
    pub start: unsafe extern "C" fn(*mut c_void, u64) -> c_int,
    /// Appends; negative: failed.
    pub write: unsafe extern "C" fn(*mut c_void, *mut c_char, u32) -> c_int,
    /// Ends: 1 the image is complete and verified, 0 it is not.
    pub stop: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    /// Given back in each call.
    pub user: *mut c_void,
}

// SAFETY: the pointer is handed back to C as it came and never followed here; C chooses the thread that calls by choosing
// where it downloads.
unsafe impl Send for StoreCallbacks {}

static STORES: Mutex<Vec<(c_int, StoreCallbacks)>> = Mutex::new(Vec::new());
/// The HAL keeps one image at a time.
static HAL_IN_USE: AtomicBool = AtomicBool::new(false);

/// Sets a device's own store, or goes back to the HAL.
pub fn set(devid: c_int, callbacks: Option<StoreCallbacks>) {
    let mut stores = STORES.lock();
    stores.retain(|(id, _)| *id != devid);
    stores.extend(callbacks.map(|callbacks| (devid, callbacks)));
}

/// Forgets a device's store.
pub fn forget(devid: c_int) {
    set(devid, None);
}

/// Forgets all.
pub fn forget_all() {
    *STORES.lock() = Vec::new();
}

/// Runs `body` with the device's store. [`ModelError::State`] when it would be the HAL's and that is in use.
pub fn with(
    devid: c_int,
    body: impl FnOnce(&mut dyn Sink) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let own = STORES.lock().iter().find(|(id, _)| *id == devid).map(|(_, callbacks)| *callbacks);
    if let Some(callbacks) = own {
        return body(&mut OwnStore { callbacks, open: false });
    }
    if HAL_IN_USE.swap(true, Ordering::Acquire) {
        crate::log!(Error, "model", "HAL_Firmware_Persistence_* is in use for another device");
        return Err(ModelError::State);
    }
    let _release = Release;
    body(&mut PersistenceSink::new(None))
}

struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        HAL_IN_USE.store(false, Ordering::Release);
    }
}

struct OwnStore {
    callbacks: StoreCallbacks,
    open: bool,
}

impl Sink for OwnStore {
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError> {
        if offset != 0 {
            return Err(StoreError::Mismatch);
        }
        // SAFETY: C gave the function for this prototype, with this pointer.
        if in_c(|| unsafe { (self.callbacks.start)(self.callbacks.user, size) }) < 0 {
            return Err(StoreError::Io);
        }
        self.open = true;
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let len = u32::try_from(bytes.len()).map_err(|_| StoreError::Io)?;
        // SAFETY: as above; the pointer is good for `len` bytes during the call.
        let wrote =
            in_c(|| unsafe { (self.callbacks.write)(self.callbacks.user, bytes.as_mut_ptr().cast(), len) });
        if wrote < 0 { Err(StoreError::Io) } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported)
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        let valid = keep == Keep::Image;
        // SAFETY: as above.
        let stopped = in_c(|| unsafe { (self.callbacks.stop)(self.callbacks.user, c_int::from(valid)) });
        if stopped < 0 && valid { Err(StoreError::Io) } else { Ok(()) }
    }
}
