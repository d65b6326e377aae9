//! The ways to a resource, and shares that are kept, as the contract has them and as the crate has them.
//!
//! From the contract they go through the members of the notification, so that what the crate checks of those it checks here.

use portcullis_ocm::{self as ocm, AccessType, HeldShare as Held, Permission, Requirement, Secret, WebdavUri};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    origin::Origin,
};

use super::discovery::{target_from, targets};
use crate::bindings::exports::portcullis::ocm::shares::{
    AccessTypes, HeldShare, Permissions, Protocol, Protocols, Requirements, ShareState, Ssh, Webapp, Webdav,
};

type Members = Vec<(String, Value)>;

pub(super) fn protocols(found: &ocm::Protocols) -> Protocols {
    let webdav = |webdav: &ocm::Webdav| Webdav {
        access_types: access_types(&webdav.access_types),
        uri: webdav.uri.as_ref().map(|uri| match uri {
            WebdavUri::Absolute(text) | WebdavUri::Relative(text) => text.clone(),
        }),
        shared_secret: told(&webdav.secret),
        permissions: webdav.permissions.as_deref().map(permissions),
        size: webdav.size,
    };
    let webapp = |webapp: &ocm::Webapp| Webapp {
        uri: webapp.uri.clone(),
        targets: targets(&webapp.targets),
        permissions: permissions(&webapp.permissions),
        shared_secret: told(&webapp.secret),
        app_name: webapp.app_name.clone(),
    };
    let ssh = |ssh: &ocm::Ssh| Ssh {
        access_types: access_types(&ssh.access_types),
        user: ssh.uri.user.clone(),
        host: ssh.uri.host.to_string(),
        path: ssh.uri.path.clone(),
    };
    let required = |is: bool, one| if is { one } else { Requirements::empty() };
    Protocols {
        webdav: found.webdav.as_ref().map(webdav),
        webapp: found.webapp.as_ref().map(webapp),
        ssh: found.ssh.as_ref().map(ssh),
        others: found.others.clone(),
        requirements: required(found.requirements.exchange, Requirements::MUST_EXCHANGE_TOKEN)
            | required(found.requirements.mfa, Requirements::MUST_USE_MFA),
        options: found.options,
    }
}

/// A share that is kept, from the contract.
///
/// Errors: those of [`Held::from_object`].
pub(super) fn held(share: &HeldShare, listed: &[Origin]) -> Result<Held, Rejection> {
    let mut members: Members = vec![
        ("providerId".into(), share.provider_id.as_str().into()),
        ("owner".into(), share.owner.as_str().into()),
        ("sender".into(), share.sender.as_str().into()),
        ("shareWith".into(), share.share_with.as_str().into()),
        ("state".into(), state_from(share.state).name().into()),
    ];
    members.extend(share.resource_type.as_deref().map(|kind| ("resourceType".into(), kind.into())));
    members.extend(share.expiration.map(|end| ("expiration".into(), end.into())));
    members.extend(share.protocols.as_ref().map(|protocols| ("protocol".into(), written(protocols).into())));
    Held::from_object(&Object::from_members(members), listed)
}

/// The member `protocol`.
fn written(protocols: &Protocols) -> Object {
    let required = requirements(protocols.requirements);
    let mut members: Members = Vec::new();
    let options = |secret: &str| Object::from_members(vec![("sharedSecret".into(), secret.into())]);
    match &protocols.webdav {
        // The form of version 1.0 has its secret in the options, and nothing beside them.
        Some(webdav) if webdav.uri.is_none() => {
            return Object::from_members(vec![
                ("name".into(), "webdav".into()),
                ("options".into(), options(&webdav.shared_secret).into()),
            ]);
        }
        Some(webdav) => {
            if protocols.options {
                members.push(("options".into(), options(&webdav.shared_secret).into()));
            }
            members.push(("webdav".into(), written_webdav(webdav, &required).into()));
        }
        None => {}
    }
    members.extend(protocols.webapp.as_ref().map(|webapp| ("webapp".into(), written_webapp(webapp, &required).into())));
    members.extend(protocols.ssh.as_ref().map(|ssh| ("ssh".into(), written_ssh(ssh, &required).into())));
    let other = || Object::from_members(vec![("requirements".into(), required.clone())]);
    members.extend(protocols.others.iter().map(|name| (name.clone(), other().into())));
    members.push(("name".into(), "multi".into()));
    Object::from_members(members)
}

fn written_webdav(webdav: &Webdav, required: &Value) -> Object {
    let mut members: Members = vec![
        ("accessTypes".into(), written_access_types(webdav.access_types)),
        ("sharedSecret".into(), webdav.shared_secret.as_str().into()),
        ("requirements".into(), required.clone()),
    ];
    members.extend(webdav.uri.as_deref().map(|uri| ("uri".into(), uri.into())));
    members.extend(webdav.permissions.map(|granted| ("permissions".into(), written_permissions(granted))));
    members.extend(webdav.size.map(|size| ("size".into(), size.into())));
    Object::from_members(members)
}

fn written_webapp(webapp: &Webapp, required: &Value) -> Object {
    let targets = words(webapp.targets.iter().map(|target| target_from(*target).name()));
    let mut members: Members = vec![
        ("uri".into(), webapp.uri.as_str().into()),
        ("targets".into(), targets),
        ("permissions".into(), written_permissions(webapp.permissions)),
        ("sharedSecret".into(), webapp.shared_secret.as_str().into()),
        ("requirements".into(), required.clone()),
    ];
    members.extend(webapp.app_name.as_deref().map(|name| ("appName".into(), name.into())));
    Object::from_members(members)
}

fn written_ssh(ssh: &Ssh, required: &Value) -> Object {
    Object::from_members(vec![
        ("accessTypes".into(), written_access_types(ssh.access_types)),
        ("uri".into(), format!("{}@{}{}", ssh.user, ssh.host, ssh.path).into()),
        ("requirements".into(), required.clone()),
    ])
}

fn words(words: impl Iterator<Item = &'static str>) -> Value {
    Value::Array(words.map(Value::from).collect())
}

/// The secret itself: the contract hands it to the server that keeps it.
fn told(secret: &Secret) -> String {
    secret.expose().into()
}

fn access_types(types: &[AccessType]) -> AccessTypes {
    types.iter().fold(AccessTypes::empty(), |all, one| all | access_type(*one))
}

fn access_type(one: AccessType) -> AccessTypes {
    match one {
        AccessType::Remote => AccessTypes::REMOTE,
        AccessType::Datatx => AccessTypes::DATATX,
    }
}

fn written_access_types(types: AccessTypes) -> Value {
    let has = |one| types & one == one;
    words(AccessType::ALL.iter().filter(|one| has(access_type(**one))).map(|one| one.name()))
}

pub(super) fn permissions(granted: &[Permission]) -> Permissions {
    granted.iter().fold(Permissions::empty(), |all, one| all | permission(*one))
}

fn permission(one: Permission) -> Permissions {
    match one {
        Permission::View => Permissions::VIEW,
        Permission::Read => Permissions::READ,
        Permission::Write => Permissions::WRITE,
        Permission::Share => Permissions::SHARE,
    }
}

fn written_permissions(granted: Permissions) -> Value {
    let has = |one| granted & one == one;
    words(Permission::ALL.iter().filter(|one| has(permission(**one))).map(|one| one.name()))
}

fn requirements(required: Requirements) -> Value {
    let of = |one: &Requirement| match one {
        Requirement::MustExchangeToken => Requirements::MUST_EXCHANGE_TOKEN,
        Requirement::MustUseMfa => Requirements::MUST_USE_MFA,
    };
    let has = |one| required & one == one;
    words(Requirement::ALL.iter().filter(|one| has(of(one))).map(|one| one.name()))
}

fn state_from(state: ShareState) -> ocm::ShareState {
    match state {
        ShareState::Pending => ocm::ShareState::Pending,
        ShareState::Accepted => ocm::ShareState::Accepted,
        ShareState::Declined => ocm::ShareState::Declined,
        ShareState::Unshared => ocm::ShareState::Unshared,
    }
}

pub(super) fn state(state: ocm::ShareState) -> ShareState {
    match state {
        ocm::ShareState::Pending => ShareState::Pending,
        ocm::ShareState::Accepted => ShareState::Accepted,
        ocm::ShareState::Declined => ShareState::Declined,
        ocm::ShareState::Unshared => ShareState::Unshared,
    }
}

/// As the crate names it.
pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Webdav => "webdav",
        Protocol::Webapp => "webapp",
    }
}

/// From the crate's name. No other than these two have a secret.
pub(super) fn protocol(name: &str) -> Protocol {
    if name == "webapp" { Protocol::Webapp } else { Protocol::Webdav }
}
