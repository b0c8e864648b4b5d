// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hours of the day within which devices begin. Pure: the clock is handed in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// `HH:MM`, as schemas say it.
const HOUR: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";

/// Hours of each day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `HH:MM`.
    #[schemars(regex(pattern = HOUR))]
    pub from: String,
    /// `HH:MM`; earlier than `from`: on the next day.
    #[schemars(regex(pattern = HOUR))]
    pub to: String,
    /// Minutes that local time is ahead of UTC.
    #[serde(default)]
    #[schemars(range(min = -840, max = 840))]
    pub utc_offset: i32,
}

impl Window {
    /// Refuses hours that make no sense.
    pub fn check(&self) -> Result<(), Failure> {
        if self.minutes(&self.from)? == self.minutes(&self.to)? || self.utc_offset.unsigned_abs() > 14 * 60 {
            return Err(Failure::new("a window has two different times, and an offset of at most 14 hours"));
        }
        Ok(())
    }

    fn minutes(&self, text: &str) -> Result<i64, Failure> {
        let odd = || Failure::new(format!("{text:?} is no time; write HH:MM"));
        let (hours, minutes) = text.split_once(':').ok_or_else(odd)?;
        let number = |text: &str, most: i64| {
            let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i64>().ok().filter(|n| plain && *n <= most)
        };
        Ok(number(hours, 23).ok_or_else(odd)? * 60 + number(minutes, 59).ok_or_else(odd)?)
    }

    /// Whether an instant, in ms since 1970, is within the hours.
    pub fn is_open(&self, now: i64) -> bool {
        let (Ok(from), Ok(to)) = (self.minutes(&self.from), self.minutes(&self.to)) else {
            return false;
        };
        let minute = (now / 60_000 + i64::from(self.utc_offset)).rem_euclid(24 * 60);
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        let window =
            |from: &str, to: &str, utc_offset| Window { from: from.into(), to: to.into(), utc_offset };
        let at = |hours: i64, minutes: i64| (hours * 60 + minutes) * 60_000 + 86_400_000 * 20_000;
        let night = window("22:00", "05:30", 0);
        for (h, m, open) in [(21, 59, false), (22, 0, true), (0, 0, true), (5, 29, true), (5, 30, false)] {
            assert_eq!(night.is_open(at(h, m)), open, "{h}:{m}");
        }
        assert!(
            window("08:00", "09:00", 480).is_open(at(0, 30))
                && !window("08:00", "09:00", 480).is_open(at(8, 30))
        );
        for (from, to, offset) in [
            ("8:00", "09:00", 0),
            ("24:00", "09:00", 0),
            ("08:60", "09:00", 0),
            ("08:00", "08:00", 0),
            ("08:00", "09:00", 900),
            ("+8:00", "09:00", 0),
        ] {
            assert!(window(from, to, offset).check().is_err(), "{from} {to} {offset}");
        }
    }
}
