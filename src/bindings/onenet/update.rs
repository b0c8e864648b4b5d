// SPDX-License-Identifier: MIT OR Apache-2.0
//! One whole update in one call, of `onenet_ota.h`.

use std::ffi::{CString, c_char, c_void};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use otakit_core::platform::onenet::task::Task;

use super::{Context, INVALID_PARAM, OTHERS, code, current, milliseconds};
use crate::bindings::guard::guard;
use crate::bindings::{settings, text};
use crate::engine::storage::NOTE_EVERY;
use crate::hal::border::in_c;
use crate::service::onenet::run::{Host, Plan, Summary, run};
use crate::store::{FileJournal, FileSink, Journal, KvJournal, PersistenceSink, Sink};

/// Key of the journal in the firmware's store.
const JOURNAL_KEY: &str = "otakit.onenet.ota";
/// Bytes of a slice unless set.
const SLICE: u32 = 4096;
/// Largest slice.
const MAX_SLICE: u32 = 1024 * 1024;
/// Time for each exchange unless set, in ms.
const EXCHANGE_MS: u32 = 10_000;

/// `struct onenet_run_t`.
#[repr(C)]
pub struct onenet_run_t {
    /// Bytes of a slice, up to 1 MiB; 0: 4096.
    pub slice: u32,
    /// Time for each exchange in ms; 0: 10000.
    pub timeout_ms: u32,
    /// Wait between attempts in ms; 0: the task's.
    pub interval_ms: u32,
    /// Percentages between two progress reports, up to 100; 0: 10.
    pub report_every: u32,
    /// Bytes between two checkpoints; 0: 65536.
    pub checkpoint: u32,
    /// Where the image goes; NULL: `HAL_Firmware_Persistence_*`.
    pub path: *const c_char,
    /// Goes with the firmware's store: other than 0 when it goes on at that offset; NULL: it cannot.
    pub resume: Option<unsafe extern "C" fn(user: *mut c_void, offset: u64) -> i32>,
    /// Signal strength, below 0 when not known; NULL: not known.
    pub signal: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
    /// Battery charge in percent, below 0 when not known; NULL: not known.
    pub power: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
    /// Told of progress; other than 0 ends the download.
    pub progress: Option<unsafe extern "C" fn(user: *mut c_void, stored: u64, total: u64) -> i32>,
    /// Makes use of the verified image: a report code, or 0.
    pub apply: Option<unsafe extern "C" fn(user: *mut c_void, version: *const c_char) -> i32>,
    /// Passed to the functions.
    pub user: *mut c_void,
}

/// `struct onenet_result_t`.
#[repr(C)]
pub struct onenet_result_t {
    /// Version of the image.
    pub version: [c_char; 64],
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that were there before.
    pub resumed_at: u64,
    /// The last code above 100 that was to be reported.
    pub status_code: u32,
}

// As `onenet_ota.h` has them; checked there too.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(onenet_run_t, path) == 24 && offset_of!(onenet_run_t, user) == 72);
    assert!(offset_of!(onenet_result_t, size) == 64 && offset_of!(onenet_result_t, status_code) == 80);
};

/// Runs one update with the device of `ota_init`. Blocking, for as long as the download takes; `ota_deinit` in another
/// thread ends it.
///
/// # Safety
/// `options` and `result` are NULL or point to their structures; `path` in it is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn onenet_ota_run(options: *const onenet_run_t, result: *mut onenet_result_t) -> i32 {
    guard("onenet_ota_run", OTHERS, || {
        // SAFETY: `result` is NULL or may be written, by this function's contract; all bytes 0 are a value of
        // its type.
        unsafe {
            if !result.is_null() {
                result.write_bytes(0, 1);
            }
        }
        // SAFETY: `options` is NULL or valid for the call, by this function's contract.
        let (Some(options), result) = (unsafe { options.as_ref() }, unsafe { result.as_mut() }) else {
            return current().map_or_else(|code| code, |_| INVALID_PARAM);
        };
        let mut summary = Summary::default();
        // SAFETY: `options` is NULL or valid, by this function's contract.
        let outcome = unsafe { update(options, &mut summary) };
        if let Some(result) = result {
            fill(result, &summary);
        }
        outcome.map_or_else(|code| code, |()| 0)
    })
}

/// # Safety
/// `path` in the options is NULL or a NUL-terminated string.
unsafe fn update(options: &onenet_run_t, summary: &mut Summary) -> Result<(), i32> {
    let context = current()?;
    context.service.begin();
    let or = |value: u32, default| if value == 0 { default } else { value };
    let slice = or(options.slice, SLICE);
    let report_every = u8::try_from(or(options.report_every, 10)).ok().filter(|&every| every <= 100);
    let (Some(report_every), true) = (report_every, slice <= MAX_SLICE) else { return Err(INVALID_PARAM) };
    // SAFETY: the texts in `options` are NULL or NUL-terminated, by this function's contract.
    let (mut sink, mut journal) = unsafe { store(options, &context) }?;
    let plan = Plan {
        slice,
        limit: milliseconds(or(options.timeout_ms, EXCHANGE_MS)),
        interval: (options.interval_ms > 0).then(|| Duration::from_millis(u64::from(options.interval_ms))),
        report_every,
        every: if options.checkpoint == 0 { NOTE_EVERY } else { u64::from(options.checkpoint) },
        settings: settings::current().session,
        sink: &mut *sink,
        journal: Some(&mut *journal),
    };
    run(&context.service, plan, &mut Firmware { options, context: &context }, summary)
        .map_err(|error| code(&error))
}

type Store = (Box<dyn Sink>, Box<dyn Journal>);

/// # Safety
/// `path` in the options is NULL or a NUL-terminated string.
unsafe fn store(options: &onenet_run_t, context: &Arc<Context>) -> Result<Store, i32> {
    if options.path.is_null() {
        let resume = options.resume.map(|resume| {
            let (user, context) = (User(options.user), context.clone());
            Box::new(move |offset| user.ask(&context, resume, offset)) as crate::store::Resume
        });
        return Ok((Box::new(PersistenceSink::new(resume)), Box::new(KvJournal::new(JOURNAL_KEY))));
    }
    // SAFETY: `options.path` is NULL or NUL-terminated, by this function's contract.
    let path = unsafe { text::given(options.path) }.map(PathBuf::from).ok_or(INVALID_PARAM)?;
    let mut journal = path.clone().into_os_string();
    journal.push(".journal");
    let journal = PathBuf::from(journal);
    Ok((Box::new(FileSink::new(&path).beside(&journal)), Box::new(FileJournal::new(&journal))))
}

/// What C wants back in its functions. The library only passes it on, on the thread of the call.
struct User(*mut c_void);

// SAFETY: the pointer is never dereferenced here, and the sink that carries it stays on the caller's thread.
unsafe impl Send for User {}

impl User {
    fn ask(
        &self,
        context: &Arc<Context>,
        resume: unsafe extern "C" fn(*mut c_void, u64) -> i32,
        offset: u64,
    ) -> bool {
        let Some(_running) = context.enter() else { return false };
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { resume(self.0, offset) != 0 })
    }
}

/// The application's functions, none of which is called once the device has ended.
struct Firmware<'a> {
    options: &'a onenet_run_t,
    context: &'a Arc<Context>,
}

impl Firmware<'_> {
    fn measure(&self, measure: Option<unsafe extern "C" fn(*mut c_void) -> i32>) -> Option<i32> {
        let (measure, _running) = (measure?, self.context.enter()?);
        // SAFETY: C gave the function for this prototype.
        Some(in_c(|| unsafe { measure(self.options.user) }))
    }
}

impl Host for Firmware<'_> {
    fn signal(&mut self) -> Option<i32> {
        self.measure(self.options.signal)
    }

    fn power(&mut self) -> Option<u32> {
        self.measure(self.options.power).and_then(|power| u32::try_from(power).ok())
    }

    fn progress(&mut self, stored: u64, total: u64) -> bool {
        let Some(progress) = self.options.progress else { return true };
        let Some(_running) = self.context.enter() else { return false };
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { progress(self.options.user, stored, total) == 0 })
    }

    fn apply(&mut self, task: &Task) -> u32 {
        let (Some(apply), Ok(version)) = (self.options.apply, CString::new(task.target.as_str())) else {
            return 0;
        };
        let Some(_running) = self.context.enter() else { return 0 };
        // SAFETY: C gave the function for this prototype; the text outlives the call.
        let code = in_c(|| unsafe { apply(self.options.user, version.as_ptr()) });
        u32::try_from(code).unwrap_or(otakit_core::platform::onenet::step::UPGRADE_FAILED)
    }
}

fn fill(result: &mut onenet_result_t, summary: &Summary) {
    if let Some(task) = &summary.task {
        let mut version = [0; 64];
        text::copy_truncated(&task.target, &mut version);
        result.version = version.map(|byte| c_char::from_ne_bytes([byte]));
        result.size = task.size;
    }
    result.resumed_at = summary.resumed_at;
    result.status_code = summary.step;
}
