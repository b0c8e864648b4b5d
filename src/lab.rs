// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reaching a local cloud without editing the firmware's source. Only lab builds (cargo feature `lab`, CMake option
//! `OTAKIT_LAB`) read these environment variables; in any other build every function here answers "not set".
//!
//! | Variable | Meaning |
//! |---|---|
//! | `OTAKIT_LAB_ALIYUN_MQTT` | `host:port` or `mqtt://host:port` (plain TCP), `mqtts://host:port` (TLS): stands in for every `*.aliyuncs.com` broker |
//! | `OTAKIT_LAB_ALIYUN_HTTP` | `[http://]host:port` (plain TCP), `https://host:port` (TLS): stands in for the hosts that register devices |
//! | `OTAKIT_LAB_CA` | path of a PEM file with authorities that TLS connections trust in addition |

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
    /// Reads the variable's value.
    pub fn parse(value: &str) -> Option<Self> {
        let (tls, rest) = match value.split_once("://") {
            Some(("mqtts" | "https", rest)) => (true, rest),
            Some(("mqtt" | "http", rest)) => (false, rest),
            Some(_) => return None,
            None => (false, value),
        };
        let (host, port) = rest.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|&port| port != 0)?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, tls })
    }
}

/// Where Aliyun's brokers are redirected to.
pub fn aliyun_mqtt() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ALIYUN_MQTT")
}

/// Where the hosts that register devices are redirected to.
pub fn aliyun_http() -> Option<Redirect> {
    redirect("OTAKIT_LAB_ALIYUN_HTTP")
}

fn redirect(name: &str) -> Option<Redirect> {
    let redirect = Redirect::parse(&variable(name)?);
    if redirect.is_none() {
        crate::log!(Error, "lab", "{name} is not [scheme://]host:port: ignored");
    }
    redirect
}

/// Authorities that TLS connections trust in addition, in PEM form.
pub fn authorities() -> Option<String> {
    let path = variable("OTAKIT_LAB_CA")?;
    std::fs::read_to_string(path)
        .inspect_err(|error| crate::log!(Error, "lab", "OTAKIT_LAB_CA: {error}: ignored"))
        .ok()
}

#[cfg(feature = "lab")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(not(feature = "lab"))]
fn variable(_: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let some = |host: &str, port, tls| Some(Redirect { host: host.to_owned(), port, tls });
        assert_eq!(Redirect::parse("127.0.0.1:1883"), some("127.0.0.1", 1883, false));
        assert_eq!(Redirect::parse("mqtt://h:1"), some("h", 1, false));
        assert_eq!(Redirect::parse("mqtts://[::1]:8883"), some("::1", 8883, true));
        assert_eq!(Redirect::parse("https://h:1"), some("h", 1, true));
        for bad in ["", "h", "h:", "h:0", "h:x", ":1", "ftp://h:1", "mqtt://h:70000"] {
            assert_eq!(Redirect::parse(bad), None, "{bad}");
        }
    }
}
