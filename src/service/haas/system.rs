// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device's own firmware, the module `default`: fetched and verified here, installed by the application.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::version::compare as compare_versions;

use super::files::{self, Job};
use super::offers::Known;
use super::{Content, Device, SYSTEM, told};
use crate::thread::{Birth, steady};

/// What becomes of new firmware.
#[derive(Default)]
pub(super) struct System {
    /// Where it goes.
    pub(super) path: Option<PathBuf>,
    /// What is being fetched, and the real name of its file.
    pub(super) fetching: Option<(Upgrade, PathBuf)>,
    /// Whether the application was told how that ended.
    pub(super) told: bool,
    /// What the cloud wants instead: its turn comes when that has ended.
    pub(super) waiting: Option<Upgrade>,
}

impl System {
    fn begin(&mut self, upgrade: &Upgrade, path: &Path) {
        (self.fetching, self.told) = (Some((upgrade.clone(), path.to_owned())), false);
    }
}

impl Device {
    /// Takes an offer of new firmware. Whatever becomes of it, the cloud is told.
    pub(super) fn receive_system(self: &Arc<Self>, upgrade: Upgrade) {
        let offer = &upgrade.firmware.offer;
        let running = self.modules.lock().get(module::DEFAULT).cloned().unwrap_or_default();
        if compare_versions(&offer.version, &running).is_le() {
            crate::log!(Warning, "haas", "{}: offered firmware is not newer", self.login.device);
            self.tell(module::DEFAULT, -1, "OTA transport version is too old");
            return;
        }
        let mut system = self.system.lock();
        if let Some((fetching, _)) = &system.fetching {
            // The cloud has repeated itself, or has changed its mind.
            let waits = !fetching.firmware.offer.is_same_image(offer);
            system.waiting = waits.then_some(upgrade);
            drop(system);
            if waits {
                crate::log!(
                    Warning,
                    "haas",
                    "{}: newer offer waits for the end of a download",
                    self.login.device
                );
            }
            return;
        }
        drop(system);
        if let Some(path) = self.place_for(&upgrade) {
            self.system.lock().begin(&upgrade, &path);
            self.fetch_in_background(Some((upgrade, path)));
        }
    }

    /// Fetches new firmware, whose file is occupied already, and what has come meanwhile behind it.
    pub(super) fn fetch_in_background(self: &Arc<Self>, first: Option<(Upgrade, PathBuf)>) {
        let (device, at_hand) = (Arc::clone(self), first.clone());
        let work = move || {
            let mut next = first.or_else(|| device.next_system());
            while let Some((upgrade, path)) = next {
                device.fetch_system(&upgrade, &path);
                next = device.next_system();
            }
        };
        match crate::thread::named("otakit-haas").spawn(work) {
            Ok(thread) => {
                let mut fetching = self.fetching.lock();
                fetching.retain(|(_, other)| !other.is_finished());
                fetching.push((Birth::now(), thread));
            }
            Err(error) => {
                self.system.lock().fetching = None;
                if let Some((upgrade, path)) = at_hand {
                    self.hub.vacate(&path);
                    self.refuse_system(upgrade, &format!("no thread: {error}"));
                }
            }
        }
    }

    /// What has waited for the end of a download, and where it goes. `None`: nothing is being fetched any more.
    pub(super) fn next_system(self: &Arc<Self>) -> Option<(Upgrade, PathBuf)> {
        loop {
            let upgrade = {
                let _steady = steady();
                let mut system = self.system.lock();
                let upgrade = system.waiting.take().filter(|_| !self.ended.is_cancelled());
                if upgrade.is_none() {
                    system.fetching = None;
                }
                upgrade?
            };
            if let Some(path) = self.place_for(&upgrade) {
                self.system.lock().begin(&upgrade, &path);
                return Some((upgrade, path));
            }
        }
    }

    /// Takes the firmware's file for an update; when that cannot be, the update is refused.
    fn place_for(&self, upgrade: &Upgrade) -> Option<PathBuf> {
        let path = self.system.lock().path.clone();
        let why = match path.map(|path| self.hub.occupy(&path)) {
            None => "no file for it is set (haas_ota_system_path)",
            Some(Some(path)) => {
                let _ = self.progress(module::DEFAULT, 1, "");
                return Some(path);
            }
            Some(None) => "another download goes to its file",
        };
        self.refuse_system(upgrade.clone(), why);
        None
    }

    fn refuse_system(&self, upgrade: Upgrade, why: &str) {
        crate::log!(Error, "haas", "{}: firmware not fetched: {why}", self.login.device);
        self.tell(module::DEFAULT, -1, &format!("OTA init failed: {why}"));
        self.post(SYSTEM, -1, Content::Offer(Box::new(upgrade)));
    }

    /// Fetches new firmware. The cloud hears of 100 % only once the image is verified.
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
            source: &*self.source,
            settings: &self.settings,
            url: &upgrade.firmware.offer.url,
            known: vec![Known { device: Arc::downgrade(self), upgrade: upgrade.clone() }],
            path,
        };
        let value = files::fetch(job, &self.ended, watch);
        if !self.ended.is_cancelled() {
            self.tell(module::DEFAULT, told::step(value), told::words(value));
        }
        let _steady = steady();
        self.hub.vacate(path);
        self.system.lock().told = true;
        self.post(SYSTEM, value, Content::Offer(Box::new(upgrade.clone())));
    }
}
