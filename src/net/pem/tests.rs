// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

const SERVER_AUTH: &[u8] = &[0x06, 8, 0x2B, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x06, 8, 0x2B, 6, 1, 5, 5, 7, 3, 2];
const ANY: &[u8] = &[0x06, 4, 0x55, 0x1D, 37, 0];

fn made() -> (Vec<u8>, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let made = params.self_signed(&key).unwrap();
    (made.der().to_vec(), made.pem())
}

fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inside = parts.concat();
    let mut whole = vec![tag, u8::try_from(inside.len()).unwrap()];
    whole.extend(inside);
    whole
}

fn coded(label: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(bytes))
}

#[test]
fn what_stands_around_certificates_is_a_comment() {
    let (der, pem) = made();
    let plain = read(pem.as_bytes()).unwrap();
    assert_eq!(plain, pem.replace("\r\n", "\n"), "written as others write it");
    let with = |before: &[u8], after: &[u8]| [before, pem.as_bytes(), after].concat();
    let body = BASE64.encode(&der);
    let (head, tail) = body.split_at(10);
    for (text, what) in [
        (with(b"\xEF\xBB\xBF", b""), "a byte-order mark"),
        (with(b"\xEF\xBB\xBF# authority\n", b""), "a byte-order mark in front of a comment"),
        (with("Zertifikat für é\n".as_bytes(), b"# end"), "comments in UTF-8"),
        (with(b"Autorit\xE9\n=====\n", b"\xFF\xFE\n"), "comments in no encoding at all"),
        (
            with(b"-----BEGIN\n-----BEGIN RSA PRIVATE KEY-----\n!!\n-----END RSA PRIVATE KEY-----\n", b""),
            "a key",
        ),
        (pem.replace('\n', "\r\n").into_bytes(), "lines of DOS"),
        (pem.trim_end().as_bytes().to_vec(), "no last line's end"),
        (pem.replace('\n', "  \n\t ").into_bytes(), "blanks around the lines"),
        (pem.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes(), "an old label"),
        (pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").into_bytes(), "a trusted one without attributes"),
        (coded("CERTIFICATE", &der).into_bytes(), "one long line"),
        (
            format!("-----BEGIN CERTIFICATE-----\n{head}\n\n{tail}\n-----END CERTIFICATE-----").into_bytes(),
            "lines of any length",
        ),
        (coded("CERTIFICATE", &[&der[..], &[0, 1, 2]].concat()).into_bytes(), "bytes behind it"),
        (coded("CERTIFICATE", &der).replace('=', "").into_bytes(), "no padding"),
    ] {
        assert_eq!(read(&text).as_ref(), Ok(&plain), "{what}");
    }
    let other = made().1;
    let both =
        format!("\u{feff}{pem}-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n\u{feff}{other}");
    assert_eq!(read(both.as_bytes()), Ok(format!("{plain}{}", other.replace("\r\n", "\n"))));
}

#[test]
fn attributes_behind_a_trusted_certificate_can_reject_it() {
    let (der, pem) = made();
    let plain = Ok(pem.replace("\r\n", "\n"));
    let name = value(0x0C, &[b"a name"]);
    for (attributes, trusted) in [
        (value(0x30, &[]), true),
        (value(0x30, &[&name]), true),
        (value(0x30, &[&value(0x30, &[SERVER_AUTH])]), true),
        (value(0x30, &[&value(0x30, &[CLIENT_AUTH, SERVER_AUTH]), &name]), true),
        (value(0x30, &[&value(0x30, &[ANY])]), true),
        (value(0x30, &[&value(0xA0, &[CLIENT_AUTH]), &name]), true),
        (value(0x30, &[&value(0x30, &[CLIENT_AUTH])]), false),
        (value(0x30, &[&value(0xA0, &[SERVER_AUTH])]), false),
        (value(0x30, &[&value(0x30, &[SERVER_AUTH]), &value(0xA0, &[CLIENT_AUTH, ANY])]), false),
    ] {
        let both = [&der[..], &attributes].concat();
        let wanted = if trusted { plain.clone() } else { Err(Unreadable::Distrusted) };
        assert_eq!(read(coded("TRUSTED CERTIFICATE", &both).as_bytes()), wanted, "{attributes:?}");
        assert_eq!(read(coded("CERTIFICATE", &both).as_bytes()), plain, "only one kind has attributes");
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_named() {
    let (der, pem) = made();
    let cut = pem.split("-----END").next().unwrap();
    for (text, why) in [
        ("", Unreadable::Missing),
        ("not PEM", Unreadable::Missing),
        ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", Unreadable::Missing),
        ("-----BEGIN CERTIFICATE-----", Unreadable::Cut),
        (cut, Unreadable::Cut),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", Unreadable::NotBase64),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Unreadable::NotCertificate),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", Unreadable::NotCertificate),
        (coded("CERTIFICATE", &der[..der.len() - 1]).as_str(), Unreadable::NotCertificate),
        (coded("CERTIFICATE", &value(0x30, &[&value(0x30, &[])])).as_str(), Unreadable::NotCertificate),
    ] {
        assert_eq!(read(text.as_bytes()), Err(why), "{text}");
        let plain = pem.replace("\r\n", "\n");
        assert_eq!(read(format!("{text}\n{pem}").as_bytes()), Ok(plain.clone()), "a good one behind {text}");
        assert_eq!(read(format!("{pem}{text}").as_bytes()), Ok(plain), "a good one in front of {text}");
    }
}

#[test]
fn whatever_stands_there_reading_ends() {
    let (der, pem) = made();
    for at in 0..pem.len() {
        let mut other = pem.clone().into_bytes();
        other[at] ^= 0x80;
        let _ = read(&other);
        let _ = read(&pem.as_bytes()[..at]);
    }
    for at in 0..der.len() {
        let mut other = der.clone();
        other[at] ^= 0x01;
        if let Ok(plain) = read(coded("TRUSTED CERTIFICATE", &other).as_bytes()) {
            assert_eq!(read(plain.as_bytes()).as_ref(), Ok(&plain), "what was written is read again: {at}");
        }
        let _ = x509::is_distrusted(&other[at..]);
    }
}
