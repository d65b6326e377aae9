//! The metadata of the protected resource that a policy is about (RFC 9728): what of the policy its clients have to know.
//!
//! One document an origin, since each origin is a resource of its own (section 3.3: `resource` is what the well-known URL was made
//! of). What it says follows from the policy; only names and pages for people are written down.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_scope::ResourceMetadata;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
};

use super::{Access, Authority, Policy, PolicyError, Proof, code::PolicyCode, reader::Reader};
use crate::answer::PROOF_ALGORITHMS;

/// What is written down of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribedResource {
    /// Members that are told as they stand: names in RFC 9728 section 2, and texts.
    pub told: Vec<(&'static str, String)>,
    /// `scopes_supported`.
    pub scopes: Option<Vec<String>>,
    /// `authorization_servers`, where they are not the issuers of the policy.
    pub authorization_servers: Option<Vec<String>>,
}

/// A document, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMetadata {
    /// Its URL: the well-known place of an origin (section 3.1).
    pub url: String,
    /// The origin, which is the resource's identifier.
    pub resource: String,
    /// The document: a JSON object, as text.
    pub document: String,
}

/// Members of the table and what they are called in the document.
const TOLD: [(&str, &str); 4] = [
    ("name", "resource_name"),
    ("documentation", "resource_documentation"),
    ("policy", "resource_policy_uri"),
    ("terms", "resource_tos_uri"),
];

pub(super) fn described(top: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<DescribedResource> {
    let entry = top.object("resource")?;
    let mut url = |path, url: &str| match ResourceMetadata::at(url) {
        Ok(_) => true,
        Err(rejection) => {
            errors.push(malformed(path, &rejection));
            false
        }
    };
    let mut told = Vec::new();
    for (own, name) in TOLD {
        match entry.text(own) {
            Some(text) if own == "name" || url(entry.at(own), text) => told.push((name, text.into())),
            _ => {}
        }
    }
    let servers = entry.texts("authorization_servers");
    for (index, text) in servers.iter().flatten() {
        url(entry.at("authorization_servers").item(*index), text);
    }
    Some(DescribedResource {
        told,
        scopes: entry.strings("scopes"),
        authorization_servers: entry.strings("authorization_servers"),
    })
}

fn malformed(path: super::Path, rejection: &Rejection) -> PolicyError {
    let detail = alloc::format!("{}: {}", rejection.code(), rejection.detail());
    PolicyError::new(PolicyCode::ChallengeMalformed, path, detail, "write an https URL")
}

impl Policy {
    /// The documents that the policy publishes: of each https origin, since an identifier is an https URL (section 1.2). None
    /// without `[resource]`.
    pub fn resource_metadata(&self) -> Vec<PublishedMetadata> {
        let Some(described) = &self.resource else { return Vec::new() };
        let of_origin = |(number, origin): (usize, &crate::origin::Origin)| {
            let resource = origin.as_str();
            let url = ResourceMetadata::of_resource(resource).ok()?.as_str().to_string();
            let document = json::to_text(&self.document(number, resource, described));
            Some(PublishedMetadata { url, resource: resource.into(), document })
        };
        self.origins.iter().enumerate().filter_map(of_origin).collect()
    }

    /// Section 2, in its order.
    fn document(&self, origin: usize, resource: &str, described: &DescribedResource) -> Object {
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut put = |name: &str, value: Value| members.push((name.into(), value));
        let list = |texts: &[String]| Value::Array(texts.iter().map(|text| text.as_str().into()).collect());
        put("resource", resource.into());
        let issuers = self.issuers_at(origin);
        let servers = match &described.authorization_servers {
            Some(servers) => servers.clone(),
            // An authorization server is named by its issuer identifier, which is a URL (RFC 8414 section 2).
            None => issuers
                .iter()
                .filter_map(|number| self.issuers.get(*number))
                .map(|issuer| issuer.issuer.clone())
                .filter(|issuer| issuer.starts_with("https://"))
                .collect(),
        };
        if !servers.is_empty() {
            put("authorization_servers", list(&servers));
        }
        if let Some(scopes) = &described.scopes {
            put("scopes_supported", list(scopes));
        }
        put("bearer_methods_supported", Value::Array(alloc::vec!["header".into()]));
        for (name, text) in &described.told {
            put(name, text.as_str().into());
        }
        let proofs: Vec<Proof> =
            issuers.iter().filter_map(|number| self.issuers.get(*number)).map(|issuer| issuer.proof).collect();
        if proofs.iter().any(|proof| matches!(proof, Proof::Certificate)) {
            put("tls_client_certificate_bound_access_tokens", true.into());
        }
        if proofs.iter().any(|proof| matches!(proof, Proof::Dpop | Proof::Any)) {
            let names = PROOF_ALGORITHMS.split(' ').map(Into::into).collect();
            put("dpop_signing_alg_values_supported", Value::Array(names));
        }
        if !proofs.is_empty() && proofs.iter().all(|proof| matches!(proof, Proof::Dpop)) {
            put("dpop_bound_access_tokens_required", true.into());
        }
        Object::from_members(members)
    }

    /// The issuers whose tokens count at an origin: those that a rule for it names.
    fn issuers_at(&self, origin: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = Vec::new();
        let rules = self.rules.iter().filter(|rule| rule.hosts.as_ref().is_none_or(|hosts| hosts.contains(&origin)));
        for rule in rules {
            let Access::Credential { authorities, .. } = &rule.access else { continue };
            for authority in authorities {
                if let Authority::Issuer(number) = authority
                    && !numbers.contains(number)
                {
                    numbers.push(*number);
                }
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, rc::Rc};

    use portcullis_crypto::SoftwareBackend;

    use super::*;
    use crate::policy::Format;

    fn read(more: &str) -> Result<Policy, Vec<PolicyError>> {
        let text = format!(
            r#"{{"origins": ["https://api.example", "http://localhost:8080"], "issuers": [
                {{"name": "a", "issuer": "https://idp.example", "proof": "dpop"}},
                {{"name": "b", "issuer": "urn:b", "keys": "https://b.example/jwks"}},
                {{"name": "c", "issuer": "https://unused.example"}}],
                "rules": [{{"path": "/a", "issuers": ["a"], "require": {{}}}},
                          {{"path": "/b", "hosts": ["localhost:8080"], "issuers": ["b"], "require": {{}}}}]{more}}}"#
        );
        Policy::parse(&text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _))
    }

    #[test]
    fn what_clients_have_to_know_follows_from_the_policy() {
        assert_eq!(read("").unwrap().resource_metadata(), []);
        let published =
            read(r#", "resource": {"name": "Reports", "scopes": ["r"], "documentation": "https://d.example/"}"#);
        let published = published.unwrap().resource_metadata();
        // An http origin has no identifier, and so no document.
        let [one] = published.as_slice() else { panic!("{published:?}") };
        assert_eq!(one.url, "https://api.example/.well-known/oauth-protected-resource");
        assert_eq!(
            one.document,
            concat!(
                r#"{"resource":"https://api.example","authorization_servers":["https://idp.example"],"#,
                r#""scopes_supported":["r"],"bearer_methods_supported":["header"],"resource_name":"Reports","#,
                r#""resource_documentation":"https://d.example/","#,
                r#""dpop_signing_alg_values_supported":["ES256","ES384","ES512","Ed25519","EdDSA","RS256","RS384","RS512","#,
                r#""PS256","PS384","PS512","ES256K"],"dpop_bound_access_tokens_required":true}"#
            )
        );
        let said = read(r#", "resource": {"authorization_servers": ["https://as.example"]}"#).unwrap();
        assert!(said.resource_metadata()[0].document.contains(r#""authorization_servers":["https://as.example"]"#));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for more in [
            r#", "resource": {"documentation": "http://d.example/"}"#,
            r#", "resource": {"authorization_servers": ["as.example"]}"#,
        ] {
            let errors = read(more).unwrap_err();
            assert_eq!(errors[0].code(), "policy.challenge_malformed", "{more}");
        }
    }
}
