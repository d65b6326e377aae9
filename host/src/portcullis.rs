//! A component's typed interfaces.

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bindings::Full;
use crate::bindings::exports::portcullis::crypto::keys::{Algorithm, KeyDescription};
use crate::bindings::exports::portcullis::token::jws::VerifiedJws;
use crate::bindings::exports::portcullis::token::jwt::{Expectations, Report, Untrusted, VerifiedJwt};
use crate::bindings::exports::portcullis::types::types::Rejection;
use crate::component::Component;
use crate::error::HostError;
use crate::keys::{self, KeySet, Source};
use crate::live::Live;
use crate::sandbox::{Sandbox, State};
use crate::{client, oauth, ocm, scope, signature, status, svid, wimse};

/// What a component says of a credential: accepted with what is known of it, or refused with the reason.
///
/// Methods of [`Portcullis`] return `Result<Verdict<T>, HostError>`: the outer result says whether the component could
/// be asked, the inner one what it answered.
pub type Verdict<T> = Result<T, Rejection>;

/// An instance of a component with every interface, such as `portcullis.wasm`.
///
/// One instance does one thing at a time, hence `&mut self`; for more threads make more of them from one
/// [`Component`]. An instance that traps, runs too long or takes too much memory is discarded, and the next call makes
/// a new one.
///
/// ```no_run
/// use portcullis_host::{Expectations, HostError, Portcullis, Runtime, components_dir};
///
/// fn subject(token: &str, jwks: &[u8], now: u64) -> Result<Option<String>, HostError> {
///     let component = Runtime::new()?.load_file(components_dir().join("portcullis.wasm"))?;
///     let mut portcullis = Portcullis::new(&component)?;
///     let keys = match portcullis.key_set_from_jwks(jwks)? {
///         Ok(keys) => keys,
///         Err(rejection) => {
///             eprintln!("unusable keys: {}: {}", rejection.code, rejection.detail);
///             return Ok(None);
///         }
///     };
///     let expect = Expectations {
///         issuer: Some("https://idp.example".into()),
///         audience: Some(vec!["https://api.example".into()]),
///         ..Expectations::default()
///     };
///     match portcullis.verify_jwt(token.as_bytes(), &keys, &expect, now)? {
///         Ok(verified) => Ok(verified.subject),
///         Err(rejection) => {
///             eprintln!("refused: {} ({}): {}", rejection.code, rejection.rule, rejection.detail);
///             Ok(None)
///         }
///     }
/// }
/// ```
pub struct Portcullis {
    pub(crate) sandbox: Sandbox<Bound>,
}

/// What one instance has.
pub(crate) struct Bound {
    pub(crate) exports: Full,
    keys: Live<keys::Source>,
    pub(crate) lists: Live<status::Source>,
    pub(crate) requirements: Live<scope::Source>,
    pub(crate) bundles: Live<svid::Source>,
    pub(crate) trusted: Live<wimse::Source>,
    pub(crate) signatures: Live<signature::Source>,
    pub(crate) clients: Live<client::Source>,
    pub(crate) registrations: Live<Vec<u8>>,
    pub(crate) pushes: Live<oauth::Source>,
    pub(crate) bindings: Live<oauth::Source>,
    pub(crate) ocm_peers: Live<ocm::addresses::PeerLists>,
    pub(crate) ocm_documents: Live<ocm::discovery::Source>,
    pub(crate) ocm_requests: Live<ocm::requests::Source>,
}

impl Portcullis {
    /// Makes an instance.
    ///
    /// # Errors
    ///
    /// [`HostError::ExportMissing`] for a component without one of the interfaces, and what can go wrong when an
    /// instance is made.
    pub fn new(component: &Component) -> Result<Self, HostError> {
        let sandbox = Sandbox::new(component, |store, instance| {
            Ok(Bound {
                exports: Full::new(store, instance)?,
                keys: Live::default(),
                lists: Live::default(),
                requirements: Live::default(),
                bundles: Live::default(),
                trusted: Live::default(),
                signatures: Live::default(),
                clients: Live::default(),
                registrations: Live::default(),
                pushes: Live::default(),
                bindings: Live::default(),
                ocm_peers: Live::default(),
                ocm_documents: Live::default(),
                ocm_requests: Live::default(),
            })
        })?;
        Ok(Self { sandbox })
    }

    /// Reads a JWK Set (RFC 7517 section 5): UTF-8 JSON.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A set that is refused is a [`Verdict`].
    pub fn key_set_from_jwks(&mut self, jwks: &[u8]) -> Result<Verdict<KeySet>, HostError> {
        self.read_keys(Source::Jwks(jwks.to_vec()))
    }

    /// Reads a COSE_KeySet (RFC 9052 section 7): CBOR.
    ///
    /// # Errors
    ///
    /// As for [`key_set_from_jwks`](Self::key_set_from_jwks).
    pub fn key_set_from_cose_key_set(&mut self, key_set: &[u8]) -> Result<Verdict<KeySet>, HostError> {
        self.read_keys(Source::CoseKeySet(key_set.to_vec()))
    }

    /// Makes a set of one key from a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    ///
    /// As for [`key_set_from_jwks`](Self::key_set_from_jwks).
    pub fn key_set_from_spki(&mut self, spki: &[u8], kid: Option<&str>) -> Result<Verdict<KeySet>, HostError> {
        self.read_keys(Source::Spki { der: spki.to_vec(), kid: kid.map(str::to_owned) })
    }

    /// Makes a set of one key from an X.509 certificate in DER, of which only the public key is read: neither its
    /// validity nor its issuer is looked at.
    ///
    /// # Errors
    ///
    /// As for [`key_set_from_jwks`](Self::key_set_from_jwks).
    pub fn key_set_from_certificate(
        &mut self,
        certificate: &[u8],
        kid: Option<&str>,
    ) -> Result<Verdict<KeySet>, HostError> {
        self.read_keys(Source::Certificate { der: certificate.to_vec(), kid: kid.map(str::to_owned) })
    }

    /// The keys of a set in their order, the unusable ones too.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn describe(&mut self, keys: &KeySet) -> Result<Vec<KeyDescription>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_crypto_keys().key_set().call_describe(store, keys)
        })
    }

    /// Verifies a compact JWS (RFC 7515). `algorithms` is the list that is accepted; absent, every asymmetric one.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_jws(
        &mut self,
        token: &[u8],
        keys: &KeySet,
        algorithms: Option<&[Algorithm]>,
    ) -> Result<Verdict<VerifiedJws>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_token_jws().call_verify(store, token, keys, algorithms)
        })
    }

    /// Verifies a JWT (RFC 7519, RFC 9068) and its claims at a time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_jwt(
        &mut self,
        token: &[u8],
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Verdict<VerifiedJwt>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_token_jwt().call_verify(store, token, keys, expect, at)
        })
    }

    /// The same as [`verify_jwt`](Self::verify_jwt), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_jwt(
        &mut self,
        token: &[u8],
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_token_jwt().call_explain(store, token, keys, expect, at)
        })
    }

    /// Takes a token apart without verifying anything: for people to look at, never to decide by.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no token at all is a [`Verdict`].
    pub fn inspect_jwt_untrusted(&mut self, token: &[u8]) -> Result<Verdict<Untrusted>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_token_jwt().call_inspect_untrusted(store, token))
    }

    /// Answers one request in JSON text, as [`TextDoor::answer`](crate::TextDoor::answer) does.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn answer(&mut self, request: &[u8], now: u64) -> Result<String, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_gate_text().call_answer(store, request, now))
    }

    fn read_keys(&mut self, source: Source) -> Result<Verdict<KeySet>, HostError> {
        let keys = KeySet::new(source);
        let verdict = self.live(&keys)?;
        Ok(verdict.map(|_| keys))
    }

    /// The set's resource in the living instance, with a deadline of its own: reading many keys takes its time.
    fn live(&mut self, keys: &KeySet) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_crypto_keys();
            bound.keys.get(store, &keys.held, |store, source| source.make(store, guest))
        })
    }

    /// The same for a set that was accepted before.
    pub(crate) fn live_keys(&mut self, keys: &KeySet) -> Result<ResourceAny, HostError> {
        self.live(keys)?
            .map_err(|rejection| HostError::KeysNotRecreated { code: rejection.code, detail: rejection.detail })
    }

    pub(crate) fn with_keys<R>(
        &mut self,
        keys: &KeySet,
        call: impl FnOnce(&mut Store<State>, &Full, ResourceAny) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        let keys = self.live_keys(keys)?;
        self.sandbox.call(|store, bound| call(store, &bound.exports, keys))
    }
}

impl std::fmt::Debug for Portcullis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Portcullis").field("component", self.sandbox.component()).finish_non_exhaustive()
    }
}
