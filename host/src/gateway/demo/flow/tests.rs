use std::sync::Arc;

use super::*;
use crate::gateway::demo::index_untrusted;

const ISSUER: &str = "https://issuer.test";
const VERIFIER_TEXT: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const QUERY: &str = "client_id=page&redirect_uri=http://127.0.0.1:5173/back&response_type=code&state=s1&scope=a+b&acr_values=phr\
                     &code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                     &authorization_details=%5B%7B%22type%22%3A%22payment%22%7D%5D";

fn issuer() -> Arc<DemoIssuer> {
    let issuer = Arc::new(DemoIssuer::new(ISSUER, None).unwrap());
    let _ = issuer.pages("127.0.0.1:8081");
    issuer
}

/// The code that a person's yes gives.
fn allowed(issuer: &DemoIssuer, query: &str, now: u64) -> String {
    let ticket = issuer.flow.ask(Request::read(query).unwrap(), now).unwrap();
    let location = issuer.flow.decide(ISSUER, &ticket, true, now).unwrap().unwrap();
    assert_eq!(issuer.flow.decide(ISSUER, &ticket, true, now).unwrap(), None, "a ticket is good once");
    let url = url::Url::parse(&location).unwrap();
    let answer: Vec<(String, String)> = url.query_pairs().map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
    assert!(answer.contains(&("iss".into(), ISSUER.into())) && answer.contains(&("state".into(), "s1".into())));
    answer.into_iter().find(|(name, _)| name == "code").unwrap().1
}

fn exchange(issuer: &DemoIssuer, form: &[(&str, &str)], proven: Option<&str>, now: u64) -> Result<Value, &'static str> {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    issuer.exchange(&Parameters::read(&text).unwrap(), proven, now).map_err(|error| error.error)
}

fn form(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "page"),
        ("redirect_uri", "http://127.0.0.1:5173/back"),
        ("code_verifier", VERIFIER_TEXT),
    ]
}

fn refresh(answer: &Value) -> Vec<(&str, &str)> {
    vec![("grant_type", "refresh_token"), ("refresh_token", answer["refresh_token"].as_str().unwrap())]
}

fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_code_becomes_a_token_that_says_what_was_allowed() {
    let issuer = issuer();
    let code = allowed(&issuer, QUERY, 1_000);
    let answer = exchange(&issuer, &form(&code), None, 1_010).unwrap();
    assert_eq!((answer["token_type"].as_str(), answer["scope"].as_str()), (Some("Bearer"), Some("a b")));
    assert_eq!(answer["expires_in"], 600);
    assert_eq!(
        (&answer["refresh_token_timeout"], &answer["authorization_expires_in"]),
        (&json!(3_600), &json!(86_400))
    );
    assert_eq!(answer["authorization_details"], json!([{"type": "payment"}]));
    let said = claims(&answer);
    assert_eq!((said["sub"].as_str(), said["client_id"].as_str()), (Some("alice"), Some("page")));
    assert_eq!((said["acr"].as_str(), said["auth_time"].as_u64()), (Some("phr"), Some(1_000)));
    assert_eq!((&said["gty"], &said["cxt"]), (&json!("authorization_code"), &json!(["pkce", "rar"])));
    assert_eq!(said["authorization_details"], json!([{"type": "payment"}]));
    // A refreshed one has the same sign-in, and the next refresh token.
    let next = exchange(&issuer, &refresh(&answer), None, 2_000).unwrap();
    assert_eq!((&claims(&next)["auth_time"], &claims(&next)["gty"]), (&json!(1_000), &json!("refresh_token")));
    assert_eq!(next["authorization_expires_in"], 86_400 - 990);
    assert_ne!(next["refresh_token"], answer["refresh_token"]);
    let narrow: Vec<_> = refresh(&next).into_iter().chain([("scope", "b")]).collect();
    assert_eq!(exchange(&issuer, &narrow, None, 2_000).unwrap()["scope"], "b");
}

#[test]
fn a_code_is_good_once_soon_and_for_whom_it_was_given() {
    let issuer = issuer();
    for (name, value) in [
        ("client_id", "other"),
        ("client_id", ""),
        ("redirect_uri", "http://127.0.0.1:5173/back/"),
        ("redirect_uri", ""),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXj"),
        ("code_verifier", ""),
    ] {
        let code = allowed(&issuer, QUERY, 1_000);
        let changed: Vec<_> = form(&code).into_iter().map(|(n, v)| (n, if n == name { value } else { v })).collect();
        assert_eq!(exchange(&issuer, &changed, None, 1_000), Err("invalid_grant"), "{name}={value}");
        assert_eq!(exchange(&issuer, &form(&code), None, 1_000), Err("invalid_grant"), "it was used: {name}={value}");
    }
    let code = allowed(&issuer, QUERY, 1_000);
    assert_eq!(exchange(&issuer, &form(&code), None, 1_000 + CODE_FOR), Err("invalid_grant"), "too late");
    let code = allowed(&issuer, QUERY, 1_000);
    assert!(exchange(&issuer, &form(&code), None, 999 + CODE_FOR).is_ok());
    assert_eq!(exchange(&issuer, &[("grant_type", "password")], None, 1_000), Err("unsupported_grant_type"));
    assert_eq!(exchange(&issuer, &[], None, 1_000), Err("invalid_request"));
}

#[test]
fn what_is_used_twice_ends_all_that_it_gave() {
    let issuer = issuer();
    let revoked = |answer: &Value| {
        let index = index_untrusted(answer["access_token"].as_str().unwrap()).unwrap();
        issuer.state().statuses.is_revoked(index)
    };
    let code = allowed(&issuer, QUERY, 1_000);
    let answer = exchange(&issuer, &form(&code), None, 1_000).unwrap();
    assert!(!revoked(&answer));
    assert_eq!(exchange(&issuer, &form(&code), None, 1_001), Err("invalid_grant"));
    assert!(revoked(&answer));
    assert_eq!(exchange(&issuer, &refresh(&answer), None, 1_001), Err("invalid_grant"));

    let code = allowed(&issuer, QUERY, 1_000);
    let first = exchange(&issuer, &form(&code), None, 1_000).unwrap();
    let second = exchange(&issuer, &refresh(&first), None, 1_000).unwrap();
    assert_eq!(exchange(&issuer, &refresh(&first), None, 1_000), Err("invalid_grant"));
    assert!(revoked(&second));
    assert_eq!(exchange(&issuer, &refresh(&second), None, 1_000), Err("invalid_grant"));
}

#[test]
fn nothing_outlives_what_was_allowed() {
    let issuer = issuer();
    let code = allowed(&issuer, &format!("{QUERY}&authorization_expires_in=90"), 1_000);
    let answer = exchange(&issuer, &form(&code), None, 1_000).unwrap();
    for name in ["expires_in", "refresh_token_timeout", "authorization_expires_in"] {
        assert_eq!(answer[name], 90, "{name}");
    }
    let next = exchange(&issuer, &refresh(&answer), None, 1_089).unwrap();
    assert_eq!((&next["expires_in"], &next["refresh_token_timeout"]), (&json!(1), &json!(1)));
    assert_eq!(exchange(&issuer, &refresh(&next), None, 1_090), Err("invalid_grant"));
    // And one that nobody used in time is gone before.
    let code = allowed(&issuer, QUERY, 1_000);
    let answer = exchange(&issuer, &form(&code), None, 1_000).unwrap();
    assert_eq!(exchange(&issuer, &refresh(&answer), None, 1_000 + REFRESH_TIMEOUT), Err("invalid_grant"));
}

#[test]
fn tokens_are_bound_to_the_key_that_was_proven_and_stay_so() {
    let issuer = issuer();
    let key = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let code = allowed(&issuer, QUERY, 1_000);
    let answer = exchange(&issuer, &form(&code), Some(key), 1_000).unwrap();
    assert_eq!((&answer["token_type"], &claims(&answer)["cnf"]["jkt"]), (&json!("DPoP"), &json!(key)));
    assert_eq!(claims(&answer)["cxt"], json!(["pkce", "dpop", "rar"]));
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(refresh(&answer)).finish();
    assert_eq!(issuer.bound_key(&Parameters::read(&text).unwrap(), 1_000).as_deref(), Some(key));
    for proven in [None, Some("other")] {
        assert_eq!(exchange(&issuer, &refresh(&answer), proven, 1_000), Err("invalid_dpop_proof"));
    }
    assert!(exchange(&issuer, &refresh(&answer), Some(key), 1_000).is_ok(), "a refusal used nothing up");
    // A code may be bound before.
    let bound = format!("{QUERY}&dpop_jkt={key}");
    for proven in [None, Some("other")] {
        let code = allowed(&issuer, &bound, 1_000);
        assert_eq!(exchange(&issuer, &form(&code), proven, 1_000), Err("invalid_dpop_proof"));
    }
    let code = allowed(&issuer, &bound, 1_000);
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(form(&code)).finish();
    assert_eq!(issuer.bound_key(&Parameters::read(&text).unwrap(), 1_000).as_deref(), Some(key));
    assert!(exchange(&issuer, &form(&code), Some(key), 1_000).is_ok());
}

#[test]
fn more_than_was_allowed_is_not_given_later() {
    let issuer = issuer();
    let code = allowed(&issuer, QUERY, 1_000);
    let answer = exchange(&issuer, &form(&code), None, 1_000).unwrap();
    for (name, value, wanted) in [
        ("scope", "a c", "invalid_scope"),
        ("scope", "a  b", "invalid_scope"),
        ("authorization_details", "[]", "invalid_authorization_details"),
        ("client_id", "other", "invalid_grant"),
    ] {
        let more: Vec<_> = refresh(&answer).into_iter().chain([(name, value)]).collect();
        assert_eq!(exchange(&issuer, &more, None, 1_000), Err(wanted), "{name}={value}");
    }
    assert!(exchange(&issuer, &refresh(&answer), None, 1_000).is_ok());
}

#[test]
fn a_no_is_told_to_the_client() {
    let issuer = issuer();
    let ticket = issuer.flow.ask(Request::read(QUERY).unwrap(), 1_000).unwrap();
    assert_eq!(issuer.flow.decide(ISSUER, "other", true, 1_000).unwrap(), None);
    let location = issuer.flow.decide(ISSUER, &ticket, false, 1_000).unwrap().unwrap();
    assert!(location.starts_with("http://127.0.0.1:5173/back?error=access_denied&"), "{location}");
    assert!(location.contains("&state=s1&iss=https"));
    let ticket = issuer.flow.ask(Request::read(QUERY).unwrap(), 1_000).unwrap();
    assert_eq!(issuer.flow.decide(ISSUER, &ticket, true, 1_000 + ASKED_FOR).unwrap(), None, "too late");
}

#[test]
fn an_answer_is_put_behind_a_query_that_is_there() {
    let location = super::location("http://127.0.0.1/?a=1", None, ISSUER, &[("code", "c&d")]);
    assert_eq!(location, "http://127.0.0.1/?a=1&code=c%26d&iss=https%3A%2F%2Fissuer.test");
    assert_eq!(description("a \"b\" \\ ä\n"), "a 'b' ' ??");
}
