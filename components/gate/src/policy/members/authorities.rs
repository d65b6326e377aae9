//! Whose credentials count: issuers of tokens, and trust domains.

use super::{
    super::{
        limits::{MAX_LEEWAY, MAX_SECONDS},
        shape::{Kind, Shape},
    },
    INTROSPECTION, KEY_BINDING, optional, required,
};

/// An issuer of tokens.
pub static ISSUER: Shape = Shape {
    title: "an issuer",
    doc: "An authorization server whose tokens are accepted, and what they have to be.",
    members: &[
        required(
            "name",
            Kind::Text,
            "What rules call it: lower-case letters, digits, `-`, `_`, `.`; one name for one issuer or trust domain.",
            "name = \"corp\"",
        ),
        required(
            "issuer",
            Kind::Text,
            "The `iss` of its tokens, compared byte by byte. No two entries share it.",
            "issuer = \"https://idp.example\"",
        ),
        optional(
            "keys",
            Kind::TextOrAny,
            "discovery: RFC 8414 or OpenID Connect metadata of `issuer`",
            "Its keys: the URL of a JWK Set, `file:` and a path, or a JWK Set inline.",
            "keys = \"https://idp.example/jwks.json\"",
        ),
        optional(
            "profile",
            Kind::OneOf(&["at+jwt", "jwt", "registry"]),
            "\"at+jwt\"",
            "`at+jwt`: JWT access tokens (RFC 9068). `jwt`: any JWT (RFC 7519), which then has to have `exp`. `registry`: tokens \
             of a token service for OCI registries, which count at a registry by their claim `access` and nowhere else; \
             `audience` is the first of `registry.services` then, and `leeway` 60 seconds.",
            "profile = \"jwt\"",
        ),
        optional(
            "typ",
            Kind::Text,
            "none, `JWT`, `JOSE` or `at+jwt`",
            "With `profile = \"jwt\"`: what the header's `typ` has to be. Without it, tokens of another explicit kind are refused: a \
             logout token of this issuer is no access token (RFC 8725bis section 3.12).",
            "typ = \"application/vnd.corp.session+jwt\"",
        ),
        optional(
            "algorithms",
            Kind::Texts { least: 1 },
            "ES256, ES384, ES512, Ed25519, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512",
            "JOSE names of the signature algorithms that are accepted. HMAC needs inline symmetric keys, and never goes to \
             a browser.",
            "algorithms = [\"ES256\", \"Ed25519\"]",
        ),
        optional(
            "audience",
            Kind::Texts { least: 1 },
            "the policy's `origins`",
            "What this service is called in `aud`: one of these has to be there.",
            "audience = [\"https://api.example\"]",
        ),
        optional(
            "proof",
            Kind::OneOf(&["none", "dpop", "certificate", "any"]),
            "\"none\"",
            "The proof of possession that is demanded: `dpop` (RFC 9449), `certificate` (RFC 8705), `any` of them. A token \
             that is bound is never accepted without its proof, whatever stands here.",
            "proof = \"dpop\"",
        ),
        optional(
            "key_binding",
            Kind::Object(&KEY_BINDING),
            "tokens whose claim `tmb` says that their key was not proved are refused",
            "What is let be of tokens that are bound to a key which was not proved when they were issued.",
            "key_binding = { deferred = \"allow\" }",
        ),
        optional(
            "status",
            Kind::OneOf(&["required", "if_present", "off"]),
            "\"if_present\"",
            "Token Status Lists: `required` refuses a token that names none; `if_present` looks a token up that names one; \
             `off` does not look.",
            "status = \"required\"",
        ),
        optional(
            "status_keys",
            Kind::TextOrObject(&STATUS_KEYS),
            "the issuer's own keys",
            "What status list tokens verify with, in place of the issuer's own keys: the URL of a JWK Set, `file:` and a \
             path, keys inline, or anchors of certificates.",
            "status_keys = \"https://status.example/jwks.json\"",
        ),
        optional(
            "status_origins",
            Kind::Texts { least: 1 },
            "the issuer's own origin",
            "Other origins from which this issuer's status lists may be fetched. A port that is not 443 has to be written.",
            "status_origins = [\"https://status.example\"]",
        ),
        optional(
            "leeway",
            Kind::Duration(0, MAX_LEEWAY),
            "\"30s\"",
            "How far its clock and ours may differ.",
            "leeway = \"10s\"",
        ),
        optional(
            "max_age",
            Kind::Duration(0, MAX_SECONDS),
            "no bound",
            "The greatest age of a token, counted from `iat`.",
            "max_age = \"1h\"",
        ),
        optional(
            "required_claims",
            Kind::Texts { least: 1 },
            "those of the profile",
            "Claims that every token has to have.",
            "required_claims = [\"client_id\", \"scope\"]",
        ),
        optional(
            "introspection",
            Kind::Object(&INTROSPECTION),
            "opaque tokens are refused (`token.opaque`)",
            "Where to ask about tokens that are no JWTs (RFC 7662, `docs/introspection.md`). The gateway alone asks: filters, pages and              registries refuse a policy that says so.",
            "introspection = { url = \"https://idp.example/introspect\", client_id = \"api\", secret = \"file:/run/secrets/introspection\" }",
        ),
    ],
};

/// Keys for status lists that stand in the policy.
pub static STATUS_KEYS: Shape = Shape {
    title: "status_keys",
    doc: "Keys for status lists that stand in the policy: the keys themselves, or anchors of the certificates that tokens \
          bring along (`x5c`).",
    members: &[
        optional(
            "keys",
            Kind::AnyObjects,
            "",
            "A JWK Set (RFC 7517 section 5), inline.",
            "status_keys = { keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }] }",
        ),
        optional(
            "anchors",
            Kind::Text,
            "",
            "Certificates in PEM. A status list token then has to bring a chain (`x5c`) that ends at one of them.",
            "status_keys = { anchors = \"-----BEGIN CERTIFICATE-----…\", purpose = \"1.3.6.1.5.5.7.3.30\" }",
        ),
        optional(
            "purpose",
            Kind::Text,
            "",
            "With `anchors`: the extended key usage that the signer's certificate has to have, as numbers. \
             draft-ietf-oauth-status-list-21 section 10 defines one whose last number is not assigned yet.",
            "status_keys = { anchors = \"-----BEGIN CERTIFICATE-----…\", purpose = \"1.3.6.1.5.5.7.3.30\" }",
        ),
    ],
};

/// A SPIFFE trust domain.
pub static TRUST_DOMAIN: Shape = Shape {
    title: "a trust domain",
    doc: "A SPIFFE trust domain whose X.509-SVIDs, JWT-SVIDs and WIT-SVIDs are accepted.",
    members: &[
        required("name", Kind::Text, "The trust domain's name. Rules call it so.", "name = \"prod.example\""),
        required(
            "bundle",
            Kind::TextOrAny,
            "Its bundle: a URL, `file:` and a path, inline, or `workload-api`: what the host has from the SPIFFE Workload API.",
            "bundle = \"https://spire.prod.example/bundle\"",
        ),
        optional(
            "bundle_profile",
            Kind::OneOf(&["https_web", "https_spiffe"]),
            "\"https_web\"",
            "How the server at the bundle's URL is authenticated (SPIFFE Federation section 5.2). `https_web`: by the \
             certificate authorities of the system and the host's name. `https_spiffe`: as the workload of \
             `endpoint_spiffe_id`, by the bundle of its trust domain and nothing else. The gateway and the registry plugin do \
             both.",
            "bundle_profile = \"https_spiffe\"",
        ),
        optional(
            "endpoint_spiffe_id",
            Kind::Text,
            "none; needed with `https_spiffe`",
            "With `https_spiffe`: who the server has to be. The ID may be of this trust domain, and needs `bundle_initial` then; \
             or of another one of this policy, whose bundle authenticates the server.",
            "endpoint_spiffe_id = \"spiffe://prod.example/bundle-server\"",
        ),
        optional(
            "bundle_initial",
            Kind::TextOrAny,
            "none",
            "With `https_spiffe` and a server of this trust domain: the bundle that authenticates the server until the first one \
             was fetched, `file:` and a path, or inline. It authenticates no workload. A bundle with a lower \
             `spiffe_sequence` than this one's is refused.",
            "bundle_initial = \"file:/etc/portcullis/prod.example.bundle.json\"",
        ),
        optional(
            "svids",
            Kind::Texts { least: 1 },
            "[\"x509\", \"jwt\", \"wit\"]",
            "Which identity documents are accepted: `x509` (the client certificate of the connection), `jwt` (as a Bearer \
             token) and `wit` (in `Workload-Identity-Token`, always with a proof of possession).",
            "svids = [\"x509\"]",
        ),
        optional(
            "proof",
            Kind::OneOf(&["none", "wimse", "http-signature", "any"]),
            "\"none\"",
            "The proof of possession that tokens have to come with: `wimse`, a Workload Proof Token in `Authorization`; \
             `http-signature`, a signature over the request; `any` of them. With each of these a JWT-SVID, which is a bearer \
             token, is refused. A WIT-SVID is never accepted without a proof, whatever stands here; an X.509-SVID has the \
             handshake's.",
            "proof = \"wimse\"",
        ),
        optional(
            "audience",
            Kind::Texts { least: 1 },
            "the policy's `origins`",
            "What this service is called in the `aud` of JWT-SVIDs.",
            "audience = [\"https://api.example\"]",
        ),
        optional(
            "leeway",
            Kind::Duration(0, MAX_LEEWAY),
            "\"30s\"",
            "How far its clock and ours may differ.",
            "leeway = \"10s\"",
        ),
    ],
};
