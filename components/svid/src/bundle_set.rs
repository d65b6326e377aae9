//! Bundles by trust domain. They are never merged: each speaks for its own trust domain alone (SPIFFE Federation sections
//! 4.2 and 7.3).

use alloc::{collections::BTreeMap, format, rc::Rc};

use portcullis_crypto::Backend;
use portcullis_types::{EncodingCode, Rejection, json::Object, limits::excerpt};

use crate::{Bundle, SvidCode, TrustDomain};

/// Most trust domains in one set. Federations have some dozens.
pub const MAX_TRUST_DOMAINS: usize = 256;

/// The bundles that are trusted, each for its trust domain.
#[derive(Debug, Default)]
pub struct BundleSet(BTreeMap<TrustDomain, Bundle>);

impl BundleSet {
    /// No trust domain yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an object whose names are trust domains and whose values are their bundles. One that is wrong refuses all: a
    /// set is what somebody configured.
    ///
    /// Errors: `bundle.*`, `json.*`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use portcullis_crypto::SoftwareBackend;
    /// use portcullis_svid::BundleSet;
    /// use portcullis_types::json;
    ///
    /// let backend = Rc::new(SoftwareBackend::default()) as _;
    /// let set = json::parse_object(br#"{"example.org":{"keys":[]}}"#).unwrap();
    /// assert_eq!(BundleSet::from_object(&set, &backend).unwrap().iter().count(), 1);
    /// let set = json::parse_object(br#"{"Example.org":{"keys":[]}}"#).unwrap();
    /// assert_eq!(BundleSet::from_object(&set, &backend).unwrap_err().code(), "bundle.trust_domain_name");
    /// ```
    pub fn from_object(object: &Object, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let mut set = Self::new();
        for (name, value) in object.checked()?.members() {
            let trust_domain = TrustDomain::parse(name).map_err(|rejection| {
                Rejection::new(SvidCode::BundleNameInvalid, format!("{}: {}", excerpt(name), rejection.detail()))
            })?;
            let place = format!("the bundle of {trust_domain}");
            let Some(bundle) = value.as_object() else {
                let what = format!("{place} is {}", value.kind());
                return Err(Rejection::new(EncodingCode::JsonNotObject, what));
            };
            set.put(trust_domain, Bundle::from_object(bundle, backend).map_err(|rejection| rejection.within(&place))?)?;
        }
        Ok(set)
    }

    /// Puts a trust domain's bundle in its place, whole. One with a lower `spiffe_sequence` than the one that is there is
    /// refused and changes nothing; one without a sequence is taken for the newest.
    ///
    /// Errors: `bundle.sequence_lower`, `bundle.too_many_trust_domains`.
    pub fn put(&mut self, trust_domain: TrustDomain, bundle: Bundle) -> Result<(), Rejection> {
        match self.0.get(&trust_domain) {
            Some(present) => {
                if let (Some(present), Some(new)) = (present.sequence(), bundle.sequence())
                    && new < present
                {
                    return Err(Rejection::new(
                        SvidCode::BundleSequenceLower,
                        format!("the sequence is {new}, and {present} is here already"),
                    ));
                }
            }
            None if self.0.len() >= MAX_TRUST_DOMAINS => {
                return Err(Rejection::new(
                    SvidCode::BundleTooManyDomains,
                    format!("there are {MAX_TRUST_DOMAINS} trust domains already"),
                ));
            }
            None => {}
        }
        self.0.insert(trust_domain, bundle);
        Ok(())
    }

    /// Takes a trust domain's bundle away: from now on nothing of it is trusted.
    pub fn remove(&mut self, trust_domain: &TrustDomain) -> Option<Bundle> {
        self.0.remove(trust_domain)
    }

    /// The trust domains and their bundles, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TrustDomain, &Bundle)> {
        self.0.iter()
    }

    /// The bundle of a trust domain.
    ///
    /// Error: `svid.trust_domain_unknown`.
    pub fn of(&self, trust_domain: &TrustDomain) -> Result<&Bundle, Rejection> {
        self.0.get(trust_domain).ok_or_else(|| {
            Rejection::new(SvidCode::TrustDomainUnknown, format!("there is no bundle for {trust_domain}"))
        })
    }

    /// The bundles of all other trust domains, to tell whose a key is that was met in the wrong place.
    pub(crate) fn others<'a>(
        &'a self,
        trust_domain: &TrustDomain,
    ) -> impl Iterator<Item = (&'a TrustDomain, &'a Bundle)> {
        self.0.iter().filter(move |(name, _)| *name != trust_domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::backend;

    fn bundle(members: &str) -> Bundle {
        Bundle::parse(format!("{{{members}\"keys\":[]}}").as_bytes(), &backend()).unwrap()
    }

    #[test]
    fn an_older_bundle_replaces_nothing() {
        let domain = TrustDomain::parse("example.org").unwrap();
        let mut set = BundleSet::new();
        let sequence = |set: &BundleSet| set.of(&domain).unwrap().sequence();
        set.put(domain.clone(), bundle("\"spiffe_sequence\":7,")).unwrap();
        let refused = set.put(domain.clone(), bundle("\"spiffe_sequence\":6,")).unwrap_err();
        assert_eq!((refused.code(), sequence(&set)), ("bundle.sequence_lower", Some(7)));
        set.put(domain.clone(), bundle("\"spiffe_sequence\":7,\"spiffe_refresh_hint\":9,")).unwrap();
        assert_eq!(set.of(&domain).unwrap().refresh_hint(), Some(9));
        set.put(domain.clone(), bundle("\"spiffe_sequence\":8,")).unwrap();
        set.put(domain.clone(), bundle("")).unwrap();
        assert_eq!(sequence(&set), None);
        assert!(set.remove(&domain).is_some());
        assert_eq!(set.of(&domain).unwrap_err().code(), "svid.trust_domain_unknown");
    }

    #[test]
    fn trust_domains_are_counted_and_a_known_one_may_still_change() {
        let domain = |number: usize| TrustDomain::parse(&format!("d{number}")).unwrap();
        let mut set = BundleSet::new();
        for number in 0..MAX_TRUST_DOMAINS {
            set.put(domain(number), bundle("")).unwrap();
        }
        let refused = set.put(domain(MAX_TRUST_DOMAINS), bundle("")).unwrap_err();
        assert_eq!(refused.code(), "bundle.too_many_trust_domains");
        assert!(set.put(domain(0), bundle("")).is_ok());
    }
}
