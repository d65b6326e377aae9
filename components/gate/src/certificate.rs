//! Client certificates that a proxy hands over in a header. Each source is off until the listener names it.

use alloc::{format, string::String, vec, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_svid::pem;
use portcullis_types::Rejection;

use crate::{
    code::GateCode,
    policy::CertificateFrom,
    request::{ClientCertificate, Header, single, values},
};

fn malformed(what: &str) -> Rejection {
    Rejection::new(GateCode::CertificateMalformed, what)
}

/// Reads the certificate that a proxy hands over. `trusted` is the trust domain for which the listener trusts the proxy's
/// validation.
///
/// Errors: `request.certificate_malformed`, `request.header_repeated`.
pub(crate) fn from_headers(
    headers: &[Header],
    source: CertificateFrom,
    trusted: Option<String>,
) -> Result<ClientCertificate, Rejection> {
    match source {
        CertificateFrom::Host => Ok(ClientCertificate::None),
        CertificateFrom::ClientCert => client_cert(headers, trusted),
        CertificateFrom::Nginx => nginx(headers, trusted),
        CertificateFrom::Traefik => traefik(headers, trusted),
        CertificateFrom::Xfcc => xfcc(headers),
    }
}

/// The leaf alone, or a chain where there is more.
fn certificate(mut chain: Vec<Vec<u8>>, validated_for: Option<String>) -> Result<ClientCertificate, Rejection> {
    if chain.iter().any(Vec::is_empty) {
        return Err(malformed("a certificate is empty"));
    }
    Ok(match chain.len() {
        0 => ClientCertificate::None,
        1 => ClientCertificate::Leaf { der: chain.swap_remove(0), validated_for },
        _ => ClientCertificate::Chain(chain),
    })
}

/// `Client-Cert` and `Client-Cert-Chain` (RFC 9440 section 2): byte sequences of structured fields.
fn client_cert(headers: &[Header], trusted: Option<String>) -> Result<ClientCertificate, Rejection> {
    let Some(leaf) = single(headers, "Client-Cert")? else { return Ok(ClientCertificate::None) };
    let mut chain = vec![byte_sequence(leaf)?];
    for value in values(headers, "Client-Cert-Chain") {
        let text = core::str::from_utf8(value).map_err(|_| malformed("Client-Cert-Chain is no text"))?;
        for item in text.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    certificate(chain, trusted)
}

/// A byte sequence (RFC 9651 section 3.3.5) without parameters: neither field defines any.
fn byte_sequence(text: &str) -> Result<Vec<u8>, Rejection> {
    let inner = text.trim_matches([' ', '\t']).strip_prefix(':').and_then(|text| text.strip_suffix(':'));
    let inner = inner.ok_or_else(|| malformed("Client-Cert is no byte sequence"))?;
    STANDARD.decode(inner).map_err(|_| malformed("Client-Cert is no base64"))
}

/// nginx: `$ssl_client_escaped_cert` in `X-SSL-Client-Cert`, and `$ssl_client_verify` in `X-SSL-Client-Verify`.
fn nginx(headers: &[Header], trusted: Option<String>) -> Result<ClientCertificate, Rejection> {
    let Some(escaped) = single(headers, "X-SSL-Client-Cert")?.filter(|text| !text.is_empty()) else {
        return Ok(ClientCertificate::None);
    };
    let verified = single(headers, "X-SSL-Client-Verify")? == Some("SUCCESS");
    certificate(escaped_pem(escaped)?, trusted.filter(|_| verified))
}

/// Traefik's `PassTLSClientCert`: certificates in base64 without their PEM lines, with commas between.
fn traefik(headers: &[Header], trusted: Option<String>) -> Result<ClientCertificate, Rejection> {
    let Some(text) = single(headers, "X-Forwarded-Tls-Client-Cert")?.filter(|text| !text.is_empty()) else {
        return Ok(ClientCertificate::None);
    };
    let one = |item: &str| {
        let unescaped = unescape(item.trim_matches([' ', '\t']))?;
        STANDARD.decode(unescaped).map_err(|_| malformed("X-Forwarded-Tls-Client-Cert is no base64"))
    };
    certificate(text.split(',').map(one).collect::<Result<_, _>>()?, trusted)
}

/// Envoy's `x-forwarded-client-cert` with `SANITIZE_SET`, which makes it one element, and `chain: true`.
fn xfcc(headers: &[Header]) -> Result<ClientCertificate, Rejection> {
    let Some(text) = single(headers, "x-forwarded-client-cert")?.filter(|text| !text.is_empty()) else {
        return Ok(ClientCertificate::None);
    };
    let pairs = pairs(text)?;
    let get =
        |name: &str| pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    if let Some(chain) = get("Chain") {
        return Ok(ClientCertificate::Chain(escaped_pem(chain)?));
    }
    if let Some(leaf) = get("Cert") {
        return certificate(escaped_pem(leaf)?, None);
    }
    let Some(hash) = get("Hash") else { return Ok(ClientCertificate::None) };
    let digits: Option<Vec<u8>> = (0..hash.len() / 2)
        .map(|at| hash.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let digest = digits.and_then(|digits| <[u8; 32]>::try_from(digits).ok()).filter(|_| hash.len() == 64);
    digest.map(ClientCertificate::Digest).ok_or_else(|| malformed("Hash of x-forwarded-client-cert is no SHA-256"))
}

/// `key=value;key="value"`, one element.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Rejection> {
    let mut pairs = Vec::new();
    let mut characters = text.chars();
    loop {
        let key: String = characters.by_ref().take_while(|c| *c != '=').collect();
        let mut value = String::new();
        let mut quoted = false;
        let more = loop {
            match characters.next() {
                None => break false,
                Some('"') => quoted = !quoted,
                Some('\\') if quoted => value.extend(characters.next()),
                Some(',') if !quoted => return Err(malformed("x-forwarded-client-cert has more than one element")),
                Some(';') if !quoted => break true,
                Some(c) => value.push(c),
            }
        };
        if key.is_empty() || quoted {
            return Err(malformed("x-forwarded-client-cert is not key=value"));
        }
        // URI and DNS name what the certificate has several of; it itself comes once.
        let once = ["Chain", "Cert", "Hash"].iter().any(|name| key.eq_ignore_ascii_case(name));
        if once && pairs.iter().any(|(other, _): &(String, String)| other.eq_ignore_ascii_case(&key)) {
            return Err(malformed("x-forwarded-client-cert names one thing twice"));
        }
        pairs.push((key, value));
        if !more {
            return Ok(pairs);
        }
    }
}

/// Certificates in PEM with percent-encoded characters.
fn escaped_pem(text: &str) -> Result<Vec<Vec<u8>>, Rejection> {
    let bytes = unescape(text)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| malformed("the certificate is no text"))?;
    pem::decode_chain(text).map_err(|rejection| malformed(&format!("{}: {}", rejection.code(), rejection.detail())))
}

/// Percent-decodes (RFC 3986 section 2.1).
fn unescape(text: &str) -> Result<Vec<u8>, Rejection> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(malformed("the certificate has a malformed escape"));
        };
        out.push((high * 16 + low) as u8);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: CertificateFrom, headers: &[(&str, &str)]) -> Result<ClientCertificate, &'static str> {
        let headers: Vec<Header> = headers
            .iter()
            .map(|(name, value)| Header { name: (*name).into(), value: value.as_bytes().to_vec() })
            .collect();
        from_headers(&headers, source, Some("td".into())).map_err(|rejection| rejection.code())
    }

    fn leaf(der: &[u8], validated_for: Option<&str>) -> Result<ClientCertificate, &'static str> {
        Ok(ClientCertificate::Leaf { der: der.to_vec(), validated_for: validated_for.map(Into::into) })
    }

    const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A";

    #[test]
    fn each_source_is_read_in_its_form() {
        let der = [0x30, 0];
        assert_eq!(read(CertificateFrom::ClientCert, &[("client-cert", ":MAA=:")]), leaf(&der, Some("td")));
        assert_eq!(
            read(CertificateFrom::ClientCert, &[("Client-Cert", ":MAA=:"), ("Client-Cert-Chain", ":MAE=:, :MAI=:")]),
            Ok(ClientCertificate::Chain(vec![vec![0x30, 0], vec![0x30, 1], vec![0x30, 2]]))
        );
        assert_eq!(read(CertificateFrom::Nginx, &[("X-SSL-Client-Cert", PEM)]), leaf(&der, None));
        assert_eq!(
            read(CertificateFrom::Nginx, &[("X-SSL-Client-Cert", PEM), ("X-SSL-Client-Verify", "SUCCESS")]),
            leaf(&der, Some("td"))
        );
        assert_eq!(
            read(CertificateFrom::Nginx, &[("X-SSL-Client-Cert", PEM), ("X-SSL-Client-Verify", "FAILED")]),
            leaf(&der, None)
        );
        assert_eq!(read(CertificateFrom::Traefik, &[("X-Forwarded-Tls-Client-Cert", "MAA=")]), leaf(&der, Some("td")));
        assert_eq!(
            read(CertificateFrom::Traefik, &[("X-Forwarded-Tls-Client-Cert", "MAA%3D,MAE=")]),
            Ok(ClientCertificate::Chain(vec![vec![0x30, 0], vec![0x30, 1]]))
        );
        let hash = "00".repeat(32);
        let all = format!("By=spiffe://td/a;Hash={hash};Cert=\"{PEM}\";Chain=\"{PEM}\";URI=x");
        assert_eq!(
            read(CertificateFrom::Xfcc, &[("x-forwarded-client-cert", &all)]),
            Ok(ClientCertificate::Chain(vec![der.to_vec()]))
        );
        assert_eq!(
            read(CertificateFrom::Xfcc, &[("x-forwarded-client-cert", &format!("Hash={hash}"))]),
            Ok(ClientCertificate::Digest([0; 32]))
        );
        for source in
            [CertificateFrom::Nginx, CertificateFrom::ClientCert, CertificateFrom::Xfcc, CertificateFrom::Traefik]
        {
            assert_eq!(read(source, &[]), Ok(ClientCertificate::None));
        }
    }

    #[test]
    fn what_is_malformed_is_never_no_certificate() {
        for (source, name, value) in [
            (CertificateFrom::ClientCert, "Client-Cert", "MAA="),
            (CertificateFrom::ClientCert, "Client-Cert", ":MAA:"),
            (CertificateFrom::ClientCert, "Client-Cert", ":MAA=:;a=b"),
            (CertificateFrom::Nginx, "X-SSL-Client-Cert", "%"),
            (CertificateFrom::Nginx, "X-SSL-Client-Cert", "MAA="),
            (CertificateFrom::Traefik, "X-Forwarded-Tls-Client-Cert", "MAA=,"),
            (CertificateFrom::Traefik, "X-Forwarded-Tls-Client-Cert", "é"),
            (CertificateFrom::Xfcc, "x-forwarded-client-cert", "Hash=00"),
            (CertificateFrom::Xfcc, "x-forwarded-client-cert", "Hash=zz"),
            (CertificateFrom::Xfcc, "x-forwarded-client-cert", "By=a,By=b"),
            (CertificateFrom::Xfcc, "x-forwarded-client-cert", "Hash=\"00"),
            (CertificateFrom::Xfcc, "x-forwarded-client-cert", "Cert=a;Cert=b"),
        ] {
            let code = read(source, &[(name, value)]).unwrap_err();
            assert_eq!(code, "request.certificate_malformed", "{value}");
        }
        let twice = [("Client-Cert", ":MAA=:"), ("client-cert", ":MAA=:")];
        assert_eq!(read(CertificateFrom::ClientCert, &twice), Err("request.header_repeated"));
    }
}
