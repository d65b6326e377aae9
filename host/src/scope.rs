//! Whether a token's rights are enough, and what to tell a client whose token falls short.
//!
//! ```no_run
//! use portcullis_host::scope::{Answer, Grants, Need, Refusal, Requirements, Settings};
//! use portcullis_host::{HostError, Portcullis, Rejection};
//!
//! /// What to answer a request that needs the scope `reports:read`; nothing if it may go on.
//! fn judge(portcullis: &mut Portcullis, scope: &str, now: u64) -> Result<Option<Answer>, HostError> {
//!     let required = Requirements { scope: Some(vec!["reports:read".into()]), ..Requirements::default() };
//!     // Requirements that are refused are a mistake in this program, and never an approval.
//!     let required = portcullis.requirement_set(&required)?.expect("the requirements are sound");
//!     let granted = Grants { scope: Some(scope.into()), ..Grants::default() };
//!     let need = match portcullis.evaluate_scope(&granted, &required, now, 0)? {
//!         Ok(()) => return Ok(None),
//!         Err(Refusal::Short(shortfall)) => shortfall.need,
//!         Err(Refusal::Malformed(_)) => Need::ValidToken,
//!     };
//!     let answer = portcullis.scope_challenge(&need, &Settings::default())?;
//!     Ok(Some(answer.expect("the settings are sound")))
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::scope::scope::{
    Answer, AuthenticationNeed, AuthorizationDetail, AuthorizationForm, Grants, Member, Need, Refusal, Report,
    RequiredClaim, Requirement, Requirements, ResourceMetadata, Scheme, Settings, Shortfall,
};

use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

/// What a set was made of.
pub(crate) type Source = Requirements;

impl Default for Requirements {
    /// Nothing is required.
    fn default() -> Self {
        Self { scope: None, authorization_details: Vec::new(), acr_values: None, max_age: None, claims: Vec::new() }
    }
}

impl Default for Grants {
    /// Nothing is granted.
    fn default() -> Self {
        Self { scope: None, authorization_details: None, claims: None }
    }
}

impl Default for Settings {
    /// The scheme `Bearer`, no realm, no metadata, and remediation for authorization details.
    fn default() -> Self {
        Self {
            scheme: Scheme::Bearer,
            realm: None,
            metadata: None,
            authorization_form: AuthorizationForm::Remediation,
            single_use: false,
        }
    }
}

/// What a resource requires, checked once and used many times.
///
/// The host remembers the requirements, so a set outlives the instance that checked it, as a
/// [`KeySet`](crate::KeySet) does. Cheap to clone; clones are the same set.
#[derive(Clone)]
pub struct RequirementSet {
    held: Arc<Held<Source>>,
}

impl std::fmt::Debug for RequirementSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RequirementSet").field(&self.held.source).finish()
    }
}

/// Scopes, authorization details, authentication and claims.
impl Portcullis {
    /// Checks what a resource requires.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Requirements that nobody could meet or understand are a [`Verdict`].
    pub fn requirement_set(&mut self, requirements: &Requirements) -> Result<Verdict<RequirementSet>, HostError> {
        let set = RequirementSet { held: Held::new(requirements.clone()) };
        Ok(self.live_requirements(&set)?.map(|_| set))
    }

    /// Compares what a verified token grants with what is required at a time, in seconds since 1970. `leeway` is how
    /// far the clocks may differ for `auth_time`, in seconds. A [`Refusal`] says what is missing.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn evaluate_scope(
        &mut self,
        granted: &Grants,
        required: &RequirementSet,
        at: u64,
        leeway: u64,
    ) -> Result<Result<(), Refusal>, HostError> {
        let required = self.recreated_requirements(required)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_scope_scope().call_evaluate(store, granted, required, at, leeway)
        })
    }

    /// The same as [`evaluate_scope`](Self::evaluate_scope), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_scope(
        &mut self,
        granted: &Grants,
        required: &RequirementSet,
        at: u64,
        leeway: u64,
    ) -> Result<Report, HostError> {
        let required = self.recreated_requirements(required)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_scope_scope().call_explain(store, granted, required, at, leeway)
        })
    }

    /// What to tell a client that needs more: the HTTP status, the challenge, and a body where there is one.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Settings that make no challenge are a [`Verdict`].
    pub fn scope_challenge(&mut self, need: &Need, settings: &Settings) -> Result<Verdict<Answer>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_scope_scope().call_challenge(store, need, settings))
    }

    fn live_requirements(&mut self, set: &RequirementSet) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_scope_scope();
            bound.requirements.get(store, &set.held, |store, source| guest.requirement_set().call_make(store, source))
        })
    }

    fn recreated_requirements(&mut self, set: &RequirementSet) -> Result<ResourceAny, HostError> {
        self.live_requirements(set)?.map_err(|rejection| HostError::not_recreated("requirement set", rejection))
    }
}
