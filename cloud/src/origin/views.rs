// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the control API shows of devices: everything but their secrets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::data::Store;
use crate::data::model::{Address, Device, DeviceKey, Firmware, Update};

/// The cloud's view of everything, without secrets.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// The server, absent when read from files.
    pub server: Option<Address>,
    /// All devices.
    pub devices: Vec<DeviceView>,
    /// All firmware.
    pub firmware: Vec<Firmware>,
}

/// The cloud's view of a device, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// Product key.
    pub product_key: String,
    /// Device name.
    pub device_name: String,
    /// Whether it is connected; unknown with an external broker or without a server.
    pub online: Option<bool>,
    /// The version last reported.
    pub version: Option<String>,
    /// When.
    pub version_at: Option<String>,
    /// The gateway that it belongs to, when it is a sub-device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The versions of its modules; as `$config` the configuration that it was given last by an order of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
    /// Its updates, oldest first.
    pub updates: Vec<Update>,
}

impl DeviceView {
    /// Leaves the secrets out.
    pub fn new(device: Device, online: Option<bool>) -> Self {
        Self {
            product_key: device.product_key,
            device_name: device.device_name,
            online,
            version: device.version,
            version_at: device.version_at,
            gateway: device.gateway,
            modules: device.modules,
            updates: device.updates,
        }
    }
}

impl StatusView {
    /// One device, or all of them.
    pub fn of(
        store: &Store,
        one: Option<&DeviceKey>,
        server: Option<Address>,
        online: impl Fn(&DeviceKey) -> Option<bool>,
    ) -> Result<Self, Failure> {
        let mut devices = match one {
            Some(key) => store.device(key)?.into_iter().collect(),
            None => store.devices()?,
        };
        let only = one.map(|_| devices.first().map_or(-1, |device: &Device| device.id));
        let mut history = store.history(only)?;
        for device in &mut devices {
            device.updates = history.remove(&device.id).unwrap_or_default();
        }
        let view = |device: Device| {
            let online = online(&device.key());
            DeviceView::new(device, online)
        };
        Ok(Self { server, devices: devices.into_iter().map(view).collect(), firmware: store.all_firmware()? })
    }
}
