//! The codes of Transaction Tokens.

portcullis_types::codes! {
    /// What can be wrong with a Transaction Token, with a request for one, or with its replacement.
    pub enum TransactionCode {
        /// There is no `Txn-Token` header field.
        Missing = "txn.missing", "draft-ietf-oauth-transaction-tokens-11 section 12.1";
        /// There is more than one `Txn-Token` header field.
        Repeated = "txn.repeated", "draft-ietf-oauth-transaction-tokens-11 section 12.1";
        /// The `Txn-Token` header field is a list: several tokens were joined.
        List = "txn.list", "draft-ietf-oauth-transaction-tokens-11 section 12.1";
        /// A Transaction Token stands in `Authorization`. Send it in `Txn-Token`, and authenticate by something else.
        InAuthorization = "txn.in_authorization", "draft-ietf-oauth-transaction-tokens-11 sections 12 and 13.12";

        /// A claim that every Transaction Token has is missing: `iat`, `aud`, `exp`, `txn`, `sub`, `scope` or `req_wl`.
        ClaimMissing = "txn.claim_missing", "draft-ietf-oauth-transaction-tokens-11 section 9.2";
        /// A claim of the token has the wrong type.
        ClaimType = "txn.claim_type", "draft-ietf-oauth-transaction-tokens-11 section 9.2";
        /// `txn`, `sub` or `req_wl` is empty, so it identifies nothing.
        ClaimEmpty = "txn.claim_empty", "draft-ietf-oauth-transaction-tokens-11 section 9.2; docs/limits.md";
        /// `tctx` or `rctx` is no object.
        ContextType = "txn.context_type", "draft-ietf-oauth-transaction-tokens-11 section 9.2";
        /// The token names several audiences. It is bound to one trust domain.
        AudienceSeveral = "txn.audience_several", "draft-ietf-oauth-transaction-tokens-11 section 9.2; docs/limits.md";
        /// The token's `aud` is not this trust domain.
        Audience = "txn.audience", "draft-ietf-oauth-transaction-tokens-11 section 12.2";
        /// The token's `iat` lies in the future.
        IssuedInFuture = "txn.issued_in_future", "RFC 7519 section 4.1.6; docs/limits.md";
        /// The token lives longer, from `iat` to `exp`, than is accepted here.
        LifetimeTooLong = "txn.lifetime", "draft-ietf-oauth-transaction-tokens-11 section 13.1; docs/limits.md";
        /// A token with this `txn` was used before.
        Replayed = "txn.replayed", "draft-ietf-oauth-transaction-tokens-11 section 13.2";

        /// A request for a token asks for no scope.
        ScopeMissing = "txn.scope_missing", "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        /// The scope of the subject token is not known, so nothing can be shown to be within it.
        ScopeUnknown = "txn.scope_unknown", "draft-ietf-oauth-transaction-tokens-11 section 13.14";
        /// The requested scope is more than that of the subject token.
        ScopeExpanded = "txn.scope_expanded", "draft-ietf-oauth-transaction-tokens-11 section 13.6";

        /// The token that is to be replaced has expired.
        ReplacedExpired = "txn.replaced_expired", "draft-ietf-oauth-transaction-tokens-11 section 13.15";
        /// The replacement has another `txn`, `sub` or `aud`.
        ReplacementIdentity = "txn.replacement_identity", "draft-ietf-oauth-transaction-tokens-11 section 13.15";
        /// The replacement's scope is more than that of the token it replaces.
        ReplacementScope = "txn.replacement_scope", "draft-ietf-oauth-transaction-tokens-11 section 13.15";
        /// The replacement lacks a value of the token it replaces, or has another.
        ReplacementValue = "txn.replacement_value", "draft-ietf-oauth-transaction-tokens-11 sections 9.2.3 and 13.15; docs/limits.md";
        /// The replacement adds a claim that grants something by itself.
        ReplacementGrant = "txn.replacement_grant", "draft-ietf-oauth-transaction-tokens-11 section 13.15; docs/limits.md";
        /// The replacement does not name, in their order, the workloads that asked before.
        ReplacementChain = "txn.replacement_chain", "draft-ietf-oauth-transaction-tokens-11 section 13.15; docs/limits.md";
        /// The replacement lives longer than the token it replaces, and the service does not allow that.
        ReplacementLifetime = "txn.replacement_lifetime", "draft-ietf-oauth-transaction-tokens-11 section 13.15";
        /// Too many workloads have asked for this transaction one after the other.
        CallChainTooLong = "txn.call_chain_too_long", "draft-ietf-oauth-transaction-tokens-11 section 13.15; docs/limits.md";

        /// A parameter of the request stands there twice.
        ParameterRepeated = "txn.parameter_repeated", "RFC 6749 section 3.2";
        /// A parameter that every request has is missing or empty.
        ParameterMissing = "txn.parameter_missing", "draft-ietf-oauth-transaction-tokens-11 section 11.1; RFC 6749 section 3.2";
        /// A parameter of the request is longer than is read.
        ParameterTooLong = "txn.parameter_too_long", "docs/limits.md";
        /// The request has a parameter of token exchange that is not served: it would be passed over, and mean something.
        ParameterUnsupported = "txn.parameter_unsupported", "RFC 8693 section 2.1; docs/limits.md";
        /// The `grant_type` is not that of token exchange.
        GrantType = "txn.grant_type", "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        /// The `requested_token_type` is not that of Transaction Tokens.
        RequestedType = "txn.requested_token_type", "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        /// The `audience` is not this service's trust domain.
        RequestedAudience = "txn.requested_audience", "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        /// The `subject_token_type` is no URI.
        SubjectTypeMalformed = "txn.subject_type_malformed", "draft-ietf-oauth-transaction-tokens-11 section 11.2";
        /// The subject token is a refresh token, with which no Transaction Token is requested.
        SubjectTypeRefresh = "txn.subject_type_refresh", "draft-ietf-oauth-transaction-tokens-11 sections 11.2 and 13.3";
        /// The type of the subject token is not one that is accepted here, or not one for what was asked.
        SubjectTypeUnsupported = "txn.subject_type_unsupported", "draft-ietf-oauth-transaction-tokens-11 section 11.2";
        /// The subject token does not name its subject.
        SubjectMissing = "txn.subject_missing", "draft-ietf-oauth-transaction-tokens-11 section 11.3";
        /// A claim that a self-signed subject token has is missing.
        SubjectClaimMissing = "txn.subject_claim_missing", "draft-ietf-oauth-transaction-tokens-11 section 11.2.1";
        /// A self-signed subject token is not issued by the workload that asks.
        SubjectIssuer = "txn.subject_issuer", "draft-ietf-oauth-transaction-tokens-11 section 11.2.1";
        /// A self-signed subject token is not for this service, or not for it alone.
        SubjectAudience = "txn.subject_audience", "draft-ietf-oauth-transaction-tokens-11 section 11.2.1";
        /// A self-signed subject token was made in the future, or longer ago than is accepted.
        SubjectAge = "txn.subject_age", "draft-ietf-oauth-transaction-tokens-11 section 11.2.1; docs/limits.md";
        /// The subject token has expired.
        SubjectExpired = "txn.subject_expired", "draft-ietf-oauth-transaction-tokens-11 section 6";
        /// The request asserts a value in `request_context` or `request_details` that this workload may not assert.
        ContextNotAdmitted = "txn.context_not_admitted", "draft-ietf-oauth-transaction-tokens-11 sections 11.3 and 13.10";
        /// The subject token stands within what would be signed. Who gets the Transaction Token could use it.
        ContextHoldsToken = "txn.context_holds_token", "draft-ietf-oauth-transaction-tokens-11 section 13.4";
        /// A service's lifetime is not from 1 second to 1 hour.
        ServiceLifetime = "txn.service_lifetime", "draft-ietf-oauth-transaction-tokens-11 section 6; docs/limits.md";
    }
}
