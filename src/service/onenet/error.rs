// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call failed.

use std::fmt;

use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::http::status;
use otakit_core::net::NetError;
use otakit_core::store::StoreError;

/// Why a call failed. The numbers of the C API are in `bindings::onenet`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An argument is out of range.
    Argument,
    /// What came is not what was asked for, or makes no sense.
    Data,
    /// No thread or no memory, or too many calls are under way.
    Busy,
    /// Out of memory.
    NoMemory,
    /// The service was closed.
    Closed,
    /// The image could not be stored.
    Store(StoreError),
    /// Not possible with this platform, or against the policy.
    Unsupported,
    /// The connection failed.
    Network,
    /// The platform's answer breaks HTTP.
    Protocol,
    /// Not in time.
    Timeout,
    /// A value does not fit its place, or an answer is too long.
    Overflow,
    /// The answer is not one of the platform's.
    Unreadable,
    /// The platform refuses, with this number.
    Platform(i64),
    /// HTTP status other than 2xx.
    Status(u16),
    /// The battery is lower than the task asks for.
    Power,
    /// The signal is weaker than the task asks for.
    Signal,
    /// Cancelled by the caller.
    Cancelled,
    /// A defect in this library, caught.
    Internal,
}

impl Error {
    /// The platform's refusal.
    pub fn refusal(errno: i64) -> Self {
        crate::log!(Info, "onenet", "refused by the platform, errno {errno}");
        Self::Platform(errno)
    }
}

impl From<&FetchError> for Error {
    fn from(error: &FetchError) -> Self {
        match error {
            FetchError::Net(NetError::Timeout) => Self::Timeout,
            FetchError::Net(NetError::Cancelled) => Self::Cancelled,
            FetchError::Net(NetError::Resources) => Self::Busy,
            FetchError::Net(NetError::NoTls) => Self::Unsupported,
            FetchError::Net(_) | FetchError::Truncated => Self::Network,
            FetchError::Status { status, .. } => Self::Status(*status),
            FetchError::Refused { code, .. } => Self::Platform(*code),
            FetchError::Length { .. } | FetchError::Range | FetchError::Changed | FetchError::Encoding => {
                Self::Data
            }
            FetchError::Oversized => Self::Overflow,
            FetchError::Forbidden => Self::Unsupported,
            FetchError::Url(_)
            | FetchError::Redirect
            | FetchError::InsecureRedirect
            | FetchError::Protocol => Self::Protocol,
        }
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Fetch(error) => error.into(),
            Failure::TooSlow | Failure::Deadline => Self::Timeout,
            Failure::OtherImage | Failure::Digest | Failure::Signature | Failure::Delta(_) => Self::Data,
            Failure::Policy(_) => Self::Unsupported,
            Failure::Store(error) => Self::Store(*error),
            Failure::NoMemory => Self::NoMemory,
            Failure::Resources | Failure::State => Self::Busy,
            Failure::Cancelled => Self::Cancelled,
            Failure::Internal => Self::Internal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("argument out of range"),
            Self::Data => f.write_str("answer is not what was asked for"),
            Self::Busy => f.write_str("out of threads"),
            Self::NoMemory => f.write_str("out of memory"),
            Self::Closed => f.write_str("not initialised"),
            Self::Store(error) => error.fmt(f),
            Self::Unsupported => f.write_str("not supported, or against the policy"),
            Self::Network => f.write_str("connection failed"),
            Self::Protocol => f.write_str("answer is not valid HTTP"),
            Self::Timeout => f.write_str("timed out"),
            Self::Overflow => f.write_str("value too large"),
            Self::Unreadable => f.write_str("answer cannot be read"),
            Self::Platform(errno) => write!(f, "refused by the platform, errno {errno}"),
            Self::Status(status) => match status::name(*status) {
                Some(name) => write!(f, "HTTP status {status} {name}"),
                None => write!(f, "HTTP status {status}"),
            },
            Self::Power => f.write_str("battery lower than the task asks for"),
            Self::Signal => f.write_str("signal weaker than the task asks for"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Internal => f.write_str("internal error"),
        }
    }
}
