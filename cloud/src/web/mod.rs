// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console: pages for people, made on the server. Every page works without a script; scripts add live numbers, progress
//! of an upload, a search while one types.
//!
//! Text goes through [`maud`], which escapes it. What devices send is in `<bdi>` and below `hx-disable`, so that no
//! attribute in it could act.

pub mod assets;
mod causes;
mod device;
mod devices;
mod firmware;
mod form;
mod frame;
mod job;
mod job_form;
mod jobs;
mod lang;
mod live;
mod messages;
mod overview;
mod parts;
mod preferences;
mod read;
mod sign_in;
pub mod snippet;
pub mod talk;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::access::Access;
use crate::data::Store;
use crate::origin::api::Shared;
use crate::rollout::scheduler::Scheduler;

/// What the pages work with.
#[derive(Clone, Debug)]
pub struct Console {
    /// The state of the cloud, and the way to devices.
    pub shared: Arc<Shared>,
    /// Jobs.
    pub scheduler: Arc<Scheduler>,
    /// Who may use them.
    pub access: Arc<Access>,
}

impl Console {
    fn store(&self) -> &Store {
        &self.shared.store
    }
}

/// The pages; they are for behind [`crate::access::check`].
pub fn router(console: Console) -> Router {
    let console = Arc::new(console);
    Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console", get(overview::page))
        .route("/console/live", get(overview::stream))
        .route("/console/sign-out", post(sign_in::out))
        .route("/console/products", get(devices::products))
        .route("/console/devices", get(devices::page).post(devices::add))
        .route("/console/devices/new", get(devices::new))
        .route("/console/devices/{product}/{device}", get(device::page))
        .route("/console/devices/{product}/{device}/live", get(device::stream))
        .route("/console/devices/{product}/{device}/{action}", post(device::act))
        .route("/console/firmware", get(firmware::page))
        .route("/console/firmware/{key}/delete", post(firmware::delete))
        .route("/console/jobs", get(jobs::page).post(job_form::create))
        .route("/console/jobs/new", get(job_form::page))
        .route("/console/jobs/preview", post(job_form::preview))
        .route("/console/jobs/{id}", get(job::page))
        .route("/console/jobs/{id}/live", get(job::stream))
        .route("/console/jobs/{id}/chart", get(job::chart))
        .route("/console/jobs/{id}/{action}", post(job::act))
        .merge(
            Router::new()
                // The size is counted while the bytes come.
                .route("/console/upload", post(firmware::add))
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/console/{*rest}", get(frame::absent))
        .layer(axum::middleware::from_fn(frame::around))
        .with_state(console)
}

/// What somebody sees who is not signed in.
pub fn public(console: Console) -> Router {
    Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/console/preferences", post(preferences::change))
        .layer(axum::middleware::from_fn(frame::around))
        .route("/console/assets/{edition}/{name}", get(assets::serve))
        .with_state(Arc::new(console))
}
