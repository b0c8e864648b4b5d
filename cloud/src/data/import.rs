// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a file into the data directory: its bytes first, under their digest, then the description that names them. A
//! command that is killed in between leaves the old description with the old bytes.

use std::fs;
use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::blobs::Blobs;
use super::files::{self, Layout};
use super::model::{Config, Content, Firmware, Sign};
use super::{checked_name, checked_version, time};
use crate::Failure;

/// What `firmware add` was asked for.
#[derive(Clone, Debug)]
pub struct NewFirmware<'a> {
    /// The image.
    pub file: &'a Path,
    /// Product key.
    pub product: &'a str,
    /// Version.
    pub version: &'a str,
    /// See [`Firmware::module`].
    pub module: Option<&'a str>,
    /// See [`Firmware::auto`].
    pub auto: bool,
    /// See [`Firmware::sign`].
    pub sign: Option<Sign>,
    /// See [`Firmware::omit_md5`].
    pub omit_md5: bool,
    /// Leave the image where it is.
    pub in_place: bool,
    /// Replace a firmware of the same product and version.
    pub replace: bool,
}

/// Adds a firmware to the data directory.
pub fn add_firmware(layout: &Layout, new: &NewFirmware<'_>) -> Result<Firmware, Failure> {
    checked_name("product key", new.product)?;
    checked_version(new.version)?;
    if new.omit_md5 && new.sign.is_none() {
        return Err(Failure::new("an offer without md5 needs a --sign method"));
    }
    let id = match new.module {
        Some(module) => {
            format!("{}-{}-{}", new.product, checked_name("module", module)?, new.version)
        }
        None => format!("{}-{}", new.product, new.version),
    };
    let description = layout.firmware(&id);
    if description.exists() {
        let old: Firmware = files::read(&description)?;
        if (old.product_key.as_str(), old.module.as_deref(), old.version.as_str())
            != (new.product, new.module, new.version)
        {
            return Err(Failure::new(format!(
                "firmware {id} exists already for product {}, version {}; choose another version",
                old.product_key, old.version
            )));
        }
        if !new.replace {
            return Err(Failure::new(format!("firmware {id} exists already (use --replace)")));
        }
    }
    let content = take(layout, new.file, new.in_place)?;
    let firmware = Firmware {
        id,
        product_key: new.product.to_owned(),
        version: new.version.to_owned(),
        module: new.module.map(str::to_owned),
        auto: new.auto,
        sign: new.sign,
        omit_md5: new.omit_md5,
        added_at: time::now(),
        content,
    };
    files::write(&description, &firmware)?;
    Ok(firmware)
}

/// Sets the configuration of a product.
pub fn set_config(layout: &Layout, product: &str, file: &Path) -> Result<Config, Failure> {
    checked_name("product key", product)?;
    let content = take(layout, file, false)?;
    let id = content.sha256.get(..16).unwrap_or_default().to_owned();
    let config = Config { product_key: product.to_owned(), id, content };
    files::write(&layout.config(product), &config)?;
    Ok(config)
}

/// Copies rather than links: a build that writes its output in place would otherwise change the image under
/// the digests. These are taken from the copy, so they always belong to the bytes that are served.
fn take(layout: &Layout, source: &Path, in_place: bool) -> Result<Content, Failure> {
    let source = source.canonicalize().map_err(|e| Failure::io("open", source, &e))?;
    let name = url_name(&source);
    if in_place {
        let (size, md5, sha256) = digests(&source)?;
        if size == 0 {
            return Err(Failure::new(format!("{} is empty", source.display())));
        }
        return Ok(Content { name, in_place: Some(source), size, md5, sha256 });
    }
    let mut file = fs::File::open(&source).map_err(|e| Failure::io("open", &source, &e))?;
    let blob = layout.blobs().put(&mut file, u64::MAX);
    let blob = blob.map_err(|e| Failure::new(format!("{}: {e}", source.display())))?;
    Ok(Content { name, in_place: None, size: blob.size, md5: blob.md5, sha256: blob.sha256 })
}

/// The last part of the URL: the file's name with everything but plain characters replaced.
fn url_name(source: &Path) -> String {
    let name: String = source
        .file_name()
        .map(|n| n.to_string_lossy())
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect();
    if name.trim_matches('.').is_empty() { "image.bin".to_owned() } else { name }
}

/// Size, MD5 and SHA-256 (lower-case hex) of a file, in constant memory.
pub fn digests(path: &Path) -> Result<(u64, String, String), Failure> {
    let failed = |e: std::io::Error| Failure::io("read", path, &e);
    let mut file = fs::File::open(path).map_err(failed)?;
    let (mut md5, mut sha256, mut size) = (Md5::new(), Sha256::new(), 0_u64);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let n = file.read(&mut buffer).map_err(failed)?;
        let Some(chunk) = buffer.get(..n).filter(|c| !c.is_empty()) else { break };
        md5.update(chunk);
        sha256.update(chunk);
        size += chunk.len() as u64;
    }
    Ok((size, hex(&md5.finalize()), hex(&sha256.finalize())))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_urls() {
        assert_eq!(url_name(Path::new("/a/fw 1.bin")), "fw_1.bin");
        assert_eq!(url_name(Path::new("/a/固件")), "__");
        assert_eq!(url_name(Path::new("/a/firmware.json")), "firmware.json");
        assert_eq!(url_name(Path::new("/")), "image.bin");
    }
}
