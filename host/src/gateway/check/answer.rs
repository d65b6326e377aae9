//! Answers in HTTP.

use axum::body::Body;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::gate::Field;
use crate::gateway::verdict::Verdict;

/// An answer to a proxy.
pub(crate) type Answer = http::Response<Body>;

/// The status that was decided, where a proxy knows only some.
const STATUS: HeaderName = HeaderName::from_static("x-portcullis-status");

/// The code that the client may see, where a proxy drops the body.
const CODE: HeaderName = HeaderName::from_static("x-portcullis-code");

/// Names that Envoy removes from the request to the upstream (`ext_authz`, HTTP service).
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// A denial in the words of the gate, or 200 with the header fields for the upstream and for the client.
pub(crate) fn plain(verdict: &Verdict, status: u16) -> Answer {
    let decision = &verdict.decision;
    let mut answer = Answer::new(match (&decision.body, verdict.allows()) {
        (Some(body), false) => Body::from(body.clone()),
        _ => Body::empty(),
    });
    // What is no status is a denial.
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    put(&mut answer, &decision.response_headers);
    if verdict.allows() {
        put(&mut answer, &decision.upstream_set);
    }
    answer
}

/// An answer whose body the gate made, whatever it decided: 200 where it allows and never else.
pub(crate) fn answered(verdict: &Verdict, body: String) -> Answer {
    let decision = &verdict.decision;
    let status = match (verdict.allows(), decision.status) {
        (true, _) => StatusCode::OK,
        (false, status @ 400..) => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
        (false, _) => StatusCode::FORBIDDEN,
    };
    let mut answer = Answer::new(Body::from(body));
    *answer.status_mut() = status;
    put(&mut answer, &decision.response_headers);
    answer
}

/// Adds header fields to an answer.
pub(crate) fn put(answer: &mut Answer, fields: &[Field]) {
    for field in fields {
        // The gate sets names and values that are fields; what is none cannot be said in HTTP.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value.as_bytes()))
        {
            answer.headers_mut().append(name, value);
        }
    }
}

/// For Envoy's `ext_authz` over HTTP, which takes 200 and nothing else for "allow".
pub(super) fn envoy<'n>(verdict: &Verdict, names: impl Iterator<Item = &'n str>) -> Answer {
    let status = if verdict.allows() { 200 } else { denied(verdict) };
    // 200 is never a denial's.
    let mut answer = plain(verdict, if status == 200 && !verdict.allows() { 403 } else { status });
    if verdict.allows() {
        let remove = verdict.to_remove(names);
        if let (false, Ok(value)) = (remove.is_empty(), HeaderValue::from_str(&remove.join(","))) {
            answer.headers_mut().insert(REMOVE, value);
        }
    }
    answer
}

/// For nginx's `auth_request`, which knows 2xx, 401 and 403. The true status and code are in header fields.
pub(super) fn nginx(verdict: &Verdict) -> Answer {
    let status = match (verdict.allows(), verdict.decision.status) {
        (true, _) => 200,
        (false, 401) => 401,
        (false, _) => 403,
    };
    let mut answer = plain(verdict, status);
    if !verdict.allows() {
        answer.headers_mut().insert(STATUS, HeaderValue::from(verdict.decision.status));
        if let Some(code) = public_code(verdict).and_then(|code| HeaderValue::from_str(&code).ok()) {
            answer.headers_mut().insert(CODE, code);
        }
    }
    answer
}

/// For Traefik and Caddy, which take each 2xx for "allow" and hand everything else to the client as it is.
pub(super) fn forward(verdict: &Verdict) -> Answer {
    let status = match (verdict.allows(), denied(verdict)) {
        (true, _) => 200,
        // A page's preflight: its 204 would let it through.
        (false, 200..=299) => 403,
        (false, status) => status,
    };
    plain(verdict, status)
}

/// The status of a denial.
fn denied(verdict: &Verdict) -> u16 {
    verdict.decision.status
}

/// The code in the body of a denial, which is what the client may see.
fn public_code(verdict: &Verdict) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(verdict.decision.body.as_deref()?).ok()?;
    let code = body.get("code").or_else(|| body.get("error"))?;
    code.as_str().map(Into::into)
}

/// A denial of what is no check, with a remedy.
pub(super) fn no_check(remedy: &str) -> Answer {
    text(
        StatusCode::FORBIDDEN,
        format!("{{\"error\":\"access_denied\",\"code\":\"gateway.no_check\",\"remedy\":\"{remedy}\"}}"),
    )
}

/// JSON text with a status.
pub(crate) fn text(status: StatusCode, json: String) -> Answer {
    let mut answer = Answer::new(Body::from(json));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gate::Outcome;
    use crate::gateway::engine::Unknown;

    fn denial(status: u16) -> Verdict {
        let mut verdict = Verdict::of(Err(Unknown::Busy), Duration::ZERO);
        verdict.decision.status = status;
        verdict.decision.body = Some(r#"{"error":"x","code":"a.b"}"#.into());
        verdict
    }

    #[test]
    fn no_denial_looks_like_an_allow_to_any_proxy() {
        for status in [100, 200, 204, 302, 400, 401, 403, 503, 999] {
            let verdict = denial(status);
            assert_ne!(envoy(&verdict, std::iter::empty()).status(), 200, "{status}");
            let (nginx, forward) = (nginx(&verdict).status(), forward(&verdict).status());
            assert!(nginx == 401 || nginx == 403, "{status}");
            assert!(!forward.is_success(), "{status}");
        }
    }

    #[test]
    fn nginx_is_told_the_true_status_and_the_public_code() {
        let answer = nginx(&denial(503));
        assert_eq!(
            (answer.headers()[STATUS].as_bytes(), answer.headers()[CODE].as_bytes()),
            (&b"503"[..], &b"a.b"[..])
        );
    }

    #[test]
    fn an_allow_tells_the_upstream_and_what_to_remove() {
        let mut verdict = denial(200);
        verdict.decision.outcome = Outcome::Allow;
        verdict.decision.upstream_set = vec![Field { name: "X-User".into(), value: "alice".into() }];
        verdict.decision.upstream_strip = vec!["X-User".into(), "X-Internal".into()];
        let answer = envoy(&verdict, ["x_user"].into_iter());
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-user"], "alice");
        assert_eq!(answer.headers()[REMOVE], "X-Internal,x_user");
    }
}
