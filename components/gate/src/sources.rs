//! Keys and bundles as an evaluation needs them: at hand, to be fetched first, or not to be had.

use alloc::{format, vec, vec::Vec};

use portcullis_types::Rejection;

use crate::{
    code::GateCode,
    credential::KeysAndGeneration,
    denial::{Denial, Stop},
    documents::{Ask, DocumentNeed},
    judge::Judge,
    keys::{Keys, Source},
    remote::Remote,
};

impl Judge<'_> {
    /// Whether a document may be asked for by this evaluation, which asks for each once.
    pub(crate) fn askable(&self, remote: &Remote) -> bool {
        self.may_ask && !self.answered.contains(&remote.need.url) && remote.timing.ask(self.at) != Ask::Later
    }

    /// The keys of an issuer, or those of its lists.
    ///
    /// Errors: `keys.unavailable`, `keys.stale`, both 503.
    pub(crate) fn issuer_keys(&mut self, number: usize, of_lists: bool) -> Result<KeysAndGeneration, Stop> {
        let at = self.at;
        let max_stale = self.policy.limits.keys_max_stale;
        let Some(keys) = self.keys(number, of_lists) else { return Err(gone("the policy has no such issuer", None)) };
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
        self.ask(number, of_lists, &needs);
        Err(Stop::Needs(needs))
    }

    /// A key identifier is not known: the keys are fetched once more, if they may be. Returns where nothing more can be had and
    /// the keys are as they should be; where they could not be had lately, nobody knows whether there is such a key.
    ///
    /// Error: `keys.unavailable`, 503.
    pub(crate) fn more_keys(&mut self, number: usize, of_lists: bool) -> Result<(), Stop> {
        let Some(keys) = self.keys(number, of_lists) else { return Ok(()) };
        let Some(remote) = keys.remote() else { return Ok(()) };
        if !self.askable(remote) || remote.timing.ask_for_more(self.at) == Ask::Later {
            return match &remote.fault {
                None => Ok(()),
                Some(fault) => Err(gone("they were not fetched", Some(fault))),
            };
        }
        let needs = vec![remote.need.clone()];
        self.ask(number, of_lists, &needs);
        Err(Stop::Needs(needs))
    }

    fn keys(&self, number: usize, of_lists: bool) -> Option<&Keys> {
        let issuer = self.state.issuers.get(number)?;
        Some(match (&issuer.status_keys, of_lists) {
            (Some(keys), true) => keys,
            _ => &issuer.keys,
        })
    }

    fn ask(&mut self, number: usize, of_lists: bool, needs: &[DocumentNeed]) {
        let at = self.at;
        let Some(issuer) = self.state.issuers.get_mut(number) else { return };
        let keys = match (&mut issuer.status_keys, of_lists) {
            (Some(keys), true) => keys,
            _ => &mut issuer.keys,
        };
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
        let at = self.at;
        match self.state.domains.get_mut(number).and_then(|state| state.remote.as_mut()) {
            None => gone("the policy has no such trust domain", None),
            Some(remote) => {
                if remote.timing.ask(at) == Ask::Now {
                    remote.timing.asked(at);
                }
                Stop::Needs(vec![remote.need.clone()])
            }
        }
    }
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
