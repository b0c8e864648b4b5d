// SPDX-License-Identifier: MIT OR Apache-2.0
//! A broker that runs elsewhere: this process is one of its clients.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS, SubAck, SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Event as FromDevice, Publisher, QUEUE};
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

/// The ways out and in.
pub type Connected = (Publisher, mpsc::Receiver<FromDevice>);

/// Connects and gives both ends, subscribed to `filters`. Later the connection is made again whenever it breaks.
///
/// Some brokers drop a client that subscribes below `$`, where OneNET's topics are: those filters are then left out.
pub async fn start(url: &BrokerUrl, filters: &[&str]) -> Result<Connected, Failure> {
    let all: Vec<String> = filters.iter().map(|f| (*f).to_owned()).collect();
    match connect(url, &all).await {
        Ok(connected) => Ok(connected),
        Err(_) => {
            let plain: Vec<String> = all.into_iter().filter(|f| !f.starts_with('$')).collect();
            let connected = connect(url, &plain).await?;
            note(format_args!("broker {}: topics beginning with $ are not possible there", url.address()));
            Ok(connected)
        }
    }
}

async fn connect(url: &BrokerUrl, filters: &[String]) -> Result<Connected, Failure> {
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
    let (out, outgoing) = mpsc::unbounded_channel();
    let (incoming, from_devices) = mpsc::channel(QUEUE);
    let (subscribed, ready) = watch::channel(true);
    tokio::spawn(send(client.clone(), outgoing, ready));
    tokio::spawn(receive(client, events, filters.to_vec(), incoming, subscribed));
    Ok((Publisher::Broker(out), from_devices))
}

async fn first_connection(
    client: &AsyncClient,
    events: &mut EventLoop,
    filters: &[String],
) -> Result<(), String> {
    let mut awaited = Awaited::default();
    loop {
        match events.poll().await.map_err(|e| e.to_string())? {
            Event::Incoming(Packet::ConnAck(_)) => {
                awaited = Awaited::new(filters);
                drop(tokio::spawn(subscribe(client.clone(), filters.to_vec())));
            }
            Event::Outgoing(Outgoing::Subscribe(id)) => awaited.sent(id),
            Event::Incoming(Packet::SubAck(ack)) => {
                if let Some(filter) = awaited.answered(&ack) {
                    return Err(format!("{filter} may not be subscribed"));
                }
                if awaited.is_empty() {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

/// The subscriptions of one connection whose answers are still to come.
#[derive(Debug, Default)]
struct Awaited {
    /// In the order in which they are sent.
    unsent: VecDeque<String>,
    /// By packet id.
    sent: HashMap<u16, String>,
    /// Refused by the broker.
    refused: Vec<String>,
}

impl Awaited {
    fn new(filters: &[String]) -> Self {
        Self { unsent: filters.iter().cloned().collect(), ..Self::default() }
    }

    fn sent(&mut self, id: u16) {
        if let Some(filter) = self.unsent.pop_front() {
            self.sent.insert(id, filter);
        }
    }

    /// Gives the filter when it was refused.
    fn answered(&mut self, ack: &SubAck) -> Option<String> {
        let filter = self.sent.remove(&ack.pkid)?;
        let refused = ack.return_codes.contains(&SubscribeReasonCode::Failure);
        refused.then(|| {
            self.refused.push(filter.clone());
            filter
        })
    }

    fn is_empty(&self) -> bool {
        self.unsent.is_empty() && self.sent.is_empty()
    }
}

/// Waits for room in the client's queue, behind whatever stands in it: nothing is given up.
async fn subscribe(client: AsyncClient, filters: Vec<String>) {
    for filter in filters {
        if let Err(error) = client.subscribe(filter, QoS::AtLeastOnce).await {
            // The client has ended, and with it the process.
            note(format_args!("subscribe: {error}"));
            return;
        }
    }
}

/// Publishes while the subscriptions stand. During an outage messages wait here, so that the client's own queue has room
/// for the subscriptions.
async fn send(
    client: AsyncClient,
    mut outgoing: mpsc::UnboundedReceiver<super::Outgoing>,
    mut ready: watch::Receiver<bool>,
) {
    while let Some(message) = outgoing.recv().await {
        if ready.wait_for(|ready| *ready).await.is_err() {
            return;
        }
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
    incoming: mpsc::Sender<FromDevice>,
    subscribed: watch::Sender<bool>,
) {
    let mut awaited = Awaited::default();
    let mut asking: Option<JoinHandle<()>> = None;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                note("connected to the broker again");
                awaited = Awaited::new(&filters);
                let asked = tokio::spawn(subscribe(client.clone(), filters.clone()));
                // What an earlier connection still wanted to ask is asked by this one.
                asking.replace(asked).inspect(JoinHandle::abort);
            }
            Ok(Event::Outgoing(Outgoing::Subscribe(id))) => awaited.sent(id),
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                if let Some(filter) = awaited.answered(&ack) {
                    note(format_args!("the broker refuses {filter}; asking again in {RETRY:?}"));
                }
                if awaited.is_empty() {
                    let refused = std::mem::take(&mut awaited.refused);
                    if refused.is_empty() {
                        subscribed.send_replace(true);
                    } else {
                        awaited = Awaited::new(&refused);
                        let client = client.clone();
                        let again = tokio::spawn(async move {
                            tokio::time::sleep(RETRY).await;
                            subscribe(client, refused).await;
                        });
                        asking.replace(again).inspect(JoinHandle::abort);
                    }
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let (topic, payload) = (publish.topic, publish.payload);
                if incoming.send(FromDevice::Message { topic, payload, done: None }).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                subscribed.send_replace(false);
                note(format_args!("broker: {error}; connecting again in {RETRY:?}"));
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
