//! Fetching one document.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Client;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncReadExt as _;
use tower::ServiceExt as _;
use url::{Host, Url};

mod send;

pub(crate) use send::{Message, Received, Unsent};

use super::budgets::{Budgets, Place};
use super::names::{Names, Resolver, SystemNames};
use super::{question, workload_api, workload_server};
use crate::gate::{Body, Class, Content, Document, DocumentNeed, Question};
use crate::gateway::clock::now;

/// How long connecting may take, the handshake included.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long a whole fetch may take, its redirects included.
const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// What a question about a token is.
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Redirects that are followed, if the gate admits each.
const MAX_REDIRECTS: u8 = 3;

/// Connections that are kept for the next fetch of an origin.
const IDLE: usize = 1;

/// Who says where a fetch may go: the gate. Errors say why not, for logs.
pub(crate) trait Admits: Send + Sync {
    /// Whether the redirect after `hops` others may be followed to an absolute URL.
    fn redirect<'a>(&'a self, need: &'a DocumentNeed, hops: u8, location: &'a str)
    -> BoxFuture<'a, Result<(), String>>;

    /// Whether the server that presents these certificates, in DER and its own first, may be asked for what is needed.
    fn server<'a>(&'a self, need: &'a DocumentNeed, chain: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), String>>;
}

/// An address that the operator named for an origin. It may be a private one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) address: IpAddr,
}

/// What a fetcher is told.
pub(crate) struct FetchSettings {
    pub(crate) pins: Vec<Pin>,
    /// Authorities that are believed beside the system's.
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    /// Origins that are answered within this process.
    pub(crate) local: HashMap<String, Router>,
    pub(crate) names: Arc<dyn Names>,
    /// The socket of the SPIFFE Workload API.
    pub(crate) workload_api: Option<String>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            pins: Vec::new(),
            extra_roots: Vec::new(),
            local: HashMap::new(),
            names: Arc::new(SystemNames),
            workload_api: None,
        }
    }
}

/// Fetches documents, within bounds.
pub(crate) struct Fetcher {
    /// For the operator's own URLs: any address.
    open: Client,
    /// For URLs that others named: public addresses alone.
    strict: Client,
    /// For origins whose address the operator named, by host and port.
    pinned: HashMap<(String, u16), Client>,
    /// The same addresses, and where other names are looked up, for clients of one fetch.
    pins: Pinned,
    names: Arc<dyn Names>,
    local: HashMap<String, Router>,
    workload_api: Option<String>,
    budgets: Budgets,
}

/// Addresses by host and port.
type Pinned = HashMap<(String, u16), Vec<SocketAddr>>;

/// Why a fetch failed, for logs.
type Failed = String;

impl Fetcher {
    /// Makes a fetcher.
    ///
    /// # Errors
    ///
    /// An authority is none, or the system has no certificates.
    pub(crate) fn new(settings: FetchSettings) -> Result<Self, reqwest::Error> {
        let FetchSettings { pins, extra_roots, local, names, workload_api } = settings;
        let roots: Vec<reqwest::Certificate> =
            extra_roots.iter().map(|der| reqwest::Certificate::from_der(der)).collect::<Result<_, _>>()?;
        let client = |public_only| {
            of_the_web(&roots).dns_resolver(Arc::new(Resolver::new(Arc::clone(&names), public_only))).build()
        };
        let mut addresses = Pinned::new();
        for pin in pins {
            let of_origin = addresses.entry((pin.host.to_ascii_lowercase(), pin.port)).or_default();
            of_origin.push(SocketAddr::new(pin.address, pin.port));
        }
        let pinned = addresses.iter().map(|(origin, addresses)| {
            let client = of_the_web(&roots).resolve_to_addrs(&origin.0, addresses).build()?;
            Ok((origin.clone(), client))
        });
        Ok(Self {
            open: client(false)?,
            strict: client(true)?,
            pinned: pinned.collect::<Result<_, reqwest::Error>>()?,
            pins: addresses,
            names,
            local,
            workload_api,
            budgets: Budgets::new(),
        })
    }

    /// Fetches what is needed. What cannot be had is told as such, with a reason for logs.
    pub(crate) async fn fetch(&self, need: &DocumentNeed, admits: &Arc<dyn Admits>) -> Document {
        let fetched = if need.server.is_some() && !need.url.starts_with("https://") {
            Err("nothing but a TLS server proves to be a workload".into())
        } else if let Some(question) = &need.question {
            self.ask(need, question).await
        } else if let Some(path) = need.url.strip_prefix("file:") {
            read_file(need, path).await
        } else if let Some(trust_domain) = need.url.strip_prefix(workload_api::SCHEME) {
            self.bundle(need, trust_domain).await
        } else {
            self.follow(need, admits).await
        };
        let content = fetched.map_or_else(Content::Failed, Content::Body);
        Document {
            url: need.url.clone(),
            server: need.server.clone(),
            about: need.about(),
            peer: need.class == Class::Peer,
            fetched_at: now(),
            content,
        }
    }

    async fn bundle(&self, need: &DocumentNeed, trust_domain: &str) -> Result<Body, Failed> {
        if need.class != Class::Policy {
            return Err("only a policy names the Workload API".into());
        }
        let socket = self
            .workload_api
            .as_ref()
            .ok_or("the policy wants the Workload API: name its socket with --workload-api")?;
        let asked = tokio::time::timeout(FETCH_WITHIN, workload_api::bundle(socket, trust_domain));
        let bytes = asked.await.map_err(|_| "the Workload API did not answer in time".to_owned())??;
        Ok(Body { status: 200, media_type: None, bytes })
    }

    async fn follow(&self, need: &DocumentNeed, admits: &Arc<dyn Admits>) -> Result<Body, Failed> {
        let mut url = Url::parse(&need.url).map_err(|error| format!("the URL is none: {error}"))?;
        let whole = async {
            for hops in 0..=MAX_REDIRECTS {
                let response = self.get(need, &url, admits).await?;
                let Some(location) = redirected(&response.status, &response.headers) else {
                    return response.take(need.most).await;
                };
                let next = location.and_then(|location| url.join(location).map_err(|error| error.to_string()));
                let next = next.map_err(|error| format!("redirected to no URL: {error}"))?;
                admits.redirect(need, hops, next.as_str()).await?;
                url = next;
            }
            Err(format!("more than {MAX_REDIRECTS} redirects"))
        };
        let late = || format!("nothing whole came within {} seconds", FETCH_WITHIN.as_secs());
        tokio::time::timeout(FETCH_WITHIN, whole).await.map_err(|_| late())?
    }

    /// Asks about a token. A redirect is an error: the token, and who asks, would go along.
    async fn ask(&self, need: &DocumentNeed, question: &Question) -> Result<Body, Failed> {
        if need.class != Class::Policy || need.server.is_some() {
            return Err("only a policy names where to ask about tokens".into());
        }
        let url = Url::parse(&need.url).map_err(|error| format!("the URL is none: {error}"))?;
        let whole = async {
            let authorization = question::authorization(&question.credential).await?;
            let place = self.budgets.question(question.known).await?;
            let response = match self.local.get(&url.origin().ascii_serialization()) {
                Some(router) => {
                    let request = http::Request::post(url.as_str())
                        .header(ACCEPT, &need.accept)
                        .header(AUTHORIZATION, authorization)
                        .header(CONTENT_TYPE, FORM)
                        .body(axum::body::Body::from(question.form.clone()));
                    within(router, request.map_err(|error| error.to_string())?, place).await
                }
                None => {
                    let request = self
                        .client(need.class, &url)?
                        .post(url.clone())
                        .header(ACCEPT, &need.accept)
                        .header(AUTHORIZATION, authorization)
                        .header(CONTENT_TYPE, FORM)
                        .body(question.form.clone());
                    over_the_network(request, place).await?
                }
            };
            if redirected(&response.status, &response.headers).is_some() {
                return Err("it redirects, and what is asked about a token goes nowhere else".to_owned());
            }
            response.take(need.most).await
        };
        let late = || format!("nothing whole came within {} seconds", FETCH_WITHIN.as_secs());
        tokio::time::timeout(FETCH_WITHIN, whole).await.map_err(|_| late())?
    }

    async fn get(&self, need: &DocumentNeed, url: &Url, admits: &Arc<dyn Admits>) -> Result<Response, Failed> {
        let origin = url.origin().ascii_serialization();
        let place = self.budgets.place(need.class, &origin).await?;
        // What is answered within this process has proved nothing to anybody.
        if let (None, Some(router)) = (&need.server, self.local.get(&origin)) {
            let request = http::Request::get(url.as_str()).header(ACCEPT, &need.accept).body(axum::body::Body::empty());
            return Ok(within(router, request.map_err(|error| error.to_string())?, place).await);
        }
        let mut client = self.client(need.class, url)?.clone();
        if need.server.is_some() {
            // Of the other one only what it refuses counts.
            client = self.of_workload(need, url, admits)?;
        }
        over_the_network(client.get(url.clone()).header(ACCEPT, &need.accept), place).await
    }

    /// Who may fetch a URL. The gate has admitted it; what it refuses for a class is refused here as well.
    fn client(&self, class: Class, url: &Url) -> Result<&Client, Failed> {
        let host = url.host().ok_or("the URL has no host")?;
        let port = url.port_or_known_default().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL has a user name".into());
        }
        if let Some(client) = self.pinned.get(&(host.to_string(), port)) {
            return Ok(client);
        }
        match (class, host, url.scheme()) {
            (Class::Policy, _, "http" | "https") => Ok(&self.open),
            (Class::Policy, ..) => Err("the URL is neither http nor https".into()),
            (_, Host::Domain(_), "https") => Ok(&self.strict),
            (_, Host::Domain(_), _) => Err("the URL is not https".into()),
            (_, Host::Ipv4(_) | Host::Ipv6(_), _) => Err("the URL names an address and no host".into()),
        }
    }

    /// For one connection to a server that proves who it is. It finds the server where [`Self::client`] would.
    fn of_workload(&self, need: &DocumentNeed, url: &Url, admits: &Arc<dyn Admits>) -> Result<Client, Failed> {
        let tls = workload_server::client_config(need, admits).map_err(|error| error.to_string())?;
        let builder = builder().tls_backend_preconfigured(tls).https_only(true).http1_only().pool_max_idle_per_host(0);
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        let builder = match self.pins.get(&(host.clone(), port)) {
            Some(addresses) => builder.resolve_to_addrs(&host, addresses),
            None => {
                let public_only = need.class != Class::Policy;
                builder.dns_resolver(Arc::new(Resolver::new(Arc::clone(&self.names), public_only)))
            }
        };
        builder.build().map_err(reason)
    }
}

/// Asks a part of this process.
async fn within(router: &Router, request: http::Request<axum::body::Body>, place: Place) -> Response {
    let answer = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (parts, body) = answer.into_parts();
    let stream = body.into_data_stream().map(|part| part.map_err(|error| error.to_string()));
    Response { status: parts.status, headers: parts.headers, body: stream.boxed(), _place: place }
}

async fn over_the_network(request: reqwest::RequestBuilder, place: Place) -> Result<Response, Failed> {
    let sent = request.send().await.map_err(reason)?;
    let (status, headers) = (sent.status(), sent.headers().clone());
    let body = sent.bytes_stream().map(|part| part.map_err(reason)).boxed();
    Ok(Response { status, headers, body, _place: place })
}

/// For servers that the system's authorities and their names authenticate, and further authorities that the operator named.
fn of_the_web(roots: &[reqwest::Certificate]) -> reqwest::ClientBuilder {
    builder().pool_max_idle_per_host(IDLE).tls_certs_merge(roots.iter().cloned())
}

fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(FETCH_WITHIN)
}

/// Where an answer redirects to, if it does. One that says so without a place is an error.
fn redirected<'h>(status: &StatusCode, headers: &'h HeaderMap) -> Option<Result<&'h str, String>> {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308).then(|| {
        let location = headers.get(LOCATION).ok_or("there is no Location")?;
        location.to_str().map_err(|_| "the Location is no text".into())
    })
}

/// What failed, without the URL, whose query may be secret.
fn reason(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// An answer whose body has not come yet.
struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: futures_util::stream::BoxStream<'static, Result<bytes::Bytes, Failed>>,
    /// Until the whole of it is here.
    _place: Place,
}

impl Response {
    /// The whole of it, if it is no longer than `most`.
    async fn take(mut self, most: u64) -> Result<Body, Failed> {
        let too_long = || format!("it has more than {most} bytes");
        let field = |name| self.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        if field(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err("it is compressed, which nobody asked for".into());
        }
        let told: Option<u64> = field(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if told.is_some_and(|length| length > most) {
            return Err(too_long());
        }
        let media_type = field(CONTENT_TYPE).and_then(|value| value.split(';').next());
        let media_type = media_type.map(|value| value.trim().to_ascii_lowercase());
        let mut bytes = Vec::new();
        while let Some(part) = self.body.next().await {
            let part = part?;
            if (bytes.len() + part.len()) as u64 > most {
                return Err(too_long());
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Body { status: self.status.as_u16(), media_type, bytes })
    }
}

/// Reads a file that the policy names: `file:` and a path, or `file://` and an absolute one.
async fn read_file(need: &DocumentNeed, path: &str) -> Result<Body, Failed> {
    if need.class != Class::Policy {
        return Err("only a policy names files".into());
    }
    let path = path.strip_prefix("//").unwrap_or(path);
    let read = async {
        let mut bytes = Vec::new();
        let file = tokio::fs::File::open(path).await?;
        file.take(need.most.saturating_add(1)).read_to_end(&mut bytes).await?;
        std::io::Result::Ok(bytes)
    };
    let late = |_| "the file could not be read in time".to_owned();
    let bytes = tokio::time::timeout(FETCH_WITHIN, read).await.map_err(late)?.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > need.most {
        return Err(format!("it has more than {} bytes", need.most));
    }
    Ok(Body { status: 200, media_type: None, bytes })
}

#[cfg(test)]
mod questions;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workloads;
