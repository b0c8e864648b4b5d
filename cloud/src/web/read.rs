// SPDX-License-Identifier: MIT OR Apache-2.0
//! What pages show, read from the database in a few statements each, however many devices there are.

use std::collections::HashMap;

use super::causes::{self, Cause};
use crate::Failure;
use crate::data::Store;
use crate::data::model::DeviceKey;
use crate::db::{Row, Value};

/// Rows of a page of a list.
pub const ROWS: i64 = 50;

/// A page of a longer list.
#[derive(Debug)]
pub struct Paged<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Rows of all pages.
    pub total: i64,
    /// The number of the page, from 1.
    pub page: i64,
}

impl<T> Paged<T> {
    /// How many pages there are.
    pub fn pages(&self) -> i64 {
        ((self.total + ROWS - 1) / ROWS).max(1)
    }
}

/// A device in a list.
#[derive(Debug)]
pub struct DeviceRow {
    /// Its name.
    pub key: DeviceKey,
    /// What it runs.
    pub version: Option<String>,
    /// When it said so, in ms.
    pub at: Option<i64>,
    /// Its groups.
    pub tags: Vec<String>,
    /// The state and target of its last update.
    pub last: Option<(String, String)>,
}

/// What a list of devices is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A part of the name.
    pub text: String,
    /// The product, as a whole.
    pub product: String,
}

/// A part of a text for LIKE, in lower case.
fn pattern(text: &str) -> String {
    let mut out = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// A page of devices, in order of product and name.
pub fn devices(store: &Store, filter: &Filter, page: i64) -> Result<Paged<DeviceRow>, Failure> {
    let (condition, mut values): (&str, Vec<Value>) = match (filter.product.as_str(), filter.text.as_str()) {
        ("", "") => ("1 = 1", vec![]),
        (product, "") => ("d.product = $1", vec![product.into()]),
        ("", text) => ("LOWER(d.name) LIKE $1 ESCAPE '\\'", vec![pattern(text).into()]),
        (product, text) => (
            "d.product = $1 AND LOWER(d.name) LIKE $2 ESCAPE '\\'",
            vec![product.into(), pattern(text).into()],
        ),
    };
    store.db().read(|tx| {
        let total = tx.id(&format!("SELECT COUNT(*) FROM device d WHERE {condition}"), &values)?;
        let page = page.clamp(1, ((total + ROWS - 1) / ROWS).max(1));
        let (limit, offset) = (values.len() + 1, values.len() + 2);
        let sql = format!(
            "SELECT d.id, d.product, d.name, d.version, d.version_at, u.state, u.to_version FROM device d \
             LEFT JOIN upgrade u ON u.id = (SELECT MAX(x.id) FROM upgrade x WHERE x.device = d.id) \
             WHERE {condition} ORDER BY d.product, d.name LIMIT ${limit} OFFSET ${offset}"
        );
        values.extend([ROWS.into(), ((page - 1) * ROWS).into()]);
        let mut place: HashMap<i64, usize> = HashMap::new();
        let mut rows = Vec::new();
        for mut row in tx.all(&sql, &values)? {
            place.insert(row.int(), rows.len());
            rows.push(DeviceRow {
                key: DeviceKey::new(row.text(), row.text()),
                version: row.maybe_text(),
                at: row.maybe_int(),
                tags: Vec::new(),
                last: row.maybe_text().zip(row.maybe_text()),
            });
        }
        for (id, at) in &place {
            for mut tag in tx.all("SELECT tag FROM tag WHERE device = $1 ORDER BY tag", &[(*id).into()])? {
                if let Some(row) = rows.get_mut(*at) {
                    row.tags.push(tag.text());
                }
            }
        }
        Ok(Paged { rows, total, page })
    })
}

/// The groups of a device.
pub fn tags(store: &Store, device: i64) -> Result<Vec<String>, Failure> {
    let sql = "SELECT tag FROM tag WHERE device = $1 ORDER BY tag";
    Ok(store.db().read(|tx| tx.all(sql, &[device.into()]))?.into_iter().map(|mut row| row.text()).collect())
}

/// A product in a list.
#[derive(Debug)]
pub struct ProductRow {
    /// Product key.
    pub product: String,
    /// Its devices.
    pub devices: i64,
    /// Its firmware.
    pub firmware: i64,
    /// Its jobs.
    pub jobs: i64,
}

/// All products.
pub fn products(store: &Store) -> Result<Vec<ProductRow>, Failure> {
    let sql = "SELECT p.product, (SELECT COUNT(*) FROM device d WHERE d.product = p.product), \
               (SELECT COUNT(*) FROM firmware f WHERE f.product = p.product), \
               (SELECT COUNT(*) FROM job j WHERE j.product = p.product) FROM product p ORDER BY p.product";
    let read = |mut row: Row| ProductRow {
        product: row.text(),
        devices: row.int(),
        firmware: row.int(),
        jobs: row.int(),
    };
    Ok(store.db().read(|tx| tx.all(sql, &[]))?.into_iter().map(read).collect())
}

/// The versions that the devices of a product run, the most common first.
pub fn versions(store: &Store, product: &str) -> Result<Vec<(Option<String>, i64)>, Failure> {
    let sql = "SELECT version, COUNT(*) FROM device WHERE product = $1 GROUP BY version ORDER BY COUNT(*) DESC, version LIMIT 20";
    let read = |mut row: Row| (row.maybe_text(), row.int());
    Ok(store.db().read(|tx| tx.all(sql, &[product.into()]))?.into_iter().map(read).collect())
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Products.
    pub products: i64,
    /// Devices.
    pub devices: i64,
    /// Firmware.
    pub firmware: i64,
    /// Jobs that have not ended.
    pub jobs: i64,
    /// Updates under way.
    pub updates: i64,
}

/// Counts everything.
pub fn totals(store: &Store) -> Result<Totals, Failure> {
    store.db().read(|tx| {
        let count = |sql: &str| tx.id(sql, &[]);
        Ok(Totals {
            products: count("SELECT COUNT(*) FROM product")?,
            devices: count("SELECT COUNT(*) FROM device")?,
            firmware: count("SELECT COUNT(*) FROM firmware")?,
            jobs: count("SELECT COUNT(*) FROM job WHERE state NOT IN ('done', 'cancelled')")?,
            updates: count("SELECT COUNT(*) FROM upgrade WHERE state IN ('queued', 'pushed', 'downloading', 'installing')")?,
        })
    })
}

/// An update that failed.
#[derive(Debug)]
pub struct FailureRow {
    /// The device.
    pub key: DeviceKey,
    /// The version that it did not get.
    pub to: String,
    /// Its job.
    pub job: Option<i64>,
    /// Why.
    pub reason: String,
    /// When, in ms.
    pub at: i64,
}

/// The latest failures.
pub fn latest_failures(store: &Store) -> Result<Vec<FailureRow>, Failure> {
    let sql = "SELECT d.product, d.name, u.to_version, u.job, COALESCE(u.reason, u.state), u.ended_at FROM upgrade u \
               JOIN device d ON d.id = u.device WHERE u.state IN ('failed', 'timed_out') ORDER BY u.ended_at DESC LIMIT 8";
    let read = |mut row: Row| FailureRow {
        key: DeviceKey::new(row.text(), row.text()),
        to: row.text(),
        job: row.maybe_int(),
        reason: row.text(),
        at: row.int(),
    };
    Ok(store.db().read(|tx| tx.all(sql, &[]))?.into_iter().map(read).collect())
}

/// What the devices at work on a job have reported, in percent, added up.
pub fn percent_at_work(store: &Store, job: i64, trial: bool) -> Result<i64, Failure> {
    let stage = if trial { "t.stage < 0" } else { "t.stage >= 0" };
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(u.progress), 0) AS BIGINT) FROM job_target t JOIN upgrade u ON u.id = t.upgrade \
         WHERE t.job = $1 AND {stage} AND t.state = 'begun' AND u.state IN ('downloading', 'installing')"
    );
    store.db().read(|tx| tx.id(&sql, &[job.into()]))
}

/// A device of a job.
#[derive(Debug)]
pub struct TargetRow {
    /// Device name.
    pub name: String,
    /// Its stage, from 0; below 0: the firmware is tried on it.
    pub stage: i64,
    /// `waiting`, why it is left out, or the state of its update.
    pub state: String,
    /// The version before.
    pub from: Option<String>,
    /// The last percentage.
    pub progress: Option<i64>,
    /// Why it failed.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: Option<i64>,
}

/// A page of the devices of a job, those in a state when one is named.
pub fn targets(store: &Store, job: i64, state: &str, page: i64) -> Result<Paged<TargetRow>, Failure> {
    let from = "FROM job_target t JOIN device d ON d.id = t.device LEFT JOIN upgrade u ON u.id = t.upgrade WHERE t.job = $1";
    let (condition, mut values): (&str, Vec<Value>) = match state {
        "" => ("", vec![job.into()]),
        state => (" AND COALESCE(u.state, t.state) = $2", vec![job.into(), state.into()]),
    };
    store.db().read(|tx| {
        let total = tx.id(&format!("SELECT COUNT(*) {from}{condition}"), &values)?;
        let page = page.clamp(1, ((total + ROWS - 1) / ROWS).max(1));
        let (limit, offset) = (values.len() + 1, values.len() + 2);
        let sql = format!(
            "SELECT d.name, t.stage, COALESCE(u.state, t.state), u.from_version, u.progress, u.reason, u.attempts {from}{condition} \
             ORDER BY t.stage, d.name LIMIT ${limit} OFFSET ${offset}"
        );
        values.extend([ROWS.into(), ((page - 1) * ROWS).into()]);
        let read = |mut row: Row| TargetRow {
            name: row.text(),
            stage: row.int(),
            state: row.text(),
            from: row.maybe_text(),
            progress: row.maybe_int(),
            reason: row.maybe_text(),
            attempts: row.maybe_int(),
        };
        Ok(Paged { rows: tx.all(&sql, &values)?.into_iter().map(read).collect(), total, page })
    })
}

/// Failures of a job of one kind.
#[derive(Debug)]
pub struct Group {
    /// The kind.
    pub cause: Cause,
    /// How many devices.
    pub devices: i64,
    /// Some of them.
    pub names: Vec<String>,
    /// Some of the reasons, in the words that came.
    pub reasons: Vec<String>,
}

/// Devices and reasons that a group shows.
const EXAMPLES: usize = 5;

/// The failures of a job by cause, the most common first.
pub fn failures(store: &Store, job: i64) -> Result<Vec<Group>, Failure> {
    let sql = "SELECT COALESCE(u.reason, u.state), COUNT(*), MIN(d.name), MAX(d.name) FROM job_target t JOIN upgrade u ON u.id = t.upgrade \
               JOIN device d ON d.id = t.device WHERE t.job = $1 AND u.state IN ('failed', 'timed_out') \
               GROUP BY COALESCE(u.reason, u.state) ORDER BY COUNT(*) DESC, COALESCE(u.reason, u.state)";
    let mut groups: Vec<Group> = Vec::new();
    for mut row in store.db().read(|tx| tx.all(sql, &[job.into()]))? {
        let (reason, n, first, last) = (row.text(), row.int(), row.text(), row.text());
        let cause = causes::of(&reason);
        let at = groups.iter().position(|group| group.cause == cause).unwrap_or_else(|| {
            groups.push(Group { cause, devices: 0, names: Vec::new(), reasons: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.devices += n;
            for name in [first, last] {
                if group.names.len() < EXAMPLES && !group.names.contains(&name) {
                    group.names.push(name);
                }
            }
            if group.reasons.len() < EXAMPLES {
                group.reasons.push(reason);
            }
        }
    }
    groups.sort_by_key(|group| -group.devices);
    Ok(groups)
}

/// How a job went on: instants in ms, and how many devices had succeeded and failed by then.
pub fn course(store: &Store, job: i64) -> Result<Vec<(i64, i64, i64)>, Failure> {
    /// Points of a chart.
    const POINTS: usize = 300;
    let sql = "SELECT u.ended_at, u.state FROM job_target t JOIN upgrade u ON u.id = t.upgrade WHERE t.job = $1 AND t.stage >= 0 \
               AND u.state IN ('succeeded', 'failed', 'timed_out') AND u.ended_at IS NOT NULL ORDER BY u.ended_at";
    let rows = store.db().read(|tx| tx.all(sql, &[job.into()]))?;
    let (mut points, mut good, mut bad) = (Vec::new(), 0, 0);
    for mut row in rows {
        let at = row.int();
        if row.text() == "succeeded" {
            good += 1;
        } else {
            bad += 1;
        }
        points.push((at, good, bad));
    }
    let every = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    Ok(points
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % every == 0 || *n == last)
        .map(|(_, point)| point)
        .collect())
}

/// The jobs that name a firmware, and the devices that are being updated to it.
pub fn users_of_firmware(store: &Store, key: i64) -> Result<(Vec<i64>, i64), Failure> {
    store.db().read(|tx| {
        let jobs = tx.all("SELECT id FROM job WHERE firmware = $1 ORDER BY id LIMIT 20", &[key.into()])?;
        let open = "SELECT COUNT(*) FROM upgrade WHERE firmware = $1 AND state IN ('queued', 'pushed', 'downloading', 'installing')";
        Ok((jobs.into_iter().map(|mut row| row.int()).collect(), tx.id(open, &[key.into()])?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::fresh;

    #[test]
    fn searching_is_literal() {
        let store = fresh("web-read");
        for name in ["a_1", "a%2", "ab3", "Ab4"] {
            let name = name.replace('%', "@");
            store.put_device(&DeviceKey::new("p", &*name), "s", None).unwrap();
        }
        let found = |text: &str, product: &str| {
            let filter = Filter { text: text.into(), product: product.into() };
            let rows = devices(&store, &filter, 1).unwrap().rows;
            rows.into_iter().map(|row| row.key.device).collect::<Vec<String>>()
        };
        assert_eq!(found("_", ""), ["a_1"]);
        assert_eq!(found("%", "p"), [""; 0]);
        assert_eq!(found("aB", "p"), ["Ab4", "ab3"]);
        assert_eq!(found("a", "other"), [""; 0]);
        assert_eq!(found("", "p").len(), 4);
        let last = devices(&store, &Filter::default(), 99).unwrap();
        assert_eq!((last.page, last.pages(), last.total), (1, 1, 4));
    }
}
