// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud offers a device: handed to the application, fetched where it is the firmware itself, asked for again
//! where its URL has expired.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::platform::aliyun::topics::Topic;
use otakit_core::version::compare as compare_versions;

use super::files::{self, Job};
use super::{Content, Device, Inbox, Kind, SYSTEM, TRIGGER};
use crate::cancel::Cancel;
use crate::engine::pump::Renew;
use crate::service::desk::Desk;
use crate::service::message_id;

/// How long an answer is waited for, for each of the two ways to ask.
const ANSWER: Duration = Duration::from_secs(5);
/// Most offers that are remembered.
const MAX_OFFERS: usize = 32;

impl Device {
    pub(super) fn receive(self: &Arc<Self>, payload: &[u8]) {
        match module::decode(payload) {
            Ok(upgrade) => self.offered(upgrade),
            Err(refusal) => {
                crate::log!(Warning, "haas", "{}: message refused: {refusal}", self.login.device);
                let _ = self.progress(module::DEFAULT, -1, "OTA transport parse failed");
            }
        }
    }

    pub(super) fn receive_reply(&self, payload: &[u8]) {
        match module::decode_get_reply(payload) {
            // Nobody else has asked.
            Ok(upgrade) => drop(self.deliver(upgrade)),
            Err(refusal) => crate::log!(Warning, "haas", "{}: answer refused: {refusal}", self.login.device),
        }
    }

    /// Hands an offer to the download that waits for it; gives it back when none does.
    fn deliver(&self, upgrade: Upgrade) -> Option<Upgrade> {
        let desk = self.desks.lock().get(&upgrade.module).cloned();
        let Some(desk) = desk else { return Some(upgrade) };
        desk.deliver(upgrade.firmware.offer.clone()).map(|_| upgrade)
    }

    fn offered(self: &Arc<Self>, upgrade: Upgrade) {
        let Some(upgrade) = self.deliver(upgrade) else { return };
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

    /// The device's own firmware: fetched and verified here, installed by the application.
    fn receive_system(self: &Arc<Self>, upgrade: Upgrade) {
        let running = self.modules.lock().get(module::DEFAULT).cloned().unwrap_or_default();
        if compare_versions(&upgrade.firmware.offer.version, &running).is_le() {
            crate::log!(Warning, "haas", "{}: offered firmware is not newer", self.login.device);
            let _ = self.progress(module::DEFAULT, -1, "OTA transport version is too old");
            return;
        }
        let _ = self.progress(module::DEFAULT, 1, "");
        let Some(path) = self.system.lock().clone() else {
            self.post(SYSTEM, -1, Content::Offer(Box::new(upgrade)));
            return;
        };
        if !self.hub.occupy(&path) {
            // The cloud has repeated itself.
            return;
        }
        let (device, content) = (Arc::clone(self), Content::Offer(Box::new(upgrade.clone())));
        let occupied = path.clone();
        let work = move || device.fetch_system(&upgrade, &path);
        match crate::thread::named("otakit-haas").spawn(work) {
            Ok(thread) => {
                let mut fetching = self.fetching.lock();
                fetching.retain(|other| !other.is_finished());
                fetching.push(thread);
            }
            Err(error) => {
                crate::log!(Error, "haas", "{}: firmware not fetched, no thread: {error}", self.login.device);
                self.hub.vacate(&occupied);
                self.post(SYSTEM, -1, content);
            }
        }
    }

    /// Fetches the device's own firmware. The cloud hears of 100 % only once the image is verified.
    fn fetch_system(self: &Arc<Self>, upgrade: &Upgrade, path: &Path) {
        let mut told = 0;
        let watch = &mut |stored, size| {
            let percent = otakit_core::progress::percent(stored, size).min(99);
            if percent >= told + 5 {
                told = percent;
                let _ = self.progress(module::DEFAULT, percent.into(), "");
            }
        };
        let job = Job {
            source: (self.source)(),
            settings: self.settings.clone(),
            url: &upgrade.firmware.offer.url,
            known: Some((Arc::downgrade(self), upgrade.clone())),
            path,
        };
        let value = files::fetch(job, &self.ended, watch);
        self.hub.vacate(path);
        let step = match value {
            0.. => 100,
            -13..=-10 => -3,
            _ => -2,
        };
        let _ = self.progress(module::DEFAULT, step, "");
        self.post(SYSTEM, value, Content::Offer(Box::new(upgrade.clone())));
    }

    /// Asks for a module's offer, first in the newer form, then by reporting its version again.
    fn ask(self: &Arc<Self>, name: &str, desk: &Desk<Offer>, cancel: &Cancel) -> Option<Offer> {
        let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::GetReply) };
        let of = &self.login.device;
        let asked = self.client().is_some_and(|client| {
            client.subscribe(&Topic::FirmwareGetReply.of(of), 0, Arc::new(inbox)).is_ok()
                && self
                    .publish(
                        &Topic::FirmwareGet.of(of),
                        0,
                        module::firmware_get(message_id::next(), name).as_bytes(),
                    )
                    .is_some()
        });
        if asked && let Some(offer) = desk.wait(ANSWER, cancel) {
            return Some(offer);
        }
        let running = self.modules.lock().get(name).cloned()?;
        self.publish(&Topic::Inform.of(of), 1, module::inform(name, &running).as_bytes())?;
        desk.wait(ANSWER, cancel)
    }
}

/// Asks for fresh URLs on behalf of the download of one module.
pub(super) struct Renewal {
    pub(super) device: Weak<Device>,
    pub(super) module: String,
}

impl Renew for Renewal {
    fn renew(&self, _: &Offer, cancel: &Cancel) -> Option<Offer> {
        let device = self.device.upgrade()?;
        let desk = Arc::<Desk<Offer>>::default();
        desk.open();
        device.desks.lock().insert(self.module.clone(), Arc::clone(&desk));
        let offer = device.ask(&self.module, &desk, cancel);
        device.desks.lock().remove(&self.module);
        offer
    }
}
