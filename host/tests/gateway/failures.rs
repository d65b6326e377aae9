//! An instance that fails takes one request with it; and an end leaves none unanswered.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::running::{Connection, ENVOY, Issuer, READING, Running, ask, get};
use super::{Tried, support};

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_traps_or_loops_under_load_answers_503_to_that_request_alone() -> Tried {
    const CLIENTS: usize = 8;
    const EACH: usize = 200;
    let issuer = Issuer::new();
    let gateway = Running::with(&issuer.policy(ENVOY, READING), &support::failing(), |_| {}).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (address, bearer) = (gateway.address("envoy").to_owned(), bearer.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await?;
                let mut failed = 0;
                for turn in 0..EACH {
                    let fails = match (turn % 20, client) {
                        (7, 0) if turn == 7 => Some("loop"),
                        (13, _) => Some("trap"),
                        _ => None,
                    };
                    let mut headers = vec![("Authorization", bearer.as_str())];
                    headers.extend(fails.map(|how| ("X-Fail", how)));
                    let answer = connection.ask(&get("/reports/7", &headers)).await?;
                    let wanted = if fails.is_some() { 503 } else { 200 };
                    if answer.status != wanted {
                        return Err(format!("{fails:?}: {answer:?}").into());
                    }
                    if fails.is_some() {
                        failed += 1;
                        assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
                        assert!(answer.header("retry-after").is_some());
                    }
                }
                Tried::Ok(failed)
            })
        })
        .collect();
    let mut failed = 0;
    for task in tasks {
        failed += task.await??;
    }
    assert_eq!(failed, CLIENTS * EACH / 20 + 1);
    let trapped = gateway.metric(r#"portcullis_component_failures_total{code="host.trapped"}"#).await?;
    let late = gateway.metric(r#"portcullis_component_failures_total{code="host.deadline_exceeded"}"#).await?;
    assert_eq!((trapped as usize, late as usize), (CLIENTS * EACH / 20, 1));
    println!("{} requests, {failed} failed on demand and no other", CLIENTS * EACH);
    gateway.end().await
}

/// A server that takes connections and says nothing until it is told to.
struct Slow {
    address: std::net::SocketAddr,
    go: tokio::sync::watch::Sender<bool>,
}

impl Slow {
    async fn start(body: String) -> Tried<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (go, gone) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (body, mut gone) = (body.clone(), gone.clone());
                tokio::spawn(async move {
                    let mut request = [0; 4_096];
                    let _ = stream.read(&mut request).await;
                    let _ = gone.wait_for(|go| *go).await;
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Ok(Self { address, go })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_under_way_end_before_the_gateway_does_and_others_are_not_held_up() -> Tried {
    let issuer = Issuer::new();
    let slow = Slow::start(issuer.jwks()).await?;
    let keys = format!("keys = \"http://{}/jwks.json\"", slow.address);
    let mut policy = issuer.policy(ENVOY, READING);
    let begin = policy.find("keys = {").unwrap_or_default();
    let end = begin + policy.get(begin..).and_then(|rest| rest.find('\n')).unwrap_or_default();
    policy.replace_range(begin..end, &keys);
    let mut gateway = Running::start(&policy).await?;
    let address = gateway.address("envoy").to_owned();
    assert_eq!(ask(gateway.address("admin"), &get("/readyz", &[])).await?.status, 503, "no keys have come");

    let bearer = format!("Bearer {}", issuer.reader()?);
    let text = get("/reports/7", &[("Authorization", &bearer)]);
    let waiting = tokio::spawn({
        let (address, text) = (address.clone(), text.clone());
        async move { ask(&address, &text).await }
    });
    gateway.reaches("portcullis_parked_requests", 1.0).await?;
    // One that needs no keys is answered meanwhile.
    assert_eq!(ask(&address, &get("/health", &[])).await?.status, 200);
    gateway.begin_to_end();
    // Nobody is let in any more, and who is in is answered.
    let begun = std::time::Instant::now();
    while Connection::open(&address).await.is_ok() {
        assert!(begun.elapsed() < super::running::WITHIN, "it still takes connections");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    slow.go.send(true)?;
    assert_eq!(waiting.await??.status, 200);
    gateway.end().await
}
