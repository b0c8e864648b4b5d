// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions of browsers: a random cookie, of which the database has a hash. They end on sign-out, when they were not used for
//! a while, and after a day's work.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::{Access, SECRET_LENGTH, digest};
use crate::data::time;
use crate::{Failure, random};

/// Milliseconds without a request after which a session ends.
const IDLE: i64 = 30 * 60 * 1000;
/// Milliseconds after which it ends in any case.
const ABSOLUTE: i64 = 12 * 60 * 60 * 1000;
/// Milliseconds between two notes of its use.
const TOUCH: i64 = 60 * 1000;

/// The value of a `Set-Cookie` header.
#[derive(Clone, Debug)]
pub struct Cookie(pub String);

/// How cookies of this server are written.
pub struct Cookies {
    name: String,
    secure: bool,
}

impl Cookies {
    /// All ports of a host share their cookies, so the port is part of the name.
    pub fn new(port: u16, secure: bool) -> Self {
        // Browsers take a name with this prefix from this host by TLS only.
        let prefix = if secure { "__Host-" } else { "" };
        Self { name: format!("{prefix}otakit-{port}"), secure }
    }

    fn set(&self, value: &str, seconds: i64) -> Cookie {
        let secure = if self.secure { "; Secure" } else { "" };
        Cookie(format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", self.name))
    }

    /// The session that a request names. Two of one name: neither is trusted, one was planted.
    fn get<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut ours = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name)
            .map(|(_, value)| value);
        let first = ours.next()?;
        ours.next().is_none().then_some(first)
    }
}

impl Access {
    /// A new session; blocks.
    pub(super) fn begin_session(&self, from: IpAddr) -> Result<Cookie, Failure> {
        let id = random::text(SECRET_LENGTH)?;
        let now = time::now_ms();
        self.store.put_session(&digest(&id), &from.to_string(), now, now - ABSOLUTE)?;
        Ok(self.cookies.set(&id, ABSOLUTE / 1000))
    }

    /// The session of a request, while it lasts; blocks.
    pub(super) fn session_of(&self, headers: &HeaderMap) -> Result<Option<String>, Failure> {
        let Some(id) = self.cookies.get(headers).filter(|id| id.len() == SECRET_LENGTH) else {
            return Ok(None);
        };
        let (hash, now) = (digest(id), time::now_ms());
        let Some(row) = self.store.session(&hash)? else {
            return Ok(None);
        };
        if now - row.created > ABSOLUTE || now - row.used > IDLE {
            self.store.end_session(&hash)?;
            return Ok(None);
        }
        if now - row.used > TOUCH {
            self.store.touch_session(&hash, now)?;
        }
        Ok(Some(hash))
    }

    /// Ends the session of a request; gives the cookie that makes the browser forget it. Blocks.
    pub fn sign_out(&self, session: Option<&str>) -> Result<Cookie, Failure> {
        if let Some(session) = session {
            self.store.end_session(session)?;
        }
        Ok(self.cookies.set("", 0))
    }

    /// Whether a session that [`super::Signed`] named is still good; long answers such as event streams ask now and then.
    pub fn lasts(&self, session: &str) -> bool {
        let now = time::now_ms();
        let row = self.store.session(session).ok().flatten();
        row.is_some_and(|row| now - row.created <= ABSOLUTE && now - row.used <= IDLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        let plain = Cookies::new(8080, false);
        assert_eq!(plain.set("x", 5).0, "otakit-8080=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=5");
        let secure = Cookies::new(443, true);
        assert!(secure.set("x", 5).0.starts_with("__Host-otakit-443=x;"));
        assert!(secure.set("x", 5).0.ends_with("; Secure"));
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; otakit-8080=one; otakit-80801=x".parse().unwrap());
        assert_eq!(plain.get(&headers), Some("one"));
        headers.append(header::COOKIE, "otakit-8080=two".parse().unwrap());
        assert_eq!(plain.get(&headers), None, "one of them was planted");
    }
}
