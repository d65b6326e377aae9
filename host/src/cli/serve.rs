//! `portcullis serve`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use portcullis_host::Runtime;
use portcullis_host::gateway::{Gateway, IdentityFiles, Listening, LogFormat, Resolve, Settings, Telemetry};
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use super::context::{Context, Format};

/// Answer proxies that ask whether a request may pass
///
/// Listeners stand in the policy, each with what it answers: `asserts = "envoy"` is ext_authz, gRPC over HTTP/2 and HTTP over
/// HTTP/1.1; `"nginx"` is /auth/nginx; `"traefik"` and `"caddy"` are /auth/forward; one without is POST /check. A policy
/// without listeners has one at 127.0.0.1:8080. The policy and certificates are read again when their files change, and on
/// SIGHUP; a policy that is refused leaves the old one at work. SIGTERM ends the gateway when requests that are under way
/// have ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis serve --policy policy.toml --admin 127.0.0.1:8081
  portcullis serve --policy policy.toml --crypto hosted --replay redis://127.0.0.1:6379 --audit /var/log/portcullis.ndjson
  portcullis serve --policy examples/demo/policy.toml --demo --admin 127.0.0.1:8081")]
pub(crate) struct Serve {
    /// The policy, `.toml` or `.json`
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_POLICY")]
    policy: PathBuf,

    /// Another address for a listener of the policy: host and port, or `unix:` and a path; again for more. Port 0 takes a
    /// free one
    #[arg(long, value_name = "[NAME=]ADDR")]
    listen: Vec<String>,

    /// Where health, metrics and dropping of remembered tokens are; nowhere if absent. It has no checks: keep it private
    #[arg(long, value_name = "ADDR", env = "PORTCULLIS_ADMIN")]
    admin: Option<String>,

    /// How many instances of the gate decide side by side; one for each processor if absent
    #[arg(long, value_name = "N", env = "PORTCULLIS_INSTANCES", value_parser = clap::value_parser!(u16).range(1..=256))]
    instances: Option<u16>,

    /// How long one call into an instance may take, in milliseconds; it is replaced after that
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    deadline: u64,

    /// Where used proofs are remembered: `memory`, or redis:// or rediss:// and a host, for Redis and Valkey
    #[arg(
        long,
        value_name = "memory|URL",
        default_value = "memory",
        env = "PORTCULLIS_REPLAY",
        hide_env_values = true
    )]
    replay: String,

    /// The secret that nonces are made with, where several hosts issue them: 32 bytes in base64url; random if absent
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_NONCE_KEY")]
    nonce_key: Option<PathBuf>,

    /// The address of an origin, in place of the name service's; it may be a private one. Again for more
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,

    /// Authorities (PEM) whose certificates are believed beside the system's when documents are fetched; again for more
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,

    /// The socket of the SPIFFE Workload API, from which bundles come
    #[arg(long, value_name = "SOCKET", env = "SPIFFE_ENDPOINT_SOCKET")]
    workload_api: Option<String>,

    /// The folder with the keys of a token service for registries, which is made where there is none; without it they are gone with
    /// the process
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_TOKEN_KEYS")]
    token_keys: Option<PathBuf>,

    /// The folder with the keys of a Transaction Token Service, which is made where there is none; without it they are gone with the
    /// process
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_TRANSACTION_KEYS")]
    transaction_keys: Option<PathBuf>,

    /// The folder with the keys that sign a sharing server's requests of Open Cloud Mesh, which is made where there is none; without
    /// it they are gone with the process
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_OCM_KEYS")]
    ocm_keys: Option<PathBuf>,

    /// The file in which clients are kept that were registered on first use, which is made where there is none; needed where the
    /// policy has [clients.register]
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CLIENTS_STORE")]
    clients_store: Option<PathBuf>,

    /// The gateway's own Workload Identity Token, a compact JWT; read again when it changes. With it and its key, answers to
    /// authorization servers are signed for those that ask for it
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_IDENTITY_TOKEN", requires = "identity_key")]
    identity_token: Option<PathBuf>,

    /// The private key of --identity-token, PEM (PKCS #8) or JWK; read again when it changes
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_IDENTITY_KEY", requires = "identity_token")]
    identity_key: Option<PathBuf>,

    /// Where one line of JSON for each decision goes (docs/audit.schema.json); `-` is standard output
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_AUDIT")]
    audit: Option<PathBuf>,

    /// What the log on standard error looks like; PORTCULLIS_LOG says what is in it, for example `debug`
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", env = "PORTCULLIS_LOG_FORMAT")]
    log_format: Log,

    /// Where traces go: an OpenTelemetry collector, OTLP over gRPC, for example `http://127.0.0.1:4317`
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp: Option<String>,

    /// How long requests that are under way may take when the gateway ends, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    grace: u64,

    /// Have an issuer for demonstration within, `https://issuer.demo.portcullis.example`; its mint is on the admin listener
    #[arg(long)]
    demo: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Log {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Where the example's policy listens.
const DEMO_DOOR: &str = "127.0.0.1:8080";

/// Each instance may grow to the budget of a gate, and a little for itself.
const INSTANCE_MEMORY: usize = 320 << 20;

pub(crate) fn run(serve: Serve, context: &Context) -> anyhow::Result<Outcome> {
    let instances =
        serve.instances.map_or_else(|| std::thread::available_parallelism().map_or(2, usize::from), usize::from);
    let builder = Runtime::builder()
        .max_instances(Gateway::instances_needed(instances))
        .memory_limit(INSTANCE_MEMORY)
        .deadline(Duration::from_millis(serve.deadline));
    let component = context.component(&context.runtime(builder)?)?;
    let mut settings = Settings::new(serve.policy, component);
    settings.instances = instances;
    settings.listen = serve.listen.iter().map(|text| named(text)).collect();
    settings.admin = serve.admin;
    settings.replay = serve.replay;
    settings.nonce_key = serve.nonce_key;
    settings.resolve = serve.resolve;
    settings.authorities = serve.ca;
    settings.workload_api = serve.workload_api;
    settings.audit = serve.audit;
    settings.token_keys = serve.token_keys;
    settings.transaction_keys = serve.transaction_keys;
    settings.ocm_keys = serve.ocm_keys;
    settings.clients_store = serve.clients_store;
    settings.identity = serve.identity_token.zip(serve.identity_key).map(|(token, key)| IdentityFiles { token, key });
    settings.demo = serve.demo;
    settings.grace = Duration::from_secs(serve.grace);
    let log = match (serve.log_format, context.asked_format()) {
        (Log::Json, _) | (_, Some(Format::Json)) => LogFormat::Json,
        (Log::Text, _) => LogFormat::Text,
    };
    let demo = settings.demo;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(async {
        let telemetry = Telemetry::start(log, serve.otlp.as_deref())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let gateway = Gateway::start(settings).await?;
        let listeners = gateway.listeners();
        for listener in &listeners {
            if listener.name == "admin" {
                eprintln!("admin on {}", listener.address);
            } else {
                eprintln!("listening {} on {} ({})", listener.name, listener.address, listener.what);
            }
        }
        if demo {
            try_this(&listeners);
        }
        gateway
            .run(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            })
            .await;
        telemetry.end();
        Ok(Outcome::Accepted)
    })
}

/// Prints what to try with the example's policy and the demo issuer: a request that is allowed, and one that is denied.
fn try_this(listeners: &[Listening]) {
    let address = |name: &str| listeners.iter().find(|known| known.name == name).map(|known| known.address.as_str());
    let (Some(door), Some(admin)) = (address("envoy"), address("admin")) else { return };
    // The example's origin is where it listens unless it is told otherwise.
    let host = if door == DEMO_DOOR { String::new() } else { format!(" -H 'Host: {DEMO_DOOR}'") };
    let token = format!("-H \"Authorization: Bearer $(curl -s http://{admin}/demo/token -d scope=reports:read)\"");
    println!(
        "\nallowed, with what the upstream is told:\n  curl -i http://{door}/reports/7{host} {token}\n\
         denied, the scope does not suffice:\n  curl -i -X POST http://{door}/payments{host} {token}\n\
         more, revoking tokens among it:\n  curl http://{admin}/demo\n\
         look at tokens, status lists, SVIDs and policies:\n  http://{admin}/playground/\n"
    );
}

/// `NAME=ADDR`, or an address alone.
fn named(text: &str) -> (Option<String>, String) {
    match text.split_once('=') {
        Some((name, address)) => (Some(name.into()), address.into()),
        None => (None, text.into()),
    }
}
