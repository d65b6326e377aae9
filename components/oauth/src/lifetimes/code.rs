//! The codes of lifetimes.

portcullis_types::codes! {
    /// What can be wrong with the lifetimes that a server tells, or with a refresh token that a server is handed.
    pub enum LifetimeCode {
        /// A lifetime or a time is not a whole number from 0 to 2^53-1. Only the two names of the first draft
        /// (`refresh_token_expires_in`, `consent_expires_in`) may have it as a text of digits. The server has to be mended.
        Value = "lifetimes.value", "refresh-token-expiration-03 section 6.1; RFC 6749 section 5.1; docs/limits.md";
        /// A lifetime ends after 2^53-1 seconds since 1970.
        OutOfRange = "lifetimes.out_of_range", "refresh-token-expiration-03 section 6.1.2; docs/limits.md";
        /// Two names of one thing, say `authorization_expires_in` and the older `consent_expires_in`, have different values, or a
        /// lifetime and an absolute time lie more than a minute apart. None of them is believed.
        Conflict = "lifetimes.conflict", "refresh-token-expiration-03 section 6.1; docs/limits.md";
        /// The refresh token would last longer than the user's authorization.
        TimeoutTooLong = "lifetimes.timeout_exceeds_authorization", "refresh-token-expiration-03 sections 5 and 6.1";
        /// The access token would last longer than the user's authorization.
        AccessTooLong = "lifetimes.access_exceeds_authorization", "refresh-token-expiration-03 section 5";
        /// The response was received after the time it is judged at: the clock was set back, so nothing can be said.
        ReceivedInFuture = "lifetimes.received_in_future", "docs/limits.md";
        /// The response is an OAuth error other than `invalid_grant`, which says nothing about how long anything lasts.
        ErrorResponse = "lifetimes.error_response", "RFC 6749 section 5.2";
        /// An introspection response has no `active`, or it is neither true nor false.
        Active = "lifetimes.introspection_active", "RFC 7662 section 2.2";
        /// `refresh_token_expiration_types_supported` is no list of texts.
        Metadata = "lifetimes.metadata_type", "refresh-token-expiration-03 section 8";

        /// A server's answer has a name of an older draft. Servers write the current names.
        NameSuperseded = "lifetimes.name_superseded", "refresh-token-expiration-03 section 6.1";
        /// The authorization ends, the answer has a refresh token, and does not say when by `authorization_expires_in`.
        AuthorizationMissing = "lifetimes.authorization_missing", "refresh-token-expiration-03 section 6.1";
        /// The refresh token has a timeout, the answer has the token, and does not say how long by `refresh_token_timeout`.
        TimeoutMissing = "lifetimes.timeout_missing", "refresh-token-expiration-03 section 6.1";
        /// `authorization_expires_in` says more than is left of the authorization.
        AuthorizationOverstated = "lifetimes.authorization_overstated", "refresh-token-expiration-03 section 6.1";
        /// `refresh_token_timeout` says more than is left of the refresh token.
        TimeoutOverstated = "lifetimes.timeout_overstated", "refresh-token-expiration-03 section 6.1";
        /// An introspection would tell the refresh token's timeout as if it had begun anew: it only begins anew with an exchange.
        TimeoutReset = "lifetimes.timeout_reset", "refresh-token-expiration-03 section 7";
        /// Something is left out to say that it has no end, and the metadata does not declare
        /// `refresh_token_expiration_types_supported`, so that no client can know what is meant.
        Undeclared = "lifetimes.undeclared", "refresh-token-expiration-03 section 8";
        /// The user's authorization has ended, and with it the refresh token. The answer is `invalid_grant`.
        AuthorizationExpired = "lifetimes.authorization_expired", "refresh-token-expiration-03 sections 5 and 6.2";
        /// The refresh token was not exchanged in time. The answer is `invalid_grant`.
        RefreshExpired = "lifetimes.refresh_expired", "refresh-token-expiration-03 sections 5 and 6.2";
    }
}
