// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dynamic registration: a device that knows its product's secret asks for its own.

use serde_json::{Value, json};

use super::sign;
use crate::broker::hub::{Refusal, Told};
use crate::data::Store;
use crate::data::model::{Device, DeviceKey};
use crate::{Kind, note};

/// Answers the form of `POST /auth/register/device`.
pub fn answer(store: &Store, form: &str) -> Value {
    let fields: Vec<(String, String)> = form.split('&').filter_map(field).collect();
    let value = |key: &str| fields.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value);
    let refused = |message: &str| json!({ "code": 460, "data": {}, "message": message });
    let key = DeviceKey::new(value("productKey"), value("deviceName"));
    // One answer to everybody who may not register: it tells nobody which devices there are.
    let device = match store.device(&key) {
        Ok(device) => device,
        Err(failure) if failure.kind() == Kind::Broken => {
            note(format_args!("{key}: {failure}"));
            return json!({ "code": 500, "data": {}, "message": "server unavailable" });
        }
        Err(_) => None,
    };
    let product_secret = device.as_ref().and_then(|device| device.product_secret.as_deref());
    let text = format!("deviceName{}productKey{}random{}", key.device, key.product, value("random"));
    // An unknown device's signature is checked too, under another secret: that takes the same time.
    let right = sign::check_text(value("signMethod"), product_secret.unwrap_or("-"), &text, value("sign"));
    match device.filter(|device| right && device.product_secret.is_some()) {
        Some(device) => json!({ "code": 200, "data": secret_of(&device), "message": "success" }),
        None => refused("invalid sign"),
    }
}

/// Answers who signs in over MQTT with `authType=register`: what it is told on `/ext/register`. `None`: another sign-in.
pub fn over_mqtt(
    store: &Store,
    client_id: &str,
    user: &str,
    password: &str,
) -> Option<Result<Told, Refusal>> {
    let (_, parameters) = client_id.split_once('|')?;
    let parameters: Vec<(&str, &str)> =
        parameters.trim_end_matches('|').split(',').filter_map(|pair| pair.split_once('=')).collect();
    let value = |key: &str| parameters.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value);
    (value("authType") == "register").then(|| {
        let (device, product) = user.split_once('&').ok_or("the user name is not device&product")?;
        let key = DeviceKey::new(product, device);
        let known = store.device(&key)?;
        let known = known.ok_or_else(|| format!("{key} is not registered"))?;
        let product_secret =
            known.product_secret.as_deref().ok_or_else(|| format!("{key} has its secret"))?;
        let text = format!("deviceName{device}productKey{product}random{}", value("random"));
        if !sign::check_text(value("signmethod"), product_secret, &text, password) {
            return Err(format!("{key}: the password does not match the product secret").into());
        }
        let payload = secret_of(&known).to_string().into_bytes();
        Ok(Told { topic: "/ext/register", payload })
    })
}

fn secret_of(device: &Device) -> Value {
    json!({
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "deviceSecret": device.device_secret,
    })
}

/// One `name=value`, percent-decoded.
fn field(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    Some((decode(name)?, decode(value)?))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_vector_registers() {
        let store = crate::data::tests::fresh("register");
        let key = DeviceKey::new("a1TestProdK", "dev001");
        store.put_device(&key, "secret", Some("fedcba9876543210")).unwrap();
        let form = "productKey=a1TestProdK&deviceName=dev%3001&random=8Ygb7ULYh53B6OA&sign=1C831DCD3515D2CA630C5259BDFEAA3261A1136C5C3354E514E219F3172451C3&signMethod=hmacsha256";
        let answered = answer(&store, form);
        assert_eq!((&answered["code"], &answered["data"]["deviceSecret"]), (&json!(200), &json!("secret")));
        let id =
            "a1TestProdK.dev001|authType=register,random=8Ygb7ULYh53B6OA,signmethod=hmacsha256,securemode=2|";
        let password = "1C831DCD3515D2CA630C5259BDFEAA3261A1136C5C3354E514E219F3172451C3";
        let told = |id: &str, user: &str, password: &str| over_mqtt(&store, id, user, password);
        let payload = told(id, "dev001&a1TestProdK", password).unwrap().ok().unwrap().payload;
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), answered["data"]);
        for (id, user, password) in
            [(id, "dev002&a1TestProdK", password), (id, "dev001", password), (id, "dev001&a1TestProdK", "00")]
        {
            assert!(told(id, user, password).unwrap().is_err(), "{user}");
        }
        assert!(told("x|signmethod=hmacsha256|", "dev001&a1TestProdK", password).is_none());
        assert!(told("", "", "").is_none());
        for bad in [
            form.replace("1C83", "1C84"),
            form.replace("dev%3001", "dev002"),
            form.replace("&random", "&r"),
            "%".into(),
        ] {
            let refused = json!({ "code": 460, "data": {}, "message": "invalid sign" });
            assert_eq!(answer(&store, &bad), refused, "{bad}");
        }
        // Without a product secret of its own a device cannot register, whatever it signs with.
        store.put_device(&DeviceKey::new("a1TestProdK", "closed"), "secret", None).unwrap();
        let form = form.replace("dev%3001", "closed");
        assert_eq!(answer(&store, &form)["message"], "invalid sign");
    }
}
