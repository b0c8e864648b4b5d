// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::note;

/// Files that are enough for anything; some systems dislike higher limits.
const FILES: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one: each device is one. Gives the limit now.
pub fn raise_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.unwrap_or(FILES).min(FILES);
    let current = now.current.unwrap_or(FILES);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            note(format_args!("the limit of open files stays {current}, {wanted} was asked for: {error}"));
            current
        }
    }
}
