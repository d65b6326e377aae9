//! Bounds of requests and evaluations, each with its reason. Those that a policy may move stand in
//! [`Limits`](crate::policy::Limits).

/// Most header fields and trailers of a request. Servers take about a hundred.
pub const MAX_HEADERS: usize = 1_000;

/// The most that names and values of a request's header fields may have together, in bytes.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// The longest URL or request target, in bytes. Servers take 8 to 64 KiB.
pub const MAX_TARGET: usize = 64 * 1024;

/// Most rounds of needs of one evaluation: metadata, keys, a status list, the memory of used proofs.
pub const MAX_ROUNDS: u8 = 4;

/// Most redirects of one fetch.
pub const MAX_REDIRECTS: u8 = 3;

/// For how many seconds a document is not asked for again after it was fetched or could not be: an unknown key identifier,
/// which anybody can send, makes at most one fetch in this time.
pub const COOLDOWN: u64 = 30;

/// For how many seconds a fetch is taken to be under way, so that others wait for it and none begins another. After it the
/// host is taken to have lost it.
pub const IN_FLIGHT: u64 = 30;

/// The longest opaque token that an introspection endpoint is asked about, in bytes. Those of known servers have a hundred or two;
/// longer ones carry what they say themselves, and are JWTs.
pub const MAX_OPAQUE_TOKEN: usize = 4 * 1024;

/// The longest answer of an introspection endpoint, in bytes: the claims of a token, authorization details among them.
pub const MAX_INTROSPECTION_ANSWER: usize = 64 * 1024;

/// Most tokens that are asked about at one time. Each parks a request; more would take the places of requests that wait for keys.
pub const MAX_QUESTIONS: usize = 256;

/// Most of them that were not active when they were last asked about. Who guesses tokens takes these, and leaves the rest to
/// tokens that are known.
pub const MAX_UNKNOWN_QUESTIONS: usize = 192;

/// Most answers that are kept apart from the memory of tokens: those that say that a token is not active, that could not be had,
/// and that who asked has not fetched yet.
pub const MAX_TOLD: usize = 1_024;

/// For how many seconds it is remembered that a token is not active, where answers are relied upon for so long. Such a token
/// seldom comes to life, and who guesses seldom guesses twice: longer would fill memory for nothing.
pub const INACTIVE_FOR: u64 = 10;

/// For how many seconds an answer waits for who asked for it: a little longer than any request does.
pub const TOLD_FOR: u64 = 15;

/// How often a bundle is fetched again where it does not say, in seconds (SPIFFE Federation section 4: five minutes).
pub const BUNDLE_REFRESH: u64 = 300;

/// A bundle's refresh hint is followed down to this, in seconds: less would be a flood.
pub const MIN_REFRESH: u64 = 10;

/// For how many seconds a status list is good that has neither `exp` nor `ttl`.
pub const LIST_WITHOUT_LIFETIME: u64 = 300;

/// The longest discovery document, or key set, of another server of Open Cloud Mesh, in bytes. They have one or two KiB, and come from
/// who is not known.
#[cfg(feature = "ocm")]
pub const MAX_PEER_DOCUMENT: usize = 64 * 1024;

/// Most servers of Open Cloud Mesh of which a signature verified that are remembered. Federations have some hundreds; a server that was
/// longest silent is asked again.
#[cfg(feature = "ocm")]
pub const MAX_PEERS: usize = 1_024;

/// Most others: whoever writes a message names one.
#[cfg(feature = "ocm")]
pub const MAX_UNKNOWN_PEERS: usize = 64;

/// For how many seconds the discovery document and the keys of another server are relied upon: what it takes back counts for so long at
/// most. They are asked for again by who needs them, never ahead.
#[cfg(feature = "ocm")]
pub const PEER_FRESH: u64 = 3_600;

/// The longest value of a header for the upstream, in bytes. Servers take 8 KiB of all headers together.
pub const MAX_UPSTREAM_VALUE: usize = 4 * 1024;

/// The longest description of a client's request, in bytes: its header fields, its form, certificates, and room.
#[cfg(feature = "clients")]
pub const MAX_DESCRIPTION: usize = 1024 * 1024;

/// Most rounds in which an evaluation asks the store of registrations: one that loads, one that stores, and as many as others
/// may come between. They are counted apart from [`MAX_ROUNDS`].
#[cfg(feature = "clients")]
pub const MAX_STORE_ROUNDS: u8 = 8;

/// What clients are told to wait after a 503, in seconds: about as long as a fetch takes to be tried again.
pub const RETRY_AFTER: u64 = 5;

/// The longest claims of a token that a refresh token carries, in bytes of JSON: it travels in forms, and in clients' files.
pub const MAX_REFRESH_CLAIMS: usize = 4 * 1024;

/// How long it is remembered that a password was right, in seconds: clients without a token service send it with every request.
pub const PASSWORD_REMEMBERED: u64 = 300;

/// Most passwords of which that is remembered.
pub const MAX_PASSWORDS: usize = 1_000;
