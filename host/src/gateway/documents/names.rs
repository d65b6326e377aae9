//! Names of hosts, and the addresses that a fetch may go to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Who tells addresses of names: the system, or something else in tests.
pub(crate) trait Names: Send + Sync {
    /// The addresses of a host; ports are of no consequence.
    fn addresses<'n>(&'n self, host: &'n str) -> BoxFuture<'n, io::Result<Vec<SocketAddr>>>;
}

/// The system's.
pub(crate) struct SystemNames;

impl Names for SystemNames {
    fn addresses<'n>(&'n self, host: &'n str) -> BoxFuture<'n, io::Result<Vec<SocketAddr>>> {
        async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) }.boxed()
    }
}

/// A resolver for a client. Whoever connects connects to what this gives and asks nobody again, so what is checked here is
/// what is connected to, whatever the name service says a moment later.
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    /// Whether only addresses of the public internet are given.
    public_only: bool,
}

impl Resolver {
    pub(super) fn new(names: Arc<dyn Names>, public_only: bool) -> Self {
        Self { names, public_only }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, public_only) = (Arc::clone(&self.names), self.public_only);
        async move {
            let mut addresses = names.addresses(name.as_str()).await?;
            if public_only {
                addresses.retain(|address| is_public(address.ip()));
                if addresses.is_empty() {
                    return Err(io::Error::other(
                        "the name leads to no public address, and the operator did not name it: see --resolve",
                    )
                    .into());
                }
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        }
        .boxed()
    }
}
