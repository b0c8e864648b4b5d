// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line. Commands talk to the running server of the data directory, or work on its files when
//! none runs.

/// `println!`, for a reader who may have gone: `otakit-cloud … | head` ends without a word.
macro_rules! say {
    ($($word:tt)*) => { $crate::cli::write_line(format_args!($($word)*)) };
}

mod access;
mod client;
mod device;
mod firmware;
mod job;
mod onenet;
mod status;
mod tls;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::control::{self, document};
use crate::data::Store;
use crate::data::files::Layout;
use crate::data::lock::DirLock;
use crate::db::{self, Db, Place, migrations};
use crate::{faults, log, serve};
pub use access::read_password;
use client::Server;

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
    Device(device::Command),
    /// Add, delete or list firmware
    #[command(subcommand)]
    Firmware(firmware::Command),
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
    Config(firmware::ConfigCommand),
    /// Order and show OneNET's upgrade tasks
    #[command(subcommand)]
    Onenet(onenet::Command),
    /// Run an HTTP server that lies, one way per path
    Faults(faults::Options),
    /// Print the OpenAPI document of the control API
    Openapi,
    /// Print a script that completes this program's commands in a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
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
enum DbCommand {
    /// Show the version of the tables
    Status {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring the tables to a version, the newest by default
    Migrate {
        #[command(flatten)]
        data: Data,
        /// Version; 0 removes the tables with everything in them
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
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
        Command::Device(command) => device::run(command),
        Command::Firmware(command) => firmware::run(command),
        Command::Job(command) => job::run(command),
        Command::Db(command) => database(command),
        Command::Cancel { data, product, device } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let order = json!({ "product_key": product, "device_name": device });
            let answer = server.post("/api/cancel", &order)?;
            say!("cancelled {} updates of {product}/{device}", text_of(&answer, "cancelled"));
            Ok(())
        }
        Command::Push { data, product, device, version } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let order = json!({ "product_key": product, "device_name": device, "version": version });
            let answer = server.post("/api/push", &order)?;
            say!("offered {} to {product}/{device}", text_of(&answer, "version"));
            if answer.get("remark").is_some() {
                eprintln!("note: {}", text_of(&answer, "remark"));
            }
            Ok(())
        }
        Command::Password(options) => access::password(&options),
        Command::Token(command) => access::token(command),
        Command::Audit(options) => access::audit(&options),
        Command::Status(options) => status::run(&options),
        Command::Config(command) => firmware::config(command),
        Command::Onenet(command) => onenet::run(command),
        Command::Faults(options) => faults::run(&options),
        Command::Openapi => print(&document::of(&control::all())),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "otakit-cloud", &mut script);
            say!("{}", String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    }
}

/// Writes a line to the standard output; see `say!`.
pub fn write_line(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("otakit-cloud: cannot write the answer: {error}");
        std::process::exit(1);
    }
}

/// Prints JSON: what the control API answers, in the same form without a server.
fn print(value: &impl Serialize) -> Result<(), Failure> {
    say!("{}", log::visible_json(value).map_err(|e| Failure::new(e.to_string()))?);
    Ok(())
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

/// Tables of the database.
fn database(command: DbCommand) -> Result<(), Failure> {
    let (DbCommand::Status { data, .. } | DbCommand::Migrate { data, .. }) = &command;
    let _lock = DirLock::take_soon(&data.dir)?;
    let database = Db::open_as_it_is(data.place()?)?;
    if let DbCommand::Migrate { to, .. } = command {
        migrations::run(&database, to)?;
    }
    let (now, newest) = (migrations::version(&database)?, migrations::NEWEST);
    if let DbCommand::Status { json: true, .. } = command {
        return print(&json!({ "place": database.place().to_string(), "version": now, "newest": newest }));
    }
    say!("{} tables of version {now}, this program works with {newest}", database.place());
    Ok(())
}
