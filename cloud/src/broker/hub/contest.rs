// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two clients with one device's identity, each of which closes the other's connection: that is noticed, told, slowed down.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::data::model::DeviceKey;

/// A device whose open connection was replaced so often ...
const OFTEN: usize = 4;
/// ... within this time is two devices.
const TIME: Duration = Duration::from_secs(60);

/// When connections that were open were replaced by others of the same device.
#[derive(Debug, Default)]
pub struct Contests(HashMap<DeviceKey, VecDeque<Instant>>);

impl Contests {
    /// Notes that one was replaced. `true`: from now on it counts as a contest.
    pub fn note(&mut self, device: &DeviceKey, now: Instant) -> bool {
        let before = self.is_one(device, now);
        let times = self.0.entry(device.clone()).or_default();
        times.push_back(now);
        if times.len() > OFTEN {
            times.pop_front();
        }
        !before && self.is_one(device, now)
    }

    /// Whether a device's identity is used by two.
    pub fn is_one(&self, device: &DeviceKey, now: Instant) -> bool {
        let times = self.0.get(device);
        times.is_some_and(|times| {
            times.iter().filter(|then| now.duration_since(**then) < TIME).count() >= OFTEN
        })
    }

    /// Forgets a device that has been quiet.
    pub fn calm(&mut self, device: &DeviceKey, now: Instant) {
        if self
            .0
            .get(device)
            .is_some_and(|times| times.back().is_none_or(|last| now.duration_since(*last) >= TIME))
        {
            self.0.remove(device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_in_a_minute() {
        let (start, device) = (Instant::now(), DeviceKey::new("p", "d"));
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut contests = Contests::default();
        let noted: Vec<bool> = [0, 10, 20, 30, 31].iter().map(|n| contests.note(&device, at(*n))).collect();
        assert_eq!(noted, [false, false, false, true, false], "told once");
        assert!(contests.is_one(&device, at(60)) && !contests.is_one(&device, at(75)));
        assert!(!contests.is_one(&DeviceKey::new("p", "e"), at(31)));
        contests.calm(&device, at(60));
        assert!(!contests.0.is_empty(), "too early");
        contests.calm(&device, at(91));
        assert!(contests.0.is_empty());
        // Once in a while is a bad line, not another device.
        let slow: Vec<bool> = (0..9).map(|n| contests.note(&device, at(100 + n * 25))).collect();
        assert!(!slow.contains(&true));
    }
}
