//! `Accept-Signature`: asking for signatures, and what to sign in answer (RFC 9421 section 5).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{Rejection, Timestamp, limits::excerpt};
use sfv::{BareItem, DictSerializer, Key};

use crate::{
    Component, Field, Message, Parameters, SignatureCode,
    create::{check_label, flag, item},
    limits::MAX_SIGNATURES,
    parameters::{check, wrong_type},
    signatures::{check_count, check_distinct, covered, dictionary},
    structured::{InnerList, Member},
};

/// A signature that somebody asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestedSignature {
    /// The label that it has to have.
    pub label: String,
    /// What it has to cover, exactly.
    pub components: Vec<Component>,
    /// Whether it has to say when it was made.
    pub created: bool,
    /// Whether it has to say when it ends.
    pub expires: bool,
    /// The nonce that it has to have.
    pub nonce: Option<String>,
    /// The algorithm that it has to be made with, by its name in the registry.
    pub alg: Option<String>,
    /// The key that it has to be made with.
    pub keyid: Option<String>,
    /// The tag that it has to have.
    pub tag: Option<String>,
    /// Every other parameter, in order: a profile's own.
    pub others: Vec<(String, BareItem)>,
}

/// The signatures that a message asks for: all of them are wanted, in the next message the other way (section 5).
///
/// ```
/// use portcullis_signature::{AcceptSignature, Field};
/// let value = "sig1=(\"@method\" \"content-digest\");keyid=\"test-key\";created;tag=\"app-123\"";
/// let fields = [Field { name: "Accept-Signature", value: value.as_bytes() }];
/// let accept = AcceptSignature::of(&fields)?;
/// let [wanted] = &accept.signatures[..] else { panic!() };
/// let parameters = wanted.parameters(1_790_000_000, 60);
/// assert_eq!((parameters.created, parameters.expires), (Some(1_790_000_000), None));
/// assert_eq!(parameters.tag.as_deref(), Some("app-123"));
/// assert_eq!(accept.field()?, "sig1=(\"@method\" \"content-digest\");created;keyid=\"test-key\";tag=\"app-123\"");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AcceptSignature {
    /// Each signature, in order.
    pub signatures: Vec<RequestedSignature>,
}

impl AcceptSignature {
    /// Reads the field of a message; where there is none, nothing is asked for.
    ///
    /// Errors: `signature.syntax`, `signature.label_repeated`, `signature.too_many`, `signature.input_type`,
    /// `signature.parameter_*`, `signature.component_*`, `signature.field_form`, `signature.field_too_large`.
    pub fn of(fields: &[Field<'_>]) -> Result<Self, Rejection> {
        let (_, dictionary) = dictionary(fields, "Accept-Signature")?;
        if let Some(repeated) = &dictionary.repeated {
            return Err(Rejection::new(
                SignatureCode::LabelRepeated,
                format!("Accept-Signature has the label {} twice", excerpt(repeated.as_str())),
            ));
        }
        let count = dictionary.entries.len();
        if count > MAX_SIGNATURES {
            return Err(Rejection::new(
                SignatureCode::TooMany,
                format!("Accept-Signature has {count} members, at most {MAX_SIGNATURES} are read"),
            ));
        }
        let signatures = dictionary.entries.iter().map(|(label, member)| RequestedSignature::read(label, member));
        Ok(Self { signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// The value of the field that asks for these signatures; the empty text where there are none.
    ///
    /// Errors: `signature.label_form`, `signature.label_repeated`, `signature.parameter_*`, `signature.component_*`.
    pub fn field(&self) -> Result<String, Rejection> {
        let mut serializer = DictSerializer::new();
        for (at, signature) in self.signatures.iter().enumerate() {
            check_label(&signature.label)?;
            if self.signatures.iter().take(at).any(|other| other.label == signature.label) {
                return Err(Rejection::new(
                    SignatureCode::LabelRepeated,
                    format!("the label {} is used twice", excerpt(&signature.label)),
                ));
            }
            let label = Key::try_from(signature.label.clone())
                .map_err(|error| Rejection::new(SignatureCode::LabelForm, format!("{error}")))?;
            let list = signature.write()?;
            let mut inner = serializer.inner_list(&label);
            for item in &list.items {
                inner
                    .bare_item(&item.value)
                    .parameters(item.parameters.entries.iter().map(|(key, value)| (key, value)));
            }
            inner.finish().parameters(list.parameters.entries.iter().map(|(key, value)| (key, value)));
        }
        Ok(serializer.finish().unwrap_or_default())
    }
}

impl RequestedSignature {
    fn read(label: &Key, member: &Member) -> Result<Self, Rejection> {
        let Member::InnerList(list) = member else {
            return Err(Rejection::new(SignatureCode::InputType, "the member of Accept-Signature is no inner list"));
        };
        check(&list.parameters)?;
        let mut wanted = Self { label: label.as_str().to_owned(), ..Self::default() };
        for (key, value) in &list.parameters.entries {
            let flag = matches!(value, BareItem::Boolean(true)).then_some(true);
            let text = value.as_string().map(|text| text.as_str().to_owned());
            let set = match key.as_str() {
                "created" => flag.map(|flag| wanted.created = flag),
                "expires" => flag.map(|flag| wanted.expires = flag),
                "nonce" => text.map(|text| wanted.nonce = Some(text)),
                "alg" => text.map(|text| wanted.alg = Some(text)),
                "keyid" => text.map(|text| wanted.keyid = Some(text)),
                "tag" => text.map(|text| wanted.tag = Some(text)),
                _ => {
                    wanted.others.push((key.as_str().to_owned(), value.clone()));
                    Some(())
                }
            };
            set.ok_or_else(|| wrong_type(key))?;
        }
        wanted.components = covered(list)?;
        Ok(wanted)
    }

    fn write(&self) -> Result<InnerList, Rejection> {
        check_count(self.components.len())?;
        check_distinct(&self.components)?;
        // Times have no value here, so they are written as the flags they are, before what has one.
        let mut written = Parameters {
            nonce: self.nonce.clone(),
            alg: self.alg.clone(),
            keyid: self.keyid.clone(),
            tag: self.tag.clone(),
            others: self.others.clone(),
            ..Parameters::default()
        }
        .write()?;
        for (name, wanted) in [("expires", self.expires), ("created", self.created)] {
            if wanted {
                let key = Key::try_from(name.to_owned())
                    .map_err(|error| Rejection::new(SignatureCode::ParameterValue, format!("{error}")))?;
                written.entries.insert(0, (key, flag()));
            }
        }
        check(&written)?;
        let items = self.components.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        Ok(InnerList { items, parameters: written })
    }

    /// Whether a message can have such a signature: its components are those of a message of its kind (section 5.2 step 2.3).
    /// Whether the message has each of them shows when it is signed.
    ///
    /// Errors: `signature.request_in_request`, `signature.component_target`.
    pub fn applies_to(&self, message: &Message<'_>) -> Result<(), Rejection> {
        self.components.iter().try_for_each(|component| component.applies_to(message))
    }

    /// The parameters of a signature in answer (section 5.2 step 2.4): what is asked for and nothing more, made at a time, and
    /// ending a number of seconds later if it has to end. Parameters of a profile are passed on as they are.
    ///
    /// That the key and the algorithm are those that are asked for is the signer's to see to.
    pub fn parameters(&self, at: Timestamp, lifetime: u64) -> Parameters {
        let seconds = |time: Timestamp| i64::try_from(time).unwrap_or(i64::MAX);
        Parameters {
            created: self.created.then(|| seconds(at)),
            expires: self.expires.then(|| seconds(at.saturating_add(lifetime))),
            nonce: self.nonce.clone(),
            alg: self.alg.clone(),
            keyid: self.keyid.clone(),
            tag: self.tag.clone(),
            others: self.others.clone(),
        }
    }
}
