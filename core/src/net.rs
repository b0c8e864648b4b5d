// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a connection failed.

use core::fmt;

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// The time given was not enough.
    Timeout,
    /// The peer ended the stream in an orderly way.
    Closed,
    /// The connection broke.
    Broken,
    /// The host refused or is not reached, or its name could not be resolved: no connection came about.
    Connect,
    /// As [`NetError::Connect`], where it is known that the name has no address.
    Name,
    /// As [`NetError::Connect`], where it is known that no name server answered.
    NameServer,
    /// The peer's certificate is not acceptable: unknown authority, wrong host, expired.
    Certificate,
    /// The peer's certificate cannot be read or its signature is wrong, as happens to bytes on their way.
    CertificateDamaged,
    /// The peer's certificate is not valid yet, and this device's clock is older than this library.
    Clock,
    /// The TLS handshake or record layer failed: what came was not TLS, or damaged.
    Tls,
    /// The peers have no version, cipher suite or group of TLS in common, or the other one asks for what this one has not.
    TlsRefused,
    /// The peer says that it will not speak TLS with this one. So does one that only starts or stops.
    TlsAlert,
    /// The firmware gave a certificate authority that cannot be read.
    BadRoots,
    /// This build has no TLS.
    NoTls,
    /// Cancelled by the caller.
    Cancelled,
    /// The stack (thread, memory, descriptor) ran out of something.
    Resources,
}

impl NetError {
    /// Whether trying again can help without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Closed
                | Self::Broken
                | Self::Connect
                | Self::Name
                | Self::NameServer
                | Self::Resources
                | Self::CertificateDamaged
                | Self::Clock
                | Self::Tls
                | Self::TlsAlert
        )
    }
}

impl NetError {
    /// What to do about it, where that is known.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("check the host name"),
            Self::NameServer => Some("check this device's network and its name server"),
            Self::Connect => Some("check the address and the port, and that the server runs"),
            Self::NoTls => Some("build with OTAKIT_TLS=rustls or OTAKIT_TLS=hal"),
            Self::BadRoots => Some("check the PEM text given as certificate authority"),
            Self::Clock => Some("set the clock; the connection is tried again meanwhile"),
            Self::TlsRefused | Self::TlsAlert => Some(concat!(
                "the server must speak TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, ",
                "and X25519, P-256 or P-384"
            )),
            Self::Certificate
            | Self::CertificateDamaged
            | Self::Tls
            | Self::Timeout
            | Self::Closed
            | Self::Broken
            | Self::Cancelled
            | Self::Resources => None,
        }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "timed out",
            Self::Closed => "closed by the peer",
            Self::Broken => "connection broken",
            Self::Connect => "cannot connect",
            Self::Name => "the host name has no address",
            Self::NameServer => "no name server answers",
            Self::Certificate => "certificate refused",
            Self::CertificateDamaged => "certificate unreadable",
            Self::Clock => "certificate not valid yet by this device's clock, which is wrong",
            Self::Tls => "TLS failed",
            Self::TlsRefused | Self::TlsAlert => {
                "TLS refused: no version, cipher suite or key exchange group in common"
            }
            Self::BadRoots => "certificate authority unreadable",
            Self::NoTls => "no TLS in this build",
            Self::Cancelled => "cancelled",
            Self::Resources => "out of resources",
        })
    }
}

impl core::error::Error for NetError {}
