//! The clients that are registered, and which of them a SPIFFE ID is.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};

use portcullis_svid::SpiffeId;
use portcullis_types::{Rejection, limits::excerpt};

use crate::{ClientCode, IdPattern, Method};

/// What is known of a registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its identifier.
    pub client_id: String,
    /// The SPIFFE IDs it has. A client whose identifier is a SPIFFE ID has that one besides.
    pub spiffe_id: Option<IdPattern>,
    /// How it authenticates at a token endpoint (`token_endpoint_auth_method`); without it, in any way that the server
    /// accepts.
    pub method: Option<String>,
}

/// The registered clients, to be found by identifier and by SPIFFE ID.
///
/// ```
/// use portcullis_client::{Client, Clients, IdPattern};
/// use portcullis_svid::SpiffeId;
///
/// let mut clients = Clients::new();
/// clients.add(Client {
///     client_id: "https://fleet.example/client.json".into(),
///     spiffe_id: Some(IdPattern::parse("spiffe://example.org/fleet/*")?),
///     method: None,
/// })?;
/// let id = SpiffeId::parse("spiffe://example.org/fleet/7")?;
/// assert_eq!(clients.of_spiffe_id(&id)?.unwrap().client_id, "https://fleet.example/client.json");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clients {
    by_id: BTreeMap<String, Client>,
    /// Identifiers of the clients of one SPIFFE ID each.
    exactly: BTreeMap<String, Vec<String>>,
    /// Identifiers of the clients of all SPIFFE IDs below one.
    below: BTreeMap<String, Vec<String>>,
}

impl Clients {
    /// No client yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a client.
    ///
    /// Errors: `client.id_empty`, `client.repeated`.
    pub fn add(&mut self, client: Client) -> Result<(), Rejection> {
        let client_id = &client.client_id;
        if client_id.is_empty() {
            return Err(Rejection::new(ClientCode::ClientIdEmpty, "a client has an empty identifier"));
        }
        if self.by_id.contains_key(client_id) {
            let what = format!("there are two clients {}", excerpt(client_id));
            return Err(Rejection::new(ClientCode::ClientRepeated, what));
        }
        match &client.spiffe_id {
            None => {}
            Some(IdPattern::Exactly(id)) => {
                self.exactly.entry(id.as_str().to_owned()).or_default().push(client_id.clone());
            }
            Some(IdPattern::Below(id)) => {
                self.below.entry(id.as_str().to_owned()).or_default().push(client_id.clone());
            }
        }
        self.by_id.insert(client_id.clone(), client);
        Ok(())
    }

    /// The client of an identifier, compared letter by letter.
    pub fn of_id(&self, client_id: &str) -> Option<&Client> {
        self.by_id.get(client_id)
    }

    /// The client that a SPIFFE ID is: of those it could be, the one whose metadata says so most exactly. The ID itself goes
    /// before patterns, and of patterns the longest.
    ///
    /// Error: `client.ambiguous` where two say it alike.
    pub fn of_spiffe_id(&self, id: &SpiffeId) -> Result<Option<&Client>, Rejection> {
        let named = self.by_id.get(id.as_str());
        let exact = self.exactly.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let others = exact.iter().filter(|other| other.as_str() != id.as_str());
        let found = self.only(named.into_iter().chain(others.filter_map(|other| self.by_id.get(other))), id)?;
        if found.is_some() {
            return Ok(found);
        }
        let mut above = id.as_str();
        // Each parent in turn, up to the trust domain, whose text is the shortest that a pattern can have.
        let shortest = above.len() - id.path().len();
        while let Some((parent, _)) = above.rsplit_once('/') {
            if parent.len() < shortest {
                break;
            }
            let clients = self.below.get(parent).map(Vec::as_slice).unwrap_or_default();
            let found = self.only(clients.iter().filter_map(|client| self.by_id.get(client)), id)?;
            if found.is_some() {
                return Ok(found);
            }
            above = parent;
        }
        Ok(None)
    }

    fn only<'c>(
        &self,
        mut candidates: impl Iterator<Item = &'c Client>,
        id: &SpiffeId,
    ) -> Result<Option<&'c Client>, Rejection> {
        match (candidates.next(), candidates.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => {
                Err(Rejection::new(ClientCode::Ambiguous, format!("{} is several clients alike", excerpt(id.as_str()))))
            }
        }
    }
}

impl Client {
    /// Whether a SPIFFE ID is one of the client's.
    pub fn has(&self, id: &SpiffeId) -> bool {
        self.client_id == id.as_str() || self.spiffe_id.as_ref().is_some_and(|pattern| pattern.matches(id))
    }

    /// The client may authenticate so (RFC 7591 section 2).
    ///
    /// Error: `client.method_not_registered`.
    pub(crate) fn check_method(&self, method: Method) -> Result<(), Rejection> {
        match &self.method {
            Some(registered) if !method.is_admitted_by(registered) => Err(Rejection::new(
                ClientCode::MethodNotRegistered,
                format!("the client authenticates by {}, not by {}", excerpt(registered), method.name()),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(entries: &[(&str, Option<&str>)]) -> Clients {
        let mut clients = Clients::new();
        for (client_id, pattern) in entries {
            let spiffe_id = pattern.map(|pattern| IdPattern::parse(pattern).unwrap());
            clients.add(Client { client_id: (*client_id).into(), spiffe_id, method: None }).unwrap();
        }
        clients
    }

    fn found<'c>(clients: &'c Clients, id: &str) -> Option<&'c str> {
        let found = clients.of_spiffe_id(&SpiffeId::parse(id).unwrap()).unwrap();
        found.map(|client| client.client_id.as_str())
    }

    #[test]
    fn the_most_exact_client_is_the_one() {
        let clients = clients(&[
            ("all", Some("spiffe://td/*")),
            ("team", Some("spiffe://td/team/*")),
            ("one", Some("spiffe://td/team/one")),
            ("spiffe://td/team/two", None),
            ("root", Some("spiffe://td")),
        ]);
        for (id, wanted) in [
            ("spiffe://td/team/one", Some("one")),
            ("spiffe://td/team/two", Some("spiffe://td/team/two")),
            ("spiffe://td/team/three", Some("team")),
            ("spiffe://td/team/three/four", Some("team")),
            ("spiffe://td/team", Some("all")),
            ("spiffe://td/teams/x", Some("all")),
            ("spiffe://td", Some("root")),
            ("spiffe://other/team/one", None),
        ] {
            assert_eq!(found(&clients, id), wanted, "{id}");
        }
        assert_eq!(found(&self::clients(&[("all", Some("spiffe://td/*"))]), "spiffe://td"), None);
    }

    #[test]
    fn two_clients_alike_are_none() {
        let id = SpiffeId::parse("spiffe://td/a/b").unwrap();
        for entries in [
            [("one", Some("spiffe://td/a/b")), ("two", Some("spiffe://td/a/b"))],
            [("spiffe://td/a/b", None), ("two", Some("spiffe://td/a/b"))],
            [("one", Some("spiffe://td/a/*")), ("two", Some("spiffe://td/a/*"))],
        ] {
            assert_eq!(clients(&entries).of_spiffe_id(&id).unwrap_err().code(), "client.ambiguous");
        }
        // A client that says of itself twice what it is stays one.
        let same = clients(&[("spiffe://td/a/b", Some("spiffe://td/a/b"))]);
        assert_eq!(found(&same, "spiffe://td/a/b"), Some("spiffe://td/a/b"));
    }

    #[test]
    fn an_identifier_is_one_client() {
        let mut clients = clients(&[("one", None)]);
        let client = |client_id: &str| Client { client_id: client_id.into(), spiffe_id: None, method: None };
        assert_eq!(clients.add(client("one")).unwrap_err().code(), "client.repeated");
        assert_eq!(clients.add(client("")).unwrap_err().code(), "client.id_empty");
        assert!(clients.add(client("One")).is_ok());
        assert!(clients.of_id("ONE").is_none());
    }
}
