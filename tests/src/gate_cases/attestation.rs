//! Attestations of client instances beside access tokens: who attests, how it is proved, and what a client is told.

use serde_json::{Value, json};

use super::make::{API, CLIENT_KEY, Check, Group, Key, NOW, Want, keys, proof, put, token};

const ATTESTERS: &str = "https://attester.example/jwks.json";
const HEADER: &str = "OAuth-Client-Attestation";
const POP: &str = "OAuth-Client-Attestation-PoP";
const CHALLENGE: &str = "OAuth-Client-Attestation-Challenge";

/// The keys of an attester, of the instance that it attests, and of somebody else.
const ATTESTER: Key = Key::Ed(21);
const INSTANCE: Key = Key::Ed(22);
const OTHER: Key = Key::Ed(23);

pub(super) fn cases() -> Group {
    let mut group = Group::new("attestation");
    attestations(&mut group);
    proofs(&mut group);
    attesters(&mut group);
    clients(&mut group);
    combined(&mut group);
    beside(&mut group);
    challenges(&mut group);
    order(&mut group);
    group
}

fn none() -> Value {
    json!({})
}

/// A request under a policy whose rule demands an attestation, and that gives no challenges.
fn demanded() -> Check {
    let wanted = json!({"attesters": keys(ATTESTER), "challenge": false});
    Check::new().policy("attestation", wanted).require(json!({"attestation": true}))
}

fn attestation_by(key: Key, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": key.algorithm(), "kid": "a", "typ": "oauth-client-attestation+jwt"});
    put(&mut own, header);
    let mut claims = json!({"sub": "app", "iat": NOW - 60, "exp": NOW + 3_600, "cnf": {"jwk": INSTANCE.jwk()}});
    put(&mut claims, more);
    key.jws(&own, &claims)
}

/// An attestation, its claims changed.
fn attestation(more: &Value) -> String {
    attestation_by(ATTESTER, &none(), more)
}

fn pop_by(key: Key, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": key.algorithm(), "typ": "oauth-client-attestation-pop+jwt"});
    put(&mut own, header);
    let mut claims = json!({"aud": API, "jti": "pop1", "iat": NOW - 1});
    put(&mut claims, more);
    key.jws(&own, &claims)
}

/// A proof of possession, its claims changed.
fn pop(more: &Value) -> String {
    pop_by(INSTANCE, &none(), more)
}

/// With an attestation and its proof, beside a Bearer token.
fn with(check: &Check, attestation: &str, pop: &str) -> Check {
    check.clone().bearer(&token(&none())).header(HEADER, attestation).header(POP, pop)
}

fn allow() -> Want {
    Want::subject("alice")
}

/// Denied with `error` and nothing else.
fn denied(code: &str, error: &str) -> Want {
    Want::deny(401, code).challenge(&format!("Bearer error=\"{error}\"")).body(json!({"error": error}))
}

fn invalid(code: &str) -> Want {
    denied(code, "invalid_client_attestation")
}

/// The same, for a fault of form, of which the code is told.
fn told(code: &str) -> Want {
    let error = "invalid_client_attestation";
    denied(code, error).body(json!({"error": error, "code": code}))
}

fn stale(code: &str) -> Want {
    denied(code, "use_fresh_attestation")
}

fn attestations(group: &mut Group) {
    let check = demanded();
    let good = pop(&none());
    let changed = |more: Value| with(&check, &attestation(&more), &good);
    let by = |key: Key, header: Value| with(&check, &attestation_by(key, &header, &none()), &good);
    let bare = check.clone().bearer(&token(&none()));
    let mut private = INSTANCE.jwk();
    private["d"] = "AAAA".into();
    let wit = json!({"sub": "spiffe://example.org/a", "iat": null});
    let wit = attestation_by(ATTESTER, &json!({"typ": "wit+jwt"}), &wit);
    let held = changed(none());
    group.about("One attestation, of a trusted attester, fresh (attestation-based-client-auth-11 section 7.1).").pair(
        "held",
        &held,
        &allow(),
        &[
            ("missing", bare.clone(), told("attestation.missing")),
            ("missing-with-proof", bare.header(POP, &good), told("attestation.missing")),
            ("no-jwt", with(&check, "a.b.c", &good), invalid("base64.length")),
            ("json", with(&check, "{}", &good), invalid("token.serialization_json")),
            ("unsecured", by(ATTESTER, json!({"alg": "none"})), invalid("token.algorithm_none")),
            ("no-type", by(ATTESTER, json!({"typ": null})), invalid("token.type_missing")),
            ("another-type", by(ATTESTER, json!({"typ": "at+jwt"})), invalid("token.type_mismatch")),
            ("wit", with(&check, &wit, &good), told("client.method_not_accepted")),
            ("stranger", by(OTHER, none()), invalid("crypto.signature_invalid")),
            ("stranger-named", by(OTHER, json!({"kid": "b"})), invalid("key.unknown")),
            ("by-itself", by(INSTANCE, none()), invalid("crypto.signature_invalid")),
            ("no-subject", changed(json!({"sub": null})), invalid("attestation.claim_missing")),
            ("no-end", changed(json!({"exp": null})), invalid("attestation.claim_missing")),
            ("no-key", changed(json!({"cnf": null})), invalid("attestation.claim_missing")),
            ("key-by-thumbprint", changed(json!({"cnf": {"jkt": INSTANCE.thumbprint()}})), {
                invalid("attestation.confirmation_not_jwk")
            }),
            ("private-key", changed(json!({"cnf": {"jwk": private}})), invalid("key.private")),
            ("expired", changed(json!({"exp": NOW - 31})), stale("attestation.use_fresh_attestation")),
            ("not-yet", changed(json!({"nbf": NOW + 31})), invalid("token.not_yet_valid")),
            ("twice", held.clone().header(HEADER, &attestation(&none())), {
                Want::deny(400, "request.header_repeated")
            }),
            ("list", with(&check, "a.b.c, d.e.f", &good), Want::deny(400, "request.header_list")),
        ],
    );
    group.about("A bad access token is told to be bad, whatever the attestation.").pair(
        "token-first",
        &held,
        &allow(),
        &[
            (
                "bad-token",
                check.clone().bearer(&token(&json!({"exp": NOW - 60}))),
                Want::deny(401, "token.expired").body(json!({"error": "invalid_token"})),
            ),
            ("no-token", check.bare().header(HEADER, &attestation(&none())).header(POP, &good), {
                Want::deny(401, "credential.missing")
            }),
        ],
    );
}

fn proofs(group: &mut Group) {
    let check = demanded();
    let good = attestation(&none());
    let changed = |more: Value| with(&check, &good, &pop(&more));
    let by = |key: Key, header: Value| with(&check, &good, &pop_by(key, &header, &none()));
    let held = changed(none());
    group
        .about(
            "One proof, by the attested key, for this resource, once (attestation-based-client-auth-11 section 7.2).",
        )
        .pair(
            "proof",
            &held,
            &allow(),
            &[
                ("missing", check.clone().bearer(&token(&none())).header(HEADER, &good), told("pop.missing")),
                ("unsecured", by(INSTANCE, json!({"alg": "none"})), invalid("token.algorithm_none")),
                ("no-type", by(INSTANCE, json!({"typ": null})), invalid("token.type_missing")),
                ("attestation-type", by(INSTANCE, json!({"typ": "oauth-client-attestation+jwt"})), {
                    invalid("token.type_mismatch")
                }),
                ("another-key", by(OTHER, none()), invalid("crypto.signature_invalid")),
                ("no-identifier", changed(json!({"jti": null})), invalid("pop.claim_missing")),
                ("empty-identifier", changed(json!({"jti": ""})), invalid("pop.id_empty")),
                ("no-time", changed(json!({"iat": null})), invalid("pop.claim_missing")),
                ("too-old", changed(json!({"iat": NOW - 301})), invalid("pop.too_old")),
                ("in-future", changed(json!({"iat": NOW + 301})), invalid("pop.in_future")),
                ("ended", changed(json!({"exp": NOW})), invalid("token.expired")),
                ("no-audience", changed(json!({"aud": null})), invalid("pop.claim_missing")),
                ("another-server", changed(json!({"aud": "https://b.example"})), invalid("pop.audience_mismatch")),
                ("the-url", changed(json!({"aud": format!("{API}/reports/7")})), invalid("pop.audience_mismatch")),
                ("slash", changed(json!({"aud": format!("{API}/")})), invalid("pop.audience_mismatch")),
                ("two-servers", changed(json!({"aud": [API, "https://b.example"]})), invalid("pop.audience_several")),
                ("used", held.clone().set("seen", json!(["pop1"])), invalid("pop.replayed")),
                ("twice", held.clone().header(POP, &pop(&none())), Want::deny(400, "request.header_repeated")),
                ("list", with(&check, &good, "a.b.c, d.e.f"), Want::deny(400, "request.header_list")),
            ],
        );
    let two =
        demanded().policy("origins", json!([API, "https://b.example"])).policy("issuers/0/audience", json!([API]));
    let to_b = |aud: &str| with(&two.clone().url("https://b.example/reports/7"), &good, &pop(&json!({"aud": aud})));
    group.about("The resource is called by the origin of the request.").pair(
        "origin",
        &to_b("https://b.example"),
        &allow(),
        &[("of-another-origin", to_b(API), invalid("pop.audience_mismatch"))],
    );
    group.about("The window is the policy's proof_window.").pair(
        "window",
        &changed(json!({"iat": NOW - 60})).policy("proof_window", "1m"),
        &allow(),
        &[("older", changed(json!({"iat": NOW - 61})).policy("proof_window", "1m"), invalid("pop.too_old"))],
    );
}

fn attesters(group: &mut Group) {
    let (good, own) = (attestation(&none()), pop(&none()));
    let aged = demanded().policy("attestation/max_age", "1h");
    let of = |more: Value| with(&aged, &attestation(&more), &own);
    let fresh = || stale("attestation.use_fresh_attestation");
    group.about("attestation.max_age: the age is counted from iat (section 7.1 (6)).").pair(
        "max-age",
        &of(json!({"iat": NOW - 3_600})),
        &allow(),
        &[("older", of(json!({"iat": NOW - 3_631})), fresh()), ("no-time", of(json!({"iat": null})), fresh())],
    );
    let signed = |algorithms: Value| with(&demanded().policy("attestation/algorithms", algorithms), &good, &own);
    group.about("attestation.algorithms: what attesters may sign with (section 7.1 (3)).").pair(
        "algorithms",
        &signed(json!(["ES256", "Ed25519"])),
        &allow(),
        &[("another", signed(json!(["ES256"])), invalid("token.algorithm_not_accepted"))],
    );
    let secret = demanded().policy("attestation/attesters", keys(Key::Mac(24)));
    let mac = |seed: u8| with(&secret, &attestation_by(Key::Mac(seed), &none(), &none()), &own);
    group.about("An attester may share a secret with the server; then nothing else counts.").pair(
        "mac",
        &mac(24),
        &allow(),
        &[
            ("another-secret", mac(25), invalid("crypto.signature_invalid")),
            ("signed", with(&secret, &good, &own), invalid("token.algorithm_not_accepted")),
            ("of-public-keys", with(&demanded(), &attestation_by(Key::Mac(24), &none(), &none()), &own), {
                invalid("token.algorithm_mac")
            }),
        ],
    );
    let fetched = with(&demanded().policy("attestation/attesters", ATTESTERS), &good, &own);
    let unknown = || Want::deny(503, "keys.unavailable").body(json!({"error": "temporarily_unavailable"}));
    group.about("Attesters' keys are documents of the operator, as those of issuers.").pair(
        "fetched",
        &fetched.clone().served(ATTESTERS, keys(ATTESTER)),
        &allow(),
        &[
            ("not-there", fetched.clone().resource(ATTESTERS, json!({"status": 404, "body": ""})), unknown()),
            ("secret", fetched.clone().served(ATTESTERS, keys(Key::Mac(24))), unknown()),
            ("others", fetched.served(ATTESTERS, keys(OTHER)), invalid("crypto.signature_invalid")),
        ],
    );
}

/// The attestation is of the client that the access token was given to.
fn clients(group: &mut Group) {
    let (good, own) = (attestation(&none()), pop(&none()));
    let check = demanded();
    let of = |client: &str| with(&check, &attestation(&json!({"sub": client})), &own);
    let token_of = |client: &str| {
        check.clone().bearer(&token(&json!({"client_id": client}))).header(HEADER, &good).header(POP, &own)
    };
    group.about("sub of the attestation is client_id of the access token (section 7.1 (7)).").pair(
        "client",
        &of("app"),
        &allow(),
        &[
            ("another", of("web"), invalid("client.id_mismatch")),
            ("case", of("App"), invalid("client.id_mismatch")),
            ("token-of-another", token_of("web"), invalid("client.id_mismatch")),
        ],
    );
    let jwt = demanded().policy("issuers/0/profile", "jwt");
    let named = |client: Value| {
        jwt.clone().bearer(&token(&json!({"client_id": client}))).header(HEADER, &good).header(POP, &own)
    };
    group.about("A token that names no client goes with no attestation.").pair(
        "named",
        &named("app".into()),
        &allow(),
        &[
            ("unnamed", named(Value::Null), told("attestation.client_unnamed")),
            ("empty", named("".into()), told("attestation.client_unnamed")),
            ("number", named(1.into()), told("attestation.client_unnamed")),
        ],
    );
    let workloads = Key::Ec(26);
    let mut jwk = workloads.named("j");
    jwk["use"] = "jwt-svid".into();
    let both = demanded()
        .policy("trust_domains", json!([{"name": "prod.example", "bundle": {"keys": [jwk]}}]))
        .policy("rules/0/issuers", json!(["corp", "prod.example"]));
    let claims = json!({"sub": "spiffe://prod.example/a", "aud": [API], "exp": NOW + 60});
    let svid = workloads.jws(&json!({"alg": "ES256", "kid": "j"}), &claims);
    group.about("A workload's SVID is no token of a client.").pair(
        "token-or-svid",
        &with(&both, &good, &own),
        &allow(),
        &[("svid", both.bearer(&svid).header(HEADER, &good).header(POP, &own), { told("attestation.client_unnamed") })],
    );
}

/// The algorithms that a DPoP challenge names.
const ALGORITHMS: &str = "algs=\"ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 PS256 PS384 PS512 ES256K\"";

/// An access token that is bound to a key.
fn bound(key: Key) -> String {
    token(&json!({"cnf": {"jkt": key.thumbprint()}}))
}

/// Denied with the scheme DPoP.
fn denied_dpop(code: &str, error: &str) -> Want {
    Want::deny(401, code).challenge(&format!("DPoP error=\"{error}\", {ALGORITHMS}")).body(json!({"error": error}))
}

/// One DPoP proof for the access token and the attestation.
fn combined(group: &mut Group) {
    let check = demanded().policy("attestation/dpop", true);
    let good = attestation(&none());
    let by = |check: &Check, key: Key| {
        let token = bound(key);
        check.clone().dpop(&token, &proof(key, &token, &none(), &none())).header(HEADER, &good)
    };
    let unbound = token(&none());
    let stray = proof(INSTANCE, &unbound, &none(), &none());
    let error = "invalid_client_attestation";
    let method = |want: Want| want.body(json!({"error": error, "code": "client.method_not_accepted"}));
    group
        .about(
            "attestation.dpop: the access token's DPoP proof stands for both, where both are of one key (section 7.3).",
        )
        .pair(
            "combined",
            &by(&check, INSTANCE),
            &allow(),
            &[
                ("not-taken", by(&demanded(), INSTANCE), method(denied_dpop("client.method_not_accepted", error))),
                ("another-key", by(&check, CLIENT_KEY), denied_dpop("attestation.dpop_key_mismatch", error)),
                ("bearer", check.clone().bearer(&unbound).header("DPoP", &stray).header(HEADER, &good), {
                    method(invalid("client.method_not_accepted"))
                }),
                (
                    "no-proof",
                    check
                        .clone()
                        .bare()
                        .header("Authorization", &format!("DPoP {}", bound(INSTANCE)))
                        .header(HEADER, &good),
                    { denied_dpop("dpop.missing", "invalid_dpop_proof") },
                ),
                (
                    "used",
                    by(&check, INSTANCE).set("seen", json!(["p1"])),
                    denied_dpop("dpop.replayed", "invalid_dpop_proof"),
                ),
                ("pop-of-another", by(&check, INSTANCE).header(POP, &pop_by(OTHER, &none(), &none())), {
                    denied_dpop("crypto.signature_invalid", error)
                }),
            ],
        );
}

/// A proof of the attestation's own, and a DPoP proof that has nothing to do with it.
fn beside(group: &mut Group) {
    let check = demanded();
    let (good, own) = (attestation(&none()), pop(&none()));
    let token_of = bound(CLIENT_KEY);
    let both = |more: Value| {
        let check = check.clone().dpop(&token_of, &proof(CLIENT_KEY, &token_of, &none(), &more));
        check.header(HEADER, &good).header(POP, &own)
    };
    group.about("With a proof of its own, a DPoP proof holds by itself and by any key (section 7).").pair(
        "beside-dpop",
        &both(none()),
        &allow(),
        &[
            ("bad-dpop", both(json!({"htm": "POST"})), denied_dpop("dpop.method_mismatch", "invalid_dpop_proof")),
            ("used", both(none()).set("seen", json!(["p1"])), denied_dpop("dpop.replayed", "invalid_dpop_proof")),
        ],
    );
    let unbound = token(&none());
    let stray = |more: Value| with(&check, &good, &own).header("DPoP", &proof(CLIENT_KEY, &unbound, &none(), &more));
    let refused = |code: &str| denied(code, "invalid_dpop_proof");
    group.about("A DPoP proof beside a Bearer token holds, too, where an attestation is demanded (section 7).").pair(
        "stray-dpop",
        &stray(none()),
        &allow(),
        &[
            ("of-no-token", stray(json!({"ath": null})), refused("dpop.token_hash_missing")),
            ("of-another-method", stray(json!({"htm": "POST"})), refused("dpop.method_mismatch")),
        ],
    );
}

fn challenges(group: &mut Group) {
    let check = demanded().policy("attestation/challenge", ()).set("nonces", json!(["c1", "c0"]));
    let good = attestation(&none());
    let of = |challenge: Value| with(&check, &good, &pop(&json!({"challenge": challenge})));
    let given = [(CHALLENGE, "c1")];
    let json_fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    let refused = |code: &str, error: &str| {
        let own = format!("Bearer error=\"{error}\"");
        let fields: Vec<(&str, &str)> =
            [("WWW-Authenticate", own.as_str())].into_iter().chain(given).chain(json_fields).collect();
        Want::deny(401, code).headers(&fields)
    };
    let wanted = || refused("pop.use_attestation_challenge", "use_attestation_challenge");
    let none_given = || Want::deny(503, "replay.nonce_unavailable").body(json!({"error": "temporarily_unavailable"}));
    let bare = check.clone().bearer(&token(&none()));
    group
        .about(
            "A proof carries a challenge that the host gave, and each answer has the next one (sections 6.2, 7.2 (5)).",
        )
        .pair(
            "challenge",
            &of("c1".into()),
            &allow().headers(&given),
            &[
                ("missing", of(Value::Null), wanted()),
                ("another", of("c2".into()), wanted()),
                ("number", of(1.into()), refused("pop.challenge_type", "invalid_client_attestation")),
                ("no-attestation", bare, refused("attestation.missing", "invalid_client_attestation")),
                ("no-token", check.clone().bare(), {
                    let fields: Vec<(&str, &str)> =
                        [("WWW-Authenticate", "Bearer")].into_iter().chain(given).chain(json_fields).collect();
                    Want::deny(401, "credential.missing").headers(&fields)
                }),
                ("host-without", of("c1".into()).set("nonces", json!([])), none_given()),
                ("used", of("c1".into()).set("seen", json!(["pop1"])), {
                    refused("pop.replayed", "invalid_client_attestation")
                }),
            ],
        );
    group.about("A challenge is good for a while after the next one was given.").pair(
        "challenge-before",
        &of("c0".into()),
        &allow().headers(&given),
        &[("later", of("c0".into()).set("nonces", json!(["c2", "c1"])), {
            Want::deny(401, "pop.use_attestation_challenge")
        })],
    );
    let check = check.policy("attestation/dpop", true);
    let token_of = bound(INSTANCE);
    let combined = |nonce: Value| {
        let check = check.clone().dpop(&token_of, &proof(INSTANCE, &token_of, &none(), &json!({"nonce": nonce})));
        check.header(HEADER, &good)
    };
    let again = |code: &str| {
        let own = format!("DPoP error=\"use_dpop_nonce\", {ALGORITHMS}");
        let nonce = [("DPoP-Nonce", "c1")];
        let fields: Vec<(&str, &str)> =
            [("WWW-Authenticate", own.as_str())].into_iter().chain(nonce).chain(given).chain(json_fields).collect();
        Want::deny(401, code).headers(&fields).body(json!({"error": "use_dpop_nonce"}))
    };
    group.about("A DPoP proof that stands for both has a nonce in place of the challenge (section 7.3).").pair(
        "combined-nonce",
        &combined("c1".into()),
        &allow().headers(&[("DPoP-Nonce", "c1")]),
        &[
            ("missing", combined(Value::Null), again("dpop.nonce_missing")),
            ("another", combined("c2".into()), again("dpop.nonce_mismatch")),
            ("host-without", combined("c1".into()).set("nonces", json!([])), none_given()),
        ],
    );
    let realm = with(&demanded(), &good, &pop(&none()))
        .policy("challenge", json!({"realm": "reports", "resource_metadata": true}));
    let told = format!(
        "Bearer realm=\"reports\", error=\"invalid_client_attestation\", \
         resource_metadata=\"{API}/.well-known/oauth-protected-resource\""
    );
    group.about("What a challenge says besides, it says here, too.").pair(
        "realm",
        &realm,
        &allow(),
        &[("used", realm.clone().set("seen", json!(["pop1"])), Want::deny(401, "pop.replayed").challenge(&told))],
    );
}

fn order(group: &mut Group) {
    let check = demanded().require(json!({"attestation": true, "scope": ["read"]}));
    let (good, own) = (attestation(&none()), pop(&none()));
    let (rich, poor) = (token(&json!({"scope": "read"})), token(&none()));
    let of = |token: &str| check.clone().bearer(token);
    let attested = |token: &str| of(token).header(HEADER, &good).header(POP, &own);
    let short = || Want::deny(403, "scope.absent_insufficient_scope");
    group.about("The attestation is judged after the access token and before its rights.").pair(
        "rights",
        &attested(&rich),
        &allow(),
        &[
            ("no-right", attested(&poor), short()),
            ("no-right-and-used", attested(&poor).set("seen", json!(["pop1"])), short()),
            ("neither", of(&poor), told("attestation.missing")),
            ("no-attestation", of(&rich), told("attestation.missing")),
        ],
    );
    let quiet = Check::new().policy("attestation", json!({"attesters": keys(ATTESTER), "challenge": false}));
    let bad = with(&quiet, "a.b.c", "d.e.f");
    group.about("Where a rule demands none, nothing of an attestation is looked at but its form.").pair(
        "not-demanded",
        &bad,
        &allow(),
        &[
            ("twice", bad.clone().header(HEADER, "a.b.c"), Want::deny(400, "request.header_repeated")),
            ("demanded", bad.clone().require(json!({"attestation": true})), Want::deny(401, "base64.length")),
        ],
    );
    group.about("A rule that demands an attestation has somebody who attests.").case(
        "policy-without-attesters",
        &demanded().policy("attestation", ()),
        &Want::refused("policy.attestation_missing", "nobody is trusted to attest clients"),
    );
}
