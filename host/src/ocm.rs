//! Open Cloud Mesh: servers that share resources with each other's users (draft-ietf-ocm-open-cloud-mesh-05).
//!
//! - [`addresses`]: who is who, and the servers that are spoken with.
//! - [`discovery`]: what servers say of themselves.
//! - [`requests`]: signed requests between servers, verified and made.
//! - [`shares`]: what the receiver of a share decides, and what its sender sees to before.
//! - [`invites`]: their text, their acceptance, and the contacts that come of it.
//! - [`notifications`]: what becomes of a share, from the party that may say so.
//! - [`tokens`]: a shared secret is exchanged for a token.
//! - [`access`]: what the receiver does next, and what opens a resource at the sender.
//! - [`directory`]: the servers of a federation.
//!
//! Nothing is fetched and nothing is kept here: documents and keys come from the caller, who keeps shares, invites and tokens.

pub mod access;
pub mod addresses;
pub mod directory;
pub mod discovery;
pub mod invites;
pub mod notifications;
pub mod requests;
pub mod shares;
pub mod tokens;
