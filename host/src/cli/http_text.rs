//! HTTP/1.1 messages as text (RFC 9112), the way people write them: lines may end in a line feed alone.

use anyhow::{Context as _, anyhow, bail, ensure};
use httparse::{EMPTY_HEADER, Status};
use portcullis_host::signature::{Header, Request, Response};

/// Most fields of a section. Servers take about a hundred.
const MAX_FIELDS: usize = 256;

/// A request. Its URL is `url`, or `https`, its Host and its target.
pub(crate) fn request(bytes: &[u8], url: Option<&str>) -> anyhow::Result<Request> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let rest = rest(bytes, head.parse(bytes))?;
    let (method, target) = head.method.zip(head.path).context("it has no request line")?;
    let headers = owned(head.headers);
    let (url, is_origin_form) = match url {
        Some(url) => (url.to_owned(), target.starts_with('/')),
        None => whole(method, target, &headers)?,
    };
    let Framed { body, trailers } = framed(rest, &headers, Unframed::Nothing)?;
    let target = (!is_origin_form).then(|| target.to_owned());
    Ok(Request { method: method.to_owned(), url, target, headers, trailers, body: Some(body) })
}

/// A response.
pub(crate) fn response(bytes: &[u8]) -> anyhow::Result<Response> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let rest = rest(bytes, head.parse(bytes))?;
    let status = head.code.context("it has no status line")?;
    let headers = owned(head.headers);
    let Framed { body, trailers } = framed(rest, &headers, Unframed::Everything)?;
    Ok(Response { status, headers, trailers, body: Some(body), related_request: None })
}

/// What follows the header section.
fn rest(bytes: &[u8], parsed: httparse::Result<usize>) -> anyhow::Result<&[u8]> {
    match parsed {
        Ok(Status::Complete(length)) => Ok(&bytes[length..]),
        Ok(Status::Partial) => bail!("its header section does not end: an empty line follows the last field"),
        Err(httparse::Error::TooManyHeaders) => bail!("it has more than {MAX_FIELDS} fields"),
        Err(error) => bail!("{error}"),
    }
}

fn owned(fields: &[httparse::Header<'_>]) -> Vec<Header> {
    fields.iter().map(|field| Header { name: field.name.to_owned(), value: field.value.to_vec() }).collect()
}

/// The values of a field.
fn values<'a>(fields: &'a [Header], name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &*field.value).collect()
}

/// The target URI (RFC 9112 section 3.3), and whether the target is in the origin form.
fn whole(method: &str, target: &str, headers: &[Header]) -> anyhow::Result<(String, bool)> {
    if method == "CONNECT" {
        return Ok((format!("https://{target}"), false));
    }
    if !target.starts_with('/') && target != "*" {
        return Ok((target.to_owned(), false));
    }
    let [host] = values(headers, "Host")[..] else {
        bail!("it has not one Host, so its URL is not known: give it with --url");
    };
    let host = std::str::from_utf8(host).context("its Host is not text")?;
    Ok(if target == "*" { (format!("https://{host}"), false) } else { (format!("https://{host}{target}"), true) })
}

/// A body, and what follows it.
struct Framed {
    body: Vec<u8>,
    trailers: Vec<Header>,
}

/// What is the body where nothing says how long it is (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unframed {
    Nothing,
    Everything,
}

fn framed(rest: &[u8], headers: &[Header], unframed: Unframed) -> anyhow::Result<Framed> {
    let lengths = values(headers, "Content-Length");
    let codings = values(headers, "Transfer-Encoding");
    match (&lengths[..], &codings[..], unframed) {
        ([], [], Unframed::Everything) => Ok(Framed { body: rest.to_vec(), trailers: Vec::new() }),
        ([], [], Unframed::Nothing) => {
            ensure!(
                rest.trim_ascii().is_empty(),
                "{} bytes follow its header section, and neither Content-Length nor Transfer-Encoding says that they are its \
                 body",
                rest.len()
            );
            Ok(Framed { body: Vec::new(), trailers: Vec::new() })
        }
        ([length], [], _) => {
            let length: usize = std::str::from_utf8(length)
                .ok()
                .filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|length| length.parse().ok())
                .context("its Content-Length is no number")?;
            let (body, more) = rest.split_at_checked(length).with_context(|| {
                format!("its Content-Length is {length}, and {} bytes follow its header section", rest.len())
            })?;
            // Editors end the last line.
            ensure!(more.trim_ascii().is_empty(), "{} bytes follow its body of {length} bytes", more.len());
            Ok(Framed { body: body.to_vec(), trailers: Vec::new() })
        }
        ([], [coding], _) if coding.eq_ignore_ascii_case(b"chunked") => chunked(rest),
        _ => bail!("what it says of the length of its body is not clear"),
    }
}

/// A chunked body (RFC 9112 section 7.1).
fn chunked(mut rest: &[u8]) -> anyhow::Result<Framed> {
    let mut body = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| anyhow!("its chunks cannot be read"))?;
        let Status::Complete((length, size)) = size else { bail!("its last chunk is missing") };
        rest = &rest[length..];
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).context("a chunk is too long")?;
        let (chunk, after) = rest.split_at_checked(size).context("a chunk is longer than what follows")?;
        body.extend_from_slice(chunk);
        rest = after
            .strip_prefix(b"\r\n")
            .or_else(|| after.strip_prefix(b"\n"))
            .context("a chunk is longer than it says")?;
    }
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    match httparse::parse_headers(rest, &mut fields) {
        Ok(Status::Complete((_, trailers))) => Ok(Framed { body, trailers: owned(trailers) }),
        Ok(Status::Partial) => {
            bail!("its trailers do not end: an empty line follows the last chunk, or the last trailer")
        }
        Err(error) => bail!("its trailers cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Request> {
        request(text.as_bytes(), None)
    }

    #[test]
    fn a_request_is_taken_apart() {
        let text = "POST /a?b HTTP/1.1\nHost: api.example\nX: 1\nx:  2 \nContent-Length: 2\n\n{}\n";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let request = read(&text).unwrap();
            assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://api.example/a?b"));
            assert_eq!((request.target, request.body.as_deref()), (None, Some(&b"{}"[..])));
            let told: Vec<_> = request.headers.iter().map(|field| (field.name.as_str(), &*field.value)).collect();
            assert_eq!(told[1..3], [("X", &b"1"[..]), ("x", b"2")]);
        }
    }

    #[test]
    fn targets_have_four_forms() {
        let target = |line: &str| {
            let request = read(&format!("{line} HTTP/1.1\nHost: a.example:8443\n\n")).unwrap();
            (request.url, request.target)
        };
        assert_eq!(target("GET /"), ("https://a.example:8443/".into(), None));
        assert_eq!(target("GET http://b.example/x"), ("http://b.example/x".into(), Some("http://b.example/x".into())));
        assert_eq!(target("OPTIONS *"), ("https://a.example:8443".into(), Some("*".into())));
        assert_eq!(target("CONNECT c.example:80"), ("https://c.example:80".into(), Some("c.example:80".into())));
        let told = request(b"GET /x HTTP/1.1\n\n", Some("http://d.example/x")).unwrap();
        assert_eq!((told.url.as_str(), told.target), ("http://d.example/x", None));
    }

    #[test]
    fn bodies_have_the_length_that_is_said() {
        let text = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\n";
        let request = read(text).unwrap();
        assert_eq!(request.body.as_deref(), Some(&b"abc"[..]));
        assert_eq!((request.trailers[0].name.as_str(), &*request.trailers[0].value), ("T", &b"u"[..]));
        let head = "POST / HTTP/1.1\nHost: a\n";
        for wrong in [
            "Content-Length: 3\n\nab",
            "Content-Length: 1\n\nab",
            "Content-Length: +2\n\nab",
            "Content-Length: 2\nContent-Length: 2\n\nab",
            "Content-Length: 2\nTransfer-Encoding: chunked\n\nab",
            "Transfer-Encoding: gzip, chunked\n\n0\n\n",
            "Transfer-Encoding: chunked\n\n3\nab\n0\n\n",
            "Transfer-Encoding: chunked\n\n1\nab\n0\n\n",
            "Transfer-Encoding: chunked\n\nffffffffffffffffff\nab",
            "Transfer-Encoding: chunked\n\n1\na\n",
            "\nab",
        ] {
            assert!(read(&format!("{head}{wrong}")).is_err(), "{wrong}");
        }
        assert!(read("POST / HTTP/1.1\nHost: a\n").is_err(), "the head does not end");
        assert!(read("POST / HTTP/1.1\n\n").is_err(), "no Host");
        assert!(read("no request at all\n\n").is_err());
        assert_eq!(
            read(&format!("{head}\n")).unwrap().body.as_deref(),
            Some(&b""[..]),
            "a request without body has an empty one"
        );
        let response = response(b"HTTP/1.1 200 OK\nA: b\n\nall of it\n").unwrap();
        assert_eq!((response.status, response.body.as_deref()), (200, Some(&b"all of it\n"[..])));
    }
}
