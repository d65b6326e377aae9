//! Transaction Tokens (draft-ietf-oauth-transaction-tokens-11): short-lived tokens that carry who and what a request is about
//! from workload to workload within one trust domain. They authorize and never authenticate.
//!
//! A workload that receives one calls [`verify::parse_and_verify`]. A service that issues them reads the request with
//! [`TokenRequest::parse`], verifies the subject token, and has [`issue()`] or [`replace()`] make the claims that it signs.
//!
//! ```
//! use portcullis_oauth::transaction_token::narrow;
//!
//! let scope = narrow(Some("trade.stocks trade.read"), Some("trade.read"))?;
//! assert_eq!(scope.to_string(), "trade.read");
//! let more = narrow(Some("trade.read"), Some("trade.read trade.stocks"));
//! assert_eq!(more.unwrap_err().code(), "txn.scope_expanded");
//! assert_eq!(narrow(None, Some("trade.read")).unwrap_err().code(), "txn.scope_unknown");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

pub mod answer;
mod call_chain;
mod claims;
mod code;
mod context;
mod issue;
mod narrow;
pub mod presented;
pub mod replacement;
mod request;
mod same;
mod service;
mod subject;
#[cfg(test)]
mod tests;
pub mod verify;

pub use call_chain::{CallChain, MAX_CALL_CHAIN};
pub use claims::TransactionClaims;
pub use code::TransactionCode;
pub use context::{Admitted, ContextPolicy};
pub use issue::{Issued, issue, replace};
pub use narrow::narrow;
pub use request::{MAX_CONTEXT, SubjectTokenType, TokenRequest};
pub use service::{DEFAULT_LIFETIME, Lifetime, MAX_LIFETIME, Service};
pub use subject::Subject;

/// The header field that carries one (section 12.1).
pub const HEADER: &str = "Txn-Token";

/// The media type in the token's header (section 9.1).
pub const TYPE: &str = "txntoken+jwt";

/// The token type of requests and answers (section 11.1).
pub const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:txn_token";

/// The grant type of a request (section 11.1, RFC 8693 section 2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
