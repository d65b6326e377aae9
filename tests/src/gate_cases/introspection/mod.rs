//! Opaque tokens, and what an authorization server says of them (RFC 7662).

mod said;

use portcullis_crypto::sha256;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{
    API, CLIENT_KEY, CORP, Check, Group, Key, LIST, NOW, PARTNER, Want, entry, list, partner, proof, put, token,
};

const ENDPOINT: &str = "https://idp.example/introspect";
const TOKEN: &str = "mF_9B5f-41JqM~+/x";
const OTHER: &str = "2YotnFZFEjr1zCsicMWpAA";

pub(super) fn cases() -> Group {
    let mut group = Group::new("introspection");
    asking(&mut group);
    form(&mut group);
    said::answers(&mut group);
    said::claims(&mut group);
    said::types(&mut group);
    bindings(&mut group);
    rules(&mut group);
    status(&mut group);
    policies(&mut group);
    group
}

fn configured() -> Value {
    json!({"url": ENDPOINT, "client_id": "api", "secret": "file:/run/secrets/introspection"})
}

/// A policy whose issuer is asked about opaque tokens, and one as Bearer.
fn asked() -> Check {
    Check::new().policy("issuers/0/introspection", configured()).bearer(TOKEN)
}

/// What an active token is said to be, members put in or taken out.
fn said(more: &Value) -> Value {
    let mut said = json!({"active": true, "iss": CORP, "aud": API, "sub": "alice", "client_id": "app", "scope": "reports:read",
        "token_type": "Bearer", "iat": NOW - 10, "exp": NOW + 3_600});
    put(&mut said, more);
    said
}

fn answer(body: &Value) -> Value {
    json!({"headers": [["Content-Type", "application/json"]], "body": body.to_string()})
}

/// The request, and what is said of its token.
fn with(more: &Value) -> Check {
    asked().resource(ENDPOINT, answer(&said(more)))
}

fn allowed() -> Want {
    Want::allow()
        .and("principal", json!({"subject": "alice", "client": "app", "issuer": CORP, "scopes": ["reports:read"]}))
}

/// The client learns that its token is good no more, and nothing else.
fn invalid(code: &str) -> Want {
    Want::deny(401, code).challenge("Bearer error=\"invalid_token\"").body(json!({"error": "invalid_token"}))
}

/// Nobody knows, and that is no fault of the client's.
fn unknown(code: &str) -> Want {
    let fields = [("Retry-After", "5"), ("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    Want::deny(503, code).headers(&fields).body(json!({"error": "temporarily_unavailable"}))
}

fn named(token: &str) -> String {
    format!("{ENDPOINT}#{}", base64url::encode(&sha256(token.as_bytes())))
}

fn asking(group: &mut Group) {
    group.about("An opaque token is introspected at the one issuer that has an endpoint, and refused with token.opaque where none has.").pair(
        "active",
        &with(&json!({})),
        &allowed(),
        &[
            ("not-configured", with(&json!({})).policy("issuers/0/introspection", ()), {
                Want::deny(401, "token.opaque")
            }),
            ("not-answered", asked(), unknown("introspection.unavailable").and("needs", json!([ENDPOINT]))),
            ("another-endpoint", asked().resource(CORP, answer(&said(&json!({})))), unknown("introspection.unavailable")),
        ],
    );
    group.about("An answer is about one token: its resource is named by the URL, or by URL, # and the SHA-256 of the token.").pair(
        "one-of-two",
        &asked().resource(&named(TOKEN), answer(&said(&json!({})))).resource(&named(OTHER), answer(&json!({"active": false}))),
        &allowed(),
        &[
            (
                "the-other",
                asked().bearer(OTHER)
                    .resource(&named(TOKEN), answer(&said(&json!({}))))
                    .resource(&named(OTHER), answer(&json!({"active": false}))),
                invalid("introspection.inactive"),
            ),
            (
                "neither",
                asked().bearer("a").resource(&named(TOKEN), answer(&said(&json!({})))),
                unknown("introspection.unavailable"),
            ),
        ],
    );
    let partners = |check: Check| {
        let mut entry = partner();
        put(&mut entry, &json!({"introspection": configured()}));
        check.policy("issuers/0/introspection", ()).add("issuers", entry)
    };
    group.about("It counts as a token of that issuer and of no other, whatever other issuers there are.").pair(
        "of-the-second-issuer",
        &partners(with(&json!({"iss": PARTNER}))).policy("rules/0/issuers", json!(["partner"])),
        &Want::allow().and("principal", json!({"issuer": PARTNER})),
        &[(
            "rule-of-the-first",
            partners(with(&json!({"iss": PARTNER}))).policy("rules/0/issuers", json!(["corp"])),
            Want::deny(403, "rule.issuer_not_accepted"),
        )],
    );
    group.about("A JWT is verified and not introspected.").pair(
        "jwt",
        &with(&json!({"active": false})).bearer(&token(&json!({}))),
        &Want::subject("alice"),
        &[("opaque", with(&json!({"active": false})), invalid("introspection.inactive"))],
    );
}

fn form(group: &mut Group) {
    let long = |length: usize| with(&json!({})).bearer(&"x".repeat(length));
    group.about("An opaque token has at most 4 KiB.").pair(
        "longest",
        &long(4_096),
        &allowed(),
        &[("too-long", long(4_097), Want::deny(401, "token.opaque_too_long"))],
    );
    group.about("It has the characters of a token68.").pair(
        "token68",
        &with(&json!({})).bearer("a.b-c_d~e+f/g=="),
        &allowed(),
        &[
            ("another-character", with(&json!({})).bearer("a&active=true"), Want::deny(401, "credential.malformed")),
            ("padding-inside", with(&json!({})).bearer("a=b"), Want::deny(401, "credential.malformed")),
        ],
    );
}

fn bindings(group: &mut Group) {
    let bound = |more: &Value| {
        let mut own = said(&json!({"token_type": "DPoP", "cnf": {"jkt": CLIENT_KEY.thumbprint()}}));
        put(&mut own, more);
        asked().resource(ENDPOINT, answer(&own))
    };
    let made = |key: Key, of: &str| proof(key, of, &json!({}), &json!({}));
    let good = made(CLIENT_KEY, TOKEN);
    group.about("A token that is said to be bound to a key comes with a DPoP proof of that key (RFC 9449 sections 6.2 and 7.1).").pair(
        "dpop",
        &bound(&json!({})).dpop(TOKEN, &good),
        &allowed(),
        &[
            ("bearer", bound(&json!({})), Want::deny(401, "proof.scheme_bearer")),
            ("another-key", bound(&json!({})).dpop(TOKEN, &made(Key::Ed(8), TOKEN)), Want::deny(401, "dpop.key_mismatch")),
            ("another-token", bound(&json!({})).dpop(TOKEN, &made(CLIENT_KEY, OTHER)), Want::deny(401, "dpop.token_hash_mismatch")),
            ("no-proof", bound(&json!({})).bare().header("Authorization", &format!("DPoP {TOKEN}")), {
                Want::deny(401, "dpop.missing")
            }),
            ("unbound", bound(&json!({"cnf": null})).dpop(TOKEN, &good), Want::deny(401, "proof.token_unbound")),
            ("bearer-type", bound(&json!({"token_type": "Bearer"})).dpop(TOKEN, &good), unknown("introspection.malformed")),
            ("cnf-unknown", with(&json!({"cnf": {"new": "x"}})), invalid("cnf.unsupported")),
        ],
    );
    let untyped = bound(&json!({"token_type": null}));
    group.pair(
        "dpop-without-type",
        &untyped.clone().dpop(TOKEN, &good),
        &allowed(),
        &[("bearer", untyped, Want::deny(401, "proof.scheme_bearer"))],
    );
    let leaf = b"a leaf's certificate in DER";
    let other = b"another";
    let certified = || with(&json!({"cnf": {"x5t#S256": base64url::encode(&sha256(leaf))}}));
    let presents = |der: &[u8]| json!({"digest": base64url::encode(&sha256(der))});
    group
        .about(
            "A token that is said to be bound to a certificate comes over a connection with it (RFC 8705 section 3.2).",
        )
        .pair(
            "certificate",
            &certified().certificate(presents(leaf)),
            &allowed(),
            &[
                ("another", certified().certificate(presents(other)), invalid("mtls.certificate_mismatch")),
                ("none", certified(), invalid("mtls.certificate_missing")),
            ],
        );
    let demanded = |more: &Value| bound(more).policy("issuers/0/proof", "dpop");
    group.about("What the issuer's entry demands is demanded of opaque tokens, too.").pair(
        "proof-demanded",
        &demanded(&json!({})).dpop(TOKEN, &good),
        &allowed(),
        &[("unbound", with(&json!({})).policy("issuers/0/proof", "dpop"), Want::deny(401, "proof.dpop_required"))],
    );
}

fn rules(group: &mut Group) {
    let requires = |require: Value, more: &Value| with(more).require(require);
    let scope = json!({"scope": ["reports:read"]});
    group.about("scope is what rules ask for.").pair(
        "scope",
        &requires(scope.clone(), &json!({})),
        &allowed(),
        &[
            (
                "less",
                requires(scope.clone(), &json!({"scope": "reports:list"})),
                Want::deny(403, "scope.insufficient_scope"),
            ),
            ("none", requires(scope, &json!({"scope": null})), Want::deny(403, "scope.absent_insufficient_scope")),
        ],
    );
    let acr = json!({"acr": ["phr"], "max_age": "5m"});
    group.about("acr and auth_time are claims of the issuer (RFC 9470 section 6.2).").pair(
        "step-up",
        &requires(acr.clone(), &json!({"acr": "phr", "auth_time": NOW - 60})),
        &allowed(),
        &[
            (
                "another-acr",
                requires(acr.clone(), &json!({"acr": "pwd", "auth_time": NOW - 60})),
                Want::deny(401, "scope.acr_insufficient_user_authentication"),
            ),
            (
                "too-long-ago",
                requires(acr, &json!({"acr": "phr", "auth_time": NOW - 400})),
                Want::deny(401, "scope.auth_time_too_old_insufficient_user_authentication"),
            ),
        ],
    );
    let details = |amount: &str| json!({"authorization_details": [{"type": "payment", "amount": amount}]});
    group.about("authorization_details are what was granted (RFC 9396 section 9.2).").pair(
        "authorization-details",
        &requires(details("1"), &details("1")),
        &allowed(),
        &[(
            "another",
            requires(details("1"), &details("2")),
            Want::deny(401, "scope.details_member_insufficient_authorization"),
        )],
    );
    group.about("A claim that a rule requires is that of the answer.").pair(
        "claim",
        &requires(json!({"claims": {"token_use": "access_token"}}), &json!({"token_use": "access_token"})),
        &allowed(),
        &[(
            "another",
            requires(json!({"claims": {"token_use": "access_token"}}), &json!({"token_use": "refresh_token"})),
            Want::deny(403, "scope.claim_differs_insufficient_claims"),
        )],
    );
    group
        .about("Where no rule is for a request, a token that is not active is told to be bad, and nothing of rules.")
        .pair(
            "no-rule",
            &with(&json!({})),
            &allowed(),
            &[
                ("active", with(&json!({})).path("/other"), Want::deny(403, "rule.none_matches")),
                ("inactive", with(&json!({"active": false})).path("/other"), invalid("introspection.inactive")),
            ],
        );
}

fn status(group: &mut Group) {
    let listed = |mode: &str, more: &Value, values: &[u8]| {
        with(more).policy("issuers/0/status", mode).served(LIST, list(Key::Ed(1), values, &json!({})))
    };
    group.about("A status list that the answer names is looked up as the issuer's entry says.").pair(
        "status-list",
        &listed("required", &entry(0, LIST), &[0]),
        &allowed(),
        &[
            ("revoked", listed("required", &entry(0, LIST), &[1]), Want::deny(401, "status.revoked")),
            ("none", listed("required", &json!({}), &[0]), Want::deny(401, "status.missing")),
            ("if-present-revoked", listed("if_present", &entry(0, LIST), &[1]), Want::deny(401, "status.revoked")),
        ],
    );
}

fn policies(group: &mut Group) {
    let second = |members: Value| {
        let mut entry = partner();
        put(&mut entry, &members);
        with(&json!({})).add("issuers", entry).policy("rules/0/issuers", json!(["corp"]))
    };
    group.about("One issuer of a policy has an endpoint, because an opaque token does not say whose it is.").pair(
        "one",
        &second(json!({})),
        &allowed(),
        &[(
            "two",
            second(json!({"introspection": configured()})),
            Want::refused("introspection_several", "an opaque token could be of either"),
        )],
    );
    let credential = |members: Value| {
        let mut own = json!({"url": ENDPOINT});
        put(&mut own, &members);
        with(&json!({})).policy("issuers/0/introspection", own)
    };
    let wrong = |why: &str| Want::refused("introspection_credential", why);
    group
        .about(
            "The endpoint is asked as a client with a secret or with a token, either in a file (RFC 7662 section 2.1).",
        )
        .pair(
            "bearer",
            &credential(json!({"bearer": "file:/run/secrets/token"})),
            &allowed(),
            &[
                ("nothing", credential(json!({})), wrong("nobody is asked without a credential")),
                ("no-file", credential(json!({"bearer": "hunter2"})), wrong("a secret has no place in a policy")),
                ("no-client", credential(json!({"secret": "file:/run/secrets/x"})), wrong("whose secret?")),
                ("no-secret", credential(json!({"client_id": "api"})), wrong("a client without a secret")),
            ],
        );
    group.about("An issuer of opaque tokens alone has no keys.").pair(
        "no-keys",
        &with(&json!({})).policy("issuers/0/keys", json!({"keys": []})),
        &allowed(),
        &[(
            "jwt",
            with(&json!({})).policy("issuers/0/keys", json!({"keys": []})).bearer(&token(&json!({}))),
            Want::deny(401, "key.set_empty"),
        )],
    );
    group
        .about("No opaque token counts at a registry.")
        .case(
            "registry",
            &with(&json!({})).policy("registry", json!({"services": ["registry.example"], "grants": [{"issuers": ["corp"], "repositories": ["{name...}"], "actions": ["pull"]}]})),
            &Want::refused("introspection_absent", "a registry reads no opaque token"),
        );
}
