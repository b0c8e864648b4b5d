// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service against a platform in memory that answers by path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use otakit_core::digest::{Algorithm, Hasher, to_hex};

use super::run::{Host, Plan, Summary, run};
use super::*;
use crate::engine;
use crate::net::Stream;
use crate::store::{FileSink, Sink};

mod framing;

type Script = dyn Fn(&str, &str) -> Vec<u8> + Send + Sync;

/// A platform: gets path and request, gives the answer.
struct Platform {
    script: Box<Script>,
    seen: Mutex<Vec<String>>,
}

struct Line {
    platform: Arc<Platform>,
    answer: Vec<u8>,
}

struct PlatformDial(Arc<Platform>);

impl Dial for PlatformDial {
    fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
        Ok(Box::new(Line { platform: self.0.clone(), answer: Vec::new() }))
    }
}

impl Stream for Line {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<usize, NetError> {
        let n = buf.len().min(self.answer.len());
        if n == 0 {
            return Err(NetError::Closed);
        }
        buf[..n].copy_from_slice(&self.answer[..n]);
        self.answer.drain(..n);
        Ok(n)
    }

    fn write_all(&mut self, buf: &[u8], _: Duration) -> Result<(), NetError> {
        let request = String::from_utf8(buf.to_vec()).unwrap();
        let path = request.split(' ').nth(1).unwrap().to_owned();
        self.platform.seen.lock().push(request.clone());
        self.answer = (self.platform.script)(&path, &request);
        Ok(())
    }
}

fn config() -> Config {
    let authority = "ota.heclouds.com".to_owned();
    Config {
        dialect: Dialect::General { device_id: "1".into(), cdn: false },
        authorization: "token".into(),
        version: "1.0".into(),
        kind: 2,
        range: RangeForm::Native,
        endpoint: Endpoint { host: "h".into(), port: 80, roots: None, authority },
    }
}

#[test]
fn the_configuration_in_words_shows_no_secret() {
    let secret = "version=2022-05-01&res=products%2Fp&et=1&method=sha256&sign=c2VjcmV0";
    let names = otakit_core::platform::onenet::Device::new("product", "device").unwrap();
    let dialects = [
        Dialect::General { device_id: "1".into(), cdn: false },
        Dialect::Studio(names.clone()),
        Dialect::Fuse(names),
    ];
    for dialect in dialects {
        let text = format!("{:#?}", Config { dialect, authorization: secret.into(), ..config() });
        assert!(text.contains("authorization: ***") && text.contains("version: \"1.0\""), "{text}");
        for part in ["sign", "c2VjcmV0", "2022"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
}

fn service(script: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> (Arc<Onenet>, Arc<Platform>) {
    let platform = Arc::new(Platform { script: Box::new(script), seen: Mutex::default() });
    (Onenet::new(config(), Arc::new(PlatformDial(platform.clone()))), platform)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const LIMIT: Duration = Duration::from_secs(10);
const SUCCESS: &str = r#"{"errno":0,"error":"succ"}"#;

fn image(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 % 251) as u8).collect()
}

fn md5(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(Algorithm::Md5);
    hasher.update(bytes);
    to_hex(&hasher.finish(Algorithm::Md5).unwrap())
}

fn task_json(token: &str, image: &[u8], more: &str) -> String {
    let (size, md5) = (image.len(), md5(image));
    format!(
        r#"{{"errno":0,"data":{{"target":"2.0","token":"{token}","size":{size},"md5":"{md5}","type":1{more}}}}}"#
    )
}

fn asked_range(request: &str) -> (usize, usize) {
    let value = request.split("Range:").nth(1).unwrap().split("\r\n").next().unwrap();
    let (first, last) = value.trim_start_matches("bytes=").split_once('-').unwrap();
    (first.parse().unwrap(), last.parse().unwrap())
}

fn part(image: &[u8], request: &str) -> Vec<u8> {
    let (first, last) = asked_range(request);
    let last = last.min(image.len() - 1);
    let head = format!(
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{last}/{}\r\nContent-Length: {}\r\n\r\n",
        image.len(),
        last - first + 1
    );
    [head.as_bytes(), &image[first..=last]].concat()
}

fn task(service: &Arc<Onenet>) -> Task {
    service.check_task(LIMIT).result.unwrap()
}

#[test]
fn results_of_a_call() {
    let rows = [
        (ok(SUCCESS), Ok(()), true),
        (ok(r#"{"errno":27,"error":"x"}"#), Err(Error::Platform(27)), true),
        (ok("no json"), Err(Error::Unreadable), true),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Err(Error::Status(403)), false),
        (
            b"HTTP/1.1 302 No\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Err(Error::Status(302)),
            false,
        ),
        (b"".to_vec(), Err(Error::Network), false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec(), Err(Error::Network), false),
        (ok(&"x".repeat(MAX_ANSWER + 1)), Err(Error::Overflow), false),
    ];
    for (answer, result, has_body) in rows {
        let (service, _) = service(move |_, _| answer.clone());
        let response = service.post_version(LIMIT);
        assert_eq!((response.result, response.body.is_some()), (result, has_body));
    }
}

/// A network whose connecting takes for ever.
struct Hangs(Mutex<mpsc::Receiver<()>>);

impl Dial for Hangs {
    fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
        let _ = self.0.lock().recv();
        Err(NetError::Connect)
    }
}

#[test]
fn a_network_that_hangs_holds_nobody_and_is_not_asked_for_ever() {
    let (release, held) = mpsc::channel();
    let service = Onenet::new(config(), Arc::new(Hangs(Mutex::new(held))));
    let began = Instant::now();
    for _ in 0..MAX_WORKERS {
        assert_eq!(service.post_version(Duration::from_millis(10)).result, Err(Error::Timeout));
    }
    assert_eq!(service.post_version(LIMIT).result, Err(Error::Busy));
    assert!(began.elapsed() < LIMIT);
    drop(release);
    while !service.state.lock().live.is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(service.post_version(LIMIT).result, Err(Error::Network));
    service.close();
    assert_eq!(service.post_version(LIMIT).result, Err(Error::Closed));
}

#[test]
fn slices_are_exactly_what_was_asked_for() {
    let bytes = image(13);
    let served = bytes.clone();
    let (service, platform) = service(move |path, request| match path {
        "/ota/south/download/T" => part(&served, request),
        _ => ok(&task_json("T", &served, "")),
    });
    let task = task(&service);
    let fetch = |first, len| service.package(&task.id, first, len, LIMIT);
    assert_eq!(fetch(0, 4).unwrap(), bytes[..4]);
    assert_eq!(fetch(12, 4).unwrap(), bytes[12..]);
    assert!(platform.seen.lock().last().unwrap().contains("\r\nRange:12-12\r\n"));
    assert_eq!(fetch(13, 4), Err(Error::Argument));
    assert_eq!(fetch(0, 0), Err(Error::Argument));
    assert_eq!(fetch(u64::MAX, u64::MAX), Err(Error::Argument));
    assert_eq!(fetch(0, 4).unwrap().capacity(), 5);
}

#[test]
fn a_download_says_no_in_many_ways() {
    let rows: [(&[u8], Error); 8] = [
        (b"HTTP/1.1 200 OK\r\n\r\n\x03", Error::Platform(3)),
        (b"HTTP/1.1 200 OK\r\n\r\n3", Error::Platform(3)),
        (b"HTTP/1.1 200 OK\r\nOta-Errno: 5\r\nContent-Length: 4\r\n\r\nabcd", Error::Platform(5)),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"errno\":22}",
            Error::Platform(22),
        ),
        (b"HTTP/1.1 404 No\r\n\r\n3", Error::Status(404)),
        (b"HTTP/1.1 206 OK\r\nContent-Length: 4\r\n\r\nabcd", Error::Data),
        (b"HTTP/1.1 206 OK\r\nContent-Range: bytes 1-4/9\r\nContent-Length: 4\r\n\r\nabcd", Error::Data),
        (b"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\nabc", Error::Network),
    ];
    for (answer, error) in rows {
        let (service, _) = service(move |_, _| answer.to_vec());
        let fetched = service.package(&TaskId::Token("T".into()), 0, 4, LIMIT);
        assert_eq!(fetched, Err(error), "{}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn a_server_without_ranges_is_cut_to_the_slice() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n"] {
        let whole = [head.as_bytes(), &image(13)].concat();
        let (service, _) = service(move |path, _| match path {
            "/ota/south/download/T" => whole.clone(),
            _ => ok(&task_json("T", &image(13), "")),
        });
        let id = task(&service).id;
        let fetch = |first, len| service.package(&id, first, len, LIMIT);
        assert_eq!(fetch(0, 4).unwrap(), image(13)[..4]);
        assert_eq!(fetch(12, 4).unwrap(), image(13)[12..]);
        assert!(fetch(13, 4).is_err());
    }
}

#[test]
fn the_number_of_a_refusal_is_the_last_calls() {
    let (service, _) =
        service(|path, _| ok(if path.contains("/check") { r#"{"errno":12}"# } else { SUCCESS }));
    let token = TaskId::Token("T".into());
    assert_eq!(service.refusal(), None);
    assert_eq!(service.check_task(LIMIT).result, Err(Error::Platform(12)));
    assert_eq!(service.refusal(), Some(12));
    assert_eq!(service.post_version(LIMIT).result, Ok(()));
    assert_eq!(service.refusal(), None);
    let _ = service.check_standing(&token, LIMIT);
    assert_eq!(service.refusal(), Some(12));
    assert_eq!(service.package(&token, 0, 0, LIMIT), Err(Error::Argument));
    assert_eq!(service.refusal(), None);
    let _ = service.check_task(LIMIT);
    assert_eq!(service.report(&token, 5, Duration::ZERO).result, Err(Error::Timeout));
    assert_eq!(service.refusal(), None);
}

#[derive(Default)]
struct Watcher {
    power: Option<u32>,
    signal: Option<i32>,
    applied: u32,
    stop_at: Option<u64>,
}

impl Host for Watcher {
    fn signal(&mut self) -> Option<i32> {
        self.signal
    }

    fn power(&mut self) -> Option<u32> {
        self.power
    }

    fn progress(&mut self, stored: u64, _: u64) -> bool {
        self.stop_at.is_none_or(|stop| stored < stop)
    }

    fn apply(&mut self, _: &Task) -> u32 {
        self.applied += 1;
        201
    }
}

struct Place(std::path::PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("otakit-onenet-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn run(&self, service: &Arc<Onenet>, host: &mut Watcher) -> (Result<(), Error>, Summary) {
        let mut summary = Summary::default();
        let mut sink = FileSink::new(&self.0.join("image"));
        let mut journal = crate::store::FileJournal::new(&self.0.join("journal"));
        let plan = Plan {
            slice: 64,
            limit: LIMIT,
            interval: Some(Duration::ZERO),
            report_every: 10,
            every: 256,
            settings: engine::Settings {
                retry_policy: otakit_core::retry::RetryPolicy {
                    attempts: 3,
                    base: Duration::from_millis(1),
                    cap: Duration::from_millis(1),
                },
                ..engine::Settings::default()
            },
            sink: &mut sink as &mut dyn Sink,
            journal: Some(&mut journal),
        };
        let outcome = run(service, plan, host, &mut summary);
        (outcome, summary)
    }

    fn image(&self) -> Option<Vec<u8>> {
        std::fs::read(self.0.join("image")).ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The platform for whole updates; `slice` answers downloads, `stands` checks of a token.
fn updating(
    bytes: &[u8],
    more: &str,
    stands: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    slice: impl Fn(&[u8], &str, &str) -> Vec<u8> + Send + Sync + 'static,
) -> (Arc<Onenet>, Arc<Platform>) {
    let (bytes, more) = (bytes.to_vec(), more.to_owned());
    let checks = AtomicU32::new(0);
    service(move |path, request| {
        if path.starts_with("/ota/south/check") {
            let n = checks.fetch_add(1, Ordering::Relaxed);
            ok(&task_json(&format!("T{n}"), &bytes, &more))
        } else if path.contains("/check?") {
            stands(path)
        } else if path.starts_with("/ota/south/download/") {
            slice(&bytes, path, request)
        } else {
            ok(SUCCESS)
        }
    })
}

fn steps(platform: &Platform) -> Vec<u32> {
    let seen = platform.seen.lock();
    let bodies = seen.iter().filter_map(|request| request.split("{\"step\":").nth(1));
    bodies.map(|body| body.trim_end_matches('}').parse().unwrap()).collect()
}

#[test]
fn a_whole_update_with_a_last_slice_of_one_byte() {
    let bytes = image(64 * 20 + 1);
    let (service, platform) = updating(&bytes, "", |_| ok(SUCCESS), |bytes, _, request| part(bytes, request));
    let (place, mut host) = (Place::new(), Watcher::default());
    let (outcome, summary) = place.run(&service, &mut host);
    assert_eq!((outcome, summary.step, host.applied), (Ok(()), 201, 1));
    assert_eq!(place.image().unwrap(), bytes);
    let steps = steps(&platform);
    let (percents, codes) = steps.split_at(steps.len() - 2);
    assert_eq!(codes, [101, 201]);
    assert!(
        percents.is_sorted() && percents.len() == 10 && percents.iter().all(|&p| p < 100),
        "{percents:?}"
    );
    let seen = platform.seen.lock();
    let checks = seen.iter().filter(|request| request.contains("/check?dev_id")).count();
    let slices = seen.iter().filter(|request| request.contains("Range:")).count();
    assert_eq!((checks, slices), (21, 21));
}

#[test]
fn an_expired_token_is_replaced_and_a_cancelled_task_ends_it() {
    let bytes = image(1000);
    let refuse = |errno: u32| ok(&format!(r#"{{"errno":{errno}}}"#));
    // T0 expires after a few slices; T1 stays.
    let used = AtomicU32::new(0);
    let stands = move |path: &str| {
        let expired = path.contains("/T0/") && used.fetch_add(1, Ordering::Relaxed) >= 5;
        refuse(if expired { 12 } else { 0 })
    };
    let (service, platform) = updating(&bytes, "", stands, |bytes, _, request| part(bytes, request));
    let place = Place::new();
    assert_eq!(place.run(&service, &mut Watcher::default()).0, Ok(()));
    assert_eq!(place.image().unwrap(), bytes);
    assert!(platform.seen.lock().iter().any(|request| request.contains("/download/T1 ")));

    let used = AtomicU32::new(0);
    let stands = move |_: &str| refuse(if used.fetch_add(1, Ordering::Relaxed) >= 5 { 22 } else { 0 });
    let (service, platform) = updating(&bytes, "", stands, |bytes, _, request| part(bytes, request));
    let place = Place::new();
    let (outcome, summary) = place.run(&service, &mut Watcher::default());
    assert_eq!((outcome, summary.step), (Err(Error::Platform(22)), 0));
    assert!(place.image().is_none() && steps(&platform).iter().all(|&step| step < 100));
}

#[test]
fn an_interrupted_update_goes_on_and_a_broken_connection_is_made_anew() {
    let bytes = image(10_000);
    let count = AtomicU32::new(0);
    let (service, platform) = updating(
        &bytes,
        "",
        |_| ok(SUCCESS),
        move |bytes, _, request| {
            let mut answer = part(bytes, request);
            if count.fetch_add(1, Ordering::Relaxed) % 7 == 3 {
                answer.truncate(answer.len() - 10);
            }
            answer
        },
    );
    let place = Place::new();
    let (outcome, _) = place.run(&service, &mut Watcher { stop_at: Some(5000), ..Watcher::default() });
    assert_eq!((outcome, place.image()), (Err(Error::Cancelled), None));
    assert!(steps(&platform).iter().all(|&step| step < 100));
    let (outcome, summary) = place.run(&service, &mut Watcher::default());
    assert_eq!(outcome, Ok(()));
    assert!((4000..=5100).contains(&summary.resumed_at), "{}", summary.resumed_at);
    assert_eq!(place.image().unwrap(), bytes);
}

#[test]
fn what_ends_an_update_is_reported() {
    let bytes = image(500);
    let good = |bytes: &[u8], _: &str, request: &str| part(bytes, request);
    let host = |power, signal| Watcher { power, signal, ..Watcher::default() };
    let conditions = r#","power":50,"signal":10"#;

    let (service, platform) = updating(&bytes, conditions, |_| ok(SUCCESS), good);
    let (outcome, summary) = Place::new().run(&service, &mut host(Some(49), Some(99)));
    assert_eq!((outcome, summary.step, steps(&platform)), (Err(Error::Power), 105, vec![105]));
    let (outcome, summary) = Place::new().run(&service, &mut host(Some(50), Some(9)));
    assert_eq!((outcome, summary.step), (Err(Error::Signal), 106));
    for signal in [Some(10), None, Some(-1)] {
        assert_eq!(Place::new().run(&service, &mut host(None, signal)).0, Ok(()));
    }
    let (service, _) = updating(&bytes, r#","power":-1,"signal":-90,"retry":-1"#, |_| ok(SUCCESS), good);
    assert_eq!(Place::new().run(&service, &mut host(Some(0), Some(-91))).0, Err(Error::Signal));
    for signal in [Some(-90), Some(12), None] {
        assert_eq!(Place::new().run(&service, &mut host(Some(0), signal)).0, Ok(()));
    }
    let (service, _) = updating(&bytes, r#","power":1000,"interval":1e18"#, |_| ok(SUCCESS), good);
    assert_eq!(Place::new().run(&service, &mut host(Some(100), None)).0, Ok(()));

    let wrong =
        |bytes: &[u8], _: &str, request: &str| part(&bytes.iter().map(|b| !b).collect::<Vec<_>>(), request);
    let (service, platform) = updating(&bytes, "", |_| ok(SUCCESS), wrong);
    let (outcome, _) = Place::new().run(&service, &mut Watcher::default());
    assert_eq!((outcome, steps(&platform).pop()), (Err(Error::Data), Some(205)));

    let longer = |bytes: &[u8], _: &str, request: &str| part(&[bytes, b"x"].concat(), request);
    let (service, platform) = updating(&bytes, "", |_| ok(SUCCESS), longer);
    let (outcome, _) = Place::new().run(&service, &mut Watcher::default());
    assert_eq!((outcome, steps(&platform).pop()), (Err(Error::Data), Some(107)));

    let refused = |_: &[u8], _: &str, _: &str| b"HTTP/1.1 200 OK\r\nOta-Errno: 4\r\n\r\nabcd".to_vec();
    let (service, platform) = updating(&bytes, "", |_| ok(SUCCESS), refused);
    let (outcome, _) = Place::new().run(&service, &mut Watcher::default());
    assert_eq!((outcome, steps(&platform).pop()), (Err(Error::Platform(4)), Some(107)));

    let (service, platform) = updating(&[], "", |_| ok(SUCCESS), good);
    let (outcome, _) = Place::new().run(&service, &mut Watcher::default());
    assert_eq!((outcome, steps(&platform)), (Err(Error::Data), vec![]));

    let (service, _) = service_without_task();
    let (outcome, summary) = Place::new().run(&service, &mut Watcher::default());
    assert!(super::run::nothing_to_do(&outcome) && summary.task.is_none());
}

#[test]
fn a_patch_is_no_image_whatever_the_conditions_say() {
    let bytes = image(500);
    let good = |bytes: &[u8], _: &str, request: &str| part(bytes, request);
    for kind in ["2", "\"2\""] {
        let more = format!(r#","power":50,"type":{kind}"#);
        let (service, platform) = updating(&bytes, &more, |_| ok(SUCCESS), good);
        let (place, mut low) = (Place::new(), Watcher { power: Some(49), ..Watcher::default() });
        let (outcome, summary) = place.run(&service, &mut low);
        assert_eq!((outcome, summary.step, steps(&platform)), (Err(Error::Unsupported), 107, vec![107]));
        assert_eq!((low.applied, std::fs::read_dir(&place.0).unwrap().count()), (0, 0));
        assert!(!platform.seen.lock().iter().any(|request| request.contains("Range:")), "{kind}");
    }
}

fn service_without_task() -> (Arc<Onenet>, Arc<Platform>) {
    service(|path, _| ok(if path.contains("check") { r#"{"errno":11,"error":"no task"}"# } else { SUCCESS }))
}
