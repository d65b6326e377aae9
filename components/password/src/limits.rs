//! Bounds, each with its reason.

/// Most users of one file. More belong into a directory, with an issuer in front of it.
pub const MAX_USERS: usize = 10_000;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 255;

/// The longest password that is looked at, in bytes (RFC 7617 has none; longer ones only cost time).
pub const MAX_PASSWORD: usize = 1_024;

/// What bcrypt reads of a password, in bytes. A longer one matches nothing: its end would not count.
pub const BCRYPT_PASSWORD: usize = 72;

/// The greatest cost of bcrypt: about a third of a second within WebAssembly. `htpasswd` writes 5, most advice is 10 to 12.
pub const MAX_BCRYPT_COST: u32 = 12;

/// Most memory of Argon2, in KiB: 64 MiB, the second recommendation of RFC 9106 section 4. An instance may have 256.
pub const MAX_ARGON2_MEMORY: u32 = 64 * 1024;

/// Most memory times passes of Argon2, in KiB: RFC 9106 section 4's second recommendation has 3 passes.
pub const MAX_ARGON2_WORK: u64 = 3 * MAX_ARGON2_MEMORY as u64;

/// Most lanes of Argon2. They are gone through one after the other here.
pub const MAX_ARGON2_LANES: u32 = 16;
