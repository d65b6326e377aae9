//! Two gateways with one memory of used proofs, in a real Redis.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::replays::{text, use_up};
use super::running::{Connection, ENVOY, Issuer, READING, Running, WITHIN, ask, now};
use super::{Tried, support};

/// A Redis that keeps nothing when it ends.
struct Redis {
    child: Child,
    port: u16,
}

/// A port that nobody has, and below those that systems hand out for a bind to port 0 and for a connection (from 32768 on
/// Linux): none of the tests beside this one takes it, not while Redis is away either.
fn free_port() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (10_240..32_768).rev().find(free).expect("a free port")
}

impl Redis {
    async fn start(port: u16) -> Tried<Self> {
        let port_text = port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}; tools/need.sh redis"))?;
        let redis = Self { child, port };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(begun.elapsed() < WITHIN, "Redis does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(redis)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the next second but one: what was made in the second of an empty memory's beginning may have been used before.
async fn later() {
    let begun = now();
    while now() <= begun + 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Uses new proofs until one has a status.
async fn until(status: u16, address: &str, make: impl Fn(usize) -> String) -> Tried {
    let begun = Instant::now();
    for turn in 0.. {
        let answer = ask(address, &make(turn)).await?;
        if answer.status == status {
            break;
        }
        assert!(begun.elapsed() < WITHIN, "{status} did not come: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_uses_at_two_gateways_give_one_allow_and_without_redis_none() -> Tried {
    let mut redis = Redis::start(free_port()).await?;
    let (issuer, client) = (Issuer::new(), Client::new()?);
    let policy = format!("replay = \"shared\"\n{}", issuer.policy(ENVOY, READING));
    let component = support::built("portcullis-hosted.wasm");
    let one = Running::with(&policy, &component, |settings| settings.replay = redis.url()).await?;
    let two = Running::with(&policy, &component, |settings| settings.replay = redis.url()).await?;
    let addresses = [one.address("envoy").to_owned(), two.address("envoy").to_owned()];
    let token =
        issuer.token(json!({"scope": "reports:read", "client_id": "app", "cnf": {"jkt": client.thumbprint()}}))?;
    later().await;
    let proof = text(&client, &token, "one");
    let (allowed, denied) = use_up(&addresses, &proof, 10_000).await?;
    assert_eq!((allowed, denied.len()), (1, 9_999));
    assert!(denied.iter().all(|status| *status == 401), "{:?}", denied.iter().find(|status| **status != 401));

    // A gateway that starts later knows what was used before.
    let three = Running::with(&policy, &component, |settings| settings.replay = redis.url()).await?;
    assert_eq!(ask(three.address("envoy"), &proof).await?.status, 401);

    // Without Redis nobody knows, and nobody is let in twice or once.
    let before = text(&client, &token, "before the loss");
    redis.end();
    for (number, address) in addresses.iter().enumerate() {
        let mut connection = Connection::open(address).await?;
        assert_eq!(connection.ask(&text(&client, &token, &format!("down-{number}"))).await?.status, 503);
        // Who has seen it itself says so.
        assert!([401, 503].contains(&connection.ask(&proof).await?.status));
    }
    // It comes back and knows nothing: proofs of before may have been used.
    let redis = Redis::start(redis.port).await?;
    until(200, &addresses[0], |turn| text(&client, &token, &format!("back-{turn}"))).await?;
    for address in &addresses {
        for used in [&before, &proof] {
            let answer = ask(address, used).await?;
            assert!([401, 503].contains(&answer.status), "{answer:?}");
        }
    }
    for address in &addresses {
        until(200, address, |turn| text(&client, &token, &format!("again-{address}-{turn}"))).await?;
    }
    drop(redis);
    Ok(())
}
