//! Digest fields (RFC 9530).
//!
//! Content-Digest is over the content as it is sent, content coding included, so that whoever has the message can check it.
//! Repr-Digest is over the representation, which a message alone need not hold; it can be covered by a signature like any other
//! field, and is not recomputed.

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::{Rejection, limits::excerpt};
use sfv::BareItem;
use sha2::{Digest, Sha256, Sha512};

use crate::{
    Field, SignatureCode, field_value,
    structured::{Dictionary, Member},
};

/// An algorithm for digests that is active in its registry (RFC 9530 section 7.2): it withstands attackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// `sha-256`
    Sha256,
    /// `sha-512`
    Sha512,
}

impl DigestAlgorithm {
    /// Every one.
    pub const ALL: &'static [DigestAlgorithm] = &[DigestAlgorithm::Sha256, DigestAlgorithm::Sha512];

    /// Its key in the registry and in digest fields.
    pub fn name(self) -> &'static str {
        match self {
            DigestAlgorithm::Sha256 => "sha-256",
            DigestAlgorithm::Sha512 => "sha-512",
        }
    }

    fn digest(self, content: &[u8]) -> Vec<u8> {
        match self {
            DigestAlgorithm::Sha256 => Sha256::digest(content).to_vec(),
            DigestAlgorithm::Sha512 => Sha512::digest(content).to_vec(),
        }
    }

    /// The value of a digest field with the digest of some content.
    ///
    /// ```
    /// use portcullis_signature::DigestAlgorithm;
    /// assert!(DigestAlgorithm::Sha512.field(b"").starts_with("sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+D"));
    /// ```
    pub fn field(self, content: &[u8]) -> String {
        format!("{}=:{}:", self.name(), STANDARD.encode(self.digest(content)))
    }
}

/// A Content-Digest that is that of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The algorithms whose digests were recomputed: at least one.
    pub algorithms: Vec<DigestAlgorithm>,
}

/// The value of a Content-Digest for content, with SHA-256.
///
/// ```
/// assert_eq!(
///     portcullis_signature::content_digest(b"{\"hello\": \"world\"}"),
///     "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", // RFC 9421 section 7.2.8
/// );
/// ```
pub fn content_digest(content: &[u8]) -> String {
    DigestAlgorithm::Sha256.field(content)
}

/// Checks the Content-Digest among fields against the content (RFC 9530 section 2). Every digest of an active algorithm has to
/// match, and there has to be one; those of other algorithms are passed over, for they prove nothing.
///
/// Errors: `signature.digest_*`, `signature.body_unavailable`, `signature.field_form`, `signature.field_too_large`.
///
/// ```
/// use portcullis_signature::{Field, check_content_digest, content_digest};
/// let value = content_digest(b"yes");
/// let fields = [Field { name: "Content-Digest", value: value.as_bytes() }];
/// assert!(check_content_digest(&fields, Some(b"yes")).is_ok());
/// assert_eq!(check_content_digest(&fields, Some(b"no")).unwrap_err().code(), "signature.digest_mismatch");
/// ```
pub fn check_content_digest(fields: &[Field<'_>], content: Option<&[u8]>) -> Result<Checked, Rejection> {
    let lines = field_value::lines(fields, "Content-Digest")?;
    if lines.is_empty() {
        return Err(Rejection::new(SignatureCode::DigestMissing, "there is no Content-Digest"));
    }
    let dictionary = Dictionary::parse(&field_value::combine(&lines)).map_err(|error| {
        Rejection::new(SignatureCode::DigestSyntax, format!("Content-Digest is no Dictionary: {error}"))
    })?;
    if let Some(repeated) = &dictionary.repeated {
        return Err(Rejection::new(
            SignatureCode::DigestRepeated,
            format!("Content-Digest has {} twice", excerpt(repeated.as_str())),
        ));
    }
    let mut claimed = Vec::new();
    for algorithm in DigestAlgorithm::ALL {
        match dictionary.get(algorithm.name()) {
            None => {}
            Some(Member::Item(item)) if matches!(item.value, BareItem::ByteSequence(_)) => {
                claimed.extend(item.value.as_byte_sequence().map(|digest| (*algorithm, digest)));
            }
            Some(_) => {
                return Err(Rejection::new(
                    SignatureCode::DigestType,
                    format!("{} in Content-Digest is no byte sequence", algorithm.name()),
                ));
            }
        }
    }
    if claimed.is_empty() {
        let names: Vec<&str> = dictionary.entries.iter().map(|(key, _)| key.as_str()).collect();
        return Err(Rejection::new(
            SignatureCode::DigestAlgorithm,
            format!("Content-Digest has {}, and neither sha-256 nor sha-512", excerpt(&names.join(", "))),
        ));
    }
    let Some(content) = content else {
        return Err(Rejection::new(SignatureCode::BodyUnavailable, "the body is not at hand"));
    };
    for (algorithm, digest) in &claimed {
        if algorithm.digest(content) != *digest {
            return Err(Rejection::new(
                SignatureCode::DigestMismatch,
                format!("the {} digest is not that of the {} bytes of the body", algorithm.name(), content.len()),
            ));
        }
    }
    Ok(Checked { algorithms: claimed.iter().map(|(algorithm, _)| *algorithm).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const SHA_512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    const BODY: &[u8] = b"{\"hello\": \"world\"}";

    fn check(lines: &[&str]) -> Result<Vec<DigestAlgorithm>, &'static str> {
        let fields: Vec<Field<'_>> =
            lines.iter().map(|line| Field { name: "content-digest", value: line.as_bytes() }).collect();
        check_content_digest(&fields, Some(BODY)).map(|checked| checked.algorithms).map_err(|refused| refused.code())
    }

    #[test]
    fn digests_of_the_body_match() {
        use DigestAlgorithm::{Sha256, Sha512};
        assert_eq!(check(&[SHA_256]), Ok(Vec::from([Sha256])));
        assert_eq!(check(&[SHA_512]), Ok(Vec::from([Sha512])));
        assert_eq!(check(&[SHA_512, SHA_256]), Ok(Vec::from([Sha256, Sha512])));
        assert_eq!(check(&[&format!("md5=:AAAA:, {SHA_256};x=1, new=5")]), Ok(Vec::from([Sha256])));
        assert_eq!(Sha512.field(BODY), SHA_512);
        assert_eq!(content_digest(BODY), SHA_256);
    }

    #[test]
    fn every_active_digest_has_to_match() {
        let wrong = SHA_512.replacen("WZ", "Wa", 1);
        assert_eq!(check(&[SHA_256, &wrong]), Err("signature.digest_mismatch"));
        assert_eq!(check(&["sha-256=:X48E9qOokqqrvdts8nOJRA==:"]), Err("signature.digest_mismatch"), "no truncation");
        assert_eq!(check(&["sha-256=::"]), Err("signature.digest_mismatch"));
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        assert_eq!(check(&[]), Err("signature.digest_missing"));
        for weak in ["", "md5=:AAAA:", "sha=:AAAA:, crc32c=:AAAA:", "sha-384=:AAAA:", "*=:AAAA:"] {
            assert_eq!(check(&[weak]), Err("signature.digest_algorithm"), "{weak}");
        }
        assert_eq!(check(&["SHA-256=:AAAA:"]), Err("signature.digest_syntax"), "keys are in lower case");
        assert_eq!(check(&["sha-256=X48E9q"]), Err("signature.digest_type"));
        assert_eq!(check(&["sha-256=(:AAAA:)"]), Err("signature.digest_type"));
        assert_eq!(check(&[SHA_256, SHA_256]), Err("signature.digest_repeated"));
        let fields = [Field { name: "Content-Digest", value: SHA_256.as_bytes() }];
        assert_eq!(check_content_digest(&fields, None).unwrap_err().code(), "signature.body_unavailable");
    }
}
