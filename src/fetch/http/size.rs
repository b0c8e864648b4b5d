// SPDX-License-Identifier: MIT OR Apache-2.0
//! How large an image is, where no platform says so: asked of the server that has it.

use otakit_core::fetch::FetchError;
use otakit_core::http::answer::{self, Answer, Expectation, content_length};

use super::HttpSource;
use super::exchange::Exchange;
use super::get::Get;
use crate::cancel::CancellationToken;
use crate::fetch::Request;
use crate::net::SLICE;

impl HttpSource {
    /// Size in bytes of what `url` leads to, by the header of an answer to GET: signed URLs often allow no HEAD.
    /// Blocks as a download's beginning does.
    pub fn size(&self, url: &str, cancel: &CancellationToken) -> Result<u64, FetchError> {
        let request = Request { url, offset: 0, size: 0, validator: None };
        let mut get = Get::new(self.0.clone(), cancel);
        loop {
            if let Some((exchange, _)) = get.step(&request, judge, SLICE)? {
                return content_length(&exchange.head.headers)?.ok_or(FetchError::Protocol);
            }
        }
    }
}

/// Only a whole image says how large it is.
fn judge(exchange: &Exchange) -> Result<Answer, FetchError> {
    let status = exchange.head.status;
    if matches!(status, 200 | 203) {
        return Ok(Answer::Bytes { start: 0 });
    }
    match answer::judge(status, &exchange.head.headers, &Expectation::NOTHING) {
        Ok(Answer::Bytes { .. }) | Err(FetchError::Length { .. } | FetchError::Range) => {
            Err(FetchError::Status { status, retry_after: None })
        }
        judged => judged,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use otakit_core::net::NetError;
    use otakit_core::url::{Url, UrlError};

    use super::super::MAX_REDIRECTS;
    use super::super::call::tests::Scripted;
    use super::*;
    use crate::fetch::http::Limits;

    fn size(url: &str, answers: &[&[u8]]) -> Result<u64, FetchError> {
        let guard = Box::new(|url: &Url| url.host != "forbidden");
        HttpSource::new(Scripted::new(answers), Arc::default(), Limits::default(), guard)
            .size(url, &CancellationToken::new())
    }

    const FIVE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

    #[test]
    fn a_size_is_what_the_server_says_and_never_guessed() {
        assert_eq!(size("http://h/", &[FIVE]), Ok(5));
        for unsaid in
            ["", "Content-Length: -5\r\n", "Content-Length: 5x\r\n", "Transfer-Encoding: chunked\r\n"]
        {
            let answer = format!("HTTP/1.1 200 OK\r\n{unsaid}\r\n");
            assert_eq!(size("http://h/", &[answer.as_bytes()]), Err(FetchError::Protocol), "{unsaid}");
        }
        for status in [204, 206, 404, 503] {
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 5\r\n\r\n");
            let refused = FetchError::Status { status, retry_after: None };
            assert_eq!(size("http://h/", &[answer.as_bytes()]), Err(refused));
        }
        assert_eq!(size("http://h/", &[]), Err(FetchError::Net(NetError::Connect)));
        assert_eq!(size("h", &[FIVE]), Err(FetchError::Url(UrlError::Scheme)));
    }

    #[test]
    fn redirects_are_followed_within_bounds() {
        let to = |location: &str| format!("HTTP/1.1 307 Go\r\nLocation: {location}\r\n\r\n").into_bytes();
        let hop = to("/next");
        assert_eq!(size("http://h/", &[&hop, &to("https://o/"), FIVE]), Ok(5));
        let endless = [&hop[..]; 1 + MAX_REDIRECTS];
        assert_eq!(size("http://h/", &[&endless[1..], &[FIVE]].concat()), Ok(5));
        assert_eq!(size("http://h/", &[&endless[..], &[FIVE]].concat()), Err(FetchError::Redirect));
        for nowhere in [&to("ftp://h/")[..], b"HTTP/1.1 301 Go\r\n\r\n"] {
            assert_eq!(size("http://h/", &[nowhere, FIVE]), Err(FetchError::Redirect));
        }
        assert_eq!(size("https://h/", &[&to("http://h/"), FIVE]), Err(FetchError::InsecureRedirect));
        assert_eq!(size("http://h/", &[&to("http://forbidden/"), FIVE]), Err(FetchError::Forbidden));
    }
}
