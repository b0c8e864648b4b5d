// SPDX-License-Identifier: MIT OR Apache-2.0
//! Subscriptions, messages and handlers.

use super::*;

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
