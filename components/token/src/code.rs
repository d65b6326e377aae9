//! The codes of tokens.

portcullis_types::codes! {
    /// What can be wrong with a token.
    pub enum TokenCode {
        /// The token is longer than 256 KiB; nothing of it was decoded.
        TooLarge = "token.too_large", "docs/limits.md";
        /// There is no token: the text is empty.
        Empty = "token.empty", "RFC 7515 section 7.1";
        /// The token is in a JSON serialization; only the compact one is read.
        JsonSerialization = "token.json_serialization", "RFC 7515 section 3.1; RFC 7519 section 1";
        /// The token has five parts: it is encrypted, not signed.
        Encrypted = "token.encrypted", "RFC 7516 section 9";
        /// The token has fewer than three parts separated by dots.
        PartsMissing = "token.parts_missing", "RFC 7515 section 5.2 step 1";
        /// The token has more than three parts separated by dots.
        PartsTooMany = "token.parts_too_many", "RFC 7515 section 5.2 step 1; CVE-2025-27144";

        /// The header has no `alg`.
        AlgorithmMissing = "token.algorithm_missing", "RFC 7515 section 4.1.1";
        /// The header's `alg` is not a text.
        AlgorithmType = "token.algorithm_type", "RFC 7515 section 4.1.1";
        /// The token is unsecured: its `alg` is `none`, however written.
        AlgorithmNone = "token.algorithm_none", "RFC 8725bis section 3.2";
        /// The header's `alg` is no algorithm that is known here. Names are case-sensitive.
        AlgorithmUnknown = "token.algorithm_unknown", "RFC 7515 section 4.1.1; RFC 8725bis section 3.1";
        /// The token has a MAC, and a MAC was not asked for.
        AlgorithmMac = "token.algorithm_mac", "RFC 8725bis section 3.1; docs/limits.md";
        /// The header's `alg` is not on the list of accepted algorithms.
        AlgorithmNotAccepted = "token.algorithm_not_accepted", "RFC 8725bis section 3.1";
        /// The header's `kid` is not a text.
        KeyIdType = "token.key_id_type", "RFC 7515 section 4.1.4";
        /// The header asks for a payload that is not base64url encoded, which is not understood here.
        UnencodedPayload = "token.unencoded_payload", "RFC 7797 sections 3 and 7; docs/limits.md";
        /// The header's `crit` is not a list.
        CriticalNotList = "token.critical_not_list", "RFC 7515 section 4.1.11";
        /// The header's `crit` is empty.
        CriticalEmpty = "token.critical_empty", "RFC 7515 section 4.1.11";
        /// The header's `crit` lists something that is no text.
        CriticalNotText = "token.critical_not_text", "RFC 7515 section 4.1.11";
        /// The header's `crit` lists a name twice.
        CriticalRepeated = "token.critical_repeated", "RFC 7515 section 4.1.11";
        /// The header's `crit` lists a name that the specification itself defines.
        CriticalRegistered = "token.critical_registered", "RFC 7515 section 4.1.11";
        /// The header's `crit` lists a name that the header does not have.
        CriticalAbsent = "token.critical_absent", "RFC 7515 section 4.1.11";
        /// The header's `crit` lists an extension that is not understood here.
        CriticalUnknown = "token.critical_unknown", "RFC 7515 section 4.1.11";
        /// The header's `typ` is not a text.
        TypeType = "token.type_type", "RFC 7515 section 4.1.9";
        /// A type is expected and the header has no `typ`.
        TypeMissing = "token.type_missing", "RFC 8725bis section 3.11; RFC 9068 section 4";
        /// The header's `typ` is not the expected one: it is another kind of token.
        TypeMismatch = "token.type_mismatch", "RFC 8725bis section 3.11; RFC 9068 section 4";

        /// The header's `x5c`, where certificates are looked at, is not a list of 1 to 10 certificates in base64.
        CertificatesMalformed = "token.x5c_malformed", "RFC 7515 section 4.1.6";

        /// A registered claim is `null`.
        ClaimNull = "token.claim_null", "RFC 7519 section 4.1";
        /// The claim `iss` is not a text.
        IssuerType = "token.issuer_type", "RFC 7519 section 4.1.1";
        /// The claim `sub` is not a text.
        SubjectType = "token.subject_type", "RFC 7519 section 4.1.2";
        /// The claim `aud` is neither a text nor a list of texts.
        AudienceType = "token.audience_type", "RFC 7519 section 4.1.3";
        /// The claim `exp` is not a number of seconds from 0 to 2^53 − 1.
        ExpiresType = "token.expires_type", "RFC 7519 sections 2 and 4.1.4";
        /// The claim `nbf` is not a number of seconds from 0 to 2^53 − 1.
        NotBeforeType = "token.not_before_type", "RFC 7519 sections 2 and 4.1.5";
        /// The claim `iat` is not a number of seconds from 0 to 2^53 − 1.
        IssuedAtType = "token.issued_at_type", "RFC 7519 sections 2 and 4.1.6";
        /// The claim `jti` is not a text.
        IdType = "token.id_type", "RFC 7519 section 4.1.7";
        /// A claim of a JWT access token has the wrong type.
        AccessClaimType = "token.access_claim_type", "RFC 9068 section 2.2; RFC 8693 section 4.2";
        /// A claim that every JWT access token has is missing.
        AccessClaimMissing = "token.access_claim_missing", "RFC 9068 section 2.2";
        /// An issuer is expected and the token has no `iss`.
        IssuerMissing = "token.issuer_missing", "RFC 8725bis section 3.8";
        /// The token's `iss` is not the expected issuer, byte by byte.
        IssuerMismatch = "token.issuer_mismatch", "RFC 8725bis section 3.8; RFC 9068 section 4";
        /// An audience is expected and the token has no `aud`.
        AudienceMissing = "token.audience_missing", "RFC 8725bis section 3.9";
        /// The token's `aud` names none of the expected audiences: it was issued for somebody else.
        AudienceMismatch = "token.audience_mismatch", "RFC 7519 section 4.1.3; RFC 9068 section 4";
        /// The token has expired.
        Expired = "token.expired", "RFC 7519 section 4.1.4";
        /// The token is not valid yet.
        NotYetValid = "token.not_yet_valid", "RFC 7519 section 4.1.5";
        /// An age is limited and the token has no `iat` to count from.
        IssuedAtMissing = "token.issued_at_missing", "RFC 7519 section 4.1.6";
        /// An age is limited and the token's `iat` lies in the future.
        IssuedInFuture = "token.issued_in_future", "RFC 7519 section 4.1.6; docs/limits.md";
        /// The token is older than the accepted age.
        TooOld = "token.too_old", "RFC 7519 section 4.1.6";
        /// A claim that is asked for is missing.
        ClaimMissing = "token.claim_missing", "RFC 7519 section 4";

        /// The message is in a CBOR tag that no COSE message read here has.
        CoseTag = "cose.tag", "RFC 9052 section 2";
        /// The message is in a second tag.
        CoseTagRepeated = "cose.tag_repeated", "RFC 9052 section 2";
        /// The message is encrypted, not signed.
        CoseEncrypted = "cose.encrypted", "RFC 9052 section 5";
        /// The message is a COSE_Mac, whose key is told to recipients; only COSE_Mac0 is read.
        CoseRecipients = "cose.recipients", "RFC 9052 section 6.1; docs/limits.md";
        /// The message is not an array.
        CoseNotArray = "cose.not_array", "RFC 9052 sections 4.1, 4.2 and 6.2";
        /// The message's array has not exactly four elements.
        CoseElements = "cose.elements", "RFC 9052 sections 4.1, 4.2 and 6.2";
        /// The protected header is not a byte string.
        CoseProtectedType = "cose.protected_type", "RFC 9052 section 3";
        /// The protected header's bytes are not a map.
        CoseProtectedNotMap = "cose.protected_not_map", "RFC 9052 section 3";
        /// Something follows the map in the protected header's bytes.
        CoseProtectedTrailing = "cose.protected_trailing", "RFC 9052 section 3; RFC 8949 section 5.3.1";
        /// The unprotected header is not a map.
        CoseUnprotectedType = "cose.unprotected_type", "RFC 9052 section 3";
        /// The payload is neither a byte string nor null.
        CosePayloadType = "cose.payload_type", "RFC 9052 section 4.1";
        /// The signature or MAC is not a byte string.
        CoseSignatureType = "cose.signature_type", "RFC 9052 sections 4.1, 4.2 and 6.2";
        /// A signature of a COSE_Sign is not an array of three.
        CoseSignatureForm = "cose.signature_form", "RFC 9052 section 4.1";
        /// The signatures of a COSE_Sign are not a list.
        CoseSignaturesType = "cose.signatures_type", "RFC 9052 section 4.1";
        /// A COSE_Sign has no signatures.
        CoseSignaturesMissing = "cose.signatures_missing", "RFC 9052 section 4.1";
        /// A COSE_Sign has more than 8 signatures.
        CoseSignaturesTooMany = "cose.signatures_too_many", "docs/limits.md";
        /// The payload is detached and was not given.
        CosePayloadMissing = "cose.payload_missing", "RFC 9052 section 4.1";
        /// A payload was given for a message that has its own.
        CosePayloadTwice = "cose.payload_twice", "RFC 9052 section 4.1; docs/limits.md";
        /// A label of a header is neither an integer nor a text.
        CoseLabelType = "cose.label_type", "RFC 9052 section 1.5";
        /// A label stands in the protected and in the unprotected header.
        CoseLabelRepeated = "cose.label_repeated", "RFC 9052 section 3; RFC 9597 section 2";
        /// A header parameter that RFC 9052 defines has the wrong type.
        CoseParameterType = "cose.parameter_type", "RFC 9052 section 3.1";
        /// The `kid` is not a byte string.
        CoseKeyIdType = "cose.key_id_type", "RFC 9052 section 3.1";
        /// A layer has both an IV and a partial IV.
        CoseIvTwice = "cose.iv_twice", "RFC 9052 section 3.1";
        /// The CWT Claims header parameter is not a map, or a label in it is neither an integer nor a text.
        CoseClaimsType = "cose.claims_type", "RFC 9597 section 2";
        /// `crit` stands in the unprotected header.
        CoseCriticalUnprotected = "cose.critical_unprotected", "RFC 9052 section 3.1";
        /// `crit` is not a list.
        CoseCriticalNotList = "cose.critical_not_list", "RFC 9052 section 3.1";
        /// `crit` is empty.
        CoseCriticalEmpty = "cose.critical_empty", "RFC 9052 section 3.1";
        /// `crit` lists something that is neither an integer nor a text.
        CoseCriticalNotLabel = "cose.critical_not_label", "RFC 9052 section 3.1";
        /// `crit` lists a label that the protected header does not have.
        CoseCriticalAbsent = "cose.critical_absent", "RFC 9052 section 3.1";
        /// `crit` lists a label that is not understood here.
        CoseCriticalUnknown = "cose.critical_unknown", "RFC 9052 section 3.1";
        /// `typ` stands in the unprotected header.
        CoseTypeUnprotected = "cose.type_unprotected", "RFC 9596 section 2";
        /// `typ` is neither a number of a content format nor a full media type.
        CoseTypeForm = "cose.type_form", "RFC 9596 section 2; RFC 9052 section 3.1";
        /// The headers have no `alg`.
        CoseAlgorithmMissing = "cose.algorithm_missing", "RFC 9052 section 3.1";
        /// The `alg` stands in the unprotected header alone, where anybody could have changed it.
        CoseAlgorithmUnprotected = "cose.algorithm_unprotected", "RFC 9052 section 3.1; docs/limits.md";
        /// The `alg` is neither an integer nor a text.
        CoseAlgorithmType = "cose.algorithm_type", "RFC 9052 section 3.1";
        /// The `alg` is a text, and no algorithm is registered under one.
        CoseAlgorithmText = "cose.algorithm_text", "RFC 9053 section 1; RFC 8152 section 16.4";
        /// The `alg` is RSA with SHA-1, which is broken.
        CoseAlgorithmSha1 = "cose.algorithm_sha1", "RFC 8812 section 2; docs/limits.md";
        /// The `alg` is no algorithm for signatures or MACs that is known here.
        CoseAlgorithmUnknown = "cose.algorithm_unknown", "RFC 9052 section 3.1; RFC 9053 section 2";
        /// The `alg` of a signature is one for MACs.
        CoseMacInSignature = "cose.mac_in_signature", "RFC 9052 section 8.1; RFC 9053 section 2";
        /// The `alg` of a MAC is one for signatures.
        CoseSignatureInMac = "cose.signature_in_mac", "RFC 9052 section 8.2; RFC 9053 section 3";

        /// The profile `at+jwt` was asked for, which is for JWTs alone.
        CwtProfile = "cwt.profile", "RFC 9068 section 2";
        /// The CWT tag is not around a tagged COSE message.
        CwtTagContent = "cwt.tag_content", "RFC 8392 section 6";
        /// The claims are not a map.
        CwtClaimsType = "cwt.claims_type", "RFC 8392 section 7.2";
        /// Something follows the claims in the payload.
        CwtClaimsTrailing = "cwt.claims_trailing", "RFC 8392 section 7.2; RFC 8949 section 5.3.1";
        /// A label of a claim is neither an integer nor a text.
        CwtLabelType = "cwt.label_type", "RFC 8392 section 1.1";
        /// A text label is written like a registered claim or a number, and so would be taken for what it is not:
        /// registered claims have integer labels.
        CwtLabelName = "cwt.label_name", "RFC 8392 section 4; docs/limits.md";
        /// The claim `cti` is not a byte string.
        CwtIdType = "cwt.id_type", "RFC 8392 section 3.1.7";
        /// A claim in the header has another value than in the payload.
        CwtClaimsDiffer = "cwt.claims_differ", "RFC 9597 section 2";

        /// The request has no `DPoP` header field.
        DpopMissing = "dpop.missing", "RFC 9449 section 4.3 check 1";
        /// The request has more than one `DPoP` header field.
        DpopRepeated = "dpop.repeated", "RFC 9449 section 4.3 check 1";
        /// The `DPoP` header field is a list: several were joined.
        DpopList = "dpop.list", "RFC 9449 section 4.3 check 1; RFC 9110 section 5.3";
        /// A claim that every proof has is missing.
        DpopClaimMissing = "dpop.claim_missing", "RFC 9449 section 4.3 check 3";
        /// A claim of the proof has the wrong type.
        DpopClaimType = "dpop.claim_type", "RFC 9449 section 4.2";
        /// The proof's `jti` is empty, so it identifies nothing.
        DpopIdEmpty = "dpop.id_empty", "RFC 9449 section 4.2; docs/limits.md";
        /// The proof's header has no `jwk`.
        DpopKeyMissing = "dpop.key_missing", "RFC 9449 section 4.2";
        /// The `jwk` in the proof's header is not an object.
        DpopKeyType = "dpop.key_type", "RFC 9449 section 4.2";
        /// The `htm` is the request's method but for case. Methods are case-sensitive.
        DpopMethodCase = "dpop.method_case", "RFC 9449 section 4.3 check 8; RFC 9110 section 9.1";
        /// The `htm` is not the request's method.
        DpopMethodMismatch = "dpop.method_mismatch", "RFC 9449 section 4.3 check 8";
        /// The request's own URL is not an absolute http or https URI.
        DpopUrlMalformed = "dpop.url_malformed", "RFC 9449 section 4.3 check 9";
        /// The `htu` is not an absolute http or https URI.
        DpopTargetMalformed = "dpop.target_malformed", "RFC 9449 section 4.2";
        /// The `htu` has a user name in it.
        DpopTargetUser = "dpop.target_user", "RFC 9110 section 4.2.4";
        /// The scheme of `htu` is not that of the request.
        DpopTargetScheme = "dpop.target_scheme", "RFC 9449 section 4.3 check 9";
        /// The host of `htu` is not that of the request.
        DpopTargetHost = "dpop.target_host", "RFC 9449 section 4.3 check 9";
        /// The port of `htu` is not that of the request.
        DpopTargetPort = "dpop.target_port", "RFC 9449 section 4.3 check 9";
        /// The path of `htu` is not that of the request.
        DpopTargetPath = "dpop.target_path", "RFC 9449 section 4.3 check 9";
        /// The proof's nonce is not a text.
        DpopNonceType = "dpop.nonce_type", "RFC 9449 section 4.2";
        /// A nonce was issued and the proof has none: OAuth's `use_dpop_nonce`.
        DpopNonceMissing = "dpop.nonce_missing", "RFC 9449 section 4.3 check 10";
        /// The proof's nonce is not the one that was issued: OAuth's `use_dpop_nonce`.
        DpopNonceMismatch = "dpop.nonce_mismatch", "RFC 9449 section 4.3 check 10";
        /// The proof was made longer ago than is accepted.
        DpopTooOld = "dpop.too_old", "RFC 9449 section 4.3 check 11";
        /// The proof was made further in the future than clocks may differ.
        DpopInFuture = "dpop.in_future", "RFC 9449 section 4.3 check 11";
        /// The proof goes with an access token and has no `ath`.
        DpopTokenHashMissing = "dpop.token_hash_missing", "RFC 9449 section 4.3 check 12";
        /// The proof's `ath` is not the hash of the access token.
        DpopTokenHashMismatch = "dpop.token_hash_mismatch", "RFC 9449 section 4.3 check 12";
        /// The proof's key is not the one the access token is bound to.
        DpopKeyMismatch = "dpop.key_mismatch", "RFC 9449 section 4.3 check 12";
        /// The proof was used before.
        DpopReplayed = "dpop.replayed", "RFC 9449 section 11.1";

        /// The claim `cnf` is not an object.
        ConfirmationType = "cnf.type", "RFC 7800 section 3.1";
        /// The claim `cnf` names no key at all.
        ConfirmationEmpty = "cnf.empty", "RFC 7800 section 3.1";
        /// The claim `cnf` names more than one key.
        ConfirmationSeveral = "cnf.several", "RFC 7800 section 3.1";
        /// The claim `cnf` names its key in a way that is not understood here: encrypted, by URL, or in a new way.
        ConfirmationUnsupported = "cnf.unsupported", "RFC 7800 sections 3.3 and 3.5; docs/limits.md";
        /// A member of the claim `cnf` has the wrong type.
        ConfirmationMemberType = "cnf.member_type", "RFC 7800 section 3";
        /// A thumbprint is not the base64url of a SHA-256 hash.
        ConfirmationThumbprint = "cnf.thumbprint", "RFC 9449 section 6.1; RFC 8705 section 3.1";

        /// The token is bound to a client certificate and none was presented.
        CertificateMissing = "mtls.certificate_missing", "RFC 8705 section 3";
        /// The client certificate is not the one the token is bound to.
        CertificateMismatch = "mtls.certificate_mismatch", "RFC 8705 section 3";
    }
}
