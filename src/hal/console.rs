// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text for the firmware's console, by `HAL_Printf`. Any thread may print.

use std::ffi::CString;

use super::border::in_c;
use super::{ffi, gate};
use crate::log::Level;

/// Prints `text` as it is (never as a format). NUL bytes are left out.
pub fn print(text: &str) {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    let Ok(text) = CString::new(bytes) else { return };
    let Some(_pass) = gate::enter() else { return };
    // SAFETY: the format takes one string, which is NUL-terminated and outlives the call.
    in_c(|| unsafe { ffi::HAL_Printf(c"%s".as_ptr(), text.as_ptr()) });
}

/// A [`crate::log::Sink`] that prints one line: `[wrn] fetch: text`.
///
/// Control characters become `?`: lines may quote what came over the network, and consoles obey.
pub fn log_sink(level: Level, module: &str, text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    print(&format!("[{}] {module}: {text}\n", level.tag()));
}

#[cfg(test)]
mod tests {
    use super::super::test_double::printed;
    use super::*;

    #[test]
    fn lines_are_plain_text() {
        print("100 %s\0 %n\n");
        log_sink(Level::Warning, "fetch", "status 404\x1b[2J\nforged");
        assert_eq!(printed(), ["100 %s %n\n", "[wrn] fetch: status 404?[2J?forged\n"]);
    }
}
