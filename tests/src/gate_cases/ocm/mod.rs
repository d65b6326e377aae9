//! A sharing server of Open Cloud Mesh, and what others send it (`docs/ocm.md`).

mod asking;
mod egress;
mod make;
mod sending;

use serde_json::json;

use self::make::{CLOUD, gated, own};
use super::make::{Check, Group, Want};

pub(super) fn cases() -> Group {
    let mut group = Group::new("ocm");
    sending::endpoints(&mut group);
    sending::signatures(&mut group);
    sending::shares(&mut group);
    sending::replays(&mut group);
    asking::peers(&mut group);
    asking::trust(&mut group);
    open(&mut group);
    own_document(&mut group);
    egress::peers(&mut group);
    egress::requests(&mut group);
    group
}

/// A GET of the sharing server.
fn get(path: &str) -> Check {
    gated().url(&format!("{CLOUD}{path}"))
}

fn open(group: &mut Group) {
    group.about("Other servers find the document and the keys without a credential; everything else of the server goes by rules.").pair(
        "discovery",
        &get("/.well-known/ocm"),
        &Want::allow(),
        &[
            ("posted", get("/.well-known/ocm").method("POST"), Want::deny(401, "credential.missing")),
            ("another-path", get("/.well-known/ocm/x"), Want::deny(401, "credential.missing")),
            ("legacy", get("/ocm-provider"), Want::deny(404, "ocm.discovery_legacy")),
            ("legacy-below", get("/ocm-provider/"), Want::deny(404, "ocm.discovery_legacy")),
        ],
    );
    group.pair(
        "keys",
        &get("/.well-known/jwks.json"),
        &Want::allow(),
        &[("another-path", get("/.well-known/jwks"), Want::deny(401, "credential.missing"))],
    );
    group.pair(
        "files",
        &get("/dav/a.txt"),
        &Want::allow(),
        &[("another-path", get("/admin"), Want::deny(401, "credential.missing"))],
    );
    group
        .about("What is nearly an endpoint is none, whatever rules say of it: the server behind might take it for one.")
        .pair(
            "elsewhere",
            &get("/ocmx/shares").policy("rules", json!([{"anonymous": true}])),
            &Want::allow(),
            &[
                ("within-the-api", get("/ocm/other").policy("rules", json!([{"anonymous": true}])), {
                    Want::deny(404, "ocm.endpoint_unknown")
                }),
                ("slash", get("/ocm/shares/").policy("rules", json!([{"anonymous": true}])), {
                    Want::deny(404, "ocm.endpoint_unknown")
                }),
                ("upper-case", get("/OCM/shares").policy("rules", json!([{"anonymous": true}])), {
                    Want::deny(404, "ocm.endpoint_unknown")
                }),
                ("an-endpoint", get("/ocm/shares").policy("rules", json!([{"anonymous": true}])), {
                    Want::deny(405, "ocm.method_unknown").headers(&[
                        ("Allow", "POST"),
                        ("Content-Type", "application/json"),
                        ("Cache-Control", "no-store"),
                    ])
                }),
                (
                    "reported",
                    get("/ocm/other").policy("rules", json!([{"anonymous": true}])).policy("mode", "report"),
                    { Want::deny(404, "ocm.endpoint_unknown") },
                ),
            ],
        );
    group.about("The headers that tell the server who signed are stripped, whatever the request is.").pair(
        "stripped",
        &get("/dav/a.txt").header("ocm_signer", "evil.example"),
        &Want::allow().and("strip", json!(["Ocm-Signer", "Ocm-Access", "ocm_signer"])),
        &[(
            "in-connection",
            get("/dav/a.txt").header("Connection", "Ocm-Signer"),
            Want::deny(400, "request.connection_names_header"),
        )],
    );
}

fn own_document(group: &mut Group) {
    let url = "https://cloud.example.org/.well-known/ocm";
    let fetched = || get("/dav/a.txt").policy("ocm/discovery", ());
    let unknown = |code: &str| Want::deny(503, code);
    group.about("Where the endpoints are, the server's own document says; while nobody can know, nothing at its origin is let through.").pair(
        "own-fetched",
        &fetched().served(url, own()),
        &Want::allow(),
        &[
            ("absent", fetched(), unknown("ocm.own_unavailable")),
            ("status", fetched().resource(url, json!({"status": 404})), unknown("ocm.own_unavailable")),
            ("malformed", fetched().served(url, "{}"), unknown("ocm.own_unavailable")),
            (
                "elsewhere",
                fetched().served(url, own().to_string().replace("https://cloud.example.org", "https://other.example.org")),
                unknown("ocm.own_unavailable"),
            ),
            (
                "reported",
                fetched().policy("mode", "report").policy("report_unverified", true),
                unknown("ocm.own_unavailable"),
            ),
        ],
    );
    group.pair(
        "own-from-a-file",
        &fetched().policy("ocm/discovery", "file:discovery.json").served("file:discovery.json", own()),
        &Want::allow(),
        &[("absent", fetched().policy("ocm/discovery", "file:discovery.json"), unknown("ocm.own_unavailable"))],
    );
    group.pair(
        "discovery-without-it",
        &get("/.well-known/ocm").policy("ocm/discovery", ()),
        &Want::allow(),
        &[("files", fetched(), unknown("ocm.own_unavailable"))],
    );
}
