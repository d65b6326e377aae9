//! The codes of status lists.

portcullis_types::codes! {
    /// What can be wrong with a status list token, the list in it, or a reference to one.
    pub enum StatusCode {
        /// A token's `status` claim names no mechanism.
        MechanismMissing = "status.mechanism_missing", "draft-ietf-oauth-status-list-21 section 6.2";
        /// A token's `status` claim names only mechanisms that are not understood here.
        UnsupportedMechanism = "status.unsupported_mechanism", "draft-ietf-oauth-status-list-21 section 6.1";
        /// A token's reference to a status list is not an object.
        ReferenceType = "status.reference_type", "draft-ietf-oauth-status-list-21 section 6.2";
        /// A reference to a status list has no `idx`.
        IndexMissing = "status.index_missing", "draft-ietf-oauth-status-list-21 section 6.2";
        /// An index into a status list is not a whole number.
        IndexType = "status.index_type", "draft-ietf-oauth-status-list-21 section 6.2";
        /// An index into a status list is below 0.
        IndexNegative = "status.index_negative", "draft-ietf-oauth-status-list-21 section 6.2";
        /// A reference to a status list has no `uri`.
        UriMissing = "status.uri_missing", "draft-ietf-oauth-status-list-21 section 6.2";
        /// The `uri` of a reference to a status list is not a text.
        UriType = "status.uri_type", "draft-ietf-oauth-status-list-21 section 6.2";

        /// The status list token is longer than 32 MiB; nothing of it was decoded.
        TokenTooLarge = "status.token_too_large", "docs/limits.md";
        /// The status list token is in the tag for CWTs (61), which it must not be.
        CwtTag = "status.cwt_tag", "draft-ietf-oauth-status-list-21 section 5.2";
        /// The status list token has another tag than those of COSE_Sign1 (18) and COSE_Mac0 (17).
        CoseTag = "status.cose_tag", "draft-ietf-oauth-status-list-21 section 5.2";
        /// The status list token is in CBOR and has no tag.
        CoseUntagged = "status.cose_untagged", "draft-ietf-oauth-status-list-21 section 5.2";
        /// The status list token has no `sub`, so that nobody knows which list it is.
        SubjectMissing = "status.subject_missing", "draft-ietf-oauth-status-list-21 sections 5.1, 5.2 and 8.3 step 3b";
        /// The status list token has no `iat`.
        IssuedAtMissing = "status.issued_at_missing", "draft-ietf-oauth-status-list-21 sections 5.1, 5.2 and 8.3 step 3b";
        /// The status list token holds no status list.
        ListMissing = "status.list_missing", "draft-ietf-oauth-status-list-21 sections 5.1, 5.2 and 8.3 step 3b";
        /// The status list token's `sub` is not the URI that the list was asked for by, byte by byte: it is another list.
        SubjectMismatch = "status.subject_mismatch", "draft-ietf-oauth-status-list-21 section 8.3 step 4a";
        /// The status list token says that it was issued in the future: one of two clocks is wrong.
        IssuedInFuture = "status.issued_in_future", "draft-ietf-oauth-status-list-21 section 8.3 step 4b; docs/limits.md";
        /// The status list token has expired; a fresh one is needed.
        Expired = "status.expired", "draft-ietf-oauth-status-list-21 section 8.3 step 4c";
        /// The status list token is not valid yet.
        NotYetValid = "status.not_yet_valid", "RFC 7519 section 4.1.5; draft-ietf-oauth-status-list-21 section 8.3 step 3a";
        /// The status list token's `ttl` is not a number of seconds up to 2^53 − 1; in a CWT, not an unsigned integer.
        TtlType = "status.ttl_type", "draft-ietf-oauth-status-list-21 sections 5.1 and 5.2";
        /// The status list token's `ttl` is not above 0.
        TtlNotPositive = "status.ttl_not_positive", "draft-ietf-oauth-status-list-21 sections 5.1 and 5.2";

        /// The status list is not an object; in a CWT, not a map.
        ListType = "status.list_type", "draft-ietf-oauth-status-list-21 sections 4.2 and 4.3";
        /// The status list has no `bits`.
        BitsMissing = "status.bits_missing", "draft-ietf-oauth-status-list-21 sections 4.2 and 4.3";
        /// The status list's `bits` is not the integer 1, 2, 4 or 8.
        Bits = "status.bits", "draft-ietf-oauth-status-list-21 sections 4.1, 4.2 and 4.3";
        /// The status list has no `lst`.
        LstMissing = "status.lst_missing", "draft-ietf-oauth-status-list-21 sections 4.2 and 4.3";
        /// The status list's `lst` is not a text; in a CWT, not a byte string.
        LstType = "status.lst_type", "draft-ietf-oauth-status-list-21 sections 4.2 and 4.3";

        /// The status list's `lst` is empty: there is no zlib stream.
        ZlibEmpty = "status.zlib_empty", "draft-ietf-oauth-status-list-21 section 4.1; RFC 1950 section 2.2";
        /// The list is compressed as a gzip file, not as a zlib stream.
        ZlibGzip = "status.zlib_gzip", "draft-ietf-oauth-status-list-21 section 4.1; RFC 1952 section 2.3.1";
        /// The list does not begin with a zlib header: it is raw DEFLATE data, or not compressed.
        ZlibHeader = "status.zlib_header", "RFC 1950 section 2.2, FCHECK";
        /// The zlib header names another compression method than DEFLATE.
        ZlibMethod = "status.zlib_method", "RFC 1950 section 2.2, CM";
        /// The zlib header asks for a window of more than 32 KiB.
        ZlibWindow = "status.zlib_window", "RFC 1950 section 2.2, CINFO";
        /// The zlib stream needs a preset dictionary, and there is none.
        ZlibDictionary = "status.zlib_dictionary", "RFC 1950 section 2.2, FDICT";
        /// The compressed data are not DEFLATE.
        ZlibData = "status.zlib_data", "RFC 1951 section 3.2";
        /// The list inflates to more than 64 MiB, or to more than was allowed instead.
        InflatesTooLarge = "status.inflates_too_large", "docs/limits.md";
        /// The zlib stream ends in the middle of its compressed data.
        ZlibTruncated = "status.zlib_truncated", "RFC 1951 section 3.2.3";
        /// The zlib stream ends before its checksum is complete.
        ZlibChecksumMissing = "status.zlib_checksum_missing", "RFC 1950 section 2.2, ADLER32";
        /// The zlib stream's checksum is not the checksum of what it inflates to.
        ZlibChecksum = "status.zlib_checksum", "RFC 1950 section 2.2, ADLER32";
        /// Something follows the zlib stream.
        ZlibTrailing = "status.zlib_trailing", "RFC 1950 section 2.2; docs/limits.md";

        /// The index lies beyond the end of the list, so nothing is known of the token.
        IndexOutOfRange = "status.index_out_of_range", "draft-ietf-oauth-status-list-21 section 8.3 step 6";
    }
}
