//! Sending a message to a peer: what the operator's own server says, to a server that others named.

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderName, HeaderValue};
use url::Url;

use super::{Class, Fetcher, over_the_network, redirected};
use crate::gate::{Body, Header};

/// How long sending may take until the whole answer is here, waiting for a place included. Longer than a fetch: the peer stores what
/// it is sent, and may look at us before it answers.
const SEND_WITHIN: Duration = Duration::from_secs(15);

/// The longest answer that is read, in bytes. Answers hold a name or a token, and keys of SSH at most.
const MAX_ANSWER: u64 = 64 * 1024;

/// A message, complete and signed.
pub(crate) struct Message {
    /// An https URL at a DNS name, which the gate has admitted.
    pub(crate) url: String,
    /// Its header fields, those of the signature and the length among them.
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Vec<u8>,
}

/// What the peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) status: u16,
    /// The media type, in lower case and without parameters.
    pub(crate) content_type: Option<String>,
    pub(crate) body: String,
}

/// Why there is no answer. Nothing of the message, nor of what came, is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsent {
    /// There is no place: nothing was sent.
    #[error("{0}")]
    Busy(&'static str),
    /// The URL is none that is sent to: nothing was sent.
    #[error("{0}")]
    Url(String),
    /// Nobody answered, or not in time.
    #[error("{0}")]
    Unreachable(String),
    /// It redirects, and a message goes nowhere else.
    #[error("it redirects, and what was signed for it goes nowhere else")]
    Redirects,
    /// The answer is none that is read.
    #[error("{0}")]
    Answer(String),
}

impl Unsent {
    /// Its code in answers and logs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Busy(_) => "gateway.busy",
            Self::Url(_) => "fetch.url_not_allowed",
            Self::Unreachable(_) => "gateway.peer_unreachable",
            Self::Redirects => "gateway.peer_redirects",
            Self::Answer(_) => "gateway.peer_answer",
        }
    }
}

impl Fetcher {
    /// Posts a message. It is sent once: nobody knows what a peer made of one that was not answered.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn send(&self, message: Message) -> Result<Received, Unsent> {
        let whole = self.post(message);
        let late = || Unsent::Unreachable(format!("no whole answer came within {} seconds", SEND_WITHIN.as_secs()));
        tokio::time::timeout(SEND_WITHIN, whole).await.map_err(|_| late())?
    }

    async fn post(&self, message: Message) -> Result<Received, Unsent> {
        let url = Url::parse(&message.url).map_err(|error| Unsent::Url(format!("the URL is none: {error}")))?;
        // Pinned addresses are known to the operator, and the way there need not be: there are secrets in messages.
        if url.scheme() != "https" {
            return Err(Unsent::Url("the URL is not https".into()));
        }
        let client = self.client(Class::Peer, &url).map_err(Unsent::Url)?;
        let place = self.budgets.message(&url.origin().ascii_serialization()).await.map_err(Unsent::Busy)?;
        let mut request = client.post(url).timeout(SEND_WITHIN).header(ACCEPT, "application/json");
        for Header { name, value } in message.headers {
            let field = (HeaderName::try_from(name).ok()).zip(HeaderValue::try_from(value).ok());
            let (name, value) = field.ok_or_else(|| Unsent::Url("a header field cannot be sent".into()))?;
            request = request.header(name, value);
        }
        let answer = over_the_network(request.body(message.body), place).await.map_err(Unsent::Unreachable)?;
        if redirected(&answer.status, &answer.headers).is_some() {
            return Err(Unsent::Redirects);
        }
        let Body { status, media_type, bytes } = answer.take(MAX_ANSWER).await.map_err(Unsent::Answer)?;
        // The status counts, whatever else is wrong with an error page.
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Received { status, content_type: media_type, body })
    }
}

#[cfg(test)]
mod tests;
