//! Which algorithm verifies a signature, and with which keys (RFC 9421 sections 3.2 step 6 and 3.3).

use alloc::{format, vec::Vec};

use portcullis_crypto::{Algorithm, CryptoCode, Entry, Key, KeySet, MAX_CANDIDATES};
use portcullis_types::{Rejection, limits::excerpt};

use crate::{Parameters, SignatureCode};

/// The HTTP signature algorithms (section 6.2.2), each with the JOSE algorithm that is the same.
const REGISTERED: &[(&str, Algorithm)] = &[
    ("rsa-pss-sha512", Algorithm::Ps512),
    ("rsa-v1_5-sha256", Algorithm::Rs256),
    ("hmac-sha256", Algorithm::Hs256),
    ("ecdsa-p256-sha256", Algorithm::Es256),
    ("ecdsa-p384-sha384", Algorithm::Es384),
    ("ed25519", Algorithm::Ed25519),
];

/// The algorithm of a name in the registry of HTTP signature algorithms.
///
/// ```
/// use portcullis_crypto::Algorithm;
/// assert_eq!(portcullis_signature::algorithm_of("rsa-pss-sha512"), Some(Algorithm::Ps512));
/// assert_eq!(portcullis_signature::algorithm_of("PS512"), None);
/// ```
pub fn algorithm_of(name: &str) -> Option<Algorithm> {
    REGISTERED.iter().find(|(registered, _)| *registered == name).map(|(_, algorithm)| *algorithm)
}

/// The name of an algorithm in that registry, if it is in it. A JOSE algorithm that is not can sign too (section 3.3.7);
/// `alg` is left out then.
pub fn algorithm_name(algorithm: Algorithm) -> Option<&'static str> {
    REGISTERED.iter().find(|(_, registered)| registered.same_as(algorithm)).map(|(name, _)| *name)
}

/// A key that may have made a signature, and how.
pub(crate) struct Candidate<'k> {
    pub(crate) entry: &'k Entry,
    pub(crate) key: &'k Key,
    pub(crate) algorithm: Algorithm,
}

/// Step 6.3: the algorithm that the signature states, if it states one.
///
/// Error: `signature.algorithm_unknown`.
fn stated(parameters: &Parameters) -> Result<Option<Algorithm>, Rejection> {
    let Some(name) = &parameters.alg else { return Ok(None) };
    algorithm_of(name).map(Some).ok_or_else(|| {
        Rejection::new(SignatureCode::AlgorithmUnknown, format!("alg is {}, which is not registered", excerpt(name)))
    })
}

/// Step 6.4: an algorithm that is known from elsewhere is the one that the signature states.
pub(crate) fn check_stated(parameters: &Parameters, known: Algorithm) -> Result<(), Rejection> {
    match stated(parameters)? {
        Some(stated) if !stated.same_as(known) => Err(conflict(stated, known)),
        _ => Ok(()),
    }
}

fn conflict(stated: Algorithm, known: Algorithm) -> Rejection {
    Rejection::new(
        SignatureCode::AlgorithmConflict,
        format!("the signature states {} and the key is for {}", stated.name(), known.name()),
    )
}

/// Steps 5 and 6: the keys that may have made a signature, each with its algorithm: the one that the signature states, and
/// else that of the key. `keyid` selects a key by its `kid`, exactly; without it every key is a candidate that can be one.
///
/// Errors: `signature.algorithm_*`, `key.*`.
pub(crate) fn candidates<'k>(
    keys: &'k KeySet,
    parameters: &Parameters,
    accepted: Option<&[Algorithm]>,
) -> Result<Vec<Candidate<'k>>, Rejection> {
    let stated = stated(parameters)?;
    if let Some(stated) = stated {
        check_accepted(stated, accepted)?;
    }
    if keys.entries().is_empty() {
        return Err(Rejection::new(CryptoCode::SetEmpty, "the set has no keys"));
    }
    let keyid = parameters.keyid.as_deref();
    let meant: Vec<&Entry> =
        keys.entries().iter().filter(|entry| keyid.is_none() || entry.kid.as_deref() == keyid).collect();
    if let (Some(keyid), true) = (keyid, meant.is_empty()) {
        return Err(Rejection::new(CryptoCode::Unknown, format!("no key has the identifier {}", excerpt(keyid))));
    }
    let mut reason = None;
    let mut candidates = Vec::new();
    for entry in &meant {
        let fits = entry.key.as_ref().map_err(Clone::clone).and_then(|key| {
            let algorithm = of_key(key, stated)?;
            check_accepted(algorithm, accepted)?;
            Ok(Candidate { entry, key, algorithm })
        });
        match fits {
            Ok(candidate) => candidates.push(candidate),
            Err(rejection) => reason = reason.or(Some(rejection)),
        }
    }
    if candidates.len() > MAX_CANDIDATES {
        return Err(Rejection::new(
            CryptoCode::TooManyCandidates,
            format!("{} keys could have made the signature, at most {MAX_CANDIDATES} are tried", candidates.len()),
        ));
    }
    match reason {
        Some(reason) if candidates.is_empty() && (keyid.is_some() || meant.len() == 1) => Err(reason),
        _ if candidates.is_empty() => Err(Rejection::new(
            CryptoCode::NoneFits,
            format!("none of {} keys can have made the signature", meant.len()),
        )),
        _ => Ok(candidates),
    }
}

/// The algorithm of a key for a signature. Where the signature states it, the key has to be able to do it, and to be for
/// nothing else; where not, it is the one that the key is for (step 6.2), or the only one that a key of its type can do: of the
/// registered ones, if there are several.
fn of_key(key: &Key, stated: Option<Algorithm>) -> Result<Algorithm, Rejection> {
    if let Some(stated) = stated {
        return match key.permits(stated) {
            Err(other) if other.is(CryptoCode::AlgorithmOther) => {
                Err(Rejection::new(SignatureCode::AlgorithmConflict, other.detail()))
            }
            permitted => permitted.map(|()| stated),
        };
    }
    let permitted = key.algorithms();
    if let Some(first) = permitted.first()
        && permitted.iter().all(|one| one.same_as(*first))
    {
        return Ok(*first);
    }
    let registered: Vec<Algorithm> =
        REGISTERED.iter().map(|(_, one)| *one).filter(|one| permitted.contains(one)).collect();
    match registered[..] {
        [one] => Ok(one),
        [] => Err(why_none(key)),
        _ => Err(Rejection::new(
            SignatureCode::AlgorithmAmbiguous,
            format!("neither the signature nor the key of type {} says which algorithm it is", key.kind()),
        )),
    }
}

/// Why a key can do nothing: what it says of its use, rather than that it is of another type.
fn why_none(key: &Key) -> Rejection {
    let refusals = Algorithm::ALL.iter().filter_map(|algorithm| key.permits(*algorithm).err());
    let none = || Rejection::new(CryptoCode::NoneFits, format!("a key of type {} can do nothing here", key.kind()));
    refusals.into_iter().find(|refused| !refused.is(CryptoCode::AlgorithmMismatch)).unwrap_or_else(none)
}

/// Step 6.0.
fn check_accepted(algorithm: Algorithm, accepted: Option<&[Algorithm]>) -> Result<(), Rejection> {
    match accepted {
        Some(accepted) if !accepted.iter().any(|one| one.same_as(algorithm)) => {
            Err(Rejection::new(SignatureCode::AlgorithmNotAccepted, format!("{} is not accepted", algorithm.name())))
        }
        _ => Ok(()),
    }
}
