//! Policies: read from a file, put to work, and replaced by a newer one while requests go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Engine, Generation};
use crate::component::Component;
use crate::error::HostError;
use crate::gate::{DocumentNeed, HostSettings, PolicyFormat, Problem};
use crate::portcullis::Portcullis;

/// The longest policy that is read, in bytes: what the gate takes, and one more so that it says so itself.
const MAX_POLICY: u64 = (1 << 20) + 1;

/// How long a new policy waits for the keys of its issuers before it is put to work. Those that do not come by then are
/// fetched while it works, as at the start.
const KEYS_WITHIN: Duration = Duration::from_secs(5);

/// How long a new policy waits for requests that began under older ones, whose instances it needs.
const OLDER_WITHIN: Duration = Duration::from_secs(15);

/// How many policies may have instances at one time: the one at work, the next, and one that has requests left.
pub(crate) const GENERATIONS: u32 = 3;

/// A policy as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) format: PolicyFormat,
}

/// Why a policy is not put to work. The one that is at work stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    /// It is too long.
    #[error("{} has more than 1 MiB: a policy is shorter", .0.display())]
    TooLong(PathBuf),
    /// It is refused: each problem with its line and remedy.
    #[error("the policy is refused\n{rendered}")]
    Refused { rendered: String },
    /// It listens elsewhere than the running one.
    #[error(
        "the policy has other listeners, another token service or other needs for clients than the running one: restart the \
         gateway to move them"
    )]
    Listeners,
    /// Requests that began under older policies have not ended.
    #[error("requests under earlier policies have not ended: the next change of the file tries again")]
    Older,
    /// The component could not be asked.
    #[error(transparent)]
    Component(#[from] HostError),
}

impl Source {
    /// Reads a policy: JSON where the file's name ends in `.json`, else TOML.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too long.
    pub(crate) fn read(path: &Path) -> Result<Self, ReloadError> {
        use std::io::Read as _;
        let unreadable = |cause| ReloadError::Unreadable { path: path.to_owned(), cause };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_POLICY + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_POLICY {
            return Err(ReloadError::TooLong(path.to_owned()));
        }
        let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let format = if json { PolicyFormat::Json } else { PolicyFormat::Toml };
        Ok(Self { path: path.to_owned(), text, format })
    }

    /// What of it is for the host.
    pub(crate) fn settings(&self, component: &Component) -> Result<HostSettings, ReloadError> {
        let settings = Portcullis::new(component)?.policy_for_host(&self.text, self.format)?;
        settings.map_err(|problems| self.refused(component, problems))
    }

    /// The problems of a policy, as `portcullis policy check` tells them.
    pub(super) fn refused(&self, component: &Component, problems: Vec<Problem>) -> ReloadError {
        let name = self.path.display().to_string();
        let report =
            Portcullis::new(component).and_then(|mut asked| asked.check_policy(&self.text, self.format, &name));
        let rendered = match report {
            Ok(report) if !report.rendered.is_empty() => report.rendered,
            // Less pleasant to read, and it says the same.
            _ => problems.iter().map(|problem| format!("{}: {}\n", problem.path, problem.detail)).collect(),
        };
        ReloadError::Refused { rendered }
    }
}

impl Engine {
    /// Puts a newer policy to work, if it is another one. The answer is whether it was.
    ///
    /// Requests that began under the old one end under it. One policy after the other is taken in.
    ///
    /// # Errors
    ///
    /// The policy is not put to work, and the old one stays.
    pub(crate) async fn reload(self: &Arc<Self>, source: Source) -> Result<bool, ReloadError> {
        let _one = self.reloading.lock().await;
        let old = self.current();
        if old.source().text == source.text && old.source().format == source.format {
            return Ok(false);
        }
        let number = old.number() + 1;
        let (component, instances) = (self.component.clone(), self.instances);
        self.wait_for_older().await?;
        let loaded = tokio::task::spawn_blocking(move || Generation::load(&component, instances, source, number)).await;
        let new = loaded.map_err(|lost| HostError::Trapped { detail: lost.to_string() })??;
        if !same_listeners(new.settings(), old.settings()) {
            return Err(ReloadError::Listeners);
        }
        let new = Arc::new(new);
        self.prepare(&new).await;
        self.older.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Arc::downgrade(&old));
        self.current.store(new);
        Ok(true)
    }

    /// Gives new instances what is held already, and fetches what they need beside it.
    async fn prepare(self: &Arc<Self>, new: &Arc<Generation>) {
        let held = self.store.all_but_lists();
        // The keys that metadata names are expected only after it: what was refused at first is taken the second time.
        for _ in 0..2 {
            new.provide_all(&held, &self.metrics).await;
        }
        let keys = async {
            // Keys come after metadata, in as many rounds.
            for _ in 0..3 {
                let due: Vec<DocumentNeed> = new.due(&self.metrics).await;
                futures_util::future::join_all(due.iter().map(|need| self.fly(new, need))).await;
                if new.ready(&self.metrics).await.ready {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(KEYS_WITHIN, keys).await;
    }

    /// Waits until no more than one policy beside the running one has instances.
    async fn wait_for_older(&self) -> Result<(), ReloadError> {
        let deadline = Instant::now() + OLDER_WITHIN;
        loop {
            {
                let mut older = self.older.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                older.retain(|generation| generation.strong_count() > 0);
                if older.len() + 2 <= GENERATIONS as usize {
                    return Ok(());
                }
            }
            if Instant::now() > deadline {
                return Err(ReloadError::Older);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whether two policies listen at the same places in the same way, hand out the same tokens there, and need the same of the
/// host for clients.
fn same_listeners(one: &HostSettings, other: &HostSettings) -> bool {
    one.listeners == other.listeners
        && one.token_service == other.token_service
        && one.transaction_service == other.transaction_service
        && one.clients == other.clients
        && one.ocm_host == other.ocm_host
}
