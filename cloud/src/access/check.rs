// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check in front of every route that is not for devices.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::scope::{self, Scopes};
use super::{Access, Peer, csrf, digest};
use crate::data::time;
use crate::origin::api::blocking;
use crate::web::talk::{MASK, is_secret};
use crate::{Failure, note};

/// The largest form.
const MAX_FORM: usize = 64 * 1024;

/// Characters of a query that the audit log keeps.
const LONGEST_QUERY: usize = 1_000;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody who reaches a server without a password.
    Anybody,
    /// The command line on the server's machine.
    Local,
    /// Who knows the password; the session's hash.
    Admin(String),
    /// The owner of an API token of this name.
    Token(String),
}

impl Who {
    /// Whether it is somebody who works on the server's machine, and not the owner of a token or of a browser's session.
    pub fn is_here(&self) -> bool {
        matches!(self, Self::Local | Self::Anybody)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anybody => f.write_str("anybody"),
            Self::Local => f.write_str("local"),
            Self::Admin(_) => f.write_str("admin"),
            Self::Token(name) => write!(f, "token {name}"),
        }
    }
}

/// A request's owner and what they may do; every route behind [`check`] can take it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Who asks.
    pub who: Who,
    /// What they may do.
    pub scopes: Scopes,
    /// What forms (`csrf`) and scripts (`X-CSRF-Token`) of our pages send with a change.
    pub csrf: String,
    /// Where the request comes from.
    pub from: IpAddr,
}

impl Signed {
    /// The session, when a browser is signed in; see [`Access::lasts`] and [`Access::sign_out`].
    pub fn session(&self) -> Option<&str> {
        match &self.who {
            Who::Admin(session) => Some(session),
            _ => None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unsigned("/api/"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Signed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// What the audit log says beside method and path; handlers put it into their answer's extensions.
#[derive(Clone, Debug)]
pub struct Detail(pub String);

impl Access {
    /// Where a request comes from; a proxy's word counts when it is the proxy that was named.
    pub fn from(&self, peer: Option<&Peer>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        if self.proxy != Some(peer) {
            return peer;
        }
        // Each proxy adds whom it speaks to at the end: ours wrote the last one.
        let last = headers.get_all("x-forwarded-for").iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        last.map_or(peer, |address: IpAddr| address.to_canonical())
    }

    /// `None`: nobody we know. Blocks.
    fn who(&self, headers: &HeaderMap) -> Result<Option<(Who, Scopes)>, Failure> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|text| {
                let (kind, token) = text.split_once(' ')?;
                kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
            let Some(token) = token else {
                return Ok(None);
            };
            let hash = digest(token);
            if hash == digest(&self.local) {
                return Ok(Some((Who::Local, Scopes::all())));
            }
            let token = self.store.token(&hash, time::now_ms())?;
            return Ok(token.map(|token| (Who::Token(token.name), token.scopes)));
        }
        if self.is_open() {
            return Ok(Some((Who::Anybody, Scopes::all())));
        }
        Ok(self.session_of(headers)?.map(|session| (Who::Admin(session), Scopes::all())))
    }

    fn csrf_of(&self, who: &Who) -> String {
        match who {
            Who::Admin(session) => self.csrf.token(session),
            other => self.csrf.token(&other.to_string()),
        }
    }
}

/// Lets a request through that its owner may make, and writes changes into the audit log.
pub async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let from = access.from(request.extensions().get::<Peer>(), request.headers());
    let (who, scopes) = match identify(&access, request.headers(), &path).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let needed = scope::needed(&method, &path);
    let changes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !scopes.allow(needed) {
        if changes {
            audit(access, who.to_string(), from, format!("{method} {path}"), StatusCode::FORBIDDEN).await;
        }
        return refusal(StatusCode::FORBIDDEN, &format!("this needs a token with the scope {needed}"));
    }
    let mut request = request;
    if changes && let Who::Admin(session) = &who {
        request = match with_csrf(&access, session, request).await {
            Ok(request) => request,
            Err(refused) => return refused,
        };
    }
    let signed = Signed { csrf: access.csrf_of(&who), who, scopes, from };
    let what = request.uri().query().map_or_else(|| path.clone(), |query| format!("{path}?{}", noted(query)));
    request.extensions_mut().insert(signed.clone());
    let response = next.run(request).await;
    if changes {
        let detail = response.extensions().get::<Detail>().map(|detail| format!(" {}", detail.0));
        let what = format!("{method} {what}{}", detail.unwrap_or_default());
        audit(access, signed.who.to_string(), signed.from, what, response.status()).await;
    }
    response
}

/// Who asks, or the answer to somebody unknown.
async fn identify(access: &Arc<Access>, headers: &HeaderMap, path: &str) -> Result<(Who, Scopes), Response> {
    if access.is_open() && !headers.contains_key(header::AUTHORIZATION) {
        return Ok((Who::Anybody, Scopes::all()));
    }
    let (access, headers) = (access.clone(), headers.clone());
    match blocking(move || access.who(&headers)).await {
        Ok(known) => known.ok_or_else(|| unsigned(path)),
        Err(failure) => {
            note(failure);
            Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "try again later"))
        }
    }
}

/// The query of a change as the audit log has it: what is named like a secret belongs elsewhere, and is not kept.
fn noted(query: &str) -> String {
    let pairs = query.chars().take(LONGEST_QUERY).collect::<String>();
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Writes a line of the audit log.
async fn audit(access: Arc<Access>, who: String, from: IpAddr, what: String, status: StatusCode) {
    let logged = blocking(move || {
        access.log(&who, from, &what, status.as_str());
        Ok(())
    });
    if let Err(failure) = logged.await {
        note(failure);
    }
}

/// The request again, once its CSRF token was found in its header or its form.
async fn with_csrf(access: &Access, session: &str, request: Request) -> Result<Request, Response> {
    let refused = || {
        refusal(
            StatusCode::FORBIDDEN,
            "the CSRF token is missing or of another session: send it as X-CSRF-Token or as the field csrf; GET /api/session tells it",
        )
    };
    if let Some(token) = request.headers().get(csrf::HEADER) {
        let fits = token.to_str().is_ok_and(|token| access.csrf.fits(session, token));
        return if fits { Ok(request) } else { Err(refused()) };
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(refused());
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_FORM).await else {
        return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "a form has 64 KiB at most"));
    };
    let mut fields = body.split(|byte| *byte == b'&');
    // Tokens are hex: nothing in them is escaped.
    let token = fields.find_map(|field| field.strip_prefix(csrf::FIELD.as_bytes())?.strip_prefix(b"="));
    let fits = token
        .is_some_and(|token| std::str::from_utf8(token).is_ok_and(|token| access.csrf.fits(session, token)));
    if fits { Ok(Request::from_parts(parts, Body::from(body))) } else { Err(refused()) }
}

/// The answer to somebody unknown: pages lead to the sign-in.
fn unsigned(path: &str) -> Response {
    if path.starts_with("/api/") || path == "/metrics" {
        let why = "sign in: send an API token as `Authorization: Bearer …`, or the cookie that POST /api/session gives";
        let mut response = refusal(StatusCode::UNAUTHORIZED, why);
        let bearer = HeaderValue::from_static("Bearer realm=\"otakit-cloud\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        response
    } else {
        (StatusCode::SEE_OTHER, [(header::LOCATION, "/sign-in")]).into_response()
    }
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
