// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates of the master and of sub-devices, several at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::failure::Failure;
use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::report;

use super::progress::Progress;
use super::{Master, ModelError};
use crate::engine::{Download, Step};
use crate::service::aliyun::{Content, Ota, OtaError};
use crate::store::Sink;

/// What is downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A firmware image.
    Firmware,
    /// A remote configuration.
    Config,
}

impl Master {
    /// Makes `devid` the device that update calls are about when they do not say, and serves its updates from now on.
    /// Those of other devices are served on.
    pub fn select_ota(&self, devid: i32) -> Result<(), ModelError> {
        let device = self.device_of(devid)?;
        self.open_ota(devid, device)?;
        self.state.lock().ota_device = devid;
        Ok(())
    }

    /// The device that an update call about `devid` is about: itself when its updates are served, else the selected one.
    pub fn ota_device(&self, devid: i32) -> i32 {
        let state = self.state.lock();
        let served = devid > 0 && state.otas.iter().any(|(id, _)| *id == devid);
        if served { devid } else { state.ota_device }
    }

    /// Asks for a firmware newer than `version` (1..=32 bytes).
    pub fn request_firmware(&self, devid: i32, version: &str) -> Result<(), ModelError> {
        self.idle_ota(devid)?.request_image(version)?;
        Ok(())
    }

    /// Asks for the configuration.
    pub fn request_config(&self, devid: i32) -> Result<(), ModelError> {
        self.idle_ota(devid)?.request_config("product", "file", "")?;
        Ok(())
    }

    fn idle_ota(&self, devid: i32) -> Result<Arc<Ota>, ModelError> {
        self.client()?;
        let ota = self.ota(self.ota_device(devid)).ok_or(ModelError::Device)?;
        if ota.is_fetching() { Err(ModelError::State) } else { Ok(ota) }
    }

    /// Downloads what is on offer into `sink`, `chunk` bytes at a time, and tells the cloud. Blocks until the image is
    /// there and verified, or the update has failed. One download a device at a time; several devices may download at
    /// once, each in a thread of its own.
    pub fn download(
        &self,
        devid: i32,
        kind: Kind,
        chunk: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), ModelError> {
        self.client()?;
        let devid = self.ota_device(devid);
        let ota = self.ota(devid).ok_or(ModelError::Device)?;
        let offer = match (ota.content(), kind) {
            (Some(Content::Firmware(firmware)), Kind::Firmware) => firmware.offer,
            (Some(Content::Config(config)), Kind::Config) => config.offer,
            _ => return Err(ModelError::State),
        };
        if !ota.is_fetching() {
            return Err(ModelError::State);
        }
        let _turn = Turn::take(self, devid)?;
        let outcome = run(&ota, &offer, chunk, sink, &mut || {
            // A fresh URL, should one be asked for, comes over the connection. Inside a handler it cannot be served.
            let _ = self.serve(Duration::from_millis(1));
        });
        let outcome = conclude(&ota, kind, outcome);
        // The caller learns of it now; an offer that came meanwhile is next.
        ota.conclude();
        outcome
    }
}

fn run(
    ota: &Ota,
    offer: &Offer,
    chunk: usize,
    sink: &mut dyn Sink,
    idle: &mut dyn FnMut(),
) -> Result<bool, Failure> {
    let mut progress = Progress::begin(Instant::now());
    let mut told = false;
    let download =
        Download { session: ota.session(), sink, journal: None, chunk, every: 0, keep_record: false };
    download.run(offer, &mut |step| {
        if step == Step::Idle {
            idle();
        }
        if let Step::Progress { fetched, total } = step {
            // The download does not depend on the cloud's hearing of it.
            if !std::mem::replace(&mut told, true) {
                let _ = ota.report_progress(0, report::ENTERED_DOWNLOADING);
            }
            if let Some(percent) = progress.due(fetched, total, Instant::now()) {
                let _ = ota.report_progress(percent, "");
            }
        }
        true
    })
}

/// Tells the cloud how it ended: 100 only for an image that is verified and stored.
fn conclude(ota: &Ota, kind: Kind, outcome: Result<bool, Failure>) -> Result<(), ModelError> {
    let failure = match outcome {
        Ok(true) => {
            ota.tell(100);
            return Ok(());
        }
        Ok(false) => {
            // Reports -3 for a firmware; a configuration's digest is not reported.
            let _ = ota.verdict();
            return Err(ModelError::Digest);
        }
        Err(failure) => failure,
    };
    crate::log!(Error, "model", "{}: {kind:?} not updated: {failure}", ota.device());
    let step = match &failure {
        Failure::Store(_) => {
            // A store that could not even be opened leaves the offer as it was: it has had its try.
            ota.session().give_up(failure.clone());
            Some(-4)
        }
        Failure::Cancelled | Failure::State => None,
        _ => Some(-2),
    };
    if let Some(step) = step {
        ota.tell(step);
    }
    Err(ModelError::Ota(ota.note(OtaError::from(failure))))
}

/// The right to download for a device; given back when dropped.
struct Turn<'a> {
    master: &'a Master,
    devid: i32,
}

impl<'a> Turn<'a> {
    fn take(master: &'a Master, devid: i32) -> Result<Self, ModelError> {
        let mut state = master.state.lock();
        if state.downloading.contains(&devid) {
            return Err(ModelError::State);
        }
        state.downloading.push(devid);
        Ok(Self { master, devid })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.master.state.lock().downloading.retain(|devid| *devid != self.devid);
    }
}
