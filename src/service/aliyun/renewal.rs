// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fresh URLs: a download whose signed URL has expired asks the platform for the offer once more.
//!
//! The question is put by the fetching thread, the answer arrives on the thread that yields to the signal channel.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Content, Ota, OtaError};
use crate::cancel::Cancel;
use crate::engine::Offer;
use crate::engine::pump::Renew;
use crate::platform::aliyun::report;
use crate::platform::aliyun::topics::Topic;

/// How long an answer is waited for, for each of the two ways to ask.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a waiting thread looks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(50);

/// Where the answer is handed over.
#[derive(Default)]
pub struct Desk {
    waiting: Mutex<Option<Option<Content>>>,
    came: Condvar,
}

impl Desk {
    /// Takes an offer for whoever waits for one; gives it back when nobody does.
    pub fn deliver(&self, content: Content) -> Option<Content> {
        let mut waiting = self.waiting.lock();
        match waiting.as_mut() {
            Some(answer) => {
                *answer = Some(content);
                self.came.notify_all();
                None
            }
            None => Some(content),
        }
    }

    fn open(&self) {
        *self.waiting.lock() = Some(None);
    }

    fn close(&self) {
        *self.waiting.lock() = None;
    }

    fn wait(&self, limit: Duration, cancel: &Cancel) -> Option<Content> {
        let deadline = Instant::now() + limit;
        let mut waiting = self.waiting.lock();
        while !cancel.is_cancelled() && Instant::now() < deadline {
            if let Some(content) = waiting.as_mut().and_then(Option::take) {
                return Some(content);
            }
            self.came.wait_for(&mut waiting, SLICE);
        }
        None
    }
}

/// Asks on behalf of one service.
pub struct Renewal(Weak<Ota>);

impl Renewal {
    /// For this service.
    pub fn of(ota: &Arc<Ota>) -> Self {
        Self(Arc::downgrade(ota))
    }
}

impl Renew for Renewal {
    fn renew(&self, _: &Offer, cancel: &Cancel) -> Option<Offer> {
        let ota = self.0.upgrade()?;
        ota.renewals.open();
        let content = ask(&ota, cancel);
        ota.renewals.close();
        match content? {
            Content::Firmware(firmware) => Some(firmware.offer),
            Content::Config(config) => Some(config.offer),
        }
    }
}

fn ask(ota: &Arc<Ota>, cancel: &Cancel) -> Option<Content> {
    if let Some(Content::Config(config)) = ota.content() {
        ota.request_config("product", &config.get_type, "").ok()?;
        return ota.renewals.wait(ANSWER, cancel);
    }
    let running = ota.state.lock().running.clone();
    if let Some(version) = running
        && ota.request_image(&version).is_ok()
        && let Some(content) = ota.renewals.wait(ANSWER, cancel)
    {
        return Some(content);
    }
    request_newer(ota).ok()?;
    ota.renewals.wait(ANSWER, cancel)
}

/// The newer way, whose answer comes on a topic that is subscribed only now.
fn request_newer(ota: &Arc<Ota>) -> Result<(), OtaError> {
    static NEXT_ID: AtomicU32 = AtomicU32::new(1);
    ota.listen(Topic::FirmwareGetReply, 0).map_err(|_| OtaError::Signal)?;
    ota.send(Topic::FirmwareGet, 0, &report::firmware_get(NEXT_ID.fetch_add(1, Ordering::Relaxed)))
}
