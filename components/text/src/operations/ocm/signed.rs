//! `ocm.signature`, `ocm.sign`, `ocm.token` and `ocm.notification`

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_ocm::{
    HeldShare, Host, SignedCode,
    notification::{self, Notification},
    share_status,
    signed::{self, Body, DEFAULT_SKEW, DEFAULT_WINDOW, SignedRequest, Times},
    token::{self, TokenRequest},
    token_status,
};
use portcullis_signature::Request;
use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    trace::Trace,
};

use super::{answered, listed, whole};
use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
    members::{Members, malformed},
    operations::message::GivenRequest,
};

/// The members `request`, `jwks`, `skew` and `window`.
struct Given<'a> {
    request: GivenRequest<'a>,
    jwks: &'a Object,
    times: Times,
}

impl<'a> Given<'a> {
    fn take(members: &mut Members<'a>) -> Result<Self, Rejection> {
        let request = GivenRequest::read("\"request\"", members.object("request")?)?;
        let jwks = members.object("jwks")?;
        let skew = members.optional_integer("skew")?.unwrap_or(DEFAULT_SKEW);
        let window = members.optional_integer("window")?.unwrap_or(DEFAULT_WINDOW);
        Ok(Self { request, jwks, times: Times { window, skew } })
    }

    /// The keys of a server, if they are at hand.
    fn keys(&self, door: &mut Door, host: &Host) -> Result<Option<Rc<KeySet>>, Rejection> {
        match self.jwks.get(host.as_str())? {
            None => Ok(None),
            Some(Value::Object(jwks)) => door.key_set(jwks).map(Some),
            Some(_) => Err(malformed("a member of \"jwks\" is no JWK Set")),
        }
    }

    /// Verifies the request by the keys of one of some servers: of the first that has the key it names, and else of the first.
    fn verify(
        &self,
        door: &mut Door,
        request: &Request<'_>,
        hosts: &[Host],
        at: Timestamp,
        trace: &mut dyn Trace,
    ) -> Result<SignedRequest, Rejection> {
        let mut parties = Vec::new();
        for host in hosts {
            if let Some(keys) = self.keys(door, host)? {
                parties.push((host.clone(), keys));
            }
        }
        let parties: Vec<(&Host, &KeySet)> = parties.iter().map(|(host, keys)| (host, &**keys)).collect();
        signed::verify_party(request, &parties, &self.times, at, trace).map_err(|refused| {
            match (refused.is(SignedCode::SignerKeys), hosts.first()) {
                (true, Some(host)) => Rejection::new(SignedCode::SignerKeys, format!("there are no keys of {host}")),
                _ => refused,
            }
        })
    }
}

/// By whom a request was signed, for operations that look at a share: by the keys of its servers, or by the word of who verified it
/// before, such as a gateway.
enum Vouched<'a> {
    Keys(Given<'a>),
    Signer(GivenRequest<'a>, Host),
}

impl<'a> Vouched<'a> {
    /// `request` with `signer`, or else what [`Given`] has. Beside a signer there are no keys: they would verify nothing.
    fn take(members: &mut Members<'a>) -> Result<Self, Rejection> {
        match members.optional_text("signer")? {
            None => Given::take(members).map(Self::Keys),
            Some(signer) => {
                let request = GivenRequest::read("\"request\"", members.object("request")?)?;
                Ok(Self::Signer(request, Host::parse(signer).map_err(|bad| bad.within("signer"))?))
            }
        }
    }

    fn request(&self) -> Request<'_> {
        match self {
            Self::Keys(given) => whole(&given.request),
            Self::Signer(request, _) => whole(request),
        }
    }

    /// Who signed it: one of some servers, where keys say it.
    fn signer(&self, door: &mut Door, hosts: &[Host], at: Timestamp, trace: &mut dyn Trace) -> Result<Host, Rejection> {
        match self {
            Self::Keys(given) => given.verify(door, &self.request(), hosts, at, trace).map(|verified| verified.signer),
            Self::Signer(_, signer) => Ok(signer.clone()),
        }
    }
}

/// `ocm.signature`
pub(in super::super) fn signature(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let given = Given::take(&mut members)?;
    let expected = members.optional_text("signer")?.map(Host::parse).transpose()?;
    members.finish()?;
    let request = whole(&given.request);
    let mut judge = || {
        let body = Body::of(&request)?;
        let signer = signed::signer(&body, expected.as_ref())?;
        given.verify(door, &request, &[signer], call.at, call.trace)
    };
    let verified = judge().map_err(answered(share_status))?;
    Ok(object([
        ("signer", verified.signer.as_str().into()),
        ("keyid", verified.keyid.into()),
        ("until", verified.until.into()),
    ]))
}

/// `ocm.sign`: what a server has to sign. The key itself stays outside.
pub(in super::super) fn sign(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let request = GivenRequest::read("\"request\"", members.object("request")?)?;
    let keyid = members.text("keyid")?;
    let algorithm = members.text("algorithm")?;
    members.finish()?;
    let algorithm = Algorithm::from_name(algorithm)
        .ok_or_else(|| malformed(format!("there is no algorithm {}", excerpt(algorithm))))?;
    let ready = signed::prepare_request(&whole(&request), keyid, algorithm, call.at)?;
    let header = |(name, value): (&str, String)| Value::Array(Vec::from([name.into(), value.into()]));
    Ok(object([
        ("headers", Value::Array(ready.fields.into_iter().map(header).collect())),
        ("base", ready.prepared.base.into()),
        ("input", ready.prepared.input.into()),
    ]))
}

/// `ocm.token`: a request to exchange the secret of a share, at the sender.
pub(in super::super) fn token(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let vouched = Vouched::take(&mut members)?;
    let share = members.object("share")?;
    let listed = listed(&mut members)?;
    members.finish()?;
    let share = HeldShare::from_object(share, &listed)?;
    let request = vouched.request();
    let mut judge = || {
        let asked = TokenRequest::of(&request)?;
        let signer = vouched.signer(door, core::slice::from_ref(&asked.client), call.at, call.trace)?;
        token::grant(&asked, &signer, &share, call.at, call.trace)
    };
    let grant = judge().map_err(|rejection| {
        let error = token::oauth_error(&rejection);
        let status = u64::from(token_status(&rejection)).into();
        Refusal { rejection, beside: Vec::from([("status", status), ("oauth_error", error.into())]) }
    })?;
    let grant = object([
        ("client", grant.client.as_str().into()),
        ("providerId", grant.provider_id.into()),
        ("protocol", grant.protocol.into()),
        ("until", grant.until.into()),
    ]);
    Ok(object([("grant", grant.into())]))
}

/// `ocm.notification`
pub(in super::super) fn notification(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let vouched = Vouched::take(&mut members)?;
    let share = members.object("share")?;
    let listed = listed(&mut members)?;
    members.finish()?;
    let share = HeldShare::from_object(share, &listed)?;
    let request = vouched.request();
    let mut judge = || {
        let told = match Body::of(&request)? {
            Body::Json(object) => Notification::from_object(&object)?,
            Body::Form(_) => return Err(Rejection::new(SignedCode::Body, "a notification is JSON")),
        };
        let signer = vouched.signer(door, &told.parties(&share), call.at, call.trace)?;
        notification::judge(&told, &share, &signer, &listed, call.trace)
    };
    let taken = judge().map_err(answered(share_status))?;
    let mut result: Vec<(String, Value)> = Vec::from([("change".into(), taken.change.name().into())]);
    if let Some(state) = taken.change.state() {
        result.push(("state".into(), state.name().into()));
    }
    Ok(Object::from_members(result))
}
