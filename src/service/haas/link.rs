// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device's connection, served by a thread of its own; in a child of a fork by a thread of the child's, once the process that
//! has connected is gone.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::platform::aliyun::identity;

use super::{CLOSE, Content, Device, ERROR, Inbox, MAX_PACKET, SYSTEM};
use crate::cancel::CancellationToken;
use crate::mqtt::{Client, ConnectError, Handler, Options, Subscription};
use crate::net::Dial;
use crate::thread::{Begun, Work, steady};

/// Longest time between two looks at the end.
const SLICE: Duration = Duration::from_millis(100);
/// Time for the goodbye.
const GRACE: Duration = Duration::from_millis(500);

pub(super) struct Link {
    pub(super) device: Arc<Device>,
    pub(super) dial: Arc<dyn Dial>,
}

impl Work for Link {
    fn name(&self) -> String {
        format!("connection of {}", self.device.login.device)
    }

    fn run(&self, begun: &Begun) {
        let device = &self.device;
        let client = match device.client() {
            // The parent's, which signs in again here.
            Some(client) => {
                device.go_on();
                Ok(client)
            }
            None => device.sign_in(&self.dial),
        };
        let (kind, value, content) = match client {
            Ok(client) => device.serve(&client),
            Err(_) if device.ended.is_cancelled() => (CLOSE, 0, Content::Nothing),
            Err(error) => {
                crate::log!(Error, "haas", "{}: {error}", device.login.device);
                (ERROR, -1, Content::Reason(error.to_string()))
            }
        };
        let _steady = steady();
        begun.done();
        device.post(kind, value, content);
    }

    /// The application has ended it in a child whose parent runs on: nothing of the parent's connection ends.
    fn lose(&self, begun: &Begun) {
        let device = &self.device;
        let _steady = steady();
        begun.done();
        device.forget_threads();
        let client = device.client.lock().take();
        drop(client);
        let fetching = {
            let mut system = device.system.lock();
            let told = system.told;
            system.fetching.take().filter(|_| !told)
        };
        if let Some((upgrade, path)) = fetching {
            device.hub.vacate(&path);
            device.post(SYSTEM, -9, Content::Offer(Box::new(upgrade)));
        }
        device.post(CLOSE, 0, Content::Nothing);
    }

    fn waits(&self) -> bool {
        true
    }

    fn cancel(&self) -> &CancellationToken {
        &self.device.ended
    }
}

impl Device {
    fn sign_in(self: &Arc<Self>, dial: &Arc<dyn Dial>) -> Result<Client, ConnectError> {
        let login = &self.login;
        let signed = identity::credentials(&login.device, &login.secret, login.mode, "");
        let options = Options {
            target: login.target.clone(),
            client_id: signed.client_id,
            username: signed.username,
            password: signed.password,
            clean_session: true,
            // (The client puts twice its interval on the wire.)
            keepalive: login.keepalive / 2,
            request_timeout: Duration::from_secs(2),
            max_packet_in: MAX_PACKET,
            max_packet_out: MAX_PACKET,
            kept: |_| false,
        };
        let link: Arc<dyn Handler> = Arc::new(Inbox { device: Arc::downgrade(self), topic: None });
        let client = Client::connect(Arc::clone(dial), options, Some(link), Vec::<Subscription>::new())?;
        let _steady = steady();
        *self.client.lock() = Some(client.clone());
        self.post_connect();
        Ok(client)
    }

    /// Serves the connection until it is ended. Returns the last event.
    fn serve(&self, client: &Client) -> (i64, i64, Content) {
        while !self.ended.is_cancelled() {
            if let Err(error) = client.yield_for(SLICE)
                && !self.ended.is_cancelled()
            {
                crate::log!(Error, "haas", "{}: connection lost for good: {error}", self.login.device);
                self.end();
                self.leave(client);
                return (ERROR, -1, Content::Reason(error.to_string()));
            }
        }
        self.leave(client);
        (CLOSE, 0, Content::Nothing)
    }

    fn leave(&self, client: &Client) {
        let own = {
            let _steady = steady();
            self.client.lock().take()
        };
        drop(own);
        client.disconnect(GRACE);
        self.forget_threads();
        let fetching = std::mem::take(&mut *self.fetching.lock());
        // They were told to end with the device; their outcomes come before the device's last event.
        for (_, thread) in fetching {
            if thread.join().is_err() {
                crate::log!(Error, "haas", "{}: fetching firmware: internal error", self.login.device);
            }
        }
    }

    /// In a child of a fork: lets go of what only the parent's threads were at, and fetches again what they were fetching.
    fn go_on(self: &Arc<Self>) {
        self.forget_threads();
        self.mailboxes.lock().retain(|_, asked| asked.birth.is_here());
        let (fetching, told) = {
            let system = self.system.lock();
            (system.fetching.clone(), system.told)
        };
        if fetching.is_some() {
            self.fetch_in_background(fetching.filter(|_| !told));
        }
    }

    /// Lets go of threads that are not in this process: there is nothing to be joined.
    fn forget_threads(&self) {
        for (birth, thread) in self.fetching.lock().extract_if(.., |(birth, _)| !birth.is_here()) {
            let _ = birth;
            std::mem::forget(thread);
        }
    }
}
