// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the process's one device of `linkkit_export.h` keeps.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::service::aliyun::model::{Master, ReplyTo};
use otakit_core::platform::aliyun::tsl::Description;

/// Most calls of services that wait for an answer of the application; the oldest is forgotten.
const MAX_CALLS: usize = 64;
/// Most posts whose answers are waited for.
const MAX_POSTS: usize = 256;

/// `service_fota_callback_type_t`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct service_fota_callback_type_t(pub c_int);

/// `service_cota_callback_type_t`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct service_cota_callback_type_t(pub c_int);

/// What both say of a version on offer.
pub const NEW_VERSION: c_int = 10;

/// `handle_post_cb_fp_t`: thing, message id, code, what the cloud says, context.
pub type PostCallback = unsafe extern "C" fn(*const c_void, c_int, c_int, *const c_char, *mut c_void);
/// `handle_service_fota_callback_fp_t`: 10 and the version.
pub type FotaCallback = unsafe extern "C" fn(service_fota_callback_type_t, *const c_char);
/// `handle_service_cota_callback_fp_t`: 10, id, size, type, digest, its method, URL.
pub type CotaCallback = unsafe extern "C" fn(
    service_cota_callback_type_t,
    *const c_char,
    u32,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
);
/// Hears the cloud's clock.
pub type NtpCallback = unsafe extern "C" fn(*const c_char);

type Plain = unsafe extern "C" fn(*mut c_void) -> c_int;
type Data = unsafe extern "C" fn(*const c_void, *const c_void, c_int, *mut c_void) -> c_int;
type Thing = unsafe extern "C" fn(*const c_void, *mut c_void) -> c_int;
type Request = unsafe extern "C" fn(*const c_void, *const c_char, c_int, *mut c_void) -> c_int;
type Changed = unsafe extern "C" fn(*const c_void, *const c_char, *mut c_void) -> c_int;

/// `linkkit_ops_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct linkkit_ops_t {
    /// Connected.
    pub on_connect: Option<Plain>,
    /// The connection is lost.
    pub on_disconnect: Option<Plain>,
    /// Transparent data.
    pub raw_data_arrived: Option<Data>,
    /// The device has its description.
    pub thing_create: Option<Thing>,
    /// The cloud has enabled the device.
    pub thing_enable: Option<Thing>,
    /// The cloud has disabled the device.
    pub thing_disable: Option<Thing>,
    /// A service is called.
    pub thing_call_service: Option<Request>,
    /// A property was set.
    pub thing_prop_changed: Option<Changed>,
    /// Never called: nothing sends such data any more.
    pub linkit_data_arrived: Option<Data>,
}

/// The application's pointer, given back in each callback.
#[derive(Clone, Copy)]
pub struct Context(pub *mut c_void);

// SAFETY: it is handed back to C as it came and never followed here; C chooses the threads by choosing who dispatches.
unsafe impl Send for Context {}
// SAFETY: as above; nothing is read through it.
unsafe impl Sync for Context {}

/// What can be switched with `linkkit_set_opt`.
#[derive(Clone, Copy)]
pub struct Options {
    /// Whether callbacks of posted properties are called.
    pub property_replies: bool,
    /// Whether callbacks of events are called.
    pub event_replies: bool,
    /// Whether it is answered that properties are to be set.
    pub set_replies: bool,
}

/// Held for the whole process: a firmware sets options before it starts.
pub static OPTIONS: Mutex<Options> =
    Mutex::new(Options { property_replies: true, event_replies: true, set_replies: true });

/// The device.
pub struct Solo {
    pub master: Arc<Master>,
    pub ops: linkkit_ops_t,
    pub context: Context,
    pub inner: Mutex<Inner>,
}

/// What changes.
#[derive(Default)]
pub struct Inner {
    /// `None` until the application has given it.
    pub description: Option<Description>,
    /// Whether the application is still to be told of its description.
    pub created: bool,
    posts: VecDeque<(c_int, PostCallback)>,
    calls: VecDeque<(c_int, String, ReplyTo)>,
    pub fota: Option<FotaCallback>,
    pub cota: Option<CotaCallback>,
    pub ntp: Option<NtpCallback>,
}

impl Inner {
    /// Keeps whom to tell how a post ends.
    pub fn expect(&mut self, id: c_int, callback: PostCallback) {
        if self.posts.len() >= MAX_POSTS {
            self.posts.pop_front();
        }
        self.posts.push_back((id, callback));
    }

    /// Whom to tell, once.
    pub fn expected(&mut self, id: c_int) -> Option<PostCallback> {
        let index = self.posts.iter().position(|(known, _)| *known == id)?;
        self.posts.remove(index).map(|(_, callback)| callback)
    }

    /// Keeps where the answer to a call of a service goes. Two calls with one number are answered in their order.
    pub fn called(&mut self, number: c_int, service: String, reply: ReplyTo) {
        if self.calls.len() >= MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back((number, service, reply));
    }

    /// Where the answer goes, once.
    pub fn answered(&mut self, number: c_int, service: &str) -> Option<ReplyTo> {
        let same = |(known, name, _): &(c_int, String, ReplyTo)| *known == number && name == service;
        let index = self.calls.iter().position(same)?;
        self.calls.remove(index).map(|(_, _, reply)| reply)
    }
}

static SOLO: Mutex<Option<Arc<Solo>>> = Mutex::new(None);
/// What `thing_id` points to. The device is the only thing there is.
static THING: u8 = 0;

/// The device, once it is started.
pub fn current() -> Option<Arc<Solo>> {
    SOLO.lock().clone()
}

/// Sets the device; `false` when there is one.
pub fn set(solo: Arc<Solo>) -> bool {
    let mut current = SOLO.lock();
    if current.is_some() {
        return false;
    }
    *current = Some(solo);
    true
}

/// Takes the device away.
pub fn take() -> Option<Arc<Solo>> {
    SOLO.lock().take()
}

/// The `thing_id` of the device.
pub fn thing() -> *const c_void {
    (&raw const THING).cast()
}

/// The device, when `thing_id` is its.
pub fn of_thing(thing_id: *const c_void) -> Option<Arc<Solo>> {
    current().filter(|_| std::ptr::eq(thing_id, thing()))
}
