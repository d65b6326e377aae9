//! Every code there is, from the enums.

use portcullis_types::{CodeEntry, RuleCode};

/// A crate's codes.
pub struct Area {
    /// The crate's folder.
    pub of: &'static str,
    /// Its codes in the order of the checks.
    pub codes: Vec<&'static CodeEntry>,
}

fn area<C: RuleCode>(of: &'static str, codes: &[C]) -> Area {
    Area { of, codes: codes.iter().map(|code| code.entry()).collect() }
}

/// The codes of every crate of components and plugins.
pub fn areas() -> Vec<Area> {
    vec![
        area("components/text", portcullis_text::RequestCode::ALL),
        area("components/types", portcullis_types::EncodingCode::ALL),
        area("components/crypto", portcullis_crypto::CryptoCode::ALL),
        area("components/token", portcullis_token::TokenCode::ALL),
        area("components/status", portcullis_status::StatusCode::ALL),
        area("components/status/build", portcullis_status::build::BuildCode::ALL),
        area("components/scope", portcullis_scope::ScopeCode::ALL),
        area("components/svid", portcullis_svid::SvidCode::ALL),
        area("components/client", portcullis_client::ClientCode::ALL),
        area("components/signature", portcullis_signature::SignatureCode::ALL),
        area("components/wimse", portcullis_wimse::WimseCode::ALL),
        area("components/oauth/transaction_token", portcullis_oauth::transaction_token::TransactionCode::ALL),
        area("components/oauth/lifetimes", portcullis_oauth::lifetimes::LifetimeCode::ALL),
        area("components/oauth/app2app", portcullis_oauth::app2app::App2AppCode::ALL),
        area("components/oauth/pushed_registration", portcullis_oauth::pushed_registration::PushedCode::ALL),
        area("components/oauth/key_binding", portcullis_oauth::key_binding::BindingCode::ALL),
        area("components/ocm/address", portcullis_ocm::PeerCode::ALL),
        area("components/ocm/contact", portcullis_ocm::ContactCode::ALL),
        area("components/ocm/directory", portcullis_ocm::DirectoryCode::ALL),
        area("components/ocm/invite", portcullis_ocm::InviteCode::ALL),
        area("components/ocm/discovery", portcullis_ocm::DiscoveryCode::ALL),
        area("components/ocm/signed", portcullis_ocm::SignedCode::ALL),
        area("components/ocm/share", portcullis_ocm::ShareCode::ALL),
        area("components/ocm/notification", portcullis_ocm::NotificationCode::ALL),
        area("components/ocm/token", portcullis_ocm::TokenCode::ALL),
        area("components/ocm/access", portcullis_ocm::AccessCode::ALL),
        area("components/password", portcullis_password::PasswordCode::ALL),
        area("components/gate", portcullis_gate::GateCode::ALL),
        area("components/gate/policy", portcullis_gate::policy::PolicyCode::ALL),
        area("plugins/envoy", portcullis_envoy::EnvoyCode::ALL),
    ]
}
