//! The answers of an introspection endpoint, and what they have to say.

use serde_json::{Value, json};

use super::{
    super::make::{API, CORP, Group, NOW, PARTNER, Want, put},
    ENDPOINT, allowed, answer, asked, invalid, said, unknown, with,
};

pub(super) fn answers(group: &mut Group) {
    let text = |body: &str| {
        asked().resource(ENDPOINT, json!({"headers": [["Content-Type", "application/json"]], "body": body}))
    };
    let status = |status: u16| {
        let mut resource = answer(&said(&json!({})));
        put(&mut resource, &json!({"status": status}));
        asked().resource(ENDPOINT, resource)
    };
    let media = |media: &str| {
        asked().resource(ENDPOINT, json!({"headers": [["Content-Type", media]], "body": said(&json!({})).to_string()}))
    };
    let padded = |length: usize| {
        let body = said(&json!({})).to_string();
        text(&format!("{body}{}", " ".repeat(length - body.len())))
    };
    let malformed = || unknown("introspection.malformed");
    group.about("RFC 7662 section 2.2: an answer is a JSON object with a boolean active. What is wrong with it is 503, and never the client's fault.").pair(
        "answer",
        &text(&said(&json!({})).to_string()),
        &allowed(),
        &[
            ("no-json", text("<html></html>"), malformed()),
            ("empty", text(""), malformed()),
            ("list", text("[true]"), malformed()),
            ("no-active", with(&json!({"active": null})), malformed()),
            ("active-null", text(r#"{"active":null}"#), malformed()),
            ("active-text", with(&json!({"active": "true"})), malformed()),
            ("active-number", with(&json!({"active": 1})), malformed()),
            ("active-twice", text(r#"{"active":true,"active":true}"#), malformed()),
            ("scope-list", with(&json!({"scope": ["reports:read"]})), malformed()),
            ("client-id-number", with(&json!({"client_id": 7})), malformed()),
            ("username-number", with(&json!({"username": 7})), malformed()),
            ("token-type-number", with(&json!({"token_type": 7})), malformed()),
            ("exp-text", with(&json!({"exp": "soon"})), malformed()),
            ("sub-number", with(&json!({"sub": 7})), malformed()),
            ("iss-list", with(&json!({"iss": [CORP]})), malformed()),
            ("aud-number", with(&json!({"aud": 7})), malformed()),
            ("inactive", with(&json!({"active": false})), invalid("introspection.inactive")),
        ],
    );
    group
        .about("RFC 7662 section 2.2: the answer is application/json. A JWT in its place (RFC 9701) is not read.")
        .pair(
            "media-type",
            &media("Application/JSON; charset=utf-8"),
            &allowed(),
            &[
                ("html", media("text/html"), malformed()),
                ("jwt", media("application/token-introspection+jwt"), malformed()),
            ],
        );
    group.about("RFC 7662 section 2.3: 401 and 403 say that our own credential is not accepted.").pair(
        "status",
        &status(200),
        &allowed(),
        &[
            ("401", status(401), unknown("introspection.unauthorized")),
            ("403", status(403), unknown("introspection.unauthorized")),
            ("400", status(400), unknown("introspection.unavailable")),
            ("201", status(201), unknown("introspection.unavailable")),
            ("302", status(302), unknown("introspection.unavailable")),
            ("500", status(500), unknown("introspection.unavailable")),
            ("failed", asked().resource(ENDPOINT, json!({"failed": "no route"})), unknown("introspection.unavailable")),
        ],
    );
    group.about("An answer has at most 64 KiB.").pair(
        "length",
        &padded(65_536),
        &allowed(),
        &[("longer", padded(65_537), unknown("introspection.unavailable"))],
    );
}

pub(super) fn claims(group: &mut Group) {
    group.about("iss, where it is said, is the issuer's.").pair(
        "issuer",
        &with(&json!({"iss": CORP})),
        &allowed(),
        &[("another", with(&json!({"iss": PARTNER})), invalid("token.issuer_mismatch"))],
    );
    group.pair(
        "issuer-left-out",
        &with(&json!({"iss": null})),
        &allowed(),
        &[("empty", with(&json!({"iss": ""})), invalid("token.issuer_mismatch"))],
    );
    group.about("aud names this service, and is there unless the policy does without.").pair(
        "audience",
        &with(&json!({"aud": ["https://other.example", API]})),
        &allowed(),
        &[
            ("another", with(&json!({"aud": "https://other.example"})), invalid("token.audience_mismatch")),
            ("none", with(&json!({"aud": []})), invalid("token.audience_mismatch")),
            ("left-out", with(&json!({"aud": null})), invalid("token.audience_missing")),
        ],
    );
    let optional = |more: &Value| with(more).policy("issuers/0/introspection/audience", "if_present");
    group.about("introspection.audience = \"if_present\" does without an aud, and not without the right one.").pair(
        "audience-if-present",
        &optional(&json!({"aud": null})),
        &allowed(),
        &[
            ("another", optional(&json!({"aud": "https://other.example"})), invalid("token.audience_mismatch")),
            ("required", with(&json!({"aud": null})).policy("issuers/0/introspection/audience", "required"), {
                invalid("token.audience_missing")
            }),
        ],
    );
    group.about("exp and nbf are looked at here as well, with the issuer's leeway.").pair(
        "times",
        &with(&json!({"exp": NOW - 29, "nbf": NOW + 30})),
        &allowed(),
        &[
            ("expired", with(&json!({"exp": NOW - 30})), invalid("token.expired")),
            ("not-yet", with(&json!({"nbf": NOW + 31})), invalid("token.not_yet_valid")),
            ("no-leeway", with(&json!({"exp": NOW - 29})).policy("issuers/0/leeway", "0s"), invalid("token.expired")),
        ],
    );
    let endless = with(&json!({"exp": null}));
    group.pair(
        "no-exp",
        &endless,
        &allowed(),
        &[(
            "required",
            endless.clone().policy("issuers/0/required_claims", json!(["exp"])),
            invalid("token.claim_missing"),
        )],
    );
    let aged = |more: &Value| with(more).policy("issuers/0/max_age", "1m");
    group.about("max_age counts from iat.").pair(
        "age",
        &aged(&json!({"iat": NOW - 90})),
        &allowed(),
        &[
            ("too-old", aged(&json!({"iat": NOW - 91})), invalid("token.too_old")),
            ("from-the-future", aged(&json!({"iat": NOW + 31})), invalid("token.issued_in_future")),
            ("no-iat", aged(&json!({"iat": null})), invalid("token.issued_at_missing")),
        ],
    );
    let required = |more: &Value| with(more).policy("issuers/0/required_claims", json!(["username"]));
    group.about("required_claims holds for answers, too.").pair(
        "required-claim",
        &required(&json!({"username": "a"})),
        &allowed(),
        &[("missing", required(&json!({})), invalid("token.claim_missing"))],
    );
}

pub(super) fn types(group: &mut Group) {
    group.about("token_type, where it is said, is that of the scheme (RFC 7662 section 2.2), without case.").pair(
        "token-type",
        &with(&json!({"token_type": "bEARER"})),
        &allowed(),
        &[
            ("refresh-token", with(&json!({"token_type": "refresh_token"})), invalid("introspection.token_type")),
            ("mac", with(&json!({"token_type": "mac"})), invalid("introspection.token_type")),
            ("dpop", with(&json!({"token_type": "DPoP"})), Want::deny(401, "proof.scheme_bearer")),
        ],
    );
    group.pair(
        "no-token-type",
        &with(&json!({"token_type": null})),
        &allowed(),
        &[("empty", with(&json!({"token_type": ""})), invalid("introspection.token_type"))],
    );
}
