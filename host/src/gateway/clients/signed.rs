//! Answers that a server of clients wants signed (draft-ietf-wimse-http-signature-07): the gate says what, the gateway's own key
//! signs.

use http::StatusCode;

use crate::gate::{AnswerToSign, Field, ReadyAnswer, Request};
use crate::gateway::check::{Answer, Door, text};
use crate::gateway::identity::Signing;

/// The code that says that there is no identity here.
const UNSIGNABLE: &str = "wimse.response_unsignable";

/// What is told where a question wants a signed answer, and nobody could make one.
const FAILED: &str =
    r#"{"error":"temporarily_unavailable","code":"gateway.no_answer","detail":"the answer could not be signed"}"#;

/// An answer as the gate is told of it, before it is signed.
pub(super) fn unsigned(answer: &Answer, body: String) -> AnswerToSign {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        Field { name: name.as_str().into(), value }
    };
    let headers = answer.headers().iter().map(field).collect();
    AnswerToSign { status: answer.status().as_u16(), headers, body: body.into_bytes() }
}

/// A question that wants a signed answer.
pub(super) struct Signed {
    question: Request,
    signing: Option<Signing>,
}

impl Signed {
    /// Whether a question wants a signed answer, before anything is made of it: one that cannot have it, or that somebody has changed
    /// on its way, is refused.
    pub(super) async fn wanted(door: &Door, question: &Request) -> Result<Option<Self>, Answer> {
        // What has neither field asks for nothing, and its body need not be copied.
        let is_one = |name: &str| ["signature", "signature-input"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if !question.headers.iter().any(|field| is_one(&field.name)) {
            return Ok(None);
        }
        let signing = door.identity.as_ref().and_then(|identity| identity.current());
        let signed = Self { question: question.clone(), signing };
        let empty = AnswerToSign { status: StatusCode::OK.as_u16(), headers: Vec::new(), body: Vec::new() };
        Ok(signed.ready(door, &empty).await?.is_some().then_some(signed))
    }

    /// The header fields to add to the answer.
    pub(super) async fn fields(&self, door: &Door, answer: AnswerToSign) -> Result<Vec<Field>, Answer> {
        let ready = self.ready(door, &answer).await?;
        let finished = self.signing.as_ref().zip(ready).map(|(signing, ready)| signing.finish(ready));
        match finished {
            Some(Ok(fields)) => Ok(fields),
            None => Err(text(StatusCode::SERVICE_UNAVAILABLE, FAILED.into())),
            Some(Err(error)) => {
                tracing::error!(%error, "an answer could not be signed");
                Err(text(StatusCode::SERVICE_UNAVAILABLE, FAILED.into()))
            }
        }
    }

    async fn ready(&self, door: &Door, answer: &AnswerToSign) -> Result<Option<ReadyAnswer>, Answer> {
        let own = self.signing.as_ref().map(|signing| &signing.own);
        match door.engine.prepare_answer(&self.question, answer, own).await {
            Ok(Ok(ready)) => Ok(ready),
            Ok(Err(rejection)) => {
                let unsignable = rejection.code == UNSIGNABLE;
                let status = if unsignable { StatusCode::NOT_IMPLEMENTED } else { StatusCode::BAD_REQUEST };
                let told = serde_json::json!({
                    "error": "invalid_request", "code": rejection.code, "detail": rejection.detail
                });
                Err(text(status, told.to_string()))
            }
            Err(unknown) => {
                tracing::error!(code = unknown.code(), why = %unknown, "an answer could not be made ready to be signed");
                Err(text(StatusCode::SERVICE_UNAVAILABLE, FAILED.into()))
            }
        }
    }
}
