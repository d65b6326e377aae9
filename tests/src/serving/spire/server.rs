//! SPIRE's server.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::super::{Process, free_port};
use super::{Agent, health_checks, program, start, told};

/// How the server of the bundle endpoint proves who it is (SPIFFE Federation section 5.2).
#[derive(Debug, Clone, Copy)]
pub enum Endpoint<'p> {
    /// As the web's servers do, with a certificate and a key in PEM.
    Web {
        /// The certificate's file.
        certificate: &'p Path,
        /// The key's.
        key: &'p Path,
    },
    /// With its X.509-SVID.
    Spiffe,
}

/// What an authority of a trust domain signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// X.509-SVIDs.
    X509,
    /// JWT-SVIDs.
    Jwt,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::X509 => "x509",
            Self::Jwt => "jwt",
        }
    }
}

/// A server that runs, of one trust domain.
pub struct Server {
    _process: Process,
    /// Its trust domain.
    pub trust_domain: String,
    /// Where agents come to.
    pub port: u16,
    /// Where its bundle is: `https`, at `/`.
    pub bundle_port: u16,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts it, with nothing in it. `authorities` are those that vouch for other servers' endpoints.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn start(trust_domain: &str, endpoint: Endpoint<'_>, authorities: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, bundle_port, health) = (free_port(), free_port(), free_port());
        let socket = folder.path().join("server.sock");
        let profile = match endpoint {
            Endpoint::Web { certificate, key } => format!(
                "profile \"https_web\" {{ serving_cert_file {{\n cert_file_path = {certificate:?}\n key_file_path = {key:?}\n \
                 file_sync_interval = \"1h\"\n}} }}"
            ),
            Endpoint::Spiffe => "profile \"https_spiffe\" {}".into(),
        };
        // What is registered comes to agents within a second, and bundles are to be had again as soon as a gate does it.
        let config = format!(
            r#"server {{
    bind_address = "127.0.0.1"
    bind_port = {port}
    socket_path = {socket:?}
    trust_domain = "{trust_domain}"
    data_dir = {data:?}
    federation {{ bundle_endpoint {{
        address = "127.0.0.1"
        port = {bundle_port}
        refresh_hint = "10s"
        {profile}
    }} }}
    experimental {{ cache_reload_interval = "1s" }}
}}
plugins {{
    DataStore "sql" {{ plugin_data {{
        database_type = "sqlite3"
        connection_string = {database:?}
    }} }}
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
{health}"#,
            data = folder.path(),
            database = folder.path().join("datastore.sqlite3"),
            health = health_checks(health),
        );
        let path = folder.path().join("server.conf");
        std::fs::write(&path, config).expect("it is written");
        let process = start("spire-server", &path, health, Some(authorities), &[]);
        Self { _process: process, trust_domain: trust_domain.into(), port, bundle_port, socket, _folder: folder }
    }

    /// An ID of its trust domain.
    pub fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.trust_domain)
    }

    fn output(&self, command: &[&str]) -> Vec<u8> {
        let said = told(Command::new(program("spire-server")).args(command).arg("-socketPath").arg(&self.socket));
        said.unwrap_or_else(|error| panic!("spire-server {command:?}: {error}"))
    }

    /// What one of its commands says.
    ///
    /// # Panics
    ///
    /// It fails.
    pub fn tell(&self, command: &[&str]) -> Value {
        let said = self.output(&[command, &["-output", "json"]].concat());
        serde_json::from_slice(&said).unwrap_or_else(|error| panic!("spire-server {command:?}: {error}"))
    }

    /// Its bundle, as a SPIFFE bundle document.
    ///
    /// # Panics
    ///
    /// The server does not tell.
    pub fn bundle(&self) -> Value {
        serde_json::from_slice(&self.output(&["bundle", "show", "-format", "spiffe"])).expect("JSON")
    }

    /// Registers a workload: its ID's path, what it is known by, and more of the command.
    pub fn register(&self, path: &str, selectors: &[&str], more: &[&str]) {
        let (parent, id) = (self.id("/node"), self.id(path));
        let mut command = vec!["entry", "create", "-parentID", &parent, "-spiffeID", &id];
        selectors.iter().for_each(|selector| command.extend(["-selector", selector]));
        command.extend(more);
        self.tell(&command);
    }

    /// Starts an agent.
    pub fn agent(&self) -> Agent {
        let told = self.tell(&["token", "generate", "-spiffeID", &self.id("/node")]);
        Agent::start(self, told["value"].as_str().expect("a token"))
    }

    /// Trusts another trust domain, whose server proves who it is in this way.
    ///
    /// # Panics
    ///
    /// It does not get the other one's bundle.
    pub fn federate(&self, other: &Self, endpoint: Endpoint<'_>) {
        let url = format!("https://127.0.0.1:{}/", other.bundle_port);
        let mut command = vec!["federation", "create", "-trustDomain", &other.trust_domain, "-bundleEndpointURL", &url];
        let id = other.id("/spire/server");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bundle.json");
        std::fs::write(&path, other.bundle().to_string()).expect("it is written");
        let initial = path.to_str().expect("it is text");
        match endpoint {
            Endpoint::Web { .. } => command.extend(["-bundleEndpointProfile", "https_web"]),
            Endpoint::Spiffe => {
                command.extend(["-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID", &id]);
                command.extend(["-trustDomainBundleFormat", "spiffe", "-trustDomainBundlePath", initial]);
            }
        }
        self.tell(&command);
        // Asked for at once, and not when the server comes to it.
        self.tell(&["federation", "refresh", "-id", &other.trust_domain]);
    }

    /// The identifier of the authority that signs now.
    pub fn active(&self, kind: Kind) -> String {
        identifier(&self.tell(&["localauthority", kind.name(), "show"])["active"])
    }

    /// Has another authority, which stands in the bundle and signs nothing yet.
    pub fn prepare(&self, kind: Kind) -> String {
        identifier(&self.tell(&["localauthority", kind.name(), "prepare"])["prepared_authority"])
    }

    /// Has an authority do one of the other steps of a rotation: `activate` it, `taint` it, `revoke` it.
    pub fn rotate(&self, kind: Kind, step: &str, authority: &str) {
        self.tell(&["localauthority", kind.name(), step, "-authorityID", authority]);
    }
}

fn identifier(authority: &Value) -> String {
    authority["authority_id"].as_str().unwrap_or_else(|| panic!("no authority: {authority}")).into()
}
