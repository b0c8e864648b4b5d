// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens that only our own pages know: an HMAC of the session, by a key of this process.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::data::import;
use crate::{Failure, random};

/// The header that carries a token.
pub const HEADER: &str = "x-csrf-token";
/// The field of a form that carries a token.
pub const FIELD: &str = "csrf";

/// The key of this process.
pub struct Key([u8; 32]);

impl Key {
    /// A random one.
    pub fn fresh() -> Result<Self, Failure> {
        let mut key = [0; 32];
        random::fill(&mut key)?;
        Ok(Self(key))
    }

    fn mac(&self, session: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(session.as_bytes());
        Some(mac)
    }

    /// The token of a session.
    pub fn token(&self, session: &str) -> String {
        self.mac(session).map(|mac| import::hex(&mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether `token` is that of the session; takes as long for any wrong one.
    pub fn fits(&self, session: &str, token: &str) -> bool {
        let Some(bytes) = import::unhex(token) else {
            return false;
        };
        self.mac(session).is_some_and(|mac| mac.verify_slice(&bytes).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_of_one_session() {
        let key = Key::fresh().unwrap();
        let token = key.token("a");
        assert!(key.fits("a", &token));
        assert!(!key.fits("b", &token) && !Key::fresh().unwrap().fits("a", &token));
        for other in ["", "zz", "00", &token[2..], &format!("{token}00")] {
            assert!(!key.fits("a", other), "{other}");
        }
    }
}
