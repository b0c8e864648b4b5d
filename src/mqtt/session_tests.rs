// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

const RESEND: Duration = Duration::from_secs(4);

fn session() -> (Session, Instant) {
    (Session::new(RESEND), Instant::now())
}

fn subscribe(filter: &str) -> Request {
    Request::Subscribe { filter: filter.into(), qos: 1 }
}

fn unsubscribe(filter: &str) -> Request {
    Request::Unsubscribe { filter: filter.into() }
}

#[test]
fn ids_are_shared_wrap_to_one_and_skip_those_in_use() {
    let (mut session, now) = session();
    assert_eq!(session.publish("/t", false, b"", now).unwrap().0, 1);
    assert_eq!(session.request(subscribe("/t"), false, now).unwrap().0, 2);
    assert_eq!(session.request(unsubscribe("/t"), false, now).unwrap().0, 3);
    session.next_id = u16::MAX;
    assert_eq!(session.take_id(), u16::MAX);
    assert_eq!(session.take_id(), 4);
    assert!(session.acknowledged(1));
    session.next_id = 1;
    assert_eq!([session.take_id(), session.take_id()], [1, 4]);
}

#[test]
fn ids_never_repeat_while_in_use() {
    let (mut session, now) = session();
    let held = session.publish("/t", false, b"", now).unwrap().0;
    for _ in 0..200_000 {
        let id = session.take_id();
        assert!(id != 0 && id != held);
    }
}

#[test]
fn twenty_messages_may_be_unacknowledged() {
    let (mut session, now) = session();
    for _ in 0..MAX_UNACKNOWLEDGED {
        assert!(session.may_publish());
        session.publish("/t", false, b"x", now).unwrap();
    }
    assert!(!session.may_publish());
    assert!(!session.acknowledged(999));
    assert!(!session.may_publish());
    assert!(session.acknowledged(7));
    assert!(!session.acknowledged(7));
    assert!(session.may_publish());
}

#[test]
fn overdue_messages_are_repeated_as_duplicates_each_period() {
    let (mut session, now) = session();
    let (id, packet) = session.publish("/t", false, b"x", now).unwrap();
    assert_eq!(packet[0], 0x32);
    assert!(session.due(now + RESEND - Duration::from_millis(1)).is_empty());
    for period in 1..5 {
        let again = session.due(now + RESEND * period);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0][0], 0x3A);
        assert_eq!(again[0][1..], packet[1..]);
        assert!(session.due(now + RESEND * period).is_empty());
    }
    session.acknowledged(id);
    assert!(session.due(now + RESEND * 9).is_empty());
}

#[test]
fn answers_must_fit_the_request() {
    let (mut session, now) = session();
    let (sub, _) = session.request(subscribe("/a"), false, now).unwrap();
    let (unsub, _) = session.request(unsubscribe("/b"), true, now).unwrap();
    assert!(session.answered(sub, false).is_none());
    assert!(session.answered(unsub, true).is_none());
    assert!(session.answered(77, true).is_none());
    assert_eq!(session.answered(sub, true).unwrap().request, subscribe("/a"));
    assert!(session.answered(unsub, false).unwrap().silent);
    assert!(session.answered(sub, true).is_none());
}

#[test]
fn unanswered_requests_are_given_up() {
    let (mut session, now) = session();
    session.request(subscribe("/a"), false, now).unwrap();
    session.request(unsubscribe("/b"), false, now + RESEND).unwrap();
    assert!(session.overdue(now + RESEND / 2).is_empty());
    assert_eq!(session.overdue(now + RESEND)[0].request, subscribe("/a"));
    assert_eq!(session.overdue(now + RESEND * 2)[0].request, unsubscribe("/b"));
}

#[test]
fn what_goes_out_after_a_connection_is_up() {
    let (mut session, now) = session();
    let filters = [("/a".to_owned(), 1), ("/b".to_owned(), 0)];
    let kinds = |packets: &[Bytes]| packets.iter().map(|p| p[0]).collect::<Vec<_>>();
    let first = session.connected(false, &filters, true, now);
    assert_eq!(kinds(&first), [0x82, 0x82]);
    assert_eq!(&first[0][..], b"\x82\x07\0\x01\0\x02/a\x01");
    assert_eq!(&first[1][..], b"\x82\x07\0\x02\0\x02/b\0");
    assert!(!session.answered(1, true).unwrap().silent);
    session.publish("/t", false, b"", now).unwrap();
    session.request_later(unsubscribe("/gone"), now);
    session.request_later(unsubscribe("/gone"), now);
    session.request_later(unsubscribe("/b"), now);
    let second = session.connected(true, &filters, false, now);
    // The unsubscription that nobody took back, then "/b" under the id that is still open, "/a" once more, the message.
    assert_eq!(kinds(&second), [0xA2, 0x82, 0x82, 0x3A]);
    assert_eq!(&second[1][..], &first[1][..]);
    assert!(!session.answered(2, true).unwrap().silent);
    assert!(session.answered(6, true).unwrap().silent, "nobody asked for the renewal");
}

#[test]
fn qos2_messages_come_once() {
    let (mut session, _) = session();
    assert_eq!(session.qos2_published(5), Qos2::New);
    assert_eq!(session.qos2_published(5), Qos2::Wait);
    assert!(session.qos2_handled(5, session.epoch()));
    assert_eq!(session.qos2_published(5), Qos2::Answer);
    session.qos2_released(5);
    assert_eq!(session.qos2_published(5), Qos2::New);
    assert!(!session.qos2_handled(6, session.epoch()));
}

#[test]
fn qos2_ids_live_as_long_as_the_servers_session() {
    let (mut session, now) = session();
    session.qos2_published(5);
    let epoch = session.epoch();
    session.connected(true, &[], false, now);
    assert_eq!(session.qos2_published(5), Qos2::Wait);
    session.connected(false, &[], false, now);
    assert_eq!(session.qos2_published(5), Qos2::New);
    assert!(!session.qos2_handled(5, epoch), "that was another message 5");
    assert!(session.qos2_handled(5, session.epoch()));
}

#[test]
fn qos2_memory_is_bounded() {
    let (mut session, _) = session();
    for id in 1..=2000 {
        assert_eq!(session.qos2_published(id), Qos2::New);
        assert!(session.inbound2.len() <= MAX_INBOUND_QOS2);
    }
}
