//! What an operator lets dynamic clients do. Nothing, until it is said.

use alloc::{borrow::ToOwned, format, rc::Rc, string::String, vec::Vec};

use portcullis_client::{Client, Clients};
use portcullis_crypto::KeySet;
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use super::{CLIENT_ID, HostPattern, KeyMethod, PushedCode, SUPPORTED, metadata};

/// Most entries in each of the policy's lists. A request may be compared with all of them.
pub const MAX_ENTRIES: usize = 1024;

/// What dynamic clients may do. [`PushPolicy::off`] is where it begins.
#[derive(Debug, Clone)]
pub struct PushPolicy {
    /// Whether there are dynamic clients at all.
    pub enabled: bool,
    /// The issuer identifier of the authorization server: what proofs of attestations and software statements are made for.
    pub server: Option<String>,
    /// Names of the metadata that a client may have (RFC 7591 section 2).
    pub metadata: Vec<&'static str>,
    /// Whether other members of its metadata are passed over, as RFC 7591 section 2 lets it; else they refuse the request.
    pub ignore_other_metadata: bool,
    /// Hosts that browsers may be sent back to.
    pub redirect_hosts: Vec<HostPattern>,
    /// Hosts of what is shown to people: logos, terms, policies, home pages. Without it, the redirect hosts.
    pub shown_hosts: Option<Vec<HostPattern>>,
    /// Response types, each with `code` in it.
    pub response_types: Vec<String>,
    /// Grant types that metadata may name.
    pub grant_types: Vec<String>,
    /// Scopes that may be asked for.
    pub scopes: Vec<String>,
    /// Other parameters of the authorization request that count. Those that are not named are passed over.
    pub parameters: Vec<String>,
    /// Who has to vouch for a client.
    pub vouchers: Vouchers,
    /// How a client may name its key.
    pub keys: Vec<KeyMethod>,
    /// Whether it has to have one.
    pub key_required: bool,
    /// Whether it has to prove it with the pushed request: `dpop_jkt` alone proves nothing yet.
    pub proof_required: bool,
    /// How far clocks may differ where tokens expire, in seconds.
    pub leeway: u64,
}

/// Who vouches for a client: one of those that are there. With none of them, nobody has to.
#[derive(Debug, Clone, Default)]
pub struct Vouchers {
    /// An attester of instances of clients.
    pub attestation: Option<AttestationPolicy>,
    /// An issuer of software statements.
    pub software_statement: Option<StatementPolicy>,
}

/// The attestations that count (draft-ietf-oauth-attestation-based-client-auth-11).
#[derive(Debug, Clone)]
pub struct AttestationPolicy {
    /// Keys of the trusted attesters.
    pub attesters: Rc<KeySet>,
    /// The `sub` that an attestation may have. The identifier of dynamic clients alone, where the operator names no others.
    pub subjects: Clients,
    /// The greatest age in seconds, counted from `iat`.
    pub max_age: Option<u64>,
}

/// The software statements that count (RFC 7591 section 2.3).
#[derive(Debug, Clone)]
pub struct StatementPolicy {
    /// Keys of the issuer.
    pub keys: Rc<KeySet>,
    /// Its identifier: `iss`, letter by letter.
    pub issuer: String,
    /// The `software_id` that a statement may have; any, if there is no list.
    pub software_ids: Option<Vec<String>>,
    /// The greatest age in seconds, counted from `iat`.
    pub max_age: Option<u64>,
}

impl PushPolicy {
    /// No dynamic clients. What it would let them do, were they turned on, is an authorization code by DPoP or mutual TLS, at no
    /// host and with no scope.
    pub fn off() -> Self {
        Self {
            enabled: false,
            server: None,
            metadata: Vec::new(),
            ignore_other_metadata: false,
            redirect_hosts: Vec::new(),
            shown_hosts: None,
            response_types: Vec::from(["code".to_owned()]),
            grant_types: Vec::from(["authorization_code".to_owned()]),
            scopes: Vec::new(),
            parameters: Vec::new(),
            vouchers: Vouchers::default(),
            keys: Vec::from([KeyMethod::Dpop, KeyMethod::MutualTls]),
            key_required: true,
            proof_required: false,
            leeway: 0,
        }
    }

    /// Reads a policy. Its members are in `docs/pushed-registration.md`; `keys` makes a key set of a JWK Set.
    ///
    /// Errors: `par.policy_malformed`, `json.duplicate_name`, and those of `keys`.
    pub fn from_object(
        policy: &Object,
        mut keys: impl FnMut(&Object) -> Result<Rc<KeySet>, Rejection>,
    ) -> Result<Self, Rejection> {
        known(policy, MEMBERS, "the policy")?;
        let mut read = Self::off();
        read.enabled = flag(policy, "enabled")?.unwrap_or(false);
        read.server = text(policy, "server")?.map(ToOwned::to_owned);
        let names = texts(policy, "metadata")?.unwrap_or_default();
        read.metadata = names.iter().map(|name| known_metadata(name)).collect::<Result<_, _>>()?;
        read.ignore_other_metadata = match text(policy, "other_metadata")? {
            None | Some("refuse") => false,
            Some("ignore") => true,
            Some(other) => return Err(malformed(format!("other_metadata is {}", excerpt(other)))),
        };
        let wildcards = flag(policy, "redirect_wildcards")?.unwrap_or(false);
        let hosts = |name| -> Result<Option<Vec<HostPattern>>, Rejection> {
            let Some(hosts) = texts(policy, name)? else { return Ok(None) };
            hosts.iter().map(|host| HostPattern::parse(host, wildcards)).collect::<Result<_, _>>().map(Some)
        };
        read.redirect_hosts = hosts("redirect_hosts")?.unwrap_or_default();
        read.shown_hosts = hosts("shown_hosts")?;
        if let Some(types) = texts(policy, "response_types")? {
            // Section 3.2: what comes back is a code. Without one, PKCE would protect nothing.
            if let Some(other) = types.iter().find(|one| !one.split(' ').any(|word| word == "code")) {
                return Err(malformed(format!("the response type {} has no code", excerpt(other))));
            }
            read.response_types = types;
        }
        read.grant_types = texts(policy, "grant_types")?.unwrap_or(read.grant_types);
        read.scopes = texts(policy, "scopes")?.unwrap_or_default();
        read.parameters = texts(policy, "parameters")?.unwrap_or_default();
        read.vouchers = match policy.get("vouched_by")? {
            // Whether nobody has to vouch is for the operator to say, not for a default.
            None if read.enabled => return Err(malformed("there is no vouched_by")),
            None => Vouchers::default(),
            Some(Value::String(nobody)) if nobody == "nobody" => Vouchers::default(),
            Some(Value::Object(vouchers)) => Vouchers::from_object(vouchers, &mut keys)?,
            Some(other) => return Err(malformed(format!("vouched_by is {}", other.kind()))),
        };
        if read.vouchers.attestation.is_some() && read.server.is_none() {
            return Err(malformed("attestations want a server, for which their proofs are made"));
        }
        if let Some(methods) = texts(policy, "keys")? {
            read.keys = methods.iter().map(|name| key_method(name)).collect::<Result<_, _>>()?;
        }
        read.key_required = flag(policy, "key_required")?.unwrap_or(true);
        read.proof_required = flag(policy, "proof_required")?.unwrap_or(false);
        read.leeway = seconds(policy, "leeway")?.unwrap_or(0);
        Ok(read)
    }

    /// What to publish in the server's metadata (section 5).
    ///
    /// ```
    /// use portcullis_oauth::pushed_registration::PushPolicy;
    /// assert_eq!(PushPolicy::off().metadata_entry(), ("pushed_client_registration_supported", false));
    /// ```
    pub fn metadata_entry(&self) -> (&'static str, bool) {
        (SUPPORTED, self.enabled)
    }
}

impl Vouchers {
    /// Whether somebody has to vouch.
    pub fn are_required(&self) -> bool {
        self.attestation.is_some() || self.software_statement.is_some()
    }

    fn from_object(
        vouchers: &Object,
        keys: &mut dyn FnMut(&Object) -> Result<Rc<KeySet>, Rejection>,
    ) -> Result<Self, Rejection> {
        known(vouchers, &["attestation", "software_statement"], "vouched_by")?;
        let attestation = object(vouchers, "attestation")?;
        let statement = object(vouchers, "software_statement")?;
        let read = Self {
            attestation: attestation.map(|policy| AttestationPolicy::from_object(policy, keys)).transpose()?,
            software_statement: statement.map(|policy| StatementPolicy::from_object(policy, keys)).transpose()?,
        };
        match read.are_required() {
            true => Ok(read),
            false => Err(malformed("vouched_by names nobody; if that is meant, it is \"nobody\"")),
        }
    }
}

impl AttestationPolicy {
    fn from_object(
        policy: &Object,
        keys: &mut dyn FnMut(&Object) -> Result<Rc<KeySet>, Rejection>,
    ) -> Result<Self, Rejection> {
        known(policy, &["attesters", "subjects", "max_age"], "attestation")?;
        let attesters = object(policy, "attesters")?.ok_or_else(|| malformed("attestation has no attesters"))?;
        // draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7): `sub` is the client_id of the request. Another one
        // counts where the operator says so.
        let subjects = texts(policy, "subjects")?.unwrap_or_else(|| Vec::from([CLIENT_ID.to_owned()]));
        let mut clients = Clients::new();
        for client_id in subjects {
            let client = Client { client_id, spiffe_id: None, method: None };
            clients.add(client).map_err(|inner| malformed(format!("subjects: {}", inner.detail())))?;
        }
        Ok(Self { attesters: keys(attesters)?, subjects: clients, max_age: seconds(policy, "max_age")? })
    }
}

impl StatementPolicy {
    fn from_object(
        policy: &Object,
        keys: &mut dyn FnMut(&Object) -> Result<Rc<KeySet>, Rejection>,
    ) -> Result<Self, Rejection> {
        known(policy, &["keys", "issuer", "software_ids", "max_age"], "software_statement")?;
        let jwks = object(policy, "keys")?.ok_or_else(|| malformed("software_statement has no keys"))?;
        let issuer = text(policy, "issuer")?.ok_or_else(|| malformed("software_statement has no issuer"))?;
        Ok(Self {
            keys: keys(jwks)?,
            issuer: issuer.to_owned(),
            software_ids: texts(policy, "software_ids")?,
            max_age: seconds(policy, "max_age")?,
        })
    }
}

/// The members of a policy.
const MEMBERS: &[&str] = &[
    "enabled",
    "server",
    "metadata",
    "other_metadata",
    "redirect_hosts",
    "redirect_wildcards",
    "shown_hosts",
    "response_types",
    "grant_types",
    "scopes",
    "parameters",
    "vouched_by",
    "keys",
    "key_required",
    "proof_required",
    "leeway",
];

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(PushedCode::PolicyMalformed, what)
}

fn wrong(name: &str, value: &Value, wanted: &str) -> Rejection {
    malformed(format!("{name} is {}, not {wanted}", value.kind()))
}

fn known(object: &Object, names: &[&str], place: &str) -> Result<(), Rejection> {
    match object.checked()?.members().find(|(name, _)| !names.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(malformed(format!("{place} has an unknown member {}", excerpt(name)))),
    }
}

fn flag(policy: &Object, name: &str) -> Result<Option<bool>, Rejection> {
    match policy.get(name)? {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(wrong(name, other, "true or false")),
    }
}

fn text<'p>(policy: &'p Object, name: &str) -> Result<Option<&'p str>, Rejection> {
    match policy.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(Value::String(_)) => Err(malformed(format!("{name} is empty"))),
        Some(other) => Err(wrong(name, other, "a text")),
    }
}

fn object<'p>(policy: &'p Object, name: &str) -> Result<Option<&'p Object>, Rejection> {
    match policy.get(name)? {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(wrong(name, other, "an object")),
    }
}

fn seconds(policy: &Object, name: &str) -> Result<Option<u64>, Rejection> {
    match policy.get(name)? {
        None => Ok(None),
        Some(value) => match timestamp_from_json(value) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(wrong(name, value, "a whole number of seconds")),
        },
    }
}

fn texts(policy: &Object, name: &str) -> Result<Option<Vec<String>>, Rejection> {
    let Some(value) = policy.get(name)? else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| wrong(name, value, "a list of texts"))?;
    if items.len() > MAX_ENTRIES {
        let what = format!("{name} has {} entries, at most {MAX_ENTRIES} are read", items.len());
        return Err(malformed(what));
    }
    let text = |item: &Value| item.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name, item, "a text"));
    items.iter().map(text).collect::<Result<_, _>>().map(Some)
}

fn known_metadata(name: &str) -> Result<&'static str, Rejection> {
    metadata::known(name).ok_or_else(|| malformed(format!("metadata names {}, which is not kept", excerpt(name))))
}

fn key_method(name: &str) -> Result<KeyMethod, Rejection> {
    KeyMethod::from_name(name).ok_or_else(|| malformed(format!("keys names {}", excerpt(name))))
}
