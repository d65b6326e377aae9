//! Everything that runs: two sharing servers behind two gateways and two Envoys, as in `examples/ocm`, and other servers that are the
//! test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster};
use portcullis_tests::serving::{
    Answer, Authority, Documents, Process, WITHIN, ask, ask_tls, dns, free_port, get, request, wait_for_port,
};
use portcullis_tests::{dist, root};
use serde_json::{Value, json};

use super::peers::Peer;

/// One of the two servers with its gateway and its proxy.
pub(crate) struct Cloud {
    /// What others know it by, with its port.
    pub(crate) host: String,
    /// The same without the port.
    name: &'static str,
    ports: Ports,
    folder: PathBuf,
    /// The authority that vouches for its name.
    root: Vec<u8>,
    _processes: Vec<Process>,
    envoy: Option<Envoy>,
}

/// A stage. All of it ends with it.
pub(crate) struct Stage {
    /// Alice's server, which does not hold its users to a second factor.
    pub(crate) alice: Cloud,
    /// Bob's, which does.
    pub(crate) bob: Cloud,
    /// A server that does all that servers do, and whatever else the test wants.
    pub(crate) mallory: Peer,
    /// Another one, which does not hold its users to a second factor.
    pub(crate) other: Peer,
    /// One that is not there.
    pub(crate) gone: Peer,
    /// What the servers of the test publish.
    pub(crate) published: Documents,
    turn: Mutex<()>,
    _envoy: Envoy,
    _folder: tempfile::TempDir,
}

/// The stage of all tests that run at a time. They take turns: some count what came to a server.
pub(crate) fn shared() -> Arc<Stage> {
    static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let stage = Arc::new(Stage::start());
        *shared = Arc::downgrade(&stage);
        stage
    })
}

/// The ports of a server, in the order of those in the example.
#[derive(Clone, Copy)]
struct Ports {
    front: u16,
    checks: u16,
    egress: u16,
    public: u16,
    local: u16,
}

impl Ports {
    fn free() -> Self {
        let [front, checks, egress, public, local] = [(); 5].map(|()| free_port());
        Self { front, checks, egress, public, local }
    }

    /// What stands for them in the example of a server, `1` or `2`.
    fn in_example(self, digit: u8) -> [(String, String); 5] {
        let all = [(443, self.front), (81, self.checks), (82, self.egress), (83, self.public), (84, self.local)];
        all.map(|(number, port)| (format!("{digit}0{number:03}"), port.to_string()))
    }
}

/// Replaces all at once: what stands in a replacement is not replaced again.
fn replaced(text: &str, all: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (number, (from, _)) in all.iter().enumerate() {
        text = text.replace(from, &format!("\u{1}{number}\u{2}"));
    }
    for (number, (_, to)) in all.iter().enumerate() {
        text = text.replace(&format!("\u{1}{number}\u{2}"), to);
    }
    text
}

pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn written(path: PathBuf, text: impl AsRef<[u8]>) -> PathBuf {
    std::fs::write(&path, text).expect("it is written");
    path
}

impl Stage {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let web = Authority::new(Vec::new());
        let web_file = written(folder.path().join("web.pem"), &web.pem);
        let (peers, nobody) = (free_port(), free_port());
        let mallory = Peer::new(&format!("cloud-c.example:{peers}"), 3, true);
        let other = Peer::new(&format!("cloud-d.example:{peers}"), 4, false);
        let gone = Peer::new(&format!("cloud-e.example:{nobody}"), 5, true);
        let published = Documents::start();
        [&mallory, &other].into_iter().for_each(|peer| peer.publish(&published));
        let door = web.issue([dns("cloud-c.example"), dns("cloud-d.example")]);
        let envoy = of_peers(folder.path(), peers, published.port, &door.pem);

        let ports = [Ports::free(), Ports::free()];
        let numbers: Vec<(String, String)> =
            (1..).zip(ports).flat_map(|(digit, ports)| ports.in_example(digit)).collect();
        let hosts = [format!("cloud-a.example:{}", ports[0].front), format!("cloud-b.example:{}", ports[1].front)];
        let all: Vec<&str> = [&hosts[0], &hosts[1], &mallory.host, &other.host, &gone.host].map(String::as_str).into();
        let around = Around { folder: folder.path(), web: &web, web_file: &web_file, numbers: &numbers, hosts: &all };
        let alice = around.cloud("cloud-a.example", &hosts[0], ports[0], "alice", false);
        let bob = around.cloud("cloud-b.example", &hosts[1], ports[1], "bob", true);
        // What was signed before a memory of requests began is refused, and times are whole seconds.
        let began = wall();
        while wall() <= began + 1 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let turn = Mutex::new(());
        Self { alice, bob, mallory, other, gone, published, turn, _envoy: envoy, _folder: folder }
    }

    /// Waits until no other test is at it.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Alice and Bob are contacts of each other from now on.
    pub(crate) fn acquaint(&self) {
        let (_, made) = self.alice.asks("POST", "/users/alice/invites", "");
        let (status, contact) = self.bob.asks("POST", "/users/bob/contacts", &made.to_string());
        assert_eq!((status, &contact["address"]), (200, &json!(format!("alice@{}", self.alice.host))), "{contact}");
    }

    /// Alice shares her report with Bob: how it is known, and its number at Bob's server.
    pub(crate) fn share(&self, more: &Value) -> (String, u64) {
        let mut wanted = json!({"path": "report.txt", "with": format!("bob@{}", self.bob.host),
            "permissions": ["read", "write"]});
        wanted.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let (status, made) = self.alice.asks("POST", "/users/alice/shares", &wanted.to_string());
        assert_eq!(status, 201, "{made}");
        let (_, received) = self.bob.asks("GET", "/users/bob/received", "");
        let number = received.as_array().and_then(|all| all.last()).and_then(|last| last["number"].as_u64());
        (made["id"].as_str().expect("an identifier").to_owned(), number.expect("it has come"))
    }
}

/// The proxy before the servers of the test: TLS alone.
fn of_peers(folder: &Path, port: u16, documents: u16, (certificate, key): &(String, String)) -> Envoy {
    let files = [written(folder.join("peers.pem"), certificate), written(folder.join("peers.key"), key)];
    let tls = json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [
            {"certificate_chain": {"filename": files[0]}, "private_key": {"filename": files[1]}}]}}});
    let mut front = Front::new("peers", Value::Null);
    front.filters.clear();
    front.tls = Some(tls);
    let mut listener = front.listener();
    listener["address"]["socket_address"]["port_value"] = port.into();
    Envoy::start(&[listener], &[cluster("upstream", documents)], &Running::default())
}

/// What both have in common.
struct Around<'a> {
    folder: &'a Path,
    web: &'a Authority,
    web_file: &'a Path,
    numbers: &'a [(String, String)],
    /// Every server, those of the test among them.
    hosts: &'a [&'a str],
}

impl Around<'_> {
    fn cloud(&self, name: &'static str, host: &str, ports: Ports, user: &str, enforce_mfa: bool) -> Cloud {
        let folder = self.folder.join(name);
        let place = |file: &str| folder.join(file);
        std::fs::create_dir_all(place("files").join(user)).expect("a folder");
        written(place("files").join(user).join("report.txt"), "as it was");
        let server = self.server(host, ports, user, enforce_mfa, &folder);
        let gateway = self.gateway(name, &folder);
        let door = self.web.issue([dns(name)]);
        let certificate = written(place("door.pem"), &door.pem.0);
        let key = written(place("door.key"), &door.pem.1);
        // The example is that of the first; the second differs by its ports.
        let own = ports.in_example(1);
        let files = [("cloud-a.pem", &certificate), ("cloud-a.key", &key)];
        let files = files.map(|(from, to)| (from.to_owned(), to.display().to_string()));
        let envoy =
            Envoy::of_text(&replaced(&example("envoy.yaml"), &[&own[..], &files].concat()), &Running::default());
        wait_for_port(ports.front);
        Cloud {
            host: host.into(),
            name,
            ports,
            folder,
            root: self.web.der.clone(),
            _processes: vec![server, gateway],
            envoy: Some(envoy),
        }
    }

    /// Each server's address is on this machine.
    fn pins(&self, command: &mut Command) {
        for host in self.hosts {
            command.args(["--resolve", &format!("{host}:127.0.0.1")]);
        }
    }

    fn server(&self, host: &str, ports: Ports, user: &str, enforce_mfa: bool, folder: &Path) -> Process {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocm_server"));
        command.args(["--host", host, "--user", user, "--files"]).arg(folder.join("files"));
        command.arg("--state").arg(folder.join("state.json")).arg("--ca").arg(self.web_file);
        command.args(["--public", &local(ports.public), "--local", &local(ports.local)]);
        command.args(["--gateway", &local(ports.egress)]).arg("--component").arg(dist("components/portcullis.wasm"));
        for host in self.hosts {
            command.args(["--listed", &format!("https://{host}")]);
        }
        if enforce_mfa {
            command.arg("--enforce-mfa");
        }
        self.pins(&mut command);
        let process = Process::start(host, &mut command);
        process.line("ready");
        process
    }

    fn gateway(&self, name: &str, folder: &Path) -> Process {
        let file = if name.contains("-a") { "policy-a.toml" } else { "policy-b.toml" };
        // Those of the test have ports, too.
        let more: String = self.hosts[2..].iter().map(|host| format!("\"https://{host}\", ")).collect();
        let policy = replaced(&example(file), self.numbers).replace("listed = [", &format!("listed = [{more}"));
        let policy = written(folder.join(file), policy);
        let mut command = Command::new(dist("bin/portcullis"));
        command.args(["serve", "--crypto", "hosted", "--policy"]).arg(policy).arg("--ca").arg(self.web_file);
        command.arg("--ocm-keys").arg(folder.join("keys")).arg("--audit").arg(folder.join("audit.ndjson"));
        self.pins(&mut command);
        let process = Process::start(name, &mut command);
        process.line("ready");
        process
    }
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/ocm").join(name)).expect("the example")
}

impl Cloud {
    /// What a user of the server asks: the status, and the body as JSON or else as text.
    pub(crate) fn asks(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let length = body.len().to_string();
        let fields = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
        let answer = ask(self.ports.local, &[request(method, path, &fields), body.into()].concat());
        let told = serde_json::from_str(&answer.body).unwrap_or_else(|_| answer.body.as_str().into());
        (answer.status, told)
    }

    /// What the server itself asks of its gateway.
    pub(crate) fn looks_up(&self, host: &str) -> (u16, Value) {
        let answer = ask(self.ports.egress, &get(&format!("/peer?host={host}"), &[]));
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// What comes from outside, through the proxy.
    pub(crate) fn comes(&self, bytes: &[u8]) -> Answer {
        let answer = ask_tls(self.ports.front, self.name, std::slice::from_ref(&self.root), None, bytes);
        answer.unwrap_or_else(|why| panic!("{}: {why}: {:#?}", self.host, self.envoy.as_ref().map(Envoy::said)))
    }

    /// The same, and the code by which the gateway judged it.
    pub(crate) fn judges(&self, bytes: &[u8]) -> (Answer, String) {
        let text = String::from_utf8_lossy(bytes);
        let mut words = text.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let before = self.audit().len();
        let answer = self.comes(bytes);
        let begun = Instant::now();
        loop {
            let lines = self.audit();
            let line = lines.iter().skip(before).find(|line| line["method"] == method && line["path"] == path);
            if let Some(line) = line {
                if line["outcome"] == "deny" {
                    assert_eq!(line["status"], answer.status, "{line} {answer:?}");
                }
                return (answer, line["code"].as_str().unwrap_or_default().to_owned());
            }
            assert!(begun.elapsed() < WITHIN, "the gateway was not asked: {answer:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The gateway's decisions so far.
    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join("audit.ndjson")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What has come to the server behind that is no question of who it is: method, path and who signed.
    pub(crate) fn came(&self) -> Vec<String> {
        let (_, all) = self.asks("GET", "/requests", "");
        let all: Vec<String> = serde_json::from_value(all).expect("a list");
        all.into_iter().filter(|one| !one.contains("/.well-known/")).collect()
    }

    /// The same of such questions.
    pub(crate) fn questions(&self) -> Vec<String> {
        let (_, all) = self.asks("GET", "/requests", "");
        let all: Vec<String> = serde_json::from_value(all).expect("a list");
        all.into_iter().filter(|one| one.contains("/.well-known/")).collect()
    }

    /// What the server keeps.
    pub(crate) fn kept(&self) -> Value {
        let text = std::fs::read(self.folder.join("state.json")).expect("it keeps something");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// A file of a user's.
    pub(crate) fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.join("files").join(path)).expect("the file")
    }
}
