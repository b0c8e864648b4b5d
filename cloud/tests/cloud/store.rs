// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept: whole images, one server on a directory, nothing lost in between.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::access::{ADMIN, set_password};
use crate::support::{Cloud, DEVICE, PATIENCE, PRODUCT, SECRET, http, image};

fn add(cloud: &Cloud, file: &str, more: &[&str]) -> std::process::Output {
    let file = cloud.path(file);
    let words = ["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"];
    cloud.run(&[&words[..], more].concat())
}

fn firmware(cloud: &Cloud) -> Value {
    let status: Value = serde_json::from_str(&cloud.ok(&["status", "--json"])).unwrap();
    status.pointer("/firmware/0").unwrap().clone()
}

#[test]
fn a_replacement_that_fails_leaves_the_image() {
    let mut cloud = Cloud::new("replace");
    let bytes = image(&cloud.path("fw.bin"), 5000);
    image(&cloud.path("newer.bin"), 6000);
    std::fs::create_dir(cloud.path("folder.bin")).unwrap();
    std::fs::write(cloud.path("empty.bin"), b"").unwrap();
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert!(add(&cloud, "fw.bin", &[]).status.success());
    let before = firmware(&cloud);
    let path = cloud.image_path("2.0.0");
    for bad in ["empty.bin", "missing.bin", "folder.bin"] {
        assert!(!add(&cloud, bad, &["--replace"]).status.success(), "{bad}");
        assert_eq!(firmware(&cloud), before, "{bad}");
        assert_eq!(http(&origin, "GET", &path, "").1, bytes, "{bad}");
    }
    // The old URL never leads to new bytes.
    assert!(add(&cloud, "newer.bin", &["--replace"]).status.success());
    let after = firmware(&cloud);
    let newer = cloud.image_path("2.0.0");
    assert_eq!(after["content"]["size"], 6000);
    assert_eq!(http(&origin, "GET", &newer, "").1.len(), 6000);
    let (head, _) = http(&origin, "GET", &path, "");
    assert!(head.starts_with("http/1.1 410"), "{head}");
}

#[test]
fn a_command_that_is_killed_while_it_copies_leaves_the_old_image() {
    let cloud = Cloud::new("killed-copy");
    image(&cloud.path("fw.bin"), 5000);
    assert!(add(&cloud, "fw.bin", &[]).status.success());
    let before = firmware(&cloud);
    image(&cloud.path("big.bin"), 30_000_000);
    let big = cloud.path("big.bin");
    for pause in [1, 5, 10, 20, 40] {
        let words = [
            "firmware",
            "add",
            big.to_str().unwrap(),
            "--product",
            PRODUCT,
            "--version",
            "2.0.0",
            "--replace",
        ];
        let mut command = cloud.command(&words).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let _ = command.kill();
        let _ = command.wait();
        let now = firmware(&cloud);
        let content = &now["content"];
        let digest = content["sha256"].as_str().unwrap();
        let blob = cloud.path("data/blobs").join(&digest[..2]).join(digest);
        let size = std::fs::metadata(blob).unwrap().len();
        assert_eq!(Some(size), content["size"].as_u64(), "{pause} ms");
        assert!(now == before || size == 30_000_000, "{now}");
    }
}

#[test]
fn one_server_on_a_directory() {
    let mut cloud = Cloud::new("lock");
    cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    // Even when its address has got lost, and it does not answer.
    std::fs::remove_file(cloud.path("data/server.json")).unwrap();
    let second = cloud.run(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another otakit-cloud works on") && said.contains("data"), "{said}");
    let beside = cloud.run(&["device", "add", PRODUCT, DEVICE, SECRET]);
    assert_eq!(beside.status.code(), Some(1), "a device that the server would not know");
}

#[test]
fn pages_of_other_sites_do_not_reach_the_control_api() {
    let mut cloud = Cloud::new("sites");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let ask = |method: &str, headers: &str| {
        let mut stream = TcpStream::connect(&origin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = r#"{"product_key":"p","device_name":"d","device_secret":"s"}"#;
        let path = if method == "GET" { "/api/status" } else { "/api/devices" };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let own = format!("Host: {origin}\r\n");
    for (headers, wanted) in [
        ("Host: evil.test\r\n".to_owned(), "421"),
        (format!("Host: evil.test:{}\r\n", origin.rsplit(':').next().unwrap()), "421"),
        (format!("{own}Origin: http://evil.test\r\n"), "403"),
        (format!("{own}Origin: null\r\n"), "403"),
        (format!("{own}Origin: http://127.0.0.1:1\r\n"), "403"),
        (format!("{own}Sec-Fetch-Site: cross-site\r\n"), "403"),
        (format!("{own}Sec-Fetch-Site: same-site\r\n"), "403"),
        (String::new(), "400"),
        (own.clone(), "200"),
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(ask(method, &headers), wanted, "{method} {headers}");
        }
        let registered = cloud.ok(&["device", "list"]).contains("p/d");
        assert_eq!(registered, wanted == "200", "{headers}");
    }
}

/// With Nagle's algorithm each of these waits for the client's delayed acknowledgement, 40 ms at least. Counted are
/// answers that come in time for it; how long the server itself takes does not matter.
#[test]
fn small_ranges_do_not_wait() {
    let mut cloud = Cloud::new("ranges");
    image(&cloud.path("fw.bin"), 500_000);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert!(add(&cloud, "fw.bin", &[]).status.success());
    let path = cloud.image_path("2.0.0");
    let mut stream = TcpStream::connect(&origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut quickest = std::time::Duration::MAX;
    for n in 0..30 {
        let start = std::time::Instant::now();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nRange: bytes={0}-{1}\r\n\r\n",
            n * 4096,
            n * 4096 + 4095
        )
        .unwrap();
        let mut answer: Vec<u8> = Vec::new();
        let mut bytes = [0; 8192];
        loop {
            let n = stream.read(&mut bytes).unwrap();
            answer.extend(&bytes[..n]);
            let head = answer.windows(4).position(|w| w == b"\r\n\r\n");
            if head.is_some_and(|head| answer.len() == head + 4 + 4096) {
                break;
            }
        }
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < std::time::Duration::from_millis(30), "the quickest took {quickest:?}");
}

#[test]
fn addresses_that_devices_can_reach() {
    let mut cloud = Cloud::new("unspecified");
    set_password(&cloud, ADMIN);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (_, origin) = cloud.serve(&[
        "--mqtt",
        "127.0.0.1:0",
        "--http",
        "0.0.0.0:0",
        "--tls",
        "--public-url",
        "https://lab.test:1",
    ]);
    assert!(origin.starts_with("https://127.0.0.1:"), "the command line reaches it: {origin}");
    assert!(cloud.ok(&["device", "list"]).contains(DEVICE));
}

/// Without a name of its own a server on all interfaces gives devices an address that leads to it.
#[test]
fn offers_never_lead_to_all_interfaces() {
    let mut cloud = Cloud::new("interfaces");
    set_password(&cloud, ADMIN);
    image(&cloud.path("fw.bin"), 100);
    assert!(add(&cloud, "fw.bin", &[]).status.success());
    cloud.serve(&["--mqtt", "127.0.0.1:0", "--http", "0.0.0.0:0", "--tls"]);
    let url = cloud.ok(&["firmware", "url", "--product", PRODUCT, "--version", "2.0.0"]);
    let host = url.strip_prefix("https://").unwrap().split(':').next().unwrap();
    let address: std::net::IpAddr = host.parse().unwrap();
    assert!(!address.is_unspecified() && !address.is_loopback(), "{url}");
}

/// Firmware of a module is not that of a product whose name looks like both.
#[test]
fn names_that_read_alike_are_two() {
    let mut cloud = Cloud::new("alike");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let mut urls = Vec::new();
    for (n, (product, module, version)) in [
        ("p", Some("m"), "1"),
        ("p-m", None, "1"),
        ("p", None, "m-1"),
        ("p", Some("m-1"), "1"),
        ("p-m-1", None, "1"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = cloud.path(&format!("fw{n}.bin"));
        std::fs::write(&file, format!("image {n}")).unwrap();
        let mut words =
            vec!["firmware", "add", file.to_str().unwrap(), "--product", product, "--version", version];
        words.extend(module.iter().flat_map(|module| ["--module", module]));
        cloud.ok(&words);
        let mut words = vec!["firmware", "url", "--product", product, "--version", version];
        words.extend(module.iter().flat_map(|module| ["--module", module]));
        urls.push(cloud.ok(&words).trim().to_owned());
    }
    for (n, url) in urls.iter().enumerate() {
        let path = format!("/{}", url.splitn(4, '/').nth(3).unwrap());
        assert_eq!(http(&origin, "GET", &path, "").1, format!("image {n}").as_bytes());
    }
}
