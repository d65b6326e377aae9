//! The endpoints of an OCM API, for who stands before a server and keeps none of its shares: a gateway.
//!
//! It judges what is to be known without them: who sent a request, whether that server is trusted, and of a share all but the
//! address book. What needs a share, an invite or a token that is kept is for the server behind: [`crate::accept`],
//! [`crate::notification::judge`], [`crate::token::grant`].
//!
//! In three steps, between which documents are fetched: [`Endpoint::of`] and [`claimed`]; the discovery document of that server, and
//! then its keys ([`Discovery::keys_url`]); [`judge`].

use alloc::format;

use portcullis_crypto::KeySet;
use portcullis_signature::Request;
use portcullis_types::{
    Rejection, Timestamp,
    limits::excerpt,
    origin::Origin,
    trace::{Trace, check},
};

use crate::{
    Acceptance, Discovery, Host, Received, Receiver, RequestForShare, Share, SignedBy, SignedCode,
    contact::check_server,
    receive,
    share::words,
    signed::{self, Body, SignedRequest, Times, named_host, verify_request},
    token::TokenRequest,
};

words! {
    /// An endpoint that other servers post to.
    pub enum Endpoint {
        /// Shares.
        Shares = "shares",
        /// Notifications about shares.
        Notifications = "notifications",
        /// Accepted invites.
        InviteAccepted = "invite-accepted",
        /// Requests for a share.
        RequestShare = "request-share",
        /// Token requests.
        Token = "token",
    }
}

impl Endpoint {
    /// The endpoint of a server, described by its own discovery document, that a URL is; the query is not looked at. Case of the
    /// host and a default port are the same origin, and a path is compared letter by letter.
    pub fn of(own: &Discovery, url: &str) -> Option<Self> {
        let (origin, path) = parts(url)?;
        let is = |its: &str| parts(its).is_some_and(|its| its == (origin.clone(), path));
        Self::ALL.iter().copied().find(|endpoint| match endpoint {
            Self::Shares => is(&own.shares_url()),
            Self::Notifications => is(&own.notifications_url()),
            Self::InviteAccepted => is(&own.invite_accepted_url()),
            Self::RequestShare => is(&own.request_share_url()),
            Self::Token => own.token_end_point.as_deref().is_some_and(is),
        })
    }
}

/// The origin of a URL, and the path behind it.
fn parts(url: &str) -> Option<(Origin, &str)> {
    let url = url.split('?').next()?;
    let (_, rest) = url.split_once("://")?;
    Some((Origin::of_url(url)?, rest.get(rest.find('/').unwrap_or(rest.len())..)?))
}

/// The server that stands behind.
#[derive(Debug, Clone, Copy)]
pub struct Front<'f> {
    /// The server, and whom it trusts.
    pub receiver: Receiver<'f>,
    /// Origins with a port or a short name that somebody answers for.
    pub listed: &'f [Origin],
    /// The time that signatures are granted.
    pub times: Times,
}

/// The server that a request is from, and what it publishes.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'p> {
    /// Its host, as [`claimed`] told it.
    pub host: &'p Host,
    /// What it says of itself.
    pub discovery: &'p Discovery,
    /// Its keys.
    pub keys: &'p KeySet,
}

/// A request that may go on to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Who signed it.
    pub signed: SignedRequest,
    /// Of a share, what its receiver has to do.
    pub received: Option<Received>,
}

/// Whom a request is from by its own word, where that is a server that can be asked and is trusted. Nothing is fetched for any other.
///
/// Errors: `ocm.signer_unknown`, `ocm.sender_other`, `ocm.owner_other`, `ocm.body_malformed`, `ocm.address_*`, `ocm.peer_*`.
pub fn claimed(
    endpoint: Endpoint,
    request: &Request<'_>,
    body: &Body,
    front: &Front<'_>,
    trace: &mut dyn Trace,
) -> Result<Host, Rejection> {
    const SECTION: &str = "draft-ietf-ocm-open-cloud-mesh-05, Appendix B, Verifying a Signature; Decision to Discard";
    let claimed = match endpoint {
        Endpoint::Notifications => named_host(request).ok_or_else(|| {
            let what = "a notification says whom it is from by its keyid alone, and that names no server";
            Rejection::new(SignedCode::SignerUnknown, what)
        }),
        _ => signed::signer(body, None),
    };
    let host = check(trace, "sender", SECTION, claimed, |host| excerpt(&format!("{host}")))?;
    let trusted = check_server(&host, &front.receiver.trust, front.listed).map(|_| ());
    check(trace, "trusted server", SECTION, trusted, |()| alloc::string::String::new())?;
    Ok(host)
}

/// Judges a request to an endpoint: its signature, and what its body has to hold whatever is kept of it.
///
/// Errors: those of [`verify_request`]; `ocm.share_*`, `ocm.invite_*`, `ocm.token_*`, `ocm.body_malformed` for the body. What answers
/// them is [`crate::share_status`], [`crate::invite_status`] or, of a token request, 400 with [`crate::token::oauth_error`].
pub fn judge(
    endpoint: Endpoint,
    request: &Request<'_>,
    body: &Body,
    front: &Front<'_>,
    peer: &Peer<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Judged, Rejection> {
    let signed = verify_request(request, peer.host, peer.keys, &front.times, at, trace)?;
    let received = match (endpoint, body) {
        (Endpoint::Token, _) => TokenRequest::of(request).map(|_| None)?,
        (_, Body::Form(_)) => return Err(Rejection::new(SignedCode::Body, "the body is a form, and has to be JSON")),
        (Endpoint::Shares, Body::Json(object)) => {
            let share = Share::from_object(object, front.listed, trace)?;
            Some(receive(&share, &front.receiver, peer.discovery, SignedBy::Host(peer.host), at, trace)?)
        }
        (Endpoint::InviteAccepted, Body::Json(object)) => Acceptance::from_object(object).map(|_| None)?,
        (Endpoint::RequestShare, Body::Json(object)) => {
            RequestForShare::from_object(object, peer.host, front.receiver.host).map(|_| None)?
        }
        // Applications have notifications of their own; the server behind knows which.
        (Endpoint::Notifications, Body::Json(_)) => None,
    };
    Ok(Judged { signed, received })
}
