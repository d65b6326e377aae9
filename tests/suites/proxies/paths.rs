//! The bytes that are judged are the bytes that the upstream gets, or the request is refused.

use portcullis_tests::serving::{ask, get, request};

use super::running::{PROXIES, Proxy, shared};

/// Targets that name one thing to one program and another to the next. Each begins where everybody may read, or asks for
/// what nobody may without a token.
const TRICKS: &[&str] = &[
    "/open/../reports/7",
    "/open/./x",
    "/open//x",
    "//open/x",
    "/open/%2e%2e/reports/7",
    "/open/.%2e/reports/7",
    "/open/%2E%2E/reports/7",
    "/open/..%2freports/7",
    "/open/%2e%2e%2freports/7",
    "/open/..%5creports/7",
    "/open/..\\reports\\7",
    "/open/x%2fy",
    "/open/x%2Fy",
    "/open/x%5Cy",
    "/open/x\\y",
    "/open/x;/../../reports/7",
    "/open/..;/reports/7",
    "/open/x;y=1",
    "/open/x%00",
    "/open/x%0a",
    "/open/x%0d%0aX-User:%20root",
    "/open/x%7f",
    "/open/x%zz",
    "/open/x%",
    "/open/x%2",
    "/open/%61",
    "/open/x%41",
    "/%6fpen/x",
    "/open/%252e%252e/reports/7",
    "/open/x#/reports/7",
    "/open/x%23/../../reports/7",
    "/open/x?/../../reports/7",
    "/open/é",
    "/open/%c3%a9",
    "/open/%C3%A9",
    "/open/x%c0%af..",
    "/open/...",
    "/open/.x",
    "/open/x.",
    "/open/x/",
    "/open/",
    "/open",
    "/OPEN/x",
    "/open/x:y@z",
    "/open/x,y",
    "/open/x|y",
    "/open/x\"y",
    "/open/{x}",
    "/open/*",
    "/open/x//",
    "/open/.",
    "/open/..",
    "/reports/7",
    "/reports//7",
    "/reports/7/",
    "/reports/%37",
    "http://127.0.0.1:8080/open/x",
    "http://127.0.0.1:8080/reports/7",
    "http://evil.example/open/x",
    "*",
    "open/x",
    "?x",
    "/.portcullis",
    "/auth/nginx",
    "/check",
    "/metrics",
    "/healthz",
    "/mint",
    "/",
];

/// What may be read without a token: what the policy says of these very bytes.
fn is_open(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    // One segment or more, the last of which may be empty: what is below a folder, the folders below it among that.
    let rest = path.strip_prefix("/open/").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    rest.is_some_and(|rest| rest.split('/').all(|segment| !segment.is_empty()))
}

#[test]
fn what_the_upstream_gets_is_what_was_judged() {
    let shared = shared();
    let (mut let_through, mut refused) = (0, 0);
    for proxy in PROXIES {
        for target in TRICKS {
            let answer = ask(shared.port(proxy), &get(target, &[]));
            if answer.is_upstreams() {
                let_through += 1;
                let got = answer.target();
                // The absolute form goes on as a path, with the host that was judged, whatever other one it named.
                let absolute = target.strip_prefix("http://").and_then(|rest| rest.get(rest.find('/')?..));
                let sent = absolute.unwrap_or(target);
                assert_eq!(answer.got("host"), ["127.0.0.1:8080"], "{proxy:?}: {target}");
                assert_eq!(got, sent, "{proxy:?}: the bytes changed on the way");
                assert!(is_open(got), "{proxy:?}: {target} is not for everybody");
            } else {
                refused += 1;
                assert!((400..=503).contains(&answer.status), "{proxy:?} {target}: {answer:?}");
            }
        }
    }
    println!(
        "{} targets through 4 proxies: {let_through} reached the upstream unchanged, {refused} were refused",
        TRICKS.len()
    );
    assert!(let_through > 20 && refused > 100);
}

#[test]
fn with_a_token_for_one_path_no_trick_reaches_another() {
    let shared = shared();
    let bearer = format!("Bearer {}", shared.token("scope=files:read"));
    for proxy in PROXIES {
        for target in TRICKS {
            let target = target.replace("/open", "/files");
            let answer = ask(shared.port(proxy), &get(&target, &[("Authorization", &bearer)]));
            if answer.is_upstreams() {
                let got = answer.target();
                let path = got.split('?').next().unwrap_or_default();
                let files = is_open(&got.replace("/files", "/open")) || path == "/open/x";
                assert!(files, "{proxy:?}: {target} became {got}");
            }
        }
    }
}

#[test]
fn a_long_target_is_an_error_and_not_a_way_in() {
    let shared = shared();
    for length in [4_000, 8_000, 70_000] {
        for proxy in PROXIES {
            let target = format!("/reports/{}", "a".repeat(length));
            let answer = ask(shared.port(proxy), &get(&target, &[]));
            assert!(!answer.is_upstreams() && answer.status >= 400, "{proxy:?} {length}: {}", answer.status);
        }
    }
}

#[test]
fn every_path_that_envoy_asks_for_is_a_check() {
    let shared = shared();
    for target in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/mint",
        "/demo/token",
        "/check",
        "/auth/nginx",
        "/auth/forward",
        "/tokens/forget",
        "/envoy.service.auth.v3.Authorization/Check",
    ] {
        for method in ["GET", "POST"] {
            for more in [&[][..], &[("Content-Type", "application/grpc"), ("TE", "trailers")]] {
                let fields = [&[("Content-Length", "0")][..], more].concat();
                for port in [shared.port(Proxy::EnvoyHttp), shared.port(Proxy::EnvoyGrpc), shared.envoy_door] {
                    let answer = ask(port, &request(method, target, &fields));
                    // To a client that says it speaks gRPC, Envoy says its 401 in the words of gRPC: UNAUTHENTICATED.
                    let in_grpc = !more.is_empty() && port != shared.envoy_door;
                    let denied = match in_grpc {
                        true => answer.header("grpc-status") == Some("16"),
                        false => answer.status == 401,
                    };
                    assert!(denied && !answer.is_upstreams(), "{method} {target} {more:?}: {answer:?}");
                }
            }
        }
    }
}
