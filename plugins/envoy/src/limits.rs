//! Bounds of the filter, each with its reason. Those that a policy may move stand in its `limits`.

use core::time::Duration;

/// In how many pieces the memory of used proofs lies. A record is written with its whole piece, so the pieces are small; each is
/// made when the filter is configured, because Envoy has no way to make one only if there is none.
pub(crate) const BUCKETS: usize = 1024;

/// The most proofs of one piece: a million together. At a window of five minutes, kept for twice as long, that is 1,700 new
/// ones a second.
pub(crate) const BUCKET_PROOFS: usize = 1024;

/// The most proofs of one key in one piece, a sixteenth: so that no client fills the memory for others. Proofs fall on pieces
/// by their hash, so one key may have about 50,000 proofs remembered before the first is refused.
pub(crate) const BUCKET_SHARE: usize = 64;

/// How often a record is tried again when another worker has written the same piece meanwhile. Each time somebody else has
/// made progress.
pub(crate) const RECORD_ATTEMPTS: usize = 32;

/// In how many places documents are shared between workers. Two that fall on one place are fetched by each worker.
pub(crate) const SLOTS: usize = 256;

/// The longest document that is shared, in bytes: 128 MiB for all places at the very most.
pub(crate) const MAX_SHARED: usize = 512 * 1024;

/// How old a document that another worker fetched may be for a request that asks for a newer one, in seconds: as old as one
/// of the worker's own, which is not fetched again within the gate's cooldown either.
pub(crate) const SHARED_FRESH: u64 = portcullis_gate::limits::COOLDOWN;

/// How long one fetch may take, redirects apart.
pub(crate) const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// How long a request waits for all its documents, in seconds.
pub(crate) const WAIT_WITHIN: u64 = 12;

/// How soon the root context begins what a request asks for. A fetch belongs to the context that begins it, and the request's
/// own may end before the answer comes.
pub(crate) const SOON: Duration = Duration::from_millis(1);

/// How often the root context looks for documents that are due and for requests that have waited too long.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// The most URLs that wait to be fetched. Issuers, trust domains and lists that requests wait for; more is a flood.
pub(crate) const MAX_QUEUED: usize = 4096;
