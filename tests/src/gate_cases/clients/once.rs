//! Proofs are used once, and challenges are told.

use super::*;

pub(super) fn proofs(group: &mut Group) {
    let with = |more: Value| attested(attestation(ATTESTER, json!({})), Some(pop(INSTANCE, more))).asked();
    let challenge = [("OAuth-Client-Attestation-Challenge", "c1")];
    let nonce = [("DPoP-Nonce", "c1")];
    let both = || by_attestation().header("DPoP", dpop(OTHER, json!({"nonce": null})));
    group
        .about("draft-ietf-oauth-attestation-based-client-auth-11 section 7.2: a proof for this server, with its challenge, once.")
        .pair(
            "pop",
            &with(json!({"challenge": "c0"})),
            &known("app", "attest_jwt_client_auth"),
            &[
                ("without-challenge", with(json!({"challenge": null})), refused(400, "use_attestation_challenge", &challenge,
                    "pop.use_attestation_challenge", "the proof has no challenge, and one was given")),
                ("another-challenge", with(json!({"challenge": "c2"})), Want::deny(400, "pop.use_attestation_challenge")),
                ("of-another-key", attested(attestation(ATTESTER, json!({})), Some(pop(OTHER, json!({})))).asked(),
                    Want::deny(400, "crypto.signature_invalid")),
                ("for-another", with(json!({"aud": "https://b.example"})), Want::deny(400, "pop.audience_mismatch")),
                ("too-old", with(json!({"iat": NOW - 301})), Want::deny(400, "pop.too_old")),
                ("seen", with(json!({})).set("seen", json!(["p1"])), refused(400, "invalid_client_attestation", &[],
                    "pop.replayed", "the proof was used before")),
                ("before-start", with(json!({})).set("replay_since", NOW + 1), refused(400, "use_attestation_challenge", &challenge,
                    "replay.before_start", "the proof was made before the memory of used proofs began")),
                ("missing", attested(attestation(ATTESTER, json!({})), None).asked(), Want::deny(400, "pop.missing")),
                ("host-without-challenges", with(json!({})).set("nonces", ()), Want::deny(503, "replay.nonce_unavailable")),
            ],
        )
        .pair(
            "pop-without-challenges",
            &with(json!({"challenge": null})).policy("clients/challenges", false).set("nonces", ()),
            &known("app", "attest_jwt_client_auth"),
            &[
                ("too-old", with(json!({"challenge": null, "iat": NOW - 11})).policy("clients/challenges", false)
                    .policy("clients/window", "10s"), Want::deny(400, "pop.too_old")),
                ("before-start", with(json!({"challenge": null})).policy("clients/challenges", false)
                    .set("replay_since", NOW + 1), Want::deny(400, "replay.before_start")),
            ],
        )
        .about("draft-ietf-oauth-attestation-based-client-auth-11 section 7.3: the DPoP proof in its place, with a nonce.")
        .pair(
            "dpop",
            &by_dpop(INSTANCE, json!({})).asked(),
            &known("app", "attest_jwt_client_auth_dpop"),
            &[
                ("of-another-key", by_dpop(OTHER, json!({})).asked(), Want::deny(400, "attestation.dpop_key_mismatch")),
                ("without-nonce", by_dpop(INSTANCE, json!({"nonce": null})).asked(), refused(400, "use_dpop_nonce", &nonce,
                    "dpop.nonce_missing", "the proof has no nonce, and one was issued")),
                ("seen", by_dpop(INSTANCE, json!({})).asked().set("seen", json!(["d1"])), refused(400, "invalid_dpop_proof", &[],
                    "dpop.replayed", "the proof was used before")),
                ("before-start", by_dpop(INSTANCE, json!({})).asked().set("replay_since", NOW + 1), refused(400, "use_dpop_nonce",
                    &nonce, "replay.before_start", "the proof was made before the memory of used proofs began")),
                ("not-accepted", by_dpop(INSTANCE, json!({})).asked().policy("clients/methods", json!(["attest_jwt_client_auth"]))
                    .policy("clients/register", ()), Want::deny(400, "client.method_not_accepted")),
                ("for-another-url", by_dpop(INSTANCE, json!({"htu": "https://as.example/par"})).asked(),
                    Want::deny(400, "dpop.target_path")),
            ],
        )
        .about("draft-ietf-oauth-attestation-based-client-auth-11 section 7: beside a proof of its own, DPoP stands for itself.")
        .pair(
            "pop-and-dpop",
            &both().asked(),
            &known("app", "attest_jwt_client_auth"),
            &[
                ("pop-seen", both().asked().set("seen", json!(["p1"])), Want::deny(400, "pop.replayed")),
                ("dpop-seen", both().asked().set("seen", json!(["d1"])), Want::deny(400, "dpop.replayed")),
                ("both-seen", both().asked().set("seen", json!(["d1", "p1"])), Want::deny(400, "pop.replayed")),
                ("nonce-wanted", both().asked().policy("replay", "nonce"), Want::deny(400, "dpop.nonce_missing")),
                (
                    "nonce-wanted-of-a-host-without",
                    both().asked().policy("replay", "nonce").policy("clients/challenges", false).set("nonces", ()),
                    Want::deny(503, "replay.nonce_unavailable"),
                ),
            ],
        );
}
