//! Reading files again: when they change, and when the process is told to (SIGHUP).

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::engine::{Engine, Source};
use super::identity::Identity;
use super::metrics::Metrics;
use super::tls::ListenerTls;
use super::watch::Watch;

/// What is read again.
pub(crate) struct Reloading {
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    policy: PathBuf,
    watched: Vec<PathBuf>,
    certificates: Vec<Arc<ListenerTls>>,
    identity: Option<Arc<Identity>>,
}

impl Reloading {
    pub(crate) fn new(
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
        policy: PathBuf,
        watched: Vec<PathBuf>,
        certificates: Vec<Arc<ListenerTls>>,
        identity: Option<Arc<Identity>>,
    ) -> Self {
        Self { engine, metrics, policy, watched, certificates, identity }
    }

    /// Reads again for as long as it runs.
    pub(crate) async fn run(self) {
        let mut watch = match Watch::new(&self.watched) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "files are not watched: send SIGHUP after a change");
                None
            }
        };
        let mut hangups = signal(SignalKind::hangup()).ok();
        // What changed between the start and the watch is not told by anybody.
        self.read_again(false).await;
        loop {
            let changed = async {
                match &mut watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            let told = async {
                match &mut hangups {
                    Some(hangups) => hangups.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                _ = told => {}
            }
            self.read_again(true).await;
        }
    }

    /// Reads everything again. `told` says that something has changed, as far as is known.
    async fn read_again(&self, told: bool) {
        for tls in &self.certificates {
            if let Err(error) = tls.reload() {
                tracing::error!(%error, "certificates were not replaced; the old ones stay");
            }
        }
        if let Some(Err(error)) = self.identity.as_ref().map(|identity| identity.reload()) {
            tracing::error!(%error, "the gateway's own identity was not replaced; the old one stays");
        }
        let reloaded = match Source::read(&self.policy) {
            Ok(source) => self.engine.reload(source).await,
            Err(error) => Err(error),
        };
        match reloaded {
            Ok(true) => {
                self.metrics.reloaded("taken");
                tracing::info!(generation = self.engine.current().number(), "the policy was replaced");
            }
            Ok(false) if told => self.metrics.reloaded("unchanged"),
            Ok(false) => {}
            Err(error) => {
                self.metrics.reloaded("refused");
                tracing::error!("the policy was not replaced; the old one stays: {error}");
            }
        }
    }
}
