// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handle through which the application uses the connection.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::net::NetError;
use parking_lot::MutexGuard;

use super::clock;
use super::dispatch;
use super::encode;
use super::error::{ConnectError, MqttError};
use super::event::{Handler, Subscription};
use super::io;
use super::life::Life;
use super::options::Options;
use super::session::Request;
use super::shared::{Answer, Phase, Shared, State, known_qos};
use super::topic;
use crate::log;
use crate::net::Dial;
use crate::thread;

/// What [`Client::yield_for`] takes a duration of zero for.
const SHORTEST_YIELD: Duration = Duration::from_millis(10);
/// How long the end of the I/O thread is waited for beyond the time that it was given.
const JOIN_SLACK: Duration = Duration::from_millis(100);
/// Time for the goodbye when a client is dropped without [`Client::disconnect`].
const DROP_GRACE: Duration = Duration::from_millis(200);
/// First pause before a refused subscription is asked for again; each is twice as long as the one before.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// A connected client. Clones are the same client; calls are allowed from any thread. When the last clone goes,
/// the connection ends.
#[derive(Clone)]
pub struct Client {
    owner: Arc<Owner>,
}

struct Owner {
    life: Life,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("client_id", &self.options().client_id).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and signs in; `early` are subscribed first, before anything can be published. Subscriptions with an
    /// invalid filter are left out.
    ///
    /// Blocks: up to 3 attempts, 1 s apart, each at most 10 s for the transport and `request_timeout` for the
    /// answer. A refusal by the server, or a certificate that is not trusted, ends it at once.
    pub fn connect(
        dial: Arc<dyn Dial>,
        options: Options,
        default_handler: Option<Arc<dyn Handler>>,
        mut early: Vec<Subscription>,
    ) -> Result<Self, ConnectError> {
        early.retain(|subscription| {
            let valid = topic::valid_filter(&subscription.filter);
            if !valid {
                log!(Warning, "mqtt", "subscription with an invalid filter left out");
            }
            valid
        });
        let answer = options.request_timeout.saturating_mul(2);
        let attempt = answer.saturating_add(io::DIAL_TIMEOUT + io::FIRST_PAUSE);
        let deadline = clock::deadline(attempt.saturating_mul(io::FIRST_ATTEMPTS));
        let shared = Arc::new(Shared::new(options, default_handler, early));
        let life = Life::start(shared, dial).map_err(|error| {
            log!(Error, "mqtt", "no thread for the connection: {error}");
            ConnectError::Resources
        })?;
        let owner = Arc::new(Owner { life });
        let shared = owner.life.shared();
        let mut state = shared.lock();
        while state.phase == Phase::Starting {
            if shared.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        let phase = state.phase;
        drop(state);
        match phase {
            Phase::Failed(error) => Err(error),
            // A firmware's HAL call does not return. Dropping the owner lets the thread end itself later.
            Phase::Starting => {
                let target = &shared.options.target;
                log!(Error, "mqtt", "{target}: the HAL's network call does not return; given up");
                Err(ConnectError::Net(NetError::Timeout))
            }
            Phase::Ended => Err(ConnectError::Net(NetError::Broken)),
            Phase::Up | Phase::Down => Ok(Self { owner }),
        }
    }

    /// What the client was made from.
    pub fn options(&self) -> &Options {
        &self.shared().options
    }

    /// Whether there is a connection now, with every filter that was granted once.
    pub fn is_connected(&self) -> bool {
        self.shared().lock().is_whole()
    }

    /// Sends a message. Returns its packet id, 0 with QoS 0. `Ok` means encoded and queued in order.
    ///
    /// Waits only while too much is queued already, at most `Options::request_timeout`, then
    /// [`MqttError::Network`].
    pub fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<u16, MqttError> {
        self.publish_within(self.options().request_timeout, topic, qos, false, payload)
    }

    /// As [`Client::publish`]; the server keeps the message for whoever subscribes later.
    pub fn publish_retained(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<u16, MqttError> {
        self.publish_within(self.options().request_timeout, topic, qos, true, payload)
    }

    /// As [`Client::publish`], but [`MqttError::Network`] at once when too much is queued already.
    pub fn try_publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<u16, MqttError> {
        self.publish_within(Duration::ZERO, topic, qos, false, payload)
    }

    fn publish_within(
        &self,
        wait: Duration,
        topic: &str,
        qos: u8,
        retain: bool,
        payload: &[u8],
    ) -> Result<u16, MqttError> {
        if !topic::valid_topic(topic) {
            return Err(MqttError::InvalidTopic);
        }
        if qos > 1 {
            return Err(MqttError::Qos);
        }
        let len = encode::publish_len(topic, qos, payload);
        let may = |state: &State| qos == 0 || state.session.may_publish();
        self.with_room(wait, len, may)?.send_publish(topic, qos, retain, payload).inspect(|_| self.wake_io())
    }

    /// Subscribes without waiting for the answer. Returns the packet id that the answer's event will carry.
    ///
    /// `handler` gets the messages from now on. The same handler again on the same filter stays one; different
    /// ones all get the message, in the order of subscription. A QoS above 2 counts as 0. Waits as
    /// [`Client::publish`] does.
    pub fn subscribe(&self, filter: &str, qos: u8, handler: Arc<dyn Handler>) -> Result<u16, MqttError> {
        self.send_subscribe(filter, qos, handler, None)
    }

    /// As [`Client::subscribe`], for a subscription that has to come about: without a link it is kept, and asked for once
    /// there is one.
    pub fn subscribe_lasting(
        &self,
        filter: &str,
        qos: u8,
        handler: Arc<dyn Handler>,
    ) -> Result<(), MqttError> {
        let error = match self.send_subscribe(filter, qos, Arc::clone(&handler), None) {
            Ok(_) => return Ok(()),
            Err(error @ (MqttError::NotConnected | MqttError::Network)) => error,
            Err(error) => return Err(error),
        };
        let mut state = self.shared().lock();
        state.check_open()?;
        let up = state.phase == Phase::Up;
        if up && error == MqttError::Network {
            return Err(error);
        }
        state.add_handler(filter, known_qos(qos), handler);
        if up {
            // The link came back at this moment, and did not know of the filter.
            state
                .send_request(Request::Subscribe { filter: filter.to_owned(), qos: known_qos(qos) }, true)?;
            drop(state);
            self.wake_io();
        }
        Ok(())
    }

    /// Subscribes and waits for the answer, at most `timeout`; nobody needs to yield meanwhile. Asks again, less and
    /// less often, when the server refuses, until the time is over. Inside a handler it is [`Client::subscribe`].
    pub fn subscribe_sync(
        &self,
        filter: &str,
        qos: u8,
        handler: Arc<dyn Handler>,
        timeout: Duration,
    ) -> Result<u16, MqttError> {
        if self.in_handler() {
            return self.subscribe(filter, qos, handler);
        }
        let deadline = clock::deadline(timeout);
        let mut id = self.send_subscribe(filter, qos, Arc::clone(&handler), Some(deadline))?;
        let mut pause = REFUSED_PAUSE;
        loop {
            match self.wait_for_answer(id, deadline)? {
                Answer::Granted => return Ok(id),
                Answer::Refused | Answer::Overdue => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            self.shared().cancel.sleep(pause.min(left));
            pause = pause.saturating_mul(2);
            if Instant::now() >= deadline {
                return Err(MqttError::Timeout);
            }
            match self.send_subscribe(filter, qos, Arc::clone(&handler), Some(deadline)) {
                Ok(next) => id = next,
                Err(MqttError::NotConnected | MqttError::Network | MqttError::QueueFull) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes all handlers of exactly this filter, also when there is no connection now, and unsubscribes.
    /// Returns the packet id that the answer's event will carry. Waits as [`Client::publish`] does.
    ///
    /// A handler that runs in another thread at this moment is not waited for.
    pub fn unsubscribe(&self, filter: &str) -> Result<u16, MqttError> {
        if !topic::valid_filter(filter) {
            return Err(MqttError::InvalidTopic);
        }
        let mut state = self.shared().lock();
        state.check_open()?;
        let removed = state.registry.remove(filter);
        state.forget_unwanted();
        drop(state);
        drop(removed);
        self.send_unsubscribe(filter)
    }

    /// Removes one handler of exactly this filter, and unsubscribes if it was the last one; `Ok` also when there is
    /// no connection now. Waits as [`Client::publish`] does.
    pub fn remove_handler(&self, filter: &str, handler: &dyn Handler) -> Result<(), MqttError> {
        let mut state = self.shared().lock();
        state.check_open()?;
        let (removed, last) = state.registry.remove_one(filter, handler);
        state.forget_unwanted();
        drop(state);
        drop(removed);
        match last.then(|| self.send_unsubscribe(filter)) {
            None | Some(Ok(_) | Err(MqttError::NotConnected)) => Ok(()),
            Some(Err(error)) => Err(error),
        }
    }

    /// Runs handlers for the events that are there and that come, for the whole `duration` (zero: 10 ms). Longer
    /// only by the time that handlers take. Several threads may yield: one handler runs at a time.
    ///
    /// Inside a handler: [`MqttError::Reentrant`], at once.
    pub fn yield_for(&self, duration: Duration) -> Result<(), MqttError> {
        self.yield_while(duration, &|| true)
    }

    /// As [`Client::yield_for`], and returns early once `more` says that no further event can be taken; it is asked
    /// before each one, with no lock held.
    pub fn yield_while(&self, duration: Duration, more: &dyn Fn() -> bool) -> Result<(), MqttError> {
        let duration = if duration.is_zero() { SHORTEST_YIELD } else { duration };
        let deadline = clock::deadline(duration);
        let me = thread::id();
        let shared = self.shared();
        if !more() {
            return shared.lock().check_open();
        }
        let mut state = shared.lock();
        loop {
            if state.dispatcher == Some(me) {
                if thread::depth() < state.dispatch_depth {
                    let told = std::mem::replace(&mut state.told_reentrant, true);
                    drop(state);
                    if !told {
                        log!(
                            Warning,
                            "mqtt",
                            "yield refused: it is called inside a handler of this client. If a handler was left by \
                             longjmp, end this client and make another"
                        );
                    }
                    return Err(MqttError::Reentrant);
                }
                // The handler's frame is gone: the program has left it by longjmp.
                state.dispatcher = None;
            }
            state.check_open()?;
            let next = if state.dispatcher.is_none() { state.inbox.pop() } else { None };
            if let Some(incoming) = next {
                state.dispatcher = Some(me);
                state.dispatch_depth = thread::depth();
                drop(state);
                dispatch::run(shared, &incoming);
                let full = !more();
                state = shared.lock();
                if !full && Instant::now() < deadline {
                    continue;
                }
            } else if !shared.events.wait_until(&mut state, deadline).timed_out() {
                continue;
            }
            return state.check_open();
        }
    }

    /// Whether anything can still come: not once it was ended, for good or in the parent of this process.
    pub fn is_open(&self) -> bool {
        self.shared().lock().check_open().is_ok()
    }

    /// Ends the connection: what is queued is sent within `grace`, then DISCONNECT. All handlers are forgotten, and
    /// every later call fails with [`MqttError::Closed`]. Allowed inside a handler. Once it has returned no handler runs
    /// any more, except for the one that it was called in: a handler that runs in another thread is waited for.
    ///
    /// Takes at most `grace` and 0.2 s beside that; a firmware's network call that does not return is left behind in its
    /// thread, which ends once it does.
    pub fn disconnect(&self, grace: Duration) {
        self.owner.close(grace);
    }

    fn shared(&self) -> &Shared {
        self.owner.life.shared()
    }

    fn wake_io(&self) {
        self.shared().io.notify_all();
    }

    fn in_handler(&self) -> bool {
        self.shared().lock().dispatcher == Some(thread::id())
    }

    /// Waits until a packet of `len` bytes may be queued, at most `wait`, and returns with the lock held.
    fn with_room(
        &self,
        wait: Duration,
        len: usize,
        may: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, MqttError> {
        let shared = self.shared();
        let deadline = clock::deadline(wait);
        let mut state = shared.lock();
        state.check_up()?;
        if len > shared.options.max_packet_out {
            return Err(MqttError::TooLarge);
        }
        loop {
            if !may(&state) {
                return Err(MqttError::QueueFull);
            }
            if state.out.has_room(len, shared.options.out_bound()) {
                return Ok(state);
            }
            let late = shared.changed.wait_until(&mut state, deadline).timed_out();
            state.check_open()?;
            if late || state.phase != Phase::Up {
                return Err(MqttError::Network);
            }
        }
    }

    fn send_subscribe(
        &self,
        filter: &str,
        qos: u8,
        handler: Arc<dyn Handler>,
        wait: Option<Instant>,
    ) -> Result<u16, MqttError> {
        if !topic::valid_filter(filter) {
            return Err(MqttError::InvalidTopic);
        }
        if qos > 2 {
            log!(Warning, "mqtt", "subscription with QoS {qos}: taken for 0");
        }
        let qos = known_qos(qos);
        // Who waits for the answer waits for room no longer than that.
        let left = wait.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limit = left.unwrap_or(Duration::MAX).min(self.options().request_timeout);
        // Type, length, packet id, filter, QoS.
        let mut state = self.with_room(limit, filter.len() + 8, |state| state.session.may_request())?;
        // First the handler: what the server sends at once must find it.
        state.add_handler(filter, qos, handler);
        let id = state.send_request(Request::Subscribe { filter: filter.to_owned(), qos }, false)?;
        if wait.is_some() {
            state.waits.push((id, None));
        }
        drop(state);
        self.wake_io();
        Ok(id)
    }

    fn send_unsubscribe(&self, filter: &str) -> Result<u16, MqttError> {
        let request = Request::Unsubscribe { filter: filter.to_owned() };
        let limit = self.options().request_timeout;
        match self.with_room(limit, filter.len() + 7, |state| state.session.may_request()) {
            Ok(mut state) => state.send_request(request, false).inspect(|_| self.wake_io()),
            Err(MqttError::NotConnected) => {
                // The server may remember the subscription: it is told once there is a connection.
                let mut state = self.shared().lock();
                if !self.options().clean_session {
                    state.session.request_later(request, Instant::now());
                }
                Err(MqttError::NotConnected)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the answer to the subscription `id`, and forgets about it.
    fn wait_for_answer(&self, id: u16, deadline: Instant) -> Result<Answer, MqttError> {
        let shared = self.shared();
        let mut state = shared.lock();
        let result = loop {
            if let Some((_, Some(answer))) = state.waits.iter().find(|(waiting, _)| *waiting == id) {
                break Ok(*answer);
            }
            if let Err(error) = state.check_open() {
                break Err(error);
            }
            if shared.changed.wait_until(&mut state, deadline).timed_out() {
                break Err(MqttError::Timeout);
            }
        };
        state.waits.retain(|(waiting, _)| *waiting != id);
        result
    }
}

impl Owner {
    fn close(&self, grace: Duration) {
        if !self.life.is_here() {
            // The connection is another process's: nothing of it ends here.
            return;
        }
        let shared = self.life.shared();
        let deadline = clock::deadline(grace);
        let mut state = shared.lock();
        if state.closing.is_none() {
            state.closing = Some(deadline);
        }
        // Handlers are the caller's: they go without a lock.
        let forgotten = (
            std::mem::take(&mut state.registry),
            state.default_handler.take(),
            std::mem::take(&mut state.inbox),
        );
        let connected = state.phase == Phase::Up;
        drop(state);
        drop(forgotten);
        shared.wake_all();
        if connected {
            self.wait_for_end(deadline.checked_add(JOIN_SLACK).unwrap_or(deadline));
        }
        shared.cancel.cancel();
        shared.wake_all();
        let over = self.wait_for_end(Instant::now() + JOIN_SLACK);
        let thread = self.life.take_thread();
        if let Some(thread) = thread.filter(|thread| over && !thread::is_current(thread)) {
            // It has said that it ends; a panic in it was reported by the panic hook.
            let _ = thread.join();
        }
        self.wait_for_handler();
    }

    /// Waits for the handler that another thread runs. None is begun any more.
    fn wait_for_handler(&self) {
        let me = thread::id();
        let shared = self.life.shared();
        let mut state = shared.lock();
        while state.dispatcher.is_some_and(|running| running != me) {
            shared.events.wait(&mut state);
        }
    }

    /// Waits for the I/O thread. Whether it has ended.
    fn wait_for_end(&self, deadline: Instant) -> bool {
        let shared = self.life.shared();
        let mut state = shared.lock();
        while !state.is_over() {
            if shared.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.is_over()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close(DROP_GRACE);
    }
}
