// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every message of the cloud at every state of an update, in sequences made by chance: a firmware as its vendor writes
//! it ends with what the cloud ordered last, every push is answered, and nothing untrue is told.

use super::*;

const SIZE: usize = 4000;
const PUSH: &str = "/sys/pk/dn/thing/config/push";

/// `http://h/K` is an image of `SIZE` bytes K; `http://h/K?old` is good for the first half only.
struct Images;

impl Source for Images {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Images {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
        let name = request.url.trim_start_matches("http://h/");
        let (number, old) = name.split_once('?').map_or((name, false), |(number, _)| (number, true));
        let start = usize::try_from(request.offset).unwrap();
        let end = if old { SIZE / 2 } else { SIZE };
        if start >= end {
            return Err(FetchError::Status { status: 403, retry_after: None });
        }
        let body = Box::new(Rest(vec![number.parse().unwrap(); end - start]));
        Ok(Opened { body, start: request.offset, validator: None })
    }
}

fn image(number: u8) -> Vec<u8> {
    vec![number; SIZE]
}

fn firmware(number: u8, old: bool) -> String {
    let (query, md5) = (if old { "?old" } else { "" }, digest(&image(number)));
    format!(
        r#"{{"message":"success","data":{{"size":{SIZE},"version":"{number}","url":"http://h/{number}{query}","md5":"{md5}"}}}}"#
    )
}

fn configuration(id: usize) -> String {
    let sign = digest(&image(200));
    format!(
        r#"{{"id":"{id}","params":{{"configId":"c{id}","configSize":{SIZE},"sign":"{sign}","signMethod":"Md5","url":"http://h/200","getType":"file"}}}}"#
    )
}

/// What the cloud may say.
#[derive(Clone, Copy, Debug)]
enum Message {
    Firmware { number: u8, old: bool },
    Difference,
    Config,
    Garbage,
    Module,
}

/// Xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn message(&mut self) -> Option<Message> {
        match self.below(12) {
            0..4 => {
                let number = u8::try_from(1 + self.below(3)).unwrap();
                Some(Message::Firmware { number, old: self.below(2) == 0 })
            }
            4 => Some(Message::Difference),
            5 => Some(Message::Config),
            6 => Some(Message::Garbage),
            7 => Some(Message::Module),
            _ => None,
        }
    }
}

/// The firmware: waits for an offer, fetches, looks whether it is the end, asks for the verdict, installs.
struct Vendor {
    bench: Bench,
    fetching: bool,
    written: Vec<u8>,
    /// The last firmware that was found valid.
    installed: Option<u8>,
    /// What the cloud stands by; shared with its answers.
    ordered: Arc<Mutex<Option<u8>>>,
    failures: usize,
    refused: usize,
    configs: usize,
}

impl Vendor {
    fn new() -> Self {
        let wire = Arc::new(Wire::default());
        let ordered = Arc::new(Mutex::new(None));
        let standing = ordered.clone();
        // Asked for a fresh URL, the cloud answers with what it stands by.
        *wire.answer.lock() = Some(Arc::new(move |topic| {
            let number: u8 = (*standing.lock())?;
            (topic == REQUEST).then(|| (REQUEST.to_owned(), firmware(number, false)))
        }));
        let device = Device::new("pk", "dn").unwrap();
        let mut settings = Settings::default();
        settings.retry_policy.base = MS;
        let ota = Ota::open(device, Some("0".to_owned()), wire.clone(), Arc::new(Images), settings).unwrap();
        let bench = Bench { wire, ota };
        Self {
            bench,
            fetching: false,
            written: Vec::new(),
            installed: None,
            ordered,
            failures: 0,
            refused: 0,
            configs: 0,
        }
    }

    fn hear(&mut self, message: Message) {
        let wire = self.bench.wire.clone();
        let _turn = wire.order.lock();
        match message {
            Message::Firmware { number, old } => {
                *self.ordered.lock() = Some(number);
                wire.deliver(UPGRADE, &firmware(number, old));
            }
            Message::Difference => {
                wire.deliver(UPGRADE, r#"{"message":"success","data":{"isDiff":1}}"#);
                self.refused += 1;
            }
            Message::Config => {
                self.configs += 1;
                wire.deliver(PUSH, &configuration(self.configs));
            }
            Message::Garbage => wire.deliver(UPGRADE, "{"),
            Message::Module => {
                let theirs = firmware(1, false).replace(r#""size""#, r#""module":"mcu","size""#);
                wire.deliver(UPGRADE, &theirs);
            }
        }
    }

    /// One step of the loop that vendors write; `what` may come before each of its calls.
    fn turn(&mut self, what: &mut impl FnMut(&mut Self)) {
        what(self);
        // IOT_MQTT_Yield
        self.bench.ota.take_waiting();
        what(self);
        if !self.fetching {
            self.fetching = self.bench.ota.is_offered();
            self.written.clear();
            return;
        }
        let (mut got, ota) = (Vec::new(), self.bench.ota.clone());
        let fetched = ota.fetch(1500, LONG, &mut |bytes| got.extend_from_slice(bytes));
        self.written.extend_from_slice(&got);
        if fetched.is_err() {
            self.failures += 1;
            ota.report_progress(-2, "").unwrap();
        } else {
            // As often as not before it is so.
            ota.report_progress(100, "").unwrap();
        }
        what(self);
        ota.take_waiting();
        what(self);
        if !ota.has_ended() {
            return;
        }
        if fetched.is_err() {
            // There is nothing to be verified.
            self.fetching = false;
            return;
        }
        let valid = ota.verdict().expect("an ended download has a verdict");
        if valid {
            // Bytes of one image alone, and of the one that the session says.
            let Some(Content::Firmware(own)) = ota.content() else {
                assert_eq!(self.written, image(200));
                self.fetching = false;
                return;
            };
            let number = own.offer.version.parse().unwrap();
            assert_eq!(self.written, image(number));
            self.installed = Some(number);
        }
        self.fetching = false;
    }

    fn told(&self, step: &str) -> usize {
        let step = format!(r#""step":"{step}""#);
        self.bench.wire.sent("progress").iter().filter(|text| text.contains(&step)).count()
    }
}

#[test]
fn the_device_ends_with_what_the_cloud_stands_by() {
    let cases = if std::env::var_os("OTAKIT_LONG").is_some() { 20_000 } else { 400 };
    for seed in 1..=cases {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let said: Vec<_> = (0..1 + dice.below(60)).map(|_| dice.message()).collect();
        let mut device = Vendor::new();
        let mut left = said.iter().copied();
        while left.len() > 0 {
            device.turn(&mut |device| {
                if let Some(Some(message)) = left.next() {
                    device.hear(message);
                }
            });
        }
        // Silence: what was ordered gets done.
        for _ in 0..60 {
            device.turn(&mut |_| {});
        }
        assert!(!device.fetching && !device.bench.ota.is_fetching(), "seed {seed}: {said:?}");
        assert_eq!(device.installed, *device.ordered.lock(), "seed {seed}: {said:?}");
        assert_eq!(device.bench.wire.sent("config/push_reply").len(), device.configs, "seed {seed}");
        assert_eq!(device.told("-1"), device.refused, "seed {seed}");
        assert_eq!(device.told("-2"), device.failures, "seed {seed}");
    }
}

fn reached(bench: &Bench, number: u8) -> bool {
    matches!(bench.ota.content(), Some(Content::Firmware(own)) if own.offer.version == number.to_string())
}

#[test]
fn a_burst_ends_with_the_newest_and_a_repetition_is_nothing_new() {
    let device = Vendor::new();
    let wire = &device.bench.wire;
    let heard = Arc::new(AtomicUsize::new(0));
    let hooked = heard.clone();
    device.bench.ota.on_firmware(Arc::new(move |_, _| {
        hooked.fetch_add(1, Ordering::Relaxed);
    }));
    for number in [1, 2, 2, 3, 3, 3] {
        wire.deliver(UPGRADE, &firmware(number, false));
        assert!(reached(&device.bench, number));
    }
    assert_eq!(heard.load(Ordering::Relaxed), 3, "each order once");
    assert_eq!(device.bench.fetch().unwrap(), image(3));
}

#[test]
fn a_configuration_push_during_a_renewal_is_answered_and_the_firmware_goes_on() {
    let device = Vendor::new();
    let Bench { wire, ota } = &device.bench;
    let pushing = Arc::downgrade(wire);
    // The push comes between question and answer.
    *wire.answer.lock() = Some(Arc::new(move |topic| {
        (topic == REQUEST).then(|| {
            pushing.upgrade().unwrap().deliver(PUSH, &configuration(9));
            (REQUEST.to_owned(), firmware(1, false))
        })
    }));
    wire.deliver(UPGRADE, &firmware(1, true));
    assert_eq!(device.bench.fetch().unwrap(), image(1));
    assert_eq!(ota.verdict(), Ok(true));
    assert_eq!(wire.sent("push_reply"), [r#"{"id":"9","code":"400","data":{}}"#]);
}
