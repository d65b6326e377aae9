//! Starting and ending.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::admin::Admin;
use super::audit::{Audit, Written};
use super::check::{self, Door, Services};
use super::clients::{Registrations, StoreError};
use super::clock::now;
use super::demo::DemoIssuer;
use super::documents::{FetchSettings, Fetcher, Pin, Store};
use super::engine::{Engine, GENERATIONS, Parts, ReloadError, Source};
use super::identity::{Identity, IdentityError};
use super::listener::{Serving, Socket};
use super::metrics::Metrics;
use super::ocm::OcmService;
use super::reload::Reloading;
use super::replay::{Nonces, ReplayMemory};
use super::settings::Settings;
use super::tls::{self, Asked, ListenerTls, TlsError};
use super::tokens::{KeysError, TokenService};
use super::transactions::TransactionService;
use crate::gate::{Asserter, HostSettings, Listener, Replay};

/// Where the issuer for demonstration is: a name that nobody has (RFC 6761), answered within the process.
const DEMO_ISSUER: &str = "https://issuer.demo.portcullis.example";

/// The name of the one listener where the policy has none.
const UNNAMED: &str = "check";

/// Where it listens then.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

/// How long the last audit lines may take to be written.
const AUDIT_WITHIN: Duration = Duration::from_secs(5);

/// Why a gateway does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The policy cannot be put to work.
    #[error("{0}")]
    Policy(String),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {cause}; name another with --listen or --admin")]
    Bind {
        /// The address.
        address: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A listener was given an address that the policy does not have.
    #[error("the policy has no listener {name}; it has: {}", known.join(", "))]
    NoListener {
        /// The name that was given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An address was given without a name, and there is more than one listener.
    #[error("the policy has {} listeners: say --listen NAME=ADDR", known.len())]
    WhichListener {
        /// Those that there are.
        known: Vec<String>,
    },
    /// A listener's TLS cannot be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The memory of used proofs cannot be set up.
    #[error("{0}")]
    Replay(String),
    /// Documents could not be fetched at all.
    #[error("{0}")]
    Fetcher(String),
    /// The token service's keys cannot be had.
    #[error("the token service has no keys: {0}")]
    TokenKeys(#[source] KeysError),
    /// The Transaction Token Service's keys cannot be had.
    #[error("the transaction token service has no keys: {0}")]
    TransactionKeys(#[source] KeysError),
    /// Requests of a sharing server cannot be signed.
    #[error("requests of Open Cloud Mesh cannot be signed: {0}")]
    Ocm(String),
    /// The policy registers clients, and there is nowhere to keep them.
    #[error("the policy registers clients on first use, and nobody keeps them: name a file with --clients-store")]
    NoClientsStore,
    /// The store of clients cannot be used.
    #[error("the store of clients: {0}")]
    ClientsStore(#[from] StoreError),
    /// The gateway's own identity cannot be used.
    #[error("the gateway's own identity: {0}")]
    Identity(#[from] IdentityError),
    /// The issuer for demonstration has no key.
    #[error("{0}")]
    Demo(String),
    /// The audit's file cannot be opened.
    #[error("cannot write the audit to {}: {cause}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

impl From<ReloadError> for StartError {
    fn from(error: ReloadError) -> Self {
        Self::Policy(error.to_string())
    }
}

/// A listener that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listening {
    /// Its name in the policy; `admin` for the admin listener.
    pub name: String,
    /// Its address, with the port that it was given.
    pub address: String,
    /// What it answers, for people.
    pub what: &'static str,
}

/// A gateway that listens.
pub struct Gateway {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    doors: Vec<(Arc<Door>, Serving)>,
    admin: Option<(axum::Router, Serving)>,
    services: Services,
    registrations: Option<Registrations>,
    reloading: Reloading,
    written: Option<Written>,
    grace: Duration,
}

impl Gateway {
    /// How many instances a runtime has to allow for a gateway with so many: while a policy is replaced, the next and the
    /// last one have theirs, too; policies are read by another, proofs for the demo issuer are judged by one, and one is asked what of a
    /// sharing server's requests has to be signed.
    #[must_use]
    pub fn instances_needed(instances: usize) -> u32 {
        u32::try_from(instances).unwrap_or(u32::MAX / 8).saturating_mul(GENERATIONS).saturating_add(6)
    }

    /// Reads the policy and binds every listener. Checks are answered once it [runs](Self::run).
    ///
    /// # Errors
    ///
    /// What is wrong with the policy or the settings.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let source = Source::read(&settings.policy)?;
        let host = source.settings(&settings.component)?;
        let base = settings.policy.parent().map(Path::to_owned).unwrap_or_default();
        let metrics = Arc::new(Metrics::new());
        let demo = settings.demo.then(|| DemoIssuer::new(DEMO_ISSUER, Some(settings.component.clone())));
        let demo = demo.transpose().map_err(|error| StartError::Demo(error.to_string()))?.map(Arc::new);
        let replay =
            ReplayMemory::open(&settings.replay, now()).await.map_err(|e| StartError::Replay(e.to_string()))?;
        if host.replay != Replay::Node && settings.replay == "memory" {
            tracing::warn!(
                "the policy promises a shared memory of used proofs, and --replay is this host's own: name a Redis"
            );
        }
        let challenges = host.clients.as_ref().filter(|clients| clients.challenges);
        let nonces = match (host.replay, challenges) {
            (Replay::Node | Replay::Shared, None) if !host.challenges => None,
            (_, challenges) => {
                let key = settings.nonce_key.as_deref();
                let window = host.proof_window.max(challenges.map_or(0, |clients| clients.window));
                let nonces = Nonces::from_file_or_random(key, Duration::from_secs(window));
                Some(nonces.map_err(|error| StartError::Replay(error.to_string()))?)
            }
        };
        let registrations = match (host.clients.as_ref().filter(|clients| clients.registers), &settings.clients_store) {
            (Some(_), Some(path)) => Some(Registrations::open(path)?),
            (Some(_), None) => return Err(StartError::NoClientsStore),
            (None, _) => None,
        };
        let services = services(&host, &settings)?;
        let identity = settings.identity.clone().map(Identity::open).transpose()?.map(Arc::new);
        let parts = Parts {
            component: settings.component.clone(),
            instances: settings.instances,
            fetcher: fetcher(&settings, demo.as_ref(), &services)?,
            store: Arc::new(Store::new()),
            replay,
            nonces,
            registrations: registrations.clone(),
            metrics: Arc::clone(&metrics),
        };
        let engine = Engine::new(parts, source)?;
        let (audit, written) = match &settings.audit {
            Some(path) => {
                let opened = Audit::open(path);
                let (audit, written) = opened.map_err(|cause| StartError::Audit { path: path.clone(), cause })?;
                (Some(audit), Some(written))
            }
            None => (None, None),
        };
        let (listeners, declared) = listeners(host.listeners, &settings.listen)?;
        let mut doors = Vec::new();
        let mut watched = vec![settings.policy.clone()];
        watched.extend(identity.iter().flat_map(|identity| identity.paths()));
        let mut certificates = Vec::new();
        for listener in listeners {
            let tls = match &listener.tls {
                Some(files) => {
                    let asked = match () {
                        () if !listener.peers.is_empty() => Asked::Peers,
                        () if listener.asks_certificate => Asked::Anybody,
                        () => Asked::Authorities,
                    };
                    Some(Arc::new(ListenerTls::new(files, &base, asked)?))
                }
                None => None,
            };
            if let Some(tls) = &tls {
                watched.extend(tls.paths());
                certificates.push(Arc::clone(tls));
            }
            let serving = Serving {
                name: listener.name.clone(),
                socket: bind(&listener.address).await?,
                tls,
                peers: listener.peers.clone(),
                metrics: Arc::clone(&metrics),
            };
            let (engine, metrics) = (Arc::clone(&engine), Arc::clone(&metrics));
            let door = Door::new(engine, metrics, audit.clone(), listener, declared, &services, identity.clone());
            doors.push((Arc::new(door), serving));
        }
        let admin = match &settings.admin {
            None => None,
            Some(address) => {
                let socket = bind(address).await?;
                let mut router = Admin { engine: Arc::clone(&engine), metrics: Arc::clone(&metrics) }.router();
                if let Some(demo) = &demo {
                    router = router.merge(demo.people());
                }
                let mut router = super::admin::guarded(router, &socket.address());
                if let Some(demo) = &demo {
                    // The documents too, for those who cannot fetch them within this process: Envoy's filter.
                    router = router.merge(demo.pages(&socket.address()));
                }
                let metrics = Arc::clone(&metrics);
                Some((router, Serving { name: "admin".into(), socket, tls: None, peers: Vec::new(), metrics }))
            }
        };
        let reloading =
            Reloading::new(Arc::clone(&engine), Arc::clone(&metrics), settings.policy, watched, certificates, identity);
        Ok(Self { engine, metrics, doors, admin, services, registrations, reloading, written, grace: settings.grace })
    }

    /// Where it listens, with the ports that it was given.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listening> {
        let doors = self.doors.iter().map(|(door, serving)| Listening {
            name: serving.name.clone(),
            address: serving.socket.address(),
            what: check::kind(door.listener()),
        });
        let admin = self.admin.iter().map(|(_, serving)| Listening {
            name: serving.name.clone(),
            address: serving.socket.address(),
            what: "health, metrics",
        });
        doors.chain(admin).collect()
    }

    /// Answers checks until `end` comes, then takes no more connections and lets requests that are under way end.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { engine, metrics, doors, admin, services, registrations, reloading, written, grace } = self;
        let (end_all, ending) = watch::channel(false);
        let mut background = JoinSet::new();
        background.spawn(Arc::clone(&engine).keep_fresh());
        background.spawn(reloading.run());
        if let Some(tokens) = services.tokens {
            background.spawn(tokens.keep_keys());
        }
        if let Some(transactions) = services.transactions {
            background.spawn(transactions.keep_keys());
        }
        if let Some(ocm) = services.ocm {
            background.spawn(ocm.keep_keys());
        }
        if let Some(registrations) = registrations {
            background.spawn(registrations.keep_small());
        }
        background.spawn(tell_when_ready(Arc::clone(&engine), metrics));
        let mut listening = JoinSet::new();
        for (door, serving) in doors {
            let handle = move |request| {
                let door = Arc::clone(&door);
                async move { door.answer(request).await }
            };
            listening.spawn(serving.run(handle, ending.clone(), grace));
        }
        if let Some((router, serving)) = admin {
            let handle = move |request: http::Request<hyper::body::Incoming>| {
                let router = router.clone();
                async move {
                    let answered = tower::ServiceExt::oneshot(router, request.map(axum::body::Body::new)).await;
                    match answered {
                        Ok(answer) => answer,
                        Err(never) => match never {},
                    }
                }
            };
            listening.spawn(serving.run(handle, ending, grace));
        }
        end.await;
        tracing::info!("ending: no more connections are taken");
        let _ = end_all.send(true);
        while listening.join_next().await.is_some() {}
        background.shutdown().await;
        if let Some(written) = written {
            // Connections that did not end in time may still hold it.
            let _ = tokio::time::timeout(AUDIT_WITHIN, written).await;
        }
    }
}

/// Says once that every issuer has keys.
async fn tell_when_ready(engine: Arc<Engine>, metrics: Arc<Metrics>) {
    while !engine.current().ready(&metrics).await.ready {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tracing::info!("ready");
}

async fn bind(address: &str) -> Result<Socket, StartError> {
    Socket::bind(address).await.map_err(|cause| StartError::Bind { address: address.into(), cause })
}

/// The policy's listeners at the addresses that they were given; one without a name where it has none.
fn listeners(declared: Vec<Listener>, moved: &[(Option<String>, String)]) -> Result<(Vec<Listener>, bool), StartError> {
    let in_policy = !declared.is_empty();
    let mut listeners = if in_policy { declared } else { vec![unnamed()] };
    let known: Vec<String> = listeners.iter().map(|listener| listener.name.clone()).collect();
    for (name, address) in moved {
        let listener = match name {
            Some(name) => listeners.iter_mut().find(|listener| listener.name == *name),
            None if listeners.len() == 1 => listeners.first_mut(),
            None => return Err(StartError::WhichListener { known }),
        };
        match (listener, name) {
            (Some(listener), _) => listener.address.clone_from(address),
            (None, name) => return Err(StartError::NoListener { name: name.clone().unwrap_or_default(), known }),
        }
    }
    for listener in &listeners {
        refuse_exposed(listener)?;
    }
    Ok((listeners, in_policy))
}

/// Refuses to move a listener that takes a proxy's word to where anybody may speak. The policy's own address was looked at by
/// the gate, which does not see where it was moved.
fn refuse_exposed(listener: &Listener) -> Result<(), StartError> {
    // What is sent in a server's name is for that server alone to say.
    let trusts =
        listener.clients || listener.ocm || listener.asserts.is_some() || listener.trust_proxy_validation.is_some();
    let known = listener.tls.is_some() && !listener.peers.is_empty();
    let host = listener.address.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
    let loopback = host.parse::<std::net::IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
    if trusts && !known && !loopback && !listener.address.starts_with("unix:") {
        return Err(StartError::Policy(format!(
            "the listener {} takes another's word, and {} can be reached by others: use loopback, a Unix socket, or tls with \
             named peers",
            listener.name, listener.address
        )));
    }
    Ok(())
}

fn unnamed() -> Listener {
    Listener {
        name: UNNAMED.into(),
        address: DEFAULT_ADDRESS.into(),
        tokens: false,
        clients: false,
        transactions: false,
        ocm: false,
        asks_certificate: false,
        asserts: None::<Asserter>,
        trust_proxy_validation: None,
        peers: Vec::new(),
        tls: None,
    }
}

/// What the gateway signs with keys of its own, as the policy says.
fn services(host: &HostSettings, settings: &Settings) -> Result<Services, StartError> {
    let tokens = host.token_service.clone();
    let tokens =
        tokens.map(|described| TokenService::open(described, settings.token_keys.as_deref(), settings.instances));
    let transactions = host.transaction_service.as_ref();
    let transactions =
        transactions.map(|described| TransactionService::open(described, settings.transaction_keys.as_deref()));
    // A policy may judge what others send, and leave signing to the server itself.
    let signs = host.ocm_host.is_some() && host.listeners.iter().any(|listener| listener.ocm);
    let ocm = signs.then(|| OcmService::open(settings.ocm_keys.as_deref(), &settings.component));
    Ok(Services {
        tokens: tokens.transpose().map_err(StartError::TokenKeys)?.map(Arc::new),
        transactions: transactions.transpose().map_err(StartError::TransactionKeys)?.map(Arc::new),
        ocm: ocm.transpose().map_err(|error| StartError::Ocm(error.to_string()))?.map(Arc::new),
    })
}

/// What is answered within the process, by origin: the gateway's own documents are had without a network. Where two are at one
/// origin, what the one has not is the other's.
fn within(documents: impl Iterator<Item = (String, axum::Router)>) -> HashMap<String, axum::Router> {
    let mut all: HashMap<String, axum::Router> = HashMap::new();
    for (origin, router) in documents {
        let router = match all.remove(&origin) {
            Some(first) => first.fallback_service(router),
            None => router,
        };
        all.insert(origin, router);
    }
    all
}

fn fetcher(settings: &Settings, demo: Option<&Arc<DemoIssuer>>, services: &Services) -> Result<Fetcher, StartError> {
    let mut roots = Vec::new();
    for path in &settings.authorities {
        roots.extend(tls::certificates(path, "authorities of issuers")?);
    }
    let pin =
        |known: &super::settings::Resolve| Pin { host: known.host.clone(), port: known.port, address: known.address };
    let demo = demo.map(|demo| (DEMO_ISSUER.to_owned(), demo.documents()));
    let tokens = services.tokens.as_ref().map(TokenService::documents);
    let transactions = services.transactions.as_ref().map(TransactionService::documents);
    let local = within(demo.into_iter().chain(tokens).chain(transactions));
    let settings = FetchSettings {
        pins: settings.resolve.iter().map(pin).collect(),
        extra_roots: roots,
        local,
        workload_api: settings.workload_api.clone(),
        ..FetchSettings::default()
    };
    Fetcher::new(settings).map_err(|error| StartError::Fetcher(error.to_string()))
}
