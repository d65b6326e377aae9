//! The values of covered fields (RFC 9421 section 2.1).

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::{Rejection, limits::excerpt};

use crate::{
    Component, Field, SignatureCode,
    limits::MAX_FIELD,
    structured::{self, Dictionary, Item, Member},
    structured_fields::{FieldType, StructuredFields},
};

/// The value of a field component, from the section it is taken from.
///
/// Errors: `signature.field_*`.
pub(crate) fn value(
    component: &Component,
    section: &[Field<'_>],
    known: &StructuredFields<'_>,
) -> Result<String, Rejection> {
    let name = component.name();
    let lines = lines(section, name)?;
    if lines.is_empty() {
        return Err(Rejection::new(SignatureCode::FieldMissing, format!("there is no field {name}")));
    }
    let parameters = &component.parameters;
    if parameters.bs {
        return Ok(wrapped(&lines));
    }
    let combined = combine(&lines);
    match &parameters.key {
        Some(key) => member(name, &combined, key, known),
        None if parameters.sf => strict(name, &combined, known),
        None => text(name, combined),
    }
}

/// The lines of a field in a section, each as section 2.1 has it before they are combined: without white space around it
/// (step 2), and folded no more (step 3).
///
/// Errors: `signature.field_form`, `signature.field_too_large`.
pub(crate) fn lines(section: &[Field<'_>], name: &str) -> Result<Vec<Vec<u8>>, Rejection> {
    let mut length = 0usize;
    let mut lines = Vec::new();
    for field in section.iter().filter(|field| field.name.eq_ignore_ascii_case(name)) {
        length = length.saturating_add(field.value.len()).saturating_add(2);
        if length > MAX_FIELD {
            return Err(Rejection::new(
                SignatureCode::FieldTooLarge,
                format!("the field {} has more than {MAX_FIELD} bytes", excerpt(name)),
            ));
        }
        lines.push(unfolded(name, field.value)?);
    }
    Ok(lines)
}

/// The lines as one value (step 4; RFC 9110 section 5.3).
pub(crate) fn combine(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.join(&b", "[..])
}

/// A line trimmed, each fold in it a single space. A line end that is no fold, and NUL, stand in no field (RFC 9110 section
/// 5.5): they would end a line of the base.
fn unfolded(name: &str, value: &[u8]) -> Result<Vec<u8>, Rejection> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let bad =
        || Rejection::new(SignatureCode::FieldForm, format!("the field {} holds control characters", excerpt(name)));
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    let mut rest = trim(value);
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\r' && byte != b'\n' {
            if byte != b'\t' && byte.is_ascii_control() {
                return Err(bad());
            }
            out.push(byte);
            rest = after;
            continue;
        }
        let folded = if byte == b'\r' { after.strip_prefix(b"\n") } else { Some(after) };
        let folded = folded.filter(|folded| folded.first().is_some_and(blank)).ok_or_else(bad)?;
        // RFC 9112 section 5.2: blanks before and after the line end belong to the fold.
        while out.last().is_some_and(blank) {
            out.pop();
        }
        let kept = folded.iter().position(|byte| !blank(byte)).unwrap_or(folded.len());
        rest = folded.get(kept..).unwrap_or_default();
        // Several folds in a row are one.
        if !rest.starts_with(b"\r") && !rest.starts_with(b"\n") {
            out.push(b' ');
        }
    }
    Ok(out)
}

fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// The value as it is, in ASCII (section 2.5 step 4).
fn text(name: &str, combined: Vec<u8>) -> Result<String, Rejection> {
    match String::from_utf8(combined) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err(Rejection::new(
            SignatureCode::FieldNotAscii,
            format!("the field {name} is not ASCII, and covered without bs"),
        )),
    }
}

/// Section 2.1.3: each line as a byte sequence.
fn wrapped(lines: &[Vec<u8>]) -> String {
    let wrapped: Vec<String> = lines.iter().map(|line| format!(":{}:", STANDARD.encode(line))).collect();
    wrapped.join(", ")
}

/// Section 2.1.1: the value in its strict serialization.
fn strict(name: &str, combined: &[u8], known: &StructuredFields<'_>) -> Result<String, Rejection> {
    let strict = match known.type_of(name) {
        Some(FieldType::List) => structured::parse_list(combined).map(|list| structured::serialize_list(&list)),
        Some(FieldType::Dictionary) => Dictionary::parse(combined).map(|dictionary| dictionary.serialize()),
        Some(FieldType::Item) => Item::parse(combined).map(|item| item.serialize()),
        None => {
            return Err(Rejection::new(
                SignatureCode::FieldTypeUnknown,
                format!("{name} is covered with sf, and it is not known what structured field it is"),
            ));
        }
    };
    strict.map_err(|error| not_structured(name, &error))
}

/// Section 2.1.2: one member of a Dictionary. That a field is one is believed where nothing else is known: the signer says
/// so, and a value that can be read as one has the member that was signed.
fn member(name: &str, combined: &[u8], key: &str, known: &StructuredFields<'_>) -> Result<String, Rejection> {
    if known.type_of(name).is_some_and(|of| of != FieldType::Dictionary) {
        return Err(Rejection::new(
            SignatureCode::FieldNotDictionary,
            format!("{name} is covered with key, and is no Dictionary"),
        ));
    }
    let dictionary = Dictionary::parse(combined).map_err(|error| not_structured(name, &error))?;
    match dictionary.get(key) {
        Some(Member::Item(item)) => Ok(item.serialize()),
        Some(Member::InnerList(list)) => Ok(list.serialize()),
        None => Err(Rejection::new(
            SignatureCode::FieldKeyMissing,
            format!("the field {name} has no member {}", excerpt(key)),
        )),
    }
}

fn not_structured(name: &str, error: &sfv::Error) -> Rejection {
    Rejection::new(SignatureCode::FieldNotStructured, format!("the field {name}: {error}"))
}
