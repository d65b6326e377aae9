//! What a gate holds, over time: how old keys, bundles and lists may be, what is asked for when, and what the memory of used
//! proofs says. With the reference host, which has no network and no clock.

mod attestation;
mod bundles;
mod clients;
mod documents;
mod dynamic_clients;
mod endpoints;
mod fetches;
mod introspection;
mod keys;
mod lists;
mod memory;
mod ocm;
mod replay;
mod rounds;
#[path = "../support/mod.rs"]
mod support;
mod transactions;

use portcullis_gate::{Content, Decision, Document, DocumentNeed, Evaluation, Gate, Need, Request, Step, Wanted};
use support::*;

const DAY: u64 = 24 * 3_600;

/// An access token that is good for ten days, with members added to its claims (`"a":1,`).
fn lasting(number: u8, kid: &str, more: &str) -> String {
    let header = format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"at+jwt"}}"#);
    let (iat, exp) = (NOW - 10, NOW + 10 * DAY);
    let claims = format!(
        r#"{{{more}"iss":"{ISSUER}","aud":"{API}","sub":"alice","client_id":"app","jti":"1","iat":{iat},"exp":{exp}}}"#
    );
    sign(number, &header, &claims)
}

/// A GET of `/reports/7` with a token as Bearer.
fn with(token: &str) -> Request {
    get("/reports/7", &[("Authorization", &format!("Bearer {token}"))])
}

/// Status and code.
fn told(decision: &Decision) -> (u16, Option<&'static str>) {
    (decision.status, decision.code())
}

const ALLOWED: (u16, Option<&str>) = (200, None);

fn body(text: &str) -> Content {
    Content::Body { status: 200, media_type: None, bytes: text.as_bytes().to_vec() }
}

/// Gives a gate a document, and tells the codes of what is wrong with it.
fn give(gate: &Gate, url: &str, content: Content, fetched_at: u64, at: u64) -> Vec<&'static str> {
    let document = Document { url: url.into(), server: None, about: None, peer: false, fetched_at, content };
    gate.provide(&[document], at).iter().map(|(_, rejection)| rejection.code()).collect()
}

/// The URLs of what is due.
fn due(gate: &Gate, at: u64) -> Vec<String> {
    gate.due(at).into_iter().map(|need| need.url).collect()
}

/// An evaluation that has to wait, and the documents it waits for.
fn waiting(gate: &Gate, request: &Request, at: u64) -> (Evaluation, Vec<Need>) {
    let mut evaluation = gate.start(request.clone(), at);
    match evaluation.step(at) {
        Step::Needs(needs) => (evaluation, needs),
        Step::Decided(decision) => panic!("it needs something: {decision:#?}"),
    }
}

/// The documents among needs.
fn documents(needs: &[Need]) -> Vec<&DocumentNeed> {
    needs
        .iter()
        .filter_map(|need| match &need.what {
            Wanted::Document(need) => Some(need),
            _ => None,
        })
        .collect()
}

/// The URLs among needs.
fn urls(needs: &[Need]) -> Vec<&str> {
    documents(needs).into_iter().map(|need| need.url.as_str()).collect()
}

/// What a step decided.
fn decided(step: Step) -> Decision {
    match step {
        Step::Decided(decision) => *decision,
        Step::Needs(needs) => panic!("it is decided: {needs:#?}"),
    }
}

impl Host {
    /// Decides, and tells what was asked for meanwhile.
    fn asking(&mut self, gate: &Gate, request: &Request, at: u64) -> ((u16, Option<&'static str>), Vec<String>) {
        self.asked.clear();
        let decision = self.decide(gate, request, at);
        (told(&decision), self.asked.clone())
    }
}
