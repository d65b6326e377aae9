//! The authorization request that is pushed (section 3.1).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_scope::ScopeSet;
use portcullis_types::{
    Rejection,
    limits::excerpt,
    trace::{Trace, check},
};

use super::{
    CodeChallenge, PushPolicy, PushedCode,
    answer::{Fault, Faulted},
    host::check_redirect,
    metadata::{Metadata, check_scope},
    parameters::Parameters,
};

/// The longest `state`, in characters. It comes back in the URL of a redirect, and those stop at some 2,000; random numbers take
/// 43.
pub const MAX_STATE: usize = 1024;

/// An authorization request that a dynamic client may make. What is not in it does not count.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationRequest {
    /// `response_type`
    pub response_type: String,
    /// Where the browser is sent back to.
    pub redirect_uri: String,
    /// What it brings back.
    pub state: String,
    /// What the verifier of the token request is compared with.
    pub code_challenge: CodeChallenge,
    /// What is asked for; nothing means what the server gives to who does not ask.
    pub scope: Option<ScopeSet>,
    /// The other parameters that the policy names, in their order.
    pub others: Vec<(String, String)>,
}

impl AuthorizationRequest {
    /// Reads the parameters in the order of the text.
    pub(super) fn read(
        parameters: &Parameters<'_>,
        policy: &PushPolicy,
        trace: &mut dyn Trace,
    ) -> Result<Self, Faulted> {
        let response_type = response_type(parameters, policy);
        let section = "draft-richer-oauth-pushed-client-registration-00 section 6";
        let response_type = check(trace, "response type", section, response_type, |found| excerpt(found));
        let response_type = response_type.map_err(|rejection| match rejection.is(PushedCode::ResponseType) {
            true => Faulted(rejection, Fault::ResponseType),
            false => Faulted(rejection, Fault::Request),
        })?;
        let section = "draft-richer-oauth-pushed-client-registration-00 section 3.1";
        let state = check(trace, "state", section, state(parameters), |state| format!("{} characters", state.len()))
            .map_err(Fault::Request.of())?;
        let redirect_uri = check(trace, "redirect URI", section, redirect_uri(parameters, policy), |uri| excerpt(uri))
            .map_err(Fault::Request.of())?;
        let code_challenge = check(trace, "code challenge", section, challenge(parameters), |_| "S256".into())
            .map_err(Fault::Request.of())?;
        let scope = parameters.get("scope").map(|scope| check_scope(scope, policy)).transpose();
        let section = "draft-richer-oauth-pushed-client-registration-00 section 6";
        let scope = check(trace, "scope", section, scope, |scope| match scope {
            Some(scope) => format!("{scope}"),
            None => "none is asked for".into(),
        })
        .map_err(Fault::Scope.of())?;
        let named = parameters.iter().filter(|(name, _)| policy.parameters.iter().any(|one| one == name));
        Ok(Self {
            response_type: response_type.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: state.to_owned(),
            code_challenge,
            scope,
            others: named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    /// The request asks for nothing that the client's own metadata does not have (RFC 7591 section 2). What the metadata does
    /// not say is not held against it: the defaults of RFC 7591 are for clients that register and stay.
    ///
    /// Errors: `par.redirect_uri_unregistered`, `par.beyond_metadata`, `scope.*`.
    pub(super) fn fits(&self, metadata: &Metadata) -> Result<(), Rejection> {
        let uris = metadata.texts("redirect_uris");
        if metadata.has("redirect_uris") && !uris.contains(&self.redirect_uri.as_str()) {
            let what = format!("redirect_uri is {}, none of the client's {}", excerpt(&self.redirect_uri), uris.len());
            return Err(Rejection::new(PushedCode::RedirectUriOther, what));
        }
        let refuse = |what: String| Err(Rejection::new(PushedCode::BeyondMetadata, what));
        let types = metadata.texts("response_types");
        if metadata.has("response_types") && !types.contains(&self.response_type.as_str()) {
            return refuse(format!("{} is none of the client's response types", excerpt(&self.response_type)));
        }
        if let (Some(own), Some(asked)) = (metadata.text("scope"), &self.scope) {
            let own = ScopeSet::parse(own)?;
            if let Some(other) = own.first_missing(asked) {
                return refuse(format!("{} is none of the client's scopes", excerpt(other.as_str())));
            }
        }
        Ok(())
    }
}

/// `response_type` is there (RFC 6749 section 4.1.1) and one of the policy's (section 6).
fn response_type<'r>(parameters: &Parameters<'r>, policy: &PushPolicy) -> Result<&'r str, Rejection> {
    let given = parameters
        .get("response_type")
        .ok_or_else(|| Rejection::new(PushedCode::ResponseTypeMissing, "there is no response_type"))?;
    match policy.response_types.iter().any(|one| one == given) {
        true => Ok(given),
        false => {
            let what = format!("response_type is {}, which dynamic clients may not use", excerpt(given));
            Err(Rejection::new(PushedCode::ResponseType, what))
        }
    }
}

/// `state` is there (section 3.1) and in form (RFC 6749 appendix A.5). That it is random is the client's own protection, and
/// nobody can see it from outside.
fn state<'r>(parameters: &Parameters<'r>) -> Result<&'r str, Rejection> {
    let state = parameters.get("state").ok_or_else(|| Rejection::new(PushedCode::StateMissing, "there is no state"))?;
    let printable = |byte: u8| (0x20..=0x7e).contains(&byte);
    match state.len() <= MAX_STATE && state.bytes().all(printable) {
        true => Ok(state),
        false => {
            let what = format!("a state of {} bytes, or with characters that are not printable ASCII", state.len());
            Err(Rejection::new(PushedCode::StateForm, what))
        }
    }
}

/// `redirect_uri` is there (section 3.1) and leads to a host of the policy.
fn redirect_uri<'r>(parameters: &Parameters<'r>, policy: &PushPolicy) -> Result<&'r str, Rejection> {
    let missing = || Rejection::new(PushedCode::RedirectUriMissing, "there is no redirect_uri");
    let uri = parameters.get("redirect_uri").ok_or_else(missing)?;
    check_redirect(uri, &policy.redirect_hosts)?;
    Ok(uri)
}

/// `code_challenge` is there (section 3.1), with S256 (RFC 7636 section 4.3).
fn challenge(parameters: &Parameters<'_>) -> Result<CodeChallenge, Rejection> {
    let missing = || Rejection::new(PushedCode::ChallengeMissing, "there is no code_challenge");
    let challenge = parameters.get("code_challenge").ok_or_else(missing)?;
    CodeChallenge::parse(challenge, parameters.get("code_challenge_method"))
}
