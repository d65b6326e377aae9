//! What is remembered of verified tokens: facts, never decisions (`docs/decisions.md`, "What is remembered").
//!
//! An entry says that these bytes verified under these keys for this issuer. Everything that can have changed since is
//! checked at each use by whoever asks. Only successes are here, so nobody can fill it without good tokens.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use portcullis_crypto::{sha256, sha512_256};
use portcullis_svid::SpiffeId;
use portcullis_token::{
    claims::Claims,
    confirmation::{self, Confirmation},
};
use portcullis_types::{Rejection, Timestamp};

use crate::policy::Authority;

/// A token's text as it is looked for: by a hash of its signature, which is short, and then by every byte that is signed.
///
/// A memory belongs to one policy, and under one policy the bytes and where they stood say for which of its entries, and so in
/// which profile, they are verified. The signature itself is not kept: what is held is of no use to whoever
/// reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'t> {
    signed: &'t str,
    key: Key,
}

/// SHA-512/256 of a signature, which costs half of what SHA-256 does where the processor has neither.
type Key = [u8; 32];

impl<'t> Sought<'t> {
    /// Nothing, which is never found.
    pub(crate) const NOTHING: Self = Self { signed: "", key: [0; 32] };

    /// A token, not verified.
    pub(crate) fn of(token: &'t str) -> Self {
        let (signed, signature) = token.rsplit_once('.').unwrap_or(("", token));
        Self { signed, key: sha512_256(signature.as_bytes()) }
    }

    /// An opaque token, by the SHA-256 of its text. No JWT has this key: theirs are of another hash.
    pub(crate) fn opaque(digest: &[u8; 32]) -> Self {
        Self { signed: "", key: *digest }
    }

    /// An identity token, not verified. What was one is none in `Authorization`, and the other way round.
    pub(crate) fn identity(token: &'t str) -> Self {
        let Self { signed, key } = Self::of(token);
        Self { signed, key: key.map(|byte| !byte) }
    }
}

/// A token that verified.
#[derive(Debug)]
pub(crate) struct Fact {
    /// The policy's entry that vouches for it.
    pub(crate) authority: Authority,
    /// Its claims.
    pub(crate) claims: Claims,
    /// What it is bound to.
    pub(crate) confirmation: Result<Option<Confirmation>, Rejection>,
    /// The workload it names, where it is an SVID.
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// The key whose possession its workload proves, where it is an identity token.
    pub(crate) workload_key: Option<portcullis_svid::Confirmation>,
    /// The generation of the keys it verified with. Keys that changed in any way make it unknown.
    pub(crate) generation: u64,
    /// When it verified.
    pub(crate) verified_at: Timestamp,
    /// Until when it may be relied upon without being asked about again, where somebody else said it.
    until: Option<Timestamp>,
    /// What of its text is signed.
    signed: Box<str>,
    /// The length of the text that says what it claims, in bytes.
    length: usize,
    /// SHA-256 of its text, by which people name it who want it dropped.
    digest: [u8; 32],
}

/// What was learned of a token.
pub(crate) struct Learned {
    /// The policy's entry that vouches for it.
    pub(crate) authority: Authority,
    /// Its claims.
    pub(crate) claims: Claims,
    /// The workload it names, where it is an SVID.
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// The key whose possession its workload proves, where it is an identity token.
    pub(crate) workload_key: Option<portcullis_svid::Confirmation>,
    /// The generation of the keys it verified with.
    pub(crate) generation: u64,
    /// Whether it may be remembered.
    pub(crate) remembered: bool,
}

/// What an entry takes beside its token's text and claims, in bytes: a guess on the high side.
const OVERHEAD: usize = 512;

/// The text may be kept, and parsed claims take some times its memory.
const FACTOR: usize = 7;

impl Fact {
    /// Something learned of a token's text at a time.
    pub(crate) fn new(learned: Learned, verified_at: Timestamp, token: &str) -> Self {
        let signed = Sought::of(token).signed;
        Self::of(learned, verified_at, None, signed, signed.len(), sha256(token.as_bytes()))
    }

    /// Something that an authorization server said of an opaque token, in so many bytes, and may be relied upon until then.
    pub(crate) fn told(
        learned: Learned,
        told_at: Timestamp,
        until: Timestamp,
        length: usize,
        digest: [u8; 32],
    ) -> Self {
        Self::of(learned, told_at, Some(until), "", length, digest)
    }

    fn of(
        learned: Learned,
        verified_at: Timestamp,
        until: Option<Timestamp>,
        signed: &str,
        length: usize,
        digest: [u8; 32],
    ) -> Self {
        let Learned { authority, claims, spiffe_id, workload_key, generation, remembered: _ } = learned;
        Self {
            authority,
            confirmation: confirmation::of(&claims),
            claims,
            spiffe_id,
            workload_key,
            generation,
            verified_at,
            until,
            signed: signed.into(),
            length,
            digest,
        }
    }

    fn is(&self, sought: &Sought<'_>) -> bool {
        *self.signed == *sought.signed
    }

    /// Until when it may be relied upon, where that is not for its claims and keys alone to say.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether it is among those to drop.
    pub(crate) fn is_meant(&self, which: &Forget) -> bool {
        let client = || match self.claims.members.get("client_id") {
            Ok(Some(value)) => value.as_str(),
            _ => None,
        };
        match which {
            Forget::Subject(subject) => self.claims.subject.as_ref() == Some(subject),
            Forget::Client(id) => client() == Some(id.as_str()),
            Forget::TokenDigest(digest) => self.digest == *digest,
            Forget::Everything => true,
        }
    }

    /// The memory it takes, guessed on the high side, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.length.saturating_mul(FACTOR).saturating_add(OVERHEAD)
    }
}

/// Which entries to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// Those whose `sub` is this.
    Subject(alloc::string::String),
    /// Those whose `client_id` is this.
    Client(alloc::string::String),
    /// The one whose token has this SHA-256.
    TokenDigest([u8; 32]),
    /// All.
    Everything,
}

/// The memory: two halves, so that what is not used falls out without a list of uses. When the young half is full it
/// becomes the old one, and what was the old one goes.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    young: BTreeMap<Key, Rc<Fact>>,
    old: BTreeMap<Key, Rc<Fact>>,
    young_bytes: usize,
    old_bytes: usize,
}

impl Memory {
    /// What is remembered of these bytes. Whether it still holds is for [`Memory::holds`] to say.
    pub(crate) fn peek(&self, sought: &Sought<'_>) -> Option<&Rc<Fact>> {
        let found = self.young.get(&sought.key).or_else(|| self.old.get(&sought.key));
        found.filter(|fact| fact.is(sought))
    }

    /// What is known of these bytes, if it was learned with these keys and not in the future. What does not hold is dropped.
    pub(crate) fn holds(&mut self, sought: &Sought<'_>, generation: u64, at: Timestamp) -> Option<Rc<Fact>> {
        let key = &sought.key;
        let (fact, is_old) = match self.young.get(key) {
            Some(fact) => (fact, false),
            None => (self.old.get(key)?, true),
        };
        // Another text with this signature is not this token, and no reason to forget it.
        let fact = fact.is(sought).then(|| Rc::clone(fact))?;
        if fact.generation != generation || fact.verified_at > at {
            self.remove(key);
            return None;
        }
        // It is to be asked about again. That it was good once is still known.
        if fact.until.is_some_and(|until| at >= until) {
            return None;
        }
        if is_old {
            self.remove(key);
            self.young_bytes += fact.bytes();
            self.young.insert(*key, Rc::clone(&fact));
        }
        Some(fact)
    }

    /// Remembers a token by its text, within bounds of number and bytes.
    pub(crate) fn put(&mut self, sought: &Sought<'_>, fact: Rc<Fact>, most: usize, most_bytes: usize) {
        let key = sought.key;
        let (half, half_bytes) = (most / 2, most_bytes / 2);
        if half == 0 || fact.bytes() > half_bytes {
            return;
        }
        self.remove(&key);
        if self.young.len() >= half || self.young_bytes + fact.bytes() > half_bytes {
            self.old = core::mem::take(&mut self.young);
            self.old_bytes = core::mem::take(&mut self.young_bytes);
        }
        self.young_bytes += fact.bytes();
        self.young.insert(key, fact);
    }

    /// Drops what is remembered of these bytes.
    pub(crate) fn drop(&mut self, sought: &Sought<'_>) {
        self.remove(&sought.key);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(fact) = self.young.remove(key) {
            self.young_bytes -= fact.bytes();
        }
        if let Some(fact) = self.old.remove(key) {
            self.old_bytes -= fact.bytes();
        }
    }

    /// Drops entries, and tells how many.
    pub(crate) fn forget(&mut self, which: &Forget) -> usize {
        let meant = self.young.iter().chain(&self.old).filter(|(_, fact)| fact.is_meant(which));
        let found: BTreeSet<Key> = meant.map(|(key, _)| *key).collect();
        found.iter().for_each(|key| self.remove(key));
        found.len()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The memory they take, guessed on the high side, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    fn fact(generation: u64, verified_at: u64, token: &str) -> Rc<Fact> {
        let claims = Claims::parse(br#"{"sub":"s","client_id":"c"}"#).unwrap();
        let learned = Learned {
            authority: Authority::Issuer(0),
            claims,
            spiffe_id: None,
            workload_key: None,
            generation,
            remembered: true,
        };
        Rc::new(Fact::new(learned, verified_at, token))
    }

    /// A token of a length, with a signature of its own.
    fn token(number: u8, length: usize) -> String {
        format!("{}.{number}", "s".repeat(length))
    }

    fn put(memory: &mut Memory, token: &str, most: usize, most_bytes: usize) {
        memory.put(&Sought::of(token), fact(1, 10, token), most, most_bytes);
    }

    fn holds(memory: &mut Memory, token: &str, generation: u64, at: Timestamp) -> bool {
        memory.holds(&Sought::of(token), generation, at).is_some()
    }

    #[test]
    fn it_is_bounded_in_number_and_bytes_and_keeps_what_is_used() {
        let mut memory = Memory::default();
        for number in 0..100 {
            put(&mut memory, &token(number, 10), 10, 1_000_000);
            assert!(holds(&mut memory, &token(0, 10), 1, 10), "what is used stays: {number}");
            assert!(memory.len() <= 10);
        }
        assert!(!holds(&mut memory, &token(50, 10), 1, 10));
        put(&mut memory, &token(200, 1_000_000), 10, 1_000_000);
        assert!(!holds(&mut memory, &token(200, 1_000_000), 1, 10), "one entry is not worth the whole memory");
        let bytes = fact(1, 10, &token(0, 100)).bytes();
        for number in 0..100 {
            put(&mut memory, &token(number, 100), 1_000, bytes * 6);
            assert!(memory.bytes() <= bytes * 6);
        }
    }

    #[test]
    fn other_keys_and_the_past_know_nothing() {
        let mut memory = Memory::default();
        let one = token(1, 10);
        put(&mut memory, &one, 10, 1_000_000);
        assert!(holds(&mut memory, &one, 1, 10));
        assert!(!holds(&mut memory, &one, 2, 10));
        assert!(!holds(&mut memory, &one, 1, 10), "an entry of other keys is dropped");
        put(&mut memory, &one, 10, 1_000_000);
        assert!(!holds(&mut memory, &one, 1, 9));
        assert!(!holds(&mut memory, &one, 1, 10), "an entry from the future is dropped");
    }

    #[test]
    fn another_text_with_the_same_signature_is_another_token() {
        let mut memory = Memory::default();
        put(&mut memory, "header.claims.signature", 10, 1_000_000);
        for other in
            ["header.others.signature", "claims.signature", ".signature", "signature", "header.claims.signaturf"]
        {
            assert!(memory.peek(&Sought::of(other)).is_none(), "{other}");
            assert!(!holds(&mut memory, other, 1, 10), "{other}");
            assert!(holds(&mut memory, "header.claims.signature", 1, 10), "it is not forgotten for {other}");
        }
        assert!(memory.peek(&Sought::NOTHING).is_none());
    }

    #[test]
    fn entries_are_dropped_by_what_they_are() {
        let mut memory = Memory::default();
        for (which, wanted) in [
            (Forget::Subject("s".into()), 4),
            (Forget::Subject("t".into()), 0),
            (Forget::Client("c".into()), 4),
            (Forget::TokenDigest(sha256(token(2, 10).as_bytes())), 1),
            (Forget::TokenDigest([3; 32]), 0),
            (Forget::Everything, 4),
        ] {
            (0..4).for_each(|number| put(&mut memory, &token(number, 10), 4, 1_000_000));
            assert_eq!(memory.len(), 4);
            assert_eq!(memory.forget(&which), wanted, "{which:?}");
            memory.forget(&Forget::Everything);
            assert_eq!((memory.len(), memory.bytes()), (0, 0));
        }
    }
}
