// SPDX-License-Identifier: MIT OR Apache-2.0
//! How types with secrets inside are shown in log lines.

use core::fmt;

/// Stands in for a secret where a type shows itself: passwords, tokens, signed query strings.
pub struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
