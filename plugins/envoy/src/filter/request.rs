//! A request as Envoy has it.

use portcullis_gate::{
    ClientCertificate, Header, Request,
    policy::{Policy, envoy::LISTENER},
};
use portcullis_types::Timestamp;
use proxy_wasm::{hostcalls, types::MapType};

/// Reads the header fields of the stream that is spoken of.
pub(super) fn read(policy: &Policy, replay_since: Timestamp) -> Result<Request, &'static str> {
    let fields = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map_err(|_| "no header fields")?;
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
        *pseudo = Some(String::from_utf8(value).map_err(|_| "a pseudo-header is no text")?);
    }
    let method = method.ok_or("no method")?;
    // A CONNECT request has none, which the gate refuses like every target that is no path.
    let path = path.unwrap_or_default();
    let origin = format!("{}://{}", scheme.as_deref().unwrap_or("http"), authority.unwrap_or_default());
    let origin_form = path.starts_with('/');
    Ok(Request {
        method,
        url: if origin_form { format!("{origin}{path}") } else { format!("{origin}/") },
        target: (!origin_form).then_some(path),
        headers,
        certificate: if policy.envoy.takes_digest() { certificate()? } else { ClientCertificate::None },
        listener: Some(LISTENER.into()),
        replay_since: Some(replay_since),
        ..Request::default()
    })
}

/// The digest of the certificate that the client presented.
fn certificate() -> Result<ClientCertificate, &'static str> {
    const UNREADABLE: &str = "the client's certificate has no SHA-256";
    let told = hostcalls::get_property(vec!["connection", "sha256_peer_certificate_digest"]).map_err(|_| UNREADABLE)?;
    let Some(text) = told.filter(|text| !text.is_empty()) else { return Ok(ClientCertificate::None) };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
            _ => None,
        })
        .collect();
    let digest = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or(UNREADABLE)?;
    Ok(ClientCertificate::Digest(digest))
}
