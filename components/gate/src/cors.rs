//! Pages of other origins (Fetch Standard, CORS protocol).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::Rejection;

use crate::{
    code::GateCode,
    policy::Cors,
    request::{Header, Judged, values},
};

/// Headers that a page may read of an answer: those that say what to do about a denial.
const EXPOSED: &str = "WWW-Authenticate, DPoP-Nonce";

/// The same where proofs of attestations carry challenges.
const EXPOSED_CHALLENGE: &str = "WWW-Authenticate, DPoP-Nonce, OAuth-Client-Attestation-Challenge";

/// A preflight is answered here and goes no further; nothing else is looked at for it.
///
/// Errors: `cors.preflight` for one that is answered, `cors.origin_not_allowed`.
pub(crate) fn preflight(judged: &Judged<'_>, cors: &Cors) -> Result<(), Rejection> {
    let asks = values(judged.headers, "access-control-request-method").next().is_some();
    if judged.method != "OPTIONS" || !asks || values(judged.headers, "origin").next().is_none() {
        return Ok(());
    }
    Err(match page(judged.headers, cors) {
        Some(_) => Rejection::new(GateCode::CorsPreflight, "the preflight of a page that may call"),
        None => Rejection::new(GateCode::CorsOriginNotAllowed, "the preflight of a page that is not listed"),
    })
}

/// Header fields for the answer to a page's request that is no preflight.
pub(crate) fn exposing(headers: &[Header], cors: &Cors, challenges: bool) -> Vec<(String, String)> {
    let mut fields = answer(headers, cors, false);
    if challenges {
        let exposed = fields.iter_mut().find(|(name, _)| name == "Access-Control-Expose-Headers");
        exposed.into_iter().for_each(|(_, value)| *value = EXPOSED_CHALLENGE.into());
    }
    fields
}

/// The page's origin, if it may call.
fn page<'c>(headers: &[Header], cors: &'c Cors) -> Option<&'c str> {
    let mut origins = values(headers, "origin");
    let origin = core::str::from_utf8(origins.next()?).ok()?;
    if origins.next().is_some() {
        return None;
    }
    cors.origins.iter().map(crate::origin::Origin::as_str).find(|known| *known == origin)
}

/// Header fields for the answer to a page: of a preflight, or of any other request.
pub(crate) fn answer(headers: &[Header], cors: &Cors, is_preflight: bool) -> Vec<(String, String)> {
    let mut fields = alloc::vec![("Vary".to_string(), "Origin".to_string())];
    let Some(origin) = page(headers, cors) else { return fields };
    let mut put = |name: &str, value: String| fields.push((name.into(), value));
    put("Access-Control-Allow-Origin", origin.into());
    if cors.credentials {
        put("Access-Control-Allow-Credentials", "true".into());
    }
    if is_preflight {
        put("Access-Control-Allow-Methods", cors.methods.join(", "));
        put("Access-Control-Allow-Headers", cors.headers.join(", "));
        put("Access-Control-Max-Age", cors.max_age.to_string());
    } else {
        put("Access-Control-Expose-Headers", EXPOSED.into());
    }
    fields
}
