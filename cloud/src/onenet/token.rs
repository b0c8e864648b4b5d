// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `Authorization` of requests: read, and checked against the device's access key.

use hmac::{Hmac, KeyInit, Mac};

use crate::broker::hub::Refusal;
use crate::data::Store;
use crate::data::model::DeviceKey;

/// A token taken apart, escapes resolved.
#[derive(Debug, Default, PartialEq, Eq)]
struct Token {
    version: String,
    resource: String,
    expiry: String,
    method: String,
    sign: String,
}

fn parse(text: &str) -> Option<Token> {
    let mut token = Token::default();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=')?;
        let place = match name {
            "version" => &mut token.version,
            "res" => &mut token.resource,
            "et" => &mut token.expiry,
            "method" => &mut token.method,
            "sign" => &mut token.sign,
            _ => return None,
        };
        *place = unescaped(value)?;
    }
    Some(token)
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
            bytes.push(digit()? << 4 | digit()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Checks a token; gives the device that it speaks for. `device` is what the request's path or query names, and with it
/// the product where the path has one. The error says for the log what is wrong, without secrets.
pub fn check(
    store: &Store,
    authorization: &str,
    product: Option<&str>,
    device: &str,
    now: u64,
) -> Result<DeviceKey, Refusal> {
    let token = parse(authorization).ok_or("the token is malformed")?;
    if !["2018-10-31", "2022-05-01"].contains(&token.version.as_str()) {
        return Err(format!("unknown token version {:?}", token.version).into());
    }
    let mut parts = token.resource.split('/');
    let (Some("products"), Some(signed), tail) = (parts.next(), parts.next(), parts.collect::<Vec<_>>())
    else {
        return Err(format!("unknown resource {:?}", token.resource).into());
    };
    let key = DeviceKey::new(product.unwrap_or(signed), device);
    let fits = match tail.as_slice() {
        [] => true,
        ["devices", name] => *name == device,
        _ => false,
    };
    if key.product != signed || !fits {
        return Err(format!("the token is for {}, not for {key}", token.resource).into());
    }
    if token.expiry.parse::<u64>().map_err(|_| "the token's expiry is no number")? <= now {
        return Err(format!("{key}: the token has expired").into());
    }
    let known = store.device(&key)?;
    let known = known.ok_or_else(|| format!("{key} is not registered"))?;
    let secret =
        base64(&known.device_secret).ok_or_else(|| format!("{key}: the access key is not base64"))?;
    let sign = base64(&token.sign).ok_or_else(|| format!("{key}: the signature is not base64"))?;
    let text = format!("{}\n{}\n{}\n{}", token.expiry, token.method, token.resource, token.version);
    let right = match token.method.as_str() {
        "md5" => verify::<Hmac<md5::Md5>>(&secret, &text, &sign),
        "sha1" => verify::<Hmac<sha1::Sha1>>(&secret, &text, &sign),
        "sha256" => verify::<Hmac<sha2::Sha256>>(&secret, &text, &sign),
        other => return Err(format!("{key}: unknown method {other:?}").into()),
    };
    if right { Ok(key) } else { Err(format!("{key}: the signature does not match the access key").into()) }
}

/// Compares in constant time.
fn verify<M: Mac + KeyInit>(secret: &[u8], text: &str, sign: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(secret)
        .is_ok_and(|mac| mac.chain_update(text.as_bytes()).verify_slice(sign).is_ok())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len());
    for chunk in digits.chunks(4) {
        let mut group = 0_u32;
        for place in 0..4 {
            let digit = match chunk.get(place) {
                None => 0,
                Some(b @ b'A'..=b'Z') => b - b'A',
                Some(b @ b'a'..=b'z') => b - b'a' + 26,
                Some(b @ b'0'..=b'9') => b - b'0' + 52,
                Some(b'+') => 62,
                Some(b'/') => 63,
                Some(_) => return None,
            };
            group = group << 6 | u32::from(digit);
        }
        let [_, whole @ ..] = group.to_be_bytes();
        bytes.extend(whole.iter().take(chunk.len() * 3 / 4));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "KuF3NT/jUBJ62LNBB/A8XZA9CqS3Cu79B/ABmfA1UCw=";
    const EXPIRES: u64 = 1_537_255_523;

    fn store() -> Store {
        let store = crate::data::tests::fresh("onenet-token");
        store.put_device(&DeviceKey::new("123123", "78329710"), KEY, None).unwrap();
        store
    }

    fn token(method: &str, sign: &str) -> String {
        format!("version=2018-10-31&res=products%2F123123&et={EXPIRES}&method={method}&sign={sign}")
    }

    #[test]
    fn known_answers_pass_until_they_expire() {
        let store = store();
        let ok = |text: &str, product, now| check(&store, text, product, "78329710", now).is_ok();
        for (method, sign) in [
            ("sha1", "lsaPSiiGvEFFjXu5WU7a6IkScqE%3D"),
            ("md5", "M3jB6jcSNUuGcvW3dFcrWA%3D%3D"),
            ("sha256", "tuFMd8Cc5krZO%2BRiNaW4mad5tauSFq2J89Gd70MXQPI%3D"),
        ] {
            assert!(ok(&token(method, sign), None, EXPIRES - 1), "{method}");
            assert!(ok(&token(method, sign), Some("123123"), EXPIRES - 1), "{method}");
            assert!(!ok(&token(method, sign), None, EXPIRES), "{method}");
            assert!(!ok(&token(method, sign), Some("124124"), 0), "{method}");
        }
        let device = "version=2018-10-31&res=products%2F123123%2Fdevices%2F78329710&et=2524579200&method=sha1&sign=0dPRUCQcHIJH0VR8oOkuo69DX4Y%3D";
        assert!(ok(device, Some("123123"), EXPIRES));
        assert!(check(&store, device, Some("123123"), "other", 0).is_err());
    }

    #[test]
    fn everything_else_is_refused() {
        let store = store();
        let good = token("sha1", "lsaPSiiGvEFFjXu5WU7a6IkScqE%3D");
        for bad in [
            String::new(),
            "x".to_owned(),
            good.replace("lsaP", "lsaQ"),
            good.replace("sha1", "md5"),
            good.replace("sha1", "none"),
            good.replace("2018-10-31", "2018-10-30"),
            good.replace("products%2F", "product%2F"),
            good.replace(&EXPIRES.to_string(), "x"),
            format!("{good}&more=1"),
            good.replace("%3D", "%3"),
        ] {
            assert!(check(&store, &bad, None, "78329710", 0).is_err(), "{bad}");
        }
        assert!(check(&store, &good, None, "stranger", 0).is_err());
    }
}
