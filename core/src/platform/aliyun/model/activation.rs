// SPDX-License-Identifier: MIT OR Apache-2.0
//! The activation record that a device's tags carry: which SDK, which chip.

use alloc::string::String;
use core::fmt::Write as _;

/// SDK version 3.0.1, as the record spells it.
pub const SDK_VERSION: [u8; 4] = [3, 0, 1, 0];
/// Stands for a hardware address.
pub const HARDWARE: [u8; 8] = [1, 2, 3, 4, 5, 6, 0, 2];
/// Stands for a chip code.
pub const CHIP: [u8; 4] = [1, 2, 3, 4];
/// The record's constant end.
const TAIL: &str = "1111111111222222222233333333334444444444";

/// The record: 80 characters.
pub fn record(version: [u8; 4], random: [u8; 4], hardware: [u8; 8], chip: [u8; 4]) -> String {
    let mut text = String::with_capacity(80);
    for byte in version.iter().chain(&random).chain(&hardware).chain(&chip) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text + TAIL
}

/// The tags that a sub-device sends after its login.
pub fn tags(record: &str) -> String {
    format!(r#"[{{"attrKey":"SYS_ALIOS_ACTIVATION","attrValue":"{record}","domain":"SYSTEM"}}]"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_has_eighty_characters() {
        let record = record(SDK_VERSION, [0xab, 0, 1, 0xff], HARDWARE, CHIP);
        assert_eq!(
            record,
            "03000100AB0001FF0102030405060002010203041111111111222222222233333333334444444444"
        );
        assert_eq!(record.len(), 80);
        assert!(tags(&record).starts_with(r#"[{"attrKey":"SYS_ALIOS_ACTIVATION","attrValue":"03"#));
    }
}
