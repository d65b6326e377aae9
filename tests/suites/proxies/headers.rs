//! No header field from outside passes for one of ours.

use portcullis_tests::serving::{ask, get, request};

use super::running::{PROXIES, shared};

/// Fields that a client may send to be taken for somebody else, or to be judged as something else.
const POSING: &[(&str, &str)] = &[
    ("X-User", "root"),
    ("x-user", "root"),
    ("X-USER", "root"),
    ("X_User", "root"),
    ("x_user", "root"),
    ("X-Client", "root"),
    ("X-Scope", "admin"),
    ("X-Original-URL", "http://127.0.0.1:8080/health"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example"),
    ("X-Forwarded-Uri", "/health"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-Client-Cert", "By=spiffe://prod.example/proxy"),
    ("Client-Cert", ":AAAA:"),
    ("X-Envoy-Original-Path", "/health"),
    ("X-Envoy-Auth-Headers-To-Remove", "authorization"),
    ("X-Envoy-Auth-Partial-Body", "true"),
    ("X-Envoy-Internal", "true"),
    ("X-Portcullis-Status", "200"),
    ("X-Portcullis-Code", "none"),
    ("X-Rewrite-URL", "/health"),
    ("X-HTTP-Method-Override", "OPTIONS"),
    ("Connection", "X-User"),
    ("Connection", "close, X-User, Authorization"),
];

#[test]
fn what_a_client_says_of_itself_never_reaches_the_upstream() {
    let shared = shared();
    let bearer = format!("Bearer {}", shared.token("scope=reports:read"));
    for proxy in PROXIES {
        for (name, value) in POSING {
            // With a token: the upstream is told the truth, or the request is refused.
            let answer = ask(shared.port(proxy), &get("/reports/7", &[("Authorization", &bearer), (name, value)]));
            if answer.is_upstreams() {
                assert_eq!(answer.got("x-user"), ["alice"], "{proxy:?} {name}: {value}");
                assert_eq!(answer.got("x-client"), ["demo"], "{proxy:?} {name}: {value}");
                assert_eq!(answer.got("x-scope"), ["reports:read"], "{proxy:?} {name}: {value}");
                assert!(answer.got("x_user").is_empty(), "{proxy:?} {name}: {value}");
            } else {
                assert!((400..=503).contains(&answer.status), "{proxy:?} {name}: {answer:?}");
            }
            // Where nobody is asked to come as somebody, nobody is told to have.
            let answer = ask(shared.port(proxy), &get("/open/x", &[(name, value)]));
            for ours in ["x-user", "x_user", "x-client", "x-scope"] {
                assert!(!answer.is_upstreams() || answer.got(ours).is_empty(), "{proxy:?} {name}: {value}: {answer:?}");
            }
            // And without a token nothing opens what is closed.
            let answer = ask(shared.port(proxy), &get("/reports/7", &[(name, value)]));
            assert!(!answer.is_upstreams(), "{proxy:?} {name}: {value}: {answer:?}");
        }
    }
}

#[test]
fn a_credential_that_comes_twice_is_refused() {
    let shared = shared();
    let good = format!("Bearer {}", shared.token("scope=reports:read"));
    let other = format!("Bearer {}", shared.token("scope=other"));
    let joined = format!("{good}, {other}");
    for proxy in PROXIES {
        for fields in [
            &[("Authorization", good.as_str()), ("Authorization", other.as_str())][..],
            &[("Authorization", other.as_str()), ("authorization", good.as_str())],
            &[("Authorization", good.as_str()), ("Authorization", good.as_str())],
            &[("Authorization", joined.as_str())],
            &[("Authorization", good.as_str()), ("DPoP", "a"), ("DPoP", "b")],
        ] {
            let answer = ask(shared.port(proxy), &get("/reports/7", fields));
            assert!(!answer.is_upstreams(), "{proxy:?} {fields:?}: {answer:?}");
            assert_eq!(answer.status, 400, "{proxy:?} {fields:?}: {answer:?}");
        }
    }
}

#[test]
fn trailers_are_no_headers() {
    let shared = shared();
    let bearer = format!("Bearer {}", shared.token("scope=payments:write&acr=phr"));
    for proxy in PROXIES {
        let fields = [("Authorization", bearer.as_str()), ("Transfer-Encoding", "chunked"), ("Trailer", "X-User")];
        let body = b"1\r\nx\r\n0\r\nX-User: root\r\nX_User: root\r\n\r\n".to_vec();
        let answer = ask(shared.port(proxy), &[request("POST", "/payments", &fields), body].concat());
        assert!(!answer.is_upstreams() || answer.got("x-user") == ["alice"], "{proxy:?}: {answer:?}");
    }
}
