//! Envoy's `ext_authz` over gRPC (`envoy.service.auth.v3.Authorization`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderAppendAction,
    HeaderValue, HeaderValueOption, HttpResponse, HttpStatus, OkHttpResponse,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use envoy_types::pb::google::rpc;
use tower::ServiceExt as _;

use super::Door;
use super::answer::{self, Answer};
use crate::gate::{ClientCertificate, Field, Header, LeafCertificate, Request};
use crate::gateway::audit::Asked;
use crate::gateway::verdict::{Verdict, names};

/// The largest check that is read, in bytes: the header fields that the gate takes, some certificates, and room.
const MAX_MESSAGE: usize = 1 << 20;

/// The codes of `google.rpc.Code` that denials have.
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// The path of the one method.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

struct Service(Arc<Door>);

/// Answers a call, and denies what is none.
pub(super) async fn grpc(door: Arc<Door>, request: http::Request<Body>) -> Answer {
    let content_type = request.headers().get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let is_grpc = content_type.is_some_and(|value| value.starts_with(b"application/grpc"));
    if request.uri().path() != CHECK || request.method() != http::Method::POST || !is_grpc {
        return answer::no_check(
            "over HTTP/2 this listener has ext_authz over gRPC and nothing else; ask over HTTP/1.1",
        );
    }
    let service = AuthorizationServer::new(Service(door)).max_decoding_message_size(MAX_MESSAGE);
    match service.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let Some(request) = self.0.request(request.into_inner()) else {
            // Envoy takes an error for what its configuration says: deny, unless somebody changed that.
            return Err(tonic::Status::invalid_argument("the check has no attributes.request.http"));
        };
        let asked = Asked::of(&request, self.0.listener.asserts);
        let sent: Vec<Header> = request.headers.clone();
        let verdict = self.0.judge(request, asked).await;
        Ok(tonic::Response::new(response(&verdict, &sent)))
    }
}

impl Door {
    fn request(&self, check: CheckRequest) -> Option<Request> {
        let attributes = check.attributes?;
        let http = attributes.request?.http?;
        let certificate = attributes.source.map(|source| source.certificate).unwrap_or_default();
        let scheme = if http.scheme.is_empty() { self.scheme() } else { &http.scheme };
        let origin_form = http.path.starts_with('/');
        Some(Request {
            url: format!("{scheme}://{}{}", http.host, if origin_form { &http.path } else { "/" }),
            target: (!origin_form).then(|| http.path.clone()),
            certificate: self.certificate(&certificate),
            method: http.method.clone(),
            body: body(&http),
            headers: headers(http),
            listener: self.name(),
            ..Request::default()
        })
    }

    /// `source.certificate`: the leaf in PEM, percent-encoded. That it is presented does not say that it is validated, unless
    /// the policy says so of this listener.
    fn certificate(&self, text: &str) -> ClientCertificate {
        if text.is_empty() {
            return ClientCertificate::None;
        }
        let pem = percent_decoded(text);
        // What is no PEM is handed over as it is, and no certificate to the gate either.
        let der = pem_rfc7468::decode_vec(&pem).map(|(_, der)| der).unwrap_or(pem);
        ClientCertificate::Leaf(LeafCertificate { der, validated_for: self.listener.trust_proxy_validation.clone() })
    }
}

/// The body, where Envoy hands it over whole (`with_request_body`), or where there can be none: a length of nothing, or in HTTP/1 no
/// field that says that there is one (RFC 9112 section 6.3).
///
/// A client may send the field by which Envoy says that a body is whole, so that alone says nothing: only a body that is there is
/// one, and only where each such field says so.
fn body(http: &HttpRequest) -> Option<Vec<u8>> {
    let map = http.header_map.iter().flat_map(|map| &map.headers);
    let raw = map.map(|field| {
        let value = if field.raw_value.is_empty() { field.value.as_bytes() } else { &field.raw_value };
        (field.key.as_str(), value)
    });
    let fields: Vec<(&str, &[u8])> =
        http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).chain(raw).collect();
    let of = |name: &'static str| {
        fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    };
    let body = if http.raw_body.is_empty() { http.body.as_bytes() } else { &http.raw_body };
    if !body.is_empty() {
        let mut partial = of("x-envoy-auth-partial-body").peekable();
        let whole = partial.peek().is_some() && partial.all(|value| value == b"false");
        return whole.then(|| body.to_vec());
    }
    let mut lengths = of("content-length").peekable();
    let none = match lengths.peek() {
        Some(_) => lengths.all(|length| length == b"0"),
        None => http.protocol.starts_with("HTTP/1"),
    };
    (none && of("transfer-encoding").next().is_none()).then(Vec::new)
}

/// Percent-decoding (RFC 3986 section 2.1); `+` stays.
fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value =
            escape.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    decoded
}

/// Header fields, repeats included where Envoy is asked for them (`encode_raw_headers`). Without that it joins repeats with
/// commas, which the gate refuses where it matters.
fn headers(http: HttpRequest) -> Vec<Header> {
    let raw = http.header_map.map(|map| map.headers).unwrap_or_default();
    let fields: Vec<Header> = if raw.is_empty() {
        http.headers.into_iter().map(|(name, value)| Header { name, value: value.into_bytes() }).collect()
    } else {
        let value =
            |field: HeaderValue| if field.raw_value.is_empty() { field.value.into_bytes() } else { field.raw_value };
        raw.into_iter().map(|field| Header { name: field.key.clone(), value: value(field) }).collect()
    };
    // Pseudo-headers of HTTP/2 are told apart from header fields.
    fields.into_iter().filter(|field| !field.name.starts_with(':')).collect()
}

fn response(verdict: &Verdict, sent: &[Header]) -> CheckResponse {
    let decision = &verdict.decision;
    let (code, answer) = if verdict.allows() {
        let ok = OkHttpResponse {
            headers: options(&decision.upstream_set, HeaderAppendAction::OverwriteIfExistsOrAdd),
            headers_to_remove: verdict.to_remove(names(sent)),
            response_headers_to_add: options(&decision.response_headers, HeaderAppendAction::AppendIfExistsOrAdd),
            ..OkHttpResponse::default()
        };
        (0, HttpResponse::OkResponse(ok))
    } else {
        let code = match decision.status {
            401 => UNAUTHENTICATED,
            503 => UNAVAILABLE,
            _ => PERMISSION_DENIED,
        };
        let denied = DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(decision.status) }),
            headers: options(&decision.response_headers, HeaderAppendAction::AppendIfExistsOrAdd),
            body: decision.body.clone().unwrap_or_default(),
        };
        (code, HttpResponse::DeniedResponse(denied))
    };
    CheckResponse {
        status: Some(rpc::Status { code, ..rpc::Status::default() }),
        http_response: Some(answer),
        dynamic_metadata: Some(metadata(verdict)),
    }
}

fn options(fields: &[Field], action: HeaderAppendAction) -> Vec<HeaderValueOption> {
    let option = |field: &Field| HeaderValueOption {
        header: Some(HeaderValue { key: field.name.clone(), value: field.value.clone(), raw_value: Vec::new() }),
        append_action: action as i32,
        ..HeaderValueOption::default()
    };
    fields.iter().map(option).collect()
}

/// What Envoy's logs and other filters may know: who it is, which rule matched and why.
fn metadata(verdict: &Verdict) -> Struct {
    let decision = &verdict.decision;
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let mut fields = HashMap::from([("code".to_owned(), text(&verdict.code))]);
    let mut put = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), text(value));
        }
    };
    put("rule", decision.rule.as_ref());
    if let Some(principal) = &decision.principal {
        put("subject", principal.subject.as_ref());
        put("client", principal.client.as_ref());
        put("spiffe_id", principal.spiffe_id.as_ref());
        put("issuer", Some(&principal.issuer));
        put("scope", Some(&principal.scopes.join(" ")));
    }
    if decision.reported {
        fields.insert("reported".to_owned(), Value { kind: Some(Kind::BoolValue(true)) });
    }
    Struct { fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_only_where_it_can_be() {
        let told = |fields: &[(&str, &str)], protocol: &str, given: &str| {
            let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let (protocol, body_text) = (protocol.to_owned(), given.to_owned());
            body(&HttpRequest { headers, protocol, body: body_text, ..HttpRequest::default() })
        };
        let partial = "x-envoy-auth-partial-body";
        assert_eq!(told(&[], "HTTP/1.1", ""), Some(Vec::new()));
        assert_eq!(told(&[("content-length", "0")], "HTTP/2", ""), Some(Vec::new()));
        assert_eq!(told(&[(partial, "false"), ("content-length", "1")], "HTTP/1.1", "a"), Some(b"a".to_vec()));
        assert_eq!(told(&[(partial, "true"), ("content-length", "9")], "HTTP/1.1", "a"), None);
        assert_eq!(told(&[], "HTTP/2", ""), None, "nobody knows");
        // What a client may say for itself makes no body go away.
        assert_eq!(told(&[(partial, "false"), ("content-length", "1")], "HTTP/1.1", ""), None);
        assert_eq!(told(&[(partial, "false")], "HTTP/2", ""), None);
        assert_eq!(told(&[("transfer-encoding", "chunked")], "HTTP/1.1", ""), None);
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        assert_eq!(percent_decoded("-----BEGIN%20A%0A+%2B%zz%"), b"-----BEGIN A\n++%zz%");
    }
}
