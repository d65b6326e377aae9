//! Client metadata (RFC 7591 section 2): what a registration keeps of it, and from whom.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use fluent_uri::Uri;
use portcullis_svid::SpiffeId;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::excerpt,
};

use crate::{ClientCode, IdPattern, Method};

/// Most redirect URIs of a client. One or two are usual; each has to be compared at each authorization request.
pub const MAX_REDIRECT_URIS: usize = 16;

/// The longest redirect URI, in bytes: what browsers and proxies agree on.
pub const MAX_REDIRECT_URI: usize = 2048;

/// The longest metadata that is kept, in bytes of JSON. Names, contacts and some URIs are a few hundred; a store holds one for
/// each workload.
pub const MAX_METADATA: usize = 16 * 1024;

/// The metadata that is kept (RFC 7591 section 2), and its types. What is left out is left out on purpose: `jwks` and
/// `jwks_uri` would give the client a second credential, `spiffe_bundle_endpoint` would let it say itself who vouches for it,
/// and claims that are no metadata are none.
const KEPT: [(&str, Kind); 13] = [
    ("redirect_uris", Kind::Texts),
    ("token_endpoint_auth_method", Kind::Text),
    ("grant_types", Kind::Texts),
    ("response_types", Kind::Texts),
    ("client_name", Kind::Text),
    ("client_uri", Kind::Text),
    ("logo_uri", Kind::Text),
    ("scope", Kind::Text),
    ("contacts", Kind::Texts),
    ("tos_uri", Kind::Text),
    ("policy_uri", Kind::Text),
    ("software_id", Kind::Text),
    ("software_version", Kind::Text),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
}

/// Metadata whose members have their types and whose redirect URIs are in form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(BTreeMap<&'static str, Value>);

impl Metadata {
    /// Reads metadata of a client: that of an operator's configuration, or the claims of a JWT-SVID, which are treated as those
    /// of a software statement (draft-kasselman-oauth-spiffe-01, Metadata as claims in the JWT-SVID). Members that are not kept
    /// are passed over.
    ///
    /// Errors: `registration.metadata_*`, `registration.redirect_uri*`, `json.duplicate_name`.
    pub fn of(members: &Object, spiffe_id: &SpiffeId) -> Result<Self, Rejection> {
        check_spiffe_id(members, spiffe_id)?;
        let metadata = Self::read(members)?;
        check_method(&metadata)?;
        for uri in metadata.texts("redirect_uris") {
            check_redirect_uri(uri)?;
        }
        let length = json::to_text(&metadata.to_object()).len();
        if length > MAX_METADATA {
            let what = format!("{length} bytes of metadata, at most {MAX_METADATA} are kept");
            return Err(Rejection::new(ClientCode::MetadataTooLarge, what));
        }
        Ok(metadata)
    }

    /// The members that are kept, each of its type.
    fn read(members: &Object) -> Result<Self, Rejection> {
        let mut kept = BTreeMap::new();
        for (name, kind) in KEPT {
            let Some(value) = members.get(name)? else { continue };
            let right = match (kind, value) {
                (Kind::Text, Value::String(_)) => true,
                (Kind::Texts, Value::Array(items)) => items.iter().all(|item| item.as_str().is_some()),
                _ => false,
            };
            if !right {
                let wanted = if kind == Kind::Text { "a text" } else { "a list of texts" };
                return Err(Rejection::new(ClientCode::MetadataType, format!("{name} is not {wanted}")));
            }
            kept.insert(name, value.clone());
        }
        let uris = kept.get("redirect_uris").and_then(Value::as_array).map_or(0, <[Value]>::len);
        if uris > MAX_REDIRECT_URIS {
            let what = format!("{uris} redirect URIs, at most {MAX_REDIRECT_URIS} are kept");
            return Err(Rejection::new(ClientCode::RedirectUrisTooMany, what));
        }
        Ok(Self(kept))
    }

    /// Reads what [`Metadata::to_object`] wrote.
    ///
    /// Errors: those of [`Metadata::of`], and `registration.record_malformed` for a member that is never written.
    pub(crate) fn of_record(members: &Object, spiffe_id: &SpiffeId) -> Result<Self, Rejection> {
        if let Some((name, _)) = members.members().find(|(name, _)| !is_kept(name)) {
            let what = format!("the record's metadata has a member {}", excerpt(name));
            return Err(Rejection::new(ClientCode::RecordMalformed, what));
        }
        Self::of(members, spiffe_id)
    }

    /// The members.
    pub fn to_object(&self) -> Object {
        Object::from_members(self.0.iter().map(|(name, value)| (String::from(*name), value.clone())).collect())
    }

    /// Whether a member is there, and is not an empty list or text.
    pub fn has(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::String(text)) => !text.is_empty(),
            _ => false,
        }
    }

    /// The texts of a list; none where it is not there.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let items = self.0.get(name).and_then(Value::as_array).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// Without the redirect URIs: for a source that is not trusted with them.
    #[must_use]
    pub(crate) fn without_redirect_uris(mut self) -> Self {
        self.0.remove("redirect_uris");
        self
    }

    /// With what another source says where this one says nothing.
    #[must_use]
    pub(crate) fn or(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }
}

/// Whether a name is one of the metadata that is kept.
pub(crate) fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|(kept, _)| *kept == name)
}

/// `spiffe_id`, if it is there, is a text that means this client (draft-ietf-oauth-spiffe-client-auth-02 section 5).
fn check_spiffe_id(members: &Object, spiffe_id: &SpiffeId) -> Result<(), Rejection> {
    let refuse = |what: String| Err(Rejection::new(ClientCode::MetadataSpiffeId, what));
    match members.get("spiffe_id")? {
        None => Ok(()),
        Some(Value::String(text)) => match IdPattern::parse(text) {
            Ok(pattern) if pattern.matches(spiffe_id) => Ok(()),
            _ => refuse(format!("spiffe_id is {}, the client is {spiffe_id}", excerpt(text))),
        },
        Some(other) => refuse(format!("spiffe_id is {}", other.kind())),
    }
}

/// `token_endpoint_auth_method`, if it is there, is one by which a workload is known: another one would want a credential that
/// nobody has given it.
fn check_method(metadata: &Metadata) -> Result<(), Rejection> {
    match metadata.0.get("token_endpoint_auth_method").and_then(Value::as_str) {
        Some(name) if !Method::from_name(name).is_some_and(Method::is_spiffe) => {
            let what = format!("token_endpoint_auth_method is {}", excerpt(name));
            Err(Rejection::new(ClientCode::MetadataMethod, what))
        }
        _ => Ok(()),
    }
}

/// A redirect URI is an absolute URI without fragment (RFC 6749 section 3.1.2), of https (RFC 9700 section 2.6) or, on the
/// machine itself, of http (RFC 8252 section 7.3); and no user is named in it.
fn check_redirect_uri(text: &str) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::new(ClientCode::RedirectUriInvalid, format!("{} {why}", excerpt(text))));
    if text.len() > MAX_REDIRECT_URI {
        return refuse("is too long");
    }
    let Ok(uri) = Uri::parse(text) else { return refuse("is not a URI") };
    let Some(authority) = uri.authority() else { return refuse("has no host") };
    if authority.host().is_empty() {
        return refuse("has no host");
    }
    if authority.userinfo().is_some() {
        return refuse("names a user");
    }
    if uri.fragment().is_some() {
        return refuse("has a fragment");
    }
    match (uri.scheme().as_str(), authority.host()) {
        ("https", _) | ("http", "127.0.0.1" | "[::1]") => Ok(()),
        _ => refuse("is neither https nor http on the loopback address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Metadata, Rejection> {
        let id = SpiffeId::parse("spiffe://example.org/client/1").unwrap();
        Metadata::of(&json::parse_object(text.as_bytes()).unwrap(), &id)
    }

    fn code(text: &str) -> &'static str {
        of(text).map_or_else(|refused| refused.code(), |_| "accepted")
    }

    #[test]
    fn what_is_no_metadata_is_not_kept() {
        let metadata = of(r#"{"sub":"x","aud":["y"],"exp":5,"jwks":{"keys":[]},"jwks_uri":"https://a.example/",
            "spiffe_bundle_endpoint":"https://a.example/","client_secret":"s","client_name":"n"}"#)
        .unwrap();
        assert_eq!(json::to_text(&metadata.to_object()), r#"{"client_name":"n"}"#);
    }

    #[test]
    fn members_have_their_types() {
        for text in [
            r#"{"redirect_uris":"https://a.example/"}"#,
            r#"{"redirect_uris":["https://a.example/",1]}"#,
            r#"{"grant_types":null}"#,
            r#"{"client_name":["n"]}"#,
            r#"{"scope":["a","b"]}"#,
        ] {
            assert_eq!(code(text), "registration.metadata_type", "{text}");
        }
    }

    #[test]
    fn a_client_says_nothing_of_others_and_gets_no_other_credential() {
        for (text, wanted) in [
            (r#"{"spiffe_id":"spiffe://example.org/client/1"}"#, "accepted"),
            (r#"{"spiffe_id":"spiffe://example.org/client/*"}"#, "accepted"),
            (r#"{"spiffe_id":"spiffe://example.org/client/2"}"#, "registration.metadata_spiffe_id"),
            (r#"{"spiffe_id":"spiffe://example.org/c*"}"#, "registration.metadata_spiffe_id"),
            (r#"{"spiffe_id":1}"#, "registration.metadata_spiffe_id"),
            (r#"{"token_endpoint_auth_method":"spiffe_x509"}"#, "accepted"),
            (r#"{"token_endpoint_auth_method":"none"}"#, "registration.metadata_auth_method"),
            (r#"{"token_endpoint_auth_method":"client_secret_basic"}"#, "registration.metadata_auth_method"),
            (r#"{"token_endpoint_auth_method":"attest_jwt_client_auth"}"#, "registration.metadata_auth_method"),
        ] {
            assert_eq!(code(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_redirect_uri_leads_to_one_place() {
        let uri = |uri: &str| code(&format!("{{\"redirect_uris\":[{}]}}", json::to_text(&Value::from(uri))));
        for good in ["https://a.example", "https://a.example/cb?x=1", "http://127.0.0.1:8080/cb", "http://[::1]/cb"] {
            assert_eq!(uri(good), "accepted", "{good}");
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_REDIRECT_URI));
        for bad in [
            "",
            "/cb",
            "https:/cb",
            "https:///cb",
            "https://a.example/#f",
            "https://a.example/#",
            "https://u@a.example/",
            "https://a.example/ b",
            "http://a.example/",
            "http://localhost/",
            "javascript:alert(1)",
            "com.example:/cb",
            &long,
        ] {
            assert_eq!(uri(bad), "registration.redirect_uri_invalid", "{bad}");
        }
    }

    #[test]
    fn sizes_are_bounded_at_both_sides() {
        let uris = |count: usize| {
            let list: Vec<Value> = (0..count).map(|n| format!("https://a.example/{n}").into()).collect();
            code(&json::to_text(&Object::from_members(alloc::vec![("redirect_uris".into(), list.into())])))
        };
        assert_eq!(uris(MAX_REDIRECT_URIS), "accepted");
        assert_eq!(uris(MAX_REDIRECT_URIS + 1), "registration.redirect_uris_too_many");
        // {"client_name":""} has 18 bytes.
        let name = |length: usize| code(&format!("{{\"client_name\":\"{}\"}}", "a".repeat(length)));
        assert_eq!(name(MAX_METADATA - 18), "accepted");
        assert_eq!(name(MAX_METADATA - 17), "registration.metadata_too_large");
    }
}
