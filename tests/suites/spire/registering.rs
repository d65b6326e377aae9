//! Workloads that are clients of an authorization server, which asks the gateway who they are: nobody registered them before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::serving::{Answer, ask, request};
use serde_json::{Value, json};

use super::gateway::SERVER;
use super::running::{API, Stage, shared};

const WEB: &str = "spiffe://one.example/billing/web";
const JOB: &str = "spiffe://one.example/other/job";
const PARTNER: &str = "spiffe://two.example/partner/app";

/// Asks about a request for a token, of which this is more.
fn authenticate(stage: &Stage, form: Value, more: Value) -> (Answer, Value) {
    let mut form = form;
    form["grant_type"] = "client_credentials".into();
    let mut asked = more;
    asked["request"] = json!({"method": "POST", "url": format!("{SERVER}/token"), "form": form,
        "headers": [["Content-Type", "application/x-www-form-urlencoded"]]});
    let body = asked.to_string();
    let length = body.len().to_string();
    let fields = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    let bytes = [request("POST", "/authenticate", &fields), body.into_bytes()].concat();
    let answer = ask(stage.of_agent.clients, &bytes);
    let told = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    (answer, told)
}

/// As who comes with a JWT-SVID.
fn by_jwt(stage: &Stage, svid: &str) -> (Answer, Value) {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
    authenticate(stage, json!({"client_assertion_type": kind, "client_assertion": svid}), json!({}))
}

#[test]
fn a_workload_that_nobody_registered_is_registered_by_its_first_request() {
    let stage = shared();
    let svid = |id: &str, audience: &str| {
        let agent = if id == PARTNER { &stage.two.as_ref().expect("both are there").agent } else { &stage.one.agent };
        agent.jwt(id, audience).expect("it is known")
    };
    // Whose SVID is for somebody else is not who it says; who may not register is nobody.
    for (what, svid) in [
        ("another audience", svid(WEB, API)),
        ("another workload", svid(JOB, SERVER)),
        ("another trust domain", svid(PARTNER, SERVER)),
    ] {
        let (answer, told) = by_jwt(&stage, &svid);
        assert_eq!((answer.status, &told["error"]), (401, &json!("invalid_client")), "{what}: {told}");
    }

    let (answer, told) = by_jwt(&stage, &svid(WEB, SERVER));
    assert_eq!((answer.status, &told["client_id"]), (200, &json!(WEB)), "{told}");
    assert_eq!((&told["new"], &told["registration"]["outcome"]), (&json!(true), &json!("registered")), "{told}");

    // It is one client from now on, whichever SVID it comes with.
    let (answer, told) = by_jwt(&stage, &svid(WEB, SERVER));
    assert_eq!((answer.status, &told["registration"]["outcome"]), (200, &json!("existing")), "{told}");
    let certificates = stage.one.agent.x509(WEB).expect("it is known").chain;
    let chain: Vec<String> = certificates.iter().map(|one| URL_SAFE_NO_PAD.encode(one)).collect();
    let (answer, told) = authenticate(&stage, json!({"client_id": WEB}), json!({"certificate_chain": chain}));
    assert_eq!(
        (answer.status, &told["client_id"], &told["method"]),
        (200, &json!(WEB), &json!("spiffe_x509")),
        "{told}"
    );
    assert_eq!(told["registration"]["outcome"], "existing", "{told}");
}
