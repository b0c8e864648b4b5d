// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in a text that the firmware gives, read as `curl --cacert` reads a file: whatever stands around them,
//! in any encoding, is a comment.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::x509::{self, Certificate};
use crate::log;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const LINE: usize = 64;
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text, or one certificate in it, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// There is none.
    Missing,
    /// Its last line is missing.
    Cut,
    /// What stands between its first and its last line is no base64.
    NotBase64,
    /// What is coded there is no certificate.
    NotCertificate,
    /// openssl's attributes say that servers are not to be trusted for it.
    Distrusted,
}

impl Unreadable {
    /// What is wrong with the text as a whole, behind the name of the argument.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "holds no certificate: -----BEGIN CERTIFICATE----- is missing",
            Self::Cut => "holds no certificate that can be read: -----END CERTIFICATE----- is missing",
            Self::NotBase64 => "holds no certificate that can be read: it is not base64",
            Self::NotCertificate => "holds no certificate that can be read: what is coded there is none",
            Self::Distrusted => "holds no certificate to trust: it is marked as rejected for servers",
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it is missing",
            Self::Cut => "-----END CERTIFICATE----- is missing",
            Self::NotBase64 => "it is not base64",
            Self::NotCertificate => "what is coded there is no certificate",
            Self::Distrusted => "it is marked as rejected for servers",
        })
    }
}

/// Reads the certificates in `text` and writes them again, as plain as can be, so that every TLS layer reads the same.
///
/// One that cannot be read is left out with a log line; without any other it is what the text is refused for.
///
/// Where there is no TLS layer nobody is trusted, and nothing is read.
pub fn read(text: &[u8]) -> Result<String, Unreadable> {
    if cfg!(not(any(feature = "tls", feature = "hal-ssl"))) {
        return Ok(String::new());
    }
    let (mut plain, mut left_out) = (String::new(), Vec::new());
    for certificate in certificates(text) {
        match certificate {
            Ok(der) => write(&mut plain, &der),
            Err(why) => left_out.push(why),
        }
    }
    // Who refuses the text as a whole says why.
    if plain.is_empty() {
        return Err(left_out.first().copied().unwrap_or(Unreadable::Missing));
    }
    for why in left_out {
        log!(Warning, "tls", "a certificate authority was left out: {why}");
    }
    Ok(plain)
}

fn write(plain: &mut String, der: &[u8]) {
    plain.push_str("-----BEGIN CERTIFICATE-----\n");
    for (at, digit) in BASE64.encode(der).chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            plain.push('\n');
        }
        plain.push(digit);
    }
    plain.push_str("\n-----END CERTIFICATE-----\n");
}

/// What openssl writes behind `-----BEGIN ` for a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Plain,
    /// Attributes stand behind the certificate.
    Trusted,
}

impl Label {
    fn of(text: &[u8]) -> Option<Self> {
        match text {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => Some(Self::Plain),
            b"TRUSTED CERTIFICATE" => Some(Self::Trusted),
            _ => None,
        }
    }
}

fn certificates(text: &[u8]) -> Vec<Result<Vec<u8>, Unreadable>> {
    let (mut found, mut open) = (Vec::new(), None::<(Label, Vec<u8>)>);
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii();
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii_start();
        let marked = |with: &[u8]| line.strip_prefix(with).and_then(|line| line.strip_suffix(b"-----"));
        if let Some(label) = marked(b"-----BEGIN ") {
            if open.is_some() {
                found.push(Err(Unreadable::Cut));
            }
            open = Label::of(label).map(|label| (label, Vec::new()));
        } else if marked(b"-----END ").is_some() {
            found.extend(open.take().map(|(label, coded)| decode(label, &coded)));
        } else if let Some((_, coded)) = &mut open {
            coded.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
    }
    found.extend(open.map(|_| Err(Unreadable::Cut)));
    found
}

fn decode(label: Label, coded: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let bytes = BASE64.decode(coded).map_err(|_| Unreadable::NotBase64)?;
    let (der, attributes) = x509::split(&bytes).ok_or(Unreadable::NotCertificate)?;
    if !is_readable(der) {
        return Err(Unreadable::NotCertificate);
    }
    if label == Label::Trusted && x509::is_distrusted(attributes) {
        return Err(Unreadable::Distrusted);
    }
    Ok(der.to_vec())
}

/// Whether it is a certificate, and one that the TLS layer can do something with.
pub(super) fn is_readable(der: &[u8]) -> bool {
    #[cfg(feature = "tls")]
    let usable = super::tls::can_trust(der);
    #[cfg(not(feature = "tls"))]
    let usable = true;
    usable && Certificate::parse(der).is_some()
}

#[cfg(test)]
mod tests;
