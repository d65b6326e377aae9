//! Policies are replaced while requests go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Tried;
use super::running::{Connection, ENVOY, Issuer, READING, Running, ask, get};

/// Resident memory of this process, in pages.
fn resident() -> Tried<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    Ok(text.split(' ').nth(1).unwrap_or_default().parse()?)
}

/// Clients that ask for as long as it runs, and count every answer that is not the one they want.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn begin(address: &str, bearer: &str, clients: usize) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..clients).map(|_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            let (address, text) = (address.to_owned(), get("/reports/7", &[("Authorization", bearer)]));
            tokio::spawn(async move {
                let mut lost = Vec::new();
                let mut connection = Connection::open(&address).await.ok();
                while !stop.load(Ordering::Relaxed) {
                    let answer = match &mut connection {
                        Some(connection) => connection.ask(&text).await,
                        None => Err("no connection".into()),
                    };
                    asked.fetch_add(1, Ordering::Relaxed);
                    match answer {
                        Ok(answer) if answer.status == 200 => {}
                        Ok(answer) => lost.push(answer.head),
                        Err(error) => {
                            lost.push(error.to_string());
                            return lost;
                        }
                    }
                }
                lost
            })
        });
        let tasks = tasks.collect();
        Self { stop, asked, tasks }
    }

    async fn end(self) -> Tried<(usize, Vec<String>)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut lost = Vec::new();
        for task in self.tasks {
            lost.extend(task.await?);
        }
        Ok((self.asked.load(Ordering::Relaxed), lost))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reloads_under_load_lose_no_request_and_no_memory() -> Tried {
    const RELOADS: usize = 1_000;
    let issuer = Issuer::new();
    let policy = |turn: usize| {
        let more = format!("\n[[rules]]\nname = \"turn-{turn}\"\npath = \"/turn/{turn}\"\nanonymous = true\n");
        issuer.policy(ENVOY, &format!("{READING}{more}"))
    };
    let gateway = Running::start(&policy(0)).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let load = Load::begin(gateway.address("envoy"), &bearer, 4);
    let mut early = 0.0;
    for turn in 1..=RELOADS {
        gateway.write(&policy(turn))?;
        gateway.reaches("portcullis_policy_generation", (turn + 1) as f64).await?;
        if turn == RELOADS / 10 {
            early = resident()?;
        }
    }
    let late = resident()?;
    let (asked, lost) = load.end().await?;
    let answer = ask(gateway.address("envoy"), &get(&format!("/turn/{RELOADS}"), &[])).await?;
    assert_eq!(answer.status, 200, "the last policy is at work");
    println!(
        "{RELOADS} reloads, {asked} requests, {} lost; memory {:.3} of what it was after a tenth",
        lost.len(),
        late / early
    );
    assert!(lost.is_empty(), "{} of {asked} lost: {:?}", lost.len(), lost.first());
    assert!(asked > RELOADS, "the load was a load");
    assert!(late < early * 1.1, "{early} pages after {} reloads, {late} after {RELOADS}", RELOADS / 10);
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_is_refused_and_the_old_one_stays() -> Tried {
    let issuer = Issuer::new();
    let good = issuer.policy(ENVOY, READING);
    let gateway = Running::start(&good).await?;
    let refused = r#"portcullis_policy_reloads_total{result="refused"}"#;
    let moved = good.replace("asserts = \"envoy\"", "asserts = \"caddy\"");
    for (count, bad) in
        ["nonsense = true", "", &good.replace("/reports/{id}", "/reports/../{id}"), &moved].into_iter().enumerate()
    {
        gateway.write(bad)?;
        gateway.reaches(refused, (count + 1) as f64).await?;
        assert_eq!(gateway.metric("portcullis_policy_generation").await?, 1.0);
        let bearer = format!("Bearer {}", issuer.reader()?);
        let answer = ask(gateway.address("envoy"), &get("/reports/7", &[("Authorization", &bearer)])).await?;
        assert_eq!(answer.status, 200, "{bad}");
    }
    gateway.write(&good.replace("reports:read", "reports:admin"))?;
    gateway.reaches("portcullis_policy_generation", 2.0).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let answer = ask(gateway.address("envoy"), &get("/reports/7", &[("Authorization", &bearer)])).await?;
    assert_eq!(answer.status, 403, "nothing is remembered of what the old policy allowed");
    gateway.end().await
}
