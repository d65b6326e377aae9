//! Origins and the URLs that documents are fetched from: the rule is [`portcullis_types::origin`]'s, the code is the gate's.

pub use portcullis_types::origin::{Class, Origin};
pub(crate) use portcullis_types::origin::{host_of, is_loopback};
use portcullis_types::{Rejection, origin};

use crate::code::GateCode;

/// Admits a URL for fetching by its form. Whether its address may be connected to is the host's to judge.
///
/// Error: `fetch.url_not_allowed`.
pub fn admit(url: &str, class: Class, listed: &[Origin]) -> Result<Origin, Rejection> {
    origin::admit(url, class, listed).map_err(|why| Rejection::new(GateCode::UrlNotAllowed, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is admitted is tested where the rule stands.
    #[test]
    fn a_refusal_has_the_code_of_fetches() {
        let code = |url| admit(url, Class::Credential, &[]).err().map(|rejection| rejection.code());
        assert_eq!(code("https://127.0.0.1/"), Some("fetch.url_not_allowed"));
        assert_eq!(code("https://a.example/"), None);
    }
}
