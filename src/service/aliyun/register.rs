// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that has its product's secret only asks for its own, over HTTP or over MQTT.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::fetch::FetchError;
use otakit_core::http::request::{Method, Request};
use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::register;

use crate::cancel::CancellationToken;
use crate::fetch::http::call;
use crate::net::{Dial, Target};

/// How long a registration over HTTP may take.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer in bytes.
const MAX_ANSWER: usize = 4096;

/// Asks the host that registers devices; blocks, at most 10 s. `None`, with a log line, when there is no secret.
pub fn ask(dial: &Arc<dyn Dial>, target: Target, device: &Device, product_secret: &str) -> Option<String> {
    let body = register::form(device, product_secret, &random());
    let host = target.host.clone();
    let headers = [("Host", &*host), ("Accept", register::ACCEPT), ("Content-Type", register::CONTENT_TYPE)];
    let request =
        Request { method: Method::Post, path: register::PATH, headers: &headers, body: body.as_bytes() };
    let answer = call::call(dial, target, request.encode(), HTTP_TIMEOUT, &CancellationToken::new());
    let answer = answer.and_then(|mut reply| match reply.status() {
        200 => reply.bytes(MAX_ANSWER),
        status => Err(FetchError::Status { status, retry_after: None }),
    });
    let answer = answer.inspect_err(|error| crate::log!(Error, "register", "{device}: {error}")).ok()?;
    told(device, register::secret(&answer, device))
}

fn random() -> String {
    format!("{:016x}", crate::system::random())
}

fn told(device: &Device, secret: Result<String, otakit_core::platform::aliyun::Refusal>) -> Option<String> {
    secret.inspect_err(|refusal| crate::log!(Error, "register", "{device}: {refusal}")).ok()
}

#[cfg(all(feature = "mqtt", feature = "linkkit"))]
pub use over_mqtt::ask_over_mqtt;

#[cfg(all(feature = "mqtt", feature = "linkkit"))]
mod over_mqtt {
    use std::time::Instant;

    use parking_lot::Mutex;

    use super::{Arc, Device, Dial, Duration, MAX_ANSWER, Target, random, register, told};
    use crate::mqtt::{Client, Event, Handler, Options, Subscription};

    /// How long the secret is waited for, once signed in.
    const TIMEOUT: Duration = Duration::from_secs(15);
    /// How long the broker's answer to the sign-in is waited for.
    const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5);

    /// Signs in for the registration alone, and waits for what the cloud tells unasked. Blocks: for as long as
    /// `Client::connect` takes, and up to 15 s. `None`, with a log line, when there is no secret.
    pub fn ask_over_mqtt(
        dial: Arc<dyn Dial>,
        target: Target,
        device: &Device,
        product_secret: &str,
    ) -> Option<String> {
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
            kept: |_| false,
        };
        let inlet = Arc::new(Inlet::default());
        let early = vec![Subscription { filter: register::TOPIC.to_owned(), qos: 1, handler: inlet.clone() }];
        let client = Client::connect(dial, options, None, early)
            .inspect_err(|error| crate::log!(Error, "register", "{device}: {error}"))
            .ok()?;
        let deadline = Instant::now() + TIMEOUT;
        let message = loop {
            let served = client.yield_for(Duration::from_millis(20));
            let message = inlet.0.lock().take();
            if message.is_some() || served.is_err() || Instant::now() >= deadline {
                break message;
            }
        };
        client.disconnect(Duration::ZERO);
        let Some(message) = message else {
            crate::log!(Error, "register", "{device}: the cloud did not tell the secret");
            return None;
        };
        told(device, register::told_secret(&message, device))
    }

    /// What came on the topic of registrations.
    #[derive(Default)]
    struct Inlet(Mutex<Option<Vec<u8>>>);

    impl Handler for Inlet {
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
