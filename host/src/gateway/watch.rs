//! Files that are read again when they change: the policy, and certificates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// How long to wait after a change for more of them: editors and Kubernetes write in several steps.
const SETTLE: Duration = Duration::from_millis(100);

/// Tells that one of some files may have changed. Folders are watched rather than files, because files are replaced.
pub(crate) struct Watch {
    changes: mpsc::Receiver<()>,
    // Ends with it.
    _watcher: notify::RecommendedWatcher,
}

impl Watch {
    /// Watches the folders of files.
    ///
    /// # Errors
    ///
    /// The system cannot watch.
    pub(crate) fn new(files: &[PathBuf]) -> notify::Result<Self> {
        // One that waits says it all.
        let (sender, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        })?;
        let folders: BTreeSet<&Path> = files
            .iter()
            .map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
            .collect();
        for folder in folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Returns when something has changed and a moment has passed.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The system does not tell any more; what changes is noticed at the next signal.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(SETTLE).await;
        let _ = self.changes.try_recv();
    }
}
