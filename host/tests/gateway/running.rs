//! A gateway that runs for a test, an issuer, and a client that sends exact bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use portcullis_host::Runtime;
use portcullis_host::gateway::{Gateway, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Tried, support};

/// How long anything may take that a test waits for.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);

/// A gateway that runs until it is dropped or ended.
pub(crate) struct Running {
    pub(crate) addresses: Vec<(String, String)>,
    pub(crate) policy: PathBuf,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    pub(crate) async fn start(policy: &str) -> Tried<Self> {
        Self::with(policy, &support::built("portcullis-hosted.wasm"), |_| {}).await
    }

    /// With files beside the policy.
    pub(crate) async fn beside(policy: &str, files: &[(&str, &str)]) -> Tried<Self> {
        Self::beside_with(policy, files, |_| {}).await
    }

    /// With files beside the policy, and settings.
    pub(crate) async fn beside_with(
        policy: &str,
        files: &[(&str, &str)],
        set: impl FnOnce(&mut Settings),
    ) -> Tried<Self> {
        let folder = tempfile::tempdir()?;
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)?;
        }
        Self::within(folder, policy, &support::built("portcullis-hosted.wasm"), set).await
    }

    pub(crate) async fn with(policy: &str, component: &Path, set: impl FnOnce(&mut Settings)) -> Tried<Self> {
        Self::within(tempfile::tempdir()?, policy, component, set).await
    }

    async fn within(
        folder: tempfile::TempDir,
        policy: &str,
        component: &Path,
        set: impl FnOnce(&mut Settings),
    ) -> Tried<Self> {
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, policy)?;
        let runtime = Runtime::builder()
            .max_instances(Gateway::instances_needed(2))
            .deadline(Duration::from_millis(500))
            .build()?;
        let mut settings = Settings::new(&path, runtime.load_file(component)?);
        settings.instances = 2;
        // Each test takes ports that are free.
        let sections = policy.split("[[listeners]]").skip(1);
        let names = sections.filter_map(|section| section.split("name = \"").nth(1)?.split('"').next());
        settings.listen = names.map(|name| (Some(name.to_owned()), "127.0.0.1:0".to_owned())).collect();
        settings.admin = Some("127.0.0.1:0".into());
        settings.grace = Duration::from_secs(10);
        set(&mut settings);
        let gateway = Gateway::start(settings).await?;
        let addresses = gateway.listeners().into_iter().map(|known| (known.name, known.address)).collect();
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(gateway.run(async {
            let _ = ended.await;
        }));
        Ok(Self { addresses, policy: path, end: Some(end), task, _folder: folder })
    }

    pub(crate) fn address(&self, name: &str) -> &str {
        let found = self.addresses.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no listener {name}: {:?}", self.addresses), |(_, address)| address)
    }

    /// Replaces the policy's file as editors and Kubernetes do: by another one of its name.
    pub(crate) fn write(&self, policy: &str) -> Tried {
        static TURN: AtomicU64 = AtomicU64::new(0);
        let new = self.policy.with_extension(format!("new{}", TURN.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&new, policy)?;
        Ok(std::fs::rename(new, &self.policy)?)
    }

    /// The value of a metric, by its name and labels as they are written; zero where it is not there yet.
    pub(crate) async fn metric(&self, line: &str) -> Tried<f64> {
        let answer = ask(self.address("admin"), &get("/metrics", &[])).await?;
        let found = answer.body.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
        Ok(found.map_or(Ok(0.0), str::parse)?)
    }

    /// Waits until a metric has at least a value.
    pub(crate) async fn reaches(&self, line: &str, least: f64) -> Tried {
        let begun = Instant::now();
        loop {
            let value = self.metric(line).await?;
            if value >= least {
                return Ok(());
            }
            assert!(begun.elapsed() < WITHIN, "{line} is {value}, not {least}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn begin_to_end(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
    }

    pub(crate) async fn end(mut self) -> Tried {
        self.begin_to_end();
        Ok(tokio::time::timeout(WITHIN, self.task).await??)
    }
}

/// An answer in HTTP/1.1.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A GET as a proxy sends it on.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> String {
    request("GET", path, headers, "")
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let host =
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) { "" } else { "Host: api.example\r\n" };
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\n{host}{fields}{length}\r\n{body}")
}

/// A connection that is used again.
pub(crate) struct Connection<S = TcpStream> {
    stream: S,
    left: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Tried<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, left: Vec::new() }
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Tried<Answer> {
        self.stream.write_all(request.as_bytes()).await?;
        tokio::time::timeout(WITHIN, self.read()).await?
    }

    async fn read(&mut self) -> Tried<Answer> {
        let end = loop {
            if let Some(at) = self.left.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.left[..end]).into_owned();
        let mut answer = Answer { status: head.get(9..12).unwrap_or_default().parse()?, head, body: String::new() };
        let length: usize = answer.header("content-length").map_or(Ok(0), str::parse)?;
        while self.left.len() < end + length {
            self.more().await?;
        }
        answer.body = String::from_utf8_lossy(&self.left[end..end + length]).into_owned();
        self.left.drain(..end + length);
        Ok(answer)
    }

    async fn more(&mut self) -> Tried {
        let mut part = [0; 16 << 10];
        match self.stream.read(&mut part).await? {
            0 => Err("the connection ended".into()),
            read => {
                self.left.extend_from_slice(&part[..read]);
                Ok(())
            }
        }
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: &str, request: &str) -> Tried<Answer> {
    Connection::open(address).await?.ask(request).await
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An issuer whose keys stand in the policy.
pub(crate) struct Issuer(ES256KeyPair);

impl Issuer {
    pub(crate) fn new() -> Self {
        Self::named("one")
    }

    /// With another name of its key.
    pub(crate) fn named(kid: &str) -> Self {
        Self(ES256KeyPair::generate().with_key_id(kid))
    }

    /// A status list token with eight entries of one bit, of which the first is this. To be fetched again after a second.
    pub(crate) fn status_list(&self, uri: &str, first: u8, expires: u64) -> Tried<String> {
        // The byte in zlib as it is (RFC 1950, RFC 1951 section 3.2.4), with its Adler-32.
        let adler = [0, 1 + first, 0, 1 + first];
        let bytes = [&[0x78, 0x01, 0x01, 0x01, 0x00, 0xfe, 0xff, first][..], &adler].concat();
        let more = json!({"ttl": 1, "status_list": {"bits": 1, "lst": URL_SAFE_NO_PAD.encode(bytes)}});
        let mut claims =
            Claims::with_custom_claims(more, jwt_simple::prelude::Duration::from_secs(1)).with_subject(uri);
        claims.issued_at = Some(UnixTimeStamp::from_secs(expires.min(now()) - 600));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(expires));
        let options = HeaderOptions { signature_type: Some("statuslist+jwt".into()), ..HeaderOptions::default() };
        Ok(self.0.sign_with_options(claims, &options)?)
    }

    pub(crate) fn jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.0.public_key().to_jwk())
    }

    /// A policy with this issuer and some listeners: `listeners` is TOML.
    pub(crate) fn policy(&self, listeners: &str, rules: &str) -> String {
        let keys = self.jwks();
        format!(
            r#"
origins = ["http://api.example"]
{listeners}

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = {{ keys = [{}] }}
algorithms = ["ES256"]
audience = ["http://api.example"]

[upstream]
set = {{ X-User = "subject" }}

[[rules]]
path = "/health"
anonymous = true

{rules}
"#,
            toml(&keys)
        )
    }

    /// A token that is valid for an hour, with further claims.
    pub(crate) fn token(&self, more: Value) -> Tried<String> {
        let claims = Claims::with_custom_claims(more, jwt_simple::prelude::Duration::from_secs(3_600))
            .with_subject("alice")
            .with_issuer("https://idp.example")
            .with_audience("http://api.example")
            .with_jwt_id("1");
        let options = HeaderOptions { signature_type: Some("at+jwt".into()), ..HeaderOptions::default() };
        Ok(self.0.sign_with_options(claims, &options)?)
    }

    pub(crate) fn reader(&self) -> Tried<String> {
        self.token(json!({"scope": "reports:read", "client_id": "app"}))
    }
}

/// The one key of a JWK Set, as an inline table of TOML.
fn toml(jwks: &str) -> String {
    let parsed: Value = serde_json::from_str(jwks).unwrap_or_default();
    let members = parsed["keys"][0].as_object().cloned().unwrap_or_default();
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{{ {} }}", members.join(", "))
}

/// The rule of most tests.
pub(crate) const READING: &str = r#"
[[rules]]
methods = ["GET"]
path = "/reports/{id}"
require = { scope = ["reports:read"] }
"#;

pub(crate) const ENVOY: &str = r#"
[[listeners]]
name = "envoy"
address = "127.0.0.1:8080"
asserts = "envoy"
"#;
