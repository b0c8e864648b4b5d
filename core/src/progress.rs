// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress in percent, exact for any size.

/// `done` of `total` in whole percent, rounded down; 100 only when all is done. A total of 0 is 0 %.
pub fn percent(done: u64, total: u64) -> u8 {
    if total == 0 {
        return 0;
    }
    let percent = u128::from(done.min(total)) * 100 / u128::from(total);
    u8::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_beyond_32_and_63_bits() {
        let cases = [
            (0, 0, 0),
            (1, 0, 0),
            (0, 1, 0),
            (1, 1, 100),
            (99, 100, 99),
            (42_949_673, 60_000_000, 71),
            (5_368_709_119, 5_368_709_120, 99),
            (5_368_709_120, 5_368_709_120, 100),
            (u64::MAX - 1, u64::MAX, 99),
            (u64::MAX, 1, 100),
        ];
        for (done, total, expected) in cases {
            assert_eq!(percent(done, total), expected, "{done}/{total}");
        }
    }
}
