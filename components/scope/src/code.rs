//! The codes of scopes, challenges and registry access.

portcullis_types::codes! {
    /// What can be wrong with a requirement, short in a token, or malformed in a challenge or a registry's request.
    ///
    /// The reason of a shortfall's code ends in the OAuth error that the client is told.
    pub enum ScopeCode {
        /// A scope is outside the grammar: visible ASCII tokens without quotation mark and backslash, with single
        /// spaces between them.
        Malformed = "scope.malformed", "RFC 6749 section 3.3";
        /// A scope has more than 1,000 tokens or 32 KiB.
        TooLarge = "scope.too_large", "docs/limits.md";
        /// A list of accepted `acr` values is empty, too long, or holds what a challenge cannot list.
        AcrValuesMalformed = "scope.acr_values_malformed", "RFC 9470 section 3; docs/limits.md";
        /// Required authorization details are not a list of objects with a text `type` and common members of their
        /// types.
        DetailsRequirementMalformed = "scope.details_requirement_malformed", "RFC 9396 sections 2 and 2.2";
        /// More than 100 objects, or more than 16 KiB of them, are required; they would not fit into a challenge.
        DetailsRequirementTooLarge = "scope.details_requirement_too_large", "docs/limits.md";
        /// What a claim has to be is not said in one clear way.
        ClaimRequirementMalformed = "scope.claim_requirement_malformed", "docs/scope.md";
        /// A resource identifier or metadata URL is not an `https` URL without user and fragment.
        ResourceMalformed = "scope.resource_malformed", "RFC 9728 section 1.2";
        /// A realm is longer than 2 KiB or holds what is not printable ASCII.
        RealmMalformed = "scope.realm_malformed", "RFC 6750 section 3; RFC 9110 section 11.5";

        /// The token grants no scope, and one is required.
        ScopeAbsent = "scope.absent_insufficient_scope", "RFC 6750 section 3.1";
        /// The scope that the token grants is not a text in the grammar of scopes, or too large; it grants nothing.
        ScopeUnreadable = "scope.unreadable_insufficient_scope", "RFC 6749 section 3.3; RFC 6750 section 3.1";
        /// A required scope token is not granted. Tokens compare byte by byte, and no token stands for another.
        Scope = "scope.insufficient_scope", "RFC 6749 section 3.3; RFC 6750 section 3.1";
        /// The token does not say how the user signed in.
        AcrAbsent = "scope.acr_absent_insufficient_user_authentication", "RFC 9470 section 3";
        /// The token's `acr` is not a text.
        AcrUnreadable = "scope.acr_unreadable_insufficient_user_authentication", "RFC 9470 sections 3 and 6.1";
        /// The user signed in in a way that is not accepted here.
        Acr = "scope.acr_insufficient_user_authentication", "RFC 9470 section 3";
        /// The token does not say when the user signed in; when it was issued does not matter.
        AuthTimeAbsent = "scope.auth_time_absent_insufficient_user_authentication", "RFC 9470 section 3";
        /// The token's `auth_time` is not a whole number of seconds from 0 to 2^53 − 1.
        AuthTimeUnreadable = "scope.auth_time_unreadable_insufficient_user_authentication", "RFC 9470 section 6.1";
        /// The token's `auth_time` lies in the future.
        AuthTimeFuture = "scope.auth_time_future_insufficient_user_authentication", "RFC 9470 section 3; docs/scope.md";
        /// The user signed in too long ago.
        AuthTimeTooOld = "scope.auth_time_too_old_insufficient_user_authentication", "RFC 9470 section 3";
        /// The token grants no authorization details, and some are required.
        DetailsAbsent = "scope.details_absent_insufficient_authorization", "RFC 9396 section 9";
        /// The granted authorization details are not a list of at most 100 objects with a text `type`, repeat a name,
        /// or have a common member of the wrong type; they grant nothing.
        DetailsUnreadable = "scope.details_unreadable_insufficient_authorization", "RFC 9396 sections 2 and 9";
        /// No object of a required type is granted. Types compare byte by byte.
        DetailsType = "scope.details_type_insufficient_authorization", "RFC 9396 section 2";
        /// A required location is not granted. Locations compare byte by byte.
        DetailsLocations = "scope.details_locations_insufficient_authorization", "RFC 9396 section 2.2";
        /// A required action is not granted.
        DetailsActions = "scope.details_actions_insufficient_authorization", "RFC 9396 section 2.2";
        /// A required kind of data is not granted.
        DetailsDatatypes = "scope.details_datatypes_insufficient_authorization", "RFC 9396 section 2.2";
        /// A required privilege is not granted.
        DetailsPrivileges = "scope.details_privileges_insufficient_authorization", "RFC 9396 section 2.2";
        /// The granted identifier is not the required one.
        DetailsIdentifier = "scope.details_identifier_insufficient_authorization", "RFC 9396 section 2.2";
        /// A member that is special to the type is not granted exactly as it is required.
        DetailsMember = "scope.details_member_insufficient_authorization", "RFC 9396 section 2; docs/scope.md";
        /// A required claim is missing.
        ClaimAbsent =
            "scope.claim_absent_insufficient_claims", "draft-mcguinness-oauth-insufficient-claims-00 section 3.4";
        /// A required claim has another value.
        ClaimDiffers =
            "scope.claim_differs_insufficient_claims", "draft-mcguinness-oauth-insufficient-claims-00 section 3.2";
        /// A claim that has to list a value is no list.
        ClaimNotList =
            "scope.claim_not_list_insufficient_claims", "docs/scope.md";
        /// A claim does not list a required value.
        ClaimLacks =
            "scope.claim_lacks_insufficient_claims", "docs/scope.md";

        /// A challenge is longer than 64 KiB or has more than 32 parameters.
        ChallengeTooLarge = "challenge.too_large", "docs/limits.md";
        /// A challenge holds a character that is not printable ASCII where none may be.
        ChallengeCharacter = "challenge.character", "RFC 9110 sections 5.5 and 5.6.4; docs/limits.md";
        /// A challenge does not begin with a scheme, or its scheme does not end in a space.
        ChallengeScheme = "challenge.scheme", "RFC 9110 section 11.3";
        /// A challenge has one bare value instead of parameters.
        ChallengeToken68 = "challenge.token68", "RFC 9110 section 11.2";
        /// A challenge's parameter is not `name=value`, with a comma before the next.
        ChallengeParameter = "challenge.parameter", "RFC 9110 section 11.2";
        /// A quoted value of a challenge does not end.
        ChallengeQuote = "challenge.quote", "RFC 9110 section 5.6.4";
        /// A parameter occurs twice in one challenge.
        ChallengeParameterRepeated = "challenge.parameter_repeated", "RFC 9110 section 11.2";
        /// A second challenge follows in the same header value, where one is read.
        ChallengeSeveral = "challenge.several", "RFC 9110 section 11.6.1; docs/limits.md";
        /// A Bearer challenge has no parameters.
        ChallengeParametersMissing = "challenge.parameters_missing", "RFC 6750 section 3";

        /// An answer that is read as a refusal has a status other than 401 and 403.
        ChallengeStatus = "challenge.status", "RFC 6750 section 3.1";
        /// An answer has no challenge for Bearer or DPoP.
        ChallengeAbsent = "challenge.absent", "RFC 6750 section 3; RFC 9449 section 7.1";
        /// A challenge's `max_age` is not a whole number of seconds from 0 to 2^53 − 1.
        ChallengeMaxAge = "challenge.max_age", "RFC 9470 section 3";
        /// A challenge's `authorization_remediation` is not base64url of a JSON object with a text as its reference.
        ChallengeRemediation =
            "challenge.remediation", "draft-ietf-oauth-rar-metadata-remediation-00, client processing rules, step 1";
        /// The body of `insufficient_claims` is longer than 64 KiB, no JSON object, or its `required_claims` are not a list of
        /// at most 100 texts.
        ChallengeClaims = "challenge.claims", "draft-mcguinness-oauth-insufficient-claims-00 section 3.4; docs/limits.md";
        /// A nonce or challenge for a proof is empty, longer than 4 KiB, or holds what no proof may repeat.
        ChallengeNonce = "challenge.nonce", "RFC 9449 section 8.1; docs/limits.md";

        /// A server wants a proof with its nonce or challenge, and gives none that the client can see.
        RetryNonceAbsent = "retry.nonce_absent", "RFC 9449 section 9";
        /// A proof with the server's nonce or challenge was refused likewise; it is made anew once.
        RetryProof = "retry.proof", "RFC 9449 section 9; docs/scope.md";
        /// A server reports an error that another token is not known to mend.
        RetryError = "retry.error", "RFC 6750 section 3.1; docs/scope.md";
        /// A token that was got for a request was refused; no other is got for it.
        RetryExhausted =
            "retry.exhausted", "draft-ietf-oauth-rar-metadata-remediation-00, loop prevention";

        /// A registry scope has more than 32 KiB or 1,000 resources.
        OciScopeTooLarge = "oci.scope_too_large", "docs/limits.md";
        /// A registry scope is empty.
        OciScopeEmpty = "oci.scope_empty", "distribution: Token Scope Documentation, Resource Scope Grammar";
        /// The resources of a registry scope do not have exactly one space between them and none around them.
        OciScopeSpacing = "oci.scope_spacing", "distribution: Token Scope Documentation, Resource Scope Grammar";
        /// A resource of a registry scope is not `type:name:actions`.
        OciScopeParts = "oci.scope_parts", "distribution: Token Scope Documentation, Resource Scope Grammar";
        /// A resource type is not of lower-case letters and digits.
        OciScopeType = "oci.scope_type", "distribution: Token Scope Documentation, resourcetype";
        /// A resource class is not of lower-case letters and digits, in brackets behind the type.
        OciScopeClass = "oci.scope_class", "distribution: Token Scope Documentation, resourcetype";
        /// A resource name is outside the grammar of repository names, perhaps with a host before it.
        OciScopeName = "oci.scope_name", "distribution: Token Scope Documentation, resourcename";
        /// An action is not of lower-case letters, or `*` does not stand alone.
        OciScopeAction = "oci.scope_action", "distribution: Token Scope Documentation, action";
        /// A resource of a registry scope lists more than 64 actions.
        OciScopeActionsTooMany = "oci.scope_actions_too_many", "docs/limits.md";

        /// A method of a registry request is none of GET, HEAD, POST, PUT, PATCH and DELETE.
        OciMethodUnknown = "oci.method_unknown", "OCI Distribution Specification 1.1, Endpoints; docs/oci.md";
        /// A registry request's path and query have more than 64 KiB.
        OciTargetTooLarge = "oci.target_too_large", "docs/limits.md";
        /// A path is none of the registry's endpoints.
        OciPathUnknown = "oci.path_unknown", "OCI Distribution Specification 1.1, Endpoints";
        /// The repository name in a path is outside its grammar.
        OciPathName = "oci.path_name", "OCI Distribution Specification 1.1, Pulling manifests";
        /// A tag, digest or upload session in a path is outside its grammar.
        OciPathReference = "oci.path_reference", "OCI Distribution Specification 1.1, Pulling manifests; docs/oci.md";
        /// A query has a malformed escape, or a `;` that some servers read as `&`.
        OciQueryMalformed = "oci.query_malformed", "URL Standard section 5.1; docs/oci.md";
        /// A query names the source repository more than once, and servers differ in which they take.
        OciFromRepeated = "oci.from_repeated", "docs/oci.md";
        /// The source repository of a mount is outside the grammar of names.
        OciFromName = "oci.from_name", "OCI Distribution Specification 1.1, Mounting a blob from another repository";

        /// The body of a registry's request is a form, in which a registry reads `mount` and `from` as well as in the query.
        OciFormBody = "oci.form_body", "docs/oci.md";
        /// The form of a request for a token is longer than is read.
        OciFormTooLarge = "oci.form_too_large", "docs/limits.md";
        /// A parameter of a request for a token is longer than is read.
        OciParameterTooLarge = "oci.parameter_too_large", "docs/limits.md";
        /// A parameter of a request for a token occurs more than once.
        OciParameterRepeated = "oci.parameter_repeated", "RFC 6749 section 3.2";
        /// A request for a token lacks a parameter that its grant type needs.
        OciParameterMissing = "oci.parameter_missing", "RFC 6749 section 5.2";
        /// The grant type is none that a token service for registries has.
        OciGrantType =
            "oci.grant_type", "distribution: Docker Registry v2 authentication using OAuth2; RFC 6749 section 5.2";

        /// An access list has more than 1,000 entries, or 64 actions in one of them.
        OciAccessTooMany = "oci.access_too_many", "docs/limits.md";
        /// Access is required to a resource without saying for which action.
        OciActionsEmpty = "oci.actions_empty", "docs/oci.md";
        /// Nothing is granted on a required resource. Types and names compare byte by byte; there is no wildcard name.
        OciResourceNotGranted =
            "oci.resource_not_granted", "distribution: Token Scope Documentation, Resource Provider Use";
        /// A required action is not granted on its resource.
        OciActionNotGranted =
            "oci.action_not_granted", "distribution: Token Scope Documentation, Resource Provider Use";

        /// A token carries a key (`jwk`) that is no usable public key.
        OciKeyMalformed = "oci.key_malformed", "distribution: Token Authentication Implementation, Verifying the token";
        /// A token carries a key (`jwk`) that is none of the trusted ones.
        OciKeyUntrusted = "oci.key_untrusted", "distribution: Token Authentication Implementation, Verifying the token";
        /// A token carries a certificate (`x5c`) that cannot be read.
        OciCertificateMalformed = "oci.certificate_malformed", "RFC 7515 section 4.1.6";
        /// A token carries a certificate (`x5c`) whose key is none of the trusted ones.
        OciCertificateUntrusted =
            "oci.certificate_untrusted", "distribution: Token Authentication Implementation, Verifying the token";
        /// A token names no key: it has neither `kid` nor `jwk` nor `x5c`.
        OciKeyUnnamed = "oci.key_unnamed", "distribution: Token Authentication Implementation, Headers";
        /// A token carries a key or certificate that is not the one that signed it.
        OciKeyOther = "oci.key_other", "distribution: Token Authentication Implementation, Headers";
        /// The claim `access` is not a list of objects with the texts `type` and `name` and a list of texts `actions`.
        OciAccessType = "oci.access_type", "distribution: Token Authentication Implementation, Claim Set";
        /// Access is required and the token has no claim `access`.
        OciAccessMissing = "oci.access_missing", "distribution: Token Authentication Implementation, Claim Set";
    }
}
