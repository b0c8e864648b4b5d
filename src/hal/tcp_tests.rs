// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::super::test_double::{Mischief, misbehave};
use super::*;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

fn plain(port: u16) -> Target {
    Target { host: "127.0.0.1".into(), port, security: Security::Plain }
}

fn connected(mischief: Mischief) -> (Box<dyn Stream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    misbehave(mischief);
    let stream = HalDial.dial(&plain(port), LONG, &CancellationToken::new()).unwrap();
    (stream, listener.accept().unwrap().0)
}

fn refusal(target: &Target, timeout: Duration, cancel: &CancellationToken) -> NetError {
    HalDial.dial(target, timeout, cancel).err().unwrap()
}

#[test]
fn bytes_go_both_ways_until_the_peer_closes() {
    let (mut stream, mut peer) = connected(Mischief::default());
    stream.write_all(b"ping", LONG).unwrap();
    let mut buf = [0; 16];
    peer.read_exact(&mut buf[..4]).unwrap();
    assert_eq!(&buf[..4], b"ping");

    assert_eq!(stream.read(&mut buf, SHORT), Ok(0), "nothing there yet");
    assert_eq!(stream.read(&mut [], LONG), Ok(0));
    peer.write_all(b"pong").unwrap();
    assert_eq!(stream.read(&mut buf, LONG), Ok(4));
    drop(peer);
    assert_eq!(stream.read(&mut buf, LONG), Err(NetError::Closed));
}

#[test]
fn dropping_the_stream_closes_the_handle() {
    let (stream, mut peer) = connected(Mischief::default());
    drop(stream);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn short_writes_are_continued() {
    let (mut stream, mut peer) = connected(Mischief { write_at_most: Some(3), ..Mischief::default() });
    stream.write_all(b"0123456789", LONG).unwrap();
    drop(stream);
    let mut all = String::new();
    peer.read_to_string(&mut all).unwrap();
    assert_eq!(all, "0123456789");
}

#[test]
fn a_write_that_gets_nowhere_times_out() {
    let (mut stream, _peer) = connected(Mischief::default());
    let block = vec![0; 1 << 20];
    let outcome = (0..64).map(|_| stream.write_all(&block, SHORT)).find(Result::is_err);
    assert_eq!(outcome, Some(Err(NetError::Timeout)));
}

#[test]
fn impossible_counts_break_the_stream() {
    for claim in [i32::MAX, -2, i32::MIN] {
        let (mut stream, mut peer) = connected(Mischief { claim: Some(claim), ..Mischief::default() });
        peer.write_all(b"x").unwrap();
        assert_eq!(stream.read(&mut [0; 4], LONG), Err(NetError::Broken));
        assert_eq!(stream.write_all(b"abcd", LONG), Err(NetError::Broken));
    }
}

#[test]
fn failed_establish_is_never_used_as_a_handle() {
    for returned in [0, usize::MAX, usize::MAX - 1, -111_isize as usize] {
        misbehave(Mischief { establish: Some(returned), ..Mischief::default() });
        assert_eq!(refusal(&plain(1), LONG, &CancellationToken::new()), NetError::Connect);
    }
}

#[test]
fn a_failed_establish_is_told_with_what_helps_against_it() {
    let told = |errno| {
        let target = plain(1);
        trace::connecting(&target);
        misbehave(Mischief { establish: Some(0), errno, ..Mischief::default() });
        let error = refusal(&target, LONG, &CancellationToken::new());
        trace::told(&error, error.advice())
    };
    assert_eq!(
        told(libc::EMFILE),
        "127.0.0.1:1 (TCP): cannot connect: Too many open files (os error 24); this process has too many open files and \
         sockets: close some, or raise its limit (ulimit -n)"
    );
    let general = NetError::Connect.advice().unwrap();
    assert!(told(0).ends_with(general), "a HAL that sets no errno");
    assert!(told(libc::EINVAL).ends_with(general), "an errno that says nothing");
    assert!(!told(libc::ENETUNREACH).contains("check the address and the port"));
    assert_eq!(told(libc::ENODATA), "127.0.0.1:1 (TCP): the host name has no address; check the host name");
}

#[test]
fn a_name_with_a_nul_reaches_no_hal() {
    let target = Target { host: "good.example\0evil".into(), ..plain(1) };
    assert_eq!(refusal(&target, LONG, &CancellationToken::new()), NetError::Connect);
}

#[test]
fn a_connection_that_comes_after_the_cancel_or_the_timeout_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = plain(listener.local_addr().unwrap().port());
    let cancel = CancellationToken::new();
    let late = cancel.clone();
    misbehave(Mischief { after_establish: Some(Box::new(move || late.cancel())), ..Mischief::default() });
    assert_eq!(refusal(&target, LONG, &cancel), NetError::Cancelled);
    assert_eq!(listener.accept().unwrap().0.read(&mut [0; 1]).unwrap(), 0);

    misbehave(Mischief { after_establish: Some(Box::new(|| thread::sleep(SHORT))), ..Mischief::default() });
    assert_eq!(refusal(&target, SHORT / 2, &CancellationToken::new()), NetError::Timeout);
    assert_eq!(listener.accept().unwrap().0.read(&mut [0; 1]).unwrap(), 0);

    assert_eq!(refusal(&target, LONG, &cancel), NetError::Cancelled, "before anything is dialled");
}

#[test]
fn timeouts_round_up_and_clamp() {
    assert_eq!(milliseconds(Duration::ZERO), 0);
    assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
    assert_eq!(milliseconds(Duration::from_millis(20)), 20);
    assert_eq!(milliseconds(Duration::MAX), i32::MAX);
}

#[cfg(not(any(feature = "tls", feature = "hal-ssl")))]
#[test]
fn without_tls_nothing_goes_out_in_plain() {
    let target = Target { security: Security::Tls(std::sync::Arc::new(Roots::default())), ..plain(1) };
    assert_eq!(refusal(&target, LONG, &CancellationToken::new()), NetError::NoTls);
}

#[cfg(feature = "hal-ssl")]
#[test]
fn the_firmware_does_the_tls() {
    use super::super::test_double::printed;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dial = |pem: Option<&str>| {
        let roots = Roots { pem: pem.map(str::to_owned), public: true };
        let target = Target { security: Security::Tls(std::sync::Arc::new(roots)), ..plain(port) };
        HalDial.dial(&target, LONG, &CancellationToken::new())
    };
    let mut stream = dial(Some("PEM")).unwrap();
    stream.write_all(b"x", LONG).unwrap();
    let mut peer = listener.accept().unwrap().0;
    peer.read_exact(&mut [0; 1]).unwrap();
    peer.write_all(b"yz").unwrap();
    assert_eq!(stream.read(&mut [0; 4], LONG), Ok(2));
    assert!(dial(None).is_ok());
    assert_eq!(dial(Some("P\0M")).err(), Some(NetError::BadRoots));
    assert_eq!(printed(), ["PEM 4", "no CA 0"]);
}
