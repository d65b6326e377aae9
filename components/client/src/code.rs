//! The codes of client authentication and of registration on first use.

portcullis_types::codes! {
    /// Why a client is not known, or cannot be registered.
    pub enum ClientCode {
        /// A client's identifier is empty.
        ClientIdEmpty = "client.id_empty", "RFC 6749 section 2.2";
        /// Two clients have the same identifier.
        ClientRepeated = "client.repeated", "RFC 6749 section 2.2";
        /// The request has a parameter more than once.
        ParameterRepeated = "client.parameter_repeated", "RFC 6749 section 3.2";
        /// The client authenticates in more than one way at once.
        SeveralMethods = "client.several_methods", "RFC 6749 section 2.3";
        /// The request has nothing that says who the client is.
        CredentialMissing = "client.credential_missing", "RFC 6749 section 2.3";
        /// The client authenticates by something other than a workload's identity or an attestation: a secret, for example.
        CredentialOther = "client.credential_other", "RFC 6749 sections 2.3.1 and 5.2";
        /// The request has only one of `client_assertion` and `client_assertion_type`.
        AssertionIncomplete = "client.assertion_incomplete", "RFC 7521 section 4.2";
        /// The assertion is of a type other than `urn:ietf:params:oauth:client-assertion-type:jwt-spiffe`.
        AssertionType = "client.assertion_type", "draft-ietf-oauth-spiffe-client-auth-02 section 3.1";
        /// The server does not accept the way in which the client authenticates.
        MethodNotAccepted = "client.method_not_accepted", "RFC 8414 section 2; draft-ietf-oauth-attestation-based-client-auth-11 section 7";
        /// The assertion names other audiences beside the authorization server, which could use it there.
        AudienceNotSole = "client.audience_not_sole", "draft-ietf-oauth-spiffe-client-auth-02 section 3.1";
        /// The request has a client certificate and no `client_id`, which has to be the certificate's SPIFFE ID.
        CertificateIdMissing = "client.certificate_id_missing", "draft-ietf-oauth-spiffe-client-auth-02 section 3.2";
        /// The `client_id` is not the SPIFFE ID of the client certificate.
        CertificateIdMismatch = "client.certificate_id_mismatch", "draft-ietf-oauth-spiffe-client-auth-02 section 3.2";
        /// No client has this identifier, or this SPIFFE ID.
        Unknown = "client.unknown", "RFC 6749 section 5.2; draft-ietf-oauth-spiffe-client-auth-02 section 3";
        /// The SPIFFE ID belongs to several clients alike, and the request does not say which of them it is.
        Ambiguous = "client.ambiguous", "draft-ietf-oauth-spiffe-client-auth-02 sections 3 and 5";
        /// The SPIFFE ID is not one of the client that `client_id` names.
        SpiffeIdMismatch = "client.spiffe_id_mismatch", "draft-ietf-oauth-spiffe-client-auth-02 sections 3 and 5";
        /// The `client_id` is not the `sub` of the attestation.
        IdMismatch = "client.id_mismatch", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7)";
        /// The client is registered for another way to authenticate (`token_endpoint_auth_method`).
        MethodNotRegistered = "client.method_not_registered", "RFC 7591 section 2";
        /// The assertion was used before.
        Replayed = "client.replayed", "RFC 7523 section 3 (7)";

        /// The request has no `OAuth-Client-Attestation` header field.
        AttestationMissing = "attestation.missing", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (1)";
        /// The request has more than one `OAuth-Client-Attestation` header field.
        AttestationRepeated = "attestation.repeated", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (1)";
        /// The `OAuth-Client-Attestation` header field is a list: several were joined.
        AttestationList = "attestation.list", "draft-ietf-oauth-attestation-based-client-auth-11 section 4; RFC 9110 section 5.3";
        /// No attester is trusted here.
        AttesterNone = "attestation.no_attester", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (4)";
        /// A claim that every attestation has is missing: `sub`, `exp` or `cnf`.
        AttestationClaimMissing = "attestation.claim_missing", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (2)";
        /// The `cnf` of an attestation does not hold the key itself, as `jwk`.
        AttestationConfirmation = "attestation.confirmation_not_jwk", "draft-ietf-oauth-attestation-based-client-auth-11 section 4";
        /// The attestation has expired, or is older than is accepted here: OAuth's `use_fresh_attestation`.
        UseFreshAttestation = "attestation.use_fresh_attestation", "draft-ietf-oauth-attestation-based-client-auth-11 sections 7.1 (6) and 7.4";
        /// The key of the DPoP proof is not the one that the attestation confirms, and the proof stands for both.
        DpopKeyMismatch = "attestation.dpop_key_mismatch", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.3 (4)";

        /// The request has an attestation and no proof of possession: neither an `OAuth-Client-Attestation-PoP` nor a `DPoP`
        /// header field.
        PopMissing = "pop.missing", "draft-ietf-oauth-attestation-based-client-auth-11 sections 7 and 7.2 (1)";
        /// The request has more than one `OAuth-Client-Attestation-PoP` header field.
        PopRepeated = "pop.repeated", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (1)";
        /// The `OAuth-Client-Attestation-PoP` header field is a list: several were joined.
        PopList = "pop.list", "draft-ietf-oauth-attestation-based-client-auth-11 section 5.1; RFC 9110 section 5.3";
        /// A claim that every proof has is missing: `aud`, `jti` or `iat`.
        PopClaimMissing = "pop.claim_missing", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (2)";
        /// The proof's `jti` is empty, so it identifies nothing.
        PopIdEmpty = "pop.id_empty", "draft-ietf-oauth-attestation-based-client-auth-11 section 5.1";
        /// The proof's `challenge` is not a text.
        PopChallengeType = "pop.challenge_type", "draft-ietf-oauth-attestation-based-client-auth-11 section 5.1";
        /// The server gave a challenge, and the proof has none or another one: OAuth's `use_attestation_challenge`.
        UseAttestationChallenge = "pop.use_attestation_challenge", "draft-ietf-oauth-attestation-based-client-auth-11 sections 7.2 (5) and 7.4";
        /// The proof was made longer ago than is accepted.
        PopTooOld = "pop.too_old", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (6)";
        /// The proof was made further in the future than clocks may differ.
        PopInFuture = "pop.in_future", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (6)";
        /// The proof's `aud` is not this server: it was made for another one.
        PopAudienceMismatch = "pop.audience_mismatch", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (7)";
        /// The proof's `aud` names several servers. A proof is for one.
        PopAudienceSeveral = "pop.audience_several", "draft-ietf-oauth-attestation-based-client-auth-11 section 5.1";
        /// The proof was used before.
        PopReplayed = "pop.replayed", "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (9)";
        /// The challenge that the server itself gives is not 1 to 512 characters that a header field can hold.
        ChallengeForm = "pop.challenge_form", "draft-ietf-oauth-attestation-based-client-auth-11 section 6.2; docs/limits.md";

        /// The policy of registration is not in its form.
        RegistrationPolicy = "registration.policy_malformed", "docs/batch.md";
        /// A record from the store is not one that was written here.
        RecordMalformed = "registration.record_malformed", "docs/batch.md";
        /// The record from the store is another client's.
        RecordOther = "registration.record_other", "docs/batch.md";
        /// The client that authenticated is not the one that the flow began with.
        RegistrationClientMismatch = "registration.client_mismatch", "draft-kasselman-oauth-spiffe-01, Redirect flows";
        /// The policy does not let this SPIFFE ID register on first use.
        RegistrationNotPermitted = "registration.not_permitted", "draft-kasselman-oauth-spiffe-01, SPIFFE and OAuth Trust Relationship";
        /// The grant type is not one that clients registered on first use may use here.
        RegistrationGrantType = "registration.grant_type", "draft-kasselman-oauth-spiffe-01, Grant Types";
        /// The grant type is not one that the client's own metadata has.
        RegistrationGrantTypeOfClient = "registration.grant_type_of_client", "RFC 7591 section 2";
        /// Client metadata has the wrong type.
        MetadataType = "registration.metadata_type", "RFC 7591 section 2";
        /// Client metadata is longer than is kept.
        MetadataTooLarge = "registration.metadata_too_large", "docs/limits.md";
        /// The `spiffe_id` in the client's metadata is not that of the client.
        MetadataSpiffeId = "registration.metadata_spiffe_id", "draft-ietf-oauth-spiffe-client-auth-02 section 5";
        /// The `token_endpoint_auth_method` in the client's metadata is not one of a workload's identity.
        MetadataMethod = "registration.metadata_auth_method", "draft-ietf-oauth-spiffe-client-auth-02 section 5; RFC 7591 section 2";
        /// A redirect URI is not an absolute https URI (or http on the loopback address), or has a fragment or a user.
        RedirectUriInvalid = "registration.redirect_uri_invalid", "RFC 6749 section 3.1.2; RFC 9700 section 2.1";
        /// There are more redirect URIs than are kept.
        RedirectUrisTooMany = "registration.redirect_uris_too_many", "docs/limits.md";
        /// What the registration needs is not all there yet; until it is, the client gets nothing.
        RegistrationIncomplete = "registration.incomplete", "draft-kasselman-oauth-spiffe-01, Additional metadata";
        /// The redirect URI is none of those that a trustworthy source gave.
        RedirectUriMismatch = "registration.redirect_uri_mismatch", "draft-kasselman-oauth-spiffe-01, The redirect URI";
    }
}
