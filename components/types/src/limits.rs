//! Bounds that are not one specification's own. A specification's bound stands beside its rule.

/// The longest compact token, proof or single header value, in bytes. Tokens with large claims (group lists,
/// embedded certificates) reach some tens of KiB; four times that is still cheap to hash and parse.
pub const MAX_COMPACT_TOKEN: usize = 256 * 1024;

/// The deepest nesting of JSON and CBOR. Real claims stay under ten; 64 keeps recursion within a small stack.
pub const MAX_NESTING: usize = 64;

/// The longest document (JWK Set, bundle, metadata), in bytes.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

/// Most keys in one set. Large providers publish about ten; workload trust domains some dozens.
pub const MAX_KEYS: usize = 256;

/// Longest excerpt of foreign text put into a detail, in characters: enough to recognise it, too short to flood a log.
pub const MAX_EXCERPT: usize = 64;

/// A short, printable form of foreign text for a detail: escaped, cut after [`MAX_EXCERPT`] characters.
pub fn excerpt(text: &str) -> alloc::string::String {
    use core::fmt::Write;
    let mut out = alloc::string::String::from("\"");
    let mut characters = text.chars();
    for c in characters.by_ref().take(MAX_EXCERPT) {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if c.is_ascii_graphic() || c == ' ' => write!(out, "{c}"),
            c if c.is_alphanumeric() => write!(out, "{c}"),
            c => write!(out, "{}", c.escape_unicode()),
        };
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out.push('"');
    out
}
