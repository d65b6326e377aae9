//! The memory of used proofs, which the workers of an Envoy share.
//!
//! Envoy's shared data knows "write if nobody has since I read", and not "write if there is none": so each piece of the memory
//! is made when the first filter is configured, which Envoy does on its main thread before any worker has one, and never
//! while serving.

use portcullis_gate::{Answer, Remember};
use portcullis_types::Timestamp;
use proxy_wasm::{hostcalls, types::Status};

use crate::{
    bucket,
    limits::{BUCKETS, RECORD_ATTEMPTS},
};

/// Since when the memory is complete: written last, so that it says that every piece is there.
const SINCE: &str = "portcullis.proofs.since";

fn piece(number: usize) -> String {
    format!("portcullis.proofs.{number}")
}

/// The memory.
pub(super) struct Proofs {
    since: Timestamp,
}

impl Proofs {
    /// Finds the memory, or makes it.
    pub(super) fn prepare(now: Timestamp) -> Result<Self, &'static str> {
        const UNUSABLE: &str = "Envoy's shared data cannot be used";
        if let Some(bytes) = hostcalls::get_shared_data(SINCE).map_err(|_| UNUSABLE)?.0 {
            let since = bytes.try_into().map(Timestamp::from_be_bytes).map_err(|_| UNUSABLE)?;
            return Ok(Self { since });
        }
        for number in 0..BUCKETS {
            hostcalls::set_shared_data(&piece(number), Some(&[]), None).map_err(|_| UNUSABLE)?;
        }
        // A proof that says it was made in this very second may have been used a moment before.
        let since = now.saturating_add(1);
        hostcalls::set_shared_data(SINCE, Some(&since.to_be_bytes()), None).map_err(|_| UNUSABLE)?;
        Ok(Self { since })
    }

    /// Since when every proof that was used is remembered.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Remembers a proof, and tells whether it was remembered already.
    pub(super) fn remember(&self, proof: &Remember, now: Timestamp) -> Answer {
        let name = piece(bucket::number(proof));
        for _ in 0..RECORD_ATTEMPTS {
            // Without a number to compare, a write would replace what another worker has written.
            let Ok((bytes, Some(seen))) = hostcalls::get_shared_data(&name) else { return Answer::Unavailable };
            let with = match bucket::with(&bytes.unwrap_or_default(), proof, now) {
                Ok(with) => with,
                Err(answer) => return answer,
            };
            match hostcalls::set_shared_data(&name, Some(&with), Some(seen)) {
                Ok(()) => return Answer::Fresh,
                Err(Status::CasMismatch) => {}
                Err(_) => return Answer::Unavailable,
            }
        }
        Answer::Unavailable
    }
}
