//! A status list token that was verified, and the list in it.

use alloc::vec::Vec;
use core::ops::Range;

use portcullis_crypto::KeySet;
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Silent, Trace, check},
};

use crate::{Bits, Entry, Options, Packed, claims::Lifetime, cwt, jwt};

#[cfg(test)]
mod tests;

/// A verified list: opened once, asked often. Of the token, only what is needed to answer is kept.
///
/// ```no_run
/// # fn example(token: &[u8], keys: &portcullis_crypto::KeySet) -> Result<(), portcullis_types::Rejection> {
/// use portcullis_status::{Options, Status, StatusList};
///
/// let (uri, now) = ("https://example.com/statuslists/1", 1_790_000_000);
/// let list = StatusList::open_jwt(token, keys, uri, now, &Options::default())?;
/// // Some time later:
/// list.check_at(now + 60, 0)?;
/// let revoked = list.get(7)?.status != Status::Valid;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, PartialEq)]
pub struct StatusList {
    packed: Packed,
    lifetime: Lifetime,
    ttl: Option<f64>,
    signed_by: Option<[u8; 32]>,
}

impl StatusList {
    /// Opens a status list token in JWT form (section 5.1): verifies it, judges its claims at a time, and inflates the
    /// list. `uri` is what refers to the list. Everything is checked in the order of section 8.3.
    ///
    /// Errors: `status.*`; `token.*`, `key.*`, `crypto.*`, `json.*`, `base64.*` as for other tokens.
    pub fn open_jwt(
        token: &[u8],
        keys: &KeySet,
        uri: &str,
        at: Timestamp,
        options: &Options,
    ) -> Result<Self, Rejection> {
        Self::explain_jwt(token, keys, uri, at, options, &mut Silent)
    }

    /// The same, telling each check to a [`Trace`].
    ///
    /// Errors: those of [`StatusList::open_jwt`].
    pub fn explain_jwt(
        token: &[u8],
        keys: &KeySet,
        uri: &str,
        at: Timestamp,
        options: &Options,
        trace: &mut dyn Trace,
    ) -> Result<Self, Rejection> {
        jwt::open(token, keys, uri, at, options, trace)
    }

    /// Opens a status list token in CWT form (section 5.2), a COSE_Sign1 or COSE_Mac0 with its tag; else as
    /// [`StatusList::open_jwt`].
    ///
    /// Errors: `status.*`; `cose.*`, `cwt.*`, `token.*`, `key.*`, `crypto.*`, `cbor.*` as for other tokens.
    pub fn open_cwt(
        token: &[u8],
        keys: &KeySet,
        uri: &str,
        at: Timestamp,
        options: &Options,
    ) -> Result<Self, Rejection> {
        Self::explain_cwt(token, keys, uri, at, options, &mut Silent)
    }

    /// The same, telling each check to a [`Trace`].
    ///
    /// Errors: those of [`StatusList::open_cwt`].
    pub fn explain_cwt(
        token: &[u8],
        keys: &KeySet,
        uri: &str,
        at: Timestamp,
        options: &Options,
        trace: &mut dyn Trace,
    ) -> Result<Self, Rejection> {
        cwt::open(token, keys, uri, at, options, trace)
    }

    /// The last step of opening: inflates what was verified.
    pub(crate) fn inflate(
        bits: Bits,
        zlib: &[u8],
        most: usize,
        lifetime: Lifetime,
        ttl: Option<f64>,
        trace: &mut dyn Trace,
    ) -> Result<Self, Rejection> {
        let made = Packed::from_zlib(bits, zlib, most);
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 5";
        let packed = check(trace, "decompression", rule, made, |packed| {
            alloc::format!("{} entries of {} bits", packed.len(), bits.count())
        })?;
        Ok(Self { packed, lifetime, ttl, signed_by: None })
    }

    /// The same list, with the key that its token verified with.
    pub(crate) fn signed_by(self, thumbprint: Option<[u8; 32]>) -> Self {
        Self { signed_by: thumbprint, ..self }
    }

    /// RFC 7638 thumbprint of the key that a list in JWT form verified with, for who holds it while keys change. Not known of
    /// a list in CWT form or with a MAC.
    pub fn key_thumbprint(&self) -> Option<[u8; 32]> {
        self.signed_by
    }

    /// Whether the list may be relied upon at a time: what held when it was opened need not hold now.
    ///
    /// Errors: `status.issued_in_future`, `status.expired`, `status.not_yet_valid`.
    pub fn check_at(&self, at: Timestamp, leeway: u64) -> Result<(), Rejection> {
        self.lifetime.check(at, leeway, &mut Silent)
    }

    /// The entry at an index. Says nothing about time: see [`StatusList::check_at`].
    ///
    /// Error: `status.index_out_of_range`.
    pub fn get(&self, index: u64) -> Result<Entry, Rejection> {
        self.packed.get(index).map(Entry::from)
    }

    /// The values of a range of indices, in their order.
    ///
    /// Error: `status.index_out_of_range` where the range does not lie within the list.
    pub fn values(&self, range: Range<u64>) -> Result<impl Iterator<Item = u8>, Rejection> {
        self.packed.values(range)
    }

    /// How many entries have each value, by value; values that no entry has are left out.
    pub fn counts(&self) -> Vec<(u8, u64)> {
        self.packed.counts()
    }

    /// Whether the list is packed into exactly these bytes.
    #[cfg(feature = "build")]
    pub(crate) fn has_bytes(&self, bytes: &[u8]) -> bool {
        self.packed.has_bytes(bytes)
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.packed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// How many bits an entry has.
    pub fn bits(&self) -> Bits {
        self.packed.bits()
    }

    /// `iat` in seconds since 1970; may have a fraction.
    pub fn issued_at(&self) -> f64 {
        self.lifetime.issued_at.seconds()
    }

    /// `exp` in seconds since 1970; may have a fraction.
    pub fn expires(&self) -> Option<f64> {
        self.lifetime.expires.map(|date| date.seconds())
    }

    /// `ttl`: for how many seconds after it was fetched the issuer means the list to be kept; may have a fraction.
    pub fn ttl(&self) -> Option<f64> {
        self.ttl
    }

    /// Memory taken, in bytes, apart from what the allocator adds: for whoever keeps a budget.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() - size_of::<Packed>() + self.packed.held_bytes()
    }
}
