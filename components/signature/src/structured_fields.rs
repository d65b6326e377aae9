//! Which fields are structured, and of which type: what `sf` needs to know (RFC 9421 section 2.1.1).

/// The type of a structured field (RFC 9651 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldType {
    /// A list of members.
    List,
    /// Members by their keys.
    Dictionary,
    /// One item.
    Item,
}

/// The fields whose own specifications make them structured, sorted by name: the column "Structured Type" of the HTTP
/// Field Name Registry. Older fields that merely look like structured ones are not among them, for not every value of theirs
/// can be read as one.
const REGISTERED: &[(&str, FieldType)] = &[
    ("accept-ch", FieldType::List),
    ("accept-signature", FieldType::Dictionary),
    ("available-dictionary", FieldType::Item),
    ("cache-group-invalidation", FieldType::List),
    ("cache-groups", FieldType::List),
    ("cache-status", FieldType::List),
    ("capsule-protocol", FieldType::Item),
    ("cdn-cache-control", FieldType::Dictionary),
    ("client-cert", FieldType::Item),
    ("client-cert-chain", FieldType::List),
    ("concealed-auth-export", FieldType::Item),
    ("content-digest", FieldType::Dictionary),
    ("critical-ch", FieldType::List),
    ("cross-origin-embedder-policy", FieldType::Item),
    ("cross-origin-embedder-policy-report-only", FieldType::Item),
    ("cross-origin-opener-policy", FieldType::Item),
    ("cross-origin-opener-policy-report-only", FieldType::Item),
    ("deprecation", FieldType::Item),
    ("dictionary-id", FieldType::Item),
    ("incremental", FieldType::Item),
    ("link-template", FieldType::List),
    ("no-vary-search", FieldType::Dictionary),
    ("origin-agent-cluster", FieldType::Item),
    ("permissions-policy", FieldType::Dictionary),
    ("priority", FieldType::Dictionary),
    ("proxy-status", FieldType::List),
    ("reporting-endpoints", FieldType::Dictionary),
    ("repr-digest", FieldType::Dictionary),
    ("signature", FieldType::Dictionary),
    ("signature-agent", FieldType::Dictionary),
    ("signature-input", FieldType::Dictionary),
    ("unencoded-digest", FieldType::Dictionary),
    ("upload-complete", FieldType::Item),
    ("upload-length", FieldType::Item),
    ("upload-limit", FieldType::Dictionary),
    ("upload-offset", FieldType::Item),
    ("use-as-dictionary", FieldType::Dictionary),
    ("want-content-digest", FieldType::Dictionary),
    ("want-repr-digest", FieldType::Dictionary),
    ("want-unencoded-digest", FieldType::Dictionary),
];

/// The fields that are known to be structured: the registered ones, and those an application adds.
///
/// ```
/// use portcullis_signature::{FieldType, StructuredFields};
/// let known = StructuredFields::with(&[("example-dict", FieldType::Dictionary)]);
/// assert_eq!(known.type_of("example-dict"), Some(FieldType::Dictionary));
/// assert_eq!(known.type_of("cache-status"), Some(FieldType::List));
/// assert_eq!(known.type_of("accept"), None);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct StructuredFields<'s> {
    added: &'s [(&'s str, FieldType)],
}

impl<'s> StructuredFields<'s> {
    /// With fields that an application adds, by their names in lower case. They go before the registered ones.
    pub fn with(added: &'s [(&'s str, FieldType)]) -> Self {
        Self { added }
    }

    /// The type of a field, by its name in lower case.
    pub fn type_of(&self, name: &str) -> Option<FieldType> {
        let added = self.added.iter().find(|(added, _)| *added == name).map(|(_, of)| *of);
        added.or_else(|| {
            let at = REGISTERED.binary_search_by_key(&name, |(registered, _)| registered).ok()?;
            REGISTERED.get(at).map(|(_, of)| *of)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_field_is_found() {
        let known = StructuredFields::default();
        for (name, of) in REGISTERED {
            assert_eq!(known.type_of(name), Some(*of), "{name}");
        }
        assert_eq!(known.type_of("Cache-Status"), None);
        assert_eq!(known.type_of("zzz"), None);
    }
}
