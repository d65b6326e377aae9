//! What the server of clients is told: who a client is, or what to answer it.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_client::ErrorAnswer;
use portcullis_types::{
    base64url,
    json::{self, Object, Value},
};

use super::{ClientAnswer, RegistrationOutcome};
use crate::{
    decision::Decision,
    denial::{Denial, Fault},
    limits::RETRY_AFTER,
};

/// The paths that are answered.
pub(super) const PATHS: [&str; 7] =
    ["/authenticate", "/challenge", "/redirect", "/pushed", "/pushed/authorization", "/pushed/token", "/bind"];

type Members = Vec<(String, Value)>;

/// Header fields, as pairs.
pub(super) fn fields<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Value {
    Value::Array(fields.map(|(name, value)| Value::Array(vec![name.into(), value.into()])).collect())
}

/// Who a client is. `headers` are to be added to what its server answers it.
pub(super) fn client(client: &ClientAnswer, headers: &[(&str, &str)]) -> String {
    let mut members: Members = vec![
        ("client_id".into(), client.client_id.as_str().into()),
        ("method".into(), client.method.into()),
        ("new".into(), client.new.into()),
    ];
    members.extend(client.spiffe_id.as_ref().map(|id| ("spiffe_id".to_string(), id.as_str().into())));
    members.extend(client.key.map(|key| ("jkt".to_string(), base64url::encode(&key).into())));
    if let Some(registration) = &client.registration {
        let mut own: Members = vec![("outcome".into(), registration.outcome.name().into())];
        // It was made by this library, so it reads.
        let record = json::parse(registration.record.as_bytes()).unwrap_or(Value::Null);
        own.push(("record".into(), record));
        members.push(("registration".into(), Value::Object(Object::from_members(own))));
    }
    if !headers.is_empty() {
        members.push(("headers".into(), fields(headers.iter().copied())));
    }
    json::to_text(&Object::from_members(members))
}

/// Sets the status of a denial, and gives the body: what the client is to be told, and why for its server. A fault of the
/// server's own has nothing for the client.
pub(crate) fn told(denial: &Denial, decision: &mut Decision) -> String {
    let unknown = || ErrorAnswer {
        status: 503,
        error: "temporarily_unavailable",
        headers: vec![("Retry-After", RETRY_AFTER.to_string())],
    };
    let (error, answer) = match &denial.fault {
        Fault::Client(answer) => (answer.error, Some(ErrorAnswer::clone(answer))),
        Fault::Unknown => ("temporarily_unavailable", Some(unknown())),
        Fault::Absent(status) => {
            decision.status = *status;
            if *status == 405 {
                decision.response_headers.push(("Allow".into(), "POST".into()));
            }
            ("invalid_request", None)
        }
        _ => {
            decision.status = 400;
            ("invalid_request", None)
        }
    };
    let mut members: Members = vec![("error".into(), error.into())];
    if let Some(answer) = answer {
        decision.status = answer.status;
        if answer.status == 503 {
            decision.response_headers.push(("Retry-After".into(), RETRY_AFTER.to_string()));
        }
        let own = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
        let all = answer.headers.iter().map(|(name, value)| (*name, value.as_str())).chain(own);
        members.push(("status".into(), u64::from(answer.status).into()));
        members.push(("headers".into(), fields(all)));
        members.push(("body".into(), answer.body().into()));
    }
    members.push(("code".into(), denial.rejection.code().into()));
    members.push(("detail".into(), denial.rejection.detail().into()));
    json::to_text(&Object::from_members(members))
}

impl RegistrationOutcome {
    /// Whether it made somebody a client.
    pub(super) fn is_new(self) -> bool {
        self == Self::Registered
    }
}
