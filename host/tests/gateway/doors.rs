//! What listeners answer, and what they deny.

use envoy_types::ext_authz::v3::pb::{CheckRequest, HttpResponse};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use serde_json::{Value, json};

use super::Tried;
use super::running::{ENVOY, Issuer, READING, Running, ask, get, request};

const ALL: &str = r#"
[[listeners]]
name = "envoy"
address = "127.0.0.1:8081"
asserts = "envoy"

[[listeners]]
name = "nginx"
address = "127.0.0.1:8082"
asserts = "nginx"

[[listeners]]
name = "caddy"
address = "127.0.0.1:8083"
asserts = "caddy"

[[listeners]]
name = "check"
address = "127.0.0.1:8084"
"#;

async fn running(issuer: &Issuer) -> Tried<Running> {
    Running::start(&issuer.policy(ALL, READING)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_is_answered_in_its_own_words() -> Tried {
    let issuer = Issuer::new();
    let gateway = running(&issuer).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let poor = format!("Bearer {}", issuer.token(json!({"scope": "other", "client_id": "app"}))?);
    let nginx = |authorization: Option<&str>| {
        let mut headers = vec![("X-Original-Method", "GET"), ("X-Original-URL", "http://api.example/reports/7?x=1")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        get("/auth/nginx", &headers)
    };
    let caddy = |authorization: Option<&str>| {
        let mut headers = vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", "api.example"),
            ("X-Forwarded-Uri", "/reports/7"),
        ];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        get("/auth/forward", &headers)
    };
    let envoy = |authorization: Option<&str>| {
        let headers: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        get("/reports/7", &headers)
    };
    type Asking<'a> = &'a dyn Fn(Option<&str>) -> String;
    for (name, asking) in [("envoy", &envoy as Asking<'_>), ("nginx", &nginx), ("caddy", &caddy)] {
        let allowed = ask(gateway.address(name), &asking(Some(&bearer))).await?;
        assert_eq!((allowed.status, allowed.header("x-user")), (200, Some("alice")), "{name}: {allowed:?}");
        let missing = ask(gateway.address(name), &asking(None)).await?;
        assert_eq!(missing.status, 401, "{name}");
        assert!(missing.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")), "{name}");
        assert_eq!(missing.header("x-user"), None, "{name}");
        let short = ask(gateway.address(name), &asking(Some(&poor))).await?;
        assert_eq!(short.status, 403, "{name}");
        let challenge = short.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("insufficient_scope") && challenge.contains("reports:read"), "{name}: {challenge}");
    }
    // Every answer but 200 denies at nginx, which is told the true status beside it.
    let ambiguous = get("/auth/nginx", &[("X-Original-Method", "GET"), ("X-Original-URL", "http://api.example/a//b")]);
    let ambiguous = ask(gateway.address("nginx"), &ambiguous).await?;
    assert_eq!((ambiguous.status, ambiguous.header("x-portcullis-status")), (403, Some("400")));
    assert_eq!(ambiguous.header("x-portcullis-code"), Some("request.path_ambiguous"));
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_a_check_for_envoy_and_a_denial_elsewhere() -> Tried {
    let issuer = Issuer::new();
    let gateway = running(&issuer).await?;
    for path in
        ["/", "/healthz", "/readyz", "/metrics", "/mint", "/check", "/auth/nginx", "/auth/forward", "/tokens/forget"]
    {
        let answer = ask(gateway.address("envoy"), &get(path, &[])).await?;
        assert_eq!(answer.status, 401, "{path}");
        for name in ["nginx", "caddy", "check"] {
            let answer = ask(gateway.address(name), &get(path, &[])).await?;
            let asked = matches!((name, path), ("nginx", "/auth/nginx") | ("caddy", "/auth/forward"));
            // The headers that a proxy would send are missing there: the request is at fault.
            let wanted = match (name, asked) {
                ("nginx", true) | (_, false) => 403,
                _ => 400,
            };
            assert_eq!(answer.status, wanted, "{name} {path}");
        }
    }
    // What speaks of gRPC over HTTP/1.1 is a check of that path, too: gRPC's 200 would let it through.
    let path = "/envoy.service.auth.v3.Authorization/Check";
    let posing = request("POST", path, &[("content-type", "application/grpc"), ("te", "trailers")], "\0\0\0\0\0");
    assert_eq!(ask(gateway.address("envoy"), &posing).await?.status, 401);
    gateway.end().await
}

fn check(path: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let http = HttpRequest {
        method: "GET".into(),
        path: path.into(),
        host: "api.example".into(),
        scheme: "http".into(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..HttpRequest::default()
    };
    let request = Request { http: Some(http), ..Request::default() };
    CheckRequest { attributes: Some(AttributeContext { request: Some(request), ..AttributeContext::default() }) }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_is_answered_over_grpc_and_nothing_else_over_http_2() -> Tried {
    let issuer = Issuer::new();
    let gateway = running(&issuer).await?;
    let url = format!("http://{}", gateway.address("envoy"));
    let mut client = AuthorizationClient::connect(url.clone()).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let sent = [("authorization", bearer.as_str()), ("x_user", "mallory"), ("x-user", "mallory"), (":path", "/other")];
    let allowed = client.check(check("/reports/7", &sent)).await?.into_inner();
    let Some(HttpResponse::OkResponse(ok)) = allowed.http_response else { panic!("{allowed:?}") };
    let set: Vec<_> = ok.headers.iter().filter_map(|option| option.header.as_ref()).collect();
    assert_eq!((set[0].key.as_str(), set[0].value.as_str()), ("X-User", "alice"));
    assert_eq!(ok.headers_to_remove, ["x_user"], "x-user is overwritten");
    assert_eq!(allowed.status.map(|status| status.code), Some(0));
    let metadata = allowed.dynamic_metadata.unwrap_or_default().fields;
    assert!(metadata.contains_key("rule") && metadata.contains_key("subject"), "{metadata:?}");

    for (request, wanted, code) in
        [(check("/reports/7", &[]), 401, 16), (check("/a//b", &[]), 400, 7), (check("*", &[]), 400, 7)]
    {
        let denied = client.check(request).await?.into_inner();
        let Some(HttpResponse::DeniedResponse(response)) = denied.http_response else { panic!("{denied:?}") };
        assert_eq!(response.status.map(|status| status.code), Some(wanted));
        assert_eq!(denied.status.map(|status| status.code), Some(code));
    }
    assert!(client.check(CheckRequest::default()).await.is_err(), "a check of nothing is an error");

    // Another path over HTTP/2, with every look of gRPC.
    let channel = tonic::transport::Channel::from_shared(url)?.connect().await?;
    let posing = http::Request::post("http://api.example/reports/7")
        .header("content-type", "application/grpc")
        .body(tonic::body::Body::empty())?;
    let answer = tower::ServiceExt::oneshot(channel, posing).await?;
    assert_eq!(answer.status(), 403);
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_request_is_decided_and_a_bad_description_is_refused() -> Tried {
    let issuer = Issuer::new();
    let gateway = running(&issuer).await?;
    let address = gateway.address("check");
    let described = |authorization: &str| {
        let headers = json!([["authorization", authorization], ["x_user", "mallory"]]);
        json!({"request": {"method": "GET", "url": "http://api.example/reports/7", "headers": headers}}).to_string()
    };
    let bearer = format!("Bearer {}", issuer.reader()?);
    let answer = ask(address, &request("POST", "/check", &[], &described(&bearer))).await?;
    let told: Value = serde_json::from_str(&answer.body)?;
    assert_eq!((answer.status, &told["outcome"]), (200, &json!("allow")), "{told}");
    assert_eq!(told["upstream"], json!({"set": [["X-User", "alice"]], "remove": ["x_user"]}));
    assert_eq!(told["principal"]["scopes"], json!(["reports:read"]));

    let answer = ask(address, &request("POST", "/check", &[], &described("Bearer x"))).await?;
    let told: Value = serde_json::from_str(&answer.body)?;
    assert_eq!((answer.status, &told["outcome"], &told["status"]), (401, &json!("deny"), &json!(401)));

    for (body, status) in [
        ("", 400),
        ("{}", 400),
        ("[]", 400),
        (r#"{"request":{"method":"GET","url":"/","headers":[]},"more":1}"#, 400),
        (r#"{"request":{"method":"GET","url":"/","headers":[]},"client_certificate":{"digest":"AA"}}"#, 400),
        (&format!("\"{}\"", "x".repeat(2 << 20)), 413),
    ] {
        let answer = ask(address, &request("POST", "/check", &[], body)).await?;
        assert_eq!(answer.status, status, "{}", body.get(..60).unwrap_or(body));
        assert!(answer.body.contains("request.malformed"), "{}", answer.body);
    }
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_tells_health_and_metrics_and_forgets_tokens() -> Tried {
    let issuer = Issuer::new();
    let gateway = Running::start(&issuer.policy(ENVOY, READING)).await?;
    let (envoy, admin) = (gateway.address("envoy"), gateway.address("admin"));
    assert_eq!(ask(admin, &get("/healthz", &[])).await?.status, 200);
    assert_eq!(ask(admin, &get("/readyz", &[])).await?.status, 200);
    let bearer = format!("Bearer {}", issuer.reader()?);
    assert_eq!(ask(envoy, &get("/reports/7", &[("Authorization", &bearer)])).await?.status, 200);
    assert_eq!(ask(envoy, &get("/reports/7", &[])).await?.status, 401);
    let allowed = r#"portcullis_decisions_total{listener="envoy",outcome="allow",code="none",reported="false"}"#;
    let denied =
        r#"portcullis_decisions_total{listener="envoy",outcome="deny",code="credential.missing",reported="false"}"#;
    assert_eq!((gateway.metric(allowed).await?, gateway.metric(denied).await?), (1.0, 1.0));
    for (query, wanted) in [("subject=bob", 0), ("client=app", 1), ("all=true", 0)] {
        let answer = ask(admin, &request("POST", &format!("/tokens/forget?{query}"), &[], "")).await?;
        assert_eq!(answer.body, format!(r#"{{"forgotten":{wanted}}}"#), "{query}");
    }
    for query in ["", "subject=a&client=b", "token_sha256=short", "other=1"] {
        assert_eq!(ask(admin, &request("POST", &format!("/tokens/forget?{query}"), &[], "")).await?.status, 400);
    }
    let page = [("Origin", "https://evil.example")];
    assert_eq!(ask(admin, &request("POST", "/tokens/forget?all=true", &page, "")).await?.status, 403);
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_has_its_line_when_the_gateway_has_ended() -> Tried {
    let issuer = Issuer::new();
    let folder = tempfile::tempdir()?;
    let audit = folder.path().join("audit.ndjson");
    let component = super::support::built("portcullis-hosted.wasm");
    let policy = issuer.policy(ENVOY, READING);
    let gateway = Running::with(&policy, &component, |settings| settings.audit = Some(audit.clone())).await?;
    let token = issuer.reader()?;
    for turn in 0..50 {
        let bearer = format!("Bearer {token}");
        let headers: &[(&str, &str)] = if turn % 2 == 0 { &[("Authorization", &bearer)] } else { &[] };
        ask(gateway.address("envoy"), &get("/reports/7?secret=1", headers)).await?;
    }
    gateway.end().await?;
    let text = std::fs::read_to_string(&audit)?;
    assert!(!text.contains(&token) && !text.contains("secret"), "no token and no query");
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let schema: Value = serde_json::from_str(&portcullis_host::gateway::audit_schema()?)?;
    assert_eq!(lines.len(), 50);
    for (turn, line) in lines.iter().enumerate() {
        let (outcome, status) = if turn % 2 == 0 { ("allow", 200) } else { ("deny", 401) };
        assert_eq!((&line["outcome"], &line["status"]), (&json!(outcome), &json!(status)), "{line}");
        assert_eq!(
            (&line["path"], &line["listener"], &line["rule"]),
            (&json!("/reports/7"), &json!("envoy"), &json!("rule 2"))
        );
        let members = line.as_object().ok_or("a line is an object")?;
        for required in schema["required"].as_array().ok_or("it says what is required")? {
            assert!(members.contains_key(required.as_str().unwrap_or_default()), "{required}: {line}");
        }
        assert!(members.keys().all(|name| schema["properties"].get(name).is_some()), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_hosts_names_none() -> Tried {
    let issuer = Issuer::new();
    let gateway = Running::start(&issuer.policy(ENVOY, READING)).await?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let headers = [("Authorization", bearer.as_str()), ("Host", "api.example"), ("host", "evil.example")];
    assert_eq!(ask(gateway.address("envoy"), &get("/reports/7", &headers)).await?.status, 400);
    gateway.end().await
}
