//! What is given away and what is kept.

use super::{super::members, *};

#[test]
fn internal_names_and_addresses_are_told_from_public_ones() {
    for url in [
        "file:/etc/jwks.json",
        "file:///etc/jwks.json",
        "workload-api",
        "http://localhost:8080/jwks",
        "https://localhost/jwks",
        "https://idp/jwks",
        "https://10.0.0.1/jwks",
        "https://8.8.8.8/jwks",
        "https://[2001:db8::1]:8443/jwks",
        "https://0x7f000001/jwks",
        "https://127.1/jwks",
        "https://idp.corp/jwks",
        "https://IDP.Corp.Internal:8443/jwks",
        "https://idp.auth.svc/jwks",
        "https://idp.auth.svc.cluster.local/jwks",
        "https://printer.local/",
        "https://router.home.arpa/",
        "https://nas.lan/",
    ] {
        assert!(is_internal(url), "{url}");
    }
    for url in
        ["https://idp.example/jwks", "https://idp.example:8443/jwks", "https://internal.example/", "https://corp.dev"]
    {
        assert!(!is_internal(url), "{url}");
    }
}

/// A member that is added to the policy has to be thought about here.
#[test]
fn each_member_of_a_policy_is_given_away_or_kept() {
    let treated: &[(&str, &[&[&str]])] = &[
        (
            "the policy",
            &[
                TOP,
                &["replay", "issuers", "trust_domains", "rules", "cors", "limits"],
                &[
                    "mode",
                    "report_unverified",
                    "expose",
                    "upstream",
                    "listeners",
                    "envoy",
                    "registry",
                    "clients",
                    "ocm",
                ],
                &["transaction_tokens"],
                &["attestation"],
            ],
        ),
        ("an issuer", &[ISSUER, &["keys", "status_keys", "status_origins"], &["introspection"]]),
        (
            "a trust domain",
            &[TRUST_DOMAIN, &["bundle", "svids"], &["bundle_profile", "endpoint_spiffe_id", "bundle_initial"]],
        ),
        ("a rule", &[RULE, &["issuers", "require", "anonymous"], &["name", "mode"]]),
        ("require", &[REQUIRE, &["spiffe_id", "transaction", "attestation"]]),
        ("key_binding", &[&["deferred", "unmarked"]]),
        ("cors", &[CORS, &["origins"]]),
        (
            "limits",
            &[
                LIMITS,
                &["memory", "document", "status_list", "status_list_inflated", "status_lists", "remembered_tokens"],
                &["keys_refresh", "parked", "fetches"],
            ],
        ),
        ("resource", &[&["name", "documentation", "policy", "terms", "scopes", "authorization_servers"]]),
        ("challenge", &[&["realm", "resource_metadata", "authorization_form", "single_use"]]),
    ];
    for shape in members::SHAPES {
        let Some((_, lists)) = treated.iter().find(|(title, _)| *title == shape.title) else {
            assert!(
                [
                    "status_keys",
                    // A page is not told where it is; opaque tokens are refused there.
                    "introspection",
                    "upstream",
                    "a listener",
                    "tls",
                    "envoy",
                    // A policy with one is not given away at all.
                    "registry",
                    "a grant",
                    "ocm",
                    "token_service",
                    // A page has no attesters.
                    // An authorization server's, which has no page.
                    "clients",
                    "transaction_tokens",
                    "transaction",
                    // The gateway's, which signs with keys of its own.
                    "transaction_service",
                    "a served workload",
                    "a known client",
                    "register",
                    "a configured client",
                    "dynamic",
                    "vouched_by",
                    "vouched_by.attestation",
                    "attestation",
                    "vouched_by.software_statement",
                    "clients.key_binding",
                    "key_binding",
                ]
                .contains(&shape.title),
                "{}",
                shape.title
            );
            continue;
        };
        let mut known: Vec<&str> = lists.concat();
        let mut members: Vec<&str> = shape.members.iter().map(|member| member.name).collect();
        known.sort_unstable();
        members.sort_unstable();
        assert_eq!(known, members, "{}", shape.title);
    }
}
