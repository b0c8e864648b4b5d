// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signing in, tokens and the audit log over the control API.
//!
//! | request | body | answer |
//! |---|---|---|
//! | POST /api/session | password | a cookie |
//! | GET /api/session | | who asks, scopes, csrf |
//! | DELETE /api/session | | the session has ended |
//! | POST /api/password | password | all sessions have ended |
//! | GET /api/tokens | | list of tokens |
//! | POST /api/tokens | name, scopes, days? | the token with its text, which is shown this once |
//! | DELETE /api/tokens/ID | | {} |
//! | GET /api/audit?before=ID&limit=N | | the newest lines of the audit log first |

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::Detail;
use super::scope::Scopes;
use super::{Access, Cookie, Denied, Peer, Signed};
use crate::data::access::{Audited, Token};
use crate::data::time;
use crate::origin::api::{Refused, blocking};
use crate::{Failure, note};

/// The largest body of a sign-in.
const MAX_SIGN_IN: usize = 8 * 1024;
/// The longest life of a token, in days.
const MAX_DAYS: u32 = 3650;

type App = State<Arc<Access>>;

#[derive(Deserialize)]
struct Password {
    password: String,
}

#[derive(Debug, Deserialize)]
struct NewToken {
    name: String,
    scopes: Scopes,
    days: Option<u32>,
}

/// A token and its text.
#[derive(Serialize, Deserialize)]
pub struct MadeToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub about: Token,
    /// What its owner sends.
    pub token: String,
}

#[derive(Debug, Deserialize)]
struct Lines {
    before: Option<i64>,
    limit: Option<i64>,
}

/// The route of somebody who is not signed in yet.
pub fn public(access: Arc<Access>) -> Router {
    Router::new().route("/api/session", post(sign_in)).with_state(access)
}

/// The routes behind [`super::check`].
pub fn control(access: Arc<Access>) -> Router {
    Router::new()
        .route("/api/session", get(session).delete(sign_out))
        .route("/api/password", post(set_password))
        .route("/api/tokens", get(tokens).post(make_token))
        .route("/api/tokens/{id}", delete(revoke))
        .route("/api/audit", get(audit))
        .with_state(access)
}

async fn sign_in(State(access): App, request: Request) -> Result<Response<Body>, Refused> {
    let from = access.from(request.extensions().get::<Peer>(), request.headers());
    let json = request.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    let body = axum::body::to_bytes(request.into_body(), MAX_SIGN_IN).await.unwrap_or_default();
    let Some(Password { password }) = json.then(|| serde_json::from_slice(&body).ok()).flatten() else {
        return Err(Failure::new("a sign-in is {\"password\": \"...\"} of type application/json").into());
    };
    let cookie = access.sign_in(password, from).await?;
    Ok(with_cookie(StatusCode::OK, &cookie))
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Wrong => Self::with(StatusCode::UNAUTHORIZED, "that is not the password".to_owned()),
            Denied::TooMany(wait) => Self::with(
                StatusCode::TOO_MANY_REQUESTS,
                format!("too many sign-ins; try again in {} s", wait.as_secs().max(1)),
            ),
            Denied::Failed(failure) => {
                note(failure);
                Self::with(StatusCode::SERVICE_UNAVAILABLE, "try again later".to_owned())
            }
        }
    }
}

fn with_cookie(status: StatusCode, cookie: &Cookie) -> Response<Body> {
    let mut response = (status, Json(json!({}))).into_response();
    // Names, digits and fixed words are always a header value.
    if let Ok(value) = HeaderValue::from_str(&cookie.0) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

async fn session(State(access): App, signed: Signed) -> Json<Value> {
    let (who, open) = (signed.who.to_string(), access.is_open());
    Json(json!({ "who": who, "scopes": signed.scopes, "csrf": signed.csrf, "open": open }))
}

async fn sign_out(State(access): App, signed: Signed) -> Result<Response<Body>, Refused> {
    let cookie = blocking(move || access.sign_out(signed.session())).await?;
    Ok(with_cookie(StatusCode::OK, &cookie))
}

async fn set_password(State(access): App, Json(new): Json<Password>) -> Result<Json<Value>, Refused> {
    blocking(move || access.set_password(&new.password)).await?;
    Ok(Json(json!({})))
}

async fn tokens(State(access): App) -> Result<Json<Vec<Token>>, Refused> {
    Ok(Json(blocking(move || access.store.tokens()).await?))
}

async fn make_token(State(access): App, Json(new): Json<NewToken>) -> Result<Response<Body>, Refused> {
    let expires = match new.days {
        None => None,
        Some(days) if (1..=MAX_DAYS).contains(&days) => {
            Some(time::now_ms() + i64::from(days) * 24 * 60 * 60 * 1000)
        }
        Some(days) => {
            return Err(
                Failure::new(format!("a token lasts 1 to {MAX_DAYS} days, {days} is not possible")).into()
            );
        }
    };
    let detail = Detail(format!("{:?} {}", new.name, new.scopes));
    let (about, token) = blocking(move || access.make_token(&new.name, &new.scopes, expires)).await?;
    let mut response = Json(MadeToken { about, token }).into_response();
    response.extensions_mut().insert(detail);
    Ok(response)
}

async fn revoke(State(access): App, Path(id): Path<i64>) -> Result<Json<Value>, Refused> {
    if blocking(move || access.store.delete_token(id)).await? {
        Ok(Json(json!({})))
    } else {
        Err(Refused::absent(format!("there is no token {id}")))
    }
}

async fn audit(State(access): App, Query(lines): Query<Lines>) -> Result<Json<Vec<Audited>>, Refused> {
    Ok(Json(blocking(move || access.store.audited(lines.before, lines.limit.unwrap_or(100))).await?))
}
