//! What another server is told whose request is refused, and what the sharing server itself is.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_ocm::{endpoint, share_status};
use portcullis_types::json::{self, Object, Value};

use super::{Speaking, egress::allowed};
use crate::{
    answer::UNKNOWN_BODY,
    decision::Decision,
    denial::{Denial, Fault},
    limits::RETRY_AFTER,
    request::Request,
};

/// Sets status and headers of a denial, and gives the body.
pub(crate) fn told(
    speaking: Speaking,
    request: &Request,
    full: bool,
    denial: &Denial,
    decision: &mut Decision,
) -> String {
    let mut members: Vec<(String, Value)> = Vec::new();
    let mut error = None;
    decision.status = match (&denial.fault, speaking) {
        (Fault::Unknown, _) => 503,
        (Fault::Absent(status), _) => *status,
        (_, Speaking::Peer { endpoint: Some(at), .. }) => {
            let (status, oauth) = endpoint::refused(at, &denial.rejection);
            error = oauth;
            status
        }
        (_, Speaking::Peer { endpoint: None, .. }) => 400,
        // Whom it may not speak with is no mistake in what it wrote.
        (_, Speaking::Own) => match share_status(&denial.rejection) {
            403 => 403,
            _ => 400,
        },
    };
    match decision.status {
        405 => {
            let method = if speaking == Speaking::Own { allowed(request) } else { "POST" };
            decision.response_headers.push(("Allow".into(), method.into()));
        }
        503 => {
            decision.response_headers.push(("Retry-After".into(), RETRY_AFTER.to_string()));
            if speaking != Speaking::Own && !full {
                return UNKNOWN_BODY.into();
            }
        }
        _ => {}
    }
    let (code, detail) = (denial.rejection.code(), denial.rejection.detail());
    match speaking {
        Speaking::Own => {
            decision.upstream_strip = Vec::new();
            members = vec![("error".into(), code.into()), ("message".into(), detail.into())];
        }
        Speaking::Peer { verified, .. } => {
            // Before it is known whom a request is from, codes tell of its form alone.
            let of_form = matches!(decision.status, 404 | 405 | 501)
                || (decision.status == 400 && error.is_none_or(|error| error != "invalid_client"));
            members.extend(error.map(|error| ("error".into(), error.into())));
            // The specification's own form of an error (`message`), which token requests have not.
            let message = match decision.status {
                401 => "the request is not authenticated",
                403 => "the request is not accepted from this server",
                _ => "the request is refused",
            };
            if error.is_none() {
                members.push(("message".into(), message.into()));
            }
            if verified || of_form || full {
                members.push(("code".into(), code.into()));
            }
            if full {
                members.push(("detail".into(), detail.into()));
                members.push(("rule".into(), denial.rejection.rule().into()));
            }
        }
    }
    json::to_text(&Object::from_members(members))
}
