//! What is held of a sharing server and of others: discovery documents and keys, within bounds that nobody moves who is not known.

use alloc::{
    collections::BTreeMap,
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_ocm::Host;
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Object},
    trace::Silent,
};

use crate::{
    code::GateCode,
    documents::{Ask, Document, Kind},
    keys::Keys,
    limits::{MAX_PEER_DOCUMENT, MAX_PEERS, MAX_UNKNOWN_PEERS},
    origin::Class,
    policy::{Described, OcmPolicy, OwnDiscovery, Policy},
    remote::{Remote, Taking, fits, weight},
};

/// A discovery document, and where it comes from.
pub(crate) struct DescribedAt {
    /// Nothing for what stands in the policy.
    pub(crate) remote: Option<Remote>,
    pub(crate) held: Option<Rc<Described>>,
    bytes: usize,
}

impl DescribedAt {
    fn at(url: &str, class: Class, most: usize) -> Self {
        Self { remote: Some(Remote::new(url, class, Kind::OcmDiscovery, most)), held: None, bytes: 0 }
    }

    /// The document, if it may be used at a time.
    pub(crate) fn fresh(&self, longest: u64, at: Timestamp) -> Option<Rc<Described>> {
        let age = self.remote.as_ref().map(|remote| remote.timing.age(at));
        let fresh = age.is_none_or(|age| age.is_some_and(|age| age <= longest));
        self.held.clone().filter(|_| fresh)
    }

    /// Takes a document if it is this one.
    fn provide(
        &mut self,
        document: &Document,
        taking: &Taking<'_>,
        read: impl FnOnce(&Object) -> Result<Described, Rejection>,
    ) -> Option<Result<(), Rejection>> {
        let remote = self.remote.as_mut().filter(|remote| remote.need.url == document.url)?;
        if let Err(older) = remote.newer(document, taking.at) {
            return Some(Err(older));
        }
        let read = document.content.body(remote.need.most).and_then(|body| {
            fits(body, taking.free.saturating_add(weight(self.bytes)))?;
            let object = json::parse_object(body).map_err(|rejection| rejection.within("the discovery document"))?;
            Ok((read(&object)?, body.len()))
        });
        Some(remote.note(read, document.fetched_at, taking.at).map(|(described, length)| {
            self.held = Some(Rc::new(described));
            self.bytes = length;
        }))
    }
}

/// Another server.
pub(crate) struct PeerState {
    host: Host,
    pub(crate) discovery: DescribedAt,
    /// Its keys, once its discovery document has said where they are.
    pub(crate) keys: Option<Keys>,
    /// Whether a signature of its verified: nobody else could have made us know it.
    verified: bool,
    /// When it was last wanted, counted.
    used: u64,
}

impl PeerState {
    fn is_in_flight(&self, at: Timestamp) -> bool {
        let keys = self.keys.as_ref().and_then(Keys::remote);
        let mut all = self.discovery.remote.iter().chain(keys);
        all.any(|remote| remote.timing.ask(at) == Ask::Join)
    }

    fn bytes(&self) -> usize {
        let keys = self.keys.as_ref().map_or(0, |keys| keys.bytes);
        weight(self.discovery.bytes.saturating_add(keys)).saturating_add(size_of::<Self>())
    }
}

/// What is held of a sharing server and of others.
#[derive(Default)]
pub(crate) struct Peers {
    /// The sharing server's own.
    pub(crate) own: Option<DescribedAt>,
    /// Others, by a number that no two ever have.
    known: BTreeMap<u64, PeerState>,
    numbers: BTreeMap<String, u64>,
    count: u64,
}

impl Peers {
    pub(crate) fn new(policy: &Policy) -> Self {
        let own = policy.ocm.as_ref().map(|ocm| match &ocm.discovery {
            OwnDiscovery::Inline(described) => DescribedAt { remote: None, held: Some(Rc::clone(described)), bytes: 0 },
            OwnDiscovery::Url(url) => DescribedAt::at(url, Class::Policy, policy.limits.document),
        });
        Self { own, ..Self::default() }
    }

    /// The number of a server, which is known from now on. `url` is where its discovery document is.
    ///
    /// Error: `ocm.peers_too_many` where there is no room that nobody needs.
    pub(crate) fn enter(&mut self, host: &Host, url: &str, at: Timestamp) -> Result<u64, Rejection> {
        self.count += 1;
        let number = self.count;
        if let Some(known) = self.numbers.get(host.as_str()) {
            if let Some(peer) = self.known.get_mut(known) {
                peer.used = number;
            }
            return Ok(*known);
        }
        // Who names servers that nobody knows takes no place of those whose signatures verified.
        self.make_room(false, MAX_UNKNOWN_PEERS, at)?;
        let discovery = DescribedAt::at(url, Class::Peer, MAX_PEER_DOCUMENT);
        let peer = PeerState { host: host.clone(), discovery, keys: None, verified: false, used: number };
        self.known.insert(number, peer);
        self.numbers.insert(host.as_str().to_string(), number);
        Ok(number)
    }

    /// Drops the server that was longest not wanted, of those that are verified or not, where there are as many as there may be.
    fn make_room(&mut self, verified: bool, most: usize, at: Timestamp) -> Result<(), Rejection> {
        let alike = || self.known.iter().filter(|(_, peer)| peer.verified == verified);
        if alike().count() < most {
            return Ok(());
        }
        let settled = alike().filter(|(_, peer)| !peer.is_in_flight(at));
        let Some(oldest) = settled.min_by_key(|(_, peer)| peer.used).map(|(number, _)| *number) else {
            let what = format!("{most} servers that are not known are asked who they are at this time");
            return Err(Rejection::new(GateCode::OcmPeers, what));
        };
        if let Some(gone) = self.known.remove(&oldest) {
            self.numbers.remove(gone.host.as_str());
        }
        Ok(())
    }

    pub(crate) fn get(&self, number: u64) -> Option<&PeerState> {
        self.known.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut PeerState> {
        self.known.get_mut(&number)
    }

    /// A signature of a server verified.
    pub(crate) fn verified(&mut self, number: u64) {
        if self.known.get(&number).is_none_or(|peer| peer.verified) {
            return;
        }
        // None of them is in flight for long; where all are, this one stays among the others.
        if self.make_room(true, MAX_PEERS, 0).is_ok()
            && let Some(peer) = self.known.get_mut(&number)
        {
            peer.verified = true;
        }
    }

    /// Whether the sharing server's own document is missing or too old, and why where that is known.
    pub(crate) fn own_missing(&self, longest: u64, at: Timestamp) -> Option<Option<&Rejection>> {
        let own = self.own.as_ref().filter(|own| own.fresh(longest, at).is_none())?;
        Some(own.remote.as_ref().and_then(|remote| remote.fault.as_ref()))
    }

    /// The documents of the policy that are fetched ahead.
    pub(crate) fn remotes(&mut self) -> impl Iterator<Item = &mut Remote> {
        self.own.iter_mut().filter_map(|own| own.remote.as_mut())
    }

    /// Takes a document for each server that it is for.
    pub(crate) fn provide(
        &mut self,
        ocm: Option<&OcmPolicy>,
        document: &Document,
        taking: &mut Taking<'_>,
    ) -> Vec<Result<(), Rejection>> {
        let mut outcomes = Vec::new();
        let Some(ocm) = ocm else { return outcomes };
        if !document.peer {
            let own = self.own.as_mut().filter(|_| document.is_plain());
            outcomes.extend(own.and_then(|own| own.provide(document, taking, |object| ocm.own(object, &mut Silent))));
            return outcomes;
        }
        for peer in self.known.values_mut() {
            let read = peer.discovery.provide(document, taking, |object| {
                let discovery = portcullis_ocm::Discovery::from_object(object, &ocm.listed, &mut Silent)?;
                Ok(Described { discovery, document: object.clone() })
            });
            if let (Some(Ok(())), Some(held)) = (&read, &peer.discovery.held) {
                let url = held.discovery.keys_url(&peer.host, &ocm.listed);
                let known = peer.keys.as_ref().and_then(Keys::remote).map(|remote| remote.need.url.as_str());
                match url {
                    Ok(url) if known == Some(url.as_str()) => {}
                    Ok(url) => peer.keys = Some(Keys::of_peer(&url, taking.next_generation())),
                    // The document was admitted with this host, and so was the place of its keys.
                    Err(_) => peer.keys = None,
                }
            }
            outcomes.extend(read);
            outcomes.extend(peer.keys.as_mut().and_then(|keys| keys.provide(document, "", taking)));
        }
        outcomes
    }

    /// The memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let own = self.own.as_ref().map_or(0, |own| weight(own.bytes));
        self.known.values().map(PeerState::bytes).sum::<usize>().saturating_add(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: usize) -> Host {
        Host::parse(&format!("s{number}.example.org")).unwrap()
    }

    #[test]
    fn servers_that_nobody_knows_take_no_place_of_known_ones() {
        let mut peers = Peers::default();
        let known = peers.enter(&host(0), "https://s0.example.org/.well-known/ocm", 100).unwrap();
        peers.verified(known);
        for number in 1..=MAX_UNKNOWN_PEERS * 2 {
            peers.enter(&host(number), "https://x.example/", 100).unwrap();
        }
        assert_eq!(peers.enter(&host(0), "https://s0.example.org/.well-known/ocm", 100).unwrap(), known);
        assert_eq!(peers.known.len(), MAX_UNKNOWN_PEERS + 1);
        assert_eq!(peers.numbers.len(), peers.known.len());
    }

    #[test]
    fn where_all_are_being_asked_the_next_one_waits() {
        let mut peers = Peers::default();
        for number in 0..MAX_UNKNOWN_PEERS {
            let entered = peers.enter(&host(number), "https://x.example/", 100).unwrap();
            let peer = peers.get_mut(entered).unwrap();
            peer.discovery.remote.as_mut().unwrap().timing.asked(100);
        }
        let refused = peers.enter(&host(MAX_UNKNOWN_PEERS), "https://x.example/", 100).unwrap_err();
        assert_eq!(refused.code(), "ocm.peers_too_many");
        // One was answered.
        let first = peers.known.values_mut().next().unwrap();
        first.discovery.remote.as_mut().unwrap().timing.failed(101);
        assert!(peers.enter(&host(MAX_UNKNOWN_PEERS), "https://x.example/", 101).is_ok());
    }
}
