// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control API: devices, firmware, configurations, single offers.
//!
//! [`crate::access`] stands in front of the control API. It is closed to pages of other sites: their Host or Origin is not ours
//! (see [`super::guard`]), and changes need `Content-Type: application/json`. Secrets never appear in an answer.
//! `otakit-cloud openapi` prints what each operation takes and gives.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::TryStreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::access::{Noted, Signed};
use crate::aliyun::offers::Offers;
use crate::control::extract::{Json, Path, Query, Stream};
use crate::control::shape::{Answer, Operation};
use crate::control::{Routes, doc, document};
use crate::data::blobs::Blobs;
use crate::data::firmware::NewFirmware;
use crate::data::model::{Address, Content, Device, DeviceKey, Firmware, Sign, Update};
use crate::data::upgrades::Origin;
use crate::data::{NAME, Store, VERSION, import, version};
use crate::{Failure, Kind, note};

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The state of the cloud.
    pub store: Arc<Store>,
    /// The way to devices.
    pub offers: Arc<Offers>,
    /// Where this server is.
    pub address: Address,
    /// Whether the MQTT server is the one inside, which knows who is connected.
    pub embedded: bool,
    /// Whether the server can be reached from this machine alone.
    pub local: bool,
}

/// The cloud's view of everything, without secrets.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// The server, absent when read from files.
    pub server: Option<Address>,
    /// All devices.
    pub devices: Vec<DeviceView>,
    /// All firmware.
    pub firmware: Vec<Firmware>,
}

/// The cloud's view of a device, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
    /// The gateway that it belongs to, when it is a sub-device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The versions of its modules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
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
            gateway: device.gateway,
            modules: device.modules,
            updates: device.updates,
        }
    }
}

impl StatusView {
    /// One device, or all of them.
    pub fn of(
        store: &Store,
        one: Option<&DeviceKey>,
        server: Option<Address>,
        online: impl Fn(&DeviceKey) -> Option<bool>,
    ) -> Result<Self, Failure> {
        let mut devices = match one {
            Some(key) => store.device(key)?.into_iter().collect(),
            None => store.devices()?,
        };
        let only = one.map(|_| devices.first().map_or(-1, |device: &Device| device.id));
        let mut history = store.history(only)?;
        for device in &mut devices {
            device.updates = history.remove(&device.id).unwrap_or_default();
        }
        let view = |device: Device| {
            let online = online(&device.key());
            DeviceView::new(device, online)
        };
        Ok(Self { server, devices: devices.into_iter().map(view).collect(), firmware: store.all_firmware()? })
    }
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

/// A configuration that was taken.
#[derive(Debug, Serialize, JsonSchema)]
struct TakenConfig {
    id: String,
    size: u64,
    /// The devices that are given it.
    pushed: u32,
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

/// An address that is good for a while.
#[derive(Debug, Serialize, JsonSchema)]
struct SignedUrl {
    url: String,
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
        .op(Method::POST, "/api/push", doc("push", "Offer firmware to one device").of_named(), push)
        .op(Method::POST, "/api/cancel", doc("cancel", "Call off what is open for a device"), cancel)
}

type App = State<Arc<Shared>>;
type Given<T> = Result<Json<T>, Refused>;

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
        let status = match failure.kind() {
            Kind::Refused => StatusCode::BAD_REQUEST,
            Kind::Absent => StatusCode::NOT_FOUND,
            Kind::Broken => {
                note(&failure);
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self(status, failure.to_string())
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
    let work = move || app.store.put_device(&key, &new.device_secret, new.product_secret.as_deref());
    blocking(work).await?;
    Ok(Noted(Done {}, detail))
}

async fn delete_device(State(app): App, Path((product, device)): Path<(String, String)>) -> Given<Done> {
    let key = DeviceKey::new(product, device);
    let absent = format!("{key} is not registered");
    found(blocking(move || app.store.delete_device(&key)).await?, absent)
}

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

/// Done, or not there.
pub fn found(there: bool, otherwise: String) -> Given<Done> {
    if there { Ok(Json(Done {})) } else { Err(Refused::absent(otherwise)) }
}

async fn list_firmware(State(app): App) -> Given<Vec<Firmware>> {
    Ok(Json(blocking(move || app.store.all_firmware()).await?))
}

/// The largest image.
pub const MAX_IMAGE: u64 = 4 << 30;

/// Takes a body into the blobs, while it comes.
async fn receive(app: &Arc<Shared>, name: &str, Stream(body): Stream) -> Result<Content, Refused> {
    let bytes = body.into_data_stream().map_err(std::io::Error::other);
    let mut reader = SyncIoBridge::new(StreamReader::new(bytes));
    let (app, name) = (app.clone(), import::url_name(name));
    let work = move || {
        let blob = app.store.layout().blobs().put(&mut reader, MAX_IMAGE)?;
        Ok(Content { name, in_place: None, size: blob.size, md5: blob.md5, sha256: blob.sha256 })
    };
    Ok(blocking(work).await?)
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
        None => receive(&app, &name, stream).await?,
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
    let content = receive(&app, &new.name, stream).await?;
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

async fn push(State(app): App, Json(order): Json<PushOrder>) -> Given<Pushed> {
    let key = DeviceKey::new(order.product_key, order.device_name);
    let work = move || {
        let device = app.store.device(&key)?;
        let device = device.ok_or_else(|| Failure::absent(format!("{key} is not registered")))?;
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
    Ok(Json(CalledOff { cancelled: blocking(move || app.store.cancel_updates(&key)).await? }))
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
