//! The typed interfaces of the built components, with software, wide and hosted crypto alike.
#![cfg(all(feature = "compiler", feature = "hosted-crypto"))]

mod support;

use jwt_simple::prelude::*;
use portcullis_host::{
    Algorithm, CheckOutcome, Expectations, HostError, KeySet, Portcullis, Runtime, TextDoor, VERIFIER_IMPORT,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const BUILDS: [&str; 3] = ["portcullis.wasm", "portcullis-wide.wasm", "portcullis-hosted.wasm"];
const AT: u64 = 1_790_000_000;

struct Issuer {
    key: ES256KeyPair,
}

impl Issuer {
    fn new() -> Self {
        Self { key: ES256KeyPair::generate().with_key_id("one") }
    }

    fn jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.key.public_key().to_jwk())
    }

    /// A token that is valid for a minute from `AT`.
    fn token(&self) -> Result<String, jwt_simple::Error> {
        let mut claims = Claims::create(Duration::from_secs(60)).with_subject("alice").with_audience("here");
        claims.issued_at = Some(UnixTimeStamp::from_secs(AT));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(AT + 60));
        self.key.sign(claims)
    }
}

fn portcullis(build: &str, memory_limit: usize) -> Result<Portcullis, HostError> {
    let runtime = Runtime::builder().max_instances(2).memory_limit(memory_limit).build()?;
    Portcullis::new(&runtime.load_file(support::built(build))?)
}

const MEMORY: usize = 16 * 1024 * 1024;

fn keys(portcullis: &mut Portcullis, issuer: &Issuer) -> Result<KeySet, Box<dyn std::error::Error>> {
    portcullis.key_set_from_jwks(issuer.jwks().as_bytes())?.map_err(|rejection| rejection.code.into())
}

#[test]
fn builds_import_what_they_should() -> Outcome {
    let runtime = Runtime::builder().max_instances(1).build()?;
    for build in BUILDS {
        let imports = runtime.load_file(support::built(build))?.imports();
        let expected: &[&str] = if build.contains("hosted") { &[VERIFIER_IMPORT] } else { &[] };
        assert_eq!(imports, expected, "{build}");
    }
    Ok(())
}

#[test]
fn a_token_is_accepted_and_refused_with_its_reason() -> Outcome {
    let issuer = Issuer::new();
    let token = issuer.token()?;
    for build in BUILDS {
        let mut portcullis = portcullis(build, MEMORY)?;
        let keys = keys(&mut portcullis, &issuer)?;
        let expect = Expectations { audience: Some(vec!["here".into()]), ..Expectations::default() };
        let verified = portcullis.verify_jwt(token.as_bytes(), &keys, &expect, AT)?;
        let verified = verified.map_err(|rejection| rejection.code)?;
        assert_eq!(verified.subject.as_deref(), Some("alice"), "{build}");
        assert_eq!((verified.algorithm, verified.kid.as_deref()), (Algorithm::Es256, Some("one")));

        let late = portcullis.verify_jwt(token.as_bytes(), &keys, &expect, AT + 60)?;
        assert_eq!(late.map_err(|rejection| rejection.code).err().as_deref(), Some("token.expired"), "{build}");

        let report = portcullis.explain_jwt(token.as_bytes(), &keys, &expect, AT + 60)?;
        let last = report.findings.last().map(|finding| &finding.outcome);
        assert!(matches!(last, Some(CheckOutcome::Failed(reason)) if reason.code == "token.expired"), "{last:?}");

        let jws = portcullis.verify_jws(token.as_bytes(), &keys, Some(&[Algorithm::Rs256]))?;
        assert!(jws.is_err(), "{build}");
        assert!(portcullis.verify_jws(token.as_bytes(), &keys, None)?.is_ok(), "{build}");
    }
    Ok(())
}

#[test]
fn a_changed_signature_is_refused_by_every_build() -> Outcome {
    let issuer = Issuer::new();
    let mut token = issuer.token()?.into_bytes();
    // The first character of the signature: any change of it is a change of r.
    let first = token.iter().rposition(|byte| *byte == b'.').ok_or("no token")? + 1;
    token[first] = if token[first] == b'A' { b'B' } else { b'A' };
    for build in BUILDS {
        let mut portcullis = portcullis(build, MEMORY)?;
        let keys = keys(&mut portcullis, &issuer)?;
        let refused = portcullis.verify_jwt(&token, &keys, &Expectations::default(), AT)?;
        assert!(refused.is_err(), "{build}");
    }
    Ok(())
}

#[test]
fn keys_are_made_again_in_a_new_instance() -> Outcome {
    let issuer = Issuer::new();
    let token = issuer.token()?;
    for build in BUILDS {
        let mut portcullis = portcullis(build, MEMORY)?;
        let keys = keys(&mut portcullis, &issuer)?;
        let too_much = vec![b'a'; 2 * MEMORY];
        let lost = portcullis.inspect_jwt_untrusted(&too_much);
        assert!(matches!(lost, Err(HostError::OutOfMemory { .. })), "{build}: {lost:?}");
        let verified = portcullis.verify_jwt(token.as_bytes(), &keys, &Expectations::default(), AT)?;
        assert!(verified.is_ok(), "{build}: {verified:?}");
        assert_eq!(portcullis.describe(&keys)?.len(), 1);
    }
    Ok(())
}

#[test]
fn keys_of_one_instance_work_with_another() -> Outcome {
    let issuer = Issuer::new();
    let token = issuer.token()?;
    let keys = keys(&mut portcullis(BUILDS[0], MEMORY)?, &issuer)?;
    for build in BUILDS {
        let verified = portcullis(build, MEMORY)?.verify_jwt(token.as_bytes(), &keys, &Expectations::default(), AT)?;
        assert!(verified.is_ok(), "{build}: {verified:?}");
    }
    Ok(())
}

#[test]
fn key_sets_that_are_dropped_are_freed() -> Outcome {
    let issuer = Issuer::new();
    let token = issuer.token()?;
    for build in BUILDS {
        let mut portcullis = portcullis(build, MEMORY)?;
        // Were they kept, thousands of sets with their tables would not fit into the memory.
        for _ in 0..3000 {
            keys(&mut portcullis, &issuer)?;
        }
        let keys = keys(&mut portcullis, &issuer)?;
        let verified = portcullis.verify_jwt(token.as_bytes(), &keys, &Expectations::default(), AT)?;
        assert!(verified.is_ok(), "{build}: {verified:?}");
    }
    Ok(())
}

#[test]
fn keys_come_in_three_forms() -> Outcome {
    let issuer = Issuer::new();
    let token = issuer.token()?;
    let spki = issuer.key.public_key().to_der()?;
    for build in BUILDS {
        let mut portcullis = portcullis(build, MEMORY)?;
        let keys = portcullis.key_set_from_spki(&spki, Some("one"))?.map_err(|rejection| rejection.code)?;
        let verified = portcullis.verify_jwt(token.as_bytes(), &keys, &Expectations::default(), AT)?;
        assert!(verified.is_ok(), "{build}: {verified:?}");
        assert!(portcullis.key_set_from_certificate(&spki, None)?.is_err(), "{build}");
        assert!(portcullis.key_set_from_jwks(b"{}")?.is_err(), "{build}");
    }
    Ok(())
}

#[test]
fn the_text_door_is_the_same_from_both_sides() -> Outcome {
    let request = br#"{"id":1,"op":"no.such"}"#;
    let runtime = Runtime::builder().max_instances(2).build()?;
    let component = runtime.load_file(support::built(BUILDS[0]))?;
    let answer = Portcullis::new(&component)?.answer(request, AT)?;
    assert_eq!(answer, TextDoor::new(&component)?.answer(request, AT)?);
    assert!(answer.contains("request.malformed"), "{answer}");
    Ok(())
}
