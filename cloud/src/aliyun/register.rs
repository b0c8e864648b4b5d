// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dynamic registration: a device that knows its product's secret asks for its own.

use serde_json::{Value, json};

use super::sign;
use crate::data::Store;
use crate::data::model::DeviceKey;

/// Answers the form of `POST /auth/register/device`.
pub fn answer(store: &Store, form: &str) -> Value {
    let fields: Vec<(String, String)> = form.split('&').filter_map(field).collect();
    let value = |key: &str| fields.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value);
    let refused = |message: &str| json!({ "code": 460, "data": {}, "message": message });
    let key = DeviceKey::new(value("productKey"), value("deviceName"));
    let Some(device) = store.device(&key) else { return refused("device not found") };
    let Some(product_secret) = &device.product_secret else { return refused("no dynamic registration") };
    let text = format!("deviceName{}productKey{}random{}", key.device, key.product, value("random"));
    if !sign::check_text(value("signMethod"), product_secret, &text, value("sign")) {
        return refused("invalid sign");
    }
    let data = json!({
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "deviceSecret": device.device_secret,
    });
    json!({ "code": 200, "data": data, "message": "success" })
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
    use crate::data::files::Layout;

    #[test]
    fn the_known_vector_registers() {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-register-{}", std::process::id()));
        let store = Store::open(Layout::new(dir)).unwrap();
        let key = DeviceKey::new("a1TestProdK", "dev001");
        store.put_device(&key, "secret", Some("fedcba9876543210")).unwrap();
        let form = "productKey=a1TestProdK&deviceName=dev%3001&random=8Ygb7ULYh53B6OA&sign=1C831DCD3515D2CA630C5259BDFEAA3261A1136C5C3354E514E219F3172451C3&signMethod=hmacsha256";
        let answered = answer(&store, form);
        assert_eq!((&answered["code"], &answered["data"]["deviceSecret"]), (&json!(200), &json!("secret")));
        for bad in [
            form.replace("1C83", "1C84"),
            form.replace("dev%3001", "dev002"),
            form.replace("&random", "&r"),
            "%".into(),
        ] {
            assert_eq!(answer(&store, &bad)["code"], 460, "{bad}");
        }
    }
}
