// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may do what: passwords, sessions, tokens, the audit log.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::*;

pub const ADMIN: &str = "a password of the test";

/// A running cloud, with a password.
fn guarded(name: &str) -> (Cloud, String) {
    let mut cloud = Cloud::new(name);
    set_password(&cloud, ADMIN);
    let (_, http) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    (cloud, http)
}

pub fn set_password(cloud: &Cloud, password: &str) {
    let mut child = cloud.command(&["password"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Status, head and body of the answer to a request that names the server properly.
pub fn ask(http: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, Value) {
    let host = format!("Content-Length: {}\r\n{headers}", body.len());
    let (head, body) = request(
        http,
        &format!("{method} {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n{host}\r\n{body}"),
    );
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn status(http: &str, method: &str, path: &str, headers: &str) -> u16 {
    ask(http, method, path, headers, "").0
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Signs in; the `Cookie` header.
pub fn sign_in(http: &str) -> String {
    let (status, head, _) =
        ask(http, "POST", "/api/session", JSON, &json!({ "password": ADMIN }).to_string());
    assert_eq!(status, 200, "{head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().to_owned();
    assert!(cookie.contains("; httponly; samesite=strict"), "{cookie}");
    // `http` gives a head in small letters; a session is spelled as it came.
    let raw = request_head(http, ADMIN);
    format!("Cookie: {}\r\n", raw.split(';').next().unwrap())
}

fn request_head(http: &str, password: &str) -> String {
    let body = json!({ "password": password }).to_string();
    let answer = raw(
        http,
        &format!(
            "POST /api/session HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n{JSON}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let text = String::from_utf8(answer).unwrap();
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")).unwrap();
    line["set-cookie: ".len()..].to_owned()
}

#[test]
fn nothing_without_signing_in() {
    let (_cloud, http) = guarded("access-none");
    for (method, path) in [
        ("GET", "/api/status"),
        ("GET", "/api/server"),
        ("POST", "/api/devices"),
        ("DELETE", "/api/devices/p/d"),
        ("GET", "/api/firmware"),
        ("POST", "/api/firmware"),
        ("POST", "/api/push"),
        ("POST", "/api/cancel"),
        ("GET", "/api/jobs"),
        ("POST", "/api/jobs/1/start"),
        ("POST", "/api/onenet/task"),
        ("GET", "/api/tokens"),
        ("POST", "/api/tokens"),
        ("GET", "/api/audit"),
        ("POST", "/api/password"),
        ("GET", "/api/session"),
        ("DELETE", "/api/session"),
    ] {
        for headers in [
            "",
            "Authorization: Bearer okc_0\r\n",
            "Authorization: Basic YWRtaW46eA==\r\n",
            "Authorization: Bearer\r\n",
            "Cookie: otakit=1\r\n",
        ] {
            let (status, head, body) = ask(&http, method, path, headers, "");
            assert_eq!(status, 401, "{method} {path} {headers:?} {body}");
            assert!(head.contains("cache-control: no-store"), "{head}");
        }
    }
    // Devices need no session: their own sign-in decides.
    assert_eq!(status(&http, "GET", "/firmware/1/x/y", ""), 403);
}

#[test]
fn sessions() {
    let (cloud, http) = guarded("access-session");
    let wrong = json!({ "password": "a passwort of the test" }).to_string();
    assert_eq!(ask(&http, "POST", "/api/session", JSON, &wrong).0, 401);
    assert_eq!(ask(&http, "POST", "/api/session", "", &wrong).0, 415, "a form of another site");
    let cookie = sign_in(&http);
    let other = sign_in(&http);
    assert_ne!(cookie, other);
    // A session that somebody planted in the browser before is not taken over.
    let planted =
        format!("{}=planted0planted0planted0planted0planted0plan", cookie.trim().split_once('=').unwrap().0);
    let (status_, head, _) = ask(
        &http,
        "POST",
        "/api/session",
        &format!("{JSON}{planted}\r\n"),
        &json!({ "password": ADMIN }).to_string(),
    );
    assert!(status_ == 200 && !head.contains("planted"), "{head}");
    assert_eq!(status(&http, "GET", "/api/status", &format!("{planted}\r\n")), 401);
    let (status_, _, about) = ask(&http, "GET", "/api/session", &cookie, "");
    assert_eq!((status_, about["who"].as_str(), about["open"].as_bool()), (200, Some("admin"), Some(false)));
    let csrf = about["csrf"].as_str().unwrap().to_owned();
    let of_other = ask(&http, "GET", "/api/session", &other, "").2["csrf"].as_str().unwrap().to_owned();
    assert_ne!(csrf, of_other);

    changes_need_the_csrf_token(&http, &cookie, &csrf, &of_other);

    // Two cookies of one name: one was planted by another port of this host.
    assert_eq!(status(&http, "GET", "/api/session", &format!("{cookie}{other}")), 401);

    // Signed out on the server, not only in the browser.
    let out = format!("{cookie}X-CSRF-Token: {csrf}\r\n");
    assert_eq!(status(&http, "DELETE", "/api/session", &out), 200);
    assert_eq!(status(&http, "GET", "/api/status", &cookie), 401);
    assert_eq!(status(&http, "GET", "/api/status", &other), 200);
    // A new password ends all sessions.
    set_password(&cloud, "another password");
    assert_eq!(status(&http, "GET", "/api/status", &other), 401);
    let old = json!({ "password": ADMIN }).to_string();
    assert_eq!(ask(&http, "POST", "/api/session", JSON, &old).0, 401);
}

/// In a header or in a form, and that of this session.
fn changes_need_the_csrf_token(http: &str, cookie: &str, csrf: &str, of_other: &str) {
    let device = json!({ "product_key": "p", "device_name": "d", "device_secret": "s" }).to_string();
    let add =
        |headers: &str| ask(http, "POST", "/api/devices", &format!("{JSON}{cookie}{headers}"), &device).0;
    assert_eq!(add(""), 403);
    assert_eq!(add("X-CSRF-Token: \r\n"), 403);
    assert_eq!(add(&format!("X-CSRF-Token: {of_other}\r\n")), 403);
    assert_eq!(add(&format!("X-CSRF-Token: {csrf}\r\nOrigin: http://evil.test\r\n")), 403);
    assert_eq!(add(&format!("X-CSRF-Token: {csrf}\r\n")), 200);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let posted = |body: &str| ask(http, "POST", "/api/cancel", &format!("{form}{cookie}"), body).0;
    assert_eq!(posted("a=b"), 403);
    assert_eq!(posted(&format!("a=b&csrf={of_other}")), 403);
    assert_eq!(posted(&format!("a=b&csrf={csrf}")), 415, "let through, and then no JSON");
    assert_eq!(posted(&format!("csrf={csrf}&{}", "x".repeat(70_000))), 413);
}

#[test]
fn tries_are_counted() {
    let (_cloud, http) = guarded("access-tries");
    let guess = |n: usize| {
        let body = json!({ "password": format!("a guess, number {n}") }).to_string();
        ask(&http, "POST", "/api/session", JSON, &body).0
    };
    let answers: Vec<u16> = (0..15).map(guess).collect();
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 10);
    assert_eq!(answers.last(), Some(&429));
    let right = json!({ "password": ADMIN }).to_string();
    assert_eq!(ask(&http, "POST", "/api/session", JSON, &right).0, 429, "the right one waits too");
}

/// A thousand tries, as they would come through a proxy: they end soon, and who has the password is let in meanwhile.
#[test]
fn others_can_sign_in_while_somebody_guesses() {
    let mut cloud = Cloud::new("access-crowd");
    set_password(&cloud, ADMIN);
    let proxy = ["--mqtt", "127.0.0.1:0", "--behind-proxy", "127.0.0.1", "--public-url", "https://ota.test"];
    let (_, http) = cloud.serve(&proxy);
    let from = |address: &str, password: &str| {
        let headers = format!("{JSON}X-Forwarded-For: {address}\r\n");
        ask(&http, "POST", "/api/session", &headers, &json!({ "password": password }).to_string()).0
    };
    assert_eq!(from("198.51.100.8", ADMIN), 200, "somebody who is known");
    let start = std::time::Instant::now();
    let mut checked = 0;
    for n in 0..1_000 {
        checked += usize::from(from(&format!("203.0.113.{}", n % 50), "a guess of many") == 401);
    }
    assert!((10..=200).contains(&checked), "{checked} guesses were checked");
    assert!(start.elapsed() < 6 * PATIENCE, "{:?}", start.elapsed());
    assert_eq!(from("198.51.100.8", ADMIN), 200, "is let in");
    assert_eq!(from("203.0.113.7", ADMIN), 429, "who guessed waits, right or wrong");
}

#[test]
fn tokens_have_scopes() {
    let (cloud, http) = guarded("access-token");
    let make = |name: &str, scope: &str| {
        let text = cloud.ok(&["token", "create", name, "--scope", scope]).trim().to_owned();
        format!("Authorization: Bearer {text}\r\n")
    };
    let tokens = ["read", "firmware", "jobs", "devices", "admin"].map(|scope| (scope, make(scope, scope)));
    for (method, path, wanted, body) in [
        ("GET", "/api/status", "read", ""),
        ("GET", "/api/jobs", "read", ""),
        ("POST", "/api/jobs/preview", "read", "{}"),
        ("POST", "/api/devices", "devices", "{}"),
        ("DELETE", "/api/devices/p/d", "devices", ""),
        ("POST", "/api/devices/p/d/tags", "devices", "{}"),
        ("POST", "/api/firmware?product=p&version=1", "firmware", ""),
        ("DELETE", "/api/firmware/9", "firmware", ""),
        ("POST", "/api/config?product=p", "firmware", ""),
        ("POST", "/api/push", "jobs", "{}"),
        ("POST", "/api/cancel", "jobs", "{}"),
        ("POST", "/api/jobs", "jobs", "{}"),
        ("POST", "/api/jobs/1/start", "jobs", ""),
        ("POST", "/api/onenet/task", "jobs", "{}"),
        ("GET", "/api/tokens", "admin", ""),
        ("POST", "/api/tokens", "admin", "{}"),
        ("DELETE", "/api/tokens/99", "admin", ""),
        ("GET", "/api/audit", "admin", ""),
    ] {
        for (scope, header) in &tokens {
            let (status, _, answer) = ask(&http, method, path, &format!("{JSON}{header}"), body);
            let may = *scope == wanted || *scope == "admin";
            assert_eq!(status != 403, may, "{method} {path} with {scope}: {status} {answer}");
            assert!(status < 500 && status != 401, "{method} {path} with {scope}: {status} {answer}");
        }
    }
    let list: Value = serde_json::from_str(&cloud.ok(&["token", "list", "--json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 5);
    assert!(list[0]["used_at"].is_string(), "{list}");
    let read = &tokens[0].1;
    cloud.ok(&["token", "revoke", &list[0]["id"].to_string()]);
    assert_eq!(status(&http, "GET", "/api/status", read), 401);
    let refused = cloud.run(&["token", "create", "x\ny", "--scope", "read"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("token name"));
}

#[test]
fn the_command_line_of_the_machine_needs_no_token() {
    let (mut cloud, http) = guarded("access-local");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    assert!(cloud.ok(&["status"]).contains(DEVICE));
    let token = std::fs::read_to_string(cloud.path("data").join("local-token")).unwrap();
    let header = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(status(&http, "GET", "/api/status", &header), 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(cloud.path("data").join("local-token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // It is for this run of the server.
    cloud.kill();
    let (_, http) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert_eq!(status(&http, "GET", "/api/status", &header), 401);
}

#[test]
fn changes_are_audited() {
    let (cloud, http) = guarded("access-audit");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let token = cloud.ok(&["token", "create", "ci", "--scope", "read"]).trim().to_owned();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(
        ask(&http, "POST", "/api/session", JSON, &json!({ "password": "not at all" }).to_string()).0,
        401
    );
    assert_eq!(status(&http, "DELETE", "/api/firmware/1", &bearer), 403);
    let lines: Value = serde_json::from_str(&cloud.ok(&["audit", "--json"])).unwrap();
    let lines: Vec<String> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            format!(
                "{} {} {}",
                l["who"].as_str().unwrap(),
                l["what"].as_str().unwrap(),
                l["outcome"].as_str().unwrap()
            )
        })
        .collect();
    for wanted in [
        format!("local POST /api/devices {PRODUCT}/{DEVICE} 200"),
        "local POST /api/tokens \"ci\" read 200".to_owned(),
        "nobody sign-in refused".to_owned(),
        "token ci DELETE /api/firmware/1 403".to_owned(),
    ] {
        assert!(lines.contains(&wanted), "{wanted} in {lines:#?}");
    }
    let text = cloud.ok(&["audit"]);
    assert!(!text.contains(SECRET) && !text.contains(&token), "{text}");
}

#[test]
fn without_a_password_loopback_is_open() {
    let mut cloud = Cloud::new("access-open");
    let (_, http) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let (status_, head, about) = ask(&http, "GET", "/api/session", "", "");
    assert_eq!((status_, about["open"].as_bool()), (200, Some(true)));
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "frame-ancestors 'none'",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    assert_eq!(
        status(&http, "GET", "/api/status", "Authorization: Bearer okc_unknown\r\n"),
        401,
        "a token is checked"
    );
    // From now on it is not.
    set_password(&cloud, ADMIN);
    assert_eq!(status(&http, "GET", "/api/status", ""), 401);
}
