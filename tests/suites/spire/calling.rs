//! Workloads that call, and by which door.

use portcullis_tests::serving::spire::X509Svid;
use portcullis_tests::serving::{Answer, Shown, ask, ask_tls, get};

use super::running::{API, HOST, Stage};

/// Where a call arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// At the gateway that has the bundle from SPIRE's endpoint, by TLS of its own.
    OfEndpoint,
    /// At the gateway that has it from the Workload API.
    OfAgent,
    /// At the gateway that has it in a file, with a key beside it for what SPIRE has no key for.
    OfFile,
    /// At nginx, which asks the last of these that there is.
    Nginx,
    /// At Envoy, which asks that one, too, or else the first.
    EnvoyAsking,
    /// At Envoy with the filter.
    EnvoyFilter,
}

/// Those that go by SPIRE's bundle as it is at any time.
pub(crate) const DOORS: [Door; 5] =
    [Door::OfEndpoint, Door::OfAgent, Door::Nginx, Door::EnvoyAsking, Door::EnvoyFilter];

impl Door {
    /// Whether a client's certificate gets through it to the gate.
    pub(crate) fn takes_certificates(self) -> bool {
        self != Self::Nginx
    }

    /// Whether nothing stands between the gateway and who calls.
    fn is_gateways(self) -> bool {
        matches!(self, Self::OfEndpoint | Self::OfAgent | Self::OfFile)
    }
}

/// A workload with its SVIDs, as its agent gave them.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) id: String,
    pub(crate) x509: X509Svid,
    pub(crate) jwt: String,
}

/// What a workload shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Nothing,
    /// Its X.509-SVID, in the handshake.
    X509,
    /// Its JWT-SVID.
    Jwt,
}

impl Workload {
    /// The authorities of `one.example`, as it was told of them: its own, or those of a trust domain that it is federated
    /// with.
    fn authorities_of_one(&self) -> &[Vec<u8>] {
        let federated = self.x509.federated.get("spiffe://one.example");
        federated.unwrap_or(&self.x509.authorities)
    }
}

/// What came of a call.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// It is let in, as this ID.
    LetIn(String),
    /// It is not, with this status and code.
    Refused(u16, String),
}

impl Stage {
    /// A workload, with SVIDs as they are now.
    pub(crate) fn workload(&self, id: &str) -> Result<Workload, String> {
        let domains = [Some(&self.one), self.two.as_ref()].into_iter().flatten();
        let mut of_it = domains.filter(|domain| id.starts_with(&domain.server.id("/")));
        let domain = of_it.next().ok_or("it is of no trust domain that is there")?;
        Ok(Workload { id: id.into(), x509: domain.agent.x509(id)?, jwt: domain.agent.jwt(id, API)? })
    }

    /// A GET of a path. The error is one of the connection.
    pub(crate) fn call(&self, door: Door, workload: &Workload, by: By, path: &str) -> Result<Told, String> {
        let bearer = format!("Bearer {}", workload.jwt);
        let mut fields = vec![("Host", HOST)];
        if by == By::Jwt {
            fields.push(("Authorization", &bearer));
        }
        if door.is_gateways() {
            // What a proxy would say of the connection.
            fields.push(("X-Forwarded-Proto", "https"));
        }
        let shown = Shown { chain: &workload.x509.chain, key: &workload.x509.key };
        self.send(door, workload.authorities_of_one(), (by == By::X509).then_some(shown), &get(path, &fields))
    }

    /// Sends a request. `authorities` are those of `one.example`, by whom Envoy is known.
    pub(crate) fn send(
        &self,
        door: Door,
        authorities: &[Vec<u8>],
        shown: Option<Shown<'_>>,
        request: &[u8],
    ) -> Result<Told, String> {
        let over_tls = |port, roots: &[Vec<u8>]| ask_tls(port, HOST, roots, shown, request);
        // Envoy lets nobody without a certificate to where it validates them.
        let at = |listener: &str| if shown.is_some() { listener.into() } else { format!("{listener}-open") };
        let answer = match door {
            Door::Nginx => ask(self.nginx, request),
            Door::OfEndpoint => over_tls(self.of_endpoint.tls, &[self.web.der()])?,
            Door::OfAgent => over_tls(self.of_agent.tls, &[self.web.der()])?,
            Door::OfFile => over_tls(self.of_file.as_ref().ok_or("it is not there")?.tls, &[self.web.der()])?,
            Door::EnvoyAsking => over_tls(self.envoy.port(&at("asking")), authorities)?,
            Door::EnvoyFilter => over_tls(self.envoy.port(&at("filter")), authorities)?,
        };
        Ok(told(door, &answer))
    }
}

fn told(door: Door, answer: &Answer) -> Told {
    if answer.status == 200 {
        // A gateway says what the upstream is to be told; a proxy's upstream says what it was told.
        assert!(door.is_gateways() || answer.is_upstreams(), "{door:?}: {answer:?}");
        let who = if door.is_gateways() { answer.all("x-user") } else { answer.got("x-user") };
        return Told::LetIn(who.join(" and "));
    }
    let code = serde_json::from_str::<serde_json::Value>(&answer.body);
    let code = code.ok().and_then(|body| body["code"].as_str().map(str::to_owned));
    Told::Refused(answer.status, code.unwrap_or_else(|| format!("{answer:?}")))
}
