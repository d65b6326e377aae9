//! What a requester is told that was refused (RFC 6749 section 5.2; draft-richer-oauth-tmb-claim-01 has no codes of its own).

use alloc::vec::Vec;

use portcullis_client::ErrorAnswer;
use portcullis_types::Rejection;

use super::BindingCode;

/// What the client of a refused token request is to be answered: `unauthorized_client` where it may not name keys,
/// `invalid_request` for a `tmb` that is wrong.
///
/// ```
/// use portcullis_oauth::key_binding::{self, BindingPolicy, TokenRequest};
///
/// let request = TokenRequest { client_id: "app", tmb: Some("{}"), proved: None };
/// let refused = key_binding::bind(&request, &BindingPolicy::off()).unwrap_err();
/// assert_eq!(key_binding::answer(&refused).error, "unauthorized_client");
/// ```
pub fn answer(refused: &Rejection) -> ErrorAnswer {
    let not_permitted = [BindingCode::DeferredNotPermitted, BindingCode::RequesterNotPermitted];
    let error = match not_permitted.into_iter().any(|code| refused.is(code)) {
        true => "unauthorized_client",
        false => "invalid_request",
    };
    ErrorAnswer { status: 400, error, headers: Vec::new() }
}
