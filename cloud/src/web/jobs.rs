// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs as a list.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Answer, Place, Visitor, made, page as whole};
use super::messages::Msg;
use super::read::{Paged, ROWS};
use super::{Console, parts, read};
use crate::Failure;
use crate::data::jobs::{Job, TRIAL};
use crate::rollout::job::State as JobState;

/// What the list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    page: String,
}

/// The page.
pub async fn page(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Answer {
    made(move || {
        let all = console.store().jobs()?;
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let page = asked.page.parse().unwrap_or(1).clamp(1, ((total + ROWS - 1) / ROWS).max(1));
        let (skip, take) = (usize::try_from((page - 1) * ROWS).unwrap_or(0), usize::try_from(ROWS).unwrap_or(0));
        let list = Paged { rows: all.into_iter().skip(skip).take(take).collect(), total, page };
        let body = html! {
            div.head { h1 { (v.t(Msg::Jobs)) } p.actions { a.button.primary href="/console/jobs/new" { (v.t(Msg::NewJob)) } } }
            @if list.rows.is_empty() { p.none { (v.t(Msg::NoJobs)) } } @else { section.card { (table(&console, &v, &list.rows)?) } }
            (parts::pager(&v, &list, "/console/jobs?page="))
        };
        Ok(whole(&v, v.t(Msg::Jobs), Some(Place::Jobs), &body).into_response())
    })
    .await
}

/// What people call a job.
pub fn name(v: &Visitor, job: &Job) -> String {
    if job.name.is_empty() { v.f(Msg::JobNumber, &[("id", &job.id)]) } else { job.name.clone() }
}

/// A table of jobs with their bars.
pub fn table(console: &Console, v: &Visitor, jobs: &[Job]) -> Result<Markup, Failure> {
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label=(v.t(Msg::Jobs)) { table {
            thead { tr {
                th scope="col" { (v.t(Msg::Job)) } th scope="col" { (v.t(Msg::State)) } th scope="col" { (v.t(Msg::TargetVersion)) }
                th.wide scope="col" { (v.t(Msg::Progress)) } th scope="col" { (v.t(Msg::Created)) }
            } }
            tbody { @for job in jobs { tr {
                th scope="row" { a href={ "/console/jobs/" (job.id) } { (name(v, job)) } " " small { (job.product_key) } }
                td { (parts::badge(v, parts::job_state(job.state))) }
                td { (job.version) @if let Some(module) = &job.module { " · " (parts::module(v, module)) } }
                td.wide { (progress(console, v, job)?) }
                td { (parts::when(Some(&job.created_at))) }
            } } }
        } }
    })
}

/// The bar of a job, and its numbers; while it is verified, those of the trial.
pub fn progress(console: &Console, v: &Visitor, job: &Job) -> Result<Markup, Failure> {
    let trial = matches!(job.state, JobState::Verifying | JobState::Verified | JobState::VerifyFailed);
    let (from, to) = if trial { (TRIAL, TRIAL) } else { (0, i64::MAX) };
    let counts = console.store().counts(job, from, to)?;
    let at_work = read::percent_at_work(console.store(), job.id, trial)?;
    let label = if trial { Msg::VerificationProgress } else { Msg::RolloutProgress };
    Ok(html! {
        (parts::bar(v, &counts, at_work, &v.f(label, &[("job", &name(v, job))])))
        p.numbers { @if trial { (v.t(Msg::OnTestDevices)) " " } (parts::counts_text(v, &counts)) }
    })
}
