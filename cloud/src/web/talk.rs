// SPDX-License-Identifier: MIT OR Apache-2.0
//! The conversation with devices, as it passes: the last messages of each, in memory, without secrets.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use crate::data::model::DeviceKey;
use crate::data::time;

/// Messages kept of a device.
const PER_DEVICE: usize = 100;
/// Bytes kept of a payload.
const PAYLOAD: usize = 2_048;
/// Bytes kept of all devices together.
const ALL: usize = 8 << 20;
/// What a message takes besides its text.
const OVERHEAD: usize = 128;

/// Whose a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The device's.
    Up,
    /// The cloud's.
    Down,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it passed, in ms.
    pub at: i64,
    /// Whose it is.
    pub way: Way,
    /// Its topic.
    pub topic: String,
    /// Its payload, as far as it is kept, secrets masked.
    pub payload: String,
    /// Bytes of the payload that came.
    pub size: usize,
}

impl Message {
    fn cost(&self) -> usize {
        self.topic.len() + self.payload.len() + OVERHEAD
    }
}

/// What is kept.
#[derive(Debug)]
pub struct Talk {
    kept: Mutex<Kept>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    devices: HashMap<DeviceKey, VecDeque<Message>>,
    bytes: usize,
}

impl Default for Talk {
    fn default() -> Self {
        Self { kept: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Talk {
    /// Keeps a message, if its topic names a device.
    pub fn note(&self, way: Way, topic: &str, payload: &[u8]) {
        let Some(key) = device_of(topic) else { return };
        let message = Message {
            at: time::now_ms(),
            way,
            topic: topic.chars().take(256).collect(),
            payload: masked(payload),
            size: payload.len(),
        };
        let mut kept = self.kept.lock();
        kept.bytes += message.cost();
        let messages = kept.devices.entry(key).or_default();
        messages.push_back(message);
        if messages.len() > PER_DEVICE {
            let gone = messages.pop_front().map_or(0, |message| message.cost());
            kept.bytes = kept.bytes.saturating_sub(gone);
        }
        if kept.bytes > ALL {
            kept.forget();
        }
        drop(kept);
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// The messages of a device, the newest first.
    pub fn of(&self, key: &DeviceKey) -> Vec<Message> {
        let kept = self.kept.lock();
        kept.devices.get(key).map(|messages| messages.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Changes whenever a message passes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Kept {
    /// Forgets the devices that were silent for longest, an eighth of everything.
    fn forget(&mut self) {
        let mut by_age: Vec<(i64, DeviceKey)> = self
            .devices
            .iter()
            .map(|(key, all)| (all.back().map_or(0, |last| last.at), key.clone()))
            .collect();
        by_age.sort();
        for (_, key) in by_age {
            if self.bytes <= ALL - ALL / 8 {
                return;
            }
            let gone = self.devices.remove(&key).unwrap_or_default();
            self.bytes = self.bytes.saturating_sub(gone.iter().map(Message::cost).sum());
        }
    }
}

/// The device that a topic names, in either direction.
fn device_of(topic: &str) -> Option<DeviceKey> {
    let parts: Vec<&str> = topic.trim_start_matches('/').split('/').collect();
    let (product, device) = match *parts.as_slice() {
        ["ota", "device", _, product, device, ..]
        | ["sys" | "$sys", product, device, ..]
        | ["ext", "session" | "ntp" | "rrpc" | "error", product, device, ..]
        | ["shadow", _, product, device, ..] => (product, device),
        _ => return None,
    };
    let named = !product.is_empty() && !device.is_empty() && product.len() <= 64 && device.len() <= 64;
    named.then(|| DeviceKey::new(product, device))
}

/// In place of a secret.
pub const MASK: &str = "••••••";

/// A payload as text, with what is secret in it masked.
fn masked(payload: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(payload) {
        Ok(mut value) => {
            mask(&mut value);
            value.to_string()
        }
        // What is no JSON may hold anything: its shape is shown, its words are not.
        Err(_) => match std::str::from_utf8(payload) {
            Ok(text) if !secret_in(text) => text.to_owned(),
            _ => MASK.to_owned(),
        },
    };
    if text.len() <= PAYLOAD {
        return text;
    }
    let mut end = PAYLOAD;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Whether what has this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "accesskey", "privatekey", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

fn secret_in(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["secret", "passw", "token", "sign="].iter().any(|part| lower.contains(part))
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // The `sign` of an offer is the image's digest, that of a sub-device the proof with which it signs in.
            let offer = fields.contains_key("url") || fields.contains_key("size");
            for (name, value) in fields {
                if (is_secret(name) || (name == "sign" && !offer)) && (value.is_string() || value.is_number())
                {
                    *value = Value::from(MASK);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) if text.contains("://") => {
            // Who has the query of such a URL can fetch what it names.
            if let Some((start, _)) = text.split_once('?') {
                *text = format!("{start}?{MASK}");
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        let payload = br#"{"id":"1","data":[{"deviceSecret":"S1","productKey":"pk","sign":"S2","signMethod":"hmacSha1"}],
            "url":"http://h/f.bin?Signature=S3&x=S4","list":[["http://h/plain", "digest7"]],"token":"S5","params":{"device_secret":"S6"},
            "files":[{"url":"http://h/x","sign":"digest7"}]}"#;
        let text = masked(payload);
        for secret in ["S1", "S2", "S3", "S4", "S5", "S6"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for plain in ["\"pk\"", "hmacSha1", "http://h/f.bin?", "http://h/plain", "digest7"] {
            assert!(text.contains(plain), "{plain} not in {text}");
        }
        assert_eq!(masked(b"secret=abc"), MASK);
        assert_eq!(masked(&[0xff, 0xfe]), MASK);
        assert_eq!(masked(b"hello"), "hello");
    }

    #[test]
    fn topics_name_devices() {
        for topic in
            ["/ota/device/upgrade/p/d", "/sys/p/d/thing/reset", "/ext/ntp/p/d/request", "$sys/p/d/ota/inform"]
        {
            assert_eq!(device_of(topic), Some(DeviceKey::new("p", "d")), "{topic}");
        }
        for topic in ["", "/", "/ota/device/upgrade/p", "/sys/p", "/x/p/d", "/sys//d/x"] {
            assert_eq!(device_of(topic), None, "{topic}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let talk = Talk::default();
        let long = vec![b'x'; 2 * PAYLOAD];
        for n in 0..200 {
            talk.note(Way::Up, "/sys/p/same/a", format!("{n}").as_bytes());
            talk.note(Way::Up, "/sys/p/same2/a", &long);
        }
        let same = talk.of(&DeviceKey::new("p", "same"));
        assert_eq!(same.len(), PER_DEVICE);
        assert_eq!(same.first().map(|message| message.payload.as_str()), Some("199"));
        for n in 0..5_000 {
            talk.note(Way::Down, &format!("/sys/p/d{n}/a"), &long);
        }
        let kept = talk.kept.lock();
        assert!(kept.bytes <= ALL, "{}", kept.bytes);
        let counted: usize = kept.devices.values().flatten().map(Message::cost).sum();
        assert_eq!(kept.bytes, counted);
        assert!(kept.devices.contains_key(&DeviceKey::new("p", "d4999")));
        assert!(!kept.devices.contains_key(&DeviceKey::new("p", "same")));
    }
}
