// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products and devices as lists, and the form for a new device.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use maud::{Markup, html};
use serde::Deserialize;

use super::form::Form;
use super::frame::{Answer, Place, Problem, Visitor, made, page as whole};
use super::lang::thousands;
use super::messages::Msg;
use super::read::Filter;
use super::{Console, device, parts, read};
use crate::data::checked_name;
use crate::data::model::DeviceKey;
use crate::random;

/// What a list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    product: String,
    page: String,
}

/// The products.
pub async fn products(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>) -> Answer {
    made(move || {
        let rows = read::products(console.store())?;
        let body = html! {
            div.head { h1 { (v.t(Msg::Products)) }
                p.actions { a.button href="/console/devices/new" { (v.t(Msg::AddDevice)) } } }
            @if rows.is_empty() { p.none { (v.t(Msg::NoProducts)) } } @else {
                div.scroll.card tabindex="0" role="region" aria-label=(v.t(Msg::Products)) { table {
                    thead { tr {
                        th scope="col" { (v.t(Msg::Product)) } th.number scope="col" { (v.t(Msg::Devices)) }
                        th.number scope="col" { (v.t(Msg::Firmware)) } th.number scope="col" { (v.t(Msg::Jobs)) }
                        th scope="col" { (v.t(Msg::VersionsRunning)) }
                    } }
                    tbody { @for row in &rows { tr {
                        th scope="row" { a href={ "/console/devices?product=" (parts::escaped(&row.product)) } { (row.product) } }
                        td.number { (thousands(row.devices)) }
                        td.number { (thousands(row.firmware)) }
                        td.number { (thousands(row.jobs)) }
                        td { @for (version, n) in read::versions(console.store(), &row.product)?.into_iter().take(4) {
                            span.badge.idle { (parts::foreign(version.as_deref().unwrap_or(v.t(Msg::NeverReported)))) " × " (thousands(n)) } " "
                        } }
                    } } }
                } }
            }
        };
        Ok(whole(&v, v.t(Msg::Products), Some(Place::Products), &body).into_response())
    })
    .await
}

/// The devices. A search that is typed gets the list alone.
pub async fn page(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Answer {
    let part = headers.contains_key("hx-request");
    made(move || {
        let list = list(&console, &v, &asked)?;
        if part {
            return Ok(list.into_response());
        }
        let products = read::products(console.store())?;
        let body = html! {
            div.head { h1 { (v.t(Msg::Devices)) }
                p.actions { a.button href="/console/devices/new" { (v.t(Msg::AddDevice)) } } }
            form.filter role="search" action="/console/devices" {
                label { span { (v.t(Msg::Search)) }
                    input type="search" name="q" value=(asked.q) autocomplete="off" placeholder=(v.t(Msg::PartOfName))
                        hx-get="/console/devices" hx-trigger="input changed delay:200ms, search" hx-target="#list" hx-include="closest form" hx-replace-url="true"; }
                label { span { (v.t(Msg::Product)) }
                    select name="product" hx-get="/console/devices" hx-trigger="change" hx-target="#list" hx-include="closest form" hx-replace-url="true" {
                        option value="" { (v.t(Msg::AllProducts)) }
                        @for row in &products { option value=(row.product) selected[row.product == asked.product] { (row.product) } }
                    } }
                button { (v.t(Msg::Search)) }
            }
            div #list aria-live="polite" { (list) }
        };
        Ok(whole(&v, v.t(Msg::Devices), Some(Place::Devices), &body).into_response())
    })
    .await
}

fn list(console: &Console, v: &Visitor, asked: &Asked) -> Result<Markup, Problem> {
    let filter = Filter { text: asked.q.trim().to_owned(), product: asked.product.trim().to_owned() };
    let found = read::devices(console.store(), &filter, asked.page.parse().unwrap_or(1))?;
    let base = format!(
        "/console/devices?q={}&product={}&page=",
        parts::escaped(&filter.text),
        parts::escaped(&filter.product)
    );
    Ok(html! {
        p.count { (v.n(Msg::DeviceCount, found.total)) }
        @if !found.rows.is_empty() {
            div.scroll.card tabindex="0" role="region" aria-label=(v.t(Msg::Devices)) { table {
                thead { tr {
                    th scope="col" { (v.t(Msg::Device)) } th scope="col" { (v.t(Msg::Connection)) }
                    th scope="col" { (v.t(Msg::CurrentVersion)) } th scope="col" { (v.t(Msg::LastUpdate)) }
                    th scope="col" { (v.t(Msg::LastReport)) }
                } }
                tbody { @for row in &found.rows { tr {
                    th scope="row" {
                        a href=(parts::device_path(&row.key.product, &row.key.device)) { (row.key.device) }
                        " " small { (row.key.product) }
                        @for tag in &row.tags { " " span.badge.idle { (tag) } }
                    }
                    td { (online(console, v, &row.key)) }
                    td { @match &row.version { Some(version) => (parts::foreign(version)), None => (v.t(Msg::NeverReported)) } }
                    td { @if let Some((state, to)) = &row.last { (parts::badge(v, parts::update_state(state))) " " (to) } @else { "—" } }
                    td { @match row.at { Some(at) => (parts::instant(at)), None => "—" } }
                } } }
            } }
        }
        (parts::pager(v, &found, &base))
    })
}

/// Whether a device is on line, as a word.
pub fn online(console: &Console, v: &Visitor, key: &DeviceKey) -> Markup {
    if !console.shared.embedded {
        return html! { span.badge.idle { (v.t(Msg::Unknown)) } };
    }
    let there = console.store().is_online(key);
    parts::badge(v, if there { (Msg::OnLine, "good") } else { (Msg::OffLine, "idle") })
}

/// The form for a new device.
pub async fn new(Extension(v): Extension<Visitor>, Query(asked): Query<Asked>) -> Answer {
    let body = html! {
        h1 { (v.t(Msg::AddDevice)) }
        form.card.fields method="post" action="/console/devices" autocomplete="off" {
            (v.seal())
            label { span { "ProductKey" } input name="product" required maxlength="64" value=(asked.product); small { (v.t(Msg::HintProduct)) } }
            label { span { "DeviceName" } input name="device" required maxlength="64"; small { (v.t(Msg::HintName)) } }
            label { span { "DeviceSecret" } input name="secret" maxlength="64"; small { (v.t(Msg::HintSecret)) } }
            label { span { "ProductSecret" } input name="product_secret" maxlength="64"; small { (v.t(Msg::HintProductSecret)) } }
            p { button.primary { (v.t(Msg::AddDevice)) } }
        }
    };
    Ok(whole(&v, v.t(Msg::AddDevice), Some(Place::Devices), &body).into_response())
}

/// Adds a device; its page shows the secret this once.
pub async fn add(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    form: Form,
) -> Answer {
    made(move || {
        for (label, name) in [("ProductKey", form.text("product")), ("DeviceName", form.text("device"))] {
            if checked_name(label, name).is_err() {
                return Err(Problem::invalid(v.f(Msg::BadName, &[("field", &label), ("value", &name)])));
            }
        }
        let key = DeviceKey::new(form.text("product"), form.text("device"));
        if console.store().device(&key)?.is_some() {
            return Err(Problem::refused(v.f(Msg::DeviceExists, &[("device", &key)])));
        }
        let secret = match form.given("secret") {
            Some(secret) => secret.to_owned(),
            None => random::text(32)?,
        };
        console.store().put_device(&key, &secret, form.given("product_secret"))?;
        let mut v = v;
        v.here = parts::device_path(&key.product, &key.device);
        device::whole_page(&console, &v, &key, true)
    })
    .await
}
