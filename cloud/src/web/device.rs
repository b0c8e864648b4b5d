// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of a device: what it runs and ran, its updates step by step, the conversation with it, how it gets here.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::form::Form;
use super::frame::{Answer, Path, Place, Problem, Visitor, made, page as whole};
use super::messages::Msg;
use super::talk::{Message, Way};
use super::{Console, causes, devices, live, parts, read, snippet};
use crate::Failure;
use crate::data::checked_name;
use crate::data::configs::CONFIG;
use crate::data::model::{Device, DeviceKey, Update};
use crate::data::upgrades::Origin;
use crate::data::version;
use crate::rollout::upgrade::State as UpdateState;

/// Updates that the page shows.
const UPDATES: usize = 20;

type Names = Path<(String, String)>;

/// The page.
pub async fn page(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path((product, device)): Names,
) -> Answer {
    made(move || whole_page(&console, &v, &DeviceKey::new(product, device), false)).await
}

fn find(console: &Console, v: &Visitor, key: &DeviceKey) -> Result<Device, Problem> {
    let device = console.store().device(key)?;
    device.ok_or_else(|| Problem::absent(v.f(Msg::NoSuchDevice, &[("device", key)])))
}

/// The page, with the secrets or without.
pub fn whole_page(console: &Console, v: &Visitor, key: &DeviceKey, reveal: bool) -> Answer {
    let device = find(console, v, key)?;
    let tags = read::tags(console.store(), device.id)?;
    let path = parts::device_path(&key.product, &key.device);
    let body = html! {
        div.head { h1 { (key.device) " " small { (key.product) } } }
        div sse-connect={ (path) "/live" } {
            section.card aria-label=(v.t(Msg::Status)) sse-swap="facts" { (facts(console, v, &device)) }
            section.card { h2 { (v.t(Msg::Updates)) } div sse-swap="updates" { (updates(console, v, &device)?) } }
            section.card { h2 { (v.t(Msg::Conversation)) } p.hint { (v.t(Msg::HintConversation)) }
                div sse-swap="talk" { (conversation(console, v, &device)) } }
        }
        section.card { h2 { (v.t(Msg::Actions)) } (actions(console, v, &device, &tags, &path)?) }
        section.card #credentials { h2 { (v.t(Msg::Credentials)) } (credentials(console, v, &device, reveal, &path)) }
    };
    Ok(whole(v, &key.to_string(), Some(Place::Devices), &body).into_response())
}

/// The same, as it changes.
pub async fn stream(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path((product, device)): Names,
) -> Response {
    let (source, visitor, key) = (console.clone(), v.clone(), DeviceKey::new(product, device));
    live::pieces(&console, &visitor, move || {
        let device = source.store().device(&key)?.ok_or_else(|| Failure::new(format!("{key} is gone")))?;
        Ok(vec![
            ("facts", facts(&source, &v, &device)),
            ("updates", updates(&source, &v, &device)?),
            ("talk", conversation(&source, &v, &device)),
        ])
    })
}

fn facts(console: &Console, v: &Visitor, device: &Device) -> Markup {
    let key = device.key();
    html! {
        @if console.shared.offers.publisher.is_contested(&key) { p.problem { (v.t(Msg::TwoClients)) } }
        dl.facts {
            div { dt { (v.t(Msg::Connection)) } dd { (devices::online(console, v, &key)) } }
            div { dt { (v.t(Msg::CurrentVersion)) } dd { @match &device.version { Some(version) => strong { (parts::foreign(version)) }, None => (v.t(Msg::NeverReported)) } } }
            div { dt { (v.t(Msg::LastReport)) } dd { (parts::when(device.version_at.as_deref())) } }
            @if let Some((product, name)) = device.gateway.as_deref().and_then(|gateway| gateway.split_once('/')) {
                div { dt { (v.t(Msg::Gateway)) } dd { a href=(parts::device_path(product, name)) { (name) } } }
            }
            @for (module, version) in &device.modules {
                div { dt { @if module != CONFIG { (v.t(Msg::Module)) " " } (parts::module(v, module)) } dd { (parts::foreign(version)) } }
            }
        }
    }
}

fn updates(console: &Console, v: &Visitor, device: &Device) -> Result<Markup, Failure> {
    let mut all = console.store().history(Some(device.id))?.remove(&device.id).unwrap_or_default();
    all.reverse();
    let hidden = all.len().saturating_sub(UPDATES);
    all.truncate(UPDATES);
    if all.is_empty() {
        return Ok(html! { p.none { (v.t(Msg::NoUpdates)) } });
    }
    Ok(html! {
        ol.updates { @for update in &all { li { (update_item(v, update)) } } }
        @if hidden > 0 { p.hint { (v.n(Msg::OlderUpdates, i64::try_from(hidden).unwrap_or(i64::MAX))) } }
    })
}

fn update_item(v: &Visitor, update: &Update) -> Markup {
    let state = update.state.name();
    html! {
        p {
            (parts::badge(v, parts::update_state(state))) " "
            @match &update.from { Some(from) => (parts::foreign(from)), None => "?" } " → " strong { (update.to) }
            @if let Some(module) = &update.module { " · " @if !update.is_config() { (v.t(Msg::Module)) " " } (parts::module(v, module)) }
            @if !update.state.is_final() && let Some(percent) = update.progress { " · " (percent) " %" }
            @if let Some(job) = update.job { " · " a href={ "/console/jobs/" (job) } { (v.f(Msg::JobNumber, &[("id", &job)])) } }
            " · " (parts::when(update.ended_at.as_deref().or(Some(&update.pushed_at))))
        }
        @if matches!(update.state, UpdateState::Failed | UpdateState::TimedOut) {
            @let reason = update.reason.as_deref().unwrap_or(state);
            (reason_block(v, reason))
        }
        @if !update.steps.is_empty() {
            details data-keep={ "steps-" (update.id) } { summary { (v.n(Msg::StepCount, i64::try_from(update.steps.len()).unwrap_or(i64::MAX))) }
                ol.steps { @for step in update.steps.iter().rev().take(120) { li {
                    (parts::when(Some(&step.at))) " " b { (step.step) @if step.step >= 0 { " %" } } " " (parts::foreign(&step.desc))
                } } }
            }
        }
    }
}

/// Why an update failed, and what to do.
pub fn reason_block(v: &Visitor, reason: &str) -> Markup {
    let cause = causes::of(reason);
    html! {
        div.reason {
            p { strong { (v.t(cause.title)) } @if !cause.name.is_empty() { " " code { (cause.name) } } }
            p { (v.t(Msg::DeviceSays)) " " q lang="en" { (parts::foreign(reason)) } }
            p { b { (v.t(Msg::WhatToDo)) } " " (v.t(cause.advice)) }
        }
    }
}

fn conversation(console: &Console, v: &Visitor, device: &Device) -> Markup {
    let messages = console.shared.offers.talk.of(&device.key());
    if messages.is_empty() {
        return html! { p.none { (v.t(Msg::NoMessages)) } };
    }
    // Besides the names that are known to hold secrets: the device may put its own anywhere.
    let secrets: Vec<&str> = [Some(&device.device_secret), device.product_secret.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|secret| secret.len() >= 6)
        .collect();
    let shown =
        |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, snippet::MASK));
    html! {
        div.scroll.talk tabindex="0" role="region" aria-label=(v.t(Msg::Conversation)) { table {
            thead { tr { th scope="col" { (v.t(Msg::Time)) } th scope="col" { (v.t(Msg::Direction)) } th scope="col" { "Topic" } th scope="col" { (v.t(Msg::Payload)) } } }
            tbody { @for message in &messages { (message_row(v, message, &shown)) } }
        } }
    }
}

fn message_row(v: &Visitor, message: &Message, shown: &dyn Fn(&str) -> String) -> Markup {
    let (label, kind) = match message.way {
        Way::Up => (Msg::Uplink, "run"),
        Way::Down => (Msg::Downlink, "idle"),
    };
    html! { tr {
        td { (parts::instant(message.at)) }
        td { (parts::badge(v, (label, kind))) }
        td { code { (parts::foreign(&shown(&message.topic))) } }
        td { code.payload { (parts::foreign(&shown(&message.payload))) } @if message.size > message.payload.len() + 64 { " " small { (message.size) " B" } } }
    } }
}

fn actions(
    console: &Console,
    v: &Visitor,
    device: &Device,
    tags: &[String],
    path: &str,
) -> Result<Markup, Failure> {
    let mut all = console.store().all_firmware()?;
    all.retain(|firmware| firmware.product_key == device.product_key);
    all.sort_by(|a, b| version::compare(&b.version, &a.version));
    let open =
        console.store().updates(&device.key())?.iter().filter(|update| !update.state.is_final()).count();
    Ok(html! {
        @if all.is_empty() { p { (v.t(Msg::NoFirmwareOfProduct)) " " a href="/console/firmware" { (v.t(Msg::Firmware)) } } } @else {
            form.line method="post" action={ (path) "/push" } {
                (v.seal())
                label { span { (v.t(Msg::FirmwareToPush)) } select name="firmware" { @for firmware in &all {
                    option value=(firmware.key) { (firmware.version) @if let Some(module) = &firmware.module { " · " (parts::module(v, module)) }
                        @if Some(&firmware.version) == device.version.as_ref() && firmware.module.is_none() { " (" (v.t(Msg::RunsNow)) ")" } }
                } } }
                button.primary { (v.t(Msg::Push)) }
                small { (v.t(Msg::HintPush)) }
            }
        }
        @if open > 0 { form.line method="post" action={ (path) "/cancel" } { (v.seal()) button { (v.n(Msg::CancelUpdates, i64::try_from(open).unwrap_or(0))) } } }
        form.line method="post" action={ (path) "/tags" } {
            (v.seal())
            label { span { (v.t(Msg::Groups)) } input name="tags" value=(tags.join(" ")); }
            button { (v.t(Msg::Save)) }
            small { (v.t(Msg::HintGroups)) }
        }
        details.danger { summary { (v.t(Msg::DeleteDevice)) }
            form method="post" action={ (path) "/delete" } { (v.seal())
                p { (v.f(Msg::DeleteDeviceSure, &[("device", &device.key())])) }
                button.danger { (v.t(Msg::DeleteDevice)) } } }
    })
}

fn credentials(console: &Console, v: &Visitor, device: &Device, reveal: bool, path: &str) -> Markup {
    let secret = if reveal { device.device_secret.as_str() } else { snippet::MASK };
    let [link_kit, onenet] = snippet::commands(device, secret, &console.shared.reach);
    html! {
        dl.facts {
            div { dt { "ProductKey" } dd { code { (device.product_key) } } }
            div { dt { "DeviceName" } dd { code { (device.device_name) } } }
            div { dt { "DeviceSecret" } dd { code #secret { (secret) } } }
            @if let Some(product) = &device.product_secret { div { dt { "ProductSecret" } dd { code { (if reveal { product } else { snippet::MASK }) } } } }
            div { dt { "MQTT" } dd { code { (console.shared.reach.mqtt) } } }
            div { dt { "HTTP" } dd { code { (console.shared.reach.http) } } }
        }
        @if reveal { p.hint { (v.t(Msg::SecretShown)) } } @else {
            form.line method="post" action={ (path) "/reveal" } { (v.seal()) button { (v.t(Msg::ShowSecret)) } small { (v.t(Msg::HintReveal)) } }
        }
        (paste(v, "snippet-c", "Link Kit · C", &snippet::link_kit(device, secret)))
        (paste(v, "snippet-linkkit", v.t(Msg::ExampleLinkKit), &link_kit))
        (paste(v, "snippet-onenet", v.t(Msg::ExampleOneNet), &onenet))
    }
}

fn paste(v: &Visitor, id: &str, title: &str, text: &str) -> Markup {
    html! {
        details.paste { summary { (title) }
            p { button type="button" data-copy=(id) data-done=(v.t(Msg::Copied)) hidden { (v.t(Msg::Copy)) } }
            pre #(id) tabindex="0" { (text) }
        }
    }
}

/// Does what a button says.
pub async fn act(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path((product, device, action)): Path<(String, String, String)>,
    form: Form,
) -> Answer {
    made(move || {
        let key = DeviceKey::new(product, device);
        let there = find(&console, &v, &key)?;
        let mut to = parts::device_path(&key.product, &key.device);
        match action.as_str() {
            "reveal" => {
                let v = Visitor { here: to, ..v };
                return whole_page(&console, &v, &key, true);
            }
            "push" => {
                let number = form.number::<i64>("firmware").unwrap_or_default().unwrap_or_default();
                let firmware = console.store().firmware(number)?.filter(|f| f.product_key == key.product);
                let firmware =
                    firmware.ok_or_else(|| Problem::absent(v.t(Msg::NoSuchFirmware).to_owned()))?;
                if firmware.module.is_none() && there.version.as_ref() == Some(&firmware.version) {
                    return Err(Problem::refused(
                        v.f(Msg::RunsAlready, &[("device", &key), ("version", &firmware.version)]),
                    ));
                }
                let offers = &console.shared.offers;
                offers.commit(|out| offers.order(&key, &firmware, Origin::default(), out))?;
            }
            "cancel" => {
                console.store().cancel_updates(&key)?;
            }
            "tags" => {
                let tags = form.words("tags");
                if let Some(tag) = tags.iter().find(|tag| checked_name("group", tag).is_err()) {
                    return Err(Problem::invalid(
                        v.f(Msg::BadName, &[("field", &v.t(Msg::Groups)), ("value", tag)]),
                    ));
                }
                console.store().set_tags(&key, &tags)?;
            }
            "delete" => {
                console.store().delete_device(&key)?;
                console.shared.offers.publisher.revoke(&key);
                to = "/console/devices".to_owned();
            }
            _ => return Err(Problem::absent(v.t(Msg::NoSuchPage).to_owned())),
        }
        Ok(Redirect::to(&to).into_response())
    })
    .await
}
