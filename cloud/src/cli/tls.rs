// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS of the command line: a server is known by its certificate's fingerprint, or by authorities.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::Failure;
use crate::tls::fingerprint;

/// Where systems keep the authorities that they trust.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What a server must show.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The certificate with this SHA-256.
    Fingerprint(String),
    /// A certificate for its name by an authority in this file, or by one that the system trusts.
    Authorities(Option<std::path::PathBuf>),
}

/// Makes connections to `https` servers.
#[derive(Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Connections to servers of which this is known.
    pub fn new(trust: &Trust) -> Result<Self, Failure> {
        let failed = |e: &dyn std::fmt::Display| Failure::new(format!("TLS is not possible: {e}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Fingerprint(wanted) => {
                let wanted = wanted.replace(':', "").to_ascii_lowercase();
                Arc::new(Pinned { wanted, provider: provider.clone() })
            }
            Trust::Authorities(file) => {
                let roots = Arc::new(authorities(file.as_deref())?);
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                    .build()
                    .map_err(|e| failed(&e))?
            }
        };
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|e| failed(&e))?.dangerous();
        Ok(Self(Arc::new(builder.with_custom_certificate_verifier(verifier).with_no_client_auth())))
    }
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let path = file.or_else(|| BUNDLES.iter().map(Path::new).find(|path| path.exists()));
    let path = path.ok_or_else(|| {
        Failure::new("this system keeps no authorities where they are looked for; name them with --ca, or the server's certificate with --fingerprint")
    })?;
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut roots = RootCertStore::empty();
    let (taken, _) =
        roots.add_parsable_certificates(read.map_err(|e| Failure::new(format!("{}: {e}", path.display())))?);
    if taken == 0 {
        return Err(Failure::new(format!("{}: there is no certificate in it", path.display())));
    }
    Ok(roots)
}

/// Accepts one certificate, whatever its names and its dates.
#[derive(Debug)]
struct Pinned {
    wanted: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = fingerprint(certificate);
        if shown == self.wanted {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server's certificate has the fingerprint {shown}, {} was asked for",
            self.wanted
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, Secured>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let failed = |e: &dyn std::fmt::Display| ureq::Error::Io(std::io::Error::other(e.to_string()));
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|e| failed(&e))?;
        let mut connection = ClientConnection::new(self.0.clone(), name).map_err(|e| failed(&e))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let stream = StreamOwned { conn: connection, sock: socket };
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Secured { buffers: LazyBuffers::new(input, output), stream })))
    }
}

/// A connection with TLS.
pub struct Secured {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl std::fmt::Debug for Secured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secured").finish_non_exhaustive()
    }
}

impl Transport for Secured {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        use std::io::Write;
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        use std::io::Read;
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
