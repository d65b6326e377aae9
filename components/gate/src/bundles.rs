//! The bundle of a trust domain, and when it is to be had again.

use portcullis_crypto::sha256;
use portcullis_svid::{Bundle, BundleSet};
use portcullis_types::Rejection;

use crate::{
    documents::Document,
    limits::{BUNDLE_REFRESH, MIN_REFRESH},
    policy::Trusted,
    remote::{Remote, Taking, fits, weight},
};

/// A trust domain's bundle.
pub(crate) struct DomainState {
    /// Nothing where the policy holds the bundle itself.
    pub(crate) remote: Option<Remote>,
    pub(crate) refresh: u64,
    pub(crate) bytes: usize,
    pub(crate) generation: u64,
    digest: [u8; 32],
}

impl DomainState {
    /// A trust domain whose bundle is at a URL, or in the policy.
    pub(crate) fn new(remote: Option<Remote>, generation: u64) -> Self {
        Self { remote, refresh: BUNDLE_REFRESH, bytes: 0, generation, digest: [0; 32] }
    }
}

impl DomainState {
    pub(crate) fn provide(
        &mut self,
        trusted: &Trusted,
        document: &Document,
        bundles: &mut BundleSet,
        taking: &mut Taking<'_>,
    ) -> Result<(), Rejection> {
        let own = weight(self.bytes);
        let Some(remote) = &mut self.remote else { return Ok(()) };
        remote.newer(document, taking.at)?;
        let read = document.content.body(remote.need.most).and_then(|body| {
            fits(body, taking.free.saturating_add(own))?;
            let bundle = Bundle::parse(body, taking.backend)?;
            let refresh = bundle.refresh_hint().unwrap_or(BUNDLE_REFRESH).clamp(MIN_REFRESH, BUNDLE_REFRESH);
            bundles.put(trusted.name.clone(), bundle)?;
            Ok((body, refresh))
        });
        let (body, refresh) = remote.note(read, document.fetched_at, taking.at)?;
        self.refresh = refresh;
        self.bytes = body.len();
        let new = sha256(body);
        if self.digest != new {
            self.generation = taking.next_generation();
            self.digest = new;
        }
        Ok(())
    }
}
