//! Clients that register with their pushed request, and keys that are bound later.

use super::{
    super::{
        limits::{MAX_LEEWAY, MAX_SECONDS},
        shape::{Kind, Shape},
    },
    optional, required,
};

/// Clients that register with their pushed request.
pub static DYNAMIC_CLIENTS: Shape = Shape {
    title: "dynamic",
    doc: "Clients that nobody registered and that push what they are together with what they ask for \
          (draft-richer-oauth-pushed-client-registration-00). The server asks at `/pushed`, and at `/pushed/authorization` and \
          `/pushed/token` for the requests after it. `docs/pushed-registration.md` is a guide.",
    members: &[
        required(
            "vouched_by",
            Kind::WordOrObject(&["nobody"], &VOUCHED_BY),
            "Who has to vouch for such a client: one of those that are named. Or the word `nobody`: what a client says of itself \
             is all that is known then.",
            "[clients.dynamic]\nvouched_by = { attestation = { attesters = \"https://attester.example/jwks.json\" } }",
        ),
        required(
            "redirect_hosts",
            Kind::Texts { least: 1 },
            "Hosts that browsers may be sent back to, `name` or `name:port`; compared letter by letter.",
            "[clients.dynamic]\nredirect_hosts = [\"client.example.org\"]",
        ),
        optional(
            "redirect_wildcards",
            Kind::Bool,
            "false",
            "Whether hosts may be `*.name`, which stands for one label and not more.",
            "[clients.dynamic]\nredirect_wildcards = true",
        ),
        optional(
            "shown_hosts",
            Kind::Texts { least: 0 },
            "`redirect_hosts`",
            "Hosts of what is shown to people: `client_uri`, `logo_uri`, `tos_uri`, `policy_uri`.",
            "[clients.dynamic]\nshown_hosts = [\"www.example.org\"]",
        ),
        optional(
            "metadata",
            Kind::Texts { least: 1 },
            "none",
            "Names of the metadata (RFC 7591 section 2) that a client may have.",
            "[clients.dynamic]\nmetadata = [\"client_name\", \"logo_uri\"]",
        ),
        optional(
            "other_metadata",
            Kind::OneOf(&["refuse", "ignore"]),
            "\"refuse\"",
            "What becomes of members that `metadata` does not name.",
            "[clients.dynamic]\nother_metadata = \"ignore\"",
        ),
        optional(
            "scopes",
            Kind::Texts { least: 1 },
            "none",
            "Scopes that may be asked for.",
            "[clients.dynamic]\nscopes = [\"read\"]",
        ),
        optional(
            "response_types",
            Kind::Texts { least: 1 },
            "[\"code\"]",
            "Response types, each with `code` in it.",
            "[clients.dynamic]\nresponse_types = [\"code\"]",
        ),
        optional(
            "grant_types",
            Kind::Texts { least: 1 },
            "[\"authorization_code\"]",
            "Grant types that metadata may name.",
            "[clients.dynamic]\ngrant_types = [\"authorization_code\", \"refresh_token\"]",
        ),
        optional(
            "parameters",
            Kind::Texts { least: 1 },
            "none",
            "Other parameters of the authorization request that count; those that are not named are passed over.",
            "[clients.dynamic]\nparameters = [\"nonce\"]",
        ),
        optional(
            "keys",
            Kind::Texts { least: 1 },
            "[\"dpop\", \"mtls\"]",
            "How a client may name its key.",
            "[clients.dynamic]\nkeys = [\"dpop\"]",
        ),
        optional(
            "key_required",
            Kind::Bool,
            "true",
            "Whether there has to be a key, which the tokens are bound to.",
            "[clients.dynamic]\nkey_required = false",
        ),
        optional(
            "proof_required",
            Kind::Bool,
            "false",
            "Whether the key has to be proved with the pushed request, so that `dpop_jkt` alone is refused.",
            "[clients.dynamic]\nproof_required = true",
        ),
        optional(
            "leeway",
            Kind::Duration(0, MAX_LEEWAY),
            "\"30s\"",
            "How far clocks may differ where statements and attestations end.",
            "[clients.dynamic]\nleeway = \"10s\"",
        ),
    ],
};

/// Who vouches for dynamic clients.
pub static VOUCHED_BY: Shape = Shape {
    title: "vouched_by",
    doc: "Who vouches for dynamic clients. One of those that are named has to, and one that a client brings has to hold.",
    members: &[
        optional(
            "attestation",
            Kind::Object(&ATTESTED),
            "",
            "An attester of instances of clients.",
            "[clients.dynamic.vouched_by.attestation]",
        ),
        optional(
            "software_statement",
            Kind::Object(&STATED),
            "",
            "An issuer of software statements (RFC 7591 section 2.3).",
            "[clients.dynamic.vouched_by.software_statement]",
        ),
    ],
};

/// The attestations that count.
pub static ATTESTED: Shape = Shape {
    title: "vouched_by.attestation",
    doc: "The attestations that count (draft-ietf-oauth-attestation-based-client-auth-11).",
    members: &[
        optional(
            "attesters",
            Kind::TextOrAny,
            "`clients.attesters`",
            "The attesters' keys: the URL of a JWK Set, `file:` and a path, or a JWK Set inline.",
            "attesters = \"https://attester.example/jwks.json\"",
        ),
        optional(
            "subjects",
            Kind::Texts { least: 1 },
            "[\"urn:ietf:oauth:parameters:dynamic\"]",
            "The `sub` that an attestation may have.",
            "subjects = [\"https://client.example.org/app\"]",
        ),
        optional(
            "max_age",
            Kind::Duration(1, MAX_SECONDS),
            "no bound",
            "Its greatest age, counted from `iat`; with it, one without `iat` is refused.",
            "max_age = \"1h\"",
        ),
    ],
};

/// The software statements that count.
pub static STATED: Shape = Shape {
    title: "vouched_by.software_statement",
    doc: "The software statements that count.",
    members: &[
        required("issuer", Kind::Text, "Its `iss`, letter by letter.", "issuer = \"https://publisher.example\""),
        required(
            "keys",
            Kind::TextOrAny,
            "The issuer's public keys: the URL of a JWK Set, `file:` and a path, or a JWK Set inline.",
            "keys = \"https://publisher.example/jwks.json\"",
        ),
        optional(
            "software_ids",
            Kind::Texts { least: 1 },
            "any of the issuer's",
            "The `software_id` that a statement may have.",
            "software_ids = [\"reader-2\"]",
        ),
        optional(
            "max_age",
            Kind::Duration(1, MAX_SECONDS),
            "no bound",
            "Its greatest age, counted from `iat`; with it, one without `iat` is refused.",
            "max_age = \"365d\"",
        ),
    ],
};

/// Tokens that are bound to keys which nobody proved.
pub static CLIENTS_KEY_BINDING: Shape = Shape {
    title: "clients.key_binding",
    doc: "Tokens that are bound to a key which their requester names by `tmb` and does not prove \
          (draft-richer-oauth-tmb-claim-01). The server asks at `/bind` what a token is bound to. `docs/key-binding.md` is a \
          guide.",
    members: &[
        required(
            "requesters",
            Kind::Texts { least: 1 },
            "The clients that may send `tmb`, by identifier. Each is believed whatever key it names.",
            "[clients.key_binding]\nrequesters = [\"https://broker.example\"]",
        ),
        optional(
            "key_names",
            Kind::Texts { least: 1 },
            "[\"jkt\", \"x5t#S256\", \"jwk\"]",
            "How `tmb` may name the key.",
            "[clients.key_binding]\nkey_names = [\"jkt\"]",
        ),
        optional(
            "mark",
            Kind::Bool,
            "true",
            "Whether a token that is bound so gets a claim `tmb` beside its `cnf`. Without it nobody can tell that its key was not \
             proved.",
            "[clients.key_binding]\nmark = false",
        ),
    ],
};
