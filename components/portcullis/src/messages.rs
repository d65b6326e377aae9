//! The messages of `portcullis:signature/http-signature`, lent as the crates want them.

use portcullis_signature as signature;

use crate::bindings::exports::portcullis::{
    signature::http_signature::{Message, Request, Response},
    types::types::Header,
};

pub(crate) fn with_message<R>(message: &Message, use_it: impl FnOnce(&signature::Message<'_>) -> R) -> R {
    match message {
        Message::Request(request) => with_request(request, |request| use_it(&signature::Message::Request(request))),
        Message::Response(response) => {
            with_response(response, |response| use_it(&signature::Message::Response(response)))
        }
    }
}

pub(crate) fn with_request<R>(request: &Request, use_it: impl FnOnce(&signature::Request<'_>) -> R) -> R {
    let (headers, trailers) = (fields(&request.headers), fields(&request.trailers));
    use_it(&signature::Request {
        method: &request.method,
        url: &request.url,
        target: request.target.as_deref(),
        fields: &headers,
        trailers: &trailers,
        body: request.body.as_deref(),
    })
}

pub(crate) fn with_response<R>(response: &Response, use_it: impl FnOnce(&signature::Response<'_>) -> R) -> R {
    let (headers, trailers) = (fields(&response.headers), fields(&response.trailers));
    let with = |request: Option<&signature::Request<'_>>| {
        use_it(&signature::Response {
            status: response.status,
            fields: &headers,
            trailers: &trailers,
            body: response.body.as_deref(),
            request,
        })
    };
    match &response.related_request {
        None => with(None),
        Some(request) => with_request(request, |request| with(Some(request))),
    }
}

pub(crate) fn fields(headers: &[Header]) -> Vec<signature::Field<'_>> {
    headers.iter().map(|header| signature::Field { name: &header.name, value: &header.value }).collect()
}
