// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud device …`.

use clap::Subcommand;
use serde_json::json;

use super::client::{Server, escaped};
use super::{Data, print, status};
use crate::Failure;
use crate::data::model::DeviceKey;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a device, or give it a new secret
    Add {
        #[command(flatten)]
        data: Data,
        /// Product key
        product: String,
        /// Device name
        device: String,
        /// Device secret
        secret: String,
        /// Product secret, for platforms that need it
        #[arg(long = "ps", value_name = "SECRET")]
        product_secret: Option<String>,
    },
    /// Remove a device with everything that is known of it
    Delete {
        #[command(flatten)]
        data: Data,
        /// Product key
        product: String,
        /// Device name
        device: String,
    },
    /// Put a device into groups, in place of those that it is in
    Tag {
        #[command(flatten)]
        data: Data,
        /// Product key
        product: String,
        /// Device name
        device: String,
        /// Groups
        tags: Vec<String>,
    },
    /// List devices
    List {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { data, product, device, secret, product_secret } => {
            if let Some(server) = Server::of(&data)? {
                let new = json!({
                    "product_key": product, "device_name": device,
                    "device_secret": secret, "product_secret": product_secret,
                });
                server.post("/api/devices", &new)?;
            } else {
                let (store, _lock) = data.store()?;
                store.put_device(&DeviceKey::new(&product, &device), &secret, product_secret.as_deref())?;
            }
            say!("device {product}/{device}");
            Ok(())
        }
        Command::Delete { data, product, device } => {
            let key = DeviceKey::new(&product, &device);
            if let Some(server) = Server::of(&data)? {
                server.delete(&format!("/api/devices/{}/{}", escaped(&product), escaped(&device)))?;
            } else if !data.store()?.0.delete_device(&key)? {
                return Err(Failure::absent(format!("{key} is not registered")));
            }
            say!("deleted {key}");
            Ok(())
        }
        Command::Tag { data, product, device, tags } => {
            let key = DeviceKey::new(&product, &device);
            if let Some(server) = Server::of(&data)? {
                let path = format!("/api/devices/{}/{}/tags", escaped(&product), escaped(&device));
                server.post(&path, &json!({ "tags": tags }))?;
            } else if !data.store()?.0.set_tags(&key, &tags)? {
                return Err(Failure::absent(format!("{key} is not registered")));
            }
            say!("device {key} in {} groups", tags.len());
            Ok(())
        }
        Command::List { data, json } => {
            let devices = status::view(&data, None)?.devices;
            if json {
                return print(&devices);
            }
            for device in devices {
                let version = device.version.as_deref().unwrap_or("-");
                say!("{}/{} {version}", device.product_key, device.device_name);
            }
            Ok(())
        }
    }
}
