//! Clients authenticate in each way, and are registered once.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_tests::dist;
use portcullis_tests::serving::Clock;
use serde_json::{Value, json};

use super::running::{
    AGENT, Authority, Gateway, INSTANCE, KNOWN, URL, attestation, by_jwt, field, jwk, place, pop, sent, sign, wall,
    wit, with_pop,
};

#[test]
fn clients_authenticate_in_each_way() {
    let authority = Authority::new();
    let (_folder, policy, store) = place(&authority, &json!({}));
    let gateway = Gateway::start(&policy, Some(&store), None);
    let now = wall();
    let told = |(status, told): (u16, Value)| {
        assert_eq!(status, 200, "{told}");
        (
            told["client_id"].as_str().unwrap_or_default().to_owned(),
            told["method"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let known = |client: &str, method: &str| (client.to_owned(), method.to_owned());

    assert_eq!(told(gateway.authenticate(&by_jwt(KNOWN, now))), known(KNOWN, "spiffe_jwt"));
    let chain = json!({"certificate_chain": [authority.issue(KNOWN)]});
    let by_chain = sent(json!([]), json!({"client_id": KNOWN}), chain);
    assert_eq!(told(gateway.authenticate(&by_chain)), known(KNOWN, "spiffe_x509"));

    // Without a challenge the server is told to give one, which then is good.
    let refused = gateway.authenticate(&with_pop(&wit(KNOWN, now), &pop("w0", None, now)));
    assert_eq!((refused.0, &refused.1["error"]), (400, &json!("use_attestation_challenge")), "{}", refused.1);
    let challenge = field(&refused.1, "OAuth-Client-Attestation-Challenge").expect("a challenge");
    assert_eq!(challenge, gateway.challenge());
    let by_wit = with_pop(&wit(KNOWN, now), &pop("w1", Some(&challenge), now));
    assert_eq!(told(gateway.authenticate(&by_wit)), known(KNOWN, "spiffe_wit"));
    let by_attestation = with_pop(&attestation(now), &pop("a1", Some(&challenge), now));
    assert_eq!(told(gateway.authenticate(&by_attestation)), known("app", "attest_jwt_client_auth"));

    // The DPoP proof in the place of an own one has a nonce in the place of the challenge.
    let dpop = |id: &str, nonce: Option<&str>| {
        let mut claims = json!({"jti": id, "htm": "POST", "htu": URL, "iat": now + 5});
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let proof =
            sign(INSTANCE, &json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk(INSTANCE, json!({}))}), &claims);
        sent(json!([["OAuth-Client-Attestation", attestation(now)], ["DPoP", proof]]), json!({}), json!({}))
    };
    let refused = gateway.authenticate(&dpop("d0", None));
    assert_eq!((refused.0, &refused.1["error"]), (400, &json!("use_dpop_nonce")), "{}", refused.1);
    let by_dpop = dpop("d1", field(&refused.1, "DPoP-Nonce").as_deref());
    assert_eq!(told(gateway.authenticate(&by_dpop)), known("app", "attest_jwt_client_auth_dpop"));

    // Each proof is used once.
    for (again, code) in [(&by_wit, "pop.replayed"), (&by_attestation, "pop.replayed"), (&by_dpop, "dpop.replayed")] {
        let (status, told) = gateway.authenticate(again);
        assert_eq!((status, &told["status"], &told["code"]), (400, &json!(400), &json!(code)), "{told}");
    }
    // What is refused is refused by the status alone, too, and has what to relay.
    let (status, told) = gateway.authenticate(&by_jwt("spiffe://prod.example/nobody", now));
    assert_eq!(
        (status, &told["status"], &told["body"]),
        (401, &json!(401), &json!(r#"{"error":"invalid_client"}"#)),
        "{told}"
    );
    assert_eq!(field(&told, "Cache-Control").as_deref(), Some("no-store"));
    // A fault of the server's own has nothing to relay.
    let (status, told) = gateway.authenticate(&json!({"request": {}}));
    assert_eq!((status, &told["code"], &told["status"]), (400, &json!("clients.description_malformed"), &Value::Null));
    let (answer, told) = gateway.post("/check", &json!({}));
    assert_eq!((answer.status, &told["code"]), (404, &json!("clients.path_unknown")));
    assert!(gateway.metric("portcullis_decisions_total{listener=\"clients\",outcome=\"allow\"").is_some());
}

#[test]
fn a_workload_is_registered_on_first_use_and_known_after_it() {
    let authority = Authority::new();
    let more = json!({"configured": [{"spiffe_id": AGENT, "metadata": {"redirect_uris": ["https://a.example/cb"]}}]});
    let (_folder, policy, store) = place(&authority, &more);
    let now = 1_790_000_000;
    let clock = Clock::at(now);
    let gateway = Gateway::start(&policy, Some(&store), Some(&clock));
    let outcome = |gateway: &Gateway, now: u64| {
        let (status, told) = gateway.authenticate(&by_jwt(AGENT, now));
        assert_eq!((status, &told["client_id"]), (200, &json!(AGENT)), "{told}");
        let record = &told["registration"]["record"];
        (
            told["new"].as_bool().unwrap_or_default(),
            told["registration"]["outcome"].as_str().unwrap_or_default().to_owned(),
            record["registered_at"].as_u64().unwrap_or_default(),
        )
    };
    assert_eq!(outcome(&gateway, now), (true, "registered".into(), now));
    clock.set(now + 10);
    assert_eq!(outcome(&gateway, now + 10), (false, "existing".into(), now));
    // The authorization endpoint is told where the browser may be sent back to.
    let (answer, told) =
        gateway.post("/redirect", &json!({"client_id": AGENT, "redirect_uri": "https://a.example/cb"}));
    assert_eq!((answer.status, &told["redirect_uri"]), (200, &json!("https://a.example/cb")), "{told}");
    let (answer, told) = gateway.post("/redirect", &json!({"client_id": AGENT, "redirect_uri": "https://b.example/"}));
    assert_eq!((answer.status, &told["code"]), (400, &json!("registration.redirect_uri_mismatch")), "{told}");
    assert!(gateway.metric("portcullis_registrations_total{answer=\"stored\"} 1").is_some());
    // What was answered is on the disk, however the process ends.
    let mut gateway = gateway;
    gateway.process.kill();
    let gateway = Gateway::start(&policy, Some(&store), Some(&clock));
    clock.set(now + 20);
    assert_eq!(outcome(&gateway, now + 20), (false, "existing".into(), now));
    // An hour later it has ended.
    clock.set(now + 3_600);
    assert_eq!(outcome(&gateway, now + 3_600), (false, "renewed".into(), now + 3_600));
    assert_eq!(outcome(&gateway, now + 3_600), (false, "existing".into(), now + 3_600));
}

#[test]
fn two_at_once_are_one_client() {
    let authority = Authority::new();
    let (_folder, policy, store) = place(&authority, &json!({}));
    let gateway = Gateway::start(&policy, Some(&store), None);
    let now = wall();
    let outcomes: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let (status, told) = gateway.authenticate(&by_jwt(AGENT, now));
                    (status, told["registration"]["outcome"].as_str().unwrap_or_default().to_owned())
                })
            })
            .collect();
        asked.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    assert!(outcomes.iter().all(|(status, _)| *status == 200), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome == "registered").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome == "existing").count(), 15, "{outcomes:?}");
}

#[test]
fn what_a_registration_lacks_is_told_and_nothing_is_given() {
    let authority = Authority::new();
    let (_folder, policy, store) = place(&authority, &json!({"required": ["client_name"]}));
    let gateway = Gateway::start(&policy, Some(&store), None);
    for _ in 0..2 {
        let (status, told) = gateway.authenticate(&by_jwt(AGENT, wall()));
        assert_eq!((status, &told["code"]), (403, &json!("registration.incomplete")), "{told}");
        assert_eq!(told["body"], json!(r#"{"error":"unauthorized_client"}"#));
    }
}

#[test]
fn without_a_store_nobody_is_registered_and_the_remedy_is_told() {
    let authority = Authority::new();
    let (folder, policy, _) = place(&authority, &json!({}));
    let told = |store: Option<&Path>| {
        let mut command = Command::new(dist("bin/portcullis"));
        command.args(["serve", "--policy"]).arg(&policy);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(store) = store {
            command.arg("--clients-store").arg(store);
        }
        let begun = Instant::now();
        let out = command.output().expect("it runs");
        assert!(begun.elapsed() < Duration::from_secs(60) && !out.status.success());
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    assert!(told(None).contains("name a file with --clients-store"));
    let other = folder.path().join("other");
    std::fs::write(&other, "something else").expect("it is written");
    assert!(told(Some(&other)).contains("other"));
}
