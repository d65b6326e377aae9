//! The memory that hosts share: Redis, or Valkey.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, cmd, pipe};
use tokio::sync::OnceCell;

use super::shares::{CAPACITY, Refused, SHARE, Shares};
use super::{ReplayError, complete_from};
use crate::gate::Answer;

/// What keys begin with.
const PREFIX: &str = "portcullis:proof:";

/// The key that holds since when the memory is complete. It has no end: where it is missing, everything else may be, too.
const EPOCH: &str = "portcullis:proof:epoch";

/// How long an answer may take. Requests wait for it.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// No epoch is known.
const UNKNOWN: u64 = u64::MAX;

/// Used proofs, in a Redis.
pub(super) struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    /// Since when the memory is complete, as far as was told last.
    epoch: AtomicU64,
    warned: AtomicBool,
    /// What this host has put there, so that no key of a client fills the memory of all.
    shares: Mutex<Shares>,
}

impl Redis {
    pub(super) fn open(url: &str) -> Result<Self, ReplayError> {
        // The error may repeat the URL, and that its password.
        let client = Client::open(url).map_err(|error| ReplayError::Url(format!("{:?}", error.kind())))?;
        Ok(Self {
            client,
            connection: OnceCell::new(),
            epoch: AtomicU64::new(UNKNOWN),
            warned: AtomicBool::new(false),
            shares: Mutex::new(Shares::new(CAPACITY, SHARE)),
        })
    }

    /// Since when the memory is complete; from now on where that is not known.
    pub(super) fn since(&self) -> u64 {
        match self.epoch.load(Ordering::Relaxed) {
            UNKNOWN => complete_from(crate::gateway::clock::now()),
            epoch => epoch,
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Asks since when the memory is complete; an empty one is from now on.
    pub(super) async fn learn_epoch(&self, now: u64) {
        let asked = async {
            let mut pipe = pipe();
            epoch(&mut pipe, now);
            let (told,): (Option<u64>,) = pipe.query_async(&mut self.connected().await?).await?;
            RedisResult::Ok(told.unwrap_or(complete_from(now)))
        };
        match asked.await {
            Ok(epoch) => self.epoch.store(epoch, Ordering::Relaxed),
            Err(error) => self.failed(&error),
        }
    }

    /// `SET key 1 NX PXAT until`, and the epoch in the same transaction. What fails is not tried again: the proof may be
    /// remembered by now.
    pub(super) async fn remember(
        &self,
        key: [u8; 32],
        owner: [u8; 32],
        until: u64,
        told_since: Option<u64>,
        now: u64,
    ) -> Answer {
        let mine = self.shares.lock().unwrap_or_else(PoisonError::into_inner).insert(key, owner, until, now);
        match mine {
            Ok(()) => {}
            Err(Refused::Seen) => return Answer::Seen,
            Err(Refused::Full) => return Answer::Full,
        }
        let name = format!("{PREFIX}{}", hex(&key));
        // It ends with the second that it is remembered until.
        let end = until.saturating_add(1).saturating_mul(1_000);
        let asked = async {
            let mut connection = self.connected().await?;
            let mut pipe = pipe();
            pipe.atomic().cmd("SET").arg(&name).arg(1).arg("NX").arg("PXAT").arg(end);
            epoch(&mut pipe, now);
            let told: (Option<String>, Option<u64>) = pipe.query_async(&mut connection).await?;
            RedisResult::Ok(told)
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Err(_) => {
                tracing::warn!("the memory of used proofs did not answer in time");
                Answer::Unavailable
            }
            Ok(Err(error)) => {
                self.failed(&error);
                if is_full(&error) { Answer::Full } else { Answer::Unavailable }
            }
            Ok(Ok((set, told))) => {
                // Where nothing stood, it was empty until now.
                let epoch = told.unwrap_or(complete_from(now));
                self.epoch.store(epoch, Ordering::Relaxed);
                match set {
                    None => Answer::Seen,
                    // It has lost what it knew since the evaluation began.
                    Some(_) if told_since.is_none_or(|since| epoch > since) => Answer::Unavailable,
                    Some(_) => Answer::Fresh,
                }
            }
        }
    }

    async fn connected(&self) -> RedisResult<ConnectionManager> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_connection_timeout(Some(CONNECT_WITHIN))
                .set_response_timeout(Some(ANSWER_WITHIN));
            let manager = ConnectionManager::new_with_config(self.client.clone(), config).await?;
            self.warn_of_eviction(manager.clone()).await;
            RedisResult::Ok(manager)
        };
        Ok(self.connection.get_or_try_init(connect).await?.clone())
    }

    /// A memory that drops what has not ended lets proofs be used twice. Where it may not be asked about its settings, nothing
    /// is said.
    async fn warn_of_eviction(&self, mut connection: ConnectionManager) {
        let setting = |name| {
            let mut asked = cmd("CONFIG");
            asked.arg("GET").arg(name);
            asked
        };
        let policy: RedisResult<(String, String)> = setting("maxmemory-policy").query_async(&mut connection).await;
        let most: RedisResult<(String, String)> = setting("maxmemory").query_async(&mut connection).await;
        if let (Ok((_, policy)), Ok((_, most))) = (policy, most)
            && policy != "noeviction"
            && most != "0"
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                policy,
                "the memory of used proofs drops what has not ended: set maxmemory-policy noeviction"
            );
        }
    }

    fn failed(&self, error: &RedisError) {
        tracing::warn!(kind = ?error.kind(), "the memory of used proofs could not be asked");
    }
}

/// Sets the epoch where there is none, and asks for the one that there was.
fn epoch(pipe: &mut Pipeline, now: u64) {
    pipe.cmd("SET").arg(EPOCH).arg(complete_from(now)).arg("NX").arg("GET");
}

fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM") || matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ExecAbort))
}

fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
