//! The ways to a shared resource: the member `protocol` (section Share Creation Notification, Fields).

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    origin::Origin,
    time::timestamp_from_json,
};

use super::{AccessType, Permission, Requirement, SshUri, Target, WebdavUri, reader};
use crate::{Secret, ShareCode, member::Reader, peer::admit};

/// What has to be done before the resource is accessed, the same for each protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requirements {
    /// `must-exchange-token`
    pub exchange: bool,
    /// `must-use-mfa`
    pub mfa: bool,
}

/// WebDAV.
#[derive(Debug, Clone, PartialEq)]
pub struct Webdav {
    /// How it may be used; remotely, where nothing is said.
    pub access_types: Vec<AccessType>,
    /// Where it is; nothing in the form of version 1.0.
    pub uri: Option<WebdavUri>,
    /// What opens it, or is exchanged for what does.
    pub secret: Secret,
    /// What may be done; nothing where nothing is said, which is taken for reading.
    pub permissions: Option<Vec<Permission>>,
    /// How large it is, in bytes.
    pub size: Option<u64>,
}

/// A web application of the sender.
#[derive(Debug, Clone, PartialEq)]
pub struct Webapp {
    /// Where it is, an admitted URL.
    pub uri: String,
    /// How it may be shown; at least one.
    pub targets: Vec<Target>,
    /// What may be done; at least one.
    pub permissions: Vec<Permission>,
    /// What is exchanged for a token. No browser sees it.
    pub secret: Secret,
    /// What people call it.
    pub app_name: Option<String>,
}

/// SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// How it may be used; remotely, where nothing is said.
    pub access_types: Vec<AccessType>,
    /// Where it is.
    pub uri: SshUri,
}

/// The ways to a resource: at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocols {
    /// WebDAV.
    pub webdav: Option<Webdav>,
    /// A web application.
    pub webapp: Option<Webapp>,
    /// SSH.
    pub ssh: Option<Ssh>,
    /// Other protocols by their names, of which no more is known here.
    pub others: Vec<String>,
    /// What each of them requires.
    pub requirements: Requirements,
    /// Whether the deprecated `options` are there, for receivers of version 1.0.
    pub options: bool,
}

impl Protocols {
    /// Reads the member `protocol`.
    ///
    /// Errors: `ocm.share_*`, `ocm.peer_*`.
    pub(super) fn read(share: &Reader<'_, ShareCode>, listed: &[Origin]) -> Result<Self, Rejection> {
        Self::from_object(share.object("protocol")?, listed)
    }

    /// Reads the protocols of a share, or those that a share is changed to.
    ///
    /// Errors: `ocm.share_*`, `ocm.peer_*`.
    pub fn from_object(object: &Object, listed: &[Origin]) -> Result<Self, Rejection> {
        let read = reader(object).inner("protocol", object);
        let name = read.text("name")?;
        let members: Vec<(&str, &Object)> = object
            .members()
            .filter(|(member, _)| !matches!(*member, "name" | "options"))
            .map(|(member, value)| match value {
                Value::Object(details) => details.checked().map(|details| (member, details)),
                other => Err(read.wrong_type(member, other, "an object")),
            })
            .collect::<Result<_, _>>()?;
        let options = read.optional_object("options")?.filter(|options| !options.is_empty());
        match (name, &members[..]) {
            ("multi", []) => return Err(missing("no protocol is offered")),
            ("multi", _) => {}
            ("webdav", []) => {
                let options = options.ok_or_else(|| missing("webdav has neither options nor a member webdav"))?;
                return Self::of_options(&read.inner("options", options));
            }
            (name, []) => return Err(missing(&format!("{} has no details", excerpt(name)))),
            (name, [(member, _)]) if *member == name => {}
            (name, _) => {
                let what = format!("protocol is named {}, and has others: that is multi", excerpt(name));
                return Err(Rejection::new(ShareCode::ProtocolForm, what));
            }
        }
        let mut found = Self {
            webdav: None,
            webapp: None,
            ssh: None,
            others: Vec::new(),
            requirements: Requirements::default(),
            options: options.is_some(),
        };
        let mut agreed = None;
        for (member, details) in members {
            let requirements = match member {
                "webdav" => found.webdav(&read.inner("webdav", details), listed)?,
                "webapp" => found.webapp(&read.inner("webapp", details), listed)?,
                "ssh" => found.ssh(&read.inner("ssh", details), listed)?,
                other => {
                    found.others.push(other.to_owned());
                    requirements(&read.inner("another protocol", details))?.unwrap_or_default()
                }
            };
            if *agreed.get_or_insert(requirements) != requirements {
                let what = format!("{} has other requirements than the protocol before it", excerpt(member));
                return Err(Rejection::new(ShareCode::RequirementsDisagree, what));
            }
        }
        found.requirements = agreed.unwrap_or_default();
        if let Some(options) = options {
            found.check_options(&read.inner("options", options))?;
        }
        Ok(found)
    }

    /// The form of version 1.0: a secret, and nothing more that counts.
    fn of_options(options: &Reader<'_, ShareCode>) -> Result<Self, Rejection> {
        let webdav = Webdav {
            access_types: vec![AccessType::Remote],
            uri: None,
            secret: secret(options)?,
            permissions: None,
            size: None,
        };
        Ok(Self {
            webdav: Some(webdav),
            webapp: None,
            ssh: None,
            others: Vec::new(),
            requirements: Requirements::default(),
            options: true,
        })
    }

    /// Options beside a member for the protocol say the same, and do not go round what it requires.
    fn check_options(&self, options: &Reader<'_, ShareCode>) -> Result<(), Rejection> {
        let other = match (&self.webdav, options.optional_text("sharedSecret")?) {
            (_, None) => return Ok(()),
            (Some(webdav), Some(text)) => !webdav.secret.is(text),
            (None, Some(_)) => true,
        };
        if other {
            let what = "options have another sharedSecret than webdav";
            return Err(Rejection::new(ShareCode::Options, what));
        }
        Ok(())
    }

    fn webdav(&mut self, read: &Reader<'_, ShareCode>, listed: &[Origin]) -> Result<Requirements, Rejection> {
        let access_types = access_types(read)?;
        let text = read.text("uri")?;
        let uri = WebdavUri::parse(text, listed)?;
        let secret = secret(read)?;
        apart(text, &secret)?;
        let permissions = permissions(read, &[Permission::Read, Permission::Write, Permission::Share])?;
        let requirements = requirements(read)?.unwrap_or_default();
        let size = match read.optional("size")? {
            None => None,
            Some(value) => {
                let wrong = || read.wrong_type("size", value, "a whole number of bytes");
                Some(timestamp_from_json(value).ok_or_else(wrong)?)
            }
        };
        self.webdav = Some(Webdav { access_types, uri: Some(uri), secret, permissions, size });
        Ok(requirements)
    }

    fn webapp(&mut self, read: &Reader<'_, ShareCode>, listed: &[Origin]) -> Result<Requirements, Rejection> {
        let uri = read.text("uri")?;
        admit(uri, listed).map_err(|bad| bad.within("uri of webapp"))?;
        let targets = known(read.texts("targets")?, Target::from_name, ShareCode::Target, "target")?;
        if targets.is_empty() {
            return Err(Rejection::new(ShareCode::TargetsEmpty, "targets of webapp is empty"));
        }
        let permissions = permissions(read, Permission::ALL)?;
        let permissions = permissions.ok_or_else(|| member_missing("webapp has no permissions"))?;
        if permissions.is_empty() {
            return Err(Rejection::new(ShareCode::PermissionsEmpty, "permissions of webapp is empty"));
        }
        let requirements = requirements(read)?.ok_or_else(|| member_missing("webapp has no requirements"))?;
        if !requirements.exchange {
            let what = "requirements of webapp has no must-exchange-token";
            return Err(Rejection::new(ShareCode::WebappExchange, what));
        }
        let secret = secret(read)?;
        apart(uri, &secret)?;
        read.optional_text("appIconHint")?;
        read.optional_texts("mediaTypes")?;
        let app_name = read.optional_text("appName")?.map(ToOwned::to_owned);
        self.webapp = Some(Webapp { uri: uri.to_owned(), targets, permissions, secret, app_name });
        Ok(requirements)
    }

    fn ssh(&mut self, read: &Reader<'_, ShareCode>, listed: &[Origin]) -> Result<Requirements, Rejection> {
        let access_types = access_types(read)?;
        let uri = SshUri::parse(read.text("uri")?, listed)?;
        self.ssh = Some(Ssh { access_types, uri });
        Ok(requirements(read)?.unwrap_or_default())
    }

    /// The names of the protocols.
    pub fn names(&self) -> Vec<&str> {
        let known = [("webdav", self.webdav.is_some()), ("webapp", self.webapp.is_some()), ("ssh", self.ssh.is_some())];
        let known = known.into_iter().filter_map(|(name, there)| there.then_some(name));
        known.chain(self.others.iter().map(String::as_str)).collect()
    }

    /// The protocol, if there is one, whose shared secret a text is.
    pub fn of_secret(&self, text: &str) -> Option<&'static str> {
        // Both are compared, whichever it is.
        let webdav = self.webdav.as_ref().is_some_and(|webdav| webdav.secret.is(text));
        let webapp = self.webapp.as_ref().is_some_and(|webapp| webapp.secret.is(text));
        if webdav { Some("webdav") } else { webapp.then_some("webapp") }
    }

    /// Whether a protocol grants a permission by its word.
    pub fn grants(&self, permission: Permission) -> bool {
        let webdav = self.webdav.as_ref().and_then(|webdav| webdav.permissions.as_deref()).unwrap_or_default();
        let webapp = self.webapp.as_ref().map(|webapp| webapp.permissions.as_slice()).unwrap_or_default();
        webdav.contains(&permission) || webapp.contains(&permission)
    }
}

fn missing(what: &str) -> Rejection {
    Rejection::new(ShareCode::ProtocolMissing, what)
}

fn member_missing(what: &str) -> Rejection {
    Rejection::new(ShareCode::MemberMissing, what)
}

/// Words of which each is known.
fn known<T>(
    words: Vec<String>,
    from_name: impl Fn(&str) -> Option<T>,
    code: ShareCode,
    kind: &str,
) -> Result<Vec<T>, Rejection> {
    let unknown = |word: &str| Rejection::new(code, format!("the {kind} {} is not known", excerpt(word)));
    words.iter().map(|word| from_name(word).ok_or_else(|| unknown(word))).collect()
}

fn access_types(read: &Reader<'_, ShareCode>) -> Result<Vec<AccessType>, Rejection> {
    match read.optional_texts("accessTypes")? {
        None => Ok(vec![AccessType::Remote]),
        Some(words) => known(words, AccessType::from_name, ShareCode::AccessType, "access type"),
    }
}

fn permissions(read: &Reader<'_, ShareCode>, subset_of: &[Permission]) -> Result<Option<Vec<Permission>>, Rejection> {
    let from_name = |word: &str| Permission::from_name(word).filter(|one| subset_of.contains(one));
    let words = read.optional_texts("permissions")?;
    words.map(|words| known(words, from_name, ShareCode::Permission, "permission")).transpose()
}

/// The requirements of a protocol. One that is not known cannot be fulfilled.
fn requirements(read: &Reader<'_, ShareCode>) -> Result<Option<Requirements>, Rejection> {
    let Some(words) = read.optional_texts("requirements")? else { return Ok(None) };
    let words = known(words, Requirement::from_name, ShareCode::Requirement, "requirement")?;
    Ok(Some(Requirements {
        exchange: words.contains(&Requirement::MustExchangeToken),
        mfa: words.contains(&Requirement::MustUseMfa),
    }))
}

fn secret(read: &Reader<'_, ShareCode>) -> Result<Secret, Rejection> {
    let unfit = || Rejection::new(ShareCode::Secret, "sharedSecret is no text that a header field can carry");
    Secret::new(read.text("sharedSecret")?).ok_or_else(unfit)
}

/// A secret stands in no URI, where logs would show it. A very short one occurs in any text.
fn apart(uri: &str, secret: &Secret) -> Result<(), Rejection> {
    if secret.expose().len() >= SHORT && uri.contains(secret.expose()) {
        return Err(Rejection::new(ShareCode::SecretInUri, "the sharedSecret stands in the uri"));
    }
    Ok(())
}

/// From how many characters on a secret is looked for in URIs.
const SHORT: usize = 8;
