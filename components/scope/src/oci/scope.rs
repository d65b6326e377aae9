//! Resource scopes (distribution: Token Scope Documentation, Resource Scope Grammar).
//!
//! ```text
//! scope         := resourcescope [ ' ' resourcescope ]*
//! resourcescope := resourcetype ":" resourcename ":" action [ ',' action ]*
//! resourcetype  := /[a-z0-9]+/ [ '(' /[a-z0-9]+/ ')' ]
//! resourcename  := [ hostname '/' ] component [ '/' component ]*
//! hostname      := hostcomponent [ '.' hostcomponent ]* [ ':' /[0-9]+/ ]
//! hostcomponent := /([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])/
//! component     := /[a-z0-9]+/ [ /[_.]|__|[-]*/ /[a-z0-9]+/ ]*
//! action        := /[a-z]*/
//! ```
//!
//! The text beside the grammar also has the action `*`, for the catalogue; it stands alone.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::{Rejection, limits::excerpt};

use super::{ANY_ACTION, Access};
use crate::{
    ScopeCode,
    limits::{MAX_ACTIONS, MAX_SCOPE_TEXT, MAX_SCOPES},
};

/// Reads a scope: at most 32 KiB and 1,000 resources, in their order and as they stand, repetitions included.
///
/// An empty action is read, as the grammar has it. It grants nothing anywhere.
///
/// Errors: `oci.scope_*`.
///
/// ```
/// use portcullis_scope::oci::scope;
/// let access = scope::parse("repository:localhost:5000/my/app:pull,push registry:catalog:*").unwrap();
/// assert_eq!(access[0].name, "localhost:5000/my/app");
/// assert_eq!(access[0].actions, ["pull", "push"]);
/// assert_eq!(scope::parse("repository:a/b").unwrap_err().code(), "oci.scope_parts");
/// ```
pub fn parse(scope: &str) -> Result<Vec<Access>, Rejection> {
    if scope.len() > MAX_SCOPE_TEXT {
        let what = format!("{} bytes, at most {MAX_SCOPE_TEXT} are read", scope.len());
        return Err(Rejection::new(ScopeCode::OciScopeTooLarge, what));
    }
    if scope.is_empty() {
        return Err(Rejection::new(ScopeCode::OciScopeEmpty, "the scope is empty"));
    }
    let count = scope.split(' ').count();
    if count > MAX_SCOPES {
        let what = format!("{count} resources, at most {MAX_SCOPES} are read");
        return Err(Rejection::new(ScopeCode::OciScopeTooLarge, what));
    }
    scope.split(' ').map(resource_scope).collect()
}

fn resource_scope(text: &str) -> Result<Access, Rejection> {
    let reject = |code, what: &str| Err(Rejection::new(code, format!("{} {what}", excerpt(text))));
    if text.is_empty() {
        return Err(Rejection::new(ScopeCode::OciScopeSpacing, "resources stand apart by one space, with none around"));
    }
    // A name may hold a colon of its own, before its host's port; types and actions hold none.
    let Some((kind, (name, actions))) =
        text.split_once(':').and_then(|(kind, rest)| Some((kind, rest.rsplit_once(':')?)))
    else {
        return reject(ScopeCode::OciScopeParts, "is not type:name:actions");
    };
    let (kind, class) = match kind.split_once('(') {
        None => (kind, None),
        Some((kind, class)) => match class.strip_suffix(')') {
            Some(class) if is_type_value(class) => (kind, Some(class)),
            _ => return reject(ScopeCode::OciScopeClass, "has a malformed class"),
        },
    };
    if !is_type_value(kind) {
        return reject(ScopeCode::OciScopeType, "has a malformed type");
    }
    if !is_name(name) {
        return reject(ScopeCode::OciScopeName, "has a malformed name");
    }
    if actions != ANY_ACTION && !actions.split(',').all(|action| action.bytes().all(|byte| byte.is_ascii_lowercase())) {
        return reject(ScopeCode::OciScopeAction, "has a malformed action");
    }
    if actions.split(',').count() > MAX_ACTIONS {
        return reject(ScopeCode::OciScopeActionsTooMany, "lists too many actions");
    }
    Ok(Access {
        resource_type: kind.into(),
        class: class.map(Into::into),
        name: name.into(),
        actions: actions.split(',').map(Into::into).collect(),
    })
}

/// Writes access as a scope, without classes. What would not read back as it is, a name with a space in it for example,
/// is refused, so that no text of an entry becomes an entry of its own.
///
/// Errors: `oci.scope_*`.
pub fn write(access: &[Access]) -> Result<String, Rejection> {
    let mut text = String::new();
    for entry in access {
        let one = entry.to_string();
        let read = resource_scope(&one)?;
        if (&read.resource_type, &read.name, &read.actions) != (&entry.resource_type, &entry.name, &entry.actions) {
            let what = format!("{} reads as something else", excerpt(&one));
            return Err(Rejection::new(ScopeCode::OciScopeParts, what));
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&one);
    }
    Ok(text)
}

fn is_type_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_alphanumeric)
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `resourcename`. A host needs something behind it, so that a name of one component is a component.
pub(super) fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        None => is_component(name),
        Some((first, rest)) => (is_component(first) || is_hostname(first)) && rest.split('/').all(is_component),
    }
}

fn is_component(text: &str) -> bool {
    // What stands between letters and digits; before the first and behind the last, nothing.
    let mut between = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    !text.is_empty()
        && between.next() == Some("")
        && between.next_back() == Some("")
        && between.all(|text| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-'))
}

fn is_hostname(text: &str) -> bool {
    let host = match text.split_once(':') {
        None => text,
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return false,
    };
    host.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn code(scope: &str) -> &'static str {
        parse(scope).err().map_or("", |rejection| rejection.code().trim_start_matches("oci.scope_"))
    }

    #[test]
    fn names_follow_the_grammar() {
        let good = "a 0 a/b a.b a_b a__b a-b a---b a0/1b a.b-c__d/e localhost/a LOCALHOST/a h:1/a A-b.C:65536/a/b";
        for name in good.split(' ') {
            assert!(is_name(name), "{name}");
        }
        let bad = "/ a/ /a a//b A a/B a. .a a..b a___b a._b a-_b -a a- h:1 h:/a h:x/a :1/a -h/a h-/a h..x/a H_x/a a/h:1/b \
                   h:1:2/a é/a a/é a* * [::1]/a a%2Fb";
        for name in bad.split(' ').chain(["", "a b", "a\n"]) {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        for (scope, expected) in [
            ("", "empty"),
            (" ", "spacing"),
            ("a:b:c ", "spacing"),
            ("a:b:c  a:b:c", "spacing"),
            ("repository", "parts"),
            ("repository:a", "parts"),
            ("a:b:c push", "parts"),
            (":a:pull", "type"),
            ("Repository:a:pull", "type"),
            ("repo-x:a:pull", "type"),
            ("(x):a:pull", "type"),
            ("repository():a:pull", "class"),
            ("repository(X):a:pull", "class"),
            ("repository(x:a:pull", "class"),
            ("repository(x)y:a:pull", "class"),
            ("repository((x)):a:pull", "class"),
            ("repository::pull", "name"),
            ("repository:a:b:pull", "name"),
            ("repository:a:Pull", "action"),
            ("repository:a:pull,*", "action"),
            ("repository:a:**", "action"),
            ("repository:a:pull\n", "action"),
            ("repository:a:pull\tx", "action"),
        ] {
            assert_eq!(code(scope), expected, "{scope:?}");
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        for scope in ["a:b:", "a:b:c,", "a:b:*", "a:b:c a:b:c", "x:h:1/b:c,d"] {
            assert_eq!(write(&parse(scope).unwrap()).unwrap(), scope);
        }
        assert_eq!(write(&[]).unwrap(), "");
        assert_eq!(parse("a(b):c:d").unwrap()[0].class.as_deref(), Some("b"));
        assert_eq!(parse("a:b:").unwrap()[0].actions, [""]);
    }

    #[test]
    fn no_text_of_an_entry_becomes_an_entry() {
        let code = |kind: &str, name: &str, actions: &[&str]| {
            write(&[Access::new(kind, name, actions)]).err().map_or("", |rejection| rejection.code())
        };
        assert_eq!(code("repository", "a", &["pull"]), "");
        assert_eq!(code("repository", "a:pull repository:b", &["pull"]), "oci.scope_name");
        assert_eq!(code("repository", "a", &["pull repository:b:pull"]), "oci.scope_name");
        assert_eq!(code("a:h", "1/x", &["pull"]), "oci.scope_parts");
        assert_eq!(code("repository", "a", &["pull,push"]), "oci.scope_parts");
        assert_eq!(code("repository(plugin)", "a", &["pull"]), "oci.scope_parts");
    }

    #[test]
    fn size_is_bounded_at_both_sides() {
        assert_eq!(code(&vec!["a:b:c"; MAX_SCOPES].join(" ")), "");
        assert_eq!(code(&vec!["a:b:c"; MAX_SCOPES + 1].join(" ")), "too_large");
        let long = |n: usize| ["a:b:", &"c".repeat(n - 4)].concat();
        assert_eq!(code(&long(MAX_SCOPE_TEXT)), "");
        assert_eq!(code(&long(MAX_SCOPE_TEXT + 1)), "too_large");
        let actions = |n: usize| ["a:b:", &vec!["c"; n].join(",")].concat();
        assert_eq!(code(&actions(MAX_ACTIONS)), "");
        assert_eq!(code(&actions(MAX_ACTIONS + 1)), "actions_too_many");
    }
}
