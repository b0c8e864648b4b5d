// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs over the control API.
//!
//! | request | body | answer |
//! |---|---|---|
//! | GET /api/jobs | | list of jobs with counts |
//! | POST /api/jobs | name, product, version, module?, spec | the job |
//! | POST /api/jobs/preview | the same | devices, each with its stage |
//! | GET /api/jobs/ID | | the job with counts, devices, failures by reason |
//! | POST /api/jobs/ID/ACTION | | the job; ACTION is verify, approve, start, pause, resume, cancel or retry |
//! | POST /api/devices/PRODUCT/DEVICE/tags | tags | {} |

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Refused, blocking};
use crate::Failure;
use crate::data::Store;
use crate::data::jobs::{Job, TRIAL, Target};
use crate::data::model::{DeviceKey, Firmware};
use crate::rollout::job::Event;
use crate::rollout::scheduler::Scheduler;
use crate::rollout::spec::{Counts, Spec};

/// What is to be made.
#[derive(Debug, Deserialize)]
struct NewJob {
    #[serde(default)]
    name: String,
    product: String,
    version: String,
    module: Option<String>,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Deserialize)]
struct Tags {
    tags: Vec<String>,
}

/// A job and how far it is.
#[derive(Debug, Serialize, Deserialize)]
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

/// The routes.
pub fn router(scheduler: Arc<Scheduler>) -> Router {
    Router::new()
        .route("/api/jobs", get(list).post(create))
        .route("/api/jobs/preview", post(preview))
        .route("/api/jobs/{id}", get(show))
        .route("/api/jobs/{id}/{action}", post(act))
        .route("/api/devices/{product}/{device}/tags", post(tag))
        .with_state(scheduler)
}

type App = State<Arc<Scheduler>>;

fn firmware_of(store: &Store, new: &NewJob) -> Result<Firmware, Failure> {
    let firmware = store.find(&new.product, new.module.as_deref(), &new.version)?;
    firmware.ok_or_else(|| Failure::new(format!("no firmware {} for product {}", new.version, new.product)))
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

async fn preview(State(scheduler): App, Json(new): Json<NewJob>) -> Result<Json<Value>, Refused> {
    let work = move || {
        let firmware = firmware_of(&scheduler.offers.store, &new)?;
        let devices = scheduler.preview(&firmware, &new.spec)?;
        let devices: Vec<Value> =
            devices.into_iter().map(|(name, stage)| json!({ "device_name": name, "stage": stage })).collect();
        Ok(json!({ "devices": devices }))
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
    Path((id, action)): Path<(i64, String)>,
) -> Result<Json<JobView>, Refused> {
    let event = match action.as_str() {
        "verify" => Some(Event::Verify),
        "approve" => Some(Event::Approve),
        "start" => Some(Event::Start),
        "pause" => Some(Event::Pause),
        "resume" => Some(Event::Resume),
        "cancel" => Some(Event::Cancel),
        "retry" => None,
        other => return Err(Refused::absent(format!("nobody can {other:?} a job"))),
    };
    let work = move || {
        let store = &scheduler.offers.store;
        scheduler.offers.commit(|out| match event {
            Some(event) => scheduler.order(id, event, out).map(drop),
            None => scheduler.retry(id, out).map(drop),
        })?;
        let job = store.job(id)?.ok_or_else(|| Failure::new(format!("there is no job {id}")))?;
        JobView::of(store, job, false)
    };
    Ok(Json(blocking(work).await?))
}

async fn tag(
    State(scheduler): App,
    Path((product, device)): Path<(String, String)>,
    Json(new): Json<Tags>,
) -> Result<Json<Value>, Refused> {
    let key = DeviceKey::new(product, device);
    let absent = format!("{key} is not registered");
    if blocking(move || scheduler.offers.store.set_tags(&key, &new.tags)).await? {
        Ok(Json(json!({})))
    } else {
        Err(Refused::absent(absent))
    }
}
