//! What the filter costs an Envoy of one worker, in one run beside what Envoy has itself (`jwt_authn`): requests a second and the
//! 99th percentile by `wrk`, and the time to start. Run by `make bench`.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair, HeaderOptions};
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter};
use portcullis_tests::serving::{ask, get};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example";
const API: &str = "http://api.example";

/// Connections that ask side by side.
const CONNECTIONS: &str = "16";

/// How long each is asked, and how often in turn: the best of each counts, the others were disturbed.
const SECONDS: &str = "3s";
const TURNS: usize = 3;

/// What is measured, by the names of the listeners.
const ALL: [&str; 7] = [
    "no filter",
    "jwt_authn",
    "jwt_authn, cached",
    "filter, warm",
    "filter, cold, Envoy's crypto",
    "filter, cold, software",
    "filter, no credential",
];

fn main() -> anyhow::Result<()> {
    let pair = ES256KeyPair::generate().with_key_id("bench");
    let jwk: Value = serde_json::from_str(&pair.public_key().to_jwk())?;
    let keys = json!({"keys": [jwk]});
    let claims = Claims::with_custom_claims(json!({"scope": "read", "client_id": "app"}), Duration::from_hours(1))
        .with_issuer(ISSUER)
        .with_audience(API)
        .with_subject("alice")
        .with_jwt_id("bench");
    let header = HeaderOptions { content_type: None, signature_type: Some("at+jwt".into()) };
    let token = pair.sign_with_options(claims, &header)?;

    let policy = |remembered: u64, crypto: &str| {
        json!({"origins": [API],
            "issuers": [{"name": "idp", "issuer": ISSUER, "keys": keys, "algorithms": ["ES256"]}],
            "rules": [{"path": "/open", "anonymous": true}, {"path": "/x", "require": {"scope": ["read"]}}],
            "limits": {"remembered_tokens": remembered},
            "envoy": {"crypto": crypto}})
    };
    let jwt_authn = |cache: bool| {
        let mut provider =
            json!({"issuer": ISSUER, "audiences": [API], "local_jwks": {"inline_string": keys.to_string()}});
        if cache {
            provider["jwt_cache_config"] = json!({"jwt_cache_size": 1000});
        }
        json!({"name": "jwt_authn", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"idp": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "idp"}}]}})
    };
    let filters = [
        None,
        Some(jwt_authn(false)),
        Some(jwt_authn(true)),
        Some(filter("bench", &policy(1_000, "envoy"))),
        Some(filter("bench", &policy(0, "envoy"))),
        Some(filter("bench", &policy(0, "software"))),
        Some(filter("bench", &policy(1_000, "envoy"))),
    ];
    let listeners: Vec<Value> =
        ALL.iter().zip(&filters).map(|(name, filter)| listener(name, filter.as_ref())).collect();
    let behind = upstream();
    let clusters = [cluster("upstream", behind.port("upstream"))];
    let envoy = Envoy::start(&listeners, &clusters, &Running::default());
    let ports = envoy.ports();
    let authorization = format!("Bearer {token}");
    let path = |name: &str| if name == "filter, no credential" { "/open" } else { "/x" };
    let fields = |name: &str| match name {
        "filter, no credential" => vec![("Host", "api.example")],
        _ => vec![("Host", "api.example"), ("Authorization", authorization.as_str())],
    };
    for name in ALL {
        let answer = ask(ports[name], &get(path(name), &fields(name)));
        ensure!(answer.status == 200, "{name}: {answer:?}");
        // What is refused is not measured as if it were let through.
        let poor = ask(ports[name], &get("/x", &[("Host", "api.example")]));
        ensure!(name == "no filter" || poor.status == 401, "{name} lets everybody through: {poor:?}");
    }
    let mut best = [(0.0f64, f64::INFINITY); ALL.len()];
    for _ in 0..TURNS {
        for (name, best) in ALL.iter().zip(&mut best) {
            let (rate, late) = wrk(ports[*name], path(name), &fields(name))?;
            best.0 = best.0.max(rate);
            best.1 = best.1.min(late);
        }
    }
    println!("\nEnvoy with one worker, {CONNECTIONS} connections, ES256 (the best of {TURNS} turns of {SECONDS})\n");
    println!("{:32}{:>14}{:>12}{:>20}", "", "requests/s", "p99, ms", "of no filter");
    let of = |name: &str| ALL.iter().position(|known| *known == name).map_or((f64::NAN, f64::NAN), |at| best[at]);
    for name in ALL {
        let (rate, late) = of(name);
        println!("{name:32}{rate:>14.0}{late:>12.2}{:>20.2}", rate / of("no filter").0);
    }
    println!();
    for (ours, peer, aim) in [
        ("filter, warm", "jwt_authn, cached", 0.9),
        ("filter, cold, Envoy's crypto", "jwt_authn", 1.0),
        ("filter, cold, software", "jwt_authn", 0.5),
    ] {
        println!(
            "{:56}{:>6.2} requests/s, {:.2} p99 (aim: requests/s at least {aim})",
            format!("{ours} / {peer}"),
            of(ours).0 / of(peer).0,
            of(ours).1 / of(peer).1
        );
    }
    start_up(&policy(1_000, "envoy"));
    Ok(())
}

/// A listener before the upstream.
fn listener(name: &str, filter: Option<&Value>) -> Value {
    let mut front = Front::new(name, json!({}));
    front.filters = filter.cloned().into_iter().collect();
    front.more = json!({"local_reply_config": {}, "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]}});
    front.listener()
}

/// An upstream that costs little: another Envoy, which answers 200 to everything.
fn upstream() -> Envoy {
    let mut front = Front::new("upstream", json!({}));
    front.filters = Vec::new();
    front.more = json!({"local_reply_config": {}, "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok"}}}]}]}});
    Envoy::start(&[front.listener()], &[], &Running::default())
}

/// Requests a second, and the 99th percentile in milliseconds.
fn wrk(port: u16, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<(f64, f64)> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c", CONNECTIONS, "-d", SECONDS, "--latency"]);
    for (name, value) in fields {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let output = command.arg(format!("http://127.0.0.1:{port}{path}")).output().context("wrk does not run")?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(!text.contains("Non-2xx"), "{text}");
    let value = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let rate = value("Requests/sec:").and_then(|rate| rate.parse().ok()).with_context(|| text.clone())?;
    let late = value("99%").and_then(milliseconds).with_context(|| text.clone())?;
    Ok((rate, late))
}

fn milliseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(number.parse::<f64>().ok()? * factor);
        }
    }
    None
}

/// How much longer an Envoy takes to be live with the filter.
fn start_up(policy: &Value) {
    let time = |filter: Option<&Value>| {
        let listeners = [listener("front", filter)];
        let times = (0..TURNS).map(|_| {
            let begun = Instant::now();
            let _envoy = Envoy::start(&listeners, &[cluster("upstream", 1)], &Running::default());
            begun.elapsed().as_millis()
        });
        times.min().unwrap_or_default()
    };
    let with = filter("start", policy);
    println!(
        "\nStart of an Envoy until it is live: {} ms without the filter, {} ms with it",
        time(None),
        time(Some(&with))
    );
}
