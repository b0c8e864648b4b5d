// SPDX-License-Identifier: MIT OR Apache-2.0
//! A gateway speaking for its sub-devices: registration, topology, sessions.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use crate::digest::to_hex;
use crate::mac;
use crate::platform::aliyun::identity::Device;
use crate::platform::aliyun::json::quote;

/// Signs for a sub-device: lower-case hex of HMAC-SHA1 under its secret.
fn sign(client_id: &str, device: &Device, secret: &str, timestamp: u64) -> String {
    let text = format!(
        "clientId{client_id}deviceName{}productKey{}timestamp{timestamp}",
        device.device_name, device.product_key
    );
    to_hex(&mac::sha1(secret.as_bytes(), text.as_bytes()))
}

/// A sub-device by its names, as registration, leaving and logout send it.
pub fn names(device: &Device) -> String {
    format!(r#"{{"productKey":{},"deviceName":{}}}"#, quote(&device.product_key), quote(&device.device_name))
}

/// The same, in a list.
pub fn list_of_names(device: &Device) -> String {
    format!("[{}]", names(device))
}

/// A sub-device that joins the gateway's topology. `timestamp` in ms; any that grows.
pub fn topo_add(device: &Device, secret: &str, timestamp: u64) -> String {
    let client_id = format!("{}.{}", device.product_key, device.device_name);
    format!(
        r#"[{{"productKey":{},"deviceName":{},"signmethod":"hmacSha1","sign":"{}","timestamp":"{timestamp}","clientId":{}}}]"#,
        quote(&device.product_key),
        quote(&device.device_name),
        sign(&client_id, device, secret, timestamp),
        quote(&client_id)
    )
}

/// A sub-device that goes on line.
pub fn login(device: &Device, secret: &str, timestamp: u64) -> String {
    let client_id = format!("{}.{}|_v=sdk-c-3.0.1|", device.product_key, device.device_name);
    format!(
        r#"{{"productKey":{},"deviceName":{},"clientId":{},"timestamp":"{timestamp}","signMethod":"hmacSha1","sign":"{}","cleanSession":"true"}}"#,
        quote(&device.product_key),
        quote(&device.device_name),
        quote(&client_id),
        sign(&client_id, device, secret, timestamp)
    )
}

/// The devices that a message lists by `productKey` and `deviceName`; `None` when it is no list or an item is not one.
pub fn devices(params: &str) -> Option<Vec<Device>> {
    let Ok(Value::Array(items)) = serde_json::from_str(params) else { return None };
    items.iter().map(device).collect()
}

/// The device that an object names.
pub fn device(item: &Value) -> Option<Device> {
    Device::new(item.get("productKey")?.as_str()?, item.get("deviceName")?.as_str()?)
}

/// The secret that a registration's answer holds for `wanted`.
pub fn secret_of(data: &str, wanted: &Device) -> Option<String> {
    let Ok(Value::Array(items)) = serde_json::from_str(data) else { return None };
    let item = items.iter().find(|item| device(item).as_ref() == Some(wanted))?;
    item.get("deviceSecret")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signs() {
        let device = Device::new("a1TestProdK", "dev001").unwrap();
        let secret = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            topo_add(&device, secret, 123_456),
            r#"[{"productKey":"a1TestProdK","deviceName":"dev001","signmethod":"hmacSha1","sign":"bc568c8f26607695e31ed68283e06639829618f7","timestamp":"123456","clientId":"a1TestProdK.dev001"}]"#
        );
        assert_eq!(
            login(&device, secret, 123_456),
            r#"{"productKey":"a1TestProdK","deviceName":"dev001","clientId":"a1TestProdK.dev001|_v=sdk-c-3.0.1|","timestamp":"123456","signMethod":"hmacSha1","sign":"4216011d7ed284a17d28d09ebe09bd337448bfb7","cleanSession":"true"}"#
        );
        assert_eq!(list_of_names(&device), r#"[{"productKey":"a1TestProdK","deviceName":"dev001"}]"#);
    }

    #[test]
    fn lists() {
        let device = Device::new("p", "d").unwrap();
        let list = r#"[{"productKey":"p","deviceName":"d","deviceSecret":"s","iotId":"i"}]"#;
        assert_eq!(devices(list), Some(vec![device.clone()]));
        assert_eq!(secret_of(list, &device).as_deref(), Some("s"));
        assert_eq!(secret_of(list, &Device::new("p", "e").unwrap()), None);
        assert_eq!(devices("[]"), Some(Vec::new()));
        for bad in ["{}", r#"[{"productKey":"p"}]"#, r#"[{"productKey":"p","deviceName":"a/b"}]"#, "x"] {
            assert_eq!(devices(bad), None, "{bad}");
        }
        assert_eq!(secret_of("{}", &device), None);
    }
}
