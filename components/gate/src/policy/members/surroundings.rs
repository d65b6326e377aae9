//! What stands around the rules: challenges, the upstream, CORS, listeners, limits.

use super::{
    super::{
        limits::{
            MAX_BYTES, MAX_DOCUMENT, MAX_FETCHES, MAX_LISTS, MAX_PARKED, MAX_REMEMBERED, MAX_SECONDS, MAX_STALE,
            MIN_DOCUMENT, MIN_MEMORY,
        },
        shape::{Kind, Shape},
    },
    optional, required,
};

/// What challenges say.
pub static CHALLENGE: Shape = Shape {
    title: "challenge",
    doc: "What a client is told in `WWW-Authenticate`.",
    members: &[
        optional("realm", Kind::Text, "none", "The realm.", "[challenge]\nrealm = \"api\""),
        optional(
            "resource_metadata",
            Kind::TrueOrText,
            "none",
            "Where this resource's metadata is (RFC 9728): a URL, or `true` for the well-known place of the request's origin.",
            "[challenge]\nresource_metadata = true",
        ),
        optional(
            "authorization_form",
            Kind::OneOf(&["remediation", "step-up"]),
            "\"remediation\"",
            "How a shortfall of authorization details is told: by draft-ietf-oauth-rar-metadata-remediation, or by \
             draft-lombardo-oauth-step-up-authz-challenge-proto.",
            "[challenge]\nauthorization_form = \"step-up\"",
        ),
        optional(
            "single_use",
            Kind::Bool,
            "false",
            "Tokens for authorization details are used once, so that no reference to one is given.",
            "[challenge]\nsingle_use = true",
        ),
    ],
};

/// What is published of the resource.
pub static RESOURCE: Shape = Shape {
    title: "resource",
    doc: "Metadata of the protected resource (RFC 9728), one document for each https origin: its authorization servers are the issuers \
          that rules for it name, and what proofs it takes follows from them. Challenges name it; the gateway answers at \
          `/.well-known/oauth-protected-resource`, and `portcullis policy export --for clients` writes it for whatever else serves it.",
    members: &[
        optional(
            "name",
            Kind::Text,
            "none",
            "What people call it (`resource_name`).",
            "[resource]\nname = \"Reports\"",
        ),
        optional(
            "documentation",
            Kind::Text,
            "none",
            "A page for developers, an https URL (`resource_documentation`).",
            "documentation = \"https://docs.example/reports\"",
        ),
        optional(
            "policy",
            Kind::Text,
            "none",
            "What clients may do with its data, an https URL (`resource_policy_uri`).",
            "policy = \"https://docs.example/policy\"",
        ),
        optional(
            "terms",
            Kind::Text,
            "none",
            "Its terms of service, an https URL (`resource_tos_uri`).",
            "terms = \"https://docs.example/terms\"",
        ),
        optional(
            "scopes",
            Kind::Texts { least: 1 },
            "none are told",
            "Scopes that clients may ask for (`scopes_supported`). Rules are not told.",
            "scopes = [\"reports:read\"]",
        ),
        optional(
            "authorization_servers",
            Kind::Texts { least: 1 },
            "the issuers that rules name, where they are https URLs",
            "Issuer identifiers of the authorization servers that give tokens for it.",
            "authorization_servers = [\"https://idp.example\"]",
        ),
    ],
};

/// What the upstream is told.
pub static UPSTREAM: Shape = Shape {
    title: "upstream",
    doc: "Header fields for the upstream. Each name is first stripped from what the client sent, on every route, compared \
          without case and with `_` equal to `-`.",
    members: &[
        optional(
            "set",
            Kind::TextMap,
            "nothing",
            "Names and what they are set to: `subject`, `client`, `issuer` (its identifier, or the trust domain), `scope`, `spiffe_id`, \
             `binding` (`proved`, `deferred` or `none`), `transaction` and `transaction_subject` (`txn` and `sub` of the Transaction \
             Token), or `claim:` and a claim's name. What the credential does not have is not set.",
            "[upstream]\nset = { X-User = \"subject\", X-Tenant = \"claim:tenant\" }",
        ),
        optional(
            "strip",
            Kind::Texts { least: 1 },
            "nothing more than what is set",
            "Further names that never pass.",
            "[upstream]\nstrip = [\"X-Internal-User\"]",
        ),
        optional(
            "keep_authorization",
            Kind::Bool,
            "true",
            "`false` strips `Authorization` and `DPoP`, so that the upstream never sees a credential.",
            "[upstream]\nkeep_authorization = false",
        ),
    ],
};

/// Cross-origin requests.
pub static CORS: Shape = Shape {
    title: "cors",
    doc: "Pages that may call (Fetch Standard, CORS protocol). The gate answers preflights itself.",
    members: &[
        required(
            "origins",
            Kind::Texts { least: 1 },
            "Origins of the pages. There is no `*`.",
            "[cors]\norigins = [\"https://app.example\"]",
        ),
        optional(
            "methods",
            Kind::Texts { least: 1 },
            "GET, HEAD, POST, PUT, PATCH, DELETE",
            "Methods that pages may use.",
            "[cors]\norigins = [\"https://app.example\"]\nmethods = [\"GET\"]",
        ),
        optional(
            "headers",
            Kind::Texts { least: 1 },
            "Authorization, DPoP, Content-Type",
            "Request headers that pages may set.",
            "[cors]\norigins = [\"https://app.example\"]\nheaders = [\"Authorization\", \"X-Request-Id\"]",
        ),
        optional(
            "credentials",
            Kind::Bool,
            "false",
            "Whether pages may send cookies and client certificates.",
            "[cors]\norigins = [\"https://app.example\"]\ncredentials = true",
        ),
        optional(
            "max_age",
            Kind::Duration(0, MAX_SECONDS),
            "\"10m\"",
            "For how long a browser may keep a preflight's answer.",
            "[cors]\norigins = [\"https://app.example\"]\nmax_age = \"1h\"",
        ),
    ],
};

/// A listener of the host.
pub static LISTENER: Shape = Shape {
    title: "a listener",
    doc: "An address of the host, and whose word is taken there. Headers that speak of another request, or of a client's \
          certificate, are read only where `asserts` and `client_certificate` say so.",
    members: &[
        required("name", Kind::Text, "What requests and logs call it.", "name = \"front\""),
        required("address", Kind::Text, "Host and port, or `unix:` and a path.", "address = \"127.0.0.1:8080\""),
        optional(
            "serves",
            Kind::OneOf(&["checks", "tokens", "clients", "transactions", "ocm"]),
            "\"checks\"",
            "What is answered there: `checks` of requests, `tokens` for registries (`registry.token_service`), who the `clients` of \
             an authorization server are (`[clients]`), requests for Transaction Tokens, `transactions` \
             (`transaction_tokens.service`), or what a sharing server sends to others, `ocm` (`[ocm]`). Who reaches one for `clients` \
             is believed what they say of others' requests, and for who reaches one for `ocm` requests are signed: it is on loopback, \
             a Unix socket, or asks named peers for certificates.",
            "serves = \"tokens\"",
        ),
        optional(
            "asserts",
            Kind::OneOf(&["nginx", "traefik", "caddy", "envoy"]),
            "nothing: the request is the one that arrives",
            "The proxy that asks here about another request, whose headers are believed: `nginx` (`X-Original-Method`, \
             `X-Original-URL`), `traefik` and `caddy` (`X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`), `envoy` \
             (ext_authz). Only on loopback, a Unix socket, or with mTLS and named `peers`.",
            "asserts = \"nginx\"",
        ),
        optional(
            "client_certificate",
            Kind::OneOf(&["tls", "ext_authz", "client-cert", "nginx", "traefik", "xfcc"]),
            "nothing",
            "Where a client's certificate is taken from: `tls` (this listener's own handshake), `ext_authz` \
             (`source.certificate`), `client-cert` (RFC 9440), `nginx` (`X-SSL-Client-Cert` from \
             `$ssl_client_escaped_cert`), `traefik` (`X-Forwarded-Tls-Client-Cert`), `xfcc` \
             (`x-forwarded-client-cert` with `chain: true` and `SANITIZE_SET`).",
            "client_certificate = \"client-cert\"",
        ),
        optional(
            "trust_proxy_validation",
            Kind::Text,
            "nothing",
            "The trust domain for which this proxy validates client certificates: a leaf that it says it validated is \
             taken without its intermediates.",
            "trust_proxy_validation = \"prod.example\"",
        ),
        optional(
            "peers",
            Kind::Texts { least: 1 },
            "",
            "SPIFFE IDs or DNS names of the proxies that may connect by mTLS.",
            "peers = [\"spiffe://prod.example/proxy\"]",
        ),
        optional(
            "tls",
            Kind::Object(&TLS),
            "no TLS",
            "Certificates of this listener.",
            "tls = { certificate = \"tls.pem\", key = \"tls.key\" }",
        ),
    ],
};

/// TLS of a listener.
pub static TLS: Shape = Shape {
    title: "tls",
    doc: "Files in PEM, read again when they change.",
    members: &[
        required(
            "certificate",
            Kind::Text,
            "The certificate chain.",
            "tls = { certificate = \"tls.pem\", key = \"tls.key\" }",
        ),
        required("key", Kind::Text, "The private key.", "tls = { certificate = \"tls.pem\", key = \"tls.key\" }"),
        optional(
            "client_ca",
            Kind::Text,
            "clients need no certificate",
            "Certificates of the authorities that client certificates are validated with.",
            "tls = { certificate = \"tls.pem\", key = \"tls.key\", client_ca = \"clients.pem\" }",
        ),
    ],
};

/// Bounds.
pub static LIMITS: Shape = Shape {
    title: "limits",
    doc: "Each bound has a reason, which `docs/limits.md` gives.",
    members: &[
        optional(
            "memory",
            Kind::Size(MIN_MEMORY, MAX_BYTES),
            "\"256MiB\"",
            "What lists, documents, remembered tokens and tables of one instance may take together. Over it a newcomer is \
             answered with 503.",
            "[limits]\nmemory = \"512MiB\"",
        ),
        optional(
            "document",
            Kind::Size(MIN_DOCUMENT, MAX_DOCUMENT),
            "\"1MiB\"",
            "The longest key set, bundle or metadata.",
            "[limits]\ndocument = \"256KiB\"",
        ),
        optional(
            "status_list",
            Kind::Size(MIN_DOCUMENT, MAX_BYTES),
            "\"32MiB\"",
            "The longest status list token.",
            "[limits]\nstatus_list = \"4MiB\"",
        ),
        optional(
            "status_list_inflated",
            Kind::Size(MIN_DOCUMENT, MAX_BYTES),
            "\"64MiB\"",
            "The most a status list may inflate to.",
            "[limits]\nstatus_list_inflated = \"16MiB\"",
        ),
        optional(
            "status_lists",
            Kind::Count(1, MAX_LISTS),
            "64",
            "Status lists an issuer.",
            "[limits]\nstatus_lists = 256",
        ),
        optional(
            "remembered_tokens",
            Kind::Count(0, MAX_REMEMBERED),
            "16384",
            "Verified tokens that are remembered. 0 remembers none.",
            "[limits]\nremembered_tokens = 100000",
        ),
        optional(
            "keys_max_stale",
            Kind::Duration(1, MAX_STALE),
            "\"24h\"",
            "For how long keys may be used after they were last fetched.",
            "[limits]\nkeys_max_stale = \"6h\"",
        ),
        optional(
            "bundles_max_stale",
            Kind::Duration(1, MAX_STALE),
            "\"1h\"",
            "For how long bundles may be used after they were last fetched.",
            "[limits]\nbundles_max_stale = \"15m\"",
        ),
        optional(
            "keys_refresh",
            Kind::Duration(1, MAX_STALE),
            "\"10m\"",
            "How often keys and metadata are fetched again.",
            "[limits]\nkeys_refresh = \"1m\"",
        ),
        optional(
            "parked",
            Kind::Count(1, MAX_PARKED),
            "1024",
            "Requests that wait for documents at once.",
            "[limits]\nparked = 256",
        ),
        optional("fetches", Kind::Count(1, MAX_FETCHES), "8", "Fetches in flight at once.", "[limits]\nfetches = 16"),
    ],
};
