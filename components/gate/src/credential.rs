//! Credentials: what a request presents, whose word that is, and whether it verifies.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{CryptoCode, KeySet};
use portcullis_oauth::transaction_token::presented;
use portcullis_scope::{ScopeCode, oci};
use portcullis_svid::{SpiffeId, SvidCode, jwt_svid, x509_svid};
use portcullis_token::{
    compact,
    jwt::{self, Expectations, Profile},
};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Value},
    trace::check,
};
use portcullis_wimse::{WimseCode, identity_token, proof_token};

use crate::{
    code::GateCode,
    denial::{Denial, Stop},
    judge::{Judge, Verified},
    memory::{Fact, Learned, Sought},
    policy::{Authority, Trusted, WorkloadProof},
    request::{ClientCertificate, Header, Judged, Request, values},
    workload::{self, Means},
};

/// What `Authorization` presents.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Presented<'r> {
    /// Nothing.
    None,
    /// A token with the scheme Bearer (RFC 6750).
    Bearer(Token<'r>),
    /// A token with the scheme DPoP (RFC 9449).
    Dpop(Token<'r>),
    /// A Workload Identity Token in its own header field, and how its possession is proved.
    Identity(Token<'r>, Means),
}

/// A token's text, and by what it is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'r> {
    text: &'r str,
    sought: Sought<'r>,
}

/// Where a token stood, which decides what kind it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindOf {
    /// In `Authorization`.
    Authorization,
    /// In `Workload-Identity-Token`.
    Identity,
}

impl<'r> Token<'r> {
    /// A token's text, not verified.
    pub(crate) fn of(text: &'r str, kind: KindOf) -> Self {
        let sought = match kind {
            KindOf::Authorization => Sought::of(text),
            KindOf::Identity => Sought::identity(text),
        };
        Self { text, sought }
    }

    /// Its text.
    pub(crate) fn text(&self) -> &'r str {
        self.text
    }

    /// By what it is remembered.
    pub(crate) fn sought(&self) -> Sought<'r> {
        self.sought
    }
}

impl<'r> Presented<'r> {
    /// Reads `Authorization`, which occurs once at most. Where it is not there, a Workload Identity Token is what is presented.
    ///
    /// Errors: `credential.scheme_unsupported`, `credential.malformed`, `wimse.identity_missing`, all 401.
    pub(crate) fn of(headers: &'r [Header]) -> Result<Self, Denial> {
        let identity = || {
            let malformed = |rejection| Denial::workload_form(rejection, Means::Signature);
            workload::identity(headers).map_err(malformed)
        };
        let Some(value) = values(headers, "authorization").next() else {
            return Ok(identity()?.map_or(Presented::None, |token| Presented::Identity(token, Means::besides(headers))));
        };
        let malformed = |what: &str| Denial::form(Rejection::new(GateCode::CredentialMalformed, what));
        let text = core::str::from_utf8(value).map_err(|_| malformed("Authorization is no text"))?;
        let text = text.trim_matches([' ', '\t']);
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        let token = token.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case(proof_token::SCHEME) {
            let missing = || {
                let what = format!("a proof came without {}", identity_token::HEADER);
                Denial::workload_form(Rejection::new(WimseCode::IdentityMissing, what), Means::ProofToken)
            };
            return Ok(Presented::Identity(identity()?.ok_or_else(missing)?, Means::ProofToken));
        }
        let is_dpop = scheme.eq_ignore_ascii_case("dpop");
        if !is_dpop && !scheme.eq_ignore_ascii_case("bearer") {
            let rejection = Rejection::new(GateCode::CredentialScheme, "the scheme is none of Bearer, DPoP and WPT");
            return Err(Denial::form(rejection));
        }
        if token.is_empty() {
            return Err(malformed("no token follows the scheme"));
        }
        let token = Token::of(token, KindOf::Authorization);
        Ok(if is_dpop { Presented::Dpop(token) } else { Presented::Bearer(token) })
    }

    /// A token that came elsewhere, and is judged as if it were a Bearer token.
    #[cfg(feature = "registry")]
    pub(crate) fn bearer(token: &'r str) -> Self {
        Presented::Bearer(Token::of(token, KindOf::Authorization))
    }

    /// A Workload Identity Token that came beside a token in `Authorization`: its workload signs the request, then.
    pub(crate) fn beside(&self, headers: &'r [Header]) -> Option<Self> {
        match self {
            Presented::Bearer(_) | Presented::Dpop(_) => {
                let token = workload::identity(headers).ok()??;
                Some(Presented::Identity(token, Means::besides(headers)))
            }
            Presented::None | Presented::Identity(..) => None,
        }
    }

    /// The token's text.
    pub(crate) fn token(&self) -> &'r str {
        match self {
            Presented::None => "",
            Presented::Bearer(token) | Presented::Dpop(token) | Presented::Identity(token, _) => token.text,
        }
    }

    fn sought(&self) -> Sought<'r> {
        match self {
            Presented::None => Sought::NOTHING,
            Presented::Bearer(token) | Presented::Dpop(token) | Presented::Identity(token, _) => token.sought,
        }
    }
}

/// The SPIFFE ID that a leaf certificate claims, not verified.
pub(crate) fn spiffe_id_untrusted(leaf: &[u8]) -> Option<SpiffeId> {
    x509_svid::inspect_untrusted_id(leaf).ok()
}

/// A rejection of something that a client brought: its fault, unless the library that verifies could not tell.
pub(crate) fn clients_fault(rejection: Rejection) -> Denial {
    if rejection.is(CryptoCode::BackendFailed) { Denial::unknown(rejection) } else { Denial::token(rejection) }
}

impl Judge<'_> {
    /// Whose token it claims to be: an entry of the policy. Nothing is verified.
    pub(crate) fn token_authority(&self, presented: &Presented<'_>) -> Result<Authority, Denial> {
        if let Presented::Identity(token, means) = presented {
            return self.identity_authority(token, *means);
        }
        if let Some(fact) = self.state.memory.peek(&presented.sought()) {
            return Ok(fact.authority);
        }
        self.claimed_authority(presented.token())
    }

    fn claimed_authority(&self, token: &str) -> Result<Authority, Denial> {
        // Here and not where the header is read: what is remembered was looked at when it came first.
        token68(token).map_err(Denial::form)?;
        if !begins_as_jwt(token) {
            let what = "the token is no JWT, and no introspection is configured";
            let asked = self.policy.introspecting().map(|(number, _)| Authority::Issuer(number));
            return asked.ok_or_else(|| Denial::form(Rejection::new(GateCode::TokenOpaque, what)));
        }
        presented::check_authorization(token.as_bytes()).map_err(Denial::request)?;
        let compact = compact::parse(token.as_bytes()).map_err(Denial::form)?;
        let claims =
            json::parse_object(&compact.payload).map_err(|rejection| Denial::form(rejection.within("claims")))?;
        let text = |name: &str| match claims.get(name) {
            Ok(Some(Value::String(text))) => Some(text.as_str()),
            _ => None,
        };
        let issuer = text("iss");
        if let Some(number) = self.policy.issuers.iter().position(|known| issuer == Some(known.issuer.as_str())) {
            return Ok(Authority::Issuer(number));
        }
        if let Some(id) = text("sub").and_then(|sub| SpiffeId::parse(sub).ok())
            && let Some(number) = self.policy.trust_domains.iter().position(|known| known.name == *id.trust_domain())
        {
            return Ok(Authority::TrustDomain(number));
        }
        let what = "the token is of none of the policy's issuers and trust domains";
        Err(Denial::token(Rejection::new(GateCode::IssuerUnknown, what)))
    }

    /// Verifies a token with everything that belongs to it: signature, claims, proof, status.
    pub(crate) fn token(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        presented: &Presented<'_>,
    ) -> Result<Verified, Stop> {
        if let Presented::Identity(token, means) = presented {
            return self.identity(judged, request, token, *means);
        }
        let (token, sought) = (presented.token(), presented.sought());
        let authority = self.told_authority(token, &sought)?;
        let mut verified = self.signed_token(token, &sought, authority, None, Some(presented))?;
        verified.proof = self.proof(judged, request, presented, &verified)?;
        verified.binding = self.key_binding(&verified)?;
        self.status(&verified)?;
        Ok(verified)
    }

    /// A token that its holder gave to somebody else, who hands it on as a subject token: verified as any other, but for the proof of
    /// its holder's key, which is the holder's to give and was asked for where the token came in. `issuers` are those whose tokens
    /// count so, and `audience` is what it has to be for, where that is not what its issuer's entry says.
    ///
    /// Errors: `transactions.issuer_not_accepted`, `status.*`, `keys.*` and those of tokens.
    #[cfg(feature = "transactions")]
    pub(crate) fn handed_on(
        &mut self,
        token: &str,
        issuers: &[usize],
        audience: Option<&Vec<String>>,
    ) -> Result<Verified, Stop> {
        let sought = Sought::of(token);
        let authority = self.told_authority(token, &sought)?;
        if !matches!(authority, Authority::Issuer(number) if issuers.contains(&number)) {
            let what = format!("{} gives nobody subject tokens", self.policy.name_of(authority));
            let rejection = Rejection::new(GateCode::TransactionsIssuer, what);
            self.trace.failed("subject token's issuer", &rejection);
            return Err(Denial::request(rejection).into());
        }
        let verified = self.signed_token(token, &sought, authority, audience, None)?;
        self.status(&verified)?;
        Ok(verified)
    }

    /// Whose token it claims to be, told to the trace.
    fn told_authority(&mut self, token: &str, sought: &Sought<'_>) -> Result<Authority, Denial> {
        let known = self.state.memory.peek(sought).map(|fact| fact.authority);
        let authority = match known {
            Some(authority) => Ok(authority),
            None => self.claimed_authority(token),
        };
        if let Err(denial) = &authority {
            self.trace.failed("issuer", &denial.rejection);
        }
        let authority = authority?;
        check(self.trace, "issuer", "RFC 8725bis section 3.8", Ok(()), |()| String::new()).map_err(Denial::token)?;
        Ok(authority)
    }

    /// Verifies signature and claims of a token, or has its authorization server say that it is good, where its holder presents it.
    /// Its proof and its status are for who asks.
    fn signed_token(
        &mut self,
        token: &str,
        sought: &Sought<'_>,
        authority: Authority,
        audience: Option<&Vec<String>>,
        presented: Option<&Presented<'_>>,
    ) -> Result<Verified, Stop> {
        let fact = match authority {
            // What is remembered under a JWT's name is a JWT.
            Authority::Issuer(number) if self.state.memory.peek(sought).is_none() && !begins_as_jwt(token) => {
                let handed_on =
                    || Denial::token(Rejection::new(GateCode::TokenOpaque, "an opaque token is not handed on"));
                self.opaque_token(presented.ok_or_else(handed_on)?, number)?
            }
            Authority::Issuer(number) => self.issuers_token(token, sought, number, audience)?,
            Authority::TrustDomain(number) => self.jwt_svid(token, sought, number)?,
            Authority::Users => return Err(no_entry().into()),
        };
        let leeway = match authority {
            Authority::Issuer(number) => self.policy.issuers.get(number).map(|issuer| issuer.expect.leeway),
            Authority::TrustDomain(number) => self.policy.trust_domains.get(number).map(|trusted| trusted.leeway),
            Authority::Users => None,
        };
        Ok(Verified {
            authority,
            spiffe_id: fact.spiffe_id.clone(),
            fact: Some(fact),
            proof: None,
            leeway: leeway.unwrap_or_default(),
            user: None,
            binding: None,
        })
    }

    /// A token of an issuer: remembered, or verified now.
    fn issuers_token(
        &mut self,
        token: &str,
        sought: &Sought<'_>,
        number: usize,
        audience: Option<&Vec<String>>,
    ) -> Result<Rc<Fact>, Stop> {
        let policy = self.policy;
        let Some(issuer) = policy.issuers.get(number) else { return Err(no_entry().into()) };
        let elsewhere =
            audience.map(|audience| Expectations { audience: Some(audience.clone()), ..issuer.expect.clone() });
        let expect = elsewhere.as_ref().unwrap_or(&issuer.expect);
        let (keys, generation) = self.issuer_keys(number, false)?;
        if let Some(fact) = self.state.memory.holds(sought, generation, self.at) {
            self.trace.passed("signature", "docs/decisions.md", &|| "remembered".into());
            jwt::meet(&fact.claims, expect, self.at, self.trace).map_err(Denial::token)?;
            return Ok(fact);
        }
        let verify = if issuer.registry { oci::token::verify_jwt } else { jwt::verify };
        let verified = match verify(token.as_bytes(), &keys, expect, self.at, self.trace) {
            Ok(verified) => verified,
            Err(rejection) if is_of_an_unknown_key(&rejection) => {
                self.more_keys(number, false)?;
                return Err(Denial::token(rejection).into());
            }
            Err(rejection) => return Err(clients_fault(rejection).into()),
        };
        if issuer.expect.profile == Profile::Jwt && issuer.expect.typ.is_none() {
            let made = jwt::check_general_type(&verified.header);
            check(self.trace, "kind of token", "RFC 8725bis section 3.12", made, |()| String::new())
                .map_err(Denial::token)?;
        }
        // A MAC is verified with a secret, which has no thumbprint: nothing is remembered of it.
        let remembered = verified.thumbprint.is_some();
        let learned = Learned {
            authority: Authority::Issuer(number),
            claims: verified.claims,
            spiffe_id: None,
            workload_key: None,
            generation,
            remembered,
        };
        Ok(self.learn(learned, &Token { text: token, sought: *sought }))
    }

    /// A JWT-SVID: remembered, or verified now.
    fn jwt_svid(&mut self, token: &str, sought: &Sought<'_>, number: usize) -> Result<Rc<Fact>, Stop> {
        let policy = self.policy;
        let Some(trusted) = policy.trust_domains.get(number) else { return Err(no_entry().into()) };
        if !trusted.jwt {
            return Err(Denial::token(not_accepted(trusted, "JWT-SVIDs")).into());
        }
        if trusted.proof != WorkloadProof::AsBound {
            let what = format!("workloads of {} prove that they have their key", trusted.name);
            let rejection = Rejection::new(GateCode::ProofRequired, what);
            self.trace.failed("kind of proof", &rejection);
            return Err(Denial::token(rejection).into());
        }
        let generation = self.bundle(number)?;
        if let Some(fact) = self.state.memory.holds(sought, generation, self.at) {
            self.trace.passed("signature", "docs/decisions.md", &|| "remembered".into());
            let expect = Expectations {
                audience: Some(trusted.audience.clone()),
                leeway: trusted.leeway,
                ..Expectations::default()
            };
            jwt::meet(&fact.claims, &expect, self.at, self.trace).map_err(Denial::token)?;
            return Ok(fact);
        }
        let expect = jwt_svid::Expectations { audience: trusted.audience.clone(), leeway: trusted.leeway };
        let verified = match jwt_svid::verify(token.as_bytes(), &self.state.bundles, &expect, self.at, self.trace) {
            Ok(verified) => verified,
            Err(rejection) if rejection.is(CryptoCode::Unknown) => {
                self.more_of_bundle(number)?;
                return Err(Denial::token(rejection).into());
            }
            Err(rejection) => return Err(clients_fault(rejection).into()),
        };
        let learned = Learned {
            authority: Authority::TrustDomain(number),
            claims: verified.token.claims,
            spiffe_id: Some(verified.spiffe_id),
            workload_key: None,
            generation,
            remembered: true,
        };
        Ok(self.learn(learned, &Token { text: token, sought: *sought }))
    }

    /// Remembers what was learned of a token.
    pub(crate) fn learn(&mut self, learned: Learned, token: &Token<'_>) -> Rc<Fact> {
        let remembered = learned.remembered;
        let fact = Rc::new(Fact::new(learned, self.at, token.text));
        if remembered {
            self.state.remember(self.policy, &token.sought, Rc::clone(&fact));
        }
        fact
    }

    /// A client certificate as an X.509-SVID.
    pub(crate) fn certificate(&mut self, judged: &Judged<'_>, authority: Authority) -> Result<Verified, Stop> {
        let policy = self.policy;
        let Authority::TrustDomain(number) = authority else { return Err(no_entry().into()) };
        let Some(trusted) = policy.trust_domains.get(number) else { return Err(no_entry().into()) };
        if !trusted.x509 {
            return Err(Denial::token(not_accepted(trusted, "X.509-SVIDs")).into());
        }
        let svid = match judged.certificate.as_ref() {
            ClientCertificate::Chain(chain) => {
                self.bundle(number)?;
                match x509_svid::verify(chain, &self.state.bundles, self.backend, self.at, self.trace) {
                    Ok(svid) => svid,
                    Err(rejection) if is_of_an_unknown_authority(&rejection) => {
                        self.more_of_bundle(number)?;
                        return Err(Denial::token(rejection).into());
                    }
                    Err(rejection) => return Err(clients_fault(rejection).into()),
                }
            }
            ClientCertificate::Leaf { der, validated_for } => {
                let believed =
                    judged.trusts == Some(&trusted.name) && validated_for.as_deref() == Some(trusted.name.as_str());
                if !believed {
                    return Err(self.incomplete("the certificate comes without its intermediates").into());
                }
                x509_svid::verify_leaf(der, self.at, self.trace).map_err(clients_fault)?
            }
            ClientCertificate::Digest(_) | ClientCertificate::None => {
                return Err(self.incomplete("a digest names no workload").into());
            }
        };
        Ok(Verified {
            authority,
            fact: None,
            spiffe_id: Some(svid.spiffe_id),
            proof: None,
            leeway: trusted.leeway,
            user: None,
            binding: None,
        })
    }

    fn incomplete(&mut self, what: &str) -> Denial {
        let rejection = Rejection::new(SvidCode::ChainIncomplete, what);
        self.trace.failed("certificate", &rejection);
        Denial::token(rejection)
    }
}

/// Whether a token names or carries a key that is not known: it may be newer than the keys that are held.
fn is_of_an_unknown_key(rejection: &Rejection) -> bool {
    rejection.is(CryptoCode::Unknown)
        || rejection.is(ScopeCode::OciCertificateUntrusted)
        || rejection.is(ScopeCode::OciKeyUntrusted)
}

/// Whether a chain ends below somebody who is not in the bundle: an authority may be newer than the bundle that is held.
pub(crate) fn is_of_an_unknown_authority(rejection: &Rejection) -> bool {
    rejection.is(SvidCode::AuthorityUnknown) || rejection.is(SvidCode::ChainIncomplete)
}

pub(crate) fn not_accepted(trusted: &Trusted, kind: &str) -> Rejection {
    Rejection::new(GateCode::SvidKind, format!("{kind} of {} are not accepted", trusted.name))
}

/// An entry that a number names and that is not there: numbers come from the policy, so this is never met.
pub(crate) fn no_entry() -> Denial {
    Denial::unknown(Rejection::new(GateCode::IssuerUnknown, "the policy has no such entry"))
}

/// Keys and their generation.
pub(crate) type KeysAndGeneration = (Rc<KeySet>, u64);

/// A token has the characters of a token68 alone (RFC 9110 section 11.2).
///
/// Error: `credential.malformed`.
pub(crate) fn token68(token: &str) -> Result<(), Rejection> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let bare = token.trim_end_matches('=');
    if !bare.is_empty() && bare.bytes().all(allowed) {
        return Ok(());
    }
    let what = "the token has a character that no token has";
    Err(Rejection::new(GateCode::CredentialMalformed, what))
}

/// Whether a token begins as a JWT does: with a JSON object in base64url and a dot. Opaque tokens may have dots, too (RFC 6750
/// section 2.1 has one).
pub(crate) fn begins_as_jwt(token: &str) -> bool {
    let Some((header, _)) = token.split_once('.') else { return false };
    base64url::decode(header.as_bytes()).is_ok_and(|header| header.trim_ascii_start().starts_with(b"{"))
}

/// The tokens of a scope that a credential grants, for the principal.
pub(crate) fn scopes(claims: &json::Object) -> Vec<String> {
    match claims.get("scope") {
        Ok(Some(Value::String(text))) => text.split(' ').filter(|token| !token.is_empty()).map(Into::into).collect(),
        _ => Vec::new(),
    }
}
