//! The codes of the gate, in the order of its checks. What a token, proof, list or SVID can fail by has the code of its own
//! crate.

portcullis_types::codes! {
    /// Why a request is denied, or not answered.
    pub enum GateCode {
        /// The request names a listener that the policy does not have.
        ListenerUnknown = "gate.listener_unknown", "docs/decisions.md";
        /// The proxy on this listener did not say which request it asks about.
        ForwardedMissing = "request.forwarded_missing", "docs/decisions.md";
        /// What the proxy on this listener says of a request cannot be read.
        ForwardedMalformed = "request.forwarded_malformed", "docs/decisions.md";
        /// The header that hands over the client's certificate cannot be read.
        CertificateMalformed = "request.certificate_malformed", "RFC 9440 section 2; docs/decisions.md";
        /// The request has more or longer header fields than are read, or a longer URL.
        RequestTooLarge = "request.too_large", "docs/limits.md";
        /// The method is not a token of HTTP.
        MethodMalformed = "request.method_malformed", "RFC 9110 section 9.1";
        /// The request's URL is not an absolute http or https URL with a plain host.
        UrlMalformed = "request.url_malformed", "RFC 9110 section 4.2";
        /// The request target is in a form that is not served, or names another authority than the request.
        TargetForm = "request.target_form", "RFC 9112 section 3.2";
        /// The path could be read in more than one way.
        PathAmbiguous = "request.path_ambiguous", "RFC 3986 section 6; docs/decisions.md";
        /// The request is for an authority that is none of the policy's origins.
        UnknownOrigin = "request.unknown_origin", "RFC 9110 section 7.4; docs/decisions.md";
        /// A header that carries a credential or a proof occurs twice.
        HeaderRepeated = "request.header_repeated", "RFC 9110 section 5.3; docs/decisions.md";
        /// A header that carries a credential or a proof is a list.
        HeaderList = "request.header_list", "RFC 9110 section 5.3; docs/decisions.md";
        /// `Connection` names a header that the upstream is told by, so that a proxy might remove what the gate sets.
        ConnectionNamesHeader = "request.connection_names_header", "RFC 9110 section 7.6.1; docs/decisions.md";

        /// The request is a preflight, and is answered here.
        CorsPreflight = "cors.preflight", "Fetch Standard, CORS-preflight fetch";
        /// The request is a preflight for a page that may not call.
        CorsOriginNotAllowed = "cors.origin_not_allowed", "Fetch Standard, CORS check";

        /// The request needs a credential and has none.
        CredentialMissing = "credential.missing", "RFC 6750 section 3.1";
        /// `Authorization` has a scheme that is not accepted here.
        CredentialScheme = "credential.scheme_unsupported", "RFC 9110 section 11.4";
        /// `Authorization` has no token behind its scheme, or one with characters that no token has.
        CredentialMalformed = "credential.malformed", "RFC 6750 section 2.1; RFC 9110 section 11.2";
        /// The token is opaque: it is no JWT, and nobody can be asked about it.
        TokenOpaque = "token.opaque", "docs/policy.md";
        /// The token is opaque, and longer than any server is asked about.
        TokenOpaqueTooLong = "token.opaque_too_long", "docs/introspection.md";
        /// The authorization server says that the token is not active: it expired, was revoked, is unknown there, or is none that this
        /// service may ask about.
        IntrospectionInactive = "introspection.inactive", "RFC 7662 section 2.2";
        /// The token is of a type that does not come with this scheme.
        IntrospectionTokenType = "introspection.token_type", "RFC 7662 section 2.2; RFC 9449 section 6.2";
        /// The introspection endpoint could not be asked, or did not answer with 200.
        IntrospectionUnavailable = "introspection.unavailable", "docs/introspection.md";
        /// The introspection endpoint does not accept this service's own credential.
        IntrospectionUnauthorized = "introspection.unauthorized", "RFC 7662 section 2.3";
        /// The introspection endpoint's answer cannot be read, or contradicts itself.
        IntrospectionMalformed = "introspection.malformed", "RFC 7662 section 2.2; RFC 9449 section 6.2";
        /// As many tokens are being asked about as may be at one time.
        IntrospectionTooMany = "introspection.too_many", "docs/introspection.md";
        /// The token names no issuer of the policy, and no workload of its trust domains.
        IssuerUnknown = "token.issuer_unknown", "RFC 8725bis section 3.8; docs/policy.md";

        /// The trust domain is one whose SVIDs are not accepted in this form.
        SvidKind = "svid.kind_not_accepted", "docs/policy.md";

        /// A token that is bound to a key was sent as Bearer.
        ProofBearer = "proof.scheme_bearer", "RFC 9449 section 7.2";
        /// A token that is bound to no key was sent with the scheme DPoP.
        ProofUnbound = "proof.token_unbound", "RFC 9449 section 7.1";
        /// This issuer's tokens need a DPoP proof, and this one is not bound to a key.
        ProofDpopRequired = "proof.dpop_required", "RFC 9449 section 7; docs/policy.md";
        /// This issuer's tokens have to be bound to a client certificate, and this one is not.
        ProofCertificateRequired = "proof.certificate_required", "RFC 8705 section 3; docs/policy.md";
        /// This issuer's tokens have to be bound, and this one is not.
        ProofRequired = "proof.required", "docs/policy.md";
        /// This trust domain's identity tokens come with a Workload Proof Token, and this one came with a signed request.
        ProofTokenRequired = "proof.wimse_required", "WIMSE wpt-02 section 2; docs/policy.md";
        /// This trust domain's identity tokens come with a signed request, and this one came with a Workload Proof Token.
        ProofSignatureRequired = "proof.http_signature_required", "WIMSE http-signature-07 section 3; docs/policy.md";
        /// The token is bound in a way for which no proof is accepted here.
        ProofUnsupported = "proof.unsupported", "RFC 7800 section 3; docs/policy.md";
        /// The rule demands an attestation of the client, and the credential does not say which client it was given to.
        AttestationClientUnnamed = "attestation.client_unnamed", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7); docs/attestation.md";
        /// The host has no nonces to give, though the policy asks for them.
        NonceUnavailable = "replay.nonce_unavailable", "RFC 9449 section 8; docs/decisions.md";
        /// The proof was made before the memory of used proofs began, so nobody knows whether it was used.
        ReplayBeforeStart = "replay.before_start", "RFC 9449 section 11.1; docs/decisions.md";

        /// The issuer's keys, or the trust domain's bundle, cannot be had.
        KeysUnavailable = "keys.unavailable", "docs/decisions.md";
        /// The issuer's keys, or the trust domain's bundle, were fetched too long ago.
        KeysStale = "keys.stale", "docs/decisions.md";

        /// The token has to name a status list, and names none.
        StatusMissing = "status.missing", "draft-ietf-oauth-status-list-21 section 8.3 step 1; docs/policy.md";
        /// The claim `status` is not an object.
        StatusClaimType = "status.claim_type", "draft-ietf-oauth-status-list-21 section 6.1";
        /// The token's status list may not be fetched from where it is.
        StatusUriNotAllowed = "status.uri_not_allowed", "draft-ietf-oauth-status-list-21 section 11.4; docs/policy.md";
        /// The issuer has as many status lists as are held.
        StatusTooManyLists = "status.too_many_lists", "docs/limits.md";
        /// The status list cannot be had.
        StatusUnavailable = "status.unavailable", "draft-ietf-oauth-status-list-21 section 8.3 step 8";
        /// The status list was fetched, and is not one of this issuer or not for this URI.
        StatusListRefused = "status.list_refused", "draft-ietf-oauth-status-list-21 section 8.3 step 8";
        /// The status list is too old, and no newer one could be had.
        StatusStale = "status.stale", "draft-ietf-oauth-status-list-21 section 13.7; docs/decisions.md";
        /// The token was revoked.
        StatusRevoked = "status.revoked", "draft-ietf-oauth-status-list-21 section 7.1";
        /// The token is suspended.
        StatusSuspended = "status.suspended", "draft-ietf-oauth-status-list-21 section 7.1";
        /// The token has a status that only its application understands.
        StatusApplication = "status.application_specific", "draft-ietf-oauth-status-list-21 section 7.1";
        /// The token has a status that nobody has given a meaning yet.
        StatusReserved = "status.reserved", "draft-ietf-oauth-status-list-21 section 7.1";

        /// No rule is for this request.
        RuleNone = "rule.none_matches", "docs/policy.md";
        /// The credential is good, and is none of an issuer that this rule names.
        RuleIssuer = "rule.issuer_not_accepted", "docs/policy.md";
        /// The rule is for workloads, and the credential names none.
        RuleSpiffeIdAbsent = "rule.spiffe_id_absent", "docs/policy.md";
        /// The workload's SPIFFE ID is none that the rule names.
        RuleSpiffeId = "rule.spiffe_id_mismatch", "docs/policy.md";
        /// A value for the upstream is too long, or no visible ASCII, and so cannot stand in a header.
        UpstreamValue = "upstream.value_unusable", "RFC 9110 section 5.5; docs/policy.md";

        /// The name and password are those of no user of the registry.
        RegistryPassword = "registry.password_wrong", "RFC 7617 section 2; docs/registries.md";
        /// The registry's users cannot be had, so nobody knows whether a password is right.
        RegistryUsersUnavailable = "registry.users_unavailable", "docs/registries.md";
        /// A request for a token is for another URL of the token service than its realm.
        RegistryPath = "registry.path_unknown", "docs/registries.md";
        /// A request for a token is neither a GET nor a POST.
        RegistryMethod = "registry.method_unknown", "distribution: Token Authentication Specification, Requesting a Token";
        /// A POST for a token has no form, or the host has not its body.
        RegistryForm = "registry.form_missing", "RFC 6749 section 4.3.2";
        /// A request for a token has more than one credential.
        RegistryCredentials = "registry.credentials_several", "RFC 6749 section 2.3; docs/registries.md";
        /// A token is asked for a registry that is none of this token service's.
        RegistryService = "registry.service_unknown", "distribution: Token Authentication Specification, service";
        /// A token that a token service handed out is no credential for another.
        RegistryOwnToken = "registry.own_token", "docs/registries.md";
        /// The token is no refresh token of this token service.
        RegistryRefresh = "registry.refresh_malformed", "docs/registries.md";
        /// The refresh token is for another registry.
        RegistryRefreshService = "registry.refresh_service", "docs/registries.md";
        /// The user or issuer that the refresh token was given for is there no more, or has another password.
        RegistryRefreshGone = "registry.refresh_gone", "docs/registries.md";
        /// Nothing is asked for without a credential that everybody is granted.
        RegistryAnonymous = "registry.anonymous_nothing", "docs/registries.md";

        /// A server asks about its clients at a path that is none.
        ClientsPath = "clients.path_unknown", "docs/clients.md";
        /// A server asks about its clients otherwise than with POST.
        ClientsMethod = "clients.method_unknown", "docs/clients.md";
        /// What a server says of its client's request cannot be read.
        ClientsDescription = "clients.description_malformed", "docs/clients.md";
        /// The store of registrations cannot be asked, so nobody knows whether a workload is registered.
        ClientsStore = "clients.store_unavailable", "docs/clients.md";
        /// Others changed a registration each time that it was to be stored.
        ClientsContended = "clients.store_contended", "docs/clients.md";

        /// A Transaction Token is requested at another URL than the service's endpoint.
        TransactionsPath = "transactions.path_unknown", "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        /// A Transaction Token is requested otherwise than with POST.
        TransactionsMethod = "transactions.method_unknown", "RFC 8693 section 2.1";
        /// A request for a Transaction Token is no form, has parameters in its URL, or the host has not its body.
        TransactionsForm = "transactions.form_malformed", "RFC 8693 section 2.1; RFC 6749 section 3.2";
        /// Who requests a Transaction Token authenticates as somebody who is no workload.
        TransactionsCredential = "transactions.no_workload", "RFC 8693 section 2.1; docs/transaction-tokens.md";
        /// The workload is none that the policy lets have Transaction Tokens.
        TransactionsWorkload = "transactions.workload_unknown", "docs/transaction-tokens.md";
        /// The workload asks for more scope than the policy lets it have, whatever its subject token has.
        TransactionsScope = "transactions.scope_not_permitted", "docs/transaction-tokens.md";
        /// The subject token is of none of the issuers whose tokens are taken for one.
        TransactionsIssuer = "transactions.issuer_not_accepted", "draft-ietf-oauth-transaction-tokens-11 section 11.2";
        /// The subject token is self-signed, and the workload authenticated without a key of its own that could have signed it.
        TransactionsKey = "transactions.no_workload_key", "draft-ietf-oauth-transaction-tokens-11 section 11.2.1";
        /// The host gave no randomness by which a new transaction could be named.
        TransactionsIdentifier = "transactions.no_identifier", "draft-ietf-oauth-transaction-tokens-11 section 9.2; docs/decisions.md";

        /// A path is within the API of Open Cloud Mesh, or nearly at an endpoint, and is none.
        OcmEndpoint = "ocm.endpoint_unknown", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Fields; docs/ocm.md";
        /// Another server, or the sharing server itself, asks with another method than is asked with there.
        OcmMethod = "ocm.method_unknown", "docs/ocm.md";
        /// The sharing server's own discovery document has its API at another origin than requests to it are judged at.
        OcmOwn = "ocm.own_elsewhere", "docs/ocm.md";
        /// The sharing server's own discovery document cannot be had, so nobody knows where its endpoints are.
        OcmOwnUnavailable = "ocm.own_unavailable", "docs/ocm.md";
        /// The discovery document of another server cannot be had.
        OcmPeerUnavailable = "ocm.peer_unavailable", "draft-ietf-ocm-open-cloud-mesh-05, OCM API Discovery, Process; docs/ocm.md";
        /// As many servers as may be are being asked who they are.
        OcmPeers = "ocm.peers_too_many", "docs/limits.md";
        /// A sharing server asks at a path that is none.
        OcmEgressPath = "ocm.egress_path_unknown", "docs/ocm.md";
        /// What a sharing server wants to send cannot be read.
        OcmEgress = "ocm.egress_malformed", "docs/ocm.md";

        /// The memory of used proofs cannot be asked.
        ReplayUnavailable = "replay.unavailable", "docs/decisions.md";
        /// The memory of used proofs is full.
        ReplayFull = "replay.full", "docs/decisions.md";
        /// The gate holds as much as it may.
        MemoryFull = "gate.memory_full", "docs/limits.md";
        /// The request would need more rounds of fetching than one has.
        RoundsExhausted = "gate.rounds_exhausted", "docs/limits.md";

        /// A host named a gate or an evaluation that this instance does not hold: it ended, or belongs to another instance.
        HandleUnknown = "gate.handle_unknown", "docs/batch.md";
        /// This instance holds as many gates or evaluations as it may.
        HandlesTooMany = "gate.handles_too_many", "docs/limits.md";

        /// A URL may not be fetched: it is not https, has a user name, an address, a port that is not listed or a fragment.
        UrlNotAllowed = "fetch.url_not_allowed", "docs/decisions.md";
        /// There were more redirects than are followed.
        TooManyRedirects = "fetch.too_many_redirects", "docs/limits.md";
        /// The server redirects a question about a token, which would go along.
        QuestionRedirected = "fetch.question_redirected", "docs/introspection.md";
        /// A host asks about a server of which the gate has not asked that it proves who it is.
        ServerUnexpected = "fetch.server_unexpected", "docs/decisions.md";
        /// No bundle is held that could authenticate the server of a bundle endpoint.
        ServerBundleMissing = "fetch.server_bundle_missing", "SPIFFE Federation section 5.2.2.4";
        /// The server of a bundle endpoint is another workload than the policy names.
        ServerId = "fetch.server_id", "SPIFFE Federation section 5.2.2.4";
        /// A document was handed in that nobody asked for.
        DocumentUnexpected = "document.unexpected", "docs/decisions.md";
        /// A document is older than the one that is held.
        DocumentOlder = "document.older", "docs/decisions.md";
        /// A document could not be fetched.
        DocumentFailed = "document.failed", "docs/decisions.md";
        /// A document came with another status than 200.
        DocumentStatus = "document.status", "docs/decisions.md";
        /// A document is longer than is read.
        DocumentTooLarge = "document.too_large", "docs/limits.md";
        /// An issuer's metadata has no `issuer` and `jwks_uri` of their types.
        MetadataMalformed = "document.metadata_malformed", "RFC 8414 section 2";
        /// An issuer's metadata is of another issuer.
        MetadataIssuer = "document.metadata_issuer", "RFC 8414 section 3.3";
    }
}
