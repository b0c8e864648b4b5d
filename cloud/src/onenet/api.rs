// SPDX-License-Identifier: MIT OR Apache-2.0
//! The platform's own routes, for devices.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Dialect, envelope};
use super::task::{Name, errno, now};
use super::tasks::Tasks;
use super::{range, token};
use crate::aliyun::offers::Offers;
use crate::broker::hub::Refusal;
use crate::data::model::{DeviceKey, Firmware};
use crate::origin::api::blocking;
use crate::origin::{content, pieces};
use crate::{Failure, note};

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The tasks.
    pub tasks: Arc<Tasks>,
    /// The way to devices.
    pub offers: Arc<Offers>,
    /// `host:port` of this server.
    pub address: String,
}

type App = State<Arc<Shared>>;

/// The routes for devices.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ota/device/version", post(general_version))
        .route("/ota/south/check", get(general_check))
        .route("/ota/south/download/{token}/check", get(general_stands))
        .route("/ota/south/download/{token}", get(general_download))
        .route("/ota/south/device/download/{token}/progress", post(general_report))
        .merge(things("/ota", Dialect::Studio))
        .merge(things("/fuse-ota", Dialect::Fuse))
        .with_state(shared)
}

type Device = Path<(String, String)>;
type OfTask = Path<(String, String, u32)>;

fn things(root: &str, dialect: Dialect) -> Router<Arc<Shared>> {
    let at = |rest: &str| format!("{root}/{{product}}/{{device}}{rest}");
    let download = move |State(app): App, Path((product, device, tid)): OfTask, headers: HeaderMap| async move {
        let (found, asked) = (app.clone(), headers.clone());
        let package = blocking(move || {
            let key = authorise(&found, &asked, Some(&product), &device);
            Ok(key.map(|key| found.tasks.package(Some(&key), &Name::Tid(tid))))
        });
        match package.await {
            Ok(Ok(package)) => send(&app, dialect, package, &headers).await,
            Ok(Err(Refusal::Unavailable(why))) => content::unavailable(&Failure::broken(why)),
            _ if dialect == Dialect::Fuse => answer::refusal(dialect, 6),
            _ => answer::unauthorised(dialect),
        }
    };
    let version_of = move |State(app): App, Path((product, device)): Device, headers: HeaderMap| {
        authorised(app, dialect, headers, Some(product), device, move |app, key| {
            let device = app.tasks.store().device(key).ok().flatten();
            let version = device.and_then(|device| device.version);
            envelope(dialect, 0, Some(json!({ "f_version": version, "s_version": version })))
        })
    };
    let report_version =
        move |State(app): App, Path((product, device)): Device, headers: HeaderMap, body: String| {
            authorised(app, dialect, headers, Some(product), device, move |app, key| {
                version(app, dialect, key, &body)
            })
        };
    let check_task = move |State(app): App,
                           Path((product, device)): Device,
                           Query(query): Query<Check>,
                           headers: HeaderMap| {
        authorised(app, dialect, headers, Some(product), device, move |app, key| {
            check(app, dialect, key, &query)
        })
    };
    let check_tid = move |State(app): App, Path((product, device, tid)): OfTask, headers: HeaderMap| {
        authorised(app, dialect, headers, Some(product), device, move |app, key| {
            stands(app, dialect, key, &Name::Tid(tid))
        })
    };
    let report_tid =
        move |State(app): App, Path((product, device, tid)): OfTask, headers: HeaderMap, body: String| {
            authorised(app, dialect, headers, Some(product), device, move |app, key| {
                report(app, dialect, key, &Name::Tid(tid), &body)
            })
        };
    Router::new()
        .route(&at("/version"), get(version_of).post(report_version))
        .route(&at("/check"), get(check_task))
        .route(&at("/{tid}/check"), get(check_tid))
        .route(&at("/{tid}/status"), post(report_tid))
        // The SDK writes a slash at the end, the current platform does not.
        .route(&at("/{tid}/download"), get(download))
        .route(&at("/{tid}/download/"), get(download))
}

/// Answers for the device that the token speaks for, on a thread that may wait for the database.
async fn authorised(
    app: Arc<Shared>,
    dialect: Dialect,
    headers: HeaderMap,
    product: Option<String>,
    device: String,
    work: impl FnOnce(&Shared, &DeviceKey) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    let answered = blocking(move || {
        Ok(match authorise(&app, &headers, product.as_deref(), &device) {
            Ok(key) => work(&app, &key),
            Err(Refusal::Credentials(_)) => answer::unauthorised(dialect),
            Err(Refusal::Unavailable(why)) => content::unavailable(&Failure::broken(why)),
        })
    });
    answered.await.unwrap_or_else(|failure| content::unavailable(&failure))
}

#[derive(Debug, Deserialize)]
struct Check {
    #[serde(rename = "type")]
    kind: u8,
    version: String,
    #[serde(default)]
    cdn: bool,
    #[serde(default)]
    dev_id: String,
}

#[derive(Debug, Deserialize)]
struct DevId {
    dev_id: String,
}

#[derive(Debug, Deserialize)]
struct Versions {
    f_version: String,
    s_version: String,
}

#[derive(Debug, Deserialize)]
struct Report {
    step: u32,
}

fn authorise(
    app: &Shared,
    headers: &HeaderMap,
    product: Option<&str>,
    device: &str,
) -> Result<DeviceKey, Refusal> {
    let authorization =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let checked = token::check(app.tasks.store(), authorization, product, device, now());
    checked.inspect_err(|why| note(format_args!("onenet: refused: {why}")))
}

async fn general_version(
    State(app): App,
    Query(query): Query<DevId>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let work = move |app: &Shared, key: &DeviceKey| version(app, Dialect::General, key, &body);
    authorised(app, Dialect::General, headers, None, query.dev_id, work).await
}

async fn general_check(State(app): App, Query(query): Query<Check>, headers: HeaderMap) -> Response<Body> {
    let device = query.dev_id.clone();
    let work = move |app: &Shared, key: &DeviceKey| check(app, Dialect::General, key, &query);
    authorised(app, Dialect::General, headers, None, device, work).await
}

async fn general_stands(
    State(app): App,
    Path(token): Path<String>,
    Query(query): Query<DevId>,
    headers: HeaderMap,
) -> Response<Body> {
    let work = move |app: &Shared, key: &DeviceKey| stands(app, Dialect::General, key, &Name::Token(token));
    authorised(app, Dialect::General, headers, None, query.dev_id, work).await
}

/// Names no device: the token that names the task does.
async fn general_download(State(app): App, Path(token): Path<String>, headers: HeaderMap) -> Response<Body> {
    let found = app.clone();
    match blocking(move || Ok(found.tasks.package(None, &Name::Token(token)))).await {
        Ok(package) => send(&app, Dialect::General, package, &headers).await,
        Err(failure) => content::unavailable(&failure),
    }
}

async fn general_report(
    State(app): App,
    Path(token): Path<String>,
    Query(query): Query<DevId>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let work =
        move |app: &Shared, key: &DeviceKey| report(app, Dialect::General, key, &Name::Token(token), &body);
    authorised(app, Dialect::General, headers, None, query.dev_id, work).await
}

fn version(app: &Shared, dialect: Dialect, key: &DeviceKey, body: &str) -> Response<Body> {
    let Ok(versions) = serde_json::from_str::<Versions>(body) else {
        return envelope(dialect, errno::PARAMETERS, None);
    };
    note(format_args!("{key} runs {} / {}", versions.f_version, versions.s_version));
    let taken = app.tasks.version(key, &versions.f_version, &versions.s_version);
    envelope(dialect, taken.unwrap_or(errno::PARAMETERS), None)
}

fn check(app: &Shared, dialect: Dialect, key: &DeviceKey, query: &Check) -> Response<Body> {
    match app.tasks.check(key, query.kind, &query.version) {
        Ok((task, firmware)) => {
            let address = query.cdn.then_some(app.address.as_str());
            envelope(dialect, 0, Some(answer::task(dialect, &task, &firmware, address)))
        }
        Err(errno) => envelope(dialect, errno, None),
    }
}

fn stands(app: &Shared, dialect: Dialect, key: &DeviceKey, name: &Name) -> Response<Body> {
    match app.tasks.stands(key, name) {
        Ok(state) if dialect == Dialect::Fuse => envelope(dialect, 0, Some(json!({ "status": state as u8 }))),
        Ok(_) => envelope(dialect, 0, None),
        Err(errno) => envelope(dialect, errno, None),
    }
}

fn report(app: &Shared, dialect: Dialect, key: &DeviceKey, name: &Name, body: &str) -> Response<Body> {
    let Ok(report) = serde_json::from_str::<Report>(body) else {
        return envelope(dialect, errno::PARAMETERS, None);
    };
    note(format_args!("{key} reports {}", report.step));
    envelope(dialect, app.tasks.report(key, name, report.step).err().unwrap_or(0), None)
}

async fn send(
    app: &Shared,
    dialect: Dialect,
    package: Result<Firmware, i64>,
    headers: &HeaderMap,
) -> Response<Body> {
    let firmware = match package {
        Ok(firmware) => firmware,
        Err(errno) => return answer::refusal(dialect, errno),
    };
    let size = firmware.content.size;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let part = asked.and_then(|asked| range::parse(asked, size));
    let (first, last) = part.unwrap_or((0, size.saturating_sub(1)));
    let path = app.tasks.store().layout().image(&firmware);
    let open = move || std::fs::File::open(&path).map_err(|e| Failure::io("open", &path, &e));
    let file = match blocking(open).await {
        Ok(file) => file,
        Err(failure) => {
            note(failure);
            return answer::refusal(dialect, 4);
        }
    };
    let length = last + 1 - first;
    let mut response = Response::new(Body::empty());
    pieces::fill(&mut response, file, first, length);
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if dialect == Dialect::Fuse {
        out.insert("ota-errno", HeaderValue::from(0));
    }
    if part.is_some() {
        // Digits and fixed words are always a header value.
        if let Ok(range) = HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")) {
            out.insert(header::CONTENT_RANGE, range);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}
