// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links that are lost, slow or broken.

use super::broker::Recorder;
use super::*;

#[test]
fn qos1_is_repeated_until_acknowledged() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 500 * MS, ..broker.options() };
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
fn an_unanswered_subscription_is_reported() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 500 * MS, ..broker.options() };
    let (client, _peer) = broker.client(options, &default);
    let sub = client.subscribe("/t", 0, default.clone()).unwrap();
    assert_eq!(news.next(&client), format!("SubscribeTimeout({sub})"));
    let unsub = client.unsubscribe("/t").unwrap();
    assert_eq!(news.next(&client), format!("UnsubscribeTimeout({unsub})"));
}

/// A handler of the library's own.
struct Own(Arc<Recorder>);

impl Handler for Own {
    fn on_event(&self, event: &Event<'_>) {
        self.0.on_event(event);
    }

    fn identity(&self) -> (usize, usize) {
        self.0.identity()
    }

    fn insists(&self) -> bool {
        true
    }
}

#[test]
fn the_librarys_own_subscriptions_are_asked_for_until_they_are_granted() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (one, heard) = recorder(1);
    let own: Arc<dyn Handler> = Arc::new(Own(one));
    let options = Options { request_timeout: 500 * MS, ..broker.options() };
    let (client, mut peer) = broker.client(options, &default);
    // Refused, then not answered, then granted.
    let first = client.subscribe("/own", 1, own.clone()).unwrap();
    assert_eq!(peer.expect(8).id(), first);
    peer.suback(first, 0x80);
    assert_eq!(news.next(&client), format!("SubscribeRefused({first})"));
    assert!(!client.is_connected(), "it is deaf");
    let second = peer.expect(8).id();
    assert_eq!(news.next(&client), format!("SubscribeTimeout({second})"));
    let third = peer.expect(8);
    assert_eq!((third.topic(), *third.body.last().unwrap()), ("/own", 1));
    peer.suback(third.id(), 1);
    assert_eq!(news.next(&client), format!("SubscribeOk({})", third.id()));
    assert!(client.is_connected());
    peer.publish("/own", 0, 0, b"x");
    assert_eq!(heard.next(&client), "/own x q0");
}

#[test]
fn what_nobody_insists_on_or_wants_is_not_missed() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let own: Arc<dyn Handler> = Arc::new(Own(recorder(1).0));
    let (client, mut peer) = broker.client(broker.options(), &default);
    let theirs = client.subscribe("/theirs", 0, default).unwrap();
    assert_eq!(peer.expect(8).id(), theirs);
    peer.suback(theirs, 0x80);
    assert_eq!(news.next(&client), format!("SubscribeRefused({theirs})"));
    assert!(client.is_connected());
    let other = client.subscribe("/other", 0, own.clone()).unwrap();
    assert_eq!(peer.expect(8).id(), other);
    peer.suback(other, 0x80);
    assert_eq!(news.next(&client), format!("SubscribeRefused({other})"));
    assert!(!client.is_connected());
    client.remove_handler("/other", &*own).unwrap();
    assert!(client.is_connected());
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
    client.subscribe("/b", 0, one).unwrap();
    let id = client.publish("/t", 1, b"keep").unwrap();
    peer.expect(8);
    let sent = peer.expect(3);
    peer.close();
    assert_eq!(news.next(&client), "Disconnected");
    // The first attempt is refused: it tries again.
    drop(broker.accept(5));
    let mut peer = broker.accept(0);
    let mut filters =
        [peer.expect(8), peer.expect(8)].map(|p| (p.topic().to_owned(), p.body[p.body.len() - 1]));
    filters.sort();
    assert_eq!(filters, [("/a".to_owned(), 1), ("/b".to_owned(), 0)]);
    let again = peer.expect(3);
    assert_eq!((again.first, again.publish_id(), &again.body), (0x3A, id, &sent.body));
    assert_eq!(news.next(&client), "Reconnected");
    peer.publish("/a", 0, 0, b"again");
    assert_eq!(heard.next(&client), "/a again q0");
    assert_eq!(client.publish("/t", 0, b"on"), Ok(0));
    assert_eq!(peer.expect(3).first, 0x30);
}

#[test]
fn a_lasting_subscription_waits_for_a_link() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (client, peer) = broker.client(broker.options(), &default);
    peer.close();
    assert_eq!(news.next(&client), "Disconnected");
    assert_eq!(client.subscribe_lasting("/later", 1, default.clone()), Ok(()));
    assert_eq!(client.subscribe_lasting("no filter", 1, default.clone()), Err(MqttError::InvalidTopic));
    let mut peer = broker.accept(0);
    assert_eq!(peer.expect(8).topic(), "/later");
    assert_eq!(news.next(&client), "Reconnected");
    assert_eq!(client.subscribe_lasting("/now", 1, default), Ok(()));
    assert_eq!(peer.expect(8).topic(), "/now");
}

#[test]
fn what_was_asked_without_a_link() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
    for filter in ["/gone", "/removed", "/kept"] {
        client.subscribe(filter, 0, default.clone()).unwrap();
        peer.expect(8);
    }
    peer.close();
    assert_eq!(news.next(&client), "Disconnected");
    assert!(!client.is_connected());
    assert_eq!(client.publish("/t", 0, b"lost"), Err(MqttError::NotConnected));
    assert_eq!(client.subscribe("/no", 0, default.clone()), Err(MqttError::NotConnected));
    assert_eq!(client.unsubscribe("/gone"), Err(MqttError::NotConnected));
    assert_eq!(client.remove_handler("/removed", &*default), Ok(()));
    // The server may remember the session: it hears of what has gone.
    let mut peer = broker.accept(0);
    assert_eq!(peer.expect(10).topic(), "/gone");
    assert_eq!(peer.expect(10).topic(), "/removed");
    assert_eq!(peer.expect(8).topic(), "/kept");
    assert_eq!(news.next(&client), "Reconnected");
    assert!(client.is_connected());
    client.publish("/last", 0, b"").unwrap();
    assert_eq!(peer.expect(3).topic(), "/last");
}

#[test]
fn a_silent_server_is_given_up_and_a_talking_one_is_not() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { keepalive: 700 * MS, ..broker.options() };
    let (client, mut peer) = broker.client(options, &default);
    for _ in 0..4 {
        assert_eq!(peer.read().first, 0xC0, "PINGREQ");
        peer.send(&[0xD0, 0]);
    }
    assert!(client.is_connected());
    // From here on the server says nothing.
    assert_eq!(news.next(&client), "Disconnected");
    let _peer = broker.accept(0);
    assert_eq!(news.next(&client), "Reconnected");
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
fn a_server_faster_than_the_application_has_to_wait() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { keepalive: 500 * MS, max_packet_in: 8192, ..broker.options() };
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
    for _ in 0..4 {
        assert_eq!(peer.read().first, 0xC0);
    }
    assert!(!sent.load(Ordering::Relaxed), "32 MB do not fit anywhere");
    assert!(client.is_connected());
    for _ in 0..COUNT {
        assert_eq!(news.next(&client), "/t 8000 bytes q0");
    }
    sender.join().unwrap();
}

/// A connection whose server accepts CONNECT and then takes a write only for each `()` in the channel.
struct Gated(parking_lot::Mutex<Option<mpsc::Receiver<()>>>);

struct GatedStream {
    writes: mpsc::Receiver<()>,
    signed_in: bool,
    answered: bool,
}

impl Dial for Gated {
    fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
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
fn who_cannot_wait_is_told_at_once() {
    let (_allow, writes) = mpsc::channel();
    let dial = Arc::new(Gated(parking_lot::Mutex::new(Some(writes))));
    let options = Options { request_timeout: LONG, max_packet_out: 16 * 1024, ..Broker::new().options() };
    let client = Client::connect(dial, options, None, Vec::new()).unwrap();
    let payload = [0; 8000];
    let start = Instant::now();
    let accepted = (0..10).filter(|_| client.try_publish("/t", 0, &payload).is_ok()).count();
    assert_eq!((accepted, client.try_publish("/t", 0, &payload)), (4, Err(MqttError::Network)));
    // The time for a subscription is that of the call, not that of a request.
    while client.try_publish("/t", 0, &[]).is_ok() {}
    let subscribed = client.subscribe_sync("/a/topic", 0, recorder(0).0, 50 * MS);
    assert_eq!(subscribed, Err(MqttError::Network));
    assert!(start.elapsed() < LONG / 2);
    client.disconnect(100 * MS);
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    let broker = Broker::new();
    let (default, news) = recorder(0);
    let options = Options { request_timeout: 500 * MS, max_packet_out: 64 * 1024, ..broker.options() };
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
fn a_network_call_that_hangs_does_not_hold_the_caller() {
    /// Connects once; the second call hangs until the test ends.
    struct Hanging(AtomicBool, parking_lot::Mutex<mpsc::Receiver<()>>);
    impl Dial for Hanging {
        fn dial(
            &self,
            to: &Target,
            limit: Duration,
            cancel: &CancellationToken,
        ) -> Result<Box<dyn Stream>, NetError> {
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
