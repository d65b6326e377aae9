//! Tokens in JWT form, right and wrong in one thing each.

use std::{format, string::String, vec::Vec};

use portcullis_crypto::Algorithm;
use portcullis_types::{Findings, Outcome, Rejection, base64url};
use proptest::prelude::*;

use super::StatusList;
use crate::{
    Options, Status,
    testing::{compress, jwt, keys},
};

const URI: &str = "https://example.com/statuslists/1";
const AT: u64 = 1_790_000_000;
const HEADER: &str = r#"{"alg":"Ed25519","typ":"statuslist+jwt"}"#;
/// b9 a3
const LST: &str = "eNrbuRgAAhcBXQ";

fn open(header: &str, claims: &str) -> Result<StatusList, Rejection> {
    StatusList::open_jwt(jwt(header, claims).as_bytes(), &keys(), URI, AT, &Options::default())
}

/// Claims that hold, with others put after or in place of them: a name that is given `""` is left out.
fn claims(changes: &[(&str, &str)]) -> String {
    let list = format!(r#"{{"bits":1,"lst":"{LST}"}}"#);
    let mut members = Vec::from([
        ("sub", format!("\"{URI}\"")),
        ("iat", "1789999900".into()),
        ("exp", "1790086400".into()),
        ("ttl", "43200".into()),
        ("status_list", list),
    ]);
    for (name, value) in changes {
        members.retain(|(known, _)| known != name);
        if !value.is_empty() {
            members.push((name, (*value).into()));
        }
    }
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn code(changes: &[(&str, &str)]) -> &'static str {
    open(HEADER, &claims(changes)).map_or_else(|rejection| rejection.code(), |_| "accepted")
}

#[test]
fn a_list_answers() {
    let list = open(HEADER, &claims(&[])).unwrap();
    assert_eq!((list.len(), list.bits().count(), list.is_empty()), (16, 1, false));
    assert_eq!(
        (list.issued_at(), list.expires(), list.ttl()),
        (1_789_999_900.0, Some(1_790_086_400.0), Some(43_200.0))
    );
    assert_eq!(list.get(0).unwrap().status, Status::Invalid);
    assert_eq!(list.get(1).unwrap().status, Status::Valid);
    assert_eq!(list.get(16).unwrap_err().code(), "status.index_out_of_range");
    assert_eq!(list.counts(), [(0, 7), (1, 9)]);
    assert_eq!(list.values(0..4).unwrap().collect::<Vec<_>>(), [1, 0, 0, 1]);
    assert!(list.held_bytes() < 200);
}

#[test]
fn each_claim_has_its_codes() {
    for (name, value, wanted) in [
        ("sub", "", "status.subject_missing"),
        ("sub", "\"https://example.com/statuslists/2\"", "status.subject_mismatch"),
        ("sub", "\"https://example.com/statuslists/1/\"", "status.subject_mismatch"),
        ("sub", "\"HTTPS://example.com/statuslists/1\"", "status.subject_mismatch"),
        ("sub", "[\"https://example.com/statuslists/1\"]", "token.subject_type"),
        ("sub", "null", "token.claim_null"),
        ("iat", "", "status.issued_at_missing"),
        ("iat", "\"1789999900\"", "token.issued_at_type"),
        ("iat", "1790000000", "accepted"),
        ("iat", "1790000001", "status.issued_in_future"),
        ("exp", "", "accepted"),
        ("exp", "1790000001", "accepted"),
        ("exp", "1790000000.5", "accepted"),
        ("exp", "1790000000", "status.expired"),
        ("exp", "\"1790086400\"", "token.expires_type"),
        ("nbf", "1790000000", "accepted"),
        ("nbf", "1790000000.5", "status.not_yet_valid"),
        ("nbf", "1790000001", "status.not_yet_valid"),
        ("nbf", "true", "token.not_before_type"),
        ("ttl", "", "accepted"),
        ("ttl", "0.5", "accepted"),
        ("ttl", "0", "status.ttl_not_positive"),
        ("ttl", "-0.0", "status.ttl_not_positive"),
        ("ttl", "-5", "status.ttl_not_positive"),
        ("ttl", "9007199254740991", "accepted"),
        ("ttl", "9007199254740993", "status.ttl_type"),
        ("ttl", "\"43200\"", "status.ttl_type"),
        ("ttl", "null", "status.ttl_type"),
        ("status_list", "", "status.list_missing"),
        ("status_list", "null", "status.list_type"),
        ("status_list", "\"eNrbuRgAAhcBXQ\"", "status.list_type"),
        ("status_list", r#"{"lst":"eNrbuRgAAhcBXQ"}"#, "status.bits_missing"),
        ("status_list", r#"{"bits":3,"lst":"eNrbuRgAAhcBXQ"}"#, "status.bits"),
        ("status_list", r#"{"bits":1}"#, "status.lst_missing"),
        ("status_list", r#"{"bits":1,"lst":["eNrbuRgAAhcBXQ"]}"#, "status.lst_type"),
        ("status_list", r#"{"bits":1,"lst":"eNrbuRgAAhcBXQ=="}"#, "base64.padding"),
        ("status_list", r#"{"bits":1,"lst":"eNrbuRgAAhcBXR"}"#, "base64.trailing_bits"),
        ("status_list", r#"{"bits":1,"lst":"eNrbuRgAAhcBXg"}"#, "status.zlib_checksum"),
        ("status_list", r#"{"bits":1,"lst":"eNrbuRgAAhcBXQ","bits":1}"#, "json.duplicate_name"),
        ("status_list", r#"{"bits":1,"lst":"eNrbuRgAAhcBXQ","aggregation_uri":"https://example.com"}"#, "accepted"),
        ("more", r#"{"a":1,"a":2}"#, "accepted"),
        ("iss", "7", "token.issuer_type"),
    ] {
        assert_eq!(code(&[(name, value)]), wanted, "{name}: {value}");
    }
    let twice = claims(&[]).replace("\"ttl\":43200", "\"ttl\":43200,\"ttl\":43200");
    assert_eq!(open(HEADER, &twice).unwrap_err().code(), "json.duplicate_name");
}

#[test]
fn checks_are_made_in_the_order_of_the_text() {
    // Each line mends the first fault of the one before.
    let mut changes =
        Vec::from([("sub", ""), ("iat", ""), ("exp", "1"), ("nbf", "1790000001"), ("ttl", "0"), ("status_list", "")]);
    let mut mended = |at: usize, value| {
        let found = code(&changes);
        changes[at].1 = value;
        found
    };
    let sub = format!("\"{URI}\"");
    assert_eq!(mended(0, "\"other\""), "status.subject_missing");
    assert_eq!(mended(1, "1790000001"), "status.issued_at_missing");
    assert_eq!(mended(5, "{}"), "status.list_missing");
    assert_eq!(mended(0, &sub), "status.subject_mismatch");
    assert_eq!(mended(1, "1"), "status.issued_in_future");
    assert_eq!(mended(2, ""), "status.expired");
    assert_eq!(mended(3, ""), "status.not_yet_valid");
    assert_eq!(mended(4, ""), "status.ttl_not_positive");
    assert_eq!(mended(5, r#"{"bits":1}"#), "status.bits_missing");
    assert_eq!(mended(5, r#"{"bits":1,"lst":""}"#), "status.lst_missing");
    assert_eq!(mended(5, r#"{"bits":1,"lst":"eNrbuRgAAhcBXQ"}"#), "status.zlib_empty");
    assert_eq!(mended(5, ""), "accepted");
}

#[test]
fn the_header_is_that_of_a_status_list() {
    let typed =
        |typ: &str| open(&format!(r#"{{"alg":"Ed25519"{typ}}}"#), &claims(&[])).map(|_| ()).map_err(|r| r.code());
    assert_eq!(typed(r#","typ":"application/statuslist+jwt""#), Ok(()));
    assert_eq!(typed(r#","typ":"StatusList+JWT""#), Ok(()));
    assert_eq!(typed(""), Err("token.type_missing"));
    assert_eq!(typed(r#","typ":"JWT""#), Err("token.type_mismatch"));
    assert_eq!(typed(r#","typ":"statuslist+cwt""#), Err("token.type_mismatch"));
    assert_eq!(typed(r#","typ":"statuslist+jwt","crit":["x"],"x":1"#), Err("token.critical_unknown"));
    let of =
        |alg: &str| open(&format!(r#"{{"alg":"{alg}","typ":"statuslist+jwt"}}"#), &claims(&[])).unwrap_err().code();
    assert_eq!(of("none"), "token.algorithm_none");
    assert_eq!(of("HS256"), "token.algorithm_mac");
}

#[test]
fn a_claim_is_not_judged_before_the_signature() {
    let token = jwt(HEADER, &claims(&[("exp", "1")]));
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", base64url::encode(&[1; 64]));
    let code =
        |token: &str| StatusList::open_jwt(token.as_bytes(), &keys(), URI, AT, &Options::default()).unwrap_err().code();
    assert_eq!(code(&token), "status.expired");
    assert!(code(&forged).starts_with("crypto.signature_"), "{}", code(&forged));
}

#[test]
fn options_mean_what_they_say() {
    let open = |changes: &[(&str, &str)], options: Options| {
        let token = jwt(HEADER, &claims(changes));
        StatusList::open_jwt(token.as_bytes(), &keys(), URI, AT, &options).map(|_| ()).map_err(|r| r.code())
    };
    let leeway = |leeway| Options { leeway, ..Options::default() };
    assert_eq!(open(&[("exp", "1789999970")], leeway(30)), Err("status.expired"));
    assert_eq!(open(&[("exp", "1789999971")], leeway(30)), Ok(()));
    assert_eq!(open(&[("nbf", "1790000031")], leeway(30)), Err("status.not_yet_valid"));
    assert_eq!(open(&[("nbf", "1790000030")], leeway(30)), Ok(()));
    assert_eq!(open(&[("iat", "1790000031")], leeway(30)), Err("status.issued_in_future"));
    assert_eq!(open(&[("iat", "1790000030")], leeway(30)), Ok(()));

    let inflated = |max_inflated| Options { max_inflated, ..Options::default() };
    assert_eq!(open(&[], inflated(2)), Ok(()));
    assert_eq!(open(&[], inflated(1)), Err("status.inflates_too_large"));

    let length = jwt(HEADER, &claims(&[])).len();
    let token = |max_token| Options { max_token, ..Options::default() };
    assert_eq!(open(&[], token(length)), Ok(()));
    assert_eq!(open(&[], token(length - 1)), Err("status.token_too_large"));

    let algorithms = |list: &[Algorithm]| Options { algorithms: Some(list.into()), ..Options::default() };
    assert_eq!(open(&[], algorithms(&[Algorithm::Ed25519])), Ok(()));
    assert_eq!(open(&[], algorithms(&[Algorithm::Es256])), Err("token.algorithm_not_accepted"));
}

#[test]
fn a_token_may_be_longer_than_other_tokens() {
    let noise: Vec<u8> = (0..600_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let lst = base64url::encode(&compress(&noise, 0));
    let list = format!(r#"{{"bits":8,"lst":"{lst}"}}"#);
    let list = open(HEADER, &claims(&[("status_list", &list)])).unwrap();
    assert_eq!(list.get(599_999).unwrap().value, noise[599_999]);
    assert!(list.held_bytes() * 5 <= noise.len() * 6);
}

#[test]
fn many_small_claims_are_refused_not_held() {
    let many = format!("[{}0]", "0,".repeat(1_000_000));
    assert_eq!(code(&[("more", &many)]), "json.items");
}

#[test]
fn what_held_when_it_was_opened_is_asked_again() {
    let list = open(HEADER, &claims(&[("nbf", "1789999950")])).unwrap();
    let code = |at| list.check_at(at, 0).map_err(|rejection| rejection.code());
    assert_eq!(code(1_789_999_899), Err("status.issued_in_future"));
    assert_eq!(code(1_789_999_949), Err("status.not_yet_valid"));
    assert_eq!(code(1_789_999_950), Ok(()));
    assert_eq!(code(1_790_086_399), Ok(()));
    assert_eq!(code(1_790_086_400), Err("status.expired"));
    assert!(list.check_at(1_790_086_400, 1).is_ok());
}

#[test]
fn every_check_is_told_in_order() {
    let token = jwt(HEADER, &claims(&[]));
    let mut findings = Findings::default();
    StatusList::explain_jwt(token.as_bytes(), &keys(), URI, AT, &Options::default(), &mut findings).unwrap();
    let names: Vec<&str> = findings.0.iter().map(|finding| finding.check).collect();
    assert_eq!(
        names,
        [
            "form",
            "algorithm",
            "critical extensions",
            "type",
            "key identifier",
            "key",
            "signature",
            "claims",
            "required claims",
            "subject",
            "issued at",
            "expiry",
            "not before",
            "time to live",
            "status list",
            "decompression",
        ]
    );
    assert!(findings.0.iter().all(|finding| matches!(finding.outcome, Outcome::Passed(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A token bent in any byte is refused, and never panics.
    #[test]
    fn no_bent_token_opens(at in any::<prop::sample::Index>(), with in 1..=255u8, cut in any::<bool>()) {
        let mut token = jwt(HEADER, &claims(&[])).into_bytes();
        let at = at.index(token.len());
        token[at] ^= with;
        if cut {
            token.truncate(at);
        }
        prop_assert!(StatusList::open_jwt(&token, &keys(), URI, AT, &Options::default()).is_err());
    }

    /// Signed claims of any shape have a code.
    #[test]
    fn no_claims_panic(
        name in prop::sample::select(Vec::from(["sub", "iat", "exp", "nbf", "ttl", "status_list", "aud"])),
        value in prop::sample::select(Vec::from([
            "0", "-1", "1e308", "-1e308", "0.1", "\"\"", "null", "true", "[]", "{}", "18446744073709551615",
            r#"{"bits":8,"lst":"eNo"}"#, r#"{"bits":8,"lst":"eNoA"}"#, r#"{"bits":{},"lst":{}}"#,
        ])),
    ) {
        let code = code(&[(name, value)]);
        prop_assert!(code == "accepted" || code.contains('.'));
    }
}
