// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks and generators of the build.
//!
//! ```text
//! xtask headers [--check]          writes include/otakit.h from src/bindings/native.rs, or says that it is out of date
//! xtask gate OUT.h PLATFORM            writes the functions of a platform as C sees them, for the prototype gate
//! xtask exports                    fails unless the body of each exported function is one guarded call
//! xtask layers                     imports within src/ go downward only, see docs/ARCHITECTURE.md
//! xtask symbols [OPTION]... LIB... compares what the libraries export and import with the manifests
//! ```

mod exports;
mod headers;
mod layers;
mod sources;
mod symbols;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a command comes back with; the text is for the person at the terminal.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match args.as_slice() {
        ["headers"] => headers::write(&root),
        ["headers", "--check"] => headers::check(&root),
        ["gate", out, platform] => headers::gate(&root, Path::new(out), platform),
        ["exports"] => exports::check(&root),
        ["layers"] => layers::run(&root),
        ["symbols", rest @ ..] => symbols::run(rest),
        _ => {
            Err("usage: xtask headers [--check] | gate OUT.h PLATFORM | exports | symbols [OPTION]... LIB..."
                .to_owned())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
