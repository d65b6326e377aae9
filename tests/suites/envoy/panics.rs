//! What one panic costs a worker. The module is the shipped one but that it panics where a request says so.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use portcullis_tests::root;
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter_of};
use portcullis_tests::serving::{Documents, Served, Upstream, WITHIN, ask};
use serde_json::json;

use super::issuer::{KEYS, key, keys, now, policy, proof, thumbprint, token};
use super::running::{told, with};

fn module() -> std::path::PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let path = folder.join("failing/envoy/portcullis.wasm");
    assert!(path.exists(), "{} is missing: make misbehaving", path.display());
    path
}

#[test]
fn a_panic_costs_its_worker_what_waits_and_what_it_remembers_and_nothing_more() {
    let documents = Documents::start();
    documents.set(KEYS, Served::Held(Box::new(keys(&[1]))));
    let upstream = Upstream::start();
    let mut front = Front::new("front", filter_of(&module(), "portcullis", &policy().to_string()));
    // What waits in a virtual machine that is gone is never answered by the filter: this is how long it is in the way.
    front.more = json!({"stream_idle_timeout": "3s"});
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let envoy = Envoy::start(&[front.listener()], &clusters, &Running::default());
    let port = envoy.port("front");
    let owner = key(9);
    let bound = token(1, now(), &json!({"cnf": {"jkt": thumbprint(&owner)}}));
    let send = |fields: &[(&str, &str)]| ask(port, &with("/x", fields));
    let good = format!("Bearer {}", token(1, now(), &json!({})));

    // A proof that was used before the panic is used after it: the memory of proofs is Envoy's.
    envoy.until("proofs are taken", |_| {
        let fresh = proof(&owner, &bound, &format!("first-{}", now()), now());
        told(&send(&[("Authorization", &format!("DPoP {bound}")), ("DPoP", &fresh)])).0 == 200
    });
    let used = proof(&owner, &bound, "used", now());
    let use_it = || told(&send(&[("Authorization", &format!("DPoP {bound}")), ("DPoP", &used)]));
    assert_eq!(use_it(), (200, "none".into()));

    // A request that waits for a document.
    documents.set(KEYS, Served::Held(Box::new(keys(&[1, 2]))));
    documents.hold(true);
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).expect("it connects");
    waiting.set_read_timeout(Some(WITHIN)).expect("it is set");
    // A key that is not known is asked for once in the cooldown, which is over when it is.
    let unknown = format!("Bearer {}", token(2, now(), &json!({})));
    envoy.until("the cooldown is over", |envoy| {
        let _ = waiting.write_all(&with("/x", &[("Authorization", &unknown)]));
        std::thread::sleep(std::time::Duration::from_millis(200));
        let waits = envoy.stat("http.front.downstream_rq_active") == 1;
        if !waits {
            waiting = TcpStream::connect(("127.0.0.1", port)).expect("it connects");
            waiting.set_read_timeout(Some(WITHIN)).expect("it is set");
        }
        waits
    });

    let begun = Instant::now();
    let failed = send(&[("Authorization", &good), ("X-Fail", "panic")]);
    assert!(failed.status >= 500 && !failed.is_upstreams(), "{failed:?}");
    documents.hold(false);
    let mut refused = 0;
    envoy.until("the worker serves again", |_| {
        let answer = send(&[("Authorization", &good)]);
        refused += usize::from(answer.status != 200);
        assert!(answer.status == 200 || (answer.status >= 500 && !answer.is_upstreams()), "{answer:?}");
        answer.status == 200
    });
    println!(
        "one panic: {} for its request, {refused} more refused, served again after {} ms",
        failed.status,
        begun.elapsed().as_millis()
    );
    let mut said = String::new();
    let _ = waiting.read_to_string(&mut said);
    println!("what waited: {:?} after {} ms", said.lines().next(), begun.elapsed().as_millis());
    assert!(
        said.starts_with("HTTP/1.1 408 ") || said.starts_with("HTTP/1.1 5"),
        "what waited is not let through: {said}"
    );
    assert_eq!(use_it(), (401, "dpop.replayed".into()), "a panic forgets no proof");
    assert_eq!(envoy.stat("wasmcustom.portcullis.panics"), 1);
    assert!(envoy.stat("wasm.portcullis.vm_reload_success") >= 1);
    let log = envoy.said().join("\n");
    assert!(log.contains("portcullis: panic at "), "{log}");
    assert!(!log.contains("what nobody is to read"), "what a panic says may be a request's: {log}");
}
