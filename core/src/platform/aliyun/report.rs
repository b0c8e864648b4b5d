// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device tells the cloud.

use alloc::string::String;

use super::json;

/// The version, as `IOT_OTA_ReportVersion` sends it: the id is the number 0.
pub fn version(version: &str) -> String {
    format!(r#"{{"id":0,"params":{{"version":{}}}}}"#, json::quote(version))
}

/// The version, as it is sent after each sign-in: the id is a string.
pub fn version_at_sign_in(id: u32, version: &str) -> String {
    format!(r#"{{"id":"{id}","params":{{"version":{}}}}}"#, json::quote(version))
}

/// Progress in percent (0..=100) or a failure (-4..=-1), with a text for the console.
pub fn progress(step: i32, text: &str) -> String {
    format!(r#"{{"id":0,"params":{{"step":"{step}","desc":{}}}}}"#, json::quote(text))
}

/// A request for the firmware on offer, in the newer form.
pub fn firmware_get(id: u32) -> String {
    format!(r#"{{"id":"{id}","version":"1.0","params":{{}},"method":"thing.ota.firmware.get"}}"#)
}

/// The text of the first progress report.
pub const ENTERED_DOWNLOADING: &str = "Enter in downloading state";

/// What the SDK that this library stands in for says of itself after each sign-in.
pub fn device_info(id: u32) -> String {
    format!(
        r#"{{"id":"{id}","version":"1.0","params":[{{"attrKey":"SYS_LP_SDK_VERSION","attrValue":"3.0.1","domain":"SYSTEM"}},{{"attrKey":"SYS_SDK_LANGUAGE","attrValue":"C","domain":"SYSTEM"}}],"method":"thing.deviceinfo.update"}}"#
    )
}

/// A request to undo the device's bindings and its topology; with the reference's blanks.
pub fn reset(id: u32) -> String {
    format!(r#"{{"id":{id}, "version":"1.0", "method":"thing.reset", "params":{{}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_payloads() {
        assert_eq!(version("1.0.0"), r#"{"id":0,"params":{"version":"1.0.0"}}"#);
        assert_eq!(version("1.0\"x"), r#"{"id":0,"params":{"version":"1.0\"x"}}"#);
        let fw = version_at_sign_in(2, "app-1.0.0-20180101.1000");
        assert_eq!(fw, r#"{"id":"2","params":{"version":"app-1.0.0-20180101.1000"}}"#);
        assert_eq!(fw.len(), 57);
        assert_eq!(
            progress(0, ENTERED_DOWNLOADING),
            r#"{"id":0,"params":{"step":"0","desc":"Enter in downloading state"}}"#
        );
        assert_eq!(progress(-3, ""), r#"{"id":0,"params":{"step":"-3","desc":""}}"#);
        assert_eq!(device_info(1).len(), 208);
        assert_eq!(reset(3), r#"{"id":3, "version":"1.0", "method":"thing.reset", "params":{}}"#);
    }
}
