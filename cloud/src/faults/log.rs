// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was asked for, per token: so that a test sees the Range headers and the number of connections.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

use super::request::Request;

/// Requests remembered per token, and tokens remembered. Later requests are counted but not kept; of the tokens the oldest
/// is forgotten.
const MAX: usize = 10_000;

/// A request that was seen. Each came over its own connection.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Milliseconds since the server began.
    pub at_ms: u64,
    /// The request.
    #[serde(flatten)]
    pub request: Request,
}

#[derive(Debug, Default)]
struct Token {
    attempts: HashMap<String, u32>,
    connections: u64,
    seen: Vec<Seen>,
}

/// All tokens.
#[derive(Debug)]
pub struct Log {
    began: Instant,
    tokens: Mutex<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    by_name: HashMap<String, Token>,
    /// From the oldest to the newest.
    order: VecDeque<String>,
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self { began: Instant::now(), tokens: Mutex::default() }
    }

    /// Records a request and gives its number for this token and case, from 1.
    pub fn record(&self, token: &str, case: &str, request: &Request) -> u32 {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut tokens = self.tokens.lock();
        if !tokens.by_name.contains_key(token) {
            if tokens.order.len() >= MAX
                && let Some(oldest) = tokens.order.pop_front()
            {
                tokens.by_name.remove(&oldest);
            }
            tokens.order.push_back(token.to_owned());
        }
        let entry = tokens.by_name.entry(token.to_owned()).or_default();
        entry.connections += 1;
        if entry.seen.len() < MAX {
            entry.seen.push(Seen { at_ms, request: request.clone() });
        }
        let attempts = entry.attempts.entry(case.to_owned()).or_default();
        *attempts = attempts.saturating_add(1);
        *attempts
    }

    /// The token's requests as JSON.
    pub fn json(&self, token: &str) -> serde_json::Value {
        let tokens = self.tokens.lock();
        match tokens.by_name.get(token) {
            Some(entry) => serde_json::json!({
                "token": token, "connections": entry.connections, "requests": entry.seen,
            }),
            None => serde_json::json!({ "token": token, "connections": 0, "requests": [] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_count_per_token_and_case() {
        let log = Log::new();
        let request = Request::default();
        assert_eq!(log.record("a", "x", &request), 1);
        assert_eq!(log.record("a", "x", &request), 2);
        assert_eq!(log.record("a", "y", &request), 1);
        assert_eq!(log.record("b", "x", &request), 1);
        assert_eq!(log.json("a").pointer("/connections").unwrap(), 3);
        assert_eq!(log.json("c").pointer("/connections").unwrap(), 0);
    }

    #[test]
    fn the_oldest_tokens_are_forgotten() {
        let log = Log::new();
        let request = Request::default();
        for n in 0..=MAX {
            assert_eq!(log.record(&format!("t{n}"), "x", &request), 1);
        }
        assert_eq!(log.record(&format!("t{MAX}"), "x", &request), 2);
        assert_eq!(log.record("t1", "x", &request), 2);
        assert_eq!(log.json("t0").pointer("/connections").unwrap(), 0);
    }
}
