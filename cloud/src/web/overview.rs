// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first page: how much there is, what runs, what failed last.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::frame::{Answer, Place, Visitor, page as whole};
use super::lang::thousands;
use super::messages::Msg;
use super::{Console, causes, jobs, live, parts, read};
use crate::Failure;
use crate::origin::api::blocking;
use crate::rollout::job::State as JobState;

/// The page.
pub async fn page(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>) -> Answer {
    let work = move || {
        let body = html! {
            div.head { h1 { (v.t(Msg::Overview)) }
                p.actions { a.button href="/console/jobs/new" { (v.t(Msg::NewJob)) } } }
            div sse-connect="/console/live" {
                section aria-label=(v.t(Msg::Totals)) sse-swap="totals" { (totals(&console, &v)?) }
                section.card { h2 { (v.t(Msg::RunningJobs)) } div sse-swap="jobs" { (running(&console, &v)?) } }
                section.card { h2 { (v.t(Msg::LatestFailures)) } div sse-swap="failures" { (failures(&console, &v)?) } }
            }
        };
        Ok(whole(&v, v.t(Msg::Overview), Some(Place::Overview), &body).into_response())
    };
    Ok(blocking(work).await?)
}

/// The same, as it changes.
pub async fn stream(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>) -> Response {
    let (source, visitor) = (console.clone(), v.clone());
    live::pieces(&console, &visitor, move || {
        Ok(vec![
            ("totals", totals(&source, &v)?),
            ("jobs", running(&source, &v)?),
            ("failures", failures(&source, &v)?),
        ])
    })
}

fn totals(console: &Console, v: &Visitor) -> Result<Markup, Failure> {
    let totals = read::totals(console.store())?;
    let online = console.shared.embedded.then(|| console.store().online());
    let tile = |label: Msg, n: i64, path: &str| {
        html! { li { a href=(path) { strong { (thousands(n)) } " " span { (v.t(label)) } } } }
    };
    Ok(html! {
        ul.tiles {
            (tile(Msg::Products, totals.products, "/console/products"))
            (tile(Msg::Devices, totals.devices, "/console/devices"))
            @if let Some(online) = online { (tile(Msg::OnLine, online, "/console/devices")) }
            (tile(Msg::Firmware, totals.firmware, "/console/firmware"))
            (tile(Msg::OpenJobs, totals.jobs, "/console/jobs"))
            (tile(Msg::OpenUpdates, totals.updates, "/console/jobs"))
        }
    })
}

fn running(console: &Console, v: &Visitor) -> Result<Markup, Failure> {
    let mut jobs = console.store().live_jobs()?;
    jobs.sort_by_key(|job| (job.state == JobState::Paused, -job.id));
    jobs.truncate(8);
    if jobs.is_empty() {
        return Ok(html! { p.none { (v.t(Msg::NoJobRuns)) } });
    }
    jobs::table(console, v, &jobs)
}

fn failures(console: &Console, v: &Visitor) -> Result<Markup, Failure> {
    let rows = read::latest_failures(console.store())?;
    if rows.is_empty() {
        return Ok(html! { p.none { (v.t(Msg::NothingFailed)) } });
    }
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label=(v.t(Msg::LatestFailures)) {
            table {
                thead { tr {
                    th scope="col" { (v.t(Msg::Device)) } th scope="col" { (v.t(Msg::TargetVersion)) }
                    th scope="col" { (v.t(Msg::Cause)) } th scope="col" { (v.t(Msg::Time)) }
                } }
                tbody {
                    @for row in &rows {
                        @let cause = causes::of(&row.reason);
                        tr {
                            td { a href=(parts::device_path(&row.key.product, &row.key.device)) { (row.key) } }
                            td { (row.to) @if let Some(job) = row.job { " · " a href={ "/console/jobs/" (job) } { (v.f(Msg::JobNumber, &[("id", &job)])) } } }
                            td { (v.t(cause.title)) @if !cause.name.is_empty() { " " code { (cause.name) } } }
                            td { (parts::instant(row.at)) }
                        }
                    }
                }
            }
        }
    })
}
