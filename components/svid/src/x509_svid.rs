//! X.509-SVIDs (X509-SVID, stable): a certificate that says which workload its holder is.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Silent, Trace, check},
};

use crate::{BundleSet, SpiffeId, SvidCode, certificate::Certificate, leaf, path_building, path_validation};

/// Most certificates in a chain, the leaf included (`docs/limits.md`). Deployments have two to four.
pub const MAX_CHAIN: usize = 10;

/// An X.509-SVID that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedX509Svid {
    /// Who the holder of the leaf's key is.
    pub spiffe_id: SpiffeId,
    /// From when the leaf is valid, in seconds since 1970, inclusive.
    pub not_before: Timestamp,
    /// Until when the leaf is valid, in seconds since 1970, inclusive.
    pub not_after: Timestamp,
    /// RFC 7638 thumbprint of the leaf's key.
    pub thumbprint: [u8; 32],
}

/// Verifies a chain of certificates in DER, the leaf first, at a time: the form of each, the leaf as X509-SVID has it, and
/// a path to the bundle of the leaf's own trust domain. The rest of the chain may be in any order.
///
/// Whoever presents a certificate has proved nothing by it: that they hold its key is for TLS to see to.
///
/// Errors: `svid.*`, `spiffe.*`, `bundle.no_x509_authority`, `key.*`, `crypto.*`.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::SoftwareBackend;
/// use portcullis_svid::{BundleSet, x509_svid};
///
/// let backend = Rc::new(SoftwareBackend::default()) as _;
/// let chain = [b"no certificate"];
/// let refused = x509_svid::parse_and_verify(&chain, &BundleSet::new(), &backend, 1_790_000_000).unwrap_err();
/// assert_eq!(refused.code(), "svid.certificate_malformed");
/// ```
pub fn parse_and_verify(
    chain: &[impl AsRef<[u8]>],
    bundles: &BundleSet,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
) -> Result<VerifiedX509Svid, Rejection> {
    verify(chain, bundles, backend, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    chain: &[impl AsRef<[u8]>],
    bundles: &BundleSet,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedX509Svid, Rejection> {
    let chain =
        check(trace, "form", "RFC 5280 section 4", parse(chain), |chain| format!("{} certificates", chain.len()))?;
    let empty = || Rejection::new(SvidCode::ChainEmpty, "there is no certificate");
    let (leaf, rest) = chain.split_first().ok_or_else(empty)?;
    check(trace, "leaf", "X509-SVID section 5.2", leaf::check_is_leaf(leaf, rest), |()| "cA is not set".into())?;
    let spiffe_id = check(trace, "SPIFFE ID", "X509-SVID section 2", leaf::spiffe_id(leaf), |id| format!("{id}"))?;
    check(trace, "key usage", "X509-SVID section 4.3", leaf::check_key_usage(leaf), |()| "digitalSignature".into())?;
    let purposes = leaf::check_extended_key_usage(leaf);
    check(trace, "extended key usage", "X509-SVID section 4.4", purposes, |()| {
        let limited = leaf.extensions.extended_key_usage.is_some();
        if limited { "TLS servers and clients".into() } else { "not limited".into() }
    })?;
    let key = check(trace, "key", "docs/limits.md", leaf.key.as_ref().map_err(Clone::clone), |key| key.kind())?;
    let trust_domain = spiffe_id.trust_domain();
    let bundle = bundles.of(trust_domain);
    check(trace, "trust domain", "SPIFFE-ID section 3.1", bundle, |_| String::from(trust_domain.as_str()))?;
    let found = path_building::find(&chain, trust_domain, bundles, backend, at);
    check(trace, "path", "RFC 5280 section 6.1", found, |found| {
        format!("{} certificates below {}", found.length, found.authority.title())
    })?;
    Ok(VerifiedX509Svid {
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        thumbprint: key.thumbprint(),
        spiffe_id,
    })
}

/// Judges a leaf whose path somebody else validated: its form, its SPIFFE ID, what its key may do, and that this is its
/// time. For a relying party that has decided to believe a proxy; whoever does not wants [`verify`].
///
/// Errors: `svid.*` but for paths, `spiffe.*`, `key.*`.
pub fn verify_leaf(leaf: &[u8], at: Timestamp, trace: &mut dyn Trace) -> Result<VerifiedX509Svid, Rejection> {
    let leaf = check(trace, "form", "RFC 5280 section 4", Certificate::parse(leaf), |_| "one certificate".into())?;
    check(trace, "leaf", "X509-SVID section 5.2", leaf::check_is_leaf(&leaf, &[]), |()| "cA is not set".into())?;
    let spiffe_id = check(trace, "SPIFFE ID", "X509-SVID section 2", leaf::spiffe_id(&leaf), |id| format!("{id}"))?;
    let usage = leaf::check_key_usage(&leaf).and_then(|()| leaf::check_extended_key_usage(&leaf));
    check(trace, "key usage", "X509-SVID sections 4.3 and 4.4", usage, |()| "digitalSignature".into())?;
    let key = check(trace, "key", "docs/limits.md", leaf.key.as_ref().map_err(Clone::clone), |key| key.kind())?;
    let time = path_validation::check_time(&leaf, at);
    check(trace, "time", "RFC 5280 section 6.1.3", time, |()| format!("valid until {}", leaf.not_after))?;
    Ok(VerifiedX509Svid {
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        thumbprint: key.thumbprint(),
        spiffe_id,
    })
}

/// The SPIFFE ID that a leaf claims, nothing of it verified: to find out whose bundle it is for.
///
/// Errors: those of the form, and of the ID.
pub fn inspect_untrusted_id(leaf: &[u8]) -> Result<SpiffeId, Rejection> {
    leaf::spiffe_id(&Certificate::parse(leaf)?)
}

/// Takes every certificate of a chain apart.
///
/// Errors: `svid.chain_empty`, `svid.chain_too_long`, `svid.certificate_*`, `svid.extension_*`.
pub(crate) fn parse(chain: &[impl AsRef<[u8]>]) -> Result<Vec<Certificate>, Rejection> {
    if chain.is_empty() {
        return Err(Rejection::new(SvidCode::ChainEmpty, "there is no certificate"));
    }
    if chain.len() > MAX_CHAIN {
        return Err(Rejection::new(
            SvidCode::ChainTooLong,
            format!("{} certificates, at most {MAX_CHAIN} are read", chain.len()),
        ));
    }
    let numbered = chain.iter().enumerate();
    numbered
        .map(|(place, der)| {
            let place = format!("certificate {}", place + 1);
            Certificate::parse(der.as_ref()).map_err(|rejection| rejection.within(&place))
        })
        .collect()
}
