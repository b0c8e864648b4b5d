// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware library: what there is, a form to add one, and why one cannot be deleted.

use std::io::Read;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::response::{IntoResponse, Redirect};
use bytes::Bytes;
use maud::{Markup, html};
use serde_json::json;
use tokio::sync::mpsc;

use super::form::Form;
use super::frame::{Answer, Path, Place, Problem, Visitor, made, page as whole};
use super::lang::size;
use super::messages::Msg;
use super::{Console, parts, read};
use crate::Failure;
use crate::access::csrf;
use crate::data::configs::CONFIG;
use crate::data::firmware::NewFirmware;
use crate::data::model::{Content, Firmware, Sign};
use crate::data::{checked_name, checked_version, import, version};
use crate::origin::api::blocking;
use crate::origin::upload::Place as UploadPlace;

/// Fields that a form has beside its file.
const FIELDS: usize = 20;
/// Bytes of such a field.
const FIELD: usize = 4_096;

/// The page.
pub async fn page(State(console): State<Arc<Console>>, Extension(v): Extension<Visitor>) -> Answer {
    made(move || {
        let mut all = console.store().all_firmware()?;
        all.sort_by(|a, b| {
            (&a.product_key, &a.module).cmp(&(&b.product_key, &b.module)).then(version::compare(&b.version, &a.version))
        });
        let products = read::products(console.store())?;
        let body = html! {
            h1 { (v.t(Msg::Firmware)) }
            section.card { h2 { (v.t(Msg::AddFirmware)) } (upload_form(&v, &products)) }
            section.card { h2 { (v.t(Msg::AddConfig)) } p.hint { (v.t(Msg::HintConfig)) } (config_form(&v)) }
            @if all.is_empty() { p.none { (v.t(Msg::NoFirmware)) } } @else {
                div.scroll.card tabindex="0" role="region" aria-label=(v.t(Msg::Firmware)) { (table(&v, &all)) }
            }
        };
        Ok(whole(&v, v.t(Msg::Firmware), Some(Place::Firmware), &body).into_response())
    })
    .await
}

fn table(v: &Visitor, all: &[Firmware]) -> Markup {
    html! { table {
        thead { tr {
            th scope="col" { (v.t(Msg::Version)) } th scope="col" { (v.t(Msg::Product)) } th scope="col" { (v.t(Msg::Module)) }
            th scope="col" { (v.t(Msg::File)) } th scope="col" { (v.t(Msg::Digest)) } th scope="col" { (v.t(Msg::DigestInOffer)) }
            th scope="col" { (v.t(Msg::Added)) } th scope="col" { (v.t(Msg::Actions)) }
        } }
        tbody { @for firmware in all { tr {
            th scope="row" { (firmware.version) @if firmware.auto { " " span.badge.run { (v.t(Msg::Automatic)) } } }
            td { (firmware.product_key) }
            td { @match &firmware.module { Some(module) => (parts::module(v, module)), None => (v.t(Msg::DefaultModule)) } }
            td { (parts::foreign(&firmware.content.name)) " " small { (size(firmware.content.size)) } }
            td { details.digest { summary { code { (firmware.content.sha256.get(..12).unwrap_or_default()) "…" } }
                p { "SHA256 " code { (firmware.content.sha256) } } p { "MD5 " code { (firmware.content.md5) } } } }
            td { @match firmware.sign { None => "MD5", Some(Sign::Md5) => "Md5", Some(Sign::Sha256) => "Sha256" } }
            td { (parts::when(Some(&firmware.added_at))) }
            td.actions {
                a.button href={ "/console/jobs/new?firmware=" (firmware.key) } aria-label=(v.f(Msg::NewJobFor, &[("version", &firmware.version)])) { (v.t(Msg::NewJob)) }
                details.danger { summary aria-label=(v.f(Msg::DeleteFirmware, &[("version", &firmware.version)])) { (v.t(Msg::Delete)) }
                    form method="post" action={ "/console/firmware/" (firmware.key) "/delete" } { (v.seal())
                        p { (v.f(Msg::DeleteFirmwareSure, &[("version", &firmware.version), ("product", &firmware.product_key)])) }
                        button.danger { (v.t(Msg::Delete)) } } }
            }
        } } }
    } }
}

fn upload_form(v: &Visitor, products: &[read::ProductRow]) -> Markup {
    html! {
        // The file comes last: what it is for is checked before its bytes are taken.
        form.fields #upload method="post" action="/console/upload" enctype="multipart/form-data"
            hx-post="/console/upload" hx-encoding="multipart/form-data" hx-target="#main" hx-select="#main" hx-swap="outerHTML"
            hx-headers=(json!({ csrf::HEADER: v.token() })) {
            (v.seal())
            label { span { (v.t(Msg::Product)) } input name="product" required maxlength="64" list="products" autocomplete="off";
                datalist #products { @for row in products { option value=(row.product) {} } } }
            label { span { (v.t(Msg::Version)) } input name="version" required maxlength="64" autocomplete="off"; small { (v.t(Msg::HintVersion)) } }
            label { span { (v.t(Msg::Module)) } input name="module" maxlength="64" autocomplete="off"; small { (v.t(Msg::HintModule)) } }
            label { span { (v.t(Msg::DigestInOffer)) } select name="sign" { option value="" { "MD5" } option value="sha256" { "Sha256 (signMethod)" } option value="md5" { "Md5 (signMethod)" } } }
            label.tick { input type="checkbox" name="auto" value="1"; span { (v.t(Msg::OfferUnasked)) } }
            div.drop #drop {
                label for="file" { (v.t(Msg::DragHere)) }
                input #file type="file" name="file" required;
                p #chosen aria-live="polite" {}
                progress #sent max="100" value="0" aria-label=(v.t(Msg::Uploading)) hidden {}
            }
            p { button.primary { (v.t(Msg::Upload)) } }
        }
    }
}

/// The same for a configuration, which is one file for jobs; its version is made of its content.
fn config_form(v: &Visitor) -> Markup {
    html! {
        form.fields #configuration method="post" action="/console/upload" enctype="multipart/form-data"
            hx-post="/console/upload" hx-encoding="multipart/form-data" hx-target="#main" hx-select="#main" hx-swap="outerHTML"
            hx-headers=(json!({ csrf::HEADER: v.token() })) {
            (v.seal())
            input type="hidden" name="module" value=(CONFIG);
            label { span { (v.t(Msg::Product)) } input name="product" required maxlength="64" list="products" autocomplete="off"; }
            label { span { (v.t(Msg::File)) } input type="file" name="file" required; }
            p { button { (v.t(Msg::AddConfig)) } }
        }
    }
}

/// Takes an image into the library, while it comes.
pub async fn add(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    mut parts: Multipart,
) -> Answer {
    let broken = |_: MultipartError| Problem::invalid(v.t(Msg::UploadBroken).to_owned());
    let mut form = Form::default();
    for _ in 0..FIELDS {
        let Some(mut field) = parts.next_field().await.map_err(broken)? else {
            break;
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            return file(console, v.clone(), form, field).await;
        }
        let mut value = Vec::new();
        while let Some(bytes) = field.chunk().await.map_err(broken)? {
            if value.len() + bytes.len() > FIELD {
                return Err(Problem::invalid(v.t(Msg::UploadBroken).to_owned()));
            }
            value.extend_from_slice(&bytes);
        }
        form.push(&name, String::from_utf8_lossy(&value).into_owned());
    }
    Err(Problem::invalid(v.t(Msg::NoFile).to_owned()))
}

async fn file(console: Arc<Console>, v: Visitor, form: Form, mut field: Field<'_>) -> Answer {
    let new = NewFirmware {
        product: form.text("product").to_owned(),
        version: form.text("version").to_owned(),
        module: form.given("module").filter(|module| *module != "default").map(str::to_owned),
        auto: form.ticked("auto"),
        sign: form.given("sign").and_then(Sign::named),
        omit_md5: false,
        replace: false,
    };
    if field.file_name().unwrap_or_default().is_empty() {
        return Err(Problem::invalid(v.t(Msg::NoFile).to_owned()));
    }
    let name = import::url_name(field.file_name().unwrap_or_default());
    let (early, visitor, checked) = (console.clone(), v.clone(), new.clone());
    blocking(move || Ok(check(&early, &visitor, &checked))).await??;
    let (pieces, received) = mpsc::channel(8);
    // How long the file alone is, nobody says.
    let place = UploadPlace::take(console.store(), console.shared.max_image, None)?;
    let keeper = console.clone();
    let kept = tokio::task::spawn_blocking(move || {
        place.keep(keeper.store(), &mut Pieces { received, now: Bytes::new() })
    });
    let broken = loop {
        match field.chunk().await {
            Ok(None) => break false,
            Ok(Some(piece)) => {
                if pieces.send(Ok(piece)).await.is_err() {
                    // Who keeps them has given up, and says why.
                    break false;
                }
            }
            Err(error) => {
                let _ = pieces.send(Err(std::io::Error::other(error))).await;
                break true;
            }
        }
    };
    drop(pieces);
    let blob = kept.await.map_err(|e| Failure::new(format!("the upload failed: {e}")))?;
    if broken {
        return Err(Problem::invalid(v.t(Msg::UploadBroken).to_owned()));
    }
    let blob = blob?;
    if blob.size == 0 {
        return Err(Problem::invalid(v.t(Msg::NoFile).to_owned()));
    }
    made(move || {
        let content = Content { name, in_place: None, size: blob.size, md5: blob.md5, sha256: blob.sha256 };
        check(&console, &v, &new)?;
        if new.module.as_deref() == Some(CONFIG) {
            console.store().add_config(&new.product, &content)?;
            return Ok(Redirect::to("/console/firmware").into_response());
        }
        console.store().add_firmware(&new, &content)?;
        Ok(Redirect::to("/console/firmware").into_response())
    })
    .await
}

/// The pieces of a body, for whoever reads on a thread of its own.
struct Pieces {
    received: mpsc::Receiver<std::io::Result<Bytes>>,
    now: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        while self.now.is_empty() {
            match self.received.blocking_recv() {
                Some(piece) => self.now = piece?,
                None => return Ok(0),
            }
        }
        let n = self.now.len().min(to.len());
        let piece = self.now.split_to(n);
        if let Some(room) = to.get_mut(..n) {
            room.copy_from_slice(&piece);
        }
        Ok(n)
    }
}

/// Refuses what cannot be added, in the visitor's words.
fn check(console: &Console, v: &Visitor, new: &NewFirmware) -> Result<(), Problem> {
    let bad = |field: Msg, value: &str| {
        Problem::invalid(v.f(Msg::BadName, &[("field", &v.t(field)), ("value", &value)]))
    };
    if checked_name("product key", &new.product).is_err() {
        return Err(bad(Msg::Product, &new.product));
    }
    if new.module.as_deref() == Some(CONFIG) {
        return Ok(());
    }
    if checked_version(&new.version).is_err() {
        return Err(bad(Msg::Version, &new.version));
    }
    if let Some(module) = new.module.as_deref().filter(|module| checked_name("module", module).is_err()) {
        return Err(bad(Msg::Module, module));
    }
    if console.store().find(&new.product, new.module.as_deref(), &new.version)?.is_some() {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("version", &new.version), ("product", &new.product)];
        return Err(Problem::refused(v.f(Msg::FirmwareExists, &values)));
    }
    Ok(console.store().may_add(new)?)
}

/// Deletes a firmware that nothing needs.
pub async fn delete(
    State(console): State<Arc<Console>>,
    Extension(v): Extension<Visitor>,
    Path(key): Path<i64>,
    _: Form,
) -> Answer {
    made(move || {
        let store = console.store();
        let firmware =
            store.firmware(key)?.ok_or_else(|| Problem::absent(v.t(Msg::NoSuchFirmware).to_owned()))?;
        let (jobs, open) = read::users_of_firmware(store, key)?;
        if !jobs.is_empty() {
            let names: Vec<String> = jobs.iter().map(i64::to_string).collect();
            let names = names.join(v.t(Msg::Comma));
            return Err(Problem::refused(
                v.f(Msg::FirmwareInJobs, &[("version", &firmware.version), ("jobs", &names)]),
            ));
        }
        if open > 0 {
            return Err(Problem::refused(
                v.f(Msg::FirmwareInUse, &[("version", &firmware.version), ("count", &open)]),
            ));
        }
        store.delete_firmware(key)?;
        Ok(Redirect::to("/console/firmware").into_response())
    })
    .await
}
