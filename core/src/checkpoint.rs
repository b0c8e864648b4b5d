// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is remembered of a download that a reboot may interrupt: a record that is either whole or nothing.
//!
//! Layout, numbers little-endian: magic (4), offset (8), identity (32), hash state (2 + n), validator (1 + 2 + n),
//! checksum (8): the front of the SHA-256 of all before it. The identity is that of the offer, so that a record of another
//! image, or of the same version rebuilt, is foreign.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::digest::Hasher;
use crate::fetch::Validator;
use crate::offer::Offer;

const MAGIC: &[u8; 4] = b"OTK2";
const CHECKSUM: usize = 8;
/// Longest validator that is remembered; a longer one is left out.
const MAX_VALIDATOR: usize = 256;

/// How far a download got.
#[derive(Clone)]
pub struct Checkpoint {
    /// Bytes that are durably stored.
    pub offset: u64,
    /// The digest's state after them.
    pub hasher: Hasher,
    /// What the server said of the image's identity.
    pub validator: Option<Validator>,
}

impl Checkpoint {
    /// The start of a download.
    pub fn start(offer: &Offer) -> Self {
        Self { offset: 0, hasher: offer.hasher(), validator: None }
    }

    /// The record.
    pub fn encode(&self, offer: &Offer) -> Vec<u8> {
        let mut record = Vec::with_capacity(256);
        record.extend_from_slice(MAGIC);
        record.extend_from_slice(&self.offset.to_le_bytes());
        record.extend_from_slice(&identity(offer));
        put(&mut record, &self.hasher.save());
        let (kind, value) = match &self.validator {
            Some(Validator::ETag(value)) if value.len() <= MAX_VALIDATOR => (1, value.as_str()),
            Some(Validator::LastModified(value)) if value.len() <= MAX_VALIDATOR => (2, value.as_str()),
            _ => (0, ""),
        };
        record.push(kind);
        put(&mut record, value.as_bytes());
        let sum = checksum(&record);
        record.extend_from_slice(&sum);
        record
    }

    /// A record of this offer with the right checksum and whatever after the identity: for tests.
    pub fn sealed(rest: &[u8], offer: &Offer) -> Vec<u8> {
        let (offset, rest) = rest.split_at_checked(8).unwrap_or((&[0; 8], rest));
        let mut record = [MAGIC.as_slice(), offset, &identity(offer), rest].concat();
        let sum = checksum(&record);
        record.extend_from_slice(&sum);
        record
    }

    /// Reads a record back. `None` when it is torn, of another layout, of another offer, or makes no sense.
    pub fn decode(record: &[u8], offer: &Offer) -> Option<Self> {
        let (body, sum) = record.split_at_checked(record.len().checked_sub(CHECKSUM)?)?;
        if checksum(body) != sum {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let offset = u64::from_le_bytes(*take(&mut rest, 8)?.first_chunk()?);
        if take(&mut rest, 32)? != identity(offer) || offset > offer.size {
            return None;
        }
        let hasher = offer.hasher().restore(field(&mut rest)?)?;
        let kind = *take(&mut rest, 1)?.first()?;
        let value = str::from_utf8(field(&mut rest)?).ok()?.to_owned();
        let validator = match kind {
            0 => None,
            1 => Some(Validator::ETag(value)),
            2 => Some(Validator::LastModified(value)),
            _ => return None,
        };
        rest.is_empty().then_some(Self { offset, hasher, validator })
    }
}

/// Version, size and digest: what makes two offers the same image. The URL may change.
fn identity(offer: &Offer) -> [u8; 32] {
    let text = format!("{}\0{}\0{}", offer.version, offer.size, offer.digest.to_hex());
    Sha256::digest(text.as_bytes()).into()
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk().copied().unwrap_or_default()
}

fn put(record: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).unwrap_or(0);
    record.extend_from_slice(&len.to_le_bytes());
    record.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or_default());
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u16::from_le_bytes(*take(rest, 2)?.first_chunk()?);
    take(rest, usize::from(len))
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (front, back) = rest.split_at_checked(n)?;
    *rest = back;
    Some(front)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Expected};

    fn offer(version: &str) -> Offer {
        let digest = Expected::from_hex(Algorithm::Sha256, &"ab".repeat(32)).unwrap();
        Offer {
            version: version.into(),
            size: 1000,
            url: "http://h/".into(),
            digest,
            kind: crate::offer::Kind::Firmware,
            signature: None,
            is_delta: false,
        }
    }

    fn checkpoint(offer: &Offer) -> Checkpoint {
        let mut checkpoint = Checkpoint::start(offer);
        checkpoint.hasher.update(&[7; 100]);
        Checkpoint { offset: 100, validator: Some(Validator::ETag("\"x\"".into())), ..checkpoint }
    }

    #[test]
    fn a_record_survives_and_the_digest_goes_on() {
        let offer = offer("2");
        let record = checkpoint(&offer).encode(&offer);
        let moved = Offer { url: "https://other/".into(), ..offer.clone() };
        let mut back = Checkpoint::decode(&record, &moved).unwrap();
        assert_eq!((back.offset, back.validator), (100, Some(Validator::ETag("\"x\"".into()))));
        back.hasher.update(&[8; 50]);
        let mut whole = Hasher::new(Algorithm::Sha256);
        whole.update(&[7; 100]);
        whole.update(&[8; 50]);
        assert_eq!(back.hasher.finish(Algorithm::Sha256), whole.finish(Algorithm::Sha256));
    }

    #[test]
    fn torn_altered_and_foreign_records_are_dropped() {
        let ours = offer("2");
        let record = checkpoint(&ours).encode(&ours);
        for len in 0..record.len() {
            assert!(Checkpoint::decode(&record[..len], &ours).is_none(), "cut at {len}");
        }
        for at in 0..record.len() {
            let mut altered = record.clone();
            altered[at] ^= 0x10;
            assert!(Checkpoint::decode(&altered, &ours).is_none(), "altered at {at}");
        }
        let others = [offer("3"), Offer { size: 999, ..ours.clone() }];
        for other in others {
            assert!(Checkpoint::decode(&record, &other).is_none());
        }
        let md5 = Expected::from_hex(Algorithm::Md5, &"ab".repeat(16)).unwrap();
        assert!(Checkpoint::decode(&record, &Offer { digest: md5, ..ours.clone() }).is_none());
        let beyond = Checkpoint { offset: 1001, ..checkpoint(&ours) };
        assert!(Checkpoint::decode(&beyond.encode(&ours), &ours).is_none());
    }

    #[test]
    fn validators_of_each_kind_and_too_long_ones() {
        let offer = offer("2");
        for (validator, back) in [
            (None, None),
            (Some(Validator::LastModified("d".into())), Some(Validator::LastModified("d".into()))),
            (Some(Validator::ETag("x".repeat(257))), None),
        ] {
            let record = Checkpoint { validator, ..checkpoint(&offer) }.encode(&offer);
            assert_eq!(Checkpoint::decode(&record, &offer).unwrap().validator, back);
        }
    }
}
