// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the platform says instead of a package: every framing, media type and body, and what is right for each.

use super::*;

const TYPES: [Option<&str>; 7] = [
    None,
    Some("application/json"),
    Some("application/json; charset=utf-8"),
    Some("APPLICATION/JSON"),
    Some("text/json"),
    Some("text/html"),
    Some("application/octet-stream"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Length,
    Chunked,
    Close,
}

fn framed(status: u16, framing: Framing, kind: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} X\r\n");
    if let Some(kind) = kind {
        answer += &format!("Content-Type: {kind}\r\n");
    }
    match framing {
        Framing::Length => answer += &format!("Content-Length: {}\r\n\r\n", body.len()),
        Framing::Chunked => answer += "Transfer-Encoding: chunked\r\n\r\n",
        Framing::Close => answer += "\r\n",
    }
    let mut answer = answer.into_bytes();
    if framing == Framing::Chunked {
        for chunk in body.chunks(7) {
            answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
    } else {
        answer.extend_from_slice(body);
    }
    answer
}

/// Every answer to a request for a slice; `each` gets its framing, its status and the bytes.
fn every_answer(body: &[u8], mut each: impl FnMut(Framing, u16, Vec<u8>, String)) {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        for kind in TYPES {
            for status in [200, 206] {
                let name = format!("{status} {framing:?} {kind:?} {:?}", String::from_utf8_lossy(body));
                each(framing, status, framed(status, framing, kind, body), name);
            }
        }
    }
}

/// A slice of `package` from a platform that answers `answer`, with or without a check of the task first.
fn fetched(package: &[u8], answer: Vec<u8>, checked: bool) -> Result<Vec<u8>, Error> {
    let package = package.to_vec();
    let (service, _) = service(move |path, _| match path {
        "/ota/south/download/T" => answer.clone(),
        _ => ok(&task_json("T", &package, "")),
    });
    let id = if checked { task(&service).id } else { TaskId::Token("T".into()) };
    service.package(&id, 2, 4, LIMIT)
}

#[test]
fn refusals_are_never_handed_out() {
    let bodies: [(&[u8], i64); 10] = [
        (br#"{"errno":12,"error":"token expired"}"#, 12),
        (br#"{"error":"x","errno":"22"}"#, 22),
        (br#"{"code":12012,"msg":"not exist","request_id":"r","data":{}}"#, 11),
        (br#"{"code":-3,"msg":"x"}"#, -3),
        (br#"{"errno":0,"data":{"status":6}}"#, 22),
        (b"\xEF\xBB\xBF{\"errno\":12}", 12),
        (b" \r\n {\n  \"errno\": 12.0\n}\n\0", 12),
        (b"3", 3),
        (&[1], 1),
        (&[6], 6),
    ];
    for (body, errno) in bodies {
        every_answer(body, |_, _, answer, name| {
            for checked in [true, false] {
                assert_eq!(
                    fetched(&image(300), answer.clone(), checked),
                    Err(Error::Platform(errno)),
                    "{name}"
                );
            }
        });
    }
}

#[test]
fn a_refusal_in_json_counts_with_any_status() {
    for status in [400, 401, 403, 404, 410, 416, 429, 500, 503] {
        for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
            for (body, errno) in
                [(&br#"{"errno":22,"error":"x"}"#[..], 22), (br#"{"code":-3,"msg":"x"}"#, -3)]
            {
                let answer = framed(status, framing, Some("application/json"), body);
                for checked in [true, false] {
                    let outcome = fetched(&image(300), answer.clone(), checked);
                    assert_eq!(outcome, Err(Error::Platform(errno)), "{status} {framing:?}");
                }
            }
            // Without a refusal that can be read the status counts.
            for body in [&b"<html>no</html>"[..], b"", b"{", br#"{"errno":0}"#, b"12"] {
                let outcome = fetched(&image(300), framed(status, framing, None, body), true);
                assert!(
                    matches!(outcome, Err(Error::Status(_) | Error::Platform(_) | Error::Data)),
                    "{outcome:?}"
                );
            }
        }
    }
}

#[test]
fn words_that_are_no_refusal_are_no_package_either() {
    let long = format!(r#"{{"errno":12,"error":"{}"#, "x".repeat(500));
    for body in [
        &br#"{"errno":0,"error":"succ"}"#[..],
        br#"{"errno":12,"err"#,
        b"\xEF\xBB\xBF{\"code\":1",
        long.as_bytes(),
    ] {
        every_answer(body, |_, _, answer, name| {
            for checked in [true, false] {
                assert_eq!(fetched(&image(300), answer.clone(), checked), Err(Error::Data), "{name}");
            }
        });
    }
    // Neither JSON nor of the package's size. Without a check of the task there is no size to hold it against.
    for page in [&b"<html>no</html>"[..], &[b'x'; 400], b"{\"name\":1}", b""] {
        every_answer(page, |framing, status, answer, name| {
            assert!(fetched(&image(300), answer.clone(), true).is_err(), "{name}");
            if framing != Framing::Length || status == 206 {
                assert!(fetched(&image(300), answer, false).is_err(), "{name}");
            }
        });
    }
}

#[test]
fn packages_are_handed_out_whatever_they_look_like() {
    let mut large = br#"{"errno":12,"#.to_vec();
    large.resize(MAX_ANSWER + 300, b' ');
    let packages: [&[u8]; 7] = [
        &image(300),
        br#"{"name":"a package that is JSON"}"#,
        br#"{"errno":12,"error":"a package that looks like a refusal"}"#,
        br#"{"errno":12,"a package that looks like a broken one"#,
        b"\xEF\xBB\xBF{\"code\":0}",
        b"\xEF\xBB\xBF\xEF\xBB\xBF text",
        &large,
    ];
    for package in packages {
        every_answer(package, |framing, status, answer, name| {
            let fetched = |checked| fetched(package, answer.clone(), checked);
            if status == 200 {
                assert_eq!(fetched(true).as_deref(), Ok(&package[2..6]), "{name}");
            } else {
                assert_eq!(fetched(true), Err(Error::Data), "{name}");
            }
            // A body whose length nobody states is no slice when the task's size is not known either.
            if framing != Framing::Length || status == 206 {
                assert!(fetched(false).is_err(), "{name}");
            }
        });
        // What is marked with the range asked for is looked at no further.
        let head = format!("HTTP/1.1 206 X\r\nContent-Range: bytes 2-5/{}\r\n\r\n", package.len());
        let marked = [head.as_bytes(), &package[2..6]].concat();
        assert_eq!(fetched(package, marked.clone(), true).as_deref(), Ok(&package[2..6]));
        assert_eq!(fetched(package, marked, false).as_deref(), Ok(&package[2..6]));
    }
}

#[test]
fn an_empty_header_says_nothing() {
    let package = image(300);
    let slice = &package[2..6];
    let answered = |lines: &str| {
        let head = format!("HTTP/1.1 206 X\r\n{lines}Content-Length: 4\r\n\r\n");
        fetched(&package, [head.as_bytes(), slice].concat(), true)
    };
    let (ranged, stated) =
        ("Content-Range: bytes 2-5/300\r\n", "Content-Range-Start: 2\r\nContent-Range-End: 5\r\n");
    for blank in
        ["Ota-Errno:\r\n", "Ota-Errno: \r\n", "Ota-Errno: \t \r\n", "Content-Encoding:\r\n", "ETag:\r\n"]
    {
        for range in [ranged, stated] {
            assert_eq!(answered(&format!("{blank}{range}")).as_deref(), Ok(slice), "{blank:?} {range:?}");
        }
    }
    let empty_start = "Content-Range-Start:\r\nContent-Range-End:\r\n";
    assert_eq!(answered(&format!("{empty_start}{ranged}")).as_deref(), Ok(slice));
    assert_eq!(answered(&format!("Content-Range:\r\n{stated}")).as_deref(), Ok(slice));
    assert_eq!(answered(&format!("Content-Range:\r\n{empty_start}")), Err(Error::Data));
    assert_eq!(answered(&format!("Ota-Errno: 5\r\n{ranged}")), Err(Error::Platform(5)));
    // Without a range that marks it as a package it is looked at: these are a refusal's words.
    let refused = b"HTTP/1.1 206 X\r\nContent-Range:\r\nContent-Length: 12\r\n\r\n{\"errno\":12}";
    assert_eq!(fetched(&package, refused.to_vec(), true), Err(Error::Platform(12)));
}

#[test]
fn a_package_of_one_byte_is_told_from_a_refusal_by_its_digest() {
    for (package, served, result) in [
        (b"3", b"3", Ok(b"3".to_vec())),
        (b"4", b"3", Err(Error::Platform(3))),
        (b"9", b"9", Ok(b"9".to_vec())),
    ] {
        every_answer(served, |_, status, answer, name| {
            let (service, _) = service(move |path, _| match path {
                "/ota/south/download/T" => answer.clone(),
                _ => ok(&task_json("T", package, "")),
            });
            let got = service.package(&task(&service).id, 0, 1, LIMIT);
            let expected = if status == 206 && result.is_ok() { Err(Error::Data) } else { result.clone() };
            assert_eq!(got, expected, "{name}");
        });
    }
}

#[test]
fn a_refusal_in_words_ends_no_task_with_a_wrong_digest() {
    let bytes = image(1000);
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        for (errno, outcome) in [(12, Ok(())), (22, Err(Error::Platform(22)))] {
            let count = AtomicU32::new(0);
            let slice = move |bytes: &[u8], _: &str, request: &str| {
                if count.fetch_add(1, Ordering::Relaxed) == 3 {
                    framed(200, framing, None, format!(r#"{{"errno":{errno},"error":"x"}}"#).as_bytes())
                } else {
                    part(bytes, request)
                }
            };
            let (service, platform) = updating(&bytes, "", |_| ok(SUCCESS), slice);
            let place = Place::new();
            assert_eq!(place.run(&service, &mut Watcher::default()).0, outcome, "{framing:?}");
            assert!(!steps(&platform).contains(&205));
            assert_eq!(place.image(), outcome.is_ok().then(|| bytes.clone()));
            assert_eq!(service.refusal(), outcome.is_err().then_some(22));
        }
    }
}
