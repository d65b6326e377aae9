//! Types of the crates to types of the contracts, and back.

#[cfg(not(feature = "gate"))]
use portcullis_crypto as crypto;
use portcullis_types as types;

#[cfg(not(feature = "gate"))]
use crate::bindings::exports::portcullis::crypto::keys::Algorithm;
use crate::bindings::exports::portcullis::types::types::{CheckOutcome, Finding, Rejection};

pub(crate) fn rejection(rejection: types::Rejection) -> Rejection {
    Rejection { code: rejection.code().into(), detail: rejection.detail().into(), rule: rejection.rule().into() }
}

pub(crate) fn finding(finding: types::Finding) -> Finding {
    Finding {
        check: finding.check.into(),
        rule: finding.rule.into(),
        outcome: match finding.outcome {
            types::Outcome::Passed(seen) => CheckOutcome::Passed(seen),
            types::Outcome::Failed(failed) => CheckOutcome::Failed(rejection(failed)),
        },
    }
}

#[cfg(not(feature = "gate"))]
macro_rules! algorithms {
    ($($variant:ident),+) => {
        pub(crate) fn algorithm(algorithm: crypto::Algorithm) -> Algorithm {
            match algorithm {
                $(crypto::Algorithm::$variant => Algorithm::$variant,)+
                crypto::Algorithm::EdDsa => Algorithm::Eddsa,
            }
        }

        // Slices that are told no algorithm call neither of these.
        #[cfg_attr(any(feature = "client", feature = "scope", feature = "svid"), allow(dead_code))]
        pub(crate) fn one(algorithm: Algorithm) -> crypto::Algorithm {
            match algorithm {
                $(Algorithm::$variant => crypto::Algorithm::$variant,)+
                Algorithm::Eddsa => crypto::Algorithm::EdDsa,
            }
        }

        #[cfg_attr(any(feature = "client", feature = "ocm", feature = "scope", feature = "svid"), allow(dead_code))]
        pub(crate) fn accepted(algorithms: &[Algorithm]) -> Vec<crypto::Algorithm> {
            algorithms.iter().copied().map(one).collect()
        }
    };
}
#[cfg(not(feature = "gate"))]
algorithms!(Es256, Es384, Es512, Es256k, Ed25519, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Hs256, Hs384, Hs512);
