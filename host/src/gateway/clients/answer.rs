//! Answers to the server of clients: what the gate says of its client, in HTTP.

use http::StatusCode;
use hyper::body::Incoming;

use crate::gate::ClientCertificate;
use crate::gateway::check::{Answer, Door, answered, put, text, whole_body};

use super::signed::{Signed, unsigned};

/// The longest description that is read, in bytes: one more than the gate reads, so that it says itself that there is more.
const MAX_DESCRIPTION: usize = (1 << 20) + 1;

/// What is told whose description does not come, or is far too long: a fault of the server's own, with nothing for its client.
const NOT_WHOLE: &str = r#"{"error":"invalid_request","code":"clients.description_malformed","detail":"it did not come whole, or has more than 1 MiB"}"#;

/// What is told where nobody decided: 503, for the server and for its client.
const NOBODY: &str = concat!(
    r#"{"error":"temporarily_unavailable","status":503,"#,
    r#""headers":[["Retry-After","5"],["Content-Type","application/json"],["Cache-Control","no-store"]],"#,
    r#""body":"{\"error\":\"temporarily_unavailable\"}","code":""#,
);

impl Door {
    /// Answers the server of clients.
    pub(crate) async fn answer_server(&self, request: http::Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let Some(body) = whole_body(body, MAX_DESCRIPTION).await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, NOT_WHOLE.into());
        };
        let mut asked = self.itself(&parts);
        asked.body = Some(body.to_vec());
        // The server's own: what its client presented stands in the description.
        asked.certificate = ClientCertificate::None;
        let signing = match Signed::wanted(self, &asked).await {
            Ok(signing) => signing,
            Err(refused) => return refused,
        };
        let verdict = self.judge_asked(asked).await;
        let (mut answer, body) = match &verdict.decision.body {
            // Nobody decided: the gateway's own 503 is for proxies, and servers read another form.
            _ if verdict.decision.findings.is_empty() && !verdict.allows() => {
                let body = format!("{NOBODY}{}\"}}", verdict.code);
                (text(StatusCode::SERVICE_UNAVAILABLE, body.clone()), body)
            }
            Some(body) => (answered(&verdict, body.clone()), body.clone()),
            None => {
                let body = format!("{NOBODY}gateway.no_answer\"}}");
                (text(StatusCode::SERVICE_UNAVAILABLE, body.clone()), body)
            }
        };
        let Some(signed) = signing else { return answer };
        let to_sign = unsigned(&answer, body);
        match signed.fields(self, to_sign).await {
            Ok(fields) => {
                put(&mut answer, &fields);
                answer
            }
            Err(refused) => refused,
        }
    }
}
