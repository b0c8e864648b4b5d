// SPDX-License-Identifier: MIT OR Apache-2.0
//! The updates of devices: orders, and what the devices report. Every change of a state goes through the table of
//! [`crate::rollout::upgrade`], in the transaction that reads the state before.

use std::collections::HashMap;

use super::configs::CONFIG;
use super::model::{DeviceKey, Firmware, Step, Update};
use super::{Store, firmware, time};
use crate::Failure;
use crate::db::{Row, Tx, Value};
use crate::rollout::upgrade::{Event, State};

/// Progress reports remembered per update.
const MAX_STEPS: i64 = 2_000;
/// Characters remembered of a device's own words.
const MAX_WORDS: usize = 512;
/// Modules remembered per device.
const MAX_MODULES: i64 = 200;

/// The columns of [`update_of`].
const UPDATE: &str = "u.id, u.device, d.product, u.job, u.firmware, u.module, u.from_version, u.to_version, u.sha256, u.state, u.reason, \
                      u.pushes, u.attempts, u.progress, u.created_at, u.ended_at, u.steps_dropped \
                      FROM upgrade u JOIN device d ON d.id = u.device";

fn update_of(mut row: Row) -> Update {
    let (id, device, product, job, key) =
        (row.int(), row.int(), row.text(), row.maybe_int(), row.maybe_int());
    let module = Some(row.text()).filter(|module| !module.is_empty());
    let (from, to) = (row.maybe_text(), row.text());
    Update {
        id: u64::try_from(id).unwrap_or_default(),
        device,
        job,
        firmware_key: key,
        from,
        firmware: firmware::label(&product, module.as_deref(), &to),
        to,
        sha256: row.text(),
        module,
        state: State::named(&row.text()).unwrap_or(State::Failed),
        reason: row.maybe_text(),
        pushes: u32::try_from(row.int()).unwrap_or(u32::MAX),
        attempts: u32::try_from(row.int()).unwrap_or(u32::MAX),
        progress: row.maybe_int().and_then(|n| u8::try_from(n).ok()),
        pushed_at: time::text(row.int()),
        ended_at: row.maybe_int().map(time::text),
        steps: Vec::new(),
        steps_dropped: u64::try_from(row.int()).unwrap_or_default(),
    }
}

/// A text that is not longer than is kept.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

/// What the negative progress steps mean.
fn failure_reason(step: i32) -> String {
    match step {
        -1 => "upgrade failed".to_owned(),
        -2 => "download failed".to_owned(),
        -3 => "verification failed".to_owned(),
        -4 => "writing failed".to_owned(),
        other => format!("upgrade failed (step {other})"),
    }
}

/// Whose an order is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// The job; `None`: a push by hand, or firmware that devices get unasked.
    pub job: Option<i64>,
    /// The job's stage.
    pub stage: i64,
}

impl Store {
    pub(super) fn device_id(tx: &Tx<'_>, key: &DeviceKey) -> Result<Option<i64>, Failure> {
        let sql = "SELECT id FROM device WHERE product = $1 AND name = $2";
        Ok(tx.one(sql, &[(&key.product).into(), (&key.device).into()])?.map(|mut row| row.int()))
    }

    pub(super) fn last_of(tx: &Tx<'_>, device: i64, module: Option<&str>) -> Result<Option<Update>, Failure> {
        let sql = format!("SELECT {UPDATE} WHERE u.device = $1 AND u.module = $2 ORDER BY u.id DESC LIMIT 1");
        Ok(tx.one(&sql, &[device.into(), module.unwrap_or_default().into()])?.map(update_of))
    }

    /// Moves an update on. `None`: the event changes nothing.
    pub(super) fn step_on(
        tx: &Tx<'_>,
        update: &Update,
        event: Event,
        reason: Option<&str>,
    ) -> Result<Option<State>, Failure> {
        let Some(next) = update.state.after(event) else {
            return Ok(None);
        };
        let now = time::now_ms();
        let ended: Value = if next.is_final() { now.into() } else { Value::Null };
        let sql = "UPDATE upgrade SET state = $1, reason = $2, ended_at = $3 WHERE id = $4";
        let id = i64::try_from(update.id).unwrap_or_default();
        tx.run(sql, &[next.name().into(), reason.map(shortened).into(), ended, id.into()])?;
        if next != update.state {
            let sql = "INSERT INTO event (at, kind, device, upgrade, job, words) VALUES ($1, 'upgrade', $2, $3, $4, $5)";
            tx.run(
                sql,
                &[now.into(), update.device.into(), id.into(), update.job.into(), next.name().into()],
            )?;
        }
        Ok(Some(next))
    }

    /// Records the version that a device reports; it completes an update to that version. `false`: unknown device.
    pub fn report_version(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        reported: &str,
    ) -> Result<bool, Failure> {
        self.db.write(|tx| {
            let Some(device) = Self::device_id(tx, key)? else { return Ok(false) };
            if let Some(update) = Self::last_of(tx, device, module)? {
                let id = i64::try_from(update.id).unwrap_or_default();
                let event = if update.to == reported {
                    Some(Event::Arrived)
                } else if update.from.as_deref().is_some_and(|from| from != reported) {
                    Some(Event::Strayed)
                } else {
                    None
                };
                let reason = format!("runs {reported}, which is neither the old version nor the new one");
                let reason = matches!(event, Some(Event::Strayed)).then_some(reason.as_str());
                let moved = match event {
                    Some(event) => Self::step_on(tx, &update, event, reason)?,
                    None => None,
                };
                // An offer that was made before the device had ever spoken: now it is known what it replaces.
                if moved.is_none() && !update.state.is_final() && update.from.is_none() {
                    tx.run("UPDATE upgrade SET from_version = $1 WHERE id = $2", &[reported.into(), id.into()])?;
                }
            }
            let now = time::now_ms();
            match module {
                Some(module) => {
                    let sql = "SELECT COUNT(*) FROM module WHERE device = $1 AND name <> $2";
                    if tx.id(sql, &[device.into(), module.into()])? >= MAX_MODULES {
                        return Err(Failure::new(format!("{key} has {MAX_MODULES} modules already, {module:?} is one too many")));
                    }
                    let sql = "INSERT INTO module (device, name, version, version_at) VALUES ($1, $2, $3, $4) \
                               ON CONFLICT (device, name) DO UPDATE SET version = excluded.version, version_at = excluded.version_at";
                    tx.run(sql, &[device.into(), module.into(), reported.into(), now.into()])?;
                }
                None => {
                    let sql = "UPDATE device SET version = $1, version_at = $2 WHERE id = $3";
                    tx.run(sql, &[reported.into(), now.into(), device.into()])?;
                }
            }
            Ok(true)
        })
    }

    /// Adds to what is known of the course of an update.
    pub(super) fn note_step(tx: &Tx<'_>, id: i64, step: i32, words: &str) -> Result<(), Failure> {
        let sql = "UPDATE upgrade SET steps = steps + 1, steps_dropped = steps_dropped + CASE WHEN steps < $1 THEN 0 ELSE 1 END \
                   WHERE id = $2 RETURNING steps";
        let n = tx.id(sql, &[MAX_STEPS.into(), id.into()])?;
        if n <= MAX_STEPS {
            let sql = "INSERT INTO step (upgrade, n, at, step, words) VALUES ($1, $2, $3, $4, $5)";
            let (now, step, words) = (time::now_ms(), i64::from(step), shortened(words));
            tx.run(sql, &[id.into(), n.into(), now.into(), step.into(), words.into()])?;
        }
        Ok(())
    }

    /// Records a progress report: a percentage, or a failure below 0. Gives the update when it has moved on.
    pub fn report_step(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        step: i32,
        words: &str,
    ) -> Result<Option<Update>, Failure> {
        self.db.write(|tx| {
            let Some(device) = Self::device_id(tx, key)? else { return Ok(None) };
            let Some(mut update) = Self::last_of(tx, device, module)? else { return Ok(None) };
            let (id, now) = (i64::try_from(update.id).unwrap_or_default(), time::now_ms());
            Self::note_step(tx, id, step, words)?;
            let (event, reason) = match step {
                ..0 => {
                    let reason = failure_reason(step);
                    let text = if words.is_empty() { reason } else { format!("{reason}: {words}") };
                    (Event::Broken, Some(text))
                }
                100.. => (Event::Whole, None),
                _ => (Event::Part, None),
            };
            let Some(state) = Self::step_on(tx, &update, event, reason.as_deref())? else { return Ok(None) };
            if step >= 0 {
                let sql =
                    "UPDATE upgrade SET progress = $1, started_at = COALESCE(started_at, $2) WHERE id = $3";
                tx.run(sql, &[i64::from(step).into(), now.into(), id.into()])?;
            }
            update.state = state;
            update.reason = reason;
            Ok(Some(update))
        })
    }

    /// Opens an update to `firmware`, unless one is open: the newest order counts, an older one to other bytes is
    /// superseded. Gives the update's id; `None`: unknown device.
    pub fn open_update(
        &self,
        key: &DeviceKey,
        firmware: &Firmware,
        origin: Origin,
    ) -> Result<Option<u64>, Failure> {
        self.db.write(|tx| {
            let sql = "SELECT id, version FROM device WHERE product = $1 AND name = $2";
            let row = tx.one(sql, &[(&key.product).into(), (&key.device).into()])?;
            let Some((device, version)) = row.map(|mut row| (row.int(), row.maybe_text())) else { return Ok(None) };
            let module = firmware.module.as_deref();
            if let Some(open) = Self::last_of(tx, device, module)?.filter(|u| !u.state.is_final()) {
                let same = open.firmware_key == Some(firmware.key) && open.sha256 == firmware.content.sha256;
                if same && (origin.job.is_none() || origin.job == open.job) {
                    return Ok(Some(open.id));
                }
                Self::step_on(tx, &open, Event::Replace, None)?;
            }
            let from = match module {
                Some(CONFIG) => {
                    // A push of the product's configuration that waits for the device is older.
                    tx.run("UPDATE device SET config_due = 0 WHERE id = $1", &[device.into()])?;
                    self.config_before(key)?
                }
                Some(module) => {
                    let sql = "SELECT version FROM module WHERE device = $1 AND name = $2";
                    tx.one(sql, &[device.into(), module.into()])?.and_then(|mut row| row.maybe_text())
                }
                None => version,
            };
            let sql = "INSERT INTO upgrade (device, job, stage, firmware, module, from_version, to_version, sha256, state, pushes, attempts, \
                       created_at, steps, steps_dropped) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 0, 1, $9, 0, 0) RETURNING id";
            let id = tx.id(
                sql,
                &[
                    device.into(),
                    origin.job.into(),
                    origin.stage.into(),
                    firmware.key.into(),
                    module.unwrap_or_default().into(),
                    from.into(),
                    (&firmware.version).into(),
                    (&firmware.content.sha256).into(),
                    time::now_ms().into(),
                ],
            )?;
            let sql = "INSERT INTO event (at, kind, device, upgrade, job, words) VALUES ($1, 'upgrade', $2, $3, $4, 'queued')";
            tx.run(sql, &[time::now_ms().into(), device.into(), id.into(), origin.job.into()])?;
            Ok(u64::try_from(id).ok())
        })
    }

    /// Counts that the device was given the offer of an update.
    pub fn count_push(&self, id: u64) -> Result<(), Failure> {
        self.db.write(|tx| {
            let id = i64::try_from(id).unwrap_or_default();
            let sql = format!("SELECT {UPDATE} WHERE u.id = $1");
            let Some(update) = tx.one(&sql, &[id.into()])?.map(update_of) else { return Ok(()) };
            Self::step_on(tx, &update, Event::Given, None)?;
            // A device reports no progress on a configuration: its time runs from the push on.
            let sql = "UPDATE upgrade SET pushes = pushes + 1, pushed_at = $1, progress = NULL, \
                       started_at = CASE WHEN module = $3 THEN COALESCE(started_at, $1) ELSE started_at END WHERE id = $2";
            tx.run(sql, &[time::now_ms().into(), id.into(), CONFIG.into()]).map(drop)
        })
    }

    /// Applies an event to an update by its number; `None`: it changes nothing.
    pub fn move_update(&self, id: u64, event: Event, reason: Option<&str>) -> Result<Option<State>, Failure> {
        self.db.write(|tx| {
            let sql = format!("SELECT {UPDATE} WHERE u.id = $1");
            let update = tx.one(&sql, &[i64::try_from(id).unwrap_or_default().into()])?.map(update_of);
            match update {
                Some(update) => Self::step_on(tx, &update, event, reason),
                None => Ok(None),
            }
        })
    }

    /// Tries an update again that has failed, timed out or been called off.
    pub fn retry_update(&self, id: u64) -> Result<bool, Failure> {
        self.db.write(|tx| {
            let moved = self.move_update(id, Event::Retry, None)?.is_some();
            if moved {
                let sql = "UPDATE upgrade SET attempts = attempts + 1, pushes = 0, progress = NULL, started_at = NULL, pushed_at = NULL \
                           WHERE id = $1";
                tx.run(sql, &[i64::try_from(id).unwrap_or_default().into()])?;
            }
            Ok(moved)
        })
    }

    /// Calls off what is open for a device; how many updates that were.
    pub fn cancel_updates(&self, key: &DeviceKey) -> Result<usize, Failure> {
        self.db.write(|tx| {
            let mut cancelled = 0;
            for update in self.updates(key)?.iter().filter(|u| !u.state.is_final()) {
                let reason = if update.state.is_at_work() {
                    "called off while the device was at work"
                } else {
                    "called off in time"
                };
                cancelled += usize::from(Self::step_on(tx, update, Event::Cancel, Some(reason))?.is_some());
            }
            Ok(cancelled)
        })
    }

    /// The open update of a device, or of one of its modules.
    pub fn open_of(&self, key: &DeviceKey, module: Option<&str>) -> Result<Option<Update>, Failure> {
        self.db.read(|tx| {
            let Some(device) = Self::device_id(tx, key)? else {
                return Ok(None);
            };
            Ok(Self::last_of(tx, device, module)?.filter(|u| !u.state.is_final()))
        })
    }

    /// The updates of a device, oldest first, without their steps.
    pub fn updates(&self, key: &DeviceKey) -> Result<Vec<Update>, Failure> {
        let sql = format!("SELECT {UPDATE} WHERE d.product = $1 AND d.name = $2 ORDER BY u.id");
        let rows = self.db.read(|tx| tx.all(&sql, &[(&key.product).into(), (&key.device).into()]))?;
        Ok(rows.into_iter().map(update_of).collect())
    }

    /// The updates of a job, without their steps.
    pub fn updates_of_job(&self, job: i64) -> Result<Vec<Update>, Failure> {
        let sql = format!("SELECT {UPDATE} WHERE u.job = $1 ORDER BY u.id");
        Ok(self.db.read(|tx| tx.all(&sql, &[job.into()]))?.into_iter().map(update_of).collect())
    }

    /// The updates of one device or of all, by the number of the device, with their steps.
    pub fn history(&self, device: Option<i64>) -> Result<HashMap<i64, Vec<Update>>, Failure> {
        // All devices have numbers above 0.
        let condition = if device.is_some() { "u.device = $1" } else { "u.device > $1" };
        let sql = format!("SELECT {UPDATE} WHERE {condition} ORDER BY u.id");
        let steps = format!(
            "SELECT s.upgrade, s.at, s.step, s.words FROM step s JOIN upgrade u ON u.id = s.upgrade WHERE {condition} ORDER BY s.upgrade, s.n"
        );
        let value = [device.unwrap_or_default().into()];
        self.db.read(|tx| {
            let mut updates: Vec<Update> = tx.all(&sql, &value)?.into_iter().map(update_of).collect();
            let place: HashMap<u64, usize> = updates.iter().enumerate().map(|(n, u)| (u.id, n)).collect();
            for mut row in tx.all(&steps, &value)? {
                let id = u64::try_from(row.int()).unwrap_or_default();
                if let Some(update) = place.get(&id).and_then(|n| updates.get_mut(*n)) {
                    let (at, step) = (time::text(row.int()), i32::try_from(row.int()).unwrap_or_default());
                    update.steps.push(Step { at, step, desc: row.text() });
                }
            }
            let mut by_device: HashMap<i64, Vec<Update>> = HashMap::new();
            for update in updates {
                by_device.entry(update.device).or_default().push(update);
            }
            Ok(by_device)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_negative_step_is_a_failure() {
        let store = crate::data::tests::fresh("steps");
        let key = DeviceKey::new("pk", "dn");
        store.put_device(&key, "secret", None).unwrap();
        for (step, words, wanted) in [
            (-1, "", "upgrade failed"),
            (-4, "flash", "writing failed: flash"),
            (-5, "", "upgrade failed (step -5)"),
            (-7, "own", "upgrade failed (step -7): own"),
            (i32::MIN, "", "upgrade failed (step -2147483648)"),
        ] {
            let firmware = crate::data::tests::add(&store, "pk", &step.to_string().replace('-', "v"), b"x");
            let id = store.open_update(&key, &firmware, Origin::default()).unwrap();
            let moved = store.report_step(&key, None, step, words).unwrap().unwrap();
            assert_eq!((Some(moved.id), moved.state), (id, State::Failed), "{step}");
            assert_eq!(moved.reason.as_deref(), Some(wanted));
        }
    }
}
