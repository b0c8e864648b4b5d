// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes: `/firmware/...`, `/config/...` and `/auth/register/device` for devices, `/api/...` for the command line.
//!
//! [`crate::access`] stands in front of the control API. It is closed to pages of other sites: their Host or Origin is not ours
//! (see [`super::guard`]), and changes need `Content-Type: application/json`. Secrets never appear in an answer.
//!
//! | request | body | answer |
//! |---|---|---|
//! | GET /api/server | | [`Address`] |
//! | GET /api/status?product=P&device=D | | [`StatusView`], of all devices without P and D |
//! | POST /api/devices | product_key, device_name, device_secret, product_secret? | {} |
//! | DELETE /api/devices/PRODUCT/DEVICE | | {} |
//! | GET /api/firmware | | list of firmware |
//! | POST /api/firmware?product=P&version=V&name=FILE… | the image | the firmware |
//! | DELETE /api/firmware/KEY | | {} |
//! | GET /api/firmware/KEY/url | | url, as in an offer |
//! | POST /api/config?product=P&name=FILE&push=true | the file | the configuration, number of devices pushed to |
//! | POST /api/push | product_key, device_name, version? | version, given, remark? |
//! | POST /api/cancel | product_key, device_name | cancelled |
//!
//! Failures are `{"error": "..."}` with status 400 or 404.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::content;
use super::urls::Signature;
use crate::Failure;
use crate::access::Detail;
use crate::aliyun::offers::Offers;
use crate::data::blobs::Blobs;
use crate::data::firmware::NewFirmware;
use crate::data::model::{Address, Content, Device, DeviceKey, Firmware, Sign, Update};
use crate::data::upgrades::Origin;
use crate::data::{Store, import, version};

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

#[derive(Deserialize)]
struct NewDevice {
    product_key: String,
    device_name: String,
    device_secret: String,
    product_secret: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    product_key: String,
    device_name: String,
}

#[derive(Debug, Deserialize)]
struct Which {
    product: Option<String>,
    device: Option<String>,
}

/// What a firmware is, besides its bytes.
#[derive(Debug, Deserialize)]
struct NewImage {
    product: String,
    version: String,
    /// Of the file.
    #[serde(default)]
    name: String,
    module: Option<String>,
    #[serde(default)]
    auto: bool,
    sign: Option<Sign>,
    #[serde(default)]
    omit_md5: bool,
    #[serde(default)]
    replace: bool,
    /// A file on this machine that is served from where it is.
    in_place: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct NewConfig {
    product: String,
    #[serde(default)]
    name: String,
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
        .route("/firmware/{key}/{edition}/{name}", get(firmware_content))
        .route("/config/{product}/{id}", get(config_content))
        .route("/auth/register/device", post(register))
        .with_state(shared)
}

/// The routes for the command line.
pub fn control(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/server", get(server))
        .route("/api/status", get(status))
        .route("/api/devices", post(add_device))
        .route("/api/devices/{product}/{device}", delete(delete_device))
        .route("/api/firmware", get(list_firmware).post(add_firmware))
        .route("/api/firmware/{key}", delete(delete_firmware))
        .route("/api/firmware/{key}/url", get(firmware_url))
        .route("/api/config", post(set_config))
        .route("/api/push", post(push))
        .route("/api/cancel", post(cancel))
        .with_state(shared)
}

type App = State<Arc<Shared>>;
type Answer = Result<Json<Value>, Refused>;

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
        Self(StatusCode::BAD_REQUEST, failure.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// Does what may wait for the database or a disk on a thread for that.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(Failure::new(format!("the server failed at it: {e}"))))
}

async fn firmware_content(
    State(app): App,
    Path((key, edition, name)): Path<(i64, String, String)>,
    uri: Uri,
    Query(signature): Query<Signature>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(why) = app.offers.urls.check(uri.path(), &signature) {
        return content::plain(StatusCode::FORBIDDEN, why);
    }
    let store = app.store.clone();
    match blocking(move || store.firmware(key)).await {
        Ok(Some(firmware)) if super::edition(&firmware.content) != edition => {
            content::plain(StatusCode::GONE, "this firmware was replaced; ask for a new offer\n")
        }
        Ok(Some(firmware)) if firmware.content.name == name => {
            let path = app.store.layout().image(&firmware);
            content::serve(&path, &firmware.content, &method, &headers).await
        }
        Ok(_) => content::plain(StatusCode::NOT_FOUND, "no such firmware\n"),
        Err(failure) => content::unavailable(&failure),
    }
}

async fn config_content(
    State(app): App,
    Path((product, id)): Path<(String, String)>,
    uri: Uri,
    Query(signature): Query<Signature>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(why) = app.offers.urls.check(uri.path(), &signature) {
        return content::plain(StatusCode::FORBIDDEN, why);
    }
    let store = app.store.clone();
    match blocking(move || store.config(&product)).await {
        Ok(Some(config)) if config.id == id => {
            let path = app.store.layout().config_file(&config);
            content::serve(&path, &config.content, &method, &headers).await
        }
        Ok(_) => content::plain(StatusCode::NOT_FOUND, "no such configuration\n"),
        Err(failure) => content::unavailable(&failure),
    }
}

async fn register(State(app): App, form: String) -> Answer {
    Ok(Json(blocking(move || Ok(crate::aliyun::register::answer(&app.store, &form))).await?))
}

async fn server(State(app): App) -> Json<Address> {
    Json(app.address.clone())
}

async fn status(State(app): App, Query(which): Query<Which>) -> Result<Json<StatusView>, Refused> {
    let one = which.product.zip(which.device).map(|(product, device)| DeviceKey::new(product, device));
    let work = move || {
        let online = |key: &DeviceKey| app.embedded.then(|| app.store.is_online(key));
        StatusView::of(&app.store, one.as_ref(), Some(app.address.clone()), online)
    };
    Ok(Json(blocking(work).await?))
}

async fn add_device(State(app): App, Json(new): Json<NewDevice>) -> Result<Response<Body>, Refused> {
    let key = DeviceKey::new(new.product_key, new.device_name);
    let detail = Detail(key.to_string());
    let work = move || app.store.put_device(&key, &new.device_secret, new.product_secret.as_deref());
    blocking(work).await?;
    let mut response = Json(json!({})).into_response();
    response.extensions_mut().insert(detail);
    Ok(response)
}

async fn delete_device(State(app): App, Path((product, device)): Path<(String, String)>) -> Answer {
    let key = DeviceKey::new(product, device);
    let absent = format!("{key} is not registered");
    found(blocking(move || app.store.delete_device(&key)).await?, absent)
}

async fn delete_firmware(State(app): App, Path(key): Path<i64>) -> Answer {
    found(blocking(move || app.store.delete_firmware(key)).await?, format!("there is no firmware {key}"))
}

async fn firmware_url(State(app): App, Path(key): Path<i64>) -> Answer {
    let store = app.store.clone();
    match blocking(move || store.firmware(key)).await? {
        Some(firmware) => Ok(Json(json!({ "url": app.offers.urls.firmware(&firmware) }))),
        None => Err(Refused::absent(format!("there is no firmware {key}"))),
    }
}

fn found(there: bool, otherwise: String) -> Answer {
    if there { Ok(Json(json!({}))) } else { Err(Refused(StatusCode::NOT_FOUND, otherwise)) }
}

async fn list_firmware(State(app): App) -> Result<Json<Vec<Firmware>>, Refused> {
    Ok(Json(blocking(move || app.store.all_firmware()).await?))
}

/// The largest image.
pub const MAX_IMAGE: u64 = 4 << 30;

/// Takes a body into the blobs, while it comes.
async fn receive(app: &Arc<Shared>, name: &str, headers: &HeaderMap, body: Body) -> Result<Content, Refused> {
    // Any other type could be sent by a page of another site, unasked.
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/octet-stream") {
        let why = "the body must be of type application/octet-stream".to_owned();
        return Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
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
    Query(image): Query<NewImage>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Firmware>, Refused> {
    let NewImage { product, version, name, module, auto, sign, omit_md5, replace, in_place } = image;
    let new = NewFirmware { product, version, module, auto, sign, omit_md5, replace };
    let (store, early) = (app.store.clone(), new.clone());
    blocking(move || store.may_add(&early)).await?;
    let content = match in_place {
        None => receive(&app, &name, &headers, body).await?,
        Some(path) if app.local => {
            let store = app.store.clone();
            blocking(move || import::take(store.layout(), &path, true)).await?
        }
        Some(_) => {
            return Err(
                Failure::new("a file in place is for a server that listens on this machine alone").into()
            );
        }
    };
    Ok(Json(blocking(move || app.store.add_firmware(&new, &content)).await?))
}

async fn set_config(State(app): App, Query(new): Query<NewConfig>, headers: HeaderMap, body: Body) -> Answer {
    crate::data::checked_name("product key", &new.product)?;
    let content = receive(&app, &new.name, &headers, body).await?;
    let work = move || {
        let (answer, _) = app.offers.commit(|out| {
            let config = app.store.set_config(&new.product, &content)?;
            let mut pushed = 0_u32;
            if new.push {
                for device in app.store.devices()?.iter().filter(|d| d.product_key == new.product) {
                    pushed += u32::from(app.offers.push_config(&device.key(), out)?);
                }
            }
            Ok(json!({ "id": config.id, "size": config.content.size, "pushed": pushed }))
        })?;
        Ok(answer)
    };
    Ok(Json(blocking(work).await?))
}

async fn push(State(app): App, Json(order): Json<PushOrder>) -> Answer {
    let key = DeviceKey::new(order.product_key, order.device_name);
    let work = move || {
        let Some(device) = app.store.device(&key)? else {
            return Ok(Err(format!("{key} is not registered")));
        };
        let firmware = match &order.version {
            Some(version) => app.store.find(&key.product, None, version)?,
            None => app.store.newest_of(&key.product, None, false)?,
        };
        let Some(firmware) = firmware else {
            return Ok(Err(match &order.version {
                Some(version) => format!("no firmware {version} for product {}", key.product),
                None => format!("no firmware for product {}", key.product),
            }));
        };
        let (_, given) =
            app.offers.commit(|out| app.offers.order(&key, &firmware, Origin::default(), out))?;
        let mut answer = json!({ "version": firmware.version, "given": given });
        if let (Some(remark), Some(answer)) = (remark(&device, &firmware), answer.as_object_mut()) {
            answer.insert("remark".to_owned(), Value::from(remark));
        }
        Ok(Ok(answer))
    };
    match blocking(work).await? {
        Ok(answer) => Ok(Json(answer)),
        Err(absent) => Err(Refused(StatusCode::NOT_FOUND, absent)),
    }
}

async fn cancel(State(app): App, Json(named): Json<Named>) -> Answer {
    let key = DeviceKey::new(named.product_key, named.device_name);
    Ok(Json(json!({ "cancelled": blocking(move || app.store.cancel_updates(&key)).await? })))
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
