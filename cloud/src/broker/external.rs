// SPDX-License-Identifier: MIT OR Apache-2.0
//! A broker that runs elsewhere: this process is one of its clients.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Bus, Incoming, Outgoing, bus};
use crate::{Failure, note};

/// Time for the first connection and its subscriptions.
const START_TIME: Duration = Duration::from_secs(10);
/// Pause before the next attempt after a lost connection.
const RETRY: Duration = Duration::from_secs(1);
/// The largest packet taken from a device.
const MAX_PACKET: usize = 256 * 1024;

/// An external broker's address: `mqtt://[user[:password]@]host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    host: String,
    port: u16,
    login: Option<(String, String)>,
}

impl BrokerUrl {
    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl std::str::FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("mqtt://").ok_or("only mqtt:// is possible")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, address) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, address)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((user.to_owned(), password.to_owned())), address)
            }
        };
        // An IPv6 address stands in brackets, so a colon after the last one parts off the port.
        let (host, port) = match address.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            None => (address, 1883),
            Some((host, port)) => (host, port.parse().map_err(|_| format!("{port:?} is no port"))?),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() { Err("no host".into()) } else { Ok(Self { host, port, login }) }
    }
}

/// Connects and gives a bus subscribed to `filters`. Later the connection is made anew whenever it breaks.
///
/// Some brokers drop a client that subscribes below `$`, where OneNET's topics are: those filters are then left out.
pub async fn start(url: &BrokerUrl, filters: &[&str]) -> Result<Bus, Failure> {
    let all: Vec<String> = filters.iter().map(|f| (*f).to_owned()).collect();
    match connect(url, &all).await {
        Ok(bus) => Ok(bus),
        Err(_) => {
            let plain: Vec<String> = all.into_iter().filter(|f| !f.starts_with('$')).collect();
            let bus = connect(url, &plain).await?;
            note(format_args!("broker {}: topics beginning with $ are not possible there", url.address()));
            Ok(bus)
        }
    }
}

async fn connect(url: &BrokerUrl, filters: &[String]) -> Result<Bus, Failure> {
    let name = format!("otakit-cloud-{}", std::process::id());
    let mut options = MqttOptions::new(name, url.host.clone(), url.port);
    options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(MAX_PACKET, MAX_PACKET);
    if let Some((user, password)) = &url.login {
        options.set_credentials(user, password);
    }
    let (client, mut events) = AsyncClient::new(options, 256);
    timeout(START_TIME, first_connection(&client, &mut events, filters))
        .await
        .unwrap_or_else(|_| Err("no answer".to_owned()))
        .map_err(|why| Failure::new(format!("broker {}: {why}", url.address())))?;
    let (bus, ends) = bus();
    tokio::spawn(send(client.clone(), ends.outgoing));
    tokio::spawn(receive(client, events, filters.to_vec(), ends.incoming));
    Ok(bus)
}

async fn first_connection(
    client: &AsyncClient,
    events: &mut EventLoop,
    filters: &[String],
) -> Result<(), String> {
    let mut missing = filters.len();
    while missing > 0 {
        match events.poll().await.map_err(|e| e.to_string())? {
            Event::Incoming(Packet::ConnAck(_)) => subscribe(client, filters),
            Event::Incoming(Packet::SubAck(_)) => missing -= 1,
            _ => {}
        }
    }
    Ok(())
}

fn subscribe(client: &AsyncClient, filters: &[String]) {
    for filter in filters {
        if let Err(error) = client.try_subscribe(filter, QoS::AtLeastOnce) {
            note(format_args!("subscribe {filter}: {error}"));
        }
    }
}

async fn send(client: AsyncClient, mut outgoing: mpsc::UnboundedReceiver<Outgoing>) {
    while let Some(message) = outgoing.recv().await {
        let qos = if message.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        if let Err(error) = client.publish(message.topic, qos, false, message.payload).await {
            note(format_args!("publish: {error}"));
            return;
        }
    }
}

async fn receive(
    client: AsyncClient,
    mut events: EventLoop,
    filters: Vec<String>,
    incoming: mpsc::UnboundedSender<Incoming>,
) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                note("connected to the broker again");
                subscribe(&client, &filters);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if incoming.send(Incoming { topic: publish.topic, payload: publish.payload }).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                note(format_args!("broker: {error}"));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parse = |text: &str| text.parse::<BrokerUrl>();
        let url = parse("mqtt://u:p@h:1884/").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("h", 1884));
        assert_eq!(url.login, Some(("u".into(), "p".into())));
        assert_eq!(parse("mqtt://h").unwrap().port, 1883);
        assert_eq!(parse("mqtt://[::1]").unwrap().host, "::1");
        assert_eq!(parse("mqtt://[::1]:9").unwrap().port, 9);
        for bad in ["h:1", "http://h", "mqtt://", "mqtt://h:x", "mqtt://:1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
