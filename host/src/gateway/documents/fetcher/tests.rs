//! The fetcher against servers that misbehave.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::gate::DocumentKind;

/// Admits everything, or nothing.
struct Always(bool);

impl Admits for Always {
    fn redirect<'a>(&'a self, _: &'a DocumentNeed, _: u8, _: &'a str) -> BoxFuture<'a, Result<(), String>> {
        let admitted = if self.0 { Ok(()) } else { Err("fetch.url_not_allowed".to_owned()) };
        async move { admitted }.boxed()
    }

    fn server<'a>(&'a self, _: &'a DocumentNeed, _: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), String>> {
        async { Err("nobody asked for a workload".to_owned()) }.boxed()
    }
}

fn always(admitted: bool) -> Arc<dyn Admits> {
    Arc::new(Always(admitted))
}

fn need(url: &str, class: Class) -> DocumentNeed {
    let accept = "application/json".into();
    DocumentNeed { url: url.into(), class, kind: DocumentKind::Keys, accept, most: 1_000, server: None, question: None }
}

/// A server that answers each connection with the same bytes, and what it was asked.
async fn server(answer: impl Into<Vec<u8>>) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (sender, answer) = (sender.clone(), answer.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 4_096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let _ = sender.try_send(String::from_utf8_lossy(&request[..read]).into_owned());
                let _ = stream.write_all(&answer).await;
                if answer.is_empty() {
                    // Says nothing at all.
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (port, asked)
}

fn with_body(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

async fn fetch(url: &str, class: Class, redirects: bool) -> Content {
    let fetcher = Fetcher::new(FetchSettings::default()).unwrap();
    fetcher.fetch(&need(url, class), &always(redirects)).await.content
}

fn failed(content: &Content) -> &str {
    match content {
        Content::Failed(why) => why,
        Content::Body(body) => panic!("{body:?}"),
    }
}

#[tokio::test]
async fn what_comes_is_taken_as_it_is_and_nothing_more_is_said_than_needed() {
    let answer = with_body("404 Not Found\r\nContent-Type: Application/JSON; charset=x\r\nSet-Cookie: a=b", "{}");
    let (port, mut asked) = server(answer).await;
    let Content::Body(body) = fetch(&format!("http://127.0.0.1:{port}/a?b"), Class::Policy, true).await else {
        panic!()
    };
    assert_eq!(
        (body.status, body.media_type.as_deref(), body.bytes.as_slice()),
        (404, Some("application/json"), &b"{}"[..])
    );
    let asked = asked.recv().await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get /a?b http/1.1\r\n") && asked.contains("accept: application/json"), "{asked}");
    for unwanted in ["cookie", "authorization", "referer", "accept-encoding"] {
        assert!(!asked.contains(unwanted), "{asked}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_told() {
    let long = "x".repeat(1_001);
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(100_000));
    for (answer, wanted) in [
        (with_body("200 OK", &long), "more than 1000 bytes"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".into(), "more than 1000 bytes"),
        (endless, "more than 1000 bytes"),
        (with_body("200 OK\r\nContent-Encoding: gzip", "x"), "compressed"),
        (with_body("302 Found", ""), "no Location"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".into(), ""),
        ("nonsense\r\n\r\n".into(), ""),
        ("HTTP/1.1 200 OK\r\n".into(), ""),
    ] {
        let (port, _asked) = server(answer.clone()).await;
        let content = fetch(&format!("http://127.0.0.1:{port}/secret?secret"), Class::Policy, true).await;
        let why = failed(&content);
        assert!(why.contains(wanted) && !why.contains("secret"), "{answer:.60}: {why}");
    }
    let content = fetch("http://127.0.0.1:1/", Class::Policy, true).await;
    assert!(failed(&content).to_ascii_lowercase().contains("refused"), "{content:?}");
}

#[tokio::test]
async fn redirects_are_the_gates_to_admit_and_have_an_end() {
    let (end, _asked) = server(with_body("200 OK", "{}")).await;
    let (port, _asked) = server(with_body(&format!("307 X\r\nLocation: http://127.0.0.1:{end}/"), "")).await;
    let url = format!("http://127.0.0.1:{port}/");
    assert!(matches!(fetch(&url, Class::Policy, true).await, Content::Body(_)));
    assert!(failed(&fetch(&url, Class::Policy, false).await).contains("fetch.url_not_allowed"));
    let (port, mut asked) = server(with_body("302 Found\r\nLocation: /again", "")).await;
    let content = fetch(&format!("http://127.0.0.1:{port}/"), Class::Policy, true).await;
    assert!(failed(&content).contains("more than 3 redirects"), "{content:?}");
    let mut times = 0;
    while asked.try_recv().is_ok() {
        times += 1;
    }
    assert_eq!(times, 4);
}

#[tokio::test]
async fn a_server_that_says_nothing_takes_no_longer_than_it_may() {
    let (port, mut asked) = server("").await;
    let fetcher = Fetcher::new(FetchSettings::default()).unwrap();
    let need = need(&format!("http://127.0.0.1:{port}/"), Class::Policy);
    let fetching = async move { fetcher.fetch(&need, &always(true)).await.content };
    let fetching = tokio::spawn(fetching);
    asked.recv().await.unwrap();
    // The clock is turned instead of waited for, once the request is out.
    tokio::time::pause();
    tokio::time::advance(FETCH_WITHIN).await;
    let content = fetching.await.unwrap();
    // Whichever of the two clocks strikes first: the client's own, or that of the whole.
    assert!(["within", "timed out"].iter().any(|words| failed(&content).contains(words)), "{content:?}");
}

/// A name service that says something else each time.
struct Changing {
    answers: Vec<Vec<&'static str>>,
    turn: AtomicUsize,
}

impl Names for Changing {
    fn addresses<'n>(&'n self, _: &'n str) -> BoxFuture<'n, io::Result<Vec<SocketAddr>>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        let addresses = self.answers[turn].iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
        std::future::ready(Ok(addresses.collect())).boxed()
    }
}

#[tokio::test]
async fn names_of_others_lead_to_public_addresses_alone() {
    // What was public a moment ago and is private now is private.
    let names =
        Arc::new(Changing { answers: vec![vec!["127.0.0.1", "10.0.0.1"], vec!["::1"]], turn: AtomicUsize::new(0) });
    let settings = FetchSettings { names: Arc::clone(&names) as Arc<dyn Names>, ..FetchSettings::default() };
    let fetcher = Fetcher::new(settings).unwrap();
    for turn in 0..2 {
        for class in [Class::Credential, Class::Peer] {
            let content = fetcher.fetch(&need("https://rebound.example/", class), &always(true)).await.content;
            assert!(failed(&content).contains("no public address"), "{turn}: {content:?}");
        }
    }
    assert_eq!(names.turn.load(Ordering::Relaxed), 4, "each connection asks once");
    // Of a mixed answer the public ones are left, and nothing else is connected to.
    let mixed = Resolver::new(
        Arc::new(Changing { answers: vec![vec!["127.0.0.1", "8.8.8.8"]], turn: AtomicUsize::new(0) }),
        true,
    );
    let left = reqwest::dns::Resolve::resolve(&mixed, "x.example".parse().unwrap()).await;
    assert_eq!(
        left.ok().map(|left| left.map(|address| address.ip().to_string()).collect::<Vec<_>>()),
        Some(vec!["8.8.8.8".to_owned()])
    );
}

/// Names that lead where the table of hostile URLs says; and any other one to loopback, as a name service of somebody's own may.
struct Table(std::collections::BTreeMap<String, Vec<SocketAddr>>);

impl Names for Table {
    fn addresses<'n>(&'n self, host: &'n str) -> BoxFuture<'n, io::Result<Vec<SocketAddr>>> {
        let known = self.0.get(&host.to_ascii_lowercase()).cloned();
        let addresses = known.unwrap_or_else(|| vec![SocketAddr::new([127, 0, 0, 1].into(), 0)]);
        std::future::ready(Ok(addresses)).boxed()
    }
}

/// The one table of hostile URLs that tests every fetcher. Whatever a gate let pass, nobody is connected to.
#[tokio::test]
async fn urls_that_the_gate_would_not_admit_are_not_fetched_either() {
    let (port, mut asked) = server(with_body("200 OK", "{}")).await;
    let rows: Vec<serde_json::Value> = include_str!("../../../../../tests/hostile-urls.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut names = Table(std::collections::BTreeMap::new());
    let mut urls = Vec::new();
    for row in &rows {
        let url = row["url"].as_str().unwrap();
        let authority = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        if let Some(addresses) = row["addresses"].as_array() {
            let addresses = addresses.iter().map(|address| address.as_str().unwrap().parse().unwrap());
            names.0.insert(authority.to_ascii_lowercase(), addresses.map(|it| SocketAddr::new(it, 0)).collect());
        }
        // At the port where somebody listens, so that a connection is seen.
        if !authority.is_empty() && !authority.contains(':') || authority.ends_with(']') {
            urls.push(url.replacen(authority, &format!("{authority}:{port}"), 1));
        }
        // Spellings of names that others answer for are the gate's to refuse: here they lead nowhere that is public.
        urls.push(url.to_owned());
    }
    assert!(urls.len() > 150, "the table was read: {}", urls.len());
    let settings = FetchSettings { names: Arc::new(names), ..FetchSettings::default() };
    let fetcher = Fetcher::new(settings).unwrap();
    for class in [Class::Credential, Class::Peer] {
        for url in &urls {
            let content = fetcher.fetch(&need(url, class), &always(true)).await.content;
            assert!(matches!(content, Content::Failed(_)), "{url}: {content:?}");
        }
    }
    assert!(asked.try_recv().is_err(), "nobody was asked");
}

#[tokio::test]
async fn files_are_read_for_a_policy_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, "{}").unwrap();
    for url in [format!("file:{}", path.display()), format!("file://{}", path.display())] {
        let Content::Body(body) = fetch(&url, Class::Policy, true).await else { panic!("{url}") };
        assert_eq!((body.status, body.bytes.as_slice()), (200, &b"{}"[..]));
    }
    std::fs::write(&path, "x".repeat(1_001)).unwrap();
    assert!(failed(&fetch(&format!("file:{}", path.display()), Class::Policy, true).await).contains("1000 bytes"));
    assert!(matches!(fetch("file:/nowhere", Class::Policy, true).await, Content::Failed(_)));
}
