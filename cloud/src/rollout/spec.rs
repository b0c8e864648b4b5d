// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a job is to do: which devices, in which stages, and when it stops by itself. Pure: devices and clock are handed in.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::terms::Terms;
use super::window::Window;
use crate::Failure;

/// A job's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Devices on which the firmware is tried first; all of them must succeed.
    pub verify: Vec<String>,
    /// Devices by name.
    pub devices: Vec<String>,
    /// Devices by group.
    pub tags: Vec<String>,
    /// Only devices that run one of these.
    pub source_versions: Vec<String>,
    /// Part of the devices, 1 to 100: always the same ones, and those of a smaller part are among them. Together with names
    /// or groups it adds to them.
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<u8>,
    /// Devices that come to match later join while the job runs.
    pub dynamic: bool,
    /// Gray steps; one of all devices by default.
    #[schemars(length(max = 20))]
    pub stages: Vec<Stage>,
    /// Stop when this part of the devices that came to an end failed, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub error_percent: Option<u8>,
    /// But not before so many came to an end.
    pub error_min: u32,
    /// A device that reported progress has so many minutes from then on; with a configuration, from the push on.
    #[schemars(range(min = 1, max = 10_080))]
    pub timeout_minutes: Option<u32>,
    /// How often a device that failed is given another try.
    #[schemars(range(max = 10))]
    pub retries: u32,
    /// Minutes before that.
    #[schemars(range(max = 1_440))]
    pub retry_minutes: u32,
    /// Devices that begin in a minute, at most.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rate_per_minute: Option<u32>,
    /// Devices begin within these hours only.
    pub window: Option<Window>,
    /// The devices are OneNET's: each gets a task with these terms.
    pub onenet: Option<Terms>,
}

/// A gray step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Part of the job's devices that have begun when the stage is over, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub percent: u8,
    /// Part of the devices so far that must have succeeded before the next stage, 0 to 100.
    #[serde(default = "all")]
    #[schemars(range(max = 100))]
    pub success: u8,
}

fn all() -> u8 {
    100
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            verify: Vec::new(),
            devices: Vec::new(),
            tags: Vec::new(),
            source_versions: Vec::new(),
            percent: None,
            dynamic: false,
            stages: Vec::new(),
            error_percent: None,
            error_min: 1,
            timeout_minutes: None,
            retries: 0,
            retry_minutes: 0,
            rate_per_minute: None,
            window: None,
            onenet: None,
        }
    }
}

/// A device, as a plan looks at it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it runs.
    pub version: Option<String>,
    /// Its groups.
    pub tags: Vec<String>,
}

impl Spec {
    /// Refuses a plan that makes no sense.
    pub fn check(&self) -> Result<(), Failure> {
        let percent = |what: &str, n: Option<u8>| match n {
            Some(n) if !(1..=100).contains(&n) => {
                Err(Failure::new(format!("{what} is {n}; possible: 1 to 100")))
            }
            _ => Ok(()),
        };
        percent("percent", self.percent)?;
        percent("error_percent", self.error_percent)?;
        if let Some(stage) =
            self.stages.iter().find(|stage| !(1..=100).contains(&stage.percent) || stage.success > 100)
        {
            return Err(Failure::new(format!(
                "a stage of {} % with {} % success is not possible",
                stage.percent, stage.success
            )));
        }
        if !self.stages.iter().zip(self.stages.iter().skip(1)).all(|(a, b)| a.percent < b.percent) {
            return Err(Failure::new("each stage has a larger percentage than the one before"));
        }
        if self.stages.len() > 20 || self.stages.last().is_some_and(|stage| stage.percent != 100) {
            return Err(Failure::new("the last stage is of 100 percent, and there are 20 at most"));
        }
        for (what, n, most) in [
            ("timeout_minutes", self.timeout_minutes, 10_080),
            ("rate_per_minute", self.rate_per_minute, 1_000_000),
            ("retries", Some(self.retries.saturating_add(1)), 11),
            ("retry_minutes", Some(self.retry_minutes.saturating_add(1)), 1_441),
        ] {
            if n.is_some_and(|n| n == 0 || n > most) {
                return Err(Failure::new(format!("{what} is out of range")));
            }
        }
        if let Some(terms) = &self.onenet {
            terms.check()?;
        }
        if let Some(window) = &self.window {
            window.check()?;
        }
        Ok(())
    }

    /// The stages, with the default.
    pub fn stages(&self) -> Vec<Stage> {
        if self.stages.is_empty() { vec![Stage { percent: 100, success: 0 }] } else { self.stages.clone() }
    }

    /// The devices of a product, or of one module, that the plan is about. A share is one of all of them, whatever they run, so
    /// that it stays the same when some have been updated; it has one device at least.
    pub fn selected<'a>(&self, devices: &'a [Candidate], target: &str) -> Vec<&'a Candidate> {
        let mut order: Vec<&Candidate> = devices.iter().collect();
        order.sort_by_cached_key(|device| (place(&device.name, "part"), device.name.clone()));
        let share = |percent: u8| (devices.len() * usize::from(percent) / 100).max(1);
        order.truncate(self.percent.map_or(0, share));
        let part: HashSet<i64> = order.into_iter().map(|device| device.id).collect();
        devices.iter().filter(|device| self.selects(device, target, part.contains(&device.id))).collect()
    }

    fn selects(&self, device: &Candidate, target: &str, part: bool) -> bool {
        if device.version.as_deref() == Some(target) {
            return false;
        }
        let source = |version: &String| Some(version) == device.version.as_ref();
        if !self.source_versions.is_empty() && !self.source_versions.iter().any(source) {
            return false;
        }
        let chosen =
            self.devices.contains(&device.name) || device.tags.iter().any(|tag| self.tags.contains(tag));
        if self.devices.is_empty() && self.tags.is_empty() {
            self.percent.is_none() || part
        } else {
            chosen || part
        }
    }

    /// The devices in the order in which they begin, each with the number of its stage. A stage has one device at least, as
    /// long as there are any.
    pub fn staged<'a>(&self, devices: &[&'a Candidate]) -> Vec<(&'a Candidate, usize)> {
        let mut order: Vec<&Candidate> = devices.to_vec();
        order.sort_by_cached_key(|device| (place(&device.name, "stage"), device.name.clone()));
        let stages = self.stages();
        let count = order.len();
        let stage_of = |n: usize| {
            let begins = |stage: &Stage| (count * usize::from(stage.percent) / 100).max(1);
            stages.iter().position(|stage| n < begins(stage)).unwrap_or(stages.len() - 1)
        };
        order.into_iter().enumerate().map(|(n, device)| (device, stage_of(n))).collect()
    }
}

/// Where a name stands among all names, of a million.
fn place(name: &str, salt: &str) -> u32 {
    let digest = Sha256::new().chain_update(salt).chain_update([0]).chain_update(name).finalize();
    let number = digest.iter().take(4).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from((number * 1_000_000) >> 32).unwrap_or_default()
}

/// What the devices of a job have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Devices that have not begun.
    pub waiting: u32,
    /// Devices whose update is under way.
    pub running: u32,
    /// Devices that have the firmware.
    pub succeeded: u32,
    /// Devices that failed, or took too long.
    pub failed: u32,
    /// Devices that are left out: called off, superseded, or with the version already.
    pub dropped: u32,
}

/// What a job that runs does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on as it is.
    Wait,
    /// The next stage begins.
    Stage,
    /// It stops, for this reason.
    Stop(String),
    /// It is done.
    Finish,
}

impl Spec {
    /// The thresholds: `all` are the devices of the job, `so_far` those up to the stage that runs.
    pub fn next(&self, stage: usize, so_far: &Counts, all: &Counts) -> Next {
        let ended = all.succeeded + all.failed;
        if let Some(limit) = self.error_percent
            && all.failed > 0
            && ended >= self.error_min.max(1)
            && all.failed * 100 >= u32::from(limit) * ended
        {
            return Next::Stop(format!("{} of {ended} devices failed, the limit is {limit} %", all.failed));
        }
        if so_far.waiting + so_far.running > 0 {
            return Next::Wait;
        }
        let stages = self.stages();
        let success = stages.get(stage).map_or(0, |stage| u32::from(stage.success));
        let ended = so_far.succeeded + so_far.failed;
        if stage + 1 < stages.len() {
            if so_far.succeeded * 100 < success * ended {
                return Next::Stop(format!(
                    "stage {} ended with {} of {ended} devices updated, {success} % are needed to go on",
                    stage + 1,
                    so_far.succeeded
                ));
            }
            return Next::Stage;
        }
        if self.dynamic { Next::Wait } else { Next::Finish }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: u32, version: &str, tags: &[&str]) -> Candidate {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Candidate { id: i64::from(n), name: format!("d{n}"), version: Some(version.into()), tags }
    }

    fn names(spec: &Spec, devices: &[Candidate]) -> Vec<String> {
        spec.selected(devices, "2.0").into_iter().map(|d| d.name.clone()).collect()
    }

    #[test]
    fn who_is_selected() {
        let devices = [
            device(1, "1.0", &[]),
            device(2, "1.1", &["lab"]),
            device(3, "1.0", &["lab"]),
            device(4, "2.0", &["lab"]),
        ];
        let list = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<String>>();
        let spec = Spec::default();
        assert_eq!(names(&spec, &devices), ["d1", "d2", "d3"], "all but those that have it");
        assert_eq!(names(&Spec { source_versions: list(&["1.0"]), ..spec.clone() }, &devices), ["d1", "d3"]);
        assert_eq!(names(&Spec { devices: list(&["d1", "d4"]), ..spec.clone() }, &devices), ["d1"]);
        assert_eq!(names(&Spec { tags: list(&["lab"]), ..spec.clone() }, &devices), ["d2", "d3"]);
        let both =
            Spec { tags: list(&["lab"]), devices: list(&["d1"]), source_versions: list(&["1.0"]), ..spec };
        assert_eq!(names(&both, &devices), ["d1", "d3"]);
    }

    #[test]
    fn parts_are_stable() {
        let devices: Vec<Candidate> = (0..2_000).map(|n| device(n, "1.0", &[])).collect();
        let part = |percent: u8| names(&Spec { percent: Some(percent), ..Spec::default() }, &devices);
        let (small, large) = (part(10), part(25));
        assert_eq!((small.len(), large.len()), (200, 500));
        assert!(small.iter().all(|name| large.contains(name)), "10 % stays inside 25 %");
        assert_eq!(part(100).len(), devices.len());
        for (count, percent, wanted) in
            [(10, 10, 1), (10, 1, 1), (10, 55, 5), (3, 100, 3), (1, 50, 1), (0, 50, 0)]
        {
            let spec = Spec { percent: Some(percent), ..Spec::default() };
            assert_eq!(names(&spec, &devices[..count]).len(), wanted, "{percent} % of {count}");
        }
        let mut updated = devices.clone();
        for device in updated.iter_mut().filter(|device| small.contains(&device.name)) {
            device.version = Some("2.0".to_owned());
        }
        let spec = Spec { percent: Some(10), ..Spec::default() };
        assert!(names(&spec, &updated).is_empty(), "the share is the same when it has been updated");
    }

    #[test]
    fn stages_have_devices() {
        let stages = vec![
            Stage { percent: 1, success: 100 },
            Stage { percent: 50, success: 90 },
            Stage { percent: 100, success: 0 },
        ];
        let spec = Spec { stages, ..Spec::default() };
        spec.check().unwrap();
        let devices: Vec<Candidate> = (0..10).map(|n| device(n, "1.0", &[])).collect();
        let all: Vec<&Candidate> = devices.iter().collect();
        let counts = |n: usize| {
            spec.staged(&all[..n]).iter().fold([0; 3], |mut counts, (_, stage)| {
                counts[*stage] += 1;
                counts
            })
        };
        assert_eq!(counts(10), [1, 4, 5]);
        assert_eq!(counts(1), [1, 0, 0]);
        assert_eq!(counts(0), [0, 0, 0]);
    }

    #[test]
    fn thresholds() {
        let stages = vec![Stage { percent: 10, success: 90 }, Stage { percent: 100, success: 0 }];
        let spec = Spec { stages, error_percent: Some(20), error_min: 5, ..Spec::default() };
        let counts =
            |waiting, running, succeeded, failed| Counts { waiting, running, succeeded, failed, dropped: 0 };
        let one = |counts: Counts, stage| spec.next(stage, &counts, &counts);
        assert_eq!(one(counts(1, 0, 9, 0), 0), Next::Wait);
        assert_eq!(one(counts(0, 1, 9, 0), 0), Next::Wait);
        assert_eq!(one(counts(0, 0, 10, 1), 0), Next::Stage);
        assert!(matches!(one(counts(0, 0, 8, 1), 0), Next::Stop(why) if why.contains("stage 1")));
        assert_eq!(one(counts(0, 0, 0, 0), 0), Next::Stage, "nobody is left in it");
        assert_eq!(one(counts(5, 5, 0, 4), 1), Next::Wait, "too few to tell");
        assert!(matches!(one(counts(5, 5, 4, 1), 1), Next::Stop(why) if why.contains("1 of 5")));
        assert_eq!(one(counts(0, 0, 9, 1), 1), Next::Finish);
        assert_eq!(
            Spec { dynamic: true, ..spec.clone() }.next(1, &counts(0, 0, 9, 1), &counts(0, 0, 9, 1)),
            Next::Wait
        );
    }

    #[test]
    fn odd_plans_are_refused() {
        for json in [
            r#"{"percent":0}"#,
            r#"{"percent":101}"#,
            r#"{"error_percent":0}"#,
            r#"{"stages":[{"percent":50}]}"#,
            r#"{"stages":[{"percent":50},{"percent":50},{"percent":100}]}"#,
            r#"{"stages":[{"percent":100,"success":101}]}"#,
            r#"{"timeout_minutes":0}"#,
            r#"{"rate_per_minute":0}"#,
            r#"{"retries":11}"#,
            r#"{"retries":4294967295}"#,
            r#"{"retry_minutes":4294967295}"#,
            r#"{"window":{"from":"01:00","to":"02:00","utc_offset":-2147483648}}"#,
        ] {
            assert!(serde_json::from_str::<Spec>(json).unwrap().check().is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Spec>(r#"{"percentage":5}"#).is_err(), "a word that is none");
    }
}
