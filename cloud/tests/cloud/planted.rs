// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets of every kind are used, and then looked for: in the log, in the database, in files, in what is shown to people.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::access::{ADMIN, ask, set_password, sign_in};
use crate::hub;
use crate::postgres::Postgres;
use crate::support::*;

const DEVICE_SECRET: &str = "planted-device-secret-0123456789";
const PRODUCT_SECRET: &str = "planted-product-secret";
const GUESS: &str = "planted wrong password";
const ONENET: (&str, &str) = ("123123", "on1");
/// An access key: base64.
const ACCESS_KEY: &str = "cGxhbnRlZC1hY2Nlc3Mta2V5LTAxMjM0NTY3ODk=";

/// A secret, and what it is.
type Secret = (&'static str, String);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(key)
        .unwrap()
        .chain_update(text)
        .finalize()
        .into_bytes()
        .to_vec()
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_usize, |n, at| n << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = DIGITS[group >> (18 - 6 * place) & 63];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn holds(place: &[u8], secret: &str) -> bool {
    assert!(secret.len() >= 8, "{secret:?} would be found anywhere");
    place.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Starts the server; what it says goes to the file `log`.
fn start(cloud: &mut Cloud, more: &[&str]) -> (String, String) {
    cloud.kill();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(cloud.path("log")).unwrap();
    let mut command = cloud.command(&[
        "serve",
        "--mqtt",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--log",
        "json",
        "--settle",
        "50",
    ]);
    command.args(more).arg("--ready-file").arg(cloud.path("ready.json"));
    command.stdout(log.try_clone().unwrap()).stderr(log);
    cloud.started(&mut command)
}

/// People: passwords, a session, tokens; right ones and wrong ones.
fn people(cloud: &Cloud, origin: &str, out: &mut Vec<Secret>) -> String {
    let json_type = "Content-Type: application/json\r\n";
    let token = cloud.ok(&["token", "create", "planted", "--scope", "read"]).trim().to_owned();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(ask(origin, "GET", "/api/status", &bearer, "").0, 200);
    assert_eq!(ask(origin, "POST", "/api/devices", &bearer, "{}").0, 403);
    let wrong_token = "okc_planted0wrong0token0planted0wrong0token0pl";
    assert_eq!(
        ask(origin, "GET", "/api/status", &format!("Authorization: Bearer {wrong_token}\r\n"), "").0,
        401
    );
    ask(origin, "POST", "/api/session", json_type, &json!({ "password": GUESS }).to_string());
    let cookie = sign_in(origin);
    let csrf = ask(origin, "GET", "/api/session", &cookie, "").2["csrf"].as_str().unwrap().to_owned();
    let wrong_csrf = "f".repeat(csrf.len());
    let odd = format!("{{\"device_secret\": \"{DEVICE_SECRET}\", \"device_name\": 7}}");
    for (proof, wanted) in [(&csrf, 422), (&wrong_csrf, 403)] {
        let signed = format!("{json_type}{cookie}X-CSRF-Token: {proof}\r\n");
        assert_eq!(ask(origin, "POST", "/api/devices", &signed, &odd).0, wanted);
    }
    // A secret where none belongs, behind a question mark; it is a change that the audit log notes.
    let signed = format!("{json_type}{cookie}X-CSRF-Token: {csrf}\r\n");
    ask(origin, "POST", "/api/devices?product_key=p&device_secret=planted-in-a-query", &signed, "{}");
    let session = cookie.trim().split_once('=').unwrap().1.to_owned();
    let local = std::fs::read_to_string(cloud.path("data").join("local-token")).unwrap();
    for (what, secret) in [
        ("the administrator's password", ADMIN.to_owned()),
        ("a wrong password", GUESS.to_owned()),
        ("a secret in a query", "planted-in-a-query".to_owned()),
        ("an API token", token),
        ("a wrong API token", wrong_token.to_owned()),
        ("a session", session),
        ("a CSRF token", csrf),
        ("the token of this machine", local.trim().to_owned()),
    ] {
        out.push((what, secret));
    }
    cookie
}

/// Link Kit's devices: sign-ins, registrations, an offer's URL.
fn devices(cloud: &Cloud, broker: &str, origin: &str, out: &mut Vec<Secret>) {
    // Signed with the secret, and with something else.
    let (_client, mut connection) = connect(broker, "planted-mqtt-password");
    while connection.recv_timeout(Duration::from_secs(5)).is_ok_and(|event| event.is_ok()) {}
    out.push(("a wrong password of MQTT", "planted-mqtt-password".to_owned()));
    let signed =
        hmac(DEVICE_SECRET.as_bytes(), &format!("clientId{DEVICE}deviceName{DEVICE}productKey{PRODUCT}"));
    out.push(("a device's sign-in", hex(&signed)));
    let mut device = hub::Raw::connect(broker, &hub::sign_in(DEVICE, DEVICE_SECRET, true));
    assert_eq!(device.next().unwrap(), [0x20, 2, 0, 0]);
    device.send(&hub::subscribe(1, &[(&format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}"), 1)]));
    device.next().unwrap();
    // A device that says its secret where anybody could read it.
    let talk = json!({ "id": "9", "params": { "version": "1.0.0" }, "deviceSecret": DEVICE_SECRET, "note": format!("my secret is {DEVICE_SECRET}") });
    device.send(&hub::publish(&format!("/ota/device/inform/{PRODUCT}/{DEVICE}"), &talk.to_string(), 4));
    cloud.ok(&["push", PRODUCT, DEVICE]);
    let start = Instant::now();
    let offer = loop {
        assert!(start.elapsed() < PATIENCE, "no offer comes");
        let packet = device.next().unwrap();
        let text = String::from_utf8_lossy(&packet).into_owned();
        if let Some(at) = text.find("http://").filter(|_| packet[0] >> 4 == 3) {
            break text[at..].split('"').next().unwrap().to_owned();
        }
    };
    let target = format!("/{}", offer.splitn(4, '/').nth(3).unwrap());
    let signature = target.split("Signature=").nth(1).unwrap().to_owned();
    assert!(http(origin, "GET", &target, "").0.starts_with("http/1.1 200"));
    let forged: String = signature.chars().rev().collect();
    assert!(http(origin, "GET", &target.replace(&signature, &forged), "").0.starts_with("http/1.1 403"));
    out.push(("the signature of a URL", signature));
    out.push(("a forged signature of a URL", forged));
    // Registration, over both ways.
    let text = format!("deviceName{DEVICE}productKey{PRODUCT}randomplanted");
    let proof = hex(&hmac(PRODUCT_SECRET.as_bytes(), &text));
    for sign in [proof.clone(), "planted-wrong-proof".to_owned()] {
        let form = format!(
            "productKey={PRODUCT}&deviceName={DEVICE}&random=planted&sign={sign}&signMethod=hmacsha256"
        );
        let (_, _, answer) = ask(
            origin,
            "POST",
            "/auth/register/device",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            &form,
        );
        assert_eq!(answer["code"] == 200, sign == proof, "{answer}");
    }
    out.push(("the proof of a registration", proof));
    out.push(("a wrong proof of a registration", "planted-wrong-proof".to_owned()));
}

/// OneNET's devices: the token of a request, the token of a task.
fn onenet(cloud: &Cloud, origin: &str, out: &mut Vec<Secret>) -> String {
    let (product, device) = ONENET;
    cloud.ok(&["onenet", "task", product, device, "--version", "2.0.0"]);
    let resource = format!("products/{product}/devices/{device}");
    let key = b"planted-access-key-0123456789";
    assert_eq!(base64(key), ACCESS_KEY);
    let sign = base64(&hmac(key, &format!("4102444800\nsha256\n{resource}\n2018-10-31")));
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let escaped = escape(&sign);
    let authorization = |sign: &str| {
        format!(
            "Authorization: version=2018-10-31&res={}&et=4102444800&method=sha256&sign={sign}\r\n",
            escape(&resource)
        )
    };
    let check = format!("/ota/south/check?dev_id={device}&type=2&version=1.0.0");
    let (_, _, found) = ask(origin, "GET", &check, &authorization(&escaped), "");
    let token = found["data"]["token"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned();
    let wrong = escape(&base64(&hmac(b"another key", "x")));
    let (status, ..) = ask(origin, "GET", &check, &authorization(&wrong), "");
    assert_eq!(status, 401);
    let stands = format!("/ota/south/download/{token}/check?dev_id={device}");
    assert_eq!(ask(origin, "GET", &stands, &authorization(&escaped), "").0, 200);
    assert_eq!(http(origin, "GET", &format!("/ota/south/download/{token}"), "").1.len(), 5_000);
    http(origin, "GET", "/ota/south/download/ota_plantedWrongTask01", "");
    out.push(("the signature of OneNET's token", sign));
    out.push(("a wrong signature of OneNET's token", wrong));
    out.push(("a wrong token of a task", "ota_plantedWrongTask01".to_owned()));
    token
}

/// The files of the data directory, except those that are there to hold a secret.
fn files(root: &Path, data: &Path, out: &mut Vec<u8>, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let (path, inside) =
            (entry.path(), entry.path().strip_prefix(data).unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            files(&path, data, out, names);
        } else if !["local-token", "tls/key.pem"].contains(&inside.as_str()) {
            out.extend(std::fs::read(&path).unwrap());
            names.insert(inside);
        }
    }
}

/// What people are shown, by commands and by pages.
fn everything_shown(cloud: &Cloud, origin: &str, cookie: &str, secrets: &[Secret]) -> Vec<u8> {
    let mut shown = Vec::new();
    for words in [
        &["audit", "--json"][..],
        &["token", "list", "--json"],
        &["status", "--json"],
        &["job", "list", "--json"],
        &["firmware", "list", "--json"],
    ] {
        shown.extend(cloud.ok(words).into_bytes());
    }
    let pages = ["/console", "/console/devices", "/console/firmware", "/console/jobs"].map(str::to_owned);
    let of_devices =
        [(PRODUCT, DEVICE), ONENET].map(|(product, device)| format!("/console/devices/{product}/{device}"));
    for path in pages.iter().chain(&of_devices).chain(&["/metrics".to_owned()]) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n{cookie}\r\n");
        let (head, body) = request(origin, &head);
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        // A page's forms carry the proof of its own session.
        let text = String::from_utf8(body).unwrap();
        let proof = secrets.iter().find(|(what, _)| *what == "a CSRF token").unwrap();
        shown.extend(text.replace(&proof.1, "").into_bytes());
    }
    assert!(holds(&shown, "/ota/device/inform/"), "the conversation is among what is shown");
    shown
}

fn planted(mut cloud: Cloud, postgres: Option<&Postgres>) {
    set_password(&cloud, ADMIN);
    let (broker, origin) = start(&mut cloud, &[]);
    image(&cloud.path("fw.bin"), 5_000);
    for (product, device, secret, of_product) in [
        (PRODUCT, DEVICE, DEVICE_SECRET, PRODUCT_SECRET),
        (ONENET.0, ONENET.1, ACCESS_KEY, "planted-onenet-product"),
    ] {
        cloud.ok(&["device", "add", product, device, secret, "--ps", of_product]);
        cloud.ok(&[
            "firmware",
            "add",
            cloud.path("fw.bin").to_str().unwrap(),
            "--product",
            product,
            "--version",
            "2.0.0",
        ]);
    }
    let mut secrets = Vec::new();
    let cookie = people(&cloud, &origin, &mut secrets);
    devices(&cloud, &broker, &origin, &mut secrets);
    let task = onenet(&cloud, &origin, &mut secrets);
    let shown = everything_shown(&cloud, &origin, &cookie, &secrets);

    // TLS with a key of its own, and a start that fails.
    start(&mut cloud, &["--tls"]);
    let pem = std::fs::read_to_string(cloud.path("data/tls/key.pem")).unwrap();
    secrets.push(("the key of TLS", pem.lines().nth(1).unwrap().to_owned()));
    cloud.kill();
    let database = postgres.map(Postgres::dump).unwrap_or_default();
    let (mut kept, mut names) = (database, BTreeSet::new());
    files(&cloud.path("data"), &cloud.path("data"), &mut kept, &mut names);
    let log = std::fs::read(cloud.path("log")).unwrap();

    compare(secrets, &task, &kept, &log, &shown, &names);
}

/// Nothing of it is where it must not be, and the places were looked at.
fn compare(
    mut secrets: Vec<Secret>,
    task: &str,
    kept: &[u8],
    log: &[u8],
    shown: &[u8],
    names: &BTreeSet<String>,
) {
    assert!(holds(kept, DEVICE) && holds(kept, DEVICE_SECRET), "the database is looked at: {names:?}");
    for line in ["sign-in refused", "onenet: refused", "offering 2.0.0"] {
        assert!(holds(log, line), "the log is looked at: {}", String::from_utf8_lossy(log));
    }
    assert!(secrets.len() >= 17, "{secrets:?}");
    for (what, secret) in &secrets {
        assert!(!holds(kept, secret), "{what} is in the database or in a file: {secret}");
    }
    // Those of devices and the key of the URLs are needed in the database: their HMACs are made with them. A task's token
    // is what the device is told.
    let text = String::from_utf8_lossy(kept).into_owned();
    let key = text.split("url-key").nth(1).unwrap();
    let key: String = key
        .chars()
        .skip_while(|c| !c.is_ascii_hexdigit())
        .take_while(char::is_ascii_hexdigit)
        .take(64)
        .collect();
    assert_eq!(key.len(), 64, "the key of the URLs is in the database");
    for (what, secret) in [
        ("a device's secret", DEVICE_SECRET),
        ("a product's secret", PRODUCT_SECRET),
        ("an access key", ACCESS_KEY),
        ("OneNET's product secret", "planted-onenet-product"),
        ("the key of the URLs", &key),
        ("a task's token", task),
    ] {
        secrets.push((what, secret.to_owned()));
    }
    for (what, secret) in &secrets {
        assert!(!holds(log, secret), "{what} is in the log: {secret}");
        assert!(!holds(shown, secret), "{what} is shown: {secret}");
    }
}

#[test]
fn on_sqlite() {
    planted(Cloud::new("planted-sqlite"), None);
}

#[test]
fn on_postgresql() {
    let postgres = Postgres::start("planted");
    planted(Cloud::on("planted-postgresql", &postgres.url()), Some(&postgres));
}
