//! Everything that runs: a Transaction Token Service, three gateways with nginx before them, and the services behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portcullis_tests::serving::{Authority, Process, Upstream, dns, free_port, start_nginx, uri, wait_for_port};
use portcullis_tests::{dist, root};
use serde_json::{Value, json};

use super::keys::{self, DOMAIN, EDGE, ISSUER, ORDERS};
use super::services::{self, Exchange};

pub(crate) const EDGE_HOST: &str = "api.example";
pub(crate) const ORDERS_HOST: &str = "orders.prod.example";
pub(crate) const STOCK_HOST: &str = "stock.prod.example";
pub(crate) const TTS_NAME: &str = "tts.prod.example";

/// A stage. All of it ends with it.
pub(crate) struct Stage {
    /// Where users come in.
    pub(crate) edge: u16,
    keys: PathBuf,
    _processes: Vec<Process>,
    _folder: tempfile::TempDir,
}

/// What the gateways have in common.
struct Around<'a> {
    folder: &'a Path,
    /// Where the Transaction Token Service is.
    tts: &'a str,
    bundle: Value,
    web: &'a Path,
}

impl Stage {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| {
            std::fs::write(place(name), text).expect("it is written");
            place(name)
        };
        let (domain, web) = (keys::authority(), Authority::new(Vec::new()));
        let door = web.issue([dns(TTS_NAME)]);
        let tts_port = free_port();
        let tts = format!("https://{TTS_NAME}:{tts_port}");
        let web_file = write("web.pem", &web.pem);
        let files = (write("tts.pem", &door.pem.0), write("tts.key", &door.pem.1));
        let around = Around { folder: folder.path(), tts: &tts, bundle: keys::bundle(&domain), web: &web_file };

        let policy = around.service(&format!("127.0.0.1:{tts_port}"), (&files.0, &files.1));
        let mut processes = vec![around.gateway("tts", &policy, |command| {
            command.arg("--transaction-keys").arg(place("keys"));
        })];

        let exchange = || Exchange { port: tts_port, host: format!("{TTS_NAME}:{tts_port}"), root: web.der.clone() };
        let svid = |id: &str| domain.issue([uri(id)]);
        let fronts = [free_port(), free_port(), free_port()];
        let stock = Upstream::start().port;
        let (own, its) = (exchange(), svid(ORDERS));
        let orders = services::start(move |asked| services::orders(&own, &its, fronts[2], asked));
        let (own, its, stranger) = (exchange(), svid(EDGE), svid(keys::STRANGER));
        let edge = services::start(move |asked| services::edge(&own, &its, &stranger, fronts[1], asked));

        let upstreams = [edge, orders, stock];
        let policies = [around.of_edge(), around.of_orders(), around.of_stock()];
        let mut nginx = String::new();
        for (number, name) in ["edge", "orders", "stock"].into_iter().enumerate() {
            let checks = free_port();
            let mut policy = policies[number].clone();
            policy["listeners"] =
                json!([{"name": "nginx", "address": format!("127.0.0.1:{checks}"), "asserts": "nginx"}]);
            processes.push(around.gateway(name, &policy, |_| {}));
            nginx.push_str(&front(name, fronts[number], checks, upstreams[number]));
        }
        processes.push(start_nginx(folder.path(), &nginx));
        fronts.into_iter().for_each(wait_for_port);
        // Proofs of before a memory began are refused, and their times are whole seconds.
        let began = keys::wall();
        while keys::wall() <= began + 1 {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { edge: fronts[0], keys: place("keys"), _processes: processes, _folder: folder }
    }

    /// Makes another key as an operator does, which signs after so long, and tells its identifier.
    pub(crate) fn rotate(&self, after: Duration) -> String {
        let made = Command::new(dist("bin/portcullis"))
            .args(["transaction", "rotate", "--keys"])
            .arg(&self.keys)
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{made:?}");
        let told: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let kid = told["kid"].as_str().expect("a key").to_owned();
        // It signs ten minutes after it is published, for which no test waits. The second stands in the file's name.
        let entries = std::fs::read_dir(&self.keys).expect("it reads").map(|entry| entry.expect("an entry").path());
        let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(&format!("-{kid}.pem"));
        let path = entries.into_iter().find(is_it).expect("the key's file");
        let from = keys::wall() + after.as_secs();
        std::fs::rename(&path, path.with_file_name(format!("{from}-{kid}.pem"))).expect("it is renamed");
        kid
    }
}

/// nginx in front of a service, as in the example, with other ports.
fn front(name: &str, port: u16, checks: u16, upstream: u16) -> String {
    let example = std::fs::read_to_string(root().join("examples/nginx/portcullis.conf")).expect("the example");
    example
        .replace("upstream portcullis", &format!("upstream portcullis_{name}"))
        .replace("http://portcullis/", &format!("http://portcullis_{name}/"))
        .replace("upstream api", &format!("upstream api_{name}"))
        .replace("http://api;", &format!("http://api_{name};"))
        .replace("127.0.0.1:10000", &format!("127.0.0.1:{port}"))
        .replace("127.0.0.1:8082", &format!("127.0.0.1:{checks}"))
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{upstream}"))
}

impl Around<'_> {
    fn issuers() -> Value {
        json!([{"name": "corp", "issuer": ISSUER, "keys": keys::issuer(), "audience": [format!("http://{EDGE_HOST}")]}])
    }

    /// The service, by mTLS.
    fn service(&self, address: &str, (certificate, key): (&Path, &Path)) -> Value {
        let mut tokens = self.tokens();
        tokens["service"] = json!({
            "endpoint": format!("{}/token", self.tts),
            "workloads": [
                {"spiffe_id": ["spiffe://prod.example/edge/*"], "subject_types": ["access_token"], "request_details": ["action"]},
                {"spiffe_id": ["spiffe://prod.example/inner/*"], "subject_types": ["txn_token"]},
            ],
        });
        json!({
            "origins": [self.tts],
            "issuers": Self::issuers(),
            "trust_domains": [{"name": DOMAIN, "bundle": self.bundle, "svids": ["x509"]}],
            "transaction_tokens": tokens,
            "limits": {"keys_refresh": "10s"},
            "listeners": [{"name": "tts", "address": address, "serves": "transactions", "client_certificate": "tls",
                "tls": {"certificate": certificate, "key": key}}],
        })
    }

    /// What is known of the service everywhere.
    fn tokens(&self) -> Value {
        json!({"trust_domain": DOMAIN, "keys": format!("{}/jwks", self.tts), "issuer": self.tts})
    }

    fn of_edge(&self) -> Value {
        json!({
            "origins": [format!("http://{EDGE_HOST}")],
            "issuers": Self::issuers(),
            "rules": [{"require": {"scope": ["buy"]}}],
        })
    }

    fn of_orders(&self) -> Value {
        let require = json!({"spiffe_id": [EDGE], "transaction": {"scope": ["stock.read"]}});
        self.inner(ORDERS_HOST, &json!([{"require": require}]))
    }

    fn of_stock(&self) -> Value {
        let rule = |method: &str, scope: &str| {
            let require = json!({"spiffe_id": [ORDERS], "transaction": {"scope": [scope]}});
            json!({"methods": [method], "path": "/stock", "require": require})
        };
        self.inner(STOCK_HOST, &json!([rule("GET", "stock.read"), rule("POST", "stock.write")]))
    }

    fn inner(&self, host: &str, rules: &Value) -> Value {
        json!({
            "origins": [format!("http://{host}")],
            "trust_domains": [{"name": DOMAIN, "bundle": self.bundle, "svids": ["wit"], "proof": "wimse"}],
            "transaction_tokens": self.tokens(),
            "limits": {"keys_refresh": "10s"},
            "rules": rules,
        })
    }

    /// A gateway that runs.
    fn gateway(&self, name: &str, policy: &Value, more: impl FnOnce(&mut Command)) -> Process {
        let path = self.folder.join(format!("{name}.json"));
        std::fs::write(&path, policy.to_string()).expect("it is written");
        let authority = self.tts.trim_start_matches("https://");
        let mut command = Command::new(dist("bin/portcullis"));
        command.args(["serve", "--crypto", "hosted", "--policy"]).arg(&path).arg("--ca").arg(self.web);
        command.args(["--resolve", &format!("{authority}:127.0.0.1")]);
        more(&mut command);
        let process = Process::start(name, &mut command);
        process.line("ready");
        process
    }
}
