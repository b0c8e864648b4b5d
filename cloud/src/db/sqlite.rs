// SPDX-License-Identifier: MIT OR Apache-2.0
//! SQLite.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql};

use super::{Connection, Value};

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// Opens a file, creating it for the writer. Commits are on the disk when they return.
pub fn open(path: &Path, writer: bool) -> Result<impl Connection + use<>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    if writer {
        create_private(path).map_err(|e| e.to_string())?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(text)?;
    connection.busy_timeout(BUSY).map_err(text)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000;",
        )
        .map_err(text)?;
    if !writer {
        connection.execute_batch("PRAGMA query_only = ON").map_err(text)?;
    }
    connection.set_prepared_statement_cache_capacity(128);
    Ok(Sqlite(connection))
}

/// The file holds device secrets: readable by its owner alone.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

struct Sqlite(rusqlite::Connection);

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl Sqlite {
    fn prepare<'a>(&'a self, sql: &str, values: &[Value]) -> rusqlite::Result<rusqlite::CachedStatement<'a>> {
        let mut statement = self.0.prepare_cached(sql)?;
        for (n, value) in values.iter().enumerate() {
            let name = format!("${}", n + 1);
            let place = statement.parameter_index(&name)?;
            let place = place.ok_or_else(|| rusqlite::Error::InvalidParameterName(name))?;
            statement.raw_bind_parameter(place, value)?;
        }
        Ok(statement)
    }
}

impl Connection for Sqlite {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, String> {
        let changed = self.prepare(sql, values).and_then(|mut statement| statement.raw_execute());
        changed.map(|n| n as u64).map_err(|e| e.to_string())
    }

    fn all(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, String> {
        let rows = || {
            let mut statement = self.prepare(sql, values)?;
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let value = |n: usize| {
                    Ok(match row.get_ref(n)? {
                        ValueRef::Integer(n) => Value::Int(n),
                        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
                    })
                };
                found.push((0..columns).map(value).collect::<rusqlite::Result<Vec<Value>>>()?);
            }
            Ok(found)
        };
        rows().map_err(|e: rusqlite::Error| e.to_string())
    }

    fn script(&mut self, sql: &str) -> Result<(), String> {
        self.0.execute_batch(sql).map_err(|e| e.to_string())
    }

    fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn id_column(&self) -> &'static str {
        "INTEGER PRIMARY KEY AUTOINCREMENT"
    }

    fn is_broken(&mut self) -> bool {
        false
    }
}
