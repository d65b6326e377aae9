//! What a verified token permits: OAuth scopes, authorization details, authentication, claims, registry access; and
//! what to tell a client whose token falls short.
//!
//! Nothing here verifies a token, except [`oci::token`], which has `portcullis_token` do it. [`evaluate()`] reads what a
//! token says that somebody else verified, and answers with the first [`Shortfall`] in the order in which a server
//! reports them; [`Need::answer`] turns that into the status and the `WWW-Authenticate` value its specification wants.
//!
//! ```
//! use portcullis_scope::{Granted, Required, ScopeSet, Settings, evaluate};
//! use portcullis_types::json;
//!
//! let claims = json::parse_object(br#"{"scope":"reports:read"}"#).unwrap();
//! let granted = Granted::from_claims(&claims).unwrap();
//! let read = Required { scope: Some(ScopeSet::parse("reports:read").unwrap()), ..Required::default() };
//! assert!(evaluate(&granted, &read, 1_790_000_000, 0).is_ok());
//!
//! let write = Required { scope: Some(ScopeSet::parse("reports:write").unwrap()), ..Required::default() };
//! let shortfall = evaluate(&granted, &write, 1_790_000_000, 0).unwrap_err();
//! assert_eq!(shortfall.reason.code(), "scope.insufficient_scope");
//! let answer = shortfall.need.answer(&Settings::default());
//! assert_eq!(answer.status, 403);
//! assert_eq!(answer.challenge, r#"Bearer error="insufficient_scope", scope="reports:write""#);
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
pub mod authentication;
pub mod authorization_details;
pub mod challenge;
pub mod claims;
mod code;
pub mod evaluate;
pub mod limits;
pub mod oci;
mod remediation;
pub mod resource_metadata;
pub mod retry;
mod same;
pub mod scope_token;
pub mod wanted;

pub use answer::{Answer, AuthorizationForm, Realm, Scheme, Settings};
pub use authentication::AcrValues;
pub use authorization_details::{AuthorizationDetail, AuthorizationDetails};
pub use challenge::Challenge;
pub use claims::{ClaimRequirements, Requirement};
pub use code::ScopeCode;
pub use evaluate::{Granted, Need, Required, Shortfall, evaluate};
pub use resource_metadata::ResourceMetadata;
pub use scope_token::{Scope, ScopeSet};
