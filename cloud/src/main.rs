// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud`: a local cloud for OTA development in one process.
//!
//! Data takes one way through the program: [`broker`] carries MQTT messages in and out, [`engine`] makes transactions of
//! them, a platform module ([`aliyun`], [`onenet`]) turns each into changes of the [`data`] store and into replies.
//! [`rollout`] holds what an update and a job are, [`db`] the two databases. [`origin`] hands out the images over HTTP and
//! serves the control API that the command line uses, behind [`access`], and so is [`web`],
//! the console for people. [`faults`] stands alone: an HTTP server that lies.

mod access;
mod aliyun;
mod broker;
mod cli;
mod control;
mod data;
mod db;
mod engine;
mod entrance;
mod faults;
mod lan;
mod limits;
mod log;
mod metrics;
mod onenet;
mod origin;
mod random;
mod rollout;
mod serve;
mod tls;
mod web;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Why a command failed: a sentence for the user and an exit code.
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
    kind: Kind,
}

/// Whose affair a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for cannot be done.
    Refused,
    /// What was asked for is not there.
    Absent,
    /// There is more of it than may be.
    TooLarge,
    /// What can be done was not: the database is away, the disk is full.
    Broken,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1, kind: Kind::Refused }
    }

    /// There is nothing of the name that was given.
    pub fn absent(text: impl Into<String>) -> Self {
        Self { kind: Kind::Absent, ..Self::new(text) }
    }

    /// It is more than may be.
    pub fn too_large(text: impl Into<String>) -> Self {
        Self { kind: Kind::TooLarge, ..Self::new(text) }
    }

    /// It is not the fault of whoever asked.
    pub fn broken(text: impl Into<String>) -> Self {
        Self { kind: Kind::Broken, ..Self::new(text) }
    }

    /// Whose affair it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A failure with another exit code; `cli` documents them.
    pub fn with_code(text: impl Into<String>, code: u8) -> Self {
        Self { code, ..Self::new(text) }
    }

    /// A file operation that failed.
    pub fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub use log::note;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("otakit-cloud: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
