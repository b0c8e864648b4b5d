// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gateways and their sub-devices: registration, topology, sessions.

use serde_json::{Value, json};

use super::{Gateway, sign, wire};
use crate::data::Store;
use crate::data::model::{Device, DeviceKey};
use crate::{Failure, note};

/// A part of the message cannot be used.
const PARAMETER: Refusal = Refusal(460, "request parameter error");
/// No such device.
const UNKNOWN: Refusal = Refusal(6100, "device not found");
/// The sub-device may not be registered.
const REGISTRATION: Refusal = Refusal(6288, "dynamic registration is not allowed");
/// The signature is not the device's.
const SIGN: Refusal = Refusal(6287, "invalid sign");
/// The sub-device does not belong to the gateway.
const TOPOLOGY: Refusal = Refusal(6401, "topo relation not exist");

/// Why a message is refused: a code and its words.
struct Refusal(u32, &'static str);

/// The database does not answer.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        note(failure);
        Self(500, "internal error")
    }
}

/// Carries out one message of a gateway; the answer.
pub fn handle(store: &Store, gateway: &DeviceKey, what: Gateway, message: &Value) -> Vec<u8> {
    let params = message.get("params").unwrap_or(&Value::Null);
    let outcome = match what {
        Gateway::Register => each(params, |item| register(store, gateway, item)),
        Gateway::Unregister => each(params, |item| member(store, gateway, item).map(|device| names(&device))),
        Gateway::TopoAdd => each(params, |item| topo_add(store, gateway, item)),
        Gateway::TopoDelete => each(params, |item| topo_delete(store, gateway, item)),
        Gateway::TopoGet => topology(store, gateway),
        Gateway::Login => login(store, gateway, params),
        Gateway::Logout => logout(store, gateway, params),
    };
    match outcome {
        Ok(data) => wire::reply(message, 200, &data, "success"),
        Err(Refusal(code, text)) => {
            note(format_args!("{gateway}: {what:?} refused: {text}"));
            let data = if matches!(what, Gateway::Login | Gateway::Logout) { json!({}) } else { json!([]) };
            wire::reply(message, code, &data, text)
        }
    }
}

fn each(params: &Value, one: impl FnMut(&Value) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
    let items = params.as_array().filter(|items| !items.is_empty()).ok_or(PARAMETER)?;
    items.iter().map(one).collect::<Result<Vec<Value>, Refusal>>().map(Value::Array)
}

fn key(item: &Value) -> Result<DeviceKey, Refusal> {
    let text = |key| item.get(key).and_then(Value::as_str);
    let (Some(product), Some(device)) = (text("productKey"), text("deviceName")) else {
        return Err(PARAMETER);
    };
    Ok(DeviceKey::new(product, device))
}

fn sub(store: &Store, item: &Value) -> Result<Device, Refusal> {
    store.device(&key(item)?)?.ok_or(UNKNOWN)
}

fn names(device: &Device) -> Value {
    json!({ "productKey": device.product_key, "deviceName": device.device_name })
}

/// Tells a gateway the secret of a sub-device: where registration is on for that device (it has a product secret), no other
/// gateway has it, and it has never been on line by itself.
fn register(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Value, Refusal> {
    let device = sub(store, item)?;
    let free = device.gateway.as_ref().is_none_or(|owner| *owner == gateway.to_string());
    let why = if device.product_secret.is_none() {
        "`device add --ps` allows it"
    } else if !free {
        "it has another gateway"
    } else if device.signed_in || device.key() == *gateway {
        "it has been on line by itself"
    } else {
        return Ok(with_secret(&device));
    };
    note(format_args!("{gateway}: {} may not be registered by a gateway: {why}", device.key()));
    Err(REGISTRATION)
}

fn with_secret(device: &Device) -> Value {
    json!({
        "iotId": format!("iot-{}", device.key()),
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "deviceSecret": device.device_secret,
    })
}

fn signed(store: &Store, item: &Value) -> Result<Device, Refusal> {
    let device = sub(store, item)?;
    if sign::check_item(item, &device) { Ok(device) } else { Err(SIGN) }
}

fn topo_add(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Value, Refusal> {
    let device = signed(store, item)?;
    store.set_gateway(&device.key(), Some(gateway))?;
    note(format_args!("{} joins {gateway}", device.key()));
    Ok(names(&device))
}

fn topo_delete(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Value, Refusal> {
    let device = member(store, gateway, item)?;
    store.set_gateway(&device.key(), None)?;
    store.set_login(gateway, &device.key(), false);
    Ok(names(&device))
}

/// Forgets a device's place in topologies: a sub-device leaves its gateway, a gateway loses its sub-devices.
pub fn reset(store: &Store, key: &DeviceKey) -> Result<(), Failure> {
    for device in store.device(key)?.into_iter().chain(store.members(key)?) {
        if let Some((product, gateway)) =
            device.gateway.as_deref().and_then(|gateway| gateway.split_once('/'))
        {
            store.set_login(&DeviceKey::new(product, gateway), &device.key(), false);
            store.set_gateway(&device.key(), None)?;
        }
    }
    note(format_args!("{key} is reset"));
    Ok(())
}

fn topology(store: &Store, gateway: &DeviceKey) -> Result<Value, Refusal> {
    Ok(Value::Array(store.members(gateway)?.iter().map(names).collect()))
}

fn member(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Device, Refusal> {
    let device = sub(store, item)?;
    let belongs = device.gateway.as_deref() == Some(gateway.to_string().as_str());
    if belongs { Ok(device) } else { Err(TOPOLOGY) }
}

fn login(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Value, Refusal> {
    let device = member(store, gateway, item)?;
    signed(store, item)?;
    store.set_login(gateway, &device.key(), true);
    note(format_args!("{} is on line through {gateway}", device.key()));
    Ok(names(&device))
}

fn logout(store: &Store, gateway: &DeviceKey, item: &Value) -> Result<Value, Refusal> {
    let device = member(store, gateway, item)?;
    store.set_login(gateway, &device.key(), false);
    Ok(names(&device))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn store(name: &str) -> Store {
        let store = crate::data::tests::fresh(name);
        for name in ["gw", "dev001"] {
            store.put_device(&DeviceKey::new("a1TestProdK", name), SECRET, Some("product")).unwrap();
        }
        store
    }

    fn ask(store: &Store, what: Gateway, params: Value) -> Value {
        let gateway = DeviceKey::new("a1TestProdK", "gw");
        let message = json!({ "id": "5", "params": params, "method": "m" });
        serde_json::from_slice(&handle(store, &gateway, what, &message)).unwrap()
    }

    fn joining(sign: &str) -> Value {
        json!([{ "productKey": "a1TestProdK", "deviceName": "dev001", "signmethod": "hmacSha1", "sign": sign,
                 "timestamp": "123456", "clientId": "a1TestProdK.dev001" }])
    }

    fn name() -> Value {
        json!([{ "productKey": "a1TestProdK", "deviceName": "dev001" }])
    }

    fn key(name: &str) -> DeviceKey {
        DeviceKey::new("a1TestProdK", name)
    }

    /// Signed by the known vectors.
    fn login() -> Value {
        json!({ "productKey": "a1TestProdK", "deviceName": "dev001", "signMethod": "hmacSha1",
            "clientId": "a1TestProdK.dev001|_v=sdk-c-3.0.1|", "timestamp": "123456", "cleanSession": "true",
            "sign": "4216011d7ed284a17d28d09ebe09bd337448bfb7" })
    }

    const SIGN: &str = "bc568c8f26607695e31ed68283e06639829618f7";

    #[test]
    fn a_sub_device_joins_and_leaves() {
        let store = store("topology");
        let answer = ask(&store, Gateway::Register, name());
        assert_eq!((&answer["code"], &answer["id"]), (&json!(200), &json!("5")));
        assert_eq!(answer["data"][0]["deviceSecret"], SECRET);
        assert_eq!(ask(&store, Gateway::TopoAdd, joining(&SIGN.replace('b', "c")))["code"], 6287);
        assert_eq!(ask(&store, Gateway::TopoAdd, joining(SIGN))["code"], 200);
        assert_eq!(ask(&store, Gateway::TopoGet, json!({}))["data"], name());
        assert_eq!(ask(&store, Gateway::TopoDelete, name())["code"], 200);
        assert_eq!(ask(&store, Gateway::TopoDelete, name())["code"], 6401);
        assert_eq!(ask(&store, Gateway::TopoGet, json!({}))["data"], json!([]));
    }

    #[test]
    fn a_sub_device_is_on_line_through_its_gateway() {
        let store = store("session");
        assert_eq!(ask(&store, Gateway::Login, login())["code"], 6401);
        ask(&store, Gateway::TopoAdd, joining(SIGN));
        assert_eq!(ask(&store, Gateway::Login, login())["data"], name()[0]);
        assert!(!store.is_online(&key("dev001")), "its gateway is not");
        store.count_connection(&key("gw"), true);
        assert!(store.is_online(&key("dev001")));
        assert_eq!(ask(&store, Gateway::Logout, name()[0].clone())["code"], 200);
        assert!(!store.is_online(&key("dev001")));
    }

    #[test]
    fn secrets_are_told_where_registration_is_on() {
        let store = store("secrets");
        store.put_device(&key("closed"), SECRET, None).unwrap();
        let closed = json!([{ "productKey": "a1TestProdK", "deviceName": "closed" }]);
        let answer = ask(&store, Gateway::Register, closed);
        assert_eq!((&answer["code"], &answer["data"]), (&json!(6288), &json!([])));
        store.put_device(&key("other"), SECRET, None).unwrap();
        store.set_gateway(&key("dev001"), Some(&key("other"))).unwrap();
        assert_eq!(ask(&store, Gateway::Register, name())["code"], 6288, "another gateway has it");
        assert_eq!(ask(&store, Gateway::Unregister, name())["code"], 6401);
        for own in [None, Some(key("gw"))] {
            store.set_gateway(&key("dev001"), own.as_ref()).unwrap();
            assert_eq!(ask(&store, Gateway::Register, name())["code"], 200);
        }
        store.note_sign_in(&key("dev001")).unwrap();
        for own in [None, Some(key("gw"))] {
            store.set_gateway(&key("dev001"), own.as_ref()).unwrap();
            assert_eq!(ask(&store, Gateway::Register, name())["code"], 6288, "it was on line by itself");
        }
    }

    #[test]
    fn refusals() {
        let store = store("refusals");
        for params in [json!({}), json!([]), json!([{}]), json!(null)] {
            assert_eq!(ask(&store, Gateway::Register, params)["code"], 460);
        }
        let stranger = json!([{ "productKey": "a1TestProdK", "deviceName": "nobody" }]);
        assert_eq!(ask(&store, Gateway::Register, stranger)["code"], 6100);
    }
}
