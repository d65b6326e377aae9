//! `portcullis:svid/bundle`

use std::cell::RefCell;

use portcullis_svid as svid;

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        svid::bundle::{Bundle, BundleEntry, Guest, GuestBundle, GuestBundleSet, KeyUse},
        types::types::{Rejection, Seconds, Timestamp},
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct OneBundle(svid::Bundle);

/// The resource behind a handle. A call borrows it for as long as it lasts; there are no calls within calls.
pub(crate) struct Bundles(pub(crate) RefCell<svid::BundleSet>);

impl Guest for Component {
    type Bundle = OneBundle;
    type BundleSet = Bundles;
}

impl GuestBundle for OneBundle {
    fn parse(document: Vec<u8>) -> Result<Bundle, Rejection> {
        svid::Bundle::parse(&document, &backend())
            .map(|bundle| Bundle::new(OneBundle(bundle)))
            .map_err(convert::rejection)
    }

    fn sequence(&self) -> Option<u64> {
        self.0.sequence()
    }

    fn refresh_hint(&self) -> Option<Seconds> {
        self.0.refresh_hint()
    }

    fn last_authority_expires(&self) -> Option<Timestamp> {
        self.0.last_authority_expires()
    }

    fn describe(&self) -> Vec<BundleEntry> {
        let describe = |entry: &svid::BundleEntry| BundleEntry {
            kid: entry.kid.clone(),
            key_use: entry.key_use.map(|key_use| match key_use {
                svid::KeyUse::X509 => KeyUse::X509Svid,
                svid::KeyUse::Jwt => KeyUse::JwtSvid,
                svid::KeyUse::Wit => KeyUse::WitSvid,
            }),
            problem: entry.problem.clone().map(convert::rejection),
        };
        self.0.entries().iter().map(describe).collect()
    }
}

impl GuestBundleSet for Bundles {
    fn new() -> Self {
        Self(RefCell::default())
    }

    fn put(&self, trust_domain: String, bundle: Bundle) -> Result<(), Rejection> {
        svid::TrustDomain::parse(&trust_domain)
            .and_then(|trust_domain| self.0.borrow_mut().put(trust_domain, bundle.into_inner::<OneBundle>().0))
            .map_err(convert::rejection)
    }

    fn remove(&self, trust_domain: String) -> bool {
        svid::TrustDomain::parse(&trust_domain)
            .is_ok_and(|trust_domain| self.0.borrow_mut().remove(&trust_domain).is_some())
    }

    fn trust_domains(&self) -> Vec<String> {
        self.0.borrow().iter().map(|(name, _)| name.as_str().into()).collect()
    }
}
