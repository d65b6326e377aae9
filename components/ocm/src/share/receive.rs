//! What the receiver of a share decides (section Decision to Discard) and has to do, and what the sender sees to before it sends.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{
    Rejection, Timestamp,
    limits::excerpt,
    trace::{Trace, check},
};

use super::{Share, ShareType, Target, WebdavUri};
use crate::{
    Address, Discovery, Host, ShareCode,
    discovery::{
        HTTP_SIG, MUST_EXCHANGE_TOKEN, MUST_INVITE, MUST_USE_HTTP_SIG, PROTOCOL_OBJECT, ResourceType, UriForm,
    },
    signed::check_origin,
};

const PAYLOAD: &str = "draft-ietf-ocm-open-cloud-mesh-05, Appendix B, Validating the Payload";
const DISCARD: &str = "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Decision to Discard";
const CREATION: &str = "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification";
const ACCESS: &str = "draft-ietf-ocm-open-cloud-mesh-05, Resource Access, step 3; Appendix A";

/// Who signed the notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy<'s> {
    /// The server whose signature verified.
    Host(&'s Host),
    /// Nobody.
    Nobody,
    /// Another place judges that.
    Elsewhere,
}

/// Whom the receiver trusts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust<'t> {
    /// Servers that nothing is taken from.
    pub denied: &'t [Host],
    /// The only servers that something is taken from, where there are such.
    pub allowed: Option<&'t [Host]>,
    /// Who of them may share with the receiving party.
    pub contacts: Contacts<'t>,
}

/// Who may share with somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Contacts<'t> {
    /// Anybody; nobody, where the receiver has the criterion `must-invite`.
    #[default]
    Unasked,
    /// Those in their address book.
    Only(&'t [Address]),
    /// Another place judges that: who keeps the address books.
    Elsewhere,
}

impl Trust<'_> {
    /// The server is not denied, and among those that are allowed.
    ///
    /// Errors: `ocm.peer_denied`, `ocm.peer_not_allowed`.
    pub fn check_host(&self, host: &Host) -> Result<(), Rejection> {
        if self.denied.contains(host) {
            return Err(Rejection::new(ShareCode::Denied, format!("{host} is on the deny-list")));
        }
        if self.allowed.is_some_and(|allowed| !allowed.contains(host)) {
            return Err(Rejection::new(ShareCode::NotAllowed, format!("{host} is not on the allow-list")));
        }
        Ok(())
    }
}

/// What the receiver has to do to get at the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Exchange the shared secret for a token, and use only that.
    Exchange,
    /// Use the shared secret. Where the sender exchanges tokens it may be tried first, and the secret is what remains.
    SharedSecret,
    /// Answer the notification with a public key.
    PublicKey,
    /// Hold the user to a second factor.
    Mfa,
}

impl Access {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Access::Exchange => "exchange",
            Access::SharedSecret => "shared-secret",
            Access::PublicKey => "public-key",
            Access::Mfa => "mfa",
        }
    }
}

/// A share that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What has to be done, in order.
    pub access: Vec<Access>,
    /// The protocols that can be used, by their names.
    pub protocols: Vec<String>,
    /// How the web application may be shown; empty where there is none.
    pub targets: Vec<Target>,
    /// Whether the sender exchanges tokens though the share does not require it.
    pub may_exchange: bool,
}

/// The server that gets a share.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'r> {
    /// Its host, as addresses have it.
    pub host: &'r Host,
    /// What it says of itself.
    pub discovery: &'r Discovery,
    /// Whom it trusts.
    pub trust: Trust<'r>,
}

/// Decides about a share for the server that gets it. `sender` is the discovery document of the sender's server.
///
/// Errors: `ocm.share_*`, `ocm.owner_other`, `ocm.sender_other`, `ocm.peer_denied`, `ocm.peer_not_allowed`. What answers them is
/// [`crate::share_status`].
pub fn receive(
    share: &Share,
    receiver: &Receiver<'_>,
    sender: &Discovery,
    signed_by: SignedBy<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Received, Rejection> {
    let Receiver { host, discovery: receiver, trust } = *receiver;
    check(trace, "recipient", CREATION, recipient(share, host), |()| format!("at {host}"))?;
    let origin = check_origin(&share.owner, &share.sender);
    check(trace, "origin", PAYLOAD, origin, |()| format!("{}", share.sender.host()))?;
    check(trace, "signature", DISCARD, signature(share, receiver, sender, signed_by), |()| String::new())?;
    check(trace, "trusted server", DISCARD, trust.check_host(share.sender.host()), |()| String::new())?;
    check(trace, "trusted sender", DISCARD, invited(share, receiver, &trust), |()| String::new())?;
    check(trace, "expiration", CREATION, current(share, at), |()| String::new())?;
    let of = check(trace, "types", CREATION, types(share, receiver), |_| String::new())?;
    let usable = check(trace, "protocols", DISCARD, usable(share, of, sender), |found| found.protocols.join(", "))?;
    check(trace, "requirements", CREATION, requirements(share, receiver, sender), |()| String::new())?;
    let access = access(share, &usable);
    let told = || access.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    trace.passed("access", ACCESS, &told);
    let may_exchange = !share.protocols.requirements.exchange && sender.exchanges_tokens();
    Ok(Received { access, may_exchange, ..usable })
}

/// The receiving party is here.
fn recipient(share: &Share, host: &Host) -> Result<(), Rejection> {
    if share.share_with.host() == host {
        return Ok(());
    }
    let what = format!("shareWith is at {}, and this is {host}", share.share_with.host());
    Err(Rejection::new(ShareCode::Recipient, what))
}

/// A notification without signature is taken only from a server that has no keys, by one that does not insist on them.
fn signature(
    share: &Share,
    receiver: &Discovery,
    sender: &Discovery,
    signed_by: SignedBy<'_>,
) -> Result<(), Rejection> {
    match signed_by {
        SignedBy::Elsewhere => Ok(()),
        SignedBy::Host(signer) if signer == share.sender.host() => Ok(()),
        SignedBy::Host(signer) => {
            let what = format!("{signer} signed, and the sender is at {}", share.sender.host());
            Err(Rejection::new(crate::SignedCode::Sender, what))
        }
        SignedBy::Nobody if receiver.insists_on(MUST_USE_HTTP_SIG) || sender.has(HTTP_SIG) => {
            let what = "the notification is not signed, and the sender has keys or the receiver insists on them";
            Err(Rejection::new(ShareCode::Unsigned, what))
        }
        SignedBy::Nobody => Ok(()),
    }
}

/// The sending party is in the address book, where only such may share.
fn invited(share: &Share, receiver: &Discovery, trust: &Trust<'_>) -> Result<(), Rejection> {
    let known = match trust.contacts {
        Contacts::Unasked => !receiver.insists_on(MUST_INVITE),
        Contacts::Only(contacts) => contacts.contains(&share.sender),
        Contacts::Elsewhere => true,
    };
    if known {
        return Ok(());
    }
    let what = format!("{} is no contact of the receiving party", excerpt(&format!("{}", share.sender)));
    Err(Rejection::new(ShareCode::NotInvited, what))
}

fn current(share: &Share, at: Timestamp) -> Result<(), Rejection> {
    if share.has_expired(at) {
        let end = share.expiration.unwrap_or_default();
        return Err(Rejection::new(ShareCode::Expired, format!("the share ended at {end}, and it is {at}")));
    }
    Ok(())
}

/// The receiver has the kind of resource and of recipient. Files for users over WebDAV are taken without a word.
fn types<'r>(share: &Share, receiver: &'r Discovery) -> Result<Option<&'r ResourceType>, Rejection> {
    let Some(of) = receiver.resource_type(&share.resource_type) else {
        let basic = matches!(share.resource_type.as_str(), "file" | "folder") && share.share_type == ShareType::User;
        if basic && share.protocols.webdav.is_some() {
            return Ok(None);
        }
        let what = format!("the receiver takes no {}", excerpt(&share.resource_type));
        return Err(Rejection::new(ShareCode::ResourceUnsupported, what));
    };
    if !of.share_types.iter().any(|one| one == share.share_type.name()) {
        let what = format!("the receiver takes no {} for a {}", excerpt(&of.name), share.share_type.name());
        return Err(Rejection::new(ShareCode::TypeUnsupported, what));
    }
    Ok(Some(of))
}

/// The protocols by which the receiver can get at the resource; at least one.
fn usable(share: &Share, of: Option<&ResourceType>, sender: &Discovery) -> Result<Received, Rejection> {
    let offered = &share.protocols;
    let receives =
        |name: &str| of.is_some_and(|of| of.protocols.iter().any(|one| one.strip_suffix("-receive") == Some(name)));
    let mut found = Received { access: Vec::new(), protocols: Vec::new(), targets: Vec::new(), may_exchange: false };
    let mut reason = None;
    if let Some(webdav) = &offered.webdav {
        // Older servers name what they receive no more than this.
        let takes = receives("webdav") || of.is_none_or(|of| of.webdav.is_some());
        match &webdav.uri {
            _ if !takes => {}
            Some(WebdavUri::Relative(_)) if webdav_path(share, sender).is_none() => {
                let what = "uri of webdav is relative, and the sender has no WebDAV path";
                reason = Some(Rejection::new(ShareCode::RelativeUri, what));
            }
            _ => found.protocols.push("webdav".into()),
        }
    }
    if let Some(webapp) = &offered.webapp {
        match of.and_then(|of| of.webapp_receive.as_deref()) {
            None => {}
            Some(shown) => {
                found.targets = webapp.targets.iter().copied().filter(|target| shown.contains(target)).collect();
                if found.targets.is_empty() {
                    let what = "the receiver shows web applications in none of the targets";
                    reason = Some(Rejection::new(ShareCode::Targets, what));
                } else {
                    found.protocols.push("webapp".into());
                }
            }
        }
    }
    if offered.ssh.is_some() && receives("ssh") {
        found.protocols.push("ssh".into());
    }
    found.protocols.extend(offered.others.iter().filter(|name| receives(name)).cloned());
    if found.protocols.is_empty() {
        return Err(reason.unwrap_or_else(|| {
            let names = offered.names().join(", ");
            let what = format!("the receiver takes none of {}", excerpt(&names));
            Rejection::new(ShareCode::ProtocolUnsupported, what)
        }));
    }
    Ok(found)
}

/// Where the sender's WebDAV begins, for a URI that is relative to it.
fn webdav_path<'s>(share: &Share, sender: &'s Discovery) -> Option<&'s str> {
    let of = sender.resource_type(&share.resource_type).or(sender.resource_types.first());
    of.and_then(|of| of.webdav.as_deref())
}

/// What the receiver insists on is required, and what is required can be done by those who have to do it.
fn requirements(share: &Share, receiver: &Discovery, sender: &Discovery) -> Result<(), Rejection> {
    let required = share.protocols.requirements;
    if receiver.insists_on(MUST_EXCHANGE_TOKEN) && !required.exchange {
        let what = "the receiver insists on must-exchange-token, and the share does not require it";
        return Err(Rejection::new(ShareCode::CriterionExchange, what));
    }
    if required.exchange && !sender.exchanges_tokens() {
        let what = "the share requires the exchange of tokens, and the sender does not do it";
        return Err(Rejection::new(ShareCode::ExchangeSender, what));
    }
    if required.exchange && !receiver.exchanges_tokens() {
        let what = "the share requires the exchange of tokens, and the receiver does not do it";
        return Err(Rejection::new(ShareCode::ExchangeReceiver, what));
    }
    if required.mfa && !receiver.enforces_mfa() {
        let what = "the share requires a second factor, and the receiver does not hold its users to one";
        return Err(Rejection::new(ShareCode::MfaReceiver, what));
    }
    Ok(())
}

/// Section Resource Access, step 3.
fn access(share: &Share, usable: &Received) -> Vec<Access> {
    let uses = |name: &str| usable.protocols.iter().any(|one| one == name);
    let required = share.protocols.requirements;
    let mut access = Vec::new();
    if required.exchange {
        access.push(Access::Exchange);
    } else if uses("webdav") {
        access.push(Access::SharedSecret);
    }
    if uses("ssh") {
        access.push(Access::PublicKey);
    }
    if required.mfa {
        access.push(Access::Mfa);
    }
    access
}

/// What a sender sees to before it sends a share: that the receiver takes it in each of its protocols, as its discovery document
/// says.
///
/// Errors: `ocm.share_*`.
pub fn check_creation(
    share: &Share,
    receiver: &Discovery,
    sender: &Discovery,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    check(trace, "expiration", CREATION, current(share, at), |()| String::new())?;
    let of = check(trace, "types", CREATION, types(share, receiver), |_| String::new())?;
    let usable = check(trace, "protocols", CREATION, usable(share, of, sender), |found| found.protocols.join(", "))?;
    check(trace, "each protocol", CREATION, each(share, receiver, of, &usable), |()| String::new())?;
    check(trace, "requirements", CREATION, requirements(share, receiver, sender), |()| String::new())
}

/// Nothing is offered that the receiver does not take.
fn each(share: &Share, receiver: &Discovery, of: Option<&ResourceType>, usable: &Received) -> Result<(), Rejection> {
    let unsupported = |what: String| Err(Rejection::new(ShareCode::ProtocolUnsupported, what));
    let offered = &share.protocols;
    if let Some(name) = offered.names().into_iter().find(|name| !usable.protocols.iter().any(|one| one == name)) {
        return unsupported(format!("the receiver does not take {}", excerpt(name)));
    }
    if let Some(webapp) = &offered.webapp
        && let Some(target) = webapp.targets.iter().find(|target| !usable.targets.contains(target))
    {
        let what = format!("the receiver does not show web applications in {}", target.name());
        return Err(Rejection::new(ShareCode::Targets, what));
    }
    let form = offered.webdav.as_ref().and_then(|webdav| match webdav.uri {
        Some(WebdavUri::Absolute(_)) => Some(UriForm::Absolute),
        Some(WebdavUri::Relative(_)) => Some(UriForm::Relative),
        None => None,
    });
    if let (Some(form), Some(wanted)) = (form, of.and_then(|of| of.webdav_receive))
        && form != wanted
    {
        return Err(Rejection::new(ShareCode::RelativeUri, "the receiver takes the other form of URI"));
    }
    if !offered.options && !receiver.has(PROTOCOL_OBJECT) {
        return unsupported("the receiver does not take a member a protocol, and there are no options".into());
    }
    Ok(())
}
