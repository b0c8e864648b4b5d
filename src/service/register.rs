// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that has its product's secret only asks for its own.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::fetch::FetchError;
use crate::fetch::http::call::{self, Method, Request};
use crate::net::{Dial, Target};
use crate::platform::aliyun::identity::Device;
use crate::platform::aliyun::register;

/// How long a registration over HTTP may take.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer in bytes.
const MAX_ANSWER: usize = 4096;

/// Asks the host that registers devices; blocks for 10 s at most. `None`, with a log line, when there is no secret.
pub fn ask(dial: &Arc<dyn Dial>, target: Target, device: &Device, product_secret: &str) -> Option<String> {
    told(device, over_http(dial, target, device, product_secret))
}

fn told(device: &Device, secret: Result<String, String>) -> Option<String> {
    secret.inspect_err(|reason| crate::log!(Error, "register", "{device}: {reason}")).ok()
}

fn random() -> String {
    format!("{:016x}", std::collections::hash_map::RandomState::new().build_hasher().finish())
}

fn over_http(
    dial: &Arc<dyn Dial>,
    target: Target,
    device: &Device,
    product_secret: &str,
) -> Result<String, String> {
    let body = register::form(device, product_secret, &random());
    let headers = [
        ("Host", target.host.as_str()),
        ("Accept", register::ACCEPT),
        ("Content-Type", register::CONTENT_TYPE),
    ];
    let request =
        Request { method: Method::Post, path: register::PATH, headers: &headers, body: body.as_bytes() }
            .encode();
    let answer = call::call(dial, target, request, HTTP_TIMEOUT, &Cancel::new());
    let answer = answer.and_then(|mut reply| match reply.status() {
        200 => reply.bytes(MAX_ANSWER),
        status => Err(FetchError::Status { status, retry_after: None }),
    });
    register::secret(&answer.map_err(|error| error.to_string())?, device)
        .map_err(|refusal| refusal.to_string())
}

#[cfg(feature = "mqtt")]
pub use over_mqtt::ask_over_mqtt;

#[cfg(feature = "mqtt")]
mod over_mqtt {
    use std::time::Instant;

    use parking_lot::Mutex;

    use super::*;
    use crate::mqtt::{Client, Event, Handler, Options, Subscription};

    /// How long the secret is waited for, once signed in.
    const TIMEOUT: Duration = Duration::from_secs(15);
    /// How long the broker's answer to the sign-in is waited for.
    const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5);

    /// Signs in to the broker for the registration alone, and waits for what the cloud tells unasked; blocks for as long as
    /// connecting takes and 15 s at most. `None`, with a log line, when there is no secret.
    pub fn ask_over_mqtt(
        dial: Arc<dyn Dial>,
        target: Target,
        device: &Device,
        product_secret: &str,
    ) -> Option<String> {
        told(device, over_mqtt(dial, target, device, product_secret))
    }

    fn over_mqtt(
        dial: Arc<dyn Dial>,
        target: Target,
        device: &Device,
        product_secret: &str,
    ) -> Result<String, String> {
        let signed = register::sign_in(device, product_secret, &random());
        let options = Options {
            target,
            client_id: signed.client_id,
            username: signed.username,
            password: signed.password,
            clean_session: true,
            keepalive: Duration::from_secs(60),
            request_timeout: SIGN_IN_TIMEOUT,
            max_packet_in: MAX_ANSWER,
            max_packet_out: MAX_ANSWER,
        };
        let told = Arc::new(Told::default());
        let early = vec![Subscription { filter: register::TOPIC.to_owned(), qos: 1, handler: told.clone() }];
        let client = Client::connect(dial, options, None, early).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + TIMEOUT;
        let message = loop {
            let served = client.yield_for(Duration::from_millis(20));
            let message = told.0.lock().take();
            if message.is_some() || served.is_err() || Instant::now() >= deadline {
                break message;
            }
        };
        client.disconnect(Duration::ZERO);
        let message = message.ok_or("the cloud did not tell the secret")?;
        register::told_secret(&message, device).map_err(|refusal| refusal.to_string())
    }

    /// What came on the topic of registrations.
    #[derive(Default)]
    struct Told(Mutex<Option<Vec<u8>>>);

    impl Handler for Told {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Message(message) = event {
                *self.0.lock() = Some(message.payload.to_vec());
            }
        }

        fn identity(&self) -> (usize, usize) {
            (std::ptr::from_ref(self).addr(), 0)
        }
    }
}
