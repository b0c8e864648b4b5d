// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that the library starts.

use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};

/// Stack of each thread in bytes, whatever the platform's default is: a TLS handshake is what needs most of it.
/// `benches/run.py` prints how deep they really get.
pub const STACK: usize = 256 * 1024;

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function in a state that a thread started inside it inherits.
pub type Shelter = fn(&mut dyn FnMut());

static SHELTER: OnceLock<Shelter> = OnceLock::new();

/// Sets what every thread of the library is started inside of, for the rest of the process. The first call wins.
pub fn set_shelter(shelter: Shelter) {
    let _ = SHELTER.set(shelter);
}

/// A thread of the library's own, to be started. The name is what tools show; Linux shows 15 bytes of it.
pub fn named(name: &str) -> Named<'_> {
    Named(name)
}

/// What [`named`] gives.
pub struct Named<'a>(&'a str);

impl Named<'_> {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread to give.
    pub fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let mut body = Some(body);
        let mut started = Err(io::ErrorKind::Other.into());
        let mut start = || {
            if let Some(body) = body.take() {
                let body = move || {
                    OURS.set(true);
                    body()
                };
                started = Builder::new().name(self.0.to_owned()).stack_size(STACK).spawn(body);
            }
        };
        match SHELTER.get() {
            Some(shelter) => shelter(&mut start),
            None => start(),
        }
        started
    }
}

/// Whether the calling thread is one that the library started.
pub fn is_ours() -> bool {
    OURS.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_its_name_and_its_result() {
        let thread = named("otakit-test").spawn(|| std::thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(thread.join().unwrap().as_deref(), Some("otakit-test"));
    }

    #[test]
    fn a_thread_knows_whose_it_is() {
        assert!(named("otakit-test").spawn(is_ours).unwrap().join().unwrap());
        assert!(!is_ours());
    }
}
