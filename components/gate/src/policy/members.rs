//! The members of a policy: names, kinds, meanings and examples. Read by the checker, by `docs/policy.md` and by the JSON
//! Schema, so that the three say the same.

mod attestation;
mod clients;
mod dynamic_clients;
mod registry;
mod surroundings;
mod transaction_service;
mod transaction_tokens;

pub use attestation::ATTESTATION;
pub use clients::{CLIENT, CLIENTS, REGISTERED, REGISTRATION};
pub use dynamic_clients::{ATTESTED, CLIENTS_KEY_BINDING, DYNAMIC_CLIENTS, STATED, VOUCHED_BY};
pub use registry::{REGISTRY, REGISTRY_GRANT, TOKEN_SERVICE};
pub use surroundings::{CHALLENGE, CORS, LIMITS, LISTENER, RESOURCE, TLS, UPSTREAM};
pub use transaction_service::{TRANSACTION_SERVICE, TRANSACTION_WORKLOAD};
pub use transaction_tokens::{KEY_BINDING, TRANSACTION, TRANSACTION_TOKENS};

use super::{
    envoy::ENVOY,
    introspection::INTROSPECTION,
    limits::{MAX_LEEWAY, MAX_SECONDS, MAX_WINDOW},
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

/// A rule.
pub static RULE: Shape = Shape {
    title: "a rule",
    doc: "Which requests it is for, whose credentials count, and what they have to grant. It has `require`, or says \
          `anonymous = true`.",
    members: &[
        optional(
            "name",
            Kind::Text,
            "its number",
            "What logs and `policy explain` call it.",
            "name = \"read reports\"",
        ),
        optional(
            "issuers",
            Kind::Texts { least: 1 },
            "the only issuer or trust domain there is",
            "Names of the issuers and trust domains whose credentials may satisfy it. With more than one configured it \
             has to be there: a scope counts only together with who asserted it.",
            "issuers = [\"corp\"]",
        ),
        optional(
            "hosts",
            Kind::Texts { least: 1 },
            "every origin of the policy",
            "Authorities of the policy's origins that it is for.",
            "hosts = [\"api.example\"]",
        ),
        optional(
            "methods",
            Kind::Texts { least: 1 },
            "every method",
            "Methods that it is for, case-sensitive. `HEAD` has to be listed like any other.",
            "methods = [\"GET\", \"HEAD\"]",
        ),
        optional(
            "path",
            Kind::Text,
            "every path",
            "The path that it is for, segment by segment and case-sensitive. `{x}` is exactly one segment that is not empty, \
             `{x...}` at the end one or more. `/a` and `/a/` differ. The query is never looked at.",
            "path = \"/reports/{id}\"",
        ),
        optional(
            "require",
            Kind::Object(&REQUIRE),
            "",
            "What a credential has to grant, all of it. `require = {}` asks for a credential that verifies and no more.",
            "require = { scope = [\"reports:read\"] }",
        ),
        optional(
            "anonymous",
            Kind::Bool,
            "false",
            "`true` lets requests through without a credential.",
            "anonymous = true",
        ),
        optional(
            "mode",
            Kind::OneOf(&["enforce", "report"]),
            "the policy's mode",
            "This rule's own mode.",
            "mode = \"report\"",
        ),
        optional(
            "encoded_slash",
            Kind::OneOf(&["refuse", "opaque"]),
            "\"refuse\"",
            "`opaque` takes `%2F` for a part of its segment, where the upstream does so too. Elsewhere it is refused.",
            "encoded_slash = \"opaque\"",
        ),
    ],
};

/// What a rule requires.
pub static REQUIRE: Shape = Shape {
    title: "require",
    doc: "Everything that stands here has to hold of one credential.",
    members: &[
        optional(
            "scope",
            Kind::Texts { least: 1 },
            "",
            "Scope tokens, all of which have to be granted (RFC 6749 section 3.3).",
            "require = { scope = [\"payments:write\"] }",
        ),
        optional(
            "acr",
            Kind::Texts { least: 1 },
            "",
            "Authentication contexts, one of which has to be the token's `acr`; the preferred one first (RFC 9470).",
            "require = { acr = [\"phr\", \"phrh\"] }",
        ),
        optional(
            "max_age",
            Kind::Duration(0, MAX_SECONDS),
            "",
            "How long ago the user may have signed in (`auth_time`, RFC 9470).",
            "require = { max_age = \"5m\" }",
        ),
        optional(
            "authorization_details",
            Kind::AnyObjects,
            "",
            "Authorization details, all of which have to be granted (RFC 9396).",
            "require = { authorization_details = [{ type = \"payment\", actions = [\"initiate\"] }] }",
        ),
        optional(
            "claims",
            Kind::AnyMap,
            "",
            "Claims and what each has to be: a value, `{ equals = … }`, `{ contains = … }` or `{ one_of = […] }`.",
            "require = { claims = { tenant = \"t1\", cxt = { contains = \"dpop\" } } }",
        ),
        optional(
            "spiffe_id",
            Kind::Texts { least: 1 },
            "",
            "SPIFFE IDs, one of which has to be the workload's. `/*` at the end stands for one or more segments.",
            "require = { spiffe_id = [\"spiffe://prod.example/ns/billing/*\"] }",
        ),
        optional(
            "binding",
            Kind::Texts { least: 1 },
            "",
            "How an issuer's token may be bound to its sender's key, one of these: `proved` when it was issued, `deferred` (proved \
             when it is used alone), `none`.",
            "require = { binding = [\"proved\"] }",
        ),
        optional(
            "transaction",
            Kind::Object(&TRANSACTION),
            "",
            "The Transaction Token that has to come beside the credential, and what it has to say. `{}` asks for one that verifies.",
            "require = { transaction = { scope = [\"trade.stocks\"] } }",
        ),
        optional(
            "attestation",
            Kind::Bool,
            "false",
            "`true` demands an attestation of the access token's client beside the token, with its proof of possession, by an \
             attester of `[attestation]`.",
            "require = { scope = [\"payments:write\"], attestation = true }",
        ),
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
    &CHALLENGE,
    &RESOURCE,
    &UPSTREAM,
    &CORS,
    &LISTENER,
    &TLS,
    &ENVOY,
    &LIMITS,
];
