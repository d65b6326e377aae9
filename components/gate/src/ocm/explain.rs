//! What a policy asks of other sharing servers, for people who write policies.

use alloc::{format, string::String, vec::Vec};

use portcullis_ocm::{DISCOVERY_PATH, KEYS_PATH, endpoint::Place};

use crate::{
    explain::{Demand, seconds},
    policy::{OwnDiscovery, Policy},
    request::Judged,
};

/// What is asked at the sharing server's origin.
pub(crate) struct Asked {
    pub(crate) demands: Vec<Demand>,
    /// Whether rules are not asked.
    pub(crate) decides: bool,
}

/// What is asked of a request; nothing where rules alone ask.
pub(crate) fn explain(policy: &Policy, judged: &Judged<'_>) -> Option<Asked> {
    let ocm = policy.ocm.as_ref().filter(|ocm| ocm.origin == judged.origin)?;
    let mut demands = Vec::new();
    let mut put = |what: &'static str, told: String| demands.push(Demand { what, told });
    let path = judged.target.split('?').next().unwrap_or_default();
    if [DISCOVERY_PATH, KEYS_PATH].contains(&path) && matches!(judged.method, "GET" | "HEAD") {
        put("ocm", format!("other servers find {} from here", ocm.host));
        put("outcome", "let through without a credential".into());
        return Some(Asked { demands, decides: true });
    }
    let decides = match &ocm.discovery {
        OwnDiscovery::Url(url) => {
            put("ocm", format!("what is below refers to the endpoints that {url} names; all else goes by rules"));
            false
        }
        OwnDiscovery::Inline(own) => match Place::of(&own.discovery, &judged.url(policy)) {
            Place::Elsewhere => return None,
            Place::Nowhere => {
                put("ocm", "within the API and at no endpoint: refused with 404 ocm.endpoint_unknown".into());
                return Some(Asked { demands, decides: true });
            }
            Place::Endpoint(endpoint) => {
                put("ocm", format!("the endpoint {} of {}; rules are not asked", endpoint.name(), ocm.host));
                true
            }
        },
    };
    put("method", "POST with a body of at most 256 KiB; else 405 or 400".into());
    let among = match (&ocm.allowed, ocm.denied.is_empty()) {
        (Some(allowed), _) => format!("one of {} servers that are allowed", allowed.len()),
        (None, false) => format!("any but {} servers that are denied", ocm.denied.len()),
        (None, true) => "any that can be asked who it is".into(),
    };
    put("signer", format!("the server that the request speaks for, {among}; else 403"));
    let (window, skew) = (seconds(ocm.times.window), seconds(ocm.times.skew));
    put(
        "signature",
        format!(
            "RFC 9421 with the tag ocm, by a key of its discovery, made in the last {window}, or {skew} ahead; else 401"
        ),
    );
    put("replay", "the same signed request comes once; else 401".into());
    Some(Asked { demands, decides })
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;

    use portcullis_crypto::SoftwareBackend;

    use super::*;
    use crate::policy::Format;

    /// What is told first, and last.
    fn told(method: &str, path: &str, discovery: &str) -> (String, String) {
        let text = format!(
            r#"{{"origins": ["https://cloud.example.org"], "ocm": {{"host": "cloud.example.org"{discovery}}},
                "rules": [{{"path": "/dav/{{path...}}", "anonymous": true}}]}}"#
        );
        let policy = Policy::parse(&text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        let demands = crate::explain(&policy, method, &format!("https://cloud.example.org{path}"));
        let of = |demand: Option<&Demand>| demand.map(|demand| demand.told.clone()).unwrap_or_default();
        (of(demands.get(1)), of(demands.last()))
    }

    const INLINE: &str = r#", "discovery": {"enabled": true, "apiVersion": "1.4.0", "endPoint": "https://cloud.example.org/ocm",
        "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": {"webdav": "/dav/"}}]}"#;

    #[test]
    fn endpoints_are_told_apart_from_what_rules_judge() {
        let (first, last) = told("POST", "/ocm/shares", INLINE);
        assert!(first.contains("the endpoint shares") && last.contains("comes once"), "{first}: {last}");
        assert!(told("POST", "/ocm/Shares", INLINE).0.contains("ocm.endpoint_unknown"));
        assert!(told("GET", "/.well-known/ocm", INLINE).1.contains("without a credential"));
        let (first, last) = told("GET", "/dav/a", INLINE);
        assert!(first.starts_with("number 1") && last.contains("without a credential"), "{first}: {last}");
        let (first, last) = told("GET", "/dav/a", "");
        assert!(first.contains("/.well-known/ocm names") && last.contains("without a credential"), "{first}: {last}");
    }
}
