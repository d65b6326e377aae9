//! The codes of encodings that every component reads.

crate::codes! {
    /// What can be wrong with an encoding before its content is looked at.
    pub enum EncodingCode {
        /// A base64url value has `=` padding, which JOSE does not use.
        Base64Padding = "base64.padding", "RFC 7515 section 2, Base64url Encoding";
        /// A base64url value holds white space or a line end.
        Base64Whitespace = "base64.whitespace", "RFC 7515 section 2, Base64url Encoding";
        /// A base64url value holds a character outside `A-Z a-z 0-9 - _`.
        Base64Character = "base64.character", "RFC 4648 section 5";
        /// A base64url value has a length that no sequence of bytes encodes to.
        Base64Length = "base64.length", "RFC 4648 section 5";
        /// The last character of a base64url value has bits that encode nothing and are not zero, so that two texts
        /// would stand for the same bytes.
        Base64TrailingBits = "base64.trailing_bits", "RFC 4648 section 3.5";
        /// A JSON text is not UTF-8.
        JsonUtf8 = "json.utf8", "RFC 8259 section 8.1";
        /// A JSON text begins with a byte order mark.
        JsonByteOrderMark = "json.byte_order_mark", "RFC 8259 section 8.1";
        /// A text is not JSON.
        JsonSyntax = "json.syntax", "RFC 8259 section 2";
        /// Something follows the JSON value.
        JsonTrailing = "json.trailing", "RFC 8259 section 2";
        /// Arrays and objects are nested deeper than 64 levels.
        JsonDepth = "json.depth", "docs/limits.md";
        /// A JSON text has more than 262,144 values and names.
        JsonItems = "json.items", "docs/limits.md";
        /// A number lies outside the range of a double.
        JsonNumberRange = "json.number_range", "RFC 8259 section 6";
        /// A name occurs twice, after unescaping, in an object whose members are read.
        JsonDuplicateName = "json.duplicate_name", "RFC 8725bis section 2.4; RFC 7515 section 4";
        /// A JSON text that has to be one object is something else.
        JsonNotObject = "json.not_object", "RFC 7515 section 4; RFC 7519 section 7.2";

        /// There are no bytes where a CBOR item has to be.
        CborEmpty = "cbor.empty", "RFC 8949 section 3";
        /// A CBOR item ends before it is complete, or claims a length beyond the input.
        CborTruncated = "cbor.truncated", "RFC 8949 section 5.1 and appendix C";
        /// Bytes are not well-formed CBOR: a reserved number, or a break where none may be.
        CborSyntax = "cbor.syntax", "RFC 8949 section 3 and appendix F";
        /// A piece of a string of indefinite length is of another type, or of indefinite length itself.
        CborChunk = "cbor.chunk", "RFC 8949 section 3.2.3";
        /// A CBOR text is not UTF-8.
        CborUtf8 = "cbor.utf8", "RFC 8949 section 5.3.1";
        /// A simple value is not one that is assigned.
        CborSimple = "cbor.simple", "RFC 8949 section 3.3";
        /// Arrays, maps and tags are nested deeper than 64 levels.
        CborDepth = "cbor.depth", "docs/limits.md";
        /// A CBOR value has more than 262,144 items.
        CborItems = "cbor.items", "docs/limits.md";
        /// A label of a map is neither an integer nor a string.
        CborLabelType = "cbor.label_type", "RFC 9052 section 1.5; docs/limits.md";
        /// A label occurs twice in a map.
        CborDuplicateLabel = "cbor.duplicate_label", "RFC 8949 section 5.6; RFC 9052 section 3";
        /// Something follows the CBOR item.
        CborTrailing = "cbor.trailing", "RFC 8949 section 5.3.1";
        /// A floating-point number is not finite, so it cannot be told in JSON.
        CborNumberRange = "cbor.number_range", "RFC 8949 section 6.1; docs/limits.md";
        /// Two labels of a map would become the same name in JSON.
        CborLabelAmbiguous = "cbor.label_ambiguous", "RFC 8949 section 6.1";
    }
}
