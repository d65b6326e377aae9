//! What is asked of other servers, through the gateway: it looks up who they are, signs and sends.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::said::Said;

/// The gateway's listener for this server.
#[derive(Debug)]
pub(crate) struct Gateway {
    http: reqwest::Client,
    base: String,
}

/// Another server's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    #[serde(default)]
    body: String,
}

impl Reply {
    /// Its body, null where it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Gateway {
    pub(crate) fn new(http: reqwest::Client, address: std::net::SocketAddr) -> Self {
        Self { http, base: format!("http://{address}") }
    }

    /// What another server says of itself.
    pub(crate) async fn peer(&self, host: &str) -> Result<Value, Said> {
        let url = reqwest::Url::parse_with_params(&format!("{}/peer", self.base), [("host", host)]);
        let url = url.map_err(Said::failed)?;
        Ok(answered(self.http.get(url)).await?["discovery"].take())
    }

    /// Sends a request to another server, signed.
    pub(crate) async fn send(&self, to: &str, endpoint: &str, body: &Value) -> Result<Reply, Said> {
        let asked = json!({"to": to, "endpoint": endpoint, "body": body}).to_string();
        let request = self.http.post(format!("{}/send", self.base)).header("Content-Type", "application/json");
        serde_json::from_value(answered(request.body(asked)).await?).map_err(Said::failed)
    }

    /// The keys that this server publishes.
    pub(crate) async fn keys(&self) -> Result<Value, Said> {
        answered(self.http.get(format!("{}/jwks.json", self.base))).await
    }
}

/// What the gateway answers; where it refuses, that is what is said.
async fn answered(request: reqwest::RequestBuilder) -> Result<Value, Said> {
    let response = request.send().await.map_err(|error| Said::failed(error.without_url()))?;
    let status = response.status();
    let text = response.text().await.map_err(|error| Said::failed(error.without_url()))?;
    let told: Value = serde_json::from_str(&text).unwrap_or_default();
    if status == StatusCode::OK {
        return Ok(told);
    }
    let Some(code) = told["error"].as_str() else {
        return Err(Said::failed(format!("the gateway answers {status}")));
    };
    Err(Said::new(status, code, told["message"].as_str().unwrap_or_default()))
}
