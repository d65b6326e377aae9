//! Transaction Tokens (draft-ietf-oauth-transaction-tokens-11): they authorize within a trust domain, and say nothing of who sends
//! one.
//!
//! ```no_run
//! use portcullis_host::oauth::transaction_tokens::Expectations;
//! use portcullis_host::signature::Header;
//! use portcullis_host::{HostError, KeySet, Portcullis, Verdict};
//!
//! /// Whether a request's transaction may do something, and which transaction it is.
//! fn transaction(
//!     portcullis: &mut Portcullis,
//!     headers: &[Header],
//!     keys: &KeySet,
//!     needed: &str,
//!     now: u64,
//! ) -> Result<Verdict<Option<String>>, HostError> {
//!     let expect = Expectations { lifetime: Some(300), ..Expectations::of("trust-domain.example") };
//!     let verified = portcullis.verify_transaction_token(headers, keys, &expect, now)?;
//!     Ok(verified.map(|token| token.scope.iter().any(|has| has == needed).then_some(token.transaction)))
//! }
//! ```

pub use crate::bindings::exports::portcullis::oauth::transaction_tokens::{
    Expectations, ReplacementReport, Report, VerifiedTransactionToken,
};

use crate::error::HostError;
use crate::keys::KeySet;
use crate::portcullis::{Portcullis, Verdict};
use crate::signature::Header;

impl Expectations {
    /// Those of a workload in a trust domain: any issuer, every asymmetric algorithm, any lifetime, no leeway, nothing used before.
    #[must_use]
    pub fn of(trust_domain: &str) -> Self {
        Self {
            trust_domain: trust_domain.to_owned(),
            issuer: None,
            algorithms: None,
            lifetime: None,
            leeway: 0,
            seen: Vec::new(),
        }
    }
}

/// Transaction Tokens.
impl Portcullis {
    /// The Transaction Token of a request, not verified: what the next workload gets as it is. `headers` are the header fields in
    /// the order received, repeats included.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A request with none, with several, or with one in `Authorization` is a [`Verdict`].
    pub fn transaction_token_of_untrusted(&mut self, headers: &[Header]) -> Result<Verdict<Vec<u8>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_transaction_tokens().call_of_headers_untrusted(store, headers)
        })
    }

    /// Checks that a value of `Authorization` holds no Transaction Token: for requests that need none.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A value that holds one is a [`Verdict`].
    pub fn check_no_transaction_token(&mut self, authorization: &[u8]) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_transaction_tokens().call_check_authorization(store, authorization)
        })
    }

    /// Verifies the Transaction Token of a request at a time, in seconds since 1970, with the keys of the trust domain's service.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_transaction_token(
        &mut self,
        headers: &[Header],
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Verdict<VerifiedTransactionToken>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_oauth_transaction_tokens().call_verify(store, headers, keys, expect, at)
        })
    }

    /// The same as [`verify_transaction_token`](Self::verify_transaction_token), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_transaction_token(
        &mut self,
        headers: &[Header],
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_oauth_transaction_tokens().call_explain(store, headers, keys, expect, at)
        })
    }

    /// The scope tokens of a new Transaction Token: what is requested, if the subject token has all of it. A scope that is absent
    /// is not known, and never taken for unlimited.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is requested beyond is a [`Verdict`].
    pub fn narrow_transaction_scope(
        &mut self,
        subject: Option<&str>,
        requested: Option<&str>,
    ) -> Result<Verdict<Vec<String>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_transaction_tokens().call_narrow(store, subject, requested)
        })
    }

    /// Checks that the claims `new` may replace the claims `old`, both JSON text, at a time in seconds since 1970. `longer_life` is
    /// whether the replacement may end later.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A replacement that is refused is a [`Verdict`].
    pub fn check_transaction_replacement(
        &mut self,
        old: &str,
        new: &str,
        longer_life: bool,
        at: u64,
    ) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_transaction_tokens();
            guest.call_check_replacement(store, old, new, longer_life, at)
        })
    }

    /// The same as [`check_transaction_replacement`](Self::check_transaction_replacement), with each check told. Slower; for
    /// people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_transaction_replacement(
        &mut self,
        old: &str,
        new: &str,
        longer_life: bool,
        at: u64,
    ) -> Result<ReplacementReport, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_transaction_tokens();
            guest.call_explain_replacement(store, old, new, longer_life, at)
        })
    }
}
