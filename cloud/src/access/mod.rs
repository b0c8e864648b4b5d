// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may use the control API and the console.
//!
//! A server without a password is open to whoever reaches its loopback address, as a tool for one's desk. With a password a
//! request needs a session (a cookie that `POST /api/session` gives for the password) or an API token (`Authorization:
//! Bearer …`). [`check`] stands in front of every route that is not for devices; handlers take [`Signed`] to learn who asks.
//!
//! A change that comes with a cookie must also carry the session's CSRF token ([`Signed::csrf`]), as the header
//! `X-CSRF-Token` or as the field `csrf` of a form: a page of another site cannot know it.

pub mod api;
mod check;
pub mod csrf;
pub mod password;
pub mod scope;
mod session;
pub mod tries;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::data::{Store, import};
use crate::{Failure, note, random};
pub use api::Noted;
pub use check::{Detail, Signed, check};
use scope::Scopes;
pub use session::Cookie;
use tries::Tries;

/// How an API token begins, so that people and scanners know one when they see it.
const TOKEN_PREFIX: &str = "okc_";
/// Letters and digits of what must not be guessed: 256 bits and a few.
const SECRET_LENGTH: usize = 44;
/// Sign-ins that may wait for their turn to be hashed.
const WAITING: usize = 16;
/// How long one may wait.
const TURN: Duration = Duration::from_secs(10);

/// The peer of a connection, an extension of each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who may do what on this server.
pub struct Access {
    store: Arc<Store>,
    /// The hash of the password, if there is one.
    password: RwLock<Option<String>>,
    /// What the command line on this machine signs itself in with, until the server ends.
    local: String,
    tries: Mutex<Tries>,
    /// One password is hashed at a time: each takes 19 MiB.
    turn: Semaphore,
    /// Sign-ins that are hashed or wait for it.
    waiting: Semaphore,
    csrf: csrf::Key,
    cookies: session::Cookies,
    /// The proxy whose word on who asks is taken.
    proxy: Option<IpAddr>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// Why somebody was not signed in.
#[derive(Debug)]
pub enum Denied {
    /// It is not the password, or none is set.
    Wrong,
    /// Too many tries, from this address or altogether; when to try again.
    TooMany(Duration),
    /// The server cannot tell.
    Failed(Failure),
}

impl Access {
    /// For a server on `port`; cookies are marked `Secure` when browsers reach it by TLS.
    pub fn new(store: Arc<Store>, port: u16, secure: bool, proxy: Option<IpAddr>) -> Result<Self, Failure> {
        Ok(Self {
            password: RwLock::new(password::load(&store)?),
            store,
            local: format!("{TOKEN_PREFIX}{}", random::text(SECRET_LENGTH)?),
            tries: Mutex::default(),
            turn: Semaphore::new(1),
            waiting: Semaphore::new(WAITING),
            csrf: csrf::Key::fresh()?,
            cookies: session::Cookies::new(port, secure),
            proxy,
        })
    }

    /// Whether anybody who reaches the server may use it: no password was set.
    pub fn is_open(&self) -> bool {
        self.password.read().is_none()
    }

    /// What the command line on this machine signs itself in with.
    pub fn local_token(&self) -> &str {
        &self.local
    }

    /// Checks the password. Right or wrong, it takes as long, and one try is checked at a time.
    pub async fn sign_in(self: &Arc<Self>, password: String, from: IpAddr) -> Result<Cookie, Denied> {
        self.tries.lock().begin(from, Instant::now()).map_err(Denied::TooMany)?;
        let hash = self.password.read().clone().ok_or(Denied::Wrong)?;
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Denied::TooMany(TURN));
        };
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN, self.turn.acquire()).await else {
            return Err(Denied::TooMany(TURN));
        };
        let access = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            if !password::verify(&hash, &password) {
                access.log("nobody", from, "sign-in", "refused");
                return Err(Denied::Wrong);
            }
            access.tries.lock().succeeded(from);
            let cookie = access.begin_session(from).map_err(Denied::Failed)?;
            access.log("admin", from, "sign-in", "done");
            Ok(cookie)
        });
        work.await.unwrap_or_else(|e| Err(Denied::Failed(Failure::new(format!("the sign-in failed: {e}")))))
    }

    /// Sets the password; all sessions end. Blocks.
    pub fn set_password(&self, new: &str) -> Result<(), Failure> {
        let hash = password::set(&self.store, new)?;
        *self.password.write() = Some(hash);
        Ok(())
    }

    /// Makes an API token; the text is shown once and not kept. Blocks.
    pub fn make_token(
        &self,
        name: &str,
        scopes: &Scopes,
        expires: Option<i64>,
    ) -> Result<(crate::data::access::Token, String), Failure> {
        let plain = name.chars().all(|c| c.is_alphanumeric() || " _-.:@/".contains(c));
        if !(1..=64).contains(&name.chars().count()) || !plain {
            return Err(Failure::new(format!(
                "token name {name:?}: 1 to 64 letters, digits, blanks and _-.:@/ are possible"
            )));
        }
        if *scopes == Scopes::default() {
            return Err(Failure::new("a token needs a scope: read, firmware, jobs, devices or admin"));
        }
        let text = format!("{TOKEN_PREFIX}{}", random::text(SECRET_LENGTH)?);
        Ok((self.store.put_token(name, &digest(&text), scopes, expires)?, text))
    }

    /// Writes the audit log. A line that cannot be kept is in the log at least.
    pub fn log(&self, who: &str, from: IpAddr, what: &str, outcome: &str) {
        if let Err(failure) = self.store.audit(who, &from.to_string(), what, outcome) {
            note(format_args!("audit: {who} from {from}: {what}: {outcome} (not kept: {failure})"));
        }
    }
}

/// What is kept of a secret that has enough bits of its own.
fn digest(secret: &str) -> String {
    import::hex(&Sha256::digest(secret.as_bytes()))
}
