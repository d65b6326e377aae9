//! What a client asks for at the authorization endpoint (RFC 6749 section 4.1.1, RFC 7636, RFC 9396, RFC 9470).

use std::collections::BTreeMap;

use portcullis_types::json;
use serde_json::Value;
use url::{Host, Url, form_urlencoded};

/// The longest query or form, in bytes: what remembers it multiplies.
pub(super) const MAX_PARAMETERS: usize = 8 << 10;

/// Parameters of one request.
const MAX_PARAMETER_COUNT: usize = 32;

/// The longest client identifier, in bytes.
const MAX_CLIENT_ID: usize = 256;

/// Objects in `authorization_details`, and how a person still reads them.
const MAX_DETAILS: usize = 16;

/// Characters of a SHA-256 in base64url.
const SHA256_BASE64URL: usize = 43;

/// How long an authorization lasts unless `authorization_expires_in` says otherwise, in seconds; and at most.
pub(super) const AUTHORIZATION: u64 = 86_400;
const MAX_AUTHORIZATION: u64 = 30 * 86_400;

/// The longest `max_age`, in seconds: beyond it nobody asks for anything.
const MAX_MAX_AGE: u64 = 10 * 365 * 86_400;

/// The authentications that it claims to have done, the weakest first. All are the press of the same button.
pub(super) const ACR_VALUES: [&str; 4] = ["pwd", "mfa", "phr", "phrh"];

/// The types of authorization details that it knows.
pub(super) const DETAIL_TYPES: [&str; 4] = ["account", "customer_information", "payment", "payment_initiation"];

/// Parameters by their names, each once.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query or form. One without a value is as if it were not there, and none is there twice (RFC 6749 section 3.1). Of
    /// those that are, only those of a name that is known matter.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PARAMETERS {
            return Err(format!("there are more than {MAX_PARAMETERS} bytes of parameters"));
        }
        let mut parameters = BTreeMap::new();
        for (number, (name, value)) in form_urlencoded::parse(text.as_bytes()).enumerate() {
            if number >= MAX_PARAMETER_COUNT {
                return Err(format!("there are more than {MAX_PARAMETER_COUNT} parameters"));
            }
            if parameters.contains_key(name.as_ref()) {
                return Err("a parameter is there twice".into());
            }
            if !value.is_empty() {
                parameters.insert(name.into_owned(), value.into_owned());
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) client_id: String,
    /// As it was written.
    pub(super) redirect_uri: String,
    /// Its origin, for the page's Content Security Policy.
    pub(super) origin: String,
    pub(super) state: Option<String>,
    pub(super) scope: Option<String>,
    /// The authentication that it will be: the first of `acr_values` that there is.
    pub(super) acr: &'static str,
    pub(super) max_age: Option<u64>,
    pub(super) details: Option<Value>,
    /// SHA-256 of the verifier in base64url.
    pub(super) challenge: String,
    /// The key that the code is bound to (RFC 9449 section 10).
    pub(super) dpop_jkt: Option<String>,
    /// Seconds that the authorization lasts.
    pub(super) lasts: u64,
}

/// Why a request is not shown to anybody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not known whom to tell but the person (RFC 6749 section 4.1.2.1).
    Page(String),
    /// The client is told.
    Client { redirect_uri: String, state: Option<String>, error: &'static str, detail: String },
}

impl Request {
    /// Reads a request.
    pub(super) fn read(query: &str) -> Result<Self, Refused> {
        let parameters = Parameters::read(query).map_err(Refused::Page)?;
        let client_id = parameters.get("client_id").filter(|id| is_visible(id, MAX_CLIENT_ID));
        let client_id = client_id.ok_or_else(|| Refused::Page("there is no client_id that can be used".into()))?;
        let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
        let origin = loopback_origin(redirect_uri).ok_or_else(|| {
            let what = "redirect_uri is not http at a loopback address: 127.0.0.1, [::1] or localhost";
            Refused::Page(what.into())
        })?;
        let state = parameters.get("state").map(str::to_owned);
        asked(&parameters, client_id, redirect_uri, origin).map_err(|(error, detail)| Refused::Client {
            redirect_uri: redirect_uri.into(),
            state,
            error,
            detail,
        })
    }
}

/// An error of OAuth and its description.
type Wrong = (&'static str, String);

fn asked(parameters: &Parameters, client_id: &str, redirect_uri: &str, origin: String) -> Result<Request, Wrong> {
    let invalid = |what: &str| ("invalid_request", what.to_owned());
    match parameters.get("response_type") {
        Some("code") => {}
        None => return Err(invalid("there is no response_type")),
        Some(_) => return Err(("unsupported_response_type", "response_type is not code".into())),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode is not query"));
    }
    // RFC 7636 section 4.4.1; `plain` protects nothing that can be seen.
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method is not S256"));
    }
    let challenge = parameters.get("code_challenge").filter(|text| is_sha256(text));
    let challenge = challenge.ok_or_else(|| invalid("code_challenge is no SHA-256 in base64url"))?;
    let dpop_jkt = parameters.get("dpop_jkt");
    if dpop_jkt.is_some_and(|jkt| !is_sha256(jkt)) {
        return Err(invalid("dpop_jkt is no SHA-256 in base64url"));
    }
    let scope = parameters.get("scope");
    if scope.is_some_and(|scope| !is_scope(scope)) {
        return Err(("invalid_scope", "scope is no list of scope tokens".into()));
    }
    let acr = match parameters.get("acr_values") {
        None => ACR_VALUES.first().copied(),
        Some(wanted) => wanted.split(' ').find_map(|acr| ACR_VALUES.into_iter().find(|known| *known == acr)),
    };
    // RFC 9470 section 5.
    let unmet = || ("unmet_authentication_requirements", format!("acr_values has none of {}", ACR_VALUES.join(" ")));
    let acr = acr.ok_or_else(unmet)?;
    let seconds = |name, least, most| match parameters.get(name) {
        None => Ok(None),
        Some(text) => number(text)
            .filter(|seconds| (least..=most).contains(seconds))
            .map(Some)
            .ok_or_else(|| invalid(&format!("{name} is no number of seconds from {least} to {most}"))),
    };
    Ok(Request {
        client_id: client_id.into(),
        redirect_uri: redirect_uri.into(),
        origin,
        state: parameters.get("state").map(str::to_owned),
        scope: scope.map(str::to_owned),
        acr,
        max_age: seconds("max_age", 0, MAX_MAX_AGE)?,
        details: parameters.get("authorization_details").map(details).transpose()?,
        challenge: challenge.into(),
        dpop_jkt: dpop_jkt.map(str::to_owned),
        lasts: seconds("authorization_expires_in", 1, MAX_AUTHORIZATION)?.unwrap_or(AUTHORIZATION),
    })
}

/// The origin of a redirect URI, if it is at a loopback address (RFC 8252 section 7.3): whoever answers there runs on this machine.
pub(super) fn loopback_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let plain = url.scheme() == "http"
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        // What this reads otherwise than it is written, browsers may read in a third way.
        && (url.as_str() == text || url.as_str().strip_suffix('/') == Some(text));
    (loopback && plain).then(|| url.origin().ascii_serialization())
}

/// `authorization_details` (RFC 9396 section 2): objects of types that are known (section 5).
fn details(text: &str) -> Result<Value, Wrong> {
    let wrong = |what: String| ("invalid_authorization_details", what);
    let parsed = json::parse(text.as_bytes()).map_err(|rejection| wrong(rejection.to_string()))?;
    parsed.checked_everywhere().map_err(|rejection| wrong(rejection.to_string()))?;
    let value = serde_json::to_value(&parsed).map_err(|error| wrong(error.to_string()))?;
    let items = value.as_array().filter(|items| (1..=MAX_DETAILS).contains(&items.len()));
    let items = items.ok_or_else(|| wrong(format!("they are no list of 1 to {MAX_DETAILS} objects")))?;
    if items.iter().all(|item| item["type"].as_str().is_some_and(|kind| DETAIL_TYPES.contains(&kind))) {
        Ok(value)
    } else {
        Err(wrong(format!("a type is none of {}", DETAIL_TYPES.join(", "))))
    }
}

/// Visible ASCII (VSCHAR of RFC 6749 appendix A), of at most so many bytes.
fn is_visible(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_BASE64URL && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// RFC 6749 section 3.3.
pub(super) fn is_scope(text: &str) -> bool {
    text.split(' ').all(|token| {
        !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && !b"\"\\".contains(&byte))
    })
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn query(change: &[(&str, &str)]) -> String {
        let mut parameters: BTreeMap<&str, &str> = [
            ("client_id", "page"),
            ("redirect_uri", "http://127.0.0.1:5173/back"),
            ("response_type", "code"),
            ("state", "s&1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
        .into();
        parameters.extend(change.iter().copied());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
    }

    fn refusal(change: &[(&str, &str)]) -> &'static str {
        match Request::read(&query(change)) {
            Ok(_) => "",
            Err(Refused::Page(_)) => "page",
            Err(Refused::Client { error, state, .. }) => {
                assert_eq!(state.as_deref(), Some("s&1"));
                error
            }
        }
    }

    #[test]
    fn what_is_asked_is_read() {
        let request = Request::read(&query(&[
            ("scope", "payments:write"),
            ("acr_values", "gold phr pwd"),
            ("max_age", "0"),
            ("authorization_expires_in", "90"),
            ("authorization_details", r#"[{"type":"payment","actions":["initiate"]}]"#),
            ("unknown", "x"),
        ]));
        let request = request.unwrap();
        assert_eq!((request.acr, request.max_age, request.lasts), ("phr", Some(0), 90));
        assert_eq!(
            (request.origin.as_str(), request.scope.as_deref()),
            ("http://127.0.0.1:5173", Some("payments:write"))
        );
        assert_eq!(request.details.unwrap()[0]["actions"][0], "initiate");
        let plain = Request::read(&query(&[("max_age", "")])).unwrap();
        assert_eq!((plain.acr, plain.max_age, plain.lasts, plain.details), ("pwd", None, AUTHORIZATION, None));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (name, value, wanted) in [
            ("client_id", "", "page"),
            ("client_id", "a\u{1}", "page"),
            ("redirect_uri", "", "page"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "", "invalid_request"),
            ("response_mode", "fragment", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("dpop_jkt", "short", "invalid_request"),
            ("scope", "a  b", "invalid_scope"),
            ("scope", "a\"b", "invalid_scope"),
            ("acr_values", "gold", "unmet_authentication_requirements"),
            ("max_age", "-1", "invalid_request"),
            ("max_age", "+1", "invalid_request"),
            ("authorization_expires_in", "0", "invalid_request"),
            ("authorization_expires_in", "2592001", "invalid_request"),
            ("authorization_details", "{}", "invalid_authorization_details"),
            ("authorization_details", "[]", "invalid_authorization_details"),
            ("authorization_details", r#"[{"type":"other"}]"#, "invalid_authorization_details"),
            ("authorization_details", r#"[{"type":"payment","type":"payment"}]"#, "invalid_authorization_details"),
        ] {
            assert_eq!(refusal(&[(name, value)]), wanted, "{name}={value}");
        }
        assert_eq!(refusal(&[("authorization_expires_in", "2592000"), ("dpop_jkt", CHALLENGE)]), "");
        assert!(matches!(Request::read(&(query(&[]) + "&client_id=other")), Err(Refused::Page(_))));
        assert!(matches!(Request::read(&"x".repeat(MAX_PARAMETERS + 1)), Err(Refused::Page(_))));
        let many: String = (0..=MAX_PARAMETER_COUNT).map(|number| format!("&p{number}=1")).collect();
        assert!(matches!(Request::read(&(query(&[]) + &many)), Err(Refused::Page(_))));
    }

    #[test]
    fn only_loopback_is_sent_a_code() {
        for (uri, wanted) in [
            ("http://127.0.0.1:5173/back?a=1", Some("http://127.0.0.1:5173")),
            ("http://localhost/", Some("http://localhost")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("http://[::1]:5173/", Some("http://[::1]:5173")),
            ("https://127.0.0.1/", None),
            ("http://evil.example/", None),
            ("http://127.0.0.1@evil.example/", None),
            ("http://user@127.0.0.1/", None),
            ("http://127.0.0.1/#x", None),
            ("http://127.0.0.1.evil.example/", None),
            ("http://localhost.evil.example/", None),
            ("http:\\\\127.0.0.1/", None),
            ("http://0x7f.1/", None),
            ("javascript:alert(1)", None),
            ("/back", None),
        ] {
            assert_eq!(loopback_origin(uri).as_deref(), wanted, "{uri}");
        }
    }
}
