//! The list of a federation's servers, from which a page that asks where people are from is filled (Appendix C).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    origin::Origin,
};

use crate::{DirectoryCode, Host, member::Reader, peer::admit};

/// Most servers of a federation. The largest that are known have some hundreds.
pub const MAX_SERVERS: usize = 4096;

/// A federation of servers. The payload of a JWS whose key was given by hand; what verifies that is `portcullis-token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// What people call the federation.
    pub federation: String,
    /// Its servers, each with what people call it.
    pub servers: Vec<(Host, String)>,
}

impl Directory {
    /// Reads the payload. `listed` are origins with a port or a short name that somebody answers for.
    ///
    /// Errors: `ocm.directory_malformed`, `ocm.directory_url`, `ocm.peer_*`.
    ///
    /// ```
    /// use portcullis_ocm::Directory;
    /// use portcullis_types::json;
    /// let payload = json::parse_object(
    ///     br#"{"federation":"Science","servers":[{"url":"https://a.example.org","displayName":"A"}]}"#,
    /// )?;
    /// assert_eq!(Directory::from_object(&payload, &[])?.servers[0].0.as_str(), "a.example.org");
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn from_object(payload: &Object, listed: &[Origin]) -> Result<Self, Rejection> {
        let malformed = DirectoryCode::Malformed;
        let read = Reader::new("the directory", payload, malformed, malformed);
        let federation = read.text("federation")?.to_owned();
        let list = read.list("servers")?;
        if list.len() > MAX_SERVERS {
            let what = format!("there are {} servers, at most {MAX_SERVERS} are read", list.len());
            return Err(Rejection::new(malformed, what));
        }
        let server = |value: &Value| {
            let object = value.as_object().ok_or_else(|| Rejection::new(malformed, "a server is no object"))?;
            let read = Reader::new("a server", object, malformed, malformed);
            Ok((server_url(read.text("url")?, listed)?, read.text("displayName")?.to_owned()))
        };
        let servers = list.iter().map(server).collect::<Result<_, Rejection>>()?;
        Ok(Self { federation, servers })
    }
}

/// Scheme, host and maybe a port, and nothing more.
fn server_url(url: &str, listed: &[Origin]) -> Result<Host, Rejection> {
    let origin = admit(url, listed)?;
    let rest = url.strip_prefix("https://").and_then(|rest| rest.find(['/', '?']).and_then(|at| rest.get(at..)));
    if rest.is_some_and(|rest| rest != "/") {
        return Err(Rejection::new(DirectoryCode::Url, format!("{} has more than a host", excerpt(url))));
    }
    Host::parse(origin.authority())
}
