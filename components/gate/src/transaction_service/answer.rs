//! What a workload is told that gets no Transaction Token (RFC 6749 section 5.2, RFC 8693 section 2.2.2).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_oauth::transaction_token::answer;
use portcullis_scope::Need;
use portcullis_types::json::{self, Object, Value};

use crate::{
    answer::Answering,
    code::GateCode,
    decision::Decision,
    denial::{Denial, Fault},
    limits::RETRY_AFTER,
};

impl Answering<'_> {
    /// Sets status and headers of a denial, and gives the body. It says nothing of why: the code is for logs.
    pub(crate) fn refused_exchange(&self, denial: &Denial, decision: &mut Decision) -> String {
        let error = match &denial.fault {
            Fault::Absent(status) => {
                decision.status = *status;
                if *status == 405 {
                    decision.response_headers.push(("Allow".into(), "POST".into()));
                }
                "invalid_request"
            }
            // The workload itself. Whatever it tried, each way that is taken is told.
            Fault::Credential { .. } | Fault::Workload { .. } => {
                decision.status = 401;
                let challenges = self.challenges(&Need::Credential { scope: None }, None);
                let fields = challenges.into_iter().map(|challenge| ("WWW-Authenticate".to_string(), challenge));
                decision.response_headers.extend(fields);
                decision.response_headers.extend(self.signature_wanted());
                "invalid_client"
            }
            // It is known, and is not to have any.
            Fault::Forbidden => {
                decision.status = 400;
                "unauthorized_client"
            }
            Fault::Request if denial.rejection.is(GateCode::TransactionsScope) => {
                decision.status = 400;
                "invalid_scope"
            }
            Fault::Unknown => {
                decision.status = 503;
                decision.response_headers.push(("Retry-After".into(), RETRY_AFTER.to_string()));
                "temporarily_unavailable"
            }
            // The rest of them are those of requests that are judged by rules.
            _ => {
                let answer = answer::refused(&denial.rejection);
                decision.status = answer.status;
                answer.error
            }
        };
        let mut members: Vec<(String, Value)> = alloc::vec![("error".into(), error.into())];
        if self.policy.expose_full {
            members.push(("code".into(), denial.rejection.code().into()));
            members.push(("detail".into(), denial.rejection.detail().into()));
            members.push(("rule".into(), denial.rejection.rule().into()));
        }
        json::to_text(&Object::from_members(members))
    }
}
