// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules of a device: each with a version and updates of its own. The device's firmware is the module `default`.
//!
//! The bytes are those of AliOS Things: ids are the numbers 0 and 1, `default` is not named.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::json::Fields;
use super::offer::{self, Firmware};
use super::{Refusal, json};

/// The name of the device's firmware.
pub const DEFAULT: &str = "default";
/// Longest name of a module in bytes.
pub const MAX_NAME: usize = 64;

/// An upgrade message, and the module that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Which module.
    pub module: String,
    /// What is offered.
    pub firmware: Firmware,
}

/// Reads an upgrade message.
pub fn decode(payload: &[u8]) -> Result<Upgrade, Refusal> {
    upgrade(&offer::pushed(payload)?)
}

/// Reads the answer to [`firmware_get`].
pub fn decode_get_reply(payload: &[u8]) -> Result<Upgrade, Refusal> {
    upgrade(&offer::replied(payload)?)
}

/// Which module a message is for that [`decode`] has refused. `None`: that cannot be told.
pub fn addressee(payload: &[u8]) -> Option<String> {
    module(&offer::pushed(payload).ok()?).ok()
}

/// As [`decode`], for firmware that knows of no modules: the device's own image, and no other. `deltas`: or a difference to it.
pub fn decode_own(payload: &[u8], deltas: bool) -> Result<Firmware, Refusal> {
    own(&offer::pushed(payload)?, deltas)
}

/// As [`decode_get_reply`], for firmware that knows of no modules.
pub fn decode_own_get_reply(payload: &[u8], deltas: bool) -> Result<Firmware, Refusal> {
    own(&offer::replied(payload)?, deltas)
}

fn own(data: &Fields<'_>, deltas: bool) -> Result<Firmware, Refusal> {
    // First whom it is for: what is wrong with another's image is not this firmware's to tell.
    match (module(data)? == DEFAULT, deltas) {
        (false, _) => Err(Refusal::Module),
        (true, true) => offer::firmware_or_delta(data),
        (true, false) => offer::firmware(data),
    }
}

fn upgrade(data: &Fields<'_>) -> Result<Upgrade, Refusal> {
    Ok(Upgrade { module: module(data)?, firmware: offer::firmware(data)? })
}

fn module(data: &Fields<'_>) -> Result<String, Refusal> {
    let module = json::optional(data, "module")?.unwrap_or_else(|| DEFAULT.to_owned());
    if module.len() > MAX_NAME { Err(Refusal::Key("module")) } else { Ok(module) }
}

fn named(module: &str) -> String {
    if module == DEFAULT { String::new() } else { format!(r#","module":{}"#, json::quote(module)) }
}

/// The report of a module's version.
pub fn inform(module: &str, version: &str) -> String {
    format!(r#"{{"id":0,"params":{{"version":{}{}}}}}"#, json::quote(version), named(module))
}

/// A request for the offer of a module.
pub fn firmware_get(id: u32, module: &str) -> String {
    let module =
        if module == DEFAULT { String::new() } else { format!(r#""module":{}"#, json::quote(module)) };
    format!(r#"{{"id":"{id}","version":"1.0","params":{{{module}}},"method":"thing.ota.firmware.get"}}"#)
}

/// The report of a module's progress, -4..=100.
pub fn progress(module: &str, step: i32, desc: &str) -> String {
    format!(r#"{{"id":1,"params":{{"step": "{step}","desc":{}{}}}}}"#, json::quote(desc), named(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports() {
        assert_eq!(inform("default", "1.0"), r#"{"id":0,"params":{"version":"1.0"}}"#);
        assert_eq!(inform("app", "1"), r#"{"id":0,"params":{"version":"1","module":"app"}}"#);
        assert_eq!(progress("default", 5, ""), r#"{"id":1,"params":{"step": "5","desc":""}}"#);
        assert_eq!(
            firmware_get(7, "a"),
            r#"{"id":"7","version":"1.0","params":{"module":"a"},"method":"thing.ota.firmware.get"}"#
        );
        assert!(firmware_get(7, DEFAULT).contains(r#""params":{},"#));
        assert_eq!(progress("a", -3, "d"), r#"{"id":1,"params":{"step": "-3","desc":"d","module":"a"}}"#);
    }

    #[test]
    fn upgrades_name_their_module() {
        let of = |module: &str| {
            let md5 = "6080a1daf0022fb893668e16053b7fa6";
            let text = format!(
                r#"{{"code":"1000","data":{{"size":584064,"sign":"{md5}","version":"app-1.1.0","url":"https://h/a?b","signMethod":"Md5","md5":"{md5}"{module}}},"id":1553688236684,"message":"success"}}"#
            );
            decode(text.as_bytes()).map(|upgrade| upgrade.module)
        };
        let reply = br#"{"id":"7","code":200,"data":{"size":1,"version":"2","url":"http://h/","md5":"6080a1daf0022fb893668e16053b7fa6","module":"a"}}"#;
        assert_eq!(decode_get_reply(reply).unwrap().module, "a");
        assert_eq!(decode_own_get_reply(reply, false), Err(Refusal::Module));
        assert_eq!(of("").as_deref(), Ok("default"));
        assert_eq!(of(r#","module":null"#).as_deref(), Ok("default"));
        assert_eq!(of(r#","module":"""#).as_deref(), Ok("default"));
        assert_eq!(of(r#","module":"mcu""#).as_deref(), Ok("mcu"));
        assert_eq!(of(r#","module":7"#), Err(Refusal::Key("module")));
        assert_eq!(of(&format!(r#","module":"{}""#, "m".repeat(65))), Err(Refusal::Key("module")));
        let bad = br#"{"message":"success","data":{"isDiff":1,"module":"mcu"}}"#;
        assert_eq!(decode_own(bad, false), Err(Refusal::Module), "not the device's, whatever it is");
        assert_eq!(decode(bad), Err(Refusal::Difference));
        assert_eq!(addressee(bad).as_deref(), Some("mcu"));
        assert_eq!(addressee(br#"{"message":"success","data":{}}"#).as_deref(), Some(DEFAULT));
        for nobody in
            [&b"{"[..], br#"{"message":"failure"}"#, br#"{"message":"success","data":{"module":7}}"#]
        {
            assert_eq!(addressee(nobody), None);
        }
    }
}
