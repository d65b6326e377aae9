//! `portcullis:svid/x509`

use portcullis_svid::{self as svid, x509_svid};
use portcullis_types::Findings;

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        svid::{
            bundle::BundleSetBorrow,
            x509::{CertificateDescription, Guest, Report, VerifiedX509Svid},
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
    svid_bundle::Bundles,
};

impl Guest for Component {
    fn verify(chain: Vec<Vec<u8>>, bundles: BundleSetBorrow<'_>, at: Timestamp) -> Result<VerifiedX509Svid, Rejection> {
        let bundles = bundles.get::<Bundles>().0.borrow();
        x509_svid::parse_and_verify(&chain, &bundles, &backend(), at).map(verified).map_err(convert::rejection)
    }

    fn explain(chain: Vec<Vec<u8>>, bundles: BundleSetBorrow<'_>, at: Timestamp) -> Report {
        let bundles = bundles.get::<Bundles>().0.borrow();
        let mut findings = Findings::default();
        let outcome = x509_svid::verify(&chain, &bundles, &backend(), at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }

    fn decode_pem(text: String) -> Result<Vec<Vec<u8>>, Rejection> {
        svid::pem::decode_chain(&text).map_err(convert::rejection)
    }

    fn inspect_untrusted(chain: Vec<Vec<u8>>) -> Result<Vec<CertificateDescription>, Rejection> {
        svid::inspect_untrusted_chain(&chain)
            .map(|seen| seen.into_iter().map(description).collect())
            .map_err(convert::rejection)
    }
}

fn verified(verified: x509_svid::VerifiedX509Svid) -> VerifiedX509Svid {
    VerifiedX509Svid {
        spiffe_id: verified.spiffe_id.as_str().into(),
        not_before: verified.not_before,
        not_after: verified.not_after,
        thumbprint: verified.thumbprint.into(),
    }
}

fn description(seen: svid::CertificateDescription) -> CertificateDescription {
    CertificateDescription {
        subject: seen.subject,
        issuer: seen.issuer,
        self_issued: seen.self_issued,
        uris: seen.uris,
        dns_names: seen.dns_names,
        not_before: seen.not_before,
        not_after: seen.not_after,
        is_ca: seen.is_ca,
        path_length: seen.path_length,
        key: seen.key.map_err(convert::rejection),
        key_usages: seen.key_usages.map(|usages| usages.into_iter().map(Into::into).collect()),
        purposes: seen.purposes,
        signature_algorithm: seen.signature_algorithm,
        unknown_critical: seen.unknown_critical,
    }
}
