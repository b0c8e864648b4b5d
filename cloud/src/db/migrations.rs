// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables, version by version. Each step is a transaction, forward and back.

use super::Db;
use crate::{Failure, note};

/// A step from one version of the tables to the next.
struct Migration {
    up: &'static str,
    down: &'static str,
}

/// In order; the first leads from nothing to version 1. Times are milliseconds since 1970.
const ALL: [Migration; 3] = [FIRST, ACCESS, SIGNED_IN];

const FIRST: Migration = Migration {
    up: "
CREATE TABLE product (
    product TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE TABLE device (
    id {ID},
    product TEXT NOT NULL,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    product_secret TEXT,
    version TEXT,
    version_at BIGINT,
    gateway BIGINT REFERENCES device (id) ON DELETE SET NULL,
    config_due BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    UNIQUE (product, name)
);
CREATE INDEX device_gateway ON device (gateway);
CREATE TABLE tag (
    device BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device, tag)
);
CREATE TABLE module (
    device BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    version_at BIGINT NOT NULL,
    PRIMARY KEY (device, name)
);
CREATE TABLE firmware (
    id {ID},
    product TEXT NOT NULL,
    module TEXT NOT NULL,
    version TEXT NOT NULL,
    auto BIGINT NOT NULL,
    sign TEXT,
    omit_md5 BIGINT NOT NULL,
    file TEXT NOT NULL,
    in_place TEXT,
    size BIGINT NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    UNIQUE (product, module, version)
);
CREATE TABLE config (
    product TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    size BIGINT NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
CREATE TABLE job (
    id {ID},
    name TEXT NOT NULL,
    product TEXT NOT NULL,
    firmware BIGINT NOT NULL REFERENCES firmware (id),
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    stage BIGINT NOT NULL,
    reason TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX job_state ON job (state);
CREATE TABLE job_target (
    job BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    device BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    stage BIGINT NOT NULL,
    state TEXT NOT NULL,
    upgrade BIGINT,
    PRIMARY KEY (job, device, stage)
);
CREATE TABLE upgrade (
    id {ID},
    device BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    job BIGINT REFERENCES job (id) ON DELETE SET NULL,
    stage BIGINT NOT NULL,
    firmware BIGINT REFERENCES firmware (id) ON DELETE SET NULL,
    module TEXT NOT NULL,
    from_version TEXT,
    to_version TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    pushes BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    progress BIGINT,
    created_at BIGINT NOT NULL,
    pushed_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    steps BIGINT NOT NULL,
    steps_dropped BIGINT NOT NULL
);
CREATE INDEX upgrade_device ON upgrade (device, module, id);
CREATE INDEX upgrade_job ON upgrade (job, state);
CREATE TABLE step (
    upgrade BIGINT NOT NULL REFERENCES upgrade (id) ON DELETE CASCADE,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step BIGINT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (upgrade, n)
);
CREATE TABLE onenet_task (
    tid {ID},
    device BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL
);
CREATE INDEX onenet_task_device ON onenet_task (device);
CREATE TABLE event (
    id {ID},
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    device BIGINT,
    upgrade BIGINT,
    job BIGINT,
    words TEXT NOT NULL
);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
",
    down: "
DROP TABLE setting; DROP TABLE event; DROP TABLE onenet_task; DROP TABLE step; DROP TABLE upgrade; DROP TABLE job_target; DROP TABLE job;
DROP TABLE config; DROP TABLE firmware; DROP TABLE module; DROP TABLE tag; DROP TABLE device; DROP TABLE product;
",
};

/// Who may do what.
const ACCESS: Migration = Migration {
    up: "
CREATE TABLE session (
    hash TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE TABLE token (
    id {ID},
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT
);
CREATE TABLE audit (
    id {ID},
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL
);
",
    down: "
DROP TABLE audit; DROP TABLE token; DROP TABLE session;
",
};

/// Which devices have been on line by themselves. Before that was noted: those that have reported and have no gateway.
const SIGNED_IN: Migration = Migration {
    up: "
ALTER TABLE device ADD COLUMN signed_in BIGINT NOT NULL DEFAULT 0;
UPDATE device SET signed_in = 1 WHERE version IS NOT NULL AND gateway IS NULL;
",
    down: "
ALTER TABLE device DROP COLUMN signed_in;
",
};

/// The version that this program works with.
pub const NEWEST: i64 = ALL.len() as i64;

/// The version of the tables that are there; 0: none.
pub fn version(db: &Db) -> Result<i64, Failure> {
    db.script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    db.write(|tx| {
        let row = tx.one("SELECT version FROM schema_version", &[])?;
        match row {
            Some(mut row) => Ok(row.int()),
            None => {
                tx.run("INSERT INTO schema_version (version) VALUES (0)", &[])?;
                Ok(0)
            }
        }
    })
}

/// Brings the tables to a version, the newest by default. Each step is kept as a whole or not at all.
pub fn run(db: &Db, to: Option<i64>) -> Result<(), Failure> {
    let to = to.unwrap_or(NEWEST);
    if !(0..=NEWEST).contains(&to) {
        return Err(Failure::new(format!("tables have versions 0 to {NEWEST}, {to} is none")));
    }
    let mut now = version(db)?;
    if now > NEWEST {
        return Err(Failure::new(format!(
            "the database {} has tables of version {now}, this program knows {NEWEST}; use the newer otakit-cloud that made them, or take them back with its `db migrate --to {NEWEST}`",
            db.place()
        )));
    }
    let began = now;
    while now != to {
        let (next, script) = if now < to {
            (now + 1, ALL.get(usize::try_from(now).unwrap_or(0)).map(|m| m.up))
        } else {
            (now - 1, ALL.get(usize::try_from(now - 1).unwrap_or(0)).map(|m| m.down))
        };
        let script = script.ok_or_else(|| Failure::new("there is no such step"))?;
        db.write(|tx| {
            db.script(script)?;
            tx.run("UPDATE schema_version SET version = $1", &[next.into()])?;
            Ok(())
        })?;
        if began > 0 || next == 0 {
            note(format_args!("tables of {} went from version {now} to {next}", db.place()));
        }
        now = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::fresh;
    use super::*;

    #[test]
    fn there_and_back() {
        let db = fresh("migrations");
        assert_eq!(version(&db).unwrap(), NEWEST);
        run(&db, Some(0)).unwrap();
        assert_eq!(version(&db).unwrap(), 0);
        assert!(db.read(|tx| tx.all("SELECT * FROM device", &[])).is_err(), "nothing is left");
        run(&db, None).unwrap();
        run(&db, None).unwrap();
        assert!(db.read(|tx| tx.all("SELECT * FROM device", &[])).unwrap().is_empty());
        assert!(run(&db, Some(NEWEST + 1)).is_err());
    }

    #[test]
    fn newer_tables_are_left_alone() {
        let db = fresh("newer");
        db.write(|tx| tx.run("UPDATE schema_version SET version = 99", &[])).unwrap();
        let refused = run(&db, None).unwrap_err().to_string();
        assert!(refused.contains("version 99"), "{refused}");
    }
}
