// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where devices reach this server, and how a person tells that to a board: text, a QR code, a piece of C.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use crate::Failure;
use crate::data::model::Address;
use crate::entrance::reachable;
use crate::origin::{Urls, guard};
use crate::web::snippet;

/// Where devices reach this server.
#[derive(Clone, Debug)]
pub struct Reach {
    /// `host:port`, or `mqtts://host:port` with TLS.
    pub mqtt: String,
    /// `http://host:port` or `https://host:port`.
    pub http: String,
    /// What they trust, with TLS.
    pub certificate: Option<PathBuf>,
}

impl Reach {
    /// By the URLs that devices are given. `listener` is where the MQTT server inside listens.
    pub fn new(urls: &Urls, address: &Address, listener: Option<IpAddr>) -> Result<Self, Failure> {
        let port = address.mqtt.rsplit(':').next().unwrap_or_default();
        let place = match listener {
            Some(ip) => {
                let port = port.parse().map_err(|_| Failure::new("the broker has no port"))?;
                let ip = reachable(SocketAddr::new(ip, port))?;
                format!("{}:{port}", guard::in_url(ip))
            }
            None => address.mqtt.clone(),
        };
        let secured = listener.is_some() && address.certificate.is_some();
        let mqtt = if secured { format!("mqtts://{place}") } else { place };
        Ok(Self { mqtt, http: urls.base().to_owned(), certificate: address.certificate.clone() })
    }
}

/// What `serve --lan` prints: addresses, the certificate's fingerprint, a QR code of both, and C for a product's firmware.
pub fn text(reach: &Reach, address: &Address, products: &[String]) -> Result<String, Failure> {
    let fingerprint = address.fingerprint.as_deref().unwrap_or_default();
    let place = reach.mqtt.rsplit("//").next().unwrap_or_default();
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    // Who scans it sees the console; what stands behind # stays in the phone, for a tool that provisions boards.
    let link = format!("{}/console#mqtt={place}&sha256={fingerprint}", reach.http);
    let code = QrCode::with_error_correction_level(&link, EcLevel::L)
        .map_err(|e| Failure::new(format!("no QR code holds {link}: {e}")))?;
    // Light blocks are drawn, so that it can be read on a dark terminal.
    let code = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let path = reach.certificate.as_ref().ok_or_else(|| Failure::new("there is no certificate to trust"))?;
    let certificate = std::fs::read_to_string(path).map_err(|e| Failure::io("read", path, &e))?;
    let host = host.trim_matches(['[', ']']);
    Ok(format!(
        "console {}/console\nmqtt for devices {}\nsha256 of the certificate {fingerprint}\n\n{code}\n{link}\n\n{}",
        reach.http,
        reach.mqtt,
        snippet::server(products, host, port, &certificate)
    ))
}
