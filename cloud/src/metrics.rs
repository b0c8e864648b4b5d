// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/metrics` in Prometheus's text format, `/healthz` and `/readyz`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::json;

use crate::Failure;
use crate::control::shape::{Answer, Operation};
use crate::control::{Routes, doc};
use crate::data::Store;
use crate::note;
use crate::origin::api::{Refused, blocking};

/// When it was last tried whether the database takes changes, and whether it did.
static WRITABLE: Mutex<Option<(Instant, bool)>> = Mutex::new(None);
/// How long that is good for.
const PROBE: Duration = Duration::from_secs(1);

/// Answers by status, from 100 to 599.
static ANSWERS: [AtomicU64; 500] = [const { AtomicU64::new(0) }; 500];
/// Bytes that left by HTTP.
static SENT: AtomicU64 = AtomicU64::new(0);
/// Transactions of the database that write, and the microseconds that they took.
static WRITES: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Counts bytes that left by HTTP.
pub fn sent(bytes: usize) {
    SENT.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Counts a transaction that wrote.
pub fn wrote(time: Duration) {
    let [count, micros] = &WRITES;
    count.fetch_add(1, Ordering::Relaxed);
    micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Counts answers by status.
pub async fn count(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let place = usize::from(response.status().as_u16()).checked_sub(100);
    if let Some(counter) = place.and_then(|n| ANSWERS.get(n)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    response
}

/// `/healthz`: the process answers. `/readyz`: its database does too, and takes changes. They tell nothing else, to whoever asks.
pub fn probes() -> Routes<Arc<Store>> {
    Routes::public().op(Method::GET, "/healthz", doc("health", "Whether the process answers"), health).op(
        Method::GET,
        "/readyz",
        doc("ready", "Whether its database does too"),
        ready,
    )
}

/// `/metrics`.
pub fn control() -> Routes<Arc<Store>> {
    Routes::new().op(Method::GET, "/metrics", doc("metrics", "Figures in Prometheus's text format"), metrics)
}

/// An answer in words.
struct Text(String);

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], self.0).into_response()
    }
}

impl Answer for Text {
    fn describe(operation: &mut Operation<'_>) {
        operation.answer = Some(("text/plain", json!({ "type": "string" })));
    }
}

async fn health() -> Text {
    Text("ok\n".to_owned())
}

async fn ready(State(store): State<Arc<Store>>) -> Result<Text, Refused> {
    let work = move || {
        store.totals()?;
        takes_changes(&store)
    };
    match blocking(work).await {
        Ok(()) => Ok(Text("ready\n".to_owned())),
        Err(failure) => {
            note(failure);
            // Whoever asks is told no more.
            let why = "the database does not answer".to_owned();
            Err(Refused::with(StatusCode::SERVICE_UNAVAILABLE, why))
        }
    }
}

/// Whether the database takes changes. A disk may be full, or a server read-only: only a change tells. One is tried once a
/// second at most, whoever asks.
fn takes_changes(store: &Store) -> Result<(), Failure> {
    // Somebody else is trying it now.
    let Some(mut last) = WRITABLE.try_lock() else {
        return Ok(());
    };
    match last.filter(|(at, _)| at.elapsed() < PROBE) {
        Some((_, true)) => Ok(()),
        Some((_, false)) => Err(Failure::broken("the database takes no changes")),
        None => {
            let tried = store.db().write(|tx| tx.run("UPDATE schema_version SET version = version", &[]));
            *last = Some((Instant::now(), tried.is_ok()));
            tried.map(drop)
        }
    }
}

async fn metrics(State(store): State<Arc<Store>>) -> Result<Text, Refused> {
    Ok(Text(blocking(move || text(&store)).await?))
}

fn text(store: &Store) -> Result<String, Failure> {
    let numbers = store.totals()?;
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(String, String)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (label, value) in values {
            let _ = writeln!(out, "{name}{label} {value}");
        }
    };
    let plain = |value: u64| vec![(String::new(), value.to_string())];
    family("otakit_devices", "gauge", "Devices that are registered.", &plain(numbers.devices));
    family("otakit_devices_online", "gauge", "Devices with a connection.", &plain(numbers.online));
    family(
        "otakit_offers_total",
        "counter",
        "Offers of firmware, repeated ones too.",
        &plain(numbers.offers),
    );
    let updates: Vec<_> = numbers
        .updates
        .iter()
        .map(|(state, count)| (format!("{{state=\"{state}\"}}"), count.to_string()))
        .collect();
    family("otakit_updates", "gauge", "Updates of devices by state.", &updates);
    let answers: Vec<_> = (100..)
        .zip(&ANSWERS)
        .map(|(status, count)| (status, count.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count): (u16, u64)| (format!("{{status=\"{status}\"}}"), count.to_string()))
        .collect();
    family("otakit_http_requests_total", "counter", "HTTP requests by status.", &answers);
    let sent = SENT.load(Ordering::Relaxed);
    family("otakit_http_sent_bytes_total", "counter", "Bytes that left by HTTP.", &plain(sent));
    let [count, micros] = &WRITES;
    let (count, micros) = (count.load(Ordering::Relaxed), micros.load(Ordering::Relaxed));
    let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let sums = [("_sum".to_owned(), seconds), ("_count".to_owned(), count.to_string())];
    family("otakit_db_write_seconds", "summary", "Time of transactions that write.", &sums);
    Ok(out)
}
