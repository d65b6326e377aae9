//! The code flow: a shared secret is exchanged for a token that lasts a short time (section Code Flow).

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_signature::Request;
use portcullis_types::{
    Rejection, Timestamp, form,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
    trace::{Trace, check},
};

use crate::{Form, Host, Secret, TokenCode, share::HeldShare, signed::Body};

const REQUEST: &str = "draft-ietf-ocm-open-cloud-mesh-05, Code Flow, Token Request";

/// How long a token may last that is made here, in seconds. The text's example has five minutes; the secret is there to ask again.
pub const MAX_LIFETIME: u64 = 3600;

/// A token request: a signed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The server that asks.
    pub client: Host,
    /// The shared secret.
    pub code: Secret,
}

impl TokenRequest {
    /// Reads a token request. Parameters beside the three are passed over, as the text has it.
    ///
    /// Errors: `ocm.token_*`, `ocm.body_malformed`, `ocm.address_host`.
    pub fn of(request: &Request<'_>) -> Result<Self, Rejection> {
        if request.method != "POST" {
            return Err(Rejection::new(
                TokenCode::Form,
                format!("the method is {}, not POST", excerpt(request.method)),
            ));
        }
        match Body::of(request)? {
            Body::Form(form) => Self::of_form(&form),
            Body::Json(_) => Err(Rejection::new(TokenCode::Form, "a token request is a form")),
        }
    }

    fn of_form(form: &Form) -> Result<Self, Rejection> {
        let member = |name: &'static str| {
            let missing = || Rejection::new(TokenCode::Form, format!("the token request has no {name}"));
            form.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        let grant_type = member("grant_type")?;
        if grant_type != "authorization_code" {
            let what = format!("grant_type is {}, not authorization_code", excerpt(grant_type));
            return Err(Rejection::new(TokenCode::GrantType, what));
        }
        let client = Host::parse(member("client_id")?).map_err(|bad| bad.within("client_id"))?;
        let unfit = || Rejection::new(TokenCode::Code, "code is no secret of a share");
        let code = Secret::new(member("code")?).ok_or_else(unfit)?;
        Ok(Self { client, code })
    }

    /// The body to send.
    pub fn to_form(&self) -> String {
        form::encode(&[
            ("grant_type", "authorization_code"),
            ("client_id", self.client.as_str()),
            ("code", self.code.expose()),
        ])
    }
}

/// What a token may be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The server that gets it.
    pub client: Host,
    /// What the share is known by.
    pub provider_id: String,
    /// The protocol whose secret was exchanged.
    pub protocol: &'static str,
    /// When it ends at the latest, in seconds since 1970: with the share, and not later than after [`MAX_LIFETIME`].
    pub until: Timestamp,
}

/// Decides about a token request at the sender's server; `signer` is whose signature of it verified, and `share` the one that the
/// server finds by the code.
///
/// Errors: `ocm.token_client`, `ocm.token_code`, `ocm.token_share_ended`. What answers them is [`oauth_error`].
pub fn grant(
    request: &TokenRequest,
    signer: &Host,
    share: &HeldShare,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Grant, Rejection> {
    check(trace, "client", REQUEST, client(request, signer, share), |()| format!("{}", request.client))?;
    let protocol = check(trace, "code", REQUEST, code(request, share), |protocol| (*protocol).to_owned())?;
    let open = share.check_open(at).map_err(|ended| Rejection::new(TokenCode::ShareEnded, ended.detail()));
    check(trace, "share", REQUEST, open, |()| share.state.name().into())?;
    let until = at.saturating_add(MAX_LIFETIME);
    Ok(Grant {
        client: request.client.clone(),
        provider_id: share.provider_id.clone(),
        protocol,
        until: share.expiration.map_or(until, |end| end.min(until)),
    })
}

/// The server that asks is the one that got the share, and signed.
fn client(request: &TokenRequest, signer: &Host, share: &HeldShare) -> Result<(), Rejection> {
    if request.client != *signer {
        let what = format!("client_id is {}, and {signer} signed", request.client);
        return Err(Rejection::new(TokenCode::Client, what));
    }
    if request.client != *share.share_with.host() {
        let what = format!("{} asks for a share of {}", request.client, share.share_with.host());
        return Err(Rejection::new(TokenCode::Client, what));
    }
    Ok(())
}

fn code(request: &TokenRequest, share: &HeldShare) -> Result<&'static str, Rejection> {
    let protocols = share.protocols.as_ref();
    let found = protocols.and_then(|protocols| protocols.of_secret(request.code.expose()));
    found.ok_or_else(|| Rejection::new(TokenCode::Code, "code is not the share's secret"))
}

/// The error of RFC 6749 section 5.2 for a refused token request; its status is 400, whichever it is.
pub fn oauth_error(rejection: &Rejection) -> &'static str {
    if rejection.is(TokenCode::GrantType) {
        "unsupported_grant_type"
    } else if [TokenCode::Code, TokenCode::Client, TokenCode::ShareEnded].iter().any(|code| rejection.is(*code)) {
        // A code that was issued to another client is an invalid one.
        "invalid_grant"
    } else if rejection.is(TokenCode::Form) || rejection.is(crate::SignedCode::Body) {
        "invalid_request"
    } else {
        "invalid_client"
    }
}

/// The answer to a token request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: Secret,
    /// How long it lasts, in seconds.
    pub expires_in: u64,
}

impl TokenAnswer {
    /// Reads an answer: a bearer token, and how long it lasts. A refresh token is not for this flow, and not read.
    ///
    /// Errors: `ocm.token_answer`; `ocm.token_refused` for any status but 200.
    pub fn read(status: u16, object: &Object) -> Result<Self, Rejection> {
        let refuse = |what: &str| Rejection::new(TokenCode::Answer, what);
        if status != 200 {
            let error = object.get("error")?.and_then(Value::as_str).unwrap_or("no error is told");
            return Err(Rejection::new(TokenCode::Refused, format!("status {status}: {}", excerpt(error))));
        }
        let token = object.get("access_token")?.and_then(Value::as_str).and_then(Secret::new);
        let access_token = token.ok_or_else(|| refuse("access_token is no token"))?;
        let kind = object.get("token_type")?.and_then(Value::as_str).unwrap_or_default();
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(refuse("token_type is not Bearer"));
        }
        let expires_in = object.get("expires_in")?.and_then(timestamp_from_json).filter(|seconds| *seconds > 0);
        let expires_in = expires_in.ok_or_else(|| refuse("expires_in is no number of seconds"))?;
        Ok(Self { access_token, expires_in })
    }

    /// The answer to a request that was granted, with a token that the server has made. It lasts for `lifetime` seconds, or less
    /// where the grant ends before.
    ///
    /// Error: `ocm.token_answer` for a lifetime of nothing or of more than [`MAX_LIFETIME`].
    pub fn to_grant(grant: &Grant, access_token: Secret, lifetime: u64, at: Timestamp) -> Result<Self, Rejection> {
        let expires_in = lifetime.min(grant.until.saturating_sub(at));
        if expires_in == 0 || lifetime > MAX_LIFETIME {
            let what = format!("a token lasts 1 to {MAX_LIFETIME} seconds");
            return Err(Rejection::new(TokenCode::Answer, what));
        }
        Ok(Self { access_token, expires_in })
    }

    /// The JSON of the answer.
    pub fn to_object(&self) -> Object {
        Object::from_members(
            [
                ("access_token".into(), self.access_token.expose().into()),
                ("token_type".into(), "Bearer".into()),
                ("expires_in".into(), self.expires_in.into()),
            ]
            .into(),
        )
    }
}
