// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may reach the server, and by which address: never another machine without a password and TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::Failure;
use crate::access::{Access, password};
use crate::data::Store;
use crate::data::files::Layout;
use crate::origin::api::blocking;
use crate::origin::{self, Urls, guard};
use crate::serve::Options;
use crate::tls::Identity;

/// The environment variable with the administrator's password.
const PASSWORD: &str = "OTAKIT_CLOUD_PASSWORD";

/// The URLs that devices are given.
pub async fn urls(
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
pub fn reachable(listener: SocketAddr) -> Result<IpAddr, Failure> {
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
pub async fn set_password(store: &Arc<Store>, options: &Options) -> Result<(), Failure> {
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
pub async fn guarded(
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
pub async fn entrance(
    layout: &Layout,
    store: &Arc<Store>,
    options: &Options,
) -> Result<Option<Identity>, Failure> {
    let known = store.clone();
    let has_password = blocking(move || password::load(&known)).await?.is_some();
    let mqtt = options.broker.is_none().then_some(("--mqtt", options.mqtt));
    let listeners = [Some(("--http", options.http)), mqtt];
    let reached = listeners.into_iter().flatten().find(|(_, address)| !address.ip().is_loopback());
    let tls = options.tls() || options.tls_cert.is_some();
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
    if !options.tls() {
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
