//! Tokens that are not well-formed, and what `jwt_authn` of the same Envoy makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter};
use portcullis_tests::serving::{Documents, Served, Upstream, ask};
use serde_json::{Value, json};

use super::issuer::{API, ISSUER, KEYS, now, policy};
use super::running::{told, with};

fn jwt_authn(keys: &str) -> Value {
    json!({"name": "jwt_authn", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"idp": {"issuer": ISSUER, "audiences": [API], "local_jwks": {"inline_string": keys}}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "idp"}}]}})
}

#[test]
fn what_jwt_authn_lets_through_though_it_is_no_token_is_refused() {
    // jwt_authn reads base64 loosely and looks at an ECDSA signature's length afterwards; Ed25519's it refuses.
    let key = SigningKey::from_slice(&[7; 32]).expect("a key");
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point.as_bytes()[from..from + 32]);
    let jwks = json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "a",
        "x": coordinate(1), "y": coordinate(33)}]})
    .to_string();
    let documents = Documents::start();
    documents.set(KEYS, Served::document("application/json", jwks.clone()));
    let upstream = Upstream::start();
    let listeners = [
        Front::new("ours", filter("portcullis", &policy())).listener(),
        Front::new("theirs", jwt_authn(&jwks)).listener(),
    ];
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let envoy = Envoy::start(&listeners, &clusters, &Running::default());
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": ISSUER, "aud": API, "sub": "alice", "client_id": "app", "jti": "t", "iat": now(),
        "exp": now() + 600, "scope": "read"});
    let input = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "a"})), part(&claims));
    let signature: Signature = key.sign(input.as_bytes());
    let good = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    let ours =
        |token: &str| told(&ask(envoy.port("ours"), &with("/x", &[("Authorization", &format!("Bearer {token}"))])));
    let theirs =
        |token: &str| ask(envoy.port("theirs"), &with("/x", &[("Authorization", &format!("Bearer {token}"))])).status;
    assert_eq!((ours(&good), theirs(&good)), ((200, "none".into()), 200));
    // Envoy's library was asked, and knew.
    assert_eq!(envoy.stat("wasmcustom.portcullis.signatures.envoy"), 1);
    assert_eq!(ours(&format!("{input}.{}", URL_SAFE_NO_PAD.encode([1; 64]))), (401, "crypto.signature_invalid".into()));
    assert_eq!(envoy.stat("wasmcustom.portcullis.signatures.envoy"), 2);
    assert_eq!(envoy.stat("wasmcustom.portcullis.signatures.unclear"), 0);
    assert_eq!(theirs(&good.replacen('.', ".e", 1)), 401, "it does look");
    for (what, token, code) in [
        ("one more character", format!("{good}A"), "crypto.signature_too_long"),
        ("a dot", format!("{good}."), "token.parts_too_many"),
        ("padding", format!("{good}=="), "base64.padding"),
    ] {
        println!("a valid token and {what}: jwt_authn {}, portcullis {:?}", theirs(&token), ours(&token));
        assert_eq!(ours(&token), (401, code.into()), "{what}");
        assert_eq!(theirs(&token), 200, "{what}: if it is refused now, docs/envoy.md has to say so");
    }
}
