//! Messages of hostile servers, made of bytes: documents, shares, invites, notifications and signed requests that are right but for
//! what the bytes change in them. Shared by the property test and the fuzz target.

use std::rc::Rc;

use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_crypto::{Algorithm, Backend, KeySet, SoftwareBackend};
use portcullis_ocm::{
    Acceptance, Address, Contacts, Directory, Discovery, HeldInvite, HeldShare, Host, Invite, MAX_ADDRESS, MAX_INVITE,
    Receiver, Share, ShareAnswer, SignedBy, Trust, accept, check_creation, discovery, discovery_url,
    endpoint::{Endpoint, Front, Peer, Place, claimed, examine, outgoing, refused},
    invite_status,
    notification::Notification,
    receive, share_status,
    signed::{self, Body, MAX_BODY, Times},
    token::{TokenAnswer, TokenRequest, grant, oauth_error},
    token_status,
};
use portcullis_signature::{Field, Request};
use portcullis_types::{
    Rejection, Silent, base64url,
    json::{self, Object},
    origin::Origin,
};

const AT: u64 = 1_790_000_000;

/// The server that judges, the one that sends, and one that has nothing to do with either.
const HERE: &str = "r.example.org";
const SENDER: &str = "s.example.org";
const STRANGER: &str = "o.example.org";

const DISCOVERY: &str = r#"{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://s.example.org/ocm","provider":"S","resourceTypes":[{"name":"file","shareTypes":["user","group"],"protocols":{"webdav":"/dav/","ssh":"s.example.org:22","webapp":"/apps/"}}],"capabilities":["exchange-token","http-sig","invites","notifications"],"criteria":[],"inviteAcceptDialog":"/accept","tokenEndPoint":"https://s.example.org/ocm/token","jwksUri":"https://s.example.org/keys"}"#;
const SHARE: &str = r#"{"shareWith":"b@r.example.org","name":"x","providerId":"7","owner":"a@s.example.org","sender":"a@s.example.org","shareType":"user","resourceType":"file","expiration":1790003600,"protocol":{"name":"multi","webdav":{"uri":"7","sharedSecret":"hfiuhworz","permissions":["read"],"requirements":["must-exchange-token"]}}}"#;
const ACCEPTANCE: &str =
    r#"{"recipientProvider":"s.example.org","token":"tok-1","userID":"a","email":"a@mail.example","name":"A"}"#;
const ASKED: &str = r#"{"owner":"b@r.example.org","shareWith":"a@s.example.org","share":"x"}"#;
const TOLD: &str = r#"{"notificationType":"SHARE_ACCEPTED","resourceType":"file","providerId":"7","notification":{"message":"thanks"}}"#;
const FORM: &str = "grant_type=authorization_code&client_id=s.example.org&code=hfiuhworz";
const DIRECTORY: &str = r#"{"federation":"F","servers":[{"displayName":"S","url":"https://s.example.org"},{"displayName":"O","url":"https://o.example.org"}]}"#;

/// What bytes put into a text: pieces that mean something to one reader or another.
const PIECES: &[&str] = &[
    "\"",
    "\\",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "18446744073709551616",
    "\u{0}",
    "\\u0000",
    "\\ud800",
    "é",
    "@",
    "/",
    "//",
    "..",
    "%2e",
    "#",
    "?",
    "&",
    "=",
    "+",
    "%",
    " ",
    "\n",
    ":443",
    ":8443",
    "http",
    "https://",
    "https://127.0.0.1/",
    "https://[::1]/",
    "localhost",
    "169.254.169.254",
    "0x7f.1",
    ".example.org",
    "o.example.org",
    "must-use-mfa",
    "must-exchange-token",
    "\"sender\":\"a@o.example.org\",",
    "\"enabled\":true,",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
];

/// Bytes that are used up one by one; zeros when they are.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            None => 0,
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
        }
    }

    fn below(&mut self, end: usize) -> usize {
        (usize::from(self.next()) << 8 | usize::from(self.next())) % end.max(1)
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Changes a text; some are left as they are.
    fn edit(&mut self, text: &str) -> Vec<u8> {
        let mut text = text.as_bytes().to_vec();
        for _ in 0..self.next() % 5 {
            let start = self.below(text.len() + 1);
            let end = (start + usize::from(self.next() % 32)).min(text.len());
            match self.next() % 6 {
                0 => drop(text.drain(start..end)),
                1 => drop(text.splice(start..end, self.pick(PIECES).bytes())),
                2 => drop(text.splice(start..start, self.pick(PIECES).bytes())),
                3 => {
                    let piece = text[start..end].to_vec();
                    let place = self.below(text.len() + 1);
                    text.splice(place..place, piece);
                }
                4 => {
                    let times = usize::from(self.next());
                    text.splice(start..start, self.pick(PIECES).repeat(times).bytes());
                }
                _ => {
                    let byte = self.next();
                    text.get_mut(start).into_iter().for_each(|place| *place = byte);
                }
            }
        }
        text
    }

    fn object(&mut self, text: &str) -> Option<Object> {
        said(json::parse_object(&self.edit(text)))
    }
}

/// What all runs have in common.
pub(crate) struct Material {
    own: Discovery,
    sender: Discovery,
    here: Host,
    held: HeldShare,
    invite: HeldInvite,
    keys: [(Host, SigningKey); 2],
    listed: [Origin; 1],
}

impl Material {
    pub(crate) fn new() -> Self {
        let object = |text: &str| json::parse_object(text.as_bytes()).unwrap();
        let host = |text: &str| Host::parse(text).unwrap();
        let discovery =
            |host: &str| Discovery::from_object(&object(&DISCOVERY.replace(SENDER, host)), &[], &mut Silent).unwrap();
        Self {
            own: discovery(HERE),
            sender: discovery(SENDER),
            here: host(HERE),
            held: HeldShare::from_object(
                &object(&SHARE.replace(SENDER, "x").replace(HERE, SENDER).replace("@x", "@r.example.org")),
                &[],
            )
            .unwrap(),
            invite: HeldInvite::from_object(&object(r#"{"token":"tok-1","sender":"b@r.example.org"}"#)).unwrap(),
            keys: [
                (host(SENDER), SigningKey::from_bytes(&[7; 32])),
                (host(STRANGER), SigningKey::from_bytes(&[8; 32])),
            ],
            listed: [Origin::parse("https://s.example.org:8443").unwrap()],
        }
    }

    fn front(&self) -> Front<'_> {
        let trust = Trust { contacts: Contacts::Elsewhere, ..Trust::default() };
        let receiver = Receiver { host: &self.here, discovery: &self.own, trust };
        Front { receiver, listed: &self.listed, times: Times::default() }
    }
}

/// Judges what the bytes say. Panics where a promise is broken: something is taken that nobody vouched for, a URL is to be asked that
/// leads elsewhere than to a name on a port that somebody answers for, or a refusal tells without bound.
/// The answer is whether it was taken.
pub(crate) fn run(bytes: &[u8], material: &Material) -> bool {
    let mut bytes = Bytes(bytes);
    match bytes.next() % 10 {
        0 | 1 => document(&mut bytes, material),
        2 => share(&mut bytes, material),
        3 => invite(&mut bytes, material),
        4 => notification(&mut bytes, material),
        5 => others(&mut bytes, material),
        6 => token(&mut bytes, material),
        _ => request(&mut bytes, material),
    }
}

/// What became of something, whose refusal has to be fit to be told.
fn said<T>(result: Result<T, Rejection>) -> Option<T> {
    match result {
        Ok(it) => Some(it),
        Err(refused) => {
            // A host is told whole, and it may stand beside another one.
            assert!(refused.detail().len() <= 3 * MAX_ADDRESS, "a detail without bound: {refused}");
            assert!([400, 401, 403, 501, 503].contains(&share_status(&refused)), "{refused}");
            assert!([400, 401, 403, 409, 503].contains(&invite_status(&refused)), "{refused}");
            assert!([400, 503].contains(&token_status(&refused)) && !oauth_error(&refused).is_empty(), "{refused}");
            None
        }
    }
}

/// A URL that may be asked, seen by somebody else than who admits it: https, a name of two labels the last of which no reader takes
/// for a number, and no port but the listed one.
fn check_url(url: &str) {
    let rest = url.strip_prefix("https://").unwrap_or_else(|| panic!("{url:?} is not https"));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = authority.strip_suffix(":443").unwrap_or(authority);
    let name = if name == "s.example.org:8443" { SENDER } else { name };
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let last = name.rsplit('.').next().unwrap_or_default();
    assert!(plain && name.contains('.') && !last.is_empty() && !last.as_bytes()[0].is_ascii_digit(), "{url:?}");
    assert!(!url.contains('#') && url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
}

fn document(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let Some(object) = bytes.object(DISCOVERY) else { return false };
    let Some(found) = said(Discovery::from_object(&object, &material.listed, &mut Silent)) else { return false };
    for url in [found.shares_url(), found.notifications_url(), found.invite_accepted_url(), found.request_share_url()] {
        check_url(&url);
    }
    found.token_end_point.iter().chain(&found.jwks_uri).for_each(|url| check_url(url));
    assert!(found.exchanges_tokens() || !found.has(discovery::EXCHANGE_TOKEN), "tokens are exchanged nowhere");
    let host = Host::parse(&String::from_utf8_lossy(&bytes.edit(SENDER)));
    if let Some(host) = said(host) {
        said(found.keys_url(&host, &material.listed)).iter().for_each(|url| check_url(url));
        if let Some(url) = said(discovery_url(&host, &material.listed)) {
            check_url(&url);
            said(found.accept_url(&host, "tok-1", &material.here)).iter().for_each(|url| check_url(url));
        }
    }
    if let Some(share) = bytes.object(SHARE) {
        if let Some(share) = said(Share::from_object(&share, &[], &mut Silent)) {
            said(check_creation(&share, &found, &material.sender, AT, &mut Silent));
        }
        let own = (&material.keys[0].0, &material.sender);
        let endpoint = bytes.pick(Endpoint::ALL);
        if let Some(made) = said(outgoing(endpoint, &share, own, &found, &material.listed, AT, &mut Silent)) {
            check_url(&made.url);
            assert!(made.body.len() <= MAX_BODY);
        }
    }
    true
}

fn share(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let Some(object) = bytes.object(SHARE) else { return false };
    let Some(share) = said(Share::from_object(&object, &material.listed, &mut Silent)) else { return false };
    let signer = &material.keys[bytes.below(2)].0;
    let signed_by = if bytes.next().is_multiple_of(4) { SignedBy::Nobody } else { SignedBy::Host(signer) };
    let taken = receive(&share, &material.front().receiver, &material.sender, signed_by, AT, &mut Silent);
    let Some(taken) = said(taken) else { return false };
    assert_eq!(signed_by, SignedBy::Host(share.sender.host()), "a share that its sender did not sign");
    assert_eq!((share.owner.host(), share.share_with.host()), (share.sender.host(), &material.here));
    assert!(!share.has_expired(AT) && !taken.protocols.is_empty());
    true
}

fn invite(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let text = if bytes.next().is_multiple_of(2) {
        base64url::encode(&bytes.edit("tok-1@s.example.org"))
    } else {
        String::from_utf8_lossy(&bytes.edit("https://s.example.org/accept?token=dG9rLTFAcy5leGFtcGxlLm9yZw"))
            .into_owned()
    };
    if let Some(invite) = said(Invite::parse(&text, &material.listed)) {
        let written = invite.to_text();
        // A link is no shorter than what it says, but base64 is longer.
        if written.len() <= MAX_INVITE {
            assert_eq!(
                said(Invite::parse(&written, &material.listed)),
                Some(invite),
                "it does not survive being written"
            );
        }
    }
    let Some(object) = bytes.object(ACCEPTANCE) else { return false };
    let Some(acceptance) = said(Acceptance::from_object(&object)) else { return false };
    let signer = &material.keys[bytes.below(2)].0;
    let trust = material.front().receiver.trust;
    let taken = accept(&acceptance, Some(&material.invite), signer, &trust, &material.listed, AT, &mut Silent);
    let Some(contact) = said(taken) else { return false };
    assert!(contact.address.host() == signer && acceptance.token == material.invite.token, "{contact:?}");
    let text = format!("{}", contact.address);
    assert_eq!(Address::parse(&text).ok().map(|address| address.host().clone()).as_ref(), Some(signer), "{text}");
    true
}

fn notification(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let Some(object) = bytes.object(TOLD) else { return false };
    let Some(told) = said(Notification::from_object(&object)) else { return false };
    let parties = told.parties(&material.held);
    let held = &material.held;
    assert!(parties.iter().all(|party| [held.sender.host(), held.share_with.host()].contains(&party)), "{parties:?}");
    true
}

/// What is read of answers, directories and shares that were kept.
fn others(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let status = bytes.pick(&[200, 201, 400, 65_535]);
    match bytes.next() % 4 {
        0 => bytes.object(DIRECTORY).is_some_and(|object| said(Directory::from_object(&object, &[])).is_some()),
        1 => bytes.object(SHARE).is_some_and(|object| said(HeldShare::from_object(&object, &[])).is_some()),
        2 => {
            let Some(protocols) = &material.held.protocols else { return false };
            let object = bytes.object(r#"{"recipientDisplayName":"B","recipientPublicKeys":"ssh-ed25519 AAAA"}"#);
            object.is_some_and(|object| said(ShareAnswer::read(status, &object, protocols)).is_some())
        }
        _ => {
            let object = bytes.object(r#"{"access_token":"8f3d","token_type":"Bearer","expires_in":300}"#);
            object.is_some_and(|object| said(TokenAnswer::read(status, &object)).is_some())
        }
    }
}

fn token(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let body = bytes.edit(FORM);
    let fields = [Field { name: "Content-Type", value: b"application/x-www-form-urlencoded" }];
    let request = post("https://r.example.org/ocm/token", &fields, &body);
    let Some(asked) = said(TokenRequest::of(&request)) else { return false };
    let signer = &material.keys[bytes.below(2)].0;
    let Some(granted) = said(grant(&asked, signer, &material.held, AT, &mut Silent)) else { return false };
    assert!(granted.client == *signer && signer == material.held.share_with.host() && asked.code.is("hfiuhworz"));
    true
}

fn post<'m>(url: &'m str, fields: &'m [Field<'m>], body: &'m [u8]) -> Request<'m> {
    Request { method: "POST", url, target: None, fields, trailers: &[], body: Some(body) }
}

/// A request at a gateway: signed by one of two servers, changed before or after that.
fn request(bytes: &mut Bytes<'_>, material: &Material) -> bool {
    let (path, text) = bytes.pick(&[
        ("shares", SHARE),
        ("notifications", TOLD),
        ("invite-accepted", ACCEPTANCE),
        ("request-share", ASKED),
        ("token", FORM),
    ]);
    let media_type = if path == "token" { "application/x-www-form-urlencoded" } else { "application/json" };
    let url = format!("https://r.example.org/ocm/{path}");
    let body = bytes.edit(text);
    let by = bytes.below(2);
    let keyid = format!("{}#1", bytes.pick(&[SENDER, SENDER, STRANGER]));
    let given = [Field { name: "Content-Type", value: media_type.as_bytes() }];
    let bare = post(&url, &given, &body);
    let ready = signed::prepare_request(&bare, &keyid, Algorithm::Ed25519, AT - u64::from(bytes.next())).unwrap();
    let signature = material.keys[by].1.sign(ready.prepared.base.as_bytes());
    let (input, value) = ready.prepared.finish(&signature.to_bytes());
    let mut fields: Vec<(String, Vec<u8>)> = vec![("Content-Type".into(), media_type.into())];
    fields.extend(ready.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())));
    fields.extend([("Signature-Input".into(), input.into_bytes()), ("Signature".into(), value.into_bytes())]);
    let (sent, method) = (fields.clone(), bytes.pick(&["POST", "POST", "POST", "GET", "post"]));
    let mut arrived = body.clone();
    for _ in 0..bytes.next() % 3 {
        let place = bytes.below(fields.len());
        match bytes.next() % 5 {
            0 => arrived = bytes.edit(&String::from_utf8_lossy(&arrived)),
            1 => fields.push(fields[place].clone()),
            2 => drop(fields.remove(place)),
            _ => fields[place].1 = bytes.edit(&String::from_utf8_lossy(&fields[place].1)),
        }
        if fields.is_empty() {
            return false;
        }
    }
    let lent: Vec<Field<'_>> = fields.iter().map(|(name, value)| Field { name, value }).collect();
    let url = if bytes.next() % 16 == 1 { url.replace(HERE, "R.example.org:443") } else { url };
    let request = Request { method, ..post(&url, &lent, &arrived) };

    let Place::Endpoint(endpoint) = Place::of(&material.own, &url) else { return false };
    let front = material.front();
    let judged = Body::of(&request).and_then(|body| {
        let host = claimed(endpoint, &request, &body, &front, &mut Silent)?;
        discovery_url(&host, front.listed).map(|url| check_url(&url))?;
        // Each server's keys are found by its own name.
        let key = material.keys.iter().find(|(its, _)| *its == host).map(|(_, key)| key);
        let peer = Peer { host: &host, discovery: &material.sender, keys: &key_set(key, &keyid) };
        signed::inspect_untrusted(&request, &mut Silent)?;
        let verified = signed::verify_request(&request, &host, peer.keys, &front.times, AT, &mut Silent)?;
        let received = examine(endpoint, &request, &body, &front, &peer, AT, &mut Silent)?;
        Ok((verified, received))
    });
    if let Err(rejection) = &judged {
        let (status, error) = refused(endpoint, rejection);
        assert!([400, 401, 403, 501].contains(&status) && (error.is_some() == (path == "token")), "{rejection}");
    }
    let Some((verified, received)) = said(judged) else { return false };
    assert_eq!((&verified.signer, &*keyid), (&material.keys[by].0, &*verified.keyid), "another's signature");
    assert_eq!((method, &arrived), ("POST", &body), "what was signed is not what arrived");
    assert_eq!(received.is_some(), path == "shares");
    let covered = |fields: &[(String, Vec<u8>)], name: &str| {
        fields.iter().filter(|(its, _)| its == name).map(|(_, value)| value.trim_ascii().to_vec()).collect::<Vec<_>>()
    };
    for name in ["Content-Digest", "Content-Length"] {
        assert_eq!(covered(&fields, name), covered(&sent, name), "{name} was changed");
    }
    assert!(verified.until >= AT);
    true
}

fn key_set(key: Option<&SigningKey>, keyid: &str) -> KeySet {
    let key = key.map(|key| {
        let x = base64url::encode(key.verifying_key().as_bytes());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{keyid}","x":"{x}"}}"#)
    });
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.unwrap_or_default());
    KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as Rc<dyn Backend>)).unwrap()
}
