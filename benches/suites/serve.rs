//! What a check costs a server: the gateway with a warm token, against the same server answering a constant; over HTTP/1.1 as
//! `ext_authz` HTTP does, and over gRPC.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, HttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jwt_simple::prelude::{Claims, Duration as JwtDuration, ECDSAP256KeyPairLike, ES256KeyPair, HeaderOptions};
use portcullis_benches::root;
use portcullis_host::Runtime;
use portcullis_host::gateway::{Gateway, Settings};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// Connections that ask side by side, as a proxy's workers do.
const CONNECTIONS: u64 = 8;

/// Who answers.
struct Constant;

#[tonic::async_trait]
impl Authorization for Constant {
    async fn check(&self, _: tonic::Request<CheckRequest>) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let http_response = Some(HttpResponse::OkResponse(OkHttpResponse::default()));
        Ok(tonic::Response::new(CheckResponse { http_response, ..CheckResponse::default() }))
    }
}

/// The gateway's server with nothing behind it.
async fn constant() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    let answer = if request.version() == http::Version::HTTP_2 {
                        let service = AuthorizationServer::new(Constant);
                        service.oneshot(request).await.map(|answer| answer.map(axum::body::Body::new))
                    } else {
                        Ok(http::Response::new(axum::body::Body::empty()))
                    };
                    Ok::<_, Infallible>(answer.unwrap_or_else(|never: Infallible| match never {}))
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// The gateway, with a policy of one rule; and a token that it takes.
async fn gateway(folder: &std::path::Path) -> (String, String) {
    let pair = ES256KeyPair::generate().with_key_id("bench");
    let jwk: serde_json::Value = serde_json::from_str(&pair.public_key().to_jwk()).expect("a JWK");
    let issuer =
        json!({"name": "corp", "issuer": "https://idp.example", "keys": {"keys": [jwk]}, "algorithms": ["ES256"]});
    let policy = json!({
        "origins": ["http://api.example"],
        "listeners": [{"name": "envoy", "address": "127.0.0.1:8080", "asserts": "envoy"}],
        "issuers": [issuer],
        "rules": [{"path": "/reports/{id}", "require": {"scope": ["reports:read"]}}],
    });
    let path = folder.join("policy.json");
    std::fs::write(&path, policy.to_string()).expect("the policy is written");
    let custom = json!({"scope": "openid reports:read", "client_id": "app", "jti": "1"});
    let claims = Claims::with_custom_claims(custom, JwtDuration::from_hours(1))
        .with_issuer("https://idp.example")
        .with_audience("http://api.example")
        .with_subject("alice");
    let options = HeaderOptions { signature_type: Some("at+jwt".into()), ..HeaderOptions::default() };
    let token = pair.sign_with_options(claims, &options).expect("it signs");

    let instances = 2;
    let runtime = Runtime::builder().max_instances(Gateway::instances_needed(instances)).build().expect("it starts");
    let file = root().join("dist/components/portcullis-hosted.wasm");
    let component = runtime.load_file(&file).unwrap_or_else(|error| panic!("{error}: run `make dist`"));
    let mut settings = Settings::new(path, component);
    settings.instances = instances;
    settings.listen = vec![(None, "127.0.0.1:0".into())];
    let gateway = Gateway::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    let address = gateway.listeners()[0].address.clone();
    tokio::spawn(gateway.run(std::future::pending()));
    (address, token)
}

/// Asks so many times on one connection of HTTP/1.1.
async fn ask_http(address: String, text: Arc<String>, times: u64) {
    let mut stream = TcpStream::connect(address).await.expect("it connects");
    stream.set_nodelay(true).expect("it is set");
    let mut answer = [0; 4_096];
    for _ in 0..times {
        stream.write_all(text.as_bytes()).await.expect("it is sent");
        // Answers have no body, and come whole.
        let read = stream.read(&mut answer).await.expect("it is read");
        assert!(answer[..read].starts_with(b"HTTP/1.1 200") && answer[..read].ends_with(b"\r\n\r\n"));
    }
}

async fn ask_grpc(address: String, check: CheckRequest, times: u64) {
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await.expect("it connects");
    for _ in 0..times {
        let answer = client.check(check.clone()).await.expect("an answer").into_inner();
        assert!(matches!(answer.http_response, Some(HttpResponse::OkResponse(_))), "{answer:?}");
    }
}

/// Runs so many on each of some connections, and tells how long that took.
async fn spread<F: Future<Output = ()> + Send + 'static>(times: u64, ask: impl Fn(u64) -> F) -> Duration {
    let begun = Instant::now();
    let each = times.div_ceil(CONNECTIONS);
    let tasks: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(ask(each))).collect();
    for task in tasks {
        task.await.expect("it answered");
    }
    begun.elapsed()
}

fn checks(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let (address, token) = runtime.block_on(gateway(folder.path()));
    let nothing = runtime.block_on(constant());
    let text = Arc::new(format!(
        "GET /reports/7?format=pdf HTTP/1.1\r\nHost: api.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    ));
    let fields = [("user-agent", "bench/1.0"), ("accept", "*/*"), ("authorization", &format!("Bearer {token}"))];
    let http = HttpRequest {
        method: "GET".into(),
        path: "/reports/7?format=pdf".into(),
        host: "api.example".into(),
        scheme: "http".into(),
        headers: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..HttpRequest::default()
    };
    let request = Some(Request { http: Some(http), ..Request::default() });
    let check = CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) };

    let mut group = criterion.benchmark_group("serve");
    group.throughput(Throughput::Elements(1));
    for (who, address) in [("check", &address), ("constant", &nothing)] {
        group.bench_function(format!("HTTP, {who}"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(spread(times, |each| ask_http(address.clone(), Arc::clone(&text), each)))
            });
        });
        group.bench_function(format!("gRPC, {who}"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(spread(times, |each| ask_grpc(address.clone(), check.clone(), each)))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4)).sample_size(30);
    targets = checks
}
criterion_main!(benches);
