// SPDX-License-Identifier: MIT OR Apache-2.0
//! The requests. Those of the two older dialects have the spelling of the platform's SDK: no blank after a header's
//! colon, `Content-Length` in seven columns, nothing escaped; the current platform gets ordinary ones.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::{Device, Dialect, TaskId};
use crate::http::request::{Method, Request};

/// How a `Range` header is spelt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RangeForm {
    /// As the dialect's own clients do: [`Self::Plain`] in the older two, [`Self::Bytes`] on the current platform.
    #[default]
    Native,
    /// `0-7`.
    Plain,
    /// `bytes=0-7`.
    Bytes,
}

/// What the platform is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Takes note of the version that runs.
    Version(&'a str),
    /// Is there a task beyond this version?
    Check {
        /// 1 for the module's firmware (FOTA), 2 for the application's (SOTA).
        kind: u8,
        /// The version that runs.
        version: &'a str,
    },
    /// Does the task still stand?
    Stands(&'a TaskId),
    /// One slice of the package, both ends included.
    Slice {
        /// The task.
        task: &'a TaskId,
        /// Position of the first byte.
        first: u64,
        /// Position of the last byte.
        last: u64,
        /// How to spell that.
        form: RangeForm,
    },
    /// Takes note of progress or of a result.
    Report {
        /// The task.
        task: &'a TaskId,
        /// Percent, or one of [`super::step`].
        step: u32,
    },
}

impl Dialect {
    /// The request's bytes. `host` is what the `Host` header says.
    pub fn request(&self, ask: &Ask<'_>, host: &str, authorization: &str) -> Vec<u8> {
        let path = self.path(ask);
        let body = self.body(ask);
        match self {
            Self::General { .. } | Self::Studio(_) => tight(ask, &path, host, authorization, body.as_deref()),
            Self::Fuse(_) => ordinary(ask, &path, host, authorization, body.as_deref()),
        }
    }

    fn path(&self, ask: &Ask<'_>) -> String {
        match self {
            Self::General { device_id, cdn } => general_path(ask, device_id, *cdn),
            Self::Studio(device) => device_path(ask, "/ota", device, "/download/"),
            Self::Fuse(device) => device_path(ask, "/fuse-ota", device, "/download"),
        }
    }

    fn body(&self, ask: &Ask<'_>) -> Option<String> {
        match (self, ask) {
            (Self::Fuse(_), Ask::Version(version)) => {
                Some(format!(r#"{{"s_version":"{0}","f_version":"{0}"}}"#, escaped(version)))
            }
            (_, Ask::Version(version)) => {
                Some(format!(r#"{{"f_version":"{0}","s_version":"{0}"}}"#, escaped(version)))
            }
            (_, Ask::Report { step, .. }) => Some(format!(r#"{{"step":{step}}}"#)),
            _ => None,
        }
    }
}

/// Inside a JSON string; versions are printable ASCII (see [`super::plain`]).
fn escaped(version: &str) -> String {
    version.replace('\\', "\\\\").replace('"', "\\\"")
}

fn general_path(ask: &Ask<'_>, id: &str, cdn: bool) -> String {
    match ask {
        Ask::Version(_) => format!("/ota/device/version?dev_id={id}"),
        Ask::Check { kind, version } => {
            format!("/ota/south/check?type={kind}&version={version}&cdn={cdn}&dev_id={id}")
        }
        Ask::Stands(task) => format!("/ota/south/download/{task}/check?dev_id={id}"),
        Ask::Slice { task, .. } => format!("/ota/south/download/{task}"),
        Ask::Report { task, .. } => format!("/ota/south/device/download/{task}/progress?dev_id={id}"),
    }
}

fn device_path(ask: &Ask<'_>, root: &str, device: &Device, download: &str) -> String {
    let base = format!("{root}/{}/{}", device.product_id, device.name);
    match ask {
        Ask::Version(_) => format!("{base}/version"),
        Ask::Check { kind, version } => format!("{base}/check?type={kind}&version={version}"),
        Ask::Stands(task) => format!("{base}/{task}/check"),
        Ask::Slice { task, .. } => format!("{base}/{task}{download}"),
        Ask::Report { task, .. } => format!("{base}/{task}/status"),
    }
}

fn range(first: u64, last: u64, form: RangeForm, native: RangeForm) -> String {
    let form = if form == RangeForm::Native { native } else { form };
    let unit = if form == RangeForm::Bytes { "bytes=" } else { "" };
    format!("{unit}{first}-{last}")
}

fn tight(ask: &Ask<'_>, path: &str, host: &str, authorization: &str, body: Option<&str>) -> Vec<u8> {
    let method = if body.is_some() { Method::Post } else { Method::Get }.name();
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost:{host}\r\n");
    if !matches!(ask, Ask::Slice { .. }) {
        text.push_str("Content-Type:application/json\r\n");
    }
    // Writing into a String cannot fail.
    let _ = write!(text, "Authorization:{authorization}\r\n");
    if let Ask::Slice { first, last, form, .. } = ask {
        let _ = write!(text, "Range:{}\r\n", range(*first, *last, *form, RangeForm::Plain));
    }
    if let Some(body) = body {
        let _ = write!(text, "Content-Length:{:>7}\r\n", body.len());
    }
    let _ = write!(text, "\r\n{}", body.unwrap_or_default());
    text.into_bytes()
}

fn ordinary(ask: &Ask<'_>, path: &str, host: &str, authorization: &str, body: Option<&str>) -> Vec<u8> {
    let mut headers = vec![("Host", host), ("Authorization", authorization)];
    let span;
    if let Ask::Slice { first, last, form, .. } = ask {
        span = range(*first, *last, *form, RangeForm::Bytes);
        headers.push(("Range", &span));
    }
    if body.is_some() {
        headers.push(("Content-Type", "application/json"));
    }
    let method = if body.is_some() { Method::Post } else { Method::Get };
    Request { method, path, headers: &headers, body: body.unwrap_or_default().as_bytes() }.encode()
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    const AUTHORIZATION: &str = "version=2018-10-31&res=products%2F123123&et=1537255523&method=sha1&sign=lsaPSiiGvEFFjXu5WU7a6IkScqE%3D";

    fn general() -> Dialect {
        Dialect::General { device_id: "527776559".into(), cdn: true }
    }

    fn text(dialect: &Dialect, ask: &Ask<'_>) -> String {
        String::from_utf8(dialect.request(ask, dialect.host(), AUTHORIZATION)).unwrap()
    }

    fn first_line(dialect: &Dialect, ask: &Ask<'_>) -> String {
        text(dialect, ask).split(" HTTP/1.1\r\n").next().unwrap().to_owned()
    }

    #[test]
    fn version_report_as_captured() {
        let wanted = format!(
            "POST /ota/device/version?dev_id=527776559 HTTP/1.1\r\nHost:ota.heclouds.com\r\n\
             Content-Type:application/json\r\nAuthorization:{AUTHORIZATION}\r\nContent-Length:     41\r\n\r\n\
             {{\"f_version\":\"1.0.0\",\"s_version\":\"1.0.0\"}}"
        );
        assert_eq!(text(&general(), &Ask::Version("1.0.0")), wanted);
    }

    #[test]
    fn download_as_captured() {
        let task = TaskId::Token("ota_iF0hnXrq2CxLrP8vZ39l".into());
        let ask = |form| Ask::Slice { task: &task, first: 0, last: 7, form };
        let wanted = format!(
            "GET /ota/south/download/ota_iF0hnXrq2CxLrP8vZ39l HTTP/1.1\r\nHost:ota.heclouds.com\r\n\
             Authorization:{AUTHORIZATION}\r\nRange:0-7\r\n\r\n"
        );
        assert_eq!(text(&general(), &ask(RangeForm::Native)), wanted);
        assert_eq!(text(&general(), &ask(RangeForm::Plain)), wanted);
        let standard = wanted.replace("Range:0-7", "Range:bytes=0-7");
        assert_eq!(text(&general(), &ask(RangeForm::Bytes)), standard);
    }

    #[test]
    fn progress_as_captured() {
        let task = TaskId::Token("T".into());
        let wanted = format!(
            "POST /ota/south/device/download/T/progress?dev_id=527776559 HTTP/1.1\r\nHost:ota.heclouds.com\r\n\
             Content-Type:application/json\r\nAuthorization:{AUTHORIZATION}\r\nContent-Length:     11\r\n\r\n\
             {{\"step\":50}}"
        );
        assert_eq!(text(&general(), &Ask::Report { task: &task, step: 50 }), wanted);
    }

    #[test]
    fn checks_as_captured() {
        let token = TaskId::Token("T".into());
        let check = Ask::Check { kind: 1, version: "1.0.0" };
        assert_eq!(
            first_line(&general(), &check),
            "GET /ota/south/check?type=1&version=1.0.0&cdn=true&dev_id=527776559"
        );
        let plain = Dialect::General { device_id: "1".into(), cdn: false };
        assert!(first_line(&plain, &check).contains("&cdn=false&"));
        assert_eq!(
            first_line(&general(), &Ask::Stands(&token)),
            "GET /ota/south/download/T/check?dev_id=527776559"
        );
    }

    #[test]
    fn the_things_model_and_the_current_platform() {
        let device = Device::new("pid", "dev").unwrap();
        let (studio, fuse) = (Dialect::Studio(device.clone()), Dialect::Fuse(device));
        let tid = TaskId::Number(1_317_438);
        let rows = [
            (Ask::Version("V"), "POST ", "/pid/dev/version"),
            (Ask::Check { kind: 2, version: "V" }, "GET ", "/pid/dev/check?type=2&version=V"),
            (Ask::Stands(&tid), "GET ", "/pid/dev/1317438/check"),
            (Ask::Report { task: &tid, step: 201 }, "POST ", "/pid/dev/1317438/status"),
        ];
        for (ask, method, path) in rows {
            assert_eq!(first_line(&studio, &ask), format!("{method}/ota{path}"));
            assert_eq!(first_line(&fuse, &ask), format!("{method}/fuse-ota{path}"));
        }
        let slice = Ask::Slice { task: &tid, first: 0, last: 3, form: RangeForm::Native };
        let old = text(&studio, &slice);
        assert!(
            old.starts_with(
                "GET /ota/pid/dev/1317438/download/ HTTP/1.1\r\nHost:studio-ota.heclouds.com\r\n"
            )
        );
        assert!(old.ends_with("\r\nRange:0-3\r\n\r\n"));
        let new = text(&fuse, &slice);
        assert!(new.starts_with(
            "GET /fuse-ota/pid/dev/1317438/download HTTP/1.1\r\nHost: iot-api.heclouds.com\r\n"
        ));
        assert!(new.contains("\r\nRange: bytes=0-3\r\n"));
        assert!(text(&fuse, &Ask::Version("V1.0")).ends_with(r#"{"s_version":"V1.0","f_version":"V1.0"}"#));
    }

    #[test]
    fn nothing_given_can_leave_its_place() {
        assert!(
            text(&general(), &Ask::Version(r#"1"}\"#))
                .ends_with(r#"{"f_version":"1\"}\\","s_version":"1\"}\\"}"#)
        );
        for bad in ["a/b", "a?b", "a#b", "a+b", "a b", "a\r\nb", "", "é"] {
            assert_eq!(Device::new(bad, "d"), None, "{bad}");
            assert_eq!(Device::new("p", bad), None, "{bad}");
        }
    }
}
