//! The codes of WIMSE: identifiers, identity tokens and their two proofs.

portcullis_types::codes! {
    /// What can be wrong with a Workload Identifier, a Workload Identity Token or a proof that goes with one.
    pub enum WimseCode {
        /// The Workload Identifier is longer than 2,048 bytes.
        IdentifierTooLong = "wimse.identifier_too_long", "WIMSE identifier-03 section 3; docs/limits.md";
        /// The Workload Identifier is no absolute URI.
        IdentifierMalformed = "wimse.identifier_malformed", "WIMSE identifier-03 section 3; RFC 3986 section 4.3";
        /// The Workload Identifier has no authority, so there is no trust domain.
        IdentifierAuthority = "wimse.identifier_authority", "WIMSE identifier-03 section 3";
        /// The Workload Identifier has a query, perhaps an empty one.
        IdentifierQuery = "wimse.identifier_query", "WIMSE identifier-03 section 3";
        /// The Workload Identifier has a fragment, perhaps an empty one.
        IdentifierFragment = "wimse.identifier_fragment", "WIMSE identifier-03 section 3";
        /// The Workload Identifier has user information before the trust domain.
        IdentifierUser = "wimse.identifier_user", "WIMSE identifier-03 section 3";
        /// The Workload Identifier has a port, perhaps an empty one.
        IdentifierPort = "wimse.identifier_port", "WIMSE identifier-03 section 3";
        /// The scheme or trust domain has a letter in upper case. It is refused, never lowered.
        IdentifierUpperCase = "wimse.identifier_upper_case", "WIMSE identifier-03 section 3; docs/limits.md";
        /// The path has a segment `.` or `..`.
        IdentifierDotSegment = "wimse.identifier_dot_segment", "RFC 3986 section 5.2.4; docs/limits.md";

        /// There are more than 256 trust domains.
        TrustDomainsTooMany = "wimse.trust_domains_too_many", "docs/limits.md";
        /// The name under which keys stand is not a scheme and a trust domain alone.
        TrustDomainName = "wimse.trust_domain_name", "WIMSE workload-creds-02 section 5.1";
        /// A trust domain stands without a JWK Set.
        TrustDomainKeys = "wimse.trust_domain_keys", "WIMSE workload-creds-02 section 5.1";
        /// The identifier's trust domain is not one that is trusted here. Keys are never looked up by what only a token says.
        TrustDomainUnknown = "wimse.trust_domain_unknown", "WIMSE workload-creds-02 section 5.1";

        /// There is no `Workload-Identity-Token`.
        IdentityMissing = "wimse.identity_missing", "WIMSE workload-creds-02 section 5.1.2";
        /// There is more than one `Workload-Identity-Token`.
        IdentityRepeated = "wimse.identity_repeated", "WIMSE workload-creds-02 section 5.1.2";
        /// The token's `sub` is missing or no text.
        IdentitySubject = "wimse.identity_subject", "WIMSE workload-creds-02 section 5.1.1";
        /// The token has no `exp`.
        IdentityExpires = "wimse.identity_expires_missing", "WIMSE workload-creds-02 section 5.1.1";

        /// A Workload Identity Token came without a proof: neither `Authorization: WPT` nor a signature with WIMSE's tag.
        ProofMissing = "wimse.proof_missing", "WIMSE wpt-02 section 2";
        /// The proof is in `Workload-Proof-Token`, the header field of drafts before wpt-02. Send `Authorization: WPT` and the
        /// token.
        ProofSuperseded = "wimse.proof_superseded", "WIMSE wpt-02 section 2";
        /// There is more than one `Authorization`.
        ProofRepeated = "wimse.proof_authorization_repeated", "WIMSE wpt-02 section 2";
        /// `Authorization: WPT` is not followed by exactly one token.
        ProofMalformed = "wimse.proof_malformed", "WIMSE wpt-02 section 2";
        /// The proof's `alg` is not, letter by letter, that of the identity token's `cnf.jwk`.
        ProofAlgorithm = "wimse.proof_algorithm", "WIMSE wpt-02 section 2";
        /// The proof's `aud` is missing, names several targets, or another than this one.
        ProofAudience = "wimse.proof_audience", "WIMSE wpt-02 section 2";
        /// The proof has no `exp`.
        ProofExpiryMissing = "wimse.proof_expires_missing", "WIMSE wpt-02 section 2";
        /// The proof's `exp` has passed.
        ProofExpired = "wimse.proof_expired", "WIMSE wpt-02 section 2";
        /// The proof's `exp` lies too far ahead: proofs are good for minutes.
        ProofTooLong = "wimse.proof_lifetime", "WIMSE wpt-02 section 2; docs/limits.md";
        /// The proof's `nbf` or `iat` has not come yet.
        ProofInFuture = "wimse.proof_in_future", "RFC 7519 sections 4.1.5 and 4.1.6";
        /// The proof's `wth` is missing, or not the hash of the identity token.
        ProofIdentityHash = "wimse.proof_identity_hash", "WIMSE wpt-02 section 2";
        /// The proof has no `jti`.
        ProofId = "wimse.proof_id_missing", "WIMSE wpt-02 section 2";
        /// A proof with this `jti` was used before.
        ProofReplayed = "wimse.proof_replayed", "WIMSE wpt-02 section 2";
        /// The proof's `tth` and the request's `Txn-Token` do not go together.
        ProofTransactionHash = "wimse.proof_transaction_hash", "WIMSE wpt-02 section 2";
        /// The proof's `oth` is no object of hashes by header names in lower case, or has more than 16 entries.
        ProofOtherMalformed = "wimse.proof_other_malformed", "WIMSE wpt-02 section 2; docs/limits.md";
        /// The proof's `oth` names a token that is not in the request, so it is not understood.
        ProofOtherUnknown = "wimse.proof_other_unknown", "WIMSE wpt-02 section 2";
        /// The proof's `oth` names a header field that is there more than once.
        ProofOtherRepeated = "wimse.proof_other_repeated", "WIMSE wpt-02 section 2";
        /// The proof's `oth` has another hash than that of a token in the request, or none of one that has to be covered.
        ProofOtherHash = "wimse.proof_other_hash", "WIMSE wpt-02 section 2";

        /// No signature has WIMSE's tag.
        SignatureMissing = "wimse.signature_missing", "WIMSE http-signature-07 section 3";
        /// More than one signature has WIMSE's tag.
        SignatureRepeated = "wimse.signature_repeated", "WIMSE http-signature-07 section 3";
        /// The signature lacks one of `created`, `expires`, `nonce`, `wimse-aud` and `wimse-req-nonce`, or it is of another type.
        SignatureParameter = "wimse.signature_parameter", "WIMSE http-signature-07 section 3";
        /// The signature has a parameter that it may not have: `keyid`, `alg`, or on a request `wimse-req-nonce`.
        SignatureForbidden = "wimse.signature_parameter_forbidden", "WIMSE http-signature-07 section 3";
        /// The signature was made in the future.
        SignatureInFuture = "wimse.signature_in_future", "RFC 9421 section 2.3";
        /// The signature has expired.
        SignatureExpired = "wimse.signature_expired", "WIMSE http-signature-07 section 3";
        /// The signature's `expires` lies too far ahead, or before `created`: signatures are good for minutes.
        SignatureTooLong = "wimse.signature_lifetime", "WIMSE http-signature-07 section 3; docs/limits.md";
        /// A signature with this nonce was used before.
        SignatureReplayed = "wimse.signature_replayed", "WIMSE http-signature-07 section 3";
        /// `wimse-aud` names another target than this one.
        SignatureAudience = "wimse.signature_audience", "WIMSE http-signature-07 section 3.1";
        /// Something that has to be covered is not.
        SignatureUncovered = "wimse.signature_uncovered", "WIMSE http-signature-07 section 3";
        /// The message has a body and no `Content-Digest`.
        SignatureDigest = "wimse.signature_digest_missing", "WIMSE http-signature-07 section 3";
        /// The response is not signed, and has to be.
        ResponseUnsigned = "wimse.response_unsigned", "WIMSE http-signature-07 section 3.4";
        /// The request wants a signed response, and the server has no identity to sign it with.
        ResponseUnsignable = "wimse.response_unsignable", "WIMSE http-signature-07 section 3.4";
        /// The response's `wimse-req-nonce` is not the nonce of the request.
        ResponseNonce = "wimse.response_nonce", "WIMSE http-signature-07 section 3.3";
    }
}
