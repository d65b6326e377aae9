//! A request for a Transaction Token (sections 11.1 and 11.2): token exchange (RFC 8693) in its one form.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use fluent_uri::Uri;
use portcullis_scope::ScopeSet;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::{MAX_COMPACT_TOKEN, excerpt},
};

use super::{GRANT_TYPE, Service, TOKEN_TYPE, TransactionCode};

/// The longest `request_context` and `request_details`, in bytes of JSON. Both may end up in the token, which is a header field of
/// every request of its transaction, and servers stop at 8 to 64 KiB of those.
pub const MAX_CONTEXT: usize = 16 * 1024;

/// The beginning of OAuth's own names of token types.
const REGISTERED: &str = "urn:ietf:params:oauth:token-type:";

/// Parameters of token exchange (RFC 8693 section 2.1) that are not served. To pass one over would give a token that is not what
/// was asked: for other targets, or without the actor.
const UNSUPPORTED: [&str; 3] = ["resource", "actor_token", "actor_token_type"];

/// What kind of token says whom a transaction is for (section 11.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectTokenType {
    /// An OAuth access token.
    AccessToken,
    /// An ID token.
    IdToken,
    /// A JWT that is no access token, perhaps.
    Jwt,
    /// A Transaction Token, which is replaced.
    TransactionToken,
    /// A JWT that the requesting workload signed itself (section 11.2.1). It says whom it asks for; nobody else does.
    SelfSigned,
    /// A JSON object that nobody signed (section 11.2.2), likewise.
    UnsignedJson,
    /// Another one, by its URI: of SAML, or one that operator and workloads agreed on.
    Other(String),
}

impl SubjectTokenType {
    /// The type with a URI.
    ///
    /// Errors: `txn.subject_type_malformed`, `txn.subject_type_refresh`.
    pub fn from_uri(uri: &str) -> Result<Self, Rejection> {
        Ok(match uri.strip_prefix(REGISTERED) {
            Some("access_token") => Self::AccessToken,
            Some("id_token") => Self::IdToken,
            Some("jwt") => Self::Jwt,
            Some("txn_token") => Self::TransactionToken,
            Some("self_signed") => Self::SelfSigned,
            Some("unsigned_json") => Self::UnsignedJson,
            Some("refresh_token") => {
                let what = "no Transaction Token is requested with a refresh token";
                return Err(Rejection::new(TransactionCode::SubjectTypeRefresh, what));
            }
            _ if Uri::parse(uri).is_ok() => Self::Other(uri.into()),
            _ => {
                let what = format!("subject_token_type is {}, which is no URI", excerpt(uri));
                return Err(Rejection::new(TransactionCode::SubjectTypeMalformed, what));
            }
        })
    }
}

/// A request that has everything it has to have. The subject token in it is not verified.
#[derive(Clone, PartialEq)]
pub struct TokenRequest<'r> {
    /// Says whom the transaction is for. It is a secret: whoever has it can use it.
    pub subject_token: &'r str,
    /// What kind of token that is: one of those that the service accepts.
    pub subject_token_type: SubjectTokenType,
    /// What the transaction is for.
    pub scope: ScopeSet,
    /// The environment, as the requesting workload tells it.
    pub request_context: Option<Object>,
    /// What the request is about, likewise.
    pub request_details: Option<Object>,
}

/// Never the subject token.
impl fmt::Debug for TokenRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("subject_token_type", &self.subject_token_type)
            .field("scope", &self.scope.to_string())
            .finish_non_exhaustive()
    }
}

impl<'r> TokenRequest<'r> {
    /// Reads the decoded parameters of a form, in the order of section 11.1. Who asks is known by other means; what is theirs to
    /// have is for the operator to say.
    ///
    /// Parameters that are not known are passed over (RFC 6749 section 3.2), those for client authentication among them.
    ///
    /// Errors: `txn.parameter_*`, `txn.grant_type`, `txn.requested_*`, `txn.subject_type_*`, `scope.malformed`, `scope.too_large`,
    /// and `json.*` for the two contexts.
    ///
    /// ```
    /// use portcullis_oauth::transaction_token::{Service, SubjectTokenType, TokenRequest};
    ///
    /// let service = Service::of("trust-domain.example", "https://tts.trust-domain.example");
    /// let form = [
    ///     ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ///     ("requested_token_type", "urn:ietf:params:oauth:token-type:txn_token"),
    ///     ("audience", "trust-domain.example"),
    ///     ("scope", "trade.stocks"),
    ///     ("subject_token", "eyJhbGciOiJFUzI1NiIsImtpZC..."),
    ///     ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ///     ("request_details", r#"{"action":"BUY","ticker":"MSFT"}"#),
    /// ];
    /// let request = TokenRequest::parse(&form, &service)?;
    /// assert_eq!(request.subject_token_type, SubjectTokenType::AccessToken);
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn parse(form: &[(&str, &'r str)], service: &Service<'_>) -> Result<Self, Rejection> {
        let form = Form(form);
        form.is(TransactionCode::GrantType, "grant_type", GRANT_TYPE)?;
        form.is(TransactionCode::RequestedAudience, "audience", service.trust_domain)?;
        let scope = ScopeSet::parse(form.required("scope")?).map_err(|rejection| rejection.within("scope"))?;
        form.is(TransactionCode::RequestedType, "requested_token_type", TOKEN_TYPE)?;
        let subject_token = form.required("subject_token")?;
        bounded("subject_token", subject_token, MAX_COMPACT_TOKEN)?;
        let subject_token_type = SubjectTokenType::from_uri(form.required("subject_token_type")?)?;
        if !service.subject_types.contains(&subject_token_type) {
            let what = "subject tokens of this type are not accepted here";
            return Err(Rejection::new(TransactionCode::SubjectTypeUnsupported, what));
        }
        let request_context = form.context("request_context")?;
        let request_details = form.context("request_details")?;
        for name in UNSUPPORTED {
            if form.optional(name)?.is_some() {
                let what = format!("{name} is not served");
                return Err(Rejection::new(TransactionCode::ParameterUnsupported, what));
            }
        }
        Ok(Self { subject_token, subject_token_type, scope, request_context, request_details })
    }
}

struct Form<'f, 'r>(&'f [(&'f str, &'r str)]);

impl<'r> Form<'_, 'r> {
    /// A parameter. One without a value is as good as none, and none stands there twice (RFC 6749 section 3.2).
    fn optional(&self, wanted: &str) -> Result<Option<&'r str>, Rejection> {
        let mut found = self.0.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.filter(|value| !value.is_empty())),
            (_, Some(_)) => {
                let what = format!("the parameter {wanted} stands there twice");
                Err(Rejection::new(TransactionCode::ParameterRepeated, what))
            }
        }
    }

    fn required(&self, name: &str) -> Result<&'r str, Rejection> {
        let missing = || Rejection::new(TransactionCode::ParameterMissing, format!("there is no {name}"));
        self.optional(name)?.ok_or_else(missing)
    }

    /// A parameter has its one value.
    fn is(&self, code: TransactionCode, name: &str, wanted: &str) -> Result<(), Rejection> {
        let value = self.required(name)?;
        if value == wanted {
            return Ok(());
        }
        Err(Rejection::new(code, format!("{name} is {}, not {}", excerpt(value), excerpt(wanted))))
    }

    /// A JSON object whose names are unique at every depth, if it is there.
    fn context(&self, name: &str) -> Result<Option<Object>, Rejection> {
        let Some(text) = self.optional(name)? else { return Ok(None) };
        bounded(name, text, MAX_CONTEXT)?;
        let object = json::parse_object(text.as_bytes()).map_err(|rejection| rejection.within(name))?;
        let value = Value::Object(object);
        value.checked_everywhere().map_err(|rejection| rejection.within(name))?;
        match value {
            Value::Object(object) => Ok(Some(object)),
            _ => Ok(None),
        }
    }
}

fn bounded(name: &str, value: &str, longest: usize) -> Result<(), Rejection> {
    if value.len() <= longest {
        return Ok(());
    }
    let what = format!("{name} has {} bytes, at most {longest} are read", value.len());
    Err(Rejection::new(TransactionCode::ParameterTooLong, what))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const FORM: [(&str, &str); 6] = [
        ("grant_type", GRANT_TYPE),
        ("audience", "trust-domain.example"),
        ("scope", "trade.stocks"),
        ("requested_token_type", TOKEN_TYPE),
        ("subject_token", "a.b.c"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];

    fn service() -> Service<'static> {
        Service::of("trust-domain.example", "https://tts.example")
    }

    fn code_of(form: &[(&str, &str)]) -> &'static str {
        TokenRequest::parse(form, &service()).map_or_else(|rejection| rejection.code(), |_| "read")
    }

    /// The form with one parameter as given.
    fn with(name: &str, value: &str) -> &'static str {
        let mut form: Vec<(&str, &str)> = FORM.into_iter().filter(|(other, _)| *other != name).collect();
        form.push((name, value));
        code_of(&form)
    }

    #[test]
    fn every_required_parameter_is_asked_for_and_stands_once() {
        assert_eq!(code_of(&FORM), "read");
        for (name, value) in FORM {
            let without: Vec<(&str, &str)> = FORM.into_iter().filter(|(other, _)| *other != name).collect();
            assert_eq!(code_of(&without), "txn.parameter_missing", "{name}");
            assert_eq!(with(name, ""), "txn.parameter_missing", "{name}");
            let twice: Vec<(&str, &str)> = FORM.into_iter().chain([(name, value)]).collect();
            assert_eq!(code_of(&twice), "txn.parameter_repeated", "{name}");
        }
    }

    #[test]
    fn each_has_its_value() {
        for (name, value, wanted) in [
            ("grant_type", "client_credentials", "txn.grant_type"),
            ("audience", "other.example", "txn.requested_audience"),
            ("audience", "Trust-Domain.example", "txn.requested_audience"),
            ("scope", "a  b", "scope.malformed"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token", "txn.requested_token_type"),
            ("subject_token_type", "access_token", "txn.subject_type_malformed"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token", "txn.subject_type_refresh"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2", "txn.subject_type_unsupported"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:unsigned_json", "txn.subject_type_unsupported"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:txn_token", "read"),
            ("unknown", "x", "read"),
            ("client_assertion", "x", "read"),
            ("resource", "https://api.example", "txn.parameter_unsupported"),
            ("actor_token", "x", "txn.parameter_unsupported"),
            ("actor_token", "", "read"),
            ("actor_token_type", "x", "txn.parameter_unsupported"),
            ("request_context", r#"{"req_ip":"192.0.2.1"}"#, "read"),
            ("request_context", "[]", "json.not_object"),
            ("request_details", "eyJhIjoxfQ", "json.syntax"),
            ("request_details", r#"{"a":{"b":1,"b":2}}"#, "json.duplicate_name"),
        ] {
            assert_eq!(with(name, value), wanted, "{name} {value}");
        }
    }

    #[test]
    fn what_is_carried_is_bounded() {
        let context = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
        assert_eq!(with("request_details", &context(MAX_CONTEXT)), "read");
        assert_eq!(with("request_details", &context(MAX_CONTEXT + 1)), "txn.parameter_too_long");
        assert_eq!(with("subject_token", &"a".repeat(MAX_COMPACT_TOKEN)), "read");
        assert_eq!(with("subject_token", &"a".repeat(MAX_COMPACT_TOKEN + 1)), "txn.parameter_too_long");
    }

    #[test]
    fn the_subject_token_is_never_told() {
        let request = TokenRequest::parse(&FORM, &service()).unwrap();
        assert!(!format!("{request:?}").contains("a.b.c"));
    }
}
