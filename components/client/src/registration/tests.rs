//! The decisions of registration on first use.

use alloc::vec;

use portcullis_types::json;

use super::*;

const AT: Timestamp = 1_790_000_000;
const DAY: Timestamp = DEFAULT_LIFETIME;

fn id() -> SpiffeId {
    SpiffeId::parse("spiffe://example.org/ns/a").unwrap()
}

fn policy(more: &str) -> RegistrationPolicy {
    let text = format!("{{\"register\":[\"spiffe://example.org/ns/*\"]{more}}}");
    RegistrationPolicy::from_object(&json::parse_object(text.as_bytes()).unwrap()).unwrap()
}

fn claims(text: &str) -> Object {
    json::parse_object(text.as_bytes()).unwrap()
}

fn code_and_status(made: Result<Registered, Unregistered>) -> (&'static str, u16, &'static str) {
    let refused = made.unwrap_err();
    (refused.rejection.code(), refused.answer.status, refused.answer.error)
}

#[test]
fn a_record_holds_until_it_ends_and_then_the_client_registers_again() {
    let (policy, flow) = (policy(""), Flow::default());
    let claims = claims(r#"{"client_name":"a"}"#);
    let first = decide(&id(), Some(&claims), None, &flow, &policy, AT).unwrap();
    assert_eq!((first.outcome, first.store), (Outcome::Registered, true));
    assert_eq!((first.record.registered_at, first.record.expires_at), (AT, AT + DAY));
    assert_eq!(first.record.client_id, id());
    assert!(first.record.complete && first.record.metadata.has("client_name"));
    let stored = Record::parse(&first.record.to_text()).unwrap();

    let later = decide(&id(), None, Some(&stored), &flow, &policy, AT + DAY - 1).unwrap();
    assert_eq!((later.outcome, later.store, &later.record), (Outcome::Existing, false, &stored));

    let again = decide(&id(), None, Some(&stored), &flow, &policy, AT + DAY).unwrap();
    assert_eq!((again.outcome, again.store), (Outcome::Renewed, true));
    assert_eq!((again.record.registered_at, again.record.expires_at), (AT + DAY, AT + 2 * DAY));
    assert!(!again.record.metadata.has("client_name"), "what nobody says any more is not kept");
}

#[test]
fn a_record_that_holds_stands_as_it_is() {
    let (policy, flow) = (policy(""), Flow::default());
    let stored = decide(&id(), Some(&claims(r#"{"client_name":"a"}"#)), None, &flow, &policy, AT).unwrap().record;
    let other = claims(r#"{"client_name":"b","scope":"all"}"#);
    let made = decide(&id(), Some(&other), Some(&stored), &flow, &policy, AT + 1).unwrap();
    assert_eq!((made.outcome, made.store, made.record), (Outcome::Existing, false, stored));
}

#[test]
fn only_who_may_is_registered_and_the_right_can_be_taken_away() {
    let (allowed, flow) = (policy(""), Flow::default());
    let stranger = SpiffeId::parse("spiffe://example.org/other/a").unwrap();
    let wanted = ("registration.not_permitted", 400, "invalid_client");
    assert_eq!(code_and_status(decide(&stranger, None, None, &flow, &allowed, AT)), wanted);
    let stored = decide(&id(), None, None, &flow, &allowed, AT).unwrap().record;
    let narrower = RegistrationPolicy { register: Vec::new(), ..allowed };
    assert_eq!(code_and_status(decide(&id(), None, Some(&stored), &flow, &narrower, AT)), wanted);
}

#[test]
fn who_comes_back_is_who_went() {
    let policy = policy("");
    let flow = Flow { client_id: Some("spiffe://example.org/ns/b"), ..Flow::default() };
    let wanted = ("registration.client_mismatch", 401, "invalid_client");
    assert_eq!(code_and_status(decide(&id(), None, None, &flow, &policy, AT)), wanted);
    let flow = Flow { client_id: Some("spiffe://example.org/ns/a"), ..Flow::default() };
    assert!(decide(&id(), None, None, &flow, &policy, AT).is_ok());
}

#[test]
fn a_store_that_mixes_clients_up_is_not_believed() {
    let (policy, flow) = (policy(""), Flow::default());
    let other = SpiffeId::parse("spiffe://example.org/ns/b").unwrap();
    let stored = decide(&other, None, None, &flow, &policy, AT).unwrap().record;
    let refused = decide(&id(), None, Some(&stored), &flow, &policy, AT).unwrap_err();
    assert_eq!((refused.rejection.code(), refused.answer.status), ("registration.record_other", 503));
    assert_eq!(refused.answer.headers, [("Retry-After", String::from("5"))]);
    let refused = admit_redirect(id().as_str(), None, Some(&stored), &policy, AT).unwrap_err();
    assert_eq!(refused.rejection.code(), "registration.record_other");
}

#[test]
fn a_redirect_uri_comes_from_who_is_trusted_with_it() {
    let uri = "https://a.example/cb";
    let said = claims(r#"{"redirect_uris":["https://a.example/cb"]}"#);
    let flow = Flow { redirect_uri: Some(uri), ..Flow::default() };
    let other = Flow { redirect_uri: Some("https://a.example/cb/"), ..Flow::default() };
    let incomplete = ("registration.incomplete", 403, "unauthorized_client");

    // Nobody says it; then only somebody who is not trusted with it.
    assert_eq!(code_and_status(decide(&id(), None, None, &flow, &policy(""), AT)), incomplete);
    assert_eq!(code_and_status(decide(&id(), Some(&said), None, &flow, &policy(""), AT)), incomplete);

    let trusting = policy(r#","redirect_sources":["jwt_svid"]"#);
    assert!(decide(&id(), Some(&said), None, &flow, &trusting, AT).is_ok());
    let wanted = ("registration.redirect_uri_mismatch", 400, "invalid_redirect_uri");
    assert_eq!(code_and_status(decide(&id(), Some(&said), None, &other, &trusting, AT)), wanted);

    let list = r#"[{"spiffe_id":"spiffe://example.org/ns/a","metadata":{"redirect_uris":["https://a.example/cb"]}}]"#;
    let configured = policy(&format!(",\"clients\":{list}"));
    assert!(decide(&id(), None, None, &flow, &configured, AT).is_ok());
    // The configuration is asked before the SVID, and not at all where it is not trusted.
    let untrusted = policy(&format!(",\"clients\":{list},\"redirect_sources\":[]"));
    assert_eq!(code_and_status(decide(&id(), Some(&said), None, &flow, &untrusted, AT)), incomplete);
    let both = policy(&format!(",\"clients\":{list},\"redirect_sources\":[\"configuration\",\"jwt_svid\"]"));
    let more = claims(r#"{"redirect_uris":["https://evil.example/"]}"#);
    let evil = Flow { redirect_uri: Some("https://evil.example/"), ..Flow::default() };
    assert_eq!(code_and_status(decide(&id(), Some(&more), None, &evil, &both, AT)), wanted);
}

#[test]
fn a_registration_is_incomplete_until_all_is_known() {
    let policy = policy(r#","required":["client_name","contacts"]"#);
    let flow = Flow::default();
    let refused = decide(&id(), Some(&claims(r#"{"client_name":"a"}"#)), None, &flow, &policy, AT).unwrap_err();
    assert_eq!((refused.rejection.code(), refused.answer.status), ("registration.incomplete", 403));
    assert!(refused.rejection.detail().contains("contacts") && !refused.rejection.detail().contains("client_name"));
    let kept = *refused.record.unwrap();
    assert!(!kept.complete && kept.metadata.has("client_name"));

    // Nothing new: refused again, and nothing to store.
    let refused = decide(&id(), Some(&claims(r#"{"client_name":"a"}"#)), Some(&kept), &flow, &policy, AT + 5);
    assert_eq!(refused.unwrap_err().record, None);

    let all = claims(r#"{"client_name":"a","contacts":["ops@example.org"]}"#);
    let made = decide(&id(), Some(&all), Some(&kept), &flow, &policy, AT + 10).unwrap();
    assert_eq!((made.outcome, made.store, made.record.complete), (Outcome::Registered, true, true));
    assert_eq!((made.record.registered_at, made.record.expires_at), (AT + 10, AT + 10 + DAY));

    let empty = claims(r#"{"client_name":"","contacts":[]}"#);
    let refused = decide(&id(), Some(&empty), None, &flow, &policy, AT).unwrap_err();
    assert_eq!(refused.rejection.code(), "registration.incomplete");
}

#[test]
fn a_client_of_other_flows_may_come_to_redirect_and_loses_nothing_if_not() {
    let trusting = policy(r#","redirect_sources":["jwt_svid"]"#);
    let stored = decide(&id(), None, None, &Flow::default(), &trusting, AT).unwrap().record;
    let flow = Flow { redirect_uri: Some("https://a.example/cb"), ..Flow::default() };
    let refused = decide(&id(), None, Some(&stored), &flow, &trusting, AT + 1).unwrap_err();
    assert_eq!((refused.rejection.code(), refused.record), ("registration.incomplete", None));
    let said = claims(r#"{"redirect_uris":["https://a.example/cb"]}"#);
    let made = decide(&id(), Some(&said), Some(&stored), &flow, &trusting, AT + 1).unwrap();
    assert_eq!((made.outcome, made.store), (Outcome::Existing, true));
    assert_eq!((made.record.registered_at, made.record.expires_at), (AT, AT + DAY));
}

#[test]
fn grants_are_those_of_the_policy_and_of_the_client() {
    let with = |grant_type| Flow { grant_type: Some(grant_type), ..Flow::default() };
    let limited = policy(r#","grant_types":["client_credentials"]"#);
    assert!(decide(&id(), None, None, &with("client_credentials"), &limited, AT).is_ok());
    let wanted = ("registration.grant_type", 400, "unauthorized_client");
    assert_eq!(code_and_status(decide(&id(), None, None, &with("password"), &limited, AT)), wanted);
    let said = claims(r#"{"grant_types":["refresh_token"]}"#);
    let wanted = ("registration.grant_type_of_client", 400, "unauthorized_client");
    let made = decide(&id(), Some(&said), None, &with("client_credentials"), &policy(""), AT);
    assert_eq!(code_and_status(made), wanted);
    assert!(decide(&id(), Some(&said), None, &with("refresh_token"), &policy(""), AT).is_ok());
}

#[test]
fn bad_metadata_registers_nobody() {
    let flow = Flow::default();
    for (text, wanted) in [
        (r#"{"client_name":1}"#, ("registration.metadata_type", 400, "invalid_client_metadata")),
        (
            r#"{"redirect_uris":["http://a.example/"]}"#,
            ("registration.redirect_uri_invalid", 400, "invalid_redirect_uri"),
        ),
        (r#"{"spiffe_id":"spiffe://td/b"}"#, ("registration.metadata_spiffe_id", 400, "invalid_client_metadata")),
    ] {
        assert_eq!(code_and_status(decide(&id(), Some(&claims(text)), None, &flow, &policy(""), AT)), wanted);
    }
}

#[test]
fn a_browser_is_sent_back_where_a_trusted_source_says_and_stores_nothing() {
    let list = r#"[{"spiffe_id":"spiffe://example.org/ns/a","metadata":{"redirect_uris":["https://a.example/cb"]}}]"#;
    let configured = policy(&format!(",\"clients\":{list}"));
    let admit = |client: &str, uri, stored: Option<&Record>, policy: &RegistrationPolicy| {
        admit_redirect(client, uri, stored, policy, AT)
            .map_err(|refused| (refused.rejection.code(), refused.answer.status))
    };
    let uri = "https://a.example/cb";
    assert_eq!(admit(id().as_str(), Some(uri), None, &configured), Ok(uri.into()));
    assert_eq!(admit(id().as_str(), None, None, &configured), Ok(uri.into()));
    let mismatch = Err(("registration.redirect_uri_mismatch", 400));
    assert_eq!(admit(id().as_str(), Some("https://a.example/CB"), None, &configured), mismatch);
    let incomplete = Err(("registration.incomplete", 403));
    assert_eq!(admit("spiffe://example.org/ns/b", Some(uri), None, &configured), incomplete);
    assert_eq!(admit("spiffe://example.org/x", Some(uri), None, &configured), Err(("registration.not_permitted", 400)));
    assert_eq!(admit("https://a.example/client", Some(uri), None, &configured), Err(("spiffe.scheme", 400)));

    // What the workload's SVID said when it registered counts while the record holds.
    let trusting = policy(r#","redirect_sources":["jwt_svid"]"#);
    let said = claims(r#"{"redirect_uris":["https://a.example/1","https://a.example/2"]}"#);
    let stored = decide(&id(), Some(&said), None, &Flow::default(), &trusting, AT - DAY + 1).unwrap().record;
    assert_eq!(
        admit(id().as_str(), Some("https://a.example/2"), Some(&stored), &trusting),
        Ok("https://a.example/2".into())
    );
    assert_eq!(admit(id().as_str(), None, Some(&stored), &trusting), mismatch);
    let ended = Record { expires_at: AT, ..stored };
    assert_eq!(admit(id().as_str(), Some("https://a.example/2"), Some(&ended), &trusting), incomplete);
    assert_eq!(vec![ended.is_live(AT - 1), ended.is_live(AT)], [true, false]);
}
