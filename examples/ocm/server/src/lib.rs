//! A small server that shares files of its users with users of other servers, by Open Cloud Mesh.
//!
//! It keeps users, files, contacts, invites and shares, and serves files by WebDAV ([`dav_server`]). It knows no rule of Open Cloud
//! Mesh: before it stands a gateway that has judged what comes in, what goes out goes through that gateway, and what has to be
//! decided by what is kept here, Portcullis decides ([`decisions`]).
//!
//! It is an example. Its users have no passwords: whoever reaches the local listener is whom they say.

pub mod decisions;
mod gateway;
mod local;
mod public;
mod received;
mod said;
mod settings;
mod state;
mod webdav;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::net::TcpListener;

pub use settings::{Pin, Settings};
use state::Server;

use decisions::Decisions;

/// A server that is ready to answer.
pub struct Ready {
    /// Where other servers' requests come in, through the gateway.
    pub public: SocketAddr,
    /// Where its own users' requests come in.
    pub local: SocketAddr,
    listeners: (TcpListener, TcpListener),
    server: Arc<Server>,
}

impl Ready {
    /// Reads what is kept, and listens.
    ///
    /// # Errors
    ///
    /// An address is taken, or a file does not read.
    pub async fn new(settings: Settings, decisions: Decisions) -> anyhow::Result<Self> {
        let bind = async |address: SocketAddr| TcpListener::bind(address).await.with_context(|| address.to_string());
        let listeners = (bind(settings.public).await?, bind(settings.local).await?);
        let (public, local) = (listeners.0.local_addr()?, listeners.1.local_addr()?);
        let server = Arc::new(Server::new(settings, decisions)?);
        Ok(Self { public, local, listeners, server })
    }

    /// Answers until the end.
    ///
    /// # Errors
    ///
    /// A listener fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let public = axum::serve(self.listeners.0, public::routes(Arc::clone(&self.server)));
        let local = axum::serve(self.listeners.1, local::routes(self.server));
        tokio::try_join!(public.into_future(), local.into_future())?;
        Ok(())
    }
}

/// The program: reads the command line, and serves.
///
/// # Errors
///
/// The component does not load, or the server does not start.
pub fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let decisions = Decisions::of_component(settings.component.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(async {
        let host = settings.host.clone();
        let ready = Ready::new(settings, decisions).await?;
        eprintln!("ready: {host}, for the gateway on {}, for its users on {}", ready.public, ready.local);
        ready.run().await
    })
}
