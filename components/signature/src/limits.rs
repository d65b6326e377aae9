//! What bounds a message's signatures. RFC 9421 sets no bounds of its own.

use portcullis_types::limits::{MAX_COMPACT_TOKEN, MAX_DOCUMENT};

/// Most signatures of one message. One for the client, one for each proxy on the way and a few while algorithms change make
/// less than ten.
pub const MAX_SIGNATURES: usize = 16;

/// Most components that one signature covers. A response that covers all of its own fields and all of its request's stays
/// under fifty. Each may cost the parsing of a field as long as [`MAX_FIELD`].
pub const MAX_COMPONENTS: usize = 64;

/// Most parameters of one signature. Six are registered, and profiles add two or three.
pub const MAX_PARAMETERS: usize = 32;

/// The longest field, its lines combined, in bytes: as long as a single header value may be anywhere here.
pub const MAX_FIELD: usize = MAX_COMPACT_TOKEN;

/// The longest signature base, in bytes: all of it is hashed. A few fields of the greatest length fit.
pub const MAX_BASE: usize = MAX_DOCUMENT;
