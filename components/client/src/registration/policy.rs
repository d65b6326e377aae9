//! What an operator says about registration on first use.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_svid::SpiffeId;
use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use super::metadata::{self, Metadata};
use crate::{ClientCode, IdPattern};

/// How long a registration lasts where nothing else is said, in seconds: a day. Workloads come and go faster than that, and one
/// that stays registers again with its next request.
pub const DEFAULT_LIFETIME: u64 = 24 * 60 * 60;

/// The longest that a registration may last, in seconds: 400 days, longer than anything that is renewed yearly.
pub const MAX_LIFETIME: u64 = 400 * 24 * 60 * 60;

/// Most patterns and entries in each of the policy's lists. Each request may look at all of them.
pub const MAX_ENTRIES: usize = 1024;

/// Where redirect URIs may come from (draft-kasselman-oauth-spiffe-01, The redirect URI). A request is never one of these
/// sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectSource {
    /// The operator's own configuration: [`RegistrationPolicy::configured`].
    Configuration,
    /// The claims of the client's JWT-SVID: whoever issues SVIDs says where browsers are sent.
    JwtSvid,
}

/// What an operator says about registration on first use.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrationPolicy {
    /// The SPIFFE IDs that may register.
    pub register: Vec<IdPattern>,
    /// How long a registration lasts, in seconds.
    pub lifetime: u64,
    /// Names of metadata without which a registration is incomplete.
    pub required: Vec<String>,
    /// The grant types that clients registered on first use may use; without it, any.
    pub grant_types: Option<Vec<String>>,
    /// The sources of redirect URIs that are trusted.
    pub redirect_sources: Vec<RedirectSource>,
    /// Metadata of clients, by what they are. The first entry that means a client is its own.
    pub configured: Vec<(IdPattern, Object)>,
}

impl RegistrationPolicy {
    /// One that lets some SPIFFE IDs register, for a day, with nothing required and redirect URIs from the configuration alone.
    pub fn of(register: Vec<IdPattern>) -> Self {
        Self {
            register,
            lifetime: DEFAULT_LIFETIME,
            required: Vec::new(),
            grant_types: None,
            redirect_sources: Vec::from([RedirectSource::Configuration]),
            configured: Vec::new(),
        }
    }

    /// Reads a policy: `register` (list of patterns), `lifetime`? (seconds), `required`? (names of metadata), `grant_types`?,
    /// `redirect_sources`? (of `configuration` and `jwt_svid`), `clients`? (list of `{"spiffe_id","metadata"}`).
    ///
    /// Errors: `registration.policy_malformed`; `registration.metadata_*` and `registration.redirect_uri*` for metadata.
    ///
    /// ```
    /// use portcullis_client::registration::RegistrationPolicy;
    /// use portcullis_types::json;
    ///
    /// let policy = json::parse_object(br#"{"register":["spiffe://example.org/*"],"lifetime":3600}"#)?;
    /// assert_eq!(RegistrationPolicy::from_object(&policy)?.lifetime, 3600);
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn from_object(policy: &Object) -> Result<Self, Rejection> {
        let names = ["register", "lifetime", "required", "grant_types", "redirect_sources", "clients"];
        known(policy, &names, "the policy")?;
        let register = texts(policy, "register")?.ok_or_else(|| malformed("the policy has no register"))?;
        let register = register.iter().map(|text| pattern(text)).collect::<Result<_, _>>()?;
        let mut read = Self::of(register);
        if let Some(value) = policy.get("lifetime")? {
            read.lifetime = timestamp_from_json(value)
                .filter(|seconds| (1..=MAX_LIFETIME).contains(seconds))
                .ok_or_else(|| malformed(format!("lifetime is not a number of seconds from 1 to {MAX_LIFETIME}")))?;
        }
        read.required = texts(policy, "required")?.unwrap_or_default();
        if let Some(name) = read.required.iter().find(|name| !metadata::is_kept(name)) {
            return Err(malformed(format!("required names {}, which is not kept", excerpt(name))));
        }
        read.grant_types = texts(policy, "grant_types")?;
        if let Some(sources) = texts(policy, "redirect_sources")? {
            read.redirect_sources = sources.iter().map(|name| source(name)).collect::<Result<_, _>>()?;
        }
        if let Some(clients) = policy.get("clients")? {
            let clients = clients.as_array().ok_or_else(|| malformed("clients is not a list"))?;
            count(clients.len(), "clients")?;
            read.configured = clients.iter().map(configured).collect::<Result<_, _>>()?;
        }
        Ok(read)
    }

    /// Whether a SPIFFE ID may register.
    ///
    /// Error: `registration.not_permitted`.
    pub(crate) fn check_permits(&self, id: &SpiffeId) -> Result<(), Rejection> {
        match self.register.iter().any(|pattern| pattern.matches(id)) {
            true => Ok(()),
            false => {
                let what = format!("{id} may not register on first use");
                Err(Rejection::new(ClientCode::RegistrationNotPermitted, what))
            }
        }
    }

    /// The metadata that the operator configured for a client, redirect URIs only if the configuration is trusted with them.
    ///
    /// Errors: those of [`Metadata::of`].
    pub(crate) fn configured_for(&self, id: &SpiffeId) -> Result<Metadata, Rejection> {
        let Some((_, members)) = self.configured.iter().find(|(pattern, _)| pattern.matches(id)) else {
            return Ok(Metadata::default());
        };
        self.trusted(Metadata::of(members, id)?, RedirectSource::Configuration)
    }

    /// The metadata of a JWT-SVID's claims, redirect URIs only if SVIDs are trusted with them.
    ///
    /// Errors: those of [`Metadata::of`].
    pub(crate) fn claimed(&self, claims: &Object, id: &SpiffeId) -> Result<Metadata, Rejection> {
        self.trusted(Metadata::of(claims, id)?, RedirectSource::JwtSvid)
    }

    fn trusted(&self, metadata: Metadata, source: RedirectSource) -> Result<Metadata, Rejection> {
        Ok(match self.redirect_sources.contains(&source) {
            true => metadata,
            false => metadata.without_redirect_uris(),
        })
    }

    /// When a registration that begins now ends, in seconds since 1970.
    pub(crate) fn expires_at(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.lifetime)
    }
}

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(ClientCode::RegistrationPolicy, what)
}

fn known(object: &Object, names: &[&str], place: &str) -> Result<(), Rejection> {
    match object.checked()?.members().find(|(name, _)| !names.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(malformed(format!("{place} has an unknown member {}", excerpt(name)))),
    }
}

fn count(count: usize, name: &str) -> Result<(), Rejection> {
    match count <= MAX_ENTRIES {
        true => Ok(()),
        false => Err(malformed(format!("{name} has {count} entries, at most {MAX_ENTRIES} are read"))),
    }
}

fn texts(policy: &Object, name: &str) -> Result<Option<Vec<String>>, Rejection> {
    let wrong = || malformed(format!("{name} is not a list of texts"));
    let Some(value) = policy.get(name)? else { return Ok(None) };
    let items = value.as_array().ok_or_else(wrong)?;
    count(items.len(), name)?;
    let text = |item: &Value| item.as_str().map(ToOwned::to_owned).ok_or_else(wrong);
    items.iter().map(text).collect::<Result<_, _>>().map(Some)
}

fn pattern(text: &str) -> Result<IdPattern, Rejection> {
    IdPattern::parse(text).map_err(|inner| malformed(format!("{}: {}", excerpt(text), inner.detail())))
}

fn source(name: &str) -> Result<RedirectSource, Rejection> {
    match name {
        "configuration" => Ok(RedirectSource::Configuration),
        "jwt_svid" => Ok(RedirectSource::JwtSvid),
        other => Err(malformed(format!("redirect_sources names {}", excerpt(other)))),
    }
}

/// One entry of `clients`. Its metadata is judged now, for some client that it means, so that a mistake is met when a policy is
/// read and not when a client comes.
fn configured(entry: &Value) -> Result<(IdPattern, Object), Rejection> {
    let entry = entry.as_object().ok_or_else(|| malformed("an entry of clients is not an object"))?;
    known(entry, &["spiffe_id", "metadata"], "an entry of clients")?;
    let id = entry.get("spiffe_id")?.and_then(Value::as_str);
    let pattern = pattern(id.ok_or_else(|| malformed("an entry of clients has no spiffe_id"))?)?;
    let members = entry.get("metadata")?.and_then(Value::as_object);
    let members = members.ok_or_else(|| malformed("an entry of clients has no metadata"))?;
    if let Some((name, _)) = members.members().find(|(name, _)| !metadata::is_kept(name)) {
        return Err(malformed(format!("the metadata of {pattern} has {}, which is not kept", excerpt(name))));
    }
    let (IdPattern::Exactly(some) | IdPattern::Below(some)) = &pattern;
    Metadata::of(members, some).map_err(|rejection| rejection.within(&format!("{pattern}")))?;
    Ok((pattern, members.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_types::json;

    fn code(text: &str) -> &'static str {
        let policy = json::parse_object(text.as_bytes()).unwrap();
        RegistrationPolicy::from_object(&policy).map_or_else(|refused| refused.code(), |_| "accepted")
    }

    #[test]
    fn a_policy_is_read_whole_or_not_at_all() {
        let with = |more: &str| code(&format!("{{\"register\":[\"spiffe://td/*\"]{more}}}"));
        for more in [
            "",
            r#","lifetime":1"#,
            r#","lifetime":34560000"#,
            r#","required":["redirect_uris","client_name"],"grant_types":["client_credentials"]"#,
            r#","redirect_sources":["configuration","jwt_svid"]"#,
            r#","redirect_sources":[]"#,
            r#","clients":[{"spiffe_id":"spiffe://td/a/*","metadata":{"client_name":"a"}}]"#,
        ] {
            assert_eq!(with(more), "accepted", "{more}");
        }
        for more in [
            r#","lifetime":0"#,
            r#","lifetime":34560001"#,
            r#","lifetime":"1d""#,
            r#","required":["client_secret"]"#,
            r#","required":"client_name""#,
            r#","grant_types":[1]"#,
            r#","redirect_sources":["request"]"#,
            r#","clients":{}"#,
            r#","clients":[1]"#,
            r#","clients":[{"spiffe_id":"spiffe://td/a"}]"#,
            r#","clients":[{"metadata":{}}]"#,
            r#","clients":[{"spiffe_id":"spiffe://td/a","metadata":{"jwks":{}}}]"#,
            r#","clients":[{"spiffe_id":"spiffe://td/a","metadata":{},"more":1}]"#,
            r#","more":1"#,
        ] {
            assert_eq!(with(more), "registration.policy_malformed", "{more}");
        }
        assert_eq!(code("{}"), "registration.policy_malformed");
        assert_eq!(code(r#"{"register":["https://td/*"]}"#), "registration.policy_malformed");
        let bad = r#","clients":[{"spiffe_id":"spiffe://td/a","metadata":{"redirect_uris":["http://a.example/"]}}]"#;
        assert_eq!(with(bad), "registration.redirect_uri_invalid");
    }

    #[test]
    fn lists_are_bounded() {
        let list = |count: usize| {
            let list: Vec<Value> = (0..count).map(|n| format!("spiffe://td/{n}").into()).collect();
            code(&json::to_text(&Object::from_members(alloc::vec![("register".into(), list.into())])))
        };
        assert_eq!(list(MAX_ENTRIES), "accepted");
        assert_eq!(list(MAX_ENTRIES + 1), "registration.policy_malformed");
    }
}
