// SPDX-License-Identifier: MIT OR Apache-2.0
//! The administrator's password, kept as an Argon2id hash.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::data::Store;
use crate::{Failure, random};

/// Its name among the settings.
const SETTING: &str = "password";
/// The shortest password taken.
pub const SHORTEST: usize = 10;
/// The longest: hashing takes no longer for more, but nobody types it.
const LONGEST: usize = 1024;

/// Reads the hash, if a password was set.
pub fn load(store: &Store) -> Result<Option<String>, Failure> {
    store.setting(SETTING)
}

/// Sets the password; gives its hash. Everybody who was signed in is signed out.
pub fn set(store: &Store, password: &str) -> Result<String, Failure> {
    let hash = hash(password)?;
    store.batch(|| {
        store.put_setting(SETTING, &hash)?;
        store.end_sessions()
    })?;
    Ok(hash)
}

fn hash(password: &str) -> Result<String, Failure> {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) || password.chars().any(char::is_control) {
        return Err(Failure::new(format!(
            "a password has {SHORTEST} to {LONGEST} characters and no control characters"
        )));
    }
    let mut salt = [0; 16];
    random::fill(&mut salt)?;
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|e| Failure::new(format!("the password cannot be hashed: {e}")))
}

/// Whether the password is the one that was hashed. Takes some 20 ms and 19 MiB.
pub fn verify(hash: &str, password: &str) -> bool {
    // Longer ones are none that could be set.
    password.len() <= LONGEST * 4
        && PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes() {
        let one = hash("correct horse").unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash("correct horse").unwrap(), "salted");
        assert!(verify(&one, "correct horse"));
        for other in ["correct hors", "Correct horse", "", "correct horse "] {
            assert!(!verify(&one, other), "{other:?}");
        }
        assert!(!verify("", "correct horse") && !verify("$argon2id$", "correct horse"));
        for bad in ["short", "", &"x".repeat(1025), "with\nline end"] {
            assert!(hash(bad).is_err(), "{bad:?}");
        }
    }
}
