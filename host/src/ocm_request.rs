//! Signed requests of Open Cloud Mesh (`docs/ocm.md`), asked of a component in text: what has to be signed, and whether a signature
//! holds. The component decides what is covered and what is good; the key signs here and no component sees it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Map, Value, json};

use crate::error::HostError;
use crate::signature::{Header, Request};
use crate::signing_key::{HttpAlgorithm, SigningKeyError};
use crate::text_door::TextDoor;

/// Why a request is not signed, or nobody can say whether its signature holds. None tells anything of the key, nor of the body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OcmRequestError {
    /// The component could not be asked.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The component refuses to have it signed.
    #[error("{code}: {detail}")]
    Refused {
        /// The code (`docs/codes.md`).
        code: String,
        /// What was found.
        detail: String,
    },
    /// A header field is no UTF-8 text, so it cannot be asked about.
    #[error("a header field is no text")]
    NotText,
    /// The key cannot sign.
    #[error("{0}")]
    Key(#[from] SigningKeyError),
    /// The component answered something that is no answer.
    #[error("the component's answer cannot be read")]
    Answer,
}

/// What signs a request.
#[derive(Debug, Clone, Copy)]
pub struct OcmKey<'k> {
    /// The `kid` of the key in the JWK Set that the signer's server publishes.
    pub keyid: &'k str,
    /// What the key signs with. The component refuses symmetric ones.
    pub algorithm: HttpAlgorithm,
}

/// Signs a request, and gives the header fields to add to it: `Date`, `Content-Digest` and `Content-Length` where it has none, and
/// those of the signature. `at` is the time of the signature, in seconds since 1970; `sign` signs bytes with the key.
///
/// ```no_run
/// use portcullis_host::ocm_request::{OcmKey, sign};
/// use portcullis_host::signature::{Header, Request};
/// use portcullis_host::{Runtime, SigningKey, TextDoor, components_dir};
///
/// let component = Runtime::new()?.load_file(components_dir().join("portcullis.wasm"))?;
/// let key = SigningKey::read(&std::fs::read_to_string("key.json")?, None)?;
/// let request = Request {
///     method: "POST".into(),
///     url: "https://receiver.example.org/ocm/notifications".into(),
///     target: None,
///     headers: vec![Header { name: "Content-Type".into(), value: b"application/json".to_vec() }],
///     trailers: Vec::new(),
///     body: Some(b"{}".to_vec()),
/// };
/// let of = OcmKey { keyid: "sender.example.org#key1", algorithm: key.algorithm() };
/// let added = sign(&mut TextDoor::new(&component)?, &request, of, 1_790_000_000, |base| key.sign(base))?;
/// assert!(added.iter().any(|field| field.name == "Signature"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The component refuses it or cannot be asked, a field is no text, or the key cannot sign.
pub fn sign(
    door: &mut TextDoor,
    request: &Request,
    key: OcmKey<'_>,
    at: u64,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, SigningKeyError>,
) -> Result<Vec<Header>, OcmRequestError> {
    let mut request = request.clone();
    let mut added = Vec::new();
    if !request.headers.iter().any(|field| field.name.eq_ignore_ascii_case("date")) {
        let date = field("Date", date(at)?);
        request.headers.push(date.clone());
        added.push(date);
    }
    let algorithm = jose_name(key.algorithm);
    let members = [("keyid", key.keyid.into()), ("algorithm", algorithm.into())];
    let result = match ask(door, "ocm.sign", &request, members, at)? {
        Answered { outcome: Ok(result), .. } => result,
        Answered { outcome: Err((code, detail)), .. } => return Err(OcmRequestError::Refused { code, detail }),
    };
    let ready = Ready::read(&result).ok_or(OcmRequestError::Answer)?;
    let signature = sign(ready.base.as_bytes())?;
    added.extend(ready.fields(&signature));
    Ok(added)
}

/// What the component says of a question.
pub struct Answered {
    /// The result's members; or the code and detail of the refusal.
    pub outcome: Result<Value, (String, String)>,
    /// The checks that were made, as `docs/batch.md` has them.
    pub findings: Vec<Value>,
}

/// Asks an operation about a request (`docs/batch.md`), with further members, and to have its checks told.
///
/// # Errors
///
/// The component could not be asked, or a field of the request is no text.
pub fn ask<const N: usize>(
    door: &mut TextDoor,
    op: &str,
    request: &Request,
    members: [(&str, Value); N],
    at: u64,
) -> Result<Answered, OcmRequestError> {
    let mut question = json!({"id": 0, "op": op, "at": at, "explain": true, "request": described(request)?});
    for (name, value) in members {
        question[name] = value;
    }
    let answer = door.answer(question.to_string().as_bytes(), at)?;
    let mut answer: Map<String, Value> = serde_json::from_str(&answer).map_err(|_| OcmRequestError::Answer)?;
    let text = |error: &Value, name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let outcome = match (answer.remove("result"), answer.remove("error")) {
        (Some(result), None) => Ok(result),
        (None, Some(error)) => match (text(&error, "code"), text(&error, "detail")) {
            (Some(code), Some(detail)) => Err((code, detail)),
            _ => return Err(OcmRequestError::Answer),
        },
        _ => return Err(OcmRequestError::Answer),
    };
    let findings = match answer.remove("findings") {
        Some(Value::Array(findings)) => findings,
        _ => Vec::new(),
    };
    Ok(Answered { outcome, findings })
}

/// A request as the door has it.
fn described(request: &Request) -> Result<Value, OcmRequestError> {
    let fields = |fields: &[Header]| -> Result<Vec<(String, String)>, OcmRequestError> {
        let pair = |field: &Header| {
            let value = String::from_utf8(field.value.clone()).map_err(|_| OcmRequestError::NotText)?;
            Ok((field.name.clone(), value))
        };
        fields.iter().map(pair).collect()
    };
    let mut told = json!({"method": request.method, "url": request.url, "headers": fields(&request.headers)?});
    if !request.trailers.is_empty() {
        told["trailers"] = json!(fields(&request.trailers)?);
    }
    if let Some(target) = &request.target {
        told["target"] = json!(target);
    }
    if let Some(body) = &request.body {
        told["body_b64"] = json!(URL_SAFE_NO_PAD.encode(body));
    }
    Ok(told)
}

/// A time as header fields have it (RFC 9110 section 5.6.7).
fn date(at: u64) -> Result<String, OcmRequestError> {
    let time = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    let text = time.and_then(|time| DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok());
    text.ok_or_else(|| OcmRequestError::Refused {
        code: "request.malformed".into(),
        detail: "the time has no date".into(),
    })
}

/// The JOSE name of an algorithm, which the door knows it by.
const fn jose_name(algorithm: HttpAlgorithm) -> &'static str {
    match algorithm {
        HttpAlgorithm::Ed25519 => "EdDSA",
        HttpAlgorithm::EcdsaP256 => "ES256",
        HttpAlgorithm::EcdsaP384 => "ES384",
        HttpAlgorithm::RsaPss => "PS512",
        HttpAlgorithm::RsaPkcs1 => "RS256",
        HttpAlgorithm::Hmac => "HS256",
    }
}

fn field(name: &str, value: String) -> Header {
    Header { name: name.into(), value: value.into_bytes() }
}

/// The result of `ocm.sign`.
struct Ready<'r> {
    headers: Vec<(&'r str, &'r str)>,
    base: &'r str,
    /// The member of `Signature-Input`, with its label.
    input: &'r str,
    label: &'r str,
}

impl<'r> Ready<'r> {
    fn read(result: &'r Value) -> Option<Self> {
        let text = |name: &str| result.get(name).and_then(Value::as_str);
        let (base, input) = (text("base")?, text("input")?);
        let pair = |pair: &'r Value| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?));
        let headers = result.get("headers")?.as_array()?.iter().map(pair).collect::<Option<_>>()?;
        Some(Self { headers, base, input, label: input.split_once('=')?.0 })
    }

    /// The header fields to add, signed.
    fn fields(&self, signature: &[u8]) -> Vec<Header> {
        let mut fields: Vec<Header> =
            self.headers.iter().map(|(name, value)| field(name, (*value).to_owned())).collect();
        fields.push(field("Signature-Input", self.input.to_owned()));
        fields.push(field("Signature", format!("{}=:{}:", self.label, STANDARD.encode(signature))));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_described_as_it_is() -> Result<(), OcmRequestError> {
        let mut request = Request {
            method: "POST".into(),
            url: "https://a.example/".into(),
            target: None,
            headers: vec![field("A", "ü".into())],
            trailers: Vec::new(),
            body: Some(vec![0xff]),
        };
        let told = json!({"method": "POST", "url": "https://a.example/", "headers": [["A", "ü"]], "body_b64": "_w"});
        assert_eq!(described(&request)?, told);
        request.body = None;
        assert!(
            described(&request)?.get("body_b64").is_none(),
            "that nothing is known of a body is not that it is empty"
        );
        request.headers.push(Header { name: "B".into(), value: vec![0xff] });
        assert!(matches!(described(&request), Err(OcmRequestError::NotText)));
        Ok(())
    }

    #[test]
    fn what_the_component_made_ready_is_added_with_the_signature() {
        let result = json!({
            "headers": [["Content-Digest", "sha-256=:AAAA:"]],
            "base": "base",
            "input": "ocm=(\"@method\");created=1;tag=\"ocm\"",
        });
        let ready = Ready::read(&result);
        let fields = ready.map(|ready| ready.fields(b"\x01\x02")).unwrap_or_default();
        let told: Vec<String> =
            fields.iter().map(|field| format!("{}: {}", field.name, String::from_utf8_lossy(&field.value))).collect();
        assert_eq!(
            told,
            [
                "Content-Digest: sha-256=:AAAA:",
                "Signature-Input: ocm=(\"@method\");created=1;tag=\"ocm\"",
                "Signature: ocm=:AQI=:"
            ]
        );
        for wrong in [
            json!({}),
            json!({"headers": [], "base": "b", "input": "x"}),
            json!({"headers": [[1]], "base": "", "input": "a=b"}),
        ] {
            assert!(Ready::read(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_those_of_http() -> Result<(), OcmRequestError> {
        assert_eq!(date(784_111_777)?, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(date(u64::MAX).is_err());
        Ok(())
    }
}
