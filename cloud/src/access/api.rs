// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signing in, tokens and the audit log over the control API.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scope::Scopes;
use super::{Access, Cookie, Denied, Detail, Peer, Signed};
use crate::control::extract::{Json, Path, Query};
use crate::control::shape::{Answer, Operation, Part};
use crate::control::{Routes, doc};
use crate::data::access::{Audited, Token};
use crate::data::time;
use crate::origin::api::{Done, Refused, blocking, found};
use crate::{Failure, note};

/// The largest body of a sign-in.
const MAX_SIGN_IN: usize = 8 * 1024;
/// The longest life of a token, in days.
const MAX_DAYS: u32 = 3650;

type App = State<Arc<Access>>;

/// The administrator's password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

/// A token to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    #[schemars(length(min = 1))]
    scopes: Scopes,
    /// Days until it ends; it does not, by default.
    #[schemars(range(min = 1, max = 3650))]
    days: Option<u32>,
}

/// A token and its text.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub about: Token,
    /// What its owner sends.
    pub token: String,
}

/// Which lines of the audit log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// Only lines before this one.
    before: Option<i64>,
    /// How many; 100 by default, 1000 at most.
    limit: Option<i64>,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
struct Session {
    /// `admin`, `local`, `anybody` or `token NAME`.
    who: String,
    scopes: Scopes,
    /// What a change carries as X-CSRF-Token that comes with a cookie.
    csrf: String,
    /// Whether no password is set.
    open: bool,
}

/// The address that a request comes from.
struct Caller(IpAddr);

impl FromRequestParts<Arc<Access>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, access: &Arc<Access>) -> Result<Self, Infallible> {
        Ok(Self(access.from(parts.extensions.get::<Peer>(), &parts.headers)))
    }
}

impl Part for Caller {
    fn describe(operation: &mut Operation<'_>) {
        // Who tries too often is told so.
        operation.refusals.extend([401, 429]);
    }
}

/// An answer, and what the audit log says beside method and path.
pub struct Noted<T>(pub T, pub String);

impl<T: Serialize> IntoResponse for Noted<T> {
    fn into_response(self) -> Response<Body> {
        let mut response = Json(self.0).into_response();
        response.extensions_mut().insert(Detail(self.1));
        response
    }
}

impl<T: JsonSchema> Answer for Noted<T> {
    fn describe(operation: &mut Operation<'_>) {
        <Json<T> as Answer>::describe(operation);
    }
}

/// It is done, and the browser gets a cookie or loses it.
struct WithCookie(Cookie);

impl IntoResponse for WithCookie {
    fn into_response(self) -> Response<Body> {
        let mut response = Json(Done {}).into_response();
        // Names, digits and fixed words are always a header value.
        if let Ok(value) = HeaderValue::from_str(&self.0.0) {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
        response
    }
}

impl Answer for WithCookie {
    fn describe(operation: &mut Operation<'_>) {
        <Json<Done> as Answer>::describe(operation);
        operation.headers.insert("Set-Cookie", "The cookie of the session");
    }
}

/// The route of somebody who is not signed in yet.
pub fn public() -> Routes<Arc<Access>> {
    Routes::public()
        .op(Method::POST, "/api/session", doc("signIn", "Sign in: the answer has a cookie"), sign_in)
        .with_body_limit(MAX_SIGN_IN)
}

/// The routes behind [`super::check`].
pub fn control() -> Routes<Arc<Access>> {
    Routes::new()
        .op(Method::GET, "/api/session", doc("session", "Who asks, and what they may do"), session)
        .op(Method::DELETE, "/api/session", doc("signOut", "End the session"), sign_out)
        .op(
            Method::POST,
            "/api/password",
            doc("setPassword", "Set the password; all sessions end"),
            set_password,
        )
        .op(
            Method::GET,
            "/api/tokens",
            doc("listTokens", "All tokens, without what only their owners know"),
            tokens,
        )
        .op(
            Method::POST,
            "/api/tokens",
            doc("createToken", "Make a token; its text is told this once"),
            make_token,
        )
        .op(Method::DELETE, "/api/tokens/{id}", doc("revokeToken", "End a token"), revoke)
        .op(Method::GET, "/api/audit", doc("audit", "Lines of the audit log, the newest first"), audit)
}

async fn sign_in(
    State(access): App,
    Caller(from): Caller,
    Json(Password { password }): Json<Password>,
) -> Result<WithCookie, Refused> {
    Ok(WithCookie(access.sign_in(password, from).await?))
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

async fn session(State(access): App, signed: Signed) -> Json<Session> {
    let (who, open) = (signed.who.to_string(), access.is_open());
    Json(Session { who, scopes: signed.scopes, csrf: signed.csrf, open })
}

async fn sign_out(State(access): App, signed: Signed) -> Result<WithCookie, Refused> {
    Ok(WithCookie(blocking(move || access.sign_out(signed.session())).await?))
}

async fn set_password(State(access): App, Json(new): Json<Password>) -> Result<Json<Done>, Refused> {
    blocking(move || access.set_password(&new.password)).await?;
    Ok(Json(Done {}))
}

async fn tokens(State(access): App) -> Result<Json<Vec<Token>>, Refused> {
    Ok(Json(blocking(move || access.store.tokens()).await?))
}

async fn make_token(State(access): App, Json(new): Json<NewToken>) -> Result<Noted<MadeToken>, Refused> {
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
    let detail = format!("{:?} {}", new.name, new.scopes);
    let (about, token) = blocking(move || access.make_token(&new.name, &new.scopes, expires)).await?;
    Ok(Noted(MadeToken { about, token }, detail))
}

async fn revoke(State(access): App, Path(id): Path<i64>) -> Result<Json<Done>, Refused> {
    let gone = blocking(move || access.store.delete_token(id)).await?;
    found(gone, format!("there is no token {id}"))
}

async fn audit(State(access): App, Query(lines): Query<Lines>) -> Result<Json<Vec<Audited>>, Refused> {
    Ok(Json(blocking(move || access.store.audited(lines.before, lines.limit.unwrap_or(100))).await?))
}
