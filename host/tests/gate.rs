//! A gate in the built components: it decides, asks for what it needs, and goes on after its instance is lost.
#![cfg(all(feature = "compiler", feature = "hosted-crypto"))]

#[path = "support/gate.rs"]
mod actors;
#[path = "support/client.rs"]
mod client;
mod support;

use actors::{Issuer, content};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::Client;
use portcullis_host::gate::{
    Answer, Answered, Checked, Class, ClientCertificate, Decision, Document, DocumentKind, Forget, GateInstance,
    Header, Need, Outcome, Pending, PolicyFormat, Request, Supplied, Wanted, sha256_from_bytes,
};
use portcullis_host::{CheckOutcome, Code, HostError, Portcullis, Runtime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Tried<T = ()> = Result<T, Box<dyn std::error::Error>>;

const BUILDS: [&str; 4] = ["gate.wasm", "gate-wide.wasm", "gate-hosted.wasm", "portcullis.wasm"];
const AT: u64 = 1_790_000_000;
const MEMORY: usize = 16 * 1024 * 1024;

const POLICY: &str = r#"
origins = ["https://api.example"]
replay = "shared"

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = "https://idp.example/jwks"
profile = "jwt"
algorithms = ["ES256"]

[[issuers]]
name = "discovered"
issuer = "https://other.example"
profile = "jwt"
algorithms = ["ES256"]

[[rules]]
path = "/health"
anonymous = true

[[rules]]
name = "reports"
issuers = ["corp", "discovered"]
methods = ["GET"]
path = "/reports/{id}"
require = { scope = ["reports:read"] }

[upstream]
set = { X-User = "subject" }
"#;

fn gate(build: &str) -> Tried<GateInstance> {
    let runtime = Runtime::builder().max_instances(2).memory_limit(MEMORY).build()?;
    let component = runtime.load_file(support::built(build))?;
    let loaded = GateInstance::load(&component, POLICY, PolicyFormat::Toml)?;
    Ok(loaded.map_err(|problems| format!("{problems:?}"))?)
}

fn get(path: &str, headers: &[(&str, &str)]) -> Request {
    let header = |(name, value): &(&str, &str)| Header { name: (*name).into(), value: value.as_bytes().to_vec() };
    Request {
        method: "GET".into(),
        url: format!("https://api.example{path}"),
        headers: headers.iter().map(header).collect(),
        ..Request::default()
    }
}

fn bearer(token: &str) -> Request {
    get("/reports/7", &[("Authorization", &format!("Bearer {token}"))])
}

fn pending(checked: Checked) -> Tried<Pending> {
    match checked {
        Checked::Pending(pending) => Ok(pending),
        Checked::Decided(decision) => Err(format!("{decision:?}").into()),
    }
}

fn decided(checked: Checked) -> Tried<Decision> {
    match checked {
        Checked::Decided(decision) => Ok(decision),
        Checked::Pending(pending) => Err(format!("{pending:?}").into()),
    }
}

/// Fetches what is needed until it is decided, or a proof is to be remembered.
fn fetched(gate: &mut GateInstance, issuer: &Issuer, request: &Request) -> Tried<Checked> {
    let mut checked = gate.check(request, AT)?;
    loop {
        let pending = match checked {
            Checked::Pending(pending) if document(&pending.needs).is_some() => pending,
            other => return Ok(other),
        };
        let mut answers = Vec::new();
        for need in &pending.needs {
            if let Wanted::Document(document) = &need.what {
                let refused = gate.provide(&[issuer.fetch(&document.url)], AT)?;
                assert_eq!(refused, []);
                answers.push(Answered { id: need.id, answer: Answer::Done });
            }
        }
        checked = gate.answer(pending, &answers, AT)?;
    }
}

fn document(needs: &[Need]) -> Option<&str> {
    needs.iter().find_map(|need| match &need.what {
        Wanted::Document(document) => Some(document.url.as_str()),
        _ => None,
    })
}

fn seen(decision: &Decision) -> (u16, &str) {
    (decision.status, decision.findings.first().map_or("", |finding| &finding.code))
}

fn header<'d>(decision: &'d Decision, name: &str) -> &'d str {
    let mut fields = decision.response_headers.iter().chain(&decision.upstream_set);
    fields.find(|field| field.name == name).map_or("", |field| &field.value)
}

/// Has the living instance discarded: this request does not fit into its memory.
fn discard(gate: &mut GateInstance) {
    let lost = gate.check(&Request { body: Some(vec![0; 2 * MEMORY]), ..get("/health", &[]) }, AT);
    assert!(matches!(lost, Err(HostError::OutOfMemory { .. })), "{lost:?}");
}

#[test]
fn requests_are_allowed_and_denied_with_their_challenge() -> Tried {
    let issuer = Issuer::new();
    for build in BUILDS {
        let mut gate = gate(build)?;
        let decision = decided(gate.check(&get("/health", &[]), AT)?)?;
        assert_eq!((decision.outcome, decision.status), (Outcome::Allow, 200), "{build}");
        assert_eq!((decision.principal.as_ref(), decision.rule.as_deref()), (None, Some("rule 1")));

        let decision = decided(gate.check(&get("/reports/7", &[]), AT)?)?;
        assert_eq!((decision.outcome, seen(&decision)), (Outcome::Deny, (401, "credential.missing")), "{build}");
        assert_eq!(header(&decision, "WWW-Authenticate"), r#"Bearer scope="reports:read""#);

        let decision = decided(fetched(&mut gate, &issuer, &bearer(&issuer.reader()?))?)?;
        assert_eq!((decision.outcome, seen(&decision)), (Outcome::Allow, (200, "")), "{build}");
        assert_eq!((header(&decision, "X-User"), decision.rule.as_deref()), ("alice", Some("reports")));
        assert!(decision.upstream_strip.contains(&"X-User".into()), "{decision:?}");
        let principal = decision.principal.ok_or("nobody")?;
        assert_eq!(principal.subject.as_deref(), Some("alice"));
        assert_eq!((principal.issuer.as_str(), principal.scopes), ("https://idp.example", vec!["reports:read".into()]));

        let writer = issuer.token("https://idp.example", json!({"scope": "reports:write"}))?;
        let decision = decided(gate.check(&bearer(&writer), AT)?)?;
        assert_eq!(seen(&decision), (403, "scope.insufficient_scope"), "{build}");
        let challenge = header(&decision, "WWW-Authenticate");
        assert_eq!(challenge, r#"Bearer error="insufficient_scope", scope="reports:read""#);

        let decision = decided(gate.check(&bearer(&issuer.reader()?), AT + 3600)?)?;
        assert_eq!(seen(&decision), (401, "token.expired"), "{build}");
        assert!(decision.body.is_some_and(|body| !body.contains("expired")), "what is wrong is for logs");
    }
    Ok(())
}

#[test]
fn what_is_needed_is_asked_for_once() -> Tried {
    let issuer = Issuer::new();
    let token = issuer.reader()?;
    let mut gate = gate(BUILDS[0])?;
    let ready = gate.ready(AT)?;
    let missing: Vec<&str> = ready.missing.iter().map(|missing| missing.name.as_str()).collect();
    assert_eq!((ready.ready, missing), (false, vec!["corp", "discovered"]));

    let pending = pending(gate.check(&bearer(&token), AT)?)?;
    let [Need { id, what: Wanted::Document(need) }] = pending.needs.as_slice() else {
        return Err(format!("{:?}", pending.needs).into());
    };
    assert_eq!(
        (need.url.as_str(), need.class, need.kind),
        ("https://idp.example/jwks", Class::Policy, DocumentKind::Keys)
    );
    assert!(need.accept.contains("application/jwk-set+json") && need.most >= 1024 * 1024, "{need:?}");
    assert_eq!(gate.admit_redirect(need, 0, "https://idp.example/keys")?, Ok(()));
    let refused = |verdict: Result<(), portcullis_host::Rejection>| verdict.map_err(|refused| refused.code);
    assert_eq!(refused(gate.admit_redirect(need, 0, "https://10.0.0.1/")?), Err("fetch.url_not_allowed".into()));
    let many = gate.admit_redirect(need, 3, "https://idp.example/keys")?;
    assert_eq!(refused(many), Err("fetch.too_many_redirects".into()));
    // What is under way is not told again by `due`.
    let due: Vec<String> = gate.due(AT)?.into_iter().map(|need| need.url).collect();
    assert_eq!(due.iter().filter(|url| url.contains("idp.example")).count(), 0, "{due:?}");
    assert_eq!(due.iter().filter(|url| url.contains("other.example")).count(), 2, "{due:?}");

    let failed = Document { content: content(500, String::new()), ..issuer.fetch(&need.url) };
    let findings = gate.provide(&[failed], AT)?;
    assert_eq!(findings[0].rejection.code, "document.status");
    let answer = [Answered { id: *id, answer: Answer::Done }];
    let decision = decided(gate.answer(pending, &answer, AT)?)?;
    assert_eq!(seen(&decision), (503, "keys.unavailable"));
    assert_eq!(decision.needs, ["https://idp.example/jwks"]);

    gate.provide(&[issuer.fetch("https://idp.example/jwks")], AT)?;
    for url in due {
        gate.provide(&[issuer.fetch(&url)], AT)?;
    }
    gate.provide(&[issuer.fetch("https://keys.example/jwks")], AT)?;
    assert!(gate.ready(AT)?.ready);
    for _ in 0..2 {
        assert_eq!(seen(&decided(gate.check(&bearer(&token), AT)?)?), (200, ""));
    }
    let held = gate.held()?;
    assert_eq!((held.tokens, held.lists), (1, 0));
    assert!(held.bytes > 0);
    assert_eq!(gate.forget(&Forget::Subject("bob".into()))?, 0);
    let digest = sha256_from_bytes(Sha256::digest(&token).into());
    assert_eq!(gate.forget(&Forget::TokenDigest(digest))?, 1);
    assert_eq!(gate.held()?.tokens, 0);
    Ok(())
}

#[test]
fn answers_to_what_was_not_asked_change_nothing() -> Tried {
    let issuer = Issuer::new();
    let mut gate = gate(BUILDS[0])?;
    let request = bearer(&issuer.reader()?);
    let mut open = pending(gate.check(&request, AT)?)?;
    let (needs, id) = (open.needs.clone(), open.needs[0].id);
    gate.provide(&[issuer.fetch("https://idp.example/jwks")], AT)?;
    for answers in [
        vec![],
        vec![Answered { id: id + 1, answer: Answer::Done }],
        vec![Answered { id: u32::MAX, answer: Answer::Fresh }],
        vec![Answered { id, answer: Answer::Fresh }, Answered { id, answer: Answer::Full }],
    ] {
        open = pending(gate.answer(open, &answers, AT)?)?;
        assert_eq!(open.needs, needs, "{answers:?}");
    }
    let answers = [Answered { id, answer: Answer::Done }; 3];
    assert_eq!(seen(&decided(gate.answer(open, &answers, AT)?)?), (200, ""));
    Ok(())
}

#[test]
fn a_proof_is_used_once() -> Tried {
    let (issuer, client) = (Issuer::new(), Client::new()?);
    let bound = json!({"scope": "reports:read", "cnf": {"jkt": client.thumbprint()}});
    let token = issuer.token("https://idp.example", bound)?;
    let authorization = format!("DPoP {token}");
    for build in BUILDS {
        let mut gate = gate(build)?;
        let mut keys = Vec::new();
        for (id, answer, wanted) in [
            ("a", Answer::Fresh, (200, "")),
            ("a", Answer::Seen, (401, "dpop.replayed")),
            ("b", Answer::Unavailable, (503, "replay.unavailable")),
            ("b", Answer::Full, (503, "replay.full")),
        ] {
            let proof = client.proof("https://api.example/reports/7", &token, id, AT);
            let request = get("/reports/7", &[("Authorization", &authorization), ("DPoP", &proof)]);
            let pending = pending(fetched(&mut gate, &issuer, &request)?)?;
            let [Need { id, what: Wanted::Remember(remember) }] = pending.needs.as_slice() else {
                return Err(format!("{:?}", pending.needs).into());
            };
            assert!(remember.until > AT);
            keys.push(remember.key);
            let answers = [Answered { id: *id, answer }];
            assert_eq!(seen(&decided(gate.answer(pending, &answers, AT)?)?), wanted, "{build} {answer:?}");
        }
        assert!(keys[0] == keys[1] && keys[1] != keys[2] && keys[2] == keys[3], "{keys:?}");
        let decision = decided(gate.check(&bearer(&token), AT)?)?;
        assert_eq!(seen(&decision), (401, "proof.scheme_bearer"), "{build}");
    }
    Ok(())
}

#[test]
fn a_certificate_is_known_by_its_digest() -> Tried {
    let issuer = Issuer::new();
    let digest: [u8; 32] = Sha256::digest(b"a certificate").into();
    let bound = json!({"scope": "reports:read", "cnf": {"x5t#S256": URL_SAFE_NO_PAD.encode(digest)}});
    let request = bearer(&issuer.token("https://idp.example", bound)?);
    let mut gate = gate(BUILDS[0])?;
    let with = |certificate| Request { certificate, ..request.clone() };
    let same = with(ClientCertificate::Digest(sha256_from_bytes(digest)));
    assert_eq!(seen(&decided(fetched(&mut gate, &issuer, &same)?)?), (200, ""));
    let mut turned = digest;
    turned.reverse();
    for other in [ClientCertificate::Digest(sha256_from_bytes(turned)), ClientCertificate::None] {
        assert_eq!(decided(gate.check(&with(other), AT)?)?.status, 401);
    }
    Ok(())
}

#[test]
fn a_new_instance_decides_as_the_lost_one_did() -> Tried {
    let issuer = Issuer::new();
    let corp = bearer(&issuer.reader()?);
    let discovered = bearer(&issuer.token("https://other.example", json!({"scope": "reports:read"}))?);
    for build in BUILDS {
        let mut gate = gate(build)?;
        for request in [&corp, &discovered] {
            assert_eq!(seen(&decided(fetched(&mut gate, &issuer, request)?)?), (200, ""), "{build}");
        }
        // A document that the gate does not take replaces none, and is not given to the next instance either.
        let garbage = Document { content: content(200, "{}".into()), ..issuer.fetch("https://idp.example/jwks") };
        assert_eq!(gate.provide(&[garbage], AT + 1)?.len(), 1);
        for _ in 0..2 {
            discard(&mut gate);
            // The keys that metadata names are there again, too.
            for request in [&corp, &discovered] {
                assert_eq!(seen(&decided(gate.check(request, AT)?)?), (200, ""), "{build}");
            }
            assert!(gate.ready(AT)?.ready);
        }
        // Each call may be the first one after a loss.
        discard(&mut gate);
        assert_eq!(gate.held()?.tokens, 0);
        discard(&mut gate);
        let due: Vec<String> = gate.due(AT)?.into_iter().map(|need| need.url).collect();
        assert!(due.iter().all(|url| url.ends_with("openid-configuration")), "{due:?}");
    }
    Ok(())
}

#[test]
fn an_evaluation_is_lost_with_its_instance() -> Tried {
    let issuer = Issuer::new();
    let request = bearer(&issuer.reader()?);
    let (mut first, mut second) = (gate(BUILDS[0])?, gate(BUILDS[0])?);
    let code = |answer: Result<Checked, HostError>| answer.err().map(|error| error.code());

    let open = pending(first.check(&request, AT)?)?;
    assert_eq!(code(second.answer(open, &[], AT)), Some(Code::EvaluationLost), "it is of another instance");

    let open = pending(first.check(&request, AT)?)?;
    discard(&mut first);
    assert_eq!(code(first.answer(open, &[], AT)), Some(Code::EvaluationLost), "there is no instance");
    let open = pending(first.check(&request, AT)?)?;
    discard(&mut first);
    first.held()?;
    assert_eq!(code(first.answer(open, &[], AT)), Some(Code::EvaluationLost), "there is a new instance");
    assert_eq!(Code::EvaluationLost.as_str(), "host.evaluation_lost");
    assert_eq!(seen(&decided(fetched(&mut first, &issuer, &request)?)?), (200, ""));
    Ok(())
}

#[test]
fn evaluations_that_are_dropped_or_decided_are_freed() -> Tried {
    let issuer = Issuer::new();
    let mut gate = gate(BUILDS[0])?;
    let request = Request { body: Some(vec![0; 64 * 1024]), ..bearer(&issuer.reader()?) };
    // Were they kept, 1,000 of them would not fit into the memory.
    for number in 0..1_000 {
        let open = pending(gate.check(&request, AT)?)?;
        if number % 2 == 0 {
            let answers = [Answered { id: open.needs[0].id, answer: Answer::Unavailable }];
            assert_eq!(decided(gate.answer(open, &answers, AT)?)?.status, 503);
        }
    }
    Ok(())
}

#[test]
fn a_decision_is_explained_check_by_check() -> Tried {
    let (issuer, client) = (Issuer::new(), Client::new()?);
    let bound = json!({"scope": "reports:read", "cnf": {"jkt": client.thumbprint()}});
    let token = issuer.token("https://idp.example", bound)?;
    let (authorization, proof) =
        (format!("DPoP {token}"), client.proof("https://api.example/reports/7", &token, "a", AT));
    let request = get("/reports/7", &[("Authorization", &authorization), ("DPoP", &proof)]);
    let supply = |needs: &[Need]| {
        let mut supplied = Supplied::default();
        for need in needs {
            supplied.answers.push(match &need.what {
                Wanted::Document(document) => {
                    supplied.documents.push(issuer.fetch(&document.url));
                    Answered { id: need.id, answer: Answer::Done }
                }
                _ => Answered { id: need.id, answer: Answer::Fresh },
            });
        }
        supplied
    };
    for build in BUILDS {
        let mut gate = gate(build)?;
        let told = gate.explain(&request, AT, supply)?;
        assert_eq!((seen(&told.decision), told.documents.len(), told.needs.len()), ((200, ""), 0, 2), "{build}");
        assert!(told.findings.iter().all(|finding| matches!(finding.outcome, CheckOutcome::Passed(_))), "{told:?}");
        let checks: Vec<&str> = told.findings.iter().map(|finding| finding.check.as_str()).collect();
        let at = |check: &str| checks.iter().position(|known| *known == check);
        assert!(at("request") < at("rule") && at("rule") < at("signature") && at("signature").is_some(), "{checks:?}");

        let told = gate.explain(&get("/reports/7", &[]), AT, supply)?;
        let last = told.findings.last().map(|finding| &finding.outcome);
        assert!(matches!(last, Some(CheckOutcome::Failed(why)) if why.code == "credential.missing"), "{last:?}");
        assert!(told.needs.is_empty() && seen(&told.decision) == (401, "credential.missing"));

        // Who supplies nothing, or the wrong thing, gets a decision all the same.
        gate.forget(&Forget::Everything)?;
        for answer in [None, Some(Answer::Done)] {
            let told = gate.explain(&request, AT, |needs| Supplied {
                answers: answer.iter().map(|answer| Answered { id: needs[0].id, answer: *answer }).collect(),
                ..Supplied::default()
            })?;
            assert_eq!(seen(&told.decision), (503, "replay.unavailable"), "{build}");
        }
    }
    Ok(())
}

#[test]
fn a_policy_with_errors_is_refused_with_its_problems() -> Tried {
    let wrong = POLICY.replace("profile = \"jwt\"", "profil = \"jwt\"");
    for build in BUILDS {
        let runtime = Runtime::builder().max_instances(2).build()?;
        let component = runtime.load_file(support::built(build))?;
        let problems = match GateInstance::load(&component, &wrong, PolicyFormat::Toml)? {
            Ok(_) => return Err("it is taken".into()),
            Err(problems) => problems,
        };
        let seen: Vec<_> =
            problems.iter().map(|problem| (problem.code.as_str(), problem.path.as_str(), problem.line)).collect();
        let code = "policy.unknown_member";
        assert_eq!(seen, [(code, "issuers[1].profil", Some(9)), (code, "issuers[2].profil", Some(15))], "{build}");
        assert!(problems[0].remedy.contains("profile"), "{problems:?}");
    }
    Ok(())
}

#[test]
fn a_policy_is_checked_explained_and_exported() -> Tried {
    let runtime = Runtime::builder().max_instances(1).build()?;
    let mut portcullis = Portcullis::new(&runtime.load_file(support::built("portcullis.wasm"))?)?;

    let report = portcullis.check_policy(POLICY, PolicyFormat::Toml, "policy.toml")?;
    assert_eq!((report.errors.len(), report.warnings.len(), report.rendered.as_str()), (0, 0, ""));
    let report = portcullis.check_policy(&format!("expose = \"full\"\n{POLICY}"), PolicyFormat::Toml, "policy.toml")?;
    assert_eq!((report.errors.len(), report.warnings[0].code.as_str()), (0, "policy.expose_full"));
    assert!(report.rendered.starts_with("warning[policy.expose_full] expose\n  --> policy.toml:1:1\n"), "{report:?}");
    let report = portcullis.check_policy("{\"mode\": 5}", PolicyFormat::Json, "p.json")?;
    assert!(report.rendered.contains("error[policy.wrong_type] mode\n") && !report.errors.is_empty(), "{report:?}");

    let url = "https://api.example/reports/7";
    let demands = portcullis.explain_policy(POLICY, PolicyFormat::Toml, "GET", url)?;
    let demands = demands.map_err(|problems| format!("{problems:?}"))?;
    assert!(demands.iter().any(|demand| demand.what == "scope" && demand.told.contains("reports:read")), "{demands:?}");
    assert!(portcullis.explain_policy("", PolicyFormat::Toml, "GET", url)?.is_err());

    let exported = portcullis.export_policy_for_browser(POLICY, PolicyFormat::Toml)?;
    let exported = exported.map_err(|problems| format!("{problems:?}"))?;
    let page: Value = serde_json::from_str(&exported)?;
    assert!(page["rules"].is_array() && page.get("upstream").is_none(), "{page}");
    assert_eq!(portcullis.check_policy(&exported, PolicyFormat::Json, "page.json")?.errors, []);

    let secret = r#"{"origins": ["https://api.example"], "rules": [{"require": {}}], "issuers": [{"name": "corp",
        "issuer": "urn:corp", "profile": "jwt", "algorithms": ["HS256"], "audience": ["a"],
        "keys": {"keys": [{"kty": "oct", "kid": "one", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}}]}"#;
    let problems = portcullis.export_policy_for_browser(secret, PolicyFormat::Json)?.err().ok_or("it is exported")?;
    let seen = (problems.len(), problems[0].code.as_str(), problems[0].line);
    assert_eq!(seen, (1, "policy.export_secret", Some(3)), "{problems:?}");
    Ok(())
}

#[test]
fn a_component_without_a_gate_is_no_gate() -> Tried {
    let runtime = Runtime::builder().max_instances(1).build()?;
    let component = runtime.load_file(support::built("token.wasm"))?;
    let loaded = GateInstance::load(&component, POLICY, PolicyFormat::Toml);
    assert!(matches!(loaded, Err(HostError::ExportMissing { .. })));
    Ok(())
}
