//! What a proxy says of the request it asks about. Read only on a listener that is declared for that proxy; everywhere else
//! these headers are somebody's words and nothing more.

use alloc::{borrow::Cow, format};

use portcullis_types::Rejection;

use crate::{
    code::GateCode,
    policy::Asserter,
    request::{Header, Request, single},
};

/// The request that is asked about.
#[derive(Debug)]
pub(crate) struct Told<'r> {
    pub(crate) method: &'r str,
    pub(crate) url: Cow<'r, str>,
    pub(crate) target: Option<&'r str>,
}

/// The request itself, or the one that the listener's proxy speaks of.
///
/// Errors: `request.forwarded_*`, `request.header_repeated`.
pub(crate) fn original(request: &Request, asserts: Option<Asserter>) -> Result<Told<'_>, Rejection> {
    let headers = &request.headers;
    let own = |url| Told { method: &request.method, url, target: request.target.as_deref() };
    match asserts {
        None => Ok(own(Cow::Borrowed(&request.url))),
        Some(Asserter::Nginx) => Ok(Told {
            method: required(headers, "X-Original-Method")?,
            url: required(headers, "X-Original-URL")?.into(),
            target: None,
        }),
        Some(Asserter::Traefik | Asserter::Caddy) => {
            let scheme = scheme(required(headers, "X-Forwarded-Proto")?)?;
            let host = required(headers, "X-Forwarded-Host")?;
            let target = required(headers, "X-Forwarded-Uri")?;
            if !target.starts_with('/') {
                return Err(Rejection::new(GateCode::ForwardedMalformed, "X-Forwarded-Uri is no path"));
            }
            Ok(Told {
                method: required(headers, "X-Forwarded-Method")?,
                url: Cow::Owned(format!("{scheme}://{host}{target}")),
                target: None,
            })
        }
        // Envoy hands over the request itself; only the scheme of the connection to it is in a header.
        Some(Asserter::Envoy) => {
            let url = match single(headers, "X-Forwarded-Proto")? {
                None => Cow::Borrowed(request.url.as_str()),
                Some(told) => {
                    let scheme = scheme(told)?;
                    let rest = request
                        .url
                        .split_once("://")
                        .map(|(_, rest)| rest)
                        .ok_or_else(|| Rejection::new(GateCode::UrlMalformed, "the URL is not absolute"))?;
                    Cow::Owned(format!("{scheme}://{rest}"))
                }
            };
            Ok(own(url))
        }
    }
}

fn required<'r>(headers: &'r [Header], name: &str) -> Result<&'r str, Rejection> {
    match single(headers, name)? {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(Rejection::new(GateCode::ForwardedMissing, format!("the proxy on this listener sends no {name}"))),
    }
}

fn scheme(text: &str) -> Result<&str, Rejection> {
    match text {
        "http" | "https" => Ok(text),
        _ => Err(Rejection::new(GateCode::ForwardedMalformed, "X-Forwarded-Proto is neither http nor https")),
    }
}
