// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud serve`: starts broker, service and origin, and runs until it is told to stop.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::aliyun::{self, register, service, sign};
use crate::broker::external::BrokerUrl;
use crate::broker::gate::{Gate, Registrar, SignIn};
use crate::broker::{Bus, Incoming, Publisher, embedded, external};
use crate::data::files::{self, Layout};
use crate::data::model::{Address, DeviceKey};
use crate::data::{Store, model};
use crate::onenet;
use crate::onenet::tasks::Tasks;
use crate::origin::Urls;
use crate::origin::api::{self, Shared};
use crate::{Failure, note};

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the embedded MQTT broker listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1883", conflicts_with = "broker")]
    pub mqtt: SocketAddr,

    /// Where the HTTP origin and the control API listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,

    /// Use this broker instead of the embedded one; it does the sign-in then
    #[arg(long, value_name = "mqtt://[USER:PASSWORD@]HOST[:PORT]")]
    pub broker: Option<BrokerUrl>,

    /// How the URLs begin that devices are given, when they reach the origin by another name
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Write the addresses to this file, as JSON, when everything is ready
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// Wait this long after a version report before offering firmware, so that the device has subscribed
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500)]
    pub settle: u64,
}

/// Serves until SIGINT or SIGTERM.
pub fn run(layout: Layout, options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(format!("cannot start: {e}")))?;
    let result = runtime.block_on(serve(layout, options));
    // Threads of the broker and of file reads may be busy; nothing they do matters any more.
    runtime.shutdown_background();
    result
}

async fn serve(layout: Layout, options: &Options) -> Result<(), Failure> {
    if let Some(path) = &options.ready_file {
        // One from an earlier run would announce the wrong addresses.
        let _ = std::fs::remove_file(path);
    }
    let store = Arc::new(Store::open(layout.clone())?);
    let http = listen(options.http).await?;
    let http_address = local_address(&http)?;
    let (bus, mqtt) = match &options.broker {
        Some(url) => {
            let filters = [&aliyun::FILTERS[..], &onenet::FILTERS].concat();
            (external::start(url, &filters).await?, url.address())
        }
        None => start_embedded(options.mqtt, &store).await?,
    };
    let address = Address { mqtt, http: format!("http://{http_address}"), pid: std::process::id() };
    let urls = Urls::new(options.public_url.as_deref().unwrap_or(&address.http));
    let Bus { publisher, incoming } = bus;
    let shared = Arc::new(Shared {
        store: store.clone(),
        urls: urls.clone(),
        publisher: publisher.clone(),
        address: address.clone(),
        embedded: options.broker.is_none(),
    });
    let tasks = Arc::new(Tasks::open(store.clone())?);
    let platform = Arc::new(onenet::api::Shared {
        tasks: tasks.clone(),
        publisher: options.broker.is_some().then(|| publisher.clone()),
        address: http_address.to_string(),
    });
    let origin = axum::serve(http, api::router(shared).merge(onenet::api::router(platform)));
    let settle = Duration::from_millis(options.settle);
    let service = tokio::spawn(Service { store, urls, publisher, settle, tasks }.run(incoming));
    let stop = stop_signal()?;
    files::write(&layout.address(), &address)?;
    println!("mqtt {}\nhttp {}", address.mqtt, address.http);
    if let Some(path) = &options.ready_file {
        files::write(path, &address)?;
    }
    let result = tokio::select! {
        ended = async { origin.await } => Err(Failure::new(format!("the origin ended: {ended:?}"))),
        _ = service => Err(Failure::new("the broker ended")),
        () = stop => Ok(()),
    };
    // A file that stays behind only makes the next command find nobody there.
    let _ = std::fs::remove_file(layout.address());
    result
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| Failure::new(format!("cannot listen on {address}: {e}")))
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|e| Failure::new(format!("cannot listen: {e}")))
}

async fn start_embedded(address: SocketAddr, store: &Arc<Store>) -> Result<(Bus, String), Failure> {
    let listener = listen(address).await?;
    let address = local_address(&listener)?;
    let known = store.clone();
    let sign_in: SignIn = Arc::new(move |client, user, password| sign::check(&known, client, user, password));
    let known = store.clone();
    let registrar: Registrar =
        Arc::new(move |client, user, password| register::over_mqtt(&known, client, user, password));
    let (bus, broker, subscriptions) = embedded::start(sign_in.clone(), &aliyun::FILTERS).await?;
    let gate = Gate { broker, sign_in, registrar, store: store.clone(), subscriptions };
    tokio::spawn(gate.run(listener));
    Ok((bus, address.to_string()))
}

fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Failure::new(format!("cannot catch signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Feeds messages to the platform and carries out what it decides.
struct Service {
    store: Arc<Store>,
    urls: Urls,
    publisher: Publisher,
    settle: Duration,
    tasks: Arc<Tasks>,
}

impl Service {
    async fn run(self, mut incoming: mpsc::UnboundedReceiver<Incoming>) {
        // The offers that wait for a device to settle, each with the number of its last report.
        let mut waiting: HashMap<(DeviceKey, Option<String>), u64> = HashMap::new();
        let mut reports = 0;
        let (settled, mut due) = mpsc::unbounded_channel::<((DeviceKey, Option<String>), u64)>();
        loop {
            tokio::select! {
                message = incoming.recv() => {
                    let Some(message) = message else { return };
                    if let Some(key) = onenet::parse_reply_topic(&message.topic) {
                        if let Err(failure) = self.tasks.informed(&key, &message.payload) {
                            note(failure);
                        }
                        continue;
                    }
                    for action in service::handle(&self.store, &self.urls, &message.topic, &message.payload) {
                        match action {
                            service::Action::Publish(message) => self.publisher.publish(message),
                            service::Action::OfferSoon(key, module) => {
                                reports += 1;
                                let key = (key, module);
                                waiting.insert(key.clone(), reports);
                                let (settled, settle, report) = (settled.clone(), self.settle, reports);
                                tokio::spawn(async move {
                                    tokio::time::sleep(settle).await;
                                    // Without a receiver the process is ending.
                                    let _ = settled.send((key, report));
                                });
                            }
                        }
                    }
                }
                Some((key, report)) = due.recv() => {
                    if waiting.get(&key) == Some(&report) {
                        waiting.remove(&key);
                        self.offer(&key.0, key.1.as_deref());
                    }
                }
            }
        }
    }

    /// Offers what is due by the version known now: a later report may have been of the new version already.
    fn offer(&self, key: &DeviceKey, module: Option<&str>) {
        let device: Option<model::Device> = self.store.device(key);
        let reported = device.and_then(|d| match module {
            Some(module) => d.modules.get(module).cloned(),
            None => d.version,
        });
        let Some(firmware) = self.store.due(key, module, &reported.unwrap_or_default()) else { return };
        match service::offer(&self.store, &self.urls, key, &firmware) {
            Ok(message) => self.publisher.push(message),
            Err(failure) => note(failure),
        }
    }
}
