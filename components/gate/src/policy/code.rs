//! The codes of policies.

portcullis_types::codes! {
    /// What can be wrong with a policy.
    pub enum PolicyCode {
        /// The policy is longer than 1 MiB.
        TooLarge = "policy.too_large", "docs/policy.md";
        /// The text is neither TOML nor JSON.
        Syntax = "policy.syntax", "TOML 1.1; RFC 8259";
        /// A name occurs twice in one object.
        DuplicateName = "policy.duplicate_name", "docs/policy.md";
        /// A member is not known. Nothing is passed over: what a policy says and nobody does is worse than an error.
        UnknownMember = "policy.unknown_member", "docs/policy.md";
        /// A member that has to be there is missing.
        MissingMember = "policy.missing_member", "docs/policy.md";
        /// A member is not of its kind.
        WrongType = "policy.wrong_type", "docs/policy.md";
        /// A word is none of those that a member may be.
        UnknownWord = "policy.unknown_word", "docs/policy.md";
        /// A number is outside its range.
        OutOfRange = "policy.out_of_range", "docs/policy.md";
        /// There are more issuers, trust domains, rules, listeners, origins or names in a list than are read.
        TooMany = "policy.too_many", "docs/limits.md";

        /// An origin is not a scheme, a host and perhaps a port, in lower case and with no default port.
        OriginMalformed = "policy.origin_malformed", "RFC 6454 section 6.2; docs/policy.md";
        /// The same origin, name or pattern is listed twice.
        Repeated = "policy.repeated", "docs/policy.md";
        /// The name of an issuer has other characters than lower-case letters, digits, `-`, `_` and `.`; or the name of a rule
        /// or listener is too long or has a control character.
        NameMalformed = "policy.name_malformed", "docs/policy.md";
        /// Two issuers or trust domains have one name, so that a rule could mean either.
        NameTaken = "policy.name_taken", "docs/policy.md";
        /// Two entries have the same `issuer`, so that a token could be of either.
        IssuerTaken = "policy.issuer_taken", "docs/policy.md";
        /// Keys are to be found by discovery, and the `issuer` is no https URL that has metadata.
        IssuerUndiscoverable = "policy.issuer_undiscoverable", "RFC 8414 section 2";
        /// A URL that is to be fetched is not absolute https, has a user name, or a fragment.
        UrlMalformed = "policy.url_malformed", "docs/policy.md";
        /// Keys or a bundle in the policy cannot be read.
        KeysMalformed = "policy.keys_malformed", "RFC 7517 section 5";
        /// An algorithm is not known.
        AlgorithmUnknown = "policy.algorithm_unknown", "RFC 7518 section 3.1";
        /// HMAC is to be accepted with keys that are fetched: who can fetch them can make tokens.
        AlgorithmShared = "policy.algorithm_shared", "RFC 8725bis section 3.1; docs/policy.md";
        /// Two issuers have an introspection endpoint, and an opaque token does not say which of the two to ask.
        IntrospectionSeveral = "policy.introspection_several", "RFC 7662 section 2.1; docs/introspection.md";
        /// It is not said in one way as whom an introspection endpoint is asked, or a secret stands in the policy itself.
        IntrospectionCredential = "policy.introspection_credential", "RFC 7662 section 2.1; docs/introspection.md";
        /// An introspection endpoint is to be asked by a host that cannot: a filter, a page, a registry, one that carries only texts.
        IntrospectionAbsent = "policy.introspection_absent", "docs/introspection.md";
        /// A trust domain's name is none.
        TrustDomainMalformed = "policy.trust_domain_malformed", "SPIFFE-ID section 2.1";
        /// What is said of a bundle endpoint does not go together: a profile without an https URL, `https_spiffe` without the
        /// server's SPIFFE ID, or what belongs to `https_spiffe` without it.
        BundleProfile = "policy.bundle_profile", "SPIFFE Federation sections 5.2.1.1, 5.2.2.1 and 5.2.2.2";
        /// The SPIFFE ID of a bundle endpoint's server is none of a workload, or of a trust domain that the policy does not have.
        BundleEndpointId = "policy.bundle_endpoint_id", "SPIFFE Federation section 5.2.2.2";
        /// A bundle endpoint of the trust domain itself has no initial bundle that could authenticate its server, or another
        /// endpoint has one.
        BundleInitial = "policy.bundle_initial", "SPIFFE Federation section 5.2.2.2";
        /// Bundle endpoints authenticate each other in a circle, so that none of their bundles can be the first.
        BundleCircle = "policy.bundle_circle", "SPIFFE Federation section 7.6";

        /// A rule has neither `require` nor `anonymous = true`.
        RuleUnguarded = "policy.rule_unguarded", "docs/policy.md";
        /// A rule says `anonymous = true` and asks for a credential as well.
        RuleContradictory = "policy.rule_contradictory", "docs/policy.md";
        /// A rule names no issuer, and there is more than one.
        RuleIssuersMissing = "policy.rule_issuers_missing", "docs/policy.md";
        /// A rule asks for a credential, and there is no issuer at all.
        RuleIssuersNone = "policy.rule_issuers_none", "docs/policy.md";
        /// A rule names an issuer or trust domain that there is not.
        RuleIssuerUnknown = "policy.rule_issuer_unknown", "docs/policy.md";
        /// A rule is for a host that is none of the origins'.
        RuleHostUnknown = "policy.rule_host_unknown", "docs/policy.md";
        /// A method is not a token of HTTP.
        MethodMalformed = "policy.method_malformed", "RFC 9110 section 9.1";
        /// A path pattern is malformed, or could never match a path that is let through.
        PathMalformed = "policy.path_malformed", "docs/policy.md";
        /// To be known: a rule can never be reached, because an earlier one matches all that it matches.
        RuleUnreachable = "policy.rule_unreachable", "docs/policy.md";
        /// What is required is malformed: a scope token, an `acr`, a claim or an authorization detail.
        RequirementMalformed = "policy.requirement_malformed", "docs/scope.md";
        /// A pattern of SPIFFE IDs is malformed.
        PatternMalformed = "policy.pattern_malformed", "SPIFFE-ID section 2; docs/policy.md";
        /// A rule wants a SPIFFE ID of a trust domain that it does not name, or a scope of one that has none.
        RequirementUnmeetable = "policy.requirement_unmeetable", "docs/policy.md";

        /// A realm or URL for challenges cannot stand in a header.
        ChallengeMalformed = "policy.challenge_malformed", "RFC 9110 section 11.2; RFC 9728 section 5.1";
        /// A header name is not a token of HTTP, or one that a gate may not set or strip.
        HeaderMalformed = "policy.header_malformed", "RFC 9110 section 5.1";
        /// What a header is to be set to is not known.
        HeaderSource = "policy.header_source", "docs/policy.md";
        /// A page's origin is malformed, or `*`.
        CorsOrigin = "policy.cors_origin", "Fetch Standard, CORS protocol";

        /// A listener's address is neither host and port nor `unix:` and a path.
        ListenerAddress = "policy.listener_address", "docs/policy.md";
        /// A listener believes a proxy and everybody can reach it: it is not loopback, no Unix socket, and has no mTLS with
        /// named peers.
        ListenerExposed = "policy.listener_exposed", "docs/policy.md";
        /// A listener's certificates do not go together: peers without a client authority, or a handshake's certificate
        /// without TLS.
        ListenerTls = "policy.listener_tls", "docs/policy.md";
        /// A listener trusts a proxy's validation for a trust domain that the policy does not have.
        ListenerTrust = "policy.listener_trust", "docs/policy.md";

        /// Transaction Tokens are asked for and none are accepted, or could be made by everybody who verifies them.
        TransactionTokens = "policy.transaction_tokens", "docs/transaction-tokens.md";
        /// The service that makes Transaction Tokens cannot be what the policy says: it has no URL or keys at an origin of the policy,
        /// no listener, issuers or trust domains that there are not, or would make tokens that the policy itself refuses.
        TransactionService = "policy.transaction_service", "docs/transaction-tokens.md";
        /// Transaction Tokens are to be made in a build that makes none: a page's or a filter's.
        TransactionServiceAbsent = "policy.transaction_service_absent", "docs/transaction-tokens.md";

        /// An issuer of tokens for registries (`profile = "registry"`) is named where other credentials count, or there is no
        /// `[registry]` for it.
        RegistryIssuer = "policy.registry_issuer", "docs/registries.md";
        /// A grant is for a registry that `registry.services` does not list.
        RegistryService = "policy.registry_service", "docs/registries.md";
        /// A pattern of repositories is malformed.
        RegistryRepository = "policy.registry_repository", "docs/registries.md";
        /// A grant grants nothing.
        RegistryGrantEmpty = "policy.registry_grant_empty", "docs/registries.md";
        /// A registry's users cannot be read, or a grant is for users and there are none.
        RegistryUsers = "policy.registry_users", "docs/registries.md";
        /// A token service has no URL at an origin of the policy, no listener, or no issuer whose tokens it could sign.
        RegistryTokenService = "policy.registry_token_service", "docs/registries.md";
        /// A registry, its users or its token service is asked of a build that has no part in it: a page's or a filter's.
        RegistryAbsent = "policy.registry_absent", "docs/registries.md";

        /// Clients are to authenticate in a way for which there are no keys: no trust domain, no attester, or neither.
        ClientsMethod = "policy.clients_method", "docs/clients.md";
        /// The workloads of a trust domain are to be clients, and the policy does not have it.
        ClientsTrustDomain = "policy.clients_trust_domain", "docs/clients.md";
        /// A known client cannot be: it stands twice, its SPIFFE ID is malformed, or nobody authenticates as it should.
        ClientsKnown = "policy.clients_known", "RFC 7591 section 2; docs/clients.md";
        /// Registration on first use is not in its form, or for workloads that cannot authenticate here.
        ClientsRegister = "policy.clients_register", "draft-kasselman-oauth-spiffe-01; docs/clients.md";
        /// Clients that register with their pushed request are not described as they can be: by whom they are vouched for, where
        /// they lead, or what they may have.
        ClientsDynamic = "policy.clients_dynamic", "docs/pushed-registration.md";
        /// Deferred key binding is not in its form, or is asked of a server that issues no tokens.
        ClientsKeyBinding = "policy.clients_key_binding", "docs/key-binding.md";
        /// A listener serves clients and there are none, or nobody can ask about those that there are.
        ClientsListener = "policy.clients_listener", "docs/clients.md";
        /// The clients of an authorization server are asked of a build that has no part in them: a page's or a filter's.
        ClientsAbsent = "policy.clients_absent", "docs/clients.md";

        /// A sharing server of Open Cloud Mesh cannot be what the policy says: its name or that of another server is none, its origin is
        /// none of the policy's, its discovery document cannot be relied upon, or one asks at a listener and there is none.
        Ocm = "policy.ocm", "docs/ocm.md";
        /// A sharing server is to stand behind a build that has no part in it: a page's or a filter's.
        OcmAbsent = "policy.ocm_absent", "docs/ocm.md";

        /// A rule demands an attestation, and the policy has nobody who attests clients.
        AttestationMissing = "policy.attestation_missing", "docs/attestation.md";
        /// To be known: attesters are named, and no rule demands an attestation.
        AttestationUnused = "policy.attestation_unused", "docs/attestation.md";

        /// What is to be fetched through an Envoy cluster is named by something that is no origin.
        EnvoyClusterMalformed = "policy.envoy_cluster_malformed", "docs/envoy.md";
        /// The Envoy filter is to fetch something, and no cluster is named for its origin.
        EnvoyClusterMissing = "policy.envoy_cluster_missing", "docs/envoy.md";
        /// The Envoy filter is to read a file or to ask the Workload API, and can do neither.
        EnvoyFile = "policy.envoy_file", "docs/envoy.md";
        /// Proofs are to be used once across hosts, and the Envoy filter's memory reaches no further than its Envoy.
        EnvoyReplay = "policy.envoy_replay", "docs/envoy.md";
        /// The Envoy filter is to fetch a bundle from a server that is authenticated as a workload (`https_spiffe`). Envoy makes
        /// the connections, and no filter sees the server's certificates.
        EnvoyBundleProfile = "policy.envoy_bundle_profile", "docs/envoy.md";
        /// The Envoy filter is to give challenges for attestations, and has none to give.
        EnvoyChallenge = "policy.envoy_challenge", "docs/envoy.md";

        /// A page is to have symmetric keys: who reads the page could make tokens with them.
        BrowserSecret = "policy.browser_secret", "docs/browser.md";
        /// A page is to listen.
        BrowserListener = "policy.browser_listener", "docs/browser.md";
        /// A page is to share a memory of used proofs with other hosts.
        BrowserStore = "policy.browser_store", "docs/browser.md";
        /// A page is to read a file or to ask the Workload API, and can do neither.
        BrowserFile = "policy.browser_file", "docs/browser.md";
        /// A page is to fetch a bundle from a server that is authenticated as a workload (`https_spiffe`). The browser makes the
        /// connections, and believes the authorities of the system.
        BrowserBundleProfile = "policy.browser_bundle_profile", "docs/browser.md";
        /// A page is to verify attestations of clients: it is a client's, and no resource server.
        BrowserAttestation = "policy.browser_attestation", "docs/browser.md";

        /// To be known: proofs are remembered within one host alone (`replay = "node"`), and another host would accept one
        /// again.
        ReplayNode = "policy.replay_node", "RFC 9449 section 11.1; docs/policy.md";
        /// To be known: `expose = "full"` tells clients more than they need, and is for development.
        ExposeFull = "policy.expose_full", "docs/policy.md";
        /// To be known: `mode = "report"` lets requests through that are to be denied.
        ReportMode = "policy.report_mode", "docs/policy.md";
        /// To be known: no rule names this issuer or trust domain.
        IssuerUnused = "policy.issuer_unused", "docs/policy.md";

        /// A policy for a browser would give away a secret: symmetric keys.
        ExportSecret = "policy.export_secret", "docs/policy.md";
    }
}
