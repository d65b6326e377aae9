//! The codes of SPIFFE IDs, bundles and SVIDs.

portcullis_types::codes! {
    /// What can be wrong with a SPIFFE ID, a bundle or an SVID.
    pub enum SvidCode {
        /// The SPIFFE ID is empty.
        IdEmpty = "spiffe.empty", "SPIFFE-ID section 2";
        /// The SPIFFE ID is longer than 2,048 bytes.
        IdTooLong = "spiffe.too_long", "SPIFFE-ID section 2.3; docs/limits.md";
        /// The SPIFFE ID begins with white space. Nothing is trimmed.
        IdWhiteSpace = "spiffe.white_space", "SPIFFE-ID section 2; RFC 3986 section 2";
        /// The scheme is not `spiffe` in lower case.
        IdScheme = "spiffe.scheme", "SPIFFE-ID section 2; docs/limits.md";
        /// No `//` follows the scheme, so there is no trust domain.
        IdAuthorityMissing = "spiffe.authority_missing", "SPIFFE-ID section 2; RFC 3986 section 3.2";
        /// The SPIFFE ID has a query, perhaps an empty one.
        IdQuery = "spiffe.query", "SPIFFE-ID section 2";
        /// The SPIFFE ID has a fragment, perhaps an empty one.
        IdFragment = "spiffe.fragment", "SPIFFE-ID section 2";
        /// The trust domain is empty.
        TrustDomainMissing = "spiffe.trust_domain_missing", "SPIFFE-ID section 2.1";
        /// The SPIFFE ID has user information before the trust domain.
        IdUserinfo = "spiffe.userinfo", "SPIFFE-ID section 2.1";
        /// The SPIFFE ID has a port after the trust domain, perhaps an empty one.
        IdPort = "spiffe.port", "SPIFFE-ID section 2.1";
        /// A trust domain or a path has percent-encoded characters.
        IdPercentEncoding = "spiffe.percent_encoding", "SPIFFE-ID sections 2.1 and 2.2";
        /// A trust domain has a letter in upper case. It is refused, never lowered.
        TrustDomainUpperCase = "spiffe.trust_domain_upper_case", "SPIFFE-ID section 2.1; docs/limits.md";
        /// A trust domain has a character other than `a-z 0-9 . - _`.
        TrustDomainCharacter = "spiffe.trust_domain_character", "SPIFFE-ID section 2.1";
        /// A trust domain is longer than 255 bytes.
        TrustDomainTooLong = "spiffe.trust_domain_too_long", "SPIFFE-ID section 2.3";
        /// A path ends with a slash.
        PathTrailingSlash = "spiffe.trailing_slash", "SPIFFE-ID section 2.2";
        /// A path has an empty segment.
        PathEmptySegment = "spiffe.empty_segment", "SPIFFE-ID section 2.2";
        /// A path has a segment `.` or `..`.
        PathDotSegment = "spiffe.dot_segment", "SPIFFE-ID section 2.2";
        /// A path segment has a character other than `a-z A-Z 0-9 . - _`.
        PathCharacter = "spiffe.path_character", "SPIFFE-ID section 2.2";
        /// The `*` of a pattern of SPIFFE IDs stands elsewhere than alone at the end, after a slash.
        PatternWildcard = "spiffe.pattern_wildcard", "draft-ietf-oauth-spiffe-client-auth-02 section 5";

        /// A bundle is longer than 1 MiB.
        BundleTooLarge = "bundle.too_large", "docs/limits.md";
        /// There are more than 256 trust domains.
        BundleTooManyDomains = "bundle.too_many_trust_domains", "docs/limits.md";
        /// The name under which a bundle stands is not that of a trust domain.
        BundleNameInvalid = "bundle.trust_domain_name", "SPIFFE Trust Domain and Bundle section 5.1.1; SPIFFE-ID section 2.1";
        /// A bundle has no list `keys`. Without it nobody knows whether the trust domain revoked its keys, which is what an
        /// empty list says.
        BundleKeysMissing = "bundle.keys_missing", "SPIFFE Trust Domain and Bundle section 4.1.3";
        /// A bundle has more than 256 keys.
        BundleTooManyKeys = "bundle.too_many_keys", "docs/limits.md";
        /// A bundle's `spiffe_sequence` is not a whole number from 0 to 2^64 − 1.
        BundleSequenceType = "bundle.sequence_type", "SPIFFE Trust Domain and Bundle section 4.1.1";
        /// A bundle's `spiffe_refresh_hint` is not a whole number of seconds.
        BundleRefreshHintType = "bundle.refresh_hint_type", "SPIFFE Trust Domain and Bundle section 4.1.2";
        /// A bundle has a lower `spiffe_sequence` than the one it would replace: it is older.
        BundleSequenceLower = "bundle.sequence_lower", "SPIFFE Trust Domain and Bundle section 4.1.1; SPIFFE Federation section 4.2";
        /// A key of a bundle is of a type that SVIDs are not signed with, so it is passed over.
        EntryTypeUnknown = "bundle.key_type_unknown", "SPIFFE Trust Domain and Bundle section 4.2.1";
        /// A key of a bundle does not say what it is for, so it is passed over.
        EntryUseMissing = "bundle.use_missing", "SPIFFE Trust Domain and Bundle section 4.2.2";
        /// A key of a bundle is for something that is not known here, so it is passed over.
        EntryUseUnknown = "bundle.use_unknown", "SPIFFE Trust Domain and Bundle section 4.2.2";
        /// A key of a bundle for JWT-SVIDs or WIT-SVIDs has no `kid`, so it is passed over.
        EntryKeyIdMissing = "bundle.key_id_missing", "JWT-SVID section 6.1; WIT-SVID section 6.1";
        /// A key of a bundle for X.509-SVIDs has no certificate, so it is passed over.
        EntryX5cMissing = "bundle.x5c_missing", "X509-SVID section 6.2";
        /// A key of a bundle has an `x5c` that is not a list of texts, so it is passed over.
        EntryX5cType = "bundle.x5c_type", "X509-SVID section 6.1; RFC 7517 section 4.7";
        /// The certificate of a bundle's key is not in base64 with padding, so the key is passed over.
        EntryX5cEncoding = "bundle.x5c_encoding", "X509-SVID section 6.1; RFC 7517 section 4.7";
        /// The certificate of a bundle's key is one of another key, so both are passed over.
        EntryX5cKeyMismatch = "bundle.x5c_key_mismatch", "RFC 7517 section 4.7";

        /// There is no bundle of the SPIFFE ID's trust domain: it is not one that is trusted here.
        TrustDomainUnknown = "svid.trust_domain_unknown", "SPIFFE-ID section 3.1; SPIFFE Federation section 7.3";
        /// The trust domain's bundle has no certificate for X.509-SVIDs: it does not issue them, or revoked all.
        NoX509Authority = "bundle.no_x509_authority", "X509-SVID section 6.2; SPIFFE Trust Domain and Bundle section 4.1.3";
        /// The trust domain's bundle has no key for JWT-SVIDs: it does not issue them, or revoked all.
        NoJwtAuthority = "bundle.no_jwt_authority", "JWT-SVID section 6.2; SPIFFE Trust Domain and Bundle section 4.1.3";
        /// The trust domain's bundle has no key for WIT-SVIDs: it does not issue them, or revoked all.
        NoWitAuthority = "bundle.no_wit_authority", "WIT-SVID section 6.2; SPIFFE Trust Domain and Bundle section 4.1.3";
        /// The key that the token names is one for X.509-SVIDs.
        KeyForX509 = "svid.key_for_x509", "SPIFFE Trust Domain and Bundle section 4.2.2";
        /// The key that the token names is one for JWT-SVIDs.
        KeyForJwt = "svid.key_for_jwt", "SPIFFE Trust Domain and Bundle section 4.2.2; WIT-SVID section 6.2";
        /// The key that the token names is one for WIT-SVIDs.
        KeyForWit = "svid.key_for_wit", "SPIFFE Trust Domain and Bundle section 4.2.2; JWT-SVID section 6.2";
        /// The key that the token names is another trust domain's. A bundle speaks for its own trust domain only.
        KeyOfOtherTrustDomain = "svid.key_of_other_trust_domain", "SPIFFE-ID section 3.1; SPIFFE Federation section 7.3";
        /// The token brings its own key along or says where it is. Keys come from the bundle or not at all.
        KeyInHeader = "svid.key_in_header", "JWT-SVID section 2; RFC 8725bis section 3.10";

        /// The token has no `sub`, so it says of nobody that it is them.
        SubjectMissing = "svid.subject_missing", "JWT-SVID section 3.1; WIT-SVID section 3.1";
        /// The token's `sub` is not a text.
        SubjectType = "svid.subject_type", "JWT-SVID section 3.1; WIT-SVID section 3.1";
        /// The token has no `exp`.
        ExpiresMissing = "svid.expires_missing", "JWT-SVID section 3.3; WIT-SVID section 3.4";
        /// The `typ` of a JWT-SVID is neither absent nor `JWT` nor `JOSE`: it is another kind of token.
        JwtType = "svid.jwt_type", "JWT-SVID section 2.3";
        /// The header of a JWT-SVID has a member other than `alg`, `kid` and `typ`.
        JwtHeader = "svid.jwt_header", "JWT-SVID section 2";
        /// A WIT-SVID has no `kid`.
        WitKeyIdMissing = "svid.wit_key_id_missing", "WIT-SVID section 2.1";
        /// A WIT-SVID has an `aud`. Who it is for is said by the proof of possession.
        WitAudience = "svid.wit_audience", "WIT-SVID section 3.8";
        /// A WIT-SVID has no `cnf`, so nobody could prove that it is theirs.
        ConfirmationMissing = "svid.confirmation_missing", "WIT-SVID section 3.2";
        /// The `cnf` of a WIT-SVID is not an object.
        ConfirmationType = "svid.confirmation_type", "RFC 7800 section 3.1";
        /// The `cnf` of a WIT-SVID names its key in more than one way.
        ConfirmationAmbiguous = "svid.confirmation_ambiguous", "RFC 7800 section 3.1";
        /// The `cnf` of a WIT-SVID has no `jwk`.
        ConfirmationKeyMissing = "svid.confirmation_key_missing", "WIT-SVID section 3.2; WIMSE workload-creds section 5.1";
        /// The `cnf.jwk` of a WIT-SVID is not an object.
        ConfirmationKeyType = "svid.confirmation_key_type", "RFC 7800 section 3.2";
        /// The `cnf.jwk` of a WIT-SVID is a symmetric key, which the token shows to everybody who sees it.
        ConfirmationSymmetric = "svid.confirmation_symmetric", "RFC 7800 section 3.2; WIMSE workload-creds section 5.1";
        /// The `cnf.jwk` of a WIT-SVID has no `alg`.
        ConfirmationAlgorithmMissing = "svid.confirmation_algorithm_missing", "WIT-SVID section 3.2; WIMSE workload-creds section 5.1";
        /// The `cnf.jwk.alg` of a WIT-SVID is not one of the nine algorithms.
        ConfirmationAlgorithm = "svid.confirmation_algorithm", "WIT-SVID section 3.2";

        /// The certificates' PEM text is longer than 1 MiB.
        PemTooLarge = "svid.pem_too_large", "docs/limits.md";
        /// The text has no PEM block.
        PemMissing = "svid.pem_missing", "RFC 7468 section 5.1";
        /// A PEM block is something other than a certificate.
        PemLabel = "svid.pem_label", "RFC 7468 section 5.1";
        /// A PEM block is not in the strict form.
        PemMalformed = "svid.pem_malformed", "RFC 7468 section 3";
        /// There is no certificate.
        ChainEmpty = "svid.chain_empty", "X509-SVID section 5.1";
        /// There are more than 10 certificates.
        ChainTooLong = "svid.chain_too_long", "docs/limits.md";
        /// A certificate is longer than 64 KiB.
        CertificateTooLarge = "svid.certificate_too_large", "docs/limits.md";
        /// A certificate is not X.509 in DER.
        CertificateMalformed = "svid.certificate_malformed", "RFC 5280 section 4.1";
        /// Something follows a certificate, or a part of it where nothing may.
        CertificateTrailing = "svid.certificate_trailing", "RFC 5280 section 4.1";
        /// A certificate is not of version 3, so it cannot say what it is for.
        CertificateVersion = "svid.certificate_version", "RFC 5280 section 4.1.2.1";
        /// A certificate names one signature algorithm inside what is signed and another one outside.
        CertificateAlgorithmDiffers = "svid.certificate_algorithm_differs", "RFC 5280 section 4.1.1.2";
        /// A certificate has an extension twice.
        ExtensionRepeated = "svid.extension_repeated", "RFC 5280 section 4.2";
        /// An extension that is read here is not in its form.
        ExtensionMalformed = "svid.extension_malformed", "RFC 5280 section 4.2.1";
        /// A certificate has a critical extension that is not understood here.
        ExtensionUnknownCritical = "svid.extension_unknown_critical", "RFC 5280 sections 4.2, 6.1.4 (o) and 6.1.5 (f)";

        /// The first certificate is a CA's, and another one of the chain was issued by it: the leaf stands in the wrong place.
        LeafNotFirst = "svid.leaf_not_first", "X509-SVID sections 3.2 and 5.1";
        /// A signing certificate was used to authenticate.
        LeafSigning = "svid.leaf_signing_certificate", "X509-SVID sections 3.2 and 5.2";
        /// A leaf certificate has `cA` set.
        LeafCa = "svid.leaf_ca", "X509-SVID sections 4.1 and 5.2";
        /// A leaf certificate has no subject alternative name.
        LeafNamesMissing = "svid.names_missing", "X509-SVID section 2";
        /// A leaf certificate has no URI among its names, so it has no SPIFFE ID.
        LeafUriMissing = "svid.uri_missing", "X509-SVID section 2";
        /// A leaf certificate has more than one URI among its names.
        LeafUriRepeated = "svid.uri_repeated", "X509-SVID sections 2 and 5.2";
        /// A leaf certificate has no subject, and its subject alternative name is not critical.
        LeafNamesNotCritical = "svid.names_not_critical", "X509-SVID section 3.1; RFC 5280 section 4.1.2.6";
        /// The SPIFFE ID of a leaf certificate has no path: it is that of a trust domain.
        LeafPathMissing = "svid.path_missing", "X509-SVID sections 3.1 and 5.2";
        /// A leaf certificate does not say what its key may be used for.
        LeafKeyUsageMissing = "svid.key_usage_missing", "X509-SVID section 4.3";
        /// The key of a leaf certificate may sign certificates.
        LeafKeyCertSign = "svid.key_cert_sign", "X509-SVID sections 4.3 and 5.2";
        /// The key of a leaf certificate may sign revocation lists.
        LeafCrlSign = "svid.crl_sign", "X509-SVID sections 4.3 and 5.2";
        /// The key of a leaf certificate may not sign.
        LeafDigitalSignatureMissing = "svid.digital_signature_missing", "X509-SVID section 4.3";
        /// A leaf certificate limits its purposes and leaves out TLS servers or TLS clients.
        LeafExtendedKeyUsage = "svid.extended_key_usage", "X509-SVID section 4.4";

        /// A certificate is signed with SHA-1 or an older hash.
        SignatureHashWeak = "svid.signature_hash_weak", "docs/limits.md; RFC 9155 section 2";
        /// A certificate is signed with an algorithm that is not used here.
        SignatureAlgorithm = "svid.signature_algorithm", "RFC 5280 section 4.1.1.2; RFC 4055; RFC 5758; RFC 8410";
        /// A certificate's signature algorithm has wrong parameters.
        SignatureParameters = "svid.signature_parameters", "RFC 4055 section 3.1; RFC 5758 section 3.2; RFC 8410 section 3";
        /// A certificate is signed on a curve with a hash of another size. Each curve goes with the one of its own.
        SignatureHashOther = "svid.signature_hash_other", "docs/limits.md; RFC 7518 section 3.4";
        /// A certificate's signature is no whole number of bytes.
        SignatureBits = "svid.signature_bits", "RFC 5280 section 4.1.1.3";
        /// More than 100 signatures would have to be verified to find the way to an authority.
        TooManySignatures = "svid.too_many_signatures", "docs/limits.md";
        /// The leaf came alone, and its issuer is not in the trust domain's bundle: its intermediates are missing, or it
        /// is somebody else's. At a gate: the leaf or its digest came alone, and the listener does not trust its proxy's
        /// validation.
        ChainIncomplete = "svid.chain_incomplete", "RFC 5280 section 6.1.3 (a)(4)";
        /// No certificate of the chain or the bundle has the name of an issuer, though the chain goes on.
        IssuerUnknown = "svid.issuer_unknown", "RFC 5280 section 6.1.3 (a)(4)";
        /// The chain ends below an authority that is not in the trust domain's bundle.
        AuthorityUnknown = "svid.authority_unknown", "X509-SVID section 5.1; RFC 5280 section 6.1";
        /// The chain ends below a certificate that stands in the bundle as a further one of an `x5c`, where only the first
        /// counts.
        AuthorityNotFirst = "svid.authority_not_first", "X509-SVID section 6.2";
        /// The chain ends below another trust domain's authority, which cannot speak for this one.
        AuthorityOfOtherTrustDomain = "svid.authority_of_other_trust_domain", "SPIFFE-ID section 3.1; X509-SVID section 5.1; SPIFFE Federation section 7.3";

        /// The leaf certificate has expired.
        Expired = "svid.expired", "RFC 5280 sections 4.1.2.5 and 6.1.3 (a)(2)";
        /// The leaf certificate is not valid yet.
        NotYetValid = "svid.not_yet_valid", "RFC 5280 sections 4.1.2.5 and 6.1.3 (a)(2)";
        /// An intermediate certificate has expired.
        IntermediateExpired = "svid.intermediate_expired", "RFC 5280 sections 4.1.2.5 and 6.1.3 (a)(2)";
        /// An intermediate certificate is not valid yet.
        IntermediateNotYetValid = "svid.intermediate_not_yet_valid", "RFC 5280 sections 4.1.2.5 and 6.1.3 (a)(2)";
        /// The authority's certificate in the bundle has expired: the bundle is old.
        AuthorityExpired = "svid.authority_expired", "docs/limits.md; RFC 5280 section 4.1.2.5";
        /// The authority's certificate in the bundle is not valid yet.
        AuthorityNotYetValid = "svid.authority_not_yet_valid", "docs/limits.md; RFC 5280 section 4.1.2.5";
        /// A URI of a certificate is not among those its issuers are limited to.
        UriNotPermitted = "svid.uri_not_permitted", "RFC 5280 sections 4.2.1.10 and 6.1.3 (b); X509-SVID section 4.2";
        /// A URI of a certificate is one that an issuer may not issue for.
        UriExcluded = "svid.uri_excluded", "RFC 5280 sections 4.2.1.10 and 6.1.3 (c); X509-SVID section 4.2";
        /// A DNS name of a certificate is not among those its issuers are limited to.
        DnsNotPermitted = "svid.dns_not_permitted", "RFC 5280 sections 4.2.1.10 and 6.1.3 (b)";
        /// A DNS name of a certificate is one that an issuer may not issue for.
        DnsExcluded = "svid.dns_excluded", "RFC 5280 sections 4.2.1.10 and 6.1.3 (c)";
        /// The subject or a directory name of a certificate is not among those its issuers are limited to.
        DirectoryNotPermitted = "svid.directory_not_permitted", "RFC 5280 sections 4.2.1.10 and 6.1.3 (b)";
        /// The subject or a directory name of a certificate is, or could be taken for, one that an issuer may not issue for.
        DirectoryExcluded = "svid.directory_excluded", "RFC 5280 sections 4.2.1.10 and 6.1.3 (c); docs/limits.md";
        /// An issuer is limited in a kind of name that the certificate has and that is not compared here.
        NameConstraintUnsupported = "svid.name_constraint_unsupported", "RFC 5280 section 4.2.1.10";
        /// The limits of an issuer's names are not in their form.
        NameConstraintMalformed = "svid.name_constraint_malformed", "RFC 5280 section 4.2.1.10";
        /// A chain's names and the limits on them are too many: more than 250,000 comparisons.
        TooManyNameComparisons = "svid.too_many_name_comparisons", "docs/limits.md";
        /// An issuer's certificate does not say that it is a CA's.
        SigningConstraintsMissing = "svid.issuer_constraints_missing", "RFC 5280 section 6.1.4 (k); X509-SVID section 4.1";
        /// An issuer's certificate is not a CA's.
        SigningNotCa = "svid.issuer_not_ca", "RFC 5280 section 6.1.4 (k); X509-SVID section 4.1";
        /// More intermediate certificates follow than an issuer allows.
        PathLength = "svid.path_length", "RFC 5280 sections 4.2.1.9 and 6.1.4 (l)";
        /// An issuer's key may not sign certificates.
        SigningKeyCertSign = "svid.issuer_key_cert_sign_missing", "RFC 5280 section 6.1.4 (n); X509-SVID section 4.3";
        /// An issuer has a SPIFFE ID, so it is an SVID, and does not say what its key may be used for.
        SigningKeyUsageMissing = "svid.issuer_key_usage_missing", "X509-SVID section 4.3";
        /// An issuer has a SPIFFE ID, so it is an SVID, and another URI beside it.
        SigningUriRepeated = "svid.issuer_uri_repeated", "X509-SVID section 2";
        /// An issuer has a URI of the scheme `spiffe` that is no SPIFFE ID.
        SigningIdInvalid = "svid.issuer_spiffe_id", "X509-SVID section 3.2; SPIFFE-ID section 2";
        /// An issuer's SPIFFE ID has a path, as only workloads' have.
        SigningPath = "svid.issuer_path", "X509-SVID section 3.2";

        /// The purpose that certificates are to have is no object identifier.
        PurposeMalformed = "svid.purpose_malformed", "X.660; docs/policy.md";
        /// A certificate that is to vouch for a key is not for that purpose.
        PurposeMissing = "svid.purpose_missing", "RFC 5280 section 4.2.1.12; draft-ietf-oauth-status-list-21 section 10";
    }
}
