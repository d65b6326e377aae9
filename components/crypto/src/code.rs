//! The codes of keys and signatures.

portcullis_types::codes! {
    /// What can be wrong with a key set, a key or a signature.
    pub enum CryptoCode {
        /// A key set is longer than 1 MiB.
        SetTooLarge = "key.set_too_large", "docs/limits.md";
        /// A JWK Set has no `keys`, or it is not a list.
        SetKeysMissing = "key.set_keys_missing", "RFC 7517 section 5.1";
        /// A COSE_KeySet is not a list: a single COSE_Key is none.
        SetNotList = "key.set_not_list", "RFC 9052 section 7";
        /// Something follows a COSE_KeySet.
        SetTrailing = "key.set_trailing", "RFC 9052 section 7; RFC 8949 section 5.3.1";
        /// A key set has more than 256 keys.
        SetTooMany = "key.set_too_many", "docs/limits.md";
        /// A key set holds symmetric and public keys together. A set is for one of the two, so that no public key is
        /// ever within reach of a MAC.
        SetMixed = "key.set_mixed", "RFC 8725bis section 3.1; docs/limits.md";
        /// The key set has no keys.
        SetEmpty = "key.set_empty", "RFC 7517 section 5.1";

        /// An entry of a key set is not an object, or not a map in a COSE_KeySet.
        NotObject = "key.not_object", "RFC 7517 section 4; RFC 9052 section 7";
        /// A member that the key's type requires is not there.
        MemberMissing = "key.member_missing", "RFC 7517 section 4; RFC 7518 section 6; RFC 9052 section 7.1";
        /// A member of a key has the wrong type.
        MemberType = "key.member_type", "RFC 7517 section 4; RFC 7518 section 6; RFC 9052 section 7.1";
        /// A key's type (`kty`) is not one that verifies signatures here.
        TypeUnsupported = "key.type_unsupported", "RFC 7517 section 5";
        /// A key's curve is not one that is used here.
        CurveUnsupported = "key.curve_unsupported", "RFC 7518 section 6.2.1.1; RFC 8037 section 2; RFC 9053 section 7";
        /// A key holds its private part. Whoever can read the key could have signed, so it verifies nothing.
        Private = "key.private", "RFC 7517 section 9.2; docs/limits.md";
        /// A coordinate is not exactly as long as its curve's field.
        CoordinateLength = "key.coordinate_length", "RFC 7518 section 6.2.1.2";
        /// A point is not on its curve.
        NotOnCurve = "key.not_on_curve", "RFC 8725bis section 3.4; SEC 1 section 3.2.2.1";
        /// A point is not given in uncompressed form.
        PointForm = "key.point_form", "RFC 5480 section 2.2; docs/limits.md";
        /// An Ed25519 key is not 32 bytes long.
        Ed25519Length = "key.ed25519_length", "RFC 8032 section 5.1.5";
        /// An Ed25519 key is not the one canonical encoding of a point.
        Ed25519Encoding = "key.ed25519_encoding", "RFC 8032 section 5.1.3";
        /// An Ed25519 key is one of the eight points of small order, under which anybody can sign.
        Ed25519SmallOrder = "key.ed25519_small_order", "RFC 7748 section 6.1; RFC 8032 section 8.9";
        /// An RSA number begins with zero bytes.
        RsaLeadingZero = "key.rsa_leading_zero", "RFC 7518 section 6.3.1.1";
        /// An RSA modulus has fewer than 2,048 or more than 8,192 bits.
        RsaSize = "key.rsa_size", "RFC 7518 section 3.3; docs/limits.md";
        /// An RSA modulus is even, so it is none.
        RsaModulus = "key.rsa_modulus", "RFC 8017 section 3.1";
        /// An RSA exponent is even, below 3, or 2^33 or more.
        RsaExponent = "key.rsa_exponent", "RFC 8017 section 3.1; docs/limits.md";
        /// A symmetric key is shorter than the hash of its algorithm.
        MacKeyTooShort = "key.mac_key_too_short", "RFC 7518 section 3.2";
        /// A public key is not a SubjectPublicKeyInfo in DER.
        SpkiMalformed = "key.spki_malformed", "RFC 5280 section 4.1.2.7";
        /// A SubjectPublicKeyInfo names an algorithm that is not used here, or gives it wrong parameters.
        SpkiAlgorithm = "key.spki_algorithm", "RFC 5480 section 2.1; RFC 8017 appendix A.1; RFC 8410 section 3";
        /// A certificate is not X.509 in DER, or longer than 64 KiB.
        CertificateMalformed = "key.certificate_malformed", "RFC 5280 section 4.1";

        /// No key of the set has the key identifier that is asked for.
        Unknown = "key.unknown", "RFC 7515 section 4.1.4";
        /// A key's `use` says that it is for something else.
        Use = "key.use", "RFC 7517 section 4.2";
        /// A key's `key_ops` do not list `verify` (of a COSE_Key for MACs: MAC verify), or a JWK's list something twice.
        Operations = "key.operations", "RFC 7517 section 4.3; RFC 9052 section 7.1";
        /// A key's `alg` says that it is for another algorithm.
        AlgorithmOther = "key.algorithm_other", "RFC 7517 section 4.4; RFC 9052 section 7.1; RFC 8725bis section 3.1";
        /// A key's type or curve cannot do the algorithm that is asked for.
        AlgorithmMismatch = "key.algorithm_mismatch", "RFC 7518 section 3.1; RFC 8725bis section 3.1";
        /// No key identifier was given, and no key of the set can do the algorithm.
        NoneFits = "key.none_fits", "RFC 7515 section 6";
        /// More than 16 keys of the set could have made the signature, and nothing says which.
        TooManyCandidates = "key.too_many_candidates", "docs/limits.md";

        /// A signature is shorter than its algorithm and key make it.
        SignatureTooShort = "crypto.signature_too_short", "RFC 7518 sections 3.3 to 3.5; RFC 8032 section 5.1.7";
        /// A signature is longer than its algorithm and key make it: in DER, perhaps, or with something appended.
        SignatureTooLong = "crypto.signature_too_long", "RFC 7518 sections 3.3 to 3.5; RFC 8032 section 5.1.7";
        /// An ECDSA signature that comes in DER, as in a certificate, is not exactly two integers from 1 to the curve's
        /// order.
        SignatureDer = "crypto.signature_der", "RFC 3279 section 2.2.3; SEC 1 section 4.1.4 step 1";
        /// A number of an ECDSA signature is zero.
        SignatureZero = "crypto.signature_zero", "SEC 1 section 4.1.4 step 1";
        /// A number of a signature is not below the order of the group.
        SignatureRange = "crypto.signature_range", "SEC 1 section 4.1.4 step 1; RFC 8032 section 5.1.7";
        /// The point in an Ed25519 signature has small order.
        SignatureSmallOrder = "crypto.signature_small_order", "RFC 8032 section 8.9; docs/limits.md";
        /// The signature does not verify under the key: the content, the header or the key is another one.
        SignatureInvalid = "crypto.signature_invalid", "RFC 7515 section 5.2";
        /// A MAC is not exactly as long as its algorithm makes it.
        MacLength = "crypto.mac_length", "RFC 7518 section 3.2; RFC 9053 section 3.1";
        /// The MAC does not verify under the key.
        MacInvalid = "crypto.mac_invalid", "RFC 7518 section 3.2";
        /// The signature library could not tell. Nothing is wrong with the credential; try again or look at the host.
        BackendFailed = "crypto.backend_failed", "design: the crypto seam";
    }
}
