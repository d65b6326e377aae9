//! The members of a policy: names, kinds, meanings and examples. Read by the checker, by `docs/policy.md` and by the JSON
//! Schema, so that the three say the same.

mod attestation;
mod authorities;
mod clients;
mod dynamic_clients;
mod ocm;
mod registry;
mod rules;
mod surroundings;
mod transaction_service;
mod transaction_tokens;

pub use attestation::ATTESTATION;
pub use authorities::{ISSUER, STATUS_KEYS, TRUST_DOMAIN};
pub use clients::{CLIENT, CLIENTS, REGISTERED, REGISTRATION};
pub use dynamic_clients::{ATTESTED, CLIENTS_KEY_BINDING, DYNAMIC_CLIENTS, STATED, VOUCHED_BY};
pub use ocm::OCM;
pub use registry::{REGISTRY, REGISTRY_GRANT, TOKEN_SERVICE};
pub use rules::{REQUIRE, RULE};
pub use surroundings::{CHALLENGE, CORS, LIMITS, LISTENER, RESOURCE, TLS, UPSTREAM};
pub use transaction_service::{TRANSACTION_SERVICE, TRANSACTION_WORKLOAD};
pub use transaction_tokens::{KEY_BINDING, TRANSACTION, TRANSACTION_TOKENS};

use super::{
    envoy::ENVOY,
    introspection::INTROSPECTION,
    limits::MAX_WINDOW,
    shape::{Kind, Member, Shape},
};

/// Text of the reference, which a module that only checks policies does without. Examples stay: remedies have them.
const fn reference(text: &'static str) -> &'static str {
    if cfg!(feature = "reference") { text } else { "" }
}

/// A member that may be left out.
pub(super) const fn optional(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Member {
    Member { name, kind, required: false, default, doc: reference(doc), example }
}

/// A member that has to be there.
pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str, example: &'static str) -> Member {
    Member { name, kind, required: true, default: "", doc: reference(doc), example }
}

/// The whole policy.
pub static POLICY: Shape = Shape {
    title: "the policy",
    doc: "One document, in TOML or JSON. Every member below may stand at its top.",
    members: &[
        required(
            "origins",
            Kind::Texts { least: 1 },
            "The public origins of what is protected: scheme, host and port as clients write them. A request for another \
             authority is refused (`request.unknown_origin`); DPoP proofs and rules use these, never a header's word.",
            "origins = [\"https://api.example\"]",
        ),
        optional(
            "mode",
            Kind::OneOf(&["enforce", "report"]),
            "\"enforce\"",
            "`report` decides, logs and counts, and lets a request through that would be denied for its rights. What \
             cannot be verified at all is still denied, unless `report_unverified` says so as well. A rule may have a mode \
             of its own.",
            "mode = \"report\"",
        ),
        optional(
            "report_unverified",
            Kind::Bool,
            "false",
            "With `mode = \"report\"`: also lets through what has no credential, or one that does not verify, or of which \
             nothing can be known. Ambiguous requests (400) are denied all the same.",
            "report_unverified = true",
        ),
        optional(
            "expose",
            Kind::OneOf(&["codes", "full"]),
            "\"codes\"",
            "What a client is told of a denial. `full` adds details and every finding: for development only, and \
             `policy check` warns.",
            "expose = \"full\"",
        ),
        optional(
            "replay",
            Kind::OneOf(&["node", "shared", "nonce"]),
            "\"node\"",
            "How far the promise reaches that a proof is used once: `node` within one host (`policy check` warns), \
             `shared` across hosts with one memory, `nonce` with nonces that the host issues.",
            "replay = \"shared\"",
        ),
        optional(
            "proof_window",
            Kind::Duration(1, MAX_WINDOW),
            "\"5m\"",
            "How far the `iat` of a DPoP proof may lie from now, before and after (RFC 9449 section 11.1), and how far ahead the \
             end of a workload's proof (WIMSE wpt-02 section 2, http-signature-07 section 3).",
            "proof_window = \"1m\"",
        ),
        optional(
            "issuers",
            Kind::Objects(&ISSUER),
            "none",
            "Authorization servers whose tokens may be accepted.",
            "[[issuers]]",
        ),
        optional(
            "trust_domains",
            Kind::Objects(&TRUST_DOMAIN),
            "none",
            "SPIFFE trust domains whose workloads may be accepted.",
            "[[trust_domains]]",
        ),
        optional(
            "rules",
            Kind::Objects(&RULE),
            "none: everything is denied",
            "What may be done, by whom. The first rule that matches a request decides; where none matches, the request is \
             denied.",
            "[[rules]]",
        ),
        optional(
            "registry",
            Kind::Object(&REGISTRY),
            "no registry",
            "Access to OCI registries, judged by grants and not by `rules`.",
            "[registry]",
        ),
        optional(
            "clients",
            Kind::Object(&CLIENTS),
            "none",
            "The clients of an authorization server, which asks the host who they are.",
            "[clients]\nserver = \"https://as.example\"",
        ),
        optional(
            "ocm",
            Kind::Object(&OCM),
            "none",
            "A sharing server of Open Cloud Mesh, before whose endpoints the gate stands.",
            "[ocm]\nhost = \"cloud.example.org\"",
        ),
        optional(
            "transaction_tokens",
            Kind::Object(&TRANSACTION_TOKENS),
            "none are looked at",
            "Transaction Tokens beside callers' own credentials.",
            "[transaction_tokens]\ntrust_domain = \"prod.example\"\nkeys = \"https://tts.prod.example/jwks.json\"",
        ),
        optional(
            "attestation",
            Kind::Object(&ATTESTATION),
            "none",
            "Attestations of client instances that rules may demand beside an access token.",
            "[attestation]\nattesters = \"https://attester.example/jwks.json\"",
        ),
        optional("challenge", Kind::Object(&CHALLENGE), "", "What is said in `WWW-Authenticate`.", "[challenge]"),
        optional(
            "resource",
            Kind::Object(&RESOURCE),
            "nothing is published",
            "Metadata of the protected resource, which clients find from a challenge (RFC 9728).",
            "[resource]\nname = \"Reports\"",
        ),
        optional("upstream", Kind::Object(&UPSTREAM), "", "What the upstream is told.", "[upstream]"),
        optional("cors", Kind::Object(&CORS), "no CORS", "Pages of other origins that may call.", "[cors]"),
        optional(
            "listeners",
            Kind::Objects(&LISTENER),
            "none",
            "Where a host listens, and whose word is taken there about a request. A page's policy has none.",
            "[[listeners]]",
        ),
        optional("envoy", Kind::Object(&ENVOY), "", "What is for the Envoy filter.", "[envoy]"),
        optional("limits", Kind::Object(&LIMITS), "", "Bounds that a deployment may need to move.", "[limits]"),
    ],
};

/// Every shape, in the order in which they are documented.
pub static SHAPES: &[&Shape] = &[
    &POLICY,
    &ISSUER,
    &STATUS_KEYS,
    &INTROSPECTION,
    &TRUST_DOMAIN,
    &RULE,
    &REQUIRE,
    &TRANSACTION,
    &KEY_BINDING,
    &TRANSACTION_TOKENS,
    &TRANSACTION_SERVICE,
    &TRANSACTION_WORKLOAD,
    &REGISTRY,
    &REGISTRY_GRANT,
    &TOKEN_SERVICE,
    &CLIENTS,
    &CLIENT,
    &REGISTRATION,
    &REGISTERED,
    &ATTESTATION,
    &DYNAMIC_CLIENTS,
    &VOUCHED_BY,
    &ATTESTED,
    &STATED,
    &CLIENTS_KEY_BINDING,
    &OCM,
    &CHALLENGE,
    &RESOURCE,
    &UPSTREAM,
    &CORS,
    &LISTENER,
    &TLS,
    &ENVOY,
    &LIMITS,
];
