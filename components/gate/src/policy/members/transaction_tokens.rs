//! Transaction Tokens, and how tokens are bound to keys.

use super::{
    super::{
        limits::MAX_LEEWAY,
        shape::{Kind, Shape},
    },
    optional, required,
    transaction_service::TRANSACTION_SERVICE,
};

/// Transaction Tokens.
pub static TRANSACTION_TOKENS: Shape = Shape {
    title: "transaction_tokens",
    doc: "Transaction Tokens that come in `Txn-Token` beside the caller's own credential \
          (draft-ietf-oauth-transaction-tokens-11, `docs/transaction-tokens.md`). They say what a request is part of and what that may \
          do, and authenticate nobody. One that comes to a rule that asks for a credential is verified, whether or not the rule asks for \
          it; anywhere else it is stripped.",
    members: &[
        required(
            "trust_domain",
            Kind::Text,
            "The trust domain of this service, which `aud` has to be.",
            "[transaction_tokens]\ntrust_domain = \"prod.example\"\nkeys = \"https://tts.prod.example/jwks.json\"",
        ),
        required(
            "keys",
            Kind::TextOrAny,
            "The keys of the trust domain's Transaction Token Service: the URL of a JWK Set, `file:` and a path, or a JWK Set inline.",
            "[transaction_tokens]\ntrust_domain = \"prod.example\"\nkeys = \"https://tts.prod.example/jwks.json\"",
        ),
        optional(
            "issuer",
            Kind::Text,
            "not looked at",
            "What `iss` has to be.",
            "issuer = \"https://tts.prod.example\"",
        ),
        optional(
            "algorithms",
            Kind::Texts { least: 1 },
            "every asymmetric one",
            "JOSE names of the signature algorithms that are accepted. A MAC never is.",
            "algorithms = [\"ES256\"]",
        ),
        optional(
            "lifetime",
            Kind::Duration(1, 3_600),
            "\"1h\"",
            "The longest time from `iat` to `exp`.",
            "lifetime = \"5m\"",
        ),
        optional("leeway", Kind::Duration(0, MAX_LEEWAY), "\"30s\"", "How far clocks may differ.", "leeway = \"10s\""),
        optional(
            "single_use",
            Kind::Bool,
            "false",
            "Whether each origin is reached once in a transaction: a second request with the same `txn` is refused, one with a \
             replacement too. For services that act and do not only answer.",
            "single_use = true",
        ),
        optional(
            "service",
            Kind::Object(&TRANSACTION_SERVICE),
            "none: another one makes the tokens",
            "The Transaction Token Service that the gateway is. It signs with keys of its own, which it publishes at `keys`.",
            "[transaction_tokens.service]\nendpoint = \"https://tts.prod.example/token\"\n\
             workloads = [{ spiffe_id = [\"spiffe://prod.example/edge/*\"] }]",
        ),
    ],
};

/// What a rule asks of a transaction.
pub static TRANSACTION: Shape = Shape {
    title: "transaction",
    doc: "The request has to bring a Transaction Token, of which everything that stands here has to hold.",
    members: &[
        optional(
            "scope",
            Kind::Texts { least: 1 },
            "",
            "Tokens of its scope, all of which have to be there.",
            "require = { transaction = { scope = [\"trade.stocks\"] } }",
        ),
        optional(
            "claims",
            Kind::AnyMap,
            "",
            "Claims of the token and what each has to be, as in `require.claims`.",
            "require = { transaction = { claims = { req_wl = \"apigateway.prod.example\" } } }",
        ),
        optional(
            "context",
            Kind::AnyMap,
            "",
            "Members of `tctx`, which stays the same throughout the transaction.",
            "require = { transaction = { context = { action = \"BUY\" } } }",
        ),
        optional(
            "request_context",
            Kind::AnyMap,
            "",
            "Members of `rctx`, the environment of the request that began it.",
            "require = { transaction = { request_context = { authn = { one_of = [\"face\", \"key\"] } } } }",
        ),
    ],
};

/// How tokens are bound to keys.
pub static KEY_BINDING: Shape = Shape {
    title: "key_binding",
    doc: "Tokens that are bound to a key which was not proved when they were issued (draft-richer-oauth-tmb-claim-01, \
          `docs/key-binding.md`). Whoever uses one proves the key all the same.",
    members: &[
        optional(
            "deferred",
            Kind::OneOf(&["refuse", "allow"]),
            "\"refuse\"",
            "Whether tokens whose claim `tmb` says so are accepted.",
            "key_binding = { deferred = \"allow\" }",
        ),
        optional(
            "unmarked",
            Kind::OneOf(&["proved", "deferred"]),
            "\"proved\"",
            "What a bound token without `tmb` counts as: `deferred` for an issuer that binds so and does not say it.",
            "key_binding = { deferred = \"allow\", unmarked = \"deferred\" }",
        ),
    ],
};
