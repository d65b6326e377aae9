//! Open Cloud Mesh (draft-ietf-ocm-open-cloud-mesh-05, `docs/ocm.md`): a gate before a sharing server's API, and the way out of it.
//!
//! In this order: where the request is, its method and form, whom it is from by its own word, that server's discovery document and
//! keys, its signature, and what it holds. That a signed request comes once is asked last, as everywhere. What needs a share, an invite
//! or a token that is kept is for the server behind.

pub(crate) mod answer;
mod documents;
mod egress;
mod explain;
pub(crate) mod peers;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_crypto::CryptoCode;
use portcullis_ocm::{
    Access, DISCOVERY_PATH, Host, KEYS_PATH, Received, SignedCode, discovery,
    endpoint::{Endpoint, Peer, Place, claimed, examine},
    signed::{Body, SignedRequest, inspect_untrusted, verify_request},
};
use portcullis_signature::{Request as Signed, SignatureCode};
use portcullis_types::{Rejection, base64url, trace::check};

use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::{Context, Judge, Passed, UsedProof},
    origin::Origin,
    policy::{OcmPolicy, Policy},
    request::{Judged, Request},
    sources::Owner,
    workload::fields,
};

pub(crate) use explain::explain;

/// The name by which the memory of used proofs knows a signed request.
pub(crate) const KIND: &str = "ocm-signature";

/// The header that tells the server behind whose signature verified: the server's name.
pub const SIGNER_HEADER: &str = "Ocm-Signer";

/// The header that tells it what has to be done with a share, in order: `exchange`, `shared-secret`, `public-key`, `mfa`.
pub const ACCESS_HEADER: &str = "Ocm-Access";

/// Whose form an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaking {
    /// Another server's, which asks at the API.
    Peer {
        /// The endpoint, where it is at one.
        endpoint: Option<Endpoint>,
        /// Whether its signature verified.
        verified: bool,
    },
    /// The server's own, which asks how to send something.
    Own,
}

/// What passed.
#[derive(Debug, Clone)]
pub(crate) struct OcmPassed {
    /// The other server: who signed, or to whom something is sent.
    pub(crate) peer: Option<Host>,
    /// What has to be done with a share.
    access: Vec<Access>,
    /// What the server itself is answered.
    pub(crate) body: Option<String>,
}

impl OcmPassed {
    /// What the server behind is told.
    pub(crate) fn upstream(&self) -> Vec<(String, String)> {
        let signer = self.peer.as_ref().map(|host| (SIGNER_HEADER.to_string(), host.to_string()));
        let names: Vec<&str> = self.access.iter().map(|access| access.name()).collect();
        let access = (!names.is_empty()).then(|| (ACCESS_HEADER.to_string(), names.join(", ")));
        signer.into_iter().chain(access).collect()
    }
}

/// Whether a request came in where the sharing server itself asks.
pub(crate) fn asked(request: &Request, policy: &Policy) -> bool {
    let listener = request.listener.as_deref().and_then(|name| policy.listener(name));
    policy.ocm.is_some() && listener.is_some_and(|listener| listener.ocm)
}

/// A refusal by the server's own rules: the fault of who asks, unless nobody could tell.
fn refused(rejection: Rejection) -> Denial {
    // The host cannot hand over what was signed: no fault of the other server's.
    if rejection.is(CryptoCode::BackendFailed) || rejection.is(SignatureCode::BodyUnavailable) {
        Denial::unknown(rejection)
    } else {
        Denial::request(rejection)
    }
}

impl Judge<'_> {
    /// Judges a request at the sharing server's origin. The answer is nothing where rules are to judge it.
    pub(crate) fn at_ocm(
        &mut self,
        ocm: &OcmPolicy,
        judged: &Judged<'_>,
        request: &Request,
        context: &mut Context,
    ) -> Result<Option<Passed>, Stop> {
        if judged.origin != ocm.origin {
            return Ok(None);
        }
        let url = judged.url(self.policy);
        let path = judged.target.split('?').next().unwrap_or_default();
        // Whatever the document says that is fetched: other servers find everything from here.
        if [DISCOVERY_PATH, KEYS_PATH].contains(&path) && matches!(judged.method, "GET" | "HEAD") {
            self.trace.passed("discovery", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery", &|| "open".into());
            return Ok(Some(Passed::of(None)));
        }
        // Until it is known to be elsewhere.
        context.ocm = Some(Speaking::Peer { endpoint: None, verified: false });
        let absent = |status| move |rejection| Denial { rejection, fault: Fault::Absent(status) };
        let current = discovery::check_path(path);
        check(self.trace, "discovery", "docs/ocm.md", current, |()| String::new()).map_err(absent(404))?;
        let own = self.own_discovery()?;
        let place = match Place::of(&own.discovery, &url) {
            Place::Elsewhere => {
                context.ocm = None;
                return Ok(None);
            }
            Place::Nowhere => {
                let what = "the path is within the API, or nearly at an endpoint, and is none";
                Err(Rejection::new(GateCode::OcmEndpoint, what))
            }
            Place::Endpoint(endpoint) => Ok(endpoint),
        };
        let endpoint = check(self.trace, "endpoint", "docs/ocm.md", place, |endpoint| endpoint.name().into());
        let endpoint = endpoint.map_err(absent(404))?;
        context.ocm = Some(Speaking::Peer { endpoint: Some(endpoint), verified: false });
        let method = match judged.method {
            "POST" => Ok(()),
            _ => Err(Rejection::new(GateCode::OcmMethod, "other servers ask with POST")),
        };
        check(self.trace, "method", "docs/ocm.md", method, |()| String::new()).map_err(absent(405))?;

        let origin = self.policy.origins.get(judged.origin).map_or("", Origin::as_str);
        let whole = format!("{origin}{}", judged.target);
        let (headers, trailers) = (fields(judged.headers), fields(&request.trailers));
        let signed = Signed {
            method: judged.method,
            url: &whole,
            target: None,
            fields: &headers,
            trailers: &trailers,
            body: request.body.as_deref(),
        };
        let body = check(self.trace, "body", "docs/ocm.md", Body::of(&signed), |_| String::new()).map_err(refused)?;
        let front = ocm.front(&own.discovery);
        let host = claimed(endpoint, &signed, &body, &front, self.trace).map_err(refused)?;
        inspect_untrusted(&signed, self.trace).map_err(refused)?;
        let number = self.peer(&host)?;
        let theirs = self.peer_discovery(number, &host)?;
        let (keys, _) = self.keys_of(Owner::Peer(number))?;
        let verified = verify_request(&signed, &host, &keys, &front.times, self.at, self.trace);
        let verified = match verified {
            // It may have a new one.
            Err(unknown) if unknown.is(CryptoCode::Unknown) => {
                self.more_keys_of(Owner::Peer(number))?;
                Err(unknown)
            }
            other => other,
        };
        let verified = verified.map_err(refused)?;
        self.state.peers.verified(number);
        context.ocm = Some(Speaking::Peer { endpoint: Some(endpoint), verified: true });
        self.made_since_start(ocm, request, &verified)?;
        let peer = Peer { host: &host, discovery: &theirs.discovery, keys: &keys };
        let received = examine(endpoint, &signed, &body, &front, &peer, self.at, self.trace).map_err(refused)?;
        let access = received.map(|Received { access, .. }| access).unwrap_or_default();
        let used = UsedProof {
            kind: KIND,
            thumbprint: verified.thumbprint,
            target: url,
            id: base64url::encode(&verified.base),
            share: None,
            until: verified.until.saturating_add(1),
        };
        let mut passed = Passed::of(None);
        passed.proof = Some(used);
        passed.ocm = Some(OcmPassed { peer: Some(host), access, body: None });
        Ok(Some(passed))
    }

    /// A memory that began after the request was signed cannot know whether it came before that.
    ///
    /// Error: `replay.before_start`, 503.
    fn made_since_start(&mut self, ocm: &OcmPolicy, request: &Request, verified: &SignedRequest) -> Result<(), Denial> {
        let Some(since) = request.replay_since else { return Ok(()) };
        let longest = since.saturating_add(ocm.times.window).saturating_add(ocm.times.skew);
        if self.at >= longest || verified.created >= since {
            return Ok(());
        }
        let what = "the request may have come before the memory of used proofs began";
        let rejection = Rejection::new(GateCode::ReplayBeforeStart, what);
        self.trace.failed("signature", &rejection);
        // No fault of the sender's, who is to sign anew and come again.
        Err(Denial::unknown(rejection))
    }
}

/// A signed request that came before.
pub(crate) fn replayed() -> Denial {
    Denial::request(Rejection::new(SignedCode::Replayed, "the same signed request came before"))
}
