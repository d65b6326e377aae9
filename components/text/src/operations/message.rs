//! The contract's `request` and `response` as messages that are lent to rules.

use alloc::{borrow::Cow, format, vec::Vec};

use portcullis_signature::{Field, Message, Request, Response};
use portcullis_types::{Rejection, json::Object};

use crate::members::{Members, malformed};

/// A member `request`, or one like it.
pub(crate) struct GivenRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    target: Option<&'a str>,
    content: Content<'a>,
    /// `form`: decoded parameters, where the operation knows them.
    pub(crate) form: Option<&'a Object>,
}

/// A member `response`.
pub(crate) struct GivenResponse<'a> {
    status: u16,
    content: Content<'a>,
}

/// What requests and responses have.
struct Content<'a> {
    fields: Vec<Field<'a>>,
    trailers: Vec<Field<'a>>,
    body: Option<Cow<'a, [u8]>>,
}

/// A message and what it answers, from the members `request`, or `response` with `related_request`.
pub(crate) enum GivenMessage<'a> {
    Request(GivenRequest<'a>),
    Response(GivenResponse<'a>, Option<GivenRequest<'a>>),
}

impl<'a> GivenRequest<'a> {
    /// Reads `{"method","url","headers","body"?,"target"?,"trailers"?}`; `place` says where it stands, for details.
    pub(crate) fn read(place: &'static str, object: &'a Object) -> Result<Self, Rejection> {
        Self::read_members(Members::new(place, object))
    }

    /// The same, with a member `form` beside the rest, if it is there.
    pub(crate) fn read_with_form(place: &'static str, object: &'a Object) -> Result<Self, Rejection> {
        let mut members = Members::new(place, object);
        let form = members.optional_object("form")?;
        Ok(Self { form, ..Self::read_members(members)? })
    }

    fn read_members(mut members: Members<'a>) -> Result<Self, Rejection> {
        let method = members.text("method")?;
        let url = members.text("url")?;
        let target = members.optional_text("target")?;
        let content = Content::read(&mut members)?;
        members.finish()?;
        Ok(Self { method, url, target, content, form: None })
    }

    /// The request as rules see it.
    pub(crate) fn lend(&self) -> Request<'_> {
        let Content { fields, trailers, body } = &self.content;
        Request { method: self.method, url: self.url, target: self.target, fields, trailers, body: body.as_deref() }
    }
}

impl<'a> GivenResponse<'a> {
    /// Reads `{"status","headers","body"?,"trailers"?}`.
    pub(crate) fn read(place: &'static str, object: &'a Object) -> Result<Self, Rejection> {
        let mut members = Members::new(place, object);
        let status = members.integer("status")?;
        let status = u16::try_from(status)
            .map_err(|_| malformed(format!("the status {status} of {place} is no status code")))?;
        let content = Content::read(&mut members)?;
        members.finish()?;
        Ok(Self { status, content })
    }

    /// The response as rules see it, with the request that it answers.
    pub(crate) fn lend<'m>(&'m self, request: Option<&'m Request<'m>>) -> Response<'m> {
        let Content { fields, trailers, body } = &self.content;
        Response { status: self.status, fields, trailers, body: body.as_deref(), request }
    }
}

impl<'a> Content<'a> {
    fn read(members: &mut Members<'a>) -> Result<Self, Rejection> {
        let field = |(name, value): (&'a str, &'a str)| Field { name, value: value.as_bytes() };
        let fields = members.headers("headers")?.into_iter().map(field).collect();
        let trailers = members.optional_headers("trailers")?.unwrap_or_default().into_iter().map(field).collect();
        let body = match (members.optional_text("body")?, members.optional_bytes("body_b64")?) {
            (Some(_), Some(_)) => return Err(malformed("a message has both a member \"body\" and \"body_b64\"")),
            (text, bytes) => text.map(|text| Cow::Borrowed(text.as_bytes())).or(bytes.map(Cow::Owned)),
        };
        Ok(Self { fields, trailers, body })
    }
}

impl<'a> GivenMessage<'a> {
    /// Reads `request`, or `response` and, if it is there, `related_request`.
    pub(crate) fn take(members: &mut Members<'a>) -> Result<Self, Rejection> {
        let related = members.optional_object("related_request")?;
        match (members.optional_object("request")?, members.optional_object("response")?, related) {
            (Some(request), None, None) => Ok(Self::Request(GivenRequest::read("\"request\"", request)?)),
            (None, Some(response), related) => {
                let related = related.map(|request| GivenRequest::read("\"related_request\"", request)).transpose()?;
                Ok(Self::Response(GivenResponse::read("\"response\"", response)?, related))
            }
            (Some(_), None, Some(_)) => Err(malformed("\"related_request\" goes with \"response\"")),
            _ => Err(malformed("the request has either a member \"request\" or a member \"response\"")),
        }
    }

    /// Lends the message.
    pub(crate) fn lend<T>(&self, used: impl FnOnce(&Message<'_>) -> T) -> T {
        match self {
            Self::Request(request) => used(&Message::Request(&request.lend())),
            Self::Response(response, None) => used(&Message::Response(&response.lend(None))),
            Self::Response(response, Some(request)) => {
                let request = request.lend();
                used(&Message::Response(&response.lend(Some(&request))))
            }
        }
    }
}
