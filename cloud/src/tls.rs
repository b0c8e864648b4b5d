// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS of this server: a certificate of one's own, or one that is made and kept in the data directory.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Failure;
use crate::data::files;
use crate::data::import;

/// Time for a handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// A byte stream each way, with TLS or without.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket, when bytes go through it as they are.
    fn plain(&self) -> Option<&TcpStream> {
        None
    }
}

impl Stream for TlsStream<TcpStream> {}

impl Stream for TcpStream {
    fn plain(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// A certificate, its key, and where the certificate is.
pub struct Identity {
    config: Arc<ServerConfig>,
    /// What devices and browsers check against.
    pub certificate: PathBuf,
    /// SHA-256 of the certificate, as hex.
    pub fingerprint: String,
}

impl Identity {
    /// Reads PEM files.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Failure> {
        let odd = |path: &Path, e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", path.display()));
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain = chain.map_err(|e| odd(certificate, &e))?;
        let first = chain.first().ok_or_else(|| odd(certificate, &"there is no certificate in it"))?;
        let fingerprint = fingerprint(first);
        let key_bytes = PrivateKeyDer::from_pem_file(key).map_err(|e| odd(key, &e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|e| Failure::new(format!("TLS is not possible: {e}")))?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key_bytes);
        let config =
            config.map_err(|e| odd(certificate, &format!("does not go with {}: {e}", key.display())))?;
        let whole = certificate.canonicalize().unwrap_or_else(|_| certificate.to_owned());
        Ok(Self { config: Arc::new(config), certificate: whole, fingerprint })
    }

    /// The one in `dir`; made there when there is none, or when it lacks one of `names`. Its key stays.
    pub fn kept(dir: &Path, names: &[String]) -> Result<Self, Failure> {
        let (certificate, key, of) = (dir.join("cert.pem"), dir.join("key.pem"), dir.join("names"));
        let known = std::fs::read_to_string(&of).unwrap_or_default();
        let fits = names.iter().all(|name| known.lines().any(|line| line == name));
        if !fits || !certificate.exists() || !key.exists() {
            let failed = |e: rcgen::Error| Failure::new(format!("a certificate cannot be made: {e}"));
            let pair = match std::fs::read_to_string(&key) {
                Ok(pem) => rcgen::KeyPair::from_pem(&pem).map_err(failed)?,
                Err(_) => rcgen::KeyPair::generate().map_err(failed)?,
            };
            let mut all: Vec<String> = known.lines().map(str::to_owned).collect();
            all.extend(names.iter().filter(|name| !known.lines().any(|line| line == *name)).cloned());
            let mut about = rcgen::CertificateParams::new(all.clone()).map_err(failed)?;
            about.distinguished_name = rcgen::DistinguishedName::new();
            about.distinguished_name.push(rcgen::DnType::CommonName, "otakit-cloud");
            let made = about.self_signed(&pair).map_err(failed)?;
            files::write_bytes(&key, pair.serialize_pem().as_bytes())?;
            files::write_bytes(&certificate, made.pem().as_bytes())?;
            files::write_bytes(&of, all.join("\n").as_bytes())?;
        }
        Self::load(&certificate, &key)
    }
}

/// SHA-256 of a certificate.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    import::hex(&Sha256::digest(certificate.as_ref()))
}

/// How a listener takes its connections.
#[derive(Clone)]
pub struct Gate {
    tls: Option<TlsAcceptor>,
    /// Besides this machine's loopback interface the only peer.
    proxy: Option<IpAddr>,
}

impl Gate {
    /// With TLS, when there is an identity; from one proxy alone, when one is named.
    pub fn new(identity: Option<&Identity>, proxy: Option<IpAddr>) -> Self {
        Self { tls: identity.map(|identity| identity.config.clone().into()), proxy }
    }

    /// The stream of a connection that may come in. `None`: it may not, or there is no handshake.
    pub async fn open(&self, client: TcpStream, peer: SocketAddr) -> Option<Box<dyn Stream>> {
        let ip = peer.ip().to_canonical();
        if self.proxy.is_some_and(|proxy| proxy != ip && !ip.is_loopback()) {
            return None;
        }
        // Small packets each way: waiting to fill a segment only adds delay.
        let _ = client.set_nodelay(true);
        match &self.tls {
            None => Some(Box::new(client)),
            Some(tls) => match timeout(HANDSHAKE_TIME, tls.accept(client)).await {
                Ok(Ok(stream)) => Some(Box::new(stream)),
                Ok(Err(_)) | Err(_) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_certificate() {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-tls-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let first = Identity::kept(&dir, &names(&["localhost", "127.0.0.1"])).unwrap();
        assert_eq!(first.fingerprint.len(), 64);
        let again = Identity::kept(&dir, &names(&["127.0.0.1"])).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint, "it is kept");
        let key = std::fs::read(dir.join("key.pem")).unwrap();
        let more = Identity::kept(&dir, &names(&["lab.test"])).unwrap();
        assert_ne!(first.fingerprint, more.fingerprint);
        assert_eq!(key, std::fs::read(dir.join("key.pem")).unwrap(), "its key stays");
        let odd = Identity::load(&dir.join("cert.pem"), &dir.join("names"));
        assert!(odd.err().unwrap().to_string().contains("names"), "says which file");
        let _ = std::fs::remove_dir_all(&dir);
    }
}
