//! The parameters of a signature (RFC 9421 section 2.3).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};
use sfv::{BareItem, Integer, Key};

use crate::{SignatureCode, limits::MAX_PARAMETERS, structured};

/// The parameters that are registered (section 6.3.2).
const REGISTERED: [&str; 6] = ["created", "expires", "nonce", "alg", "keyid", "tag"];

/// The parameters of a signature, as received or to be written.
///
/// Made here they are written in the order of the fields below, those without a value left out. A received signature is
/// verified over the order it was received in, whatever it was.
///
/// ```
/// use portcullis_signature::Parameters;
/// let parameters = Parameters { created: Some(1_790_000_000), tag: Some("example".into()), ..Parameters::default() };
/// assert_eq!(parameters.other("created"), None, "a registered parameter is a field");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<i64>,
    /// A value that is unique to it.
    pub nonce: Option<String>,
    /// The algorithm, by its name in the registry of HTTP signature algorithms.
    pub alg: Option<String>,
    /// The key.
    pub keyid: Option<String>,
    /// What the signature is for.
    pub tag: Option<String>,
    /// Every other parameter, in order: a profile's own. No name of those above.
    pub others: Vec<(String, BareItem)>,
}

impl Parameters {
    /// A parameter that has no field of its own, by its name.
    pub fn other(&self, name: &str) -> Option<&BareItem> {
        self.others.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Reads those of a signature: no name twice, each of its type, not more than [`MAX_PARAMETERS`].
    ///
    /// Errors: `signature.parameter_repeated`, `signature.parameters_too_many`, `signature.parameter_type`.
    pub(crate) fn read(read: &structured::Parameters) -> Result<Self, Rejection> {
        check(read)?;
        let mut parameters = Self::default();
        for (key, value) in &read.entries {
            let time = value.as_integer().map(i64::from);
            let text = value.as_string().map(|text| text.as_str().to_owned());
            let set = match key.as_str() {
                "created" => time.map(|time| parameters.created = Some(time)),
                "expires" => time.map(|time| parameters.expires = Some(time)),
                "nonce" => text.map(|text| parameters.nonce = Some(text)),
                "alg" => text.map(|text| parameters.alg = Some(text)),
                "keyid" => text.map(|text| parameters.keyid = Some(text)),
                "tag" => text.map(|text| parameters.tag = Some(text)),
                _ => {
                    parameters.others.push((key.as_str().to_owned(), value.clone()));
                    Some(())
                }
            };
            set.ok_or_else(|| wrong_type(key))?;
        }
        Ok(parameters)
    }

    /// As they are written. What one refuses here no structured field can hold.
    ///
    /// Error: `signature.parameter_value`.
    pub(crate) fn write(&self) -> Result<structured::Parameters, Rejection> {
        let mut written = structured::Parameters::default();
        for (name, time) in [("created", self.created), ("expires", self.expires)] {
            if let Some(time) = time {
                let time = Integer::try_from(time).map_err(|error| unwritable(name, &error))?;
                push(&mut written, name, BareItem::Integer(time))?;
            }
        }
        for (name, text) in [("nonce", &self.nonce), ("alg", &self.alg), ("keyid", &self.keyid), ("tag", &self.tag)] {
            if let Some(text) = text {
                let text = sfv::String::try_from(text.clone()).map_err(|error| unwritable(name, &error))?;
                push(&mut written, name, BareItem::String(text))?;
            }
        }
        for (name, value) in &self.others {
            if REGISTERED.contains(&name.as_str()) {
                return Err(Rejection::new(
                    SignatureCode::ParameterValue,
                    format!("{name} is among other parameters, and has a field of its own"),
                ));
            }
            push(&mut written, name, value.clone())?;
        }
        check(&written)?;
        Ok(written)
    }
}

/// No parameter occurs twice, and there are not more than [`MAX_PARAMETERS`].
pub(crate) fn check(parameters: &structured::Parameters) -> Result<(), Rejection> {
    if let Some(repeated) = &parameters.repeated {
        return Err(Rejection::new(
            SignatureCode::ParameterRepeated,
            format!("the parameter {} occurs twice", excerpt(repeated.as_str())),
        ));
    }
    let count = parameters.entries.len();
    if count > MAX_PARAMETERS {
        return Err(Rejection::new(
            SignatureCode::ParametersTooMany,
            format!("{count} parameters, at most {MAX_PARAMETERS} are read"),
        ));
    }
    Ok(())
}

pub(crate) fn wrong_type(key: &Key) -> Rejection {
    Rejection::new(SignatureCode::ParameterType, format!("the parameter {} has the wrong type", excerpt(key.as_str())))
}

fn push(written: &mut structured::Parameters, name: &str, value: BareItem) -> Result<(), Rejection> {
    let key = Key::try_from(name.to_owned()).map_err(|error| unwritable(name, &error))?;
    if written.get(name).is_some() {
        written.repeated = Some(key);
    } else {
        written.entries.push((key, value));
    }
    Ok(())
}

fn unwritable(name: &str, error: &sfv::Error) -> Rejection {
    Rejection::new(SignatureCode::ParameterValue, format!("the parameter {} cannot be written: {error}", excerpt(name)))
}

impl Parameters {
    /// A signature does not expire before it is made.
    ///
    /// Error: `signature.expires_before_created`.
    pub(crate) fn check_times(&self) -> Result<(), Rejection> {
        match (self.created, self.expires) {
            (Some(created), Some(expires)) if expires < created => Err(Rejection::new(
                SignatureCode::ExpiresBeforeCreated,
                format!("expires is {expires}, and created {created}"),
            )),
            _ => Ok(()),
        }
    }
}
