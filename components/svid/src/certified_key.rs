//! Keys that certificates vouch for: a chain below configured anchors, whose leaf is for a purpose. For signatures that are
//! no SVID's, as those of status lists (draft-ietf-oauth-status-list-21 section 10).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Backend, KeySet};
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Trace, check},
};
use x509_cert::der::asn1::ObjectIdentifier;

use crate::{Bundle, BundleSet, SvidCode, TrustDomain, leaf, path_building, pem, x509_svid};

/// Certificates that are trusted to vouch for keys of one purpose.
#[derive(Debug)]
pub struct Anchors {
    /// Under a name that no trust domain has a certificate of: paths are built as for SVIDs.
    set: BundleSet,
    name: TrustDomain,
    purpose: ObjectIdentifier,
}

impl Anchors {
    /// Reads anchors in PEM, and the purpose (an extended key usage, as numbers with dots) that leaves below them have to
    /// have.
    ///
    /// Errors: `svid.purpose_malformed`, `svid.pem_*`, `svid.certificate_*`.
    pub fn from_pem(text: &str, purpose: &str, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let purpose = ObjectIdentifier::new(purpose).map_err(|_| {
            Rejection::new(SvidCode::PurposeMalformed, "a purpose is an object identifier: numbers with dots between")
        })?;
        let bundle = Bundle::from_certificates(&pem::decode_chain(text)?, backend)?;
        let name = TrustDomain::parse("anchors")?;
        let mut set = BundleSet::new();
        set.put(name.clone(), bundle)?;
        Ok(Self { set, name, purpose })
    }

    /// The key of a chain's leaf in DER, once everything of it holds: the form of each certificate, that the leaf is no
    /// authority, may sign, and is for the purpose, and a path to an anchor at a time.
    ///
    /// Errors: `svid.*`, `key.*`, `crypto.*`.
    pub fn key_set(
        &self,
        chain: &[impl AsRef<[u8]>],
        backend: &Rc<dyn Backend>,
        at: Timestamp,
        trace: &mut dyn Trace,
    ) -> Result<KeySet, Rejection> {
        let parsed = x509_svid::parse(chain);
        let parsed = check(trace, "certificates", "RFC 5280 section 4", parsed, |chain| format!("{}", chain.len()))?;
        let empty = || Rejection::new(SvidCode::ChainEmpty, "there is no certificate");
        let (leaf, rest) = parsed.split_first().ok_or_else(empty)?;
        let usage = leaf::check_is_leaf(leaf, rest).and_then(|()| leaf::check_key_usage(leaf));
        check(trace, "key usage", "RFC 5280 section 4.2.1.3", usage, |()| "digitalSignature".into())?;
        let purposes = leaf.extensions.extended_key_usage.as_ref();
        let purpose = match purposes.is_some_and(|purposes| purposes.contains(&self.purpose)) {
            true => Ok(()),
            false => {
                Err(Rejection::new(SvidCode::PurposeMissing, format!("{} is not for {}", leaf.title(), self.purpose)))
            }
        };
        check(trace, "purpose", "RFC 5280 section 4.2.1.12", purpose, |()| format!("{}", self.purpose))?;
        let found = path_building::find(&parsed, &self.name, &self.set, backend, at);
        check(trace, "path", "RFC 5280 section 6.1", found, |found| {
            let length = found.length;
            let title: String = found.authority.title();
            format!("{length} certificates below {title}")
        })?;
        let first: Vec<u8> = chain.first().map(|der| der.as_ref().to_vec()).unwrap_or_default();
        KeySet::from_certificate(&first, None, backend)
    }
}
