//! Trust domains, and everything that takes their workloads' calls.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portcullis_tests::dist;
use portcullis_tests::serving::envoy::Envoy;
use portcullis_tests::serving::spire::{Agent, Endpoint, Server};
use portcullis_tests::serving::{Process, Upstream};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};

use super::gateway::{Gateway, Source};
use super::identity_tokens::Issuer;
use super::proxies;

/// What the API is called.
pub(crate) const API: &str = "https://api.example";

/// The host of its URL, for which the certificates of all that serve it are good.
pub(crate) const HOST: &str = "api.example";

/// The host of the bundle endpoint of `one.example`.
pub(crate) const ENDPOINT: &str = "spire.one.example";

/// An authority of the web's servers.
pub(crate) struct Web {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate's file, in PEM.
    pub(crate) file: PathBuf,
}

impl Web {
    fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("it has no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // What it issues has another name, or would be taken for self-signed.
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("it is signed");
        let file = folder.join("web.pem");
        std::fs::write(&file, issuer.pem()).expect("it is written");
        Self { issuer, file }
    }

    /// Its certificate, in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// Files of a certificate and its key, good for a name and for this machine.
    fn issue(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        let key = KeyPair::generate().expect("a key");
        let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        std::fs::write(&files.0, certificate.pem()).expect("it is written");
        std::fs::write(&files.1, key.serialize_pem()).expect("it is written");
        files
    }
}

/// A trust domain: its server, and an agent on this machine.
pub(crate) struct Domain {
    pub(crate) agent: Agent,
    pub(crate) server: Server,
}

/// Everything that runs.
pub(crate) struct Stage {
    /// Has `one.example`'s bundle from its endpoint on the web.
    pub(crate) of_endpoint: Gateway,
    /// Has its bundles from the Workload API.
    pub(crate) of_agent: Gateway,
    /// Has `one.example`'s bundle from a file, in which the issuer's key is, too. Where both trust domains are, it is there, and
    /// the proxies ask it; else they ask the others.
    pub(crate) of_file: Option<Gateway>,
    /// Whose Workload Identity Tokens the latter knows.
    pub(crate) issuer: Issuer,
    pub(crate) nginx: u16,
    pub(crate) envoy: Envoy,
    pub(crate) web: Web,
    pub(crate) one: Domain,
    /// Federated with `one.example`, where it is there.
    pub(crate) two: Option<Domain>,
    _nginx: Process,
    _upstream: Upstream,
    _folder: tempfile::TempDir,
}

/// `one.example` alone, for a test that changes its authorities.
pub(crate) fn alone() -> Stage {
    stage(false)
}

/// With `two.example` where there are both.
fn stage(both: bool) -> Stage {
    let folder = tempfile::tempdir().expect("a folder");
    let web = Web::new(folder.path());
    let (certificate, key) = web.issue(folder.path(), ENDPOINT);
    let endpoint = Endpoint::Web { certificate: &certificate, key: &key };
    let one = Server::start("one.example", endpoint, &web.file);
    let two = both.then(|| Server::start("two.example", Endpoint::Spiffe, &web.file));
    if let Some(two) = &two {
        one.federate(two, Endpoint::Spiffe);
        two.federate(&one, endpoint);
    }
    register(&one, two.as_ref());
    let one = Domain { agent: one.agent(), server: one };
    let two = two.map(|server| Domain { agent: server.agent(), server });
    one.agent.until_known(&one.server.id("/envoy"), usize::from(both));
    if let Some(two) = &two {
        two.agent.until_known(&two.server.id("/partner/app"), 1);
    }

    let upstream = Upstream::start();
    let doors = web.issue(folder.path(), HOST);
    let source = Source { web: &web.file, one: &one, two: two.as_ref(), door: (&doors.0, &doors.1) };
    let of_endpoint = Gateway::start(folder.path(), "endpoint", &source.by_endpoint(), &source);
    let of_agent = Gateway::start(folder.path(), "agent", &source.by_agent(), &source);
    let issuer = Issuer::new(11);
    let of_file = both.then(|| {
        let bundle = issuer.beside(source.one.server.bundle());
        Gateway::start(folder.path(), "file", &source.by_file(folder.path(), &bundle), &source)
    });
    let (asked_by_nginx, asked_by_envoy) =
        of_file.as_ref().map_or((of_agent.nginx, of_endpoint.envoy), |of_file| (of_file.nginx, of_file.envoy));
    let (nginx, nginx_port) = proxies::nginx(folder.path(), asked_by_nginx, upstream.port);
    let envoy = proxies::envoy(&source, asked_by_envoy, upstream.port);
    Stage {
        of_endpoint,
        of_agent,
        of_file,
        issuer,
        nginx: nginx_port,
        envoy,
        web,
        one,
        two,
        _nginx: nginx,
        _upstream: upstream,
        _folder: folder,
    }
}

/// The workloads. Those whose calls a test makes are known by the program that asks for their SVIDs, and the gateway by its
/// own. Envoy's SVID has the API's name, so that clients find it to be the server they wanted.
fn register(one: &Server, two: Option<&Server>) {
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("there is one"));
    let user = format!("unix:uid:{user}");
    let path = |program: &Path| format!("unix:path:{}", program.canonicalize().expect("it is there").display());
    let (asking, gateway) = (path(&Agent::asking()), path(&dist("bin/portcullis")));
    let federated: &[&str] = if two.is_some() { &["-federatesWith", "two.example"] } else { &[] };
    one.register("/billing/web", &[&user, &asking], &[]);
    one.register("/other/job", &[&user, &asking], &[]);
    one.register("/gateway", &[&user, &gateway], federated);
    one.register("/envoy", &[&user], &[federated, &["-dns", HOST]].concat());
    if let Some(two) = two {
        two.register("/partner/app", &[&user, &asking], &["-federatesWith", "one.example"]);
    }
}

/// The stage of tests that change nothing: one for all that run at a time, which ends with the last of them.
pub(crate) fn shared() -> Arc<Stage> {
    static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let stage = Arc::new(stage(true));
        *shared = Arc::downgrade(&stage);
        stage
    })
}
