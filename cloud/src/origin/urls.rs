// SPDX-License-Identifier: MIT OR Apache-2.0
//! The URLs that devices are given: each is signed and ends, so that nobody can make one up or use one for ever.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::edition;
use crate::data::model::{Config, Firmware};
use crate::data::{Store, import, time};
use crate::{Failure, random};

/// The key's name among the settings.
const SETTING: &str = "url-key";

/// Makes URLs, and knows its own.
#[derive(Clone)]
pub struct Urls {
    base: String,
    key: [u8; 32],
    life: Duration,
}

impl fmt::Debug for Urls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Urls").field("base", &self.base).field("life", &self.life).finish_non_exhaustive()
    }
}

/// What a URL says of itself.
#[derive(Debug, Deserialize)]
pub struct Signature {
    /// Seconds since 1970 at which it ends.
    #[serde(rename = "Expires", default)]
    expires: String,
    #[serde(rename = "Signature", default)]
    signature: String,
}

/// Reads the key of a store; the first time it makes one. Blocks.
pub fn key(store: &Store) -> Result<[u8; 32], Failure> {
    store.batch(|| {
        if let Some(text) = store.setting(SETTING)? {
            let bytes = import::unhex(&text).and_then(|bytes| bytes.try_into().ok());
            return bytes.ok_or_else(|| Failure::new("the database holds no key for URLs under \"url-key\""));
        }
        let mut key = [0; 32];
        random::fill(&mut key)?;
        store.put_setting(SETTING, &import::hex(&key))?;
        Ok(key)
    })
}

impl Urls {
    /// URLs below `base` (`http://host:port`, with or without a slash at the end) that end after `life`.
    pub fn new(base: &str, key: [u8; 32], life: Duration) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key, life }
    }

    /// How they begin.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Where a firmware's image is, for a while.
    pub fn firmware(&self, firmware: &Firmware) -> String {
        let content = &firmware.content;
        self.signed(&format!("/firmware/{}/{}/{}", firmware.key, edition(content), content.name))
    }

    /// Where a product's configuration is, for a while.
    pub fn config(&self, config: &Config) -> String {
        self.signed(&format!("/config/{}/{}", config.product_key, config.id))
    }

    /// Where a configuration is that was ordered for one device, for a while. It names the order.
    pub fn ordered_config(&self, config: &Config, update: u64) -> String {
        self.signed(&format!("/config/{}/{}/{update}", config.product_key, config.id))
    }

    fn mac(&self, path: &str, expires: i64) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(format!("{expires}\n{path}").as_bytes());
        Some(mac)
    }

    fn signed(&self, path: &str) -> String {
        let life = i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX);
        let expires = (time::now_ms() / 1000).saturating_add(life);
        let signature = self.mac(path, expires).map(|mac| import::hex(&mac.finalize().into_bytes()));
        format!("{}{path}?Expires={expires}&Signature={}", self.base, signature.unwrap_or_default())
    }

    /// Whether a URL with this path is one of ours and has not ended. `Err`: what to answer.
    pub fn check(&self, path: &str, signature: &Signature) -> Result<(), &'static str> {
        // One spelling alone: what was signed is what was sent.
        let expires = signature.expires.parse().ok().filter(|n: &i64| n.to_string() == signature.expires);
        let given = import::unhex(&signature.signature);
        let ours = expires.zip(given).is_some_and(|(expires, given)| {
            self.mac(path, expires).is_some_and(|mac| mac.verify_slice(&given).is_ok())
        });
        match expires {
            Some(expires) if ours && time::now_ms() / 1000 < expires => Ok(()),
            Some(_) if ours => Err("this address has ended; ask for the firmware again\n"),
            _ => Err("this address was not given out here\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, Signature) {
        let (path, query) = url.strip_prefix("http://x").unwrap().split_once('?').unwrap();
        let (expires, signature) = query.split_once('&').unwrap();
        let signature = Signature {
            expires: expires.strip_prefix("Expires=").unwrap().to_owned(),
            signature: signature.strip_prefix("Signature=").unwrap().to_owned(),
        };
        (path.to_owned(), signature)
    }

    #[test]
    fn signed_and_ending() {
        let urls = Urls::new("http://x/", [7; 32], Duration::from_secs(60));
        let (path, good) = parts(&urls.signed("/firmware/1/a/b.bin"));
        assert_eq!(path, "/firmware/1/a/b.bin");
        assert!(urls.check(&path, &good).is_ok());
        assert!(urls.check("/firmware/2/a/b.bin", &good).is_err());
        assert!(Urls::new("http://x", [8; 32], Duration::from_secs(60)).check(&path, &good).is_err());
        let longer = |n: i64| (good.expires.parse::<i64>().unwrap() + n).to_string();
        for (expires, signature) in [
            (longer(1), good.signature.clone()),
            (format!("+{}", good.expires), good.signature.clone()),
            (format!("0{}", good.expires), good.signature.clone()),
            (String::new(), String::new()),
            (good.expires.clone(), String::new()),
            (good.expires.clone(), good.signature[2..].to_owned()),
            (good.expires.clone(), format!("{}00", good.signature)),
            (good.expires.clone(), "0".repeat(64)),
            (i64::MAX.to_string(), "z".repeat(64)),
        ] {
            let forged = Signature { expires, signature };
            assert_eq!(
                urls.check(&path, &forged),
                Err("this address was not given out here\n"),
                "{forged:?}"
            );
        }
        let (path, ended) = parts(&Urls::new("http://x", [7; 32], Duration::ZERO).signed("/config/p/1"));
        assert_eq!(urls.check(&path, &ended), Err("this address has ended; ask for the firmware again\n"));
    }
}
