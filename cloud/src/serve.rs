// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud serve`: starts broker, service and origin, and runs until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
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
use crate::control::{self, Control};
use crate::data::Store;
use crate::data::files::{self, Layout};
use crate::data::lock::DirLock;
use crate::data::model::Address;
use crate::db::{Db, Place};
use crate::engine::Engine;
use crate::entrance::{entrance, guarded, set_password, urls};
use crate::lan::{self, Reach};
use crate::metrics::count;
use crate::onenet;
use crate::onenet::tasks::Tasks;
use crate::origin::api::{Shared, blocking};
use crate::origin::crowd::Crowd;
use crate::origin::guard::{self, Hosts};
use crate::origin::{downloads, headers, listener};
use crate::rollout::scheduler::Scheduler;
use crate::tls::Gate;
use crate::web::talk::Talk;
use crate::web::{self, Console};
use crate::{Failure, limits, log, note};

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// For boards on this network: listen on all interfaces, with TLS, and print how a device gets here
    #[arg(long, conflicts_with_all = ["behind_proxy", "broker"])]
    pub lan: bool,

    /// Where the embedded MQTT broker listens; port 0 takes a free one. With --lan 0.0.0.0:8883
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1883", conflicts_with = "broker")]
    #[arg(default_value_if("lan", "true", "0.0.0.0:8883"))]
    pub mqtt: SocketAddr,

    /// Where the HTTP origin and the control API listen; port 0 takes a free one. With --lan 0.0.0.0:8443
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    #[arg(default_value_if("lan", "true", "0.0.0.0:8443"))]
    pub http: SocketAddr,

    /// Use this broker instead of the embedded one; it does the sign-in then
    #[arg(long, value_name = "mqtt://[USER:PASSWORD@]HOST[:PORT]")]
    pub broker: Option<BrokerUrl>,

    /// How the URLs begin that devices are given, when they reach the origin by another name
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Speak TLS, with a certificate that is made at first and kept in the data directory
    #[arg(long, conflicts_with = "tls_cert")]
    pub tls: bool,

    /// Speak TLS, with this certificate and its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// The address of the proxy in front, which does TLS: besides this machine only it may connect, and its X-Forwarded-For is
    /// believed
    #[arg(long, value_name = "IP", conflicts_with_all = ["tls", "tls_cert"])]
    pub behind_proxy: Option<IpAddr>,

    /// Set the administrator's password to the first line of this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// HTTP connections that one address may have at a time, of 4096; a proxy in front is not counted
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub per_address: usize,

    /// The largest image
    #[arg(long, value_name = "MEBIBYTES", default_value_t = 4_096, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub max_image: u64,

    /// How long the URL of an offer is good
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub url_life: u64,

    /// How lines of the log look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = log::Format::Text)]
    pub log: log::Format,

    /// Write the addresses to this file, as JSON, when everything is ready
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// Wait this long after a version report before offering firmware, so that the device has subscribed
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500)]
    pub settle: u64,
}

impl Options {
    /// Whether there is TLS with a certificate that is made here.
    pub fn tls(&self) -> bool {
        self.tls || self.lan && self.tls_cert.is_none()
    }
}

/// Serves until SIGINT or SIGTERM.
pub fn run(layout: Layout, place: Place, options: &Options) -> Result<(), Failure> {
    log::set_format(options.log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(format!("cannot start: {e}")))?;
    let result = runtime.block_on(serve(layout, place, options));
    // Threads of the broker and of file reads may be busy; nothing they do matters any more.
    runtime.shutdown_background();
    result
}

async fn serve(layout: Layout, place: Place, options: &Options) -> Result<(), Failure> {
    // One from an earlier run would announce the wrong addresses; mostly there is none.
    let _ = options.ready_file.as_ref().map(std::fs::remove_file);
    let _lock = DirLock::take(layout.root())?;
    let files = limits::raise_files();
    let opened = layout.clone();
    let store = Arc::new(blocking(move || Store::open(opened, Db::open(place)?)).await?);
    set_password(&store, options).await?;
    let identity = entrance(&layout, &store, options).await?;
    let identity = identity.as_ref();
    let gate = Gate::new(identity, options.behind_proxy);
    let http = listen(options.http).await?;
    let http_address = local_address(&http)?;
    let ((publisher, events), mqtt) = start_broker(options, gate.clone(), &store, files).await?;
    let scheme = if identity.is_some() { "https" } else { "http" };
    let address = Address {
        mqtt,
        http: format!("{scheme}://{}", for_this_machine(http_address)),
        pid: std::process::id(),
        fingerprint: identity.map(|identity| identity.fingerprint.clone()),
        certificate: identity.map(|identity| identity.certificate.clone()),
    };
    let urls = urls(&store, http_address, scheme, options).await?;
    let reach = Reach::new(&urls, &address, options.broker.is_none().then_some(options.mqtt.ip()))?;
    let offers = Arc::new(Offers {
        store: store.clone(),
        urls,
        publisher,
        settle: Duration::from_millis(options.settle),
        given: Mutex::default(),
        talk: Talk::default(),
    });
    let shared = Arc::new(Shared {
        store: store.clone(),
        offers: offers.clone(),
        address: address.clone(),
        reach: reach.clone(),
        embedded: options.broker.is_none(),
        max_image: options.max_image << 20,
        local: http_address.ip().is_loopback() && options.behind_proxy.is_none(),
    });
    let tasks = Arc::new(Tasks::new(store.clone()));
    let platform = Arc::new(onenet::api::Shared {
        tasks: tasks.clone(),
        offers: offers.clone(),
        address: http_address.to_string(),
    });
    let access = guarded(&store, http_address.port(), identity.is_some(), options).await?;
    // Who comes from elsewhere by that name meets no open control API.
    let public = options.public_url.as_deref().filter(|_| !access.is_open());
    let hosts = Arc::new(Hosts::new(http_address, public));
    let scheduler = Arc::new(Scheduler { offers: offers.clone(), tasks: tasks.clone() });
    let console = Console { shared: shared.clone(), scheduler: scheduler.clone(), access: access.clone() };
    let Control { origin, library, onenet, jobs, access: signed, metrics, sign_in, probes } = control::all();
    let control = origin
        .with(shared.clone())
        .merge(library.with(shared.clone()))
        .merge(onenet.with(platform.clone()))
        .merge(jobs.with(scheduler.clone()))
        .merge(signed.with(access.clone()))
        .merge(metrics.with(store.clone()))
        .merge(web::router(console.clone()))
        .layer(from_fn_with_state(access.clone(), access::check))
        .merge(sign_in.with(access.clone()))
        .merge(web::public(console))
        .layer(from_fn_with_state(hosts, guard::check))
        .layer(from_fn(headers::add));
    let known = store.clone();
    let devices = downloads::router(shared).merge(onenet::api::router(platform)).merge(probes.with(store));
    let router = devices.merge(control).layer(from_fn(count));
    let origin = listener::serve(http, gate, Crowd::new(options.per_address, options.behind_proxy), router);
    let service = tokio::spawn(Engine { offers, tasks, scheduler }.run(events));
    let stop = stop_signal()?;
    announce(&layout, &access, &address)?;
    tell(&reach, &address, known, options).await?;
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
fn announce(layout: &Layout, access: &Access, address: &Address) -> Result<(), Failure> {
    files::write_bytes(&layout.local_token(), access.local_token().as_bytes())?;
    files::write(&layout.address(), address)?;
    if access.is_open() {
        note(
            "no password is set: whoever reaches this machine's loopback interface may do everything (`otakit-cloud password` sets one)",
        );
    }
    println!("mqtt {}\nhttp {}", address.mqtt, address.http);
    if let (Some(certificate), Some(fingerprint)) = (&address.certificate, &address.fingerprint) {
        println!("certificate {} sha256 {fingerprint}", certificate.display());
    }
    Ok(())
}

/// Says how devices get here, and that everything is ready.
async fn tell(reach: &Reach, address: &Address, store: Arc<Store>, options: &Options) -> Result<(), Failure> {
    if options.lan {
        let products = blocking(move || store.products()).await?;
        println!("{}", lan::text(reach, address, &products)?);
    }
    options.ready_file.as_ref().map_or(Ok(()), |path| files::write(path, address))
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

/// The broker elsewhere, or the one inside; and its address.
async fn start_broker(
    options: &Options,
    gate: Gate,
    store: &Arc<Store>,
    files: u64,
) -> Result<(Connected, String), Failure> {
    match &options.broker {
        Some(url) => {
            let filters = [&aliyun::FILTERS[..], &onenet::FILTERS].concat();
            Ok((external::start(url, &filters).await?, url.address()))
        }
        None => start_hub(options.mqtt, gate, store, files).await,
    }
}

async fn start_hub(
    address: SocketAddr,
    gate: Gate,
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
            onenet::token::check(&known, password, Some(user), client, onenet::task::now())
        }
    });
    let known = store.clone();
    let registrar: Registrar =
        Arc::new(move |client, user, password| register::over_mqtt(&known, client, user, password));
    let door = Door { hub: hub.clone(), sign_in, registrar, store: store.clone(), gate };
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
