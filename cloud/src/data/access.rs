// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions, tokens, the audit log and single settings in the database. Of what lets somebody in only a hash is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Store, time};
use crate::Failure;
use crate::access::scope::Scopes;
use crate::db::Row;

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// When it began, in milliseconds since 1970.
    pub created: i64,
    /// When it was last used.
    pub used: i64,
}

/// An API token, without what only its owner knows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// What its owner called it.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: String,
    /// When it ends; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
}

/// A line of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Audited {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: String,
    /// Who: `local`, `admin` or `token NAME`.
    pub who: String,
    /// The address that it came from.
    pub from: String,
    /// What was done.
    pub what: String,
    /// How it went: an HTTP status, or a word.
    pub outcome: String,
}

/// Numbers for `/metrics`.
#[derive(Debug)]
pub struct Numbers {
    /// Devices.
    pub devices: u64,
    /// Devices with a connection.
    pub online: u64,
    /// Offers.
    pub offers: u64,
    /// Updates by state.
    pub updates: Vec<(String, u64)>,
}

/// Lines of the audit log that are kept.
const AUDITED: i64 = 100_000;
/// The longest text in a line of the audit log, in characters.
const WORDS: usize = 400;

const TOKEN: &str = "id, name, scopes, created_at, expires_at, used_at";

fn token_of(mut row: Row) -> Token {
    Token {
        id: row.int(),
        name: row.text(),
        scopes: Scopes::parse(&row.text()).unwrap_or_default(),
        created_at: time::text(row.int()),
        expires_at: row.maybe_int().map(time::text),
        used_at: row.maybe_int().map(time::text),
    }
}

impl Store {
    /// Numbers of devices and updates.
    pub fn totals(&self) -> Result<Numbers, Failure> {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let (devices, rows) = self.db().read(|tx| {
            let devices = tx.id("SELECT COUNT(*) FROM device", &[])?;
            let sql = "SELECT state, COUNT(*), CAST(SUM(pushes) AS BIGINT) FROM upgrade GROUP BY state ORDER BY state";
            Ok((devices, tx.all(sql, &[])?))
        })?;
        let (mut updates, mut offers) = (Vec::new(), 0);
        for mut row in rows {
            updates.push((row.text(), count(row.int())));
            offers += count(row.int());
        }
        let online = self.live.lock().connections.len() as u64;
        Ok(Numbers { devices: count(devices), online, offers, updates })
    }

    /// A setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>, Failure> {
        let row = self.db().read(|tx| tx.one("SELECT value FROM setting WHERE name = $1", &[name.into()]))?;
        Ok(row.map(|mut row| row.text()))
    }

    /// Keeps a setting.
    pub fn put_setting(&self, name: &str, value: &str) -> Result<(), Failure> {
        let sql = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.db().write(|tx| tx.run(sql, &[name.into(), value.into()])).map(drop)
    }

    /// Keeps a session; those that began before `oldest` are forgotten.
    pub fn put_session(&self, hash: &str, from: &str, now: i64, oldest: i64) -> Result<(), Failure> {
        self.db().write(|tx| {
            tx.run("DELETE FROM session WHERE created_at < $1", &[oldest.into()])?;
            let sql = "INSERT INTO session (hash, origin, created_at, used_at) VALUES ($1, $2, $3, $3)";
            tx.run(sql, &[hash.into(), from.into(), now.into()]).map(drop)
        })
    }

    /// A session by its hash.
    pub fn session(&self, hash: &str) -> Result<Option<SessionRow>, Failure> {
        let sql = "SELECT created_at, used_at FROM session WHERE hash = $1";
        let row = self.db().read(|tx| tx.one(sql, &[hash.into()]))?;
        Ok(row.map(|mut row| SessionRow { created: row.int(), used: row.int() }))
    }

    /// Notes that a session is in use.
    pub fn touch_session(&self, hash: &str, now: i64) -> Result<(), Failure> {
        let sql = "UPDATE session SET used_at = $1 WHERE hash = $2";
        self.db().write(|tx| tx.run(sql, &[now.into(), hash.into()])).map(drop)
    }

    /// Ends a session.
    pub fn end_session(&self, hash: &str) -> Result<(), Failure> {
        self.db().write(|tx| tx.run("DELETE FROM session WHERE hash = $1", &[hash.into()])).map(drop)
    }

    /// Ends all sessions.
    pub fn end_sessions(&self) -> Result<(), Failure> {
        self.db().write(|tx| tx.run("DELETE FROM session", &[])).map(drop)
    }

    /// Keeps a token by its hash; gives its number.
    pub fn put_token(
        &self,
        name: &str,
        hash: &str,
        scopes: &Scopes,
        expires: Option<i64>,
    ) -> Result<Token, Failure> {
        let sql = format!(
            "INSERT INTO token (name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING {TOKEN}"
        );
        let values =
            [name.into(), hash.into(), scopes.to_string().into(), time::now_ms().into(), expires.into()];
        let row = self.db().write(|tx| tx.one(&sql, &values))?;
        row.map(token_of).ok_or_else(|| Failure::new("the database gives no token"))
    }

    /// All tokens, oldest first.
    pub fn tokens(&self) -> Result<Vec<Token>, Failure> {
        let rows = self.db().read(|tx| tx.all(&format!("SELECT {TOKEN} FROM token ORDER BY id"), &[]))?;
        Ok(rows.into_iter().map(token_of).collect())
    }

    /// The token of a hash, unless it has ended; its use is noted once a minute.
    pub fn token(&self, hash: &str, now: i64) -> Result<Option<Token>, Failure> {
        let sql =
            format!("SELECT used_at, {TOKEN} FROM token WHERE hash = $1 AND COALESCE(expires_at, $2) >= $2");
        let Some(mut row) = self.db().read(|tx| tx.one(&sql, &[hash.into(), now.into()]))? else {
            return Ok(None);
        };
        let used = row.maybe_int();
        let token = token_of(row);
        if used.is_none_or(|used| now - used > 60_000) {
            let sql = "UPDATE token SET used_at = $1 WHERE id = $2";
            self.db().write(|tx| tx.run(sql, &[now.into(), token.id.into()]))?;
        }
        Ok(Some(token))
    }

    /// Revokes a token. `false`: there is none.
    pub fn delete_token(&self, id: i64) -> Result<bool, Failure> {
        Ok(self.db().write(|tx| tx.run("DELETE FROM token WHERE id = $1", &[id.into()]))? > 0)
    }

    /// Writes a line of the audit log.
    pub fn audit(&self, who: &str, from: &str, what: &str, outcome: &str) -> Result<(), Failure> {
        let short = |text: &str| text.chars().take(WORDS).collect::<String>();
        self.db().write(|tx| {
            let sql =
                "INSERT INTO audit (at, who, origin, what, outcome) VALUES ($1, $2, $3, $4, $5) RETURNING id";
            let values = [
                time::now_ms().into(),
                short(who).into(),
                from.into(),
                short(what).into(),
                short(outcome).into(),
            ];
            let id = tx.id(sql, &values)?;
            // Now and then: the log has a hundred lines more at most.
            if id % 100 == 0 {
                tx.run("DELETE FROM audit WHERE id <= $1", &[(id - AUDITED).into()])?;
            }
            Ok(())
        })
    }

    /// The newest `limit` lines of the audit log before the line `before`, newest first.
    pub fn audited(&self, before: Option<i64>, limit: i64) -> Result<Vec<Audited>, Failure> {
        let sql =
            "SELECT id, at, who, origin, what, outcome FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let rows = self
            .db()
            .read(|tx| tx.all(sql, &[before.unwrap_or(i64::MAX).into(), limit.clamp(1, 1000).into()]))?;
        let line = |mut row: Row| Audited {
            id: row.int(),
            at: time::text(row.int()),
            who: row.text(),
            from: row.text(),
            what: row.text(),
            outcome: row.text(),
        };
        Ok(rows.into_iter().map(line).collect())
    }
}
