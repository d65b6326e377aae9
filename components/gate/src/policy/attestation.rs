//! `[attestation]`: whose attestations of client instances count beside access tokens, and how they are proved
//! (`docs/attestation.md`).

use alloc::{rc::Rc, vec::Vec};

use portcullis_crypto::{Algorithm, Backend};

use super::{
    Access, Authority, PolicyError, Rule,
    code::PolicyCode,
    issuers::{self, KeySource, source},
    reader::Reader,
};

/// The attestations that rules may demand.
#[derive(Debug, Clone)]
pub struct AttestationPolicy {
    /// The keys of those who attest clients.
    pub attesters: KeySource,
    /// The algorithms that are accepted of them; without it, those that go with their keys.
    pub algorithms: Option<Vec<Algorithm>>,
    /// The greatest age of an attestation, in seconds, counted from `iat`.
    pub max_age: Option<u64>,
    /// Whether a DPoP proof by the attested key may stand for the proof of possession.
    pub dpop: bool,
    /// Whether proofs have to carry a challenge that the host gave.
    pub challenge: bool,
}

pub(super) fn attestation(
    top: &Reader<'_>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<AttestationPolicy> {
    let entry = top.object("attestation")?;
    let keys = entry.value("attesters").and_then(|value| source(value, entry.at("attesters"), backend, errors));
    let algorithms = entry.value("algorithms").map(|_| issuers::algorithms(&entry, errors));
    if let Some(algorithms) = &algorithms {
        issuers::shared(algorithms, keys.as_ref(), &entry, errors);
    }
    Some(AttestationPolicy {
        attesters: keys?,
        algorithms,
        max_age: entry.duration("max_age"),
        dpop: entry.flag("dpop") == Some(true),
        challenge: entry.flag("challenge") != Some(false),
    })
}

/// Rules that demand an attestation have somebody whose word counts, and name an issuer whose tokens could be a client's.
pub(super) fn demanded(top: &Reader<'_>, rules: &[Rule], errors: &mut Vec<PolicyError>) {
    if !errors.is_empty() {
        return;
    }
    let there = top.value("attestation").is_some();
    for (number, rule) in rules.iter().enumerate() {
        let Access::Credential { authorities, require } = &rule.access else { continue };
        if !require.attestation {
            continue;
        }
        let path = top.at("rules").item(number).member("require").member("attestation");
        if !there {
            errors.push(PolicyError::new(
                PolicyCode::AttestationMissing,
                path,
                "the rule demands an attestation, and nobody is trusted to attest clients",
                "add [attestation] with the keys of its attesters",
            ));
        } else if !authorities.iter().any(|one| matches!(one, Authority::Issuer(_))) {
            errors.push(PolicyError::new(
                PolicyCode::RequirementUnmeetable,
                path,
                "an attestation is of an access token's client, and the rule names trust domains alone",
                "name an issuer of tokens in the rule's \"issuers\", or remove it",
            ));
        }
    }
}

/// Whether a rule demands an attestation.
pub(super) fn is_demanded(rules: &[Rule]) -> bool {
    let mut rules = rules.iter();
    rules.any(|rule| matches!(&rule.access, Access::Credential { require, .. } if require.attestation))
}

/// A registry's grants have no part in attestations.
#[cfg(feature = "registry")]
pub(super) fn of_a_grant(require: &Reader<'_>, errors: &mut Vec<PolicyError>) {
    if require.flag("attestation") == Some(true) {
        errors.push(PolicyError::new(
            PolicyCode::RequirementUnmeetable,
            require.at("attestation"),
            "clients of a registry bring no attestation",
            "remove it",
        ));
    }
}
