// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the fuzzer calls: one function for everything that reads bytes from outside. Each panics when an invariant is
//! broken. `fuzz/` runs them under libFuzzer (`make fuzz`), the tests below on the seeds and on mutations of them.
#![allow(clippy::panic, clippy::missing_panics_doc)] // A panic is how a fuzz target reports.

use std::sync::Once;

use otakit_core::checkpoint::Checkpoint;
use otakit_core::digest::{Algorithm, Expected};
use otakit_core::http::answer::{self, Answer, Expectation};
use otakit_core::http::head::Headers;
use otakit_core::http::range::{ContentRange, MAX_RETRY_AFTER, retry_after, unsatisfied_total};
use otakit_core::offer::{Kind, Offer};
use otakit_core::platform::aliyun::{config, offer};
use otakit_core::signature::Verifies as _;
use otakit_core::url::Url;

use crate::engine::signature;
use crate::fetch::http::pieces;
use crate::log::{Level, set_limit};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by its name: that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("offer_json", offer_json),
    ("config_json", config_json),
    ("mqtt_read", mqtt_read),
    ("http_answer", http_answer),
    ("http_exchange", http_exchange),
    ("url", url),
    ("journal", journal),
    ("range_headers", range_headers),
    ("signature_key", signature_key),
    ("model_json", model_json),
    #[cfg(feature = "onenet")]
    ("onenet_answer", onenet_answer),
    #[cfg(feature = "delta")]
    ("delta_package", delta_package),
];

/// Refusals are logged; a fuzzer has no use for that, other tests of the process have.
fn quiet() {
    static ONCE: Once = Once::new();
    if !cfg!(test) {
        ONCE.call_once(|| set_limit(Level::None));
    }
}

/// An offer that was accepted must be usable.
fn sound(offer: &Offer) {
    assert!(offer.size > 0 && Url::parse(&offer.url).is_ok());
    assert!(!offer.url.contains(['\r', '\n', ' ']));
}

/// Upgrade messages and the answers to the two ways of asking for one.
pub fn offer_json(data: &[u8]) {
    quiet();
    for firmware in [offer::decode(data), offer::decode_get_reply(data)].into_iter().flatten() {
        sound(&firmware.offer);
        assert_eq!(firmware.offer.kind, Kind::Firmware);
    }
}

/// Remote configurations, asked for and pushed.
pub fn config_json(data: &[u8]) {
    quiet();
    for config in [config::decode_reply(data), config::decode_push(data)].into_iter().flatten() {
        sound(&config.offer);
        assert_eq!(config.offer.version, config.id);
    }
    let refusal = config::encode_push_reply(&config::push_id(data), 400);
    assert!(serde_json::from_str::<serde_json::Value>(&refusal).is_ok());
}

/// A connection's bytes as packets: the same ones however the network cuts them. The first byte is the cut.
pub fn mqtt_read(data: &[u8]) {
    #[cfg(feature = "mqtt")]
    if let Some((cut, bytes)) = data.split_first() {
        let whole = crate::mqtt::decode_all(bytes, bytes.len().max(1));
        let parts = crate::mqtt::decode_all(bytes, usize::from(*cut).max(1));
        assert_eq!(whole, parts);
    }
    #[cfg(not(feature = "mqtt"))]
    let _ = data;
}

/// A status line's code and header lines, judged. The first two bytes are the offset asked for, of an image of 60000.
pub fn http_answer(data: &[u8]) {
    quiet();
    let Some((asked, text)) = data.split_first_chunk::<2>() else { return };
    let expected = Expectation { offset: u16::from_be_bytes(*asked).into(), size: 60_000, validator: None };
    let mut lines = text.split(|byte| *byte == b'\n');
    let status =
        lines.next().and_then(|line| str::from_utf8(line).ok()).and_then(|line| line.trim().parse().ok());
    let mut headers = Headers::default();
    for line in lines.take(64) {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        let value = value.strip_prefix(b":").unwrap_or(value);
        if let Ok(name) = str::from_utf8(name) {
            headers.add(name, value);
        }
    }
    match answer::judge(status.unwrap_or(206), &headers, &expected) {
        Ok(Answer::Bytes { start }) => assert!(start <= expected.offset),
        Ok(Answer::Redirect(_)) | Err(_) => {}
    }
    if let Some(validator) = answer::validator(&headers) {
        assert!(validator.as_str().bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')));
    }
}

/// A connection's bytes as an answer: the same one however the network cuts them. The first byte is the cut.
pub fn http_exchange(data: &[u8]) {
    quiet();
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = pieces::read_all(bytes, bytes.len().max(1)).ok();
    let parts = pieces::read_all(bytes, usize::from(*cut).max(1)).ok();
    assert_eq!(whole, parts);
    assert!(whole.is_none_or(|(_, body)| body.len() <= bytes.len()));
}

/// Two lines: a URL, and where a redirect leads from there.
pub fn url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(base) = Url::parse(first) else { return };
    for url in [base.join(second).ok(), Some(base)].into_iter().flatten() {
        assert!(!url.host.is_empty() && url.port > 0 && url.path.starts_with('/'));
        let shown = url.whole();
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown:?}");
        if let Ok(again) = Url::parse(&shown) {
            assert_eq!(again, Url { userinfo: None, ..url });
        }
    }
}

/// Records of interrupted downloads, with their own checksum and with the right one.
pub fn journal(data: &[u8]) {
    quiet();
    let Some(digest) = Expected::from_hex(Algorithm::Sha256, &"ab".repeat(32)) else { return };
    let (version, url) = ("2.0.0".to_owned(), "http://h/".to_owned());
    let offer =
        Offer { version, size: 100_000, url, digest, kind: Kind::Firmware, signature: None, is_delta: false };
    for record in [data.to_vec(), Checkpoint::sealed(data, &offer)] {
        if let Some(checkpoint) = Checkpoint::decode(&record, &offer) {
            assert!(checkpoint.offset <= offer.size);
            let again = Checkpoint::decode(&checkpoint.encode(&offer), &offer);
            assert!(again.is_some_and(|again| again.offset == checkpoint.offset));
        }
    }
}

/// `Content-Range` and `Retry-After`.
pub fn range_headers(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(range) = ContentRange::parse(text) {
        assert!(range.first <= range.last && range.total.is_none_or(|total| range.last < total));
    }
    if let Some(total) = unsatisfied_total(text) {
        assert!(i64::try_from(total).is_ok());
    }
    assert!(retry_after(text, Some(0)).is_none_or(|wait| wait <= MAX_RETRY_AFTER));
}

/// Trusted keys in PEM form, and signatures in base64; neither makes the other valid.
pub fn signature_key(data: &[u8]) {
    quiet();
    let Ok(text) = str::from_utf8(data) else { return };
    let (pem, coded) = text.split_once('|').unwrap_or((text, text));
    if let (Some(key), Some(signed)) = (signature::Key::from_pem(pem), otakit_core::signature::decode(coded))
    {
        assert!(!key.verifies(&[0x5A; 32], &signed));
    }
}

/// The device model's messages, upgrades of modules, the answer to a registration.
pub fn model_json(data: &[u8]) {
    use otakit_core::platform::aliyun::identity::{DEVICE_SECRET_LEN, Device};
    use otakit_core::platform::aliyun::model::envelope::{number_in, text_in, well_formed};
    use otakit_core::platform::aliyun::model::{Call, Reply, gateway};
    use otakit_core::platform::aliyun::register;
    quiet();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let params = Call::decode(data).map(|call| call.params);
    let answer = Reply::decode(data).map(|reply| reply.data);
    for part in [params, answer].into_iter().flatten() {
        assert_eq!(well_formed(part.as_bytes()), Some(part.as_str()));
        let _ = (text_in(&part, "productKey"), number_in(&part, "state"));
        for device in gateway::devices(&part).into_iter().flatten() {
            assert!(
                Device::new(&device.product_key, &device.device_name).is_some()
                    && json(&gateway::names(&device))
            );
        }
    }
    #[cfg(feature = "haas")]
    if let Ok(upgrade) = otakit_core::platform::aliyun::module::decode(data) {
        use otakit_core::platform::aliyun::module::{MAX_NAME, inform};
        sound(&upgrade.firmware.offer);
        assert!(!upgrade.module.is_empty() && upgrade.module.len() <= MAX_NAME);
        assert!(json(&inform(&upgrade.module, "1")));
    }
    if let Some(device) = Device::new("a1TestProdK", "dev001")
        && let Ok(secret) = register::secret(data, &device)
    {
        assert!((1..=DEVICE_SECRET_LEN).contains(&secret.len()));
    }
}

/// OneNET's answers: envelopes, tasks, refusals of downloads, notices over MQTT.
#[cfg(feature = "onenet")]
pub fn onenet_answer(data: &[u8]) {
    use otakit_core::platform::onenet::task::Task;
    use otakit_core::platform::onenet::{TaskId, answer, inform};
    quiet();
    if let Some(envelope) = answer::envelope(data) {
        let _ = envelope.standing();
        for tokens in [true, false] {
            let Ok(task) = Task::decode(&envelope.data, tokens, &mut |_| {}) else { continue };
            assert!(task.size > 0 && !task.target.contains('\0') && !task.md5.contains('\0'));
            // It becomes part of a path.
            assert!(!task.id.to_string().contains(['/', '?', '#', ' ', '\r', '\n', '\0']));
            assert_eq!(tokens, matches!(task.id, TaskId::Token(_)));
        }
    }
    if let Some(code) = answer::download_refusal(data) {
        assert!((1..=6).contains(&code) && data.len() == 1);
    }
    if let Some(reply) = inform::reply(data) {
        assert!(serde_json::from_str::<serde_json::Value>(&reply).is_ok());
    }
    if let Ok(text) = str::from_utf8(data) {
        assert_ne!(answer::header_refusal(Some(text)), Some(0));
    }
}

/// Delta packages and the records of how far they got. Checksums and digests in front are made right, so that what lies
/// behind them is reached.
#[cfg(feature = "delta")]
pub fn delta_package(data: &[u8]) {
    use otakit_core::delta::{Crc32, HEADER_LEN, Header, Point};
    use sha2::{Digest as _, Sha256};
    const MOST: u64 = 64 * 1024;
    quiet();
    let _ = Point::decode(data);
    let Some((front, rest)) = data.split_first_chunk::<HEADER_LEN>() else { return };
    let mut front = *front;
    if let Some((body, sum)) = front.split_last_chunk_mut() {
        *sum = Crc32::of(body).to_le_bytes();
    }
    let Ok(mut header) = Header::parse(&front) else { return };
    if header.base_size > MOST || header.result_size > MOST {
        return;
    }
    let base: Vec<u8> = (0..header.base_size).map(base_byte).collect();
    let index = usize::try_from(header.blocks_at()).map_or(0, |end| end - HEADER_LEN);
    header.base = Sha256::digest(&base).into();
    header.index = Sha256::digest(rest.get(..index).unwrap_or(rest)).into();
    let made = apply(&header, &base, rest, 61);
    assert_eq!(apply(&header, &base, rest, 4096), made, "how the bytes are cut makes no difference");
    if let Some(made) = made {
        assert_eq!(made.len() as u64, header.result_size);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&made)), header.result);
    }
}

/// The image that the packages in `fuzz/corpus/delta_package` are made for.
#[cfg(feature = "delta")]
fn base_byte(at: u64) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]
}

/// What a package makes; `None`: it was refused.
#[cfg(feature = "delta")]
fn apply(header: &otakit_core::delta::Header, base: &[u8], mut rest: &[u8], piece: usize) -> Option<Vec<u8>> {
    use otakit_core::delta::{Apply, Step};
    let mut apply = Apply::new(header.clone(), vec![0; header.memory()]).ok()?;
    let (mut made, mut now): (_, &[u8]) = (Vec::new(), &[]);
    loop {
        match apply.step(&mut now).ok()? {
            Step::Package { .. } => {
                (now, rest) = rest.split_at(rest.len().min(piece));
                if now.is_empty() {
                    return None;
                }
            }
            Step::Base { offset, len } => {
                let from = usize::try_from(offset).ok()?;
                let wanted = base.get(from..base.len().min(from + len.min(piece)))?;
                apply.base(wanted).ok()?;
            }
            Step::Output => {
                made.extend_from_slice(apply.output());
                assert!(made.len() as u64 <= header.result_size);
            }
            Step::Block(point) => assert!(point.block() <= header.blocks()),
            Step::Done => return Some(made),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const MUTATIONS: u32 = 20_000;

    /// Xorshift: the same inputs in every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % n.max(1)
        }
    }

    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// One to four small changes, of the kinds that break parsers.
    fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
        let mut input = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            let at = dice.below(input.len());
            let byte = [0, 0xFF, 0x7F, 0x80, b'"', b'}', b'-', b'9', b'\n', b'/'][dice.below(10)];
            match dice.below(7) {
                0 if !input.is_empty() => input[at] ^= 1 << dice.below(8),
                1 if !input.is_empty() => input[at] = byte,
                2 => input.insert(at, byte),
                3 if !input.is_empty() => drop(input.remove(at)),
                4 => input.truncate(at),
                5 => {
                    let piece = input[at..(at + dice.below(32)).min(input.len())].to_vec();
                    let to = dice.below(input.len());
                    input.splice(to..to, piece);
                }
                _ => {
                    let other = &seeds[dice.below(seeds.len())];
                    input.truncate(at);
                    input.extend_from_slice(&other[dice.below(other.len())..]);
                }
            }
        }
        input
    }

    #[test]
    fn seeds_and_mutations_of_them_break_nothing() {
        for &(name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(seeds.len() >= 3, "{name}");
            seeds.iter().for_each(|seed| target(seed));
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
            for _ in 0..MUTATIONS {
                target(&mutate(&seeds, &mut dice));
            }
        }
    }

    #[test]
    fn the_good_seeds_are_accepted() {
        let seed = |target: &str, file: &str| {
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target).join(file))
                .unwrap()
        };
        assert!(offer::decode(&seed("offer_json", "plain")).is_ok());
        assert!(offer::decode_get_reply(&seed("offer_json", "get-reply")).is_ok());
        assert!(config::decode_push(&seed("config_json", "push")).is_ok());
        assert!(Url::parse(str::from_utf8(&seed("url", "signed")).unwrap().lines().next().unwrap()).is_ok());
        assert!(ContentRange::parse(str::from_utf8(&seed("range_headers", "range")).unwrap()).is_some());
        assert!(
            signature::Key::from_pem(str::from_utf8(&seed("signature_key", "ed25519")).unwrap()).is_some()
        );
        #[cfg(feature = "delta")]
        for name in ["small", "records", "inserted", "blocks"] {
            use otakit_core::delta::{HEADER_LEN, Header};
            let package = seed("delta_package", name);
            let header = Header::parse(package.first_chunk().unwrap()).unwrap();
            let base: Vec<u8> = (0..header.base_size).map(base_byte).collect();
            assert!(apply(&header, &base, &package[HEADER_LEN..], 100).is_some(), "{name}");
        }
    }
}
