// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes: `/firmware/...`, `/config/...` and `/auth/register/device` for devices, `/api/...` for the command line.
//!
//! The control API has no login: it is for the loopback interface. It is closed to pages of other sites: their Host or
//! Origin is not ours (see [`super::guard`]), and changes need `Content-Type: application/json`. Secrets never appear in
//! an answer.
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

use std::cmp::Ordering;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::content;
use crate::Failure;
use crate::aliyun::offers::Offers;
use crate::data::model::{Address, Device, DeviceKey, Firmware, Update};
use crate::data::{Store, version};

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The state of the cloud.
    pub store: Arc<Store>,
    /// The way to devices.
    pub offers: Arc<Offers>,
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

/// The routes for devices.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/firmware/:id/:edition/:name", get(firmware_content))
        .route("/config/:product/:id", get(config_content))
        .route("/auth/register/device", post(register))
        .with_state(shared)
}

/// The routes for the command line.
pub fn control(shared: Arc<Shared>) -> Router {
    Router::new()
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
    Path((id, edition, name)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    match app.store.firmware(&id) {
        Some(firmware) if super::edition(&firmware.content) != edition => {
            content::plain(StatusCode::GONE, "this firmware was replaced; ask for a new offer\n")
        }
        Some(firmware) if firmware.content.name == name => {
            let path = app.store.layout().image(&firmware);
            content::serve(&path, &firmware.content, &method, &headers).await
        }
        _ => content::plain(StatusCode::NOT_FOUND, "no such firmware\n"),
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
    let mut pushed = 0_u32;
    if new.push {
        for device in app.store.devices().iter().filter(|d| d.product_key == new.product_key) {
            pushed += u32::from(app.offers.push_config(&device.key())?.is_some());
        }
    }
    Ok(Json(json!({ "pushed": pushed })))
}

async fn push(State(app): App, Json(order): Json<PushOrder>) -> Answer {
    let key = DeviceKey::new(order.product_key, order.device_name);
    let absent = |text: String| Refused(StatusCode::NOT_FOUND, text);
    let device = app.store.device(&key).ok_or_else(|| absent(format!("{key} is not registered")))?;
    let firmware = match &order.version {
        Some(version) => app.store.find(&key.product, None, version),
        None => app.store.newest(&key.product, false),
    };
    let firmware = firmware.ok_or_else(|| {
        absent(match &order.version {
            Some(version) => format!("no firmware {version} for product {}", key.product),
            None => format!("no firmware for product {}", key.product),
        })
    })?;
    let given = app.offers.order(&key, &firmware)?;
    let mut answer = json!({ "version": firmware.version, "given": given });
    if let (Some(remark), Some(answer)) = (remark(&device, &firmware), answer.as_object_mut()) {
        answer.insert("remark".to_owned(), Value::from(remark));
    }
    Ok(Json(answer))
}

/// What whoever pushes may not have meant.
fn remark(device: &Device, firmware: &Firmware) -> Option<String> {
    let runs = device.version.as_deref()?;
    match version::compare(&firmware.version, runs) {
        Ordering::Greater => None,
        Ordering::Equal => Some(format!("{} runs {runs} already", device.key())),
        Ordering::Less => {
            Some(format!("{} runs {runs}, which is newer than {}", device.key(), firmware.version))
        }
    }
}
