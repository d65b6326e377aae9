//! The keys of an issuer, or of its lists: from the policy, from a URL, or from where metadata says.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{KeySet, sha256};
use portcullis_svid::Anchors;
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Value},
    limits::excerpt,
};

use crate::{
    code::GateCode,
    documents::{Ask, Document, Kind},
    origin::{Class, Origin, admit},
    policy::{KeySource, Limits},
    remote::{Remote, Taking, fits, weight},
};

/// Keys, and where they come from.
pub(crate) struct Keys {
    pub(crate) source: Source,
    pub(crate) set: Option<Rc<KeySet>>,
    /// Another number for other keys.
    pub(crate) generation: u64,
    digest: [u8; 32],
    pub(crate) bytes: usize,
}

pub(crate) enum Source {
    /// From the policy: never stale.
    Fixed,
    /// From the certificates that a token brings along.
    Certified(Rc<Anchors>),
    /// From a URL.
    Fetched(Remote),
    /// From metadata, which says where.
    Discovered {
        /// The places of the metadata, the preferred one first, and what each says.
        metadata: Vec<(Remote, Option<Remote>)>,
    },
}

impl Keys {
    pub(crate) fn new(source: &KeySource, generation: u64, limits: &Limits) -> Self {
        let remote = |url: &str, kind| Remote::new(url, Class::Policy, kind, limits.document);
        let (source, set) = match source {
            KeySource::Inline(set) => (Source::Fixed, Some(Rc::clone(set))),
            KeySource::Certified(anchors) => (Source::Certified(Rc::clone(anchors)), None),
            KeySource::Url(url) => (Source::Fetched(remote(url, Kind::Keys)), None),
            KeySource::Discovery(urls) => {
                let metadata = urls.iter().map(|url| (remote(url, Kind::Metadata), None)).collect();
                (Source::Discovered { metadata }, None)
            }
        };
        Self { source, set, generation, digest: [0; 32], bytes: 0 }
    }

    /// Keys of another server of Open Cloud Mesh, whom nobody vouches for.
    #[cfg(feature = "ocm")]
    pub(crate) fn of_peer(url: &str, generation: u64) -> Self {
        let remote = Remote::new(url, Class::Peer, Kind::Keys, crate::limits::MAX_PEER_DOCUMENT);
        Self { source: Source::Fetched(remote), set: None, generation, digest: [0; 32], bytes: 0 }
    }

    /// The document of the keys themselves, where it is known: of the metadata that were had, the preferred one whose keys
    /// were had, too; else the preferred one.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match &self.source {
            Source::Fixed | Source::Certified(_) => None,
            Source::Fetched(remote) => Some(remote),
            Source::Discovered { metadata } => {
                let known = || metadata.iter().filter_map(|(_, keys)| keys.as_ref());
                known().find(|keys| keys.timing.had_at().is_some()).or_else(|| known().next())
            }
        }
    }

    pub(crate) fn remotes(&mut self) -> Vec<&mut Remote> {
        match &mut self.source {
            Source::Fixed | Source::Certified(_) => Vec::new(),
            Source::Fetched(remote) => alloc::vec![remote],
            Source::Discovered { metadata } => {
                // Keys are fetched where the preferred metadata has them, and until they were had, where others do.
                let mut all = Vec::new();
                let mut had = false;
                for (own, keys) in metadata {
                    all.push(own);
                    if let (Some(keys), false) = (keys.as_mut(), had) {
                        had = keys.timing.had_at().is_some();
                        all.push(keys);
                    }
                }
                all
            }
        }
    }

    /// The keys, if they may be used at a time.
    ///
    /// Errors: `keys.unavailable`, `keys.stale`.
    pub(crate) fn fresh(&self, max_stale: u64, at: Timestamp) -> Result<Rc<KeySet>, Rejection> {
        let Some(set) = &self.set else {
            return Err(Rejection::new(GateCode::KeysUnavailable, "they were not fetched"));
        };
        match self.remote() {
            Some(remote) if remote.timing.age(at).is_none_or(|age| age > max_stale) => {
                Err(Rejection::new(GateCode::KeysStale, format!("fetched more than {max_stale} seconds ago")))
            }
            _ => Ok(Rc::clone(set)),
        }
    }

    /// A remote by its URL, to note that it was asked for.
    pub(crate) fn asked(&mut self, url: &str, at: Timestamp) {
        let meant = self.remotes().into_iter().filter(|remote| remote.need.url == url);
        // Who joins a fetch that is under way does not make it younger.
        for remote in meant.filter(|remote| remote.timing.ask(at) != Ask::Join) {
            remote.timing.asked(at);
        }
    }

    /// Why the keys could not be had when they were last tried: the document nearest to them knows best.
    pub(crate) fn fault(&self) -> Option<&Rejection> {
        match (&self.source, self.remote()) {
            (_, Some(remote)) => remote.fault.as_ref(),
            (Source::Discovered { metadata }, None) => metadata.iter().find_map(|(remote, _)| remote.fault.as_ref()),
            _ => None,
        }
    }

    /// Takes a document if it is one of these: metadata if it is this issuer's. The answer is nothing where it is not.
    pub(crate) fn provide(
        &mut self,
        document: &Document,
        issuer: &str,
        taking: &mut Taking<'_>,
    ) -> Option<Result<(), Rejection>> {
        let at = taking.at;
        let mut outcome = None;
        if let Source::Discovered { metadata } = &mut self.source {
            for (own, keys) in metadata.iter_mut().filter(|(own, _)| own.need.url == document.url) {
                let read = own.newer(document, at).and_then(|()| metadata_keys(document, own.need.most, issuer));
                let read = match read {
                    Err(older) if older.is(GateCode::DocumentOlder) => Err(older),
                    other => own.note(other, document.fetched_at, at),
                };
                let read = read.map(|(url, class)| {
                    if keys.as_ref().is_none_or(|keys| keys.need.url != url) {
                        let mut new = Remote::new(&url, class, Kind::Keys, own.need.most);
                        // Keys that moved are still good: they are used until their time, and looked for in the new place.
                        if let Some(old) = keys.take() {
                            new.timing = old.timing.moved();
                        }
                        *keys = Some(new);
                    }
                });
                outcome = Some(read);
            }
        }
        let Self { source, set, generation: own_generation, digest, bytes } = self;
        let remote = match source {
            Source::Fixed | Source::Certified(_) => None,
            Source::Fetched(remote) => Some(remote).filter(|remote| remote.need.url == document.url),
            Source::Discovered { metadata } => {
                // Keys of metadata that are less preferred than those that were had are not taken.
                let had = metadata
                    .iter()
                    .position(|(_, keys)| keys.as_ref().is_some_and(|keys| keys.timing.had_at().is_some()));
                let most = had.map_or(metadata.len(), |had| had + 1);
                let mut known = metadata.iter_mut().take(most).filter_map(|(_, keys)| keys.as_mut());
                known.find(|keys| keys.need.url == document.url)
            }
        };
        let Some(remote) = remote else { return outcome };
        if let Err(older) = remote.newer(document, at) {
            return Some(Err(older));
        }
        let read = document.content.body(remote.need.most).and_then(|body| {
            fits(body, taking.free.saturating_add(weight(*bytes)))?;
            Ok((body, KeySet::from_jwks(body, taking.backend)?))
        });
        Some(remote.note(read, document.fetched_at, at).map(|(body, read)| {
            let new = sha256(body);
            // The same bytes are the same keys: what verified with them stays known.
            if set.is_none() || *digest != new {
                *own_generation = taking.next_generation();
                *digest = new;
                *bytes = body.len();
                *set = Some(Rc::new(read));
            }
        }))
    }
}

/// Where an issuer's keys are, as its metadata says (RFC 8414 sections 2 and 3.3).
fn metadata_keys(document: &Document, most: usize, issuer: &str) -> Result<(String, Class), Rejection> {
    let body = document.content.body(most)?;
    let members = json::parse_object(body).map_err(|rejection| rejection.within("metadata"))?;
    let text = |name: &str| match members.get(name)? {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Rejection::new(GateCode::MetadataMalformed, format!("the metadata has no text {name}"))),
    };
    let own = text("issuer")?;
    if own != issuer {
        return Err(Rejection::new(
            GateCode::MetadataIssuer,
            format!("issuer is {}, not {}", excerpt(own), excerpt(issuer)),
        ));
    }
    let keys = text("jwks_uri")?;
    // On its own origin the operator's word covers it; elsewhere it is the issuer's word alone.
    let same_origin = Origin::of_url(keys).is_some() && Origin::of_url(keys) == Origin::of_url(issuer);
    let class = if same_origin { Class::Policy } else { Class::Credential };
    admit(keys, class, &[])?;
    Ok((keys.clone(), class))
}
