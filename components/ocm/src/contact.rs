//! Establishing contact without an invite, and what an address book keeps (sections Direct Entry, Public Link Flow, Public Invite
//! Flow; Appendix D, Contact).

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{Rejection, form, json::Object, limits::excerpt, origin::Origin};

use crate::{Address, ContactCode, Discovery, Host, Trust, discovery::is_path, peer, share::words};

words! {
    /// How an address came to be known (JSContact enum `ietf.org:ocmAddresses/source`).
    pub enum Source {
        /// By an invite.
        Invite = "invite",
        /// By a share that came from it.
        Share = "share",
        /// Somebody wrote it.
        DirectEntry = "direct entry",
    }
}

/// An entry of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who it is.
    pub address: Address,
    /// What to call them.
    pub name: String,
    /// A mail address, for information.
    pub email: Option<String>,
    /// How the address came to be known.
    pub source: Source,
}

impl Contact {
    /// Whether it was established from both sides, so that shares from it can be taken without a warning.
    pub fn is_mutual(&self) -> bool {
        self.source == Source::Invite
    }

    /// As a JSContact `ocmAddress` (section IANA Considerations).
    pub fn to_js_contact(&self) -> Object {
        Object::from_members(
            [
                ("@type".into(), "ocmAddress".into()),
                ("address".into(), format!("{}", self.address).into()),
                ("trusted".into(), self.is_mutual().into()),
                ("source".into(), self.source.name().into()),
                ("label".into(), self.name.as_str().into()),
            ]
            .into(),
        )
    }
}

/// An address that somebody typed or pasted into a page, with white space around it or not: in a list of contacts, on the page of a
/// public link, or on one where people ask for a share. Nobody is vouched for by that, so the server has to be one that is trusted,
/// and one that can be asked.
///
/// Errors: `ocm.address_*`, `ocm.peer_*`.
///
/// ```
/// use portcullis_ocm::{Source, Trust, enter};
/// let contact = enter(" marie@cloud.example.org\n", &Trust::default(), &[])?;
/// assert_eq!(contact.source, Source::DirectEntry);
/// assert_eq!(enter("marie@10.0.0.1", &Trust::default(), &[]).unwrap_err().code(), "ocm.peer_url");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn enter(typed: &str, trust: &Trust<'_>, listed: &[Origin]) -> Result<Contact, Rejection> {
    let address = Address::parse(typed.trim())?;
    let host = check_server(address.host(), trust, listed)?;
    let name = format!("{}@{host}", address.user());
    Ok(Contact { address, name, email: None, source: Source::DirectEntry })
}

/// Whether a server that somebody named can be asked, and is trusted: on a page that asks where people are from too.
///
/// Errors: `ocm.peer_*`.
pub fn check_server<'h>(host: &'h Host, trust: &Trust<'_>, listed: &[Origin]) -> Result<&'h Host, Rejection> {
    peer::discovery_url(host, listed)?;
    trust.check_host(host)?;
    Ok(host)
}

/// Where a page that asks people where they are from sends them with an invite: the place where their own server takes it
/// (`inviteAcceptDialog` of section OCM API Discovery). `host` is that server, `provider` the one that made the invite.
///
/// Errors: `ocm.contact_dialog` where the server has no such place, or one at another server.
///
/// ```
/// use portcullis_ocm::Host;
/// let dialog = Some("/index.php/apps/sciencemesh/accept");
/// let url = portcullis_ocm::accept_url(&Host::parse("b.example.org")?, dialog, "zi5koo", &Host::parse("a.example.org")?)?;
/// assert_eq!(url, "https://b.example.org/index.php/apps/sciencemesh/accept?token=zi5koo&providerDomain=a.example.org");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn accept_url(host: &Host, dialog: Option<&str>, token: &str, provider: &Host) -> Result<String, Rejection> {
    let refuse = |what: String| Rejection::new(ContactCode::Dialog, what);
    let place = dialog.ok_or_else(|| refuse(format!("{host} has no page where invites are accepted")))?;
    let url = if is_path(place) { format!("{}{place}", host.origin()) } else { place.to_owned() };
    // A server sends people to itself: the token is for it alone.
    if Origin::of_url(&url).as_ref() != Some(host.origin()) {
        return Err(refuse(format!("{host} accepts invites at {}", excerpt(place))));
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let parameters = form::encode(&[("token", token), ("providerDomain", provider.as_str())]);
    Ok(format!("{url}{joint}{parameters}"))
}

impl Discovery {
    /// Where people of this server accept an invite.
    ///
    /// Errors: those of [`accept_url`].
    pub fn accept_url(&self, host: &Host, token: &str, provider: &Host) -> Result<String, Rejection> {
        accept_url(host, self.invite_accept_dialog.as_deref(), token, provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn who_is_typed_has_to_be_at_a_trusted_server() {
        let (a, b) = ([host("a.example.org")], [host("b.example.org")]);
        let code = |typed: &str, trust: &Trust<'_>| enter(typed, trust, &[]).map(|_| ()).map_err(|bad| bad.code());
        let none = Trust::default();
        assert_eq!(code("x@a.example.org", &none), Ok(()));
        assert_eq!(code("x@a.example.org", &Trust { denied: &a, ..none }), Err("ocm.peer_denied"));
        assert_eq!(code("x@a.example.org", &Trust { allowed: Some(&b), ..none }), Err("ocm.peer_not_allowed"));
        assert_eq!(code("x@b.example.org", &Trust { denied: &a, allowed: Some(&b), ..none }), Ok(()));
        assert_eq!(code("x@localhost", &none), Err("ocm.peer_name"));
        assert_eq!(code("x", &none), Err("ocm.address_malformed"));
    }

    #[test]
    fn people_are_sent_to_their_own_server() {
        let (own, provider) = (host("b.example.org"), host("a.example.org:8443"));
        let url = |dialog| accept_url(&own, dialog, "a&b", &provider);
        assert_eq!(
            url(Some("https://b.example.org/x?y=1")).unwrap(),
            "https://b.example.org/x?y=1&token=a%26b&providerDomain=a.example.org%3A8443"
        );
        for dialog in
            [None, Some("https://evil.example/x"), Some("//evil.example/x"), Some("/a/../b"), Some("javascript:x")]
        {
            assert_eq!(url(dialog).unwrap_err().code(), "ocm.contact_dialog", "{dialog:?}");
        }
    }

    #[test]
    fn an_entry_says_how_it_came() {
        let contact = enter("x@a.example.org", &Trust::default(), &[]).unwrap();
        assert_eq!(
            portcullis_types::json::to_text(&contact.to_js_contact()),
            r#"{"@type":"ocmAddress","address":"x@a.example.org","trusted":false,"source":"direct entry","label":"x@a.example.org"}"#
        );
        assert!(Contact { source: Source::Invite, ..contact }.is_mutual());
    }
}
