//! Requests of proxies in HTTP: which door they come to, and what they speak of.

use axum::body::Body;
use http::request::Parts;
use http::{Method, Version};
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::{Door, PeerChain, described, envoy};
use crate::gate::{Asserter, Header, Request};
use crate::gateway::audit::Asked;
use crate::gateway::verdict::names;

impl Door {
    /// Answers a proxy. Everything that is no check is a denial.
    pub(crate) async fn answer(self: &std::sync::Arc<Self>, request: http::Request<Incoming>) -> Answer {
        if let Some(tokens) = &self.tokens {
            return tokens.answer(self, request).await;
        }
        if self.listener.tokens {
            return answer::no_check("tokens are handed out here, and the policy has no token service");
        }
        if let Some(transactions) = &self.transactions {
            return transactions.answer(self, request).await;
        }
        if self.listener.transactions {
            return answer::no_check("Transaction Tokens are handed out here, and the policy has no service for them");
        }
        if let Some(ocm) = &self.ocm {
            return ocm.answer(self, request).await;
        }
        if self.listener.ocm {
            return answer::no_check("messages to Open Cloud Mesh are sent here, and the policy has no sharing server");
        }
        if self.listener.clients {
            return self.answer_server(request).await;
        }
        let path = request.uri().path();
        match self.listener.asserts {
            Some(Asserter::Envoy) if request.version() == Version::HTTP_2 => {
                envoy::grpc(std::sync::Arc::clone(self), request.map(Body::new)).await
            }
            Some(Asserter::Envoy) => {
                let (parts, _) = request.into_parts();
                let asked = self.itself(&parts);
                let verdict = self.judge_asked(asked.clone()).await;
                answer::envoy(&verdict, names(&asked.headers))
            }
            Some(Asserter::Nginx) if path == "/auth/nginx" => {
                let asked = self.about_another(&request.into_parts().0);
                answer::nginx(&self.judge_asked(asked).await)
            }
            Some(Asserter::Nginx) => answer::no_check("nginx asks at /auth/nginx"),
            Some(Asserter::Traefik | Asserter::Caddy) if path == "/auth/forward" => {
                let asked = self.about_another(&request.into_parts().0);
                answer::forward(&self.judge_asked(asked).await)
            }
            Some(Asserter::Traefik | Asserter::Caddy) => answer::no_check("the proxy asks at /auth/forward"),
            None if path == "/check" && request.method() == Method::POST => described::answer(self, request).await,
            None => match self.metadata(&request) {
                Some(metadata) => metadata,
                None => {
                    answer::no_check("ask with POST /check, or declare the proxy that asks with asserts in the policy")
                }
            },
        }
    }

    pub(crate) async fn judge_asked(&self, request: Request) -> crate::gateway::verdict::Verdict {
        let asked = Asked::of(&request, self.listener.asserts);
        self.judge(request, asked).await
    }

    /// A request that is itself what is asked about.
    pub(crate) fn itself(&self, parts: &Parts) -> Request {
        let mut hosts = parts.headers.get_all(http::header::HOST).iter();
        // One that is repeated names nobody (RFC 9112 section 3.2).
        // HTTP/2 has the authority in a field of its own (RFC 9113 section 8.3.1), where the library puts it into the URI.
        let authority =
            parts.uri.authority().filter(|_| parts.version == Version::HTTP_2).map(|one| one.as_str().as_bytes());
        let host = match (authority, hosts.next(), hosts.next()) {
            (None, Some(host), None) => host.as_bytes(),
            (Some(authority), None, _) => authority,
            (Some(authority), Some(host), None) if host.as_bytes() == authority => authority,
            _ => b"",
        };
        let host = String::from_utf8_lossy(host);
        let path = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        // The absolute form, `*` and an authority alone stand as they are: the gate knows what to make of them.
        let absolute = parts.uri.scheme().is_some() || parts.uri.authority().is_some();
        let origin_form = (authority.is_some() || !absolute) && path.starts_with('/');
        Request {
            method: parts.method.as_str().into(),
            url: format!("{}://{host}{}", self.scheme(), if origin_form { path } else { "/" }),
            target: (!origin_form).then(|| parts.uri.to_string()),
            headers: headers(parts),
            listener: self.name(),
            certificate: PeerChain::of(&parts.extensions),
            ..Request::default()
        }
    }

    /// A request about another one, which is told in header fields that the gate reads.
    fn about_another(&self, parts: &Parts) -> Request {
        Request { url: format!("{}://{}/", self.scheme(), self.listener.name), ..self.itself(parts) }
    }
}

/// Header fields as they came, repeats included.
pub(super) fn headers(parts: &Parts) -> Vec<Header> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| Header {
        name: name.as_str().into(),
        value: value.as_bytes().to_vec(),
    };
    parts.headers.iter().map(field).collect()
}
