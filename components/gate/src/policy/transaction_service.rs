//! `[transaction_tokens.service]`: who may have Transaction Tokens, and what is in them (`docs/transaction-tokens.md`).

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::Algorithm;
use portcullis_oauth::transaction_token::{Admitted, ContextPolicy, DEFAULT_LIFETIME, SubjectTokenType};
use portcullis_scope::ScopeSet;
use portcullis_svid::{IdPattern, SpiffeId};
use portcullis_types::limits::excerpt;

use super::{
    KeySource, Listener, Path, PolicyError, TransactionTokens,
    code::PolicyCode,
    limits::{MAX_GRANTS, MAX_NAMES},
    reader::{Reader, at_most},
    rules::Surroundings,
};
use crate::{origin::Origin, path::RequestPath};

/// The algorithm that hosts sign with.
const SIGNED_WITH: Algorithm = Algorithm::Es256;

/// How often a token may be replaced where a policy says nothing. Each may bring its transaction a further lifetime (section 13.15).
const DEFAULT_REPLACEMENTS: usize = 4;

/// Kinds of subject tokens where a policy says nothing: those for which others answer than the workload that asks.
const DEFAULT_TYPES: [SubjectTokenType; 3] =
    [SubjectTokenType::AccessToken, SubjectTokenType::Jwt, SubjectTokenType::TransactionToken];

/// Kinds of subject tokens by their words, which are those of OAuth's names for them.
const TYPES: [(&str, SubjectTokenType); 5] = [
    ("access_token", SubjectTokenType::AccessToken),
    ("jwt", SubjectTokenType::Jwt),
    ("txn_token", SubjectTokenType::TransactionToken),
    ("self_signed", SubjectTokenType::SelfSigned),
    ("unsigned_json", SubjectTokenType::UnsignedJson),
];

/// The word for a kind of subject token; empty for one that no policy lists.
pub(crate) fn word(kind: &SubjectTokenType) -> &'static str {
    TYPES.into_iter().find(|(_, known)| known == kind).map_or("", |(word, _)| word)
}

/// A Transaction Token Service.
#[derive(Debug, Clone)]
pub struct TransactionService {
    /// The URL at which tokens are requested.
    pub endpoint: String,
    /// The number of its origin.
    pub origin: usize,
    /// Its path.
    pub path: String,
    /// The URL of its keys.
    pub keys: String,
    /// How long a token is good, in seconds.
    pub lifetime: u64,
    /// Whether a token may outlive the one that was presented for it.
    pub longer_life: bool,
    /// How often a token may be replaced.
    pub replacements: usize,
    /// Numbers of the issuers whose tokens may be subject tokens.
    pub subject_issuers: Vec<usize>,
    /// What subject tokens have in `aud`, where that is not what their issuer's entry says.
    pub subject_audience: Option<Vec<String>>,
    /// Who may have tokens.
    pub workloads: Vec<ServedWorkloads>,
}

/// Workloads that may have Transaction Tokens.
#[derive(Debug, Clone)]
pub struct ServedWorkloads {
    /// Their SPIFFE IDs.
    pub patterns: Vec<IdPattern>,
    /// The most that they may ask for; what the subject token has without.
    pub scope: Option<ScopeSet>,
    /// Kinds of subject tokens that they may bring.
    pub subject_types: Vec<SubjectTokenType>,
    /// Members of `request_details` that they may assert.
    pub request_details: Vec<String>,
    /// Members of `request_context` that they may assert.
    pub request_context: Vec<String>,
}

impl TransactionService {
    /// The entry of a workload.
    pub fn serves(&self, workload: &SpiffeId) -> Option<&ServedWorkloads> {
        self.workloads.iter().find(|entry| entry.patterns.iter().any(|pattern| pattern.matches(workload)))
    }
}

impl ServedWorkloads {
    /// What they may assert, asked with the names of their members.
    pub(crate) fn with_contexts<T>(&self, ask: impl FnOnce(&ContextPolicy<'_>) -> T) -> T {
        let [details, context] = [&self.request_details, &self.request_context]
            .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        fn admitted<'a>(names: &'a [&'a str]) -> Admitted<'a> {
            if names.contains(&"*") { Admitted::All } else { Admitted::Named(names) }
        }
        ask(&ContextPolicy {
            request_context: admitted(&context),
            request_details: admitted(&details),
            ..ContextPolicy::default()
        })
    }
}

/// What is wrong with the service.
fn refusal(path: Path, detail: impl Into<String>, remedy: impl Into<String>) -> PolicyError {
    PolicyError::new(PolicyCode::TransactionService, path, detail, remedy)
}

pub(super) fn service(
    top: &Reader<'_>,
    accepted: Option<&TransactionTokens>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<TransactionService> {
    let above = top.object("transaction_tokens")?;
    let entry = above.object("service")?;
    let accepted = accepted?;
    let before = errors.len();
    let endpoint = entry.text("endpoint")?;
    let place = place(endpoint, around.origins);
    if place.is_none() {
        errors.push(refusal(
            entry.at("endpoint"),
            format!(
                "{} is no URL at an origin of the policy, or has a query, a fragment or an ambiguous path",
                excerpt(endpoint)
            ),
            "write a URL with a path, and its origin into \"origins\"",
        ));
    }
    let keys = keys(&above, &accepted.keys, place.as_ref(), around, errors);
    if accepted.algorithms.as_ref().is_some_and(|list| !list.contains(&SIGNED_WITH)) {
        let detail = format!("the service signs with {}, which is not accepted", SIGNED_WITH.name());
        errors.push(refusal(above.at("algorithms"), detail, format!("add \"{}\"", SIGNED_WITH.name())));
    }
    let lifetime = entry.duration("lifetime").unwrap_or(DEFAULT_LIFETIME);
    if lifetime > accepted.lifetime {
        let detail = format!(
            "its tokens are good for {lifetime} seconds, and those of more than {} are refused",
            accepted.lifetime
        );
        errors.push(refusal(
            if entry.value("lifetime").is_some() { entry.at("lifetime") } else { entry.path.clone() },
            detail,
            "make it shorter, or transaction_tokens.lifetime longer",
        ));
    }
    let subject_issuers = subject_issuers(&entry, around, errors);
    let mut entries = entry.objects("workloads");
    at_most(&mut entries, MAX_GRANTS, entry.at("workloads"), "entries", errors);
    let workloads: Vec<ServedWorkloads> = entries.iter().filter_map(|one| served(one, around, errors)).collect();
    if entries.is_empty() {
        errors.push(refusal(
            entry.at("workloads"),
            "no workload may have a token",
            "add [[transaction_tokens.service.workloads]] with spiffe_id = […]",
        ));
    }
    let (origin, path) = place?;
    let read = TransactionService {
        endpoint: endpoint.into(),
        origin,
        path,
        keys: keys?,
        lifetime,
        longer_life: entry.flag("longer_life") == Some(true),
        replacements: entry.count("replacements").unwrap_or(DEFAULT_REPLACEMENTS),
        subject_issuers,
        subject_audience: entry.strings("subject_audience"),
        workloads,
    };
    (errors.len() == before).then_some(read)
}

/// The number of a URL's origin and its path; nothing where it is at none of the policy's, or no path that is let through.
fn place(url: &str, origins: &[Origin]) -> Option<(usize, String)> {
    let origin = Origin::of_url(url)?;
    let number = origins.iter().position(|known| *known == origin)?;
    let (_, rest) = url.split_once("://")?;
    let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or("/");
    (!path.contains(['?', '#']) && RequestPath::parse(path).is_ok()).then(|| (number, path.into()))
}

/// Where the service's own keys are published: where everybody looks for them.
fn keys(
    above: &Reader<'_>,
    keys: &KeySource,
    endpoint: Option<&(usize, String)>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<String> {
    let mut refuse = |detail: &str, remedy: &str| errors.push(refusal(above.at("keys"), detail, remedy));
    let KeySource::Url(url) = keys else {
        refuse(
            "the service signs with keys that it makes itself, and these have no URL",
            "write keys = \"https://tts.prod.example/jwks\": the service answers there",
        );
        return None;
    };
    match place(url, around.origins) {
        None => refuse(
            "they are at no origin of the policy, so the service could not publish its keys there",
            "write a URL at an origin of the policy: the service answers there",
        ),
        Some(place) if endpoint == Some(&place) => {
            refuse("tokens are requested at this URL", "give the keys a path of their own");
        }
        Some(_) if around.issuers.iter().any(|one| matches!(&one.keys, KeySource::Url(other) if other == url)) => {
            refuse("an issuer has its keys at this URL", "give each its own: one's tokens are never the other's");
        }
        Some(_) => return Some(url.clone()),
    }
    None
}

/// Issuers whose tokens may be subject tokens. One for registries is none of them.
fn subject_issuers(entry: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Vec<usize> {
    let every = || around.issuers.iter().enumerate().filter(|(_, issuer)| !issuer.registry);
    let Some(names) = entry.texts("subject_issuers") else { return every().map(|(number, _)| number).collect() };
    let mut read = Vec::new();
    for (index, name) in names {
        match every().find(|(_, issuer)| issuer.name == name) {
            Some((number, _)) if read.contains(&number) => {
                errors.push(super::issuers::repeated(entry.at("subject_issuers").item(index), name));
            }
            Some((number, _)) => read.push(number),
            None => errors.push(refusal(
                entry.at("subject_issuers").item(index),
                format!("{} is the name of no issuer whose tokens say who somebody is", excerpt(name)),
                "write names of [[issuers]]",
            )),
        }
    }
    read
}

fn served(entry: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Option<ServedWorkloads> {
    let before = errors.len();
    let patterns = patterns(entry, around, errors);
    let subject_types = subject_types(entry, errors);
    let scope = entry.strings("scope").and_then(|tokens| {
        ScopeSet::from_tokens(tokens.iter().map(String::as_str))
            .map_err(|rejection| {
                let detail = format!("{}: {}", rejection.code(), rejection.detail());
                let remedy = "write one scope token a text: [\"a\", \"b\"]";
                errors.push(PolicyError::new(PolicyCode::RequirementMalformed, entry.at("scope"), detail, remedy));
            })
            .ok()
    });
    let own_word = [SubjectTokenType::SelfSigned, SubjectTokenType::UnsignedJson];
    if entry.value("scope").is_none() && subject_types.iter().any(|kind| own_word.contains(kind)) {
        errors.push(refusal(
            entry.at("subject_types"),
            "a workload that says itself on whose behalf it asks has no token that could say for what",
            "add scope = […], the most that it may ask for",
        ));
    }
    let names = |name: &str, errors: &mut Vec<PolicyError>| {
        let mut names = entry.strings(name).unwrap_or_default();
        at_most(&mut names, MAX_NAMES, entry.at(name), "names", errors);
        names
    };
    let read = ServedWorkloads {
        patterns,
        scope,
        subject_types,
        request_details: names("request_details", errors),
        request_context: names("request_context", errors),
    };
    (errors.len() == before).then_some(read)
}

fn patterns(entry: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Vec<IdPattern> {
    let mut read = Vec::new();
    let mut texts = entry.texts("spiffe_id").unwrap_or_default();
    at_most(&mut texts, MAX_NAMES, entry.at("spiffe_id"), "SPIFFE IDs", errors);
    for (index, text) in texts {
        let path = entry.at("spiffe_id").item(index);
        match super::rules::pattern(text, path.clone(), errors) {
            Some(pattern) if around.trust_domains.iter().any(|one| one.name == *pattern.trust_domain()) => {
                read.push(pattern)
            }
            Some(pattern) => errors.push(refusal(
                path,
                format!("{} is none of the trust domains, so no workload of it could come", pattern.trust_domain()),
                "add it to [[trust_domains]]",
            )),
            None => {}
        }
    }
    read
}

fn subject_types(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Vec<SubjectTokenType> {
    let Some(words) = entry.texts("subject_types") else { return DEFAULT_TYPES.to_vec() };
    let mut read = Vec::new();
    for (index, word) in words {
        let Some((_, kind)) = TYPES.into_iter().find(|(known, _)| *known == word) else {
            errors.push(PolicyError::new(
                PolicyCode::UnknownWord,
                entry.at("subject_types").item(index),
                format!("{} is no kind of subject token that is taken here", excerpt(word)),
                "write some of \"access_token\", \"jwt\", \"txn_token\", \"self_signed\" and \"unsigned_json\"",
            ));
            continue;
        };
        if read.contains(&kind) {
            errors.push(super::issuers::repeated(entry.at("subject_types").item(index), word));
        }
        read.push(kind);
    }
    read
}

/// A service has a listener where it is asked, and such a listener has a service.
pub(super) fn listened(
    top: &Reader<'_>,
    service: Option<&TransactionService>,
    listeners: &[Listener],
    errors: &mut Vec<PolicyError>,
) {
    if !errors.is_empty() {
        return;
    }
    let serves = listeners.iter().position(|listener| listener.transactions);
    match (service, serves) {
        (Some(_), None) => errors.push(refusal(
            top.at("transaction_tokens").member("service"),
            "nobody can ask the service",
            "add [[listeners]] with serves = \"transactions\"",
        )),
        (None, Some(number)) => errors.push(refusal(
            top.at("listeners").item(number).member("serves"),
            "there is no service whose tokens could be handed out",
            "add [transaction_tokens.service]",
        )),
        _ => {}
    }
}
