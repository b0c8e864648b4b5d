// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud offers a device: handed to the application, or refused with a reason; asked for again where its URL has
//! expired.

use std::sync::{Arc, Weak};
use std::time::Duration;

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::platform::aliyun::topics::Topic;
use parking_lot::Mutex;

use super::offers::{Known, rank};
use super::{Content, Device, Inbox, Kind, TRIGGER};
use crate::cancel::CancellationToken;
use crate::engine::Renew;
use crate::service::aliyun::message_id;
use crate::service::mailbox::{Mailbox, Question};
use crate::thread::{Birth, steady};

/// How long an answer is waited for, for each of the two ways to ask.
const ANSWER: Duration = Duration::from_secs(5);

/// A download that waits for a fresh URL of its image.
pub(super) struct Asked {
    /// Where it waits.
    pub(super) birth: Birth,
    pub(super) image: Offer,
    pub(super) mailbox: Arc<Mailbox<Offer>>,
}

/// Who has waited for an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Nobody,
    /// The download of that image.
    Same,
    /// The download of another one, which ends with this.
    Other,
}

impl Device {
    pub(super) fn receive(self: &Arc<Self>, payload: &[u8]) {
        match module::decode(payload) {
            Ok(upgrade) if self.deliver(&upgrade) == Waited::Same => {}
            Ok(upgrade) => self.offered(upgrade),
            Err(refusal) => {
                crate::log!(Warning, "haas", "{}: message refused: {refusal}", self.login.device);
                let module = module::addressee(payload);
                let words = if refusal.is_answered() {
                    refusal.to_string()
                } else {
                    format!("OTA transport parse failed: {refusal}")
                };
                self.tell(module.as_deref().unwrap_or(module::DEFAULT), -1, &words);
            }
        }
    }

    pub(super) fn receive_reply(self: &Arc<Self>, payload: &[u8]) {
        match module::decode_get_reply(payload) {
            // An order of its own.
            Ok(upgrade) if self.deliver(&upgrade) == Waited::Other => self.offered(upgrade),
            // Nobody else has asked.
            Ok(_) => {}
            Err(refusal) => crate::log!(Warning, "haas", "{}: answer refused: {refusal}", self.login.device),
        }
    }

    /// A message was too large to be taken. One that was an offer is refused, to whichever module it was.
    pub(super) fn dropped(&self, topic: &str, text: &str) {
        crate::log!(Warning, "haas", "{}: {text}", self.login.device);
        if topic == Topic::Upgrade.of(&self.login.device) {
            self.tell(module::DEFAULT, -1, &format!("OTA transport parse failed: {text}"));
        }
    }

    /// Hands an offer to the download that waits for a fresh URL.
    fn deliver(&self, upgrade: &Upgrade) -> Waited {
        let offer = &upgrade.firmware.offer;
        let asked = self.mailboxes.lock().get(&upgrade.module).map(|Asked { image, mailbox, .. }| {
            // By the download's own rule: what gives it its URL is no order as well.
            let waited = if image.is_renewed_by(offer) { Waited::Same } else { Waited::Other };
            (waited, Arc::clone(mailbox))
        });
        match asked {
            Some((waited, mailbox)) if mailbox.deliver(offer.clone()).is_none() => waited,
            _ => Waited::Nobody,
        }
    }

    fn offered(self: &Arc<Self>, upgrade: Upgrade) {
        if upgrade.module == module::DEFAULT {
            self.receive_system(upgrade);
            return;
        }
        let _ = self.progress(&upgrade.module, 1, "");
        let content = Content::Offer(Box::new(upgrade.clone()));
        self.hub.remember(self, upgrade);
        self.post(TRIGGER, 0, content);
    }

    /// Whether the version of a module is known.
    fn has(&self, name: &str) -> bool {
        self.modules.lock().contains_key(name)
    }

    /// Asks for a module's offer, in the newer form or by reporting its version again. Whether the question was sent.
    fn ask(self: &Arc<Self>, name: &str, way: Way) -> bool {
        let of = &self.login.device;
        let asked = || match way {
            Way::Newer => {
                let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::GetReply) };
                self.client()?.subscribe(&Topic::FirmwareGetReply.of(of), 0, Arc::new(inbox)).ok()?;
                let question = module::firmware_get(message_id::next(), name);
                self.publish(&Topic::FirmwareGet.of(of), 0, question.as_bytes())
            }
            Way::Report => {
                let running = self.modules.lock().get(name).cloned()?;
                self.publish(&Topic::Inform.of(of), 1, module::inform(name, &running).as_bytes())
            }
        };
        asked().is_some()
    }
}

/// A way to ask for an offer.
#[derive(Clone, Copy, Debug)]
enum Way {
    Newer,
    Report,
}

/// Asks for fresh URLs on behalf of the download of one image.
pub(super) struct Renewal {
    /// Whom it was offered to, and for which module.
    offered: Vec<(Weak<Device>, String)>,
    asking: Mutex<Option<Asking>>,
}

/// The question that is put now, and where its answer is handed over.
struct Asking {
    device: Arc<Device>,
    module: String,
    way: Way,
    question: Question,
    mailbox: Arc<Mailbox<Offer>>,
}

impl Renewal {
    pub(super) fn of(known: &[Known]) -> Self {
        let offered =
            known.iter().map(|known| (known.device.clone(), known.upgrade.module.clone())).collect();
        Self { offered, asking: Mutex::default() }
    }

    /// Asks the first of those who can answer best.
    fn begin(&self, image: &Offer) -> Option<Asking> {
        let best = self.offered.iter().map(|(device, _)| rank(device)).max().filter(|best| *best > 0)?;
        let (device, module) = self.offered.iter().find(|(device, _)| rank(device) == best)?;
        let (device, mailbox) = (device.upgrade()?, Arc::<Mailbox<Offer>>::default());
        mailbox.open();
        let asked = Asked { birth: Birth::now(), image: image.clone(), mailbox: Arc::clone(&mailbox) };
        let _steady = steady();
        device.mailboxes.lock().insert(module.clone(), asked);
        Some(Asking {
            module: module.clone(),
            way: Way::Newer,
            question: Question::new(ANSWER),
            mailbox,
            device,
        })
    }
}

impl Asking {
    fn end(&self) {
        let _steady = steady();
        self.device.mailboxes.lock().remove(&self.module);
    }
}

impl Renew for Renewal {
    fn renew(&self, image: &Offer, wait: Duration, cancel: &CancellationToken) -> Option<Option<Offer>> {
        let mut place = self.asking.lock();
        let Some(mut asking) = place.take().or_else(|| self.begin(image)) else { return Some(None) };
        let way = asking.way;
        let put = || asking.device.ask(&asking.module, way);
        match asking.question.step(&asking.mailbox, wait, cancel, put) {
            None => {}
            Some(None)
                if matches!(way, Way::Newer)
                    && !cancel.is_cancelled()
                    && asking.device.has(&asking.module) =>
            {
                (asking.way, asking.question) = (Way::Report, Question::new(ANSWER));
            }
            Some(answer) => {
                asking.end();
                return Some(answer);
            }
        }
        *place = Some(asking);
        None
    }

    fn stop(&self) {
        if let Some(asking) = self.asking.lock().take() {
            asking.end();
        }
    }
}
