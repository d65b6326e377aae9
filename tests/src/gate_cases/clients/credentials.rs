//! How clients authenticate: by SVID, by attestation.

use super::*;

pub(super) fn by_svid(group: &mut Group) {
    let good = by_jwt(WEB, json!({})).form(json!({"client_id": "web"}));
    let with = |more: Value| by_jwt(WEB, more).form(json!({"client_id": "web"})).asked();
    let domains = json!([{"name": DOMAIN, "bundle": bundle()}, {"name": "other.example", "bundle": bundle()}]);
    group
        .about("draft-ietf-oauth-spiffe-client-auth-02 section 3.1: a JWT-SVID for the server alone.")
        .pair(
            "jwt",
            &good.asked(),
            &known("web", "spiffe_jwt").and("principal", json!({"subject": WEB, "client": "web", "issuer": DOMAIN})),
            &[
                ("expired", with(json!({"exp": NOW - 31})), Want::deny(401, "token.expired")),
                (
                    "for-another",
                    with(json!({"aud": ["https://b.example"]})),
                    Want::deny(401, "token.audience_mismatch"),
                ),
                (
                    "for-several",
                    with(json!({"aud": [SERVER, "https://b.example"]})),
                    refused(401, "invalid_client", &[], "client.audience_not_sole", "aud has 2 values, not one"),
                ),
                (
                    "of-another-key",
                    {
                        let svid = OTHER.jws(
                            &json!({"alg": "ES256", "kid": "j"}),
                            &json!({"sub": WEB, "aud": [SERVER], "exp": NOW + 300}),
                        );
                        good.clone().form(json!({"client_assertion": svid})).asked()
                    },
                    Want::deny(401, "crypto.signature_invalid"),
                ),
                (
                    "of-an-unknown-key",
                    {
                        let svid = JWT_KEY.jws(
                            &json!({"alg": "ES256", "kid": "x"}),
                            &json!({"sub": WEB, "aud": [SERVER], "exp": NOW + 300}),
                        );
                        good.clone().form(json!({"client_assertion": svid})).asked()
                    },
                    Want::deny(401, "key.unknown"),
                ),
                (
                    "to-another-origin",
                    Sent { url: "https://evil.example/token", ..good.clone() }.asked(),
                    Want::deny(400, "request.unknown_origin"),
                ),
                ("of-nobody", by_jwt("spiffe://example.org/x", json!({})).asked(), Want::deny(401, "client.unknown")),
                (
                    "as-somebody-else",
                    good.clone().form(json!({"client_id": "app"})).asked(),
                    Want::deny(401, "client.spiffe_id_mismatch"),
                ),
                (
                    "of-a-domain-left-out",
                    good.asked()
                        .policy("trust_domains", domains)
                        .policy("clients/trust_domains", json!(["other.example"]))
                        .policy("clients/register", ()),
                    Want::deny(401, "svid.trust_domain_unknown"),
                ),
                (
                    "of-a-kind-left-out",
                    good.asked().policy("trust_domains/0/svids", json!(["x509", "wit"])),
                    Want::deny(401, "client.method_not_accepted"),
                ),
                (
                    "and-a-secret",
                    good.clone().form(json!({"client_secret": "s"})).asked(),
                    Want::deny(400, "client.several_methods"),
                ),
                (
                    "and-again",
                    good.clone().form(json!({"client_id": ["web", "web"]})).asked(),
                    Want::deny(400, "client.parameter_repeated"),
                ),
                ("without", Sent::new().asked(), Want::deny(401, "client.credential_missing")),
                (
                    "reported",
                    with(json!({"exp": NOW - 31})).policy("mode", "report").policy("report_unverified", true),
                    Want::deny(401, "token.expired"),
                ),
            ],
        )
        .about(
            "draft-ietf-oauth-spiffe-client-auth-02 section 3.2: a client certificate, and its SPIFFE ID as client_id.",
        )
        .pair(
            "x509",
            &by_certificate(&by_chain(WEB)),
            &known(WEB, "spiffe_x509"),
            &[
                (
                    "without-client-id",
                    by_certificate(&by_chain(WEB).form(json!({"client_id": null}))),
                    Want::deny(401, "client.certificate_id_missing"),
                ),
                (
                    "as-somebody-else",
                    by_certificate(&by_chain("web")),
                    Want::deny(401, "client.certificate_id_mismatch"),
                ),
                (
                    "leaf-alone",
                    by_certificate(&by_chain(WEB).beside(json!({"certificate_chain": svids::web()[..1]}))),
                    Want::deny(401, "svid.chain_incomplete"),
                ),
                (
                    "by-jwt",
                    by_certificate(&by_jwt(WEB, json!({})).form(json!({"client_id": WEB}))),
                    Want::deny(401, "client.method_not_registered"),
                ),
            ],
        )
        .about("draft-ietf-oauth-spiffe-client-auth-02 section 3.3: a WIT-SVID in the place of an attestation.")
        .pair(
            "wit",
            &by_wit().form(json!({"client_id": "web"})).asked(),
            &known("web", "spiffe_wit").and("principal", json!({"spiffe_id": WEB})),
            &[
                (
                    "expired",
                    attested(wit(WEB, json!({"exp": NOW - 31})), Some(pop(INSTANCE, json!({})))).asked(),
                    Want::deny(400, "token.expired"),
                ),
                (
                    "of-a-kind-left-out",
                    by_wit().asked().policy("trust_domains/0/svids", json!(["x509", "jwt"])),
                    Want::deny(400, "client.method_not_accepted"),
                ),
            ],
        );
}

pub(super) fn by_attester(group: &mut Group) {
    let fetched = || by_attestation().asked().policy("clients/attesters", ATTESTERS);
    let mac = Key::Mac(9);
    let by_mac = || attested(attestation(mac, json!({})), Some(pop(INSTANCE, json!({})))).asked();
    group
        .about("draft-ietf-oauth-attestation-based-client-auth-11 section 7.1: an attestation of somebody trusted.")
        .pair(
            "attestation",
            &by_attestation().asked(),
            &known("app", "attest_jwt_client_auth"),
            &[
                (
                    "of-another",
                    attested(attestation(OTHER, json!({})), Some(pop(INSTANCE, json!({})))).asked(),
                    Want::deny(400, "crypto.signature_invalid"),
                ),
                (
                    "of-an-unknown-client",
                    attested(attestation(ATTESTER, json!({"sub": "x"})), Some(pop(INSTANCE, json!({})))).asked(),
                    Want::deny(401, "client.unknown"),
                ),
                (
                    "too-old",
                    by_attestation().asked().policy("clients/attestation_max_age", "29s"),
                    refused(
                        400,
                        "use_fresh_attestation",
                        &[],
                        "attestation.use_fresh_attestation",
                        "the token is 60 seconds old, at most 29 are accepted",
                    ),
                ),
                (
                    "of-nobody-trusted",
                    by_attestation()
                        .asked()
                        .policy("clients/attesters", ())
                        .policy("clients/methods", json!(["spiffe_jwt"])),
                    Want::deny(400, "client.method_not_accepted"),
                ),
            ],
        )
        .pair(
            "attesters-fetched",
            &fetched().served(ATTESTERS, json!({"keys": [ATTESTER.named("a")]})),
            &known("app", "attest_jwt_client_auth"),
            &[
                (
                    "not-there",
                    fetched(),
                    refused(
                        503,
                        "temporarily_unavailable",
                        &[("Retry-After", "5")],
                        "keys.unavailable",
                        "document.failed: it is not among the resources",
                    )
                    .headers(&[
                        ("Retry-After", "5"),
                        ("Content-Type", "application/json"),
                        ("Cache-Control", "no-store"),
                    ]),
                ),
                (
                    "others",
                    fetched().served(ATTESTERS, json!({"keys": [OTHER.named("b")]})),
                    Want::deny(400, "key.unknown"),
                ),
            ],
        )
        .pair(
            "attester-with-a-secret",
            &by_mac().policy("clients/attesters", json!({"keys": [mac.named("a")]})),
            &known("app", "attest_jwt_client_auth"),
            &[(
                "that-anybody-can-fetch",
                by_mac().policy("clients/attesters", ATTESTERS).served(ATTESTERS, json!({"keys": [mac.named("a")]})),
                Want::deny(503, "keys.unavailable"),
            )],
        );
    let rs = |check: Check| {
        check.policy("clients/role", "rs").policy("clients/register", ()).policy("clients/server", SERVER)
    };
    group.about("draft-ietf-oauth-attestation-based-client-auth-11 section 7: at a resource server.").pair(
        "resource-server",
        &rs(by_attestation().asked()),
        &known("app", "attest_jwt_client_auth"),
        &[
            (
                "seen",
                rs(by_attestation().asked()).set("seen", json!(["p1"])),
                refused(
                    401,
                    "invalid_client_attestation",
                    &[("WWW-Authenticate", "Bearer error=\"invalid_client_attestation\"")],
                    "pop.replayed",
                    "the proof was used before",
                ),
            ),
            ("by-jwt", rs(by_jwt(WEB, json!({})).asked()), Want::deny(401, "attestation.missing")),
        ],
    );
}
