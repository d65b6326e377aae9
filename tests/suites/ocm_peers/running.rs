//! A gateway before a sharing server, whose operator has named where some peers are, and whose machine knows names that lead inside.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_tests::dist;
use portcullis_tests::serving::{Process, ask, free_port};
use serde_json::{Value, json};

use super::asking::{Answered, OWN, discovery};
use super::peers::Peers;

/// A gateway. It ends with this.
pub(crate) struct Gateway {
    port: u16,
    process: Process,
    policy: Value,
    folder: tempfile::TempDir,
    /// Whether the names of the test lead where it says. They do where a program may have a file system of its own.
    pub(crate) knows_names: bool,
}

impl Gateway {
    /// Starts one. Beside the peers, `listed` origins (host and port) are admitted; `names` are hosts and their addresses; `issuers`
    /// are those of the policy.
    pub(crate) fn start(peers: &Peers, listed: Vec<String>, names: &[(String, String)], issuers: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("ca.pem"), &peers.authority).expect("it is written");
        let hosts: String = names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        std::fs::write(place("hosts"), format!("127.0.0.1 localhost\n{hosts}")).expect("it is written");
        let port = free_port();
        let known = peers.names();
        let listed: Vec<String> =
            known.iter().cloned().chain(listed).map(|origin| format!("https://{origin}")).collect();
        let policy = json!({
            "origins": [format!("https://{OWN}")],
            "expose": "full",
            "ocm": {"host": OWN, "discovery": discovery(OWN), "listed": listed},
            "issuers": issuers,
            "listeners": [{"name": "checks", "address": format!("127.0.0.1:{port}")}],
            "rules": if issuers.is_empty() {
                json!([{"path": "/health", "anonymous": true}])
            } else {
                json!([{"path": "/files/{path...}", "require": {"scope": ["read"]}}])
            },
        });
        std::fs::write(place("policy.json"), policy.to_string()).expect("it is written");
        let (mut command, knows_names) = with_names(&place("hosts"));
        command
            .args(["serve", "--crypto", "hosted", "--policy"])
            .arg(place("policy.json"))
            .arg("--ca")
            .arg(place("ca.pem"));
        for origin in &known {
            command.args(["--resolve", &format!("{origin}:127.0.0.1")]);
        }
        let process = Process::start("gateway", &mut command);
        process.line("ready");
        // What was signed in the second in which the memory of requests began may have come before.
        let began = wall();
        while wall() <= began + 1 {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, process, policy, folder, knows_names }
    }

    /// What the gateway says of a request.
    pub(crate) fn ask(&self, request: &Value) -> Answered {
        Answered::of(&check(self.port, request))
    }

    /// Where it is asked.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether something stands in its log.
    pub(crate) fn said(&self, what: &str) -> bool {
        self.process.said().iter().any(|line| line.contains(what))
    }

    /// Gives it another policy, as editors do: by another file of its name.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.policy);
        let place = |name: &str| self.folder.path().join(name);
        std::fs::write(place("policy.new"), self.policy.to_string()).expect("it is written");
        std::fs::rename(place("policy.new"), place("policy.json")).expect("it is renamed");
    }
}

/// The time, in whole seconds since 1970.
fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Asks a gateway about a request.
pub(crate) fn check(port: u16, request: &Value) -> Value {
    let body = json!({"request": request}).to_string();
    let head = format!(
        "POST /check HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = ask(port, format!("{head}{body}").as_bytes());
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The gateway's program, for which a file is the system's of hosts, where the machine lets a program have a file system of its own;
/// and whether it does.
fn with_names(hosts: &Path) -> (Command, bool) {
    const MOUNT: &str = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    for private in [&["--mount"][..], &["--map-root-user", "--mount"]] {
        let wrapped = |program: &Path| {
            let mut command = Command::new("unshare");
            command.args(private).args(["sh", "-c", MOUNT]).arg(hosts).arg(program);
            command
        };
        if wrapped(Path::new("true")).output().is_ok_and(|tried| tried.status.success()) {
            return (wrapped(&dist("bin/portcullis")), true);
        }
    }
    println!("no program may have a file system of its own here: the names of the table lead nowhere");
    (Command::new(dist("bin/portcullis")), false)
}
