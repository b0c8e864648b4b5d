// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::{TcpListener, TcpStream};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::hal::tcp::HalDial;
use crate::net::{Dial, Security, Target};

mod whom;

const LONG: Duration = Duration::from_secs(20);

/// A certificate authority for tests.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn roots(&self) -> Arc<Roots> {
        Arc::new(Roots { pem: Some(self.pem.clone()), public: false })
    }

    /// What a server for `name` needs, its certificate valid in the years given.
    fn server(&self, name: &str, years: std::ops::Range<i32>) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

type Served = StreamOwned<ServerConnection, TcpStream>;

/// Serves connections one after the other with `talk`; ends with the test program.
fn serve(config: ServerConfig, talk: impl Fn(&mut Served) -> std::io::Result<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that refuses the certificate ends the conversation: that is for its test to judge.
            let _ = talk(&mut StreamOwned::new(tls, tcp.unwrap()));
        }
    });
    port
}

/// Sends back what comes until the client closes.
fn echo(stream: &mut Served) -> std::io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        match stream.read(&mut buf)? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n])?,
        }
    }
}

#[test]
fn verdicts_end_it_and_damage_does_not() {
    let verdicts = [
        (Error::PeerIncompatible(rustls::PeerIncompatible::NoCipherSuitesInCommon), NetError::TlsRefused),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), NetError::TlsAlert),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), NetError::TlsAlert),
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), NetError::Certificate),
        (Error::InvalidCertificate(CertificateError::Expired), NetError::Certificate),
        (Error::AlertReceived(AlertDescription::CertificateRequired), NetError::TlsRefused),
        (Error::AlertReceived(AlertDescription::BadRecordMac), NetError::Tls),
        (Error::AlertReceived(AlertDescription::InternalError), NetError::Tls),
        (Error::DecryptError, NetError::Tls),
        (Error::InvalidCertificate(CertificateError::BadSignature), NetError::CertificateDamaged),
    ];
    for (error, verdict) in verdicts {
        assert_eq!(refusal(&error), verdict, "{error:?}");
        let ends = matches!(verdict, NetError::TlsRefused | NetError::Certificate);
        assert_eq!(verdict.is_transient(), !ends, "{verdict:?}");
    }
}

fn dial(host: &str, port: u16, roots: Arc<Roots>) -> Result<Box<dyn Stream>, NetError> {
    let target = Target { host: "127.0.0.1".into(), port, security: Security::Plain };
    let tcp = HalDial.dial(&target, LONG, &CancellationToken::new()).unwrap();
    connect(tcp, host, &roots, LONG, &CancellationToken::new())
}

fn read_all(stream: &mut dyn Stream) -> (Vec<u8>, NetError) {
    let mut all = Vec::new();
    let mut buf = [0; 1000];
    loop {
        match stream.read(&mut buf, LONG) {
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(end) => return (all, end),
        }
    }
}

#[test]
fn bytes_go_both_ways() {
    let ca = Authority::new();
    let port = serve(ca.server("ota.example", 2020..2100), echo);
    let mut stream = dial("ota.example", port, ca.roots()).unwrap();
    let mut buf = [0; 300];
    assert_eq!(stream.read(&mut buf, Duration::ZERO), Ok(0));
    assert_eq!(stream.read(&mut buf, SLICE), Ok(0));

    // Several records each way, through buffers of other sizes.
    let sent: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    let mut received = Vec::new();
    for part in sent.chunks(33_333) {
        stream.write_all(part, LONG).unwrap();
        let wanted = received.len() + part.len();
        while received.len() < wanted {
            let n = stream.read(&mut buf, LONG).unwrap();
            assert_ne!(n, 0, "nothing came in time");
            received.extend_from_slice(&buf[..n]);
        }
    }
    assert!(received == sent);
}

#[test]
fn tls_1_2_is_spoken_too() {
    let ca = Authority::new();
    let config = ca.server("ota.example", 2020..2100);
    let provider = Arc::clone(config.crypto_provider());
    let mut only_1_2 = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&config.cert_resolver));
    only_1_2.session_storage = rustls::server::ServerSessionMemoryCache::new(4);
    let port = serve(only_1_2, |stream| {
        stream.conn.complete_io(&mut stream.sock)?;
        assert_eq!(stream.conn.protocol_version(), Some(ProtocolVersion::TLSv1_2));
        echo(stream)
    });
    let mut stream = dial("ota.example", port, ca.roots()).unwrap();
    stream.write_all(b"x", LONG).unwrap();
    assert_eq!(stream.read(&mut [0; 4], LONG), Ok(1));
}

#[test]
fn an_ip_address_is_checked_like_a_name() {
    let ca = Authority::new();
    let port = serve(ca.server("127.0.0.1", 2020..2100), echo);
    assert!(dial("127.0.0.1", port, ca.roots()).is_ok());
    assert_eq!(dial("127.0.0.2", port, ca.roots()).err(), Some(NetError::Certificate));
    assert_eq!(dial("localhost", port, ca.roots()).err(), Some(NetError::Certificate));
}

#[test]
fn certificates_that_prove_nothing_are_refused() {
    let (ca, other) = (Authority::new(), Authority::new());
    let good = serve(ca.server("ota.example", 2020..2100), echo);
    // Both authorities have the same name.
    assert_eq!(dial("ota.example", good, other.roots()).err(), Some(NetError::CertificateDamaged));
    let public = Arc::new(Roots { pem: None, public: true });
    assert_eq!(dial("ota.example", good, public).err(), Some(NetError::Certificate), "no public authority");
    assert_eq!(dial("evil.example", good, ca.roots()).err(), Some(NetError::Certificate), "wrong host");
    assert_eq!(dial("not a name", good, ca.roots()).err(), Some(NetError::Connect));
    let expired = serve(ca.server("ota.example", 2020..2021), echo);
    assert_eq!(dial("ota.example", expired, ca.roots()).err(), Some(NetError::Certificate), "expired");
    let early = serve(ca.server("ota.example", 2090..2100), echo);
    assert_eq!(dial("ota.example", early, ca.roots()).err(), Some(NetError::Certificate), "not valid yet");
}

#[test]
fn refusals_name_their_reason() {
    assert!(explain(&CertificateError::Expired).contains("expired"));
    assert!(explain(&CertificateError::NotValidYet).contains("clock"));
    assert!(explain(&CertificateError::UnknownIssuer).contains("unknown issuer"));
    assert!(explain(&CertificateError::NotValidForName).contains("another host"));
}

#[test]
fn an_end_without_a_closing_message_is_no_end() {
    let ca = Authority::new();
    for (orderly, expected) in [(true, NetError::Closed), (false, NetError::Broken)] {
        let port = serve(ca.server("ota.example", 2020..2100), move |stream| {
            stream.write_all(&[b'd'; 20_000])?;
            if orderly {
                stream.conn.send_close_notify();
            }
            stream.flush()
        });
        let mut stream = dial("ota.example", port, ca.roots()).unwrap();
        let (data, end) = read_all(&mut *stream);
        assert_eq!(data.len(), 20_000);
        assert_eq!(end, expected);
        assert_eq!(read_all(&mut *stream).1, expected, "and stays so");
    }
}

#[test]
fn the_client_says_goodbye_itself() {
    let ca = Authority::new();
    let (tell, told) = std::sync::mpsc::channel();
    let port = serve(ca.server("ota.example", 2020..2100), move |stream| {
        // rustls reports an end without the closing message as an error.
        tell.send(echo(stream).is_ok()).unwrap();
        Ok(())
    });
    drop(dial("ota.example", port, ca.roots()).unwrap());
    assert_eq!(told.recv_timeout(LONG), Ok(true));
}

#[test]
fn a_reconnect_resumes_the_session() {
    let ca = Authority::new();
    let (tell, told) = std::sync::mpsc::channel();
    let port = serve(ca.server("ota.example", 2020..2100), move |stream| {
        stream.conn.complete_io(&mut stream.sock)?;
        tell.send(stream.conn.handshake_kind()).unwrap();
        echo(stream)
    });
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = dial("ota.example", port, ca.roots()).unwrap();
        stream.write_all(b"x", LONG).unwrap();
        assert_eq!(stream.read(&mut [0; 4], LONG), Ok(1));
        assert_eq!(told.recv_timeout(LONG), Ok(Some(expected)));
    }
}

#[test]
fn a_silent_server_holds_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
        security: Security::Plain,
    };
    let ca = Authority::new();
    let attempt = |timeout, cancel: &CancellationToken| {
        let tcp = HalDial.dial(&target, LONG, &CancellationToken::new()).unwrap();
        connect(tcp, "ota.example", &ca.roots(), timeout, cancel).err()
    };
    assert_eq!(attempt(SLICE * 3, &CancellationToken::new()), Some(NetError::Timeout));

    let cancel = CancellationToken::new();
    let other = cancel.clone();
    let canceller = thread::spawn(move || {
        thread::sleep(SLICE);
        other.cancel();
    });
    let began = Instant::now();
    assert_eq!(attempt(Duration::from_secs(3600), &cancel), Some(NetError::Cancelled));
    assert!(began.elapsed() < LONG);
    canceller.join().unwrap();
}

#[test]
fn a_server_that_is_not_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let answers: [&[u8]; 2] = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""];
        for answer in answers {
            let (mut tcp, _) = listener.accept().unwrap();
            tcp.write_all(answer).unwrap();
            tcp.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = tcp.read(&mut [0; 1024]);
        }
    });
    let ca = Authority::new();
    assert_eq!(dial("ota.example", port, ca.roots()).err(), Some(NetError::Tls));
    assert_eq!(dial("ota.example", port, ca.roots()).err(), Some(NetError::Broken));
}
