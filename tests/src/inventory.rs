//! Every code there is, from the enums.

use portcullis_types::{CodeEntry, RuleCode};

/// A crate's codes.
pub struct Area {
    /// The crate, as in `components/<name>`.
    pub of: &'static str,
    /// Its codes in the order of the checks.
    pub codes: Vec<&'static CodeEntry>,
}

fn area<C: RuleCode>(of: &'static str, codes: &[C]) -> Area {
    Area { of, codes: codes.iter().map(|code| code.entry()).collect() }
}

/// The codes of every crate of components.
pub fn areas() -> Vec<Area> {
    vec![
        area("text", portcullis_text::RequestCode::ALL),
        area("types", portcullis_types::EncodingCode::ALL),
        area("crypto", portcullis_crypto::CryptoCode::ALL),
        area("token", portcullis_token::TokenCode::ALL),
        area("status", portcullis_status::StatusCode::ALL),
        area("scope", portcullis_scope::ScopeCode::ALL),
        area("svid", portcullis_svid::SvidCode::ALL),
        area("gate", portcullis_gate::GateCode::ALL),
        area("gate/policy", portcullis_gate::policy::PolicyCode::ALL),
        area("envoy", portcullis_envoy::EnvoyCode::ALL),
    ]
}
