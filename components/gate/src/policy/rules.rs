//! Rules: which requests they are for, whose credentials count, and what is required.

use alloc::{boxed::Box, collections::BTreeMap, format, string::String, vec, vec::Vec};

use portcullis_oauth::key_binding::Binding;
use portcullis_scope::{AcrValues, AuthorizationDetails, ClaimRequirements, Required, ScopeSet};
use portcullis_svid::IdPattern;
use portcullis_types::{Rejection, json::Value, limits::excerpt};

use super::{
    Mode, Path, PolicyError,
    code::PolicyCode,
    issuers::{Issuer, repeated},
    limits::{MAX_NAMES, MAX_RULES},
    reader::{Reader, at_most, plain_name},
    shape::nearest,
    transaction_tokens::{self, TransactionRequirements},
    trust_domains::Trusted,
};
use crate::{
    origin::Origin,
    path::{Part, Pattern},
};

/// Whose word a credential is: an entry of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// An issuer, by its number.
    Issuer(usize),
    /// A trust domain, by its number.
    TrustDomain(usize),
    /// A registry's users.
    Users,
}

/// What has to hold of one credential.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// Scope, authentication, authorization details and claims.
    pub granted: Required,
    /// One of these is the workload's SPIFFE ID.
    pub spiffe_id: Option<Vec<IdPattern>>,
    /// One of these is how the token is bound to its sender's key.
    pub binding: Option<Vec<Binding>>,
    /// What is asked of the transaction beside it.
    pub transaction: Option<Box<TransactionRequirements>>,
    /// An attestation of the access token's client comes with it.
    pub attestation: bool,
}

/// Who may pass.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody.
    Anonymous,
    /// Whoever has a credential of one of these authorities that meets the requirements.
    Credential {
        /// Whose credentials count, in the order of the rule.
        authorities: Vec<Authority>,
        /// What they have to grant.
        require: Requirements,
    },
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What logs call it.
    pub name: String,
    /// Numbers of the origins it is for; every one without.
    pub hosts: Option<Vec<usize>>,
    /// The methods it is for; every one without.
    pub methods: Option<Vec<String>>,
    /// The paths it is for; every one without.
    pub path: Option<Pattern>,
    /// The path as it is written.
    pub path_text: String,
    /// Who may pass.
    pub access: Access,
    /// Whether it is only reported.
    pub mode: Mode,
    /// Whether `%2F` is a part of its segment.
    pub encoded_slash: bool,
}

impl Rule {
    /// Whether it is for a method on an origin, the path apart.
    pub fn is_for(&self, method: &str, origin: usize) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.contains(&origin))
            && self.methods.as_ref().is_none_or(|methods| methods.iter().any(|one| one == method))
    }

    /// Whether it is for everything that another is for, where both have the same path.
    fn covers(&self, other: &Rule) -> bool {
        let hosts = match (&self.hosts, &other.hosts) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|host| own.contains(host)),
        };
        let methods = match (&self.methods, &other.methods) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|method| own.contains(method)),
        };
        hosts && methods
    }
}

/// What rules refer to.
pub(super) struct Surroundings<'a> {
    pub(super) origins: &'a [Origin],
    pub(super) issuers: &'a [Issuer],
    pub(super) trust_domains: &'a [Trusted],
    /// Whether Transaction Tokens are accepted.
    pub(super) transactions: bool,
    pub(super) mode: Mode,
}

pub(super) fn rules(top: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Vec<Rule> {
    let mut entries = top.objects("rules");
    at_most(&mut entries, MAX_RULES, top.at("rules"), "rules", errors);
    entries.iter().enumerate().filter_map(|(index, entry)| rule(index, entry, around, errors)).collect()
}

fn rule(index: usize, entry: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Option<Rule> {
    let before = errors.len();
    plain_name(entry, errors);
    let hosts = hosts(entry, around, errors);
    let methods = methods(entry, errors);
    let path = entry.text("path").and_then(|text| match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(detail) => {
            let remedy = if text.contains("://") {
                "write the path alone, and the host in \"hosts\""
            } else if text.contains('?') {
                "leave out the query: it is never looked at"
            } else {
                "write a path like \"/reports/{id}\" or \"/internal/{rest...}\""
            };
            errors.push(PolicyError::new(PolicyCode::PathMalformed, entry.at("path"), detail, remedy));
            None
        }
    });
    let access = access(entry, around, errors);
    let encoded_slash = entry.text("encoded_slash") == Some("opaque");
    if let Some(pattern) = &path
        && !encoded_slash
        && pattern.parts().iter().any(|part| matches!(part, Part::Literal(literal) if literal.contains(&b'/')))
    {
        errors.push(PolicyError::new(
            PolicyCode::PathMalformed,
            entry.at("path"),
            "%2F is never let through to this rule",
            "add encoded_slash = \"opaque\" if the upstream takes it for a part of its segment",
        ));
    }
    let rule = Rule {
        name: entry.text("name").map_or_else(|| format!("rule {}", index + 1), Into::into),
        hosts,
        methods,
        path_text: entry.text("path").unwrap_or_default().into(),
        path,
        access: access?,
        mode: match entry.text("mode") {
            Some("report") => Mode::Report,
            Some("enforce") => Mode::Enforce,
            _ => around.mode,
        },
        encoded_slash,
    };
    (errors.len() == before).then_some(rule)
}

pub(super) fn hosts(
    entry: &Reader<'_>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<Vec<usize>> {
    let mut hosts = Vec::new();
    for (index, text) in entry.texts("hosts")? {
        let path = entry.at("hosts").item(index);
        let mut found = around.origins.iter().enumerate().filter(|(_, origin)| origin.authority() == text).peekable();
        if found.peek().is_none() {
            let known: Vec<&str> = around.origins.iter().map(Origin::authority).collect();
            let remedy = match Origin::of_url(text).filter(|origin| around.origins.contains(origin)) {
                Some(origin) => format!("write \"{}\": a rule is for hosts, whatever the scheme", origin.authority()),
                None => format!("add its origin to \"origins\", or write one of {}", a_few(&known)),
            };
            let detail = format!("{} is the host of none of the origins", excerpt(text));
            errors.push(PolicyError::new(PolicyCode::RuleHostUnknown, path, detail, remedy));
            continue;
        }
        for (number, _) in found {
            if hosts.contains(&number) {
                errors.push(repeated(path.clone(), text));
            } else {
                hosts.push(number);
            }
        }
    }
    Some(hosts)
}

/// `token` (RFC 9110 section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn methods(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<Vec<String>> {
    let mut methods: Vec<String> = Vec::new();
    let mut texts = entry.texts("methods")?;
    at_most(&mut texts, MAX_NAMES, entry.at("methods"), "methods", errors);
    for (index, method) in texts {
        let path = entry.at("methods").item(index);
        if !is_token(method) {
            errors.push(PolicyError::new(
                PolicyCode::MethodMalformed,
                path,
                format!("{} is no method", excerpt(method)),
                "write it as requests do, for example \"GET\"",
            ));
        } else if ["get", "head", "post", "put", "patch", "delete", "options"]
            .contains(&method.to_ascii_lowercase().as_str())
            && method.bytes().any(|byte| byte.is_ascii_lowercase())
        {
            errors.push(PolicyError::new(
                PolicyCode::MethodMalformed,
                path,
                format!("{} is not how the method is written: methods are case-sensitive", excerpt(method)),
                format!("write \"{}\"", method.to_ascii_uppercase()),
            ));
        } else if methods.iter().any(|one| one == method) {
            errors.push(repeated(path, method));
        } else {
            methods.push(method.into());
        }
    }
    Some(methods)
}

fn access(entry: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Option<Access> {
    let anonymous = entry.flag("anonymous") == Some(true);
    let require = entry.value("require");
    match (anonymous, require) {
        (false, None) => {
            errors.push(PolicyError::new(
                PolicyCode::RuleUnguarded,
                entry.path.clone(),
                "the rule does not say who may pass",
                "add require = { … }, or anonymous = true to let everybody through",
            ));
            None
        }
        (true, None) if entry.value("issuers").is_none() => Some(Access::Anonymous),
        (true, _) => {
            let name = if require.is_some() { "require" } else { "issuers" };
            errors.push(PolicyError::new(
                PolicyCode::RuleContradictory,
                entry.at(name),
                "the rule lets everybody through, and asks for a credential as well",
                format!("remove \"{name}\", or anonymous = true"),
            ));
            None
        }
        (false, Some(_)) => {
            let authorities = authorities(entry, around, errors);
            let require = requirements(&entry.object("require")?, authorities.as_deref(), around, errors);
            Some(Access::Credential { authorities: authorities?, require: require? })
        }
    }
}

pub(super) fn authorities(
    entry: &Reader<'_>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<Vec<Authority>> {
    // Tokens for registries count there by what they grant, and for no rule.
    let issuers = around.issuers.iter().enumerate().filter(|(_, one)| !one.registry);
    let issuers = issuers.map(|(index, one)| (one.name.as_str(), Authority::Issuer(index)));
    let domains = around.trust_domains.iter().enumerate();
    let domains = domains.map(|(index, one)| (one.name.as_str(), Authority::TrustDomain(index)));
    let known: Vec<(&str, Authority)> = issuers.chain(domains).collect();
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let Some(listed) = entry.texts("issuers") else {
        match known.as_slice() {
            [(_, only)] => return Some(vec![*only]),
            [] => errors.push(PolicyError::new(
                PolicyCode::RuleIssuersNone,
                entry.path.clone(),
                "the rule asks for a credential, and the policy accepts none",
                "add [[issuers]] or [[trust_domains]]",
            )),
            _ => errors.push(PolicyError::new(
                PolicyCode::RuleIssuersMissing,
                entry.path.clone(),
                "the rule does not say whose credentials count, and there is more than one issuer",
                format!("add issuers = […] with some of {}", a_few(&names)),
            )),
        }
        return None;
    };
    let mut read = Vec::new();
    for (index, name) in listed {
        let path = entry.at("issuers").item(index);
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, authority)) if read.contains(authority) => errors.push(repeated(path, name)),
            Some((_, authority)) => read.push(*authority),
            None if around.issuers.iter().any(|one| one.registry && one.name == name) => {
                errors.push(PolicyError::new(
                    PolicyCode::RegistryIssuer,
                    path,
                    format!("{} issues tokens for registries, which count there by what they grant", excerpt(name)),
                    "name another issuer",
                ));
            }
            None => {
                let remedy = if names.is_empty() {
                    "add it to [[issuers]] or [[trust_domains]]".into()
                } else if let Some(near) = nearest(name, names.iter().copied()) {
                    format!("did you mean \"{near}\"?")
                } else {
                    format!("write one of {}", a_few(&names))
                };
                let detail = format!("there is no issuer and no trust domain called {}", excerpt(name));
                errors.push(PolicyError::new(PolicyCode::RuleIssuerUnknown, path, detail, remedy));
            }
        }
    }
    Some(read)
}

/// Names for a remedy, the first few of many.
fn a_few(names: &[&str]) -> String {
    const FEW: usize = 8;
    let quoted: Vec<String> = names.iter().take(FEW).map(|name| excerpt(name)).collect();
    match names.len().checked_sub(FEW) {
        None | Some(0) => quoted.join(", "),
        Some(more) => format!("{} and {more} more", quoted.join(", ")),
    }
}

pub(super) fn requirements(
    require: &Reader<'_>,
    authorities: Option<&[Authority]>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<Requirements> {
    let before = errors.len();
    let mut malformed = |name: &str, rejection: Rejection, remedy: &str| {
        let detail = format!("{}: {}", rejection.code(), rejection.detail());
        errors.push(PolicyError::new(PolicyCode::RequirementMalformed, require.at(name), detail, remedy));
    };
    let mut granted = Required { max_age: require.duration("max_age"), ..Required::default() };
    if let Some(tokens) = require.strings("scope") {
        match ScopeSet::from_tokens(tokens.iter().map(String::as_str)) {
            Ok(scope) => granted.scope = Some(scope),
            Err(rejection) => malformed("scope", rejection, "write one scope token a text: [\"a\", \"b\"]"),
        }
    }
    if let Some(values) = require.strings("acr") {
        match AcrValues::parse(values.iter().map(String::as_str)) {
            Ok(values) => granted.acr_values = Some(values),
            Err(rejection) => malformed("acr", rejection, "write one value a text, without spaces"),
        }
    }
    if let Some(details @ Value::Array(_)) = require.value("authorization_details") {
        match AuthorizationDetails::parse(details) {
            Ok(details) => granted.authorization_details = Some(details),
            Err(rejection) => malformed("authorization_details", rejection, "write objects with a text \"type\""),
        }
    }
    if let Some(Value::Object(claims)) = require.value("claims") {
        match ClaimRequirements::parse(claims) {
            Ok(claims) => granted.claims = Some(claims),
            Err(rejection) => {
                malformed("claims", rejection, "write a value, { equals = … }, { contains = … } or { one_of = […] }");
            }
        }
    }
    let spiffe_id = require.texts("spiffe_id").map(|texts| patterns(require, &texts, authorities, around, errors));
    let binding = transaction_tokens::bindings(require, errors);
    let transaction = transaction_tokens::requirements(require, around.transactions, errors).map(Box::new);
    let claims_needed = granted != Required::default() || binding.is_some();
    if let Some(authorities) = authorities
        && claims_needed
        && !authorities.iter().any(|one| matches!(one, Authority::Issuer(_)))
    {
        errors.push(PolicyError::new(
            PolicyCode::RequirementUnmeetable,
            require.path.clone(),
            "an SVID grants no scope, no claims and no sign-in, and the rule names trust domains alone",
            "require spiffe_id, or name an issuer of tokens in the rule's \"issuers\"",
        ));
    }
    let attestation = require.flag("attestation") == Some(true);
    (errors.len() == before).then_some(Requirements { granted, spiffe_id, binding, transaction, attestation })
}

fn patterns(
    require: &Reader<'_>,
    texts: &[(usize, &str)],
    authorities: Option<&[Authority]>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Vec<IdPattern> {
    let mut read = Vec::new();
    for (index, text) in texts {
        let path = require.at("spiffe_id").item(*index);
        let Some(pattern) = pattern(text, path.clone(), errors) else { continue };
        let named = |one: &Authority| match one {
            Authority::TrustDomain(number) => around.trust_domains.get(*number).map(|trusted| &trusted.name),
            Authority::Issuer(_) | Authority::Users => None,
        };
        let domain = pattern.trust_domain();
        if authorities.is_some_and(|list| !list.iter().filter_map(named).any(|name| name == domain)) {
            errors.push(PolicyError::new(
                PolicyCode::RequirementUnmeetable,
                path,
                format!("{domain} is none of the rule's trust domains, so no credential could meet this"),
                format!("add \"{domain}\" to the rule's \"issuers\""),
            ));
        }
        read.push(pattern);
    }
    read
}

/// A pattern of SPIFFE IDs.
pub(super) fn pattern(text: &str, path: Path, errors: &mut Vec<PolicyError>) -> Option<IdPattern> {
    IdPattern::parse(text)
        .map_err(|rejection| {
            errors.push(PolicyError::new(
                PolicyCode::PatternMalformed,
                path,
                format!("{}: {}", rejection.code(), rejection.detail()),
                "write a SPIFFE ID, or one with \"/*\" at its end for all below it: \"spiffe://prod.example/ns/*\"",
            ));
        })
        .ok()
}

/// Most earlier rules of the same path that one is compared with: a warning is not worth more.
const COMPARED: usize = 64;

/// Rules that can never be reached: an earlier one with the same path, or with none, is for all that they are for.
pub(super) fn unreachable<'r>(rules: &'r [Rule]) -> impl Iterator<Item = (usize, usize)> + 'r {
    let mut by_path: BTreeMap<Option<&'r Pattern>, Vec<usize>> = BTreeMap::new();
    rules.iter().enumerate().filter_map(move |(number, rule)| {
        let same = by_path.get(&rule.path.as_ref()).into_iter().flatten().take(COMPARED);
        let everywhere = by_path.get(&None).into_iter().flatten().take(COMPARED);
        let by =
            same.chain(everywhere).find(|earlier| rules.get(**earlier).is_some_and(|one| one.covers(rule))).copied();
        by_path.entry(rule.path.as_ref()).or_default().push(number);
        by.map(|by| (number, by))
    })
}
