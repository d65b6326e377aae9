//! The proof of a list: what was signed is opened as a relying party does, and compared with what was put in.

use alloc::format;

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_types::Rejection;

use super::{BuildCode, ListClaims, Packing};
use crate::{Options, StatusList};

/// The form of a list token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/statuslist+jwt`.
    Jwt,
    /// `application/statuslist+cwt`.
    Cwt,
}

impl Form {
    /// The media type, which is the content type of the served token (section 8.2).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jwt => "application/statuslist+jwt",
            Self::Cwt => "application/statuslist+cwt",
        }
    }
}

/// Opens a token that was just made, at its own `iat`, and compares every value. `keys` are those that verify, or the key of
/// the certificate it brings along: so a list that is signed with the wrong key is found before anybody fetches it.
///
/// Errors: `status.build_read_back`; whatever a relying party would say.
pub fn read_back(
    token: &[u8],
    form: Form,
    keys: &KeySet,
    algorithm: Algorithm,
    claims: &ListClaims<'_>,
    packing: &Packing,
) -> Result<(), Rejection> {
    // A MAC has to be asked for.
    let options = Options { algorithms: Some([algorithm].into()), ..Options::default() };
    let list = match form {
        Form::Jwt => StatusList::open_jwt(token, keys, claims.uri, claims.issued_at, &options),
        Form::Cwt => StatusList::open_cwt(token, keys, claims.uri, claims.issued_at, &options),
    }
    .map_err(|rejection| rejection.within("read back"))?;
    let differs = |what: &str| Err(Rejection::new(BuildCode::ReadBack, format!("{what} differs")));
    if list.bits() != packing.bits() {
        return differs("bits");
    }
    let seconds = |time: Option<u64>| time.map(|time| time as f64);
    if list.expires() != seconds(claims.expires) || list.ttl() != seconds(claims.ttl) {
        return differs("exp or ttl");
    }
    if !list.has_bytes(packing.bytes()) {
        return differs("a value");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::*;
    use crate::{
        Bits,
        build::{TokenHeader, UnsignedCwt, UnsignedJwt, testing::CLAIMS},
        testing::{keys, sign},
    };

    const ALGORITHM: Algorithm = Algorithm::EdDsa;

    fn made(packing: &Packing, form: Form, claims: &ListClaims<'_>) -> Vec<u8> {
        let header = TokenHeader { algorithm: ALGORITHM, kid: None, certificates: &[] };
        let list = packing.compress(&mut |_| {}).unwrap();
        match form {
            Form::Jwt => {
                let unsigned = UnsignedJwt::new(&header, claims, &list).unwrap();
                let signature = sign(unsigned.to_be_signed());
                unsigned.finish(&signature).unwrap()
            }
            Form::Cwt => {
                let unsigned = UnsignedCwt::new(&header, claims, &list).unwrap();
                let signature = sign(&unsigned.to_be_signed());
                unsigned.finish(&signature).unwrap()
            }
        }
    }

    #[test]
    fn what_was_made_is_read_back() {
        for bits in [Bits::One, Bits::Two, Bits::Four, Bits::Eight] {
            // Longer than one piece of what is inflated.
            let bytes = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x11).collect();
            let packing = Packing::from_bytes(bits, bytes).unwrap();
            for form in [Form::Jwt, Form::Cwt] {
                let token = made(&packing, form, &CLAIMS);
                read_back(&token, form, &keys(), ALGORITHM, &CLAIMS, &packing).unwrap();
                let mut other = packing.clone();
                other.set(other.entries() - 1, packing.get(other.entries() - 1).unwrap() ^ 1).unwrap();
                let refused = read_back(&token, form, &keys(), ALGORITHM, &CLAIMS, &other);
                assert_eq!(refused.unwrap_err().code(), "status.build_read_back");
            }
        }
    }

    #[test]
    fn each_difference_is_found() {
        let packing = Packing::from_bytes(Bits::One, vec![1; 10]).unwrap();
        let token = made(&packing, Form::Jwt, &CLAIMS);
        let code = |claims: &ListClaims<'_>, packing: &Packing, algorithm| {
            read_back(&token, Form::Jwt, &keys(), algorithm, claims, packing).unwrap_err().code()
        };
        let longer = Packing::from_bytes(Bits::One, vec![1; 11]).unwrap();
        assert_eq!(code(&CLAIMS, &longer, ALGORITHM), "status.build_read_back");
        let wider = Packing::from_bytes(Bits::Two, vec![1; 10]).unwrap();
        assert_eq!(code(&CLAIMS, &wider, ALGORITHM), "status.build_read_back");
        assert_eq!(code(&ListClaims { ttl: None, ..CLAIMS }, &packing, ALGORITHM), "status.build_read_back");
        assert_eq!(code(&ListClaims { expires: None, ..CLAIMS }, &packing, ALGORITHM), "status.build_read_back");
        let uri = "https://example.com/statuslists/2";
        assert_eq!(code(&ListClaims { uri, ..CLAIMS }, &packing, ALGORITHM), "status.subject_mismatch");
        assert_eq!(code(&CLAIMS, &packing, Algorithm::Es256), "token.algorithm_not_accepted");
    }
}
