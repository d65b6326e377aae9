//! Requests to a token service (distribution: Token Authentication Specification, Requesting a Token; Docker Registry v2
//! authentication using OAuth2).
//!
//! A GET has its parameters in the query, `scope` once for each resource; a POST has them in a form, `scope` once for all. The
//! credential stands in `Authorization`, in the client's certificate, or in the form.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use super::{Access, form, scope};
use crate::{
    ScopeCode,
    limits::{MAX_FORM, MAX_PARAMETER, MAX_TARGET},
};

/// What a client asks a token service for.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRequest {
    /// The registry that the token is for (`service`), if it is named.
    pub service: Option<String>,
    /// What it is to grant, in the order of the request; nothing where the client only signs in.
    pub access: Vec<Access>,
    /// Whether a refresh token is asked for (`offline_token=true`, `access_type=offline`).
    pub offline: bool,
    /// The credential that the form has.
    pub credential: FormCredential,
}

/// The credential of a form (RFC 6749 sections 4.3, 4.4 and 6, RFC 7523 section 2.1).
#[derive(Clone, PartialEq)]
pub enum FormCredential {
    /// None: it is in `Authorization` or in the connection, or there is none.
    None,
    /// `grant_type=password`: a name, and a password or a token in its place.
    Password {
        /// `username`
        name: String,
        /// `password`
        password: String,
    },
    /// `grant_type=refresh_token`
    Refresh(String),
    /// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer`: a token of an issuer or workload.
    Assertion(String),
}

impl core::fmt::Debug for FormCredential {
    /// Without what is secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password { .. } => "Password",
            Self::Refresh(_) => "Refresh",
            Self::Assertion(_) => "Assertion",
        })
    }
}

/// The grant type of a JWT as an assertion (RFC 7523 section 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Reads a GET, by the query of its target.
///
/// Errors: `oci.target_too_large`, `oci.query_malformed`, `oci.parameter_*`, `oci.scope_*`.
///
/// ```
/// use portcullis_scope::oci::token_request::from_query;
///
/// let query = "service=registry.example&scope=repository:a/b:pull,push&scope=repository:c:pull&offline_token=true";
/// let request = from_query(query).unwrap();
/// assert_eq!(request.service.as_deref(), Some("registry.example"));
/// assert_eq!(request.access.len(), 2);
/// assert!(request.offline);
/// ```
pub fn from_query(query: &str) -> Result<TokenRequest, Rejection> {
    if query.len() > MAX_TARGET {
        let what = format!("{} bytes, at most {MAX_TARGET} are read", query.len());
        return Err(Rejection::new(ScopeCode::OciTargetTooLarge, what));
    }
    let mut parameters = Parameters::read(query)?;
    // Clients that only sign in send an empty one.
    let scopes: Vec<String> = parameters.all("scope").into_iter().filter(|scope| !scope.is_empty()).collect();
    Ok(TokenRequest {
        service: parameters.one("service")?,
        access: access(&scopes.join(" "))?,
        offline: parameters.one("offline_token")?.as_deref() == Some("true"),
        credential: FormCredential::None,
    })
}

/// Reads the form of a POST.
///
/// Errors: `oci.form_too_large`, `oci.query_malformed`, `oci.parameter_*`, `oci.grant_type`, `oci.scope_*`.
///
/// ```
/// use portcullis_scope::oci::token_request::{FormCredential, from_form};
///
/// let form = b"grant_type=refresh_token&service=registry.example&client_id=c&refresh_token=r&scope=repository:a/b:pull";
/// assert_eq!(from_form(form).unwrap().credential, FormCredential::Refresh("r".into()));
/// assert_eq!(from_form(b"grant_type=authorization_code").unwrap_err().code(), "oci.grant_type");
/// ```
pub fn from_form(form: &[u8]) -> Result<TokenRequest, Rejection> {
    let mut parameters = Parameters(parameters(form)?);
    let grant_type = parameters.needed("grant_type")?;
    let credential = match grant_type.as_str() {
        "password" => {
            FormCredential::Password { name: parameters.needed("username")?, password: parameters.needed("password")? }
        }
        "refresh_token" => FormCredential::Refresh(parameters.needed("refresh_token")?),
        JWT_BEARER => FormCredential::Assertion(parameters.needed("assertion")?),
        "client_credentials" => FormCredential::None,
        other => {
            let what =
                format!("{} is none of password, refresh_token, client_credentials and {JWT_BEARER}", excerpt(other));
            return Err(Rejection::new(ScopeCode::OciGrantType, what));
        }
    };
    Ok(TokenRequest {
        service: parameters.one("service")?,
        access: access(&parameters.one("scope")?.unwrap_or_default())?,
        offline: parameters.one("access_type")?.as_deref() == Some("offline"),
        credential,
    })
}

/// The parameters of a form, decoded, repeats included: for who reads a form with others than these.
///
/// Errors: `oci.form_too_large`, `oci.query_malformed`, `oci.parameter_too_long`.
///
/// ```
/// use portcullis_scope::oci::token_request::parameters;
///
/// assert_eq!(parameters(b"a=b+c&d=%7B").unwrap(), [("a".into(), "b c".into()), ("d".into(), "{".into())]);
/// assert_eq!(parameters(b"a=%").unwrap_err().code(), "oci.query_malformed");
/// ```
pub fn parameters(form: &[u8]) -> Result<Vec<(String, String)>, Rejection> {
    if form.len() > MAX_FORM {
        let what = format!("{} bytes, at most {MAX_FORM} are read", form.len());
        return Err(Rejection::new(ScopeCode::OciFormTooLarge, what));
    }
    let text =
        core::str::from_utf8(form).map_err(|_| Rejection::new(ScopeCode::OciQueryMalformed, "the form is no text"))?;
    Ok(Parameters::read(text)?.0)
}

fn access(scope: &str) -> Result<Vec<Access>, Rejection> {
    if scope.is_empty() { Ok(Vec::new()) } else { scope::parse(scope) }
}

/// The parameters of a request, decoded. Those that are not known are passed over (RFC 6749 section 3.2).
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(text: &str) -> Result<Self, Rejection> {
        let mut read = Vec::new();
        for (name, value) in form::pairs(text)? {
            let utf8 = |text: &str| {
                String::from_utf8(form::decode(text)?)
                    .map_err(|_| Rejection::new(ScopeCode::OciQueryMalformed, format!("{} is no text", excerpt(text))))
            };
            let (name, value) = (utf8(name)?, utf8(value)?);
            if name != "scope" && value.len() > MAX_PARAMETER {
                let what = format!("{} has {} bytes, at most {MAX_PARAMETER} are read", excerpt(&name), value.len());
                return Err(Rejection::new(ScopeCode::OciParameterTooLarge, what));
            }
            read.push((name, value));
        }
        Ok(Self(read))
    }

    fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(known, _)| known == name).map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may occur once (RFC 6749 section 3.2); one that is empty is none.
    fn one(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        let mut found = self.all(name).into_iter();
        let value = found.next().filter(|value| !value.is_empty());
        if found.next().is_some() {
            let what = format!("{name} occurs more than once");
            return Err(Rejection::new(ScopeCode::OciParameterRepeated, what));
        }
        Ok(value)
    }

    fn needed(&mut self, name: &str) -> Result<String, Rejection> {
        self.one(name)?
            .ok_or_else(|| Rejection::new(ScopeCode::OciParameterMissing, format!("there is no parameter {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<TokenRequest, &'static str> {
        from_query(text).map_err(|rejection| rejection.code())
    }

    fn form(text: &str) -> Result<TokenRequest, &'static str> {
        from_form(text.as_bytes()).map_err(|rejection| rejection.code())
    }

    #[test]
    fn a_query_is_read_strictly() {
        assert_eq!(query("").unwrap().access, []);
        assert_eq!(query("scope=&service=a").unwrap().access, []);
        assert!(!query("offline_token=1").unwrap().offline);
        assert_eq!(query("service=a%2Fb+c").unwrap().service.as_deref(), Some("a/b c"));
        assert_eq!(query("scope=repository%3Aa%3Apull&scope=repository:b:push").unwrap().access.len(), 2);
        assert_eq!(query("scope=repository:a:pull+repository:b:pull").unwrap().access.len(), 2);
        assert_eq!(query("service=a&service=a"), Err("oci.parameter_repeated"));
        assert_eq!(query("service=%zz"), Err("oci.query_malformed"));
        assert_eq!(query("service=%ff"), Err("oci.query_malformed"));
        assert_eq!(query("service=a;scope=b"), Err("oci.query_malformed"));
        assert_eq!(query("scope=repository:a"), Err("oci.scope_parts"));
        assert_eq!(query(&"a".repeat(MAX_TARGET + 1)), Err("oci.target_too_large"));
        let many = |n: usize| ["scope=repository:a:pull"].repeat(n).join("&");
        assert_eq!(query(&many(1_000)).unwrap().access.len(), 1_000);
        assert_eq!(query(&many(1_001)), Err("oci.scope_too_large"));
    }

    #[test]
    fn a_form_has_a_grant_type_and_what_it_needs() {
        assert_eq!(form(""), Err("oci.parameter_missing"));
        assert_eq!(form("grant_type=password&username=a"), Err("oci.parameter_missing"));
        assert_eq!(form("grant_type=refresh_token"), Err("oci.parameter_missing"));
        assert_eq!(form("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer"), Err("oci.parameter_missing"));
        assert_eq!(form("grant_type=authorization_code&code=x"), Err("oci.grant_type"));
        assert_eq!(form("grant_type=client_credentials&grant_type=password"), Err("oci.parameter_repeated"));
        assert_eq!(form(&format!("grant_type={}", "a".repeat(MAX_FORM))), Err("oci.form_too_large"));
        assert_eq!(form(&format!("grant_type={}", "a".repeat(MAX_PARAMETER + 1))), Err("oci.parameter_too_large"));
        let read = form("grant_type=password&username=a&password=b%26&scope=repository:a:pull&access_type=offline");
        let read = read.unwrap();
        assert!(read.offline);
        assert_eq!(read.credential, FormCredential::Password { name: "a".into(), password: "b&".into() });
        assert_eq!(format!("{:?}", read.credential), "Password");
        assert_eq!(form("grant_type=client_credentials&scope=x"), Err("oci.scope_parts"));
        assert_eq!(form("grant_type=client_credentials&scope=a&scope=b"), Err("oci.parameter_repeated"));
    }
}
