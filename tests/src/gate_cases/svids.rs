//! Workloads: X.509-SVIDs and JWT-SVIDs of the corpus, under policies that trust their domains.

use std::fs;

use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{Check, Group, NOW, Want, corp, token};
use crate::{corpus, root};

/// What a case of `tests/corpus` sends.
pub(super) fn sent(id: &str) -> Value {
    let mut files = corpus::files(&corpus::own(), false).into_iter();
    let found = files.find_map(|file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().find(|line| line.contains(&format!("\"{id}\""))).and_then(|line| serde_json::from_str(line).ok())
    });
    found.unwrap_or_else(|| panic!("{} has no case {id}", root().join("tests/corpus").display()))
}

/// The certificates of a case, in DER.
pub(super) fn chain(id: &str) -> Vec<String> {
    let sent = sent(id);
    match (sent["chain"].as_array(), sent["chain_pem"].as_str()) {
        (Some(chain), _) => chain.iter().filter_map(|one| one.as_str()).map(String::from).collect(),
        (None, Some(pem)) => {
            let chain = portcullis_svid::pem::decode_chain(pem).expect("certificates in PEM");
            chain.iter().map(|der| base64url::encode(der)).collect()
        }
        (None, None) => panic!("{id} has no chain"),
    }
}

pub(super) const DOMAIN: &str = "example.org";
pub(super) const WEB: &str = "spiffe://example.org/ns/prod/sa/web";

/// The chain of a workload: its certificate and two intermediates.
pub(super) fn web() -> Vec<String> {
    chain("x509-path/ok-two-intermediates")
}

/// A trust domain with the bundle that a case has for it.
pub(super) fn trusted(id: &str, domain: &str) -> Value {
    json!({"name": domain, "bundle": sent(id)["bundles"][domain]})
}

/// A policy that trusts example.org alone, and a request with the chain of its workload.
pub(super) fn with_chain() -> Check {
    let check = Check::new().policy("issuers", json!([]));
    let check = check.policy("trust_domains", json!([trusted("x509-path/ok-two-intermediates", DOMAIN)]));
    check.policy("rules/0/issuers", json!([DOMAIN])).certificate(json!({"chain": web()}))
}

/// A policy that trusts the domain of a JWT-SVID of the corpus, and a request with it.
fn with_token(id: &str) -> Check {
    let sent = sent(id);
    let mut trusted = trusted(id, DOMAIN);
    trusted["audience"] = json!(["conformance"]);
    let check = Check::new().policy("issuers", ()).policy("trust_domains", json!([trusted]));
    check.bearer(sent["token"].as_str().unwrap_or_default())
}

pub(super) fn cases() -> Group {
    let mut group = Group::new("svid");
    certificates(&mut group);
    tokens(&mut group);
    kinds(&mut group);
    patterns(&mut group);
    group
}

fn certificates(group: &mut Group) {
    let check = with_chain();
    let other = |id: &str| check.clone().certificate(json!({"chain": chain(id)}));
    let of = |id: &str| other(id).policy("trust_domains", json!([trusted(id, DOMAIN)]));
    let mut reversed = web();
    reversed.reverse();
    group
        .about(
            "A client certificate counts as an X.509-SVID with its chain, validated against its own domain's bundle.",
        )
        .pair(
            "x509",
            &check,
            &Want::subject(WEB).and("principal", json!({"spiffe_id": WEB, "issuer": DOMAIN, "scopes": []})),
            &[
                ("none", check.clone().set("client_certificate", ()), Want::deny(401, "credential.missing")),
                ("tampered", of("x509-path/tampered"), Want::deny(401, "crypto.signature_invalid")),
                ("leaf-alone-of-a-chain", check.clone().certificate(json!({"chain": web()[..1]})), {
                    Want::deny(401, "svid.chain_incomplete")
                }),
                ("no-chain", check.clone().certificate(json!({"chain": []})), Want::deny(401, "credential.missing")),
                ("wrong-order", check.clone().certificate(json!({"chain": reversed})), {
                    Want::deny(401, "credential.missing")
                }),
                ("signing-certificate", of("x509-path/leaf-ca-true"), Want::deny(401, "svid.leaf_ca")),
                ("not-yet-valid", of("x509-path/leaf-not-yet"), Want::deny(401, "svid.not_yet_valid")),
                ("expired", of("x509-path/ok-direct").at(1_955_000_000), Want::deny(401, "svid.expired")),
                (
                    "empty-bundle",
                    { check.clone().policy("trust_domains", json!([trusted("x509-path/empty-bundle", DOMAIN)])) },
                    Want::deny(401, "bundle.no_x509_authority"),
                ),
                (
                    "root-of-another-domain",
                    {
                        let id = "x509-path/id-of-other-domain";
                        let both = [trusted(id, DOMAIN), trusted(id, "fed.example")];
                        other(id).policy("trust_domains", json!(both))
                    },
                    Want::deny(401, "svid.authority_of_other_trust_domain"),
                ),
            ],
        );
    let federated = other("x509-svid/XF-1");
    let id = "x509-svid/XF-1";
    let both = json!([trusted(id, DOMAIN), trusted(id, "fed.example.org")]);
    let federated = federated.policy("trust_domains", both);
    group.about("A rule names the trust domains whose credentials may satisfy it.").pair(
        "x509-of-a-named-domain",
        &federated.clone().policy("rules/0/issuers", json!(["fed.example.org"])),
        &Want::subject("spiffe://fed.example.org/w"),
        &[
            ("of-another", federated.clone(), Want::deny(403, "rule.issuer_not_accepted")),
            (
                "of-none-of-the-policy",
                federated.policy("trust_domains", json!([trusted(id, DOMAIN)])),
                Want::deny(401, "credential.missing"),
            ),
        ],
    );
}

fn tokens(group: &mut Group) {
    let check = with_token("jwt-svid/JV-1");
    let other = |id: &str| check.clone().bearer(sent(id)["token"].as_str().unwrap_or_default());
    let workload = "spiffe://example.org/workload";
    group.about("JWT-SVIDs are accepted as Bearer tokens of their own trust domain.").pair(
        "jwt",
        &check,
        &Want::subject(workload).and("principal", json!({"spiffe_id": workload, "issuer": DOMAIN, "scopes": []})),
        &[
            (
                "wrong-audience",
                other("jwt-svid/JV-8"),
                Want::deny(401, "token.audience_mismatch").challenge(r#"Bearer error="invalid_token""#),
            ),
            (
                "audience-of-the-policy",
                check.clone().policy("trust_domains/0/audience", ()),
                Want::deny(401, "token.audience_mismatch"),
            ),
            ("no-audience", other("jwt-svid/JV-7"), Want::deny(401, "token.audience_missing")),
            ("of-another-domain", other("jwt-svid/JV-17/ok"), Want::deny(401, "token.issuer_unknown")),
            ("bad-signature", other("jwt-svid/JV-15"), Want::deny(401, "crypto.signature_invalid")),
            ("unknown-key", other("jwt-svid/JV-16"), Want::deny(401, "key.unknown")),
            ("key-for-x509", other("jwt-svid/JB-5/x509-svid-use"), Want::deny(401, "svid.key_for_x509")),
            ("no-expiry", other("jwt-svid/JV-11"), Want::deny(401, "svid.expires_missing")),
            ("not-yet-valid", other("jwt-svid/JV-13"), Want::deny(401, "token.not_yet_valid")),
            ("expired", check.clone().at(NOW + 10 * 365 * 86_400), Want::deny(401, "token.expired")),
            (
                "as-dpop",
                {
                    let token = sent("jwt-svid/JV-1")["token"].as_str().unwrap_or_default().to_owned();
                    check.clone().bare().header("Authorization", &format!("DPoP {token}"))
                },
                Want::deny(401, "proof.token_unbound"),
            ),
        ],
    );
    let id = "jwt-svid/JV-17/ok";
    let mut both = [trusted(id, DOMAIN), trusted(id, "b.example.org")];
    both.iter_mut().for_each(|one| one["audience"] = json!(["conformance"]));
    let both = other(id).policy("trust_domains", json!(both));
    group.about("A rule names the trust domains whose credentials may satisfy it.").pair(
        "jwt-of-a-named-domain",
        &both.clone().policy("rules/0/issuers", json!(["b.example.org"])),
        &Want::subject("spiffe://b.example.org/w"),
        &[("of-another", both.policy("rules/0/issuers", json!([DOMAIN])), Want::deny(403, "rule.issuer_not_accepted"))],
    );
}

/// `svids` says which are accepted.
fn kinds(group: &mut Group) {
    let not_accepted = || Want::deny(401, "svid.kind_not_accepted");
    let by_token = with_token("jwt-svid/JV-1");
    group.about("svids says which identity documents of a trust domain are accepted.").pair(
        "jwt-alone",
        &by_token.clone().policy("trust_domains/0/svids", json!(["jwt"])),
        &Want::subject("spiffe://example.org/workload"),
        &[("x509-alone", by_token.policy("trust_domains/0/svids", json!(["x509"])), not_accepted())],
    );
    let by_chain = with_chain();
    group.about("svids says which identity documents of a trust domain are accepted.").pair(
        "x509-alone",
        &by_chain.clone().policy("trust_domains/0/svids", json!(["x509"])),
        &Want::subject(WEB),
        &[("jwt-alone", by_chain.policy("trust_domains/0/svids", json!(["jwt"])), not_accepted())],
    );
}

/// Patterns of SPIFFE IDs.
fn patterns(group: &mut Group) {
    let check = |pattern: &str| with_chain().require(json!({"spiffe_id": [pattern]}));
    let mismatch = || Want::deny(403, "rule.spiffe_id_mismatch").body(json!({"code": "rule.spiffe_id_mismatch"}));
    for (name, pattern, others) in [
        (
            "id-exactly",
            WEB,
            &[
                ("another", "spiffe://example.org/ns/prod/sa/api"),
                ("shorter", "spiffe://example.org/ns/prod/sa"),
                ("longer", "spiffe://example.org/ns/prod/sa/web/x"),
                ("case", "spiffe://example.org/ns/prod/sa/Web"),
            ][..],
        ),
        (
            "id-below",
            "spiffe://example.org/ns/prod/sa/*",
            &[
                ("itself", "spiffe://example.org/ns/prod/sa/web/*"),
                ("beside", "spiffe://example.org/ns/dev/sa/*"),
                ("no-whole-segment", "spiffe://example.org/ns/prod/s/*"),
            ],
        ),
        ("id-far-below", "spiffe://example.org/ns/*", &[("beside", "spiffe://example.org/n/*")]),
        ("id-of-the-domain", "spiffe://example.org/*", &[("beside", "spiffe://example.org/x/*")]),
    ] {
        let controls: Vec<_> = others.iter().map(|(what, pattern)| (*what, check(pattern), mismatch())).collect();
        group.about("* in a SPIFFE ID pattern only as the last whole segment, for one or more.").pair(
            name,
            &check(pattern),
            &Want::subject(WEB),
            &controls,
        );
    }
    let several = with_chain().require(json!({"spiffe_id": ["spiffe://example.org/a", WEB]}));
    group.about("One of the SPIFFE IDs has to be the workload's.").pair(
        "id-one-of-several",
        &several,
        &Want::subject(WEB),
        &[("none", with_chain().require(json!({"spiffe_id": ["spiffe://example.org/a"]})), mismatch())],
    );
    let absent = with_chain().add("issuers", corp()).policy("rules/0/issuers", json!([DOMAIN, "corp"]));
    let absent = absent.require(json!({"spiffe_id": [WEB]}));
    group.about("A token that names no workload meets no SPIFFE ID; its sub is no SPIFFE ID either.").pair(
        "id-beside-tokens",
        &absent,
        &Want::subject(WEB),
        &[(
            "token-that-claims-one",
            absent.clone().set("client_certificate", ()).bearer(&token(&json!({"sub": WEB}))),
            Want::deny(403, "rule.spiffe_id_absent").body(json!({"code": "rule.spiffe_id_absent"})),
        )],
    );
    let scope = with_chain().add("issuers", corp()).policy("rules/0/issuers", json!([DOMAIN, "corp"]));
    group.about("An SVID says who a workload is, and grants nothing.").pair(
        "svid-where-nothing-is-required",
        &scope,
        &Want::subject(WEB),
        &[
            (
                "scope",
                scope.clone().require(json!({"scope": ["a"]})),
                Want::deny(403, "scope.absent_insufficient_scope"),
            ),
            ("claim", scope.clone().require(json!({"claims": {"sub": WEB}})), {
                Want::deny(403, "scope.claim_absent_insufficient_claims")
            }),
        ],
    );
}
