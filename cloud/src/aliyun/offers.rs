// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a device is given an offer. An order stays open until the device has the firmware or says that it failed; it is
//! given when the device listens, and again when the device comes back without having done it.
//!
//! What is to be sent is collected in [`Effects`] and leaves when the transaction that decided it is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{order_topic, service, sys_topic};
use crate::broker::{Outgoing, Publisher};
use crate::data::configs::CONFIG;
use crate::data::model::{DeviceKey, Firmware, Update};
use crate::data::upgrades::Origin;
use crate::data::{Store, version};
use crate::origin::Urls;
use crate::rollout::upgrade::State;
use crate::web::talk::{Talk, Way};
use crate::{Failure, note};

/// An order is given this often; then somebody has to look at the device.
const MAX_PUSHES: u32 = 20;
/// A device that reported progress within this time is at work, and is left in peace.
const AT_WORK: Duration = Duration::from_secs(60);

/// What is to be sent after the commit.
#[derive(Debug, Default)]
pub struct Effects(Vec<Effect>);

#[derive(Debug)]
enum Effect {
    Answer(Outgoing),
    Offer { id: u64, message: Outgoing },
    Config { key: DeviceKey, message: Outgoing },
}

impl Effects {
    /// Adds an answer to a device.
    pub fn answer(&mut self, message: Outgoing) {
        self.0.push(Effect::Answer(message));
    }

    /// Adds those of a part of the transaction.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

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
    /// The last messages, for people to look at.
    pub talk: Talk,
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
    /// Does something in a transaction of its own, then sends what that brings about. The second result tells whether a
    /// device heard an offer or a configuration.
    pub fn commit<T>(
        &self,
        work: impl FnOnce(&mut Effects) -> Result<T, Failure>,
    ) -> Result<(T, bool), Failure> {
        let mut effects = Effects::default();
        match self.store.batch(|| work(&mut effects)) {
            Ok(result) => Ok((result, self.send(effects))),
            Err(failure) => {
                self.retract(effects);
                Err(failure)
            }
        }
    }

    /// Forgets what a transaction that came to nothing would have sent.
    pub fn retract(&self, effects: Effects) {
        let mut given = self.given.lock();
        for effect in effects.0 {
            if let Effect::Offer { id, .. } = effect {
                given.remove(&id);
            }
        }
    }

    /// Sends what a transaction that is committed has brought about. `true`: a device heard an offer or a configuration.
    pub fn send(&self, effects: Effects) -> bool {
        let mut heard = false;
        for effect in effects.0 {
            let (Effect::Answer(message) | Effect::Offer { message, .. } | Effect::Config { message, .. }) =
                &effect;
            self.talk.note(Way::Down, &message.topic, &message.payload);
            match effect {
                Effect::Answer(message) => self.publisher.publish(message),
                Effect::Offer { id, message } => {
                    if self.publisher.push(message) {
                        heard = true;
                    } else {
                        self.given.lock().remove(&id);
                    }
                }
                Effect::Config { key, message } => {
                    if self.publisher.push(message) {
                        heard = true;
                        if let Err(failure) = self.store.set_config_due(&key, false) {
                            note(format_args!("{key}: {failure}"));
                        }
                    }
                }
            }
        }
        heard
    }

    /// Orders a firmware for a device, and gives the offer to it if it listens. Gives the update's number.
    pub fn order(
        &self,
        key: &DeviceKey,
        firmware: &Firmware,
        origin: Origin,
        out: &mut Effects,
    ) -> Result<u64, Failure> {
        let id = self.store.open_update(key, firmware, origin)?;
        let id = id.ok_or_else(|| Failure::absent(format!("{key} is not registered")))?;
        self.give(key, firmware, id, out)?;
        Ok(id)
    }

    /// Gives an open order to its device if that listens.
    pub fn give(
        &self,
        key: &DeviceKey,
        firmware: &Firmware,
        id: u64,
        out: &mut Effects,
    ) -> Result<(), Failure> {
        let Some(connection) = self.publisher.listener(&order_topic(key, firmware.is_config())) else {
            return Ok(());
        };
        // Counted first: an offer that is given and not counted would be given without end.
        self.store.count_push(id)?;
        note(format_args!("offering {} to {key}", firmware.version));
        // Noted before it leaves: between the commit and that, a report of the device must not bring it a second one.
        self.given.lock().insert(id, Given { at: Instant::now(), connection, progress: None });
        out.0.push(Effect::Offer { id, message: service::offer(&self.urls, key, firmware, id) });
        Ok(())
    }

    /// A device has asked and was answered with this order.
    pub fn asked(&self, key: &DeviceKey, id: u64, is_config: bool) {
        let connection = self.publisher.listener(&order_topic(key, is_config)).unwrap_or_default();
        self.given.lock().insert(id, Given { at: Instant::now(), connection, progress: None });
    }

    /// A device reports progress on an order.
    pub fn progress(&self, id: u64) {
        if let Some(given) = self.given.lock().get_mut(&id) {
            given.progress = Some(Instant::now());
        }
    }

    /// Somebody listens to a device's topics: what waits for it is given.
    pub fn listening(&self, key: &DeviceKey, connection: u64, out: &mut Effects) -> Result<(), Failure> {
        let Some(device) = self.store.device(key)? else {
            return Ok(());
        };
        if device.config_due {
            self.give_config(key, out)?;
        }
        let updates = self.store.updates(key)?;
        // Nothing tells that a device still works on a configuration: to get it twice does no harm.
        let waits = |u: &&Update| {
            matches!(u.state, State::Queued | State::Pushed) || u.is_config() && u.state.is_at_work()
        };
        let waiting = updates.iter().filter(waits);
        for update in waiting.filter(|u| self.may_give_again(key, u)) {
            let given = self.given.lock().get(&update.id).copied();
            if given.is_none_or(|given| given.connection != connection) {
                self.give_again(key, update, out)?;
            }
        }
        Ok(())
    }

    /// A device that reported its version at `at` has had time to subscribe. What is open is given to it, else what is due.
    pub fn settled(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        at: Instant,
        out: &mut Effects,
    ) -> Result<(), Failure> {
        let Some(device) = self.store.device(key)? else {
            return Ok(());
        };
        if module.is_none()
            && let Some(update) = self.store.open_of(key, Some(CONFIG))?
            && self.is_due_again(key, &update, at)
            && self.may_give_again(key, &update)
        {
            self.give_again(key, &update, out)?;
        }
        let reported = match module {
            Some(module) => device.modules.get(module).cloned(),
            None => device.version.clone(),
        };
        let due = self.store.due(key, module, &reported.unwrap_or_default())?;
        match self.store.open_of(key, module)? {
            Some(update) if due.as_ref().is_none_or(|due| !supersedes(due, &update)) => {
                if self.is_due_again(key, &update, at) && self.may_give_again(key, &update) {
                    self.give_again(key, &update, out)?;
                }
            }
            _ => {
                if let Some(firmware) = due {
                    self.order(key, &firmware, Origin::default(), out)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a version report that arrived at `at` says that the device does not work on what it was given.
    fn is_due_again(&self, key: &DeviceKey, update: &Update, at: Instant) -> bool {
        let Some(given) = self.given.lock().get(&update.id).copied() else {
            return true;
        };
        if self.publisher.listener(&order_topic(key, update.is_config())) != Some(given.connection) {
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

    /// Gives an order once more. Its firmware may have been replaced since: then the order is for the new bytes.
    fn give_again(&self, key: &DeviceKey, update: &Update, out: &mut Effects) -> Result<(), Failure> {
        let Some(firmware) = update.firmware_key.map_or(Ok(None), |key| self.store.firmware(key))? else {
            return Ok(());
        };
        if firmware.content.sha256 == update.sha256 {
            self.give(key, &firmware, update.id, out)
        } else {
            let origin = Origin { job: update.job, stage: 0 };
            self.order(key, &firmware, origin, out).map(drop)
        }
    }

    /// Gives a device its product's configuration, now or once it listens. `false`: the product has none.
    pub fn push_config(&self, key: &DeviceKey, out: &mut Effects) -> Result<bool, Failure> {
        if self.store.config(&key.product)?.is_none() {
            return Ok(false);
        }
        self.store.drop_own_config(key)?;
        self.store.set_config_due(key, true)?;
        self.give_config(key, out)?;
        Ok(true)
    }

    fn give_config(&self, key: &DeviceKey, out: &mut Effects) -> Result<(), Failure> {
        if self.publisher.listener(&sys_topic(key, "thing/config/push")).is_some()
            && let Some(message) = service::config_push(&self.store, &self.urls, key)?
        {
            out.0.push(Effect::Config { key: key.clone(), message });
        }
        Ok(())
    }
}

/// Whether a firmware that devices get unasked takes the place of an open order: it came later and is newer.
fn supersedes(due: &Firmware, open: &Update) -> bool {
    due.added_at > open.pushed_at && version::compare(&due.version, &open.to).is_gt()
}
