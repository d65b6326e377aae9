//! The audit: one line of JSON a decision (`docs/audit.schema.json`).

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::clock::now;
use super::verdict::Verdict;
use crate::gate::{Asserter, Request};

/// Lines that wait to be written. A disk that is slow for a moment stops nobody; one that is slow for long slows the
/// decisions down rather than losing what was decided.
const MAX_WAITING: usize = 8_192;

/// How long a decision waits for its line to be taken.
const WITHIN: Duration = Duration::from_secs(1);

/// The longest method and path that are written, in bytes: a line of an attack is no longer than others.
const MAX_TEXT: usize = 512;

/// What was asked about, for the audit and traces: without query, header fields and anything else that may be secret.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Asked {
    /// Of a request, or of what the proxy that asks says of another one.
    pub(crate) fn of(request: &Request, asserts: Option<Asserter>) -> Self {
        let field = |name: &str| {
            let field = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            field.map(|header| String::from_utf8_lossy(&header.value).into_owned()).unwrap_or_default()
        };
        match asserts {
            Some(Asserter::Nginx) => Self::parts(&field("X-Original-Method"), &field("X-Original-URL")),
            Some(Asserter::Traefik | Asserter::Caddy) => {
                let url = format!("://{}{}", field("X-Forwarded-Host"), field("X-Forwarded-Uri"));
                Self::parts(&field("X-Forwarded-Method"), &url)
            }
            Some(Asserter::Envoy) | None => Self::parts(&request.method, &request.url),
        }
    }

    fn parts(method: &str, url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { method: excerpt(method), host: excerpt(host), path: excerpt(path) }
    }
}

fn excerpt(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}

/// A line.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    /// When it was decided, in seconds since 1970.
    time: u64,
    /// The listener that it was asked at, by its name in the policy.
    listener: &'l str,
    /// The method of the request that was asked about.
    method: &'l str,
    /// Its host, with the port if there was one.
    host: &'l str,
    /// Its path as it was sent, without query; at most 512 bytes.
    path: &'l str,
    /// `allow` or `deny`.
    outcome: &'l str,
    /// The HTTP status that was decided.
    status: u16,
    /// The code that decided (`docs/codes.md`); `none` where there was nothing to find.
    code: &'l str,
    /// The rule that matched, by its name in the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'l str>,
    /// Whether it was let through only because the policy or the rule reports.
    reported: bool,
    /// `sub` of the credential; the SPIFFE ID of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'l str>,
    /// `client_id` of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'l str>,
    /// The SPIFFE ID of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'l str>,
    /// Who vouches for it: the issuer's identifier, or the trust domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'l str>,
    /// `txn` of the Transaction Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'l str>,
    /// How long the check took with all that it waited for, in microseconds.
    duration_us: u64,
}

/// Where lines go. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct Audit(mpsc::Sender<String>);

/// Comes when all lines are written.
pub(crate) type Written = oneshot::Receiver<()>;

impl Audit {
    /// Writes to a file, which is appended to; `-` is standard output. What is given beside it comes when every clone is gone
    /// and every line is written.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub(crate) fn open(path: &Path) -> std::io::Result<(Self, Written)> {
        let mut out: Box<dyn std::io::Write + Send> = if path == Path::new("-") {
            Box::new(std::io::stdout())
        } else {
            Box::new(std::fs::OpenOptions::new().create(true).append(true).open(path)?)
        };
        let (sender, mut receiver) = mpsc::channel::<String>(MAX_WAITING);
        let (done, written) = oneshot::channel();
        std::thread::Builder::new().name("audit".into()).spawn(move || {
            while let Some(line) = receiver.blocking_recv() {
                if let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
                    tracing::error!(%error, "an audit line could not be written");
                }
            }
            // Nobody waits any more where the gateway has given up.
            let _ = done.send(());
        })?;
        Ok((Self(sender), written))
    }

    /// Hands over the line of a decision. The answer is whether it was taken.
    pub(crate) async fn write(&self, listener: &str, asked: &Asked, verdict: &Verdict) -> bool {
        let Ok(line) = line(listener, asked, verdict) else { return false };
        self.0.send_timeout(line, WITHIN).await.is_ok()
    }
}

fn line(listener: &str, asked: &Asked, verdict: &Verdict) -> serde_json::Result<String> {
    let decision = &verdict.decision;
    let principal = decision.principal.as_ref();
    let line = Line {
        time: now(),
        listener,
        method: &asked.method,
        host: &asked.host,
        path: &asked.path,
        outcome: decision.outcome.as_str(),
        status: decision.status,
        code: &verdict.code,
        rule: decision.rule.as_deref(),
        reported: decision.reported,
        subject: principal.and_then(|principal| principal.subject.as_deref()),
        client: principal.and_then(|principal| principal.client.as_deref()),
        spiffe_id: principal.and_then(|principal| principal.spiffe_id.as_deref()),
        issuer: principal.map(|principal| principal.issuer.as_str()),
        transaction: decision.transaction.as_ref().map(|transaction| transaction.id.as_str()),
        duration_us: u64::try_from(verdict.took.as_micros()).unwrap_or(u64::MAX),
    };
    Ok(serde_json::to_string(&line)? + "\n")
}

/// The JSON Schema of a line.
///
/// # Errors
///
/// It cannot be told as JSON, which does not happen.
pub fn audit_schema() -> serde_json::Result<String> {
    let mut schema = schemars::schema_for!(Line<'static>);
    schema.insert("title".into(), "A line of the audit of portcullis serve".into());
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Header;
    use crate::gateway::engine::Unknown;

    fn request(headers: &[(&str, &str)]) -> Request {
        let header = |(name, value): &(&str, &str)| Header { name: (*name).into(), value: value.as_bytes().to_vec() };
        Request {
            method: "GET".into(),
            url: "https://api.example/a/b?token=secret".into(),
            headers: headers.iter().map(header).collect(),
            ..Request::default()
        }
    }

    #[test]
    fn a_line_says_what_was_asked_and_no_secret() {
        let request = request(&[
            ("authorization", "Bearer secret"),
            ("x-original-method", "PUT"),
            ("x-original-url", "https://other.example/c?secret"),
            ("x-forwarded-method", "POST"),
            ("x-forwarded-host", "third.example"),
            ("x-forwarded-uri", "/d?secret"),
        ]);
        for (asserts, wanted) in [
            (None, ("GET", "api.example", "/a/b")),
            (Some(Asserter::Envoy), ("GET", "api.example", "/a/b")),
            (Some(Asserter::Nginx), ("PUT", "other.example", "/c")),
            (Some(Asserter::Caddy), ("POST", "third.example", "/d")),
        ] {
            let asked = Asked::of(&request, asserts);
            assert_eq!((asked.method.as_str(), asked.host.as_str(), asked.path.as_str()), wanted);
            let line = line("front", &asked, &Verdict::of(Err(Unknown::Busy), Duration::ZERO)).unwrap();
            assert!(!line.contains("secret") && line.ends_with('\n') && line.lines().count() == 1, "{line}");
            assert!(line.contains(r#""outcome":"deny","status":503,"code":"gateway.busy""#), "{line}");
        }
    }

    #[test]
    fn what_is_long_is_cut_at_a_character() {
        let long = format!("x{}", "é".repeat(1_000));
        assert!(excerpt(&long).len() <= MAX_TEXT);
    }
}
