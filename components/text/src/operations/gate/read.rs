//! What the gate is told, from JSON.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_gate::{Class, ClientCertificate, Content, Document, DocumentNeed, Header, Kind, Request};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Object, Value},
};

use crate::members::{Members, malformed};

/// A request as `docs/batch.md` has it.
pub(super) fn request(
    request: &Object,
    certificate: Option<&Object>,
    listener: Option<&str>,
) -> Result<Request, Rejection> {
    let mut members = Members::new("the member \"request\"", request);
    let fields = |fields: Vec<(&str, &str)>| {
        let field = |(name, value): (&str, &str)| Header { name: name.into(), value: value.trim().as_bytes().to_vec() };
        fields.into_iter().map(field).collect::<Vec<_>>()
    };
    let read = Request {
        method: members.text("method")?.into(),
        url: members.text("url")?.into(),
        target: members.optional_text("target")?.map(Into::into),
        headers: fields(members.headers("headers")?),
        trailers: members.optional_headers("trailers")?.map(fields).unwrap_or_default(),
        body: whole_body(&mut members)?,
        certificate: certificate.map(self::certificate).transpose()?.unwrap_or_default(),
        listener: listener.map(Into::into),
        ..Request::default()
    };
    members.finish()?;
    Ok(read)
}

/// The body of a request: none where none is written, unless the host says that it has it not.
fn whole_body(members: &mut Members<'_>) -> Result<Option<Vec<u8>>, Rejection> {
    match (body(members)?, members.optional_flag("body_withheld")?) {
        (Some(_), true) => Err(malformed("there is a body, and \"body_withheld\" says that it is not at hand")),
        (None, true) => Ok(None),
        (body, false) => Ok(Some(body.unwrap_or_default())),
    }
}

/// `body`, a text, or `body_b64`.
fn body(members: &mut Members<'_>) -> Result<Option<Vec<u8>>, Rejection> {
    match (members.optional_text("body")?, members.optional_bytes("body_b64")?) {
        (Some(_), Some(_)) => Err(malformed("there are two bodies, \"body\" and \"body_b64\"")),
        (Some(text), None) => Ok(Some(text.as_bytes().to_vec())),
        (None, bytes) => Ok(bytes),
    }
}

fn certificate(certificate: &Object) -> Result<ClientCertificate, Rejection> {
    let mut members = Members::new("the member \"client_certificate\"", certificate);
    let chain = members.optional_texts("chain")?;
    let leaf = members.optional_bytes("leaf")?;
    let validated = members.optional_text("validated_by_host")?;
    let digest = members.optional_bytes("digest")?;
    members.finish()?;
    match (chain, leaf, validated, digest) {
        (Some(chain), None, None, None) => Ok(ClientCertificate::Chain(self::chain(&chain)?)),
        (None, Some(der), validated, None) => {
            Ok(ClientCertificate::Leaf { der, validated_for: validated.map(Into::into) })
        }
        (None, None, None, Some(digest)) => match <[u8; 32]>::try_from(digest) {
            Ok(digest) => Ok(ClientCertificate::Digest(digest)),
            Err(_) => Err(malformed("a digest has 32 bytes")),
        },
        _ => Err(malformed("a client certificate is one of \"chain\", \"leaf\" and \"digest\"")),
    }
}

/// Certificates in DER.
pub(super) fn chain(chain: &[String]) -> Result<Vec<Vec<u8>>, Rejection> {
    let decode = |text: &String| {
        base64url::decode(text.as_bytes())
            .map_err(|rejection| malformed(format!("a certificate is not base64url: {}", rejection.detail())))
    };
    chain.iter().map(decode).collect()
}

/// A document that is to be fetched, as it was told.
pub(super) fn document_need(need: &Object) -> Result<DocumentNeed, Rejection> {
    let mut members = Members::new("the member \"need\"", need);
    let url = members.text("url")?.into();
    let class = Class::from_name(members.text("class")?).ok_or_else(|| malformed("there is no such class"))?;
    let kind = Kind::from_name(members.text("kind")?).ok_or_else(|| malformed("there is no such kind of document"))?;
    members.take("accept");
    let most = members.optional_integer("most")?.unwrap_or(0);
    let server = members.optional_text("server")?.map(ToString::to_string);
    members.finish()?;
    Ok(DocumentNeed { url, class, kind, most: usize::try_from(most).unwrap_or(usize::MAX), server, question: None })
}

/// What can be fetched from a place.
pub(super) struct Resource {
    pub(super) content: Content,
    /// What its server presents, where that is to be judged.
    pub(super) server_chain: Option<Vec<Vec<u8>>>,
}

/// What can be fetched, by URL.
pub(super) fn resources(resources: Option<&Object>) -> Result<BTreeMap<String, Resource>, Rejection> {
    let mut read = BTreeMap::new();
    for (url, value) in resources.into_iter().flat_map(Object::members) {
        let Some(resource) = value.as_object() else {
            return Err(malformed(format!("a resource is an object, not {}", value.kind())));
        };
        let mut members = Members::new("a resource", resource);
        let server_chain = members.optional_texts("server_chain")?.map(|texts| chain(&texts)).transpose()?;
        read.insert(url.into(), Resource { content: content(&mut members)?, server_chain });
    }
    Ok(read)
}

/// Records of clients by their SPIFFE ID: as texts, or as objects, which are what such a text holds.
pub(super) fn records(records: &Object) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| json::to_text(value), Into::into);
    records.members().map(|(id, value)| (id.into(), text(value))).collect()
}

/// What came of a fetch: `failed`, or an answer. Refuses members that are left.
fn content(members: &mut Members<'_>) -> Result<Content, Rejection> {
    let content = match members.take("failed") {
        Some(Value::String(why)) => Content::Failed(why.clone()),
        Some(Value::Bool(true)) => Content::Failed("it failed".into()),
        Some(other) => return Err(malformed(format!("the member \"failed\" is {}, not a text", other.kind()))),
        None => {
            let status = members.optional_integer("status")?.unwrap_or(200);
            let headers = members.optional_headers("headers")?.unwrap_or_default();
            let bytes = body(members)?.unwrap_or_default();
            let status = u16::try_from(status).map_err(|_| malformed("a status has three digits"))?;
            let media_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let media_type = media_type.map(|(_, value)| value.split(';').next().unwrap_or_default().trim().into());
            Content::Body { status, media_type, bytes }
        }
    };
    members.none_left()?;
    Ok(content)
}

/// A document that a host fetched: `url`, `fetched_at`, the `server` of its need, whether its class is `peer`, and what came.
pub(super) fn document(document: &Object) -> Result<Document, Rejection> {
    let mut members = Members::new("a document", document);
    let url = members.text("url")?.into();
    let fetched_at = members.optional_integer("fetched_at")?;
    let fetched_at = fetched_at.ok_or_else(|| malformed("a document has no member \"fetched_at\""))?;
    let server = members.optional_text("server")?.map(ToString::to_string);
    let peer = members.optional_flag("peer")?;
    Ok(Document { url, server, about: None, peer, fetched_at, content: content(&mut members)? })
}
