// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers GET and HEAD for a file: whole or one range, with validators, in constant memory.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::pieces;
use super::range::{self, Wanted};
use crate::data::model::Content;
use crate::{Failure, note};

/// Serves `content`, whose bytes are at `path`.
pub async fn serve(path: &Path, content: &Content, method: &Method, request: &HeaderMap) -> Response<Body> {
    match open(path, content, method, request).await {
        Ok(response) => response,
        Err(why) => {
            note(format_args!("{}: {why}", path.display()));
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be served\n")
        }
    }
}

async fn open(
    path: &Path,
    content: &Content,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response<Body>, String> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(path)?;
        let metadata = file.metadata()?;
        Ok::<_, std::io::Error>((file, metadata))
    });
    let (file, metadata) = opened.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let size = content.size;
    if metadata.len() != size {
        return Err(format!("has {} bytes, was added with {size}", metadata.len()));
    }
    let etag = format!("\"{}\"", content.sha256.get(..32).unwrap_or(&content.sha256));
    let modified = metadata.modified().map(httpdate::fmt_http_date).map_err(|e| e.to_string())?;
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set(headers, header::ETAG, &etag)?;
    set(headers, header::LAST_MODIFIED, &modified)?;
    let (first, length) = match wanted(request, size, &etag, &modified) {
        Wanted::All => (0, size),
        Wanted::Unsatisfiable => {
            set(headers, header::CONTENT_RANGE, &format!("bytes */{size}"))?;
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
        Wanted::Part { first, last } => {
            set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"))?;
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (first, last - first + 1)
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if method != Method::HEAD {
        pieces::fill(&mut response, file, first, length);
    }
    Ok(response)
}

/// The Range header counts only while If-Range, if there is one, names the content as it is.
fn wanted(request: &HeaderMap, size: u64, etag: &str, modified: &str) -> Wanted {
    let text = |name| request.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let current = match request.get(header::IF_RANGE) {
        None => true,
        Some(value) => value.to_str().is_ok_and(|v| v == etag || v == modified),
    };
    match text(header::RANGE) {
        Some(value) if current => range::parse(value, size),
        _ => Wanted::All,
    }
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) -> Result<(), String> {
    headers.insert(name, HeaderValue::from_str(value).map_err(|e| e.to_string())?);
    Ok(())
}

/// The database does not answer: the device should try again.
pub fn unavailable(failure: &Failure) -> Response<Body> {
    note(failure);
    plain(StatusCode::SERVICE_UNAVAILABLE, "try again later\n")
}

/// A short text answer.
pub fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
