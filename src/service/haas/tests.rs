// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device against a broker that a test plays.

use serde_json::{Value, json};

use super::*;
use crate::fetch::http::Limits;
use crate::mqtt::tests::broker::{Broker, LONG, Peer, TcpDial};

const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const TOPIC: &str = "/ota/device/upgrade/pk/dn";

struct Bench {
    device: Arc<Device>,
    hub: Arc<Hub>,
    broker: Broker,
    peer: Peer,
    folder: PathBuf,
}

impl Bench {
    /// A device that listens for updates.
    fn new(name: &str) -> Self {
        let broker = Broker::new();
        let login = Login {
            device: identity::Device::new("pk", "dn").unwrap(),
            secret: "secret".into(),
            target: broker.options().target,
            mode: SecureMode::Tcp,
            keepalive: Duration::from_secs(60),
        };
        let hub = Arc::<Hub>::default();
        let device = Arc::new(Device::new(7, login, Arc::clone(&hub), Settings::default(), Box::new(source)));
        assert!(device.connect(Arc::new(TcpDial)));
        let mut peer = broker.accept(0);
        let event = hub.events.take(LONG).unwrap();
        assert_eq!(event.kind, CONNECT, "{event:?}");
        let listening = {
            let device = Arc::clone(&device);
            std::thread::spawn(move || device.listen())
        };
        let asked = peer.expect(8);
        assert_eq!(asked.topic(), TOPIC);
        peer.suback(asked.id(), 0);
        listening.join().unwrap().unwrap();
        let folder = std::env::temp_dir().join(format!("otakit-haas-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { device, hub, broker, peer, folder }
    }

    /// The cloud pushes an offer with these keys in place of the usual ones.
    fn offer(&mut self, keys: &Value) {
        let mut data =
            json!({"size": 3, "version": "2", "url": "http://127.0.0.1:1/x", "md5": MD5, "module": "mod"});
        for (key, value) in keys.as_object().unwrap() {
            data[key] = value.clone();
        }
        let message = json!({"code": "1000", "id": 1, "message": "success", "data": data});
        self.peer.publish(TOPIC, 1, 9, message.to_string().as_bytes());
    }

    /// What the cloud is told next: module, step, words.
    fn told(&mut self) -> (String, String, String) {
        loop {
            let packet = self.peer.read();
            if packet.first >> 4 != 3 {
                continue;
            }
            self.peer.ack(0x40, packet.publish_id());
            let payload = packet.body.get(packet.topic().len() + 4..).unwrap();
            let told: Value = serde_json::from_slice(payload).unwrap();
            let text = |key: &str| told["params"][key].as_str().unwrap_or("default").to_owned();
            assert_eq!(packet.topic(), "/ota/device/progress/pk/dn");
            return (text("module"), text("step"), text("desc"));
        }
    }

    fn event(&self) -> Event {
        self.hub.events.take(LONG).unwrap()
    }

    fn triggered(&self, version: &str) {
        let event = self.event();
        let Content::Offer(upgrade) = event.content else { panic!("{event:?}") };
        assert_eq!((event.kind, upgrade.firmware.offer.version.as_str()), (TRIGGER, version));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.device.end();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn source() -> HttpSource {
    HttpSource::new(
        Arc::new(TcpDial),
        Arc::default(),
        Limits::default(),
        Box::new(|_: &otakit_core::url::Url| true),
    )
}

/// What the device does behind what it tells.
fn until(is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + LONG;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn one(module: &str, step: &str) -> (String, String, String) {
    (module.into(), step.into(), String::new())
}

#[test]
fn offers_with_much_custom_data_arrive() {
    let mut bench = Bench::new("large");
    for (at, size) in [1000, 20_000, 32 * 1024, 60_000, 64 * 1024, 250_000].into_iter().enumerate() {
        let version = format!("2.{at}");
        bench.offer(&json!({"version": version, "extData": {"_package_udi": "x".repeat(size)}}));
        assert_eq!(bench.told(), one("mod", "1"));
        bench.triggered(&version);
    }
    // Larger than any that the platform passes on: not lost without a word.
    bench.offer(&json!({"extData": "x".repeat(300_000)}));
    let (module, step, words) = bench.told();
    assert_eq!((module.as_str(), step.as_str()), ("default", "-1"));
    assert!(words.contains("bytes"), "{words}");
    bench.offer(&json!({"version": "3"}));
    assert_eq!(bench.told(), one("mod", "1"));
    bench.triggered("3");
}

#[test]
fn what_cannot_be_taken_is_answered_by_its_name() {
    let mut bench = Bench::new("refused");
    let many = json!([{"fileUrl": "http://h/1"}, {"fileUrl": "http://h/2"}]);
    for (keys, word) in [
        (json!({"isDiff": 1}), "differential"),
        (json!({"isDiff": "1", "url": null}), "differential"),
        (json!({"files": many}), "several files"),
        (json!({"dProtocol": "mqtt", "url": null}), "MQTT"),
        (json!({"size": 0}), "size"),
        (json!({"url": "ftp://h/"}), "url"),
        (json!({"md5": "12"}), "digest"),
    ] {
        for module in ["mod", "default"] {
            let mut keys = keys.clone();
            keys["module"] = module.into();
            bench.offer(&keys);
            let (whose, step, words) = bench.told();
            assert_eq!((whose.as_str(), step.as_str()), (module, "-1"), "{keys}");
            assert!(words.contains(word), "{keys}: {words}");
        }
    }
    for message in ["{", "{}", r#"{"message":"failure"}"#] {
        bench.peer.publish(TOPIC, 1, 9, message.as_bytes());
        let (whose, step, words) = bench.told();
        assert_eq!((whose.as_str(), step.as_str()), ("default", "-1"), "{message}");
        assert!(words.starts_with("OTA transport parse failed"), "{words}");
    }
    bench.offer(&json!({"isDiff": 0, "files": [], "dProtocol": "https"}));
    assert_eq!(bench.told(), one("mod", "1"));
    bench.triggered("2");
}

#[test]
fn firmware_that_is_not_fetched_is_told_as_failed() {
    let mut bench = Bench::new("system");
    let path = bench.folder.join("system");
    let refused = |bench: &mut Bench, word: &str| {
        bench.offer(&json!({"module": "default"}));
        let (whose, step, words) = bench.told();
        assert_eq!((whose.as_str(), step.as_str()), ("default", "-1"));
        assert!(words.contains(word), "{words}");
        let event = bench.event();
        assert_eq!((event.kind, event.value), (SYSTEM, -1));
        assert!(matches!(event.content, Content::Offer(_)));
    };
    refused(&mut bench, "haas_ota_system_path");
    bench.device.set_system_path(Some(&path));
    let busy = bench.hub.occupy(&path).unwrap();
    refused(&mut bench, "another download");
    bench.hub.vacate(&busy);
    // Nobody is at the address of this offer; a folder is at the path of the next.
    bench.offer(&json!({"module": "default", "url": "gopher://h/", "version": "3"}));
    assert_eq!(bench.told().1, "-1");
    std::fs::create_dir(&path).unwrap();
    bench.offer(&json!({"module": "default"}));
    assert_eq!(bench.told(), one("default", "1"));
    assert_eq!(bench.told(), ("default".into(), "-4".into(), "OTA upgrade write failed".into()));
    assert_eq!(bench.event().value, -14);
    until(|| bench.device.system.lock().fetching.is_none());
}

#[test]
fn a_newer_firmware_waits_for_the_end_of_a_download() {
    let mut bench = Bench::new("waits");
    let path = bench.folder.join("system");
    bench.device.set_system_path(Some(&path));
    bench.offer(&json!({"module": "first"}));
    assert_eq!(bench.told(), one("first", "1"));
    let Content::Offer(first) = bench.event().content else { panic!() };
    bench.device.system.lock().fetching = Some((*first, path.clone()));
    for version in ["2", "3", "3", "2", "4"] {
        bench.offer(&json!({"module": "default", "version": version}));
        // What comes behind it on the same topic tells that it was looked at.
        bench.offer(&json!({"module": "mark"}));
        assert_eq!(bench.told(), one("mark", "1"));
        bench.triggered("2");
        let waiting = bench.device.system.lock().waiting.clone();
        let waiting = waiting.map(|upgrade| upgrade.firmware.offer.version);
        assert_eq!(waiting.as_deref(), Some(version).filter(|version| *version != "2"));
    }
    let (next, place) = bench.device.next_system().unwrap();
    assert_eq!((next.firmware.offer.version.as_str(), place), ("4", path));
    assert_eq!(bench.told(), one("default", "1"));
    assert!(bench.device.next_system().is_none() && bench.device.system.lock().fetching.is_none());
}

#[test]
fn an_answer_with_another_image_ends_the_download_and_is_an_order() {
    let mut bench = Bench::new("other");
    bench.offer(&json!({}));
    assert_eq!(bench.told(), one("mod", "1"));
    let Content::Offer(known) = bench.event().content else { panic!() };
    let mailbox = Arc::<crate::service::mailbox::Mailbox<otakit_core::offer::Offer>>::default();
    mailbox.open();
    let asked = Asked { birth: Birth::now(), image: known.firmware.offer, mailbox: Arc::clone(&mailbox) };
    bench.device.mailboxes.lock().insert("mod".into(), asked);
    let sha256 = json!({"md5": null, "signMethod": "SHA256", "sign": "0".repeat(64)});
    // With another kind of digest it is the download's fresh URL just as well, and no offer.
    for (version, is_same, digest) in
        [("2", true, json!({})), ("2", true, sha256.clone()), ("3", false, json!({})), ("4", false, sha256)]
    {
        let mut keys = json!({"version": version, "url": "http://127.0.0.1:1/fresh"});
        keys.as_object_mut().unwrap().extend(digest.as_object().unwrap().clone());
        bench.offer(&keys);
        let got = mailbox.wait(LONG, &CancellationToken::new()).unwrap();
        assert_eq!((got.version.as_str(), got.url.as_str()), (version, "http://127.0.0.1:1/fresh"));
        if !is_same {
            assert_eq!(bench.told(), one("mod", "1"));
            bench.triggered(version);
        }
    }
    assert!(bench.hub.events.take(Duration::from_millis(50)).is_none());
}

/// Has a device remember an offer with these keys.
fn known(device: &Arc<Device>, keys: &Value) {
    let mut data =
        json!({"size": 3, "version": "2", "url": "http://127.0.0.1:1/x", "md5": MD5, "module": "mod"});
    data.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let message = json!({"code": "1000", "id": 1, "message": "success", "data": data});
    let upgrade = module::decode(message.to_string().as_bytes()).unwrap();
    device.hub.remember(device, upgrade);
}

impl Bench {
    /// Another device, which is not connected.
    fn other(&self, id: i64, name: &str) -> Arc<Device> {
        let login = Login {
            device: identity::Device::new("pk", name).unwrap(),
            secret: "secret".into(),
            target: self.broker.options().target,
            mode: SecureMode::Tcp,
            keepalive: Duration::from_secs(60),
        };
        let source = || unreachable!("it fetches nothing");
        Arc::new(Device::new(id, login, Arc::clone(&self.hub), Settings::default(), Box::new(source)))
    }
}

#[test]
fn of_those_who_were_offered_a_url_one_who_can_answer_is_asked() {
    let bench = Bench::new("offers");
    let (off_line, ended) = (bench.other(8, "off"), bench.other(9, "ended"));
    ended.end();
    let whose = || -> Vec<i64> {
        let known = bench.hub.offers_at("http://127.0.0.1:1/x");
        known.iter().map(|known| known.device.upgrade().unwrap().id).collect()
    };
    known(&bench.device, &json!({}));
    known(&off_line, &json!({}));
    known(&ended, &json!({}));
    assert_eq!(whose(), [7, 8, 9], "on line, off line, ended");
    known(&bench.device, &json!({"module": "second", "md5": "0".repeat(32)}));
    assert_eq!(whose(), [7, 7, 8, 9]);
    let first = bench.hub.offers_at("http://127.0.0.1:1/x").remove(0);
    assert_eq!(first.upgrade.module, "second", "the newest first");
    // The newest of a module counts, and each device has room of its own.
    known(&bench.device, &json!({"module": "second", "url": "http://127.0.0.1:1/y"}));
    for number in 0..40 {
        known(&off_line, &json!({"module": format!("m{number}"), "url": "http://127.0.0.1:1/z"}));
    }
    assert_eq!(whose(), [7, 9]);
    assert_eq!(bench.hub.offers_at("http://127.0.0.1:1/z").len(), 32);
}

#[test]
fn a_file_is_judged_by_whichever_offer_of_its_url_it_is_of() {
    use std::io::{Read as _, Write as _};
    let bench = Bench::new("judged");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", server.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut peer, _)) = server.accept() {
            let _ = peer.read(&mut [0; 4096]);
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
        }
    });
    let path = bench.folder.join("file");
    let download = || {
        assert!(bench.hub.download(Box::new(source), Settings::default(), url.clone(), path.clone()));
        let event = bench.event();
        assert_eq!(event.kind, DOWNLOAD);
        (event.value, std::fs::remove_file(&path).is_ok())
    };
    known(&bench.device, &json!({"url": url, "module": "first"}));
    assert_eq!(download(), (0, true));
    // Newer ones, with another digest and another size.
    known(&bench.device, &json!({"url": url, "module": "second", "md5": "0".repeat(32)}));
    known(&bench.device, &json!({"url": url, "module": "third", "size": 4}));
    assert_eq!(download(), (0, true));
    known(&bench.device, &json!({"url": url, "module": "first", "md5": "1".repeat(32)}));
    assert_eq!(download(), (-10, false));
}

#[test]
fn an_outbox_that_is_full_is_told_once() {
    let mut bench = Bench::new("full");
    for number in 0..MAX_UNACKNOWLEDGED {
        assert!(bench.device.publish("/t", 1, b"x").is_some(), "{number}");
    }
    let told = |bench: &Bench| bench.device.told_full.load(Ordering::Relaxed);
    assert!(!told(&bench));
    for _ in 0..3 {
        assert!(bench.device.publish("/t", 1, b"x").is_none() && told(&bench));
    }
    assert!(bench.device.publish("/t", 0, b"x").is_some() && !told(&bench));
    let packet = bench.peer.expect(3);
    bench.peer.ack(0x40, packet.publish_id());
    until(|| bench.device.publish("/t", 1, b"x").is_some());
}

#[test]
fn a_refused_subscription_is_asked_for_less_and_less_often() {
    let mut bench = Bench::new("spaced");
    let device = Arc::clone(&bench.device);
    let listening = std::thread::spawn(move || device.listen());
    let mut asked = 0;
    while !listening.is_finished() {
        if let Some(packet) = bench.peer.try_read()
            && packet.first >> 4 == 8
        {
            asked += 1;
            bench.peer.suback(packet.id(), 0x80);
        }
    }
    assert!(listening.join().unwrap().is_none());
    // (Twice or so by the client itself, which was granted it before.)
    assert!((3..=9).contains(&asked), "{asked}");
}

#[test]
fn the_end_of_an_update_is_told_once_there_is_a_connection() {
    let mut bench = Bench::new("owed");
    // (Something has to stand there meanwhile.)
    let idle = Peer { stream: std::net::TcpStream::connect(address(&bench)).unwrap() };
    let peer = std::mem::replace(&mut bench.peer, idle);
    bench.broker.accept_raw();
    peer.close();
    assert_eq!(bench.event().kind, DISCONNECT);
    bench.device.tell("mod", 100, "");
    bench.device.tell("default", -2, "first");
    bench.device.tell("default", -3, "later");
    assert_eq!(bench.device.owed.lock().len(), 2);
    bench.peer = bench.broker.accept(0);
    assert_eq!(bench.told(), ("default".into(), "-3".into(), "later".into()));
    assert_eq!(bench.told(), one("mod", "100"));
    assert_eq!(bench.event().kind, CONNECT);
    until(|| bench.device.owed.lock().is_empty());
}

fn address(bench: &Bench) -> (String, u16) {
    let target = bench.broker.options().target;
    (target.host, target.port)
}
