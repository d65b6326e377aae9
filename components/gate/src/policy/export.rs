//! A policy as a page may have it: what everybody may read, and no decision that the full policy would not make.
//!
//! A page has the policy in order to ask it before it sends a request; what the server decides stays the server's. So the
//! rule of this file is that the page's policy may deny what the full one allows, and never the other way round:
//!
//! - Every rule stays at its place with its methods, hosts and path, because the first match decides: a rule that went would
//!   leave its requests to a later one, which may ask for less. Where nobody is left who could satisfy a rule, it names an
//!   issuer without keys ([`NOBODY`]), so that in the page its requests are denied.
//! - A requirement is never made weaker: patterns of SPIFFE IDs go together with their trust domain, and a rule that has lost
//!   all of them is one that nobody satisfies.
//! - A page is no workload, and is part of no transaction: a rule that asks for a Transaction Token is one that nobody satisfies.
//! - A page has no attesters: a rule that demands an attestation is one that nobody satisfies.
//! - Keys of status lists that a page cannot reach are replaced by none. To leave the member out would put the issuer's own
//!   keys in their place.
//! - A token whose issuer is not listed is looked up by the SPIFFE ID in its `sub`. Where an issuer was left out, a token of it
//!   would so become one of a trust domain; JWT-SVIDs are not accepted then.
//! - Nothing is only reported: the page is told what the policy means.
//!
//! The one thing that is taken on trust: an issuer whose keys are out of a page's reach, and whose `issuer` is a public URL,
//! is asked for them by discovery. That they are the same keys is the issuer's to keep.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_scope::Required;
use portcullis_types::{
    json::{Object, Value},
    limits::excerpt,
};

use super::{
    Access, Authority, Path, Policy, PolicyError, Replay, Requirements, bundle_endpoint, code::PolicyCode,
    reader::Reader, rules::Rule,
};
use crate::origin::{Class, Origin, admit, host_of};

/// What an issuer without keys is called in a page's policy (`.invalid` is nobody's, RFC 6761 section 6.4).
pub const NOBODY: &str = "unavailable.invalid";

/// Ends of names that are no public ones: RFC 6762, RFC 8375, ICANN's `.internal`, and what clusters and offices use.
const INTERNAL: &[&str] = &[
    ".internal",
    ".local",
    ".localhost",
    ".home.arpa",
    ".svc",
    ".corp",
    ".lan",
    ".home",
    ".intranet",
    ".private",
    ".localdomain",
];

/// Members of a JWK that only a secret key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2).
const SECRET: &[&str] = &["k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Members of a key set, a bundle and a JWK that everybody may read. Nothing else of them goes out.
const PUBLIC: &[&str] = &[
    "keys",
    "spiffe_sequence",
    "spiffe_refresh_hint",
    "kty",
    "kid",
    "use",
    "key_ops",
    "alg",
    "crv",
    "x",
    "y",
    "n",
    "e",
    "x5c",
];

/// Members that go out as they are, of each object. Those that are named nowhere in this file stay here.
const TOP: &[&str] = &["origins", "proof_window", "challenge", "resource"];
const ISSUER: &[&str] = &[
    "name",
    "issuer",
    "profile",
    "typ",
    "algorithms",
    "audience",
    "proof",
    "status",
    "leeway",
    "max_age",
    "required_claims",
    "key_binding",
];
const TRUST_DOMAIN: &[&str] = &["name", "audience", "leeway", "proof"];
const RULE: &[&str] = &["hosts", "methods", "path", "encoded_slash"];
const REQUIRE: &[&str] = &["scope", "acr", "max_age", "authorization_details", "claims", "binding"];
const CORS: &[&str] = &["methods", "headers", "credentials", "max_age"];
/// How old keys may be is a part of what is decided; the other bounds are a host's own.
const LIMITS: &[&str] = &["keys_max_stale", "bundles_max_stale"];

/// The policy for a browser: without secrets, internal addresses, listeners, and what concerns the upstream.
///
/// `policy` is what was read from `object`. The result is a policy that can be read.
///
/// Error: `policy.export_secret`.
pub fn for_browser(object: &Object, policy: &Policy) -> Result<Object, PolicyError> {
    let top = Reader::new(object, Path::default());
    if top.value("registry").is_some() {
        // Its requests are judged by grants, which are not told to everybody; a rule in a page might say otherwise.
        return Err(PolicyError::new(
            PolicyCode::RegistryAbsent,
            top.at("registry"),
            "a page has no part in registries",
            "keep [registry] in a policy of its own",
        ));
    }
    if top.value("ocm").is_some() {
        // Its requests are judged by their signatures; a rule in a page might say otherwise.
        return Err(PolicyError::new(
            PolicyCode::OcmAbsent,
            top.at("ocm"),
            "a page stands before no sharing server",
            "keep [ocm] in a policy of its own",
        ));
    }
    let mut issuers = Vec::new();
    for (number, entry) in top.objects("issuers").iter().enumerate() {
        let symmetric = policy.issuers.get(number).is_some_and(|issuer| issuer.symmetric);
        issuers.push(issuer(entry, symmetric)?);
    }
    let every_issuer = issuers.iter().all(Option::is_some);
    let mut domains = Vec::new();
    for entry in &top.objects("trust_domains") {
        domains.push(trust_domain(entry, every_issuer)?);
    }
    let mut page = Page { policy, issuers, domains, nobody: nobody(policy), needed: false };
    let rules: Vec<Value> = top
        .objects("rules")
        .iter()
        .zip(&policy.rules)
        .map(|(entry, rule)| Value::Object(Object::from_members(page.rule(entry, rule))))
        .collect();

    let mut out = copied(&top, TOP);
    // A page has no memory in common with other hosts. Nonces it has, where it says them.
    if policy.replay == Replay::Nonce {
        out.push(("replay".into(), "nonce".into()));
    }
    let (issuers, domains) = page.authorities();
    for (name, list) in [("issuers", issuers), ("trust_domains", domains), ("rules", rules)] {
        if !list.is_empty() {
            out.push((name.into(), Value::Array(list)));
        }
    }
    if let Some(cors) = top.object("cors") {
        out.push(("cors".into(), Value::Object(Object::from_members(pages(&cors)))));
    }
    if let Some(limits) = top.object("limits").map(|limits| copied(&limits, LIMITS)).filter(|kept| !kept.is_empty()) {
        out.push(("limits".into(), Value::Object(Object::from_members(limits))));
    }
    Ok(Object::from_members(out))
}

type Members = Vec<(String, Value)>;

fn copied(entry: &Reader<'_>, names: &[&str]) -> Members {
    names.iter().filter_map(|name| Some(((*name).to_string(), entry.value(name)?.clone()))).collect()
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::Array(texts.into_iter().map(Value::from).collect())
}

fn no_keys() -> Value {
    Value::Object(Object::from_members(vec![("keys".into(), Value::Array(Vec::new()))]))
}

/// An issuer for a page; nothing where a page cannot have its keys.
fn issuer(entry: &Reader<'_>, symmetric: bool) -> Result<Option<Members>, PolicyError> {
    let name = entry.text("name").unwrap_or_default();
    let keys = inline(entry, "keys", name, symmetric)?;
    let status_keys = inline(entry, "status_keys", name, false)?;
    let issuer = entry.text("issuer").unwrap_or_default();
    let discovered = !is_internal(issuer) && admit(issuer, Class::Policy, &[]).is_ok() && !issuer.contains('?');

    let mut out = copied(entry, ISSUER);
    match (keys, entry.text("keys")) {
        (Some(keys), _) => out.push(("keys".into(), keys)),
        (None, Some(url)) if !is_internal(url) => out.push(("keys".into(), url.into())),
        _ if discovered => {}
        _ => return Ok(None),
    }
    if entry.value("status_keys").is_some() {
        let url = entry.text("status_keys").filter(|url| !is_internal(url)).map(Value::from);
        // Anchors are certificates, which are public.
        let anchors = entry.object("status_keys").filter(|keys| keys.value("anchors").is_some());
        let url = url.or_else(|| anchors.and_then(|_| entry.value("status_keys").cloned()));
        out.push(("status_keys".into(), url.or(status_keys).unwrap_or_else(no_keys)));
    }
    let origins = entry.texts("status_origins").unwrap_or_default();
    let origins: Vec<&str> =
        origins.into_iter().map(|(_, origin)| origin).filter(|origin| !is_internal(origin)).collect();
    if !origins.is_empty() {
        out.push(("status_origins".into(), texts(origins)));
    }
    Ok(Some(out))
}

/// A trust domain for a page; nothing where a page cannot have its bundle, or nothing of it would be accepted.
fn trust_domain(entry: &Reader<'_>, every_issuer: bool) -> Result<Option<Members>, PolicyError> {
    let name = entry.text("name").unwrap_or_default();
    // A page makes no connection whose server it could authenticate as a workload.
    if entry.text("bundle_profile") == Some(bundle_endpoint::HTTPS_SPIFFE) {
        return Ok(None);
    }
    let bundle = match (inline(entry, "bundle", name, false)?, entry.text("bundle")) {
        (Some(bundle), _) => bundle,
        (None, Some(url)) if !is_internal(url) => url.into(),
        _ => return Ok(None),
    };
    let listed = entry
        .texts("svids")
        .map_or(vec!["x509", "jwt", "wit"], |svids| svids.into_iter().map(|(_, svid)| svid).collect());
    let svids: Vec<&str> = listed.into_iter().filter(|svid| every_issuer || *svid == "x509").collect();
    if svids.is_empty() {
        return Ok(None);
    }
    let mut out = copied(entry, TRUST_DOMAIN);
    out.push(("bundle".into(), bundle));
    out.push(("svids".into(), texts(svids)));
    Ok(Some(out))
}

/// Keys or a bundle that stand in the policy, if they do: their public members alone.
fn inline(entry: &Reader<'_>, member: &str, owner: &str, symmetric: bool) -> Result<Option<Value>, PolicyError> {
    let Some(Value::Object(set)) = entry.value(member) else { return Ok(None) };
    let keys = set.members().find(|(name, _)| *name == "keys").and_then(|(_, keys)| keys.as_array());
    let is_secret = |key: &Value| {
        key.as_object().is_some_and(|key| {
            key.members()
                .any(|(name, value)| SECRET.contains(&name) || (name == "kty" && value.as_str() == Some("oct")))
        })
    };
    if symmetric || keys.unwrap_or_default().iter().any(is_secret) {
        return Err(PolicyError::new(
            PolicyCode::ExportSecret,
            entry.at(member),
            format!("the keys of {} are secret: whoever has the page could make tokens", excerpt(owner)),
            "let it sign with a key pair, or make the page's policy without it",
        ));
    }
    Ok(Some(public(&Value::Object(set.clone()))))
}

fn public(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.members().filter(|(name, _)| PUBLIC.contains(name));
            Value::Object(Object::from_members(kept.map(|(name, value)| (name.into(), public(value))).collect()))
        }
        Value::Array(items) => Value::Array(items.iter().map(public).collect()),
        other => other.clone(),
    }
}

/// Whether a page of the public network cannot reach a URL, or should not learn that it exists.
fn is_internal(url: &str) -> bool {
    let Some(origin) = Origin::of_url(url).filter(|origin| origin.scheme() == "https") else { return true };
    let host = host_of(origin.authority());
    let last = host.rsplit('.').next().unwrap_or_default();
    // An address in any form: no top-level domain begins with a digit.
    host.starts_with('[')
        || last.starts_with(|first: char| first.is_ascii_digit())
        || !host.contains('.')
        || INTERNAL.iter().any(|end| host.ends_with(end))
}

/// A name that nobody in the policy has.
fn nobody(policy: &Policy) -> String {
    let taken = |name: &str| {
        policy.issuers.iter().any(|issuer| issuer.name == name)
            || policy.trust_domains.iter().any(|trusted| trusted.name.as_str() == name)
    };
    let mut name = String::from(NOBODY);
    while taken(&name) {
        name.insert_str(0, "x.");
    }
    name
}

/// What is left of the issuers and trust domains.
struct Page<'p> {
    policy: &'p Policy,
    issuers: Vec<Option<Members>>,
    domains: Vec<Option<Members>>,
    /// The name of the issuer without keys.
    nobody: String,
    /// Whether a rule names it.
    needed: bool,
}

impl Page<'_> {
    fn has(&self, authority: Authority) -> bool {
        let (list, number) = match authority {
            Authority::Issuer(number) => (&self.issuers, number),
            Authority::TrustDomain(number) => (&self.domains, number),
            Authority::Users => return false,
        };
        list.get(number).is_some_and(Option::is_some)
    }

    fn rule(&mut self, entry: &Reader<'_>, rule: &Rule) -> Members {
        let mut out = copied(entry, RULE);
        match &rule.access {
            Access::Anonymous => out.push(("anonymous".into(), Value::Bool(true))),
            Access::Credential { authorities, require } => {
                let left = self.left(entry, authorities, require);
                self.needed |= left.is_none();
                let (names, require) = left.unwrap_or_else(|| (texts([self.nobody.as_str()]), Members::new()));
                out.push(("issuers".into(), names));
                out.push(("require".into(), Value::Object(Object::from_members(require))));
            }
        }
        out
    }

    /// Who may still satisfy a rule, and with what; nothing where nobody can.
    fn left(&self, entry: &Reader<'_>, authorities: &[Authority], require: &Requirements) -> Option<(Value, Members)> {
        let kept: Vec<Authority> = authorities.iter().copied().filter(|one| self.has(*one)).collect();
        let tokens = kept.iter().any(|one| matches!(one, Authority::Issuer(_)));
        let in_page = require.transaction.is_none() && !require.attestation;
        if kept.is_empty() || !in_page || (require.granted != Required::default() && !tokens) {
            return None;
        }
        let entry = entry.object("require")?;
        let mut out = copied(&entry, REQUIRE);
        if let Some(patterns) = &require.spiffe_id {
            let of_kept = |domain: &str| {
                let named =
                    |one: &Authority| matches!(one, Authority::TrustDomain(_)) && self.policy.name_of(*one) == domain;
                kept.iter().any(named)
            };
            let written = entry.texts("spiffe_id").unwrap_or_default();
            let both = written.into_iter().zip(patterns);
            let left: Vec<&str> = both
                .filter(|(_, pattern)| of_kept(pattern.trust_domain().as_str()))
                .map(|((_, text), _)| text)
                .collect();
            if left.is_empty() {
                return None;
            }
            out.push(("spiffe_id".into(), texts(left)));
        }
        Some((texts(kept.iter().map(|one| self.policy.name_of(*one))), out))
    }

    /// Issuers and trust domains. Whoever satisfies nothing stands where something was left out, so that there are not more
    /// than before.
    fn authorities(self) -> (Vec<Value>, Vec<Value>) {
        let as_issuer = self.issuers.iter().any(Option::is_none);
        let lists = [self.issuers, self.domains]
            .map(|list| list.into_iter().flatten().map(|entry| Value::Object(Object::from_members(entry))).collect());
        let [mut issuers, mut domains]: [Vec<Value>; 2] = lists;
        if self.needed {
            let mut members = vec![(String::from("name"), Value::from(self.nobody.as_str()))];
            let list = if as_issuer {
                members.push(("issuer".into(), format!("urn:{}", self.nobody).as_str().into()));
                members.push(("keys".into(), no_keys()));
                &mut issuers
            } else {
                members.push(("bundle".into(), no_keys()));
                &mut domains
            };
            list.push(Value::Object(Object::from_members(members)));
        }
        (issuers, domains)
    }
}

/// CORS with the pages that are no secret. There is always one, because without CORS a preflight would go to the rules.
fn pages(entry: &Reader<'_>) -> Members {
    let listed = entry.texts("origins").unwrap_or_default();
    let mut origins: Vec<&str> =
        listed.into_iter().map(|(_, origin)| origin).filter(|origin| !is_internal(origin)).collect();
    if origins.is_empty() {
        origins.push("https://unavailable.invalid");
    }
    let mut out = copied(entry, CORS);
    out.push(("origins".into(), texts(origins)));
    out
}

#[cfg(test)]
mod tests;
