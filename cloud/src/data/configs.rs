// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations: the one of a product, and those that jobs give to devices.
//!
//! The latter are kept as firmware of a module that no device can have, so that jobs treat them like any other. The version of
//! one is made of its content. Devices report no such version: what is noted as their module's version is what they were given.

use super::firmware::NewFirmware;
use super::model::{Config, Content, DeviceKey, Firmware, Update};
use super::{Store, checked_name, time};
use crate::Failure;
use crate::db::Row;
use crate::rollout::upgrade::{Event, State};

/// The module that configurations have. [`checked_name`] refuses it, and so does the service when a device names it.
pub const CONFIG: &str = "$config";

/// The columns of [`config_of`].
const COLUMNS: &str = "product, file, size, md5, sha256 FROM config";

fn config_of(mut row: Row) -> Config {
    let (product_key, name) = (row.text(), row.text());
    let size = u64::try_from(row.int()).unwrap_or_default();
    let content = Content { name, in_place: None, size, md5: row.text(), sha256: row.text() };
    Config { product_key, id: id_of(&content.sha256).to_owned(), content }
}

/// What a configuration with this SHA-256 is called.
pub fn id_of(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

/// What is heard of a configuration that was ordered for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The device asked for its configuration, and was told of this one.
    Asked,
    /// The device answered the push with code 200.
    Taken,
    /// The device answered the push with another code.
    Refused(i64),
    /// The last byte was sent to whoever fetched it by the URL of this order.
    Fetched,
}

impl Store {
    /// Sets the configuration of a product whose bytes are there.
    pub fn set_config(&self, product: &str, content: &Content) -> Result<Config, Failure> {
        checked_name("product key", product)?;
        self.db.write(|tx| {
            self.put_product(tx, product)?;
            let sql = "INSERT INTO config (product, file, size, md5, sha256, set_at) VALUES ($1, $2, $3, $4, $5, $6) \
                       ON CONFLICT (product) DO UPDATE SET file = excluded.file, size = excluded.size, md5 = excluded.md5, \
                       sha256 = excluded.sha256, set_at = excluded.set_at";
            let size = i64::try_from(content.size).unwrap_or(i64::MAX);
            let (md5, sha256) = (&content.md5, &content.sha256);
            tx.run(sql, &[product.into(), (&content.name).into(), size.into(), md5.into(), sha256.into(), time::now_ms().into()])?;
            self.config(product)?.ok_or_else(|| Failure::new("the configuration was not kept"))
        })
    }

    /// A product's configuration.
    pub fn config(&self, product: &str) -> Result<Option<Config>, Failure> {
        let sql = format!("SELECT {COLUMNS} WHERE product = $1");
        Ok(self.db.read(|tx| tx.one(&sql, &[product.into()]))?.map(config_of))
    }

    /// Keeps a configuration whose bytes are there, for jobs. The same bytes are the same configuration.
    pub fn add_config(&self, product: &str, content: &Content) -> Result<Firmware, Failure> {
        checked_name("product key", product)?;
        self.db.write(|tx| {
            let version = id_of(&content.sha256).to_owned();
            if let Some(known) = self.find(product, Some(CONFIG), &version)? {
                return Ok(known);
            }
            let new = NewFirmware {
                product: product.to_owned(),
                version,
                module: Some(CONFIG.to_owned()),
                auto: false,
                sign: None,
                omit_md5: false,
                replace: false,
            };
            self.keep_firmware(tx, &new, content)
        })
    }

    /// The configuration that a device was given last by an order of its own.
    pub fn own_config(&self, key: &DeviceKey) -> Result<Option<Firmware>, Failure> {
        match self.device(key)?.and_then(|device| device.modules.get(CONFIG).cloned()) {
            Some(version) => self.find(&key.product, Some(CONFIG), &version),
            None => Ok(None),
        }
    }

    /// What a device goes back to when an order is taken back: what it was given last, else its product's configuration, which
    /// is kept for that.
    pub(super) fn config_before(&self, key: &DeviceKey) -> Result<Option<String>, Failure> {
        if let Some(own) = self.own_config(key)? {
            return Ok(Some(own.version));
        }
        match self.config(&key.product)? {
            Some(config) => Ok(Some(self.add_config(&key.product, &config.content)?.version)),
            None => Ok(None),
        }
    }

    /// An order of a configuration by its number: the update, and what is ordered.
    pub fn ordered_config(&self, id: u64) -> Result<Option<(Update, Firmware)>, Failure> {
        let Some(key) = self.device_of_update(id)? else {
            return Ok(None);
        };
        let update = self.updates(&key)?.into_iter().find(|update| update.id == id && update.is_config());
        let Some((update, firmware)) = update.and_then(|u| u.firmware_key.map(|firmware| (u, firmware)))
        else {
            return Ok(None);
        };
        Ok(self.firmware(firmware)?.map(|firmware| (update, firmware)))
    }

    /// The product's configuration takes the place of what was ordered for a device before.
    pub fn drop_own_config(&self, key: &DeviceKey) -> Result<(), Failure> {
        self.db.write(|tx| {
            let Some(device) = Self::device_id(tx, key)? else { return Ok(()) };
            if let Some(open) = Self::last_of(tx, device, Some(CONFIG))?.filter(|u| !u.state.is_final()) {
                Self::step_on(tx, &open, Event::Replace, None)?;
            }
            let sql = "DELETE FROM module WHERE device = $1 AND name = $2";
            tx.run(sql, &[device.into(), CONFIG.into()]).map(drop)
        })
    }

    /// Notes what is heard of an order. A device has the configuration when it has taken the push, or asked by itself, and
    /// the last byte was fetched, in whatever order the two become known. `None`: it changes nothing.
    pub fn config_heard(&self, key: &DeviceKey, id: u64, heard: Heard) -> Result<Option<State>, Failure> {
        self.db.write(|tx| {
            let Some(device) = Self::device_id(tx, key)? else { return Ok(None) };
            // An older order says nothing about what the device has now.
            let update = Self::last_of(tx, device, Some(CONFIG))?.filter(|update| update.id == id);
            let over = |state| {
                matches!(state, State::Succeeded | State::Failed | State::Superseded | State::Skipped)
            };
            let Some(update) = update.filter(|update| !over(update.state)) else { return Ok(None) };
            let words = match heard {
                Heard::Asked => "asked for its configuration".to_owned(),
                Heard::Taken => "answered the push with code 200".to_owned(),
                Heard::Refused(code) => format!("answered the push with code {code}"),
                Heard::Fetched => "fetched the last byte".to_owned(),
            };
            // Of the two, 0 % is the device's word alone, 100 % the last byte alone.
            let (step, event) = match heard {
                Heard::Refused(_) => (-1, Event::Broken),
                Heard::Fetched if update.progress == Some(0) => (100, Event::Arrived),
                Heard::Fetched => (100, Event::Whole),
                Heard::Asked | Heard::Taken if update.progress == Some(100) => (0, Event::Arrived),
                Heard::Asked | Heard::Taken => (0, Event::Part),
            };
            let number = i64::try_from(id).unwrap_or_default();
            Self::note_step(tx, number, step, &words)?;
            let reason = matches!(heard, Heard::Refused(_)).then(|| format!("the device {words}"));
            let moved = Self::step_on(tx, &update, event, reason.as_deref())?;
            // Noted of one that was called off too: it may still come to its end.
            if step >= 0 {
                let progress = if event == Event::Arrived { 100 } else { i64::from(step) };
                tx.run("UPDATE upgrade SET progress = $1 WHERE id = $2", &[progress.into(), number.into()])?;
            }
            if moved == Some(State::Succeeded) {
                self.note_config(tx, device, key, &update.to)?;
            }
            Ok(moved)
        })
    }

    /// Notes what a device was given. One that has its product's configuration has none of its own.
    fn note_config(
        &self,
        tx: &crate::db::Tx<'_>,
        device: i64,
        key: &DeviceKey,
        version: &str,
    ) -> Result<(), Failure> {
        if self.config(&key.product)?.is_some_and(|config| config.id == version) {
            let sql = "DELETE FROM module WHERE device = $1 AND name = $2";
            return tx.run(sql, &[device.into(), CONFIG.into()]).map(drop);
        }
        let sql = "INSERT INTO module (device, name, version, version_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (device, name) DO UPDATE SET version = excluded.version, version_at = excluded.version_at";
        tx.run(sql, &[device.into(), CONFIG.into(), version.into(), time::now_ms().into()]).map(drop)
    }

    /// The last byte of what was ordered was sent.
    pub fn config_fetched(&self, id: u64) -> Result<Option<State>, Failure> {
        match self.device_of_update(id)? {
            Some(key) => self.config_heard(&key, id, Heard::Fetched),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::fresh;
    use crate::data::upgrades::Origin;

    fn content(name: &str) -> Content {
        let sha256 = format!("{name:0<64}");
        Content { name: "c.json".into(), in_place: None, size: 3, md5: "m".into(), sha256 }
    }

    /// A device and an order of a configuration that was given to it.
    fn ordered(name: &str) -> (Store, DeviceKey, Firmware, u64) {
        let store = fresh(name);
        let key = DeviceKey::new("pk", "dn");
        store.put_device(&key, "secret", None).unwrap();
        let config = store.add_config("pk", &content("a")).unwrap();
        let id = store.open_update(&key, &config, Origin::default()).unwrap().unwrap();
        store.count_push(id).unwrap();
        (store, key, config, id)
    }

    #[test]
    fn answered_and_fetched_in_whatever_order() {
        use Heard::{Asked, Fetched, Refused, Taken};
        let cases: [(&[Heard], State); 8] = [
            (&[Taken], State::Downloading),
            (&[Fetched], State::Installing),
            (&[Fetched, Fetched], State::Installing),
            (&[Taken, Fetched], State::Succeeded),
            (&[Fetched, Taken], State::Succeeded),
            (&[Asked, Fetched], State::Succeeded),
            (&[Refused(400), Fetched, Taken], State::Failed),
            (&[Taken, Fetched, Refused(400)], State::Succeeded),
        ];
        for (n, (heard, wanted)) in cases.into_iter().enumerate() {
            let (store, key, config, id) = ordered(&format!("config-order-{n}"));
            for one in heard {
                store.config_heard(&key, id, *one).unwrap();
            }
            let update = store.updates(&key).unwrap().pop().unwrap();
            assert_eq!(update.state, wanted, "{heard:?}");
            let own = store.own_config(&key).unwrap().map(|own| own.version);
            assert_eq!(own, (wanted == State::Succeeded).then_some(config.version), "{heard:?}");
        }
    }

    #[test]
    fn a_device_that_comes_to_its_end_too_late_has_it() {
        for (name, event) in [("config-late", Event::Expire), ("config-off", Event::Cancel)] {
            let (store, key, _, id) = ordered(name);
            store.config_heard(&key, id, Heard::Taken).unwrap();
            store.move_update(id, event, None).unwrap();
            assert_eq!(store.config_heard(&key, id, Heard::Fetched).unwrap(), Some(State::Succeeded));
        }
    }

    #[test]
    fn an_older_order_says_nothing() {
        let (store, key, first, id) = ordered("config-older");
        let newer = store.add_config("pk", &content("b")).unwrap();
        let second = store.open_update(&key, &newer, Origin::default()).unwrap().unwrap();
        for heard in [Heard::Taken, Heard::Fetched] {
            assert_eq!(store.config_heard(&key, id, heard).unwrap(), None);
        }
        assert_eq!(store.ordered_config(id).unwrap().unwrap().0.state, State::Superseded);
        for heard in [Heard::Taken, Heard::Fetched] {
            store.config_heard(&key, second, heard).unwrap();
        }
        assert_eq!(store.own_config(&key).unwrap().unwrap().version, newer.version);
        assert_ne!(first.version, newer.version);
        assert_eq!(store.add_config("pk", &content("b")).unwrap().key, newer.key, "the same bytes");
        // Of another device, or of none.
        assert_eq!(store.config_heard(&DeviceKey::new("pk", "x"), second, Heard::Taken).unwrap(), None);
        assert!(store.ordered_config(99).unwrap().is_none());
    }

    /// The time of a device that says nothing runs from the push on, and not again from a second one.
    #[test]
    fn the_time_of_a_silent_device_ends() {
        let store = fresh("config-time");
        let key = DeviceKey::new("pk", "dn");
        store.put_device(&key, "secret", None).unwrap();
        let config = store.add_config("pk", &content("a")).unwrap();
        let job = store.add_job("", &config, &Default::default()).unwrap().id;
        let id = store.open_update(&key, &config, Origin { job: Some(job), stage: 0 }).unwrap().unwrap();
        let later = time::now_ms() + 1_000_000;
        assert!(store.overdue(job, later).unwrap().is_empty(), "it was not given yet");
        store.count_push(id).unwrap();
        let between = time::now_ms() + 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
        store.count_push(id).unwrap();
        assert_eq!(store.overdue(job, between).unwrap(), [id]);
        store.move_update(id, Event::Expire, Some("no end within 1 minutes")).unwrap();
        assert_eq!(store.updates(&key).unwrap()[0].state, State::TimedOut);
    }

    #[test]
    fn what_a_device_had_before() {
        let (store, key, config, id) = ordered("config-before");
        assert_eq!(store.updates(&key).unwrap()[0].from, None, "nothing is known");
        for heard in [Heard::Taken, Heard::Fetched] {
            store.config_heard(&key, id, heard).unwrap();
        }
        assert_eq!(store.config_before(&key).unwrap().as_ref(), Some(&config.version));
        let of_product = store.set_config("pk", &content("p")).unwrap();
        assert_eq!(store.config_before(&key).unwrap(), Some(config.version), "its own");
        store.drop_own_config(&key).unwrap();
        assert_eq!(store.config_before(&key).unwrap().as_ref(), Some(&of_product.id));
        let kept = store.find("pk", Some(CONFIG), &of_product.id).unwrap().unwrap();
        // One that an order brought back to its product's has none of its own.
        let back = store.open_update(&key, &kept, Origin::default()).unwrap().unwrap();
        for heard in [Heard::Taken, Heard::Fetched] {
            store.config_heard(&key, back, heard).unwrap();
        }
        assert!(store.own_config(&key).unwrap().is_none());
    }
}
