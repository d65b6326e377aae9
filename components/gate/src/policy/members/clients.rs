//! The clients of an authorization server.

use super::{
    super::{
        limits::{MAX_SECONDS, MAX_WINDOW},
        shape::{Kind, Shape},
    },
    dynamic_clients::{CLIENTS_KEY_BINDING, DYNAMIC_CLIENTS},
    optional, required,
};

/// The longest registration, in seconds: what the library of clients takes.
const MAX_REGISTRATION: u64 = 400 * 24 * 60 * 60;

/// The clients of an authorization server.
pub static CLIENTS: Shape = Shape {
    title: "clients",
    doc: "The clients of an authorization server, or of a resource server that looks at attestations. It asks on a listener with \
          `serves = \"clients\"` who the client of a request is. `docs/clients.md` is a guide.",
    members: &[
        required(
            "server",
            Kind::Text,
            "The issuer identifier of the authorization server, or the identifier of the resource: what clients make their \
             credentials for. The URLs at which clients reach it are at the policy's `origins`.",
            "[clients]\nserver = \"https://as.example\"",
        ),
        optional(
            "role",
            Kind::OneOf(&["as", "rs"]),
            "\"as\"",
            "`as`: an authorization server. `rs`: a resource server, which looks at attestations alone and registers nobody.",
            "[clients]\nserver = \"https://api.example\"\nrole = \"rs\"",
        ),
        optional(
            "methods",
            Kind::Texts { least: 1 },
            "every one for which there are keys",
            "How clients may authenticate: `spiffe_jwt`, `spiffe_x509`, `spiffe_wit`, `attest_jwt_client_auth`, \
             `attest_jwt_client_auth_dpop`. The first three need trust domains, the others `attesters`. What a trust domain's \
             `svids` leaves out counts here neither.",
            "[clients]\nserver = \"https://as.example\"\nmethods = [\"spiffe_jwt\"]",
        ),
        optional(
            "trust_domains",
            Kind::Texts { least: 1 },
            "every one of the policy's",
            "Names of the trust domains whose workloads may be clients.",
            "[clients]\nserver = \"https://as.example\"\ntrust_domains = [\"prod.example\"]",
        ),
        optional(
            "attesters",
            Kind::TextOrAny,
            "none",
            "The keys of those who attest clients: the URL of a JWK Set, `file:` and a path, or a JWK Set inline. Symmetric keys \
             only inline or in a file.",
            "[clients]\nserver = \"https://as.example\"\nattesters = \"https://attester.example/jwks.json\"",
        ),
        optional(
            "attestation_max_age",
            Kind::Duration(1, MAX_SECONDS),
            "no bound",
            "The greatest age of an attestation or WIT-SVID, counted from `iat`; with it, one without `iat` is refused.",
            "[clients]\nserver = \"https://as.example\"\nattestation_max_age = \"1h\"",
        ),
        optional(
            "window",
            Kind::Duration(1, MAX_WINDOW),
            "the policy's `proof_window`",
            "How far the `iat` of a proof may lie from now, before and after.",
            "[clients]\nserver = \"https://as.example\"\nwindow = \"1m\"",
        ),
        optional(
            "challenges",
            Kind::Bool,
            "true",
            "Whether proofs of attestations have to carry a challenge that the host gave, and DPoP proofs in their place a nonce.",
            "[clients]\nserver = \"https://as.example\"\nchallenges = false",
        ),
        optional("known", Kind::Objects(&CLIENT), "none", "Clients that are registered.", "[[clients.known]]"),
        optional(
            "register",
            Kind::Object(&REGISTRATION),
            "nobody",
            "Workloads that are registered on first use. The host keeps the records (`serve --clients-store`).",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]",
        ),
        optional(
            "dynamic",
            Kind::Object(&DYNAMIC_CLIENTS),
            "every one is refused",
            "Clients that register with their pushed request, and last as long as the tokens they get.",
            "[clients.dynamic]\nredirect_hosts = [\"client.example.org\"]\nvouched_by = { attestation = {} }",
        ),
        optional(
            "key_binding",
            Kind::Object(&CLIENTS_KEY_BINDING),
            "a request with `tmb` is refused",
            "Tokens that are bound to a key which their requester names and does not prove.",
            "[clients.key_binding]\nrequesters = [\"https://broker.example\"]",
        ),
    ],
};

/// A client that is registered.
pub static CLIENT: Shape = Shape {
    title: "a known client",
    doc: "A client that is registered.",
    members: &[
        required("client_id", Kind::Text, "Its identifier.", "client_id = \"https://fleet.example/client.json\""),
        optional(
            "spiffe_id",
            Kind::Text,
            "the identifier itself, where it is a SPIFFE ID",
            "The SPIFFE ID of its workloads; a `*` as the last whole segment stands for one or more.",
            "client_id = \"fleet\"\nspiffe_id = \"spiffe://prod.example/fleet/*\"",
        ),
        optional(
            "token_endpoint_auth_method",
            Kind::Text,
            "each of `clients.methods`",
            "How it authenticates (RFC 7591 section 2), and no other way.",
            "client_id = \"fleet\"\ntoken_endpoint_auth_method = \"spiffe_jwt\"",
        ),
    ],
};

/// Registration on first use.
pub static REGISTRATION: Shape = Shape {
    title: "register",
    doc: "Registration of a workload as a client when it first comes (draft-kasselman-oauth-spiffe-01). Its SPIFFE ID is its \
          `client_id`.",
    members: &[
        required(
            "spiffe_id",
            Kind::Texts { least: 1 },
            "The SPIFFE IDs that may register; a `*` as the last whole segment stands for one or more.",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]",
        ),
        optional(
            "lifetime",
            Kind::Duration(1, MAX_REGISTRATION),
            "\"1d\"",
            "How long a registration lasts. The client's next request after that registers it again.",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]\nlifetime = \"7d\"",
        ),
        optional(
            "required",
            Kind::Texts { least: 1 },
            "none",
            "Names of metadata (RFC 7591 section 2) without which a registration is incomplete, and its client gets nothing.",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]\nrequired = [\"client_name\"]",
        ),
        optional(
            "grant_types",
            Kind::Texts { least: 1 },
            "any",
            "The grant types that clients registered so may use.",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]\ngrant_types = [\"client_credentials\"]",
        ),
        optional(
            "redirect_sources",
            Kind::Texts { least: 0 },
            "[\"configuration\"]",
            "Who is trusted to say where browsers are sent back to: `configuration`, `jwt_svid`. A request never is.",
            "[clients.register]\nspiffe_id = [\"spiffe://prod.example/agents/*\"]\nredirect_sources = [\"jwt_svid\"]",
        ),
        optional(
            "configured",
            Kind::Objects(&REGISTERED),
            "none",
            "Metadata of clients, by what they are. The first entry that means a client is its own.",
            "[[clients.register.configured]]\nspiffe_id = \"spiffe://prod.example/agents/*\"",
        ),
    ],
};

/// Metadata of clients that register on first use.
pub static REGISTERED: Shape = Shape {
    title: "a configured client",
    doc: "Metadata of a client that registers on first use.",
    members: &[
        required(
            "spiffe_id",
            Kind::Text,
            "Whose it is; a `*` as the last whole segment stands for one or more.",
            "spiffe_id = \"spiffe://prod.example/agents/*\"",
        ),
        required(
            "metadata",
            Kind::AnyMap,
            "The metadata (RFC 7591 section 2).",
            "metadata = { client_name = \"Agents\", grant_types = [\"client_credentials\"] }",
        ),
    ],
};
