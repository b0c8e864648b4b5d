// SPDX-License-Identifier: MIT OR Apache-2.0
use otakit_core::digest::Algorithm;

use super::*;
use crate::engine::Policy;

#[test]
fn local_packages_are_judged() {
    let folder = std::env::temp_dir().join(format!("otakit-fota-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("package");
    let fota = Fota::default();
    fota.set_path(&path);
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let verify = |parts: &[&[u8]], size, flush: bool, hex: Option<&str>| {
        fota.expect(hex.and_then(|hex| Expected::from_hex(Algorithm::Sha256, hex)));
        let written = parts.iter().all(|part| fota.write(part, size).is_ok());
        let flushed = flush && fota.flush().is_ok();
        (written, flushed, fota.verify(&Policy::default()).is_ok())
    };
    assert_eq!(verify(&[], 3, true, None), (true, false, false));
    assert_eq!(verify(&[b"abc"], 0, true, None), (false, false, false));
    assert_eq!(verify(&[b"ab"], 3, true, None), (true, true, false));
    assert_eq!(verify(&[b"ab", b"cd"], 3, true, None), (false, false, false));
    assert_eq!(verify(&[b"ab"], 3, false, None), (true, false, false));
    assert_eq!(verify(&[b"ab", b"d"], 3, false, Some(sha)), (true, false, false));
    assert_eq!(verify(&[b"abd"], 3, true, Some(sha)), (true, true, false));
    assert!(!path.exists() && fota.sha256().is_none());
    assert_eq!(verify(&[b"a", b"bc"], 3, true, Some(sha)), (true, true, true));
    assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    assert_eq!(fota.sha256().as_deref(), Some(sha));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn flushing_is_part_of_the_verdict_and_what_is_abandoned_is_gone() {
    let folder = std::env::temp_dir().join(format!("otakit-fota-flush-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("package");
    let fota = Fota::default();
    fota.set_path(&path);
    assert_eq!((fota.write(b"ab", 3), fota.write(b"c", 3)), (Ok(()), Ok(())));
    assert_eq!(fota.verify(&Policy::default()), Ok(()));
    assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    assert_eq!((fota.abandon(), fota.write(b"ab", 3)), (Err(Refused), Ok(())));
    assert_eq!((fota.abandon(), fota.verify(&Policy::default())), (Ok(()), Err(Refused)));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn documented_codes() {
    let status = |status| Failure::Fetch(FetchError::Status { status, retry_after: None });
    let cases = [
        (Failure::Fetch(FetchError::Net(NetError::Name)), 1001),
        (Failure::Fetch(FetchError::Net(NetError::Timeout)), 1002),
        (Failure::Fetch(FetchError::Url(otakit_core::url::UrlError::Scheme)), 1003),
        (Failure::Fetch(FetchError::Net(NetError::Connect)), 1004),
        (status(401), 1005),
        (status(403), 1005),
        (status(404), 1006),
        (status(500), 1008),
        (Failure::Digest, 1009),
        (Failure::Cancelled, 1011),
        (Failure::Signature, 1009),
        (Failure::Store(StoreError::Io), 1010),
        (Failure::Store(StoreError::Full), 1012),
        (Failure::NoMemory, 1012),
        (Failure::Policy(PolicyViolation::Size), 1013),
        (Failure::Policy(PolicyViolation::Insecure), 1014),
        (Failure::Fetch(FetchError::Length { announced: 0 }), 1007),
    ];
    for (failure, expected) in cases {
        assert_eq!(code(&failure), expected, "{failure}");
    }
}
