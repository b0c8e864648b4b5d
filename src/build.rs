// SPDX-License-Identifier: MIT OR Apache-2.0
//! The build script, no module of the crate: writes the text of `otakit_build_info`, and the names of arguments for `src/bindings/arguments.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    println!("cargo::rustc-env=OTAKIT_BUILD_INFO={}", build_info());
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-changed=src/bindings");
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    std::fs::write(PathBuf::from(out).join("arguments.rs"), arguments(Path::new("src/bindings")))
}

/// How the library is built, in one line.
fn build_info() -> String {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let has = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let yes = |feature| if has(feature) { "yes" } else { "no" };
    let platforms = ["linkkit", "onenet", "haas", "quectel"];
    let platforms: Vec<_> = platforms.into_iter().filter(|it| has(&it.to_uppercase())).collect();
    let tls = match (has("HAL_SSL"), has("TLS")) {
        (true, _) => "hal",
        (false, true) => "rustls",
        (false, false) => "none",
    };
    // Cargo tells `release` or `debug`; the name of the profile stands in the path of the output folder alone:
    // .../PROFILE/build/otakit-HASH/out.
    let out = variable("OUT_DIR");
    let profile = std::path::Path::new(&out).ancestors().nth(3).and_then(|path| path.file_name());
    let profile = profile.and_then(|name| name.to_str()).unwrap_or("unknown");
    format!(
        "otakit {}; platforms {}; mqtt {}; tls {tls}; signature {}; delta {}; driver {}; profile {profile}; target {}; lab {}",
        variable("CARGO_PKG_VERSION"),
        if platforms.is_empty() { "none".to_owned() } else { platforms.join(",") },
        yes("MQTT"),
        yes("SIGNATURE"),
        yes("DELTA"),
        if has("POLLED") { "polled" } else { "threaded" },
        variable("TARGET"),
        yes("LAB"),
    )
}

/// The calls that note an argument which they cannot use; each is followed by the argument.
const CONVERSIONS: [&str; 10] = [
    "text::text(",
    "text::given(",
    "text::optional(",
    "text::bytes(",
    "text::buffer(",
    "text::Out::new(",
    "find(",
    "session(",
    "mqtt::find(",
    "ota::session(",
];

/// A table of (file, line, column, argument): where each conversion in the sources of a folder stands, and what it is given.
fn arguments(folder: &Path) -> String {
    let mut rows = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        // The same sources give the same bytes.
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(source) = std::fs::read_to_string(&path) {
                conversions(&source, &path.to_string_lossy().replace('\\', "/"), &mut rows);
            }
        }
    }
    format!("static NAMES: &[(&str, u32, u32, &str)] = &[\n{rows}];\n")
}

fn conversions(source: &str, file: &str, rows: &mut String) {
    for (number, line) in source.lines().enumerate() {
        for call in CONVERSIONS {
            for (at, _) in line.match_indices(call) {
                let before = line[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || "_:.".contains(c)) {
                    continue;
                }
                let given = line[at + call.len()..].trim_start_matches(['&', '*']);
                let is_name = |c: char| c.is_alphanumeric() || "_.".contains(c);
                let given = given.split(|c| !is_name(c)).next().unwrap_or_default();
                // `image.url` is the field, `value.cast()` the argument.
                let given = given.strip_suffix(".cast").unwrap_or(given);
                let name = given.rsplit('.').next().unwrap_or_default();
                if !name.is_empty() {
                    let column = line[..at].chars().count() + 1;
                    let _ = writeln!(rows, "    ({file:?}, {}, {column}, {name:?}),", number + 1);
                }
            }
        }
    }
}
