// SPDX-License-Identifier: MIT OR Apache-2.0

use otakit_core::fetch::Validator;
use otakit_core::net::NetError;

use super::call::tests::Scripted;
use super::*;
use crate::net::SLICE;

/// Opens it, in as many steps as that takes.
fn open(
    source: &HttpSource,
    request: &Request<'_>,
    cancel: &CancellationToken,
) -> Result<Opened, FetchError> {
    let mut opening = source.open(request, cancel);
    loop {
        if let Some(opened) = opening.step(SLICE)? {
            return Ok(opened);
        }
    }
}

/// Reads what comes next, however long that takes.
fn read(body: &mut dyn Body, buf: &mut [u8]) -> Result<usize, FetchError> {
    loop {
        if let Some(n) = body.read(buf, SLICE)? {
            return Ok(n);
        }
    }
}

fn source(dial: Arc<dyn Dial>) -> HttpSource {
    HttpSource::new(dial, Arc::default(), Limits::default(), Box::new(|_| true))
}

#[test]
fn the_request_on_the_wire() {
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let part: &[u8] = b"HTTP/1.1 206 OK\r\nContent-Length: 2\r\nContent-Range: bytes 1-2/3\r\n\r\nbc";
    let server = Scripted::new(&[answer, part, answer]);
    let source = source(server.clone());
    let etag = Validator::ETag("\"x\"".into());
    for (url, offset) in [("http://h/a?b=c#d", 0), ("http://u:p@[::1]:8080/a", 1), ("http://h:81", 0)] {
        let request = Request { url, offset, size: 3, validator: Some(&etag) };
        open(&source, &request, &CancellationToken::new()).unwrap();
    }
    let sent: Vec<_> = server.sent.lock().iter().map(|b| String::from_utf8(b.clone()).unwrap()).collect();
    let accept = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let wanted = [
        format!("GET /a?b=c HTTP/1.1\r\nhost: h\r\n{accept}\r\n\r\n"),
        format!(
            "GET /a HTTP/1.1\r\nhost: [::1]:8080\r\n{accept}\r\nauthorization: Basic dTpw\r\n\
             range: bytes=1-\r\nif-range: \"x\"\r\n\r\n"
        ),
        format!("GET / HTTP/1.1\r\nhost: h:81\r\n{accept}\r\n\r\n"),
    ];
    assert_eq!(sent, wanted);
}
#[test]
fn a_validator_cannot_begin_a_line_of_its_own() {
    let url = Url::parse("http://h/").unwrap();
    let evil = Validator::LastModified("x\r\nrange: bytes=0-".into());
    let sent = wire(&url, &Request { url: "http://h/", offset: 1, size: 3, validator: Some(&evil) });
    assert!(!sent.contains("if-range") && sent.ends_with("range: bytes=1-\r\n\r\n"), "{sent}");
}

fn image(answer: &[u8]) -> Result<Vec<u8>, FetchError> {
    let request = Request { url: "http://h/", offset: 0, size: 5, validator: None };
    let mut opened = open(&source(Scripted::new(&[answer])), &request, &CancellationToken::new())?;
    let (mut image, mut buf) = (Vec::new(), [0; 4]);
    loop {
        // Ahead first: what it meets must not be lost.
        let ahead = opened.body.read_more(&mut buf[..1]);
        image.extend_from_slice(&buf[..ahead]);
        match read(&mut *opened.body, &mut buf)? {
            0 => return Ok(image),
            n => image.extend_from_slice(&buf[..n]),
        }
    }
}

#[test]
fn an_image_is_as_long_as_the_offer_says() {
    assert_eq!(image(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimagemore").unwrap(), b"image");
    assert_eq!(image(b"HTTP/1.1 200 OK\r\n\r\nimagemore").unwrap(), b"image");
    assert_eq!(image(b"HTTP/1.1 200 OK\r\n\r\nimag"), Err(FetchError::Truncated));
    assert_eq!(image(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimag"), Err(FetchError::Truncated));
    let chunked =
        |body: &[u8]| image(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat());
    assert_eq!(chunked(b"2\r\nim\r\n3\r\nage\r\n0\r\n\r\n").unwrap(), b"image");
    assert_eq!(chunked(b"2\r\nim\r\n0\r\n\r\n"), Err(FetchError::Truncated));
    assert_eq!(chunked(b"2\r\nim?\r\n"), Err(FetchError::Protocol));
}

const IMAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage";

/// What opening `url` comes to against these answers: the bytes of a first reading.
fn led(url: &str, answers: &[&[u8]], guard: fn(&Url) -> bool) -> Result<usize, FetchError> {
    let source = HttpSource::new(Scripted::new(answers), Arc::default(), Limits::default(), Box::new(guard));
    let request = Request { url, offset: 0, size: 5, validator: None };
    read(&mut *open(&source, &request, &CancellationToken::new())?.body, &mut [0; 9])
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[test]
fn redirects_are_followed_within_bounds() {
    let hop = to("/next");
    assert_eq!(led("http://h/", &[&hop, &to("https://o/"), IMAGE], |_| true), Ok(5));
    let endless = [&hop[..]; 1 + MAX_REDIRECTS];
    assert_eq!(led("http://h/", &[&endless[1..], &[IMAGE]].concat(), |_| true), Ok(5));
    assert_eq!(led("http://h/", &[&endless[..], &[IMAGE]].concat(), |_| true), Err(FetchError::Redirect));
    for nowhere in [&to("ftp://h/")[..], b"HTTP/1.1 302 Found\r\n\r\n"] {
        assert_eq!(led("http://h/", &[nowhere, IMAGE], |_| true), Err(FetchError::Redirect));
    }
    let insecure = led("https://h/", &[&to("http://h/"), IMAGE], |_| true);
    assert_eq!(insecure, Err(FetchError::InsecureRedirect));
    let forbidden = led("http://h/", &[&to("http://other/"), IMAGE], |url| url.host == "h");
    assert_eq!(forbidden, Err(FetchError::Forbidden));
}

#[test]
fn a_cancel_ends_a_body_between_two_readings() {
    let request = Request { url: "http://h/", offset: 0, size: 5, validator: None };
    let cancel = CancellationToken::new();
    let mut opened = open(&source(Scripted::new(&[IMAGE])), &request, &cancel).unwrap();
    assert_eq!(read(&mut *opened.body, &mut [0; 2]), Ok(2));
    cancel.cancel();
    assert_eq!(opened.body.read_more(&mut [0; 2]), 0);
    assert_eq!(read(&mut *opened.body, &mut [0; 2]), Err(FetchError::Net(NetError::Cancelled)));
}
