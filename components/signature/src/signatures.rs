//! The fields `Signature-Input` and `Signature`, read together (RFC 9421 section 4).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use portcullis_crypto::{Algorithm, Key};
use portcullis_types::{Rejection, limits::excerpt};
use sfv::BareItem;

use crate::{
    Component, Field, Message, Parameters, SignatureCode, StructuredFields, algorithm, base, field_value,
    limits::{MAX_COMPONENTS, MAX_SIGNATURES},
    structured::{Dictionary, InnerList, Member},
};

/// The signatures of a message. Nothing of them is verified.
///
/// Faults of the fields refuse the message: a label that is not in both, for example. A signature that cannot be understood
/// spoils only itself, so that whoever adds one to a message does not invalidate the others.
#[derive(Debug, Clone)]
pub struct Signatures(Vec<Labelled>);

#[derive(Debug, Clone)]
struct Labelled {
    label: String,
    /// Known even where the signature is not understood: it counts among those of its tag.
    tag: Option<String>,
    signature: Result<Signature, Rejection>,
}

/// Which signature is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection<'s> {
    /// The only one there is.
    #[default]
    Only,
    /// The one with a label.
    Label(&'s str),
    /// The only one with a tag (section 7.2.7).
    Tag(&'s str),
}

/// A signature: what it covers, its parameters and its value. Nothing of it is verified.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The label, which is not signed.
    pub label: String,
    /// What it covers, in its order; nothing twice.
    pub components: Vec<Component>,
    /// Its parameters.
    pub parameters: Parameters,
    input: String,
    value: Vec<u8>,
}

impl Signatures {
    /// Reads the signatures of a message. The fields may stand in the trailers too (sections 4.1 and 4.2).
    ///
    /// Errors: `signature.missing`, `signature.input_missing`, `signature.value_missing`, `signature.field_too_large`,
    /// `signature.field_form`, `signature.syntax`, `signature.label_*`, `signature.too_many`.
    pub fn of(message: &Message<'_>) -> Result<Self, Rejection> {
        let inputs = members(message, "Signature-Input")?;
        let values = members(message, "Signature")?;
        match (inputs.is_empty(), values.is_empty()) {
            (true, true) => return Err(Rejection::new(SignatureCode::Missing, "the message carries no signature")),
            (true, false) => return Err(Rejection::new(SignatureCode::InputMissing, "there is no Signature-Input")),
            (false, true) => return Err(Rejection::new(SignatureCode::ValueMissing, "there is no Signature")),
            (false, false) => {}
        }
        let unpaired = |label: &str| {
            Rejection::new(
                SignatureCode::LabelUnpaired,
                format!("the label {} stands in one of Signature-Input and Signature", excerpt(label)),
            )
        };
        if let Some(value) = values.iter().find(|value| inputs.iter().all(|input| input.label != value.label)) {
            return Err(unpaired(&value.label));
        }
        let mut labelled = Vec::with_capacity(inputs.len());
        for input in inputs {
            let value = values.iter().find(|value| value.label == input.label).ok_or_else(|| unpaired(&input.label))?;
            let signature = Signature::read(&input, value);
            labelled.push(Labelled { tag: tag(&input.member), label: input.label, signature });
        }
        Ok(Self(labelled))
    }

    /// Each label with its signature, or with why that one is not understood.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Result<&Signature, &Rejection>)> {
        self.0.iter().map(|labelled| (labelled.label.as_str(), labelled.signature.as_ref()))
    }

    /// The signature that is meant (section 3.2 step 1.1). Of several with a tag none is.
    ///
    /// Errors: `signature.label_unknown`, `signature.tag_unknown`, `signature.tag_repeated`, `signature.ambiguous`; why the
    /// one that is meant is not understood.
    pub fn select(&self, selection: &Selection<'_>) -> Result<&Signature, Rejection> {
        let meant: Vec<&Labelled> = self
            .0
            .iter()
            .filter(|one| match selection {
                Selection::Only => true,
                Selection::Label(label) => one.label == *label,
                Selection::Tag(tag) => one.tag.as_deref() == Some(tag),
            })
            .collect();
        if let [one] = meant[..] {
            return one
                .signature
                .as_ref()
                .map_err(|refused| refused.clone().within(&format!("signature {}", excerpt(&one.label))));
        }
        Err(match selection {
            Selection::Only => Rejection::new(
                SignatureCode::Ambiguous,
                format!("there are {} signatures, and nothing says which is meant", meant.len()),
            ),
            Selection::Label(label) => {
                Rejection::new(SignatureCode::LabelUnknown, format!("no signature has the label {}", excerpt(label)))
            }
            Selection::Tag(tag) if meant.is_empty() => {
                Rejection::new(SignatureCode::TagUnknown, format!("no signature has the tag {}", excerpt(tag)))
            }
            Selection::Tag(tag) => Rejection::new(
                SignatureCode::TagRepeated,
                format!("{} signatures have the tag {}", meant.len(), excerpt(tag)),
            ),
        })
    }
}

/// A member of one of the two fields.
struct Labelling {
    label: String,
    member: Member,
    /// The field it stands in, its lines combined.
    text: Vec<u8>,
}

/// The members of one of the fields, of header and trailers, which are read each for itself. Labels are unique over both.
fn members(message: &Message<'_>, name: &str) -> Result<Vec<Labelling>, Rejection> {
    let mut members: Vec<Labelling> = Vec::new();
    for section in [message.fields(), message.trailers()] {
        let (text, dictionary) = dictionary(section, name)?;
        let label = |key: &sfv::Key| key.as_str().to_owned();
        let repeated = dictionary.repeated.as_ref().map(label).or_else(|| {
            let mut labels = dictionary.entries.iter().map(|(key, _)| label(key));
            labels.find(|label| members.iter().any(|member| member.label == *label))
        });
        if let Some(repeated) = repeated {
            return Err(Rejection::new(
                SignatureCode::LabelRepeated,
                format!("{name} has the label {} twice", excerpt(&repeated)),
            ));
        }
        let count = members.len() + dictionary.entries.len();
        if count > MAX_SIGNATURES {
            return Err(Rejection::new(
                SignatureCode::TooMany,
                format!("{name} has {count} members, at most {MAX_SIGNATURES} are read"),
            ));
        }
        for (key, member) in dictionary.entries {
            members.push(Labelling { label: key.as_str().to_owned(), member, text: text.clone() });
        }
    }
    Ok(members)
}

/// One of the signature fields of a section, as text and read. A field that is not there is an empty Dictionary, as an
/// empty Dictionary is not sent (RFC 9651 section 4.1).
///
/// Errors: `signature.field_too_large`, `signature.field_form`, `signature.syntax`.
pub(crate) fn dictionary(section: &[Field<'_>], name: &str) -> Result<(Vec<u8>, Dictionary), Rejection> {
    let text = field_value::combine(&field_value::lines(section, name)?);
    let dictionary = Dictionary::parse(&text)
        .map_err(|error| Rejection::new(SignatureCode::Syntax, format!("{name} is no Dictionary: {error}")))?;
    Ok((text, dictionary))
}

/// The tag of a member of `Signature-Input`; of several the last, as every reader of Dictionaries sees it.
fn tag(member: &Member) -> Option<String> {
    match member {
        Member::InnerList(list) => list.parameters.get("tag")?.as_string().map(|tag| tag.as_str().to_owned()),
        Member::Item(_) => None,
    }
}

impl Signature {
    fn read(input: &Labelling, value: &Labelling) -> Result<Self, Rejection> {
        let Member::InnerList(list) = &input.member else {
            return Err(Rejection::new(SignatureCode::InputType, "the member of Signature-Input is no inner list"));
        };
        let value = read_value(value)?;
        let parameters = Parameters::read(&list.parameters)?;
        let components = covered(list)?;
        Ok(Self { label: input.label.clone(), components, parameters, input: list.serialize(), value })
    }

    /// The signature base over a message (section 2.5): ASCII, its lines separated by line feeds.
    ///
    /// Errors: `signature.component_target`, `signature.request_*`, `signature.method`, `signature.url`, `signature.target`,
    /// `signature.status`, `signature.query_*`, `signature.field_*`, `signature.base_too_large`.
    pub fn base(&self, message: &Message<'_>) -> Result<String, Rejection> {
        self.base_knowing(message, &StructuredFields::default())
    }

    /// The same, with structured fields that an application knows beside the registered ones.
    ///
    /// Errors: those of [`Signature::base`].
    pub fn base_knowing(&self, message: &Message<'_>, known: &StructuredFields<'_>) -> Result<String, Rejection> {
        base::base(&self.components, &self.input, message, known)
    }

    /// The signature's bytes.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Covered components and parameters as they are signed: the value of `@signature-params`.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Whether it covers a field or derived component as a whole and as it stands: `"name"`, or `"name";req`.
    pub fn covers(&self, name: &str, req: bool) -> bool {
        self.components.iter().any(|component| component.is_whole(name, req))
    }

    /// Verifies it over a message with a key and an algorithm that the caller knows, and nothing else: neither times nor
    /// what it covers, nor the digest of the body.
    ///
    /// Errors: `signature.algorithm_unknown`, `signature.algorithm_conflict`; those of [`Signature::base`] and of
    /// [`Key::verify`].
    pub fn verify_with(&self, message: &Message<'_>, key: &Key, algorithm: Algorithm) -> Result<(), Rejection> {
        algorithm::check_stated(&self.parameters, algorithm)?;
        key.verify(algorithm, self.base(message)?.as_bytes(), &self.value)
    }
}

/// Section 4.2: the signature is a byte sequence that is not empty. Bits of its base64 that encode nothing are zero: the
/// text of a signature is the only one of its bytes.
fn read_value(value: &Labelling) -> Result<Vec<u8>, Rejection> {
    let Member::Item(item) = &value.member else {
        return Err(Rejection::new(SignatureCode::ValueType, "the member of Signature is an inner list"));
    };
    let BareItem::ByteSequence(bytes) = &item.value else {
        return Err(Rejection::new(SignatureCode::ValueType, "the member of Signature is no byte sequence"));
    };
    if bytes.is_empty() {
        return Err(Rejection::new(SignatureCode::ValueEmpty, "the signature is empty"));
    }
    // No white space may stand between a label and its value, so the only text of these bytes is in the field.
    let only = format!("{}=:{}", value.label, STANDARD_NO_PAD.encode(bytes));
    if !value.text.windows(only.len()).any(|text| text == only.as_bytes()) {
        return Err(Rejection::new(
            SignatureCode::ValueTrailingBits,
            "the base64 of the signature has trailing bits that are not zero",
        ));
    }
    Ok(bytes.clone())
}

/// The covered components: each understood, none twice.
///
/// Errors: `signature.component_*`, `signature.components_too_many`.
pub(crate) fn covered(list: &InnerList) -> Result<Vec<Component>, Rejection> {
    check_count(list.items.len())?;
    let components = list.items.iter().map(Component::from_item).collect::<Result<Vec<_>, _>>()?;
    check_distinct(&components)?;
    Ok(components)
}

pub(crate) fn check_count(count: usize) -> Result<(), Rejection> {
    if count <= MAX_COMPONENTS {
        return Ok(());
    }
    Err(Rejection::new(
        SignatureCode::ComponentsTooMany,
        format!("{count} components are covered, at most {MAX_COMPONENTS} are read"),
    ))
}

/// Section 2.5 step 2.1.
pub(crate) fn check_distinct(components: &[Component]) -> Result<(), Rejection> {
    let repeated =
        components.iter().enumerate().find(|(at, one)| components.iter().take(*at).any(|other| other == *one));
    match repeated {
        None => Ok(()),
        Some((_, one)) => Err(Rejection::new(
            SignatureCode::ComponentRepeated,
            format!("{} is covered twice", excerpt(&one.unquoted())),
        )),
    }
}
