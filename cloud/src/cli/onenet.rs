// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud onenet …`: tasks of OneNET's devices. Devices and firmware are added as for every platform: the product
//! key is the product id, the device secret the access key in base64.

use serde_json::{Value, json};

use super::client::Server;
use super::{Data, no_server, print};
use crate::Failure;
use crate::rollout::terms;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Order an upgrade; a task of the same kind that is under way is cancelled
    Task {
        #[command(flatten)]
        data: Data,
        /// Product id
        product: String,
        /// Device name; in the general API, the device id
        device: String,
        /// Version of a firmware that was added
        #[arg(long)]
        version: String,
        /// What is upgraded: the module's firmware or the application
        #[arg(long, default_value = "sota")]
        kind: Kind,
        #[command(flatten)]
        terms: Terms,
    },
    /// Cancel what is under way for a device
    Cancel {
        #[command(flatten)]
        data: Data,
        /// Product id
        product: String,
        /// Device name
        device: String,
    },
    /// Show a device's tasks as JSON, with every report
    Tasks {
        #[command(flatten)]
        data: Data,
        /// Product id
        product: String,
        /// Device name
        device: String,
    },
}

/// What an upgrade is of.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    /// The module's firmware.
    Fota,
    /// The application.
    Sota,
}

impl Kind {
    /// The platform's number.
    fn number(self) -> u8 {
        match self {
            Self::Fota => 1,
            Self::Sota => 2,
        }
    }
}

/// What a device is told with a task.
#[derive(Debug, clap::Args)]
pub struct Terms {
    /// Least signal strength
    #[arg(long, default_value_t = 0)]
    signal: u8,
    /// Least battery charge in percent
    #[arg(long, default_value_t = 0)]
    power: u8,
    /// Attempts that the device is told
    #[arg(long, default_value_t = 0)]
    retry: i16,
    /// Seconds between them
    #[arg(long, default_value_t = 0)]
    interval: u32,
    /// Seconds that a token of the task is good for, two days by default
    #[arg(long, value_name = "SECONDS", default_value_t = 172_800)]
    token_life: u64,
}

impl Terms {
    /// As a job has them.
    pub fn of(&self, kind: Kind) -> terms::Terms {
        let Self { signal, power, retry, interval, token_life } = *self;
        terms::Terms { kind: kind.number(), signal, power, retry, interval, token_life }
    }
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Task { data, product, device, version, kind, terms } => {
            let Terms { signal, power, retry, interval, token_life } = terms;
            let order = json!({
                "product_key": product, "device_name": device, "version": version, "kind": kind.number(),
                "signal": signal, "power": power, "retry": retry, "interval": interval, "token_life": token_life,
            });
            let task = server(&data)?.post("/api/onenet/task", &order)?;
            say!("task {} to {version} for {product}/{device}", super::text_of(&task, "tid"));
            Ok(())
        }
        Command::Cancel { data, product, device } => {
            let named = json!({ "product_key": product, "device_name": device });
            let answer = server(&data)?.post("/api/onenet/cancel", &named)?;
            say!("cancelled {}", super::text_of(&answer, "cancelled"));
            Ok(())
        }
        Command::Tasks { data, product, device } => {
            crate::data::checked_name("product id", &product)?;
            crate::data::checked_name("device name", &device)?;
            let tasks: Value =
                server(&data)?.get(&format!("/api/onenet/tasks?product={product}&device={device}"))?;
            print(&tasks)
        }
    }
}

fn server(data: &Data) -> Result<Server, Failure> {
    Server::of(data)?.ok_or_else(no_server)
}
