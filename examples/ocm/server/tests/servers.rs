//! Two servers, with the rules compiled in and a stand-in for their gateways that passes requests on as signed by who sent them: what
//! is the servers' own. The whole, with gateways and proxies, is the suite `ocm` of the tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_crypto::SoftwareBackend;
use portcullis_example_ocm::decisions::Decisions;
use portcullis_example_ocm::{Pin, Ready, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Where each server is reached by other servers' gateways.
type Places = Arc<Mutex<BTreeMap<String, SocketAddr>>>;

/// What stands for a server's gateway on the way out.
struct Out {
    own: String,
    places: Places,
    http: reqwest::Client,
}

impl Out {
    fn url(&self, host: &str, path: &str) -> Option<String> {
        let address = *self.places.lock().unwrap().get(host)?;
        Some(format!("http://{address}{path}"))
    }
}

async fn peer(State(out): State<Arc<Out>>, Query(asked): Query<BTreeMap<String, String>>) -> (StatusCode, Json<Value>) {
    let host = &asked["host"];
    let Some(url) = out.url(host, "/.well-known/ocm") else {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "fetch.failed", "message": "nobody is there"})));
    };
    let text = out.http.get(url).send().await.unwrap().text().await.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    (StatusCode::OK, Json(json!({"host": host, "discovery": document, "keys": "https://nowhere.example/"})))
}

async fn send(State(out): State<Arc<Out>>, body: String) -> Json<Value> {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let endpoint = asked["endpoint"].as_str().unwrap();
    let url = out.url(asked["to"].as_str().unwrap(), &format!("/ocm/{endpoint}")).unwrap();
    let (kind, body) = if endpoint == "token" {
        let mut form = reqwest::Url::parse("https://form.invalid/").unwrap();
        for (name, value) in asked["body"].as_object().unwrap() {
            form.query_pairs_mut().append_pair(name, value.as_str().unwrap());
        }
        ("application/x-www-form-urlencoded", form.query().unwrap().to_owned())
    } else {
        ("application/json", asked["body"].to_string())
    };
    let request = out.http.post(url).header("Content-Type", kind).header("Ocm-Signer", &out.own);
    let response = request.header("Ocm-Access", "exchange").body(body).send().await.unwrap();
    let status = response.status().as_u16();
    Json(json!({"status": status, "content_type": "application/json", "body": response.text().await.unwrap()}))
}

/// TLS before a server, as its proxy has it.
fn front(listener: TcpListener, certificate: &rcgen::CertifiedKey<rcgen::KeyPair>, to: SocketAddr) {
    let chain = vec![certificate.cert.der().clone()];
    let key = PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await.ok()?;
                let mut inside = TcpStream::connect(to).await.ok()?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok()
            });
        }
    });
}

/// A server that runs, and its users' way to it.
struct Cloud {
    host: String,
    public: SocketAddr,
    local: SocketAddr,
    http: reqwest::Client,
}

fn decisions() -> Decisions {
    Decisions::start(|| {
        let mut door = portcullis_text::Door::new(Rc::new(SoftwareBackend::default()));
        Ok(Box::new(move |line: &[u8], now| Ok(door.answer(line, now))))
    })
    .unwrap()
}

async fn two(folder: &Path) -> (Cloud, Cloud) {
    let places = Places::default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut fronts = Vec::new();
    for name in ["cloud-a.example", "cloud-b.example"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let certificate = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.cert.pem()).unwrap();
        let address = listener.local_addr().unwrap();
        fronts.push((name, listener, certificate, address));
    }
    let hosts: Vec<String> = fronts.iter().map(|(name, .., address)| format!("{name}:{}", address.port())).collect();
    let pins = fronts.iter().map(|(name, .., address)| Pin { host: (*name).into(), address: *address });
    let pins: Vec<Pin> = pins.collect();
    let mut clouds = Vec::new();
    for ((name, listener, certificate, _), (host, user)) in fronts.into_iter().zip(hosts.iter().zip(["alice", "bob"])) {
        let out = Out { own: host.clone(), places: Arc::clone(&places), http: http.clone() };
        let routes = Router::new().route("/peer", get(peer)).route("/send", post(send)).with_state(Arc::new(out));
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = door.local_addr().unwrap();
        tokio::spawn(async { axum::serve(door, routes).await });
        let files = folder.join(name);
        std::fs::create_dir_all(files.join(user).join("notes")).unwrap();
        std::fs::write(files.join(user).join("report.txt"), "as it was").unwrap();
        std::fs::write(files.join(user).join("notes/one.txt"), "the first").unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let settings = Settings {
            host: host.clone(),
            users: vec![user.into()],
            files,
            state: Some(folder.join(format!("{name}.json"))),
            public: any,
            local: any,
            gateway,
            listed: hosts.iter().map(|host| format!("https://{host}")).collect(),
            enforce_mfa: user == "bob",
            ca: ["cloud-a.example.pem", "cloud-b.example.pem"].map(|file| folder.join(file)).into(),
            resolve: pins.clone(),
            component: None,
        };
        let ready = Ready::new(settings, decisions()).await.unwrap();
        places.lock().unwrap().insert(host.clone(), ready.public);
        front(listener, &certificate, ready.public);
        clouds.push(Cloud { host: host.clone(), public: ready.public, local: ready.local, http: http.clone() });
        tokio::spawn(ready.run());
    }
    let bob = clouds.pop().unwrap();
    (clouds.pop().unwrap(), bob)
}

impl Cloud {
    /// What a user asks, with the answer's status and body.
    async fn said(&self, method: &str, path: &str, body: String) -> (u16, String) {
        let url = format!("http://{}/users/{path}", self.local);
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        let response = request.header("Content-Type", "application/json").body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn asks(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (status, text) =
            self.said(method, path, if body.is_null() { String::new() } else { body.to_string() }).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// What another server's gateway would pass on to this one.
    async fn comes(&self, path: &str, signer: &str, body: &Value) -> (u16, Value) {
        let request =
            self.http.post(format!("http://{}{path}", self.public)).header("Content-Type", "application/json");
        let response = request.header("Ocm-Signer", signer).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    /// What a request for a file is answered with.
    async fn dav(&self, method: &str, id: &str, bearer: Option<&str>) -> (u16, Value) {
        let url = format!("http://{}/dav/{id}", self.public);
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }
}

/// Both are contacts of each other.
async fn acquainted(alice: &Cloud, bob: &Cloud) {
    let (_, made) = alice.asks("POST", "alice/invites", Value::Null).await;
    let (status, contact) = bob.asks("POST", "bob/contacts", made).await;
    assert_eq!((status, &contact["address"]), (200, &json!(format!("alice@{}", alice.host))), "{contact}");
}

async fn shared(alice: &Cloud, bob: &Cloud, more: Value) -> String {
    let mut wanted =
        json!({"path": "report.txt", "with": format!("bob@{}", bob.host), "permissions": ["read", "write"]});
    wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = alice.asks("POST", "alice/shares", wanted).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

fn secret(folder: &Path, number: usize) -> String {
    let kept: Value = serde_json::from_slice(&std::fs::read(folder.join("cloud-b.example.json")).unwrap()).unwrap();
    kept["received"][number]["share"]["protocol"]["webdav"]["sharedSecret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_shared_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let (alice, bob) = two(folder.path()).await;
    let (status, no) =
        alice.asks("POST", "alice/shares", json!({"path": "report.txt", "with": format!("bob@{}", bob.host)})).await;
    assert_eq!((status, &no["error"]), (403, &json!("server.no_contact")));
    acquainted(&alice, &bob).await;
    let id = shared(&alice, &bob, json!({})).await;
    let (_, received) = bob.asks("GET", "bob/received", Value::Null).await;
    assert_eq!((&received[0]["state"], &received[0]["access"]), (&json!("pending"), &json!("exchange")));
    assert!(!received.to_string().contains(&secret(folder.path(), 0)), "{received}");
    assert_eq!(bob.asks("POST", "bob/received/1/accept", Value::Null).await.0, 200);
    let (_, sent) = alice.asks("GET", "alice/shares", Value::Null).await;
    assert_eq!(sent[0]["state"], "accepted");

    let content = "bob/received/1/content";
    assert_eq!(bob.said("GET", content, String::new()).await, (200, "as it was".into()));
    let (status, properties) = bob.said("PROPFIND", content, String::new()).await;
    assert_eq!(status, 207, "{properties}");
    assert!(properties.contains("getcontentlength>9</"), "{properties}");
    assert_eq!(bob.said("PUT", content, "as bob has it".into()).await.0, 204);
    let file = folder.path().join("cloud-a.example/alice/report.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "as bob has it");

    // The secret is there to be exchanged, and nobody gets in with nothing.
    let (status, no) = alice.dav("GET", &id, Some(&secret(folder.path(), 0))).await;
    assert_eq!((status, &no["error"]), (401, &json!("ocm.access_secret_after_exchange")));
    assert_eq!(alice.dav("GET", &id, None).await.1["error"], "ocm.access_credential");
    assert_eq!(alice.dav("GET", &id, Some("guess")).await.1["error"], "ocm.access_unknown");

    // Taken back, it is none any more, on both sides.
    assert_eq!(alice.asks("DELETE", &format!("alice/shares/{id}"), Value::Null).await.0, 200);
    let (status, no) = bob.asks("GET", content, Value::Null).await;
    assert_eq!((status, &no["error"]), (403, &json!("ocm.access_share_ended")), "{no}");
    assert_eq!(alice.dav("GET", &id, Some("guess")).await.1["error"], "ocm.access_share_ended");
}

#[tokio::test]
async fn what_a_share_does_not_grant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (alice, bob) = two(folder.path()).await;
    acquainted(&alice, &bob).await;
    shared(&alice, &bob, json!({"permissions": ["read"]})).await;
    let content = "bob/received/1/content";
    assert_eq!(bob.said("GET", content, String::new()).await.0, 200);
    let (status, no) = bob.said("PUT", content, "mine".into()).await;
    assert_eq!(status, 403);
    assert!(no.contains("ocm.access_permission"), "{no}");

    // A folder has what is in it, and nothing beside it.
    shared(&alice, &bob, json!({"path": "notes"})).await;
    let inside = |path: &str| format!("bob/received/2/content?inside={path}");
    assert_eq!(bob.said("GET", &inside("one.txt"), String::new()).await, (200, "the first".into()));
    assert_eq!(bob.said("PUT", &inside("two.txt"), "the second".into()).await.0, 201);
    assert!(bob.said("GET", &inside("..%2Freport.txt"), String::new()).await.1.contains("ocm.share_uri"));

    // No access without the second factor.
    shared(&alice, &bob, json!({"second_factor": true})).await;
    let (status, no) = bob.asks("GET", "bob/received/3/content", Value::Null).await;
    assert_eq!((status, &no["error"]), (403, &json!("ocm.access_mfa")));
    assert_eq!(bob.asks("POST", "bob/second-factor", Value::Null).await.0, 200);
    assert_eq!(bob.said("GET", "bob/received/3/content", String::new()).await.0, 200);

    // Files are those of the user's folder.
    for path in ["../bob", "/etc/passwd", "", "none"] {
        let wanted = json!({"path": path, "with": format!("bob@{}", bob.host)});
        let (status, _) = alice.asks("POST", "alice/shares", wanted).await;
        assert!(matches!(status, 400 | 404), "{path}");
    }
}

#[tokio::test]
async fn servers_speak_for_themselves_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (alice, bob) = two(folder.path()).await;
    let acceptance = |token: &str| json!({"recipientProvider": bob.host, "token": token, "userID": "bob", "email": "", "name": "Bob"});
    let (status, no) = alice.comes("/ocm/invite-accepted", &bob.host, &acceptance("guess")).await;
    assert_eq!((status, &no["error"]), (400, &json!("ocm.invite_unknown")));
    let (_, made) = alice.asks("POST", "alice/invites", Value::Null).await;
    assert_eq!(bob.asks("POST", "bob/contacts", made.clone()).await.0, 200);
    let (status, no) = bob.asks("POST", "bob/contacts", made).await;
    assert_eq!(status, 502);
    assert!(no["message"].as_str().unwrap().contains("ocm.invite_used"), "{no}");

    let id = shared(&alice, &bob, json!({})).await;
    let told =
        |kind: &str| json!({"notificationType": kind, "resourceType": "file", "providerId": id, "notification": {}});
    for (kind, signer) in [("SHARE_ACCEPTED", "other.example"), ("SHARE_DECLINED", alice.host.as_str())] {
        let (status, no) = alice.comes("/ocm/notifications", signer, &told(kind)).await;
        assert_eq!((status, &no["error"]), (403, &json!("ocm.notification_party")), "{kind}");
    }
    let (status, no) = bob.comes("/ocm/notifications", "other.example", &told("SHARE_UNSHARED")).await;
    assert_eq!((status, &no["error"]), (403, &json!("ocm.notification_party")));

    // The code of a share is good for the server that got it.
    let form = format!("grant_type=authorization_code&client_id={}&code={}", bob.host, secret(folder.path(), 0));
    let request = alice.http.post(format!("http://{}/ocm/token", alice.public)).header("Ocm-Signer", "other.example");
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let no: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(no["error"], "invalid_grant", "{no}");
    assert!(no["error_description"].as_str().unwrap().starts_with("ocm.token_client"), "{no}");

    // Who is no contact does not share.
    let share = json!({"shareWith": format!("bob@{}", bob.host), "name": "x", "providerId": "x", "owner": format!("eve@{}", alice.host),
        "sender": format!("eve@{}", alice.host), "shareType": "user", "resourceType": "file", "protocol": {"name": "multi",
        "webdav": {"uri": "x", "sharedSecret": "secret", "permissions": ["read"], "requirements": ["must-exchange-token"]}}});
    let (status, no) = bob.comes("/ocm/shares", &alice.host, &share).await;
    assert_eq!((status, &no["error"]), (403, &json!("ocm.share_not_invited")), "{no}");
}
