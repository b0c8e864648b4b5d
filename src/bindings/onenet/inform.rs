// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notices of tasks over MQTT, of `onenet_ota.h`.

use std::sync::Arc;

use otakit_core::platform::onenet::inform;

use super::options::{self, Options};
use super::{
    CLOUD, NOT_SUPPORT, OK, OTHERS, REPETITIVE, RESOURCE_BUSY, UNINITIALIZED, current, finished, milliseconds,
};
use crate::bindings::guard::guard;
use crate::bindings::settings;
use crate::lab;
use crate::net::{Security, Target};
use crate::service::onenet::{Broker, Notices};

/// Starts listening for notices, without waiting for the connection; each is answered at once. Things-model variant
/// alone, after `ota_init`.
#[unsafe(no_mangle)]
pub extern "C" fn onenet_inform_start() -> i32 {
    guard("onenet_inform_start", OTHERS, || finished(start()))
}

fn start() -> Result<(), i32> {
    let context = current()?;
    let device = context.service.config().dialect.device().cloned().ok_or(NOT_SUPPORT)?;
    let key = context.access_key.as_deref().ok_or(NOT_SUPPORT)?;
    let options = options::current();
    let token = options.token(&device, key).ok_or(NOT_SUPPORT)?;
    let mut notices = context.notices.lock();
    if notices.is_some() {
        return Err(REPETITIVE);
    }
    let broker = Broker { target: target(&options), device, token };
    *notices = Some(Arc::new(Notices::start(broker, settings::dial()).ok_or(RESOURCE_BUSY)?));
    Ok(())
}

fn target(options: &Options) -> Target {
    let redirect = lab::onenet_mqtt().filter(|_| options.mqtt_host.is_none());
    let (host, port, tls) = match redirect {
        Some(lab::Redirect { host, port, tls }) => (host, port, tls),
        None => {
            let (host, port) = inform::BROKER;
            let port = if options.mqtt_port == 0 { port } else { options.mqtt_port };
            (options.mqtt_host.clone().unwrap_or_else(|| host.to_owned()), port, options.mqtt_tls)
        }
    };
    Target { host, port, security: if tls { Security::Tls(options.roots()) } else { Security::Plain } }
}

/// Waits for a notice, `timeout_ms` at most: 1 when one came since the last time, 0 when none did, -12 when the broker
/// refuses the sign-in, -5 without `onenet_inform_start`.
#[unsafe(no_mangle)]
pub extern "C" fn onenet_inform_wait(timeout_ms: u32) -> i32 {
    guard("onenet_inform_wait", OTHERS, || {
        let Ok(context) = current() else { return UNINITIALIZED };
        // Not under the lock: whoever stops the waiting needs it.
        let notices = context.notices.lock().clone();
        match notices.map(|notices| notices.wait(milliseconds(timeout_ms))) {
            None => UNINITIALIZED,
            Some(None) => CLOUD,
            Some(Some(came)) => i32::from(came),
        }
    })
}

/// Stops listening; waits in other threads return 0.
#[unsafe(no_mangle)]
pub extern "C" fn onenet_inform_stop() -> i32 {
    guard("onenet_inform_stop", OTHERS, || {
        let Ok(context) = current() else { return UNINITIALIZED };
        let notices = context.notices.lock().take();
        match notices {
            Some(notices) => {
                notices.stop();
                OK
            }
            None => UNINITIALIZED,
        }
    })
}
