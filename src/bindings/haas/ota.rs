// SPDX-License-Identifier: MIT OR Apache-2.0
//! `haas_ota_*`: versions, offers, files.

use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};

use otakit_core::digest::{Algorithm, Expected};
use otakit_core::platform::aliyun::identity;

use super::{HUB, answer, device};
use crate::bindings::{settings, text};

/// Begins to listen for updates.
#[unsafe(no_mangle)]
pub extern "C" fn haas_ota_init(handle: i64) -> c_int {
    answer("haas_ota_init", || device(handle)?.listen())
}

/// Where new firmware goes.
///
/// # Safety
/// `path` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_system_path(handle: i64, path: *const c_char) -> c_int {
    answer("haas_ota_system_path", || {
        // SAFETY: `path` is NULL or NUL-terminated, by this function's contract.
        let given = unsafe { text::optional(path) };
        if given.is_none() && !path.is_null() {
            return None;
        }
        device(handle)?.set_system_path(given.map(Path::new));
        Some(())
    })
}

/// Reports a module's version.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_report(
    handle: i64,
    product_key: *const c_char,
    device_name: *const c_char,
    module: *const c_char,
    version: *const c_char,
) -> c_int {
    answer("haas_ota_report", || {
        // SAFETY: `product_key` and `device_name` are NULL or NUL-terminated, by this function's contract.
        let (product_key, device_name) = unsafe { (text::given(product_key)?, text::given(device_name)?) };
        // SAFETY: `module` and `version` are NULL or NUL-terminated, by this function's contract.
        let (module, version) = unsafe { (text::given(module)?, text::given(version)?) };
        device(handle)?.report(&identity::Device::new(product_key, device_name)?, module, version)
    })
}

/// Reports a module's progress.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_progress(
    handle: i64,
    module: *const c_char,
    step: c_int,
    desc: *const c_char,
) -> c_int {
    answer("haas_ota_progress", || {
        // SAFETY: `module` and `desc` are NULL or NUL-terminated, by this function's contract.
        let (module, desc) = unsafe { (text::given(module)?, text::optional(desc).unwrap_or_default()) };
        device(handle)?.progress(module, step, desc)
    })
}

/// Begins to fetch a file.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_download(url: *const c_char, store_path: *const c_char) -> c_int {
    answer("haas_ota_download", || {
        // SAFETY: `url` and `store_path` are NULL or NUL-terminated, by this function's contract.
        let (url, path) = unsafe { (text::given(url)?, text::given(store_path)?) };
        let settings = settings::current();
        let session = settings.session.clone();
        let source = Box::new(move || settings.http_source(None));
        HUB.download(source, session, url.to_owned(), PathBuf::from(path)).then_some(())
    })
}

/// Begins to check a file.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_verify(
    length: i64,
    store_path: *const c_char,
    hash_type: *const c_char,
    hash: *const c_char,
) -> c_int {
    answer("haas_ota_verify", || {
        let length = u64::try_from(length).ok()?;
        // SAFETY: `store_path`, `hash_type` and `hash` are NULL or NUL-terminated, by this function's
        // contract.
        let (path, name, hex) =
            unsafe { (text::given(store_path)?, text::given(hash_type)?, text::given(hash)?) };
        let algorithm = match name {
            name if name.eq_ignore_ascii_case("md5") => Algorithm::Md5,
            name if name.eq_ignore_ascii_case("sha256") => Algorithm::Sha256,
            _ => return None,
        };
        let expected = Expected::from_hex(algorithm, hex)?;
        let policy = settings::current().session.policy;
        HUB.verify(policy, length, PathBuf::from(path), expected).then_some(())
    })
}

/// Begins to install a file.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_ota_install(
    length: i64,
    store_path: *const c_char,
    install_path: *const c_char,
) -> c_int {
    answer("haas_ota_install", || {
        let length = u64::try_from(length).ok()?;
        // SAFETY: `store_path` and `install_path` are NULL or NUL-terminated, by this function's contract.
        let (from, to) = unsafe { (text::given(store_path)?, text::given(install_path)?) };
        HUB.install(length, PathBuf::from(from), PathBuf::from(to)).then_some(())
    })
}
