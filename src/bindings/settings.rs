// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a firmware sets for the whole process through the native API; sessions opened later take it.

use std::sync::Arc;

use otakit_core::url::Url;
use parking_lot::Mutex;

use crate::engine;
use crate::fetch::http::{HttpSource, Limits};
use crate::hal::tcp::HalDial;
use crate::net::{Dial, Roots, pem};

/// The process's settings.
#[derive(Clone)]
pub struct Settings {
    /// How sessions fetch.
    pub session: engine::Settings,
    /// Time limits of HTTP.
    pub http: Limits,
    /// Authorities that https trusts instead of the public ones.
    pub authorities: Option<String>,
    /// How long the end of a session or a download waits for its thread.
    pub end_wait: std::time::Duration,
    /// Most bytes of memory that a delta package may ask for.
    pub delta_memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session: engine::Settings::default(),
            http: Limits::default(),
            authorities: None,
            end_wait: std::time::Duration::ZERO,
            delta_memory: 32 * 1024,
        }
    }
}

static CURRENT: Mutex<Option<Settings>> = Mutex::new(None);

/// The settings as they are now.
pub fn current() -> Settings {
    CURRENT.lock().get_or_insert_default().clone()
}

/// Changes the settings.
pub fn change<T>(change: impl FnOnce(&mut Settings) -> T) -> T {
    change(CURRENT.lock().get_or_insert_default())
}

impl Settings {
    /// A source for http and https. `authorities` are those of the device's MQTT connection, trusted beside the public
    /// ones unless the firmware has set its own for https.
    pub fn http_source(&self, authorities: Option<String>) -> HttpSource {
        let roots = match &self.authorities {
            Some(pem) => Roots { pem: Some(pem.clone()), public: false },
            None => Roots { pem: authorities.or_else(lab_authorities), public: true },
        };
        let policy = self.session.policy.clone();
        let guard = Box::new(move |url: &Url| policy.check_url(url).is_ok());
        HttpSource::new(dial(), Arc::new(roots), self.http, guard)
    }
}

/// Authorities that TLS connections of a lab build trust in addition.
pub fn lab_authorities() -> Option<String> {
    let text = crate::lab::authorities()?;
    pem::read(&text)
        .inspect_err(|why| crate::log!(Error, "lab", "OTAKIT_LAB_CA: the file {}: ignored", why.words()))
        .ok()
}

/// Waits for threads that are no longer wanted, as long as the firmware has set.
pub fn wait_at_end() {
    let limit = current().end_wait;
    if !limit.is_zero() && !crate::thread::wait(limit) {
        crate::log!(Warning, "api", "a download's thread still ends after {} ms", limit.as_millis());
    }
}

/// The firmware's network.
pub fn dial() -> Arc<dyn Dial> {
    Arc::new(HalDial)
}
