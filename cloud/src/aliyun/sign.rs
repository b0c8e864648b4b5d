// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sign-in of a device: client id, user name and a keyed digest as password.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

use crate::broker::hub::Refusal;
use crate::data::model::{Device, DeviceKey};
use crate::data::{Store, import};

/// The parts of a client id `{id}|key=value,...|`.
#[derive(Debug, PartialEq, Eq)]
struct ClientId<'a> {
    id: &'a str,
    sign_method: &'a str,
    timestamp: Option<&'a str>,
}

fn parse_client_id(text: &str) -> Option<ClientId<'_>> {
    let (id, rest) = text.split_once('|')?;
    let parameters = rest.strip_suffix('|')?;
    let mut parsed = ClientId { id, sign_method: "hmacmd5", timestamp: None };
    for (key, value) in parameters.split(',').filter_map(|pair| pair.split_once('=')) {
        match key {
            "signmethod" => parsed.sign_method = value,
            "timestamp" => parsed.timestamp = Some(value),
            _ => {}
        }
    }
    Some(parsed)
}

/// Checks a sign-in. `Ok` names the device; `Err` says for the log what was wrong, without secrets.
///
/// The signed text is `clientId{id}deviceName{dn}productKey{pk}`, followed by `timestamp{t}` when the
/// client id carries one. The id part is free on the real platform; so it is here.
pub fn check(store: &Store, client_id: &str, user: &str, password: &str) -> Result<DeviceKey, Refusal> {
    let client = parse_client_id(client_id).ok_or("the client id has no |...| part")?;
    let (device, product) = user.split_once('&').ok_or("the user name is not device&product")?;
    let key = DeviceKey::new(product, device);
    let known = store.device(&key)?;
    let known = known.ok_or_else(|| format!("{key} is not registered"))?;
    let text = signed_text(&client, &key);
    if check_text(client.sign_method, &known.device_secret, &text, password) {
        Ok(key)
    } else {
        Err(format!("{key}: the password does not match the device secret by {:?}", client.sign_method)
            .into())
    }
}

/// Whether `given`, in hex, signs `text` under `secret`. The method's name is read in any case.
pub fn check_text(method: &str, secret: &str, text: &str, given: &str) -> bool {
    let (secret, Some(given)) = (secret.as_bytes(), import::unhex(given)) else {
        return false;
    };
    match method.to_ascii_lowercase().as_str() {
        "hmacsha256" => verify::<Hmac<Sha256>>(secret, text, &given),
        "hmacsha1" => verify::<Hmac<Sha1>>(secret, text, &given),
        "hmacmd5" => verify::<Hmac<Md5>>(secret, text, &given),
        _ => false,
    }
}

/// Checks the signature of a sub-device in a gateway's message.
pub fn check_item(item: &Value, device: &Device) -> bool {
    let value = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    // Joining spells the key in lower case, going on line does not.
    let method = item.get("signmethod").or_else(|| item.get("signMethod")).and_then(Value::as_str);
    let client = ClientId { id: value("clientId"), sign_method: "", timestamp: Some(value("timestamp")) };
    let text = signed_text(&client, &device.key());
    method.is_some_and(|method| check_text(method, &device.device_secret, &text, value("sign")))
}

fn signed_text(client: &ClientId<'_>, key: &DeviceKey) -> String {
    let mut text = format!("clientId{}deviceName{}productKey{}", client.id, key.device, key.product);
    if let Some(timestamp) = client.timestamp {
        text.push_str("timestamp");
        text.push_str(timestamp);
    }
    text
}

/// Compares in constant time.
fn verify<M: Mac + KeyInit>(secret: &[u8], text: &str, given: &[u8]) -> bool {
    // An HMAC key may have any length.
    <M as KeyInit>::new_from_slice(secret)
        .is_ok_and(|mac| mac.chain_update(text.as_bytes()).verify_slice(given).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = crate::data::tests::fresh("sign");
        for (pk, dn, ds) in [
            ("a1RIsMLz2BJ", "example1", "RDXf67itLqZCwdMCRrw0N5FHbv5D7jrE"),
            ("a1TestProdK", "dev001", "0123456789abcdef0123456789abcdef"),
        ] {
            store.put_device(&DeviceKey::new(pk, dn), ds, None).unwrap();
        }
        store
    }

    const ID: &str = "a1RIsMLz2BJ.example1|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,\
                      signmethod=hmacsha256,lan=C,gw=0,ext=0|";
    const PASSWORD: &str = "962B1892E19A9BB0F740F6F5AC0769674D52F4AE30D138572C00CA2E56D8EFB6";

    #[test]
    fn known_vectors_pass_in_either_case() {
        let store = store();
        let user = "example1&a1RIsMLz2BJ";
        assert!(check(&store, ID, user, PASSWORD).is_ok());
        assert!(check(&store, ID, user, &PASSWORD.to_lowercase()).is_ok());
        let id = "a1TestProdK.dev001|timestamp=2524608000000,signmethod=hmacsha256|";
        let password = "94F4B8190D6271EF09A866E4BD9B03AB768B2C69E4A14621FE803672DD8B1AEF";
        assert_eq!(
            check(&store, id, "dev001&a1TestProdK", password),
            Ok(DeviceKey::new("a1TestProdK", "dev001"))
        );
    }

    #[test]
    fn other_methods() {
        // Computed with openssl dgst -hmac over clientIdxdeviceNamedev001productKeya1TestProdK.
        let store = store();
        let user = "dev001&a1TestProdK";
        let sha1 = "d31a1d584472576cf3de1d94594e12a87ed985d8";
        let md5 = "11558fef55b16dbeb990c12e9948d940";
        assert!(check(&store, "x|signmethod=hmacsha1|", user, sha1).is_ok());
        assert!(check(&store, "x|signmethod=hmacmd5|", user, md5).is_ok());
        assert!(check(&store, "x|signmethod=hmacsha256|", user, md5).is_err());
        assert!(check(&store, "x|signmethod=none|", user, md5).is_err());
    }

    #[test]
    fn everything_else_is_refused() {
        let store = store();
        let user = "example1&a1RIsMLz2BJ";
        let mut wrong = PASSWORD.to_owned();
        wrong.replace_range(0..1, "8");
        let other_time = ID.replace("2524608000000", "1");
        let shorter = PASSWORD.get(..62).unwrap();
        for (id, user, password) in [
            (ID, user, wrong.as_str()),
            (ID, user, ""),
            (ID, user, shorter),
            (ID, user, "zz"),
            (ID, user, "É"),
            (ID, "example2&a1RIsMLz2BJ", PASSWORD),
            (ID, "example1", PASSWORD),
            (ID, "", PASSWORD),
            (other_time.as_str(), user, PASSWORD),
            ("a1RIsMLz2BJ.example1", user, PASSWORD),
            ("", user, PASSWORD),
        ] {
            assert!(check(&store, id, user, password).is_err(), "{id} {user} {password}");
        }
    }
}
