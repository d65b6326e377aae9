//! The endpoints of an OCM API, for who stands before a server and keeps none of its shares: a gateway.
//!
//! It judges what is to be known without them: who sent a request, whether that server is trusted, and of a share all but the
//! address book. What needs a share, an invite or a token that is kept is for the server behind: [`crate::accept`],
//! [`crate::notification::judge`], [`crate::token::grant`].
//!
//! In three steps, between which documents are fetched: [`Place::of`] and [`claimed`]; the discovery document of that server, and
//! then its keys ([`Discovery::keys_url`]); [`verify_request`](crate::signed::verify_request) and [`examine`].
//!
//! What its own server sends to others goes the other way: [`outgoing`].

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::KeySet;
use portcullis_signature::Request;
use portcullis_types::{
    Rejection, Timestamp, form,
    json::{self, Object},
    limits::excerpt,
    origin::Origin,
    trace::{Trace, check},
};

use crate::{
    Acceptance, Discovery, DiscoveryCode, Form, Host, Received, Receiver, RequestForShare, Share, SignedBy, SignedCode,
    check_creation,
    contact::check_server,
    invite_status, receive,
    share::words,
    share_status,
    signed::{self, Body, MAX_BODY, Times, named_host},
    token::{self, TokenRequest},
    token_status,
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
    /// Its URL at a server.
    ///
    /// Error: `ocm.discovery_token_end_point` where the server exchanges no tokens.
    pub fn url_at(self, server: &Discovery) -> Result<String, Rejection> {
        match self {
            Self::Shares => Ok(server.shares_url()),
            Self::Notifications => Ok(server.notifications_url()),
            Self::InviteAccepted => Ok(server.invite_accepted_url()),
            Self::RequestShare => Ok(server.request_share_url()),
            Self::Token => server
                .token_end_point
                .clone()
                .filter(|_| server.exchanges_tokens())
                .ok_or_else(|| Rejection::new(DiscoveryCode::TokenEndPoint, "the server does not exchange tokens")),
        }
    }
}

/// Where a URL is at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At an endpoint.
    Endpoint(Endpoint),
    /// Within the API and at none of its endpoints, or nearly at one: a server might take it for one that who stands before it did
    /// not.
    Nowhere,
    /// Outside the API.
    Elsewhere,
}

impl Place {
    /// Where a URL is at the server that a discovery document is of; the query is not looked at. Case of
    /// the host and a default port are the same origin, and a path is compared letter by letter.
    ///
    /// ```
    /// use portcullis_ocm::{Discovery, endpoint::{Endpoint, Place}};
    /// use portcullis_types::{Silent, json};
    /// let text = br#"{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://cloud.example.org/ocm","resourceTypes":[{"name":
    ///     "file","shareTypes":["user"],"protocols":{"webdav":"/dav/"}}]}"#;
    /// let own = Discovery::from_object(&json::parse_object(text)?, &[], &mut Silent)?;
    /// assert_eq!(Place::of(&own, "https://cloud.example.org/ocm/shares?x=1"), Place::Endpoint(Endpoint::Shares));
    /// assert_eq!(Place::of(&own, "https://cloud.example.org/ocm/Shares/"), Place::Nowhere);
    /// assert_eq!(Place::of(&own, "https://cloud.example.org/dav/a.txt"), Place::Elsewhere);
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn of(own: &Discovery, url: &str) -> Self {
        let Some((origin, path)) = parts(url) else { return Self::Elsewhere };
        let folded = |path: &str| path.trim_end_matches('/').to_ascii_lowercase();
        let (asked, mut nearly) = (folded(path), false);
        for endpoint in Endpoint::ALL {
            let Ok(its) = endpoint.url_at(own) else { continue };
            match parts(&its) {
                Some((its_origin, its_path)) if its_origin == origin => {
                    if its_path == path {
                        return Self::Endpoint(*endpoint);
                    }
                    nearly |= folded(its_path) == asked;
                }
                _ => {}
            }
        }
        let within = parts(&own.end_point).is_some_and(|(its_origin, its_path)| {
            let api = folded(its_path);
            // An API at the root of its server has everything below it.
            let below = !api.is_empty()
                && asked.strip_prefix(&api).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            its_origin == origin && below
        });
        if nearly || within { Self::Nowhere } else { Self::Elsewhere }
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
    check(trace, "trusted server", SECTION, trusted, |()| String::new())?;
    Ok(host)
}

/// Judges what a request to an endpoint has to hold whatever is kept of it, once its signature verified: of a share, the answer is what
/// its receiver has to do.
///
/// Errors: `ocm.share_*`, `ocm.invite_*`, `ocm.token_*`, `ocm.body_malformed`. What answers them is [`crate::share_status`],
/// [`crate::invite_status`] or, of a token request, 400 with [`crate::token::oauth_error`].
pub fn examine(
    endpoint: Endpoint,
    request: &Request<'_>,
    body: &Body,
    front: &Front<'_>,
    peer: &Peer<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Option<Received>, Rejection> {
    match (endpoint, body) {
        (Endpoint::Token, _) => TokenRequest::of(request).map(|_| None),
        (_, Body::Form(_)) => Err(Rejection::new(SignedCode::Body, "the body is a form, and has to be JSON")),
        (Endpoint::Shares, Body::Json(object)) => {
            let share = Share::from_object(object, front.listed, trace)?;
            receive(&share, &front.receiver, peer.discovery, SignedBy::Host(peer.host), at, trace).map(Some)
        }
        (Endpoint::InviteAccepted, Body::Json(object)) => Acceptance::from_object(object).map(|_| None),
        (Endpoint::RequestShare, Body::Json(object)) => {
            RequestForShare::from_object(object, peer.host, front.receiver.host).map(|_| None)
        }
        // Applications have notifications of their own; the server behind knows which.
        (Endpoint::Notifications, Body::Json(_)) => Ok(None),
    }
}

/// The status that answers a refusal at an endpoint, and the error of RFC 6749 where it has one.
pub fn refused(endpoint: Endpoint, rejection: &Rejection) -> (u16, Option<&'static str>) {
    match endpoint {
        Endpoint::InviteAccepted => (invite_status(rejection), None),
        Endpoint::Token => (token_status(rejection), Some(token::oauth_error(rejection))),
        Endpoint::Shares | Endpoint::Notifications | Endpoint::RequestShare => (share_status(rejection), None),
    }
}

/// A request to another server, ready to be signed and posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it is posted.
    pub url: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its body, which may hold secrets.
    pub body: String,
}

/// Makes the request that this server, `own`, sends to an endpoint of another one, `peer`: it speaks for this server's people alone,
/// and a share may be created as the two servers are (section Share Creation Notification). The members of a token request are its
/// parameters.
///
/// Errors: `ocm.discovery_token_end_point`, `ocm.body_malformed`, `ocm.sender_other`, `ocm.owner_other`, `ocm.share_*`, `ocm.address_*`,
/// `ocm.invite_member_*`.
pub fn outgoing(
    endpoint: Endpoint,
    body: &Object,
    own: (&Host, &Discovery),
    peer: &Discovery,
    listed: &[Origin],
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Outgoing, Rejection> {
    const SECTION: &str = "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification";
    let (host, discovery) = own;
    let url = check(trace, "endpoint", "docs/ocm.md", endpoint.url_at(peer), |url| excerpt(url))?;
    let (content_type, text, body) = match endpoint {
        Endpoint::Token => {
            let mut parameters = Vec::new();
            for (name, value) in body.members() {
                let malformed = || Rejection::new(SignedCode::Body, "a parameter of a form is no text");
                parameters.push((name, value.as_str().ok_or_else(malformed)?));
            }
            let text = form::encode(&parameters);
            let form = Form::parse(&text)?;
            ("application/x-www-form-urlencoded", text, Body::Form(form))
        }
        _ => ("application/json", json::to_text(body), Body::Json(body.clone())),
    };
    if text.len() > MAX_BODY {
        let what = format!("the body has {} bytes, at most {MAX_BODY} are read", text.len());
        return Err(Rejection::new(SignedCode::Body, what));
    }
    check(trace, "sender", SECTION, body.check_signer(host), |()| format!("{host}"))?;
    if let (Endpoint::Shares, Body::Json(object)) = (endpoint, &body) {
        let share = Share::from_object(object, listed, trace)?;
        check_creation(&share, peer, discovery, at, trace)?;
    }
    Ok(Outgoing { url, content_type, body: text })
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use portcullis_types::Silent;

    use super::*;

    fn server(host: &str, end_point: &str, more: &str) -> Discovery {
        let text = format!(
            r#"{{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://{host}{end_point}","resourceTypes":[{{"name":"file",
               "shareTypes":["user"],"protocols":{{"webdav":"/dav/"}}}}]{more}}}"#
        );
        Discovery::from_object(&json::parse_object(text.as_bytes()).unwrap(), &[], &mut Silent).unwrap()
    }

    const EXCHANGES: &str =
        r#","capabilities":["exchange-token","protocol-object"],"tokenEndPoint":"https://a.example/token""#;

    #[test]
    fn what_is_nearly_an_endpoint_is_none_and_goes_nowhere() {
        let own = server("a.example", "/ocm", EXCHANGES);
        let place = |path: &str| Place::of(&own, &format!("https://a.example{path}"));
        assert_eq!(place("/ocm/shares"), Place::Endpoint(Endpoint::Shares));
        assert_eq!(place("/ocm/notifications?a"), Place::Endpoint(Endpoint::Notifications));
        assert_eq!(place("/token"), Place::Endpoint(Endpoint::Token));
        for path in ["/ocm", "/ocm/", "/OCM/shares", "/ocm/shares/", "/ocm/shares/1", "/ocm/other", "/token/", "/Token"]
        {
            assert_eq!(place(path), Place::Nowhere, "{path}");
        }
        for path in ["/", "/ocmx/shares", "/dav/ocm/shares", "/tokens", "/token/x"] {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
        let at_root = server("a.example", "/", "");
        let place = |path: &str| Place::of(&at_root, &format!("https://a.example{path}"));
        assert_eq!(place("/shares"), Place::Endpoint(Endpoint::Shares));
        assert_eq!(place("/Shares/"), Place::Nowhere);
        assert_eq!(place("/dav/x"), Place::Elsewhere);
    }

    #[test]
    fn a_server_sends_for_its_own_people_what_the_other_takes() {
        let host = |text: &str| Host::parse(text).unwrap();
        let (a, b) = (host("a.example"), server("b.example", "/ocm", ""));
        let own = server("a.example", "/ocm", EXCHANGES);
        let send = |endpoint, text: &str, peer: &Discovery| {
            let body = json::parse_object(text.as_bytes()).unwrap();
            outgoing(endpoint, &body, (&a, &own), peer, &[], 1_790_000_000, &mut Silent)
        };
        let code = |made: Result<Outgoing, Rejection>| made.err().map(|rejection| rejection.code());
        let sent = send(Endpoint::Notifications, r#"{"notificationType":"SHARE_ACCEPTED"}"#, &b).unwrap();
        assert_eq!(sent.url, "https://b.example/ocm/notifications");
        assert_eq!(code(send(Endpoint::Token, "{}", &b)), Some("ocm.discovery_token_end_point"));
        let exchanging = server("a.example", "/ocm", EXCHANGES);
        let form = r#"{"grant_type":"authorization_code","client_id":"a.example","code":"x&y"}"#;
        let sent = send(Endpoint::Token, form, &exchanging).unwrap();
        assert_eq!(sent.body, "grant_type=authorization_code&client_id=a.example&code=x%26y");
        assert_eq!(
            code(send(Endpoint::Token, &form.replace("a.example", "c.example"), &exchanging)),
            Some("ocm.sender_other")
        );
        let share = r#"{"shareWith":"m@b.example","name":"a","providerId":"1","owner":"o@a.example","sender":"o@a.example",
            "shareType":"user","resourceType":"file","protocol":{"name":"multi","webdav":{"uri":"1","sharedSecret":"s3cretsecret",
            "requirements":["must-use-mfa"]}}}"#;
        let refused = code(send(Endpoint::Shares, share, &exchanging)).unwrap();
        assert!(
            refused.starts_with("ocm.share_"),
            "{refused}: the receiver does not hold its users to a second factor"
        );
        let plain = share.replace(r#","requirements":["must-use-mfa"]"#, "").replace(
            r#",
            "requirements":["must-use-mfa"]"#,
            "",
        );
        assert!(send(Endpoint::Shares, &plain, &exchanging).is_ok());
        assert_eq!(
            code(send(Endpoint::Shares, &plain.replace("a.example", "c.example"), &exchanging)),
            Some("ocm.sender_other")
        );
        assert_eq!(a.to_string(), "a.example");
    }
}
