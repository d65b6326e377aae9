//! What a component keeps and the host holds: status lists, requirement sets and bundle sets outlive instances.
#![cfg(all(feature = "compiler", feature = "hosted-crypto"))]

mod support;

use portcullis_host::scope::{AuthorizationDetail, Grants, Need, Refusal, Requirements, Settings};
use portcullis_host::status::{Options, Status, StatusList, StatusListToken};
use portcullis_host::svid::{BundleSet, Expectations};
use portcullis_host::{CheckOutcome, HostError, KeySet, Portcullis, Runtime};
use support::case;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const BUILDS: [&str; 2] = ["portcullis.wasm", "portcullis-hosted.wasm"];
const AT: u64 = 1_790_000_000;
const MEMORY: usize = 16 * 1024 * 1024;

fn portcullis(build: &str) -> Result<Portcullis, HostError> {
    let runtime = Runtime::builder().max_instances(2).memory_limit(MEMORY).build()?;
    Portcullis::new(&runtime.load_file(support::built(build))?)
}

/// Has the living instance discarded.
fn discard(portcullis: &mut Portcullis) {
    let lost = portcullis.inspect_jwt_untrusted(&vec![b'a'; 2 * MEMORY]);
    assert!(matches!(lost, Err(HostError::OutOfMemory { .. })), "{lost:?}");
}

fn refused<T>(verdict: Result<T, portcullis_host::Rejection>) -> String {
    verdict.err().map(|rejection| rejection.code).unwrap_or_default()
}

/// A case's list and its keys.
fn list(portcullis: &mut Portcullis, id: &str) -> Outcome<(StatusList, KeySet)> {
    let case = case("status.ndjson", id);
    let keys = portcullis.key_set_from_jwks(case["keys"].to_string().as_bytes())?.map_err(|refused| refused.code)?;
    let uri = case["uri"].as_str().ok_or("no uri")?;
    let bytes;
    let token = match case["token"].as_str() {
        Some(token) => StatusListToken::Jwt(token.as_bytes()),
        None => {
            bytes = support::bytes(&case["token_b64"]);
            StatusListToken::Cwt(&bytes)
        }
    };
    let list = portcullis.open_status_list(token, &keys, uri, &Options::default(), AT)?;
    Ok((list.map_err(|refused| refused.code)?, keys))
}

#[test]
fn a_list_is_opened_again_in_a_new_instance() -> Outcome {
    for build in BUILDS {
        for id in ["status/ok-4bit-app-15", "status/cwt-ok-4bit"] {
            let mut portcullis = portcullis(build)?;
            let (list, keys) = list(&mut portcullis, id)?;
            // The list holds its keys by itself.
            drop(keys);
            for _ in 0..2 {
                let entry = portcullis.status(&list, 13)?.map_err(|refused| refused.code)?;
                assert_eq!((entry.value, entry.status), (13, Status::ApplicationSpecific), "{build}");
                discard(&mut portcullis);
            }
            let many = portcullis.statuses(&list, &[0, 1, 99])?;
            let many: Vec<_> = many.into_iter().map(|entry| entry.map(|entry| entry.status)).collect();
            assert_eq!((&many[0], &many[1]), (&Ok(Status::Valid), &Ok(Status::Invalid)));
            assert_eq!(refused(many[2].clone()), "status.index_out_of_range");
            let description = portcullis.describe_status_list(&list)?;
            assert_eq!((description.entries, description.bits, description.ttl), (32, 4, Some(43_200.0)));
            assert_eq!(portcullis.status_values(&list, 14, 3)?.map_err(|refused| refused.code)?, [14, 15, 0]);
            let counts = portcullis.status_counts(&list)?;
            assert_eq!(counts.iter().map(|count| count.entries).sum::<u64>(), 32);
            assert_eq!((counts[1].value, counts[1].status), (1, Status::Invalid));
        }
    }
    Ok(())
}

#[test]
fn a_list_that_was_opened_does_not_hold_for_ever() -> Outcome {
    let mut portcullis = portcullis(BUILDS[0])?;
    let (list, _keys) = list(&mut portcullis, "status/ok-1bit-valid")?;
    let expires = portcullis.describe_status_list(&list)?.expires;
    assert_eq!(expires, Some(1_790_086_400.0));
    assert_eq!(portcullis.check_status_list_at(&list, 1_790_086_399, 0)?, Ok(()));
    assert_eq!(refused(portcullis.check_status_list_at(&list, 1_790_086_400, 0)?), "status.expired");
    // Opened again, it is judged at the time of its first opening, and so it still answers.
    discard(&mut portcullis);
    assert_eq!(refused(portcullis.check_status_list_at(&list, 1_790_086_400, 0)?), "status.expired");
    assert_eq!(portcullis.check_status_list_at(&list, 1_790_086_400, 1)?, Ok(()));
    Ok(())
}

#[test]
fn a_list_is_explained_and_then_asked() -> Outcome {
    let case = case("status.ndjson", "status/ok-1bit-valid");
    let mut portcullis = portcullis(BUILDS[0])?;
    let keys = portcullis.key_set_from_jwks(case["keys"].to_string().as_bytes())?.map_err(|refused| refused.code)?;
    let token = StatusListToken::Jwt(case["token"].as_str().unwrap_or_default().as_bytes());
    let uri = case["uri"].as_str().unwrap_or_default();
    let report = portcullis.explain_status_list(token, &keys, uri, &Options::default(), AT)?;
    assert!(report.findings.iter().all(|finding| matches!(finding.outcome, CheckOutcome::Passed(_))));
    let list = report.outcome.map_err(|refused| refused.code)?;
    assert!(portcullis.status(&list, 0)?.is_ok());
    discard(&mut portcullis);
    assert!(portcullis.status(&list, 0)?.is_ok());

    let report = portcullis.explain_status_list(token, &keys, "https://other.example", &Options::default(), AT)?;
    let last = report.findings.last().map(|finding| &finding.outcome);
    assert!(matches!(last, Some(CheckOutcome::Failed(_))), "{last:?}");
    assert!(report.outcome.is_err());
    Ok(())
}

#[test]
fn a_list_of_one_instance_works_with_another() -> Outcome {
    let (list, _keys) = list(&mut portcullis(BUILDS[0])?, "status/ok-1bit-valid")?;
    for build in BUILDS {
        assert!(portcullis(build)?.status(&list, 0)?.is_ok(), "{build}");
    }
    Ok(())
}

#[test]
fn lists_that_are_dropped_are_freed() -> Outcome {
    let case = case("status.policy.ndjson", "status-policy/exactly-64-mib");
    let runtime = Runtime::builder().max_instances(1).build()?;
    let mut portcullis = Portcullis::new(&runtime.load_file(support::built(BUILDS[0]))?)?;
    let keys = portcullis.key_set_from_jwks(case["keys"].to_string().as_bytes())?.map_err(|refused| refused.code)?;
    let token = StatusListToken::Jwt(case["token"].as_str().unwrap_or_default().as_bytes());
    let uri = case["uri"].as_str().unwrap_or_default();
    // Each takes 64 MiB while it is opened or held, and an instance has 256.
    for _ in 0..6 {
        let list = portcullis.open_status_list(token, &keys, uri, &Options::default(), AT)?;
        assert!(list.is_ok(), "{list:?}");
    }
    Ok(())
}

#[test]
fn requirements_are_made_again_in_a_new_instance() -> Outcome {
    let detail = |actions: &[&str]| AuthorizationDetail {
        type_: "account".into(),
        locations: None,
        actions: Some(actions.iter().map(|action| (*action).to_owned()).collect()),
        datatypes: None,
        privileges: None,
        identifier: None,
        others: Vec::new(),
    };
    for build in BUILDS {
        let mut portcullis = portcullis(build)?;
        let requirements = Requirements {
            scope: Some(vec!["read".into()]),
            authorization_details: vec![detail(&["list"])],
            ..Requirements::default()
        };
        let required = portcullis.requirement_set(&requirements)?.map_err(|refused| refused.code)?;
        let granted = Grants {
            scope: Some("write read".into()),
            authorization_details: Some(r#"[{"type":"account","actions":["list","read"]}]"#.into()),
            claims: None,
        };
        for _ in 0..2 {
            assert_eq!(portcullis.evaluate_scope(&granted, &required, AT, 0)?, Ok(()), "{build}");
            discard(&mut portcullis);
        }
        let little = Grants { scope: Some("write".into()), ..Grants::default() };
        let Err(Refusal::Short(short)) = portcullis.evaluate_scope(&little, &required, AT, 0)? else {
            return Err("little is granted, and it is enough".into());
        };
        assert_eq!(
            (short.reason.code.as_str(), &short.need),
            ("scope.insufficient_scope", &Need::Scope(vec!["read".into()]))
        );
        let answer = portcullis.scope_challenge(&short.need, &Settings::default())?.map_err(|refused| refused.code)?;
        assert_eq!(
            (answer.status, answer.challenge.as_str()),
            (403, r#"Bearer error="insufficient_scope", scope="read""#)
        );
    }
    Ok(())
}

#[test]
fn requirements_that_are_unsound_are_refused() -> Outcome {
    let mut portcullis = portcullis(BUILDS[0])?;
    let unsound = Requirements { acr_values: Some(Vec::new()), ..Requirements::default() };
    assert_eq!(refused(portcullis.requirement_set(&unsound)?), "scope.acr_values_malformed");
    Ok(())
}

/// A case's bundles.
fn bundles(portcullis: &mut Portcullis, case: &serde_json::Value) -> Outcome<BundleSet> {
    let bundles = case["bundles"].as_object().ok_or("no bundles")?;
    let owned: Vec<_> = bundles.iter().map(|(name, bundle)| (name.as_str(), bundle.to_string())).collect();
    let borrowed: Vec<_> = owned.iter().map(|(name, bundle)| (*name, bundle.as_bytes())).collect();
    Ok(portcullis.bundle_set(&borrowed)?.map_err(|refused| refused.detail)?)
}

#[test]
fn bundles_are_read_again_in_a_new_instance() -> Outcome {
    let jwt = case("svid-jwt.ndjson", "jwt-svid/JV-1");
    let wit = case("svid-wit.ndjson", "wit-svid/ok");
    let x509 = case("svid-x509.ndjson", "x509-path/ok-direct");
    let chain = vec![support::bytes(&x509["chain"][0])];
    let expect = Expectations { audience: vec!["conformance".into()], leeway: 0 };
    for build in BUILDS {
        let mut portcullis = portcullis(build)?;
        let (jwt_bundles, wit_bundles) = (bundles(&mut portcullis, &jwt)?, bundles(&mut portcullis, &wit)?);
        let x509_bundles = bundles(&mut portcullis, &x509)?;
        for _ in 0..2 {
            let token = jwt["token"].as_str().unwrap_or_default().as_bytes();
            let verified = portcullis.verify_jwt_svid(token, &jwt_bundles, &expect, AT)?;
            assert_eq!(verified.map_err(|refused| refused.code)?.spiffe_id, "spiffe://example.org/workload", "{build}");
            let token = wit["token"].as_str().unwrap_or_default().as_bytes();
            assert!(portcullis.verify_wit_svid(token, &wit_bundles, 0, AT)?.is_ok(), "{build}");
            assert!(portcullis.verify_x509_svid(&chain, &x509_bundles, AT)?.is_ok(), "{build}");
            assert_eq!(refused(portcullis.verify_x509_svid(&chain, &wit_bundles, AT)?), "bundle.no_x509_authority");
            discard(&mut portcullis);
        }
    }
    Ok(())
}

#[test]
fn one_bundle_that_is_wrong_refuses_all() -> Outcome {
    let mut portcullis = portcullis(BUILDS[0])?;
    let good = ("example.org", &br#"{"keys":[]}"#[..]);
    assert!(portcullis.bundle_set(&[good])?.is_ok());
    for (wrong, code) in [
        (("example.com", &b"{}"[..]), "bundle.keys_missing"),
        (("Example.com", br#"{"keys":[]}"#), "spiffe.trust_domain_upper_case"),
    ] {
        let verdict = portcullis.bundle_set(&[good, wrong])?;
        let rejection = verdict.err().ok_or("it is accepted")?;
        assert_eq!(rejection.code, code);
        assert!(rejection.detail.starts_with(&format!("the bundle of {}: ", wrong.0)), "{}", rejection.detail);
    }
    Ok(())
}

#[test]
fn spiffe_ids_and_pem_are_read() -> Outcome {
    let mut portcullis = portcullis(BUILDS[0])?;
    let id = portcullis.parse_spiffe_id("spiffe://prod.example/web")?.map_err(|refused| refused.code)?;
    assert_eq!((id.trust_domain.as_str(), id.path.as_str()), ("prod.example", "/web"));
    assert!(portcullis.parse_spiffe_id("https://prod.example/web")?.is_err());
    let pem = case("svid-x509.ndjson", "x509-path/ok-two-intermediates");
    let pem = pem["chain_pem"].as_str().unwrap_or_default();
    let chain = portcullis.decode_certificates_pem(pem)?.map_err(|refused| refused.code)?;
    let certificates = portcullis.inspect_certificates_untrusted(&chain)?.map_err(|refused| refused.code)?;
    assert_eq!((chain.len(), certificates.len(), certificates[0].is_ca), (3, 3, false));
    Ok(())
}
