//! HTTP message signatures (RFC 9421) and digests of content (RFC 9530): verified, and made.
//!
//! No key that signs comes in here: what is to be signed goes out, and its signature comes back.
//!
//! ```no_run
//! use portcullis_host::signature::{Header, Message, Parameters, Request, Signing};
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// Signs method, target and date of a request with a key that only `sign` knows.
//! fn sign(
//!     portcullis: &mut Portcullis,
//!     mut request: Request,
//!     sign: impl Fn(&[u8]) -> Vec<u8>,
//!     now: i64,
//! ) -> Result<Verdict<Request>, HostError> {
//!     let signing = Signing {
//!         label: "sig1".into(),
//!         components: ["@method", "@target-uri", "date"].map(str::to_owned).into(),
//!         parameters: Parameters { created: Some(now), keyid: Some("key-1".into()), ..Parameters::default() },
//!         structured_fields: Vec::new(),
//!     };
//!     let prepared = match portcullis.prepare_signature(&Message::Request(request.clone()), &signing)? {
//!         Ok(prepared) => prepared,
//!         Err(rejection) => return Ok(Err(rejection)),
//!     };
//!     let fields = portcullis.finish_signature(&prepared, &sign(prepared.base().as_bytes()))?;
//!     request.headers.push(Header { name: "Signature-Input".into(), value: fields.input.into() });
//!     request.headers.push(Header { name: "Signature".into(), value: fields.signature.into() });
//!     Ok(Ok(request))
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::signature::digest::DigestAlgorithm;
pub use crate::bindings::exports::portcullis::signature::http_signature::{
    BareItem, Expectations, FieldType, Message, Parameter, Parameters, Report, Request, RequestedSignature,
    RequiredParameters, Response, Selection, SignatureDescription, SignatureFields, Signing, StructuredField,
    UntrustedSignature, VerifiedSignature,
};
pub use crate::bindings::exports::portcullis::types::types::Header;

use crate::Algorithm;
use crate::error::HostError;
use crate::keys::KeySet;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Expectations {
    /// The only signature of the message, whatever it covers, by a key of the set, that has not expired.
    fn default() -> Self {
        Self {
            selection: Selection::Only,
            components: Vec::new(),
            required: RequiredParameters::default(),
            created_within: None,
            skew: 0,
            algorithms: None,
            structured_fields: Vec::new(),
        }
    }
}

impl Default for Parameters {
    /// None.
    fn default() -> Self {
        Self { created: None, expires: None, nonce: None, alg: None, keyid: None, tag: None, others: Vec::new() }
    }
}

/// What a signature is made of.
pub(crate) struct Source {
    message: Message,
    signing: Signing,
}

/// What is to be signed.
///
/// The host remembers the message and what is signed of it, so that it outlives the instance that prepared it, as a
/// [`KeySet`] does. Cheap to clone but for the base.
#[derive(Clone)]
pub struct PreparedSignature {
    held: Arc<Held<Source>>,
    base: String,
}

impl PreparedSignature {
    /// The signature base (RFC 9421 section 2.5): what the key signs.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl std::fmt::Debug for PreparedSignature {
    /// Says nothing of the message: it may hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreparedSignature").field("label", &self.held.source.signing.label).finish_non_exhaustive()
    }
}

/// HTTP message signatures and digests.
impl Portcullis {
    /// Verifies a signature of a message (RFC 9421 section 3.2) at a time, in seconds since 1970, and the digest of the
    /// body where it is covered.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A signature that is refused is a [`Verdict`].
    pub fn verify_signature(
        &mut self,
        message: &Message,
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Verdict<VerifiedSignature>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_signature_http_signature().call_verify(store, message, keys, expect, at)
        })
    }

    /// The same as [`verify_signature`](Self::verify_signature), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_signature(
        &mut self,
        message: &Message,
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_signature_http_signature().call_explain(store, message, keys, expect, at)
        })
    }

    /// Takes the signatures of a message apart without verifying anything: for people to look at, never to decide by.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Fields that are no signatures at all are a [`Verdict`].
    pub fn inspect_signatures_untrusted(
        &mut self,
        message: &Message,
    ) -> Result<Verdict<Vec<UntrustedSignature>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_http_signature().call_inspect_untrusted(store, message)
        })
    }

    /// Prepares a signature of a message (RFC 9421 section 3.1): the key then signs the
    /// [base](PreparedSignature::base), and [`finish_signature`](Self::finish_signature) makes the fields of it.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What cannot be signed is a [`Verdict`].
    pub fn prepare_signature(
        &mut self,
        message: &Message,
        signing: &Signing,
    ) -> Result<Verdict<PreparedSignature>, HostError> {
        let held = Held::new(Source { message: message.clone(), signing: signing.clone() });
        let prepared = match self.live_prepared(&held)? {
            Ok(prepared) => prepared,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let base = self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_http_signature().prepared_signature().call_base(store, prepared)
        })?;
        Ok(Ok(PreparedSignature { held, base }))
    }

    /// The values to add to the fields `Signature-Input` and `Signature` of the message that was prepared, with the
    /// key's signature of the base.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn finish_signature(
        &mut self,
        prepared: &PreparedSignature,
        signature: &[u8],
    ) -> Result<SignatureFields, HostError> {
        let live = self.live_prepared(&prepared.held)?;
        let live = live.map_err(|rejection| HostError::not_recreated("prepared signature", rejection))?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_signature_http_signature();
            guest.prepared_signature().call_finish(store, live, signature)
        })
    }

    /// Reads `Accept-Signature` among header fields (RFC 9421 section 5.1): every signature that is wanted in the next
    /// message the other way.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A field that cannot be read is a [`Verdict`].
    pub fn read_accept_signature(&mut self, headers: &[Header]) -> Result<Verdict<Vec<RequestedSignature>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_http_signature().call_read_accept_signature(store, headers)
        })
    }

    /// The value of `Accept-Signature` that asks for signatures.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What cannot be asked for is a [`Verdict`].
    pub fn write_accept_signature(&mut self, signatures: &[RequestedSignature]) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_http_signature().call_write_accept_signature(store, signatures)
        })
    }

    /// How to sign a message in answer to what is asked for (RFC 9421 section 5.2), made at a time in seconds since
    /// 1970, and ending `lifetime` seconds later if it has to end.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What no such message can be signed with is a [`Verdict`].
    pub fn signing_for(
        &mut self,
        requested: &RequestedSignature,
        message: &Message,
        at: u64,
        lifetime: u64,
    ) -> Result<Verdict<Signing>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_signature_http_signature();
            guest.call_signing_for(store, requested, message, at, lifetime)
        })
    }

    /// The name of an algorithm in the registry of HTTP signature algorithms; none for one that signs under no name.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn signature_algorithm_name(&mut self, algorithm: Algorithm) -> Result<Option<String>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_http_signature().call_algorithm_name(store, algorithm)
        })
    }

    /// Checks the Content-Digest among header fields against the content (RFC 9530 section 2). Gives the algorithms
    /// whose digests matched.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A digest that does not match is a [`Verdict`].
    pub fn check_content_digest(
        &mut self,
        headers: &[Header],
        content: &[u8],
    ) -> Result<Verdict<Vec<DigestAlgorithm>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_digest().call_check_content_digest(store, headers, content)
        })
    }

    /// The value of Content-Digest for content.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn content_digest(&mut self, algorithm: DigestAlgorithm, content: &[u8]) -> Result<String, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_signature_digest().call_content_digest(store, algorithm, content)
        })
    }

    fn live_prepared(&mut self, held: &Arc<Held<Source>>) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_signature_http_signature();
            bound.signatures.get(store, held, |store, source| {
                guest.prepared_signature().call_prepare(store, &source.message, &source.signing)
            })
        })
    }
}
