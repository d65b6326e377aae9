//! Tokens that are bound to a key whose possession nobody showed when they were issued (draft-richer-oauth-tmb-claim-01): the
//! requester names the key in the parameter `tmb`, the server copies it to `cnf`, and the possession is shown when the token is
//! used.
//!
//! The security of it is trust in the requester alone (section 4). So it is off until a [`BindingPolicy`] names who may ask for
//! it, and a token that came so can be told from one whose key was proved, and be refused by a rule.
//!
//! ```
//! use portcullis_oauth::key_binding::{self, Binding, BindingPolicy, Moment, TokenRequest};
//! use portcullis_token::claims::Claims;
//! use portcullis_types::json;
//!
//! let policy = json::parse_object(br#"{"deferred":"allow","requesters":["https://broker.example"]}"#)?;
//! let policy = BindingPolicy::from_object(&policy)?;
//! // A broker asks for a token for a workload whose key it knows.
//! let request = TokenRequest {
//!     client_id: "https://broker.example",
//!     tmb: Some(r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#),
//!     proved: None,
//! };
//! let bound = key_binding::bind(&request, &policy)?;
//! assert_eq!(bound.binding, Binding::Deferred);
//!
//! // The workload uses it. Without its proof the token is nobody's.
//! let claims = Claims::from_members(json::Object::from_members(bound.claims()))?;
//! let unproved = key_binding::evaluate(&claims, None, &policy, Moment::Use);
//! assert_eq!(unproved.unwrap_err().code(), "binding.unproved");
//!
//! // A rule that wants keys that were proved from the start refuses it.
//! let rule = [Binding::Proved];
//! assert_eq!(key_binding::check_accepted(bound.binding, &rule).unwrap_err().code(), "binding.not_accepted");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

mod answer;
mod code;
mod evaluate;
mod issue;
mod policy;

pub use answer::answer;
pub use code::BindingCode;
pub use evaluate::{Moment, check_accepted, evaluate, explain};
pub use issue::{Bound, MAX_TMB, Proved, TokenRequest, bind, explain_bind};
pub use policy::{BindingPolicy, KeyName, MAX_ENTRIES};

/// The parameter of a token request that names the key (section 3), and the claim that marks a token whose key was named so.
pub const TMB: &str = "tmb";

/// How a token is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// To a key whose possession was shown when the token was issued.
    Proved,
    /// To a key that the requester named, and whose possession nobody had shown then.
    Deferred,
    /// To no key.
    None,
}

impl Binding {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Proved, Self::Deferred, Self::None];

    /// The word for it, in policies and decisions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Deferred => "deferred",
            Self::None => "none",
        }
    }

    /// The binding of a word, letter by letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|binding| binding.name() == name)
    }
}
