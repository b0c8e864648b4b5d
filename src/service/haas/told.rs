// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud is told of an update that the library itself refuses or ends: in steps and words of AliOS Things, and
//! later where there is no connection now.

use super::Device;

/// The cloud's step for how an update ended: 0 or more is good, else a code of AliOS Things.
pub(super) fn step(value: i64) -> i32 {
    match value {
        0.. => 100,
        -4..=-1 => -1,
        -9..=-5 => -2,
        -13..=-10 => -3,
        _ => -4,
    }
}

/// What a code means.
pub(super) fn words(value: i64) -> &'static str {
    match value {
        0.. => "",
        -5 => "OTA download init failed",
        -6 => "OTA download header failed",
        -7 => "OTA download connect failed",
        -8 => "OTA download request failed",
        -9 => "OTA download receive failed",
        -10 => "OTA verify MD5 failed",
        -11 => "OTA verify SHA256 failed",
        -12 => "OTA verify RSA failed",
        -13 => "OTA verify image failed",
        -14 => "OTA upgrade write failed",
        -16 => "OTA upgrade FW too big",
        -25 => "OTA invalid parameter",
        _ => "OTA undefined failed",
    }
}

impl Device {
    /// Tells how an update of a module ended, now or once there is a connection again. Of two ends of one module only the
    /// later counts.
    pub(super) fn tell(&self, module: &str, step: i32, words: &str) {
        self.owed.lock().insert(module.to_owned(), (step, words.to_owned()));
        self.tell_owed();
    }

    /// Tells what could not be told before.
    pub(super) fn tell_owed(&self) {
        let owed = self.owed.lock().clone();
        for (module, (step, words)) in owed {
            if self.progress(&module, step, &words).is_some() {
                self.owed.lock().retain(|name, what| *name != module || *what != (step, words.clone()));
            } else {
                crate::log!(Warning, "haas", "{}: step {step} of {module} not told yet", self.login.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_step() {
        for (value, expected) in [
            (0, 100),
            (7, 100),
            (-1, -1),
            (-4, -1),
            (-5, -2),
            (-9, -2),
            (-10, -3),
            (-13, -3),
            (-14, -4),
            (-16, -4),
            (-17, -4),
            (-25, -4),
        ] {
            assert_eq!(step(value), expected, "{value}");
            assert_eq!(words(value).is_empty(), value >= 0, "{value}");
        }
    }
}
