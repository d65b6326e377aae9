//! The bundle of a trust domain, and when it is to be had again.

use alloc::{format, rc::Rc};

use portcullis_crypto::{Backend, sha256};
use portcullis_svid::{Bundle, BundleSet, SvidCode};
use portcullis_types::Rejection;

use crate::{
    documents::{Document, Kind},
    limits::{BUNDLE_REFRESH, MIN_REFRESH},
    origin::Class,
    policy::{BundleSource, Limits, Trusted},
    remote::{Remote, Taking, fits, weight},
};

/// A trust domain's bundle.
pub(crate) struct DomainState {
    /// Nothing where the policy holds the bundle itself.
    pub(crate) remote: Option<Remote>,
    /// The initial bundle, where it is in a file.
    pub(crate) initial: Option<Remote>,
    pub(crate) refresh: u64,
    /// What the documents have, in bytes.
    bytes: usize,
    initial_bytes: usize,
    pub(crate) generation: u64,
    digest: [u8; 32],
}

/// A bundle at a URL; one that the policy holds is put into its place.
fn remote(
    source: &BundleSource,
    trusted: &Trusted,
    bundles: &mut BundleSet,
    backend: &Rc<dyn Backend>,
    most: usize,
) -> Option<Remote> {
    match source {
        BundleSource::Url(url) => Some(Remote::new(url, Class::Policy, Kind::Bundle, most)),
        BundleSource::Inline(text) => {
            // It was read when the policy was, so it reads now.
            if let Ok(bundle) = Bundle::parse(text.as_bytes(), backend) {
                let _ = bundles.put(trusted.name.clone(), bundle);
            }
            None
        }
    }
}

/// Takes a bundle and puts it into its place. The answer is its text, and when it is to be had again.
fn take<'d>(
    remote: &mut Remote,
    document: &'d Document,
    own: usize,
    taking: &Taking<'_>,
    put: impl FnOnce(Bundle) -> Result<(), Rejection>,
) -> Result<(&'d [u8], u64), Rejection> {
    remote.newer(document, taking.at)?;
    let read = document.content.body(remote.need.most).and_then(|body| {
        fits(body, taking.free.saturating_add(weight(own)))?;
        let bundle = Bundle::parse(body, taking.backend)?;
        let refresh = bundle.refresh_hint().unwrap_or(BUNDLE_REFRESH).clamp(MIN_REFRESH, BUNDLE_REFRESH);
        put(bundle)?;
        Ok((body, refresh))
    });
    remote.note(read, document.fetched_at, taking.at)
}

impl DomainState {
    /// A trust domain whose bundle is at a URL, or in the policy.
    pub(crate) fn new(
        trusted: &Trusted,
        generation: u64,
        bundles: &mut BundleSet,
        initial_bundles: &mut BundleSet,
        backend: &Rc<dyn Backend>,
        limits: &Limits,
    ) -> Self {
        let most = limits.document;
        let mut remote = self::remote(&trusted.bundle, trusted, bundles, backend, most);
        if let (Some(remote), Some(endpoint)) = (&mut remote, &trusted.endpoint) {
            remote.need.server = Some(endpoint.spiffe_id.as_str().into());
        }
        let initial = trusted.endpoint.as_ref().and_then(|endpoint| endpoint.initial.as_ref());
        let initial = initial.and_then(|source| self::remote(source, trusted, initial_bundles, backend, most));
        Self { remote, initial, refresh: BUNDLE_REFRESH, bytes: 0, initial_bytes: 0, generation, digest: [0; 32] }
    }

    /// What the documents take, in bytes.
    pub(crate) fn weight(&self) -> usize {
        weight(self.bytes) + weight(self.initial_bytes)
    }

    /// Why the bundle could not be had when it was last tried, or what has to be there before it.
    pub(crate) fn fault(&self) -> Option<&Rejection> {
        [&self.remote, &self.initial].into_iter().flatten().find_map(|remote| remote.fault.as_ref())
    }

    /// Takes the bundle.
    pub(crate) fn provide(
        &mut self,
        trusted: &Trusted,
        document: &Document,
        bundles: &mut BundleSet,
        initial_bundles: &BundleSet,
        taking: &mut Taking<'_>,
    ) -> Option<Result<(), Rejection>> {
        let remote = self.remote.as_mut().filter(|remote| remote.need.is_met_by(document))?;
        let taken = take(remote, document, self.bytes, taking, |bundle| {
            // SPIFFE Federation section 4.2: the sequence orders them, the initial one among them.
            let initial = initial_bundles.of(&trusted.name).ok().and_then(Bundle::sequence);
            if let (Some(initial), Some(new)) = (initial, bundle.sequence())
                && new < initial
            {
                let what = format!("the sequence is {new}, and the initial bundle has {initial}");
                return Err(Rejection::new(SvidCode::BundleSequenceLower, what));
            }
            bundles.put(trusted.name.clone(), bundle)
        });
        Some(taken.map(|(body, refresh)| {
            self.refresh = refresh;
            self.bytes = body.len();
            let new = sha256(body);
            if self.digest != new {
                self.generation = taking.next_generation();
                self.digest = new;
            }
        }))
    }

    /// Takes the initial bundle. Nothing that verified depends on it.
    pub(crate) fn provide_initial(
        &mut self,
        trusted: &Trusted,
        document: &Document,
        initial_bundles: &mut BundleSet,
        taking: &Taking<'_>,
    ) -> Option<Result<(), Rejection>> {
        let remote = self.initial.as_mut().filter(|remote| remote.need.is_met_by(document))?;
        let put = |bundle| initial_bundles.put(trusted.name.clone(), bundle);
        let taken = take(remote, document, self.initial_bytes, taking, put);
        Some(taken.map(|(body, _)| self.initial_bytes = body.len()))
    }
}
