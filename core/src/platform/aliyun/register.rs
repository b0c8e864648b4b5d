// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dynamic registration: a device that knows its product's secret asks for its own, over HTTP or over MQTT.

use alloc::string::String;

use super::identity::{Credentials, DEVICE_SECRET_LEN, Device};
use super::json::Fields;
use super::{Refusal, json};
use crate::digest::to_hex;
use crate::mac;

/// Where the form is posted.
pub const PATH: &str = "/auth/register/device";
/// What the reference accepts as an answer.
pub const ACCEPT: &str = "text/xml,text/javascript,text/html,application/json";
/// What the form is.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Where the cloud tells the secret to who signed in with [`sign_in`].
pub const TOPIC: &str = "/ext/register";

/// The form. `random` is any text of letters and digits.
pub fn form(device: &Device, product_secret: &str, random: &str) -> String {
    let Device { product_key, device_name } = device;
    let sign = sign(device, product_secret, random);
    format!(
        "productKey={}&deviceName={}&random={}&sign={sign}&signMethod=hmacsha256",
        encoded(product_key),
        encoded(device_name),
        encoded(random)
    )
}

/// What signs in over MQTT to be told the secret, and for nothing else. `random` as for [`form`].
pub fn sign_in(device: &Device, product_secret: &str, random: &str) -> Credentials {
    let Device { product_key, device_name } = device;
    Credentials {
        // The mode is TLS's in the reference, whatever carries it.
        client_id: format!(
            "{product_key}.{device_name}|authType=register,random={random},signmethod=hmacsha256,securemode=2|"
        ),
        username: format!("{device_name}&{product_key}"),
        password: sign(device, product_secret, random),
    }
}

fn sign(device: &Device, product_secret: &str, random: &str) -> String {
    let Device { product_key, device_name } = device;
    let text = format!("deviceName{device_name}productKey{product_key}random{random}");
    to_hex(&mac::sha256(product_secret.as_bytes(), text.as_bytes())).to_ascii_uppercase()
}

/// The device secret in the answer to the form: the answer must be a success, and about this device where it names one.
pub fn secret(answer: &[u8], device: &Device) -> Result<String, Refusal> {
    let answer = json::object(answer)?;
    if json::number(&answer, "code") != Some(200) {
        return Err(Refusal::NotSuccess);
    }
    secret_in(&json::child(&answer, "data")?, device)
}

/// The device secret that came on [`TOPIC`]; it must be about this device where it names one.
pub fn told_secret(message: &[u8], device: &Device) -> Result<String, Refusal> {
    secret_in(&json::object(message)?, device)
}

fn secret_in(data: &Fields<'_>, device: &Device) -> Result<String, Refusal> {
    for (key, wanted) in [("productKey", &device.product_key), ("deviceName", &device.device_name)] {
        if json::optional(data, key)?.is_some_and(|named| named != *wanted) {
            return Err(Refusal::Key(key));
        }
    }
    let secret = json::text(data, "deviceSecret")?;
    if secret.len() > DEVICE_SECRET_LEN {
        return Err(Refusal::Key("deviceSecret"));
    }
    Ok(secret)
}

/// Percent-encoded for a form; letters, digits and `-._` stand for themselves.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        use core::fmt::Write as _;
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    #[test]
    fn known_form() {
        let device = Device::new("a1TestProdK", "dev001").unwrap();
        assert_eq!(
            form(&device, "fedcba9876543210", "8Ygb7ULYh53B6OA"),
            "productKey=a1TestProdK&deviceName=dev001&random=8Ygb7ULYh53B6OA&sign=1C831DCD3515D2CA630C5259BDFEAA3261A1136C5C3354E514E219F3172451C3&signMethod=hmacsha256"
        );
        let odd = Device::new("p", "a:b&c=d@e").unwrap();
        assert!(form(&odd, "s", "r").starts_with("productKey=p&deviceName=a%3Ab%26c%3Dd%40e&"));
    }

    #[test]
    fn known_sign_in() {
        let device = Device::new("a1TestProdK", "dev001").unwrap();
        let signed = sign_in(&device, "fedcba9876543210", "8Ygb7ULYh53B6OA");
        assert_eq!(
            signed.client_id,
            "a1TestProdK.dev001|authType=register,random=8Ygb7ULYh53B6OA,signmethod=hmacsha256,securemode=2|"
        );
        assert_eq!(signed.username, "dev001&a1TestProdK");
        assert_eq!(signed.password, "1C831DCD3515D2CA630C5259BDFEAA3261A1136C5C3354E514E219F3172451C3");
        let told = br#"{"deviceSecret":"s","productKey":"a1TestProdK","deviceName":"dev001"}"#;
        assert_eq!(told_secret(told, &device).as_deref(), Ok("s"));
        assert_eq!(
            told_secret(br#"{"deviceSecret":"s","deviceName":"x"}"#, &device),
            Err(Refusal::Key("deviceName"))
        );
        assert_eq!(told_secret(b"{}", &device), Err(Refusal::Key("deviceSecret")));
    }

    #[test]
    fn answers() {
        let device = Device::new("p", "d").unwrap();
        let good = r#"{"code":200,"data":{"productKey":"p","deviceName":"d","deviceSecret":"s"},"message":"success"}"#;
        assert_eq!(secret(good.as_bytes(), &device).as_deref(), Ok("s"));
        for same in [
            good.replace("200", r#""200""#),
            good.replace("200", "200.0"),
            good.replace(r#""p""#, "null"),
            good.replace(r#""d""#, r#""""#),
            format!("\u{feff}{good}"),
        ] {
            assert_eq!(secret(same.as_bytes(), &device).as_deref(), Ok("s"), "{same}");
        }
        for (bad, refusal) in [
            (good.replace("200", "6288"), Refusal::NotSuccess),
            (good.replace("200", "2001"), Refusal::NotSuccess),
            (good.replace(r#""d""#, r#""e""#), Refusal::Key("deviceName")),
            (good.replace(r#""s""#, r#""""#), Refusal::Key("deviceSecret")),
            (good.replace(r#""s""#, &format!("\"{}\"", "s".repeat(65))), Refusal::Key("deviceSecret")),
            ("<html>".to_owned(), Refusal::NotJson),
        ] {
            assert_eq!(secret(bad.as_bytes(), &device), Err(refusal), "{bad}");
        }
    }
}
