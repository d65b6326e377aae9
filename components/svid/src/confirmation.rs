//! `cnf` of a WIT-SVID (WIT-SVID section 3.2, RFC 7800, WIMSE workload-creds section 5.1): the key whose holder the workload
//! is.

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::{Algorithm, Backend, Key, Origin, jwk};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use crate::SvidCode;

/// Members of `cnf` that name a key in another way than `jwk` (RFC 7800 sections 3.3 and 3.5, RFC 8705 section 3.1, RFC 9449
/// section 6.1). `kid` may stand beside any of them (RFC 7800 section 3.4).
const OTHER_WAYS: [&str; 4] = ["jwe", "jku", "x5t#S256", "jkt"];

/// The key that a proof of possession is made with.
#[derive(Debug)]
pub struct Confirmation {
    /// The members of `cnf`, as they were signed.
    pub members: Object,
    /// The key of `cnf.jwk`: public, and of a type that does the algorithm.
    pub key: Key,
    /// `cnf.jwk.alg`: the one algorithm a proof may be made with.
    pub algorithm: Algorithm,
    /// The same as it is written: algorithms may have two names (`EdDSA` and `Ed25519`).
    pub algorithm_name: String,
}

impl Confirmation {
    /// Reads the claim of a verified token, whose key may be for one of some algorithms.
    ///
    /// Errors: `svid.confirmation_*`, `key.*`, `json.duplicate_name`.
    pub fn of(claims: &Object, accepted: &[Algorithm], backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let members = match claims.get("cnf")? {
            None => return Err(Rejection::new(SvidCode::ConfirmationMissing, "the token has no cnf")),
            Some(Value::Object(cnf)) => cnf,
            Some(other) => {
                return Err(Rejection::new(SvidCode::ConfirmationType, format!("cnf is {}", other.kind())));
            }
        };
        let jwk = match members.get("jwk")? {
            None => return Err(Rejection::new(SvidCode::ConfirmationKeyMissing, "cnf has no jwk")),
            Some(Value::Object(jwk)) => jwk,
            Some(other) => {
                return Err(Rejection::new(SvidCode::ConfirmationKeyType, format!("cnf.jwk is {}", other.kind())));
            }
        };
        for name in OTHER_WAYS {
            if members.get(name)?.is_some() {
                return Err(Rejection::new(SvidCode::ConfirmationAmbiguous, format!("cnf has jwk and {name}")));
            }
        }
        let (algorithm, name) = algorithm(jwk, accepted)?;
        let key = jwk::parse(jwk, "sig", Origin::Carried, backend).map_err(|rejection| rejection.within("cnf.jwk"))?;
        if key.is_symmetric() {
            return Err(Rejection::new(SvidCode::ConfirmationSymmetric, "cnf.jwk is a secret"));
        }
        key.permits(algorithm).map_err(|rejection| rejection.within("cnf.jwk"))?;
        Ok(Self { members: members.clone(), key, algorithm, algorithm_name: name.into() })
    }
}

/// `cnf.jwk.alg`: there, and one of those that are accepted (WIT-SVID section 3.2).
fn algorithm<'j>(jwk: &'j Object, accepted: &[Algorithm]) -> Result<(Algorithm, &'j str), Rejection> {
    let name = match jwk.get("alg")? {
        None => return Err(Rejection::new(SvidCode::ConfirmationAlgorithmMissing, "cnf.jwk has no alg")),
        Some(Value::String(name)) => name,
        Some(other) => {
            return Err(Rejection::new(SvidCode::ConfirmationAlgorithm, format!("cnf.jwk.alg is {}", other.kind())));
        }
    };
    let known = Algorithm::from_name(name).filter(|algorithm| accepted.contains(algorithm));
    known.map(|algorithm| (algorithm, name.as_str())).ok_or_else(|| {
        let what = format!("cnf.jwk.alg {} is none of {} accepted", excerpt(name), accepted.len());
        Rejection::new(SvidCode::ConfirmationAlgorithm, what)
    })
}
