//! What a sharing server asks before it speaks to another one: who that is, and what it may be sent. The host signs and sends.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_ocm::{
    Form, Host, check_server,
    endpoint::{Endpoint, outgoing},
};
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::excerpt,
    trace::check,
};

use super::{OcmPassed, Speaking, refused};
use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::{Context, Judge, Passed},
    policy::OcmPolicy,
    request::Request,
};

/// What is asked.
enum Asked {
    /// Who another server is.
    Peer(Host),
    /// A request to it, to be signed.
    Send {
        /// The other server.
        to: Host,
        /// Its endpoint.
        endpoint: Endpoint,
        /// What is sent.
        body: Object,
    },
}

impl Judge<'_> {
    /// Answers the sharing server.
    pub(crate) fn at_ocm_egress(
        &mut self,
        ocm: &OcmPolicy,
        request: &Request,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        context.ocm = Some(Speaking::Own);
        let asked = check(self.trace, "request", "docs/ocm.md", asked(request), |_| String::new());
        let asked = asked.map_err(|rejection| {
            let fault = match () {
                () if rejection.is(GateCode::OcmEgressPath) => Fault::Absent(404),
                () if rejection.is(GateCode::OcmMethod) => Fault::Absent(405),
                () => Fault::Request,
            };
            Denial { rejection, fault }
        })?;
        let host = match &asked {
            Asked::Peer(host) | Asked::Send { to: host, .. } => host.clone(),
        };
        let trusted = check_server(&host, &ocm.trust(), &ocm.listed).map(|_| ());
        check(self.trace, "trusted server", "docs/ocm.md", trusted, |()| host.to_string()).map_err(refused)?;
        let number = self.peer(&host)?;
        let theirs = self.peer_discovery(number, &host)?;
        let members: Vec<(String, Value)> = match asked {
            Asked::Peer(_) => {
                let keys = theirs.discovery.keys_url(&host, &ocm.listed).map_err(refused)?;
                Vec::from([
                    ("host".into(), host.as_str().into()),
                    ("discovery".into(), theirs.document.clone().into()),
                    ("keys".into(), keys.into()),
                ])
            }
            Asked::Send { endpoint, body, .. } => {
                let own = self.own_discovery()?;
                let own = (&ocm.host, &own.discovery);
                let made = outgoing(endpoint, &body, own, &theirs.discovery, &ocm.listed, self.at, self.trace);
                let made = made.map_err(refused)?;
                Vec::from([
                    ("to".into(), host.as_str().into()),
                    ("url".into(), made.url.into()),
                    ("content_type".into(), made.content_type.into()),
                    ("body".into(), made.body.into()),
                ])
            }
        };
        let mut passed = Passed::of(None);
        let body = Some(json::to_text(&Object::from_members(members)));
        passed.ocm = Some(OcmPassed { peer: Some(host), access: Vec::new(), body });
        Ok(passed)
    }
}

/// What is asked, by method, target and body.
///
/// Errors: `ocm.egress_path_unknown`, `ocm.method_unknown`, `ocm.egress_malformed`, `ocm.address_host`.
fn asked(request: &Request) -> Result<Asked, Rejection> {
    let (path, query) = place(request);
    let method = method_of(path)
        .ok_or_else(|| Rejection::new(GateCode::OcmEgressPath, "a sharing server asks at /peer, /sign and /send"))?;
    if request.method != method {
        return Err(Rejection::new(GateCode::OcmMethod, format!("{path} is asked with {method}")));
    }
    match path {
        "/peer" => {
            // Colons and brackets of a host may come with or without escapes.
            let form = Form::parse(query)?;
            let host = form.get("host").ok_or_else(|| malformed("the query is not host= and a server's name"))?;
            Host::parse(host).map(Asked::Peer)
        }
        _ => {
            let body = request.body.as_deref().ok_or_else(|| malformed("the host has not the body"))?;
            let object = json::parse_object(body).map_err(|why| malformed(&format!("the body: {}", why.code())))?;
            send(&object)
        }
    }
}

/// The path and the query of a request.
fn place(request: &Request) -> (&str, &str) {
    let target = request.target.as_deref().or_else(|| {
        let start = request.url.find("://").map_or(0, |at| at + 3);
        request.url.get(start..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)))
    });
    let target = target.unwrap_or_default();
    target.split_once('?').unwrap_or((target, ""))
}

/// What a path is asked with; nothing where nothing is asked.
fn method_of(path: &str) -> Option<&'static str> {
    match path {
        "/peer" => Some("GET"),
        "/sign" | "/send" => Some("POST"),
        _ => None,
    }
}

/// What the path of a request is asked with, for who asked otherwise.
pub(super) fn allowed(request: &Request) -> &'static str {
    method_of(place(request).0).unwrap_or("POST")
}

fn send(object: &Object) -> Result<Asked, Rejection> {
    let known = ["to", "endpoint", "body"];
    if let Some((other, _)) = object.members().find(|(name, _)| !known.contains(name)) {
        return Err(malformed(&format!("there is no member {}", excerpt(other))));
    }
    let text = |name: &str| match object.get(name)? {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => Err(malformed(&format!("{name} is no text"))),
    };
    let to = Host::parse(text("to")?)?;
    let endpoint = Endpoint::from_name(text("endpoint")?).ok_or_else(|| {
        let names: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.name()).collect();
        malformed(&format!("endpoint is none of {}", names.join(", ")))
    })?;
    match object.get("body")? {
        Some(Value::Object(body)) => Ok(Asked::Send { to, endpoint, body: body.clone() }),
        _ => Err(malformed("body is no object")),
    }
}

fn malformed(why: &str) -> Rejection {
    Rejection::new(GateCode::OcmEgress, why)
}
