// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom a TLS connection trusts: what `curl --cacert FILE` accepts with the same PEM text.
//!
//! webpki builds paths to authorities. It knows no server that shows a certificate given as trusted itself, none that
//! shows one that could sign others, and no host in the subject; certificates that people make with one line of openssl
//! are all three. These are checked here, on top of it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::net::x509::Certificate;

/// Certificates between a server's and the trusted one.
const MAX_DEPTH: usize = 6;
/// Certificates of a server's chain that are looked at.
const MAX_CHAIN: usize = 16;

/// Judges a server's certificates.
#[derive(Debug)]
pub(super) struct Trust {
    /// Authorities.
    pub roots: RootCertStore,
    /// The certificates that the firmware gave, in full.
    pub given: Vec<CertificateDer<'static>>,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// Whether a certificate that was given may sign others; a server's own must not make everybody a server.
    pub fn is_authority(certificate: &CertificateDer<'_>) -> bool {
        Certificate::parse(certificate).is_some_and(|certificate| certificate.is_authority())
    }

    fn chain(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // webpki looks at extended key usage alone.
        if Certificate::parse(server).is_some_and(|server| !server.key_is_for_servers()) {
            return Err(Error::InvalidCertificate(CertificateError::InvalidPurpose));
        }
        if self.given.iter().any(|given| given == server) {
            let server =
                Certificate::parse(server).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
            return is_usable(&server, now);
        }
        let parsed = ParsedCertificate::try_from(server)?;
        let algorithms = self.algorithms.all;
        let judged =
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, algorithms);
        let Err(Error::InvalidCertificate(CertificateError::Other(_))) = judged else { return judged };
        // Among what has no name of its own in rustls is a server's certificate that could sign others.
        match Certificate::parse(server) {
            Some(server) if server.authority == Some(true) => {
                is_usable(&server, now)?;
                let between: Vec<_> =
                    between.iter().take(MAX_CHAIN).filter_map(|der| Certificate::parse(der)).collect();
                if !server.limited && self.is_signed(&server, &between, now, 0) {
                    return Ok(());
                }
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
            }
            _ => judged,
        }
    }

    /// Whether a way of signatures leads from `certificate` to one that was given.
    fn is_signed(
        &self,
        certificate: &Certificate<'_>,
        between: &[Certificate<'_>],
        now: UnixTime,
        depth: usize,
    ) -> bool {
        let given = self.given.iter().filter_map(|der| Certificate::parse(der));
        for issuer in given.filter(|given| given.is_authority() && given.subject == certificate.issuer) {
            if self.is_signed_by(certificate, &issuer) {
                return true;
            }
        }
        let above =
            between.iter().filter(|above| above.subject == certificate.issuer && above.may_sign(depth));
        depth < MAX_DEPTH
            && above.into_iter().any(|above| {
                is_usable(above, now).is_ok()
                    && self.is_signed_by(certificate, above)
                    && self.is_signed(above, between, now, depth + 1)
            })
    }

    fn is_signed_by(&self, certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
        self.algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == certificate.algorithm
                && algorithm.public_key_alg_id().as_ref() == issuer.key_algorithm
                && algorithm.verify_signature(issuer.key, certificate.signed, certificate.signature).is_ok()
        })
    }
}

/// Dates and purpose.
fn is_usable(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let reason = if now < certificate.not_before {
        CertificateError::NotValidYet
    } else if now > certificate.not_after {
        CertificateError::Expired
    } else if !certificate.is_for_servers() {
        CertificateError::InvalidPurpose
    } else {
        return Ok(());
    };
    Err(Error::InvalidCertificate(reason))
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.chain(server, between, now)?;
        let parsed = ParsedCertificate::try_from(server)?;
        verify_server_name(&parsed, name).or_else(|error| {
            let named = Certificate::parse(server).is_some_and(|server| server.is_of(&name.to_str()));
            if named { Ok(()) } else { Err(error) }
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// As a configuration takes it.
pub(super) fn verifier(trust: Trust) -> Arc<dyn ServerCertVerifier> {
    Arc::new(trust)
}
