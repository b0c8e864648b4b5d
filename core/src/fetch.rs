// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the bytes of an image did not come, and what to do about it; what tells two versions of them apart.

#[cfg(feature = "alloc")]
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::http::status;
use crate::net::NetError;
use crate::url::UrlError;

/// What HTTP calls a validator: it tells whether two answers carry the same bytes (RFC 9110, section 8.8).
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// A strong entity tag, quotes included.
    ETag(String),
    /// A modification date.
    LastModified(String),
}

#[cfg(feature = "alloc")]
impl Validator {
    /// The value as it stands in an `If-Range` header.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ETag(value) | Self::LastModified(value) => value,
        }
    }
}

/// Why the bytes did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The connection failed.
    Net(NetError),
    /// The URL cannot be used.
    Url(UrlError),
    /// The server answered with this status.
    Status {
        /// HTTP status code.
        status: u16,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// More redirects than allowed, or one without a usable `Location`.
    Redirect,
    /// A redirect from https to http.
    InsecureRedirect,
    /// A redirect to a place that the policy does not allow.
    Forbidden,
    /// The server's idea of the image's size differs from the offer's.
    Length {
        /// What the server announced, in bytes.
        announced: u64,
    },
    /// The server answered a range other than the one asked for, or an unreadable one.
    Range,
    /// The server answered with a part of other bytes than those that are there already.
    Changed,
    /// The answer is not HTTP, or breaks its rules.
    Protocol,
    /// The body is compressed although nobody asked for that.
    Encoding,
    /// The body ended before the image was complete.
    Truncated,
    /// The body is longer than the caller allows.
    Oversized,
    /// The platform that hands out the image refuses, with a number of its own.
    Refused {
        /// The platform's number.
        code: i64,
        /// What it calls for.
        class: Class,
    },
}

/// What a failure calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again, not before this time has passed.
    Transient(Option<Duration>),
    /// The URL is no longer good; a new one may be.
    Expired,
    /// Trying again cannot help.
    Permanent,
    /// The caller asked for it.
    Cancelled,
}

impl Class {
    /// Whether the URL that failed so is not asked again.
    pub fn ends(self) -> bool {
        matches!(self, Self::Expired | Self::Permanent)
    }
}

impl FetchError {
    /// Sorts the failure: retry, renew, or give up.
    pub fn class(&self) -> Class {
        match self {
            Self::Net(NetError::Cancelled) => Class::Cancelled,
            Self::Net(error) if error.is_transient() => Class::Transient(None),
            Self::Status { status: 401 | 403 | 410, .. } => Class::Expired,
            Self::Status { status: 408 | 425 | 429 | 500..=599, retry_after } => {
                Class::Transient(*retry_after)
            }
            Self::Truncated | Self::Protocol | Self::Range => Class::Transient(None),
            Self::Refused { class, .. } => *class,
            _ => Class::Permanent,
        }
    }
}

impl FetchError {
    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Net(error) => error.advice(),
            Self::Url(error) => Some(error.advice()),
            Self::Status { status: 401 | 403 | 410, .. } => Some(
                "the URL has expired or its signature is wrong; check this device's clock, or offer the image again",
            ),
            Self::Status { status: 407, .. } => Some(
                "a proxy on the way asks for a login, and this library never logs in to one: let it pass this host",
            ),
            Self::Status { status: 404, .. } => Some("check the path, and that the image is on the server"),
            Self::InsecureRedirect => Some("let the server redirect to https"),
            Self::Forbidden => Some("allow the host with otakit_policy_allow_host"),
            Self::Length { .. } => Some("the file on the server is not the one that was offered"),
            Self::Encoding => Some("let the server send the file as it is, without Content-Encoding"),
            Self::Redirect => Some("offer the URL that the redirects lead to"),
            Self::Protocol => Some("check that an HTTP server listens on this port"),
            _ => None,
        }
    }
}

impl From<NetError> for FetchError {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error) => error.fmt(f),
            Self::Url(error) => error.fmt(f),
            Self::Status { status, .. } => match status::name(*status) {
                Some(name) => write!(f, "HTTP status {status} {name}"),
                None => write!(f, "HTTP status {status}"),
            },
            Self::Redirect => f.write_str("too many redirects, or one that leads nowhere"),
            Self::InsecureRedirect => f.write_str("redirect from https to http refused"),
            Self::Forbidden => f.write_str("redirect to a place that the policy does not allow"),
            Self::Length { announced } => {
                write!(f, "server announces {announced} bytes, not the offer's size")
            }
            Self::Range => f.write_str("server answered another range than the one asked for"),
            Self::Changed => {
                f.write_str("server has another version of the image now: parts cannot be joined")
            }
            Self::Protocol => f.write_str("answer is not valid HTTP"),
            Self::Encoding => f.write_str("body is compressed although that was not asked for"),
            Self::Truncated => f.write_str("body ended early"),
            Self::Oversized => f.write_str("body is longer than allowed"),
            Self::Refused { code, .. } => write!(f, "refused by the platform, code {code}"),
        }
    }
}

impl core::error::Error for FetchError {}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn status(status: u16) -> FetchError {
        FetchError::Status { status, retry_after: None }
    }

    #[test]
    fn each_failure_calls_for_what_can_help() {
        let wish = Some(Duration::from_secs(3));
        let refused = |class| FetchError::Refused { code: 7, class };
        let rows = [
            (FetchError::from(NetError::Cancelled), Class::Cancelled),
            (FetchError::from(NetError::Broken), Class::Transient(None)),
            (FetchError::from(NetError::Timeout), Class::Transient(None)),
            (FetchError::from(NetError::Certificate), Class::Permanent),
            (FetchError::from(NetError::Tls), Class::Transient(None)),
            (FetchError::from(NetError::Clock), Class::Transient(None)),
            (FetchError::from(NetError::CertificateDamaged), Class::Transient(None)),
            (FetchError::from(NetError::TlsRefused), Class::Permanent),
            (FetchError::from(NetError::TlsAlert), Class::Transient(None)),
            (FetchError::Changed, Class::Permanent),
            (status(401), Class::Expired),
            (status(403), Class::Expired),
            (status(410), Class::Expired),
            (status(408), Class::Transient(None)),
            (status(425), Class::Transient(None)),
            (FetchError::Status { status: 429, retry_after: wish }, Class::Transient(wish)),
            (FetchError::Status { status: 503, retry_after: wish }, Class::Transient(wish)),
            (status(599), Class::Transient(None)),
            (status(404), Class::Permanent),
            (status(600), Class::Permanent),
            (FetchError::Truncated, Class::Transient(None)),
            (FetchError::Protocol, Class::Transient(None)),
            (FetchError::Range, Class::Transient(None)),
            (FetchError::Length { announced: 5 }, Class::Permanent),
            (FetchError::Encoding, Class::Permanent),
            (FetchError::Redirect, Class::Permanent),
            (FetchError::InsecureRedirect, Class::Permanent),
            (FetchError::Forbidden, Class::Permanent),
            (FetchError::Oversized, Class::Permanent),
            (FetchError::Url(UrlError::Host), Class::Permanent),
            (refused(Class::Expired), Class::Expired),
            (refused(Class::Permanent), Class::Permanent),
        ];
        for (error, class) in rows {
            assert_eq!(error.class(), class, "{error:?}");
        }
    }

    #[test]
    fn each_failure_reads_differently_and_names_its_number() {
        let all = [
            FetchError::Net(NetError::Tls),
            FetchError::Url(UrlError::Port),
            status(404),
            status(503),
            FetchError::Redirect,
            FetchError::InsecureRedirect,
            FetchError::Forbidden,
            FetchError::Length { announced: 5 },
            FetchError::Range,
            FetchError::Changed,
            FetchError::Protocol,
            FetchError::Encoding,
            FetchError::Truncated,
            FetchError::Oversized,
            FetchError::Refused { code: 1234, class: Class::Permanent },
        ];
        let texts: std::collections::HashSet<String> = all.iter().map(FetchError::to_string).collect();
        assert_eq!(texts.len(), all.len());
        assert_eq!(status(407).to_string(), "HTTP status 407 Proxy Authentication Required");
        assert_eq!(status(599).to_string(), "HTTP status 599");
        assert!(all[14].to_string().contains("1234"));
    }

    #[test]
    fn a_validator_goes_out_as_it_came() {
        assert_eq!(Validator::ETag("\"x\"".into()).as_str(), "\"x\"");
        assert_eq!(Validator::LastModified("d".into()).as_str(), "d");
    }
}
