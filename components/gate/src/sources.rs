//! Keys and bundles as an evaluation needs them: at hand, to be fetched first, or not to be had.

use alloc::{format, vec, vec::Vec};

use portcullis_types::{Rejection, Timestamp};

#[cfg(feature = "clients")]
use crate::clients::Vouching;
use crate::{
    bundle_server::authority,
    code::GateCode,
    credential::KeysAndGeneration,
    denial::{Denial, Stop},
    documents::{Ask, DocumentNeed},
    judge::Judge,
    keys::{Keys, Source},
    remote::Remote,
    state::State,
};

/// Whose keys are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An issuer's, by its number.
    Issuer(usize),
    /// Those that an issuer's lists verify with.
    Lists(usize),
    /// Those of the service that makes Transaction Tokens.
    Transactions,
    /// Those of who vouches for clients to an authorization server.
    #[cfg(feature = "clients")]
    OfClients(Vouching),
    /// Those of who attests clients beside access tokens.
    Attestation,
    /// Those of another server of Open Cloud Mesh, by its number.
    #[cfg(feature = "ocm")]
    Peer(u64),
}

impl Owner {
    fn issuer(number: usize, of_lists: bool) -> Self {
        if of_lists { Self::Lists(number) } else { Self::Issuer(number) }
    }
}

impl Judge<'_> {
    /// Whether a document may be asked for by this evaluation, which asks for each once.
    pub(crate) fn askable(&self, remote: &Remote) -> bool {
        self.may_ask && !self.answered.contains(&remote.need.place()) && remote.timing.ask(self.at) != Ask::Later
    }

    /// The keys of an issuer, or those of its lists.
    ///
    /// Errors: `keys.unavailable`, `keys.stale`, both 503.
    pub(crate) fn issuer_keys(&mut self, number: usize, of_lists: bool) -> Result<KeysAndGeneration, Stop> {
        self.keys_of(Owner::issuer(number, of_lists))
    }

    /// The keys of somebody. Errors as those of [`Judge::issuer_keys`].
    pub(crate) fn keys_of(&mut self, owner: Owner) -> Result<KeysAndGeneration, Stop> {
        let at = self.at;
        let max_stale = self.max_stale(owner);
        let Some(keys) = self.keys(owner) else { return Err(gone("the policy has no such issuer", None)) };
        if let Ok(set) = keys.fresh(max_stale, at) {
            return Ok((set, keys.generation));
        }
        let needs: Vec<DocumentNeed> = match keys.remote() {
            Some(remote) => {
                if self.askable(remote) {
                    vec![remote.need.clone()]
                } else {
                    Vec::new()
                }
            }
            None => match &keys.source {
                Source::Discovered { metadata } => {
                    let remotes = metadata.iter().map(|(remote, _)| remote);
                    remotes.filter(|remote| self.askable(remote)).map(|remote| remote.need.clone()).collect()
                }
                _ => Vec::new(),
            },
        };
        if needs.is_empty() {
            let fault = keys.fault();
            if keys.set.is_some() {
                let rejection =
                    Rejection::new(GateCode::KeysStale, format!("fetched more than {max_stale} seconds ago"));
                return Err(Denial::unknown(rejection).into());
            }
            return Err(gone("they were not fetched", fault));
        }
        self.ask(owner, &needs);
        Err(Stop::Needs(needs))
    }

    /// A key identifier is not known: the keys are fetched once more, if they may be. Returns where nothing more can be had and
    /// the keys are as they should be; where they could not be had lately, nobody knows whether there is such a key.
    ///
    /// Error: `keys.unavailable`, 503.
    pub(crate) fn more_keys(&mut self, number: usize, of_lists: bool) -> Result<(), Stop> {
        self.more_keys_of(Owner::issuer(number, of_lists))
    }

    /// The same of somebody's keys.
    pub(crate) fn more_keys_of(&mut self, owner: Owner) -> Result<(), Stop> {
        let Some(keys) = self.keys(owner) else { return Ok(()) };
        let Some(remote) = keys.remote() else { return Ok(()) };
        if !self.askable(remote) || remote.timing.ask_for_more(self.at) == Ask::Later {
            return match &remote.fault {
                None => Ok(()),
                Some(fault) => Err(gone("they were not fetched", Some(fault))),
            };
        }
        let needs = vec![remote.need.clone()];
        self.ask(owner, &needs);
        Err(Stop::Needs(needs))
    }

    fn keys(&self, owner: Owner) -> Option<&Keys> {
        match owner {
            Owner::Issuer(number) => self.state.issuers.get(number).map(|issuer| &issuer.keys),
            Owner::Lists(number) => {
                self.state.issuers.get(number).map(|issuer| issuer.status_keys.as_ref().unwrap_or(&issuer.keys))
            }
            Owner::Transactions => self.state.transactions.as_ref(),
            #[cfg(feature = "clients")]
            Owner::OfClients(whose) => self.state.client_keys.of(whose),
            Owner::Attestation => self.state.attestation.as_ref(),
            #[cfg(feature = "ocm")]
            Owner::Peer(number) => self.state.peers.get(number).and_then(|peer| peer.keys.as_ref()),
        }
    }

    /// For how long keys are good after they were fetched, in seconds.
    fn max_stale(&self, owner: Owner) -> u64 {
        match owner {
            #[cfg(feature = "ocm")]
            Owner::Peer(_) => crate::limits::PEER_FRESH,
            _ => self.policy.limits.keys_max_stale,
        }
    }

    fn ask(&mut self, owner: Owner, needs: &[DocumentNeed]) {
        let at = self.at;
        let keys = match owner {
            Owner::Issuer(number) => self.state.issuers.get_mut(number).map(|issuer| &mut issuer.keys),
            Owner::Lists(number) => {
                self.state.issuers.get_mut(number).map(|issuer| issuer.status_keys.as_mut().unwrap_or(&mut issuer.keys))
            }
            Owner::Transactions => self.state.transactions.as_mut(),
            #[cfg(feature = "clients")]
            Owner::OfClients(whose) => self.state.client_keys.of_mut(whose),
            Owner::Attestation => self.state.attestation.as_mut(),
            #[cfg(feature = "ocm")]
            Owner::Peer(number) => self.state.peers.get_mut(number).and_then(|peer| peer.keys.as_mut()),
        };
        let Some(keys) = keys else { return };
        for need in needs {
            keys.asked(&need.url, at);
        }
    }

    /// The bundle of a trust domain is at hand; the answer is its generation.
    ///
    /// Errors: `keys.unavailable`, `keys.stale`, both 503.
    pub(crate) fn bundle(&mut self, number: usize) -> Result<u64, Stop> {
        let at = self.at;
        let max_stale = self.policy.limits.bundles_max_stale;
        let (Some(trusted), Some(state)) = (self.policy.trust_domains.get(number), self.state.domains.get(number))
        else {
            return Err(gone("the policy has no such trust domain", None));
        };
        let held = self.state.bundles.of(&trusted.name).is_ok();
        let Some(remote) = &state.remote else { return Ok(state.generation) };
        if held && remote.timing.age(at).is_some_and(|age| age <= max_stale) {
            return Ok(state.generation);
        }
        if self.askable(remote) {
            return Err(self.ask_for_bundle(number));
        }
        if held {
            let rejection = Rejection::new(GateCode::KeysStale, format!("fetched more than {max_stale} seconds ago"));
            return Err(Denial::unknown(rejection).into());
        }
        Err(gone("it was not fetched", remote.fault.as_ref()))
    }

    /// As [`Judge::more_keys`], for a bundle.
    pub(crate) fn more_of_bundle(&mut self, number: usize) -> Result<(), Stop> {
        let Some(remote) = self.state.domains.get(number).and_then(|state| state.remote.as_ref()) else {
            return Ok(());
        };
        if !self.askable(remote) || remote.timing.ask_for_more(self.at) == Ask::Later {
            return match &remote.fault {
                None => Ok(()),
                Some(fault) => Err(gone("it was not fetched", Some(fault))),
            };
        }
        Err(self.ask_for_bundle(number))
    }

    fn ask_for_bundle(&mut self, number: usize) -> Stop {
        if let Some(first) = self.before_bundle(number) {
            return first;
        }
        let remote = self.state.domains.get_mut(number).and_then(|state| state.remote.as_mut());
        remote.map_or_else(|| gone("the policy has no such trust domain", None), |remote| asking(remote, self.at))
    }

    /// What has to be at hand before a bundle's server can be asked: the bundle that authenticates it. Nothing where it is.
    fn before_bundle(&mut self, number: usize) -> Option<Stop> {
        let endpoint = self.policy.trust_domains.get(number)?.endpoint.as_ref()?;
        let State { bundles, initial_bundles, .. } = &*self.state;
        if authority(bundles, initial_bundles, endpoint.spiffe_id.trust_domain()).is_some() {
            return None;
        }
        // A policy has no circle of them.
        if endpoint.authority != number {
            return self.bundle(endpoint.authority).err();
        }
        let initial = self.state.domains.get(number)?.initial.as_ref();
        if !initial.is_some_and(|remote| self.askable(remote)) {
            return Some(gone("its initial bundle was not read", initial.and_then(|remote| remote.fault.as_ref())));
        }
        self.state.domains.get_mut(number)?.initial.as_mut().map(|remote| asking(remote, self.at))
    }
}

/// It is asked for, or its fetch is joined.
pub(crate) fn asking(remote: &mut Remote, at: Timestamp) -> Stop {
    if remote.timing.ask(at) == Ask::Now {
        remote.timing.asked(at);
    }
    Stop::Needs(vec![remote.need.clone()])
}

fn gone(why: &str, fault: Option<&Rejection>) -> Stop {
    let rejection = match fault {
        // That there is no memory for keys is no fault of theirs.
        Some(fault) if fault.is(GateCode::MemoryFull) => fault.clone(),
        Some(fault) => Rejection::new(GateCode::KeysUnavailable, format!("{}: {}", fault.code(), fault.detail())),
        None => Rejection::new(GateCode::KeysUnavailable, why),
    };
    Denial::unknown(rejection).into()
}
