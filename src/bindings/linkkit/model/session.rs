// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process's one master: opened, connected, closed.

use std::ffi::c_int;
use std::sync::Arc;

use otakit_core::platform::aliyun::identity::Device;
use parking_lot::Mutex;

use super::super::mqtt;
use super::super::mqtt::construct::{self, Given};
use super::super::sign::{CLOUD, array_text, iotx_dev_meta_info_t};
use super::super::signal::{self, Link};
use super::{callbacks, monitor, store};
use crate::bindings::handle::Handle;
use crate::bindings::settings;
use crate::hal::device::{self, Part};
use crate::service::aliyun::model::{Master, ModelError, Wants};
use crate::service::aliyun::{Ota, OtaError};

/// Largest packet that the device model sends: payloads are the application's.
const MAX_PACKET: u32 = 64 * 1024;
/// Largest packet that the application's own subscriptions get; the model's and the updates' have limits of their own.
const READ_BUFFER: u32 = 16 * 1024;
const KEEPALIVE_MS: u32 = 30_000;
const REQUEST_TIMEOUT_MS: u32 = 2000;

struct Session {
    master: Arc<Master>,
    /// What its update services speak over.
    link: Arc<Link>,
    client: Option<Handle>,
}

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// An identity as C gives it.
pub struct Identity {
    pub device: Device,
    pub product_secret: String,
    pub device_secret: String,
}

impl Identity {
    /// `None` when a text is not terminated or a name cannot be used.
    pub fn from_c(meta: &iotx_dev_meta_info_t) -> Option<Self> {
        Some(Self {
            device: Device::new(&array_text(&meta.product_key)?, &array_text(&meta.device_name)?)?,
            product_secret: array_text(&meta.product_secret)?,
            device_secret: array_text(&meta.device_secret)?,
        })
    }
}

/// The master, when one is open.
pub fn master() -> Option<Arc<Master>> {
    SESSION.lock().as_ref().map(|session| session.master.clone())
}

/// Opens the master and tells the firmware who it is; touches no network.
pub fn open(identity: &Identity) -> Result<(), ModelError> {
    if master().is_some() {
        return Err(ModelError::State);
    }
    let Identity { device, product_secret, device_secret } = identity;
    let parts = [
        (Part::ProductKey, &device.product_key),
        (Part::ProductSecret, product_secret),
        (Part::DeviceName, &device.device_name),
        (Part::DeviceSecret, device_secret),
    ];
    for (part, value) in parts {
        if !device::set(part, value) {
            crate::log!(Error, "model", "the firmware does not take its {part:?}");
            return Err(ModelError::Invalid);
        }
    }
    let (own, link) = (device.clone(), Arc::new(Link::default()));
    let over = link.clone();
    let make_ota = Box::new(move |device: Device| {
        // The HAL knows the master's firmware; a sub-device's is told by `ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION`.
        let running = if device == own { signal::running_version() } else { None };
        open_ota(device, running, &over)
    });
    let master = Master::open(device.clone(), make_ota)?;
    let mut session = SESSION.lock();
    if session.is_some() {
        drop(session);
        master.close();
        return Err(ModelError::State);
    }
    *session = Some(Session { master, link, client: None });
    Ok(())
}

/// The OTA service of the master or of a sub-device, over the session's own MQTT client.
fn open_ota(device: Device, running: Option<String>, link: &Arc<Link>) -> Result<Arc<Ota>, OtaError> {
    let settings = settings::current();
    let source = Arc::new(settings.http_source(link.authorities()));
    Ota::open(device, running, link.channel(), source, settings.session)
}

fn link_of(master: &Arc<Master>) -> Option<Arc<Link>> {
    let session = SESSION.lock();
    session
        .as_ref()
        .filter(|session| Arc::ptr_eq(&session.master, master))
        .map(|session| session.link.clone())
}

/// Connects the master. Blocks.
pub fn connect() -> Result<(), ModelError> {
    connect_wanting(wants())
}

/// As [`connect`], for an application that has no callbacks to show what it wants.
pub fn connect_wanting(wants: Wants) -> Result<(), ModelError> {
    let master = master().ok_or(ModelError::State)?;
    master.connecting()?;
    monitor::post(monitor::CONNECTING);
    let connected = establish(&master, wants);
    if connected.is_err() {
        master.disconnected();
        monitor::post(monitor::FAILED);
        tell(&master, || callbacks::call(callbacks::current().connect_fail));
    }
    connected?;
    tell(&master, || callbacks::call_with(callbacks::current().initialized, 0));
    Ok(())
}

/// Calls into the application, unless another thread has closed the master meanwhile.
fn tell(master: &Master, call: impl FnOnce()) {
    if let Some(_pass) = master.gate().enter() {
        call();
    }
}

fn establish(master: &Arc<Master>, wants: Wants) -> Result<(), ModelError> {
    let given = Given {
        port: CLOUD.lock().mqtt_port,
        request_timeout_ms: REQUEST_TIMEOUT_MS,
        keepalive_interval_ms: KEEPALIVE_MS,
        write_buf_size: MAX_PACKET,
        read_buf_size: READ_BUFFER,
        default_handler: Some(master.link_handler()),
        ..Given::default()
    };
    let mut plan = construct::plan(given, &construct::V301).ok_or(ModelError::Signal)?;
    plan.early = link_of(master).ok_or(ModelError::State)?.early();
    let handle = mqtt::open(plan).ok_or(ModelError::Signal)?;
    if !remember(master, handle) {
        mqtt::close(handle);
        return Err(ModelError::State);
    }
    monitor::post(monitor::CONNECTED);
    let client = mqtt::client(handle).ok_or(ModelError::State)?;
    master.connected(client, wants)
}

/// Notes the connection, unless the master was closed meanwhile.
fn remember(master: &Arc<Master>, handle: Handle) -> bool {
    let mut session = SESSION.lock();
    match session.as_mut().filter(|session| Arc::ptr_eq(&session.master, master)) {
        Some(session) => {
            session.client = Some(handle);
            session.link.connected(handle);
            true
        }
        None => false,
    }
}

/// What the application has shown to want, by options and by callbacks.
fn wants() -> Wants {
    let slots = callbacks::current();
    Wants {
        event_replies: CLOUD.lock().event_replies,
        shadow: slots.desired.is_some() || slots.property_get.is_some(),
        gateway: slots.topolist.is_some() || slots.permit_join.is_some(),
        notices: slots.notice.is_some(),
        status: false,
    }
}

/// Closes the master and all with it. The connection goes first, so that the broker keeps what is meant for the device.
pub fn close() -> Result<(), ModelError> {
    let session = SESSION.lock().take().ok_or(ModelError::State)?;
    if let Some(handle) = session.client {
        mqtt::close(handle);
    }
    session.master.close();
    store::forget_all();
    Ok(())
}

/// Opens a sub-device.
pub fn open_sub(identity: &Identity) -> Result<c_int, ModelError> {
    let master = master().ok_or(ModelError::State)?;
    master.open_sub(&identity.device, &identity.device_secret)
}

/// Closes a sub-device.
pub fn close_sub(devid: c_int) -> Result<(), ModelError> {
    master().ok_or(ModelError::State)?.close_sub(devid);
    store::forget(devid);
    Ok(())
}
