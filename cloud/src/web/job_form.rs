// SPDX-License-Identifier: MIT OR Apache-2.0
//! The form for a new job, and what it would do.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::Form;
use super::frame::{Answer, Place, Problem, Visitor, made, page as whole};
use super::lang::Lang;
use super::messages::Msg;
use super::{Console, parts};
use crate::Failure;
use crate::data::model::Firmware;
use crate::data::version;
use crate::rollout::spec::{Candidate, Spec, Stage};
use crate::rollout::terms::Terms;
use crate::rollout::window::Window;

/// Devices that can be ticked; of more, names are typed.
const TICKS: usize = 40;

/// The firmware that the job is for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    firmware: String,
}

/// The form: first the firmware, then the rest.
pub async fn page(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Answer {
    made(move || {
        let mut form = Form::default();
        form.push("firmware", asked.firmware);
        form.push("error_percent", "20".to_owned());
        form.push("error_min", "1".to_owned());
        form.push("offset", if v.lang == Lang::Zh { "480" } else { "0" }.to_owned());
        Ok(whole(&v, v.t(Msg::NewJob), Some(Place::Jobs), &body(&console, &v, &form, None)?).into_response())
    })
    .await
}

fn firmware_of(console: &Console, form: &Form) -> Result<Option<Firmware>, Failure> {
    match form.number::<i64>("firmware") {
        Ok(Some(key)) => console.store().firmware(key),
        _ => Ok(None),
    }
}

fn body(console: &Console, v: &Visitor, form: &Form, wrong: Option<&str>) -> Result<Markup, Failure> {
    let mut all = console.store().all_firmware()?;
    all.sort_by(|a, b| a.product_key.cmp(&b.product_key).then(version::compare(&b.version, &a.version)));
    let chosen = firmware_of(console, form)?;
    let devices = match &chosen {
        Some(firmware) => console.store().candidates(&firmware.product_key, firmware.module.as_deref())?,
        None => Vec::new(),
    };
    Ok(html! {
        h1 { (v.t(Msg::NewJob)) }
        @if let Some(wrong) = wrong { p.problem.card role="alert" { bdi { (wrong) } } }
        @if all.is_empty() { p.none { (v.t(Msg::NoFirmware)) " " a href="/console/firmware" { (v.t(Msg::Firmware)) } } } @else {
            form.card.filter action="/console/jobs/new" {
                label { span { (v.t(Msg::Firmware)) } select name="firmware" required {
                    option value="" { (v.t(Msg::Choose)) }
                    @for firmware in &all { option value=(firmware.key) selected[chosen.as_ref().is_some_and(|c| c.key == firmware.key)] {
                        (firmware.product_key) " · " (firmware.version) @if let Some(module) = &firmware.module { " · " (parts::module(v, module)) }
                        @if firmware.is_config() { " · " (firmware.content.name) } } }
                } }
                button { (v.t(Msg::Choose)) }
            }
        }
        @if let Some(firmware) = &chosen { (fields(v, form, firmware, &devices)) }
    })
}

fn fields(v: &Visitor, form: &Form, firmware: &Firmware, devices: &[Candidate]) -> Markup {
    let text = |label: Msg, name: &str, hint: Msg| {
        html! {
            label { span { (v.t(label)) } input name=(name) value=(form.text(name)) autocomplete="off"; small { (v.t(hint)) } }
        }
    };
    let number = |label: Msg, name: &str, min: u32, max: u32, hint: Msg| {
        html! {
            label { span { (v.t(label)) } input type="number" name=(name) value=(form.text(name)) min=(min) max=(max) inputmode="numeric"; small { (v.t(hint)) } }
        }
    };
    html! {
        form.fields #job method="post" action="/console/jobs" {
            (v.seal())
            input type="hidden" name="firmware" value=(firmware.key);
            fieldset.card { legend { (v.t(Msg::What)) }
                p { (firmware.product_key) " → " strong { (firmware.version) } @if let Some(module) = &firmware.module { " · " (parts::module(v, module)) } }
                @if firmware.is_config() { p.hint { (v.t(Msg::HintConfigJob)) } }
                (text(Msg::Name, "name", Msg::HintJobName))
            }
            @if firmware.module.is_none() { fieldset.card { legend { (v.t(Msg::Platform)) }
                label { span { (v.t(Msg::Platform)) } select name="onenet" {
                    @for (value, label) in [("", Msg::LinkKit), ("1", Msg::Fota), ("2", Msg::Sota)] {
                        option value=(value) selected[form.text("onenet") == value] { (v.t(label)) } }
                } small { (v.t(Msg::HintPlatform)) } }
                (number(Msg::LeastBattery, "power", 0, 100, Msg::HintOneNet))
                (number(Msg::LeastSignal, "signal", 0, 100, Msg::HintOneNet))
            } }
            fieldset.card { legend { (v.t(Msg::TestDevices)) }
                p.hint { (v.t(Msg::HintVerify)) }
                (names(v, form, "verify", devices))
            }
            fieldset.card { legend { (v.t(Msg::Scope)) }
                p.hint { (v.t(Msg::HintScope)) }
                (names(v, form, "devices", devices))
                (text(Msg::Groups, "tags", Msg::HintTags))
                (number(Msg::Percentage, "percent", 1, 100, Msg::HintPercent))
                (text(Msg::SourceVersions, "source", Msg::HintSource))
                label.tick { input type="checkbox" name="dynamic" value="1" checked[form.ticked("dynamic")]; span { (v.t(Msg::JoinLater)) } }
            }
            fieldset.card { legend { (v.t(Msg::Strategy)) }
                (text(Msg::Stages, "stages", Msg::HintStages))
                (number(Msg::ErrorThreshold, "error_percent", 1, 100, Msg::HintErrorPercent))
                (number(Msg::ErrorMinimum, "error_min", 1, 1_000_000, Msg::HintErrorMin))
                (number(Msg::Timeout, "timeout", 1, 10_080, Msg::HintTimeout))
                (number(Msg::Retries, "retries", 0, 10, Msg::HintRetries))
                (number(Msg::RetryMinutes, "retry_minutes", 0, 1_440, Msg::HintRetryMinutes))
                (number(Msg::Rate, "rate", 1, 1_000_000, Msg::HintRate))
                label { span { (v.t(Msg::WindowFrom)) } input type="time" name="from" value=(form.text("from")); }
                label { span { (v.t(Msg::WindowTo)) } input type="time" name="to" value=(form.text("to")); small { (v.t(Msg::HintWindow)) } }
                label { span { (v.t(Msg::UtcOffset)) } input type="number" name="offset" min="-840" max="840" value=(form.text("offset")); small { (v.t(Msg::HintOffset)) } }
            }
            p.buttons {
                button type="button" hx-post="/console/jobs/preview" hx-target="#preview" hx-include="#job" { (v.t(Msg::Preview)) }
                button.primary { (v.t(Msg::CreateDraft)) }
            }
        }
        div #preview aria-live="polite" {}
    }
}

fn names(v: &Visitor, form: &Form, field: &str, devices: &[Candidate]) -> Markup {
    let given = form.words(field);
    html! {
        @if devices.len() <= TICKS {
            div.ticks role="group" aria-label=(v.t(Msg::Devices)) { @for device in devices {
                label.tick { input type="checkbox" name=(field) value=(device.name) checked[given.contains(&device.name)];
                    span { (device.name) " " small { (parts::foreign(device.version.as_deref().unwrap_or("—"))) } } }
            } }
        } @else {
            label { span { (v.t(Msg::DeviceNames)) } textarea name=(field) rows="3" { (given.join("\n")) } small { (v.t(Msg::HintNames)) } }
        }
    }
}

/// The plan of a form; `Err`: what is wrong with it, in the visitor's words.
fn spec(v: &Visitor, form: &Form) -> Result<Spec, String> {
    let bad =
        |label: Msg| move |value: String| v.f(Msg::NoNumber, &[("field", &v.t(label)), ("value", &value)]);
    let mut stages = Vec::new();
    for word in form.words("stages") {
        let (percent, success) = word.split_once(':').unwrap_or((&word, "100"));
        let number =
            |text: &str| text.trim_end_matches('%').parse::<u8>().map_err(|_| bad(Msg::Stages)(word.clone()));
        stages.push(Stage { percent: number(percent)?, success: number(success)? });
    }
    if stages.last().is_some_and(|last| last.percent < 100) {
        stages.push(Stage { percent: 100, success: 0 });
    }
    let window = match (form.given("from"), form.given("to")) {
        (Some(from), Some(to)) => Some(Window {
            from: from.to_owned(),
            to: to.to_owned(),
            utc_offset: form.number("offset").map_err(bad(Msg::UtcOffset))?.unwrap_or(0),
        }),
        (None, None) => None,
        _ => return Err(v.t(Msg::HalfWindow).to_owned()),
    };
    let onenet = match form.given("onenet") {
        None => None,
        Some(_) => Some(Terms {
            kind: form.number("onenet").map_err(bad(Msg::Platform))?.unwrap_or_default(),
            power: form.number("power").map_err(bad(Msg::LeastBattery))?.unwrap_or_default(),
            signal: form.number("signal").map_err(bad(Msg::LeastSignal))?.unwrap_or_default(),
            ..Terms::default()
        }),
    };
    Ok(Spec {
        onenet,
        verify: form.words("verify"),
        devices: form.words("devices"),
        tags: form.words("tags"),
        source_versions: form.words("source"),
        percent: form.number("percent").map_err(bad(Msg::Percentage))?,
        dynamic: form.ticked("dynamic"),
        stages,
        error_percent: form.number("error_percent").map_err(bad(Msg::ErrorThreshold))?,
        error_min: form.number("error_min").map_err(bad(Msg::ErrorMinimum))?.unwrap_or(1),
        timeout_minutes: form.number("timeout").map_err(bad(Msg::Timeout))?,
        retries: form.number("retries").map_err(bad(Msg::Retries))?.unwrap_or(0),
        retry_minutes: form.number("retry_minutes").map_err(bad(Msg::RetryMinutes))?.unwrap_or(0),
        rate_per_minute: form.number("rate").map_err(bad(Msg::Rate))?,
        window,
    })
}

/// The firmware and the plan, checked.
fn planned(console: &Console, v: &Visitor, form: &Form) -> Result<(Firmware, Spec), String> {
    let text = |failure: Failure| failure.to_string();
    let firmware =
        firmware_of(console, form).map_err(text)?.ok_or_else(|| v.t(Msg::NoSuchFirmware).to_owned())?;
    let spec = spec(v, form)?;
    spec.check().map_err(text)?;
    let devices =
        console.store().candidates(&firmware.product_key, firmware.module.as_deref()).map_err(text)?;
    let stranger =
        spec.verify.iter().chain(&spec.devices).find(|name| !devices.iter().any(|d| d.name == **name));
    if let Some(stranger) = stranger {
        return Err(v.f(Msg::StrangerInJob, &[("device", stranger), ("product", &firmware.product_key)]));
    }
    Ok((firmware, spec))
}

fn reach(console: &Console, firmware: &Firmware, spec: &Spec) -> Result<Vec<(String, usize)>, Failure> {
    console.scheduler.preview(&firmware.product_key, firmware.module.as_deref(), &firmware.version, spec)
}

/// Who would get it.
pub async fn preview(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    form: Form,
) -> Answer {
    made(move || {
        let (firmware, spec) = planned(&console, &v, &form).map_err(Problem::invalid)?;
        let devices = reach(&console, &firmware, &spec)?;
        let total = i64::try_from(devices.len()).unwrap_or(i64::MAX);
        let body = html! {
            section.card { h2 { (v.t(Msg::Preview)) } p { (v.n(Msg::WouldGet, total)) }
                @if total == 0 { p { (v.f(Msg::NobodySelected, &[("version", &firmware.version)])) } }
                ol.steps { @for (name, stage) in devices.iter().take(100) {
                    li { (name) " " small { (v.t(Msg::Stage)) " " (stage + 1) } } } }
                @if devices.len() > 100 { p { "…" } }
            }
        };
        Ok(body.into_response())
    })
    .await
}

/// Makes a draft.
pub async fn create(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    form: Form,
) -> Answer {
    made(move || {
        let made = planned(&console, &v, &form).and_then(|(firmware, spec)| {
            let text = |failure: Failure| failure.to_string();
            let reached = reach(&console, &firmware, &spec).map_err(text)?;
            if reached.is_empty() && !spec.dynamic {
                return Err(v.f(Msg::NobodySelected, &[("version", &firmware.version)]));
            }
            console
                .store()
                .batch(|| console.scheduler.create(form.text("name"), &firmware, &spec))
                .map_err(text)
        });
        match made {
            Ok(job) => Ok(Redirect::to(&format!("/console/jobs/{}", job.id)).into_response()),
            Err(wrong) => {
                let page =
                    whole(&v, v.t(Msg::NewJob), Some(Place::Jobs), &body(&console, &v, &form, Some(&wrong))?);
                Ok((StatusCode::BAD_REQUEST, page).into_response())
            }
        }
    })
    .await
}
