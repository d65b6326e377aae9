//! Proofs of possession, and that they are used once.

use serde_json::{Value, json};

use super::make::{API, CLIENT_KEY, Check, Group, Key, NOW, Want, proof, token};

/// The challenge of a proof that does not hold.
const INVALID: &str = concat!(
    r#"DPoP error="invalid_dpop_proof", algs="ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 "#,
    r#"PS256 PS384 PS512 ES256K""#
);
/// The challenge to a bound token that came as Bearer.
const SCHEME: &str = concat!(
    r#"DPoP error="invalid_token", algs="ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 "#,
    r#"PS256 PS384 PS512 ES256K""#
);
/// The challenge to a request without a credential.
const OFFER: &str =
    r#"DPoP realm="", algs="ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 PS256 PS384 PS512 ES256K""#;

pub(super) fn cases() -> Group {
    let mut group = Group::new("proof");
    held(&mut group);
    targets(&mut group);
    schemes(&mut group);
    demanded(&mut group);
    confirmations(&mut group);
    once(&mut group);
    nonces(&mut group);
    group
}

/// A token that is bound to the client's key, with claims put in.
fn bound(more: &Value) -> String {
    let mut claims = more.clone();
    claims["cnf"] = json!({"jkt": CLIENT_KEY.thumbprint()});
    token(&claims)
}

fn none() -> Value {
    json!({})
}

/// A denial of a proof, which tells no code.
fn invalid(code: &str) -> Want {
    Want::deny(401, code).challenge(INVALID).body(json!({"error": "invalid_dpop_proof"}))
}

fn held(group: &mut Group) {
    let bound = bound(&none());
    let with = |header: Value, more: Value| Check::new().dpop(&bound, &proof(CLIENT_KEY, &bound, &header, &more));
    let claim = |more: Value| with(none(), more);
    let mut private = CLIENT_KEY.jwk();
    private["d"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
    let another = Check::new().dpop(&bound, &proof(Key::Ed(8), &bound, &none(), &none()));
    let good = proof(CLIENT_KEY, &bound, &none(), &none());
    group.about("A DPoP proof is made for this method, URL, token and key, lately (RFC 9449 section 4.3).").pair(
        "dpop",
        &claim(none()),
        &Want::subject("alice"),
        &[
            ("no-proof", Check::new().header("Authorization", &format!("DPoP {bound}")), invalid("dpop.missing")),
            ("another-method", claim(json!({"htm": "POST"})), invalid("dpop.method_mismatch")),
            ("method-case", claim(json!({"htm": "get"})), invalid("dpop.method_case")),
            ("another-token", claim(json!({"ath": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})), {
                invalid("dpop.token_hash_mismatch")
            }),
            ("no-token-hash", claim(json!({"ath": null})), invalid("dpop.token_hash_missing")),
            ("another-key", another, invalid("dpop.key_mismatch")),
            ("no-jti", claim(json!({"jti": null})), invalid("dpop.claim_missing")),
            ("no-iat", claim(json!({"iat": null})), invalid("dpop.claim_missing")),
            ("expired", claim(json!({"exp": NOW - 1})), invalid("token.expired")),
            ("another-typ", with(json!({"typ": "JWT"}), none()), invalid("token.type_mismatch")),
            ("no-key", with(json!({"jwk": null}), none()), invalid("dpop.key_missing")),
            ("private-key", with(json!({"jwk": private}), none()), invalid("key.private")),
            ("mac", with(json!({"alg": "HS256"}), none()), invalid("token.algorithm_mac")),
            (
                "changed",
                Check::new().dpop(&bound, &format!("{}AA{}", &good[..good.len() - 4], &good[good.len() - 2..])),
                { invalid("crypto.signature_invalid") },
            ),
            ("no-jwt", Check::new().dpop(&bound, "x"), invalid("token.parts_missing")),
            (
                "token-expired",
                {
                    let late = self::bound(&json!({"exp": NOW - 60}));
                    Check::new().dpop(&late, &proof(CLIENT_KEY, &late, &none(), &none()))
                },
                Want::deny(401, "token.expired").body(json!({"error": "invalid_token"})),
            ),
        ],
    );
    let client = Key::Ec(6);
    let to_ec = token(&json!({"cnf": {"jkt": client.thumbprint()}}));
    let made = |key: Key| Check::new().dpop(&to_ec, &proof(key, &to_ec, &none(), &none()));
    group.about("A proof may have any signature algorithm that is no MAC.").pair(
        "dpop-es256",
        &made(client),
        &Want::subject("alice"),
        &[("another-key", made(Key::Ec(5)), invalid("dpop.key_mismatch"))],
    );
    for (name, window, policy) in [("window", 300, Value::Null), ("window-of-the-policy", 60, json!("1m"))] {
        let claim = |more: Value| claim(more).policy("proof_window", policy.clone());
        group.about("A proof's iat lies within the window, before and after.").pair(
            &format!("{name}-before"),
            &claim(json!({"iat": NOW - window})),
            &Want::subject("alice"),
            &[("too-old", claim(json!({"iat": NOW - window - 1})), invalid("dpop.too_old"))],
        );
        group.about("A proof's iat lies within the window, before and after.").pair(
            &format!("{name}-after"),
            &claim(json!({"iat": NOW + window})),
            &Want::subject("alice"),
            &[("in-the-future", claim(json!({"iat": NOW + window + 1})), invalid("dpop.in_future"))],
        );
    }
}

/// `htu` is compared with the policy's origin and the raw path.
fn targets(group: &mut Group) {
    let bound = bound(&none());
    let with = |check: Check, htu: &str| check.dpop(&bound, &proof(CLIENT_KEY, &bound, &none(), &json!({"htu": htu})));
    let own = format!("{API}/reports/7");
    let loud = || Check::new().url("https://API.example:443/reports/7?x=1");
    group.about("origins in the policy lists the public origins; DPoP htu uses these.").pair(
        "target",
        &with(loud(), &own),
        &Want::subject("alice"),
        &[
            ("another-path", with(loud(), &format!("{API}/reports/8")), invalid("dpop.target_path")),
            ("another-host", with(loud(), "https://other.example/reports/7"), invalid("dpop.target_host")),
            ("another-scheme", with(loud(), "http://api.example/reports/7"), invalid("dpop.target_scheme")),
            ("another-port", with(loud(), "https://api.example:8443/reports/7"), invalid("dpop.target_port")),
            ("path-alone", with(loud(), "/reports/7"), invalid("dpop.target_malformed")),
            ("path-case", with(loud(), &format!("{API}/Reports/7")), invalid("dpop.target_path")),
        ],
    );
    // The proxy's own request comes on another path than the one that the proof is made for.
    let told = |check: Check| check.header("X-Original-URL", &own).header("X-Original-Method", "GET");
    let asked = || Check::new().listener(json!({"asserts": "nginx"})).path("/auth");
    group.about("On a listener that asserts, the request that is spoken of is the one that a proof is for.").pair(
        "target-told-by-a-proxy",
        &told(with(asked(), &own)),
        &Want::subject("alice"),
        &[("of-the-proxy", told(with(asked(), &format!("{API}/auth"))), invalid("dpop.target_path"))],
    );
}

fn schemes(group: &mut Group) {
    let bound = bound(&none());
    let made = proof(CLIENT_KEY, &bound, &none(), &none());
    let unbound = token(&none());
    let of_unbound = proof(CLIENT_KEY, &unbound, &none(), &none());
    let bearer = || Want::deny(401, "proof.scheme_bearer").challenge(SCHEME).body(json!({"error": "invalid_token"}));
    group.about("A bound token never as Bearer.").pair(
        "bound-as-dpop",
        &Check::new().dpop(&bound, &made),
        &Want::subject("alice"),
        &[
            ("bearer", Check::new().bearer(&bound), bearer()),
            ("bearer-with-proof", Check::new().bearer(&bound).header("DPoP", &made), bearer()),
        ],
    );
    group.about("A token that is bound to no key is none for the scheme DPoP.").pair(
        "unbound-as-bearer",
        &Check::new().bearer(&unbound),
        &Want::subject("alice"),
        &[
            ("dpop", Check::new().dpop(&unbound, &of_unbound), Want::deny(401, "proof.token_unbound")),
            (
                "bound-to-a-certificate",
                {
                    let to_certificate = token(&json!({"cnf": {"x5t#S256": CLIENT_KEY.thumbprint()}}));
                    let made = proof(CLIENT_KEY, &to_certificate, &none(), &none());
                    Check::new().dpop(&to_certificate, &made)
                },
                Want::deny(401, "proof.token_unbound"),
            ),
        ],
    );
}

/// What an issuer's entry demands.
fn demanded(group: &mut Group) {
    let bound = bound(&none());
    let by_key = |check: Check| check.dpop(&bound, &proof(CLIENT_KEY, &bound, &none(), &none()));
    let digest = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    let to_certificate = token(&json!({"cnf": {"x5t#S256": digest}}));
    let by_certificate = |check: Check| check.bearer(&to_certificate).certificate(json!({"digest": digest}));
    let unbound = |check: Check| check.bearer(&token(&none()));
    let demand = |proof: &str| Check::new().policy("issuers/0/proof", proof);
    let missing = || Want::deny(401, "credential.missing");
    group.about("proof = \"dpop\": every token of the issuer needs a proof.").pair(
        "demand-dpop",
        &by_key(demand("dpop")),
        &Want::subject("alice"),
        &[
            ("unbound", unbound(demand("dpop")), Want::deny(401, "proof.dpop_required").challenge(SCHEME)),
            ("certificate", by_certificate(demand("dpop")), Want::deny(401, "proof.dpop_required").challenge(SCHEME)),
            ("no-credential", demand("dpop"), missing().challenge(OFFER)),
        ],
    );
    group.about("proof = \"certificate\": every token of the issuer is bound to a client certificate.").pair(
        "demand-certificate",
        &by_certificate(demand("certificate")),
        &Want::subject("alice"),
        &[
            ("unbound", unbound(demand("certificate")), Want::deny(401, "proof.certificate_required")),
            ("dpop", by_key(demand("certificate")), Want::deny(401, "proof.certificate_required")),
            ("no-certificate", by_certificate(demand("certificate")).set("client_certificate", ()), {
                Want::deny(401, "mtls.certificate_missing")
            }),
            ("no-credential", demand("certificate"), missing().challenge(r#"Bearer realm="""#)),
        ],
    );
    let both = [
        ("WWW-Authenticate", OFFER),
        ("WWW-Authenticate", r#"Bearer realm="""#),
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
    ];
    group.about("proof = \"any\": one of them.").pair(
        "demand-any-by-key",
        &by_key(demand("any")),
        &Want::subject("alice"),
        &[
            ("unbound", unbound(demand("any")), Want::deny(401, "proof.required")),
            ("no-proof", by_key(demand("any")).bare().header("Authorization", &format!("DPoP {bound}")), {
                invalid("dpop.missing")
            }),
            ("no-credential", demand("any"), missing().headers(&both)),
        ],
    );
    group.about("proof = \"any\": one of them.").pair(
        "demand-any-by-certificate",
        &by_certificate(demand("any")),
        &Want::subject("alice"),
        &[("no-certificate", by_certificate(demand("any")).set("client_certificate", ()), {
            Want::deny(401, "mtls.certificate_missing")
        })],
    );
    group
        .about("proof = \"none\": a token that is bound is never accepted without its proof, whatever stands here.")
        .pair(
            "demand-none",
            &unbound(demand("none")),
            &Want::subject("alice"),
            &[
                ("bound", demand("none").bearer(&bound), Want::deny(401, "proof.scheme_bearer")),
                ("bound-to-a-certificate", demand("none").bearer(&to_certificate), {
                    Want::deny(401, "mtls.certificate_missing")
                }),
            ],
        );
}

/// What a token may be bound to.
fn confirmations(group: &mut Group) {
    let with = |cnf: Value| Check::new().bearer(&token(&json!({"cnf": cnf})));
    let jkt = CLIENT_KEY.thumbprint();
    let invalid = |code: &str| Want::deny(401, code).body(json!({"error": "invalid_token"}));
    group.about("A token that says it is bound is never taken for one that is not.").pair(
        "cnf-none",
        &Check::new().bearer(&token(&none())),
        &Want::subject("alice"),
        &[
            ("two", with(json!({"jkt": jkt, "x5t#S256": jkt})), invalid("cnf.several")),
            ("unknown", with(json!({"new": jkt})), invalid("cnf.unsupported")),
            ("empty", with(json!({})), invalid("cnf.empty")),
            ("no-object", with(json!("x")), invalid("cnf.type")),
            ("no-text", with(json!({"jkt": 1})), invalid("cnf.member_type")),
            ("short", with(json!({"jkt": "AAAA"})), invalid("cnf.thumbprint")),
            ("jwk", with(json!({"jwk": CLIENT_KEY.jwk()})), invalid("proof.unsupported")),
            ("kid", with(json!({"kid": "a"})), invalid("proof.unsupported")),
        ],
    );
}

/// The memory of used proofs is asked last.
fn once(group: &mut Group) {
    let bound = bound(&none());
    let check = Check::new().dpop(&bound, &proof(CLIENT_KEY, &bound, &none(), &none()));
    let seen = |check: &Check| check.clone().set("seen", json!(["p1"]));
    group.about("remember(key, until): its answer is fresh or seen.").pair(
        "fresh",
        &check.clone().set("seen", json!(["p0"])),
        &Want::subject("alice"),
        &[("seen", seen(&check), invalid("dpop.replayed"))],
    );
    let poor = check.require(json!({"scope": ["a"]}));
    let rich = self::bound(&json!({"scope": "a"}));
    let rich = poor.clone().dpop(&rich, &proof(CLIENT_KEY, &rich, &none(), &none()));
    group.about("remember is asked after every check including rules and status has passed.").pair(
        "seen-and-rights",
        &rich,
        &Want::subject("alice"),
        &[
            ("seen", seen(&rich), invalid("dpop.replayed")),
            ("seen-without-rights", seen(&poor), {
                let challenge = INVALID.replace("invalid_dpop_proof\"", "insufficient_scope\", scope=\"a\"");
                let challenge = challenge.split(", algs").next().unwrap_or_default().to_owned();
                Want::deny(403, "scope.absent_insufficient_scope").challenge(&challenge)
            }),
        ],
    );
    group.about("Only a proof is used once: a Bearer token is not remembered by its jti.").pair(
        "bearer-seen",
        &Check::new().bearer(&token(&none())).set("seen", json!(["t1", "p1"])),
        &Want::subject("alice"),
        &[("no-token", Check::new().set("seen", json!(["t1"])), Want::deny(401, "credential.missing"))],
    );
}

/// `replay = "nonce"`: this door gives no nonces, so a proof cannot have one.
fn nonces(group: &mut Group) {
    let bound = bound(&none());
    let check = Check::new().dpop(&bound, &proof(CLIENT_KEY, &bound, &none(), &json!({"nonce": "n"})));
    group.about("replay = \"shared\" is a promise of the host's memory.").pair(
        "shared",
        &check.clone().policy("replay", "shared"),
        &Want::subject("alice"),
        &[("nonce-without-nonces", check.policy("replay", "nonce"), {
            Want::deny(503, "replay.nonce_unavailable").body(json!({"error": "temporarily_unavailable"}))
        })],
    );
}
