// SPDX-License-Identifier: MIT OR Apache-2.0
//! An upgrade task: what it is made from, how far it is, and where a report leads.

use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::rollout::terms::Terms;

/// The platform's numbers.
pub mod errno {
    pub const NO_TASK: i64 = 11;
    pub const TOKEN_EXPIRED: i64 = 12;
    pub const INVALID_STATE: i64 = 17;
    pub const TERMINATED: i64 = 20;
    pub const CANCELLED: i64 = 22;
    pub const VERSION_FORMAT: i64 = 27;
    pub const PARAMETERS: i64 = 2;
    pub const UNKNOWN_TOKEN: i64 = 4;
}

/// How far a task is, with the platform's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "TaskState")]
pub enum State {
    Waiting = 1,
    Downloading = 2,
    Upgrading = 3,
    Succeeded = 4,
    Failed = 5,
    Cancelled = 6,
}

impl State {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// What a task is made from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TaskOrder")]
pub struct Order {
    /// What the firmware is called.
    pub firmware: String,
    /// The number of the firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_key: Option<i64>,
    /// The update that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<u64>,
    /// What the device is told besides.
    #[serde(flatten)]
    pub terms: Terms,
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Names it on the current platform.
    pub tid: u32,
    /// Names it in the general API; a new one is given when the old one has expired.
    pub token: String,
    /// When the token was given, in seconds since 1970.
    pub token_at: u64,
    /// What it is made from.
    pub order: Order,
    /// How far it is.
    pub state: State,
    /// Everything that the device reported, in order.
    pub steps: Vec<u32>,
    /// Answers to its notice.
    #[serde(default)]
    pub informed: u32,
}

impl Task {
    /// Whether its token is good no longer at `now`.
    pub fn has_expired(&self, now: u64) -> bool {
        now >= self.token_at.saturating_add(self.order.terms.token_life)
    }
}

/// How a device names a task.
#[derive(Clone, Debug)]
pub enum Name {
    Token(String),
    Tid(u32),
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `ota_` and twenty characters, as the platform gives them; 119 random bits, because a download names nothing else.
pub fn token() -> Result<String, Failure> {
    Ok(format!("ota_{}", crate::random::text(20)?))
}

/// 1 to 20 letters, digits and `._-`.
pub fn is_version(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The state that a report leads to.
pub fn after(state: State, step: u32) -> Result<State, i64> {
    use State::{Cancelled, Downloading, Failed, Succeeded, Upgrading, Waiting};
    match (state, step) {
        (Cancelled, _) => Err(errno::CANCELLED),
        (Succeeded | Failed, _) => Err(errno::TERMINATED),
        (Downloading, 0..=99) => Ok(Downloading),
        (Downloading, 100 | 101) => Ok(Upgrading),
        (Upgrading, 201) => Ok(Succeeded),
        (Waiting | Downloading, 102..=107) | (Waiting | Downloading | Upgrading, 202..=208) => Ok(Failed),
        (Waiting | Downloading | Upgrading, 0..=107 | 201) => Err(errno::INVALID_STATE),
        _ => Err(errno::PARAMETERS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_lead_from_state_to_state() {
        use State::{Cancelled, Downloading, Failed, Succeeded, Upgrading, Waiting};
        for (state, step, next) in [
            (Waiting, 0, Err(17)),
            (Waiting, 105, Ok(Failed)),
            (Downloading, 0, Ok(Downloading)),
            (Downloading, 99, Ok(Downloading)),
            (Downloading, 100, Ok(Upgrading)),
            (Downloading, 101, Ok(Upgrading)),
            (Downloading, 201, Err(17)),
            (Upgrading, 50, Err(17)),
            (Upgrading, 101, Err(17)),
            (Upgrading, 201, Ok(Succeeded)),
            (Upgrading, 205, Ok(Failed)),
            (Downloading, 205, Ok(Failed)),
            (Succeeded, 201, Err(20)),
            (Cancelled, 0, Err(22)),
            (Upgrading, 999, Err(2)),
        ] {
            assert_eq!(after(state, step), next, "{state:?} {step}");
        }
    }

    #[test]
    fn versions_and_tokens() {
        assert!(
            is_version("1.0.0-rc_1") && !is_version("") && !is_version("a b") && !is_version(&"1".repeat(21))
        );
        assert_eq!(token().unwrap().len(), 24);
        assert_ne!(token().unwrap(), token().unwrap());
    }
}
