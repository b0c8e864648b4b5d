// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade tasks: what each device is to do, and how far it is. One JSON file per device, `onenet/<product>/<device>.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::data::model::{DeviceKey, Firmware};
use crate::data::{Store, files};

/// The platform's numbers.
pub mod errno {
    pub const NO_TASK: i64 = 11;
    pub const TOKEN_EXPIRED: i64 = 12;
    pub const INVALID_STATE: i64 = 17;
    pub const TERMINATED: i64 = 20;
    pub const CANCELLED: i64 = 22;
    pub const VERSION_FORMAT: i64 = 27;
    pub const PARAMETERS: i64 = 2;
    pub const UNKNOWN_TOKEN: i64 = 4;
}

/// How far a task is, with the platform's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting = 1,
    Downloading = 2,
    Upgrading = 3,
    Succeeded = 4,
    Failed = 5,
    Cancelled = 6,
}

impl State {
    fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// What a task is made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The firmware.
    pub firmware: String,
    /// 1 FOTA, 2 SOTA.
    pub kind: u8,
    /// Conditions and attempts that the device is told.
    pub signal: u8,
    pub power: u8,
    pub retry: i16,
    pub interval: u32,
    /// Seconds that a token is good for.
    pub token_life: u64,
}

/// The longest life of a token in seconds: a year.
const MAX_TOKEN_LIFE: u64 = 366 * 86_400;

impl Order {
    /// Refuses what no device can make sense of.
    fn check(&self) -> Result<(), Failure> {
        let rules = [
            ((1..=2).contains(&self.kind), "kind", i64::from(self.kind), "1 (FOTA) or 2 (SOTA)"),
            (self.power <= 100, "power", i64::from(self.power), "0 to 100 percent"),
            (self.signal <= 100, "signal", i64::from(self.signal), "0 to 100"),
            ((0..=100).contains(&self.retry), "retry", i64::from(self.retry), "0 to 100 attempts"),
            (self.interval <= 86_400, "interval", i64::from(self.interval), "0 to 86400 seconds"),
            (
                (1..=MAX_TOKEN_LIFE).contains(&self.token_life),
                "token_life",
                i64::try_from(self.token_life).unwrap_or(i64::MAX),
                "1 to 31622400 seconds",
            ),
        ];
        match rules.iter().find(|(right, ..)| !right) {
            None => Ok(()),
            Some((_, name, value, range)) => {
                Err(Failure::new(format!("{name} is {value}; possible: {range}")))
            }
        }
    }
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Names it on the current platform.
    pub tid: u32,
    /// Names it in the general API; a new one is given when the old one has expired.
    pub token: String,
    /// When the token was given, in seconds since 1970.
    pub token_at: u64,
    /// What it is made from.
    pub order: Order,
    /// How far it is.
    pub state: State,
    /// Everything that the device reported, in order.
    pub steps: Vec<u32>,
    /// Answers to its notice.
    #[serde(default)]
    pub informed: u32,
}

impl Task {
    /// Whether its token is good no longer at `now`.
    fn has_expired(&self, now: u64) -> bool {
        now >= self.token_at.saturating_add(self.order.token_life)
    }
}

/// How a device names a task.
#[derive(Clone, Debug)]
pub enum Name {
    Token(String),
    Tid(u32),
}

/// All tasks. Safe to share between threads.
#[derive(Debug)]
pub struct Tasks {
    store: Arc<Store>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    all: BTreeMap<DeviceKey, Vec<Task>>,
    last: u32,
}

#[derive(Serialize, Deserialize)]
struct File {
    product_key: String,
    device_name: String,
    tasks: Vec<Task>,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Tasks {
    /// Loads what the data directory holds.
    pub fn open(store: Arc<Store>) -> Result<Self, Failure> {
        let mut inner = Inner::default();
        for file in files::read_all::<File>(&folder(&store), None)? {
            inner.last = file.tasks.iter().map(|task| task.tid).max().unwrap_or(0).max(inner.last);
            inner.all.insert(DeviceKey::new(file.product_key, file.device_name), file.tasks);
        }
        Ok(Self { store, inner: Mutex::new(inner) })
    }

    /// The store beside.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Orders a task; one of the same kind that is under way is cancelled.
    pub fn order(&self, key: &DeviceKey, order: Order) -> Result<Task, Failure> {
        let firmware = self.store.firmware(&order.firmware);
        let firmware = firmware.filter(|firmware| firmware.product_key == key.product);
        let firmware =
            firmware.ok_or_else(|| Failure::new(format!("no such firmware for {}", key.product)))?;
        if !is_version(&firmware.version) {
            return Err(Failure::new(format!(
                "version {:?}: OneNET takes 1 to 20 letters, digits and ._-",
                firmware.version
            )));
        }
        order.check()?;
        let token = token()?;
        self.store
            .open_update(key, &firmware)?
            .ok_or_else(|| Failure::new(format!("{key} is not registered")))?;
        let mut inner = self.inner.lock();
        inner.last += 1;
        let tid = inner.last;
        let tasks = inner.all.entry(key.clone()).or_default();
        for old in tasks.iter_mut().filter(|old| old.order.kind == order.kind && !old.state.is_final()) {
            old.state = State::Cancelled;
        }
        let task = Task {
            tid,
            token,
            token_at: now(),
            order,
            state: State::Waiting,
            steps: Vec::new(),
            informed: 0,
        };
        tasks.push(task.clone());
        self.save(key, tasks)?;
        Ok(task)
    }

    /// Cancels what is under way; how many tasks that were.
    pub fn cancel(&self, key: &DeviceKey) -> Result<usize, Failure> {
        self.change(key, |tasks| {
            let open = tasks.iter_mut().filter(|task| !task.state.is_final());
            open.map(|task| task.state = State::Cancelled).count()
        })
    }

    /// Every task of a device.
    pub fn of(&self, key: &DeviceKey) -> Vec<Task> {
        self.inner.lock().all.get(key).cloned().unwrap_or_default()
    }

    /// Notes that the notice of a task was answered: `{"id":…,"code":200,…}`.
    pub fn informed(&self, key: &DeviceKey, reply: &[u8]) -> Result<(), Failure> {
        let reply: serde_json::Value = serde_json::from_slice(reply).unwrap_or_default();
        let id = reply.get("id").and_then(serde_json::Value::as_str).and_then(|id| id.parse::<u32>().ok());
        if reply.get("code").and_then(serde_json::Value::as_i64) != Some(200) {
            return Err(Failure::new(format!("{key}: notice answered without code 200")));
        }
        self.change(key, |tasks| {
            for task in tasks.iter_mut().filter(|task| Some(task.tid) == id) {
                task.informed += 1;
            }
        })
    }

    /// Takes note of the versions that run; a task that leads to one of them has succeeded.
    pub fn version(&self, key: &DeviceKey, fota: &str, sota: &str) -> Result<i64, Failure> {
        if !is_version(fota) || !is_version(sota) {
            return Ok(errno::VERSION_FORMAT);
        }
        let mut done = None;
        self.change(key, |tasks| {
            for task in tasks.iter_mut() {
                let version = if task.order.kind == 1 { fota } else { sota };
                let target = self.store.firmware(&task.order.firmware).map(|firmware| firmware.version);
                if !task.state.is_final() && target.as_deref() == Some(version) {
                    task.state = State::Succeeded;
                    done = target;
                }
            }
        })?;
        // What the status view shows last is the version that completed something.
        self.store.report_version(key, None, done.as_deref().unwrap_or(sota))?;
        Ok(0)
    }

    /// The task for a device of this kind and version.
    pub fn check(&self, key: &DeviceKey, kind: u8, version: &str) -> Result<(Task, Firmware), i64> {
        let fresh = token().map_err(|_| errno::NO_TASK)?;
        let changed = self.change(key, |tasks| {
            let open = |task: &&mut Task| {
                task.order.kind == kind && matches!(task.state, State::Waiting | State::Downloading)
            };
            let task = tasks.iter_mut().rev().find(open)?;
            if task.has_expired(now()) {
                task.token = fresh.clone();
                task.token_at = now();
            }
            Some(task.clone())
        });
        let task = changed.ok().flatten().ok_or(errno::NO_TASK)?;
        let firmware = self.store.firmware(&task.order.firmware).ok_or(errno::NO_TASK)?;
        if firmware.version == version { Err(errno::NO_TASK) } else { Ok((task, firmware)) }
    }

    /// Whether a task may be downloaded; it counts as under way from then on.
    pub fn stands(&self, key: &DeviceKey, name: &Name) -> Result<State, i64> {
        self.find(key, name, |task| match task.state {
            State::Waiting | State::Downloading => {
                task.state = State::Downloading;
                Ok(task.state)
            }
            State::Upgrading | State::Failed => Err(errno::INVALID_STATE),
            State::Succeeded => Err(errno::TERMINATED),
            State::Cancelled => Err(errno::CANCELLED),
        })
    }

    /// The package of a task that is being downloaded. The number is that of a download's refusal.
    pub fn package(&self, key: Option<&DeviceKey>, name: &Name) -> Result<Firmware, i64> {
        let key = match (key, name) {
            (Some(key), _) => key.clone(),
            (None, Name::Token(token)) => self.owner(token).ok_or(3)?,
            (None, Name::Tid(_)) => return Err(1),
        };
        let id = self.find(&key, name, |task| match task.state {
            State::Downloading => Ok(task.order.firmware.clone()),
            State::Cancelled => Err(5),
            _ => Err(1),
        });
        let id = id.map_err(|errno| match errno {
            errno::TOKEN_EXPIRED | errno::UNKNOWN_TOKEN => 3,
            other => other,
        })?;
        self.store.firmware(&id).ok_or(1)
    }

    fn owner(&self, token: &str) -> Option<DeviceKey> {
        let inner = self.inner.lock();
        let mut all = inner.all.iter();
        all.find(|(_, tasks)| tasks.iter().any(|task| task.token == token)).map(|(key, _)| key.clone())
    }

    /// Takes a report.
    pub fn report(&self, key: &DeviceKey, name: &Name, step: u32) -> Result<(), i64> {
        let state = self.find(key, name, |task| {
            let next = after(task.state, step)?;
            task.state = next;
            task.steps.push(step);
            Ok(next)
        })?;
        if state == State::Succeeded
            && let Some(firmware) = self.target(key, name)
        {
            return self
                .store
                .report_version(key, None, &firmware.version)
                .map(drop)
                .map_err(|_| errno::PARAMETERS);
        }
        let (step, desc) = match (state, step) {
            (State::Failed, 205) => (-3, "code 205".to_owned()),
            (State::Failed, code @ 201..) => (-1, format!("code {code}")),
            (State::Failed, code) => (-2, format!("code {code}")),
            (_, 0..=100) => (i32::try_from(step).unwrap_or(0), String::new()),
            (_, code) => (100, format!("code {code}")),
        };
        self.store.report_step(key, None, step, &desc).map(drop).map_err(|_| errno::PARAMETERS)
    }

    fn target(&self, key: &DeviceKey, name: &Name) -> Option<Firmware> {
        let id = self.find(key, name, |task| Ok(task.order.firmware.clone())).ok()?;
        self.store.firmware(&id)
    }

    fn find<T>(
        &self,
        key: &DeviceKey,
        name: &Name,
        work: impl FnOnce(&mut Task) -> Result<T, i64>,
    ) -> Result<T, i64> {
        let found = self.change(key, |tasks| {
            let task = tasks.iter_mut().find(|task| match name {
                Name::Token(token) => task.token == *token,
                Name::Tid(tid) => task.tid == *tid,
            });
            let task = task.ok_or(errno::UNKNOWN_TOKEN)?;
            let expires = matches!(name, Name::Token(_));
            if expires && task.has_expired(now()) && !task.state.is_final() {
                return Err(errno::TOKEN_EXPIRED);
            }
            work(task)
        });
        found.unwrap_or(Err(errno::PARAMETERS))
    }

    fn change<T>(&self, key: &DeviceKey, work: impl FnOnce(&mut Vec<Task>) -> T) -> Result<T, Failure> {
        let mut inner = self.inner.lock();
        let tasks = inner.all.entry(key.clone()).or_default();
        let before = tasks.len();
        let result = work(tasks);
        if before > 0 {
            self.save(key, tasks)?;
        }
        Ok(result)
    }

    fn save(&self, key: &DeviceKey, tasks: &[Task]) -> Result<(), Failure> {
        let path = folder(&self.store).join(&key.product).join(format!("{}.json", key.device));
        let (product_key, device_name) = (key.product.clone(), key.device.clone());
        files::write(&path, &File { product_key, device_name, tasks: tasks.to_vec() })
    }
}

fn folder(store: &Store) -> PathBuf {
    store.layout().root().join("onenet")
}

/// `ota_` and twenty characters, as the platform gives them; 119 random bits, because a download names nothing else.
fn token() -> Result<String, Failure> {
    Ok(format!("ota_{}", crate::random::text(20)?))
}

/// 1 to 20 letters, digits and `._-`.
fn is_version(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The state that a report leads to.
fn after(state: State, step: u32) -> Result<State, i64> {
    use State::{Cancelled, Downloading, Failed, Succeeded, Upgrading, Waiting};
    match (state, step) {
        (Cancelled, _) => Err(errno::CANCELLED),
        (Succeeded | Failed, _) => Err(errno::TERMINATED),
        (Downloading, 0..=99) => Ok(Downloading),
        (Downloading, 100 | 101) => Ok(Upgrading),
        (Upgrading, 201) => Ok(Succeeded),
        (Waiting | Downloading, 102..=107) | (Waiting | Downloading | Upgrading, 202..=208) => Ok(Failed),
        (Waiting | Downloading | Upgrading, 0..=107 | 201) => Err(errno::INVALID_STATE),
        _ => Err(errno::PARAMETERS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_lead_from_state_to_state() {
        use State::{Cancelled, Downloading, Failed, Succeeded, Upgrading, Waiting};
        for (state, step, next) in [
            (Waiting, 0, Err(17)),
            (Waiting, 105, Ok(Failed)),
            (Downloading, 0, Ok(Downloading)),
            (Downloading, 99, Ok(Downloading)),
            (Downloading, 100, Ok(Upgrading)),
            (Downloading, 101, Ok(Upgrading)),
            (Downloading, 201, Err(17)),
            (Upgrading, 50, Err(17)),
            (Upgrading, 101, Err(17)),
            (Upgrading, 201, Ok(Succeeded)),
            (Upgrading, 205, Ok(Failed)),
            (Downloading, 205, Ok(Failed)),
            (Succeeded, 201, Err(20)),
            (Cancelled, 0, Err(22)),
            (Upgrading, 999, Err(2)),
        ] {
            assert_eq!(after(state, step), next, "{state:?} {step}");
        }
    }

    #[test]
    fn versions_and_tokens() {
        assert!(
            is_version("1.0.0-rc_1") && !is_version("") && !is_version("a b") && !is_version(&"1".repeat(21))
        );
        assert_eq!(token().unwrap().len(), 24);
        assert_ne!(token().unwrap(), token().unwrap());
    }

    fn tasks(name: &str) -> (Tasks, DeviceKey) {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-tasks-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let image = dir.join("image");
        std::fs::write(&image, b"image").unwrap();
        let layout = files::Layout::new(dir);
        for version in ["2.0.0", &"1".repeat(21), "2+b"] {
            let new = crate::data::import::NewFirmware {
                file: &image,
                product: "p",
                version,
                module: None,
                auto: false,
                sign: None,
                omit_md5: false,
                in_place: false,
                replace: false,
            };
            crate::data::import::add_firmware(&layout, &new).unwrap();
        }
        let store = Arc::new(Store::open(layout).unwrap());
        let key = DeviceKey::new("p", "d");
        store.put_device(&key, "c2VjcmV0", None).unwrap();
        (Tasks::open(store).unwrap(), key)
    }

    fn order() -> Order {
        let firmware = "p-2.0.0".to_owned();
        Order { firmware, kind: 2, signal: 0, power: 0, retry: 0, interval: 0, token_life: 60 }
    }

    #[test]
    fn odd_orders_are_refused() {
        let (tasks, key) = tasks("odd");
        let long = format!("p-{}", "1".repeat(21));
        for (odd, word) in [
            (Order { kind: 3, ..order() }, "kind"),
            (Order { power: 101, ..order() }, "power"),
            (Order { retry: -1, ..order() }, "retry"),
            (Order { token_life: 0, ..order() }, "token_life"),
            (Order { token_life: u64::MAX, ..order() }, "token_life"),
            (Order { firmware: long, ..order() }, "version"),
            (Order { firmware: "p-2+b".into(), ..order() }, "version"),
            (Order { firmware: "p-9".into(), ..order() }, "no such firmware"),
        ] {
            let refused = tasks.order(&key, odd).unwrap_err().to_string();
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert!(tasks.of(&key).is_empty());
        assert!(tasks.order(&key, order()).is_ok());
    }

    #[test]
    fn tokens_cannot_be_guessed() {
        let (tasks, key) = tasks("guess");
        let task = tasks.order(&key, order()).unwrap();
        assert!(tasks.owner(&task.token).is_some());
        for n in 0..10_000_u128 {
            for guess in [format!("ota_{n:020x}"), format!("ota_{:020x}", n << 40)] {
                assert!(tasks.owner(&guess).is_none(), "{guess}");
            }
        }
    }
}
