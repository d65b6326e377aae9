//! Opaque tokens: what the authorization server says of them (RFC 7662, `docs/introspection.md`).
//!
//! An evaluation asks about its token, the host fetches the answer, and what that says is a fact about the token as a verified
//! JWT is one: its claims are checked at each use, its proof is judged by the same code, and rules see the same claims. RFC 9701
//! (answers that are JWTs) is not read.

mod answer;
mod questions;

use alloc::{boxed::Box, format, rc::Rc, string::String, vec};

use portcullis_crypto::sha256;
use portcullis_token::jwt::{self, Expectations};
use portcullis_types::{Rejection, Timestamp, trace::check};

pub(crate) use questions::Questions;

use crate::{
    code::GateCode,
    credential::{Presented, no_entry},
    denial::{Denial, ProofError, Stop},
    documents::{Document, DocumentNeed, Kind, Question},
    judge::Judge,
    limits::{MAX_INTROSPECTION_ANSWER, MAX_OPAQUE_TOKEN},
    memory::{Fact, Learned, Sought},
    origin::Class,
    policy::{Authority, Introspection, Policy},
    state::State,
};
use answer::Said;
use questions::{Ask, Told};

/// The generation of what an authorization server said: no keys vouch for it, and keys begin with 1.
const GENERATION: u64 = 0;

impl Judge<'_> {
    /// An opaque token: what was said of it lately, or is said now.
    ///
    /// Errors: `token.opaque_too_long`, `introspection.*`, `token.*` for its claims, `proof.scheme_bearer`.
    pub(crate) fn opaque_token(&mut self, presented: &Presented<'_>, number: usize) -> Result<Rc<Fact>, Stop> {
        let policy = self.policy;
        let introspection = policy.issuers.get(number).and_then(|issuer| issuer.introspection.as_ref());
        let Some(introspection) = introspection else { return Err(no_entry().into()) };
        let token = presented.token();
        if token.len() > MAX_OPAQUE_TOKEN {
            let what = format!("it has {} bytes, at most {MAX_OPAQUE_TOKEN} are asked about", token.len());
            let rejection = Rejection::new(GateCode::TokenOpaqueTooLong, what);
            self.trace.failed("introspection", &rejection);
            return Err(Denial::form(rejection).into());
        }
        let digest = sha256(token.as_bytes());
        let fact = match self.state.memory.holds(&Sought::opaque(&digest), GENERATION, self.at) {
            Some(fact) => {
                self.trace.passed("introspection", "docs/introspection.md", &|| "remembered".into());
                fact
            }
            None => {
                let said = self.said(introspection, token, digest);
                if let Err(Stop::Denied(denial)) = &said {
                    self.trace.failed("introspection", &denial.rejection);
                }
                let fact = said?;
                self.trace.passed("introspection", "RFC 7662 section 2.2", &|| "active".into());
                fact
            }
        };
        let expect = expected(introspection, &fact);
        jwt::meet(&fact.claims, &expect, self.at, self.trace).map_err(Denial::token)?;
        let is_dpop = matches!(presented, Presented::Dpop(_));
        let fits = answer::token_type(&fact.claims.members, is_dpop);
        check(self.trace, "token type", "RFC 7662 section 2.2", fits, |()| String::new()).map_err(|rejection| {
            match rejection.is(GateCode::ProofBearer) {
                true => Denial::proof(rejection, ProofError::Scheme),
                false => Denial::token(rejection),
            }
        })?;
        Ok(fact)
    }

    /// What the authorization server said of a token that is not remembered, or that it is asked.
    fn said(&mut self, introspection: &Introspection, token: &str, digest: [u8; 32]) -> Result<Rc<Fact>, Stop> {
        let at = self.at;
        let unknown = |rejection| Stop::from(Denial::unknown(rejection));
        let unavailable = |why: &str| unknown(Rejection::new(GateCode::IntrospectionUnavailable, why));
        let inactive = || {
            let rejection = Rejection::new(GateCode::IntrospectionInactive, "the authorization server says so");
            Stop::from(Denial::token(rejection))
        };
        if self.answered.contains(&(introspection.url.clone(), Some(digest))) {
            return match self.state.questions.told(&digest) {
                Some(Told::Active(fact)) if fact.verified_at <= at => Ok(Rc::clone(fact)),
                Some(Told::Active(_)) => Err(unavailable("the answer is from the future")),
                Some(Told::Inactive) => Err(inactive()),
                Some(Told::Fault(rejection)) => Err(unknown(rejection.clone())),
                None => Err(unavailable("no answer was given to the gate")),
            };
        }
        match self.state.questions.lately(&digest, at) {
            Some(Told::Inactive) => return Err(inactive()),
            Some(Told::Fault(rejection)) => return Err(unknown(rejection.clone())),
            // Whether it may still be relied upon, the memory of tokens has said.
            Some(Told::Active(_)) | None => {}
        }
        if !self.may_ask {
            return Err(unavailable("it was not asked"));
        }
        let known = self.state.memory.peek(&Sought::opaque(&digest)).is_some();
        match self.state.questions.ask(digest, known, at) {
            Ask::Now | Ask::Join => Err(Stop::Needs(vec![need(introspection, token, digest, known)])),
            Ask::TooMany => {
                let rejection = Rejection::new(GateCode::IntrospectionTooMany, "too many tokens are asked about");
                Err(unknown(rejection))
            }
        }
    }
}

/// What the claims of an answer have to be: `iss` may be left out (RFC 7662 section 2.2), because the endpoint says whose answer it
/// is, and `aud` where the policy says so.
fn expected(introspection: &Introspection, fact: &Fact) -> Expectations {
    let mut expect = introspection.expect.clone();
    if fact.claims.issuer.is_none() {
        expect.issuer = None;
    }
    if fact.claims.audience.is_none() && !introspection.audience_required {
        expect.audience = None;
    }
    expect
}

/// What is asked (RFC 7662 section 2.1): a token, whose characters are those of a token68, and that it came as an access token.
fn need(introspection: &Introspection, token: &str, digest: [u8; 32], known: bool) -> DocumentNeed {
    let mut form = String::with_capacity(token.len() + 48);
    form.push_str("token=");
    for character in token.chars() {
        match character {
            '+' => form.push_str("%2B"),
            '/' => form.push_str("%2F"),
            '=' => form.push_str("%3D"),
            '~' => form.push_str("%7E"),
            plain => form.push(plain),
        }
    }
    form.push_str("&token_type_hint=access_token");
    DocumentNeed {
        url: introspection.url.clone(),
        class: Class::Policy,
        kind: Kind::Introspection,
        most: MAX_INTROSPECTION_ANSWER,
        server: None,
        question: Some(Box::new(Question { digest, form, credential: introspection.credential.clone(), known })),
    }
}

impl State {
    /// Takes an answer about a token, if this gate asked. The answer is nothing where it did not.
    pub(crate) fn provide_said(
        &mut self,
        policy: &Policy,
        document: &Document,
        at: Timestamp,
    ) -> Option<Result<(), Rejection>> {
        let digest = document.about?;
        let (number, introspection) = policy.introspecting().filter(|(_, known)| known.url == document.url)?;
        let (asked_at, is_forgotten) = self.questions.asked(&digest)?;
        let sought = Sought::opaque(&digest);
        let read = answer::read(&document.content, MAX_INTROSPECTION_ANSWER).and_then(|said| {
            // What was said before anybody asked may have changed since.
            if document.fetched_at < asked_at {
                let what = format!("fetched at {}, and asked for at {asked_at}", document.fetched_at);
                return Err(Rejection::new(GateCode::DocumentOlder, what));
            }
            let Said::Active { claims, length } = said else { return Ok(Told::Inactive) };
            let fact = fact(number, introspection, *claims, length, document.fetched_at, digest);
            if self.bytes().saturating_add(fact.bytes()) > policy.limits.memory {
                return Err(Rejection::new(GateCode::MemoryFull, format!("the answer takes {} bytes", fact.bytes())));
            }
            Ok(Told::Active(Rc::new(fact)))
        });
        match &read {
            Ok(Told::Active(fact)) if !is_forgotten && fact.until().is_some_and(|until| at < until) => {
                self.remember(policy, &sought, Rc::clone(fact));
            }
            // What was good once is not known to be so any more.
            Ok(Told::Inactive) => self.memory.drop(&sought),
            Ok(_) | Err(_) => {}
        }
        let (told, result) = match read {
            Ok(told) => (told, Ok(())),
            Err(rejection) => (Told::Fault(rejection.clone()), Err(rejection)),
        };
        self.questions.tell(&digest, told, introspection.cache, at);
        Some(result)
    }
}

/// What was said of an active token, to be relied upon for as long as the policy says and never past `exp`.
fn fact(
    number: usize,
    introspection: &Introspection,
    claims: portcullis_token::claims::Claims,
    length: usize,
    fetched_at: Timestamp,
    digest: [u8; 32],
) -> Fact {
    let expires = claims.expires.map_or(Timestamp::MAX, |expires| expires.whole_seconds());
    let until = fetched_at.saturating_add(introspection.cache).min(expires);
    let learned = Learned {
        authority: Authority::Issuer(number),
        claims,
        spiffe_id: None,
        workload_key: None,
        generation: GENERATION,
        remembered: true,
    };
    Fact::told(learned, fetched_at, until, length, digest)
}
