// SPDX-License-Identifier: MIT OR Apache-2.0
//! The OTA service: what a message from a device changes, and what is answered.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Uplink, gateway, order_topic, parse_topic, request_topic, sys_topic, thing, wire};
use crate::Failure;
use crate::broker::Outgoing;
use crate::data::configs::{CONFIG, Heard};
use crate::data::model::{Config, DeviceKey, Firmware};
use crate::data::upgrades::Origin;
use crate::data::{Store, version};
use crate::note;
use crate::origin::Urls;

/// What is to be done after a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Publish now.
    Publish(Outgoing),
    /// Offer what is open or due once the device has had time to subscribe: Link Kit informs before it
    /// subscribes, and often twice.
    OfferSoon(DeviceKey, Option<String>),
    /// The device was answered with this order.
    Answered(DeviceKey, u64),
    /// The device was answered with this order of a configuration.
    AnsweredConfig(DeviceKey, u64),
    /// The device works on this order.
    Progress(u64),
}

/// Handles one message. Messages of unknown devices and messages that are no JSON are logged and dropped; an error is for
/// the log, and has changed nothing.
pub fn handle(store: &Store, urls: &Urls, topic: &str, payload: &[u8]) -> Result<Vec<Action>, Failure> {
    let Some((uplink, key)) = parse_topic(topic) else {
        return Ok(Vec::new());
    };
    match store.device(&key) {
        Ok(Some(_)) => {}
        Ok(None) => {
            note(format_args!("{topic}: {key} is not registered"));
            return Ok(Vec::new());
        }
        Err(failure) => return Err(failure),
    }
    let message: Value = match serde_json::from_slice(payload) {
        Ok(message) => message,
        Err(error) => {
            note(format_args!("{topic}: not JSON: {error}"));
            return Ok(Vec::new());
        }
    };
    if wire::module_of(&message) == Some(CONFIG) {
        return Err(Failure::new(format!("{CONFIG} is no module of a device")));
    }
    match uplink {
        Uplink::Inform => inform(store, &key, &message),
        Uplink::Request => request(store, urls, &key, &message),
        Uplink::FirmwareGet => firmware_get(store, urls, &key, topic, &message),
        Uplink::Progress => progress(store, &key, &message),
        Uplink::ConfigGet => config_get(store, urls, &key, &message),
        Uplink::ConfigAnswer => config_answer(store, &key, &message),
        Uplink::Thing => Ok(vec![reply_beside(topic, thing::taken(&message))]),
        Uplink::DesiredGet => Ok(vec![reply_beside(topic, thing::desired(&message))]),
        Uplink::Reset => {
            gateway::reset(store, &key).map(|()| vec![reply_beside(topic, thing::taken(&message))])
        }
        Uplink::Ntp => {
            let topic = format!("/ext/ntp/{key}/response");
            Ok(vec![answer(topic, thing::time(&message))])
        }
        Uplink::Gateway(what) => Ok(vec![reply_beside(topic, gateway::handle(store, &key, what, &message))]),
    }
}

fn answer(topic: String, payload: Vec<u8>) -> Action {
    Action::Publish(Outgoing { topic, payload, at_least_once: false })
}

/// Most answers go to the request's topic with `_reply` at its end.
fn reply_beside(topic: &str, payload: Vec<u8>) -> Action {
    answer(format!("{topic}_reply"), payload)
}

fn inform(store: &Store, key: &DeviceKey, message: &Value) -> Result<Vec<Action>, Failure> {
    let reported = wire::version_of(message).ok_or_else(|| Failure::new("no version in the message"))?;
    let module = wire::module_of(message);
    store.report_version(key, module, reported)?;
    note(format_args!("{key} runs {reported}"));
    Ok(vec![Action::OfferSoon(key.clone(), module.map(str::to_owned))])
}

/// Answers with the update that is open, else with the newest firmware if it is newer.
fn request(store: &Store, urls: &Urls, key: &DeviceKey, message: &Value) -> Result<Vec<Action>, Failure> {
    if message.get("params").is_none() || message.get("data").is_some() {
        // Our own answers come back on this topic.
        return Ok(Vec::new());
    }
    let firmware = asked_for(store, key, None, wire::version_of(message))?;
    let mut actions = Vec::new();
    let payload = match firmware {
        Some(firmware) => {
            let Some(id) = store.open_update(key, &firmware, Origin::default())? else {
                return Ok(actions);
            };
            store.count_push(id)?;
            actions.push(Action::Answered(key.clone(), id));
            wire::upgrade(&firmware, &urls.firmware(&firmware), id)
        }
        None => wire::no_upgrade(0),
    };
    actions.push(Action::Publish(Outgoing { topic: request_topic(key), payload, at_least_once: true }));
    Ok(actions)
}

/// The same for devices that name a module, or themselves by naming none.
fn firmware_get(
    store: &Store,
    urls: &Urls,
    key: &DeviceKey,
    topic: &str,
    message: &Value,
) -> Result<Vec<Action>, Failure> {
    let firmware = asked_for(store, key, wire::module_of(message), None)?;
    let mut actions = Vec::new();
    let payload = match &firmware {
        Some(firmware) => {
            if let Some(id) = store.open_update(key, firmware, Origin::default())? {
                store.count_push(id)?;
                actions.push(Action::Answered(key.clone(), id));
            }
            wire::firmware_reply(message, firmware, &urls.firmware(firmware))
        }
        None => wire::reply(message, 200, &Value::Object(serde_json::Map::new()), "success"),
    };
    actions.push(reply_beside(topic, payload));
    Ok(actions)
}

/// The firmware of the update that is open, else the newest if it is newer than what the device says, or has said, it runs.
fn asked_for(
    store: &Store,
    key: &DeviceKey,
    module: Option<&str>,
    reported: Option<&str>,
) -> Result<Option<Firmware>, Failure> {
    let Some(device) = store.device(key)? else {
        return Ok(None);
    };
    let known = match module {
        Some(module) => device.modules.get(module),
        None => device.version.as_ref(),
    };
    let reported = reported.or(known.map(String::as_str)).unwrap_or_default();
    let open = store.open_of(key, module)?.filter(|u| u.to != reported);
    if let Some(firmware) = open.and_then(|u| u.firmware_key) {
        return store.firmware(firmware);
    }
    let newest = store.newest_of(&key.product, module, false)?;
    Ok(newest.filter(|f| version::compare(reported, &f.version) == Ordering::Less))
}

fn progress(store: &Store, key: &DeviceKey, message: &Value) -> Result<Vec<Action>, Failure> {
    let (step, desc) =
        wire::progress_of(message).ok_or_else(|| Failure::new("no step up to 100 in the message"))?;
    let module = wire::module_of(message);
    let update = store.report_step(key, module, step, desc)?;
    Ok(update.map(|update| Action::Progress(update.id)).into_iter().collect())
}

/// Answers with the configuration that is ordered for the device, else with the one that it was given last, else with its
/// product's.
fn config_get(store: &Store, urls: &Urls, key: &DeviceKey, message: &Value) -> Result<Vec<Action>, Failure> {
    let id = wire::id_of(message);
    let reply = |found: Option<(&Config, &str)>| {
        let topic = sys_topic(key, "thing/config/get_reply");
        answer(topic, wire::config_reply(found, &id))
    };
    let open = store.open_of(key, Some(CONFIG))?;
    if let Some((update, firmware)) = open.map(|u| store.ordered_config(u.id)).transpose()?.flatten() {
        store.count_push(update.id)?;
        store.config_heard(key, update.id, Heard::Asked)?;
        let config = firmware.as_config();
        let url = urls.ordered_config(&config, update.id);
        return Ok(vec![Action::AnsweredConfig(key.clone(), update.id), reply(Some((&config, &url)))]);
    }
    let config = match store.own_config(key)? {
        Some(own) => Some(own.as_config()),
        None => store.config(&key.product)?,
    };
    let config = config.map(|config| (urls.config(&config), config));
    Ok(vec![reply(config.as_ref().map(|(url, config)| (config, url.as_str())))])
}

/// The device answers a push: of an order, whose number the message has, or of its product's configuration.
fn config_answer(store: &Store, key: &DeviceKey, message: &Value) -> Result<Vec<Action>, Failure> {
    let code =
        wire::code_of(message).ok_or_else(|| Failure::new("no code in the answer to a configuration"))?;
    let Some(id) = wire::id_of(message).parse().ok().filter(|id| *id > 0) else {
        return Ok(Vec::new());
    };
    let heard = if code == 200 { Heard::Taken } else { Heard::Refused(code) };
    let moved = store.config_heard(key, id, heard)?;
    Ok(moved.map(|_| Action::Progress(id)).into_iter().collect())
}

/// The offer of a firmware, or the push of a configuration, under the number of its update.
pub fn offer(urls: &Urls, key: &DeviceKey, firmware: &Firmware, id: u64) -> Outgoing {
    let payload = if firmware.is_config() {
        let config = firmware.as_config();
        wire::config_push(&config, &urls.ordered_config(&config, id), &id.to_string())
    } else {
        wire::upgrade(firmware, &urls.firmware(firmware), id)
    };
    Outgoing { topic: order_topic(key, firmware.is_config()), payload, at_least_once: true }
}

/// The configuration of the device's product, as a push. It has no number of an order.
pub fn config_push(store: &Store, urls: &Urls, key: &DeviceKey) -> Result<Option<Outgoing>, Failure> {
    let Some(config) = store.config(&key.product)? else {
        return Ok(None);
    };
    let payload = wire::config_push(&config, &urls.config(&config), "0");
    Ok(Some(Outgoing { topic: sys_topic(key, "thing/config/push"), payload, at_least_once: false }))
}
