// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why updates fail: the reasons that are recorded, put into groups, each with the library's own name and what to do.

use super::messages::Msg;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What the library, or the device's SDK, calls it; empty where that is not the one who says so.
    pub name: &'static str,
    /// What it is.
    pub title: Msg,
    /// What to do.
    pub advice: Msg,
}

const fn cause(name: &'static str, title: Msg, advice: Msg) -> Cause {
    Cause { name, title, advice }
}

/// A cause, and what a device's words have that tell of it; the first that fits counts. Words are those that the library
/// logs (docs/TROUBLESHOOTING.md); a device may report the name itself.
const BY_WORDS: &[(Cause, &[&str])] = &[
    (
        cause("OTAKIT_ERR_EXPIRED", Msg::CauseExpired, Msg::DoExpired),
        &["status 401", "status 403", "status 410", "url has expired"],
    ),
    (cause("OTAKIT_ERR_STATUS", Msg::CauseStatus, Msg::DoStatus), &["http status"]),
    (
        cause("OTAKIT_ERR_CERTIFICATE", Msg::CauseCertificate, Msg::DoCertificate),
        &["certificate refused", "unknown issuer", "not valid yet"],
    ),
    (cause("OTAKIT_ERR_TLS", Msg::CauseTls, Msg::DoTls), &["tls failed"]),
    (
        cause("OTAKIT_ERR_CONNECT", Msg::CauseConnect, Msg::DoConnect),
        &["cannot resolve", "cannot connect", "connection refused"],
    ),
    (cause("OTAKIT_ERR_TIMEOUT", Msg::CauseSilent, Msg::DoSilent), &["timed out", "silent"]),
    (cause("OTAKIT_ERR_TRUNCATED", Msg::CauseBroken, Msg::DoBroken), &["ended early", "truncated"]),
    (cause("OTAKIT_ERR_BROKEN", Msg::CauseBroken, Msg::DoBroken), &["connection broke", "connection reset"]),
    (cause("OTAKIT_ERR_LENGTH", Msg::CauseLength, Msg::DoDigest), &["not the offer's size", "announces"]),
    (cause("OTAKIT_ERR_SIGNATURE", Msg::CauseSignature, Msg::DoSignature), &["signature"]),
    (cause("OTAKIT_ERR_DIGEST", Msg::CauseDigest, Msg::DoDigest), &["digest", "md5", "sha256", "checksum"]),
    (cause("OTAKIT_ERR_STORE_FULL", Msg::CauseFull, Msg::DoFull), &["no room", "no space", "disk full"]),
    (cause("OTAKIT_ERR_STORE", Msg::CauseStore, Msg::DoStore), &["storing failed"]),
    (cause("OTAKIT_ERR_POLICY_ROLLBACK", Msg::CauseRollback, Msg::DoRollback), &["not newer", "rollback"]),
    (cause("OTAKIT_ERR_RESOURCES", Msg::CauseMemory, Msg::DoMemory), &["out of memory"]),
];

/// A cause, and how the platform's own sentence begins, or what is in it.
const BY_STEP: &[(Cause, &str)] = &[
    (cause("", Msg::CauseTime, Msg::DoTime), "no end within"),
    (cause("", Msg::CauseTime, Msg::DoTime), "timed_out"),
    (cause("", Msg::CauseConfig, Msg::DoConfig), "answered the push with code"),
    (cause("", Msg::CauseStrayed, Msg::DoStrayed), "which is neither the old version"),
    (cause("IOT_OTAP_FETCH_FAILED", Msg::CauseFetch, Msg::DoFetch), "download failed"),
    // The spelling is the SDK's.
    (cause("IOT_OTAP_CHECK_FALIED", Msg::CauseCheck, Msg::DoDigest), "verification failed"),
    (cause("IOT_OTAP_BURN_FAILED", Msg::CauseBurn, Msg::DoBurn), "writing failed"),
    (cause("IOT_OTAP_GENERAL_FAILED", Msg::CauseGeneral, Msg::DoGeneral), "upgrade failed"),
];

/// The cause that a reason tells of.
pub fn of(reason: &str) -> Cause {
    let lower = reason.to_ascii_lowercase();
    let named = BY_WORDS.iter().find(|(cause, _)| {
        // OTAKIT_ERR_STORE is a part of OTAKIT_ERR_STORE_FULL.
        reason.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == cause.name)
    });
    // The words after the platform's own are the device's.
    let words = BY_STEP.iter().find_map(|(_, start)| lower.strip_prefix(start)).unwrap_or(&lower);
    let worded = || BY_WORDS.iter().find(|(_, words_of)| words_of.iter().any(|part| words.contains(part)));
    if let Some((cause, _)) = named {
        return *cause;
    }
    let step = BY_STEP.iter().find(|(_, part)| lower.contains(part));
    match step {
        // The platform has seen these itself.
        Some((cause, _)) if cause.name.is_empty() => *cause,
        step => worded().map(|(cause, _)| *cause).or(step.map(|(cause, _)| *cause)).unwrap_or(cause(
            "",
            Msg::CauseUnknown,
            Msg::DoGeneral,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        for (reason, name, title) in [
            ("download failed", "IOT_OTAP_FETCH_FAILED", Msg::CauseFetch),
            ("verification failed", "IOT_OTAP_CHECK_FALIED", Msg::CauseCheck),
            ("writing failed", "IOT_OTAP_BURN_FAILED", Msg::CauseBurn),
            ("upgrade failed", "IOT_OTAP_GENERAL_FAILED", Msg::CauseGeneral),
            ("upgrade failed: battery low", "IOT_OTAP_GENERAL_FAILED", Msg::CauseGeneral),
            (
                "download failed: 10.0.0.1:80 (TCP), /fw.bin: HTTP status 403 Forbidden; the URL has expired",
                "OTAKIT_ERR_EXPIRED",
                Msg::CauseExpired,
            ),
            ("download failed: HTTP status 404 Not Found", "OTAKIT_ERR_STATUS", Msg::CauseStatus),
            (
                "download failed: image's digest is not the one promised",
                "OTAKIT_ERR_DIGEST",
                Msg::CauseDigest,
            ),
            ("verification failed: OTAKIT_ERR_SIGNATURE", "OTAKIT_ERR_SIGNATURE", Msg::CauseSignature),
            ("writing failed: OTAKIT_ERR_STORE_FULL", "OTAKIT_ERR_STORE_FULL", Msg::CauseFull),
            ("writing failed: no room left to store the image", "OTAKIT_ERR_STORE_FULL", Msg::CauseFull),
            (
                "download failed: certificate refused: it has expired",
                "OTAKIT_ERR_CERTIFICATE",
                Msg::CauseCertificate,
            ),
            ("no end within 5 minutes", "", Msg::CauseTime),
            ("runs 1.5.0-digest, which is neither the old version nor the new one", "", Msg::CauseStrayed),
            ("timed_out", "", Msg::CauseTime),
            ("the device answered the push with code 400", "", Msg::CauseConfig),
            ("?", "", Msg::CauseUnknown),
        ] {
            let cause = of(reason);
            assert_eq!((cause.name, cause.title), (name, title), "{reason}");
        }
    }

    /// The names are those of the library's header and of the SDK's.
    #[test]
    fn names_are_in_the_headers() {
        let headers =
            [include_str!("../../../include/otakit.h"), include_str!("../../../include/linkkit/ota_api.h")]
                .concat();
        let words: Vec<&str> = headers.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        let names =
            BY_WORDS.iter().map(|(cause, _)| cause.name).chain(BY_STEP.iter().map(|(cause, _)| cause.name));
        for name in names.filter(|name| !name.is_empty()) {
            assert!(words.contains(&name), "{name}");
        }
    }
}
