// SPDX-License-Identifier: MIT OR Apache-2.0
//! otakit-cloud as its users meet it: a process, devices over MQTT and HTTP, and the command line.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test's way to fail.

mod access;
mod api;
mod attacks;
mod console;
mod cota;
mod cota_ways;
mod direct;
mod exposure;
mod hostile;
mod hub;
mod jobs;
mod kill;
mod kill_jobs;
mod lan;
mod legacy;
mod migrations;
mod observe;
mod offers;
mod onenet_jobs;
mod orders;
mod planted;
mod postgres;
mod revoked;
mod rollback;
mod serve;
mod store;
mod support;
mod urls;
