//! What a server says of itself (section OCM API Discovery, Fields).

use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    origin::Origin,
    trace::{Trace, check},
};

use crate::{
    DiscoveryCode, Target,
    member::Reader,
    peer::{self, LEGACY_DISCOVERY_PATH, admit},
};

/// Where the rules stand.
const SECTION: &str = "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields";

/// The code flow can be used with this server.
pub const EXCHANGE_TOKEN: &str = "exchange-token";
/// The server holds its users to a second factor where a share asks for it.
pub const ENFORCE_MFA: &str = "enforce-mfa";
/// The server signs, and publishes its keys.
pub const HTTP_SIG: &str = "http-sig";
/// The server takes part in invites.
pub const INVITES: &str = "invites";
/// The server takes notifications.
pub const NOTIFICATIONS: &str = "notifications";
/// The server has a page that asks people where they are from.
pub const INVITE_WAYF: &str = "invite-wayf";
/// The server takes shares with one member a protocol.
pub const PROTOCOL_OBJECT: &str = "protocol-object";

/// A criterion: requests that are not signed are refused.
pub const MUST_USE_HTTP_SIG: &str = "must-use-http-sig";
/// A criterion, and a requirement of a share: the shared secret is exchanged for a token.
pub const MUST_EXCHANGE_TOKEN: &str = "must-exchange-token";
/// A criterion: an invite was exchanged before.
pub const MUST_INVITE: &str = "must-invite";

/// A discovery document, judged whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// The version of the API, as it is written.
    pub api_version: String,
    /// Where the API is, an admitted URL.
    pub end_point: String,
    /// What people call the server.
    pub provider: Option<String>,
    /// What can be shared with it and by it; no name twice.
    pub resource_types: Vec<ResourceType>,
    /// What it can do, in its own order; those that nobody knows too.
    pub capabilities: Vec<String>,
    /// What it asks of shares, likewise.
    pub criteria: Vec<String>,
    /// Where its users accept invites: a path at the server, or an admitted URL.
    pub invite_accept_dialog: Option<String>,
    /// Where shared secrets are exchanged, an admitted URL.
    pub token_end_point: Option<String>,
    /// Where its keys are by its own word, an admitted URL (the member `jwksUri` of texts after -05).
    pub jwks_uri: Option<String>,
}

/// A kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// `file`, `folder`, `calendar` and so on.
    pub name: String,
    /// Whom it can be shared with: `user`, and maybe `group` and `federation`.
    pub share_types: Vec<String>,
    /// Where WebDAV begins, a path at the server.
    pub webdav: Option<String>,
    /// The form of URI that it takes in WebDAV shares.
    pub webdav_receive: Option<UriForm>,
    /// How it shows web applications of others; nothing where it takes none.
    pub webapp_receive: Option<Vec<Target>>,
    /// Every protocol's name, with `-receive` where it is for receiving.
    pub protocols: Vec<String>,
}

/// The form of the URI of a WebDAV share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriForm {
    /// With scheme and host.
    Absolute,
    /// Below the sender's WebDAV path.
    Relative,
}

impl Discovery {
    /// Judges a discovery document, in the order of the text. `listed` are origins with a port that somebody answers for.
    ///
    /// Errors: `ocm.discovery_*`; `ocm.peer_*` for a URL in it.
    ///
    /// ```
    /// use portcullis_ocm::Discovery;
    /// use portcullis_types::{Silent, json};
    /// let document = json::parse_object(br#"{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://cloud.example.org/ocm",
    ///     "resourceTypes":[{"name":"file","shareTypes":["user"],"protocols":{"webdav":"/dav/"}}],
    ///     "capabilities":["exchange-token"],"tokenEndPoint":"https://cloud.example.org/ocm/token"}"#)?;
    /// let discovery = Discovery::from_object(&document, &[], &mut Silent)?;
    /// assert!(discovery.exchanges_tokens() && !discovery.enforces_mfa());
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn from_object(document: &Object, listed: &[Origin], trace: &mut dyn Trace) -> Result<Self, Rejection> {
        let read =
            Reader::new("the discovery document", document, DiscoveryCode::MemberMissing, DiscoveryCode::MemberType);
        check(trace, "enabled", SECTION, enabled(&read), |()| String::new())?;
        let api_version = check(trace, "API version", SECTION, version(&read), |version| excerpt(version))?;
        let end_point = read.text("endPoint").and_then(|url| api_url("endPoint", url, listed));
        let end_point = check(trace, "endpoint", SECTION, end_point, |url| excerpt(url))?;
        let provider = read.optional_text("provider")?.map(ToOwned::to_owned);
        let resource_types = check(trace, "resource types", SECTION, resource_types(&read), |found| {
            let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
            excerpt(&names.join(", "))
        })?;
        let capabilities = read.optional_texts("capabilities")?.unwrap_or_default();
        let criteria = read.optional_texts("criteria")?.unwrap_or_default();
        let invite_accept_dialog =
            read.optional_text("inviteAcceptDialog")?.map(|place| dialog(place, listed)).transpose()?;
        let url = |name| read.optional_text(name)?.map(|url| api_url(name, url, listed)).transpose();
        let (token_end_point, jwks_uri) = (url("tokenEndPoint")?, url("jwksUri")?);
        let discovery = Self {
            api_version,
            end_point,
            provider,
            resource_types,
            capabilities,
            criteria,
            invite_accept_dialog,
            token_end_point,
            jwks_uri,
        };
        check(trace, "capabilities and criteria", SECTION, discovery.agree(), |()| {
            excerpt(&discovery.capabilities.join(", "))
        })?;
        Ok(discovery)
    }

    /// A server that exchanges tokens says where, and one that insists on it can do it.
    fn agree(&self) -> Result<(), Rejection> {
        if self.has(EXCHANGE_TOKEN) && self.token_end_point.is_none() {
            let what = "the server exchanges tokens and has no tokenEndPoint";
            return Err(Rejection::new(DiscoveryCode::TokenEndPoint, what));
        }
        if self.insists_on(MUST_EXCHANGE_TOKEN) && !self.has(EXCHANGE_TOKEN) {
            let what = "the criterion must-exchange-token is there without the capability exchange-token";
            return Err(Rejection::new(DiscoveryCode::Criterion, what));
        }
        Ok(())
    }

    /// Whether it has a capability.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|its| its == capability)
    }

    /// Whether it has a criterion.
    pub fn insists_on(&self, criterion: &str) -> bool {
        self.criteria.iter().any(|its| its == criterion)
    }

    /// Whether the code flow can be used: the capability, and where.
    pub fn exchanges_tokens(&self) -> bool {
        self.has(EXCHANGE_TOKEN) && self.token_end_point.is_some()
    }

    /// Whether it holds its users to a second factor.
    pub fn enforces_mfa(&self) -> bool {
        self.has(ENFORCE_MFA)
    }

    /// Where its keys are: where it says, and else below the host that it was discovered at.
    ///
    /// Errors: those of [`admit`].
    pub fn keys_url(&self, host: &crate::Host, listed: &[Origin]) -> Result<String, Rejection> {
        self.jwks_uri.clone().map_or_else(|| peer::keys_url(host, listed), Ok)
    }

    /// Where shares are posted.
    pub fn shares_url(&self) -> String {
        peer::below(&self.end_point, "/shares")
    }

    /// Where notifications are posted.
    pub fn notifications_url(&self) -> String {
        peer::below(&self.end_point, "/notifications")
    }

    /// Where accepted invites are told.
    pub fn invite_accepted_url(&self) -> String {
        peer::below(&self.end_point, "/invite-accepted")
    }

    /// Where shares are asked for.
    pub fn request_share_url(&self) -> String {
        peer::below(&self.end_point, "/request-share")
    }

    /// What it says of a kind of resource. A folder is a file where nothing is said of folders, as before they had a kind of their
    /// own.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        let find = |name: &str| self.resource_types.iter().find(|one| one.name == name);
        find(name).or_else(|| if name == "folder" { find("file") } else { None })
    }
}

/// Refuses the path where servers described themselves before the draft.
///
/// Error: `ocm.discovery_legacy`.
pub fn check_path(path: &str) -> Result<(), Rejection> {
    let path = path.trim_end_matches('/');
    if path == LEGACY_DISCOVERY_PATH || path.ends_with("/index.php/ocm-provider") {
        let what = "/ocm-provider is the discovery of older servers; the draft has /.well-known/ocm";
        return Err(Rejection::new(DiscoveryCode::Legacy, what));
    }
    Ok(())
}

/// The service is enabled.
fn enabled(read: &Reader<'_, DiscoveryCode>) -> Result<(), Rejection> {
    match read.flag("enabled")? {
        true => Ok(()),
        false => Err(Rejection::new(DiscoveryCode::Disabled, "the server has OCM switched off")),
    }
}

/// Numbers with points, the first of which is 1. The versions before 1.1 have another form of shares.
fn version(read: &Reader<'_, DiscoveryCode>) -> Result<String, Rejection> {
    let version = read.text("apiVersion")?;
    let numbers: Vec<&str> = version.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    match numbers[..] {
        ["1", minor, ..] if minor.starts_with('0') => Err(Rejection::new(
            DiscoveryCode::Legacy,
            format!("the server speaks {}, from before shares had a member a protocol", excerpt(version)),
        )),
        ["1", _] | ["1", _, _] if numbers.iter().all(number) => Ok(version.to_owned()),
        _ => {
            let what = format!("the API version {} is none of 1.x", excerpt(version));
            Err(Rejection::new(DiscoveryCode::Version, what))
        }
    }
}

fn api_url(name: &str, url: &str, listed: &[Origin]) -> Result<String, Rejection> {
    admit(url, listed).map_err(|refused| refused.within(name))?;
    if name == "endPoint" && url.contains('?') {
        // Paths are put behind it.
        return Err(Rejection::new(DiscoveryCode::MemberType, "endPoint has a query"));
    }
    Ok(url.to_owned())
}

/// A path at the server, or a URL of its own.
fn dialog(place: &str, listed: &[Origin]) -> Result<String, Rejection> {
    if is_path(place) {
        return Ok(place.to_owned());
    }
    api_url("inviteAcceptDialog", place, listed)
}

/// An absolute path, which no reader takes for a host.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
        && !text.split(['/', '?']).any(|segment| segment == "..")
}

/// At least one, no name twice.
fn resource_types(read: &Reader<'_, DiscoveryCode>) -> Result<Vec<ResourceType>, Rejection> {
    let list = read.list("resourceTypes")?;
    if list.is_empty() {
        return Err(Rejection::new(DiscoveryCode::ResourceMissing, "the server has no resource type"));
    }
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for value in list {
        let Value::Object(object) = value else {
            return Err(read.wrong_type("an entry of resourceTypes", value, "an object"));
        };
        let one = resource_type(&read.inner("a resource type", object))?;
        if !names.insert(one.name.clone()) {
            let what = format!("the resource type {} stands twice", excerpt(&one.name));
            return Err(Rejection::new(DiscoveryCode::ResourceRepeated, what));
        }
        found.push(one);
    }
    Ok(found)
}

fn resource_type(read: &Reader<'_, DiscoveryCode>) -> Result<ResourceType, Rejection> {
    let name = read.text("name")?.to_owned();
    let share_types = read.texts("shareTypes")?;
    if !share_types.iter().any(|one| one == "user") {
        let what = format!("{} cannot be shared with users", excerpt(&name));
        return Err(Rejection::new(DiscoveryCode::ShareTypes, what));
    }
    let object = read.object("protocols")?;
    let of = read.inner("protocols", object);
    let webdav = of.optional_text("webdav")?;
    if let Some(path) = webdav
        && !is_path(path)
    {
        let what = format!("webdav is {}, no absolute path", excerpt(path));
        return Err(Rejection::new(DiscoveryCode::Protocol, what));
    }
    let webdav_receive = of.optional_object("webdav-receive")?.map(uri_form).transpose()?;
    let webapp_receive = of.optional_object("webapp-receive")?.map(targets).transpose()?;
    if name == "file" && webdav.is_none() && webdav_receive.is_none() {
        return Err(Rejection::new(DiscoveryCode::Webdav, "files are offered without webdav"));
    }
    let protocols = object.members().map(|(name, _)| name.to_owned()).collect();
    Ok(ResourceType {
        name,
        share_types,
        webdav: webdav.map(ToOwned::to_owned),
        webdav_receive,
        webapp_receive,
        protocols,
    })
}

fn uri_form(object: &Object) -> Result<UriForm, Rejection> {
    match object.get("uri")?.and_then(Value::as_str) {
        Some("absolute") => Ok(UriForm::Absolute),
        Some("relative") => Ok(UriForm::Relative),
        _ => {
            let what = "uri of webdav-receive is neither absolute nor relative";
            Err(Rejection::new(DiscoveryCode::Protocol, what))
        }
    }
}

fn targets(object: &Object) -> Result<Vec<Target>, Rejection> {
    let refuse = || Rejection::new(DiscoveryCode::Protocol, "targets of webapp-receive is no list of blank and iframe");
    let items = object.get("targets")?.and_then(Value::as_array).ok_or_else(refuse)?;
    items.iter().map(|item| item.as_str().and_then(Target::from_name).ok_or_else(refuse)).collect()
}
