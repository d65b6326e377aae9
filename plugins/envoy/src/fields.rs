//! A request as Envoy has it: header fields, pseudo-headers among them, and what its properties say of a certificate.

use portcullis_gate::{ClientCertificate, Header, Request, policy::envoy::LISTENER};
use portcullis_types::{Rejection, Timestamp};

use crate::EnvoyCode;

fn unreadable(what: &str) -> Rejection {
    Rejection::new(EnvoyCode::Unreadable, what)
}

/// The request that a stream's header fields are.
///
/// Error: `envoy.unreadable`.
pub(crate) fn request(
    fields: Vec<(String, Vec<u8>)>,
    certificate: ClientCertificate,
    replay_since: Timestamp,
    is_whole: bool,
) -> Result<Request, Rejection> {
    let (mut method, mut scheme, mut authority, mut path) = (None, None, None, None);
    let mut headers = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let pseudo = match name.as_str() {
            ":method" => &mut method,
            ":scheme" => &mut scheme,
            ":authority" => &mut authority,
            ":path" => &mut path,
            name if name.starts_with(':') => continue,
            _ => {
                headers.push(Header { name, value });
                continue;
            }
        };
        *pseudo = Some(String::from_utf8(value).map_err(|_| unreadable("a pseudo-header is no text"))?);
    }
    let method = method.ok_or_else(|| unreadable("the request has no method"))?;
    // A CONNECT request has none, which the gate refuses like every target that is no path.
    let path = path.unwrap_or_default();
    let origin = format!("{}://{}", scheme.as_deref().unwrap_or("http"), authority.unwrap_or_default());
    let origin_form = path.starts_with('/');
    Ok(Request {
        method,
        url: if origin_form { format!("{origin}{path}") } else { format!("{origin}/") },
        target: (!origin_form).then_some(path),
        headers,
        // A filter decides before a body comes; where none will, there is none.
        body: is_whole.then(Vec::new),
        certificate,
        listener: Some(LISTENER.into()),
        replay_since: Some(replay_since),
        ..Request::default()
    })
}

/// The certificate that a client presented, by Envoy's property `connection.sha256_peer_certificate_digest`: hexadecimal, and
/// empty where there is none.
///
/// Error: `envoy.unreadable`.
pub(crate) fn certificate(told: Option<Vec<u8>>) -> Result<ClientCertificate, Rejection> {
    let Some(text) = told.filter(|text| !text.is_empty()) else { return Ok(ClientCertificate::None) };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
            _ => None,
        })
        .collect();
    let digest = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    digest.map(ClientCertificate::Digest).ok_or_else(|| unreadable("the client's certificate has no SHA-256"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &[u8])]) -> Result<Request, &'static str> {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.to_vec())).collect();
        request(fields, ClientCertificate::None, 7, false).map_err(|rejection| rejection.code())
    }

    #[test]
    fn pseudo_headers_are_the_request_and_no_header_fields() {
        let fields: &[(&str, &[u8])] = &[
            (":authority", b"api.example"),
            (":path", b"/a//b?c"),
            (":method", b"GET"),
            (":scheme", b"https"),
            (":protocol", b"websocket"),
            ("x-a", b"\xff"),
            ("x-a", b"2"),
        ];
        let request = read(fields).unwrap();
        assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://api.example/a//b?c"));
        assert_eq!((request.target, request.replay_since), (None, Some(7)));
        let names: Vec<&str> = request.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["x-a", "x-a"]);
        assert_eq!(request.listener.as_deref(), Some(LISTENER));
    }

    #[test]
    fn a_target_that_is_no_path_is_told_as_one() {
        for (path, target) in
            [(Some(&b"*"[..]), "*"), (Some(b""), ""), (None, ""), (Some(b"api.example:443"), "api.example:443")]
        {
            let mut fields: Vec<(&str, &[u8])> = vec![(":method", b"OPTIONS"), (":authority", b"api.example")];
            fields.extend(path.map(|path| (":path", path)));
            let request = read(&fields).unwrap();
            assert_eq!((request.url.as_str(), request.target.as_deref()), ("http://api.example/", Some(target)));
        }
    }

    #[test]
    fn a_request_has_no_body_where_nothing_follows() {
        let whole = |is_whole| {
            let fields = vec![(":method".into(), b"GET".to_vec()), (":path".into(), b"/".to_vec())];
            request(fields, ClientCertificate::None, 7, is_whole).unwrap().body
        };
        assert_eq!(whole(true), Some(Vec::new()));
        assert_eq!(whole(false), None, "nobody knows yet");
    }

    #[test]
    fn what_is_no_request_is_none() {
        assert_eq!(read(&[(":path", b"/")]), Err("envoy.unreadable"));
        assert_eq!(read(&[(":method", b"GET"), (":path", b"/\xff")]), Err("envoy.unreadable"));
    }

    #[test]
    fn a_digest_has_all_its_digits() {
        let code = |text: &[u8]| certificate(Some(text.to_vec())).map_err(|rejection| rejection.code());
        assert_eq!(certificate(None).unwrap(), ClientCertificate::None);
        assert_eq!(code(b""), Ok(ClientCertificate::None));
        assert_eq!(code("0a".repeat(32).as_bytes()), Ok(ClientCertificate::Digest([10; 32])));
        for wrong in ["0a".repeat(31), "0a".repeat(33), "0g".repeat(32), "0a".repeat(31) + "0"] {
            assert_eq!(code(wrong.as_bytes()), Err("envoy.unreadable"), "{wrong}");
        }
    }
}
