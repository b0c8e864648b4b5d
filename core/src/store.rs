// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an image could not be stored.

use core::fmt;

/// Why storing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No room left.
    Full,
    /// The medium or the firmware's callback failed.
    Io,
    /// Fewer bytes are there than were to be kept.
    Mismatch,
    /// Not possible with this sink.
    Unsupported,
    /// An image cannot be there: a folder, a device, a link that leads nowhere.
    Destination,
    /// Another update is writing to the same place.
    Busy,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room left to store the image",
            Self::Io => "storing failed",
            Self::Mismatch => "stored bytes are not what was left there",
            Self::Unsupported => "not possible with this store",
            Self::Destination => "an image cannot be stored at that place",
            Self::Busy => "another update is writing to the same place",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn each_error_reads_differently() {
        let all = [
            StoreError::Full,
            StoreError::Io,
            StoreError::Mismatch,
            StoreError::Unsupported,
            StoreError::Destination,
            StoreError::Busy,
        ];
        let texts: std::collections::HashSet<String> = all.iter().map(StoreError::to_string).collect();
        assert_eq!(texts.len(), all.len());
    }
}
