//! Invites: their text, their acceptance, and the contacts that come of it (section Invite Flow).

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{
    Rejection, Timestamp, base64url,
    json::Object,
    origin::Origin,
    trace::{Trace, check},
};

use crate::{
    Address, Contact, Host, InviteCode, Secret, Source, Trust, contact::check_server, form, member::Reader,
    peer::admit, share::words,
};

const FORMAT: &str = "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite format";
const ACCEPTANCE: &str = "draft-ietf-ocm-open-cloud-mesh-05, Invite Flow, Invite Acceptance Response Details";

/// The longest text of an invite, in characters. People copy it from a message.
pub const MAX_INVITE: usize = 4 * 1024;

/// An invite, as its receiver has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// What shows that it was sent.
    pub token: Secret,
    /// The server of who sent it.
    pub provider: Host,
}

impl Invite {
    /// Reads the text of an invite: base64url, padded or not, of `token "@" provider`, split at the last `@`; or the link to a page
    /// that asks where people are from, with one parameter `token`.
    ///
    /// Errors: `ocm.invite_*`, `ocm.address_host`; `ocm.peer_*` for a link.
    ///
    /// ```
    /// use portcullis_ocm::Invite;
    /// let invite = Invite::parse("dG9rLTFAY2xvdWQuZXhhbXBsZS5vcmc=", &[])?;
    /// assert_eq!((invite.token.expose(), invite.provider.as_str()), ("tok-1", "cloud.example.org"));
    /// assert_eq!(invite.to_text(), "dG9rLTFAY2xvdWQuZXhhbXBsZS5vcmc");
    /// assert_eq!(Invite::parse("https://cloud.example.org/wayf?token=tok-1", &[])?, invite);
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn parse(text: &str, listed: &[Origin]) -> Result<Self, Rejection> {
        if text.len() > MAX_INVITE {
            let what = format!("the invite has {} characters, at most {MAX_INVITE} are read", text.len());
            return Err(Rejection::new(InviteCode::Encoding, what));
        }
        if text.starts_with("https://") {
            return Self::of_link(text, listed);
        }
        let encoded = unpadded(text)?;
        let decoded = base64url::decode(encoded.as_bytes()).map_err(|bad| {
            Rejection::new(InviteCode::Encoding, format!("the invite is not base64url: {}", bad.detail()))
        })?;
        let decoded = core::str::from_utf8(&decoded)
            .map_err(|_| Rejection::new(InviteCode::Encoding, "the invite is not UTF-8 when decoded"))?;
        let (token, provider) = decoded
            .rsplit_once('@')
            .ok_or_else(|| Rejection::new(InviteCode::Form, "the invite has no @ when decoded"))?;
        Self::of(token, Host::parse(provider)?)
    }

    fn of(token: &str, provider: Host) -> Result<Self, Rejection> {
        let unfit = || Rejection::new(InviteCode::Form, "the invite's token is empty, or no visible ASCII");
        Ok(Self { token: Secret::new(token).ok_or_else(unfit)?, provider })
    }

    /// The link format.
    fn of_link(url: &str, listed: &[Origin]) -> Result<Self, Rejection> {
        // The token is in the link, which therefore goes into no detail.
        let (page, query) = url.split_once('?').unwrap_or((url, ""));
        let origin = admit(page, listed)?;
        let query = form::Form::parse(query).map_err(|bad| Rejection::new(InviteCode::Form, bad.detail()))?;
        let token = query.get("token").ok_or_else(|| Rejection::new(InviteCode::Form, "the link has no token"))?;
        Self::of(token, Host::parse(origin.authority())?)
    }

    /// The text to send.
    pub fn to_text(&self) -> String {
        base64url::encode(format!("{}@{}", self.token.expose(), self.provider).as_bytes())
    }
}

/// Without the padding, which is whole or not there.
fn unpadded(text: &str) -> Result<&str, Rejection> {
    let bare = text.trim_end_matches('=');
    match text.len() - bare.len() {
        0 => Ok(bare),
        1 | 2 if text.len().is_multiple_of(4) => Ok(bare),
        _ => Err(Rejection::new(InviteCode::Encoding, "the invite's padding is wrong")),
    }
}

/// What the server of who accepts an invite sends (section Invite Acceptance Request Details).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The server of who accepts.
    pub recipient_provider: Host,
    /// The token of the invite.
    pub token: Secret,
    /// Who accepts.
    pub address: Address,
    /// Their mail address, for information.
    pub email: String,
    /// What to call them.
    pub name: String,
}

impl Acceptance {
    /// Reads the body of `POST {endPoint}/invite-accepted`.
    ///
    /// Errors: `ocm.invite_member_*`, `ocm.address_*`, `ocm.invite_form`.
    pub fn from_object(object: &Object) -> Result<Self, Rejection> {
        let read = reader("the acceptance", object);
        let recipient_provider = read.host("recipientProvider")?;
        let unfit = || Rejection::new(InviteCode::Form, "token is no visible ASCII");
        let token = Secret::new(read.text("token")?).ok_or_else(unfit)?;
        let address = Address::of(read.text("userID")?, recipient_provider.clone())?;
        Ok(Self { recipient_provider, token, address, email: email(&read)?, name: name(&read)? })
    }

    /// The body to send.
    pub fn to_object(&self) -> Object {
        Object::from_members(
            [
                ("recipientProvider".into(), self.recipient_provider.as_str().into()),
                ("token".into(), self.token.expose().into()),
                ("userID".into(), self.address.user().into()),
                ("email".into(), self.email.as_str().into()),
                ("name".into(), self.name.as_str().into()),
            ]
            .into(),
        )
    }
}

fn reader<'o>(place: &'static str, object: &'o Object) -> Reader<'o, InviteCode> {
    Reader::new(place, object, InviteCode::MemberMissing, InviteCode::MemberType)
}

/// It has to be there, and may be empty: it is for information.
fn email(read: &Reader<'_, InviteCode>) -> Result<String, Rejection> {
    let missing = || Rejection::new(InviteCode::MemberMissing, "there is no email");
    read.optional_text("email")?.map(ToOwned::to_owned).ok_or_else(missing)
}

/// What is shown to people has no control characters.
fn name(read: &Reader<'_, InviteCode>) -> Result<String, Rejection> {
    let name = read.text("name")?;
    if name.chars().any(char::is_control) {
        return Err(Rejection::new(InviteCode::MemberType, "name has control characters"));
    }
    Ok(name.to_owned())
}

words! {
    /// What became of an invite.
    pub enum InviteState {
        /// Nobody has accepted it.
        Pending = "pending",
        /// Somebody has. It is good for one.
        Accepted = "accepted",
        /// It was taken back, or its time is over.
        Expired = "expired",
    }
}

/// An invite as the server of its sender keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldInvite {
    /// Its token.
    pub token: Secret,
    /// Who sent it.
    pub sender: Address,
    /// What became of it.
    pub state: InviteState,
    /// When it ends, in seconds since 1970; nothing means never, which no server should do.
    pub expires: Option<Timestamp>,
}

impl HeldInvite {
    /// Reads `{"token", "sender", "state"?, "expires"?}`.
    ///
    /// Errors: `ocm.invite_member_*`, `ocm.invite_form`, `ocm.address_*`.
    pub fn from_object(object: &Object) -> Result<Self, Rejection> {
        let read = reader("the invite", object);
        let state = match read.optional_text("state")? {
            None => InviteState::Pending,
            Some(word) => InviteState::from_name(word)
                .ok_or_else(|| Rejection::new(InviteCode::MemberType, "state is none of an invite"))?,
        };
        let unfit = || Rejection::new(InviteCode::Form, "token is no visible ASCII");
        let expires = match read.optional("expires")? {
            None => None,
            Some(value) => {
                let wrong = || read.wrong_type("expires", value, "a whole number of seconds since 1970");
                Some(portcullis_types::time::timestamp_from_json(value).ok_or_else(wrong)?)
            }
        };
        Ok(Self {
            token: Secret::new(read.text("token")?).ok_or_else(unfit)?,
            sender: read.address("sender")?,
            state,
            expires,
        })
    }

    /// Its state at a time.
    pub fn state_at(&self, at: Timestamp) -> InviteState {
        match self.state {
            InviteState::Pending if self.expires.is_some_and(|end| at >= end) => InviteState::Expired,
            state => state,
        }
    }
}

/// Accepts an invite, at the server of its sender: the state becomes `accepted`, and this is the contact for the sender's address
/// book. `signer` is whose signature of the request verified, and `held` the invite that the server finds by the token.
///
/// The server's trust is judged before the token, so that a server that is not trusted learns nothing of invites.
///
/// Errors: `ocm.invite_signer`, `ocm.peer_*`, `ocm.invite_unknown`, `ocm.invite_used`, `ocm.invite_expired`. What answers them is
/// [`crate::invite_status`].
pub fn accept(
    acceptance: &Acceptance,
    held: Option<&HeldInvite>,
    signer: &Host,
    trust: &Trust<'_>,
    listed: &[Origin],
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Contact, Rejection> {
    let provider = &acceptance.recipient_provider;
    check(trace, "signer", ACCEPTANCE, signed_by(signer, provider), |()| format!("{signer}"))?;
    check(trace, "trusted server", ACCEPTANCE, check_server(provider, trust, listed), |_| String::new())?;
    check(trace, "invite", ACCEPTANCE, pending(acceptance, held, at), |()| String::new())?;
    Ok(Contact {
        address: acceptance.address.clone(),
        name: acceptance.name.clone(),
        email: Some(acceptance.email.clone()),
        source: Source::Invite,
    })
}

fn signed_by(signer: &Host, provider: &Host) -> Result<(), Rejection> {
    if signer == provider {
        return Ok(());
    }
    let what = format!("recipientProvider is {provider}, and {signer} signed");
    Err(Rejection::new(InviteCode::Signer, what))
}

fn pending(acceptance: &Acceptance, held: Option<&HeldInvite>, at: Timestamp) -> Result<(), Rejection> {
    let Some(held) = held.filter(|held| held.token == acceptance.token) else {
        return Err(Rejection::new(InviteCode::Unknown, "there is no invite with this token"));
    };
    match held.state_at(at) {
        InviteState::Pending => Ok(()),
        InviteState::Accepted => Err(Rejection::new(InviteCode::Used, "the invite was accepted before")),
        InviteState::Expired => Err(Rejection::new(InviteCode::Expired, "the invite has expired")),
    }
}

/// Reads the answer to an acceptance, at the server of who accepted: the contact for their address book.
///
/// Errors: `ocm.invite_refused` for any status but 200; `ocm.invite_member_*`, `ocm.address_malformed`.
pub fn accepted(invite: &Invite, status: u16, answer: &Object, trace: &mut dyn Trace) -> Result<Contact, Rejection> {
    let why = match status {
        200 => None,
        400 => Some("the invite is not known"),
        403 => Some("this server is not trusted to accept the invite"),
        409 => Some("the invite was accepted before"),
        _ => Some("the answer is none to an invite"),
    };
    let status = match why {
        None => Ok(()),
        Some(why) => Err(Rejection::new(InviteCode::Refused, format!("status {status}: {why}"))),
    };
    check(trace, "status", ACCEPTANCE, status, |()| String::new())?;
    let read = reader("the answer", answer);
    let contact = || {
        Ok(Contact {
            address: Address::of(read.text("userID")?, invite.provider.clone())?,
            name: name(&read)?,
            email: Some(email(&read)?),
            source: Source::Invite,
        })
    };
    check(trace, "contact", FORMAT, contact(), |contact: &Contact| format!("{}", contact.address))
}
