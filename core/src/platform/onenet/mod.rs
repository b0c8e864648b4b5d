// SPDX-License-Identifier: MIT OR Apache-2.0
//! China Mobile's OneNET: its OTA API over HTTP in three dialects, the tokens that sign requests, its MQTT notice.
//!
//! The requests of the two older dialects were observed on the platform's own C SDK; golden tests pin them byte by byte.

pub mod answer;
pub mod inform;
pub mod request;
pub mod task;
pub mod token;
pub mod value;

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// Longest text of an identity that is taken, in bytes.
const MAX_PART: usize = 512;

/// A device of the current platform, which names it by product and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The product's id.
    pub product_id: String,
    /// The device's name within the product.
    pub name: String,
}

impl Device {
    /// `None` when a part is empty, too long, or would not stay one part of a path and one level of a topic.
    pub fn new(product_id: &str, name: &str) -> Option<Self> {
        let fits = |text: &str| plain(text) && !text.contains(['/', '?', '#', '+']);
        (fits(product_id) && fits(name))
            .then(|| Self { product_id: product_id.to_owned(), name: name.to_owned() })
    }
}

/// Whether `text` can stand in a request without being escaped: not empty, not too long, no blank, nothing unprintable.
pub fn plain(text: &str) -> bool {
    (1..=MAX_PART).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Which of OneNET's OTA APIs is spoken, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The general API; tasks are named by tokens.
    General {
        /// The device's id.
        device_id: String,
        /// Whether a task is to name an address that packages come from.
        cdn: bool,
    },
    /// The things-model API; tasks are named by numbers.
    Studio(Device),
    /// The current platform's API: other paths, another envelope.
    Fuse(Device),
}

impl Dialect {
    /// The platform's host.
    pub fn host(&self) -> &'static str {
        match self {
            Self::General { .. } => "ota.heclouds.com",
            Self::Studio(_) => "studio-ota.heclouds.com",
            Self::Fuse(_) => "iot-api.heclouds.com",
        }
    }

    /// The device, where products and names are known.
    pub fn device(&self) -> Option<&Device> {
        match self {
            Self::General { .. } => None,
            Self::Studio(device) | Self::Fuse(device) => Some(device),
        }
    }
}

/// What names a task: a token in the general API, a number elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskId {
    /// A token, valid for two days.
    Token(String),
    /// A number.
    Number(u32),
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => f.write_str(token),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Numbers with which the platform answers.
pub mod errno {
    /// No task for this device.
    pub const NO_TASK: i64 = 11;
    /// The token is older than two days.
    pub const TOKEN_EXPIRED: i64 = 12;
    /// The task is in a state that does not allow this.
    pub const INVALID_TASK_STATE: i64 = 17;
    /// The task was ended.
    pub const TASK_TERMINATED: i64 = 20;
    /// The task was cancelled.
    pub const TASK_CANCELLED: i64 = 22;
    /// In the answer to a download: the token is not, or no longer, valid.
    pub const DOWNLOAD_INVALID_TOKEN: i64 = 3;
}

/// Codes of the report on a task. 0..=100 is the download's progress in percent.
pub mod step {
    /// The download is complete.
    pub const DOWNLOADED: u32 = 101;
    /// Download: no room to store the image.
    pub const NO_SPACE: u32 = 102;
    /// Download: out of memory.
    pub const NO_MEMORY: u32 = 103;
    /// Download: no answer in time.
    pub const TIMEOUT: u32 = 104;
    /// Download: the battery is too low.
    pub const LOW_POWER: u32 = 105;
    /// Download: the signal is too weak.
    pub const BAD_SIGNAL: u32 = 106;
    /// Download: another failure.
    pub const DOWNLOAD_FAILED: u32 = 107;
    /// The upgrade is done.
    pub const UPGRADED: u32 = 201;
    /// Upgrade: the version is not the task's.
    pub const VERSION_MISMATCH: u32 = 204;
    /// Upgrade: the image's MD5 is wrong.
    pub const MD5_MISMATCH: u32 = 205;
    /// Upgrade: another failure.
    pub const UPGRADE_FAILED: u32 = 206;
    /// Upgrade: all attempts used up.
    pub const RETRIES_EXHAUSTED: u32 = 207;
    /// Upgrade: the task or its token has expired.
    pub const EXPIRED: u32 = 208;
}
