//! Randomness of the demo issuer, from the cryptographic library.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::CannotSign;

/// Bytes of a secret: nobody guesses one of 256 bits.
const SECRET: usize = 32;

/// A secret in base64url.
///
/// # Errors
///
/// There is no randomness.
pub(super) fn secret() -> Result<String, CannotSign> {
    let mut bytes = [0; SECRET];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The numbers from 0 to `count` − 1 in random order: each gets a random key, and they are sorted by it.
///
/// # Errors
///
/// There is no randomness.
pub(super) fn shuffled(count: usize) -> Result<Vec<usize>, CannotSign> {
    let mut bytes = vec![0; count * size_of::<u64>()];
    fill(&mut bytes)?;
    let (keys, _) = bytes.as_chunks::<{ size_of::<u64>() }>();
    let mut keyed: Vec<(u64, usize)> = keys.iter().map(|key| u64::from_le_bytes(*key)).zip(0..).collect();
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, number)| number).collect())
}

fn fill(bytes: &mut [u8]) -> Result<(), CannotSign> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| CannotSign("there is no randomness".into()))
}
