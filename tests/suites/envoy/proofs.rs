//! A proof is good once, whichever worker it comes to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex};
use std::thread;

use portcullis_tests::serving::envoy::Running;
use portcullis_tests::serving::{Clock, WITHIN, ask};
use serde_json::{Value, json};

use super::issuer::{key, policy, proof, serving, thumbprint, token};
use super::running::{at, of, told, with};

const AT: u64 = 1_800_000_000;

fn with_proofs() -> Value {
    let mut policy = policy();
    policy["issuers"][0]["proof"] = "dpop".into();
    policy
}

fn bound(owner: u8) -> String {
    token(1, AT, &json!({"cnf": {"jkt": thumbprint(&key(owner))}}))
}

fn request(token: &str, proof: &str) -> Vec<u8> {
    with("/x", &[("Authorization", &format!("DPoP {token}")), ("DPoP", proof)])
}

#[test]
fn a_proof_is_good_once_and_one_from_before_the_start_never() {
    let documents = serving(&[1]);
    let clock = Clock::at(AT);
    let stage = at(&with_proofs(), &documents, &clock);
    let token = bound(9);
    let use_it = |proof: &str| told(&ask(stage.port, &request(&token, proof)));
    let early = proof(&key(9), &token, "early", AT);
    assert_eq!(use_it(&early), (401, "replay.before_start".into()), "it may have been used before the start");
    clock.set(AT + 10);
    let one = proof(&key(9), &token, "one", AT + 10);
    assert_eq!(use_it(&one), (200, "none".into()));
    assert_eq!(use_it(&one), (401, "dpop.replayed".into()));
    assert_eq!(use_it(&early).0, 401);
}

/// How many proofs are used, each of them many times at once.
const PROOFS: usize = 20_000;

/// Connections: one to each worker.
const CONNECTIONS: usize = 2;

#[test]
fn of_twenty_thousand_proofs_none_is_good_twice_with_two_workers() {
    let documents = serving(&[1]);
    let clock = Clock::at(AT - 3_600);
    let running = Running { workers: Some(2), clock: Some(&clock) };
    let stage = of(&with_proofs(), &documents, &running, |front| front.balanced = true);
    clock.set(AT);
    // Eight owners, so that none fills its share.
    let tokens: Vec<String> = (10..18).map(bound).collect();
    let proofs: Vec<Vec<u8>> = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let tokens = &tokens;
            scope.spawn(move || -> Vec<Vec<u8>> {
                let own = (0..PROOFS).filter(|number| number % 2 == half);
                own.map(|number| {
                    let owner = number / 2 % 8;
                    let token = &tokens[owner];
                    let key = key(10 + u8::try_from(owner).unwrap_or_default());
                    let text = request(token, &proof(&key, token, &number.to_string(), AT));
                    String::from_utf8_lossy(&text).replace("Connection: close\r\n", "").into_bytes()
                })
                .collect()
            })
        });
        halves.into_iter().flat_map(|half| half.join().expect("they are made")).collect()
    });
    let allowed: Mutex<BTreeMap<usize, usize>> = Mutex::default();
    let others: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let together = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = Connection::new(stage.port);
                together.wait();
                for (number, request) in proofs.iter().enumerate() {
                    let (status, code) = connection.ask(request);
                    if status == 200 {
                        *allowed.lock().expect("it counts").entry(number).or_default() += 1;
                    } else {
                        *others.lock().expect("it counts").entry(format!("{status} {code}")).or_default() += 1;
                    }
                    // Side by side, so that each proof comes to both workers at once.
                    if number % 16 == 0 {
                        together.wait();
                    }
                }
            });
        }
    });
    let allowed = allowed.into_inner().expect("it counted");
    let others = others.into_inner().expect("it counted");
    let taken = |worker| format!("listener.127.0.0.1_0.worker_{worker}.downstream_cx_total");
    let workers = [0, 1].map(|worker| stage.envoy.stat(&taken(worker)));
    println!(
        "{PROOFS} proofs, {CONNECTIONS} times each: {} allowed; {others:?}; connections: {workers:?}",
        allowed.len()
    );
    assert_eq!(workers, [1, 1], "each worker has one");
    assert!(allowed.values().all(|times| *times == 1), "{:?}", allowed.iter().find(|(_, times)| **times > 1));
    assert_eq!(allowed.len(), PROOFS, "{others:?}");
    assert_eq!(others.get("401 dpop.replayed"), Some(&(PROOFS * (CONNECTIONS - 1))), "{others:?}");
}

/// A connection that is kept.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it connects");
        stream.set_read_timeout(Some(WITHIN)).expect("it is set");
        stream.set_nodelay(true).expect("it is set");
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, request: &[u8]) -> (u16, String) {
        self.0.get_mut().write_all(request).expect("it is sent");
        let (mut status, mut code, mut length) = (0, String::new(), 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("it answers");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some(("x-code", value)) => code = value.into(),
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                Some(_) => {}
                None => status = line.get(9..12).and_then(|status| status.parse().ok()).expect("a status"),
            }
        }
        self.0.read_exact(&mut vec![0; length]).expect("it is whole");
        (status, code)
    }
}
