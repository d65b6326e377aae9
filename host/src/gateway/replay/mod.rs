//! The memory of used proofs: the host's, so that it survives traps and new policies, and one for all instances.
//!
//! A proof is remembered by one atomic insert-if-absent. What cannot be remembered is not allowed: a memory that is full or
//! out of reach denies with 503.

mod embedded;
mod nonces;
mod redis;
mod shares;

use std::time::Duration;

pub(crate) use nonces::Nonces;

use crate::gate::{Answer, Remember, sha256_to_bytes};
use embedded::Embedded;
use redis::Redis;

/// How long a client that failed to reach the memory waits before the gateway starts without it.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Why a memory cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The setting is neither `memory` nor the URL of a Redis.
    #[error("{0} is no memory of used proofs: write `memory`, or redis:// or rediss:// and a host")]
    Unknown(String),
    /// The URL cannot be used.
    #[error("the memory of used proofs cannot be used: {0}")]
    Url(String),
    /// The file of the nonces' secret cannot be used.
    #[error("the nonces' secret in {file} cannot be used: {why}; write 32 random bytes in base64url without padding")]
    Secret {
        /// The file.
        file: String,
        /// What is wrong with it. Nothing of what it holds.
        why: String,
    },
}

/// A memory of used proofs.
pub struct ReplayMemory(Kind);

enum Kind {
    Embedded(Embedded),
    Redis(Box<Redis>),
}

impl ReplayMemory {
    /// Opens the memory that a setting names: `memory`, or the URL of a Redis or Valkey. One that is not there yet is no
    /// error: requests that need it are denied until it is.
    ///
    /// # Errors
    ///
    /// The setting names none.
    pub async fn open(setting: &str, now: u64) -> Result<Self, ReplayError> {
        if setting == "memory" {
            return Ok(Self(Kind::Embedded(Embedded::new(now))));
        }
        if !setting.starts_with("redis://") && !setting.starts_with("rediss://") {
            // It may hold a password.
            let word = setting.split("://").next().unwrap_or_default();
            return Err(ReplayError::Unknown(word.chars().take(20).collect()));
        }
        let redis = Redis::open(setting)?;
        if tokio::time::timeout(CONNECT_WITHIN, redis.learn_epoch(now)).await.is_err() {
            tracing::warn!("the memory of used proofs does not answer: requests with proofs are denied until it does");
        }
        Ok(Self(Kind::Redis(Box::new(redis))))
    }

    /// Remembers a proof, and tells whether it was remembered already. `told_since` is what [`complete_since`] said when
    /// the evaluation began: a memory that has lost something since cannot tell.
    ///
    /// [`complete_since`]: Self::complete_since
    pub async fn remember(&self, proof: &Remember, told_since: Option<u64>, now: u64) -> Answer {
        let (key, owner) = (sha256_to_bytes(proof.key), sha256_to_bytes(proof.thumbprint));
        match &self.0 {
            Kind::Embedded(memory) => memory.remember(key, owner, proof.until, now),
            Kind::Redis(memory) => memory.remember(key, owner, proof.until, told_since, now).await,
        }
    }

    /// Since when every proof that was used is remembered, in seconds since 1970. Proofs made earlier may have been used,
    /// and are refused by the gate.
    #[must_use]
    pub fn complete_since(&self) -> Option<u64> {
        Some(match &self.0 {
            Kind::Embedded(memory) => memory.since(),
            Kind::Redis(memory) => memory.since(),
        })
    }

    /// How many proofs this host keeps account of.
    #[must_use]
    pub fn held(&self) -> u64 {
        match &self.0 {
            Kind::Embedded(memory) => memory.held(),
            Kind::Redis(memory) => memory.held(),
        }
    }
}

/// Since when a memory is complete that begins at a time, both in whole seconds: a proof that says it was made in this very
/// second may have been used a moment before.
fn complete_from(now: u64) -> u64 {
    now.saturating_add(1)
}
