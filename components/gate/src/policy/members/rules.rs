//! Rules, and what they require.

use super::{
    super::{
        limits::MAX_SECONDS,
        shape::{Kind, Shape},
    },
    TRANSACTION, optional,
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
