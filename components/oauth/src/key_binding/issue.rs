//! A token request with the parameter `tmb` (section 3): what the issued token is bound to.

use alloc::{format, string::String, vec::Vec};

use portcullis_token::{
    TokenCode,
    confirmation::{self, Confirmation},
};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Object, Value},
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use super::{Binding, BindingCode, BindingPolicy, KeyName, TMB};

/// The longest `tmb`, in bytes. An RSA key of 8,192 bits as JWK has some 1,400; twelve times that leaves room for what is beside it.
pub const MAX_TMB: usize = 16 * 1024;

/// The key that a token request proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proved {
    /// The RFC 7638 thumbprint of the key of its DPoP proof.
    Dpop([u8; 32]),
    /// The SHA-256 of the certificate of its connection.
    Certificate([u8; 32]),
}

impl Proved {
    /// Reads a key as `cnf` has it: `{"jkt"}` or `{"x5t#S256"}`.
    ///
    /// Errors: those of [`confirmation::parse`], `cnf.unsupported` for a key that is named in another way.
    pub fn from_confirmation(cnf: &Object) -> Result<Self, Rejection> {
        match confirmation::parse(cnf)? {
            Confirmation::KeyThumbprint(hash) => Ok(Self::Dpop(hash)),
            Confirmation::CertificateThumbprint(hash) => Ok(Self::Certificate(hash)),
            Confirmation::Key { .. } | Confirmation::KeyId(_) => {
                let what = "a proved key is named by jkt or by x5t#S256";
                Err(Rejection::new(TokenCode::ConfirmationUnsupported, what))
            }
        }
    }
}

/// A token request whose client has authenticated, or a token exchange.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'r> {
    /// The client.
    pub client_id: &'r str,
    /// The parameter `tmb`, decoded from the form.
    pub tmb: Option<&'r str>,
    /// The key that the request proved, if it proved one.
    pub proved: Option<Proved>,
}

/// What the issued token is bound to.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// How.
    pub binding: Binding,
    /// Its claim `cnf`, and that of the introspection response. None for a bearer token.
    pub confirmation: Option<Object>,
    /// Whether it has a mark.
    pub marked: bool,
    /// Its `token_type` (RFC 9449 section 5, RFC 8705 section 3).
    pub token_type: &'static str,
}

impl Bound {
    /// `binding`, `token_type` and `claims`: as `docs/key-binding.md` has it.
    pub fn to_members(&self) -> Vec<(String, Value)> {
        Vec::from([
            ("binding".into(), self.binding.name().into()),
            ("token_type".into(), self.token_type.into()),
            ("claims".into(), Object::from_members(self.claims()).into()),
        ])
    }

    /// The claims to add to the token, and to the introspection response.
    pub fn claims(&self) -> Vec<(String, Value)> {
        let mut claims = Vec::new();
        if let Some(cnf) = &self.confirmation {
            claims.push(("cnf".into(), cnf.clone().into()));
            if self.marked {
                claims.push((TMB.into(), cnf.clone().into()));
            }
        }
        claims
    }
}

/// Says what a token is to be bound to.
///
/// Errors: `binding.*`; `cnf.*`, `key.*` and `base64.*` for the key in `tmb`.
pub fn bind(request: &TokenRequest<'_>, policy: &BindingPolicy) -> Result<Bound, Rejection> {
    explain_bind(request, policy, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn explain_bind(
    request: &TokenRequest<'_>,
    policy: &BindingPolicy,
    trace: &mut dyn Trace,
) -> Result<Bound, Rejection> {
    let Some(tmb) = request.tmb else { return Ok(bound_to_proved(request.proved)) };
    let section = "draft-richer-oauth-tmb-claim-01 section 4";
    check(trace, "deferred binding", section, permitted(policy), |()| "the policy lets it be".into())?;
    check(trace, "requester", section, requester(request, policy), |()| excerpt(request.client_id))?;
    let section = "draft-richer-oauth-tmb-claim-01 section 3";
    let cnf = check(trace, "tmb", section, read(tmb), |cnf| format!("{} members", cnf.members().count()))?;
    let name = check(trace, "key of tmb", section, key_name(&cnf, policy), |name| name.name().into())?;
    // Section 3: keys of the request itself are ignored, so even the same one counts as unproved.
    let token_type = if name == KeyName::Certificate { BEARER } else { DPOP };
    Ok(Bound { binding: Binding::Deferred, confirmation: Some(cnf), marked: policy.mark, token_type })
}

/// RFC 9449 section 5
const DPOP: &str = "DPoP";

/// RFC 6750 section 4; RFC 8705 section 3 keeps it for tokens that are bound to certificates.
const BEARER: &str = "Bearer";

/// Without `tmb`, the key that was proved is the one.
fn bound_to_proved(proved: Option<Proved>) -> Bound {
    let (name, hash, token_type) = match proved {
        None => {
            return Bound { binding: Binding::None, confirmation: None, marked: false, token_type: BEARER };
        }
        Some(Proved::Dpop(hash)) => (KeyName::Thumbprint, hash, DPOP),
        Some(Proved::Certificate(hash)) => (KeyName::Certificate, hash, BEARER),
    };
    let cnf = Object::from_members(Vec::from([(name.name().into(), base64url::encode(&hash).into())]));
    Bound { binding: Binding::Proved, confirmation: Some(cnf), marked: false, token_type }
}

/// The policy lets deferred binding be (section 4: it is trust alone).
pub(super) fn permitted(policy: &BindingPolicy) -> Result<(), Rejection> {
    match policy.deferred {
        true => Ok(()),
        false => {
            let what = "the policy lets no token be bound to a key that was not proved";
            Err(Rejection::new(BindingCode::DeferredNotPermitted, what))
        }
    }
}

/// The client is one that is trusted with it (section 4).
fn requester(request: &TokenRequest<'_>, policy: &BindingPolicy) -> Result<(), Rejection> {
    match policy.requesters.iter().any(|one| one == request.client_id) {
        true => Ok(()),
        false => {
            let what = format!("{} may not name keys that it does not prove", excerpt(request.client_id));
            Err(Rejection::new(BindingCode::RequesterNotPermitted, what))
        }
    }
}

/// The value of `tmb`: the JSON object that `cnf` is to be (section 3).
fn read(tmb: &str) -> Result<Object, Rejection> {
    if tmb.len() > MAX_TMB {
        let what = format!("tmb has {} bytes, at most {MAX_TMB} are read", tmb.len());
        return Err(Rejection::new(BindingCode::TmbTooLarge, what));
    }
    let malformed = |inner: Rejection| {
        let what = format!("tmb: {}: {}", inner.code(), inner.detail());
        Rejection::new(BindingCode::TmbMalformed, what)
    };
    let cnf = json::parse_object(tmb.as_bytes()).map_err(malformed)?;
    for (_, value) in cnf.members() {
        value.checked_everywhere().map_err(malformed)?;
    }
    Ok(cnf)
}

/// It names one key (RFC 7800 section 3.1), in a way that the policy takes and a proof can be compared with.
fn key_name(cnf: &Object, policy: &BindingPolicy) -> Result<KeyName, Rejection> {
    let confirmation = confirmation::parse(cnf).map_err(|rejection| rejection.within(TMB))?;
    match KeyName::of(&confirmation) {
        Some((name, _)) if policy.key_names.contains(&name) => Ok(name),
        Some((name, _)) => {
            let what = format!("tmb names its key by {}", name.name());
            Err(Rejection::new(BindingCode::KeyName, what))
        }
        None => {
            Err(Rejection::new(BindingCode::KeyName, "tmb names its key by kid, with which no proof can be compared"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn policy() -> BindingPolicy {
        BindingPolicy { deferred: true, requesters: Vec::from(["broker".into()]), ..BindingPolicy::off() }
    }

    fn request<'r>(tmb: &'r str) -> TokenRequest<'r> {
        TokenRequest { client_id: "broker", tmb: Some(tmb), proved: None }
    }

    #[test]
    fn a_tmb_is_copied_and_the_keys_of_the_request_are_ignored() {
        let tmb = format!(r#"{{"jkt":"{JKT}","more":1}}"#);
        let hash = confirmation::thumbprint(JKT).unwrap();
        for proved in [None, Some(Proved::Dpop([1; 32])), Some(Proved::Certificate([1; 32])), Some(Proved::Dpop(hash))]
        {
            let bound = bind(&TokenRequest { proved, ..request(&tmb) }, &policy()).unwrap();
            assert_eq!(json::to_text(&bound.confirmation.clone().unwrap()), tmb);
            assert_eq!((bound.binding, bound.token_type), (Binding::Deferred, "DPoP"), "{proved:?}");
            let claims = json::to_text(&Object::from_members(bound.claims()));
            assert_eq!(claims, format!("{{\"cnf\":{tmb},\"tmb\":{tmb}}}"));
        }
        let unmarked = BindingPolicy { mark: false, ..policy() };
        assert_eq!(bind(&request(&tmb), &unmarked).unwrap().claims().len(), 1);
        let certificate = format!(r#"{{"x5t#S256":"{JKT}"}}"#);
        assert_eq!(bind(&request(&certificate), &policy()).unwrap().token_type, "Bearer");
    }

    #[test]
    fn without_a_tmb_the_proved_key_is_the_one() {
        let bound = |proved| bind(&TokenRequest { client_id: "a", tmb: None, proved }, &BindingPolicy::off()).unwrap();
        let text = |bound: &Bound| json::to_text(&Object::from_members(bound.claims()));
        let hash = confirmation::thumbprint(JKT).unwrap();
        let dpop = bound(Some(Proved::Dpop(hash)));
        assert_eq!(
            (dpop.binding, dpop.token_type, text(&dpop)),
            (Binding::Proved, "DPoP", format!(r#"{{"cnf":{{"jkt":"{JKT}"}}}}"#))
        );
        let certificate = bound(Some(Proved::Certificate(hash)));
        assert_eq!(
            (certificate.token_type, text(&certificate)),
            ("Bearer", format!(r#"{{"cnf":{{"x5t#S256":"{JKT}"}}}}"#))
        );
        let bearer = bound(None);
        assert_eq!((bearer.binding, bearer.token_type, text(&bearer)), (Binding::None, "Bearer", "{}".into()));
    }

    #[test]
    fn each_rule_of_a_request_has_its_code() {
        let code = |tmb: &str, policy: &BindingPolicy| {
            bind(&request(tmb), policy).map_or_else(|refused| refused.code(), |_| "accepted")
        };
        let good = format!(r#"{{"jkt":"{JKT}"}}"#);
        assert_eq!(code(&good, &policy()), "accepted");
        assert_eq!(code(&good, &BindingPolicy::off()), "binding.deferred_not_permitted");
        assert_eq!(
            code(&good, &BindingPolicy { requesters: Vec::new(), ..policy() }),
            "binding.requester_not_permitted"
        );
        let few = BindingPolicy { key_names: Vec::from([KeyName::Certificate]), ..policy() };
        assert_eq!(code(&good, &few), "binding.key_name_not_permitted");
        let long = format!("{good}{}", " ".repeat(MAX_TMB));
        for (tmb, wanted) in [
            ("", "binding.tmb_malformed"),
            ("[]", "binding.tmb_malformed"),
            (r#"{"jkt":"a","jkt":"a"}"#, "binding.tmb_malformed"),
            (r#"{"jwk":{"kty":"a","kty":"a"}}"#, "binding.tmb_malformed"),
            ("{}", "cnf.empty"),
            (r#"{"jkt":"AAAA"}"#, "cnf.thumbprint"),
            (r#"{"jkt":"a","x5t#S256":"a"}"#, "cnf.several"),
            (r#"{"jwe":"a"}"#, "cnf.unsupported"),
            (r#"{"kid":"a"}"#, "binding.key_name_not_permitted"),
            (r#"{"jwk":{"kty":"oct","k":"AAAA"}}"#, "key.type_unsupported"),
            (&long, "binding.tmb_too_large"),
        ] {
            assert_eq!(code(tmb, &policy()), wanted, "{}", excerpt(tmb));
        }
    }
}
