//! Transaction Tokens that are accepted beside callers' own credentials, and what rules ask of them.

use alloc::{rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, Backend};
use portcullis_oauth::{
    key_binding::{Binding, BindingPolicy},
    transaction_token::MAX_LIFETIME,
};
use portcullis_scope::{ClaimRequirements, ScopeSet};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{
    KeySource, PolicyError,
    code::PolicyCode,
    issuers::{self, DEFAULT_LEEWAY, is_symmetric},
    reader::Reader,
};

/// The Transaction Tokens of one trust domain.
#[derive(Debug, Clone)]
pub struct TransactionTokens {
    /// `aud`, byte by byte.
    pub trust_domain: String,
    /// The keys of the trust domain's Transaction Token Service.
    pub keys: KeySource,
    /// `iss`, where one is expected.
    pub issuer: Option<String>,
    /// Acceptable algorithms; every asymmetric one without.
    pub algorithms: Option<Vec<Algorithm>>,
    /// The longest time from `iat` to `exp`, in seconds.
    pub lifetime: u64,
    /// How far clocks may differ, in seconds.
    pub leeway: u64,
    /// Whether each service is reached once in a transaction.
    pub single_use: bool,
}

/// What a rule asks of the transaction.
#[derive(Debug, Clone, Default)]
pub struct TransactionRequirements {
    /// Tokens of its scope.
    pub scope: Option<ScopeSet>,
    /// Claims of the token.
    pub claims: Option<ClaimRequirements>,
    /// Members of `tctx`.
    pub context: Option<ClaimRequirements>,
    /// Members of `rctx`.
    pub request_context: Option<ClaimRequirements>,
}

pub(super) fn transaction_tokens(
    top: &Reader<'_>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<TransactionTokens> {
    let entry = top.object("transaction_tokens")?;
    let keys = issuers::source(entry.value("keys")?, entry.at("keys"), backend, errors);
    if let Some(KeySource::Inline(set)) = &keys
        && is_symmetric(set)
    {
        errors.push(PolicyError::new(
            PolicyCode::TransactionTokens,
            entry.at("keys"),
            "a key is symmetric: every workload that could verify with it could make tokens",
            "have the service sign with a private key, and write its public key here",
        ));
    }
    let algorithms = entry.value("algorithms").map(|_| issuers::algorithms(&entry, errors));
    if algorithms.iter().flatten().any(|one| one.is_mac()) {
        errors.push(PolicyError::new(
            PolicyCode::TransactionTokens,
            entry.at("algorithms"),
            "Transaction Tokens are never accepted with a MAC",
            "name asymmetric algorithms, for example \"ES256\"",
        ));
    }
    Some(TransactionTokens {
        trust_domain: entry.text("trust_domain")?.into(),
        keys: keys?,
        issuer: entry.text("issuer").map(Into::into),
        algorithms,
        lifetime: entry.duration("lifetime").unwrap_or(MAX_LIFETIME),
        leeway: entry.duration("leeway").unwrap_or(DEFAULT_LEEWAY),
        single_use: entry.flag("single_use") == Some(true),
    })
}

/// What a rule asks of the transaction (`require.transaction`).
pub(super) fn requirements(
    require: &Reader<'_>,
    accepted: bool,
    errors: &mut Vec<PolicyError>,
) -> Option<TransactionRequirements> {
    let entry = require.object("transaction")?;
    if !accepted {
        errors.push(PolicyError::new(
            PolicyCode::TransactionTokens,
            require.at("transaction"),
            "the rule asks for a Transaction Token, and the policy accepts none",
            "add [transaction_tokens] with trust_domain and keys",
        ));
    }
    let mut malformed = |name: &str, rejection: &Rejection, remedy: &str| {
        let detail = alloc::format!("{}: {}", rejection.code(), rejection.detail());
        errors.push(PolicyError::new(PolicyCode::RequirementMalformed, entry.at(name), detail, remedy));
    };
    let scope = entry.strings("scope").and_then(|tokens| {
        ScopeSet::from_tokens(tokens.iter().map(String::as_str))
            .map_err(|rejection| malformed("scope", &rejection, "write one scope token a text: [\"a\", \"b\"]"))
            .ok()
    });
    let mut claims = |name: &str| {
        let object = entry.value(name)?.as_object()?;
        ClaimRequirements::parse(object)
            .map_err(|rejection| {
                malformed(name, &rejection, "write a value, { equals = … }, { contains = … } or { one_of = […] }");
            })
            .ok()
    };
    let (own, context, request_context) = (claims("claims"), claims("context"), claims("request_context"));
    Some(TransactionRequirements { scope, claims: own, context, request_context })
}

/// How tokens of an issuer may be bound (`issuers.key_binding`).
pub(super) fn key_binding(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> BindingPolicy {
    let Some(inner) = entry.object("key_binding") else { return BindingPolicy::off() };
    let said = |name| inner.value(name).map(|value| (String::from(name), value.clone()));
    let members: Vec<(String, Value)> = ["deferred", "unmarked"].into_iter().filter_map(said).collect();
    BindingPolicy::from_object(&Object::from_members(members)).unwrap_or_else(|rejection| {
        let detail = alloc::format!("{}: {}", rejection.code(), rejection.detail());
        let remedy = "docs/key-binding.md shows what may stand there";
        errors.push(PolicyError::new(PolicyCode::RequirementMalformed, inner.path.clone(), detail, remedy));
        BindingPolicy::off()
    })
}

/// The bindings that a rule accepts (`require.binding`).
pub(super) fn bindings(require: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<Vec<Binding>> {
    let mut read = Vec::new();
    for (index, name) in require.texts("binding")? {
        match Binding::from_name(name) {
            Some(binding) => read.push(binding),
            None => errors.push(PolicyError::new(
                PolicyCode::UnknownWord,
                require.at("binding").item(index),
                alloc::format!("{} is no way in which a token is bound", excerpt(name)),
                "write some of \"proved\", \"deferred\" and \"none\"",
            )),
        }
    }
    Some(read)
}
