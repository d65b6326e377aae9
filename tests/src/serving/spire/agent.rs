//! SPIRE's agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::{Process, WITHIN, free_port};
use super::{Server, health_checks, program, start, told};

/// An agent that runs. It knows programs by their user and by their path.
pub struct Agent {
    process: Process,
    /// Where the Workload API is, and Envoy's secret discovery.
    pub socket: PathBuf,
    _folder: tempfile::TempDir,
}

/// An X.509-SVID with what comes along with it. Certificates and keys are in DER.
#[derive(Debug, Clone)]
pub struct X509Svid {
    /// The leaf first.
    pub chain: Vec<Vec<u8>>,
    /// In PKCS #8.
    pub key: Vec<u8>,
    /// The authorities of its own trust domain.
    pub authorities: Vec<Vec<u8>>,
    /// Those of trust domains with which it is federated, by their IDs.
    pub federated: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Agent {
    pub(super) fn start(server: &Server, join_token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (socket, bundle) = (folder.path().join("agent.sock"), folder.path().join("bundle.json"));
        std::fs::write(&bundle, server.bundle().to_string()).expect("it is written");
        let health = free_port();
        let config = format!(
            r#"agent {{
    data_dir = {data:?}
    server_address = "127.0.0.1"
    server_port = {port}
    socket_path = {socket:?}
    trust_bundle_path = {bundle:?}
    trust_bundle_format = "spiffe"
    trust_domain = "{trust_domain}"
    experimental {{ sync_interval = "1s" }}
}}
plugins {{
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    WorkloadAttestor "unix" {{ plugin_data {{ discover_workload_path = true }} }}
}}
{health}"#,
            data = folder.path(),
            port = server.port,
            trust_domain = server.trust_domain,
            health = health_checks(health),
        );
        let path = folder.path().join("agent.conf");
        std::fs::write(&path, config).expect("it is written");
        let process = start("spire-agent", &path, health, None, &["-joinToken", join_token]);
        Self { process, socket, _folder: folder }
    }

    /// The program by whose path a workload of these tests is known: it asks for them.
    pub fn asking() -> PathBuf {
        program("spire-agent")
    }

    fn fetch(&self, command: &[&str]) -> Result<Value, String> {
        let mut asking = Command::new(Self::asking());
        asking.args(["api", "fetch"]).args(command).args(["-output", "json", "-socketPath"]).arg(&self.socket);
        serde_json::from_slice(&told(&mut asking)?).map_err(|error| error.to_string())
    }

    /// The X.509-SVID of an ID.
    ///
    /// # Errors
    ///
    /// The agent does not know of such a workload, or does not answer.
    pub fn x509(&self, id: &str) -> Result<X509Svid, String> {
        let told = self.fetch(&["x509"])?;
        let svids = told["svids"].as_array().into_iter().flatten();
        let svid = svids.into_iter().find(|svid| svid["spiffe_id"] == id).ok_or("there is none of this ID")?;
        let federated = told["federated_bundles"].as_object().into_iter().flatten();
        Ok(X509Svid {
            chain: certificates(&svid["x509_svid"]),
            key: bytes(&svid["x509_svid_key"]),
            authorities: certificates(&svid["bundle"]),
            federated: federated.map(|(id, bundle)| (id.clone(), certificates(bundle))).collect(),
        })
    }

    /// A JWT-SVID of an ID.
    ///
    /// # Errors
    ///
    /// As of [`Self::x509`].
    pub fn jwt(&self, id: &str, audience: &str) -> Result<String, String> {
        let told = self.fetch(&["jwt", "-audience", audience, "-spiffeID", id])?;
        let token = told[0]["svids"][0]["svid"].as_str();
        token.map(str::to_owned).ok_or_else(|| format!("there is none in {told}"))
    }

    /// Waits until a workload of an ID is known, and is told of so many other trust domains.
    ///
    /// # Panics
    ///
    /// It is not in time.
    pub fn until_known(&self, id: &str, federated: usize) {
        let begun = Instant::now();
        loop {
            let known = self.x509(id);
            if known.as_ref().is_ok_and(|svid| svid.federated.len() >= federated) {
                return;
            }
            assert!(begun.elapsed() < WITHIN, "{id}: {known:?}: {:#?}", self.process.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for a line of its log.
    pub fn line(&self, wanted: &str) -> String {
        self.process.line(wanted)
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("it is text")).expect("base64")
}

/// Certificates that stand one behind the other.
fn certificates(text: &Value) -> Vec<Vec<u8>> {
    let bytes = bytes(text);
    let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
    // Each is a SEQUENCE of more than 255 bytes: its tag, that two bytes of length follow, and those.
    while let [0x30, 0x82, high, low, ..] = rest {
        let (one, more) = rest.split_at(4 + usize::from(u16::from_be_bytes([*high, *low])));
        found.push(one.to_vec());
        rest = more;
    }
    assert!(rest.is_empty(), "there is more than certificates");
    found
}
