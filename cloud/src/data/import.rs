// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a file into the data directory: its bytes first, under their digest, then the row that names them. A command
//! that is killed in between leaves the old row with the old bytes.

use std::fs;
use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::blobs::Blobs;
use super::files::Layout;
use super::model::Content;
use crate::Failure;

/// Copies rather than links: a build that writes its output in place would otherwise change the image under
/// the digests. These are taken from the copy, so they always belong to the bytes that are served.
pub fn take(layout: &Layout, source: &Path, in_place: bool) -> Result<Content, Failure> {
    let source = source.canonicalize().map_err(|e| Failure::io("open", source, &e))?;
    let name = url_name(&source.file_name().map(|n| n.to_string_lossy()).unwrap_or_default());
    // A device or a pipe may never end.
    if !source.is_file() {
        return Err(Failure::new(format!("{} is no file", source.display())));
    }
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
pub fn url_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = name.chars().take(100).map(|c| if plain(c) { c } else { '_' }).collect();
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
        let Some(chunk) = buffer.get(..n).filter(|c| !c.is_empty()) else {
            break;
        };
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

/// The bytes of hex digits, of either case.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_urls() {
        assert_eq!(url_name("fw 1.bin"), "fw_1.bin");
        assert_eq!(url_name("固件"), "__");
        assert_eq!(url_name("../x"), ".._x");
        assert_eq!(url_name(""), "image.bin");
    }
}
