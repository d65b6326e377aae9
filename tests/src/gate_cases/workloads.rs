//! Workloads with an identity token of their own, and its two proofs: a proof token, and a signature over the request.

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_crypto::sha256;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{API, Check, Group, Key, NOW, Want, put, token};

const DOMAIN: &str = "prod.example";
const BILLING: &str = "spiffe://prod.example/ns/billing";
/// What the trust domain signs identity tokens with.
const DOMAIN_KEY: Key = Key::Ec(3);
/// The workload's own key.
const WORKLOAD_KEY: Key = Key::Ec(4);
const TARGET: &str = "https://api.example/reports/7";
const SIGNED: &str =
    r#"wimse=("@method" "@path" "@query" "workload-identity-token");created;expires;tag="wimse-workload-to-workload""#;

pub(super) fn cases() -> Group {
    let mut group = Group::new("workload");
    proof_tokens(&mut group);
    identity_tokens(&mut group);
    signatures(&mut group);
    bodies(&mut group);
    demanded(&mut group);
    beside(&mut group);
    once(&mut group);
    group
}

/// The trust domain, its bundle in the policy, with members put in.
fn domain(more: &Value) -> Value {
    let mut key = DOMAIN_KEY.named("w");
    key["use"] = "wit-svid".into();
    let mut domain = json!({"name": DOMAIN, "bundle": {"keys": [key]}});
    put(&mut domain, more);
    domain
}

/// An identity token of the billing workload, its header and claims changed.
fn identity(header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": "ES256", "kid": "w", "typ": "wit+jwt"});
    put(&mut own, header);
    let mut jwk = WORKLOAD_KEY.jwk();
    jwk["alg"] = "ES256".into();
    let mut claims = json!({"sub": BILLING, "exp": NOW + 3_600, "cnf": {"jwk": jwk}});
    put(&mut claims, more);
    DOMAIN_KEY.jws(&own, &claims)
}

fn good() -> String {
    identity(&json!({}), &json!({}))
}

fn hash(text: &str) -> String {
    base64url::encode(&sha256(text.as_bytes()))
}

/// A proof token for a GET of `/reports/7`, changed.
fn proof(key: Key, identity: &str, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": "ES256", "typ": "wpt+jwt"});
    put(&mut own, header);
    let mut claims = json!({"aud": TARGET, "exp": NOW + 60, "iat": NOW - 1, "jti": "w1", "wth": hash(identity)});
    put(&mut claims, more);
    key.jws(&own, &claims)
}

/// A policy with the trust domain and one rule for its workloads, and a request without a credential.
fn check(more: &Value) -> Check {
    let check = Check::new().policy("issuers", ()).policy("trust_domains", json!([domain(more)]));
    check.require(json!({"spiffe_id": ["spiffe://prod.example/ns/*"]}))
}

/// With an identity token and a proof token.
fn with(check: &Check, identity: &str, proof: &str) -> Check {
    let check = check.clone().header("Workload-Identity-Token", identity);
    check.header("Authorization", &format!("WPT {proof}"))
}

/// A denial of a workload with a proof token, which tells no code.
fn denied(code: &str) -> Want {
    Want::deny(401, code).challenge("WPT").body(json!({"error": "invalid_token"}))
}

fn workload() -> Want {
    Want::subject(BILLING).and("principal", json!({"spiffe_id": BILLING, "issuer": DOMAIN, "scopes": []}))
}

fn proof_tokens(group: &mut Group) {
    let none = json!({});
    let check = check(&none);
    let good = good();
    let made = |header: Value, more: Value| with(&check, &good, &proof(WORKLOAD_KEY, &good, &header, &more));
    let claim = |more: Value| made(json!({}), more);
    let text = proof(WORKLOAD_KEY, &good, &none, &none);
    let identity_alone = check.clone().header("Workload-Identity-Token", &good);
    group
        .about("A proof token is made for this URL and identity token, with its key, lately (wpt-02 section 2).")
        .pair(
            "proof-token",
            &claim(json!({})),
            &workload(),
            &[
                ("another-key", with(&check, &good, &proof(Key::Ec(5), &good, &none, &none)), {
                    denied("crypto.signature_invalid")
                }),
                ("another-url", claim(json!({"aud": "https://api.example/reports/8"})), denied("wimse.proof_audience")),
                ("another-host", claim(json!({"aud": "https://other.example/reports/7"})), {
                    denied("wimse.proof_audience")
                }),
                ("with-the-query", claim(json!({"aud": format!("{TARGET}?a=b")})), denied("wimse.proof_audience")),
                ("two-targets", claim(json!({"aud": [TARGET, "https://b.example/"]})), denied("wimse.proof_audience")),
                ("no-target", claim(json!({"aud": null})), denied("wimse.proof_audience")),
                ("expired", claim(json!({"exp": NOW - 31})), denied("wimse.proof_expired")),
                ("no-end", claim(json!({"exp": null})), denied("wimse.proof_expires_missing")),
                ("lives-too-long", claim(json!({"exp": NOW + 331})), denied("wimse.proof_lifetime")),
                ("not-yet", claim(json!({"nbf": NOW + 31})), denied("wimse.proof_in_future")),
                ("from-the-future", claim(json!({"iat": NOW + 31})), denied("wimse.proof_in_future")),
                ("no-jti", claim(json!({"jti": null})), denied("wimse.proof_id_missing")),
                ("of-another-identity", claim(json!({"wth": hash("x")})), denied("wimse.proof_identity_hash")),
                ("of-no-identity", claim(json!({"wth": null})), denied("wimse.proof_identity_hash")),
                ("another-typ", made(json!({"typ": "JWT"}), json!({})), denied("token.type_mismatch")),
                ("another-alg", made(json!({"alg": "Ed25519"}), json!({})), denied("wimse.proof_algorithm")),
                ("critical", made(json!({"crit": ["x"], "x": 1}), json!({})), denied("token.critical_unknown")),
                ("transaction-token-uncovered", claim(json!({})).header("Txn-Token", "a.b.c"), {
                    denied("wimse.proof_transaction_hash")
                }),
                ("transaction-token-absent", claim(json!({"tth": hash("a.b.c")})), {
                    denied("wimse.proof_transaction_hash")
                }),
                (
                    "other-token-absent",
                    claim(json!({"oth": {"x-token": hash("x")}})),
                    denied("wimse.proof_other_unknown"),
                ),
                ("no-proof", identity_alone, {
                    Want::deny(400, "wimse.signature_missing").body(json!({"error": "invalid_token"}))
                }),
                ("no-token", with(&check, &good, ""), denied("wimse.proof_malformed")),
                ("two-tokens", with(&check, &good, &format!("{text} {text}")), denied("wimse.proof_malformed")),
                (
                    "superseded-header",
                    claim(json!({})).header("Workload-Proof-Token", &text),
                    denied("wimse.proof_superseded"),
                ),
                (
                    "superseded-header-alone",
                    check.clone().header("Workload-Identity-Token", &good).header("Workload-Proof-Token", &text),
                    denied("wimse.proof_superseded"),
                ),
                (
                    "another-workload",
                    claim(json!({})).require(json!({"spiffe_id": ["spiffe://prod.example/ns/web"]})),
                    { Want::deny(403, "rule.spiffe_id_mismatch") },
                ),
            ],
        );
    let scheme = check.clone().header("Workload-Identity-Token", &good).header("authorization", &format!("wpt {text}"));
    let another = |name: &str| {
        let check = check.clone().header("Workload-Identity-Token", &good);
        check.header("Authorization", &format!("{name} {text}"))
    };
    group.about("The scheme is compared without case.").pair(
        "proof-token-scheme",
        &scheme,
        &workload(),
        &[("another", another("WPTX"), Want::deny(401, "credential.scheme_unsupported"))],
    );
    let transaction = "a.b.c";
    let covered = claim(json!({"tth": hash(transaction), "oth": {"x-token": hash("x")}}));
    let covered = covered.header("Txn-Token", transaction);
    group.about("Other tokens of the request are covered by their hashes.").pair(
        "proof-token-other-tokens",
        &covered.clone().header("X-Token", " x "),
        &workload(),
        &[
            ("another", covered.clone().header("X-Token", "y"), denied("wimse.proof_other_hash")),
            (
                "twice",
                covered.clone().header("X-Token", "x").header("X-Token", "x"),
                denied("wimse.proof_other_repeated"),
            ),
        ],
    );
    let alone = check.clone().header("Authorization", &format!("WPT {text}"));
    group.about("A proof token without its identity token proves nothing.").pair(
        "proof-token-with-identity",
        &claim(json!({})),
        &workload(),
        &[("alone", alone, {
            let body = json!({"error": "invalid_token", "code": "wimse.identity_missing"});
            Want::deny(401, "wimse.identity_missing").challenge("WPT").body(body)
        })],
    );
}

fn identity_tokens(group: &mut Group) {
    let none = json!({});
    let check = check(&none);
    let of = |identity: &str| with(&check, identity, &proof(WORKLOAD_KEY, identity, &none, &none));
    let changed = |header: Value, more: Value| of(&identity(&header, &more));
    let bearer = check.clone().header("Authorization", &format!("Bearer {}", good()));
    group.about("An identity token is one of the trust domain, and never a bearer token (workload-creds-02).").pair(
        "identity",
        &of(&good()),
        &workload(),
        &[
            ("expired", changed(json!({}), json!({"exp": NOW - 30})), denied("token.expired")),
            ("no-end", changed(json!({}), json!({"exp": null})), denied("svid.expires_missing")),
            ("another-key", changed(json!({"kid": "x"}), json!({})), denied("key.unknown")),
            ("no-key", changed(json!({}), json!({"cnf": null})), denied("svid.confirmation_missing")),
            ("for-an-audience", changed(json!({}), json!({"aud": API})), denied("svid.wit_audience")),
            ("another-typ", changed(json!({"typ": "JWT"}), json!({})), denied("token.type_mismatch")),
            ("another-domain", changed(json!({}), json!({"sub": "spiffe://other.example/w"})), {
                denied("token.issuer_unknown")
            }),
            ("no-jwt", of("x"), {
                let body = json!({"error": "invalid_token", "code": "token.parts_missing"});
                Want::deny(401, "token.parts_missing").challenge("WPT").body(body)
            }),
            ("as-bearer", bearer, Want::deny(401, "svid.jwt_type")),
            ("twice", of(&good()).header("Workload-Identity-Token", &good()), {
                Want::deny(400, "request.header_repeated")
            }),
        ],
    );
}

/// What is signed of a request.
#[derive(Clone)]
struct Message {
    key: Key,
    components: Vec<(&'static str, String)>,
    parameters: String,
}

impl Message {
    /// A GET of `/reports/7`.
    fn new(identity: &str) -> Self {
        let component = |name, value: &str| (name, value.to_owned());
        Self {
            key: WORKLOAD_KEY,
            components: vec![
                component("@method", "GET"),
                component("@path", "/reports/7"),
                component("@query", "?"),
                component("workload-identity-token", identity),
            ],
            parameters: parameters(&[]),
        }
    }

    fn without(mut self, name: &str) -> Self {
        self.components.retain(|(other, _)| *other != name);
        self
    }

    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.components.push((name, value.into()));
        self
    }

    /// Other parameters.
    fn parameters(mut self, changed: &[(&str, &str)]) -> Self {
        self.parameters = parameters(changed);
        self
    }

    /// The input and the signature, made by hand after RFC 9421 section 2.5.
    fn sign(&self) -> (String, String) {
        let names: Vec<String> = self.components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let input = format!("({}){}", names.join(" "), self.parameters);
        let mut base: String = self.components.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
        base += &format!("\"@signature-params\": {input}");
        (format!("s={input}"), format!("s=:{}:", STANDARD.encode(self.key.sign(base.as_bytes()))))
    }

    fn on(&self, check: &Check, identity: &str) -> Check {
        let (input, signature) = self.sign();
        let check = check.clone().header("Workload-Identity-Token", identity);
        check.header("Signature-Input", &input).header("Signature", &signature)
    }
}

/// The parameters of a signature, some of them another or, where empty, left out.
fn parameters(changed: &[(&str, &str)]) -> String {
    let own = [
        ("created", (NOW - 1).to_string()),
        ("expires", (NOW + 60).to_string()),
        ("nonce", r#""n1""#.into()),
        ("tag", r#""wimse-workload-to-workload""#.into()),
        ("wimse-aud", format!("\"{TARGET}\"")),
    ];
    let mut text = String::new();
    for (name, value) in &own {
        match changed.iter().find(|(other, _)| other == name) {
            Some((_, "")) => {}
            Some((_, other)) => text += &format!(";{name}={other}"),
            None => text += &format!(";{name}={value}"),
        }
    }
    for (name, value) in changed.iter().filter(|(name, _)| own.iter().all(|(other, _)| other != name)) {
        text += &format!(";{name}={value}");
    }
    text
}

/// A denial of a signed request.
fn unsigned(code: &str) -> Want {
    Want::deny(400, code).body(json!({"error": "invalid_token"}))
}

fn signatures(group: &mut Group) {
    let check = check(&json!({}));
    let good = good();
    let message = Message::new(&good);
    let on = |message: Message| message.on(&check, &good);
    let with = |changed: &[(&str, &str)]| on(message.clone().parameters(changed));
    let at = |time: u64| time.to_string();
    let (input, signature) = message.sign();
    let two = check.clone().header("Workload-Identity-Token", &good);
    let two = two.header("Signature-Input", &format!("{input}, t{}", input.trim_start_matches('s')));
    let two = two.header("Signature", &format!("{signature}, t{}", signature.trim_start_matches('s')));
    let other_key = Message { key: Key::Ec(5), ..message.clone() };
    group
        .about("A signature covers method, path, query and identity token, lately and for here (http-signature-07).")
        .pair(
            "signature",
            &on(message.clone()),
            &workload(),
            &[
                ("another-key", on(other_key), unsigned("crypto.signature_invalid")),
                ("another-method", on(message.clone()).method("POST"), unsigned("crypto.signature_invalid")),
                ("another-path", on(message.clone()).path("/reports/8"), unsigned("wimse.signature_audience")),
                ("another-query", on(message.clone()).path("/reports/7?a=b"), unsigned("crypto.signature_invalid")),
                ("method-uncovered", on(message.clone().without("@method")), unsigned("wimse.signature_uncovered")),
                ("path-uncovered", on(message.clone().without("@path")), unsigned("wimse.signature_uncovered")),
                ("query-uncovered", on(message.clone().without("@query")), unsigned("wimse.signature_uncovered")),
                ("identity-uncovered", on(message.clone().without("workload-identity-token")), {
                    unsigned("wimse.signature_uncovered")
                }),
                ("type-uncovered", on(message.clone()).header("Content-Type", "text/plain"), {
                    unsigned("wimse.signature_uncovered")
                }),
                ("another-audience", with(&[("wimse-aud", r#""https://b.example/""#)]), {
                    unsigned("wimse.signature_audience")
                }),
                ("no-audience", with(&[("wimse-aud", "")]), unsigned("wimse.signature_parameter")),
                ("no-nonce", with(&[("nonce", "")]), unsigned("wimse.signature_parameter")),
                ("no-created", with(&[("created", "")]), unsigned("wimse.signature_parameter")),
                ("no-expires", with(&[("expires", "")]), unsigned("wimse.signature_parameter")),
                ("expired", with(&[("expires", &at(NOW - 30)), ("created", &at(NOW - 60))]), {
                    unsigned("wimse.signature_expired")
                }),
                ("lives-too-long", with(&[("expires", &at(NOW + 331))]), unsigned("wimse.signature_lifetime")),
                ("from-the-future", with(&[("created", &at(NOW + 31))]), unsigned("wimse.signature_in_future")),
                ("keyid", with(&[("keyid", r#""a""#)]), unsigned("wimse.signature_parameter_forbidden")),
                ("alg", with(&[("alg", r#""ecdsa-p256-sha256""#)]), unsigned("wimse.signature_parameter_forbidden")),
                (
                    "request-nonce",
                    with(&[("wimse-req-nonce", r#""a""#)]),
                    unsigned("wimse.signature_parameter_forbidden"),
                ),
                ("another-tag", with(&[("tag", r#""x""#)]), unsigned("wimse.signature_missing")),
                ("two-of-the-tag", two, unsigned("wimse.signature_repeated")),
                (
                    "expired-identity",
                    {
                        let late = identity(&json!({}), &json!({"exp": NOW - 30}));
                        Message::new(&late).on(&check, &late)
                    },
                    unsigned("token.expired"),
                ),
                ("no-text", message.on(&check, &good).header("Signature", "x=?"), { unsigned("signature.syntax") }),
            ],
        );
    let query = Message::new(&good).without("@query").and("@query", "?b=2&a=1");
    group.about("The query is covered as it was sent, and no part of the audience.").pair(
        "signature-query",
        &on(query.clone()).path("/reports/7?b=2&a=1"),
        &workload(),
        &[("in-another-order", on(query).path("/reports/7?a=1&b=2"), unsigned("crypto.signature_invalid"))],
    );
}

fn bodies(group: &mut Group) {
    let check = check(&json!({})).method("POST");
    let good = good();
    let digest = |body: &str| format!("sha-256=:{}:", STANDARD.encode(sha256(body.as_bytes())));
    let message = Message::new(&good).without("@method").and("@method", "POST");
    let covered = message.clone().and("content-digest", &digest("hello"));
    let on = |message: &Message| message.on(&check, &good);
    let sent = on(&covered).header("Content-Digest", &digest("hello")).set("request/body", "hello");
    group.about("A body is covered by its digest, which is computed again.").pair(
        "signature-body",
        &sent,
        &workload(),
        &[
            ("another", sent.clone().set("request/body", "hellp"), unsigned("signature.digest_mismatch")),
            ("gone", sent.clone().set("request/body", ()), unsigned("signature.digest_mismatch")),
            ("without-digest", on(&message).set("request/body", "hello"), unsigned("wimse.signature_digest_missing")),
            (
                "digest-uncovered",
                on(&message).header("Content-Digest", &digest("hello")).set("request/body", "hello"),
                { unsigned("wimse.signature_uncovered") },
            ),
            ("unknown", on(&message).set("request/body_withheld", true), {
                Want::deny(503, "signature.body_unavailable").body(json!({"error": "temporarily_unavailable"}))
            }),
            ("withheld", sent.clone().set("request/body", ()).set("request/body_withheld", true), {
                Want::deny(503, "signature.body_unavailable").body(json!({"error": "temporarily_unavailable"}))
            }),
        ],
    );
}

fn demanded(group: &mut Group) {
    let good = good();
    let none = json!({});
    let proof_token = |check: &Check| with(check, &good, &proof(WORKLOAD_KEY, &good, &none, &none));
    let signature = |check: &Check| Message::new(&good).on(check, &good);
    let of = |proof: &str| check(&json!({"proof": proof}));
    let wants = |code: &str| json!({"error": "invalid_token", "code": code});
    let signed = [("Accept-Signature", SIGNED), ("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    group.about("A trust domain says which proof its workloads bring.").pair(
        "wimse",
        &proof_token(&of("wimse")),
        &workload(),
        &[
            ("signature", signature(&of("wimse")), {
                let code = "proof.wimse_required";
                Want::deny(401, code).challenge("WPT").body(wants(code))
            }),
            ("nothing", of("wimse"), {
                let code = "credential.missing";
                Want::deny(401, code).challenge("WPT").body(json!({"code": code}))
            }),
        ],
    );
    group.about("A trust domain says which proof its workloads bring.").pair(
        "http-signature",
        &signature(&of("http-signature")),
        &workload(),
        &[("proof-token", proof_token(&of("http-signature")), {
            let code = "proof.http_signature_required";
            Want::deny(400, code).headers(&signed).body(wants(code))
        })],
    );
    for (name, made) in [("any-proof-token", proof_token(&of("any"))), ("any-signature", signature(&of("any")))] {
        let bearer = of("any").header("Authorization", &format!("Bearer {good}"));
        group.about("A trust domain may take either proof, and then takes no bearer token.").pair(
            name,
            &made,
            &workload(),
            &[("bearer", bearer, Want::deny(401, "proof.required"))],
        );
    }
    let without = check(&json!({"svids": ["x509"]}));
    group.about("A trust domain says which documents are accepted.").pair(
        "kind",
        &proof_token(&check(&json!({"svids": ["wit"]}))),
        &workload(),
        &[("none", proof_token(&without), {
            let code = "svid.kind_not_accepted";
            Want::deny(401, code).challenge("WPT").body(wants(code))
        })],
    );
}

/// A user's token and the workload that carries it: each counts by itself.
fn beside(group: &mut Group) {
    let good = good();
    let user = format!("Bearer {}", token(&json!({})));
    let both = Message::new(&good).and("authorization", &user);
    let check = Check::new().policy("trust_domains", json!([domain(&json!({}))]));
    let for_workloads = check.policy("rules/0/issuers", json!([DOMAIN]));
    let sent = |check: &Check, message: &Message| message.on(check, &good).header("Authorization", &user);
    let for_users = for_workloads.clone().policy("rules/0/issuers", json!(["corp"]));
    group.about("A rule for workloads is met by the workload that signed, whoever's token it carries.").pair(
        "beside-a-user",
        &sent(&for_workloads, &both),
        &workload(),
        &[
            ("token-uncovered", sent(&for_workloads, &Message::new(&good)), unsigned("wimse.signature_uncovered")),
            (
                "no-signature",
                {
                    let check = for_workloads.clone().header("Workload-Identity-Token", &good);
                    check.header("Authorization", &user)
                },
                unsigned("wimse.signature_missing"),
            ),
        ],
    );
    group.about("A rule for users is met by the user's token, whatever workload carries it.").pair(
        "user-beside-a-workload",
        &sent(&for_users, &both),
        &Want::subject("alice"),
        &[("no-user", Message::new(&good).on(&for_users, &good), Want::deny(403, "rule.issuer_not_accepted"))],
    );
}

fn once(group: &mut Group) {
    let good = good();
    let none = json!({});
    let check = check(&none);
    let sent = with(&check, &good, &proof(WORKLOAD_KEY, &good, &none, &none));
    group.about("A proof token is used once.").pair(
        "proof-token-once",
        &sent.clone().set("seen", json!(["w2"])),
        &workload(),
        &[("again", sent.set("seen", json!(["w1"])), denied("wimse.proof_replayed"))],
    );
    let sent = Message::new(&good).on(&check, &good);
    group.about("A signature's nonce is used once.").pair(
        "signature-once",
        &sent.clone().set("seen", json!(["n2"])),
        &workload(),
        &[("again", sent.set("seen", json!(["n1"])), unsigned("wimse.signature_replayed"))],
    );
}
