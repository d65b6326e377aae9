//! Policies that are refused. Every way to be refused has a snapshot in `components/gate/tests/mistakes`; these are the ones
//! that `docs/policy.md` promises about meaning.

use serde_json::{Value, json};

use super::make::{API, CORP, Check, Group, Key, Want, partner, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("policy");
    let good = Check::new().bearer(&token(&json!({})));
    let with = |path: &str, value: Value| good.clone().policy(path, value);
    let two = good.clone().add("issuers", partner());
    let mut same = partner();
    same["issuer"] = CORP.into();
    let mut controls: Vec<(&str, Check, Want)> = Vec::new();
    let mut refused = |what: &'static str, check: Check, code: &str, why: &str| {
        controls.push((what, check, Want::refused(code, why)));
    };
    refused(
        "rule-unguarded",
        with("rules/0/require", Value::Null),
        "policy.rule_unguarded",
        "a rule says who may pass",
    );
    refused(
        "rule-contradictory",
        with("rules/0/anonymous", json!(true)),
        "policy.rule_contradictory",
        "a rule is open or asks for a credential",
    );
    refused(
        "issuers-left-out",
        two.clone(),
        "policy.rule_issuers_missing",
        "with two issuers a rule names whose scope counts",
    );
    refused(
        "issuer-unknown",
        with("rules/0/issuers", json!(["crop"])),
        "policy.rule_issuer_unknown",
        "a rule names issuers of the policy",
    );
    refused(
        "no-issuers",
        with("issuers", Value::Null),
        "policy.rule_issuers_none",
        "a rule that asks for a credential needs an issuer",
    );
    let same = two.clone().policy("issuers/1", same).policy("rules/0/issuers", json!(["corp"]));
    refused("issuer-twice", same, "policy.issuer_taken", "the same issuer in two entries is an error");
    let mut named = partner();
    named["name"] = "corp".into();
    let named = two.policy("issuers/1", named).policy("rules/0/issuers", json!(["corp"]));
    refused("name-twice", named, "policy.name_taken", "a name means one issuer");
    refused("no-origins", with("origins", Value::Null), "policy.missing_member", "a policy lists the public origins");
    refused(
        "origin-with-path",
        with("origins", json!([format!("{API}/")])),
        "policy.origin_malformed",
        "an origin is a scheme, a host and a port",
    );
    refused(
        "host-unknown",
        with("rules/0/hosts", json!(["other.example"])),
        "policy.rule_host_unknown",
        "hosts narrows a rule to the policy's origins",
    );
    refused(
        "path-ambiguous",
        with("rules/0/path", json!("/a/../b")),
        "policy.path_malformed",
        "no request with it is let through",
    );
    refused(
        "path-with-query",
        with("rules/0/path", json!("/a?b")),
        "policy.path_malformed",
        "the query is never matched",
    );
    refused(
        "rest-not-last",
        with("rules/0/path", json!("/{x...}/a")),
        "policy.path_malformed",
        "{x...} stands at the end",
    );
    refused(
        "method-case",
        with("rules/0/methods", json!(["get"])),
        "policy.method_malformed",
        "methods are case-sensitive",
    );
    let shared = with("issuers/0/algorithms", json!(["HS256"]));
    refused("mac-with-public-keys", shared, "policy.algorithm_shared", "a MAC is verified with the key that makes it");
    let public = with("issuers/0/keys", json!("http://idp.example/jwks"));
    refused("keys-over-http", public, "policy.url_malformed", "what the policy names is https, or http on loopback");
    let undiscoverable = with("issuers/0", json!({"name": "corp", "issuer": "urn:corp"}));
    refused("no-metadata", undiscoverable, "policy.issuer_undiscoverable", "discovery needs an https issuer");
    let exposed = json!([{"name": "front", "address": "0.0.0.0:8080", "asserts": "nginx"}]);
    refused(
        "listener-exposed",
        with("listeners", exposed),
        "policy.listener_exposed",
        "asserts only on loopback, a Unix socket, or mTLS with named peers",
    );
    let headers = json!([{"name": "front", "address": "0.0.0.0:8080", "client_certificate": "client-cert"}]);
    refused(
        "certificate-exposed",
        with("listeners", headers),
        "policy.listener_exposed",
        "a certificate in a header is a proxy's word",
    );
    refused("every-page", with("cors", json!({"origins": ["*"]})), "policy.cors_origin", "pages are listed by origin");
    let twice = json!({"set": {"X-User": "subject"}, "strip": ["x_user"]});
    refused("header-twice", with("upstream", twice), "policy.repeated", "_ is equal to -");
    refused(
        "header-reserved",
        with("upstream", json!({"strip": ["Host"]})),
        "policy.header_malformed",
        "a header that frames the message",
    );
    refused(
        "unknown-member",
        with("issuers/0/audiance", json!(["x"])),
        "policy.unknown_member",
        "nothing is passed over",
    );
    group.about("A policy is read whole or not at all.").pair("good", &good, &Want::subject("alice"), &controls);
    let workloads = |pattern: &str| {
        let check = super::svids::with_chain().require(json!({"spiffe_id": [pattern]}));
        check.set("client_certificate", ())
    };
    for (what, pattern, code) in [
        ("star-in-a-segment", "spiffe://example.org/ns/pr*", "policy.pattern_malformed"),
        ("star-in-the-middle", "spiffe://example.org/*/sa", "policy.pattern_malformed"),
        ("star-alone", "*", "policy.pattern_malformed"),
        ("two-stars", "spiffe://example.org/ns/**", "policy.pattern_malformed"),
        ("star-in-the-domain", "spiffe://*/ns", "policy.pattern_malformed"),
        ("another-domain", "spiffe://other.example/ns", "policy.requirement_unmeetable"),
    ] {
        group.about("* in a SPIFFE ID pattern only as the last whole segment.").case(
            &format!("pattern-{what}"),
            &workloads(pattern),
            &Want::refused(code, "a pattern that means nothing"),
        );
    }
    let listeners = |address: &str, more: Value| {
        let mut listener = json!({"name": "front", "address": address, "asserts": "nginx"});
        listener.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        good.clone().policy("listeners", json!([listener]))
    };
    let tls = json!({"certificate": "tls.pem", "key": "tls.key", "client_ca": "ca.pem"});
    let peers = json!(["spiffe://prod.example/proxy"]);
    for (name, address, more) in [
        ("loopback", "127.0.0.1:8080", json!({})),
        ("loopback-v6", "[::1]:8080", json!({})),
        ("unix-socket", "unix:/run/portcullis.sock", json!({})),
        ("named-peers", "0.0.0.0:8443", json!({"tls": tls, "peers": peers})),
    ] {
        let plain = json!({"tls": tls});
        let exposed = Want::refused("policy.listener_exposed", "whoever reaches it is believed");
        group.about("A listener declared asserts is loopback, a Unix socket, or mTLS with named peers.").pair(
            &format!("listener-{name}"),
            &listeners(address, more),
            &Want::subject("alice"),
            &[("exposed", listeners("0.0.0.0:8443", plain), exposed)],
        );
    }
    let secret =
        good.clone().policy("issuers/0/keys", json!({"keys": [Key::Mac(5).named("a"), Key::Ed(1).named("b")]}));
    group.about("A key set is of symmetric keys or of public ones.").case(
        "keys-mixed",
        &secret,
        &Want::refused("policy.keys_malformed", "a MAC key beside a public one"),
    );
    group
}
