// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who a device is, and how it signs in over MQTT.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::digest::to_hex;
use crate::mac;

/// Longest product key in characters.
pub const PRODUCT_KEY_LEN: usize = 20;
/// Longest device name in characters.
pub const DEVICE_NAME_LEN: usize = 32;
/// Longest device secret in characters.
pub const DEVICE_SECRET_LEN: usize = 64;

/// A device, as topics name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// The product's key.
    pub product_key: String,
    /// The device's name within the product.
    pub device_name: String,
}

impl Device {
    /// `None` when a part is empty, too long, or would not stay one level of a topic.
    pub fn new(product_key: &str, device_name: &str) -> Option<Self> {
        let fits = |text: &str, limit| {
            (1..=limit).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_graphic() && !b"/+#".contains(&b))
        };
        (fits(product_key, PRODUCT_KEY_LEN) && fits(device_name, DEVICE_NAME_LEN))
            .then(|| Self { product_key: product_key.to_owned(), device_name: device_name.to_owned() })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product_key, self.device_name)
    }
}

/// How the connection is secured, as the client id tells the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecureMode {
    /// TLS straight to the broker: 2.
    Tls,
    /// Plain TCP: 3.
    Tcp,
}

impl SecureMode {
    fn number(self) -> i32 {
        match self {
            Self::Tls => 2,
            Self::Tcp => 3,
        }
    }

    /// The broker's port: 443 for TLS, 1883 for TCP.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 443,
            Self::Tcp => 1883,
        }
    }
}

/// Where the cloud is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Region {
    /// cn-shanghai, the default.
    #[default]
    Shanghai,
    /// ap-southeast-1.
    Singapore,
    /// ap-northeast-1.
    Japan,
    /// us-west-1.
    UsWest,
    /// eu-central-1.
    Germany,
    /// A host of the user's own, used as it stands; `None` until it is set.
    Custom(Option<String>),
}

impl Region {
    /// The broker's host for a product. `None` for a custom region without a host.
    pub fn mqtt_host(&self, product_key: &str) -> Option<String> {
        match self {
            Self::Custom(host) => host.clone(),
            _ => Some(format!("{product_key}.iot-as-mqtt.{}.aliyuncs.com", self.name()?)),
        }
    }

    /// The host that registers devices. `None` for a custom region, which has none of its own.
    pub fn auth_host(&self) -> Option<String> {
        Some(format!("iot-auth.{}.aliyuncs.com", self.name()?))
    }

    fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Shanghai => "cn-shanghai",
            Self::Singapore => "ap-southeast-1",
            Self::Japan => "ap-northeast-1",
            Self::UsWest => "us-west-1",
            Self::Germany => "eu-central-1",
            Self::Custom(_) => return None,
        })
    }
}

/// What a sign-in sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// MQTT client id.
    pub client_id: String,
    /// MQTT user name.
    pub username: String,
    /// MQTT password.
    pub password: String,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &crate::Hidden)
            .finish()
    }
}

/// The time stamp that the reference signs with: a constant far in the future, as devices need not know the time.
const TIMESTAMP: &str = "2524608000000";

/// Signs in. `extra` is appended to the client id's key list when not empty.
pub fn credentials(device: &Device, secret: &str, mode: SecureMode, extra: &str) -> Credentials {
    let Device { product_key, device_name } = device;
    let id = format!("{product_key}.{device_name}");
    let source = format!("clientId{id}deviceName{device_name}productKey{product_key}timestamp{TIMESTAMP}");
    let mode = mode.number();
    let extra = if extra.is_empty() { String::new() } else { format!(",{extra}") };
    Credentials {
        client_id: format!(
            "{id}|timestamp={TIMESTAMP},_v=sdk-c-3.0.1,securemode={mode},signmethod=hmacsha256,lan=C,gw=0,ext=0{extra}|"
        ),
        username: format!("{device_name}&{product_key}"),
        password: to_hex(&mac::sha256(secret.as_bytes(), source.as_bytes())).to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_is_shown_of_credentials_holds_no_password() {
        let signed = Credentials { client_id: "c".into(), username: "u".into(), password: "s3cret".into() };
        assert_eq!(format!("{signed:?}"), r#"Credentials { client_id: "c", username: "u", password: *** }"#);
    }

    #[test]
    fn observed_sign_ins() {
        let device = Device::new("a1RIsMLz2BJ", "example1").unwrap();
        let tcp = credentials(&device, "RDXf67itLqZCwdMCRrw0N5FHbv5D7jrE", SecureMode::Tcp, "");
        assert_eq!(
            tcp.client_id,
            "a1RIsMLz2BJ.example1|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,signmethod=hmacsha256,lan=C,gw=0,ext=0|"
        );
        assert_eq!(tcp.username, "example1&a1RIsMLz2BJ");
        assert_eq!(tcp.password, "962B1892E19A9BB0F740F6F5AC0769674D52F4AE30D138572C00CA2E56D8EFB6");
        let unset = credentials(&device, "", SecureMode::Tcp, "");
        assert_eq!(unset.password, "9DE05C2244FF5EA5ABA47F0F5ABFA8C78A59BBE35BCCEF24F87B00A4291C5D40");

        let device = Device::new("a1TestProdK", "dev001").unwrap();
        let tls = credentials(&device, "0123456789abcdef0123456789abcdef", SecureMode::Tls, "k=v");
        assert!(tls.client_id.ends_with("securemode=2,signmethod=hmacsha256,lan=C,gw=0,ext=0,k=v|"));
        assert_eq!(tls.password, "94F4B8190D6271EF09A866E4BD9B03AB768B2C69E4A14621FE803672DD8B1AEF");
        let host = Region::Shanghai.mqtt_host("a1TestProdK").unwrap();
        assert_eq!(host, "a1TestProdK.iot-as-mqtt.cn-shanghai.aliyuncs.com");
        assert_eq!(Region::Custom(None).mqtt_host("x"), None);
        assert_eq!(Region::Japan.auth_host().as_deref(), Some("iot-auth.ap-northeast-1.aliyuncs.com"));
        assert_eq!(Region::Custom(Some("h".to_owned())).auth_host(), None);
        assert_eq!((SecureMode::Tls.port(), SecureMode::Tcp.port()), (443, 1883));
    }

    #[test]
    fn each_region_has_hosts_of_its_own() {
        let regions = [Region::Shanghai, Region::Singapore, Region::Japan, Region::UsWest, Region::Germany];
        let hosts: std::collections::HashSet<_> = regions
            .iter()
            .flat_map(|region| [region.mqtt_host("pk").unwrap(), region.auth_host().unwrap()])
            .collect();
        assert_eq!(hosts.len(), 2 * regions.len());
        let device = Device::new("pk", "d").unwrap();
        assert_eq!(device.to_string(), "pk/d");
    }

    #[test]
    fn parts_must_fit_a_topic() {
        let long = "x".repeat(33);
        for (pk, dn) in [
            ("", "d"),
            ("p", ""),
            (&long[..21], "d"),
            ("p", &long),
            ("p/q", "d"),
            ("p", "+"),
            ("p", "#"),
            ("p q", "d"),
        ] {
            assert_eq!(Device::new(pk, dn), None, "{pk} {dn}");
        }
        assert!(Device::new(&long[..20], &long[..32]).is_some());
    }
}
