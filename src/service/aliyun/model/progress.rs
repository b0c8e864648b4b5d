// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which percentages of a download the cloud is told.

use std::time::{Duration, Instant};

/// A report comes when the percentage has grown by more than this …
const STEP: u64 = 5;
/// … and more than this has passed since the last one.
const PAUSE: Duration = Duration::from_millis(50);

/// The rule's memory.
#[derive(Debug)]
pub struct Progress {
    last: u64,
    at: Instant,
}

impl Progress {
    /// The download begins.
    pub fn begin(now: Instant) -> Self {
        Self { last: 0, at: now }
    }

    /// The percentage to be reported now, if any. 100 is left to whoever has verified the image.
    pub fn due(&mut self, fetched: u64, total: u64, now: Instant) -> Option<i32> {
        let percent = u128::from(fetched) * 100 / u128::from(total.max(1));
        let percent = u64::try_from(percent).unwrap_or(100).min(100);
        if percent == 100 || percent <= self.last + STEP || now.duration_since(self.at) <= PAUSE {
            return None;
        }
        (self.last, self.at) = (percent, now);
        i32::try_from(percent).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_more_than_five_and_fifty_milliseconds() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut progress = Progress::begin(start);
        assert_eq!(progress.due(5, 100, after(100)), None);
        assert_eq!(progress.due(6, 100, after(50)), None);
        assert_eq!(progress.due(6, 100, after(51)), Some(6));
        assert_eq!(progress.due(30, 100, after(101)), None);
        assert_eq!(progress.due(30, 100, after(102)), Some(30));
        assert_eq!(progress.due(100, 100, after(1000)), None);
    }

    #[test]
    fn large_images_have_right_percentages() {
        let start = Instant::now();
        for total in [314_572_800_u64, 5_368_709_120, i64::MAX as u64] {
            let mut progress = Progress::begin(start);
            let mut seen = Vec::new();
            for percent in 1..=100_u64 {
                let fetched = (u128::from(total) * u128::from(percent)).div_ceil(100);
                let now = start + Duration::from_secs(percent);
                seen.extend(progress.due(u64::try_from(fetched).unwrap(), total, now));
            }
            assert_eq!(seen, (1..=16).map(|n| n * 6).collect::<Vec<i32>>(), "{total}");
        }
    }
}
