// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading one request, leniently: what the client sent is to be seen as it was.

use std::collections::HashMap;

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest request head.
const MAX_HEAD: usize = 64 * 1024;

/// One request without a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Header fields in order, as sent.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// Reads a request head; `None` when the client left, sent too much, or sent something else.
    pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Self> {
        let mut head = Vec::with_capacity(1024);
        while !head.windows(4).any(|w| w == b"\r\n\r\n") {
            if head.len() > MAX_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Self::parse(&String::from_utf8_lossy(&head))
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        words.next()?.starts_with("HTTP/").then_some(())?;
        let fields = lines.take_while(|line| !line.is_empty());
        let fields = fields.map(|line| line.split_once(':').unwrap_or((line, "")));
        let headers = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Some(Self { method, target, headers })
    }

    /// The first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The parts of the path.
    pub fn path(&self) -> Vec<&str> {
        let path = self.target.split('?').next().unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The text after `?`.
    pub fn query_text(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The parameters after `?`.
    pub fn query(&self) -> HashMap<&str, &str> {
        self.query_text().split('&').filter_map(|pair| pair.split_once('=')).collect()
    }

    /// A number after `?`.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query().get(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let request =
            Request::parse("GET /ok/5?k=a&at=7 HTTP/1.1\r\nHost: h\r\nrange:bytes=1-\r\n\r\n").unwrap();
        assert_eq!(request.method, "GET");
        assert_eq!(request.path(), ["ok", "5"]);
        assert_eq!(request.query().get("k"), Some(&"a"));
        assert_eq!(request.number("at"), Some(7));
        assert_eq!(request.header("Range"), Some("bytes=1-"));
        assert_eq!(request.headers[0], ("Host".to_owned(), "h".to_owned()));
        for bad in ["\r\n\r\n", "GET\r\n\r\n", "GET / FTP\r\n\r\n"] {
            assert_eq!(Request::parse(bad), None, "{bad:?}");
        }
    }
}
