//! Real SPIRE, which `tools/need.sh spire` builds: servers of trust domains, and agents from which workloads have their SVIDs.

mod agent;
mod server;

pub use agent::{Agent, X509Svid};
pub use server::{Endpoint, Kind, Server};

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Process, WITHIN, answers};
use crate::root;

/// One of its programs.
fn program(name: &str) -> PathBuf {
    let path = root().join(".tools/bin").join(name);
    assert!(path.exists(), "{} is missing: tools/need.sh spire", path.display());
    path
}

/// Starts a program with a configuration, and waits until it says that it is ready. `authorities` are those that it believes
/// where it asks servers of the web.
fn start(name: &str, config: &Path, health: u16, authorities: Option<&Path>, more: &[&str]) -> Process {
    // What is said on standard output is wanted with the rest.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" run \"$@\" 1>&2"]).arg(program(name)).arg("-config").arg(config).args(more);
    if let Some(authorities) = authorities {
        command.env("SSL_CERT_FILE", authorities);
    }
    let process = Process::start(name, &mut command);
    let begun = Instant::now();
    while !answers(health, "/ready") {
        let in_time = begun.elapsed() < WITHIN && process.runs();
        assert!(in_time, "{name} is not ready in time, or has ended: {:#?}", process.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// What a command says, or why it fails.
fn told(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    }
}

/// Where a program says that it is well.
fn health_checks(port: u16) -> String {
    format!("health_checks {{ listener_enabled = true bind_address = \"127.0.0.1\" bind_port = \"{port}\" }}\n")
}
