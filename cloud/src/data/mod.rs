// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cloud's memory: everything in maps behind one lock, each change written to its file at once.

pub mod blobs;
pub mod files;
pub mod import;
pub mod lock;
pub mod model;
pub mod time;
// The library's own rule, so that device and cloud agree.
#[path = "../../../src/version.rs"]
pub mod version;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::Failure;
use files::Layout;
use model::{Config, Device, DeviceKey, Firmware, State, Step, Update};

/// Updates remembered per device.
const MAX_UPDATES: usize = 50;
/// Progress reports remembered per update.
const MAX_STEPS: usize = 2_000;

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

/// Checks a firmware's id, which is made of up to three checked names.
fn checked_id(id: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:@+".contains(c);
    if (1..=200).contains(&id.len()) && !id.starts_with('.') && id.chars().all(plain) {
        Ok(id)
    } else {
        Err(Failure::new(format!("firmware {id:?}: there is none of this name")))
    }
}

/// All state of one data directory. Safe to share between threads; no call blocks on anything but local
/// files.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    devices: BTreeMap<DeviceKey, Device>,
    firmware: BTreeMap<String, Firmware>,
    configs: BTreeMap<String, Config>,
    /// Open connections per device, as the embedded broker sees them.
    connections: HashMap<DeviceKey, usize>,
    /// Sub-devices that their gateways brought on line.
    logged_in: HashMap<DeviceKey, DeviceKey>,
    last_update: u64,
}

impl Store {
    /// Loads a data directory; one that does not exist is empty.
    pub fn open(layout: Layout) -> Result<Self, Failure> {
        let mut inner = Inner::default();
        for device in files::read_all::<Device>(&layout.devices(), None)? {
            let newest = device.updates.iter().map(|u| u.id).max().unwrap_or(0);
            inner.last_update = inner.last_update.max(newest);
            inner.devices.insert(device.key(), device);
        }
        for firmware in files::read_all::<Firmware>(&layout.firmwares(), Some("firmware.json"))? {
            inner.firmware.insert(firmware.id.clone(), firmware);
        }
        for config in files::read_all::<Config>(&layout.configs(), Some("config.json"))? {
            inner.configs.insert(config.product_key.clone(), config);
        }
        Ok(Self { layout, inner: Mutex::new(inner) })
    }

    /// Where the files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Adds a device, or gives a known one new secrets; what it reported stays.
    pub fn put_device(&self, key: &DeviceKey, secret: &str, product: Option<&str>) -> Result<(), Failure> {
        checked_name("product key", &key.product)?;
        checked_name("device name", &key.device)?;
        if secret.is_empty() || secret.len() > 64 {
            return Err(Failure::new("a device secret has 1 to 64 characters"));
        }
        let mut inner = self.inner.lock();
        let mut device = inner.devices.get(key).cloned().unwrap_or_else(|| Device {
            product_key: key.product.clone(),
            device_name: key.device.clone(),
            device_secret: String::new(),
            product_secret: None,
            version: None,
            version_at: None,
            gateway: None,
            modules: BTreeMap::new(),
            config_due: false,
            updates: Vec::new(),
        });
        device.device_secret = secret.to_owned();
        device.product_secret = product.map(str::to_owned).or(device.product_secret);
        files::write(&self.layout.device(key), &device)?;
        inner.devices.insert(key.clone(), device);
        Ok(())
    }

    /// A copy of one device.
    pub fn device(&self, key: &DeviceKey) -> Option<Device> {
        self.inner.lock().devices.get(key).cloned()
    }

    /// A copy of all devices, in order of product and name.
    pub fn devices(&self) -> Vec<Device> {
        self.inner.lock().devices.values().cloned().collect()
    }

    /// Whether the device has a connection to the embedded broker, or is on line through a gateway that has one.
    pub fn is_online(&self, key: &DeviceKey) -> bool {
        let inner = self.inner.lock();
        let connected = |key: &DeviceKey| inner.connections.get(key).is_some_and(|n| *n > 0);
        connected(key) || inner.logged_in.get(key).is_some_and(connected)
    }

    /// Notes that a gateway brought a sub-device on line, or took it off.
    pub fn set_login(&self, gateway: &DeviceKey, sub: &DeviceKey, begins: bool) {
        let mut inner = self.inner.lock();
        if begins {
            inner.logged_in.insert(sub.clone(), gateway.clone());
        } else {
            inner.logged_in.remove(sub);
        }
    }

    /// Puts a sub-device into a gateway's topology, or takes it out. `false`: unknown device.
    pub fn set_gateway(&self, sub: &DeviceKey, gateway: Option<&DeviceKey>) -> Result<bool, Failure> {
        self.change(sub, |device| device.gateway = gateway.map(ToString::to_string))
    }

    /// Counts a connection that begins (`true`) or ends.
    pub fn count_connection(&self, key: &DeviceKey, begins: bool) {
        let mut inner = self.inner.lock();
        let n = inner.connections.entry(key.clone()).or_default();
        *n = if begins { *n + 1 } else { n.saturating_sub(1) };
    }

    /// Loads a firmware that was added to the directory.
    pub fn load_firmware(&self, id: &str) -> Result<Firmware, Failure> {
        checked_id(id)?;
        let firmware: Firmware = files::read(&self.layout.firmware(id))?;
        self.inner.lock().firmware.insert(firmware.id.clone(), firmware.clone());
        Ok(firmware)
    }

    /// A copy of one firmware.
    pub fn firmware(&self, id: &str) -> Option<Firmware> {
        self.inner.lock().firmware.get(id).cloned()
    }

    /// The firmware of a product, module and version; no module: the device itself.
    pub fn find(&self, product: &str, module: Option<&str>, version: &str) -> Option<Firmware> {
        let inner = self.inner.lock();
        let fits =
            |f: &&Firmware| f.product_key == product && f.module.as_deref() == module && f.version == version;
        inner.firmware.values().find(fits).cloned()
    }

    /// A copy of all firmware.
    pub fn all_firmware(&self) -> Vec<Firmware> {
        self.inner.lock().firmware.values().cloned().collect()
    }

    /// The newest firmware of a product, of those with auto-push on when `auto_only`.
    pub fn newest(&self, product: &str, auto_only: bool) -> Option<Firmware> {
        self.newest_of(product, None, auto_only)
    }

    /// The newest firmware for a module of a product's devices; `None`: for the devices themselves.
    pub fn newest_of(&self, product: &str, module: Option<&str>, auto_only: bool) -> Option<Firmware> {
        let inner = self.inner.lock();
        let fits = |f: &&Firmware| {
            f.product_key == product && f.module.as_deref() == module && (f.auto || !auto_only)
        };
        let fitting = inner.firmware.values().filter(fits);
        fitting.max_by(|a, b| version::compare(&a.version, &b.version)).cloned()
    }

    /// Loads a configuration that was set in the directory.
    pub fn load_config(&self, product: &str) -> Result<Config, Failure> {
        checked_name("product key", product)?;
        let config: Config = files::read(&self.layout.config(product))?;
        self.inner.lock().configs.insert(product.to_owned(), config.clone());
        Ok(config)
    }

    /// A copy of a product's configuration.
    pub fn config(&self, product: &str) -> Option<Config> {
        self.inner.lock().configs.get(product).cloned()
    }

    /// Records the version that a device reports; it completes every update to that version. `false`:
    /// unknown device.
    pub fn report_version(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        reported: &str,
    ) -> Result<bool, Failure> {
        self.change(key, |device| {
            let now = time::now();
            let completed =
                last_of(device, module).filter(|u| u.to == reported && u.state != State::Succeeded);
            if let Some(update) = completed {
                update.state = State::Succeeded;
                update.reason = None;
                update.ended_at = Some(now.clone());
            }
            // An offer that was made before the device had ever spoken: now it is known what it replaces.
            let open = last_of(device, module).filter(|u| u.from.is_none() && !u.state.is_final());
            if let Some(update) = open.filter(|u| u.to != reported) {
                update.from = Some(reported.to_owned());
            }
            match module {
                Some(module) => drop(device.modules.insert(module.to_owned(), reported.to_owned())),
                None => {
                    device.version = Some(reported.to_owned());
                    device.version_at = Some(now);
                }
            }
        })
    }

    /// Records a progress report. `false`: unknown device.
    pub fn report_step(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        step: i32,
        desc: &str,
    ) -> Result<bool, Failure> {
        self.change(key, |device| {
            let now = time::now();
            let Some(update) = last_of(device, module) else { return };
            if update.steps.len() < MAX_STEPS {
                update.steps.push(Step { at: now.clone(), step, desc: desc.to_owned() });
            } else {
                update.steps_dropped += 1;
            }
            if update.state == State::Succeeded {
                return;
            }
            if step < 0 {
                let reason = failure_reason(step);
                let text = if desc.is_empty() { reason.to_owned() } else { format!("{reason}: {desc}") };
                update.state = State::Failed;
                update.reason = Some(text);
                update.ended_at = Some(now);
            } else {
                update.state = State::Downloading;
                update.reason = None;
                update.ended_at = None;
            }
        })
    }

    /// Opens an update to `firmware`, unless one is open: the newest order counts, an older one to another firmware is
    /// superseded. Gives the update's id; `None`: unknown device.
    pub fn open_update(&self, key: &DeviceKey, firmware: &Firmware) -> Result<Option<u64>, Failure> {
        let next = {
            let mut inner = self.inner.lock();
            inner.last_update += 1;
            inner.last_update
        };
        let mut id = next;
        let known = self.change(key, |device| {
            let open = last_of(device, firmware.module.as_deref()).filter(|u| !u.state.is_final());
            if let Some(update) = open {
                if update.firmware == firmware.id && update.sha256 == firmware.content.sha256 {
                    id = update.id;
                    return;
                }
                update.state = State::Superseded;
                update.ended_at = Some(time::now());
            }
            device.updates.push(Update {
                id: next,
                from: match &firmware.module {
                    Some(module) => device.modules.get(module).cloned(),
                    None => device.version.clone(),
                },
                to: firmware.version.clone(),
                firmware: firmware.id.clone(),
                sha256: firmware.content.sha256.clone(),
                module: firmware.module.clone(),
                pushes: 0,
                pushed_at: time::now(),
                state: State::Pushed,
                reason: None,
                ended_at: None,
                steps: Vec::new(),
                steps_dropped: 0,
            });
            let surplus = device.updates.len().saturating_sub(MAX_UPDATES);
            device.updates.drain(..surplus);
        })?;
        Ok(known.then_some(id))
    }

    /// Counts that the device was given the offer of an update.
    pub fn count_push(&self, key: &DeviceKey, id: u64) -> Result<bool, Failure> {
        self.change(key, |device| {
            if let Some(update) = device.updates.iter_mut().find(|u| u.id == id) {
                update.pushes = update.pushes.saturating_add(1);
            }
        })
    }

    /// Notes that a device is to be given its product's configuration, or has been.
    pub fn set_config_due(&self, key: &DeviceKey, due: bool) -> Result<bool, Failure> {
        self.change(key, |device| device.config_due = due)
    }

    /// The firmware that a device with this version ought to get unasked.
    pub fn due(&self, key: &DeviceKey, module: Option<&str>, reported: &str) -> Option<Firmware> {
        let newest = self.newest_of(&key.product, module, true)?;
        (version::compare(reported, &newest.version) == Ordering::Less).then_some(newest)
    }

    /// Changes a device and writes it. The lock is held over the write, so files never go back in time.
    fn change(&self, key: &DeviceKey, change: impl FnOnce(&mut Device)) -> Result<bool, Failure> {
        let mut inner = self.inner.lock();
        let Some(device) = inner.devices.get_mut(key) else { return Ok(false) };
        // Memory follows the disk: what cannot be written has not happened.
        let mut changed = device.clone();
        change(&mut changed);
        files::write(&self.layout.device(key), &changed)?;
        *device = changed;
        Ok(true)
    }
}

/// The last update of a module; `None`: of the device itself.
fn last_of<'a>(device: &'a mut Device, module: Option<&str>) -> Option<&'a mut Update> {
    device.updates.iter_mut().rev().find(|u| u.module.as_deref() == module)
}

/// What the negative progress steps mean.
fn failure_reason(step: i32) -> &'static str {
    match step {
        -1 => "upgrade failed",
        -2 => "download failed",
        -3 => "verification failed",
        _ => "writing failed",
    }
}
