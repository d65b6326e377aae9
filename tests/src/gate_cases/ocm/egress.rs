//! What the sharing server itself asks before it speaks to another one.

use serde_json::{Value, json};

use super::make::{SENDER, at, discovery, gated, own};
use crate::gate_cases::make::{Check, Group, Want, put};

const OTHER: &str = SENDER;

/// The server asks.
fn asks(method: &str, target: &str) -> Check {
    let listener = json!([{"name": "ocm", "address": "127.0.0.1:9105", "serves": "ocm"}]);
    gated()
        .policy("listeners", listener)
        .set("listener", "ocm")
        .method(method)
        .url(&format!("http://127.0.0.1:9105{target}"))
        .served(&at(OTHER), discovery(OTHER, &json!({})))
}

fn refused(status: u16, code: &str) -> Want {
    Want::deny(status, code)
}

/// Refused, and told what is asked there with.
fn otherwise(method: &str) -> Want {
    let fields = [("Allow", method), ("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    refused(405, "ocm.method_unknown").headers(&fields)
}

/// What it sends.
fn sends(endpoint: &str, body: &Value) -> Check {
    let asked = json!({"to": OTHER, "endpoint": endpoint, "body": body});
    asks("POST", "/send").set("request/body", asked.to_string())
}

fn sent(url: &str, content_type: &str, body: &str) -> Want {
    Want::allow()
        .and("strip", json!([]))
        .body(json!({"to": OTHER, "url": url, "content_type": content_type, "body": body}))
}

pub(super) fn peers(group: &mut Group) {
    let found = json!({"host": OTHER, "discovery": discovery(OTHER, &json!({})), "keys": "https://sender.example.org/.well-known/jwks.json"});
    group.about("A sharing server asks who another one is, and the document that it gets was judged.").pair(
        "peer",
        &asks("GET", "/peer?host=sender.example.org"),
        &Want::allow().body(found),
        &[
            ("posted", asks("POST", "/peer?host=sender.example.org"), otherwise("GET")),
            ("no-host", asks("GET", "/peer"), refused(400, "ocm.egress_malformed")),
            ("an-address", asks("GET", "/peer?host=127.0.0.1"), refused(400, "ocm.peer_url")),
            ("no-server", asks("GET", "/peer?host=a%20b"), refused(400, "ocm.address_host")),
            ("another-path", asks("GET", "/other"), refused(404, "ocm.egress_path_unknown")),
            ("no-query", asks("GET", "/peer?host=%"), refused(400, "ocm.body_malformed")),
            ("denied", asks("GET", "/peer?host=sender.example.org").policy("ocm/denied", json!([OTHER])), {
                refused(403, "ocm.peer_denied")
            }),
            (
                "down",
                asks("GET", "/peer?host=sender.example.org").resource(&at(OTHER), json!({"failed": "no route"})),
                { refused(503, "ocm.peer_unavailable") },
            ),
            (
                "old",
                asks("GET", "/peer?host=sender.example.org")
                    .served(&at(OTHER), discovery(OTHER, &json!({"apiVersion": "1.0-proposal1"}))),
                refused(400, "ocm.discovery_legacy"),
            ),
        ],
    );
}

/// A share of this server's.
fn share(more: &Value) -> Value {
    let mut share = json!({"shareWith": "albert@sender.example.org", "name": "spec.yaml", "providerId": "7c08",
        "owner": "marie@cloud.example.org", "sender": "marie@cloud.example.org", "shareType": "user",
        "resourceType": "file", "protocol": {"name": "multi", "webdav": {"uri": "7c08",
            "sharedSecret": "hfiuhworzwnur98d3wjiwhr", "permissions": ["read"], "requirements": ["must-exchange-token"]}}});
    put(&mut share, more);
    share
}

pub(super) fn requests(group: &mut Group) {
    let of_mfa = json!({"protocol": {"name": "multi", "webdav": {"uri": "7c08", "sharedSecret": "hfiuhworzwnur98d3wjiwhr",
        "requirements": ["must-exchange-token", "must-use-mfa"]}}});
    let without_exchange =
        discovery("cloud.example.org", &json!({"capabilities": ["http-sig"], "tokenEndPoint": null}));
    group.about("A share is created where the receiver takes it and this server can keep what it demands; nobody else's people are spoken for.").pair(
        "send-share",
        &sends("shares", &share(&json!({}))),
        &sent("https://sender.example.org/ocm/shares", "application/json", &share(&json!({})).to_string()),
        &[
            ("for-others", sends("shares", &share(&json!({"sender": "a@other.example.org", "owner": "a@other.example.org"}))), {
                refused(400, "ocm.sender_other")
            }),
            ("owner-elsewhere", sends("shares", &share(&json!({"owner": "a@other.example.org"}))), {
                refused(403, "ocm.owner_other")
            }),
            ("mfa-not-exposed", sends("shares", &share(&of_mfa)), refused(400, "ocm.share_mfa_receiver")),
            ("cannot-exchange", sends("shares", &share(&json!({}))).policy("ocm/discovery", without_exchange), {
                refused(400, "ocm.share_exchange_sender")
            }),
            ("to-an-address", {
                let asked = json!({"to": "10.0.0.1", "endpoint": "shares", "body": share(&json!({}))});
                asks("POST", "/send").set("request/body", asked.to_string())
            }, refused(400, "ocm.peer_url")),
            ("no-endpoint", sends("share", &share(&json!({}))), refused(400, "ocm.egress_malformed")),
            ("another-member", {
                let asked = json!({"to": OTHER, "endpoint": "shares", "body": share(&json!({})), "url": "https://x.example/"});
                asks("POST", "/send").set("request/body", asked.to_string())
            }, refused(400, "ocm.egress_malformed")),
            ("own-unavailable", sends("shares", &share(&json!({}))).policy("ocm/discovery", ()), {
                refused(503, "ocm.own_unavailable")
            }),
        ],
    );
    let told = json!({"notificationType": "SHARE_UNSHARED", "resourceType": "file", "providerId": "7c08"});
    group.about("A name in a query may have its escapes.").pair(
        "peer-with-a-port",
        &asks("GET", "/peer?host=b.example.org%3A8443")
            .policy("ocm/listed", json!(["https://b.example.org:8443"]))
            .served(&at("b.example.org:8443"), discovery("sender.example.org", &json!({}))),
        &Want::allow(),
        &[("not-listed", asks("GET", "/peer?host=b.example.org%3A8443"), refused(400, "ocm.peer_url"))],
    );
    group.about("What is to be signed alone is judged likewise.").pair(
        "sign-notification",
        &sends("notifications", &told).url("http://127.0.0.1:9105/sign"),
        &sent("https://sender.example.org/ocm/notifications", "application/json", &told.to_string()),
        &[("with-get", sends("notifications", &told).method("GET"), otherwise("POST"))],
    );
    let form = |client: &str| json!({"grant_type": "authorization_code", "client_id": client, "code": "a&b"});
    group.about("A token request is a form, of this server's own name.").pair(
        "send-token",
        &sends("token", &form("cloud.example.org")),
        &sent(
            "https://sender.example.org/ocm/token",
            "application/x-www-form-urlencoded",
            "grant_type=authorization_code&client_id=cloud.example.org&code=a%26b",
        ),
        &[
            ("of-another", sends("token", &form("other.example.org")), refused(400, "ocm.sender_other")),
            ("no-texts", sends("token", &json!({"client_id": 1})), refused(400, "ocm.body_malformed")),
            (
                "no-tokens",
                sends("token", &form("cloud.example.org")).served(
                    &at(OTHER),
                    discovery(OTHER, &json!({"capabilities": ["http-sig"], "tokenEndPoint": null})),
                ),
                refused(400, "ocm.discovery_token_end_point"),
            ),
        ],
    );
    group.about("A listener for it has a sharing server.").pair(
        "listener",
        &asks("GET", "/peer?host=sender.example.org").policy("ocm/discovery", own()),
        &Want::allow(),
        &[("none", asks("GET", "/peer?host=sender.example.org").policy("ocm", ()), {
            Want::refused("policy.ocm", "a sharing server is asked about and there is none")
        })],
    );
}
