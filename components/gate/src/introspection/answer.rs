//! What an introspection endpoint answers (RFC 7662 section 2.2).

use alloc::{boxed::Box, format};

use portcullis_token::claims::Claims;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
};

use crate::{code::GateCode, documents::Content};

/// What is said of a token.
pub(super) enum Said {
    /// It is active, and these are its claims.
    Active {
        claims: Box<Claims>,
        /// The length of the answer, in bytes.
        length: usize,
    },
    /// It is not.
    Inactive,
}

/// Members that RFC 7662 section 2.2 says are texts, beside those that are claims of a JWT.
const TEXTS: &[&str] = &["scope", "client_id", "username", "token_type"];

/// Reads an answer, in the order of the text. What is wrong with it is never the client's fault.
///
/// Errors: `introspection.unavailable`, `introspection.unauthorized`, `introspection.malformed`.
pub(super) fn read(content: &Content, most: usize) -> Result<Said, Rejection> {
    let malformed = |why: &str| Rejection::new(GateCode::IntrospectionMalformed, why);
    let within = |rejection: Rejection| malformed(&format!("{}: {}", rejection.code(), rejection.detail()));
    // Section 2.3: 401 where it does not accept who asks. A server that says 403 means the same.
    if let Content::Body { status: status @ (401 | 403), .. } = content {
        let what = format!("it answers with {status} to the credential of this service");
        return Err(Rejection::new(GateCode::IntrospectionUnauthorized, what));
    }
    let body = content.body(most).map_err(|rejection| {
        let why = format!("{}: {}", rejection.code(), rejection.detail());
        Rejection::new(GateCode::IntrospectionUnavailable, why)
    })?;
    // Section 2.2: a JSON object, in application/json. A JWT in its place (RFC 9701) is not read.
    if let Content::Body { media_type: Some(media_type), .. } = content
        && !media_type.eq_ignore_ascii_case("application/json")
    {
        return Err(malformed("the answer is not application/json"));
    }
    let members = json::parse_object(body).map_err(within)?;
    // active: REQUIRED.
    match members.get("active").map_err(within)? {
        Some(Value::Bool(true)) => {}
        // Further members of such an answer say nothing.
        Some(Value::Bool(false)) => return Ok(Said::Inactive),
        Some(other) => return Err(malformed(&format!("active is {}", other.kind()))),
        None => return Err(malformed("there is no active")),
    }
    // scope, client_id, username, token_type: OPTIONAL, of their types.
    for name in TEXTS.iter().copied() {
        match members.get(name).map_err(within)? {
            None | Some(Value::String(_)) => {}
            Some(other) => return Err(malformed(&format!("{name} is {}", other.kind()))),
        }
    }
    // exp, iat, nbf, sub, aud, iss, jti: OPTIONAL, as RFC 7519 defines them.
    let claims = Claims::from_members(members).map_err(within)?;
    // RFC 9449 section 6.2: the token_type of a token that is bound to a key is DPoP.
    let is_bound =
        matches!(claims.members.get("cnf"), Ok(Some(Value::Object(cnf))) if !matches!(cnf.get("jkt"), Ok(None)));
    if is_bound && text(&claims.members, "token_type").is_some_and(|named| !named.eq_ignore_ascii_case("dpop")) {
        return Err(malformed("the token is bound to a key, and its token_type is not DPoP"));
    }
    Ok(Said::Active { claims: Box::new(claims), length: body.len() })
}

/// Whether a token of this type comes with the scheme that it came with, where its type is told (RFC 7662 section 2.2: as in
/// RFC 6749 section 5.1, without case).
///
/// Errors: `introspection.token_type`, `proof.scheme_bearer`.
pub(super) fn token_type(members: &Object, is_dpop: bool) -> Result<(), Rejection> {
    let scheme = if is_dpop { "DPoP" } else { "Bearer" };
    match text(members, "token_type") {
        None => Ok(()),
        Some(named) if named.eq_ignore_ascii_case(scheme) => Ok(()),
        Some(named) if named.eq_ignore_ascii_case("dpop") => {
            Err(Rejection::new(GateCode::ProofBearer, "the token is a DPoP token and was sent as Bearer"))
        }
        Some(_) => Err(Rejection::new(GateCode::IntrospectionTokenType, format!("its type does not come as {scheme}"))),
    }
}

fn text<'o>(members: &'o Object, name: &str) -> Option<&'o str> {
    members.get(name).ok().flatten().and_then(Value::as_str)
}
