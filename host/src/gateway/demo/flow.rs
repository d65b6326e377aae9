//! The authorization code flow: what a person allowed, and the tokens for it (RFC 6749 sections 4.1 and 6, RFC 7636).

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_oauth::lifetimes::{ExpirationTypes, Grant, check_response};
use portcullis_types::json;
use portcullis_types::trace::Silent;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::bounded::{Bounded, Key, key};
use super::request::{Parameters, Request, is_scope};
use super::{Access, CannotSign, DemoIssuer, LIFETIME, SUBJECT, random};

/// How long the page may lie there, in seconds, and how many of them may.
const ASKED_FOR: u64 = 600;
const MAX_ASKED: usize = 64;

/// How long a code is good, in seconds, and how many codes there are. One that was used is remembered until its end, so that its
/// second use is noticed.
const CODE_FOR: u64 = 60;
const MAX_CODES: usize = 256;

/// Authorizations with a refresh token. Each takes some 10 KiB at most.
const MAX_GRANTS: usize = 1_024;

/// How long a refresh token is good that nobody uses, in seconds.
const REFRESH_TIMEOUT: u64 = 3_600;

/// Verifiers of PKCE (RFC 7636 section 4.1), in bytes.
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

/// What the flow remembers.
pub(super) struct Flow(Mutex<Memory>);

struct Memory {
    asked: Bounded<Request>,
    codes: Bounded<Code>,
    grants: Bounded<Granted>,
}

enum Code {
    /// With the time of the sign-in.
    Fresh(Box<Request>, u64),
    /// It was exchanged, for the grant of this key.
    Used(Key),
}

/// What a refresh token is for. The token is the family's secret, a dot and a secret of its own.
#[derive(Clone)]
struct Granted {
    request: Request,
    auth_time: u64,
    ends: u64,
    /// The key of the refresh token that is good. One that was good before is a sign that two have it.
    current: Key,
    /// The thumbprint that it is bound to.
    bound: Option<String>,
    /// The entry of the last access token.
    index: usize,
}

/// What a token endpoint answers that gives nothing (RFC 6749 section 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) error: &'static str,
    pub(super) detail: String,
}

impl From<CannotSign> for Error {
    fn from(error: CannotSign) -> Self {
        Self { error: "server_error", detail: error.to_string() }
    }
}

fn error(error: &'static str, detail: impl Into<String>) -> Error {
    Error { error, detail: detail.into() }
}

/// A text in the characters that descriptions of errors may have (RFC 6749 section 5.2).
pub(super) fn description(detail: &str) -> String {
    let plain = |character| match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    };
    detail.chars().map(plain).collect()
}

fn invalid_grant(detail: &str) -> Error {
    error("invalid_grant", detail)
}

impl Flow {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Memory {
            asked: Bounded::new(MAX_ASKED),
            codes: Bounded::new(MAX_CODES),
            grants: Bounded::new(MAX_GRANTS),
        }))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a request that is shown to a person. The answer is the ticket of the page's form: only who has seen the page
    /// has it, and it is good once.
    pub(super) fn ask(&self, request: Request, now: u64) -> Result<String, CannotSign> {
        let ticket = random::secret()?;
        self.memory().asked.put(key(&ticket), request, now + ASKED_FOR, now);
        Ok(ticket)
    }

    /// What a person decided. The answer is where the browser goes; nothing where there is no such ticket.
    pub(super) fn decide(
        &self,
        issuer: &str,
        ticket: &str,
        allow: bool,
        now: u64,
    ) -> Result<Option<String>, CannotSign> {
        let mut memory = self.memory();
        let Some((request, _)) = memory.asked.take(&key(ticket), now) else { return Ok(None) };
        let (redirect_uri, state) = (request.redirect_uri.clone(), request.state.clone());
        if !allow {
            let refused = [("error", "access_denied"), ("error_description", "denied on the page")];
            return Ok(Some(location(&redirect_uri, state.as_deref(), issuer, &refused)));
        }
        let code = random::secret()?;
        memory.codes.put(key(&code), Code::Fresh(Box::new(request), now), now + CODE_FOR, now);
        Ok(Some(location(&redirect_uri, state.as_deref(), issuer, &[("code", &code)])))
    }
}

/// A redirect URI with an answer, always with who answers (RFC 9207).
pub(super) fn location(redirect_uri: &str, state: Option<&str>, issuer: &str, answer: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(answer);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let query = query.append_pair("iss", issuer).finish();
    let sign = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{sign}{query}")
}

impl DemoIssuer {
    /// The key to which the code or refresh token of a request is bound already.
    pub(super) fn bound_key(&self, parameters: &Parameters, now: u64) -> Option<String> {
        let memory = self.flow.memory();
        match (parameters.get("code"), parameters.get("refresh_token")) {
            (Some(code), _) => match memory.codes.find(&key(code), now)? {
                Code::Fresh(request, _) => request.dpop_jkt.clone(),
                Code::Used(_) => None,
            },
            (None, Some(token)) => memory.grants.find(&key(token.split_once('.')?.0), now)?.bound.clone(),
            (None, None) => None,
        }
    }

    /// What the token endpoint answers. `proven` is the key whose possession the request proved, if it proved any, as
    /// [`bound_key`](Self::bound_key) demanded it.
    pub(super) fn exchange(&self, parameters: &Parameters, proven: Option<&str>, now: u64) -> Result<Value, Error> {
        match parameters.get("grant_type") {
            Some("authorization_code") => self.exchange_code(parameters, proven, now),
            Some("refresh_token") => self.refresh(parameters, proven, now),
            Some(_) => Err(error("unsupported_grant_type", "grant_type is not authorization_code or refresh_token")),
            None => Err(error("invalid_request", "there is no grant_type")),
        }
    }

    fn exchange_code(&self, parameters: &Parameters, proven: Option<&str>, now: u64) -> Result<Value, Error> {
        let code = parameters.get("code").ok_or_else(|| error("invalid_request", "there is no code"))?;
        let code = key(code);
        let mut memory = self.flow.memory();
        // Taken first: whatever is wrong, the code was used.
        let (request, auth_time, code_ends) = match memory.codes.take(&code, now) {
            Some((Code::Fresh(request, auth_time), ends)) => (request, auth_time, ends),
            Some((Code::Used(family), ends)) => {
                memory.codes.put(code, Code::Used(family), ends, now);
                self.forget(&mut memory, &family, now);
                return Err(invalid_grant("the code was used before; what it gave is revoked"));
            }
            None => return Err(invalid_grant("there is no such code, or it is too old")),
        };
        if parameters.get("client_id") != Some(&request.client_id) {
            return Err(invalid_grant("the code was given to another client_id"));
        }
        // Byte by byte, as RFC 6749 section 4.1.3 has it.
        if parameters.get("redirect_uri") != Some(&request.redirect_uri) {
            return Err(invalid_grant("redirect_uri is not the one that the code was sent to"));
        }
        let verifier = parameters.get("code_verifier").unwrap_or_default();
        let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        if !VERIFIER.contains(&verifier.len()) || hashed != request.challenge {
            return Err(invalid_grant("code_verifier does not match the code's challenge"));
        }
        if request.dpop_jkt.is_some() && request.dpop_jkt.as_deref() != proven {
            return Err(error("invalid_dpop_proof", "the code is bound to another key, and there is no proof of it"));
        }
        let family = random::secret()?;
        let ends = now.saturating_add(request.lasts);
        let bound = proven.map(str::to_owned);
        let granted = Granted { request: *request, auth_time, ends, current: key(""), bound, index: 0 };
        let answer = self.answer(&mut memory, &family, granted, "authorization_code", None, now)?;
        memory.codes.put(code, Code::Used(key(&family)), code_ends, now);
        Ok(answer)
    }

    fn refresh(&self, parameters: &Parameters, proven: Option<&str>, now: u64) -> Result<Value, Error> {
        let token =
            parameters.get("refresh_token").ok_or_else(|| error("invalid_request", "there is no refresh_token"))?;
        let unknown = || invalid_grant("there is no such refresh token, or it is too old");
        let (family, _) = token.split_once('.').ok_or_else(unknown)?;
        let mut memory = self.flow.memory();
        let (granted, refresh_ends) = memory.grants.take(&key(family), now).ok_or_else(unknown)?;
        let kept = granted.clone();
        let again = |memory: &mut Memory| memory.grants.put(key(family), kept, refresh_ends, now);
        if granted.current != key(token) {
            again(&mut memory);
            self.forget(&mut memory, &key(family), now);
            return Err(invalid_grant("the refresh token was used before; what it gave is revoked"));
        }
        let grant = Grant { authorization_expires: Some(granted.ends), refresh_expires: Some(refresh_ends) };
        grant.accept(now).map_err(|rejection| invalid_grant(rejection.detail()))?;
        let wrong = if parameters.get("client_id").is_some_and(|client| client != granted.request.client_id) {
            Some(invalid_grant("the refresh token was given to another client_id"))
        } else if granted.bound.is_some() && granted.bound.as_deref() != proven {
            Some(error("invalid_dpop_proof", "the refresh token is bound to a key, and there is no proof of it"))
        } else if parameters.get("authorization_details").is_some() {
            Some(error("invalid_authorization_details", "they stay as they were allowed"))
        } else if parameters.get("scope").is_some_and(|scope| !is_within(scope, granted.request.scope.as_deref())) {
            Some(error("invalid_scope", "scope is more than was allowed"))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            again(&mut memory);
            return Err(wrong);
        }
        let bound = proven.map(str::to_owned);
        self.answer(&mut memory, family, Granted { bound, ..granted }, "refresh_token", parameters.get("scope"), now)
    }

    /// An access token and the next refresh token. `scope` is what is wanted of what was allowed.
    fn answer(
        &self,
        memory: &mut Memory,
        family: &str,
        mut granted: Granted,
        grant_type: &'static str,
        scope: Option<&str>,
        now: u64,
    ) -> Result<Value, Error> {
        let refresh_token = format!("{family}.{}", random::secret()?);
        let refresh_ends = Grant::refresh_end(Some(granted.ends), Some(REFRESH_TIMEOUT), now).unwrap_or(granted.ends);
        let lifetime = LIFETIME.min(granted.ends.saturating_sub(now));
        let request = &granted.request;
        let scope = scope.or(request.scope.as_deref());
        let mut extensions = vec!["pkce"];
        extensions.extend(granted.bound.as_ref().map(|_| "dpop"));
        extensions.extend(request.details.as_ref().map(|_| "rar"));
        let access = Access {
            subject: SUBJECT,
            client_id: &request.client_id,
            scope,
            audience: None,
            acr: Some(request.acr),
            auth_time: Some(granted.auth_time),
            details: request.details.as_ref(),
            jkt: granted.bound.as_deref(),
            grant: Some((grant_type, extensions)),
            lifetime,
        };
        let minted = self.access_token(&access, now)?;
        let mut answer = json!({
            "access_token": minted.token,
            "token_type": if granted.bound.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": lifetime,
            "refresh_token": refresh_token,
            "refresh_token_timeout": refresh_ends.saturating_sub(now),
            "authorization_expires_in": granted.ends.saturating_sub(now),
        });
        if let Some(scope) = scope {
            answer["scope"] = json!(scope);
        }
        if let Some(details) = &request.details {
            answer["authorization_details"] = details.clone();
        }
        let grant = Grant { authorization_expires: Some(granted.ends), refresh_expires: Some(refresh_ends) };
        self.check_lifetimes(&answer, &grant, now)?;
        granted.current = key(&refresh_token);
        granted.index = minted.index;
        memory.grants.put(key(family), granted, refresh_ends, now);
        Ok(answer)
    }

    /// Nothing is answered that clients of draft-ietf-oauth-refresh-token-expiration would refuse: a token that outlives what was
    /// allowed, or an end that is not told.
    fn check_lifetimes(&self, answer: &Value, grant: &Grant, now: u64) -> Result<(), Error> {
        let failed = |rejection: portcullis_types::Rejection| error("server_error", rejection.to_string());
        let object = |value: &Value| json::parse_object(value.to_string().as_bytes()).map_err(failed);
        let declared = ExpirationTypes::of_metadata(&object(&self.metadata())?).map_err(failed)?;
        check_response(&object(answer)?, grant, Some(declared), now, &mut Silent).map_err(failed)
    }

    /// Ends a grant of which somebody else may have a part (RFC 9700 section 4.14.2), and its last access token.
    fn forget(&self, memory: &mut Memory, family: &Key, now: u64) {
        if let Some((granted, _)) = memory.grants.take(family, now) {
            self.set_revoked(granted.index, true);
        }
    }
}

/// Whether every scope token is one that was allowed (RFC 6749 section 6).
fn is_within(scope: &str, allowed: Option<&str>) -> bool {
    let allowed: Vec<&str> = allowed.unwrap_or_default().split(' ').collect();
    is_scope(scope) && scope.split(' ').all(|token| allowed.contains(&token))
}

#[cfg(test)]
mod tests;
