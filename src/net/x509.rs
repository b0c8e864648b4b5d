// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of an X.509 certificate that the checks of a TLS peer need (RFC 5280, section 4.1). It reads, and judges
//! nothing; a certificate that it cannot read is not trusted for that.

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// 0 is version 1, without extensions.
    pub version: u8,
    /// The signed part, as it was signed.
    pub signed: &'a [u8],
    /// What it was signed with: the inside of an AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    pub signature: &'a [u8],
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    /// The kind of its key: the inside of an AlgorithmIdentifier.
    pub key_algorithm: &'a [u8],
    pub key: &'a [u8],
    /// Whether it may sign others; `None` where it does not say.
    pub authority: Option<bool>,
    /// Most certificates below it, but the last one.
    pub path_len: Option<u8>,
    /// The inside of the key usage's BIT STRING, if there is one.
    pub key_usage: Option<&'a [u8]>,
    /// The list of purposes, if there is one.
    pub purposes: Option<&'a [u8]>,
    /// The list of alternative names, if there is one.
    pub names: Option<&'a [u8]>,
    /// Whether it holds something that limits its use and is not read here.
    pub limited: bool,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERVER_AUTH: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 1];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1D, 37, 0];
/// Bits of the key usage's first byte.
const SIGNS_CERTIFICATES: u8 = 0x04;
const SIGNS_OR_AGREES_ON_KEYS: u8 = 0x80 | 0x20 | 0x08;

/// Reads values one after the other.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next value: its tag, its contents, and all of it.
    fn next(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            if !(1..=3).contains(&digits.len()) {
                return None;
            }
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        };
        let (contents, behind) = rest.split_at_checked(len)?;
        let whole = self.0.get(..self.0.len() - behind.len())?;
        self.0 = behind;
        Some((tag, contents, whole))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, contents, _) = self.next()?;
        (tag == wanted).then_some(contents)
    }

    fn take_if(&mut self, wanted: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&wanted) { self.expect(wanted) } else { None }
    }
}

/// What stands in front, by its own length, and what is left behind it. `None` for what is no sequence, or cut off.
pub(super) fn split(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader(der);
    let (tag, _, whole) = reader.next()?;
    (tag == SEQUENCE).then_some((whole, reader.0))
}

/// Whether openssl's attributes behind a certificate say that it is not to be trusted for servers.
pub(super) fn is_distrusted(attributes: &[u8]) -> bool {
    let mut attributes = Reader(Reader(attributes).expect(SEQUENCE).unwrap_or_default());
    let (trusted, rejected) = (attributes.take_if(SEQUENCE), attributes.take_if(0xA0));
    let speaks_of_servers = |list| {
        let mut list = Reader(list);
        std::iter::from_fn(|| list.expect(OID))
            .any(|purpose| purpose == SERVER_AUTH || purpose == ANY_PURPOSE)
    };
    rejected.is_some_and(speaks_of_servers) || trusted.is_some_and(|list| !speaks_of_servers(list))
}

impl<'a> Certificate<'a> {
    /// `None` for what is no certificate of version 1 or 3.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(Reader(der).expect(SEQUENCE)?);
        let (tag, body, signed) = outer.next()?;
        let algorithm = outer.expect(SEQUENCE)?;
        let signature = bits(outer.expect(BIT_STRING)?)?;
        let mut body = Reader((tag == SEQUENCE).then_some(body)?);
        let version = match body.take_if(0xA0).map(|version| Reader(version).expect(INTEGER)) {
            None => 0,
            Some(version) => *version?.last()?,
        };
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = body.expect(SEQUENCE)?;
        let mut validity = Reader(body.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = body.expect(SEQUENCE)?;
        let mut key = Reader(body.expect(SEQUENCE)?);
        let (key_algorithm, key) = (key.expect(SEQUENCE)?, bits(key.expect(BIT_STRING)?)?);
        let mut this = Self {
            version,
            signed,
            algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            key_algorithm,
            key,
            authority: None,
            path_len: None,
            key_usage: None,
            purposes: None,
            names: None,
            limited: false,
        };
        body.take_if(0x81);
        body.take_if(0x82);
        if let Some(extensions) = body.take_if(0xA3) {
            let mut list = Reader(Reader(extensions).expect(SEQUENCE)?);
            while !list.0.is_empty() {
                this.extension(Reader(list.expect(SEQUENCE)?))?;
            }
        }
        Some(this)
    }

    fn extension(&mut self, mut extension: Reader<'a>) -> Option<()> {
        let id = extension.expect(OID)?;
        let critical = extension.take_if(0x01).is_some_and(|value| value != [0]);
        let value = extension.expect(OCTET_STRING)?;
        match id {
            [0x55, 0x1D, 15] => self.key_usage = Some(bits(Reader(value).expect(BIT_STRING)?)?),
            [0x55, 0x1D, 17] => self.names = Some(Reader(value).expect(SEQUENCE)?),
            [0x55, 0x1D, 19] => {
                let mut constraints = Reader(Reader(value).expect(SEQUENCE)?);
                self.authority = Some(constraints.take_if(0x01).is_some_and(|value| value != [0]));
                self.path_len = match constraints.take_if(INTEGER) {
                    Some([len] | [0, len]) => Some(*len),
                    Some(_) => return None,
                    None => None,
                };
            }
            [0x55, 0x1D, 37] => self.purposes = Some(Reader(value).expect(SEQUENCE)?),
            [0x55, 0x1D, 30] => self.limited = true,
            _ => self.limited |= critical,
        }
        Some(())
    }

    /// Whether it may speak for a server.
    pub fn is_for_servers(&self) -> bool {
        let Some(purposes) = self.purposes else { return true };
        let mut list = Reader(purposes);
        while let Some((_, purpose, _)) = list.next() {
            if purpose == SERVER_AUTH {
                return true;
            }
        }
        false
    }

    /// Whether its key usage, if there is one, leaves a server something to prove itself with.
    pub fn key_is_for_servers(&self) -> bool {
        self.key_is_for(SIGNS_OR_AGREES_ON_KEYS)
    }

    /// Whether it may sign others when it is given as trusted itself. One that does not say, a server's own most often,
    /// does not; those of old times do, which have nothing to say it with.
    pub fn is_authority(&self) -> bool {
        let by_itself = || self.version == 0 && self.issuer == self.subject;
        self.key_is_for(SIGNS_CERTIFICATES)
            && self.authority.unwrap_or_else(|| self.key_usage.is_some() || by_itself())
    }

    fn key_is_for(&self, any: u8) -> bool {
        self.key_usage.is_none_or(|usage| usage.first().is_some_and(|bits| bits & any != 0))
    }

    /// Whether it may sign certificates below it, of which `between` stand between it and the last one.
    pub fn may_sign(&self, between: usize) -> bool {
        self.authority == Some(true)
            && self.key_is_for(SIGNS_CERTIFICATES)
            && self.path_len.is_none_or(|most| between <= usize::from(most))
            && self.is_for_servers()
            && !self.limited
    }

    /// Whether it names `host`, as curl reads it: an alternative name of the right kind, and the subject's last common
    /// name only where there is neither a DNS name nor an address among them.
    pub fn is_of(&self, host: &str) -> bool {
        let address: Option<std::net::IpAddr> = host.parse().ok();
        let mut named = false;
        let mut list = Reader(self.names.unwrap_or_default());
        while let Some((tag, name, _)) = list.next() {
            let same = match (tag, address) {
                (0x82, None) => matches_host(name, host),
                (0x87, Some(std::net::IpAddr::V4(ip))) => name == ip.octets(),
                (0x87, Some(std::net::IpAddr::V6(ip))) => name == ip.octets(),
                _ => false,
            };
            if same {
                return true;
            }
            named |= matches!(tag, 0x82 | 0x87);
        }
        !named
            && self.common_name().is_some_and(|name| match address {
                Some(_) => name.eq_ignore_ascii_case(host.as_bytes()),
                None => matches_host(name, host),
            })
    }

    fn common_name(&self) -> Option<&'a [u8]> {
        let (mut last, mut sets) = (None, Reader(self.subject));
        while let Some(set) = sets.expect(SET) {
            let mut members = Reader(set);
            while let Some(member) = members.expect(SEQUENCE) {
                let mut member = Reader(member);
                if member.expect(OID) == Some(COMMON_NAME) {
                    last = member.next().map(|(_, value, _)| value);
                }
            }
        }
        last
    }
}

/// A pattern's first label may be `*`, where two more follow.
fn matches_host(pattern: &[u8], host: &str) -> bool {
    let pattern = pattern.strip_suffix(b".").unwrap_or(pattern);
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    if pattern.is_empty() || host.is_empty() {
        return false;
    }
    let Some(domain) = pattern.strip_prefix(b"*.") else { return pattern.eq_ignore_ascii_case(host) };
    let dot = host.iter().position(|byte| *byte == b'.');
    let above = dot.filter(|dot| *dot > 0).and_then(|dot| host.get(dot + 1..));
    domain.contains(&b'.') && above.is_some_and(|above| above.eq_ignore_ascii_case(domain))
}

/// The bits of a BIT STRING of whole bytes, or of flags.
fn bits(contents: &[u8]) -> Option<&[u8]> {
    contents.split_first().filter(|(unused, _)| **unused < 8).map(|(_, bits)| bits)
}

/// UTCTime or GeneralizedTime, both in UTC and with seconds.
fn time(reader: &mut Reader<'_>) -> Option<i64> {
    let (tag, text, _) = reader.next()?;
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let year_digits = match tag {
        0x17 => 2,
        0x18 => 4,
        _ => return None,
    };
    let (year, rest) = text.split_at_checked(year_digits)?;
    if rest.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| rest.get(at..at + 2).and_then(|digits| digits.parse::<i64>().ok());
    let year: i64 = year.parse().ok()?;
    let year = match (tag, year) {
        (0x17, 0..50) => 2000 + year,
        (0x17, _) => 1900 + year,
        _ => year,
    };
    otakit_core::date::seconds(year, two(0)?, two(2)?, [two(4)?, two(6)?, two(8)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_as_curl_matches_them() {
        for (pattern, host) in [
            ("ota.example", "OTA.example"),
            ("ota.example.", "ota.example"),
            ("*.ota.example", "a.ota.example"),
            ("my_host", "my_host"),
        ] {
            assert!(matches_host(pattern.as_bytes(), host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("ota.example", "ota.example.org"),
            ("*.ota.example", "ota.example"),
            ("*.ota.example", "a.b.ota.example"),
            ("*.ota.example", ".ota.example"),
            ("*.example", "ota.example"),
            ("*", "ota"),
            ("o*.example.org", "ota.example.org"),
            ("", "ota"),
            ("ota", ""),
        ] {
            assert!(!matches_host(pattern.as_bytes(), host), "{pattern} {host}");
        }
    }

    #[test]
    fn nothing_is_read_beyond_what_is_there() {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = ["ota.example".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let der: &[u8] = made.der();
        let read = Certificate::parse(der).unwrap();
        assert!(read.is_of("ota.example") && read.is_of("127.0.0.1") && !read.is_of("127.0.0.2"));
        assert!(!read.is_of("rcgen self signed cert"), "a common name counts only without alternative ones");
        assert!(read.not_before < read.not_after && read.is_for_servers() && !read.may_sign(0));
        for len in 0..der.len() {
            assert!(Certificate::parse(&der[..len]).is_none(), "{len}");
        }
        // Whatever a flipped byte makes of it, reading ends.
        for at in 0..der.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut other = der.to_vec();
                other[at] ^= flip;
                if let Some(read) = Certificate::parse(&other) {
                    let _ = (read.is_of("ota.example"), read.is_for_servers(), read.may_sign(1));
                }
            }
        }
    }
}
