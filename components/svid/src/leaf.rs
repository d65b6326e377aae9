//! What a leaf certificate has to be (X509-SVID sections 2 to 5), apart from its path.

use alloc::format;

use portcullis_types::Rejection;
use x509_cert::der::asn1::ObjectIdentifier;

use crate::{SpiffeId, SvidCode, certificate::Certificate};

/// RFC 5280 section 4.2.1.12
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// It is a leaf, which alone may identify anybody (sections 3.1, 4.1 and 5.2): `cA` is not set. Basic constraints that are
/// absent do not set it (RFC 5280 section 4.2.1.9). The code tells what it is instead.
///
/// Errors: `svid.leaf_not_first`, `svid.leaf_signing_certificate`, `svid.leaf_ca`.
pub(crate) fn check_is_leaf(leaf: &Certificate, rest: &[Certificate]) -> Result<(), Rejection> {
    let extensions = &leaf.extensions;
    if extensions.basic_constraints.as_ref().is_none_or(|constraints| !constraints.ca) {
        return Ok(());
    }
    let issued = |other: &&Certificate| other.issuer == leaf.subject && other.subject != leaf.subject;
    if let Some(other) = rest.iter().find(issued) {
        return Err(Rejection::new(
            SvidCode::LeafNotFirst,
            format!("{} is a CA's, and {} names it as its issuer: the leaf comes first", leaf.title(), other.title()),
        ));
    }
    if extensions.key_usage.as_ref().is_some_and(|usage| usage.key_cert_sign()) {
        return Err(Rejection::new(
            SvidCode::LeafSigning,
            format!("{} is a signing certificate, which authenticates nobody", leaf.title()),
        ));
    }
    Err(Rejection::new(SvidCode::LeafCa, format!("{} has cA set", leaf.title())))
}

/// Its SPIFFE ID: the one URI among its names (section 2), with a path (section 3.1).
///
/// Errors: `svid.names_missing`, `svid.uri_missing`, `svid.uri_repeated`, `svid.names_not_critical`, `spiffe.*`,
/// `svid.path_missing`.
pub(crate) fn spiffe_id(leaf: &Certificate) -> Result<SpiffeId, Rejection> {
    let Some(names) = &leaf.extensions.names else {
        return Err(Rejection::new(SvidCode::LeafNamesMissing, "there is no subject alternative name"));
    };
    let mut uris = leaf.uris();
    let Some(uri) = uris.next() else {
        return Err(Rejection::new(SvidCode::LeafUriMissing, format!("{} names, none a URI", names.names.len())));
    };
    if uris.next().is_some() {
        return Err(Rejection::new(SvidCode::LeafUriRepeated, "there is more than one URI among the names"));
    }
    if leaf.subject.is_empty() && !names.critical {
        return Err(Rejection::new(
            SvidCode::LeafNamesNotCritical,
            "there is no subject, and the subject alternative name is not critical",
        ));
    }
    let id = SpiffeId::parse(uri)?;
    if id.path().is_empty() {
        return Err(Rejection::new(SvidCode::LeafPathMissing, format!("{id} is the ID of a trust domain")));
    }
    Ok(id)
}

/// What its key may do (sections 4.3 and 5.2): sign, and neither certificates nor revocation lists. That the extension is
/// marked critical is for its issuer to see to; it is processed either way.
///
/// Errors: `svid.key_usage_missing`, `svid.key_cert_sign`, `svid.crl_sign`, `svid.digital_signature_missing`.
pub(crate) fn check_key_usage(leaf: &Certificate) -> Result<(), Rejection> {
    let Some(usage) = &leaf.extensions.key_usage else {
        return Err(Rejection::new(SvidCode::LeafKeyUsageMissing, "there is no key usage"));
    };
    if usage.key_cert_sign() {
        return Err(Rejection::new(SvidCode::LeafKeyCertSign, "the key may sign certificates"));
    }
    if usage.crl_sign() {
        return Err(Rejection::new(SvidCode::LeafCrlSign, "the key may sign revocation lists"));
    }
    if !usage.digital_signature() {
        return Err(Rejection::new(SvidCode::LeafDigitalSignatureMissing, "the key may not sign"));
    }
    Ok(())
}

/// Its purposes, if it limits them, include both ends of a TLS connection (section 4.4). An SVID serves as either.
///
/// Error: `svid.extended_key_usage`.
pub(crate) fn check_extended_key_usage(leaf: &Certificate) -> Result<(), Rejection> {
    let Some(purposes) = &leaf.extensions.extended_key_usage else {
        return Ok(());
    };
    for (purpose, name) in [(SERVER_AUTH, "TLS servers"), (CLIENT_AUTH, "TLS clients")] {
        if !purposes.contains(&purpose) {
            return Err(Rejection::new(SvidCode::LeafExtendedKeyUsage, format!("the key is not for {name}")));
        }
    }
    Ok(())
}
