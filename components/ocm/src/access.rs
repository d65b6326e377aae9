//! Access to a shared resource: what the receiver does, and what opens it at the sender (sections Resource Access and Code Flow;
//! Appendix A).

use alloc::{format, string::String};

use portcullis_signature::Field;
use portcullis_types::{Rejection, Timestamp, limits::excerpt};

use crate::{
    AccessCode, Discovery, Secret,
    share::{HeldShare, Permission},
};

/// What the receiver has got so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress<'p> {
    /// Whether the user has given a second factor.
    pub mfa: bool,
    /// A token that was exchanged, and when it ends, in seconds since 1970.
    pub token: Option<(&'p Secret, Timestamp)>,
    /// Whether the sender refused an exchange.
    pub refused: bool,
}

/// What the receiver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'p> {
    /// Exchanges the shared secret.
    Exchange,
    /// Presents what opens the resource, as a bearer token.
    Present(&'p Secret),
}

/// Section Resource Access, step 3: what the receiver does next to get at a share in a protocol, `webdav` or `webapp`. `sender` is
/// the discovery document of the sender's server.
///
/// Without the requirement the exchange is tried where the sender offers it, and the secret is used where it fails. With it, the
/// secret itself is never presented.
///
/// Errors: `ocm.access_*`.
pub fn next<'p>(
    share: &'p HeldShare,
    protocol: &str,
    sender: &Discovery,
    progress: &Progress<'p>,
    at: Timestamp,
) -> Result<Next<'p>, Rejection> {
    share.check_open(at)?;
    let none = || Rejection::new(AccessCode::Protocol, format!("the share has no {}", excerpt(protocol)));
    let protocols = share.protocols.as_ref().ok_or_else(none)?;
    let secret = match protocol {
        "webdav" => protocols.webdav.as_ref().map(|webdav| &webdav.secret),
        "webapp" => protocols.webapp.as_ref().map(|webapp| &webapp.secret),
        _ => None,
    };
    let secret = secret.ok_or_else(none)?;
    check_mfa(protocols.requirements.mfa, progress.mfa)?;
    if let Some((token, until)) = progress.token
        && at < until
    {
        return Ok(Next::Present(token));
    }
    // With a web application it is always required, so that no browser sees the secret.
    match (protocols.requirements.exchange, progress.refused) {
        (true, true) => {
            let what = "the sender refused the exchange, and only what is exchanged opens the resource";
            Err(Rejection::new(AccessCode::ExchangeRefused, what))
        }
        (true, false) => Ok(Next::Exchange),
        (false, false) if sender.exchanges_tokens() => Ok(Next::Exchange),
        (false, _) => Ok(Next::Present(secret)),
    }
}

/// Appendix A: no access without a second factor where the share requires one.
///
/// Error: `ocm.access_mfa`.
pub fn check_mfa(required: bool, given: bool) -> Result<(), Rejection> {
    if required && !given {
        return Err(Rejection::new(AccessCode::Mfa, "the share requires a second factor, and the user has given none"));
    }
    Ok(())
}

/// What a request presents at the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'c> {
    /// `Authorization: Bearer`.
    Bearer(&'c str),
    /// The form field `access_token` of a web application.
    AccessToken(&'c str),
}

impl<'c> Credential<'c> {
    /// The credential of a request's `Authorization`. Basic, with the secret as user name, is deprecated and not read: the secret
    /// then stands in URLs and logs.
    ///
    /// Error: `ocm.access_credential`.
    pub fn of(fields: &[Field<'c>]) -> Result<Self, Rejection> {
        let refuse = |what: &str| Rejection::new(AccessCode::Credential, what);
        let mut values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("authorization"));
        let (Some(field), None) = (values.next(), values.next()) else {
            return Err(refuse("there is not one Authorization"));
        };
        let value = core::str::from_utf8(field.value).map_err(|_| refuse("Authorization is not ASCII"))?;
        let (scheme, token) = value.trim().split_once(' ').ok_or_else(|| refuse("Authorization has no token"))?;
        match scheme.eq_ignore_ascii_case("bearer") {
            true => Ok(Self::Bearer(token.trim())),
            false => Err(refuse("Authorization is no bearer token")),
        }
    }

    fn text(self) -> &'c str {
        match self {
            Self::Bearer(text) | Self::AccessToken(text) => text,
        }
    }

    /// Where it is presented.
    fn protocol(self) -> &'static str {
        match self {
            Self::Bearer(_) => "webdav",
            Self::AccessToken(_) => "webapp",
        }
    }
}

/// A token that the sender has issued for a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: Secret,
    /// The protocol whose secret was exchanged for it, `webdav` or `webapp`. It opens that one.
    pub protocol: String,
    /// When it ends, in seconds since 1970.
    pub until: Timestamp,
}

/// How a resource was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// By a token that was exchanged.
    Exchanged,
    /// By the shared secret itself.
    SharedSecret,
}

impl Opened {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Opened::Exchanged => "exchanged",
            Opened::SharedSecret => "shared-secret",
        }
    }
}

/// Whether a credential opens the resource of a share at the sender's server: a token that was issued for it and has not ended, or
/// the shared secret where the share does not require that it be exchanged. `needs` is what the request does.
///
/// Errors: `ocm.access_*`.
pub fn open(
    share: &HeldShare,
    issued: &[Issued],
    credential: Credential<'_>,
    needs: Option<Permission>,
    at: Timestamp,
) -> Result<Opened, Rejection> {
    share.check_open(at)?;
    let opened = opened_by(share, issued, credential, at)?;
    // What a web application lets people do is its own to say.
    if let (Some(needs), Credential::Bearer(_)) = (needs, credential) {
        permitted(share, needs)?;
    }
    Ok(opened)
}

fn opened_by(
    share: &HeldShare,
    issued: &[Issued],
    credential: Credential<'_>,
    at: Timestamp,
) -> Result<Opened, Rejection> {
    if let Some(found) = issued.iter().find(|one| one.token.is(credential.text())) {
        if found.protocol != credential.protocol() {
            let what = format!("the token is for {}", excerpt(&found.protocol));
            return Err(Rejection::new(AccessCode::TokenProtocol, what));
        }
        if at >= found.until {
            let what = format!("the token ended at {}, and it is {at}", found.until);
            return Err(Rejection::new(AccessCode::TokenExpired, what));
        }
        return Ok(Opened::Exchanged);
    }
    let protocols = share.protocols.as_ref();
    let of = protocols.and_then(|protocols| protocols.of_secret(credential.text()));
    match of {
        None => Err(Rejection::new(AccessCode::Unknown, "the credential is none of this share")),
        Some(_) if protocols.is_some_and(|protocols| protocols.requirements.exchange) => {
            let what = "the shared secret is there to be exchanged, and opens nothing itself";
            Err(Rejection::new(AccessCode::SecretAfterExchange, what))
        }
        Some(_) => Ok(Opened::SharedSecret),
    }
}

/// The share grants what the request does. Where it says nothing, it may be read.
fn permitted(share: &HeldShare, needs: Permission) -> Result<(), Rejection> {
    let webdav = share.protocols.as_ref().and_then(|protocols| protocols.webdav.as_ref());
    let granted = webdav.and_then(|webdav| webdav.permissions.as_deref()).unwrap_or(&[Permission::Read]);
    if granted.contains(&needs) {
        return Ok(());
    }
    Err(Rejection::new(AccessCode::Permission, format!("the share does not grant {}", needs.name())))
}

/// The permission that a WebDAV method needs (RFC 4918 section 9, RFC 9110 section 9.3). One that is not known changes something.
pub fn needs(method: &str) -> Permission {
    match method {
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" | "SEARCH" => Permission::Read,
        _ => Permission::Write,
    }
}
