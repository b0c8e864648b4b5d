// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware. The configurations that jobs give to devices are among it, see [`super::configs`].

use super::model::{Content, DeviceKey, Firmware, Sign};
use super::{Store, checked_name, checked_version, time, version};
use crate::Failure;
use crate::db::{Row, Tx, Value};

/// The columns of [`firmware_of`].
const FIRMWARE: &str = "id, product, module, version, auto, sign, omit_md5, added_at, file, in_place, size, md5, sha256 FROM firmware";

fn firmware_of(mut row: Row) -> Firmware {
    let key = row.int();
    let (product_key, module, version) = (row.text(), row.text(), row.text());
    let module = (!module.is_empty()).then_some(module);
    Firmware {
        key,
        id: label(&product_key, module.as_deref(), &version),
        product_key,
        module,
        version,
        auto: row.flag(),
        sign: row.maybe_text().and_then(|name| Sign::named(&name)),
        omit_md5: row.flag(),
        added_at: time::text(row.int()),
        content: Content {
            name: row.text(),
            in_place: row.maybe_text().map(Into::into),
            size: u64::try_from(row.int()).unwrap_or_default(),
            md5: row.text(),
            sha256: row.text(),
        },
    }
}

/// What a firmware is called in listings.
pub fn label(product: &str, module: Option<&str>, version: &str) -> String {
    match module {
        Some(module) => format!("{product}-{module}-{version}"),
        None => format!("{product}-{version}"),
    }
}

/// What a firmware is, besides its bytes.
#[derive(Clone, Debug)]
pub struct NewFirmware {
    /// Product key.
    pub product: String,
    /// Version.
    pub version: String,
    /// See [`Firmware::module`].
    pub module: Option<String>,
    /// See [`Firmware::auto`].
    pub auto: bool,
    /// See [`Firmware::sign`].
    pub sign: Option<Sign>,
    /// See [`Firmware::omit_md5`].
    pub omit_md5: bool,
    /// Replace a firmware of the same product, module and version.
    pub replace: bool,
}

impl NewFirmware {
    /// Refuses what cannot be offered.
    pub fn check(&self) -> Result<(), Failure> {
        checked_name("product key", &self.product)?;
        checked_version(&self.version)?;
        if let Some(module) = &self.module {
            checked_name("module", module)?;
        }
        if self.omit_md5 && self.sign.is_none() {
            return Err(Failure::new("an offer without md5 needs a --sign method"));
        }
        Ok(())
    }
}

/// Who needs a firmware as it is: jobs that have not ended, and devices that are being updated to it. `None`: nobody.
fn needed(tx: &Tx<'_>, key: i64) -> Result<Option<String>, Failure> {
    let open = "SELECT COUNT(*) FROM upgrade WHERE firmware = $1 AND state IN ('queued', 'pushed', 'downloading', 'installing')";
    let open = tx.id(open, &[key.into()])?;
    let jobs = "SELECT id FROM job WHERE firmware = $1 AND state NOT IN ('done', 'cancelled') ORDER BY id";
    let jobs = numbers(tx, jobs, key)?;
    let devices = match open {
        0 => None,
        1 => Some("1 device is being updated to it".to_owned()),
        _ => Some(format!("{open} devices are being updated to it")),
    };
    let jobs = match jobs.len() {
        0 => None,
        1 => Some(format!("{} needs it", listed(&jobs))),
        _ => Some(format!("{} need it", listed(&jobs))),
    };
    let needed: Vec<String> = jobs.into_iter().chain(devices).collect();
    Ok((!needed.is_empty()).then(|| needed.join(" and ")))
}

fn numbers(tx: &Tx<'_>, sql: &str, key: i64) -> Result<Vec<i64>, Failure> {
    Ok(tx.all(sql, &[key.into()])?.into_iter().map(|mut row| row.int()).collect())
}

/// Jobs by their numbers.
fn listed(jobs: &[i64]) -> String {
    let numbers: Vec<String> = jobs.iter().take(5).map(i64::to_string).collect();
    let more = if jobs.len() > numbers.len() { ", …" } else { "" };
    format!("job{} {}{more}", if jobs.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

impl Store {
    /// Refuses a firmware that is there already and is not to be replaced: before its bytes are taken.
    pub fn may_add(&self, new: &NewFirmware) -> Result<(), Failure> {
        new.check()?;
        match self.find(&new.product, new.module.as_deref(), &new.version)? {
            Some(old) if !new.replace => {
                Err(Failure::new(format!("firmware {} exists already (use --replace)", old.id)))
            }
            _ => Ok(()),
        }
    }

    /// Offers a firmware no longer unasked; whether that was so.
    pub fn end_auto(&self, key: i64) -> Result<bool, Failure> {
        let sql = "UPDATE firmware SET auto = 0 WHERE id = $1 AND auto <> 0";
        Ok(self.db.write(|tx| tx.run(sql, &[key.into()]))? > 0)
    }

    /// Adds a firmware whose bytes are there.
    pub fn add_firmware(&self, new: &NewFirmware, content: &Content) -> Result<Firmware, Failure> {
        self.db.write(|tx| {
            self.may_add(new)?;
            if let Some(old) = self.find(&new.product, new.module.as_deref(), &new.version)?
                && old.content.sha256 != content.sha256
                && let Some(needed) = needed(tx, old.key)?
            {
                return Err(Failure::new(format!(
                    "firmware {} cannot be replaced: {needed}. Let these end or cancel them, or add the image under another version",
                    old.id
                )));
            }
            self.keep_firmware(tx, new, content)
        })
    }

    /// Adds what has been checked.
    pub(super) fn keep_firmware(
        &self,
        tx: &Tx<'_>,
        new: &NewFirmware,
        content: &Content,
    ) -> Result<Firmware, Failure> {
        self.put_product(tx, &new.product)?;
        let sql = "INSERT INTO firmware (product, module, version, auto, sign, omit_md5, file, in_place, size, md5, sha256, added_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (product, module, version) DO UPDATE SET \
                       auto = excluded.auto, sign = excluded.sign, omit_md5 = excluded.omit_md5, file = excluded.file, \
                       in_place = excluded.in_place, size = excluded.size, md5 = excluded.md5, sha256 = excluded.sha256, \
                       added_at = excluded.added_at";
        let place = content.in_place.as_ref().map(|path| path.to_string_lossy().into_owned());
        tx.run(
            sql,
            &[
                (&new.product).into(),
                new.module.as_deref().unwrap_or_default().into(),
                (&new.version).into(),
                new.auto.into(),
                new.sign.map(Sign::name).into(),
                new.omit_md5.into(),
                (&content.name).into(),
                place.into(),
                i64::try_from(content.size).unwrap_or(i64::MAX).into(),
                (&content.md5).into(),
                (&content.sha256).into(),
                time::now_ms().into(),
            ],
        )?;
        let added = self.find(&new.product, new.module.as_deref(), &new.version)?;
        added.ok_or_else(|| Failure::new("the firmware was not kept"))
    }

    fn select(&self, condition: &str, values: &[Value]) -> Result<Vec<Firmware>, Failure> {
        let sql = format!("SELECT {FIRMWARE} WHERE {condition} ORDER BY product, module, id");
        Ok(self.db.read(|tx| tx.all(&sql, values))?.into_iter().map(firmware_of).collect())
    }

    /// A firmware by its number.
    pub fn firmware(&self, key: i64) -> Result<Option<Firmware>, Failure> {
        Ok(self.select("id = $1", &[key.into()])?.pop())
    }

    /// The firmware of a product, module and version; no module: the device itself.
    pub fn find(
        &self,
        product: &str,
        module: Option<&str>,
        version: &str,
    ) -> Result<Option<Firmware>, Failure> {
        let values = [product.into(), module.unwrap_or_default().into(), version.into()];
        Ok(self.select("product = $1 AND module = $2 AND version = $3", &values)?.pop())
    }

    /// All firmware.
    pub fn all_firmware(&self) -> Result<Vec<Firmware>, Failure> {
        self.select("1 = 1", &[])
    }

    /// Removes a firmware that no order under way needs. `false`: there is none.
    pub fn delete_firmware(&self, key: i64) -> Result<bool, Failure> {
        self.db.write(|tx| {
            if let Some(needed) = needed(tx, key)? {
                return Err(Failure::new(format!(
                    "this firmware cannot be removed: {needed}. Let these end or cancel them first"
                )));
            }
            let jobs = numbers(tx, "SELECT id FROM job WHERE firmware = $1 ORDER BY id", key)?;
            if !jobs.is_empty() {
                let jobs = listed(&jobs);
                return Err(Failure::new(format!(
                    "this firmware cannot be removed: it is part of the record of {jobs}"
                )));
            }
            Ok(tx.run("DELETE FROM firmware WHERE id = $1", &[key.into()])? > 0)
        })
    }

    /// The newest firmware for a module of a product's devices, of those with auto-push on when `auto_only`; no module: for
    /// the devices themselves.
    pub fn newest_of(
        &self,
        product: &str,
        module: Option<&str>,
        auto_only: bool,
    ) -> Result<Option<Firmware>, Failure> {
        let values = [product.into(), module.unwrap_or_default().into()];
        let fitting = self.select("product = $1 AND module = $2", &values)?;
        let fitting = fitting.into_iter().filter(|f| f.auto || !auto_only);
        Ok(fitting.max_by(|a, b| version::compare(&a.version, &b.version)))
    }

    /// The firmware that a device with this version gets without asking.
    pub fn due(
        &self,
        key: &DeviceKey,
        module: Option<&str>,
        reported: &str,
    ) -> Result<Option<Firmware>, Failure> {
        let newest = self.newest_of(&key.product, module, true)?;
        Ok(newest.filter(|newest| version::compare(reported, &newest.version).is_lt()))
    }
}
