//! Questions about tokens, asked of a server.

use std::sync::Mutex;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE as MEDIA_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::post;
use futures_util::FutureExt as _;

use super::*;
use crate::gate::{BasicCredential, DocumentKind, EndpointCredential, sha256_from_bytes};

const TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";

/// Nothing has to be admitted: what is asked about a token goes nowhere else.
struct Never;

impl Admits for Never {
    fn redirect<'a>(&'a self, _: &'a DocumentNeed, _: u8, _: &'a str) -> BoxFuture<'a, Result<(), String>> {
        async { panic!("nobody asks where a question may go") }.boxed()
    }

    fn server<'a>(&'a self, _: &'a DocumentNeed, _: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), String>> {
        async { panic!("nobody asks for a workload") }.boxed()
    }
}

/// What the endpoint was asked: its header fields and body.
type Asked = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// An endpoint on loopback that answers every token with this status.
async fn endpoint(status: StatusCode) -> (String, Asked) {
    let asked = Asked::default();
    let answer = move |State(asked): State<Asked>, headers: HeaderMap, body: String| async move {
        asked.lock().unwrap().push((headers, body));
        let elsewhere = [(MEDIA_TYPE, "application/json"), (LOCATION, "/elsewhere")];
        (status, elsewhere, r#"{"active":true}"#).into_response()
    };
    let router = Router::new().route("/introspect", post(answer)).with_state(Arc::clone(&asked));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://127.0.0.1:{port}/introspect"), asked)
}

fn need(url: &str, credential: EndpointCredential) -> DocumentNeed {
    DocumentNeed {
        url: url.into(),
        class: Class::Policy,
        kind: DocumentKind::Introspection,
        accept: "application/json".into(),
        most: 1_000,
        server: None,
        question: Some(Question {
            digest: sha256_from_bytes([7; 32]),
            form: format!("token={TOKEN}&token_type_hint=access_token"),
            credential,
            known: false,
        }),
    }
}

fn basic(client_id: &str, file: &std::path::Path) -> EndpointCredential {
    let secret = format!("file:{}", file.display());
    EndpointCredential::Basic(BasicCredential { client_id: client_id.into(), secret })
}

async fn ask(need: &DocumentNeed) -> Document {
    let admits: Arc<dyn Admits> = Arc::new(Never);
    Fetcher::new(FetchSettings::default()).unwrap().fetch(need, &admits).await
}

fn failed(document: &Document) -> &str {
    match &document.content {
        Content::Failed(why) => why,
        Content::Body(body) => panic!("{}", body.status),
    }
}

/// The value of a field that was sent.
fn sent(asked: &Asked, number: usize, name: &str) -> String {
    let all = asked.lock().unwrap();
    all[number].0.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_token_is_asked_about_with_a_form_and_the_credential_of_its_file() {
    let (url, asked) = endpoint(StatusCode::OK).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "pass word:+ü\r\n").unwrap();
    let need = need(&url, basic("an api", &file));
    let document = ask(&need).await;
    let Content::Body(body) = &document.content else { panic!("{}", failed(&document)) };
    assert_eq!((body.status, body.media_type.as_deref()), (200, Some("application/json")));
    assert_eq!(document.about, Some(sha256_from_bytes([7; 32])), "the answer is about this token");
    assert_eq!(asked.lock().unwrap()[0].1, format!("token={TOKEN}&token_type_hint=access_token"));
    assert_eq!(sent(&asked, 0, "content-type"), "application/x-www-form-urlencoded");
    assert_eq!(sent(&asked, 0, "accept"), "application/json");
    // RFC 6749 section 2.3.1: base64 of an+api:pass+word%3A%2B%C3%BC
    assert_eq!(sent(&asked, 0, "authorization"), "Basic YW4rYXBpOnBhc3Mrd29yZCUzQSUyQiVDMyVCQw==");

    std::fs::write(&file, "another").unwrap();
    ask(&need).await;
    assert_eq!(sent(&asked, 1, "authorization"), "Basic YW4rYXBpOmFub3RoZXI=", "a new secret needs no restart");

    let bearer = EndpointCredential::Bearer(format!("file:{}", file.display()));
    ask(&self::need(&url, bearer)).await;
    assert_eq!(sent(&asked, 2, "authorization"), "Bearer another");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "x").unwrap();
    for status in [301, 302, 303, 307, 308] {
        let (url, asked) = endpoint(StatusCode::from_u16(status).unwrap()).await;
        let document = ask(&need(&url, basic("api", &file))).await;
        assert!(failed(&document).contains("redirects"), "{status}");
        assert_eq!(asked.lock().unwrap().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn without_its_secret_nobody_is_asked_and_nothing_of_it_is_told() {
    let (url, asked) = endpoint(StatusCode::OK).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let told = |why: &str| !why.contains("hunter2") && !why.contains(TOKEN) && why.contains("credential");
    let document = ask(&need(&url, basic("api", &file))).await;
    assert!(told(failed(&document)), "{}", failed(&document));
    for text in ["", "\n"] {
        std::fs::write(&file, text).unwrap();
        let document = ask(&need(&url, basic("api", &file))).await;
        assert!(failed(&document).contains("empty"), "{text:?}");
    }
    std::fs::write(&file, "hunter2\nhunter2").unwrap();
    let bearer = EndpointCredential::Bearer(format!("file:{}", file.display()));
    let document = ask(&need(&url, bearer)).await;
    assert!(told(failed(&document)), "{}", failed(&document));
    std::fs::write(&file, "x".repeat(16 * 1024 + 1)).unwrap();
    let document = ask(&need(&url, basic("api", &file))).await;
    assert!(told(failed(&document)), "{}", failed(&document));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_a_policy_says_where_to_ask() {
    let (url, asked) = endpoint(StatusCode::OK).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "x").unwrap();
    for class in [Class::Credential, Class::Peer] {
        let need = DocumentNeed { class, ..need(&url, basic("api", &file)) };
        assert!(failed(&ask(&need).await).contains("only a policy"));
    }
    let need = need(&format!("file:{}", file.display()), basic("api", &file));
    assert!(matches!(ask(&need).await.content, Content::Failed(_)), "a file answers no question");
    assert!(asked.lock().unwrap().is_empty());
}
