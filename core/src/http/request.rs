// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests over HTTP in the ordinary spelling.

use alloc::vec::Vec;
use core::fmt::Write as _;

/// What is done to the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
}

impl Method {
    /// As it stands in the request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request in the ordinary spelling. Its parts hold no CR, LF or NUL: whoever takes them from outside checks that.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What to do.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// Header fields in order, `Host` first; `Content-Length` and `Connection` are added.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty for none.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method.name(), self.path);
        for (name, value) in self.headers {
            // Writing into a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.method != Method::Get {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str("Connection: close\r\n\r\n");
        [head.as_bytes(), self.body].concat()
    }
}
