// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud orders, in whatever order it comes: the device ends with what the cloud stands by.
//!
//! ```text
//! offer ──► of the image at hand ──► known (a fresh URL at most)
//!       ──► nothing at hand, or one of its kind of which no byte was handed out ──► taken, in place of the older one
//!       ──► any other is at hand, or the application has not seen its end ──► waits; only the newest does
//! ```
//!
//! A firmware that waits is taken once the application has seen how the download before it ended. A configuration does
//! not wait: its push is answered with 400, and the cloud sends it again.

use std::time::{Duration, Instant};

use otakit_core::failure::Failure;
use otakit_core::offer::Offer;
use otakit_core::phase::Phase;
use otakit_core::platform::aliyun::topics::Topic;
use otakit_core::platform::aliyun::{Refusal, config, module};

use super::told::Told;
use super::{Content, Ota, OtaError, State};

/// The step that says that an update failed.
const FAILED: i32 = -1;

/// How long after a question of the library's own an offer of the image at hand is its answer: as long as it is waited for.
/// What comes later is an order.
const ANSWERED_WITHIN: Duration = super::renewal::ANSWER;

/// What the application knows, and what waits.
#[derive(Default)]
pub struct Orders {
    /// The newest firmware that came during a download.
    waiting: Option<Content>,
    /// Whether the application was told that the last download has ended.
    seen: bool,
    /// Whether it was told the verdict too.
    judged: bool,
    /// When the library itself asked, and for which image, once for each question without an answer.
    asked: Vec<(Instant, Content)>,
    /// The newest answer that came when nobody waited for it any more: the next question has it already.
    late: Option<Content>,
}

impl Orders {
    /// The library itself asks for the image at hand, for a fresh URL.
    pub fn asked(&mut self, now: Instant, about: Option<Content>) {
        self.forget_old_questions(now);
        self.asked.extend(about.map(|about| (now, about)));
    }

    fn forget_old_questions(&mut self, now: Instant) {
        self.asked.retain(|(asked, _)| now.saturating_duration_since(*asked) < ANSWERED_WITHIN);
    }

    /// The question with this time could not be put.
    pub fn not_asked(&mut self, now: Instant) {
        self.asked.retain(|(asked, _)| *asked != now);
    }

    /// What is known of an image whose URL has expired: an answer that came too late for the question before, else the
    /// offer that the cloud made once more in the midst of the download.
    pub fn take_fresh(&mut self, expired: &Offer) -> Option<Content> {
        let again = self.waiting.as_ref().filter(|content| {
            let offer = offer_of(content);
            offer.url != expired.url && offer.kind == expired.kind && expired.is_same_image(offer)
        });
        self.late.take().or_else(|| again.cloned())
    }

    /// The application asks: what is offered from now on may be its answer.
    pub fn asked_by_application(&mut self) {
        self.asked.clear();
    }

    /// Whether this answers a question of the library's own: one about the same image. Each question has one answer.
    fn is_answer(&mut self, now: Instant, answer: &Content) -> bool {
        self.forget_old_questions(now);
        let asked = self.asked.iter().position(|(_, about)| is_renewed(about, answer));
        asked.is_some_and(|index| {
            self.asked.remove(index);
            true
        })
    }

    /// The application was told the verdict.
    pub fn judged(&mut self) {
        (self.seen, self.judged) = (true, true);
    }

    /// Whether the application is through with a download that ended with this verdict: another may begin unasked.
    fn is_through(&self, verdict: Option<bool>) -> bool {
        self.judged || (self.seen && verdict == Some(false))
    }
}

impl State {
    /// The library itself asks for the image at hand.
    pub(super) fn asked(&mut self, now: Instant) {
        let about = self.content.clone();
        self.orders.asked(now, about);
    }

    /// What waits, unless it is what the last download, which ended with this verdict, has brought.
    fn next(&mut self, verdict: Option<bool>) -> Option<Content> {
        let waiting = self.orders.waiting.take()?;
        let done = verdict == Some(true) && self.content.as_ref().is_some_and(|last| is_same(last, &waiting));
        (!done).then_some(waiting)
    }
}

/// What becomes of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is what the device is at already.
    Known,
    Take,
    Wait,
    Refuse,
}

/// `same`: the offer is of the image at hand, which is not known to be wrong; `begun`: bytes of that one were handed out, or
/// it is of another kind;
/// `seen`: the application knows that it has ended.
fn fate(phase: Phase, same: bool, begun: bool, seen: bool, firmware: bool) -> Fate {
    match phase {
        Phase::Fetching if same => Fate::Known,
        Phase::Finished if same && !seen => Fate::Known,
        Phase::Fetching if begun && firmware => Fate::Wait,
        Phase::Fetching if begun => Fate::Refuse,
        Phase::Finished if !seen && firmware => Fate::Wait,
        Phase::Finished if !seen => Fate::Refuse,
        Phase::Idle | Phase::Fetching | Phase::Finished => Fate::Take,
    }
}

fn offer_of(content: &Content) -> &Offer {
    match content {
        Content::Firmware(firmware) => &firmware.offer,
        Content::Config(config) => &config.offer,
    }
}

fn is_firmware(content: &Content) -> bool {
    matches!(content, Content::Firmware(_))
}

fn is_same(one: &Content, other: &Content) -> bool {
    let (one, other) = (offer_of(one), offer_of(other));
    one.kind == other.kind && one.is_same_image(other)
}

/// Whether the answer to a question for a fresh URL is about the image at hand: the same rule as the download's own, so that
/// what gives it its URL is no order as well.
fn is_renewed(at_hand: &Content, answer: &Content) -> bool {
    let (at_hand, answer) = (offer_of(at_hand), offer_of(answer));
    at_hand.kind == answer.kind && at_hand.is_renewed_by(answer)
}

impl Ota {
    pub(super) fn receive(&self, topic: Topic, payload: &[u8]) {
        // The link is there. What is to be told of the download at hand is told before another takes its place.
        self.settle(true);
        let decoded = match topic {
            // The device's own requests come back on this topic from brokers that echo.
            Topic::Request if !contains(payload, b"\"data\"") => Err(Refusal::Nothing),
            Topic::Request | Topic::Upgrade => {
                module::decode_own(payload, self.takes_deltas()).map(Content::Firmware)
            }
            Topic::ConfigGetReply => config::decode_reply(payload).map(Content::Config),
            Topic::ConfigPush => config::decode_push(payload).map(Content::Config),
            Topic::FirmwareGetReply => {
                module::decode_own_get_reply(payload, self.takes_deltas()).map(Content::Firmware)
            }
            _ => Err(Refusal::Nothing),
        };
        let taken = match decoded {
            Ok(content) => self.ordered(topic, content),
            Err(Refusal::Nothing) => return,
            Err(refusal) => {
                crate::log!(Warning, "ota", "{}: message refused: {refusal}", self.device);
                self.note(OtaError::Invalid);
                // An answer that cannot be used, in a download, does not end it.
                let orders = topic == Topic::Upgrade
                    || (matches!(topic, Topic::Request | Topic::FirmwareGetReply) && !self.is_fetching());
                if orders && refusal.is_answered() {
                    let _ = self.report_progress(FAILED, &refusal.to_string());
                }
                false
            }
        };
        if topic == Topic::ConfigPush {
            let reply = config::encode_push_reply(&config::push_id(payload), if taken { 200 } else { 400 });
            let _ = self.send(Topic::ConfigPushReply, 0, &reply);
        }
    }

    /// Whether the content is of use, now or later.
    fn ordered(&self, topic: Topic, content: Content) -> bool {
        if self.is_outdated(topic, &content) {
            let (device, version) = (&self.device, &offer_of(&content).version);
            crate::log!(
                Warning,
                "ota",
                "{device}: late answer with {version} dropped: the platform has ordered another one since"
            );
            return true;
        }
        let answer = topic != Topic::ConfigPush && self.is_own_answer(topic, &content);
        let pushed = topic == Topic::Upgrade && !answer;
        match self.answer_renewal(topic, content, pushed) {
            // The update goes on with it, or has ended and stays as it is until the cloud orders again.
            Some(content) if answer => self.state.lock().orders.late = Some(content),
            Some(content) => return self.take(content, pushed),
            None => {}
        }
        true
    }

    /// Whether the offer answers what the library itself asked: then it is no order. Platforms answer on the topic of
    /// their pushes too. An answer that offers another image is an order.
    fn is_own_answer(&self, topic: Topic, content: &Content) -> bool {
        let mut state = self.state.lock();
        let Some(current) = state.content.clone() else { return false };
        if is_renewed(&current, content) {
            return state.orders.is_answer(Instant::now(), content);
        }
        if topic != Topic::Upgrade && offer_of(content).kind == offer_of(&current).kind {
            let _ = state.orders.is_answer(Instant::now(), &current);
        }
        false
    }

    /// Whether this answers a question about an image that has given way to a newer order meanwhile: what was true when the
    /// platform answered is so no longer. (On the topic of pushes it may be an order.)
    fn is_outdated(&self, topic: Topic, content: &Content) -> bool {
        let mut state = self.state.lock();
        let gave_way = state.content.as_ref().is_some_and(|at_hand| !is_renewed(at_hand, content));
        let answers = matches!(topic, Topic::Request | Topic::FirmwareGetReply);
        gave_way && answers && state.orders.is_answer(Instant::now(), content)
    }

    /// Hands an offer to the download that waits for a fresh URL, when it is about the image at hand; gives it back when
    /// not. An answer that offers another image ends that download, and is an order of its own.
    fn answer_renewal(&self, topic: Topic, content: Content, pushed: bool) -> Option<Content> {
        let Some(current) = self.state.lock().content.clone() else { return Some(content) };
        let same = is_same(&current, &content) || (!pushed && is_renewed(&current, &content));
        let kind = offer_of(&current).kind;
        let answer = matches!(topic, Topic::Request | Topic::FirmwareGetReply | Topic::ConfigGetReply);
        if same && self.session.phase() == Phase::Fetching {
            let left = self.renewals.deliver(content.clone());
            if left.is_none() {
                self.confirm(content, pushed);
            }
            return left;
        }
        if answer && offer_of(&content).kind == kind {
            drop(self.renewals.deliver(content.clone()));
        }
        Some(content)
    }

    /// The cloud stands by the image at hand, not by one that came in between. Where it says so unasked, that is an order:
    /// should the download be lost already, it is made again.
    fn confirm(&self, content: Content, pushed: bool) {
        let at_hand = offer_of(&content).version.clone();
        let before = {
            let waiting = &mut self.state.lock().orders.waiting;
            let before = waiting.take().filter(|before| !is_same(before, &content));
            *waiting = Some(content).filter(|_| pushed);
            before
        };
        if let Some(before) = before {
            let (device, version) = (&self.device, &offer_of(&before).version);
            crate::log!(
                Warning,
                "ota",
                "{device}: offer {version} no longer waits: the platform stands by {at_hand}"
            );
        }
    }

    fn take(&self, content: Content, pushed: bool) -> bool {
        let offer = offer_of(&content).clone();
        let (version, size) = (&offer.version, offer.size);
        let (fate, failure) = self.decide(content, pushed);
        // Only now, with no lock held: a firmware's log output may call back into the library.
        let device = &self.device;
        match fate {
            Fate::Known => crate::log!(Info, "ota", "{device}: offer {version} is the one at hand"),
            Fate::Wait => {
                crate::log!(Warning, "ota", "{device}: offer {version} waits for the end of a download")
            }
            Fate::Take => {
                crate::log!(Info, "ota", "{device}: offer {version}, {size} bytes");
                self.call_hook(false);
            }
            Fate::Refuse => {
                let failure = failure.unwrap_or(Failure::State);
                let words = self.session.refusal(&offer, &failure);
                crate::log!(Warning, "ota", "{device}: offer {version} ignored: {words}");
                if matches!(failure, Failure::Policy(_)) {
                    let _ = self.report_progress(FAILED, &format!("offer {version} refused: {failure}"));
                }
            }
        }
        fate != Fate::Refuse
    }

    fn decide(&self, content: Content, pushed: bool) -> (Fate, Option<Failure>) {
        let mut state = self.state.lock();
        let firmware = is_firmware(&content);
        let phase = self.session.phase();
        let open = phase == Phase::Fetching || self.session.verdict() == Some(true);
        let same = open && state.content.as_ref().is_some_and(|current| is_same(current, &content));
        // An order of one kind never takes the place of one of the other.
        let kind = state.content.as_ref().is_some_and(|at_hand| is_firmware(at_hand) == firmware);
        let begun = !kind || self.session.progress().is_some_and(|(fetched, _)| fetched > 0);
        let mut fate = fate(phase, same, begun, state.orders.seen, firmware);
        let mut failure = None;
        if fate == Fate::Take || (fate == Fate::Known && phase == Phase::Fetching && !begun) {
            match self.session.offer_newer(offer_of(&content).clone()) {
                Ok(()) if fate == Fate::Known => state.content = Some(content.clone()),
                Ok(()) => {
                    state.content = Some(content);
                    // A firmware that waits goes on waiting while a configuration is fetched.
                    let waiting = state.orders.waiting.take().filter(|_| !firmware);
                    // What was asked about the one before may be answered yet.
                    let asked = std::mem::take(&mut state.orders.asked);
                    (state.told, state.orders) =
                        (Told::default(), Orders { waiting, asked, ..Orders::default() });
                    return (fate, None);
                }
                // Its first bytes were read at this moment.
                Err(Failure::State) if fate == Fate::Known => {}
                Err(Failure::State) => fate = if firmware { Fate::Wait } else { Fate::Refuse },
                Err(error) => (fate, failure) = (Fate::Refuse, Some(error)),
            }
        }
        match fate {
            Fate::Known => {
                state.orders.waiting =
                    Some(content).filter(|_| pushed && phase == Phase::Fetching && firmware);
            }
            Fate::Wait => state.orders.waiting = Some(content),
            Fate::Refuse => state.last_error = Some(failure.clone().unwrap_or(Failure::State).into()),
            Fate::Take => {}
        }
        (fate, failure)
    }

    /// Whether bytes are wanted, asked by an application that looks for an offer: a firmware that waits is taken now.
    /// The first time after a download it is not, for the question may be whether that goes on.
    pub fn is_offered(&self) -> bool {
        self.settle(false);
        if self.session.phase() == Phase::Finished {
            let verdict = self.session.verdict();
            let waiting = {
                let mut state = self.state.lock();
                let seen = std::mem::replace(&mut state.orders.seen, true);
                if seen { state.next(verdict) } else { None }
            };
            waiting.map(|content| self.take(content, true));
        }
        self.is_fetching()
    }

    /// Whether the last download has ended, asked by an application, which then knows it.
    pub fn has_ended(&self) -> bool {
        let ended = self.is_finished();
        if ended {
            self.state.lock().orders.seen = true;
        }
        ended
    }

    /// Takes the firmware that waits, if the application is through with the download before it: it knows the verdict,
    /// or that there was a failure.
    pub fn take_waiting(&self) {
        self.settle(true);
        if self.session.phase() != Phase::Finished {
            return;
        }
        let verdict = self.session.verdict();
        let waiting = {
            let mut state = self.state.lock();
            if state.orders.is_through(verdict) { state.next(verdict) } else { None }
        };
        waiting.map(|content| self.take(content, true));
    }

    /// The application was told how the download ended: what waits is taken.
    pub fn conclude(&self) {
        self.state.lock().orders.judged();
        self.take_waiting();
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_one_answer_for_a_while() {
        let payload = br#"{"message":"success","data":{"size":1,"version":"2","url":"http://h/","md5":"00000000000000000000000000000000"}}"#;
        let about = || module::decode_own(payload, false).ok().map(Content::Firmware);
        let answer = about().unwrap();
        let (mut orders, now) = (Orders::default(), Instant::now());
        assert!(!orders.is_answer(now, &answer));
        orders.asked(now, about());
        orders.asked(now, about());
        assert!(
            orders.is_answer(now, &answer)
                && orders.is_answer(now, &answer)
                && !orders.is_answer(now, &answer)
        );
        orders.asked(now, about());
        orders.asked(now + ANSWERED_WITHIN, about());
        assert_eq!(orders.asked.len(), 1, "what is too old is forgotten");
        assert!(!orders.is_answer(now + ANSWERED_WITHIN * 2, &answer));
        orders.asked(now, about());
        orders.not_asked(now);
        assert!(!orders.is_answer(now, &answer), "it did not go");
        orders.asked(now, about());
        orders.asked_by_application();
        assert!(!orders.is_answer(now, &answer));
    }

    #[test]
    fn each_offer_at_each_state() {
        let all = [false, true];
        for (same, begun) in all.into_iter().flat_map(|same| all.map(|begun| (same, begun))) {
            for (seen, firmware) in all.into_iter().flat_map(|seen| all.map(|firmware| (seen, firmware))) {
                let fate = |phase| fate(phase, same, begun, seen, firmware);
                let later = if firmware { Fate::Wait } else { Fate::Refuse };
                assert_eq!(fate(Phase::Idle), Fate::Take);
                let fetching = match (same, begun) {
                    (true, _) => Fate::Known,
                    (false, true) => later,
                    (false, false) => Fate::Take,
                };
                assert_eq!(fate(Phase::Fetching), fetching);
                let finished = match (seen, same) {
                    (true, _) => Fate::Take,
                    (false, true) => Fate::Known,
                    (false, false) => later,
                };
                assert_eq!(fate(Phase::Finished), finished);
            }
        }
    }
}
