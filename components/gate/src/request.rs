//! A request, as a host hands it over, and what the gate makes of it before any rule is looked at.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_svid::TrustDomain;
use portcullis_types::{Rejection, Timestamp, limits::MAX_COMPACT_TOKEN};

use crate::{
    certificate,
    code::GateCode,
    forwarded::{self, Told},
    limits::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET},
    origin::Origin,
    path::RequestPath,
    policy::{CertificateFrom, Listener, Policy, surroundings::folded},
};

/// A header field, or a trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, compared without case.
    pub name: String,
    /// Its value, without white space around it.
    pub value: Vec<u8>,
}

/// The certificate of a client, as far as the host knows it. To present one is not to have it validated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientCertificate {
    /// There is none.
    #[default]
    None,
    /// All that the client presented, in DER, the leaf first.
    Chain(Vec<Vec<u8>>),
    /// The leaf alone, in DER.
    Leaf {
        /// The certificate.
        der: Vec<u8>,
        /// The trust domain for which the proxy says that it validated it, if it does.
        validated_for: Option<String>,
    },
    /// The SHA-256 of the leaf's DER. Serves certificate-bound tokens (RFC 8705) and nothing else.
    Digest([u8; 32]),
}

/// A request to be decided about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The method, as it was sent.
    pub method: String,
    /// The absolute URL under which the client reached the server, its path and query as they were sent.
    pub url: String,
    /// The raw request target, where that is not the path and query of `url` (RFC 9112 section 3.2).
    pub target: Option<String>,
    /// Header fields in the order received, repeats included.
    pub headers: Vec<Header>,
    /// Trailers, likewise.
    pub trailers: Vec<Header>,
    /// The body, where the host has it.
    pub body: Option<Vec<u8>>,
    /// The client's certificate.
    pub certificate: ClientCertificate,
    /// The listener that it came in on, by its name in the policy.
    pub listener: Option<String>,
    /// The nonces for proofs that are good now, the one to hand out first.
    pub nonces: Vec<String>,
    /// Since when the memory of used proofs has been complete, in seconds since 1970; absent where it always was.
    pub replay_since: Option<Timestamp>,
    /// A text that no other request has, 128 bits of randomness or more: what is issued for this request is named by it.
    pub fresh: Option<String>,
}

/// Which request is spoken of: the one that came, or the one that the listener's proxy asks about.
#[derive(Debug)]
pub(crate) struct Spoken<'r> {
    told: Told<'r>,
    listener: Option<&'r Listener>,
}

/// A request that is unambiguous: what is decided about.
#[derive(Debug)]
pub(crate) struct Judged<'r> {
    pub(crate) method: &'r str,
    /// The number of its origin.
    pub(crate) origin: usize,
    pub(crate) path: RequestPath<'r>,
    /// The path as it was sent.
    raw_path: &'r str,
    /// The path and query as they were sent.
    pub(crate) target: &'r str,
    /// Whether the listener hands out tokens.
    #[cfg_attr(
        not(any(feature = "ocm", feature = "registry")),
        expect(dead_code, reason = "registries alone have it")
    )]
    pub(crate) for_tokens: bool,
    pub(crate) headers: &'r [Header],
    pub(crate) certificate: Cow<'r, ClientCertificate>,
    /// The trust domain for which the listener trusts its proxy's validation.
    pub(crate) trusts: Option<&'r TrustDomain>,
}

/// Headers that carry a credential or a proof: once, and no list.
const SINGLE: &[&str] = &[
    "authorization",
    "dpop",
    "txn-token",
    "workload-identity-token",
    "oauth-client-attestation",
    "oauth-client-attestation-pop",
    "oauth-client-attestation-challenge",
];

/// The values of a header.
pub(crate) fn values<'r>(headers: &'r [Header], name: &str) -> impl Iterator<Item = &'r [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_slice())
}

/// The value of a header that may occur once, as text.
pub(crate) fn single<'r>(headers: &'r [Header], name: &str) -> Result<Option<&'r str>, Rejection> {
    let mut values = values(headers, name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Rejection::new(GateCode::HeaderRepeated, format!("{name} occurs more than once")));
    }
    match core::str::from_utf8(value) {
        Ok(text) => Ok(Some(text.trim_matches([' ', '\t']))),
        Err(_) => Err(Rejection::new(GateCode::ForwardedMalformed, format!("{name} is no text"))),
    }
}

impl<'r> Spoken<'r> {
    /// Finds out which request is spoken of.
    ///
    /// Errors: `gate.listener_unknown`, `request.too_large`, `request.forwarded_*`, `request.header_repeated`.
    pub(crate) fn of(request: &'r Request, policy: &'r Policy) -> Result<Self, Rejection> {
        sizes(request)?;
        let listener = match &request.listener {
            None => None,
            Some(name) => Some(policy.listener(name).ok_or_else(|| {
                Rejection::new(GateCode::ListenerUnknown, "the request names a listener that the policy does not have")
            })?),
        };
        let told = forwarded::original(request, listener.and_then(|listener| listener.asserts))?;
        Ok(Self { told, listener })
    }
}

impl<'r> Judged<'r> {
    /// Judges a request's form: target, path, origin, headers.
    ///
    /// Errors: `request.*`.
    pub(crate) fn of(request: &'r Request, spoken: &'r Spoken<'r>, policy: &Policy) -> Result<Self, Rejection> {
        let told = &spoken.told;
        method(told.method)?;
        let (origin, target) = origin_and_target(&told.url, told.target, &policy.origins)?;
        let path_end = target.find('?').unwrap_or(target.len());
        let raw_path = target.get(..path_end).unwrap_or_default();
        let path = RequestPath::parse(raw_path)?;
        let origin = origin.map_err(|unknown| {
            Rejection::new(GateCode::UnknownOrigin, format!("{unknown} is none of the policy's origins"))
        })?;
        headers(&request.headers)?;
        connection(&request.headers, &policy.upstream.strip)?;
        Ok(Self {
            method: told.method,
            origin,
            path,
            raw_path,
            target,
            for_tokens: spoken.listener.is_some_and(|listener| listener.tokens),
            headers: &request.headers,
            certificate: certificate_of(request, spoken.listener)?,
            trusts: spoken.listener.and_then(|listener| listener.trust_proxy_validation.as_ref()),
        })
    }

    /// The body of a request that is a form, all of whose parameters stand there (RFC 6749 section 4.3.2, RFC 8693 section 2.1). The
    /// error says for people why it is none; its code is for who asks.
    #[cfg(feature = "registry")]
    pub(crate) fn form<'b>(&self, request: &'b Request) -> Result<&'b [u8], &'static str> {
        let media = values(self.headers, "content-type").next().and_then(|value| core::str::from_utf8(value).ok());
        let media = media.map(|media| media.split(';').next().unwrap_or_default().trim());
        if !media.is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
            return Err("the body is no form");
        }
        if self.target.split_once('?').is_some_and(|(_, query)| !query.is_empty()) {
            return Err("parameters stand in the form, and there are some in the query");
        }
        request.body.as_deref().ok_or("the host has not the body")
    }

    /// Origin and path as they were sent, without query.
    pub(crate) fn url(&self, policy: &Policy) -> String {
        let origin = policy.origins.get(self.origin).map_or("", Origin::as_str);
        format!("{origin}{}", self.raw_path)
    }
}

fn sizes(request: &Request) -> Result<(), Rejection> {
    let too_large = |what: String| Err(Rejection::new(GateCode::RequestTooLarge, what));
    let target = request.target.as_ref().map_or(0, String::len);
    if request.url.len().max(target) > MAX_TARGET {
        return too_large(format!("the URL has more than {MAX_TARGET} bytes"));
    }
    let fields = || request.headers.iter().chain(&request.trailers);
    if fields().count() > MAX_HEADERS {
        return too_large(format!("more than {MAX_HEADERS} header fields"));
    }
    let bytes: usize = fields().map(|header| header.name.len() + header.value.len()).sum();
    if bytes > MAX_HEADER_BYTES {
        return too_large(format!("header fields of {bytes} bytes, at most {MAX_HEADER_BYTES} are read"));
    }
    Ok(())
}

fn method(method: &str) -> Result<(), Rejection> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if method.is_empty() || method.len() > 64 || !method.bytes().all(token) {
        return Err(Rejection::new(GateCode::MethodMalformed, "the method is no token of at most 64 characters"));
    }
    Ok(())
}

/// The number of a request's origin, or the origin that none of the policy's is; and the path and query of its raw target.
fn origin_and_target<'u>(
    url: &'u str,
    target: Option<&'u str>,
    origins: &[Origin],
) -> Result<(Result<usize, Origin>, &'u str), Rejection> {
    let malformed =
        || Rejection::new(GateCode::UrlMalformed, "the URL is not absolute http or https with a plain host");
    let (origin, own) = known_or_split(url, origins).ok_or_else(malformed)?;
    match target {
        None => Ok((origin, if own.is_empty() || own.starts_with('?') { "/" } else { own })),
        Some(target) if target.starts_with('/') => Ok((origin, target)),
        // The absolute form (RFC 9112 section 3.2.2) has an authority of its own, which has to be the request's.
        Some(target) => match known_or_split(target, origins) {
            Some((other, rest)) if other == origin && rest.starts_with('/') => Ok((origin, rest)),
            Some(_) => Err(Rejection::new(GateCode::TargetForm, "the target names another authority than the request")),
            None => Err(Rejection::new(GateCode::TargetForm, "the target is neither a path nor an absolute URL")),
        },
    }
}

/// The number of a URL's origin, or that origin where it is none of the policy's; and all behind it as it is written.
fn known_or_split<'u>(url: &'u str, origins: &[Origin]) -> Option<(Result<usize, Origin>, &'u str)> {
    // Most requests write an origin as the policy does.
    for (number, origin) in origins.iter().enumerate() {
        match url.strip_prefix(origin.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '?', '#']) => return Some((Ok(number), rest)),
            _ => {}
        }
    }
    let (origin, rest) = split(url)?;
    Some((origins.iter().position(|known| *known == origin).ok_or(origin), rest))
}

/// The origin of a URL, and all behind it as it is written.
fn split(url: &str) -> Option<(Origin, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((Origin::from_parts(scheme, rest.get(..end)?)?, rest.get(end..)?))
}

/// Headers that carry a credential or a proof occur once, and are no list.
fn headers(headers: &[Header]) -> Result<(), Rejection> {
    for name in SINGLE {
        let mut found = values(headers, name);
        let Some(value) = found.next() else { continue };
        if found.next().is_some() {
            return Err(Rejection::new(GateCode::HeaderRepeated, format!("{name} occurs more than once")));
        }
        if value.len() > MAX_COMPACT_TOKEN {
            let what = format!("{name} has {} bytes, at most {MAX_COMPACT_TOKEN} are read", value.len());
            return Err(Rejection::new(GateCode::RequestTooLarge, what));
        }
        if has_top_level_comma(value) {
            return Err(Rejection::new(GateCode::HeaderList, format!("{name} is a list")));
        }
    }
    Ok(())
}

/// A comma outside a quoted string (RFC 9110 section 5.6.4).
fn has_top_level_comma(value: &[u8]) -> bool {
    // Tokens have no comma at all, and this looks at every request's.
    if !value.contains(&b',') {
        return false;
    }
    let mut quoted = false;
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                bytes.next();
            }
            b',' if !quoted => return true,
            _ => {}
        }
    }
    // A quotation that does not end hides nothing.
    quoted && value.contains(&b',')
}

/// `Connection` makes proxies remove the headers that it names (RFC 9110 section 7.6.1).
fn connection(headers: &[Header], strip: &[String]) -> Result<(), Rejection> {
    for value in values(headers, "connection") {
        let text = String::from_utf8_lossy(value);
        for name in text.split(',') {
            if strip.contains(&folded(name.trim())) {
                return Err(Rejection::new(
                    GateCode::ConnectionNamesHeader,
                    "Connection names a header that the upstream is told by",
                ));
            }
        }
    }
    Ok(())
}

/// The certificate from where the listener takes it; from the host, where there is no listener.
fn certificate_of<'r>(
    request: &'r Request,
    listener: Option<&Listener>,
) -> Result<Cow<'r, ClientCertificate>, Rejection> {
    let own = || Cow::Borrowed(&request.certificate);
    let Some(listener) = listener else { return Ok(own()) };
    let trusted = listener.trust_proxy_validation.as_ref().map(ToString::to_string);
    match listener.client_certificate {
        None => Ok(Cow::Owned(ClientCertificate::None)),
        Some(CertificateFrom::Host) => Ok(own()),
        Some(source) => certificate::from_headers(&request.headers, source, trusted).map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_quotation_is_no_list() {
        for (value, list) in [
            ("", false),
            ("Bearer a.b.c", false),
            ("Bearer a, Bearer b", true),
            ("Digest a=\"b,c\"", false),
            ("Digest a=\"b\\\",c\"", false),
            ("Digest a=\"b\\\\\",c", true),
            ("Digest a=\"b,c", true),
        ] {
            assert_eq!(has_top_level_comma(value.as_bytes()), list, "{value}");
        }
    }

    #[test]
    fn the_target_is_the_path_that_was_sent() {
        let known = [Origin::parse("https://a.example").unwrap()];
        let read = |url: &'static str, target| {
            let read = origin_and_target(url, target, &known);
            read.map(|(origin, rest)| (origin.unwrap(), rest)).map_err(|rejection| rejection.code())
        };
        let origin = || 0;
        assert_eq!(read("https://a.example", None), Ok((origin(), "/")));
        assert_eq!(read("https://a.example?x", None), Ok((origin(), "/")));
        assert_eq!(read("https://A.example:443/b/../c?x", None), Ok((origin(), "/b/../c?x")));
        assert_eq!(read("https://a.example/x", Some("/y")), Ok((origin(), "/y")));
        assert_eq!(read("https://a.example/x", Some("https://a.example/y")), Ok((origin(), "/y")));
        assert_eq!(read("https://a.example/x", Some("https://b.example/y")), Err("request.target_form"));
        for target in ["", "*", "a.example:443", "y"] {
            assert_eq!(read("https://a.example/x", Some(target)), Err("request.target_form"), "{target}");
        }
        for url in
            ["", "/x", "a.example/x", "ftp://a.example/x", "https://u@a.example/x", "https:///x", "https://a b/x"]
        {
            assert_eq!(read(url, None), Err("request.url_malformed"), "{url}");
        }
    }
}
