// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console over HTTP, as a browser without scripts sees it. tests/console has a real one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rumqttc::{Client, QoS};

use super::support::{Cloud, DEVICE, PASSWORD, PATIENCE, PRODUCT, SECRET, connect, image, offer, wait};

/// A request; the status, the head in lower case, the body.
pub fn ask(origin: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n").unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

pub fn get(origin: &str, path: &str) -> (u16, String) {
    let (status, _, body) = ask(origin, "GET", path, "Accept-Language: en\r\n", b"");
    (status, body)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nAccept-Language: en\r\n";

/// Sends a form; the status, where it leads to, the page.
pub fn send(origin: &str, path: &str, fields: &str) -> (u16, String, String) {
    let (status, head, body) = ask(origin, "POST", path, FORM, fields.as_bytes());
    let to = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default().to_owned();
    (status, to, body)
}

fn upload(origin: &str, product: &str, version: &str, bytes: &[u8]) -> (u16, String) {
    let mut body = Vec::new();
    for (name, value) in [("product", product), ("version", version)] {
        write!(body, "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    write!(body, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../fw 1.bin\"\r\n\r\n")
        .unwrap();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let headers = "Content-Type: multipart/form-data; boundary=x\r\nAccept-Language: en\r\n";
    let (status, _, page) = ask(origin, "POST", "/console/upload", headers, &body);
    (status, page)
}

fn publish(client: &Client, topic: &str, payload: &serde_json::Value) {
    client.publish(topic, QoS::AtLeastOnce, false, payload.to_string()).unwrap();
}

fn inform(client: &Client, version: &str) {
    let topic = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    publish(client, &topic, &serde_json::json!({ "id": "1", "params": { "version": version } }));
}

fn progress(client: &Client, step: &str, desc: &str) {
    let topic = format!("/ota/device/progress/{PRODUCT}/{DEVICE}");
    publish(client, &topic, &serde_json::json!({ "id": "2", "params": { "step": step, "desc": desc } }));
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A console with a device, a firmware and a job.
fn console(name: &str) -> (Cloud, String, String) {
    let mut cloud = Cloud::new(name);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET, "--ps", "PRODUCTSECRET16x"]);
    let fw = cloud.path("fw.bin");
    image(&fw, 50_000);
    cloud.ok(&["firmware", "add", fw.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"]);
    let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    cloud.ok(&["job", "create", PRODUCT, "--version", "2.0.0", "--name", "first"]);
    (cloud, broker, origin)
}

fn pages() -> Vec<String> {
    let device = format!("/console/devices/{PRODUCT}/{DEVICE}");
    let plain = [
        "/console",
        "/console/products",
        "/console/devices",
        "/console/devices?q=ex&product=&page=9",
        "/console/devices/new",
        "/console/firmware",
        "/console/jobs",
        "/console/jobs/new",
        "/console/jobs/new?firmware=1",
        "/console/jobs/1",
        "/console/jobs/1?state=failed",
    ];
    plain.iter().map(|path| (*path).to_owned()).chain([device]).collect()
}

#[test]
fn pages_in_both_languages_without_secrets() {
    let (_cloud, _, origin) = console("web-pages");
    for (accept, lang, word) in
        [("en-GB,en;q=0.9", "lang=\"en\"", "Overview"), ("zh-CN,zh;q=0.9", "lang=\"zh-CN\"", "概览")]
    {
        for path in pages() {
            let (status, head, body) =
                ask(&origin, "GET", &path, &format!("Accept-Language: {accept}\r\n"), b"");
            assert_eq!(status, 200, "{path}: {body}");
            assert!(body.contains(&format!("<html {lang}")) && body.contains(word), "{path}");
            assert!(
                head.contains("default-src 'none'; script-src 'self'") && head.contains("nosniff"),
                "{path}"
            );
            assert!(head.contains("cache-control: no-store"), "{path}");
            for secret in [SECRET, "PRODUCTSECRET16x"] {
                assert!(!body.contains(secret), "{path} shows a secret");
            }
            // Nothing that the policy forbids.
            for inline in [" style=", " onclick=", "<script>", "javascript:", "hx-on", "hx-vals"] {
                assert!(!body.contains(inline), "{path}: {inline}");
            }
        }
    }
}

#[test]
fn secrets_are_shown_on_demand_and_failures_are_pages() {
    let (_cloud, _, origin) = console("web-reveal");
    let page = format!("/console/devices/{PRODUCT}/{DEVICE}");
    let (status, _, body) = send(&origin, &format!("{page}/reveal"), "");
    assert_eq!(status, 200);
    assert!(body.contains(SECRET) && body.contains("PRODUCTSECRET16x"));
    for path in ["/console/jobs/77", "/console/devices/a/b", "/console/nothing/at/all"] {
        let (status, body) = get(&origin, path);
        assert_eq!(status, 404, "{path}");
        assert!(body.contains("<h1>Not found</h1>"), "{path}: {body}");
    }
}

#[test]
fn switches_are_cookies_and_lead_back_to_own_pages_only() {
    let (_cloud, _, origin) = console("web-switch");
    let (status, head, _) =
        ask(&origin, "POST", "/console/preferences", FORM, b"lang=zh-CN&theme=dark&back=%2Fconsole%2Fjobs");
    assert_eq!(status, 303);
    for part in
        ["otakit_lang=zh-cn; path=/;", "otakit_theme=dark", "location: /console/jobs", "samesite=strict"]
    {
        assert!(head.contains(part), "{part}: {head}");
    }
    let cookies = "Accept-Language: en\r\nCookie: otakit_theme=dark; otakit_lang=zh-CN\r\n";
    let (_, _, body) = ask(&origin, "GET", "/console", cookies, b"");
    assert!(body.contains("data-theme=\"dark\"") && body.contains("概览"));
    for back in
        ["%2F%2Fevil.test", "http%3A%2F%2Fevil.test%2Fconsole", "%2Fconsole%0d%0aX-Y%3A1", "%2F%5Cevil"]
    {
        let (_, to, _) = send(&origin, "/console/preferences", &format!("lang=en&back={back}"));
        assert_eq!(to, "/console", "{back}");
    }
}

/// Changes are for forms of our own pages; asking for a page changes nothing.
#[test]
fn other_sites_change_nothing() {
    let (_cloud, _, origin) = console("web-csrf");
    let own = format!("Origin: http://{origin}\r\n");
    for (header, wanted) in [
        ("Origin: http://evil.test\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        (own.as_str(), 303),
    ] {
        let (status, _, _) = ask(&origin, "POST", "/console/jobs/1/approve", &format!("{FORM}{header}"), b"");
        assert_eq!(status, wanted, "{header}");
    }
    let (status, _, _) = ask(&origin, "POST", "/console/jobs/1/start", "Content-Type: text/plain\r\n", b"");
    assert_eq!(status, 415);
    for path in ["/console/jobs/1/start", "/console/firmware/1/delete", "/console/preferences"] {
        assert!(matches!(get(&origin, path).0, 404 | 405), "{path}");
    }
    assert!(get(&origin, "/console/jobs/1").1.contains("Next: start it."));
}

/// With a password nothing is seen before the sign-in, and each form carries the token of its session.
#[test]
fn behind_a_password() {
    let mut cloud = Cloud::new("web-password");
    let password = cloud.path("password");
    std::fs::write(&password, "a long password\n").unwrap();
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0", "--password-file", password.to_str().unwrap()]);
    let device = format!("/console/devices/{PRODUCT}/{DEVICE}");
    for path in ["/", "/console", "/console/live", "/console/jobs", device.as_str(), "/console/nothing"] {
        let (status, head, body) = ask(&origin, "GET", path, "", b"");
        assert!(status == 303 && head.contains("location: /sign-in"), "{path}: {head}");
        assert!(!body.contains(DEVICE), "{path}");
    }
    assert_eq!(send(&origin, &format!("{device}/reveal"), "").1, "/sign-in");
    let (_, _, page) = ask(&origin, "GET", "/sign-in", "Accept-Language: zh\r\n", b"");
    assert!(page.contains("<h1>登录</h1>") && !page.contains("/console/jobs"), "{page}");
    let (status, _, page) = send(&origin, "/sign-in", "password=a+wrong+one");
    assert!(status == 401 && page.contains("That is not the password."), "{page}");
    let mut stream = TcpStream::connect(&origin).unwrap();
    let body = "password=a+long+password";
    write!(stream, "POST /sign-in HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n{FORM}Content-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let cookie =
        answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let signed = format!("{FORM}Cookie: {cookie}\r\n");
    let (status, _, page) = ask(&origin, "GET", &device, &signed, b"");
    assert!(status == 200 && page.contains("Sign out") && !page.contains(SECRET));
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let reveal = format!("{device}/reveal");
    assert_eq!(ask(&origin, "POST", &reveal, &signed, b"").0, 403, "no token");
    let with = format!("csrf={token}");
    assert!(ask(&origin, "POST", &reveal, &signed, with.as_bytes()).2.contains(SECRET));
    // Every form that changes something has the token, except the switches.
    for path in [device.as_str(), "/console/devices/new", "/console/firmware", "/console/jobs/new"] {
        let (_, _, page) = ask(&origin, "GET", path, &signed, b"");
        for form in page.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains(token) || form.contains("/console/preferences"), "{path}: {form}");
        }
    }
    let (status, head, _) = ask(&origin, "POST", "/console/sign-out", &signed, with.as_bytes());
    assert!(status == 303 && head.contains("max-age=0"), "{head}");
    assert_eq!(ask(&origin, "GET", &device, &signed, b"").0, 303, "the session has ended on the server");
}

#[test]
fn what_devices_send_is_text() {
    let (_cloud, broker, origin) = console("web-markup");
    let (client, mut connection) = connect(&broker, PASSWORD);
    let hostile =
        "\"><img src=x onerror=alert(1)><a hx-post=/console/jobs/1/cancel hx-trigger=load>\u{202e}'";
    inform(&client, hostile);
    let device = format!("/console/devices/{PRODUCT}/{DEVICE}");
    std::thread::spawn(move || while connection.recv().is_ok() {});
    until("the version is reported", || get(&origin, &device).1.contains("onerror"));
    assert_eq!(send(&origin, &format!("{device}/push"), "firmware=1").0, 303);
    progress(&client, "-2", hostile);
    until("the failure is shown", || get(&origin, "/console").1.contains("IOT_OTAP_FETCH_FAILED"));
    for path in pages() {
        let (_, body) = get(&origin, &path);
        for raw in ["<img src=x", "<a hx-post", "\u{202e}"] {
            assert!(!body.contains(raw), "{path}: {raw}");
        }
    }
    let (_, body) = get(&origin, &device);
    assert!(body.contains("\\u{202e}") && body.contains("&lt;img src=x"), "{body}");
}

#[test]
fn devices_are_added_once_and_deleted() {
    let (_cloud, _, origin) = console("web-devices");
    let (status, _, body) = send(&origin, "/console/devices", "product=p1&device=d1&secret=&product_secret=");
    assert_eq!(status, 200);
    let secret = body.split("id=\"secret\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(secret.len(), 32, "one was made: {secret}");
    assert!(!get(&origin, "/console/devices/p1/d1").1.contains(secret), "it is shown once");
    let (status, _, body) = send(&origin, "/console/devices", "product=p1&device=d1&secret=other");
    assert_eq!(status, 409);
    assert!(body.contains("p1/d1 exists already."), "{body}");
    assert!(send(&origin, "/console/devices/p1/d1/reveal", "").2.contains(secret), "and stays");
    assert_eq!(send(&origin, "/console/devices", "product=p1&device=..%2Fx").0, 400);
    assert_eq!(send(&origin, "/console/devices/p1/d1/tags", "tags=blue+red").0, 303);
    assert!(get(&origin, "/console/devices").1.contains("red"));
    let (status, to, _) = send(&origin, "/console/devices/p1/d1/delete", "");
    assert_eq!((status, to.as_str()), (303, "/console/devices"));
    assert_eq!(get(&origin, "/console/devices/p1/d1").0, 404);
}

#[test]
fn firmware_is_uploaded_and_deleted_unless_it_is_needed() {
    let (cloud, _, origin) = console("web-firmware");
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    assert_eq!(upload(&origin, PRODUCT, "3.0.0", &bytes).0, 303);
    let digest = otakit_digest(&cloud, &bytes);
    assert!(get(&origin, "/console/firmware").1.contains(&digest));
    let (status, body) = upload(&origin, PRODUCT, "3.0.0", &bytes);
    assert_eq!(status, 409);
    assert!(body.contains(&format!("Firmware 3.0.0 of {PRODUCT} exists already.")), "{body}");
    assert_eq!(upload(&origin, PRODUCT, "4.0.0", b"").0, 400, "an empty file");
    assert_eq!(upload(&origin, PRODUCT, "4/0", &bytes).0, 400, "an odd version");
    let (status, _, body) = send(&origin, "/console/firmware/1/delete", "");
    assert_eq!(status, 409);
    assert!(body.contains("Firmware 2.0.0 is named by these jobs: 1."), "{body}");
    let chinese = FORM.replace("Language: en", "Language: zh");
    let (_, _, body) = ask(&origin, "POST", "/console/firmware/1/delete", &chinese, b"");
    assert!(body.contains("升级包 2.0.0 被以下批次引用：1。"), "{body}");
    assert_eq!(send(&origin, "/console/firmware/2/delete", "").0, 303);
    assert!(!get(&origin, "/console/firmware").1.contains(&digest));
}

fn otakit_digest(cloud: &Cloud, bytes: &[u8]) -> String {
    let file = cloud.path("same.bin");
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new("sha256sum").arg(&file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// The lines of a stream of events.
fn live(origin: &str, path: &str) -> impl Iterator<Item = String> {
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {origin}\r\n\r\n").unwrap();
    let start = std::time::Instant::now();
    BufReader::new(stream).lines().map(Result::unwrap).take_while(move |_| start.elapsed() < 3 * PATIENCE)
}

#[test]
fn a_job_from_draft_to_done() {
    let (_cloud, broker, origin) = console("web-job");
    let (client, mut connection) = connect(&broker, PASSWORD);
    let topic = format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}");
    client.subscribe(&topic, QoS::AtLeastOnce).unwrap();
    inform(&client, "1.0.0");
    wait(&mut connection, |packet| matches!(packet, rumqttc::Packet::SubAck(_)).then_some(()));
    let fields = format!(
        "firmware=1&name=second&verify={DEVICE}&stages=50%3A100&error_percent=20&error_min=1&offset=0"
    );
    let (status, _, body) = send(&origin, "/console/jobs/preview", &fields);
    assert!(status == 200 && body.contains("1 device would get it now."), "{body}");
    let (_, job, _) = send(&origin, "/console/jobs", &fields);
    assert_eq!(job, "/console/jobs/2");
    assert_eq!(send(&origin, "/console/jobs/2/approve", "").0, 409, "it is to be verified first");
    assert_eq!(send(&origin, "/console/jobs/2/verify", "").0, 303);
    wait(&mut connection, offer);
    // What is published leaves while somebody looks after the connection.
    std::thread::spawn(move || while connection.recv().is_ok() {});
    // The stream sends the pieces as they are, then each as it changes.
    let mut lines = live(&origin, "/console/jobs/2/live");
    assert!(lines.any(|line| line == "event: bar"));
    assert!(lines.any(|line| line.contains("Verifying")));
    progress(&client, "40", "");
    assert!(lines.any(|line| line.contains("40.0 %")), "the bar has moved");
    progress(&client, "100", "");
    inform(&client, "2.0.0");
    assert!(lines.any(|line| line.contains("Next: approve it.")));
    for action in ["approve", "start"] {
        assert_eq!(send(&origin, &format!("/console/jobs/2/{action}"), "").0, 303, "{action}");
    }
    until("the job is done", || get(&origin, "/console/jobs/2").1.contains("New job with this firmware"));
    let (status, _, body) = send(&origin, "/console/jobs/2/pause", "");
    assert_eq!(status, 409);
    assert!(body.contains("second is in the state “Done”"), "{body}");
    // What was said meanwhile.
    let (_, body) = get(&origin, &format!("/console/devices/{PRODUCT}/{DEVICE}"));
    for part in [topic.as_str(), "/ota/device/progress", "1.0.0", "2.0.0"] {
        assert!(body.contains(part), "{part}");
    }
}

#[test]
fn a_job_that_is_paused_and_cancelled() {
    let (_cloud, broker, origin) = console("web-pause");
    let (client, mut connection) = connect(&broker, PASSWORD);
    inform(&client, "2.0.0");
    wait(&mut connection, |packet| matches!(packet, rumqttc::Packet::PubAck(_)).then_some(()));
    let (_, _, body) = send(&origin, "/console/jobs", "firmware=1&name=nobody");
    assert!(body.contains("No device is selected."), "{body}");
    let (_, job, _) = send(&origin, "/console/jobs", "firmware=1&name=later&dynamic=1");
    for (action, words) in [
        ("approve", "Next: start it."),
        ("start", "Running"),
        ("pause", "no new ones begin"),
        ("resume", "Running"),
        ("cancel", "Cancelled"),
    ] {
        assert_eq!(send(&origin, &format!("{job}/{action}"), "").0, 303, "{action}");
        let (_, body) = get(&origin, &job);
        assert!(body.contains(words), "{action}: {body}");
    }
    for wrong in
        ["error_percent=x", "percent=1000", "stages=90+10", "from=22%3A00", "devices=stranger", "timeout=0"]
    {
        let (status, _, body) = send(&origin, "/console/jobs", &format!("firmware=1&dynamic=1&{wrong}"));
        assert!(status == 400 && body.contains("role=\"alert\""), "{wrong}");
    }
}

#[test]
fn the_snippets_compile_and_quote() {
    let mut cloud = Cloud::new("web-snippet");
    let secret = "a\"b\\c'$(id)??/%d`";
    cloud.ok(&["device", "add", "p", "d", secret]);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let (_, _, body) = send(&origin, "/console/devices/p/d/reveal", "");
    let pasted = |id: &str| {
        let text = body
            .split(&format!("id=\"{id}\" tabindex=\"0\">"))
            .nth(1)
            .unwrap()
            .split("</pre>")
            .next()
            .unwrap();
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let source = cloud.path("snippet.c");
    let program = format!(
        "{}\n#include <stdio.h>\nint main(void) {{ const char *s = {}; puts(s); return 0; }}\n",
        pasted("snippet-c"),
        pasted("snippet-c").split("device_secret = ").nth(1).unwrap().split(";\n").next().unwrap()
    );
    std::fs::write(&source, program).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../include/linkkit");
    let object = cloud.path("snippet.o");
    let compiled = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "-I", include, "-o"])
        .args([&object, &source])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let bytes = std::fs::read(&object).unwrap();
    assert!(bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "the secret as it is");
    // The shell hands the words on as they are.
    let command = pasted("snippet-linkkit").replace("linkkit_ota_basic", "printf '%s\\n'");
    let output = Command::new("sh").arg("-c").arg(command).stderr(Stdio::null()).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.lines().any(|line| line == secret), "{words}");
}

#[test]
fn ten_thousand_devices_page_by_page() {
    let mut cloud = Cloud::new("web-many");
    cloud.ok(&["device", "add", "a", "first", "s"]);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    // One transaction for all of them, beside the server's.
    let sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9998) \
               INSERT INTO device (product, name, secret, created_at) SELECT 'p', printf('dev-%05d', i), 's', 0 FROM n";
    let db = rusqlite::Connection::open(cloud.path("data").join("cloud.db")).unwrap();
    db.execute(sql, []).unwrap();
    let (_, body) = get(&origin, "/console/devices");
    assert!(body.contains("10,000 devices") && body.contains("Page 1 of 200"), "{body}");
    let (_, body) = get(&origin, "/console/devices?page=200");
    assert!(body.contains("dev-09998") && !body.contains("rel=\"next\""));
    let (_, body) = get(&origin, "/console/devices?q=DEV-0123&product=p");
    assert!(body.contains("10 devices") && body.contains("dev-01239"), "{body}");
    // What is typed gets the list alone.
    let (_, _, part) = ask(&origin, "GET", "/console/devices?q=dev-00007", "HX-Request: true\r\n", b"");
    assert!(part.contains("dev-00007") && !part.contains("<html"), "{part}");
}

/// Markup is made by the templates alone, which escape.
#[test]
fn nothing_goes_around_the_escaping() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("PreEscaped"), "{}", path.display());
        }
    }
}

#[test]
fn what_cannot_be_a_number_is_no_page() {
    let (cloud, _, origin) = console("web-no-page");
    for path in ["/console/jobs/abc", "/console/jobs/99999999999999999999", "/console/devices/%FF/d"] {
        for (lang, words) in [("en", "There is no such page."), ("zh-CN", "页面不存在。")] {
            let (status, head, body) =
                ask(&origin, "GET", path, &format!("Accept-Language: {lang}\r\n"), b"");
            assert_eq!(status, 404, "{path}: {body}");
            assert!(head.contains("text/html") && body.contains(words), "{path}: {body}");
        }
    }
    for words in [&["cancel", PRODUCT, "nobody"][..], &["onenet", "tasks", PRODUCT, "nobody"]] {
        let output = cloud.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nobody is not registered"), "{words:?}");
    }
}
