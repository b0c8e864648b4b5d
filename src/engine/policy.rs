// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a firmware accepts beyond what the platform vouches for: pure, checked before a byte is fetched.

use std::cmp::Ordering;
use std::fmt;

use super::signature::Key;
use super::{Kind, Offer};
use crate::fetch::url::Url;

/// What an offer must satisfy. The default accepts all.
#[derive(Clone, Default)]
pub struct Policy {
    /// Only https, redirects included.
    pub https_only: bool,
    /// Hosts that images may come from, redirects included; `*.example.com` allows every host below. Empty: any.
    pub hosts: Vec<String>,
    /// Largest image in bytes.
    pub max_size: Option<u64>,
    /// The version that a firmware must exceed (anti-rollback). The firmware sees to it that the floor survives restarts.
    pub version_floor: Option<String>,
    /// Keys whose signatures are trusted. A signature is checked whenever an offer has one and there is a key.
    pub keys: Vec<Key>,
    /// Only signed firmware.
    pub signed_only: bool,
}

/// Which rule an offer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Not https.
    Insecure,
    /// Host not allowed.
    Host,
    /// Larger than allowed.
    Size,
    /// Not newer than the floor.
    Rollback,
    /// Not signed, or no key to check the signature with.
    Unsigned,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Insecure => "policy: not https",
            Self::Host => "policy: host not allowed",
            Self::Size => "policy: image too large",
            Self::Unsigned => "policy: image not signed",
            Self::Rollback => "policy: version not newer than the floor (rollback)",
        })
    }
}

impl Policy {
    /// Judges an offer.
    pub fn check(&self, offer: &Offer) -> Result<(), Breach> {
        if self.max_size.is_some_and(|max| offer.size > max) {
            return Err(Breach::Size);
        }
        let firmware = offer.kind == Kind::Firmware;
        if let Some(floor) = &self.version_floor
            && firmware
            && compare_versions(&offer.version, floor) != Ordering::Greater
        {
            return Err(Breach::Rollback);
        }
        if self.signed_only && firmware && (offer.signature.is_none() || self.keys.is_empty()) {
            return Err(Breach::Unsigned);
        }
        // A URL that cannot be read is the source's to refuse.
        Url::parse(&offer.url).map_or(Ok(()), |url| self.check_url(&url))
    }

    /// Whether an image with this SHA-256 is acceptable that was no offer, and what came with it as its signature.
    pub fn trusts(&self, sha256: &[u8], signature: Option<&[u8]>) -> bool {
        match (signature, self.keys.is_empty()) {
            (Some(signature), false) => self.keys.iter().any(|key| key.verifies(sha256, signature)),
            _ => !self.signed_only,
        }
    }

    /// Judges a URL: an offer's, or one that a redirect leads to.
    pub fn check_url(&self, url: &Url) -> Result<(), Breach> {
        if self.https_only && !url.secure {
            return Err(Breach::Insecure);
        }
        let allowed = |rule: &String| match rule.strip_prefix("*.") {
            Some(domain) => {
                url.host.len() > domain.len() + 1
                    && url.host.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase()))
            }
            None => url.host.eq_ignore_ascii_case(rule),
        };
        if self.hosts.is_empty() || self.hosts.iter().any(allowed) { Ok(()) } else { Err(Breach::Host) }
    }
}

/// Compares versions part by part, numbers as numbers: 1.10.0 > 1.9.0, 1.2 = 1.2.0, 2.0.0-rc1 < 2.0.0.
///
/// Parts are runs of digits or of letters; anything else separates. Where one version ends, a number in the other makes
/// it newer unless it is 0, and a word (a pre-release) makes it older. A leading `v` does not count.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let strip = |text: &str| text.strip_prefix(['v', 'V']).unwrap_or(text).to_ascii_lowercase();
    let (a, b) = (strip(a), strip(b));
    let (mut a, mut b) = (parts(&a), parts(&b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(part), None) => against_nothing(part),
            (None, Some(part)) => against_nothing(part).reverse(),
            (Some(a), Some(b)) => compare_parts(a, b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(|run| {
        let mut rest = run;
        std::iter::from_fn(move || {
            let digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (part, tail) = rest.split_at(end);
            rest = tail;
            (!part.is_empty()).then_some(part)
        })
    })
}

fn is_number(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit())
}

fn against_nothing(part: &str) -> Ordering {
    match (is_number(part), part.trim_start_matches('0').is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, _) => Ordering::Less,
    }
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => {
            // Of any length, hence as text without leading zeros.
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        }
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Expected};

    fn offer(version: &str, size: u64, url: &str) -> Offer {
        let digest = Expected::from_hex(Algorithm::Md5, &"ab".repeat(16)).unwrap();
        Offer {
            version: version.into(),
            size,
            url: url.into(),
            digest,
            kind: Kind::Firmware,
            signature: None,
        }
    }

    #[test]
    fn versions_compare_as_people_read_them() {
        let ascending = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-rc1",
            "1.0.0-rc2",
            "1.0.0",
            "1.0.1-rc1",
            "1.0.1",
            "1.9.0",
            "1.10.beta",
            "1.10.0",
            "1.10.7",
            "2",
            "2.0.1",
            "10.0",
            "99999999999999999999999",
            "100000000000000000000000",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(compare_versions(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in
            [("1.2", "1.2.0"), ("v1.2", "1.2"), ("1.02", "1.2"), ("A1", "a1"), ("", ""), ("1_2", "1.2")]
        {
            assert_eq!(compare_versions(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn each_breach_reads_differently() {
        let all = [Breach::Insecure, Breach::Host, Breach::Size, Breach::Rollback, Breach::Unsigned];
        let texts: std::collections::HashSet<String> = all.iter().map(Breach::to_string).collect();
        assert_eq!(texts.len(), all.len());
        assert!(texts.iter().all(|text| text.starts_with("policy: ")));
    }

    #[test]
    fn each_rule_has_its_breach() {
        let good = offer("2.0", 100, "https://a.example.com/p");
        assert_eq!(Policy::default().check(&good), Ok(()));
        let policy = Policy {
            https_only: true,
            hosts: vec!["cdn.test".into(), "*.Example.com".into()],
            max_size: Some(100),
            version_floor: Some("1.9.9".into()),
            ..Policy::default()
        };
        let cases = [
            (good, Ok(())),
            (offer("1.10", 1, "https://CDN.test/"), Ok(())),
            (offer("1.9.9", 1, "https://cdn.test/"), Err(Breach::Rollback)),
            (offer("1.9", 1, "https://cdn.test/"), Err(Breach::Rollback)),
            (offer("2.0", 101, "https://cdn.test/"), Err(Breach::Size)),
            (offer("2.0", 1, "http://cdn.test/"), Err(Breach::Insecure)),
            (offer("2.0", 1, "https://example.com/"), Err(Breach::Host)),
            (offer("2.0", 1, "https://evilexample.com/"), Err(Breach::Host)),
            (offer("2.0", 1, "https://cdn.test.evil/"), Err(Breach::Host)),
        ];
        for (offer, expected) in cases {
            assert_eq!(policy.check(&offer), expected, "{offer:?}");
        }
        let signed_only = Policy { signed_only: true, ..Policy::default() };
        let unsigned = offer("2.0", 1, "https://cdn.test/");
        assert_eq!(signed_only.check(&unsigned), Err(Breach::Unsigned));
        // A signature that nobody can check is none.
        let signed = Offer { signature: Some(vec![0]), ..unsigned.clone() };
        assert_eq!(signed_only.check(&signed), Err(Breach::Unsigned));
        // Neither rule is about configuration files.
        let floor = Policy { version_floor: Some("9".into()), ..signed_only };
        assert_eq!(floor.check(&Offer { kind: Kind::Config, ..unsigned }), Ok(()));
    }
}
