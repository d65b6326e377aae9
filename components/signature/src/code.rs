//! The codes of message signatures and digests.

portcullis_types::codes! {
    /// What can be wrong with a message signature or a digest.
    pub enum SignatureCode {
        /// The message carries no signature: it has neither `Signature-Input` nor `Signature`.
        Missing = "signature.missing", "RFC 9421 section 3.2 step 1";
        /// The message has `Signature` and no `Signature-Input`.
        InputMissing = "signature.input_missing", "RFC 9421 section 4";
        /// The message has `Signature-Input` and no `Signature`.
        ValueMissing = "signature.value_missing", "RFC 9421 section 4";
        /// A field, its lines combined, is longer than 256 KiB.
        FieldTooLarge = "signature.field_too_large", "docs/limits.md";
        /// `Signature-Input`, `Signature` or `Accept-Signature` is not a Dictionary structured field.
        Syntax = "signature.syntax", "RFC 9421 sections 4.1, 4.2 and 5.1; RFC 9651 section 4.2.2";
        /// A label occurs twice in one of the signature fields.
        LabelRepeated = "signature.label_repeated", "RFC 9421 sections 4, 4.1 and 4.2";
        /// A label stands in one of `Signature-Input` and `Signature` and not in the other.
        LabelUnpaired = "signature.label_unpaired", "RFC 9421 section 4";
        /// A message has more than 16 signatures.
        TooMany = "signature.too_many", "docs/limits.md";

        /// No signature has the label that is asked for.
        LabelUnknown = "signature.label_unknown", "RFC 9421 section 3.2 step 1.1";
        /// No signature has the tag that is asked for.
        TagUnknown = "signature.tag_unknown", "RFC 9421 sections 3.2 step 1.1 and 7.2.7";
        /// Several signatures have the tag that is asked for, so that none of them is meant.
        TagRepeated = "signature.tag_repeated", "RFC 9421 sections 7.2.6 and 7.2.7";
        /// There are several signatures, and neither a label nor a tag says which is meant.
        Ambiguous = "signature.ambiguous", "RFC 9421 sections 3.2 step 1.1 and 7.2.6";

        /// A member of `Signature-Input` or `Accept-Signature` is not an inner list.
        InputType = "signature.input_type", "RFC 9421 section 4.1";
        /// A member of `Signature` is not a byte sequence.
        ValueType = "signature.value_type", "RFC 9421 section 4.2";
        /// A signature is empty.
        ValueEmpty = "signature.value_empty", "RFC 9421 section 4.2";
        /// The base64 of a signature has bits that encode nothing and are not zero, so that two texts would stand for one
        /// signature.
        ValueTrailingBits = "signature.value_trailing_bits", "RFC 4648 section 3.5; docs/limits.md";
        /// A parameter of a signature occurs twice.
        ParameterRepeated = "signature.parameter_repeated", "RFC 9421 section 2.3; RFC 9651 section 3.1.2";
        /// A signature has more than 32 parameters.
        ParametersTooMany = "signature.parameters_too_many", "docs/limits.md";
        /// A parameter of a signature has the wrong type: `created` and `expires` are integers, `nonce`, `alg`, `keyid` and
        /// `tag` strings; where a signature is asked for, `created` and `expires` have no value.
        ParameterType = "signature.parameter_type", "RFC 9421 sections 2.3 and 5.1";
        /// A parameter that is to be written cannot be: its name is no key or that of another, or its value fits into no
        /// structured field.
        ParameterValue = "signature.parameter_value", "RFC 9421 section 2.3; RFC 9651 section 3.3";
        /// A label that is to be written is no key of a Dictionary.
        LabelForm = "signature.label_form", "RFC 9421 section 4.1; RFC 9651 section 3.1.2";

        /// A covered component is not a string, or the text of a component identifier is none.
        ComponentSyntax = "signature.component_syntax", "RFC 9421 sections 2 and 4.1";
        /// A component is no field name and no derived component's.
        ComponentName = "signature.component_name", "RFC 9421 sections 2.1 and 2.2; RFC 9110 section 5.1";
        /// A component's name has upper-case letters.
        ComponentUpperCase = "signature.component_upper_case", "RFC 9421 section 2.1";
        /// A derived component is not one that is known here.
        ComponentUnknown = "signature.component_unknown", "RFC 9421 sections 2.2 and 2.5 step 2.4";
        /// `@signature-params` is listed among the covered components.
        ComponentSignatureParams = "signature.component_signature_params", "RFC 9421 section 2.3";
        /// A component has a parameter that is not known here.
        ComponentParameterUnknown = "signature.component_parameter_unknown", "RFC 9421 sections 2.1 and 2.5 step 2.4";
        /// A parameter of a component occurs twice.
        ComponentParameterRepeated = "signature.component_parameter_repeated", "RFC 9421 section 2; RFC 9651 section 3.1.2";
        /// A parameter of a component has the wrong type: `sf`, `bs`, `req` and `tr` are flags, `key` and `name` strings.
        ComponentParameterType = "signature.component_parameter_type", "RFC 9421 sections 2.1 and 2.2.8";
        /// A parameter of a component does not apply to it: `sf`, `bs`, `key` and `tr` are for fields, `name` for
        /// `@query-param`, where it is required.
        ComponentParameterMisplaced = "signature.component_parameter_misplaced", "RFC 9421 sections 2.1, 2.2.8 and 2.5";
        /// A component has `bs` beside `sf` or `key`.
        ComponentParametersConflict = "signature.component_parameters_conflict", "RFC 9421 sections 2.1 and 2.5 step 2.4";
        /// A component is covered twice; the order of its parameters makes no difference.
        ComponentRepeated = "signature.component_repeated", "RFC 9421 sections 2 and 2.5 step 2.1";
        /// A signature covers more than 64 components.
        ComponentsTooMany = "signature.components_too_many", "docs/limits.md";

        /// A parameter that is required is missing.
        ParameterMissing = "signature.parameter_missing", "RFC 9421 sections 1.4 and 3.2.1";
        /// A component that is required is not covered.
        ComponentNotCovered = "signature.component_not_covered", "RFC 9421 sections 1.4, 3.2.1 and 7.2.1";
        /// The signature expires before it was made.
        ExpiresBeforeCreated = "signature.expires_before_created", "RFC 9421 section 2.3";
        /// The signature was made in the future.
        CreatedInFuture = "signature.created_in_future", "RFC 9421 sections 2.3 and 3.2.1";
        /// The signature is older than is accepted.
        TooOld = "signature.too_old", "RFC 9421 sections 3.2.1 and 7.2.2";
        /// The signature has expired.
        Expired = "signature.expired", "RFC 9421 sections 2.3 and 3.2.1";

        /// `alg` is not in the registry of HTTP signature algorithms.
        AlgorithmUnknown = "signature.algorithm_unknown", "RFC 9421 sections 3.2 step 6.3 and 3.3";
        /// `alg` is not the algorithm that is known from elsewhere.
        AlgorithmConflict = "signature.algorithm_conflict", "RFC 9421 section 3.2 step 6.4";
        /// The algorithm is not one of those that are accepted.
        AlgorithmNotAccepted = "signature.algorithm_not_accepted", "RFC 9421 section 3.2 step 6.0";
        /// Neither the signature nor the key says the algorithm, and a key of that type can do several.
        AlgorithmAmbiguous = "signature.algorithm_ambiguous", "RFC 9421 sections 3.2 step 6 and 7.3.6";

        /// A component of a request is covered in a signature of a response without `req`, or `@status` in one of a request.
        ComponentTarget = "signature.component_target", "RFC 9421 sections 2.2 and 2.2.9";
        /// A component has `req` in a signature of a request.
        RequestInRequest = "signature.request_in_request", "RFC 9421 section 2.4";
        /// A component has `req`, and the request is not at hand.
        RequestUnavailable = "signature.request_unavailable", "RFC 9421 section 2.4";
        /// The request's method is not a token.
        Method = "signature.method", "RFC 9421 section 2.2.1; RFC 9110 section 9.1";
        /// The request's URL is not an absolute one of visible ASCII characters, without user name and fragment.
        Url = "signature.url", "RFC 9421 section 2.2.2; RFC 9110 sections 4.2.4 and 7.1";
        /// The raw request target is empty or holds something but visible ASCII characters.
        Target = "signature.target", "RFC 9421 section 2.2.5; RFC 9112 section 3.2";
        /// The response's status code does not have three digits.
        Status = "signature.status", "RFC 9421 section 2.2.9; RFC 9110 section 15";
        /// A covered query parameter does not occur.
        QueryParameterMissing = "signature.query_parameter_missing", "RFC 9421 section 2.2.8";
        /// A covered query parameter occurs several times.
        QueryParameterRepeated = "signature.query_parameter_repeated", "RFC 9421 section 2.2.8";
        /// A query parameter's name, or the value of one that is covered, is not UTF-8 after percent-decoding.
        QueryEncoding = "signature.query_encoding", "RFC 9421 section 2.2.8";
        /// A covered field is not in the message.
        FieldMissing = "signature.field_missing", "RFC 9421 section 2.5 step 2.4";
        /// A covered field holds characters that no field may.
        FieldForm = "signature.field_form", "RFC 9421 section 2.1; RFC 9110 section 5.5";
        /// A covered field holds characters outside ASCII, which only `bs` can cover.
        FieldNotAscii = "signature.field_not_ascii", "RFC 9421 sections 2.1 and 2.5 step 4";
        /// A field is covered with `sf`, and it is not known to be a structured field, or of which type.
        FieldTypeUnknown = "signature.field_type_unknown", "RFC 9421 section 2.1.1";
        /// A field is covered with `key`, and it is known not to be a Dictionary.
        FieldNotDictionary = "signature.field_not_dictionary", "RFC 9421 sections 2.1.2 and 2.5";
        /// A field that is covered with `sf` or `key` is not a structured field of its type.
        FieldNotStructured = "signature.field_not_structured", "RFC 9421 sections 2.1.1, 2.1.2 and 2.5";
        /// A field is covered with `key`, and has no member of that key.
        FieldKeyMissing = "signature.field_key_missing", "RFC 9421 section 2.1.2";
        /// The signature base is longer than 1 MiB.
        BaseTooLarge = "signature.base_too_large", "docs/limits.md";

        /// There is no Content-Digest.
        DigestMissing = "signature.digest_missing", "RFC 9530 section 2; RFC 9421 section 7.2.8";
        /// A Content-Digest is not a Dictionary structured field.
        DigestSyntax = "signature.digest_syntax", "RFC 9530 section 2";
        /// A Content-Digest has two digests of one algorithm.
        DigestRepeated = "signature.digest_repeated", "RFC 9530 section 2; RFC 9651 section 3.2";
        /// A digest is not a byte sequence.
        DigestType = "signature.digest_type", "RFC 9530 section 2";
        /// A Content-Digest has no digest of an algorithm that withstands attackers: neither `sha-256` nor `sha-512`.
        DigestAlgorithm = "signature.digest_algorithm", "RFC 9530 sections 5 and 6.6";
        /// The body is not at hand, so that a Content-Digest cannot be checked.
        BodyUnavailable = "signature.body_unavailable", "RFC 9421 section 7.2.8; RFC 9530 section 2";
        /// A Content-Digest is not that of the body.
        DigestMismatch = "signature.digest_mismatch", "RFC 9530 section 2; RFC 9421 section 7.2.8";
    }
}
