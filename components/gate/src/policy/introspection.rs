//! Opaque tokens of an issuer, about which its introspection endpoint is asked (RFC 7662).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_token::jwt::Expectations;
use portcullis_types::limits::excerpt;

use super::{
    Path, Policy, PolicyError,
    code::PolicyCode,
    limits::MAX_INTROSPECTION_CACHE,
    members::{optional, required},
    reader::Reader,
    shape::{Kind, Shape},
};
use crate::{
    documents::EndpointCredential,
    origin::{Class, admit},
};

/// How long an answer is relied upon where a policy says nothing, in seconds: a revoked token is refused within that time
/// (RFC 7662 section 4).
const DEFAULT_CACHE: u64 = 30;

/// Introspection of an issuer's opaque tokens.
pub static INTROSPECTION: Shape = Shape {
    title: "introspection",
    doc: "An introspection endpoint (RFC 7662), which is asked about tokens that are no JWTs (`docs/introspection.md`). One issuer of a \
          policy may have one, because an opaque token does not say whose it is.",
    members: &[
        required(
            "url",
            Kind::Text,
            "The endpoint: an https URL, or http on loopback. It is asked with POST, and no redirect of it is followed.",
            "introspection = { url = \"https://idp.example/introspect\", client_id = \"api\", secret = \"file:/run/secrets/introspection\" }",
        ),
        optional(
            "client_id",
            Kind::Text,
            "",
            "With `secret`: as which client the endpoint is asked (HTTP Basic, RFC 6749 section 2.3.1).",
            "introspection = { url = \"https://idp.example/introspect\", client_id = \"api\", secret = \"file:/run/secrets/introspection\" }",
        ),
        optional(
            "secret",
            Kind::Text,
            "",
            "The file of the client's secret: `file:` and a path. The gateway reads it each time that it asks, so a new secret needs no \
             restart. A secret never stands in the policy itself.",
            "introspection = { url = \"https://idp.example/introspect\", client_id = \"api\", secret = \"file:/run/secrets/introspection\" }",
        ),
        optional(
            "bearer",
            Kind::Text,
            "",
            "In place of `client_id` and `secret`: the file of a token that authorizes to ask (RFC 6750).",
            "introspection = { url = \"https://idp.example/introspect\", bearer = \"file:/run/secrets/introspection\" }",
        ),
        optional(
            "cache",
            Kind::Duration(0, MAX_INTROSPECTION_CACHE),
            "\"30s\"",
            "For how long an answer is relied upon, and never past the token's `exp`: a token that was revoked is refused after this time. \
             `0` asks for every request.",
            "introspection = { url = \"https://idp.example/introspect\", bearer = \"file:/run/secrets/introspection\", cache = \"5s\" }",
        ),
        optional(
            "audience",
            Kind::OneOf(&["required", "if_present"]),
            "\"required\"",
            "Whether an answer has to say for whom the token is (`aud`). `if_present` is for servers that never say it and that call a token \
             active only for those it is for: an `aud` that is there has to name this service all the same.",
            "introspection = { url = \"https://idp.example/introspect\", bearer = \"file:/run/secrets/introspection\", audience = \"if_present\" }",
        ),
    ],
};

/// Introspection of an issuer's opaque tokens.
#[derive(Debug, Clone)]
pub struct Introspection {
    /// The endpoint.
    pub url: String,
    /// As whom it is asked.
    pub credential: EndpointCredential,
    /// For how many seconds an answer is relied upon.
    pub cache: u64,
    /// What the claims of an answer have to be.
    pub expect: Expectations,
    /// Whether an answer has to name its audience.
    pub audience_required: bool,
}

/// Reads an issuer's member. `expect` is what its JWTs have to be.
pub(super) fn introspection(
    issuer: &Reader<'_>,
    expect: &Expectations,
    errors: &mut Vec<PolicyError>,
) -> Option<Introspection> {
    let entry = issuer.object("introspection")?;
    let before = errors.len();
    let url = entry.text("url").and_then(|text| endpoint(text, entry.at("url"), errors));
    let credential = credential(&entry, errors);
    let required_claims = issuer.strings("required_claims").unwrap_or_default();
    (errors.len() == before).then_some(())?;
    Some(Introspection {
        url: url?,
        credential: credential?,
        cache: entry.duration("cache").unwrap_or(DEFAULT_CACHE),
        // What the profiles of JWTs demand beside these is said of JWTs alone.
        expect: Expectations { required_claims, ..at_most_claims(expect) },
        audience_required: entry.text("audience") != Some("if_present"),
    })
}

/// Of what is expected of JWTs, what concerns claims.
fn at_most_claims(expect: &Expectations) -> Expectations {
    Expectations {
        issuer: expect.issuer.clone(),
        audience: expect.audience.clone(),
        leeway: expect.leeway,
        max_age: expect.max_age,
        ..Expectations::default()
    }
}

/// The endpoint is a server: https, or http on loopback.
fn endpoint(url: &str, path: Path, errors: &mut Vec<PolicyError>) -> Option<String> {
    let Err(rejection) = admit(url, Class::Policy, &[]) else { return Some(url.into()) };
    // A user name comes with a password, which is not told.
    let detail = match rejection.detail().strip_prefix(excerpt(url).as_str()) {
        _ if !url.contains("://") => "it is no URL".into(),
        Some(why) if url.contains('@') => format!("the URL{why}"),
        _ => rejection.detail().to_string(),
    };
    let remedy = "write the https URL of the endpoint, which the server's metadata have as introspection_endpoint";
    errors.push(PolicyError::new(PolicyCode::UrlMalformed, path, detail, remedy));
    None
}

/// A client and its secret, or a token; either in a file. What stands in place of a file's name may be the secret, and is not
/// told.
fn credential(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<EndpointCredential> {
    let mut wrong = |path: Path, detail: &str, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::IntrospectionCredential, path, detail, remedy));
    };
    for name in ["secret", "bearer"] {
        let named = |file: &str| file.strip_prefix("file:").is_some_and(|path| !path.is_empty());
        if entry.text(name).is_some_and(|file| !named(file)) {
            let detail = "it names no file, and a secret has no place in a policy";
            wrong(
                entry.at(name),
                detail,
                "put it into a file that the gateway alone can read, and write \"file:\" and its path",
            );
            return None;
        }
    }
    match (entry.text("client_id"), entry.text("secret"), entry.text("bearer")) {
        (Some(client_id), Some(secret), None) => {
            Some(EndpointCredential::Basic { client_id: client_id.into(), secret: secret.into() })
        }
        (None, None, Some(file)) => Some(EndpointCredential::Bearer(file.into())),
        _ => {
            let detail = "it does not say in one way as whom the endpoint is asked (RFC 7662 section 2.1)";
            let remedy = "write client_id and secret, or bearer";
            wrong(entry.path.clone(), detail, remedy);
            None
        }
    }
}

/// An opaque token does not say whose it is, so one entry alone may have it introspected; and at registries none is.
pub(super) fn only_one(top: &Reader<'_>, errors: &mut Vec<PolicyError>) {
    let mut with =
        top.objects("issuers").into_iter().filter(|issuer| issuer.value("introspection").is_some()).peekable();
    if let (Some(issuer), true) = (with.peek(), top.value("registry").is_some()) {
        errors.push(PolicyError::new(
            PolicyCode::IntrospectionAbsent,
            issuer.at("introspection"),
            "no opaque token counts at a registry or its token service",
            "keep [registry] in a policy of its own",
        ));
    }
    let first = with.next().and_then(|issuer| issuer.text("name")).unwrap_or_default();
    for issuer in with {
        errors.push(PolicyError::new(
            PolicyCode::IntrospectionSeveral,
            issuer.at("introspection"),
            format!("{} has one already, and an opaque token does not say which of the two to ask", excerpt(first)),
            "keep one, or put the issuers behind origins of their own with a policy for each",
        ));
    }
}

impl Policy {
    /// The issuer whose endpoint is asked about opaque tokens, by its number.
    pub(crate) fn introspecting(&self) -> Option<(usize, &Introspection)> {
        let mut issuers = self.issuers.iter().enumerate();
        issuers.find_map(|(number, issuer)| Some((number, issuer.introspection.as_ref()?)))
    }

    /// Where a host that can ask no endpoint is to ask one.
    pub fn introspection_absent(&self, detail: &str, remedy: &str) -> Option<PolicyError> {
        let (number, _) = self.introspecting()?;
        let path = Path::default().member("issuers").item(number).member("introspection");
        Some(PolicyError::new(PolicyCode::IntrospectionAbsent, path, detail, remedy))
    }
}
