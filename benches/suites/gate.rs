//! What a decision costs in the host: warm, where the token was seen before; cold, where it was not; with 10 rules and with
//! 10,000, of which one near the end matches.

use std::{fmt::Write as _, hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use jwt_simple::prelude::{Claims, Duration as JwtDuration, ECDSAP256KeyPairLike, ES256KeyPair, HeaderOptions};
use portcullis_benches::root;
use portcullis_host::{
    Runtime,
    gate::{Checked, GateInstance, Header, Outcome, PolicyFormat, Request},
};
use serde_json::json;

/// Tokens that are made ahead for the cold decisions: more than an instance remembers in one measurement.
const TOKENS: usize = 2_000;

/// A policy of whose rules one of the last matches.
fn policy(pair: &ES256KeyPair, rules: usize) -> String {
    let jwk: serde_json::Value = serde_json::from_str(&pair.public_key().to_jwk()).expect("a JWK");
    let mut text = String::from(r#"{"origins":["https://api.example"],"issuers":["#);
    let issuer =
        json!({"name": "corp", "issuer": "https://idp.example", "keys": {"keys": [jwk]}, "algorithms": ["ES256"]});
    let _ = write!(text, r#"{issuer}],"limits":{{"remembered_tokens":4}},"rules":["#);
    for number in 0..rules - 1 {
        let name = if number + 2 == rules { "reports".into() } else { format!("other{number}") };
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}{{"path":"/{name}/{{id}}","require":{{"scope":["reports:read"]}}}}"#);
    }
    text + r#",{"path":"/health","anonymous":true}]}"#
}

fn token(pair: &ES256KeyPair, number: usize) -> String {
    let custom = json!({"scope": "openid reports:read", "client_id": "app", "jti": format!("token-{number}")});
    let claims = Claims::with_custom_claims(custom, JwtDuration::from_hours(1))
        .with_issuer("https://idp.example")
        .with_audience("https://api.example")
        .with_subject("alice");
    let options = HeaderOptions { signature_type: Some("at+jwt".into()), ..HeaderOptions::default() };
    pair.sign_with_options(claims, &options).expect("it signs")
}

/// A request as a proxy hands it over.
fn request(token: &str) -> Request {
    let header = |name: &str, value: &str| Header { name: name.into(), value: value.as_bytes().to_vec() };
    Request {
        method: "GET".into(),
        url: "https://api.example/reports/7?format=pdf".into(),
        headers: vec![
            header("host", "api.example"),
            header("user-agent", "bench/1.0"),
            header("accept", "*/*"),
            header("authorization", &format!("Bearer {token}")),
        ],
        ..Request::default()
    }
}

fn allowed(gate: &mut GateInstance, request: &Request, now: u64) {
    match gate.check(request, now).expect("an answer") {
        Checked::Decided(decision) => assert_eq!(decision.outcome, Outcome::Allow, "{:?}", decision.findings),
        Checked::Pending(_) => panic!("the keys are in the policy"),
    }
}

fn decisions(criterion: &mut Criterion) {
    let pair = ES256KeyPair::generate().with_key_id("bench");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let tokens: Vec<Request> = (0..TOKENS).map(|number| request(&token(&pair, number))).collect();
    let runtime = Runtime::new().expect("the runtime starts");
    let mut group = criterion.benchmark_group("gate");
    for (build, file) in [("software", "gate.wasm"), ("wide", "gate-wide.wasm"), ("hosted", "gate-hosted.wasm")] {
        let path = root().join("dist/components").join(file);
        let component =
            runtime.load_file(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make dist`", path.display()));
        for rules in [10, 10_000] {
            let loaded = GateInstance::load(&component, &policy(&pair, rules), PolicyFormat::Json).expect("an answer");
            let mut gate = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
            allowed(&mut gate, &tokens[0], now);
            group.bench_function(format!("warm, {build}, {rules} rules"), |bencher| {
                bencher.iter(|| allowed(&mut gate, black_box(&tokens[0]), now));
            });
            if rules == 10 {
                let health = Request { url: "https://api.example/health".into(), ..request("none") };
                group.bench_function(format!("anonymous, {build}"), |bencher| {
                    bencher.iter(|| allowed(&mut gate, black_box(&health), now));
                });
                cold(&mut group, build, &mut gate, &tokens, now);
            }
        }
    }
    group.finish();
}

/// Each token once, by turns: by the time that it comes again it is forgotten.
fn cold(group: &mut BenchmarkGroup<'_, WallTime>, build: &str, gate: &mut GateInstance, tokens: &[Request], now: u64) {
    let mut turn = 0;
    group.bench_function(format!("cold, {build}"), |bencher| {
        bencher.iter_batched(
            || {
                turn += 1;
                &tokens[turn % tokens.len()]
            },
            |request| allowed(gate, black_box(request), now),
            BatchSize::SmallInput,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2)).sample_size(40);
    targets = decisions
}
criterion_main!(benches);
