// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud offers a device: handed to the application, or refused with a reason; asked for again where its URL has
//! expired.

use std::sync::{Arc, Weak};
use std::time::Duration;

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::platform::aliyun::topics::Topic;
use parking_lot::Mutex;

use super::{Content, Device, Inbox, Kind, TRIGGER};
use crate::cancel::CancellationToken;
use crate::engine::Renew;
use crate::service::aliyun::message_id;
use crate::service::mailbox::{Mailbox, Question};

/// How long an answer is waited for, for each of the two ways to ask.
const ANSWER: Duration = Duration::from_secs(5);
/// Most offers that are remembered.
const MAX_OFFERS: usize = 32;

/// A download that waits for a fresh URL of its image.
pub(super) struct Asked {
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
        let asked = self.mailboxes.lock().get(&upgrade.module).map(|Asked { image, mailbox }| {
            let waited = if image.is_same_image(offer) { Waited::Same } else { Waited::Other };
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
        self.remember(upgrade);
        self.post(TRIGGER, 0, content);
    }

    fn remember(self: &Arc<Self>, upgrade: Upgrade) {
        let this = Arc::downgrade(self);
        let mut offers = self.hub.offers.lock();
        offers.retain(|(device, known)| {
            device.strong_count() > 0 && !(device.ptr_eq(&this) && known.module == upgrade.module)
        });
        if offers.len() >= MAX_OFFERS {
            offers.remove(0);
        }
        offers.push((this, upgrade));
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

/// Asks for fresh URLs on behalf of the download of one module.
pub(super) struct Renewal {
    device: Weak<Device>,
    module: String,
    asking: Mutex<Option<Asking>>,
}

/// The question that is put now, and where its answer is handed over.
struct Asking {
    way: Way,
    question: Question,
    mailbox: Arc<Mailbox<Offer>>,
}

impl Renewal {
    pub(super) fn of(device: Weak<Device>, module: &str) -> Self {
        Self { device, module: module.to_owned(), asking: Mutex::default() }
    }

    fn begin(&self, device: &Device, image: &Offer) -> Asking {
        let mailbox = Arc::<Mailbox<Offer>>::default();
        mailbox.open();
        let asked = Asked { image: image.clone(), mailbox: Arc::clone(&mailbox) };
        device.mailboxes.lock().insert(self.module.clone(), asked);
        Asking { way: Way::Newer, question: Question::new(ANSWER), mailbox }
    }
}

impl Renew for Renewal {
    fn renew(&self, image: &Offer, wait: Duration, cancel: &CancellationToken) -> Option<Option<Offer>> {
        let Some(device) = self.device.upgrade() else { return Some(None) };
        let mut place = self.asking.lock();
        let mut asking = place.take().unwrap_or_else(|| self.begin(&device, image));
        let way = asking.way;
        let put = || device.ask(&self.module, way);
        match asking.question.step(&asking.mailbox, wait, cancel, put) {
            None => {}
            Some(None) if matches!(way, Way::Newer) && !cancel.is_cancelled() && device.has(&self.module) => {
                (asking.way, asking.question) = (Way::Report, Question::new(ANSWER));
            }
            Some(answer) => {
                device.mailboxes.lock().remove(&self.module);
                return Some(answer);
            }
        }
        *place = Some(asking);
        None
    }

    fn stop(&self) {
        if self.asking.lock().take().is_some()
            && let Some(device) = self.device.upgrade()
        {
            device.mailboxes.lock().remove(&self.module);
        }
    }
}
