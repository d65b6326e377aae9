//! Workloads that come with a Workload Identity Token and prove that they have its key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use portcullis_tests::serving::{WITHIN, get};

use super::calling::{Door, Told};
use super::identity_tokens::{Held, Issuer};
use super::running::{HOST, Stage, shared};

const WEB: &str = "spiffe://one.example/billing/web";
const JOB: &str = "spiffe://one.example/other/job";

const PATH: &str = "/billing/invoices";

/// How the key is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// By a token of its own.
    Token,
    /// By a signature over the request.
    Signature,
}

/// The doors whose gate has the issuer's key. Whether a request has a body, which a signature has to cover, is told by who asks
/// over gRPC alone.
const WAYS: [(Door, Proof); 4] = [
    (Door::OfFile, Proof::Token),
    (Door::Nginx, Proof::Token),
    (Door::EnvoyAsking, Proof::Token),
    (Door::EnvoyAsking, Proof::Signature),
];

/// Another identifier each time.
fn identifier() -> String {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    format!("proof-{}", GIVEN.fetch_add(1, Ordering::Relaxed))
}

/// The fields of a call, proved with this identifier.
fn fields((door, proof): (Door, Proof), held: &Held, identifier: &str) -> Vec<(&'static str, String)> {
    let url = format!("{}://{HOST}{PATH}", if door == Door::Nginx { "http" } else { "https" });
    let mut fields = vec![("Host", HOST.to_owned()), ("Workload-Identity-Token", held.token.clone())];
    match proof {
        Proof::Token => fields.push(("Authorization", format!("WPT {}", held.proof(&url, identifier)))),
        Proof::Signature => {
            let (input, signature) = held.signature(&url, PATH, identifier);
            fields.extend([("Signature-Input", input), ("Signature", signature)]);
        }
    }
    if door == Door::OfFile {
        // What a proxy would say of the connection.
        fields.push(("X-Forwarded-Proto", "https".to_owned()));
    }
    fields
}

/// A stage whose gateways have run for long enough: a proof that is made now was not made before their memory began.
struct Proving {
    stage: Arc<Stage>,
    /// By whom Envoy is known.
    authorities: Vec<Vec<u8>>,
}

impl Proving {
    fn new() -> Self {
        let stage = shared();
        let authorities = stage.one.agent.x509(WEB).expect("it is known").authorities;
        let proving = Self { stage, authorities };
        let (held, begun) = (proving.stage.issuer.issue(WEB, 20), Instant::now());
        for way in WAYS {
            while matches!(proving.call(way, &held), Told::Refused(_, code) if code == "replay.before_start") {
                assert!(begun.elapsed() < WITHIN, "{way:?}");
            }
        }
        proving
    }

    fn send(&self, door: Door, fields: &[(&'static str, String)]) -> Told {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.stage.send(door, &self.authorities, None, &get(PATH, &fields)).expect("it answers")
    }

    fn call(&self, way: (Door, Proof), held: &Held) -> Told {
        self.send(way.0, &fields(way, held, &identifier()))
    }
}

#[test]
fn a_workload_is_let_in_by_its_identity_token_with_either_proof() {
    let proving = Proving::new();
    let (web, job) = (proving.stage.issuer.issue(WEB, 21), proving.stage.issuer.issue(JOB, 22));
    for way in WAYS {
        let told = proving.call(way, &web);
        assert!(matches!(&told, Told::LetIn(who) if who == WEB), "{way:?}: {told:?}");
        let told = proving.call(way, &job);
        assert!(matches!(&told, Told::Refused(403, code) if code == "rule.spiffe_id_mismatch"), "{way:?}: {told:?}");
    }
}

#[test]
fn a_proof_is_good_once_and_of_its_own_key_alone() {
    let proving = Proving::new();
    let web = proving.stage.issuer.issue(WEB, 23);
    // Its token in other hands, and one of the same key by an issuer that is none.
    let (stolen, foreign) = (web.in_the_hands_of(24), Issuer::new(12).issue(WEB, 23));
    for way in WAYS {
        let once = fields(way, &web, &identifier());
        let told = proving.send(way.0, &once);
        assert!(matches!(told, Told::LetIn(_)), "{way:?}: {told:?}");
        let replayed = match way.1 {
            Proof::Token => "wimse.proof_replayed",
            Proof::Signature => "wimse.signature_replayed",
        };
        let told = proving.send(way.0, &once);
        assert!(matches!(&told, Told::Refused(_, code) if code == replayed), "{way:?}: {told:?}");
        for held in [&stolen, &foreign] {
            let told = proving.call(way, held);
            let refused = matches!(&told, Told::Refused(_, code) if code == "crypto.signature_invalid");
            assert!(refused, "{way:?}: {told:?}");
        }
    }
}

#[test]
fn an_identity_token_alone_is_no_credential() {
    let proving = Proving::new();
    let web = proving.stage.issuer.issue(WEB, 25);
    for way in WAYS {
        let bearer = ("Authorization", format!("Bearer {}", web.token));
        for alone in [bearer, ("Workload-Identity-Token", web.token.clone())] {
            let mut fields = fields(way, &web, &identifier());
            fields.retain(|(name, _)| ["Host", "X-Forwarded-Proto"].contains(name));
            fields.push(alone);
            let told = proving.send(way.0, &fields);
            assert!(matches!(told, Told::Refused(400 | 401, _)), "{way:?}: {told:?}");
        }
    }
}
