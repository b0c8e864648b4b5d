// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fresh URLs: a download whose signed URL has expired asks the platform for the offer once more.
//!
//! The question is put by the fetching thread, the answer arrives on the thread that yields to the signal channel.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::topics::Topic;
use otakit_core::platform::aliyun::{config, report};

use super::{Content, Ota, SignalError, is_reported};
use crate::cancel::Cancel;
use crate::engine::pump::Renew;

/// How long an answer is waited for, for each of the two ways to ask.
pub const ANSWER: Duration = Duration::from_secs(5);

/// Asks on behalf of one service.
pub struct Renewal(Weak<Ota>);

impl Renewal {
    /// For this service.
    pub fn of(ota: &Arc<Ota>) -> Self {
        Self(Arc::downgrade(ota))
    }
}

impl Renew for Renewal {
    fn renew(&self, expired: &Offer, cancel: &Cancel) -> Option<Offer> {
        let ota = self.0.upgrade()?;
        let known = ota.state.lock().orders.take_fresh(expired);
        if let Some(content) = known {
            return Some(offer_in(content));
        }
        ota.renewals.open();
        let content = ask(&ota, cancel);
        ota.renewals.close();
        content.map(offer_in)
    }
}

fn offer_in(content: Content) -> Offer {
    match content {
        Content::Firmware(firmware) => firmware.offer,
        Content::Config(config) => config.offer,
    }
}

/// Puts a question. It is noted before it goes, for the answer may be there at once.
fn put<E>(ota: &Ota, question: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    let now = Instant::now();
    ota.state.lock().orders.asked(now);
    question().inspect_err(|_| ota.state.lock().orders.not_asked(now))
}

fn ask(ota: &Arc<Ota>, cancel: &Cancel) -> Option<Content> {
    if let Some(Content::Config(config)) = ota.content() {
        let question = config::encode_get("product", &config.get_type, "");
        return answer(ota, cancel, || ota.say(Topic::ConfigGet, 0, &question));
    }
    let running = ota.state.lock().running.clone().filter(|version| is_reported(version));
    if let Some(version) = running
        && let Some(content) = answer(ota, cancel, || ota.say(Topic::Request, 1, &report::version(&version)))
    {
        return Some(content);
    }
    answer(ota, cancel, || request_newer(ota))
}

fn answer(ota: &Ota, cancel: &Cancel, question: impl Fn() -> Result<(), SignalError>) -> Option<Content> {
    ota.renewals.ask(ANSWER, cancel, || put(ota, &question).is_ok())
}

/// The newer way, whose answer comes on a topic that is subscribed only now.
fn request_newer(ota: &Arc<Ota>) -> Result<(), SignalError> {
    static NEXT_ID: AtomicU32 = AtomicU32::new(1);
    ota.listen(Topic::FirmwareGetReply, 0)?;
    ota.say(Topic::FirmwareGet, 0, &report::firmware_get(NEXT_ID.fetch_add(1, Ordering::Relaxed)))
}
