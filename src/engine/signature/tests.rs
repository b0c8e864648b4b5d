// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys and signatures made with OpenSSL (see `tests/data/signature/README.md`).

use otakit_core::digest::{Algorithm, Hasher};
use otakit_core::signature::decode;

use super::*;

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../../../tests/data/signature/", $name))
    };
}

fn digest(image: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(image);
    hasher.finish(Algorithm::Sha256).unwrap().to_vec()
}

#[test]
fn each_kind_verifies_its_own_image_and_no_other() {
    let image = data!("image.bin").as_bytes();
    let (good, bad) = (digest(image), digest(b"another"));
    let pairs = [
        (data!("ed.pem"), data!("ed.sig.b64")),
        (data!("ec.pem"), data!("ec.sig.b64")),
        (data!("rsa2048.pem"), data!("rsa2048.sig.b64")),
        (data!("rsa3072.pem"), data!("rsa3072.sig.b64")),
    ];
    for (i, (pem, _)) in pairs.iter().enumerate() {
        let key = Key::from_pem(pem).unwrap();
        for (j, (_, coded)) in pairs.iter().enumerate() {
            let signature = decode(coded).unwrap();
            assert_eq!(key.verifies(&good, &signature), i == j, "key {i}, signature {j}");
            assert!(!key.verifies(&bad, &signature));
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut altered = signature.clone();
                altered[at] ^= 1;
                assert!(!key.verifies(&good, &altered), "key {i}, altered at {at}");
            }
            assert!(!key.verifies(&good, &signature[1..]));
        }
        assert!(!key.verifies(&good, &[]));
    }
}

#[test]
fn what_is_no_key_or_too_weak_is_refused() {
    let truncated = &data!("ec.pem")[..60];
    for bad in [
        "",
        "nonsense",
        truncated,
        data!("rsa1024.pem"),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert!(Key::from_pem(bad).is_none(), "{bad}");
    }
    for bad in ["", "*", "AA=A", &"A".repeat(4000)] {
        assert_eq!(decode(bad), None);
    }
}
