//! Access to OCI registries.

use super::{
    super::{
        limits::{MAX_SECONDS, MIN_LIFETIME},
        shape::{Kind, Shape},
    },
    REQUIRE, optional, required,
};

/// Access to OCI registries.
pub static REGISTRY: Shape = Shape {
    title: "registry",
    doc: "Access to OCI registries: requests below `/v2/` are judged by what they need and what is granted, and `rules` are not \
          asked. `docs/registries.md` is a guide.",
    members: &[
        required(
            "services",
            Kind::Texts { least: 1 },
            "Names of the registries that tokens are for: `service` of challenges and requests, `aud` of tokens. The first one is \
             this registry's own.",
            "[registry]\nservices = [\"registry.example\"]",
        ),
        optional(
            "realm",
            Kind::Text,
            "none: clients bring a credential of their own with every request, as Bearer or Basic",
            "The URL of the token service, to which challenges send clients.",
            "[registry]\nservices = [\"registry.example\"]\nrealm = \"https://tokens.example/token\"",
        ),
        optional(
            "hosts",
            Kind::Texts { least: 1 },
            "every origin but the realm's",
            "Authorities of the policy's origins that are registries.",
            "[registry]\nservices = [\"registry.example\"]\nhosts = [\"registry.example\"]",
        ),
        optional(
            "users",
            Kind::TextOrAny,
            "none",
            "Humans who sign in with a password: a file as `htpasswd -B` writes it, by URL or as `file:` and a path, or names and \
             their hashes inline. Hashes are bcrypt or Argon2.",
            "[registry]\nservices = [\"registry.example\"]\nusers = \"file:htpasswd\"",
        ),
        optional(
            "grants",
            Kind::Objects(&REGISTRY_GRANT),
            "none: nothing but what tokens of a token service grant",
            "Who may do what. All that match one credential count together.",
            "[[registry.grants]]",
        ),
        optional(
            "token_service",
            Kind::Object(&TOKEN_SERVICE),
            "none: the realm is somebody else's",
            "What the host hands out at `realm`, on a listener with `serves = \"tokens\"`.",
            "[registry.token_service]\nissuer = \"tokens\"",
        ),
    ],
};

/// Access that somebody is granted.
pub static REGISTRY_GRANT: Shape = Shape {
    title: "a grant",
    doc: "Access to repositories for everybody (`anonymous`), for users, or for who has a credential (`issuers`, `require`): one of \
          the three.",
    members: &[
        optional("name", Kind::Text, "its number", "What logs call it.", "name = \"build pushes\""),
        optional(
            "anonymous",
            Kind::Bool,
            "false",
            "`true` grants it to everybody, with a credential or without.",
            "anonymous = true",
        ),
        optional(
            "users",
            Kind::Texts { least: 1 },
            "",
            "Names of users; `*` stands for every one.",
            "users = [\"alice\"]",
        ),
        optional(
            "issuers",
            Kind::Texts { least: 1 },
            "the only issuer or trust domain there is",
            "Names of the issuers and trust domains whose credentials count.",
            "issuers = [\"ci\"]",
        ),
        optional(
            "require",
            Kind::Object(&REQUIRE),
            "",
            "What the credential has to be, as in a rule.",
            "require = { claims = { repository = \"acme/app\" } }",
        ),
        optional(
            "services",
            Kind::Texts { least: 1 },
            "every one of the registry",
            "The registries that it is for.",
            "services = [\"registry.example\"]",
        ),
        optional(
            "repositories",
            Kind::Texts { least: 1 },
            "",
            "Names of repositories, segment by segment and case-sensitive: `{x}` is exactly one segment, `{x...}` at the end one or \
             more.",
            "repositories = [\"acme/app\", \"acme/charts/{name...}\"]",
        ),
        optional(
            "actions",
            Kind::Texts { least: 1 },
            "",
            "`pull`, `push`, `delete`, or `*` for every one. To push is to pull and push.",
            "actions = [\"pull\", \"push\"]",
        ),
        optional(
            "catalog",
            Kind::Bool,
            "false",
            "Whether the names of all repositories may be listed (`registry:catalog:*`).",
            "catalog = true",
        ),
    ],
};

/// A token service.
pub static TOKEN_SERVICE: Shape = Shape {
    title: "token_service",
    doc: "The token service that a host is. It answers at the realm's path, and publishes its keys where its issuer's `keys` say.",
    members: &[
        required(
            "issuer",
            Kind::Text,
            "The entry of `issuers` whose tokens it signs: one with `profile = \"registry\"` and a URL for `keys`.",
            "[registry.token_service]\nissuer = \"tokens\"",
        ),
        optional(
            "lifetime",
            Kind::Duration(MIN_LIFETIME, MAX_SECONDS),
            "\"5m\"",
            "How long an access token is good; at least a minute, which clients count on.",
            "[registry.token_service]\nissuer = \"tokens\"\nlifetime = \"10m\"",
        ),
        optional(
            "refresh",
            Kind::Duration(MIN_LIFETIME, MAX_SECONDS),
            "\"12h\"",
            "How long a refresh token is good that nobody uses. Each use gives a new one.",
            "[registry.token_service]\nissuer = \"tokens\"\nrefresh = \"1h\"",
        ),
        optional(
            "refresh_max",
            Kind::Duration(MIN_LIFETIME, MAX_SECONDS),
            "\"30d\"",
            "How long after signing in refresh tokens end, used or not.",
            "[registry.token_service]\nissuer = \"tokens\"\nrefresh_max = \"7d\"",
        ),
        optional(
            "refresh_issuers",
            Kind::Texts { least: 1 },
            "none: refresh tokens are for users alone",
            "Issuers whose tokens may be exchanged for refresh tokens, which then outlive them. Their status is looked up at each use.",
            "[registry.token_service]\nissuer = \"tokens\"\nrefresh_issuers = [\"corp\"]",
        ),
    ],
};
