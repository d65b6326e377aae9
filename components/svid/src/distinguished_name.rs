//! Distinguished names as texts (RFC 4514), for people.
//!
//! Attribute types have the names that every reader of RFC 4514 knows (section 3), and two that certificates often have; all
//! others are dotted numbers. The crate that parses names has a database of hundreds, which is a twentieth of what a page would
//! have to load.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write as _;

use x509_cert::{
    attr::AttributeTypeAndValue,
    der::{
        Encode as _, Tag, Tagged as _,
        asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef},
    },
    name::Name,
};

/// RFC 4514 section 3, and of X.520 and PKCS #9 (RFC 2985 section 5.2.1) one each.
const NAMES: [(&str, ObjectIdentifier); 11] = [
    ("CN", ObjectIdentifier::new_unwrap("2.5.4.3")),
    ("L", ObjectIdentifier::new_unwrap("2.5.4.7")),
    ("ST", ObjectIdentifier::new_unwrap("2.5.4.8")),
    ("O", ObjectIdentifier::new_unwrap("2.5.4.10")),
    ("OU", ObjectIdentifier::new_unwrap("2.5.4.11")),
    ("C", ObjectIdentifier::new_unwrap("2.5.4.6")),
    ("STREET", ObjectIdentifier::new_unwrap("2.5.4.9")),
    ("DC", ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25")),
    ("UID", ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1")),
    ("SERIALNUMBER", ObjectIdentifier::new_unwrap("2.5.4.5")),
    ("EMAILADDRESS", ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1")),
];

/// A name in the form of RFC 4514 section 2: the last element first.
pub(crate) fn told(name: &Name) -> String {
    let mut out = String::new();
    let elements: Vec<_> = name.iter_rdn().collect();
    for (number, element) in elements.into_iter().rev().enumerate() {
        if number > 0 {
            out.push(',');
        }
        for (number, attribute) in element.iter().enumerate() {
            if number > 0 {
                out.push('+');
            }
            attribute_told(attribute, &mut out);
        }
    }
    out
}

/// Section 2.3: a known type and a text, or numbers and the value's DER.
fn attribute_told(attribute: &AttributeTypeAndValue, out: &mut String) {
    let known = NAMES.iter().find(|(_, oid)| *oid == attribute.oid).map(|(name, _)| *name);
    let text = text(attribute);
    match (known, text) {
        (Some(name), Some(text)) => {
            out.push_str(name);
            out.push('=');
            escaped(&text, out);
        }
        // A type in numbers has its value in numbers, too (section 2.4).
        _ => {
            let _ = write!(out, "{}=#", attribute.oid);
            for byte in attribute.value.to_der().unwrap_or_default() {
                let _ = write!(out, "{byte:02x}");
            }
        }
    }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    match value.tag() {
        Tag::PrintableString => PrintableStringRef::try_from(value).ok().map(|text| text.to_string()),
        Tag::Utf8String => Utf8StringRef::try_from(value).ok().map(|text| text.to_string()),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok().map(|text| text.to_string()),
        Tag::TeletexString => TeletexStringRef::try_from(value).ok().map(|text| text.to_string()),
        _ => None,
    }
}

/// Section 2.4: what would end a value, or cannot be seen, is escaped.
fn escaped(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        match c {
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{0}'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\{:02x}", u32::from(c))),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::str::FromStr as _;

    use super::*;

    #[test]
    fn names_are_told_as_rfc_4514_has_them() {
        // Section 4 has these; what is parsed is what is told.
        for text in [
            "UID=jsmith,DC=example,DC=net",
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            "CN=James \\\"Jim\\\" Smith\\, III,DC=example,DC=net",
            "CN=Before\\0dAfter,DC=example,DC=net",
            "CN=\\#1 \\ ,O=\\ a\\+b\\;c\\<d\\>e\\\\",
        ] {
            let name = Name::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            // The attributes of one element are a set, in the order of their DER.
            let told = told(&name);
            assert_eq!(told.len(), text.len(), "{text}: {told}");
            assert_eq!(Name::from_str(&told).unwrap(), name, "{text}: {told}");
        }
        assert_eq!(told(&Name::default()), "");
    }

    #[test]
    fn types_that_section_3_does_not_name_are_numbers() {
        let name = Name::from_str("2.5.4.12=#0c024d72,CN=a").unwrap();
        assert_eq!(told(&name), "2.5.4.12=#0c024d72,CN=a");
    }
}
