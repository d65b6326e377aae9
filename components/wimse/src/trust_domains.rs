//! Whose keys speak for which trust domain (workload-creds-02 section 5.1): configured, never taken from a token.

use alloc::{collections::BTreeMap, format, rc::Rc, string::String};

use portcullis_crypto::{Backend, KeySet};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use crate::{WimseCode, WorkloadIdentifier};

/// Most trust domains in one set. Federations have some dozens.
pub const MAX_TRUST_DOMAINS: usize = 256;

/// The keys of trust domains, by scheme and name: `wimse://example.com`. They are never merged.
#[derive(Debug, Default)]
pub struct TrustDomains(BTreeMap<String, KeySet>);

impl TrustDomains {
    /// Reads an object whose names are scheme and trust domain, and whose values have a JWK Set as `jwks`. One that is wrong
    /// refuses all: it is what somebody configured.
    ///
    /// Errors: `wimse.trust_domain_*`, `wimse.identifier_*`, `key.set_*`, `json.*`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use portcullis_crypto::SoftwareBackend;
    /// use portcullis_types::json;
    /// use portcullis_wimse::TrustDomains;
    ///
    /// let backend = Rc::new(SoftwareBackend::default()) as _;
    /// let set = json::parse_object(br#"{"wimse://example.com":{"jwks":{"keys":[]}}}"#).unwrap();
    /// assert!(TrustDomains::from_object(&set, &backend).is_ok());
    /// let set = json::parse_object(br#"{"wimse://example.com/w":{"jwks":{"keys":[]}}}"#).unwrap();
    /// assert_eq!(TrustDomains::from_object(&set, &backend).unwrap_err().code(), "wimse.trust_domain_name");
    /// ```
    pub fn from_object(set: &Object, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let mut read = BTreeMap::new();
        for (name, value) in set.checked()?.members() {
            if read.len() >= MAX_TRUST_DOMAINS {
                let what = format!("more than {MAX_TRUST_DOMAINS} trust domains");
                return Err(Rejection::new(WimseCode::TrustDomainsTooMany, what));
            }
            let id = WorkloadIdentifier::parse(name)?;
            if !id.path().is_empty() {
                let what = format!("{} has a path, and a trust domain has none", excerpt(name));
                return Err(Rejection::new(WimseCode::TrustDomainName, what));
            }
            let Some(Value::Object(jwks)) = value.as_object().map(|entry| entry.get("jwks")).transpose()?.flatten()
            else {
                let what = format!("{} has no JWK Set as jwks", excerpt(name));
                return Err(Rejection::new(WimseCode::TrustDomainKeys, what));
            };
            read.insert(name.into(), KeySet::from_object(jwks, backend)?);
        }
        Ok(Self(read))
    }

    /// The keys that speak for an identifier.
    ///
    /// Error: `wimse.trust_domain_unknown`.
    pub fn of(&self, id: &WorkloadIdentifier) -> Result<&KeySet, Rejection> {
        self.0.get(id.authority()).ok_or_else(|| {
            let what = format!("{} is none of the trust domains", excerpt(id.authority()));
            Rejection::new(WimseCode::TrustDomainUnknown, what)
        })
    }
}
