// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a firmware accepts beyond what the platform says: checked before a byte is fetched.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::offer::{Kind, Offer};
use crate::signature::Verifies;
use crate::url::{Url, place};
use crate::version;

/// What an offer must satisfy. The default accepts all. `K` is a public key.
#[derive(Clone)]
pub struct Policy<K> {
    /// Only https, redirects included.
    pub https_only: bool,
    /// Hosts that images may come from, redirects included; `*.example.com` allows every host below. Empty: any.
    pub hosts: Vec<String>,
    /// Largest image in bytes.
    pub max_size: Option<u64>,
    /// The version that a firmware must exceed (anti-rollback). The firmware sees to it that the floor survives restarts.
    pub version_floor: Option<String>,
    /// A floor is to hold and nobody knows which: no firmware is accepted.
    pub floor_unknown: bool,
    /// Keys whose signatures are trusted. A signature is checked whenever an offer has one and there is a key.
    pub keys: Vec<K>,
    /// Only signed firmware.
    pub signed_only: bool,
}

/// Which rule an offer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyViolation {
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

impl fmt::Display for PolicyViolation {
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

impl<K> Default for Policy<K> {
    fn default() -> Self {
        Self {
            https_only: false,
            hosts: Vec::new(),
            max_size: None,
            version_floor: None,
            floor_unknown: false,
            keys: Vec::new(),
            signed_only: false,
        }
    }
}

impl<K: Verifies> Policy<K> {
    /// A violation in words: what the offer has, what is asked for, and which setting that is.
    pub fn explain(&self, violation: PolicyViolation, offer: &Offer) -> String {
        let url = Url::parse(&offer.url);
        let place = || {
            url.as_ref()
                .map_or_else(|_| place(&offer.url), |url| format!("{}://{}", url.scheme(), url.authority()))
        };
        let version = match offer.version.as_str() {
            "" => "the offer has none",
            version => version,
        };
        match violation {
            PolicyViolation::Insecure => {
                format!("{violation}: {}; offer an https URL (otakit_policy_https_only)", place())
            }
            PolicyViolation::Host => {
                format!("{violation}: {}; allow it with otakit_policy_allow_host", place())
            }
            PolicyViolation::Size => format!(
                "{violation}: {} bytes are offered, {} allowed; see otakit_policy_max_size",
                offer.size,
                self.max_size.unwrap_or_default()
            ),
            PolicyViolation::Rollback => match &self.version_floor {
                Some(floor) if !self.floor_unknown => {
                    format!("{violation}: {version}, the floor is {floor}; see otakit_policy_version_floor")
                }
                _ => format!(
                    "{violation}: {version}, and the floor cannot be read; see otakit_policy_version_floor"
                ),
            },
            PolicyViolation::Unsigned if offer.signature.is_some() => {
                format!(
                    "{violation}: no key to check its signature with; give one with otakit_policy_trust_key"
                )
            }
            PolicyViolation::Unsigned => {
                format!("{violation}: the offer has no signature; sign the image (otakit_policy_signed_only)")
            }
        }
    }

    /// Judges an offer.
    pub fn check(&self, offer: &Offer) -> Result<(), PolicyViolation> {
        if self.max_size.is_some_and(|max| offer.size > max) {
            return Err(PolicyViolation::Size);
        }
        let firmware = offer.kind == Kind::Firmware;
        let not_newer = |floor: &String| version::compare(&offer.version, floor) != Ordering::Greater;
        if firmware && (self.floor_unknown || self.version_floor.as_ref().is_some_and(not_newer)) {
            return Err(PolicyViolation::Rollback);
        }
        if self.signed_only && firmware && (offer.signature.is_none() || self.keys.is_empty()) {
            return Err(PolicyViolation::Unsigned);
        }
        // A URL that cannot be read is the source's to refuse.
        Url::parse(&offer.url).map_or(Ok(()), |url| self.check_url(&url))
    }

    /// Whether an image with this SHA-256 is acceptable that was no offer, and what came with it as its signature.
    pub fn trusts(&self, sha256: &[u8], signature: Option<&[u8]>) -> bool {
        self.signed(sha256, signature).unwrap_or(!self.signed_only)
    }

    /// Whether the signature over an image with this SHA-256 is by a trusted key. `None`: there is no signature, or no key
    /// to check it with.
    pub fn signed(&self, sha256: &[u8], signature: Option<&[u8]>) -> Option<bool> {
        let signature = signature.filter(|_| !self.keys.is_empty())?;
        Some(self.keys.iter().any(|key| key.verifies(sha256, signature)))
    }

    /// Judges a URL: an offer's, or one that a redirect leads to.
    pub fn check_url(&self, url: &Url) -> Result<(), PolicyViolation> {
        if self.https_only && !url.secure {
            return Err(PolicyViolation::Insecure);
        }
        let allowed = |rule: &String| match rule.strip_prefix("*.") {
            Some(domain) => {
                url.host.len() > domain.len() + 1
                    && url.host.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase()))
            }
            None => url.host.eq_ignore_ascii_case(rule),
        };
        if self.hosts.is_empty() || self.hosts.iter().any(allowed) {
            Ok(())
        } else {
            Err(PolicyViolation::Host)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::digest::{Algorithm, Expected};

    /// A key whose signature is the digest itself.
    #[derive(Clone)]
    struct Mirror;

    impl Verifies for Mirror {
        fn verifies(&self, sha256: &[u8], signature: &[u8]) -> bool {
            sha256 == signature
        }
    }

    type Policy = super::Policy<Mirror>;

    fn offer(version: &str, size: u64, url: &str) -> Offer {
        let digest = Expected::from_hex(Algorithm::Md5, &"ab".repeat(16)).unwrap();
        Offer {
            version: version.into(),
            size,
            url: url.into(),
            digest,
            kind: Kind::Firmware,
            signature: None,
            is_delta: false,
        }
    }

    #[test]
    fn each_breach_reads_differently() {
        let all = [
            PolicyViolation::Insecure,
            PolicyViolation::Host,
            PolicyViolation::Size,
            PolicyViolation::Rollback,
            PolicyViolation::Unsigned,
        ];
        let texts: std::collections::HashSet<String> = all.iter().map(PolicyViolation::to_string).collect();
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
            (offer("1.9.9", 1, "https://cdn.test/"), Err(PolicyViolation::Rollback)),
            (offer("1.9", 1, "https://cdn.test/"), Err(PolicyViolation::Rollback)),
            (offer("2.0", 101, "https://cdn.test/"), Err(PolicyViolation::Size)),
            (offer("2.0", 1, "http://cdn.test/"), Err(PolicyViolation::Insecure)),
            (offer("2.0", 1, "https://example.com/"), Err(PolicyViolation::Host)),
            (offer("2.0", 1, "https://evilexample.com/"), Err(PolicyViolation::Host)),
            (offer("2.0", 1, "https://cdn.test.evil/"), Err(PolicyViolation::Host)),
        ];
        for (offer, expected) in cases {
            assert_eq!(policy.check(&offer), expected, "{offer:?}");
        }
        let signed_only = Policy { signed_only: true, ..Policy::default() };
        let unsigned = offer("2.0", 1, "https://cdn.test/");
        assert_eq!(signed_only.check(&unsigned), Err(PolicyViolation::Unsigned));
        // A signature that nobody can check is none.
        let signed = Offer { signature: Some(vec![0]), ..unsigned.clone() };
        assert_eq!(signed_only.check(&signed), Err(PolicyViolation::Unsigned));
        let closed = Policy { floor_unknown: true, ..Policy::default() };
        assert_eq!(closed.check(&unsigned), Err(PolicyViolation::Rollback));
        // None of these rules is about configuration files.
        let floor = Policy { version_floor: Some("9".into()), floor_unknown: true, ..signed_only };
        assert_eq!(floor.check(&Offer { kind: Kind::Config, ..unsigned }), Ok(()));
    }

    #[test]
    fn an_image_that_was_no_offer_is_trusted_by_its_signature() {
        let keyed = Policy { keys: vec![Mirror], ..Policy::default() };
        assert!(keyed.trusts(b"digest", Some(b"digest")) && !keyed.trusts(b"digest", Some(b"other")));
        assert!(keyed.trusts(b"digest", None), "signatures are not asked for");
        assert!(Policy::default().trusts(b"digest", Some(b"other")), "nobody can check it");
        let strict = Policy { signed_only: true, ..Policy::default() };
        assert!(!strict.trusts(b"digest", None) && !strict.trusts(b"digest", Some(b"digest")));
        let strict = Policy { signed_only: true, ..keyed };
        assert!(!strict.trusts(b"digest", None) && strict.trusts(b"digest", Some(b"digest")));
    }
}
