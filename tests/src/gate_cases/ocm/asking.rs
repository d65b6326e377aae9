//! Whom the gate asks who another server is, and whom it does not.

use serde_json::json;

use super::make::{SENDER, SENDER_KEY, Sent, at, discovery, keys, keys_at, share};
use crate::gate_cases::make::{Check, Group, Key, Want};

/// A share of somebody at a server, who publishes what the sender of other cases does, and no keys of others.
fn from(host: &str) -> Check {
    let somebody = format!("albert@{host}");
    let sent = Sent::new("/ocm/shares", share(&json!({"owner": somebody, "sender": somebody})));
    sent.check().served(&at(host), discovery(host, &json!({}))).served(&keys_at(host), keys(SENDER_KEY))
}

fn unknown(code: &str) -> Want {
    Want::deny(503, code)
}

pub(super) fn peers(group: &mut Group) {
    let sent = || from(SENDER);
    let allowed = Want::allow().and("headers", json!([["Ocm-Signer", SENDER], ["Ocm-Access", "exchange"]]));
    let document = |more: &serde_json::Value| sent().served(&at(SENDER), discovery(SENDER, more));
    let endless = format!("{{\"enabled\":true,\"x\":\"{}\"}}", "x".repeat(64 * 1024));
    group.about("Who another server is, its own discovery document and keys say, and nobody else; where they cannot be had, nobody knows.").pair(
        "known",
        &sent(),
        &allowed,
        &[
            ("no-document", sent().resource(&at(SENDER), json!({"status": 404})), unknown("ocm.peer_unavailable")),
            ("out-of-reach", sent().resource(&at(SENDER), json!({"failed": "no route"})), {
                unknown("ocm.peer_unavailable")
            }),
            ("too-large", sent().served(&at(SENDER), &endless), unknown("ocm.peer_unavailable")),
            ("no-json", sent().served(&at(SENDER), "x"), Want::deny(400, "json.syntax")),
            ("disabled", document(&json!({"enabled": false})), Want::deny(401, "ocm.discovery_disabled")),
            ("of-before-the-draft", document(&json!({"apiVersion": "1.0-proposal1"})), {
                Want::deny(401, "ocm.discovery_legacy")
            }),
            ("api-at-an-address", document(&json!({"endPoint": "https://10.0.0.1/ocm"})), Want::deny(400, "ocm.peer_url")),
            ("keys-at-an-address", document(&json!({"jwksUri": "https://169.254.169.254/latest"})), {
                Want::deny(400, "ocm.peer_url")
            }),
            ("keys-inside", document(&json!({"jwksUri": "https://vault/jwks.json"})), Want::deny(400, "ocm.peer_name")),
            ("tokens-at-a-port", document(&json!({"tokenEndPoint": "https://sender.example.org:8443/token"})), {
                Want::deny(400, "ocm.peer_url")
            }),
            ("no-keys", sent().resource(&keys_at(SENDER), json!({"status": 500})), unknown("keys.unavailable")),
            ("keys-malformed", sent().served(&keys_at(SENDER), "{}"), unknown("keys.unavailable")),
            ("keys-of-another", sent().served(&keys_at(SENDER), keys(Key::Ed(22))), {
                Want::deny(401, "crypto.signature_invalid")
            }),
        ],
    );
}

pub(super) fn trust(group: &mut Group) {
    let refused = |host: &str, code: &str| (from(host), Want::deny(400, code));
    let mut hosts: Vec<(&str, Check, Want)> = Vec::new();
    for (name, host, code) in [
        ("v4", "10.0.0.1", "ocm.peer_url"),
        ("v4-of-metadata", "169.254.169.254", "ocm.peer_url"),
        ("v4-short", "127.1", "ocm.peer_url"),
        ("v4-number", "2130706433", "ocm.peer_url"),
        ("v4-hexadecimal", "0x7f.0.0.1", "ocm.peer_url"),
        ("v6", "[::1]", "ocm.peer_url"),
        ("v6-mapped", "[::ffff:127.0.0.1]", "ocm.peer_url"),
        ("port", "sender.example.org:8443", "ocm.peer_url"),
        ("localhost", "localhost", "ocm.peer_name"),
        ("below-localhost", "a.localhost", "ocm.peer_name"),
        ("one-label", "intranet", "ocm.peer_name"),
    ] {
        let (check, want) = refused(host, code);
        hosts.push((name, check, want));
    }
    group.about("Nothing is fetched of a server that is named by an address, with a port that nobody listed, or by one label.").pair(
        "by-name",
        &from(SENDER),
        &Want::allow(),
        &hosts,
    );
    let listed = |origin: &str| from("nextcloud:8443").policy("ocm/listed", json!([origin]));
    // The keyid is another's name; keys are found by the sender's.
    group.about("The origin of a server with a port or a short name may be listed.").pair(
        "listed",
        &listed("https://nextcloud:8443"),
        &Want::allow(),
        &[
            ("another-port", listed("https://nextcloud:8444"), Want::deny(400, "ocm.peer_url")),
            ("not-listed", from("nextcloud:8443"), Want::deny(400, "ocm.peer_url")),
        ],
    );
    let told = json!({"message": "the request is not accepted from this server"}).to_string();
    let untrusted = |code: &str| Want::deny(403, code).and("body", told.as_str());
    group.about("Servers that are denied, or not among those that are allowed, are refused before anything is fetched of them.").pair(
        "allowed",
        &from(SENDER).policy("ocm/allowed", json!([SENDER])).policy("ocm/denied", json!(["other.example.org"])),
        &Want::allow(),
        &[
            ("denied", from(SENDER).policy("ocm/denied", json!([SENDER])), untrusted("ocm.peer_denied")),
            ("not-allowed", from(SENDER).policy("ocm/allowed", json!(["other.example.org"])), {
                untrusted("ocm.peer_not_allowed")
            }),
            (
                "denied-and-allowed",
                from(SENDER).policy("ocm/allowed", json!([SENDER])).policy("ocm/denied", json!([SENDER])),
                untrusted("ocm.peer_denied"),
            ),
        ],
    );
}
