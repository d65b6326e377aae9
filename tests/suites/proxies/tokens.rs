//! Good tokens, and every way in which one is not good enough.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_tests::serving::{Answer, WITHIN, ask, get, request};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::running::{PROXIES, Proxy, Stage, shared, stage};

fn read(stage: &Stage, proxy: Proxy, authorization: &str) -> Answer {
    ask(stage.port(proxy), &get("/reports/7?format=pdf", &[("Authorization", authorization)]))
}

#[test]
fn who_may_is_let_through_with_what_the_upstream_is_told() {
    let shared = shared();
    let bearer = format!("Bearer {}", shared.token("scope=reports:read openid&sub=bob".replace(' ', "%20").as_str()));
    for proxy in PROXIES {
        let answer = read(&shared, proxy, &bearer);
        assert_eq!((answer.status, answer.is_upstreams()), (200, true), "{proxy:?}: {answer:?}");
        assert_eq!(answer.target(), "/reports/7?format=pdf", "{proxy:?}");
        assert_eq!(answer.got("x-user"), ["bob"], "{proxy:?}");
        assert_eq!(answer.got("x-client"), ["demo"], "{proxy:?}");
        assert_eq!(answer.got("x-scope"), ["reports:read openid"], "{proxy:?}");
        let answer = ask(shared.port(proxy), &get("/health", &[]));
        assert_eq!((answer.status, answer.got("x-user").len()), (200, 0), "{proxy:?}: {answer:?}");
    }
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    let shared = shared();
    let poor = format!("Bearer {}", shared.token("scope=other"));
    let weak = format!("Bearer {}", shared.token("scope=payments:write"));
    let strong = format!("Bearer {}", shared.token("scope=payments:write&acr=phr"));
    for proxy in PROXIES {
        let answer = read(&shared, proxy, &poor);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(answer.status, 403, "{proxy:?}: {answer:?}");
        assert!(
            challenge.contains(r#"error="insufficient_scope""#) && challenge.contains(r#"scope="reports:read""#),
            "{proxy:?}: {challenge}"
        );
        assert!(!answer.is_upstreams());

        let answer = ask(shared.port(proxy), &get("/reports/7", &[]));
        assert_eq!(answer.status, 401, "{proxy:?}");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")), "{proxy:?}");

        let pay = |bearer: &str| {
            let fields = [("Authorization", bearer), ("Content-Length", "0")];
            ask(shared.port(proxy), &request("POST", "/payments", &fields))
        };
        let answer = pay(&weak);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(answer.status, 401, "{proxy:?}");
        assert!(
            challenge.contains("insufficient_user_authentication") && challenge.contains(r#"acr_values="phr""#),
            "{proxy:?}: {challenge}"
        );
        assert_eq!(pay(&strong).status, 200, "{proxy:?}");
    }
}

/// Asks until the answer is another one.
fn until(status: u16, mut ask: impl FnMut() -> Answer) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < WITHIN, "{status} did not come: {answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_token_that_expires_or_is_revoked_is_good_no_more() {
    let stage = stage();
    let brief = format!("Bearer {}", stage.token("scope=reports:read&lifetime=3"));
    let token = stage.token("scope=reports:read");
    let bearer = format!("Bearer {token}");
    for proxy in PROXIES {
        assert_eq!(read(&stage, proxy, &bearer).status, 200, "{proxy:?}");
    }
    until(401, || read(&stage, Proxy::Nginx, &brief));
    stage.post("/demo/revoke", &format!("token={token}"));
    for proxy in PROXIES {
        // Past the list's `ttl`.
        let answer = until(401, || read(&stage, proxy, &bearer));
        assert!(!answer.is_upstreams());
    }
    let answer = ask(stage.envoy_door, &get("/reports/7", &[("Authorization", &bearer)]));
    assert!(answer.body.contains("status.revoked"), "{answer:?}");
    let metrics = ask(stage.admin, &get("/metrics", &[])).body;
    assert!(metrics.contains(r#"code="status.revoked""#), "{metrics}");
    stage.post("/demo/restore", &format!("token={token}"));
    for proxy in PROXIES {
        until(200, || read(&stage, proxy, &bearer));
    }
}

#[test]
fn a_key_that_is_not_known_yet_is_asked_for() {
    let stage = stage();
    let old = format!("Bearer {}", stage.token("scope=reports:read"));
    assert_eq!(read(&stage, Proxy::EnvoyGrpc, &old).status, 200);
    stage.post("/demo/rotate", "");
    let new = format!("Bearer {}", stage.token("scope=reports:read"));
    for proxy in PROXIES {
        // Not more often than once in the cooldown.
        until(200, || read(&stage, proxy, &new));
        assert_eq!(read(&stage, proxy, &old).status, 401, "{proxy:?}: the key is gone");
    }
}

#[test]
fn a_proof_is_good_once() {
    let shared = shared();
    let key = SigningKey::from_bytes(&[9; 32]);
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)));
    let token = shared.token(&format!("scope=reports:read&jkt={thumbprint}"));
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let proof = |id: &str| {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let header = part(json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}));
        let ath = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
        let url = "http://127.0.0.1:8080/reports/7";
        let claims = part(json!({"htm": "GET", "htu": url, "iat": now(), "jti": id, "ath": ath}));
        let input = format!("{header}.{claims}");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes()))
    };
    let used = |proxy: Proxy, proof: &str| {
        let fields = [("Authorization", format!("DPoP {token}")), ("DPoP", proof.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ask(shared.port(proxy), &get("/reports/7", &fields))
    };
    // A proof made in the second of the gateway's start may have been used before it.
    for memory in [Proxy::Nginx, Proxy::EnvoyFilter] {
        until(200, || used(memory, &proof(&format!("first-{memory:?}-{}", now()))));
    }
    for proxy in PROXIES {
        let one = proof(&format!("{proxy:?}"));
        assert_eq!(used(proxy, &one).status, 200, "{proxy:?}");
        // Those that ask the gateway share its memory; the filter's is that of its own Envoy.
        let filter = |proxy| proxy == Proxy::EnvoyFilter;
        for again in PROXIES.into_iter().filter(|again| filter(*again) == filter(proxy)) {
            let answer = used(again, &one);
            assert_eq!(answer.status, 401, "{proxy:?}, then {again:?}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(
                challenge.starts_with("DPoP") && challenge.contains("invalid_dpop_proof"),
                "{again:?}: {challenge}"
            );
        }
        let bearer = format!("Bearer {token}");
        assert_eq!(read(&shared, proxy, &bearer).status, 401, "{proxy:?}: bound, and without its proof");
    }
}
