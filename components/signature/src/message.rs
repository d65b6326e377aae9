//! What is signed: a request or a response as it was received. Everything is lent, and nothing is normalised here.

/// One field line of a header or trailer section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'m> {
    /// The name, in any case.
    pub name: &'m str,
    /// The value as received.
    pub value: &'m [u8],
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'m> {
    /// The method, case-sensitive.
    pub method: &'m str,
    /// The absolute target URI (RFC 9110 section 7.1), with path and query as they were sent and without a fragment.
    pub url: &'m str,
    /// The raw request target, where it is not the origin form of `url` (RFC 9112 section 3.2).
    pub target: Option<&'m str>,
    /// The header section in the order received, repeats included.
    pub fields: &'m [Field<'m>],
    /// The trailer section likewise.
    pub trailers: &'m [Field<'m>],
    /// The content, if it is at hand. Empty content is `Some`.
    pub body: Option<&'m [u8]>,
}

/// A response.
#[derive(Debug, Clone, Copy)]
pub struct Response<'m> {
    /// The status code.
    pub status: u16,
    /// The header section in the order received, repeats included.
    pub fields: &'m [Field<'m>],
    /// The trailer section likewise.
    pub trailers: &'m [Field<'m>],
    /// The content, if it is at hand. Empty content is `Some`.
    pub body: Option<&'m [u8]>,
    /// The request that it answers, for components with `req` (RFC 9421 section 2.4).
    pub request: Option<&'m Request<'m>>,
}

/// A message that carries signatures, or will.
#[derive(Debug, Clone, Copy)]
pub enum Message<'m> {
    /// A request.
    Request(&'m Request<'m>),
    /// A response.
    Response(&'m Response<'m>),
}

impl<'m> Message<'m> {
    /// The header section.
    pub fn fields(&self) -> &'m [Field<'m>] {
        match self {
            Message::Request(request) => request.fields,
            Message::Response(response) => response.fields,
        }
    }

    /// The trailer section.
    pub fn trailers(&self) -> &'m [Field<'m>] {
        match self {
            Message::Request(request) => request.trailers,
            Message::Response(response) => response.trailers,
        }
    }

    /// The content, if it is at hand.
    pub fn body(&self) -> Option<&'m [u8]> {
        match self {
            Message::Request(request) => request.body,
            Message::Response(response) => response.body,
        }
    }
}
