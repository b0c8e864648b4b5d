// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of a job: how far it is, live; its devices; why some failed and what to do; the buttons that are possible now.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::form::Form;
use super::frame::{Answer, Path, Place, Problem, Visitor, made, page as whole};
use super::messages::Msg;
use super::{Console, assets, jobs, live, parts, read};
use crate::Failure;
use crate::data::jobs::Job;
use crate::data::time;
use crate::rollout::job::{Event, State as JobState};
use crate::rollout::terms::Terms;

/// Which devices are shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    page: String,
}

/// The states that the table of devices can be narrowed to.
const STATES: [&str; 8] =
    ["waiting", "queued", "pushed", "downloading", "installing", "succeeded", "failed", "timed_out"];

impl Asked {
    fn state(&self) -> &str {
        STATES.into_iter().find(|state| *state == self.state).unwrap_or_default()
    }

    fn page(&self) -> i64 {
        self.page.parse().unwrap_or(1)
    }

    fn query(&self) -> String {
        format!("?state={}&page={}", self.state(), self.page())
    }
}

fn find(console: &Console, v: &Visitor, id: i64) -> Result<Job, Problem> {
    console.store().job(id)?.ok_or_else(|| Problem::absent(v.f(Msg::NoSuchJob, &[("id", &id)])))
}

/// The page.
pub async fn page(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Answer {
    made(move || {
        let job = find(&console, &v, id)?;
        let title = jobs::name(&v, &job);
        let body = html! {
            link rel="stylesheet" href=(assets::url(assets::CHART_STYLE));
            script src=(assets::url(assets::CHART)) defer {}
            div sse-connect={ "/console/jobs/" (id) "/live" (asked.query()) } {
                div.head { h1 { (title) " " small { (job.product_key) " → " (job.version) @if let Some(module) = &job.module { " · " (parts::module(&v, module)) } } } }
                section.card {
                    h2.hidden { (v.t(Msg::Status)) }
                    div #job-state sse-swap="state" { (state(&console, &v, &job)?) }
                    div #job-bar sse-swap="bar" { (jobs::progress(&console, &v, &job)?) }
                }
                section.card { h2 { (v.t(Msg::OverTime)) }
                    div #chart.chart data-source={ "/console/jobs/" (id) "/chart" } data-good=(v.t(Msg::StateSucceeded))
                        data-bad=(v.t(Msg::StateFailed)) data-time=(v.t(Msg::Time)) role="img" aria-label=(v.t(Msg::ChartLabel)) {}
                    details data-keep="course" { summary { (v.t(Msg::SameAsTable)) } div sse-swap="course" { (course(&console, &v, &job)?) } }
                }
                section.card { h2 { (v.t(Msg::Failures)) } div sse-swap="failures" { (failures(&console, &v, &job)?) } }
                section.card { h2 { (v.t(Msg::Devices)) }
                    (narrow(&v, id, &asked))
                    div sse-swap="devices" { (devices(&console, &v, &job, &asked)?) } }
            }
            section.card { h2 { (v.t(Msg::Plan)) } (plan(&v, &job)) }
        };
        Ok(whole(&v, &title, Some(Place::Jobs), &body).into_response())
    })
    .await
}

/// The same, as it changes.
pub async fn stream(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Response {
    let (source, visitor) = (console.clone(), v.clone());
    live::pieces(&console, &visitor, move || {
        let job = source.store().job(id)?.ok_or_else(|| Failure::new(format!("job {id} is gone")))?;
        Ok(vec![
            ("bar", jobs::progress(&source, &v, &job)?),
            ("state", state(&source, &v, &job)?),
            ("course", course(&source, &v, &job)?),
            ("failures", failures(&source, &v, &job)?),
            ("devices", devices(&source, &v, &job, &asked)?),
        ])
    })
}

/// What a person can do now: the name in the URL, the event, the label.
const BUTTONS: [(&str, Event, Msg); 5] = [
    ("verify", Event::Verify, Msg::Verify),
    ("approve", Event::Approve, Msg::Approve),
    ("start", Event::Start, Msg::Start),
    ("pause", Event::Pause, Msg::Pause),
    ("resume", Event::Resume, Msg::Resume),
];

fn possible(job: &Job, event: Event) -> bool {
    job.state.after(event).is_some()
        && match event {
            Event::Verify => !job.spec.verify.is_empty(),
            // What is to be verified first is.
            Event::Approve => job.state != JobState::Draft || job.spec.verify.is_empty(),
            _ => true,
        }
}

fn state(console: &Console, v: &Visitor, job: &Job) -> Result<Markup, Failure> {
    let stages = job.spec.stages();
    let counts = console.store().counts(job, 0, i64::MAX)?;
    let path = format!("/console/jobs/{}", job.id);
    let next = match job.state {
        JobState::Draft if job.spec.verify.is_empty() => Some(Msg::NextApprove),
        JobState::Draft => Some(Msg::NextVerify),
        JobState::Verified => Some(Msg::NextApprove),
        JobState::VerifyFailed => Some(Msg::NextVerifyFailed),
        JobState::Approved => Some(Msg::NextStart),
        JobState::Paused => Some(Msg::NextResume),
        _ => None,
    };
    Ok(html! {
        p.state role="status" {
            (parts::badge(v, parts::job_state(job.state))) " "
            @if matches!(job.state, JobState::Running | JobState::Paused) && stages.len() > 1 {
                (v.f(Msg::StageOf, &[("n", &(job.stage + 1)), ("stages", &stages.len())])) " "
            }
            @if let Some(reason) = &job.reason { span lang="en" { (parts::foreign(reason)) } " " }
            @if let Some(next) = next { span.hint { (v.t(next)) } }
        }
        div.buttons {
            @for (name, event, label) in BUTTONS { @if possible(job, event) {
                form method="post" action={ (path) "/" (name) } { (v.seal()) button.primary id={ "do-" (name) } { (v.t(label)) } }
            } }
            @if matches!(job.state, JobState::Running | JobState::Paused) && counts.failed > 0 {
                form method="post" action={ (path) "/retry" } { (v.seal()) button #do-retry { (v.n(Msg::RetryFailed, i64::from(counts.failed))) } }
            }
            @if console.scheduler.can_roll_back(job)? {
                details.danger data-keep="rollback" { summary #do-rollback { (v.t(Msg::RollBack)) }
                    form method="post" action={ (path) "/rollback" } { (v.seal())
                        p { (v.f(Msg::RollBackSure, &[("job", &jobs::name(v, job)), ("version", &job.version)])) }
                        button.danger { (v.t(Msg::RollBack)) } } }
            }
            @if !job.state.is_final() {
                details.danger data-keep="cancel" { summary #do-cancel { (v.t(Msg::CancelJob)) }
                    form method="post" action={ (path) "/cancel" } { (v.seal())
                        p { (v.f(Msg::CancelJobSure, &[("job", &jobs::name(v, job)), ("waiting", &v.n(Msg::DeviceCount, i64::from(counts.waiting))), ("running", &v.n(Msg::DeviceCount, i64::from(counts.running)))])) }
                        button.danger { (v.t(Msg::CancelJob)) } } }
            } @else {
                a.button href={ "/console/jobs/new?firmware=" (job.firmware) } { (v.t(Msg::NewJobSameFirmware)) }
            }
        }
    })
}

fn course(console: &Console, v: &Visitor, job: &Job) -> Result<Markup, Failure> {
    let points = read::course(console.store(), job.id)?;
    let every = points.len().div_ceil(30).max(1);
    let last = points.len().saturating_sub(1);
    Ok(html! {
        @if points.is_empty() { p.none { (v.t(Msg::NoCourse)) } } @else {
            div.scroll tabindex="0" role="region" aria-label=(v.t(Msg::OverTime)) { table {
                thead { tr { th scope="col" { (v.t(Msg::Time)) } th.number scope="col" { (v.t(Msg::StateSucceeded)) } th.number scope="col" { (v.t(Msg::StateFailed)) } } }
                tbody { @for (_, (at, good, bad)) in points.iter().enumerate().filter(|(n, _)| n % every == 0 || *n == last) {
                    tr { td { (parts::instant(*at)) } td.number { (good) } td.number { (bad) } }
                } }
            } }
        }
    })
}

fn failures(console: &Console, v: &Visitor, job: &Job) -> Result<Markup, Failure> {
    let groups = read::failures(console.store(), job.id)?;
    Ok(html! {
        @if groups.is_empty() { p.none { (v.t(Msg::NothingFailed)) } }
        @for group in &groups {
            div.reason {
                p { strong { (v.n(Msg::DeviceCount, group.devices)) ": " (v.t(group.cause.title)) } @if !group.cause.name.is_empty() { " " code { (group.cause.name) } } }
                p { b { (v.t(Msg::WhatToDo)) } " " (v.t(group.cause.advice)) }
                p { (v.t(Msg::ForExample)) " " @for (n, name) in group.names.iter().enumerate() {
                    @if n > 0 { ", " } a href=(parts::device_path(&job.product_key, name)) { (name) } } }
                details data-keep={ "reasons-" (group.cause.name) (v.t(group.cause.title)) } { summary { (v.t(Msg::DeviceWords)) }
                    ul lang="en" { @for reason in &group.reasons { li { (parts::foreign(reason)) } } } }
            }
        }
    })
}

fn narrow(v: &Visitor, id: i64, asked: &Asked) -> Markup {
    html! { form.filter action={ "/console/jobs/" (id) } {
        label { span { (v.t(Msg::State)) } select name="state" {
            option value="" { (v.t(Msg::AllStates)) }
            @for state in STATES { option value=(state) selected[state == asked.state()] { (v.t(parts::update_state(state).0)) } }
        } }
        button { (v.t(Msg::Filter)) }
    } }
}

fn devices(console: &Console, v: &Visitor, job: &Job, asked: &Asked) -> Result<Markup, Failure> {
    let list = read::targets(console.store(), job.id, asked.state(), asked.page())?;
    if list.rows.is_empty() {
        return Ok(
            html! { p.none { (v.t(if asked.state().is_empty() { Msg::NoTargetsYet } else { Msg::NoneInState })) } },
        );
    }
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label=(v.t(Msg::Devices)) { table {
            thead { tr {
                th scope="col" { (v.t(Msg::Device)) } th scope="col" { (v.t(Msg::Stage)) } th scope="col" { (v.t(Msg::State)) }
                th.number scope="col" { "%" } th scope="col" { (v.t(Msg::SourceVersion)) } th scope="col" { (v.t(Msg::Cause)) }
            } }
            tbody { @for row in &list.rows { tr {
                th scope="row" { a href=(parts::device_path(&job.product_key, &row.name)) { (row.name) } }
                td { @if row.stage < 0 { (v.t(Msg::TestDevice)) } @else { (row.stage + 1) } }
                td { (parts::badge(v, parts::update_state(&row.state))) @if row.attempts.unwrap_or(1) > 1 { " " small { "× " (row.attempts.unwrap_or(1)) } } }
                td.number { @match row.progress { Some(percent) => (percent), None => "—" } }
                td { @match &row.from { Some(from) => (parts::foreign(from)), None => "—" } }
                td { @if matches!(row.state.as_str(), "failed" | "timed_out") {
                    @let cause = super::causes::of(row.reason.as_deref().unwrap_or(&row.state));
                    (v.t(cause.title)) @if !cause.name.is_empty() { " " code { (cause.name) } }
                } @else { "—" } }
            } } }
        } }
        (parts::pager(v, &list, &format!("/console/jobs/{}?state={}&page=", job.id, asked.state())))
    })
}

/// What a job of OneNET's devices has besides.
fn onenet(v: &Visitor, terms: &Terms) -> String {
    let mut parts = vec![v.t(if terms.kind == 1 { Msg::Fota } else { Msg::Sota }).to_owned()];
    for (label, least) in [(Msg::LeastBattery, terms.power), (Msg::LeastSignal, terms.signal)] {
        if least > 0 {
            parts.push(format!("{} {least}", v.t(label)));
        }
    }
    parts.join(" · ")
}

fn plan(v: &Visitor, job: &Job) -> Markup {
    let spec = &job.spec;
    let listed = |names: &[String]| names.join(v.t(Msg::Comma));
    let scope = match (spec.devices.is_empty() && spec.tags.is_empty(), spec.percent) {
        (true, None) => v.t(Msg::AllDevices).to_owned(),
        (true, Some(percent)) => format!("{percent} %"),
        (false, percent) => {
            let mut parts: Vec<String> = vec![listed(&spec.devices), listed(&spec.tags)];
            parts.extend(percent.map(|percent| format!("{percent} %")));
            parts.retain(|part| !part.is_empty());
            parts.join(" + ")
        }
    };
    let stages: Vec<String> =
        spec.stages().iter().map(|stage| format!("{} % (≥ {} %)", stage.percent, stage.success)).collect();
    let minutes = |n: u32| v.n(Msg::Minutes, i64::from(n));
    let row = |label: Msg, value: String| html! { @if !value.is_empty() { div { dt { (v.t(label)) } dd { (value) } } } };
    html! { dl.facts {
        (row(Msg::Product, job.product_key.clone()))
        (row(Msg::TargetVersion, job.version.clone()))
        @if let Some(module) = &job.module { div { dt { (v.t(Msg::Module)) } dd { (parts::module(v, module)) } } }
        (row(Msg::Platform, spec.onenet.as_ref().map(|terms| onenet(v, terms)).unwrap_or_default()))
        (row(Msg::SourceVersions, listed(&spec.source_versions)))
        (row(Msg::TestDevices, listed(&spec.verify)))
        (row(Msg::Scope, scope))
        (row(Msg::Kind, v.t(if spec.dynamic { Msg::Dynamic } else { Msg::Static }).to_owned()))
        (row(Msg::Stages, stages.join(" → ")))
        (row(Msg::ErrorThreshold, spec.error_percent.map(|n| format!("{n} %")).unwrap_or_default()))
        (row(Msg::Timeout, spec.timeout_minutes.map(minutes).unwrap_or_default()))
        (row(Msg::Retries, if spec.retries > 0 { format!("{} × {}", spec.retries, minutes(spec.retry_minutes)) } else { String::new() }))
        (row(Msg::Rate, spec.rate_per_minute.map(|n| n.to_string()).unwrap_or_default()))
        (row(Msg::Window, spec.window.as_ref().map(|w| format!("{}–{} (UTC{:+03}:{:02})", w.from, w.to, w.utc_offset / 60, w.utc_offset.abs() % 60)).unwrap_or_default()))
        div { dt { (v.t(Msg::Created)) } dd { (parts::when(Some(&job.created_at))) } }
        div { dt { (v.t(Msg::Started)) } dd { (parts::when(job.started_at.as_deref())) } }
        div { dt { (v.t(Msg::Ended)) } dd { (parts::when(job.ended_at.as_deref())) } }
    } }
}

/// The numbers of the chart: seconds since 1970, devices that had succeeded and failed by then.
pub async fn chart(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Answer {
    made(move || {
        let job = find(&console, &v, id)?;
        let mut points = read::course(console.store(), id)?;
        let begun = job.started_at.as_deref().and_then(time::parse);
        if let Some(begun) = begun {
            points.insert(0, (begun, 0, 0));
            let now = job.ended_at.as_deref().and_then(time::parse).unwrap_or_else(time::now_ms);
            if let Some((_, good, bad)) = points.last().copied() {
                points.push((now, good, bad));
            }
        }
        // One point a second, the last: the chart finds its highest value by the times, which must differ.
        for point in &mut points {
            point.0 /= 1000;
        }
        points.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                *kept = *later;
            }
            same
        });
        let seconds: Vec<i64> = points.iter().map(|point| point.0).collect();
        let good: Vec<i64> = points.iter().map(|point| point.1).collect();
        let bad: Vec<i64> = points.iter().map(|point| point.2).collect();
        Ok(Json(json!([seconds, good, bad])).into_response())
    })
    .await
}

/// Does what a button says.
pub async fn act(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path((id, action)): Path<(i64, String)>,
    _: Form,
) -> Answer {
    made(move || {
        let job = find(&console, &v, id)?;
        let event = BUTTONS.iter().find(|(name, ..)| *name == action).map(|(_, event, _)| *event);
        let event = event.or((action == "cancel").then_some(Event::Cancel));
        let scheduler = &console.scheduler;
        match event {
            Some(event) => {
                let allowed =
                    if event == Event::Cancel { !job.state.is_final() } else { possible(&job, event) };
                if !allowed {
                    let now = v.t(parts::job_state(job.state).0);
                    return Err(Problem::refused(
                        v.f(Msg::JobCannot, &[("job", &jobs::name(&v, &job)), ("state", &now)]),
                    ));
                }
                scheduler.offers.commit(|out| scheduler.order(id, event, out).map(drop))?;
            }
            None if action == "retry" => {
                scheduler.offers.commit(|out| scheduler.retry(id, out).map(drop))?;
            }
            None if action == "rollback" => {
                let (done, _) = scheduler.offers.commit(|out| scheduler.roll_back(id, out))?;
                // One version is the usual case; several jobs stand in the list.
                let path = match done.jobs.as_slice() {
                    [one] => format!("/console/jobs/{}", one.id),
                    _ => "/console/jobs".to_owned(),
                };
                return Ok(Redirect::to(&path).into_response());
            }
            None => return Err(Problem::absent(v.t(Msg::NoSuchPage).to_owned())),
        }
        Ok(Redirect::to(&format!("/console/jobs/{id}")).into_response())
    })
    .await
}
