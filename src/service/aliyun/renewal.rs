// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fresh URLs: a download whose signed URL has expired asks the platform for the offer once more.
//!
//! The question is put by the fetching thread, the answer arrives on the thread that yields to the signal channel.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::Topic;

use super::{Content, Ota, OtaError};
use crate::cancel::Cancel;
use crate::engine::pump::Renew;

/// How long an answer is waited for, for each of the two ways to ask.
const ANSWER: Duration = Duration::from_secs(5);

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
