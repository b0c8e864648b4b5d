// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade tasks: what each device is to do, and how far it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::Store;
use crate::data::model::{DeviceKey, Firmware};
use crate::data::upgrades::Origin;
use crate::db::{Row, Tx};
use crate::{Failure, note};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "TaskState")]
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
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TaskOrder")]
pub struct Order {
    /// What the firmware is called.
    pub firmware: String,
    /// The number of the firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_key: Option<i64>,
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
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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

/// All tasks. Safe to share between threads; calls may block on the database.
#[derive(Debug)]
pub struct Tasks {
    store: Arc<Store>,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Tasks {
    /// The tasks in a store.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// The store beside.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Orders a task; one of the same kind that is under way is cancelled.
    pub fn order(&self, key: &DeviceKey, order: Order) -> Result<Task, Failure> {
        let firmware = self.target(&order)?.filter(|firmware| firmware.product_key == key.product);
        let firmware =
            firmware.ok_or_else(|| Failure::new(format!("no such firmware for {}", key.product)))?;
        if !is_version(&firmware.version) {
            return Err(Failure::new(format!(
                "version {:?}: OneNET takes 1 to 20 letters, digits and ._-",
                firmware.version
            )));
        }
        order.check()?;
        self.store.batch(|| {
            self.change(key, |tasks| {
                let same =
                    tasks.iter_mut().filter(|old| old.order.kind == order.kind && !old.state.is_final());
                same.for_each(|old| old.state = State::Cancelled);
            })?;
            self.store
                .open_update(key, &firmware, Origin::default())?
                .ok_or_else(|| Failure::absent(format!("{key} is not registered")))?;
            let task = Task {
                tid: 0,
                token: token()?,
                token_at: now(),
                order,
                state: State::Waiting,
                steps: Vec::new(),
                informed: 0,
            };
            put(&self.store, key, &task)
        })
    }

    fn target(&self, order: &Order) -> Result<Option<Firmware>, Failure> {
        order.firmware_key.map_or(Ok(None), |key| self.store.firmware(key))
    }

    /// Cancels what is under way; how many tasks that were.
    pub fn cancel(&self, key: &DeviceKey) -> Result<usize, Failure> {
        self.change(key, |tasks| {
            let open = tasks.iter_mut().filter(|task| !task.state.is_final());
            open.map(|task| task.state = State::Cancelled).count()
        })
    }

    /// Every task of a device.
    pub fn of(&self, key: &DeviceKey) -> Result<Vec<Task>, Failure> {
        self.store.db().read(|tx| load(tx, key))
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
        let mut targets = HashMap::new();
        for task in self.of(key)?.iter().filter(|task| !task.state.is_final()) {
            targets.insert(task.tid, self.target(&task.order)?.map(|firmware| firmware.version));
        }
        let mut done = None;
        self.change(key, |tasks| {
            for task in tasks.iter_mut() {
                let version = if task.order.kind == 1 { fota } else { sota };
                let target = targets.get(&task.tid).cloned().flatten();
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
        let firmware = self.target(&task.order).ok().flatten().ok_or(errno::NO_TASK)?;
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
        let order = self.find(&key, name, |task| match task.state {
            State::Downloading => Ok(task.order.clone()),
            State::Cancelled => Err(5),
            _ => Err(1),
        });
        let order = order.map_err(|errno| match errno {
            errno::TOKEN_EXPIRED | errno::UNKNOWN_TOKEN => 3,
            other => other,
        })?;
        self.target(&order).ok().flatten().ok_or(1)
    }

    fn owner(&self, token: &str) -> Option<DeviceKey> {
        let sql =
            "SELECT d.product, d.name FROM onenet_task t JOIN device d ON d.id = t.device WHERE t.token = $1";
        let row = self.store.db().read(|tx| tx.one(sql, &[token.into()]));
        row.ok().flatten().map(|mut row| DeviceKey::new(row.text(), row.text()))
    }

    /// Takes a report.
    pub fn report(&self, key: &DeviceKey, name: &Name, step: u32) -> Result<(), i64> {
        let mut refused = None;
        let kept = self.store.batch(|| {
            let done = self.find(key, name, |task| {
                let next = after(task.state, step)?;
                task.state = next;
                task.steps.push(step);
                Ok((next, task.order.clone()))
            });
            match done {
                Ok((state, order)) => self.pass_on(key, state, step, &order),
                Err(errno) => {
                    refused = Some(errno);
                    Ok(())
                }
            }
        });
        match (refused, kept) {
            (Some(errno), _) => Err(errno),
            (None, Ok(())) => Ok(()),
            (None, Err(failure)) => {
                note(format_args!("{key}: the report is lost: {failure}"));
                Err(errno::PARAMETERS)
            }
        }
    }

    /// What a report means for the device's update.
    fn pass_on(&self, key: &DeviceKey, state: State, step: u32, order: &Order) -> Result<(), Failure> {
        if state == State::Succeeded
            && let Some(firmware) = self.target(order)?
        {
            return self.store.report_version(key, None, &firmware.version).map(drop);
        }
        let (step, desc) = match (state, step) {
            (State::Failed, 205) => (-3, "code 205".to_owned()),
            (State::Failed, code @ 201..) => (-1, format!("code {code}")),
            (State::Failed, code) => (-2, format!("code {code}")),
            (_, 0..=100) => (i32::try_from(step).unwrap_or(0), String::new()),
            (_, code) => (100, format!("code {code}")),
        };
        self.store.report_step(key, None, step, &desc).map(drop)
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
        self.store.db().write(|tx| {
            let mut tasks = load(tx, key)?;
            let before: Vec<String> = tasks.iter().map(written).collect();
            let result = work(&mut tasks);
            for (task, before) in tasks.iter().zip(before) {
                let after = written(task);
                if after != before {
                    let sql = "UPDATE onenet_task SET token = $1, task = $2 WHERE tid = $3";
                    tx.run(sql, &[(&task.token).into(), after.into(), i64::from(task.tid).into()])?;
                }
            }
            Ok(result)
        })
    }
}

/// A task as the database keeps it.
fn written(task: &Task) -> String {
    // A task holds nothing that JSON cannot express.
    serde_json::to_string(task).unwrap_or_default()
}

fn load(tx: &Tx<'_>, key: &DeviceKey) -> Result<Vec<Task>, Failure> {
    let sql = "SELECT t.tid, t.task FROM onenet_task t JOIN device d ON d.id = t.device WHERE d.product = $1 AND d.name = $2 ORDER BY t.tid";
    let rows = tx.all(sql, &[(&key.product).into(), (&key.device).into()])?;
    let read = |mut row: Row| {
        let tid = u32::try_from(row.int()).unwrap_or_default();
        let task: Result<Task, _> = serde_json::from_str(&row.text());
        task.map(|task| Task { tid, ..task })
            .map_err(|e| Failure::new(format!("{key}: task {tid} cannot be read: {e}")))
    };
    rows.into_iter().map(read).collect()
}

/// Keeps a new task of a device; gives it with its number.
pub fn put(store: &Store, key: &DeviceKey, task: &Task) -> Result<Task, Failure> {
    let device = store.device(key)?.ok_or_else(|| Failure::absent(format!("{key} is not registered")))?;
    let sql = "INSERT INTO onenet_task (device, token, task) VALUES ($1, $2, $3) RETURNING tid";
    let values = [device.id.into(), (&task.token).into(), written(task).into()];
    let tid = store.db().write(|tx| tx.id(sql, &values))?;
    Ok(Task { tid: u32::try_from(tid).unwrap_or_default(), ..task.clone() })
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
        let store = Arc::new(crate::data::tests::fresh(name));
        for version in ["2.0.0", &"1".repeat(21), "2+b"] {
            crate::data::tests::add(&store, "p", version, b"image");
        }
        let key = DeviceKey::new("p", "d");
        store.put_device(&key, "c2VjcmV0", None).unwrap();
        (Tasks::new(store), key)
    }

    fn order_of(tasks: &Tasks, version: &str) -> Order {
        let firmware_key = tasks.store.find("p", None, version).unwrap().map(|firmware| firmware.key);
        let firmware = format!("p-{version}");
        Order { firmware, firmware_key, kind: 2, signal: 0, power: 0, retry: 0, interval: 0, token_life: 60 }
    }

    #[test]
    fn odd_orders_are_refused() {
        let (tasks, key) = tasks("odd");
        let order = || order_of(&tasks, "2.0.0");
        for (odd, word) in [
            (Order { kind: 3, ..order() }, "kind"),
            (Order { power: 101, ..order() }, "power"),
            (Order { retry: -1, ..order() }, "retry"),
            (Order { token_life: 0, ..order() }, "token_life"),
            (Order { token_life: u64::MAX, ..order() }, "token_life"),
            (order_of(&tasks, &"1".repeat(21)), "version"),
            (order_of(&tasks, "2+b"), "version"),
            (order_of(&tasks, "9"), "no such firmware"),
        ] {
            let refused = tasks.order(&key, odd).unwrap_err().to_string();
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert!(tasks.of(&key).unwrap().is_empty());
        assert!(tasks.order(&key, order()).is_ok());
    }

    #[test]
    fn tokens_cannot_be_guessed() {
        let (tasks, key) = tasks("guess");
        let task = tasks.order(&key, order_of(&tasks, "2.0.0")).unwrap();
        assert!(tasks.owner(&task.token).is_some());
        for n in 0..1_000_u128 {
            for guess in [format!("ota_{n:020x}"), format!("ota_{:020x}", n << 40)] {
                assert!(tasks.owner(&guess).is_none(), "{guess}");
            }
        }
    }
}
