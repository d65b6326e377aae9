//! A piece of the memory of used proofs, as the bytes that workers share.
//!
//! Records lie one after the other, each with the proof's key (32 bytes), the beginning of the thumbprint of the key that made
//! it (8) and the second until which it is remembered (8, big-endian).

use portcullis_gate::{Answer, Remember};
use portcullis_types::Timestamp;

use crate::limits::{BUCKET_PROOFS, BUCKET_SHARE, BUCKETS};

const KEY: usize = 32;
const OWNER: usize = 8;
const RECORD: usize = KEY + OWNER + 8;

/// In which piece a proof is remembered: by its hash, which nobody chooses.
pub(crate) fn number(proof: &Remember) -> usize {
    let [high, low, ..] = proof.key;
    usize::from(u16::from_be_bytes([high, low])) % BUCKETS
}

/// A piece with a proof added and what has passed left out; or why it is not added.
pub(crate) fn with(piece: &[u8], proof: &Remember, now: Timestamp) -> Result<Vec<u8>, Answer> {
    let records = piece.chunks_exact(RECORD);
    // What was not written by this function is nothing that a proof could be looked up in.
    if !records.remainder().is_empty() {
        return Err(Answer::Unavailable);
    }
    let owner = proof.thumbprint.get(..OWNER).unwrap_or_default();
    let mut kept = Vec::with_capacity(piece.len().saturating_add(RECORD));
    let (mut proofs, mut share) = (0usize, 0usize);
    for record in records {
        let (key, rest) = record.split_at(KEY);
        let (by, until) = rest.split_at(OWNER);
        let until = until.try_into().map_or(Timestamp::MAX, Timestamp::from_be_bytes);
        if until < now {
            continue;
        }
        if key == proof.key {
            return Err(Answer::Seen);
        }
        proofs = proofs.saturating_add(1);
        if by == owner {
            share = share.saturating_add(1);
        }
        kept.extend_from_slice(record);
    }
    if proofs >= BUCKET_PROOFS || share >= BUCKET_SHARE {
        return Err(Answer::Full);
    }
    kept.extend_from_slice(&proof.key);
    kept.extend_from_slice(owner);
    // What ends before now is remembered for this second all the same: it was asked about now.
    kept.extend_from_slice(&proof.until.max(now).to_be_bytes());
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(number: u64, owner: u8, until: Timestamp) -> Remember {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        Remember { key, thumbprint: [owner; 32], until, identifier: "j".into() }
    }

    #[test]
    fn what_was_used_is_seen_until_its_time_has_passed() {
        let piece = with(&[], &proof(1, 1, 100), 50).unwrap();
        assert_eq!(with(&piece, &proof(1, 1, 100), 50), Err(Answer::Seen));
        assert_eq!(with(&piece, &proof(1, 2, 900), 100), Err(Answer::Seen), "100 has not passed, whoever asks");
        let piece = with(&piece, &proof(2, 1, 300), 60).unwrap();
        assert_eq!(piece.len(), 2 * RECORD);
        let later = with(&piece, &proof(1, 1, 300), 101).unwrap();
        assert_eq!(later.len(), 2 * RECORD, "what has passed is left out");
        assert_eq!(with(&later, &proof(2, 1, 300), 101), Err(Answer::Seen));
        let late = with(&[], &proof(3, 1, 10), 50).unwrap();
        assert_eq!(with(&late, &proof(3, 1, 10), 50), Err(Answer::Seen), "this second");
    }

    #[test]
    fn a_full_piece_refuses_and_one_key_fills_none() {
        let mut piece = Vec::new();
        for number in 0..BUCKET_SHARE as u64 {
            piece = with(&piece, &proof(number, 1, 100), 50).unwrap();
        }
        assert_eq!(with(&piece, &proof(9_999, 1, 100), 50), Err(Answer::Full));
        let mut owner = 2;
        for number in BUCKET_SHARE as u64..BUCKET_PROOFS as u64 {
            if number % BUCKET_SHARE as u64 == 0 {
                owner += 1;
            }
            piece = with(&piece, &proof(number, owner, 100), 50).unwrap();
        }
        assert_eq!(with(&piece, &proof(9_999, 200, 100), 50), Err(Answer::Full));
        assert_eq!(with(&piece, &proof(3, 200, 100), 50), Err(Answer::Seen), "nothing was dropped");
        assert_eq!(with(&piece, &proof(9_999, 200, 200), 101).unwrap().len(), RECORD);
    }

    #[test]
    fn what_is_no_piece_is_not_asked() {
        assert_eq!(with(&[0; RECORD - 1], &proof(1, 1, 100), 50), Err(Answer::Unavailable));
    }

    #[test]
    fn proofs_fall_on_every_piece() {
        let mut met = vec![false; BUCKETS];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let mut proof = proof(0, 1, 1);
                proof.key[0] = first;
                proof.key[1] = second;
                met[number(&proof)] = true;
            }
        }
        assert!(met.into_iter().all(|met| met));
    }
}
