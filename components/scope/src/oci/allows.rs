//! Whether granted access is enough (distribution: Token Scope Documentation, Resource Provider Use).

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use super::{ANY_ACTION, Access, all_bounded, merged};
use crate::ScopeCode;

/// Every required action is granted on exactly its type and name; a granted `*` is every action on its resource. Names
/// have no wildcards, the class does not matter, entries of one resource merge. Nothing required is always allowed; an
/// entry that requires no action is refused, because nobody can have meant it.
///
/// Errors: `oci.resource_not_granted`, `oci.action_not_granted`, `oci.actions_empty`, `oci.access_too_many`.
///
/// ```
/// use portcullis_scope::oci::{Access, allows::allows};
/// let granted = [Access::repository("team/app", &["pull"])];
/// assert!(allows(&granted, &[Access::repository("team/app", &["pull"])]).is_ok());
/// let rejection = allows(&granted, &[Access::repository("team/app", &["push"])]).unwrap_err();
/// assert_eq!(rejection.code(), "oci.action_not_granted");
/// ```
pub fn allows(granted: &[Access], required: &[Access]) -> Result<(), Rejection> {
    all_bounded(granted)?;
    all_bounded(required)?;
    let granted = merged(granted);
    for access in required {
        if access.actions.is_empty() {
            let what = format!("{} {} is required for no action", access.resource_type, excerpt(&access.name));
            return Err(Rejection::new(ScopeCode::OciActionsEmpty, what));
        }
        let Some(actions) = granted.actions((&access.resource_type, &access.name)) else {
            let what = format!("nothing is granted on {} {}", excerpt(&access.resource_type), excerpt(&access.name));
            return Err(Rejection::new(ScopeCode::OciResourceNotGranted, what));
        };
        if actions.contains(&ANY_ACTION) {
            continue;
        }
        if let Some(missing) = access.actions.iter().find(|action| !actions.contains(&action.as_str())) {
            let what = format!(
                "{} is not granted on {} {}",
                excerpt(missing),
                excerpt(&access.resource_type),
                excerpt(&access.name)
            );
            return Err(Rejection::new(ScopeCode::OciActionNotGranted, what));
        }
    }
    Ok(())
}

/// What of the required access is not granted, in the order of the request: nothing where [`allows`] allows.
///
/// Error: `oci.access_too_many`.
///
/// ```
/// use portcullis_scope::oci::{Access, allows::missing};
/// let granted = [Access::repository("team/app", &["pull"])];
/// let required = [Access::repository("team/app", &["pull", "push"])];
/// assert_eq!(missing(&granted, &required).unwrap(), [Access::repository("team/app", &["push"])]);
/// ```
pub fn missing(granted: &[Access], required: &[Access]) -> Result<Vec<Access>, Rejection> {
    all_bounded(granted)?;
    all_bounded(required)?;
    let granted = merged(granted);
    let mut missing = Vec::new();
    for access in required {
        let actions = granted.actions((&access.resource_type, &access.name)).unwrap_or_default();
        if actions.contains(&ANY_ACTION) {
            continue;
        }
        let lacks = |action: &&str| !actions.contains(action);
        let lacking: Vec<&str> = access.actions.iter().map(String::as_str).filter(lacks).collect();
        if !lacking.is_empty() {
            missing.push(Access::new(&access.resource_type, &access.name, &lacking));
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(granted: &[Access], required: &[Access]) -> &'static str {
        allows(granted, required).err().map_or("", |rejection| rejection.code())
    }

    #[test]
    fn a_star_is_every_action_on_its_resource_only() {
        let granted = [Access::repository("a", &["*"])];
        assert_eq!(code(&granted, &[Access::repository("a", &["delete", "*"])]), "");
        assert_eq!(code(&granted, &[Access::repository("b", &["pull"])]), "oci.resource_not_granted");
        let pull = [Access::repository("a", &["pull"])];
        assert_eq!(code(&pull, &[Access::repository("a", &["*"])]), "oci.action_not_granted");
        let every = [Access::repository("*", &["*"])];
        assert_eq!(code(&every, &[Access::repository("a", &["pull"])]), "oci.resource_not_granted");
    }

    #[test]
    fn entries_merge_and_every_requirement_counts() {
        let granted = [Access::repository("a", &["pull"]), Access::repository("a", &["push"])];
        assert_eq!(code(&granted, &[Access::repository("a", &["push", "pull"])]), "");
        let both = [Access::repository("a", &["pull"]), Access::repository("b", &["pull"])];
        assert_eq!(code(&granted, &both), "oci.resource_not_granted");
        assert_eq!(code(&granted, &[Access::repository("a", &[])]), "oci.actions_empty");
        assert_eq!(code(&[], &[]), "");
        assert_eq!(code(&granted, &[Access::new("registry", "a", &["pull"])]), "oci.resource_not_granted");
    }

    #[test]
    fn both_lists_are_bounded() {
        let many = alloc::vec![Access::repository("a", &["pull"]); crate::limits::MAX_ACCESS + 1];
        assert_eq!(code(&many, &[]), "oci.access_too_many");
        assert_eq!(code(&[], &many), "oci.access_too_many");
    }
}
