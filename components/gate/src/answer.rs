//! A denial as its client is told of it, and an allowance as the upstream is (`docs/decisions.md`).
//!
//! A client learns what its specification tells it: the challenge, and the first code where that gives nothing away. What was
//! found stays in the findings.

mod upstream;

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_scope::{Answer, Challenge, Need, ResourceMetadata, Scheme, Settings};
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
};
use portcullis_wimse::{message_signature, proof_token};

use crate::{
    code::GateCode,
    cors,
    decision::{Decision, Outcome},
    denial::{Denial, Fault, ProofError},
    judge::{Context, Passed},
    limits::RETRY_AFTER,
    policy::{Access, Authority, Metadata, Mode, Policy, Proof, Replay, WorkloadProof},
    request::Request,
    transaction::Passing,
    workload::Means,
};

/// The header by which a request is marked that was let through only to be reported. Its value is the code.
pub const REPORT_HEADER: &str = "Portcullis-Report";

/// The algorithms that a proof may have (RFC 9449 section 7.1, `algs`).
pub(crate) const PROOF_ALGORITHMS: &str = "ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 PS256 PS384 PS512 ES256K";

/// The body of every answer of which nobody knows: the same, whatever the reason.
pub(crate) const UNKNOWN_BODY: &str = r#"{"error":"temporarily_unavailable"}"#;

/// How credentials may come.
#[derive(Debug, Clone, Copy, Default)]
struct Ways {
    bearer: bool,
    dpop: bool,
    /// With the scheme WPT.
    proof_token: bool,
    /// With a signature over the request.
    signature: bool,
}

/// What an answer is made with.
pub(crate) struct Answering<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) request: &'a Request,
    pub(crate) context: &'a Context,
}

impl Answering<'_> {
    /// A request that passed every check.
    ///
    /// Error: `upstream.value_unusable`, as a denial.
    pub(crate) fn allow(&self, passed: &Passed) -> Result<Decision, Denial> {
        #[cfg(feature = "clients")]
        if let Some(passed) = &passed.client {
            return Ok(self.to_server(passed));
        }
        #[cfg(feature = "transactions")]
        if self.context.exchange {
            return Ok(self.to_workload(passed));
        }
        #[cfg(feature = "ocm")]
        if let Some(passed) = &passed.ocm {
            return Ok(self.to_sharing_server(passed));
        }
        let principal = passed.principal.as_ref().map(|verified| self.principal(verified));
        let set = self.upstream(passed.principal.as_ref(), principal.as_ref()).map_err(Denial::forbidden)?;
        let mut decision = self.decision(Outcome::Allow, 200);
        decision.upstream_set = set;
        decision.principal = principal;
        #[cfg(feature = "registry")]
        {
            decision.issue.clone_from(&passed.issue);
        }
        if self.policy.replay == Replay::Nonce && passed.proof.is_some() {
            decision.response_headers.extend(self.nonce());
        }
        self.put_fresh(&mut decision, false);
        Ok(decision)
    }

    /// A denial, or what a denial becomes where it is only reported.
    pub(crate) fn deny(&self, denial: &Denial) -> Decision {
        if self.reports(&denial.fault) {
            let verified = self.context.verified.as_ref();
            let principal = verified.map(|verified| self.principal(verified));
            // A value that cannot be set is left out here: the request is let through whatever is found.
            let set = self.upstream(verified, principal.as_ref()).unwrap_or_default();
            let mut decision = self.decision(Outcome::Allow, 200);
            decision.upstream_set = set;
            decision.upstream_set.push((REPORT_HEADER.into(), denial.rejection.code().into()));
            decision.principal = principal;
            decision.findings = vec![denial.rejection.clone()];
            decision.reported = true;
            return decision;
        }
        let mut decision = self.decision(Outcome::Deny, 403);
        decision.findings = vec![denial.rejection.clone()];
        let told = self.told(denial, &mut decision);
        if let Some(body) = &told {
            decision.response_headers.extend(json_fields());
            decision.body = Some(body.clone());
        }
        decision
    }

    /// What the server of a client is told.
    #[cfg(feature = "clients")]
    fn to_server(&self, passed: &crate::clients::Passed) -> Decision {
        let mut decision = self.decision(Outcome::Allow, 200);
        decision.response_headers = json_fields();
        decision.upstream_strip = Vec::new();
        decision.body = Some(passed.body.clone());
        decision.principal = passed.client.as_ref().map(|client| crate::decision::Principal {
            subject: client.spiffe_id.clone(),
            client: Some(client.client_id.clone()),
            spiffe_id: client.spiffe_id.clone(),
            issuer: passed.issuer.clone(),
            scopes: Vec::new(),
            binding: None,
        });
        decision.client.clone_from(&passed.client);
        decision
    }

    /// What a workload is told that requested a Transaction Token, before its host signs.
    #[cfg(feature = "transactions")]
    fn to_workload(&self, passed: &Passed) -> Decision {
        let mut decision = self.decision(Outcome::Allow, 200);
        decision.response_headers = json_fields();
        decision.upstream_strip = Vec::new();
        decision.principal = passed.principal.as_ref().map(|verified| self.principal(verified));
        decision.issue.clone_from(&passed.issue);
        decision
    }

    /// What goes on to a sharing server, or what it is answered itself.
    #[cfg(feature = "ocm")]
    fn to_sharing_server(&self, passed: &crate::ocm::OcmPassed) -> Decision {
        let mut decision = self.decision(Outcome::Allow, 200);
        decision.principal = passed.peer.as_ref().map(|host| crate::decision::Principal {
            client: Some(host.to_string()),
            issuer: host.origin().to_string(),
            ..crate::decision::Principal::default()
        });
        match &passed.body {
            Some(body) => {
                decision.response_headers = json_fields();
                decision.upstream_strip = Vec::new();
                decision.body = Some(body.clone());
            }
            None => decision.upstream_set = passed.upstream(),
        }
        decision
    }

    fn decision(&self, outcome: Outcome, status: u16) -> Decision {
        let response_headers = match &self.policy.cors {
            Some(cors) => {
                let challenges = self.policy.attestation.as_ref().is_some_and(|wanted| wanted.challenge);
                cors::exposing(&self.request.headers, cors, challenges)
            }
            None => Vec::new(),
        };
        Decision {
            outcome,
            status,
            response_headers,
            body: None,
            upstream_set: Vec::new(),
            upstream_strip: self.strip(),
            principal: None,
            transaction: self.context.transaction.as_ref().map(Passing::told),
            findings: Vec::new(),
            rule: self.rule().map(|rule| rule.name.clone()),
            reported: false,
            needs: Vec::new(),
            #[cfg(feature = "registry")]
            issue: None,
            #[cfg(feature = "clients")]
            client: None,
        }
    }

    pub(crate) fn rule(&self) -> Option<&crate::policy::Rule> {
        self.context.rule.and_then(|number| self.policy.rules.get(number))
    }

    /// Whether a denial is reported only. What cannot be verified at all needs to be said twice, and an ambiguous request
    /// is none that anything could be said of.
    fn reports(&self, fault: &Fault) -> bool {
        // What is handed out cannot be taken back, and there is nothing to let through.
        #[cfg(feature = "registry")]
        if matches!(self.context.registry, Some(crate::registry::Speaking::Tokens(_))) {
            return false;
        }
        #[cfg(feature = "transactions")]
        if self.context.exchange {
            return false;
        }
        #[cfg(feature = "clients")]
        if self.context.clients {
            return false;
        }
        // Whoever stands behind relies on what is let through being signed.
        #[cfg(feature = "ocm")]
        if self.context.ocm.is_some() {
            return false;
        }
        let mode = self.rule().map_or(self.policy.mode, |rule| rule.mode);
        mode == Mode::Report
            && match fault {
                Fault::Rights(_) | Fault::Forbidden | Fault::Access { .. } => true,
                Fault::Transaction { missing } => *missing || self.policy.report_unverified,
                Fault::Credential { .. } | Fault::Workload { .. } | Fault::Attestation { .. } | Fault::Unknown => {
                    self.policy.report_unverified
                }
                Fault::Request | Fault::Absent(_) | Fault::Page => false,
                // Answered before.
                #[cfg(feature = "clients")]
                Fault::Client(_) => false,
            }
    }

    /// Sets status and headers, and gives the body.
    fn told(&self, denial: &Denial, decision: &mut Decision) -> Option<String> {
        #[cfg(feature = "registry")]
        if let (Some(speaking), false) = (&self.context.registry, matches!(denial.fault, Fault::Page)) {
            return Some(crate::registry::answer::told(self.policy, speaking, denial, decision));
        }
        #[cfg(feature = "transactions")]
        if self.context.exchange {
            decision.response_headers = Vec::new();
            decision.upstream_strip = Vec::new();
            return Some(self.refused_exchange(denial, decision));
        }
        #[cfg(feature = "clients")]
        if self.context.clients {
            decision.response_headers = Vec::new();
            decision.upstream_strip = Vec::new();
            return Some(crate::clients::answer::told(denial, decision));
        }
        #[cfg(feature = "ocm")]
        if let Some(speaking) = self.context.ocm {
            return Some(crate::ocm::answer::told(speaking, self.request, self.policy.expose_full, denial, decision));
        }
        let code = denial.rejection.code();
        match &denial.fault {
            // Of a listener for clients, answered above.
            #[cfg(feature = "clients")]
            Fault::Client(_) => None,
            // At a registry, answered above.
            Fault::Access { .. } => Some(self.body(None, Some(code), denial)),
            Fault::Absent(status) => {
                decision.status = *status;
                Some(self.body(None, Some(code), denial))
            }
            Fault::Request => {
                decision.status = 400;
                Some(self.body(Some("invalid_request"), Some(code), denial))
            }
            Fault::Credential { need, proof, told } => {
                decision.status = 401;
                let challenges = self.challenges(need, *proof);
                let fields = challenges.into_iter().map(|challenge| ("WWW-Authenticate".to_string(), challenge));
                decision.response_headers.extend(fields);
                if matches!(need, Need::Credential { .. }) {
                    decision.response_headers.extend(self.signature_wanted());
                }
                if *proof == Some(ProofError::Nonce) || (self.policy.replay == Replay::Nonce && proof.is_some()) {
                    decision.response_headers.extend(self.nonce());
                }
                self.put_fresh(decision, true);
                let error = proof.and_then(proof_error).or_else(|| need.error());
                Some(self.body(error, Some(code).filter(|_| *told), denial))
            }
            Fault::Workload { means, told } => {
                match means {
                    Means::ProofToken => {
                        decision.status = 401;
                        decision.response_headers.push(("WWW-Authenticate".into(), self.workload_challenge()));
                    }
                    Means::Signature => {
                        decision.status = 400;
                        decision.response_headers.extend(self.signature_wanted());
                    }
                }
                Some(self.body(Some("invalid_token"), Some(code).filter(|_| *told), denial))
            }
            Fault::Attestation { answer, told } => {
                decision.status = answer.status;
                let challenge = self.error_challenge(self.scheme(), answer.error);
                decision.response_headers.push(("WWW-Authenticate".into(), challenge));
                let fields = answer.headers.iter().filter(|(name, _)| *name != "WWW-Authenticate");
                decision.response_headers.extend(fields.map(|(name, value)| ((*name).into(), value.clone())));
                self.put_fresh(decision, true);
                Some(self.body(Some(answer.error), Some(code).filter(|_| *told), denial))
            }
            Fault::Rights(need) => {
                let Answer { status, challenge, body } = need.answer(&self.settings(self.scheme()));
                decision.status = status;
                decision.response_headers.push(("WWW-Authenticate".into(), challenge));
                Some(body.unwrap_or_else(|| self.body(need.error(), Some(code), denial)))
            }
            // No specification has an error for it: the caller is known, and its own credential is good.
            Fault::Transaction { .. } => {
                decision.status = 403;
                Some(self.body(Some("invalid_transaction_token"), Some(code), denial))
            }
            Fault::Forbidden => {
                decision.status = 403;
                Some(self.body(None, Some(code), denial))
            }
            Fault::Unknown => {
                decision.status = 503;
                decision.response_headers.push(("Retry-After".into(), RETRY_AFTER.to_string()));
                Some(if self.policy.expose_full {
                    self.body(Some("temporarily_unavailable"), Some(code), denial)
                } else {
                    UNKNOWN_BODY.into()
                })
            }
            Fault::Page => {
                decision.status = if denial.rejection.is(GateCode::CorsPreflight) { 204 } else { 403 };
                if let Some(cors) = &self.policy.cors {
                    decision.response_headers = cors::answer(&self.request.headers, cors, true);
                }
                None
            }
        }
    }

    /// What the client is told in the body: the error of its specification, and the code where that may be told.
    fn body(&self, error: Option<&str>, code: Option<&str>, denial: &Denial) -> String {
        let mut members: Vec<(String, Value)> = Vec::new();
        let code = if self.policy.expose_full { Some(denial.rejection.code()) } else { code };
        members.extend(error.map(|error| ("error".into(), error.into())));
        members.extend(code.map(|code| ("code".into(), code.into())));
        if self.policy.expose_full {
            members.push(("detail".into(), denial.rejection.detail().into()));
            members.push(("rule".into(), denial.rejection.rule().into()));
        }
        json::to_text(&Object::from_members(members))
    }

    pub(crate) fn nonce(&self) -> Option<(String, String)> {
        let nonce = self.request.nonces.first()?;
        // RFC 9449 section 8.1 has the same grammar as a scope token's.
        let plain = nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        (plain && !nonce.is_empty()).then(|| ("DPoP-Nonce".into(), nonce.clone()))
    }

    fn settings(&self, scheme: Scheme) -> Settings {
        let challenges = &self.policy.challenges;
        let origin = self.context.origin.and_then(|number| self.policy.origins.get(number));
        let resource_metadata = match &challenges.resource_metadata {
            None if self.policy.resource.is_none() => None,
            Some(Metadata::At(url)) => Some(url.clone()),
            // What is published is named.
            None | Some(Metadata::OfOrigin) => {
                origin.and_then(|origin| ResourceMetadata::of_resource(origin.as_str()).ok())
            }
        };
        Settings {
            scheme,
            realm: challenges.realm.clone(),
            resource_metadata,
            authorization_form: challenges.authorization_form,
            single_use: challenges.single_use,
        }
    }

    /// How the rule's issuers and trust domains want credentials to come; those of every issuer where there is no rule.
    fn ways(&self) -> Ways {
        let of_rule = self.rule().and_then(|rule| match &rule.access {
            Access::Credential { authorities, .. } => Some(authorities.clone()),
            Access::Anonymous => None,
        });
        #[cfg(feature = "transactions")]
        let of_rule = match self.context.exchange {
            true => Some((0..self.policy.trust_domains.len()).map(Authority::TrustDomain).collect()),
            false => of_rule,
        };
        let authorities: Vec<Authority> =
            of_rule.unwrap_or_else(|| (0..self.policy.issuers.len()).map(Authority::Issuer).collect());
        let mut ways = Ways::default();
        for authority in authorities {
            match authority {
                Authority::Users => ways.bearer = true,
                Authority::TrustDomain(number) => match self.policy.trust_domains.get(number) {
                    Some(trusted) if trusted.proof != WorkloadProof::AsBound => {
                        ways.proof_token |= trusted.wit && trusted.proof != WorkloadProof::HttpSignature;
                        ways.signature |= trusted.wit && trusted.proof != WorkloadProof::Wimse;
                    }
                    _ => ways.bearer = true,
                },
                Authority::Issuer(number) => match self.policy.issuers.get(number).map(|issuer| issuer.proof) {
                    Some(Proof::Dpop) => ways.dpop = true,
                    Some(Proof::Any) => (ways.bearer, ways.dpop) = (true, true),
                    _ => ways.bearer = true,
                },
            }
        }
        // An answer 401 has a challenge, whatever is wanted.
        ways.bearer |= !ways.dpop && !ways.proof_token;
        ways
    }

    /// The scheme that a challenge about a credential has: the one it came with, or the only one there is.
    fn scheme(&self) -> Scheme {
        let ways = self.ways();
        if self.context.dpop || (ways.dpop && !ways.bearer) { Scheme::Dpop } else { Scheme::Bearer }
    }

    pub(crate) fn challenges(&self, need: &Need, proof: Option<ProofError>) -> Vec<String> {
        let challenge = |scheme| {
            let challenge = need.challenge(&self.settings(scheme));
            if scheme == Scheme::Dpop { with_algorithms(challenge) } else { challenge.to_header() }
        };
        match (need, proof) {
            (_, Some(ProofError::Scheme)) => vec![challenge(Scheme::Dpop)],
            (_, Some(error)) => {
                vec![self.error_challenge(Scheme::Dpop, proof_error(error).unwrap_or("invalid_token"))]
            }
            // Without a credential, each scheme that is taken is offered.
            (Need::Credential { .. }, None) => {
                let ways = self.ways();
                let proof_token = ways.proof_token.then(|| self.workload_challenge());
                let dpop = ways.dpop.then(|| challenge(Scheme::Dpop));
                let bearer = ways.bearer.then(|| challenge(Scheme::Bearer));
                [proof_token, dpop, bearer].into_iter().flatten().collect()
            }
            (_, None) => vec![challenge(self.scheme())],
        }
    }

    /// The challenge of a workload with a proof token (WIMSE wpt-02 section 2.1).
    fn workload_challenge(&self) -> String {
        let realm = self.policy.challenges.realm.as_ref().map(|realm| realm.as_str());
        let challenge = Challenge::new(proof_token::SCHEME).and_then(|challenge| match realm {
            Some(realm) => challenge.with("realm", realm),
            None => Ok(challenge),
        });
        challenge.map_or_else(|_| proof_token::SCHEME.into(), |challenge| challenge.to_header())
    }

    /// What a workload has to sign, where a signature is wanted (RFC 9421 section 5.1).
    pub(crate) fn signature_wanted(&self) -> Option<(String, String)> {
        self.ways().signature.then(|| ("Accept-Signature".into(), message_signature::ACCEPT.into()))
    }

    /// The challenge that names an error of a proof.
    fn error_challenge(&self, scheme: Scheme, error: &str) -> String {
        let settings = self.settings(scheme);
        let made = || {
            let mut challenge = Challenge::new(if scheme == Scheme::Dpop { "DPoP" } else { "Bearer" })?;
            if let Some(realm) = &settings.realm {
                challenge = challenge.with("realm", realm.as_str())?;
            }
            challenge = challenge.with("error", error)?;
            if let Some(metadata) = &settings.resource_metadata {
                challenge = challenge.with("resource_metadata", metadata.as_str())?;
            }
            Ok::<_, Rejection>(challenge)
        };
        let challenge = made().unwrap_or_else(|_| Need::ValidToken.challenge(&settings));
        if scheme == Scheme::Dpop { with_algorithms(challenge) } else { challenge.to_header() }
    }
}

fn json_fields() -> Vec<(String, String)> {
    vec![("Content-Type".into(), "application/json".into()), ("Cache-Control".into(), "no-store".into())]
}

fn with_algorithms(challenge: Challenge) -> String {
    match challenge.clone().with("algs", PROOF_ALGORITHMS) {
        Ok(challenge) => challenge.to_header(),
        Err(_) => challenge.to_header(),
    }
}

fn proof_error(error: ProofError) -> Option<&'static str> {
    match error {
        ProofError::Invalid => Some("invalid_dpop_proof"),
        ProofError::Nonce => Some("use_dpop_nonce"),
        ProofError::Scheme => None,
    }
}
