// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the API answers, in the dialect of the question.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::task::{Task, errno};
use crate::data::model::Firmware;

/// Which of the platform's APIs is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Tokens name tasks.
    General,
    /// The SDK's things model.
    Studio,
    /// The current platform.
    Fuse,
}

/// `{"errno":…,"error":…}`, or on the current platform `{"code":…,"msg":…,"request_id":…}`.
pub fn envelope(dialect: Dialect, number: i64, data: Option<Value>) -> Response<Body> {
    let words = if number == 0 { "succ" } else { words(number) };
    let mut answer = match dialect {
        Dialect::General | Dialect::Studio => json!({ "errno": number, "error": words }),
        Dialect::Fuse => {
            // The current platform has numbers of its own for what is missing and for what is done.
            let number = if number == errno::NO_TASK { 12_012 } else { number };
            json!({ "code": number, "msg": words, "request_id": "otakit-cloud" })
        }
    };
    if let (Some(data), Some(answer)) = (data, answer.as_object_mut()) {
        answer.insert("data".to_owned(), data);
    }
    let mut response = Response::new(Body::from(answer.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn words(number: i64) -> &'static str {
    match number {
        errno::PARAMETERS => "parameter error",
        errno::UNKNOWN_TOKEN => "token and device do not agree",
        errno::NO_TASK => "not exist",
        errno::TOKEN_EXPIRED => "token expired",
        errno::INVALID_STATE => "invalid task state",
        errno::TERMINATED => "task finish",
        errno::CANCELLED => "task cancelled",
        errno::VERSION_FORMAT => "version format error",
        _ => "error",
    }
}

/// The data of a task.
pub fn task(dialect: Dialect, task: &Task, firmware: &Firmware, address: Option<&str>) -> Value {
    let content = &firmware.content;
    let terms = &task.order.terms;
    if dialect != Dialect::General {
        return json!({
            "target": firmware.version, "tid": task.tid, "size": content.size, "md5": content.md5,
            "status": task.state as u8, "type": 1,
        });
    }
    let mut data = json!({
        "target": firmware.version, "token": task.token, "size": content.size, "md5": content.md5,
        "signal": terms.signal, "power": terms.power, "retry": terms.retry, "interval": terms.interval, "type": 1,
    });
    if let (Some(address), Some(data)) = (address, data.as_object_mut()) {
        data.insert("ipPort".to_owned(), Value::from(address));
    }
    data
}

/// A download that is refused: one byte without a length, or on the current platform a header.
pub fn refusal(dialect: Dialect, number: i64) -> Response<Body> {
    if dialect == Dialect::Fuse {
        let mut response = envelope(dialect, number, None);
        response.headers_mut().insert("ota-errno", HeaderValue::from(number));
        return response;
    }
    let byte = vec![u8::try_from(number).unwrap_or(4)];
    let stream = tokio_util::io::ReaderStream::new(std::io::Cursor::new(byte));
    Response::new(Body::from_stream(stream))
}

/// A request whose token is not good.
pub fn unauthorised(dialect: Dialect) -> Response<Body> {
    let mut response = envelope(dialect, errno::UNKNOWN_TOKEN, None);
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}
