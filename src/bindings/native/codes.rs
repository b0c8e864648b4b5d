// SPDX-License-Identifier: MIT OR Apache-2.0
//! The codes of `otakit.h`. A number that was given out is never used for anything else.

use std::ffi::c_int;

use otakit_core::failure::{DeltaFailure, Failure};
use otakit_core::fetch::FetchError;
use otakit_core::net::NetError;
use otakit_core::policy::PolicyViolation;
use otakit_core::store::StoreError;

/// Success.
pub const OTAKIT_OK: c_int = 0;
/// Another failure: a defect of the library, caught.
pub const OTAKIT_FAILED: c_int = -1;
/// An argument cannot be used: NULL, out of range, or no open handle.
pub const OTAKIT_INVALID: c_int = -2;
/// Not possible now: there was no offer yet, or another thread is downloading.
pub const OTAKIT_STATE: c_int = -3;
/// Out of memory or of threads.
pub const OTAKIT_ERR_RESOURCES: c_int = -4;
/// Cancelled.
pub const OTAKIT_ERR_CANCELLED: c_int = -5;

/// The host could not be found or refused.
pub const OTAKIT_ERR_CONNECT: c_int = -10;
/// The server was silent for too long.
pub const OTAKIT_ERR_TIMEOUT: c_int = -11;
/// The connection broke.
pub const OTAKIT_ERR_BROKEN: c_int = -12;
/// The server's certificate was refused.
pub const OTAKIT_ERR_CERTIFICATE: c_int = -13;
/// TLS failed.
pub const OTAKIT_ERR_TLS: c_int = -14;
/// This build has no TLS.
pub const OTAKIT_ERR_NO_TLS: c_int = -15;
/// The certificate authority that was set cannot be read.
pub const OTAKIT_ERR_CA: c_int = -16;

/// The URL cannot be used.
pub const OTAKIT_ERR_URL: c_int = -20;
/// The server answered with an HTTP status that is no success.
pub const OTAKIT_ERR_STATUS: c_int = -21;
/// Too many redirects, or one that leads nowhere.
pub const OTAKIT_ERR_REDIRECT: c_int = -22;
/// A redirect from https to http was refused.
pub const OTAKIT_ERR_INSECURE_REDIRECT: c_int = -23;
/// The server announces another size than the offer.
pub const OTAKIT_ERR_LENGTH: c_int = -24;
/// The server answered another range than the one asked for.
pub const OTAKIT_ERR_RANGE: c_int = -25;
/// The answer is not valid HTTP.
pub const OTAKIT_ERR_PROTOCOL: c_int = -26;
/// The body is compressed although that was not asked for.
pub const OTAKIT_ERR_ENCODING: c_int = -27;
/// The body ended early.
pub const OTAKIT_ERR_TRUNCATED: c_int = -28;
/// The URL has expired, and the platform gave no fresh one.
pub const OTAKIT_ERR_EXPIRED: c_int = -29;

/// The image's digest is not the one promised.
pub const OTAKIT_ERR_DIGEST: c_int = -30;
/// The image's signature is not by a trusted key.
pub const OTAKIT_ERR_SIGNATURE: c_int = -31;
/// The platform offers another image now.
pub const OTAKIT_ERR_OTHER_IMAGE: c_int = -32;
/// The image comes slower than allowed.
pub const OTAKIT_ERR_TOO_SLOW: c_int = -33;
/// The time for the download is over.
pub const OTAKIT_ERR_DEADLINE: c_int = -34;

/// Policy: not https.
pub const OTAKIT_ERR_POLICY_HTTPS: c_int = -40;
/// Policy: host not allowed, redirects included.
pub const OTAKIT_ERR_POLICY_HOST: c_int = -41;
/// Policy: image too large.
pub const OTAKIT_ERR_POLICY_SIZE: c_int = -42;
/// Policy: version not newer than the floor.
pub const OTAKIT_ERR_POLICY_ROLLBACK: c_int = -43;
/// Policy: image not signed, or no key to check the signature with.
pub const OTAKIT_ERR_POLICY_UNSIGNED: c_int = -44;

/// No room left to store the image.
pub const OTAKIT_ERR_STORE_FULL: c_int = -50;
/// The image could not be stored.
pub const OTAKIT_ERR_STORE: c_int = -51;
/// Another update, of this process or another one, is storing an image at the same place.
pub const OTAKIT_ERR_STORE_BUSY: c_int = -52;

/// Not a delta package, or a damaged one; the log says what is wrong with it.
pub const OTAKIT_ERR_DELTA: c_int = -60;
/// The image that is there is not the one that the delta package was made for, or cannot be read: send the full image.
pub const OTAKIT_ERR_DELTA_BASE: c_int = -61;
/// The delta package needs more memory than `OTAKIT_OPTION_DELTA_MEMORY` allows.
pub const OTAKIT_ERR_DELTA_MEMORY: c_int = -62;
/// This build applies no delta packages.
pub const OTAKIT_ERR_NO_DELTA: c_int = -63;

/// The code of a failure.
pub(crate) fn of_failure(failure: &Failure) -> c_int {
    match failure {
        Failure::State => OTAKIT_STATE,
        Failure::Fetch(error) => of_fetch(error),
        Failure::Digest => OTAKIT_ERR_DIGEST,
        Failure::Signature => OTAKIT_ERR_SIGNATURE,
        Failure::TooSlow => OTAKIT_ERR_TOO_SLOW,
        Failure::Deadline => OTAKIT_ERR_DEADLINE,
        Failure::OtherImage => OTAKIT_ERR_OTHER_IMAGE,
        Failure::Policy(PolicyViolation::Insecure) => OTAKIT_ERR_POLICY_HTTPS,
        Failure::Policy(PolicyViolation::Host) => OTAKIT_ERR_POLICY_HOST,
        Failure::Policy(PolicyViolation::Size) => OTAKIT_ERR_POLICY_SIZE,
        Failure::Policy(PolicyViolation::Rollback) => OTAKIT_ERR_POLICY_ROLLBACK,
        Failure::Policy(PolicyViolation::Unsigned) => OTAKIT_ERR_POLICY_UNSIGNED,
        Failure::Store(StoreError::Full) => OTAKIT_ERR_STORE_FULL,
        Failure::Store(StoreError::Busy) => OTAKIT_ERR_STORE_BUSY,
        Failure::Store(StoreError::Destination) => OTAKIT_INVALID,
        Failure::Store(_) => OTAKIT_ERR_STORE,
        Failure::Delta(DeltaFailure::Package) => OTAKIT_ERR_DELTA,
        Failure::Delta(DeltaFailure::Base) => OTAKIT_ERR_DELTA_BASE,
        Failure::Delta(DeltaFailure::Memory) => OTAKIT_ERR_DELTA_MEMORY,
        Failure::Delta(DeltaFailure::Unsupported) => OTAKIT_ERR_NO_DELTA,
        Failure::NoMemory | Failure::Resources => OTAKIT_ERR_RESOURCES,
        Failure::Cancelled => OTAKIT_ERR_CANCELLED,
        Failure::Internal => OTAKIT_FAILED,
    }
}

fn of_fetch(error: &FetchError) -> c_int {
    match error {
        FetchError::Net(error) => of_net(*error),
        FetchError::Url(_) => OTAKIT_ERR_URL,
        FetchError::Status { status: 401 | 403 | 410, .. } => OTAKIT_ERR_EXPIRED,
        FetchError::Status { .. } => OTAKIT_ERR_STATUS,
        FetchError::Redirect => OTAKIT_ERR_REDIRECT,
        FetchError::InsecureRedirect => OTAKIT_ERR_INSECURE_REDIRECT,
        FetchError::Forbidden => OTAKIT_ERR_POLICY_HOST,
        FetchError::Length { .. } | FetchError::Oversized => OTAKIT_ERR_LENGTH,
        FetchError::Refused { .. } => OTAKIT_ERR_STATUS,
        FetchError::Range | FetchError::Changed => OTAKIT_ERR_RANGE,
        FetchError::Protocol => OTAKIT_ERR_PROTOCOL,
        FetchError::Encoding => OTAKIT_ERR_ENCODING,
        FetchError::Truncated => OTAKIT_ERR_TRUNCATED,
    }
}

fn of_net(error: NetError) -> c_int {
    match error {
        NetError::Timeout => OTAKIT_ERR_TIMEOUT,
        NetError::Closed | NetError::Broken => OTAKIT_ERR_BROKEN,
        NetError::Connect | NetError::Name | NetError::NameServer => OTAKIT_ERR_CONNECT,
        NetError::Certificate | NetError::CertificateDamaged | NetError::Clock => OTAKIT_ERR_CERTIFICATE,
        NetError::Tls | NetError::TlsRefused | NetError::TlsAlert => OTAKIT_ERR_TLS,
        NetError::BadRoots => OTAKIT_ERR_CA,
        NetError::NoTls => OTAKIT_ERR_NO_TLS,
        NetError::Cancelled => OTAKIT_ERR_CANCELLED,
        NetError::Resources => OTAKIT_ERR_RESOURCES,
    }
}
