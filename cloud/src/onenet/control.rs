// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade tasks over the control API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::api::Shared;
use super::task::Task;
use crate::Failure;
use crate::aliyun::offers::Effects;
use crate::control::extract::{Json, Query};
use crate::control::{Routes, doc};
use crate::data::model::DeviceKey;
use crate::data::upgrades::Origin;
use crate::origin::api::{CalledOff, Named, Refused, blocking};
use crate::rollout::terms::Terms;

type App = State<Arc<Shared>>;

/// A task to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTask {
    product_key: String,
    device_name: String,
    version: String,
    /// 1: the module's firmware; 2: the application.
    #[schemars(range(min = 1, max = 2))]
    kind: u8,
    #[serde(default)]
    #[schemars(range(max = 100))]
    signal: u8,
    #[serde(default)]
    #[schemars(range(max = 100))]
    power: u8,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    retry: i16,
    #[serde(default)]
    #[schemars(range(max = 86_400))]
    interval: u32,
    #[serde(default = "token_life")]
    #[schemars(range(min = 1, max = 31_622_400))]
    token_life: u64,
}

fn token_life() -> u64 {
    Terms::default().token_life
}

/// Whose tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    product: String,
    device: String,
}

/// The routes.
pub fn control() -> Routes<Arc<Shared>> {
    Routes::new()
        .op(
            Method::POST,
            "/api/onenet/task",
            doc(
                "orderTask",
                "Order an upgrade of a OneNET device; one of the same kind that is under way is cancelled",
            )
            .of_named(),
            order,
        )
        .op(
            Method::POST,
            "/api/onenet/cancel",
            doc("cancelTasks", "Cancel the tasks of a OneNET device").of_named(),
            cancel,
        )
        .op(
            Method::GET,
            "/api/onenet/tasks",
            doc("listTasks", "The tasks of a OneNET device, with every report").of_named(),
            tasks,
        )
}

async fn order(State(app): App, Json(new): Json<NewTask>) -> Result<Json<Task>, Refused> {
    let key = DeviceKey::new(new.product_key, new.device_name);
    let NewTask { version, kind, signal, power, retry, interval, token_life, .. } = new;
    let terms = Terms { kind, signal, power, retry, interval, token_life };
    let work = move || {
        let firmware = app.tasks.store().find(&key.product, None, &version)?;
        let firmware = firmware
            .ok_or_else(|| Failure::absent(format!("no firmware {} for product {}", version, key.product)))?;
        let order = |out: &mut Effects| app.tasks.order(&key, &firmware, &terms, Origin::default(), out);
        Ok(app.offers.commit(order)?.0)
    };
    Ok(Json(blocking(work).await?))
}

async fn cancel(State(app): App, Json(named): Json<Named>) -> Result<Json<CalledOff>, Refused> {
    let key = DeviceKey::new(named.product_key, named.device_name);
    let work = move || {
        let cancelled = app.tasks.store().batch(|| {
            app.tasks.store().registered(&key)?;
            app.tasks.store().cancel_updates(&key)?;
            app.tasks.cancel(&key)
        })?;
        Ok(CalledOff { cancelled })
    };
    Ok(Json(blocking(work).await?))
}

async fn tasks(State(app): App, Query(wanted): Query<Wanted>) -> Result<Json<Vec<Task>>, Refused> {
    let key = DeviceKey::new(wanted.product, wanted.device);
    let work = move || {
        app.tasks.store().registered(&key)?;
        app.tasks.of(&key)
    };
    Ok(Json(blocking(work).await?))
}
