// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud remembers, as typed questions and changes on the database; and who is on line, which is in memory alone.

pub mod access;
pub mod blobs;
pub mod configs;
pub mod files;
pub mod firmware;
pub mod import;
pub mod jobs;
pub mod legacy;
pub mod lock;
pub mod model;
pub mod time;
pub mod upgrades;
// The library's own rule, so that device and cloud agree.
#[path = "../../../core/src/version.rs"]
pub mod version;

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::Failure;
use crate::db::{Db, Row, Tx, Value};
use files::Layout;
use model::{Device, DeviceKey};

/// What [`checked_name`] lets pass, as schemas say it.
pub const NAME: &str = "^[A-Za-z0-9_:@-][A-Za-z0-9_.:@-]{0,63}$";
/// What [`checked_version`] lets pass, as schemas say it.
pub const VERSION: &str = "^[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,63}$";

/// Checks a name that becomes part of a path and of a topic: 1..=64 of letters, digits and `_-.:@`, not led
/// by a dot.
pub fn checked_name<'a>(what: &str, name: &'a str) -> Result<&'a str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:@".contains(c);
    if (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(Failure::new(format!("{what} {name:?}: 1 to 64 letters, digits and _-.:@ are possible")))
    }
}

/// Checks a firmware version: 1..=64 of letters, digits and `_-.+`, not led by a dot.
pub fn checked_version(version: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
    if (1..=64).contains(&version.len()) && !version.starts_with('.') && version.chars().all(plain) {
        Ok(version)
    } else {
        Err(Failure::new(format!("version {version:?}: 1 to 64 letters, digits and _-.+ are possible")))
    }
}

/// All state of one cloud. Safe to share between threads; every call may block on the database.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    db: Db,
    live: Mutex<Live>,
}

#[derive(Debug, Default)]
struct Live {
    /// Open connections per device, as the MQTT server inside sees them.
    connections: HashMap<DeviceKey, usize>,
    /// Sub-devices that their gateways brought on line.
    logged_in: HashMap<DeviceKey, DeviceKey>,
    /// The gateway of each sub-device, as in the database.
    gateways: HashMap<DeviceKey, DeviceKey>,
}

/// The columns of [`device_of`].
const DEVICE: &str = "d.id, d.product, d.name, d.secret, d.product_secret, d.version, d.version_at, d.config_due, d.signed_in, g.product, g.name \
                      FROM device d LEFT JOIN device g ON g.id = d.gateway";

fn device_of(mut row: Row) -> Device {
    Device {
        id: row.int(),
        product_key: row.text(),
        device_name: row.text(),
        device_secret: row.text(),
        product_secret: row.maybe_text(),
        version: row.maybe_text(),
        version_at: row.maybe_int().map(time::text),
        config_due: row.flag(),
        signed_in: row.flag(),
        gateway: row.maybe_text().zip(row.maybe_text()).map(|(product, name)| format!("{product}/{name}")),
        modules: Default::default(),
        updates: Vec::new(),
    }
}

impl Store {
    /// A store on a database that is up to date. What version 0.1 kept in the data directory is taken over once.
    pub fn open(layout: Layout, db: Db) -> Result<Self, Failure> {
        let store = Self { layout, db, live: Mutex::default() };
        legacy::import(&store)?;
        store.load_gateways()?;
        Ok(store)
    }

    fn load_gateways(&self) -> Result<(), Failure> {
        let sql =
            "SELECT d.product, d.name, g.product, g.name FROM device d JOIN device g ON g.id = d.gateway";
        let rows = self.db.read(|tx| tx.all(sql, &[]))?;
        let pair =
            |mut row: Row| (DeviceKey::new(row.text(), row.text()), DeviceKey::new(row.text(), row.text()));
        self.live.lock().gateways = rows.into_iter().map(pair).collect();
        Ok(())
    }

    /// Where the files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Does several things in one transaction: all of it is kept or nothing.
    pub fn batch<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let done = self.db.write(|_| work());
        if done.is_err() && !self.db.is_writing() {
            self.load_gateways()?;
        }
        done
    }

    /// The keys of all products.
    pub fn products(&self) -> Result<Vec<String>, Failure> {
        let rows = self.db.read(|tx| tx.all("SELECT product FROM product ORDER BY product", &[]))?;
        Ok(rows.into_iter().map(|mut row| row.text()).collect())
    }

    /// Adds a device, or gives a known one new secrets; what it reported stays. `true`: a secret that it had is good no longer.
    pub fn put_device(&self, key: &DeviceKey, secret: &str, product: Option<&str>) -> Result<bool, Failure> {
        checked_name("product key", &key.product)?;
        checked_name("device name", &key.device)?;
        for (what, secret) in [("device", Some(secret)), ("product", product)] {
            if secret.is_some_and(|secret| secret.is_empty() || secret.len() > 64 || secret.contains('\0')) {
                return Err(Failure::new(format!("a {what} secret has 1 to 64 characters")));
            }
        }
        self.db.write(|tx| {
            let old = self.device(key)?.map(|device| device.device_secret);
            self.put_product(tx, &key.product)?;
            let sql = "INSERT INTO device (product, name, secret, product_secret, created_at) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (product, name) DO UPDATE SET secret = excluded.secret, \
                       product_secret = COALESCE(excluded.product_secret, device.product_secret)";
            let (now, name) = (time::now_ms(), &key.device);
            tx.run(sql, &[(&key.product).into(), name.into(), secret.into(), product.into(), now.into()])?;
            Ok(old.is_some_and(|old| old != secret))
        })
    }

    fn put_product(&self, tx: &Tx<'_>, product: &str) -> Result<(), Failure> {
        let sql =
            "INSERT INTO product (product, created_at) VALUES ($1, $2) ON CONFLICT (product) DO NOTHING";
        tx.run(sql, &[product.into(), time::now_ms().into()]).map(drop)
    }

    /// Removes a device with everything that is known of it. `false`: there is none.
    pub fn delete_device(&self, key: &DeviceKey) -> Result<bool, Failure> {
        let sql = "DELETE FROM device WHERE product = $1 AND name = $2";
        let gone = self.db.write(|tx| tx.run(sql, &[(&key.product).into(), (&key.device).into()]))? > 0;
        self.load_gateways()?;
        Ok(gone)
    }

    /// A device, without its updates.
    pub fn device(&self, key: &DeviceKey) -> Result<Option<Device>, Failure> {
        let sql = format!("SELECT {DEVICE} WHERE d.product = $1 AND d.name = $2");
        self.db.read(|tx| {
            let row = tx.one(&sql, &[(&key.product).into(), (&key.device).into()])?;
            let Some(mut device) = row.map(device_of) else {
                return Ok(None);
            };
            let sql = "SELECT name, version FROM module WHERE device = $1";
            for mut row in tx.all(sql, &[device.id.into()])? {
                device.modules.insert(row.text(), row.text());
            }
            Ok(Some(device))
        })
    }

    /// A device that there has to be.
    pub fn registered(&self, key: &DeviceKey) -> Result<Device, Failure> {
        self.device(key)?.ok_or_else(|| Failure::absent(format!("{key} is not registered")))
    }

    /// All devices in order of product and name, without their updates.
    pub fn devices(&self) -> Result<Vec<Device>, Failure> {
        let sql = format!("SELECT {DEVICE} ORDER BY d.product, d.name");
        self.db.read(|tx| {
            let mut devices: Vec<Device> = tx.all(&sql, &[])?.into_iter().map(device_of).collect();
            let place: HashMap<i64, usize> = devices.iter().enumerate().map(|(n, d)| (d.id, n)).collect();
            for mut row in tx.all("SELECT device, name, version FROM module", &[])? {
                if let Some(device) = place.get(&row.int()).and_then(|n| devices.get_mut(*n)) {
                    device.modules.insert(row.text(), row.text());
                }
            }
            Ok(devices)
        })
    }

    /// The sub-devices of a gateway.
    pub fn members(&self, gateway: &DeviceKey) -> Result<Vec<Device>, Failure> {
        let sql = format!("SELECT {DEVICE} WHERE g.product = $1 AND g.name = $2 ORDER BY d.product, d.name");
        let rows = self.db.read(|tx| tx.all(&sql, &[(&gateway.product).into(), (&gateway.device).into()]))?;
        Ok(rows.into_iter().map(device_of).collect())
    }

    /// Whether the device has a connection to the MQTT server inside, or is on line through a gateway that has one.
    pub fn is_online(&self, key: &DeviceKey) -> bool {
        let live = self.live.lock();
        let connected = |key: &DeviceKey| live.connections.get(key).is_some_and(|n| *n > 0);
        connected(key) || live.logged_in.get(key).is_some_and(connected)
    }

    /// How many devices are on line.
    pub fn online(&self) -> i64 {
        let live = self.live.lock();
        let through = live.logged_in.iter().filter(|(sub, gateway)| {
            !live.connections.contains_key(*sub) && live.connections.contains_key(*gateway)
        });
        i64::try_from(live.connections.len() + through.count()).unwrap_or(i64::MAX)
    }

    /// Notes that a gateway brought a sub-device on line, or took it off.
    pub fn set_login(&self, gateway: &DeviceKey, sub: &DeviceKey, begins: bool) {
        let mut live = self.live.lock();
        if begins {
            live.logged_in.insert(sub.clone(), gateway.clone());
        } else {
            live.logged_in.remove(sub);
        }
    }

    /// Notes that a device has been on line by itself.
    pub fn note_sign_in(&self, key: &DeviceKey) -> Result<(), Failure> {
        let sql = "UPDATE device SET signed_in = 1 WHERE product = $1 AND name = $2 AND signed_in = 0";
        self.db.write(|tx| tx.run(sql, &[(&key.product).into(), (&key.device).into()])).map(drop)
    }

    /// Counts a connection that begins (`true`) or ends.
    pub fn count_connection(&self, key: &DeviceKey, begins: bool) {
        let mut live = self.live.lock();
        if begins {
            *live.connections.entry(key.clone()).or_default() += 1;
        } else if let Some(n) = live.connections.get_mut(key) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                live.connections.remove(key);
            }
        }
    }

    /// Whether the first device is the gateway of the second. Does not ask the database.
    pub fn is_gateway_of(&self, gateway: &DeviceKey, sub: &DeviceKey) -> bool {
        self.live.lock().gateways.get(sub) == Some(gateway)
    }

    /// Puts a sub-device into a gateway's topology, or takes it out. `false`: unknown device.
    pub fn set_gateway(&self, sub: &DeviceKey, gateway: Option<&DeviceKey>) -> Result<bool, Failure> {
        let changed = self.db.write(|tx| {
            let id = match gateway {
                None => None,
                Some(gateway) => {
                    let sql = "SELECT id FROM device WHERE product = $1 AND name = $2";
                    let row = tx.one(sql, &[(&gateway.product).into(), (&gateway.device).into()])?;
                    Some(row.ok_or_else(|| Failure::absent(format!("{gateway} is not registered")))?.int())
                }
            };
            let sql = "UPDATE device SET gateway = $1 WHERE product = $2 AND name = $3";
            tx.run(sql, &[id.into(), (&sub.product).into(), (&sub.device).into()])
        })?;
        let mut live = self.live.lock();
        match gateway {
            Some(gateway) if changed > 0 => live.gateways.insert(sub.clone(), gateway.clone()),
            _ => live.gateways.remove(sub),
        };
        Ok(changed > 0)
    }

    /// Notes that a device is to be given its product's configuration, or has been.
    pub fn set_config_due(&self, key: &DeviceKey, due: bool) -> Result<bool, Failure> {
        let sql = "UPDATE device SET config_due = $1 WHERE product = $2 AND name = $3";
        let values = [Value::from(due), (&key.product).into(), (&key.device).into()];
        Ok(self.db.write(|tx| tx.run(sql, &values))? > 0)
    }
}

#[cfg(test)]
pub mod tests {
    use super::firmware::NewFirmware;
    use super::*;
    use crate::db;

    /// A store of its own, empty.
    pub fn fresh(name: &str) -> Store {
        use std::sync::atomic::{AtomicU32, Ordering};
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let n = SERIAL.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("otakit-cloud-{name}-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Store::open(Layout::new(&dir), Db::open(db::default_place(&dir)).unwrap()).unwrap()
    }

    /// Adds a firmware with these bytes.
    pub fn add(store: &Store, product: &str, version: &str, mut bytes: &[u8]) -> model::Firmware {
        use blobs::Blobs;
        let blob = store.layout().blobs().put(&mut bytes, u64::MAX).unwrap();
        let new = NewFirmware {
            product: product.into(),
            version: version.into(),
            module: None,
            auto: false,
            sign: None,
            omit_md5: false,
            replace: true,
        };
        let content = model::Content {
            name: "fw.bin".into(),
            in_place: None,
            size: blob.size,
            md5: blob.md5,
            sha256: blob.sha256,
        };
        store.add_firmware(&new, &content).unwrap()
    }
}
