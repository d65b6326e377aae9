//! What holds for every input: nothing panics, and what was changed is not accepted.

mod support;

use portcullis_token::{
    cose::{self, Options},
    cwt, dpop,
    jwt::Expectations,
};
use proptest::prelude::*;
use support::*;

fn message() -> Vec<u8> {
    sign1(&eddsa(), &map(&[(int(4), bstr(b"ed"))]), &map(&[(int(1), tstr("i")), (int(4), int(2_000))]))
}

fn proof() -> String {
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, jwk());
    jws(&header, r#"{"jti":"1","htm":"GET","htu":"https://api.example/a","iat":1000}"#)
}

/// A change at some places.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    use prop::sample::Index;
    let one = prop_oneof![
        4 => any::<(Index, u8)>().prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => any::<Index>().prop_map(Change::Remove),
        1 => any::<(Index, u8)>().prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
    ];
    prop::collection::vec(one, 1..4)
}

fn apply(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Set(at, byte) => *at.get_mut(&mut bytes) = *byte,
            Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Change::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
    bytes
}

fn verify_proof(value: &[u8], htu: &str) -> Result<dpop::VerifiedProof, portcullis_types::Rejection> {
    let request = dpop::Request { headers: &[("dpop", value)], method: "GET", url: htu };
    dpop::verify(&request, &dpop::Expectations::default(), 1_000, &backend())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(cose::parse_and_verify(&bytes, &keys(), &Options::default()).is_err());
        prop_assert!(cwt::parse_and_verify(&bytes, &keys(), &Expectations::default(), 1_000).is_err());
        prop_assert!(verify_proof(&bytes, "https://api.example/a").is_err());
    }

    /// A changed message says what the signed one said, or is refused: only what nobody signed can change.
    #[test]
    fn changed_messages_are_refused_or_say_the_same(changes in changes()) {
        let (good, changed) = (message(), apply(message(), &changes));
        if let Ok(verified) = cose::parse_and_verify(&changed, &keys(), &Options::default()) {
            let original = cose::parse_and_verify(&good, &keys(), &Options::default()).unwrap();
            prop_assert_eq!(verified.payload, original.payload);
            prop_assert_eq!(verified.protected, original.protected);
        }
        if let Ok(verified) = cwt::parse_and_verify(&changed, &keys(), &Expectations::default(), 1_000) {
            let original = cwt::parse_and_verify(&good, &keys(), &Expectations::default(), 1_000).unwrap();
            prop_assert_eq!(verified.claims, original.claims);
        }
    }

    /// Claims of any shape, signed: the reader of claims gets to see them.
    #[test]
    fn signed_claims_of_any_shape_do_not_panic(payload in prop::collection::vec(any::<u8>(), 0..120), changes in changes()) {
        let claims = map(&[(int(1), tstr("i")), (int(3), list(&[tstr("a")])), (int(4), int(2_000)), (int(7), bstr(b"c"))]);
        for payload in [payload, apply(claims, &changes)] {
            let _ = cwt::parse_and_verify(&sign1(&eddsa(), &map(&[]), &payload), &keys(), &Expectations::default(), 1_000);
        }
    }

    /// Headers of any shape, signed.
    #[test]
    fn signed_headers_of_any_shape_do_not_panic(changes in changes()) {
        let protected = eddsa_with(&[
            (int(2), list(&[int(1)])),
            (int(3), int(61)),
            (int(15), map(&[(int(1), tstr("i"))])),
            (int(16), tstr("application/cwt")),
        ]);
        let message = sign1(&apply(protected, &changes), &map(&[]), &map(&[]));
        let _ = cwt::parse_and_verify(&message, &keys(), &Expectations::default(), 1_000);
    }

    #[test]
    fn changed_proofs_are_refused(changes in changes()) {
        let changed = apply(proof().into_bytes(), &changes);
        if verify_proof(&changed, "https://api.example/a").is_ok() {
            prop_assert_eq!(changed, proof().into_bytes());
        }
    }

    /// Targets of any shape, signed: two that are the same by themselves are the same here, and nothing panics.
    #[test]
    fn targets_of_any_shape_do_not_panic(htu in "(https?://)?[a-z%@:\\[\\]./?#\\\\A-F0-9é -]{0,40}") {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, jwk());
        let claims = portcullis_types::json::Value::from(htu.as_str());
        let htu_text = portcullis_types::json::to_text(&claims);
        let proof = jws(&header, &format!(r#"{{"jti":"1","htm":"GET","htu":{htu_text},"iat":1000}}"#));
        match verify_proof(proof.as_bytes(), &htu) {
            // The normal form of a normal form is itself.
            Ok(verified) => prop_assert_eq!(&verify_proof(proof.as_bytes(), &verified.target).unwrap().target, &verified.target),
            Err(rejection) => prop_assert_eq!(rejection.code(), "dpop.url_malformed"),
        }
    }
}
