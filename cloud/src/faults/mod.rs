// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud faults`: an HTTP server that lies, for any client that can fetch a URL.
//!
//! Each path names a case. A case turns a request into a plan, a list of steps that the server carries out
//! on the bare connection: nothing in between corrects what is wrong on purpose. Every connection carries
//! one request.

mod body;
mod cases;
mod log;
mod plan;
mod request;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use crate::Failure;
use crate::cli::write_line;
use crate::data::files;

/// Where to listen.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Write the port number to this file when ready
    #[arg(long, value_name = "PATH")]
    port_file: Option<PathBuf>,

    /// Print the cases as a table and end
    #[arg(long)]
    list: bool,
}

/// Serves until the process is ended.
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.list {
        for case in cases::all() {
            let (family, name, about) = (case.family, case.name, case.about);
            write_line(format_args!("{family:8} {name:36} {:30} {about}", case.expect.join(" | ")));
        }
        return Ok(());
    }
    if let Some(path) = &options.port_file {
        // One from an earlier run would announce the wrong port.
        let _ = std::fs::remove_file(path);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        let failed = |e: std::io::Error| Failure::new(format!("cannot listen on {}: {e}", options.listen));
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        println!("faults http://{address}");
        if let Some(path) = &options.port_file {
            files::write_bytes(path, format!("{}\n", address.port()).as_bytes())?;
        }
        server::Server::new().run(listener).await;
        Ok(())
    })
}
