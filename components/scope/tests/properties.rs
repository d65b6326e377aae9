//! What holds for every input: nothing traps, what is written reads back, and an intersection grants nothing of its own.

use portcullis_scope::{
    AcrValues, AuthorizationDetails, Challenge, ClaimRequirements, Granted, Need, Realm, Required, ResourceMetadata,
    ScopeSet, Settings, evaluate,
    oci::{Access, allows::allows, intersect::intersect, required::required_for, scope},
};
use portcullis_types::json;
use proptest::{collection::vec, prelude::*};

/// Texts that come close to what the parsers read.
fn near(pattern: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![pattern, ".*", "[ -~]{0,40}"]
}

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_string()),
        "true|false|0|1|-1|1\\.5|1e2|9007199254740993".prop_map(String::from),
        "[a-c]{0,2}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec(("type|actions|identifier|scope|acr|auth_time|contains|a|b", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Access over few names and actions, so that lists meet.
fn access() -> impl Strategy<Value = Vec<Access>> {
    let one = ("repository|registry", proptest::option::of("plugin"), "a|b|a/b", vec("pull|push|delete|\\*|", 0..4));
    let one = one.prop_map(|(resource_type, class, name, actions)| Access { resource_type, class, name, actions });
    vec(one, 0..5)
}

/// Every single thing that somebody could want.
fn wishes() -> Vec<Access> {
    let mut wishes = Vec::new();
    for resource_type in ["repository", "registry"] {
        for name in ["a", "b", "a/b"] {
            for action in ["pull", "push", "delete", "other", "*", ""] {
                wishes.push(Access {
                    resource_type: resource_type.into(),
                    class: None,
                    name: name.into(),
                    actions: vec![action.into()],
                });
            }
        }
    }
    wishes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsers_never_trap(text in near("(Bearer |repository:|/v2/)?[a-z:/,=\" \\\\%;&?*().-]{0,30}"), method in "GET|POST|.*") {
        let _ = ScopeSet::parse(&text);
        let _ = AcrValues::parse(text.split(','));
        let _ = Challenge::parse(&text);
        let _ = Realm::parse(&text);
        let _ = ResourceMetadata::of_resource(&text);
        let _ = scope::parse(&text);
        let _ = required_for(&method, &text);
        let _ = required_for(&method, &format!("/v2/a/blobs/uploads/?{text}"));
    }

    #[test]
    fn evaluation_never_traps_and_its_challenge_reads_back(
        required in json_text(), granted in json_text(), claims in json_text(), at in any::<u64>(), leeway in any::<u64>(),
    ) {
        let (required, granted) = (json::parse(required.as_bytes()).unwrap(), json::parse(granted.as_bytes()).unwrap());
        let claims = json::parse(claims.as_bytes()).unwrap();
        let needs = Required {
            scope: ScopeSet::parse("a b").ok(),
            authorization_details: AuthorizationDetails::parse(&required).ok(),
            acr_values: AcrValues::parse(["a"]).ok(),
            max_age: Some(leeway / 2),
            claims: required.as_object().and_then(|object| ClaimRequirements::parse(object).ok()),
        };
        let granted = Granted {
            scope: Some(&granted),
            authorization_details: Some(&granted),
            claims: claims.as_object(),
        };
        for required in [
            needs.clone(),
            Required { scope: None, acr_values: None, max_age: None, ..needs.clone() },
            Required { claims: needs.claims.clone(), ..Required::default() },
        ] {
            if let Err(shortfall) = evaluate(&granted, &required, at, leeway) {
                let error = shortfall.need.error().unwrap();
                prop_assert!(shortfall.reason.code().ends_with(error) || shortfall.reason.code().starts_with("json."));
                let answer = shortfall.need.answer(&Settings::default());
                let read = Challenge::parse(&answer.challenge).unwrap();
                prop_assert_eq!(read.get("error"), Some(error));
            }
        }
    }

    #[test]
    fn a_subset_of_what_is_granted_is_enough_and_nothing_else(
        granted in vec("[a-d]{1,2}", 1..6), required in vec("[a-d]{1,2}", 1..6),
    ) {
        let (granted_text, required_text) = (granted.join(" "), required.join(" "));
        let value = json::Value::from(granted_text.as_str());
        let needs = Required { scope: ScopeSet::parse(&required_text).ok(), ..Required::default() };
        let enough = evaluate(&Granted { scope: Some(&value), ..Granted::default() }, &needs, 0, 0).is_ok();
        prop_assert_eq!(enough, required.iter().all(|token| granted.contains(token)));
    }

    #[test]
    fn challenges_read_back(
        scheme in "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}",
        parameters in vec(("[a-z0-9!#$%&'*+.^_`|~-]{1,12}", "[ -~]{0,40}"), 1..6),
    ) {
        let mut challenge = Challenge::new(&scheme).unwrap();
        for (name, value) in &parameters {
            if challenge.get(name).is_none() {
                challenge = challenge.with(name, value).unwrap();
            }
        }
        let header = challenge.to_header();
        prop_assert!(header.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
        prop_assert_eq!(Challenge::parse(&header).unwrap(), challenge);
    }

    #[test]
    fn what_reads_as_a_challenge_writes_and_reads_the_same(
        text in near("Bearer [a-c]=([a-z]{1,3}|\"[ -~]{0,6}\")(,[d-f] ?= ?([a-z]{1,3}|\"[ -~]{0,6}\"))?,? ?"),
    ) {
        if let Ok(challenge) = Challenge::parse(&text) {
            prop_assert_eq!(Challenge::parse(&challenge.to_header()).unwrap(), challenge);
        }
    }

    #[test]
    fn no_header_is_injected(realm in "[ -~]{0,40}", scopes in vec("[!#-\\[\\]-~]{1,10}", 1..4)) {
        let settings = Settings { realm: Realm::parse(&realm).ok(), ..Settings::default() };
        let need = Need::Scope(ScopeSet::from_tokens(scopes.iter().map(String::as_str)).unwrap());
        let read = Challenge::parse(&need.answer(&settings).challenge).unwrap();
        prop_assert_eq!(read.parameters().count(), 3);
        prop_assert_eq!(read.get("realm"), Some(realm.as_str()));
        prop_assert_eq!(read.get("error"), Some("insufficient_scope"));
    }

    #[test]
    fn an_intersection_grants_what_both_grant_and_nothing_else(requested in access(), permitted in access()) {
        let both = intersect(&requested, &permitted).unwrap();
        for wish in wishes() {
            let granted = |list: &[Access]| allows(list, std::slice::from_ref(&wish)).is_ok();
            if granted(&both) {
                prop_assert!(granted(&requested) && granted(&permitted), "{} of {:?}", wish, both);
            } else if !wish.actions.iter().any(String::is_empty) {
                prop_assert!(!granted(&requested) || !granted(&permitted), "{} lost from {:?}", wish, both);
            }
        }
        prop_assert!(both.iter().all(|entry| entry.class.is_none() && !entry.actions.is_empty()));
        prop_assert_eq!(intersect(&both, &both).unwrap(), both);
    }

    #[test]
    fn scopes_of_registries_read_back(access in access()) {
        if let Ok(text) = scope::write(&access) && !text.is_empty() {
            let read = scope::parse(&text).unwrap();
            let plain: Vec<_> = access.into_iter().map(|entry| Access { class: None, ..entry }).collect();
            prop_assert_eq!(read, plain);
        }
    }

    #[test]
    fn what_a_request_needs_is_always_a_scope(
        method in "GET|HEAD|POST|PUT|PATCH|DELETE",
        name in "[a-z0-9._/-]{1,12}",
        end in "tags/list|manifests/v1|blobs/uploads/|blobs/sha256:aa",
        from in proptest::option::of("[a-z0-9._/-]{1,8}"),
    ) {
        let query = from.map(|from| format!("?from={from}")).unwrap_or_default();
        if let Ok(access) = required_for(&method, &format!("/v2/{name}/{end}{query}")) {
            prop_assert_eq!(&scope::parse(&scope::write(&access).unwrap()).unwrap(), &access);
            prop_assert!(allows(&access, &access).is_ok());
        }
    }
}
