//! What the server keeps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::Settings;
use crate::decisions::Decisions;
use crate::gateway::Gateway;
use crate::said::Said;

/// How many requests the list of those that came in holds: enough to look at, and an end.
const SHOWN: usize = 200;

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) decisions: Decisions,
    pub(crate) gateway: Gateway,
    /// For files that others share.
    pub(crate) http: reqwest::Client,
    /// What is decided by what is kept, and changes it, holds this from one to the other: an invite is good once.
    pub(crate) kept: Mutex<Kept>,
    /// The requests that came in from outside, the last ones.
    pub(crate) came: Mutex<VecDeque<String>>,
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) invites: Vec<Invite>,
    /// Contacts of each user: addresses with names.
    pub(crate) contacts: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) received: Vec<Received>,
    /// Who has signed in with a second factor.
    pub(crate) second_factor: BTreeSet<String>,
}

/// An invite that a user made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invite {
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) sender: String,
    pub(crate) state: String,
    pub(crate) expires: u64,
}

/// A share that a user made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) user: String,
    /// The file or folder, below the user's.
    pub(crate) path: String,
    /// What the other server was told.
    pub(crate) share: Value,
    pub(crate) state: String,
    /// Tokens that were exchanged for its secret, each with `token`, `until` and `protocol`.
    pub(crate) issued: Vec<Value>,
}

/// A share that a user got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) number: u64,
    pub(crate) user: String,
    /// The server that it is from.
    pub(crate) from: String,
    /// What that server told.
    pub(crate) share: Value,
    pub(crate) state: String,
    /// What has to be done to get at it, by the gateway's word.
    pub(crate) access: String,
    /// The token that its secret was exchanged for, and until when it lasts.
    pub(crate) token: Option<(String, u64)>,
}

/// The share as rules look at it: what was told, with its state.
pub(crate) fn held(share: &Value, state: &str) -> Value {
    let mut held = share.clone();
    held["state"] = state.into();
    held
}

impl Sent {
    pub(crate) fn held(&self) -> Value {
        held(&self.share, &self.state)
    }

    pub(crate) fn id(&self) -> &str {
        self.share["providerId"].as_str().unwrap_or_default()
    }

    /// The secret that is exchanged for tokens.
    pub(crate) fn secret(&self) -> &str {
        self.share["protocol"]["webdav"]["sharedSecret"].as_str().unwrap_or_default()
    }
}

impl Received {
    pub(crate) fn held(&self) -> Value {
        held(&self.share, &self.state)
    }
}

impl Invite {
    pub(crate) fn held(&self) -> Value {
        json!({"token": self.token, "sender": self.sender, "state": self.state, "expires": self.expires})
    }
}

impl Server {
    pub(crate) fn new(settings: Settings, decisions: Decisions) -> anyhow::Result<Self> {
        let kept = match &settings.state {
            Some(path) if path.exists() => {
                let text = std::fs::read(path).with_context(|| path.display().to_string())?;
                serde_json::from_slice(&text).with_context(|| path.display().to_string())?
            }
            _ => Kept::default(),
        };
        let mut authorities = Vec::new();
        for path in &settings.ca {
            let text = std::fs::read(path).with_context(|| path.display().to_string())?;
            authorities.extend(reqwest::Certificate::from_pem_bundle(&text)?);
        }
        let builder = || reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let mut web = builder().tls_certs_merge(authorities).timeout(crate::received::WITHIN);
        for pin in &settings.resolve {
            web = web.resolve(&pin.host, pin.address);
        }
        let gateway = Gateway::new(builder().build()?, settings.gateway);
        Ok(Self {
            decisions,
            gateway,
            http: web.build()?,
            kept: Mutex::new(kept),
            came: Mutex::new(VecDeque::new()),
            settings,
        })
    }

    /// Whether there is such a user.
    pub(crate) fn user(&self, name: &str) -> Result<(), Said> {
        let known = self.settings.users.iter().any(|user| user == name);
        if known { Ok(()) } else { Err(Said::missing("user")) }
    }

    /// Writes down what is kept, where it is to be. Only who runs the server may read it.
    pub(crate) fn keep(&self, kept: &Kept) -> Result<(), Said> {
        let Some(path) = &self.settings.state else { return Ok(()) };
        let write = || -> std::io::Result<()> {
            let text = serde_json::to_vec_pretty(kept)?;
            let new = path.with_extension("new");
            let mut options = std::fs::OpenOptions::new();
            options.create(true).write(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&new)?.write_all(&text)?;
            std::fs::rename(new, path)
        };
        write().map_err(|error| Said::failed(format!("{}: {error}", path.display())))
    }

    /// Remembers a request that came in, for people to look at.
    pub(crate) async fn came(&self, what: String) {
        let mut came = self.came.lock().await;
        if came.len() == SHOWN {
            came.pop_front();
        }
        came.push_back(what);
    }

    /// What the server says of itself.
    pub(crate) fn discovery(&self) -> Value {
        let origin = self.settings.origin();
        let protocols = json!({"webdav": "/dav/", "webdav-receive": {"uri": "relative"}});
        let kind = |name: &str| json!({"name": name, "shareTypes": ["user"], "protocols": protocols});
        let mut capabilities = vec!["exchange-token", "http-sig", "invites", "notifications", "protocol-object"];
        if self.settings.enforce_mfa {
            capabilities.push("enforce-mfa");
        }
        json!({
            "enabled": true,
            "apiVersion": "1.4.0",
            "endPoint": format!("{origin}/ocm"),
            "provider": self.settings.host,
            "resourceTypes": [kind("file"), kind("folder")],
            "capabilities": capabilities,
            "criteria": ["must-use-http-sig", "must-exchange-token", "must-invite"],
            "tokenEndPoint": format!("{origin}/ocm/token"),
        })
    }
}

/// A random text: an identifier, a token or a secret, with 256 bits.
pub(crate) fn random() -> Result<String, Said> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Said::failed("there is no randomness"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The text of an invite: what others read with [`Decisions::invite`].
pub(crate) fn invite_text(token: &str, host: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{token}@{host}"))
}
