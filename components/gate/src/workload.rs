//! Workloads that come with a Workload Identity Token: whose it is, whether it verifies, and its proof of possession
//! (`docs/workloads.md`).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::CryptoCode;
use portcullis_signature::{Field, Request as Signed, SignatureCode};
use portcullis_svid::{SpiffeId, wit_svid};
use portcullis_token::{
    compact,
    jwt::{self, Expectations},
};
use portcullis_types::{
    NumericDate, Rejection,
    json::{self, Value},
    trace::check,
};
use portcullis_wimse::{identity_token, message_signature, proof_token};

use crate::{
    code::GateCode,
    credential::{KindOf, Token, no_entry, not_accepted, token68},
    denial::{Denial, Stop},
    judge::{Judge, UsedProof, Verified},
    memory::{Fact, Learned},
    origin::Origin,
    policy::{Authority, Trusted, WorkloadProof},
    request::{Header, Judged, Request},
};

/// How a request proves that its sender has the key of its identity token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// A Workload Proof Token in `Authorization`.
    ProofToken,
    /// A signature over the request.
    Signature,
}

impl Means {
    /// What proves an identity token where no proof token is in `Authorization`: a signature; but a proof token in the place that
    /// drafts had for it is told to be in the wrong one.
    pub(crate) fn besides(headers: &[Header]) -> Self {
        match proof_token::is_superseded(headers.iter().map(|header| header.name.as_str())) {
            true => Means::ProofToken,
            false => Means::Signature,
        }
    }
}

/// The identity token of a request, if it has one. That there is but one was checked with the request's form.
///
/// Error: `credential.malformed`.
pub(crate) fn identity(headers: &[Header]) -> Result<Option<Token<'_>>, Rejection> {
    let mut found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(identity_token::HEADER));
    let Some(header) = found.next() else { return Ok(None) };
    let text = core::str::from_utf8(&header.value)
        .map_err(|_| Rejection::new(GateCode::CredentialMalformed, format!("{} is no text", identity_token::HEADER)))?;
    Ok(Some(Token::of(text.trim_matches([' ', '\t']), KindOf::Identity)))
}

impl Judge<'_> {
    /// Whose identity token it claims to be: a trust domain of the policy. Nothing is verified.
    pub(crate) fn identity_authority(&self, token: &Token<'_>, means: Means) -> Result<Authority, Denial> {
        if let Some(fact) = self.state.memory.peek(&token.sought()) {
            return Ok(fact.authority);
        }
        let refuse = |rejection| Denial::workload(rejection, means);
        let malformed = |rejection| Denial::workload_form(rejection, means);
        token68(token.text()).map_err(malformed)?;
        let compact = compact::parse(token.text().as_bytes()).map_err(malformed)?;
        let claims = json::parse_object(&compact.payload).map_err(|rejection| malformed(rejection.within("claims")))?;
        let id = match claims.get("sub") {
            Ok(Some(Value::String(sub))) => SpiffeId::parse(sub).ok(),
            _ => None,
        };
        let domains = &self.policy.trust_domains;
        id.and_then(|id| domains.iter().position(|known| known.name == *id.trust_domain()))
            .map(Authority::TrustDomain)
            .ok_or_else(|| {
                let what = "the identity token is of none of the policy's trust domains";
                refuse(Rejection::new(GateCode::IssuerUnknown, what))
            })
    }

    /// Verifies an identity token with the proof that came with it.
    ///
    /// Errors: `svid.*`, `wimse.*`, `signature.*`, `proof.*`, `replay.*` and those of tokens.
    pub(crate) fn identity(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        token: &Token<'_>,
        means: Means,
    ) -> Result<Verified, Stop> {
        let authority = self.identity_authority(token, means);
        if let Err(denial) = &authority {
            self.trace.failed("trust domain", &denial.rejection);
        }
        let authority = authority?;
        let policy = self.policy;
        let Authority::TrustDomain(number) = authority else { return Err(no_entry().into()) };
        let Some(trusted) = policy.trust_domains.get(number) else { return Err(no_entry().into()) };
        let demanded = match (trusted.wit, trusted.proof, means) {
            (false, _, _) => Err(not_accepted(trusted, "WIT-SVIDs")),
            (true, WorkloadProof::Wimse, Means::Signature) => {
                let what = format!("{} wants a Workload Proof Token in Authorization", trusted.name);
                Err(Rejection::new(GateCode::ProofTokenRequired, what))
            }
            (true, WorkloadProof::HttpSignature, Means::ProofToken) => {
                let what = format!("{} wants the request to be signed", trusted.name);
                Err(Rejection::new(GateCode::ProofSignatureRequired, what))
            }
            (true, _, _) => Ok(()),
        };
        let wanted = match trusted.proof {
            WorkloadProof::Wimse => Means::ProofToken,
            WorkloadProof::HttpSignature => Means::Signature,
            WorkloadProof::AsBound | WorkloadProof::Any => means,
        };
        check(self.trace, "kind of proof", "docs/policy.md", demanded, |()| String::new())
            .map_err(|rejection| Denial::workload_form(rejection, wanted))?;
        let fact = self.wit_svid(token, number, trusted, means)?;
        let proof = match means {
            Means::ProofToken => self.proof_token(judged, request, token, trusted, &fact),
            Means::Signature => self.message_signature(judged, request, trusted, &fact),
        }?;
        Ok(Verified {
            authority,
            spiffe_id: fact.spiffe_id.clone(),
            fact: Some(fact),
            proof: Some(proof),
            leeway: trusted.leeway,
            user: None,
            binding: None,
        })
    }

    /// A WIT-SVID: remembered, or verified now.
    fn wit_svid(
        &mut self,
        token: &Token<'_>,
        number: usize,
        trusted: &Trusted,
        means: Means,
    ) -> Result<Rc<Fact>, Stop> {
        let generation = self.bundle(number)?;
        if let Some(fact) = self.state.memory.holds(&token.sought(), generation, self.at) {
            self.trace.passed("signature", "docs/decisions.md", &|| "remembered".into());
            let expect = Expectations { leeway: trusted.leeway, ..Expectations::default() };
            jwt::meet(&fact.claims, &expect, self.at, self.trace)
                .map_err(|rejection| Denial::workload(rejection, means))?;
            return Ok(fact);
        }
        let text = token.text().as_bytes();
        let verified = wit_svid::verify(text, &self.state.bundles, trusted.leeway, self.backend, self.at, self.trace);
        let verified = match verified {
            Ok(verified) => verified,
            Err(rejection) if rejection.is(CryptoCode::Unknown) => {
                self.more_of_bundle(number)?;
                return Err(Denial::workload(rejection, means).into());
            }
            Err(rejection) => return Err(workloads_fault(rejection, means).into()),
        };
        let learned = Learned {
            authority: Authority::TrustDomain(number),
            claims: verified.token.claims,
            spiffe_id: Some(verified.spiffe_id),
            workload_key: Some(verified.confirmation),
            generation,
            remembered: true,
        };
        Ok(self.learn(learned, token))
    }

    /// Option 1: a Workload Proof Token.
    fn proof_token(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        token: &Token<'_>,
        trusted: &Trusted,
        fact: &Fact,
    ) -> Result<UsedProof, Stop> {
        let Some(confirmation) = &fact.workload_key else { return Err(no_entry().into()) };
        let url = judged.url(self.policy);
        let expect = proof_token::Expectations {
            audience: &[&url],
            other_tokens: &[],
            lifetime: self.policy.proof_window,
            leeway: trusted.leeway,
            seen: &[],
        };
        let fields = judged.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice()));
        let identity = token.text().as_bytes();
        let proof = proof_token::verify(fields, identity, confirmation, &expect, self.at, self.trace)
            .map_err(|rejection| workloads_fault(rejection, Means::ProofToken))?;
        // Without `iat` nobody knows when it was made; it may have been as long before its end as proofs may live.
        let earliest = proof.expires.seconds() - self.policy.proof_window as f64;
        let made = proof.issued_at.map_or(earliest, NumericDate::seconds);
        self.since_start(request, made, Means::ProofToken)?;
        Ok(UsedProof {
            kind: "wpt",
            thumbprint: proof.thumbprint,
            target: proof.audience,
            id: proof.id,
            share: None,
            until: proof.expires.whole_seconds().saturating_add(trusted.leeway).saturating_add(1),
        })
    }

    /// Option 2: a signature over the request.
    fn message_signature(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        trusted: &Trusted,
        fact: &Fact,
    ) -> Result<UsedProof, Stop> {
        let Some(confirmation) = &fact.workload_key else { return Err(no_entry().into()) };
        let audience = judged.url(self.policy);
        let origin = self.policy.origins.get(judged.origin).map_or("", Origin::as_str);
        let url = format!("{origin}{}", judged.target);
        let (fields, trailers) = (fields(judged.headers), fields(&request.trailers));
        let signed = Signed {
            method: judged.method,
            url: &url,
            target: None,
            fields: &fields,
            trailers: &trailers,
            body: request.body.as_deref(),
        };
        let expect = message_signature::Expectations {
            audience: &[&audience],
            lifetime: self.policy.proof_window,
            leeway: trusted.leeway,
            seen: &[],
        };
        let proof = message_signature::verify_request(&signed, confirmation, &expect, self.at, self.trace);
        let proof = proof.map_err(|rejection| {
            // The host cannot hand over what was signed: no fault of the client's.
            match rejection.is(SignatureCode::BodyUnavailable) {
                true => Denial::unknown(rejection),
                false => workloads_fault(rejection, Means::Signature),
            }
        })?;
        self.since_start(request, proof.created as f64, Means::Signature)?;
        Ok(UsedProof {
            kind: "http-signature",
            thumbprint: proof.thumbprint,
            target: proof.audience,
            id: proof.nonce,
            share: None,
            until: proof.expires.saturating_add(trusted.leeway).saturating_add(1),
        })
    }

    /// A memory that began after the proof was made cannot know whether it was used before that.
    fn since_start(&mut self, request: &Request, made: f64, means: Means) -> Result<(), Denial> {
        let Some(since) = request.replay_since else { return Ok(()) };
        if self.at >= since.saturating_add(self.policy.proof_window) || made >= since as f64 {
            return Ok(());
        }
        let what = "the proof may have been made before the memory of used proofs began";
        let rejection = Rejection::new(GateCode::ReplayBeforeStart, what);
        self.trace.failed("proof", &rejection);
        Err(Denial::workload(rejection, means))
    }
}

/// Header fields as signatures see them.
pub(crate) fn fields(headers: &[Header]) -> Vec<Field<'_>> {
    headers.iter().map(|header| Field { name: &header.name, value: &header.value }).collect()
}

/// A rejection of something that a workload brought: its fault, unless the library that verifies could not tell.
fn workloads_fault(rejection: Rejection, means: Means) -> Denial {
    if rejection.is(CryptoCode::BackendFailed) {
        Denial::unknown(rejection)
    } else {
        Denial::workload(rejection, means)
    }
}
