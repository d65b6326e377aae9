//! Transaction Tokens beside callers' own credentials, and what rules ask of them.

use serde_json::{Value, json};

use super::make::{Check, Group, Key, NOW, Want, put, token};

const DOMAIN: &str = "prod.example";
/// What the Transaction Token Service signs with.
const SERVICE_KEY: Key = Key::Ec(8);
const KEYS_URL: &str = "https://tts.prod.example/jwks.json";

pub(super) fn cases() -> Group {
    let mut group = Group::new("transaction");
    tokens(&mut group);
    keys(&mut group);
    rights(&mut group);
    contexts(&mut group);
    placed(&mut group);
    stripped(&mut group);
    once(&mut group);
    told(&mut group);
    group
}

/// A Transaction Token, header and claims changed.
fn transaction(header: &Value, more: &Value) -> String {
    signed(SERVICE_KEY, header, more)
}

fn signed(key: Key, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": key.algorithm(), "kid": "a", "typ": "txntoken+jwt"});
    put(&mut own, header);
    let mut claims = json!({"aud": DOMAIN, "txn": "t-1", "sub": "user-7", "scope": "trade.stocks trade.read", "iat": NOW - 5,
        "exp": NOW + 295, "req_wl": "spiffe://prod.example/gateway",
        "tctx": {"action": "BUY", "ticker": "MSFT"}, "rctx": {"authn": "face"}});
    put(&mut claims, more);
    key.jws(&own, &claims)
}

/// A policy whose one rule asks for a token of corp and this of the transaction; the request has both.
fn check(require: Value) -> Check {
    let accepted = json!({"trust_domain": DOMAIN, "keys": super::make::keys(SERVICE_KEY)});
    let check = Check::new().policy("transaction_tokens", accepted);
    check.require(json!({"transaction": require})).bearer(&token(&json!({})))
}

fn with(check: &Check, transaction: &str) -> Check {
    check.clone().header("Txn-Token", transaction)
}

fn allowed() -> Want {
    Want::subject("alice").and("transaction", json!({"id": "t-1", "subject": "user-7"}))
}

/// A denial that blames the transaction, and neither the caller's credential nor its own rights.
fn denied(code: &str) -> Want {
    Want::deny(403, code)
        .headers(&[("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        .body(json!({"error": "invalid_transaction_token", "code": code}))
}

fn forbidden(code: &str) -> Want {
    Want::deny(403, code).body(json!({"code": code}))
}

fn tokens(group: &mut Group) {
    let check = check(json!({}));
    let changed = |header: Value, more: Value| with(&check, &transaction(&header, &more));
    let claim = |more: Value| changed(json!({}), more);
    let bad_caller = |more: Value| {
        let text = transaction(&json!({}), &json!({}));
        check.clone().bearer(&token(&more)).header("Txn-Token", &text)
    };
    group.about("A Transaction Token is one of this trust domain, and comes beside the caller's own credential.").pair(
        "token",
        &claim(json!({})),
        &allowed(),
        &[
            ("missing", check.clone(), denied("txn.missing")),
            ("empty", with(&check, ""), denied("token.empty")),
            ("caller-absent", with(&check.clone().bare(), &transaction(&json!({}), &json!({}))), {
                Want::deny(401, "credential.missing")
            }),
            ("caller-expired", bad_caller(json!({"exp": NOW - 31})), Want::deny(401, "token.expired")),
            ("another-domain", claim(json!({"aud": "other.example"})), denied("txn.audience")),
            ("two-domains", claim(json!({"aud": [DOMAIN, "other.example"]})), denied("txn.audience_several")),
            ("expired", claim(json!({"exp": NOW - 30})), denied("token.expired")),
            ("lives-too-long", claim(json!({"exp": NOW + 3_596})), denied("txn.lifetime")),
            ("from-the-future", claim(json!({"iat": NOW + 31})), denied("txn.issued_in_future")),
            ("no-txn", claim(json!({"txn": null})), denied("txn.claim_missing")),
            ("no-workload", claim(json!({"req_wl": null})), denied("txn.claim_missing")),
            ("workloads", claim(json!({"req_wl": ["a", "b"]})), denied("txn.claim_type")),
            ("no-subject", claim(json!({"sub": ""})), denied("txn.claim_empty")),
            ("context-no-object", claim(json!({"tctx": "BUY"})), denied("txn.context_type")),
            ("access-token", with(&check, &token(&json!({}))), denied("token.type_mismatch")),
            ("another-signer", with(&check, &signed(Key::Ec(9), &json!({}), &json!({}))), {
                denied("crypto.signature_invalid")
            }),
            ("mac", with(&check, &signed(Key::Mac(8), &json!({}), &json!({}))), denied("token.algorithm_mac")),
            ("critical", changed(json!({"crit": ["x"], "x": 1}), json!({})), denied("token.critical_unknown")),
        ],
    );
    let issuer = "https://tts.prod.example";
    let expecting = |more: Value| claim(more).policy("transaction_tokens/issuer", issuer);
    group.about("Where an issuer is named, it is the token's.").pair(
        "issuer",
        &expecting(json!({"iss": issuer})),
        &allowed(),
        &[
            ("another", expecting(json!({"iss": "https://other.example"})), denied("token.issuer_mismatch")),
            ("none", expecting(json!({})), denied("token.issuer_missing")),
        ],
    );
    let only = |name: &str| claim(json!({})).policy("transaction_tokens/algorithms", json!([name]));
    group.about("Where algorithms are named, it is signed with one of them.").pair(
        "algorithms",
        &only("ES256"),
        &allowed(),
        &[("another", only("Ed25519"), denied("token.algorithm_not_accepted"))],
    );
    let short = |lifetime: &str| claim(json!({})).policy("transaction_tokens/lifetime", lifetime);
    group.about("It lives no longer than the policy says.").pair(
        "lifetime",
        &short("5m"),
        &allowed(),
        &[("shorter", short("299s"), denied("txn.lifetime"))],
    );
    let late = |exp: u64| claim(json!({"exp": NOW - exp})).policy("transaction_tokens/leeway", "10s");
    group.about("Clocks may differ as the policy says.").pair(
        "leeway",
        &late(9),
        &allowed(),
        &[("beyond", late(10), denied("token.expired"))],
    );
}

fn keys(group: &mut Group) {
    let text = transaction(&json!({}), &json!({}));
    let fetched = with(&check(json!({})).policy("transaction_tokens/keys", KEYS_URL), &text);
    let served = |key: Key| fetched.clone().served(KEYS_URL, super::make::keys(key));
    group.about("The keys of the service are fetched; where they cannot be had, nobody knows.").pair(
        "keys",
        &served(SERVICE_KEY),
        &allowed(),
        &[
            ("others", served(Key::Ec(9)), denied("crypto.signature_invalid")),
            ("renamed", fetched.clone().served(KEYS_URL, json!({"keys": [SERVICE_KEY.named("b")]})), {
                denied("key.unknown")
            }),
            ("unreachable", fetched.clone().resource(KEYS_URL, json!({"failed": "timeout"})), {
                Want::deny(503, "keys.unavailable")
            }),
            ("malformed", fetched.served(KEYS_URL, json!([])), Want::deny(503, "keys.unavailable")),
        ],
    );
}

fn rights(group: &mut Group) {
    let of = |require: Value, more: Value| with(&check(require), &transaction(&json!({}), &more));
    let scope = json!({"scope": ["trade.stocks"]});
    group.about("A rule asks for a scope of the transaction, which the caller's own token does not make up for.").pair(
        "scope",
        &of(scope.clone(), json!({})),
        &allowed(),
        &[
            ("narrower", of(scope.clone(), json!({"scope": "trade.read"})), forbidden("scope.insufficient_scope")),
            ("case", of(scope.clone(), json!({"scope": "Trade.Stocks"})), forbidden("scope.insufficient_scope")),
            (
                "of-the-caller",
                with(
                    &check(scope.clone()).bearer(&token(&json!({"scope": "trade.stocks"}))),
                    &transaction(&json!({}), &json!({"scope": "trade.read"})),
                ),
                forbidden("scope.insufficient_scope"),
            ),
        ],
    );
    let both = |caller: &str, transaction: &str| {
        let own = json!({"scope": ["api"], "transaction": {"scope": ["trade.read"]}});
        let check = check(json!({})).require(own).bearer(&token(&json!({"scope": caller})));
        with(&check, &self::transaction(&json!({}), &json!({"scope": transaction})))
    };
    group.about("The caller's rights and the transaction's are asked for apart, the caller's first.").pair(
        "both",
        &both("api", "trade.read"),
        &allowed(),
        &[
            ("swapped", both("trade.read", "api"), {
                Want::deny(403, "scope.insufficient_scope")
                    .challenge(r#"Bearer error="insufficient_scope", scope="api""#)
            }),
            ("transaction-short", both("api", "api"), forbidden("scope.insufficient_scope")),
        ],
    );
    let claims = json!({"claims": {"req_wl": "spiffe://prod.example/gateway"}});
    group.about("A rule may name who asked for the token, as any of its claims.").pair(
        "claims",
        &of(claims.clone(), json!({})),
        &allowed(),
        &[("another", of(claims, json!({"req_wl": "spiffe://prod.example/batch"})), {
            forbidden("scope.claim_differs_insufficient_claims")
        })],
    );
}

fn contexts(group: &mut Group) {
    let of = |require: Value, more: Value| with(&check(require), &transaction(&json!({}), &more));
    let context = json!({"context": {"action": {"one_of": ["BUY", "SELL"]}}});
    group.about("What the transaction is about does not change, and rules may ask for it.").pair(
        "context",
        &of(context.clone(), json!({})),
        &allowed(),
        &[
            ("another", of(context.clone(), json!({"tctx": {"action": "CANCEL"}})), {
                forbidden("scope.claim_differs_insufficient_claims")
            }),
            ("absent", of(context.clone(), json!({"tctx": {}})), forbidden("scope.claim_absent_insufficient_claims")),
            ("no-context", of(context.clone(), json!({"tctx": null})), {
                forbidden("scope.claim_absent_insufficient_claims")
            }),
            ("elsewhere", of(context, json!({"tctx": null, "action": "BUY", "rctx": {"action": "BUY"}})), {
                forbidden("scope.claim_absent_insufficient_claims")
            }),
        ],
    );
    let environment = json!({"request_context": {"authn": "face"}});
    group.about("And so for the environment of the request that began it.").pair(
        "request-context",
        &of(environment.clone(), json!({})),
        &allowed(),
        &[
            ("another", of(environment.clone(), json!({"rctx": {"authn": "pin"}})), {
                forbidden("scope.claim_differs_insufficient_claims")
            }),
            ("elsewhere", of(environment, json!({"rctx": null, "tctx": {"authn": "face"}})), {
                forbidden("scope.claim_absent_insufficient_claims")
            }),
        ],
    );
}

fn placed(group: &mut Group) {
    let text = transaction(&json!({}), &json!({}));
    let check = check(json!({}));
    let jwt = |token: &str| Check::new().policy("issuers/0/profile", "jwt").bearer(token);
    let as_access = super::make::signed(super::make::CORP_KEY, &json!({"typ": "txntoken+jwt"}), &json!({}));
    group.about("One is no access token, even where any JWT of the issuer is one (sections 12 and 13.13).").pair(
        "in-authorization",
        &jwt(&super::make::signed(super::make::CORP_KEY, &json!({"typ": "JWT"}), &json!({}))),
        &Want::subject("alice"),
        &[("transaction", jwt(&as_access), Want::deny(400, "txn.in_authorization"))],
    );
    group.about("There is one, and no list of them (section 12.1).").pair(
        "one",
        &with(&check, &text),
        &allowed(),
        &[
            ("twice", with(&check, &text).header("txn-token", &text), Want::deny(400, "request.header_repeated")),
            ("list", with(&check, &format!("{text}, {text}")), Want::deny(400, "request.header_list")),
            ("in-a-trailer-too", with(&check, &text).set("request/trailers", json!([["Txn-Token", text]])), {
                denied("txn.repeated")
            }),
        ],
    );
}

fn stripped(group: &mut Group) {
    let good = transaction(&json!({}), &json!({}));
    let bad = transaction(&json!({}), &json!({"aud": "other.example"}));
    let unasked = |token: &str| with(&check(json!({})).require(json!({})), token);
    group.about("One that nobody asks for verifies all the same, since the upstream would take it for good.").pair(
        "unasked",
        &unasked(&good),
        &allowed().and("strip", json!([])),
        &[("bad", unasked(&bad), denied("txn.audience"))],
    );
    let anonymous = |token: &str| {
        let check = check(json!({})).policy("rules", json!([{"anonymous": true}]));
        with(&check.bare(), token)
    };
    let missing = Want::deny(401, "credential.missing");
    let asked = |check: Check| check.policy("rules", json!([{"path": "/reports/{id}", "require": {}}]));
    let alone = check(json!({})).header("Txn_Token", &good);
    let stranger = anonymous(&good).policy("transaction_tokens", ());
    group
        .about("Where nobody verifies it, it goes no further.")
        .pair(
            "anonymous",
            &anonymous(&good),
            &Want::allow().and("strip", json!(["Txn-Token"])),
            &[("asked-for-a-credential", asked(anonymous(&good)), missing.clone())],
        )
        .pair(
            "alike",
            &unasked(&good).header("Txn_Token", &bad),
            &allowed().and("strip", json!(["Txn_Token"])),
            &[("alone", alone, denied("txn.missing"))],
        )
        .about("A policy without transaction_tokens knows nothing of the field.")
        .pair(
            "unknown",
            &stranger,
            &Want::allow().and("strip", json!([])),
            &[("asked-for-a-credential", asked(stranger.clone()), missing)],
        );
}

fn once(group: &mut Group) {
    let text = transaction(&json!({}), &json!({}));
    let single = with(&check(json!({})), &text).policy("transaction_tokens/single_use", true);
    group
        .about("Where a transaction reaches each origin once, a second request of it is refused (section 13.2).")
        .pair(
            "single-use",
            &single.clone(),
            &allowed(),
            &[("seen", single.clone().set("seen", json!(["t-1"])), denied("txn.replayed"))],
        );
    let once = single.set("seen", json!(["t-1"]));
    let often = once.clone().policy("transaction_tokens/single_use", ());
    group.pair("many-uses", &often, &allowed(), &[("one", once, denied("txn.replayed"))]);
}

fn told(group: &mut Group) {
    let text = transaction(&json!({}), &json!({}));
    let set = json!({"X-Transaction": "transaction", "X-For": "transaction_subject", "X-User": "subject"});
    let check = with(&check(json!({})), &text).policy("upstream/set", set);
    let none = check.clone().bearer(&token(&json!({})));
    group.about("The upstream may be told of the transaction beside its caller.").pair(
        "upstream",
        &check,
        &allowed().headers(&[("X-Transaction", "t-1"), ("X-For", "user-7"), ("X-User", "alice")]).and(
            "transaction",
            json!({"id": "t-1", "subject": "user-7", "scopes": ["trade.stocks", "trade.read"],
                "requesting_workload": "spiffe://prod.example/gateway"}),
        ),
        &[("without", none.clone(), denied("txn.missing"))],
    );
    let want = Want::subject("alice").headers(&[("X-User", "alice")]);
    let unasked = none.clone().require(json!({}));
    group.pair("upstream-without", &unasked, &want, &[("asked-for", none, denied("txn.missing"))]);
}
