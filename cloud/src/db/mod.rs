// SPDX-License-Identifier: MIT OR Apache-2.0
//! The database: SQLite in the data directory, or PostgreSQL by URL, with one code path above this module.
//!
//! Statements are plain SQL that both engines read alike: TEXT and BIGINT columns, `$1` parameters in the order of their
//! first use, `ON CONFLICT`, `RETURNING`. Nothing here is asynchronous: calls block, and belong on threads that may wait.
//!
//! There is one writer. Its transactions nest: an inner one is a savepoint of the outer one, so work that fails leaves no
//! trace while the rest of a batch is committed. What a thread has written it reads at once, others after the commit.

pub mod migrations;
mod postgres;
mod sqlite;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, ReentrantMutex};

use crate::{Failure, metrics, note};

/// Connections for reading.
const READERS: usize = 3;
/// Time for a connection for reading to become free.
const PATIENCE: Duration = Duration::from_secs(30);

/// A value of a statement or of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, read from its first column to its last.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// The next column, a number; 0 when it is NULL.
    pub fn int(&mut self) -> i64 {
        self.maybe_int().unwrap_or_default()
    }

    /// The next column, a number or NULL.
    pub fn maybe_int(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Value::Int(n)) => Some(n),
            _ => None,
        }
    }

    /// The next column, a text; empty when it is NULL.
    pub fn text(&mut self) -> String {
        self.maybe_text().unwrap_or_default()
    }

    /// The next column, a text or NULL.
    pub fn maybe_text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The next column, a truth value.
    pub fn flag(&mut self) -> bool {
        self.int() != 0
    }
}

/// A connection to one of the engines. Errors are a sentence.
trait Connection: Send {
    /// Runs a statement; the number of rows changed.
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, String>;
    /// Runs a statement; its rows.
    fn all(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, String>;
    /// Runs statements without values.
    fn script(&mut self, sql: &str) -> Result<(), String>;
    /// How a transaction that will write begins.
    fn begin(&self) -> &'static str;
    /// Text that a column of generated numbers has in `CREATE TABLE`.
    fn id_column(&self) -> &'static str;
    /// Whether the connection is lost.
    fn is_broken(&mut self) -> bool;
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A server, by the URL that libpq knows.
    Postgres(String),
}

impl Place {
    /// Reads `sqlite:PATH` or `postgres://…`.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(PathBuf::from(path.trim_start_matches("//"))));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(Failure::new("a database is sqlite:PATH or postgres://[USER[:PASSWORD]@]HOST[:PORT]/NAME"))
    }

    fn connect(&self, writer: bool) -> Result<Box<dyn Connection>, String> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(sqlite::open(path, writer)?)),
            Self::Postgres(url) => Ok(Box::new(postgres::open(url, writer)?)),
        }
    }
}

/// Without the password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
                let rest = rest.split('?').next().unwrap_or_default();
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A database that is open, with its tables.
pub struct Db {
    place: Place,
    writer: ReentrantMutex<RefCell<Writer>>,
    readers: Mutex<Vec<Box<dyn Connection>>>,
    free: Condvar,
    changes: tokio::sync::watch::Sender<u64>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("place", &self.place).finish_non_exhaustive()
    }
}

struct Writer {
    connection: Box<dyn Connection>,
    /// Transactions and savepoints that are open.
    depth: u32,
}

/// Runs statements, within a transaction or alone.
pub struct Tx<'a>(Target<'a>);

enum Target<'a> {
    Writer(&'a RefCell<Writer>),
    Reader(RefCell<&'a mut Box<dyn Connection>>),
}

impl Tx<'_> {
    fn on<T>(
        &self,
        values: &[Value],
        work: impl FnOnce(&mut dyn Connection) -> Result<T, String>,
    ) -> Result<T, Failure> {
        // PostgreSQL has no such text, and nobody means one.
        if values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0'))) {
            return Err(Failure::new(
                "a text with a zero byte in it cannot be kept, nor be the name of anything",
            ));
        }
        let done = match &self.0 {
            Target::Writer(writer) => work(writer.borrow_mut().connection.as_mut()),
            Target::Reader(reader) => work(reader.borrow_mut().as_mut()),
        };
        done.map_err(|e| Failure::broken(format!("the database says: {e}")))
    }

    /// Runs a statement; the number of rows changed.
    pub fn run(&self, sql: &str, values: &[Value]) -> Result<u64, Failure> {
        self.on(values, |connection| connection.run(sql, values))
    }

    /// The rows of an answer.
    pub fn all(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Failure> {
        let rows = self.on(values, |connection| connection.all(sql, values))?;
        Ok(rows.into_iter().map(|row| Row(row.into_iter())).collect())
    }

    /// The first row of an answer.
    pub fn one(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, Failure> {
        Ok(self.all(sql, values)?.into_iter().next())
    }

    /// The number that a statement with `RETURNING` gives.
    pub fn id(&self, sql: &str, values: &[Value]) -> Result<i64, Failure> {
        let row = self.one(sql, values)?;
        row.map(|mut row| row.int()).ok_or_else(|| Failure::broken("the database gives no number"))
    }
}

impl Db {
    /// Opens a database and brings its tables up to date.
    pub fn open(place: Place) -> Result<Self, Failure> {
        let db = Self::open_as_it_is(place)?;
        migrations::run(&db, None)?;
        Ok(db)
    }

    /// Opens a database whose tables may be of another version.
    pub fn open_as_it_is(place: Place) -> Result<Self, Failure> {
        let failed = |e: String| Failure::new(format!("cannot open the database {place}: {e}"));
        let connection = place.connect(true).map_err(failed)?;
        let readers: Result<Vec<_>, String> = (0..READERS).map(|_| place.connect(false)).collect();
        let readers = Mutex::new(readers.map_err(failed)?);
        let writer = ReentrantMutex::new(RefCell::new(Writer { connection, depth: 0 }));
        let changes = tokio::sync::watch::Sender::new(0);
        Ok(Self { place, writer, readers, free: Condvar::new(), changes })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Changes after each transaction.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether this thread is within a transaction.
    pub fn is_writing(&self) -> bool {
        self.writer.is_owned_by_current_thread()
    }

    /// Reads.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.is_writing() {
            return work(&Tx(Target::Writer(&self.writer.lock())));
        }
        let mut reader = self.reader()?;
        let result = work(&Tx(Target::Reader(RefCell::new(&mut reader))));
        self.readers.lock().push(reader);
        self.free.notify_one();
        result
    }

    fn reader(&self) -> Result<Box<dyn Connection>, Failure> {
        let mut readers = self.readers.lock();
        loop {
            if let Some(mut reader) = readers.pop() {
                drop(readers);
                if reader.is_broken() {
                    match self.place.connect(false) {
                        Ok(fresh) => reader = fresh,
                        Err(error) => {
                            self.readers.lock().push(reader);
                            self.free.notify_one();
                            return Err(Failure::broken(format!(
                                "the database {} is away: {error}",
                                self.place
                            )));
                        }
                    }
                }
                return Ok(reader);
            }
            if self.free.wait_for(&mut readers, PATIENCE).timed_out() {
                return Err(Failure::broken("the database is too busy"));
            }
        }
    }

    /// Writes: all of it is committed when this returns `Ok`, and nothing otherwise. Within another `write` of the same
    /// thread it is committed with that one.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let guard = self.writer.lock();
        let start = Instant::now();
        let depth = self.begin(&guard)?;
        let result = work(&Tx(Target::Writer(&guard)));
        let mut writer = guard.borrow_mut();
        writer.depth = depth;
        let end = match (&result, depth) {
            (Ok(_), 0) => "COMMIT".to_owned(),
            (Ok(_), _) => format!("RELEASE SAVEPOINT s{depth}"),
            (Err(_), 0) => "ROLLBACK".to_owned(),
            (Err(_), _) => format!("ROLLBACK TO SAVEPOINT s{depth}; RELEASE SAVEPOINT s{depth}"),
        };
        let ended = writer.connection.script(&end);
        if depth == 0 {
            metrics::wrote(start.elapsed());
        }
        match (ended, result) {
            (Ok(()), result) => {
                if depth == 0 {
                    self.changes.send_modify(|n| *n = n.wrapping_add(1));
                }
                result
            }
            (Err(error), Ok(_)) => {
                // A COMMIT that failed may have left the transaction open.
                if depth == 0 {
                    let _ = writer.connection.script("ROLLBACK");
                }
                Err(Failure::broken(format!("the database {} has not kept it: {error}", self.place)))
            }
            (Err(error), Err(failure)) => {
                note(format_args!("database: {error}"));
                Err(failure)
            }
        }
    }

    /// Begins a transaction or a savepoint; the depth outside of it.
    fn begin(&self, guard: &RefCell<Writer>) -> Result<u32, Failure> {
        let mut writer = guard.borrow_mut();
        let depth = writer.depth;
        let away = |error: String| Failure::broken(format!("the database {} is away: {error}", self.place));
        if depth == 0 {
            if writer.connection.is_broken() {
                writer.connection = self.place.connect(true).map_err(away)?;
            }
            let begin = writer.connection.begin();
            writer.connection.script(begin).map_err(away)?;
        } else {
            writer.connection.script(&format!("SAVEPOINT s{depth}")).map_err(away)?;
        }
        writer.depth = depth + 1;
        Ok(depth)
    }

    /// Runs statements without values, with the engine's own column of generated numbers in place of `{ID}`.
    fn script(&self, sql: &str) -> Result<(), Failure> {
        let guard = self.writer.lock();
        let mut writer = guard.borrow_mut();
        let sql = sql.replace("{ID}", writer.connection.id_column());
        writer.connection.script(&sql).map_err(|e| Failure::broken(format!("the database says: {e}")))
    }
}

/// The database of a data directory, when no other is named.
pub fn default_place(root: &Path) -> Place {
    Place::Sqlite(root.join("cloud.db"))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A fresh database in a directory of its own.
    pub fn fresh(name: &str) -> Db {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-db-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Db::open(default_place(&dir)).unwrap()
    }

    fn count(db: &Db) -> i64 {
        db.read(|tx| tx.id("SELECT COUNT(*) FROM product", &[])).unwrap()
    }

    fn add(db: &Db, name: &str) -> Result<(), Failure> {
        db.write(|tx| {
            tx.run("INSERT INTO product (product, created_at) VALUES ($1, 0)", &[name.into()])?;
            Ok(())
        })
    }

    #[test]
    fn transactions_nest() {
        let db = fresh("nest");
        db.write(|_| {
            add(&db, "a")?;
            assert_eq!(count(&db), 1, "a thread reads what it wrote");
            let inner: Result<(), Failure> = db.write(|_| {
                add(&db, "b")?;
                Err(Failure::new("no"))
            });
            assert!(inner.is_err());
            assert!(add(&db, "a").is_err(), "twice");
            add(&db, "c")
        })
        .unwrap();
        assert_eq!(count(&db), 2);
        let outer: Result<(), Failure> = db.write(|_| {
            add(&db, "d")?;
            Err(Failure::new("no"))
        });
        assert!(outer.is_err());
        assert_eq!(count(&db), 2);
    }

    #[test]
    fn readers_see_what_is_committed() {
        let db = std::sync::Arc::new(fresh("readers"));
        db.write(|_| {
            add(&db, "a")?;
            let other = db.clone();
            assert_eq!(std::thread::spawn(move || count(&other)).join().unwrap(), 0);
            Ok(())
        })
        .unwrap();
        assert_eq!(count(&db), 1);
    }

    #[test]
    fn places() {
        let shown = |url: &str| Place::parse(url).unwrap().to_string();
        assert_eq!(shown("sqlite:/a/b.db"), "sqlite:/a/b.db");
        assert_eq!(shown("postgres://u:secret@h:5/n?x=y"), "postgres://h:5/n");
        assert_eq!(shown("postgresql:///n?host=/run&user=u&password=secret"), "postgresql:///n");
        assert!(Place::parse("mysql://x").is_err());
    }
}
