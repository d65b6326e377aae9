//! Making a signature (RFC 9421 section 3.1). The key stays with the caller: what is made here is what it signs.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::{Rejection, limits::excerpt};
use sfv::{BareItem, Key};

use crate::{
    Component, Message, Parameters, SignatureCode, Signatures, StructuredFields, base,
    signatures::{check_count, check_distinct},
    structured::{InnerList, Item},
};

/// What is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The signature base: what the key signs. ASCII.
    pub base: String,
    /// The member of `Signature-Input`, its label included.
    pub input: String,
    label: String,
}

/// Prepares a signature of a message (section 3.1 steps 4 and 5).
///
/// Errors: `signature.label_form`, `signature.label_repeated` where the message has a signature of that label already,
/// `signature.parameter_*`, `signature.component_*`, `signature.expires_before_created`; those of
/// [`Signature::base`](crate::Signature::base), and of [`Signatures::of`] where the message has signatures.
///
/// ```
/// use portcullis_signature::{Component, Message, Parameters, Request, prepare};
///
/// let request = Request { method: "GET", url: "https://api.example/a?b", target: None, fields: &[], trailers: &[], body: None };
/// let components = [Component::parse("@method")?, Component::parse("@query")?];
/// let parameters = Parameters { created: Some(1_790_000_000), ..Parameters::default() };
/// let prepared = prepare(&Message::Request(&request), "sig1", &components, &parameters)?;
/// assert_eq!(
///     prepared.base,
///     "\"@method\": GET\n\"@query\": ?b\n\"@signature-params\": (\"@method\" \"@query\");created=1790000000",
/// );
/// let (input, signature) = prepared.finish(&[1, 2, 3]);
/// assert_eq!(input, "sig1=(\"@method\" \"@query\");created=1790000000");
/// assert_eq!(signature, "sig1=:AQID:");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn prepare(
    message: &Message<'_>,
    label: &str,
    components: &[Component],
    parameters: &Parameters,
) -> Result<Prepared, Rejection> {
    prepare_knowing(message, label, components, parameters, &StructuredFields::default())
}

/// The same, with structured fields that an application knows beside the registered ones.
///
/// Errors: those of [`prepare`].
pub fn prepare_knowing(
    message: &Message<'_>,
    label: &str,
    components: &[Component],
    parameters: &Parameters,
    known: &StructuredFields<'_>,
) -> Result<Prepared, Rejection> {
    check_label(label)?;
    unused(label, message)?;
    check_count(components.len())?;
    check_distinct(components)?;
    parameters.check_times()?;
    let items = components.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let list = InnerList { items, parameters: parameters.write()? };
    let input = list.serialize();
    let base = base::base(components, &input, message, known)?;
    Ok(Prepared { base, input: format!("{label}={input}"), label: label.to_owned() })
}

impl Prepared {
    /// The members to add to the fields `Signature-Input` and `Signature`, with the signature of the base (section 3.1 step 7).
    pub fn finish(&self, signature: &[u8]) -> (String, String) {
        (self.input.clone(), format!("{}=:{}:", self.label, STANDARD.encode(signature)))
    }
}

/// A label is a key of a Dictionary (section 4.1).
///
/// Error: `signature.label_form`.
pub(crate) fn check_label(label: &str) -> Result<(), Rejection> {
    match Key::try_from(label.to_owned()) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Rejection::new(SignatureCode::LabelForm, format!("{} cannot be a label: {error}", excerpt(label))))
        }
    }
}

/// Section 4: the label is unique within the message.
fn unused(label: &str, message: &Message<'_>) -> Result<(), Rejection> {
    match Signatures::of(message) {
        Err(none) if none.is(SignatureCode::Missing) => Ok(()),
        Err(refused) => Err(refused.within("the signatures that the message has")),
        Ok(there) if there.iter().any(|(other, _)| other == label) => Err(Rejection::new(
            SignatureCode::LabelRepeated,
            format!("the message has a signature {} already", excerpt(label)),
        )),
        Ok(_) => Ok(()),
    }
}

/// A component as an item of a list of covered ones.
pub(crate) fn item(component: &Component) -> Result<Item, Rejection> {
    // It was written by the same serializer, so that it is read again.
    let item = Item::parse(format!("{component}").as_bytes());
    item.map_err(|error| Rejection::new(SignatureCode::ComponentSyntax, format!("{error}")))
}

/// A parameter that is a flag without value.
pub(crate) fn flag() -> BareItem {
    BareItem::Boolean(true)
}
