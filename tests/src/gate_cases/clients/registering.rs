//! Registration on first use, and the other endpoints.

use super::*;

pub(super) fn registration(group: &mut Group) {
    let first = by_jwt(AGENT, json!({}));
    let with = |text: Value| first.asked().set("records", json!({AGENT: text}));
    let fresh = json!({"registered_at": NOW, "expires_at": NOW + 3_600});
    let incomplete = || first.asked().policy("clients/register/required", json!(["client_name"]));
    let named = json!([{"spiffe_id": AGENT, "metadata": {"client_name": "Agent A"}}]);
    let wit_sent = attested(wit(AGENT, json!({})), Some(pop(INSTANCE, json!({}))));
    group
        .about("draft-kasselman-oauth-spiffe-01: a workload that may is registered with its first request.")
        .pair(
            "first",
            &first.asked(),
            &registered("registered", record(fresh.clone())),
            &[
                ("not-permitted", by_jwt("spiffe://example.org/agent", json!({})).asked(), Want::deny(401, "client.unknown")),
                ("nobody-may", first.asked().policy("clients/register", ()), Want::deny(401, "client.unknown")),
                ("grant-type", first.asked().policy("clients/register/grant_types", json!(["authorization_code"])),
                    Want::deny(400, "registration.grant_type")),
                ("in-another-s-flow", first.clone().beside(json!({"flow": {"client_id": "spiffe://example.org/agents/b"}})).asked(),
                    Want::deny(401, "registration.client_mismatch")),
                ("expired", by_jwt(AGENT, json!({"exp": NOW - 31})).asked(), Want::deny(401, "token.expired")),
            ],
        )
        .pair(
            "first-complete",
            &incomplete().policy("clients/register/configured", named.clone()),
            &registered("registered", record(json!({"registered_at": NOW, "expires_at": NOW + 3_600,
                "metadata": {"client_name": "Agent A"}}))),
            &[("incomplete", incomplete(), refused(403, "unauthorized_client", &[], "registration.incomplete",
                "the registration needs client_name, which nobody who is trusted with it has said"))],
        )
        .pair(
            "first-by-wit",
            &wit_sent.asked(),
            &Want::allow().and("client", json!({"client_id": AGENT, "method": "spiffe_wit", "new": true,
                "registration": {"outcome": "registered"}})),
            &[("seen", wit_sent.asked().set("seen", json!(["p1"])), Want::deny(400, "pop.replayed"))],
        )
        .pair(
            "second",
            &with(record(json!({}))),
            &registered("existing", record(json!({}))),
            &[
                ("of-another", with(record(json!({"client_id": "spiffe://example.org/agents/b"}))),
                    Want::deny(503, "registration.record_other")),
                ("damaged", with(json!("{}")), Want::deny(503, "registration.record_malformed")),
                ("permitted-no-more", with(record(json!({}))).policy("clients/register/spiffe_id", json!(["spiffe://example.org/x/*"])),
                    Want::deny(401, "client.unknown")),
            ],
        )
        .pair(
            "ended",
            &with(record(json!({"expires_at": NOW}))),
            &registered("renewed", record(fresh)),
            &[("incomplete", with(record(json!({"expires_at": NOW}))).policy("clients/register/required", json!(["client_name"])),
                Want::deny(403, "registration.incomplete"))],
        )
        .about("draft-kasselman-oauth-spiffe-01, The redirect URI: it comes from somebody trusted, and the request has the same.")
        .pair(
            "redirects",
            &first.clone().form(json!({"redirect_uri": "https://a.example/cb"})).asked().policy("clients/register/configured",
                json!([{"spiffe_id": AGENT, "metadata": {"redirect_uris": ["https://a.example/cb"]}}])),
            &Want::allow(),
            &[
                ("elsewhere", first.clone().form(json!({"redirect_uri": "https://b.example/cb"})).asked()
                    .policy("clients/register/configured", json!([{"spiffe_id": AGENT, "metadata": {"redirect_uris": ["https://a.example/cb"]}}])),
                    Want::deny(400, "registration.redirect_uri_mismatch")),
                ("by-nobody-s-word", first.clone().form(json!({"redirect_uri": "https://a.example/cb"})).asked(),
                    Want::deny(403, "registration.incomplete")),
                ("by-the-svid-s-word", by_jwt(AGENT, json!({"redirect_uris": ["https://a.example/cb"]}))
                    .form(json!({"redirect_uri": "https://a.example/cb"})).asked(), Want::deny(403, "registration.incomplete")),
            ],
        );
}

pub(super) fn endpoints(group: &mut Group) {
    let configured = json!([{"spiffe_id": AGENT, "metadata": {"redirect_uris": ["https://a.example/cb"]}}]);
    let redirect = |uri: &str| {
        at("/redirect", &json!({"client_id": AGENT, "redirect_uri": uri}))
            .policy("clients/register/configured", configured.clone())
    };
    let own = |status: u16, code: &str, detail: &str| {
        let told = json!({"error": "invalid_request", "code": code, "detail": detail});
        Want::deny(status, code).body(told)
    };
    group
        .about("docs/clients.md: the endpoints, and faults of the server's own, with nothing for its client.")
        .pair(
            "challenge",
            &at("/challenge", &json!({})),
            &Want::allow().body(json!({"attestation_challenge": "c1"})),
            &[
                (
                    "get",
                    at("/challenge", &json!({})).method("GET"),
                    own(405, "clients.method_unknown", "servers ask with POST"),
                ),
                (
                    "none-given",
                    at("/challenge", &json!({})).policy("clients/challenges", false),
                    own(404, "clients.path_unknown", "no challenges are given here"),
                ),
                (
                    "host-without",
                    at("/challenge", &json!({})).set("nonces", ()),
                    Want::deny(503, "replay.nonce_unavailable"),
                ),
                (
                    "elsewhere",
                    at("/challenges", &json!({})),
                    own(404, "clients.path_unknown", "servers ask at /authenticate, /challenge, /redirect, /pushed, /pushed/authorization, /pushed/token and /bind"),
                ),
                ("query", at("/challenge?a=b", &json!({})), Want::deny(404, "clients.path_unknown")),
            ],
        )
        .pair(
            "redirect",
            &redirect("https://a.example/cb"),
            &Want::allow().body(json!({"redirect_uri": "https://a.example/cb"})),
            &[
                ("elsewhere", redirect("https://a.example/cb2"), Want::deny(400, "registration.redirect_uri_mismatch")),
                ("no-workload", at("/redirect", &json!({"client_id": "app"})), Want::deny(400, "spiffe.scheme")),
                (
                    "not-permitted",
                    at("/redirect", &json!({"client_id": "spiffe://example.org/x"})),
                    Want::deny(400, "registration.not_permitted"),
                ),
                (
                    "nobody-may",
                    redirect("https://a.example/cb").policy("clients/register", ()),
                    Want::deny(404, "clients.path_unknown"),
                ),
                (
                    "malformed",
                    at("/redirect", &json!({"client": AGENT})),
                    Want::deny(400, "clients.description_malformed"),
                ),
            ],
        )
        .about("docs/clients.md: a description that cannot be read whole is not read at all.")
        .case(
            "description/empty",
            &at("/authenticate", &json!({})),
            &own(400, "clients.description_malformed", "the description has no request"),
        )
        .case("description/text", &at("/authenticate", &json!("x")), &Want::deny(400, "clients.description_malformed"))
        .case(
            "description/unknown-member",
            &Sent::new().beside(json!({"certificate": base64url::encode(b"x")})).asked(),
            &Want::deny(400, "clients.description_malformed"),
        )
        .case(
            "description/withheld",
            &Sent::new().asked().set("request/body", ()).set("request/body_withheld", true),
            &own(400, "clients.description_malformed", "the host has not the body"),
        )
        .about("docs/clients.md: clients are asked about on listeners of their own, where nothing else is asked.")
        .case(
            "listener/another",
            &by_jwt(WEB, json!({}))
                .asked()
                .policy("listeners/+", json!({"name": "checks", "address": "127.0.0.1:8080"}))
                .set("listener", "checks"),
            &Want::deny(400, "request.unknown_origin"),
        )
        .case(
            "listener/none",
            &by_jwt(WEB, json!({})).asked().set("listener", ()),
            &Want::deny(400, "request.unknown_origin"),
        )
        .case(
            "policy/no-listener",
            &Sent::new().asked().policy("listeners", ()),
            &Want::refused("policy.clients_listener", "docs/clients.md"),
        )
        .case(
            "policy/no-clients",
            &Sent::new().asked().policy("clients", ()),
            &Want::refused("policy.clients_listener", "docs/clients.md"),
        );
}
