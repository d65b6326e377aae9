//! How tokens are bound to keys, and what an issuer says of how the client got them.

use portcullis_crypto::sha256;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{CLIENT_KEY, Check, Group, Key, Want, proof, put, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("binding");
    deferred(&mut group);
    accepted(&mut group);
    certificates(&mut group);
    extensions(&mut group);
    group
}

/// Claims of a token that is bound to the client's key, and says so a second time where it was not proved.
fn bound(marked: bool, more: &Value) -> Value {
    let key = json!({"jkt": CLIENT_KEY.thumbprint()});
    let mut claims = json!({"cnf": key});
    if marked {
        claims["tmb"] = key;
    }
    put(&mut claims, more);
    claims
}

/// A request with a bound token and its proof.
fn with(check: &Check, claims: &Value) -> Check {
    let token = token(claims);
    check.clone().dpop(&token, &proof(CLIENT_KEY, &token, &json!({}), &json!({})))
}

fn how(binding: &str) -> Want {
    Want::subject("alice").and("principal", json!({"binding": binding}))
}

fn invalid(code: &str) -> Want {
    Want::deny(401, code)
}

fn deferred(group: &mut Group) {
    let strict = Check::new();
    let open = strict.clone().policy("issuers/0/key_binding", json!({"deferred": "allow"}));
    let unsaid = open.clone().policy("issuers/0/key_binding/unmarked", "deferred");
    let marked = bound(true, &json!({}));
    let other = token(&marked);
    let other = open.clone().dpop(&other, &proof(Key::Ed(9), &other, &json!({}), &json!({})));
    group
        .about("A token whose key was not proved when it was issued is for a policy that says so (tmb-claim-01).")
        .pair(
            "proved",
            &with(&strict, &bound(false, &json!({}))),
            &how("proved"),
            &[("as-bearer", strict.clone().bearer(&token(&bound(false, &json!({})))), invalid("proof.scheme_bearer"))],
        )
        .pair(
            "none",
            &strict.clone().bearer(&token(&json!({}))),
            &how("none"),
            &[("as-bound", with(&strict, &json!({})), invalid("proof.token_unbound"))],
        )
        .pair(
            "deferred",
            &with(&open, &marked),
            &how("deferred"),
            &[
                ("not-permitted", with(&strict, &marked), invalid("binding.deferred_not_permitted")),
                ("not-copied", with(&open, &bound(true, &json!({"tmb": {"jkt": Key::Ed(9).thumbprint()}}))), {
                    invalid("binding.tmb_not_copied")
                }),
                ("no-text", with(&open, &bound(true, &json!({"tmb": true}))), invalid("binding.tmb_not_copied")),
                ("unbound", open.clone().bearer(&token(&json!({"tmb": {"jkt": CLIENT_KEY.thumbprint()}}))), {
                    invalid("binding.tmb_not_copied")
                }),
                ("proof-of-another-key", other, invalid("dpop.key_mismatch")),
                ("as-bearer", open.clone().bearer(&token(&marked)), invalid("proof.scheme_bearer")),
            ],
        )
        .pair(
            "unmarked-counts-as-said",
            &with(&unsaid, &bound(false, &json!({}))),
            &how("deferred"),
            &[(
                "refused-by-a-rule",
                with(&unsaid.clone().require(json!({"binding": ["proved"]})), &bound(false, &json!({}))),
                Want::deny(403, "binding.not_accepted"),
            )],
        );
}

fn accepted(group: &mut Group) {
    let check = |accept: Value| {
        Check::new().policy("issuers/0/key_binding", json!({"deferred": "allow"})).require(json!({"binding": accept}))
    };
    let proved = check(json!(["proved"]));
    let refused = Want::deny(403, "binding.not_accepted").body(json!({"code": "binding.not_accepted"}));
    group.about("A rule may refuse tokens by how they are bound.").pair(
        "accepted",
        &with(&proved, &bound(false, &json!({}))),
        &how("proved"),
        &[
            ("deferred", with(&proved, &bound(true, &json!({}))), refused.clone()),
            ("none", proved.clone().bearer(&token(&json!({}))), refused.clone()),
        ],
    );
    let both = check(json!(["deferred", "none"]));
    let proved_one = with(&both, &bound(false, &json!({})));
    group
        .pair(
            "accepted-deferred",
            &with(&both, &bound(true, &json!({}))),
            &how("deferred"),
            &[("proved", proved_one.clone(), refused.clone())],
        )
        .pair(
            "accepted-none",
            &both.clone().bearer(&token(&json!({}))),
            &how("none"),
            &[("proved", proved_one, refused.clone())],
        );
    let set = check(json!(["proved", "deferred"])).policy("upstream/set", json!({"X-Binding": "binding"}));
    let told = how("deferred").headers(&[("X-Binding", "deferred")]);
    let none = set.clone().bearer(&token(&json!({})));
    group.about("The upstream may be told.").pair(
        "upstream",
        &with(&set, &bound(true, &json!({}))),
        &told,
        &[("none", none, refused)],
    );
}

fn certificates(group: &mut Group) {
    let digest = base64url::encode(&sha256(b"a certificate"));
    let claims = |marked: bool| {
        let key = json!({"x5t#S256": digest});
        let mark = if marked { key.clone() } else { Value::Null };
        let mut claims = json!({"cnf": key});
        put(&mut claims, &json!({"tmb": mark}));
        claims
    };
    group.about("The key of a certificate counts as that of a proof does.");
    let plain = |marked: bool, digest: &str| {
        Check::new()
            .policy("issuers/0/key_binding", json!({"deferred": "allow"}))
            .bearer(&token(&claims(marked)))
            .certificate(json!({"digest": digest}))
    };
    group.pair(
        "certificate",
        &plain(false, &digest),
        &how("proved"),
        &[("another", plain(false, &base64url::encode(&sha256(b"another"))), {
            Want::deny(401, "mtls.certificate_mismatch")
        })],
    );
    group.pair(
        "certificate-deferred",
        &plain(true, &digest),
        &how("deferred"),
        &[("not-permitted", plain(true, &digest).policy("issuers/0/key_binding", ()), {
            Want::deny(401, "binding.deferred_not_permitted")
        })],
    );
}

/// Client extension claims (draft-lombardo-oauth-client-extension-claims-02).
fn extensions(group: &mut Group) {
    let require = json!({"claims": {"gty": "authorization_code", "cxt": {"contains": "dpop"},
        "cmr": {"one_of": ["private_key_jwt", "spiffe_jwt"]}}});
    let good = json!({"gty": "authorization_code", "cxt": ["pkce", "dpop"], "ccr": "high", "cmr": "private_key_jwt"});
    let with = |more: Value| {
        let mut claims = good.clone();
        put(&mut claims, &more);
        Check::new().require(require.clone()).bearer(&token(&claims))
    };
    let short = |code: &str| {
        let body = json!({"error": "insufficient_claims", "required_claims": ["gty", "cxt", "cmr"]});
        Want::deny(403, code).challenge(r#"Bearer error="insufficient_claims""#).body(body)
    };
    group
        .about(
            "A rule asks how the client got its token: with which grant, which extensions and which authentication \
             (client-extension-claims-02).",
        )
        .pair(
            "extension-claims",
            &with(json!({})),
            &Want::subject("alice"),
            &[
                (
                    "another-grant",
                    with(json!({"gty": "client_credentials"})),
                    short("scope.claim_differs_insufficient_claims"),
                ),
                ("no-grant", with(json!({"gty": null})), short("scope.claim_absent_insufficient_claims")),
                ("without-dpop", with(json!({"cxt": ["pkce"]})), short("scope.claim_lacks_insufficient_claims")),
                ("extensions-no-list", with(json!({"cxt": "dpop"})), short("scope.claim_not_list_insufficient_claims")),
                ("another-method", with(json!({"cmr": "client_secret_basic"})), {
                    short("scope.claim_differs_insufficient_claims")
                }),
                ("unsaid", with(json!({"gty": null, "cxt": null, "cmr": null})), {
                    short("scope.claim_absent_insufficient_claims")
                }),
            ],
        )
        .pair(
            "extension-claims-unknown-values",
            &with(json!({"cxt": ["dpop", "new"], "ccr": ["x"]})),
            &Want::subject("alice"),
            &[("alone", with(json!({"cxt": ["new"], "ccr": ["x"]})), short("scope.claim_lacks_insufficient_claims"))],
        )
        .note("Values that are not known are passed over.");
}
