//! A real Envoy, from PyPI, with configurations made here. Those of `examples/` are run by the suite of the proxies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Answer, Clock, Process, answers, ask, get};
use crate::{dist, root};

/// Where `tools/need.sh envoy` puts it.
///
/// # Panics
///
/// It is not there.
pub fn envoy() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let path = folder.join("venv/bin/envoy");
    assert!(path.exists(), "{} is missing: tools/need.sh envoy", path.display());
    path
}

/// An Envoy that runs.
pub struct Envoy {
    process: Process,
    /// Its admin listener.
    pub admin: u16,
    path: PathBuf,
    folder: tempfile::TempDir,
}

/// How to run it.
#[derive(Default)]
pub struct Running<'c> {
    /// How many workers it has; one where nothing is said.
    pub workers: Option<u32>,
    /// The clock by which it goes; the machine's where nothing is said.
    pub clock: Option<&'c Clock>,
}

impl Envoy {
    /// Starts it with these listeners and clusters, and waits until it is live.
    pub fn start(listeners: &[Value], clusters: &[Value], running: &Running<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("envoy.json");
        let config = json!({
            "admin": {"address": address(0)},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        });
        std::fs::write(&path, config.to_string()).expect("it is written");
        Self::of_file(&path, folder, running)
    }

    /// Starts it with a configuration as text, in YAML or JSON. Its administration is put in front.
    pub fn of_text(text: &str, running: &Running<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("envoy.yaml");
        std::fs::write(&path, format!("admin: {{\"address\": {}}}\n{text}", address(0))).expect("it is written");
        Self::of_file(&path, folder, running)
    }

    /// Starts one that is to refuse its listeners, and gives what it says of them.
    ///
    /// # Panics
    ///
    /// It takes them.
    pub fn refusing(listeners: &[Value], clusters: &[Value]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("envoy.json");
        let config = json!({"static_resources": {"listeners": listeners, "clusters": clusters}});
        std::fs::write(&path, config.to_string()).expect("it is written");
        let mut command = Command::new(envoy());
        command.arg("-c").arg(&path).args(["--log-level", "warning", "--disable-hot-restart", "--concurrency", "1"]);
        let process = Process::start("Envoy", &mut command);
        let begun = std::time::Instant::now();
        while process.runs() {
            assert!(begun.elapsed() < super::WITHIN, "it runs: {:#?}", process.said());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        process.line("Unable to create Wasm plugin");
        process.said()
    }

    /// Starts it with listeners that are read from a file, which [`Self::listeners`] replaces while it runs.
    pub fn dynamic(listeners: &[Value], clusters: &[Value], running: &Running<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("envoy.json");
        write_listeners(folder.path(), 0, listeners);
        let config = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": address(0)},
            "dynamic_resources": {"lds_config": {"resource_api_version": "V3",
                "path_config_source": {"path": folder.path().join("listeners.json"),
                                       "watched_directory": {"path": folder.path()}}}},
            "static_resources": {"clusters": clusters},
        });
        std::fs::write(&path, config.to_string()).expect("it is written");
        Self::of_file(&path, folder, running)
    }

    fn of_file(path: &Path, folder: tempfile::TempDir, running: &Running<'_>) -> Self {
        let told = folder.path().join("admin");
        let mut command = Command::new(envoy());
        command.arg("-c").arg(path).args(["--log-level", "warning", "--disable-hot-restart"]);
        command.arg("--admin-address-path").arg(&told);
        command.args(["--concurrency", &running.workers.unwrap_or(1).to_string()]);
        // Old listeners go at once, not after ten minutes.
        command.args(["--drain-time-s", "1", "--parent-shutdown-time-s", "2"]);
        if let Some(clock) = running.clock {
            clock.rule(&mut command);
        }
        let process = Process::start("Envoy", &mut command);
        let mut envoy = Self { process, admin: 0, path: path.into(), folder };
        envoy.until("it tells where its administration is", |_| port_in(&told).is_some());
        envoy.admin = port_in(&told).unwrap_or_default();
        envoy.until("it is live", |envoy| answers(envoy.admin, "/ready"));
        envoy
    }

    /// Replaces the listeners of an Envoy that has them from a file. `version` is another one each time.
    pub fn listeners(&self, version: u64, listeners: &[Value]) {
        write_listeners(self.folder.path(), version, listeners);
    }

    /// Where its listeners listen, by their names.
    ///
    /// # Panics
    ///
    /// The administration does not tell.
    pub fn ports(&self) -> BTreeMap<String, u16> {
        let told: Value = serde_json::from_str(&self.admin("/listeners?format=json").body).expect("JSON");
        let one = |status: &Value| {
            let port = status["local_address"]["socket_address"]["port_value"].as_u64()?;
            Some((status["name"].as_str()?.to_owned(), u16::try_from(port).ok()?))
        };
        told["listener_statuses"].as_array().into_iter().flatten().filter_map(one).collect()
    }

    /// Where one listens.
    ///
    /// # Panics
    ///
    /// There is none of this name.
    pub fn port(&self, name: &str) -> u16 {
        *self.ports().get(name).unwrap_or_else(|| panic!("no listener {name}: {:#?}", self.said()))
    }

    /// Waits until something holds.
    ///
    /// # Panics
    ///
    /// It does not in time.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = std::time::Instant::now();
        while !holds(self) {
            let in_time = begun.elapsed() < super::WITHIN && self.process.runs();
            assert!(in_time, "not in time, or Envoy has ended: {what}: {:#?}", self.said());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// A statistic; 0 where there is none of that name.
    pub fn stat(&self, name: &str) -> u64 {
        let answer = ask(self.admin, &get(&format!("/stats?filter=^{}$", name.replace('.', "\\.")), &[]));
        answer.body.rsplit_once(": ").and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
    }

    /// What the administration says of a path.
    pub fn admin(&self, path: &str) -> Answer {
        ask(self.admin, &get(path, &[]))
    }

    /// Its log so far.
    pub fn said(&self) -> Vec<String> {
        self.process.said()
    }

    /// Waits for a line of its log.
    pub fn line(&self, wanted: &str) -> String {
        self.process.line(wanted)
    }

    /// The memory that the process holds, in bytes.
    ///
    /// # Panics
    ///
    /// The system does not tell.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The file that it was started with.
    pub fn config(&self) -> &Path {
        &self.path
    }
}

fn port_in(file: &Path) -> Option<u16> {
    std::fs::read_to_string(file).ok()?.trim().rsplit_once(':')?.1.parse().ok()
}

fn write_listeners(folder: &Path, version: u64, listeners: &[Value]) {
    let typed = |listener: &Value| {
        let mut listener = listener.clone();
        listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        listener
    };
    let text =
        json!({"version_info": version.to_string(), "resources": listeners.iter().map(typed).collect::<Vec<_>>()});
    // Envoy looks when a file is moved there.
    let new = folder.join("listeners.new");
    std::fs::write(&new, text.to_string()).expect("it is written");
    std::fs::rename(new, folder.join("listeners.json")).expect("it is moved");
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// What a listener of Envoy is made of.
pub struct Front {
    /// Its name. Where it listens is told by [`Envoy::port`].
    pub name: String,
    /// Its HTTP filters; the router is put behind them.
    pub filters: Vec<Value>,
    /// The cluster that requests go on to.
    pub upstream: String,
    /// More of the connection manager, over what is here.
    pub more: Value,
    /// Whether connections go to the workers in turn.
    pub balanced: bool,
    /// `transport_socket`, for TLS.
    pub tls: Option<Value>,
}

impl Front {
    /// Of one filter, with `upstream` behind it.
    pub fn new(name: &str, filter: Value) -> Self {
        Self {
            name: name.into(),
            filters: vec![filter],
            upstream: "upstream".into(),
            more: json!({}),
            balanced: false,
            tls: None,
        }
    }

    /// The listener. Each answer says in `x-code` what the filter has left as its code, and in `x-asked-code` what `ext_authz` has.
    pub fn listener(&self) -> Value {
        let told = json!([
            {"header": {"key": "x-code", "value": "%FILTER_STATE(wasm.portcullis.code:PLAIN)%"}},
            {"header": {"key": "x-asked-code", "value": "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:code)%"}},
        ]);
        let every = json!({"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 0, "runtime_key": "none"}}}});
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "front",
            "normalize_path": false, "merge_slashes": false, "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "max_request_headers_kb": 8192,
            // A test says of a client's certificate what another Envoy would have validated.
            "forward_client_cert_details": "ALWAYS_FORWARD_ONLY",
            "common_http_protocol_options": {"max_headers_count": 5000},
            "local_reply_config": {"mappers": [{"filter": every, "headers_to_add": told}]},
            "route_config": {
                "response_headers_to_add": told,
                "virtual_hosts": [{"name": "all", "domains": ["*"],
                    "routes": [{"match": {"prefix": ""}, "route": {"cluster": self.upstream}}]}]},
        });
        for (name, value) in self.more.as_object().into_iter().flatten() {
            manager[name] = value.clone();
        }
        let mut filters = self.filters.clone();
        filters.push(json!({"name": "router", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
        manager["http_filters"] = filters.into();
        let mut chain = json!({"filters": [{"name": "http", "typed_config": manager}]});
        if let Some(tls) = &self.tls {
            chain["transport_socket"] = tls.clone();
        }
        let mut listener = json!({"name": self.name, "address": address(0), "filter_chains": [chain]});
        if self.balanced {
            listener["enable_reuse_port"] = false.into();
            listener["connection_balance_config"] = json!({"exact_balance": {}});
        }
        listener
    }
}

/// The shipped filter with a policy.
pub fn filter(vm_id: &str, policy: &Value) -> Value {
    filter_of(&dist("envoy/portcullis.wasm"), vm_id, &policy.to_string())
}

/// A filter of a module, with a configuration as text.
pub fn filter_of(module: &Path, vm_id: &str, configuration: &str) -> Value {
    json!({"name": "portcullis", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    "config": {
        "name": "portcullis",
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {"vm_id": vm_id, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
    }}})
}

/// `ext_authz` over gRPC, by a cluster.
pub fn ext_authz(cluster: &str) -> Value {
    json!({"name": "ext_authz", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3", "failure_mode_allow": false, "status_on_error": {"code": "ServiceUnavailable"},
        "encode_raw_headers": true, "include_peer_certificate": true,
        "grpc_service": {"envoy_grpc": {"cluster_name": cluster}, "timeout": "10s"}}})
}

/// A cluster of one server on this machine, over HTTP/1.1.
pub fn cluster(name: &str, port: u16) -> Value {
    json!({"name": name, "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}})
}

/// The same over HTTP/2.
pub fn cluster_http2(name: &str, port: u16) -> Value {
    let mut cluster = cluster(name, port);
    cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}});
    cluster
}
