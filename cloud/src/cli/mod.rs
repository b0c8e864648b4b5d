// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line. Commands talk to the running server of the data directory, or work on its files when
//! none runs.

mod client;
mod onenet;
mod status;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::Failure;
use crate::data::Store;
use crate::data::files::Layout;
use crate::data::import::{self, NewFirmware};
use crate::data::lock::DirLock;
use crate::data::model::{DeviceKey, Sign};
use crate::{faults, serve};
use client::Server;

/// A local cloud for OTA development.
///
/// One process is MQTT broker, HTTP origin and OTA service of the platforms that firmware speaks to.
/// Everything listens on the loopback interface unless told otherwise; everything is kept in one directory
/// of JSON files.
#[derive(Debug, Parser)]
#[command(name = "otakit-cloud", version, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no server runs on this data directory,
4 the update that `status --wait` waited for did not succeed.

Example:
  otakit-cloud device add a1PK dev1 SECRET
  otakit-cloud firmware add build/fw.bin --product a1PK --version 2.0.0 --auto
  otakit-cloud serve
  otakit-cloud status a1PK dev1";

/// No server runs on the data directory.
const NO_SERVER: u8 = 3;
/// The update did not succeed.
const NOT_SUCCEEDED: u8 = 4;

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the cloud until SIGINT or SIGTERM
    Serve {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        options: serve::Options,
    },
    /// Add or list devices
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Add or list firmware
    #[command(subcommand)]
    Firmware(FirmwareCommand),
    /// Offer firmware to a device now, the newest or a given version
    Push {
        #[command(flatten)]
        data: Data,
        /// Product key
        product: String,
        /// Device name
        device: String,
        /// A version that was added, newer or not
        #[arg(long)]
        version: Option<String>,
    },
    /// Show devices, their versions and their updates
    Status(status::Options),
    /// Set a product's remote configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Order and show OneNET's upgrade tasks
    #[command(subcommand)]
    Onenet(onenet::Command),
    /// Run an HTTP server that lies, one way per path
    Faults(faults::Options),
}

#[derive(Clone, Debug, Args)]
struct Data {
    /// The data directory
    #[arg(long = "data", value_name = "DIR", default_value = "otakit-cloud-data")]
    dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
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
    /// List devices
    List(Data),
}

#[derive(Debug, Subcommand)]
enum FirmwareCommand {
    /// Add an image: its size, MD5 and SHA-256 are taken, and it is copied into the data directory
    Add {
        #[command(flatten)]
        data: Data,
        /// The image
        file: PathBuf,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version, 1 to 64 letters, digits and _-.+
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
        /// Offer it to every device that reports an older version (1.10.0 is newer than 1.9.0)
        #[arg(long)]
        auto: bool,
        /// Name a digest as signMethod and sign in the offer
        #[arg(long, value_name = "METHOD")]
        sign: Option<Sign>,
        /// Leave md5 out of the offer
        #[arg(long, requires = "sign")]
        omit_md5: bool,
        /// Serve the file from where it is instead of copying it
        #[arg(long)]
        in_place: bool,
        /// Replace firmware of the same product and version
        #[arg(long)]
        replace: bool,
    },
    /// List firmware
    List(Data),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Take a file as the configuration that devices of a product get
    Set {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// The configuration
        #[arg(long)]
        file: PathBuf,
        /// Send it to all devices of the product at once
        #[arg(long)]
        push: bool,
    },
}

impl Data {
    fn layout(&self) -> Layout {
        Layout::new(&self.dir)
    }
}

/// Parses the command line and does what it says.
pub fn run() -> Result<(), Failure> {
    match Cli::parse().command {
        Command::Serve { data, options } => start(&data, &options),
        Command::Device(command) => device(command),
        Command::Firmware(command) => firmware(command),
        Command::Push { data, product, device, version } => {
            let server = Server::of(&data.layout())?.ok_or_else(no_server)?;
            let order = json!({ "product_key": product, "device_name": device, "version": version });
            let answer = server.post("/api/push", &order)?;
            println!("offered {} to {product}/{device}", text_of(&answer, "version"));
            if answer.get("remark").is_some() {
                eprintln!("note: {}", text_of(&answer, "remark"));
            }
            Ok(())
        }
        Command::Status(options) => status::run(&options),
        Command::Config(ConfigCommand::Set { data, product, file, push }) => {
            config(&data, &product, &file, push)
        }
        Command::Onenet(command) => onenet::run(command),
        Command::Faults(options) => faults::run(&options),
    }
}

/// A field of an answer, for printing.
fn text_of(answer: &Value, field: &str) -> String {
    match answer.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    }
}

fn no_server() -> Failure {
    Failure::with_code("no server runs on this data directory (start `otakit-cloud serve`)", NO_SERVER)
}

fn start(data: &Data, options: &serve::Options) -> Result<(), Failure> {
    let layout = data.layout();
    match Server::of(&layout)? {
        Some(server) => Err(Failure::new(format!(
            "a server runs on {} already: {}",
            layout.root().display(),
            server.base()
        ))),
        None => serve::run(layout, options),
    }
}

fn device(command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::Add { data, product, device, secret, product_secret } => {
            let layout = data.layout();
            if let Some(server) = Server::of(&layout)? {
                let new = json!({
                    "product_key": product, "device_name": device,
                    "device_secret": secret, "product_secret": product_secret,
                });
                server.post("/api/devices", &new)?;
            } else {
                let key = DeviceKey::new(&product, &device);
                let _lock = DirLock::take_soon(layout.root())?;
                Store::open(layout)?.put_device(&key, &secret, product_secret.as_deref())?;
            }
            println!("device {product}/{device}");
            Ok(())
        }
        DeviceCommand::List(data) => {
            for device in status::view(&data.layout())?.devices {
                let version = device.version.as_deref().unwrap_or("-");
                println!("{}/{} {version}", device.product_key, device.device_name);
            }
            Ok(())
        }
    }
}

fn firmware(command: FirmwareCommand) -> Result<(), Failure> {
    match command {
        FirmwareCommand::Add {
            data,
            file,
            product,
            version,
            module,
            auto,
            sign,
            omit_md5,
            in_place,
            replace,
        } => {
            let layout = data.layout();
            let (file, product, version) = (file.as_path(), product.as_str(), version.as_str());
            let new = NewFirmware {
                file,
                product,
                version,
                module: module.as_deref(),
                auto,
                sign,
                omit_md5,
                in_place,
                replace,
            };
            let server = Server::of(&layout)?;
            let _lock = match server {
                Some(_) => None,
                None => Some(DirLock::take_soon(layout.root())?),
            };
            let added = import::add_firmware(&layout, &new)?;
            if let Some(server) = server {
                server.post("/api/firmware", &json!({ "id": added.id }))?;
            }
            let content = &added.content;
            println!(
                "firmware {} {} bytes md5 {} sha256 {}",
                added.id, content.size, content.md5, content.sha256
            );
            Ok(())
        }
        FirmwareCommand::List(data) => {
            for f in status::view(&data.layout())?.firmware {
                let auto = if f.auto { " auto" } else { "" };
                println!("{} {} {} bytes{auto}", f.product_key, f.version, f.content.size);
            }
            Ok(())
        }
    }
}

fn config(data: &Data, product: &str, file: &std::path::Path, push: bool) -> Result<(), Failure> {
    let layout = data.layout();
    let server = Server::of(&layout)?;
    if push && server.is_none() {
        return Err(no_server());
    }
    let _lock = match server {
        Some(_) => None,
        None => Some(DirLock::take_soon(layout.root())?),
    };
    let config = import::set_config(&layout, product, file)?;
    println!("config {product} {} {} bytes", config.id, config.content.size);
    if let Some(server) = server {
        let answer = server.post("/api/config", &json!({ "product_key": product, "push": push }))?;
        if push {
            println!("pushed to {} devices", text_of(&answer, "pushed"));
        }
    }
    Ok(())
}
