//! Discovery documents as an evaluation needs them: at hand, to be fetched first, or not to be had.

use alloc::{format, rc::Rc};

use portcullis_ocm::{Host, discovery_url};
use portcullis_types::Rejection;

use super::{peers::DescribedAt, refused};
use crate::{
    code::GateCode,
    denial::{Denial, Stop},
    judge::Judge,
    limits::PEER_FRESH,
    policy::Described,
    sources::asking,
};

impl Judge<'_> {
    /// The sharing server's own discovery document.
    ///
    /// Error: `ocm.own_unavailable`, 503.
    pub(super) fn own_discovery(&mut self) -> Result<Rc<Described>, Stop> {
        let longest = self.policy.limits.keys_max_stale;
        let Some(own) = &self.state.peers.own else { return Err(gone(GateCode::OcmOwnUnavailable, None)) };
        if let Some(described) = own.fresh(longest, self.at) {
            return Ok(described);
        }
        let asked = self.to_ask(own);
        let remote = self.state.peers.own.as_mut().filter(|_| asked).and_then(|own| own.remote.as_mut());
        let stop = match remote {
            Some(remote) => asking(remote, self.at),
            None => gone(GateCode::OcmOwnUnavailable, self.state.peers.own.as_ref().and_then(fault)),
        };
        if let Stop::Denied(denial) = &stop {
            self.trace.failed("own discovery document", &denial.rejection);
        }
        Err(stop)
    }

    /// The number of another server among those that are known.
    ///
    /// Errors: `ocm.peer_*`; `ocm.peers_too_many`, 503.
    pub(super) fn peer(&mut self, host: &Host) -> Result<u64, Denial> {
        let listed = self.policy.ocm.as_ref().map(|ocm| ocm.listed.as_slice()).unwrap_or_default();
        let url = discovery_url(host, listed).map_err(refused)?;
        self.state.peers.enter(host, &url, self.at).map_err(Denial::unknown)
    }

    /// The discovery document of another server.
    ///
    /// Errors: `ocm.peer_unavailable`, 503; what is wrong with the document that came.
    pub(super) fn peer_discovery(&mut self, number: u64, host: &Host) -> Result<Rc<Described>, Stop> {
        let Some(peer) = self.state.peers.get(number) else { return Err(gone(GateCode::OcmPeerUnavailable, None)) };
        if let Some(described) = peer.discovery.fresh(PEER_FRESH, self.at) {
            self.trace.passed("discovery document", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery", &|| {
                format!("of {host}")
            });
            return Ok(described);
        }
        let stop = match self.to_ask(&peer.discovery) {
            true => match self.state.peers.get_mut(number).and_then(|peer| peer.discovery.remote.as_mut()) {
                Some(remote) => asking(remote, self.at),
                None => gone(GateCode::OcmPeerUnavailable, None),
            },
            false => match fault(&peer.discovery) {
                // It came, and says what cannot be relied upon.
                Some(fault) if !is_of_fetching(fault) => refused(fault.clone()).into(),
                fault => gone(GateCode::OcmPeerUnavailable, fault),
            },
        };
        if let Stop::Denied(denial) = &stop {
            self.trace.failed("discovery document", &denial.rejection);
        }
        Err(stop)
    }

    fn to_ask(&self, described: &DescribedAt) -> bool {
        described.remote.as_ref().is_some_and(|remote| self.askable(remote))
    }
}

fn fault(described: &DescribedAt) -> Option<&Rejection> {
    described.remote.as_ref().and_then(|remote| remote.fault.as_ref())
}

/// Whether a document did not come at all, or not as documents come.
fn is_of_fetching(fault: &Rejection) -> bool {
    [GateCode::DocumentFailed, GateCode::DocumentStatus, GateCode::DocumentTooLarge, GateCode::MemoryFull]
        .into_iter()
        .any(|code| fault.is(code))
}

fn gone(code: GateCode, fault: Option<&Rejection>) -> Stop {
    let rejection = match fault {
        Some(fault) if fault.is(GateCode::MemoryFull) => fault.clone(),
        Some(fault) => Rejection::new(code, format!("{}: {}", fault.code(), fault.detail())),
        None => Rejection::new(code, "it was not fetched"),
    };
    Denial::unknown(rejection).into()
}
