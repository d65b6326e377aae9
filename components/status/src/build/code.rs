//! The codes of making status lists.

portcullis_types::codes! {
    /// Why a status list cannot be made.
    pub enum BuildCode {
        /// A list that is to be made has no entries. Say how many it has, or give it values.
        Empty = "status.build_empty", "draft-ietf-oauth-status-list-21 section 4.1 step 2";
        /// A list that is to be made takes more than 64 MiB packed, which relying parties refuse to inflate. Make several lists.
        TooLarge = "status.build_too_large", "docs/limits.md";
        /// A value needs more bits than an entry of the list has. Make a list with more bits.
        Value = "status.build_value", "draft-ietf-oauth-status-list-21 section 4.1 steps 1 and 3";
        /// An index lies beyond the end of the list that is to be made. Make it longer, or correct the index.
        Index = "status.build_index", "draft-ietf-oauth-status-list-21 section 4.1 step 3";
        /// The URI of a list, or of an aggregation, is not an absolute URI without a fragment, or is longer than 2,048 bytes.
        Uri = "status.build_uri", "draft-ietf-oauth-status-list-21 sections 5.1 and 6.2; RFC 3986 section 4.3";
        /// A time of the token that is to be made is beyond 2^53 − 1, or its `ttl` is.
        Time = "status.build_time", "RFC 7519 section 2; docs/limits.md";
        /// The token that is to be made would expire when it is issued, or before.
        Expired = "status.build_expired", "draft-ietf-oauth-status-list-21 section 13.7";
        /// `ttl` is 0, and has to be positive.
        TtlNotPositive = "status.build_ttl_not_positive", "draft-ietf-oauth-status-list-21 sections 5.1 and 5.2";
        /// `ttl` reaches beyond `exp`: a copy would expire before anybody looks for the next one.
        TtlBeyondExpiry = "status.build_ttl_beyond_expiry", "draft-ietf-oauth-status-list-21 section 13.7; docs/status.md";
        /// There are more than 10 certificates, or one is none in DER of at most 64 KiB.
        Certificates = "status.build_certificates", "RFC 7515 section 4.1.6; RFC 9360 section 2";
        /// A purpose is no object identifier in numbers, like `1.3.6.1.5.5.7.3.30`.
        PurposeMalformed = "status.build_purpose_malformed", "draft-ietf-oauth-status-list-21 section 10";
        /// The signer's certificate does not have the purpose that was asked for: no relying party that asks for it takes the
        /// list.
        Purpose = "status.build_purpose", "draft-ietf-oauth-status-list-21 section 10; RFC 5280 section 4.2.1.12";
        /// The signature is empty.
        SignatureMissing = "status.build_signature_missing", "draft-ietf-oauth-status-list-21 sections 5.1 and 5.2";
        /// The token has more than 32 MiB, which relying parties refuse to read. Make several lists.
        TokenTooLarge = "status.build_token_too_large", "docs/limits.md";
        /// What was read back from the token that was made is not what was put in, or it could not be made at all: a fault of
        /// this program. There is nothing to publish.
        ReadBack = "status.build_read_back", "docs/status.md";
        /// An aggregation that is to be made names no list.
        AggregationEmpty = "status.build_aggregation_empty", "draft-ietf-oauth-status-list-21 section 9.3";
        /// An aggregation that is to be made names more lists than fit into a document of 1 MiB.
        AggregationTooLong = "status.build_aggregation_too_long", "docs/status.md";
        /// An aggregation that is to be made names a list twice.
        AggregationRepeated = "status.build_aggregation_repeated", "docs/status.md";
    }
}
