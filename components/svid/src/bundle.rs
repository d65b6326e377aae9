//! SPIFFE bundles (SPIFFE Trust Domain and Bundle section 4): what a trust domain's SVIDs are verified with.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_crypto::{Backend, CryptoCode, Key, KeySet, Origin, jwk};
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Number, Object, Value},
    limits::{MAX_DOCUMENT, MAX_KEYS, excerpt},
};
use x509_cert::name::Name;

use crate::{SvidCode, certificate::Certificate};

/// What a key of a bundle is for (section 4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Certificates that issue X.509-SVIDs (X509-SVID section 6).
    X509,
    /// Keys that sign JWT-SVIDs (JWT-SVID section 6).
    Jwt,
    /// Keys that sign WIT-SVIDs (WIT-SVID section 6).
    Wit,
}

impl KeyUse {
    const ALL: [KeyUse; 3] = [KeyUse::X509, KeyUse::Jwt, KeyUse::Wit];

    /// The value of `use`. Values are case-sensitive.
    pub fn name(self) -> &'static str {
        match self {
            KeyUse::X509 => "x509-svid",
            KeyUse::Jwt => "jwt-svid",
            KeyUse::Wit => "wit-svid",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A trust domain's bundle, read and checked once. A bundle does not know which trust domain it belongs to:
/// [`BundleSet`](crate::BundleSet) does.
#[derive(Debug)]
pub struct Bundle {
    sequence: Option<u64>,
    refresh_hint: Option<u64>,
    entries: Vec<BundleEntry>,
    jwt: KeySet,
    wit: KeySet,
    authorities: Vec<Authority>,
    /// The subjects of certificates that stand behind the first one of an `x5c`. They count for nothing; a chain that
    /// ends below one is refused with a reason that helps.
    ignored: Vec<Name>,
}

/// One key of a bundle, used or passed over.
#[derive(Debug)]
pub struct BundleEntry {
    /// Its `kid`.
    pub kid: Option<String>,
    /// What it is for, if it says so and it is known here.
    pub key_use: Option<KeyUse>,
    /// Why it is not used, if it is not.
    pub problem: Option<Rejection>,
}

/// A certificate that may stand at the end of a chain.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    /// Its key, or why it is none that is used here, which is told to a chain that ends at it.
    pub(crate) key: Result<Key, Rejection>,
}

impl Bundle {
    /// Reads a bundle document: UTF-8 JSON, at most 1 MiB and 256 keys. A key that is not understood is passed over
    /// (section 4.1.3), a bundle without keys verifies nothing.
    ///
    /// Errors: `bundle.*`, `json.*`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use portcullis_crypto::SoftwareBackend;
    /// use portcullis_svid::Bundle;
    ///
    /// let backend = Rc::new(SoftwareBackend::default()) as _;
    /// let bundle = Bundle::parse(br#"{"spiffe_sequence":7,"keys":[{"kty":"EC"}]}"#, &backend).unwrap();
    /// assert_eq!(bundle.sequence(), Some(7));
    /// assert_eq!(bundle.entries()[0].problem.as_ref().unwrap().code(), "bundle.use_missing");
    /// assert_eq!(Bundle::parse(b"{}", &backend).unwrap_err().code(), "bundle.keys_missing");
    /// ```
    pub fn parse(document: &[u8], backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        if document.len() > MAX_DOCUMENT {
            return Err(Rejection::new(
                SvidCode::BundleTooLarge,
                format!("{} bytes, at most {MAX_DOCUMENT} are read", document.len()),
            ));
        }
        Self::from_object(&json::parse_object(document)?, backend)
    }

    /// The same, from an object that is parsed already.
    ///
    /// Errors: `bundle.*`, `json.duplicate_name`.
    pub fn from_object(object: &Object, backend: &Rc<dyn Backend>) -> Result<Self, Rejection> {
        let sequence = whole_number(object, "spiffe_sequence", SvidCode::BundleSequenceType)?;
        let refresh_hint = whole_number(object, "spiffe_refresh_hint", SvidCode::BundleRefreshHintType)?;
        let keys = match object.get("keys")? {
            Some(Value::Array(keys)) => keys,
            Some(other) => {
                return Err(Rejection::new(SvidCode::BundleKeysMissing, format!("keys is {}", other.kind())));
            }
            None => return Err(Rejection::new(SvidCode::BundleKeysMissing, "there is no list \"keys\"")),
        };
        if keys.len() > MAX_KEYS {
            return Err(Rejection::new(
                SvidCode::BundleTooManyKeys,
                format!("{} keys, at most {MAX_KEYS} are read", keys.len()),
            ));
        }
        let mut reading =
            Reading { backend, jwt: Vec::new(), wit: Vec::new(), authorities: Vec::new(), ignored: Vec::new() };
        let entries = keys.iter().map(|value| reading.entry(value)).collect();
        let set = |values: &[&Value], key_use: KeyUse| KeySet::of_use(values.iter().copied(), key_use.name(), backend);
        let mut bundle = Self {
            sequence,
            refresh_hint,
            entries,
            jwt: set(&reading.jwt, KeyUse::Jwt),
            wit: set(&reading.wit, KeyUse::Wit),
            authorities: reading.authorities,
            ignored: reading.ignored,
        };
        bundle.note_unusable_keys();
        Ok(bundle)
    }

    /// A bundle of authorities alone, from their certificates in DER: what somebody configured, so one that cannot be used
    /// refuses all.
    ///
    /// Errors: `svid.certificate_*`, `svid.extension_*`, `key.*`.
    pub(crate) fn from_certificates(
        certificates: &[impl AsRef<[u8]>],
        backend: &Rc<dyn Backend>,
    ) -> Result<Self, Rejection> {
        let mut authorities = Vec::new();
        for der in certificates {
            let certificate = Certificate::parse(der.as_ref())?;
            let public = certificate.key.clone()?;
            let key = Ok(Key::from_public_key(public, Origin::Configured, backend));
            authorities.push(Authority { certificate, key });
        }
        let none = || KeySet::of_use([], "", backend);
        Ok(Self {
            sequence: None,
            refresh_hint: None,
            entries: Vec::new(),
            jwt: none(),
            wit: none(),
            authorities,
            ignored: Vec::new(),
        })
    }

    /// `spiffe_sequence`: a bundle with a lower one is older (section 4.1.1).
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// `spiffe_refresh_hint`, in seconds: how often to ask for a newer bundle (section 4.1.2). Five minutes is what the text
    /// advises where there is none (section 6.1).
    pub fn refresh_hint(&self) -> Option<u64> {
        self.refresh_hint
    }

    /// Every key in its order, those that are passed over too.
    pub fn entries(&self) -> &[BundleEntry] {
        &self.entries
    }

    /// When the last certificate for X.509-SVIDs expires, in seconds since 1970; nothing where there is none.
    pub fn last_authority_expires(&self) -> Option<Timestamp> {
        self.authorities.iter().map(|authority| authority.certificate.not_after).max()
    }

    /// The keys for JWT-SVIDs (JWT-SVID section 6.2).
    ///
    /// Error: `bundle.no_jwt_authority`.
    pub(crate) fn jwt_keys(&self) -> Result<&KeySet, Rejection> {
        self.unless_empty(&self.jwt, self.jwt.entries().is_empty(), KeyUse::Jwt, SvidCode::NoJwtAuthority)
    }

    /// The keys for WIT-SVIDs (WIT-SVID section 6.2).
    ///
    /// Error: `bundle.no_wit_authority`.
    pub(crate) fn wit_keys(&self) -> Result<&KeySet, Rejection> {
        self.unless_empty(&self.wit, self.wit.entries().is_empty(), KeyUse::Wit, SvidCode::NoWitAuthority)
    }

    /// The certificates for X.509-SVIDs (X509-SVID section 6.2).
    ///
    /// Error: `bundle.no_x509_authority`.
    pub(crate) fn x509_authorities(&self) -> Result<&[Authority], Rejection> {
        let none = self.authorities.is_empty();
        self.unless_empty(&*self.authorities, none, KeyUse::X509, SvidCode::NoX509Authority)
    }

    /// Whether a certificate of this name stands where it does not count, behind the first one of an `x5c`.
    pub(crate) fn ignores(&self, name: &Name) -> bool {
        self.ignored.contains(name)
    }

    fn unless_empty<'a, T: ?Sized>(
        &self,
        keys: &'a T,
        empty: bool,
        key_use: KeyUse,
        code: SvidCode,
    ) -> Result<&'a T, Rejection> {
        if !empty {
            return Ok(keys);
        }
        let mut meant = self.entries.iter().filter(|entry| entry.key_use == Some(key_use));
        let name = key_use.name();
        Err(Rejection::new(
            code,
            match meant.next().and_then(|entry| entry.problem.as_ref()) {
                None => format!("the bundle has no key for {name}"),
                Some(problem) => format!("no key for {name} can be used, the first because: {problem}"),
            },
        ))
    }

    /// Puts the reasons of unusable keys for tokens beside their entries.
    fn note_unusable_keys(&mut self) {
        let Self { entries, jwt, wit, .. } = self;
        for (key_use, set) in [(KeyUse::Jwt, jwt), (KeyUse::Wit, wit)] {
            let taken = entries.iter_mut().filter(|entry| entry.key_use == Some(key_use) && entry.problem.is_none());
            for (entry, key) in taken.zip(set.entries()) {
                entry.problem = key.key.as_ref().err().cloned();
            }
        }
    }
}

/// A member that is a whole number of at most 64 bits, if it is there.
fn whole_number(object: &Object, name: &str, code: SvidCode) -> Result<Option<u64>, Rejection> {
    match object.get(name)? {
        None => Ok(None),
        Some(Value::Number(Number::Unsigned(number))) => Ok(Some(*number)),
        Some(other) => Err(Rejection::new(code, format!("{name} is {}, not a whole number of 64 bits", other.kind()))),
    }
}

/// The entries of a bundle, sorted by what they are for while they are read.
struct Reading<'a> {
    backend: &'a Rc<dyn Backend>,
    jwt: Vec<&'a Value>,
    wit: Vec<&'a Value>,
    authorities: Vec<Authority>,
    ignored: Vec<Name>,
}

impl<'a> Reading<'a> {
    fn entry(&mut self, value: &'a Value) -> BundleEntry {
        let mut entry = BundleEntry { kid: None, key_use: None, problem: None };
        entry.problem = self.take(value, &mut entry).err();
        entry
    }

    /// Takes one entry for what it is for (sections 4.2.1 and 4.2.2).
    fn take(&mut self, value: &'a Value, entry: &mut BundleEntry) -> Result<(), Rejection> {
        let Some(jwk) = value.as_object() else {
            return Err(Rejection::new(CryptoCode::NotObject, format!("a key is {}", value.kind())));
        };
        entry.kid = jwk::kid(jwk)?;
        let key_use = text(jwk, "use")?;
        entry.key_use = key_use.and_then(KeyUse::from_name);
        match text(jwk, "kty")? {
            Some("EC" | "RSA" | "OKP") => {}
            Some(other) => {
                return Err(Rejection::new(
                    SvidCode::EntryTypeUnknown,
                    format!("kty {} is not one of EC, RSA, OKP", excerpt(other)),
                ));
            }
            None => return Err(Rejection::new(CryptoCode::MemberMissing, "the key has no kty")),
        }
        match (key_use, entry.key_use) {
            (None, _) => Err(Rejection::new(SvidCode::EntryUseMissing, "the key has no use")),
            (Some(other), None) => Err(Rejection::new(
                SvidCode::EntryUseUnknown,
                format!("use {} is not one of x509-svid, jwt-svid, wit-svid", excerpt(other)),
            )),
            (_, Some(KeyUse::X509)) => self.authority(jwk),
            (_, Some(KeyUse::Jwt | KeyUse::Wit)) if entry.kid.is_none() => {
                Err(Rejection::new(SvidCode::EntryKeyIdMissing, "the key has no kid"))
            }
            (_, Some(KeyUse::Jwt)) => {
                self.jwt.push(value);
                Ok(())
            }
            (_, Some(KeyUse::Wit)) => {
                self.wit.push(value);
                Ok(())
            }
        }
    }

    /// Takes a certificate for X.509-SVIDs: the first value of `x5c` and no other (X509-SVID section 6.2), whose key is the
    /// entry's own (RFC 7517 section 4.7).
    fn authority(&mut self, jwk: &Object) -> Result<(), Rejection> {
        let missing = || Rejection::new(SvidCode::EntryX5cMissing, "the key has no certificate");
        let wrong = |value: &Value| Rejection::new(SvidCode::EntryX5cType, format!("x5c is or holds {}", value.kind()));
        let x5c = jwk.get("x5c")?.ok_or_else(missing)?;
        let values = x5c.as_array().ok_or_else(|| wrong(x5c))?;
        let (first, further) = values.split_first().ok_or_else(missing)?;
        let first = first.as_str().ok_or_else(|| wrong(first))?;
        let certificate = certificate(first)?;
        let names = further.iter().filter_map(|value| Some(self::certificate(value.as_str()?).ok()?.subject));
        self.ignored.extend(names);
        let key = match &certificate.key {
            Err(rejection) => Err(rejection.clone()),
            Ok(public) => {
                let key = jwk::parse(jwk, KeyUse::X509.name(), Origin::Configured, self.backend)?;
                if key.public_key() != Some(public) {
                    return Err(Rejection::new(
                        SvidCode::EntryX5cKeyMismatch,
                        format!("the key of {} is not that of the entry", certificate.title()),
                    ));
                }
                Ok(key)
            }
        };
        self.authorities.push(Authority { certificate, key });
        Ok(())
    }
}

/// A certificate in base64 as RFC 7517 section 4.7 has it: not base64url, with padding.
fn certificate(text: &str) -> Result<Certificate, Rejection> {
    let der = STANDARD.decode(text).map_err(|error| {
        Rejection::new(SvidCode::EntryX5cEncoding, format!("the certificate is not base64: {error}"))
    })?;
    Certificate::parse(&der)
}

fn text<'a>(jwk: &'a Object, name: &str) -> Result<Option<&'a str>, Rejection> {
    match jwk.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Rejection::new(CryptoCode::MemberType, format!("{name} is {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{AUTHORITY, AUTHORITY_JWK, backend};

    fn bundle(keys: &str) -> Bundle {
        Bundle::parse(format!("{{\"keys\":[{keys}]}}").as_bytes(), &backend()).unwrap()
    }

    /// The reason why the only entry is passed over.
    fn problem(entry: &str) -> &'static str {
        let bundle = bundle(entry);
        assert!(bundle.x509_authorities().is_err());
        bundle.entries[0].problem.as_ref().unwrap().code()
    }

    #[test]
    fn entries_that_cannot_be_used_are_passed_over_with_their_reason() {
        let jwk = AUTHORITY_JWK.trim_end_matches('}');
        let x5c = |value: &str| problem(&format!("{jwk},\"use\":\"x509-svid\",\"x5c\":{value}}}"));
        assert_eq!(problem(&format!("{jwk},\"use\":\"x509-svid\"}}")), "bundle.x5c_missing");
        assert_eq!(x5c("[]"), "bundle.x5c_missing");
        assert_eq!(x5c("\"MAA=\""), "bundle.x5c_type");
        assert_eq!(x5c("[7]"), "bundle.x5c_type");
        for wrong in ["MAA", "MAB=", "M-A=", "MA\\nA="] {
            assert_eq!(x5c(&format!("[\"{wrong}\"]")), "bundle.x5c_encoding", "{wrong}");
        }
        assert_eq!(x5c("[\"MAA=\"]"), "svid.certificate_malformed");
        let other =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"x509-svid""#;
        assert_eq!(problem(&format!("{other},\"x5c\":[\"{AUTHORITY}\"]}}")), "bundle.x5c_key_mismatch");
        let half = r#"{"kty":"EC","use":"x509-svid""#;
        assert_eq!(problem(&format!("{half},\"x5c\":[\"{AUTHORITY}\"]}}")), "key.member_missing");
        assert_eq!(problem(&format!("{jwk},\"use\":\"jwt-svid\"}}")), "bundle.key_id_missing");
        assert_eq!(problem(&format!("{jwk},\"use\":\"wit-svid\"}}")), "bundle.key_id_missing");
        assert_eq!(problem(AUTHORITY_JWK), "bundle.use_missing");
        assert_eq!(problem("[]"), "key.not_object");
        assert_eq!(problem(r#"{"use":"jwt-svid"}"#), "key.member_missing");
        assert_eq!(problem(r#"{"use":"jwt-svid","use":"jwt-svid"}"#), "json.duplicate_name");
    }

    #[test]
    fn the_first_certificate_counts_and_the_others_do_not() {
        let jwk = AUTHORITY_JWK.trim_end_matches('}');
        let taken = bundle(&format!("{jwk},\"use\":\"x509-svid\",\"x5c\":[\"{AUTHORITY}\",\"{AUTHORITY}\",\"x\"]}}"));
        assert_eq!(taken.entries[0].problem, None);
        let authorities = taken.x509_authorities().unwrap();
        assert_eq!(authorities.len(), 1);
        assert!(taken.ignores(&authorities[0].certificate.subject));
        assert_eq!(taken.last_authority_expires(), Some(authorities[0].certificate.not_after));
    }

    #[test]
    fn an_unusable_key_for_tokens_is_told() {
        let read =
            bundle(r#"{"kty":"EC","crv":"P-256","kid":"a","use":"jwt-svid"},{"kty":"RSA","kid":"b","use":"wit-svid"}"#);
        let problems: Vec<_> = read.entries().iter().map(|entry| entry.problem.as_ref().unwrap().code()).collect();
        assert_eq!(problems, ["key.member_missing", "key.member_missing"]);
    }

    #[test]
    fn a_document_too_large_is_not_read() {
        let mut document = br#"{"keys":[]}"#.to_vec();
        document.resize(MAX_DOCUMENT, b' ');
        assert!(Bundle::parse(&document, &backend()).is_ok());
        document.push(b' ');
        assert_eq!(Bundle::parse(&document, &backend()).unwrap_err().code(), "bundle.too_large");
    }
}
