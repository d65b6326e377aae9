//! Authorization details (RFC 9396).
//!
//! A required object is covered by one granted object of exactly its type whose common members hold at least what it
//! asks for. A member that the requirement does not name is not looked at. What other members mean is their type's own
//! business, and nobody here knows it: a required one has to be there as it is, so that no meaning is guessed.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::excerpt,
};

use crate::{
    ScopeCode,
    limits::{MAX_DETAILS, MAX_REQUIRED_DETAILS_TEXT},
    same::same,
};

/// The common members that are lists of texts (RFC 9396 section 2.2), with the code of a list that lacks something, in
/// the order in which they are compared.
const LISTS: [(&str, ScopeCode); 4] = [
    ("locations", ScopeCode::DetailsLocations),
    ("actions", ScopeCode::DetailsActions),
    ("datatypes", ScopeCode::DetailsDatatypes),
    ("privileges", ScopeCode::DetailsPrivileges),
];

/// The common member that is one text (RFC 9396 section 2.2).
const IDENTIFIER: &str = "identifier";

/// One required object. Always has a text `type`, common members of their types, and unique names at every depth.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationDetail {
    object: Object,
    kind: String,
    /// Required texts of each of [`LISTS`], sorted and each once; nothing where the member is not there.
    lists: [Option<Vec<String>>; 4],
    identifier: Option<String>,
}

/// What a rule requires: every one of these objects. An empty list requires nothing.
///
/// ```
/// use portcullis_scope::AuthorizationDetails;
/// use portcullis_types::json;
///
/// let value = |text: &str| json::parse(text.as_bytes()).unwrap();
/// let required = AuthorizationDetails::parse(&value(r#"[{"type":"account","actions":["read"]}]"#)).unwrap();
/// let granted = value(r#"[{"type":"account","actions":["read","list"],"identifier":"a1"}]"#);
/// assert!(required.granted_by(Some(&granted)).is_ok());
///
/// let granted = value(r#"[{"type":"account","actions":["list"]}]"#);
/// let rejection = required.granted_by(Some(&granted)).unwrap_err();
/// assert_eq!(rejection.code(), "scope.details_actions_insufficient_authorization");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuthorizationDetails(Vec<AuthorizationDetail>);

impl AuthorizationDetail {
    /// Reads a required object.
    ///
    /// Error: `scope.details_requirement_malformed`.
    pub fn parse(value: &Value) -> Result<Self, Rejection> {
        let malformed = |what: String| Rejection::new(ScopeCode::DetailsRequirementMalformed, what);
        let Value::Object(object) = value else {
            return Err(malformed(format!("authorization details list {}, not objects", value.kind())));
        };
        value.checked_everywhere().map_err(|rejection| malformed(rejection.detail().into()))?;
        let text = |name: &str| match object.get(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(malformed(format!("{name} of an authorization details object is {}", other.kind()))),
        };
        let kind = text("type")?.ok_or_else(|| malformed("an authorization details object has no type".into()))?;
        let identifier = text(IDENTIFIER)?;
        let mut lists = [const { None }; 4];
        for (slot, (name, _)) in lists.iter_mut().zip(LISTS) {
            if let Some(value) = object.get(name)? {
                let mut required = texts(value)
                    .ok_or_else(|| malformed(format!("{name} of an authorization details object is no list of texts")))?
                    .iter()
                    .map(|text| (*text).to_string())
                    .collect::<Vec<_>>();
                required.sort_unstable();
                required.dedup();
                *slot = Some(required);
            }
        }
        Ok(Self { kind, identifier, lists, object: object.clone() })
    }

    /// The object as it was written.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Members that are none of the common ones.
    fn others(&self) -> impl Iterator<Item = (&str, &Value)> {
        let common = |name: &str| name == "type" || name == IDENTIFIER || LISTS.iter().any(|(list, _)| *list == name);
        self.object.members().filter(move |(name, _)| !common(name))
    }

    /// Whether a granted object of this type covers it; if not, how many members held before the first that did not.
    fn covered_by(&self, granted: &Object) -> Result<(), (usize, Rejection)> {
        let mut held = 0;
        for (required, (name, code)) in self.lists.iter().zip(LISTS) {
            if let Some(required) = required {
                list_covers(granted, name, required, code).map_err(|rejection| (held, rejection))?;
                held += 1;
            }
        }
        if let Some(required) = &self.identifier {
            match granted.get(IDENTIFIER) {
                Ok(Some(Value::String(identifier))) if identifier == required => held += 1,
                _ => {
                    let what = format!("no identifier {} is granted", excerpt(required));
                    return Err((held, Rejection::new(ScopeCode::DetailsIdentifier, what)));
                }
            }
        }
        for (name, required) in self.others() {
            match granted.get(name) {
                Ok(Some(value)) if same(value, required) => held += 1,
                _ => {
                    let what = format!("the member {} is not granted as it is required", excerpt(name));
                    return Err((held, Rejection::new(ScopeCode::DetailsMember, what)));
                }
            }
        }
        Ok(())
    }
}

/// Whether a list member holds every required text, each exactly. `required` is sorted.
fn list_covers(granted: &Object, name: &str, required: &[String], code: ScopeCode) -> Result<(), Rejection> {
    let value = match granted.get(name)? {
        None => &Value::Array(Vec::new()),
        Some(value) => value,
    };
    let granted = texts(value).ok_or_else(|| {
        Rejection::new(ScopeCode::DetailsUnreadable, format!("{name} of a granted object is no list of texts"))
    })?;
    let mut found = vec![false; required.len()];
    for text in granted {
        if let Ok(index) = required.binary_search_by(|candidate| candidate.as_str().cmp(text))
            && let Some(found) = found.get_mut(index)
        {
            *found = true;
        }
    }
    match required.iter().zip(found).find(|(_, found)| !found) {
        None => Ok(()),
        Some((missing, _)) => {
            Err(Rejection::new(code, format!("{name} of the granted object lacks {}", excerpt(missing))))
        }
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

impl AuthorizationDetails {
    /// Reads what is required: a list of objects, at most 100, whose JSON text has at most 16 KiB.
    ///
    /// Errors: `scope.details_requirement_malformed`, `scope.details_requirement_too_large`.
    pub fn parse(value: &Value) -> Result<Self, Rejection> {
        let Value::Array(items) = value else {
            let what = format!("authorization_details is {}, not a list", value.kind());
            return Err(Rejection::new(ScopeCode::DetailsRequirementMalformed, what));
        };
        if items.len() > MAX_DETAILS || json::to_text(value).len() > MAX_REQUIRED_DETAILS_TEXT {
            let what = format!("more than {MAX_DETAILS} objects or {MAX_REQUIRED_DETAILS_TEXT} bytes are required");
            return Err(Rejection::new(ScopeCode::DetailsRequirementTooLarge, what));
        }
        items.iter().map(AuthorizationDetail::parse).collect::<Result<_, _>>().map(Self)
    }

    /// The objects in their order.
    pub fn iter(&self) -> impl Iterator<Item = &AuthorizationDetail> {
        self.0.iter()
    }

    /// Whether nothing is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list as JSON.
    pub(crate) fn to_value(&self) -> Value {
        Value::Array(self.0.iter().map(|detail| detail.object.clone().into()).collect())
    }

    /// Whether each required object is covered by one granted object (RFC 9396 sections 2 and 9). Several objects never
    /// add up to one.
    ///
    /// `granted` is the claim `authorization_details` as the token has it. Where several objects of the type fall short,
    /// the reason is that of the one that came closest.
    ///
    /// Errors: `scope.details_*_insufficient_authorization`.
    pub fn granted_by(&self, granted: Option<&Value>) -> Result<(), Rejection> {
        if self.is_empty() {
            return Ok(());
        }
        let granted = readable(granted)?;
        self.0.iter().try_for_each(|required| covered_by_one(required, &granted))
    }
}

/// The granted objects with their types.
fn readable(granted: Option<&Value>) -> Result<Vec<(&str, &Object)>, Rejection> {
    let unreadable = |what: String| Rejection::new(ScopeCode::DetailsUnreadable, what);
    let absent = || Rejection::new(ScopeCode::DetailsAbsent, "the token grants no authorization details");
    let granted = granted.ok_or_else(absent)?;
    let items = granted
        .as_array()
        .ok_or_else(|| unreadable(format!("authorization_details is {}, not a list", granted.kind())))?;
    if items.is_empty() {
        return Err(absent());
    }
    if items.len() > MAX_DETAILS {
        return Err(unreadable(format!("{} objects are granted, at most {MAX_DETAILS} are read", items.len())));
    }
    granted.checked_everywhere().map_err(|rejection| unreadable(rejection.detail().into()))?;
    items
        .iter()
        .map(|item| {
            let object = item
                .as_object()
                .ok_or_else(|| unreadable(format!("authorization_details lists {}, not objects", item.kind())))?;
            match object.get("type")? {
                Some(Value::String(kind)) => Ok((kind.as_str(), object)),
                _ => Err(unreadable("a granted object has no text type".into())),
            }
        })
        .collect()
}

fn covered_by_one(required: &AuthorizationDetail, granted: &[(&str, &Object)]) -> Result<(), Rejection> {
    let mut closest: Option<(usize, Rejection)> = None;
    for (_, object) in granted.iter().filter(|(kind, _)| *kind == required.kind) {
        match required.covered_by(object) {
            Ok(()) => return Ok(()),
            Err(failed) if closest.as_ref().is_none_or(|closest| failed.0 > closest.0) => closest = Some(failed),
            Err(_) => {}
        }
    }
    Err(closest.map_or_else(
        || Rejection::new(ScopeCode::DetailsType, format!("no object of type {} is granted", excerpt(&required.kind))),
        |(_, rejection)| rejection,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap()
    }

    fn answer(required: &str, granted: &str) -> &'static str {
        let required = AuthorizationDetails::parse(&value(required)).unwrap();
        match required.granted_by(Some(&value(granted))) {
            Ok(()) => "",
            Err(rejection) => {
                let code = rejection.code();
                code.strip_prefix("scope.details_").unwrap().strip_suffix("_insufficient_authorization").unwrap()
            }
        }
    }

    #[test]
    fn several_objects_never_add_up() {
        let required = r#"[{"type":"a","actions":["read","write"]}]"#;
        let halves = r#"[{"type":"a","actions":["read"]},{"type":"a","actions":["write"]}]"#;
        assert_eq!(answer(required, halves), "actions");
        assert_eq!(answer(required, r#"[{"type":"a","actions":["write","read","x"]}]"#), "");
    }

    #[test]
    fn each_member_has_its_reason() {
        let granted = r#"[{"type":"a","locations":["l"],"actions":["x"],"datatypes":["d"],"privileges":["p"],
                           "identifier":"i","limit":{"max":5}}]"#;
        let ask = |member: &str| answer(&format!(r#"[{{"type":"a",{member}}}]"#), granted);
        assert_eq!(ask(r#""locations":["m"]"#), "locations");
        assert_eq!(ask(r#""actions":["X"]"#), "actions");
        assert_eq!(ask(r#""datatypes":["d","e"]"#), "datatypes");
        assert_eq!(ask(r#""privileges":[""]"#), "privileges");
        assert_eq!(ask(r#""identifier":"j""#), "identifier");
        assert_eq!(ask(r#""limit":{"max":4}"#), "member");
        assert_eq!(ask(r#""unknown":null"#), "member");
        assert_eq!(ask(r#""limit":{"max":5.0},"actions":["x"]"#), "");
        assert_eq!(answer(r#"[{"type":"A"}]"#, granted), "type");
    }

    #[test]
    fn the_closest_object_gives_the_reason() {
        let required = r#"[{"type":"a","locations":["l"],"actions":["x"]}]"#;
        let granted = r#"[{"type":"a"},{"type":"a","locations":["l"]},{"type":"a","actions":["x"]}]"#;
        assert_eq!(answer(required, granted), "actions");
    }

    #[test]
    fn what_cannot_be_read_grants_nothing() {
        let required = r#"[{"type":"a","actions":["x"]}]"#;
        for granted in [
            r#"{"type":"a","actions":["x"]}"#,
            r#"[{"type":"a","actions":["x"]},1]"#,
            r#"[{"type":"a","actions":["x"]},{}]"#,
            r#"[{"type":"a","actions":"x"}]"#,
            r#"[{"type":"a","actions":["x",1]}]"#,
            r#"[{"type":"a","actions":["x"],"b":{"c":1,"c":1}}]"#,
        ] {
            assert_eq!(answer(required, granted), "unreadable", "{granted}");
        }
        assert_eq!(answer(required, "[]"), "absent");
        let many = format!("[{}]", vec![r#"{"type":"a","actions":["x"]}"#; MAX_DETAILS + 1].join(","));
        assert_eq!(answer(required, &many), "unreadable");
        // An entry of another type may use the names for something else.
        assert_eq!(answer(required, r#"[{"type":"b","actions":1},{"type":"a","actions":["x"]}]"#), "");
    }

    #[test]
    fn requirements_are_checked_when_they_are_made() {
        for text in [
            "{}",
            "[1]",
            "[{}]",
            r#"[{"type":1}]"#,
            r#"[{"type":"a","actions":"read"}]"#,
            r#"[{"type":"a","locations":[1]}]"#,
            r#"[{"type":"a","identifier":["x"]}]"#,
            r#"[{"type":"a","type":"b"}]"#,
            r#"[{"type":"a","x":{"y":1,"y":2}}]"#,
        ] {
            let code = AuthorizationDetails::parse(&value(text)).unwrap_err().code();
            assert_eq!(code, "scope.details_requirement_malformed", "{text}");
        }
        let long = format!(r#"[{{"type":"{}"}}]"#, "a".repeat(MAX_REQUIRED_DETAILS_TEXT));
        let code = AuthorizationDetails::parse(&value(&long)).unwrap_err().code();
        assert_eq!(code, "scope.details_requirement_too_large");
        assert!(AuthorizationDetails::parse(&value("[]")).unwrap().granted_by(None).is_ok());
    }
}
