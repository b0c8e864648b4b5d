// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which requests may reach the control API: those that name this server, and no page of another site.
//!
//! A page on the internet can make a browser on this machine send requests here. Its name may resolve to 127.0.0.1 (DNS
//! rebinding), so the Host must be one of ours; and its Origin tells where it comes from.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The authorities (`host:port`) under which this server is known.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: HashSet<String>,
    /// A server on all interfaces: any address in digits, which no name server can redirect.
    any_address: Option<u16>,
}

impl Hosts {
    /// Those of a listener, and of the URL that devices are given.
    pub fn new(listener: SocketAddr, public_url: Option<&str>) -> Self {
        let port = listener.port();
        let mut names: HashSet<String> =
            ["127.0.0.1", "localhost", "[::1]"].iter().flat_map(|host| spellings(host, port)).collect();
        let ip = listener.ip();
        let any_address = ip.is_unspecified().then_some(port);
        names.extend(spellings(&in_url(ip), port));
        if let Some(authority) = public_url.and_then(authority) {
            names.insert(authority.to_ascii_lowercase());
        }
        Self { names, any_address }
    }

    fn knows(&self, authority: &str) -> bool {
        let authority = authority.to_ascii_lowercase();
        self.names.contains(&authority)
            || self.any_address.is_some_and(|port| {
                authority.parse::<SocketAddr>().is_ok_and(|address| address.port() == port)
            })
    }

    /// `Err`: the status and the reason of a refusal.
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err((StatusCode::BAD_REQUEST, "one Host header is needed".to_owned()));
        };
        let host = host.to_str().unwrap_or_default();
        let target = uri.authority().map_or(host, |authority| authority.as_str());
        for named in [host, target] {
            if !self.knows(named) {
                return Err((
                    StatusCode::MISDIRECTED_REQUEST,
                    format!(
                        "{named:?} is not a name of this server; use its address, or start it with --public-url"
                    ),
                ));
            }
        }
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let own = |origin: &str| authority(origin).is_some_and(|authority| self.knows(authority));
        if text("origin").is_some_and(|origin| !own(origin))
            || text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
        {
            return Err((StatusCode::FORBIDDEN, "requests from pages of other sites are refused".to_owned()));
        }
        Ok(())
    }
}

/// With the port, and without where it is HTTP's own.
fn spellings(host: &str, port: u16) -> Vec<String> {
    let mut all = vec![format!("{host}:{port}")];
    // Browsers leave out the port that goes without saying.
    if port == 80 || port == 443 {
        all.push(host.to_owned());
    }
    all
}

/// An address as URLs spell it.
pub fn in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The `host:port` of `http://host:port/…`.
fn authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    rest.split('/').next().filter(|authority| !authority.is_empty())
}

/// The host of a URL, a name or an address without brackets.
pub fn host(url: &str) -> Option<&str> {
    let authority = authority(url)?;
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    }
}

/// Refuses what [`Hosts`] does not let pass.
pub async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    match hosts.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => (status, axum::Json(serde_json::json!({ "error": why }))).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(hosts: &Hosts, uri: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        hosts.check(&uri.parse().unwrap(), &map).map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn hosts_and_origins() {
        let hosts = Hosts::new("127.0.0.1:8080".parse().unwrap(), Some("http://Lab.example:9000/x"));
        let good = ("host", "127.0.0.1:8080");
        for (headers, wanted) in [
            (vec![good], 200),
            (vec![("host", "LOCALHOST:8080")], 200),
            (vec![("host", "[::1]:8080")], 200),
            (vec![("host", "lab.example:9000")], 200),
            (vec![("host", "evil.test:8080")], 421),
            (vec![("host", "127.0.0.1")], 421),
            (vec![("host", "127.0.0.1:8081")], 421),
            (vec![("host", "127.0.0.1.:8080")], 421),
            (vec![("host", "192.168.1.7:8080")], 421),
            (vec![("host", "")], 421),
            (vec![], 400),
            (vec![good, good], 400),
            (vec![good, ("origin", "http://127.0.0.1:8080")], 200),
            (vec![good, ("origin", "http://127.0.0.1:3000")], 403),
            (vec![good, ("origin", "null")], 403),
            (vec![good, ("origin", "http://evil.test")], 403),
            (vec![good, ("sec-fetch-site", "same-origin")], 200),
            (vec![good, ("sec-fetch-site", "none")], 200),
            (vec![good, ("sec-fetch-site", "same-site")], 403),
            (vec![good, ("sec-fetch-site", "cross-site")], 403),
        ] {
            assert_eq!(status(&hosts, "/api/status", &headers), wanted, "{headers:?}");
        }
        assert_eq!(status(&hosts, "http://evil.test:8080/api/status", &[good]), 421, "absolute form");
        let all = Hosts::new("0.0.0.0:80".parse().unwrap(), None);
        assert_eq!(status(&all, "/", &[("host", "192.168.1.7:80")]), 200);
        assert_eq!(status(&all, "/", &[("host", "localhost")]), 200);
        assert_eq!(status(&all, "/", &[("host", "evil.test:80")]), 421);
    }
}
