// SPDX-License-Identifier: MIT OR Apache-2.0
//! placeholder
use crate::Failure;
/// x
#[derive(Debug, clap::Args)]
pub struct Options {}
/// x
pub fn run(_: &Options) -> Result<(), Failure> {
    Ok(())
}
