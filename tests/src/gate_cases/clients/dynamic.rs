//! Clients that register with their pushed request, the requests that go on from it, and what a token is bound to.

use super::*;

const DYNAMIC: &str = "urn:ietf:oauth:parameters:dynamic";
const PAR: &str = "https://as.example/par";
const HOST: &str = "https://client.example.org/cb";
const PUBLISHER: &str = "https://publisher.example";
const PUBLISHER_KEYS: &str = "https://publisher.example/jwks.json";
/// Who issues software statements.
const STATED: Key = Key::Ec(16);
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What dynamic clients may do, who vouches for them apart.
fn with(vouched_by: Value, check: Check) -> Check {
    let dynamic = json!({"redirect_hosts": ["client.example.org"], "metadata": ["client_name"], "scopes": ["read"],
        "vouched_by": vouched_by});
    check.policy("clients/dynamic", dynamic)
}

/// A pushed request, changed in its form.
fn pushed(more: Value) -> Sent {
    let form = json!({"client_id": DYNAMIC, "response_type": "code", "redirect_uri": HOST, "state": "s",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "read", "grant_type": null});
    Sent { url: PAR, ..Sent::new() }.form(form).form(more)
}

fn proof(key: Key, url: &str, more: Value) -> String {
    let mut own = json!({"htu": url, "nonce": null});
    put(&mut own, &more);
    dpop(key, own)
}

/// With a proof of the instance's key.
fn proved(more: Value) -> Sent {
    pushed(more).header("DPoP", proof(INSTANCE, PAR, json!({})))
}

fn by_nobody(sent: &Sent) -> Check {
    with("nobody".into(), sent.asked_at("/pushed"))
}

fn dynamic_attestation(key: Key, more: Value) -> String {
    let mut own = json!({"sub": DYNAMIC});
    put(&mut own, &more);
    attestation(key, own)
}

/// Attested, with a proof of that and one of DPoP.
fn by_attester(attestation: String) -> Check {
    let sent = proved(json!({})).header("OAuth-Client-Attestation", attestation);
    let sent = sent.header("OAuth-Client-Attestation-PoP", pop(INSTANCE, json!({})));
    with(json!({"attestation": {}}), sent.asked_at("/pushed"))
}

/// With a software statement, whose issuer's keys are fetched.
fn by_statement(key: Key, kid: &str, more: Value) -> Check {
    let mut claims = json!({"iss": PUBLISHER, "software_id": "reader-2", "client_name": "Reader"});
    put(&mut claims, &more);
    let statement = key.jws(&json!({"alg": key.algorithm(), "kid": kid}), &claims);
    let registration = json!({"client_name": "Any", "software_statement": statement}).to_string();
    let vouched_by =
        json!({"software_statement": {"issuer": PUBLISHER, "keys": PUBLISHER_KEYS, "software_ids": ["reader-2"]}});
    with(vouched_by, proved(json!({"client_registration": registration})).asked_at("/pushed"))
}

fn publisher(check: Check) -> Check {
    check.served(PUBLISHER_KEYS, json!({"keys": [STATED.named("p")]}))
}

/// What the server kept, changed.
fn kept(more: Value) -> Value {
    let mut kept = json!({"request_uri": "urn:example:r", "expires_at": NOW + 90, "redirect_uri": HOST,
        "code_challenge": CHALLENGE, "key": {"jkt": INSTANCE.thumbprint()}});
    put(&mut kept, &more);
    kept
}

fn authorization(form: Value, kept: &Value) -> Check {
    let own = json!({"client_id": DYNAMIC, "request_uri": "urn:example:r", "grant_type": null});
    let sent = Sent { url: "https://as.example/authorize", ..Sent::new() }.form(own).form(form);
    with("nobody".into(), sent.beside(json!({"pushed": kept})).asked_at("/pushed/authorization"))
}

fn token(key: Option<Key>, form: Value, kept: &Value) -> Check {
    let own = json!({"client_id": DYNAMIC, "grant_type": "authorization_code", "code": "c", "code_verifier": VERIFIER});
    let mut sent = Sent::new().form(own).form(form).beside(json!({"pushed": kept}));
    if let Some(key) = key {
        sent = sent.header("DPoP", proof(key, URL, json!({})));
    }
    with("nobody".into(), sent.asked_at("/pushed/token"))
}

/// What is told of a client, and what its server adds to its answer.
fn told_with(client: Value, fields: &[(&str, &str)]) -> Want {
    let key = json!({"jkt": INSTANCE.thumbprint()});
    let mut told = json!({
        "client": client, "key": key, "key_proved": true,
        "request": {"response_type": "code", "redirect_uri": HOST, "state": "s", "code_challenge": CHALLENGE, "scope": "read"},
        "pushed": {"redirect_uri": HOST, "code_challenge": CHALLENGE, "key": key},
    });
    if !fields.is_empty() {
        told["headers"] = fields.iter().map(|(name, value)| json!([name, value])).collect();
    }
    Want::allow().body(told)
}

fn told(client: Value) -> Want {
    told_with(client, &[])
}

pub(super) fn pushing(group: &mut Group) {
    let logo = json!({"logo_uri": "https://client.example.org/l"}).to_string();
    let nobody = json!({"client_id": DYNAMIC, "metadata": {}, "vouched_by": []});
    group.about("draft-richer-oauth-pushed-client-registration-00 section 3.1: a client pushes its request.").pair(
        "pushed",
        &by_nobody(&proved(json!({}))),
        &told(nobody),
        &[
            (
                "policy-without",
                proved(json!({})).asked_at("/pushed"),
                refused(401, "invalid_client", &[], "par.disabled", "the policy takes no dynamic clients"),
            ),
            (
                "registered-client",
                by_nobody(&proved(json!({"client_id": "app"}))),
                Want::deny(400, "par.client_id_other"),
            ),
            (
                "to-another-host",
                by_nobody(&proved(json!({"redirect_uri": "https://client.example.com/cb"}))),
                Want::deny(400, "par.redirect_host_not_permitted"),
            ),
            (
                "more-scope",
                by_nobody(&proved(json!({"scope": "write"}))),
                refused(400, "invalid_scope", &[], "par.scope_not_permitted", "dynamic clients may not have \"write\""),
            ),
            (
                "metadata-not-named",
                by_nobody(&proved(json!({"client_registration": logo}))),
                Want::deny(400, "par.metadata_not_permitted"),
            ),
            ("twice", by_nobody(&proved(json!({"state": ["s", "t"]}))), Want::deny(400, "par.parameter_repeated")),
            ("without-key", by_nobody(&pushed(json!({}))), Want::deny(400, "par.key_missing")),
            (
                "proof-for-another-url",
                by_nobody(&pushed(json!({})).header("DPoP", proof(INSTANCE, URL, json!({})))),
                Want::deny(400, "dpop.target_path"),
            ),
            (
                "seen",
                by_nobody(&proved(json!({}))).set("seen", json!(["d1"])),
                refused(400, "invalid_dpop_proof", &[], "dpop.replayed", "the proof was used before"),
            ),
            (
                "before-start",
                by_nobody(&proved(json!({}))).set("replay_since", NOW + 1),
                Want::deny(400, "replay.before_start"),
            ),
            (
                "nonce-wanted",
                by_nobody(&proved(json!({}))).policy("replay", "nonce"),
                refused(
                    400,
                    "use_dpop_nonce",
                    &[("DPoP-Nonce", "c1")],
                    "dpop.nonce_missing",
                    "the proof has no nonce, and one was issued",
                ),
            ),
            (
                "at-another-server",
                by_nobody(&Sent { url: "https://b.example/par", ..proved(json!({})) }),
                Want::deny(400, "request.unknown_origin"),
            ),
            (
                "with-a-flow",
                by_nobody(&proved(json!({})).beside(json!({"flow": {}}))),
                Want::deny(400, "clients.description_malformed"),
            ),
        ],
    );
}

pub(super) fn vouching(group: &mut Group) {
    let attested = json!({"client_id": DYNAMIC, "metadata": {}, "vouched_by": ["attestation"], "software": DYNAMIC});
    let stated = json!({"client_id": DYNAMIC, "metadata": {"client_name": "Reader"}, "vouched_by": ["software_statement"],
        "software": "reader-2"});
    let attested = told_with(attested, &[("OAuth-Client-Attestation-Challenge", "c1")]);
    group
        .about("draft-richer-oauth-pushed-client-registration-00 section 6: the policy says who vouches.")
        .pair(
            "pushed-attested",
            &by_attester(dynamic_attestation(ATTESTER, json!({}))),
            &attested,
            &[
                (
                    "without",
                    with(json!({"attestation": {}}), proved(json!({})).asked_at("/pushed")),
                    refused(401, "invalid_client", &[], "par.voucher_missing", "the policy requires an attestation"),
                ),
                (
                    "of-another",
                    by_attester(dynamic_attestation(OTHER, json!({}))),
                    Want::deny(400, "crypto.signature_invalid"),
                ),
                (
                    "of-a-registered-client",
                    by_attester(attestation(ATTESTER, json!({}))),
                    Want::deny(401, "client.unknown"),
                ),
                (
                    "expired",
                    by_attester(dynamic_attestation(ATTESTER, json!({"exp": NOW - 31}))),
                    Want::deny(400, "attestation.use_fresh_attestation"),
                ),
                (
                    "seen",
                    by_attester(dynamic_attestation(ATTESTER, json!({}))).set("seen", json!(["p1"])),
                    Want::deny(400, "pop.replayed"),
                ),
                (
                    "host-without-challenges",
                    by_attester(dynamic_attestation(ATTESTER, json!({}))).set("nonces", ()),
                    Want::deny(503, "replay.nonce_unavailable"),
                ),
            ],
        )
        .pair(
            "pushed-stated",
            &publisher(by_statement(STATED, "p", json!({}))),
            &told(stated),
            &[
                ("keys-not-there", by_statement(STATED, "p", json!({})), Want::deny(503, "keys.unavailable")),
                (
                    "of-another-key",
                    publisher(by_statement(OTHER, "p", json!({}))),
                    Want::deny(400, "crypto.signature_invalid"),
                ),
                ("of-an-unknown-key", publisher(by_statement(STATED, "q", json!({}))), Want::deny(400, "key.unknown")),
                (
                    "of-another-issuer",
                    publisher(by_statement(STATED, "p", json!({"iss": SERVER}))),
                    Want::deny(400, "token.issuer_mismatch"),
                ),
                (
                    "of-other-software",
                    publisher(by_statement(STATED, "p", json!({"software_id": "reader-1"}))),
                    Want::deny(400, "par.statement_not_approved"),
                ),
            ],
        );
}

pub(super) fn following(group: &mut Group) {
    let good = kept(json!({}));
    group
        .about("draft-richer-oauth-pushed-client-registration-00 section 3.2: what is asked for was pushed.")
        .pair(
            "pushed-authorization",
            &authorization(json!({}), &good),
            &Want::allow().body(json!({})),
            &[
                (
                    "another",
                    authorization(json!({"request_uri": "urn:example:s"}), &good),
                    refused(
                        400,
                        "invalid_request_uri",
                        &[],
                        "par.tie_request_uri",
                        "request_uri is not the one of the pushed request",
                    ),
                ),
                (
                    "expired",
                    authorization(json!({}), &kept(json!({"expires_at": NOW}))),
                    Want::deny(400, "par.tie_expired"),
                ),
                ("used", authorization(json!({}), &kept(json!({"used": true}))), Want::deny(400, "par.tie_used")),
                ("more", authorization(json!({"scope": "write"}), &good), Want::deny(400, "par.tie_parameter")),
                (
                    "policy-without",
                    authorization(json!({}), &good).policy("clients/dynamic", ()),
                    Want::deny(401, "par.disabled"),
                ),
                ("nothing-kept", authorization(json!({}), &json!({})), Want::deny(400, "par.pushed_malformed")),
            ],
        )
        .about("draft-richer-oauth-pushed-client-registration-00 section 3.3: the pushed key is proved.")
        .pair(
            "pushed-token",
            &token(Some(INSTANCE), json!({}), &good),
            &Want::allow().body(json!({"cnf": {"jkt": INSTANCE.thumbprint()}})),
            &[
                (
                    "of-another-key",
                    token(Some(OTHER), json!({}), &good),
                    refused(
                        400,
                        "invalid_grant",
                        &[],
                        "dpop.key_mismatch",
                        "the proof's key is not the one the access token is bound to",
                    ),
                ),
                ("without-key", token(None, json!({}), &good), Want::deny(400, "dpop.missing")),
                (
                    "another-verifier",
                    token(Some(INSTANCE), json!({"code_verifier": VERIFIER.to_lowercase()}), &good),
                    Want::deny(400, "par.code_verifier_mismatch"),
                ),
                (
                    "key-not-pushed",
                    token(Some(INSTANCE), json!({}), &kept(json!({"key": null}))),
                    Want::deny(400, "par.tie_key_not_pushed"),
                ),
                (
                    "seen",
                    token(Some(INSTANCE), json!({}), &good).set("seen", json!(["d1"])),
                    Want::deny(400, "dpop.replayed"),
                ),
                (
                    "policy-without",
                    token(Some(INSTANCE), json!({}), &good).policy("clients/dynamic", ()),
                    Want::deny(401, "par.disabled"),
                ),
            ],
        );
}

pub(super) fn binding(group: &mut Group) {
    let cnf = json!({"jkt": OTHER.thumbprint()});
    let asked = |more: Value| {
        let mut body = json!({"client_id": "broker", "tmb": cnf.to_string()});
        put(&mut body, &more);
        at("/bind", &body).policy("clients/key_binding", json!({"requesters": ["broker"]}))
    };
    let bound = |binding: &str, claims: Value| {
        Want::allow().body(json!({"binding": binding, "token_type": "DPoP", "claims": claims}))
    };
    // Nobody has keys by which a client could authenticate.
    let alone = |check: Check| {
        let check = check.policy("trust_domains", ()).policy("clients/attesters", ()).policy("clients/register", ());
        check.policy("clients/key_binding", json!({"requesters": ["broker"]}))
    };
    group
        .about("draft-richer-oauth-tmb-claim-01 section 3: a broker that is believed names the key of another.")
        .pair(
            "bind",
            &asked(json!({})),
            &bound("deferred", json!({"cnf": cnf, "tmb": cnf})),
            &[
                (
                    "policy-without",
                    asked(json!({})).policy("clients/key_binding", ()),
                    refused(
                        400,
                        "unauthorized_client",
                        &[],
                        "binding.deferred_not_permitted",
                        "the policy lets no token be bound to a key that was not proved",
                    ),
                ),
                (
                    "another-client",
                    asked(json!({"client_id": "app"})),
                    Want::deny(400, "binding.requester_not_permitted"),
                ),
                (
                    "no-key",
                    asked(json!({"tmb": "{}"})),
                    refused(400, "invalid_request", &[], "cnf.empty", "tmb: cnf has no members"),
                ),
                ("by-kid", asked(json!({"tmb": "{\"kid\":\"k\"}"})), Want::deny(400, "binding.key_name_not_permitted")),
                (
                    "by-another-name",
                    asked(json!({})).policy("clients/key_binding/key_names", json!(["x5t#S256"])),
                    Want::deny(400, "binding.key_name_not_permitted"),
                ),
                ("twice", asked(json!({"tmb": ["{}", "{}"]})), Want::deny(400, "clients.description_malformed")),
            ],
        )
        .pair(
            "bind-proved",
            &asked(json!({"client_id": "app", "tmb": null, "proved": cnf})),
            &bound("proved", json!({"cnf": cnf})),
            &[(
                "named",
                asked(json!({"client_id": "app", "proved": cnf})),
                Want::deny(400, "binding.requester_not_permitted"),
            )],
        )
        .pair(
            "bind-alone",
            &alone(asked(json!({}))),
            &bound("deferred", json!({"cnf": cnf, "tmb": cnf})),
            &[
                ("authenticate", alone(by_attestation().asked()), Want::deny(400, "client.method_not_accepted")),
                (
                    "nothing-else",
                    alone(asked(json!({}))).policy("clients/key_binding", ()),
                    Want::refused("policy.clients_method", "docs/clients.md"),
                ),
            ],
        )
        .pair(
            "bind-both",
            &asked(json!({"proved": {"jkt": INSTANCE.thumbprint()}})),
            &bound("deferred", json!({"cnf": cnf, "tmb": cnf})),
            &[(
                "of-another-client",
                asked(json!({"client_id": "app", "proved": {"jkt": INSTANCE.thumbprint()}})),
                Want::deny(400, "binding.requester_not_permitted"),
            )],
        )
        .about("docs/pushed-registration.md: who vouches and who is believed is for the operator to say.")
        .case(
            "policy/dynamic-by-nobody-named",
            &by_nobody(&proved(json!({}))).policy("clients/dynamic/vouched_by", ()),
            &Want::refused("policy.missing_member", "docs/pushed-registration.md"),
        )
        .case(
            "policy/dynamic-without-attester",
            &by_attester(dynamic_attestation(ATTESTER, json!({}))).policy("clients/attesters", ()),
            &Want::refused("policy.clients_dynamic", "docs/pushed-registration.md"),
        )
        .case(
            "policy/bind-by-kid",
            &asked(json!({})).policy("clients/key_binding/key_names", json!(["kid"])),
            &Want::refused("policy.clients_key_binding", "docs/key-binding.md"),
        );
}
