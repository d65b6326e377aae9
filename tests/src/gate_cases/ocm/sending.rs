//! Requests of another server: the endpoints, signatures, shares, and requests that come twice.

use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{Sent, discovery, own, share};
use crate::gate_cases::make::{Check, Group, Key, NOW, Want};

/// Let through, signed by the sender.
fn allowed() -> Want {
    Want::allow()
        .and("headers", json!([["Ocm-Signer", "sender.example.org"]]))
        .and("principal", json!({"client": "sender.example.org", "issuer": "https://sender.example.org"}))
}

/// A share that is let through, and what has to be done with it.
fn taken(access: &str) -> Want {
    Want::allow().and("headers", json!([["Ocm-Signer", "sender.example.org"], ["Ocm-Access", access]]))
}

/// Not authenticated, which is told without a reason.
fn unauthenticated(code: &str) -> Want {
    Want::deny(401, code).body(json!({"message": "the request is not authenticated"}))
}

/// Told to a server that is known, or about a form.
fn told(status: u16, code: &str) -> Want {
    Want::deny(status, code).and("body", json!({"message": "the request is refused", "code": code}).to_string())
}

pub(super) fn endpoints(group: &mut Group) {
    let shared = || Sent::new("/ocm/shares", share(&json!({})));
    group.about("A share is taken from the server that its sender is at, and the server behind is told what it takes to open it.").pair(
        "share",
        &shared().check(),
        &taken("exchange"),
        &[
            ("unsigned", shared().unsigned(), unauthenticated("signature.missing")),
            ("unsigned-of-an-unknown-server", shared().unsigned().set("resources", ()), unauthenticated("signature.missing")),
            ("read-and-not-posted", shared().check().method("GET"), Want::deny(405, "ocm.method_unknown")),
            ("no-body", shared().check().set("request/body", ()).set("request/body_withheld", true), {
                Want::deny(503, "signature.body_unavailable")
            }),
            ("form", Sent::form("/ocm/shares", "a=b").check(), unauthenticated("ocm.signer_unknown")),
            ("no-json", shared().arriving("[").check(), told(400, "ocm.body_malformed")),
        ],
    );
    let told_of =
        || Sent::new("/ocm/notifications", json!({"notificationType": "SHARE_ACCEPTED", "providerId": "7c08"}));
    group.about("A notification says whom it is from by its keyid.").pair(
        "notification",
        &told_of().check(),
        &allowed(),
        &[
            ("unsigned", told_of().unsigned(), unauthenticated("ocm.signer_unknown")),
            ("of-another-key", told_of().by(Key::Ed(22)).check(), unauthenticated("crypto.signature_invalid")),
            ("no-server", told_of().with(|own| own.keyid = Some("key 1".into())).check(), {
                unauthenticated("ocm.signer_unknown")
            }),
        ],
    );
    let acceptance = |more: &Value| {
        let mut body = json!({"recipientProvider": "sender.example.org", "token": "t0ken-of-an-invite", "userID": "albert",
            "email": "", "name": "Albert"});
        crate::gate_cases::make::put(&mut body, more);
        Sent::new("/ocm/invite-accepted", body)
    };
    group.about("An invite is accepted by the server of who accepts it.").pair(
        "invite-accepted",
        &acceptance(&json!({})).check(),
        &allowed(),
        &[
            ("unsigned", acceptance(&json!({})).unsigned(), unauthenticated("signature.missing")),
            ("of-another-server", acceptance(&json!({"recipientProvider": "other.example.org"})).check(), {
                Want::deny(503, "ocm.peer_unavailable")
            }),
            ("without-a-token", acceptance(&json!({"token": null})).check(), told(400, "ocm.invite_member_missing")),
        ],
    );
    let asked = |owner: &str| {
        let body = json!({"owner": owner, "shareWith": "albert@sender.example.org", "share": "a file"});
        Sent::new("/ocm/request-share", body)
    };
    group.about("A share is asked for by the server of who asks, of somebody here.").pair(
        "request-share",
        &asked("marie@cloud.example.org").check(),
        &allowed(),
        &[
            ("unsigned", asked("marie@cloud.example.org").unsigned(), unauthenticated("signature.missing")),
            ("of-somebody-elsewhere", asked("marie@other.example.org").check(), told(400, "ocm.share_recipient")),
        ],
    );
    let token = |form: &str| Sent::form("/ocm/token", form);
    let good = "grant_type=authorization_code&client_id=sender.example.org&code=hfiuhworzwnur98d3wjiwhr";
    let refused = |code: &str, error: &str, tells: bool| {
        let body = match tells {
            true => json!({"error": error, "code": code}),
            false => json!({"error": error}),
        };
        Want::deny(400, code).body(body)
    };
    group.about("A secret is exchanged by the server that got it; a refusal is one of RFC 6749.").pair(
        "token",
        &token(good).check(),
        &allowed(),
        &[
            ("unsigned", token(good).unsigned(), refused("signature.missing", "invalid_client", false)),
            ("no-code", token("grant_type=authorization_code&client_id=sender.example.org").check(), {
                refused("ocm.token_form", "invalid_request", true)
            }),
            ("another-grant", token(&good.replace("authorization_code", "password")).check(), {
                refused("ocm.token_grant_type", "unsupported_grant_type", true)
            }),
        ],
    );
}

pub(super) fn signatures(group: &mut Group) {
    let sent = || Sent::new("/ocm/shares", share(&json!({})));
    let other = share(&json!({"name": "other.yaml"}));
    let sha512 = {
        use sha2::Digest as _;
        let digest = sha2::Sha512::digest(share(&json!({})).to_string().as_bytes());
        format!("sha-512=:{}:", base64_of(&digest))
    };
    let refused = |sent: Sent, code: &str| (sent.check(), unauthenticated(code));
    let mut controls: Vec<(&str, Check, Want)> = Vec::new();
    let mut put = |name, (check, want): (Check, Want)| controls.push((name, check, want));
    put("tampered-body", refused(sent().arriving(&other), "signature.digest_mismatch"));
    put(
        "another-digest",
        refused(sent().digest("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"), "signature.digest_mismatch"),
    );
    for component in ["@method", "@target-uri", "content-digest", "content-length"] {
        let name = match component {
            "@method" => "method-not-covered",
            "@target-uri" => "target-not-covered",
            "content-digest" => "digest-not-covered",
            _ => "length-not-covered",
        };
        put(name, refused(sent().without(component), "signature.component_not_covered"));
    }
    put("sha-512-alone", refused(sent().digest(&sha512), "ocm.signature_digest"));
    put("no-created", refused(sent().with(|own| own.created = None), "signature.parameter_missing"));
    put("stale", refused(sent().with(|own| own.created = Some(NOW as i64 - 331)), "signature.too_old"));
    put("ahead", refused(sent().with(|own| own.created = Some(NOW as i64 + 31)), "signature.created_in_future"));
    put("no-tag", refused(sent().with(|own| own.tag = None), "signature.tag_unknown"));
    put("another-tag", refused(sent().with(|own| own.tag = Some("app".into())), "signature.tag_unknown"));
    put("two-of-the-tag", (sent().and(&sent().labelled("ocm2")), unauthenticated("signature.tag_repeated")));
    put("another-key", refused(sent().by(Key::Ed(22)), "crypto.signature_invalid"));
    put(
        "another-name-of-a-key",
        refused(sent().with(|own| own.keyid = Some("sender.example.org#key2".into())), "key.unknown"),
    );
    put("no-keyid", refused(sent().with(|own| own.keyid = None), "signature.parameter_missing"));
    put(
        "hmac",
        refused(
            sent().by(Key::Mac(9)).with(|own| own.alg = Some("hmac-sha256".into())),
            "signature.algorithm_not_accepted",
        ),
    );
    let cavage = "keyId=\"sender.example.org#key1\",algorithm=\"rsa-sha256\",headers=\"(request-target) date\",signature=\"AAAA\"";
    put("draft-cavage", (sent().unsigned().header("Signature", cavage), unauthenticated("ocm.signature_legacy")));
    put(
        "draft-cavage-in-authorization",
        (
            sent().unsigned().header("Authorization", &format!("Signature {}", cavage.replace("\",", "\" "))),
            unauthenticated("ocm.signature_legacy"),
        ),
    );
    put(
        "another-target",
        (sent().check().url("https://cloud.example.org/ocm/shares?a=b"), unauthenticated("crypto.signature_invalid")),
    );
    group
        .about(
            "Exactly one signature has the tag; it covers method, target, digest and length, was made in the last five \
             minutes by a key of the sender's server, and the body is the one that was signed.",
        )
        .pair("signed", &sent().check(), &taken("exchange"), &controls);
    group.about("A second signature without the tag counts for nothing, and harms nothing.").pair(
        "with-another-beside",
        &sent().and(&sent().labelled("app").with(|own| own.tag = Some("app".into())).by(Key::Ed(9))),
        &taken("exchange"),
        &[("alone", sent().with(|own| own.tag = Some("app".into())).check(), unauthenticated("signature.tag_unknown"))],
    );
    let within = |created: u64| sent().with(|own| own.created = Some(created as i64)).check();
    group.about("How old a signature may be, and how far ahead, the policy says.").pair(
        "window",
        &within(NOW - 70).policy("ocm/window", "1m").policy("ocm/skew", "10s"),
        &taken("exchange"),
        &[
            ("older", within(NOW - 71).policy("ocm/window", "1m").policy("ocm/skew", "10s"), {
                unauthenticated("signature.too_old")
            }),
            ("ahead", within(NOW + 11).policy("ocm/window", "1m").policy("ocm/skew", "10s"), {
                unauthenticated("signature.created_in_future")
            }),
        ],
    );
}

fn base64_of(bytes: &[u8]) -> String {
    base64url::encode(bytes).replace('-', "+").replace('_', "/") + "=="
}

pub(super) fn shares(group: &mut Group) {
    let sent = |more: &Value| Sent::new("/ocm/shares", share(more)).check();
    let webdav = |requirements: &[&str]| json!({"uri": "7c08", "sharedSecret": "hfiuhworzwnur98d3wjiwhr", "requirements": requirements});
    let webapp = |requirements: &[&str]| {
        json!({"uri": "https://sender.example.org/apps/7", "sharedSecret": "hfiuhworzwnur98d3wjiwhr", "viewMode": "read",
            "permissions": ["read"], "requirements": requirements, "targets": ["blank"]})
    };
    let protocol = |more: &Value| {
        let mut protocol = json!({"name": "multi"});
        crate::gate_cases::make::put(&mut protocol, more);
        sent(&json!({"protocol": protocol}))
    };
    let denied = |status: u16, message: &str, code: &str| {
        Want::deny(status, code).body(json!({"message": message, "code": code}))
    };
    group.about("Who owns what is shared is at the sender's server, who gets it is at this one, and the requirements of all protocols agree.").pair(
        "of-a-file",
        &protocol(&json!({"webdav": webdav(&["must-exchange-token"])})),
        &taken("exchange"),
        &[
            ("owner-elsewhere", sent(&json!({"owner": "albert@other.example.org"})), {
                Want::deny(403, "ocm.owner_other").body(json!({"message": "the request is not accepted from this server"}))
            }),
            ("sender-elsewhere", sent(&json!({"owner": "a@other.example.org", "sender": "a@other.example.org"})), {
                Want::deny(503, "ocm.peer_unavailable")
            }),
            ("for-somebody-elsewhere", sent(&json!({"shareWith": "marie@other.example.org"})), {
                denied(400, "the request is refused", "ocm.share_recipient")
            }),
            ("of-a-calendar", sent(&json!({"resourceType": "calendar"})), {
                denied(501, "the request is refused", "ocm.share_resource_unsupported")
            }),
            ("no-name", sent(&json!({"name": null})), denied(400, "the request is refused", "ocm.share_member_missing")),
            ("webapp-without-exchange", protocol(&json!({"webapp": webapp(&[])})), {
                denied(400, "the request is refused", "ocm.share_webapp_exchange")
            }),
            (
                "requirements-disagree",
                protocol(&json!({"webdav": webdav(&[]), "webapp": webapp(&["must-exchange-token"])})),
                denied(400, "the request is refused", "ocm.share_requirements_disagree"),
            ),
            ("mfa-not-exposed", protocol(&json!({"webdav": webdav(&["must-exchange-token", "must-use-mfa"])})), {
                denied(400, "the request is refused", "ocm.share_mfa_receiver")
            }),
        ],
    );
    let mfa = discovery("cloud.example.org", &json!({"capabilities": ["exchange-token", "http-sig", "enforce-mfa"]}));
    group.about("A second factor is demanded where this server holds its users to one.").pair(
        "with-a-second-factor",
        &protocol(&json!({"webdav": webdav(&["must-exchange-token", "must-use-mfa"])})).policy("ocm/discovery", mfa),
        &taken("exchange, mfa"),
        &[(
            "not-exposed",
            protocol(&json!({"webdav": webdav(&["must-exchange-token", "must-use-mfa"])}))
                .policy("ocm/discovery", own()),
            denied(400, "the request is refused", "ocm.share_mfa_receiver"),
        )],
    );
}

pub(super) fn replays(group: &mut Group) {
    let sent = Sent::new("/ocm/shares", share(&json!({})));
    let other = Sent::new("/ocm/shares", share(&json!({"providerId": "7c09"})));
    group.about("The same signed request comes once, for as long as its signature is good.").pair(
        "once",
        &sent.check().set("seen", json!([other.identifier()])),
        &taken("exchange"),
        &[("again", sent.check().set("seen", json!([sent.identifier()])), {
            Want::deny(401, "ocm.signature_replayed")
                .body(json!({"message": "the request is not authenticated", "code": "ocm.signature_replayed"}))
        })],
    );
}
