//! Documents: keys, metadata and bundles, and what happens without them.

use serde_json::{Value, json};

use super::{
    make::{CORP, CORP_KEY, Check, Group, Key, Want, keys, partner, partner_token, signed, token},
    svids::{self, DOMAIN},
};

const JWKS: &str = "https://idp.example/jwks";
const OAUTH: &str = "https://idp.example/.well-known/oauth-authorization-server";
const OPENID: &str = "https://idp.example/.well-known/openid-configuration";

pub(super) fn cases() -> Group {
    let mut group = Group::new("fetch");
    by_url(&mut group);
    discovery(&mut group);
    keys_elsewhere(&mut group);
    key_sets(&mut group);
    bundles(&mut group);
    endpoints(&mut group);
    group
}

fn unknown() -> Want {
    let fields = [("Retry-After", "5"), ("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    Want::deny(503, "keys.unavailable").headers(&fields).body(json!({"error": "temporarily_unavailable"}))
}

/// A good token, and keys at a URL.
fn at(url: &str) -> Check {
    Check::new().policy("issuers/0/keys", url).bearer(&token(&json!({})))
}

/// A good token, and keys by discovery.
fn discovered() -> Check {
    Check::new().policy("issuers/0/keys", ()).bearer(&token(&json!({})))
}

fn metadata(issuer: &str, jwks: &str) -> Value {
    json!({"issuer": issuer, "jwks_uri": jwks})
}

fn by_url(group: &mut Group) {
    let check = at(JWKS);
    let served = |resource: Value| check.clone().resource(JWKS, resource);
    let text = keys(CORP_KEY).to_string();
    let padded = format!("{text}{}", " ".repeat(1_024));
    group
        .about("Keys that cannot be had are 503 with a constant body and Retry-After, and never the client's fault.")
        .pair(
            "keys",
            &check.clone().served(JWKS, &text),
            &Want::subject("alice"),
            &[
                ("nothing-there", check.clone(), unknown().and("needs", json!([JWKS]))),
                ("failed", served(json!({"failed": "connection refused by 10.0.0.1"})), unknown()),
                ("not-found", served(json!({"status": 404, "body": text})), unknown()),
                ("server-error", served(json!({"status": 500, "body": text})), unknown()),
                ("another-success", served(json!({"status": 206, "body": text})), unknown()),
                ("redirect-left-over", served(json!({"status": 301})), unknown()),
                ("no-json", served(json!({"body": "<html></html>"})), unknown()),
                ("no-key-set", served(json!({"body": "{}"})), unknown()),
                ("empty-body", served(json!({"body": ""})), unknown()),
                (
                    "too-long",
                    check.clone().policy("limits", json!({"document": "1KiB"})).served(JWKS, &padded),
                    unknown(),
                ),
            ],
        );
    group.about("A document is as long as the policy says.").pair(
        "keys-of-1-KiB",
        &check.clone().policy("limits", json!({"document": "1KiB"})).served(JWKS, &padded[..1_024]),
        &Want::subject("alice"),
        &[(
            "longer",
            check.clone().policy("limits", json!({"document": "1KiB"})).served(JWKS, &padded[..1_025]),
            unknown(),
        )],
    );
    let small = |others: usize| {
        let others = (0..others).map(|number| Key::Ed(9).named(&format!("other-{number}")));
        let keys: Vec<Value> = others.chain([CORP_KEY.named("a")]).collect();
        check.clone().policy("limits", json!({"memory": "16KiB"})).served(JWKS, json!({"keys": keys}))
    };
    group.about("Lists, documents, tokens and tables together have a bound; over it 503 for the newcomer.").pair(
        "keys-within-the-memory",
        &small(0),
        &Want::subject("alice"),
        &[("over-it", small(200), Want::deny(503, "gate.memory_full"))],
    );
    group.about("A client with a bad token learns nothing before the keys are there.").case(
        "bad-token-without-keys",
        &check.clone().bearer(&signed(Key::Ed(9), &json!({}), &json!({}))),
        &unknown(),
    );
    let file = "file:/etc/portcullis/idp.jwks";
    group.about("The operator may name a file.").pair(
        "keys-in-a-file",
        &at(file).served(file, &text),
        &Want::subject("alice"),
        &[("nothing-there", at(file), unknown())],
    );
    for (name, url) in [
        ("keys-at-a-private-address", "https://10.0.0.1:8443/jwks"),
        ("keys-on-loopback", "http://127.0.0.1:8081/jwks"),
    ] {
        group.about("policy: written by the operator; private addresses allowed.").pair(
            name,
            &at(url).served(url, &text),
            &Want::subject("alice"),
            &[("nothing-there", at(url), unknown())],
        );
    }
    let two = at(JWKS).add("issuers", partner()).policy("rules/0/issuers", json!(["corp", "partner"]));
    group.about("One bad URL starves no other issuer.").pair(
        "another-issuer",
        &two.clone().bearer(&partner_token(&json!({}))),
        &Want::subject("bob"),
        &[("of-the-bad-url", two, unknown())],
    );
    let anonymous = check.policy("rules/0", json!({"anonymous": true}));
    group.about("What needs no keys does not wait for them.").pair(
        "anonymous-without-keys",
        &anonymous,
        &Want::allow(),
        &[("guarded", at(JWKS), unknown())],
    );
}

fn discovery(group: &mut Group) {
    let check = discovered().served(JWKS, keys(CORP_KEY));
    let oauth = |document: Value| check.clone().served(OAUTH, document);
    let openid = |document: Value| check.clone().served(OPENID, document);
    let good = metadata(CORP, JWKS);
    group.about("keys left out: discovery by RFC 8414, whose issuer is compared exactly.").pair(
        "rfc8414",
        &oauth(good.clone()),
        &Want::subject("alice"),
        &[
            ("nothing-there", check.clone(), unknown()),
            ("another-issuer", oauth(metadata("https://other.example", JWKS)), unknown()),
            ("issuer-with-slash", oauth(metadata(&format!("{CORP}/"), JWKS)), unknown()),
            ("issuer-in-upper-case", oauth(metadata("https://IDP.example", JWKS)), unknown()),
            ("no-issuer", oauth(json!({"jwks_uri": JWKS})), unknown()),
            ("no-keys", oauth(json!({"issuer": CORP})), unknown()),
            ("keys-no-text", oauth(json!({"issuer": CORP, "jwks_uri": [JWKS]})), unknown()),
            ("no-object", oauth(json!([good])), unknown()),
            ("no-json", oauth(Value::Null), unknown()),
            ("keys-not-to-be-had", discovered().served(OAUTH, &good), unknown()),
            ("at-another-place", check.clone().served(&format!("{OAUTH}/"), &good), unknown()),
        ],
    );
    group.about("keys left out: discovery by OpenID Connect metadata.").pair(
        "openid",
        &openid(good.clone()),
        &Want::subject("alice"),
        &[
            ("another-issuer", openid(metadata("https://other.example", JWKS)), unknown()),
            (
                "with-status-404",
                check.clone().resource(OPENID, json!({"status": 404, "body": good.to_string()})),
                unknown(),
            ),
        ],
    );
    let other = "https://idp.example/other";
    let both = |first: &str, second: &str| {
        oauth(metadata(CORP, first)).served(OPENID, metadata(CORP, second)).served(other, keys(Key::Ed(9)))
    };
    group.about("Where both are there, RFC 8414 decides.").pair(
        "both",
        &both(JWKS, other),
        &Want::subject("alice"),
        &[("other-way-round", both(other, JWKS), Want::deny(401, "crypto.signature_invalid"))],
    );
    let tenant = "https://idp.example/tenant";
    let of_tenant = |url: &str| {
        let check = check.clone().policy("issuers/0/issuer", tenant).bearer(&token(&json!({"iss": tenant})));
        check.served(url, metadata(tenant, JWKS))
    };
    group.about("RFC 8414 puts the well-known part before the issuer's path.").pair(
        "rfc8414-of-a-path",
        &of_tenant(&format!("{OAUTH}/tenant")),
        &Want::subject("alice"),
        &[(
            "behind-the-path",
            of_tenant("https://idp.example/tenant/.well-known/oauth-authorization-server"),
            unknown(),
        )],
    );
    group.about("OpenID Connect puts the well-known part behind the issuer's path.").pair(
        "openid-of-a-path",
        &of_tenant("https://idp.example/tenant/.well-known/openid-configuration"),
        &Want::subject("alice"),
        &[("before-the-path", of_tenant(&format!("{OPENID}/tenant")), unknown())],
    );
}

/// `jwks_uri` names another place.
fn keys_elsewhere(group: &mut Group) {
    let with = |url: &str| discovered().served(OAUTH, metadata(CORP, url)).served(url, keys(CORP_KEY));
    let controls: Vec<_> = [
        ("http", "http://keys.example/jwks"),
        ("private-address", "https://10.0.0.1/jwks"),
        ("metadata-service", "https://169.254.169.254/latest"),
        ("loopback", "https://127.0.0.1/jwks"),
        ("loopback-v6", "https://[::1]/jwks"),
        ("short-address", "https://127.1/jwks"),
        ("another-port", "https://keys.example:8443/jwks"),
        ("user", "https://u:p@keys.example/jwks"),
        ("fragment", "https://keys.example/jwks#x"),
        ("file", "file:/etc/passwd"),
        ("no-url", "jwks"),
    ]
    .into_iter()
    .map(|(what, url)| (what, with(url), unknown()))
    .collect();
    group.about("credential: https, default port unless listed, no userinfo, no IP literals.").pair(
        "jwks-on-another-origin",
        &with("https://keys.example/jwks"),
        &Want::subject("alice"),
        &controls,
    );
    let own = "https://10.0.0.1:8443";
    let own_with = |url: &str| {
        let check = discovered().policy("issuers/0/issuer", own).bearer(&token(&json!({"iss": own})));
        let check = check.served(&format!("{own}/.well-known/oauth-authorization-server"), metadata(own, url));
        check.served(url, keys(CORP_KEY))
    };
    group.about("On the issuer's own origin the operator's word covers jwks_uri.").pair(
        "jwks-on-its-own-private-address",
        &own_with("https://10.0.0.1:8443/jwks"),
        &Want::subject("alice"),
        &[("on-another", own_with("https://10.0.0.2:8443/jwks"), unknown())],
    );
}

fn key_sets(group: &mut Group) {
    let check = at(JWKS);
    let invalid = |code: &str| Want::deny(401, code).body(json!({"error": "invalid_token"}));
    let with = |keys: Value| check.clone().served(JWKS, keys);
    let another = Key::Ed(9).named("b");
    group.about("An unknown kid triggers one refetch; what is not there then is the client's fault.").pair(
        "kid",
        &with(json!({"keys": [another, CORP_KEY.named("a")]})),
        &Want::subject("alice"),
        &[
            ("unknown", with(json!({"keys": [another]})), invalid("key.unknown")),
            ("of-another-key", with(json!({"keys": [Key::Ed(9).named("a")]})), invalid("crypto.signature_invalid")),
            ("empty-set", with(json!({"keys": []})), invalid("key.set_empty")),
            (
                "for-encryption",
                {
                    let mut key = CORP_KEY.named("a");
                    key["use"] = "enc".into();
                    with(json!({"keys": [key]}))
                },
                invalid("key.use"),
            ),
        ],
    );
    let many = |count: usize| {
        let others = (1..count).map(|number| Key::Ed(9).named(&format!("{number}")));
        let keys: Vec<Value> = others.chain([CORP_KEY.named("a")]).collect();
        with(json!({"keys": keys}))
    };
    group.about("A key set has at most 256 keys.").pair(
        "256-keys",
        &many(256),
        &Want::subject("alice"),
        &[("one-more", many(257), unknown())],
    );
    let unusable = json!({"kty": "EC", "crv": "P-999", "kid": "c"});
    group.about("A key of a provider that cannot be used leaves the others as they are.").pair(
        "unusable-beside",
        &with(json!({"keys": [unusable, CORP_KEY.named("a")]})),
        &Want::subject("alice"),
        &[("unusable-alone", with(json!({"keys": [unusable]})), invalid("key.unknown"))],
    );
}

fn bundles(group: &mut Group) {
    let url = "https://spire.example.org/bundle";
    let bundle = svids::trusted("x509-path/ok-two-intermediates", DOMAIN)["bundle"].clone();
    let check = svids::with_chain().policy("trust_domains/0/bundle", url);
    group.about("A bundle is fetched like keys; without it nobody knows.").pair(
        "bundle",
        &check.clone().served(url, &bundle),
        &Want::subject(svids::WEB),
        &[
            ("nothing-there", check.clone(), unknown().and("needs", json!([url]))),
            ("not-found", check.clone().resource(url, json!({"status": 404, "body": bundle.to_string()})), unknown()),
            ("no-bundle", check.clone().served(url, "{}"), unknown()),
            ("empty", check.served(url, json!({"keys": []})), Want::deny(401, "bundle.no_x509_authority")),
        ],
    );
}

/// Bundles from servers that are authenticated as workloads.
fn endpoints(group: &mut Group) {
    let url = "https://spire.example.org/bundle";
    let bundle = svids::trusted("x509-path/ok-two-intermediates", DOMAIN)["bundle"].clone();
    let served = |bundle: &Value, chain: &[String]| json!({"body": bundle.to_string(), "server_chain": chain});
    let domain = |initial: &Value| {
        json!({"name": DOMAIN, "bundle": url, "bundle_profile": "https_spiffe", "endpoint_spiffe_id": svids::WEB,
            "bundle_initial": initial})
    };
    let alone = svids::with_chain().policy("trust_domains", json!([domain(&bundle)]));
    let check = alone.clone().resource(url, served(&bundle, &svids::web()));
    let by = |chain: &[String]| alone.clone().resource(url, served(&bundle, chain));
    let other = "spiffe://example.org/ns/prod/sa/another";
    group
        .about(
            "It MUST be validated that the server certificate is a valid X509-SVID for the bundle endpoint SPIFFE ID (SPIFFE \
             Federation section 5.2.2.4).",
        )
        .pair(
            "served-by-a-workload",
            &check,
            &Want::subject(svids::WEB),
            &[
                ("nothing-there", alone.clone(), unknown().and("needs", json!([url]))),
                ("of-another-id", check.clone().policy("trust_domains/0/endpoint_spiffe_id", other), unknown()),
                ("leaf-alone-of-a-chain", by(&svids::web()[..1]), unknown()),
                ("no-certificate", by(&[]), unknown()),
                ("of-another-trust-domain", by(&svids::chain("x509-svid/XF-1")), unknown()),
                ("after-its-time", check.clone().at(4_102_444_800), unknown()),
            ],
        );
    let file = "file:/etc/portcullis/example.org.json";
    let in_file = check.clone().policy("trust_domains/0/bundle_initial", file);
    group
        .about("Upon the first connection, clients use the operator-supplied SPIFFE bundle, which may be in a file.")
        .pair(
            "initial-bundle-in-a-file",
            &in_file.clone().served(file, &bundle),
            &Want::subject(svids::WEB),
            &[
                ("nothing-there", in_file.clone(), unknown().and("needs", json!([file]))),
                ("empty", in_file.served(file, json!({"keys": []})), unknown()),
            ],
        );
    let fed = "fed.example.org";
    let theirs = svids::trusted("x509-svid/XF-1", fed)["bundle"].clone();
    let both = json!([
        {"name": fed, "bundle": url, "bundle_profile": "https_spiffe", "endpoint_spiffe_id": svids::WEB},
        svids::trusted("x509-path/ok-two-intermediates", DOMAIN),
    ]);
    let federated = svids::with_chain().policy("trust_domains", both).policy("rules/0/issuers", json!([fed]));
    let federated = federated.certificate(json!({"chain": svids::chain("x509-svid/XF-1")}));
    let by = |chain: &[String]| federated.clone().resource(url, served(&theirs, chain));
    group
        .about("When connecting to a non-self-serving endpoint, clients use the bundle of the endpoint's trust domain.")
        .pair(
            "served-by-another-trust-domain",
            &by(&svids::web()),
            &Want::subject("spiffe://fed.example.org/w"),
            &[("by-its-own", by(&svids::chain("x509-svid/XF-1")), unknown())],
        );
}
