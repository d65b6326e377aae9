//! SPIFFE: bundles, and the documents that prove identities (SVIDs).
//!
//! ```no_run
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// The SPIFFE ID of whoever holds the key of a chain's first certificate.
//! fn identity(
//!     portcullis: &mut Portcullis,
//!     chain: &[Vec<u8>],
//!     bundle: &[u8],
//!     now: u64,
//! ) -> Result<Verdict<String>, HostError> {
//!     let bundles = match portcullis.bundle_set(&[("prod.example", bundle)])? {
//!         Ok(bundles) => bundles,
//!         Err(rejection) => return Ok(Err(rejection)),
//!     };
//!     let verified = portcullis.verify_x509_svid(chain, &bundles, now)?;
//!     Ok(verified.map(|svid| svid.spiffe_id))
//! }
//! ```

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::svid::jwt::{Expectations, Report as JwtSvidReport, VerifiedJwtSvid};
pub use crate::bindings::exports::portcullis::svid::spiffe_id::SpiffeId;
pub use crate::bindings::exports::portcullis::svid::wit::{Report as WitSvidReport, VerifiedWitSvid};
pub use crate::bindings::exports::portcullis::svid::x509::{
    CertificateDescription, Report as X509SvidReport, VerifiedX509Svid,
};

use crate::bindings::Full;
use crate::bindings::exports::portcullis::svid::bundle::Guest;
use crate::bindings::exports::portcullis::types::types::Rejection;
use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};
use crate::sandbox::State;

/// The bundles that are trusted, each for its own trust domain.
///
/// The host remembers the documents, so a set outlives the instance that read it, as a [`KeySet`](crate::KeySet) does.
/// Cheap to clone; clones are the same set. A set does not change: where a bundle is renewed, make a new one.
#[derive(Clone)]
pub struct BundleSet {
    held: Arc<Held<Source>>,
}

/// The trust domains and their bundles' documents.
pub(crate) struct Source(Vec<(String, Vec<u8>)>);

impl Source {
    fn make(&self, store: &mut Store<State>, guest: &Guest) -> wasmtime::Result<Result<ResourceAny, Rejection>> {
        let set = guest.bundle_set().call_constructor(&mut *store)?;
        for (trust_domain, document) in &self.0 {
            let put = match guest.bundle().call_parse(&mut *store, document)? {
                Ok(bundle) => guest.bundle_set().call_put(&mut *store, set, trust_domain, bundle)?,
                Err(rejection) => Err(rejection),
            };
            if let Err(rejection) = put {
                set.resource_drop(&mut *store)?;
                let detail = format!("the bundle of {trust_domain}: {}", rejection.detail);
                return Ok(Err(Rejection { detail, ..rejection }));
            }
        }
        Ok(Ok(set))
    }
}

impl std::fmt::Debug for BundleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trust_domains = self.held.source.0.iter().map(|(trust_domain, _)| trust_domain);
        f.debug_list().entries(trust_domains).finish()
    }
}

/// SPIFFE IDs, bundles and SVIDs.
impl Portcullis {
    /// Reads bundles (SPIFFE Trust Domain and Bundle section 4): each is given with the trust domain it speaks for, and
    /// one of them that is wrong refuses all. A bundle replaces an earlier one of its trust domain, unless it is older.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Bundles that are refused are a [`Verdict`].
    pub fn bundle_set(&mut self, bundles: &[(&str, &[u8])]) -> Result<Verdict<BundleSet>, HostError> {
        let owned = bundles.iter().map(|(trust_domain, document)| ((*trust_domain).to_owned(), document.to_vec()));
        let set = BundleSet { held: Held::new(Source(owned.collect())) };
        Ok(self.live_bundles(&set)?.map(|_| set))
    }

    /// Reads a SPIFFE ID (SPIFFE-ID section 2).
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no SPIFFE ID is a [`Verdict`].
    pub fn parse_spiffe_id(&mut self, text: &str) -> Result<Verdict<SpiffeId>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_svid_spiffe_id().call_parse(store, text))
    }

    /// Verifies a JWT-SVID at a time, in seconds since 1970, with the bundle of its own trust domain and no other.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_jwt_svid(
        &mut self,
        token: &[u8],
        bundles: &BundleSet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Verdict<VerifiedJwtSvid>, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_jwt().call_verify(store, token, bundles, expect, at)
        })
    }

    /// The same as [`verify_jwt_svid`](Self::verify_jwt_svid), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_jwt_svid(
        &mut self,
        token: &[u8],
        bundles: &BundleSet,
        expect: &Expectations,
        at: u64,
    ) -> Result<JwtSvidReport, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_jwt().call_explain(store, token, bundles, expect, at)
        })
    }

    /// Verifies a chain of certificates in DER, the leaf first, at a time, in seconds since 1970. Whoever presents it
    /// has proved nothing by it: that they hold the leaf's key is for TLS to see to.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A chain that is refused is a [`Verdict`].
    pub fn verify_x509_svid(
        &mut self,
        chain: &[Vec<u8>],
        bundles: &BundleSet,
        at: u64,
    ) -> Result<Verdict<VerifiedX509Svid>, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_x509().call_verify(store, chain, bundles, at)
        })
    }

    /// The same as [`verify_x509_svid`](Self::verify_x509_svid), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_x509_svid(
        &mut self,
        chain: &[Vec<u8>],
        bundles: &BundleSet,
        at: u64,
    ) -> Result<X509SvidReport, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_x509().call_explain(store, chain, bundles, at)
        })
    }

    /// Verifies a WIT-SVID at a time, in seconds since 1970; `leeway` is how far the clocks may differ, in seconds. It
    /// alone proves nothing about who sent it: a proof of possession of its key has to come with it.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_wit_svid(
        &mut self,
        token: &[u8],
        bundles: &BundleSet,
        leeway: u64,
        at: u64,
    ) -> Result<Verdict<VerifiedWitSvid>, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_wit().call_verify(store, token, bundles, leeway, at)
        })
    }

    /// The same as [`verify_wit_svid`](Self::verify_wit_svid), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_wit_svid(
        &mut self,
        token: &[u8],
        bundles: &BundleSet,
        leeway: u64,
        at: u64,
    ) -> Result<WitSvidReport, HostError> {
        self.with_bundles(bundles, |store, exports, bundles| {
            exports.portcullis_svid_wit().call_explain(store, token, bundles, leeway, at)
        })
    }

    /// Reads certificates from PEM text (RFC 7468), each as DER, in their order.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Text without certificates, or with blocks of another kind, is a [`Verdict`].
    pub fn decode_certificates_pem(&mut self, text: &str) -> Result<Verdict<Vec<Vec<u8>>>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_svid_x509().call_decode_pem(store, text))
    }

    /// Takes a chain of certificates in DER apart without verifying anything: for people to look at, never to decide
    /// by.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no chain at all is a [`Verdict`].
    pub fn inspect_certificates_untrusted(
        &mut self,
        chain: &[Vec<u8>],
    ) -> Result<Verdict<Vec<CertificateDescription>>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_svid_x509().call_inspect_untrusted(store, chain))
    }

    /// The set's resource in the living instance, with a deadline of its own: reading many keys takes its time.
    fn live_bundles(&mut self, set: &BundleSet) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_svid_bundle();
            bound.bundles.get(store, &set.held, |store, source| source.make(store, guest))
        })
    }

    /// The same for a set that was accepted before.
    pub(crate) fn recreated_bundles(&mut self, set: &BundleSet) -> Result<ResourceAny, HostError> {
        self.live_bundles(set)?.map_err(|rejection| HostError::not_recreated("bundle set", rejection))
    }

    fn with_bundles<R>(
        &mut self,
        set: &BundleSet,
        call: impl FnOnce(&mut Store<State>, &Full, ResourceAny) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        let bundles = self.recreated_bundles(set)?;
        self.sandbox.call(|store, bound| call(store, &bound.exports, bundles))
    }
}
