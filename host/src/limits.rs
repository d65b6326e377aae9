//! Every limit of the host, with its reason. What a user could need to change is an option of
//! [`RuntimeBuilder`](crate::RuntimeBuilder).

use std::time::Duration;

/// How long one call into a component may run before it is cut off, by default.
///
/// The slowest honest call, an RSA signature of 8,192 bits in software, takes some milliseconds, and reading a
/// key set of 256 keys well under a second; five seconds leave room for a loaded machine and still free the
/// thread before a client gives up.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// How much linear memory one instance may have, in bytes, by default.
///
/// The largest thing a component has to hold is a status list that inflates to 64 MiB, beside its compressed
/// form and the rest of a request; window tables take about half a MiB a key.
pub const DEFAULT_MEMORY_LIMIT: usize = 256 * 1024 * 1024;

/// How many instances may live at once, by default.
///
/// Each reserves about 4 GiB of address space (not memory), so that bounds checks cost nothing: 64 of them fit
/// into the 47 bits of user space hundreds of times, and are more than the cores of most machines.
pub const DEFAULT_MAX_INSTANCES: u32 = 64;

/// How often the clock of the deadlines ticks: a call is cut off at most this much (and the scheduler's delay)
/// after its deadline. A hundred wake-ups a second are not noticeable.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Core instances, and tables, that one component may need: its module, and up to three of the small adapters
/// that component tooling adds for imports and destructors.
pub(crate) const CORE_PARTS_PER_COMPONENT: u32 = 4;

/// The largest component file that is read, in bytes. The full component is about 2 MiB; compiled code is three
/// to five times as large.
pub const MAX_COMPONENT_BYTES: u64 = 64 * 1024 * 1024;

/// How many documents of a gate are kept for the instance that may have to follow. A policy has at most 256 issuers with
/// two places of metadata and one of keys, the same for the keys of their lists, and 256 trust domains: 1,792.
pub(crate) const MAX_KEPT_DOCUMENTS: usize = 2048;

/// How many bytes of them are kept. A gate counts each four times in what an instance may hold, 256 MiB by default, so
/// that it never has more of them.
pub(crate) const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// How many keys one instance may have prepared in the host's library at once.
///
/// The component prepares a key once for each of its algorithms: two full sets of 256 RSA keys with six
/// algorithms each are 3,072. A prepared key takes a few KiB, so this bounds an instance to some 10 MiB.
#[cfg(feature = "hosted-crypto")]
pub(crate) const MAX_PREPARED_KEYS: usize = 4096;

/// How many files of compiled code the cache folder keeps; the oldest go first. One set of builds is about
/// twenty components, so this keeps two versions side by side.
#[cfg(feature = "compiler")]
pub(crate) const MAX_CACHED_FILES: usize = 48;
