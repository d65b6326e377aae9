//! One certificate, taken apart strictly (RFC 5280 section 4). Nothing of it is trusted yet.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::{
    PublicKey,
    spki::{self, MAX_CERTIFICATE},
};
use portcullis_types::{Rejection, Timestamp, limits::excerpt};
use x509_cert::{
    certificate::{CertificateInner, Raw, TbsCertificateInner, Version},
    der::{
        self, Decode, Encode, ErrorKind, Header, Reader, SliceReader,
        asn1::{BitString, ObjectIdentifier},
        oid::AssociatedOid,
    },
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
            SubjectKeyIdentifier, name::GeneralName,
        },
    },
    name::Name,
    spki::AlgorithmIdentifierOwned,
};

use crate::{SvidCode, distinguished_name};

/// A certificate whose form is right.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// What the signature covers, as it arrived.
    pub(crate) signed: Vec<u8>,
    /// The signature's algorithm, the same inside and outside.
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: BitString,
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    /// Seconds since 1970, inclusive.
    pub(crate) not_before: Timestamp,
    /// Seconds since 1970, inclusive.
    pub(crate) not_after: Timestamp,
    /// The subject's key, or why it is none that is used here. Only who needs the key is refused for it.
    pub(crate) key: Result<PublicKey, Rejection>,
    pub(crate) extensions: Extensions,
}

/// The extensions that are understood, and those that are not and are critical.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<Vec<ObjectIdentifier>>,
    pub(crate) names: Option<AlternativeNames>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) unknown_critical: Vec<ObjectIdentifier>,
}

/// The subject alternative names.
#[derive(Debug)]
pub(crate) struct AlternativeNames {
    pub(crate) critical: bool,
    pub(crate) names: Vec<GeneralName>,
}

impl Certificate {
    /// Takes a certificate apart.
    ///
    /// Errors: `svid.certificate_*`, `svid.extension_repeated`, `svid.extension_malformed`.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, Rejection> {
        if der.len() > MAX_CERTIFICATE {
            return Err(Rejection::new(
                SvidCode::CertificateTooLarge,
                format!("{} bytes, at most {MAX_CERTIFICATE} are read", der.len()),
            ));
        }
        let malformed = |error: der::Error| match error.kind() {
            ErrorKind::TrailingData { .. } => {
                Rejection::new(SvidCode::CertificateTrailing, format!("something follows the certificate: {error}"))
            }
            _ => Rejection::new(SvidCode::CertificateMalformed, format!("not X.509 in DER: {error}")),
        };
        let parsed = CertificateInner::<Raw>::from_der(der).map_err(malformed)?;
        let signed = signed_part(der).map_err(malformed)?;
        let tbs = parsed.tbs_certificate();
        if tbs.version() != Version::V3 {
            return Err(Rejection::new(SvidCode::CertificateVersion, "the certificate is not of version 3"));
        }
        if tbs.signature() != parsed.signature_algorithm() {
            return Err(Rejection::new(
                SvidCode::CertificateAlgorithmDiffers,
                format!("{} inside, {} outside", tbs.signature().oid, parsed.signature_algorithm().oid),
            ));
        }
        let validity = tbs.validity();
        Ok(Self {
            signed,
            algorithm: parsed.signature_algorithm().clone(),
            signature: parsed.signature().clone(),
            issuer: tbs.issuer().clone(),
            subject: tbs.subject().clone(),
            not_before: validity.not_before.to_unix_duration().as_secs(),
            not_after: validity.not_after.to_unix_duration().as_secs(),
            key: public_key(tbs),
            extensions: Extensions::parse(tbs.extensions().map_or(&[], Vec::as_slice))?,
        })
    }

    /// Whether it names itself as its issuer (RFC 5280 section 3.2: self-issued).
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The URIs among its names.
    pub(crate) fn uris(&self) -> impl Iterator<Item = &str> {
        let names = self.extensions.names.as_ref().map_or(&[][..], |names| &names.names);
        names.iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    /// The subject for details: what a certificate says of itself, shortened and escaped.
    pub(crate) fn title(&self) -> String {
        if self.subject.is_empty() {
            return "a certificate without a subject".into();
        }
        excerpt(&distinguished_name::told(&self.subject))
    }
}

/// The first element of the outer sequence with its header: exactly the bytes that were signed.
fn signed_part(der: &[u8]) -> der::Result<Vec<u8>> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    Ok(reader.tlv_bytes()?.to_vec())
}

fn public_key(tbs: &TbsCertificateInner<Raw>) -> Result<PublicKey, Rejection> {
    match tbs.subject_public_key_info().to_der() {
        Ok(info) => spki::decode(&info),
        Err(error) => Err(Rejection::new(SvidCode::CertificateMalformed, format!("its key does not encode: {error}"))),
    }
}

impl Extensions {
    /// Reads the extensions (RFC 5280 section 4.2.1) that path validation and X509-SVID speak of. What is not critical and
    /// not among them is passed over.
    fn parse(list: &[Extension]) -> Result<Self, Rejection> {
        let mut found = Self::default();
        // Sorted, because a certificate of 64 KiB has room for thousands.
        let mut oids: Vec<_> = list.iter().map(|extension| extension.extn_id).collect();
        oids.sort_unstable();
        if let Some([oid, _]) = oids.array_windows().find(|[one, next]| one == next) {
            return Err(Rejection::new(SvidCode::ExtensionRepeated, format!("the extension {oid} occurs twice")));
        }
        for extension in list {
            let oid = extension.extn_id;
            match oid {
                BasicConstraints::OID => found.basic_constraints = Some(read(extension)?),
                KeyUsage::OID => found.key_usage = Some(read(extension)?),
                ExtendedKeyUsage::OID => found.extended_key_usage = Some(read::<ExtendedKeyUsage>(extension)?.0),
                SubjectAltName::OID => {
                    let names = read::<SubjectAltName>(extension)?.0;
                    found.names = Some(AlternativeNames { critical: extension.critical, names });
                }
                NameConstraints::OID => found.name_constraints = Some(read(extension)?),
                SubjectKeyIdentifier::OID => {
                    found.subject_key_id = Some(read::<SubjectKeyIdentifier>(extension)?.0.as_bytes().into());
                }
                AuthorityKeyIdentifier::OID => {
                    let id = read::<AuthorityKeyIdentifier>(extension)?.key_identifier;
                    found.authority_key_id = id.map(|id| id.as_bytes().into());
                }
                _ if extension.critical => found.unknown_critical.push(oid),
                _ => {}
            }
        }
        Ok(found)
    }
}

fn read<'a, T: Decode<'a>>(extension: &'a Extension) -> Result<T, Rejection>
where
    T::Error: core::fmt::Display,
{
    T::from_der(extension.extn_value.as_bytes()).map_err(|error| {
        Rejection::new(SvidCode::ExtensionMalformed, format!("the extension {}: {error}", extension.extn_id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::authority;

    #[test]
    fn what_is_signed_is_taken_as_it_arrived() {
        let der = authority();
        let certificate = Certificate::parse(&der).unwrap();
        // The outer header has four bytes, and the part that is signed begins right behind it.
        assert!(der[4..].starts_with(&certificate.signed));
        assert_eq!(certificate.signed.to_vec(), der[4..4 + certificate.signed.len()]);
        assert!(certificate.is_self_issued());
    }

    #[test]
    fn size_is_judged_before_anything_is_read() {
        let code = |length: usize| Certificate::parse(&std::vec![0x30; length]).unwrap_err().code();
        assert_eq!(code(MAX_CERTIFICATE), "svid.certificate_malformed");
        assert_eq!(code(MAX_CERTIFICATE + 1), "svid.certificate_too_large");
    }
}
