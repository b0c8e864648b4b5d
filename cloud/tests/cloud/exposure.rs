// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server that other machines reach: never without a password, never without TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::access::{ADMIN, ask, set_password};
use crate::support::*;

/// Starts a server that is to refuse; what it says.
pub fn refused(cloud: &Cloud, options: &[&str]) -> String {
    let mut command = cloud.command(&["serve"]);
    command
        .arg("--ready-file")
        .arg(cloud.path("ready.json"))
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE || cloud.path("ready.json").exists() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it serves with {options:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

const HERE: &str = "127.0.0.1:0";
const EVERYWHERE: &str = "0.0.0.0:0";

#[test]
fn it_refuses_without_password_and_tls() {
    let cloud = Cloud::new("exposure-refused");
    let (password, tls) = ("set a password first", "choose TLS");
    for (http, mqtt, option) in [
        (EVERYWHERE, HERE, "--http 0.0.0.0:0"),
        (HERE, EVERYWHERE, "--mqtt 0.0.0.0:0"),
        ("[::]:0", HERE, "--http [::]:0"),
    ] {
        let text = refused(&cloud, &["--http", http, "--mqtt", mqtt]);
        assert!(text.contains(option) && text.contains(password) && text.contains(tls), "{text}");
    }
    let text = refused(&cloud, &["--http", EVERYWHERE, "--mqtt", HERE, "--tls"]);
    assert!(text.contains(password) && !text.contains(tls), "{text}");
    let proxy = ["--http", HERE, "--mqtt", HERE, "--behind-proxy", "127.0.0.1"];
    assert!(refused(&cloud, &proxy).contains(password));
    set_password(&cloud, ADMIN);
    let text = refused(&cloud, &["--http", EVERYWHERE, "--mqtt", HERE]);
    assert!(!text.contains(password) && text.contains(tls), "{text}");
}

/// A cloud with TLS; its certificate's file and fingerprint.
fn with_tls(name: &str) -> (Cloud, String, String, Value) {
    let mut cloud = Cloud::new(name);
    set_password(&cloud, ADMIN);
    let mut command = cloud.command(&["serve", "--tls", "--http", EVERYWHERE, "--mqtt", EVERYWHERE]);
    command.arg("--ready-file").arg(cloud.path("ready.json"));
    let (mqtt, http) = cloud.started(&mut command);
    let ready: Value = serde_json::from_slice(&std::fs::read(cloud.path("ready.json")).unwrap()).unwrap();
    assert!(http.starts_with("https://127.0.0.1:"), "{http}");
    (cloud, mqtt, http.trim_start_matches("https://").to_owned(), ready)
}

/// A connection that trusts this certificate and no other.
pub fn secured(address: &str, certificate: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let connection = ClientConnection::new(config, ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    StreamOwned::new(connection, socket)
}

#[test]
fn both_sides_speak_tls() {
    let (cloud, mqtt, http, ready) = with_tls("exposure-tls");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let certificate = ready["certificate"].as_str().unwrap();

    // HTTP: a page's cookie is for TLS alone.
    let mut stream = secured(&http, certificate);
    let body = format!("{{\"password\":\"{ADMIN}\"}}");
    let head = format!(
        "POST /api/session HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    );
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("set-cookie: __Host-otakit-") && cookie.ends_with("; Secure"), "{cookie}");

    // MQTT.
    let mut stream = secured(&mqtt, certificate);
    let field =
        |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let mut packet = [&field("MQTT")[..], &[4, 0xC2, 0, 60]].concat();
    for text in [CLIENT_ID, &format!("{DEVICE}&{PRODUCT}"), PASSWORD] {
        packet.extend(field(text));
    }
    let length = packet.len();
    let low = u8::try_from(length % 128).unwrap() | 128;
    stream.write_all(&[0x10, low, u8::try_from(length / 128).unwrap()]).unwrap();
    stream.write_all(&packet).unwrap();
    let mut ack = [0; 4];
    stream.read_exact(&mut ack).unwrap();
    assert_eq!(ack, [0x20, 2, 0, 0]);

    // Without TLS neither answers.
    for address in [&http, &mqtt] {
        let answer = raw(address, &format!("GET /api/server HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
}

#[test]
fn commands_from_another_machine() {
    let (cloud, _, http, ready) = with_tls("exposure-remote");
    let fingerprint = ready["fingerprint"].as_str().unwrap().to_owned();
    let token = cloud.ok(&["token", "create", "elsewhere", "--scope", "read"]).trim().to_owned();
    let file = cloud.path("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let server = format!("https://{http}");
    let run = |words: &[&str], token: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_otakit-cloud"));
        command.args(words).arg("--server").arg(&server).current_dir(&cloud.dir);
        if let Some(token) = token {
            command.env("OTAKIT_CLOUD_TOKEN", token);
        }
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    let pinned = ["device", "list", "--fingerprint", &fingerprint];
    let (done, text) = run(&pinned, Some(&token));
    assert!(done, "{text}");
    let (done, text) = run(&[&pinned[..], &["--token-file", &file.to_string_lossy()]].concat(), None);
    assert!(done, "{text}");
    let (done, text) = run(&["device", "list", "--ca", ready["certificate"].as_str().unwrap()], Some(&token));
    assert!(done, "{text}");
    // Refused: nobody, a token that may not, a server that is another one.
    let (done, text) = run(&pinned, None);
    assert!(!done && text.contains("send an API token"), "{text}");
    let order = ["device", "add", "p", "d", "s", "--fingerprint", &fingerprint];
    let (done, text) = run(&order, Some(&token));
    assert!(!done && text.contains("this needs a token with the scope devices"), "{text}");
    let (done, text) = run(&["device", "list", "--fingerprint", &"0".repeat(64)], Some(&token));
    assert!(!done && text.contains(&fingerprint), "{text}");
    let (done, text) = run(&["device", "list"], Some(&token));
    assert!(!done && !text.contains(&token), "{text}");
}

#[test]
fn a_proxy_is_believed_and_nobody_else() {
    let mut cloud = Cloud::new("exposure-proxy");
    set_password(&cloud, ADMIN);
    let proxy = ["--mqtt", HERE, "--behind-proxy", "127.0.0.1", "--public-url", "https://ota.test"];
    let (_, http) = cloud.serve(&proxy);
    let forwarded = "Content-Type: application/json\r\nX-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n";
    let (status, _, _) = ask(&http, "POST", "/api/session", forwarded, r#"{"password":"not the password"}"#);
    assert_eq!(status, 401);
    assert!(
        cloud.ok(&["audit"]).contains("nobody from 198.51.100.7: sign-in: refused"),
        "{}",
        cloud.ok(&["audit"])
    );
    // Its name is ours.
    let body = format!("{{\"password\":\"{ADMIN}\"}}");
    let head = format!(
        "POST /api/session HTTP/1.1\r\nHost: ota.test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let (head, _) = request(&http, &format!("{head}\r\n{body}"));
    assert!(head.starts_with("http/1.1 200") && head.contains("; secure"), "{head}");

    // Without a proxy that was named nobody's word counts.
    cloud.kill();
    let (_, http) = cloud.serve(&["--mqtt", HERE]);
    ask(&http, "POST", "/api/session", forwarded, r#"{"password":"not the password"}"#);
    assert!(cloud.ok(&["audit", "--limit", "1"]).contains("nobody from 127.0.0.1: sign-in: refused"));
}

#[test]
fn a_public_name_is_no_way_around_the_password() {
    let mut cloud = Cloud::new("exposure-name");
    let (_, http) = cloud.serve(&["--mqtt", HERE, "--public-url", "http://lab.test:9000"]);
    let (head, _) =
        request(&http, "GET /api/status HTTP/1.1\r\nHost: lab.test:9000\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("http/1.1 421"), "{head}");
}
