//! Authorities that are replaced while workloads call.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::serving::WITHIN;
use portcullis_tests::serving::spire::{Kind, X509Svid};
use serde_json::json;

use super::calling::{By, DOORS, Door, Told, Workload};
use super::running::{Stage, alone};

const WEB: &str = "spiffe://one.example/billing/web";

/// What the workload asks for.
const PATH: &str = "/billing/invoices";

/// Every door, and every SVID that gets through it.
fn ways() -> impl Iterator<Item = (Door, By)> {
    let both = |door: Door| [(door, By::X509), (door, By::Jwt)];
    DOORS.into_iter().flat_map(both).filter(|(door, by)| *by == By::Jwt || door.takes_certificates())
}

fn now(stage: &Stage) -> Workload {
    stage.workload(WEB).expect("it is known")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WITHIN, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Has calling end, also where the test fails meanwhile.
struct Stopping<'s>(&'s AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls by every door with SVIDs that were fetched a moment ago, until it is told to stop. What is not let in, it tells.
fn call_on(stage: &Stage, stop: &AtomicBool, rounds: &AtomicUsize) -> Vec<String> {
    let mut failed = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match stage.workload(WEB) {
            Err(why) => failed.push(format!("the agent: {why}")),
            Ok(web) => {
                for (door, by) in ways() {
                    match stage.call(door, &web, by, PATH) {
                        Ok(Told::LetIn(who)) if who == WEB => {}
                        other => failed.push(format!("{door:?} {by:?}: {other:?}")),
                    }
                }
            }
        }
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    failed
}

/// A JWT-SVID of a workload as if another key had signed it, which that one has not. Each number makes another one.
fn forged(workload: &Workload, key: &str, number: usize) -> Workload {
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "kid": key, "typ": "JWT"}).to_string());
    let mut parts = workload.jwt.split('.').skip(1);
    let (claims, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (before, after) = signature.split_at(40 + number);
    Workload { jwt: format!("{header}.{claims}.{before}A{}", &after[1..]), ..workload.clone() }
}

/// Whether a door knows a key of JWT-SVIDs, as each instance behind it says.
fn knows(stage: &Stage, door: Door, workload: &Workload, key: &str) -> bool {
    (0..8).all(|number| {
        let told = stage.call(door, &forged(workload, key, number), By::Jwt, PATH);
        matches!(told, Ok(Told::Refused(401, code)) if code == "crypto.signature_invalid")
    })
}

/// Whether a door lets nobody in any more by what a revoked authority signed.
fn has_forgotten(stage: &Stage, old: &Workload, door: Door, by: By) -> bool {
    match (stage.call(door, old, by, PATH), by) {
        // Envoy has heard of it, too, and ends the handshake.
        (Err(_), By::X509) => matches!(door, Door::EnvoyAsking | Door::EnvoyFilter),
        (Ok(Told::Refused(401, code)), By::X509) => code == "svid.chain_incomplete",
        (Ok(Told::Refused(401, code)), By::Jwt) => code == "key.unknown",
        _ => false,
    }
}

#[test]
fn authorities_are_replaced_and_no_call_fails() {
    let stage = alone();
    let (stop, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failed = std::thread::scope(|scope| {
        let calling = scope.spawn(|| call_on(&stage, &stop, &rounds));
        let stopping = Stopping(&stop);
        rotate(&stage, &rounds);
        drop(stopping);
        calling.join().expect("it calls")
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A rotation as SPIRE describes it, each step once everybody who verifies has heard of the one before.
fn rotate(stage: &Stage, rounds: &AtomicUsize) {
    let on = |what| {
        let called = rounds.load(Ordering::Relaxed);
        until(what, || rounds.load(Ordering::Relaxed) >= called + 2);
    };
    on("it has called with the first authorities");
    let (server, old) = (&stage.one.server, now(stage));
    let kinds = [Kind::X509, Kind::Jwt];
    let before = kinds.map(|kind| server.active(kind));

    // The one of X.509-SVIDs first, so that who knows the one of JWT-SVIDs knows both.
    let x509 = server.prepare(Kind::X509);
    until("the agent tells of it", || now(stage).x509.authorities.len() == 2);
    let after = [x509, server.prepare(Kind::Jwt)];
    for door in DOORS {
        until("the door knows both", || knows(stage, door, &old, &after[1]));
    }
    kinds.iter().zip(&after).for_each(|(kind, authority)| server.rotate(*kind, "activate", authority));
    assert_eq!(kinds.map(|kind| server.active(kind)), after);

    // Agents replace what a tainted authority has signed.
    kinds.iter().zip(&before).for_each(|(kind, authority)| server.rotate(*kind, "taint", authority));
    let header = |workload: &Workload| workload.jwt.split('.').next().map(str::to_owned);
    until("the workload has other SVIDs", || {
        let new = now(stage);
        header(&new) != header(&old) && new.x509.chain != old.x509.chain
    });
    stage.one.agent.line("Successfully rotated agent SVID");
    on("it has called with them");

    kinds.iter().zip(&before).for_each(|(kind, authority)| server.rotate(*kind, "revoke", authority));
    until("the agent tells of it", || now(stage).x509.authorities.len() == 1);
    // Envoy itself has another certificate by now, too, by which the old workload is to know it.
    let old = Workload { x509: X509Svid { authorities: now(stage).x509.authorities, ..old.x509 }, ..old };
    for (door, by) in ways() {
        until("what the old authorities signed is refused", || has_forgotten(stage, &old, door, by));
    }
    on("it has called with the new ones alone");
}
