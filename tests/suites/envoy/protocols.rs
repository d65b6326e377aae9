//! What comes through Envoy that is no plain GET: HTTP/2, gRPC, WebSocket, long header fields, trailers, mutual TLS.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter};
use portcullis_tests::serving::{Documents, Upstream, WITHIN, ask};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use reqwest::{Certificate, Client, Identity, StatusCode};
use serde_json::{Value, json};

use super::issuer::{API, now, policy, serving, sha256, token};
use super::running::{Stage, of, stage, told, with};

/// A client of HTTP/2 alone, which finds the API at a port.
fn http2(port: u16) -> Client {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let client = Client::builder().http2_prior_knowledge().timeout(WITHIN).resolve("api.example", address);
    client.build().expect("a client")
}

/// The authority in HTTP/2 is that of the URL, which has the port of the test.
fn without_port(policy: &Value, documents: &Documents) -> Stage {
    of(policy, documents, &Running::default(), |front| front.more = json!({"strip_any_host_port": true}))
}

#[tokio::test]
async fn over_http2_a_request_is_judged_as_over_http1() {
    let documents = serving(&[1]);
    let stage = without_port(&policy(), &documents);
    let send = |bearer: Option<String>| {
        let (client, url) = (http2(stage.port), format!("http://api.example:{}/x", stage.port));
        async move {
            let request = client.get(url);
            let request = match bearer {
                Some(bearer) => request.bearer_auth(bearer),
                None => request,
            };
            let answer = request.send().await.expect("an answer");
            (answer.status(), answer.headers().get("x-code").expect("a code").to_str().expect("text").to_owned())
        }
    };
    assert_eq!(send(Some(token(1, now(), &json!({})))).await, (StatusCode::OK, "none".into()));
    assert_eq!(send(None).await, (StatusCode::UNAUTHORIZED, "credential.missing".into()));
}

#[tokio::test]
async fn a_grpc_client_is_told_in_the_words_of_grpc() {
    let documents = serving(&[1]);
    let mut more = policy();
    more["rules"] = json!([
        {"path": "/forbidden.Service/Method", "require": {"scope": ["write"]}},
        {"path": "/{rest...}", "require": {"scope": ["read"]}},
    ]);
    let stage = without_port(&more, &documents);
    let away = without_port(&more, &Documents::start());
    let call = |port: u16, method: &'static str, bearer: Option<String>| async move {
        let request = http2(port)
            .post(format!("http://api.example:{port}/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(vec![0; 5]);
        let request = match bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.headers().get("grpc-status").map(|status| status.to_str().expect("text").to_owned());
        (answer.status(), status)
    };
    let good = || Some(token(1, now(), &json!({})));
    // The upstream here is none of gRPC and answers in plain HTTP: that it is asked is what is shown.
    assert_eq!(call(stage.port, "a.Service/Method", good()).await.0, StatusCode::OK);
    let denied = |code: &str| (StatusCode::OK, Some(code.to_owned()));
    assert_eq!(call(stage.port, "a.Service/Method", None).await, denied("16"), "UNAUTHENTICATED");
    assert_eq!(call(stage.port, "forbidden.Service/Method", good()).await, denied("7"), "PERMISSION_DENIED");
    assert_eq!(call(away.port, "a.Service/Method", good()).await, denied("14"), "UNAVAILABLE");
}

#[test]
fn a_websocket_is_opened_by_who_may() {
    // An upstream that takes the upgrade and says back what it hears.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut got, mut byte) = (Vec::new(), [0]);
                while !got.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                    got.push(byte[0]);
                }
                let _ = stream.write_all(
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                );
                let mut part = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut part) {
                    let _ = stream.write_all(&part[..read]);
                }
            });
        }
    });
    let documents = serving(&[1]);
    let mut front = Front::new("front", filter("portcullis", &policy()));
    front.more = json!({"upgrade_configs": [{"upgrade_type": "websocket"}]});
    let clusters = [cluster("upstream", upstream), cluster("documents", documents.port)];
    let envoy = Envoy::start(&[front.listener()], &clusters, &Running::default());
    let port = envoy.port("front");
    let open = |fields: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it connects");
        stream.set_read_timeout(Some(WITHIN)).expect("it is set");
        let head = format!(
            "GET /x HTTP/1.1\r\nHost: api.example\r\n{fields}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it is sent");
        let (mut got, mut byte) = (Vec::new(), [0]);
        while !got.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
            got.push(byte[0]);
        }
        (stream, String::from_utf8_lossy(&got).into_owned())
    };
    let (_, head) = open("");
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let (mut stream, head) = open(&format!("Authorization: Bearer {}\r\n", token(1, now(), &json!({}))));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream.write_all(b"hello").expect("it is sent");
    let mut said = [0; 5];
    stream.read_exact(&mut said).expect("it comes back");
    assert_eq!(&said, b"hello");
}

#[test]
fn long_header_fields_are_judged_and_endless_ones_refused() {
    let documents = serving(&[1]);
    let stage = stage(&policy(), &documents);
    let large = token(1, now(), &json!({"padding": "x".repeat(150_000)}));
    assert_eq!(stage.told(&large), (200, "none".into()));
    let endless = token(1, now(), &json!({"padding": "x".repeat(300_000)}));
    assert_eq!(stage.told(&endless), (400, "request.too_large".into()));
    let good = format!("Bearer {}", token(1, now(), &json!({})));
    let fields: Vec<(String, String)> = (0..900).map(|number| (format!("x-{number}"), "y".repeat(900))).collect();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("Authorization", &good));
    assert_eq!(told(&ask(stage.port, &with("/x", &fields))), (200, "none".into()));
    let many: Vec<(&str, &str)> = (0..1_100).map(|_| ("x-a", "b")).chain([("Authorization", good.as_str())]).collect();
    assert_eq!(told(&ask(stage.port, &with("/x", &many))), (400, "request.too_large".into()));
}

#[test]
fn what_the_upstream_is_told_by_is_no_clients_trailer() {
    let documents = serving(&[1]);
    // An upstream that says back all that it got, to the last trailer.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(WITHIN));
                let (mut got, mut byte) = (Vec::new(), [0]);
                while !(got.ends_with(b"\r\n\r\n") && got.windows(5).any(|five| five == b"\r\n0\r\n"))
                    && stream.read(&mut byte).is_ok_and(|read| read > 0)
                {
                    got.push(byte[0]);
                }
                let head = format!("HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: {}\r\n\r\n", got.len());
                let _ = stream.write_all(&[head.as_bytes(), &got].concat());
            });
        }
    });
    let mut policy = policy();
    // One rule that only reports: its mark is none that a client may set either.
    policy["rules"][0]["mode"] = "report".into();
    let mut front = Front::new("front", filter("portcullis", &policy));
    front.more = json!({"http_protocol_options": {"enable_trailers": true}});
    let mut upstream = cluster("upstream", upstream);
    upstream["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}}});
    let envoy =
        Envoy::start(&[front.listener()], &[upstream, cluster("documents", documents.port)], &Running::default());
    let good = token(1, now(), &json!({}));
    let request = format!(
        "POST /x HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer {good}\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\nX-User: root\r\nx_user: root\r\nPortcullis_Report: root\r\nX-Other: kept\r\n\r\n"
    );
    let answer = ask(envoy.port("front"), request.as_bytes());
    assert_eq!(told(&answer), (200, "none".into()), "{answer:?}");
    let (_, trailers) = answer.body.split_once("\r\n0\r\n").expect("there are trailers");
    assert!(trailers.to_ascii_lowercase().contains("x-other: kept"), "{trailers}");
    assert!(!trailers.contains("root"), "{trailers}");
    assert_eq!(answer.got("x-user"), ["alice"], "{answer:?}");
}

/// An authority, and what it certifies.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        params.subject_alt_names = vec![SanType::URI("spiffe://prod.example".try_into().expect("a URI"))];
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// A certificate, its DER and its key in PEM.
    fn issue(&self, name: SanType) -> (String, Vec<u8>, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.subject_alt_names = vec![name];
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), certificate.der().to_vec(), key.serialize_pem())
    }
}

#[tokio::test]
async fn certificates_count_for_what_they_say_over_mutual_tls() {
    let authority = Authority::new();
    let server = authority.issue(SanType::DnsName("api.example".try_into().expect("a name")));
    let workload = |id: &str| authority.issue(SanType::URI(id.try_into().expect("a URI")));
    let (one, other) = (workload("spiffe://prod.example/one"), workload("spiffe://prod.example/other"));
    let documents = serving(&[1]);
    let upstream = Upstream::start();
    let origin = "https://api.example";
    let bundle = json!({"keys": [{"use": "x509-svid", "kty": "EC", "crv": "P-256",
        "x": x_and_y(&authority).0, "y": x_and_y(&authority).1,
        "x5c": [base64::engine::general_purpose::STANDARD.encode(authority.0.der())]}]});
    let policy = |source: &str| -> Value {
        let mut policy = policy();
        policy["origins"] = json!([origin]);
        policy["issuers"][0]["audience"] = json!([API]);
        policy["trust_domains"] = json!([{"name": "prod.example", "bundle": bundle}]);
        policy["rules"] = json!([
            {"path": "/x", "issuers": ["idp"], "require": {"scope": ["read"]}},
            {"path": "/svid", "issuers": ["prod.example"], "require": {"spiffe_id": ["spiffe://prod.example/one"]}},
        ]);
        policy["envoy"]["client_certificate"] = source.into();
        policy
    };
    let tls = json!({"name": "tls", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    "common_tls_context": {
        "tls_certificates": [{"certificate_chain": {"inline_string": server.0}, "private_key": {"inline_string": server.2}}],
        "validation_context": {"trusted_ca": {"inline_string": authority.0.pem()}},
    }}});
    let listeners = ["connection", "xfcc"].map(|source| {
        let mut front = Front::new(source, filter("portcullis", &policy(source)));
        front.more = json!({"forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"cert": true, "chain": true, "uri": true}});
        front.tls = Some(tls.clone());
        front.listener()
    });
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let envoy = Envoy::start(&listeners, &clusters, &Running::default());
    let ports = envoy.ports();
    let send =
        |source: &str, path: &str, own: Option<&(String, Vec<u8>, String)>, bearer: Option<&str>, posing: bool| {
            let mut client = Client::builder()
                .timeout(WITHIN)
                .tls_certs_only([Certificate::from_pem(authority.0.pem().as_bytes()).expect("a certificate")])
                .resolve("api.example", SocketAddr::from(([127, 0, 0, 1], ports[source])));
            if let Some((certificate, _, key)) = own {
                client =
                    client.identity(Identity::from_pem(format!("{key}{certificate}").as_bytes()).expect("an identity"));
            }
            // The port is the test's; the authority is the API's.
            let mut request = client
                .build()
                .expect("a client")
                .get(format!("https://api.example:{}{path}", ports[source]))
                .header("host", "api.example");
            if let Some(bearer) = bearer {
                request = request.bearer_auth(bearer);
            }
            if posing {
                let pem = one.0.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('=', "%3D");
                request = request.header("x-forwarded-client-cert", format!("Chain=\"{pem}\""));
            }
            async move {
                let answer = request.send().await.expect("an answer");
                let code = answer.headers().get("x-code").expect("a code").to_str().expect("text").to_owned();
                (answer.status().as_u16(), code)
            }
        };
    let bound = token(1, now(), &json!({"cnf": {"x5t#S256": sha256(&one.1)}}));
    for source in ["connection", "xfcc"] {
        let ask = |own, posing| send(source, "/x", own, Some(bound.as_str()), posing);
        assert_eq!(ask(Some(&one), false).await, (200, "none".into()), "{source}");
        assert_eq!(ask(Some(&other), false).await, (401, "mtls.certificate_mismatch".into()), "{source}");
        assert_eq!(ask(None, false).await, (401, "mtls.certificate_missing".into()), "{source}");
        assert_eq!(ask(None, true).await.0, 401, "{source}: a client's own word");
        assert_eq!(ask(Some(&other), true).await.0, 401, "{source}: a client's own word");
    }
    // A digest is no chain: an X.509-SVID is validated by the gate, and not by Envoy's word.
    assert_eq!(send("xfcc", "/svid", Some(&one), None, false).await, (200, "none".into()));
    assert_eq!(send("xfcc", "/svid", Some(&other), None, false).await, (403, "rule.spiffe_id_mismatch".into()));
    assert_eq!(send("xfcc", "/svid", None, None, true).await, (401, "credential.missing".into()));
    assert_eq!(send("connection", "/svid", Some(&one), None, false).await, (401, "credential.missing".into()));
}

/// The coordinates of an authority's key.
fn x_and_y(authority: &Authority) -> (String, String) {
    let der = authority.0.key().public_key_raw().to_vec();
    let point = &der[der.len() - 64..];
    (URL_SAFE_NO_PAD.encode(&point[..32]), URL_SAFE_NO_PAD.encode(&point[32..]))
}
