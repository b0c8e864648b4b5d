// SPDX-License-Identifier: MIT OR Apache-2.0
//! What OneNET's devices are told with a task. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What OneNET's devices are told with a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Terms {
    /// 1: the module's firmware (FOTA); 2: the application (SOTA).
    #[schemars(range(min = 1, max = 2))]
    pub kind: u8,
    /// Least signal.
    #[schemars(range(max = 100))]
    pub signal: u8,
    /// Least charge of the battery, in percent.
    #[schemars(range(max = 100))]
    pub power: u8,
    /// Attempts.
    #[schemars(range(min = 0, max = 100))]
    pub retry: i16,
    /// Seconds between them.
    #[schemars(range(max = 86_400))]
    pub interval: u32,
    /// Seconds that a token of the task is good for.
    #[schemars(range(min = 1, max = 31_622_400))]
    pub token_life: u64,
}

/// The longest life of a token in seconds: a year.
const MAX_TOKEN_LIFE: u64 = 366 * 86_400;

impl Default for Terms {
    /// The application, without conditions; two days.
    fn default() -> Self {
        Self { kind: 2, signal: 0, power: 0, retry: 0, interval: 0, token_life: 172_800 }
    }
}

impl Terms {
    /// Refuses what no device can make sense of.
    pub fn check(&self) -> Result<(), Failure> {
        let rules = [
            ((1..=2).contains(&self.kind), "kind", i64::from(self.kind), "1 (FOTA) or 2 (SOTA)"),
            (self.power <= 100, "power", i64::from(self.power), "0 to 100 percent"),
            (self.signal <= 100, "signal", i64::from(self.signal), "0 to 100"),
            ((0..=100).contains(&self.retry), "retry", i64::from(self.retry), "0 to 100 attempts"),
            (self.interval <= 86_400, "interval", i64::from(self.interval), "0 to 86400 seconds"),
            (
                (1..=MAX_TOKEN_LIFE).contains(&self.token_life),
                "token_life",
                i64::try_from(self.token_life).unwrap_or(i64::MAX),
                "1 to 31622400 seconds",
            ),
        ];
        match rules.iter().find(|(right, ..)| !right) {
            None => Ok(()),
            Some((_, name, value, range)) => {
                Err(Failure::new(format!("{name} is {value}; possible: {range}")))
            }
        }
    }
}
