// SPDX-License-Identifier: MIT OR Apache-2.0
//! CRC-32 as in Ethernet, gzip and zip (polynomial 0x04C11DB7, reflected): finds damage, proves nothing.

/// A running CRC-32.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

const TABLE: [u32; 16] = table();

/// What half a byte does.
const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut n = 0;
    while n < 16 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing)] // In a constant: checked by the compiler.
        {
            table[n] = value;
        }
        n += 1;
    }
    table
}

impl Default for Crc32 {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32 {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            self.half();
            self.half();
        }
    }

    fn half(&mut self) {
        let [low, ..] = self.0.to_le_bytes();
        self.0 = self.0 >> 4 ^ TABLE.get(usize::from(low & 15)).copied().unwrap_or_default();
    }

    /// The checksum of all bytes taken.
    pub fn value(self) -> u32 {
        !self.0
    }

    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> u32 {
        let mut crc = Self::default();
        crc.update(bytes);
        crc.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(Crc32::of(b""), 0);
        assert_eq!(Crc32::of(b"123456789"), 0xCBF4_3926);
        let mut parts = Crc32::default();
        parts.update(b"1234");
        parts.update(b"56789");
        assert_eq!(parts.value(), 0xCBF4_3926);
    }
}
