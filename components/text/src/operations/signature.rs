//! `http.signature` and `signature.*`

use alloc::{format, string::String, vec::Vec};

use portcullis_signature::{
    Component, Expectations, FieldType, Parameters, Required, Selection, StructuredFields, Verified, prepare_knowing,
    verify,
};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::message::GivenMessage;
use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// `http.signature`
pub(super) fn http(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = GivenMessage::take(&mut members)?;
    let keys = members.object("keys")?;
    let selection = match (members.optional_text("label")?, members.optional_text("tag")?) {
        (None, None) => Selection::Only,
        (Some(label), None) => Selection::Label(label),
        (None, Some(tag)) => Selection::Tag(tag),
        (Some(_), Some(_)) => return Err(malformed("the request has both a member \"label\" and \"tag\"").into()),
    };
    let wanted = members.optional_object("require")?.map(Wanted::read).transpose()?.unwrap_or_default();
    let skew = members.optional_integer("skew")?.unwrap_or(0);
    let algorithms = members.optional_algorithms("algorithms")?;
    let known = structured_fields(&mut members)?;
    members.finish()?;
    let keys = door.key_set(keys)?;
    let components = components(&wanted.components)?;
    let expect = Expectations {
        selection,
        components: &components,
        require: wanted.parameters,
        created_within: wanted.created_within,
        skew,
        algorithms: algorithms.as_deref(),
        structured_fields: StructuredFields::with(&known),
    };
    let verified = message.lend(|message| verify(message, &keys, &expect, call.at, call.trace))?;
    Ok(result(verified))
}

fn result(verified: Verified) -> Object {
    let Verified { label, keyid, components, parameters, algorithm, .. } = verified;
    let mut result: Vec<(String, Value)> = Vec::from([("label".into(), label.into())]);
    result.extend(keyid.map(|keyid| ("keyid".into(), keyid.into())));
    let components = components.iter().map(|component| component.unquoted().into()).collect();
    result.push(("components".into(), Value::Array(components)));
    result.push(("algorithm".into(), algorithm.name().into()));
    // A time before 1970 is told by none.
    let time = |time: Option<i64>| time.and_then(|time| u64::try_from(time).ok()).map(Value::from);
    let texts = [("nonce", parameters.nonce), ("tag", parameters.tag)];
    let told = [("created", time(parameters.created)), ("expires", time(parameters.expires))]
        .into_iter()
        .chain(texts.map(|(name, text)| (name, text.map(Value::from))));
    result.extend(told.filter_map(|(name, value)| Some((name.into(), value?))));
    Object::from_members(result)
}

/// The member `require`.
#[derive(Default)]
struct Wanted {
    components: Vec<String>,
    parameters: Required,
    created_within: Option<u64>,
}

impl Wanted {
    fn read(given: &Object) -> Result<Self, Rejection> {
        let mut members = Members::new("\"require\"", given);
        let components = members.optional_texts("components")?.unwrap_or_default();
        let created_within = members.optional_integer("created_within")?;
        let mut parameters = Required::default();
        for name in members.optional_texts("parameters")?.unwrap_or_default() {
            match name.as_str() {
                "created" => parameters.created = true,
                "expires" => parameters.expires = true,
                "nonce" => parameters.nonce = true,
                "alg" => parameters.alg = true,
                "keyid" => parameters.keyid = true,
                "tag" => parameters.tag = true,
                other => return Err(malformed(format!("no parameter {} can be required", excerpt(other)))),
            }
        }
        members.finish()?;
        Ok(Self { components, parameters, created_within })
    }
}

/// Components by their identifiers, with or without the quotes of their names.
fn components(named: &[String]) -> Result<Vec<Component>, Rejection> {
    named.iter().map(|one| Component::parse(one)).collect()
}

/// The member `structured_fields`: names in lower case, each with its type.
fn structured_fields<'a>(members: &mut Members<'a>) -> Result<Vec<(&'a str, FieldType)>, Rejection> {
    let Some(given) = members.optional_object("structured_fields")? else { return Ok(Vec::new()) };
    let field = |(name, of): (&'a str, &'a Value)| {
        let of = match of.as_str() {
            Some("list") => FieldType::List,
            Some("dictionary") => FieldType::Dictionary,
            Some("item") => FieldType::Item,
            _ => return Err(malformed("a structured field is a \"list\", a \"dictionary\" or an \"item\"")),
        };
        Ok((name, of))
    };
    given.members().map(field).collect()
}

/// `signature.prepare`: what a key has to sign. The key itself stays outside.
pub(super) fn prepare(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = GivenMessage::take(&mut members)?;
    let label = members.text("label")?;
    let covered = members.optional_texts("components")?;
    let covered = covered.ok_or_else(|| malformed("the request has no member \"components\""))?;
    let parameters = members.optional_object("parameters")?.map(parameters).transpose()?.unwrap_or_default();
    let known = structured_fields(&mut members)?;
    members.finish()?;
    let components = components(&covered)?;
    let known = StructuredFields::with(&known);
    let prepared = message.lend(|message| prepare_knowing(message, label, &components, &parameters, &known))?;
    Ok(object([("base", prepared.base.into()), ("input", prepared.input.into())]))
}

/// The member `parameters`.
fn parameters(given: &Object) -> Result<Parameters, Rejection> {
    let mut members = Members::new("\"parameters\"", given);
    // Within the range of integers that JSON has, so within that of the type.
    let time = |time: Option<u64>| time.and_then(|time| i64::try_from(time).ok());
    let text = |text: Option<&str>| text.map(Into::into);
    let parameters = Parameters {
        created: time(members.optional_integer("created")?),
        expires: time(members.optional_integer("expires")?),
        nonce: text(members.optional_text("nonce")?),
        alg: text(members.optional_text("alg")?),
        keyid: text(members.optional_text("keyid")?),
        tag: text(members.optional_text("tag")?),
        others: Vec::new(),
    };
    members.finish()?;
    Ok(parameters)
}
