// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names what is not a package of ours, so that a refusal says what came instead.

use core::fmt;

/// A format that is told apart by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `BSDIFF40` of bsdiff 4.x, bzip2 inside.
    Bsdiff,
    /// `BSDIFF40` in sections, xz inside.
    SectionedBsdiff,
    /// `ENDSLEY/BSDIFF43`, the sequential bsdiff.
    SequentialBsdiff,
    /// VCDIFF (RFC 3284), as xdelta3 writes it.
    Vcdiff,
    /// HDiffPatch.
    HdiffPatch,
    /// A detools patch behind Espressif's header.
    EspDelta,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// gzip.
    Gzip,
}

/// First bytes, and what has them. A sectioned BSDIFF40 begins as a classic one.
const FRONTS: [(&[u8], Format); 8] = [
    (b"ENDSLEY/BSDIFF43", Format::SequentialBsdiff),
    (b"BSDIFF40", Format::Bsdiff),
    (b"HDIFF", Format::HdiffPatch),
    (b"\xD6\xC3\xC4", Format::Vcdiff),
    (b"\x10\xDE\xCD\xFC", Format::EspDelta),
    (b"\x28\xB5\x2F\xFD", Format::Zstd),
    (b"\xFD7zXZ\0", Format::Xz),
    (b"\x1F\x8B", Format::Gzip),
];

impl Format {
    /// Looks at the first bytes of a file; 54 of them are enough. `None`: none of these.
    pub fn of(front: &[u8]) -> Option<Self> {
        let (_, format) = FRONTS.into_iter().find(|(magic, _)| front.starts_with(magic))?;
        let sections = front.get(42..54).is_some_and(|inside| inside == b"\0\0\0\0\0\0\xFD7zXZ\0");
        Some(if format == Self::Bsdiff && sections { Self::SectionedBsdiff } else { format })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bsdiff => "a BSDIFF40 patch",
            Self::SectionedBsdiff => "a BSDIFF40 patch in sections with xz inside",
            Self::SequentialBsdiff => "an ENDSLEY/BSDIFF43 patch",
            Self::Vcdiff => "a VCDIFF (xdelta3) patch",
            Self::HdiffPatch => "an HDiffPatch patch",
            Self::EspDelta => "a patch of esp_delta_ota",
            Self::Zstd => "zstd data",
            Self::Xz => "xz data",
            Self::Gzip => "gzip data",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_front_has_its_name() {
        for (magic, format) in FRONTS {
            let mut front = [0u8; 64];
            front[..magic.len()].copy_from_slice(magic);
            assert_eq!(Format::of(&front), Some(format));
            assert_eq!(Format::of(&magic[..magic.len() - 1]), None);
        }
        let mut sections = [0u8; 64];
        sections[..8].copy_from_slice(b"BSDIFF40");
        sections[40..42].copy_from_slice(&[0x12, 0x34]);
        sections[48..54].copy_from_slice(b"\xFD7zXZ\0");
        assert_eq!(Format::of(&sections), Some(Format::SectionedBsdiff));
        assert_eq!(Format::of(b"\x7FELF"), None);
    }
}
