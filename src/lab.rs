// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reaching a local cloud without editing the firmware's source. Only lab builds (cargo feature `lab`, CMake option
//! `OTAKIT_LAB`) read these environment variables; any other build answers "not set", and says once that it ignores those that are set.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `OTAKIT_LAB_ALIYUN_MQTT` | `host:port` or `mqtt://host:port` (plain TCP), `mqtts://host:port` (TLS): stands in for every `*.aliyuncs.com` broker |
//! | `OTAKIT_LAB_ONENET` | `http://host:port` or `https://host:port`: stands in for the hosts of OneNET's OTA API |
//! | `OTAKIT_LAB_ONENET_MQTT` | as `OTAKIT_LAB_ALIYUN_MQTT`, for OneNET's broker |
//! | `OTAKIT_LAB_ALIYUN_HTTP` | `[http://]host:port` (plain TCP), `https://host:port` (TLS): stands in for the hosts that register devices |
//! | `OTAKIT_LAB_CA` | path of a PEM file with authorities that TLS connections trust in addition |

use std::sync::atomic::{AtomicBool, Ordering};

/// Where a platform's host was redirected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether to speak TLS.
    pub tls: bool,
}

impl Redirect {
    /// Reads the variable's value; `scheme` is that of a plain connection, and with an `s` behind it of TLS.
    pub fn parse(value: &str, scheme: &str) -> Option<Self> {
        let (tls, rest) = match value.split_once("://") {
            Some((given, rest)) if given == scheme => (false, rest),
            Some((given, rest)) if given.strip_suffix('s') == Some(scheme) => (true, rest),
            Some(_) => return None,
            None => (false, value),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|&port| port != 0)?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, tls })
    }
}

/// Where Aliyun's brokers are redirected to.
pub fn aliyun_mqtt() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ALIYUN_MQTT", "mqtt")
}

/// Where the hosts that register devices are redirected to.
pub fn aliyun_http() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ALIYUN_HTTP", "http")
}

/// Where the hosts of OneNET's OTA API are redirected to.
pub fn onenet() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ONENET", "http")
}

/// Where OneNET's broker is redirected to.
pub fn onenet_mqtt() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ONENET_MQTT", "mqtt")
}

fn redirect(name: &str, scheme: &str) -> Option<Redirect> {
    let value = variable(name)?;
    let redirect = Redirect::parse(&value, scheme);
    if redirect.is_none() {
        crate::log!(
            Error,
            "lab",
            "{name} is '{value}', not [{scheme}://]host:port or {scheme}s://host:port: ignored, the platform's host is used"
        );
    }
    redirect
}

/// Authorities that TLS connections trust in addition, in PEM form.
pub fn authorities() -> Option<Vec<u8>> {
    let path = variable("OTAKIT_LAB_CA")?;
    std::fs::read(&path)
        .inspect_err(|error| crate::log!(Error, "lab", "OTAKIT_LAB_CA: {path}: {error}: ignored"))
        .ok()
}

/// Every variable that a lab build reads.
const VARIABLES: [&str; 5] = [
    "OTAKIT_LAB_ALIYUN_MQTT",
    "OTAKIT_LAB_ALIYUN_HTTP",
    "OTAKIT_LAB_ONENET",
    "OTAKIT_LAB_ONENET_MQTT",
    "OTAKIT_LAB_CA",
];

#[cfg(feature = "lab")]
fn variable(name: &str) -> Option<String> {
    static CHECKED: AtomicBool = AtomicBool::new(false);
    if !CHECKED.swap(true, Ordering::Relaxed) {
        crate::log::announce();
        for (given, _) in std::env::vars_os() {
            let given = given.to_string_lossy();
            if given.starts_with("OTAKIT_LAB_") && !VARIABLES.contains(&given.as_ref()) {
                crate::log!(Warning, "lab", "{given} is ignored: the variables are {}", VARIABLES.join(", "));
            }
        }
    }
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(not(feature = "lab"))]
fn variable(_: &str) -> Option<String> {
    static CHECKED: AtomicBool = AtomicBool::new(false);
    if !CHECKED.swap(true, Ordering::Relaxed) {
        let set: Vec<_> = VARIABLES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect();
        if !set.is_empty() {
            let set = set.join(", ");
            crate::log!(Warning, "lab", "{set} ignored: not a lab build (configure with -DOTAKIT_LAB=ON)");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let some = |host: &str, port, tls| Some(Redirect { host: host.to_owned(), port, tls });
        assert_eq!(Redirect::parse("127.0.0.1:1883", "mqtt"), some("127.0.0.1", 1883, false));
        assert_eq!(Redirect::parse("mqtt://h:1", "mqtt"), some("h", 1, false));
        assert_eq!(Redirect::parse("mqtts://[::1]:8883", "mqtt"), some("::1", 8883, true));
        assert_eq!(Redirect::parse("http://h:80/", "http"), some("h", 80, false));
        assert_eq!(Redirect::parse("https://h:443", "http"), some("h", 443, true));
        for bad in ["", "h", "h:", "h:0", "h:x", ":1", "http://h:1", "mqtt://h:70000"] {
            assert_eq!(Redirect::parse(bad, "mqtt"), None, "{bad}");
        }
    }
}
