// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes: `/firmware/...`, `/config/...` and `/auth/register/device` for devices, `/api/...` for the command line.
//!
//! The control API has no login: it is for the loopback interface. Changes need `Content-Type:
//! application/json`, which a page in a browser cannot send to another origin unasked. Secrets never appear
//! in an answer.
//!
//! | request | body | answer |
//! |---|---|---|
//! | GET /api/status | | [`StatusView`] |
//! | POST /api/devices | product_key, device_name, device_secret, product_secret? | {} |
//! | GET /api/firmware | | list of firmware |
//! | POST /api/firmware | id (a firmware already in the data directory) | the firmware |
//! | POST /api/config | product_key (already in the data directory), push | number of devices pushed to |
//! | POST /api/push | product_key, device_name, version? | version |
//!
//! Failures are `{"error": "..."}` with status 400 or 404.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Urls, content};
use crate::Failure;
use crate::aliyun::service;
use crate::broker::Publisher;
use crate::data::Store;
use crate::data::model::{Address, Device, DeviceKey, Firmware, Update};

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The state of the cloud.
    pub store: Arc<Store>,
    /// URLs given to devices.
    pub urls: Urls,
    /// The way to devices.
    pub publisher: Publisher,
    /// Where this server is.
    pub address: Address,
    /// Whether the broker is the embedded one, which knows who is connected.
    pub embedded: bool,
}

/// The cloud's view of everything, without secrets.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// The server, absent when read from files.
    pub server: Option<Address>,
    /// All devices.
    pub devices: Vec<DeviceView>,
    /// All firmware.
    pub firmware: Vec<Firmware>,
}

/// The cloud's view of a device, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceView {
    /// Product key.
    pub product_key: String,
    /// Device name.
    pub device_name: String,
    /// Whether it is connected; unknown with an external broker or without a server.
    pub online: Option<bool>,
    /// The version last reported.
    pub version: Option<String>,
    /// When.
    pub version_at: Option<String>,
    /// Its updates, oldest first.
    pub updates: Vec<Update>,
}

impl DeviceView {
    /// Leaves the secrets out.
    pub fn new(device: Device, online: Option<bool>) -> Self {
        Self {
            product_key: device.product_key,
            device_name: device.device_name,
            online,
            version: device.version,
            version_at: device.version_at,
            updates: device.updates,
        }
    }
}

#[derive(Debug, Deserialize)]
struct NewDevice {
    product_key: String,
    device_name: String,
    device_secret: String,
    product_secret: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ById {
    id: String,
}

#[derive(Debug, Deserialize)]
struct NewConfig {
    product_key: String,
    #[serde(default)]
    push: bool,
}

#[derive(Debug, Deserialize)]
struct PushOrder {
    product_key: String,
    device_name: String,
    version: Option<String>,
}

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/firmware/:id/:name", get(firmware_content))
        .route("/config/:product/:id", get(config_content))
        .route("/auth/register/device", post(register))
        .route("/api/status", get(status))
        .route("/api/devices", post(add_device))
        .route("/api/firmware", get(list_firmware).post(load_firmware))
        .route("/api/config", post(load_config))
        .route("/api/push", post(push))
        .with_state(shared)
}

type App = State<Arc<Shared>>;
type Answer = Result<Json<Value>, Refused>;

/// A failure as an HTTP answer.
struct Refused(StatusCode, String);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(StatusCode::BAD_REQUEST, failure.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

async fn firmware_content(
    State(app): App,
    Path((id, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    match app.store.firmware(&id).filter(|f| f.content.name == name) {
        Some(firmware) => {
            let path = app.store.layout().image(&firmware);
            content::serve(&path, &firmware.content, &method, &headers).await
        }
        None => content::plain(StatusCode::NOT_FOUND, "no such firmware\n"),
    }
}

async fn config_content(
    State(app): App,
    Path((product, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    match app.store.config(&product).filter(|c| c.id == id) {
        Some(config) => {
            let path = app.store.layout().config_file(&config);
            content::serve(&path, &config.content, &method, &headers).await
        }
        None => content::plain(StatusCode::NOT_FOUND, "no such configuration\n"),
    }
}

async fn register(State(app): App, form: String) -> Json<Value> {
    Json(crate::aliyun::register::answer(&app.store, &form))
}

async fn status(State(app): App) -> Json<StatusView> {
    let view = |device: Device| {
        let online = app.embedded.then(|| app.store.is_online(&device.key()));
        DeviceView::new(device, online)
    };
    Json(StatusView {
        server: Some(app.address.clone()),
        devices: app.store.devices().into_iter().map(view).collect(),
        firmware: app.store.all_firmware(),
    })
}

async fn add_device(State(app): App, Json(new): Json<NewDevice>) -> Answer {
    let key = DeviceKey::new(new.product_key, new.device_name);
    app.store.put_device(&key, &new.device_secret, new.product_secret.as_deref())?;
    Ok(Json(json!({})))
}

async fn list_firmware(State(app): App) -> Json<Vec<Firmware>> {
    Json(app.store.all_firmware())
}

async fn load_firmware(State(app): App, Json(by): Json<ById>) -> Result<Json<Firmware>, Refused> {
    Ok(Json(app.store.load_firmware(&by.id)?))
}

async fn load_config(State(app): App, Json(new): Json<NewConfig>) -> Answer {
    app.store.load_config(&new.product_key)?;
    let mut pushed = 0;
    if new.push {
        for device in app.store.devices().iter().filter(|d| d.product_key == new.product_key) {
            if let Some(message) = service::config_push(&app.store, &app.urls, &device.key()) {
                app.publisher.push(message);
                pushed += 1;
            }
        }
    }
    Ok(Json(json!({ "pushed": pushed })))
}

async fn push(State(app): App, Json(order): Json<PushOrder>) -> Answer {
    let key = DeviceKey::new(order.product_key, order.device_name);
    let absent = |text: String| Refused(StatusCode::NOT_FOUND, text);
    if app.store.device(&key).is_none() {
        return Err(absent(format!("{key} is not registered")));
    }
    let firmware = match &order.version {
        Some(version) => app.store.firmware(&format!("{}-{version}", key.product)),
        None => app.store.newest(&key.product, false),
    };
    let firmware = firmware.ok_or_else(|| absent(format!("no such firmware for {}", key.product)))?;
    app.publisher.push(service::offer(&app.store, &app.urls, &key, &firmware)?);
    Ok(Json(json!({ "version": firmware.version })))
}
