//! Whom a transaction is for (sections 11.2 and 11.3): what a verified subject token says that a Transaction Token needs.

use alloc::{format, string::String};

use portcullis_scope::ScopeSet;
use portcullis_token::claims::Claims;
use portcullis_types::{NumericDate, Rejection, Timestamp, json, limits::excerpt};

use super::{Service, TransactionCode, claims::text};

/// How long ago a self-signed subject token may have been made, in seconds. It is made for one request.
const MAX_SELF_SIGNED_AGE: u64 = 300;

/// The principal of a transaction, and what bounds its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// `sub`, unique within the trust domain.
    pub subject: String,
    /// What the subject token permits; `None` where nobody knows.
    pub scope: Option<ScopeSet>,
    /// Until when the subject token counts, where it has an end.
    pub expires: Option<NumericDate>,
}

impl Subject {
    /// That of a token that somebody else issued and that verified: an access token, a JWT, an introspection response.
    ///
    /// `issuer` is the name of the issuer's entry where the service takes tokens of several: two of them may call two people the
    /// same, and `sub` has to be unique within the trust domain. It becomes `name:sub`.
    ///
    /// Errors: `txn.subject_missing`, `txn.claim_type`, `scope.malformed`, `scope.too_large`.
    ///
    /// ```
    /// use portcullis_oauth::transaction_token::Subject;
    /// use portcullis_token::claims::Claims;
    ///
    /// let verified = Claims::parse(br#"{"iss":"https://idp.example","sub":"u1","scope":"trade.read"}"#)?;
    /// assert_eq!(Subject::of_token(&verified, None)?.subject, "u1");
    /// assert_eq!(Subject::of_token(&verified, Some("corp"))?.subject, "corp:u1");
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn of_token(claims: &Claims, issuer: Option<&str>) -> Result<Self, Rejection> {
        let subject = named(claims.subject.as_deref())?;
        let subject = match issuer {
            None => subject.into(),
            // So that no name and subject make up those of another name.
            Some(issuer) => format!("{}:{subject}", issuer.replace('%', "%25").replace(':', "%3A")),
        };
        // An empty scope is what a token has that was granted none.
        let scope = text(&claims.members, "scope")?.filter(|scope| !scope.is_empty());
        let scope = scope.map(ScopeSet::parse).transpose();
        let scope = scope.map_err(|rejection| rejection.within("the subject token's scope"))?;
        Ok(Self { subject, scope, expires: claims.expires })
    }

    /// That of a JWT which the requesting workload signed, and whose signature verified with a key of that workload
    /// (section 11.2.1). What the workload may have transactions for, and on whose behalf, is for the operator to say: `permitted` is
    /// the scope, which a token of its own making cannot give.
    ///
    /// Errors: `txn.subject_claim_missing`, `txn.subject_issuer`, `txn.subject_missing`, `txn.subject_audience`, `txn.subject_age`,
    /// `txn.subject_expired`.
    pub fn self_signed(
        claims: &Claims,
        workload: &str,
        permitted: Option<&ScopeSet>,
        service: &Service<'_>,
        at: Timestamp,
    ) -> Result<Self, Rejection> {
        let missing = |name: &str| {
            let what = format!("a self-signed subject token has {name}");
            Rejection::new(TransactionCode::SubjectClaimMissing, what)
        };
        let issuer = claims.issuer.as_deref().ok_or_else(|| missing("iss"))?;
        if issuer != workload {
            let what = format!("iss is {}, {} asks", excerpt(issuer), excerpt(workload));
            return Err(Rejection::new(TransactionCode::SubjectIssuer, what));
        }
        let subject = named(claims.subject.as_deref())?.into();
        match claims.audience.as_deref() {
            None => return Err(missing("aud")),
            Some([one]) if one == service.identifier => {}
            Some(_) => {
                let what = format!("aud is not {} alone", excerpt(service.identifier));
                return Err(Rejection::new(TransactionCode::SubjectAudience, what));
            }
        }
        let issued = claims.issued_at.ok_or_else(|| missing("iat"))?;
        if issued.ahead_of(at, service.leeway)
            || issued.reached(at, MAX_SELF_SIGNED_AGE.saturating_add(service.leeway).saturating_add(1))
        {
            let what = format!("iat is {issued} and it is {at}");
            return Err(Rejection::new(TransactionCode::SubjectAge, what));
        }
        let expires = claims.expires.ok_or_else(|| missing("exp"))?;
        not_expired(Some(expires), at)?;
        Ok(Self { subject, scope: permitted.cloned(), expires: Some(expires) })
    }

    /// That of a JSON object which nobody signed (section 11.2.2): the word of the workload that asks, and of nobody else.
    /// `permitted` as in [`Self::self_signed`].
    ///
    /// Errors: `txn.subject_missing`, `txn.claim_type`, `json.*`.
    pub fn unsigned_json(subject_token: &str, permitted: Option<&ScopeSet>) -> Result<Self, Rejection> {
        let members = json::parse_object(subject_token.as_bytes());
        let members = members.map_err(|rejection| rejection.within("subject_token"))?;
        let subject = named(text(&members, "sub")?)?.into();
        Ok(Self { subject, scope: permitted.cloned(), expires: None })
    }
}

/// A subject that is there and has a name.
fn named(subject: Option<&str>) -> Result<&str, Rejection> {
    let missing = || Rejection::new(TransactionCode::SubjectMissing, "the subject token has no sub");
    subject.filter(|subject| !subject.is_empty()).ok_or_else(missing)
}

/// The subject token has not expired (section 6). No leeway: a new token is not made from what has ended.
pub(super) fn not_expired(expires: Option<NumericDate>, at: Timestamp) -> Result<(), Rejection> {
    match expires {
        Some(expires) if expires.reached(at, 0) => {
            let what = format!("the subject token's exp was {expires} and it is {at}");
            Err(Rejection::new(TransactionCode::SubjectExpired, what))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction_token::tests::{AT, put};

    fn claims(text: &str) -> Claims {
        Claims::parse(text.as_bytes()).unwrap()
    }

    fn token(text: &str) -> &'static str {
        Subject::of_token(&claims(text), None).map_or_else(
            |rejection| rejection.code(),
            |subject| {
                if subject.scope.is_some() { "with scope" } else { "without" }
            },
        )
    }

    #[test]
    fn a_token_says_its_subject_and_scope() {
        for (text, wanted) in [
            (r#"{"sub":"u","scope":"a b"}"#, "with scope"),
            (r#"{"sub":"u","scope":""}"#, "without"),
            (r#"{"sub":"u","scp":["a"]}"#, "without"),
            (r#"{"sub":"u","scope":["a"]}"#, "txn.claim_type"),
            (r#"{"sub":"u","scope":"a  b"}"#, "scope.malformed"),
            (r#"{"scope":"a"}"#, "txn.subject_missing"),
            (r#"{"sub":"","scope":"a"}"#, "txn.subject_missing"),
        ] {
            assert_eq!(token(text), wanted, "{text}");
        }
    }

    #[test]
    fn subjects_of_two_issuers_are_never_the_same() {
        let of = |issuer, sub: &str| {
            let claims = claims(&put("{}", "sub", Some(&format!("\"{sub}\""))));
            Subject::of_token(&claims, Some(issuer)).unwrap().subject
        };
        assert_ne!(of("a", "b:u"), of("a:b", "u"));
        assert_ne!(of("a:", "u"), of("a%3A", "u"));
        assert_eq!(of("corp", "u"), "corp:u");
    }

    const SELF_SIGNED: &str = r#"{"iss":"w","sub":"u","aud":"https://tts.example","iat":1790000000,"exp":1790000060}"#;

    fn self_signed(text: &str, at: u64) -> &'static str {
        let service = Service { leeway: 30, ..Service::of("d.example", "https://tts.example") };
        let made = Subject::self_signed(&claims(text), "w", None, &service, at);
        made.map_or_else(|rejection| rejection.code(), |_| "good")
    }

    #[test]
    fn a_self_signed_one_is_of_the_workload_and_for_the_service() {
        assert_eq!(self_signed(SELF_SIGNED, AT), "good");
        for name in ["iss", "aud", "iat", "exp"] {
            assert_eq!(self_signed(&put(SELF_SIGNED, name, None), AT), "txn.subject_claim_missing", "{name}");
        }
        assert_eq!(self_signed(&put(SELF_SIGNED, "sub", None), AT), "txn.subject_missing");
        assert_eq!(self_signed(&put(SELF_SIGNED, "iss", Some(r#""x""#)), AT), "txn.subject_issuer");
        for aud in [r#""https://tts.example/""#, r#"["https://tts.example","x"]"#, "[]"] {
            assert_eq!(self_signed(&put(SELF_SIGNED, "aud", Some(aud)), AT), "txn.subject_audience", "{aud}");
        }
        assert_eq!(self_signed(SELF_SIGNED, AT + 59), "good");
        assert_eq!(self_signed(SELF_SIGNED, AT + 60), "txn.subject_expired");
        assert_eq!(self_signed(SELF_SIGNED, AT - 30), "good");
        assert_eq!(self_signed(SELF_SIGNED, AT - 31), "txn.subject_age");
        let long = put(SELF_SIGNED, "exp", Some("1790009999"));
        assert_eq!(self_signed(&long, AT + 330), "good");
        assert_eq!(self_signed(&long, AT + 331), "txn.subject_age");
    }

    #[test]
    fn an_unsigned_one_gives_a_subject_and_never_a_scope() {
        let permitted = ScopeSet::parse("a").unwrap();
        let made = Subject::unsigned_json(r#"{"sub":"u","scope":"a b c"}"#, Some(&permitted)).unwrap();
        assert_eq!((made.subject.as_str(), made.scope), ("u", Some(permitted)));
        assert_eq!(Subject::unsigned_json(r#"{"sub":"u","scope":"a"}"#, None).unwrap().scope, None);
        for (text, wanted) in [("{}", "txn.subject_missing"), (r#"{"sub":1}"#, "txn.claim_type"), ("u", "json.syntax")]
        {
            assert_eq!(Subject::unsigned_json(text, None).unwrap_err().code(), wanted, "{text}");
        }
    }
}
