//! One request against one policy at one time: every check in its order, from the form of the request to the rule.
//!
//! The whole is gone through again after each round of documents; what verified is remembered, so that costs little, and
//! what a request is answered never depends on the order in which documents came.

use alloc::{collections::BTreeSet, format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_oauth::key_binding;
use portcullis_scope::{Granted, Need, evaluate};
use portcullis_svid::SpiffeId;
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    trace::{Trace, check},
};

#[cfg(feature = "clients")]
use crate::clients;
#[cfg(feature = "ocm")]
use crate::ocm;
#[cfg(feature = "registry")]
use crate::registry;
#[cfg(feature = "transactions")]
use crate::transaction_service;
use crate::{
    attestation::Proof,
    code::GateCode,
    cors,
    credential::{self, Presented},
    denial::{Denial, Fault, Stop},
    documents::Place,
    memory::Fact,
    policy::{Access, Authority, Policy, Requirements, Rule},
    request::{ClientCertificate, Judged, Request, Spoken},
    state::State,
    transaction::Passing,
};

/// What the checks share.
pub(crate) struct Judge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) state: &'a mut State,
    pub(crate) backend: &'a Rc<dyn Backend>,
    pub(crate) at: Timestamp,
    /// Documents that this evaluation has asked for and had its answer about.
    pub(crate) answered: &'a BTreeSet<Place>,
    /// Whether it may still ask.
    pub(crate) may_ask: bool,
    /// What is known of a client's registration.
    #[cfg(feature = "clients")]
    pub(crate) registration: &'a clients::Known,
    pub(crate) trace: &'a mut dyn Trace,
}

/// A request that is allowed, if the memory of used proofs agrees.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) principal: Option<Verified>,
    pub(crate) proof: Option<UsedProof>,
    /// The transaction, where it may be used once.
    pub(crate) transaction: Option<UsedProof>,
    /// The proofs that came with the attestation of its client, each to be used once.
    pub(crate) attested: Vec<Proof>,
    /// What a token service hands out.
    #[cfg(feature = "registry")]
    pub(crate) issue: Option<crate::registry::Issue>,
    /// What the server of a client is told.
    #[cfg(feature = "clients")]
    pub(crate) client: Option<crate::clients::Passed>,
    /// Whose signed request it is, or what a sharing server is answered.
    #[cfg(feature = "ocm")]
    pub(crate) ocm: Option<ocm::OcmPassed>,
}

/// A credential that verified, and what is known by it.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    pub(crate) authority: Authority,
    /// The token, where it is one.
    pub(crate) fact: Option<Rc<Fact>>,
    /// The workload, where it is one.
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// The proof that came with it.
    pub(crate) proof: Option<UsedProof>,
    pub(crate) leeway: u64,
    /// The user of a registry, where it is one.
    pub(crate) user: Option<String>,
    /// How the token is bound, where it is an issuer's.
    pub(crate) binding: Option<key_binding::Binding>,
}

impl Passed {
    pub(crate) fn of(principal: Option<Verified>) -> Self {
        Self {
            proof: principal.as_ref().and_then(|verified| verified.proof.clone()),
            principal,
            transaction: None,
            attested: Vec::new(),
            #[cfg(feature = "registry")]
            issue: None,
            #[cfg(feature = "clients")]
            client: None,
            #[cfg(feature = "ocm")]
            ocm: None,
        }
    }
}

impl Verified {
    pub(crate) fn claims(&self) -> Option<&Object> {
        self.fact.as_ref().map(|fact| &fact.claims.members)
    }
}

/// A proof that holds, and may be used once.
#[derive(Debug, Clone)]
pub(crate) struct UsedProof {
    /// What it is: proofs of one kind are no others.
    pub(crate) kind: &'static str,
    /// RFC 7638 thumbprint of its key.
    pub(crate) thumbprint: [u8; 32],
    /// Its target: the request's origin and path.
    pub(crate) target: String,
    /// Its `jti`, its nonce, or the transaction.
    pub(crate) id: String,
    /// In whose share of the memory it is, where that is not the key's: one service signs the Transaction Tokens of everybody.
    pub(crate) share: Option<[u8; 32]>,
    /// Until when it has to be remembered: as long as any clock within the leeway could accept it again.
    pub(crate) until: Timestamp,
}

impl UsedProof {
    /// Whether it is another's, whenever that was seen: what is remembered of both is the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.kind, self.thumbprint, &self.target, &self.id) == (other.kind, other.thumbprint, &other.target, &other.id)
    }
}

/// What was found before it was decided: what an answer is made with.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The number of the request's origin.
    pub(crate) origin: Option<usize>,
    /// The number of the rule that matches.
    pub(crate) rule: Option<usize>,
    /// Whether the credential came with the scheme DPoP.
    pub(crate) dpop: bool,
    /// The credential that decided, once it verified.
    pub(crate) verified: Option<Verified>,
    /// The transaction that the request is part of, once its token verified.
    pub(crate) transaction: Option<Passing>,
    /// Whose form the answer has, where it is a registry's or a token service's.
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<registry::Speaking>,
    /// Whether a Transaction Token is requested, where answers have a form of their own.
    #[cfg(feature = "transactions")]
    pub(crate) exchange: bool,
    /// Whether a server asks about its clients, whose answers have a form of their own.
    #[cfg(feature = "clients")]
    pub(crate) clients: bool,
    /// Whose form the answer has, where it is one of Open Cloud Mesh.
    #[cfg(feature = "ocm")]
    pub(crate) ocm: Option<ocm::Speaking>,
}

impl Judge<'_> {
    /// Decides, or says what it needs first. `context` is filled as far as it goes.
    pub(crate) fn decide(&mut self, request: &Request, context: &mut Context) -> Result<Passed, Stop> {
        let policy = self.policy;
        #[cfg(feature = "registry")]
        {
            context.registry = registry::speaking_untrusted(request, policy);
        }
        #[cfg(feature = "clients")]
        let for_clients = clients::asked(request, policy);
        #[cfg(feature = "clients")]
        {
            context.clients = for_clients.is_some();
        }
        #[cfg(feature = "transactions")]
        {
            context.exchange = transaction_service::asked(request, policy);
        }
        let spoken = check(self.trace, "listener", "docs/decisions.md", Spoken::of(request, policy), |_| String::new());
        let spoken = spoken.map_err(|rejection| match rejection.is(GateCode::ListenerUnknown) {
            true => Denial::unknown(rejection),
            false => Denial::request(rejection),
        })?;
        #[cfg(feature = "clients")]
        if let Some(clients) = for_clients {
            let passed = self.at_clients(clients, request)?;
            return Ok(Passed { client: Some(passed), ..Passed::of(None) });
        }
        #[cfg(feature = "ocm")]
        if let Some(ocm) = policy.ocm.as_ref().filter(|_| ocm::asked(request, policy)) {
            return self.at_ocm_egress(ocm, request, context);
        }
        let judged = Judged::of(request, &spoken, policy);
        let judged = check(self.trace, "request", "docs/decisions.md", judged, |judged| {
            format!("{} {}", judged.method, judged.url(policy))
        });
        let judged = judged.map_err(Denial::request)?;
        context.origin = Some(judged.origin);
        #[cfg(feature = "transactions")]
        if let (true, Some(service), Some(accepted)) =
            (context.exchange, &policy.transaction_service, &policy.transaction_tokens)
        {
            return self.at_transactions(service, accepted, &judged, request, context);
        }
        #[cfg(feature = "ocm")]
        if let Some(ocm) = policy.ocm.as_ref().filter(|_| !judged.for_tokens)
            && let Some(passed) = self.at_ocm(ocm, &judged, request, context)?
        {
            return Ok(passed);
        }
        if let Some(cors) = &self.policy.cors {
            let preflight = cors::preflight(&judged, cors);
            if let Err(rejection) = &preflight {
                self.trace.failed("preflight", rejection);
            }
            preflight.map_err(|rejection| Denial { rejection, fault: Fault::Page })?;
        }
        #[cfg(feature = "registry")]
        {
            context.registry = registry::speaking(&judged, policy);
            match (&context.registry, &policy.registry) {
                (Some(registry::Speaking::Registry(_)), Some(registry)) => {
                    self.encoded_slash(&judged, None)?;
                    return self.at_registry(registry, &judged, request, context);
                }
                (Some(registry::Speaking::Tokens(_)), Some(registry)) => {
                    return self.at_tokens(registry, &judged, request, context);
                }
                (_, _) if judged.for_tokens => return Err(Denial::forbidden(no_tokens()).into()),
                (_, _) => {}
            }
        }
        let number = self.policy.rule_for(judged.method, judged.origin, &judged.path);
        context.rule = number;
        let rule = number.and_then(|number| self.policy.rules.get(number));
        self.encoded_slash(&judged, rule)?;
        let presented = Presented::of(judged.headers);
        context.dpop = matches!(presented, Ok(Presented::Dpop(_)));
        match rule {
            None => {
                let rejection = Rejection::new(GateCode::RuleNone, "no rule is for this method and path");
                Err(self.without_rule(&judged, request, presented, rejection, context))
            }
            Some(rule) => {
                let name = || String::from(rule.name.as_str());
                check(self.trace, "rule", "docs/policy.md", Ok(()), |()| name()).map_err(Denial::forbidden)?;
                match &rule.access {
                    Access::Anonymous => Ok(Passed::of(None)),
                    Access::Credential { authorities, require } => {
                        self.with_rule(&judged, request, presented, rule, authorities, require, context)
                    }
                }
            }
        }
    }

    /// `%2F` is let through only to a rule that takes it for a part of its segment.
    fn encoded_slash(&mut self, judged: &Judged<'_>, rule: Option<&Rule>) -> Result<(), Denial> {
        if !judged.path.encoded_slash || rule.is_some_and(|rule| rule.encoded_slash) {
            return Ok(());
        }
        let rejection = Rejection::new(GateCode::PathAmbiguous, "the path has an encoded slash");
        self.trace.failed("request", &rejection);
        Err(Denial::request(rejection))
    }

    /// Where no rule matches, the request is denied; a client without a good credential learns no more than that it needs
    /// one.
    fn without_rule(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: Result<Presented<'_>, Denial>,
        none: Rejection,
        context: &mut Context,
    ) -> Stop {
        let verified = match presented {
            Err(denial) => return denial.into(),
            Ok(Presented::None) => match self.certificate_authority(&judged.certificate) {
                Some(authority) => self.certificate(judged, authority),
                None => return self.missing(None).into(),
            },
            Ok(presented) => self.token(judged, request, &presented),
        };
        match verified {
            Err(stop) => stop,
            Ok(verified) => {
                context.verified = Some(verified.clone());
                self.trace.failed("rule", &none);
                Denial::forbidden(none).into()
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what a rule is judged by, each of another kind")]
    fn with_rule(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: Result<Presented<'_>, Denial>,
        rule: &Rule,
        authorities: &[Authority],
        require: &Requirements,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let presented = presented?;
        // A token in `Authorization`, and an identity token whose workload signed the request with it.
        let beside = presented.beside(judged.headers);
        let tokens = [Some(&presented), beside.as_ref()].map(|presented| match presented {
            None | Some(Presented::None) => None,
            Some(presented) => Some((presented, self.token_authority(presented))),
        });
        // A certificate is taken apart only where it can count: tokens that are bound to one compare its hash.
        let for_workloads = authorities.iter().any(|authority| matches!(authority, Authority::TrustDomain(_)));
        let certificate = match for_workloads || tokens[0].is_none() {
            true => self.certificate_authority(&judged.certificate),
            false => None,
        };
        let by_certificate = certificate.filter(|authority| authorities.contains(authority));
        // Each credential that the rule could be satisfied by is tried by itself: grants are never united.
        let mut first: Option<Stop> = None;
        for (presented, authority) in tokens.iter().flatten() {
            if !matches!(authority, Ok(authority) if authorities.contains(authority)) {
                continue;
            }
            match self.credential_by_token(judged, request, presented, rule, require, context) {
                Ok(passed) => return Ok(passed),
                // Who is let through must not depend on which documents are here already.
                Err(needs @ Stop::Needs(_)) => return Err(needs),
                Err(stop) => first = first.or(Some(stop)),
            }
        }
        if let Some(authority) = by_certificate {
            match self.credential_by_certificate(judged, request, authority, rule, require, context) {
                Ok(passed) => return Ok(passed),
                Err(needs @ Stop::Needs(_)) => return Err(needs),
                Err(stop) => return Err(first.unwrap_or(stop)),
            }
        }
        if let Some(stop) = first {
            return Err(stop);
        }
        // None that the rule names. What was presented is verified all the same, so that a bad credential is told to be bad.
        // A certificate that every connection of a mesh has is no attempt to come as a user: who may bring a token is told so.
        let for_tokens = authorities.iter().any(|authority| matches!(authority, Authority::Issuer(_)));
        let [token, _] = tokens;
        let other = match (token, certificate) {
            (Some(_), _) => self.token(judged, request, &presented)?,
            (None, Some(authority)) if !for_tokens => self.certificate(judged, authority)?,
            (None, _) => return Err(self.missing(Some(require)).into()),
        };
        let what = format!("{} is none of the rule's issuers", self.policy.name_of(other.authority));
        context.verified = Some(other);
        let rejection = Rejection::new(GateCode::RuleIssuer, what);
        self.trace.failed("issuer", &rejection);
        let denial = match &require.granted.scope {
            Some(scope) => Denial { rejection, fault: Fault::Rights(Need::Scope(scope.clone())) },
            None => Denial::forbidden(rejection),
        };
        Err(denial.into())
    }

    fn credential_by_token(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: &Presented<'_>,
        rule: &Rule,
        require: &Requirements,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let verified = match self.token(judged, request, presented) {
            Ok(verified) => verified,
            Err(stop) => return Err(self.with_attesters(stop, require)),
        };
        self.entitled(judged, request, verified, rule, require, context)
    }

    /// What the rule demands of a credential that has verified: the attestation of its client, its rights, then the transaction.
    fn entitled(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        verified: Verified,
        rule: &Rule,
        require: &Requirements,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let attested = self.attested(judged, request, &verified, require);
        let entitled = attested.and_then(|attested| {
            self.rights(&verified, &rule.name, require)?;
            Ok(attested)
        });
        match entitled {
            Ok(attested) => {
                let passed = self.in_transaction(judged, request, verified, require, context)?;
                Ok(Passed { attested, ..passed })
            }
            Err(stop) => {
                context.verified = Some(verified);
                Err(stop)
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what a rule is judged by, each of another kind")]
    fn credential_by_certificate(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        authority: Authority,
        rule: &Rule,
        require: &Requirements,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let verified = match self.certificate(judged, authority) {
            Ok(verified) => verified,
            Err(stop) => return Err(self.with_attesters(stop, require)),
        };
        self.entitled(judged, request, verified, rule, require, context)
    }

    fn missing(&mut self, require: Option<&Requirements>) -> Denial {
        let rejection = Rejection::new(GateCode::CredentialMissing, "the request has no credential");
        self.trace.failed("credential", &rejection);
        let scope = require.and_then(|require| require.granted.scope.clone());
        Denial { rejection, fault: Fault::Credential { need: Need::Credential { scope }, proof: None, told: true } }
    }

    /// What the rule requires, of one credential.
    pub(crate) fn rights(&mut self, verified: &Verified, rule: &str, require: &Requirements) -> Result<(), Denial> {
        let claims = match verified.authority {
            Authority::Issuer(_) => verified.claims(),
            // An SVID says who a workload is, and grants nothing.
            Authority::TrustDomain(_) | Authority::Users => None,
        };
        let granted = match claims {
            None => Granted::default(),
            Some(claims) => Granted::from_claims(claims).map_err(Denial::token)?,
        };
        evaluate::explain(&granted, &require.granted, self.at, verified.leeway, self.trace)
            .map_err(|short| Denial { rejection: short.reason, fault: Fault::Rights(short.need) })?;
        if let Some(accepted) = &require.binding {
            let binding = verified.binding.unwrap_or(key_binding::Binding::None);
            let made = key_binding::check_accepted(binding, accepted);
            check(self.trace, "accepted binding", "docs/key-binding.md", made, |()| binding.name().into())
                .map_err(Denial::forbidden)?;
        }
        if let Some(patterns) = &require.spiffe_id {
            let matched = match &verified.spiffe_id {
                None => Err(Rejection::new(GateCode::RuleSpiffeIdAbsent, "the credential names no workload")),
                Some(id) if patterns.iter().any(|pattern| pattern.matches(id)) => Ok(id),
                Some(id) => Err(Rejection::new(GateCode::RuleSpiffeId, format!("{id} is none that {rule} names"))),
            };
            check(self.trace, "SPIFFE ID", "docs/policy.md", matched, |id| format!("{id}"))
                .map_err(Denial::forbidden)?;
        }
        Ok(())
    }

    /// Which of the policy's trust domains a client certificate speaks for, not verified.
    pub(crate) fn certificate_authority(&self, certificate: &ClientCertificate) -> Option<Authority> {
        let leaf = match certificate {
            ClientCertificate::None | ClientCertificate::Digest(_) => return self.only_digest(certificate),
            ClientCertificate::Chain(chain) => chain.first()?,
            ClientCertificate::Leaf { der, .. } => der,
        };
        let id = credential::spiffe_id_untrusted(leaf)?;
        let name = id.trust_domain();
        let number = self.policy.trust_domains.iter().position(|trusted| trusted.name == *name)?;
        Some(Authority::TrustDomain(number))
    }

    /// A digest names nobody. Where there is but one trust domain, the client is told what is missing rather than that it has
    /// no credential.
    fn only_digest(&self, certificate: &ClientCertificate) -> Option<Authority> {
        let one = self.policy.trust_domains.len() == 1 && self.policy.issuers.is_empty();
        (one && matches!(certificate, ClientCertificate::Digest(_))).then_some(Authority::TrustDomain(0))
    }
}

/// A listener that hands out tokens, of a policy that has no token service.
#[cfg(feature = "registry")]
fn no_tokens() -> Rejection {
    Rejection::new(GateCode::RegistryPath, "no tokens are handed out here")
}
