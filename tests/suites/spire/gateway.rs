//! Gateways that trust the two domains, and where each has their bundles from.

use std::path::Path;
use std::process::Command;

use portcullis_tests::dist;
use portcullis_tests::serving::{Process, answers, free_port};
use serde_json::{Value, json};

use super::running::{API, Domain, ENDPOINT};

/// The authorization server whose clients a gateway knows.
pub(crate) const SERVER: &str = "https://as.example";

/// Where bundles come from.
pub(crate) struct Source<'s> {
    /// The authority of the web's servers.
    pub(crate) web: &'s Path,
    pub(crate) one: &'s Domain,
    pub(crate) two: Option<&'s Domain>,
    /// Certificate and key of the gateways' own TLS.
    pub(crate) door: (&'s Path, &'s Path),
}

impl Source<'_> {
    /// The origin of SPIRE's bundle endpoint on the web.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{ENDPOINT}:{}", self.one.server.bundle_port)
    }

    /// Both by their endpoints: that of `one.example` is on the web, that of `two.example` is its server's, as a workload.
    pub(crate) fn by_endpoint(&self) -> Value {
        let two = self.two.map(|two| {
            let server = &two.server;
            json!({
                "bundle": format!("https://127.0.0.1:{}/", server.bundle_port),
                "bundle_profile": "https_spiffe",
                "endpoint_spiffe_id": server.id("/spire/server"),
                "bundle_initial": server.bundle(),
            })
        });
        // SPIRE has it at `/` and nowhere else.
        policy(&json!({"bundle": format!("{}/", self.endpoint())}), two.as_ref())
    }

    /// Both by the Workload API. It says who the clients of an authorization server are, too, and registers some.
    pub(crate) fn by_agent(&self) -> Value {
        let mut policy = policy(&by_agent(), self.two_by_agent().as_ref());
        policy["origins"].as_array_mut().expect("a list").push(SERVER.into());
        policy["clients"] = json!({"server": SERVER, "register": {"spiffe_id": ["spiffe://one.example/billing/*"]}});
        policy
    }

    /// `one.example` by a file of this bundle.
    pub(crate) fn by_file(&self, folder: &Path, bundle: &Value) -> Value {
        let path = folder.join("one.json");
        std::fs::write(&path, bundle.to_string()).expect("it is written");
        policy(&json!({"bundle": format!("file:{}", path.display())}), self.two_by_agent().as_ref())
    }

    fn two_by_agent(&self) -> Option<Value> {
        self.two.map(|_| by_agent())
    }
}

fn by_agent() -> Value {
    json!({"bundle": "workload-api"})
}

/// Who may do what: `/billing/` is for the workloads of one folder of `one.example`, `/partners/` for those of `two.example`,
/// where that is trusted. Each is told by where its bundle comes from.
pub(crate) fn policy(one: &Value, two: Option<&Value>) -> Value {
    let domain = |name: &str, source: &Value| {
        let mut domain = source.clone();
        domain["name"] = name.into();
        domain["audience"] = json!([API]);
        domain
    };
    let rule = |name: &str, domain: &str, folder: &str| {
        json!({"name": name, "issuers": [domain], "path": format!("/{name}/{{rest...}}"),
            "require": {"spiffe_id": [format!("spiffe://{domain}/{folder}/*")]}})
    };
    let mut domains = vec![domain("one.example", one)];
    let mut rules = vec![rule("billing", "one.example", "billing")];
    if let Some(two) = two {
        domains.push(domain("two.example", two));
        rules.push(rule("partners", "two.example", "partner"));
    }
    json!({
        // nginx and Envoy's HTTP listeners are asked without TLS.
        "origins": [API, "http://api.example"],
        // So that a test sees the code that decided.
        "expose": "full",
        "trust_domains": domains,
        "upstream": {"set": {"X-User": "spiffe_id"}},
        "rules": rules,
    })
}

/// A gateway that runs.
pub(crate) struct Gateway {
    _process: Process,
    /// Where clients come to it themselves, by mTLS.
    pub(crate) tls: u16,
    /// Where Envoy asks.
    pub(crate) envoy: u16,
    /// Where nginx asks.
    pub(crate) nginx: u16,
    /// Where an authorization server asks about its clients.
    pub(crate) clients: u16,
}

impl Gateway {
    /// Starts it, and waits until it has its bundles.
    pub(crate) fn start(folder: &Path, name: &str, policy: &Value, source: &Source<'_>) -> Self {
        let [tls, envoy, nginx, clients, admin] = std::array::from_fn(|_| free_port());
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut policy = policy.clone();
        policy["listeners"] = json!([
            {"name": "tls", "address": address(tls), "asserts": "envoy", "client_certificate": "tls",
             "tls": {"certificate": source.door.0, "key": source.door.1}},
            {"name": "envoy", "address": address(envoy), "asserts": "envoy", "client_certificate": "xfcc"},
            {"name": "nginx", "address": address(nginx), "asserts": "nginx"},
        ]);
        if policy.get("clients").is_some() {
            let listener = json!({"name": "clients", "address": address(clients), "serves": "clients"});
            policy["listeners"].as_array_mut().expect("a list").push(listener);
        }
        let path = folder.join(format!("{name}.json"));
        std::fs::write(&path, policy.to_string()).expect("it is written");
        let mut command = Command::new(dist("bin/portcullis"));
        command.args(["serve", "--crypto", "hosted", "--policy"]).arg(path);
        command.args(["--admin", &address(admin)]).arg("--ca").arg(source.web);
        command.args(["--resolve", &format!("{ENDPOINT}:{}:127.0.0.1", source.one.server.bundle_port)]);
        command.arg("--workload-api").arg(&source.one.agent.socket);
        command.arg("--clients-store").arg(folder.join(format!("{name}.db")));
        let process = Process::start("the gateway", &mut command);
        process.line("ready");
        assert!(answers(admin, "/readyz"), "{:#?}", process.said());
        Self { _process: process, tls, envoy, nginx, clients }
    }
}
