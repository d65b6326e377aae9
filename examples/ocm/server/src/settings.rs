//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;

/// A small server that shares files by Open Cloud Mesh, behind a Portcullis gateway
#[derive(Debug, Clone, Parser)]
pub struct Settings {
    /// What other servers know this one by, as addresses have it: with its port, if that is not 443
    #[arg(long, value_name = "HOST")]
    pub host: String,

    /// A user; again for more
    #[arg(long = "user", value_name = "NAME", required = true)]
    pub users: Vec<String>,

    /// Where the files are: a folder for each user, by their name
    #[arg(long, value_name = "DIR")]
    pub files: PathBuf,

    /// Where invites, contacts and shares are kept, with their secrets; in memory if absent
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Where requests of other servers come in. The gateway's proxy alone may reach it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    pub public: SocketAddr,

    /// Where requests of its own users come in. Nobody is asked for a password: keep it on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9002")]
    pub local: SocketAddr,

    /// The gateway's listener with serves = "ocm"
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9105")]
    pub gateway: SocketAddr,

    /// An origin with a port or a short name, of this server or of another, that may be spoken with; again for more
    #[arg(long, value_name = "ORIGIN")]
    pub listed: Vec<String>,

    /// Hold users to a second factor where a share asks for it, and say so
    #[arg(long)]
    pub enforce_mfa: bool,

    /// Authorities (PEM) that are believed beside the system's when files of others are opened; again for more
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,

    /// The address of another server, in place of the name service's; again for more
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub resolve: Vec<Pin>,

    /// The component that decides; portcullis.wasm among those that are installed if absent
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
}

/// An address in place of the name service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The host name.
    pub host: String,
    /// Where it is.
    pub address: SocketAddr,
}

impl std::str::FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (host, port, address) = (parts.next(), parts.next(), parts.next());
        let pin = || {
            let address: IpAddr = address?.parse().ok()?;
            Some(Self { host: host?.into(), address: (address, port?.parse().ok()?).into() })
        };
        pin().ok_or_else(|| format!("{text} is not HOST:PORT:ADDRESS"))
    }
}

impl Settings {
    /// The address of a user.
    pub(crate) fn address(&self, user: &str) -> String {
        format!("{user}@{}", self.host)
    }

    /// What other servers call this one's URLs.
    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.host)
    }
}
