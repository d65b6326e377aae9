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
