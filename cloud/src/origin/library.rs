// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control API's part for firmware and configurations: lists of them, and their bytes as they come in.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{Done, Given, Refused, Shared, blocking, found};
use super::upload::receive;
use crate::Failure;
use crate::access::Signed;
use crate::control::extract::{Json, Path, Query, Stream};
use crate::control::{Routes, doc};
use crate::data::firmware::NewFirmware;
use crate::data::model::{Firmware, Sign};
use crate::data::{NAME, VERSION, import};

/// What a firmware is, besides its bytes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewImage {
    #[schemars(regex(pattern = NAME))]
    product: String,
    #[schemars(regex(pattern = VERSION))]
    version: String,
    /// Of the file.
    #[serde(default)]
    name: String,
    #[schemars(regex(pattern = NAME))]
    module: Option<String>,
    #[serde(default)]
    auto: bool,
    sign: Option<Sign>,
    #[serde(default)]
    omit_md5: bool,
    #[serde(default)]
    replace: bool,
    /// A file on this machine that is served from where it is; for commands on it.
    in_place: Option<PathBuf>,
}

/// What a configuration is for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewConfig {
    #[schemars(regex(pattern = NAME))]
    product: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    push: bool,
}

/// What a configuration for jobs is for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewConfigFile {
    #[schemars(regex(pattern = NAME))]
    product: String,
    /// Of the file.
    #[serde(default)]
    name: String,
}

/// A configuration that was taken.
#[derive(Debug, Serialize, JsonSchema)]
struct TakenConfig {
    id: String,
    size: u64,
    /// The devices that are given it.
    pushed: u32,
}

/// An address that is good for a while.
#[derive(Debug, Serialize, JsonSchema)]
struct SignedUrl {
    url: String,
}

/// The routes.
pub fn control() -> Routes<Arc<Shared>> {
    Routes::new()
        .op(Method::GET, "/api/firmware", doc("listFirmware", "All firmware"), list_firmware)
        .op(
            Method::POST,
            "/api/firmware",
            doc("addFirmware", "Add an image, which is the body"),
            add_firmware,
        )
        .op(
            Method::DELETE,
            "/api/firmware/{key}",
            doc("deleteFirmware", "Remove a firmware that no device is being updated to"),
            delete_firmware,
        )
        .op(
            Method::GET,
            "/api/firmware/{key}/url",
            doc("firmwareUrl", "An address of an image, as an offer has it"),
            firmware_url,
        )
        .op(
            Method::POST,
            "/api/config",
            doc("setConfig", "Take a product's configuration, which is the body"),
            set_config,
        )
        .op(
            Method::POST,
            "/api/config/file",
            doc("addConfig", "Keep a configuration for jobs, which is the body"),
            add_config,
        )
}

type App = State<Arc<Shared>>;

async fn delete_firmware(State(app): App, Path(key): Path<i64>) -> Given<Done> {
    found(blocking(move || app.store.delete_firmware(key)).await?, format!("there is no firmware {key}"))
}

async fn firmware_url(State(app): App, Path(key): Path<i64>) -> Given<SignedUrl> {
    let store = app.store.clone();
    match blocking(move || store.firmware(key)).await? {
        Some(firmware) => Ok(Json(SignedUrl { url: app.offers.urls.firmware(&firmware) })),
        None => Err(Refused::absent(format!("there is no firmware {key}"))),
    }
}

async fn list_firmware(State(app): App) -> Given<Vec<Firmware>> {
    Ok(Json(blocking(move || app.store.all_firmware()).await?))
}

async fn add_firmware(
    State(app): App,
    signed: Signed,
    Query(image): Query<NewImage>,
    stream: Stream,
) -> Given<Firmware> {
    let NewImage { product, version, name, module, auto, sign, omit_md5, replace, in_place } = image;
    let new = NewFirmware { product, version, module, auto, sign, omit_md5, replace };
    let (store, early) = (app.store.clone(), new.clone());
    blocking(move || store.may_add(&early)).await?;
    let content = match in_place {
        None => receive(&app.store, app.max_image, &name, stream).await?,
        // A token must not become a way to read this machine's files.
        Some(path) if app.local && signed.who.is_here() => {
            let store = app.store.clone();
            blocking(move || import::take(store.layout(), &path, true)).await?
        }
        Some(_) => {
            let why =
                "a file in place is for a server that listens on this machine alone, and for commands on it";
            return Err(Failure::new(why).into());
        }
    };
    Ok(Json(blocking(move || app.store.add_firmware(&new, &content)).await?))
}

async fn set_config(State(app): App, Query(new): Query<NewConfig>, stream: Stream) -> Given<TakenConfig> {
    crate::data::checked_name("product key", &new.product)?;
    let content = receive(&app.store, app.max_image, &new.name, stream).await?;
    let work = move || {
        let (answer, _) = app.offers.commit(|out| {
            let config = app.store.set_config(&new.product, &content)?;
            let mut pushed = 0_u32;
            if new.push {
                for device in app.store.devices()?.iter().filter(|d| d.product_key == new.product) {
                    pushed += u32::from(app.offers.push_config(&device.key(), out)?);
                }
            }
            Ok(TakenConfig { id: config.id, size: config.content.size, pushed })
        })?;
        Ok(answer)
    };
    Ok(Json(blocking(work).await?))
}

async fn add_config(State(app): App, Query(new): Query<NewConfigFile>, stream: Stream) -> Given<Firmware> {
    crate::data::checked_name("product key", &new.product)?;
    let content = receive(&app.store, app.max_image, &new.name, stream).await?;
    Ok(Json(blocking(move || app.store.add_config(&new.product, &content)).await?))
}
