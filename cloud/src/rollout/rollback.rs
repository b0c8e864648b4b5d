// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a job back: every device that got its firmware, or is getting it, is offered the version that it had before.
//!
//! That is a job again, one for each version that devices go back to: it has a bar, can be paused and retried, and being
//! newer it wins over what it takes back. Devices that are at work come to their end first.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::{Event, State};
use super::scheduler::Scheduler;
use super::spec::Spec;
use super::upgrade;
use crate::Failure;
use crate::aliyun::offers::Effects;
use crate::data::jobs::Job;
use crate::data::model::{Firmware, Update};

/// A device that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Device name.
    pub device_name: String,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Debug)]
pub struct RolledBack {
    /// The jobs that take devices back.
    pub jobs: Vec<Job>,
    /// Devices that no job takes back.
    pub left_out: Vec<LeftOut>,
    /// Whether devices were offered the firmware unasked until now.
    pub auto_ended: bool,
}

/// Where devices go back to.
#[derive(Default)]
struct Plan {
    /// The number of a version's firmware: that firmware, and devices by number and name.
    ways: BTreeMap<i64, (Firmware, Vec<(i64, String)>)>,
    left_out: Vec<LeftOut>,
}

impl Scheduler {
    /// Takes a job back. What it has not begun is called off.
    pub fn roll_back(&self, id: i64, out: &mut Effects) -> Result<RolledBack, Failure> {
        let store = &self.offers.store;
        store.batch(|| {
            let job = self.job(id)?;
            let plan = self.ways_back(&job)?;
            if plan.ways.is_empty() {
                let why = match plan.left_out.first() {
                    None => "no device got its firmware".to_owned(),
                    Some(one) => format!("no device can go back: {}: {}", one.device_name, one.reason),
                };
                return Err(Failure::new(format!("job {id} cannot be taken back: {why}")));
            }
            if !job.state.is_final() {
                store.move_job(id, Event::Cancel, Some("it was rolled back"))?;
                self.withdraw(&job, true)?;
            }
            let auto_ended = store.end_auto(job.firmware)?;
            let mut jobs = Vec::new();
            for (firmware, devices) in plan.ways.into_values() {
                jobs.push(self.go_back(&job, &firmware, &devices, out)?);
            }
            Ok(RolledBack { jobs, left_out: plan.left_out, auto_ended })
        })
    }

    fn ways_back(&self, job: &Job) -> Result<Plan, Failure> {
        let store = &self.offers.store;
        // The last update of each device counts: one that was verified on may have several.
        let updates: BTreeMap<i64, Update> =
            store.updates_of_job(job.id)?.into_iter().map(|update| (update.device, update)).collect();
        let mut plan = Plan::default();
        for update in updates.into_values().filter(has_it) {
            let Some(key) = store.device_of_update(update.id)? else {
                continue;
            };
            let newer = store.updates(&key)?.iter().any(|u| u.id > update.id && u.module == update.module);
            let way = match &update.from {
                _ if newer => Err("it has had a newer order since".to_owned()),
                None if update.is_config() => Err("it had no configuration before that is known".to_owned()),
                None => Err("nobody knows what it ran before".to_owned()),
                Some(from) if *from == job.version && update.is_config() => {
                    Err(format!("it had {from} before, too"))
                }
                Some(from) if *from == job.version => Err(format!("it ran {from} before, too")),
                Some(from) => store
                    .find(&job.product_key, job.module.as_deref(), from)?
                    .ok_or_else(|| format!("it ran {from}, and there is no firmware of that version")),
            };
            match way {
                Ok(firmware) => {
                    let way = plan.ways.entry(firmware.key).or_insert_with(|| (firmware, Vec::new()));
                    way.1.push((update.device, key.device));
                }
                Err(reason) => plan.left_out.push(LeftOut { device_name: key.device, reason }),
            }
        }
        Ok(plan)
    }

    fn go_back(
        &self,
        job: &Job,
        firmware: &Firmware,
        devices: &[(i64, String)],
        out: &mut Effects,
    ) -> Result<Job, Failure> {
        let store = &self.offers.store;
        let names = devices.iter().map(|(_, name)| name.clone()).collect();
        let spec = Spec { devices: names, onenet: job.spec.onenet.clone(), ..Spec::default() };
        let back = store.add_job(&format!("Roll-back of job {}", job.id), firmware, &spec)?;
        store.move_job(back.id, Event::Approve, None)?;
        store.move_job(back.id, Event::Start, None)?;
        // All of them, and not those that the plan would select: a device at work still runs the version it goes back to.
        let targets: Vec<(i64, i64)> = devices.iter().map(|(device, _)| (*device, 0)).collect();
        store.add_targets(back.id, &targets)?;
        self.tick_one(&self.job(back.id)?, out)?;
        self.job(back.id)
    }

    /// Whether there is anything to take back.
    pub fn can_roll_back(&self, job: &Job) -> Result<bool, Failure> {
        let begun = matches!(
            job.state,
            State::Running
                | State::Paused
                | State::Done
                | State::Cancelled
                | State::VerifyFailed
                | State::Verified
        );
        Ok(begun && self.offers.store.updates_of_job(job.id)?.iter().any(has_it))
    }
}

/// Whether a device has the firmware, or is about to.
fn has_it(update: &Update) -> bool {
    update.state == upgrade::State::Succeeded || update.state.is_at_work()
}
