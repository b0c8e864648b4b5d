// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives the shared library its SONAME, which rustc does not set by itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libotakit.so.{major}");
    }
}
