// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attacks over HTTP that are about every route: names of other hosts, headers, paths, uploads.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::ask;
use crate::support::*;

/// Every path that is not for devices: the operations of the document, and the pages.
fn guarded() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_otakit-cloud")).arg("openapi").output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths = document["paths"].as_object().unwrap().keys().map(|path| path.replace(['{', '}'], ""));
    // Probes are asked by whatever name the machine has; they tell nothing.
    let mut all: Vec<String> =
        paths.filter(|path| !["/healthz", "/readyz"].contains(&path.as_str())).collect();
    let pages = [
        "/",
        "/sign-in",
        "/console",
        "/console/live",
        "/console/products",
        "/console/devices",
        "/console/devices/new",
    ];
    all.extend(pages.map(str::to_owned));
    let pages = [
        "/console/firmware",
        "/console/jobs",
        "/console/jobs/new",
        "/console/jobs/1/live",
        "/console/nothing",
    ];
    all.extend(pages.map(str::to_owned));
    all.push("/console/assets/x/style.css".to_owned());
    assert!(all.len() > 35, "{all:?}");
    all
}

/// What devices fetch.
const OF_DEVICES: [&str; 9] = [
    "/firmware/1/x/y",
    "/config/p/1",
    "/config/p/1/1",
    "/ota/south/check?dev_id=d&type=1&version=1",
    "/ota/south/download/ota_x",
    "/ota/p/d/version",
    "/ota/p/d/1/download",
    "/fuse-ota/p/d/check?type=1&version=1",
    "/fuse-ota/p/d/1/download",
];

#[test]
fn another_name_reaches_no_route() {
    let mut cloud = Cloud::new("names");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let port = origin.rsplit(':').next().unwrap();
    let status = |target: &str, hosts: &str| {
        let answer = raw(&origin, &format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"));
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for path in guarded() {
        for host in [
            &format!("evil.test:{port}"),
            "evil.test",
            &format!("127.0.0.1.:{port}"),
            &format!("[::2]:{port}"),
        ] {
            assert_eq!(status(&path, &format!("Host: {host}\r\n")), "421", "{path} {host}");
        }
        assert_eq!(status(&path, ""), "400", "{path} without a Host");
        let two = format!("Host: {origin}\r\nHost: evil.test\r\n");
        assert_eq!(status(&path, &two), "400", "{path} with two");
        let whole = format!("http://evil.test:{port}{path}");
        assert_eq!(status(&whole, &format!("Host: {origin}\r\n")), "421", "{whole}");
    }
    for path in OF_DEVICES {
        assert_ne!(
            status(path, "Host: ota.example.com\r\n"),
            "421",
            "{path} is for devices, who use the platform's names"
        );
    }
}

#[test]
fn every_answer_is_safe_to_look_at() {
    let mut cloud = Cloud::new("headers");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let safe = [
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "content-security-policy: default-src 'none'",
        "frame-ancestors 'none'",
    ];
    for path in guarded() {
        // A stream does not end.
        if path.ends_with("/live") {
            continue;
        }
        for method in ["GET", "POST", "OPTIONS"] {
            let (status, head, _) = ask(&origin, method, &path, "Origin: http://evil.test\r\n", "");
            assert_eq!(status, 403, "{method} {path}");
            let (_, own, _) = ask(&origin, method, &path, "", "");
            for head in [&head, &own] {
                for header in safe {
                    assert!(head.contains(header), "{method} {path}: no {header} in {head}");
                }
                assert!(!head.contains("access-control-allow"), "{method} {path}: {head}");
            }
        }
    }
    for path in OF_DEVICES {
        let (head, _) = http(&origin, "GET", path, "Origin: http://evil.test\r\nCookie: a=b\r\n");
        assert!(!head.contains("access-control-allow") && !head.contains("set-cookie"), "{path}: {head}");
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        assert!(!kind.contains("html") && !kind.contains("svg"), "{path} is {kind}: a browser would show it");
    }
}

/// Files below a directory.
fn files(root: &Path, out: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), out);
        } else {
            out.insert(entry.path().to_string_lossy().into_owned());
        }
    }
}

#[test]
fn names_are_never_paths() {
    let mut cloud = Cloud::new("paths");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let (json_type, bytes) =
        ("Content-Type: application/json\r\n", "Content-Type: application/octet-stream\r\n");
    let long = "x".repeat(300);
    let hostile = [
        "../x",
        "..",
        ".",
        "",
        "a/b",
        "..\\x",
        "a\0b",
        "%2e%2e%2f",
        "/etc/passwd",
        "a b",
        "é",
        "a\r\nb",
        long.as_str(),
    ];
    let refused = |what: &str, answer: (u16, String, Value)| {
        assert!(matches!(answer.0, 400 | 403 | 404 | 405 | 422), "{what:?}: {} {}", answer.0, answer.2);
    };
    for name in hostile {
        let query: String =
            form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
        for (product, device) in [(name, "d"), ("p", name)] {
            let new =
                json!({ "product_key": product, "device_name": device, "device_secret": "s" }).to_string();
            refused(name, ask(&origin, "POST", "/api/devices", json_type, &new));
        }
        for target in [
            format!("/api/firmware?product={query}&version=1"),
            format!("/api/firmware?product=p&version={query}"),
            format!("/api/firmware?product=p&version=1&module={query}"),
            format!("/api/config?product={query}"),
        ] {
            // An empty module is no module: that would be an image like any other.
            if !target.ends_with("module=") {
                refused(name, ask(&origin, "POST", &target, bytes, "image"));
            }
        }
        let tags = json!({ "tags": [name] }).to_string();
        refused(
            name,
            ask(&origin, "POST", &format!("/api/devices/{PRODUCT}/{DEVICE}/tags"), json_type, &tags),
        );
        // A file may be called anything; what is kept of the name is plain.
        let (status, _, firmware) = ask(
            &origin,
            "POST",
            &format!("/api/firmware?product=p&version=7&replace=true&name={query}"),
            bytes,
            "image",
        );
        assert_eq!(status, 200, "{name:?}: {firmware}");
        let kept = firmware["content"]["name"].as_str().unwrap();
        assert!(
            kept.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && kept != "..",
            "{kept}"
        );
        assert!((1..=100).contains(&kept.len()), "{kept}");
    }
    for target in [
        "/firmware/../../cloud.db",
        "/firmware/1/../../../cloud.db",
        "/firmware/1/x/..%2f..%2f..%2fcloud.db",
        "/firmware/1/x/%2e%2e/cloud.db",
        "/config/..%2fcloud.db/1",
        "/config/p/..%2f..%2fcloud.db",
        "/config/p/..%2f..%2fcloud.db/1",
        "/console/assets/x/..%2f..%2fcloud.db",
        "/console/assets/../../cloud.db",
        "/console/devices/..%2f..%2fx/y",
        "/ota/south/download/..%2f..%2fcloud.db",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let (head, body) = request(
            &origin,
            &format!("GET {target} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n\r\n"),
        );
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((400..500).contains(&status) || target.starts_with("/ota/"), "{target}: {status}");
        let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
        assert!(!holds(b"SQLite format") && !holds(b"root:"), "{target}");
    }
    let mut there = BTreeSet::new();
    files(&cloud.dir, &mut there);
    let data = cloud.path("data");
    for file in there {
        let known = Path::new(&file).strip_prefix(&data).is_ok_and(|inside| {
            let inside = inside.to_string_lossy();
            let digest = inside.rsplit('/').next().unwrap_or_default();
            inside.starts_with("cloud.db")
                || ["lock", "server.json", "local-token"].contains(&inside.as_ref())
                || inside.starts_with("blobs/") && digest.len() == 64
        });
        assert!(known || file.ends_with("ready.json"), "{file} was written");
    }
}

/// Begins to bring an image; the head says `length`.
fn upload(origin: &str, version: &str, length: &str) -> TcpStream {
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/firmware?product=p&version={version} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n\
         Content-Type: application/octet-stream\r\n{length}\r\n"
    )
    .unwrap();
    stream
}

/// The status of what comes back; 0: the connection was closed without one.
fn answered(mut stream: TcpStream) -> u16 {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer)
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

#[test]
fn uploads_are_bounded() {
    let mut cloud = Cloud::new("bounded");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0", "--max-image", "1"]);
    let megabyte = vec![7; 1 << 20];
    let count = |cloud: &Cloud| {
        serde_json::from_str::<Value>(&cloud.ok(&["firmware", "list", "--json"]))
            .unwrap()
            .as_array()
            .unwrap()
            .len()
    };
    // Before anything has come.
    assert_eq!(answered(upload(&origin, "1", "Content-Length: 1048577\r\n")), 413);
    assert_eq!(answered(upload(&origin, "1", "Content-Length: 99999999999999\r\n")), 413);
    // While it comes: nobody said how much it would be.
    let mut endless = upload(&origin, "2", "Transfer-Encoding: chunked\r\n");
    let chunk = [b"10000\r\n", &vec![1; 0x10000][..], b"\r\n"].concat();
    let start = Instant::now();
    while endless.write_all(&chunk).is_ok() {
        assert!(start.elapsed() < PATIENCE, "it takes an image without end");
    }
    assert!(matches!(answered(endless), 413 | 0));
    // Less than was announced, and more: neither is an image.
    let mut short = upload(&origin, "3", "Content-Length: 1000\r\n");
    short.write_all(&[1; 10]).unwrap();
    short.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(matches!(answered(short), 400 | 0));
    let mut both = upload(&origin, "4", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
    let _ = both.write_all(b"ffffffffffffffffff\r\nx");
    assert!(matches!(answered(both), 400 | 0));
    assert_eq!(count(&cloud), 0);
    // The largest one is taken, and nothing is left of the others.
    let mut good = upload(&origin, "5", "Content-Length: 1048576\r\n");
    good.write_all(&megabyte).unwrap();
    assert_eq!(answered(good), 200);
    assert_eq!(count(&cloud), 1);
    let mut left = BTreeSet::new();
    files(&cloud.path("data/blobs"), &mut left);
    assert_eq!(left.len(), 1, "{left:?}");
}

/// A number of /proc/PID/status in kilobytes.
pub fn memory(cloud: &Cloud, field: &str) -> u64 {
    let pid = cloud.server.as_ref().unwrap().id();
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_hundred_slow_uploads() {
    let mut cloud = Cloud::new("slow");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let mut streams: Vec<TcpStream> = (0..100)
        .map(|n| {
            let mut stream = upload(&origin, &format!("1.{n}"), "Content-Length: 10000000\r\n");
            let _ = stream.write_all(&[0; 50_000]);
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_eq!(ask(&origin, "GET", "/api/status", "", "").0, 200);
    assert_eq!(ask(&origin, "GET", "/console/devices", "", "").0, 200);
    assert!(start.elapsed() < PATIENCE / 4, "others wait for them: {:?}", start.elapsed());
    for stream in &mut streams {
        let _ = stream.write_all(&[0; 50_000]);
    }
    // Some are told to come later; the rest go on.
    let refused = streams.iter().filter(|stream| {
        let mut byte = [0];
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        matches!(stream.peek(&mut byte), Ok(1))
    });
    let refused = refused.count();
    assert!((50..100).contains(&refused), "{refused} of 100 are told to come later");
    let peak = memory(&cloud, "VmHWM");
    assert!(peak < 60_000, "{peak} KB");
    drop(streams);
    let start = Instant::now();
    while answered({
        let mut stream = upload(&origin, "9", "Content-Length: 5\r\n");
        stream.write_all(b"image").unwrap();
        stream
    }) != 200
    {
        assert!(start.elapsed() < PATIENCE, "no place is free again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A file may not grow beyond a limit here; the system refuses as it does when a disk is full.
#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let mut cloud = Cloud::new("full");
    let program = cloud.command(&["serve"]);
    let line = format!(
        "trap '' XFSZ; ulimit -f 4096; exec {} serve --data {} --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --ready-file {} 2>{}",
        program.get_program().to_str().unwrap(),
        cloud.path("data").display(),
        cloud.path("ready.json").display(),
        cloud.path("log").display(),
    );
    let (_, origin) = cloud.started(Command::new("sh").arg("-c").arg(line).stdout(Stdio::null()));
    let mut large = upload(&origin, "1", "Content-Length: 9000000\r\n");
    let _ = large.write_all(&vec![1; 9_000_000]);
    assert!(matches!(answered(large), 503 | 0));
    let mut small = upload(&origin, "2", "Content-Length: 5\r\n");
    small.write_all(b"image").unwrap();
    assert_eq!(answered(small), 200, "it goes on");
    // The database grows until it cannot.
    let mut added = Vec::new();
    let mut refused = None;
    for n in 0..20_000 {
        let secret = "s".repeat(64);
        let new = json!({ "product_key": "p", "device_name": format!("d{n}"), "device_secret": secret, "product_secret": secret });
        match ask(&origin, "POST", "/api/devices", "Content-Type: application/json\r\n", &new.to_string()) {
            (200, ..) => added.push(format!("d{n}")),
            (status, ..) => {
                refused = Some(status);
                break;
            }
        }
    }
    assert_eq!(refused, Some(503), "{} were added", added.len());
    let shown = |text: String| {
        let devices: Value = serde_json::from_str(&text).unwrap();
        devices
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["device_name"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let wanted: BTreeSet<String> = added.iter().cloned().collect();
    assert_eq!(shown(cloud.ok(&["device", "list", "--json"])), wanted, "what is shown is what was kept");
    cloud.kill();
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert_eq!(shown(cloud.ok(&["device", "list", "--json"])), wanted, "after a restart with room again");
    assert_eq!(ask(&origin, "GET", "/api/firmware", "", "").2.as_array().unwrap().len(), 1);
}

/// What people search for is text, whatever it looks like.
#[test]
fn searches_are_no_statements() {
    let mut cloud = Cloud::new("search");
    for name in ["a_b", "aXb", "a.b"] {
        cloud.ok(&["device", "add", "p", name, "s"]);
    }
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let found = |field: &str, text: &str| {
        let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let (head, body) = request(
            &origin,
            &format!(
                "GET /console/devices?{field}={query} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\nAccept-Language: en\r\nHX-Request: true\r\n\r\n"
            ),
        );
        assert!(head.starts_with("http/1.1 200"), "{field}={text}: {head}");
        let body = String::from_utf8(body).unwrap();
        ["a_b", "aXb", "a.b"].iter().filter(|name| body.contains(&format!(">{name}<"))).count()
    };
    assert_eq!(found("q", ""), 3);
    let long = "x".repeat(10_000);
    for (text, wanted) in [
        ("_", 1),
        ("%", 0),
        ("a", 3),
        ("'", 0),
        ("' OR '1'='1", 0),
        ("\\", 0),
        ("\"", 0),
        ("x'; DROP TABLE device; --", 0),
        (long.as_str(), 0),
    ] {
        assert_eq!(found("q", text), wanted, "{text:.40}");
        assert_eq!(found("product", text), 0, "{text:.40}");
    }
    for page in ["-1", "0", "99999999999999999999", "x", "1 OR 1=1"] {
        found("page", page);
    }
    assert_eq!(found("sort", "secret"), 3, "an unknown word changes nothing");
    assert_eq!(found("q", ""), 3, "and all are there");
}
