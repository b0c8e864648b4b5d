// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control API: devices, single offers.
//!
//! [`crate::access`] stands in front of the control API. It is closed to pages of other sites: their Host or Origin is not ours
//! (see [`super::guard`]), and changes need `Content-Type: application/json`. Secrets never appear in an answer.
//! `otakit-cloud openapi` prints what each operation takes and gives.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::views::StatusView;
use crate::access::Noted;
use crate::aliyun::offers::Offers;
use crate::control::extract::{Json, Path, Query};
use crate::control::shape::{Answer, Operation};
use crate::control::{Routes, doc, document};
use crate::data::model::{Address, Device, DeviceKey, Firmware};
use crate::data::upgrades::Origin;
use crate::data::{NAME, Store, version};
use crate::lan::Reach;
use crate::{Failure, Kind, note};

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The state of the cloud.
    pub store: Arc<Store>,
    /// The way to devices.
    pub offers: Arc<Offers>,
    /// Where this server is, for programs on this machine.
    pub address: Address,
    /// Where it is for devices.
    pub reach: Reach,
    /// Whether the MQTT server is the one inside, which knows who is connected.
    pub embedded: bool,
    /// Bytes of the largest image.
    pub max_image: u64,
    /// Whether the server can be reached from this machine alone.
    pub local: bool,
}

/// Nothing is left to say.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Done {}

/// A device to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    #[schemars(regex(pattern = NAME))]
    product_key: String,
    #[schemars(regex(pattern = NAME))]
    device_name: String,
    #[schemars(length(min = 1, max = 64))]
    device_secret: String,
    #[schemars(length(min = 1, max = 64))]
    product_secret: Option<String>,
}

/// A device.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Product key.
    pub product_key: String,
    /// Device name.
    pub device_name: String,
}

/// One device, or all of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    product: Option<String>,
    device: Option<String>,
}

/// A single offer; of the newest firmware unless a version is named.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PushOrder {
    product_key: String,
    device_name: String,
    version: Option<String>,
}

/// What was offered.
#[derive(Debug, Serialize, JsonSchema)]
struct Pushed {
    version: String,
    /// Whether the device listens, and was given it.
    given: bool,
    /// What whoever pushes may not have meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// How much was called off.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CalledOff {
    /// Updates or tasks.
    pub cancelled: usize,
}

/// The OpenAPI document itself.
struct Document;

/// The routes.
pub fn control() -> Routes<Arc<Shared>> {
    Routes::new()
        .op(Method::GET, "/api/openapi.json", doc("openapi", "This document"), openapi)
        .op(Method::GET, "/api/server", doc("server", "Where this server is"), server)
        .op(Method::GET, "/api/status", doc("status", "Devices with their updates, and all firmware"), status)
        .op(
            Method::POST,
            "/api/devices",
            doc("addDevice", "Register a device, or give it new secrets"),
            add_device,
        )
        .op(
            Method::DELETE,
            "/api/devices/{product}/{device}",
            doc("deleteDevice", "Remove a device with everything that is known of it"),
            delete_device,
        )
        .op(Method::POST, "/api/push", doc("push", "Offer firmware to one device").of_named(), push)
        .op(
            Method::POST,
            "/api/cancel",
            doc("cancel", "Call off what is open for a device").of_named(),
            cancel,
        )
}

type App = State<Arc<Shared>>;
/// An answer, or why there is none.
pub type Given<T> = Result<Json<T>, Refused>;

/// A failure as an HTTP answer.
pub struct Refused(StatusCode, String);

impl Refused {
    /// Another status.
    pub fn with(status: StatusCode, why: String) -> Self {
        Self(status, why)
    }

    /// There is nothing of this name.
    pub fn absent(why: String) -> Self {
        Self(StatusCode::NOT_FOUND, why)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        if failure.kind() == Kind::Broken {
            note(&failure);
        }
        Self(status_of(&failure), failure.to_string())
    }
}

/// The status of an answer that says why not.
pub fn status_of(failure: &Failure) -> StatusCode {
    match failure.kind() {
        Kind::Refused => StatusCode::BAD_REQUEST,
        Kind::Absent => StatusCode::NOT_FOUND,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Broken => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        (self.0, axum::Json(json!({ "error": self.1 }))).into_response()
    }
}

/// Does what may wait for the database or a disk on a thread for that.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(Failure::broken(format!("the server failed at it: {e}"))))
}

impl IntoResponse for Document {
    fn into_response(self) -> Response<Body> {
        ([(header::CONTENT_TYPE, "application/json")], document::text()).into_response()
    }
}

impl Answer for Document {
    fn describe(operation: &mut Operation<'_>) {
        operation.answer =
            Some(("application/json", json!({ "type": "object", "required": ["openapi", "paths"] })));
    }
}

async fn openapi() -> Document {
    Document
}

async fn server(State(app): App) -> Json<Address> {
    Json(app.address.clone())
}

async fn status(State(app): App, Query(which): Query<Which>) -> Given<StatusView> {
    let one = which.product.zip(which.device).map(|(product, device)| DeviceKey::new(product, device));
    let work = move || {
        let online = |key: &DeviceKey| app.embedded.then(|| app.store.is_online(key));
        StatusView::of(&app.store, one.as_ref(), Some(app.address.clone()), online)
    };
    Ok(Json(blocking(work).await?))
}

async fn add_device(State(app): App, Json(new): Json<NewDevice>) -> Result<Noted<Done>, Refused> {
    let key = DeviceKey::new(new.product_key, new.device_name);
    let detail = key.to_string();
    let work = move || {
        if app.store.put_device(&key, &new.device_secret, new.product_secret.as_deref())? {
            app.offers.publisher.revoke(&key);
        }
        Ok(())
    };
    blocking(work).await?;
    Ok(Noted(Done {}, detail))
}

async fn delete_device(State(app): App, Path((product, device)): Path<(String, String)>) -> Given<Done> {
    let key = DeviceKey::new(product, device);
    let absent = format!("{key} is not registered");
    let work = move || {
        let gone = app.store.delete_device(&key)?;
        app.offers.publisher.revoke(&key);
        Ok(gone)
    };
    found(blocking(work).await?, absent)
}

/// Done, or not there.
pub fn found(there: bool, otherwise: String) -> Given<Done> {
    if there { Ok(Json(Done {})) } else { Err(Refused::absent(otherwise)) }
}

async fn push(State(app): App, Json(order): Json<PushOrder>) -> Given<Pushed> {
    let key = DeviceKey::new(order.product_key, order.device_name);
    let work = move || {
        let device = app.store.registered(&key)?;
        let firmware = match &order.version {
            Some(version) => app.store.find(&key.product, None, version)?,
            None => app.store.newest_of(&key.product, None, false)?,
        };
        let firmware = firmware.ok_or_else(|| {
            let which = order.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
            Failure::absent(format!("no firmware{which} for product {}", key.product))
        })?;
        let (_, given) =
            app.offers.commit(|out| app.offers.order(&key, &firmware, Origin::default(), out))?;
        Ok(Pushed { remark: remark(&device, &firmware), version: firmware.version, given })
    };
    Ok(Json(blocking(work).await?))
}

async fn cancel(State(app): App, Json(named): Json<Named>) -> Given<CalledOff> {
    let key = DeviceKey::new(named.product_key, named.device_name);
    let work = move || {
        app.store.registered(&key)?;
        app.store.cancel_updates(&key)
    };
    Ok(Json(CalledOff { cancelled: blocking(work).await? }))
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
