//! The gateway: a server that proxies ask about requests, thin around the gate, strong around the world.
//!
//! It decides nothing. [`GateInstance`](crate::gate::GateInstance)s decide; the gateway listens, fetches what they need,
//! remembers used proofs, tells the time, and carries decisions out in the words of each proxy.
//!
//! ```no_run
//! use portcullis_host::gateway::{Gateway, Settings};
//! use portcullis_host::{Runtime, components_dir};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::builder().max_instances(Gateway::instances_needed(2)).build()?;
//! let component = runtime.load_file(components_dir().join("portcullis-hosted.wasm"))?;
//! let mut settings = Settings::new("policy.toml", component);
//! settings.instances = 2;
//! settings.admin = Some("127.0.0.1:8081".into());
//! let gateway = Gateway::start(settings).await?;
//! for listener in gateway.listeners() {
//!     println!("{} on {}", listener.name, listener.address);
//! }
//! gateway.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod audit;
mod check;
mod clients;
mod clock;
mod demo;
mod documents;
mod engine;
mod identity;
mod listener;
mod metrics;
mod ocm;
mod playground;
mod reload;
pub mod replay;
mod settings;
mod start;
mod telemetry;
mod tls;
mod tokens;
mod transactions;
mod verdict;
mod watch;

pub use audit::audit_schema;
pub use clients::{ClientStore, Expected, Put, StoreError, Stored};
pub use identity::{IdentityError, IdentityFiles};
pub use settings::{DEFAULT_GRACE, Resolve, Settings};
pub use start::{Gateway, Listening, StartError};
pub use telemetry::{LogFormat, Telemetry, TelemetryError};
pub use tls::TlsError;
pub use tokens::{KeysError, TokenKey, TokenKeys};
