// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers that cbindgen writes from the Rust side of the C border.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::sources::rust_files;

const NATIVE_HEADER: &str = "include/otakit.h";

/// Writes `include/otakit.h`.
pub fn write(root: &Path) -> Outcome {
    replace(&root.join(NATIVE_HEADER), &native(root)?)
}

/// Fails when `include/otakit.h` is not what its source says.
pub fn check(root: &Path) -> Outcome {
    let path = root.join(NATIVE_HEADER);
    let found = fs::read_to_string(&path).map_err(|e| format!("{NATIVE_HEADER}: {e}"))?;
    let wanted = native(root)?;
    if found == wanted {
        return Ok(());
    }
    let line = found.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count() + 1;
    Err(format!(
        "{NATIVE_HEADER} is out of date from line {line} on: run `make headers` and commit the result"
    ))
}

/// Writes a platform's functions as C declarations; with those of Link Kit, whose headers declare them, the HAL
/// functions that Rust imports.
///
/// Included after the platform's hand-written headers, the C compiler rejects each one that differs from its prototype there.
pub fn gate(root: &Path, out: &Path, platform: &str) -> Outcome {
    let config = config(&root.join("xtask/gate.toml"))?;
    let apis = root.join("src/bindings");
    let mut sources = rust_files(&apis)?;
    sources.retain(|path| path.strip_prefix(&apis).is_ok_and(|path| is_of(path, platform)));
    if platform == "linkkit" {
        sources.extend(rust_files(&root.join("src/hal"))?);
    }
    let (roots, sources): (Vec<_>, Vec<_>) = sources.into_iter().partition(|path| path.ends_with("mod.rs"));
    // cbindgen follows `mod x;`: given a `mod.rs`, it would take the native API too and the rest twice.
    for path in roots {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if text.contains("no_mangle") || text.contains("extern \"C\" {") {
            return Err(format!(
                "{}: C functions belong into a file of their own, where the gate looks",
                path.display()
            ));
        }
    }
    let text = generate(config, &sources)?;
    if !text.contains('(') {
        return Err(format!("the gate found no function of {platform}"));
    }
    replace(out, &text)
}

fn native(root: &Path) -> Result<String, String> {
    // cbindgen looks for the modules of native.rs beside it, where no file is: they are named one by one.
    let mut sources = vec![root.join("src/bindings/native.rs")];
    sources.extend(rust_files(&root.join("src/bindings/native"))?);
    generate(config(&root.join("cbindgen.toml"))?, &sources)
}

/// `<platform>.rs`, or a file of the folder `<platform>/`.
fn is_of(path: &Path, platform: &str) -> bool {
    let first = path.components().next().map(|part| part.as_os_str());
    first.is_some_and(|first| first == platform || first == format!("{platform}.rs").as_str())
}

fn config(path: &Path) -> Result<cbindgen::Config, String> {
    let path = path.to_str().ok_or("the project's path is not UTF-8")?;
    cbindgen::Config::from_file(path)
}

fn generate(config: cbindgen::Config, sources: &[PathBuf]) -> Result<String, String> {
    let builder =
        sources.iter().fold(cbindgen::Builder::new().with_config(config), |b, path| b.with_src(path));
    let bindings = builder.generate().map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|e| e.to_string())
}

/// Writes `text` unless the file holds it already, so that nothing is built again for no reason.
fn replace(path: &Path, text: &str) -> Outcome {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
