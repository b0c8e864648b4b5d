// SPDX-License-Identifier: MIT OR Apache-2.0
//! Log lines with a level, handed to one sink. `bindings` installs a sink that prints through `HAL_Printf`.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use parking_lot::RwLock;

/// Severity, with the numbers of Link Kit's `IOT_LogLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// No output at all (as a limit, never as a line's level).
    None = 0,
    /// The library cannot go on.
    Critical = 1,
    /// An operation failed.
    Error = 2,
    /// Input was refused, or a fault was survived.
    Warning = 3,
    /// Milestones of an update.
    Info = 4,
    /// Everything else.
    Debug = 5,
}

impl Level {
    /// The level with this number; anything above `Debug` is `Debug`, anything below `None` is `None`.
    pub fn from_number(n: i32) -> Self {
        match n {
            i32::MIN..=0 => Self::None,
            1 => Self::Critical,
            2 => Self::Error,
            3 => Self::Warning,
            4 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// Three letters, as they stand in front of a line.
    pub fn tag(self) -> &'static str {
        match self {
            Self::None => "---",
            Self::Critical => "crt",
            Self::Error => "err",
            Self::Warning => "wrn",
            Self::Info => "inf",
            Self::Debug => "dbg",
        }
    }
}

/// Receives each line that passes the limit: level, module and text without a newline.
pub type Sink = fn(Level, &str, &str);

static LIMIT: AtomicU8 = AtomicU8::new(Level::Warning as u8);
static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Sets the most talkative level that is still printed. The default is [`Level::Warning`].
pub fn set_limit(level: Level) {
    LIMIT.store(level as u8, Ordering::Relaxed);
}

/// Installs the sink; without one, lines are dropped.
pub fn set_sink(sink: Sink) {
    *SINK.write() = Some(sink);
}

/// Whether a line of this level would be printed.
pub fn enabled(level: Level) -> bool {
    level as u8 <= LIMIT.load(Ordering::Relaxed)
}

/// Formats and hands on one line. Use the [`log!`](crate::log!) macro, which skips the formatting when disabled.
pub fn write(level: Level, module: &str, text: fmt::Arguments<'_>) {
    let sink = *SINK.read();
    if let Some(sink) = sink {
        #[cfg(feature = "lab")]
        announce();
        sink(level, module, &text.to_string());
        PRINTED.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many lines were printed: whoever would explain a failure sees whether another line has done so.
pub fn printed() -> u32 {
    PRINTED.load(Ordering::Relaxed)
}

static PRINTED: AtomicU32 = AtomicU32::new(0);

/// What a lab build says of itself, before anything else that it logs.
#[cfg(feature = "lab")]
const NOTICE: &str =
    "lab build (OTAKIT_LAB=ON): environment variables redirect platform hosts; never ship it";

/// Says, once and as the first line, that this is a lab build.
#[cfg(feature = "lab")]
pub fn announce() {
    static SAID: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let sink = *SINK.read();
    if let Some(sink) = sink.filter(|_| enabled(Level::Warning))
        && !SAID.swap(true, Ordering::Relaxed)
    {
        sink(Level::Warning, "lab", NOTICE);
    }
}

/// `log!(Warning, "fetch", "status {status}")`: one line, formatted only when its level is enabled.
#[macro_export]
macro_rules! log {
    ($level:ident, $module:literal, $($text:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::write($crate::log::Level::$level, $module, format_args!($($text)+));
        }
    };
}
