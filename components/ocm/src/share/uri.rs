//! The URIs of a share.

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{
    Rejection, form,
    limits::excerpt,
    origin::{Origin, host_of},
};

use crate::{Discovery, Host, ShareCode, peer::admit};

/// Where a WebDAV share is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebdavUri {
    /// A URL, admitted by its form.
    Absolute(String),
    /// A key below the WebDAV path of the sender's discovery document.
    Relative(String),
}

impl WebdavUri {
    /// Reads it: a URL, or a relative path without a way up, query and fragment.
    ///
    /// Errors: `ocm.share_uri`, `ocm.peer_*`.
    pub(crate) fn parse(text: &str, listed: &[Origin]) -> Result<Self, Rejection> {
        if text.contains("://") {
            return admit(text, listed).map(|_| Self::Absolute(text.to_owned())).map_err(|bad| bad.within("uri"));
        }
        if !is_relative(text) {
            return Err(refuse(text, "is neither an https URL nor a relative path"));
        }
        Ok(Self::Relative(text.to_owned()))
    }

    /// Section Resource Access, step 4: the URL of the resource, and of something in it where it is a folder. The sender's
    /// discovery document has the WebDAV path, of the share's kind of resource or, as the text has it, of the first.
    ///
    /// Error: `ocm.share_uri` where the sender has no such path, or the path inside leads out of the share.
    pub fn resource_url(
        &self,
        sender: &Host,
        discovery: &Discovery,
        resource_type: &str,
        inside: Option<&str>,
    ) -> Result<String, Rejection> {
        let root = match self {
            Self::Absolute(url) => url.clone(),
            Self::Relative(key) => {
                let of = discovery.resource_type(resource_type).or(discovery.resource_types.first());
                let path = of.and_then(|one| one.webdav.as_deref());
                let path = path.ok_or_else(|| refuse(key, "is relative, and the sender has no WebDAV path"))?;
                format!("{}{}/{}", sender.origin(), path.trim_end_matches('/'), key.trim_start_matches('/'))
            }
        };
        match inside {
            None => Ok(root),
            Some(inside) if is_relative(inside) && !inside.starts_with('/') && !root.contains('?') => {
                Ok(format!("{}/{inside}", root.trim_end_matches('/')))
            }
            Some(inside) => Err(refuse(inside, "is no path inside of the share")),
        }
    }
}

fn refuse(text: &str, why: &str) -> Rejection {
    Rejection::new(ShareCode::Uri, format!("{} {why}", excerpt(text)))
}

/// A path that stays below what it is put behind, in every spelling that a server might undo.
fn is_relative(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#' | b':' | b'"' | b'<' | b'>');
    let stays = |segment: &str| {
        // Decoded twice: some servers do.
        let once = form::decode(segment);
        let twice = once.as_deref().map_or(Some(segment.into()), form::decode);
        once.is_some()
            && [once.as_deref(), twice.as_deref()]
                .into_iter()
                .flatten()
                .all(|it| it != "." && it != ".." && !it.contains(['/', '\\']) && !it.chars().any(char::is_control))
    };
    !text.is_empty()
        && text.bytes().all(plain)
        && !text.starts_with("//")
        && text.strip_prefix('/').unwrap_or(text).split('/').all(stays)
}

/// `username@host:port/path`: where a share is by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshUri {
    /// The account at the host.
    pub user: String,
    /// The host, by its name, and its port where there is one.
    pub host: Host,
    /// The path there.
    pub path: String,
}

impl SshUri {
    /// Reads it. Neither part begins with a dash, which a program that is called would take for an option.
    ///
    /// Errors: `ocm.share_ssh_uri`, `ocm.address_host`, `ocm.peer_*`.
    pub(crate) fn parse(text: &str, listed: &[Origin]) -> Result<Self, Rejection> {
        let (user, rest) = text.split_once('@').ok_or_else(|| ssh(text, "has no user name"))?;
        let (host, path) = rest.split_at(rest.find('/').ok_or_else(|| ssh(text, "has no path"))?);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if user.is_empty() || !user.bytes().all(plain) || user.starts_with('-') || host.starts_with('-') {
            return Err(ssh(text, "has no plain user name and host"));
        }
        if !is_relative(path) {
            return Err(ssh(text, "has no plain path"));
        }
        let host = Host::parse(host)?;
        // The port is that of SSH, so that the name alone is admitted as other names are.
        admit(&format!("https://{}", host_of(host.as_str())), listed).map_err(|bad| bad.within("uri"))?;
        Ok(Self { user: user.to_owned(), host, path: path.to_owned() })
    }
}

fn ssh(text: &str, why: &str) -> Rejection {
    Rejection::new(ShareCode::SshUri, format!("{} {why}", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_uris_stay_below() {
        for text in ["spec.yaml", "7c08/a", "/7c08", "a%20b", "a+b", "..."] {
            assert!(WebdavUri::parse(text, &[]).is_ok(), "{text}");
        }
        for text in [
            "",
            "..",
            "a/../b",
            "%2e%2e",
            "a/%2E./b",
            "%252e%252e/x",
            "//evil.example/x",
            "a\\b",
            "a?b",
            "a#b",
            "a b",
            "a%00",
            "a%2fb",
            "javascript:x",
            "é",
            "%zz",
            ".",
            "a/./b",
        ] {
            assert_eq!(WebdavUri::parse(text, &[]).unwrap_err().code(), "ocm.share_uri", "{text}");
        }
        for text in ["http://a.example/x", "https://10.0.0.1/x", "https://u:p@a.example/"] {
            assert_eq!(WebdavUri::parse(text, &[]).unwrap_err().code(), "ocm.peer_url", "{text}");
        }
    }

    #[test]
    fn ssh_names_an_account_at_a_named_host() {
        let uri = SshUri::parse("marie@files.example.org:2222/data/x", &[]).unwrap();
        assert_eq!(
            (uri.user.as_str(), uri.host.as_str(), uri.path.as_str()),
            ("marie", "files.example.org:2222", "/data/x")
        );
        for (text, code) in [
            ("files.example.org/data", "ocm.share_ssh_uri"),
            ("a@files.example.org", "ocm.share_ssh_uri"),
            ("-oProxyCommand=x@files.example.org/d", "ocm.share_ssh_uri"),
            ("-l@files.example.org/d", "ocm.share_ssh_uri"),
            ("a@-files.example.org/d", "ocm.share_ssh_uri"),
            ("a@files.example.org/d/../e", "ocm.share_ssh_uri"),
            ("a@10.0.0.1:22/d", "ocm.peer_url"),
            ("a@localhost/d", "ocm.peer_name"),
            ("a@files.example.org:x/d", "ocm.address_host"),
        ] {
            assert_eq!(SshUri::parse(text, &[]).unwrap_err().code(), code, "{text}");
        }
    }
}
