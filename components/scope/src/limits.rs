//! Bounds of scopes, authorization details, challenges and registry access, each with its reason.

/// The longest scope text, in bytes. Real ones stay under a few KiB; a request header of HTTP servers ends at 8 to
/// 64 KiB. Half of [`MAX_CHALLENGE`], so that a required scope always fits into its challenge.
pub const MAX_SCOPE_TEXT: usize = 32 * 1024;

/// Most tokens of one scope, and most resources of one registry scope. The largest providers have a few hundred in all.
pub const MAX_SCOPES: usize = 1_000;

/// Most `acr` values that one requirement lists: in order of preference, so a handful.
pub const MAX_ACR_VALUES: usize = 64;

/// The longest `acr` value, in bytes. The longest registered ones are URNs of about a hundred.
pub const MAX_ACR_VALUE: usize = 256;

/// Most objects in one `authorization_details`. RFC 9396 examples have up to three.
pub const MAX_DETAILS: usize = 100;

/// The longest JSON text of required authorization details, in bytes: they travel in a header, where base64url makes a
/// third more of them.
pub const MAX_REQUIRED_DETAILS_TEXT: usize = 16 * 1024;

/// Most claims that one requirement names, and most values it lists for one of them.
pub const MAX_CLAIM_REQUIREMENTS: usize = 100;

/// The longest `WWW-Authenticate` value that is read or written, in bytes: more than any HTTP server sends.
pub const MAX_CHALLENGE: usize = 64 * 1024;

/// Most challenges of one `WWW-Authenticate` that a client reads. Servers with many schemes have about five.
pub const MAX_CHALLENGES: usize = 16;

/// Most parameters of one challenge. The richest scheme (Digest) has about ten.
pub const MAX_PARAMETERS: usize = 32;

/// The longest nonce or challenge for a proof that a client takes from a server, in bytes. Real ones have under a hundred,
/// and the longest are encrypted ones of some hundred.
pub const MAX_ASKED_NONCE: usize = 4 * 1024;

/// Most times that one request is sent: first, with a token that is there, with a new one, and once more each for a nonce
/// and for an attestation's challenge.
pub const MAX_ATTEMPTS: usize = 5;

/// Longest realm, in bytes: a name, or the URL of a token server.
pub const MAX_REALM: usize = 2 * 1024;

/// Longest resource identifier or metadata URL, in bytes; longer URLs fail in clients and proxies anyway.
pub const MAX_RESOURCE: usize = 2 * 1024;

/// The longest path with query of a registry request, in bytes. Upload sessions carry their state in the query.
pub const MAX_TARGET: usize = 64 * 1024;

/// Most entries of one access list.
pub const MAX_ACCESS: usize = 1_000;

/// Most actions of one entry of an access list. Registries know four.
pub const MAX_ACTIONS: usize = 64;

/// How far a registry's clock may differ where nobody says otherwise, in seconds (distribution, `registry/auth/token`).
pub const REGISTRY_LEEWAY: u64 = 60;

/// The longest form of a request for a token, in bytes: a scope at its longest, a token, and room.
pub const MAX_FORM: usize = 384 * 1024;

/// The longest parameter of a request for a token but its scope, in bytes: as long as a token may be.
pub const MAX_PARAMETER: usize = portcullis_types::limits::MAX_COMPACT_TOKEN;
