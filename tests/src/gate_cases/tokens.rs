//! Tokens of issuers: form, signature, claims, time.

use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{API, CORP, CORP_KEY, Check, Group, Key, NOW, Want, claims, keys, signed, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("token");
    forms(&mut group);
    opaque(&mut group);
    algorithms(&mut group);
    who(&mut group);
    profiles(&mut group);
    times(&mut group);
    required(&mut group);
    group
}

/// A denial whose code may be told: the fault is one of form.
fn form(code: &str) -> Want {
    Want::deny(401, code).body(json!({"error": "invalid_token", "code": code}))
}

/// A denial of which a client learns no more than that its token is not valid.
fn invalid(code: &str) -> Want {
    Want::deny(401, code).challenge(r#"Bearer error="invalid_token""#).body(json!({"error": "invalid_token"}))
}

fn forms(group: &mut Group) {
    let check = Check::new();
    let good = token(&json!({}));
    let with = |token: &str| check.clone().bearer(token);
    let parts: Vec<&str> = good.split('.').collect();
    let json_form = json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string();
    let mut changed = good.clone().into_bytes();
    let last = changed.len() - 5;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap_or_default();
    let of_other_claims = {
        let other = token(&json!({"sub": "mallory"}));
        let other: Vec<&str> = other.split('.').collect();
        format!("{}.{}.{}", parts[0], other[1], parts[2])
    };
    group.about("A token is a JWT in compact form, and verifies byte for byte.").pair(
        "valid",
        &with(&good),
        &Want::subject("alice")
            .and("principal", json!({"subject": "alice", "client": "app", "issuer": CORP, "scopes": []})),
        &[
            ("one-character-more", with(&format!("{good}A")), invalid("crypto.signature_too_long")),
            ("four-characters-more", with(&format!("{good}AAAA")), invalid("crypto.signature_too_long")),
            ("dot-more", with(&format!("{good}.")), form("token.parts_too_many")),
            ("equals-more", with(&format!("{good}==")), form("base64.padding")),
            ("equals-more-at-once", with(&format!("{good}=")), form("base64.padding")),
            ("one-character-less", with(&good[..good.len() - 1]), form("base64.length")),
            ("signature-changed", with(&changed), invalid("crypto.signature_invalid")),
            ("claims-changed", with(&of_other_claims), invalid("crypto.signature_invalid")),
            ("no-signature", with(&format!("{}.{}.", parts[0], parts[1])), invalid("crypto.signature_too_short")),
            ("two-parts", with(&format!("{}.{}", parts[0], parts[1])), form("token.parts_missing")),
            ("four-parts", with(&format!("{good}.{}", parts[2])), form("token.parts_too_many")),
            ("five-parts", with(&format!("{good}.{}.{}", parts[1], parts[2])), form("token.encrypted")),
            ("json-serialization", with(&json_form), Want::deny(400, "request.header_list")),
            ("json-without-a-comma", with(&json!({"payload": parts[1]}).to_string()), form("credential.malformed")),
            ("opaque", with("mF_9B5f-41JqM"), form("token.opaque")),
            (
                "claims-no-json",
                with(&format!("{}.{}.{}", parts[0], base64url::encode(b"x"), parts[2])),
                form("json.syntax"),
            ),
            ("claim-twice", with(&duplicated()), form("json.duplicate_name")),
        ],
    );
}

fn opaque(group: &mut Group) {
    group
        .about("Opaque tokens are refused with token.opaque.")
        .case("opaque", &Check::new().bearer("mF_9.B5f-4.1JqM"), &form("token.opaque"))
        .note("RFC 6750 section 2.1 has this token: its dots make no JWT of it.");
}

/// A token whose `sub` occurs twice, with a good signature.
fn duplicated() -> String {
    let text = claims(&json!({})).to_string().replacen('{', r#"{"sub":"mallory","#, 1);
    let header = json!({"alg": "Ed25519", "kid": "a", "typ": "at+jwt"});
    CORP_KEY.jws_text(&header.to_string(), &text)
}

fn algorithms(group: &mut Group) {
    let check = Check::new();
    let none = json!({"alg": "none"});
    let unsigned = {
        let token = signed(CORP_KEY, &none, &json!({}));
        format!("{}.", &token[..token.rfind('.').unwrap_or_default()])
    };
    let hmac_with_public_key = signed(Key::Mac(1), &json!({"alg": "HS256"}), &json!({}));
    group.about("The algorithm is one that the entry accepts, and fits the key.").pair(
        "algorithm",
        &check.clone().bearer(&token(&json!({}))),
        &Want::subject("alice"),
        &[
            ("none", check.clone().bearer(&unsigned), invalid("token.algorithm_none")),
            ("none-with-signature", check.clone().bearer(&signed(CORP_KEY, &none, &json!({}))), {
                invalid("token.algorithm_none")
            }),
            ("none-in-another-case", check.clone().bearer(&signed(CORP_KEY, &json!({"alg": "nOnE"}), &json!({}))), {
                Want::deny(401, "token.algorithm_none")
            }),
            ("mac-with-a-public-key", check.clone().bearer(&hmac_with_public_key), {
                Want::deny(401, "token.algorithm_not_accepted")
            }),
            ("of-another-key-type", check.clone().bearer(&signed(CORP_KEY, &json!({"alg": "ES256"}), &json!({}))), {
                invalid("key.algorithm_mismatch")
            }),
            (
                "not-listed",
                { check.clone().policy("issuers/0/algorithms", json!(["ES256"])).bearer(&token(&json!({}))) },
                Want::deny(401, "token.algorithm_not_accepted"),
            ),
        ],
    );
    let ec = check.clone().policy("issuers/0/keys", keys(Key::Ec(3)));
    let by_ec = |header: &Value| ec.clone().bearer(&signed(Key::Ec(3), header, &json!({})));
    group.about("Algorithm against key type and curve.").pair(
        "es256",
        &by_ec(&json!({})),
        &Want::subject("alice"),
        &[
            ("another-curve", by_ec(&json!({"alg": "ES384"})), Want::deny(401, "key.algorithm_mismatch")),
            ("another-key", ec.clone().bearer(&signed(Key::Ec(4), &json!({}), &json!({}))), {
                invalid("crypto.signature_invalid")
            }),
            ("unknown-key", by_ec(&json!({"kid": "b"})), invalid("key.unknown")),
        ],
    );
    let mac =
        check.clone().policy("issuers/0/keys", keys(Key::Mac(5))).policy("issuers/0/algorithms", json!(["HS256"]));
    group.about("HMAC needs inline symmetric keys, and an entry that accepts it.").pair(
        "hs256",
        &mac.clone().bearer(&signed(Key::Mac(5), &json!({}), &json!({}))),
        &Want::subject("alice"),
        &[
            ("another-key", mac.clone().bearer(&signed(Key::Mac(6), &json!({}), &json!({}))), {
                Want::deny(401, "crypto.mac_invalid")
            }),
            (
                "not-accepted",
                { mac.clone().policy("issuers/0/algorithms", ()).bearer(&signed(Key::Mac(5), &json!({}), &json!({}))) },
                Want::deny(401, "token.algorithm_not_accepted"),
            ),
        ],
    );
    let embedded = signed(Key::Ed(9), &json!({"kid": null, "jwk": Key::Ed(9).jwk()}), &json!({}));
    group.about("A key that a token brings along is none of its issuer's.").case(
        "key-in-the-header",
        &check.bearer(&embedded),
        &invalid("crypto.signature_invalid"),
    );
}

fn who(group: &mut Group) {
    let check = Check::new();
    let with = |more: Value| check.clone().bearer(&token(&more));
    let unknown = || invalid("token.issuer_unknown");
    group.about("iss is compared byte by byte with the entry's issuer.").pair(
        "issuer",
        &with(json!({})),
        &Want::subject("alice"),
        &[
            ("slash-at-the-end", with(json!({"iss": format!("{CORP}/")})), unknown()),
            ("part-of-it", with(json!({"iss": &CORP[..CORP.len() - 1]})), unknown()),
            ("more-than-it", with(json!({"iss": format!("{CORP}.evil.example")})), unknown()),
            ("case", with(json!({"iss": CORP.to_uppercase()})), unknown()),
            ("missing", with(json!({"iss": null})), unknown()),
            ("no-text", with(json!({"iss": [CORP]})), unknown()),
        ],
    );
    let slash = check.clone().policy("issuers/0/issuer", format!("{CORP}/"));
    group.about("iss is compared byte by byte with the entry's issuer.").pair(
        "issuer-with-slash",
        &slash.clone().bearer(&token(&json!({"iss": format!("{CORP}/")}))),
        &Want::subject("alice"),
        &[("without", slash.bearer(&token(&json!({}))), unknown())],
    );
    let mismatch = || invalid("token.audience_mismatch");
    group.about("aud names this service: the entry's audience, or the policy's origins.").pair(
        "audience-of-the-policy",
        &with(json!({"aud": ["https://other.example", API]})),
        &Want::subject("alice"),
        &[
            ("another", with(json!({"aud": "https://other.example"})), mismatch()),
            ("slash-at-the-end", with(json!({"aud": format!("{API}/")})), mismatch()),
            ("part-of-it", with(json!({"aud": "https://api"})), mismatch()),
            ("empty", with(json!({"aud": []})), mismatch()),
            ("missing", with(json!({"aud": null})), invalid("token.access_claim_missing")),
            ("no-text", with(json!({"aud": 7})), invalid("token.audience_type")),
        ],
    );
    let named = check.policy("issuers/0/audience", json!(["reports", "payments"]));
    group.about("aud names one of the entry's audience.").pair(
        "audience-of-the-entry",
        &named.clone().bearer(&token(&json!({"aud": "payments"}))),
        &Want::subject("alice"),
        &[
            ("of-the-policy", named.clone().bearer(&token(&json!({}))), mismatch()),
            ("case", named.bearer(&token(&json!({"aud": "Payments"}))), mismatch()),
        ],
    );
}

fn profiles(group: &mut Group) {
    let check = Check::new();
    let typed = |check: &Check, typ: Value| check.clone().bearer(&signed(CORP_KEY, &json!({"typ": typ}), &json!({})));
    let mismatch = || invalid("token.type_mismatch");
    group.about("at+jwt: typ says that the token is an access token (RFC 9068).").pair(
        "typ",
        &typed(&check, json!("application/at+jwt")),
        &Want::subject("alice"),
        &[
            ("jwt", typed(&check, json!("JWT")), mismatch()),
            ("logout", typed(&check, json!("logout+jwt")), mismatch()),
            ("proof", typed(&check, json!("dpop+jwt")), mismatch()),
            ("missing", typed(&check, Value::Null), invalid("token.type_missing")),
        ],
    );
    let plain = check.clone().policy("issuers/0/profile", "jwt");
    let id_token = json!({"client_id": null, "jti": null, "sub": null, "iat": null});
    group.about("jwt: any JWT, which has to have exp.").pair(
        "jwt",
        &plain.clone().bearer(&signed(CORP_KEY, &json!({"typ": null}), &id_token)),
        &Want::allow(),
        &[
            ("no-exp", plain.bearer(&signed(CORP_KEY, &json!({}), &json!({"exp": null}))), {
                Want::deny(401, "token.claim_missing")
            }),
            ("of-the-other-profile", check.clone().bearer(&token(&id_token)), invalid("token.access_claim_missing")),
        ],
    );
    let plain = check.clone().policy("issuers/0/profile", "jwt");
    let of = |check: &Check, typ: Value| check.clone().bearer(&signed(CORP_KEY, &json!({"typ": typ}), &json!({})));
    group.about("jwt: any JWT that is no token of another kind (RFC 8725bis section 3.12).").pair(
        "jwt-typ",
        &of(&plain, json!("JWT")),
        &Want::subject("alice"),
        &[
            ("logout", of(&plain, json!("logout+jwt")), mismatch()),
            ("proof", of(&plain, json!("dpop+jwt")), mismatch()),
            ("list", of(&plain, json!("application/statuslist+jwt")), mismatch()),
            ("no-text", of(&plain, json!(1)), invalid("token.type_type")),
        ],
    );
    group.pair(
        "jwt-typ-access-token",
        &of(&plain, json!("at+jwt")),
        &Want::subject("alice"),
        &[("another", of(&plain, json!("id+jwt")), mismatch())],
    );
    let said = plain.policy("issuers/0/typ", "session+jwt");
    group.about("jwt: where the policy says which kind, it is that.").pair(
        "jwt-typ-said",
        &of(&said, json!("application/session+jwt")),
        &Want::subject("alice"),
        &[
            ("another", of(&said, json!("JWT")), mismatch()),
            ("none", of(&said, Value::Null), invalid("token.type_missing")),
        ],
    );
    group.about("at+jwt requires exp.").case(
        "at-jwt-without-exp",
        &check.bearer(&token(&json!({"exp": null}))),
        &invalid("token.access_claim_missing"),
    );
}

/// Each boundary from both sides, with the leeway of 30 seconds and another.
fn times(group: &mut Group) {
    let check = Check::new();
    let expired = || invalid("token.expired");
    let early = || invalid("token.not_yet_valid");
    let old = || invalid("token.too_old");
    let with = |check: &Check, more: Value| check.clone().bearer(&token(&more));
    let exact = check.clone().policy("issuers/0/leeway", 0);
    let wide = check.clone().policy("issuers/0/leeway", "5m");
    for (name, check, leeway) in [("", &check, 30), ("-exact", &exact, 0), ("-wide", &wide, 300)] {
        group.about("A token is expired when at >= exp + leeway.").pair(
            &format!("exp{name}"),
            &with(check, json!({"exp": NOW - leeway + 1})),
            &Want::subject("alice"),
            &[("reached", with(check, json!({"exp": NOW - leeway})), expired())],
        );
        group.about("A token is valid from at >= nbf - leeway.").pair(
            &format!("nbf{name}"),
            &with(check, json!({"nbf": NOW + leeway})),
            &Want::subject("alice"),
            &[("ahead", with(check, json!({"nbf": NOW + leeway + 1})), early())],
        );
        let aged = check.clone().policy("issuers/0/max_age", "1h");
        group.about("max_age counts from iat, with the leeway.").pair(
            &format!("max-age{name}"),
            &with(&aged, json!({"iat": NOW - 3_600 - leeway})),
            &Want::subject("alice"),
            &[("older", with(&aged, json!({"iat": NOW - 3_600 - leeway - 1})), old())],
        );
        group.about("Where an age is limited, a token from the future has none.").pair(
            &format!("iat-ahead{name}"),
            &with(&aged, json!({"iat": NOW + leeway})),
            &Want::subject("alice"),
            &[("further", with(&aged, json!({"iat": NOW + leeway + 1})), invalid("token.issued_in_future"))],
        );
    }
    let fresh = with(&check, json!({"exp": NOW + 100}));
    group.about("The time of verification is the request's.").pair(
        "at",
        &fresh.clone().at(NOW + 129),
        &Want::subject("alice"),
        &[("later", fresh.at(NOW + 130), expired())],
    );
    group
        .about("Times are numbers.")
        .case("exp-no-number", &with(&check, json!({"exp": "tomorrow"})), &invalid("token.expires_type"))
        .case("nbf-no-number", &with(&check, json!({"nbf": "now"})), &invalid("token.not_before_type"));
}

fn required(group: &mut Group) {
    let check = Check::new().policy("issuers/0/required_claims", json!(["client_id", "tenant"]));
    let with = |more: Value| check.clone().bearer(&token(&more));
    group.about("required_claims: claims that every token of the issuer has to have.").pair(
        "required-claims",
        &with(json!({"tenant": "t1"})),
        &Want::subject("alice"),
        &[
            ("missing", with(json!({})), invalid("token.claim_missing")),
            (
                "null",
                {
                    // A claim of `null` is none.
                    let text = claims(&json!({"tenant": "?"})).to_string().replace("\"?\"", "null");
                    let header = json!({"alg": "Ed25519", "kid": "a", "typ": "at+jwt"});
                    check.clone().bearer(&CORP_KEY.jws_text(&header.to_string(), &text))
                },
                invalid("token.claim_null"),
            ),
        ],
    );
}
