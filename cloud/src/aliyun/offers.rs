// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a device is given an offer. An order stays open until the device has the firmware or says that it failed; it is
//! given when the device listens, and again when the device comes back without having done it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{service, sys_topic, upgrade_topic};
use crate::broker::Publisher;
use crate::data::model::{DeviceKey, Firmware, State, Update};
use crate::data::{Store, version};
use crate::origin::Urls;
use crate::{Failure, note};

/// An order is given this often; then somebody has to look at the device.
const MAX_PUSHES: u32 = 20;
/// A device that reported progress within this time is at work, and is left in peace.
const AT_WORK: Duration = Duration::from_secs(60);

/// Gives offers to devices. Safe to share between threads.
#[derive(Debug)]
pub struct Offers {
    /// The state of the cloud.
    pub store: Arc<Store>,
    /// URLs given to devices.
    pub urls: Urls,
    /// The way to devices.
    pub publisher: Publisher,
    /// Time for a device to subscribe after it has reported its version.
    pub settle: Duration,
    /// When an order was given last, and on which connection.
    pub given: Mutex<HashMap<u64, Given>>,
}

/// The last time that an order was given.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    at: Instant,
    connection: u64,
    /// The last sign that the device works on it.
    progress: Option<Instant>,
}

impl Offers {
    /// Orders a firmware for a device, and gives the offer to it if it listens. `false`: the offer waits for the device.
    pub fn order(&self, key: &DeviceKey, firmware: &Firmware) -> Result<bool, Failure> {
        let id = self.store.open_update(key, firmware)?;
        let id = id.ok_or_else(|| Failure::new(format!("{key} is not registered")))?;
        self.give(key, firmware, id)
    }

    fn give(&self, key: &DeviceKey, firmware: &Firmware, id: u64) -> Result<bool, Failure> {
        let Some(connection) = self.publisher.listener(&upgrade_topic(key)) else { return Ok(false) };
        // Counted first: an offer that is given and not counted would be given without end.
        self.store.count_push(key, id)?;
        let heard = self.publisher.push(service::offer(&self.urls, key, firmware, id));
        if heard {
            note(format_args!("offering {} to {key}", firmware.version));
            self.given.lock().insert(id, Given { at: Instant::now(), connection, progress: None });
        }
        Ok(heard)
    }

    /// A device has asked and was answered with this order.
    pub fn asked(&self, key: &DeviceKey, id: u64) {
        let connection = self.publisher.listener(&upgrade_topic(key)).unwrap_or_default();
        self.given.lock().insert(id, Given { at: Instant::now(), connection, progress: None });
    }

    /// A device reports progress.
    pub fn progress(&self, key: &DeviceKey, module: Option<&str>) {
        if let Some(update) = self.open(key, module)
            && let Some(given) = self.given.lock().get_mut(&update.id)
        {
            given.progress = Some(Instant::now());
        }
    }

    /// Somebody listens to a device's topics: what waits for it is given.
    pub fn listening(&self, key: &DeviceKey, connection: u64) {
        let Some(device) = self.store.device(key) else { return };
        if device.config_due
            && self.publisher.listener(&sys_topic(key, "thing/config/push")).is_some()
            && let Err(failure) = self.give_config(key)
        {
            note(format_args!("{key}: {failure}"));
        }
        let waiting = device.updates.iter().filter(|u| u.state == State::Pushed);
        for update in waiting.filter(|u| self.may_give_again(key, u)) {
            let given = self.given.lock().get(&update.id).copied();
            if given.is_none_or(|given| given.connection != connection) {
                self.give_again(key, update);
            }
        }
    }

    /// A device that reported its version at `at` has had time to subscribe. What is open is given to it, else what is due.
    pub fn settled(&self, key: &DeviceKey, module: Option<&str>, at: Instant) {
        let Some(device) = self.store.device(key) else { return };
        let reported = match module {
            Some(module) => device.modules.get(module).cloned(),
            None => device.version.clone(),
        };
        let reported = reported.unwrap_or_default();
        let due = self.store.due(key, module, &reported);
        match self.open(key, module) {
            Some(update) if due.as_ref().is_none_or(|due| !supersedes(due, &update)) => {
                if self.is_due_again(key, &update, at) && self.may_give_again(key, &update) {
                    self.give_again(key, &update);
                }
            }
            _ => {
                if let Some(firmware) = due
                    && let Err(failure) = self.order(key, &firmware)
                {
                    note(format_args!("{key}: {failure}"));
                }
            }
        }
    }

    /// Whether a version report that arrived at `at` says that the device does not work on what it was given.
    fn is_due_again(&self, key: &DeviceKey, update: &Update, at: Instant) -> bool {
        let Some(given) = self.given.lock().get(&update.id).copied() else { return true };
        if self.publisher.listener(&upgrade_topic(key)) != Some(given.connection) {
            return true;
        }
        let at_work = given.progress.is_some_and(|progress| progress.elapsed() < AT_WORK);
        !at_work && given.at + self.settle < at
    }

    fn may_give_again(&self, key: &DeviceKey, update: &Update) -> bool {
        if update.pushes == MAX_PUSHES {
            note(format_args!(
                "{key}: {} was offered {MAX_PUSHES} times without effect; push it again once the device is well",
                update.to
            ));
        }
        update.pushes < MAX_PUSHES
    }

    fn give_again(&self, key: &DeviceKey, update: &Update) {
        let Some(firmware) = self.store.firmware(&update.firmware) else { return };
        // It may have been replaced since: then the order is for the new bytes.
        if let Err(failure) = self.order(key, &firmware) {
            note(format_args!("{key}: {failure}"));
        }
    }

    fn open(&self, key: &DeviceKey, module: Option<&str>) -> Option<Update> {
        let device = self.store.device(key)?;
        let last = device.updates.iter().rev().find(|u| u.module.as_deref() == module);
        last.filter(|u| !u.state.is_final()).cloned()
    }

    /// Gives a device its product's configuration, now or once it listens. `None`: the product has none.
    pub fn push_config(&self, key: &DeviceKey) -> Result<Option<bool>, Failure> {
        if self.store.config(&key.product).is_none() {
            return Ok(None);
        }
        self.store.set_config_due(key, true)?;
        self.give_config(key).map(Some)
    }

    fn give_config(&self, key: &DeviceKey) -> Result<bool, Failure> {
        let Some(message) = service::config_push(&self.store, &self.urls, key) else { return Ok(false) };
        let heard = self.publisher.push(message);
        if heard {
            self.store.set_config_due(key, false)?;
        }
        Ok(heard)
    }
}

/// Whether a firmware that devices get unasked takes the place of an open order: it came later and is newer.
fn supersedes(due: &Firmware, open: &Update) -> bool {
    due.added_at > open.pushed_at && version::compare(&due.version, &open.to).is_gt()
}
