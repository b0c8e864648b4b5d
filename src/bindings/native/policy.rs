// SPDX-License-Identifier: MIT OR Apache-2.0
//! What offers the firmware accepts. Each setting holds for sessions and downloads begun afterwards.

use std::ffi::{c_char, c_int};

use otakit_core::version::compare as compare_versions;

use super::codes::{OTAKIT_ERR_STORE, OTAKIT_FAILED, OTAKIT_INVALID, OTAKIT_OK, OTAKIT_STATE};
use crate::bindings::arguments::refuse;
use crate::bindings::guard::guard;
use crate::bindings::{settings, text};
use crate::engine::signature::Key;
use crate::store::floor::{self, Kept};

/// Most hosts in the list.
const MAX_HOSTS: usize = 64;
/// Most keys trusted at once.
const MAX_KEYS: usize = 8;
#[cfg(feature = "signature")]
const NOT_A_KEY: &str = "is no public key in PEM: Ed25519, ECDSA P-256, or RSA of 2048 to 4096 bits";
#[cfg(not(feature = "signature"))]
const NOT_A_KEY: &str = "cannot be used: this library is built without signatures";

/// 1: only https, redirects included; 0, the default: http too. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_policy_https_only(only: c_int) {
    guard("otakit_policy_https_only", (), || {
        settings::change(|settings| settings.session.policy.https_only = only != 0);
    });
}

/// Allows a host; once one is allowed, all others are not, redirects included. `*.example.com` allows every host below
/// example.com. NULL allows every host again. At most 64. Does not block; any thread.
///
/// Returns `OTAKIT_OK` or `OTAKIT_INVALID`.
///
/// # Safety
/// `host` is NULL or a NUL-terminated string; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_policy_allow_host(host: *const c_char) -> c_int {
    guard("otakit_policy_allow_host", OTAKIT_FAILED, || {
        // SAFETY: `host` is NULL or NUL-terminated, by this function's contract.
        let given = unsafe { text::optional(host) };
        settings::change(|settings| {
            let hosts = &mut settings.session.policy.hosts;
            match given {
                None if host.is_null() => hosts.clear(),
                Some(host) if host.len() <= 255 && hosts.len() < MAX_HOSTS => hosts.push(host.to_owned()),
                other => {
                    let long = other.is_none_or(|host| host.len() > 255);
                    refuse(
                        "host",
                        if long {
                            "has no or more than 255 bytes"
                        } else {
                            "is one too many: there is room for 64"
                        },
                    );
                    return OTAKIT_INVALID;
                }
            }
            OTAKIT_OK
        })
    })
}

/// Trusts a public key for signatures over images: PEM text of an Ed25519, ECDSA P-256 or RSA (2048 to 4096 bits) key
/// ("BEGIN PUBLIC KEY"). May be called several times: any of the keys will do, so that keys can be rolled over. NULL
/// forgets all. At most 8. Does not block on the network; any thread.
///
/// Every signature is over the image's SHA-256: RSA as PKCS#1 v1.5 and ECDSA (DER or r‖s) in their usual forms, Ed25519
/// over the 32 bytes of the digest. An offer's signature is checked whenever there is a key.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text that is no such key, a ninth one, or a build without signatures.
///
/// # Safety
/// `pem` is NULL or a NUL-terminated string; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_policy_trust_key(pem: *const c_char) -> c_int {
    guard("otakit_policy_trust_key", OTAKIT_FAILED, || {
        // SAFETY: `pem` is NULL or NUL-terminated, by this function's contract.
        let given = unsafe { text::optional(pem) };
        let key = given.and_then(Key::from_pem);
        settings::change(|settings| {
            let keys = &mut settings.session.policy.keys;
            match key {
                None if pem.is_null() => keys.clear(),
                Some(key) if keys.len() < MAX_KEYS => keys.push(key),
                Some(_) => {
                    refuse("pem", "is one key too many: there is room for 8");
                    return OTAKIT_INVALID;
                }
                None => {
                    refuse("pem", NOT_A_KEY);
                    return OTAKIT_INVALID;
                }
            }
            OTAKIT_OK
        })
    })
}

/// 1: only images signed by a trusted key; 0, the default: unsigned ones too. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_policy_signed_only(only: c_int) {
    guard("otakit_policy_signed_only", (), || {
        settings::change(|settings| settings.session.policy.signed_only = only != 0);
    });
}

/// Largest image in bytes that is accepted; 0, the default: any. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_policy_max_size(bytes: u64) {
    guard("otakit_policy_max_size", (), || {
        settings::change(|settings| settings.session.policy.max_size = (bytes != 0).then_some(bytes));
    });
}

/// Only versions newer than `version` are accepted (anti-rollback): compared part by part, numbers as numbers, so that
/// 1.10.0 is newer than 1.9.0; of equal numbers those with dev, snapshot, alpha, beta, pre or rc behind them are older,
/// those with anything else behind them newer. With `keep` 1 the floor is kept in `HAL_Kv_*` and loaded by later calls,
/// after a restart too; it is then never lowered: of the floor kept and the one given the newer holds. NULL with `keep` 1
/// takes the kept one alone; NULL with `keep` 0 removes the floor from this process. Blocks as `HAL_Kv_*` do.
///
/// Where a floor is to hold and cannot be known, no firmware is accepted (`OTAKIT_ERR_POLICY_ROLLBACK`) until a later
/// call succeeds. A floor that is damaged stays so until the firmware deletes `otakit.version_floor` and
/// `otakit.version_floor.kept` from its `HAL_Kv_*`.
///
/// Returns `OTAKIT_OK`; `OTAKIT_INVALID` for a version that is empty or longer than 128 bytes, which changes nothing;
/// `OTAKIT_STATE` for NULL with `keep` 1 while none is kept, after which no firmware is accepted; `OTAKIT_ERR_STORE` when
/// the kept one cannot be read, after which no firmware is accepted, or when the one given could not be kept: it then
/// holds in this process all the same.
///
/// # Safety
/// `version` is NULL or a NUL-terminated string; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_policy_version_floor(version: *const c_char, keep: c_int) -> c_int {
    guard("otakit_policy_version_floor", OTAKIT_FAILED, || {
        // SAFETY: `version` is NULL or NUL-terminated, by this function's contract.
        let given = unsafe { text::optional(version) };
        let is_bad = |given: &str| given.is_empty() || given.len() > floor::MAX_VERSION;
        if (given.is_none() && !version.is_null()) || given.is_some_and(is_bad) {
            refuse("version", "is empty or too long");
            return OTAKIT_INVALID;
        }
        let (held, code) = match (if keep != 0 { floor::load() } else { Kept::Nothing }, given) {
            (Kept::Unreadable, _) => {
                crate::log!(
                    Error,
                    "policy",
                    "the kept version floor cannot be read: no firmware is accepted"
                );
                (Err(()), OTAKIT_ERR_STORE)
            }
            (Kept::Nothing, None) if keep != 0 => {
                crate::log!(
                    Error,
                    "policy",
                    "no version floor is kept: no firmware is accepted until one is given"
                );
                (Err(()), OTAKIT_STATE)
            }
            (Kept::Version(kept), given)
                if given.is_none_or(|given| compare_versions(given, &kept).is_le()) =>
            {
                (Ok(Some(kept)), OTAKIT_OK)
            }
            (_, Some(given)) if keep != 0 && !floor::keep(given) => {
                crate::log!(Error, "policy", "the version floor could not be kept");
                (Ok(Some(given.to_owned())), OTAKIT_ERR_STORE)
            }
            (_, given) => (Ok(given.map(str::to_owned)), OTAKIT_OK),
        };
        settings::change(|settings| {
            let policy = &mut settings.session.policy;
            policy.floor_unknown = held.is_err();
            policy.version_floor = held.unwrap_or_default();
        });
        code
    })
}
