// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, kept until the application asks: for programs that must not be called from threads they do not know.
//!
//! A pipe holds one byte exactly while the queue is not empty, so that its end can be waited for together with a
//! program's other descriptors.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;
use crate::hal::own::{self, Own};
use crate::thread::steady;

/// Events that wait before who brings them from outside has to stop; see [`Events::wait_for_room`].
const LIMIT: usize = 256;
/// How often a wait for room looks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(50);

/// Events in order; none is lost. All methods from any thread.
pub struct Events<T> {
    queue: Mutex<VecDeque<(T, bool)>>,
    arrived: Condvar,
    taken: Condvar,
    pipe: Option<(Own<PipeReader>, Own<PipeWriter>)>,
}

impl<T> Events<T> {
    /// An empty queue. Without descriptors left it works, but cannot be polled.
    pub fn new() -> Self {
        let pipe = own::pipe().inspect_err(|error| crate::log!(Error, "events", "{error}")).ok();
        Self { queue: Mutex::default(), arrived: Condvar::new(), taken: Condvar::new(), pipe }
    }

    /// The descriptor that is readable while events wait. `None`: there was none left, or the program has closed it.
    pub fn readable(&self) -> Option<&PipeReader> {
        self.pipe.as_ref().and_then(|(reader, _)| reader.get().ok())
    }

    /// Waits while too many events wait already, until `cancel` at most. To be called before [`Events::post`] by who
    /// hands on what others send, so that a peer that sends faster than the application takes has to wait. The outcome
    /// of what the application asked for is posted without: it must neither wait nor be lost.
    pub fn wait_for_room(&self, cancel: &CancellationToken) {
        while self.is_full() && !cancel.is_cancelled() {
            let mut queue = self.queue.lock();
            if queue.len() >= LIMIT {
                self.taken.wait_for(&mut queue, SLICE);
            }
        }
    }

    fn is_full(&self) -> bool {
        let _steady = steady();
        self.queue.lock().len() >= LIMIT
    }

    /// Appends. One that is `passing` (a percentage) gives way to the next passing one when nobody takes them.
    pub fn post(&self, event: T, passing: bool) {
        let _steady = steady();
        let mut queue = self.queue.lock();
        if passing && queue.len() > 1 && queue.back().is_some_and(|(_, passing)| *passing) {
            queue.pop_back();
        }
        queue.push_back((event, passing));
        if queue.len() == 1 {
            self.signal(|_, writer| writer.write_all(&[1]));
        }
        drop(queue);
        self.arrived.notify_all();
    }

    /// The oldest event, waited for at most `timeout`.
    pub fn take(&self, timeout: Duration) -> Option<T> {
        self.take_if(timeout, |_| Ok::<(), Infallible>(())).and_then(Result::ok)
    }

    /// The oldest event, waited for at most `timeout`, unless `fits` gives an error for it: then it stays where it is.
    pub fn take_if<E>(
        &self,
        timeout: Duration,
        fits: impl FnOnce(&T) -> Result<(), E>,
    ) -> Option<Result<T, E>> {
        let deadline = Instant::now().checked_add(timeout);
        let mut fits = Some(fits);
        loop {
            let change = steady();
            let mut queue = self.queue.lock();
            if let Some((event, _)) = queue.front() {
                if let Err(error) = fits.take()?(event) {
                    return Some(Err(error));
                }
                let (event, _) = queue.pop_front()?;
                if queue.is_empty() {
                    self.signal(|reader, _| reader.read_exact(&mut [0]));
                }
                drop(queue);
                self.taken.notify_all();
                return Some(Ok(event));
            }
            drop(change);
            match deadline {
                Some(deadline) if self.arrived.wait_until(&mut queue, deadline).timed_out() => {
                    // One may have come in the same instant.
                    if queue.is_empty() {
                        // A child of a fork has the same pipe, and may have put its byte there.
                        self.signal(|reader, _| reader.read(&mut [0]).map(drop));
                        return None;
                    }
                }
                Some(_) => {}
                None => self.arrived.wait(&mut queue),
            }
        }
    }

    /// Drops the passing events that wait.
    pub fn drop_passing(&self) {
        let _steady = steady();
        let mut queue = self.queue.lock();
        let any = !queue.is_empty();
        queue.retain(|(_, passing)| !*passing);
        if any && queue.is_empty() {
            self.signal(|reader, _| reader.read_exact(&mut [0]));
        }
    }

    /// The byte is there exactly when it should be, unless a child of a fork took it: neither end ever waits.
    fn signal(&self, act: impl FnOnce(&mut &PipeReader, &mut &PipeWriter) -> std::io::Result<()>) {
        let Some((reader, writer)) = &self.pipe else { return };
        let acted = reader.get().and_then(|mut reader| act(&mut reader, &mut writer.get()?));
        if let Err(error) = acted
            && error.kind() != ErrorKind::WouldBlock
        {
            crate::log!(Error, "events", "the descriptor of events tells nothing any more: {error}");
        }
    }
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_passing_ones_give_way() {
        let events = Events::new();
        events.post(0, false);
        for percent in 1..1000 {
            events.post(percent, true);
        }
        events.post(1000, false);
        let taken: Vec<_> = std::iter::from_fn(|| events.take(Duration::ZERO)).collect();
        assert_eq!(taken, [0, 999, 1000]);
        for number in 0..1000 {
            events.post(number, number % 2 == 1);
        }
        events.drop_passing();
        let taken: Vec<_> = std::iter::from_fn(|| events.take(Duration::ZERO)).collect();
        assert!(taken.iter().copied().eq((0..1000).step_by(2)), "none of the others is lost: {taken:?}");
        events.post(1, true);
        events.drop_passing();
        assert_eq!(events.take(Duration::from_millis(1)), None);
    }

    #[test]
    fn who_brings_too_many_waits_until_some_are_taken_or_it_is_cancelled() {
        let (events, cancel) = (Events::new(), CancellationToken::new());
        std::thread::scope(|scope| {
            let bringing = scope.spawn(|| {
                for number in 0..10 * LIMIT {
                    events.wait_for_room(&cancel);
                    events.post(number, false);
                }
            });
            for number in 0..8 * LIMIT {
                assert_eq!(events.take(Duration::from_secs(60)), Some(number));
                assert!(events.queue.lock().len() <= LIMIT);
            }
            cancel.cancel();
            bringing.join().unwrap();
        });
        assert_eq!(events.queue.lock().len(), 2 * LIMIT);
    }

    #[test]
    fn what_does_not_fit_stays() {
        let events = Events::new();
        events.post(7, false);
        assert_eq!(events.take_if(Duration::ZERO, |&event| Err::<(), _>(event)), Some(Err(7)));
        assert_eq!(events.take(Duration::ZERO), Some(7));
        assert_eq!(events.take_if(Duration::ZERO, |_| Err::<(), _>(())), None);
    }

    #[test]
    fn the_pipe_holds_a_byte_while_events_wait() {
        let events = Events::new();
        for _ in 0..3 {
            events.post((), false);
            events.post((), false);
            assert!(events.take(Duration::ZERO).is_some());
            assert!(events.take(Duration::ZERO).is_some());
        }
        events.post((), false);
        let mut byte = [0];
        events.readable().unwrap().read_exact(&mut byte).unwrap();
        assert_eq!(byte, [1]);
    }
}
