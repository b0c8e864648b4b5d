// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process's gateway of `linkkit_gateway_export.h`, and the thread that serves it: programs of this API have no call for
//! that.

use std::collections::VecDeque;
use std::ffi::{CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::super::model::deliver::{self, c_text};
use super::gateway_types::{
    DoneCallback, EventCallback, Permitted, linkkit_cbs_t, linkkit_event_data_t, linkkit_event_t,
};
use super::int;
use super::solo_state::{Context, FotaCallback, NEW_VERSION, service_fota_callback_type_t};
use crate::hal::border::in_c;
use crate::service::aliyun::model::{CODE_TIMEOUT, DeviceStatus, Event, Master, ReplyTo};
use crate::thread::{self, Birth};

/// How long the connection is served between two deliveries.
const SLICE: Duration = Duration::from_millis(20);
/// Most posts whose answers are waited for.
const MAX_POSTS: usize = 256;

/// A device, the gateway itself included.
pub struct Entry {
    pub devid: c_int,
    pub callbacks: Option<linkkit_cbs_t>,
    pub context: Context,
    pub product_key: CString,
    pub device_name: CString,
    pub status: DeviceStatus,
}

/// The gateway.
pub struct Gateway {
    pub master: Arc<Master>,
    pub event_cb: Option<EventCallback>,
    pub context: Context,
    pub room: usize,
    pub set_replies: bool,
    pub entries: Mutex<Vec<Entry>>,
    pub posts: Mutex<VecDeque<(u32, DoneCallback, Context)>>,
    pub fota: Mutex<Option<FotaCallback>>,
    pub online: AtomicBool,
    over: AtomicBool,
    thread: Mutex<Option<(Birth, JoinHandle<()>)>>,
}

static GATEWAY: Mutex<Option<Arc<Gateway>>> = Mutex::new(None);

/// The gateway, once it is started. A child of a fork gets a thread of its own here.
pub fn current() -> Option<Arc<Gateway>> {
    let gateway = GATEWAY.lock().clone()?;
    let is_here = gateway.thread.lock().as_ref().is_some_and(|(birth, _)| birth.is_here());
    if !is_here && !gateway.begin() {
        return None;
    }
    Some(gateway)
}

/// Sets the gateway and starts its thread; `false` when there is one, or no thread for it.
pub fn set(gateway: Gateway) -> bool {
    let gateway = Arc::new(gateway);
    let mut current = GATEWAY.lock();
    if current.is_some() || !gateway.begin() {
        return false;
    }
    *current = Some(gateway);
    true
}

/// Takes the gateway away.
pub fn take() -> Option<Arc<Gateway>> {
    GATEWAY.lock().take()
}

impl Gateway {
    /// A gateway with what the program gave.
    pub fn new(
        master: Arc<Master>,
        event_cb: Option<EventCallback>,
        context: Context,
        room: usize,
        set_replies: bool,
    ) -> Self {
        Self {
            master,
            event_cb,
            context,
            room,
            set_replies,
            entries: Mutex::default(),
            posts: Mutex::default(),
            fota: Mutex::default(),
            online: AtomicBool::new(true),
            over: AtomicBool::new(false),
            thread: Mutex::default(),
        }
    }

    fn begin(self: &Arc<Self>) -> bool {
        let gateway = self.clone();
        let serve = move || {
            while !gateway.over.load(Ordering::Acquire) {
                if gateway.master.serve_for_events(SLICE).is_err() {
                    std::thread::sleep(SLICE);
                }
                deliver::each(&gateway.master, |event| gateway.one(event));
            }
        };
        match crate::thread::named("otakit-gateway").spawn(serve) {
            Ok(handle) => {
                *self.thread.lock() = Some((Birth::now(), handle));
                true
            }
            Err(error) => {
                crate::log!(Error, "model", "no thread for the gateway: {error}");
                false
            }
        }
    }

    /// Ends the thread, and waits for it unless this is it.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
        let thread = self.thread.lock().take();
        if let Some((birth, handle)) = thread
            && birth.is_here()
            && !thread::is_current(&handle)
        {
            let _ = handle.join();
        }
    }

    /// Keeps whom to tell how a post ends.
    pub fn expect(&self, id: u32, callback: DoneCallback, context: Context) {
        let mut posts = self.posts.lock();
        if posts.len() >= MAX_POSTS {
            posts.pop_front();
        }
        posts.push_back((id, callback, context));
    }

    fn callbacks(&self, devid: c_int) -> Option<(linkkit_cbs_t, Context)> {
        let entries = self.entries.lock();
        let entry = entries.iter().find(|entry| entry.devid == devid)?;
        entry.callbacks.map(|callbacks| (callbacks, entry.context))
    }

    fn one(&self, event: Event) {
        match event {
            Event::Connected => self.link(true),
            Event::Disconnected => self.link(false),
            Event::PermitJoin { product_key, seconds } => {
                if let Some(mut product_key) = text(product_key) {
                    let product_key = product_key.as_mut_ptr().cast();
                    self.tell(3, linkkit_event_data_t { permitted: Permitted { product_key, seconds } });
                }
            }
            Event::Assigned { list } => {
                if let Some(mut list) = text(list) {
                    self.tell(4, linkkit_event_data_t { list: list.as_mut_ptr().cast() });
                }
            }
            Event::Status { devid, status } => self.status(devid, status),
            Event::PropertySet { devid, params, reply } => self.property_set(devid, params, &reply),
            Event::PropertyGet { devid, params, reply } => self.property_get(devid, params, &reply),
            Event::Service { devid, name, params, reply } => self.service(devid, name, params, &reply),
            Event::RawData { devid, data, reply } => self.raw(devid, &data, reply),
            Event::Report { msgid, code, .. } | Event::EventReply { msgid, code, .. } => {
                self.ended(msgid, code);
            }
            Event::Firmware { devid, version } => {
                let callback = *self.fota.lock();
                if let (Some(callback), Some(version)) = (callback, c_text(version)) {
                    deliver::about(devid, || {
                        // SAFETY: C gave the function for this prototype; the text outlives the call.
                        in_c(|| unsafe {
                            callback(service_fota_callback_type_t(NEW_VERSION), version.as_ptr())
                        });
                        0
                    });
                }
            }
            _ => {}
        }
    }

    fn link(&self, online: bool) {
        self.online.store(online, Ordering::Release);
        self.tell(c_int::from(online), linkkit_event_data_t { list: std::ptr::null_mut() });
    }

    fn tell(&self, event_type: c_int, event_data: linkkit_event_data_t) {
        if let Some(callback) = self.event_cb {
            let mut event = linkkit_event_t { event_type, event_data };
            // SAFETY: C gave the function for this prototype; the event and its texts outlive the call.
            in_c(|| unsafe { callback(&raw mut event, self.context.0) });
        }
    }

    fn status(&self, devid: c_int, status: DeviceStatus) {
        let names = {
            let mut entries = self.entries.lock();
            let Some(entry) = entries.iter_mut().find(|entry| entry.devid == devid) else { return };
            entry.status = status;
            [entry.product_key.as_bytes_with_nul().to_vec(), entry.device_name.as_bytes_with_nul().to_vec()]
        };
        if devid > 0 && status == DeviceStatus::Deleted {
            let mut names = names;
            let deleted = names.each_mut().map(|name| name.as_mut_ptr().cast());
            self.tell(2, linkkit_event_data_t { deleted });
        }
    }

    fn answer(&self, reply: &ReplyTo, code: c_int, data: &[u8]) {
        if self.master.answer(reply, code, data).is_err() {
            crate::log!(Error, "model", "{}: the response is not JSON or cannot be sent", reply.topic);
            let _ = self.master.answer(reply, 400, b"{}");
        }
    }

    fn property_set(&self, devid: c_int, params: String, reply: &ReplyTo) {
        let (Some((callbacks, context)), Some(mut params)) = (self.callbacks(devid), text(params)) else {
            return;
        };
        let Some(callback) = callbacks.set_property else { return };
        // SAFETY: C gave the function for this prototype; the text is NUL-terminated and a copy that it may change.
        let taken = in_c(|| unsafe { callback(params.as_mut_ptr().cast(), context.0) }) == 0;
        if self.set_replies {
            self.answer(reply, if taken { 200 } else { 400 }, b"{}");
        }
    }

    fn property_get(&self, devid: c_int, params: String, reply: &ReplyTo) {
        let (Some((callbacks, context)), Some(mut params)) = (self.callbacks(devid), text(params)) else {
            return;
        };
        let Some(callback) = callbacks.get_property else { return };
        self.with_room(reply, |out, len| {
            // SAFETY: C gave the function for this prototype; the text is a copy, and there are `len` bytes of room.
            in_c(|| unsafe { callback(params.as_mut_ptr().cast(), out, len, context.0) })
        });
    }

    fn service(&self, devid: c_int, name: String, params: String, reply: &ReplyTo) {
        let (Some((callbacks, context)), Some(mut name), Some(mut params)) =
            (self.callbacks(devid), text(name), text(params))
        else {
            return;
        };
        let Some(callback) = callbacks.call_service else { return };
        self.with_room(reply, |out, len| {
            let (name, params) = (name.as_mut_ptr().cast(), params.as_mut_ptr().cast());
            // SAFETY: C gave the function for this prototype; the texts are copies, and there are `len` bytes of room.
            in_c(|| unsafe { callback(name, params, out, len, context.0) })
        });
    }

    /// Runs a callback that writes its answer, a JSON text, and sends that; 400 when the callback says that it failed.
    fn with_room(&self, reply: &ReplyTo, callback: impl FnOnce(*mut c_char, c_int) -> c_int) {
        let mut out = vec![0_u8; self.room];
        let returned = callback(out.as_mut_ptr().cast(), int(self.room));
        let data = out.split(|&byte| byte == 0).next().unwrap_or_default();
        match (returned, data) {
            (0, []) => self.answer(reply, 200, b"{}"),
            (0, data) => self.answer(reply, 200, data),
            _ => self.answer(reply, 400, b"{}"),
        }
    }

    fn raw(&self, devid: c_int, data: &[u8], is_reply: bool) {
        let Some((callbacks, context)) = self.callbacks(devid) else { return };
        let (start, len) = (data.as_ptr().cast(), int(data.len()));
        if is_reply {
            if let Some(callback) = callbacks.post_rawdata_reply {
                // SAFETY: C gave the function for this prototype; the bytes outlive the call.
                in_c(|| unsafe { callback(start, len, context.0) });
            }
        } else if let Some(callback) = callbacks.down_rawdata {
            let mut out = vec![0_u8; self.room];
            // SAFETY: as above; there are so many bytes of room.
            let n =
                in_c(|| unsafe { callback(start, len, out.as_mut_ptr().cast(), int(self.room), context.0) });
            if let Some(answer @ [_, ..]) = usize::try_from(n).ok().and_then(|n| out.get(..n)) {
                let _ = self.master.raw_reply(devid, answer);
            }
        }
    }

    fn ended(&self, msgid: u32, code: c_int) {
        let found = {
            let mut posts = self.posts.lock();
            let index = posts.iter().position(|(known, ..)| *known == msgid);
            index.and_then(|index| posts.remove(index))
        };
        if let Some((_, callback, context)) = found {
            let outcome = match code {
                200 => 1,
                CODE_TIMEOUT => 0,
                _ => -1,
            };
            // SAFETY: C gave the function for this prototype.
            in_c(|| unsafe { callback(outcome, context.0) });
        }
    }
}

/// A copy for C, which may change it. `None`, with a log line, for a text that C cannot hold.
fn text(text: String) -> Option<Vec<u8>> {
    c_text(text).map(CString::into_bytes_with_nul)
}
