//! The service that makes Transaction Tokens.

use super::{
    super::shape::{Kind, Shape},
    optional, required,
};

const SERVICE: &str = "[transaction_tokens.service]\nendpoint = \"https://tts.prod.example/token\"";

/// The Transaction Token Service.
pub static TRANSACTION_SERVICE: Shape = Shape {
    title: "transaction_service",
    doc: "The Transaction Token Service of the trust domain, which the gateway is then (RFC 8693, \
          draft-ietf-oauth-transaction-tokens-11 section 11). It answers at `endpoint` and publishes its keys where \
          `transaction_tokens.keys` says, both at a listener with `serves = \"transactions\"`. Its tokens have \
          `transaction_tokens.issuer` as `iss`, where that is said. `docs/transaction-tokens.md` is a guide.",
    members: &[
        required(
            "endpoint",
            Kind::Text,
            "The URL at which workloads request tokens, at one of `origins`. `aud` of self-signed subject tokens, where there is no \
             `transaction_tokens.issuer`.",
            SERVICE,
        ),
        optional(
            "lifetime",
            Kind::Duration(1, 3_600),
            "\"5m\"",
            "How long a token is good. No longer than `transaction_tokens.lifetime`.",
            "lifetime = \"2m\"",
        ),
        optional(
            "longer_life",
            Kind::Bool,
            "false: it ends with what was presented for it",
            "Whether a token may outlive the token that was presented for it.",
            "longer_life = true",
        ),
        optional(
            "replacements",
            Kind::Count(0, 15),
            "4",
            "How often a token may be replaced, one replacement after the other.",
            "replacements = 0",
        ),
        optional(
            "subject_issuers",
            Kind::Texts { least: 1 },
            "every one of `issuers`",
            "Names of the issuers whose tokens may be subject tokens. Where there are several, `sub` is the name, a colon and the \
             token's `sub`.",
            "subject_issuers = [\"corp\"]",
        ),
        optional(
            "subject_audience",
            Kind::Texts { least: 1 },
            "the issuer's `audience`",
            "What subject tokens of issuers have in `aud`, one of these: what the services at the edge are called, for which users' \
             tokens are made.",
            "subject_audience = [\"https://api.example\"]",
        ),
        required(
            "workloads",
            Kind::Objects(&TRANSACTION_WORKLOAD),
            "Who may have tokens, and what they may say in them. The first entry that names a workload is the one that counts; a \
             workload that none names gets none.",
            "workloads = [{ spiffe_id = [\"spiffe://prod.example/ns/edge/*\"] }]",
        ),
    ],
};

/// Workloads that may have Transaction Tokens.
pub static TRANSACTION_WORKLOAD: Shape = Shape {
    title: "a served workload",
    doc: "Workloads that may have Transaction Tokens. They come with an X.509-SVID of the connection, a WIT-SVID and its proof, or a \
          JWT-SVID as Bearer token.",
    members: &[
        required(
            "spiffe_id",
            Kind::Texts { least: 1 },
            "SPIFFE IDs, or all below one with `/*` at its end. Their trust domains are listed in `trust_domains`.",
            "spiffe_id = [\"spiffe://prod.example/ns/edge/*\"]",
        ),
        optional(
            "scope",
            Kind::Texts { least: 1 },
            "what the subject token has",
            "The most that they may ask for, whatever the subject token has. Needed where they say themselves on whose behalf they \
             ask.",
            "scope = [\"trade.read\", \"trade.stocks\"]",
        ),
        optional(
            "subject_types",
            Kind::Texts { least: 1 },
            "[\"access_token\", \"jwt\", \"txn_token\"]",
            "Kinds of subject tokens: `access_token` and `jwt` of an issuer, `txn_token` for replacement, and where a workload says \
             itself on whose behalf it asks, `self_signed` and `unsigned_json`.",
            "subject_types = [\"txn_token\"]",
        ),
        optional(
            "request_details",
            Kind::Texts { least: 1 },
            "none",
            "Members of `request_details` that they may assert, which become `tctx`; `*` for every one.",
            "request_details = [\"action\", \"ticker\"]",
        ),
        optional(
            "request_context",
            Kind::Texts { least: 1 },
            "none",
            "Members of `request_context` that they may assert, which become `rctx`; `*` for every one.",
            "request_context = [\"req_ip\"]",
        ),
    ],
};
