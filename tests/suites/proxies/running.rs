//! A gateway with the demo issuer, an upstream, and a proxy between.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portcullis_tests::root;
use portcullis_tests::serving::{Process, Upstream, ask, envoy::envoy, free_port, request, start_nginx, wait_for_port};

/// The three ways to ask, and the one that asks nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    EnvoyGrpc,
    EnvoyHttp,
    EnvoyFilter,
}

pub(crate) const PROXIES: [Proxy; 4] = [Proxy::Nginx, Proxy::EnvoyGrpc, Proxy::EnvoyHttp, Proxy::EnvoyFilter];

/// Everything that runs.
pub(crate) struct Stage {
    _gateway: Process,
    pub(crate) admin: u16,
    /// Where the gateway answers Envoy.
    pub(crate) envoy_door: u16,
    ports: [u16; 4],
    _proxies: Vec<Process>,
    _upstream: Upstream,
    _folder: tempfile::TempDir,
}

/// One for each test that changes something in it: its keys, its statuses.
pub(crate) fn stage() -> Stage {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = Upstream::start();
    let (admin, envoy_door, nginx_door) = (free_port(), free_port(), free_port());
    let example = std::fs::read_to_string(root().join("examples/demo/policy.toml")).expect("the example");
    // The example's listener for nginx, a rule for bound tokens, and clocks that agree.
    let policy = example
        .replace("[[issuers]]\n", NGINX)
        .replace("status = \"required\"\n", "status = \"required\"\nleeway = \"0s\"\n")
        + MORE;
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, policy).expect("it is written");
    let mut command = Command::new(root().join("dist/bin/portcullis"));
    command
        .args(["serve", "--demo", "--crypto", "hosted", "--policy"])
        .arg(&path)
        .args(["--listen", &format!("envoy=127.0.0.1:{envoy_door}")])
        .args(["--listen", &format!("nginx=127.0.0.1:{nginx_door}")])
        .args(["--admin", &format!("127.0.0.1:{admin}")]);
    let gateway = Process::start("the gateway", &mut command);
    gateway.line("ready");

    let ports = [free_port(), free_port(), free_port(), free_port()];
    let substitute = |text: String, port: u16, door: (u16, u16)| {
        text.replace("127.0.0.1:10000", &format!("127.0.0.1:{port}"))
            .replace("port_value: 10000", &format!("port_value: {port}"))
            .replace("127.0.0.1:9000", &format!("127.0.0.1:{}", upstream.port))
            .replace("port_value: 9000", &format!("port_value: {}", upstream.port))
            .replace(&format!("127.0.0.1:{}", door.0), &format!("127.0.0.1:{}", door.1))
            .replace(&format!("port_value: {}", door.0), &format!("port_value: {}", door.1))
    };
    let example = |name: &str| std::fs::read_to_string(root().join("examples").join(name)).expect("the example");
    let nginx = substitute(example("nginx/portcullis.conf"), ports[0], (8082, nginx_door));
    let mut proxies = vec![start_nginx(folder.path(), &nginx)];
    for (number, name) in [(1, "envoy/grpc.yaml"), (2, "envoy/http.yaml")] {
        let text = substitute(example(name), ports[number], (8080, envoy_door));
        proxies.push(start_envoy(folder.path(), number, &text));
    }
    let filter = substitute(with_policy(&example("envoy/filter.yaml"), &exported(&path)), ports[3], (8081, admin));
    proxies.push(start_envoy(folder.path(), 3, &filter));
    ports.into_iter().for_each(wait_for_port);
    Stage { _gateway: gateway, admin, envoy_door, ports, _proxies: proxies, _upstream: upstream, _folder: folder }
}

/// The stage of tests that change nothing: one for all that run at a time, which ends with the last of them.
pub(crate) fn shared() -> Arc<Stage> {
    static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let stage = Arc::new(stage());
        *shared = Arc::downgrade(&stage);
        stage
    })
}

impl Stage {
    pub(crate) fn port(&self, proxy: Proxy) -> u16 {
        self.ports[proxy as usize]
    }

    /// A token of the demo issuer; `form` is what it is to say.
    pub(crate) fn token(&self, form: &str) -> String {
        self.post("/demo/token", form)
    }

    pub(crate) fn post(&self, path: &str, form: &str) -> String {
        let length = form.len().to_string();
        let fields = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", length.as_str())];
        let answer = ask(self.admin, &[request("POST", path, &fields), form.as_bytes().to_vec()].concat());
        assert_eq!(answer.status, 200, "{path} {form}: {answer:?}");
        answer.body
    }
}

const NGINX: &str = r#"[[listeners]]
name = "nginx"
address = "127.0.0.1:8082"
asserts = "nginx"

[[issuers]]
"#;

const MORE: &str = r#"
[[rules]]
name = "files"                                      # every path below, so that tricks with paths have something to win
path = "/files/{rest...}"
require = { scope = ["files:read"] }

[[rules]]
name = "open"
path = "/open/{rest...}"
anonymous = true
"#;

/// The policy as the filter has it.
fn exported(policy: &Path) -> String {
    let text = std::fs::read_to_string(policy).expect("it reads");
    let path = policy.with_file_name("filter.toml");
    let clusters = "\n[envoy]\nclusters = { \"https://issuer.demo.portcullis.example\" = \"issuer\" }\n";
    std::fs::write(&path, text + clusters).expect("it is written");
    let mut command = Command::new(root().join("dist/bin/portcullis"));
    let output = command.args(["policy", "export", "--for", "envoy"]).arg(&path).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text").trim().into()
}

/// The example with another policy, and with the module's path from everywhere.
fn with_policy(example: &str, policy: &str) -> String {
    let (before, rest) = example.split_once("                  value:\n").expect("the example has a policy");
    let end = rest.find("          - name: envoy.filters.http.router").expect("the router follows");
    let module = root().join("dist/envoy/portcullis.wasm");
    format!("{before}                  value: {policy}\n{}", &rest[end..])
        .replace("filename: dist/envoy/portcullis.wasm", &format!("filename: {}", module.display()))
}

fn start_envoy(folder: &Path, number: usize, text: &str) -> Process {
    let path = folder.join(format!("envoy{number}.yaml"));
    std::fs::write(&path, text).expect("it is written");
    let mut command = Command::new(envoy());
    command.arg("-c").arg(&path).args(["--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]);
    Process::start("Envoy", &mut command)
}
