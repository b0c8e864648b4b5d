// SPDX-License-Identifier: MIT OR Apache-2.0
//! rumqttd in this process, listening on a port of the loopback interface that only the gate is meant to use.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::{Broker, Config, ConnectionSettings, Notification, RouterConfig, ServerSettings};

use super::gate::SignIn;
use super::subscriptions::Subscriptions;
use super::{Bus, Ends, Incoming, Outgoing, bus};
use crate::{Failure, note};

/// The name of this process among the broker's clients.
const LINK: &str = "otakit-cloud";
/// The largest packet taken from a device.
const MAX_PACKET: usize = 256 * 1024;

/// Starts the broker and gives a bus subscribed to `filters`, the address that the gate forwards to, and what the gate is
/// to tell of subscriptions.
pub async fn start(
    sign_in: SignIn,
    filters: &[&str],
) -> Result<(Bus, SocketAddr, Arc<Subscriptions>), Failure> {
    // rumqttd binds its listener itself and does not tell the port, so a free one is looked for beforehand.
    // Another process may take it in between; then the next is tried.
    for _ in 0..8 {
        let address = free_port()?;
        if let Some(mut bus) = start_at(address, sign_in.clone(), filters).await? {
            let subscriptions = bus.publisher.hold();
            return Ok((bus, address, subscriptions));
        }
    }
    Err(Failure::new("no free port on the loopback interface for the broker"))
}

fn free_port() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|l| l.local_addr());
    address.map_err(|e| Failure::new(format!("cannot listen on the loopback interface: {e}")))
}

async fn start_at(address: SocketAddr, sign_in: SignIn, filters: &[&str]) -> Result<Option<Bus>, Failure> {
    let mut broker = Broker::new(config(address, sign_in));
    let (mut tx, rx) = broker.link(LINK).map_err(|e| Failure::new(format!("broker: {e}")))?;
    for filter in filters {
        tx.subscribe(*filter).map_err(|e| Failure::new(format!("broker: {e}")))?;
    }
    let server = std::thread::Builder::new().name("broker".to_owned());
    let served = move || {
        if let Err(error) = broker.start() {
            note(format_args!("broker: {error}"));
        }
    };
    let server = server.spawn(served).map_err(|e| Failure::new(format!("broker: {e}")))?;
    for _ in 0..500 {
        if server.is_finished() {
            return Ok(None);
        }
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            let (bus, ends) = bus();
            tokio::spawn(forward(tx, rx, ends));
            return Ok(Some(bus));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Failure::new("the broker does not answer"))
}

fn config(listen: SocketAddr, sign_in: SignIn) -> Config {
    let mut server = ServerSettings {
        name: "devices".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 0,
        connections: ConnectionSettings {
            connection_timeout_ms: 10_000,
            max_payload_size: MAX_PACKET,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: false,
        },
    };
    // The gate has checked already; this is for whoever finds the inner port.
    server.set_auth_handler(move |client_id: String, user: String, password: String| {
        let accepted = sign_in(&client_id, &user, &password).is_ok();
        std::future::ready(accepted)
    });
    Config {
        id: 0,
        router: RouterConfig {
            max_connections: 10_000,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 4,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("devices".to_owned(), server)])),
        ..Config::default()
    }
}

async fn forward(mut tx: LinkTx, mut rx: LinkRx, mut ends: Ends) {
    loop {
        tokio::select! {
            outgoing = ends.outgoing.recv() => {
                let Some(outgoing) = outgoing else { return };
                if let Err(error) = publish(&mut tx, outgoing) {
                    note(format_args!("broker: {error}"));
                    return;
                }
            }
            notification = rx.next() => match notification {
                Ok(notification) => if !take(notification, &rx, &ends) { return },
                Err(error) => {
                    note(format_args!("broker: {error}"));
                    return;
                }
            }
        }
    }
}

/// A local link publishes with QoS 0; the router delivers everything with the QoS of the subscription.
fn publish(tx: &mut LinkTx, message: Outgoing) -> Result<(), String> {
    tx.publish(message.topic, message.payload).map(|_| ()).map_err(|e| e.to_string())
}

/// `false` when nobody listens any more.
fn take(notification: Option<Notification>, rx: &LinkRx, ends: &Ends) -> bool {
    match notification {
        Some(Notification::Forward(forward)) => {
            let topic = String::from_utf8_lossy(&forward.publish.topic).into_owned();
            let payload: Bytes = forward.publish.payload;
            ends.incoming.send(Incoming { topic, payload }).is_ok()
        }
        // The router pauses a link that has been sent much, until it says that it can take more.
        Some(Notification::Unschedule) => rx.ready().is_ok(),
        _ => true,
    }
}
