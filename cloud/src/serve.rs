// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud serve`: starts broker, service and origin, and runs until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use axum::middleware::{from_fn, from_fn_with_state};

use crate::access::{self, Access};
use crate::aliyun::offers::Offers;
use crate::aliyun::{self, register, sign};
use crate::broker::external::{self, BrokerUrl, Connected};
use crate::broker::hub::{Door, Hub, Registrar, SignIn, Topology};
use crate::broker::{Publisher, QUEUE};
use crate::data::Store;
use crate::data::files::{self, Layout};
use crate::data::lock::DirLock;
use crate::data::model::Address;
use crate::db::{Db, Place};
use crate::engine::Engine;
use crate::onenet;
use crate::onenet::tasks::Tasks;
use crate::origin::Urls;
use crate::origin::api::{self, Shared, blocking};
use crate::origin::guard::{self, Hosts};
use crate::origin::{headers, jobs, listener};
use crate::rollout::scheduler::Scheduler;
use crate::{Failure, limits, note};

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
pub fn run(layout: Layout, place: Place, options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(format!("cannot start: {e}")))?;
    let result = runtime.block_on(serve(layout, place, options));
    // Threads of the broker and of file reads may be busy; nothing they do matters any more.
    runtime.shutdown_background();
    result
}

async fn serve(layout: Layout, place: Place, options: &Options) -> Result<(), Failure> {
    if let Some(path) = &options.ready_file {
        // One from an earlier run would announce the wrong addresses.
        let _ = std::fs::remove_file(path);
    }
    let _lock = DirLock::take(layout.root())?;
    let files = limits::raise_files();
    let opened = layout.clone();
    let store = Arc::new(blocking(move || Store::open(opened, Db::open(place)?)).await?);
    let http = listen(options.http).await?;
    let http_address = local_address(&http)?;
    let ((publisher, events), mqtt) = match &options.broker {
        Some(url) => {
            let filters = [&aliyun::FILTERS[..], &onenet::FILTERS].concat();
            (external::start(url, &filters).await?, url.address())
        }
        None => start_hub(options.mqtt, &store, files).await?,
    };
    let address =
        Address { mqtt, http: format!("http://{}", for_this_machine(http_address)), pid: std::process::id() };
    let urls = Urls::new(&match &options.public_url {
        Some(url) => url.clone(),
        None => reachable(http_address)?,
    });
    let offers = Arc::new(Offers {
        store: store.clone(),
        urls,
        publisher: publisher.clone(),
        settle: Duration::from_millis(options.settle),
        given: Mutex::default(),
    });
    let shared = Arc::new(Shared {
        store: store.clone(),
        offers: offers.clone(),
        address: address.clone(),
        embedded: options.broker.is_none(),
        local: http_address.ip().is_loopback(),
    });
    let tasks = Arc::new(Tasks::new(store.clone()));
    let platform =
        Arc::new(onenet::api::Shared { tasks: tasks.clone(), publisher, address: http_address.to_string() });
    let known = store.clone();
    let access = Arc::new(blocking(move || Access::new(known, http_address.port(), false, None)).await?);
    let hosts = Arc::new(Hosts::new(http_address, options.public_url.as_deref()));
    let scheduler = Arc::new(Scheduler { offers: offers.clone() });
    let control = api::control(shared.clone())
        .merge(onenet::api::control(platform.clone()))
        .merge(jobs::router(scheduler.clone()))
        .merge(access::api::control(access.clone()))
        .layer(from_fn_with_state(access.clone(), access::check))
        .merge(access::api::public(access.clone()))
        .layer(from_fn_with_state(hosts, guard::check))
        .layer(from_fn(headers::add));
    let devices = api::router(shared).merge(onenet::api::router(platform));
    let origin = listener::serve(http, devices.merge(control));
    let service = tokio::spawn(Engine { offers, tasks, scheduler }.run(events));
    let stop = stop_signal()?;
    announce(&layout, &access, &address, options.ready_file.as_deref())?;
    let result = tokio::select! {
        () = origin => Err(Failure::new("the origin ended")),
        _ = service => Err(Failure::new("the broker ended")),
        () = stop => Ok(()),
    };
    // A file that stays behind only makes the next command find nobody there.
    let _ = std::fs::remove_file(layout.address());
    let _ = std::fs::remove_file(layout.local_token());
    result
}

/// Says where the server is: to the commands on this machine, to whoever started it.
fn announce(
    layout: &Layout,
    access: &Access,
    address: &Address,
    ready: Option<&Path>,
) -> Result<(), Failure> {
    files::write_bytes(&layout.local_token(), access.local_token().as_bytes())?;
    files::write(&layout.address(), address)?;
    if access.is_open() {
        note(
            "no password is set: whoever reaches this machine's loopback interface may do everything (`otakit-cloud password` sets one)",
        );
    }
    println!("mqtt {}\nhttp {}", address.mqtt, address.http);
    ready.map_or(Ok(()), |path| files::write(path, address))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| Failure::new(format!("cannot listen on {address}: {e}")))
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|e| Failure::new(format!("cannot listen: {e}")))
}

/// The address as a program on this machine reaches it: "all interfaces" is no address to connect to.
fn for_this_machine(listener: SocketAddr) -> SocketAddr {
    match listener {
        SocketAddr::V4(a) if a.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, a.port()).into(),
        SocketAddr::V6(a) if a.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, a.port()).into(),
        other => other,
    }
}

/// How the URLs begin that devices are given. A server on all interfaces takes the address under which this machine sends
/// to other networks; nothing is sent to find it out.
fn reachable(listener: SocketAddr) -> Result<String, Failure> {
    if !listener.ip().is_unspecified() {
        return Ok(format!("http://{listener}"));
    }
    let (own, other): (IpAddr, IpAddr) = match listener {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        SocketAddr::V6(_) => {
            (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
        }
    };
    let found = std::net::UdpSocket::bind((own, 0)).and_then(|socket| {
        socket.connect((other, 9))?;
        socket.local_addr()
    });
    match found {
        Ok(address) => Ok(format!("http://{}:{}", guard::in_url(address.ip()), listener.port())),
        Err(error) => Err(Failure::new(format!(
            "--http {listener} has no address that devices can reach ({error}); name it with --public-url http://HOST:{}",
            listener.port()
        ))),
    }
}

async fn start_hub(
    address: SocketAddr,
    store: &Arc<Store>,
    files: u64,
) -> Result<(Connected, String), Failure> {
    let listener = listen(address).await?;
    let address = local_address(&listener)?;
    let (events, from_devices) = mpsc::channel(QUEUE);
    let known = store.clone();
    let topology: Topology = Arc::new(move |gateway, sub| known.is_gateway_of(gateway, sub));
    let hub = Arc::new(Hub::new(topology, events));
    let known = store.clone();
    let sign_in: SignIn = Arc::new(move |client, user, password| {
        if user.contains('&') {
            sign::check(&known, client, user, password)
        } else {
            // OneNET: product id and token; the client is named after the device.
            onenet::token::check(&known, password, Some(user), client, onenet::tasks::now())
        }
    });
    let known = store.clone();
    let registrar: Registrar =
        Arc::new(move |client, user, password| register::over_mqtt(&known, client, user, password));
    let door = Door { hub: hub.clone(), sign_in, registrar, store: store.clone() };
    // The rest is for HTTP, files and images.
    let room = usize::try_from(files - files / 4).unwrap_or(usize::MAX).max(16);
    tokio::spawn(door.run(listener, room));
    Ok(((Publisher::Hub(hub), from_devices), for_this_machine(address).to_string()))
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
