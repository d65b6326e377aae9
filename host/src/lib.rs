//! A small host for the Portcullis components, on wasmtime.
//!
//! - [`Runtime`] is the engine: it loads components (from a cache of compiled code), and sets the limits.
//! - [`Portcullis`] asks a component through its typed interfaces; the types of the larger ones stand in [`status`],
//!   [`scope`], [`dpop`], [`svid`], [`signature`], [`wimse`], [`client`], [`oauth`] and [`ocm`].
//! - [`GateInstance`](gate::GateInstance) holds a policy and decides about requests.
//! - [`TextDoor`] asks it in JSON text.
//!
//! Two kinds of failure are kept apart. A [`Rejection`] is the component's answer: the credential was refused, and
//! why. A [`HostError`] says that there is no answer: a file is missing, the component trapped or ran out. A caller
//! that decides by it answers "we cannot know" (503), and never blames the client.
//!
//! A component gets nothing from the host: no clock, no files, no network; those named `*-hosted.wasm` get signature
//! verification by aws-lc-rs. One that imports anything else is not loaded.
//!
//! # Features
//!
//! - `compiler` (default): compiles WebAssembly. Without it only precompiled files are loaded, and the program is
//!   some 10 MB smaller.
//! - `hosted-crypto` (default): gives the components named `*-hosted.wasm` their crypto.
//! - `cli` (default): the `portcullis` command.
//! - `gateway` (default): [`gateway`], the server behind `portcullis serve`.

mod algorithm;
mod artifact;
mod bindings;
#[cfg(feature = "compiler")]
mod cache;
pub mod client;
mod compiled;
mod component;
pub mod dpop;
mod error;
pub mod gate;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "hosted-crypto")]
mod hosted_crypto;
mod keys;
mod limits;
mod live;
pub mod oauth;
pub mod ocm;
#[cfg(any(feature = "cli", feature = "gateway"))]
pub mod ocm_request;
mod places;
mod portcullis;
mod runtime;
mod sandbox;
pub mod scope;
pub mod signature;
#[cfg(any(feature = "cli", feature = "gateway"))]
mod signing_key;
pub mod status;
pub mod svid;
mod text_door;
mod ticker;
mod trust;
pub mod wimse;

pub use algorithm::UnknownAlgorithm;
pub use artifact::Damage;
pub use bindings::exports::portcullis::crypto::keys::{Algorithm, KeyDescription};
pub use bindings::exports::portcullis::token::jws::VerifiedJws;
pub use bindings::exports::portcullis::token::jwt::{Expectations, Profile, Report, Untrusted, VerifiedJwt};
pub use bindings::exports::portcullis::types::types::{CheckOutcome, Finding, Rejection};
#[cfg(feature = "compiler")]
pub use cache::CacheWarning;
pub use component::{Component, Origin, VERIFIER_IMPORT, is_precompiled};
pub use error::{CODES, Code, HostError};
pub use keys::KeySet;
pub use limits::{DEFAULT_DEADLINE, DEFAULT_MAX_INSTANCES, DEFAULT_MEMORY_LIMIT, MAX_COMPONENT_BYTES};
pub use places::{COMPONENTS_VARIABLE, PLAYGROUND_VARIABLE, components_dir, playground_dir};
pub use portcullis::{Portcullis, Verdict};
pub use runtime::{Runtime, RuntimeBuilder};
#[cfg(any(feature = "cli", feature = "gateway"))]
pub use signing_key::{HttpAlgorithm, SigningKey, SigningKeyError};
pub use text_door::{TEXT_INTERFACE, TextDoor};
