// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade tasks: what each device is to do, and how far it is.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::inform_topic;
use super::task::{Name, Order, State, Task, after, errno, is_version, now, token};
use crate::aliyun::offers::Effects;
use crate::broker::Outgoing;
use crate::data::Store;
use crate::data::model::{DeviceKey, Firmware};
use crate::data::upgrades::Origin;
use crate::db::{Row, Tx};
use crate::rollout::terms::Terms;
use crate::rollout::upgrade;
use crate::{Failure, note};

/// All tasks. Safe to share between threads; calls may block on the database.
#[derive(Debug)]
pub struct Tasks {
    store: Arc<Store>,
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

    /// Orders a task; one of the same kind that is under way is cancelled. The device is told when the transaction is kept.
    pub fn order(
        &self,
        key: &DeviceKey,
        firmware: &Firmware,
        terms: &Terms,
        origin: Origin,
        out: &mut Effects,
    ) -> Result<Task, Failure> {
        terms.check()?;
        fits(firmware)?;
        self.store.batch(|| {
            let update = self.store.open_update(key, firmware, origin)?;
            let update = update.ok_or_else(|| Failure::absent(format!("{key} is not registered")))?;
            self.give(key, firmware, terms, update, out)
        })
    }

    /// Makes the task of an update that is open.
    pub fn give(
        &self,
        key: &DeviceKey,
        firmware: &Firmware,
        terms: &Terms,
        update: u64,
        out: &mut Effects,
    ) -> Result<Task, Failure> {
        self.change(key, |tasks| {
            let same =
                tasks.iter_mut().filter(|old| old.order.terms.kind == terms.kind && !old.state.is_final());
            same.for_each(|old| old.state = State::Cancelled);
        })?;
        let order = Order {
            firmware: firmware.id.clone(),
            firmware_key: Some(firmware.key),
            update: Some(update),
            terms: terms.clone(),
        };
        let task = Task {
            tid: 0,
            token: token()?,
            token_at: now(),
            order,
            state: State::Waiting,
            steps: Vec::new(),
            informed: 0,
        };
        let task = put(&self.store, key, &task)?;
        let payload = json!({ "id": task.tid.to_string(), "version": "1.0", "params": {} }).to_string();
        out.answer(Outgoing { topic: inform_topic(key), payload: payload.into_bytes(), at_least_once: true });
        Ok(task)
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
                let version = if task.order.terms.kind == 1 { fota } else { sota };
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
                task.order.terms.kind == kind && matches!(task.state, State::Waiting | State::Downloading)
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
        if firmware.version == version {
            return Err(errno::NO_TASK);
        }
        if let Some(update) = task.order.update.filter(|_| task.state == State::Waiting) {
            self.store.count_push(update).map_err(|failure| {
                note(format_args!("{key}: {failure}"));
                errno::NO_TASK
            })?;
        }
        Ok((task, firmware))
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
            for task in tasks.iter_mut().filter(|task| task.state == State::Waiting) {
                if withdrawn(tx, task)? {
                    task.state = State::Cancelled;
                }
            }
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

/// Whether the update of a task was called off before its device began.
fn withdrawn(tx: &Tx<'_>, task: &Task) -> Result<bool, Failure> {
    let Some(update) = task.order.update.and_then(|id| i64::try_from(id).ok()) else {
        return Ok(false);
    };
    let row = tx.one("SELECT state FROM upgrade WHERE id = $1", &[update.into()])?;
    let state = row.and_then(|mut row| upgrade::State::named(&row.text()));
    // With its device it is gone altogether. One that a task of the other kind took the place of goes on: a module has its
    // own firmware beside the application.
    Ok(state.is_none_or(|state| matches!(state, upgrade::State::Cancelled | upgrade::State::TimedOut)))
}

/// Refuses firmware that no device of OneNET could ask for.
pub fn fits(firmware: &Firmware) -> Result<(), Failure> {
    if !is_version(&firmware.version) {
        return Err(Failure::new(format!(
            "version {:?}: OneNET takes 1 to 20 letters, digits and ._-",
            firmware.version
        )));
    }
    match &firmware.module {
        Some(module) => Err(Failure::new(format!("OneNET has no modules, {module:?} neither"))),
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(name: &str) -> (Tasks, DeviceKey) {
        let store = Arc::new(crate::data::tests::fresh(name));
        for version in ["2.0.0", &"1".repeat(21), "2+b"] {
            crate::data::tests::add(&store, "p", version, b"image");
        }
        let key = DeviceKey::new("p", "d");
        store.put_device(&key, "c2VjcmV0", None).unwrap();
        (Tasks::new(store), key)
    }

    fn ordered(tasks: &Tasks, key: &DeviceKey, version: &str, terms: &Terms) -> Result<Task, Failure> {
        let firmware = tasks.store.find("p", None, version).unwrap().unwrap();
        tasks.order(key, &firmware, terms, Origin::default(), &mut Effects::default())
    }

    #[test]
    fn odd_orders_are_refused() {
        let (tasks, key) = tasks("odd");
        let terms = Terms::default;
        for (odd, version, word) in [
            (Terms { kind: 3, ..terms() }, "2.0.0", "kind"),
            (Terms { power: 101, ..terms() }, "2.0.0", "power"),
            (Terms { retry: -1, ..terms() }, "2.0.0", "retry"),
            (Terms { token_life: 0, ..terms() }, "2.0.0", "token_life"),
            (Terms { token_life: u64::MAX, ..terms() }, "2.0.0", "token_life"),
            (terms(), &"1".repeat(21), "version"),
            (terms(), "2+b", "version"),
        ] {
            let refused = ordered(&tasks, &key, version, &odd).unwrap_err().to_string();
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert!(tasks.of(&key).unwrap().is_empty());
        assert!(ordered(&tasks, &key, "2.0.0", &terms()).is_ok());
    }

    #[test]
    fn a_task_ends_with_its_update() {
        let (tasks, key) = tasks("withdrawn");
        let task = ordered(&tasks, &key, "2.0.0", &Terms::default()).unwrap();
        assert!(tasks.check(&key, 2, "1.0.0").is_ok());
        tasks.store.move_update(task.order.update.unwrap(), upgrade::Event::Cancel, None).unwrap();
        assert_eq!(tasks.check(&key, 2, "1.0.0").unwrap_err(), errno::NO_TASK);
        let name = Name::Token(task.token.clone());
        assert_eq!(tasks.stands(&key, &name).unwrap_err(), errno::CANCELLED);
        // One that its device has begun goes on, and what it comes to is recorded.
        let task = ordered(&tasks, &key, "2.0.0", &Terms::default()).unwrap();
        let name = Name::Token(task.token.clone());
        tasks.stands(&key, &name).unwrap();
        tasks.store.move_update(task.order.update.unwrap(), upgrade::Event::Cancel, None).unwrap();
        for step in [50, 100, 201] {
            assert_eq!(tasks.report(&key, &name, step), Ok(()));
        }
        let states: Vec<_> = tasks.store.updates(&key).unwrap().iter().map(|update| update.state).collect();
        assert_eq!(states, [upgrade::State::Cancelled, upgrade::State::Succeeded]);
    }

    #[test]
    fn tokens_cannot_be_guessed() {
        let (tasks, key) = tasks("guess");
        let task = ordered(&tasks, &key, "2.0.0", &Terms::default()).unwrap();
        assert!(tasks.owner(&task.token).is_some());
        for n in 0..1_000_u128 {
            for guess in [format!("ota_{n:020x}"), format!("ota_{:020x}", n << 40)] {
                assert!(tasks.owner(&guess).is_none(), "{guess}");
            }
        }
    }
}
