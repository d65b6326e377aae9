//! Paths: which ones are unambiguous, and which patterns they match (`docs/policy.md`, "Paths").
//!
//! A path is judged before any rule is looked at: what two parsers could read in two ways is refused, so that the bytes
//! that are judged are the bytes that the upstream acts on.

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use crate::{code::GateCode, policy::limits::MAX_SEGMENTS};

/// A path that every parser reads alike. Segments are decoded, so that two spellings of one resource match one rule; a last
/// empty segment stands for a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'p> {
    segments: Vec<Cow<'p, [u8]>>,
    /// Whether it has a `%2F`, which only a rule may let through.
    pub encoded_slash: bool,
}

impl<'p> RequestPath<'p> {
    /// Judges the path of a raw request target, without its query.
    ///
    /// Error: `request.path_ambiguous`.
    pub fn parse(path: &'p str) -> Result<Self, Rejection> {
        let refuse = |what: &str| Err(Rejection::new(GateCode::PathAmbiguous, what));
        let Some(rest) = path.strip_prefix('/') else { return refuse("the path does not begin with a slash") };
        for byte in path.bytes() {
            match byte {
                b'\\' => return refuse("the path has a backslash"),
                b';' => return refuse("the path has a parameter (;)"),
                b'#' => return refuse("the target has a fragment"),
                0..=0x20 | 0x7f => return refuse("the path has a control character or a space"),
                0x80.. => return refuse("the path has a character that is not ASCII"),
                b'%' => {}
                byte if is_path_character(byte) => {}
                _ => return refuse("the path has a character that no path has"),
            }
        }
        let mut encoded_slash = false;
        let mut segments = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            if part.is_empty() && parts.peek().is_some() {
                return refuse("the path has an empty segment (//)");
            }
            let segment = decode(part, &mut encoded_slash)?;
            if matches!(segment.as_ref(), b"." | b"..") {
                return refuse("the path has a dot segment");
            }
            segments.push(segment);
        }
        Ok(Self { segments, encoded_slash })
    }

    /// Its segments, decoded.
    pub fn segments(&self) -> &[Cow<'p, [u8]>] {
        &self.segments
    }
}

/// `unreserved`, `sub-delims` without `;`, `:`, `@` and `/` (RFC 3986 section 3.3).
fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte)
}

/// Decodes a segment's escapes, and refuses those that parsers differ in.
fn decode<'s>(segment: &'s str, encoded_slash: &mut bool) -> Result<Cow<'s, [u8]>, Rejection> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment.as_bytes()));
    }
    let refuse = |what: &str| Err(Rejection::new(GateCode::PathAmbiguous, what));
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return refuse("the path has a malformed escape");
        };
        match (high * 16 + low) as u8 {
            b'/' => {
                *encoded_slash = true;
                out.push(b'/');
            }
            b'\\' => return refuse("the path has an encoded backslash"),
            0..=0x1f | 0x7f => return refuse("the path has an encoded control character"),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                return refuse("the path has an escape of a character that needs none");
            }
            byte => out.push(byte),
        }
    }
    Ok(Cow::Owned(out))
}

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Vec<Part>);

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// This segment, decoded.
    Literal(Vec<u8>),
    /// `{x}`: exactly one segment that is not empty.
    One,
    /// `{x...}`: one or more segments, the first of which is not empty; a slash at the end belongs to them.
    Rest,
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong, for people.
    ///
    /// ```
    /// use portcullis_gate::path::{Pattern, RequestPath};
    ///
    /// let pattern = Pattern::parse("/reports/{id}").unwrap();
    /// assert!(pattern.matches(&RequestPath::parse("/reports/7").unwrap()));
    /// assert!(!pattern.matches(&RequestPath::parse("/reports/").unwrap()));
    /// assert!(!pattern.matches(&RequestPath::parse("/reports/7/lines").unwrap()));
    /// let rest = Pattern::parse("/internal/{rest...}").unwrap();
    /// assert!(rest.matches(&RequestPath::parse("/internal/a/b").unwrap()));
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else { return Err("a path begins with a slash".into()) };
        let parts: Vec<&str> = rest.split('/').collect();
        if parts.len() > MAX_SEGMENTS {
            return Err(format!("{} segments, at most {MAX_SEGMENTS} are read", parts.len()));
        }
        let mut names = Vec::new();
        let last = parts.len() - 1;
        let read = |(index, part)| {
            let part: &str = part;
            let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                if part.contains(['{', '}']) {
                    return Err(format!("{} mixes a wildcard and text: a wildcard is a whole segment", excerpt(part)));
                }
                return literal(part);
            };
            let (name, rest) = match inner.strip_suffix("...") {
                Some(name) => (name, true),
                None => (inner, false),
            };
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!("{} has no name of letters, digits and underscores", excerpt(part)));
            }
            if names.contains(&name) {
                return Err(format!("the name {} occurs twice", excerpt(name)));
            }
            names.push(name);
            if rest && index != last {
                return Err(format!("{} has to be the last segment", excerpt(part)));
            }
            Ok(if rest { Part::Rest } else { Part::One })
        };
        let read = parts.iter().copied().enumerate().map(read).collect::<Result<Vec<Part>, String>>()?;
        if read.iter().rev().skip(1).any(|part| *part == Part::Literal(Vec::new())) {
            return Err("an empty segment (//) is never let through".into());
        }
        Ok(Self(read))
    }

    /// Its parts.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether a path matches. Rules are found through an index; this is what the index is tested against.
    pub fn matches(&self, path: &RequestPath<'_>) -> bool {
        let mut segments = path.segments.iter();
        for part in &self.0 {
            let matched = match (part, segments.next()) {
                (_, None) => false,
                (Part::Literal(literal), Some(segment)) => literal.as_slice() == segment.as_ref(),
                (Part::One, Some(segment)) => !segment.is_empty(),
                (Part::Rest, Some(segment)) => return !segment.is_empty(),
            };
            if !matched {
                return false;
            }
        }
        segments.next().is_none()
    }
}

/// A literal segment of a pattern: one that a request may have.
fn literal(part: &str) -> Result<Part, String> {
    if part.contains('*') {
        return Err(format!("{} has a *, which stands for itself in a path: write {{x}} or {{x...}}", excerpt(part)));
    }
    let text = format!("/{part}");
    let path = RequestPath::parse(&text)
        .map_err(|rejection| format!("{} is never let through: {}", excerpt(part), rejection.detail()))?;
    Ok(Part::Literal(path.segments.into_iter().next().unwrap_or_default().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trick_is_refused() {
        for path in [
            "",
            "a",
            "//",
            "/a//b",
            "//a",
            "/a//",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/%2e",
            "/a/%2e%2e/b",
            "/a/.%2E",
            "/a%5Cb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/%00",
            "/a%0a",
            "/a%7F",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%2g",
            "/%41",
            "/%7e",
            "/a%2D",
            "/a;b",
            "/a/;x=1/b",
            "/a#b",
            "/a b",
            "/a\tb",
            "/a\u{1}",
            "/é",
            "/a\u{7f}",
            "/a|b",
            "/a\"b",
            "/<a>",
            "/a^b",
            "/a`b",
            "/{a}",
            "/a[0]",
        ] {
            let code = RequestPath::parse(path).err().map(|rejection| rejection.code());
            assert_eq!(code, Some("request.path_ambiguous"), "{path:?}");
        }
        for path in
            ["/", "/a", "/a/", "/a.b/..c", "/a/...", "/a%20b", "/%C3%A9", "/a:b@c", "/a%25", "/~a", "/a=b&c,d+e!"]
        {
            assert!(RequestPath::parse(path).is_ok(), "{path:?}");
        }
        assert!(RequestPath::parse("/a%2Fb").unwrap().encoded_slash);
        assert!(!RequestPath::parse("/a/b").unwrap().encoded_slash);
    }

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&RequestPath::parse(path).unwrap())
    }

    #[test]
    fn matching_is_by_segment_and_case() {
        for (pattern, path) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/{x}", "/a"),
            ("/a/{x}/c", "/a/b/c"),
            ("/{x...}", "/a"),
            ("/{x...}", "/a/b/c"),
            ("/a/{x...}", "/a/b/"),
            ("/a:b", "/a%3Ab"),
            ("/a%3Ab", "/a:b"),
            ("/a%20b", "/a%20b"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/", "/a"),
            ("/a", "/"),
            ("/a", "/A"),
            ("/a", "/a/"),
            ("/a/", "/a"),
            ("/{x}", "/"),
            ("/{x}", "/a/"),
            ("/{x}", "/a/b"),
            ("/a/{x}", "/a/"),
            ("/{x...}", "/"),
            ("/a/{x...}", "/a"),
            ("/a/{x...}", "/a/"),
            ("/a/b", "/a"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_say_nothing_clear_are_refused() {
        for pattern in [
            "",
            "a",
            "/a//b",
            "/a/../b",
            "/a;b",
            "/a b",
            "/{x...}/a",
            "/{x}{y}",
            "/a{x}",
            "/{}",
            "/{...}",
            "/{x-y}",
            "/{x}/{x}",
            "/%41",
            "/é",
            "/a*",
            "/{x",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
