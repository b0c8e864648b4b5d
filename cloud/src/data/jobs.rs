// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs in the database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::configs::CONFIG;
use super::model::{DeviceKey, Firmware};
use super::{Store, time};
use crate::Failure;
use crate::db::{Row, Tx, Value};
use crate::rollout::job::{Event, State};
use crate::rollout::spec::{Candidate, Counts, Spec};
use crate::rollout::upgrade;

/// The stage of the devices that a firmware is tried on.
pub const TRIAL: i64 = -1;

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Product key.
    pub product_key: String,
    /// The number of the firmware.
    pub firmware: i64,
    /// The version that devices get.
    pub version: String,
    /// The module that it is for; `None`: the device itself; `$config`: devices get a configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// How far it is.
    pub state: State,
    /// The stage that runs, from 0.
    pub stage: usize,
    /// Why it stopped, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The plan.
    pub spec: Spec,
    /// When it was made.
    pub created_at: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// That update `u` is its device's newest of the same module: only such a one is tried again.
const NEWEST: &str =
    "NOT EXISTS (SELECT 1 FROM upgrade n WHERE n.device = u.device AND n.module = u.module AND n.id > u.id)";

const JOB: &str = "j.id, j.name, j.product, j.firmware, f.version, f.module, j.state, j.stage, j.reason, j.spec, j.created_at, j.started_at, \
                   j.ended_at FROM job j JOIN firmware f ON f.id = j.firmware";

fn job_of(mut row: Row) -> Result<Job, Failure> {
    let id = row.int();
    Ok(Job {
        id,
        name: row.text(),
        product_key: row.text(),
        firmware: row.int(),
        version: row.text(),
        module: Some(row.text()).filter(|module| !module.is_empty()),
        state: State::named(&row.text())
            .ok_or_else(|| Failure::new(format!("job {id} is in no known state")))?,
        stage: usize::try_from(row.int()).unwrap_or_default(),
        reason: row.maybe_text(),
        spec: serde_json::from_str(&row.text()).map_err(|e| Failure::new(format!("job {id}: {e}")))?,
        created_at: time::text(row.int()),
        started_at: row.maybe_int().map(time::text),
        ended_at: row.maybe_int().map(time::text),
    })
}

/// A device of a job.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// Device name.
    pub device_name: String,
    /// Its stage, from 0; -1: it is one that the firmware is tried on.
    pub stage: i64,
    /// What it has come to: `waiting`, or the state of its update.
    pub state: String,
    /// The number of its update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<i64>,
    /// The last percentage that it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Store {
    /// Keeps a new job.
    pub fn add_job(&self, name: &str, firmware: &Firmware, spec: &Spec) -> Result<Job, Failure> {
        let json = serde_json::to_string(spec).map_err(|e| Failure::new(e.to_string()))?;
        let name: String = name.chars().take(100).collect();
        self.db.write(|tx| {
            let sql = "INSERT INTO job (name, product, firmware, spec, state, stage, created_at) VALUES ($1, $2, $3, $4, 'draft', 0, $5) \
                       RETURNING id";
            let values = [name.into(), (&firmware.product_key).into(), firmware.key.into(), json.into(), time::now_ms().into()];
            let id = tx.id(sql, &values)?;
            self.job(id)?.ok_or_else(|| Failure::new("the job was not kept"))
        })
    }

    /// A job by its number.
    pub fn job(&self, id: i64) -> Result<Option<Job>, Failure> {
        let sql = format!("SELECT {JOB} WHERE j.id = $1");
        self.db.read(|tx| tx.one(&sql, &[id.into()]))?.map(job_of).transpose()
    }

    /// All jobs, the newest first.
    pub fn jobs(&self) -> Result<Vec<Job>, Failure> {
        let sql = format!("SELECT {JOB} ORDER BY j.id DESC");
        self.db.read(|tx| tx.all(&sql, &[]))?.into_iter().map(job_of).collect()
    }

    /// The jobs that something may happen to without a person, the oldest first.
    pub fn live_jobs(&self) -> Result<Vec<Job>, Failure> {
        let sql = format!("SELECT {JOB} WHERE j.state IN ('running', 'paused', 'verifying') ORDER BY j.id");
        self.db.read(|tx| tx.all(&sql, &[]))?.into_iter().map(job_of).collect()
    }

    /// Moves a job on; the state that it is in then. An error says why not.
    pub fn move_job(&self, id: i64, event: Event, reason: Option<&str>) -> Result<State, Failure> {
        self.db.write(|tx| {
            let job = self.job(id)?.ok_or_else(|| Failure::absent(format!("there is no job {id}")))?;
            let Some(next) = job.state.after(event) else {
                return Err(Failure::new(format!("job {id} is {}: it cannot {}", job.state.name(), verb(event))));
            };
            let now = time::now_ms();
            let started: Value = if event == Event::Start { now.into() } else { Value::Null };
            let ended: Value = if next.is_final() { now.into() } else { Value::Null };
            let sql = "UPDATE job SET state = $1, reason = $2, started_at = COALESCE($3, started_at), ended_at = $4 WHERE id = $5";
            tx.run(sql, &[next.name().into(), reason.into(), started, ended, id.into()])?;
            let sql = "INSERT INTO event (at, kind, job, words) VALUES ($1, 'job', $2, $3)";
            tx.run(sql, &[now.into(), id.into(), next.name().into()])?;
            Ok(next)
        })
    }

    /// Notes the stage that a job is in.
    pub fn set_stage(&self, id: i64, stage: usize) -> Result<(), Failure> {
        let values = [i64::try_from(stage).unwrap_or_default().into(), id.into()];
        self.db.write(|tx| tx.run("UPDATE job SET stage = $1 WHERE id = $2", &values)).map(drop)
    }

    /// The devices of a product as a plan looks at them, for the module that it is about.
    pub fn candidates(&self, product: &str, module: Option<&str>) -> Result<Vec<Candidate>, Failure> {
        self.db.read(|tx| {
            let sql = match module {
                None => "SELECT id, name, version FROM device WHERE product = $1 ORDER BY name",
                // No device reports it, so all of them can get one.
                Some(CONFIG) => {
                    "SELECT d.id, d.name, m.version FROM device d LEFT JOIN module m ON m.device = d.id AND m.name = $2 \
                     WHERE d.product = $1 ORDER BY d.name"
                }
                Some(_) => {
                    "SELECT d.id, d.name, m.version FROM device d JOIN module m ON m.device = d.id AND m.name = $2 WHERE d.product = $1 \
                     ORDER BY d.name"
                }
            };
            let mut values: Vec<Value> = vec![product.into()];
            values.extend(module.map(Value::from));
            let row = |mut row: Row| Candidate { id: row.int(), name: row.text(), version: row.maybe_text(), tags: Vec::new() };
            let mut devices: Vec<Candidate> = tx.all(sql, &values)?.into_iter().map(row).collect();
            let sql = "SELECT t.device, t.tag FROM tag t JOIN device d ON d.id = t.device WHERE d.product = $1";
            let place: std::collections::HashMap<i64, usize> = devices.iter().enumerate().map(|(n, d)| (d.id, n)).collect();
            for mut row in tx.all(sql, &[product.into()])? {
                if let Some(device) = place.get(&row.int()).and_then(|n| devices.get_mut(*n)) {
                    device.tags.push(row.text());
                }
            }
            Ok(devices)
        })
    }

    /// Puts a device into groups, in place of those that it is in. `false`: unknown device.
    pub fn set_tags(&self, key: &DeviceKey, tags: &[String]) -> Result<bool, Failure> {
        for tag in tags {
            super::checked_name("group", tag)?;
        }
        self.db.write(|tx| {
            let Some(device) = self.device(key)? else { return Ok(false) };
            tx.run("DELETE FROM tag WHERE device = $1", &[device.id.into()])?;
            for tag in tags {
                let sql =
                    "INSERT INTO tag (device, tag) VALUES ($1, $2) ON CONFLICT (device, tag) DO NOTHING";
                tx.run(sql, &[device.id.into(), tag.into()])?;
            }
            Ok(true)
        })
    }

    /// Adds devices to a job; those that are in it already stay as they are.
    pub fn add_targets(&self, job: i64, devices: &[(i64, i64)]) -> Result<(), Failure> {
        self.db.write(|tx| {
            for (device, stage) in devices {
                let sql = "INSERT INTO job_target (job, device, stage, state) VALUES ($1, $2, $3, 'waiting') \
                           ON CONFLICT (job, device, stage) DO NOTHING";
                tx.run(sql, &[job.into(), (*device).into(), (*stage).into()])?;
            }
            Ok(())
        })
    }

    /// The devices of a job, of the trial or of the roll-out.
    pub fn members_of_job(&self, job: i64, trial: bool) -> Result<Vec<i64>, Failure> {
        let sql = if trial {
            "SELECT device FROM job_target WHERE job = $1 AND stage < 0"
        } else {
            "SELECT device FROM job_target WHERE job = $1 AND stage >= 0"
        };
        Ok(self.db.read(|tx| tx.all(sql, &[job.into()]))?.into_iter().map(|mut row| row.int()).collect())
    }

    /// Devices of a job that have not begun, up to a stage.
    pub fn waiting(
        &self,
        job: i64,
        from: i64,
        to: i64,
        most: i64,
    ) -> Result<Vec<(DeviceKey, i64, i64)>, Failure> {
        let sql = "SELECT d.product, d.name, d.id, t.stage FROM job_target t JOIN device d ON d.id = t.device \
                   WHERE t.job = $1 AND t.stage >= $2 AND t.stage <= $3 AND t.state = 'waiting' ORDER BY t.stage, d.name LIMIT $4";
        let rows = self.db.read(|tx| tx.all(sql, &[job.into(), from.into(), to.into(), most.into()]))?;
        let read = |mut row: Row| (DeviceKey::new(row.text(), row.text()), row.int(), row.int());
        Ok(rows.into_iter().map(read).collect())
    }

    /// Notes what a device of a job has come to: `begun` with its update, or why it is left out.
    pub fn set_target(
        &self,
        job: i64,
        device: i64,
        stage: i64,
        state: &str,
        update: Option<u64>,
    ) -> Result<(), Failure> {
        let sql =
            "UPDATE job_target SET state = $1, upgrade = $2 WHERE job = $3 AND device = $4 AND stage = $5";
        let update = update.and_then(|id| i64::try_from(id).ok());
        let values = [state.into(), update.into(), job.into(), device.into(), stage.into()];
        self.db.write(|tx| tx.run(sql, &values)).map(drop)
    }

    /// What the devices of some stages have come to. A failure that will be tried again counts as under way.
    pub fn counts(&self, job: &Job, from: i64, to: i64) -> Result<Counts, Failure> {
        let sql = format!(
            "SELECT target, reached, again, COUNT(*) FROM (SELECT t.state AS target, u.state AS reached, \
             CASE WHEN u.attempts <= $1 AND {NEWEST} THEN 1 ELSE 0 END AS again FROM job_target t \
             LEFT JOIN upgrade u ON u.id = t.upgrade WHERE t.job = $2 AND t.stage >= $3 AND t.stage <= $4) each_one \
             GROUP BY target, reached, again"
        );
        let values = [i64::from(job.spec.retries).into(), job.id.into(), from.into(), to.into()];
        let mut counts = Counts::default();
        for mut row in self.db.read(|tx| tx.all(&sql, &values))? {
            let (target, state, again, n) = (row.text(), row.maybe_text(), row.flag(), row.int());
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            let place = match (target.as_str(), state.as_deref().and_then(upgrade::State::named)) {
                ("waiting", _) => &mut counts.waiting,
                ("begun", Some(upgrade::State::Succeeded)) => &mut counts.succeeded,
                ("begun", Some(upgrade::State::Failed)) if again => &mut counts.running,
                ("begun", Some(upgrade::State::Failed | upgrade::State::TimedOut)) => &mut counts.failed,
                ("begun", Some(state)) if !state.is_final() => &mut counts.running,
                _ => &mut counts.dropped,
            };
            *place = place.saturating_add(n);
        }
        Ok(counts)
    }

    /// How many devices of a job began since an instant.
    pub fn begun_since(&self, job: i64, since: i64) -> Result<i64, Failure> {
        let sql = "SELECT COUNT(*) FROM upgrade WHERE job = $1 AND created_at > $2";
        self.db.read(|tx| tx.id(sql, &[job.into(), since.into()]))
    }

    /// The updates of a job that are under way and have had their time: they reported progress before `since`.
    pub fn overdue(&self, job: i64, since: i64) -> Result<Vec<u64>, Failure> {
        let sql = "SELECT id FROM upgrade WHERE job = $1 AND state IN ('pushed', 'downloading', 'installing') AND started_at < $2";
        self.numbers(sql, &[job.into(), since.into()])
    }

    /// The updates of a job that failed before `since` and are to be tried again.
    pub fn to_retry(&self, job: &Job, since: i64) -> Result<Vec<u64>, Failure> {
        let sql = format!(
            "SELECT u.id FROM upgrade u WHERE u.job = $1 AND u.state = 'failed' AND u.attempts <= $2 AND u.ended_at <= $3 AND {NEWEST} \
             AND NOT EXISTS (SELECT 1 FROM job_target t WHERE t.job = u.job AND t.device = u.device AND t.state = 'waiting')"
        );
        self.numbers(&sql, &[job.id.into(), i64::from(job.spec.retries).into(), since.into()])
    }

    /// Has the devices of a job wait once more whose updates failed, timed out or were called off; how many those are.
    pub fn wait_again(&self, job: &Job) -> Result<usize, Failure> {
        let sql = format!(
            "UPDATE job_target SET state = 'waiting', upgrade = NULL WHERE job = $1 AND upgrade IN (SELECT u.id FROM upgrade u \
             WHERE u.job = $1 AND u.state IN ('failed', 'timed_out', 'cancelled') AND {NEWEST})"
        );
        let changed = self.db.write(|tx| tx.run(&sql, &[job.id.into()]))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// How far the newest order is that a device was given after a job had been started, if it is for something else than the
    /// job and was not called off.
    pub fn newer_order(&self, job: &Job, key: &DeviceKey) -> Result<Option<upgrade::State>, Failure> {
        let sql = "SELECT u.state FROM upgrade u JOIN device d ON d.id = u.device JOIN job j ON j.id = $1 \
                   WHERE d.product = $2 AND d.name = $3 AND u.module = $4 AND u.created_at > j.started_at AND u.state <> 'cancelled' \
                   AND COALESCE(u.job, 0) <> j.id AND COALESCE(u.firmware, 0) <> j.firmware ORDER BY u.id DESC LIMIT 1";
        let module = job.module.as_deref().unwrap_or_default();
        let values = [job.id.into(), (&key.product).into(), (&key.device).into(), module.into()];
        let row = self.db.read(|tx| tx.one(sql, &values))?;
        Ok(row.and_then(|mut row| upgrade::State::named(&row.text())))
    }

    fn numbers(&self, sql: &str, values: &[Value]) -> Result<Vec<u64>, Failure> {
        let rows = self.db.read(|tx: &Tx<'_>| tx.all(sql, values))?;
        Ok(rows.into_iter().filter_map(|mut row| u64::try_from(row.int()).ok()).collect())
    }

    /// The device of an update.
    pub fn device_of_update(&self, id: u64) -> Result<Option<DeviceKey>, Failure> {
        let sql = "SELECT d.product, d.name FROM upgrade u JOIN device d ON d.id = u.device WHERE u.id = $1";
        let row = self.db.read(|tx| tx.one(sql, &[i64::try_from(id).unwrap_or_default().into()]))?;
        Ok(row.map(|mut row| DeviceKey::new(row.text(), row.text())))
    }

    /// The devices of a job and what they have come to.
    pub fn targets(&self, job: i64) -> Result<Vec<Target>, Failure> {
        let sql = "SELECT d.name, t.stage, t.state, t.upgrade, u.state, u.progress, u.reason FROM job_target t \
                   JOIN device d ON d.id = t.device LEFT JOIN upgrade u ON u.id = t.upgrade WHERE t.job = $1 ORDER BY t.stage, d.name";
        let read = |mut row: Row| {
            let (device_name, stage, target, update) = (row.text(), row.int(), row.text(), row.maybe_int());
            let left_out = match target.as_str() {
                "superseded" => Some("it has had a newer order since"),
                "skipped" => Some("it ran this version already"),
                _ => None,
            };
            let state = row.maybe_text().unwrap_or(target);
            let (progress, reason) = (row.maybe_int(), row.maybe_text());
            Target {
                device_name,
                stage,
                state,
                update,
                progress,
                reason: reason.or(left_out.map(str::to_owned)),
            }
        };
        Ok(self.db.read(|tx| tx.all(sql, &[job.into()]))?.into_iter().map(read).collect())
    }
}

fn verb(event: Event) -> &'static str {
    match event {
        Event::Verify => "be verified",
        Event::Passed => "pass",
        Event::Failed => "fail",
        Event::Approve => "be approved",
        Event::Start => "be started",
        Event::Pause => "be paused",
        Event::Resume => "be resumed",
        Event::Finish => "be finished",
        Event::Cancel => "be cancelled",
    }
}
