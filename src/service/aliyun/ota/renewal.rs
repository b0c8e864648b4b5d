// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fresh URLs: a download whose signed URL has expired asks the platform for the offer once more.
//!
//! The question is put by whoever drives the download, the answer arrives on the thread that yields to the signal channel.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::topics::Topic;
use otakit_core::platform::aliyun::{config, report};
use parking_lot::Mutex;

use super::{Content, Ota, SignalError, is_reported};
use crate::cancel::CancellationToken;
use crate::engine::Renew;
use crate::service::mailbox::Question;

/// How long an answer is waited for, for each of the two ways to ask.
pub const ANSWER: Duration = Duration::from_secs(5);

/// Asks on behalf of one service.
pub struct Renewal {
    ota: Weak<Ota>,
    asking: Mutex<Option<Asking>>,
}

/// The questions that are put one after the other, until one is answered.
struct Asking {
    ways: std::vec::IntoIter<Way>,
    now: Option<(Way, Question)>,
}

/// A way to ask.
enum Way {
    /// For the configuration, again.
    Config(String),
    /// By reporting the version that runs.
    Report(String),
    /// The newer way.
    Newer,
}

impl Renewal {
    /// For this service.
    pub fn of(ota: &Arc<Ota>) -> Self {
        Self { ota: Arc::downgrade(ota), asking: Mutex::default() }
    }
}

impl Renew for Renewal {
    fn renew(&self, expired: &Offer, wait: Duration, cancel: &CancellationToken) -> Option<Option<Offer>> {
        let Some(ota) = self.ota.upgrade() else { return Some(None) };
        let mut place = self.asking.lock();
        let mut asking = match place.take() {
            Some(asking) => asking,
            None => {
                let known = ota.state.lock().orders.take_fresh(expired);
                if let Some(content) = known {
                    return Some(Some(offer_in(content)));
                }
                ota.renewals.open();
                Asking { ways: ways(&ota).into_iter(), now: None }
            }
        };
        let answer = asking.step(&ota, wait, cancel);
        match &answer {
            Some(_) => ota.renewals.close(),
            None => *place = Some(asking),
        }
        answer.map(|content| content.map(offer_in))
    }

    fn stop(&self) {
        if self.asking.lock().take().is_some()
            && let Some(ota) = self.ota.upgrade()
        {
            ota.renewals.close();
        }
    }
}

impl Asking {
    fn step(
        &mut self,
        ota: &Arc<Ota>,
        wait: Duration,
        cancel: &CancellationToken,
    ) -> Option<Option<Content>> {
        if self.now.is_none() {
            self.now = self.ways.next().map(|way| (way, Question::new(ANSWER)));
        }
        let Some((way, question)) = &mut self.now else { return Some(None) };
        match question.step(&ota.renewals, wait, cancel, || put(ota, || way.put(ota)).is_ok())? {
            Some(content) => Some(Some(content)),
            None if cancel.is_cancelled() => Some(None),
            None => {
                self.now = None;
                None
            }
        }
    }
}

impl Way {
    fn put(&self, ota: &Arc<Ota>) -> Result<(), SignalError> {
        match self {
            Self::Config(question) => ota.say(Topic::ConfigGet, 0, question),
            Self::Report(version) => ota.say(Topic::Request, 1, &report::version(version)),
            Self::Newer => request_newer(ota),
        }
    }
}

/// How it is asked for what is on offer, the first way first.
fn ways(ota: &Ota) -> Vec<Way> {
    if let Some(Content::Config(config)) = ota.content() {
        return vec![Way::Config(config::encode_get("product", &config.get_type, ""))];
    }
    let running = ota.state.lock().running.clone().filter(|version| is_reported(version));
    running.map(Way::Report).into_iter().chain([Way::Newer]).collect()
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
    ota.state.lock().asked(now);
    question().inspect_err(|_| ota.state.lock().orders.not_asked(now))
}

/// The newer way, whose answer comes on a topic that is subscribed only now.
fn request_newer(ota: &Arc<Ota>) -> Result<(), SignalError> {
    static NEXT_ID: AtomicU32 = AtomicU32::new(1);
    ota.listen(Topic::FirmwareGetReply, 0)?;
    ota.say(Topic::FirmwareGet, 0, &report::firmware_get(NEXT_ID.fetch_add(1, Ordering::Relaxed)))
}
