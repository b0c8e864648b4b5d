// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `Authorization` of requests: an HMAC over expiry, method, resource and version, under the access key.

use alloc::string::String;
use alloc::vec::Vec;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::mac;

/// The version that the platform's SDK signs with.
pub const VERSION: &str = "2018-10-31";
/// When tokens made by the SDK expire: 2050-01-01, as devices need not know the time.
pub const FAR_EXPIRY: u32 = 2_524_579_200;

/// How a token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1, the SDK's own choice.
    #[default]
    Sha1,
    /// HMAC-SHA256.
    Sha256,
}

impl Method {
    /// As it stands in the token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    fn sign(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => mac::md5(key, text),
            Self::Sha1 => mac::sha1(key, text),
            Self::Sha256 => mac::sha256(key, text),
        }
    }
}

/// What a token is for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Version of the algorithm, [`VERSION`] unless the platform wants another.
    pub version: &'a str,
    /// What it gives access to: see [`resource`].
    pub resource: &'a str,
    /// When it ends, in seconds since 1970.
    pub expiry: u32,
    /// How it is signed.
    pub method: Method,
}

/// The resource of a product, or of one of its devices.
pub fn resource(product_id: &str, device: Option<&str>) -> String {
    match device {
        Some(device) => format!("products/{product_id}/devices/{device}"),
        None => format!("products/{product_id}"),
    }
}

impl Token<'_> {
    /// The token, signed with the access key (base64). `None` for a key that is not base64.
    pub fn sign(&self, access_key: &str) -> Option<String> {
        let Self { version, resource, expiry, method } = self;
        let key = BASE64_STANDARD.decode(access_key).ok().filter(|key| !key.is_empty())?;
        let name = method.name();
        let signature = method.sign(&key, format!("{expiry}\n{name}\n{resource}\n{version}").as_bytes());
        Some(format!(
            "version={}&res={}&et={expiry}&method={name}&sign={}",
            escaped(version),
            escaped(resource),
            escaped(&BASE64_STANDARD.encode(&signature))
        ))
    }
}

/// Escapes the characters that the platform wants escaped, and no others.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len() + 16), |mut out, c| {
        match c {
            '+' => out.push_str("%2B"),
            ' ' => out.push_str("%20"),
            '/' => out.push_str("%2F"),
            '?' => out.push_str("%3F"),
            '%' => out.push_str("%25"),
            '#' => out.push_str("%23"),
            '&' => out.push_str("%26"),
            '=' => out.push_str("%3D"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "KuF3NT/jUBJ62LNBB/A8XZA9CqS3Cu79B/ABmfA1UCw=";

    fn signed(method: Method, resource: &str, expiry: u32) -> String {
        Token { version: VERSION, resource, expiry, method }.sign(KEY).unwrap()
    }

    #[test]
    fn known_answers() {
        let product = resource("123123", None);
        let device = resource("123123", Some("78329710"));
        let cases = [
            (Method::Sha1, &product, 1_537_255_523, "lsaPSiiGvEFFjXu5WU7a6IkScqE%3D"),
            (Method::Md5, &product, 1_537_255_523, "M3jB6jcSNUuGcvW3dFcrWA%3D%3D"),
            (Method::Sha256, &product, 1_537_255_523, "tuFMd8Cc5krZO%2BRiNaW4mad5tauSFq2J89Gd70MXQPI%3D"),
            (Method::Sha1, &device, FAR_EXPIRY, "0dPRUCQcHIJH0VR8oOkuo69DX4Y%3D"),
        ];
        for (method, resource, expiry, sign) in cases {
            let token = signed(method, resource, expiry);
            assert_eq!(token.rsplit_once("&sign=").unwrap().1, sign, "{method:?}");
        }
        assert_eq!(
            signed(Method::Sha1, &product, 1_537_255_523),
            "version=2018-10-31&res=products%2F123123&et=1537255523&method=sha1&sign=lsaPSiiGvEFFjXu5WU7a6IkScqE%3D"
        );
    }

    #[test]
    fn keys_are_base64_and_everything_reserved_is_escaped() {
        let token = Token { version: VERSION, resource: "r", expiry: 1, method: Method::Md5 };
        for bad in ["", "not base64!", "KuF3NT/jUBJ62LNBB"] {
            assert_eq!(token.sign(bad), None, "{bad}");
        }
        assert_eq!(escaped("+ /?%#&=a-Z_.~:"), "%2B%20%2F%3F%25%23%26%3Da-Z_.~:");
        let long = "x".repeat(400);
        assert!(Token { resource: &long, ..token }.sign(KEY).unwrap().contains(&long));
    }
}
