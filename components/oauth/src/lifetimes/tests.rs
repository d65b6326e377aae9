use std::{format, string::String, vec::Vec};

use portcullis_types::{Findings, Rejection, Silent, Timestamp, json};

use super::{Ahead, ExpirationTypes, Grant, Lifetimes, MAX_CLOCK_STEP, Next, check_introspection, check_response};

const T: Timestamp = 1_790_000_000;
const DAY: u64 = 86_400;

fn of(text: &str) -> Result<Lifetimes, Rejection> {
    Lifetimes::of_token_response(&json::parse_object(text.as_bytes()).unwrap(), T, false, &mut Silent)
}

fn code<T>(result: Result<T, Rejection>) -> &'static str {
    result.map_or_else(|refused| refused.code(), |_| "accepted")
}

fn next(text: &str, after: u64) -> Next {
    of(text).unwrap().plan(T + after, &Ahead::default()).unwrap().next
}

/// The example of section 6.3: seven days to exchange, ten days of authorization.
const EXAMPLE: &str = r#"{"access_token":"a","refresh_token":"r","expires_in":3600,"refresh_token_timeout":604800,
    "authorization_expires_in":864000}"#;

#[test]
fn former_names_mean_the_same() {
    for (timeout, authorization) in [
        ("\"refresh_token_timeout\":100", "\"authorization_expires_in\":200"),
        ("\"refresh_token_inactivity_timeout\":100", "\"consent_expires_in\":200"),
        ("\"refresh_token_expires_in\":100", "\"consent_expires_in\":\"200\""),
        ("\"refresh_token_expires_in\":\"100\"", "\"authorization_expires_at\":1790000200"),
        ("\"refresh_token_expires_at\":1790000100", "\"consent_expires_at\":1790000200"),
        ("\"refresh_token_timeout\":100,\"refresh_token_expires_in\":100", "\"consent_expires_in\":200"),
    ] {
        let read = of(&format!("{{{timeout},{authorization}}}")).unwrap();
        assert_eq!(read.timeout_ends(), Some(T + 100), "{timeout}");
        assert_eq!(read.authorization_expires(), Some(T + 200), "{authorization}");
        assert!(read.has_refresh_token(), "the parameters are about one");
    }
}

#[test]
fn names_that_disagree_are_not_believed() {
    for text in [
        r#"{"refresh_token_timeout":100,"refresh_token_expires_in":101}"#,
        r#"{"refresh_token_timeout":100,"refresh_token_inactivity_timeout":99}"#,
        r#"{"authorization_expires_in":100,"consent_expires_in":"101"}"#,
        r#"{"authorization_expires_at":1790000100,"consent_expires_at":1790000101}"#,
        r#"{"expires_in":100,"expires_at":1790000161}"#,
        r#"{"expires_in":100,"expires_at":1790000039}"#,
    ] {
        assert_eq!(code(of(text)), "lifetimes.conflict", "{text}");
    }
    // Two clocks and a slow answer: the earlier end counts.
    assert_eq!(of(r#"{"expires_in":100,"expires_at":1790000160}"#).unwrap().access_expires(), Some(T + 100));
    assert_eq!(of(r#"{"expires_in":100,"expires_at":1790000040}"#).unwrap().access_expires(), Some(T + 40));
}

#[test]
fn what_is_no_lifetime_is_refused() {
    for value in ["-1", "1.5", "\"3600\"", "null", "true", "[]", "9007199254740992", "1e3"] {
        for name in ["expires_in", "expires_at", "refresh_token_timeout", "authorization_expires_in"] {
            let text = format!("{{\"{name}\":{value}}}");
            assert_eq!(code(of(&text)), "lifetimes.value", "{text}");
        }
    }
    for value in [
        "\"\"",
        "\"-1\"",
        "\"+1\"",
        "\"01\"",
        "\" 1\"",
        "\"1.0\"",
        "\"9007199254740992\"",
        "\"99999999999999999999999\"",
    ] {
        let text = format!("{{\"consent_expires_in\":{value}}}");
        assert_eq!(code(of(&text)), "lifetimes.value", "{text}");
    }
    assert_eq!(code(of(r#"{"expires_in":9007199254740991}"#)), "lifetimes.out_of_range");
    // A large value is meant as it stands (section 6.1.2).
    assert_eq!(of(r#"{"authorization_expires_in":315569520}"#).unwrap().authorization_expires(), Some(T + 315_569_520));
}

#[test]
fn nothing_lasts_longer_than_the_authorization() {
    let text = r#"{"refresh_token_timeout":101,"authorization_expires_in":100}"#;
    assert_eq!(code(of(text)), "lifetimes.timeout_exceeds_authorization");
    let text = r#"{"expires_in":101,"authorization_expires_in":100}"#;
    assert_eq!(code(of(text)), "lifetimes.access_exceeds_authorization");
    let text = r#"{"expires_in":100,"refresh_token_timeout":100,"authorization_expires_in":100}"#;
    assert_eq!(code(of(text)), "accepted");
    let read = of(r#"{"refresh_token":"r","authorization_expires_in":100}"#).unwrap();
    assert_eq!(read.refresh_expires(), Some(T + 100), "without a timeout the authorization's end is the token's");
    assert_eq!(read.timeout_ends(), None);
}

#[test]
fn a_refresh_token_is_there_or_was_presented() {
    assert!(!of(r#"{"access_token":"a","expires_in":3600}"#).unwrap().has_refresh_token());
    assert!(of(r#"{"refresh_token":"r"}"#).unwrap().has_refresh_token());
    assert!(of(r#"{"authorization_expires_in":9}"#).unwrap().has_refresh_token());
    let response = json::parse_object(br#"{"access_token":"a","expires_in":3600}"#).unwrap();
    let read = Lifetimes::of_token_response(&response, T, true, &mut Silent).unwrap();
    assert!(read.has_refresh_token(), "the one that was presented stays");
}

#[test]
fn the_example_of_the_draft_through_its_days() {
    assert_eq!(next(EXAMPLE, 0), Next::None);
    assert_eq!(next(EXAMPLE, 3569), Next::None);
    assert_eq!(next(EXAMPLE, 3570), Next::Refresh);
    assert_eq!(next(EXAMPLE, 6 * DAY - 1), Next::Refresh);
    assert_eq!(next(EXAMPLE, 6 * DAY), Next::Rotate, "a day before the timeout");
    assert_eq!(next(EXAMPLE, 7 * DAY - 1), Next::Rotate);
    assert_eq!(next(EXAMPLE, 7 * DAY), Next::Ask, "day 8 of the example: held for too long");
    let plan = of(EXAMPLE).unwrap().plan(T, &Ahead::default()).unwrap();
    assert_eq!(plan.refresh_at, Some(T + 3570));
    assert_eq!(plan.rotate_at, Some(T + 6 * DAY));
    assert_eq!(plan.ask_at, Some(T + 10 * DAY));
    assert_eq!(plan.warn_at, Some(T + 10 * DAY - 2 * DAY - DAY / 2), "a quarter of ten days, which is less than three");
    assert!(!plan.warn);
}

#[test]
fn a_token_that_ends_with_the_authorization_is_not_rotated() {
    let text =
        r#"{"refresh_token":"r","expires_in":3600,"refresh_token_timeout":259200,"authorization_expires_in":259200}"#;
    let plan = of(text).unwrap().plan(T + 3 * DAY - 10, &Ahead::default()).unwrap();
    assert_eq!((plan.next, plan.rotate_at), (Next::Refresh, None));
    assert!(plan.warn);
    assert_eq!(next(text, 3 * DAY), Next::Ask);
}

#[test]
fn the_user_is_asked_when_nothing_else_works() {
    // Without a refresh token the access token is all.
    let text = r#"{"access_token":"a","expires_in":3600}"#;
    assert_eq!(next(text, 3599), Next::None);
    assert_eq!(next(text, 3600), Next::Ask);
    let plan = of(text).unwrap().plan(T + 2700, &Ahead::default()).unwrap();
    assert_eq!((plan.ask_at, plan.warn_at, plan.warn), (Some(T + 3600), Some(T + 2700), true));
    // The refresh token was lost while the access token is good: it still serves, and the user should know.
    let text = r#"{"refresh_token":"r","expires_in":3600,"refresh_token_timeout":1800}"#;
    assert_eq!(next(text, 1349), Next::None);
    assert_eq!(next(text, 1350), Next::Rotate, "although the access token is good");
    let plan = of(text).unwrap().plan(T + 1800, &Ahead::default()).unwrap();
    assert_eq!((plan.next, plan.warn, plan.ask_at), (Next::None, true, Some(T + 3600)));
    assert_eq!(next(text, 3600), Next::Ask);
    // Nothing is known of an end: nothing is due.
    for text in [r#"{"access_token":"a"}"#, r#"{"refresh_token":"r"}"#] {
        assert_eq!(next(text, 1_000_000_000), Next::None, "{text}");
    }
    assert_eq!(next(r#"{"refresh_token":"r","expires_in":0}"#, 0), Next::Refresh);
    assert_eq!(next(r#"{"refresh_token":"r","authorization_expires_in":0}"#, 0), Next::Ask);
    assert_eq!(next(r#"{"error":"invalid_grant"}"#, 0), Next::Ask);
    assert_eq!(code(of(r#"{"error":"invalid_client"}"#)), "lifetimes.error_response");
    assert_eq!(code(of(r#"{"error":7}"#)), "lifetimes.error_response");
}

#[test]
fn short_lives_are_not_due_at_once() {
    let text = r#"{"refresh_token":"r","expires_in":60,"refresh_token_timeout":600}"#;
    assert_eq!(next(text, 53), Next::None, "a tenth, not thirty seconds");
    assert_eq!(next(text, 54), Next::Refresh);
    assert_eq!(next(text, 449), Next::Refresh);
    assert_eq!(next(text, 450), Next::Rotate);
    let never = Ahead { refresh: 0, rotate: 0, warn: 0 };
    let plan = of(text).unwrap().plan(T + 59, &never).unwrap();
    assert_eq!((plan.next, plan.refresh_at, plan.rotate_at), (Next::None, Some(T + 60), Some(T + 600)));
    let always = Ahead { refresh: u64::MAX, rotate: u64::MAX, warn: u64::MAX };
    assert_eq!(of(text).unwrap().plan(T, &always).unwrap().next, Next::None);
}

#[test]
fn a_clock_that_was_set_back_decides_nothing() {
    let read = of(EXAMPLE).unwrap();
    assert_eq!(code(read.plan(T - MAX_CLOCK_STEP, &Ahead::default())), "accepted");
    assert_eq!(code(read.plan(T - MAX_CLOCK_STEP - 1, &Ahead::default())), "lifetimes.received_in_future");
}

fn introspected(text: &str) -> Result<Lifetimes, Rejection> {
    Lifetimes::of_introspection(&json::parse_object(text.as_bytes()).unwrap(), T, &mut Silent)
}

#[test]
fn an_introspection_tells_the_same() {
    let read =
        introspected(r#"{"active":true,"refresh_token_timeout":100,"authorization_expires_in":300,"exp":1790000200}"#)
            .unwrap();
    assert_eq!(read.refresh_expires(), Some(T + 100));
    assert_eq!(introspected(r#"{"active":true,"exp":1790000200}"#).unwrap().refresh_expires(), Some(T + 200));
    let plan = introspected(r#"{"active":false}"#).unwrap().plan(T, &Ahead::default()).unwrap();
    assert_eq!(plan.next, Next::Ask);
    for text in ["{}", r#"{"active":"true"}"#, r#"{"active":null}"#] {
        assert_eq!(code(introspected(text)), "lifetimes.introspection_active", "{text}");
    }
    let earlier = introspected(r#"{"active":true,"refresh_token_timeout":300,"exp":1790000200}"#).unwrap();
    assert_eq!(earlier.refresh_expires(), Some(T + 200));
    assert_eq!(code(introspected(r#"{"active":true,"exp":"1"}"#)), "lifetimes.value");
    let text = r#"{"active":true,"exp":1790000101,"authorization_expires_in":100}"#;
    assert_eq!(code(introspected(text)), "lifetimes.timeout_exceeds_authorization");
    let text = r#"{"active":true,"refresh_token_timeout":101,"authorization_expires_in":100}"#;
    assert_eq!(code(introspected(text)), "lifetimes.timeout_exceeds_authorization");
}

fn declared(text: &str) -> Result<Option<ExpirationTypes>, Rejection> {
    ExpirationTypes::of_metadata(&json::parse_object(text.as_bytes()).unwrap())
}

#[test]
fn metadata_under_both_names() {
    let both = Some(ExpirationTypes { authorization: true, token_timeout: true });
    let now = r#"{"refresh_token_expiration_types_supported":["authorization","token_timeout","more"]}"#;
    let then = r#"{"refresh_token_expiration_types":["consent","credential"]}"#;
    assert_eq!(declared(now).unwrap(), both);
    assert_eq!(declared(then).unwrap(), both);
    assert_eq!(declared(r#"{"issuer":"https://as.example"}"#).unwrap(), None);
    assert_eq!(
        declared(r#"{"refresh_token_expiration_types_supported":[]}"#).unwrap(),
        Some(ExpirationTypes::default())
    );
    let differ =
        r#"{"refresh_token_expiration_types_supported":["authorization"],"refresh_token_expiration_types":[]}"#;
    assert_eq!(code(declared(differ)), "lifetimes.conflict");
    for value in ["\"authorization\"", "[1]", "null"] {
        let text = format!("{{\"refresh_token_expiration_types_supported\":{value}}}");
        assert_eq!(code(declared(&text)), "lifetimes.metadata_type", "{text}");
    }
}

fn answer(text: &str, grant: Grant) -> &'static str {
    code(check_response(&json::parse_object(text.as_bytes()).unwrap(), &grant, None, T, &mut Silent))
}

#[test]
fn a_server_tells_what_is_left_and_no_more() {
    let grant = Grant { authorization_expires: Some(T + 864_000), refresh_expires: Some(T + 604_800) };
    assert_eq!(answer(EXAMPLE, grant), "accepted");
    // Of several scopes the shortest counts (section 6.1.1).
    let less = EXAMPLE.replace("604800", "1000").replace("864000", "5000");
    assert_eq!(answer(&less, grant), "accepted");
    assert_eq!(answer(&EXAMPLE.replace("604800", "604801"), grant), "lifetimes.timeout_overstated");
    assert_eq!(answer(&EXAMPLE.replace("864000", "864001"), grant), "lifetimes.authorization_overstated");
    let without = |name: &str| EXAMPLE.replace(name, "x");
    assert_eq!(answer(&without("authorization_expires_in"), grant), "lifetimes.authorization_missing");
    assert_eq!(answer(&without("refresh_token_timeout"), grant), "lifetimes.timeout_missing");
    // Without a refresh token in the answer nothing has to be told; what is told has to be right.
    assert_eq!(answer(r#"{"access_token":"a","expires_in":3600}"#, grant), "accepted");
    assert_eq!(answer(r#"{"access_token":"a","expires_in":864001}"#, grant), "lifetimes.access_exceeds_authorization");
    assert_eq!(answer(r#"{"consent_expires_in":5}"#, grant), "lifetimes.name_superseded");
    assert_eq!(answer(r#"{"refresh_token_expires_at":5}"#, grant), "lifetimes.name_superseded");
    let wrong = Grant { authorization_expires: Some(T + 10), refresh_expires: Some(T + 11) };
    assert_eq!(answer(r#"{"access_token":"a"}"#, wrong), "lifetimes.timeout_exceeds_authorization");
    // A token that ends with the authorization has no timeout of its own.
    let one = Grant { authorization_expires: Some(T + 10), refresh_expires: Some(T + 10) };
    assert_eq!(answer(r#"{"refresh_token":"r","authorization_expires_in":10}"#, one), "accepted");
    assert_eq!(
        answer(r#"{"refresh_token":"r","refresh_token_timeout":11,"authorization_expires_in":11}"#, one),
        "lifetimes.authorization_overstated"
    );
}

#[test]
fn who_leaves_something_out_declares_it() {
    let response = json::parse_object(br#"{"refresh_token":"r","refresh_token_timeout":10}"#).unwrap();
    let grant = Grant { authorization_expires: None, refresh_expires: Some(T + 10) };
    let check = |types| code(check_response(&response, &grant, types, T, &mut Silent));
    assert_eq!(check(Some(None)), "lifetimes.undeclared");
    assert_eq!(check(Some(Some(ExpirationTypes::default()))), "accepted");
    assert_eq!(check(None), "accepted");
}

#[test]
fn an_introspection_does_not_begin_the_timeout_anew() {
    let grant = Grant { authorization_expires: None, refresh_expires: Some(T + 1000) };
    let asked = |text: &str, at: u64| {
        code(check_introspection(&json::parse_object(text.as_bytes()).unwrap(), &grant, at, &mut Silent))
    };
    let fresh = r#"{"active":true,"refresh_token_timeout":1000}"#;
    assert_eq!(asked(fresh, T), "accepted");
    assert_eq!(asked(fresh, T + 1), "lifetimes.timeout_reset");
    assert_eq!(asked(r#"{"active":true,"refresh_token_timeout":999}"#, T + 1), "accepted");
    assert_eq!(asked(r#"{"active":true}"#, T + 1000), "lifetimes.refresh_expired");
    assert_eq!(asked(r#"{"active":false}"#, T + 1000), "accepted");
    assert_eq!(asked(r#"{"active":true,"refresh_token_expires_in":1}"#, T), "lifetimes.name_superseded");
}

#[test]
fn an_expired_token_is_good_for_nothing() {
    let grant = Grant { authorization_expires: Some(T + 20), refresh_expires: Some(T + 10) };
    assert_eq!(code(grant.accept(T + 9)), "accepted");
    assert_eq!(code(grant.accept(T + 10)), "lifetimes.refresh_expired");
    assert_eq!(code(grant.accept(T + 20)), "lifetimes.authorization_expired");
    assert_eq!(code(Grant::default().accept(u64::MAX)), "accepted");
    assert_eq!(Grant::refresh_end(Some(T + 5), Some(7), T), Some(T + 5));
    assert_eq!(Grant::refresh_end(Some(T + 9), Some(7), T), Some(T + 7));
    assert_eq!(Grant::refresh_end(None, Some(u64::MAX), T), Some(u64::MAX));
    assert_eq!(Grant::refresh_end(None, None, T), None);
}

#[test]
fn each_check_is_told() {
    let mut findings = Findings::default();
    Lifetimes::of_token_response(&json::parse_object(EXAMPLE.as_bytes()).unwrap(), T, false, &mut findings).unwrap();
    let told: Vec<String> = findings.0.iter().map(|finding| finding.check.into()).collect();
    assert_eq!(told.len(), 6, "{told:?}");
}
