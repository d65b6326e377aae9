//! Finding the way from a leaf to an authority of its trust domain's bundle.
//!
//! RFC 5280 validates a path that is given and leaves open how it is found. What a peer sends is taken as a heap: in any
//! order, with certificates that do not belong to the path, with cross-signed ones that offer several ways (RFC 4158). The
//! first way on which everything holds is taken. If there is none, the refusal is that of the first way that led to an
//! authority; if no way did, that of the place where the longest one broke off.

use alloc::{format, rc::Rc, vec::Vec};

use portcullis_crypto::{Backend, CryptoCode, Key, Origin};
use portcullis_types::{Rejection, Timestamp, limits::excerpt};

use crate::{
    Bundle, BundleSet, SvidCode, TrustDomain, bundle::Authority, certificate::Certificate, distinguished_name,
    name_constraints::Comparisons, path_validation,
};

/// Most signatures verified for one chain. An honest chain of ten with some authorities of the same name needs about
/// twenty; certificates made to point at each other could ask for any number. The bound is that of rustls-webpki.
pub(crate) const MAX_SIGNATURES: usize = 100;

/// The path that was found, for people.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// How many certificates of the chain lie on it, the leaf included.
    pub(crate) length: usize,
    /// Where it ends.
    pub(crate) authority: &'a Certificate,
}

/// Finds and validates a path from the first certificate of a chain to an authority of the trust domain's own bundle, and
/// of no other (X509-SVID section 5.1).
///
/// Errors: `svid.trust_domain_unknown`, `bundle.no_x509_authority`, those of [`path_validation::check`], and where no way
/// leads to an authority `svid.*`, `key.*`, `crypto.*`.
pub(crate) fn find<'a>(
    chain: &'a [Certificate],
    trust_domain: &TrustDomain,
    bundles: &'a BundleSet,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
) -> Result<Found<'a>, Rejection> {
    let bundle = bundles.of(trust_domain)?;
    let keys: Vec<_> = chain.iter().map(|certificate| carried_key(certificate, backend)).collect();
    let mut search = Search {
        chain,
        keys: &keys,
        authorities: bundle.x509_authorities()?,
        at,
        signatures: MAX_SIGNATURES,
        comparisons: Comparisons::default(),
        way: Vec::new(),
        broken: None,
        refused: None,
    };
    if let Some(found) = search.go_on(0)? {
        return Ok(found);
    }
    match (search.refused.take(), search.broken.take()) {
        (Some(refused), _) => Err(refused),
        (None, Some(broken)) => Err(search.explain(broken, bundle, trust_domain, bundles)),
        // Whatever is not found was refused or broke off, unless there was nothing to begin with.
        (None, None) => Err(Rejection::new(SvidCode::ChainEmpty, "there is no certificate")),
    }
}

fn carried_key(certificate: &Certificate, backend: &Rc<dyn Backend>) -> Result<Key, Rejection> {
    certificate.key.clone().map(|public| Key::from_public_key(public, Origin::Carried, backend))
}

struct Search<'a, 'k> {
    chain: &'a [Certificate],
    /// The chain's keys, in its order.
    keys: &'k [Result<Key, Rejection>],
    authorities: &'a [Authority],
    at: Timestamp,
    /// How many signatures may still be verified.
    signatures: usize,
    /// How many names may still be compared with constraints.
    comparisons: Comparisons,
    /// The certificates on the way, the leaf first, as places in the chain. None stands there twice, so that the way, and
    /// with it the recursion, is no longer than the chain.
    way: Vec<usize>,
    /// Where the longest way broke off.
    broken: Option<Break>,
    /// Why the first way that led to an authority was refused.
    refused: Option<Rejection>,
}

/// A certificate whose issuer was not found.
struct Break {
    /// Its place in the chain.
    last: usize,
    /// How many certificates lie on the way to it, itself included.
    length: usize,
    /// Why a certificate of the issuer's name is not the issuer; nothing where there is none of that name.
    reason: Option<Rejection>,
}

impl<'a> Search<'a, '_> {
    /// Goes on from one certificate of the chain to its issuers, authorities first. Errors are those that end the search:
    /// no answer from the backend, or too much work.
    fn go_on(&mut self, place: usize) -> Result<Option<Found<'a>>, Rejection> {
        let (chain, keys, authorities) = (self.chain, self.keys, self.authorities);
        let Some(child) = chain.get(place) else {
            return Ok(None);
        };
        self.way.push(place);
        let mut linked = false;
        let mut reason = None;
        let issuers = authorities.iter().map(|authority| (&authority.certificate, &authority.key));
        for (_, certificate, key) in named_issuers(child, issuers) {
            match self.verify(child, key)? {
                Err(rejection) => reason = reason.or(Some(rejection)),
                Ok(()) => {
                    linked = true;
                    if let Some(found) = self.arrive(certificate)? {
                        return Ok(Some(found));
                    }
                }
            }
        }
        for (next, _, key) in named_issuers(child, chain.iter().zip(keys)) {
            if self.way.contains(&next) {
                continue;
            }
            match self.verify(child, key)? {
                Err(rejection) => reason = reason.or(Some(rejection)),
                Ok(()) => {
                    linked = true;
                    if let Some(found) = self.go_on(next)? {
                        return Ok(Some(found));
                    }
                }
            }
        }
        let length = self.way.len();
        if !linked && self.broken.as_ref().is_none_or(|broken| broken.length < length) {
            self.broken = Some(Break { last: place, length, reason });
        }
        self.way.pop();
        Ok(None)
    }

    /// Verifies a certificate's signature with a key that may be its issuer's. The outer error ends the search.
    fn verify(
        &mut self,
        child: &Certificate,
        key: &Result<Key, Rejection>,
    ) -> Result<Result<(), Rejection>, Rejection> {
        let key = match key {
            Ok(key) => key,
            Err(rejection) => return Ok(Err(rejection.clone())),
        };
        self.signatures = self.signatures.checked_sub(1).ok_or_else(|| {
            Rejection::new(SvidCode::TooManySignatures, format!("more than {MAX_SIGNATURES} signatures to verify"))
        })?;
        match child.verify_signature(key) {
            // Nobody knows whether this was the way.
            Err(failed) if failed.is(CryptoCode::BackendFailed) => Err(failed),
            verified => Ok(verified),
        }
    }

    /// Validates the way that led to an authority.
    fn arrive(&mut self, authority: &'a Certificate) -> Result<Option<Found<'a>>, Rejection> {
        let chain = self.chain;
        let path: Vec<&Certificate> = self.way.iter().filter_map(|place| chain.get(*place)).collect();
        match path_validation::check(&path, authority, self.at, &mut self.comparisons) {
            Ok(()) => Ok(Some(Found { length: path.len(), authority })),
            Err(enough) if enough.is(SvidCode::TooManyNameComparisons) => Err(enough),
            Err(rejection) => {
                self.refused.get_or_insert(rejection);
                Ok(None)
            }
        }
    }

    /// Why no way led to an authority, as exactly as can be said.
    fn explain(
        &mut self,
        broken: Break,
        bundle: &Bundle,
        trust_domain: &TrustDomain,
        bundles: &BundleSet,
    ) -> Rejection {
        let chain = self.chain;
        let Some(last) = chain.get(broken.last) else {
            return Rejection::new(SvidCode::ChainEmpty, "there is no certificate");
        };
        if let Some(other) = self.issued_elsewhere(last, trust_domain, bundles) {
            return Rejection::new(
                SvidCode::AuthorityOfOtherTrustDomain,
                format!("the chain ends below an authority of {other}, and the SPIFFE ID is one of {trust_domain}"),
            );
        }
        if let Some(reason) = broken.reason {
            return reason.within(&last.title());
        }
        let issuer = excerpt(&distinguished_name::told(&last.issuer));
        if bundle.ignores(&last.issuer) {
            Rejection::new(
                SvidCode::AuthorityNotFirst,
                format!(
                    "{issuer} stands in the bundle behind the first certificate of an x5c, where it does not count"
                ),
            )
        } else if broken.length < chain.len() {
            Rejection::new(
                SvidCode::IssuerUnknown,
                format!("{issuer}, the issuer of {}, is neither in the chain nor in the bundle", last.title()),
            )
        } else if chain.len() == 1 {
            Rejection::new(
                SvidCode::ChainIncomplete,
                format!("{issuer} issued the leaf, is not in the bundle, and no intermediate came along"),
            )
        } else {
            Rejection::new(
                SvidCode::AuthorityUnknown,
                format!("the chain ends below {issuer}, which is not in the bundle of {trust_domain}"),
            )
        }
    }

    /// Another trust domain whose authority issued a certificate. It is looked for to give the reason, and vouches for
    /// nothing; where that would take too much work, or the backend does not answer, it is not found.
    fn issued_elsewhere<'b>(
        &mut self,
        certificate: &Certificate,
        trust_domain: &TrustDomain,
        bundles: &'b BundleSet,
    ) -> Option<&'b TrustDomain> {
        for (other, bundle) in bundles.others(trust_domain) {
            let authorities = bundle.x509_authorities().unwrap_or_default();
            let issuers = authorities.iter().map(|authority| (&authority.certificate, &authority.key));
            for (_, _, key) in named_issuers(certificate, issuers) {
                if self.verify(certificate, key).ok()?.is_ok() {
                    return Some(other);
                }
            }
        }
        None
    }
}

/// The certificates that bear the name of a certificate's issuer (RFC 5280 section 6.1.3 (a)(4)), with their places. Names
/// are the same if their encodings are. Those whose key identifier is the one the certificate asks for come first, those
/// that have another one last (section 4.2.1.1): authorities of one trust domain often share a name.
fn named_issuers<'c, 'k>(
    child: &Certificate,
    certificates: impl Iterator<Item = (&'c Certificate, &'k Result<Key, Rejection>)>,
) -> Vec<(usize, &'c Certificate, &'k Result<Key, Rejection>)> {
    let mut found: Vec<_> = certificates
        .enumerate()
        .map(|(place, (certificate, key))| (place, certificate, key))
        .filter(|(_, certificate, _)| certificate.subject == child.issuer)
        .collect();
    let wanted = child.extensions.authority_key_id.as_deref();
    found.sort_by_key(|(_, certificate, _)| match (wanted, certificate.extensions.subject_key_id.as_deref()) {
        (Some(wanted), Some(id)) if wanted == id => 0,
        (Some(_), Some(_)) => 2,
        _ => 1,
    });
    found
}
