//! Bounds of policies, each with its reason.

/// The longest policy, in bytes: 10,000 rules of a hundred bytes each.
pub const MAX_POLICY: usize = 1024 * 1024;

/// Most issuers. A service that trusts more has a federation, not a list.
pub const MAX_ISSUERS: usize = 256;

/// Most trust domains. Federations have some dozens.
pub const MAX_TRUST_DOMAINS: usize = portcullis_svid::MAX_TRUST_DOMAINS;

/// Most rules: an API of some thousand endpoints, each with a few methods.
pub const MAX_RULES: usize = 10_000;

/// Most origins, listeners, and names in one list of the policy. Each is looked through for every request.
pub const MAX_NAMES: usize = 256;

/// Longest name of a rule or listener, in characters: it stands on lines of logs.
pub const MAX_NAME: usize = 128;

/// Most segments of a path pattern. Real paths stay under twenty.
pub const MAX_SEGMENTS: usize = 64;

/// Most status lists an issuer that a policy may ask for.
pub const MAX_LISTS: u64 = 65_536;

/// Most remembered tokens that a policy may ask for: some KiB each.
pub const MAX_REMEMBERED: u64 = 1_000_000;

/// Most parked requests that a policy may ask for.
pub const MAX_PARKED: u64 = 65_536;

/// Most fetches in flight that a policy may ask for.
pub const MAX_FETCHES: u64 = 256;

/// Most errors, and most warnings, that are told of one policy: more help nobody.
pub const MAX_ERRORS: usize = 100;

/// The most that clocks may be said to differ, in seconds: more than ten minutes is no leeway but another expiry.
pub const MAX_LEEWAY: u64 = 600;

/// The longest that what an introspection endpoint says is relied upon, in seconds: for as long a revoked token may be accepted.
pub const MAX_INTROSPECTION_CACHE: u64 = 3_600;

/// The widest window of a proof, in seconds: the memory of used proofs is filled for twice as long.
pub const MAX_WINDOW: u64 = 3_600;

/// The longest time of any kind, in seconds: ten years.
pub const MAX_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// For how long documents may be used after they were last fetched, in seconds: a month without keys is no outage but a
/// provider that is gone.
pub const MAX_STALE: u64 = 30 * 24 * 60 * 60;

/// The least memory of a gate, in bytes: a key set and a few tokens. Less could decide about nothing.
pub const MIN_MEMORY: u64 = 16 * 1024;

/// The most that a bound in bytes may be: what a WebAssembly component can address.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The least that documents may be bounded to, in bytes: one key set.
pub const MIN_DOCUMENT: u64 = 1024;

/// The longest key set, bundle or metadata that a policy may ask for, in bytes: what their own parsers read.
pub const MAX_DOCUMENT: u64 = portcullis_types::limits::MAX_DOCUMENT as u64;

/// The most that an Envoy filter may hold, in bytes: each worker has a copy, in Envoy's own process.
pub const MAX_ENVOY_MEMORY: usize = 128 * 1024 * 1024;

/// The longest status list that an Envoy filter reads, on the wire and inflated, in bytes. To inflate more would hold up the
/// worker's other requests; larger ones want `ext_authz`.
pub const MAX_ENVOY_LIST: usize = 4 * 1024 * 1024;

/// Most grants of a registry. Who needs more has directories of its own, and an issuer in front of them.
pub const MAX_GRANTS: usize = 10_000;

/// The shortest life of a token for registries, in seconds: clients that are told nothing count on 60 (distribution: Token
/// Authentication Specification, `expires_in`).
pub const MIN_LIFETIME: u64 = 60;
