//! The codes of pushed client registration.

portcullis_types::codes! {
    /// Why a pushed request is refused, or one of the requests after it.
    pub enum PushedCode {
        /// The policy is not in its form.
        PolicyMalformed = "par.policy_malformed", "docs/pushed-registration.md";
        /// Dynamic clients are not taken here: the policy does not turn them on.
        Disabled = "par.disabled", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// The pushed request is not a POST.
        Method = "par.method", "RFC 9126 section 2.1";
        /// The request has a parameter more than once.
        ParameterRepeated = "par.parameter_repeated", "RFC 6749 section 3.1";
        /// The request has no `client_id`.
        ClientIdMissing = "par.client_id_missing", "draft-richer-oauth-pushed-client-registration-00 section 4";
        /// The `client_id` is another one than that of dynamic clients, `urn:ietf:oauth:parameters:dynamic`.
        ClientIdOther = "par.client_id_other", "draft-richer-oauth-pushed-client-registration-00 section 4";
        /// The request authenticates a registered client, by a secret, an assertion or in `Authorization`. A dynamic client has
        /// no such credential.
        Credential = "par.client_credential", "draft-richer-oauth-pushed-client-registration-00 section 4; docs/pushed-registration.md";
        /// The pushed request refers to another one by `request_uri`.
        RequestUri = "par.request_uri_present", "RFC 9126 section 2.1";
        /// The pushed request holds a request object. Nobody knows a key of the client that could verify it.
        RequestObject = "par.request_object", "RFC 9126 section 3; docs/pushed-registration.md";
        /// The request has no `response_type`.
        ResponseTypeMissing = "par.response_type_missing", "RFC 6749 section 4.1.1";
        /// The `response_type` is not one that the policy lets dynamic clients use.
        ResponseType = "par.response_type_not_permitted", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// The request has no `state`.
        StateMissing = "par.state_missing", "draft-richer-oauth-pushed-client-registration-00 section 3.1";
        /// The `state` has characters other than printable ASCII, or more than 1,024 of them.
        StateForm = "par.state_form", "RFC 6749 appendix A.5; docs/limits.md";
        /// The request has no `redirect_uri`.
        RedirectUriMissing = "par.redirect_uri_missing", "draft-richer-oauth-pushed-client-registration-00 section 3.1";
        /// A redirect URI is not an https URI of a host, or is too long, or names a user or a fragment.
        RedirectUriInvalid = "par.redirect_uri_invalid", "RFC 6749 section 3.1.2; RFC 9700 section 2.6";
        /// The host or port of a redirect URI is none of those that the policy names.
        RedirectHost = "par.redirect_host_not_permitted", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// There are more redirect URIs than are taken.
        RedirectUrisTooMany = "par.redirect_uris_too_many", "docs/limits.md";
        /// The client's own metadata has redirect URIs, and the `redirect_uri` is none of them.
        RedirectUriOther = "par.redirect_uri_unregistered", "RFC 7591 section 2";
        /// The request has no `code_challenge`.
        ChallengeMissing = "par.code_challenge_missing", "draft-richer-oauth-pushed-client-registration-00 section 3.1; RFC 7636 section 4.3";
        /// The `code_challenge_method` is left out, which means `plain`, or is not `S256`.
        ChallengeMethod = "par.code_challenge_method", "RFC 7636 section 4.3; RFC 9700 section 2.1.1";
        /// The `code_challenge` is not the base64url of a SHA-256 hash.
        ChallengeForm = "par.code_challenge_form", "RFC 7636 section 4.2";
        /// A scope that is asked for is not one that the policy lets dynamic clients have.
        Scope = "par.scope_not_permitted", "draft-richer-oauth-pushed-client-registration-00 section 6";

        /// The `client_registration` is too long.
        RegistrationTooLarge = "par.registration_too_large", "docs/limits.md";
        /// The `client_registration` is not one JSON object with unique names.
        RegistrationMalformed = "par.registration_malformed", "draft-richer-oauth-pushed-client-registration-00 section 3.1; RFC 7591 section 2";
        /// The client's metadata has a member that the policy does not name.
        MetadataNotPermitted = "par.metadata_not_permitted", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// Client metadata has the wrong type.
        MetadataType = "par.metadata_type", "RFC 7591 section 2";
        /// Client metadata holds control characters, which could make a person read something else.
        MetadataText = "par.metadata_text", "RFC 7591 section 5; docs/pushed-registration.md";
        /// A URI of the metadata that is shown to people is not an https URI of a host that the policy names.
        MetadataUri = "par.metadata_uri", "RFC 7591 section 5";
        /// The `token_endpoint_auth_method` is not `none` and not the attestation by which the client is vouched for.
        MetadataAuthMethod = "par.metadata_auth_method", "draft-richer-oauth-pushed-client-registration-00 section 4; RFC 7591 section 2";
        /// A grant type of the metadata is not one that the policy lets dynamic clients use.
        GrantType = "par.grant_type_not_permitted", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// The request asks for a response type or a scope that the client's own metadata does not have.
        BeyondMetadata = "par.beyond_metadata", "RFC 7591 section 2";

        /// Nobody vouches for the client: there is neither the attestation nor the software statement that the policy requires.
        VoucherMissing = "par.voucher_missing", "docs/pushed-registration.md";
        /// The `software_statement` is not a text.
        StatementType = "par.statement_type", "RFC 7591 section 2.3";
        /// The software statement is for software that the policy does not name.
        StatementNotApproved = "par.statement_not_approved", "RFC 7591 section 3.2.2";

        /// The request proves or names a key in a way that the policy does not take.
        KeyMethodNotAccepted = "par.key_method_not_accepted", "draft-richer-oauth-pushed-client-registration-00 section 6";
        /// The request proves or names two keys, one by DPoP and one by its certificate.
        KeySeveral = "par.key_several", "RFC 7800 section 3.1; docs/pushed-registration.md";
        /// The request has no key, and the policy requires one.
        KeyMissing = "par.key_missing", "draft-richer-oauth-pushed-client-registration-00 section 3.1";
        /// The request names a key by `dpop_jkt` alone, and the policy requires its proof.
        KeyUnproved = "par.key_unproved", "RFC 9449 section 10; docs/pushed-registration.md";
        /// The `dpop_jkt` is not a SHA-256 hash in base64url.
        JktForm = "par.dpop_jkt_form", "RFC 9449 section 10";
        /// The `dpop_jkt` is not the thumbprint of the key of the DPoP proof.
        JktMismatch = "par.dpop_jkt_mismatch", "RFC 9449 section 10.1";

        /// What the server says that it kept of a pushed request is not in its form.
        PushedMalformed = "par.pushed_malformed", "docs/pushed-registration.md";
        /// The authorization request has no `request_uri`, or another one than the pushed request's.
        TieRequestUri = "par.tie_request_uri", "draft-richer-oauth-pushed-client-registration-00 section 3.2; RFC 9126 section 4";
        /// The `request_uri` has expired.
        TieExpired = "par.tie_expired", "RFC 9126 sections 2.2 and 4";
        /// The `request_uri` was used before.
        TieUsed = "par.tie_used", "RFC 9126 sections 4 and 7.3";
        /// The authorization request has a parameter besides `client_id` and `request_uri`.
        TieParameter = "par.tie_parameter", "draft-richer-oauth-pushed-client-registration-00 section 3.2";
        /// The token request has no `grant_type`, or one that leads on from no pushed request.
        TieGrantType = "par.tie_grant_type", "draft-richer-oauth-pushed-client-registration-00 sections 3.3 and 3.4";
        /// The token request's `redirect_uri` is not the pushed one.
        TieRedirectUri = "par.tie_redirect_uri", "RFC 6749 section 4.1.3";
        /// The token request has no `code_verifier`.
        VerifierMissing = "par.code_verifier_missing", "RFC 7636 section 4.5";
        /// The `code_verifier` is not 43 to 128 unreserved characters.
        VerifierForm = "par.code_verifier_form", "RFC 7636 section 4.1";
        /// The `code_verifier` is not the one of the pushed `code_challenge`.
        VerifierMismatch = "par.code_verifier_mismatch", "RFC 7636 section 4.6";
        /// The token request proves a key by DPoP, and none was pushed, or a certificate was.
        TieKeyNotPushed = "par.tie_key_not_pushed", "draft-richer-oauth-pushed-client-registration-00 section 3.1";
    }
}
