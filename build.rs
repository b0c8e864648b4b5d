// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the text of `otakit_build_info`.

fn main() {
    println!("cargo::rustc-env=OTAKIT_BUILD_INFO={}", build_info());
    println!("cargo::rerun-if-changed=build.rs");
}

/// How the library is built, in one line.
fn build_info() -> String {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let has = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let yes = |feature| if has(feature) { "yes" } else { "no" };
    let doors = ["linkkit", "onenet", "haas", "quectel"];
    let doors: Vec<_> = doors.into_iter().filter(|door| has(&door.to_uppercase())).collect();
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
        "otakit {}; doors {}; mqtt {}; tls {tls}; signature {}; profile {profile}; target {}; lab {}",
        variable("CARGO_PKG_VERSION"),
        if doors.is_empty() { "none".to_owned() } else { doors.join(",") },
        yes("MQTT"),
        yes("SIGNATURE"),
        variable("TARGET"),
        yes("LAB"),
    )
}
