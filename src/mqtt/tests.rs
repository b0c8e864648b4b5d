// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client against a scripted server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use super::test_broker::{Broker, LONG, Peer, TcpDial, connect_in_thread, publish, recorder, recorder_with};
use super::{Client, ConnectError, Event, Handler, MqttError, Options, Subscription};
use crate::cancel::Cancel;
use crate::net::{Dial, NetError, Stream, Target};

const MS: Duration = Duration::from_millis(1);

fn subscription(filter: &str, qos: u8, handler: Arc<dyn Handler>) -> Subscription {
    Subscription { filter: filter.into(), qos, handler }
}

/// Yields in the background until dropped, as firmware's own loop does.
struct Yielding(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Yielding {
    fn new(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, seen) = (client.clone(), Arc::clone(&stop));
        let body = move || while !seen.load(Ordering::Relaxed) && client.yield_for(20 * MS).is_ok() {};
        Self(stop, Some(std::thread::spawn(body)))
    }
}

impl Drop for Yielding {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

fn expect_end(peer: &mut Peer) {
    assert_eq!(peer.read().first, 0xE0, "DISCONNECT");
    assert_eq!(peer.try_read(), None);
}

#[test]
fn connects_and_subscribes_first_what_was_subscribed_early() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (one, heard) = recorder(1);
    let early = vec![
        subscription("/early/1", 1, one.clone()),
        subscription("/early/2", 0, one),
        subscription("invalid", 0, default.clone()),
    ];
    let connecting = connect_in_thread(broker.options(), Some(default), early);
    let mut peer = broker.accept_raw();
    let connect = peer.read();
    assert_eq!(connect.first, 0x10);
    assert_eq!(&connect.body[..], b"\0\x04MQTT\x04\xC0\0\x78\0\x06client\0\x04user\0\x06secret");
    // A message that the server kept for us comes right behind CONNACK, and finds its handler.
    let connack = [&b"\x20\x02\0\0"[..], &publish("/early/1", 0, 0, b"kept")].concat();
    peer.send(&connack);
    let client = connecting.join().unwrap().unwrap();
    assert!(client.is_connected());
    client.publish("/p", 1, b"x").unwrap();
    for (filter, qos, id) in [("/early/1", 1, 1), ("/early/2", 0, 2)] {
        let subscribe = peer.read();
        assert_eq!((subscribe.first, subscribe.topic(), subscribe.id()), (0x82, filter, id));
        assert_eq!(*subscribe.body.last().unwrap(), qos);
        peer.suback(id, qos);
    }
    assert_eq!(peer.read().publish_id(), 3);
    assert_eq!(heard.next(&client), "/early/1 kept q0");
    assert_eq!(news.next(&client), "SubscribeOk(1)");
    assert_eq!(news.next(&client), "SubscribeOk(2)");
    client.disconnect(200 * MS);
    expect_end(&mut peer);
}

#[test]
fn a_refusal_ends_connecting_at_once() {
    for code in [1, 4, 5, 200] {
        let broker = Broker::new();
        let connecting = connect_in_thread(broker.options(), None, Vec::new());
        let _peer = broker.accept(code);
        assert_eq!(connecting.join().unwrap().unwrap_err(), ConnectError::Refused(code));
    }
}

#[test]
fn connecting_gives_up_after_three_attempts() {
    let broker = Broker::new();
    let options = Options { request_timeout: 50 * MS, ..broker.options() };
    let connecting = connect_in_thread(options, None, Vec::new());
    let _silent = broker.accept_raw();
    let mut garbage = broker.accept_raw();
    garbage.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    broker.accept_raw().close();
    let error = connecting.join().unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Net(_)), "{error}");
}

#[test]
fn connecting_survives_a_bad_first_attempt() {
    let broker = Broker::new();
    let connecting = connect_in_thread(broker.options(), None, Vec::new());
    broker.accept_raw().close();
    let _peer = broker.accept(0);
    assert!(connecting.join().unwrap().unwrap().is_connected());
}

#[test]
fn a_certificate_problem_is_not_tried_again() {
    struct Untrusted;
    impl Dial for Untrusted {
        fn dial(&self, _: &Target, _: Duration, _: &Cancel) -> Result<Box<dyn Stream>, NetError> {
            Err(NetError::Certificate)
        }
    }
    let options = Broker::new().options();
    let start = Instant::now();
    let error = Client::connect(Arc::new(Untrusted), options, None, Vec::new()).unwrap_err();
    assert_eq!(error, ConnectError::Net(NetError::Certificate));
    assert!(start.elapsed() < Duration::from_millis(900), "no pause for another attempt");
}

#[test]
fn qos1_is_repeated_until_acknowledged() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 100 * MS, ..broker.options() };
    let (client, mut peer) = broker.client(options, &default);
    let id = client.publish("/t", 1, b"hello").unwrap();
    let first = peer.expect(3);
    assert_eq!((first.first, first.publish_id()), (0x32, id));
    for _ in 0..3 {
        let again = peer.expect(3);
        assert_eq!((again.first, &again.body), (0x3A, &first.body));
    }
    peer.ack(0x40, id);
    assert_eq!(news.next(&client), format!("PublishOk({id})"));
    client.publish("/t", 0, b"last").unwrap();
    while peer.expect(3).first != 0x30 {}
}

#[test]
fn twenty_unacknowledged_messages_are_the_limit() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    for id in 1..=20 {
        assert_eq!(client.publish("/t", 1, b"x"), Ok(id));
        assert_eq!(peer.expect(3).publish_id(), id);
    }
    assert_eq!(client.publish("/t", 1, b"x"), Err(MqttError::QueueFull));
    assert_eq!(client.publish("/t", 0, b"x"), Ok(0));
    peer.ack(0x40, 7);
    assert_eq!(news.next(&client), "PublishOk(7)");
    assert_eq!(client.publish("/t", 1, b"x"), Ok(21));
}

#[test]
fn what_is_refused_without_the_network() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    assert_eq!(client.publish("t", 0, b""), Err(MqttError::InvalidTopic));
    assert_eq!(client.publish("/t/+", 0, b""), Err(MqttError::InvalidTopic));
    assert_eq!(client.publish("/t", 2, b""), Err(MqttError::Qos));
    assert_eq!(client.publish("/t", 1, &[0; 1016]), Err(MqttError::TooLarge));
    assert_eq!(client.publish("/t", 1, &[0; 1015]), Ok(1), "1024 bytes in all");
    assert_eq!(client.subscribe("/a#", 0, default.clone()), Err(MqttError::InvalidTopic));
    assert_eq!(client.unsubscribe("a"), Err(MqttError::InvalidTopic));
    assert_eq!(client.options().client_id, "client");
    assert_eq!(peer.expect(3).body.len(), 1024 - 3);
    client.disconnect(200 * MS);
    expect_end(&mut peer);
    assert!(!client.is_connected());
    assert_eq!(client.publish("/t", 0, b""), Err(MqttError::Closed));
    assert_eq!(client.subscribe("/t", 0, default.clone()), Err(MqttError::Closed));
    assert_eq!(client.subscribe_sync("/t", 0, default.clone(), MS), Err(MqttError::Closed));
    assert_eq!(client.unsubscribe("/t"), Err(MqttError::Closed));
    assert_eq!(client.remove_handler("/t", &*default), Err(MqttError::Closed));
    assert_eq!(client.yield_for(MS), Err(MqttError::Closed));
    client.disconnect(200 * MS);
}

#[test]
fn subscriptions_are_answered_and_routed() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (one, heard1) = recorder(1);
    let (two, heard2) = recorder(2);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let id = client.subscribe("/a/+", 1, one.clone()).unwrap();
    let packet = peer.expect(8);
    assert_eq!((packet.id(), packet.topic()), (id, "/a/+"));
    // The server may send before it answers.
    peer.publish("/a/b", 1, 9, b"early");
    peer.suback(id, 1);
    assert_eq!(heard1.next(&client), "/a/b early q1");
    assert_eq!(peer.expect(4).id(), 9, "PUBACK after the handler");
    assert_eq!(news.next(&client), format!("SubscribeOk({id})"));

    let refused = client.subscribe("/a/b", 3, two.clone()).unwrap();
    let packet = peer.expect(8);
    assert_eq!((packet.id(), *packet.body.last().unwrap()), (refused, 0), "QoS 3 counts as 0");
    peer.suback(refused, 0x80);
    assert_eq!(news.next(&client), format!("SubscribeRefused({refused})"));

    peer.publish("/a/b", 0, 0, b"both");
    peer.publish("/else", 0, 0, b"nobody");
    assert_eq!(heard2.next(&client), "/a/b both q0");
    assert_eq!(heard1.next(&client), "/a/b both q0");
    assert_eq!(news.next(&client), "/else nobody q0");

    let id = client.unsubscribe("/a/b").unwrap();
    let packet = peer.expect(10);
    assert_eq!((packet.id(), packet.topic()), (id, "/a/b"));
    peer.ack(0xB0, id);
    peer.publish("/a/b", 0, 0, b"one");
    assert_eq!(news.next(&client), format!("UnsubscribeOk({id})"));
    assert_eq!(heard1.next(&client), "/a/b one q0");
    assert!(heard2.rest().is_empty());

    // The last handler of a filter takes the subscription with it.
    client.subscribe("/a/+", 1, two.clone()).unwrap();
    peer.expect(8);
    client.remove_handler("/a/+", &*one).unwrap();
    client.remove_handler("/a/+", &*two).unwrap();
    client.remove_handler("/a/+", &*two).unwrap();
    assert_eq!(peer.expect(10).topic(), "/a/+");
    client.disconnect(200 * MS);
    expect_end(&mut peer);
}

#[test]
fn waiting_for_a_subscription_needs_nobody_to_yield() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let server = std::thread::spawn(move || {
        let first = peer.expect(8).id();
        peer.suback(first, 0x80);
        let second = peer.expect(8).id();
        peer.suback(second, 0);
        peer.expect(8);
        (peer, second)
    });
    let id = client.subscribe_sync("/t", 0, default.clone(), LONG).unwrap();
    let start = Instant::now();
    let late = client.subscribe_sync("/t", 0, default, 100 * MS);
    assert_eq!(late, Err(MqttError::Timeout));
    assert!(start.elapsed() >= 100 * MS);
    assert_eq!(server.join().unwrap().1, id);
}

#[test]
fn an_unanswered_subscription_is_reported() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 50 * MS, ..broker.options() };
    let (client, _peer) = broker.client(options, &default);
    let sub = client.subscribe("/t", 0, default.clone()).unwrap();
    assert_eq!(news.next(&client), format!("SubscribeTimeout({sub})"));
    let unsub = client.unsubscribe("/t").unwrap();
    assert_eq!(news.next(&client), format!("UnsubscribeTimeout({unsub})"));
}

#[test]
fn a_lost_link_comes_back_with_everything() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (one, heard) = recorder(1);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let sub = client.subscribe("/a", 1, one.clone()).unwrap();
    peer.expect(8);
    peer.suback(sub, 1);
    assert_eq!(news.next(&client), format!("SubscribeOk({sub})"));
    client.subscribe("/b", 0, one.clone()).unwrap();
    client.subscribe("/gone", 0, one).unwrap();
    let id = client.publish("/t", 1, b"keep").unwrap();
    peer.expect(8);
    peer.expect(8);
    let sent = peer.expect(3);
    peer.close();
    assert_eq!(news.next(&client), "Disconnected");
    assert!(!client.is_connected());
    assert_eq!(client.publish("/t", 0, b"lost"), Err(MqttError::NotConnected));
    assert_eq!(client.unsubscribe("/gone"), Err(MqttError::NotConnected));
    // The first attempt is refused: it tries again.
    let start = Instant::now();
    drop(broker.accept(5));
    let mut peer = broker.accept(0);
    assert!(start.elapsed() >= 1500 * MS, "waits grow");
    assert_eq!(peer.expect(10).topic(), "/gone");
    let mut filters = [peer.expect(8), peer.expect(8)];
    filters.sort_by_key(|p| p.topic().to_owned());
    let qos = |i: usize| *filters[i].body.last().unwrap();
    assert_eq!((filters[0].topic(), qos(0)), ("/a", 1));
    assert_eq!((filters[1].topic(), qos(1)), ("/b", 0));
    let again = peer.expect(3);
    assert_eq!((again.first, again.publish_id(), &again.body), (0x3A, id, &sent.body));
    assert_eq!(news.next(&client), "Reconnected");
    assert!(client.is_connected());
    peer.publish("/a", 0, 0, b"again");
    assert_eq!(heard.next(&client), "/a again q0");
    assert_eq!(client.publish("/t", 0, b"on"), Ok(0));
    assert_eq!(peer.expect(3).first, 0x30);
}

#[test]
fn a_silent_server_is_given_up_and_a_talking_one_is_not() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { keepalive: 300 * MS, ..broker.options() };
    let (client, mut peer) = broker.client(options, &default);
    for _ in 0..5 {
        assert_eq!(peer.read().first, 0xC0, "PINGREQ");
        peer.send(&[0xD0, 0]);
    }
    assert!(client.is_connected());
    // From here on the server says nothing.
    let start = Instant::now();
    assert_eq!(news.next(&client), "Disconnected");
    assert!(start.elapsed() >= 500 * MS);
    let _peer = broker.accept(0);
    assert_eq!(news.next(&client), "Reconnected");
}

#[test]
fn a_message_too_large_is_dropped_and_the_next_one_comes() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (small, heard_small) = recorder(1);
    let (large, heard_large) = recorder_with(2, Some(16 * 1024), None);
    let (client, mut peer) = broker.client(broker.options(), &default);
    client.subscribe("/ota", 1, large).unwrap();
    client.subscribe("/ota", 1, small).unwrap();
    peer.expect(8);
    peer.expect(8);
    peer.publish("/x", 1, 5, &[b'x'; 3000]);
    peer.publish("/ota", 0, 0, &[b'y'; 10_000]);
    peer.publish("/ota", 1, 6, &[b'z'; 100_000]);
    peer.publish("/ota", 0, 0, b"good");
    assert_eq!(peer.expect(4).id(), 5, "acknowledged, or it would come for ever");
    assert_eq!(peer.expect(4).id(), 6);
    assert_eq!(news.next(&client), "Overflow");
    assert_eq!(heard_large.next(&client), "/ota 10000 bytes q0");
    assert_eq!(news.next(&client), "Overflow");
    assert_eq!(heard_large.next(&client), "/ota good q0");
    assert_eq!(heard_small.next(&client), "/ota good q0");
    assert!(heard_small.rest().is_empty() && news.rest().is_empty());
}

#[test]
fn qos2_is_taken_once() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    peer.publish("/t", 2, 4, b"once");
    peer.publish("/t", 2, 4, b"once");
    // What is dropped is acknowledged without a handler: a sign that all before it was read.
    peer.publish("/t", 1, 5, &[0; 2000]);
    assert_eq!(peer.expect(4).id(), 5);
    assert_eq!(news.next(&client), "/t once q2");
    assert_eq!(news.next(&client), "Overflow");
    assert_eq!(peer.expect(5).id(), 4, "PUBREC");
    peer.publish("/t", 2, 4, b"once");
    assert_eq!(peer.expect(5).id(), 4);
    peer.ack(0x62, 4);
    assert_eq!(peer.expect(7).id(), 4, "PUBCOMP");
    peer.publish("/t", 2, 4, b"new");
    assert_eq!(news.next(&client), "/t new q2");
    assert!(news.rest().is_empty());
}

#[test]
fn split_bytes_and_unusable_topics_do_no_harm() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let mut bytes = publish("/a/+", 1, 3, b"wildcard in a name");
    bytes.extend(b"\x32\x07\0\x02\xFF\xFE\0\x07x");
    bytes.extend(publish("/good", 0, 0, b"one"));
    for byte in &bytes {
        peer.send(&[*byte]);
        std::thread::sleep(MS);
    }
    assert_eq!(peer.expect(4).id(), 3);
    assert_eq!(peer.expect(4).id(), 7);
    assert_eq!(news.next(&client), "/good one q0");
    // Garbage ends the connection, not the client.
    peer.send(b"\x00\x00garbage");
    assert_eq!(news.next(&client), "Disconnected");
    let mut peer = broker.accept(0);
    assert_eq!(news.next(&client), "Reconnected");
    peer.publish("/good", 0, 0, b"two");
    assert_eq!(news.next(&client), "/good two q0");
}

#[test]
fn handlers_may_use_the_client() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (other, heard_other) = recorder(1);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let cell: Arc<OnceLock<Client>> = Arc::new(OnceLock::new());
    let (results, told) = mpsc::channel();
    let (inner, sub_handler) = (Arc::clone(&cell), other.clone());
    let action = move |_: &Event<'_>| {
        let client = inner.get().unwrap();
        let handler = || sub_handler.clone();
        results.send(client.yield_for(LONG).map(|()| 0)).unwrap();
        results.send(client.publish("/answer", 1, b"x")).unwrap();
        results.send(client.subscribe("/more", 0, handler())).unwrap();
        // Waiting for the answer would not end here.
        results.send(client.subscribe_sync("/most", 0, handler(), LONG)).unwrap();
        // Takes away the handler that comes after this one.
        results.send(client.unsubscribe("/t")).unwrap();
    };
    let (acting, heard) = recorder_with(2, None, Some(Box::new(action)));
    cell.set(client.clone()).unwrap();
    client.subscribe("/t", 0, acting).unwrap();
    client.subscribe("/t", 0, other.clone()).unwrap();
    peer.expect(8);
    peer.expect(8);
    peer.publish("/t", 1, 40, b"go");
    assert_eq!(heard.next(&client), "/t go q1");
    let told: Vec<_> = (0..5).map(|_| told.recv().unwrap()).collect();
    assert_eq!(told, [Err(MqttError::Reentrant), Ok(3), Ok(4), Ok(5), Ok(6)]);
    assert_eq!(peer.expect(3).publish_id(), 3);
    assert_eq!(peer.expect(8).topic(), "/more");
    assert_eq!(peer.expect(8).topic(), "/most");
    assert_eq!(peer.expect(10).topic(), "/t");
    assert_eq!(peer.expect(4).id(), 40);
    assert!(heard_other.rest().is_empty());
    peer.publish("/more", 0, 0, b"later");
    assert_eq!(heard_other.next(&client), "/more later q0");
    drop(client);
}

#[test]
fn a_handler_may_end_the_client() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let cell: Arc<OnceLock<Client>> = Arc::new(OnceLock::new());
    let inner = Arc::clone(&cell);
    let action = move |_: &Event<'_>| {
        let client = inner.get().unwrap();
        client.publish("/bye", 0, b"x").unwrap();
        client.disconnect(200 * MS);
        assert_eq!(client.publish("/bye", 0, b"x"), Err(MqttError::Closed));
    };
    let (acting, heard) = recorder_with(1, None, Some(Box::new(action)));
    cell.set(client.clone()).unwrap();
    client.subscribe("/t", 0, acting).unwrap();
    peer.expect(8);
    peer.publish("/t", 1, 1, b"end");
    peer.publish("/t", 1, 2, b"never");
    assert_eq!(client.yield_for(LONG), Err(MqttError::Closed));
    assert_eq!(heard.rest(), ["/t end q1"]);
    assert_eq!(peer.expect(3).topic(), "/bye");
    expect_end(&mut peer);
}

#[test]
fn yield_lasts_and_several_threads_may_do_it() {
    let broker = Broker::new();
    let (default, news) = recorder_with(0, None, Some(Box::new(|_| std::thread::sleep(20 * MS))));
    let (client, mut peer) = broker.client(broker.options(), &default);
    let _other = Yielding::new(&client);
    for _ in 0..10 {
        peer.publish("/t", 0, 0, b"x");
    }
    let start = Instant::now();
    client.yield_for(150 * MS).unwrap();
    assert!(start.elapsed() >= 150 * MS, "events do not end it early");
    for _ in 0..10 {
        assert_eq!(news.next(&client), "/t x q0");
    }
    let start = Instant::now();
    client.yield_for(Duration::ZERO).unwrap();
    assert!(start.elapsed() >= 10 * MS);
}

#[test]
fn a_server_faster_than_the_application_has_to_wait() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { keepalive: 200 * MS, max_packet_in: 8192, ..broker.options() };
    let (client, mut peer) = broker.client(options, &default);
    const COUNT: usize = 4000;
    let mut writing = peer.stream.try_clone().unwrap();
    let sent = Arc::new(AtomicBool::new(false));
    let all_sent = Arc::clone(&sent);
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        for n in 0..COUNT {
            let mut payload = format!("{n} ").into_bytes();
            payload.resize(8000, b'.');
            writing.write_all(&publish("/t", 0, 0, &payload)).unwrap();
        }
        all_sent.store(true, Ordering::Relaxed);
    });
    // Nobody yields for a while: the sender is stopped, pings go on, and the link is not given up.
    for _ in 0..6 {
        assert_eq!(peer.read().first, 0xC0);
    }
    assert!(!sent.load(Ordering::Relaxed), "32 MB do not fit anywhere");
    assert!(client.is_connected());
    for _ in 0..COUNT {
        assert_eq!(news.next(&client), "/t 8000 bytes q0");
    }
    sender.join().unwrap();
    assert!(news.rest().is_empty());
}

/// A connection whose server accepts CONNECT and then takes a write only for each `()` in the channel.
struct Gated(parking_lot::Mutex<Option<mpsc::Receiver<()>>>);

struct GatedStream {
    writes: mpsc::Receiver<()>,
    signed_in: bool,
    answered: bool,
}

impl Dial for Gated {
    fn dial(&self, _: &Target, _: Duration, _: &Cancel) -> Result<Box<dyn Stream>, NetError> {
        let writes = self.0.lock().take().ok_or(NetError::Connect)?;
        Ok(Box::new(GatedStream { writes, signed_in: false, answered: false }))
    }
}

impl Stream for GatedStream {
    fn read(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        if self.answered {
            std::thread::sleep(timeout);
            return Ok(0);
        }
        self.answered = true;
        buf[..4].copy_from_slice(b"\x20\x02\0\0");
        Ok(4)
    }

    fn write_all(&mut self, _: &[u8], _: Duration) -> Result<(), NetError> {
        let first = !std::mem::replace(&mut self.signed_in, true);
        if first || self.writes.recv_timeout(LONG).is_ok() { Ok(()) } else { Err(NetError::Timeout) }
    }
}

#[test]
fn an_application_faster_than_the_network_waits_and_is_told() {
    let (allow, writes) = mpsc::channel();
    let dial = Arc::new(Gated(parking_lot::Mutex::new(Some(writes))));
    let options = Options { request_timeout: 200 * MS, max_packet_out: 16 * 1024, ..Broker::new().options() };
    let client = Client::connect(dial, options, None, Vec::new()).unwrap();
    let payload = [0; 8000];
    let mut accepted = 0;
    let (error, waited) = loop {
        let start = Instant::now();
        match client.publish("/t", 0, &payload) {
            Ok(_) => accepted += 1,
            Err(error) => break (error, start.elapsed()),
        }
    };
    assert_eq!(error, MqttError::Network);
    assert!(waited >= 200 * MS && waited < LONG / 2);
    assert_eq!(accepted, 4, "twice the largest packet");
    // A write goes through: there is room again.
    allow.send(()).unwrap();
    let deadline = Instant::now() + LONG;
    while client.publish("/t", 0, &payload) == Err(MqttError::Network) {
        assert!(Instant::now() < deadline);
    }
    assert!(client.is_connected());
    let start = Instant::now();
    client.disconnect(100 * MS);
    assert!(start.elapsed() < LONG / 2, "the write that hangs is left behind");
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 300 * MS, max_packet_out: 64 * 1024, ..broker.options() };
    let (client, _peer) = broker.client(options, &default);
    let payload = vec![0; 60_000];
    loop {
        match client.publish("/t", 0, &payload) {
            Ok(_) | Err(MqttError::Network) => {}
            Err(error) => break assert_eq!(error, MqttError::NotConnected),
        }
    }
    assert_eq!(news.next(&client), "Disconnected");
}

#[test]
fn disconnect_sends_what_is_queued_and_is_bounded() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    for _ in 0..15 {
        client.publish("/t", 0, &[1; 900]).unwrap();
    }
    let start = Instant::now();
    client.disconnect(Duration::from_secs(1));
    assert!(start.elapsed() < LONG / 2);
    for _ in 0..15 {
        peer.expect(3);
    }
    expect_end(&mut peer);
}

#[test]
fn dropping_the_last_clone_ends_the_connection() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    let clone = client.clone();
    drop(client);
    assert!(clone.is_connected());
    drop(clone);
    expect_end(&mut peer);
    assert_eq!(Arc::strong_count(&default), 1, "handlers are let go");
}

#[test]
fn a_network_call_that_hangs_does_not_hold_the_caller() {
    /// Connects once; the second call hangs until the test ends.
    struct Hanging(AtomicBool, parking_lot::Mutex<mpsc::Receiver<()>>);
    impl Dial for Hanging {
        fn dial(&self, to: &Target, limit: Duration, cancel: &Cancel) -> Result<Box<dyn Stream>, NetError> {
            if self.0.swap(true, Ordering::Relaxed) {
                let _ = self.1.lock().recv();
                return Err(NetError::Connect);
            }
            TcpDial.dial(to, limit, cancel)
        }
    }
    let broker = Broker::new();
    let (let_go, held) = mpsc::channel();
    let dial = Arc::new(Hanging(AtomicBool::new(false), parking_lot::Mutex::new(held)));
    let (default, news) = recorder(0);
    let (options, for_thread) = (broker.options(), Arc::clone(&dial));
    let handler: Arc<dyn Handler> = default.clone();
    let connecting =
        std::thread::spawn(move || Client::connect(for_thread, options, Some(handler), Vec::new()));
    let peer = broker.accept(0);
    let client = connecting.join().unwrap().unwrap();
    peer.close();
    assert_eq!(news.next(&client), "Disconnected");
    // Time for the thread to get into the hanging call.
    client.yield_for(1500 * MS).unwrap();
    let start = Instant::now();
    client.disconnect(200 * MS);
    assert!(start.elapsed() < LONG / 2);
    assert_eq!(client.publish("/t", 0, b""), Err(MqttError::Closed));
    drop(client);
    drop(let_go);
    let deadline = Instant::now() + LONG;
    while Arc::strong_count(&dial) > 1 {
        assert!(Instant::now() < deadline, "the thread ends once the call returns");
        std::thread::sleep(5 * MS);
    }
}
