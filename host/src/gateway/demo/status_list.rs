//! The status list of the demo issuer: one bit a token, made as `portcullis status` makes lists (`docs/status.md`).

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use portcullis_crypto::Algorithm;
use portcullis_status::Bits;
use portcullis_status::build::{Form, ListClaims, Packing, TokenHeader, UnsignedCwt, UnsignedJwt};

use super::{CannotSign, random};
use crate::signing_key::SigningKey;

/// Entries of the list. A list is as long as it was made, so that its length tells nothing of how many tokens there are.
pub(super) const SIZE: usize = 1 << 16;

/// Entries that no token gets, and how many of them are revoked from the start: so many revocations that nobody can count are not
/// of tokens.
const DECOYS: usize = 1 << 10;
const REVOKED_DECOYS: usize = 64;

/// After how many seconds a list is fetched again: soon, so that a revocation can be watched.
pub(super) const TTL: u64 = 5;

/// Entries with their values, and those that may still be given.
pub(super) struct Statuses {
    packing: Packing,
    /// In the order in which they are given, from the end: random, so that an index does not tell when its token was made.
    free: Vec<usize>,
    /// All that tokens may get, for when none is free.
    given: Vec<usize>,
}

impl Statuses {
    /// A list whose entries are all valid, decoys apart.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub(super) fn new() -> Result<Self, CannotSign> {
        let mut free = random::shuffled(SIZE)?;
        let mut packing = Packing::new(Bits::One, SIZE as u64, 0).map_err(|error| cannot(&error))?;
        for decoy in free.split_off(SIZE - DECOYS).into_iter().take(REVOKED_DECOYS) {
            packing.set(decoy as u64, 1).map_err(|error| cannot(&error))?;
        }
        Ok(Self { packing, free, given: Vec::new() })
    }

    /// An entry for a token, which is valid. When every entry has been given they begin anew, and with them the tokens that had
    /// them first.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub(super) fn allocate(&mut self) -> Result<usize, CannotSign> {
        if self.free.is_empty() {
            let given = std::mem::take(&mut self.given);
            let order = random::shuffled(given.len())?;
            self.free = order.into_iter().filter_map(|place| given.get(place).copied()).collect();
        }
        let index = self.free.pop().ok_or_else(|| CannotSign("there is no entry".into()))?;
        self.given.push(index);
        self.set(index, false);
        Ok(index)
    }

    /// Revokes an entry, or restores it. The answer is whether there is one.
    pub(super) fn set(&mut self, index: usize, revoked: bool) -> bool {
        self.packing.set(index as u64, u8::from(revoked)).is_ok()
    }

    #[cfg(test)]
    pub(super) fn is_revoked(&self, index: usize) -> bool {
        self.packing.get(index as u64) == Some(1)
    }

    /// A status list token (draft-ietf-oauth-status-list sections 5.1 and 5.2).
    ///
    /// # Errors
    ///
    /// It cannot be signed.
    pub(super) fn token(&self, form: Form, claims: &ListClaims<'_>, key: &SigningKey, kid: &str) -> Made {
        let list = self.packing.compress(&mut |_| {}).map_err(|error| cannot(&error))?;
        let header = TokenHeader { algorithm: Algorithm::Es256, kid: Some(kid), certificates: &[] };
        let sign = |message: &[u8]| key.sign(message).map_err(|error| CannotSign(error.to_string()));
        match form {
            Form::Jwt => {
                let unsigned = UnsignedJwt::new(&header, claims, &list).map_err(|error| cannot(&error))?;
                let signature = sign(unsigned.to_be_signed())?;
                unsigned.finish(&signature).map_err(|error| cannot(&error))
            }
            Form::Cwt => {
                let unsigned = UnsignedCwt::new(&header, claims, &list).map_err(|error| cannot(&error))?;
                let signature = sign(&unsigned.to_be_signed())?;
                unsigned.finish(&signature).map_err(|error| cannot(&error))
            }
        }
    }
}

type Made = Result<Vec<u8>, CannotSign>;

fn cannot(error: &portcullis_types::Rejection) -> CannotSign {
    CannotSign(error.to_string())
}

/// A body with the content coding `gzip`: what a JWT spends on base64url comes back.
pub(super) fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(body)?;
    compressed.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_entry_is_given_twice_before_all_were_given_and_decoys_never() {
        let mut statuses = Statuses::new().unwrap();
        let revoked: BTreeSet<usize> = (0..SIZE).filter(|index| statuses.is_revoked(*index)).collect();
        assert_eq!(revoked.len(), REVOKED_DECOYS);
        let first: Vec<usize> = (0..SIZE - DECOYS).map(|_| statuses.allocate().unwrap()).collect();
        let given: BTreeSet<usize> = first.iter().copied().collect();
        assert_eq!(given.len(), SIZE - DECOYS);
        assert!(given.is_disjoint(&revoked));
        assert_ne!(first.get(..64), Some(&(0..64).collect::<Vec<_>>()[..]), "not by counting");
        // Anew, in another order, and what was revoked is valid again.
        assert!(first.iter().all(|index| statuses.set(*index, true)));
        let second: Vec<usize> = (0..SIZE - DECOYS).map(|_| statuses.allocate().unwrap()).collect();
        assert_eq!(second.iter().copied().collect::<BTreeSet<_>>(), given);
        assert_ne!(first, second);
        assert!(second.iter().all(|index| !statuses.is_revoked(*index)));
        assert!(!statuses.set(SIZE, true));
    }
}
