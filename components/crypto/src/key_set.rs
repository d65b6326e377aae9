//! Sets of keys, and which of them a signature may have been made with.

use alloc::{format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_types::{
    EncodingCode, Rejection, cbor, json,
    limits::{MAX_DOCUMENT, MAX_KEYS, excerpt},
};

use crate::{Algorithm, Backend, CoseAlgorithm, CryptoCode, Key, Origin, PublicKey, cose_key, jwk, key::Limits, spki};

/// Most keys that are tried for one signature. More than a few fit only where a set has many keys of a kind and the
/// token names none; each costs a verification.
pub const MAX_CANDIDATES: usize = 16;

/// Keys, parsed and checked once. An unusable key does not spoil the set (RFC 7517 section 5): why it is unusable is
/// told when somebody asks for it.
#[derive(Debug)]
pub struct KeySet {
    entries: Vec<Entry>,
}

/// One key of a set, usable or not.
#[derive(Debug)]
pub struct Entry {
    /// Its key identifier; nothing where that is no text, as it may be in a COSE_Key.
    pub kid: Option<String>,
    /// The key, or why it is none.
    pub key: Result<Key, Rejection>,
    /// The key identifier as bytes. The `kid` of a JWK is its UTF-8.
    id: Option<Vec<u8>>,
}

/// The keys that may have made a signature, at least one.
#[derive(Debug)]
pub struct Candidates<'a>(Vec<&'a Entry>);

impl KeySet {
    /// Reads a JWK Set whose keys are for signatures (`use` is `sig` or absent).
    ///
    /// Errors: `key.set_*`, `json.*`.
    pub fn from_jwks(jwks: &[u8], backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        check_size(jwks)?;
        Self::from_object(&json::parse_object(jwks)?, backend)
    }

    /// The same, from an object that is parsed already.
    ///
    /// Errors: `key.set_*`, `json.duplicate_name`.
    pub fn from_object(set: &json::Object, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let Some(keys) = set.get("keys")?.and_then(json::Value::as_array) else {
            return Err(Rejection::new(CryptoCode::SetKeysMissing, "there is no list \"keys\""));
        };
        check_count(keys.len())?;
        Self::of_use(keys, "sig", backend).unmixed()
    }

    /// Reads a COSE_KeySet (RFC 9052 section 7): CBOR, at most 1 MiB and 256 keys.
    ///
    /// Errors: `key.set_*`, `cbor.*`.
    pub fn from_cose_key_set(set: &[u8], backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        check_size(set)?;
        let value = cbor::parse(set).map_err(|rejection| {
            if rejection.is(EncodingCode::CborTrailing) {
                return Rejection::new(CryptoCode::SetTrailing, rejection.detail());
            }
            rejection.within("key set")
        })?;
        let Some(keys) = value.as_array() else {
            return Err(Rejection::new(CryptoCode::SetNotList, format!("the key set is {}", value.kind())));
        };
        check_count(keys.len())?;
        Self { entries: keys.iter().map(|value| Entry::from_cose_key(value, backend)).collect() }.unmixed()
    }

    /// The set, if it does not hold symmetric and public keys together.
    fn unmixed(self) -> Result<Self, Rejection> {
        let mut usable = self.entries.iter().filter_map(|entry| entry.key.as_ref().ok());
        let symmetric = usable.clone().any(Key::is_symmetric);
        if symmetric && usable.any(|key| !key.is_symmetric()) {
            return Err(Rejection::new(
                CryptoCode::SetMixed,
                "the set holds both symmetric and public keys: keep them in sets of their own",
            ));
        }
        Ok(self)
    }

    /// The keys of some JWKs, where `wanted_use` is what their `use` says if they have one.
    ///
    /// For documents whose one list holds keys for several things, a SPIFFE bundle for example: which entries belong to
    /// which thing, and how many there may be, is the caller's rule.
    pub fn of_use<'a>(
        jwks: impl IntoIterator<Item = &'a json::Value>,
        wanted_use: &str,
        backend: &Rc<dyn Backend>,
    ) -> Self {
        Self { entries: jwks.into_iter().map(|value| Entry::from_jwk(value, wanted_use, backend)).collect() }
    }

    /// A set of one key from a SubjectPublicKeyInfo in DER.
    ///
    /// Errors: those of [`spki::decode`].
    pub fn from_spki(der: &[u8], kid: Option<String>, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        Ok(Self::single(spki::decode(der)?, kid, backend))
    }

    /// A set of one key from an X.509 certificate, of which only the public key is read.
    ///
    /// Errors: those of [`spki::decode_certificate`].
    pub fn from_certificate(der: &[u8], kid: Option<String>, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        Ok(Self::single(spki::decode_certificate(der)?, kid, backend))
    }

    fn single(key: PublicKey, kid: Option<String>, backend: &Rc<dyn Backend>) -> Self {
        let key = Ok(Key::public(key, Limits::default(), Origin::Configured, backend));
        Self { entries: vec![Entry::new(kid.map(String::into_bytes), key)] }
    }

    /// The keys in their order, the unusable ones too.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether a usable public key of it has an RFC 7638 thumbprint: whether what verified with that key still may.
    pub fn has_thumbprint(&self, thumbprint: &[u8; 32]) -> bool {
        let mut keys = self.entries.iter().filter_map(|entry| entry.key.as_ref().ok()?.public_key());
        keys.any(|key| key.thumbprint() == *thumbprint)
    }

    /// The keys that may have made a signature with an algorithm.
    ///
    /// A key identifier selects exactly (RFC 7515 section 4.1.4): a key without one is not meant by a token that names
    /// one. Without it, every key that may do the algorithm is a candidate (RFC 7515 appendix D).
    ///
    /// Errors: `key.set_empty`, `key.unknown`, `key.none_fits`, `key.too_many_candidates`; where the one key that is
    /// meant cannot be used, its own reason.
    pub fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Candidates<'_>, Rejection> {
        self.select_where(kid.map(str::as_bytes), algorithm.name(), |key| key.permits(algorithm))
    }

    /// The same for a COSE message, whose key identifiers are bytes (RFC 9052 section 3.1).
    ///
    /// Errors: those of [`KeySet::select`].
    pub fn select_cose(&self, kid: Option<&[u8]>, algorithm: CoseAlgorithm) -> Result<Candidates<'_>, Rejection> {
        self.select_where(kid, algorithm.name(), |key| key.permits_cose(algorithm))
    }

    fn select_where(
        &self,
        kid: Option<&[u8]>,
        algorithm: &str,
        permits: impl Fn(&Key) -> Result<(), Rejection>,
    ) -> Result<Candidates<'_>, Rejection> {
        if self.entries.is_empty() {
            return Err(Rejection::new(CryptoCode::SetEmpty, "the set has no keys"));
        }
        let meant: Vec<&Entry> =
            self.entries.iter().filter(|entry| kid.is_none() || entry.id.as_deref() == kid).collect();
        if let (Some(kid), true) = (kid, meant.is_empty()) {
            return Err(Rejection::new(CryptoCode::Unknown, format!("no key has the identifier {}", told(kid))));
        }
        let mut reason = None;
        let mut fitting = Vec::new();
        for entry in &meant {
            match entry.key.as_ref().map_err(Clone::clone).and_then(&permits) {
                Ok(()) => fitting.push(*entry),
                Err(rejection) => reason = reason.or(Some(rejection)),
            }
        }
        if fitting.len() > MAX_CANDIDATES {
            return Err(Rejection::new(
                CryptoCode::TooManyCandidates,
                format!("{} keys could have made the signature, at most {MAX_CANDIDATES} are tried", fitting.len()),
            ));
        }
        match reason {
            Some(reason) if fitting.is_empty() && (kid.is_some() || meant.len() == 1) => Err(reason),
            _ if fitting.is_empty() => {
                Err(Rejection::new(CryptoCode::NoneFits, format!("none of {} keys can do {algorithm}", meant.len())))
            }
            _ => Ok(Candidates(fitting)),
        }
    }
}

impl Entry {
    fn new(id: Option<Vec<u8>>, key: Result<Key, Rejection>) -> Self {
        Self { kid: id.clone().and_then(|id| String::from_utf8(id).ok()), key, id }
    }

    fn from_jwk(value: &json::Value, wanted_use: &str, backend: &Rc<dyn Backend>) -> Self {
        let Some(object) = value.as_object() else {
            return Self::no_object(value.kind());
        };
        match jwk::kid(object) {
            Ok(kid) => {
                Self::new(kid.map(String::into_bytes), jwk::parse(object, wanted_use, Origin::Configured, backend))
            }
            Err(rejection) => Self::new(None, Err(rejection)),
        }
    }

    fn from_cose_key(value: &cbor::Value<'_>, backend: &Rc<dyn Backend>) -> Self {
        let Some(map) = value.as_map() else {
            return Self::no_object(value.kind());
        };
        match cose_key::kid(map) {
            Ok(id) => Self::new(id, cose_key::parse(map, Origin::Configured, backend)),
            Err(rejection) => Self::new(None, Err(rejection)),
        }
    }

    fn no_object(kind: &str) -> Self {
        Self::new(None, Err(Rejection::new(CryptoCode::NotObject, format!("a key is {kind}"))))
    }
}

impl<'a> Candidates<'a> {
    /// Verifies a signature with the candidates in their order, and tells which of them made it.
    ///
    /// Errors: the first candidate's reason; `crypto.backend_failed` before any other, because then nobody knows.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(&'a Entry, &'a Key), Rejection> {
        self.verify_where(|key| key.verify(algorithm, message, signature))
    }

    /// The same for a COSE message.
    ///
    /// Errors: those of [`Candidates::verify`].
    pub fn verify_cose(
        &self,
        algorithm: CoseAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(&'a Entry, &'a Key), Rejection> {
        self.verify_where(|key| key.verify_cose(algorithm, message, signature))
    }

    fn verify_where(
        &self,
        verifies: impl Fn(&Key) -> Result<(), Rejection>,
    ) -> Result<(&'a Entry, &'a Key), Rejection> {
        let mut reason = None;
        for entry in &self.0 {
            let Ok(key) = &entry.key else { continue };
            match verifies(key) {
                Ok(()) => return Ok((entry, key)),
                Err(failed) if failed.is(CryptoCode::BackendFailed) => return Err(failed),
                Err(rejection) => reason = reason.or(Some(rejection)),
            }
        }
        Err(reason.unwrap_or_else(|| Rejection::new(CryptoCode::SignatureInvalid, "no key verifies the signature")))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

fn check_size(set: &[u8]) -> Result<(), Rejection> {
    if set.len() <= MAX_DOCUMENT {
        return Ok(());
    }
    Err(Rejection::new(CryptoCode::SetTooLarge, format!("{} bytes, at most {MAX_DOCUMENT} are read", set.len())))
}

fn check_count(count: usize) -> Result<(), Rejection> {
    if count <= MAX_KEYS {
        return Ok(());
    }
    Err(Rejection::new(CryptoCode::SetTooMany, format!("{count} keys, at most {MAX_KEYS} are read")))
}

/// A key identifier for a detail.
fn told(kid: &[u8]) -> String {
    match core::str::from_utf8(kid) {
        Ok(text) => excerpt(text),
        Err(_) => format!("of {} bytes that are no text", kid.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failed, PreparedKey, Scheme, SoftwareBackend, Verdict};
    use alloc::boxed::Box;

    const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// A library that never knows.
    struct Broken {
        prepares: bool,
    }

    impl Backend for Broken {
        fn prepare(&self, _: Scheme, _: &PublicKey, _: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
            if self.prepares { Ok(Box::new(NeverKnows)) } else { Err(Failed) }
        }
    }

    struct NeverKnows;

    impl PreparedKey for NeverKnows {
        fn verify(&self, _: &[u8], _: &[u8]) -> Verdict {
            Verdict::Failed
        }
    }

    fn set(text: &str, backend: Rc<dyn Backend>) -> Result<KeySet, Rejection> {
        KeySet::from_jwks(text.as_bytes(), &backend)
    }

    #[test]
    fn a_backend_that_fails_is_never_believed() {
        // The base point as R and S = 1: in form, so that the backend is asked.
        let mut signature = [0x66u8; 64];
        signature[0] = 0x58;
        signature[32..].fill(0);
        signature[32] = 1;
        for prepares in [true, false] {
            let keys = set(&format!(r#"{{"keys":[{ED25519}]}}"#), Rc::new(Broken { prepares })).unwrap();
            let candidates = keys.select(Some("a"), Algorithm::EdDsa).unwrap();
            let error = candidates.verify(Algorithm::EdDsa, b"", &signature).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), "crypto.backend_failed");
        }
    }

    #[test]
    fn a_set_too_large_is_not_read() {
        let filler = " ".repeat(MAX_DOCUMENT);
        let software = || Rc::new(SoftwareBackend::default());
        assert!(set(&format!(r#"{{"keys":[{ED25519}]}}"#), software()).is_ok());
        let error = set(&format!(r#"{{"keys":[{ED25519}]}}{filler}"#), software()).unwrap_err();
        assert_eq!(error.code(), "key.set_too_large");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let keys = set(
            r#"{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}"#,
            Rc::new(SoftwareBackend::default()),
        );
        let text = format!("{:?}", keys.unwrap());
        assert!(text.contains("oct") && !text.contains("secret") && !text.contains("115"), "{text}");
    }
}
