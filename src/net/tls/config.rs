// SPDX-License-Identifier: MIT OR Apache-2.0
//! One rustls configuration per set of roots, kept: parsing takes time, and sessions are resumed through it.

use std::sync::Arc;

use otakit_core::net::NetError;
use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::trust::{self, Trust};
use crate::log;
use crate::net::Roots;

/// A program has one or two sets of roots: its MQTT server's and its download server's.
const KEPT: usize = 4;
/// Hosts whose sessions can be resumed, per configuration.
const SESSIONS: usize = 8;

/// Least recently used first.
static CACHE: Mutex<Vec<(Arc<Roots>, Arc<ClientConfig>)>> = Mutex::new(Vec::new());

/// The configuration that trusts `roots`. Equal roots share one.
pub(super) fn client_config(roots: &Arc<Roots>) -> Result<Arc<ClientConfig>, NetError> {
    let known = {
        let mut cache = CACHE.lock();
        cache.iter().position(|(known, _)| known == roots).map(|at| cache.remove(at))
    };
    // Built with no lock held: it logs, and a firmware's log output may call back into the library.
    let entry = match known {
        Some(entry) => entry,
        None => (Arc::clone(roots), Arc::new(build(roots)?)),
    };
    let config = Arc::clone(&entry.1);
    let mut cache = CACHE.lock();
    if cache.len() >= KEPT {
        cache.remove(0);
    }
    cache.push(entry);
    Ok(config)
}

fn build(roots: &Roots) -> Result<ClientConfig, NetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            log!(Error, "tls", "no usable TLS version: {error}");
            NetError::Tls
        })?;
    let trust = trust(roots, algorithms)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(trust::verifier(trust));
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

fn trust(roots: &Roots, algorithms: WebPkiSupportedAlgorithms) -> Result<Trust, NetError> {
    let (mut store, mut given) = (RootCertStore::empty(), Vec::new());
    if let Some(pem) = &roots.pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            match certificate {
                Ok(der) => {
                    let usable = crate::net::pem::is_readable(&der)
                        && (!Trust::is_authority(&der) || store.add(der.clone()).is_ok());
                    if usable {
                        given.push(der);
                    } else {
                        log!(Warning, "tls", "a certificate authority was left out: it cannot be read");
                    }
                }
                Err(error) => log!(Warning, "tls", "a certificate authority was left out: {error}"),
            }
        }
        if given.is_empty() {
            log!(Error, "tls", "the firmware's certificate authority holds no usable PEM certificate");
            return Err(NetError::BadRoots);
        }
    }
    if roots.public {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if store.is_empty() && given.is_empty() {
        log!(Error, "tls", "no certificate authority is trusted");
        return Err(NetError::BadRoots);
    }
    Ok(Trust { roots: store, given, algorithms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(pem: Option<&str>, public: bool) -> Arc<Roots> {
        Arc::new(Roots { pem: pem.map(str::to_owned), public })
    }

    #[test]
    fn equal_roots_share_a_configuration_also_after_others_were_used() {
        let authority = super::super::tests::Authority::new();
        let first = client_config(&roots(Some(&authority.pem), false)).unwrap();
        let other = client_config(&roots(Some(&authority.pem), true)).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        let again = client_config(&roots(Some(&authority.pem), false)).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn roots_without_a_certificate_are_refused() {
        const EMPTY: &str = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        const CUT: &str = "-----BEGIN CERTIFICATE-----\nMIIB";
        for pem in [
            Some(""),
            Some("not PEM"),
            Some(EMPTY),
            Some(CUT),
            Some("-----BEGIN CERTIFICATE-----\n!!\n"),
            None,
        ] {
            assert_eq!(client_config(&roots(pem, false)).err(), Some(NetError::BadRoots), "{pem:?}");
        }
        assert!(client_config(&roots(None, true)).is_ok());
        assert_eq!(client_config(&roots(Some("not PEM"), true)).err(), Some(NetError::BadRoots));
    }

    #[test]
    fn one_good_certificate_among_several_is_enough() {
        let authority = super::super::tests::Authority::new();
        let pem = format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}", authority.pem);
        assert!(client_config(&roots(Some(&pem), false)).is_ok());
    }
}
