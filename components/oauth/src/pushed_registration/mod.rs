//! Clients that register with their pushed request (draft-richer-oauth-pushed-client-registration-00): a client that nobody
//! registered pushes its metadata together with its authorization request (RFC 9126), under one identifier that all such clients
//! share, and lasts no longer than the tokens it gets.
//!
//! It is off until a [`PushPolicy`] turns it on, and then lets through what the policy names and nothing else: metadata, hosts
//! that browsers are sent to, scopes, and who has to vouch for the client. [`verify()`] judges the pushed request,
//! [`tie_authorization`] and [`tie_token`] hold the two requests after it to what was pushed. Making and keeping the
//! `request_uri`, and the memory of proofs used before, are the host's.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::{KeySet, SoftwareBackend};
//! use portcullis_oauth::pushed_registration::{self as pushed, Expectations, PushPolicy, Request};
//! use portcullis_types::json;
//!
//! let backend = Rc::new(SoftwareBackend::default()) as _;
//! let policy = json::parse_object(br#"{"enabled":true,"metadata":["client_name"],"redirect_hosts":["client.example.org"],
//!                                      "vouched_by":"nobody","key_required":false}"#)?;
//! let policy = PushPolicy::from_object(&policy, |jwks| KeySet::from_object(jwks, &backend).map(Rc::new))?;
//! let form = [
//!     ("client_id", pushed::CLIENT_ID),
//!     ("response_type", "code"),
//!     ("redirect_uri", "https://client.example.org/cb"),
//!     ("state", "superrandom4789"),
//!     ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
//!     ("code_challenge_method", "S256"),
//!     ("client_registration", r#"{"client_name":"Reader"}"#),
//! ];
//! let request =
//!     Request { headers: &[], method: "POST", url: "https://as.example/par", form: &form, certificate: None };
//! let made = pushed::verify(&request, &policy, &Expectations::default(), 1_790_000_000, &backend).unwrap();
//! assert_eq!(json::to_text(&made.client.metadata), r#"{"client_name":"Reader"}"#);
//!
//! let off = pushed::verify(&request, &PushPolicy::off(), &Expectations::default(), 1_790_000_000, &backend);
//! assert_eq!(off.unwrap_err().rejection.code(), "par.disabled");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

mod answer;
mod code;
mod host;
mod key;
mod metadata;
mod parameters;
mod pkce;
mod policy;
mod record;
mod request;
#[cfg(test)]
mod tests;
mod tie;
mod verify;
mod vouch;

pub use code::PushedCode;
pub use host::HostPattern;
pub use key::{BoundKey, KeyMethod, PushedKey};
pub use metadata::MAX_REGISTRATION;
pub use pkce::CodeChallenge;
pub use policy::{AttestationPolicy, MAX_ENTRIES, PushPolicy, StatementPolicy, Vouchers};
pub use record::Kept;
pub use request::{AuthorizationRequest, MAX_STATE};
pub use tie::{Pending, Tied, tie_authorization, tie_token};
pub use verify::{DynamicClient, Expectations, Pushed, Refused, Request, disabled, explain, verify};
pub use vouch::{Voucher, brought_untrusted};

/// The identifier that every dynamic client has (section 4). A server gives it to no registered client.
pub const CLIENT_ID: &str = "urn:ietf:oauth:parameters:dynamic";

/// The member of a server's metadata that says that it takes dynamic clients (section 5): `true` where it does.
pub const SUPPORTED: &str = "pushed_client_registration_supported";
