//! What a policy asks of a request, told before anybody asks: for people who write policies.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_crypto::Algorithm;
use portcullis_scope::Required;
#[cfg(feature = "registry")]
use portcullis_scope::oci::{self, required::required_for};
use portcullis_types::Rejection;

#[cfg(any(feature = "ocm", feature = "transactions"))]
use crate::policy;
#[cfg(feature = "registry")]
use crate::{
    policy::Grantee,
    registry::{self, Speaking},
};
use crate::{
    policy::{
        Access, Authority, BundleSource, KeySource, Mode, Policy, Proof, Replay, Rule, StatusMode,
        TransactionRequirements, WorkloadProof,
    },
    request::{Judged, Request, Spoken},
};

/// One thing that a policy asks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What is asked, in a word or two.
    pub what: &'static str,
    /// How, for people.
    pub told: String,
}

/// What a policy asks of a request with a method and an absolute URL, in the order in which a gate asks. Nothing of a
/// credential is looked at.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::SoftwareBackend;
/// use portcullis_gate::{explain, policy::{Format, Policy}};
///
/// let text = r#"{"origins": ["https://api.example"], "rules": [{"path": "/health", "anonymous": true}]}"#;
/// let policy = Policy::parse(text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
/// let demands = explain(&policy, "GET", "https://api.example/health");
/// assert_eq!(demands.last().unwrap().told, "let through without a credential");
/// ```
pub fn explain(policy: &Policy, method: &str, url: &str) -> Vec<Demand> {
    let mut demands = Demands(Vec::new());
    let request = Request { method: method.into(), url: url.into(), ..Request::default() };
    let refused = |rejection: Rejection| format!("refused with 400 {}: {}", rejection.code(), rejection.detail());
    let spoken = match Spoken::of(&request, policy) {
        Ok(spoken) => spoken,
        Err(rejection) => {
            demands.put("request", refused(rejection));
            return demands.0;
        }
    };
    let judged = match Judged::of(&request, &spoken, policy) {
        Ok(judged) => judged,
        Err(rejection) => {
            demands.put("request", refused(rejection));
            return demands.0;
        }
    };
    let origin = policy.origins.get(judged.origin).map(ToString::to_string).unwrap_or_default();
    demands.put("request", format!("{} of {origin}: its form is unambiguous", judged.method));
    #[cfg(feature = "registry")]
    if demands.registry(policy, &judged) {
        return demands.0;
    }
    #[cfg(feature = "clients")]
    if let Some(clients) = &policy.clients {
        demands.0.extend(crate::clients::explain(clients));
        // Nothing is checked then: the server answers its clients itself.
        if policy.rules.is_empty() {
            return demands.0;
        }
    }
    #[cfg(feature = "ocm")]
    if let Some(asked) = crate::ocm::explain(policy, &judged) {
        demands.0.extend(asked.demands);
        if asked.decides {
            return demands.0;
        }
    }
    #[cfg(feature = "transactions")]
    if demands.transaction_service(policy, &judged) {
        return demands.0;
    }
    let number = policy.rule_for(judged.method, judged.origin, &judged.path);
    let Some((number, rule)) = number.and_then(|number| Some((number, policy.rules.get(number)?))) else {
        demands.put("rule", "none matches: denied, 401 without a good credential and 403 with one".into());
        return demands.0;
    };
    if judged.path.encoded_slash && !rule.encoded_slash {
        demands.put("request", "refused with 400 request.path_ambiguous: this rule takes no encoded slash".into());
        return demands.0;
    }
    demands.put("rule", matched(number, rule));
    match &rule.access {
        Access::Anonymous => demands.put("outcome", "let through without a credential".into()),
        Access::Credential { authorities, require } => {
            for authority in authorities {
                demands.credential(policy, *authority);
            }
            if require.attestation {
                demands.attestation(policy);
            }
            demands.required(&require.granted);
            if let Some(patterns) = &require.spiffe_id {
                let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                demands.put("SPIFFE ID", format!("one of {}", patterns.join(", ")));
            }
            if let Some(accepted) = &require.binding {
                let names: Vec<&str> = accepted.iter().map(|binding| binding.name()).collect();
                demands.put("binding", format!("the token's key is {}; else 403", names.join(" or ")));
            }
            demands.transaction(policy, require.transaction.as_deref());
            demands.upstream(policy);
        }
    }
    if rule.mode == Mode::Report {
        let also = if policy.report_unverified { "" } else { ", if its credential verifies" };
        demands.put("mode", format!("report: a denial is told and the request let through{also}"));
    }
    demands.0
}

fn matched(number: usize, rule: &Rule) -> String {
    let mut told = format!("number {}", number + 1);
    if rule.name != format!("rule {}", number + 1) {
        told.push_str(&format!(", \"{}\"", rule.name));
    }
    let methods = rule.methods.as_ref().map_or_else(|| "every method".into(), |methods| methods.join(", "));
    let path = if rule.path_text.is_empty() { "every path" } else { &rule.path_text };
    format!("{told}: {methods} {path}; the first that matches decides")
}

/// Seconds as people say them.
pub(crate) fn seconds(seconds: u64) -> String {
    match seconds {
        whole if whole >= 86_400 && whole % 86_400 == 0 => format!("{} d", whole / 86_400),
        whole if whole >= 3_600 && whole % 3_600 == 0 => format!("{} h", whole / 3_600),
        whole if whole >= 60 && whole % 60 == 0 => format!("{} min", whole / 60),
        whole => format!("{whole} s"),
    }
}

struct Demands(Vec<Demand>);

impl Demands {
    fn put(&mut self, what: &'static str, told: String) {
        self.0.push(Demand { what, told });
    }

    /// What a registry asks, where the request is one's.
    #[cfg(feature = "registry")]
    fn registry(&mut self, policy: &Policy, judged: &Judged<'_>) -> bool {
        let (Some(registry), Some(Speaking::Registry(_))) = (&policy.registry, registry::speaking(judged, policy))
        else {
            return false;
        };
        let required = match required_for(judged.method, judged.target) {
            Ok(required) => required,
            Err(rejection) => {
                self.put("registry", format!("refused: {}: {}", rejection.code(), rejection.detail()));
                return true;
            }
        };
        let needed: Vec<String> = required.iter().map(ToString::to_string).collect();
        let needed = if needed.is_empty() { "a credential that verifies".into() } else { needed.join(" ") };
        self.put("registry", format!("needs {needed}; rules are not asked"));
        for issuer in policy.issuers.iter().filter(|issuer| issuer.registry) {
            self.put("token", format!("of {} (iss {}): what its claim access grants", issuer.name, issuer.issuer));
        }
        let own = registry.services.first().map(String::as_str).unwrap_or_default();
        for grant in registry.grants.iter().filter(|grant| grant.is_for(own)) {
            let on = |access: &oci::Access| {
                let actions = grant.actions_on(&access.resource_type, &access.name);
                (!actions.is_empty()).then(|| format!("{} on {}", actions.join(", "), access.name))
            };
            let granted: Vec<String> = required.iter().filter_map(on).collect();
            if granted.is_empty() {
                continue;
            }
            let whom = match &grant.grantee {
                Grantee::Anonymous => "everybody".into(),
                Grantee::Users(None) => "every user".into(),
                Grantee::Users(Some(names)) => format!("the users {}", names.join(", ")),
                Grantee::Credential { authorities, .. } => {
                    let names: Vec<&str> = authorities.iter().map(|one| policy.name_of(*one)).collect();
                    format!("credentials of {} that are as it requires", names.join(", "))
                }
            };
            self.put("grant", format!("\"{}\" gives {whom} {}", grant.name, granted.join("; ")));
        }
        let denied = match &registry.realm {
            Some(realm) => {
                format!("401 with a challenge to {}, or 403 for a credential of its own", realm.realm.as_str())
            }
            None => "401 with a Basic challenge, or 403 for a credential that grants too little".into(),
        };
        self.put("else", denied);
        true
    }

    /// What the Transaction Token Service asks, where the URL is its endpoint.
    #[cfg(feature = "transactions")]
    fn transaction_service(&mut self, policy: &Policy, judged: &Judged<'_>) -> bool {
        let (Some(service), Some(accepted)) = (&policy.transaction_service, &policy.transaction_tokens) else {
            return false;
        };
        let path = judged.target.split('?').next().unwrap_or_default();
        if service.origin != judged.origin || service.path != path {
            return false;
        }
        let serves = policy.listeners.iter().find(|listener| listener.transactions);
        let at = serves.map(|listener| listener.name.as_str()).unwrap_or_default();
        self.put(
            "service",
            format!("Transaction Tokens of {} at the listener {at}; rules are not asked there", accepted.trust_domain),
        );
        self.put("method", "POST with a form; else 405, or 400 invalid_request".into());
        for entry in &service.workloads {
            let patterns: Vec<String> = entry.patterns.iter().map(ToString::to_string).collect();
            self.put(
                "workload",
                format!("{}; else 401 invalid_client, or 400 unauthorized_client", patterns.join(" or ")),
            );
            let kinds: Vec<&str> = entry.subject_types.iter().map(policy::transaction_service::word).collect();
            self.put("  brings", kinds.join(" or "));
            self.put(
                "  scope",
                match &entry.scope {
                    Some(scope) => format!("within {scope} and what its subject token has; else 400 invalid_scope"),
                    None => "within what its subject token has; else 400 invalid_scope".into(),
                },
            );
            for (what, names) in [("  tctx", &entry.request_details), ("  rctx", &entry.request_context)] {
                if !names.is_empty() {
                    self.put(what, format!("may have {} of the workload's", names.join(", ")));
                }
            }
        }
        let issuers: Vec<&str> =
            service.subject_issuers.iter().map(|number| policy.name_of(Authority::Issuer(*number))).collect();
        if !issuers.is_empty() {
            let audience = service.subject_audience.as_ref().map(|list| format!(" for {}", list.join(" or ")));
            self.put("subject", format!("tokens of {}{}", issuers.join(", "), audience.unwrap_or_default()));
        }
        let longer = if service.longer_life { "" } else { ", no longer than its subject token" };
        self.put(
            "token",
            format!("good for {}{longer}; replaced at most {} times", seconds(service.lifetime), service.replacements),
        );
        true
    }

    fn credential(&mut self, policy: &Policy, authority: Authority) {
        match authority {
            Authority::Issuer(number) => {
                let Some(issuer) = policy.issuers.get(number) else { return };
                let expect = &issuer.expect;
                let names: Vec<&str> = expect.algorithms.iter().flatten().copied().map(Algorithm::name).collect();
                let audience = expect.audience.as_ref().map(|list| list.join(" or ")).unwrap_or_default();
                self.put("credential", format!("a token of {} (iss {})", issuer.name, issuer.issuer));
                if let (false, Some(typ)) = (issuer.registry, &expect.typ) {
                    self.put("  kind", format!("typ is {typ}"));
                }
                let keys = match &issuer.keys {
                    KeySource::Inline(_) | KeySource::Certified(_) => "in the policy".into(),
                    KeySource::Url(url) => format!("from {url}"),
                    KeySource::Discovery(urls) => format!("by metadata from {}", urls.join(" or ")),
                };
                self.put("  keys", format!("{keys}; at most {} old", seconds(policy.limits.keys_max_stale)));
                self.put("  signature", names.join(", "));
                self.put("  audience", audience);
                let max_age = expect.max_age.map_or_else(String::new, |age| format!("; at most {} old", seconds(age)));
                self.put("  time", format!("exp and nbf, with {} of leeway{max_age}", seconds(expect.leeway)));
                if !expect.required_claims.is_empty() {
                    self.put("  claims", format!("has {}", expect.required_claims.join(", ")));
                }
                self.put("  proof", proof(issuer.proof, policy));
                let origins: Vec<String> = issuer.status_origins.iter().map(ToString::to_string).collect();
                self.put(
                    "  status",
                    match issuer.status {
                        StatusMode::Off => "not looked up".into(),
                        StatusMode::Required => {
                            format!("names a status list at {} and is valid in it", origins.join(" or "))
                        }
                        StatusMode::IfPresent => {
                            format!("valid in the status list that it names, if any, at {}", origins.join(" or "))
                        }
                    },
                );
            }
            Authority::Users => self.put("credential", "the name and password of a user of the registry".into()),
            Authority::TrustDomain(number) => {
                let Some(trusted) = policy.trust_domains.get(number) else { return };
                let proved = match trusted.proof {
                    WorkloadProof::Wimse => "a WIT-SVID with a Workload Proof Token",
                    WorkloadProof::HttpSignature => "a WIT-SVID with a signature over the request",
                    WorkloadProof::AsBound | WorkloadProof::Any => {
                        "a WIT-SVID with a Workload Proof Token or a signature over the request"
                    }
                };
                let bearer = trusted.jwt && trusted.proof == WorkloadProof::AsBound;
                let kinds = [
                    (trusted.x509, "an X.509-SVID of the connection"),
                    (bearer, "a JWT-SVID as Bearer token"),
                    (trusted.wit, proved),
                ];
                let kinds: Vec<&str> = kinds.iter().filter(|(taken, _)| *taken).map(|(_, kind)| *kind).collect();
                self.put("credential", format!("{}; of {}", kinds.join(", or "), trusted.name));
                let bundle = match &trusted.bundle {
                    BundleSource::Inline(_) => "in the policy".into(),
                    BundleSource::Url(url) => format!("from {url}"),
                };
                self.put("  bundle", format!("{bundle}; at most {} old", seconds(policy.limits.bundles_max_stale)));
                if trusted.jwt {
                    self.put("  audience", trusted.audience.join(" or "));
                }
            }
        }
    }

    fn attestation(&mut self, policy: &Policy) {
        let Some(wanted) = &policy.attestation else { return };
        let age = wanted.max_age.map_or_else(String::new, |age| format!(", at most {} old", seconds(age)));
        self.put("attestation", format!("of the token's client, by an attester of the policy{age}; else 401"));
        let keys = match &wanted.attesters {
            KeySource::Url(url) => format!("from {url}"),
            KeySource::Inline(_) | KeySource::Certified(_) | KeySource::Discovery(_) => "in the policy".into(),
        };
        self.put("  keys", format!("{keys}; at most {} old", seconds(policy.limits.keys_max_stale)));
        let own = if wanted.challenge { "its own, with a challenge of this host" } else { "its own" };
        let other = match (wanted.dpop, wanted.challenge) {
            (false, _) => "",
            (true, false) => "; or the access token's DPoP proof",
            (true, true) => "; or the access token's DPoP proof, with a nonce of this host",
        };
        self.put("  proof", format!("{own}{other}; made within {}, used once", seconds(policy.proof_window)));
    }

    fn required(&mut self, required: &Required) {
        if let Some(scope) = &required.scope {
            self.put("scope", format!("all of {scope}; else 403 insufficient_scope"));
        }
        if let Some(values) = &required.acr_values {
            self.put("sign-in", format!("acr is one of {values}; else 401 insufficient_user_authentication"));
        }
        if let Some(age) = required.max_age {
            let told = format!("at most {} ago; else 401 insufficient_user_authentication", seconds(age));
            self.put("sign-in", told);
        }
        if let Some(details) = &required.authorization_details {
            let count = details.iter().count();
            self.put("authorization", format!("{count} authorization details; else insufficient_authorization"));
        }
        if let Some(claims) = &required.claims {
            let names: Vec<&str> = claims.names().collect();
            self.put("claims", format!("{} as required; else 403 insufficient_claims", names.join(", ")));
        }
    }

    fn transaction(&mut self, policy: &Policy, require: Option<&TransactionRequirements>) {
        let Some(accepted) = &policy.transaction_tokens else { return };
        let once = if accepted.single_use { ", once at this origin" } else { "" };
        let told = format!("of {}, at most {} long{once}", accepted.trust_domain, seconds(accepted.lifetime));
        let Some(require) = require else {
            self.put("transaction", format!("none is needed; a Txn-Token that comes verifies ({told}), else 403"));
            return;
        };
        self.put("transaction", format!("a Txn-Token {told}; else 403"));
        if let Some(scope) = &require.scope {
            self.put("  scope", format!("all of {scope}; else 403"));
        }
        let lists = [("  claims", &require.claims), ("  tctx", &require.context), ("  rctx", &require.request_context)];
        for (what, claims) in lists {
            if let Some(claims) = claims {
                let names: Vec<&str> = claims.names().collect();
                self.put(what, format!("{} as required; else 403", names.join(", ")));
            }
        }
    }

    fn upstream(&mut self, policy: &Policy) {
        if !policy.upstream.strip_names.is_empty() {
            self.put("upstream", format!("stripped first: {}", policy.upstream.strip_names.join(", ")));
        }
        let set: Vec<&str> = policy.upstream.set.iter().map(|(name, _)| name.as_str()).collect();
        if !set.is_empty() {
            self.put("upstream", format!("set from the credential: {}", set.join(", ")));
        }
    }
}

fn proof(proof: Proof, policy: &Policy) -> String {
    let once = match policy.replay {
        Replay::Node => "used once on this host",
        Replay::Shared => "used once on all hosts",
        Replay::Nonce => "with a nonce of this host, used once",
    };
    let window = seconds(policy.proof_window);
    match proof {
        Proof::AsBound => "what the token is bound to, if anything".into(),
        Proof::Dpop => format!("DPoP, made within {window}, {once}"),
        Proof::Certificate => "the client certificate that the token is bound to".into(),
        Proof::Any => {
            format!("DPoP, made within {window}, {once}; or the client certificate that the token is bound to")
        }
    }
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use alloc::rc::Rc;

    use portcullis_crypto::SoftwareBackend;

    use super::*;
    use crate::policy::Format;

    #[test]
    fn a_registry_s_request_is_told_by_its_grants_and_not_by_rules() {
        let text = r#"{"origins": ["https://registry.example"],
            "rules": [{"anonymous": true}],
            "registry": {"services": ["registry.example"], "realm": "https://tokens.example/token", "grants": [
                {"name": "public", "anonymous": true, "repositories": ["public/{name...}"], "actions": ["pull"]},
                {"name": "other", "anonymous": true, "repositories": ["other"], "actions": ["pull"]}]}}"#;
        let policy = Policy::parse(text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        let told = |method: &str, path: &str| -> Vec<String> {
            let demands = explain(&policy, method, &format!("https://registry.example{path}"));
            demands.into_iter().skip(1).map(|demand| format!("{}: {}", demand.what, demand.told)).collect()
        };
        assert_eq!(
            told("PUT", "/v2/public/app/manifests/v1"),
            [
                "registry: needs repository:public/app:pull,push; rules are not asked",
                "grant: \"public\" gives everybody pull on public/app",
                "else: 401 with a challenge to https://tokens.example/token, or 403 for a credential of its own",
            ]
        );
        assert!(told("GET", "/v2/x/others")[0].starts_with("registry: refused: oci.path_unknown"));
        assert!(told("GET", "/other")[0].starts_with("rule: "));
    }

    #[cfg(feature = "transactions")]
    #[test]
    fn the_endpoint_of_a_service_is_told_by_who_may_have_what() {
        let text = r#"{"origins": ["https://tts.example"], "rules": [{"anonymous": true}],
            "issuers": [{"name": "corp", "issuer": "https://idp.example"}],
            "trust_domains": [{"name": "prod.example", "bundle": "https://spire.example/bundle"}],
            "transaction_tokens": {"trust_domain": "prod.example", "keys": "https://tts.example/jwks", "service": {
                "endpoint": "https://tts.example/token", "subject_audience": ["https://shop.example"], "workloads": [
                    {"spiffe_id": ["spiffe://prod.example/edge/*"], "request_details": ["action"]},
                    {"spiffe_id": ["spiffe://prod.example/batch"], "subject_types": ["self_signed"], "scope": ["a"]}]}},
            "listeners": [{"name": "tts", "address": "127.0.0.1:1", "serves": "transactions"}]}"#;
        let policy = Policy::parse(text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        let told = |path: &str| -> Vec<String> {
            let demands = explain(&policy, "POST", &format!("https://tts.example{path}"));
            demands.into_iter().skip(1).map(|demand| format!("{}: {}", demand.what, demand.told)).collect()
        };
        assert_eq!(
            told("/token"),
            [
                "service: Transaction Tokens of prod.example at the listener tts; rules are not asked there",
                "method: POST with a form; else 405, or 400 invalid_request",
                "workload: spiffe://prod.example/edge/*; else 401 invalid_client, or 400 unauthorized_client",
                "  brings: access_token or jwt or txn_token",
                "  scope: within what its subject token has; else 400 invalid_scope",
                "  tctx: may have action of the workload's",
                "workload: spiffe://prod.example/batch; else 401 invalid_client, or 400 unauthorized_client",
                "  brings: self_signed",
                "  scope: within a and what its subject token has; else 400 invalid_scope",
                "subject: tokens of corp for https://shop.example",
                "token: good for 5 min, no longer than its subject token; replaced at most 4 times",
            ]
        );
        assert!(told("/Token")[0].starts_with("rule: "));
    }
}
