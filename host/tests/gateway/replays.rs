//! A proof is used once, whatever happens meanwhile.

use serde_json::json;

use super::client::Client;
use super::running::{Connection, ENVOY, Issuer, READING, Running, get, now};
use super::{Tried, support};

const PARALLEL: usize = 50;

/// Uses one proof so many times in parallel, and tells how many were allowed and what the others were told.
pub(crate) async fn use_up(addresses: &[String], text: &str, times: usize) -> Tried<(usize, Vec<u16>)> {
    let tasks: Vec<_> = (0..PARALLEL)
        .map(|client| {
            let (address, text) = (addresses[client % addresses.len()].clone(), text.to_owned());
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await?;
                let mut statuses = Vec::new();
                for _ in 0..times / PARALLEL {
                    statuses.push(connection.ask(&text).await?.status);
                }
                Tried::Ok(statuses)
            })
        })
        .collect();
    let mut denied = Vec::new();
    for task in tasks {
        denied.extend(task.await??);
    }
    let all = denied.len();
    denied.retain(|status| *status != 200);
    Ok((all - denied.len(), denied))
}

pub(crate) fn text(client: &Client, token: &str, id: &str) -> String {
    let proof = client.proof("http://api.example/reports/7", token, id, now());
    get("/reports/7", &[("Authorization", &format!("DPoP {token}")), ("DPoP", &proof)])
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_uses_of_one_proof_give_one_allow_and_none_after_a_trap_and_a_reload() -> Tried {
    let (issuer, client) = (Issuer::new(), Client::new()?);
    let policy = issuer.policy(ENVOY, READING);
    let gateway = Running::with(&policy, &support::failing(), |_| {}).await?;
    let token =
        issuer.token(json!({"scope": "reports:read", "client_id": "app", "cnf": {"jkt": client.thumbprint()}}))?;
    let addresses = [gateway.address("envoy").to_owned()];
    // Proofs of before the start may have been used then: this one is made in a later second.
    let begun = super::running::now();
    while super::running::now() <= begun + 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let proof = text(&client, &token, "one");
    let (allowed, denied) = use_up(&addresses, &proof, 10_000).await?;
    assert_eq!((allowed, denied.len()), (1, 9_999), "{:?}", denied.first());
    assert!(denied.iter().all(|status| *status == 401));

    let mut connection = Connection::open(&addresses[0]).await?;
    for _ in 0..4 {
        assert_eq!(connection.ask(&get("/health", &[("X-Fail", "trap")])).await?.status, 503);
    }
    assert_eq!(connection.ask(&proof).await?.status, 401, "after a trap");
    gateway.write(&policy.replace("/health", "/alive"))?;
    gateway.reaches("portcullis_policy_generation", 2.0).await?;
    assert_eq!(connection.ask(&proof).await?.status, 401, "after a reload");
    assert_eq!(connection.ask(&text(&client, &token, "two")).await?.status, 200, "another proof");
    gateway.end().await
}
