//! What holds for any input: nothing traps, and what was changed is not accepted.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_types::{Finding, Findings, Outcome, Rejection, base64url, json};
use proptest::prelude::*;

use crate::{
    Bundle, BundleSet, SpiffeId, TrustDomain, inspect_untrusted_chain, jwt_svid, pem,
    tests::{AT, AUTHORITY, AUTHORITY_JWK, authority, backend, chain},
    wit_svid, x509_svid,
};

/// A bundle document with the authority of the test chain.
fn document() -> String {
    let jwk = AUTHORITY_JWK.trim_end_matches('}');
    format!(
        "{{\"spiffe_sequence\":1,\"keys\":[{jwk},\"use\":\"x509-svid\",\"x5c\":[\"{AUTHORITY}\"]}},\
         {jwk},\"use\":\"jwt-svid\",\"kid\":\"a\"}},{jwk},\"use\":\"wit-svid\",\"kid\":\"b\"}}]}}"
    )
}

fn bundles(backend: &Rc<dyn Backend>) -> BundleSet {
    let mut set = BundleSet::new();
    let bundle = Bundle::parse(document().as_bytes(), backend).unwrap();
    set.put(TrustDomain::parse("example.org").unwrap(), bundle).unwrap();
    set
}

/// One change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Change> {
        let at = any::<prop::sample::Index>;
        prop_oneof![
            (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
            (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
            (at(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
            (at(), 1usize..4).prop_map(|(at, count)| Change::Remove(at, count)),
            at().prop_map(Change::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match self {
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Change::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
}

#[test]
fn the_chain_is_good_before_it_is_changed() {
    let backend = backend();
    let verified = x509_svid::parse_and_verify(&chain(), &bundles(&backend), &backend, AT).unwrap();
    assert_eq!(verified.spiffe_id.as_str(), "spiffe://example.org/ns/prod/sa/web");
}

/// What `verify` tells ends with the reason that it gives.
fn told(findings: &Findings, refused: &Rejection) -> bool {
    matches!(findings.0.last(), Some(Finding { outcome: Outcome::Failed(last), .. }) if last == refused)
}

#[test]
fn the_last_finding_is_the_reason() {
    let (backend, chain) = (backend(), chain());
    let bundles = bundles(&backend);
    for at in [AT, 0, u64::MAX] {
        let mut findings = Findings::default();
        match x509_svid::verify(&chain, &bundles, &backend, at, &mut findings) {
            Ok(_) => assert!(findings.0.iter().all(|finding| matches!(finding.outcome, Outcome::Passed(_)))),
            Err(refused) => assert!(told(&findings, &refused), "{refused}: {findings:?}"),
        }
    }
    let token = |header: &str| {
        let claims = r#"{"sub":"spiffe://example.org/w"}"#;
        [base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()), "".into()].join(".").into_bytes()
    };
    for (kid, code) in [("b", "svid.key_for_wit"), ("c", "key.unknown"), ("a", "crypto.signature_too_short")] {
        let mut findings = Findings::default();
        let token = token(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#));
        let expect = jwt_svid::Expectations::default();
        let refused = jwt_svid::verify(&token, &bundles, &expect, AT, &mut findings).unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(told(&findings, &refused), "{refused}: {findings:?}");
    }
    for (kid, code) in [("a", "svid.key_for_jwt"), ("c", "key.unknown"), ("b", "crypto.signature_too_short")] {
        let mut findings = Findings::default();
        let token = token(&format!(r#"{{"alg":"ES256","typ":"wit+jwt","kid":"{kid}"}}"#));
        let refused = wit_svid::verify(&token, &bundles, 0, &backend, AT, &mut findings).unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(told(&findings, &refused), "{refused}: {findings:?}");
    }
}

proptest! {
    #[test]
    fn an_id_that_is_accepted_is_its_parts(text in "(spiffe://)?[a-zA-Z0-9._%:/@?#\\[\\]~ -]{0,40}|\\PC{0,40}") {
        if let Ok(id) = SpiffeId::parse(&text) {
            prop_assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text.as_str());
            prop_assert!(text.bytes().skip(9).all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte)));
            prop_assert!(id.trust_domain().as_str().bytes().all(|byte| !byte.is_ascii_uppercase() && byte != b'/'));
            prop_assert!(id.path().split('/').skip(1).all(|segment| !matches!(segment, "" | "." | "..")));
            prop_assert_eq!(TrustDomain::parse(id.trust_domain().as_str()).unwrap(), id.trust_domain().clone());
        }
    }

    #[test]
    fn a_changed_certificate_is_not_accepted(
        place in 0usize..2,
        changes in prop::collection::vec(Change::any(), 1..4),
        swap: bool,
    ) {
        let (backend, original) = (backend(), chain());
        let mut chain = original.clone();
        for change in &changes {
            change.apply(&mut chain[place]);
        }
        let changed = chain[place] != original[place];
        let _ = inspect_untrusted_chain(&chain);
        if swap {
            chain.swap(0, 1);
        }
        let accepted = x509_svid::parse_and_verify(&chain, &bundles(&backend), &backend, AT).is_ok();
        prop_assert!(!accepted || !(changed || swap));
    }

    #[test]
    fn a_changed_bundle_trusts_nobody_new(changes in prop::collection::vec(Change::any(), 1..4)) {
        let backend = backend();
        let mut document = document().into_bytes();
        for change in &changes {
            change.apply(&mut document);
        }
        if let Ok(bundle) = Bundle::parse(&document, &backend) {
            let usable = bundle.entries().iter().filter(|entry| entry.problem.is_none()).count();
            prop_assert!(usable <= bundle.entries().len());
            for kept in bundle.x509_authorities().unwrap_or_default() {
                // A certificate that changed and still parses has the key that its entry says, or none that is used.
                let Ok(key) = &kept.key else { continue };
                prop_assert_eq!(key.public_key(), kept.certificate.key.as_ref().ok());
            }
        }
    }

    #[test]
    fn any_bytes_get_an_answer(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec(Change::any(), 0..3),
    ) {
        let backend = backend();
        let bundles = bundles(&backend);
        let mut certificate = authority();
        for change in &changes {
            change.apply(&mut certificate);
        }
        let chain = [bytes.clone(), certificate];
        prop_assert!(x509_svid::parse_and_verify(&chain, &bundles, &backend, AT).is_err());
        prop_assert!(jwt_svid::parse_and_verify(&bytes, &bundles, &jwt_svid::Expectations::default(), AT).is_err());
        prop_assert!(wit_svid::parse_and_verify(&bytes, &bundles, 0, &backend, AT).is_err());
        let _ = Bundle::parse(&bytes, &backend);
        if let Ok(object) = json::parse_object(&bytes) {
            let _ = BundleSet::from_object(&object, &backend);
        }
        let _ = pem::decode_chain(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pem_gets_an_answer(text in "(-----(BEGIN|END) (CERTIFICATE|X)-----|[A-Za-z0-9+/=]{0,64}|\\r|\\n| ){0,12}") {
        if let Ok(chain) = pem::decode_chain(&text) {
            prop_assert!(!chain.is_empty() && chain.len() <= x509_svid::MAX_CHAIN);
        }
    }
}
