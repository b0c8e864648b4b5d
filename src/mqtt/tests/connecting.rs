// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connecting, signing in, and the end.

use super::*;

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
    let options = Options { request_timeout: 200 * MS, ..broker.options() };
    let connecting = connect_in_thread(options, None, Vec::new());
    let _silent = broker.accept_raw();
    let mut garbage = broker.accept_raw();
    garbage.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    broker.accept_raw().close();
    let error = connecting.join().unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Net(_) | ConnectError::Timeout), "{error}");
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
    struct Untrusted(AtomicUsize);
    impl Dial for Untrusted {
        fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(NetError::Certificate)
        }
    }
    let dial = Arc::new(Untrusted(AtomicUsize::new(0)));
    let for_client: Arc<dyn Dial> = dial.clone();
    let error = Client::connect(for_client, Broker::new().options(), None, Vec::new()).unwrap_err();
    assert_eq!(error, ConnectError::Net(NetError::Certificate));
    assert_eq!(dial.0.load(Ordering::Relaxed), 1);
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
}

#[test]
fn nothing_works_after_the_end() {
    let broker = Broker::new();
    let (default, _news) = recorder(0);
    let (client, mut peer) = broker.client(broker.options(), &default);
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
