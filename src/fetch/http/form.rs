// SPDX-License-Identifier: MIT OR Apache-2.0
//! One form posted, one short answer read: what registrations need.

use std::sync::Arc;
use std::time::Duration;

use super::call;
use crate::cancel::Cancel;
use crate::fetch::FetchError;
use crate::net::{Dial, Target};

/// A form and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Path, beginning with `/`.
    pub path: &'a str,
    /// What answers are accepted.
    pub accept: &'a str,
    /// What the body is.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a str,
}

/// Posts a form. The answer's body, at most `max` bytes; a status other than 200 is an error. Blocking: connecting,
/// answering and each silence take at most `limit`. No redirect is followed.
pub fn post(
    dial: &Arc<dyn Dial>,
    target: Target,
    form: Form<'_>,
    limit: Duration,
    max: usize,
) -> Result<Vec<u8>, FetchError> {
    let host =
        if target.port == 80 { target.host.clone() } else { format!("{}:{}", target.host, target.port) };
    let Form { path, accept, content_type, body } = form;
    let request = format!(
        "POST {path} HTTP/1.1\r\ncontent-length: {}\r\nhost: {host}\r\naccept: {accept}\r\n\
         content-type: {content_type}\r\n\r\n{body}",
        body.len()
    );
    let mut reply = call::call(dial, target, request.into_bytes(), limit, &Cancel::new())?;
    if reply.status() != 200 {
        return Err(FetchError::Status { status: reply.status(), retry_after: None });
    }
    reply.bytes(max)
}

#[cfg(test)]
mod tests {
    use super::super::call::tests::Scripted;
    use super::*;

    #[test]
    fn the_form_on_the_wire() {
        let server = Scripted::new(&[b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"]);
        let dial: Arc<dyn Dial> = server.clone();
        let form = Form { path: "/p", accept: "a/b", content_type: "c/d", body: "k=v" };
        post(&dial, crate::fetch::http::call::tests::target(), form, Duration::from_secs(5), 100).unwrap();
        let sent: Vec<_> = server.sent.lock().iter().map(|b| String::from_utf8(b.clone()).unwrap()).collect();
        assert_eq!(
            sent,
            [
                "POST /p HTTP/1.1\r\ncontent-length: 3\r\nhost: h\r\naccept: a/b\r\ncontent-type: c/d\r\n\r\nk=v"
            ]
        );
    }

    #[test]
    fn only_a_whole_answer_of_success_is_one() {
        let posted = |answer: &[u8]| {
            let dial: Arc<dyn Dial> = Scripted::new(&[answer]);
            let form = Form { path: "/p", accept: "a/b", content_type: "c/d", body: "" };
            post(&dial, crate::fetch::http::call::tests::target(), form, Duration::from_secs(5), 3)
        };
        assert_eq!(posted(b"HTTP/1.1 200 OK\r\n\r\nabc").unwrap(), b"abc");
        assert_eq!(posted(b"HTTP/1.1 200 OK\r\n\r\nabcd"), Err(FetchError::Oversized));
        assert_eq!(posted(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), Err(FetchError::Truncated));
        for status in [201, 302, 404, 500] {
            let answer = format!("HTTP/1.1 {status} No\r\nLocation: /q\r\n\r\nabc");
            let refused = FetchError::Status { status, retry_after: None };
            assert_eq!(posted(answer.as_bytes()), Err(refused), "{status}");
        }
    }
}
