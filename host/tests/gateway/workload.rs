//! Bundles from a Workload API: its protocol, spoken by a server of the test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tonic::codegen::tokio_stream;
use tonic::server::NamedService;

use super::running::{Running, WITHIN, ask, request};
use super::{Tried, support};

/// `X509BundlesResponse` and `JWTBundlesResponse` of the Workload API, as far as they are used here.
#[derive(Clone, PartialEq, Message)]
struct X509Bundles {
    #[prost(map = "string, bytes", tag = "2")]
    bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct JwtBundles {
    #[prost(map = "string, bytes", tag = "1")]
    bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Nothing {}

/// An agent that tells one bundle.
#[derive(Clone)]
struct Agent {
    authority: Vec<u8>,
}

impl NamedService for Agent {
    const NAME: &'static str = "SpiffeWorkloadAPI";
}

/// Answers a call with one message.
struct Once<M>(M);

impl<M: Message + Default + Send + 'static> tonic::server::ServerStreamingService<Nothing> for Once<M> {
    type Response = M;
    type ResponseStream = tokio_stream::Iter<std::vec::IntoIter<Result<M, tonic::Status>>>;
    type Future = std::future::Ready<Result<tonic::Response<Self::ResponseStream>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<Nothing>) -> Self::Future {
        // Programs that are tricked into asking do not send this (SPIFFE Workload Endpoint section 4.1).
        let answer = match request.metadata().get("workload.spiffe.io") {
            Some(value) if value == "true" => {
                Ok(tonic::Response::new(tokio_stream::iter(vec![Ok(std::mem::take(&mut self.0))])))
            }
            _ => Err(tonic::Status::invalid_argument("security header missing")),
        };
        std::future::ready(answer)
    }
}

impl tower::Service<http::Request<tonic::body::Body>> for Agent {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let name = "spiffe://prod.example".to_owned();
        let authority = self.authority.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/SpiffeWorkloadAPI/FetchX509Bundles" => {
                    let told = X509Bundles { bundles: HashMap::from([(name, authority)]) };
                    let codec = tonic_prost::ProstCodec::<X509Bundles, Nothing>::default();
                    tonic::server::Grpc::new(codec).server_streaming(Once(told), request).await
                }
                "/SpiffeWorkloadAPI/FetchJWTBundles" => {
                    let told = JwtBundles { bundles: HashMap::from([(name, br#"{"keys":[]}"#.to_vec())]) };
                    let codec = tonic_prost::ProstCodec::<JwtBundles, Nothing>::default();
                    tonic::server::Grpc::new(codec).server_streaming(Once(told), request).await
                }
                _ => tonic::Status::unimplemented("not here").into_http(),
            })
        })
    }
}

fn serve(socket: &Path, authority: Vec<u8>) -> Tried<tokio::task::JoinHandle<()>> {
    let listener = UnixListener::bind(socket)?;
    Ok(tokio::spawn(async move {
        let agent = Agent { authority };
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(tower::ServiceExt::map_request(
                agent.clone(),
                |request: http::Request<hyper::body::Incoming>| request.map(tonic::body::Body::new),
            ));
            tokio::spawn(async move {
                let executor = hyper_util::rt::TokioExecutor::new();
                let builder = hyper_util::server::conn::auto::Builder::new(executor);
                let _ = builder.serve_connection(hyper_util::rt::TokioIo::new(stream), service).await;
            });
        }
    }))
}

fn authority() -> Tried<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![SanType::URI("spiffe://prod.example".try_into()?)];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn svid(authority: &CertifiedIssuer<'static, KeyPair>, id: &str) -> Tried<String> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
    let certificate = params.signed_by(&KeyPair::generate()?, authority)?;
    Ok(URL_SAFE_NO_PAD.encode(certificate.der()))
}

const POLICY: &str = r#"
origins = ["http://api.example"]

[[trust_domains]]
name = "prod.example"
bundle = "workload-api"

[[rules]]
path = "/internal/{rest...}"
require = { spiffe_id = ["spiffe://prod.example/billing/*"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_known_by_the_bundle_of_the_workload_api() -> Tried {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("agent.sock");
    let (own, foreign) = (authority()?, authority()?);
    let component = support::built("portcullis-hosted.wasm");
    let gateway = Running::with(POLICY, &component, |settings| {
        settings.listen = vec![(None, "127.0.0.1:0".into())];
        settings.workload_api = Some(format!("unix:{}", socket.display()));
    })
    .await?;
    let asked = |svid: &str| {
        let request = json!({"method": "GET", "url": "http://api.example/internal/a", "headers": []});
        json!({"request": request, "client_certificate": {"chain": [svid]}}).to_string()
    };
    let billing = asked(&svid(&own, "spiffe://prod.example/billing/a")?);
    let check = |body: &str| request("POST", "/check", &[], body);
    let address = gateway.address("check").to_owned();
    assert_eq!(ask(&address, &check(&billing)).await?.status, 503, "there is no agent yet");

    let _agent = serve(&socket, own.der().to_vec())?;
    let begun = std::time::Instant::now();
    loop {
        let answer = ask(&address, &check(&billing)).await?;
        if answer.status == 200 {
            let told: Value = serde_json::from_str(&answer.body)?;
            assert_eq!(told["principal"]["spiffe_id"], "spiffe://prod.example/billing/a");
            break;
        }
        assert!(answer.status == 503 && begun.elapsed() < WITHIN * 2, "{answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for (what, svid, status) in [
        ("another workload", svid(&own, "spiffe://prod.example/other")?, 403),
        ("another authority", svid(&foreign, "spiffe://prod.example/billing/a")?, 401),
    ] {
        let answer = ask(&address, &check(&asked(&svid))).await?;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    gateway.end().await
}
