// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs over the control API.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{Done, Refused, blocking, found};
use crate::Failure;
use crate::control::extract::{Json, Path};
use crate::control::{Routes, doc};
use crate::data::configs::CONFIG;
use crate::data::jobs::{Job, TRIAL, Target};
use crate::data::model::{DeviceKey, Firmware};
use crate::data::{NAME, Store};
use crate::rollout::job::Event;
use crate::rollout::rollback::LeftOut;
use crate::rollout::scheduler::Scheduler;
use crate::rollout::spec::{Counts, Spec};

/// What is to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewJob {
    #[serde(default)]
    name: String,
    product: String,
    /// Of a firmware, or the id of a configuration.
    version: String,
    /// The module that it is for, in place of the devices themselves; `$config`: devices get a configuration.
    module: Option<String>,
    #[serde(default)]
    spec: Spec,
}

/// Groups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tags {
    #[schemars(inner(regex(pattern = NAME)))]
    tags: Vec<String>,
}

/// A job and how far it is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Its devices.
    pub counts: Counts,
    /// Those that it is tried on.
    pub trial: Counts,
    /// Each device, where the job was asked for alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Target>,
    /// How many devices failed, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u32>,
}

impl JobView {
    fn of(store: &Store, job: Job, devices: bool) -> Result<Self, Failure> {
        let counts = store.counts(&job, 0, i64::MAX)?;
        let trial = store.counts(&job, TRIAL, TRIAL)?;
        let devices = if devices { store.targets(job.id)? } else { Vec::new() };
        let mut failures = BTreeMap::new();
        for target in devices.iter().filter(|target| matches!(target.state.as_str(), "failed" | "timed_out"))
        {
            *failures.entry(target.reason.clone().unwrap_or_else(|| target.state.clone())).or_default() += 1;
        }
        Ok(Self { job, counts, trial, devices, failures })
    }
}

/// What a job would reach.
#[derive(Debug, Serialize, JsonSchema)]
struct Preview {
    devices: Vec<Reached>,
}

/// A device that a job would reach.
#[derive(Debug, Serialize, JsonSchema)]
struct Reached {
    device_name: String,
    /// Its stage, from 0.
    stage: usize,
}

/// What is done to a job.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    Verify,
    Approve,
    Start,
    Pause,
    Resume,
    Cancel,
    Retry,
}

/// A job that was taken back.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RollBackView {
    /// The jobs that bring devices back, one for each version.
    pub jobs: Vec<JobView>,
    /// Devices that stay as they are.
    pub left_out: Vec<LeftOut>,
    /// Whether devices were offered the firmware unasked until now; they are no more.
    pub auto_ended: bool,
}

/// The routes.
pub fn control() -> Routes<Arc<Scheduler>> {
    Routes::new()
        .op(Method::GET, "/api/jobs", doc("listJobs", "All jobs with counts, the newest first"), list)
        .op(Method::POST, "/api/jobs", doc("createJob", "Make a job, a draft").of_named(), create)
        .op(
            Method::POST,
            "/api/jobs/preview",
            doc("previewJob", "The devices that a job would reach, each with its stage").of_named(),
            preview,
        )
        .op(
            Method::GET,
            "/api/jobs/{id}",
            doc("showJob", "A job with counts, its devices, and failures by reason"),
            show,
        )
        .op(Method::POST, "/api/jobs/{id}/{action}", doc("actOnJob", "Do something to a job"), act)
        .op(
            Method::POST,
            "/api/jobs/{id}/rollback",
            doc("rollBackJob", "Offer each device of a job the version that it had before"),
            roll_back,
        )
        .op(
            Method::POST,
            "/api/devices/{product}/{device}/tags",
            doc("tagDevice", "Put a device into groups, in place of those that it is in"),
            tag,
        )
}

type App = State<Arc<Scheduler>>;

fn firmware_of(store: &Store, new: &NewJob) -> Result<Firmware, Failure> {
    let firmware = store.find(&new.product, new.module.as_deref(), &new.version)?;
    let what = if new.module.as_deref() == Some(CONFIG) { "configuration" } else { "firmware" };
    firmware.ok_or_else(|| Failure::absent(format!("no {what} {} for product {}", new.version, new.product)))
}

async fn list(State(scheduler): App) -> Result<Json<Vec<JobView>>, Refused> {
    let work = move || {
        let store = &scheduler.offers.store;
        store.jobs()?.into_iter().map(|job| JobView::of(store, job, false)).collect()
    };
    Ok(Json(blocking(work).await?))
}

async fn create(State(scheduler): App, Json(new): Json<NewJob>) -> Result<Json<JobView>, Refused> {
    let work = move || {
        let store = &scheduler.offers.store;
        store.batch(|| {
            let firmware = firmware_of(store, &new)?;
            let job = scheduler.create(&new.name, &firmware, &new.spec)?;
            JobView::of(store, job, false)
        })
    };
    Ok(Json(blocking(work).await?))
}

async fn preview(State(scheduler): App, Json(new): Json<NewJob>) -> Result<Json<Preview>, Refused> {
    let work = move || {
        let module = new.module.as_deref();
        // A configuration need not be there yet.
        if module != Some(CONFIG) {
            firmware_of(&scheduler.offers.store, &new)?;
        }
        let devices = scheduler.preview(&new.product, module, &new.version, &new.spec)?.into_iter();
        let devices = devices.map(|(device_name, stage)| Reached { device_name, stage }).collect();
        Ok(Preview { devices })
    };
    Ok(Json(blocking(work).await?))
}

async fn show(State(scheduler): App, Path(id): Path<i64>) -> Result<Json<JobView>, Refused> {
    let work = move || {
        let store = &scheduler.offers.store;
        store.job(id)?.map(|job| JobView::of(store, job, true)).transpose()
    };
    blocking(work).await?.map(Json).ok_or_else(|| Refused::absent(format!("there is no job {id}")))
}

async fn act(
    State(scheduler): App,
    Path((id, action)): Path<(i64, Action)>,
) -> Result<Json<JobView>, Refused> {
    let event = match action {
        Action::Verify => Some(Event::Verify),
        Action::Approve => Some(Event::Approve),
        Action::Start => Some(Event::Start),
        Action::Pause => Some(Event::Pause),
        Action::Resume => Some(Event::Resume),
        Action::Cancel => Some(Event::Cancel),
        Action::Retry => None,
    };
    let work = move || {
        let store = &scheduler.offers.store;
        scheduler.offers.commit(|out| match event {
            Some(event) => scheduler.order(id, event, out).map(drop),
            None => scheduler.retry(id, out).map(drop),
        })?;
        let job = store.job(id)?.ok_or_else(|| Failure::absent(format!("there is no job {id}")))?;
        JobView::of(store, job, false)
    };
    Ok(Json(blocking(work).await?))
}

async fn roll_back(State(scheduler): App, Path(id): Path<i64>) -> Result<Json<RollBackView>, Refused> {
    let work = move || {
        let store = &scheduler.offers.store;
        let (done, _) = scheduler.offers.commit(|out| scheduler.roll_back(id, out))?;
        let jobs = done.jobs.into_iter().map(|job| JobView::of(store, job, false));
        Ok(RollBackView {
            jobs: jobs.collect::<Result<_, _>>()?,
            left_out: done.left_out,
            auto_ended: done.auto_ended,
        })
    };
    Ok(Json(blocking(work).await?))
}

async fn tag(
    State(scheduler): App,
    Path((product, device)): Path<(String, String)>,
    Json(new): Json<Tags>,
) -> Result<Json<Done>, Refused> {
    let key = DeviceKey::new(product, device);
    let absent = format!("{key} is not registered");
    found(blocking(move || scheduler.offers.store.set_tags(&key, &new.tags)).await?, absent)
}
