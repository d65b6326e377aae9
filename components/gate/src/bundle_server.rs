//! Whether the server of a bundle endpoint is who the policy says (`https_spiffe`, SPIFFE Federation section 5.2.2).
//!
//! A host that is about to fetch a bundle hands over the certificates that the server presented in the TLS handshake. The
//! authorities of the host's system and the server's name have no part in it.

use alloc::{format, rc::Rc};

use portcullis_crypto::Backend;
use portcullis_svid::{BundleSet, TrustDomain, x509_svid};
use portcullis_types::{Rejection, Timestamp};

use crate::{
    code::GateCode,
    documents::DocumentNeed,
    policy::{BundleSource, Policy, Trusted},
    state::State,
};

/// The bundles among which the one is that authenticates servers of a trust domain: the one that was fetched last, however
/// long ago, or else the initial one (section 5.2.2.4). That a bundle is stale ends what its workloads may do; were it to end
/// this as well, a gate that was cut off for an hour would never have another one.
pub(crate) fn authority<'b>(
    held: &'b BundleSet,
    initial: &'b BundleSet,
    trust_domain: &TrustDomain,
) -> Option<&'b BundleSet> {
    [held, initial].into_iter().find(|bundles| bundles.of(trust_domain).is_ok())
}

impl State {
    /// Whether the server that presents a chain may be asked for what is needed: the chain is a valid X.509-SVID of exactly
    /// the SPIFFE ID that the policy names (section 5.2.2.4).
    ///
    /// Errors: `fetch.server_*`, and those of X.509-SVIDs.
    pub(crate) fn admit_server(
        &self,
        policy: &Policy,
        need: &DocumentNeed,
        chain: &[impl AsRef<[u8]>],
        backend: &Rc<dyn Backend>,
        at: Timestamp,
    ) -> Result<(), Rejection> {
        let is_asked = |trusted: &&Trusted| {
            let url = matches!(&trusted.bundle, BundleSource::Url(url) if *url == need.url);
            url && trusted
                .endpoint
                .as_ref()
                .is_some_and(|known| Some(known.spiffe_id.as_str()) == need.server.as_deref())
        };
        let asked = policy.trust_domains.iter().find(is_asked).and_then(|trusted| trusted.endpoint.as_ref());
        let Some(endpoint) = asked else {
            let what = "no bundle is to be fetched there from a workload of this ID";
            return Err(Rejection::new(GateCode::ServerUnexpected, what));
        };
        let trust_domain = endpoint.spiffe_id.trust_domain();
        let Some(bundles) = authority(&self.bundles, &self.initial_bundles, trust_domain) else {
            let what = format!("no bundle of {trust_domain} is here yet");
            return Err(Rejection::new(GateCode::ServerBundleMissing, what));
        };
        let svid = x509_svid::parse_and_verify(chain, bundles, backend, at)
            .map_err(|rejection| rejection.within("the certificates of the server"))?;
        if svid.spiffe_id != endpoint.spiffe_id {
            let what = format!("the server is {}, and has to be {}", svid.spiffe_id, endpoint.spiffe_id);
            return Err(Rejection::new(GateCode::ServerId, what));
        }
        Ok(())
    }
}
