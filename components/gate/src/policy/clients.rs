//! `[clients]`: who may be a client of an authorization server, and how clients authenticate (`docs/clients.md`).

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_client::{
    Client, Clients, IdPattern, Method,
    authenticate::Role,
    registration::{MAX_ENTRIES, RegistrationPolicy},
};
use portcullis_crypto::Backend;
use portcullis_oauth::{key_binding::BindingPolicy, pushed_registration::KeyMethod};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{
    Listener, Path, PolicyError,
    code::PolicyCode,
    dynamic_clients::{Around, DynamicClients},
    issuers::{KeySource, repeated, source},
    reader::{Reader, at_most},
    trust_domains::Trusted,
};

/// The clients of an authorization server, or of a resource server.
#[derive(Debug, Clone)]
pub struct ClientsPolicy {
    /// Which of the two.
    pub role: Role,
    /// What clients make their credentials for.
    pub server: String,
    /// How they may authenticate.
    pub methods: Vec<Method>,
    /// Numbers of the trust domains whose workloads may be clients.
    pub trust_domains: Vec<usize>,
    /// The keys of those who attest clients.
    pub attesters: Option<KeySource>,
    /// The greatest age of an attestation or WIT-SVID, in seconds.
    pub attestation_max_age: Option<u64>,
    /// How far the `iat` of a proof may lie from now, in seconds.
    pub window: u64,
    /// Whether proofs have to carry a challenge or nonce that the host gave.
    pub challenges: bool,
    /// Clients that are registered.
    pub known: Clients,
    /// Registration on first use.
    pub register: Option<RegistrationPolicy>,
    /// Registration with a pushed request; without it such clients are refused.
    pub dynamic: Option<DynamicClients>,
    /// Tokens that are bound to keys which nobody proved; without it a request for one is refused.
    pub key_binding: Option<BindingPolicy>,
}

impl ClientsPolicy {
    /// Whether some clients bring proofs, which may be used once.
    pub(super) fn have_proofs(&self) -> bool {
        let by_method = self.methods.iter().any(|method| has_proof(*method));
        let dynamic = self.dynamic.as_ref().map(DynamicClients::push);
        by_method
            || dynamic.is_some_and(|push| push.keys.contains(&KeyMethod::Dpop) || push.vouchers.attestation.is_some())
    }
}

/// Whether a client that authenticates so brings a proof, which may be used once.
fn has_proof(method: Method) -> bool {
    !matches!(method, Method::SpiffeJwt | Method::SpiffeX509)
}

/// What the entry is read with.
struct Reading<'r, 'e> {
    entry: &'r Reader<'r>,
    trusted: &'r [Trusted],
    errors: &'e mut Vec<PolicyError>,
}

pub(super) fn clients(
    top: &Reader<'_>,
    trusted: &[Trusted],
    window: u64,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<ClientsPolicy> {
    let entry = top.object("clients")?;
    let before = errors.len();
    let attesters = entry.value("attesters").and_then(|value| source(value, entry.at("attesters"), backend, errors));
    let mut reading = Reading { entry: &entry, trusted, errors };
    let role = if entry.text("role") == Some("rs") { Role::ResourceServer } else { Role::AuthorizationServer };
    let trust_domains = reading.trust_domains();
    // Names that are wrong were told.
    let by_spiffe = !trust_domains.is_empty() || entry.value("trust_domains").is_some();
    let methods = reading.methods(role, by_spiffe, entry.value("attesters").is_some());
    let known = reading.known();
    let register = reading.register(role, &methods, &trust_domains);
    let server = entry.text("server").unwrap_or_default();
    let around = Around { entry: &entry, role, server, backend };
    let dynamic = around.dynamic(errors);
    let key_binding = around.key_binding(errors);
    let read = ClientsPolicy {
        role,
        server: server.into(),
        methods,
        trust_domains,
        attesters,
        attestation_max_age: entry.duration("attestation_max_age"),
        window: entry.duration("window").unwrap_or(window),
        challenges: entry.flag("challenges") != Some(false),
        known,
        register,
        dynamic,
        key_binding,
    };
    (errors.len() == before).then_some(read)
}

impl Reading<'_, '_> {
    fn wrong(&mut self, code: PolicyCode, path: Path, detail: impl Into<String>, remedy: &str) {
        self.errors.push(PolicyError::new(code, path, detail, remedy));
    }

    fn trust_domains(&mut self) -> Vec<usize> {
        let Some(names) = self.entry.texts("trust_domains") else { return (0..self.trusted.len()).collect() };
        let mut read = Vec::new();
        for (index, name) in names {
            let path = self.entry.at("trust_domains").item(index);
            match self.trusted.iter().position(|trusted| trusted.name.as_str() == name) {
                Some(number) if read.contains(&number) => self.errors.push(repeated(path, name)),
                Some(number) => read.push(number),
                None => {
                    let detail = format!("{} is none of the trust domains", excerpt(name));
                    self.wrong(PolicyCode::ClientsTrustDomain, path, detail, "add it to [[trust_domains]]");
                }
            }
        }
        read
    }

    /// The ways to authenticate: those that are named, or those for which there are keys.
    fn methods(&mut self, role: Role, by_spiffe: bool, attested: bool) -> Vec<Method> {
        // A resource server sees neither assertions nor certificates.
        let possible = |method: Method| match method {
            Method::SpiffeJwt | Method::SpiffeX509 => by_spiffe && role == Role::AuthorizationServer,
            Method::SpiffeWit => by_spiffe,
            Method::Attestation | Method::AttestationDpop => attested,
        };
        let Some(names) = self.entry.texts("methods") else {
            let all: Vec<Method> = Method::ALL.into_iter().filter(|method| possible(*method)).collect();
            // Clients that nobody registered do not authenticate.
            if all.is_empty() && self.entry.value("dynamic").or(self.entry.value("key_binding")).is_none() {
                let remedy = "add [[trust_domains]] for workloads, or attesters for attestations";
                let path = self.entry.path.clone();
                self.wrong(
                    PolicyCode::ClientsMethod,
                    path,
                    "nobody has keys by which a client could authenticate",
                    remedy,
                );
            }
            return all;
        };
        let mut read = Vec::new();
        for (index, name) in names {
            let path = self.entry.at("methods").item(index);
            match Method::from_name(name) {
                Some(method) if read.contains(&method) => self.errors.push(repeated(path, name)),
                Some(method) if possible(method) => read.push(method),
                Some(method) => {
                    let (detail, remedy) = match method {
                        Method::SpiffeJwt | Method::SpiffeX509 if role == Role::ResourceServer => {
                            ("a resource server authenticates clients by attestations alone", "remove it")
                        }
                        method if method.is_spiffe() => {
                            ("no trust domain is there whose workloads could come so", "add [[trust_domains]]")
                        }
                        _ => ("nobody is there who attests clients", "add attesters, or remove it"),
                    };
                    self.wrong(PolicyCode::ClientsMethod, path, detail, remedy);
                }
                None => self.wrong(
                    PolicyCode::UnknownWord,
                    path,
                    format!("{} is no way to authenticate that is known here", excerpt(name)),
                    "write names like \"spiffe_jwt\", \"spiffe_x509\", \"spiffe_wit\" or \"attest_jwt_client_auth\"",
                ),
            }
        }
        read
    }

    fn known(&mut self) -> Clients {
        let mut read = Clients::new();
        let mut entries = self.entry.objects("known");
        at_most(&mut entries, MAX_ENTRIES, self.entry.at("known"), "clients", self.errors);
        for entry in &entries {
            let spiffe_id = match entry.text("spiffe_id").map(IdPattern::parse) {
                None => None,
                Some(Ok(pattern)) => Some(pattern),
                Some(Err(rejection)) => {
                    let remedy = "write a SPIFFE ID, or one that ends in \"/*\"";
                    self.wrong(PolicyCode::ClientsKnown, entry.at("spiffe_id"), told(&rejection), remedy);
                    continue;
                }
            };
            let method = entry.text("token_endpoint_auth_method");
            if let Some(name) = method.filter(|name| Method::from_name(name).is_none()) {
                let detail = format!("nobody authenticates here by {}", excerpt(name));
                let path = entry.at("token_endpoint_auth_method");
                self.wrong(PolicyCode::ClientsKnown, path, detail, "write a name that clients.methods may have");
            }
            let Some(client_id) = entry.text("client_id") else { continue };
            let client = Client { client_id: client_id.into(), spiffe_id, method: method.map(Into::into) };
            if let Err(rejection) = read.add(client) {
                let remedy = "give each client an identifier of its own";
                self.wrong(PolicyCode::ClientsKnown, entry.at("client_id"), told(&rejection), remedy);
            }
        }
        read
    }

    fn register(&mut self, role: Role, methods: &[Method], trust_domains: &[usize]) -> Option<RegistrationPolicy> {
        let entry = self.entry.object("register")?;
        if role == Role::ResourceServer {
            let remedy = "remove it, and list the clients in [[clients.known]]";
            self.wrong(PolicyCode::ClientsRegister, entry.path, "a resource server registers nobody", remedy);
            return None;
        }
        if !methods.is_empty() && !methods.iter().any(|method| method.is_spiffe()) {
            let remedy = "add \"spiffe_jwt\" or its like to clients.methods";
            let detail = "who has a SPIFFE ID could register, and nobody authenticates by one";
            self.wrong(PolicyCode::ClientsRegister, entry.path, detail, remedy);
            return None;
        }
        let read = match RegistrationPolicy::from_object(&registration(&entry)) {
            Ok(read) => read,
            Err(rejection) => {
                let remedy = "docs/clients.md shows what may stand there";
                self.wrong(PolicyCode::ClientsRegister, entry.path, told(&rejection), remedy);
                return None;
            }
        };
        for (index, pattern) in read.register.iter().enumerate() {
            let named = |number: &usize| {
                self.trusted.get(*number).is_some_and(|trusted| trusted.name == *pattern.trust_domain())
            };
            if !trust_domains.iter().any(named) {
                let detail = format!("{} is no trust domain whose workloads are clients", pattern.trust_domain());
                let path = entry.at("spiffe_id").item(index);
                self.wrong(
                    PolicyCode::ClientsRegister,
                    path,
                    detail,
                    "add it to [[trust_domains]] and clients.trust_domains",
                );
            }
        }
        Some(read)
    }
}

/// What the library reads, from the members of the policy.
fn registration(entry: &Reader<'_>) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    for (own, name) in [
        ("spiffe_id", "register"),
        ("required", "required"),
        ("grant_types", "grant_types"),
        ("redirect_sources", "redirect_sources"),
        ("configured", "clients"),
    ] {
        members.extend(entry.value(own).map(|value| (name.to_string(), value.clone())));
    }
    members.extend(entry.duration("lifetime").map(|seconds| ("lifetime".to_string(), seconds.into())));
    Object::from_members(members)
}

fn told(rejection: &Rejection) -> String {
    format!("{}: {}", rejection.code(), rejection.detail())
}

/// Clients have a listener where their server asks about them, and such a listener has clients.
pub(super) fn listened(
    top: &Reader<'_>,
    clients: Option<&ClientsPolicy>,
    listeners: &[Listener],
    errors: &mut Vec<PolicyError>,
) {
    if !errors.is_empty() {
        return;
    }
    let serves = listeners.iter().position(|listener| listener.clients);
    let (path, detail, remedy) = match (clients, serves) {
        (Some(_), None) => {
            (top.at("clients"), "nobody can ask who a client is", "add [[listeners]] with serves = \"clients\"")
        }
        (None, Some(number)) => (
            top.at("listeners").item(number).member("serves"),
            "there are no clients that could be asked about",
            "add [clients]",
        ),
        _ => return,
    };
    errors.push(PolicyError::new(PolicyCode::ClientsListener, path, detail, remedy));
}
