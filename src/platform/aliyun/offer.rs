// SPDX-License-Identifier: MIT OR Apache-2.0
//! The upgrade message: `{"code":"1000","data":{"size":…,"version":…,"url":…,"md5":…},"id":…,"message":"success"}`.
//!
//! Newer clouds send `sign` and `signMethod` (Md5, SHA256) beside or instead of `md5`.

use serde_json::{Map, Value};

use super::{Refusal, json};
use crate::digest::{Algorithm, Expected};
use crate::engine::{Kind, Offer, signature};
use crate::fetch::url::Url;

/// A firmware on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// What the engine needs.
    pub offer: Offer,
    /// The `md5` key as it came, for the ioctl that shows it.
    pub md5: Option<String>,
}

/// Reads an upgrade message or the answer to a request for one.
pub fn decode(payload: &[u8]) -> Result<Firmware, Refusal> {
    firmware(&pushed(payload)?)
}

/// Reads the answer to the newer request: `{"id":…,"code":200,"data":{…}}`; without an offer the data is empty.
pub fn decode_get_reply(payload: &[u8]) -> Result<Firmware, Refusal> {
    firmware(&replied(payload)?)
}

/// The data of an upgrade message that is a success.
pub fn pushed(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let message = json::object(payload)?;
    if message.get("message").and_then(Value::as_str) != Some("success") {
        return Err(Refusal::NotSuccess);
    }
    data(message)
}

/// The data of an answer to the newer request that is a success and has any.
pub fn replied(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let message = json::object(payload)?;
    if message.get("code").and_then(Value::as_u64) != Some(200) {
        return Err(Refusal::NotSuccess);
    }
    let data = data(message)?;
    if data.is_empty() { Err(Refusal::Nothing) } else { Ok(data) }
}

fn data(mut message: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    match message.remove("data") {
        Some(Value::Object(data)) => Ok(data),
        _ => Err(Refusal::Key("data")),
    }
}

/// The firmware that the data of a message offers.
pub fn firmware(data: &Map<String, Value>) -> Result<Firmware, Refusal> {
    let offer = Offer {
        size: json::size(data, "size")?,
        version: json::text(data, "version")?.to_owned(),
        url: url(data)?,
        digest: digest(data)?,
        kind: Kind::Firmware,
        signature: signature(data)?,
    };
    Ok(Firmware { offer, md5: data.get("md5").and_then(Value::as_str).map(str::to_owned) })
}

/// The URL, checked so that nothing unusable ever becomes an offer.
pub fn url(data: &Map<String, Value>) -> Result<String, Refusal> {
    let url = json::text(data, "url")?;
    Url::parse(url).map_err(|error| {
        crate::log!(Warning, "aliyun", "{error}");
        Refusal::Url
    })?;
    Ok(url.to_owned())
}

/// The strongest digest that the message carries. An MD5 given twice must be the same twice.
fn digest(data: &Map<String, Value>) -> Result<Expected, Refusal> {
    let md5 = match data.get("md5") {
        Some(_) => {
            let hex = json::text(data, "md5")?;
            Some(Expected::from_hex(Algorithm::Md5, hex).ok_or(Refusal::Digest)?)
        }
        None => None,
    };
    if !data.contains_key("sign") && !data.contains_key("signMethod") {
        return md5.ok_or(Refusal::Key("md5"));
    }
    let signed = signed_digest(data)?;
    match md5 {
        Some(md5) if signed.algorithm() == Algorithm::Md5 && md5 != signed => Err(Refusal::Digest),
        _ => Ok(signed),
    }
}

/// The signature under `digestsign`: base64 of a signature over the image's SHA-256 by a key of the product's owner.
fn signature(data: &Map<String, Value>) -> Result<Option<Vec<u8>>, Refusal> {
    if !data.contains_key("digestsign") {
        return Ok(None);
    }
    signature::decode(json::text(data, "digestsign")?).map(Some).ok_or(Refusal::Digest)
}

/// The digest under `sign`, of the kind that `signMethod` names.
pub fn signed_digest(data: &Map<String, Value>) -> Result<Expected, Refusal> {
    let algorithm = match json::text(data, "signMethod")? {
        method if method.eq_ignore_ascii_case("md5") => Algorithm::Md5,
        method if method.eq_ignore_ascii_case("sha256") => Algorithm::Sha256,
        _ => return Err(Refusal::Digest),
    };
    Expected::from_hex(algorithm, json::text(data, "sign")?).ok_or(Refusal::Digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "7d28466a84f23d019fd018cf53fb21a3";
    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// The golden message with `data` replaced.
    fn push(data: &str) -> Result<Firmware, Refusal> {
        decode(format!(r#"{{"code":"1000","data":{data},"id":1507707025,"message":"success"}}"#).as_bytes())
    }

    fn with(size: &str, version: &str, url: &str, digest: &str) -> Result<Firmware, Refusal> {
        push(&format!(r#"{{"size":{size},"version":{version},"url":{url},{digest}}}"#))
    }

    fn sized(size: &str) -> Result<u64, Refusal> {
        with(size, r#""2""#, r#""http://h/p""#, &format!(r#""md5":"{MD5}""#)).map(|fw| fw.offer.size)
    }

    fn digested(digest: &str) -> Result<Algorithm, Refusal> {
        with("1", r#""2""#, r#""http://h/p""#, digest).map(|fw| fw.offer.digest.algorithm())
    }

    #[test]
    fn the_observed_message() {
        let text = r#"{"code":"1000","data":{"size":60000,"version":"iotx_ver_2.0.0","url":"http://fw.test/r60k.bin","md5":"7d28466a84f23d019fd018cf53fb21a3"},"id":1507707025,"message":"success"}"#;
        let firmware = decode(text.as_bytes()).unwrap();
        assert_eq!(firmware.offer.size, 60000);
        assert_eq!(firmware.offer.version, "iotx_ver_2.0.0");
        assert_eq!(firmware.offer.url, "http://fw.test/r60k.bin");
        assert_eq!(firmware.md5.as_deref(), Some(MD5));
        assert_eq!(decode(format!("{text}\0garbage").as_bytes()).unwrap(), firmware);
        assert_eq!(decode(text.replace(',', " ,\n\t").as_bytes()).unwrap(), firmware);
    }

    #[test]
    fn the_newer_answer() {
        let reply = |code, data: &str| {
            decode_get_reply(format!(r#"{{"id":"1","code":{code},"data":{data}}}"#).as_bytes())
        };
        let data =
            format!(r#"{{"size":9,"version":"2","url":"http://h/p","signMethod":"MD5","sign":"{MD5}"}}"#);
        assert_eq!(reply(200, &data).unwrap().offer.size, 9);
        assert_eq!(reply(200, "{}"), Err(Refusal::Nothing));
        assert_eq!(reply(460, &data), Err(Refusal::NotSuccess));
    }

    #[test]
    fn sizes() {
        assert_eq!(sized("5368709120"), Ok(5_368_709_120));
        assert_eq!(sized(r#""60000""#), Ok(60000));
        assert_eq!(sized("9223372036854775807"), Ok(9_223_372_036_854_775_807));
        for bad in
            ["0", "-5", "6e4", "1.5", "9223372036854775808", "99999999999999999999", r#""""#, r#""6e4""#]
        {
            assert_eq!(sized(bad), Err(Refusal::Size), "{bad}");
        }
        for bad in ["null", "true", "[1]", "{}"] {
            assert_eq!(sized(bad), Err(Refusal::Key("size")), "{bad}");
        }
    }

    #[test]
    fn escapes_and_urls() {
        let urls = |url: &str| with("1", r#""2""#, url, &format!(r#""md5":"{MD5}""#)).map(|fw| fw.offer.url);
        assert_eq!(urls(r#""http:\/\/h\u002fp""#).unwrap(), "http://h/p");
        assert_eq!(urls(r#""http://u:p@127.0.0.1:8099/p?a=b""#).unwrap(), "http://u:p@127.0.0.1:8099/p?a=b");
        for bad in [r#""ftp://h/p""#, r#""h/p""#, r#""http://h/\r\nX:y""#, r#""http:///p""#] {
            assert_eq!(urls(bad), Err(Refusal::Url), "{bad}");
        }
        assert_eq!(urls(r#""""#), Err(Refusal::Key("url")));
        let version = |v: &str| {
            with("1", v, r#""http://h/p""#, &format!(r#""md5":"{MD5}""#)).map(|fw| fw.offer.version)
        };
        assert_eq!(version(r#""1.0\"x\u0041""#).unwrap(), "1.0\"xA");
        assert_eq!(version(&format!("\"{}\"", "v".repeat(200))).unwrap().len(), 200);
        for bad in ["7", "null", r#""""#, r#""a\u0000b""#] {
            assert_eq!(version(bad), Err(Refusal::Key("version")), "{bad}");
        }
    }

    #[test]
    fn digests() {
        let md5 = format!(r#""md5":"{MD5}""#);
        let sha = format!(r#""sign":"{SHA}","signMethod":"SHA256""#);
        let sign = format!(r#""sign":"{MD5}","signMethod":"Md5""#);
        assert_eq!(digested(&md5), Ok(Algorithm::Md5));
        assert_eq!(digested(&md5.to_uppercase().replace("MD5", "md5")), Ok(Algorithm::Md5));
        assert_eq!(digested(&sign), Ok(Algorithm::Md5));
        assert_eq!(digested(&sha), Ok(Algorithm::Sha256));
        assert_eq!(digested(&format!("{md5},{sha}")), Ok(Algorithm::Sha256));
        assert_eq!(digested(&format!("{md5},{sign}")), Ok(Algorithm::Md5));
        let other = MD5.replace('7', "8");
        let refused = [
            format!(r#""md5":"{other}",{sign}"#),
            r#""md5":"7d28""#.to_owned(),
            format!(r#""md5":"{MD5}0""#),
            format!(r#""sign":"{SHA}","signMethod":"Md5""#),
            format!(r#""sign":"{SHA}","signMethod":"Sm3""#),
            format!(r#""md5":"7d28",{sha}"#),
        ];
        for digest in refused {
            assert_eq!(digested(&digest), Err(Refusal::Digest), "{digest}");
        }
        assert_eq!(digested(r#""x":1"#), Err(Refusal::Key("md5")));
        assert_eq!(digested(r#""md5":"""#), Err(Refusal::Key("md5")));
        assert_eq!(digested(&format!(r#""sign":"{SHA}""#)), Err(Refusal::Key("signMethod")));
        assert_eq!(digested(&format!(r#"{md5},"signMethod":"SHA256""#)), Err(Refusal::Key("sign")));
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for bad in ["", "{", "nonsense", "[]", "\"x\"", "{}x", &deep, "{\"a\":\u{1}}"] {
            assert_eq!(decode(bad.as_bytes()), Err(Refusal::NotJson), "{bad}");
        }
        assert_eq!(decode(b"{\"a\":\"\xff\"}"), Err(Refusal::NotJson));
        assert_eq!(decode(b"{}"), Err(Refusal::NotSuccess));
        assert_eq!(decode(br#"{"message":"fail"}"#), Err(Refusal::NotSuccess));
        for data in [r#""x""#, "null", "[]"] {
            assert_eq!(push(data), Err(Refusal::Key("data")), "{data}");
        }
        let nested = format!(
            r#"{{"x":{{"size":1,"version":"n","url":"http://n/","md5":"{SHA}"}},"size":2,"version":"2","url":"http://h/p","md5":"{MD5}"}}"#
        );
        assert_eq!(push(&nested).unwrap().offer.size, 2);
    }
}
