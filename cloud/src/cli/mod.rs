// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line. Commands talk to the running server of the data directory, or work on its files when
//! none runs.

mod access;
mod client;
mod job;
mod onenet;
mod status;
mod tls;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::Failure;
use crate::data::files::Layout;
use crate::data::firmware::NewFirmware;
use crate::data::lock::DirLock;
use crate::data::model::{DeviceKey, Firmware, Sign};
use crate::data::{Store, import};
use crate::db::{self, Db, Place, migrations};
use crate::{faults, serve};
pub use access::read_password;
use client::{Server, escaped};

/// A local cloud for OTA development.
///
/// One process is MQTT broker, HTTP origin and OTA service of the platforms that firmware speaks to.
/// Everything listens on the loopback interface unless told otherwise; everything is kept in one directory.
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
    /// Add, delete or list devices
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Add, delete or list firmware
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
    /// Call off what a device is to be updated to
    Cancel {
        #[command(flatten)]
        data: Data,
        /// Product key
        product: String,
        /// Device name
        device: String,
    },
    /// Roll a firmware out: verify, approve, start, pause, watch
    #[command(subcommand)]
    Job(job::Command),
    /// Show or change the version of the database's tables
    #[command(subcommand)]
    Db(DbCommand),
    /// Set the administrator's password, which is read from standard input
    Password(access::Password),
    /// Make, list or revoke API tokens
    #[command(subcommand)]
    Token(access::TokenCommand),
    /// Show who changed what
    Audit(access::Audit),
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

    /// The database: `sqlite:PATH`, or `postgres://[USER[:PASSWORD]@]HOST[:PORT]/NAME`; a file in the data directory by
    /// default
    #[arg(long = "db", value_name = "URL", env = "OTAKIT_CLOUD_DB", hide_env_values = true)]
    db: Option<String>,

    /// A server on another machine, `https://HOST:PORT`; an API token for it comes from OTAKIT_CLOUD_TOKEN or --token-file
    #[arg(long, value_name = "URL", env = "OTAKIT_CLOUD_SERVER", conflicts_with = "dir")]
    server: Option<String>,

    /// The file with the API token
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,

    /// SHA-256 of that server's certificate, as `serve` printed it
    #[arg(long, value_name = "HEX", env = "OTAKIT_CLOUD_FINGERPRINT")]
    fingerprint: Option<String>,

    /// Authorities, or the server's own certificate, in PEM; those of the system by default
    #[arg(long, value_name = "FILE", requires = "server", conflicts_with = "fingerprint")]
    ca: Option<PathBuf>,
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
    List(Data),
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Show the version of the tables
    Status(Data),
    /// Bring the tables to a version, the newest by default
    Migrate {
        #[command(flatten)]
        data: Data,
        /// Version; 0 removes the tables with everything in them
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
    },
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
    /// Remove a firmware that no device is being updated to
    Delete {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
    },
    /// Print an address of an image, as an offer has it: it is good for a while
    Url {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
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

    fn place(&self) -> Result<Place, Failure> {
        match &self.db {
            Some(url) => Place::parse(url),
            None => Ok(db::default_place(&self.dir)),
        }
    }

    /// The store, for a command that works without a server. The lock comes first: nobody else works on it meanwhile.
    fn store(&self) -> Result<(Store, DirLock), Failure> {
        let layout = self.layout();
        let lock = DirLock::take_soon(layout.root())?;
        let store = Store::open(layout, Db::open(self.place()?)?)?;
        Ok((store, lock))
    }
}

/// Parses the command line and does what it says.
pub fn run() -> Result<(), Failure> {
    match Cli::parse().command {
        Command::Serve { data, options } => start(&data, &options),
        Command::Device(command) => device(command),
        Command::Firmware(command) => firmware(command),
        Command::Job(command) => job::run(command),
        Command::Db(command) => database(command),
        Command::Cancel { data, product, device } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let order = json!({ "product_key": product, "device_name": device });
            let answer = server.post("/api/cancel", &order)?;
            println!("cancelled {} updates of {product}/{device}", text_of(&answer, "cancelled"));
            Ok(())
        }
        Command::Push { data, product, device, version } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let order = json!({ "product_key": product, "device_name": device, "version": version });
            let answer = server.post("/api/push", &order)?;
            println!("offered {} to {product}/{device}", text_of(&answer, "version"));
            if answer.get("remark").is_some() {
                eprintln!("note: {}", text_of(&answer, "remark"));
            }
            Ok(())
        }
        Command::Password(options) => access::password(&options),
        Command::Token(command) => access::token(command),
        Command::Audit(options) => access::audit(&options),
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
    match Server::local(&layout)? {
        Some(server) => Err(Failure::new(format!(
            "a server runs on {} already: {}",
            layout.root().display(),
            server.base()
        ))),
        None => serve::run(layout, data.place()?, options),
    }
}

fn device(command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::Add { data, product, device, secret, product_secret } => {
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
            println!("device {product}/{device}");
            Ok(())
        }
        DeviceCommand::Delete { data, product, device } => {
            let key = DeviceKey::new(&product, &device);
            if let Some(server) = Server::of(&data)? {
                server.delete(&format!("/api/devices/{}/{}", escaped(&product), escaped(&device)))?;
            } else if !data.store()?.0.delete_device(&key)? {
                return Err(Failure::new(format!("{key} is not registered")));
            }
            println!("deleted {key}");
            Ok(())
        }
        DeviceCommand::Tag { data, product, device, tags } => {
            let key = DeviceKey::new(&product, &device);
            if let Some(server) = Server::of(&data)? {
                let path = format!("/api/devices/{}/{}/tags", escaped(&product), escaped(&device));
                server.post(&path, &json!({ "tags": tags }))?;
            } else if !data.store()?.0.set_tags(&key, &tags)? {
                return Err(Failure::new(format!("{key} is not registered")));
            }
            println!("device {key} in {} groups", tags.len());
            Ok(())
        }
        DeviceCommand::List(data) => {
            for device in status::view(&data, None)?.devices {
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
            let new = NewFirmware { product, version, module, auto, sign, omit_md5, replace };
            new.check()?;
            let added = match Server::of(&data)? {
                Some(server) => upload(&server, &file, &new, in_place)?,
                None => {
                    let (store, _lock) = data.store()?;
                    store.may_add(&new)?;
                    let content = import::take(store.layout(), &file, in_place)?;
                    store.add_firmware(&new, &content)?
                }
            };
            let content = &added.content;
            println!(
                "firmware {} {} bytes md5 {} sha256 {}",
                added.id, content.size, content.md5, content.sha256
            );
            Ok(())
        }
        FirmwareCommand::Delete { data, product, version, module } => {
            let (label, key) = find(&data, &product, &version, module.as_deref())?;
            match Server::of(&data)? {
                Some(server) => drop(server.delete(&format!("/api/firmware/{key}"))?),
                None => drop(data.store()?.0.delete_firmware(key)?),
            }
            println!("deleted {label}");
            Ok(())
        }
        FirmwareCommand::Url { data, product, version, module } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let (_, key) = find(&data, &product, &version, module.as_deref())?;
            println!("{}", text_of(&server.get(&format!("/api/firmware/{key}/url"))?, "url"));
            Ok(())
        }
        FirmwareCommand::List(data) => {
            for f in status::view(&data, None)?.firmware {
                let auto = if f.auto { " auto" } else { "" };
                let module = f.module.map(|module| format!(" module {module}")).unwrap_or_default();
                println!("{} {} {} bytes{module}{auto}", f.product_key, f.version, f.content.size);
            }
            Ok(())
        }
    }
}

/// What a firmware is called, and its number.
fn find(data: &Data, product: &str, version: &str, module: Option<&str>) -> Result<(String, i64), Failure> {
    let label = crate::data::firmware::label(product, module, version);
    let all = status::view(data, None)?.firmware;
    let fits =
        |f: &&Firmware| f.product_key == product && f.version == version && f.module.as_deref() == module;
    let key = all.iter().find(fits).map(|firmware| firmware.key);
    match key {
        Some(key) => Ok((label, key)),
        None => Err(Failure::new(format!("there is no firmware {label}"))),
    }
}

/// Gives an image to the server; one that stays in place is only named.
fn upload(server: &Server, file: &Path, new: &NewFirmware, in_place: bool) -> Result<Firmware, Failure> {
    let mut path =
        format!("/api/firmware?product={}&version={}", escaped(&new.product), escaped(&new.version));
    let mut add = |name: &str, value: &str| {
        path.push_str(&format!("&{name}={}", escaped(value)));
    };
    add("name", &file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default());
    if let Some(module) = &new.module {
        add("module", module);
    }
    if let Some(sign) = new.sign {
        add("sign", sign.name());
    }
    for (name, on) in [("auto", new.auto), ("omit_md5", new.omit_md5), ("replace", new.replace)] {
        if on {
            add(name, "true");
        }
    }
    let answer = if in_place {
        let whole = file.canonicalize().map_err(|e| Failure::io("open", file, &e))?;
        add("in_place", &whole.to_string_lossy());
        server.post(&path, &json!({}))?
    } else {
        server.upload(&path, file)?
    };
    serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")))
}

fn config(data: &Data, product: &str, file: &Path, push: bool) -> Result<(), Failure> {
    let server = Server::of(data)?;
    if push && server.is_none() {
        return Err(no_server());
    }
    if let Some(server) = server {
        let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let path = format!("/api/config?product={}&name={}&push={push}", escaped(product), escaped(&name));
        let answer = server.upload(&path, file)?;
        println!("config {product} {} {} bytes", text_of(&answer, "id"), text_of(&answer, "size"));
        if push {
            println!("pushed to {} devices", text_of(&answer, "pushed"));
        }
    } else {
        let (store, _lock) = data.store()?;
        let content = import::take(store.layout(), file, false)?;
        let config = store.set_config(product, &content)?;
        println!("config {product} {} {} bytes", config.id, config.content.size);
    }
    Ok(())
}

/// Tables of the database.
fn database(command: DbCommand) -> Result<(), Failure> {
    let (DbCommand::Status(data) | DbCommand::Migrate { data, .. }) = &command;
    let _lock = DirLock::take_soon(&data.dir)?;
    let database = Db::open_as_it_is(data.place()?)?;
    if let DbCommand::Migrate { to, .. } = command {
        migrations::run(&database, to)?;
    }
    let (now, newest) = (migrations::version(&database)?, migrations::NEWEST);
    println!("{} tables of version {now}, this program works with {newest}", database.place());
    Ok(())
}
