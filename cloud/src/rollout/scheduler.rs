// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries jobs out. Everything is decided from the database, in the transaction that changes it: what a killed server had
//! begun, the next one goes on with.

use std::sync::Arc;

use super::job::{Event, State};
use super::spec::{Next, Spec};
use super::upgrade;
use crate::aliyun::offers::{Effects, Offers};
use crate::data::jobs::{Job, TRIAL};
use crate::data::model::{DeviceKey, Firmware};
use crate::data::upgrades::Origin;
use crate::data::{Store, time};
use crate::onenet::tasks::{self, Tasks};
use crate::{Failure, note};

/// Devices that begin in one step.
const STEP: i64 = 500;
/// A minute in ms.
const MINUTE: i64 = 60_000;

/// Carries jobs out.
#[derive(Debug)]
pub struct Scheduler {
    /// The way to devices, and the state of the cloud.
    pub offers: Arc<Offers>,
    /// The tasks of OneNET's devices.
    pub tasks: Arc<Tasks>,
}

impl Scheduler {
    fn store(&self) -> &Store {
        &self.offers.store
    }

    /// Makes a job. One that no device would be part of is refused, unless devices may join later.
    pub fn create(&self, name: &str, firmware: &Firmware, spec: &Spec) -> Result<Job, Failure> {
        spec.check()?;
        if spec.onenet.is_some() {
            tasks::fits(firmware)?;
        }
        let devices = self.store().candidates(&firmware.product_key, firmware.module.as_deref())?;
        let known = |name: &&String| !devices.iter().any(|device| device.name == **name);
        if let Some(stranger) = spec.verify.iter().chain(&spec.devices).find(known) {
            return Err(Failure::new(format!(
                "{}/{stranger} is no device of this job's product",
                firmware.product_key
            )));
        }
        if !spec.dynamic && spec.selected(&devices, &firmware.version).is_empty() {
            return Err(Failure::new(format!(
                "no device of {} is selected: {} are registered, and those that run {} already are left out",
                firmware.product_key,
                devices.len(),
                firmware.version
            )));
        }
        self.store().add_job(name, firmware, spec)
    }

    /// The devices that a plan would reach now, each with its stage.
    pub fn preview(
        &self,
        product: &str,
        module: Option<&str>,
        version: &str,
        spec: &Spec,
    ) -> Result<Vec<(String, usize)>, Failure> {
        spec.check()?;
        let devices = self.store().candidates(product, module)?;
        let selected = spec.selected(&devices, version);
        Ok(spec.staged(&selected).into_iter().map(|(device, stage)| (device.name.clone(), stage)).collect())
    }

    fn firmware(&self, job: &Job) -> Result<Firmware, Failure> {
        let firmware = self.store().firmware(job.firmware)?;
        firmware.ok_or_else(|| Failure::new(format!("the firmware of job {} is gone", job.id)))
    }

    /// Does what somebody asks of a job.
    pub fn order(&self, id: i64, event: Event, out: &mut Effects) -> Result<Job, Failure> {
        self.store().batch(|| {
            let job = self.job(id)?;
            match event {
                Event::Verify if job.spec.verify.is_empty() => {
                    return Err(Failure::new(format!("job {id} names no devices to verify on")));
                }
                Event::Approve if job.state == State::Draft && !job.spec.verify.is_empty() => {
                    return Err(Failure::new(format!(
                        "job {id} is a draft: its firmware is to be verified first"
                    )));
                }
                _ => {}
            }
            self.store().move_job(id, event, None)?;
            match event {
                Event::Verify => self.begin_trial(&job)?,
                Event::Start => self.select(&job)?,
                Event::Cancel => self.withdraw(&job, false)?,
                _ => {}
            }
            self.tick_one(&self.job(id)?, out)?;
            self.job(id)
        })
    }

    pub(super) fn job(&self, id: i64) -> Result<Job, Failure> {
        self.store().job(id)?.ok_or_else(|| Failure::absent(format!("there is no job {id}")))
    }

    fn begin_trial(&self, job: &Job) -> Result<(), Failure> {
        let devices = self.store().candidates(&job.product_key, job.module.as_deref())?;
        let chosen = devices.iter().filter(|device| job.spec.verify.contains(&device.name));
        let chosen: Vec<(i64, i64)> = chosen.map(|device| (device.id, TRIAL)).collect();
        self.store().add_targets(job.id, &chosen)?;
        // In a second trial all of them are tried again.
        for (device, stage) in chosen {
            self.store().set_target(job.id, device, stage, "waiting", None)?;
        }
        Ok(())
    }

    /// Fixes the devices of a job that begins.
    fn select(&self, job: &Job) -> Result<(), Failure> {
        let firmware = self.firmware(job)?;
        let devices = self.store().candidates(&job.product_key, job.module.as_deref())?;
        let selected = job.spec.selected(&devices, &firmware.version);
        let staged = job.spec.staged(&selected).into_iter();
        let targets: Vec<(i64, i64)> =
            staged.map(|(device, stage)| (device.id, i64::try_from(stage).unwrap_or_default())).collect();
        self.store().add_targets(job.id, &targets)
    }

    /// Devices that match now and did not before.
    fn join(&self, job: &Job) -> Result<(), Failure> {
        let devices = self.store().candidates(&job.product_key, job.module.as_deref())?;
        let members: std::collections::HashSet<i64> =
            self.store().members_of_job(job.id, false)?.into_iter().collect();
        let stage = i64::try_from(job.stage).unwrap_or_default();
        let selected = job.spec.selected(&devices, &job.version);
        let new = selected.into_iter().filter(|device| !members.contains(&device.id));
        let new: Vec<(i64, i64)> = new.map(|device| (device.id, stage)).collect();
        if new.is_empty() { Ok(()) } else { self.store().add_targets(job.id, &new) }
    }

    /// Calls off what is open of a job. A device that is at work goes on; its result is recorded. With `wait` its update stays
    /// open: somebody waits for the end of it.
    pub(super) fn withdraw(&self, job: &Job, wait: bool) -> Result<(), Failure> {
        for update in self.store().updates_of_job(job.id)?.iter().filter(|update| !update.state.is_final()) {
            let late = update.state.is_at_work();
            if late && wait {
                continue;
            }
            let reason = if late {
                "the job was cancelled while the device was at work"
            } else {
                "the job was cancelled"
            };
            self.store().move_update(update.id, upgrade::Event::Cancel, Some(reason))?;
        }
        for (_, device, stage) in self.store().waiting(job.id, TRIAL, i64::MAX, i64::MAX)? {
            self.store().set_target(job.id, device, stage, "cancelled", None)?;
        }
        Ok(())
    }

    /// Tries the devices of a job again that failed, timed out or were called off; how many those are.
    pub fn retry(&self, id: i64, out: &mut Effects) -> Result<usize, Failure> {
        self.store().batch(|| {
            let job = self.job(id)?;
            if !matches!(job.state, State::Running | State::Paused) {
                return Err(Failure::new(format!("job {id} is {}: a new job is needed", job.state.name())));
            }
            if job.state == State::Paused {
                // Nothing begins now: they wait for their turn, as those do that have not begun.
                return self.store().wait_again(&job);
            }
            let mut again = 0;
            for update in self.store().updates_of_job(id)? {
                again += usize::from(self.try_again(&job, update.id, out)?);
            }
            Ok(again)
        })
    }

    fn try_again(&self, job: &Job, update: u64, out: &mut Effects) -> Result<bool, Failure> {
        let Some(key) = self.store().device_of_update(update)? else {
            return Ok(false);
        };
        // A newer order for the device counts.
        let newer = self.store().updates(&key)?.iter().any(|u| u.id > update && u.module == job.module);
        if newer || !self.store().retry_update(update)? {
            return Ok(false);
        }
        let firmware = self.firmware(job)?;
        match &job.spec.onenet {
            None => self.offers.give(&key, &firmware, update, out)?,
            Some(terms) => drop(self.tasks.give(&key, &firmware, terms, update, out)?),
        }
        Ok(true)
    }

    /// Looks after all jobs.
    pub fn tick(&self, out: &mut Effects) -> Result<(), Failure> {
        for job in self.store().live_jobs()? {
            let mut own = Effects::default();
            match self.store().batch(|| self.tick_one(&job, &mut own)) {
                Ok(()) => out.append(own),
                Err(failure) => {
                    self.offers.retract(own);
                    note(format_args!("job {}: {failure}", job.id));
                }
            }
        }
        Ok(())
    }

    pub(super) fn tick_one(&self, job: &Job, out: &mut Effects) -> Result<(), Failure> {
        let now = time::now_ms();
        if let Some(minutes) = job.spec.timeout_minutes
            && !job.state.is_final()
        {
            for update in self.store().overdue(job.id, now - i64::from(minutes) * MINUTE)? {
                let reason = format!("no end within {minutes} minute{}", if minutes == 1 { "" } else { "s" });
                self.store().move_update(update, upgrade::Event::Expire, Some(&reason))?;
            }
        }
        match job.state {
            State::Verifying => {
                self.begin(job, TRIAL, TRIAL, STEP, out)?;
                let counts = self.store().counts(job, TRIAL, TRIAL)?;
                if counts.failed + counts.dropped > 0 {
                    let reason = format!("{} of the devices do not have it", counts.failed + counts.dropped);
                    self.store().move_job(job.id, Event::Failed, Some(&reason))?;
                } else if counts.waiting + counts.running == 0 {
                    self.store().move_job(job.id, Event::Passed, None)?;
                }
                Ok(())
            }
            State::Running => self.run(job, now, out),
            _ => Ok(()),
        }
    }

    fn run(&self, job: &Job, now: i64, out: &mut Effects) -> Result<(), Failure> {
        if job.spec.dynamic {
            self.join(job)?;
        }
        let mut stage = job.stage;
        loop {
            let so_far = self.store().counts(job, 0, i64::try_from(stage).unwrap_or_default())?;
            let all = self.store().counts(job, 0, i64::MAX)?;
            match job.spec.next(stage, &so_far, &all) {
                Next::Wait => break,
                Next::Stage => {
                    stage += 1;
                    self.store().set_stage(job.id, stage)?;
                    note(format_args!("job {}: stage {} begins", job.id, stage + 1));
                }
                Next::Stop(reason) => {
                    note(format_args!("job {} stops: {reason}", job.id));
                    return self.store().move_job(job.id, Event::Pause, Some(&reason)).map(drop);
                }
                Next::Finish => {
                    return self.store().move_job(job.id, Event::Finish, None).map(drop);
                }
            }
        }
        for update in self.store().to_retry(job, now - i64::from(job.spec.retry_minutes) * MINUTE)? {
            self.try_again(job, update, out)?;
        }
        if job.spec.window.as_ref().is_some_and(|window| !window.is_open(now)) {
            return Ok(());
        }
        let room = match job.spec.rate_per_minute {
            Some(rate) => (i64::from(rate) - self.store().begun_since(job.id, now - MINUTE)?).clamp(0, STEP),
            None => STEP,
        };
        self.begin(job, 0, i64::try_from(stage).unwrap_or_default(), room, out)
    }

    /// Begins the updates of devices that wait.
    fn begin(&self, job: &Job, from: i64, to: i64, most: i64, out: &mut Effects) -> Result<(), Failure> {
        let waiting = self.store().waiting(job.id, from, to, most)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let firmware = self.firmware(job)?;
        for (key, device, stage) in waiting {
            match self.place_of(job, &key, &firmware)? {
                Place::Busy => {}
                Place::LeftOut(state) => self.store().set_target(job.id, device, stage, state, None)?,
                Place::Free => {
                    let origin = Origin { job: Some(job.id), stage };
                    let update = self.hand_over(job, &key, &firmware, origin, out)?;
                    self.store().set_target(job.id, device, stage, "begun", Some(update))?;
                }
            }
        }
        Ok(())
    }

    /// Orders a device's update the way its platform has it; the update's number.
    fn hand_over(
        &self,
        job: &Job,
        key: &DeviceKey,
        firmware: &Firmware,
        origin: Origin,
        out: &mut Effects,
    ) -> Result<u64, Failure> {
        match &job.spec.onenet {
            None => self.offers.order(key, firmware, origin, out),
            Some(terms) => {
                let task = self.tasks.order(key, firmware, terms, origin, out)?;
                task.order.update.ok_or_else(|| Failure::new("a task without an update"))
            }
        }
    }

    /// Whether a device may begin. The newest order wins, but not over a device that is at work. A job's own order is as old
    /// as its start, whichever its stage.
    fn place_of(&self, job: &Job, key: &DeviceKey, firmware: &Firmware) -> Result<Place, Failure> {
        let device = self.store().device(key)?;
        let runs = device.as_ref().and_then(|device| match &job.module {
            Some(module) => device.modules.get(module).cloned(),
            None => device.version.clone(),
        });
        let last = self.store().open_of(key, job.module.as_deref())?;
        if let Some(newer) = self.store().newer_order(job, key)? {
            // A plan that lets devices join may be waiting for just the version that they got meanwhile.
            let joins = newer == upgrade::State::Succeeded
                && job.spec.dynamic
                && runs.as_ref().is_some_and(|runs| job.spec.source_versions.contains(runs));
            if !joins {
                return Ok(Place::LeftOut("superseded"));
            }
        }
        Ok(match last {
            Some(open) if open.job.is_some_and(|other| other > job.id) => Place::LeftOut("superseded"),
            // A newer configuration does no harm to a device that works on an older one, and that may never end by itself.
            Some(open) if open.is_config() && open.job != Some(job.id) => Place::Free,
            Some(open) if open.state.is_at_work() && open.job != Some(job.id) => Place::Busy,
            _ if runs.as_deref() == Some(firmware.version.as_str()) => Place::LeftOut("skipped"),
            _ => Place::Free,
        })
    }
}

enum Place {
    Free,
    /// It is at work on another order; later.
    Busy,
    /// It has the version, or a newer job has it.
    LeftOut(&'static str),
}
