// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data directory of version 0.1, taken over into the database: once, checked like any other input, and all of it or
//! nothing. The old files stay where they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::blobs::Blobs;
use super::firmware::NewFirmware;
use super::model::{Config, Content, Device, DeviceKey, Firmware, Update};
use super::{Store, checked_name, files, time};
use crate::db::{Tx, Value};
use crate::onenet::task::Task;
use crate::rollout::upgrade::State;
use crate::{Failure, note};

/// The setting that says that it is done.
const DONE: &str = "imported";

/// One device's tasks, as version 0.1 kept them.
#[derive(Deserialize)]
struct TaskFile {
    product_key: String,
    device_name: String,
    tasks: Vec<Task>,
}

/// Takes the files over, if there are any and it has not been done.
pub fn import(store: &Store) -> Result<(), Failure> {
    let root = store.layout().root().to_owned();
    let old = ["devices", "firmware", "config", "onenet"].iter().any(|name| root.join(name).is_dir());
    if !old {
        return Ok(());
    }
    let done = store.db().read(|tx| tx.one("SELECT value FROM setting WHERE name = $1", &[DONE.into()]))?;
    if done.is_some() {
        return Ok(());
    }
    let devices: Vec<Device> = files::read_all(&root.join("devices"), None)?;
    let firmware: Vec<Firmware> = files::read_all(&root.join("firmware"), Some("firmware.json"))?;
    let configs: Vec<Config> = files::read_all(&root.join("config"), Some("config.json"))?;
    let tasks: Vec<TaskFile> = files::read_all(&root.join("onenet"), None)?;
    let counts = (devices.len(), firmware.len(), configs.len());
    store.batch(|| {
        let mut keys = BTreeMap::new();
        for old in firmware {
            let content = take(store, &root.join("firmware").join(&old.id), &old.content)?;
            let new = NewFirmware {
                product: old.product_key,
                version: old.version,
                module: old.module,
                auto: old.auto,
                sign: old.sign,
                omit_md5: old.omit_md5,
                replace: true,
            };
            keys.insert(old.id, store.add_firmware(&new, &content)?.key);
        }
        for old in configs {
            checked_name("product key", &old.product_key)?;
            let content = take(store, &root.join("config").join(&old.product_key), &old.content)?;
            store.set_config(&old.product_key, &content)?;
        }
        for device in &devices {
            put(store, device, &keys)?;
        }
        // A gateway may stand behind its sub-devices in the order of names.
        for device in devices.iter().filter(|device| device.gateway.is_some()) {
            if let Some((product, name)) =
                device.gateway.as_deref().and_then(|gateway| gateway.split_once('/'))
            {
                store.set_gateway(&device.key(), Some(&DeviceKey::new(product, name)))?;
            }
        }
        for file in tasks {
            let key = DeviceKey::new(file.product_key, file.device_name);
            for mut task in file.tasks {
                task.order.firmware_key = keys.get(&task.order.firmware).copied();
                crate::onenet::tasks::put(store, &key, &task)?;
            }
        }
        store.db().write(|tx| {
            let values = [DONE.into(), time::now().into()];
            tx.run("INSERT INTO setting (name, value) VALUES ($1, $2)", &values).map(drop)
        })
    })?;
    let (devices, firmware, configs) = counts;
    note(format_args!(
        "{}: {devices} devices, {firmware} firmwares and {configs} configurations taken over into {}; the old files are not used any more",
        root.display(),
        store.db().place()
    ));
    Ok(())
}

/// The bytes, checked against their description.
fn take(store: &Store, beside: &Path, content: &Content) -> Result<Content, Failure> {
    if content.in_place.is_some() || store.layout().blobs().path(&content.sha256).is_some() {
        return Ok(content.clone());
    }
    let name = super::import::url_name(&content.name);
    let path: PathBuf = beside.join(&name);
    let mut file = fs::File::open(&path).map_err(|e| Failure::io("open", &path, &e))?;
    let blob = store.layout().blobs().put(&mut file, u64::MAX)?;
    if blob.sha256 != content.sha256 || blob.size != content.size {
        return Err(Failure::new(format!(
            "{} is not the image that its description names; add it again, or remove its folder",
            path.display()
        )));
    }
    Ok(Content { name, in_place: None, size: blob.size, md5: blob.md5, sha256: blob.sha256 })
}

fn put(store: &Store, device: &Device, keys: &BTreeMap<String, i64>) -> Result<(), Failure> {
    let key = device.key();
    store.put_device(&key, &device.device_secret, device.product_secret.as_deref())?;
    for (module, version) in &device.modules {
        store.report_version(&key, Some(module), version)?;
    }
    if let Some(version) = &device.version {
        store.report_version(&key, None, version)?;
    }
    if device.config_due {
        store.set_config_due(&key, true)?;
    }
    let id = store.device(&key)?.map(|device| device.id).unwrap_or_default();
    store.db().write(|tx| device.updates.iter().try_for_each(|update| put_update(tx, id, update, keys)))
}

fn put_update(
    tx: &Tx<'_>,
    device: i64,
    update: &Update,
    keys: &BTreeMap<String, i64>,
) -> Result<(), Failure> {
    let at = |text: &Option<String>| Value::from(text.as_deref().and_then(time::parse));
    let created = time::parse(&update.pushed_at).unwrap_or_default();
    let sql = "INSERT INTO upgrade (device, stage, firmware, module, from_version, to_version, sha256, state, reason, pushes, attempts, \
               created_at, ended_at, steps, steps_dropped) VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $13) RETURNING id";
    let steps = i64::try_from(update.steps.len()).unwrap_or(i64::MAX);
    let id = tx.id(
        sql,
        &[
            device.into(),
            keys.get(&update.firmware).copied().into(),
            update.module.as_deref().unwrap_or_default().into(),
            update.from.as_deref().into(),
            (&update.to).into(),
            (&update.sha256).into(),
            if update.state == State::Pushed && update.pushes == 0 { State::Queued } else { update.state }
                .name()
                .into(),
            update.reason.as_deref().into(),
            i64::from(update.pushes).into(),
            created.into(),
            at(&update.ended_at),
            steps.into(),
            i64::try_from(update.steps_dropped).unwrap_or(i64::MAX).into(),
        ],
    )?;
    for (n, step) in update.steps.iter().enumerate() {
        let sql = "INSERT INTO step (upgrade, n, at, step, words) VALUES ($1, $2, $3, $4, $5)";
        let n = i64::try_from(n + 1).unwrap_or(i64::MAX);
        let at = time::parse(&step.at).unwrap_or_default();
        tx.run(sql, &[id.into(), n.into(), at.into(), i64::from(step.step).into(), (&step.desc).into()])?;
    }
    Ok(())
}
