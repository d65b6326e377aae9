//! What of a policy a page can have. A page has no secrets, nobody connects to it, and it shares no memory; what `export` makes
//! of a policy is always taken.

use alloc::{format, rc::Rc, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_types::limits::excerpt;

use super::{BundleSource, Format, KeySource, Path, Policy, PolicyError, Replay, code::PolicyCode, document, issuers};

impl Policy {
    /// Reads a policy as a page has it: what a page has no part in is refused, and not passed over, so that a server's policy
    /// is not put into a page by mistake.
    ///
    /// Errors: `policy.*`, `policy.browser_*` among them.
    pub fn parse_for_browser(text: &str, format: Format, backend: &Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        let policy = Self::parse(text, format, backend)?;
        let mut errors = policy.beyond_browser();
        if errors.is_empty() {
            return Ok(policy);
        }
        document::in_order(text, format, &mut errors);
        Err(errors)
    }

    /// What a page has no part in.
    fn beyond_browser(&self) -> Vec<PolicyError> {
        const EXPORT: &str = "give the page what `portcullis policy export` makes of this policy";
        let top = Path::default();
        let mut errors = Vec::new();
        if !self.listeners.is_empty() {
            let detail = "nobody connects to a page, and who reads it would learn where the server listens";
            errors.push(PolicyError::new(PolicyCode::BrowserListener, top.member("listeners"), detail, EXPORT));
        }
        #[cfg(feature = "clients")]
        if self.clients.is_some() {
            let detail = "a page keeps no records, and no authorization server asks one";
            errors.push(PolicyError::new(PolicyCode::ClientsAbsent, top.member("clients"), detail, EXPORT));
        }
        #[cfg(feature = "ocm")]
        if self.ocm.is_some() {
            let detail = "a page stands before no sharing server";
            errors.push(PolicyError::new(PolicyCode::OcmAbsent, top.member("ocm"), detail, EXPORT));
        }
        if self.attestation.is_some() {
            let detail = "attestations are for resource servers, and a page is none";
            errors.push(PolicyError::new(PolicyCode::BrowserAttestation, top.member("attestation"), detail, EXPORT));
        }
        #[cfg(feature = "transactions")]
        if self.transaction_service.is_some() {
            let path = top.member("transaction_tokens").member("service");
            let detail = "a page has no keys to sign with, and no workload asks one";
            errors.push(PolicyError::new(PolicyCode::TransactionServiceAbsent, path, detail, EXPORT));
        }
        if self.replay == Replay::Shared {
            let detail = "a page shares its memory of used proofs with no other host";
            errors.push(PolicyError::new(PolicyCode::BrowserStore, top.member("replay"), detail, EXPORT));
        }
        errors.extend(
            self.introspection_absent("a page has no secret that an introspection endpoint would know it by", EXPORT),
        );
        let mut looked_at = |source: &KeySource, path: Path| match source {
            KeySource::Inline(keys) if issuers::is_symmetric(keys) => {
                let detail = "who reads the page could make tokens with these keys";
                let remedy = "have the issuer sign with a private key, and write its public key here";
                errors.push(PolicyError::new(PolicyCode::BrowserSecret, path, detail, remedy));
            }
            KeySource::Url(url) => errors.extend(beyond_reach(url, path)),
            KeySource::Inline(_) | KeySource::Discovery(_) | KeySource::Certified(_) => {}
        };
        for (number, issuer) in self.issuers.iter().enumerate() {
            let path = |name| top.member("issuers").item(number).member(name);
            looked_at(&issuer.keys, path("keys"));
            if let Some(keys) = &issuer.status_keys {
                looked_at(keys, path("status_keys"));
            }
        }
        if let Some(accepted) = &self.transaction_tokens {
            looked_at(&accepted.keys, top.member("transaction_tokens").member("keys"));
        }
        for (number, trusted) in self.trust_domains.iter().enumerate() {
            if let (None, BundleSource::Url(url)) = (&trusted.endpoint, &trusted.bundle) {
                errors.extend(beyond_reach(url, top.member("trust_domains").item(number).member("bundle")));
            }
        }
        errors.extend(self.endpoints().map(|path| {
            let detail = "the browser makes the connections, and no page sees who a server proves to be";
            PolicyError::new(PolicyCode::BrowserBundleProfile, path, detail, EXPORT)
        }));
        errors
    }
}

fn beyond_reach(url: &str, path: Path) -> Option<PolicyError> {
    (url.starts_with("file:") || !url.contains("://")).then(|| {
        PolicyError::new(
            PolicyCode::BrowserFile,
            path,
            format!("{} is read by a process, and a page is none", excerpt(url)),
            "write the keys into the policy, or name a URL that pages may fetch",
        )
    })
}

#[cfg(test)]
mod tests {
    use portcullis_crypto::SoftwareBackend;

    use super::*;
    use crate::policy::export;

    fn refused(more: &str) -> Vec<(&'static str, alloc::string::String)> {
        let text = format!("{{\"origins\": [\"https://api.example\"], {more}}}");
        let backend = Rc::new(SoftwareBackend::default()) as _;
        match Policy::parse_for_browser(&text, Format::Json, &backend) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(|error| (error.code(), format!("{}", error.path))).collect(),
        }
    }

    #[test]
    fn what_a_page_has_no_part_in_is_refused() {
        assert_eq!(refused(r#""replay": "nonce""#), []);
        assert_eq!(refused(r#""replay": "shared""#), [("policy.browser_store", "replay".into())]);
        let listener = r#""listeners": [{"name": "main", "address": "127.0.0.1:1"}]"#;
        assert_eq!(refused(listener), [("policy.browser_listener", "listeners".into())]);
        let issuer = r#""issuers": [{"name": "a", "issuer": "https://idp.example", MORE}]"#;
        let of = |more: &str| refused(&issuer.replace("MORE", more));
        let key = |kid: &str| {
            format!(
                r#"{{"keys": [{{"kty": "oct", "kid": "{kid}", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]}}"#
            )
        };
        let told = of(&format!(r#""algorithms": ["HS256"], "keys": {}"#, key("a")));
        assert_eq!(told, [("policy.browser_secret", "issuers[1].keys".into())]);
        assert_eq!(of(r#""keys": "file:/etc/keys""#), [("policy.browser_file", "issuers[1].keys".into())]);
        assert_eq!(of(r#""keys": "https://idp.example/jwks""#), []);
        let domain = r#""trust_domains": [{"name": "prod.example", "bundle": "workload-api"}]"#;
        assert_eq!(refused(domain), [("policy.browser_file", "trust_domains[1].bundle".into())]);
    }

    #[test]
    fn what_is_exported_for_a_page_is_taken() {
        let text = r#"{"origins": ["https://api.example"], "replay": "shared",
            "listeners": [{"name": "main", "address": "127.0.0.1:1"}],
            "issuers": [{"name": "a", "issuer": "https://idp.example", "keys": "file:/etc/keys"}],
            "trust_domains": [{"name": "prod.example", "bundle": "workload-api"}],
            "rules": [{"path": "/", "issuers": ["a"], "require": {"scope": ["x"]}}]}"#;
        let backend = Rc::new(SoftwareBackend::default()) as _;
        let policy = Policy::parse(text, Format::Json, &backend).unwrap();
        let exported = export::for_browser(&Policy::tree(text, Format::Json).unwrap(), &policy).unwrap();
        let exported = portcullis_types::json::to_text(&exported);
        let read = Policy::parse_for_browser(&exported, Format::Json, &backend).unwrap();
        assert_eq!(read.replay, Replay::Node);
    }
}
