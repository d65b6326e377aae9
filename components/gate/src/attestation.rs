//! Attestations of client instances beside access tokens (draft-ietf-oauth-attestation-based-client-auth-11, at a resource server;
//! `docs/attestation.md`), and what they have in common with those at an authorization server: keys, challenges, and proofs that
//! are used once.

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_client::{
    Challenge, Client, ClientCode, Clients, ErrorAnswer, Method,
    authenticate::{self, Expectations, Refused, Role},
    challenge, pop,
};
use portcullis_crypto::{CryptoCode, KeySet};
use portcullis_svid::BundleSet;
use portcullis_token::TokenCode;
use portcullis_types::{Rejection, json::Value, limits::excerpt, trace::check};

use crate::{
    answer::Answering,
    code::GateCode,
    credential::no_entry,
    decision::Decision,
    denial::{Denial, Stop},
    judge::{Judge, UsedProof, Verified},
    origin::Origin,
    policy::{Access, AttestationPolicy, KeySource, Replay, Requirements, issuers},
    request::{Judged, Request, values},
    sources::Owner,
};

/// How far the clocks of attesters and ours may differ, in seconds: as those of issuers.
pub(crate) const LEEWAY: u64 = issuers::DEFAULT_LEEWAY;

/// A proof of an attestation, or one that came beside it, and the denial for one that was used before.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) used: UsedProof,
    pub(crate) replayed: Denial,
}

/// How the proofs of a request are taken that hold by themselves.
pub(crate) struct Once<'p> {
    pub(crate) role: Role,
    /// What proofs of attestations are made for.
    pub(crate) server: &'p str,
    /// How far the `iat` of a proof may lie from now, in seconds.
    pub(crate) window: u64,
    /// Whether the request has a proof of an attestation's own.
    pub(crate) with_pop: bool,
    /// Whether the request has a DPoP proof, whose scheme a resource server then answers with.
    pub(crate) with_dpop: bool,
    /// A challenge for the next attempt, where they are given.
    pub(crate) challenge: Option<&'p str>,
    /// A nonce for the next attempt, where they are wanted.
    pub(crate) nonce: Option<&'p str>,
    /// What a refusal by the library of clients is here.
    pub(crate) refused: fn(Rejection, ErrorAnswer) -> Denial,
}

impl Once<'_> {
    /// As the library refuses a proof that does not hold; with a challenge or nonce where another attempt helps.
    fn refuse(&self, rejection: Rejection, is_dpop: bool, fresh: Option<&str>) -> Denial {
        let (error, field) = match (is_dpop, fresh) {
            (true, Some(nonce)) => ("use_dpop_nonce", Some(("DPoP-Nonce", nonce))),
            (true, None) => ("invalid_dpop_proof", None),
            (false, Some(given)) => ("use_attestation_challenge", Some((challenge::HEADER, given))),
            (false, None) => ("invalid_client_attestation", None),
        };
        let mut headers: Vec<(&'static str, String)> =
            field.map(|(name, value)| (name, value.into())).into_iter().collect();
        let status = match self.role {
            Role::AuthorizationServer => 400,
            Role::ResourceServer => {
                let scheme = if self.with_dpop { "DPoP" } else { "Bearer" };
                headers.push(("WWW-Authenticate", format!("{scheme} error=\"{error}\"")));
                401
            }
        };
        (self.refused)(rejection, ErrorAnswer { status, error, headers })
    }
}

impl Judge<'_> {
    /// The keys of those who attest clients.
    ///
    /// Errors: `keys.unavailable`, `keys.stale`, both 503.
    pub(crate) fn attester_keys(&mut self, owner: Owner, source: &KeySource) -> Result<Rc<KeySet>, Stop> {
        let (keys, _) = self.keys_of(owner)?;
        let fetched = matches!(source, KeySource::Url(url) if !url.starts_with("file:"));
        if fetched && issuers::is_symmetric(&keys) {
            let what = "the attesters' keys are symmetric, and whoever can fetch them could attest clients";
            let rejection = Rejection::new(GateCode::KeysUnavailable, what);
            self.trace.failed("attesters", &rejection);
            return Err(Denial::unknown(rejection).into());
        }
        Ok(keys)
    }

    /// The challenges that are good now.
    ///
    /// Error: `replay.nonce_unavailable`, 503.
    pub(crate) fn challenges(&mut self, request: &Request) -> Result<Vec<Challenge>, Denial> {
        let given: Vec<Challenge> = given(request).collect();
        if given.is_empty() {
            return Err(self.without_nonces());
        }
        Ok(given)
    }

    pub(crate) fn without_nonces(&mut self) -> Denial {
        let rejection = Rejection::new(GateCode::NonceUnavailable, "the host has no challenges");
        self.trace.failed("challenge", &rejection);
        Denial::unknown(rejection)
    }

    /// Proofs that hold, each to be used once. One that was made before the memory of used proofs began may have been.
    ///
    /// Error: `replay.before_start`.
    pub(crate) fn used_once(
        &mut self,
        request: &Request,
        once: &Once<'_>,
        used: &[authenticate::UsedProof],
    ) -> Result<Vec<Proof>, Denial> {
        let mut proofs = Vec::new();
        for used in used {
            // A proof of an attestation is for the server, one of DPoP for a URL of it.
            let is_dpop = used.target != once.server || !once.with_pop;
            if let Some(since) = request.replay_since
                && self.at < since.saturating_add(once.window)
                && used.issued_at.seconds() < since as f64
            {
                let what = "the proof was made before the memory of used proofs began";
                let rejection = Rejection::new(GateCode::ReplayBeforeStart, what);
                self.trace.failed("proof", &rejection);
                let fresh = if is_dpop { once.nonce } else { once.challenge };
                return Err(once.refuse(rejection, is_dpop, fresh));
            }
            let replayed = match is_dpop {
                true => Rejection::new(TokenCode::DpopReplayed, "the proof was used before"),
                false => Rejection::new(ClientCode::PopReplayed, "the proof was used before"),
            };
            let window = once.window.saturating_mul(2);
            proofs.push(Proof {
                used: UsedProof {
                    kind: if is_dpop { "dpop" } else { "attestation-pop" },
                    thumbprint: used.thumbprint,
                    target: used.target.clone(),
                    id: used.id.clone(),
                    share: None,
                    until: used.issued_at.whole_seconds().saturating_add(window).saturating_add(1),
                },
                replayed: once.refuse(replayed, is_dpop, None),
            });
        }
        Ok(proofs)
    }

    /// What an attestation needs is asked for together with what its access token needs: one round for both.
    pub(crate) fn with_attesters(&mut self, stop: Stop, require: &Requirements) -> Stop {
        let Stop::Needs(mut needs) = stop else { return stop };
        if require.attestation
            && let Err(Stop::Needs(more)) = self.keys_of(Owner::Attestation)
        {
            for need in more {
                if !needs.contains(&need) {
                    needs.push(need);
                }
            }
        }
        Stop::Needs(needs)
    }

    /// The attestation that a rule demands beside an access token that has verified: of the token's client, by an attester of the
    /// policy, with its proof of possession (sections 7.1 to 7.3). The answer is the proofs that came with it, each to be used
    /// once; the access token's own proof is not among them.
    ///
    /// Errors: `attestation.*`, `pop.*`, `client.*`, `dpop.*`, `keys.*`, `replay.*`, and those of tokens.
    pub(crate) fn attested(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        verified: &Verified,
        require: &Requirements,
    ) -> Result<Vec<Proof>, Stop> {
        if !require.attestation {
            return Ok(Vec::new());
        }
        let policy = self.policy;
        let Some(wanted) = &policy.attestation else { return Err(no_entry().into()) };
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7)";
        let client_id = check(self.trace, "attested client", section, client_id(verified), |id| excerpt(id));
        let client_id = client_id.map_err(unnamed)?;
        let challenges = if wanted.challenge { self.challenges(request)? } else { Vec::new() };
        let server = policy.origins.get(judged.origin).map_or("", Origin::as_str);
        let with_pop = values(judged.headers, pop::HEADER).next().is_some();
        let with_dpop = values(judged.headers, "DPoP").next().is_some();
        // A DPoP proof that stands for both has no challenge: what keeps it fresh is the nonce (section 7.3).
        let with_nonce = policy.replay == Replay::Nonce || (wanted.challenge && !with_pop);
        if with_nonce && with_dpop && request.nonces.is_empty() {
            return Err(self.without_nonces().into());
        }
        let nonces: Vec<&str> = request.nonces.iter().filter(|_| with_nonce).map(String::as_str).collect();
        let keys = self.attester_keys(Owner::Attestation, &wanted.attesters)?;
        // The combined form is one proof for both: for the attestation, and for a token that is bound to its key (section 5.2).
        let of_token = verified.proof.as_ref().filter(|proof| proof.kind == "dpop");
        let methods = methods(wanted, of_token.is_some());
        let mut clients = Clients::new();
        let known = Client { client_id: client_id.into(), spiffe_id: None, method: None };
        clients.add(known).map_err(Denial::unknown)?;
        let (url, none) = (judged.url(policy), BundleSet::new());
        let headers: Vec<(&str, &[u8])> =
            judged.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
        let sent = authenticate::Request {
            headers: &headers,
            method: judged.method,
            url: &url,
            form: &[],
            certificate_chain: &[],
        };
        let expect = Expectations {
            methods: &methods,
            client_id: Some(client_id),
            attesters: Some(&keys),
            attester_algorithms: wanted.algorithms.as_deref(),
            challenges: &challenges,
            nonces: &nonces,
            window: policy.proof_window,
            leeway: LEEWAY,
            attestation_max_age: wanted.max_age,
            ..Expectations::of(Role::ResourceServer, server, &clients, &none)
        };
        let client = match authenticate::explain(&sent, &expect, self.at, self.backend, self.trace) {
            Ok(client) => client,
            Err(Refused { rejection, answer }) => {
                // It may be newer than the keys that are held.
                if rejection.is(CryptoCode::Unknown) {
                    self.more_keys_of(Owner::Attestation)?;
                }
                return Err(Denial::attestation(rejection, answer).into());
            }
        };
        let once = Once {
            role: Role::ResourceServer,
            server,
            window: policy.proof_window,
            with_pop,
            with_dpop,
            challenge: challenges.first().map(Challenge::as_str),
            nonce: nonces.first().copied(),
            refused: Denial::attestation,
        };
        let mut proofs = self.used_once(request, &once, &client.proofs)?;
        // The access token's own proof is remembered already, and for as long.
        proofs.retain(|proof| !of_token.is_some_and(|own| own.is(&proof.used)));
        Ok(proofs)
    }
}

impl Answering<'_> {
    /// What the client's next proofs carry, where the rule demands an attestation and proofs of it carry what the host gave: a
    /// challenge, and a nonce where a DPoP proof may stand for both
    /// (draft-ietf-oauth-attestation-based-client-auth-11 section 6.2, RFC 9449 section 8.2). A client that was refused may choose.
    pub(crate) fn put_fresh(&self, decision: &mut Decision, is_refused: bool) {
        let demanded = matches!(self.rule().map(|rule| &rule.access),
            Some(Access::Credential { require, .. }) if require.attestation);
        let Some(wanted) = self.policy.attestation.as_ref().filter(|wanted| demanded && wanted.challenge) else {
            return;
        };
        let with_pop = values(&self.request.headers, pop::HEADER).next().is_some();
        let given = given(self.request).next().filter(|_| is_refused || with_pop);
        let given = given.map(|given| (challenge::HEADER.to_string(), given.as_str().to_string()));
        let nonce = self.nonce().filter(|_| wanted.dpop && self.context.dpop && !with_pop);
        for (name, value) in given.into_iter().chain(nonce) {
            if !decision.response_headers.iter().any(|(known, _)| *known == name) {
                decision.response_headers.push((name, value));
            }
        }
    }
}

/// The nonces of a host that can be challenges, the one to hand out first.
pub(crate) fn given(request: &Request) -> impl Iterator<Item = Challenge> {
    request.nonces.iter().filter_map(|nonce| Challenge::parse(nonce).ok())
}

/// The ways in which an attestation may be proved.
fn methods(wanted: &AttestationPolicy, with_bound_token: bool) -> Vec<Method> {
    match wanted.dpop && with_bound_token {
        true => vec![Method::Attestation, Method::AttestationDpop],
        false => vec![Method::Attestation],
    }
}

/// The client that an access token was given to (RFC 9068 section 2.2).
fn client_id(verified: &Verified) -> Result<&str, Rejection> {
    let named = match verified.claims().map(|claims| claims.get("client_id")) {
        Some(Ok(Some(Value::String(text)))) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    };
    named.ok_or_else(|| {
        Rejection::new(GateCode::AttestationClientUnnamed, "the credential does not say which client it was given to")
    })
}

/// An access token that names no client goes with no attestation.
fn unnamed(rejection: Rejection) -> Denial {
    let error = "invalid_client_attestation";
    Denial::attestation(rejection, ErrorAnswer { status: 401, error, headers: Vec::new() })
}
