//! What of the requested access is permitted (distribution: Token Authentication Specification): a subset or nothing is
//! no error, the registry decides whether it is enough.

use alloc::{collections::BTreeSet, vec::Vec};

use portcullis_types::Rejection;

use super::{ANY_ACTION, Access, all_bounded, merged};

/// The access that is both requested and permitted: one entry for each resource that has any, resources and actions in
/// the order of the request. `*` on one side leaves what the other side names, on both it is `*`. The class, which
/// "authorization services should no longer return", is left out, and so is the empty action.
///
/// Error: `oci.access_too_many`.
///
/// ```
/// use portcullis_scope::oci::{Access, intersect::intersect, scope};
/// let requested = scope::parse("repository:a/b:pull,push repository:c/d:pull").unwrap();
/// let permitted = [Access::repository("a/b", &["pull", "delete"])];
/// assert_eq!(intersect(&requested, &permitted).unwrap(), [Access::repository("a/b", &["pull"])]);
/// ```
pub fn intersect(requested: &[Access], permitted: &[Access]) -> Result<Vec<Access>, Rejection> {
    all_bounded(requested)?;
    all_bounded(permitted)?;
    let (requested, permitted) = (merged(requested), merged(permitted));
    let mut both = Vec::new();
    for ((resource_type, name), asked) in &requested.resources {
        let allowed = permitted.actions((resource_type, name)).unwrap_or_default();
        let actions = common(asked, allowed);
        if !actions.is_empty() {
            both.push(Access::new(resource_type, name, &actions));
        }
    }
    Ok(both)
}

fn common<'a>(asked: &[&'a str], allowed: &[&'a str]) -> Vec<&'a str> {
    let named = |actions: &[&'a str]| actions.iter().copied().filter(|action| !action.is_empty()).collect::<Vec<_>>();
    match (asked.contains(&ANY_ACTION), allowed.contains(&ANY_ACTION)) {
        (true, true) => Vec::from([ANY_ACTION]),
        (true, false) => named(allowed),
        (false, true) => named(asked),
        (false, false) => {
            let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
            named(asked).into_iter().filter(|action| allowed.contains(action)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::scope::{parse, write};

    fn both(requested: &str, permitted: &str) -> alloc::string::String {
        let permitted = if permitted.is_empty() { Vec::new() } else { parse(permitted).unwrap() };
        write(&intersect(&parse(requested).unwrap(), &permitted).unwrap()).unwrap()
    }

    #[test]
    fn a_subset_or_nothing_is_no_error() {
        assert_eq!(both("repository:a:pull,push", "repository:a:push,pull"), "repository:a:pull,push");
        assert_eq!(both("repository:a:pull,push", "repository:a:push"), "repository:a:push");
        assert_eq!(both("repository:a:pull", ""), "");
        assert_eq!(both("repository:a:pull", "repository:a:push"), "");
        assert_eq!(both("repository:a:pull", "registry:a:pull"), "");
        assert_eq!(both("repository:a:", "repository:a:*"), "");
    }

    #[test]
    fn a_star_leaves_what_the_other_side_names() {
        assert_eq!(both("repository:a:pull", "repository:a:*"), "repository:a:pull");
        assert_eq!(both("repository:a:*", "repository:a:pull,push"), "repository:a:pull,push");
        assert_eq!(both("registry:catalog:*", "registry:catalog:*"), "registry:catalog:*");
        assert_eq!(both("repository:a:* repository:a:pull", "repository:a:push"), "repository:a:push");
    }

    #[test]
    fn entries_of_one_resource_merge() {
        let requested = "repository:a:pull repository:b:pull repository(plugin):a:push,pull";
        assert_eq!(both(requested, "repository:a:push repository:a:pull"), "repository:a:pull,push");
    }
}
