// SPDX-License-Identifier: MIT OR Apache-2.0
//! What devices fetch over HTTP: images, configurations, their own secret.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;

use super::api::{Refused, Shared, blocking};
use super::urls::Signature;
use super::{content, pieces};
use crate::data::configs::CONFIG;
use crate::note;
use crate::rollout::upgrade::State as UpdateState;

type App = State<Arc<Shared>>;

/// The routes for devices.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/firmware/{key}/{edition}/{name}", get(firmware_content))
        .route("/config/{product}/{id}", get(config_content))
        .route("/config/{product}/{id}/{update}", get(ordered_config))
        .route("/auth/register/device", post(register))
        .with_state(shared)
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
    let work = move || {
        // The product's, or one that the device was given before by an order of its own.
        match store.config(&product)?.filter(|config| config.id == id) {
            Some(config) => Ok(Some(config)),
            None => Ok(store.find(&product, Some(CONFIG), &id)?.map(|kept| kept.as_config())),
        }
    };
    match blocking(work).await {
        Ok(Some(config)) => {
            let path = app.store.layout().config_file(&config);
            content::serve(&path, &config.content, &method, &headers).await
        }
        Ok(_) => content::plain(StatusCode::NOT_FOUND, "no such configuration\n"),
        Err(failure) => content::unavailable(&failure),
    }
}

/// A configuration that was ordered for one device; that its last byte went out is noted.
async fn ordered_config(
    State(app): App,
    Path((product, id, update)): Path<(String, String, u64)>,
    uri: Uri,
    Query(signature): Query<Signature>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(why) = app.offers.urls.check(uri.path(), &signature) {
        return content::plain(StatusCode::FORBIDDEN, why);
    }
    let store = app.store.clone();
    let (order, config) = match blocking(move || store.ordered_config(update)).await {
        Ok(Some((order, firmware))) if (&firmware.product_key, &firmware.version) == (&product, &id) => {
            (order, firmware.as_config())
        }
        Ok(_) => return content::plain(StatusCode::NOT_FOUND, "no such configuration\n"),
        Err(failure) => return content::unavailable(&failure),
    };
    if order.state == UpdateState::Superseded {
        return content::plain(StatusCode::GONE, "a newer configuration was ordered\n");
    }
    let path = app.store.layout().config_file(&config);
    let answer = content::serve(&path, &config.content, &method, &headers).await;
    pieces::when_last_is_sent(answer, config.content.size, move || {
        tokio::task::spawn_blocking(move || {
            if let Err(failure) = app.store.config_fetched(update) {
                note(&failure);
            }
        });
    })
}

async fn register(State(app): App, form: String) -> Result<Json<Value>, Refused> {
    Ok(Json(blocking(move || Ok(crate::aliyun::register::answer(&app.store, &form))).await?))
}
