// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done with the events of devices. Those that have come meanwhile are one transaction; when that is committed the
//! answers go out, and the acknowledgements: what a device has seen acknowledged is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::aliyun::offers::{Effects, Offers};
use crate::aliyun::service::{self, Action};
use crate::broker::Event;
use crate::broker::hub::Done;
use crate::data::model::DeviceKey;
use crate::onenet;
use crate::onenet::tasks::Tasks;
use crate::rollout::scheduler::Scheduler;
use crate::web::talk::Way;
use crate::{Failure, note};

/// Events in one transaction.
const BATCH: usize = 256;
/// How often jobs are looked after without an event.
const TICK: Duration = Duration::from_millis(500);

/// Feeds events to the platforms and carries out what they decide.
#[derive(Clone)]
pub struct Engine {
    /// Offers.
    pub offers: Arc<Offers>,
    /// OneNET's tasks.
    pub tasks: Arc<Tasks>,
    /// Jobs.
    pub scheduler: Arc<Scheduler>,
}

/// A device, or one of its modules.
type Part = (DeviceKey, Option<String>);

impl Engine {
    /// Runs until nobody sends events any more.
    pub async fn run(self, mut events: mpsc::Receiver<Event>) {
        // The devices that are given time to settle, each with its last report.
        let mut waiting: HashMap<Part, Instant> = HashMap::new();
        let (settled, mut due) = mpsc::unbounded_channel::<(Part, Instant)>();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut batch = Vec::new();
            let mut ready = Vec::new();
            tokio::select! {
                n = events.recv_many(&mut batch, BATCH) => if n == 0 { return },
                Some((part, report)) = due.recv() => {
                    // A later report starts the wait again, and may have been of the new version already.
                    if waiting.get(&part) == Some(&report) {
                        waiting.remove(&part);
                        ready.push((part, report));
                    }
                }
                _ = ticks.tick() => {}
            }
            let engine = self.clone();
            // The database may make it wait.
            let Ok(reported) = tokio::task::spawn_blocking(move || engine.work(batch, &ready)).await else {
                note("the engine ended unexpectedly");
                return;
            };
            for part in reported {
                let report = Instant::now();
                waiting.insert(part.clone(), report);
                let (settled, settle) = (settled.clone(), self.offers.settle);
                tokio::spawn(async move {
                    tokio::time::sleep(settle).await;
                    // Without a receiver the process is ending.
                    let _ = settled.send((part, report));
                });
            }
        }
    }

    /// One transaction; gives what has reported its version.
    fn work(&self, mut events: Vec<Event>, ready: &[(Part, Instant)]) -> Vec<Part> {
        let (mut effects, mut reported) = (Effects::default(), Vec::new());
        // Taken out first: where not even a transaction can begin, their senders are to know it too.
        let acknowledged: Vec<Done> = events.iter_mut().filter_map(done_of).collect();
        let messages = Messages::of(&events);
        let done = self.offers.store.batch(|| {
            for event in events {
                match event {
                    Event::SignedIn(device) => {
                        self.part(&device, &mut effects, |_| self.offers.store.note_sign_in(&device));
                    }
                    Event::Listening { device, connection } => self
                        .part(&device, &mut effects, |out| self.offers.listening(&device, connection, out)),
                    Event::Message { topic, payload, .. } => {
                        self.offers.talk.note(Way::Up, &topic, &payload);
                        self.part(&topic, &mut effects, |out| {
                            self.message(&topic, &payload, out, &mut reported)
                        });
                    }
                }
            }
            for ((key, module), report) in ready {
                self.part(key, &mut effects, |out| self.offers.settled(key, module.as_deref(), *report, out));
            }
            self.part(&"jobs", &mut effects, |out| self.scheduler.tick(out));
            Ok(())
        });
        match done {
            Ok(()) => {
                self.offers.send(effects);
                acknowledged.into_iter().for_each(|done| done.send());
            }
            Err(failure) => {
                self.offers.retract(effects);
                // They have not seen an acknowledgement: they connect and send again.
                match messages {
                    Some(messages) => note(format_args!("{messages} not kept: {failure}")),
                    None => note(format_args!("jobs: {failure}")),
                }
                acknowledged.into_iter().for_each(|done| done.fail());
                // What was due now is due again later.
                reported = ready.iter().map(|(part, _)| part.clone()).collect();
            }
        }
        reported
    }

    /// A part of the transaction that fails alone. Where the database is lost, the commit fails.
    fn part(
        &self,
        what: &dyn std::fmt::Display,
        effects: &mut Effects,
        work: impl FnOnce(&mut Effects) -> Result<(), Failure>,
    ) {
        let mut own = Effects::default();
        match self.offers.store.batch(|| work(&mut own)) {
            Ok(()) => effects.append(own),
            Err(failure) => {
                self.offers.retract(own);
                note(format_args!("{what}: {failure}"));
            }
        }
    }

    fn message(
        &self,
        topic: &str,
        payload: &[u8],
        out: &mut Effects,
        reported: &mut Vec<Part>,
    ) -> Result<(), Failure> {
        if let Some(key) = onenet::parse_reply_topic(topic) {
            return self.tasks.informed(&key, payload);
        }
        for action in service::handle(&self.offers.store, &self.offers.urls, topic, payload)? {
            match action {
                Action::Publish(message) => out.answer(message),
                Action::OfferSoon(key, module) => reported.push((key, module)),
                Action::Answered(key, id) => self.offers.asked(&key, id, false),
                Action::AnsweredConfig(key, id) => {
                    self.offers.asked(&key, id, true);
                    self.offers.progress(id);
                }
                Action::Progress(id) => self.offers.progress(id),
            }
        }
        Ok(())
    }
}

fn done_of(event: &mut Event) -> Option<Done> {
    match event {
        Event::Message { done, .. } => done.take(),
        Event::SignedIn(_) | Event::Listening { .. } => None,
    }
}

/// The messages of a batch, as a line of the log names them.
struct Messages(Vec<String>);

impl Messages {
    /// Topics that are named; the rest is counted.
    const NAMED: usize = 5;

    fn of(events: &[Event]) -> Option<Self> {
        let topics: Vec<String> = events
            .iter()
            .filter_map(|event| match event {
                Event::Message { topic, .. } => Some(topic.chars().take(200).collect()),
                Event::SignedIn(_) | Event::Listening { .. } => None,
            })
            .collect();
        (!topics.is_empty()).then_some(Self(topics))
    }
}

impl std::fmt::Display for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<&str> = self.0.iter().take(Self::NAMED).map(String::as_str).collect();
        write!(f, "{}", named.join(", "))?;
        match self.0.len().saturating_sub(named.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(n: usize) -> Option<String> {
        let event = |n| Event::Message { topic: format!("/t/{n}"), payload: bytes::Bytes::new(), done: None };
        Messages::of(&(0..n).map(event).collect::<Vec<Event>>()).map(|messages| messages.to_string())
    }

    #[test]
    fn messages_that_were_not_kept_are_named() {
        assert_eq!(named(0), None);
        assert_eq!(named(1).unwrap(), "/t/0");
        assert_eq!(named(5).unwrap(), "/t/0, /t/1, /t/2, /t/3, /t/4");
        assert_eq!(named(7).unwrap(), "/t/0, /t/1, /t/2, /t/3, /t/4 and 2 more");
    }
}
