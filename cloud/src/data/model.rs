// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud remembers: devices, their updates, firmware and configurations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::configs::CONFIG;
use crate::rollout::upgrade::State;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Names one device on any platform: product key and device name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey {
    /// Product key.
    pub product: String,
    /// Device name, unique within the product.
    pub device: String,
}

impl DeviceKey {
    /// Builds a key; the parts are checked where they enter (see [`super::checked_name`]).
    pub fn new(product: impl Into<String>, device: impl Into<String>) -> Self {
        Self { product: product.into(), device: device.into() }
    }
}

impl std::fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.product, self.device)
    }
}

/// A device.
#[derive(Clone, Serialize, Deserialize)]
pub struct Device {
    /// Its number in the database.
    #[serde(default, skip_serializing)]
    pub id: i64,
    /// Product key.
    pub product_key: String,
    /// Device name.
    pub device_name: String,
    /// The secret that signs the device in.
    pub device_secret: String,
    /// The product's secret, for platforms that derive sign-in from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_secret: Option<String>,
    /// The version last reported by the device.
    #[serde(default)]
    pub version: Option<String>,
    /// When it was reported.
    #[serde(default)]
    pub version_at: Option<String>,
    /// The gateway that it belongs to, `product/device`, when it is a sub-device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The versions of its modules; as `$config` the configuration that it was given last by an order of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
    /// A configuration was pushed that the device has not been given yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub config_due: bool,
    /// It has been on line by itself, and not through a gateway.
    #[serde(default, skip_serializing)]
    pub signed_in: bool,
    /// Its updates, oldest first, where they were asked for.
    #[serde(default)]
    pub updates: Vec<Update>,
}

/// Without its secrets.
impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("key", &self.key())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// The device's name.
    pub fn key(&self) -> DeviceKey {
        DeviceKey::new(&self.product_key, &self.device_name)
    }
}

/// One update of one device.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Update {
    /// Its number; also the `id` of the offer on the wire.
    pub id: u64,
    /// The number of its device.
    #[serde(default, skip)]
    pub device: i64,
    /// The job that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// The number of the firmware, while that is there.
    #[serde(default, skip)]
    pub firmware_key: Option<i64>,
    /// The version that the device had reported before.
    pub from: Option<String>,
    /// The version offered.
    pub to: String,
    /// Identifies the firmware.
    pub firmware: String,
    /// The bytes that were offered.
    #[serde(default)]
    pub sha256: String,
    /// The module that it is for; `None`: the device itself; `$config`: it is a configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// How often the offer was given to the device; 0 while it waits for the device.
    pub pushes: u32,
    /// How often it was tried; once more for each retry.
    #[serde(default)]
    pub attempts: u32,
    /// The last percentage that the device reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// When the update was ordered.
    pub pushed_at: String,
    /// How far it has come.
    pub state: State,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it succeeded or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What the device reported, in order.
    pub steps: Vec<Step>,
    /// Reports that came beyond the number kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub steps_dropped: u64,
}

impl Update {
    /// Whether it brings a configuration.
    pub fn is_config(&self) -> bool {
        self.module.as_deref() == Some(CONFIG)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One progress report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// When it arrived.
    pub at: String,
    /// Percentage 0..=100, or a failure below 0.
    pub step: i32,
    /// The device's own words.
    pub desc: String,
}

/// Which digest an offer names beside `md5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// `signMethod` is `Md5`.
    Md5,
    /// `signMethod` is `Sha256`.
    Sha256,
}

impl Sign {
    /// The name, as in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        }
    }

    /// The digest of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|sign| sign.name() == name)
    }
}

/// A file that the origin hands out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Content {
    /// The name in the URL.
    pub name: String,
    /// Where the bytes are, when they are not in the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place: Option<PathBuf>,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub md5: String,
    /// Lower-case hex.
    pub sha256: String,
}

/// A firmware.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Firmware {
    /// Its number in the database.
    #[serde(default)]
    pub key: i64,
    /// `<product>-<version>`, or with a module `<product>-<module>-<version>`.
    pub id: String,
    /// The product that it is for.
    pub product_key: String,
    /// Its version.
    pub version: String,
    /// The module that it is for; `None`: the device itself; `$config`: it is a configuration, and its version is made of its
    /// SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether a device that reports an older version is offered it unasked.
    pub auto: bool,
    /// The digest named beside `md5`, none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Sign>,
    /// Whether the offer leaves `md5` out and relies on `sign`.
    #[serde(default)]
    pub omit_md5: bool,
    /// When it was added.
    pub added_at: String,
    /// The image.
    pub content: Content,
}

impl Firmware {
    /// Whether it is a configuration.
    pub fn is_config(&self) -> bool {
        self.module.as_deref() == Some(CONFIG)
    }

    /// As the messages about configurations have it.
    pub fn as_config(&self) -> Config {
        Config {
            product_key: self.product_key.clone(),
            id: self.version.clone(),
            content: self.content.clone(),
        }
    }
}

/// A product's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The product that it is for.
    pub product_key: String,
    /// Changes with the content.
    pub id: String,
    /// The file.
    pub content: Content,
}

/// Where a running server can be reached: `server.json`, and what `--ready-file` writes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// `host:port` of the MQTT broker.
    pub mqtt: String,
    /// `http://host:port` of the origin and its control API.
    pub http: String,
    /// The server's process.
    pub pid: u32,
    /// SHA-256 of its certificate, when both speak TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The file of that certificate, for devices to check it against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
}
