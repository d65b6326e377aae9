//! Proofs of possession: what a token is bound to, against what came with it.

use alloc::vec::Vec;

use portcullis_crypto::CryptoCode;
use portcullis_oauth::key_binding;
use portcullis_token::{
    confirmation::Confirmation,
    dpop::{self, Expectations},
    mtls::{self, Certificate},
};
use portcullis_types::{Rejection, trace::check};

use crate::{
    code::GateCode,
    credential::Presented,
    denial::{Denial, ProofError, Stop},
    judge::{Judge, UsedProof, Verified},
    policy::{Authority, Proof, Replay},
    request::{ClientCertificate, Judged, Request},
};

impl Judge<'_> {
    /// The proof that a token needs: because it is bound, or because its issuer's entry says so. A token that is bound is
    /// never accepted without its proof.
    ///
    /// Errors: `cnf.*`, `proof.*`, `dpop.*`, `mtls.*`, `replay.*`.
    pub(crate) fn proof(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: &Presented<'_>,
        verified: &Verified,
    ) -> Result<Option<UsedProof>, Stop> {
        let Some(fact) = &verified.fact else { return Ok(None) };
        let bound = fact.confirmation.clone().map_err(Denial::token)?;
        let demanded = match verified.authority {
            Authority::Issuer(number) => self.policy.issuers.get(number).map_or(Proof::Any, |issuer| issuer.proof),
            Authority::TrustDomain(_) | Authority::Users => Proof::AsBound,
        };
        let binding =
            check(self.trace, "binding", "RFC 7800 section 3.1", binding(presented, &bound, demanded), |found| {
                match found {
                    Binding::None => "bound to nothing".into(),
                    Binding::Key(_) => "bound to a key".into(),
                    Binding::Certificate(_) => "bound to a client certificate".into(),
                }
            });
        let binding = binding.map_err(|rejection| {
            if rejection.is(GateCode::ProofBearer) || rejection.is(GateCode::ProofDpopRequired) {
                Denial::proof(rejection, ProofError::Scheme)
            } else {
                Denial::token(rejection)
            }
        })?;
        match binding {
            Binding::None => Ok(None),
            Binding::Certificate(thumbprint) => {
                let made = mtls::check(&thumbprint, certificate(&judged.certificate).as_ref());
                check(self.trace, "certificate", "RFC 8705 section 3", made, |()| "the one it is bound to".into())
                    .map_err(Denial::token)?;
                Ok(None)
            }
            Binding::Key(thumbprint) => self.dpop(judged, request, presented, thumbprint, verified.leeway).map(Some),
        }
    }

    /// How a token of an issuer is bound to the key that its sender proved: whether that key was proved when the token was issued
    /// (draft-richer-oauth-tmb-claim-01). Asked after its proof.
    ///
    /// Errors: `binding.*`.
    pub(crate) fn key_binding(&mut self, verified: &Verified) -> Result<Option<key_binding::Binding>, Denial> {
        let (Authority::Issuer(number), Some(fact)) = (verified.authority, &verified.fact) else { return Ok(None) };
        let Some(issuer) = self.policy.issuers.get(number) else { return Ok(None) };
        let proved = match &fact.confirmation {
            // Its proof has shown that it is the connection's.
            Ok(Some(Confirmation::CertificateThumbprint(bound))) => Some(*bound),
            _ => verified.proof.as_ref().map(|proof| proof.thumbprint),
        };
        let moment = key_binding::Moment::Use;
        key_binding::explain(&fact.claims, proved, &issuer.key_binding, moment, self.trace)
            .map(Some)
            .map_err(Denial::verified)
    }

    fn dpop(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: &Presented<'_>,
        thumbprint: [u8; 32],
        leeway: u64,
    ) -> Result<UsedProof, Stop> {
        let with_nonce = self.policy.replay == Replay::Nonce;
        if with_nonce && request.nonces.is_empty() {
            let rejection = Rejection::new(GateCode::NonceUnavailable, "the host has no nonces");
            self.trace.failed("proof", &rejection);
            return Err(Denial::unknown(rejection).into());
        }
        let headers: Vec<(&str, &[u8])> =
            judged.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
        let nonces: Vec<&str> =
            request.nonces.iter().filter(|_| with_nonce).map(alloc::string::String::as_str).collect();
        let expect = Expectations {
            access_token: Some(presented.token()),
            thumbprint: Some(thumbprint),
            nonces: &nonces,
            window: self.policy.proof_window,
            algorithms: None,
            seen: &[],
        };
        let url = judged.url(self.policy);
        let sent = dpop::Request { headers: &headers, method: judged.method, url: &url };
        let made = dpop::verify(&sent, &expect, self.at, self.backend);
        let proof = check(self.trace, "proof", "RFC 9449 section 4.3", made, |proof| {
            alloc::format!("made for this request, with {}", proof.algorithm.name())
        });
        let proof = proof.map_err(|rejection| match rejection {
            rejection if rejection.is(CryptoCode::BackendFailed) => Denial::unknown(rejection),
            rejection if dpop::wants_nonce(&rejection) => Denial::proof(rejection, ProofError::Nonce),
            rejection => Denial::proof(rejection, ProofError::Invalid),
        })?;
        // A memory that began after the proof was made cannot know whether it was used before that.
        if let Some(since) = request.replay_since
            && self.at < since.saturating_add(self.policy.proof_window)
            && proof.issued_at.seconds() < since as f64
        {
            let rejection = Rejection::new(
                GateCode::ReplayBeforeStart,
                "the proof was made before the memory of used proofs began",
            );
            self.trace.failed("proof", &rejection);
            let error = if with_nonce { ProofError::Nonce } else { ProofError::Invalid };
            return Err(Denial::proof(rejection, error).into());
        }
        let window = self.policy.proof_window.saturating_mul(2);
        let until = proof.issued_at.whole_seconds().saturating_add(window).saturating_add(leeway);
        Ok(UsedProof {
            kind: "dpop",
            thumbprint: proof.thumbprint,
            target: proof.target,
            id: proof.id,
            share: None,
            until: until.saturating_add(1),
        })
    }
}

/// What a token is bound to and has to be proved with.
enum Binding {
    None,
    Key([u8; 32]),
    Certificate([u8; 32]),
}

/// Scheme, confirmation and the issuer's demand have to go together.
fn binding(presented: &Presented<'_>, bound: &Option<Confirmation>, demanded: Proof) -> Result<Binding, Rejection> {
    let refuse = |code, what: &str| Err(Rejection::new(code, what));
    let binding = match (presented, bound) {
        (Presented::Dpop(_), Some(Confirmation::KeyThumbprint(thumbprint))) => Binding::Key(*thumbprint),
        (Presented::Dpop(_), _) => {
            return refuse(GateCode::ProofUnbound, "the scheme is DPoP and the token is bound to no key");
        }
        (_, Some(Confirmation::KeyThumbprint(_))) => {
            return refuse(GateCode::ProofBearer, "the token is bound to a key and was sent as Bearer");
        }
        (_, Some(Confirmation::CertificateThumbprint(thumbprint))) => Binding::Certificate(*thumbprint),
        (_, Some(Confirmation::Key { .. } | Confirmation::KeyId(_))) => {
            return refuse(GateCode::ProofUnsupported, "no proof of this key is accepted here");
        }
        (_, None) => Binding::None,
    };
    match (demanded, &binding) {
        (Proof::AsBound, _)
        | (Proof::Dpop, Binding::Key(_))
        | (Proof::Certificate, Binding::Certificate(_))
        | (Proof::Any, Binding::Key(_) | Binding::Certificate(_)) => Ok(binding),
        (Proof::Dpop, _) => refuse(GateCode::ProofDpopRequired, "the token is not bound to a key"),
        (Proof::Certificate, _) => {
            refuse(GateCode::ProofCertificateRequired, "the token is not bound to a client certificate")
        }
        (Proof::Any, Binding::None) => refuse(GateCode::ProofRequired, "the token is bound to nothing"),
    }
}

/// The certificate as RFC 8705 compares it: the leaf, or its digest.
fn certificate(certificate: &ClientCertificate) -> Option<Certificate<'_>> {
    match certificate {
        ClientCertificate::None => None,
        ClientCertificate::Chain(chain) => chain.first().map(|leaf| Certificate::Der(leaf)),
        ClientCertificate::Leaf { der, .. } => Some(Certificate::Der(der)),
        ClientCertificate::Digest(digest) => Some(Certificate::Digest(*digest)),
    }
}
