// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client over forks: the I/O thread is in the process that started it, and in no child of that process.

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::io;
use super::shared::Shared;
use crate::log;
use crate::net::Dial;
use crate::thread::Birth;

/// The state of a client and the thread that serves it, in one process.
///
/// In a child the state of the parent is looked at once at most, and then left alone for good: the missing thread may
/// have held its lock at the moment of the fork.
pub(super) struct Life {
    pub shared: Arc<Shared>,
    dial: Arc<dyn Dial>,
    thread: Mutex<Option<JoinHandle<()>>>,
    birth: Birth,
    /// In a child: what goes on in place of this one.
    next: OnceLock<Box<Life>>,
    /// In a child whose parent still uses the connection: a client that has ended.
    none: OnceLock<Arc<Shared>>,
}

impl Life {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>, dial: Arc<dyn Dial>) -> std::io::Result<Self> {
        Self::begin(shared, dial, io::run)
    }

    fn begin(
        shared: Arc<Shared>,
        dial: Arc<dyn Dial>,
        serve: fn(&Arc<Shared>, &dyn Dial),
    ) -> std::io::Result<Self> {
        let (for_thread, its_dial) = (Arc::clone(&shared), Arc::clone(&dial));
        let thread = crate::thread::named("otakit-mqtt").spawn(move || serve(&for_thread, &*its_dial))?;
        Ok(Self {
            shared,
            dial,
            thread: Mutex::new(Some(thread)),
            birth: Birth::now(),
            next: OnceLock::new(),
            none: OnceLock::new(),
        })
    }

    /// The state to work with in this process.
    ///
    /// A child whose parent has ended, as a daemon's has, takes the connection over: it signs in again, as after a lost
    /// link. While the parent runs the connection is the parent's, and the child has a client that has ended.
    pub(super) fn shared(&self) -> &Shared {
        let life = self.last();
        if life.birth.is_here() {
            return &life.shared;
        }
        if life.birth.process_runs() {
            return life.none.get_or_init(|| life.ended());
        }
        match life.go_on() {
            Some(next) => &next.shared,
            None => life.none.get_or_init(|| life.ended()),
        }
    }

    /// Whether the thread that serves [`Life::shared`] is in this process.
    pub(super) fn is_here(&self) -> bool {
        self.last().birth.is_here()
    }

    /// The thread, to be joined. `None` when it was taken before, or is in another process.
    pub(super) fn take_thread(&self) -> Option<JoinHandle<()>> {
        let life = self.last();
        if life.birth.is_here() { life.thread.lock().take() } else { None }
    }

    fn last(&self) -> &Self {
        let mut life = self;
        while let Some(next) = life.next.get() {
            life = next;
        }
        life
    }

    fn go_on(&self) -> Option<&Self> {
        if self.next.get().is_none() {
            let shared = Arc::new(self.shared.inherit()?);
            let target = &shared.options.target;
            log!(
                Warning,
                "mqtt",
                "{target}: this process goes on for the one that connected; signing in again"
            );
            match Self::begin(shared, Arc::clone(&self.dial), io::go_on) {
                Ok(next) => {
                    // Of two threads that come here at once one wins; the other's client ends.
                    if let Err(other) = self.next.set(Box::new(next)) {
                        other.shared.cancel.cancel();
                    }
                }
                Err(error) => log!(Error, "mqtt", "no thread for the connection: {error}"),
            }
        }
        self.next.get().map(|next| &**next)
    }

    fn ended(&self) -> Arc<Shared> {
        let target = &self.shared.options.target;
        log!(
            Error,
            "mqtt",
            "{target}: the connection is that of the process that made it, which still runs; connect in this process \
             with a client id of its own"
        );
        let shared = Shared::new(self.shared.options.clone(), None, Vec::new());
        shared.ended(None);
        Arc::new(shared)
    }
}
