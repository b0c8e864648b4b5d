// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud offers a device: handed to the application, or refused with a reason; asked for again where its URL has
//! expired.

use std::sync::{Arc, Weak};
use std::time::Duration;

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::platform::aliyun::topics::Topic;

use super::{Content, Device, Inbox, Kind, TRIGGER};
use crate::cancel::Cancel;
use crate::engine::pump::Renew;
use crate::service::aliyun::message_id;
use crate::service::mailbox::Mailbox;

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

    /// Asks for a module's offer, first in the newer form, then by reporting its version again.
    fn ask(self: &Arc<Self>, name: &str, mailbox: &Mailbox<Offer>, cancel: &Cancel) -> Option<Offer> {
        let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::GetReply) };
        let of = &self.login.device;
        let inbox = Arc::new(inbox);
        let newer = || {
            let client = self.client()?;
            client.subscribe(&Topic::FirmwareGetReply.of(of), 0, Arc::clone(&inbox) as _).ok()?;
            let question = module::firmware_get(message_id::next(), name);
            self.publish(&Topic::FirmwareGet.of(of), 0, question.as_bytes())
        };
        if let Some(offer) = mailbox.ask(ANSWER, cancel, || newer().is_some()) {
            return Some(offer);
        }
        let running = self.modules.lock().get(name).cloned()?;
        let report = module::inform(name, &running);
        mailbox.ask(ANSWER, cancel, || self.publish(&Topic::Inform.of(of), 1, report.as_bytes()).is_some())
    }
}

/// Asks for fresh URLs on behalf of the download of one module.
pub(super) struct Renewal {
    pub(super) device: Weak<Device>,
    pub(super) module: String,
}

impl Renew for Renewal {
    fn renew(&self, image: &Offer, cancel: &Cancel) -> Option<Offer> {
        let device = self.device.upgrade()?;
        let mailbox = Arc::<Mailbox<Offer>>::default();
        mailbox.open();
        let asked = Asked { image: image.clone(), mailbox: Arc::clone(&mailbox) };
        device.mailboxes.lock().insert(self.module.clone(), asked);
        let offer = device.ask(&self.module, &mailbox, cancel);
        device.mailboxes.lock().remove(&self.module);
        offer
    }
}
