//! What certificates say of themselves, for people to look at.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::{Rejection, Timestamp};
use x509_cert::{
    der::asn1::ObjectIdentifier,
    ext::pkix::{KeyUsages, name::GeneralName},
    name::Name,
};

use crate::{certificate::Certificate, distinguished_name, x509_svid};

/// What one certificate says of itself, none of it verified. Texts come as they stand in the certificate, apart from
/// control characters, which are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDescription {
    /// The subject in the form of RFC 4514; may be empty.
    pub subject: String,
    /// The issuer in the form of RFC 4514.
    pub issuer: String,
    /// Whether it names itself as its issuer.
    pub self_issued: bool,
    /// The URIs among its names.
    pub uris: Vec<String>,
    /// The DNS names among its names.
    pub dns_names: Vec<String>,
    /// From when it is valid, in seconds since 1970, inclusive.
    pub not_before: Timestamp,
    /// Until when it is valid, in seconds since 1970, inclusive.
    pub not_after: Timestamp,
    /// Whether `cA` is set.
    pub is_ca: bool,
    /// How many intermediates may follow, where that is limited.
    pub path_length: Option<u32>,
    /// The type and size of its key, or why it is none that is used here.
    pub key: Result<String, Rejection>,
    /// What its key may be used for, by the names of RFC 5280 section 4.2.1.3; nothing where it does not say.
    pub key_usages: Option<Vec<&'static str>>,
    /// The purposes its key is limited to, by name where it is known, else as numbers; nothing where it does not say.
    pub purposes: Option<Vec<String>>,
    /// The signature's algorithm, by name where it is known, else as numbers.
    pub signature_algorithm: String,
    /// Critical extensions that are not understood, as numbers.
    pub unknown_critical: Vec<String>,
}

/// Takes a chain apart without verifying anything: for people to look at, never to decide by.
///
/// Errors: those of the form, `svid.chain_*`, `svid.certificate_*`, `svid.extension_*`.
pub fn inspect_untrusted_chain(chain: &[impl AsRef<[u8]>]) -> Result<Vec<CertificateDescription>, Rejection> {
    Ok(x509_svid::parse(chain)?.iter().map(describe).collect())
}

fn describe(certificate: &Certificate) -> CertificateDescription {
    let extensions = &certificate.extensions;
    let names = extensions.names.as_ref().map_or(&[][..], |names| &names.names);
    let constraints = extensions.basic_constraints.as_ref();
    CertificateDescription {
        subject: name(&certificate.subject),
        issuer: name(&certificate.issuer),
        self_issued: certificate.is_self_issued(),
        uris: certificate.uris().map(printable).collect(),
        dns_names: names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(printable(name.as_str())),
                _ => None,
            })
            .collect(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        is_ca: constraints.is_some_and(|constraints| constraints.ca),
        path_length: constraints.and_then(|constraints| constraints.path_len_constraint).map(Into::into),
        key: certificate.key.as_ref().map(|key| key.kind()).map_err(Clone::clone),
        key_usages: extensions.key_usage.as_ref().map(|usage| usage.0.into_iter().map(key_usage).collect()),
        purposes: extensions.extended_key_usage.as_ref().map(|purposes| purposes.iter().map(named).collect()),
        signature_algorithm: named(&certificate.algorithm.oid),
        unknown_critical: extensions.unknown_critical.iter().map(ToString::to_string).collect(),
    }
}

fn name(name: &Name) -> String {
    printable(&distinguished_name::told(name))
}

/// Nothing that a terminal would obey.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Purposes (RFC 5280 section 4.2.1.12) and signature algorithms (RFC 5758, RFC 8017
/// appendix C, RFC 8410) that are met. The crate's own database has hundreds, and a page would have to load them.
const NAMES: [(ObjectIdentifier, &str); 18] = [
    (ObjectIdentifier::new_unwrap("2.5.29.37.0"), "anyExtendedKeyUsage"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"), "id-kp-serverAuth"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"), "id-kp-clientAuth"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"), "id-kp-codeSigning"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"), "id-kp-emailProtection"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"), "id-kp-timeStamping"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"), "id-kp-OCSPSigning"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"), "ecdsa-with-SHA224"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), "ecdsa-with-SHA256"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), "ecdsa-with-SHA384"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), "ecdsa-with-SHA512"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "sha1WithRSAEncryption"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "id-RSASSA-PSS"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), "sha256WithRSAEncryption"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), "sha384WithRSAEncryption"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), "sha512WithRSAEncryption"),
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "id-Ed25519"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "id-Ed448"),
];

fn named(oid: &ObjectIdentifier) -> String {
    let known = NAMES.iter().find(|(known, _)| known == oid);
    known.map_or_else(|| oid.to_string(), |(_, name)| (*name).into())
}

/// The names of RFC 5280 section 4.2.1.3.
fn key_usage(usage: KeyUsages) -> &'static str {
    match usage {
        KeyUsages::DigitalSignature => "digitalSignature",
        KeyUsages::NonRepudiation => "nonRepudiation",
        KeyUsages::KeyEncipherment => "keyEncipherment",
        KeyUsages::DataEncipherment => "dataEncipherment",
        KeyUsages::KeyAgreement => "keyAgreement",
        KeyUsages::KeyCertSign => "keyCertSign",
        KeyUsages::CRLSign => "cRLSign",
        KeyUsages::EncipherOnly => "encipherOnly",
        KeyUsages::DecipherOnly => "decipherOnly",
    }
}
