// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events on their way into the callbacks of `linkkit_export.h`, in the thread that dispatches. Texts are valid during the call
//! only.

use std::ffi::c_int;

use serde_json::Value;

use super::super::model::deliver::{self, c_text};
use super::solo_state::{
    self as state, NEW_VERSION, OPTIONS, Solo, service_cota_callback_type_t, service_fota_callback_type_t,
};
use super::{id, int};
use crate::hal::border::in_c;
use crate::service::aliyun::model::{DeviceStatus, Event, ReplyTo};
use otakit_core::platform::aliyun::config::Config;

/// Delivers what waits now.
pub fn all(solo: &Solo) {
    let created = std::mem::take(&mut solo.inner.lock().created);
    if created
        && let Some(callback) = solo.ops.thing_create
        && let Some(_pass) = solo.master.gate().enter()
    {
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { callback(state::thing(), solo.context.0) });
    }
    deliver::each(&solo.master, |event| one(solo, event));
}

fn one(solo: &Solo, event: Event) {
    let (ops, context) = (&solo.ops, solo.context.0);
    match event {
        Event::Connected | Event::Disconnected => {
            let callback = if event == Event::Connected { ops.on_connect } else { ops.on_disconnect };
            if let Some(callback) = callback {
                // SAFETY: C gave the function for this prototype.
                in_c(|| unsafe { callback(context) });
            }
        }
        // The reference does not hand the answers to sent data on.
        Event::RawData { data, reply: false, .. } => {
            if let Some(callback) = ops.raw_data_arrived {
                // SAFETY: as above; the bytes outlive the call.
                in_c(|| unsafe { callback(state::thing(), data.as_ptr().cast(), int(data.len()), context) });
            }
        }
        Event::Status { status, .. } => {
            let callback = if status == DeviceStatus::Enabled { ops.thing_enable } else { ops.thing_disable };
            if let Some(callback) = callback {
                // SAFETY: C gave the function for this prototype.
                in_c(|| unsafe { callback(state::thing(), context) });
            }
        }
        Event::PropertySet { params, reply, .. } => property_set(solo, &params, &reply),
        Event::PropertyGet { params, reply, .. } => property_get(solo, &params, &reply),
        Event::Service { name, params, reply, .. } => service(solo, name, &params, reply),
        Event::Report { msgid, code, text, .. } => {
            answered(solo, id(msgid), code, text.filter(|_| code != 200));
        }
        Event::EventReply { msgid, code, message, .. } => {
            answered(solo, id(msgid), code, Some(message).filter(|_| code != 200));
        }
        Event::Timestamp(time) => {
            let callback = solo.inner.lock().ntp;
            if let (Some(callback), Some(time)) = (callback, c_text(time)) {
                // SAFETY: C gave the function for this prototype; the text outlives the call.
                in_c(|| unsafe { callback(time.as_ptr()) });
            }
        }
        Event::Firmware { devid, version } => {
            let callback = solo.inner.lock().fota;
            if let (Some(callback), Some(version)) = (callback, c_text(version)) {
                deliver::about(devid, || {
                    // SAFETY: as above.
                    in_c(|| unsafe { callback(service_fota_callback_type_t(NEW_VERSION), version.as_ptr()) });
                    0
                });
            }
        }
        Event::Config { devid, config } => configuration(solo, devid, config),
        _ => {}
    }
}

/// Takes the values over, answers, and tells of each property that was set.
fn property_set(solo: &Solo, params: &str, reply: &ReplyTo) {
    let (mut set, mut refused) = (Vec::new(), false);
    let members = serde_json::from_str::<Value>(params).ok();
    if let Some(Value::Object(members)) = members {
        let mut inner = solo.inner.lock();
        for (name, value) in members {
            let taken = inner.description.as_mut().map(|all| all.properties.set_json(&name, &value));
            match taken {
                Some(Ok(())) => set.push(name),
                Some(Err(fault)) => {
                    crate::log!(Warning, "model", "property {name} is not set: {fault}");
                    refused = true;
                }
                None => {
                    crate::log!(Warning, "model", "property {name} is not set: there is no description yet");
                    refused = true;
                }
            }
        }
    } else {
        refused = true;
    }
    if OPTIONS.lock().set_replies {
        let _ = solo.master.answer(reply, if refused { 400 } else { 200 }, b"{}");
    }
    let Some(callback) = solo.ops.thing_prop_changed else { return };
    for name in set.into_iter().filter_map(c_text) {
        // SAFETY: C gave the function for this prototype; the text outlives the call.
        in_c(|| unsafe { callback(state::thing(), name.as_ptr(), solo.context.0) });
    }
}

/// Answers with the values of the properties that are named; those that the description does not have are left out.
fn property_get(solo: &Solo, params: &str, reply: &ReplyTo) {
    let names: Vec<String> = match serde_json::from_str(params) {
        Ok(Value::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let members: Vec<String> = {
        let inner = solo.inner.lock();
        let one = |name: &String| {
            let whole = inner.description.as_ref()?.properties.json_of(name).ok()?;
            whole.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::to_owned)
        };
        names.iter().filter_map(one).collect()
    };
    let _ = solo.master.answer(reply, 200, format!("{{{}}}", members.join(",")).as_bytes());
}

/// Takes the parameters over and tells of the call; the application answers it, now or later.
fn service(solo: &Solo, name: String, params: &str, reply: ReplyTo) {
    let refused = {
        let mut inner = solo.inner.lock();
        let service = inner.description.as_mut().and_then(|description| description.service(&name));
        match (service, serde_json::from_str::<Value>(params)) {
            (None, _) => Some("the description has no such identifier".to_owned()),
            (Some(service), Ok(Value::Object(members))) => {
                service.inputs.clear();
                service.outputs.clear();
                let mut set = members.iter().map(|(member, value)| service.inputs.set_json(member, value));
                set.find_map(Result::err).map(|fault| fault.to_string())
            }
            (Some(_), _) => Some("its parameters are no JSON object".to_owned()),
        }
    };
    let callback = match (refused, solo.ops.thing_call_service) {
        (Some(fault), _) => {
            crate::log!(Warning, "model", "service {name}: {fault}");
            let _ = solo.master.answer(&reply, 400, b"{}");
            return;
        }
        // As in the reference, nobody answers what nobody takes.
        (None, None) => return,
        (None, Some(callback)) => callback,
    };
    // The reference hands on the number that the cloud gave the call. One that is none is replaced.
    let number = reply.id.parse().unwrap_or_else(|_| id(crate::service::aliyun::message_id::next()));
    solo.inner.lock().called(number, name.clone(), reply);
    if let Some(name) = c_text(name) {
        // SAFETY: C gave the function for this prototype; the text outlives the call.
        in_c(|| unsafe { callback(state::thing(), name.as_ptr(), number, solo.context.0) });
    }
}

fn answered(solo: &Solo, number: c_int, code: c_int, text: Option<String>) {
    let Some(callback) = solo.inner.lock().expected(number) else { return };
    let text = text.and_then(c_text);
    let text = text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    // SAFETY: C gave the function for this prototype; the text, where there is one, outlives the call.
    in_c(|| unsafe { callback(state::thing(), number, code, text, solo.context.0) });
}

fn configuration(solo: &Solo, devid: c_int, config: Config) {
    let Some(callback) = solo.inner.lock().cota else { return };
    let texts = [config.id, config.get_type, config.sign, config.sign_method, config.offer.url].map(c_text);
    let [Some(config_id), Some(get_type), Some(sign), Some(method), Some(url)] = texts else { return };
    let size = u32::try_from(config.offer.size).unwrap_or(u32::MAX);
    deliver::about(devid, || {
        let (kind, config_id) = (service_cota_callback_type_t(NEW_VERSION), config_id.as_ptr());
        let get_type = get_type.as_ptr();
        // SAFETY: C gave the function for this prototype; the texts outlive the call.
        in_c(|| unsafe {
            callback(kind, config_id, size, get_type, sign.as_ptr(), method.as_ptr(), url.as_ptr());
        });
        0
    });
}
