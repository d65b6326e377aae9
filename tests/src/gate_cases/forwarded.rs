//! Whose word it is: what proxies say of the request they ask about, and of a client's certificate.

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_crypto::sha256;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::{
    make::{Check, Group, Want, token},
    svids::{self, DOMAIN, WEB},
};

pub(super) fn cases() -> Group {
    let mut group = Group::new("listener");
    without(&mut group);
    nginx(&mut group);
    traefik(&mut group);
    envoy(&mut group);
    forms(&mut group);
    sources(&mut group);
    bound(&mut group);
    group
}

/// `/open` is open and everything else guarded.
fn open_and_guarded() -> Check {
    Check::new().policy("rules", json!([{"path": "/open", "anonymous": true}, {"require": {}}]))
}

fn missing() -> Want {
    Want::deny(401, "credential.missing")
}

fn without(group: &mut Group) {
    let check = open_and_guarded();
    let words = |check: Check| {
        let check = check.header("X-Original-URL", "https://api.example/open").header("X-Original-Method", "GET");
        let check = check.header("X-Forwarded-Proto", "https").header("X-Forwarded-Host", "api.example");
        check.header("X-Forwarded-Method", "GET").header("X-Forwarded-Uri", "/open")
    };
    group.about("Forwarded method, URL and host are read only on a listener declared for it.").pair(
        "its-own-request",
        &check.clone().path("/open"),
        &Want::allow(),
        &[
            ("forwarded-without-listener", words(check.clone()), missing()),
            ("forwarded-without-asserts", words(check.clone().listener(json!({}))), missing()),
            ("unknown-listener", check.clone().path("/open").set("listener", "back"), {
                Want::deny(503, "gate.listener_unknown")
                    .headers(&[
                        ("Retry-After", "5"),
                        ("Content-Type", "application/json"),
                        ("Cache-Control", "no-store"),
                    ])
                    .body(json!({"error": "temporarily_unavailable"}))
            }),
        ],
    );
}

fn nginx(group: &mut Group) {
    let check = open_and_guarded().listener(json!({"asserts": "nginx"})).path("/auth");
    let url = |url: &str| check.clone().header("X-Original-URL", url);
    let told = |told: &str| url(told).header("X-Original-Method", "GET");
    group.about("On a listener with asserts = \"nginx\" the request is X-Original-Method and X-Original-URL.").pair(
        "nginx",
        &told("https://api.example/open?x"),
        &Want::allow(),
        &[
            ("guarded", told("https://api.example/reports/7"), missing()),
            ("no-url", check.clone().header("X-Original-Method", "GET"), Want::deny(400, "request.forwarded_missing")),
            ("no-method", url("https://api.example/open"), Want::deny(400, "request.forwarded_missing")),
            ("empty-url", told(""), Want::deny(400, "request.forwarded_missing")),
            (
                "two-urls",
                told("https://api.example/open").header("x-original-url", "https://api.example/open"),
                Want::deny(400, "request.header_repeated"),
            ),
            ("another-origin", told("https://other.example/open"), Want::deny(400, "request.unknown_origin")),
            ("ambiguous", told("https://api.example/open/../x"), Want::deny(400, "request.path_ambiguous")),
            ("malformed-method", url("https://api.example/open").header("X-Original-Method", "G T"), {
                Want::deny(400, "request.method_malformed")
            }),
            ("names-of-another-proxy", check.clone().header("X-Forwarded-Uri", "/open"), {
                Want::deny(400, "request.forwarded_missing")
            }),
        ],
    );
}

fn traefik(group: &mut Group) {
    for asserts in ["traefik", "caddy"] {
        let check = open_and_guarded().listener(json!({"asserts": asserts})).path("/auth");
        let told = |proto: &str, host: &str, target: &str| {
            let check = check.clone().header("X-Forwarded-Method", "GET").header("X-Forwarded-Proto", proto);
            check.header("X-Forwarded-Host", host).header("X-Forwarded-Uri", target)
        };
        let malformed = || Want::deny(400, "request.forwarded_malformed");
        let without_host = check.clone().header("X-Forwarded-Method", "GET").header("X-Forwarded-Proto", "https");
        let source = format!(
            "On a listener with asserts = \"{asserts}\" the request is X-Forwarded-Method, -Proto, -Host and -Uri."
        );
        group.about(&source).pair(
            asserts,
            &told("https", "api.example", "/open"),
            &Want::allow(),
            &[
                ("guarded", told("https", "api.example", "/reports/7"), missing()),
                ("another-host", told("https", "other.example", "/open"), Want::deny(400, "request.unknown_origin")),
                ("another-scheme", told("http", "api.example", "/open"), Want::deny(400, "request.unknown_origin")),
                ("no-scheme", told("wss", "api.example", "/open"), malformed()),
                ("no-path", told("https", "api.example", "open"), malformed()),
                ("two-hosts", told("https", "api.example, other.example", "/open"), {
                    Want::deny(400, "request.url_malformed")
                }),
                ("no-host", without_host.header("X-Forwarded-Uri", "/open"), {
                    Want::deny(400, "request.forwarded_missing")
                }),
                ("host-twice", told("https", "api.example", "/open").header("X-Forwarded-Host", "api.example"), {
                    Want::deny(400, "request.header_repeated")
                }),
            ],
        );
    }
}

fn envoy(group: &mut Group) {
    let check = open_and_guarded().listener(json!({"asserts": "envoy"})).url("http://api.example/open");
    let proto = |proto: &str| check.clone().header("X-Forwarded-Proto", proto);
    group
        .about("On a listener with asserts = \"envoy\" the request is handed over; its scheme is in X-Forwarded-Proto.")
        .pair(
            "envoy",
            &proto("https"),
            &Want::allow(),
            &[
                ("guarded", proto("https").url("http://api.example/reports/7"), missing()),
                ("no-proto", check.clone(), Want::deny(400, "request.unknown_origin")),
                ("another-scheme", proto("http"), Want::deny(400, "request.unknown_origin")),
                ("no-scheme", proto("ftp"), Want::deny(400, "request.forwarded_malformed")),
                (
                    "twice",
                    proto("https").header("X-Forwarded-Proto", "https"),
                    Want::deny(400, "request.header_repeated"),
                ),
                (
                    "other-names",
                    proto("https").url("http://api.example/x").header("X-Original-URL", "/open"),
                    missing(),
                ),
            ],
        );
}

/// What a host may know of a client's certificate.
fn forms(group: &mut Group) {
    let check = svids::with_chain();
    let leaf = &web_leaf();
    let incomplete = || Want::deny(401, "svid.chain_incomplete");
    let on = |members: Value| check.clone().listener(members);
    let form = |certificate: Value| check.clone().certificate(certificate);
    let digest = base64url::encode(&sha256(&base64url::decode(leaf.as_bytes()).expect("base64url")));
    let host = json!({"client_certificate": "ext_authz"});
    let trusting = json!({"client_certificate": "ext_authz", "trust_proxy_validation": DOMAIN});
    let validated = json!({"leaf": leaf, "validated_by_host": DOMAIN});
    group.about("A client certificate is taken from where the listener says; off until named.").pair(
        "chain-of-the-host",
        &on(host.clone()),
        &Want::subject(WEB),
        &[
            ("source-not-named", on(json!({})), missing()),
            ("another-source", on(json!({"client_certificate": "client-cert"})), missing()),
            ("none", on(host.clone()).set("client_certificate", ()), missing()),
        ],
    );
    group
        .about(
            "A leaf without its intermediates is refused for X.509-SVIDs unless the listener trusts that validation.",
        )
        .pair(
            "leaf-validated",
            &on(trusting.clone()).certificate(validated.clone()),
            &Want::subject(WEB),
            &[
                ("no-listener", form(validated.clone()), incomplete()),
                ("not-trusted", on(host).certificate(validated.clone()), incomplete()),
                ("presented-only", on(trusting.clone()).certificate(json!({"leaf": leaf})), incomplete()),
                (
                    "validated-for-another",
                    { on(trusting.clone()).certificate(json!({"leaf": leaf, "validated_by_host": "fed.example.org"})) },
                    incomplete(),
                ),
                ("presented-without-listener", form(json!({"leaf": leaf})), incomplete()),
                (
                    "not-yet-valid",
                    {
                        let early = svids::chain("x509-path/leaf-not-yet");
                        on(trusting.clone()).certificate(json!({"leaf": early[0], "validated_by_host": DOMAIN}))
                    },
                    Want::deny(401, "svid.not_yet_valid"),
                ),
                (
                    "signing-certificate",
                    {
                        let ca = svids::chain("x509-path/leaf-ca-true");
                        on(trusting.clone()).certificate(json!({"leaf": ca[0], "validated_by_host": DOMAIN}))
                    },
                    Want::deny(401, "svid.leaf_ca"),
                ),
            ],
        );
    group
        .about("A digest serves only RFC 8705 binding.")
        .case("digest", &form(json!({"digest": digest})), &incomplete())
        .case("digest/trusted", &on(trusting).certificate(json!({"digest": digest})), &incomplete());
    let other = "x509-svid/XF-1";
    let federated = form(json!({"leaf": svids::chain(other)[0], "validated_by_host": "fed.example.org"}));
    let federated = federated
        .policy("trust_domains", json!([svids::trusted(other, DOMAIN), svids::trusted(other, "fed.example.org")]));
    let federated = federated.policy("rules/0/issuers", json!(["fed.example.org"]));
    let trusting = |domain: &str| {
        let listener = json!({"client_certificate": "ext_authz", "trust_proxy_validation": domain});
        federated.clone().listener(listener)
    };
    group.about("trust_proxy_validation holds for the trust domain it names and no other.").pair(
        "leaf-validated-for-its-domain",
        &trusting("fed.example.org"),
        &Want::subject("spiffe://fed.example.org/w"),
        &[("another-is-trusted", trusting(DOMAIN), incomplete())],
    );
}

fn web_leaf() -> String {
    svids::web().swap_remove(0)
}

fn standard(der: &str) -> String {
    STANDARD.encode(base64url::decode(der.as_bytes()).expect("base64url"))
}

/// Certificates in PEM, as nginx and Envoy write them into a header.
fn escaped(chain: &[String]) -> String {
    let pem = chain
        .iter()
        .map(|der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines(&standard(der))));
    let escape = |c: char| match c {
        '\n' => "%0A".into(),
        ' ' => "%20".into(),
        '+' => "%2B".into(),
        '/' => "%2F".into(),
        '=' => "%3D".into(),
        other => other.to_string(),
    };
    pem.collect::<String>().chars().map(escape).collect()
}

fn lines(text: &str) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap_or_default()).collect();
    lines.join("\n")
}

/// Certificates that a proxy hands over in a header.
fn sources(group: &mut Group) {
    let bare = svids::with_chain().set("client_certificate", ());
    let on = |source: &str| bare.clone().listener(json!({"client_certificate": source}));
    let trusting =
        |source: &str| bare.clone().listener(json!({"client_certificate": source, "trust_proxy_validation": DOMAIN}));
    let chain = svids::web();
    let malformed = || Want::deny(400, "request.certificate_malformed");
    let incomplete = || Want::deny(401, "svid.chain_incomplete");
    let sequence = |der: &str| format!(":{}:", standard(der));
    let above: Vec<String> = chain[1..].iter().map(|der| sequence(der)).collect();
    let leaf = |check: Check| check.header("Client-Cert", &sequence(&chain[0]));
    let full = |check: Check| leaf(check).header("Client-Cert-Chain", &above.join(", "));
    group.about("Client-Cert and Client-Cert-Chain (RFC 9440), off until named.").pair(
        "client-cert",
        &full(on("client-cert")),
        &Want::subject(WEB),
        &[
            ("source-not-named", full(bare.clone().listener(json!({}))), missing()),
            ("no-listener", full(bare.clone()), missing()),
            ("leaf-alone", leaf(on("client-cert")), incomplete()),
            ("chain-alone", on("client-cert").header("Client-Cert-Chain", &above.join(", ")), missing()),
            ("twice", leaf(leaf(on("client-cert"))), Want::deny(400, "request.header_repeated")),
            ("no-byte-sequence", on("client-cert").header("Client-Cert", &standard(&chain[0])), malformed()),
            ("no-base64", on("client-cert").header("Client-Cert", ":%:"), malformed()),
        ],
    );
    group.about("A leaf of Client-Cert counts where the listener trusts the proxy's validation.").pair(
        "client-cert-leaf",
        &leaf(trusting("client-cert")),
        &Want::subject(WEB),
        &[("not-trusted", leaf(on("client-cert")), incomplete())],
    );
    let nginx = |check: Check, verified: &str| {
        check.header("X-SSL-Client-Cert", &escaped(&chain[..1])).header("X-SSL-Client-Verify", verified)
    };
    group.about("nginx: a leaf that $ssl_client_verify says is validated, where the listener trusts that.").pair(
        "nginx-certificate",
        &nginx(trusting("nginx"), "SUCCESS"),
        &Want::subject(WEB),
        &[
            ("not-verified", nginx(trusting("nginx"), "FAILED:expired"), incomplete()),
            ("none-verified", nginx(trusting("nginx"), "NONE"), incomplete()),
            ("nothing-said", trusting("nginx").header("X-SSL-Client-Cert", &escaped(&chain[..1])), incomplete()),
            ("not-trusted", nginx(on("nginx"), "SUCCESS"), incomplete()),
            ("malformed", trusting("nginx").header("X-SSL-Client-Cert", "%zz"), malformed()),
            ("source-not-named", nginx(bare.clone(), "SUCCESS"), missing()),
        ],
    );
    let traefik = |check: Check, chain: &[String]| {
        let list: Vec<String> = chain.iter().map(|der| standard(der)).collect();
        check.header("X-Forwarded-Tls-Client-Cert", &list.join(","))
    };
    group.about("Traefik's X-Forwarded-Tls-Client-Cert, off until named.").pair(
        "traefik-certificate",
        &traefik(on("traefik"), &chain),
        &Want::subject(WEB),
        &[
            ("leaf-alone", traefik(on("traefik"), &chain[..1]), incomplete()),
            ("malformed", on("traefik").header("X-Forwarded-Tls-Client-Cert", "MAA=,"), malformed()),
            ("source-not-named", traefik(bare.clone(), &chain), missing()),
        ],
    );
    let xfcc = |check: Check, value: &str| check.header("x-forwarded-client-cert", value);
    let all = format!("By=spiffe://example.org/proxy;Hash={};Chain=\"{}\"", "0".repeat(64), escaped(&chain));
    let cert = format!("Cert=\"{}\"", escaped(&chain[..1]));
    group.about("x-forwarded-client-cert with chain: true and SANITIZE_SET.").pair(
        "xfcc",
        &xfcc(on("xfcc"), &all),
        &Want::subject(WEB),
        &[
            ("leaf-alone", xfcc(on("xfcc"), &cert), incomplete()),
            ("leaf-is-never-validated", xfcc(trusting("xfcc"), &cert), incomplete()),
            ("two-elements", xfcc(on("xfcc"), &format!("{all},{all}")), malformed()),
            ("chain-twice", xfcc(on("xfcc"), &format!("{all};Chain=\"\"")), malformed()),
            ("uri-is-no-certificate", xfcc(on("xfcc"), &format!("URI={WEB}")), missing()),
            ("source-not-named", xfcc(bare.clone(), &all), missing()),
        ],
    );
}

/// A token that is bound to a certificate (RFC 8705), in every form of it.
fn bound(group: &mut Group) {
    let leaf = web_leaf();
    let digest = sha256(&base64url::decode(leaf.as_bytes()).expect("base64url"));
    let bound = token(&json!({"cnf": {"x5t#S256": base64url::encode(&digest)}}));
    let check = Check::new().bearer(&bound);
    let mismatch = || Want::deny(401, "mtls.certificate_mismatch");
    let absent = || Want::deny(401, "mtls.certificate_missing").body(json!({"error": "invalid_token"}));
    let other = svids::chain("x509-path/ok-ed25519");
    let of_other = base64url::encode(&sha256(&base64url::decode(other[0].as_bytes()).expect("base64url")));
    for (name, certificate, control) in [
        ("bound-chain", json!({"chain": svids::web()}), json!({"chain": other})),
        ("bound-leaf", json!({"leaf": leaf}), json!({"leaf": other[0]})),
        ("bound-digest", json!({"digest": base64url::encode(&digest)}), json!({"digest": of_other})),
    ] {
        group
            .about("A token bound to a certificate (RFC 8705) needs that certificate, in whatever form it is known.")
            .pair(
                name,
                &check.clone().certificate(certificate),
                &Want::subject("alice"),
                &[("another", check.clone().certificate(control), mismatch()), ("none", check.clone(), absent())],
            );
    }
    let hash = |bytes: &[u8]| format!("Hash={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let xfcc = |value: &str| {
        check.clone().listener(json!({"client_certificate": "xfcc"})).header("x-forwarded-client-cert", value)
    };
    group.about("The hash of x-forwarded-client-cert serves RFC 8705 binding.").pair(
        "bound-xfcc-hash",
        &xfcc(&hash(&digest)),
        &Want::subject("alice"),
        &[
            ("another", xfcc(&hash(&[0; 32])), mismatch()),
            ("cut", xfcc(&hash(&digest[1..])), Want::deny(400, "request.certificate_malformed")),
            ("source-not-named", check.clone().header("x-forwarded-client-cert", &hash(&digest)), absent()),
        ],
    );
}
