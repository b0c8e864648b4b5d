// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that nobody can guess, from the operating system's random numbers.

use crate::Failure;

/// 62 characters that need no escape anywhere.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A text of `length` random letters and digits, 5.95 bits each.
pub fn text(length: usize) -> Result<String, Failure> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 32];
        fill(&mut bytes)?;
        // Bytes from 248 on would make the first letters more likely than the others.
        let fair = bytes.iter().filter(|b| **b < 248).filter_map(|b| ALPHABET.get(usize::from(b % 62)));
        text.extend(fair.take(length - text.len()).map(|b| char::from(*b)));
    }
    Ok(text)
}

/// Fills `bytes`.
pub fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes).map_err(|e| Failure::new(format!("the system gives no random numbers: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ() {
        let texts: std::collections::HashSet<String> = (0..1000).map(|_| text(20).unwrap()).collect();
        assert_eq!(texts.len(), 1000);
        assert!(texts.iter().all(|t| t.len() == 20 && t.bytes().all(|b| ALPHABET.contains(&b))));
    }
}
