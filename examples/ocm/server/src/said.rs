//! What is answered where something does not go.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::decisions::Refused;

/// An answer that says why not: a status, a code and a message, none of which holds a secret.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) error: String,
    pub(crate) message: String,
}

impl Said {
    pub(crate) fn new(status: StatusCode, error: &str, message: impl Into<String>) -> Self {
        Self { status, error: error.into(), message: message.into() }
    }

    /// What is asked for is not here.
    pub(crate) fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "server.missing", format!("there is no such {what}"))
    }

    /// The request is none.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "server.malformed", what)
    }

    /// This server has failed, which is nobody's fault who asks.
    pub(crate) fn failed(what: impl std::fmt::Display) -> Self {
        eprintln!("failed: {what}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server.failed", "the server cannot tell")
    }

    /// A decision, with its own status or else with this one.
    pub(crate) fn refused(refused: Refused, status: StatusCode) -> Self {
        match refused {
            Refused::No { code, detail, status: own, .. } => {
                let status = own.and_then(|own| StatusCode::from_u16(own).ok()).unwrap_or(status);
                Self::new(status, &code, detail)
            }
            Refused::Unknown(why) => Self::failed(why),
        }
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.error, "message": self.message}))).into_response()
    }
}
