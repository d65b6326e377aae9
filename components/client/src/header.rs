//! Header fields that a request has once or not at all.

use alloc::format;

use portcullis_types::Rejection;

use crate::ClientCode;

/// A header field whose value is one token.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) missing: ClientCode,
    pub(crate) repeated: ClientCode,
    pub(crate) list: ClientCode,
}

impl Field {
    /// The field's value: there is exactly one, and it is no list.
    pub(crate) fn one<'h>(&self, headers: &[(&str, &'h [u8])]) -> Result<&'h [u8], Rejection> {
        let mut fields = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(self.name));
        let Some((_, value)) = fields.next() else {
            return Err(Rejection::new(self.missing, format!("there is no {} header field", self.name)));
        };
        let more = fields.count();
        if more > 0 {
            return Err(Rejection::new(self.repeated, format!("there are {} {} header fields", more + 1, self.name)));
        }
        // No compact token holds a comma. JSON does, and is told to be JSON.
        if value.contains(&b',') && !value.trim_ascii_start().starts_with(b"{") {
            return Err(Rejection::new(self.list, format!("the {} header field holds a comma", self.name)));
        }
        Ok(value)
    }
}

/// Whether a request has a header field.
pub(crate) fn has(headers: &[(&str, &[u8])], wanted: &str) -> bool {
    headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
}
