// SPDX-License-Identifier: MIT OR Apache-2.0
//! The upgrade message: `{"code":"1000","data":{"size":…,"version":…,"url":…,"md5":…},"id":…,"message":"success"}`.
//!
//! Newer clouds send `sign` and `signMethod` (Md5, SHA256) beside or instead of `md5`, and packages that are no single
//! image behind a URL: differences to an older version (`isDiff`), several files (`files`), bytes that come over MQTT
//! (`dProtocol`). Those are recognised and, apart from differences for who asks for them, refused with a reason; a list of one
//! file is one image.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::Fields;
use super::{Refusal, json};
use crate::digest::{Algorithm, Expected};
use crate::offer::{Kind, Offer};
use crate::signature;
use crate::url::Url;

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
pub fn pushed(payload: &[u8]) -> Result<Fields<'_>, Refusal> {
    let message = json::object(payload)?;
    match json::optional(&message, "message") {
        Ok(Some(text)) if text == "success" => json::child(&message, "data"),
        _ => Err(Refusal::NotSuccess),
    }
}

/// The data of an answer to the newer request that is a success and has any.
pub fn replied(payload: &[u8]) -> Result<Fields<'_>, Refusal> {
    let message = json::object(payload)?;
    if json::number(&message, "code") != Some(200) {
        return Err(Refusal::NotSuccess);
    }
    let data = json::child(&message, "data")?;
    if data.is_empty() { Err(Refusal::Nothing) } else { Ok(data) }
}

/// The firmware that the data of a message offers: a whole image.
pub fn firmware(data: &Fields<'_>) -> Result<Firmware, Refusal> {
    if json::is_set(data, "isDiff") {
        return Err(Refusal::Difference);
    }
    firmware_or_delta(data)
}

/// The same for who takes differences to an older version, too.
pub fn firmware_or_delta(data: &Fields<'_>) -> Result<Firmware, Refusal> {
    let one;
    let data = match single_file(data)? {
        Some(fields) => {
            one = fields;
            &one
        }
        None => data,
    };
    let offer = Offer {
        size: json::size(data, "size")?,
        version: json::name(data, "version")?,
        url: url(data)?,
        digest: digest(data)?,
        kind: Kind::Firmware,
        signature: signature(data)?,
        is_delta: json::is_set(data, "isDiff"),
    };
    Ok(Firmware { offer, md5: json::optional(data, "md5")? })
}

/// Refuses what is no single package behind a URL. A package of one file is told in the keys of a message without
/// a list; `None`: it had none.
fn single_file<'a>(data: &Fields<'a>) -> Result<Option<Fields<'a>>, Refusal> {
    if json::optional(data, "dProtocol")?.is_some_and(|named| named.eq_ignore_ascii_case("mqtt")) {
        return Err(Refusal::Stream);
    }
    let files: Vec<Fields<'a>> = match json::given(data, "files") {
        Some(list) => serde_json::from_str(list.get()).map_err(|_| Refusal::Key("files"))?,
        None => Vec::new(),
    };
    match files.as_slice() {
        [] if json::given(data, "streamId").is_some() && json::optional(data, "url")?.is_none() => {
            Err(Refusal::Stream)
        }
        [] => Ok(None),
        [file] => {
            let mut data = data.clone();
            for (theirs, ours) in
                [("fileSize", "size"), ("fileUrl", "url"), ("fileMd5", "md5"), ("fileSign", "sign")]
            {
                if let Some(value) = json::given(file, theirs) {
                    data.insert(ours.to_owned(), value);
                }
            }
            Ok(Some(data))
        }
        _ => Err(Refusal::Files),
    }
}

/// The URL, checked so that nothing unusable ever becomes an offer.
pub fn url(data: &Fields<'_>) -> Result<String, Refusal> {
    let url = json::text(data, "url")?;
    Url::parse(&url).map_err(Refusal::Url)?;
    Ok(url)
}

/// The strongest digest that the message carries. An MD5 given twice must be the same twice.
fn digest(data: &Fields<'_>) -> Result<Expected, Refusal> {
    let md5 = json::optional(data, "md5")?
        .map(|hex| Expected::from_hex(Algorithm::Md5, &hex).ok_or(Refusal::Digest))
        .transpose()?;
    let whole = json::optional(data, "sign")?.is_some() && json::optional(data, "signMethod")?.is_some();
    let signed = match md5 {
        // Half of a pair says nothing where the other key says all.
        Some(md5) if !whole => return Ok(md5),
        None if !whole && !data.contains_key("sign") && !data.contains_key("signMethod") => {
            return Err(Refusal::Key("md5"));
        }
        _ => signed_digest(data)?,
    };
    match md5 {
        Some(md5) if signed.algorithm() == Algorithm::Md5 && md5 != signed => Err(Refusal::Digest),
        _ => Ok(signed),
    }
}

/// The signature under `digestsign`: base64 of a signature over the image's SHA-256 by a key of the product's owner.
fn signature(data: &Fields<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    let coded = json::optional(data, "digestsign")?;
    coded.map(|coded| signature::decode(&coded).ok_or(Refusal::Digest)).transpose()
}

/// The digest under `sign`, of the kind that `signMethod` names.
pub fn signed_digest(data: &Fields<'_>) -> Result<Expected, Refusal> {
    let algorithm = match json::text(data, "signMethod")? {
        method if method.eq_ignore_ascii_case("md5") => Algorithm::Md5,
        method if method.eq_ignore_ascii_case("sha256") => Algorithm::Sha256,
        _ => return Err(Refusal::Digest),
    };
    Expected::from_hex(algorithm, &json::text(data, "sign")?).ok_or(Refusal::Digest)
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
        for same in [r#""60000""#, "60000.0", r#""60000.00""#] {
            assert_eq!(sized(same), Ok(60000), "{same}");
        }
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
            assert!(matches!(urls(bad), Err(Refusal::Url(_))), "{bad}");
        }
        assert_eq!(urls(r#""""#), Err(Refusal::Key("url")));
        let version = |v: &str| {
            with("1", v, r#""http://h/p""#, &format!(r#""md5":"{MD5}""#)).map(|fw| fw.offer.version)
        };
        assert_eq!(version(r#""1.0\"x\u0041""#).unwrap(), "1.0\"xA");
        assert_eq!(version(&format!("\"{}\"", "v".repeat(200))).unwrap().len(), 200);
        assert_eq!(version("1.10").unwrap(), "1.10", "a number stands for its digits");
        for bad in ["true", "null", r#""""#, r#""a\u0000b""#] {
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
        assert_eq!(digested(r#""signMethod":"SHA256""#), Err(Refusal::Key("sign")));
        assert_eq!(digested(&format!(r#"{md5},"signMethod":"SHA256""#)), Ok(Algorithm::Md5));
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
        for data in [r#""x""#, "null", "[]", "7"] {
            assert_eq!(push(data), Err(Refusal::Key("data")), "{data}");
        }
        let nested = format!(
            r#"{{"x":{{"size":1,"version":"n","url":"http://n/","md5":"{SHA}"}},"size":2,"version":"2","url":"http://h/p","md5":"{MD5}"}}"#
        );
        assert_eq!(push(&nested).unwrap().offer.size, 2);
    }

    /// A message with every key that the cloud may send.
    const FULL: [(&str, &str); 12] = [
        ("size", "9"),
        ("version", r#""2""#),
        ("url", r#""http://h/p""#),
        ("md5", r#""7d28466a84f23d019fd018cf53fb21a3""#),
        ("sign", r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
        ("signMethod", r#""SHA256""#),
        ("digestsign", r#""QUJD""#),
        ("isDiff", "0"),
        ("module", r#""default""#),
        ("dProtocol", r#""https""#),
        ("files", "[]"),
        ("extData", r#"{"_package_udi":"{\"a\":1}"}"#),
    ];

    fn full(changes: &[(&str, Option<&str>)]) -> Result<Firmware, Refusal> {
        let fields = FULL.iter().filter_map(|&(key, value)| {
            let value = changes.iter().find(|(changed, _)| *changed == key).map_or(Some(value), |c| c.1)?;
            Some(format!("\"{key}\":{value}"))
        });
        push(&format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
    }

    const ABSENT: [Option<&str>; 3] = [None, Some("null"), Some(r#""""#)];

    #[test]
    fn optional_fields_may_be_absent_in_every_way() {
        let whole = full(&[]).unwrap();
        assert_eq!(whole.offer.digest.algorithm(), Algorithm::Sha256);
        assert_eq!(whole.offer.signature.as_deref(), Some(&b"ABC"[..]));
        for (key, _) in FULL {
            for way in ABSENT.into_iter().chain([Some("[]"), Some("{}"), Some("[ ]")]) {
                let got = full(&[(key, way)]).map(|got| (got.offer.url, got.offer.size));
                let wanted = match (key, way) {
                    ("size" | "version" | "url", None | Some("null")) | ("version" | "url", _) => {
                        Err(Refusal::Key(key))
                    }
                    ("size", Some(r#""""#)) => Err(Refusal::Size),
                    ("size", _) => Err(Refusal::Key(key)),
                    _ => Ok(("http://h/p".to_owned(), 9)),
                };
                assert_eq!(got, wanted, "{key} {way:?}");
            }
        }
    }

    #[test]
    fn of_two_digests_one_is_enough() {
        let pairs = ABSENT.into_iter().flat_map(|one| ABSENT.map(|other| (one, other)));
        for (one, other) in pairs {
            let md5 = full(&[("sign", one), ("signMethod", other), ("digestsign", one)]).unwrap();
            assert_eq!((md5.offer.digest.algorithm(), md5.offer.signature), (Algorithm::Md5, None));
            assert_eq!(full(&[("md5", one), ("digestsign", other)]).unwrap().md5, None);
            assert!(full(&[("md5", one), ("sign", other)]).is_err());
            assert!(full(&[("md5", one), ("signMethod", other)]).is_err());
        }
    }

    #[test]
    fn packages_that_are_no_single_image_are_refused_by_name() {
        for (key, values, refusal) in [
            ("isDiff", &["1", "1.0", r#""1""#, "true", r#""true""#, "2"][..], Refusal::Difference),
            ("dProtocol", &[r#""mqtt""#, r#""MQTT""#], Refusal::Stream),
            (
                "files",
                &[r#"[{"fileUrl":"http://h/1"},{"fileUrl":"http://h/2"}]"#, "[{},{},{}]"],
                Refusal::Files,
            ),
        ] {
            for value in values {
                assert_eq!(full(&[(key, Some(value))]), Err(refusal), "{key} {value}");
                // Also where the keys of a single image are not there.
                let bare =
                    [(key, Some(*value)), ("url", None), ("size", None), ("md5", None), ("sign", None)];
                assert_eq!(full(&bare), Err(refusal), "{key} {value}");
            }
        }
        assert_eq!(push(r#"{"size":1,"version":"2","streamId":7,"streamFileId":1}"#), Err(Refusal::Stream));
        for value in ["0", "0.0", r#""0""#, "false", r#""false""#, r#""""#, "null"] {
            assert!(full(&[("isDiff", Some(value))]).is_ok(), "{value}");
        }
        for value in [r#""https""#, r#""http""#, r#""""#, "null"] {
            assert!(full(&[("dProtocol", Some(value))]).is_ok(), "{value}");
        }
        assert_eq!(full(&[("files", Some("7"))]), Err(Refusal::Key("files")));
    }

    #[test]
    fn a_list_of_one_file_is_one_image() {
        let file = format!(
            r#"{{"version":"2","signMethod":"SHA256","files":[{{"fileSize":"9","fileName":"a","fileUrl":"http://h/p","fileMd5":"{MD5}","fileSign":"{SHA}"}}]}}"#
        );
        let firmware = push(&file).unwrap();
        assert_eq!((firmware.offer.size, firmware.offer.url.as_str()), (9, "http://h/p"));
        assert_eq!(firmware.offer.digest.algorithm(), Algorithm::Sha256);
        assert_eq!(push(&file.replace("fileUrl", "other")), Err(Refusal::Key("url")));
    }

    #[test]
    fn a_byte_order_mark_and_much_custom_data() {
        let data = "x".repeat(32 * 1024);
        let text = format!(
            "\u{feff}{{\"message\":\"success\",\"data\":{{\"size\":1,\"version\":\"2\",\"url\":\"http://h/p\",\"md5\":\"{MD5}\",\"extData\":{{\"_package_udi\":\"{data}\"}}}}}}"
        );
        assert_eq!(decode(text.as_bytes()).unwrap().offer.size, 1);
    }
}
