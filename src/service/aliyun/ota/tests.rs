// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service over a channel and a source of the test's own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

mod answers;
mod held;
mod orders;

use otakit_core::digest::{Algorithm, Hasher, to_hex};
use otakit_core::fetch::{FetchError, Validator};

use super::*;
use crate::cancel::CancellationToken;
use crate::fetch::{Body, Opened, Request};

const LONG: Duration = Duration::from_secs(20);
const MS: Duration = Duration::from_millis(1);

/// Answers a message that the device published on a topic.
type Answer = Arc<dyn Fn(&str) -> Option<(String, String)> + Send + Sync>;

#[derive(Default)]
struct Wire {
    listeners: Mutex<Vec<(String, Arc<dyn Listener>)>>,
    sent: Mutex<Vec<(String, String)>>,
    broken: AtomicBool,
    answer: Mutex<Option<Answer>>,
    /// Held while the cloud says something: what it says arrives in the order in which it is said.
    order: Mutex<()>,
}

impl Wire {
    fn deliver(&self, topic: &str, payload: &str) {
        let listener =
            self.listeners.lock().iter().find(|(known, _)| known == topic).map(|(_, who)| who.clone());
        listener.unwrap().on_message(payload.as_bytes());
    }

    /// What was published on topics that contain `part`.
    fn sent(&self, part: &str) -> Vec<String> {
        let sent = self.sent.lock();
        sent.iter().filter(|(topic, _)| topic.contains(part)).map(|(_, payload)| payload.clone()).collect()
    }
}

impl Signal for Wire {
    fn publish(&self, topic: &str, _: u8, payload: &[u8]) -> Result<(), SignalError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(SignalError);
        }
        self.sent.lock().push((topic.to_owned(), String::from_utf8(payload.to_vec()).unwrap()));
        let _turn = (topic == REQUEST).then(|| self.order.lock());
        let answer = self.answer.lock().clone();
        let answer = answer.and_then(|answer| answer(topic));
        if let Some((topic, payload)) = answer {
            self.deliver(&topic, &payload);
        }
        Ok(())
    }

    fn subscribe(&self, topic: &str, _: u8, listener: Arc<dyn Listener>) -> Result<(), SignalError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(SignalError);
        }
        self.listeners.lock().push((topic.to_owned(), listener));
        Ok(())
    }

    fn unsubscribe(&self, topic: &str, listener: &Arc<dyn Listener>) {
        self.listeners.lock().retain(|(known, who)| known != topic || !Arc::ptr_eq(who, listener));
    }
}

/// Serves an image; the URL `http://h/old` is good for the first half only.
struct Origin(Vec<u8>);

struct Rest(Vec<u8>);

impl Body for Rest {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        let n = buf.len().min(self.0.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        if n == 0 { Err(FetchError::Truncated) } else { Ok(Some(n)) }
    }
}

impl Source for Origin {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Origin {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
        let (start, half) = (usize::try_from(request.offset).unwrap(), self.0.len() / 2);
        let end = match request.url {
            "http://h/old" if start >= half => {
                return Err(FetchError::Status { status: 403, retry_after: None });
            }
            "http://h/old" => half,
            _ => self.0.len(),
        };
        let validator = Some(Validator::ETag("\"1\"".to_owned()));
        Ok(Opened { body: Box::new(Rest(self.0[start..end].to_vec())), start: request.offset, validator })
    }
}

struct Bench {
    wire: Arc<Wire>,
    ota: Arc<Ota>,
}

const IMAGE: [u8; 5000] = [7; 5000];
const UPGRADE: &str = "/ota/device/upgrade/pk/dn";
const REQUEST: &str = "/ota/device/request/pk/dn";

fn bench() -> Bench {
    let wire = Arc::new(Wire::default());
    Bench { ota: open(&wire).unwrap(), wire }
}

fn open(wire: &Arc<Wire>) -> Result<Arc<Ota>, OtaError> {
    let device = Device::new("pk", "dn").unwrap();
    let mut settings = Settings::default();
    settings.retry_policy.base = MS;
    Ota::open(device, Some("1.0.0".to_owned()), wire.clone(), Arc::new(Origin(IMAGE.to_vec())), settings)
}

fn digest(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(Algorithm::Md5);
    hasher.update(bytes);
    to_hex(&hasher.finish(Algorithm::Md5).unwrap())
}

fn offer(url: &str, md5: &str) -> String {
    format!(
        r#"{{"code":"1000","data":{{"size":5000,"version":"2.0.0","url":"{url}","md5":"{md5}"}},"message":"success"}}"#
    )
}

impl Bench {
    fn offer(&self, url: &str) {
        self.wire.deliver(UPGRADE, &offer(url, &digest(&IMAGE)));
    }

    /// Fetches until the download has ended.
    fn fetch(&self) -> Result<Vec<u8>, OtaError> {
        let mut all = Vec::new();
        while !self.ota.is_finished() {
            self.ota.fetch(1000, LONG, &mut |bytes| all.extend_from_slice(bytes))?;
        }
        Ok(all)
    }
}

#[test]
fn from_offer_to_verdict() {
    let bench = bench();
    assert_eq!(bench.wire.listeners.lock().len(), 4);
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = [begun.clone(), ended.clone()];
    bench.ota.on_firmware(Arc::new(move |content, over| {
        assert!(matches!(content, Content::Firmware(_)));
        counters[usize::from(over)].fetch_add(1, Ordering::Relaxed);
    }));
    assert_eq!(bench.ota.verdict(), Err(OtaError::State));
    bench.offer("http://h/new");
    assert!(bench.ota.is_fetching() && !bench.ota.is_finished());
    assert_eq!(bench.fetch().unwrap(), IMAGE);
    assert_eq!(bench.ota.verdict(), Ok(true));
    assert_eq!(bench.wire.sent("progress").len(), 1, "the start alone");
    assert_eq!((begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_wrong_digest_is_told_once() {
    let bench = bench();
    bench.wire.deliver(UPGRADE, &offer("http://h/new", &digest(b"other")));
    bench.fetch().unwrap();
    assert_eq!((bench.ota.verdict(), bench.ota.verdict()), (Ok(false), Ok(false)));
    let told: Vec<_> = bench.wire.sent("progress").into_iter().filter(|text| text.contains("-3")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn an_expired_url_is_renewed() {
    let bench = bench();
    let fresh = offer("http://h/new", &digest(&IMAGE));
    *bench.wire.answer.lock() =
        Some(Arc::new(move |topic| (topic == REQUEST).then(|| (REQUEST.to_owned(), fresh.clone()))));
    bench.offer("http://h/old");
    assert_eq!(bench.fetch().unwrap(), IMAGE);
    assert_eq!(bench.ota.verdict(), Ok(true));
    assert_eq!(bench.wire.sent("request").len(), 1);
}

#[test]
fn a_fresh_url_with_another_kind_of_digest_is_the_same_update() {
    for topic in [REQUEST, UPGRADE] {
        let bench = bench();
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&IMAGE);
        let sha256 = to_hex(&hasher.finish(Algorithm::Sha256).unwrap());
        let signed = format!(r#""signMethod":"Sha256","sign":"{sha256}""#);
        let fresh = offer("http://h/new", &digest(&IMAGE))
            .replace(&format!(r#""md5":"{}""#, digest(&IMAGE)), &signed);
        *bench.wire.answer.lock() =
            Some(Arc::new(move |asked| (asked == REQUEST).then(|| (topic.to_owned(), fresh.clone()))));
        bench.offer("http://h/old");
        assert_eq!(bench.fetch().unwrap(), IMAGE, "{topic}");
        assert_eq!(bench.ota.verdict(), Ok(true));
        bench.ota.conclude();
        assert!(!bench.ota.is_offered() && !bench.ota.is_offered(), "{topic}: it counts once");
    }
}

#[test]
fn a_fresh_url_of_another_image_ends_it() {
    let bench = bench();
    let other = offer("http://h/new", &digest(b"other"));
    *bench.wire.answer.lock() =
        Some(Arc::new(move |topic| (topic == REQUEST).then(|| (REQUEST.to_owned(), other.clone()))));
    bench.offer("http://h/old");
    assert_eq!(bench.fetch(), Err(OtaError::Fetch));
    assert_eq!(bench.ota.session().failure(), Some(Failure::OtherImage));
    assert_eq!(bench.ota.verdict(), Ok(false));
}

#[test]
fn a_configuration_is_asked_for_fetched_and_renewed() {
    let bench = bench();
    let data = |url: &str| {
        format!(
            r#"{{"configId":"c1","configSize":5000,"sign":"{}","signMethod":"Md5","url":"{url}","getType":"file"}}"#,
            digest(&IMAGE)
        )
    };
    let reply_topic = "/sys/pk/dn/thing/config/get_reply";
    let fresh = format!(r#"{{"id":"1","code":200,"data":{}}}"#, data("http://h/new"));
    let seen = Arc::new(AtomicUsize::new(0));
    let hooked = seen.clone();
    bench.ota.on_config(Arc::new(move |content, _| {
        assert!(matches!(content, Content::Config(config) if config.id == "c1"));
        hooked.fetch_add(1, Ordering::Relaxed);
    }));
    *bench.wire.answer.lock() = Some(Arc::new(move |topic| {
        topic.ends_with("config/get").then(|| (reply_topic.to_owned(), fresh.clone()))
    }));
    let push = format!(r#"{{"id":"1","params":{}}}"#, data("http://h/old"));
    bench.wire.deliver("/sys/pk/dn/thing/config/push", &push);
    assert_eq!(bench.fetch().unwrap(), IMAGE);
    assert_eq!((bench.ota.verdict(), seen.load(Ordering::Relaxed)), (Ok(true), 2));
    assert_eq!(bench.wire.sent("config/get").len(), 1);
}

#[test]
fn limits_of_what_is_reported() {
    let bench = bench();
    for step in [-5, 101, i32::MIN, i32::MAX] {
        assert_eq!(bench.ota.report_progress(step, ""), Err(OtaError::Invalid), "{step}");
    }
    for step in [-4, 0, 100] {
        assert_eq!(bench.ota.report_progress(step, "x"), Ok(()), "{step}");
    }
    assert_eq!(bench.ota.report_progress(1, &"x".repeat(256)), Err(OtaError::TooLong));
    assert_eq!(bench.ota.report_version(""), Err(OtaError::Invalid));
    assert_eq!(bench.ota.request_image(&"1".repeat(33)), Err(OtaError::Invalid));
    assert_eq!(bench.ota.last_error(), Some(OtaError::Invalid));
    assert_eq!(bench.ota.report_version(&"1".repeat(32)), Ok(()));
    assert_eq!(bench.wire.sent("inform").len(), 1);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let bench = bench();
    // The device's own request, echoed by the broker.
    bench.wire.deliver(REQUEST, r#"{"id":1,"params":{"version":"1.0.0"}}"#);
    assert_eq!((bench.ota.last_error(), bench.ota.content()), (None, None));
    bench.wire.deliver(UPGRADE, "no JSON");
    assert_eq!((bench.ota.last_error(), bench.ota.content()), (Some(OtaError::Invalid), None));
    bench.wire.deliver("/sys/pk/dn/thing/config/push", r#"{"id":"9","params":{}}"#);
    let replies = bench.wire.sent("config/push_reply");
    assert!(matches!(replies.as_slice(), [reply] if reply.contains("\"9\"")), "{replies:?}");
    bench.offer("http://h/new");
    assert_eq!(bench.ota.fetch(10, LONG, &mut |_| {}), Ok(10));
    bench.offer("http://h/new");
    assert_eq!(bench.fetch().unwrap().len(), 4990, "it is the offer at hand");
}

#[test]
fn a_channel_that_fails() {
    let bench = bench();
    bench.offer("http://h/new");
    bench.wire.broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.ota.report_version("1.0.0"), Err(OtaError::Signal));
    assert_eq!(bench.fetch().unwrap(), IMAGE, "the download does not depend on it");
    assert_eq!(open(&bench.wire).err(), Some(OtaError::Signal));
    let Bench { wire, ota } = bench;
    drop(ota);
    assert!(wire.listeners.lock().is_empty());
}
