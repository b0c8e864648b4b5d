// SPDX-License-Identifier: MIT OR Apache-2.0
//! `serve --lan`: what a person reads, what a phone scans, what a compiler takes.

use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::access::{ADMIN, set_password};
use crate::exposure::{refused, secured};
use crate::support::*;

#[test]
fn it_needs_a_password() {
    let cloud = Cloud::new("lan-refused");
    let text = refused(&cloud, &["--lan"]);
    assert!(text.contains("--http 0.0.0.0:8443") && text.contains("set a password first"), "{text}");
    assert!(!text.contains("choose TLS"), "it brings TLS: {text}");
}

/// The QR code of a text: its pixels are half blocks, a light one is drawn.
fn scanned(text: &str) -> String {
    let blocks =
        |line: &&str| !line.is_empty() && line.chars().all(|c| " \u{2580}\u{2584}\u{2588}".contains(c));
    let rows: Vec<Vec<char>> = text.lines().filter(blocks).map(|line| line.chars().collect()).collect();
    let (width, height) = (rows[0].len(), rows.len() * 2);
    let light = |x: usize, y: usize| {
        let block = rows[y / 2].get(x).copied().unwrap_or(' ');
        match block {
            '\u{2588}' => true,
            '\u{2580}' => y.is_multiple_of(2),
            '\u{2584}' => !y.is_multiple_of(2),
            _ => false,
        }
    };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * 4, height * 4, |x, y| {
        if light(x / 4, y / 4) { 255 } else { 0 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code: {text}");
    grids[0].decode().unwrap().1
}

#[test]
fn boards_find_the_way() {
    let mut cloud = Cloud::new("lan");
    set_password(&cloud, ADMIN);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let out = cloud.path("out");
    // On loopback, as every server of the tests; without these two it would be all interfaces.
    let mut command = cloud.command(&["serve", "--lan", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]);
    command.arg("--ready-file").arg(cloud.path("ready.json"));
    command.stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null());
    let (mqtt, http) = cloud.started(&mut command);
    let ready: Value = serde_json::from_slice(&std::fs::read(cloud.path("ready.json")).unwrap()).unwrap();
    let fingerprint = ready["fingerprint"].as_str().unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let link = format!("{http}/console#mqtt={mqtt}&sha256={fingerprint}");
    assert_eq!(scanned(&text), link);
    for line in [
        format!("console {http}/console"),
        format!("mqtt for devices mqtts://{mqtt}"),
        format!("sha256 of the certificate {fingerprint}"),
        link,
        format!("#define PRODUCT_KEY \"{PRODUCT}\""),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    assert!(!text.contains(SECRET) && !text.contains(ADMIN), "{text}");

    // The piece of C compiles; what it trusts is what the server shows.
    let snippet = &text[text.find("#define PRODUCT_KEY").unwrap()..];
    let (head, body) = snippet.split_once("/* in iotx_mqtt_param_t").unwrap();
    let body = body.split_once('\n').unwrap().1;
    let source = format!(
        "#include <stdio.h>\n#include \"infra_compat.h\"\n#include \"mqtt_api.h\"\n{head}\nint main(void) {{ iotx_mqtt_param_t params;\n{body}\n\
         printf(\"%s %d\\n%s\", params.host, (int)params.port, params.pub_key); return PRODUCT_KEY[0] == 0; }}\n"
    );
    std::fs::write(cloud.path("snippet.c"), source).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../include/linkkit");
    let built = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", include, "-o"])
        .args([cloud.path("snippet"), cloud.path("snippet.c")])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let said = String::from_utf8(Command::new(cloud.path("snippet")).output().unwrap().stdout).unwrap();
    let (place, certificate) = said.split_once('\n').unwrap();
    assert_eq!(place, mqtt.replace(':', " "));
    std::fs::write(cloud.path("trusted.pem"), certificate).unwrap();
    let address = http.strip_prefix("https://").unwrap();
    let mut stream = secured(address, cloud.path("trusted.pem").to_str().unwrap());
    std::io::Write::write_all(
        &mut stream,
        format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    // The commands on a device's page lead there too, and the URLs of offers.
    image(&cloud.path("fw.bin"), 100);
    cloud.ok(&[
        "firmware",
        "add",
        cloud.path("fw.bin").to_str().unwrap(),
        "--product",
        PRODUCT,
        "--version",
        "2.0.0",
    ]);
    let url = cloud.ok(&["firmware", "url", "--product", PRODUCT, "--version", "2.0.0"]);
    assert!(url.starts_with(&format!("{http}/firmware/")), "{url}");
}
