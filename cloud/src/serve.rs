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

use crate::access::{self, Access, password};
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
use crate::metrics::count;
use crate::onenet;
use crate::onenet::tasks::Tasks;
use crate::origin::api::{Shared, blocking};
use crate::origin::crowd::Crowd;
use crate::origin::guard::{self, Hosts};
use crate::origin::{self, Urls};
use crate::origin::{downloads, headers, listener};
use crate::rollout::scheduler::Scheduler;
use crate::tls::{Gate, Identity};
use crate::web::talk::Talk;
use crate::web::{self, Console};
use crate::{Failure, limits, log, note};

/// The environment variable with the administrator's password.
const PASSWORD: &str = "OTAKIT_CLOUD_PASSWORD";

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
    let offers = Arc::new(Offers {
        store: store.clone(),
        urls,
        publisher: publisher.clone(),
        settle: Duration::from_millis(options.settle),
        given: Mutex::default(),
        talk: Talk::default(),
    });
    let shared = Arc::new(Shared {
        store: store.clone(),
        offers: offers.clone(),
        address: address.clone(),
        embedded: options.broker.is_none(),
        local: http_address.ip().is_loopback() && options.behind_proxy.is_none(),
    });
    let tasks = Arc::new(Tasks::new(store.clone()));
    let platform =
        Arc::new(onenet::api::Shared { tasks: tasks.clone(), publisher, address: http_address.to_string() });
    let access = guarded(&store, http_address.port(), identity.is_some(), options).await?;
    // Who comes from elsewhere by that name meets no open control API.
    let public = options.public_url.as_deref().filter(|_| !access.is_open());
    let hosts = Arc::new(Hosts::new(http_address, public));
    let scheduler = Arc::new(Scheduler { offers: offers.clone() });
    let console = Console { shared: shared.clone(), scheduler: scheduler.clone(), access: access.clone() };
    let Control { origin, onenet, jobs, access: signed, metrics, sign_in, probes } = control::all();
    let control = origin
        .with(shared.clone())
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
    let devices = downloads::router(shared).merge(onenet::api::router(platform)).merge(probes.with(store));
    let router = devices.merge(control).layer(from_fn(count));
    let origin = listener::serve(http, gate, Crowd::new(options.per_address, options.behind_proxy), router);
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
    if let (Some(certificate), Some(fingerprint)) = (&address.certificate, &address.fingerprint) {
        println!("certificate {} sha256 {fingerprint}", certificate.display());
    }
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

/// The URLs that devices are given.
async fn urls(
    store: &Arc<Store>,
    listener: SocketAddr,
    scheme: &str,
    options: &Options,
) -> Result<Urls, Failure> {
    let base = match &options.public_url {
        Some(url) => url.clone(),
        None => format!("{scheme}://{}:{}", guard::in_url(reachable(listener)?), listener.port()),
    };
    let store = store.clone();
    let key = blocking(move || origin::urls::key(&store)).await?;
    Ok(Urls::new(&base, key, Duration::from_secs(options.url_life)))
}

/// The address under which devices reach this machine. A server on all interfaces takes the one under which this machine
/// sends to other networks; nothing is sent to find it out.
fn reachable(listener: SocketAddr) -> Result<IpAddr, Failure> {
    if !listener.ip().is_unspecified() {
        return Ok(listener.ip());
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
        Ok(address) => Ok(address.ip()),
        Err(error) => Err(Failure::new(format!(
            "--http {listener} has no address that devices can reach ({error}); name it with --public-url http://HOST:{}",
            listener.port()
        ))),
    }
}

/// Sets the password that was given with the command, unless it is that already.
async fn set_password(store: &Arc<Store>, options: &Options) -> Result<(), Failure> {
    let new = match &options.password_file {
        Some(path) => Some(crate::cli::read_password(path)?),
        None => std::env::var(PASSWORD).ok(),
    };
    let (Some(new), store) = (new, store.clone()) else {
        return Ok(());
    };
    blocking(move || match password::load(&store)? {
        Some(hash) if password::verify(&hash, &new) => Ok(()),
        _ => password::set(&store, &new).map(drop),
    })
    .await
}

/// Who may use the server.
async fn guarded(
    store: &Arc<Store>,
    port: u16,
    tls: bool,
    options: &Options,
) -> Result<Arc<Access>, Failure> {
    let (store, proxy) = (store.clone(), options.behind_proxy);
    let https = options.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    let secure = tls || proxy.is_some() && https;
    Ok(Arc::new(blocking(move || Access::new(store, port, secure, proxy)).await?))
}

/// What the server shows of itself. Other machines may reach it only when there is a password, and when TLS keeps that secret.
async fn entrance(
    layout: &Layout,
    store: &Arc<Store>,
    options: &Options,
) -> Result<Option<Identity>, Failure> {
    let known = store.clone();
    let has_password = blocking(move || password::load(&known)).await?.is_some();
    let mqtt = options.broker.is_none().then_some(("--mqtt", options.mqtt));
    let listeners = [Some(("--http", options.http)), mqtt];
    let reached = listeners.into_iter().flatten().find(|(_, address)| !address.ip().is_loopback());
    let tls = options.tls || options.tls_cert.is_some();
    if let Some((option, address)) = reached {
        let missing = match (has_password, tls || options.behind_proxy.is_some()) {
            (true, true) => "",
            (false, true) => NO_PASSWORD,
            (true, false) => NO_TLS,
            (false, false) => NEITHER,
        };
        if !missing.is_empty() {
            return Err(Failure::new(format!(
                "{option} {address} can be reached from other machines: {missing}"
            )));
        }
    } else if options.behind_proxy.is_some() && !has_password {
        return Err(Failure::new(format!("other machines reach this server by its proxy: {NO_PASSWORD}")));
    }
    if let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) {
        return Identity::load(certificate, key).map(Some);
    }
    if !options.tls {
        return Ok(None);
    }
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    for (_, address) in listeners.into_iter().flatten() {
        // One without an address in a network is reached by the others.
        names.extend(reachable(address).ok().map(|ip| ip.to_string()));
    }
    names.extend(options.public_url.as_deref().and_then(guard::host).map(str::to_owned));
    Identity::kept(&layout.tls(), &names).map(Some)
}

const NO_PASSWORD: &str = "set a password first, with `otakit-cloud password` or --password-file";
const NO_TLS: &str = "choose TLS: --tls-cert and --tls-key, --tls for a certificate that is made here, or --behind-proxy ADDRESS where a proxy does it";
const NEITHER: &str = "set a password first, with `otakit-cloud password` or --password-file, and choose TLS: --tls-cert and --tls-key, --tls for a certificate that is made here, or --behind-proxy ADDRESS where a proxy does it";

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
            onenet::token::check(&known, password, Some(user), client, onenet::tasks::now())
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
