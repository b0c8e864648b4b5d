// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom a connection trusts.

use rcgen::KeyUsagePurpose;

use super::*;

/// A server that shows `chain`, the first one its own.
fn shows(chain: Vec<rcgen::Certificate>, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = chain.iter().map(|certificate| certificate.der().clone()).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    // Built in parts: the ready-made way refuses what these tests need.
    let signing = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let shown = Arc::new(rustls::sign::CertifiedKey::new(chain, signing));
    serve(config.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown))), echo)
}

fn params(names: &[&str], is_ca: IsCa) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.is_ca = is_ca;
    params
}

fn given(pem: &str) -> Arc<Roots> {
    Arc::new(Roots { pem: Some(pem.to_owned()), public: false })
}

const CA: IsCa = IsCa::Ca(BasicConstraints::Unconstrained);

#[test]
fn a_certificate_that_is_given_itself_is_trusted_for_its_host_alone() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, CA] {
        let key = KeyPair::generate().unwrap();
        let made = params(&["ota.example"], is_ca).self_signed(&key).unwrap();
        let pem = made.pem();
        let port = shows(vec![made], &key);
        assert!(dial("ota.example", port, given(&pem)).is_ok(), "{is_ca:?}");
        assert_eq!(dial("evil.example", port, given(&pem)).err(), Some(NetError::Certificate), "{is_ca:?}");
        let stranger = params(&["ota.example"], is_ca).self_signed(&KeyPair::generate().unwrap()).unwrap();
        // Of the same name, but with another key: for the library that may be the same one, damaged.
        let refused = dial("ota.example", port, given(&stranger.pem())).err();
        assert!(matches!(refused, Some(NetError::Certificate | NetError::CertificateDamaged)), "{refused:?}");
    }
    let mut old = params(&["ota.example"], IsCa::NoCa);
    (old.not_before, old.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let key = KeyPair::generate().unwrap();
    let made = old.self_signed(&key).unwrap();
    let pem = made.pem();
    assert_eq!(dial("ota.example", shows(vec![made], &key), given(&pem)).err(), Some(NetError::Certificate));
}

#[test]
fn a_server_s_own_certificate_signs_nobody() {
    let signs = vec![KeyUsagePurpose::KeyCertSign];
    let speaks = vec![KeyUsagePurpose::DigitalSignature];
    let none = Vec::new;
    for (own, usages, may) in [
        (IsCa::ExplicitNoCa, none(), false),
        (IsCa::ExplicitNoCa, signs.clone(), false),
        (IsCa::NoCa, none(), false),
        (IsCa::NoCa, speaks.clone(), false),
        (CA, speaks, false),
        // Old ones say it with their key usage alone.
        (IsCa::NoCa, signs, true),
        (CA, none(), true),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params_own = params(&["ota.example"], own);
        params_own.key_usages = usages;
        let pem = params_own.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params_own, key);
        for is_ca in [IsCa::ExplicitNoCa, CA] {
            let key = KeyPair::generate().unwrap();
            let signed = params(&["evil.example"], is_ca).signed_by(&key, &issuer).unwrap();
            let port = shows(vec![signed], &key);
            let outcome = dial("evil.example", port, given(&pem)).err();
            assert_eq!(outcome, if may { None } else { Some(NetError::Certificate) }, "{own:?}");
        }
    }
}

#[test]
fn a_key_that_is_not_for_servers_proves_no_server() {
    let ca = Authority::new();
    for (usages, is_ca, good) in [
        (vec![KeyUsagePurpose::KeyCertSign], CA, false),
        (vec![KeyUsagePurpose::CrlSign], IsCa::NoCa, false),
        (vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature], CA, true),
        (vec![KeyUsagePurpose::KeyAgreement], IsCa::NoCa, true),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut made = params(&["ota.example"], is_ca);
        made.key_usages = usages;
        let wanted = if good { None } else { Some(NetError::Certificate) };
        let own = made.self_signed(&key).unwrap();
        let pem = own.pem();
        assert_eq!(dial("ota.example", shows(vec![own], &key), given(&pem)).err(), wanted, "{made:?}");
        let signed = made.signed_by(&key, &ca.issuer).unwrap();
        assert_eq!(dial("ota.example", shows(vec![signed], &key), ca.roots()).err(), wanted, "{made:?}");
    }
}

#[test]
fn a_server_may_show_a_certificate_that_could_sign_others() {
    let root_key = KeyPair::generate().unwrap();
    let root = params(&[], CA);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root, root_key);
    for between in [CA, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Constrained(0))] {
        let key = KeyPair::generate().unwrap();
        let mut middle = params(&[], between);
        middle.distinguished_name.push(rcgen::DnType::CommonName, "middle");
        let middle_shown = middle.signed_by(&key, &root).unwrap();
        let middle = Issuer::new(middle, key);
        let key = KeyPair::generate().unwrap();
        let server = params(&["ota.example"], CA).signed_by(&key, &middle).unwrap();
        let port = shows(vec![server, middle_shown], &key);
        let outcome = dial("ota.example", port, given(&root_pem)).err();
        let wanted = if matches!(between, IsCa::Ca(_)) { None } else { Some(NetError::Certificate) };
        assert_eq!(outcome, wanted, "{between:?}");
        assert_eq!(dial("evil.example", port, given(&root_pem)).err(), Some(NetError::Certificate));
        assert_eq!(dial("ota.example", port, Authority::new().roots()).err(), Some(NetError::Certificate));
    }
}

#[test]
fn a_host_may_stand_in_the_subject_alone() {
    let ca = Authority::new();
    let key = KeyPair::generate().unwrap();
    let mut bare = params(&[], IsCa::NoCa);
    bare.distinguished_name = rcgen::DistinguishedName::new();
    bare.distinguished_name.push(rcgen::DnType::CommonName, "ota.example");
    let port = shows(vec![bare.signed_by(&key, &ca.issuer).unwrap()], &key);
    assert!(dial("ota.example", port, ca.roots()).is_ok());
    assert_eq!(dial("evil.example", port, ca.roots()).err(), Some(NetError::Certificate));
    let mut both = params(&["other.example"], IsCa::NoCa);
    both.distinguished_name.push(rcgen::DnType::CommonName, "ota.example");
    let port = shows(vec![both.signed_by(&key, &ca.issuer).unwrap()], &key);
    assert_eq!(dial("ota.example", port, ca.roots()).err(), Some(NetError::Certificate));
}
