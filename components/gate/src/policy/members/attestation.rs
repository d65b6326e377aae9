//! Attestations of client instances beside access tokens.

use super::{
    super::{
        limits::MAX_SECONDS,
        shape::{Kind, Shape},
    },
    optional, required,
};

/// Attestations beside access tokens.
pub static ATTESTATION: Shape = Shape {
    title: "attestation",
    doc: "Attestations of client instances (draft-ietf-oauth-attestation-based-client-auth-11) that rules may demand beside an \
          access token. `docs/attestation.md` is a guide.",
    members: &[
        required(
            "attesters",
            Kind::TextOrAny,
            "The keys of those who attest clients: the URL of a JWK Set, `file:` and a path, or a JWK Set inline. Symmetric keys \
             only inline or in a file.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"",
        ),
        optional(
            "algorithms",
            Kind::Texts { least: 1 },
            "those that go with the keys",
            "JOSE names of the algorithms that attesters may use. HMAC needs inline symmetric keys.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"\nalgorithms = [\"ES256\"]",
        ),
        optional(
            "max_age",
            Kind::Duration(1, MAX_SECONDS),
            "no bound",
            "The greatest age of an attestation, counted from `iat`; with it, one without `iat` is refused.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"\nmax_age = \"1h\"",
        ),
        optional(
            "dpop",
            Kind::Bool,
            "false",
            "Whether the access token's DPoP proof may stand for the attestation's own (section 7.3), where both are of one key.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"\ndpop = true",
        ),
        optional(
            "challenge",
            Kind::Bool,
            "true",
            "Whether proofs have to carry a challenge that the host gave, and a DPoP proof in their place a nonce. The Envoy filter \
             gives none.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"\nchallenge = false",
        ),
    ],
};
