// SPDX-License-Identifier: MIT OR Apache-2.0
//! The things-model variant of `ota_api.h`, which headers choose with `CONFIG_TM`: its functions have names of their own
//! here, so that one library serves both variants.

use otakit_core::platform::onenet::task::Task;
use otakit_core::platform::onenet::{Device, Dialect};

use super::{
    INVALID_PARAM, OTHERS, TaskId, check_standing, check_task, download, enter, finished, options,
    ota_evt_cb, part, report, variant, whole,
};
use crate::bindings::guard::guard;

/// `struct ota_task_info_t` of the things-model variant.
#[repr(C)]
pub struct ota_tm_task_info_t {
    /// The version that the task leads to.
    pub target: [u8; 32],
    /// MD5 of the package.
    pub md5: [u8; 36],
    /// Size of the package in bytes.
    pub size: u32,
    /// Names the task.
    pub tid: u32,
    /// 1 whole package, 2 differential.
    pub r#type: u8,
}

/// Sets the process's device up, things-model variant. Touches no network.
///
/// # Safety
/// The texts are NULL or NUL-terminated strings; `evt_cb` is NULL or a function of its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_tm_init(
    evt_cb: ota_evt_cb,
    product_id: *const u8,
    dev_name: *const u8,
    access_key: *const u8,
    version: *const u8,
    r#type: u8,
) -> i32 {
    guard("ota_tm_init", OTHERS, || {
        // SAFETY: the texts are NULL or NUL-terminated, by this function's contract.
        let texts = unsafe { (part(product_id), part(dev_name), part(access_key), part(version)) };
        let (Ok(product_id), Ok(name), Ok(key), Ok(version)) = texts else { return INVALID_PARAM };
        let (Some(device), true) = (Device::new(product_id, name), evt_cb.is_some()) else {
            return INVALID_PARAM;
        };
        let options = options::current();
        let Some(token) = options.token(&device, key) else { return INVALID_PARAM };
        let dialect = if options.current_platform { Dialect::Fuse(device) } else { Dialect::Studio(device) };
        let config = options.config(dialect, token, version, r#type);
        finished(config.and_then(|config| enter(evt_cb, config, Some(key.to_owned()))))
    })
}

/// Asks for a task. `task_info` is set to 0 unless there is one.
///
/// # Safety
/// `task_info` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_tm_check_task(task_info: *mut ota_tm_task_info_t, timeout_ms: u32) -> i32 {
    guard("ota_tm_check_task", OTHERS, || {
        // SAFETY: `task_info` is NULL or may be written, by this function's contract; all bytes 0 are a value
        // of its type.
        unsafe { check_task(task_info, timeout_ms, true, things_info) }
    })
}

fn things_info(task: &Task, out: &mut ota_tm_task_info_t) -> Option<()> {
    let TaskId::Number(tid) = task.id else { return None };
    whole(&task.target, &mut out.target)?;
    whole(&task.md5, &mut out.md5)?;
    out.size = u32::try_from(task.size).ok()?;
    (out.tid, out.r#type) = (tid, task.kind);
    Some(())
}

/// Asks whether a task still stands; the platform wants that before each slice.
#[unsafe(no_mangle)]
pub extern "C" fn ota_tm_check_token(tid: u32, timeout_ms: u32) -> i32 {
    guard("ota_tm_check_token", OTHERS, || {
        finished(by_number(tid).and_then(|task| check_standing(&task, timeout_ms)))
    })
}

/// Fetches one slice of the package and hands it to the callback.
#[unsafe(no_mangle)]
pub extern "C" fn ota_tm_download_package(
    tid: u32,
    range_start: u32,
    range_size: u32,
    timeout_ms: u32,
) -> i32 {
    guard("ota_tm_download_package", OTHERS, || {
        finished(by_number(tid).and_then(|task| download(&task, range_start, range_size, timeout_ms)))
    })
}

/// Reports progress in percent (up to 100) or a result (above).
#[unsafe(no_mangle)]
pub extern "C" fn ota_tm_report_status(tid: u32, status_code: u32, timeout_ms: u32) -> i32 {
    guard("ota_tm_report_status", OTHERS, || {
        finished(by_number(tid).and_then(|task| report(&task, status_code, timeout_ms)))
    })
}

fn by_number(tid: u32) -> Result<(std::sync::Arc<super::Context>, TaskId), i32> {
    Ok((variant(true)?, TaskId::Number(tid)))
}
