// SPDX-License-Identifier: MIT OR Apache-2.0
//! What handlers of the control API take out of a request. Unlike axum's own, a refusal is JSON like every other answer.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::origin::api::Refused;

/// A body of JSON, of a request or of an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// What stands behind the `?`.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// What stands in the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// A body of bytes, as long as it may be; whoever takes it counts them.
#[derive(Debug)]
pub struct Stream {
    /// The bytes.
    pub body: Body,
    /// How many the client says there are.
    pub announced: Option<u64>,
}

/// The type that it must have: any other could be sent by a page of another site, unasked.
pub const STREAM: &str = "application/octet-stream";

impl<S: Send + Sync> FromRequest<S> for Stream {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        if request.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == STREAM) {
            let announced = request.headers().get(header::CONTENT_LENGTH);
            let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
            return Ok(Self { body: request.into_body(), announced });
        }
        Err(Refused::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body must be of type {STREAM}")))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refused::with(rejection.status(), rejection.body_text())),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refused::with(rejection.status(), rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refused;

    /// A path that cannot be understood names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection @ PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Refused::absent(rejection.body_text()))
            }
            Err(rejection) => Err(Refused::with(StatusCode::NOT_FOUND, rejection.body_text())),
        }
    }
}
