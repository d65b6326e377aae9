//! Status lists.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::{
    make::{
        CORP, CORP_KEY, Check, Group, Key, LIST, NOW, PARTNER_KEY, Want, entry, keys, list, partner, partner_token,
        token, zlib,
    },
    svids,
};
use crate::root;

const ELSEWHERE: &str = "https://status.example/1";

pub(super) fn cases() -> Group {
    let mut group = Group::new("status");
    values(&mut group);
    modes(&mut group);
    claims(&mut group);
    places(&mut group);
    documents(&mut group);
    whose(&mut group);
    status_keys(&mut group);
    certified(&mut group);
    lifetimes(&mut group);
    last(&mut group);
    group
}

/// A policy that requires a status, and a token that names an entry of corp's list.
fn listed(index: u64, uri: &str) -> Check {
    Check::new().policy("issuers/0/status", "required").bearer(&token(&entry(index, uri)))
}

/// The list of corp, whose entries have these values.
fn with_list(index: u64, values: &[u8]) -> Check {
    listed(index, LIST).served(LIST, list(CORP_KEY, values, &json!({})))
}

fn invalid(code: &str) -> Want {
    // The status of a token that verified may be told to whoever holds it; a fault before that is `invalid_token` and no more.
    let told = ["status.revoked", "status.suspended", "status.application_specific", "status.reserved"].contains(&code);
    let body = if told { json!({"error": "invalid_token", "code": code}) } else { json!({"error": "invalid_token"}) };
    Want::deny(401, code).challenge(r#"Bearer error="invalid_token""#).body(body)
}

/// Nobody knows: the body is the same whatever the reason.
fn unknown(code: &str) -> Want {
    let fields = [("Retry-After", "5"), ("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    Want::deny(503, code).headers(&fields).body(json!({"error": "temporarily_unavailable"}))
}

fn values(group: &mut Group) {
    let with = |index: u64| with_list(index, &[0, 1, 2, 3, 4, 11, 12, 15, 255, 0]);
    group.about("A token is accepted whose entry is valid.").pair(
        "valid",
        &with(0),
        &Want::subject("alice"),
        &[
            ("revoked", with(1), invalid("status.revoked")),
            ("suspended", with(2), invalid("status.suspended")),
            ("application", with(3), invalid("status.application_specific")),
            ("reserved", with(4), invalid("status.reserved")),
            ("reserved-11", with(5), invalid("status.reserved")),
            ("application-12", with(6), invalid("status.application_specific")),
            ("application-15", with(7), invalid("status.application_specific")),
            ("reserved-255", with(8), invalid("status.reserved")),
            ("out-of-range", with(10), invalid("status.index_out_of_range")),
            ("far-out-of-range", with(1 << 40), invalid("status.index_out_of_range")),
        ],
    );
    group.about("An index counts from 0 to the last entry.").pair(
        "last-entry",
        &with(9),
        &Want::subject("alice"),
        &[("behind-it", with(10), invalid("status.index_out_of_range"))],
    );
}

fn modes(group: &mut Group) {
    let mode = |check: Check, mode: Value| check.policy("issuers/0/status", mode);
    let plain = || Check::new().bearer(&token(&json!({})));
    let unsupported = || Check::new().bearer(&token(&json!({"status": {"bloom": {}}})));
    group.about("status = \"if_present\", and where nothing is said: a token is looked up that names a list.").pair(
        "names-none",
        &plain(),
        &Want::subject("alice"),
        &[
            ("required", mode(plain(), json!("required")), invalid("status.missing")),
            ("revoked", mode(with_list(1, &[0, 1]), Value::Null), invalid("status.revoked")),
            ("revoked-if-present", mode(with_list(1, &[0, 1]), json!("if_present")), invalid("status.revoked")),
        ],
    );
    group.about("status = \"off\" does not look.").pair(
        "off",
        &mode(with_list(1, &[0, 1]), json!("off")),
        &Want::subject("alice"),
        &[("required", with_list(1, &[0, 1]), invalid("status.revoked"))],
    );
    group.about("A token with only unknown mechanisms is status.unsupported_mechanism where status is required.").pair(
        "unknown-mechanism",
        &mode(unsupported(), json!("if_present")),
        &Want::subject("alice"),
        &[("required", mode(unsupported(), json!("required")), invalid("status.unsupported_mechanism"))],
    );
    let mut beside = entry(0, LIST);
    beside["status"]["bloom"] = json!({});
    let beside = with_list(0, &[0, 1]).bearer(&token(&beside));
    group.about("status is dispatched by mechanism name; unknown ones beside status_list are passed over.").pair(
        "known-beside-unknown",
        &beside,
        &Want::subject("alice"),
        &[("unknown-alone", mode(unsupported(), json!("required")), invalid("status.unsupported_mechanism"))],
    );
}

fn claims(group: &mut Group) {
    let with = |status: Value| Check::new().bearer(&token(&json!({"status": status})));
    let reference = |reference: Value| with(json!({"status_list": reference}));
    group.about("A status that is understood and malformed is never passed over.").pair(
        "claim",
        &with_list(0, &[0]),
        &Want::subject("alice"),
        &[
            ("no-object", with(json!("x")), invalid("status.claim_type")),
            ("empty", with(json!({})), invalid("status.mechanism_missing")),
            ("reference-no-object", reference(json!(7)), invalid("status.reference_type")),
            ("no-index", reference(json!({"uri": LIST})), invalid("status.index_missing")),
            ("no-uri", reference(json!({"idx": 0})), invalid("status.uri_missing")),
            ("index-negative", reference(json!({"idx": -1, "uri": LIST})), invalid("status.index_negative")),
            ("uri-no-text", reference(json!({"idx": 0, "uri": 7})), invalid("status.uri_type")),
        ],
    );
}

/// From where a list may be fetched.
fn places(group: &mut Group) {
    let at = |uri: &str| listed(0, uri).served(uri, list(CORP_KEY, &[0], &json!({"sub": uri})));
    let refused = || invalid("status.uri_not_allowed");
    let controls: Vec<_> = [
        ("http", "http://idp.example/status/1"),
        ("another-origin", ELSEWHERE),
        ("below-it", "https://x.idp.example/status/1"),
        ("begins-alike", "https://idp.example.evil.example/status/1"),
        ("another-port", "https://idp.example:8443/status/1"),
        ("user", "https://u@idp.example/status/1"),
        ("user-like-it", "https://idp.example@evil.example/status/1"),
        ("fragment", "https://idp.example/status/1#x"),
        ("address", "https://192.0.2.1/status/1"),
        ("address-of-loopback", "https://127.0.0.1/status/1"),
        ("address-in-hexadecimal", "https://0x7f000001/status/1"),
        ("address-v6", "https://[::1]/status/1"),
        ("file", "file:///etc/passwd"),
        ("no-scheme", "idp.example/status/1"),
        ("empty", ""),
    ]
    .into_iter()
    .map(|(what, uri)| (what, at(uri), refused()))
    .collect();
    group
        .about("A uri is fetched only if it is https and its origin is the issuer's own or stands in status_origins.")
        .pair("own-origin", &at("https://idp.example/any/where?x"), &Want::subject("alice"), &controls);
    let origins = |check: Check, origins: Value| check.policy("issuers/0/status_origins", origins);
    for (name, uri, listed) in [
        ("listed-origin", ELSEWHERE, "https://status.example"),
        ("listed-port", "https://status.example:8443/1", "https://status.example:8443"),
    ] {
        group.about("A uri is fetched from an origin that stands in status_origins.").pair(
            name,
            &origins(at(uri), json!([listed])),
            &Want::subject("alice"),
            &[
                ("not-listed", at(uri), refused()),
                ("another-listed", origins(at(uri), json!(["https://other.example"])), refused()),
                ("over-http", origins(at(&uri.replace("https", "http")), json!([listed])), refused()),
            ],
        );
    }
    group.about("A list answers only for the issuer entry whose token named it: origins are listed by entry.").case(
        "listed-for-another-issuer",
        &origins(at(ELSEWHERE).add("issuers", partner()), Value::Null)
            .policy("issuers/1/status_origins", json!(["https://status.example"]))
            .policy("rules/0/issuers", json!(["corp", "partner"])),
        &refused(),
    );
    let ported = "https://idp.example:8443";
    let on_port = |uri: &str| {
        let mut claims = entry(0, uri);
        claims["iss"] = ported.into();
        at(uri).policy("issuers/0/issuer", ported).bearer(&token(&claims))
    };
    group.about("The issuer's own origin counts with its port.").pair(
        "own-origin-with-port",
        &on_port("https://idp.example:8443/1"),
        &Want::subject("alice"),
        &[("default-port", on_port("https://idp.example/1"), refused())],
    );
    let urn = |check: Check| check.policy("issuers/0/issuer", "urn:corp");
    let named = |uri: &str| {
        let mut claims = entry(0, uri);
        claims["iss"] = "urn:corp".into();
        urn(at(uri)).bearer(&token(&claims))
    };
    group.about("An issuer that is no https URL has no origin of its own.").pair(
        "issuer-without-origin",
        &origins(named(LIST), json!([CORP])),
        &Want::subject("alice"),
        &[("not-listed", named(LIST), refused())],
    );
}

/// The list that comes.
fn documents(group: &mut Group) {
    let check = listed(0, LIST);
    let served = |text: String| check.clone().served(LIST, text);
    let good = list(CORP_KEY, &[0], &json!({}));
    let status = |status: u16| check.clone().resource(LIST, json!({"status": status, "body": good}));
    let lst = base64url::encode(b"x");
    group.about("A list that could not be had is 503, and never the client's fault.").pair(
        "fetched",
        &served(good.clone()),
        &Want::subject("alice"),
        &[
            ("nothing-there", check.clone(), unknown("status.unavailable").and("needs", json!([LIST]))),
            ("failed", check.clone().resource(LIST, json!({"failed": "no route to 10.0.0.1"})), {
                unknown("status.unavailable")
            }),
            ("not-found", status(404), unknown("status.unavailable")),
            ("server-error", status(500), unknown("status.unavailable")),
            ("redirect-left-over", status(302), unknown("status.unavailable")),
            ("no-token", served("revoked: none".into()), unknown("status.list_refused")),
            ("another-typ", served(token(&json!({"sub": LIST}))), unknown("status.list_refused")),
            ("no-zlib", served(list(CORP_KEY, &[0], &json!({"status_list": {"bits": 8, "lst": lst}}))), {
                unknown("status.list_refused")
            }),
            ("bits-of-none", served(list(CORP_KEY, &[0], &json!({"status_list": {"bits": 3, "lst": lst}}))), {
                unknown("status.list_refused")
            }),
            (
                "too-long",
                served(good)
                    .policy("limits", json!({"status_list": "1KiB"}))
                    .served(LIST, list(CORP_KEY, &[0; 2_048], &json!({}))),
                unknown("status.unavailable"),
            ),
            (
                "inflates-too-much",
                {
                    let check = check.clone().policy("limits", json!({"status_list_inflated": "1KiB"}));
                    check.served(LIST, list(CORP_KEY, &[0; 2_048], &json!({})))
                },
                unknown("status.list_refused"),
            ),
            (
                "over-the-memory",
                {
                    let check = check.clone().policy("limits", json!({"memory": "16KiB"}));
                    check.served(LIST, list(CORP_KEY, &[0; 20_000], &json!({})))
                },
                unknown("gate.memory_full"),
            ),
        ],
    );
    let sent = svids::sent("status/cwt-ok-valid");
    let uri = sent["uri"].as_str().unwrap_or_default();
    let cwt = |media_type: &str| {
        let check = listed(0, uri).policy("issuers/0/status_origins", json!(["https://example.com"]));
        let check = check.policy("issuers/0/status_keys", sent["keys"].clone());
        let headers = json!([["Content-Type", media_type]]);
        check.resource(uri, json!({"headers": headers, "body_b64": sent["token_b64"]}))
    };
    group.about("A list in CWT form is told by its media type.").pair(
        "cwt",
        &cwt("application/statuslist+cwt; x=y"),
        &Want::subject("alice"),
        &[("as-jwt", cwt("application/statuslist+jwt"), unknown("status.list_refused"))],
    );
}

/// A list answers only for its own URI and issuer.
fn whose(group: &mut Group) {
    let check = listed(0, LIST);
    let by = |key: Key, more: Value| check.clone().served(LIST, list(key, &[0], &more));
    let refused = || unknown("status.list_refused");
    group.about("Its token verifies with that issuer's own key set, and its sub is the uri.").pair(
        "signed-by-the-issuer",
        &by(CORP_KEY, json!({})),
        &Want::subject("alice"),
        &[
            ("by-another", by(PARTNER_KEY, json!({})), refused()),
            ("another-sub", by(CORP_KEY, json!({"sub": "https://idp.example/status/2"})), refused()),
            ("no-sub", by(CORP_KEY, json!({"sub": null})), refused()),
        ],
    );
    // Both issuers name the same list, which is corp's.
    let shared = Check::new().add("issuers", partner()).policy("rules/0/issuers", json!(["corp", "partner"]));
    let shared =
        shared.policy("issuers/1/status_origins", json!([CORP])).served(LIST, list(CORP_KEY, &[0], &json!({})));
    group.about("A list answers only for the issuer entry whose token named it.").pair(
        "of-the-issuer-that-signed",
        &shared.clone().bearer(&token(&entry(0, LIST))),
        &Want::subject("alice"),
        &[("of-another", shared.bearer(&partner_token(&entry(0, LIST))), refused())],
    );
}

fn status_keys(group: &mut Group) {
    let key = Key::Ed(4);
    let by = |signer: Key| listed(0, LIST).served(LIST, list(signer, &[0], &json!({})));
    let replaced = |signer: Key| by(signer).policy("issuers/0/status_keys", keys(key));
    group.about("status_keys replaces the issuer's key set, never adds.").pair(
        "status-keys",
        &replaced(key),
        &Want::subject("alice"),
        &[
            ("by-the-issuers-own", replaced(CORP_KEY), unknown("status.list_refused")),
            ("without-them", by(key), unknown("status.list_refused")),
            ("token-signed-with-them", replaced(key).bearer(&super::make::signed(key, &json!({}), &entry(0, LIST))), {
                Want::deny(401, "crypto.signature_invalid")
            }),
        ],
    );
    let url = "https://status.example/jwks";
    let fetched = by(key).policy("issuers/0/status_keys", url);
    group.about("status_keys may be a URL, which is fetched before the list.").pair(
        "status-keys-by-url",
        &fetched.clone().served(url, keys(key)),
        &Want::subject("alice"),
        &[
            ("not-to-be-had", fetched.clone(), unknown("status.unavailable")),
            ("of-another", fetched.served(url, keys(CORP_KEY)), unknown("status.list_refused")),
        ],
    );
}

/// `status_keys` with anchors: a certificate vouches for the signer.
fn certified(group: &mut Group) {
    let pem = |name: &str| {
        let path = root().join("components/gate/tests/certificates").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let list = |key: Key, certificate: &str| {
        let der = portcullis_svid::pem::decode_chain(&pem(certificate)).expect("certificates in PEM");
        let x5c: Vec<String> = der.iter().map(|der| STANDARD.encode(der)).collect();
        let lst = base64url::encode(&zlib(&[0]));
        let claims = json!({"sub": LIST, "iat": CERTIFIED - 5, "status_list": {"bits": 8, "lst": lst}});
        key.jws(&json!({"alg": key.algorithm(), "typ": "statuslist+jwt", "x5c": x5c}), &claims)
    };
    let check = |purpose: &str, list: String| {
        let keys = json!({"anchors": pem("root.pem"), "purpose": purpose});
        let mut claims = entry(0, LIST);
        claims["exp"] = (CERTIFIED + 600).into();
        let check = Check::new().at(CERTIFIED).policy("issuers/0/status_keys", keys).bearer(&token(&claims));
        check.served(LIST, list)
    };
    let (purpose, signer) = ("1.3.6.1.5.5.7.3.999", Key::Ed(20));
    let refused = || unknown("status.list_refused");
    group.about("status_keys may be x5c with anchors and EKU.").pair(
        "certified",
        &check(purpose, list(signer, "signer.pem")),
        &Want::subject("alice"),
        &[
            ("for-another-purpose", check(purpose, list(signer, "other-purpose.pem")), refused()),
            ("another-purpose-wanted", check("1.3.6.1.5.5.7.3.1", list(signer, "signer.pem")), refused()),
            ("another-key", check(purpose, list(Key::Ed(19), "signer.pem")), refused()),
            ("by-the-issuers-own-key", check(purpose, self::list(CORP_KEY, &[0], &json!({}))), refused()),
        ],
    );
}

/// A time at which the certificates of `components/gate/tests/certificates` are valid: January 2027.
const CERTIFIED: u64 = 1_800_000_000;

fn lifetimes(group: &mut Group) {
    let with = |more: Value| listed(0, LIST).served(LIST, list(CORP_KEY, &[0], &more));
    let refused = || unknown("status.list_refused");
    group.about("A list is used until the earlier of exp and one more ttl.").pair(
        "until-exp",
        &with(json!({"exp": NOW + 1})),
        &Want::subject("alice"),
        &[
            ("at-exp", with(json!({"exp": NOW})), unknown("status.stale")),
            ("within-leeway", with(json!({"exp": NOW - 29})), unknown("status.stale")),
            ("long-past", with(json!({"exp": NOW - 30})), refused()),
            ("issued-in-future", with(json!({"iat": NOW + 31})), refused()),
            ("no-iat", with(json!({"iat": null})), refused()),
            ("ttl-of-nothing", with(json!({"ttl": 0})), refused()),
        ],
    );
    group.about("A list with neither exp nor ttl is good for 5 minutes.").pair(
        "without-lifetime",
        &with(json!({"ttl": null})),
        &Want::subject("alice"),
        &[(
            "revoked",
            {
                let revoked = list(CORP_KEY, &[1], &json!({"ttl": null}));
                listed(0, LIST).served(LIST, revoked)
            },
            invalid("status.revoked"),
        )],
    );
}

/// Only after the token has passed every other check.
fn last(group: &mut Group) {
    let check = with_list(1, &[0, 1]);
    let named = |more: Value| {
        let mut claims = entry(1, LIST);
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        check.clone().bearer(&token(&claims))
    };
    group
        .about("A list is looked at only after the token has passed every other check.")
        .case("last", &named(json!({})), &invalid("status.revoked"))
        .case("last/expired", &named(json!({"exp": NOW - 60})), &invalid("token.expired"))
        .case("last/another-audience", &named(json!({"aud": "x"})), &invalid("token.audience_mismatch"))
        .case(
            "last/no-proof",
            &named(json!({"cnf": {"jkt": CORP_KEY.thumbprint()}})),
            &Want::deny(401, "proof.scheme_bearer"),
        );
    let scope = |values: &[u8]| with_list(0, values).require(json!({"scope": ["a"]}));
    group
        .about("A revoked token is not valid, whatever it grants.")
        .case("before-rights", &scope(&[1]), &invalid("status.revoked"))
        .case("before-rights/valid", &scope(&[0]), &Want::deny(403, "scope.absent_insufficient_scope"));
}
